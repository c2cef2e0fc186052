/* test_kernels_resample.c: resampling of every set of kernels this machine can run, against the slow reference, on sizes
 * drawn at random. */
#include "tests/support/kernels_drawn.h"

#include "ops/kernels/image/resample_kernels.h"

/* Neighbours, further on from index to index, the border's beyond it. */
static void draw_taps(int dtype, int64_t in, int64_t out, int taps, int32_t *at, void *share)
{
    for (int64_t i = 0; i < out; i++)
        for (int k = 0; k < taps; k++) {
            const int64_t place = i * in / out - taps / 4 + k;
            at[k * out + i] = (int32_t)(place < 0 ? 0 : place < in ? place : in - 1);
            const double s = uniform(0, 1);
            if (dtype == TGI_F32)
                ((float *)share)[k * out + i] = (float)s;
            else
                ((double *)share)[k * out + i] = s;
        }
}

static double number(int dtype, const void *t, int64_t i) { return get(dtype, (const char *)t + i * sizes[dtype]); }

/* y = the sum of what each index takes, by the definition; `back`: x from y. */
static void blend_by_definition(int dtype, const tgi_resample *r, bool back, const void *from, double *to)
{
    const int rows = r->rows.at ? r->taps : 1;
    for (int64_t p = 0; p < 2; p++)
        for (int64_t i = 0; i < r->oh; i++)
            for (int64_t j = 0; j < r->ow; j++)
                for (int k = 0; k < rows * r->taps; k++) {
                    const int64_t a = k / r->taps * r->oh + i, b = k % r->taps * r->ow + j;
                    const int64_t x = (p * r->h + (r->rows.at ? r->rows.at[a] : 0)) * r->w + r->columns.at[b],
                                  y = (p * r->oh + i) * r->ow + j;
                    const double share =
                        (r->rows.at ? number(dtype, r->rows.share, a) : 1) * number(dtype, r->columns.share, b);
                    if (back)
                        to[x] += share * number(dtype, from, y);
                    else
                        to[y] += share * number(dtype, from, x);
                }
}

static void assert_blend(int d, const tgi_resample *r, bool back, const void *from, int64_t n)
{
    double *want = calloc((size_t)n, sizeof *want);
    void *got = numbers(d, n);
    blend_by_definition(d, r, back, from, want);
    (back ? K(resample)->blend_backward : K(resample)->blend)[d](r, 2, from, got);
    for (int64_t i = 0; i < n; i++)
        if (fabs(number(d, got, i) - want[i]) > (d == TGI_F32 ? 2e-5 : 1e-13) * (1 + fabs(want[i])))
            fail_msg("blend%s, element %d: %g, not %g", back ? " backward" : "", (int)i, number(d, got, i), want[i]);
    free(want), free(got);
}

/* Wide: more columns than are made together; far: neighbours take what is many vectors apart. */
static void draw_map(int d, int i, tgi_resample *r, int32_t *at[2], void *share[2])
{
    const bool sequence = i % 4 == 0, wide = i % 10 == 1, far = i % 10 == 2;
    *r = (tgi_resample){ .h = between(1, 20),
                         .w = far ? between(40, 300) : between(1, 20),
                         .oh = between(1, 40),
                         .ow = wide ? between(500, 1100) : between(1, 40),
                         .taps = i % 3 == 0 ? 4 : 2 };
    if (sequence) r->h = r->oh = 1;
    draw_taps(d, r->h, r->oh, r->taps, at[0], share[0]);
    draw_taps(d, r->w, r->ow, r->taps, at[1], share[1]);
    if (!sequence) r->rows = (tgi_taps){ at[0], share[0] };
    r->columns = (tgi_taps){ at[1], share[1] };
}

static void test_resampling(void **unused)
{
    (void)unused;
    static int32_t rows[4400], columns[4400];
    static double of_rows[4400], of_columns[4400];
    for (int i = 0; i < 100; i++)
        for (int d = TGI_F32; d <= TGI_F64; d++) {
            tgi_resample r;
            draw_map(d, i, &r, (int32_t *[]){ rows, columns }, (void *[]){ of_rows, of_columns });
            const int64_t in = 2 * r.h * r.w, out = 2 * r.oh * r.ow;
            void *x = numbers(d, in), *g = numbers(d, out), *got = numbers(d, in + out), *want = numbers(d, in + out);
            assert_blend(d, &r, false, x, out);
            assert_blend(d, &r, true, g, in);
            R(resample)->blend[d](&r, 2, x, want);
            K(resample)->blend[d](&r, 2, x, got);
            assert_near(d, "blend", got, want, out, 0);
            r.taps = 1;
            K(resample)->nearest[d](&r, 2, x, got);
            R(resample)->nearest[d](&r, 2, x, want);
            assert_near(d, "nearest", got, want, out, 0);
            K(resample)->nearest_backward[d](&r, 2, g, got);
            R(resample)->nearest_backward[d](&r, 2, g, want);
            assert_near(d, "nearest backward", got, want, in, 4000);
            free(x), free(g), free(got), free(want);
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
