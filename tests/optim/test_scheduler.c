/* test_scheduler.c: each scheduler's learning rates and momenta against PyTorch's over a hundred steps
 * (tests/golden/scheduler.py), in one scheduler and in two, of which the second takes over by the first one's state. */
#include "tests/support/suite.h"
#include "tests/support/golden.h"
#include "tests/support/schedulers.h"

#include "tapegrad.h"

#include <string.h>

/* ---- PyTorch's trajectories ---- */

static double power(int64_t epoch, void *base) { return pow(*(double *)base, (double)epoch); }

static tg_scheduler *factor_of(const char *name, tg_optimizer *o)
{
    static double base = 0.97;
#define CASE(text, call)                                                                                               \
    if (strcmp(name, text) == 0) return call
    CASE("LambdaLR", tg_lambda_lr_new(o, hyperbola));
    CASE("LambdaLR each", tg_lambda_lr_new(o, tg_lr_lambdas(hyperbola, power), .context = &base));
    CASE("LambdaLR jumps", tg_lambda_lr_new(o, hyperbola));
    CASE("MultiplicativeLR", tg_multiplicative_lr_new(o, hyperbola));
    CASE("StepLR", tg_step_lr_new(o, 7, .gamma = 0.6));
    CASE("StepLR disturbed", tg_step_lr_new(o, 7, .gamma = 0.6));
    CASE("StepLR jumps", tg_step_lr_new(o, 4, .gamma = 0.6));
    CASE("MultiStepLR", tg_multi_step_lr_new(o, tg_milestones(60, 3, 30, 30)));
    CASE("MultiStepLR jumps", tg_multi_step_lr_new(o, tg_milestones(4, 8, 8, 30)));
    CASE("ConstantLR", tg_constant_lr_new(o));
    CASE("ConstantLR factor=0.7 total_iters=40", tg_constant_lr_new(o, .factor = 0.7, .total_iters = 40));
    CASE("ConstantLR jumps", tg_constant_lr_new(o, .factor = 0.7));
    CASE("LinearLR", tg_linear_lr_new(o));
    CASE("LinearLR down", tg_linear_lr_new(o, .start_factor = 0.9, .end_factor = 0, .total_iters = 80));
    CASE("LinearLR disturbed", tg_linear_lr_new(o, .start_factor = 0.25, .total_iters = 60));
    CASE("LinearLR jumps", tg_linear_lr_new(o));
    CASE("ExponentialLR", tg_exponential_lr_new(o, 0.95));
    CASE("ExponentialLR jumps", tg_exponential_lr_new(o, 0.95));
    CASE("PolynomialLR", tg_polynomial_lr_new(o));
    CASE("PolynomialLR power=1.7", tg_polynomial_lr_new(o, .total_iters = 90, .power = 1.7));
    CASE("PolynomialLR jumps", tg_polynomial_lr_new(o, .total_iters = 20, .power = 1.7));
    return NULL;
}

static tg_scheduler *wave_of(const char *name, tg_optimizer *o)
{
    CASE("CosineAnnealingLR", tg_cosine_annealing_lr_new(o, 30));
    CASE("CosineAnnealingLR eta_min=0.01", tg_cosine_annealing_lr_new(o, 60, .eta_min = 0.01));
    CASE("CosineAnnealingLR jumps", tg_cosine_annealing_lr_new(o, 17, .eta_min = 0.01));
    CASE("CosineAnnealingWarmRestarts", tg_cosine_annealing_warm_restarts_new(o, 9, .eta_min = 0.002));
    CASE("CosineAnnealingWarmRestarts T_mult=2", tg_cosine_annealing_warm_restarts_new(o, 5, .T_mult = 2));
    CASE("CosineAnnealingWarmRestarts fractions", tg_cosine_annealing_warm_restarts_new(o, 3));
    CASE("CosineAnnealingWarmRestarts T_mult=3 fractions", tg_cosine_annealing_warm_restarts_new(o, 2, .T_mult = 3));
    CASE("OneCycleLR", tg_one_cycle_lr_new(o, 0.5, .total_steps = 101));
    CASE("OneCycleLR Adam", tg_one_cycle_lr_new(o, tg_group_values(0.5, 0.25), .epochs = 10, .steps_per_epoch = 11,
                                                .pct_start = 0.4, .base_momentum = 0.8, .max_momentum = 0.97));
    CASE("OneCycleLR three_phase linear",
         tg_one_cycle_lr_new(o, tg_group_values(0.5, 0.25), .total_steps = 120, .anneal_strategy = "linear",
                             .three_phase = true, .div_factor = 10, .final_div_factor = 100));
    CASE("OneCycleLR three_phase cos", tg_one_cycle_lr_new(o, 0.5, .total_steps = 101, .three_phase = true,
                                                           .pct_start = 0.2, .cycle_momentum = false));
    CASE("CyclicLR", tg_cyclic_lr_new(o, 0.01, 0.1, .step_size_up = 8));
    CASE("CyclicLR triangular2",
         tg_cyclic_lr_new(o, tg_group_values(0.01, 0.02), tg_group_values(0.1, 0.3), .step_size_up = 6,
                          .step_size_down = 11, .mode = "triangular2", .base_momentum = 0.7, .max_momentum = 0.95));
    CASE("CyclicLR exp_range", tg_cyclic_lr_new(o, 0.01, 0.1, .step_size_up = 10, .mode = "exp_range", .gamma = 0.98));
    CASE("SWALR", tg_swa_lr_new(o, 0.02));
    CASE("SWALR linear",
         tg_swa_lr_new(o, tg_group_values(0.02, 0.1), .anneal_epochs = 40, .anneal_strategy = "linear"));
    CASE("SWALR at once", tg_swa_lr_new(o, 0.02, .anneal_epochs = 0));
    CASE("ReduceLROnPlateau", tg_reduce_lr_on_plateau_new(o, .patience = 3, .factor = 0.5));
    CASE("ReduceLROnPlateau max",
         tg_reduce_lr_on_plateau_new(o, .mode = "max", .patience = 1, .factor = 0.7, .cooldown = 4, .threshold = 0.05,
                                     .threshold_mode = "abs", .min_lr = 0.003));
    CASE("ReduceLROnPlateau max rel",
         tg_reduce_lr_on_plateau_new(o, .mode = "max", .patience = 2, .threshold = 0.1, .eps = 1e-4));
    CASE("ReduceLROnPlateau min abs",
         tg_reduce_lr_on_plateau_new(o, .patience = 2, .threshold = 0.1, .threshold_mode = "abs", .cooldown = 2));
    return NULL;
}

static tg_scheduler *several_of(const char *name, tg_optimizer *o)
{
    if (strncmp(name, "SequentialLR", 12) != 0 && strcmp(name, "ChainedScheduler") != 0) return NULL;
    const bool constant = strcmp(name, "SequentialLR") != 0, chained = name[0] == 'C';
    tg_scheduler *a = !constant ? tg_linear_lr_new(o, .total_iters = 10)
                                : tg_constant_lr_new(o, .factor = 0.1, .total_iters = chained ? 20 : 4);
    tg_scheduler *b =
        constant && !chained ? tg_step_lr_new(o, 9, .gamma = 0.5) : tg_exponential_lr_new(o, chained ? 0.97 : 0.9);
    CASE("SequentialLR constant", tg_sequential_lr_new(o, tg_schedulers(a, b), tg_milestones(20)));
    tg_scheduler *c = chained ? tg_step_lr_new(o, 40) : tg_cosine_annealing_warm_restarts_new(o, 12);
    CASE("SequentialLR", tg_sequential_lr_new(o, tg_schedulers(a, b, c), tg_milestones(10, 50)));
    return tg_chained_scheduler_new(tg_schedulers(a, b, c));
#undef CASE
}

static tg_scheduler *scheduler_of(const char *name, tg_optimizer *o)
{
    tg_scheduler *s = factor_of(name, o);
    if (!s) s = wave_of(name, o);
    return s ? s : several_of(name, o);
}

static double momentum_of(const tg_optimizer *o)
{
    const bool adam = strcmp(tg_optimizer_class_of(o)->name, "Adam") == 0;
    return tg_group_option(o, 0, adam ? "beta1" : "momentum");
}

static void assert_near(const golden *g, int64_t step, const char *what, double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fabs(expected) + 1e-15)) /* PyTorch has -9e-17 for 0 */
        fail_msg("%s, step %d: the %s is %.17g, not %.17g", golden_case(g), (int)step, what, value, expected);
}

static void compare(const golden *g, int64_t step, const tg_optimizer *o)
{
    const golden_array lr = golden_array_of(g, "lr");
    for (int64_t i = 0; i < 2; i++) assert_near(g, step, "lr", tg_group_lr(o, i), lr.values[2 * step + i]);
    if (golden_has(g, "momentum"))
        assert_near(g, step, "momentum", momentum_of(o), golden_array_of(g, "momentum").values[step]);
}

/* Step k as the case has it. */
static void make_step(const golden *g, tg_scheduler *s, tg_optimizer *o, int64_t k)
{
    const double given = golden_has(g, "steps") ? golden_array_of(g, "steps").values[k] : (double)NAN;
    if (golden_has(g, "disturbed") && k % 30 == 17)
        for (int64_t i = 0; i < 2; i++) tg_set_group_lr(o, i, tg_group_lr(o, i) * 0.7);
    assert_int_equal(tg_step(o), TG_OK);
    if (isnan(given))
        tg_scheduler_step(s);
    else if (strncmp(golden_case(g), "ReduceLROnPlateau", 17) == 0)
        tg_scheduler_step_metric(s, given);
    else
        tg_scheduler_step_epoch(s, given);
    if (tg_failed()) fail_msg("%s: %s", golden_case(g), tg_error_message());
}

/* A trajectory; halfway another optimiser and scheduler may take over, by the state alone. */
static void run_case(const golden *g, bool resumed)
{
    IN_SCOPE;
    const bool adam = golden_has(g, "optimizer");
    tg_optimizer *o = two_groups(adam);
    tg_scheduler *s = scheduler_of(golden_case(g), o);
    if (!s) fail_msg("%s: %s", golden_case(g), tg_error_message());
    compare(g, 0, o);
    const int64_t steps = golden_array_of(g, "lr").shape.dims[0] - 1;
    for (int64_t k = 0; k < steps; k++) {
        if (resumed && k == steps / 2) {
            tg_optimizer *o2 = two_groups(adam);
            tg_scheduler *s2 = scheduler_of(golden_case(g), o2);
            assert_int_equal(tg_scheduler_load_state_dict(s2, tg_scheduler_state_dict(s)), TG_OK);
            for (int64_t i = 0; i < 2; i++) tg_set_group_lr(o2, i, tg_group_lr(o, i));
            tg_optimizer_free(o);
            tg_scheduler_free(s);
            o = o2;
            s = s2;
        }
        make_step(g, s, o, k);
        compare(g, k + 1, o);
        for (int64_t i = 0; i < 2; i++) assert_true(tg_scheduler_last_lr(s, i) == tg_group_lr(o, i));
    }
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

TEST(test_trajectories)
{
    golden *g = golden_open("scheduler.txt");
    int cases = 0;
    while (golden_next(g)) {
        if (strcmp(golden_case(g), "two at once") == 0) continue;
        run_case(g, false);
        run_case(g, true);
        cases++;
    }
    assert_int_equal(cases, 45);
    golden_close(g);
}

/* Two schedulers of one optimiser multiply, and begin from the same initial learning rate. */
TEST(test_two_at_once)
{
    IN_SCOPE;
    golden *g = golden_open("scheduler.txt");
    assert_true(golden_seek(g, "two at once"));
    tg_optimizer *o = two_groups(false);
    tg_scheduler *linear = tg_linear_lr_new(o, .total_iters = 30), *cosine = tg_cosine_annealing_lr_new(o, 25);
    compare(g, 0, o);
    for (int64_t k = 0; k < 100; k++) {
        assert_int_equal(tg_step(o), TG_OK);
        assert_int_equal(tg_scheduler_step(linear), TG_OK);
        assert_int_equal(tg_scheduler_step(cosine), TG_OK);
        compare(g, k + 1, o);
    }
    golden_close(g);
    tg_scheduler_free(linear);
    tg_scheduler_free(cosine);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* ---- main ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_trajectories),
        T(test_two_at_once),
    };
    return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
