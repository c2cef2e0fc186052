/* kernels.h: what the tests of the kernels share: the set under test, values to try, and comparing to the bit. For one
 * file of a test program: it holds state. */
#ifndef TG_TESTS_SUPPORT_KERNELS_H
#define TG_TESTS_SUPPORT_KERNELS_H

#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/kernels/kernels.h"

/* A family's table of the set under test, and that of the reference: K(gemm)->run, R(gemm)->run. */
#define K(family)  TGI_KERNELS(family)
#define R(family)  R_(family)
#define R_(family) (&tgi_##family##_kernels_reference)

static inline const char *set_name(void) { return tgi_set_name(tgi_set()); }

static const int64_t sizes[TGI_DTYPES] = { 4, 8, 8, 1 };

static inline const char *dtype_name(int dtype)
{
    static const char *const names[TGI_DTYPES] = { "float32", "float64", "int64", "bool" };
    return names[dtype];
}

static uint64_t state = 1;
static inline uint64_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 16;
}
static inline double uniform(double lo, double hi) { return lo + (hi - lo) * (double)(draw() % 1000003) / 1000002.0; }

static const double specials[] = { 0.0,
                                   -0.0,
                                   1,
                                   -1,
                                   2,
                                   -2,
                                   3,
                                   0.5,
                                   -0.5,
                                   INFINITY,
                                   -INFINITY,
                                   NAN,
                                   1e-45,
                                   -1e-45,
                                   0x1p-127,
                                   -0x1p-127,
                                   0x1p-126,
                                   0x1.fffffep127,
                                   -0x1.fffffep127,
                                   0x1p-1022,
                                   0x1p-1074,
                                   1e308,
                                   -1e308,
                                   88.722,
                                   88.7229,
                                   88.75,
                                   -87.336,
                                   -87.34,
                                   -88.73,
                                   -103.9,
                                   -103.98,
                                   -104.5,
                                   709.7,
                                   710,
                                   -745,
                                   -746,
                                   0.6249,
                                   0.6251,
                                   -0.6251,
                                   9.01,
                                   -9.02,
                                   10.5,
                                   20,
                                   1e-8,
                                   -1e-8,
                                   0.99999994,
                                   1.0000001,
                                   0.70710677,
                                   1.4142135,
                                   1.4142137,
                                   9.2233720368547758e18,
                                   -9.2233720368547758e18,
                                   1e19,
                                   16777217,
                                   2147483648.0,
                                   0.3333 };
enum { SPECIALS = sizeof specials / sizeof *specials };

static inline double any_real(void)
{
    switch (draw() % 4) {
    case 0: return specials[draw() % SPECIALS];
    case 1: return ldexp(uniform(-1, 1), (int)(draw() % 60) - 30);
    default: return uniform(-6, 6);
    }
}

static inline int64_t any_integer(void)
{
    static const int64_t some[] = {
        0, 1, -1, 2, -2, 3, 63, 64, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1ll << 53, 4611686018427387904
    };
    return draw() % 2 ? some[draw() % (sizeof some / sizeof *some)] : (int64_t)(draw() % 21) - 10;
}

static inline void set(int dtype, char *at, double real)
{
    float single = (float)real;
    int64_t integer = any_integer();
    switch (dtype) {
    case TGI_F32: memcpy(at, &single, 4); break;
    case TGI_F64: memcpy(at, &real, 8); break;
    case TGI_I64: memcpy(at, &integer, 8); break;
    default: *at = (char)(draw() % 3); /* any byte but 0 is true */
    }
}

static inline double get(int dtype, const void *at)
{
    float single;
    double real;
    if (dtype == TGI_F64) return memcpy(&real, at, 8), real;
    return memcpy(&single, at, 4), (double)single;
}

/* Floats as integers in the order of the floats, so that neighbours differ by 1. */
static inline int64_t rank(int dtype, const void *at)
{
    int64_t bits = 0;
    int32_t short_bits;
    if (dtype == TGI_F64) {
        memcpy(&bits, at, 8);
        return bits < 0 ? INT64_MIN - bits : bits;
    }
    memcpy(&short_bits, at, 4);
    return short_bits < 0 ? (int64_t)INT32_MIN - short_bits : short_bits;
}

/* NaN is like NaN, and 0 is not like -0. Otherwise at most `ulps` floats apart. */
static inline bool alike(int dtype, const void *got, const void *want, double ulps)
{
    if (memcmp(got, want, (size_t)sizes[dtype]) == 0) return true;
    if (dtype > TGI_F64) return false;
    double x = get(dtype, got), y = get(dtype, want);
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y);
    if (ulps == 0 || (x == 0 && y == 0)) return false;
    return fabsl((long double)rank(dtype, got) - (long double)rank(dtype, want)) <= ulps; /* a double has too few bits */
}

/* Within `bound` roundings of 1, or equal; NaN is like NaN. */
static inline void assert_close(int d, const char *got, const char *want, double bound, const char *what, int64_t n)
{
    double x = get(d, got), z = get(d, want);
    if (isnan(x) && isnan(z)) return;
    if (x == z || fabs(x - z) <= bound * (d == TGI_F32 ? 0x1p-23 : 0x1p-52)) return;
    fail_msg("%s %s %s, n = %d: %.17g, want %.17g", set_name(), what, dtype_name(d), (int)n, x, z);
}

/* One line for those who collect it (tests/tools/run_tests.sh): the sets of this build that the machine cannot run. */
static inline void print_untested(void)
{
    bool any = false;
    for (int set = 0; tgi_set_name(set); set++) {
        if (tgi_set_supported(set)) continue;
        print_message("%s%s", any ? " " : "untested kernels: ", tgi_set_name(set));
        any = true;
    }
    if (any) print_message("\n");
}

/* Runs the tests for each set of kernels that this machine supports; counts the failed ones in `failed`. */
#define RUN_FOR_EACH_SET(failed, tests)                                                                                \
    for (int each = 0; tgi_set_name(each); each++) {                                                                   \
        if (!tgi_set_select(tgi_set_name(each))) continue;                                                             \
        print_message("kernels for %s\n", set_name());                                                                 \
        failed += cmocka_run_group_tests(tests, NULL, NULL);                                                           \
    }                                                                                                                  \
    print_untested();

#endif
