/* test_kernels_resample.c: resampling of every set of kernels this machine can run, against the slow reference, on sizes
 * drawn at random. */
#include "tests/support/kernels_drawn.h"

#include "ops/kernels/image/resample_kernels.h"

static void draw_taps(int64_t in, int64_t out, tgi_tap *t)
{
    for (int64_t i = 0; i < out; i++) {
        const int64_t at = i * in / out;
        t[i] = (tgi_tap){ { at, at + (at < in - 1) }, { uniform(0, 1), 0 } };
        t[i].share[1] = 1 - t[i].share[0];
    }
}

static void test_resampling(void **unused)
{
    (void)unused;
    tgi_tap rows[40], columns[40];
    for (int i = 0; i < 100; i++) {
        const bool sequence = i % 4 == 0;
        tgi_resample r = { between(1, 20), between(1, 20),         between(1, 40),
                           between(1, 40), sequence ? NULL : rows, columns };
        if (sequence) r.h = r.oh = 1;
        draw_taps(r.h, r.oh, rows);
        draw_taps(r.w, r.ow, columns);
        const int64_t in = 2 * r.h * r.w, out = 2 * r.oh * r.ow;
        for (int d = TGI_F32; d <= TGI_F64; d++) {
            void *x = numbers(d, in), *g = numbers(d, out), *got = numbers(d, in + out), *want = numbers(d, in + out);
            K(resample)->nearest[d](&r, 2, x, got);
            R(resample)->nearest[d](&r, 2, x, want);
            assert_near(d, "nearest", got, want, out, 0);
            K(resample)->linear[d](&r, 2, x, got);
            R(resample)->linear[d](&r, 2, x, want);
            assert_near(d, "linear", got, want, out, 8);
            K(resample)->nearest_backward[d](&r, 2, g, got);
            R(resample)->nearest_backward[d](&r, 2, g, want);
            assert_near(d, "nearest backward", got, want, in, 4000);
            K(resample)->linear_backward[d](&r, 2, g, got);
            R(resample)->linear_backward[d](&r, 2, g, want);
            assert_near(d, "linear backward", got, want, in, 4000);
            free(x), free(g), free(got), free(want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resampling),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
