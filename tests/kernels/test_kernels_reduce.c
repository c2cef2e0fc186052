/* test_kernels_reduce.c: sums, softmax and optimiser updates of every set of kernels this machine can run, against long
 * double or the slow reference, and to the bit against themselves in another layout, shape or place. */
#include "tests/support/kernels.h"

#include "ops/kernels/optim/optim_kernels.h"
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/kernels/reduce/softmax_kernels.h"

/* ---- sums ---- */

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

/* ---- softmax ---- */

typedef void (*soft_function)(const tgi_softmax *shape, const void *a, void *y);
typedef void (*soft_gradient)(const tgi_softmax *shape, const void *g, const void *y, void *da);

static void near(int d, const char *got, const char *want, double bound, const char *what, int64_t n)
{
    double x = get(d, got), z = get(d, want);
    if (isnan(x) && isnan(z)) return;
    if (x == z || fabs(x - z) <= bound * (d == TGI_F32 ? 0x1p-23 : 0x1p-52)) return;
    fail_msg("%s %s %s, n = %d: %.17g, want %.17g", set_name(), what, dtype_name(d), (int)n, x, z);
}

enum { ROWS = 37, MOST = 1100, SOFT = ROWS * MOST * 8 };

/* Transposes [ROWS, n] elements of `size` bytes. */
static void turn(int64_t n, int64_t size, const char *from, char *to)
{
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t i = 0; i < n; i++) memcpy(to + (i * ROWS + r) * size, from + (r * n + i) * size, (size_t)size);
}

static void expect_same(int d, int64_t count, const char *got, const char *want, const char *what, int64_t n)
{
    for (int64_t i = 0; i < count; i++)
        if (!alike(d, got + i * sizes[d], want + i * sizes[d], 0))
            fail_msg("%s %s %s, n = %d: not the same in another layout", set_name(), what, dtype_name(d), (int)n);
}

/* Rows against the reference; each row alone, and the rows as columns, against the rows to the bit. */
static void check_soft(int d, bool is_log, int64_t n)
{
    static char a[SOFT], g[SOFT], y[SOFT], want[SOFT], da[SOFT], alone[SOFT], turned[3][SOFT];
    soft_function fast = is_log ? K(softmax)->log_softmax[d] : K(softmax)->softmax[d],
                  slow = is_log ? R(softmax)->log_softmax[d] : R(softmax)->softmax[d];
    soft_gradient back = is_log ? K(softmax)->log_softmax_backward[d] : K(softmax)->softmax_backward[d];
    soft_gradient slow_back = is_log ? R(softmax)->log_softmax_backward[d] : R(softmax)->softmax_backward[d];
    const char *what = is_log ? "log_softmax" : "softmax";
    const int64_t size = sizes[d], count = ROWS * n;
    const tgi_softmax rows = { ROWS, n, 1, 1 }, one = { 1, n, 1, 1 }, columns = { 1, n, ROWS, ROWS };
    for (int64_t i = 0; i < count; i++) {
        set(d, a + i * size, uniform(-4, 4));
        set(d, g + i * size, uniform(-1, 1));
    }
    if (n > 3) set(d, a + size, n % 3 == 0 ? NAN : n % 3 == 1 ? INFINITY : -INFINITY);
    fast(&rows, a, y);
    slow(&rows, a, want);
    double slack = d == TGI_F64 ? 10 + sqrt((double)n) : 10; /* in float64 the reference's own sum is no better */
    for (int64_t i = 0; i < count; i++) {
        double value = fabs(get(d, want + i * size));
        near(d, y + i * size, want + i * size, is_log ? slack + 2 * value : slack * value, what, n);
    }
    back(&rows, g, y, da);
    slow_back(&rows, g, y, want);
    for (int64_t i = 0; i < count; i++) near(d, da + i * size, want + i * size, 4 + sqrt((double)n), what, n);

    for (int64_t r = 0; r < ROWS; r++) fast(&one, a + r * n * size, alone + r * n * size);
    expect_same(d, count, alone, y, what, n);
    for (int64_t r = 0; r < ROWS; r++) back(&one, g + r * n * size, y + r * n * size, alone + r * n * size);
    expect_same(d, count, alone, da, what, n);
    turn(n, size, a, turned[0]);
    fast(&columns, turned[0], turned[1]);
    turn(n, size, y, alone);
    expect_same(d, count, turned[1], alone, what, n);
    turn(n, size, g, turned[0]);
    back(&columns, turned[0], turned[1], turned[2]);
    turn(n, size, da, alone);
    expect_same(d, count, turned[2], alone, what, n);
}

static void test_softmax(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= MOST; n += n < 70 ? 1 : 103) {
            check_soft(d, false, n);
            check_soft(d, true, n);
        }
    }
    float a[3] = { 1000, 0, -1000 }, y[3];
    const tgi_softmax shape = { 1, 3, 1, 1 };
    K(softmax)->softmax[TGI_F32](&shape, a, y);
    assert_true(y[0] == 1 && y[1] == 0 && y[2] == 0);
    K(softmax)->log_softmax[TGI_F32](&shape, a, y);
    assert_true(y[0] == 0 && y[1] == -1000 && y[2] == -2000);
}

/* [outer, n, inner], and a part of the inner ones. */
static void test_softmax_inner(void **unused)
{
    (void)unused;
    enum { OUTER = 3, N = 5, INNER = 300 };
    static float a[OUTER * N * INNER], y[OUTER * N * INNER], part[OUTER * N * INNER], want[OUTER * N * INNER];
    for (int i = 0; i < OUTER * N * INNER; i++) a[i] = (float)uniform(-4, 4);
    const tgi_softmax whole = { OUTER, N, INNER, INNER }, left = { OUTER, N, 17, INNER },
                      right = { OUTER, N, INNER - 17, INNER };
    K(softmax)->log_softmax[TGI_F32](&whole, a, y);
    R(softmax)->log_softmax[TGI_F32](&whole, a, want);
    for (int i = 0; i < OUTER * N * INNER; i++)
        near(TGI_F32, (char *)&y[i], (char *)&want[i], 10 + 2 * fabs((double)want[i]), "log_softmax inner", N);
    K(softmax)->log_softmax[TGI_F32](&left, a, part);
    K(softmax)->log_softmax[TGI_F32](&right, a + 17, part + 17);
    assert_memory_equal(part, y, sizeof y);
}

/* ---- optimisers ---- */

enum { PARAMETERS = 70 };
typedef struct update_state {
    char p[PARAMETERS * 8 + 1], g[PARAMETERS * 8 + 1], m[PARAMETERS * 8 + 1], v[PARAMETERS * 8 + 1],
        top[PARAMETERS * 8 + 1];
} update_state;

static void fill_update(int d, update_state *s)
{
    for (int64_t i = 0; i < PARAMETERS; i++) {
        int64_t at = 1 + i * sizes[d]; /* unaligned */
        set(d, s->p + at, uniform(-1, 1));
        set(d, s->g + at, uniform(-1, 1));
        set(d, s->m + at, uniform(-1, 1));
        set(d, s->v + at, uniform(0, 1));
        set(d, s->top + at, uniform(0, 1));
    }
}

static void compare_updates(int d, int64_t n, const update_state *got, const update_state *want, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 1 + i * sizes[d];
        near(d, got->p + at, want->p + at, 4, what, n);
        near(d, got->m + at, want->m + at, 4, what, n);
        near(d, got->v + at, want->v + at, 4, what, n);
        near(d, got->top + at, want->top + at, 4, what, n);
    }
}

static void test_adam(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= PARAMETERS; n++) {
            for (int flags = 0; flags < 16; flags++) {
                tgi_adam h = { 0.01,      0.9,      0.999, 1e-8, flags & 1 ? 0.1 : 0, 1 - 0.9 * 0.9, 1 - 0.999 * 0.999,
                               flags & 2, flags & 4 };
                update_state fast, slow, alone;
                fill_update(d, &fast);
                slow = alone = fast;
                K(optim)->adam[d](&h, n, fast.p + 1, fast.g + 1, fast.m + 1, fast.v + 1,
                                  flags & 8 ? fast.top + 1 : NULL);
                R(optim)->adam[d](&h, n, slow.p + 1, slow.g + 1, slow.m + 1, slow.v + 1,
                                  flags & 8 ? slow.top + 1 : NULL);
                compare_updates(d, n, &fast, &slow, "adam");
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = 1 + i * sizes[d];
                    K(optim)->adam[d](&h, 1, alone.p + at, alone.g + at, alone.m + at, alone.v + at,
                                      flags & 8 ? alone.top + at : NULL);
                }
                assert_memory_equal(&alone, &fast, sizeof fast);
            }
        }
    }
}

static void test_sgd(void **unused)
{
    (void)unused;
    for (int d = TGI_F32; d <= TGI_F64; d++) {
        for (int64_t n = 0; n <= PARAMETERS; n++) {
            for (int flags = 0; flags < 32; flags++) {
                tgi_sgd h = { 0.1, 0.9, 0.25, flags & 1 ? 0.1 : 0, flags & 2, flags & 4, flags & 8 };
                update_state fast, slow, alone;
                fill_update(d, &fast);
                slow = alone = fast;
                K(optim)->sgd[d](&h, n, fast.p + 1, fast.g + 1, flags & 16 ? fast.m + 1 : NULL);
                R(optim)->sgd[d](&h, n, slow.p + 1, slow.g + 1, flags & 16 ? slow.m + 1 : NULL);
                compare_updates(d, n, &fast, &slow, "sgd");
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = 1 + i * sizes[d];
                    K(optim)->sgd[d](&h, 1, alone.p + at, alone.g + at, flags & 16 ? alone.m + at : NULL);
                }
                assert_memory_equal(&alone, &fast, sizeof fast);
            }
        }
    }
}

/* A decay of 0 does not touch the weight: 0 times infinity would be NaN. */
static void test_no_decay_of_infinity(void **unused)
{
    (void)unused;
    float p = INFINITY, g = 1, m = 0, v = 0;
    tgi_adam adam = { 0.01, 0.9, 0.999, 1e-8, 0, 0.1, 0.001, false, false };
    tgi_sgd sgd = { 0.1, 0, 0, 0, false, false, false };
    K(optim)->adam[TGI_F32](&adam, 1, &p, &g, &m, &v, NULL);
    assert_true(isinf(p) && m == 0.1f);
    K(optim)->sgd[TGI_F32](&sgd, 1, &p, &g, NULL);
    assert_true(isinf(p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_floats),
        cmocka_unit_test(test_sum_wide_rows),
        cmocka_unit_test(test_sum_many),
        cmocka_unit_test(test_sum_integers_and_specials),
        cmocka_unit_test(test_sum_is_pairwise),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_inner),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_no_decay_of_infinity),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
