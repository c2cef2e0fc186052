/* pointwise.c: the rows of pointwise.def as ops, and their arguments beyond a row: alpha, rounding_mode, missing bounds.
 *
 * What PyTorch refuses and the loops would take (a bool subtracted, an integer divided by 0) is refused here. */
#include "ops/pointwise.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/scope.h"
#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/base/iterate.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "ops/base/promote.h"
#include "row.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- what is refused ---- */

static bool refuse(const tg_op *op, tg_tensor_list inputs, const char *message)
{
    tg_op_fail(op, inputs, "%s", message);
    return false;
}

static bool sub_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)parameters;
    const int bools = (tgi_operand_dtype(&operands[0]) == TG_BOOL) + (tgi_operand_dtype(&operands[1]) == TG_BOOL);
    if (bools == 0) return true;
    return refuse(
        op, inputs,
        bools == 2 ? "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                     "`logical_xor()` operator instead."
                   : "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert "
                     "a mask, use the `~` or `logical_not()` operator instead.");
}

/* Whether an integer operand has a 0; true when memory ran out, with an error recorded. */
static bool has_zero(const tg_operand *operand)
{
    if (operand->kind != TG_OPERAND_TENSOR) return operand->as.integer == 0;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *t = tgi_operand_to(*operand, TG_INT64);
    t = t ? tgi_contiguous_raw(t) : NULL;
    const int64_t *x = t ? (const int64_t *)tgi_ptr(t) : NULL;
    int64_t zeros = !t; /* counted, which vectors do, where a search would stop */
    for (int64_t i = 0; t && i < t->numel; i++) zeros += x[i] == 0;
    tg_scope_end(scope);
    return zeros != 0;
}

static bool divisor_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)parameters;
    if (tg_dtype_is_floating(tgi_result_type(operands, 2))) return true;
    for (int i = 0; i < inputs.count; i++)
        if (inputs.items[i]->numel == 0) return true; /* nothing is divided */
    if (!has_zero(&operands[1])) return true;
    return tg_failed() ? false : refuse(op, inputs, "ZeroDivisionError");
}

static bool pow_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)parameters;
    if (operands[1].kind != TG_OPERAND_INT || operands[1].as.integer >= 0) return true;
    if (tg_dtype_is_floating(tgi_operand_dtype(&operands[0]))) return true;
    return refuse(op, inputs, "Integers to negative integer powers are not allowed.");
}

/* lerp promotes nothing. */
static bool lerp_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    static const char *const argument[] = { "self", "end", "weight" };
    (void)parameters;
    const tg_dtype want = tgi_operand_dtype(&operands[0]);
    for (int i = 1; i < 3; i++) {
        const tg_dtype have = tgi_operand_dtype(&operands[i]);
        if (operands[i].kind != TG_OPERAND_TENSOR || have == want) continue;
        tg_op_fail(op, inputs, "expected dtype %s for `%s` but got dtype %s", tgi_c_type_name(want), argument[i],
                   tgi_c_type_name(have));
        return false;
    }
    return true;
}

static bool addcdiv_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)parameters;
    if (tg_dtype_is_floating(tgi_operand_dtype(&operands[1])) || tg_dtype_is_floating(tgi_operand_dtype(&operands[2])))
        return true;
    return refuse(op, inputs, "Integer division with addcdiv is no longer supported");
}

#define CHECK_sub          ~, sub_check
#define CHECK_pow          ~, pow_check
#define CHECK_div_trunc    ~, divisor_check
#define CHECK_floor_divide ~, divisor_check
#define CHECK_fmod         ~, divisor_check
#define CHECK_remainder    ~, divisor_check
#define CHECK_lerp         ~, lerp_check
#define CHECK_addcdiv      ~, addcdiv_check

/* ---- calls with more arguments than a row has ---- */

static tg_tensor_list add_scaled_call(const tg_value *v)
{
    return tgi_result(tg_add_scaled_at(TG_HERE, tgi_value_operand(&v[0]), tgi_value_operand(&v[1]), v[2].as.real));
}

static tg_tensor_list sub_scaled_call(const tg_value *v)
{
    return tgi_result(tg_sub_scaled_at(TG_HERE, tgi_value_operand(&v[0]), tgi_value_operand(&v[1]), v[2].as.real));
}

static tg_tensor_list add_scaled_in_place_call(const tg_value *v)
{
    return tgi_result(tg_add_scaled_in_place_at(TG_HERE, v[0].as.tensor, tgi_value_operand(&v[1]), v[2].as.real));
}

static tg_tensor_list sub_scaled_in_place_call(const tg_value *v)
{
    return tgi_result(tg_sub_scaled_in_place_at(TG_HERE, v[0].as.tensor, tgi_value_operand(&v[1]), v[2].as.real));
}

static const char *string_or_null(const tg_value *v) { return v->kind == TG_VALUE_STRING ? v->as.string : NULL; }

static tg_tensor_list div_rounded_call(const tg_value *v)
{
    return tgi_result(
        tg_div_rounded_at(TG_HERE, tgi_value_operand(&v[0]), tgi_value_operand(&v[1]), string_or_null(&v[2])));
}

static tg_tensor_list div_rounded_in_place_call(const tg_value *v)
{
    return tgi_result(
        tg_div_rounded_in_place_at(TG_HERE, v[0].as.tensor, tgi_value_operand(&v[1]), string_or_null(&v[2])));
}

static tg_tensor_list round_decimals_call(const tg_value *v)
{
    return tgi_result(tg_round_decimals_at(TG_HERE, v[0].as.tensor, v[1].as.integer));
}

static tg_tensor_list round_decimals_in_place_call(const tg_value *v)
{
    return tgi_result(tg_round_decimals_in_place_at(TG_HERE, v[0].as.tensor, v[1].as.integer));
}

/* A bound that may be None. */
static tg_operand bound(const tg_value *v)
{
    return v->kind == TG_VALUE_NONE ? tg_operand_tensor(NULL) : tgi_value_operand(v);
}

static tg_tensor_list clamp_tensor_call(const tg_value *v)
{
    return tgi_result(tg_clamp_tensor_at(TG_HERE, v[0].as.tensor, bound(&v[1]), bound(&v[2])));
}

static tg_tensor_list clamp_tensor_in_place_call(const tg_value *v)
{
    return tgi_result(tg_clamp_tensor_in_place_at(TG_HERE, v[0].as.tensor, bound(&v[1]), bound(&v[2])));
}

#define SIZES_DIFFER(name)                                                                                             \
    {                                                                                                                  \
#name "(f(2, 3), f(4))",                                                                                       \
            "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1"                \
    }
static const tg_error_sample sub_errors[] = {
    SIZES_DIFFER(sub),
    { "sub(b(2), b(2))", "Subtraction, the `-` operator, with two bool tensors is not supported." },
    { "sub(f(2), b(2))", "Subtraction, the `-` operator, with a bool tensor is not supported." },
    { "sub(1.0, b(2))", "Subtraction, the `-` operator, with a bool tensor is not supported." },
    { "sub(i(2), i(2), alpha=0.5)", "argument alpha must not be a floating point number." },
    { NULL, NULL }
};
static const tg_error_sample add_errors[] = { SIZES_DIFFER(add),
                                              { "add(i(2), i(2), alpha=0.5)",
                                                "argument alpha must not be a floating point number." },
                                              { NULL, NULL } };
static const tg_error_sample div_errors[] = {
    SIZES_DIFFER(div),
    { "div(f(2), f(2), rounding_mode='up')",
      "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'" },
    { NULL, NULL }
};
#define ZERO_ERRORS(name)                                                                                              \
    static const tg_error_sample name##_errors[] = { SIZES_DIFFER(name),                                               \
                                                     { #name "(i(2), 0)", "ZeroDivisionError" },                       \
                                                     { NULL, NULL } };
ZERO_ERRORS(fmod)
ZERO_ERRORS(remainder)
ZERO_ERRORS(div_trunc)
ZERO_ERRORS(floor_divide)
static const tg_error_sample pow_errors[] = {
    SIZES_DIFFER(pow), { "pow(i(2), -1)", "Integers to negative integer powers are not allowed." }, { NULL, NULL }
};
static const tg_error_sample lerp_errors[] = {
    { "lerp(f(2, 3), f(4), 0.5)",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "lerp(f(2), i(2), 0.5)", "expected dtype double for `end` but got dtype long int" },
    { NULL, NULL }
};
static const tg_error_sample addcdiv_errors[] = {
    { "addcdiv(f(2, 3), f(4), f(4))",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "addcdiv(f(2), i(2), i(2))", "Integer division with addcdiv is no longer supported" },
    { NULL, NULL }
};
static const tg_error_sample clamp_errors[] = {
    { "clamp(f(2, 3), f(4), None)",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "clamp(f(2, 3))", "At least one of 'min' or 'max' must not be None" },
    { "clamp(b(2), b(2), b(2))", "not implemented for 'Bool'" },
    { "clamp(b(2), False, True)", "not implemented for 'Bool'" },
    { "clamp(b(2), max=False)", "not implemented for 'Bool'" },
    { NULL, NULL }
};

static const char *const add_corners[] = { "add(f(2, 3), f(3), alpha=2.5)",
                                           "add(f(), i(1, 2), alpha=2)",
                                           "add(b(3), b(3), alpha=2)",
                                           "add(b(3), b(3), alpha=0)",
                                           "add(i(2, 3), i(3), alpha=-2)",
                                           "add(f(2), 1.5, alpha=0)",
                                           NULL };
static const char *const sub_corners[] = { "sub(f(2, 3), f(3), alpha=2.5)", "sub(i(2, 3), i(3), alpha=3)",
                                           "sub(2, f(2), alpha=0.5)", NULL };
static const char *const div_corners[] = { "div(f(2, 3), f(3, lo=0.5, hi=2), rounding_mode='floor')",
                                           "div(f(2, 3), f(3, lo=0.5, hi=2), rounding_mode='trunc')",
                                           "div(i(2, 3, lo=-9, hi=9), i(3, lo=1, hi=5), rounding_mode='floor')",
                                           "div(i(2, 3, lo=-9, hi=9), i(3, lo=1, hi=5), rounding_mode='trunc')",
                                           "div(f(2), f(2, lo=1), rounding_mode=None)",
                                           NULL };
static const char *const round_corners[] = { "round(v(1.234, -2.5, 15.55, 0.005, 1234.5, nan, inf), decimals=2)",
                                             "round(v(1.234, -2.5, 15, 25, 1234.5, -inf), decimals=-1)",
                                             "round(f(2, 3), decimals=1)", NULL };
static const tg_error_sample round_errors[] = {
    { "round(i(2), decimals=1)", "\"round_cpu\" not implemented for 'Long'" }, { NULL, NULL }
};
static const char *const clamp_corners[] = { "clamp(f(2, 3), 0, None)",
                                             "clamp(f(2, 3), None, 0.5)",
                                             "clamp(f(2, 3), -0.5, 0.5)",
                                             "clamp(f(2, 3), 0.5, -0.5)",
                                             "clamp(f(2, 3), min=f(2, 1), max=f(3))",
                                             "clamp(i(2, 3), 0, 1)",
                                             "clamp(i(2, 3), -0.5, 1)",
                                             "clamp(v(1, nan, 2), nan, 1.5)",
                                             "clamp(v(1, nan, inf), -inf, inf)",
                                             "clamp(v(1, inf), min=v(inf, inf))",
                                             "clamp(v(1, -inf), max=v(-inf, -inf))",
                                             "clamp(b(5), min=b(5))",
                                             "clamp(b(5), None, b(1))",
                                             "clamp(b(5), 0, 1)",
                                             NULL };

#define EXTRA_add                                                                                                      \
    ~, .schema = "add(Scalar self, Scalar other, *, float alpha=1) -> Tensor", .call = add_scaled_call,                \
       .corners = add_corners, .errors = add_errors
#define EXTRA_sub                                                                                                      \
    ~, .schema = "sub(Scalar self, Scalar other, *, float alpha=1) -> Tensor", .call = sub_scaled_call,                \
       .corners = sub_corners, .errors = sub_errors, .traits = TG_SUBTRACTS
#define EXTRA_div                                                                                                      \
    ~, .schema = "div(Scalar self, Scalar other, *, str? rounding_mode=None) -> Tensor", .call = div_rounded_call,     \
       .corners = div_corners, .errors = div_errors,                                                                   \
       .not_finite = "a / 0 is infinite and 0 / 0 is NaN, and so are their gradients. Add something small to the "     \
                     "divisor, tg_add(b, 1e-8), or keep it away from 0 with tg_clamp before the division"
#define EXTRA_add_                                                                                                     \
    ~, .schema = "add_(Tensor(a!) self, Scalar other, *, float alpha=1) -> Tensor(a!)", .call = add_scaled_in_place_call
#define EXTRA_sub_                                                                                                     \
    ~, .schema = "sub_(Tensor(a!) self, Scalar other, *, float alpha=1) -> Tensor(a!)", .call = sub_scaled_in_place_call
#define EXTRA_div_                                                                                                     \
    ~, .schema = "div_(Tensor(a!) self, Scalar other, *, str? rounding_mode=None) -> Tensor(a!)",                      \
       .call = div_rounded_in_place_call
#define EXTRA_round                                                                                                    \
    ~, .schema = "round(Tensor self, *, int decimals=0) -> Tensor", .call = round_decimals_call,                       \
       .corners = round_corners, .errors = round_errors
#define EXTRA_round_                                                                                                   \
    ~, .schema = "round_(Tensor(a!) self, *, int decimals=0) -> Tensor(a!)", .call = round_decimals_in_place_call
#define EXTRA_fmod         ~, .errors = fmod_errors
#define EXTRA_remainder    ~, .errors = remainder_errors
#define EXTRA_div_trunc    ~, .errors = div_trunc_errors
#define EXTRA_floor_divide ~, .errors = floor_divide_errors
#define EXTRA_pow                                                                                                      \
    ~, .schema = "pow(Scalar self, Scalar exponent) -> Tensor", .errors = pow_errors,                                  \
       .not_finite = "a negative number to a power that is not whole is NaN, 0 to a negative power is infinite, and "  \
                     "the gradient of 0 to a power below 1 is infinite. Keep the base above 0: tg_clamp(a, .min = "    \
                     "1e-8)"
#define EXTRA_pow_ ~, .schema = "pow_(Tensor(a!) self, Scalar exponent) -> Tensor(a!)"
#define EXTRA_addcdiv                                                                                                  \
    ~, .errors = addcdiv_errors, .not_finite = "b / 0 is infinite and 0 / 0 is NaN. Add something small to the divisor"
#define EXTRA_reciprocal                                                                                               \
    ~, .not_finite = "1 / 0 is infinite, and so is its gradient. Add something small before dividing, or keep the "    \
                     "number away from 0 with tg_clamp"
#define EXTRA_lerp  ~, .schema = "lerp(Tensor self, Tensor end, Scalar weight) -> Tensor", .errors = lerp_errors
#define EXTRA_lerp_ ~, .schema = "lerp_(Tensor(a!) self, Tensor end, Scalar weight) -> Tensor(a!)"
#define EXTRA_clamp                                                                                                    \
    ~, .schema = "clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", .call = clamp_tensor_call,        \
       .usage = "tg_clamp(self, .min = min, .max = max)", .corners = clamp_corners, .errors = clamp_errors
#define EXTRA_clamp_                                                                                                   \
    ~, .schema = "clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)",                          \
       .call = clamp_tensor_in_place_call, .usage = "tg_clamp_(self, .min = min, .max = max)"

#define ROWS   "ops/pointwise.def"
#define FAMILY pointwise
#include "rows.inc"

/* ---- alpha, rounding_mode ---- */

/* The number b times alpha, still a number, so that it promotes nothing; of integers, with the low 64 bits. */
static tg_operand scaled_number(tg_operand b, double alpha, tg_dtype common)
{
    if (tg_dtype_is_floating(common))
        return tg_operand_real((b.kind == TG_OPERAND_REAL ? b.as.real : (double)b.as.integer) * alpha);
    if (common == TG_BOOL) return tg_operand_bool(b.as.integer != 0 && alpha != 0);
    return tg_operand_int((int64_t)((uint64_t)b.as.integer * (uint64_t)(int64_t)alpha));
}

/* a + alpha b in one pass, as a + alpha b 1. NULL: not so, since the tensors differ or a gradient is asked for. */
static tg_tensor *added_at_once(const tg_op *op, tg_tensor_list inputs, double alpha)
{
    tg_tensor *a = inputs.items[0], *b = inputs.items[1];
    if (!tgi_is_floating(a) || a->dtype != b->dtype || !tgi_same_shape(a, b) || tg_will_record(inputs)) return NULL;
    tg_tensor *one = tgi_operand_to(tg_operand_real(1), (tg_dtype)a->dtype);
    tg_tensor *y = one ? tgi_new_like(a, (tg_dtype)a->dtype) : NULL;
    if (!y) return NULL;
    tgi_iterate_with(TGI_ROW(pointwise, addcmul)->forward[a->dtype], 4, (tg_tensor *[]){ y, a, b, one }, &alpha);
    return tgi_returns(op, y);
}

/* b times alpha, which is whole where both operands are integers; or, where there is room for it, the result itself. False:
 * an error. */
static bool scale(const char *where, const tg_op *op, tg_operand a, tg_operand *b, double alpha, tg_tensor **y)
{
    const tg_operand operands[] = { a, *b };
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 2, tensors);
    if (!tg_op_begin(where, op, inputs)) return false;
    const tg_dtype common = tgi_result_type(operands, 2);
    if (op == &tgi_op_sub && !sub_check(op, inputs, operands, NULL)) return false;
    if (!tg_dtype_is_floating(common) && alpha != trunc(alpha))
        return refuse(op, inputs, "For integral input tensors, argument alpha must not be a floating point number.");
    if (!tg_dtype_is_floating(common) && !(fabs(alpha) < 0x1p63)) return refuse(op, inputs, TGI_NO_INT64);
    if (alpha == 1) return true;
    if (y && inputs.count == 2 && (*y = added_at_once(op, inputs, op == &tgi_op_sub ? -alpha : alpha))) return true;
    if (b->kind != TG_OPERAND_TENSOR) {
        *b = scaled_number(*b, alpha, common);
        return true;
    }
    /* In the result's dtype, in which they are added. */
    tg_tensor *scaled =
        tg_mul_at(NULL, tg_operand_tensor(tg_to(b->as.tensor, common)),
                  tg_dtype_is_floating(common) ? tg_operand_real(alpha) : tg_operand_int((int64_t)alpha));
    if (common == TG_BOOL) scaled = tg_to(scaled, common);
    *b = tg_operand_tensor(scaled);
    return scaled != NULL;
}

tg_tensor *tg_add_scaled_at(const char *where, tg_operand a, tg_operand b, double alpha)
{
    tg_tensor *y = NULL;
    return scale(where, &tgi_op_add, a, &b, alpha, &y) ? y ? y : tg_add_at(where, a, b) : NULL;
}

tg_tensor *tg_sub_scaled_at(const char *where, tg_operand a, tg_operand b, double alpha)
{
    tg_tensor *y = NULL;
    return scale(where, &tgi_op_sub, a, &b, alpha, &y) ? y ? y : tg_sub_at(where, a, b) : NULL;
}

tg_tensor *tg_add_scaled_in_place_at(const char *where, tg_tensor *a, tg_operand b, double alpha)
{
    return scale(where, &tgi_op_add, tg_operand_tensor(a), &b, alpha, NULL) ? tg_add_in_place_at(where, a, b) : NULL;
}

tg_tensor *tg_sub_scaled_in_place_at(const char *where, tg_tensor *a, tg_operand b, double alpha)
{
    return scale(where, &tgi_op_sub, tg_operand_tensor(a), &b, alpha, NULL) ? tg_sub_in_place_at(where, a, b) : NULL;
}

enum { TRUE_QUOTIENT, TRUNCATED, FLOORED, NO_SUCH_MODE };

static int mode_of(const char *where, const tg_operand *operands, const char *mode)
{
    if (!mode) return TRUE_QUOTIENT;
    if (strcmp(mode, "trunc") == 0) return TRUNCATED;
    if (strcmp(mode, "floor") == 0) return FLOORED;
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 2, tensors);
    if (tg_op_begin(where, &tgi_op_div, inputs))
        tg_op_fail(&tgi_op_div, inputs,
                   "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '%s'", mode);
    return NO_SUCH_MODE;
}

tg_tensor *tg_div_rounded_at(const char *where, tg_operand a, tg_operand b, const char *rounding_mode)
{
    const tg_operand operands[] = { a, b };
    switch (mode_of(where, operands, rounding_mode)) {
    case TRUE_QUOTIENT: return tg_div_at(where, a, b);
    case TRUNCATED: return tg_div_trunc_at(where, a, b);
    case FLOORED: return tg_floor_divide_at(where, a, b);
    default: return NULL;
    }
}

tg_tensor *tg_div_rounded_in_place_at(const char *where, tg_tensor *a, tg_operand b, const char *rounding_mode)
{
    const tg_operand operands[] = { tg_operand_tensor(a), b };
    switch (mode_of(where, operands, rounding_mode)) {
    case TRUE_QUOTIENT: return tg_div_in_place_at(where, a, b);
    case TRUNCATED: return tg_div_trunc_in_place_at(where, a, b);
    case FLOORED: return tg_floor_divide_in_place_at(where, a, b);
    default: return NULL;
    }
}

/* ---- round to decimals ---- */

/* A number so large that 10^decimals times it overflows has no such decimals. No gradient but 0 flows either way. */
static tg_tensor *to_decimals(const tg_op *op, tg_tensor *a, int64_t decimals)
{
    const tg_dtype dtype = (tg_dtype)a->dtype;
    if (!tg_dtype_is_floating(dtype)) return tgi_not_implemented(op, tg_list(a), "round_cpu", dtype);
    const int64_t most = dtype == TG_FLOAT32 ? FLT_MAX_10_EXP : DBL_MAX_10_EXP;
    if (decimals < 0) {
        const double ten = pow(10, (double)(decimals < -most ? most : -decimals));
        return tg_mul(tg_round(tg_div(a, ten)), ten);
    }
    const double ten = pow(10, (double)(decimals > most ? most : decimals));
    tg_tensor *shifted = tg_mul(a, ten);
    return tg_where(tg_isfinite(shifted), tg_div(tg_round(shifted), ten), tg_detach(a));
}

tg_tensor *tg_round_decimals_at(const char *where, tg_tensor *a, int64_t decimals)
{
    if (decimals == 0) return tg_round_at(where, a);
    return tg_op_begin(where, &tgi_op_round, tg_list(a)) ? to_decimals(&tgi_op_round, a, decimals) : NULL;
}

tg_tensor *tg_round_decimals_in_place_at(const char *where, tg_tensor *a, int64_t decimals)
{
    if (decimals == 0) return tg_round_in_place_at(where, a);
    if (!tg_op_begin(where, &tgi_op_round_, tg_list(a))) return NULL;
    tg_tensor *y = to_decimals(&tgi_op_round_, a, decimals);
    return y ? tg_copy_(a, y) : NULL;
}

/* ---- clamp: bounds that may be missing ---- */

static bool is_none(tg_operand x) { return x.kind == TG_OPERAND_TENSOR && !x.as.tensor; }

/* A missing bound becomes one that nothing passes, of the dtype that the others have. False: an error. */
static bool complete(const char *where, const tg_op *op, tg_tensor *a, tg_operand *min, tg_operand *max)
{
    if (!is_none(*min) && !is_none(*max)) return true;
    if (!tg_op_begin(where, op, tg_list(a)) || !tg_optional_ok(NULL)) return false;
    if (is_none(*min) && is_none(*max))
        return refuse(op, tg_list(a), "torch.clamp: At least one of 'min' or 'max' must not be None");
    const tg_operand operands[] = { tg_operand_tensor(a), is_none(*min) ? *max : *min };
    const tg_dtype dtype = tgi_result_type(operands, 2);
    const bool floating = tg_dtype_is_floating(dtype);
    if (dtype == TG_BOOL) return tgi_not_implemented(op, tg_list(a), "clamp", dtype) != NULL;
    if (is_none(*min)) *min = floating ? tg_operand_real(-INFINITY) : tg_operand_int(INT64_MIN);
    if (is_none(*max)) *max = floating ? tg_operand_real(INFINITY) : tg_operand_int(INT64_MAX);
    return true;
}

/* One bound of bools that is a tensor: the larger or the smaller of the two, as in PyTorch, which takes no other. */
static bool is_bool_bound(const tg_tensor *a, tg_operand bound, tg_operand other)
{
    return a && a->dtype == TG_BOOL && is_none(other) && bound.kind == TG_OPERAND_TENSOR && bound.as.tensor &&
           bound.as.tensor->dtype == TG_BOOL;
}

tg_tensor *tg_clamp_tensor_at(const char *where, tg_tensor *a, tg_operand min, tg_operand max)
{
    if (is_bool_bound(a, min, max)) return tg_maximum_at(where, tg_operand_tensor(a), min);
    if (is_bool_bound(a, max, min)) return tg_minimum_at(where, tg_operand_tensor(a), max);
    return complete(where, &tgi_op_clamp, a, &min, &max) ? tg_clamp_at(where, tg_operand_tensor(a), min, max) : NULL;
}

tg_tensor *tg_clamp_tensor_in_place_at(const char *where, tg_tensor *a, tg_operand min, tg_operand max)
{
    if (is_bool_bound(a, min, max)) return tg_maximum_in_place_at(where, a, min);
    if (is_bool_bound(a, max, min)) return tg_minimum_in_place_at(where, a, max);
    return complete(where, &tgi_op_clamp_, a, &min, &max) ? tg_clamp_in_place_at(where, a, min, max) : NULL;
}

/* A bound of an integer tensor that is whole is an integer. */
static tg_operand number_bound(const tg_tensor *a, double x, double none)
{
    if (x == none) return tg_operand_tensor(NULL);
    const bool whole = a && !tg_dtype_is_floating((tg_dtype)a->dtype) && x == trunc(x) && fabs(x) < 0x1p63;
    return whole ? tg_operand_int((int64_t)x) : tg_operand_real(x);
}

tg_tensor *tg_clamp_number_at(const char *where, tg_tensor *a, tg_clamp_options options)
{
    return tg_clamp_tensor_at(where, a, number_bound(a, options.min, -INFINITY),
                              number_bound(a, options.max, INFINITY));
}

tg_tensor *tg_clamp_number_in_place_at(const char *where, tg_tensor *a, tg_clamp_options options)
{
    return tg_clamp_tensor_in_place_at(where, a, number_bound(a, options.min, -INFINITY),
                                       number_bound(a, options.max, INFINITY));
}
