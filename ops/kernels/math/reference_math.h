/* reference_math.h: the functions that libm lacks, for the reference kernels and the tests, as one would explain them:
 * series and recurrences in long double, with loops and branches. They share nothing with vecmath.h.
 *
 * Conventions at the poles and beyond the domain are PyTorch's. */
#ifndef TG_OPS_KERNELS_MATH_REFERENCE_MATH_H
#define TG_OPS_KERNELS_MATH_REFERENCE_MATH_H

#include <math.h>

#define TGI_REFERENCE static inline __attribute__((unused))
#define TGI_PI_LONG   3.14159265358979323846264338327950288L

/* B_2k for k = 1 .. 12 */
static const long double tgi_bernoulli[] = { 1.0L / 6,     -1.0L / 30,    1.0L / 42,      -1.0L / 30,
                                             5.0L / 66,    -691.0L / 2730, 7.0L / 6,       -3617.0L / 510,
                                             43867.0L / 798, -174611.0L / 330, 854513.0L / 138, -236364091.0L / 2730 };

/* sin and cos of pi x, with x reduced exactly. */
TGI_REFERENCE long double tgi_sin_pi(long double x)
{
    long double n = rintl(x), s = sinl(TGI_PI_LONG * (x - n));
    return fmodl(n, 2) != 0 ? -s : s;
}

/* log(1 + e^x) and log(e^x + e^y) */
TGI_REFERENCE long double tgi_log1pexp(long double x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }
TGI_REFERENCE long double tgi_logaddexp(long double x, long double y)
{
    if (isinf(x) && x == y) return x;
    if (isnan(x) || isnan(y)) return NAN;
    return fmaxl(x, y) + log1pl(expl(-fabsl(x - y)));
}

/* Newton's steps on erf, or on erfc in the tail, where 1 - |x| keeps more digits. */
TGI_REFERENCE long double tgi_erfinv(long double x)
{
    long double size = fabsl(x), rest = 1 - size;
    if (!(size < 1)) return size == 1 ? copysignl(INFINITY, x) : (long double)NAN;
    if (x == 0) return x;
    long double y = size < 0.7L ? size * 0.886L : sqrtl(-logl(rest * 1.2L));
    for (int i = 0; i < 60; i++) {
        long double error = size < 0.5L ? erfl(y) - size : rest - erfcl(y);
        long double step = error / (2 / sqrtl(TGI_PI_LONG) * expl(-y * y));
        y -= step / (1 + y * step); /* Halley's: erf'' = -2 y erf' */
        if (fabsl(step) < 1e-19L * y) break;
    }
    return copysignl(y, x);
}

/* Up by the recurrence to where the asymptotic series is good; down from below zero by the reflection. */
TGI_REFERENCE long double tgi_digamma(long double x)
{
    if (x == 0) return copysignl(INFINITY, -x);
    if (isnan(x) || x == -INFINITY) return (long double)NAN;
    if (x == INFINITY) return x;
    if (x < 0) {
        long double part = x - rintl(x);
        if (part == 0) return NAN;
        return tgi_digamma(1 - x) - TGI_PI_LONG / tanl(TGI_PI_LONG * part);
    }
    long double sum = 0;
    for (; x < 20; x++) sum -= 1 / x;
    long double square = 1 / (x * x), power = square;
    sum += logl(x) - 0.5L / x;
    for (int k = 1; k <= 12; k++, power *= square) sum -= tgi_bernoulli[k - 1] / (2 * k) * power;
    return sum;
}

/* Hurwitz's sum of (q + k)^-s for q > 0: ten terms and all below 30, then Euler and Maclaurin. */
TGI_REFERENCE long double tgi_zeta_above(long double s, long double q)
{
    long double sum = 0;
    if (q == 0) return INFINITY;
    for (int k = 0; k < 10 || q < 30; k++, q++) sum += powl(q, -s);
    long double power = powl(q, -s), term = s * power / q;
    sum += q * power / (s - 1) + power / 2;
    for (int k = 1; k <= 12; k++) {
        sum += tgi_bernoulli[k - 1] * term / (2 * k);
        if (fabsl(term) < 1e-22L * sum || !(fabsl(term) < INFINITY)) break;
        term *= (s + 2 * k - 1) / (2 * k) * (s + 2 * k) / (2 * k + 1) / (q * q);
    }
    return sum;
}

/* Below zero the sum over all integers is that of q's distance to them, on both sides. */
TGI_REFERENCE long double tgi_zeta(long double s, long double q)
{
    if (s == 1) return INFINITY;
    if (s < 1) return NAN;
    if (q <= 0 && q == floorl(q)) return INFINITY;
    if (isnan(s) || isnan(q) || q == INFINITY) return NAN;
    if (q > 0) return tgi_zeta_above(s, q);
    if (s != floorl(s)) return NAN;
    long double sign = fmodl(s, 2) != 0 ? -1 : 1, below = tgi_zeta_above(s, q - floorl(q)),
                above = tgi_zeta_above(s, ceill(q) - q);
    return above == INFINITY ? sign * above : below + sign * (above - tgi_zeta_above(s, 1 - q));
}

TGI_REFERENCE long double tgi_trigamma(long double x)
{
    if (x == INFINITY) return 0;
    return x == -INFINITY ? (long double)NAN : tgi_zeta(2, x);
}

/* The n-th derivative of digamma. */
TGI_REFERENCE long double tgi_polygamma(long double n, long double x)
{
    if (n == 0) return tgi_digamma(x);
    if (n == 1) return tgi_trigamma(x);
    return (fmodl(n, 2) != 0 ? 1 : -1) * tgammal(n + 1) * tgi_zeta(n + 1, x);
}

#endif
