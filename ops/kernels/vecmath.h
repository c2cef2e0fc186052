/* vecmath.h: exp, log, tanh, sigmoid and pow for the kernels.
 *
 * The float32 functions are straight lines of arithmetic, selects and integer operations on the bits, so that a plain
 * loop over them becomes vector code under gcc and under clang; and since each step rounds the same way in a vector
 * register as in a scalar one, an element has the same value in the body of a loop and in its tail. (That is why libm's
 * vector half is not used: its last bits differ from those of its scalar half.) Checked against double precision over
 * every 16th of the 2^32 arguments: exp and log err by less than 1 ulp, tanh by less than 1.4, sigmoid by less than
 * 2.3; overflow, denormal results, NaN and signed zeros are as in libm. Polynomials are minimax fits of the function
 * named beside them.
 *
 * float64 and pow take libm's scalar functions. */
#ifndef TG_OPS_KERNELS_VECMATH_H
#define TG_OPS_KERNELS_VECMATH_H

#include <math.h>
#include <string.h>

#include "scalar.h"

/* x y + z. With an FMA unit rounded once, without one rounded twice; one or the other for a whole instruction set. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
TGI_INLINE float fma_f32(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
TGI_INLINE double fma_f64(double x, double y, double z) { return __builtin_fma(x, y, z); }
#else
TGI_INLINE float fma_f32(float x, float y, float z) { return x * y + z; }
TGI_INLINE double fma_f64(double x, double y, double z) { return x * y + z; }
#endif

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

/* Adding 1.5 * 2^23 leaves the nearest integer in the low bits, without a conversion that NaN would make undefined. */
#define TGI_ROUNDER 0x1.8p23f

/* ln 2 in two parts; the first has 15 bits, so that n times it is exact. */
#define TGI_LN2_HIGH 0x1.62e4p-1f
#define TGI_LN2_LOW  0x1.7f7d1cp-20f

/* e^x = 2^n e^r with |r| <= ln(2)/2: returns e^r, and n as an integer modulo 2^32 (any bits when x is NaN). */
TGI_INLINE float exp_reduced_f32(float x, uint32_t *n)
{
    float shifted = fma_f32(x, 0x1.715476p+0f, TGI_ROUNDER);
    float whole = shifted - TGI_ROUNDER;
    *n = bits_f32(shifted) - bits_f32(TGI_ROUNDER);
    float r = fma_f32(whole, -TGI_LN2_HIGH, x);
    r = fma_f32(whole, -TGI_LN2_LOW, r);
    float q = 0.0013814599f; /* (e^r - 1 - r) / r^2 */
    q = fma_f32(q, r, 0.008368717f);
    q = fma_f32(q, r, 0.04166839f);
    q = fma_f32(q, r, 0.16666521f);
    q = fma_f32(q, r, 0.49999994f);
    return 1.0f + fma_f32(q, r * r, r);
}

/* 2^n for n in [-126, 127]. */
TGI_INLINE float power_of_two_f32(uint32_t n) { return from_bits_f32((n + 127u) << 23); }

/* Scaled in two steps, so that 2^n may lie beyond the floats on either side and a denormal result is rounded once. */
TGI_INLINE float exp_f32(float x)
{
    float bounded = x > 89.0f ? 89.0f : x;
    bounded = bounded < -104.0f ? -104.0f : bounded;
    uint32_t n;
    float e = exp_reduced_f32(bounded, &n);
    uint32_t half = (uint32_t)((int32_t)n >> 1);
    return e * power_of_two_f32(half) * power_of_two_f32(n - half);
}

/* e^-|x| never overflows; left of zero it is the numerator too, so that small results keep their digits. */
TGI_INLINE float sigmoid_f32(float x)
{
    float e = exp_f32(-__builtin_fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* Near 0 an odd polynomial; beyond, 1 - 2 / (e^2|x| + 1), which is 1 from 10 on. */
TGI_INLINE float tanh_f32(float x)
{
    float size = __builtin_fabsf(x);
    uint32_t n;
    float e = exp_reduced_f32(size > 10.0f ? 20.0f : size + size, &n) * power_of_two_f32(n);
    float far = 1.0f - 2.0f / (e + 1.0f);
    float z = size * size;
    float p = -0.005704987f; /* (tanh(x) - x) / x^3 in z = x^2 */
    p = fma_f32(p, z, 0.020639088f);
    p = fma_f32(p, z, -0.053739715f);
    p = fma_f32(p, z, 0.13331442f);
    p = fma_f32(p, z, -0.3333328f);
    float near = fma_f32(p, z * size, size);
    return __builtin_copysignf(size < 0.625f ? near : far, x);
}

/* x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). */
TGI_INLINE float log_f32(float x)
{
    int tiny = x < 0x1p-126f;
    uint32_t bits = bits_f32(tiny ? x * 0x1p23f : x) - 0x3f3504f3u;
    float n = (float)((int32_t)bits >> 23) - (tiny ? 23.0f : 0.0f);
    float f = from_bits_f32((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float p = 0.06746641f; /* (log(1 + f) - f + f^2/2) / f^3 */
    p = fma_f32(p, f, -0.11675652f);
    p = fma_f32(p, f, 0.11888162f);
    p = fma_f32(p, f, -0.12405589f);
    p = fma_f32(p, f, 0.14219552f);
    p = fma_f32(p, f, -0.16667996f);
    p = fma_f32(p, f, 0.20002119f);
    p = fma_f32(p, f, -0.2500001f);
    p = fma_f32(p, f, 0.33333313f);
    float square = f * f;
    float rest = fma_f32(n, TGI_LN2_LOW, p * f * square);
    rest = fma_f32(square, -0.5f, rest);
    float result = fma_f32(n, TGI_LN2_HIGH, f + rest);
    result = x < INFINITY ? result : x; /* +inf and NaN are their own logarithm */
    result = x == 0.0f ? -INFINITY : result;
    return x < 0.0f ? NAN : result;
}

/* Squares are what pow is mostly asked for; the product is the exact square rounded once. */
TGI_INLINE float pow_f32(float x, float y) { return y == 2.0f ? x * x : powf(x, y); }
TGI_INLINE double pow_f64(double x, double y) { return y == 2.0 ? x * x : pow(x, y); }

TGI_INLINE double exp_f64(double x) { return exp(x); }
TGI_INLINE double log_f64(double x) { return log(x); }
TGI_INLINE double tanh_f64(double x) { return tanh(x); }
TGI_INLINE double sigmoid_f64(double x)
{
    double e = exp(-__builtin_fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

#endif
