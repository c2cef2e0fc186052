/* test_random_sampling.c: what is drawn, against PyTorch's numbers and the place of its stream afterwards
 * (golden/random_sampling.txt); generators, writing in place, moments. Errors are those of the samples (test_ops.c), and
 * distributions have a suite of their own. */
#include "tests/support/compare.h"
#include "tests/support/golden.h"
#include "tests/support/sample.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Logarithms and the like are the C library's. The file was written over glibc's; another one may round otherwise. */
#if defined(__GLIBC__) && defined(__x86_64__)
static const double LIBRARY = 0;
#else
static const double LIBRARY = 1e-15;
#endif

/* ---- draws ---- */

/* Each `step`-th element, as the file has them. */
static tg_tensor *sparse(tg_tensor *t, int64_t step)
{
    return tg_slice(tg_reshape(t, tg_shape(-1)), 0, 0, tg_numel(t), step);
}

static void check_next(const golden *g)
{
    tg_tensor *next = tg_rand(tg_shape(1), .dtype = TG_FLOAT64);
    if (tg_item(next) != golden_real(g, "next")) fail_msg("case '%s': the stream is elsewhere", golden_case(g));
}

/* The same bits as PyTorch's, but where ops follow on the draw. */
static void check_draw(const golden *g, const char *text)
{
    const bool composed = strncmp(text, "gumbel", 6) == 0;
    const sample s = sample_read(text);
    tg_manual_seed(3);
    tg_tensor *y = sample_run(&s).items[0];
    check_next(g);
    if (tg_failed()) fail_msg("%s: %s", text, tg_error_message());
    const tg_dtype dtype = tg_dtype_of(y);
    assert_string_equal(tg_dtype_name(dtype), golden_string(g, "dtype"));
    tg_tensor *expected = golden_tensor(g, "result", dtype);
    const double tolerance = composed              ? dtype == TG_FLOAT32 ? 1e-6 : 1e-14
                             : dtype == TG_FLOAT32 ? 1e8 * LIBRARY
                                                   : LIBRARY;
    y = sparse(y, golden_int(g, "step"));
    for (int64_t i = 0; i < tg_numel(y); i++) {
        const double a = tg_item(tg_to(tg_select(y, 0, i), TG_FLOAT64));
        const double b = tg_item(tg_to(tg_select(expected, 0, i), TG_FLOAT64));
        if (!(fabs(a - b) <= tolerance * (1 + fabs(b))) && a != b)
            fail_msg("%s: element %d is %.17g, not %.17g", text, (int)(i * golden_int(g, "step")), a, b);
    }
}

TEST(test_draws)
{
    int draws = 0;
    golden *g = golden_open("random_sampling.txt");
    while (golden_next(g)) {
        if (strncmp(golden_case(g), "draw ", 5) != 0) continue;
        IN_SCOPE;
        check_draw(g, golden_case(g) + 5);
        tg_scope_end(scope);
        draws++;
    }
    golden_close(g);
    assert_true(draws > 300);
}

/* A generator of one's own draws what the default one does, which stays where it is. */
#define OWN(call, ...)                                                                                                 \
    do {                                                                                                               \
        tg_generator mine;                                                                                             \
        tg_generator_seed(&mine, 11);                                                                                  \
        tg_manual_seed(11);                                                                                            \
        tg_tensor *expected = call(__VA_ARGS__);                                                                       \
        tg_manual_seed(12);                                                                                            \
        assert_alike(call(__VA_ARGS__, .generator = &mine), expected, 0);                                              \
        const uint32_t next = tg_random32(NULL);                                                                       \
        tg_manual_seed(12);                                                                                            \
        assert_int_equal(tg_random32(NULL), next);                                                                     \
    } while (0)

TEST(test_generators)
{
    IN_SCOPE;
    tg_tensor *p = tg_full(tg_shape(3, 20), 0.5);
    OWN(tg_uniform_, tg_empty_like(p));
    OWN(tg_normal_, tg_empty_like(p));
    OWN(tg_log_normal_, tg_empty_like(p));
    OWN(tg_exponential_, tg_empty_like(p));
    OWN(tg_cauchy_, tg_empty_like(p));
    OWN(tg_random_, tg_empty_like(p));
    OWN(tg_geometric_, tg_empty_like(p), 0.5);
    OWN(tg_bernoulli_, tg_empty_like(p), 0.5);
    OWN(tg_bernoulli_, tg_empty_like(p), p);
    OWN(tg_bernoulli, p);
    OWN(tg_poisson, p);
    OWN(tg_normal, p, 1);
    OWN(tg_multinomial, p, 2);
    OWN(tg_multinomial, p, 2, .replacement = true);
    OWN(tg_gumbel_softmax, p);
    OWN(tg_randint_like, p, 0, 9);
    const tg_distribution normal = tg_normal_of(p, 1), categorical = tg_categorical_of(.probs = p);
    const tg_distribution uniform = tg_uniform_of(p, 1), exponential = tg_exponential_of(p);
    OWN(tg_sample, normal);
    OWN(tg_rsample, normal);
    OWN(tg_sample, categorical);
    OWN(tg_sample, tg_bernoulli_of(.probs = p));
    OWN(tg_sample, uniform);
    OWN(tg_sample, exponential);
    tg_scope_end(scope);
}

/* ---- in place ---- */

TEST(test_in_place)
{
    IN_SCOPE;
    tg_tensor *w = tg_full(tg_shape(4), 2.0, .requires_grad = true);
    assert_null(tg_uniform_(w));
    expect_error("a leaf Variable that requires grad is being used in an in-place operation.");
    assert_true(tg_version(w) == 0);
    const tg_scope quiet = tg_no_grad_begin();
    assert_true(tg_uniform_(w) == w && tg_version(w) == 1);
    tg_scope_end(quiet);

    tg_tensor *x = tg_mul(w, 3.0), *y = tg_mul(x, w); /* y saved x */
    assert_true(tg_normal_(x) == x && tg_requires_grad(x));
    assert_null(tg_grad(tg_list(tg_sum(x)), tg_list(w), .allow_unused = true, .retain_graph = true).items[0]);
    tg_backward(tg_sum(y));
    expect_error("has been modified by an inplace operation");

    assert_null(tg_exponential_(tg_expand(tg_zeros(tg_shape(1)), tg_shape(3))));
    expect_error("more than one element of the written-to tensor refers to a single memory location");
    tg_tensor *p = tg_full(tg_shape(3, 4), 0.5); /* probabilities written over by what they say */
    tg_tensor *q = tg_clone(p);
    tg_manual_seed(5);
    tg_tensor *expected = tg_bernoulli_(q, p);
    tg_manual_seed(5);
    assert_alike(tg_bernoulli_(p, p), expected, 0);
    assert_null(tg_bernoulli_(p, (tg_tensor *)NULL));
    expect_error("NULL");
    tg_scope_end(scope);
}

/* Draws have the moments that they should, whatever PyTorch does. */
static double mean_of(tg_tensor *t) { return tg_item(tg_mean(tg_to(t, TG_FLOAT64))); }

TEST(test_moments)
{
    IN_SCOPE;
    tg_manual_seed(0);
    tg_tensor *t = tg_empty(tg_shape(20000), .dtype = TG_FLOAT64);
    assert_true(fabs(mean_of(tg_uniform_(t, .from = -1, .to = 5)) - 2) < 0.05);
    assert_true(fabs(mean_of(tg_normal_(t, .mean = 3, .std = 2)) - 3) < 0.05);
    assert_true(fabs(tg_item(tg_std(t)) - 2) < 0.05);
    assert_true(fabs(mean_of(tg_exponential_(t, .lambd = 4)) - 0.25) < 0.01);
    assert_true(fabs(mean_of(tg_geometric_(t, 0.25)) - 4) < 0.1);
    assert_true(fabs(mean_of(tg_bernoulli_(t, 0.3)) - 0.3) < 0.01);
    assert_true(fabs(mean_of(tg_log_normal_(t, .mean = 0, .std = 0.5)) - exp(0.125)) < 0.03);
    assert_true(fabs(mean_of(tg_random_(t, .to = 10)) - 4.5) < 0.1);
    assert_true(fabs(mean_of(tg_poisson(tg_full_like(t, 3.5))) - 3.5) < 0.05);
    assert_true(fabs(mean_of(tg_poisson(tg_full_like(t, 50.0))) - 50) < 0.2);
    assert_true(fabs(mean_of(tg_multinomial(tg_tensor_of(1.0, 3.0), 20000, .replacement = true)) - 0.75) < 0.02);
    tg_tensor *drawn = tg_multinomial(tg_ones(tg_shape(3, 50)), 50); /* a permutation in each row */
    assert_alike(tg_sort(drawn).values, tg_expand(tg_arange(50), tg_shape(3, 50)), 0);
    tg_tensor *hard = tg_gumbel_softmax(tg_zeros(tg_shape(2000, 4)), .hard = true);
    assert_alike(tg_sum(hard, .dim = 1), tg_ones(tg_shape(2000)), 1e-6);
    assert_true(fabs(mean_of(tg_select(hard, 1, 2)) - 0.25) < 0.05);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_draws), T(test_generators), T(test_in_place), T(test_moments) };
    return cmocka_run_group_tests_name("random_sampling", tests, NULL, NULL);
}
