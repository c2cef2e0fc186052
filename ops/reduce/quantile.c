/* quantile.c: quantiles, by sorting. Made of other ops, through which gradients flow: to the elements that a quantile
 * lies between, and to q. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/index.h"
#include "ops/moments.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/sort.h"
#include "ops/view.h"

#include <string.h>

typedef enum interpolation { LINEAR, LOWER, HIGHER, MIDPOINT, NEAREST } interpolation;

/* ---- checks ---- */

static bool read_interpolation(const tg_op *op, tg_tensor_list inputs, const char *text, interpolation *how)
{
    static const char *const names[] = { "linear", "lower", "higher", "midpoint", "nearest" };
    for (int i = 0; text && i < 5; i++) {
        *how = (interpolation)i;
        if (strcmp(text, names[i]) == 0) return true;
    }
    return tg_op_fail(op, inputs,
                      "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got %s",
                      text ? text : "(null)");
}

/* Each q lies between 0 and 1. */
static bool in_range(const tg_op *op, tg_tensor_list inputs, tg_operand q)
{
    const tg_tensor *t = q.kind == TG_OPERAND_TENSOR ? q.as.tensor : NULL;
    if (!t) {
        const double value = q.kind == TG_OPERAND_REAL ? q.as.real : (double)q.as.integer;
        if (value >= 0 && value <= 1) return true;
        return tg_op_fail(op, inputs, "quantile() q must be in the range [0, 1] but got %g", value);
    }
    const int64_t step = t->ndim ? tgi_strides(t)[0] : 0;
    for (int64_t i = 0; i < t->numel; i++) {
        const double value = tgi_get(tgi_ptr(t), t->dtype, i * step);
        if (!(value >= 0 && value <= 1))
            return tg_op_fail(op, inputs, "quantile() q values must be in the range [0, 1]");
    }
    return true;
}

static bool fits(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, tg_operand q)
{
    const tg_tensor *number = q.kind == TG_OPERAND_TENSOR ? q.as.tensor : NULL;
    if (t->numel == 0) return tg_op_fail(op, inputs, "quantile() input tensor must be non-empty");
    if (number && number->ndim > 1) return tg_op_fail(op, inputs, "quantile() q must be a scalar or 1D tensor");
    if (!tgi_is_floating(t))
        return tg_op_fail(op, inputs, "quantile() input tensor must be either float or double dtype");
    if (number && number->dtype != t->dtype)
        return tg_op_fail(op, inputs, "quantile() q tensor must be same dtype as the input tensor");
    return in_range(op, inputs, q);
}

/* ---- values ---- */

/* Where in the sorted rows [.., n] the quantiles q [Q] stand: [.., Q], no integers yet. */
static tg_tensor *ranks_of(tg_tensor *sorted, tg_tensor *q, bool skip_nan)
{
    if (!sorted || !q) return NULL;
    tg_tensor *is_nan = tg_isnan(tg_detach(sorted));
    const double last = (double)(sorted->dims[sorted->ndim - 1] - 1);
    if (skip_nan) { /* rank 0 where all are NaN */
        tg_tensor *count = tg_sum(tg_logical_not(is_nan), .dim = -1, .keepdim = true);
        return tg_clamp(tg_mul(q, tg_to(tg_sub(count, 1), (tg_dtype)q->dtype)), .min = 0);
    }
    return tg_where(tg_any(is_nan, .dim = -1, .keepdim = true), last, tg_mul(q, last)); /* NaN stands last */
}

/* The quantiles [.., Q] of the sorted rows [.., n]. */
static tg_tensor *pick(tg_tensor *sorted, tg_tensor *ranks, interpolation how)
{
    if (how == LOWER) ranks = tg_floor(ranks);
    if (how == HIGHER) ranks = tg_ceil(ranks);
    if (how == NEAREST) ranks = tg_round(ranks);
    tg_tensor *below = tg_to(tg_detach(ranks), TG_INT64);
    tg_tensor *value = tg_gather(sorted, -1, below);
    if (how != LINEAR && how != MIDPOINT) return value;
    tg_tensor *above = tg_gather(sorted, -1, tg_to(tg_ceil(tg_detach(ranks)), TG_INT64));
    return how == MIDPOINT ? tg_lerp(value, above, 0.5) : tg_lerp(value, above, tg_sub(ranks, below));
}

/* The result's shape: a dimension for a vector q, then what is left of t. False when there are too many. */
static bool shape_of(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const tg_tensor *q, int dim,
                     bool keepdim, tg_shape *shape)
{
    *shape = tg_shape();
    if (q->ndim) shape->dims[shape->ndim++] = q->numel;
    for (int d = 0; d < t->ndim; d++) {
        const bool reduced = dim < 0 || d == dim;
        if (reduced && !keepdim) continue;
        if (!tgi_op_can_grow(op, inputs, shape->ndim)) return false;
        shape->dims[shape->ndim++] = reduced ? 1 : t->dims[d];
    }
    return true;
}

/* Beyond that PyTorch's ranks are not exact in float32, and it says no. */
enum { MOST = 1 << 24 };

static tg_tensor *quantile(const char *where, const tg_op *op, tg_tensor *t, tg_operand q, tg_quantile_options o)
{
    const tg_operand both[] = { tg_operand_tensor(t), q };
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of(both, 2, tensors);
    interpolation how;
    tg_shape shape;
    if (!tg_op_begin(where, op, inputs) || !fits(op, inputs, t, q) ||
        !read_interpolation(op, inputs, o.interpolation, &how))
        return NULL;
    const bool all = o.dim == TG_NO_DIM;
    const int dim = all ? -1 : tgi_op_dim(op, inputs, o.dim, t->ndim);
    tg_tensor *number = tgi_operand_to(q, (tg_dtype)t->dtype);
    if ((!all && dim < 0) || !number || !shape_of(op, inputs, t, number, dim, o.keepdim, &shape)) return NULL;
    tg_tensor *rows = all || t->ndim == 0 ? tg_reshape(t, tg_shape(-1)) : tg_movedim(t, tg_shape(dim), tg_shape(-1));
    if (!rows) return NULL;
    if (rows->dims[rows->ndim - 1] > MOST) return tg_op_fail(op, inputs, "quantile() input tensor is too large");
    tg_tensor *sorted = tg_sort(rows).values;
    tg_tensor *y = pick(sorted, ranks_of(sorted, tg_reshape(number, tg_shape(-1)), op == &tgi_op_nanquantile), how);
    return tgi_ordinary(tg_reshape(tg_movedim(y, tg_shape(-1), tg_shape(0)), shape), inputs);
}

tg_tensor *tg_quantile_at(const char *where, tg_tensor *t, tg_operand q, tg_quantile_options options)
{
    return quantile(where, &tgi_op_quantile, t, q, options);
}

tg_tensor *tg_nanquantile_at(const char *where, tg_tensor *t, tg_operand q, tg_quantile_options options)
{
    return quantile(where, &tgi_op_nanquantile, t, q, options);
}

/* ---- the ops ---- */

static tg_tensor_list call_by_name(const tg_op *op, const tg_value *v)
{
    tg_quantile_options o = TG_QUANTILE_OPTIONS(.keepdim = v[3].as.boolean, .interpolation = v[4].as.string);
    if (v[2].kind == TG_VALUE_INT) o.dim = v[2].as.integer;
    return tgi_result(quantile(TG_HERE, op, v[0].as.tensor, tgi_value_operand(&v[1]), o));
}

static tg_tensor_list quantile_call(const tg_value *v) { return call_by_name(&tgi_op_quantile, v); }
static tg_tensor_list nanquantile_call(const tg_value *v) { return call_by_name(&tgi_op_nanquantile, v); }

#define SAMPLES(name)                                                                                                  \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(7), 0.4)", name "(f(3, 4), 0.3)", name "(f(3, 4), 0.3, 1)",                                           \
            name "(f(3, 4), 0.6, dim=0, keepdim=True)", name "(f(3, 4), v(0.1, 0.45, 0.8))",                           \
            name "(f(3, 4, 2), v(0.2, 0.7), 1)", name "(f(3, 4, 2), v(0.2, 0.7), -2, True)",                           \
            name "(f(3, 4), v(0.2, 0.7), keepdim=True)", name "(f(3, 4), 0.3, 1, interpolation='lower')",              \
            name "(f(3, 4), 0.3, 1, interpolation='higher')", name "(f(3, 4), 0.3, 1, interpolation='midpoint')",      \
            name "(f(3, 4), 0.3, 1, interpolation='nearest')", name "(f(), 0.5)", name "(f(), 0.5, 0)",                \
            name "(f(5), f(0))", name "(f(1, 3), 0.5, 0)", NULL                                                        \
    }
#define CORNERS(name)                                                                                                  \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(v(3, 1, 2), 0)", name "(v(3, 1, 2), 1)", name "(v(3, 1, 2), 0.5)",                                      \
            name "(v(1, nan, 3, 2), v(0, 0.5, 0.9, grad=False))", name "(v(nan, nan), 0.5)",                           \
            name "(reshape(v(1, nan, 3, 2), [2, 2]), 0.25, 1)", name "(v(1, 2, inf), v(0.25, 0.5, grad=False))",       \
            name "(v(4, 1, 2, 3), 0.5, interpolation='nearest')", name "(v(1, 1, 2, 2), 0.4)", NULL                    \
    }
#define ERRORS(name)                                                                                                   \
    {                                                                                                                  \
        { name "(i(3), 0.5)", "quantile() input tensor must be either float or double dtype" },                        \
            { name "(f(3), 1.5)", "quantile() q must be in the range [0, 1] but got 1.5" },                            \
            { name "(f(3), nan)", "quantile() q must be in the range [0, 1] but got nan" },                            \
            { name "(f(3), v(0.5, -1))", "quantile() q values must be in the range [0, 1]" },                          \
            { name "(f(3), f(1, 1))", "quantile() q must be a scalar or 1D tensor" },                                  \
            { name "(f(3), i(1))", "quantile() q tensor must be same dtype as the input tensor" },                     \
            { name "(f(2, 0), 0.5, 0)", "quantile() input tensor must be non-empty" },                                 \
            { name "(f(2, 3), 0.5, 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },    \
            { name "(f(3), 0.5, interpolation='cubic')",                                                               \
              "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got cubic" },   \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_quantile = {
    .name = "quantile",
    .schema =
        "quantile(Tensor self, Scalar q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
    .formula = "y = x_i + (q (n - 1) - i) (x_(i+1) - x_i) of x in order, i = floor(q (n - 1))",
    .gradient = "of the ops it is made of",
    .doc = "Quantiles of all elements, or along a dimension; NaN if one is.",
    .shapes = "any, to what a reduction leaves, after a first dimension [Q] for a vector q",
    .composite = true,
    .kinks = "where elements tie: g goes to those that the sort puts there; where q (n - 1) is an integer: dq = 0",
    .call = quantile_call,
    .samples = SAMPLES("quantile"),
    .corners = CORNERS("quantile"),
    .errors = (const tg_error_sample[])ERRORS("quantile"),
};

const tg_op tgi_op_nanquantile = {
    .name = "nanquantile",
    .schema =
        "nanquantile(Tensor self, Scalar q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
    .formula = "y = quantile of the x that are not NaN",
    .gradient = "of the ops it is made of",
    .doc = "Quantiles of what is not NaN; NaN where all are.",
    .shapes = "any, to what a reduction leaves, after a first dimension [Q] for a vector q",
    .composite = true,
    .kinks = "as of quantile",
    .call = nanquantile_call,
    .samples = SAMPLES("nanquantile"),
    .corners = CORNERS("nanquantile"),
    .errors = (const tg_error_sample[])ERRORS("nanquantile"),
};
