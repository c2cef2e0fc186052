/* references.h: what each row of pointwise.def, functions.def, activation.def and loss.def is, written once more, on
 * jets (jet.h): plain formulas with branches, for test_row_derivatives.c. A row's function is NAME_of. */
#ifndef TG_TESTS_SUPPORT_REFERENCES_H
#define TG_TESTS_SUPPORT_REFERENCES_H

#include "jet.h"

#define PI_L 3.141592653589793238462643383279503L

/* A row at a, b and c. */
typedef jet (*reference)(jet a, jet b, jet c);

#define UNARY(name)   static jet name##_of(jet a, __attribute__((unused)) jet b, __attribute__((unused)) jet c)
#define BINARY(name)  static jet name##_of(jet a, jet b, __attribute__((unused)) jet c)
#define TERNARY(name) static jet name##_of(jet a, jet b, jet c)
#define X             a.c[0]

static jet zero_but(int smooth) { return jet_rough(jet_constant(0), smooth); }
static jet step(long double value, int is_jump) { return jet_rough(jet_constant(value), is_jump ? -1 : 3); }
static int whole(long double x) { return x == floorl(x); }

UNARY(neg) { return jet_neg(a); }
UNARY(abs) { return jet_abs(a); }
UNARY(sign) { return step((X > 0) - (X < 0), X == 0); }
UNARY(square) { return jet_mul(a, a); }
UNARY(reciprocal) { return jet_div(jet_constant(1), a); }
UNARY(floor) { return step(floorl(X), whole(X)); }
UNARY(ceil) { return step(ceill(X), whole(X)); }
UNARY(trunc) { return step(truncl(X), whole(X) && X != 0); }
UNARY(round) { return step(rintl(X), whole(X - 0.5L)); }
UNARY(frac) { return jet_rough(jet_shift(a, -truncl(X)), whole(X) && X != 0 ? -1 : 3); }
UNARY(nan_to_num) { return a; }
BINARY(add) { return jet_add(a, b); }
BINARY(sub) { return jet_sub(a, b); }
BINARY(mul) { return jet_mul(a, b); }
/* 0 / b: order 3 is 0 times what overflows. */
BINARY(div) { return jet_rough(jet_div(a, b), X == 0 && fabsl(b.c[0]) < 1e-30L ? 2 : 3); }
BINARY(div_trunc)
{
    const long double q = X / b.c[0];
    return step(truncl(q), b.c[0] == 0 || fabsl(q) > 1e6L || (whole(q) && q != 0));
}
BINARY(floor_divide)
{
    const long double q = X / b.c[0];
    return step(floorl(q), b.c[0] == 0 || fabsl(q) > 1e6L || whole(q) || fabsl(q) < 1e-6L);
}
BINARY(fmod)
{
    const jet q = div_trunc_of(a, b, c);
    return jet_rough(jet_sub(a, jet_scale(b, q.c[0])), q.smooth);
}
BINARY(remainder)
{
    const jet q = floor_divide_of(a, b, c);
    return jet_rough(jet_sub(a, jet_scale(b, q.c[0])), q.smooth);
}
/* Of a negative a only whole powers, which do not move. Factors that overflow beside others that vanish: b (b - 1) of
 * exponents beyond 1e30, powers of a tiny a. */
BINARY(pow)
{
    const long double x = X, e = b.c[0], l = logl(x), u = a.c[1], v = b.c[1];
    const int fits = fabsl(e) > 1e30L ? 1 : fabsl(x) > 1e-30L || x == 0 || e >= 2 ? 3 : e >= 1 ? 2 : 1;
    if (v == 0) return jet_rough(x < 0 && !whole(e) ? zero_but(-1) : jet_power(a, e), fits);
    if (x == 0 && u == 0 && e > 0) return jet_constant(0);
    if (x <= 0) return zero_but(-1);
    const long double f = powl(x, e), f1 = powl(x, e - 1), f2 = powl(x, e - 2), f3 = powl(x, e - 3);
    jet r = { { f, u * e * f1 + v * l * f, 0, 0 }, fits };
    r.c[2] = (u * e * (e - 1) * f2 + 2 * u * v * f1 * (1 + e * l) + v * l * l * f) / 2;
    r.c[3] = (u * e * (e - 1) * (e - 2) * f3 + 3 * u * v * f2 * (2 * e - 1 + e * (e - 1) * l) +
              3 * u * v * f1 * l * (2 + e * l) + v * l * l * l * f) /
             6;
    return r;
}
BINARY(maximum) { return X == b.c[0] ? jet_rough(a, 0) : X > b.c[0] ? a : b; }
BINARY(minimum) { return X == b.c[0] ? jet_rough(a, 0) : X < b.c[0] ? a : b; }
BINARY(copysign)
{
    const jet r = signbit(b.c[0]) ? jet_neg(jet_abs(a)) : jet_abs(a);
    return b.c[0] == 0 && b.c[1] != 0 ? jet_rough(r, -1) : r;
}
/* As in PyTorch, b - a is formed, which may overflow. */
TERNARY(lerp)
{
    const jet d = jet_sub(b, a);
    if (fabsl(X) > 1e30L && fabsl(b.c[0]) > 1e30L && X != b.c[0]) return zero_but(-1);
    return c.c[0] < 0.5L ? jet_add(a, jet_mul(c, d)) : jet_sub(b, jet_mul(d, jet_shift(jet_neg(c), 1)));
}
TERNARY(addcmul) { return jet_add(a, jet_scale(jet_mul(b, c), 0.5L)); }
TERNARY(addcdiv) { return jet_add(a, jet_scale(div_of(b, c, a), 0.5L)); }
TERNARY(clamp)
{
    const jet low = X == b.c[0] ? jet_rough(a, 0) : X > b.c[0] ? a : b;
    return low.c[0] == c.c[0] ? jet_rough(low, 0) : low.c[0] < c.c[0] ? low : c;
}

UNARY(exp) { return jet_exp(a); }
UNARY(exp2) { return jet_exp(jet_scale(a, 0.693147180559945309417232121458177L)); }
UNARY(expm1)
{
    jet r = jet_exp(a);
    r.c[0] = expm1l(X);
    return r;
}
UNARY(log) { return jet_log(a); }
UNARY(log1p)
{
    jet r = jet_log(jet_shift(a, 1));
    r.c[0] = log1pl(X);
    return r;
}
UNARY(log2) { return jet_scale(jet_log(a), 1.442695040888963407359924681002L); }
UNARY(log10) { return jet_scale(jet_log(a), 0.434294481903251827651128918917L); }
UNARY(sqrt) { return jet_rough(jet_sqrt(a), X < 0 ? -1 : 3); }
UNARY(rsqrt) { return jet_rough(jet_power(a, -0.5L), X <= 0 ? -1 : 3); }
BINARY(hypot)
{
    const jet r = jet_sqrt(jet_add(jet_mul(a, a), jet_mul(b, b)));
    if (r.c[0] == 0) return zero_but(0);
    if (fabsl(X) > 1e30L && fabsl(b.c[0]) > 1e30L) return zero_but(-1); /* r overflows, and then a / r is lost */
    return jet_rough(r, r.c[0] < 1e-30L ? 2 : 3);                       /* 1 / r^2 overflows */
}
BINARY(xlogy)
{
    if (X == 0 && a.c[1] == 0) return jet_constant(0);
    return X == 0 && b.c[0] <= 0 ? zero_but(0) : jet_mul(a, jet_log(b));
}
BINARY(logaddexp)
{
    return X > b.c[0] ? jet_add(a, jet_log1pexp(jet_sub(b, a))) : jet_add(b, jet_log1pexp(jet_sub(a, b)));
}
UNARY(sin) { return jet_sin(a); }
UNARY(cos) { return jet_cos(a); }
UNARY(tan) { return jet_div(jet_sin(a), jet_cos(a)); }
static jet one_minus_square(jet a) { return jet_mul(jet_shift(jet_neg(a), 1), jet_shift(a, 1)); }
/* f with the derivative d: whose value and two derivatives are f's. */
static jet integral_of(jet a, long double value, jet (*derivative)(jet))
{
    const jet t = { { X, 1, 0, 0 }, 3 }, d = derivative(t);
    return jet_rough(jet_of(a, value, d.c[0], d.c[1], 2 * d.c[2]), d.smooth);
}
static jet asin_slope(jet a) { return jet_power(one_minus_square(a), -0.5L); }
static jet acos_slope(jet a) { return jet_neg(asin_slope(a)); }
static jet atan_slope(jet a) { return jet_div(jet_constant(1), jet_shift(jet_mul(a, a), 1)); }
static jet asinh_slope(jet a) { return jet_power(jet_shift(jet_mul(a, a), 1), -0.5L); }
static jet acosh_slope(jet a) { return jet_power(jet_neg(one_minus_square(a)), -0.5L); }
static jet atanh_slope(jet a) { return jet_div(jet_constant(1), one_minus_square(a)); }
UNARY(asin) { return integral_of(a, asinl(X), asin_slope); }
UNARY(acos) { return integral_of(a, acosl(X), acos_slope); }
UNARY(atan) { return integral_of(a, atanl(X), atan_slope); }
UNARY(asinh) { return integral_of(a, asinhl(X), asinh_slope); }
UNARY(acosh) { return integral_of(a, acoshl(X), acosh_slope); }
UNARY(atanh) { return integral_of(a, atanhl(X), atanh_slope); }
BINARY(atan2)
{
    if (X == 0 && b.c[0] == 0) return zero_but(-1);
    const int steep = fabsl(X) > fabsl(b.c[0]);
    const jet q = steep ? jet_neg(jet_div(b, a)) : jet_div(a, b);
    jet r = atan_of(q, q, q);
    r.c[0] = atan2l(X, b.c[0]);
    const int near = fabsl(X) + fabsl(b.c[0]) < 1e-30L; /* 1 / r^2 overflows */
    return jet_rough(r, X == 0 && b.c[0] < 0 ? -1 : near ? 1 : 3);
}
UNARY(sinh) { return jet_scale(jet_sub(jet_exp(a), jet_exp(jet_neg(a))), 0.5L); }
UNARY(cosh) { return jet_scale(jet_add(jet_exp(a), jet_exp(jet_neg(a))), 0.5L); }
UNARY(tanh) { return jet_tanh(a); }
UNARY(sinc)
{
    const jet u = jet_scale(a, PI_L), v = jet_neg(jet_mul(u, u));
    if (fabsl(X) > 0.5L) { /* periods off first: they are exact */
        jet rest = a;
        rest.c[0] = fmodl(X, 2);
        return jet_div(jet_sin(jet_scale(rest, PI_L)), u);
    }
    jet sum = jet_constant(0);
    for (int k = 12; k >= 0; k--) sum = jet_shift(jet_scale(jet_mul(sum, v), 1 / ((2.0L * k + 2) * (2 * k + 3))), 1);
    return sum;
}
UNARY(sigmoid) { return jet_sigmoid(a); }
UNARY(logit) { return jet_log(jet_div(a, jet_shift(jet_neg(a), 1))); }
UNARY(logit_eps)
{
    const long double end = X < 0.25L ? 0.25L : X > 0.75L ? 0.75L : X;
    if (X == 0.25L || X == 0.75L) return jet_rough(logit_of(a, b, c), 0);
    return end == X ? logit_of(a, b, c) : jet_constant(logl(end / (1 - end)));
}
static jet erf_slope(jet a) { return jet_scale(jet_exp(jet_neg(jet_mul(a, a))), 1.128379167095512573896158903122L); }
static jet erfc_slope(jet a) { return jet_neg(erf_slope(a)); }
UNARY(erf) { return integral_of(a, erfl(X), erf_slope); }
UNARY(erfc) { return integral_of(a, erfcl(X), erfc_slope); }
UNARY(erfinv)
{
    long double y = 0, e = 0.886226925452758013649083741671L, d = e;
    for (int i = 0; i < 40; i++) {
        d = e * expl(y * y);
        y -= (erfl(y) - X) * d;
    }
    d = e * expl(y * y);
    return jet_of(a, y, d, 2 * y * d * d, (2 + 8 * y * y) * d * d * d);
}
/* The derivatives of lgamma: of order n + 1 is polygamma(n). The sum goes up to where the series is good to 1e-20. */
static long double polygamma_at(int n, long double x)
{
    static const long double bernoulli[] = { 1 / 6.0L,       -1 / 30.0L,      1 / 42.0L, -1 / 30.0L,
                                             5 / 66.0L,      -691 / 2730.0L,  7 / 6.0L,  -3617 / 510.0L,
                                             43867 / 798.0L, -174611 / 330.0L };
    long double factorial = 1, sum = 0, series;
    for (int i = 2; i <= n; i++) factorial *= i;
    for (; x < 30; x += 1) sum -= n ? factorial * powl(x, -n - 1) : 1 / x;
    series = n ? -(factorial / n * powl(x, -n) + factorial / 2 * powl(x, -n - 1)) : logl(x) - 0.5L / x;
    long double rising = factorial * (n + 1) / 2; /* (2k + n - 1)! / (2k)! for k = 1 */
    for (int k = 1; k <= 10; k++) {
        series -= bernoulli[k - 1] * rising * powl(x, -2 * k - n);
        rising *= (2.0L * k + n) * (2 * k + 1 + n) / ((2.0L * k + 1) * (2 * k + 2));
    }
    if (n == 0) return sum + series;
    return n % 2 ? -(sum + series) : sum + series;
}
static jet polygamma_jet(jet a, int n)
{
    if (X <= 0 && whole(X)) return zero_but(-1);
    return jet_of(a, n < 0 ? lgammal(X) : polygamma_at(n, X), polygamma_at(n + 1, X), polygamma_at(n + 2, X),
                  polygamma_at(n + 3, X));
}
UNARY(lgamma) { return polygamma_jet(a, -1); }
UNARY(digamma) { return polygamma_jet(a, 0); }
UNARY(polygamma_1) { return polygamma_jet(a, 1); }
UNARY(polygamma_2) { return polygamma_jet(a, 2); }

static jet nothing_below(jet a, jet f) { return jet_branch(a, 0, f, jet_constant(0), 0); }
UNARY(relu) { return nothing_below(a, a); }
static jet between(jet a, long double low, long double high)
{
    if (X == low || X == high) return jet_rough(a, 0);
    return X < low ? jet_constant(low) : X > high ? jet_constant(high) : a;
}
UNARY(relu6) { return between(a, 0, 6); }
UNARY(leaky_relu) { return jet_branch(a, 0, a, jet_scale(a, 0.25L), 0); }
static jet elu_jet(jet a, long double alpha, long double scale, long double inner, int smooth)
{
    const jet b = jet_scale(a, inner);
    return jet_branch(a, 0, jet_scale(a, scale), jet_scale(expm1_of(b, b, b), alpha * scale), smooth);
}
UNARY(elu) { return elu_jet(a, 1, 1, 1, 1); }
UNARY(elu_options) { return elu_jet(a, 0.5L, 1.5L, 0.75L, 0); }
UNARY(selu) { return elu_jet(a, 1.67326324235437728481704301L, 1.05070098735548049341933498529L, 1, 0); }
UNARY(celu) { return elu_jet(a, 0.5L, 1, 2, 1); }
UNARY(gelu) { return jet_mul(a, jet_normal(a)); }
UNARY(gelu_tanh)
{
    const jet u = jet_add(jet_scale(a, 1.595769121605730711759784l),
                          jet_scale(jet_mul(a, jet_mul(a, a)), 0.0713548162726002527220399444l));
    return jet_mul(a, jet_sigmoid(u));
}
UNARY(silu) { return jet_mul(a, jet_sigmoid(a)); }
UNARY(mish) { return jet_mul(a, jet_tanh(jet_log1pexp(a))); }
static jet softplus_jet(jet a, long double beta, long double threshold)
{
    const jet u = jet_scale(a, beta);
    if (u.c[0] == threshold) return zero_but(-1);
    return u.c[0] > threshold ? a : jet_scale(jet_log1pexp(u), 1 / beta);
}
UNARY(softplus) { return softplus_jet(a, 1, 20); }
UNARY(softplus_far) { return softplus_jet(a, 2, INFINITY); }
UNARY(log_sigmoid) { return jet_neg(jet_log1pexp(jet_neg(a))); }
UNARY(softsign)
{
    const jet r = jet_div(a, jet_shift(X < 0 ? jet_neg(a) : a, 1));
    return X == 0 ? jet_rough(r, 1) : r;
}
UNARY(hardtanh) { return between(a, -1, 1); }
UNARY(hardsigmoid) { return jet_scale(between(jet_shift(a, 3), 0, 6), 1 / 6.0L); }
UNARY(hardswish)
{
    if (X == 3 || X == -3) return zero_but(-1);
    return X < -3 ? jet_constant(0) : X > 3 ? a : jet_scale(jet_mul(a, jet_shift(a, 3)), 1 / 6.0L);
}
UNARY(tanhshrink)
{
    jet r = jet_sub(a, jet_tanh(a));
    if (fabsl(X) < 1e-6L) r.c[0] = X * X * X / 3;
    return r;
}
UNARY(softshrink)
{
    if (X == 0.5L || X == -0.5L) return zero_but(0);
    return X > 0.5L ? jet_shift(a, -0.5L) : X < -0.5L ? jet_shift(a, 0.5L) : jet_constant(0);
}
UNARY(hardshrink)
{
    if (X == 0.5L || X == -0.5L) return zero_but(-1);
    return fabsl(X) > 0.5L ? a : jet_constant(0);
}
UNARY(threshold) { return X == 0.25L ? zero_but(-1) : X > 0.25L ? a : jet_constant(-1); }
BINARY(prelu_kernel) { return jet_branch(a, 0, a, jet_mul(a, b), 0); }
BINARY(glu_kernel) { return jet_mul(a, jet_sigmoid(b)); }

BINARY(mse)
{
    const jet d = jet_sub(a, b);
    return jet_mul(d, d);
}
BINARY(l1) { return jet_abs(jet_sub(a, b)); }
BINARY(huber)
{
    const jet d = jet_sub(a, b), far = jet_shift(jet_abs(d), -0.5L), near = jet_scale(jet_mul(d, d), 0.5L);
    return fabsl(d.c[0]) == 1 ? jet_rough(near, 1) : fabsl(d.c[0]) > 1 ? far : near;
}
BINARY(smooth_l1)
{
    const jet d = jet_sub(a, b), far = jet_shift(jet_abs(d), -0.25L), near = jet_mul(d, d);
    return fabsl(d.c[0]) == 0.5L ? jet_rough(near, 1) : fabsl(d.c[0]) > 0.5L ? far : near;
}
BINARY(bce)
{
    const jet no = jet_shift(jet_neg(a), 1), rest = jet_shift(jet_neg(b), 1);
    return jet_neg(jet_add(jet_mul(b, jet_log(a)), jet_mul(rest, jet_log(no))));
}
BINARY(bce_with_logits)
{
    const jet positive = X > 0 ? jet_add(a, jet_log1pexp(jet_neg(a))) : jet_log1pexp(a);
    return jet_sub(positive, jet_mul(a, b));
}
BINARY(kl_div)
{
    if (b.c[0] == 0) return b.c[1] != 0 ? zero_but(-1) : jet_constant(0);
    return jet_mul(b, jet_sub(jet_log(b), a));
}
BINARY(kl_div_log) { return jet_mul(jet_exp(b), jet_sub(b, a)); }
BINARY(soft_margin) { return jet_log1pexp(jet_neg(jet_mul(a, b))); }
BINARY(poisson_log) { return jet_sub(jet_exp(a), jet_mul(b, a)); }
BINARY(poisson) { return jet_sub(a, jet_mul(b, jet_log(jet_shift(a, 0.5L)))); }

#endif
