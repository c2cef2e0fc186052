/* fold.c: reductions in which the order does not matter (the largest, the smallest), and products.
 *
 * A tensor of any strides is brought to [outer, n, m], and the work cut for several threads by its size alone. */
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "reduce_impl.h"

#include "ops/kernels/reduce/scan_kernels.h"

#include <string.h>

/* Elements from which on several threads pay, and of a piece; how long a piece of one long row is. */
enum { PARALLEL = 1 << 16, PIECE = 1 << 15, CHUNK = 1 << 16 };

/* ---- [outer, n, m] ---- */

/* Reads the layout if it is one the kernels know. */
static bool fits(const tgi_axes *l, int64_t size, tgi_fold *f)
{
    int d = 0;
    *f = (tgi_fold){ 1, 1, 1, 0, size };
    if (d < l->ndim && !l->reduced[d]) {
        f->outer = l->dims[d];
        f->outer_stride = l->strides[d++];
    }
    if (d < l->ndim && l->reduced[d]) {
        f->n = l->dims[d];
        f->row = l->strides[d++];
    }
    if (d < l->ndim && !l->reduced[d]) {
        f->m = l->dims[d];
        if (l->strides[d++] != size) return false;
    }
    return d == l->ndim && (f->m > 1 || f->n == 1 || f->row == size);
}

tg_tensor *tgi_own_moved(tg_tensor *t, const bool reduced[TG_MAX_DIMS])
{
    tgi_layout from = tgi_layout_of(t), to = { .ndim = t->ndim, .offset = t->offset };
    int n = 0;
    bool in_order = t->contiguous;
    for (int d = 1; d < t->ndim; d++) in_order &= reduced[d] || !reduced[d - 1];
    if (in_order) return tgi_ref(t);
    for (int pass = 0; pass < 2; pass++)
        for (int d = 0; d < t->ndim; d++) {
            if (reduced[d] != (pass == 1)) continue;
            to.dims[n] = from.dims[d];
            to.strides[n++] = from.strides[d];
        }
    tg_tensor *view = tgi_own(tgi_make_view(t, &to));
    tg_tensor *copy = view ? tgi_own(tgi_new_like(view, (tg_dtype)t->dtype)) : NULL;
    if (copy) tgi_copy_raw(copy, view);
    tgi_unref(view);
    return copy;
}

/* Puts the reduced dimensions, in the order in which they lie in memory if `any_order`, before the last kept one, which
 * alone can be the columns. */
static void arrange(tgi_axes *l, bool any_order)
{
    tgi_axes y = *l;
    int n = 0, last = l->ndim - 1;
    while (last >= 0 && l->reduced[last]) last--;
    for (int pass = 0; pass < 3; pass++)
        for (int d = 0; d < l->ndim; d++) {
            if ((d == last ? 2 : l->reduced[d] ? 1 : 0) != pass) continue;
            int at = n++;
            for (; any_order && pass == 1 && at > 0 && y.reduced[at - 1] && y.strides[at - 1] < l->strides[d]; at--) {
                y.dims[at] = y.dims[at - 1];
                y.strides[at] = y.strides[at - 1];
                y.reduced[at] = true;
            }
            y.dims[at] = l->dims[d];
            y.strides[at] = l->strides[d];
            y.reduced[at] = l->reduced[d];
        }
    *l = y;
    tgi_axes_merge(l);
}

/* `t` as the kernels of folds want it. `any_order`: the elements may come in any order. `held`, which the caller unrefs, is the tensor that has the data: t or a copy,
 * with the reduced dimensions moved to where they can be one. NULL when memory ran out. */
static const void *fold_of(tg_tensor *t, const bool reduced[TG_MAX_DIMS], bool any_order, tgi_fold *fold,
                           tg_tensor **held)
{
    const int64_t size = (int64_t)tgi_element_size(t);
    tgi_axes l = tgi_axes_of(t, reduced);
    tgi_axes_merge(&l);
    *held = NULL;
    bool as_it_is = fits(&l, size, fold);
    if (!as_it_is) {
        arrange(&l, any_order);
        as_it_is = fits(&l, size, fold);
    }
    if (as_it_is) {
        *held = tgi_ref(t);
        return l.data;
    }
    if (!(*held = tgi_own_moved(t, reduced))) return NULL;
    *fold = (tgi_fold){ 1, 1, 1, 0, size };
    for (int d = 0; d < t->ndim; d++) *(reduced[d] ? &fold->n : &fold->outer) *= t->dims[d];
    fold->outer_stride = fold->n * size;
    return tgi_ptr(*held);
}

/* ---- pieces ---- */

/* Part of the outer dimension, or of the columns of one of its indices, or of the rows if there is but one. */
typedef struct work {
    tgi_fold whole;
    const char *a;
    char *y;
    int64_t *index;
    int64_t size;                 /* of an element */
    int64_t outer, columns, rows; /* of a piece */
    int64_t column_pieces, row_pieces;
    void (*value)(const tgi_fold *shape, const void *a, void *y);
    void (*find)(const tgi_fold *shape, const void *a, void *y, int64_t *index);
} work;

static void run_piece(const void *argument, int64_t i)
{
    const work *w = argument;
    const int64_t column = i % w->column_pieces * w->columns, row = i / w->column_pieces % w->row_pieces * w->rows,
                  outer = i / w->column_pieces / w->row_pieces * w->outer;
    tgi_fold part = w->whole;
    part.outer = tgi_smaller(w->outer, part.outer - outer);
    part.m = tgi_smaller(w->columns, part.m - column);
    part.n = tgi_smaller(w->rows, part.n - row);
    const char *from = w->a + outer * part.outer_stride + row * part.row + column * w->size;
    const int64_t to = (outer * w->row_pieces + row / w->rows) * w->whole.m + column;
    if (w->find)
        w->find(&part, from, w->y + to * w->size, w->index + to);
    else
        w->value(&part, from, w->y + to * w->size);
}

/* Runs the kernel over pieces; `y` and `index` have room for [outer, row_pieces, m]. */
static void run(work *w)
{
    const tgi_fold *f = &w->whole;
    const int64_t slice = w->rows * f->m;
    w->outer = w->row_pieces > 1 || slice >= PIECE ? 1 : tgi_smaller(f->outer, PIECE / (slice ? slice : 1));
    w->columns = f->m;
    if (w->outer == 1 && slice > 2 * PIECE) w->columns = tgi_smaller(f->m, 64 + PIECE / w->rows / 64 * 64);
    w->column_pieces = tgi_pieces(f->m, w->columns);
    tgi_run_tasks(f->outer * f->n * f->m >= PARALLEL, tgi_pieces(f->outer, w->outer) * w->row_pieces * w->column_pieces,
                  run_piece, w);
}

/* ---- extremes ---- */

/* The results of pieces of rows, [outer, pieces, m], made one. */
static void combine(const work *w, int which, int dtype, char *y, int64_t *index)
{
    const tgi_fold *f = &w->whole,
                   parts = { f->outer, w->row_pieces, f->m, w->row_pieces * f->m * w->size, f->m * w->size };
    const tgi_extremes_kernels *k = TGI_KERNELS(extremes);
    if (!index) {
        k->value[which][dtype](&parts, w->y, y);
        return;
    }
    k->index[which][dtype](&parts, w->y, y, index);
    for (int64_t o = 0; o < f->outer; o++)
        for (int64_t j = 0; j < f->m; j++) {
            int64_t *at = &index[o * f->m + j];
            *at = *at * w->rows + w->index[(o * w->row_pieces + *at) * f->m + j];
        }
}

/* Long rows are cut if that makes work for several threads. (And none may be as long as an int32.) */
static bool extreme_in_parts(work *w, int which, int dtype, char *y, int64_t *index)
{
    const int64_t count = w->whole.outer * w->row_pieces * w->whole.m;
    const tg_shape shape = tg_shape(count);
    tg_tensor *values = tgi_own(tgi_new(&shape, (tg_dtype)dtype));
    tg_tensor *places = index && values ? tgi_own(tgi_new(&shape, TG_INT64)) : NULL;
    const bool ok = values && (places || !index);
    if (ok) {
        w->y = tgi_ptr(values);
        w->index = places ? tgi_ptr(places) : NULL;
        run(w);
        combine(w, which, dtype, y, index);
    }
    tgi_unref(values);
    tgi_unref(places);
    return ok;
}

bool tgi_extreme_into(int which, tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y, tg_tensor *index)
{
    if (y->numel == 0) return true;
    tg_tensor *held;
    const tgi_extremes_kernels *k = TGI_KERNELS(extremes);
    work w = { .size = (int64_t)tgi_element_size(t), .y = tgi_ptr(y), .index = index ? tgi_ptr(index) : NULL };
    if (!(w.a = fold_of(t, reduced, !index, &w.whole, &held))) return false;
    w.value = k->value[which][t->dtype];
    w.find = index ? k->index[which][t->dtype] : NULL;
    w.rows = w.whole.n;
    if (w.whole.n > INT32_MAX || (w.whole.outer * w.whole.m < 64 && w.whole.n >= 2 * CHUNK)) w.rows = CHUNK;
    w.row_pieces = tgi_pieces(w.whole.n, w.rows);
    bool ok = true;
    if (w.row_pieces > 1)
        ok = extreme_in_parts(&w, which, t->dtype, w.y, w.index);
    else
        run(&w);
    tgi_unref(held);
    return ok;
}

/* ---- products ---- */

bool tgi_prod_into(tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y)
{
    if (t->numel == 0) {
        tgi_fill(y, 1);
        return true;
    }
    tg_tensor *held;
    work w = { .size = (int64_t)tgi_element_size(t), .y = tgi_ptr(y), .row_pieces = 1 };
    if (!(w.a = fold_of(t, reduced, false, &w.whole, &held))) return false;
    w.value = TGI_KERNELS(scan)->prod[t->dtype];
    w.rows = w.whole.n;
    run(&w);
    tgi_unref(held);
    return true;
}
