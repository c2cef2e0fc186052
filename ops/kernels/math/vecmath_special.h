/* vecmath_special.h: erf, erfc and erfinv. Part of vecmath.h. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_SPECIAL_H
#define TG_OPS_KERNELS_MATH_VECMATH_SPECIAL_H

#include <math.h>

#include "vecmath_core_f32.h"
#include "vecmath_core_f64.h"

/* ---- erf = 1 - e^-g, with g = 2 / sqrt(pi) |x| + .., which keeps its digits near zero; |x| of 4 or 6 gives 1 ---- */

TGI_INLINE float erf_f32(float x)
{
    float a = __builtin_fabsf(x);
    a = a > 4.0f ? 4.0f : a;
    float p = 1.1541928e-06f; /* (-log(1 - erf(a)) / a - 2 / sqrt(pi)) / a */
    p = fma_f32(p, a, -2.0879565e-05f);
    p = fma_f32(p, a, 0.00016522591f);
    p = fma_f32(p, a, -0.00073520985f);
    p = fma_f32(p, a, 0.0017919618f);
    p = fma_f32(p, a, -0.0002474635f);
    p = fma_f32(p, a, -0.01911996f);
    p = fma_f32(p, a, 0.10277171f);
    p = fma_f32(p, a, 0.6366198f);
    float g = -fma_f32(a, 0x1.20dd76p+0f, a * fma_f32(p, a, -0x1.f7ac92p-25f));
    float shifted = fma_f32(g, TGI_LOG2_E, TGI_ROUND_ONE), power = from_bits_f32(bits_f32(shifted) << 23);
    float e = expm1_reduced_f32(g, shifted - TGI_ROUND_ONE);
    return __builtin_copysignf((1.0f - power) - power * e, x);
}

TGI_INLINE double erf_f64(double x)
{
    double a = __builtin_fabs(x);
    a = a > 6.0 ? 6.0 : a;
    double p = 0x1.c3922d6f37317p-51; /* (-log(1 - erf(a)) / a - 2 / sqrt(pi)) / a */
    p = fma_f64(p, a, -0x1.5acbf2772e5ddp-45);
    p = fma_f64(p, a, 0x1.f1ecba83a6e0fp-41);
    p = fma_f64(p, a, -0x1.bbae27bd3dda1p-37);
    p = fma_f64(p, a, 0x1.12830145f310fp-33);
    p = fma_f64(p, a, -0x1.f346323ca2a6cp-31);
    p = fma_f64(p, a, 0x1.576c70fe2023cp-28);
    p = fma_f64(p, a, -0x1.681ee73bc43c5p-26);
    p = fma_f64(p, a, 0x1.1a4ff612372a7p-24);
    p = fma_f64(p, a, -0x1.306b444e583ecp-23);
    p = fma_f64(p, a, 0x1.2692ce48721e8p-23);
    p = fma_f64(p, a, 0x1.692f8c18ef016p-22);
    p = fma_f64(p, a, -0x1.d37f8829e6261p-20);
    p = fma_f64(p, a, 0x1.7c874ea565536p-19);
    p = fma_f64(p, a, 0x1.c950430ebb516p-19);
    p = fma_f64(p, a, -0x1.f2afc4df37c8dp-16);
    p = fma_f64(p, a, 0x1.0e7f9a9ff9c9ep-14);
    p = fma_f64(p, a, 0x1.b22bc3d2f99e7p-16);
    p = fma_f64(p, a, -0x1.35654f9cf8da7p-11);
    p = fma_f64(p, a, 0x1.bca67bd12d1ecp-10);
    p = fma_f64(p, a, -0x1.b6b68bee87400p-13);
    p = fma_f64(p, a, -0x1.39668593d7c90p-6);
    p = fma_f64(p, a, 0x1.a4f4e2a1b207bp-4);
    p = fma_f64(p, a, 0x1.45f306dc9c897p-1);
    double g = -fma_f64(a, 0x1.20dd750429b6dp+0, p * a * a);
    double shifted = fma_f64(g, TGI_LOG2_E_F64, TGI_ROUND_ONE_F64), power = from_bits_f64(bits_f64(shifted) << 52);
    double e = expm1_reduced_f64(g, 0.0, shifted - TGI_ROUND_ONE_F64);
    return __builtin_copysign((1.0 - power) - power * e, x);
}

/* ---- erfc = e^-x^2 times a rational function for x >= 0; 2 - erfc(-x) below ---- */

TGI_INLINE float erfc_f32(float x)
{
    float a = __builtin_fabsf(x);
    a = a > 10.2f ? 10.2f : a;
    float inverse = 1.0f / (a + 4.0f), t = fma_f32(a + a, inverse, -1.0f); /* (a - 4) / (a + 4) */
    float p = -0.000754362f; /* (a + 4) e^a^2 erfc(a) */
    p = fma_f32(p, t, -0.0003832769f);
    p = fma_f32(p, t, 0.006222643f);
    p = fma_f32(p, t, -0.026295325f);
    p = fma_f32(p, t, 0.076370664f);
    p = fma_f32(p, t, -0.1740248f);
    p = fma_f32(p, t, 0.33085164f);
    p = fma_f32(p, t, -0.5408529f);
    p = fma_f32(p, t, 0.77320874f);
    p = fma_f32(p, t, -0.97654873f);
    p = fma_f32(p, t, 1.0959957f);
    float square = a * a, rest = product_rest_f32(a, a, square);
    float shifted = fma_f32(-square, TGI_LOG2_E, TGI_ROUND_TWO);
    float e = expm1_reduced_f32(-square, shifted - TGI_ROUND_TWO);
    e = fma_f32(-rest, 1.0f + e, e); /* e^-(square + rest) */
    float ratio = p * inverse, result = fma_f32(ratio, e, ratio);
    uint32_t n = bits_f32(shifted), half = n >> 1;
    result = result * from_bits_f32(half << 23) * from_bits_f32((n - half) << 23);
    return x < 0.0f ? 2.0f - result : result;
}

/* (1 + 2 a) e^a^2 erfc(a) is nearly constant. It is divided by 1 + 2 a, and multiplied by 1 + e, with what the sum and
 * the quotient lost. */
TGI_INLINE double erfc_f64(double x)
{
    double a = __builtin_fabs(x), z = x * x;
    a = a > 27.3 ? 27.3 : a;
    double t = (a - 3.5) / (a + 3.5);
    double p = 0x1.6d1fc3aff3a21p-27; /* (1 + 2 a) e^a^2 erfc(a) for a > 0.49, t = (a - 3.5) / (a + 3.5) */
    p = fma_f64(p, t, 0x1.ea7b5cc0a654cp-32);
    p = fma_f64(p, t, -0x1.928175f1597fap-24);
    p = fma_f64(p, t, -0x1.050942526250cp-27);
    p = fma_f64(p, t, 0x1.42b3f67483e65p-21);
    p = fma_f64(p, t, -0x1.7f1c02e9d148fp-25);
    p = fma_f64(p, t, -0x1.00069a169e971p-18);
    p = fma_f64(p, t, 0x1.38875a99f0623p-19);
    p = fma_f64(p, t, 0x1.97095097029dap-16);
    p = fma_f64(p, t, -0x1.66e24c2e48d2bp-15);
    p = fma_f64(p, t, -0x1.fda912e0335cfp-14);
    p = fma_f64(p, t, 0x1.27e66573e6e41p-11);
    p = fma_f64(p, t, -0x1.3cf3691efef3dp-12);
    p = fma_f64(p, t, -0x1.143c4caa14829p-8);
    p = fma_f64(p, t, 0x1.38ec6670edaa7p-6);
    p = fma_f64(p, t, -0x1.8ff5ef76c9e02p-5);
    p = fma_f64(p, t, 0x1.686106046f98dp-4);
    p = fma_f64(p, t, -0x1.d76830c353482p-4);
    p = fma_f64(p, t, 0x1.8f702ec6b32d1p-4);
    p = fma_f64(p, t, -0x1.59e2c284b119cp-7);
    p = fma_f64(p, t, -0x1.1ebd220ea593bp-3);
    p = fma_f64(p, t, 0x1.3e0a99a0ee914p+0);
    double d = 1.0 + 2.0 * a, d_lost = 1.0 - (d - 2.0 * a), ratio = p / d, back = ratio * d;
    double lost = ((p - back) - product_rest_f64(ratio, d, back) - ratio * d_lost) / d;
    double square = a * a, rest = product_rest_f64(a, a, square);
    double shifted = fma_f64(-square, TGI_LOG2_E_F64, TGI_ROUND_TWO_F64);
    double e = expm1_reduced_f64(-square, -rest, shifted - TGI_ROUND_TWO_F64);
    uint64_t n = bits_f64(shifted), half = n >> 1;
    double result = ratio + fma_f64(ratio, e, lost);
    result = result * from_bits_f64(half << 52) * from_bits_f64((n - half) << 52);
    result = x < 0.0 ? 2.0 - result : result;
    double c = 0x1.8b25939a25b68p-20; /* erf(x) / x for |x| < 0.5 */
    c = fma_f64(c, z, -0x1.f2207dd60627dp-17);
    c = fma_f64(c, z, 0x1.f98d7ecdfd2d0p-14);
    c = fma_f64(c, z, -0x1.c02d4e2947b1ap-11);
    c = fma_f64(c, z, 0x1.565bcbf48fe6bp-8);
    c = fma_f64(c, z, -0x1.b82ce30f1b6b9p-6);
    c = fma_f64(c, z, 0x1.ce2f21a03d657p-4);
    c = fma_f64(c, z, -0x1.812746b0379b3p-2);
    c = fma_f64(c, z, 0x1.20dd750429b6dp+0);
    return a < 0.5 ? 1.0 - x * c : result;
}

/* ---- erfinv: x times a polynomial in w = -log(1 - x^2), or in its root where that is large ---- */

TGI_INLINE float erfinv_f32(float x)
{
    float n, f = split_f32((1.0f - x) * (1.0f + x), &n), w = -log_sum_f32(n, f), u = w - 2.5f, v = sqrt_f32(w) - 3.0f;
    float p = -8.931926e-09f; /* erfinv(x) / x for w < 5 */
    p = fma_f32(p, u, 2.3335968e-08f);
    p = fma_f32(p, u, 4.6813136e-07f);
    p = fma_f32(p, u, -3.4639852e-06f);
    p = fma_f32(p, u, -4.97242e-06f);
    p = fma_f32(p, u, 0.00021834939f);
    p = fma_f32(p, u, -0.0012527264f);
    p = fma_f32(p, u, -0.004177393f);
    p = fma_f32(p, u, 0.24664028f);
    p = fma_f32(p, u, 1.5014094f);
    float q = 0.00012797768f; /* for w from 5 to 16 */
    q = fma_f32(q, v, -0.00031955945f);
    q = fma_f32(q, v, -7.380991e-05f);
    q = fma_f32(q, v, 0.0014967585f);
    q = fma_f32(q, v, -0.003589127f);
    q = fma_f32(q, v, 0.0056828423f);
    q = fma_f32(q, v, -0.007638856f);
    q = fma_f32(q, v, 0.009445729f);
    q = fma_f32(q, v, 1.001675f);
    q = fma_f32(q, v, 2.8329768f);
    float result = x * (w < 5.0f ? p : q);
    result = __builtin_fabsf(x) == 1.0f ? __builtin_copysignf(INFINITY, x) : result;
    return __builtin_fabsf(x) <= 1.0f ? result : NAN;
}

TGI_INLINE double erfinv_f64(double x)
{
    double n, f = split_f64((1.0 - x) * (1.0 + x), &n), w = -log_sum_f64(n, f), u = w - 2.5, v = sqrt_f64(w) - 4.0;
    double p = 0x1.847e944433021p-63; /* erfinv(x) / x for w < 5 */
    p = fma_f64(p, u, 0x1.7692a18a39c86p-59);
    p = fma_f64(p, u, -0x1.eb8684d3967aap-56);
    p = fma_f64(p, u, -0x1.d3896566661f1p-54);
    p = fma_f64(p, u, 0x1.10f9a3abd03bcp-49);
    p = fma_f64(p, u, -0x1.c9dd7964db247p-49);
    p = fma_f64(p, u, -0x1.56c08cc65ee02p-44);
    p = fma_f64(p, u, 0x1.2e67836f4afd5p-41);
    p = fma_f64(p, u, 0x1.008e1e14bcf63p-40);
    p = fma_f64(p, u, -0x1.11a0e5e08c336p-35);
    p = fma_f64(p, u, 0x1.0704eb5764939p-33);
    p = fma_f64(p, u, 0x1.f2cd342e3526fp-31);
    p = fma_f64(p, u, -0x1.752fdb81693a7p-27);
    p = fma_f64(p, u, 0x1.ccff528c03084p-27);
    p = fma_f64(p, u, 0x1.01037e3d97bd8p-21);
    p = fma_f64(p, u, -0x1.ca9227b0a062dp-19);
    p = fma_f64(p, u, -0x1.4f47fe73684ebp-18);
    p = fma_f64(p, u, 0x1.c9b437ed0080cp-13);
    p = fma_f64(p, u, -0x1.4863cdfb61517p-10);
    p = fma_f64(p, u, -0x1.11c3c302dfaf0p-8);
    p = fma_f64(p, u, 0x1.f91e8993f0d14p-3);
    p = fma_f64(p, u, 0x1.805c5cfcedef5p+0);
    double q = -0x1.94bfe90be21fcp-47; /* for w from 5 to 36 */
    q = fma_f64(q, v, 0x1.23fab2000bca2p-44);
    q = fma_f64(q, v, 0x1.f1d33457d3152p-44);
    q = fma_f64(q, v, -0x1.900f94a4aa9d7p-40);
    q = fma_f64(q, v, 0x1.fb887e164036dp-40);
    q = fma_f64(q, v, 0x1.148440ab2d3b7p-37);
    q = fma_f64(q, v, -0x1.c0ae10e19ec86p-36);
    q = fma_f64(q, v, 0x1.0d97711310a61p-35);
    q = fma_f64(q, v, -0x1.6c03aa8b3e37dp-35);
    q = fma_f64(q, v, -0x1.a584d193d9e94p-34);
    q = fma_f64(q, v, 0x1.778f2424dc246p-30);
    q = fma_f64(q, v, -0x1.4717a31fb835cp-28);
    q = fma_f64(q, v, 0x1.8dedf94cb2f26p-28);
    q = fma_f64(q, v, 0x1.026230b34f1fbp-26);
    q = fma_f64(q, v, -0x1.93cbbef288efdp-24);
    q = fma_f64(q, v, 0x1.00b20485cab38p-22);
    q = fma_f64(q, v, -0x1.26b0a5c35f445p-22);
    q = fma_f64(q, v, -0x1.be78988a1aa86p-22);
    q = fma_f64(q, v, 0x1.949d0a7ae2041p-19);
    q = fma_f64(q, v, -0x1.29f326be134f1p-17);
    q = fma_f64(q, v, 0x1.39446f358179ep-16);
    q = fma_f64(q, v, -0x1.110adca11705ep-15);
    q = fma_f64(q, v, 0x1.d308fe2dff5d0p-15);
    q = fma_f64(q, v, -0x1.ee5c5a67cc4d1p-14);
    q = fma_f64(q, v, 0x1.508bb6e5e76e1p-12);
    q = fma_f64(q, v, -0x1.c79a1b1371c75p-11);
    q = fma_f64(q, v, 0x1.4a42eb3ce0f08p-10);
    q = fma_f64(q, v, 0x1.026e265c38c59p+0);
    q = fma_f64(q, v, 0x1.eb7e0914cbf1dp+1);
    double result = x * (w < 5.0 ? p : q);
    result = __builtin_fabs(x) == 1.0 ? __builtin_copysign((double)INFINITY, x) : result;
    return __builtin_fabs(x) <= 1.0 ? result : (double)NAN;
}

#endif
