/* vecmath_core_f32.h: the float32 half of exp, log, tanh and sigmoid. Part of vecmath.h. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_CORE_F32_H
#define TG_OPS_KERNELS_MATH_VECMATH_CORE_F32_H

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"

/* Said to be const, so that clang need not set errno and takes the vector instruction. */
extern float sqrtf(float x) __attribute__((const));
extern double sqrt(double x) __attribute__((const));
TGI_INLINE float sqrt_f32(float x) { return sqrtf(x); }
TGI_INLINE double sqrt_f64(double x) { return sqrt(x); }

TGI_INLINE uint32_t bits_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

TGI_INLINE float from_bits_f32(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Adding 1.5 * 2^23 leaves the nearest integer in the low bits, without a conversion that NaN would make undefined.
 * Another 127 leaves it biased: shifted to the exponent's place, the bits are that power of two. Twice 127 makes two
 * powers of two of halves. */
#define TGI_ROUNDER      0x1.8p23f
#define TGI_ROUND_ONE    (TGI_ROUNDER + 127.0f)
#define TGI_ROUND_TWO    (TGI_ROUNDER + 254.0f)
#define TGI_LOG2_E       0x1.715476p+0f

/* ln 2 in two parts; the first has 15 bits, so that n times it is exact. */
#define TGI_LN2_HIGH 0x1.62e4p-1f
#define TGI_LN2_LOW  0x1.7f7d1cp-20f

/* e^(x - n ln 2) - 1, where that is near 0. */
TGI_INLINE float expm1_reduced_f32(float x, float n)
{
    float r = fma_f32(n, -TGI_LN2_HIGH, x);
    r = fma_f32(n, -TGI_LN2_LOW, r);
    float q = 0.0013814599f; /* (e^r - 1 - r) / r^2 */
    q = fma_f32(q, r, 0.008368717f);
    q = fma_f32(q, r, 0.04166839f);
    q = fma_f32(q, r, 0.16666521f);
    q = fma_f32(q, r, 0.49999994f);
    return fma_f32(q, r * r, r);
}

/* x y - `product`, where that is x y rounded. */
TGI_INLINE float product_rest_f32(float x, float y, float product)
{
#if TGI_HAS_FMA
    return fma_f32(x, y, -product);
#else
    return (float)((double)x * (double)y - (double)product);
#endif
}

/* e^x for x from -104 to 89 and NaN, anything beyond. Scaled in two steps, so that the power of two may lie outside the
 * floats on either side and a denormal result is rounded once. */
TGI_INLINE float exp_between_f32(float x)
{
    float shifted = fma_f32(x, TGI_LOG2_E, TGI_ROUND_TWO);
    float e = 1.0f + expm1_reduced_f32(x, shifted - TGI_ROUND_TWO);
    uint32_t n = bits_f32(shifted), half = n >> 1;
    return e * from_bits_f32(half << 23) * from_bits_f32((n - half) << 23);
}

TGI_INLINE float exp_f32(float x)
{
    float e = exp_between_f32(x);
    e = x > 89.0f ? INFINITY : e;
    return x < -104.0f ? 0.0f : e;
}

/* e^-|x| never overflows; left of zero it is the numerator too, so that small results keep their digits. */
TGI_INLINE float sigmoid_f32(float x)
{
    float size = __builtin_fabsf(x), e = exp_between_f32(-size);
    e = size > 104.0f ? 0.0f : e;
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* t / (t + 2) with t = e^2|x| - 1, which is 1 from 10 on. */
TGI_INLINE float tanh_f32(float x)
{
    float size = __builtin_fabsf(x);
    size = size > 10.0f ? 10.0f : size;
    float shifted = fma_f32(size, 2 * TGI_LOG2_E, TGI_ROUND_ONE);
    float e = expm1_reduced_f32(size + size, shifted - TGI_ROUND_ONE);
    float power = from_bits_f32(bits_f32(shifted) << 23);
    float t = fma_f32(power, e, power - 1.0f);
    return __builtin_copysignf(t / (t + 2.0f), x);
}

/* (log(1 + f) - f + f^2/2) / f^3 for 1 + f in [sqrt(1/2), sqrt(2)) */
TGI_INLINE float log_cubic_f32(float f)
{
    float p = 0.06746641f;
    p = fma_f32(p, f, -0.11675652f);
    p = fma_f32(p, f, 0.11888162f);
    p = fma_f32(p, f, -0.12405589f);
    p = fma_f32(p, f, 0.14219552f);
    p = fma_f32(p, f, -0.16667996f);
    p = fma_f32(p, f, 0.20002119f);
    p = fma_f32(p, f, -0.2500001f);
    return fma_f32(p, f, 0.33333313f);
}

/* n ln 2 + log(1 + f) */
TGI_INLINE float log_sum_f32(float n, float f)
{
    float square = f * f, rest = fma_f32(n, TGI_LN2_LOW, log_cubic_f32(f) * f * square);
    rest = fma_f32(square, -0.5f, rest);
    return fma_f32(n, TGI_LN2_HIGH, f + rest);
}

/* x = 2^n (1 + f) for x > 0, with 1 + f in [sqrt(1/2), sqrt(2)): returns f. */
TGI_INLINE float split_f32(float x, float *n)
{
    int tiny = x < 0x1p-126f;
    uint32_t bits = bits_f32(tiny ? x * 0x1p23f : x) - 0x3f3504f3u;
    *n = (float)((int32_t)bits >> 23) - (tiny ? 23.0f : 0.0f);
    return from_bits_f32((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
}

/* What a logarithm of x is where `result`, of a positive finite x, is not: +inf and NaN are their own. */
TGI_INLINE float log_domain_f32(float x, float result)
{
    result = x < INFINITY ? result : x;
    result = x == 0.0f ? -INFINITY : result;
    return x < 0.0f ? NAN : result;
}

TGI_INLINE float log_f32(float x)
{
    float n, f = split_f32(x, &n);
    return log_domain_f32(x, log_sum_f32(n, f));
}

#endif
