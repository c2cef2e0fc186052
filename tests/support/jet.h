/* jet.h: a function's value and its first three derivatives along a line, in long double: what tests hold the gradients
 * of rows against.
 *
 * A jet is the beginning of a Taylor series, f(t) = c[0] + c[1] t + c[2] t^2 + c[3] t^3. A function of a number is
 * given by its four derivatives in closed form; the chain rule does the rest. Branches are taken or not, as in C, and
 * the range of a long double holds the cubes of all doubles, so nothing overflows that does not overflow in truth.
 *
 * smooth says how many derivatives exist: 3 for all, 0 at a kink, -1 where not even the value is settled (a pole). */
#ifndef TG_TESTS_SUPPORT_JET_H
#define TG_TESTS_SUPPORT_JET_H

#include <math.h>

typedef struct jet {
    long double c[4];
    int smooth;
} jet;

static inline jet jet_constant(long double x) { return (jet){ { x }, 3 }; }

/* Where f is known to have `smooth` derivatives only. */
static inline jet jet_rough(jet f, int smooth)
{
    if (smooth < f.smooth) f.smooth = smooth;
    return f;
}

static inline jet jet_add(jet a, jet b)
{
    jet r = jet_rough(a, b.smooth);
    for (int i = 0; i < 4; i++) r.c[i] += b.c[i];
    return r;
}

static inline jet jet_scale(jet a, long double s)
{
    for (int i = 0; i < 4; i++) a.c[i] *= s;
    return a;
}

static inline jet jet_shift(jet a, long double s)
{
    a.c[0] += s;
    return a;
}

static inline jet jet_neg(jet a) { return jet_scale(a, -1); }
static inline jet jet_sub(jet a, jet b) { return jet_add(a, jet_neg(b)); }

/* A coefficient of 0 is no factor: 0 times an infinite derivative of the other is nothing. */
static inline jet jet_mul(jet a, jet b)
{
    jet r = { { 0 }, a.smooth < b.smooth ? a.smooth : b.smooth };
    for (int i = 0; i < 4; i++)
        for (int j = 0; i + j < 4; j++)
            if (a.c[i] != 0 && b.c[j] != 0) r.c[i + j] += a.c[i] * b.c[j];
    return r;
}

static inline jet jet_div(jet a, jet b)
{
    jet r = { { 0 }, b.c[0] == 0 ? -1 : a.smooth < b.smooth ? a.smooth : b.smooth };
    for (int i = 0; i < 4; i++) {
        long double rest = a.c[i];
        for (int j = 0; j < i; j++)
            if (b.c[i - j] != 0) rest -= r.c[j] * b.c[i - j];
        r.c[i] = rest / b.c[0];
    }
    return r;
}

/* f(a), f having these derivatives at a's value. */
static inline jet jet_of(jet a, long double f0, long double f1, long double f2, long double f3)
{
    const long double x = a.c[1], y = a.c[2], z = a.c[3];
    jet r = { { f0, 0, 0, 0 }, a.smooth };
    if (x != 0) {
        r.c[1] = f1 * x;
        r.c[2] = f2 / 2 * x * x;
        r.c[3] = f3 / 6 * x * x * x;
    }
    if (y != 0) {
        r.c[2] += f1 * y;
        if (x != 0) r.c[3] += f2 * x * y;
    }
    if (z != 0) r.c[3] += f1 * z;
    return r;
}

static inline jet jet_exp(jet a)
{
    const long double e = expl(a.c[0]);
    return jet_of(a, e, e, e, e);
}

static inline jet jet_log(jet a)
{
    const long double x = a.c[0];
    return jet_rough(jet_of(a, logl(x), 1 / x, -1 / (x * x), 2 / (x * x * x)), x > 0 ? 3 : -1);
}

/* a^n for a fixed n. */
static inline jet jet_power(jet a, long double n)
{
    const long double x = a.c[0];
    long double d[4], factor = 1;
    for (int i = 0; i < 4; factor *= n - i, i++) d[i] = factor == 0 ? 0 : factor * powl(x, n - i);
    const int whole = n == floorl(n) && n >= 0;
    return jet_rough(jet_of(a, d[0], d[1], d[2], d[3]), x == 0 && !whole ? (n > 0 ? 0 : -1) : 3);
}

static inline jet jet_sqrt(jet a) { return jet_power(a, 0.5L); }

static inline jet jet_sin(jet a)
{
    const long double s = sinl(a.c[0]), c = cosl(a.c[0]);
    return jet_of(a, s, c, -s, -c);
}

static inline jet jet_cos(jet a)
{
    const long double s = sinl(a.c[0]), c = cosl(a.c[0]);
    return jet_of(a, c, -s, -c, s);
}

/* 1 / (1 + e^-a): s, s (1 - s), s (1 - s) (1 - 2 s), ... with 1 - s without cancellation. */
static inline jet jet_sigmoid(jet a)
{
    const long double s = 1 / (1 + expl(-a.c[0])), r = 1 / (1 + expl(a.c[0]));
    return jet_of(a, s, s * r, s * r * (r - s), s * r * (r * r - 4 * s * r + s * s));
}

/* log(1 + e^a) */
static inline jet jet_log1pexp(jet a)
{
    const long double x = a.c[0], s = 1 / (1 + expl(-x)), r = 1 / (1 + expl(x));
    return jet_of(a, x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)), s, s * r, s * r * (r - s));
}

static inline jet jet_tanh(jet a)
{
    const long double t = tanhl(a.c[0]), e = expl(-2 * fabsl(a.c[0])), u = 4 * e / ((1 + e) * (1 + e));
    return jet_of(a, t, u, -2 * t * u, u * (4 * t * t - 2 * u));
}

/* (1 + erf(x / sqrt 2)) / 2, the normal distribution; its derivatives are phi, -x phi, (x^2 - 1) phi. */
static inline jet jet_normal(jet a)
{
    const long double x = a.c[0], phi = 0.398942280401432677939946059934L * expl(-x * x / 2);
    const int far = phi == 0;
    return jet_of(a, erfcl(-x * 0.707106781186547524400844362105L) / 2, phi, far ? 0 : -x * phi,
                  far ? 0 : (x * x - 1) * phi);
}

/* |a|, or with c's sign; a kink at 0. */
static inline jet jet_abs(jet a)
{
    return a.c[0] == 0 ? jet_rough(a, 0) : a.c[0] < 0 ? jet_neg(a) : a;
}

/* f where a > at, g elsewhere; they meet at `at` with `smooth` derivatives in common. */
static inline jet jet_branch(jet a, long double at, jet f, jet g, int smooth)
{
    return a.c[0] == at ? jet_rough(g, smooth) : a.c[0] > at ? f : g;
}

#endif
