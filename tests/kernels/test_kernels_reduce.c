/* test_kernels_reduce.c: sums of every set of kernels this machine can run, against long double or the slow reference, and
 * to the bit against themselves in another layout, shape or place. */
#include "tests/support/kernels.h"

#include "ops/kernels/reduce/reduce_kernels.h"

/* n elements as read and their sum by the kernel, which must be within a few ulps of the sum of magnitudes. */
static void check_sum(int d, int64_t n, const char *a, int64_t stride, const void *got)
{
    long double sum = 0, magnitude = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = get(d, a + i * stride);
        sum += x;
        magnitude += fabs(x);
    }
    double eps = d == TGI_F32 ? 0x1p-24 : 0x1p-53;
    double bound = (double)magnitude * eps * (2 + 0.5 * log2((double)n + 1));
    if (!(fabs((double)(get(d, got) - sum)) <= bound))
        fail_msg("%s sum of %d %s: %.17g, want %.17Lg", set_name(), (int)n, dtype_name(d), get(d, got), sum);
}

static void test_sum_floats(void **unused)
{
    (void)unused;
    enum { N = 2600 };
    static char flat[N * 8], spread[N * 3 * 8 + 1], rows[N * 8 * 8], sums[64];
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        int64_t size = sizes[d];
        for (int64_t i = 0; i < N; i++) {
            set(d, flat + i * size, uniform(-1, 2) * exp(uniform(0, 6)));
            memcpy(spread + 1 + (N - 1 - i) * 3 * size, flat + i * size, (size_t)size);
            for (int64_t j = 0; j < 8; j++) memcpy(rows + (i * 8 + j) * size, flat + i * size, (size_t)size);
        }
        for (int64_t n = 0; n <= N; n += n < 140 ? 1 : n < 1000 ? 93 : 511) {
            char sum[8], other[8];
            K(reduce)->sum[d](1, n, flat, 0, size, sum);
            check_sum(d, n, flat, size, sum);
            K(reduce)->sum[d](1, n, spread + 1 + (N - 1) * 3 * size, 0, -3 * size, other);
            assert_memory_equal(sum, other, (size_t)size);
            for (int64_t m = 1; m <= 8; m++) { /* columns, each the same numbers, in three layouts */
                K(reduce)->sum_rows[d](n, m, rows, 8 * size, size, sums);
                for (int64_t j = 0; j < m; j++) assert_memory_equal(sums + j * size, sum, (size_t)size);
                K(reduce)->sum_rows[d](n, m, flat, size, 0, sums);
                for (int64_t j = 0; j < m; j++) assert_memory_equal(sums + j * size, sum, (size_t)size);
                K(reduce)->sum_rows[d](n, m / 2, rows + size, 8 * size, 2 * size, sums);
                for (int64_t j = 0; j < m / 2; j++) assert_memory_equal(sums + j * size, sum, (size_t)size);
            }
        }
    }
}

/* Many rows in one call; rows that are one row, and rows that go backwards. */
static void test_sum_many(void **unused)
{
    (void)unused;
    enum { N = 600, ROWS = 7 };
    static char a[(N + ROWS) * 8], sums[N * 8], sum[8];
    for (int d = 0; d < TGI_DTYPES; d++) {
        int64_t size = sizes[d], out = d == TGI_BOOL ? 8 : size;
        for (int64_t i = 0; i < N + ROWS; i++) set(d, a + i * size, uniform(-1, 1));
        for (int64_t n = 0; n <= N; n += n < 70 ? 1 : 53) {
            K(reduce)->sum[d](ROWS, n, a, size, size, sums);
            for (int64_t r = 0; r < ROWS; r++) {
                K(reduce)->sum[d](1, n, a + r * size, 0, size, sum);
                assert_memory_equal(sums + r * out, sum, (size_t)out);
            }
            K(reduce)->sum_rows[d](n, 3, a, 0, size, sums); /* n times the same row */
            for (int64_t j = 0; j < 3; j++) {
                K(reduce)->sum[d](1, n, a + j * size, 0, 0, sum);
                assert_memory_equal(sums + j * out, sum, (size_t)out);
            }
            K(reduce)->sum_rows[d](n, 3, a + n * size, -size, size, sums);
            for (int64_t j = 0; j < 3; j++) {
                K(reduce)->sum[d](1, n, a + (n + j) * size, 0, -size, sum);
                assert_memory_equal(sums + j * out, sum, (size_t)out);
            }
        }
    }
}

static void test_sum_wide_rows(void **unused)
{
    (void)unused;
    enum { N = 40, M = 131 };
    static char a[N * M * 8], sums[M * 8], sum[8];
    for (int d = 0; d < TGI_DTYPES; d++) {
        int64_t size = sizes[d], out = d == TGI_BOOL ? 8 : size;
        for (int64_t i = 0; i < N * M; i++) set(d, a + i * size, uniform(-1, 1));
        for (int64_t m = 0; m <= M; m++) {
            memset(sums, 0x5a, sizeof sums);
            K(reduce)->sum_rows[d](N, m, a, M * size, size, sums);
            for (int64_t j = 0; j < m; j++) {
                K(reduce)->sum[d](1, N, a + j * size, 0, M * size, sum);
                assert_memory_equal(sum, sums + j * out, (size_t)out);
            }
            if (m < M) assert_int_equal(sums[m * out], 0x5a);
        }
    }
}

static void test_sum_integers_and_specials(void **unused)
{
    (void)unused;
    static char a[900 * 8];
    for (int d = TGI_I64; d <= TGI_BOOL; d++) {
        for (int64_t i = 0; i < 900; i++) set(d, a + i * sizes[d], 0);
        for (int64_t n = 0; n < 900; n += n < 70 ? 1 : 41) {
            int64_t got, want, columns[3];
            K(reduce)->sum[d](1, n, a, 0, sizes[d], &got);
            R(reduce)->sum[d](1, n, a, 0, sizes[d], &want);
            assert_int_equal(got, want);
            K(reduce)->sum_rows[d](n, 3, a, sizes[d], 0, columns);
            for (int j = 0; j < 3; j++) assert_int_equal(columns[j], want);
        }
    }
    float x[100] = { 0 }, y;
    x[40] = INFINITY;
    K(reduce)->sum[TGI_F32](1, 100, x, 0, 4, &y);
    assert_true(isinf(y) && y > 0);
    x[99] = -INFINITY;
    K(reduce)->sum[TGI_F32](1, 100, x, 0, 4, &y);
    assert_true(isnan(y));
}

static void test_sum_is_pairwise(void **unused)
{
    (void)unused;
    float tenth = 0.1f, y;
    K(reduce)->sum[TGI_F32](1, 10000000, &tenth, 0, 0, &y); /* one after the other this gives 1087937 */
    assert_true(fabs(y - 1e7 * (double)tenth) <= 1);
}

static double term_of(int terms, double x)
{
    return terms == TGI_SQUARES ? x * x : terms == TGI_SIZES ? fabs(x) : isnan(x) ? 0 : x;
}

/* Sums of terms against those of the terms written down, to the bit, in rows and in columns. */
static void test_sum_of_terms(void **unused)
{
    (void)unused;
    enum { N = 1100, M = 37 };
    static char a[N * M * 8], term[N * M * 8], sums[M * 8], want[M * 8];
    static const int64_t widths[] = { 1, 3, 8, 16, 17, M };
    for (int d = TGI_F32; d <= TGI_F64; d++)
        for (int terms = 0; terms < TGI_TERMS; terms++) {
            const int64_t size = sizes[d];
            for (int64_t i = 0; i < N * M; i++) {
                set(d, a + i * size, i % 19 == 0 ? -0.0 : uniform(-1, 1));
                if (terms == TGI_NOT_NAN && i % 7 == 0) set(d, a + i * size, i % 2 ? NAN : -NAN);
                set(d, term + i * size, term_of(terms, get(d, a + i * size)));
            }
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                for (int64_t n = 0, m = widths[w]; n <= N; n += n < 40 ? 1 : 353) {
                    K(reduce)->sum_of[terms][d](m, n, a, n * size, size, sums);
                    K(reduce)->sum[d](m, n, term, n * size, size, want);
                    assert_memory_equal(sums, want, (size_t)(m * size));
                    K(reduce)->sum_of[terms][d](m, n, a, size, m * size, sums); /* columns */
                    K(reduce)->sum_rows[d](n, m, term, m * size, size, want);
                    assert_memory_equal(sums, want, (size_t)(m * size));
                    K(reduce)->sum_rows_of[terms][d](n, m, a, m * size, size, sums);
                    assert_memory_equal(sums, want, (size_t)(m * size));
                    for (int64_t j = 0; j < m; j++) {
                        R(reduce)->sum_of[terms][d](1, n, a + j * size, 0, m * size, want);
                        assert_true(fabs(get(d, sums + j * size) - get(d, want)) <= (d == TGI_F32 ? 1e-3 : 1e-11));
                    }
                }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_floats),      cmocka_unit_test(test_sum_wide_rows),
        cmocka_unit_test(test_sum_many),        cmocka_unit_test(test_sum_integers_and_specials),
        cmocka_unit_test(test_sum_is_pairwise), cmocka_unit_test(test_sum_of_terms),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
