/* vecmath_trig.h: the circular functions and their inverses. Part of vecmath.h.
 *
 * Angles are reduced exactly, however large they are: x 2/pi is made of products with pieces of 2/pi, each taken modulo
 * 4, so that only the digits around the point are ever added. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_TRIG_H
#define TG_OPS_KERNELS_MATH_VECMATH_TRIG_H

#include <math.h>

#include "vecmath_core_f32.h"
#include "vecmath_core_f64.h"

/* x less a multiple of 4, exactly, for x from -2^50 to 2^100. At most 2 in size if x is below 2^53; beyond, multiples
 * of 4 may be left, far smaller than x. */
TGI_INLINE double modulo_4_f64(double x)
{
    double quarter = fma_f64(x, 0.25, TGI_ROUNDER_F64) - TGI_ROUNDER_F64;
    return fma_f64(quarter, -4.0, x);
}

/* ---- sin, cos and tan of floats ---- */

/* x = (n + f) pi/2 for x >= 0, |f| <= 1/2: returns f pi/2, and n modulo 4 in the low bits. 2/pi is three pieces of 29
 * digits, whose products with the float's 24 are exact, and what they leave. From 2^83 on the first two give multiples
 * of 4, and the next two take their place. */
TGI_INLINE double reduce_f32(double x, uint64_t *n)
{
    int large = x >= 0x1p83;
    double a = modulo_4_f64(x * (large ? 0x1.4fe13abp-59 : 0x1.45f306dp-1));
    double b = modulo_4_f64(x * (large ? 0x1.d1f534dp-88 : 0x1.9391054p-30));
    double c = modulo_4_f64(x * (large ? 0x1.b81b6c5p-117 : 0x1.4fe13abp-59));
    double d = x * (large ? 0x1.5993c439041fep-148 : 0x1.d1f534ddc0db6p-88);
    double shifted = ((a + b) + (c + d)) + TGI_ROUNDER_F64;
    *n = bits_f64(shifted);
    double f = (((a - (shifted - TGI_ROUNDER_F64)) + b) + c) + d;
    return f * 0x1.921fb54442d18p+0;
}

/* sin and cos for |r| <= pi/4 */
TGI_INLINE float sin_reduced_f32(float r)
{
    float z = r * r;
    float s = -0.00019518394f; /* (sin(r) - r) / r^3 in z = r^2 */
    s = fma_f32(s, z, 0.00833219f);
    s = fma_f32(s, z, -0.16666655f);
    return fma_f32(s * z, r, r);
}

TGI_INLINE float cos_reduced_f32(float r)
{
    float z = r * r;
    float c = 2.4430676e-05f; /* (cos(r) - 1 + r^2 / 2) / r^4 in z = r^2 */
    c = fma_f32(c, z, -0.0013887301f);
    c = fma_f32(c, z, 0.041666646f);
    return fma_f32(c * z, z, fma_f32(z, -0.5f, 1.0f));
}

/* Quadrant n of the four: the sine, the cosine, and both negated. */
TGI_INLINE float quadrant_f32(uint32_t n, float sine, float cosine)
{
    return from_bits_f32(bits_f32((n & 1) ? cosine : sine) ^ ((n & 2) << 30));
}

#if TGI_HAS_FMA
/* Angles below this are as good by a shorter way: pi/2 is a number and two small ones; x less a multiple of the first
 * is exact, since all its digits lie below 1 and not below the last one of that number or of x. */
#define TGI_NEAR_f32 0x1p13f

TGI_INLINE float near_f32(float x, uint32_t *n)
{
    float shifted = fma_f32(x, 0x1.45f306p-1f, TGI_ROUNDER), turns = shifted - TGI_ROUNDER;
    float r = fma_f32(turns, -0x1.921fb6p+0f, x);
    *n = bits_f32(shifted);
    return fma_f32(turns, 0x1.ee59dap-50f, fma_f32(turns, 0x1.777a5cp-25f, r));
}

TGI_INLINE float near_sin_f32(float x)
{
    uint32_t n;
    float r = near_f32(__builtin_fabsf(x), &n);
    float result = quadrant_f32(n, sin_reduced_f32(r), cos_reduced_f32(r));
    return from_bits_f32(bits_f32(result) ^ (bits_f32(x) & 0x80000000u));
}

TGI_INLINE float near_cos_f32(float x)
{
    uint32_t n;
    float r = near_f32(__builtin_fabsf(x), &n);
    return quadrant_f32(n + 1, sin_reduced_f32(r), cos_reduced_f32(r));
}
#endif

/* Of any size. */
TGI_INLINE float any_f32(float x, uint32_t *n)
{
    uint64_t turns;
    float r = (float)reduce_f32((double)x, &turns);
    *n = (uint32_t)turns;
#if TGI_HAS_FMA
    uint32_t near_n;
    float near = near_f32(x, &near_n);
    *n = x < TGI_NEAR_f32 ? near_n : *n;
    r = x < TGI_NEAR_f32 ? near : r;
#endif
    return r;
}

TGI_INLINE float sin_f32(float x)
{
    uint32_t n;
    float size = __builtin_fabsf(x), r = any_f32(size, &n);
    float result = quadrant_f32(n, sin_reduced_f32(r), cos_reduced_f32(r));
    return size < 0x1p-13f ? x : from_bits_f32(bits_f32(result) ^ (bits_f32(x) & 0x80000000u));
}

TGI_INLINE float cos_f32(float x)
{
    uint32_t n;
    float r = any_f32(__builtin_fabsf(x), &n);
    return quadrant_f32(n + 1, sin_reduced_f32(r), cos_reduced_f32(r));
}

/* sin and cos for |r| <= pi/4, to 2^-28 and 2^-34 */
TGI_INLINE double sin_short_f64(double r)
{
    double z = r * r;
    double s = -0x1.994a71541c0ccp-13; /* (sin(r) - r) / r^3 in z = r^2 */
    s = fma_f64(s, z, 0x1.1107543901d52p-7);
    s = fma_f64(s, z, -0x1.5555457c4f8e4p-3);
    return fma_f64(s * z, r, r);
}

TGI_INLINE double cos_short_f64(double r)
{
    double z = r * r;
    double c = 0x1.992fdd0eb94e6p-16; /* (cos(r) - 1) / r^2 in z = r^2 */
    c = fma_f64(c, z, -0x1.6c086c9a16bf4p-10);
    c = fma_f64(c, z, 0x1.55553de46eaa3p-5);
    c = fma_f64(c, z, -0x1.ffffffd04f087p-2);
    return fma_f64(c, z, 1.0);
}

/* `odd` or `even` by the lowest bit of n; a compare of 64-bit integers is not in SSE2. */
TGI_INLINE double by_parity_f64(uint64_t n, double even, double odd)
{
    uint64_t mask = 0 - (n & 1);
    return from_bits_f64((bits_f64(odd) & mask) | (bits_f64(even) & ~mask));
}

/* Quadrant n of the four: the sine, the cosine, and both negated. */
TGI_INLINE double quadrant_f64(uint64_t n, double sine, double cosine)
{
    return from_bits_f64(bits_f64(by_parity_f64(n, sine, cosine)) ^ ((n & 2) << 62));
}

/* Of |x|, which is r beyond the n-th quarter. */
TGI_INLINE float tan_reduced_f32(float x, double r, uint64_t n)
{
    double s = sin_short_f64(r), c = cos_short_f64(r);
    float result = (float)(by_parity_f64(n, s, -c) / by_parity_f64(n, c, s));
    return __builtin_fabsf(x) < 0x1p-13f ? x : from_bits_f32(bits_f32(result) ^ (bits_f32(x) & 0x80000000u));
}

#if TGI_HAS_FMA
/* In doubles two parts of pi/2 will do. */
TGI_INLINE double near_tan_angle_f32(double x, uint64_t *n)
{
    double shifted = fma_f64(x, 0x1.45f306dc9c883p-1, TGI_ROUNDER_F64), turns = shifted - TGI_ROUNDER_F64;
    *n = bits_f64(shifted);
    return fma_f64(turns, -0x1.1a62633145c07p-54, fma_f64(turns, -0x1.921fb54442d18p+0, x));
}

TGI_INLINE float near_tan_f32(float x)
{
    uint64_t n;
    double r = near_tan_angle_f32((double)__builtin_fabsf(x), &n);
    return tan_reduced_f32(x, r, n);
}
#endif

TGI_INLINE float tan_f32(float x)
{
    uint64_t n;
    double size = (double)__builtin_fabsf(x), r = reduce_f32(size, &n);
#if TGI_HAS_FMA
    uint64_t near_n;
    double near = near_tan_angle_f32(size, &near_n);
    n = size < (double)TGI_NEAR_f32 ? near_n : n;
    r = size < (double)TGI_NEAR_f32 ? near : r;
#endif
    return tan_reduced_f32(x, r, n);
}

/* ---- sin, cos and tan of doubles ---- */

/* sin and cos of r + low, for |r| <= pi/4 */
TGI_INLINE double sin_reduced_f64(double r, double low)
{
    double z = r * r;
    double s = -0x1.aaa30706ecf1fp-41; /* (sin(r) - r) / r^3 in z = r^2 */
    s = fma_f64(s, z, 0x1.61208e419adaap-33);
    s = fma_f64(s, z, -0x1.ae6452916bc82p-26);
    s = fma_f64(s, z, 0x1.71de3a53344a2p-19);
    s = fma_f64(s, z, -0x1.a01a01a018aa5p-13);
    s = fma_f64(s, z, 0x1.111111111110bp-7);
    s = fma_f64(s, z, -0x1.5555555555555p-3);
    return r + fma_f64(s * z, r, fma_f64(-0.5 * z, low, low));
}

TGI_INLINE double cos_reduced_f64(double r, double low)
{
    double z = r * r, half = 0.5 * z, near = 1.0 - half;
    double c = 0x1.aac3830dd29f7p-45; /* (cos(r) - 1 + r^2 / 2) / r^4 in z = r^2 */
    c = fma_f64(c, z, -0x1.939333846f530p-37);
    c = fma_f64(c, z, 0x1.1eed8c9f8a6f3p-29);
    c = fma_f64(c, z, -0x1.27e4fb75f9d9bp-22);
    c = fma_f64(c, z, 0x1.a01a01a018db5p-16);
    c = fma_f64(c, z, -0x1.6c16c16c16c10p-10);
    c = fma_f64(c, z, 0x1.5555555555555p-5);
    return near + (((1.0 - near) - half) + fma_f64(c * z, z, -r * low));
}

#if TGI_HAS_FMA
/* Digits 26 k to 26 k + 51 of 2/pi, as a fraction. */
static const double tgi_two_over_pi[] __attribute__((unused)) = {
    0x1.45f306dc9c882p-1, 0x1.727220a94fe12p-1, 0x1.4a7f09d5f47d4p-2, 0x1.abe8fa9a6ee06p-1,
    0x1.a6ee06db14ac8p-3, 0x1.b6295993c4390p-2, 0x1.278872083fca2p-1, 0x1.07f9458eaf7a0p-4,
    0x1.8eaf7aef1586cp-2, 0x1.de2b0db92371cp-1, 0x1.c91b8e9093748p-2, 0x1.2126e97003248p-1,
    0x1.c00c925dd413ap-1, 0x1.77504e8c90e7ep-1, 0x1.921cfe1deb1c0p-4, 0x1.0ef58e5894d38p-1,
    0x1.62534e7dd1046p-1, 0x1.f74411afa975cp-1, 0x1.7d4baed1213a4p-2, 0x1.a24274ce38134p-1,
    0x1.38e04d68befc8p-1, 0x1.a2fbf209cc8eap-1, 0x1.3991d63983530p-4, 0x1.1cc1a99cfa4e4p-1,
    0x1.cfa4e422fc5d8p-3, 0x1.17e2ef7e4a0e0p-4, 0x1.bf250763ff12ep-1, 0x1.8ffc4bffef02cp-1,
    0x1.ffbc0b301fde4p-1, 0x1.80fef2f118b58p-2, 0x1.e2316b414da3ep-1, 0x1.05368fb69b3f6p-1,
    0x1.b4d9fb3c9f2c0p-2, 0x1.e4f96136e9e88p-3, 0x1.36e9e8c7ecd3cp-1, 0x1.1fb34f2ff516ap-1,
    0x1.7fa8b5d49eeb0p-2, 0x1.a93dd63f5f2f8p-1, 0x1.faf97c5ecf41cp-2, 0x1.7b3d0739f78a4p-2,
    0x1.cfbc529497530p-3, 0x1.292ea6bfb5fb0p-2, 0x1.7f6bf623f1abap-1, 0x1.1f8d5d0856030p-2,
};

/* What a + b lost, where a is a multiple of b's last digit, or the larger. */
TGI_INLINE double sum_rest_f64(double a, double b, double sum) { return b - (sum - a); }

/* x = (n + f) pi/2 for x >= 0: returns f pi/2 in two parts, and n modulo 4 in the low bits. The four words of 2/pi are
 * the first whose product with x may have digits below 4, and each product goes on where the one before ends, so that
 * nothing is lost in adding them. Below pi/4 x is its own rest. */
TGI_INLINE double reduce_f64(double x, double *low, uint64_t *n)
{
    double exponent = from_bits_f64((bits_f64(x) >> 52) | 0x4330000000000000u) - (0x1p52 + 1023 + 54);
    double place = exponent > 0.0 ? exponent : 0.0;
    /* floor(place / 26): the quotient's fractions are multiples of 1/26 */
    uint64_t k = bits_f64(fma_f64(place, 1.0 / 26, -0.48) + TGI_ROUNDER_F64) & 63;
    double scaled = x * from_bits_f64((1023 - 26 * k) << 52);
    double second = scaled * 0x1p-52, third = scaled * 0x1p-104;
    double a = scaled * tgi_two_over_pi[k], b = second * tgi_two_over_pi[k + 2], c = third * tgi_two_over_pi[k + 4];
    double a_rest = modulo_4_f64(fma_f64(scaled, tgi_two_over_pi[k], -a));
    double b_rest = fma_f64(second, tgi_two_over_pi[k + 2], -b);
    double c_rest = fma_f64(third, tgi_two_over_pi[k + 4], -c);
    a = modulo_4_f64(a);
    b = modulo_4_f64(b);
    double shifted = ((a + a_rest) + b) + TGI_ROUNDER_F64;
    a -= shifted - TGI_ROUNDER_F64;
    double sum = a + a_rest, lost = sum_rest_f64(a, a_rest, sum);
    double sum_b = sum + b;
    lost += sum_rest_f64(sum, b, sum_b);
    double sum_c = sum_b + b_rest;
    lost += sum_rest_f64(sum_b, b_rest, sum_c);
    double sum_d = sum_c + c;
    lost += sum_rest_f64(sum_c, c, sum_d);
    lost += fma_f64(scaled * 0x1p-156, tgi_two_over_pi[k + 6], c_rest);
    double f = sum_d + lost, f_low = lost - (f - sum_d);
    int small = x < 0x1.921fb54442d18p-1;
    double r = f * 0x1.921fb54442d18p+0, r_low = fma_f64(f, 0x1.921fb54442d18p+0, -r);
    r_low = fma_f64(f, 0x1.1a62633145c07p-54, fma_f64(f_low, 0x1.921fb54442d18p+0, r_low));
    *low = small ? 0.0 : r_low;
    *n = small ? 0 : bits_f64(shifted);
    return small ? x : r;
}

/* As for floats; what r and the second part lose is in `low`. */
#define TGI_NEAR_f64 0x1p20

TGI_INLINE double near_f64(double x, double *low, uint64_t *n)
{
    double shifted = fma_f64(x, 0x1.45f306dc9c883p-1, TGI_ROUNDER_F64), turns = shifted - TGI_ROUNDER_F64;
    double r = fma_f64(turns, -0x1.921fb54442d18p+0, x);
    double second = turns * 0x1.1a62633145c07p-54, rest = fma_f64(turns, 0x1.1a62633145c07p-54, -second);
    double near = r - second, back = r - near; /* either may be the larger */
    double lost = (r - (near + back)) + (back - second);
    *n = bits_f64(shifted);
    *low = fma_f64(turns, 0x1.f1976b7ed8fbcp-110, lost - rest);
    return near;
}

/* The sine, the cosine and the tangent of an angle |x| that either reduction has reduced. */
TGI_INLINE double signed_sin_f64(double x, double r, double low, uint64_t n)
{
    double result = quadrant_f64(n, sin_reduced_f64(r, low), cos_reduced_f64(r, low));
    return from_bits_f64(bits_f64(result) ^ (bits_f64(x) & 0x8000000000000000u));
}

TGI_INLINE double signed_cos_f64(double x, double r, double low, uint64_t n)
{
    (void)x;
    return quadrant_f64(n + 1, sin_reduced_f64(r, low), cos_reduced_f64(r, low));
}

TGI_INLINE double signed_tan_f64(double x, double r, double low, uint64_t n)
{
    double s = sin_reduced_f64(r, low), c = cos_reduced_f64(r, low);
    double result = by_parity_f64(n, s, -c) / by_parity_f64(n, c, s);
    return from_bits_f64(bits_f64(result) ^ (bits_f64(x) & 0x8000000000000000u));
}

#define TGI_ANGLE(function)                                                                                            \
    TGI_INLINE double near_##function##_f64(double x)                                                                  \
    {                                                                                                                  \
        uint64_t n;                                                                                                    \
        double low, r = near_f64(__builtin_fabs(x), &low, &n);                                                         \
        return signed_##function##_f64(x, r, low, n);                                                                  \
    }                                                                                                                  \
    TGI_INLINE double function##_f64(double x)                                                                         \
    {                                                                                                                  \
        uint64_t n, near_n;                                                                                            \
        double size = __builtin_fabs(x), low, near_low;                                                                \
        double r = reduce_f64(size, &low, &n), near = near_f64(size, &near_low, &near_n);                              \
        int is_near = size < TGI_NEAR_f64;                                                                             \
        return signed_##function##_f64(x, is_near ? near : r, is_near ? near_low : low, is_near ? near_n : n);         \
    }
TGI_ANGLE(sin)
TGI_ANGLE(cos)
TGI_ANGLE(tan)
#undef TGI_ANGLE
#else
/* Without a fused multiply-add there is no cheap way to a product's lost digits. */
TGI_INLINE double sin_f64(double x) { return sin(x); }
TGI_INLINE double cos_f64(double x) { return cos(x); }
TGI_INLINE double tan_f64(double x) { return tan(x); }
#endif

/* ---- asin and acos ---- above 1/2 by the half angle: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)) */

/* (asin(s) - s) / s^3 in z = s^2, for s up to 1/2 */
TGI_INLINE float asin_cubic_f32(float z)
{
    float p = 0.037670474f;
    p = fma_f32(p, z, 0.014330651f);
    p = fma_f32(p, z, 0.031835794f);
    p = fma_f32(p, z, 0.04451365f);
    p = fma_f32(p, z, 0.07500521f);
    p = fma_f32(p, z, 0.1666666f);
    return p;
}

TGI_INLINE double asin_cubic_f64(double z)
{
    double p = 0x1.0bb04a279ba56p-5;
    p = fma_f64(p, z, -0x1.59542f4fb2be9p-6);
    p = fma_f64(p, z, 0x1.6492730d779f2p-6);
    p = fma_f64(p, z, 0x1.e2bf52b68941ap-9);
    p = fma_f64(p, z, 0x1.6173e6ee3c479p-7);
    p = fma_f64(p, z, 0x1.757b7c47e6716p-7);
    p = fma_f64(p, z, 0x1.ca20cdca78555p-7);
    p = fma_f64(p, z, 0x1.1c49e2be4c22dp-6);
    p = fma_f64(p, z, 0x1.6e8bdfa644c5ap-6);
    p = fma_f64(p, z, 0x1.f1c71a8dc4dadp-6);
    p = fma_f64(p, z, 0x1.6db6db722606cp-5);
    p = fma_f64(p, z, 0x1.333333332df7fp-4);
    p = fma_f64(p, z, 0x1.5555555555578p-3);
    return p;
}

TGI_INLINE float asin_f32(float x)
{
    float size = __builtin_fabsf(x);
    int near = size <= 0.5f;
    float z = near ? x * x : 0.5f - 0.5f * size, s = near ? size : sqrt_f32(z);
    float result = fma_f32(asin_cubic_f32(z) * z, s, s);
    result = near ? result : 0x1.921fb6p+0f - fma_f32(2.0f, result, 0x1.777a5cp-25f);
    return __builtin_copysignf(result, x);
}

TGI_INLINE float acos_f32(float x)
{
    float size = __builtin_fabsf(x);
    int near = size <= 0.5f;
    float z = near ? x * x : 0.5f - 0.5f * size, s = near ? x : sqrt_f32(z);
    float angle = fma_f32(asin_cubic_f32(z) * z, s, s);
    float far = x < 0.0f ? 0x1.921fb6p+1f - fma_f32(2.0f, angle, 0x1.777a5cp-24f) : angle + angle;
    return near ? 0x1.921fb6p+0f - (angle + 0x1.777a5cp-25f) : far;
}

TGI_INLINE double asin_f64(double x)
{
    double size = __builtin_fabs(x);
    int near = size <= 0.5;
    double z = near ? x * x : 0.5 - 0.5 * size, s = near ? size : sqrt_f64(z);
    double result = fma_f64(asin_cubic_f64(z) * z, s, s);
    result = near ? result : 0x1.921fb54442d18p+0 - fma_f64(2.0, result, -0x1.1a62633145c07p-54);
    return __builtin_copysign(result, x);
}

TGI_INLINE double acos_f64(double x)
{
    double size = __builtin_fabs(x);
    int near = size <= 0.5;
    double z = near ? x * x : 0.5 - 0.5 * size, s = near ? x : sqrt_f64(z);
    double angle = fma_f64(asin_cubic_f64(z) * z, s, s);
    double far = x < 0.0 ? 0x1.921fb54442d18p+1 - fma_f64(2.0, angle, -0x1.1a62633145c07p-53) : angle + angle;
    return near ? 0x1.921fb54442d18p+0 - (angle - 0x1.1a62633145c07p-54) : far;
}

/* ---- atan ---- of a quotient at most 1, and then the multiple of pi/2 that it is seen from */

/* The angle of (x, y) seen from the x axis, both at least 0, at most one of them infinite, not both 0. */
TGI_INLINE float atan_quotient_f32(float y, float x)
{
    int steep = y > x;
    float s = (steep ? x : y) / (steep ? y : x), z = s * s;
    float p = -0.0018295281f; /* (atan(s) - s) / s^3 in z = s^2 */
    p = fma_f32(p, z, 0.011069105f);
    p = fma_f32(p, z, -0.03145333f);
    p = fma_f32(p, z, 0.058221217f);
    p = fma_f32(p, z, -0.08418103f);
    p = fma_f32(p, z, 0.10956961f);
    p = fma_f32(p, z, -0.14265113f);
    p = fma_f32(p, z, 0.19998626f);
    p = fma_f32(p, z, -0.33333302f);
    float angle = fma_f32(p * z, s, s);
    return steep ? 0x1.921fb6p+0f - (angle + 0x1.777a5cp-25f) : angle;
}

/* Beyond tan(pi/8) as seen from the diagonal, so that s is at most that. */
TGI_INLINE double atan_quotient_f64(double y, double x)
{
    int steep = y > x;
    double less = steep ? x : y, more = steep ? y : x;
    int far = less > 0.4142135623730950 * more;
    double s = (far ? less - more : less) / (far ? less + more : more), z = s * s;
    double p = -0x1.247c02b02c23bp-6; /* (atan(s) - s) / s^3 in z = s^2 */
    p = fma_f64(p, z, 0x1.376b90453c73fp-5);
    p = fma_f64(p, z, -0x1.9caa1df219b24p-5);
    p = fma_f64(p, z, 0x1.df068a9ae3441p-5);
    p = fma_f64(p, z, -0x1.10eb2322ad71cp-4);
    p = fma_f64(p, z, 0x1.3b110c6e23cd9p-4);
    p = fma_f64(p, z, -0x1.745cf82c66447p-4);
    p = fma_f64(p, z, 0x1.c71c70e0292f2p-4);
    p = fma_f64(p, z, -0x1.249249229ec76p-3);
    p = fma_f64(p, z, 0x1.9999999995626p-3);
    p = fma_f64(p, z, -0x1.555555555553cp-2);
    double angle = fma_f64(p * z, s, s);
    angle = far ? 0x1.921fb54442d18p-1 + (angle + 0x1.1a62633145c07p-55) : angle;
    return steep ? 0x1.921fb54442d18p+0 - (angle - 0x1.1a62633145c07p-54) : angle;
}

TGI_INLINE float atan_f32(float x) { return __builtin_copysignf(atan_quotient_f32(__builtin_fabsf(x), 1.0f), x); }
TGI_INLINE double atan_f64(double x) { return __builtin_copysign(atan_quotient_f64(__builtin_fabs(x), 1.0), x); }

/* Of two infinities or two zeros the signs alone count. Sizes are brought to where the sum does not overflow, and where
 * a share of it is no denormal. */
TGI_INLINE float atan2_f32(float y, float x)
{
    float a = __builtin_fabsf(y), b = __builtin_fabsf(x);
    b = ((a == 0.0f) & (b == 0.0f)) ? 1.0f : b;
    int infinite = (a == INFINITY) & (b == INFINITY);
    float angle = atan_quotient_f32(infinite ? 1.0f : a, infinite ? 1.0f : b);
    angle = __builtin_copysignf(1.0f, x) < 0.0f ? 0x1.921fb6p+1f - (angle + 0x1.777a5cp-24f) : angle;
    return __builtin_copysignf(angle, y);
}

TGI_INLINE double atan2_f64(double y, double x)
{
    double a = __builtin_fabs(y), b = __builtin_fabs(x), size = a > b ? a : b;
    b = size == 0.0 ? 1.0 : b;
    int infinite = (a == b) & (a == (double)INFINITY);
    double scale = size > 0x1p1000 ? 0.25 : size < 0x1p-900 ? 0x1p100 : 1.0;
    double angle = atan_quotient_f64(infinite ? 1.0 : a * scale, infinite ? 1.0 : b * scale);
    angle = __builtin_copysign(1.0, x) < 0.0 ? 0x1.921fb54442d18p+1 - (angle - 0x1.1a62633145c07p-53) : angle;
    return __builtin_copysign(angle, y);
}

#endif
