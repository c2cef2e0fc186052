/* vecmath_exp.h: the other exponentials and logarithms, and the hyperbolic functions but tanh. Part of vecmath.h. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_EXP_H
#define TG_OPS_KERNELS_MATH_VECMATH_EXP_H

#include <math.h>

#include "vecmath_core_f32.h"
#include "vecmath_core_f64.h"

/* ---- 2^x ---- scaled in two steps, as e^x is */

TGI_INLINE float exp2_f32(float x)
{
    float shifted = x + TGI_ROUND_TWO, r = x - (shifted - TGI_ROUND_TWO);
    float q = 1.4699446e-05f; /* (2^r - 1) / r */
    q = fma_f32(q, r, 0.00015452747f);
    q = fma_f32(q, r, 0.0013336607f);
    q = fma_f32(q, r, 0.009618086f);
    q = fma_f32(q, r, 0.05550406f);
    q = fma_f32(q, r, 0.2402265f);
    q = fma_f32(q, r, 0.6931472f);
    uint32_t n = bits_f32(shifted), half = n >> 1;
    float e = fma_f32(q, r, 1.0f) * from_bits_f32(half << 23) * from_bits_f32((n - half) << 23);
    e = x >= 128.0f ? INFINITY : e;
    return x < -150.0f ? 0.0f : e;
}

TGI_INLINE double exp2_f64(double x)
{
    double shifted = x + TGI_ROUND_TWO_F64, r = x - (shifted - TGI_ROUND_TWO_F64);
    double q = 0x1.c4da6709eea46p-36; /* (2^r - 1) / r */
    q = fma_f64(q, r, 0x1.ea0421aff63f4p-32);
    q = fma_f64(q, r, 0x1.e4cee86d9497dp-28);
    q = fma_f64(q, r, 0x1.b524db51f8ae1p-24);
    q = fma_f64(q, r, 0x1.62c0224d955cap-20);
    q = fma_f64(q, r, 0x1.ffcbfc75e511dp-17);
    q = fma_f64(q, r, 0x1.430912f868da2p-13);
    q = fma_f64(q, r, 0x1.5d87fe78a22cbp-10);
    q = fma_f64(q, r, 0x1.3b2ab6fba4e81p-7);
    q = fma_f64(q, r, 0x1.c6b08d704a0d1p-5);
    q = fma_f64(q, r, 0x1.ebfbdff82c58fp-3);
    q = fma_f64(q, r, 0x1.62e42fefa39efp-1);
    uint64_t n = bits_f64(shifted), half = n >> 1;
    double e = fma_f64(q, r, 1.0) * from_bits_f64(half << 52) * from_bits_f64((n - half) << 52);
    e = x >= 1024.0 ? (double)INFINITY : e;
    return x < -1075.0 ? 0.0 : e;
}

/* ---- e^x - 1 ---- 2^n e + (2^n - 1), halved as long as 2^n may be too large. Left of the least x the result is -1. */

TGI_INLINE float expm1_f32(float x)
{
    float least = x < -30.0f ? -30.0f : x, shifted = fma_f32(least, TGI_LOG2_E, TGI_ROUND_ONE);
    float e = expm1_reduced_f32(least, shifted - TGI_ROUND_ONE);
    float power = from_bits_f32((bits_f32(shifted) - 1) << 23), t = fma_f32(power, e, power - 0.5f);
    t = x > 89.0f ? INFINITY : t + t;
    return __builtin_fabsf(x) < 0x1p-30f ? x : t; /* -0 and denormals stay */
}

TGI_INLINE double expm1_f64(double x)
{
    double least = x < -50.0 ? -50.0 : x, shifted = fma_f64(least, TGI_LOG2_E_F64, TGI_ROUND_ONE_F64);
    double e = expm1_reduced_f64(least, 0.0, shifted - TGI_ROUND_ONE_F64);
    double power = from_bits_f64((bits_f64(shifted) - 1) << 52), t = fma_f64(power, e, power - 0.5);
    t = x > 710.0 ? (double)INFINITY : t + t;
    return __builtin_fabs(x) < 0x1p-60 ? x : t;
}

/* ---- logarithms ---- */

/* log(1 + x) + `more` ln 2 for x > -1. The exponent n is that of the rounded 1 + x; 2^-n (1 + x) - 1 is rounded once,
 * as both 2^-n x and, where it matters, 2^-n - 1 are exact. */
TGI_INLINE float log1p_sum_f32(float x, float more)
{
    uint32_t bits = bits_f32(1.0f + x) - 0x3f3504f3u;
    float scale = from_bits_f32(0x3f800000u - (bits & 0xff800000u)), n = (float)((int32_t)bits >> 23);
    float large = from_bits_f32((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float f = x < 0x1p60f ? x * scale + (scale - 1.0f) : large; /* the scale may be no float */
    return log_sum_f32(n + more, f);
}

TGI_INLINE float log1p_f32(float x)
{
    float result = log_domain_f32(1.0f + x, log1p_sum_f32(x, 0.0f));
    return x == 0.0f ? x : result;
}

TGI_INLINE double log1p_sum_f64(double x, double more)
{
    uint64_t bits = bits_f64(1.0 + x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    uint64_t exponent = bits & 0xfff0000000000000u;
    double n = from_bits_f64((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
    double scale = from_bits_f64(0x7fe0000000000000u - exponent);
    double large = from_bits_f64((bits & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
    double f = x < 0x1p60 ? x * scale + (scale - 1.0) : large;
    return log_sum_f64(n + more, f);
}

TGI_INLINE double log1p_f64(double x)
{
    double result = log_domain_f64(1.0 + x, log1p_sum_f64(x, 0.0));
    return x == 0.0 ? x : result;
}

/* log(1 + f), for 1 + f in [sqrt(1/2), sqrt(2)) */
TGI_INLINE float log_near_f32(float f)
{
    float square = f * f;
    return f + fma_f32(square, -0.5f, log_cubic_f32(f) * f * square);
}

TGI_INLINE double log_near_f64(double f)
{
    double s = f / (2.0 + f), half = 0.5 * f * f, z = s * s;
    return f - (half - s * fma_f64(log_cubic_f64(z), z, half));
}

TGI_INLINE float log2_f32(float x)
{
    float n, f = split_f32(x, &n);
    return log_domain_f32(x, fma_f32(log_near_f32(f), TGI_LOG2_E, n));
}

TGI_INLINE double log2_f64(double x)
{
    double n, f = split_f64(x, &n);
    return log_domain_f64(x, fma_f64(log_near_f64(f), TGI_LOG2_E_F64, n));
}

/* log10(2) in two parts, the first short, so that n times it is exact; log10(e). */
TGI_INLINE float log10_f32(float x)
{
    float n, f = split_f32(x, &n), rest = fma_f32(log_near_f32(f), 0x1.bcb7b2p-2f, n * 0x1.3509f8p-18f);
    return log_domain_f32(x, fma_f32(n, 0x1.344p-2f, rest));
}

TGI_INLINE double log10_f64(double x)
{
    double n, f = split_f64(x, &n), near = log_near_f64(f);
    double rest = fma_f64(near, 0x1.bcb7b1526e50ep-2, n * 0x1.fef311f12b358p-46);
    return log_domain_f64(x, fma_f64(n, 0x1.34413509f78p-2, rest));
}

/* ---- hyperbolic functions ---- */

/* e^x / 2 for x >= 0 and NaN, which overflows later than e^x; and (e^x - 1) / 2 for x < 1. */
TGI_INLINE float half_exp_f32(float x, float *half_expm1)
{
    float shifted = fma_f32(x, TGI_LOG2_E, TGI_ROUND_TWO), e = expm1_reduced_f32(x, shifted - TGI_ROUND_TWO);
    uint32_t n = bits_f32(shifted), half = n >> 1;
    float power = from_bits_f32((n - 128) << 23);
    *half_expm1 = fma_f32(power, e, power - 0.5f);
    float result = (1.0f + e) * from_bits_f32(half << 23) * from_bits_f32((n - half - 1) << 23);
    return x > 90.0f ? INFINITY : result;
}

TGI_INLINE double half_exp_f64(double x, double *half_expm1)
{
    double shifted = fma_f64(x, TGI_LOG2_E_F64, TGI_ROUND_TWO_F64);
    double e = expm1_reduced_f64(x, 0.0, shifted - TGI_ROUND_TWO_F64);
    uint64_t n = bits_f64(shifted), half = n >> 1;
    double power = from_bits_f64((n - 1024) << 52);
    *half_expm1 = fma_f64(power, e, power - 0.5);
    double result = (1.0 + e) * from_bits_f64(half << 52) * from_bits_f64((n - half - 1) << 52);
    return x > 711.0 ? (double)INFINITY : result;
}

/* With t = (e^|x| - 1) / 2: t + t / (2 t + 1) near zero, else e^|x| / 2 - e^-|x| / 2; one division for either. */
TGI_INLINE float sinh_f32(float x)
{
    float size = __builtin_fabsf(x), t, e = half_exp_f32(size, &t);
    int near = size < 1.0f;
    float result = (near ? t : e) + (near ? t : -0.25f) / (near ? t + t + 1.0f : e);
    return size < 0x1p-30f ? x : __builtin_copysignf(result, x);
}

TGI_INLINE double sinh_f64(double x)
{
    double size = __builtin_fabs(x), t, e = half_exp_f64(size, &t);
    int near = size < 1.0;
    double result = (near ? t : e) + (near ? t : -0.25) / (near ? t + t + 1.0 : e);
    return size < 0x1p-60 ? x : __builtin_copysign(result, x);
}

TGI_INLINE float cosh_f32(float x)
{
    float unused, e = half_exp_f32(__builtin_fabsf(x), &unused);
    return e + 0.25f / e;
}

TGI_INLINE double cosh_f64(double x)
{
    double unused, e = half_exp_f64(__builtin_fabs(x), &unused);
    return e + 0.25 / e;
}

/* log(x + sqrt(1 + x^2)) = log(1 + x + x^2 / (1 + sqrt(1 + x^2))), which is log(2 x) where x is large. */
TGI_INLINE float asinh_f32(float x)
{
    float size = __builtin_fabsf(x), a = size > 0x1p30f ? 0.0f : size, square = a * a;
    float t = a + square / (1.0f + sqrt_f32(1.0f + square));
    float result = log1p_sum_f32(size > 0x1p30f ? size : t, size > 0x1p30f ? 1.0f : 0.0f);
    result = size < INFINITY ? result : size;
    return size < 0x1p-30f ? x : __builtin_copysignf(result, x);
}

TGI_INLINE double asinh_f64(double x)
{
    double size = __builtin_fabs(x), a = size > 0x1p60 ? 0.0 : size, square = a * a;
    double t = a + square / (1.0 + sqrt_f64(1.0 + square));
    double result = log1p_sum_f64(size > 0x1p60 ? size : t, size > 0x1p60 ? 1.0 : 0.0);
    result = size < (double)INFINITY ? result : size;
    return size < 0x1p-60 ? x : __builtin_copysign(result, x);
}

/* log(x + sqrt(x^2 - 1)) in t = x - 1 */
TGI_INLINE float acosh_f32(float x)
{
    int large = x > 0x1p30f;
    float t = large ? 0.0f : x - 1.0f, sum = t + sqrt_f32(fma_f32(t, t, t + t));
    float result = log1p_sum_f32(large ? x : sum, large ? 1.0f : 0.0f);
    result = x < INFINITY ? result : x;
    return x < 1.0f ? NAN : result;
}

TGI_INLINE double acosh_f64(double x)
{
    int large = x > 0x1p60;
    double t = large ? 0.0 : x - 1.0, sum = t + sqrt_f64(fma_f64(t, t, t + t));
    double result = log1p_sum_f64(large ? x : sum, large ? 1.0 : 0.0);
    result = x < (double)INFINITY ? result : x;
    return x < 1.0 ? (double)NAN : result;
}

/* log((1 + x) / (1 - x)) / 2 */
TGI_INLINE float atanh_f32(float x)
{
    float size = __builtin_fabsf(x), t = (size + size) / (1.0f - size);
    float result = 0.5f * log1p_sum_f32(t, 0.0f);
    result = size == 1.0f ? INFINITY : result;
    result = size <= 1.0f ? result : NAN;
    return size < 0x1p-30f ? x : __builtin_copysignf(result, x);
}

TGI_INLINE double atanh_f64(double x)
{
    double size = __builtin_fabs(x), t = (size + size) / (1.0 - size);
    double result = 0.5 * log1p_sum_f64(t, 0.0);
    result = size == 1.0 ? (double)INFINITY : result;
    result = size <= 1.0 ? result : (double)NAN;
    return size < 0x1p-60 ? x : __builtin_copysign(result, x);
}

/* ---- sums of exponentials ---- */

/* log(1 + e^-x) for x >= 0 and NaN */
TGI_INLINE float log1pexp_below_f32(float x)
{
    float e = exp_between_f32(-x);
    return log1p_sum_f32(x > 104.0f ? 0.0f : e, 0.0f);
}

TGI_INLINE double log1pexp_below_f64(double x)
{
    double e = exp_between_f64(-x, 0.0);
    return log1p_sum_f64(x > 746.0 ? 0.0 : e, 0.0);
}

/* log(1 + e^x) */
TGI_INLINE float log1pexp_f32(float x)
{
    return (x < 0.0f ? 0.0f : x) + log1pexp_below_f32(__builtin_fabsf(x));
}

TGI_INLINE double log1pexp_f64(double x)
{
    return (x < 0.0 ? 0.0 : x) + log1pexp_below_f64(__builtin_fabs(x));
}

/* log(e^a + e^b). Infinities that are equal have no difference, and are the result. */
TGI_INLINE float logaddexp_f32(float a, float b)
{
    float top = ((a > b) | (a != a)) ? a : b, result = top + log1pexp_below_f32(__builtin_fabsf(a - b));
    return ((a == b) & (__builtin_fabsf(a) == INFINITY)) ? a : result;
}

TGI_INLINE double logaddexp_f64(double a, double b)
{
    double top = ((a > b) | (a != a)) ? a : b, result = top + log1pexp_below_f64(__builtin_fabs(a - b));
    return ((a == b) & (__builtin_fabs(a) == (double)INFINITY)) ? a : result;
}

#endif
