/* test_kernels_softmax.c: softmax, log_softmax and their gradients of every set of kernels this machine can run, against the
 * slow reference, and to the bit against themselves in another layout, shape or place. */
#include "tests/support/kernels.h"

#include "ops/kernels/reduce/softmax_kernels.h"

typedef void (*soft_function)(const tgi_softmax *shape, const void *a, void *y);
typedef void (*soft_gradient)(const tgi_softmax *shape, const void *g, const void *y, void *da);

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
        assert_close(d, y + i * size, want + i * size, is_log ? slack + 2 * value : slack * value, what, n);
    }
    back(&rows, g, y, da);
    slow_back(&rows, g, y, want);
    for (int64_t i = 0; i < count; i++) assert_close(d, da + i * size, want + i * size, 4 + sqrt((double)n), what, n);

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
        assert_close(TGI_F32, (char *)&y[i], (char *)&want[i], 10 + 2 * fabs((double)want[i]), "log_softmax inner", N);
    K(softmax)->log_softmax[TGI_F32](&left, a, part);
    K(softmax)->log_softmax[TGI_F32](&right, a + 17, part + 17);
    assert_memory_equal(part, y, sizeof y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_inner),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
