/* moments.c: variances and standard deviations.
 *
 * By the kernels of the normalisations: the mean of a block first, then the squares of what differs from it, so that a
 * large mean costs no digits; blocks are joined in double. The order follows from the shape alone. */
#include "moments.h"

#include "call.h"
#include "careful.h"
#include "kernels/norm_kernels.h"
#include "moments_impl.h"
#include "normalization_impl.h"
#include "parallel.h"
#include "pointwise.h"
#include "view.h"

#include <string.h>

typedef struct variance {
    tgi_reduction over;
    double n;          /* what the squares are divided by: not less than 0, */
    double difference; /* unlike this, which the gradient is divided by */
    bool all;
} variance;

/* ---- moments ---- */

enum {
    CHUNK = 1 << 16,   /* elements in a task: a power of two, so that a chunk is a whole branch of the kernel's tree */
    PARALLEL = 1 << 17 /* elements from which on several threads pay */
};

/* Rows of n contiguous elements, in chunks if they are long. */
typedef struct job {
    int dtype;
    int64_t rows, n, size;
    int64_t chunks, run; /* of a row; rows in a task, where a row is one chunk */
    const char *x;
    double *mean, *square; /* [rows, chunks] */
} job;

static void moments_task(const void *work, int64_t task)
{
    const job *w = work;
    const int64_t row = task / w->chunks * w->run, first = task % w->chunks * CHUNK;
    const int64_t rows = tgi_smaller(w->run, w->rows - row), at = row * w->chunks + task % w->chunks;
    const int64_t n = w->chunks == 1 ? w->n : tgi_smaller(CHUNK, w->n - first);
    tgi_kernels_get()->norm->moments[w->dtype](rows, n, w->x + (row * w->n + first) * w->size, w->n, w->mean + at,
                                               w->square + at);
}

/* The chunks of each row joined pairwise. */
static void join_chunks(const job *w)
{
    for (int64_t row = 0; row < w->rows; row++) {
        double *mean = w->mean + row * w->chunks, *square = w->square + row * w->chunks;
        for (int64_t step = 1; step < w->chunks; step *= 2)
            for (int64_t i = 0; i + step < w->chunks; i += 2 * step) {
                const int64_t other = tgi_smaller(w->n - (i + step) * CHUNK, step * CHUNK);
                tgi_kernels_get()->norm->merge_moments(1, (double)(step * CHUNK), mean + i, square + i, (double)other,
                                                       mean + i + step, square + i + step);
            }
        w->mean[row] = mean[0];
        w->square[row] = square[0];
    }
}

/* Where the kernels could not: the square of row i over 4^exponent. */
static int find_anew(const job *w, int64_t i)
{
    const tgi_set set = { w->dtype, w->n, w->n, w->n };
    const tgi_careful_moments m = tgi_careful_moments_of(&set, w->x + i * w->n * w->size, true, 0);
    w->mean[i] = m.mean;
    w->square[i] = m.square;
    return m.exponent;
}

/* y = square / n, or the root of that. */
static double finished(double square, int exponent, double n, bool root)
{
    return root ? ldexp(sqrt(square / n), exponent) : ldexp(square / n, 2 * exponent);
}

/* Variances or deviations in y, [2, rows, chunks] numbers in `room`, of which the first `rows` become the means. */
static void find_variances(const variance *v, tg_tensor *moved, tg_tensor *room, tg_tensor *y, bool root)
{
    job w = { .dtype = moved->dtype,
              .rows = y->numel,
              .n = moved->numel / y->numel,
              .size = (int64_t)tgi_element_size(moved),
              .x = tgi_ptr(moved),
              .mean = tgi_ptr(room) };
    w.chunks = tgi_pieces(w.n, CHUNK);
    w.run = w.chunks == 1 ? tgi_larger(CHUNK / w.n, 1) : 1;
    w.square = w.mean + w.rows * w.chunks;
    tgi_run_tasks(moved->numel >= PARALLEL, tgi_pieces(w.rows, w.run) * w.chunks, moments_task, &w);
    if (w.chunks > 1) join_chunks(&w);
    for (int64_t i = 0; i < w.rows; i++) {
        const bool lost = tgi_moments_are_lost(w.dtype, (double)w.n, w.mean[i], w.square[i]);
        const int exponent = lost ? find_anew(&w, i) : 0;
        tgi_put(tgi_ptr(y), w.dtype, i, finished(w.square[i], exponent, v->n, root));
    }
}

/* The means in *mean, float64, of y's shape with the reduced dimensions of size 1. */
static tg_tensor *variance_raw(const variance *v, tg_tensor *t, bool root, tg_tensor **mean)
{
    tgi_reduction kept = v->over;
    kept.keepdim = true;
    const tg_shape shape = tgi_reduction_shape(&v->over, t), wide = tgi_reduction_shape(&kept, t);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    *mean = y ? tgi_new_full(&wide, TG_FLOAT64, NAN) : NULL;
    if (!*mean) return NULL;
    if (t->numel == 0) return tgi_fill(y, NAN), y;
    const tg_shape numbers = tg_shape(2, y->numel, tgi_pieces(t->numel / y->numel, CHUNK));
    tg_tensor *moved = tgi_own_moved(t, v->over.reduced), *room = moved ? tgi_own(tgi_new(&numbers, TG_FLOAT64)) : NULL;
    if (room) {
        find_variances(v, moved, room, y, root);
        memcpy(tgi_ptr(*mean), tgi_ptr(room), (size_t)y->numel * sizeof(double));
    }
    tgi_unref(moved);
    tgi_unref(room);
    return room ? y : NULL;
}

/* ---- what differs from the mean ---- a node of its own, for float32's mean may lack more digits than x - mean has */

static const tg_op op_center;

/* x - mean, over the dimensions that go; the mean is in float64, NULL: to be found. */
static tg_tensor *center(tg_tensor *x, const tgi_reduction *over, tg_tensor *mean)
{
    const variance v = { .over = *over, .n = 1 };
    if (!x || (!mean && !variance_raw(&v, x, false, &mean))) return NULL;
    tg_tensor *y = tgi_new_like(x, (tg_dtype)x->dtype),
              *high = y ? tgi_own(tgi_new_like(mean, (tg_dtype)x->dtype)) : NULL;
    tg_tensor *low = high ? tgi_own(tgi_new_like(high, (tg_dtype)x->dtype)) : NULL;
    bool rest = false;
    for (int64_t i = 0; low && i < high->numel; i++) {
        const double m = ((const double *)tgi_ptr(mean))[i], lacks = tgi_norm_put_mean(tgi_ptr(high), x->dtype, i, m);
        tgi_put(tgi_ptr(low), x->dtype, i, isfinite(m) ? lacks : 0);
        rest |= isfinite(m) && lacks != 0;
    }
    if (low) tgi_apply_binary(TGI_ROW(pointwise, sub), y, x, high);
    if (low && rest) tgi_apply_binary(TGI_ROW(pointwise, sub), y, y, low);
    const bool ok = low;
    tgi_unref(high);
    tgi_unref(low);
    return ok && tg_record(&op_center, tg_list(x), tg_list(y), tg_list(), over, sizeof *over) == TG_OK ? y : NULL;
}

static void center_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, center(tg_grad_output(ctx, 0), tg_attributes(ctx), NULL));
}

static const tg_op op_center = { .name = "center", .backward = center_backward };

/* ---- gradients ---- */

/* What PyTorch says of a variance of all elements if none are left to divide by: there is no gradient. */
static tg_tensor *by_none(tg_tensor *x, tg_tensor *g)
{
    return tg_mul(g, tg_where(tg_eq(x, tg_mean(x)), INFINITY, tg_mul(x, NAN)));
}

/* 2 g (x - mean) / (n - correction). PyTorch divides by what is left even if that is negative. */
static void var_backward(tg_context *ctx)
{
    const variance *v = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *x = tg_saved(ctx, 0), *g = tgi_reduction_keep(&v->over, &shape, tg_grad_output(ctx, 0));
    tg_tensor *dx = v->all && v->n <= 0 ? by_none(x, g)
                                        : tg_mul(tg_mul(g, 2 / v->difference), center(x, &v->over, tg_saved(ctx, 1)));
    tg_set_grad_input(ctx, 0, dx);
}

/* Where all x are equal the root has no derivative: 0 is passed on. Elsewhere (x - mean) / y fits, and 1 / y may not. */
static void std_backward(tg_context *ctx)
{
    const variance *v = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *x = tg_saved(ctx, 0), *y = tgi_reduction_keep(&v->over, &shape, tg_saved(ctx, 2));
    tg_tensor *g = tgi_reduction_keep(&v->over, &shape, tg_grad_output(ctx, 0)), *none = tg_eq(y, 0);
    tg_tensor *safe = tg_where(none, 1, y), *dx;
    if (v->all && v->n <= 0)
        dx = by_none(x, tg_div(g, safe));
    else
        dx = tg_mul(tg_where(none, 0, tg_div(g, v->difference)), tg_div(center(x, &v->over, tg_saved(ctx, 1)), safe));
    tg_set_grad_input(ctx, 0, dx);
}

/* ---- the ops ---- */

static tg_var_options options_of(const tg_value *v)
{
    tg_var_options o = TG_VAR_OPTIONS(.dims = tgi_dims_of(&v[1]), .keepdim = v[3].as.boolean);
    if (v[2].kind == TG_VALUE_INT) o.correction = v[2].as.integer;
    return o;
}

/* Reads the options. False: an error was recorded. */
static bool variance_of(const tg_op *op, tg_tensor *t, const tg_var_options *o, const char *who, variance *v)
{
    if (!tgi_is_floating(t))
        return tg_op_fail(op, tg_list(t), "%s only support floating point and complex dtypes", who);
    if (!tgi_reduction_read(op, t, o->dim, &o->dims, o->keepdim, &v->over)) return false;
    const tg_shape shape = tgi_shape(t);
    v->difference = (double)tgi_reduction_count(&v->over, &shape) - (o->unbiased ? (double)o->correction : 0);
    v->n = v->difference > 0 ? v->difference : 0;
    v->all = t->ndim == 0 || (o->dim == TG_NO_DIM && o->dims.ndim == 0);
    return true;
}

#define VAR_SAMPLES(name)                                                                                              \
    name "(f(5))", name "(f(2, 3))", name "(f(2, 3), dim=[1], correction=0, keepdim=True)",                            \
        name "(f(2, 3, 4), dim=[0, 2], correction=1)", name "(f(2, 3, 4), dim=[-2], correction=2)",                    \
        name "(f(3, 2, 1), dim=[0, 2], correction=1)", name "(f(5, lo=10, hi=11))",                                    \
        name "(f(3, 0), dim=[0], correction=1)"
#define VAR_CORNERS(name)                                                                                              \
    name "(v(1, 2, inf))", name "(v(1, nan, 2))", name "(f())", name "(f(1))", name "(f(0))",                          \
        name "(f(0, 3), dim=[0], correction=1)", name "(f(2), dim=[0], correction=3)", name "(v(2, 2, 2))"
#define VAR_ERRORS(name, who)                                                                                          \
    { name "(i(2, 3))", who " only support floating point and complex dtypes" },                                       \
        { name "(f(2, 3), dim=[2], correction=1)",                                                                     \
          "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },                                  \
        { name "(f(2, 3), dim=[0, 0], correction=1)", "dim 0 appears multiple times in the list of dims" },            \
    {                                                                                                                  \
        NULL, NULL                                                                                                     \
    }

static tg_tensor_list var_call(const tg_value *v)
{
    return tgi_result(tg_var_at(TG_HERE, v[0].as.tensor, options_of(v)));
}

static tg_tensor_list std_call(const tg_value *v)
{
    return tgi_result(tg_std_at(TG_HERE, v[0].as.tensor, options_of(v)));
}

static const tg_op op_var = {
    .name = "var",
    .schema = "var(Tensor self, int[]? dim=None, *, int? correction=1, bool keepdim=False) -> Tensor",
    .formula = "y = the sum over dim of (x - mean)^2, divided by their number less correction",
    .gradient = "dx = 2 g (x - mean) / (n - correction)",
    .doc = "The variance over the given dimensions, or over all.",
    .backward = var_backward,
    .call = var_call,
    .samples = (const char *const[]){ VAR_SAMPLES("var"), NULL },
    .corners = (const char *const[]){ VAR_CORNERS("var"), NULL },
    .errors = (const tg_error_sample[]){ VAR_ERRORS("var", "std and var") },
    .float32_ulps = 64,
};

static const tg_op op_std = {
    .name = "std",
    .schema = "std(Tensor self, int[]? dim=None, *, int? correction=1, bool keepdim=False) -> Tensor",
    .formula = "y = the root of the variance of x over dim",
    .gradient = "dx = g (x - mean) / (y (n - correction)), 0 where y = 0",
    .doc = "The standard deviation over the given dimensions, or over all.",
    .backward = std_backward,
    .kinks = "y = 0: the subgradient 0",
    .call = std_call,
    .samples = (const char *const[]){ VAR_SAMPLES("std"), NULL },
    .corners = (const char *const[]){ VAR_CORNERS("std"), NULL },
    .errors = (const tg_error_sample[]){ VAR_ERRORS("std", "std and var") },
    .float32_ulps = 64,
};

static tg_tensor *variance_record(const tg_op *op, const variance *v, tg_tensor *t)
{
    tg_tensor *mean, *y = variance_raw(v, t, op == &op_std, &mean);
    if (!y) return NULL;
    tg_tensor *result = op == &op_std ? y : NULL;
    return tg_record(op, tg_list(t), tg_list(y), tg_list(t, mean, result), v, sizeof *v) == TG_OK ? y : NULL;
}

static tg_tensor *var_or_std(const char *where, const tg_op *op, tg_tensor *t, const tg_var_options *o)
{
    variance v;
    if (!tg_op_begin(where, op, tg_list(t)) || !variance_of(op, t, o, "std and var", &v)) return NULL;
    return variance_record(op, &v, t);
}

tg_tensor *tg_var_at(const char *where, tg_tensor *t, tg_var_options options)
{
    return var_or_std(where, &op_var, t, &options);
}

tg_tensor *tg_std_at(const char *where, tg_tensor *t, tg_var_options options)
{
    return var_or_std(where, &op_std, t, &options);
}

/* ---- with the mean ---- */

static tg_tensor_list var_mean_call(const tg_value *v)
{
    const tg_var_mean_result y = tg_var_mean_at(TG_HERE, v[0].as.tensor, options_of(v));
    return tgi_pair(y.var, y.mean);
}

static tg_tensor_list std_mean_call(const tg_value *v)
{
    const tg_std_mean_result y = tg_std_mean_at(TG_HERE, v[0].as.tensor, options_of(v));
    return tgi_pair(y.std, y.mean);
}

static const tg_op op_var_mean = {
    .name = "var_mean",
    .schema =
        "var_mean(Tensor self, int[]? dim=None, *, int? correction=1, bool keepdim=False) -> (Tensor var, Tensor mean)",
    .formula = "var = the variance of x over dim, mean = its mean",
    .gradient = "as of var and mean",
    .doc = "The variance and the mean over the given dimensions, or over all.",
    .composite = true,
    .call = var_mean_call,
    .samples = (const char *const[]){ VAR_SAMPLES("var_mean"), NULL },
    .corners = (const char *const[]){ VAR_CORNERS("var_mean"), NULL },
    .errors = (const tg_error_sample[]){ VAR_ERRORS("var_mean", "var_mean") },
    .float32_ulps = 64,
};

static const tg_op op_std_mean = {
    .name = "std_mean",
    .schema =
        "std_mean(Tensor self, int[]? dim=None, *, int? correction=1, bool keepdim=False) -> (Tensor std, Tensor mean)",
    .formula = "std = the standard deviation of x over dim, mean = its mean",
    .gradient = "as of std and mean",
    .doc = "The standard deviation and the mean over the given dimensions, or over all.",
    .composite = true,
    .kinks = "std = 0: its subgradient 0",
    .call = std_mean_call,
    .samples = (const char *const[]){ VAR_SAMPLES("std_mean"), NULL },
    .corners = (const char *const[]){ VAR_CORNERS("std_mean"), NULL },
    .errors = (const tg_error_sample[]){ VAR_ERRORS("std_mean", "std_mean") },
    .float32_ulps = 64,
};

/* The mean in *mean. */
static tg_tensor *with_mean(const char *where, const tg_op *op, const tg_op *part, tg_tensor *t,
                            const tg_var_options *o, tg_tensor **mean)
{
    variance v;
    if (!tg_op_begin(where, op, tg_list(t)) || !variance_of(op, t, o, op->name, &v)) return NULL;
    *mean = tg_mean(t, .dim = o->dim, .dims = o->dims, .keepdim = o->keepdim);
    return *mean ? variance_record(part, &v, t) : NULL;
}

tg_var_mean_result tg_var_mean_at(const char *where, tg_tensor *t, tg_var_options options)
{
    tg_var_mean_result y = { NULL, NULL };
    y.var = with_mean(where, &op_var_mean, &op_var, t, &options, &y.mean);
    if (!y.var) y.mean = NULL;
    return y;
}

tg_std_mean_result tg_std_mean_at(const char *where, tg_tensor *t, tg_var_options options)
{
    tg_std_mean_result y = { NULL, NULL };
    y.std = with_mean(where, &op_std_mean, &op_std, t, &options, &y.mean);
    if (!y.std) y.mean = NULL;
    return y;
}

const tg_op *const tgi_ops_moments[] = { &tgi_op_prod,
                                         &op_var,
                                         &op_std,
                                         &op_var_mean,
                                         &op_std_mean,
                                         &tgi_op_norm,
                                         &tgi_op_linalg_vector_norm,
                                         &tgi_op_logsumexp,
                                         &tgi_op_median,
                                         &tgi_op_nanmedian,
                                         &tgi_op_median_dim,
                                         &tgi_op_nanmedian_dim,
                                         NULL };
