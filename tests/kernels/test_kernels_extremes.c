/* test_kernels_extremes.c: extremes, medians, running sums and products of every set of kernels this machine can run,
 * against the slow reference, and to the bit against themselves in another layout or place. */
#include "tests/support/kernels.h"

#include "ops/kernels/reduce/scan_kernels.h"

enum { OUTER = 37, MOST = 420, ROOM = 70000 };

static char a[ROOM * 8], b[ROOM * 8], y[ROOM * 8], want[ROOM * 8], other[ROOM * 8];
static int64_t at[ROOM], want_at[ROOM], other_at[ROOM];

/* How the numbers are: any, with NaN and infinities among them; few different ones, zeros of both signs too; or plain. */
enum { ANY, TIES, PLAIN, KINDS };

static void fill(int d, char *to, int64_t count, int kind)
{
    for (int64_t i = 0; i < count; i++) {
        double x = kind == ANY ? any_real() : kind == TIES ? (double)(draw() % 3) - 1 : uniform(-3, 3);
        if (kind == TIES && x == 0 && draw() % 2) x = -0.0;
        set(d, to + i * sizes[d], x);
        if (d == TGI_I64 && kind == TIES) memcpy(to + i * 8, &(int64_t){ (int64_t)x }, 8);
    }
}

static void expect(int d, int64_t count, const char *got, const char *expected, double ulps, const char *what)
{
    for (int64_t i = 0; i < count; i++)
        if (!alike(d, got + i * sizes[d], expected + i * sizes[d], ulps))
            fail_msg("%s, %s of %s: element %lld is %.17g, want %.17g", set_name(), what, dtype_name(d), (long long)i,
                     d <= TGI_F64 ? get(d, got + i * sizes[d]) : (double)got[i * sizes[d]],
                     d <= TGI_F64 ? get(d, expected + i * sizes[d]) : (double)expected[i * sizes[d]]);
}

/* ---- extremes ---- */

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
                check_extreme(d, which, 3, 5000, kind);
                check_extreme(d, which, 60000, 1, kind);
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

/* ---- scans ---- */

typedef void (*scan_function)(const tgi_scan *shape, const void *a, void *y);

/* A scan of rows, of rows alone, of columns, and of some of the columns are the same. */
static void check_layouts(int d, scan_function scan, int64_t n, bool reverse, const char *what)
{
    const int64_t size = sizes[d];
    const tgi_scan rows = { OUTER, n, 1, 1, reverse }, one = { 1, n, 1, 1, reverse },
                   columns = { 1, n, OUTER, OUTER, reverse }, some = { 1, n, OUTER - 5, OUTER, reverse };
    scan(&rows, a, y);
    for (int64_t r = 0; r < OUTER; r++) scan(&one, a + r * n * size, other + r * n * size);
    expect(d, OUTER * n, other, y, 0, what);
    for (int64_t i = 0; i < n; i++)
        for (int64_t r = 0; r < OUTER; r++) memcpy(b + (i * OUTER + r) * size, a + (r * n + i) * size, (size_t)size);
    for (int part = 0; part < 2; part++) {
        memset(other, 0x5a, (size_t)((n + 1) * OUTER * size));
        scan(part ? &some : &columns, b, other);
        for (int64_t i = 0; i < n; i++)
            for (int64_t r = 0; r < OUTER - 5 * part; r++)
                expect(d, 1, other + (i * OUTER + r) * size, y + (r * n + i) * size, 0, what);
        if (part && n) assert_int_equal(other[(OUTER - 5) * size], 0x5a);
    }
}

static void check_scan(int d, scan_function fast, scan_function slow, int64_t n, bool reverse, double ulps,
                       const char *what)
{
    const tgi_scan rows = { OUTER, n, 1, 1, reverse };
    fast(&rows, a, y);
    slow(&rows, a, want);
    double scale = 1; /* a sum near 0 of large numbers is as good as they are */
    for (int64_t i = 0; d < TGI_I64 && i < OUTER * n; i++) scale = fmax(scale, fabs(get(d, want + i * sizes[d])));
    for (int64_t i = 0; i < OUTER * n; i++) {
        const char *got = y + i * sizes[d], *exact = want + i * sizes[d];
        if (d == TGI_I64)
            expect(d, 1, got, exact, 0, what);
        else if (!(fabs(get(d, got) - get(d, exact)) <= ulps * scale * (d == TGI_F32 ? 0x1p-24 : 0x1p-53)))
            fail_msg("%s, %s of %s, n = %d: %.17g, want %.17g", set_name(), what, dtype_name(d), (int)n, get(d, got),
                     get(d, exact));
    }
    check_layouts(d, fast, n, reverse, what);
}

static void test_scans(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_BOOL; d++)
        for (int64_t n = 0; n <= MOST; n += n < 40 ? 1 : 71)
            for (int reverse = 0; reverse < 2; reverse++) {
                fill(d, a, OUTER * n, PLAIN);
                check_scan(d, K(scan)->cumsum[d], R(scan)->cumsum[d], n, reverse,
                           d == TGI_F32 ? 1 : 4 * sqrt((double)n), "cumsum");
                if (d < TGI_I64)
                    check_scan(d, K(scan)->logcumsumexp[d], R(scan)->logcumsumexp[d], n, reverse,
                               d == TGI_F32 ? 1.01 : 4 + (double)n, "logcumsumexp");
                for (int64_t i = 0; d < TGI_I64 && i < OUTER * n; i++) set(d, a + i * sizes[d], uniform(0.9, 1.1));
                check_scan(d, K(scan)->cumprod[d], R(scan)->cumprod[d], n, reverse, d == TGI_F32 ? 1 : 4 + (double)n,
                           "cumprod");
            }
}

/* Numbers of every kind: the sums agree in what is infinite and what is not a number. */
static void test_cumsum_specials(void **unused)
{
    (void)unused;
    const double some[] = { 1, -0.0, INFINITY, NAN, -INFINITY };
    const tgi_scan row = { 1, 100, 1, 1, false };
    for (int d = 0; d < TGI_I64; d++)
        for (int which = 0; which < 5; which++)
            for (int64_t i = 0; i < 100; i++) {
                for (int64_t k = 0; k < 100; k++) set(d, a + k * sizes[d], -0.0);
                set(d, a + i * sizes[d], some[which]);
                K(scan)->cumsum[d](&row, a, y);
                R(scan)->cumsum[d](&row, a, want);
                expect(d, 100, y, want, 0, "cumsum of specials");
            }
}

static void test_cumulative_extremes(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++)
        for (int which = 0; which < TGI_EXTREMES; which++)
            for (int64_t n = 0; n <= 200; n += n < 20 ? 1 : 41)
                for (int64_t m = 1; m <= 40; m += 13)
                    for (int kind = 0; kind < KINDS; kind++) {
                        const tgi_scan shape = { 5, n, m, m, kind == TIES };
                        fill(d, a, 5 * n * m, kind);
                        K(scan)->extreme[which][d](&shape, a, y, at);
                        R(scan)->extreme[which][d](&shape, a, want, want_at);
                        expect(d, 5 * n * m, y, want, 0, "cummax or cummin");
                        assert_memory_equal(at, want_at, (size_t)(5 * n * m) * 8);
                    }
}

static void test_recurrence(void **unused)
{
    (void)unused;
    static char factors[ROOM * 8];
    for (int d = 0; d < TGI_I64; d++)
        for (int64_t n = 0; n <= 100; n += n < 12 ? 1 : 29)
            for (int64_t m = 1; m <= 40; m += 13)
                for (int reverse = 0; reverse < 2; reverse++) {
                    const tgi_scan shape = { 6, n, m, m, reverse };
                    fill(d, a, 6 * n * m, PLAIN);
                    for (int64_t i = 0; i < 6 * n * m; i++) set(d, factors + i * sizes[d], uniform(-0.9, 0.9));
                    K(scan)->recurrence[d](&shape, a, factors, y);
                    R(scan)->recurrence[d](&shape, a, factors, want);
                    for (int64_t i = 0; i < 6 * n * m; i++) {
                        const double got = get(d, y + i * sizes[d]), exact = get(d, want + i * sizes[d]);
                        if (fabs(got - exact) > (d == TGI_F32 ? 0x1p-23 : 0x1p-49) * fmax(1, fabs(exact)))
                            fail_msg("%s recurrence: %.17g, want %.17g", set_name(), got, exact);
                    }
                }
}

/* ---- products ---- */

static void test_prod(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_BOOL; d++)
        for (int64_t n = 0; n <= MOST; n += n < 140 ? 1 : 53) {
            const int64_t size = sizes[d];
            const tgi_fold rows = { OUTER, n, 1, n * size, size }, one = { 1, n, 1, 0, size },
                           columns = { 1, n, OUTER, 0, OUTER * size };
            fill(d, a, OUTER * n, PLAIN);
            for (int64_t i = 0; d < TGI_I64 && i < OUTER * n; i++) set(d, a + i * size, uniform(0.9, 1.1));
            K(scan)->prod[d](&rows, a, y);
            R(scan)->prod[d](&rows, a, want);
            expect(d, OUTER, y, want, d == TGI_F32 ? 1 : d == TGI_F64 ? 4 + (double)n : 0, "prod");
            for (int64_t r = 0; r < OUTER; r++) K(scan)->prod[d](&one, a + r * n * size, other + r * size);
            expect(d, OUTER, other, y, 0, "prod alone");
            for (int64_t i = 0; i < n; i++)
                for (int64_t r = 0; r < OUTER; r++)
                    memcpy(b + (i * OUTER + r) * size, a + (r * n + i) * size, (size_t)size);
            K(scan)->prod[d](&columns, b, other);
            expect(d, OUTER, other, y, 0, "prod of columns");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_scans),
        cmocka_unit_test(test_cumsum_specials),
        cmocka_unit_test(test_cumulative_extremes),
        cmocka_unit_test(test_recurrence),
        cmocka_unit_test(test_prod),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
