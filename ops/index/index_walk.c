/* index_walk.c: the loops of gather and scatter over tensors of any strides.
 *
 * The kernels take two dimensions; the others are counted here. Dimensions that follow each other evenly are merged, but
 * never with the indexed one, and work for several threads is cut along another one than that: so no two threads write
 * to one place, and the order in which elements come to it is that of the index alone. */
#include "index_impl.h"
#include "ops/base/parallel.h"
#include "ops/base/iterate.h"

/* Work of PARALLEL elements is cut into pieces of no fewer than PIECE, if there are threads to share them; rows, where they
 * must be cut, into ROW_PIECES at most, for what is short takes longer. */
enum { PARALLEL = 1 << 16, PIECE = 1 << 14, ROW_PIECES = 8, OWN_BYTES = 1 << 10 };

enum { INDEX, X, Y, OPERANDS };

/* Strides are in elements; dimension 0 is the innermost. */
typedef struct plan {
    tgi_index_loop loop;
    int ndim, cut; /* `cut`: the dimension that is cut into pieces */
    int64_t dims[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS][OPERANDS];
    int64_t size, jump, piece;
    bool checked;
    char *pointers[OPERANDS];
    int64_t bytes[OPERANDS]; /* of an element */
    bool *bad;
} plan;

/* ---- what to do ---- */

static int64_t stride_of(const tg_tensor *t, int d) { return t->ndim ? tgi_strides(t)[d] : 0; }

static bool mergeable(const plan *p, const int64_t *strides)
{
    for (int k = 0; k < OPERANDS; k++)
        if (strides[k] != p->strides[p->ndim - 1][k] * p->dims[p->ndim - 1]) return false;
    return true;
}

static void add_dimension(plan *p, int64_t size, const int64_t *strides, bool apart)
{
    if (p->ndim && !apart && mergeable(p, strides)) {
        p->dims[p->ndim - 1] *= size;
        return;
    }
    p->dims[p->ndim] = size;
    for (int k = 0; k < OPERANDS; k++) p->strides[p->ndim][k] = strides[k];
    p->ndim++;
}

static void swap_inner(plan *p)
{
    for (int k = 0; k < OPERANDS; k++) {
        const int64_t stride = p->strides[0][k];
        p->strides[0][k] = p->strides[1][k];
        p->strides[1][k] = stride;
    }
    const int64_t size = p->dims[0];
    p->dims[0] = p->dims[1];
    p->dims[1] = size;
}

/* `*indexed`: which dimension of the plan is the indexed one; -1 if it has size 1 and is none. */
static plan make_plan(const tgi_indexing *w, int *indexed)
{
    const tg_tensor *t[OPERANDS] = { w->index, w->x, w->y }, *jumps = w->scatter ? w->y : w->x;
    plan p = { .loop = w->loop,
               .size = tgi_size_along(jumps, w->dim),
               .jump = stride_of(jumps, w->dim),
               .checked = w->checked };
    for (int k = 0; k < OPERANDS; k++) {
        p.pointers[k] = tgi_ptr(t[k]);
        p.bytes[k] = (int64_t)tgi_element_size(t[k]);
    }
    *indexed = -1;
    bool after_indexed = false;
    for (int d = w->box.ndim - 1; d >= 0; d--) {
        const bool here = d == w->dim;
        if (w->box.dims[d] == 1) continue;
        int64_t strides[OPERANDS];
        for (int k = 0; k < OPERANDS; k++) strides[k] = here && t[k] == jumps ? 0 : stride_of(t[k], d);
        if (w->vector) strides[INDEX] = here ? stride_of(w->index, 0) : 0;
        add_dimension(&p, w->box.dims[d], strides, here || after_indexed);
        if (here) *indexed = p.ndim - 1;
        after_indexed = here;
    }
    if (p.ndim == 0) add_dimension(&p, 1, (const int64_t[OPERANDS]){ 0 }, true);
    if (p.ndim > 1 && p.dims[0] < 4 && p.dims[1] > p.dims[0]) { /* long rows */
        swap_inner(&p);
        if (*indexed == 0 || *indexed == 1) *indexed = 1 - *indexed;
    }
    return p;
}

/* ---- doing it ---- */

static void run_piece(const void *work, int64_t i)
{
    const plan *p = work;
    int64_t dims[TG_MAX_DIMS], at[TG_MAX_DIMS] = { 0 };
    char *here[OPERANDS];
    for (int d = 0; d < p->ndim; d++) dims[d] = p->dims[d];
    const int64_t start = i * p->piece, left = p->dims[p->cut] - start;
    dims[p->cut] = left < p->piece ? left : p->piece;
    for (int k = 0; k < OPERANDS; k++) here[k] = p->pointers[k] + start * p->strides[p->cut][k] * p->bytes[k];
    const bool rows = p->ndim > 1;
    for (;;) {
        const tgi_index_rows w = { .rows = rows ? dims[1] : 1,
                                   .n = dims[0],
                                   .index = (const int64_t *)(const void *)here[INDEX],
                                   .index_row = rows ? p->strides[1][INDEX] : 0,
                                   .index_step = p->strides[0][INDEX],
                                   .x = here[X],
                                   .x_row = rows ? p->strides[1][X] : 0,
                                   .x_step = p->strides[0][X],
                                   .y = here[Y],
                                   .y_row = rows ? p->strides[1][Y] : 0,
                                   .y_step = p->strides[0][Y],
                                   .size = p->size,
                                   .jump = p->jump,
                                   .checked = p->checked };
        if (!p->loop(&w)) {
            __atomic_store_n(p->bad, true, __ATOMIC_RELAXED);
            return;
        }
        int d = 2;
        for (; d < p->ndim; d++) { /* the next rows, counted like an odometer */
            const bool wraps = ++at[d] == dims[d];
            const int64_t move = wraps ? 1 - dims[d] : 1;
            for (int k = 0; k < OPERANDS; k++) here[k] += move * p->strides[d][k] * p->bytes[k];
            if (!wraps) break;
            at[d] = 0;
        }
        if (d >= p->ndim) return;
    }
}

bool tgi_index_run(const tgi_indexing *w)
{
    const int64_t numel = tg_shape_numel(&w->box);
    int indexed;
    bool bad = false;
    if (numel == 0) return true;
    if (w->x->numel == 0 || w->y->numel == 0) return false; /* a dimension of size 0 is indexed */
    plan p = make_plan(w, &indexed);
    p.bad = &bad;
    p.cut = p.ndim - 1; /* the outermost one that may be cut and is worth it */
    while (p.cut > 0 && ((w->scatter && p.cut == indexed) || p.dims[p.cut] < ROW_PIECES)) p.cut--;
    bool enough = numel >= PARALLEL && !(w->scatter && p.cut == indexed) && tgi_has_threads();
    p.piece = p.dims[p.cut];
    if (enough) {
        const int64_t one = numel / p.piece, least = p.cut ? 1 : (p.piece - 1) / ROW_PIECES + 1;
        p.piece = one < PIECE ? PIECE / one : 1;
        if (p.piece < least) p.piece = least;
        /* Threads that write to the same cache lines wait for each other all the time. */
        if (w->scatter && p.piece * p.strides[p.cut][Y] * p.bytes[Y] < OWN_BYTES) {
            enough = false;
            p.piece = p.dims[p.cut];
        }
    }
    tgi_run_tasks(enough, tgi_pieces(p.dims[p.cut], p.piece), run_piece, &p);
    return !bad;
}

/* ---- indices ---- */

bool tgi_index_in_range(tg_tensor *index, int64_t size)
{
    if (index->numel == 0) return true;
    tg_tensor *c = tgi_own_contiguous(index);
    if (!c) return false;
    const tgi_index_rows rows = { .rows = 1, .n = c->numel, .index = tgi_ptr(c), .index_step = 1, .size = size };
    const bool ok = TGI_KERNELS(index)->in_range(&rows);
    tgi_unref(c);
    return ok;
}

int64_t tgi_index_first_bad(tg_tensor *index, int64_t low, int64_t high)
{
    tg_tensor *c = tgi_own_contiguous(index);
    if (!c) return low;
    const int64_t *values = tgi_ptr(c);
    int64_t i = 0;
    while (i < c->numel - 1 && values[i] >= low && values[i] < high) i++;
    const int64_t bad = values[i];
    tgi_unref(c);
    return bad;
}
