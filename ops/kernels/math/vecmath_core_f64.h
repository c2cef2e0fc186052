/* vecmath_core_f64.h: the float64 half of vecmath.h, and pow for both, which computes in float64. Part of vecmath.h.
 *
 * Shifts of 64-bit integers are left or logical: AVX2 has no other. Integers become doubles, and back, by way of the
 * low bits of 2^52. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_CORE_F64_H
#define TG_OPS_KERNELS_MATH_VECMATH_CORE_F64_H

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "vecmath_core_f32.h"

TGI_INLINE uint64_t bits_f64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

TGI_INLINE double from_bits_f64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* As for floats: the nearest integer in the low bits, biased once or twice. */
#define TGI_ROUNDER_F64   0x1.8p52
#define TGI_ROUND_ONE_F64 (TGI_ROUNDER_F64 + 1023)
#define TGI_ROUND_TWO_F64 (TGI_ROUNDER_F64 + 2046)
#define TGI_LOG2_E_F64    0x1.71547652b82fep+0

/* ln 2 in two parts; the first has 42 bits, so that n times it is exact. */
#define TGI_LN2_HIGH_F64 0x1.62e42fefa38p-1
#define TGI_LN2_LOW_F64  0x1.ef35793c7673p-45

/* e^(x + rest - n ln 2) - 1, where that is near 0 and `rest` is far smaller than x. */
TGI_INLINE double expm1_reduced_f64(double x, double rest, double n)
{
    double r = fma_f64(n, -TGI_LN2_HIGH_F64, x);
    r = fma_f64(n, -TGI_LN2_LOW_F64, r) + rest;
    double q = 0x1.ad7f3c1c65cbap-26; /* (e^r - 1 - r) / r^2 */
    q = fma_f64(q, r, 0x1.28ad9b84e5ed4p-22);
    q = fma_f64(q, r, 0x1.71df25b4b9df5p-19);
    q = fma_f64(q, r, 0x1.a01999e2657b2p-16);
    q = fma_f64(q, r, 0x1.a01a012a0e82bp-13);
    q = fma_f64(q, r, 0x1.6c16c18438ae7p-10);
    q = fma_f64(q, r, 0x1.1111111127d10p-7);
    q = fma_f64(q, r, 0x1.555555555083fp-5);
    q = fma_f64(q, r, 0x1.55555555554f9p-3);
    q = fma_f64(q, r, 0x1.000000000000ap-1);
    return fma_f64(q, r * r, r);
}

/* e^(x + rest) for x from -746 to 710 and NaN, anything beyond; in two steps, as for floats. */
TGI_INLINE double exp_between_f64(double x, double rest)
{
    double shifted = fma_f64(x, TGI_LOG2_E_F64, TGI_ROUND_TWO_F64);
    double e = 1.0 + expm1_reduced_f64(x, rest, shifted - TGI_ROUND_TWO_F64);
    uint64_t n = bits_f64(shifted), half = n >> 1;
    return e * from_bits_f64(half << 52) * from_bits_f64((n - half) << 52);
}

TGI_INLINE double exp_f64(double x)
{
    double e = exp_between_f64(x, 0.0);
    e = x > 710.0 ? (double)INFINITY : e;
    return x < -746.0 ? 0.0 : e;
}

TGI_INLINE double sigmoid_f64(double x)
{
    double size = __builtin_fabs(x), e = exp_between_f64(-size, 0.0);
    e = size > 746.0 ? 0.0 : e;
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* t / (t + 2) with t = e^2|x| - 1, which is 1 from 20 on. */
TGI_INLINE double tanh_f64(double x)
{
    double size = __builtin_fabs(x);
    size = size > 20.0 ? 20.0 : size;
    double shifted = fma_f64(size, 2 * TGI_LOG2_E_F64, TGI_ROUND_ONE_F64);
    double e = expm1_reduced_f64(size + size, 0.0, shifted - TGI_ROUND_ONE_F64);
    double power = from_bits_f64(bits_f64(shifted) << 52);
    double t = fma_f64(power, e, power - 1.0);
    return __builtin_copysign(t / (t + 2.0), x);
}

/* x = 2^n (1 + f) for x > 0, with 1 + f in [sqrt(1/2), sqrt(2)): returns f. */
TGI_INLINE double split_f64(double x, double *n)
{
    int tiny = x < 0x1p-1022;
    uint64_t bits = bits_f64(tiny ? x * 0x1p54 : x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    *n = from_bits_f64((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023) - (tiny ? 54.0 : 0.0);
    return from_bits_f64((bits & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
}

/* (2 atanh(s) - 2 s) / s^3 in z = s^2, for s from -0.172 to 0.172 */
TGI_INLINE double log_cubic_f64(double z)
{
    double p = 0x1.2f0978f1eef57p-3;
    p = fma_f64(p, z, 0x1.39a157e6ca6f4p-3);
    p = fma_f64(p, z, 0x1.74664289d90ffp-3);
    p = fma_f64(p, z, 0x1.c71c51f8ae865p-3);
    p = fma_f64(p, z, 0x1.24924942045c9p-2);
    p = fma_f64(p, z, 0x1.999999997fc75p-2);
    return fma_f64(p, z, 0x1.5555555555593p-1);
}

/* n ln 2 + log(1 + f), where log(1 + f) = 2 atanh(s) with s = f / (2 + f), written as f - f^2/2 + s (f^2/2 + ..), whose
 * large terms are exact. */
TGI_INLINE double log_sum_f64(double n, double f)
{
    double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    double rest = fma_f64(s, fma_f64(log_cubic_f64(z), z, half), n * TGI_LN2_LOW_F64);
    return fma_f64(n, TGI_LN2_HIGH_F64, f - (half - rest));
}

TGI_INLINE double log_domain_f64(double x, double result)
{
    result = x < (double)INFINITY ? result : x;
    result = x == 0.0 ? -(double)INFINITY : result;
    return x < 0.0 ? (double)NAN : result;
}

TGI_INLINE double log_f64(double x)
{
    double n, f = split_f64(x, &n);
    return log_domain_f64(x, log_sum_f64(n, f));
}

/* e^x to 2^-34, which is enough for a float, for x from -708 to 709. */
TGI_INLINE double exp_short_f64(double x)
{
    double shifted = fma_f64(x, TGI_LOG2_E_F64, TGI_ROUND_ONE_F64);
    double r = fma_f64(shifted - TGI_ROUND_ONE_F64, -0x1.62e42fefa39efp-1, x);
    double q = 0x1.9f085d2d70950p-13; /* (e^r - 1 - r) / r^2 */
    q = fma_f64(q, r, 0x1.6d8d527da89cap-10);
    q = fma_f64(q, r, 0x1.111271430b1ecp-7);
    q = fma_f64(q, r, 0x1.55548d744b959p-5);
    q = fma_f64(q, r, 0x1.5555544294715p-3);
    q = fma_f64(q, r, 0x1.0000003a463e4p-1);
    return (1.0 + fma_f64(q, r * r, r)) * from_bits_f64(bits_f64(shifted) << 52);
}

/* x y - `product`, where that is x y rounded, for sizes far from the largest and the least. */
TGI_INLINE double product_rest_f64(double x, double y, double product)
{
#if TGI_HAS_FMA
    return fma_f64(x, y, -product);
#else
    double x_high = x * 134217729.0, y_high = y * 134217729.0; /* 2^27 + 1: what follows leaves half of the digits */
    x_high = x_high - (x_high - x);
    y_high = y_high - (y_high - y);
    double x_low = x - x_high, y_low = y - y_high;
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low;
#endif
}

/* ---- pow: e^(y log |x|), and then what the signs and the special values have it be ---- */

/* Whether v >= 0 is whole. */
TGI_INLINE int is_whole_f64(double v) { return (v >= 0x1p52) | ((v + 0x1p52) - 0x1p52 == v); }

/* `power` is |x|^y. */
TGI_INLINE double signed_power_f64(double x, double y, double power)
{
    double size = __builtin_fabs(y);
    int whole = is_whole_f64(size), odd = whole & !is_whole_f64(0.5 * size);
    double result = odd ? __builtin_copysign(power, x) : power;
    result = ((x < 0.0) & (x > -(double)INFINITY) & !whole) ? (double)NAN : result;
    result = ((x == -1.0) & (size == (double)INFINITY)) ? 1.0 : result;
    return ((x == 1.0) | (y == 0.0)) ? 1.0 : result;
}

/* The small whole powers and roots are what pow is mostly asked for, and are products. The root of -0 is 0 here, that
 * of minus infinity infinite. Choices one after the other, which become vectors; of nested ones gcc makes branches. */
#define TGI_SMALL_POWERS(T, suffix)                                                                                    \
    TGI_INLINE T small_power_##suffix(T x, T y, T result)                                                              \
    {                                                                                                                  \
        T root = sqrt_##suffix(abs_##suffix(x));                                                                       \
        root = ((x < 0) & (root < (T)INFINITY)) ? (T)NAN : root;                                                       \
        root = y < 0 ? 1 / root : root;                                                                                \
        T whole = y < 0 ? 1 / x : x;                                                                                   \
        T square = x * x;                                                                                              \
        result = ((y == (T)0.5) | (y == (T)-0.5)) ? root : result;                                                     \
        result = ((y == 1) | (y == -1)) ? whole : result;                                                              \
        result = y == 2 ? square : result;                                                                             \
        return y == 3 ? square * x : result;                                                                           \
    }
TGI_SMALL_POWERS(float, f32)
TGI_SMALL_POWERS(double, f64)
#undef TGI_SMALL_POWERS

/* log |x| to 2^-36 is enough for a float. */
TGI_INLINE float pow_f32(float base, float exponent)
{
    double x = (double)base, y = (double)exponent, size = __builtin_fabs(x);
    double n, f = split_f64(size, &n), s = f / (2.0 + f), z = s * s;
    double p = 0x1.e2fa1bc3287e2p-3; /* (2 atanh(s) - 2 s) / s^3 in z = s^2 */
    p = fma_f64(p, z, 0x1.2438c00135337p-2);
    p = fma_f64(p, z, 0x1.999a7ae3508cdp-2);
    p = fma_f64(p, z, 0x1.555554fd6ee8ap-1);
    double log_size = fma_f64(n, 0x1.62e42fefa39efp-1, fma_f64(p * z, s, s + s));
    log_size = size < (double)INFINITY ? log_size : size;
    log_size = size == 0.0 ? -(double)INFINITY : log_size;
    double product = y * log_size, power = exp_short_f64(product);
    power = product > 89.0 ? (double)INFINITY : power;
    power = product < -104.0 ? 0.0 : power;
    return small_power_f32(base, exponent, (float)signed_power_f64(x, y, power));
}

#if TGI_HAS_FMA
/* log x for x > 0 as the sum of two doubles, to 2^-65: two terms of 2 atanh(s) = 2 s + 2/3 s^3 + .. in double that. */
TGI_INLINE double long_log_f64(double x, double *low)
{
    double n, f = split_f64(x, &n), d = 2.0 + f, s = f / d;
    double s_low = (fma_f64(-s, d, f) - s * (f - (d - 2.0))) / d;
    double z = s * s, z_low = fma_f64(s, s, -z) + 2.0 * s * s_low;
    double c = s * z, c_low = fma_f64(s, z, -c) + fma_f64(s, z_low, s_low * z);
    double t = c * 0x1.5555555555555p-1;
    double t_low = fma_f64(c, 0x1.5555555555555p-1, -t) + fma_f64(c, 0x1.5555555555555p-55, c_low * (2.0 / 3));
    double p = 0x1.0e4631ccd8f04p-3; /* (2 atanh(s) - 2 s - 2/3 s^3) / s^5 in z = s^2 */
    p = fma_f64(p, z, 0x1.0f7f8b7f36381p-3);
    p = fma_f64(p, z, 0x1.3b1eeff28528fp-3);
    p = fma_f64(p, z, 0x1.745ce9ce75d1ep-3);
    p = fma_f64(p, z, 0x1.c71c722da112dp-3);
    p = fma_f64(p, z, 0x1.2492492457ad8p-2);
    p = fma_f64(p, z, 0x1.9999999999b31p-2);
    double whole = n * TGI_LN2_HIGH_F64, sum = whole + 2.0 * s, most = sum + t;
    double lost = (2.0 * s - (sum - whole)) + (t - (most - sum));
    double rest = lost + (2.0 * s_low + t_low + fma_f64(c * z, p, n * TGI_LN2_LOW_F64));
    double high = most + rest;
    *low = rest - (high - most);
    return high;
}

TGI_INLINE double pow_f64(double x, double y)
{
    double size = __builtin_fabs(x), low, high = long_log_f64(size, &low);
    high = size < (double)INFINITY ? high : size;
    high = size == 0.0 ? -(double)INFINITY : high;
    double product = y * high, rest = fma_f64(y, high, -product) + y * low;
    double power = exp_between_f64(product, rest);
    power = product > 710.0 ? (double)INFINITY : power;
    power = product < -746.0 ? 0.0 : power;
    return small_power_f64(x, y, signed_power_f64(x, y, power));
}
#else
/* Without a fused multiply-add there is no cheap way to a product's lost digits. */
TGI_INLINE double pow_f64(double x, double y)
{
    return small_power_f64(x, y, pow(x, y));
}
#endif

#endif
