/* test_distributions.c: distributions against PyTorch's (golden/random_sampling.txt): draws, log-probabilities, entropies,
 * divergences, and the gradients of all; a policy that learns; errors, and what becomes of them when memory runs out. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- against PyTorch ---- */

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
        const tg_tensor_list d =
            tg_requires_grad(y) ? tg_grad(tg_list(y), tg_list(p->items[i]), .allow_unused = true, .retain_graph = true)
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
    golden_assert(g, "sample", drawn, 1e-14);
    golden_assert(g, "next", tg_rand(tg_shape(1), .dtype = TG_FLOAT64), 0);
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

/* ---- in use ---- */

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
    expect_error(
        "Expected parameter probs of distribution Bernoulli to satisfy the constraint Interval(lower_bound=0.0, "
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

/* ---- without memory ---- */

/* Every kind, each function. Not 0. */
static double all_kinds(void)
{
    tg_manual_seed(2);
    tg_tensor *x = parameter(tg_shape(2, 3), TG_FLOAT64, 1), *positive = tg_exp(x), *p = tg_sigmoid(x);
    const tg_distribution kinds[] = { tg_categorical_of(.logits = x), tg_categorical_of(.probs = p),
                                      tg_bernoulli_of(.logits = x),   tg_bernoulli_of(.probs = p),
                                      tg_normal_of(x, positive),      tg_uniform_of(0, tg_sum(positive, .dim = 0)),
                                      tg_exponential_of(positive) };
    tg_tensor *sum = NULL;
    for (int i = 0; i < 7; i++) {
        tg_tensor *drawn = i < 4 ? tg_sample(kinds[i]) : tg_rsample(kinds[i], .shape = tg_shape(2));
        tg_tensor *terms[] = { tg_sum(tg_log_prob(kinds[i], drawn)), tg_sum(tg_entropy(kinds[i])),
                               tg_sum(tg_kl_divergence(kinds[i], kinds[i])) };
        for (int k = 0; k < 3; k++) sum = sum ? tg_add(sum, terms[k]) : terms[k];
    }
    tg_backward(sum);
    return tg_failed() ? 1 : tg_item(tg_sum(tg_square(tg_grad_of(x))));
}

TEST(test_without_memory) { fail_each_allocation(all_kinds); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* each block is an allocation, which can fail */
    const struct CMUnitTest tests[] = { T(test_distributions), T(test_policy), T(test_distribution_errors),
                                        T(test_without_memory) };
    return cmocka_run_group_tests_name("distributions", tests, NULL, NULL);
}
