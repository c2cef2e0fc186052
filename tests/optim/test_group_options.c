/* test_group_options.c: options of parameter groups by name, and options that change while a model is trained. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/parameters.h"
#include "tests/support/values.h"

#include "tapegrad.h"

TEST(test_options_by_name)
{
    tg_scope scope = tg_scope_begin();
    tg_optimizer *adam = tg_adam_new(tg_list(parameter(TG_FLOAT32)), .lr = 0.5, .beta2 = 0.75, .amsgrad = true);
    tg_optimizer_add_param_group(adam, tg_list(parameter(TG_FLOAT32)), .lr = 0.25);
    assert_true(tg_group_option(adam, 0, "lr") == 0.5 && tg_group_option(adam, 1, "lr") == 0.25);
    assert_true(tg_group_option(adam, 0, "beta1") == 0.9 && tg_group_option(adam, 1, "beta2") == 0.75);
    assert_true(tg_group_option(adam, 0, "amsgrad") == 1 && tg_group_option(adam, 0, "maximize") == 0);
    assert_int_equal(tg_set_group_option(adam, 1, "beta1", 0.125), TG_OK);
    assert_true(tg_group_option(adam, 0, "beta1") == 0.9 && tg_group_option(adam, 1, "beta1") == 0.125);
    assert_int_equal(tg_set_group_option(adam, TG_ALL_GROUPS, "maximize", true), TG_OK);
    assert_true(tg_group_option(adam, 0, "maximize") == 1 && tg_group_option(adam, 1, "maximize") == 1);
    assert_int_equal(tg_set_group_option(adam, TG_ALL_GROUPS, "lr", 0), TG_OK); /* tg_lr is the same option */
    assert_true(tg_lr(adam) == 0 && tg_group_lr(adam, 1) == 0);
    assert_int_equal(tg_set_group_lr(adam, 1, 0.0625), TG_OK);
    assert_true(tg_group_option(adam, 1, "lr") == 0.0625);
    tg_optimizer_free(adam);
    tg_scope_end(scope);
}

TEST(test_names_and_groups_that_are_none)
{
    tg_scope scope = tg_scope_begin();
    tg_optimizer *sgd = tg_sgd_new(tg_list(parameter(TG_FLOAT32)));
    char line[160];
    snprintf(line, sizeof line,
             "test_group_options.c:%d: SGD: there is no option \"beta1\": they are lr, momentum, dampening, "
             "weight_decay, nesterov, maximize",
             __LINE__ + 1);
    assert_true(isnan(tg_group_option(sgd, 0, "beta1")));
    expect_error(line);
    assert_int_equal(tg_set_group_option(sgd, 0, "beta1", 0.5), TG_FAILED);
    expect_error("SGD: there is no option \"beta1\": they are lr,");
    assert_true(isnan(tg_group_option(sgd, 0, NULL)));
    expect_error("SGD: there is no option \"NULL\"");
    assert_true(isnan(tg_group_option(sgd, TG_ALL_GROUPS, "lr")));
    expect_error("SGD: there is no parameter group -1: the last one is 0");
    assert_int_equal(tg_set_group_option(sgd, 1, "lr", 0.5), TG_FAILED);
    expect_error("SGD: there is no parameter group 1: the last one is 0");
    assert_true(isnan(tg_group_option(NULL, 0, "lr")));
    expect_error("group_option: the optimizer is NULL");
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* What is refused for one group changes none. */
TEST(test_values_that_are_refused)
{
    tg_scope scope = tg_scope_begin();
    tg_optimizer *sgd = tg_sgd_new(tg_list(parameter(TG_FLOAT32)), .lr = 0.5, .momentum = 0.5);
    tg_optimizer_add_param_group(sgd, tg_list(parameter(TG_FLOAT32)));
    tg_set_group_option(sgd, 1, "nesterov", true);
    assert_true(tg_ok());
    assert_int_equal(tg_set_group_option(sgd, TG_ALL_GROUPS, "momentum", 0), TG_FAILED);
    expect_error("SGD: Nesterov momentum requires a momentum and zero dampening");
    assert_true(tg_group_option(sgd, 0, "momentum") == 0.5 && tg_group_option(sgd, 1, "momentum") == 0.5);
    assert_int_equal(tg_set_group_option(sgd, 0, "momentum", 0), TG_OK);
    assert_int_equal(tg_set_group_option(sgd, 0, "momentum", -1), TG_FAILED);
    expect_error("SGD: Invalid momentum value: -1");
    assert_int_equal(tg_set_group_option(sgd, 0, "lr", NAN), TG_FAILED);
    expect_error("SGD: Invalid learning rate: nan");
    assert_int_equal(tg_set_group_option(sgd, 0, "weight_decay", -0.5), TG_FAILED);
    expect_error("SGD: Invalid weight_decay value: -0.5");
    assert_int_equal(tg_set_group_option(sgd, 0, "maximize", 0.5), TG_FAILED);
    expect_error("SGD: Invalid maximize: 0.5");
    assert_int_equal(tg_set_group_option(sgd, 0, "maximize", NAN), TG_FAILED);
    expect_error("SGD: Invalid maximize: nan");
    assert_true(tg_group_option(sgd, 0, "momentum") == 0 && tg_lr(sgd) == 0.5);
    assert_true(tg_group_option(sgd, 0, "weight_decay") == 0 && tg_group_option(sgd, 0, "maximize") == 0);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* ---- a whole number ---- */

typedef struct lazy_options {
    bool odd;
    int64_t every;
    double lr;
} lazy_options;

/* p = p - lr g at every `every`-th step. */
static void lazy_update(tg_update *u)
{
    const lazy_options *o = u->options;
    if (u->step % o->every == 0) u->parameter = tg_sub(u->parameter, tg_mul(u->gradient, o->lr));
}

static bool lazy_check(const tg_optimizer_class *kind, const void *options)
{
    const lazy_options *o = options;
    return tg_option_ok(kind, o->every > 0, "number of steps", (double)o->every);
}

static const tg_optimizer_class lazy = {
    .name = "Lazy",
    .options_bytes = sizeof(lazy_options),
    .options = { TG_OPTION(lazy_options, odd), TG_OPTION(lazy_options, every), TG_OPTION(lazy_options, lr) },
    .check = lazy_check,
    .update = lazy_update,
};

TEST(test_a_whole_number)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64);
    give_gradient(p, (const double[]){ 1, 1, 1 });
    tg_optimizer *optimizer = tg_optimizer_new(&lazy, tg_list(p), &(lazy_options){ .every = 1, .lr = 0.25 });
    assert_int_equal(tg_step(optimizer), TG_OK);
    VALUES(p, 0, 0.25, -1.5, 1.75);
    assert_int_equal(tg_set_group_option(optimizer, 0, "every", 3), TG_OK);
    assert_true(tg_group_option(optimizer, 0, "every") == 3);
    assert_int_equal(tg_step(optimizer), TG_OK);
    VALUES(p, 0, 0.25, -1.5, 1.75);
    assert_int_equal(tg_step(optimizer), TG_OK);
    VALUES(p, 0, 0, -1.75, 1.5);
    const double refused[] = { 2.5, NAN, INFINITY, 1e300 };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(tg_set_group_option(optimizer, 0, "every", refused[i]), TG_FAILED);
        expect_error("Lazy: Invalid every: ");
    }
    assert_int_equal(tg_set_group_option(optimizer, 0, "every", -2), TG_FAILED);
    expect_error("Lazy: Invalid number of steps: -2");
    assert_true(tg_group_option(optimizer, 0, "every") == 3);
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* ---- states that an option asks for later ---- */

static tg_optimizer_class without_kernel(const tg_optimizer *optimizer)
{
    tg_optimizer_class kind = *tg_optimizer_class_of(optimizer);
    kind.update_fused = NULL;
    return kind;
}

/* A momentum that comes, goes, and comes again: its buffer starts as the gradient (whatever the dampening), rests, and
 * goes on, as in PyTorch. In ops and by the kernel. */
TEST(test_a_momentum_that_comes_later)
{
    const tg_sgd_options o = TG_OPTIONS(tg_sgd_options, TG_SGD_DEFAULTS, .lr = 0.5, .dampening = 0.25);
    for (int in_ops = 0; in_ops < 2; in_ops++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *p = parameter(TG_FLOAT64);
        tg_optimizer *sgd = tg_sgd_new_at("test", tg_list(p), o);
        const tg_optimizer_class plain = without_kernel(sgd);
        if (in_ops) {
            tg_optimizer_free(sgd);
            sgd = tg_optimizer_new(&plain, tg_list(p), &o);
        }
        const double momenta[] = { 0, 0.5, 0.5, 0, 0.5 }, buffers[] = { 0, 2, 3.25, 3.25, 5.375 };
        double place = 0.5;
        for (int k = 0; k < 5; k++) {
            tg_set_group_option(sgd, 0, "momentum", momenta[k]);
            give_gradient(p, (const double[]){ k + 1, k + 1, k + 1 });
            assert_int_equal(tg_step(sgd), TG_OK);
            place -= 0.5 * (momenta[k] > 0 ? buffers[k] : k + 1);
            VALUES(p, 0, place, place - 1.75, place + 1.5);
            tg_tensor *buffer = tg_optimizer_state(sgd, p, "momentum_buffer");
            assert_int_equal(buffer != NULL, k > 0);
            if (buffer) VALUES(buffer, 0, buffers[k], buffers[k], buffers[k]);
        }
        tg_optimizer_free(sgd);
        tg_scope_end(scope);
    }
}

TEST(test_amsgrad_that_comes_later_and_goes)
{
    for (int in_ops = 0; in_ops < 2; in_ops++) {
        tg_scope scope = tg_scope_begin();
        const tg_adam_options o = TG_OPTIONS(tg_adam_options, TG_ADAM_DEFAULTS);
        tg_tensor *p = parameter(TG_FLOAT64), *q = parameter(TG_FLOAT64);
        tg_optimizer *adam = tg_adam_new_at("test", tg_list(p), o), *other = tg_adam_new_at("test", tg_list(q), o);
        const tg_optimizer_class plain = without_kernel(adam);
        if (in_ops) {
            tg_optimizer_free(adam);
            adam = tg_optimizer_new(&plain, tg_list(p), &o);
        }
        double highest = 0;
        for (int k = 0; k < 6; k++) { /* on at steps 2 and 3, when the gradients shrink */
            tg_set_group_option(adam, 0, "amsgrad", k == 2 || k == 3);
            const double g = k == 2 ? 8 : 0.125;
            give_gradient(p, (const double[]){ g, g, g });
            give_gradient(q, (const double[]){ g, g, g });
            tg_step(adam);
            tg_step(other);
            double values[3];
            tg_to_array(tg_optimizer_state(other, q, "exp_avg_sq"), values, 3);
            if (k == 2) highest = values[0];
            tg_tensor *top = tg_optimizer_state(adam, p, "max_exp_avg_sq");
            assert_int_equal(top != NULL, k >= 2);
            if (top) VALUES(top, 1e-12, highest, highest, highest);
        }
        assert_true(tg_ok());
        tg_optimizer_free(adam);
        tg_optimizer_free(other);
        tg_scope_end(scope);
    }
}

/* A step that fails leaves none of the states that it made. */
static double change_and_step(void)
{
    tg_tensor *p = parameter(TG_FLOAT64), *q = parameter(TG_FLOAT64);
    give_gradient(p, (const double[]){ 1, 2, 3 });
    give_gradient(q, (const double[]){ 1, 2, 3 });
    tg_optimizer *sgd = tg_sgd_new(tg_list(p, q), .lr = 0.5);
    double result = 0;
    if (tg_step(sgd) == TG_OK && tg_set_group_option(sgd, 0, "momentum", 0.5) != TG_OK) {
        tg_error_clear();
        result = tg_group_option(sgd, 0, "momentum") == 0 ? 0 : 1e9;
        tg_set_group_option(sgd, 0, "momentum", 0.5);
    }
    if (tg_ok() && tg_step(sgd) != TG_OK) {
        tg_error_clear();
        if (tg_optimizer_state(sgd, p, "momentum_buffer") || tg_optimizer_steps(sgd, p) != 1) result = 1e9;
        tg_step(sgd);
    }
    if (tg_ok()) result += tg_item(tg_sum(p));
    if (sgd) tg_optimizer_free(sgd);
    return tg_ok() ? result : 0;
}

TEST(test_each_allocation_fails) { fail_each_allocation(change_and_step); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_options_by_name),
        T(test_names_and_groups_that_are_none),
        T(test_values_that_are_refused),
        T(test_a_whole_number),
        T(test_a_momentum_that_comes_later),
        T(test_amsgrad_that_comes_later_and_goes),
        T(test_each_allocation_fails),
    };
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation of its own, and can fail */
    return cmocka_run_group_tests_name("group_options", tests, NULL, NULL);
}
