/* test_random_sampling.c: what is drawn, against PyTorch's numbers and the place of its stream afterwards
 * (golden/random_sampling.txt); distributions; generators, writing in place, errors. */
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
    const double tolerance = composed ? dtype == TG_FLOAT32 ? 1e-6 : 1e-14 : dtype == TG_FLOAT32 ? 1e8 * LIBRARY : LIBRARY;
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

/* ---- distributions ---- */

typedef struct parameters {
    const char *names[2];
    tg_tensor *items[2];
    int count;
} parameters;

static tg_distribution distribution_of(const golden *g, parameters *p)
{
    static const char *const names[] = { "probs", "logits", "loc", "scale", "low", "high", "rate" };
    const char *kind = golden_case(g) + strlen("distribution ");
    p->count = 0;
    for (int i = 0; i < 7; i++) {
        if (!golden_has(g, names[i])) continue;
        p->names[p->count] = names[i];
        p->items[p->count++] = tg_requires_grad_(golden_tensor(g, names[i], TG_FLOAT64), true);
    }
    tg_tensor *a = p->items[0], *b = p->items[1];
    tg_tensor *probs = golden_has(g, "probs") ? a : NULL, *logits = probs ? NULL : a;
    switch (*kind) {
    case 'c': return tg_categorical_of(.probs = probs, .logits = logits);
    case 'b': return tg_bernoulli_of(.probs = probs, .logits = logits);
    case 'n': return tg_normal_of(a, b);
    case 'u': return tg_uniform_of(a, b);
    default: return tg_exponential_of(a);
    }
}

/* The value and the gradient of each parameter, which is nothing where PyTorch's is zero. */
static void check_with_gradients(const golden *g, const char *key, tg_tensor *t, const parameters *p)
{
    golden_assert(g, key, t, 1e-12);
    for (int i = 0; i < p->count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.%s", key, p->names[i]);
        if (!golden_has(g, name)) continue;
        tg_tensor *y = tg_sum(tg_mul(t, golden_weights(t)));
        const tg_tensor_list d = tg_requires_grad(y) ? tg_grad(tg_list(y), tg_list(p->items[i]), .allow_unused = true,
                                                               .retain_graph = true)
                                                     : TG_NONE;
        tg_tensor *gradient = d.count ? d.items[0] : NULL;
        golden_assert(g, name, gradient ? gradient : tg_zeros_like(p->items[i]), 1e-12);
    }
}

static void check_distribution(const golden *g, const tg_distribution *before, const tg_distribution *d,
                               const parameters *p)
{
    tg_tensor *value = golden_tensor(g, "value", TG_FLOAT64);
    tg_manual_seed(3);
    tg_tensor *drawn = tg_sample(*d, .shape = tg_shape(2));
    check_next(g);
    golden_assert(g, "sample", drawn, 1e-14);
    assert_false(tg_requires_grad(drawn));
    if (golden_has(g, "rsample")) {
        tg_manual_seed(3);
        check_with_gradients(g, "rsample", tg_rsample(*d, .shape = tg_shape(2)), p);
    }
    check_with_gradients(g, "log_prob", tg_log_prob(*d, value), p);
    check_with_gradients(g, "entropy", tg_entropy(*d), p);
    if (golden_has(g, "kl")) check_with_gradients(g, "kl", tg_kl_divergence(*d, *before), p);
    if (tg_failed()) fail_msg("%s: %s", golden_case(g), tg_error_message());
}

TEST(test_distributions)
{
    IN_SCOPE;
    int count = 0;
    tg_distribution before = { 0 };
    golden *g = golden_open("random_sampling.txt");
    while (golden_next(g)) {
        if (strncmp(golden_case(g), "distribution ", 13) != 0) continue;
        parameters p;
        const tg_distribution d = distribution_of(g, &p);
        check_distribution(g, &before, &d, &p);
        before = d;
        count++;
    }
    golden_close(g);
    assert_int_equal(count, 15);
    tg_scope_end(scope);
}

/* Numbers alone, float32, integer actions; a policy's gradient step makes what was rewarded likelier. */
TEST(test_policy)
{
    IN_SCOPE;
    tg_distribution unit = tg_normal_of(0, 1);
    assert_int_equal(tg_dtype_of(tg_sample(unit, .shape = tg_shape(3))), TG_FLOAT32);
    assert_int_equal(tg_ndim(tg_rsample(unit)), 0);
    assert_true(fabs(tg_item(tg_log_prob(unit, tg_scalar(0.0))) + 0.91893853) < 1e-6);
    tg_tensor *logits = tg_zeros(tg_shape(2, 3), .requires_grad = true);
    tg_manual_seed(1);
    for (int step = 0; step < 3; step++) {
        const tg_distribution policy = tg_categorical_of(.logits = logits);
        tg_tensor *action = tg_sample(policy);
        assert_int_equal(tg_dtype_of(action), TG_INT64);
        const tg_tensor *before = tg_detach(tg_log_prob(policy, action));
        tg_set_grad(logits, NULL);
        tg_backward(tg_neg(tg_sum(tg_log_prob(policy, action))));
        const tg_scope quiet = tg_no_grad_begin();
        tg_sub_(logits, tg_grad_of(logits));
        tg_scope_end(quiet);
        tg_tensor *after = tg_log_prob(tg_categorical_of(.logits = logits), action);
        assert_true(tg_item(tg_all(tg_gt(after, before))) == 1);
    }
    assert_false(tg_failed());
    tg_scope_end(scope);
}

TEST(test_distribution_errors)
{
    IN_SCOPE;
    tg_tensor *x = tg_tensor_of(1.0, -1.0), *half = tg_tensor_of(0.5, 0.25);
    assert_int_equal(tg_categorical_of().kind, TG_DISTRIBUTION_NONE);
    expect_error("Either `probs` or `logits` must be specified, but not both.");
    assert_int_equal(tg_bernoulli_of(.probs = x, .logits = x).kind, TG_DISTRIBUTION_NONE);
    expect_error("Either `probs` or `logits` must be specified, but not both.");
    assert_int_equal(tg_categorical_of(.logits = tg_scalar(1.0)).kind, TG_DISTRIBUTION_NONE);
    expect_error("`logits` parameter must be at least one-dimensional.");
    assert_int_equal(tg_categorical_of(.probs = x).kind, TG_DISTRIBUTION_NONE);
    expect_error("Expected parameter probs of distribution Categorical to satisfy the constraint Simplex(), but found "
                 "invalid values");
    assert_int_equal(tg_categorical_of(.logits = tg_tensor_of(NAN, 1.0)).kind, TG_DISTRIBUTION_NONE);
    expect_error("Expected parameter logits of distribution Categorical to satisfy the constraint "
                 "IndependentConstraint(Real(), 1)");
    assert_int_equal(tg_bernoulli_of(.probs = x).kind, TG_DISTRIBUTION_NONE);
    expect_error("Expected parameter probs of distribution Bernoulli to satisfy the constraint Interval(lower_bound=0.0, "
                 "upper_bound=1.0)");
    assert_int_equal(tg_normal_of(x, x).kind, TG_DISTRIBUTION_NONE);
    expect_error("Expected parameter scale of distribution Normal to satisfy the constraint "
                 "GreaterThan(lower_bound=0.0)");
    assert_int_equal(tg_normal_of(x, tg_ones(tg_shape(3))).kind, TG_DISTRIBUTION_NONE);
    tg_error_clear();
    assert_int_equal(tg_exponential_of(0).kind, TG_DISTRIBUTION_NONE);
    expect_error("Expected parameter rate of distribution Exponential");
    assert_int_equal(tg_uniform_of(1, x).kind, TG_DISTRIBUTION_NONE);
    expect_error("Uniform is not defined when low>= high");
    assert_null(tg_sample((tg_distribution){ 0 }));
    expect_error("there is no distribution");
    assert_null(tg_entropy(tg_normal_of(x, x))); /* told once */
    expect_error("GreaterThan");
    const tg_distribution coin = tg_bernoulli_of(.probs = half), normal = tg_normal_of(x, half);
    assert_null(tg_rsample(coin));
    expect_error("Bernoulli has no draws that are differentiable: use tg_sample");
    assert_null(tg_kl_divergence(coin, normal));
    expect_error("No KL(p || q) is implemented for p type Bernoulli and q type Normal");
    assert_null(tg_log_prob(coin, half));
    expect_error("Expected value argument to be within the support (Boolean) of the distribution Bernoulli, but found "
                 "invalid values");
    assert_null(tg_log_prob(tg_categorical_of(.probs = half), tg_tensor_of(2)));
    expect_error("within the support (IntegerInterval) of the distribution Categorical");
    assert_null(tg_log_prob(normal, NULL));
    expect_error("NULL");
    assert_null(tg_sample(normal, .shape = tg_shape(1, 1, 1, 1, 1, 1, 1, 1)));
    expect_error("a tensor has at most 8 dimensions");
    assert_null(tg_sample(tg_categorical_of(.probs = half), .shape = tg_shape(0)));
    expect_error("cannot sample n_sample <= 0 samples");
    assert_false(tg_failed());
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_draws),         T(test_generators), T(test_in_place),           T(test_moments),
        T(test_distributions), T(test_policy),     T(test_distribution_errors),
    };
    return cmocka_run_group_tests_name("random_sampling", tests, NULL, NULL);
}
