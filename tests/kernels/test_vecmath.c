/* test_vecmath.c: the functions of vecmath.h against libm in long double, and against series and closed forms where
 * libm has none: densely over their ranges, near where they are 0, and at special values. Bounds are in units in the
 * last place, close to what is measured. test_vecmath_fma.c runs the same for processors with a fused multiply-add. */
#include "tests/support/cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ops/kernels/math/reference_math.h"
#include "ops/kernels/math/vecmath.h"

enum { POINTS = 40000 };

/* ---- how far off ---- */

/* Units in the last place of the wanted value, for so many digits and least exponent. Infinity stands for the first
 * number too large. */
static double units(long double got, long double want, int digits, int least, int most)
{
    if (isnan(got) || isnan(want)) return isnan(got) && isnan(want) ? 0 : HUGE_VAL;
    long double limit = ldexpl(1, most);
    if (fabsl(want) >= limit * (1 - ldexpl(1, -digits - 1))) want = copysignl(INFINITY, want);
    if (got == want) return got == 0 && !signbit(got) != !signbit(want) ? HUGE_VAL : 0;
    if (isinf(want)) want = copysignl(limit, want);
    if (isinf(got)) got = copysignl(limit, got);
    int exponent;
    frexpl(want, &exponent);
    exponent = exponent < least ? least : exponent > most ? most : exponent;
    return (double)(fabsl(got - want) / ldexpl(1, exponent - digits));
}
static double units_f32(float got, long double want) { return units((long double)got, want, 24, -125, 128); }
static double units_f64(double got, long double want) { return units((long double)got, want, 53, -1021, 1024); }

/* Where long double is no wider than double, the reference is off by a unit, too. */
static double allowed(double bound) { return LDBL_MANT_DIG > 53 ? bound : bound + 2; }

/* ---- points ---- */

static uint64_t state = 1;
static uint64_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 11;
}

/* By turns evenly from a range, and of every size in it, where `sizes` is the range of exponents. */
static double point(int i, double lo, double hi, int sizes)
{
    double even = lo + (hi - lo) * (double)draw() * 0x1p-53;
    if (i & 1) return even;
    double x = ldexp(1 + (double)draw() * 0x1p-53, (int)(draw() % (uint64_t)(2 * sizes)) - sizes);
    x = (i & 2) ? -x : x;
    return x >= lo && x <= hi ? x : even;
}

/* ---- functions of one number ---- */

typedef long double (*exact)(long double x);
typedef struct function {
    const char *name;
    float (*single)(float x);
    double (*real)(double x);
    exact want;
    double lo, hi; /* of floats */
    double real_lo, real_hi;
    double bound, real_bound;
    long double absolute; /* so far off is right, too: near zeros that no formula keeps */
} function;

#define FUNCTION(name)                                                                                                 \
    static float name##_single(float x) { return name##_f32(x); }                                                      \
    static double name##_real(double x) { return name##_f64(x); }
FUNCTION(exp2)
FUNCTION(expm1)
FUNCTION(log1p)
FUNCTION(log2)
FUNCTION(log10)
FUNCTION(log1pexp)
FUNCTION(sinh)
FUNCTION(cosh)
FUNCTION(asinh)
FUNCTION(acosh)
FUNCTION(atanh)
FUNCTION(sin)
FUNCTION(cos)
FUNCTION(tan)
FUNCTION(asin)
FUNCTION(acos)
FUNCTION(atan)
FUNCTION(erf)
FUNCTION(erfc)
FUNCTION(erfinv)
FUNCTION(lgamma)
FUNCTION(digamma)
FUNCTION(trigamma)
FUNCTION(floor)
FUNCTION(ceil)
FUNCTION(trunc)
FUNCTION(round)

#define BOTH(name, want, lo, hi, real_lo, real_hi, bound, real_bound, absolute)                                        \
    {                                                                                                                  \
#name, name##_single, name##_real, want, lo, hi, real_lo, real_hi, bound, real_bound, absolute                 \
    }
#define ALL_F FLT_MAX
#define ALL_D DBL_MAX
static const function functions[] = {
    BOTH(exp2, exp2l, -151, 128, -1076, 1024, 1.2, 1.3, 0),
    BOTH(exp2, exp2l, -1, 1, -1, 1, 1.2, 1.3, 0),
    BOTH(expm1, expm1l, -105, 89, -746, 710, 1.7, 2.4, 0),
    BOTH(expm1, expm1l, -1, 1, -1, 1, 1.7, 2.4, 0),
    BOTH(log1p, log1pl, -1, ALL_F, -1, ALL_D, 1.5, 1.5, 0),
    BOTH(log1p, log1pl, -1, 2, -1, 2, 1.5, 1.5, 0),
    BOTH(log2, log2l, 0, ALL_F, 0, ALL_D, 1.9, 1.8, 0),
    BOTH(log2, log2l, 0.5, 2, 0.5, 2, 1.9, 1.8, 0),
    BOTH(log10, log10l, 0, ALL_F, 0, ALL_D, 2.1, 1.9, 0),
    BOTH(log10, log10l, 0.5, 2, 0.5, 2, 2.1, 1.9, 0),
    BOTH(log1pexp, tgi_log1pexp, -110, 110, -750, 750, 1.7, 1.7, 0),
    BOTH(log1pexp, tgi_log1pexp, -2, 2, -2, 2, 1.7, 1.7, 0),
    BOTH(sinh, sinhl, -90, 90, -711, 711, 2.4, 2.6, 0),
    BOTH(sinh, sinhl, -2, 2, -2, 2, 2.4, 2.6, 0),
    BOTH(cosh, coshl, -90, 90, -711, 711, 1.5, 1.6, 0),
    BOTH(cosh, coshl, -2, 2, -2, 2, 1.5, 1.6, 0),
    BOTH(asinh, asinhl, -ALL_F, ALL_F, -ALL_D, ALL_D, 2, 2, 0),
    BOTH(asinh, asinhl, -2, 2, -2, 2, 2, 2, 0),
    BOTH(acosh, acoshl, 1, ALL_F, 1, ALL_D, 2.2, 2.2, 0),
    BOTH(acosh, acoshl, 1, 3, 1, 3, 2.2, 2.2, 0),
    BOTH(atanh, atanhl, -1, 1, -1, 1, 2.2, 2.2, 0),
    BOTH(sin, sinl, -10, 10, -10, 10, 1.7, 0.9, 0),
    BOTH(sin, sinl, -1e8, 1e8, -1e16, 1e16, 1.7, 0.9, 0),
    BOTH(sin, sinl, -ALL_F, ALL_F, -ALL_D, ALL_D, 1.7, 0.9, 0),
    BOTH(cos, cosl, -10, 10, -10, 10, 1.7, 0.9, 0),
    BOTH(cos, cosl, -1e8, 1e8, -1e16, 1e16, 1.7, 0.9, 0),
    BOTH(cos, cosl, -ALL_F, ALL_F, -ALL_D, ALL_D, 1.7, 0.9, 0),
    BOTH(tan, tanl, -10, 10, -10, 10, 0.6, 2.3, 0),
    BOTH(tan, tanl, -1e8, 1e8, -1e16, 1e16, 0.6, 2.3, 0),
    BOTH(tan, tanl, -ALL_F, ALL_F, -ALL_D, ALL_D, 0.6, 2.3, 0),
    BOTH(asin, asinl, -1, 1, -1, 1, 2.5, 2.4, 0),
    BOTH(acos, acosl, -1, 1, -1, 1, 1.3, 1.3, 0),
    BOTH(atan, atanl, -8, 8, -8, 8, 1.6, 2.4, 0),
    BOTH(atan, atanl, -ALL_F, ALL_F, -ALL_D, ALL_D, 1.6, 2.4, 0),
    BOTH(erf, erfl, -7, 7, -7, 7, 2.5, 2.8, 0),
    BOTH(erf, erfl, -1, 1, -1, 1, 2.5, 2.8, 0),
    BOTH(erfc, erfcl, -7, 11, -7, 28, 3.5, 2.8, 0),
    BOTH(erfc, erfcl, -1, 1, -1, 1, 3.5, 2.8, 0),
    BOTH(erfinv, tgi_erfinv, -1, 1, -1, 1, 3, 6, 0),
    BOTH(erfinv, tgi_erfinv, 0.999, 1, 0.999, 1, 3, 6, 0),
    BOTH(lgamma, lgammal, 0, 4, 0, 4, 0.6, 4, 6e-15L),
    BOTH(lgamma, lgammal, 0.99, 1.01, 0.99, 1.01, 0.6, 20, 0),
    BOTH(lgamma, lgammal, 1.99, 2.01, 1.99, 2.01, 0.6, 20, 0),
    BOTH(lgamma, lgammal, 0, 4e36, 0, 2.5e305, 0.6, 12, 6e-15L),
    BOTH(lgamma, lgammal, -20, 0, -20, 0, 0.6, 30, 2e-14L),
    BOTH(digamma, tgi_digamma, 0, 4, 0, 4, 0.6, 12, 4e-15L),
    BOTH(digamma, tgi_digamma, 0, ALL_F, 0, ALL_D, 0.6, 12, 4e-15L),
    BOTH(digamma, tgi_digamma, -20, 0, -20, 0, 0.6, 12, 4e-15L),
    BOTH(trigamma, tgi_trigamma, 0, 4, 0, 4, 0.6, 8, 0),
    BOTH(trigamma, tgi_trigamma, 0, ALL_F, 0, 1e300, 0.6, 8, 0),
    BOTH(trigamma, tgi_trigamma, -20, 0, -20, 0, 0.6, 8, 0),
    BOTH(floor, floorl, -9, 9, -9, 9, 0, 0, 0),
    BOTH(floor, floorl, -ALL_F, ALL_F, -ALL_D, ALL_D, 0, 0, 0),
    BOTH(ceil, ceill, -9, 9, -9, 9, 0, 0, 0),
    BOTH(ceil, ceill, -ALL_F, ALL_F, -ALL_D, ALL_D, 0, 0, 0),
    BOTH(trunc, truncl, -9, 9, -9, 9, 0, 0, 0),
    BOTH(trunc, truncl, -ALL_F, ALL_F, -ALL_D, ALL_D, 0, 0, 0),
    BOTH(round, rintl, -9, 9, -9, 9, 0, 0, 0),
    BOTH(round, rintl, -ALL_F, ALL_F, -ALL_D, ALL_D, 0, 0, 0),
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* Checks one point of either type; returns how far off. */
static double check_single(const function *f, float x)
{
    float got = f->single(x);
    double off = units_f32(got, f->want((long double)x));
    if (!(off <= allowed(f->bound)))
        fail_msg("%s float32 (%a): got %a, want %La, %.3f units", f->name, (double)x, (double)got,
                 f->want((long double)x), off);
    return off;
}

static double check_real(const function *f, double x)
{
    double got = f->real(x);
    long double want = f->want((long double)x);
    double off = units_f64(got, want);
    if (fabsl((long double)got - want) <= f->absolute) return 0;
    if (!(off <= allowed(f->real_bound)))
        fail_msg("%s float64 (%a): got %a, want %La, %.3f units", f->name, x, got, want, off);
    return off;
}

static void test_dense(void **unused)
{
    (void)unused;
    for (int k = 0; k < FUNCTIONS; k++) {
        const function *f = &functions[k];
        double single = 0, real = 0;
        for (int i = 0; i < POINTS; i++) {
            single = fmax(single, check_single(f, (float)point(i, f->lo, f->hi, 148)));
            real = fmax(real, check_real(f, point(i, f->real_lo, f->real_hi, 1070)));
        }
        if (getenv("TEST_SHOW"))
            print_message("%-9s %9.3g to %9.3g: float32 %.3f, float64 %.3f\n", f->name, f->lo, f->hi, single, real);
    }
}

/* ---- special values ---- */

static const double specials[] = {
    0,
    -0.0,
    INFINITY,
    -INFINITY,
    NAN,
    1,
    -1,
    2,
    -2,
    3,
    -3,
    0.5,
    -0.5,
    0.25,
    1.5,
    -1.5,
    2.5,
    -2.5,
    10,
    100,
    1e5,
    -1e5,
    1e-45,
    -1e-45,
    1e-310,
    -1e-310,
    0x1p-126,
    0x1p-149,
    0x1p-1022,
    0x1p-1074,
    -0x1p-1074,
    0x1.fffffep127,
    -0x1.fffffep127,
    0x1.fffffffffffffp1023,
    -0x1.fffffffffffffp1023,
    0x1p23,
    8388609.5,
    0x1p31,
    0x1p52,
    0x1p53,
    -0x1p53,
    0x1p60,
    0x1p61,
    0x1p63,
    0x1p64,
    0x1p83,
    0x1p84,
    -0x1p83,
    0x1p126,
    0x1p127,
    88.72,
    88.73,
    89.41,
    89.42,
    90,
    -103.9,
    -104,
    709.78,
    709.79,
    710.47,
    710.48,
    -745.1,
    -745.2,
    -746,
    127.99,
    128,
    -149,
    -150,
    -151,
    1023.99,
    1024,
    -1074,
    -1075,
    -1076,
    0x1.fffffep-1,
    0x1.000002p+0,
    0x1.fffffffffffffp-1,
    0x1.0000000000001p+0,
    0x1.921fb54442d18p+0,
    0x1.921fb54442d18p+1,
    0x1.921fb6p+0,
    0x1.921fb6p+1,
    1e22,
};
enum { SPECIALS = sizeof specials / sizeof *specials };

static void test_specials(void **unused)
{
    (void)unused;
    for (int k = 0; k < FUNCTIONS; k++) {
        for (int i = 0; i < SPECIALS; i++) {
            check_single(&functions[k], (float)specials[i]);
            check_real(&functions[k], specials[i]);
        }
    }
}

/* Where libm has no say, PyTorch does. */
static void test_poles_and_domains(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        double (*real)(double x);
        float (*single)(float x);
        double x, want;
    } rows[] = {
#define ROW(name, x, want) { #name, name##_real, name##_single, x, want }
        ROW(erfinv, 1, INFINITY),
        ROW(erfinv, -1, -INFINITY),
        ROW(erfinv, 1.0000001, NAN),
        ROW(erfinv, -2, NAN),
        ROW(erfinv, INFINITY, NAN),
        ROW(erfinv, NAN, NAN),
        ROW(erfinv, -0.0, -0.0),
        ROW(lgamma, 0, INFINITY),
        ROW(lgamma, -0.0, INFINITY),
        ROW(lgamma, -1, INFINITY),
        ROW(lgamma, -1e30, INFINITY),
        ROW(lgamma, -INFINITY, INFINITY),
        ROW(lgamma, INFINITY, INFINITY),
        ROW(lgamma, 1, 0),
        ROW(lgamma, 2, 0),
        ROW(lgamma, NAN, NAN),
        ROW(digamma, 0, -INFINITY),
        ROW(digamma, -0.0, INFINITY),
        ROW(digamma, -1, NAN),
        ROW(digamma, -1e30, NAN),
        ROW(digamma, -INFINITY, NAN),
        ROW(digamma, INFINITY, INFINITY),
        ROW(trigamma, 0, INFINITY),
        ROW(trigamma, -0.0, INFINITY),
        ROW(trigamma, -3, INFINITY),
        ROW(trigamma, INFINITY, 0),
        ROW(trigamma, -INFINITY, NAN),
        ROW(acosh, 0.5, NAN),
        ROW(acosh, -INFINITY, NAN),
        ROW(acosh, -3, NAN),
        ROW(round, 0.5, 0),
        ROW(round, 1.5, 2),
        ROW(round, 2.5, 2),
        ROW(round, -0.5, -0.0),
        ROW(floor, -0.0, -0.0),
        ROW(ceil, -0.5, -0.0),
        ROW(trunc, -0.5, -0.0),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double real = rows[i].real(rows[i].x);
        float single = rows[i].single((float)rows[i].x);
        if (units_f64(real, (long double)rows[i].want) != 0 || units_f32(single, (long double)rows[i].want) != 0)
            fail_msg("%s(%g): got %g and %g, want %g", rows[i].name, rows[i].x, real, (double)single, rows[i].want);
    }
}

/* The doubles and floats nearest to multiples of pi / 2, and powers of ten whose logarithms are whole. */
static void test_known(void **unused)
{
    (void)unused;
    const double near = 0x1.6ac5b262ca1ffp+849; /* 4.7e-19 from a multiple of pi / 2 */
    assert_true(units_f64(cos_f64(near), -4.68716592425462761112e-19L) < (TGI_HAS_FMA ? 1 : 9)); /* else libm's */
    assert_true(sin_f64(near) == 1 || sin_f64(near) == -1);
    assert_true(units_f64(sin_f64(1e22), -0.852200849767188801772706L) < 1);
    assert_true(units_f64(cos_f64(1e22), 0.523214785395138945497594L) < 1);
    assert_true(units_f32(sin_f32(0x1.921fb6p+1f), -8.7422776573475857730e-08L) < 2);
    assert_true(units_f32(cos_f32(0x1.921fb6p+0f), -4.3711388286737928865e-08L) < 2);
    const float far = 0x1.f37334p+95f; /* 16367173 2^72, 1.6e-9 from a multiple of pi / 2 */
    assert_true(units_f32(cos_f32(far), cosl((long double)far)) < 2);
    assert_true(units_f32(sin_f32(far), sinl((long double)far)) < 2);
    double power = 1;
    for (int k = 0; k <= 22; k++, power *= 10) {
        assert_true(units_f64(log10_f64(power), (long double)k) <= 1);
        if (k <= 10) assert_true(units_f32(log10_f32((float)power), (long double)k) <= 1);
    }
    for (int k = -149; k < 128; k++) {
        float x = ldexpf(1, k);
        assert_true(log2_f32(x) == (float)k && exp2_f32((float)k) == x);
        assert_true(log2_f64((double)x) == k && exp2_f64(k) == (double)x);
    }
}

/* ---- functions of two numbers ---- */

static long double remainder_of(long double x, long double y)
{
    double rest = fmod((double)x, (double)y);
    return (long double)(rest != 0 && (rest < 0) != (y < 0) ? rest + (double)y : rest);
}
static long double remainder_of_floats(long double x, long double y)
{
    float rest = fmodf((float)x, (float)y);
    return (long double)(rest != 0 && (rest < 0) != (y < 0) ? rest + (float)y : rest);
}

typedef struct pair {
    const char *name;
    float (*single)(float x, float y);
    double (*real)(double x, double y);
    long double (*want)(long double x, long double y), (*want_real)(long double x, long double y);
    double bound, real_bound;
    bool cancels; /* near a zero of the result off by units of the operands */
} pair;

#define PAIR(name)                                                                                                     \
    static float name##_single(float x, float y) { return name##_f32(x, y); }                                          \
    static double name##_real(double x, double y) { return name##_f64(x, y); }
PAIR(atan2)
PAIR(hypot)
PAIR(fmod)
PAIR(remainder)
PAIR(copysign)
PAIR(logaddexp)

static const pair pairs[] = {
    { "atan2", atan2_single, atan2_real, atan2l, atan2l, 1.7, 2.5, false },
    { "hypot", hypot_single, hypot_real, hypotl, hypotl, 0.6, 1.2, false },
    { "fmod", fmod_single, fmod_real, fmodl, fmodl, 0, 0, false },
    { "remainder", remainder_single, remainder_real, remainder_of_floats, remainder_of, 0, 0, false },
    { "copysign", copysign_single, copysign_real, copysignl, copysignl, 0, 0, false },
    { "logaddexp", logaddexp_single, logaddexp_real, tgi_logaddexp, tgi_logaddexp, 2.2, 2.2, true },
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static void check_pair(const pair *f, double x, double y)
{
    float a = (float)x, b = (float)y, single = f->single(a, b);
    double real = f->real(x, y);
    long double want = f->want((long double)a, (long double)b),
                want_real = f->want_real((long double)x, (long double)y);
    double off = units_f32(single, want), off_real = units_f64(real, want_real);
    if (f->cancels && fabsl((long double)single - want) <= 0x1p-22L * fmaxl(fabsl((long double)a), 1)) off = 0;
    if (f->cancels && fabsl((long double)real - want_real) <= 0x1p-51L * fmaxl(fabsl((long double)x), 1)) off_real = 0;
    if (!(off <= allowed(f->bound)))
        fail_msg("%s float32 (%a, %a): got %a, want %La, %.3f units", f->name, (double)a, (double)b, (double)single,
                 want, off);
    if (!(off_real <= allowed(f->real_bound)))
        fail_msg("%s float64 (%a, %a): got %a, want %La, %.3f units", f->name, x, y, real, want_real, off_real);
}

static void test_pairs(void **unused)
{
    (void)unused;
    for (int k = 0; k < PAIRS; k++) {
        for (int i = 0; i < SPECIALS; i++) {
            for (int j = 0; j < SPECIALS; j++) check_pair(&pairs[k], specials[i], specials[j]);
        }
        for (int i = 0; i < POINTS; i++) {
            check_pair(&pairs[k], point(i, -8, 8, 10), point(i >> 2, -8, 8, 10));
            check_pair(&pairs[k], point(i & -2, -ALL_F, ALL_F, 148), point((i >> 2) & -2, -ALL_F, ALL_F, 148));
            check_pair(&pairs[k], point(i & -2, -ALL_D, ALL_D, 1070), point((i >> 2) & -2, -ALL_D, ALL_D, 1070));
            check_pair(&pairs[k], (double)(draw() % 2000) / 4 - 250, (double)(draw() % 100) / 4 - 12);
        }
    }
}

/* Below zero the sum cancels: off by units of its largest term. */
static void test_zeta(void **unused)
{
    (void)unused;
    for (int i = 0; i < 4000; i++) {
        double s = (i & 1) ? 2 + (double)(draw() % 30) : 1 + exp((double)(draw() % 1000) / 200 - 3);
        double q = exp((double)(draw() % 4000) / 400 - 5), sign = (i & 3) == 3 ? -1 : 1;
        long double want = tgi_zeta((long double)s, (long double)(sign * q));
        long double scale = sign > 0 ? want : tgi_zeta((long double)s, 1) + fabsl(want);
        double got = zeta_f64(s, sign * q);
        if (fabsl(want) < DBL_MAX && fabsl((long double)got - want) > 1e-13L * scale + 0x1p-1074L)
            fail_msg("zeta(%a, %a): got %a, want %La", s, sign * q, got, want);
    }
    assert_true(units_f64(zeta_f64(2, 1), 1.64493406684822643647L) < 4);
    assert_true(units_f64(zeta_f64(3, 1), 1.20205690315959428540L) < 4);
    assert_true(units_f64(zeta_f64(4, 0.5), 16 * 1.01467803160419205455L) < 4);
    assert_true(isinf(zeta_f64(1, 2)) && isnan(zeta_f64(0.5, 2)) && isinf(zeta_f64(2, -3)));
    assert_true(isnan(zeta_f64(1.5, -0.5)) && isnan(zeta_f64(2, NAN)) && isnan(zeta_f64(2, INFINITY)));
    assert_true(units_f64(polygamma_f64(2, 1), -2 * 1.20205690315959428540L) < 4);
    assert_true(units_f64(polygamma_f64(3, 1), 6.49393940226682914910L) < 4);
    assert_true(units_f32(polygamma_f32(3, 1), 6.49393940226682914910L) < 1);
    for (int n = 0; n < 8; n++) {
        for (double x = -4.7; x < 9; x += 0.3) {
            long double want = tgi_polygamma(n, (long double)x), scale = fabsl(want) + tgammal(n + 1);
            if (fabsl((long double)polygamma_f64(n, x) - want) > 1e-13L * scale)
                fail_msg("polygamma(%d, %g): got %a, want %La", n, x, polygamma_f64(n, x), want);
        }
    }
    assert_true(polygamma_f64(2, -1) == -INFINITY && polygamma_f64(3, 0) == INFINITY);
}

#ifdef TEST_NEEDS_FMA
static void test_no_fma(void **unused)
{
    (void)unused;
    skip();
}
#endif

int main(void)
{
#ifdef TEST_NEEDS_FMA
    const struct CMUnitTest none[] = { cmocka_unit_test(test_no_fma) };
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return cmocka_run_group_tests(none, NULL, NULL);
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense), cmocka_unit_test(test_specials), cmocka_unit_test(test_poles_and_domains),
        cmocka_unit_test(test_known), cmocka_unit_test(test_pairs),    cmocka_unit_test(test_zeta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
