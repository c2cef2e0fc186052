/* test_optimizers.c: each optimiser against PyTorch's values of a hundred steps (tests/golden/optim.py), by its options'
 * names; and the options that are refused. */
#include "tests/support/suite.h"
#include "tests/support/golden.h"
#include "tests/support/parameters.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

/* ---- PyTorch's values ---- */

#define MAKER(name)                                                                                                    \
    static tg_optimizer *make_##name(tg_tensor_list parameters) { return tg_##name##_new(parameters); }
MAKER(sgd)
MAKER(adam)
MAKER(adamw)
MAKER(rmsprop)
MAKER(adagrad)
MAKER(adadelta)
MAKER(adamax)
MAKER(nadam)
MAKER(radam)
MAKER(rprop)
MAKER(asgd)

typedef struct kind {
    const char *name;
    tg_optimizer *(*make)(tg_tensor_list parameters);
} kind;

static const kind kinds[] = {
    { "SGD", make_sgd },         { "Adam", make_adam },         { "AdamW", make_adamw },   { "RMSprop", make_rmsprop },
    { "Adagrad", make_adagrad }, { "Adadelta", make_adadelta }, { "Adamax", make_adamax }, { "NAdam", make_nadam },
    { "RAdam", make_radam },     { "Rprop", make_rprop },       { "ASGD", make_asgd },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const kind *kind_called(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    fail_msg("no optimiser %s", name);
    return NULL;
}

/* Sets the options of a case that begin with `prefix`. */
static void set_options(const golden *g, tg_optimizer *optimizer, int64_t group, const char *prefix)
{
    const size_t length = strlen(prefix);
    for (int i = 0; i < golden_array_count(g); i++) {
        const golden_array a = golden_array_at(g, i);
        if (strncmp(a.key, prefix, length) == 0)
            assert_int_equal(tg_set_group_option(optimizer, group, a.key + length, a.values[0]), TG_OK);
    }
}

/* sum(x^2 / 4 + cos(x + k / 8) / 2 + x w / 4 cos(k)), and its gradient. */
static void loss_and_backward(tg_tensor *x, int k)
{
    tg_tensor *push = tg_mul(tg_mul(x, golden_weights(x)), cos(k) / 4);
    tg_tensor *curve = tg_add(tg_mul(tg_mul(x, x), 0.25), tg_mul(tg_cos(tg_add(x, k / 8.0)), 0.5));
    tg_backward(tg_sum(tg_add(curve, push)));
}

static void compare(const golden *g, const char *prefix, int k, const tg_tensor *t, double tolerance)
{
    char key[16];
    snprintf(key, sizeof key, "%s%d", prefix, k);
    if (golden_has(g, key)) golden_assert(g, key, t, tolerance);
}

static void compare_states(const golden *g, const tg_optimizer *optimizer, const tg_tensor *p, double tolerance)
{
    for (int i = 0; i < golden_array_count(g); i++) {
        const golden_array a = golden_array_at(g, i);
        if (strncmp(a.key, "state.", 6) == 0)
            golden_assert(g, a.key, tg_optimizer_state(optimizer, p, a.key + 6), tolerance);
    }
}

static void run_case(const golden *g, tg_dtype dtype, double tolerance)
{
    static const double at_p[] = { 0.5, -1.25, 2.0, 0.125, 3.0, -0.75 }, at_q[] = { 1.0, -0.5, 0.25, -2.0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = tg_from_data(at_p, tg_shape(2, 3), .dtype = dtype, .requires_grad = true);
    tg_tensor *q = tg_from_data(at_q, tg_shape(4), .dtype = dtype, .requires_grad = true);
    tg_optimizer *optimizer = kind_called(golden_string(g, "optimizer"))->make(tg_list(p));
    assert_int_equal(tg_optimizer_add_param_group(optimizer, tg_list(q)), 1);
    set_options(g, optimizer, TG_ALL_GROUPS, "option.");
    set_options(g, optimizer, 1, "other.");
    for (int k = 1; k <= 100; k++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(optimizer);
        loss_and_backward(p, k);
        loss_and_backward(q, k);
        assert_int_equal(tg_step(optimizer), TG_OK);
        compare(g, "p", k, p, tolerance);
        compare(g, "q", k, q, tolerance);
        tg_scope_end(step);
    }
    compare_states(g, optimizer, p, tolerance);
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

static void run_all(tg_dtype dtype, double tolerance)
{
    bool met[KINDS] = { false };
    golden *g = golden_open("optim.txt");
    while (golden_next(g)) {
        met[kind_called(golden_string(g, "optimizer")) - kinds] = true;
        run_case(g, dtype, tolerance);
    }
    golden_close(g);
    for (int i = 0; i < KINDS; i++)
        if (!met[i]) fail_msg("no case of %s", kinds[i].name);
}

TEST(test_against_pytorch_in_float64) { run_all(TG_FLOAT64, 1e-12); }
TEST(test_against_pytorch_in_float32) { run_all(TG_FLOAT32, 1e-4); }

/* ---- options ---- */

TEST(test_bad_options)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor_list p = tg_list(parameter(TG_FLOAT32));
    expect_refusal(tg_adagrad_new(p, .lr = -1), "Adagrad: Invalid learning rate: -1");
    expect_refusal(tg_adagrad_new(p, .lr_decay = -1), "Adagrad: Invalid lr_decay value: -1");
    expect_refusal(tg_adagrad_new(p, .weight_decay = -1), "Adagrad: Invalid weight_decay value: -1");
    expect_refusal(tg_adagrad_new(p, .initial_accumulator_value = -1),
                   "Adagrad: Invalid initial_accumulator_value value: -1");
    expect_refusal(tg_adagrad_new(p, .eps = NAN), "Adagrad: Invalid epsilon value: nan");
    expect_refusal(tg_adadelta_new(p, .rho = 1.5), "Adadelta: Invalid rho value: 1.5");
    expect_refusal(tg_adadelta_new(p, .rho = -0.5), "Adadelta: Invalid rho value: -0.5");
    expect_refusal(tg_adadelta_new(p, .eps = -1), "Adadelta: Invalid epsilon value: -1");
    expect_refusal(tg_adamax_new(p, .eps = -1), "Adamax: Invalid epsilon value: -1");
    expect_refusal(tg_adamax_new(p, .beta1 = 1), "Adamax: Invalid beta parameter at index 0: 1");
    expect_refusal(tg_adamax_new(p, .beta2 = -1), "Adamax: Invalid beta parameter at index 1: -1");
    expect_refusal(tg_nadam_new(p, .beta2 = 1), "NAdam: Invalid beta parameter at index 1: 1");
    expect_refusal(tg_nadam_new(p, .momentum_decay = -1), "NAdam: Invalid momentum_decay value: -1");
    expect_refusal(tg_radam_new(p, .beta1 = -0.5), "RAdam: Invalid beta parameter at index 0: -0.5");
    expect_refusal(tg_radam_new(p, .lr = NAN), "RAdam: Invalid learning rate: nan");
    expect_refusal(tg_rprop_new(p, .etaminus = 0), "Rprop: Invalid eta values: 0, 1.2");
    expect_refusal(tg_rprop_new(p, .etaminus = 0.5, .etaplus = 1), "Rprop: Invalid eta values: 0.5, 1");
    expect_refusal(tg_rprop_new(p, .lr = -1), "Rprop: Invalid learning rate: -1");
    expect_refusal(tg_asgd_new(p, .lr = -1), "ASGD: Invalid learning rate: -1");
    expect_refusal(tg_asgd_new(p, .weight_decay = -1), "ASGD: Invalid weight_decay value: -1");
#undef REFUSED
    tg_scope_end(scope);
}

/* Each option that a call names is found under that name; an explicit zero is a zero. */
TEST(test_options_have_their_names)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor_list p = tg_list(parameter(TG_FLOAT32));
#define HAS(made, name, value)                                                                                         \
    {                                                                                                                  \
        tg_optimizer *optimizer = made;                                                                                \
        assert_true(tg_group_option(optimizer, 0, name) == (value));                                                   \
        tg_optimizer_free(optimizer);                                                                                  \
    }
    HAS(tg_adagrad_new(p, .lr_decay = 0.5), "lr_decay", 0.5)
    HAS(tg_adagrad_new(p, .initial_accumulator_value = 3, .eps = 0), "initial_accumulator_value", 3)
    HAS(tg_adagrad_new(p, .eps = 0, .maximize = true), "eps", 0)
    HAS(tg_adadelta_new(p, .rho = 0), "rho", 0)
    HAS(tg_adamax_new(p, .beta1 = 0, .beta2 = 0.5), "beta1", 0)
    HAS(tg_nadam_new(p, .momentum_decay = 0), "momentum_decay", 0)
    HAS(tg_radam_new(p, .weight_decay = 0.25), "weight_decay", 0.25)
    HAS(tg_rprop_new(p, .step_size_max = 2), "step_size_max", 2)
    HAS(tg_rprop_new(p, .step_size_min = 0), "step_size_min", 0)
    HAS(tg_asgd_new(p, .t0 = 10, .lambd = 0), "t0", 10)
    HAS(tg_asgd_new(p, .alpha = 0, .lambd = 0.5), "lambd", 0.5)
#undef HAS
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_against_pytorch_in_float64),
        T(test_against_pytorch_in_float32),
        T(test_bad_options),
        T(test_options_have_their_names),
    };
    return cmocka_run_group_tests_name("optimizers", tests, NULL, NULL);
}
