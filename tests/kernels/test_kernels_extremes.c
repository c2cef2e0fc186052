/* test_kernels_extremes.c: extremes and medians of every set of kernels this machine can run, against the slow reference,
 * and to the bit against themselves in another layout or place. */
#include "tests/support/kernels_kinds.h"

#include "ops/kernels/reduce/extremes_kernels.h"

enum { OUTER = 37, MOST = 420, ROOM = 70000 };

static char a[ROOM * 8], b[ROOM * 8], y[ROOM * 8], want[ROOM * 8], other[ROOM * 8];
static int64_t at[ROOM], want_at[ROOM], other_at[ROOM];

/* The same numbers as a column of a wide matrix: [n, m] with m columns, all that one row. */
static void check_columns(int d, int which, int64_t n, int64_t m, const char *row)
{
    const tgi_fold one = { 1, n, 1, 0, sizes[d] }, columns = { 1, n, m, 0, m * sizes[d] };
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) memcpy(b + (i * m + j) * sizes[d], row + i * sizes[d], (size_t)sizes[d]);
    K(extremes)->value[which][d](&one, row, y);
    K(extremes)->value[which][d](&columns, b, other);
    for (int64_t j = 0; j < m; j++) expect(d, 1, other + j * sizes[d], y, 0, "extreme of columns");
    K(extremes)->index[which][d](&one, row, y, at);
    K(extremes)->index[which][d](&columns, b, other, other_at);
    for (int64_t j = 0; j < m; j++) {
        expect(d, 1, other + j * sizes[d], y, 0, "indexed extreme of columns");
        assert_int_equal(other_at[j], at[0]);
    }
}

static void check_extreme(int d, int which, int64_t n, int64_t m, int kind)
{
    const int64_t gap = m * sizes[d] + (m > 1 && n % 2 ? 8 : 0), outer = n * m * OUTER < ROOM / 2 ? OUTER : 1;
    const tgi_fold shape = { outer, n, m, n * gap, gap };
    assert_true(outer * n * gap <= (int64_t)sizeof a);
    fill(d, a, outer * n * gap / sizes[d], kind);
    K(extremes)->value[which][d](&shape, a, y);
    R(extremes)->value[which][d](&shape, a, want);
    expect(d, outer * m, y, want, 0, which == TGI_MAX ? "max" : "min");
    K(extremes)->index[which][d](&shape, a, y, at);
    R(extremes)->index[which][d](&shape, a, want, want_at);
    expect(d, outer * m, y, want, 0, which == TGI_MAX ? "max with index" : "min with index");
    for (int64_t i = 0; i < outer * m; i++)
        if (at[i] != want_at[i])
            fail_msg("%s, %s, n = %d, m = %d: index %lld, want %lld", set_name(), dtype_name(d), (int)n, (int)m,
                     (long long)at[i], (long long)want_at[i]);
}

static void test_extremes(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++)
        for (int which = 0; which < TGI_EXTREMES; which++)
            for (int kind = 0; kind < KINDS; kind++) {
                for (int64_t n = 1; n <= MOST; n += n < 70 ? 1 : 53) {
                    check_extreme(d, which, n, 1, kind);
                    check_extreme(d, which, n, n % 7 + 1, kind);
                    fill(d, a, n, kind);
                    check_columns(d, which, n, 1 + n % 40, a);
                }
                for (int64_t n = 2; n < 50; n += 3) check_extreme(d, which, n, 57 + n * n % 100, kind);
                check_extreme(d, which, 3, 5000, kind);
                check_extreme(d, which, 60000, 1, kind);
            }
    for (int64_t j = 0; j < 4 * 150; j++) /* plain columns, and one NaN or zero in them */
        for (int d = 0; d < TGI_I64; d++)
            for (int zero = 0; zero < 2; zero++) {
                const tgi_fold columns = { 1, 4, 150, 0, 150 * sizes[d] };
                fill(d, a, 4 * 150, PLAIN);
                set(d, a + j * sizes[d], zero ? 0.0 : NAN);
                if (zero) set(d, a + (j + 150) % 600 * sizes[d], -0.0);
                for (int which = 0; which < TGI_EXTREMES; which++) {
                    K(extremes)->value[which][d](&columns, a, y);
                    R(extremes)->value[which][d](&columns, a, want);
                    expect(d, 150, y, want, 0, "columns with one NaN or zero");
                }
            }
    for (int64_t n = 300; n <= 302; n++) /* plain rows of every length and one NaN or zero in them */
        for (int64_t i = 0; i < n; i++)
            for (int zero = 0; zero < 2; zero++) {
                const tgi_fold row = { 1, n, 1, 0, 4 };
                fill(TGI_F32, a, n, PLAIN);
                set(TGI_F32, a + 4 * i, zero ? -0.0 : NAN);
                for (int which = 0; which < TGI_EXTREMES; which++) {
                    K(extremes)->value[which][TGI_F32](&row, a, y);
                    R(extremes)->value[which][TGI_F32](&row, a, want);
                    expect(TGI_F32, 1, y, want, 0, "row with one NaN or zero");
                }
            }
}

static void test_median(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_BOOL; d++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int64_t n = 1; n <= 1500; n += n < 40 ? 1 : n < 600 ? 61 : 400)
                for (int skip = 0; skip < 2; skip++)
                    for (int order = 0; order < 2; order++) {
                        fill(d, a, n, kind);
                        for (int64_t i = 0; order && i < n; i++) set(d, a + i * sizes[d], (double)i); /* sorted */
                        K(extremes)->median[d](n, a, b, skip, y, at);
                        R(extremes)->median[d](n, a, b, skip, want, want_at);
                        expect(d, 1, y, want, 0, "median");
                        assert_int_equal(at[0], want_at[0]);
                    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_median),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
