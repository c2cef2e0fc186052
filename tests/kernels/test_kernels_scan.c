/* test_kernels_scan.c: running sums, products and extremes, and products, of every set of kernels this machine can run,
 * against the slow reference, and to the bit against themselves in another layout or place. */
#include "tests/support/kernels_kinds.h"

#include "ops/kernels/reduce/scan_kernels.h"

enum { OUTER = 37, MOST = 420, ROOM = 70000 };

static char a[ROOM * 8], b[ROOM * 8], y[ROOM * 8], want[ROOM * 8], other[ROOM * 8];
static int64_t at[ROOM], want_at[ROOM];

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
                if (d < TGI_I64 && (n < 130 || n == 253)) /* the reference begins anew for each element */
                    check_scan(d, K(scan)->logcumsumexp[d], R(scan)->logcumsumexp[d], n, reverse,
                               d == TGI_F32 ? 1.01 : 4 + (double)n, "logcumsumexp");
                for (int64_t i = 0; d < TGI_I64 && i < OUTER * n; i++) set(d, a + i * sizes[d], uniform(0.9, 1.1));
                check_scan(d, K(scan)->cumprod[d], R(scan)->cumprod[d], n, reverse, d == TGI_F32 ? 1 : 4 + (double)n,
                           "cumprod");
                if (d < TGI_I64 && !reverse)
                    check_scan(d, K(scan)->others[d], R(scan)->others[d], n, false, d == TGI_F32 ? 3 : 4 + (double)n,
                               "products of others");
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

/* Every row of five of these: infinities, what is not a number, numbers that are far from each other or near. */
static void test_logcumsumexp_specials(void **unused)
{
    (void)unused;
    enum { N = 5, KINDS_OF = 8, ROWS = KINDS_OF * KINDS_OF * KINDS_OF * KINDS_OF };
    const double some[KINDS_OF] = { -0.0, INFINITY, NAN, -INFINITY, 700, -700, 1e-3, -36 };
    const tgi_scan rows = { ROWS, N, 1, 1, false };
    for (int d = 0; d < TGI_I64; d++) {
        for (int64_t r = 0; r < ROWS; r++) {
            int64_t rest = r;
            for (int64_t i = 0; i < N; i++, rest /= KINDS_OF) set(d, a + (r * N + i) * sizes[d], some[rest % KINDS_OF]);
        }
        K(scan)->logcumsumexp[d](&rows, a, y);
        R(scan)->logcumsumexp[d](&rows, a, want);
        for (int64_t i = 0; i < ROWS * N; i++) {
            const double got = get(d, y + i * sizes[d]), exact = get(d, want + i * sizes[d]);
            if (got != exact && !(fabs(got - exact) <= fmax(1e-15, fabs(exact) * (d == TGI_F32 ? 1e-7 : 1e-15))) &&
                !(isnan(got) && isnan(exact)))
                fail_msg("%s %s, row %d: %.17g, want %.17g", set_name(), dtype_name(d), (int)(i / N), got, exact);
        }
    }
    const tgi_scan small = { 1, 3, 1, 1, false }; /* a sum is the first number and something that is not lost in it */
    const double from[] = { 0, -40, -50 };
    K(scan)->logcumsumexp[TGI_F64](&small, from, y);
    assert_true(get(TGI_F64, y) == 0 && fabs(get(TGI_F64, y + 8) / exp(-40) - 1) < 1e-14);
    assert_true(fabs(get(TGI_F64, y + 16) / (exp(-40) + exp(-50)) - 1) < 1e-14);
}

static void test_cumulative_extremes(void **unused)
{
    (void)unused;
    for (int d = 0; d < TGI_DTYPES; d++)
        for (int which = 0; which < TGI_EXTREMES; which++)
            for (int64_t n = 0; n <= 200; n += n < 20 ? 1 : 41)
                for (int64_t m = 1; m <= 40; m += 13)
                    for (int kind = 0; kind < KINDS; kind++) {
                        const int64_t outer = m == 1 ? OUTER : 5; /* many contiguous rows become columns */
                        const tgi_scan shape = { outer, n, m, m, kind == TIES && n % 2 };
                        fill(d, a, outer * n * m, kind);
                        K(scan)->extreme[which][d](&shape, a, y, at);
                        R(scan)->extreme[which][d](&shape, a, want, want_at);
                        expect(d, outer * n * m, y, want, 0, "cummax or cummin");
                        assert_memory_equal(at, want_at, (size_t)(outer * n * m) * 8);
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
        cmocka_unit_test(test_scans),
        cmocka_unit_test(test_cumsum_specials),
        cmocka_unit_test(test_logcumsumexp_specials),
        cmocka_unit_test(test_cumulative_extremes),
        cmocka_unit_test(test_recurrence),
        cmocka_unit_test(test_prod),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
