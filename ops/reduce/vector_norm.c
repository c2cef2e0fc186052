/* vector_norm.c: norms of vectors, and logarithms of sums of exponentials. */
#include "ops/base/call.h"
#include "ops/base/parallel.h"
#include "ops/kernels/template/scratch.h"
#include "ops/moments.h"
#include "moments_impl.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/base/range.h"
#include "ops/view.h"

#include <math.h>
#include <string.h>

typedef struct norm {
    tgi_reduction over;
    double p;
} norm;

/* ---- values ---- */

/* y = |x|^p, or what is added up or compared in its place. */
static bool powers(double p, tg_tensor *x, tg_tensor *y)
{
    if (p == 2) {
        tgi_apply_binary(TGI_ROW(pointwise, mul), y, x, x);
        return true;
    }
    if (p == 0) {
        tg_tensor *nonzero = tgi_own(tg_ne(x, 0));
        if (nonzero) tgi_copy_raw(y, nonzero);
        tgi_unref(nonzero);
        return nonzero;
    }
    tgi_apply_unary(TGI_ROW(pointwise, abs), y, x);
    if (p == 1 || isinf(p)) return true;
    const tg_shape number = tg_shape();
    tg_tensor *exponent = tgi_own(tgi_new_full(&number, (tg_dtype)x->dtype, p));
    if (exponent) tgi_apply_binary(TGI_ROW(pointwise, pow), y, y, exponent);
    tgi_unref(exponent);
    return exponent;
}

/* y = y^(1/p) */
static bool root(double p, tg_tensor *y)
{
    if (p == 2) {
        tgi_apply_unary(TGI_ROW(functions, sqrt), y, y);
    } else if (p != 0 && p != 1 && !isinf(p)) {
        const tg_shape number = tg_shape();
        tg_tensor *exponent = tgi_own(tgi_new_full(&number, (tg_dtype)y->dtype, 1 / p));
        if (!exponent) return false;
        tgi_apply_binary(TGI_ROW(pointwise, pow), y, y, exponent);
        tgi_unref(exponent);
    }
    return true;
}

/* ---- sums of powers that do not fit ---- */

/* Each scale, the size of the element that counts most, becomes 1 where the sum has lost nothing, and where it is no
 * number to divide by. */
static void choose_scales(const tg_tensor *sums, int64_t n, tg_tensor *scales)
{
    for (int64_t i = 0; i < sums->numel; i++) {
        const double sum = tgi_get(tgi_ptr(sums), sums->dtype, i), scale = tgi_get(tgi_ptr(scales), sums->dtype, i);
        if (!tgi_sum_has_lost(sums->dtype, sum, n) || !(scale > 0) || isinf(scale))
            tgi_put(tgi_ptr(scales), sums->dtype, i, 1);
    }
}

static bool has_lost(const tg_tensor *sums, int64_t n)
{
    const int dtype = sums->dtype;
    return tgi_look_outside(tgi_ptr(sums), dtype, sums->numel, tgi_least_sum(dtype, n), tgi_most(dtype)) != 0;
}

/* The norms of x in y, which has the sums of powers: where one of them left the range of the dtype, of elements divided
 * by the one that counts most. To divide by 1 changes nothing: a norm does not depend on its neighbours. */
static bool rescue(const tgi_reduction *over, double p, tg_tensor *x, tg_tensor *part, int64_t n, tg_tensor *y)
{
    tgi_reduction kept = *over;
    kept.keepdim = true;
    const tg_shape shape = tgi_reduction_shape(&kept, x);
    tg_tensor *scale = tgi_own(tgi_new(&shape, (tg_dtype)x->dtype));
    tgi_apply_unary(TGI_ROW(pointwise, abs), part, x);
    bool ok = scale && tgi_extreme_into(p > 0 ? TGI_MAX : TGI_MIN, part, over->reduced, scale, NULL);
    if (ok) {
        choose_scales(y, n, scale);
        tgi_apply_binary(TGI_ROW(pointwise, div), part, x, scale);
        ok = powers(p, part, part) && tgi_sum_into(part, over->reduced, y) && root(p, y);
    }
    tg_tensor *factor = ok ? tgi_own(tgi_new_view(scale, y->ndim, y->dims, tgi_strides(y), scale->offset)) : NULL;
    if (factor) tgi_apply_binary(TGI_ROW(pointwise, mul), y, y, factor);
    tgi_unref(factor);
    tgi_unref(scale);
    return factor;
}

/* The sums of powers in y, or the extremes. *part: the powers, where they had to be written down; the caller unrefs it. */
static bool sum_powers(const tgi_reduction *over, double p, tg_tensor *x, tg_tensor **part, tg_tensor *y)
{
    if (p == 1 || p == 2) return tgi_sum_terms_into(p == 1 ? TGI_SIZES : TGI_SQUARES, x, over->reduced, y);
    *part = tgi_own(tgi_new_like(x, (tg_dtype)x->dtype));
    if (!*part || !powers(p, x, *part)) return false;
    if (isinf(p)) return tgi_extreme_into(p > 0 ? TGI_MAX : TGI_MIN, *part, over->reduced, y, NULL);
    return tgi_sum_into(*part, over->reduced, y);
}

tg_tensor *tgi_norm_raw(const tgi_reduction *over, double p, tg_tensor *x)
{
    const tg_shape shape = tgi_reduction_shape(over, x), whole = tgi_shape(x);
    if (x->numel == 0) return tgi_new_full(&shape, (tg_dtype)x->dtype, 0);
    const int64_t n = tgi_reduction_count(over, &whole);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype), *part = NULL;
    bool ok = y && sum_powers(over, p, x, &part, y);
    if (ok && p != 0 && p != 1 && !isinf(p)) {
        if (!has_lost(y, n)) {
            ok = root(p, y);
        } else {
            if (!part) part = tgi_own(tgi_new_like(x, (tg_dtype)x->dtype));
            ok = part && rescue(over, p, x, part, n, y);
        }
    }
    tgi_unref(part);
    return ok ? y : NULL;
}

/* ---- gradients ---- PyTorch's, with its subgradients at 0 */

/* 1, -1, or 0, also of NaN. */
static tg_tensor *sign_of(tg_tensor *x)
{
    if (!x) return NULL;
    const tg_dtype dtype = (tg_dtype)x->dtype;
    return tg_sub(tg_to(tg_gt(x, 0), dtype), tg_to(tg_lt(x, 0), dtype));
}

/* x with its zeros made ones, to be divided by or raised. */
static tg_tensor *without_zeros(tg_tensor *x) { return tg_where(tg_eq(x, 0), 1.0, x); }

/* 1 where |x| is the extreme y, 0 elsewhere; `shared`, the reduction that made y: divided by how often that is. */
static tg_tensor *extremes(tg_tensor *x, tg_tensor *y, const tgi_reduction *shared)
{
    if (!x) return NULL;
    tg_tensor *there = tg_to(tg_eq(tg_abs(tg_detach(x)), tg_detach(y)), (tg_dtype)x->dtype);
    if (!shared || !there) return there;
    tgi_reduction kept = *shared;
    kept.keepdim = true;
    return tg_div(there, without_zeros(tgi_sum_raw(there, &kept, false)));
}

tg_tensor *tgi_norm_gradient(tg_tensor *g, tg_tensor *x, tg_tensor *y, double p, const tgi_reduction *shared)
{
    if (p == 0) return tg_mul(tg_mul(g, 0), tg_ne(x, x));
    if (p == 1) return tg_mul(sign_of(x), g);
    if (isinf(p)) return tg_mul(sign_of(x), tg_mul(g, extremes(x, y, shared)));
    /* Of ratios, which fit whatever the size of x; below 2 of roots, whose ratio fits where its power does. */
    tg_tensor *zero = tg_eq(y, 0), *size = tg_where(zero, 1.0, y), *d;
    if (p > 0 && p < 2) {
        tg_tensor *root = tg_div(tg_sqrt(without_zeros(tg_abs(x))), tg_sqrt(size));
        d = tg_mul(sign_of(x), tg_pow(root, 2 * (p - 1)));
    } else {
        d = tg_div(x, size);
        if (p < 0)
            d = tg_mul(sign_of(x), tg_pow(tg_where(zero, 1.0, tg_abs(d)), p - 1));
        else if (p >= 3)
            d = tg_mul(d, tg_pow(tg_abs(d), p - 2));
        else if (p > 2)
            d = tg_mul(d, tg_where(tg_eq(d, 0), 0.0, tg_pow(without_zeros(tg_abs(d)), p - 2)));
    }
    return tg_mul(p < 1 ? tg_where(zero, 0.0, g) : g, d); /* for p >= 1, x and d are 0 where y is */
}

static void norm_backward(tg_context *ctx)
{
    const norm *a = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *x = tg_saved(ctx, 0), *y = tgi_reduction_keep(&a->over, &shape, tg_saved(ctx, 1));
    tg_tensor *g = tgi_reduction_keep(&a->over, &shape, tg_grad_output(ctx, 0));
    tg_set_grad_input(ctx, 0, tgi_norm_gradient(g, x, y, a->p, &a->over));
}

/* ---- norm ---- */

static tg_norm_options options_of(const tg_value *v)
{
    tg_norm_options o = TG_NORM_OPTIONS(.dims = tgi_dims_of(&v[2]), .keepdim = v[3].as.boolean);
    if (v[1].kind == TG_VALUE_FLOAT) o.p = v[1].as.real; /* 'fro', of the elements, is 2 */
    if (v[4].kind == TG_VALUE_DTYPE) o.dtype = v[4].as.dtype;
    return o;
}

static tg_tensor *norm_record(tg_tensor *t, const norm *a, tg_dtype dtype)
{
    tg_tensor *x = dtype == TG_DEFAULT_DTYPE ? t : tg_to(t, dtype), *y = x ? tgi_norm_raw(&a->over, a->p, x) : NULL;
    if (!y) return NULL;
    return tg_record(&tgi_op_norm, tg_list(x), tg_list(y), tg_list(x, y), a, sizeof *a) == TG_OK ? y : NULL;
}

static tg_tensor_list norm_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(norm_record(inputs.items[0], tg_node_attributes(node), TG_DEFAULT_DTYPE));
}

static tg_tensor_list norm_call(const tg_value *v)
{
    if (v[1].kind == TG_VALUE_STRING && strcmp(v[1].as.string, "fro") != 0) {
        tg_op_fail(&tgi_op_norm, tg_list(v[0].as.tensor), "p must be a number or 'fro', not '%s'", v[1].as.string);
        return tg_list_failed();
    }
    return tgi_result(tg_norm_at(TG_HERE, v[0].as.tensor, options_of(v)));
}

#define NORM_SAMPLES(name)                                                                                             \
    name "(f(5))", name "(f(2, 3), 2)", name "(f(2, 3), 1, dim=[1])", name "(f(2, 3), 0)", name "(f(2, 3), inf)",      \
        name "(f(2, 3), -inf, dim=[0], keepdim=True)", name "(f(2, 3, 4), 3, dim=[0, 2])",                             \
        name "(f(2, 3), 1.5, dim=[-1])", name "(f(2, 3), 0.5)", name "(f(2, 3), -1, dim=[1])",                         \
        name "(f(2, 3), 2.5, dim=[0])", name "(f())", name "(f(), 3, dim=[0])", name "(f(0, 3))",                      \
        name "(f(0, 3), 2, dim=[0])", name "(f(0, 3), inf, dim=[1])", name "(f(2, 3), 2, dtype=float64)",              \
        name "(f(2, 3), 4, dim=[0, 1], keepdim=True)"
#define NORM_CORNERS(name)                                                                                             \
    name "(v(0, 0))", name "(v(0, 0), 1)", name "(v(0, 0), inf)", name "(v(0, 0), 3)", name "(v(0, 0), 1.5)",          \
        name "(v(0, 0), 0.5)", name "(v(1, 0), 0)", name "(v(1, 0, -2), 0.5)", name "(v(1, 0, -2), 1)",                \
        name "(v(1, 0, -2), 1.5)", name "(v(1, -1, 0), inf)", name "(v(1, 2, -1), -inf)", name "(v(1, nan, 2), inf)",  \
        name "(v(1, inf, 2))", name "(v(1, nan, 2))", name "(v(1, nan), 1)"

const tg_op tgi_op_norm = {
    .name = "norm",
    .schema = "norm(Tensor self, float|str p=2, int[]? dim=None, bool keepdim=False, ScalarType? dtype=None) -> Tensor",
    .formula = "y = (the sum over dim of |x|^p)^(1/p)",
    .gradient =
        "dx = g sign(x) (|x| / y)^(p - 1); g sign(x) spread evenly over the extremes for p = +-inf; 0 for p = 0",
    .doc =
        "The p-norm over the given dimensions, or over all. p = 0 counts what is not 0, p = +-inf gives the extremes.",
    .backward = norm_backward,
    .kinks = "x = 0 where p is no even number, y = 0, several extremes: 0, 0, and g spread evenly",
    .call = norm_call,
    .again = norm_again,
    .samples = (const char *const[]){ NORM_SAMPLES("norm"), NULL },
    .corners = (const char *const[]){ NORM_CORNERS("norm"), "norm(f(0, 3), inf)", "norm(f(0, 3), -1, dim=[0])",
                                      "norm(f(2, 3), 'fro')", "norm(f(2, 3, 4), p='fro', dim=[0, 2])", NULL },
    .own_errors = (const tg_error_sample[]){ { "norm(f(2, 3), 'nuc')", "p must be a number or 'fro', not 'nuc'" },
                                             { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){
            { "norm(i(2, 3))", "norm(): input dtype should be either floating point or complex. Got Long instead." },
            { "norm(f(2, 3), 2, dtype=int64)",
              "norm(): the desired output dtype should be either floating point or complex. Got Long instead." },
            { "norm(f(2, 3), 2, dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "norm(f(2, 3), 2, dim=[0, 0])", "dim 0 appears multiple times in the list of dims" },
            { NULL, NULL } },
    .float32_ulps = 32,
};

tg_tensor *tg_norm_at(const char *where, tg_tensor *t, tg_norm_options options)
{
    const tg_op *op = &tgi_op_norm;
    const bool given = options.dtype != TG_DEFAULT_DTYPE;
    norm a = { .p = options.p };
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (given ? !tg_dtype_is_floating(options.dtype) : !tgi_is_floating(t))
        return tg_op_fail(op, tg_list(t),
                          "norm(): %s dtype should be either floating point or complex. Got %s instead.",
                          given ? "the desired output" : "input",
                          tgi_scalar_type_name(given ? options.dtype : (tg_dtype)t->dtype));
    if (!tgi_reduction_read(op, t, options.dim, &options.dims, options.keepdim, &a.over)) return NULL;
    return norm_record(t, &a, options.dtype);
}

/* ---- linalg_vector_norm ---- */

static tg_tensor_list vector_norm_call(const tg_value *v)
{
    return tgi_result(tg_linalg_vector_norm_at(TG_HERE, v[0].as.tensor, options_of(v)));
}

const tg_op tgi_op_linalg_vector_norm = {
    .name = "linalg_vector_norm",
    .schema =
        "linalg_vector_norm(Tensor self, float ord=2, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = (the sum over dim of |x|^ord)^(1/ord)",
    .gradient = "as of norm",
    .doc = "The norm of vectors, as norm has it, but for what has no value.",
    .usage = "tg_linalg_vector_norm(self, .p = ord, .dims = tg_shape(dim), .keepdim = keepdim, .dtype = dtype)",
    .composite = true,
    .kinks = "as of norm",
    .call = vector_norm_call,
    .samples = (const char *const[]){ NORM_SAMPLES("linalg_vector_norm"), NULL },
    .corners = (const char *const[]){ NORM_CORNERS("linalg_vector_norm"), NULL },
    .errors =
        (const tg_error_sample[]){
            { "linalg_vector_norm(i(2, 3))",
              "linalg.vector_norm: Expected a floating point or complex tensor as input. Got Long" },
            { "linalg_vector_norm(f(2, 3), 2, dtype=int64)",
              "linalg.vector_norm: dtype should be floating point or complex, but got Long" },
            { "linalg_vector_norm(f(2, 3), 2, dtype=float32)",
              "linalg.vector_norm: the dtype of the input (Double) should be convertible without narrowing to the "
              "specified dtype (Float)" },
            { "linalg_vector_norm(f(0, 3), inf)", "linalg.vector_norm cannot compute the inf norm on an empty tensor "
                                                  "because the operation does not have an identity" },
            { "linalg_vector_norm(f(0, 3), -1, dim=[0])",
              "linalg.vector_norm cannot compute the -1 norm on the dimension 0because this dimension is empty and the "
              "operation does not have an identity" },
            { "linalg_vector_norm(f(2, 3), 2, dim=[2])",
              "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
    .float32_ulps = 32,
};

/* A norm of nothing for p < 0 or infinite is refused, in PyTorch's words. */
static bool has_norm(const tg_op *op, tg_tensor *t, const norm *a, bool all)
{
    const char *what = "linalg.vector_norm cannot compute the";
    if (t->numel || (a->p >= 0 && !isinf(a->p))) return true;
    if (all)
        return tg_op_fail(op, tg_list(t),
                          "%s %g norm on an empty tensor because the operation does not have an identity", what, a->p);
    for (int d = 0; d < t->ndim; d++)
        if (a->over.reduced[d] && t->dims[d] == 0)
            return tg_op_fail(
                op, tg_list(t),
                "%s %g norm on the dimension %dbecause this dimension is empty and the operation does not "
                "have an identity",
                what, a->p, d);
    return true;
}

bool tgi_norm_dtype_fits(const tg_op *op, tg_tensor *t, tg_dtype dtype, const char *name)
{
    const tg_tensor_list inputs = tg_list(t);
    if (!tgi_is_floating(t))
        return tg_op_fail(op, inputs, "%s: Expected a floating point or complex tensor as input. Got %s", name,
                          tgi_type_name(t));
    if (dtype != TG_DEFAULT_DTYPE && !tg_dtype_is_floating(dtype))
        return tg_op_fail(op, inputs, "%s: dtype should be floating point or complex, but got %s", name,
                          tgi_scalar_type_name(dtype));
    if (dtype == TG_FLOAT32 && t->dtype == TG_FLOAT64)
        return tg_op_fail(
            op, inputs,
            "%s: the dtype of the input (Double) should be convertible without narrowing to the specified "
            "dtype (Float)",
            name);
    return true;
}

tg_tensor *tg_linalg_vector_norm_at(const char *where, tg_tensor *t, tg_norm_options options)
{
    const tg_op *op = &tgi_op_linalg_vector_norm;
    const tg_dtype dtype = options.dtype;
    norm a = { .p = options.p };
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (!tgi_norm_dtype_fits(op, t, dtype, "linalg.vector_norm")) return NULL;
    if (!tgi_reduction_read(op, t, options.dim, &options.dims, options.keepdim, &a.over)) return NULL;
    if (!has_norm(op, t, &a, options.dim == TG_NO_DIM && options.dims.ndim == 0)) return NULL;
    return norm_record(t, &a, dtype);
}

/* ---- logsumexp ---- */

static void logsumexp_backward(tg_context *ctx)
{
    const tgi_reduction *r = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *y = tgi_reduction_keep(r, &shape, tg_saved(ctx, 1));
    tg_tensor *g = tgi_reduction_keep(r, &shape, tg_grad_output(ctx, 0));
    tg_set_grad_input(ctx, 0, tg_mul(g, tg_exp(tg_sub(tg_saved(ctx, 0), y))));
}

static tg_tensor_list logsumexp_call(const tg_value *v)
{
    return tgi_result(tg_logsumexp(v[0].as.tensor, v[1].as.ints, .keepdim = v[2].as.boolean));
}

const tg_op tgi_op_logsumexp = {
    .name = "logsumexp",
    .schema = "logsumexp(Tensor self, int[] dim, bool keepdim=False) -> Tensor",
    .formula = "y = log(the sum over dim of e^x)",
    .gradient = "dx = g e^(x - y)",
    .doc = "The logarithm of the sum of exponentials, shifted by the largest so that nothing overflows.",
    .backward = logsumexp_backward,
    .call = logsumexp_call,
    .again = tgi_reduction_again,
    .samples = (const char *const[]){ "logsumexp(f(5), [0])", "logsumexp(f(2, 3), [1])",
                                      "logsumexp(f(2, 3, 4), [0, -1], keepdim=True)", "logsumexp(f(), [0])",
                                      "logsumexp(f(2, 3, 4), [1])", "logsumexp(f(3, lo=800, hi=900, grad=False), [0])",
                                      "logsumexp(f(0, 3), [0])", "logsumexp(f(2, 0), [0])", "logsumexp(i(2, 3), [1])",
                                      "logsumexp(b(2, 3), [0])", NULL },
    .corners = (const char *const[]){ "logsumexp(v(-inf, -inf), [0])", "logsumexp(v(1, inf), [0])",
                                      "logsumexp(v(1, nan), [0])", "logsumexp(v(-inf, 2), [0])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "logsumexp(f(2, 3), [2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "logsumexp(f(2, 3), [0, 0])", "dim 0 appears multiple times in the list of dims" },
            { NULL, NULL } },
    .not_finite = "of -inf throughout its gradient is 0 / 0",
};

/* Infinite elements become 0. */
static void make_finite(tg_tensor *t)
{
    for (int64_t i = 0; i < t->numel; i++) {
        if (t->dtype == TG_FLOAT32) {
            float *v = (float *)tgi_ptr(t) + i;
            if (isinf(*v)) *v = 0;
        } else {
            double *v = (double *)tgi_ptr(t) + i;
            if (isinf(*v)) *v = 0;
        }
    }
}

/* Rows of one dtype, contiguous, so few at a time that they stay in the nearer caches from step to step. */
typedef struct exp_rows {
    int dtype;
    int64_t rows, n, few;
    const char *x, *high;
    char *y;
    bool *failed;
} exp_rows;

static void exp_rows_task(const void *work, int64_t task)
{
    const exp_rows *w = work;
    const int64_t size = w->dtype == TGI_F32 ? 4 : 8, row = w->n * size, first = task * w->few;
    const int64_t rows = w->few < w->rows - first ? w->few : w->rows - first;
    char *part = tgi_scratch(TGI_SCRATCH_SORT, (size_t)(rows * row));
    if (!part) {
        __atomic_store_n(w->failed, true, __ATOMIC_RELAXED);
        return;
    }
    char *const difference[] = { part, (char *)(uintptr_t)w->x + first * row,
                                 (char *)(uintptr_t)w->high + first * size };
    TGI_ROW(pointwise, sub)
        ->forward[w->dtype](rows, w->n, difference, (int64_t[]){ row, row, size }, (int64_t[]){ size, size, 0 });
    TGI_ROW(functions, exp)
        ->forward[w->dtype](1, rows * w->n, (char *[]){ part, part }, NULL, (int64_t[]){ size, size });
    TGI_KERNELS(reduce)->sum[w->dtype](rows, w->n, part, row, size, w->y + first * size);
}

/* y = sum e^(x - high) where the last dimensions of a contiguous tensor go; to the bit what sums of all differences are.
 * False: it is no such one, or there was no memory. */
static bool sum_of_exps(const tgi_reduction *r, const tg_tensor *x, const tg_tensor *high, tg_tensor *y)
{
    enum { NEAR = 1 << 13, LONGEST = 1 << 15, PARALLEL = 1 << 17 };
    bool failed = false, in_order = x->contiguous;
    for (int d = 1; d < x->ndim; d++) in_order &= r->reduced[d] || !r->reduced[d - 1];
    const int64_t n = x->numel / y->numel;
    if (!in_order || n > LONGEST) return false;
    exp_rows w = { x->dtype, y->numel, n, n < NEAR ? NEAR / n : 1, tgi_ptr(x), tgi_ptr(high), tgi_ptr(y), &failed };
    tgi_run_tasks(x->numel >= PARALLEL, tgi_pieces(w.rows, w.few), exp_rows_task, &w);
    return !failed;
}

/* The same, of any tensor. */
static bool sum_exps(const tgi_reduction *r, tg_tensor *x, tg_tensor *high, tg_tensor *y)
{
    if (sum_of_exps(r, x, high, y)) return true;
    tg_tensor *part = tgi_own(tgi_new_like(x, (tg_dtype)x->dtype));
    if (!part) return false;
    tgi_apply_binary(TGI_ROW(pointwise, sub), part, x, high);
    tgi_apply_unary(TGI_ROW(functions, exp), part, part);
    const bool ok = tgi_sum_into(part, r->reduced, y);
    tgi_unref(part);
    return ok;
}

/* y = log(sum e^(x - high)) + high */
static bool logsumexp_into(const tgi_reduction *r, tg_tensor *x, tg_tensor *y)
{
    tgi_reduction kept = *r;
    kept.keepdim = true;
    const tg_shape shape = tgi_reduction_shape(&kept, x);
    tg_tensor *high = tgi_own(tgi_new(&shape, (tg_dtype)x->dtype));
    bool ok = high && tgi_extreme_into(TGI_MAX, x, r->reduced, high, NULL);
    if (ok) {
        make_finite(high);
        ok = sum_exps(r, x, high, y);
    }
    tg_tensor *shift = ok ? tgi_own(tgi_new_view(high, y->ndim, y->dims, tgi_strides(y), high->offset)) : NULL;
    if (shift) {
        tgi_apply_unary(TGI_ROW(functions, log), y, y);
        tgi_apply_binary(TGI_ROW(pointwise, add), y, y, shift);
    }
    tgi_unref(shift);
    tgi_unref(high);
    return shift;
}

tg_tensor *tg_logsumexp_at(const char *where, tg_tensor *t, tg_shape dims, tg_keepdim_options options)
{
    const tg_op *op = &tgi_op_logsumexp;
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (!tgi_reduction_read(op, t, TG_NO_DIM, &dims, options.keepdim, &r)) return NULL;
    tg_tensor *x = tgi_is_floating(t) ? t : tg_to(t, tg_default_dtype());
    const tg_shape shape = tgi_reduction_shape(&r, t);
    tg_tensor *y = x ? tgi_new(&shape, (tg_dtype)x->dtype) : NULL;
    if (!y) return NULL;
    if (x->numel == 0)
        tgi_fill(y, -INFINITY);
    else if (!logsumexp_into(&r, x, y))
        return NULL;
    return tg_record(op, tg_list(x), tg_list(y), tg_list(x, y), &r, sizeof r) == TG_OK ? y : NULL;
}
