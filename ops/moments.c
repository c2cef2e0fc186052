/* moments.c: variances and standard deviations.
 *
 * In two passes: the mean first, then the squares of what differs from it, so that a large mean costs no digits. */
#include "moments.h"

#include "call.h"
#include "moments_impl.h"
#include "pointwise.h"
#include "view.h"

#include <math.h>

typedef struct variance {
    tgi_reduction over;
    double n;          /* what the squares are divided by: not less than 0, */
    double difference; /* unlike this, which the gradient is divided by */
    bool all;
} variance;

/* ---- values ---- */

/* y = y / n, or the root of that. */
static void finish(tg_tensor *y, double n, bool root)
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

static tg_tensor *variance_raw(const variance *v, tg_tensor *t, bool root)
{
    tgi_reduction kept = v->over;
    kept.keepdim = true;
    const tg_shape shape = tgi_reduction_shape(&v->over, t);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    tg_tensor *mean = y ? tgi_own(tgi_sum_raw(t, &kept, true)) : NULL;
    tg_tensor *squares = mean ? tgi_own(tgi_new_like(t, (tg_dtype)t->dtype)) : NULL;
    bool ok = squares;
    if (ok) {
        tgi_apply_binary(TGI_ROW(pointwise, sub), squares, t, mean);
        tgi_apply_binary(TGI_ROW(pointwise, mul), squares, squares, squares);
        ok = tgi_sum_into(squares, v->over.reduced, y);
    }
    tgi_unref(squares);
    tgi_unref(mean);
    if (ok) finish(y, v->n, root);
    return ok ? y : NULL;
}

/* ---- gradients ---- */

/* 2 g (x - mean) / (n - correction), where g is the gradient of the variance. PyTorch divides by what is left even if that
 * is negative; only for a variance of all elements does it say that there is none. */
static tg_tensor *by_variance(tg_context *ctx, tg_tensor *x, tg_tensor *g)
{
    const variance *v = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *mean = tg_mean(x, .dims = tgi_reduction_dims(&v->over, &shape), .keepdim = true);
    g = tgi_reduction_keep(&v->over, &shape, g);
    if (v->all && v->n <= 0) return tg_mul(g, tg_where(tg_eq(x, mean), INFINITY, tg_mul(x, NAN)));
    return tg_mul(tg_mul(g, 2 / v->difference), tg_sub(x, mean));
}

static void var_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, by_variance(ctx, tg_saved(ctx, 0), tg_grad_output(ctx, 0)));
}

/* Where all x are equal the root has no derivative: 0 is passed on. */
static void std_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *std = tg_saved(ctx, 1), *none = tg_eq(std, 0);
    tg_tensor *safe = tg_where(none, 1, std);
    tg_set_grad_input(ctx, 0, by_variance(ctx, tg_saved(ctx, 0), tg_where(none, 0, tg_div(g, tg_mul(safe, 2)))));
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
    tg_tensor *y = variance_raw(v, t, op == &op_std);
    if (!y) return NULL;
    tg_tensor *result = op == &op_std ? y : NULL;
    return tg_record(op, tg_list(t), tg_list(y), tg_list(t, result), v, sizeof *v) == TG_OK ? y : NULL;
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
