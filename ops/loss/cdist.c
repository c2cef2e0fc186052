/* cdist.c: the distances between all rows of two matrices, and between the rows of one.
 *
 * Built for a few hundred rows on either side: some rows are set against all others by a kernel, for the norms 0, 1, 2
 * and infinity, or one in a buffer that stays in the first cache, by the pointwise kernels, for any other; sums are of blocks.
 * Distances are those of differences: nothing here may multiply out |a - b|^2, which loses what is near. */
#include "ops/distance.h"

#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/base/iterate.h"
#include "ops/kernels/distance/distance_kernels.h"
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/base/layout.h"
#include "ops/reduce/moments_impl.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/base/range.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>
#include <string.h>

enum {
    ROOM = 1024,       /* doubles of a buffer */
    BLOCK = 64,        /* rows that a kernel sets against all others */
    PARALLEL = 1 << 16 /* differences from which on several threads pay */
};

/* ---- the loops ---- */

/* Rows of a [batch, p, m] against rows of b [batch, r, m]. */
typedef struct job {
    double norm;
    int kind; /* of kernel, TGI_DISTANCE_...; -1: a norm by powers */
    int dtype;
    int64_t p, r, m, size;
    const char *a, *b;
    const char *g, *distance, *factor; /* of the gradient: element (i, j) is at i * row + j * column, in elements */
    int64_t row, column;
    double low, high; /* distances whose powers keep all digits, */
    bool careful;     /* and others than these: of the gradient */
    char *y;
} job;

/* Where element (i, j) of a gradient, a distance or a factor is. */
static int64_t place_of(const job *w, int64_t i, int64_t j)
{
    return i / w->p * w->p * w->r + i % w->p * w->row + j * w->column;
}

/* Row i of a, from column `first` on, beside all of b's rows from j on. */
static tgi_distance part_of(const job *w, int64_t i, int64_t j, int64_t rows, int64_t first, int64_t width)
{
    const int64_t batch = i / w->p, at = place_of(w, i, j);
    return (tgi_distance){ .rows = rows,
                           .m = width,
                           .row = w->m,
                           .a = w->a + (i * w->m + first) * w->size,
                           .b = w->b + ((batch * w->r + j) * w->m + first) * w->size,
                           .factor = w->factor ? w->factor + at * w->size : NULL,
                           .distance = w->distance ? w->distance + at * w->size : NULL,
                           .step = w->column };
}

/* ---- a norm by powers: differences and their powers in a buffer, by the pointwise kernels ---- */

/* d = a's row minus each row of b: [rows, m]. */
static void differences(const job *w, const tgi_distance *part, char *d)
{
    TGI_KERNELS(pointwise)->sub.forward[w->dtype](
        part->rows, part->m, (char *[]){ d, (char *)(uintptr_t)part->a, (char *)(uintptr_t)part->b },
        (int64_t[]){ part->m * w->size, 0, part->row * w->size }, (int64_t[]){ w->size, w->size, w->size });
}

static void make_absolute(const job *w, int64_t n, char *x)
{
    TGI_KERNELS(pointwise)->abs.forward[w->dtype](1, n, (char *[]){ x, x }, NULL, (int64_t[]){ w->size, w->size });
}

static void raise(const job *w, int64_t n, char *x, double exponent)
{
    const float narrow = (float)exponent;
    char *b = w->dtype == TGI_F32 ? (char *)(uintptr_t)&narrow : (char *)(uintptr_t)&exponent;
    TGI_KERNELS(pointwise)->pow.forward[w->dtype](1, n, (char *[]){ x, x, b }, NULL,
                                                  (int64_t[]){ w->size, w->size, 0 });
}

/* y[j] = the sum of |d|^p along row j. */
static void sum_powers(const job *w, const tgi_distance *part, char *d, char *y)
{
    differences(w, part, d);
    make_absolute(w, part->rows * part->m, d);
    raise(w, part->rows * part->m, d, w->norm);
    TGI_KERNELS(reduce)->sum[w->dtype](part->rows, part->m, d, part->m * w->size, w->size, y);
}

/* Zeros made ones: their sign, which is 0, is all that counts. */
static void fill_zeros(const job *w, int64_t n, char *x)
{
    if (w->dtype == TGI_F32)
        for (int64_t i = 0; i < n; i++) ((float *)(void *)x)[i] += ((float *)(void *)x)[i] == 0;
    else
        for (int64_t i = 0; i < n; i++) ((double *)(void *)x)[i] += ((double *)(void *)x)[i] == 0;
}

/* y[k] = the sum over j of factor[j] sign(d) |d|^(p - 1). */
static void sum_slopes(const job *w, const tgi_distance *part, char *d, char *power, char *y)
{
    const int64_t n = part->rows * part->m, row = part->m * w->size;
    differences(w, part, d);
    memcpy(power, d, (size_t)(n * w->size));
    make_absolute(w, n, power);
    fill_zeros(w, n, power);
    raise(w, n, power, w->norm - 1);
    TGI_KERNELS(pointwise)->abs.backward[0][w->dtype](1, n, (char *[]){ d, power, d, NULL }, NULL,
                                                      (int64_t[]){ w->size, w->size, w->size, 0 });
    TGI_KERNELS(pointwise)->mul.forward[w->dtype](part->rows, part->m,
                                                  (char *[]){ d, d, (char *)(uintptr_t)part->factor },
                                                  (int64_t[]){ row, row, part->step * w->size },
                                                  (int64_t[]){ w->size, w->size, 0 });
    TGI_KERNELS(reduce)->sum_rows[w->dtype](part->rows, part->m, d, row, w->size, y);
}

/* ---- where powers leave the range of the dtype ---- in double, of differences divided by the largest or their norm */

/* Element k of row i less that of row j of b. */
static double difference(const job *w, int64_t i, int64_t j, int64_t k)
{
    return tgi_get(w->a, w->dtype, i * w->m + k) - tgi_get(w->b, w->dtype, (i / w->p * w->r + j) * w->m + k);
}

static double careful_distance(const job *w, int64_t i, int64_t j)
{
    double largest = 0, sum = 0;
    for (int64_t k = 0; k < w->m && !isnan(largest); k++) {
        const double size = fabs(difference(w, i, j, k));
        if (!(size <= largest)) largest = size;
    }
    if (largest == 0 || !isfinite(largest)) return largest;
    for (int64_t k = 0; k < w->m; k++) {
        const double part = fabs(difference(w, i, j, k)) / largest;
        sum += w->norm == 2 ? part * part : pow(part, w->norm);
    }
    return largest * tgi_root_of_sum(sum, w->norm);
}

/* Distances y[first] to y[end], counted over all: those that are wrong made right. */
static void mend_some(const job *w, int64_t first, int64_t end)
{
    for (int64_t at = first; at < end; at++) {
        const double distance = tgi_get(w->y, w->dtype, at);
        if (distance < w->low || distance > w->high)
            tgi_put(w->y, w->dtype, at, careful_distance(w, at / w->r, at % w->r));
    }
}

/* Whether two of the n numbers may have a difference whose power is 0 although they are not the same: numbers that are 0
 * or of a certain size differ by the last bit of those at least. */
static bool may_vanish(const job *w, const char *from, int64_t n)
{
    const bool narrow = w->dtype == TGI_F32;
    const double least = exp2((narrow ? 24 : 53) - (narrow ? 120 : 1000) / w->norm);
    int small = 0;
    for (int64_t i = 0; narrow && i < n; i++) {
        const float size = fabsf(((const float *)(const void *)from)[i]);
        small |= (size < (float)least) & (size > 0);
    }
    for (int64_t i = 0; !narrow && i < n; i++) {
        const double size = fabs(((const double *)(const void *)from)[i]);
        small |= (size < least) & (size > 0);
    }
    return small;
}

/* Makes wrong ones of all n distances right. Those of a row from itself are 0: they are looked at only if they must. */
static void mend(job *w, int64_t rows, int64_t n)
{
    enum { SOME = 64 };
    w->low = tgi_root_of_sum(tgi_least_sum(w->dtype, w->m), w->norm);
    w->high = tgi_most(w->dtype);
    int bad = TGI_KERNELS(distance)->look[w->dtype](n, w->y, w->low, w->high);
    if (bad == TGI_DISTANCE_ZERO && !may_vanish(w, w->a, rows * w->m) &&
        (w->b == w->a || !may_vanish(w, w->b, n / w->p * w->m)))
        bad = 0;
    for (int64_t at = 0; bad && at < n; at += SOME) {
        const int64_t some = tgi_smaller(SOME, n - at);
        if (TGI_KERNELS(distance)->look[w->dtype](some, w->y + at * w->size, w->low, w->high))
            mend_some(w, at, at + some);
    }
}

/* Row i of the gradient is one for careful_gradient. */
static bool needs_care(const job *w, int64_t i)
{
    bool outside = false;
    for (int64_t j = 0; w->careful && j < w->r; j++) {
        const double distance = tgi_get(w->distance, w->dtype, place_of(w, i, j));
        outside |= (distance > 0 && distance < w->low) || distance > w->high;
    }
    return outside;
}

static void careful_gradient(const job *w, int64_t i)
{
    enum { SOME = 256 };
    double sums[SOME];
    for (int64_t first = 0; first < w->m; first += SOME) {
        const int64_t width = tgi_smaller(w->m - first, SOME);
        for (int64_t k = 0; k < width; k++) sums[k] = 0;
        for (int64_t j = 0; j < w->r; j++) {
            const double distance = tgi_get(w->distance, w->dtype, place_of(w, i, j));
            const double g = tgi_get(w->g, w->dtype, place_of(w, i, j));
            for (int64_t k = 0; distance != 0 && k < width; k++) {
                const double q = difference(w, i, j, first + k) / distance;
                sums[k] += q == 0 ? 0 : g * (w->norm == 2 ? q : copysign(pow(fabs(q), w->norm - 1), q));
            }
        }
        for (int64_t k = 0; k < width; k++) tgi_put(w->y, w->dtype, i * w->m + first + k, sums[k]);
    }
}

/* ---- all rows ---- */

/* How many elements a buffer holds. */
static int64_t room_of(const job *w) { return ROOM * (int64_t)sizeof(double) / w->size; }

/* The distances of rows from i BLOCK on of a batch, BLOCK of them at most, by a kernel; before the root is taken. */
static void kernel_task(const void *work, int64_t i)
{
    const job *w = work;
    const int64_t blocks = tgi_pieces(w->p, BLOCK), batch = i / blocks, first = i % blocks * BLOCK;
    const int64_t row = batch * w->p + first;
    TGI_KERNELS(distance)->reduce[w->kind][w->dtype](&(tgi_distances){ .p = tgi_smaller(BLOCK, w->p - first),
                                                                       .r = w->r,
                                                                       .m = w->m,
                                                                       .a = w->a + row * w->m * w->size,
                                                                       .b = w->b + batch * w->r * w->m * w->size,
                                                                       .a_row = w->m,
                                                                       .b_row = w->m,
                                                                       .y_row = w->r },
                                                     w->y + row * w->r * w->size);
}

/* The distances of row i from all of b's by powers, before the root is taken. */
static void powers_task(const void *work, int64_t i)
{
    const job *w = work;
    _Alignas(64) double d[ROOM], sums[ROOM];
    const tgi_loop add = TGI_KERNELS(pointwise)->add.forward[w->dtype];
    const int64_t width = tgi_smaller(w->m, room_of(w)), block = room_of(w) / width;
    for (int64_t j = 0; j < w->r; j += block) {
        const int64_t rows = tgi_smaller(w->r - j, block);
        char *y = w->y + (i * w->r + j) * w->size;
        for (int64_t first = 0; first < w->m; first += width) {
            const tgi_distance part = part_of(w, i, j, rows, first, tgi_smaller(w->m - first, width));
            sum_powers(w, &part, (char *)d, first == 0 ? y : (char *)sums);
            if (first == 0) continue;
            add(1, rows, (char *[]){ y, y, (char *)sums }, NULL, (int64_t[]){ w->size, w->size, w->size });
        }
    }
}

/* Row i of the gradient of a. */
static void backward_task(const void *work, int64_t i)
{
    const job *w = work;
    _Alignas(64) double d[ROOM], power[ROOM], sums[ROOM];
    const tgi_loop add = TGI_KERNELS(pointwise)->add.forward[w->dtype];
    const int64_t width = tgi_smaller(w->m, room_of(w)), block = room_of(w) / width;
    if (needs_care(w, i)) {
        careful_gradient(w, i);
        return;
    }
    if (w->kind >= 0) {
        const tgi_distance all = part_of(w, i, 0, w->r, 0, w->m);
        TGI_KERNELS(distance)->gradient[w->kind][w->dtype](&all, w->y + i * w->m * w->size);
        return;
    }
    for (int64_t first = 0; first < w->m; first += width) {
        char *y = w->y + (i * w->m + first) * w->size;
        for (int64_t j = 0; j < w->r; j += block) {
            const tgi_distance part =
                part_of(w, i, j, tgi_smaller(w->r - j, block), first, tgi_smaller(w->m - first, width));
            sum_slopes(w, &part, (char *)d, (char *)power, j == 0 ? y : (char *)sums);
            if (j == 0) continue;
            add(1, part.m, (char *[]){ y, y, (char *)sums }, NULL, (int64_t[]){ w->size, w->size, w->size });
        }
    }
}

/* ---- cdist ---- */

/* Both matrices with their common batch. */
typedef struct operands {
    tg_shape a, b, y;
    int64_t batch, p, r, m;
} operands;

static bool operands_fit(const tg_op *op, tg_tensor_list inputs, operands *o)
{
    const tg_tensor *x[] = { inputs.items[0], inputs.items[1] };
    tg_shape batch[2], common;
    for (int i = 0; i < 2; i++) {
        if (x[i]->ndim < 2) {
            tg_op_fail(op, inputs, "cdist only supports at least 2D tensors, X%d got: %dD", i + 1, x[i]->ndim);
            return false;
        }
        batch[i] = tgi_shape(x[i]);
        batch[i].ndim -= 2;
    }
    o->m = x[0]->dims[x[0]->ndim - 1];
    o->p = x[0]->dims[x[0]->ndim - 2];
    o->r = x[1]->dims[x[1]->ndim - 2];
    if (x[1]->dims[x[1]->ndim - 1] != o->m) {
        tg_op_fail(op, inputs, "X1 and X2 must have the same number of columns. X1: %lld X2: %lld", (long long)o->m,
                   (long long)x[1]->dims[x[1]->ndim - 1]);
        return false;
    }
    if (!tgi_broadcast(op, inputs, &batch[0], &batch[1], &common)) return false;
    o->batch = tg_shape_numel(&common);
    o->a = o->b = o->y = common;
    const int n = common.ndim;
    o->a.ndim = o->b.ndim = o->y.ndim = n + 2;
    o->a.dims[n] = o->y.dims[n] = o->p;
    o->b.dims[n] = o->y.dims[n + 1] = o->r;
    o->a.dims[n + 1] = o->b.dims[n + 1] = o->m;
    return true;
}

static bool cdist_ok(const tg_op *op, tg_tensor_list inputs, double p, operands *o)
{
    const tg_tensor *x1 = inputs.items[0], *x2 = inputs.items[1];
    if (!operands_fit(op, inputs, o)) return false;
    if (!tgi_is_floating(x1) || !tgi_is_floating(x2))
        tg_op_fail(op, inputs, "cdist only supports floating-point dtypes, X%d got: %s", tgi_is_floating(x1) + 1,
                   tgi_scalar_type_name((tg_dtype)(tgi_is_floating(x1) ? x2 : x1)->dtype));
    else if (!(p >= 0))
        tg_op_fail(op, inputs, "cdist only supports non-negative p values");
    else if (x1->dtype != x2->dtype)
        tgi_expected_type(op, inputs, x1->dtype, x2->dtype);
    else
        return tgi_op_numel(op, inputs, &o->y) >= 0;
    return false;
}

/* `t` broadcast to `shape`, contiguous; a reference to give back. */
static tg_tensor *spread(tg_tensor *t, const tg_shape *shape)
{
    tg_tensor *e = tg_expand(tg_detach(t), *shape);
    return e ? tgi_own_contiguous(e) : NULL;
}

static job job_of(const operands *o, double p, tg_dtype dtype)
{
    return (job){ .norm = p,
                  .kind = p == 0     ? TGI_DISTANCE_COUNT
                          : p == 1   ? TGI_DISTANCE_ABSOLUTE
                          : p == 2   ? TGI_DISTANCE_SQUARE
                          : isinf(p) ? TGI_DISTANCE_LARGEST
                                     : -1,
                  .dtype = (int)dtype,
                  .p = o->p,
                  .r = o->r,
                  .m = o->m,
                  .size = (int64_t)tgi_size_of(dtype) };
}

static void run(void (*task)(const void *, int64_t), int64_t tasks, const operands *o, const job *w)
{
    tgi_run_tasks(o->batch * o->p * o->r * o->m >= PARALLEL, tasks, task, w);
}

/* All distances. Raw. */
static tg_tensor *distances(tg_tensor *x1, tg_tensor *x2, const operands *o, double p)
{
    tg_tensor *y = tgi_new(&o->y, (tg_dtype)x1->dtype);
    if (!y || y->numel == 0) return y;
    if (o->m == 0) return tgi_fill(y, 0), y;
    tg_tensor *a = spread(x1, &o->a), *b = spread(x2, &o->b);
    job w = job_of(o, p, (tg_dtype)x1->dtype);
    if (a && b) {
        w.a = tgi_ptr(a), w.b = tgi_ptr(b), w.y = tgi_ptr(y);
        if (w.kind >= 0)
            run(kernel_task, o->batch * tgi_pieces(o->p, BLOCK), o, &w);
        else
            run(powers_task, o->batch * o->p, o, &w);
        if (p == 2)
            TGI_KERNELS(functions)->sqrt.forward[w.dtype](1, y->numel, (char *[]){ w.y, w.y }, NULL,
                                                          (int64_t[]){ w.size, w.size });
        else if (p != 0 && p != 1 && !isinf(p))
            raise(&w, y->numel, w.y, 1 / p);
        if (p != 0 && p != 1 && !isinf(p)) mend(&w, o->batch * o->p, y->numel);
    }
    const bool ok = a && b;
    tgi_unref(a);
    tgi_unref(b);
    return ok ? y : NULL;
}

tg_tensor *tg_cdist_at(const char *where, tg_tensor *x1, tg_tensor *x2, tg_cdist_options options)
{
    const tg_op *op = &tgi_op_cdist;
    const tg_tensor_list inputs = tg_list(x1, x2);
    operands o;
    if (!tg_op_begin(where, op, inputs) || !cdist_ok(op, inputs, options.p, &o)) return NULL;
    tg_tensor *y = distances(x1, x2, &o, options.p);
    if (!y) return NULL;
    return tg_record(op, inputs, tg_list(y), tg_list(x1, x2, y), &options.p, sizeof options.p) == TG_OK ? y : NULL;
}

/* All differences at once: large, but differentiable in turn. */
static void cdist_backward(tg_context *ctx)
{
    const double p = *(const double *)tg_attributes(ctx);
    tg_tensor *g = tg_unsqueeze(tg_grad_output(ctx, 0), -1), *y = tg_unsqueeze(tg_saved(ctx, 2), -1);
    tg_tensor *d = tg_sub(tg_unsqueeze(tg_saved(ctx, 0), -2), tg_unsqueeze(tg_saved(ctx, 1), -3));
    d = tgi_norm_gradient(g, d, y, p, NULL);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_sum(d, .dim = -2));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_neg(tg_sum(d, .dim = -3)));
}

/* The gradient of each distance, divided by its power p - 1; 0 where the distance is. */
static tg_tensor *factors(tg_tensor *g, tg_tensor *y, double p)
{
    if (p == 1 || isinf(p)) return g;
    tg_tensor *zero = tg_eq(y, 0.0), *safe = tg_where(zero, 1.0, y);
    return tg_where(zero, 0.0, p == 2 ? tg_div(g, safe) : tg_mul(g, tg_pow(safe, 1 - p)));
}

/* Says which distances have powers that keep their digits, and whether there are others than 0. */
static void look_for_care(job *w, int64_t pairs)
{
    if (w->kind >= 0 && w->kind != TGI_DISTANCE_SQUARE) return;
    const double most = w->dtype == TGI_F32 ? 60 : 500, e = fmin(most, most / fabs(w->norm - 1));
    w->low = exp2(-e);
    w->high = exp2(e);
    w->careful = TGI_KERNELS(distance)->look[w->dtype](pairs, w->distance, w->low, w->high) & TGI_DISTANCE_OUTSIDE;
}

/* The gradient of one matrix: of `a` against `b`, or, turned, of x2 against x1; `of` says what both have in common. */
static tg_tensor *gradient(const job *of, tg_tensor *a, tg_tensor *b, const operands *o, bool turned)
{
    tg_tensor *d = tgi_new(turned ? &o->b : &o->a, (tg_dtype)a->dtype);
    if (!d) return NULL;
    if (of->norm == 0 || o->r == 0 || o->p == 0) return tgi_fill(d, 0), d;
    if (d->numel == 0) return d;
    job w = *of;
    w.a = tgi_ptr(turned ? b : a), w.b = tgi_ptr(turned ? a : b), w.y = tgi_ptr(d);
    w.p = turned ? o->r : o->p;
    w.r = turned ? o->p : o->r;
    w.row = turned ? 1 : o->r;
    w.column = turned ? o->r : 1;
    run(backward_task, o->batch * w.p, o, &w);
    return d;
}

static void cdist_backward_fused(tg_context *ctx)
{
    const double p = *(const double *)tg_attributes(ctx);
    tg_tensor *x1 = tg_saved(ctx, 0), *x2 = tg_saved(ctx, 1), *y = tg_saved(ctx, 2);
    tg_tensor *g = tg_grad_output(ctx, 0), *f = x1 && x2 && y ? factors(g, tg_detach(y), p) : NULL;
    operands o;
    if (!f || !operands_fit(&tgi_op_cdist, tg_list(x1, x2), &o)) return;
    tg_tensor *a = spread(x1, &o.a), *b = spread(x2, &o.b);
    f = tgi_own_contiguous(f);
    g = tgi_own_contiguous(g);
    if (a && b && f && g) {
        job w = job_of(&o, p, (tg_dtype)x1->dtype);
        w.g = tgi_ptr(g), w.factor = tgi_ptr(f), w.distance = tgi_ptr(y);
        look_for_care(&w, y->numel);
        for (int i = 0; i < 2; i++)
            if (tg_needs_input_grad(ctx, i)) tg_set_grad_input(ctx, i, gradient(&w, a, b, &o, i == 1));
    }
    tgi_unref(a);
    tgi_unref(b);
    tgi_unref(f);
    tgi_unref(g);
}

static tg_tensor_list cdist_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_cdist(inputs.items[0], inputs.items[1], .p = *(const double *)tg_node_attributes(node)));
}

static tg_tensor_list cdist_call(const tg_value *args)
{
    return tgi_result(
        tg_cdist_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, (tg_cdist_options){ .p = args[2].as.real }));
}

static const char *const cdist_samples[] = {
    "cdist(f(3, 4), f(2, 4))",        "cdist(f(3, 4), f(2, 4), p=1)", "cdist(f(3, 4), f(2, 4), p=0.5)",
    "cdist(f(3, 4), f(2, 4), p=1.5)", "cdist(f(3, 4), f(2, 4), p=3)", "cdist(f(3, 4), f(2, 4), p=inf)",
    "cdist(f(3, 4), f(2, 4), p=0)",   "cdist(f(2, 3, 2), f(2, 2))",   "cdist(f(2, 1, 3, 2), f(3, 2, 2), p=3)",
    "cdist(f(1, 2), f(1, 2))",        "cdist(f(0, 3), f(2, 3))",      "cdist(f(2, 3), f(0, 3))",
    "cdist(f(2, 0), f(3, 0))",        "cdist(f(0, 2, 3), f(2, 3))",   NULL
};
static const char *const cdist_corners[] = {
    "cdist(f(4, 2, step=1), f(3, 2, step=1))",        "cdist(f(4, 2, step=1), f(3, 2, step=1), p=1)",
    "cdist(f(4, 2, step=1), f(3, 2, step=1), p=0.5)", "cdist(f(4, 2, step=1), f(3, 2, step=1), p=1.5)",
    "cdist(f(4, 2, step=1), f(3, 2, step=1), p=3)",   "cdist(f(4, 2, step=1), f(3, 2, step=1), p=inf)",
    "cdist(f(4, 2, step=1), f(3, 2, step=1), p=0)",   NULL
};
static const tg_error_sample cdist_errors[] = {
    { "cdist(f(2, 3), f(2, 4))", "X1 and X2 must have the same number of columns. X1: 3 X2: 4" },
    { "cdist(f(3), f(2, 3))", "cdist only supports at least 2D tensors, X1 got: 1D" },
    { "cdist(f(2, 3), f(3))", "cdist only supports at least 2D tensors, X2 got: 1D" },
    { "cdist(f(2, 3), f(2, 3), p=-1)", "cdist only supports non-negative p values" },
    { "cdist(i(2, 3), f(2, 3))", "cdist only supports floating-point dtypes, X1 got: Long" },
    { "cdist(f(2, 3), i(2, 3))", "cdist only supports floating-point dtypes, X2 got: Long" },
    { "cdist(f(2, 2, 3), f(3, 2, 3))",
      "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0" },
    { NULL, NULL }
};

const tg_op tgi_op_cdist = {
    .name = "cdist",
    .schema = "cdist(Tensor x1, Tensor x2, float p=2.0) -> Tensor",
    .formula = "y[i, j] = the p-norm of x1[i] - x2[j]",
    .gradient =
        "dx1[i] = the sum over j of sign(d) |d|^(p-1) / y[i, j]^(p-1) g[i, j] with d = x1[i] - x2[j]; dx2 likewise",
    .doc = "All distances between the rows of two matrices, by their differences (never by products).",
    .shapes = "[*, P, M] and [*, R, M] to [*, P, R]",
    .backward = cdist_backward,
    .backward_fused = cdist_backward_fused,
    .kinks = "y = 0: the subgradient 0; p = inf: each element that ties gets the gradient; p = 0: none",
    .call = cdist_call,
    .again = cdist_again,
    .samples = cdist_samples,
    .corners = cdist_corners,
    .errors = cdist_errors,
    .not_finite = "the gradient of a distance of 0 is not finite for some p",
};

/* ---- pdist ---- */

/* i n + j for each pair i < j. */
static tg_tensor *pairs(int64_t n)
{
    tg_tensor *index = tgi_new(&tg_shape(n * (n - 1) / 2), TG_INT64);
    if (!index) return NULL;
    int64_t *at = tgi_ptr(index);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) *at++ = i * n + j;
    return index;
}

tg_tensor *tg_pdist_at(const char *where, tg_tensor *t, tg_cdist_options options)
{
    const tg_op *op = &tgi_op_pdist;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->ndim != 2) return tg_op_fail(op, tg_list(t), "pdist only supports 2D tensors, got: %dD", t->ndim);
    if (!tgi_is_floating(t)) return tg_op_fail(op, tg_list(t), "pdist only supports floating-point dtypes");
    if (!(options.p >= 0)) return tg_op_fail(op, tg_list(t), "pdist only supports non-negative p values");
    const int64_t n = t->dims[0];
    tg_tensor *square = tg_cdist_at(NULL, t, t, options);
    if (!square) return NULL;
    tg_tensor *all = tg_reshape(square, tg_shape(n * n));
    return tgi_ordinary(tg_gather(all, 0, pairs(n > 0 ? n : 1)), tg_list(t));
}

static tg_tensor_list pdist_call(const tg_value *args)
{
    return tgi_result(tg_pdist_at(TG_HERE, args[0].as.tensor, (tg_cdist_options){ .p = args[1].as.real }));
}

static const char *const pdist_samples[] = { "pdist(f(4, 3))",        "pdist(f(4, 3), p=1)", "pdist(f(4, 3), p=3)",
                                             "pdist(f(3, 4), p=inf)", "pdist(f(3, 4), p=0)", "pdist(f(3, 4), p=0.5)",
                                             "pdist(f(1, 3))",        "pdist(f(3, 0))",      NULL };
static const char *const pdist_corners[] = { "pdist(f(5, 2, step=1))", "pdist(f(5, 2, step=1), p=1)",
                                             "pdist(f(5, 2, step=1), p=inf)", NULL };
static const tg_error_sample pdist_errors[] = { { "pdist(f(3))", "pdist only supports 2D tensors, got: 1D" },
                                                { "pdist(i(2, 3))", "pdist only supports floating-point dtypes" },
                                                { "pdist(f(2, 3), p=-1)", "pdist only supports non-negative p values" },
                                                { NULL, NULL } };

const tg_op tgi_op_pdist = {
    .name = "pdist",
    .schema = "pdist(Tensor self, float p=2.0) -> Tensor",
    .formula = "y = the p-norms of x[i] - x[j] for i < j, row by row",
    .gradient = "that of cdist, of each row both as first and as second",
    .doc = "The distances between the rows of one matrix.",
    .shapes = "[N, M] to [N (N - 1) / 2]",
    .composite = true,
    .kinks = "y = 0: the subgradient 0; p = inf: each element that ties gets the gradient; p = 0: none",
    .call = pdist_call,
    .samples = pdist_samples,
    .corners = pdist_corners,
    .errors = pdist_errors,
};
