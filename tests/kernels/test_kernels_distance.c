/* test_kernels_distance.c: distances of rows, by every set of kernels this machine can run, against the slow reference;
 * a row's distance, and a column's gradient, are the same to the bit whatever stands beside them. */
#include "tests/support/kernels.h"

#include "ops/kernels/distance/distance_kernels.h"

#include <float.h>

enum { ROWS = 70, MOST = 300 };

static double a[MOST], b[ROWS * MOST], factor[ROWS * 3], distance[ROWS * 3];

static void fill(int dtype)
{
    for (int64_t i = 0; i < MOST; i++) set(dtype, (char *)a + i * sizes[dtype], uniform(-3, 3));
    for (int64_t i = 0; i < ROWS * MOST; i++) set(dtype, (char *)b + i * sizes[dtype], uniform(-3, 3));
    for (int64_t i = 0; i < ROWS * 3; i++) set(dtype, (char *)factor + i * sizes[dtype], uniform(-1, 1));
    for (int64_t i = 0; i < ROWS; i++) /* some elements are the same */
        memcpy((char *)b + i * MOST * sizes[dtype], a, (size_t)sizes[dtype] * (size_t)(draw() % 3));
}

static tgi_distance arguments(int64_t rows, int64_t m)
{
    return (tgi_distance){ .rows = rows,
                           .m = m,
                           .row = MOST,
                           .a = a,
                           .b = b,
                           .factor = factor,
                           .distance = distance,
                           .step = 3 };
}

static bool near(int dtype, const char *x, const char *y, double terms)
{
    const double tolerance = (dtype == TGI_F32 ? (double)FLT_EPSILON : DBL_EPSILON) * 32 * fmax(1, terms);
    return fabs(get(dtype, x) - get(dtype, y)) <= tolerance * fmax(1, fabs(get(dtype, y)) / fmax(1, terms));
}

static void check_sums(int kind, int dtype, int64_t p, int64_t rows, int64_t m)
{
    enum { MOST_ROWS = 7, GAP = 3 };
    static double got[MOST_ROWS * (ROWS + GAP)], want[MOST_ROWS * (ROWS + GAP)];
    char alone[8];
    const int64_t size = sizes[dtype];
    tgi_distances t = { .p = p, .r = rows, .m = m, .a = b, .b = b, .a_row = MOST, .b_row = MOST, .y_row = rows + GAP };
    t.a = (const char *)b + 5 * MOST * size; /* some rows are compared with themselves */
    memset(got, 0x5a, sizeof got);
    memcpy(want, got, sizeof got);
    K(distance)->reduce[kind][dtype](&t, got);
    R(distance)->reduce[kind][dtype](&t, want);
    for (int64_t i = 0; i < p; i++) {
        for (int64_t j = 0; j < rows; j++) {
            char *x = (char *)got + (i * (rows + GAP) + j) * size, *y = (char *)want + (i * (rows + GAP) + j) * size;
            if (!near(dtype, x, y, (double)m))
                fail_msg("%s: kind %d, %s, %d numbers, rows %d and %d: %.9g, expected %.9g", set_name(), kind,
                         dtype_name(dtype), (int)m, (int)i, (int)j, get(dtype, x), get(dtype, y));
            const tgi_distances one = { .p = 1,
                                        .r = 1,
                                        .m = m,
                                        .y_row = 1,
                                        .a = (const char *)t.a + i * MOST * size,
                                        .b = (const char *)b + j * MOST * size };
            K(distance)->reduce[kind][dtype](&one, alone);
            assert_memory_equal(alone, x, (size_t)size);
            memcpy(x, y, (size_t)size);
        }
    }
    assert_memory_equal(got, want, sizeof got);
}

static void check_gradients(int kind, int dtype, int64_t rows, int64_t m)
{
    static double got[MOST + 1], want[MOST];
    char alone[8];
    const int64_t size = sizes[dtype];
    tgi_distance r = arguments(rows, m);
    for (int64_t j = 0; j < rows; j++) { /* what the largest is compared with */
        const tgi_distances one = { .p = 1,
                                    .r = 1,
                                    .m = m,
                                    .a = a,
                                    .b = (const char *)b + j * MOST * size,
                                    .y_row = 1 };
        R(distance)->reduce[TGI_DISTANCE_LARGEST][dtype](&one, (char *)distance + j * 3 * size);
    }
    memset(got, 0x5a, sizeof got);
    K(distance)->gradient[kind][dtype](&r, got);
    R(distance)->gradient[kind][dtype](&r, want);
    r.m = 1;
    for (int64_t k = 0; k < m; k++) {
        const char *x = (char *)got + k * size;
        if (!near(dtype, x, (char *)want + k * size, (double)rows))
            fail_msg("%s: gradient %d, %s, %d rows, column %d: %.9g, expected %.9g", set_name(), kind,
                     dtype_name(dtype), (int)rows, (int)k, get(dtype, x), get(dtype, (char *)want + k * size));
        r.a = (const char *)a + k * size, r.b = (const char *)b + k * size;
        K(distance)->gradient[kind][dtype](&r, alone);
        assert_memory_equal(alone, x, (size_t)size);
    }
    assert_int_equal(((unsigned char *)got)[m * size], 0x5a);
}

static void test_distances(void **unused)
{
    (void)unused;
    static const int64_t widths[] = { 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 130, MOST };
    for (int dtype = 0; dtype < 2; dtype++) {
        fill(dtype);
        for (int kind = 0; kind < TGI_DISTANCES; kind++) {
            assert_true(!K(distance)->gradient[kind][dtype] == (kind == TGI_DISTANCE_COUNT));
            for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
                check_sums(kind, dtype, 1 + (int64_t)(i % 7), i % 2 ? ROWS : 3, widths[i]);
                check_sums(kind, dtype, 5, 1 + (int64_t)(draw() % ROWS), widths[i]);
                if (kind != TGI_DISTANCE_COUNT) check_gradients(kind, dtype, i % 2 ? ROWS : 3, widths[i]);
            }
        }
    }
}

static void test_special_values(void **unused)
{
    (void)unused;
    const double x[] = { 1, NAN, -0.0, INFINITY, 2 }, y[] = { 1, 1, 0, 1, 2 };
    double result;
    tgi_distances r = { .p = 1, .r = 1, .m = 5, .y_row = 1, .a = x, .b = y };
    for (int kind = TGI_DISTANCE_ABSOLUTE; kind < TGI_DISTANCES; kind++) {
        r.m = 5;
        K(distance)->reduce[kind][TGI_F64](&r, &result);
        assert_true(isnan(result));
        r.m = 1;
        K(distance)->reduce[kind][TGI_F64](&r, &result);
        assert_true(result == 0 && !signbit(result));
    }
    r = (tgi_distances){ .p = 1, .r = 1, .m = 3, .y_row = 1, .a = x + 2, .b = y + 2 };
    K(distance)->reduce[TGI_DISTANCE_LARGEST][TGI_F64](&r, &result);
    assert_true(isinf(result));
}

/* One number that is something else, at every place. */
static void test_what_there_is(void **unused)
{
    (void)unused;
    const double some[] = { 1, 0, 0.01, 1e-40, 200, INFINITY, NAN };
    for (int dtype = 0; dtype < 2; dtype++)
        for (int64_t n = 0; n < 70; n++)
            for (int64_t at = 0; at <= n; at++)
                for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
                    char x[70 * 8];
                    for (int64_t i = 0; i < n; i++) set(dtype, x + i * sizes[dtype], i == at ? some[k] : 2);
                    const int found = K(distance)->look[dtype](n, x, 0.1, 100);
                    assert_int_equal(found, R(distance)->look[dtype](n, x, 0.1, 100));
                    if (at < n)
                        assert_int_equal(found, k == 1 ? TGI_DISTANCE_ZERO : k > 1 && k < 6 ? TGI_DISTANCE_OUTSIDE : 0);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_distances), cmocka_unit_test(test_special_values),
                                        cmocka_unit_test(test_what_there_is) };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests);
    return failed;
}
