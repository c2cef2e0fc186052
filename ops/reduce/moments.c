/* moments.c: variances and standard deviations.
 *
 * Long rows go to the kernels of the normalisations, which find the mean of a block first, then the squares of what
 * differs from it, and join blocks in double. Columns and short rows are faster in passes over all of the tensor, in its
 * dtype; where that costs digits, the row is done anew by the kernel. What the kernel cannot, since the squares do not fit
 * or the deviations are of the size of rounding, is done element by element. */
#include "ops/moments.h"

#include "ops/base/call.h"
#include "careful.h"
#include "ops/kernels/normalize/normalization_kernels.h"
#include "moments_impl.h"
#include "ops/base/flops.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"

typedef struct variance {
    tgi_reduction over;
    double n;          /* what the squares are divided by: not less than 0, */
    double difference; /* unlike this, which the gradient is divided by */
    bool all;
    bool split; /* of a node: the mean is saved as two numbers */
} variance;

/* Each mean as the sum of two numbers of x's dtype: a mean rounded to one of them would be seen in x - mean where that is
 * small. Both tensors have x's shape with size 1 in the dimensions that are reduced. */
typedef struct means {
    tg_tensor *high, *low; /* low NULL: 0 */
} means;

/* ---- rows ---- */

enum {
    CHUNK = 1 << 16,    /* elements in a task: a power of two, so that a chunk is a whole branch of the kernel's tree */
    PARALLEL = 1 << 16, /* elements from which on several threads pay */
    LONG = 64           /* elements from which on rows are the kernel's */
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
    TGI_KERNELS(normalization)
        ->moments[w->dtype](rows, n, w->x + (row * w->n + first) * w->size, w->n, w->mean + at, w->square + at);
}

/* The chunks of each row joined pairwise. */
static void join_chunks(const job *w)
{
    for (int64_t row = 0; row < w->rows; row++) {
        double *mean = w->mean + row * w->chunks, *square = w->square + row * w->chunks;
        for (int64_t step = 1; step < w->chunks; step *= 2)
            for (int64_t i = 0; i + step < w->chunks; i += 2 * step) {
                const int64_t other = tgi_smaller(w->n - (i + step) * CHUNK, step * CHUNK);
                TGI_KERNELS(normalization)
                    ->merge_moments(1, (double)(step * CHUNK), mean + i, square + i, (double)other, mean + i + step,
                                    square + i + step);
            }
        w->mean[row] = mean[0];
        w->square[row] = square[0];
    }
}

/* Whether the deviations are less than `ulps` times the rounding of a number like the mean. */
static bool is_near(int dtype, double n, double mean, double square, double ulps)
{
    const double size = ulps * (dtype == TG_FLOAT32 ? (double)FLT_EPSILON : DBL_EPSILON) * mean;
    return !(square >= n * size * size);
}

/* Whether squares were lost, or digits of them. */
static bool is_lost(int dtype, double n, double mean, double square, double ulps)
{
    return !(square >= tgi_least_sum(dtype, (int64_t)n) && square <= tgi_most(dtype)) ||
           is_near(dtype, n, mean, square, ulps);
}

/* Rounding of a mean is seen in deviations less than so many times it; of a square, in deviations near to it. */
static const double ULPS_OF_MEAN = 1 << 16, ULPS_OF_SQUARE = 1 << 8;

/* square 4^exponent / n, or the root of that. */
static double result_of(double square, int exponent, double n, bool root)
{
    const double y = root ? sqrt(square / n) : square / n;
    return exponent ? ldexp(y, root ? exponent : 2 * exponent) : y;
}

/* The mean of row i as two numbers of the dtype, the second 0 where that costs no digits. True: it is not. */
static bool put_mean(const job *w, int64_t i, double mean, double rest, bool round, const means *to)
{
    double low = tgi_put_rest(tgi_ptr(to->high), w->dtype, i, mean) + rest;
    if (round || !isfinite(low)) low = 0;
    tgi_put(tgi_ptr(to->low), w->dtype, i, low);
    return low != 0;
}

/* Row i of y and its mean: where the kernel could not, anew. */
static bool finish_row(const job *w, int64_t i, double n, bool root, tg_tensor *y, const means *to)
{
    const double count = (double)w->n;
    tgi_careful_moments m = { w->mean[i], 0, w->square[i], 0 };
    const bool lost = w->n > 1 && is_lost(w->dtype, count, m.mean, m.square, ULPS_OF_SQUARE);
    if (lost) {
        const tgi_careful_set set = { w->dtype, w->n, w->n, w->n };
        m = tgi_careful_moments_of(&set, w->x + i * w->n * w->size, true, 0);
    }
    tgi_put(tgi_ptr(y), w->dtype, i, result_of(m.square, m.exponent, n, root));
    return put_mean(w, i, m.mean, m.rest, !lost && !is_near(w->dtype, count, m.mean, m.square, ULPS_OF_MEAN), to);
}

/* y and the means of all rows, or of those that `only` says. False: memory ran out. */
static bool by_rows(const variance *v, tg_tensor *t, bool root, const bool *only, tg_tensor *y, means *to)
{
    const int64_t n = t->numel / y->numel, chunks = tgi_pieces(n, CHUNK);
    const tg_shape numbers = tg_shape(2, y->numel, chunks);
    tg_tensor *moved = tgi_own_moved(t, v->over.reduced);
    tg_tensor *room = moved ? tgi_own(tgi_new(&numbers, TG_FLOAT64)) : NULL;
    bool split = false;
    if (room) {
        const job w = { .dtype = t->dtype,
                        .rows = y->numel,
                        .n = n,
                        .size = (int64_t)tgi_element_size(t),
                        .chunks = chunks,
                        .run = chunks == 1 ? tgi_larger(CHUNK / n, 1) : 1,
                        .x = tgi_ptr(moved),
                        .mean = tgi_ptr(room),
                        .square = (double *)tgi_ptr(room) + y->numel * chunks };
        tgi_run_tasks(t->numel >= PARALLEL, tgi_pieces(w.rows, w.run) * chunks, moments_task, &w);
        if (chunks > 1) join_chunks(&w);
        for (int64_t i = 0; i < w.rows; i++) split |= (!only || only[i]) && finish_row(&w, i, v->n, root, y, to);
        if (!split) to->low = NULL;
    }
    tgi_unref(moved);
    tgi_unref(room);
    return room;
}

/* ---- passes over all of the tensor ---- */

/* y = the sums of squared deviations from the mean, which keeps the dimensions that go. NULL: memory ran out. */
static tg_tensor *sum_squares(const variance *v, tg_tensor *t, tg_tensor *y)
{
    tgi_reduction kept = v->over;
    kept.keepdim = true;
    tg_tensor *mean = tgi_sum_raw(t, &kept, true);
    tg_tensor *squares = mean ? tgi_own(tgi_new_like(t, (tg_dtype)t->dtype)) : NULL;
    if (!squares) return NULL;
    tgi_apply_binary(TGI_ROW(pointwise, sub), squares, t, mean);
    tgi_apply_binary(TGI_ROW(pointwise, mul), squares, squares, squares);
    const bool ok = tgi_sum_into(squares, v->over.reduced, y);
    tgi_unref(squares);
    return ok ? mean : NULL;
}

/* y = y / n, or the root of that. */
static void finish_sums(tg_tensor *y, double n, bool root)
{
    for (int64_t i = 0; i < y->numel; i++) {
        if (y->dtype == TG_FLOAT32) {
            float *v = (float *)tgi_ptr(y) + i;
            *v /= (float)n;
            if (root) *v = sqrtf(*v);
        } else {
            double *v = (double *)tgi_ptr(y) + i;
            *v /= n;
            if (root) *v = sqrt(*v);
        }
    }
}

/* As is_lost, of all sums, in the dtype: without short cuts, a loop for vectors. */
#define ANY_LOST(T)                                                                                                    \
    static bool any_lost_##T(int64_t rows, const T *mean, const T *square, double n)                                   \
    {                                                                                                                  \
        const int dtype = sizeof(T) == sizeof(float) ? TG_FLOAT32 : TG_FLOAT64;                                        \
        const T least = (T)tgi_least_sum(dtype, (int64_t)n), most = (T)tgi_most(dtype);                                \
        const T ulps = (T)(ULPS_OF_MEAN * (dtype == TG_FLOAT32 ? (double)FLT_EPSILON : DBL_EPSILON) * sqrt(n));        \
        int lost = 0;                                                                                                  \
        for (int64_t i = 0; i < rows; i++) {                                                                           \
            const T size = mean[i] * ulps;                                                                             \
            lost |= !(square[i] >= least) | !(square[i] <= most) | !(square[i] >= size * size);                        \
        }                                                                                                              \
        return lost;                                                                                                   \
    }
ANY_LOST(float)
ANY_LOST(double)

static bool any_lost(const tg_tensor *mean, const tg_tensor *square, int64_t n)
{
    if (n == 1) return false;
    if (mean->dtype == TG_FLOAT32) return any_lost_float(mean->numel, tgi_ptr(mean), tgi_ptr(square), (double)n);
    return any_lost_double(mean->numel, tgi_ptr(mean), tgi_ptr(square), (double)n);
}

/* y has sums of squares: some of them are done anew, the others finished. False: memory ran out. */
static bool mend(const variance *v, tg_tensor *t, bool root, tg_tensor *y, means *mean)
{
    const int64_t n = t->numel / y->numel;
    const tg_shape shape = tgi_shape(y), wide = tgi_shape(mean->high);
    mean->low = tgi_new_full(&wide, (tg_dtype)t->dtype, 0);
    tg_tensor *lost = mean->low ? tgi_own(tgi_new(&shape, TG_BOOL)) : NULL;
    if (!lost) return false;
    bool *is = tgi_ptr(lost);
    for (int64_t i = 0; i < y->numel; i++)
        is[i] = is_lost(y->dtype, (double)n, tgi_get(tgi_ptr(mean->high), t->dtype, i),
                        tgi_get(tgi_ptr(y), t->dtype, i), ULPS_OF_MEAN);
    finish_sums(y, v->n, root);
    const bool ok = by_rows(v, t, root, is, y, mean);
    tgi_unref(lost);
    return ok;
}

/* False: memory ran out. */
static bool by_passes(const variance *v, tg_tensor *t, bool root, tg_tensor *y, means *mean)
{
    *mean = (means){ sum_squares(v, t, y), NULL };
    if (!mean->high) return false;
    if (any_lost(mean->high, y, t->numel / y->numel)) return mend(v, t, root, y, mean);
    finish_sums(y, v->n, root);
    return true;
}

/* ---- values ---- */

/* Rows as long as the kernel likes them: as the shape says, whatever the strides. */
static bool is_of_long_rows(const variance *v, const tg_tensor *t, int64_t n)
{
    bool kept_after = false;
    for (int d = 1; d < t->ndim; d++) kept_after |= v->over.reduced[d - 1] && !v->over.reduced[d] && t->dims[d] > 1;
    return n >= LONG && !kept_after;
}

static tg_tensor *variance_raw(const variance *v, tg_tensor *t, bool root, means *mean)
{
    tgi_reduction kept = v->over;
    kept.keepdim = true;
    const tg_dtype dtype = (tg_dtype)t->dtype;
    const tg_shape shape = tgi_reduction_shape(&v->over, t), wide = tgi_reduction_shape(&kept, t);
    tg_tensor *y = tgi_new(&shape, dtype);
    *mean = (means){ NULL, NULL };
    if (!y) return NULL;
    if (t->numel == 0) {
        mean->high = tgi_new_full(&wide, dtype, NAN);
        return mean->high ? tgi_fill(y, NAN), y : NULL;
    }
    if (!is_of_long_rows(v, t, t->numel / y->numel)) return by_passes(v, t, root, y, mean) ? y : NULL;
    *mean = (means){ tgi_new(&wide, dtype), tgi_new(&wide, dtype) };
    return mean->high && mean->low && by_rows(v, t, root, NULL, y, mean) ? y : NULL;
}

/* ---- what differs from the mean ---- a node of its own: in ops the mean would be rounded */

static const tg_op op_center;

/* x - mean over the dimensions that go; the mean NULL: to be found. */
static tg_tensor *center(tg_tensor *x, const tgi_reduction *over, const means *mean)
{
    const variance v = { .over = *over, .n = 1 };
    means own;
    if (!x || (!mean && !variance_raw(&v, x, false, &own))) return NULL;
    if (!mean) mean = &own;
    tg_tensor *y = mean->high ? tgi_new_like(x, (tg_dtype)x->dtype) : NULL;
    if (!y) return NULL;
    tgi_apply_binary(TGI_ROW(pointwise, sub), y, x, mean->high);
    if (mean->low) tgi_apply_binary(TGI_ROW(pointwise, sub), y, y, mean->low);
    return tg_record(&op_center, tg_list(x), tg_list(y), tg_list(), over, sizeof *over) == TG_OK ? y : NULL;
}

/* The same with the mean that was found before. */
static tg_tensor *centered(tg_context *ctx, const variance *v)
{
    const means mean = { tg_saved(ctx, 1), v->split ? tg_saved(ctx, 2) : NULL };
    return center(tg_saved(ctx, 0), &v->over, &mean);
}

static void center_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, center(tg_grad_output(ctx, 0), tg_attributes(ctx), NULL));
}

static tg_tensor_list center_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(center(inputs.items[0], tg_node_attributes(node), NULL));
}

static const tg_op op_center = { .name = "center", .backward = center_backward, .again = center_again };

tg_tensor *tgi_center(tg_tensor *x, const tg_shape *dims)
{
    tgi_reduction over;
    if (!x || !tgi_reduction_read(&op_center, x, TG_NO_DIM, dims, true, &over)) return NULL;
    return center(x, &over, NULL);
}

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
    tg_tensor *dx = v->all && v->n <= 0 ? by_none(x, g) : tg_mul(tg_mul(g, 2 / v->difference), centered(ctx, v));
    tg_set_grad_input(ctx, 0, dx);
}

/* Where all x are equal the root has no derivative: 0 is passed on. Elsewhere (x - mean) / y fits, and 1 / y may not. */
static void std_backward(tg_context *ctx)
{
    const variance *v = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *x = tg_saved(ctx, 0), *y = tgi_reduction_keep(&v->over, &shape, tg_saved(ctx, 3));
    tg_tensor *g = tgi_reduction_keep(&v->over, &shape, tg_grad_output(ctx, 0)), *none = tg_eq(y, 0);
    tg_tensor *safe = tg_where(none, 1, y), *dx;
    if (v->all && v->n <= 0)
        dx = by_none(x, tg_div(g, safe));
    else
        dx = tg_mul(tg_where(none, 0, tg_div(g, v->difference)), tg_div(centered(ctx, v), safe));
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

static tg_tensor *variance_record(const tg_op *op, const variance *v, tg_tensor *t)
{
    means mean;
    tg_tensor *y = variance_raw(v, t, op == &tgi_op_std, &mean), *result = op == &tgi_op_std ? y : NULL;
    variance a = *v;
    a.split = mean.low;
    if (!y) return NULL;
    return tg_record(op, tg_list(t), tg_list(y), tg_list(t, mean.high, mean.low, result), &a, sizeof a) == TG_OK ? y
                                                                                                                 : NULL;
}

static tg_tensor_list variance_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(variance_record(tg_node_op(node), tg_node_attributes(node), inputs.items[0]));
}

const tg_op tgi_op_var = {
    .name = "var",
    .schema = "var(Tensor self, int[]? dim=None, *, int? correction=1, bool keepdim=False) -> Tensor",
    .formula = "y = the sum over dim of (x - mean)^2, divided by their number less correction",
    .gradient = "dx = 2 g (x - mean) / (n - correction)",
    .doc = "The variance over the given dimensions, or over all.",
    .backward = var_backward,
    .flops = tgi_flops_loss,
    .call = var_call,
    .again = variance_again,
    .samples = (const char *const[]){ VAR_SAMPLES("var"), NULL },
    .corners = (const char *const[]){ VAR_CORNERS("var"), NULL },
    .errors = (const tg_error_sample[]){ VAR_ERRORS("var", "std and var") },
    .float32_ulps = 64,
    .not_finite = "of one element with correction 1 it is 0 / 0: .correction = 0",
};

const tg_op tgi_op_std = {
    .name = "std",
    .schema = "std(Tensor self, int[]? dim=None, *, int? correction=1, bool keepdim=False) -> Tensor",
    .formula = "y = the root of the variance of x over dim",
    .gradient = "dx = g (x - mean) / (y (n - correction)), 0 where y = 0",
    .doc = "The standard deviation over the given dimensions, or over all.",
    .backward = std_backward,
    .kinks = "y = 0: the subgradient 0",
    .call = std_call,
    .again = variance_again,
    .samples = (const char *const[]){ VAR_SAMPLES("std"), NULL },
    .corners = (const char *const[]){ VAR_CORNERS("std"), NULL },
    .errors = (const tg_error_sample[]){ VAR_ERRORS("std", "std and var") },
    .float32_ulps = 64,
    .not_finite =
        "of one element with correction 1 it is 0 / 0: .correction = 0. Of equal elements its gradient is not finite: "
        "tg_sqrt(tg_add(tg_var(x), 1e-8))",
};

static tg_tensor *var_or_std(const char *where, const tg_op *op, tg_tensor *t, const tg_var_options *o)
{
    variance v;
    if (!tg_op_begin(where, op, tg_list(t)) || !variance_of(op, t, o, "std and var", &v)) return NULL;
    return variance_record(op, &v, t);
}

tg_tensor *tg_var_at(const char *where, tg_tensor *t, tg_var_options options)
{
    return var_or_std(where, &tgi_op_var, t, &options);
}

tg_tensor *tg_std_at(const char *where, tg_tensor *t, tg_var_options options)
{
    return var_or_std(where, &tgi_op_std, t, &options);
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

const tg_op tgi_op_var_mean = {
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
    .not_finite = "of one element with correction 1 it is 0 / 0: .correction = 0",
};

const tg_op tgi_op_std_mean = {
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
    .not_finite =
        "of one element with correction 1 it is 0 / 0: .correction = 0. Of equal elements its gradient is not finite: "
        "tg_sqrt(tg_add(tg_var(x), 1e-8))",
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
    y.var = with_mean(where, &tgi_op_var_mean, &tgi_op_var, t, &options, &y.mean);
    if (!y.var) y.mean = NULL;
    return y;
}

tg_std_mean_result tg_std_mean_at(const char *where, tg_tensor *t, tg_var_options options)
{
    tg_std_mean_result y = { NULL, NULL };
    y.std = with_mean(where, &tgi_op_std_mean, &tgi_op_std, t, &options, &y.mean);
    if (!y.std) y.mean = NULL;
    return y;
}
