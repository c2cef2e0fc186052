/* vecmath_round.h: rounding, remainders, sizes and signs. Part of vecmath.h. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_ROUND_H
#define TG_OPS_KERNELS_MATH_VECMATH_ROUND_H

#include <math.h>

#include "vecmath_core_f32.h"
#include "vecmath_core_f64.h"

/* ---- to whole numbers; round takes halves to the even one ---- */

#if defined(__SSE4_1__) || defined(__aarch64__)
TGI_INLINE float floor_f32(float x) { return __builtin_floorf(x); }
TGI_INLINE float ceil_f32(float x) { return __builtin_ceilf(x); }
TGI_INLINE float trunc_f32(float x) { return __builtin_truncf(x); }
TGI_INLINE float round_f32(float x) { return __builtin_rintf(x); }
TGI_INLINE double floor_f64(double x) { return __builtin_floor(x); }
TGI_INLINE double ceil_f64(double x) { return __builtin_ceil(x); }
TGI_INLINE double trunc_f64(double x) { return __builtin_trunc(x); }
TGI_INLINE double round_f64(double x) { return __builtin_rint(x); }
#else
/* Without an instruction for it. Among the floats from 2^23 to 2^24 (the doubles from 2^52 on) are just the whole
 * numbers, so that adding 2^23 rounds; a step of one makes the other roundings of it. The sign is x's, even of zero. */
#define TGI_ROUNDINGS(T, suffix, fabs, copysign, whole)                                                                \
    TGI_INLINE T round_##suffix(T x)                                                                                   \
    {                                                                                                                  \
        T size = fabs(x), rounded = (size + (whole)) - (whole);                                                        \
        return copysign(size < (whole) ? rounded : size, x);                                                           \
    }                                                                                                                  \
    TGI_INLINE T floor_##suffix(T x)                                                                                   \
    {                                                                                                                  \
        T rounded = round_##suffix(x);                                                                                 \
        return copysign(rounded > x ? rounded - 1 : rounded, x);                                                       \
    }                                                                                                                  \
    TGI_INLINE T ceil_##suffix(T x)                                                                                    \
    {                                                                                                                  \
        T rounded = round_##suffix(x);                                                                                 \
        return copysign(rounded < x ? rounded + 1 : rounded, x);                                                       \
    }                                                                                                                  \
    TGI_INLINE T trunc_##suffix(T x) { return copysign(floor_##suffix(fabs(x)), x); }
TGI_ROUNDINGS(float, f32, __builtin_fabsf, __builtin_copysignf, 0x1p23f)
TGI_ROUNDINGS(double, f64, __builtin_fabs, __builtin_copysign, 0x1p52)
#undef TGI_ROUNDINGS
#endif

/* ---- remainders ---- fmod's has the sign of x, remainder's that of y, as in Python */

/* One step of a long division of r by y, whose inverse is given: r less a multiple of y, at most 3/4 y in size. The
 * difference is exact if the quotient is short: 51 digits with a fused multiply-add, else what a float's 24 leave of a
 * double's. */
TGI_INLINE double division_step_f64(double r, double y, double inverse)
{
    double quotient = fma_f64(r, inverse, TGI_ROUNDER_F64) - TGI_ROUNDER_F64;
    return fma_f64(quotient, -y, r);
}

/* The largest float over the least has 277 digits. */
TGI_INLINE float fmod_f32(float x, float y)
{
    double r = (double)__builtin_fabsf(x), size = (double)__builtin_fabsf(y), inverse = 1.0 / size;
#if TGI_HAS_FMA
    r = division_step_f64(r, size * 0x1p255, inverse * 0x1p-255);
    r = division_step_f64(r, size * 0x1p204, inverse * 0x1p-204);
    r = division_step_f64(r, size * 0x1p153, inverse * 0x1p-153);
    r = division_step_f64(r, size * 0x1p102, inverse * 0x1p-102);
    r = division_step_f64(r, size * 0x1p51, inverse * 0x1p-51);
#else
    r = division_step_f64(r, size * 0x1p252, inverse * 0x1p-252);
    r = division_step_f64(r, size * 0x1p224, inverse * 0x1p-224);
    r = division_step_f64(r, size * 0x1p196, inverse * 0x1p-196);
    r = division_step_f64(r, size * 0x1p168, inverse * 0x1p-168);
    r = division_step_f64(r, size * 0x1p140, inverse * 0x1p-140);
    r = division_step_f64(r, size * 0x1p112, inverse * 0x1p-112);
    r = division_step_f64(r, size * 0x1p84, inverse * 0x1p-84);
    r = division_step_f64(r, size * 0x1p56, inverse * 0x1p-56);
    r = division_step_f64(r, size * 0x1p28, inverse * 0x1p-28);
#endif
    r = division_step_f64(r, size, inverse);
    r = r < 0.0 ? r + size : r;
    float result = __builtin_copysignf((float)r, x);
    result = size == (double)INFINITY ? x : result;
    result = ((size > 0.0) & (__builtin_fabsf(x) < INFINITY)) ? result : NAN;
    return y != y ? y : result;
}

#if TGI_HAS_FMA
/* r less the multiple of y nearest to it, both whole. */
TGI_INLINE double modulo_f64(double r, double y, double inverse)
{
    return fma_f64(round_f64(r * inverse), -y, r);
}

/* a b modulo y, for a and b at most y / 2 in size: that of the product rounded, and what it lost. */
TGI_INLINE double product_modulo_f64(double a, double b, double y, double inverse)
{
    double product = a * b, rest = fma_f64(a, b, -product);
    return modulo_f64(modulo_f64(product, y, inverse), y, inverse) + rest;
}

/* `power` squared, and twice that if k is odd, modulo y. */
TGI_INLINE double raised_modulo_f64(double power, uint64_t k, double y, double inverse)
{
    double square = product_modulo_f64(power, power, y, inverse);
    return modulo_f64(square * from_bits_f64((1023 + (k & 1)) << 52), y, inverse);
}

/* The quotient of doubles may have 2100 digits. So with x = m 2^k in units of y's last digit, 2^k modulo y is raised by
 * squares from the power whose exponent is k / 16. That is at most 131, for which 53 digits of the quotient at a time
 * three times are enough; all the rest is in whole numbers below 2^53. */
TGI_INLINE double fmod_f64(double x, double y)
{
    double a = __builtin_fabs(x), b = __builtin_fabs(y);
    uint64_t a_field = bits_f64(a) >> 52, b_field = bits_f64(b) >> 52;
    double m = from_bits_f64((bits_f64(a) & 0xfffffffffffffu) | 0x4330000000000000u);
    double d = from_bits_f64((bits_f64(b) & 0xfffffffffffffu) | 0x4330000000000000u);
    m = a < 0x1p-1022 ? m - 0x1p52 : m; /* denormals lack the leading digit, and have the exponent of field 1 */
    d = b < 0x1p-1022 ? d - 0x1p52 : d;
    a_field = a < 0x1p-1022 ? 1 : a_field;
    b_field = b < 0x1p-1022 ? 1 : b_field;
    uint64_t k = a_field - b_field; /* below zero, where any number will do, if a < b */
    double inverse = 1.0 / d, power = from_bits_f64((1023 + ((k >> 4) & 255)) << 52);
    power = modulo_f64(modulo_f64(modulo_f64(power, d, inverse), d, inverse), d, inverse);
    power = raised_modulo_f64(power, k >> 3, d, inverse);
    power = raised_modulo_f64(power, k >> 2, d, inverse);
    power = raised_modulo_f64(power, k >> 1, d, inverse);
    power = raised_modulo_f64(power, k, d, inverse);
    double r = modulo_f64(product_modulo_f64(power, modulo_f64(m, d, inverse), d, inverse), d, inverse);
    r = r < 0.0 ? r + d : r;
    uint64_t half = b_field >> 1; /* 2^(field - 1075), which may be no double, in two halves */
    r = r * from_bits_f64((half + 486) << 52) * from_bits_f64((b_field - half + 485) << 52);
    r = a < b ? a : r;
    r = ((b > 0.0) & (a < (double)INFINITY)) ? __builtin_copysign(r, x) : (double)NAN;
    return y != y ? y : r;
}
#else
TGI_INLINE double fmod_f64(double x, double y) { return fmod(x, y); }
#endif

#if TGI_HAS_FMA
/* Whether x / y is short, and 1 / y no denormal: then one step of the division is all of it. */
TGI_INLINE int is_short_f64(double x, double y)
{
    double size = __builtin_fabs(y);
    return (__builtin_fabs(x) < size * 0x1p50) & (size > 0x1p-1000) & (size < 0x1p970);
}

TGI_INLINE double short_fmod_f64(double x, double y)
{
    double size = __builtin_fabs(y), r = division_step_f64(__builtin_fabs(x), size, 1.0 / size);
    return __builtin_copysign(r < 0.0 ? r + size : r, x);
}
#endif

/* fmod's result with the sign of y. */
TGI_INLINE float to_sign_f32(float rest, float y)
{
    return ((rest != 0.0f) & ((rest < 0.0f) != (y < 0.0f))) ? rest + y : rest;
}
TGI_INLINE double to_sign_f64(double rest, double y)
{
    return ((rest != 0.0) & ((rest < 0.0) != (y < 0.0))) ? rest + y : rest;
}

TGI_INLINE float remainder_f32(float x, float y) { return to_sign_f32(fmod_f32(x, y), y); }
TGI_INLINE double remainder_f64(double x, double y) { return to_sign_f64(fmod_f64(x, y), y); }

/* ---- quotients of integers ---- of fewer than 51 digits, which are doubles. The quotient of two such is no nearer to
 * a whole number than rounding would show, unless it is one, so that it can be rounded up or down; and products of
 * these numbers are exact. */

TGI_INLINE int are_short_i64(int64_t x, int64_t y)
{
    const uint64_t half = UINT64_C(1) << 49;
    return ((((uint64_t)x + half) >> 50 | ((uint64_t)y + half) >> 50) == 0) & (y != 0);
}

TGI_INLINE double short_to_f64(int64_t x) { return from_bits_f64((uint64_t)x + 0x4338000000000000u) - TGI_ROUNDER_F64; }
TGI_INLINE int64_t short_to_i64(double x) { return (int64_t)(bits_f64(x + TGI_ROUNDER_F64) - 0x4338000000000000u); }

TGI_INLINE int64_t short_div_trunc_i64(int64_t x, int64_t y)
{
    return short_to_i64(trunc_f64(short_to_f64(x) / short_to_f64(y)));
}
TGI_INLINE int64_t short_floor_divide_i64(int64_t x, int64_t y)
{
    return short_to_i64(floor_f64(short_to_f64(x) / short_to_f64(y)));
}
TGI_INLINE int64_t short_fmod_i64(int64_t x, int64_t y)
{
    double a = short_to_f64(x), b = short_to_f64(y);
    return short_to_i64(a - trunc_f64(a / b) * b);
}
TGI_INLINE int64_t short_remainder_i64(int64_t x, int64_t y)
{
    double a = short_to_f64(x), b = short_to_f64(y);
    return short_to_i64(a - floor_f64(a / b) * b);
}

/* ---- sizes and signs ---- */

TGI_INLINE float copysign_f32(float x, float y) { return __builtin_copysignf(x, y); }
TGI_INLINE double copysign_f64(double x, double y) { return __builtin_copysign(x, y); }

/* sqrt(x^2 + y^2); infinite with either, even beside NaN. */
TGI_INLINE float hypot_f32(float x, float y)
{
    double sum = (double)x * (double)x + (double)y * (double)y;
    int infinite = (__builtin_fabsf(x) == INFINITY) | (__builtin_fabsf(y) == INFINITY);
    return infinite ? INFINITY : (float)sqrt_f64(sum);
}

/* Scaled to where no square overflows and none that counts underflows. */
TGI_INLINE double hypot_f64(double x, double y)
{
    double a = __builtin_fabs(x), b = __builtin_fabs(y), size = a > b ? a : b;
    double scale = size > 0x1p500 ? 0x1p-600 : size < 0x1p-400 ? 0x1p600 : 1.0;
    double back = size > 0x1p500 ? 0x1p600 : size < 0x1p-400 ? 0x1p-600 : 1.0;
    int infinite = (a == (double)INFINITY) | (b == (double)INFINITY);
    a = a * scale;
    b = b * scale;
    double result = sqrt_f64(fma_f64(a, a, b * b)) * back;
    return infinite ? (double)INFINITY : result;
}

#endif
