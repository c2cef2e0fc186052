/* test_kernels_pool.c: pooling of every set of kernels this machine can run, against the slow reference, on sizes and windows
 * drawn at random. */
#include "tests/support/kernels_drawn.h"

#include "ops/kernels/image/pool_kernels.h"

enum { MOST_WINDOWS = 200 };

static void draw_windows(int64_t in, int64_t out, int64_t step, tgi_window *w)
{
    for (int64_t i = 0; i < out; i++) {
        w[i].start = between(0, in - 1);
        w[i].end = between(w[i].start + 1, in);
        w[i].count = between(1, 3) * step;
    }
}

/* As of max_pool: a stride apart, the first and the last cut off. Returns how many. */
static int64_t draw_equal_windows(int64_t in, int64_t step, tgi_window *w)
{
    const int64_t kernel = between(1, 3), stride = between(1, 3), pad = kernel > 1 ? step * between(0, 1) : 0;
    int64_t n = 0;
    for (int64_t from = -pad; n < MOST_WINDOWS && (n == 0 || from < in); from += stride, n++) {
        const int64_t end = from + (kernel - 1) * step + 1;
        w[n] = (tgi_window){ from < 0 ? from + step : from, end < in ? end : in, kernel };
        if (w[n].start >= in) w[n].start = 0;
        if (w[n].end <= w[n].start) w[n].end = w[n].start + 1;
    }
    return n;
}

static void test_pooling(void **unused)
{
    (void)unused;
    tgi_window rows[MOST_WINDOWS], columns[MOST_WINDOWS];
    int64_t indices[2][3 * 24 * MOST_WINDOWS];
    for (int i = 0; i < 150; i++) {
        tgi_pool p = { between(1, 20), between(1, 20), between(1, 24), between(1, 24), between(1, 3),
                       between(1, 3),  rows,           columns,        between(-1, 1) };
        draw_windows(p.h, p.oh, 1, rows);
        draw_windows(p.w, p.ow, 1, columns);
        if (i >= 100) {
            p.w = between(1, 200);
            p.ow = draw_equal_windows(p.w, p.step_w, columns);
        }
        if (i % 5 == 4) { /* one window, of whole rows */
            p.oh = p.ow = 1;
            columns[0] = (tgi_window){ 0, p.w, p.w };
        }
        const int64_t in = 3 * p.h * p.w, out = 3 * p.oh * p.ow;
        for (int d = TGI_F32; d <= TGI_I64; d++) {
            void *x = numbers(d, in), *g = numbers(d, out), *got = numbers(d, in + out), *want = numbers(d, in + out);
            K(pool)->average[d](&p, 3, x, got);
            R(pool)->average[d](&p, 3, x, want);
            assert_near(d, "average", got, want, out, 2000);
            K(pool)->average_backward[d](&p, 3, g, got);
            R(pool)->average_backward[d](&p, 3, g, want);
            assert_near(d, "average backward", got, want, in, 2000);
            if (d != TGI_I64) {
                if (i % 3 == 0) set(d, (char *)x + between(0, in - 1) * sizes[d], NAN);
                K(pool)->max[d](&p, 3, x, got, indices[0]);
                R(pool)->max[d](&p, 3, x, want, indices[1]);
                assert_memory_equal(indices[0], indices[1], (size_t)out * sizeof(int64_t));
                assert_memory_equal(got, want, (size_t)(out * sizes[d]));
                K(pool)->gather[d](3, p.h * p.w, p.oh * p.ow, x, indices[0], want);
                assert_memory_equal(got, want, (size_t)(out * sizes[d]));
                K(pool)->scatter[d](3, p.h * p.w, p.oh * p.ow, g, indices[0], got);
                R(pool)->scatter[d](3, p.h * p.w, p.oh * p.ow, g, indices[0], want);
                assert_near(d, "scatter", got, want, in, 100);
            }
            free(x), free(g), free(got), free(want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pooling),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
