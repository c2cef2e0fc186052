/* logic.c: elements chosen by a mask, and answers about whole tensors: where, masked_fill, bitwise_not, isclose, allclose,
 * equal. */
#include "ops/pointwise.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "ops/base/promote.h"
#include "row.h"
#include "ops/view.h"

#include <math.h>

/* ---- where and masked_fill ---- */

/* A zero of g's dtype, so that nothing is promoted. */
static tg_operand zero_like(const tg_tensor *g)
{
    return tg_operand_tensor(g ? tgi_operand_to(tg_operand_int(0), (tg_dtype)g->dtype) : NULL);
}

static void where_backward(tg_context *ctx)
{
    tg_tensor *condition = tg_saved(ctx, 0), *g = tg_grad_output(ctx, 0);
    const tg_operand zero = zero_like(g);
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_where(condition, g, zero));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_where(condition, zero, g));
}

static tg_tensor_list where_call(const tg_value *v)
{
    return tgi_result(tg_where(v[0].as.tensor, tgi_value_operand(&v[1]), tgi_value_operand(&v[2])));
}

const tg_op tgi_op_where = {
    .name = "where",
    .schema = "where(Tensor condition, Scalar self, Scalar other) -> Tensor",
    .formula = "y = a where condition, b elsewhere",
    .gradient = "da = g where condition, 0 elsewhere; db = 0 where condition, g elsewhere",
    .doc = "elements of a or b, chosen by a bool tensor",
    .backward = where_backward,
    .call = where_call,
    .samples = (const char *const[]){ "where(b(2, 3), f(2, 3), f(2, 3))", "where(b(3), f(2, 1), f(3))",
                                      "where(b(2, 1), f(3), 2.0)", "where(b(4), 1, f(4))", "where(b(), f(), f(2))",
                                      "where(b(0, 3), f(0, 3), f(3))", NULL },
    .errors =
        (const tg_error_sample[]){ { "where(f(2), f(2), f(2))",
                                     "where expected condition to be a boolean tensor, but got a tensor with dtype" },
                                   { "where(b(2), f(3), f(2))", "must match" },
                                   { NULL, NULL } },
    .traits = TG_CHOOSES,
};

tg_tensor *tg_where_at(const char *where, tg_tensor *condition, tg_operand a, tg_operand b)
{
    const tg_operand operands[] = { tg_operand_tensor(condition), a, b };
    tg_tensor *tensors[3];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 3, tensors);
    if (!tg_op_begin(where, &tgi_op_where, inputs)) return NULL;
    if (condition->dtype != TG_BOOL)
        return tg_op_fail(&tgi_op_where, inputs,
                          "where expected condition to be a boolean tensor, but got a tensor with dtype %s",
                          tgi_type_name(condition));
    const tg_shape sc = tgi_shape(condition), sa = tgi_operand_shape(&a), sb = tgi_operand_shape(&b);
    tg_shape shape;
    if (!tgi_broadcast(&tgi_op_where, inputs, &sa, &sb, &shape) ||
        !tgi_broadcast(&tgi_op_where, inputs, &sc, &shape, &shape))
        return NULL;
    const tg_dtype dtype = tgi_result_type(operands + 1, 2);
    tg_tensor *x = tgi_operand_to(a, dtype), *z = tgi_operand_to(b, dtype);
    tg_tensor *y = x && z ? tgi_new(&shape, dtype) : NULL;
    if (!y) return NULL;
    tgi_iterate(TGI_KERNELS(pointwise)->where[dtype], 4, (tg_tensor *[]){ y, condition, x, z });
    return tg_record(&tgi_op_where, tg_list(condition, x, z), tg_list(y), tg_list(condition), NULL, 0) == TG_OK ? y
                                                                                                                : NULL;
}

/* Inputs: a, the mask, the value; the mask is saved. */
static void masked_fill_backward(tg_context *ctx)
{
    tg_tensor *mask = tg_saved(ctx, 0), *g = tg_grad_output(ctx, 0);
    const tg_operand zero = zero_like(g);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_where(mask, zero, g));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_where(mask, g, zero));
}

static tg_tensor_list masked_fill_call(const tg_value *v)
{
    return tgi_result(tg_masked_fill(v[0].as.tensor, v[1].as.tensor, tgi_value_operand(&v[2])));
}

static tg_tensor_list masked_fill_in_place_call(const tg_value *v)
{
    return tgi_result(tg_masked_fill_(v[0].as.tensor, v[1].as.tensor, tgi_value_operand(&v[2])));
}

const tg_op tgi_op_masked_fill = {
    .name = "masked_fill",
    .schema = "masked_fill(Tensor self, Tensor mask, Scalar value) -> Tensor",
    .formula = "y = value where mask, a elsewhere",
    .gradient = "da = 0 where mask, g elsewhere; dvalue = the sum of g where mask",
    .doc = "a, with one value where a bool tensor is true",
    .backward = masked_fill_backward,
    .call = masked_fill_call,
    .samples = (const char *const[]){ "masked_fill(f(2, 3), b(2, 3), 1.5)", "masked_fill(f(2, 3), b(3), f())",
                                      "masked_fill(f(3), b(2, 1), 2)", "masked_fill(i(4), b(4), 7)",
                                      "masked_fill(f(), b(), -1.0)", "masked_fill(f(0, 3), b(3), 1.0)", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "masked_fill(f(2), i(2), 1.0)", "masked_fill_ only supports boolean masks" },
                                   { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){ { "masked_fill(i(2), b(2), inf)", TGI_NO_INT64 },
                                   { "masked_fill(f(2), b(2), f(2))",
                                     "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                                     "1 dimension(s)." },
                                   { "masked_fill(f(2), b(3), 1.0)", "must match" },
                                   { NULL, NULL } },
    .traits = TG_CHOOSES,
};
const tg_op tgi_op_masked_fill_ = {
    .name = "masked_fill_",
    .schema = "masked_fill_(Tensor(a!) self, Tensor mask, Scalar value) -> Tensor(a!)",
    .formula = "a = value where mask",
    .gradient = "da = 0 where mask, g elsewhere; dvalue = the sum of g where mask",
    .doc = "masked_fill in place",
    .backward = masked_fill_backward,
    .call = masked_fill_in_place_call,
    .in_place_of = &tgi_op_masked_fill,
};

/* Opens either form; `value` becomes a tensor of a's dtype. False: an error. */
static bool fill_begin(const char *where, const tg_op *op, tg_tensor *a, tg_tensor *mask, tg_operand value,
                       tg_tensor **filler)
{
    const tg_operand operands[] = { tg_operand_tensor(a), tg_operand_tensor(mask), value };
    tg_tensor *tensors[3];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 3, tensors);
    if (!tg_op_begin(where, op, inputs)) return false;
    if (mask->dtype != TG_BOOL)
        return tg_op_fail(op, inputs, "masked_fill_ only supports boolean masks, but got mask with dtype %s",
                          tgi_type_name(mask)) != NULL;
    if (value.kind == TG_OPERAND_TENSOR && value.as.tensor->ndim)
        return tg_op_fail(
                   op, inputs,
                   "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).",
                   value.as.tensor->ndim) != NULL;
    return (*filler = tgi_value_to(op, inputs, value, (tg_dtype)a->dtype)) != NULL;
}

tg_tensor *tg_masked_fill_at(const char *where, tg_tensor *a, tg_tensor *mask, tg_operand value)
{
    tg_tensor *filler = NULL;
    if (!fill_begin(where, &tgi_op_masked_fill, a, mask, value, &filler)) return NULL;
    const tg_shape sa = tgi_shape(a), sm = tgi_shape(mask);
    tg_shape shape;
    if (!tgi_broadcast(&tgi_op_masked_fill, tg_list(a, mask), &sa, &sm, &shape)) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)a->dtype);
    if (!y) return NULL;
    tgi_iterate(TGI_KERNELS(pointwise)->where[a->dtype], 4, (tg_tensor *[]){ y, mask, filler, a });
    return tg_record(&tgi_op_masked_fill, tg_list(a, mask, filler), tg_list(y), tg_list(mask), NULL, 0) == TG_OK ? y
                                                                                                                 : NULL;
}

tg_tensor *tg_masked_fill_in_place_at(const char *where, tg_tensor *a, tg_tensor *mask, tg_operand value)
{
    tg_tensor *filler = NULL;
    const tg_op *op = &tgi_op_masked_fill_;
    if (!fill_begin(where, op, a, mask, value, &filler)) return NULL;
    mask = tgi_apart(mask, a, true);
    filler = tgi_apart(filler, a, false);
    if (filler == a) filler = tg_clone(a); /* its own element */
    if (!mask || !filler || !tgi_fits_in_place(op, a, mask) || !tg_in_place_begin(op, a, filler)) return NULL;
    if (mask == a && !(mask = tg_clone(a))) return NULL;
    tgi_iterate(TGI_KERNELS(pointwise)->where[a->dtype], 4, (tg_tensor *[]){ a, mask, filler, a });
    return tg_record_in_place(op, tg_list(a, mask, filler), a, tg_list(mask), NULL, 0) == TG_OK ? a : NULL;
}

/* ---- bitwise_not: of integers a ^ -1, of bools a ^ 1 ---- */

static tg_tensor_list bitwise_not_call(const tg_value *v) { return tgi_result(tg_bitwise_not(v[0].as.tensor)); }
static tg_tensor_list bitwise_not_in_place_call(const tg_value *v)
{
    return tgi_result(tg_bitwise_not_(v[0].as.tensor));
}

const tg_op tgi_op_bitwise_not = {
    .name = "bitwise_not",
    .schema = "bitwise_not(Tensor self) -> Tensor",
    .formula = "y = -1 - a; of a bool its opposite",
    .gradient = "none: integers have none",
    .doc = "the bits that a lacks",
    .call = bitwise_not_call,
    .samples = (const char *const[]){ "bitwise_not(i(2, 3))", "bitwise_not(b(5))", "bitwise_not(i())",
                                      "bitwise_not(b(0, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "bitwise_not(f(2))", "not implemented for 'Double'" }, { NULL, NULL } },
};
const tg_op tgi_op_bitwise_not_ = {
    .name = "bitwise_not_",
    .schema = "bitwise_not_(Tensor(a!) self) -> Tensor(a!)",
    .formula = "a = -1 - a; of a bool its opposite",
    .gradient = "none: integers have none",
    .doc = "bitwise_not in place",
    .call = bitwise_not_in_place_call,
    .in_place_of = &tgi_op_bitwise_not,
};

static bool not_begin(const char *where, const tg_op *op, const tg_tensor *a, tg_operand *ones)
{
    if (!tg_op_begin(where, op, tg_list((tg_tensor *)a))) return false;
    const tg_dtype dtype = (tg_dtype)a->dtype;
    *ones = dtype == TG_BOOL ? tg_operand_bool(true) : tg_operand_int(-1);
    return !tg_dtype_is_floating(dtype) || tgi_not_implemented(op, tg_list((tg_tensor *)a), op->name, dtype);
}

tg_tensor *tg_bitwise_not_at(const char *where, tg_tensor *a)
{
    tg_operand ones;
    return not_begin(where, &tgi_op_bitwise_not, a, &ones) ? tg_bitwise_xor_at(NULL, tg_operand_tensor(a), ones) : NULL;
}

tg_tensor *tg_bitwise_not_in_place_at(const char *where, tg_tensor *a)
{
    tg_operand ones;
    return not_begin(where, &tgi_op_bitwise_not_, a, &ones) ? tg_bitwise_xor_in_place_at(NULL, a, ones) : NULL;
}

/* ---- isclose, allclose, equal ---- */

static tg_tensor_list isclose_call(const tg_value *v)
{
    return tgi_result(tg_isclose(v[0].as.tensor, v[1].as.tensor, .rtol = v[2].as.real, .atol = v[3].as.real,
                                 .equal_nan = v[4].as.boolean));
}

const tg_op tgi_op_isclose = {
    .name = "isclose",
    .schema = "isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor",
    .formula = "y = |a - b| <= atol + rtol |b|",
    .gradient = "none: the result is bool",
    .doc = "whether a and b are nearly the same, element by element",
    .call = isclose_call,
    .samples =
        (const char *const[]){ "isclose(f(2, 3), f(2, 3), rtol=0.5, atol=0.5)", "isclose(f(2, 3), f(3), 0, 1)",
                               "isclose(v(1, nan, inf, -inf), v(1.000001, nan, inf, inf))",
                               "isclose(v(1, nan, inf, 0), v(1.1, nan, 0, 0), equal_nan=True)", "isclose(i(5), i(5))",
                               "isclose(i(5), i(5), 0, 0)", "isclose(f(0, 3), f(3))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "isclose(f(2), i(2))", "Double did not match Long" },
            { "isclose(f(2), f(2), rtol=-1)", "rtol must be greater than or equal to zero, but got -1" },
            { "isclose(f(2), f(2), atol=-1)", "atol must be greater than or equal to zero, but got -1" },
            { "isclose(f(2), f(3))", "must match" },
            { NULL, NULL } },
};

static tg_tensor *close_elements(tg_tensor *a, tg_tensor *b, tg_isclose_options o)
{
    tg_tensor *close = tg_eq(a, b);
    if (o.equal_nan) close = tg_logical_or(close, tg_logical_and(tg_isnan(a), tg_isnan(b)));
    if (o.rtol == 0 && o.atol == 0) return close;
    if (!tg_dtype_is_floating(tg_dtype_of(a))) {
        a = tg_to(a, tg_default_dtype());
        b = tg_to(b, tg_default_dtype());
    }
    tg_tensor *actual = tg_abs(tg_sub(a, b)), *allowed = tg_add(tg_abs(tg_mul(b, o.rtol)), o.atol);
    return tg_logical_or(close, tg_logical_and(tg_isfinite(actual), tg_le(actual, allowed)));
}

tg_tensor *tg_isclose_at(const char *where, tg_tensor *a, tg_tensor *b, tg_isclose_options options)
{
    const tg_op *op = &tgi_op_isclose;
    const tg_tensor_list inputs = tg_list(a, b);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (a->dtype != b->dtype) return tg_op_fail(op, inputs, "%s did not match %s", tgi_type_name(a), tgi_type_name(b));
    if (!(options.rtol >= 0))
        return tg_op_fail(op, inputs, "rtol must be greater than or equal to zero, but got %g", options.rtol);
    if (!(options.atol >= 0))
        return tg_op_fail(op, inputs, "atol must be greater than or equal to zero, but got %g", options.atol);
    const tg_shape sa = tgi_shape(a), sb = tgi_shape(b);
    tg_shape shape;
    if (!tgi_broadcast(op, inputs, &sa, &sb, &shape)) return NULL;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *close = close_elements(a, b, options);
    tg_scope_end_with(scope, &close);
    return close;
}

/* Ends the scope that `t` was made in. */
static bool all_true(tg_scope scope, tg_tensor *t)
{
    t = t ? tgi_contiguous_raw(t) : NULL;
    const char *elements = t ? tgi_ptr(t) : NULL;
    bool all = t != NULL;
    for (int64_t i = 0; all && i < t->numel; i++) all = elements[i] != 0;
    tg_scope_end(scope);
    return all;
}

bool tg_allclose_at(const char *where, tg_tensor *a, tg_tensor *b, tg_isclose_options options)
{
    tg_scope scope = tg_no_grad_begin();
    return all_true(scope, tg_isclose_at(where, a, b, options));
}

bool tg_equal_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    static const tg_op op = { .name = "equal" };
    if (!tg_op_begin(where, &op, tg_list(a, b))) return false;
    tg_scope scope = tg_no_grad_begin();
    const bool differ = !tgi_same_shape(a, b);
    tg_tensor *same = differ ? NULL : tg_eq_at(where, tg_operand_tensor(a), tg_operand_tensor(b));
    return all_true(scope, same);
}
