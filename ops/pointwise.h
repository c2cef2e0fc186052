/* pointwise.h: ops that work element by element, with broadcasting and type promotion. Here are arithmetic, comparisons
 * and logic, the rows of pointwise.def; exp, sin and the like are in functions.h, relu and the like in activation.h,
 * and including this file includes those.
 *
 * An operand may be a tensor or a number: `tg_add(x, 1)`, `tg_div(1.0, x)`. Result dtypes follow PyTorch: integers
 * stay integers under arithmetic but for div, reciprocal and copysign, and become the default float in functions that
 * have fractional values, such as exp; if all operands are C's floating numbers, `tg_add(1.5, 2.5)`, the result is
 * float64. Errors: shapes that do not broadcast, dtypes the op does not take.
 *
 * A name that ends in _ writes the result over its first argument and returns that. Under autograd's rules
 * (docs/architecture.md): never a leaf that requires grad, never a view while a gradient flows; the result keeps the
 * argument's shape and dtype. */
#ifndef TG_OPS_POINTWISE_H
#define TG_OPS_POINTWISE_H

#include <math.h>

#include "operand.h"

TG_BEGIN_DECLS

/* Numbers for NaN and the infinities: `tg_nan_to_num(x, .posinf = 1e6)`. */
typedef struct tg_nan_to_num_options {
    double nan;   /* what NaN becomes; NAN: 0 */
    double posinf;   /* NAN: the largest finite number */
    double neginf;   /* NAN: the lowest */
    TG_OPTIONS_END
} tg_nan_to_num_options;
#define TG_NAN_TO_NUM_DEFAULTS /* nan */ 0, /* posinf */ NAN, /* neginf */ NAN TG_DEFAULTS_END
#define TG_NAN_TO_NUM_OPTIONS(...) TG_OPTIONS(tg_nan_to_num_options, TG_NAN_TO_NUM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* tensor1 and tensor2 are scaled: `tg_addcmul(x, y, z, .value = 0.5)` is x + 0.5 y z. */
typedef struct tg_addcmul_options {
    double value;
    TG_OPTIONS_END
} tg_addcmul_options;
#define TG_ADDCMUL_DEFAULTS /* value */ 1 TG_DEFAULTS_END
#define TG_ADDCMUL_OPTIONS(...) TG_OPTIONS(tg_addcmul_options, TG_ADDCMUL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
typedef struct tg_addcdiv_options {
    double value;
    TG_OPTIONS_END
} tg_addcdiv_options;
#define TG_ADDCDIV_DEFAULTS /* value */ 1 TG_DEFAULTS_END
#define TG_ADDCDIV_OPTIONS(...) TG_OPTIONS(tg_addcdiv_options, TG_ADDCDIV_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

#include "rows_declare.def"
#include "pointwise.def"

#define tg_neg(a)        tg_neg_at(TG_HERE, a)
#define tg_abs(a)        tg_abs_at(TG_HERE, a)
#define tg_sign(a)       tg_sign_at(TG_HERE, a)
#define tg_square(a)     tg_square_at(TG_HERE, a)
#define tg_reciprocal(a) tg_reciprocal_at(TG_HERE, a)
#define tg_floor(a)      tg_floor_at(TG_HERE, a)
#define tg_ceil(a)       tg_ceil_at(TG_HERE, a)
#define tg_trunc(a)      tg_trunc_at(TG_HERE, a)
#define tg_frac(a)       tg_frac_at(TG_HERE, a)

#define tg_neg_(a)        tg_neg_in_place_at(TG_HERE, a)
#define tg_abs_(a)        tg_abs_in_place_at(TG_HERE, a)
#define tg_sign_(a)       tg_sign_in_place_at(TG_HERE, a)
#define tg_square_(a)     tg_square_in_place_at(TG_HERE, a)
#define tg_reciprocal_(a) tg_reciprocal_in_place_at(TG_HERE, a)
#define tg_floor_(a)      tg_floor_in_place_at(TG_HERE, a)
#define tg_ceil_(a)       tg_ceil_in_place_at(TG_HERE, a)
#define tg_trunc_(a)      tg_trunc_in_place_at(TG_HERE, a)
#define tg_frac_(a)       tg_frac_in_place_at(TG_HERE, a)

#define tg_nan_to_num(a, ...)  tg_nan_to_num_at(TG_HERE, a, TG_NAN_TO_NUM_OPTIONS(__VA_ARGS__))
#define tg_nan_to_num_(a, ...) tg_nan_to_num_in_place_at(TG_HERE, a, TG_NAN_TO_NUM_OPTIONS(__VA_ARGS__))

#define tg_mul(a, b)                 tg_mul_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_div_trunc(a, b)           tg_div_trunc_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_floor_divide(a, b)        tg_floor_divide_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_fmod(a, b)                tg_fmod_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_remainder(a, b)           tg_remainder_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_pow(a, b)                 tg_pow_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_maximum(a, b)             tg_maximum_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_minimum(a, b)             tg_minimum_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_fmax(a, b)                tg_fmax_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_fmin(a, b)                tg_fmin_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_copysign(a, b)            tg_copysign_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_bitwise_and(a, b)         tg_bitwise_and_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_bitwise_or(a, b)          tg_bitwise_or_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_bitwise_xor(a, b)         tg_bitwise_xor_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_bitwise_left_shift(a, b)  tg_bitwise_left_shift_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_bitwise_right_shift(a, b) tg_bitwise_right_shift_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))

#define tg_mul_(a, b)                 tg_mul_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_div_trunc_(a, b)           tg_div_trunc_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_floor_divide_(a, b)        tg_floor_divide_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_fmod_(a, b)                tg_fmod_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_remainder_(a, b)           tg_remainder_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_pow_(a, b)                 tg_pow_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_maximum_(a, b)             tg_maximum_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_minimum_(a, b)             tg_minimum_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_fmax_(a, b)                tg_fmax_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_fmin_(a, b)                tg_fmin_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_copysign_(a, b)            tg_copysign_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_bitwise_and_(a, b)         tg_bitwise_and_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_bitwise_or_(a, b)          tg_bitwise_or_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_bitwise_xor_(a, b)         tg_bitwise_xor_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_bitwise_left_shift_(a, b)  tg_bitwise_left_shift_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_bitwise_right_shift_(a, b) tg_bitwise_right_shift_in_place_at(TG_HERE, a, TG_OPERAND(b))

/* a + alpha b and a - alpha b: `tg_add(x, y)`, `tg_add(x, y, .alpha = 0.5)`. alpha is a number; with integers a whole
 * one. */
tg_tensor *tg_add_scaled_at(const char *where, tg_operand a, tg_operand b, double alpha);
tg_tensor *tg_sub_scaled_at(const char *where, tg_operand a, tg_operand b, double alpha);
tg_tensor *tg_add_scaled_in_place_at(const char *where, tg_tensor *a, tg_operand b, double alpha);
tg_tensor *tg_sub_scaled_in_place_at(const char *where, tg_tensor *a, tg_operand b, double alpha);
typedef struct tg_alpha_options {
    double alpha;
    TG_OPTIONS_END
} tg_alpha_options;
#define TG_ALPHA(...)       TG_OPTIONS(tg_alpha_options, 1 TG_DEFAULTS_END __VA_OPT__(,) __VA_ARGS__).alpha
#define TG_CALL(x, y, z)    TG_CALL_(x, y, z)
#define TG_CALL_(x, y, z)   x##y##z
#define tg_add(a, b, ...)   TG_CALL(tg_add, __VA_OPT__(_scaled), _at)(TG_HERE, TG_OPERAND(a), TG_OPERAND(b) __VA_OPT__(, TG_ALPHA(__VA_ARGS__)))
#define tg_sub(a, b, ...)   TG_CALL(tg_sub, __VA_OPT__(_scaled), _at)(TG_HERE, TG_OPERAND(a), TG_OPERAND(b) __VA_OPT__(, TG_ALPHA(__VA_ARGS__)))
#define tg_add_(a, b, ...)  TG_CALL(tg_add, __VA_OPT__(_scaled), _in_place_at)(TG_HERE, a, TG_OPERAND(b) __VA_OPT__(, TG_ALPHA(__VA_ARGS__)))
#define tg_sub_(a, b, ...)  TG_CALL(tg_sub, __VA_OPT__(_scaled), _in_place_at)(TG_HERE, a, TG_OPERAND(b) __VA_OPT__(, TG_ALPHA(__VA_ARGS__)))

/* The nearest whole number, the even one of two: `tg_round(x)`; of 10^-decimals: `tg_round(x, .decimals = 2)`. */
tg_tensor *tg_round_decimals_at(const char *where, tg_tensor *a, int64_t decimals);
tg_tensor *tg_round_decimals_in_place_at(const char *where, tg_tensor *a, int64_t decimals);
typedef struct tg_round_options {
    int64_t decimals;   /* below 0: tens, hundreds */
    TG_OPTIONS_END
} tg_round_options;
#define TG_DECIMALS(...)    TG_OPTIONS(tg_round_options, 0 TG_DEFAULTS_END __VA_OPT__(,) __VA_ARGS__).decimals
#define tg_round(a, ...)    TG_CALL(tg_round, __VA_OPT__(_decimals), _at)(TG_HERE, a __VA_OPT__(, TG_DECIMALS(__VA_ARGS__)))
#define tg_round_(a, ...)   TG_CALL(tg_round, __VA_OPT__(_decimals), _in_place_at)(TG_HERE, a __VA_OPT__(, TG_DECIMALS(__VA_ARGS__)))

/* a / b, or that rounded: `tg_div(x, y, .rounding_mode = "floor")`, or "trunc". Integers divided without a mode become
 * floats, with one they stay integers. */
tg_tensor *tg_div_rounded_at(const char *where, tg_operand a, tg_operand b, const char *rounding_mode);
tg_tensor *tg_div_rounded_in_place_at(const char *where, tg_tensor *a, tg_operand b, const char *rounding_mode);
typedef struct tg_div_options {
    const char *rounding_mode;   /* NULL: none */
    TG_OPTIONS_END
} tg_div_options;
#define TG_ROUNDING(...)    TG_OPTIONS(tg_div_options, NULL TG_DEFAULTS_END __VA_OPT__(,) __VA_ARGS__).rounding_mode
#define tg_div(a, b, ...)   TG_CALL(tg_div, __VA_OPT__(_rounded), _at)(TG_HERE, TG_OPERAND(a), TG_OPERAND(b) __VA_OPT__(, TG_ROUNDING(__VA_ARGS__)))
#define tg_div_(a, b, ...)  TG_CALL(tg_div, __VA_OPT__(_rounded), _in_place_at)(TG_HERE, a, TG_OPERAND(b) __VA_OPT__(, TG_ROUNDING(__VA_ARGS__)))

/* a + weight (b - a), the weight being a tensor or a number. */
#define tg_lerp(a, b, weight)  tg_lerp_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b), TG_OPERAND(weight))
#define tg_lerp_(a, b, weight) tg_lerp_in_place_at(TG_HERE, a, TG_OPERAND(b), TG_OPERAND(weight))

#define tg_addcmul(a, b, c, ...)  tg_addcmul_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b), TG_OPERAND(c), TG_ADDCMUL_OPTIONS(__VA_ARGS__))
#define tg_addcdiv(a, b, c, ...)  tg_addcdiv_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b), TG_OPERAND(c), TG_ADDCDIV_OPTIONS(__VA_ARGS__))
#define tg_addcmul_(a, b, c, ...) tg_addcmul_in_place_at(TG_HERE, a, TG_OPERAND(b), TG_OPERAND(c), TG_ADDCMUL_OPTIONS(__VA_ARGS__))
#define tg_addcdiv_(a, b, c, ...) tg_addcdiv_in_place_at(TG_HERE, a, TG_OPERAND(b), TG_OPERAND(c), TG_ADDCDIV_OPTIONS(__VA_ARGS__))

/* a, but not below min nor above max: `tg_clamp(x, .min = 0)`. A bound that is a whole number leaves integers integers.
 * tg_clamp_tensor takes tensors or numbers, and NULL for no bound: `tg_clamp_tensor(x, low, NULL)`. */
typedef struct tg_clamp_options {
    double min, max;   /* -INFINITY, INFINITY: no bound */
    TG_OPTIONS_END
} tg_clamp_options;
#define TG_CLAMP_DEFAULTS /* min */ -INFINITY, /* max */ INFINITY TG_DEFAULTS_END
#define TG_CLAMP_OPTIONS(...) TG_OPTIONS(tg_clamp_options, TG_CLAMP_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_clamp_number_at(const char *where, tg_tensor *a, tg_clamp_options options);
tg_tensor *tg_clamp_number_in_place_at(const char *where, tg_tensor *a, tg_clamp_options options);
tg_tensor *tg_clamp_tensor_at(const char *where, tg_tensor *a, tg_operand min, tg_operand max);
tg_tensor *tg_clamp_tensor_in_place_at(const char *where, tg_tensor *a, tg_operand min, tg_operand max);
#define tg_clamp(a, ...)              tg_clamp_number_at(TG_HERE, a, TG_CLAMP_OPTIONS(__VA_ARGS__))
#define tg_clamp_(a, ...)             tg_clamp_number_in_place_at(TG_HERE, a, TG_CLAMP_OPTIONS(__VA_ARGS__))
#define tg_clamp_tensor(a, min, max)  tg_clamp_tensor_at(TG_HERE, a, TG_OPERAND(min), TG_OPERAND(max))
#define tg_clamp_tensor_(a, min, max) tg_clamp_tensor_in_place_at(TG_HERE, a, TG_OPERAND(min), TG_OPERAND(max))

#define tg_isnan(a)       tg_isnan_at(TG_HERE, a)
#define tg_isinf(a)       tg_isinf_at(TG_HERE, a)
#define tg_isfinite(a)    tg_isfinite_at(TG_HERE, a)
#define tg_logical_not(a) tg_logical_not_at(TG_HERE, a)

#define tg_eq(a, b)          tg_eq_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_ne(a, b)          tg_ne_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_lt(a, b)          tg_lt_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_le(a, b)          tg_le_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_gt(a, b)          tg_gt_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_ge(a, b)          tg_ge_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_logical_and(a, b) tg_logical_and_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_logical_or(a, b)  tg_logical_or_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))
#define tg_logical_xor(a, b) tg_logical_xor_at(TG_HERE, TG_OPERAND(a), TG_OPERAND(b))

/* The bits that `a` lacks; of a bool tensor, its opposite. */
tg_tensor *tg_bitwise_not_at(const char *where, tg_tensor *a);
tg_tensor *tg_bitwise_not_in_place_at(const char *where, tg_tensor *a);
#define tg_bitwise_not(a)  tg_bitwise_not_at(TG_HERE, a)
#define tg_bitwise_not_(a) tg_bitwise_not_in_place_at(TG_HERE, a)

/* Whether |a - b| <= atol + rtol |b|, element by element; infinities are close to themselves, NaN to NaN if equal_nan.
 * allclose and equal ask it of all elements; equal wants the same shape, too. A failed call is false. */
typedef struct tg_isclose_options {
    double rtol, atol;
    bool equal_nan;
    TG_OPTIONS_END
} tg_isclose_options;
#define TG_ISCLOSE_DEFAULTS /* rtol */ 1e-5, /* atol */ 1e-8, /* equal_nan */ false TG_DEFAULTS_END
#define TG_ISCLOSE_OPTIONS(...) TG_OPTIONS(tg_isclose_options, TG_ISCLOSE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_isclose_at(const char *where, tg_tensor *a, tg_tensor *b, tg_isclose_options options);
bool tg_allclose_at(const char *where, tg_tensor *a, tg_tensor *b, tg_isclose_options options);
bool tg_equal_at(const char *where, tg_tensor *a, tg_tensor *b);
#define tg_isclose(a, b, ...)  tg_isclose_at(TG_HERE, a, b, TG_ISCLOSE_OPTIONS(__VA_ARGS__))
#define tg_allclose(a, b, ...) tg_allclose_at(TG_HERE, a, b, TG_ISCLOSE_OPTIONS(__VA_ARGS__))
#define tg_equal(a, b)         tg_equal_at(TG_HERE, a, b)

/* y = a where the bool tensor `condition` is true, b elsewhere. masked_fill: `value` where `mask` is true, a elsewhere,
 * in a's dtype. */
tg_tensor *tg_where_at(const char *where, tg_tensor *condition, tg_operand a, tg_operand b);
tg_tensor *tg_masked_fill_at(const char *where, tg_tensor *a, tg_tensor *mask, tg_operand value);
tg_tensor *tg_masked_fill_in_place_at(const char *where, tg_tensor *a, tg_tensor *mask, tg_operand value);
#define tg_where(condition, a, b)       tg_where_at(TG_HERE, condition, TG_OPERAND(a), TG_OPERAND(b))
#define tg_masked_fill(a, mask, value)  tg_masked_fill_at(TG_HERE, a, mask, TG_OPERAND(value))
#define tg_masked_fill_(a, mask, value) tg_masked_fill_in_place_at(TG_HERE, a, mask, TG_OPERAND(value))

/* copy_ writes b into a, converted to a's dtype and broadcast to its shape; fill_ writes the value into every element,
 * zero_ writes 0. Each returns a. */
tg_tensor *tg_copy_in_place_at(const char *where, tg_tensor *a, tg_operand b);
tg_tensor *tg_fill_in_place_at(const char *where, tg_tensor *a, tg_operand value);
#define tg_copy_(a, b)     tg_copy_in_place_at(TG_HERE, a, TG_OPERAND(b))
#define tg_fill_(a, value) tg_fill_in_place_at(TG_HERE, a, TG_OPERAND(value))
#define tg_zero_(a)        tg_fill_in_place_at(TG_HERE, a, tg_operand_int(0))

TG_END_DECLS

#include "activation.h"
#include "functions.h"

#endif
