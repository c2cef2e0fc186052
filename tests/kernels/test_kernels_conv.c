/* test_kernels_conv.c: convolutions of every set of kernels this machine can run, against the slow reference, on sizes drawn
 * at random: strides, paddings, dilations and groups of every kind, planes of one element and rows that are no whole
 * number of vectors. */
#include "tests/support/kernels_drawn.h"

#include "ops/kernels/conv/conv_kernels.h"

#include <stdio.h>

static void run(const tgi_conv_kernels *k, int d, tgi_conv_job *job)
{
    size_t bytes;
    const int64_t tasks = k->plan[d](job->s, job->map, &bytes);
    job->room = aligned_alloc(64, (bytes + 64) / 64 * 64);
    assert_non_null(job->room);
    k->begin[d](job);
    for (int64_t i = tasks - 1; i >= 0; i--) k->run[d](job, i); /* in any order */
    k->end[d](job);
    free(job->room);
}

static void check_map(int d, const tgi_conv *s, tgi_conv_map map, bool with_bias)
{
    const int64_t image = s->batch * s->groups * s->c * s->h * s->w,
                  result = s->batch * s->groups * s->k * s->oh * s->ow;
    const int64_t weight = s->groups * s->k * s->c * s->kh * s->kw;
    const int64_t count = map == TGI_CONV_RESULT ? result : map == TGI_CONV_IMAGE ? image : weight;
    const double terms = 4 + (double)(map == TGI_CONV_RESULT  ? s->c * s->kh * s->kw
                                      : map == TGI_CONV_IMAGE ? s->k * s->kh * s->kw
                                                              : s->batch * s->oh * s->ow);
    void *x = numbers(d, image), *y = numbers(d, result), *w = numbers(d, weight);
    void *b = numbers(d, s->groups * (s->k + s->c)), *got = numbers(d, count), *want = numbers(d, count);
    tgi_conv_job
        job = { .s = s, .map = map, .image = x, .result = y, .weight = w, .bias = with_bias ? b : NULL, .to = got };
    run(K(conv), d, &job);
    job.to = want;
    run(R(conv), d, &job);
    char what[200];
    snprintf(what, sizeof what,
             "map %d: batch %d groups %d c %d k %d, %dx%d to %dx%d by %dx%d, stride %dx%d pad %dx%d dilation %dx%d",
             map, (int)s->batch, (int)s->groups, (int)s->c, (int)s->k, (int)s->h, (int)s->w, (int)s->oh, (int)s->ow,
             (int)s->kh, (int)s->kw, (int)s->stride_h, (int)s->stride_w, (int)s->pad_h, (int)s->pad_w,
             (int)s->dilation_h, (int)s->dilation_w);
    assert_near(d, what, got, want, count, terms * sqrt(terms));
    free(x), free(y), free(w), free(b), free(got), free(want);
}

static void check_conv(int d, const tgi_conv *s)
{
    for (int map = TGI_CONV_RESULT; map <= TGI_CONV_WEIGHT; map++)
        check_map(d, s, (tgi_conv_map)map, map != TGI_CONV_WEIGHT && between(0, 1));
}

/* The result's size that PyTorch gives, or one less or more: no size need follow from another one. */
static int64_t result_size(int64_t in, int64_t taps, int64_t stride, int64_t pad, int64_t dilation)
{
    const int64_t room = in + 2 * pad - dilation * (taps - 1) - 1, size = room < 0 ? 1 : room / stride + 1;
    return size + (between(0, 5) == 0) - (between(0, 5) == 0 && size > 1);
}

static tgi_conv drawn(int64_t most)
{
    tgi_conv s = { .batch = between(1, 3), .groups = between(1, 3), .c = between(1, 5), .k = between(1, 14) };
    if (between(0, 3) == 0) s.groups = between(1, 20), s.c = 1, s.k = between(1, 2);
    if (between(0, 3) == 0) s.c = between(14, 40);
    if (between(0, 5) == 0) s.k = between(280, 300);
    s.h = between(1, most), s.w = between(1, most);
    s.kh = between(1, 4), s.kw = between(1, 4);
    s.stride_h = between(1, 3), s.stride_w = between(1, 3);
    s.pad_h = between(0, 2), s.pad_w = between(0, 2);
    s.dilation_h = between(1, 3), s.dilation_w = between(1, 3);
    s.oh = result_size(s.h, s.kh, s.stride_h, s.pad_h, s.dilation_h);
    s.ow = result_size(s.w, s.kw, s.stride_w, s.pad_w, s.dilation_w);
    return s;
}

static void test_convolutions(void **unused)
{
    (void)unused;
    for (int i = 0; i < 60; i++) {
        const tgi_conv s = drawn(i < 30 ? 9 : 20);
        for (int d = TGI_F32; d <= TGI_F64; d++) check_conv(d, &s);
    }
    for (int i = 0; i < 5; i++) {
        const tgi_conv s = drawn(5);
        check_conv(TGI_I64, &s);
    }
}

/* What a drawn size seldom is: nothing at all, 1x1, long sequences, a window larger than a chain, many images of little. */
static void test_convolutions_at_the_edges(void **unused)
{
    (void)unused;
    const tgi_conv edges[] = {
        { 0, 1, 2, 3, 4, 4, 4, 4, 1, 1, 1, 1, 0, 0, 1, 1 },
        { 2, 1, 0, 3, 4, 4, 4, 4, 1, 1, 1, 1, 0, 0, 1, 1 },
        { 2, 1, 33, 25, 9, 11, 9, 11, 1, 1, 1, 1, 0, 0, 1, 1 },
        { 1, 1, 3, 5, 1, 1500, 1, 1500, 1, 5, 1, 1, 0, 2, 1, 1 },
        { 1, 2, 2, 3, 1, 1301, 1, 651, 1, 4, 1, 2, 0, 2, 1, 1 },
        { 1, 1, 2, 13, 20, 20, 9, 9, 12, 12, 1, 1, 0, 0, 1, 1 },
        { 1, 1, 2, 13, 50, 50, 11, 11, 40, 40, 1, 1, 0, 0, 1, 1 },
        { 1, 1, 13, 2, 50, 50, 6, 6, 40, 40, 2, 2, 0, 0, 1, 1 },
        { 41, 1, 3, 7, 3, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1 },
        { 3, 1, 130, 20, 5, 4, 5, 4, 1, 1, 1, 1, 0, 0, 1, 1 },
        { 2, 1, 2, 2, 3, 3, 1, 1, 1, 1, 4, 4, 0, 0, 1, 1 },
        { 1, 7, 1, 1, 60, 61, 60, 61, 5, 5, 1, 1, 2, 2, 1, 1 },
        { 1, 2, 1, 1, 70, 90, 35, 45, 3, 3, 2, 2, 1, 1, 1, 1 },
        { 1, 1, 1, 1, 2, 300, 2, 300, 1, 3, 1, 1, 0, 1, 1, 1 },
        { 2, 3, 1, 1, 9, 21, 9, 21, 3, 3, 1, 1, 1, 1, 1, 1 },     /* rows that share what they take: planes together, */
        { 1, 1, 1, 1, 100, 90, 100, 90, 3, 3, 1, 1, 1, 1, 1, 1 }, /* a plane in parts, */
        { 1, 1, 1, 1, 5, 5000, 5, 5000, 3, 3, 1, 1, 1, 1, 1, 1 }, /* a row in parts, */
        { 1, 2, 1, 2, 11, 71, 11, 36, 3, 3, 1, 2, 1, 1, 1, 1 },   /* a stride in the rows, */
        { 1, 1, 3, 2, 13, 40, 11, 36, 3, 3, 1, 1, 0, 0, 1, 2 },   /* several channels, holes */
        { 2, 1, 2, 5, 40, 41, 40, 41, 3, 3, 1, 1, 1, 1, 1, 1 },   /* several tasks an image */
        { 2, 2, 3, 5, 20, 40, 16, 36, 5, 5, 1, 1, 0, 0, 1, 1 },   /* panels over several rows of the input itself, */
        { 3, 1, 5, 4, 9, 23, 9, 23, 3, 3, 1, 1, 1, 1, 1, 1 },     /* of a strip with several images, */
        { 2, 1, 70, 3, 30, 42, 15, 21, 3, 3, 2, 2, 1, 1, 1, 1 },  /* parted in rows and columns, in two chains, */
        { 1, 1, 3, 40, 30, 42, 9, 40, 4, 3, 3, 1, 0, 0, 1, 1 },   /* parted in rows alone; more rows than pay */
    };
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        for (int d = TGI_F32; d <= TGI_F64; d++) check_conv(d, &edges[i]);
}

/* Windows of 3 by 3 with channels enough for Winograd's way, and what it must leave to the others. */
static tgi_conv drawn_for_winograd(void)
{
    tgi_conv s = { .batch = between(1, 4), .groups = between(1, 2), .c = between(15, 40), .k = between(15, 40) };
    if (between(0, 3) == 0) s.c = between(127, 300);
    s.h = between(4, 19), s.w = between(4, 40);
    s.kh = s.kw = 3;
    s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = 1;
    s.pad_h = between(0, 3), s.pad_w = between(0, 3);
    s.oh = result_size(s.h, 3, 1, s.pad_h, 1);
    s.ow = result_size(s.w, 3, 1, s.pad_w, 1);
    return s;
}

static void test_convolutions_by_3x3_taps(void **unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        const tgi_conv s = drawn_for_winograd();
        check_conv(TGI_F32, &s);
    }
}

/* Where a number is not finite, or the numbers are too large to be added, nothing but what depends on them may show it. */
static void test_what_is_not_finite_stays_where_it_is(void **unused)
{
    (void)unused;
    for (int i = 0; i < 12; i++) {
        const tgi_conv s = drawn_for_winograd();
        const tgi_conv_map map = i % 2 ? TGI_CONV_RESULT : TGI_CONV_IMAGE;
        const int64_t image = s.batch * s.groups * s.c * s.h * s.w, result = s.batch * s.groups * s.k * s.oh * s.ow;
        const int64_t weight = s.groups * s.k * s.c * 9, count = map == TGI_CONV_RESULT ? result : image;
        const int64_t given = map == TGI_CONV_RESULT ? image : result;
        float *x = numbers(TGI_F32, given), *w = numbers(TGI_F32, weight);
        float *got = numbers(TGI_F32, count), *want = numbers(TGI_F32, count);
        const float odd[] = { INFINITY, -INFINITY, NAN };
        const double large = i % 3 == 0 ? 0x1p127 : 1; /* four of these cannot be added */
        for (int64_t j = 0; j < given; j++) x[j] *= (float)large;
        for (int64_t j = 0; j < weight; j++) w[j] *= large == 1 ? 1 : 0x1p-10f;
        for (int j = 0; j < 3; j++) x[between(0, given - 1)] = odd[j];
        tgi_conv_job job = { .s = &s, .map = map, .image = x, .result = x, .weight = w, .to = got };
        run(K(conv), TGI_F32, &job);
        job.to = want;
        run(R(conv), TGI_F32, &job);
        for (int64_t j = 0; j < count; j++) {
            const double error = fabs((double)got[j] - (double)want[j]);
            if (isnan(want[j]) ? !isnan(got[j]) : isinf(want[j]) ? got[j] != want[j] : !(error <= 1e-4 * large))
                fail_msg("%s: element %d is %g, want %g", set_name(), (int)j, (double)got[j], (double)want[j]);
        }
        free(x), free(w), free(got), free(want);
    }
}

static void test_unfold_and_fold(void **unused)
{
    (void)unused;
    for (int i = 0; i < 60; i++) {
        tgi_conv s = drawn(12);
        s.groups = s.k = 1;
        const int64_t image = s.batch * s.c * s.h * s.w, columns = s.batch * s.c * s.kh * s.kw * s.oh * s.ow;
        for (int d = TGI_F32; d <= TGI_F64; d++) {
            void *x = numbers(d, image), *y = numbers(d, columns), *got = numbers(d, image + columns);
            void *want = numbers(d, image + columns);
            K(conv)->unfold[d](&s, x, got);
            R(conv)->unfold[d](&s, x, want);
            assert_near(d, "unfold", got, want, columns, 0);
            K(conv)->fold[d](&s, y, got);
            R(conv)->fold[d](&s, y, want);
            assert_near(d, "fold", got, want, image, 16);
            free(x), free(y), free(got), free(want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_convolutions_at_the_edges),
        cmocka_unit_test(test_convolutions_by_3x3_taps),
        cmocka_unit_test(test_what_is_not_finite_stays_where_it_is),
        cmocka_unit_test(test_unfold_and_fold),
    };
    int failed = 0;
    RUN_FOR_EACH_SET(failed, tests)
    return failed != 0;
}
