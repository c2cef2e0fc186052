/* reduce.c: sums and means, and the undoing of broadcasting. How they are added up is in sum_into.c. */
#include "ops/reduce.h"

#include "core/observe_impl.h"
#include "ops/base/call.h"
#include "moments_impl.h"
#include "ops/pointwise.h"
#include "ops/base/flops.h"
#include "ops/base/promote.h"
#include "ops/base/range.h"
#include "ops/view.h"

static void divide(tg_tensor *y, double n)
{
    if (y->dtype == TG_FLOAT32) {
        float *p = tgi_ptr(y);
        for (int64_t i = 0; i < y->numel; i++) p[i] /= (float)n;
    } else {
        double *p = tgi_ptr(y);
        for (int64_t i = 0; i < y->numel; i++) p[i] /= n;
    }
}

/* ---- means whose sums do not fit ---- */

static bool is_finite(const tg_tensor *y)
{
    int bad = 0;
    if (y->dtype == TG_FLOAT32) {
        const float *v = tgi_ptr(y);
        for (int64_t i = 0; i < y->numel; i++) bad |= !(fabsf(v[i]) <= FLT_MAX);
    } else {
        const double *v = tgi_ptr(y);
        for (int64_t i = 0; i < y->numel; i++) bad |= !(fabs(v[i]) <= DBL_MAX);
    }
    return !bad;
}

/* Those in y that are not finite, of t divided by a power of two that is not less than n. */
static bool mean_anew(tg_tensor *t, const tgi_reduction *r, int64_t n, tg_tensor *y)
{
    const int e = ilogb((double)n) + 1;
    const tg_shape number = tg_shape(), shape = tgi_shape(y);
    tg_tensor *scale = tgi_own(tgi_new_full(&number, (tg_dtype)t->dtype, ldexp(1, -e)));
    tg_tensor *part = scale ? tgi_own(tgi_new_like(t, (tg_dtype)t->dtype)) : NULL;
    tg_tensor *sum = part ? tgi_own(tgi_new(&shape, (tg_dtype)t->dtype)) : NULL;
    bool ok = sum;
    if (ok) {
        tgi_apply_binary(TGI_ROW(pointwise, mul), part, t, scale);
        ok = tgi_sum_into(part, r->reduced, sum);
    }
    for (int64_t i = 0; ok && i < y->numel; i++)
        if (!isfinite(tgi_get(tgi_ptr(y), y->dtype, i)))
            tgi_put(tgi_ptr(y), y->dtype, i, tgi_get(tgi_ptr(sum), y->dtype, i) * (ldexp(1, e) / (double)n));
    tgi_unref(scale);
    tgi_unref(part);
    tgi_unref(sum);
    return ok;
}

tg_tensor *tgi_sum_raw(tg_tensor *t, const tgi_reduction *r, bool mean)
{
    const tg_shape shape = tgi_reduction_shape(r, t), whole = tgi_shape(t);
    tg_tensor *y = tgi_new(&shape, t->dtype == TG_BOOL ? TG_INT64 : (tg_dtype)t->dtype);
    if (!y || !tgi_sum_into(t, r->reduced, y)) return NULL;
    if (!mean) return y;
    const int64_t n = tgi_reduction_count(r, &whole);
    divide(y, (double)n);
    return n < 2 || is_finite(y) || mean_anew(t, r, n, y) ? y : NULL;
}

tg_tensor *tgi_sum_all_raw(tg_tensor *t, bool mean)
{
    static const tgi_reduction all = { { true, true, true, true, true, true, true, true }, false };
    return tgi_sum_raw(t, &all, mean);
}

/* ---- sum and mean ---- */

/* The gradient of the result, stretched over the dimensions that are gone: a view. */
static tg_tensor *spread(tg_context *ctx, tg_tensor *g)
{
    const tg_shape shape = tg_input_shape(ctx, 0);
    return tgi_reduction_spread(tg_attributes(ctx), &shape, g);
}

static void sum_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, spread(ctx, tg_grad_output(ctx, 0))); }

static void mean_backward(tg_context *ctx)
{
    const tg_shape shape = tg_input_shape(ctx, 0);
    const double n = (double)tgi_reduction_count(tg_attributes(ctx), &shape);
    tg_set_grad_input(ctx, 0, spread(ctx, tg_div(tg_grad_output(ctx, 0), n)));
}

static tg_reduce_options options_of(const tg_value *args)
{
    tg_reduce_options o = TG_REDUCE_OPTIONS();
    o.dims = tgi_dims_of(&args[1]);
    o.keepdim = args[2].as.boolean;
    if (args[3].kind == TG_VALUE_DTYPE) o.dtype = args[3].as.dtype;
    return o;
}

static tg_tensor_list sum_call(const tg_value *args)
{
    return tgi_result(tg_sum_at(TG_HERE, args[0].as.tensor, options_of(args)));
}

static const char *const sum_samples[] = { "sum(f())",
                                           "sum(f(5))",
                                           "sum(f(2, 3))",
                                           "sum(f(2, 3), dim=[1], keepdim=True)",
                                           "sum(f(2, 3, 4), dim=[0, 2])",
                                           "sum(f(2, 3, 4), dim=[1])",
                                           "sum(f(2, 3, 2, 2), dim=[-1, -3])",
                                           "sum(f(), dim=[0])",
                                           "sum(f(0, 3), dim=[0])",
                                           "sum(f(0, 3), dim=[1])",
                                           "sum(f(2, 1, 3), dim=[1])",
                                           "sum(i(2, 3))",
                                           "sum(b(2, 3), dim=[0])",
                                           NULL };
static const tg_error_sample sum_errors[] = {
    { "sum(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { "sum(f(), dim=[1])", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
    { "sum(f(2, 3), dim=[0, -2])", "dim 0 appears multiple times in the list of dims" },
    { NULL, NULL }
};

static const char *sum_grad_name(const tg_node *node)
{
    return tg_node_output_shape(node, 0).ndim ? "SumBackward1" : "SumBackward0";
}

const tg_op tgi_op_sum = {
    .name = "sum",
    .schema = "sum(Tensor self, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the sum of x over dim",
    .gradient = "dx = g, stretched over dim",
    .doc = "The sum over the given dimensions, or over all; of integers and bools in int64. The sum of nothing is 0.",
    .grad_name_of = sum_grad_name,
    .backward = sum_backward,
    .flops = tgi_flops_sum,
    .call = sum_call,
    .again = tgi_reduction_again,
    .samples = sum_samples,
    .errors = sum_errors,
};

static tg_tensor_list mean_call(const tg_value *args)
{
    return tgi_result(tg_mean_at(TG_HERE, args[0].as.tensor, options_of(args)));
}

static const char *const mean_samples[] = { "mean(f())",
                                            "mean(f(5))",
                                            "mean(f(2, 3))",
                                            "mean(f(2, 3), dim=[1], keepdim=True)",
                                            "mean(f(2, 3, 4), dim=[0, 2])",
                                            "mean(f(2, 3, 4), dim=[1])",
                                            "mean(f(2, 3, 2, 2), dim=[-1, -3])",
                                            "mean(f(0, 3))",
                                            "mean(f(0, 3), dim=[1])",
                                            NULL };
static const tg_error_sample mean_errors[] = {
    { "mean(i(2, 3))",
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long" },
    { "mean(b(2, 3))",
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Bool" },
    { "mean(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { NULL, NULL }
};

static const char *mean_grad_name(const tg_node *node)
{
    return tg_node_output_shape(node, 0).ndim ? "MeanBackward1" : "MeanBackward0";
}

const tg_op tgi_op_mean = {
    .name = "mean",
    .schema = "mean(Tensor self, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the sum of x over dim, divided by the number n of its terms",
    .gradient = "dx = g / n, stretched over dim",
    .doc = "The mean over the given dimensions, or over all. The mean of nothing is NaN.",
    .grad_name_of = mean_grad_name,
    .backward = mean_backward,
    .flops = tgi_flops_mean,
    .call = mean_call,
    .again = tgi_reduction_again,
    .samples = mean_samples,
    .errors = mean_errors,
    .not_finite = "the mean of no elements is 0 / 0",
};

static tg_tensor *reduce(const tg_op *op, tg_tensor *t, const tg_reduce_options *options)
{
    tgi_reduction r;
    if (!tgi_reduction_read(op, t, options->dim, &options->dims, options->keepdim, &r)) return NULL;
    bool convert = options->dtype != TG_DEFAULT_DTYPE && options->dtype != (tg_dtype)t->dtype;
    tg_tensor *x = convert ? tg_to(t, options->dtype) : t;
    tg_tensor *y = x ? tgi_sum_raw(x, &r, op == &tgi_op_mean) : NULL;
    if (!y) return NULL;
    return tg_record(op, tg_list(x), tg_list(y), TG_NONE, &r, sizeof r) == TG_OK ? y : NULL;
}

tg_tensor *tg_sum_at(const char *where, tg_tensor *t, tg_reduce_options options)
{
    if (!tg_op_begin(where, &tgi_op_sum, tg_list(t))) return NULL;
    tg_tensor *y = reduce(&tgi_op_sum, t, &options);
    return options.dtype == TG_BOOL && y ? tg_to(y, TG_BOOL) : y; /* PyTorch's: whether any is true */
}

tg_tensor *tg_mean_at(const char *where, tg_tensor *t, tg_reduce_options options)
{
    if (!tg_op_begin(where, &tgi_op_mean, tg_list(t))) return NULL;
    bool given = options.dtype != TG_DEFAULT_DTYPE;
    tg_dtype dtype = given ? options.dtype : (tg_dtype)t->dtype;
    if (!tg_dtype_is_floating(dtype))
        return tg_op_fail(
            &tgi_op_mean, tg_list(t),
            "mean(): could not infer output dtype. %s dtype must be either a floating point or complex dtype. Got: %s",
            given ? "Optional" : "Input", tgi_scalar_type_name(dtype));
    return reduce(&tgi_op_mean, t, &options);
}

/* ---- without NaN, and of what is not zero ---- */

static void nansum_backward(tg_context *ctx)
{
    tg_tensor *x = tg_saved(ctx, 0), *g = tg_grad_output(ctx, 0);
    tg_set_grad_input(ctx, 0, tg_mul(spread(ctx, g), tg_eq(x, x)));
}

static tg_tensor_list nansum_call(const tg_value *args)
{
    return tgi_result(tg_nansum_at(TG_HERE, args[0].as.tensor, options_of(args)));
}

const tg_op tgi_op_nansum = {
    .name = "nansum",
    .schema = "nansum(Tensor self, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the sum over dim of x, NaN taken as 0",
    .gradient = "dx = g where x is not NaN, else g times 0",
    .doc = "The sum of what is not NaN.",
    .backward = nansum_backward,
    .call = nansum_call,
    .again = tgi_reduction_again,
    .samples = (const char *const[]){ "nansum(f(2, 3))", "nansum(f(2, 3, 2), dim=[0, -1], keepdim=True)", "nansum(f())",
                                      "nansum(f(0, 3), dim=[0])", "nansum(i(2, 3), dim=[1])", "nansum(b(4))", NULL },
    .corners = (const char *const[]){ "nansum(v(1, nan, 3))", "nansum(v(nan, nan))", "nansum(v(inf, nan, -0.0))",
                                      "nansum(reshape(v(1, nan, 3, nan, nan, inf), [3, 2]), dim=[1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "nansum(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "nansum(f(2, 3), dtype=int64)", "\"nansum_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};

static tg_tensor_list nanmean_call(const tg_value *args)
{
    return tgi_result(tg_nanmean_at(TG_HERE, args[0].as.tensor, options_of(args)));
}

const tg_op tgi_op_nanmean = {
    .name = "nanmean",
    .schema = "nanmean(Tensor self, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the sum over dim of the x that are not NaN, divided by their number",
    .gradient = "dx = g / n where x is not NaN, else 0",
    .doc = "The mean of what is not NaN; NaN where nothing is left.",
    .composite = true,
    .call = nanmean_call,
    .samples = (const char *const[]){ "nanmean(f(2, 3))", "nanmean(f(2, 3, 2), dim=[0, -1], keepdim=True)",
                                      "nanmean(f())", "nanmean(f(2, 3), dim=[-1])", "nanmean(f(0, 3), dim=[1])", NULL },
    .corners = (const char *const[]){ "nanmean(v(1, nan, 3))", "nanmean(v(nan, nan))", "nanmean(v(inf, nan, -0.0))",
                                      "nanmean(f(0, 3), dim=[0])",
                                      "nanmean(reshape(v(1, nan, 3, nan, nan, inf), [3, 2]), dim=[1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "nanmean(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "nanmean(i(2, 3))", "nanmean(): expected input to have floating point dtype but got Long" },
            { NULL, NULL } },
};

static tg_tensor *nansum(const tg_op *op, tg_tensor *t, const tg_reduce_options *options)
{
    tgi_reduction r;
    const bool given = options->dtype != TG_DEFAULT_DTYPE;
    if (!tgi_is_floating(t)) return tg_sum_at(TG_HERE, t, *options);
    if (given && !tg_dtype_is_floating(options->dtype))
        return tgi_not_implemented(op, tg_list(t), "nansum_cpu", options->dtype);
    if (!tgi_reduction_read(op, t, options->dim, &options->dims, options->keepdim, &r)) return NULL;
    tg_tensor *x = given ? tg_to(t, options->dtype) : t;
    if (!x) return NULL;
    const tg_shape shape = tgi_reduction_shape(&r, x);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y || !tgi_sum_terms_into(TGI_NOT_NAN, x, r.reduced, y)) return NULL;
    return tg_record(&tgi_op_nansum, tg_list(x), tg_list(y), tg_list(x), &r, sizeof r) == TG_OK ? y : NULL;
}

tg_tensor *tg_nansum_at(const char *where, tg_tensor *t, tg_reduce_options options)
{
    return tg_op_begin(where, &tgi_op_nansum, tg_list(t)) ? nansum(&tgi_op_nansum, t, &options) : NULL;
}

tg_tensor *tg_nanmean_at(const char *where, tg_tensor *t, tg_reduce_options options)
{
    if (!tg_op_begin(where, &tgi_op_nanmean, tg_list(t))) return NULL;
    if (!tgi_is_floating(t))
        return tg_op_fail(&tgi_op_nanmean, tg_list(t),
                          "nanmean(): expected input to have floating point dtype but got %s", tgi_type_name(t));
    tg_reduce_options count = options;
    count.dtype = TG_DEFAULT_DTYPE;
    tg_tensor *sum = nansum(&tgi_op_nanmean, t, &options);
    return tg_div(sum, tg_sum_at(TG_HERE, tg_eq(t, t), count));
}

static tg_tensor_list count_nonzero_call(const tg_value *args)
{
    return tgi_result(tg_count_nonzero(args[0].as.tensor, .dims = tgi_dims_of(&args[1])));
}

const tg_op tgi_op_count_nonzero = {
    .name = "count_nonzero",
    .schema = "count_nonzero(Tensor self, int[]? dim=None) -> Tensor",
    .formula = "y = how many x are not 0, over dim",
    .gradient = "none: a number of elements",
    .doc = "How many elements are not zero, as int64; NaN is not.",
    .usage = "tg_count_nonzero(self, .dims = tg_shape(dim))",
    .call = count_nonzero_call,
    .samples = (const char *const[]){ "count_nonzero(f(3, 4, step=1))", "count_nonzero(f(3, 4, step=1), dim=[1])",
                                      "count_nonzero(i(2, 3, 2), dim=[0, -1])", "count_nonzero(b(5))",
                                      "count_nonzero(f(0, 3), dim=[0])", "count_nonzero(v(0, -0.0, nan, 1))", NULL },
    .errors = (const tg_error_sample[]){ { "count_nonzero(f(2, 3), dim=[2])",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { "count_nonzero(f(2, 3), dim=[0, 0])",
                                           "dim 0 appears multiple times in the list of dims" },
                                         { NULL, NULL } },
};

tg_tensor *tg_count_nonzero_at(const char *where, tg_tensor *t, tg_dims_options options)
{
    if (!tg_op_begin(where, &tgi_op_count_nonzero, tg_list(t))) return NULL;
    tgi_reduction r;
    if (!tgi_reduction_read(&tgi_op_count_nonzero, t, options.dim, &options.dims, options.keepdim, &r)) return NULL;
    tg_tensor *nonzero = tg_ne(t, 0);
    return nonzero ? tgi_sum_raw(nonzero, &r, false) : NULL;
}

/* ---- sum_to_size ---- */

static void sum_to_size_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_expand(tg_grad_output(ctx, 0), tg_input_shape(ctx, 0)));
}

static tg_tensor_list sum_to_size_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_sum_to_size(inputs.items[0], tg_node_output_shape(node, 0)));
}

static tg_tensor_list sum_to_size_call(const tg_value *args)
{
    return tgi_result(tg_sum_to_size_at(TG_HERE, args[0].as.tensor, args[1].as.ints));
}

static const char *const sum_to_size_samples[] = { "sum_to_size(f(2, 3), [3])",
                                                   "sum_to_size(f(2, 3), [2, 1])",
                                                   "sum_to_size(f(2, 3, 4), [1, 3, 1])",
                                                   "sum_to_size(f(2, 3), [2, 3])",
                                                   "sum_to_size(f(2, 3), [1, 1])",
                                                   "sum_to_size(f(0, 3), [1, 3])",
                                                   "sum_to_size(i(2, 3), [3])",
                                                   "sum_to_size(b(2, 3), [3])",
                                                   "sum_to_size(b(2, 3), [2, 3])",
                                                   "sum_to_size(b(2, 3), [])",
                                                   NULL };
static const tg_error_sample sum_to_size_errors[] = {
    { "sum_to_size(f(2, 3), [2])", "size {[2]} is not expandable to size {[2, 3]}." },
    { "sum_to_size(f(3), [1, 3])", "size {[1, 3]} is not expandable to size {[3]}." },
    { NULL, NULL }
};

const tg_op tgi_op_sum_to_size = {
    .name = "sum_to_size",
    .schema = "sum_to_size(Tensor self, int[] size) -> Tensor",
    .formula = "y = the sum of x over the dimensions in which size was stretched to x's shape",
    .gradient = "dx = g, stretched to x's shape",
    .doc = "The inverse of broadcasting; the tensor itself when it has the size already.",
    .grad_name = "SumBackward1",
    .backward = sum_to_size_backward,
    .call = sum_to_size_call,
    .again = sum_to_size_again,
    .samples = sum_to_size_samples,
    .errors = sum_to_size_errors,
};

tg_tensor *tg_sum_to_size_at(const char *where, tg_tensor *t, tg_shape shape)
{
    if (!tg_op_begin(where, &tgi_op_sum_to_size, tg_list(t))) return NULL;
    tg_shape from = tgi_shape(t);
    if (tg_shape_equal(&from, &shape)) return tgi_returns(&tgi_op_sum_to_size, t);
    bool reduced[TG_MAX_DIMS] = { false }, fits = shape.ndim >= 0 && shape.ndim <= from.ndim;
    for (int d = 0; fits && d < from.ndim; d++) {
        int s = d - (from.ndim - shape.ndim);
        reduced[d] = s < 0 || (shape.dims[s] == 1 && from.dims[d] != 1);
        fits = reduced[d] || shape.dims[s] == from.dims[d];
    }
    if (!fits) {
        char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
        return tg_op_fail(&tgi_op_sum_to_size, tg_list(t), "size {%s} is not expandable to size {%s}.",
                          tg_shape_text(&shape, a), tg_shape_text(&from, b));
    }
    tg_tensor *y = tgi_new(&shape, t->dtype == TG_BOOL ? TG_INT64 : (tg_dtype)t->dtype);
    if (!y || !tgi_sum_into(t, reduced, y)) return NULL;
    return tg_record(&tgi_op_sum_to_size, tg_list(t), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}
