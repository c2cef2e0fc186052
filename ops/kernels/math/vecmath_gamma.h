/* vecmath_gamma.h: the gamma function's family. Part of vecmath.h.
 *
 * Arguments below 8 are brought up by the recurrence, all lanes in step, to where an asymptotic series in 1/z^2 is
 * short; those below zero are reflected. Floats are computed in double. Only zeta, and so polygamma from n = 2 on, is a
 * loop. */
#ifndef TG_OPS_KERNELS_MATH_VECMATH_GAMMA_H
#define TG_OPS_KERNELS_MATH_VECMATH_GAMMA_H

#include <math.h>

#include "vecmath_round.h"
#include "vecmath_trig.h"

/* sin(pi x) and cos(pi x) for |x| <= 1/2 */
TGI_INLINE double sin_pi_f64(double x, double *cosine)
{
    double size = __builtin_fabs(x);
    int far = size > 0.25;
    double angle = (far ? 0.5 - size : size) * 0x1.921fb54442d18p+1;
    double s = sin_reduced_f64(angle, 0.0), c = cos_reduced_f64(angle, 0.0);
    *cosine = far ? s : c;
    return __builtin_copysign(far ? c : s, x);
}

/* ---- lgamma ---- log |gamma(x)| */

/* lgamma(1 + t) for t from 0 to 1, whose zeros are kept. */
TGI_INLINE double lgamma_one_f64(double t)
{
    double u = t - 0.5;
    double p = -0x1.0467902760469p-17; /* lgamma(1 + t) / (t (t - 1)), u = t - 0.5 */
    p = fma_f64(p, u, 0x1.9759e019683d0p-17);
    p = fma_f64(p, u, -0x1.18598e23bb974p-17);
    p = fma_f64(p, u, 0x1.ba730a9784e07p-17);
    p = fma_f64(p, u, -0x1.c85e4bc95846cp-16);
    p = fma_f64(p, u, 0x1.68f13e0fbb796p-15);
    p = fma_f64(p, u, -0x1.156abea920aefp-14);
    p = fma_f64(p, u, 0x1.b9e43433855c2p-14);
    p = fma_f64(p, u, -0x1.623f109df00eep-13);
    p = fma_f64(p, u, 0x1.1c7e3a261c9ebp-12);
    p = fma_f64(p, u, -0x1.cb44dee9fac00p-12);
    p = fma_f64(p, u, 0x1.750a7900f071ep-11);
    p = fma_f64(p, u, -0x1.313e8a3ddad6fp-10);
    p = fma_f64(p, u, 0x1.f814bab49d011p-10);
    p = fma_f64(p, u, -0x1.a5035232a7d25p-9);
    p = fma_f64(p, u, 0x1.64f0664c4f943p-8);
    p = fma_f64(p, u, -0x1.34dbda14971e2p-7);
    p = fma_f64(p, u, 0x1.133423527f1f2p-6);
    p = fma_f64(p, u, -0x1.007aa83cee1acp-5);
    p = fma_f64(p, u, 0x1.01af62a2929c0p-4);
    p = fma_f64(p, u, -0x1.2aed059bd608ap-3);
    p = fma_f64(p, u, 0x1.eeb95b094c191p-2);
    return p * t * (t - 1.0);
}

/* lgamma(z) for z >= 8 */
TGI_INLINE double lgamma_stirling_f64(double z)
{
    double inverse = 1.0 / z, w = inverse * inverse;
    double p = 0x1.4bfea4de7922ep-8; /* z (lgamma(z) - (z - 1/2) log z + z - log(2 pi) / 2), w = 1 / z^2 */
    p = fma_f64(p, w, -0x1.ef8d42177b216p-10);
    p = fma_f64(p, w, 0x1.b92c325b8c2cfp-11);
    p = fma_f64(p, w, -0x1.38134d4c82297p-11);
    p = fma_f64(p, w, 0x1.a01a017dcd167p-11);
    p = fma_f64(p, w, -0x1.6c16c16c149f1p-9);
    p = fma_f64(p, w, 0x1.5555555555555p-4);
    double log_z = log_f64(z);
    return fma_f64(z, log_z - 1.0, fma_f64(-0.5, log_z, fma_f64(p, inverse, 0x1.d67f1c864beb5p-1)));
}

/* With a = x, or -x below -1/2: lgamma(a) = base + log(up) - log(down), where from 4 on the base is Stirling's series
 * and `down` what the recurrence takes; nearer it is lgamma between 1 and 2, and one of the two a step or two of one.
 * Below -1/2 lgamma(x) = log(pi / (a |sin pi a|)) - lgamma(a), for which the two logarithms are made one. */
TGI_INLINE double lgamma_f64(double x)
{
    int reflected = x < -0.5;
    double a = reflected ? -x : x, z = a < 4.0 ? 4.0 : a, product = 1.0;
    for (int step = 0; step < 4; step++) {
        int more = z < 8.0;
        product = more ? product * z : product;
        z = more ? z + 1.0 : z;
    }
    int near = a < 4.0;
    double t = a < 0.0 ? a + 1.0 : a;
    t = a >= 1.0 ? a - 1.0 : t;
    t = a >= 2.0 ? a - 2.0 : t;
    t = a >= 3.0 ? a - 3.0 : t;
    double base = near ? lgamma_one_f64(near ? t : 0.0) : lgamma_stirling_f64(z);
    double up = a >= 2.0 ? a - 1.0 : 1.0, down = a < 1.0 ? a : 1.0;
    up = a >= 3.0 ? (a - 1.0) * (a - 2.0) : up;
    down = a < 0.0 ? -a * t : down;
    up = near ? up : 1.0;
    down = near ? down : product;
    double unused, sine = __builtin_fabs(sin_pi_f64(a - round_f64(a), &unused));
    double logarithm = log_f64(reflected ? a * sine * up / (down * 0x1.921fb54442d18p+1) : up * down);
    double direct = base + (up > 1.0 ? logarithm : -logarithm) + 0.0; /* +0 at 1 and 2 */
    double result = reflected ? -base - logarithm : direct;
    double pole = reflected ? (double)INFINITY : direct;
    result = sine == 0.0 ? pole : result;
    return __builtin_fabs(x) == (double)INFINITY ? (double)INFINITY : result;
}
TGI_INLINE float lgamma_f32(float x) { return (float)lgamma_f64((double)x); }

/* ---- digamma and trigamma ---- the first derivatives of lgamma */

/* The sums of 1/(z + k) and of their squares are kept as fractions, so that there is one division. Below zero
 * digamma(x) = digamma(1 - x) - pi / tan(pi x); a pole at a negative integer has no sign, and is NaN. */
TGI_INLINE double digamma_f64(double x)
{
    int reflected = x < 0.0;
    double z = reflected ? 1.0 - x : x, above = 0.0, below = 1.0;
    for (int step = 0; step < 8; step++) {
        int more = z < 8.0;
        above = more ? fma_f64(above, z, below) : above;
        below = more ? below * z : below;
        z = more ? z + 1.0 : z;
    }
    double inverse = 1.0 / z, w = inverse * inverse;
    double p = 0x1.0496f5b17a95dp-4; /* z^2 (log z - 1 / (2 z) - digamma(z)), w = 1 / z^2 */
    p = fma_f64(p, w, -0x1.531d798b77926p-6);
    p = fma_f64(p, w, 0x1.f037dc6663eeep-8);
    p = fma_f64(p, w, -0x1.1110b33a55ed2p-8);
    p = fma_f64(p, w, 0x1.041040c6249afp-8);
    p = fma_f64(p, w, -0x1.11111111095dbp-7);
    p = fma_f64(p, w, 0x1.5555555555555p-4);
    double result = log_f64(z) - (above / below + fma_f64(p, w, 0.5 * inverse));
    double part = x - round_f64(x), cosine, sine = sin_pi_f64(part, &cosine);
    double mirrored = result - 0x1.921fb54442d18p+1 * cosine / sine;
    result = reflected ? mirrored : result;
    result = (reflected & (part == 0.0)) ? (double)NAN : result;
    return x == 0.0 ? __builtin_copysign((double)INFINITY, -x) : result;
}
TGI_INLINE float digamma_f32(float x) { return (float)digamma_f64((double)x); }

/* Below zero trigamma(x) = (pi / sin(pi x))^2 - trigamma(1 - x), infinite at the poles. */
TGI_INLINE double trigamma_f64(double x)
{
    int reflected = x < 0.0;
    double z = reflected ? 1.0 - x : x, above = 0.0, below = 1.0;
    for (int step = 0; step < 8; step++) {
        int more = z < 8.0;
        double square = z * z;
        above = more ? fma_f64(above, square, below) : above;
        below = more ? below * square : below;
        z = more ? z + 1.0 : z;
    }
    double inverse = 1.0 / z, w = inverse * inverse;
    double p = -0x1.24cff44d823f6p+2; /* z^3 (trigamma(z) - 1 / z - 1 / (2 z^2)), w = 1 / z^2 */
    p = fma_f64(p, w, 0x1.1bfea850d80e6p+0);
    p = fma_f64(p, w, -0x1.0273b917ad763p-2);
    p = fma_f64(p, w, 0x1.364836c7d948cp-4);
    p = fma_f64(p, w, -0x1.111106569e4f9p-5);
    p = fma_f64(p, w, 0x1.8618617b7a5b1p-6);
    p = fma_f64(p, w, -0x1.11111111100f9p-5);
    p = fma_f64(p, w, 0x1.5555555555555p-3);
    double result = above / below + fma_f64(fma_f64(p, inverse, 0.5), w, inverse);
    double unused, ratio = 0x1.921fb54442d18p+1 / sin_pi_f64(x - round_f64(x), &unused);
    return reflected ? ratio * ratio - result : result;
}
TGI_INLINE float trigamma_f32(float x) { return (float)trigamma_f64((double)x); }

/* ---- zeta and polygamma ---- loops, not vector code */

/* The sum of (q + k)^-s over k >= 0 for q > 0, s > 1: terms up to q + k = 12, ten at least, and the rest by Euler and
 * Maclaurin. */
static __attribute__((noinline, unused)) double zeta_above_f64(double s, double q)
{
    static const double ratio[] = { /* B_2k / (2k)! */
                                    1.0 / 12,
                                    -1.0 / 720,
                                    1.0 / 30240,
                                    -1.0 / 1209600,
                                    1.0 / 47900160,
                                    -691.0 / 1307674368000.0,
                                    1.0 / 74724249600.0,
                                    -3617.0 / 10670622842880000.0,
                                    43867.0 / 5109094217170944000.0 };
    double sum = 0.0;
    if (q == 0.0) return (double)INFINITY;
    for (int k = 0; k < 10 || q < 12.0; k++, q++) {
        double term = pow(q, -s);
        sum += term;
        if (term <= 0x1p-60 * sum && q > 1.0) return sum;
    }
    double power = pow(q, -s), factor = s * power / q;
    sum += pow(q, 1.0 - s) / (s - 1.0) + 0.5 * power;
    for (int k = 0; k < 9; k++) {
        double term = ratio[k] * factor;
        sum += term;
        if (__builtin_fabs(term) <= 0x1p-60 * sum) break;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
    }
    return sum;
}

/* Hurwitz's zeta function. Below zero, where s must be whole, the sum over all integers k is that of q's distances to
 * the nearest two, of which what lies beyond is taken away. */
static __attribute__((noinline, unused)) double zeta_f64(double s, double q)
{
    if (s == 1.0) return (double)INFINITY;
    if (s < 1.0) return (double)NAN;
    if (q <= 0.0 && q == floor(q)) return (double)INFINITY;
    if (s != s || q != q || q == (double)INFINITY) return (double)NAN;
    if (q > 0.0) return zeta_above_f64(s, q);
    if (s != floor(s)) return (double)NAN;
    double above = zeta_above_f64(s, ceil(q) - q) - zeta_above_f64(s, 1.0 - q);
    return zeta_above_f64(s, q - floor(q)) + (fmod(s, 2.0) != 0.0 ? -above : above);
}
TGI_INLINE float zeta_f32(float s, float q) { return (float)zeta_f64((double)s, (double)q); }

/* The n-th derivative of digamma, for whole n. */
static __attribute__((noinline, unused)) double polygamma_f64(double n, double x)
{
    if (n == 0.0) return digamma_f64(x);
    if (n == 1.0) return trigamma_f64(x);
    double size = tgamma(n + 1.0) * zeta_f64(n + 1.0, x);
    return fmod(n, 2.0) != 0.0 ? size : -size;
}
TGI_INLINE float polygamma_f32(float n, float x) { return (float)polygamma_f64((double)n, (double)x); }

#endif
