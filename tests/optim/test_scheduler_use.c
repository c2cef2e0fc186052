/* test_scheduler_use.c: what all schedulers have in common: classes of a program's own, state dicts, errors that change
 * nothing, lifetimes, schedulers made of others. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/schedulers.h"

#include "tapegrad.h"

#include <stdlib.h>
#include <string.h>

/* ---- a class of one's own ---- */

typedef struct half_life_state {
    double epochs;
    int64_t bonus; /* steps that do not count, used up one by one */
    bool unused;
} half_life_state;

static bool half_life_advance(const tg_schedule *at)
{
    half_life_state *state = at->state;
    if (state->bonus > 0) state->bonus--;
    if (at->last_epoch == 7) return false;
    if (at->last_epoch == 8) tg_fail("HalfLife", "eight is too many");
    return at->last_epoch != 8;
}

static double half_life_lr(const tg_schedule *at)
{
    const half_life_state *state = at->state;
    return at->base_lr * exp2(-(double)at->last_epoch / state->epochs) * (double)(state->bonus == 0);
}

static const tg_scheduler_class half_life = {
    .name = "HalfLife",
    .state_bytes = sizeof(half_life_state),
    .state = { TG_OPTION(half_life_state, epochs), TG_OPTION(half_life_state, bonus),
               TG_OPTION(half_life_state, unused) },
    .advance = half_life_advance,
    .lr = half_life_lr,
};

TEST(test_a_class_of_ones_own)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *s = tg_scheduler_new(&half_life, o, &(half_life_state){ .epochs = 2, .bonus = 2 });
    assert_true(tg_group_lr(o, 0) == 0 && tg_scheduler_last_epoch(s) == 0);
    tg_step(o);
    for (int k = 0; k < 6; k++) assert_int_equal(tg_scheduler_step(s), TG_OK);
    assert_true(tg_group_lr(o, 0) == 0.05 / 8 && tg_group_lr(o, 1) == 0.8 / 8);
    assert_int_equal(tg_scheduler_step(s), TG_FAILED);
    expect_error("HalfLife: the class refuses this step");
    assert_true(tg_scheduler_last_epoch(s) == 6 && tg_group_lr(o, 1) == 0.8 / 8);
    assert_int_equal(tg_scheduler_step_epoch(s, 8), TG_FAILED);
    expect_error("HalfLife: eight is too many");
    assert_int_equal(tg_scheduler_step_epoch(s, 10), TG_OK);
    assert_true(tg_group_lr(o, 1) == 0.8 / 32);
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

TEST(test_bad_classes)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler_class bad = half_life;
    const half_life_state two = { .epochs = 2 };
    assert_null(tg_scheduler_new(NULL, o, &two));
    expect_error("scheduler_new: the class is NULL");
    assert_null(tg_scheduler_new(&half_life, o, &(double){ 2 }));
    expect_error("HalfLife: the state has 8 bytes, that of the class 24");
    assert_null(tg_scheduler_new(&half_life, o, (half_life_state *)NULL));
    expect_error("HalfLife: the state has 0 bytes, that of the class 24");
    bad.lr = NULL;
    assert_null(tg_scheduler_new(&bad, o, &two));
    expect_error("HalfLife: the class has no lr");
    bad = half_life;
    bad.state[1].offset = 17;
    assert_null(tg_scheduler_new(&bad, o, &two));
    expect_error("HalfLife: the class's state is not in its struct: see TG_OPTION");
    bad = half_life;
    bad.name = NULL;
    assert_null(tg_scheduler_new(&bad, o, &two));
    expect_error("scheduler_new: the class has no name");
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* ---- resuming ---- */

TEST(test_resuming_by_epoch)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    assert_null(tg_exponential_lr_new(o, 0.5, .last_epoch = 3));
    expect_error("ExponentialLR: param 'initial_lr' is not specified in param_groups[0] when resuming an optimizer");
    assert_null(tg_exponential_lr_new(o, 0.5, .last_epoch = -2));
    expect_error("ExponentialLR: Invalid last_epoch: -2");
    tg_scheduler_free(tg_exponential_lr_new(o, 0.5));
    tg_set_lr(o, 0.01);
    tg_scheduler *s = tg_cosine_annealing_lr_new(o, 8, .last_epoch = 3); /* from the initial lr at once */
    assert_int_equal(tg_scheduler_last_epoch(s), 4);
    for (int64_t i = 0; i < 2; i++) assert_near_real(tg_group_lr(o, i), i ? 0.4 : 0.025);
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* The initial learning rates are part of the optimiser's state. */
TEST(test_resuming_with_the_optimizers_state)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false), *other = two_groups(false);
    tg_scheduler *s = tg_linear_lr_new(o);
    tg_step(o);
    for (int k = 0; k < 2; k++) tg_scheduler_step(s);
    assert_int_equal(tg_optimizer_load_state_dict(other, tg_optimizer_state_dict(o)), TG_OK);
    tg_scheduler *resumed = tg_linear_lr_new(other, .last_epoch = 2); /* which makes a step at once */
    tg_scheduler_step(s);
    for (int64_t i = 0; i < 2; i++) assert_true(tg_group_lr(o, i) == tg_group_lr(other, i));
    tg_step(other);
    assert_int_equal(tg_scheduler_step_epoch(resumed, 5), TG_OK);
    assert_true(tg_group_lr(other, 0) == 0.05 && tg_group_lr(other, 1) == 0.8); /* the end of the way up */
    tg_scheduler_free(s);
    tg_scheduler_free(resumed);
    tg_optimizer_free(o);
    tg_optimizer_free(other);
    tg_scope_end(scope);
}

/* ---- state ---- */

static const tg_named_tensor *entry_of(tg_named_tensor_list list, const char *name)
{
    for (int64_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0) return &list.items[i];
    fail_msg("there is no %s", name);
    return NULL;
}

TEST(test_state_dict)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *linear = tg_linear_lr_new(o), *multi = tg_multi_step_lr_new(o, tg_milestones(30, 80));
    tg_scheduler *s = tg_sequential_lr_new(o, tg_schedulers(linear, multi), tg_milestones(5));
    static const char *const names[] = { "_milestones.0",
                                         "last_epoch",
                                         "_last_lr.0",
                                         "_last_lr.1",
                                         "_schedulers.0.start_factor",
                                         "_schedulers.0.end_factor",
                                         "_schedulers.0.total_iters",
                                         "_schedulers.0.base_lrs.0",
                                         "_schedulers.0.base_lrs.1",
                                         "_schedulers.0.last_epoch",
                                         "_schedulers.0._step_count",
                                         "_schedulers.0._last_lr.0",
                                         "_schedulers.0._last_lr.1",
                                         "_schedulers.1.gamma",
                                         "_schedulers.1.milestones.0",
                                         "_schedulers.1.milestones.1",
                                         "_schedulers.1.base_lrs.0",
                                         "_schedulers.1.base_lrs.1",
                                         "_schedulers.1.last_epoch",
                                         "_schedulers.1._step_count",
                                         "_schedulers.1._last_lr.0",
                                         "_schedulers.1._last_lr.1" };
    const tg_named_tensor_list list = tg_scheduler_state_dict(s);
    assert_int_equal(list.count, 22);
    for (int64_t i = 0; i < list.count; i++) assert_string_equal(list.items[i].name, names[i]);
    const tg_tensor *milestone = entry_of(list, "_schedulers.1.milestones.1")->tensor;
    assert_true(tg_ndim(milestone) == 0 && tg_dtype_of(milestone) == TG_INT64 && tg_item(milestone) == 80);
    const tg_tensor *base = entry_of(list, "_schedulers.1.base_lrs.1")->tensor;
    assert_true(tg_dtype_of(base) == TG_FLOAT64 && tg_item(base) == 0.8);
    tg_scheduler *cyclic = tg_cyclic_lr_new(o, 0.1, 0.2);
    const tg_tensor *flag = entry_of(tg_scheduler_state_dict(cyclic), "cycle_momentum")->tensor;
    assert_true(tg_dtype_of(flag) == TG_BOOL && tg_item(flag) == 1);
    tg_scheduler_free(cyclic);
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

TEST(test_state_dicts_that_do_not_fit)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *s = tg_step_lr_new(o, 30);
    const tg_named_tensor_list list = tg_scheduler_state_dict(s);
    tg_named_tensor items[16];
    assert_int_equal(list.count, 8);
    memcpy(items, list.items, 8 * sizeof *items);
    items[0].tensor = tg_scalar(20);
    items[1].name = "Gamma";
    items[2].tensor = tg_ones(tg_shape(2));
    items[4].tensor = tg_scalar(0.5);
    items[8] = (tg_named_tensor){ NULL, items[0].tensor };
    assert_int_equal(tg_scheduler_load_state_dict(s, (tg_named_tensor_list){ items, 9 }), TG_FAILED);
    expect_error("scheduler_load_state_dict: the name of tensor 8 is NULL");
    items[8].name = "more";
    assert_int_equal(tg_scheduler_load_state_dict(s, (tg_named_tensor_list){ items, 9 }), TG_FAILED);
    expect_error(
        "scheduler_load_state_dict: Error(s) in loading state_dict for StepLR:\n"
        "\tMissing key(s) in state_dict: \"gamma\". \n"
        "\tUnexpected key(s) in state_dict: \"Gamma\", \"more\". \n"
        "\tsize mismatch for base_lrs.0: copying a param with shape torch.Size([2]) from checkpoint, the shape "
        "in current model is torch.Size([]).\n"
        "\tlast_epoch cannot be 0.5.");
    assert_true(tg_item(entry_of(tg_scheduler_state_dict(s), "step_size")->tensor) == 30); /* nothing was loaded */
    memcpy(items, list.items, 8 * sizeof *items);
    items[4].tensor = tg_scalar(1e300);
    assert_int_equal(tg_scheduler_load_state_dict(s, (tg_named_tensor_list){ items, 8 }), TG_FAILED);
    expect_error("last_epoch cannot be inf.");
    assert_int_equal(tg_scheduler_load_state_dict(s, (tg_named_tensor_list){ NULL, 3 }), TG_FAILED);
    expect_error("scheduler_load_state_dict: a list of 3 tensors is NULL");
    items[4].tensor = list.items[4].tensor;
    items[0].tensor = tg_scalar(0); /* a step_size of 0: no step is a multiple of it */
    assert_int_equal(tg_scheduler_load_state_dict(s, (tg_named_tensor_list){ items, 8 }), TG_OK);
    tg_step(o);
    assert_int_equal(tg_scheduler_step(s), TG_OK);
    assert_true(tg_group_lr(o, 0) == 0.05);
    items[8] = (tg_named_tensor){ "gamma", tg_scalar(0.25) }; /* the last of two counts */
    assert_int_equal(tg_scheduler_load_state_dict(s, (tg_named_tensor_list){ items, 9 }), TG_OK);
    assert_true(tg_item(entry_of(tg_scheduler_state_dict(s), "gamma")->tensor) == 0.25);
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* ---- lifetimes ---- */

TEST(test_an_optimizer_that_is_gone)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *a = tg_step_lr_new(o, 30), *b = tg_exponential_lr_new(o, 0.9), *c = tg_linear_lr_new(o);
    const tg_named_tensor_list saved = tg_scheduler_state_dict(a);
    tg_scheduler_free(b); /* from the middle of those that watch it */
    tg_optimizer_free(o);
    tg_optimizer *other = two_groups(false); /* most likely where the first one was */
    assert_int_equal(tg_scheduler_step(a), TG_FAILED);
    expect_error("StepLR: the optimizer of this scheduler was freed");
    assert_int_equal(tg_scheduler_step_epoch(c, 3), TG_FAILED);
    expect_error("LinearLR: the optimizer of this scheduler was freed");
    assert_true(tg_group_lr(other, 0) == 0.05);
    const char gone[] = "StepLR: the optimizer of this scheduler was freed";
    assert_true(isnan(tg_scheduler_last_lr(a, 0)));
    expect_error(gone);
    assert_int_equal(tg_scheduler_last_epoch(a), -1);
    expect_error(gone);
    assert_int_equal(tg_scheduler_state_dict(a).count, 0);
    expect_error(gone);
    assert_int_equal(tg_scheduler_load_state_dict(a, saved), TG_FAILED);
    expect_error(gone);
    assert_null(tg_chained_scheduler_new(tg_schedulers(a, c))); /* and they are gone */
    expect_error("ChainedScheduler: the optimizer is NULL");
    assert_int_equal(tg_optimizer_add_param_group(other, tg_list(parameter(TG_FLOAT64)), .lr = 3), 2);
    tg_scheduler *s = tg_exponential_lr_new(other, 0.5);
    assert_int_equal(tg_optimizer_add_param_group(other, tg_list(parameter(TG_FLOAT64)), .lr = 4), 3);
    tg_step(other);
    assert_int_equal(tg_scheduler_step(s), TG_OK);
    assert_true(tg_group_lr(other, 2) == 1.5 && tg_group_lr(other, 3) == 4); /* one that joined later is left alone */
    assert_true(isnan(tg_scheduler_last_lr(s, 3)));
    expect_error("ExponentialLR: there is no parameter group 3: the last one is 2");
    tg_scheduler_free(s);
    tg_optimizer_free(other);
    tg_scope_end(scope);
}

/* A function that frees, or steps, what is at work. */
static double meddles(int64_t epoch, void *scheduler)
{
    tg_scheduler *s = *(tg_scheduler **)scheduler;
    if (epoch == 1) tg_scheduler_free(s);
    if (epoch == 2) tg_scheduler_step(s);
    return 1;
}
static double frees_optimizer(int64_t epoch, void *optimizer)
{
    tg_optimizer **o = optimizer;
    if (epoch == 1) tg_optimizer_free(*o);
    if (epoch == 1) *o = NULL; /* there are two groups */
    return 1;
}

TEST(test_functions_that_meddle)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *s = NULL;
    s = tg_lambda_lr_new(o, meddles, .context = &s);
    tg_step(o);
    assert_int_equal(tg_scheduler_step(s), TG_FAILED);
    expect_error("scheduler_free: the scheduler is in a step");
    assert_int_equal(tg_scheduler_step_epoch(s, 2), TG_FAILED);
    expect_error("LambdaLR: the scheduler is in a step already");
    assert_int_equal(tg_scheduler_step_epoch(s, 3), TG_OK);
    tg_scheduler_free(s);
    s = tg_multiplicative_lr_new(o, frees_optimizer, .context = &o);
    tg_step(o);
    assert_int_equal(tg_scheduler_step(s), TG_FAILED);
    expect_error("MultiplicativeLR: the optimizer of this scheduler was freed");
    tg_scheduler_free(s);
    tg_scope_end(scope);
}

/* ---- errors ---- */

TEST(test_bad_arguments)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    const tg_group_values three = tg_group_values(1, 2, 3);
    expect_refusal(tg_step_lr_new(o, 0), "StepLR: Expected positive integer step_size, but got 0");
    expect_refusal(tg_multi_step_lr_new(o, ((tg_milestones){ NULL, 2 })),
                   "MultiStepLR: a list of 2 milestones is NULL");
    expect_refusal(tg_constant_lr_new(o, .factor = 1.5),
                   "Constant multiplicative factor expected to be between 0 and 1.");
    expect_refusal(tg_linear_lr_new(o, .start_factor = -1),
                   "Starting multiplicative factor expected to be between 0 and 1.");
    expect_refusal(tg_linear_lr_new(o, .end_factor = 2),
                   "Ending multiplicative factor expected to be between 0 and 1.");
    expect_refusal(tg_cosine_annealing_lr_new(o, 0), "CosineAnnealingLR: Expected positive integer T_max, but got 0");
    expect_refusal(tg_cosine_annealing_warm_restarts_new(o, 0), "Expected positive integer T_0, but got 0");
    expect_refusal(tg_cosine_annealing_warm_restarts_new(o, 2, .T_mult = 0), "Expected integer T_mult >= 1, but got 0");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1), "You must define either total_steps OR (epochs AND steps_per_epoch)");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1, .epochs = 3), "You must define either total_steps OR");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1, .total_steps = 0), "Expected positive integer total_steps, but got 0");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1, .epochs = 1 << 30, .steps_per_epoch = 1 << 30),
                   "positive integer total_steps");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1, .total_steps = 9, .pct_start = 2),
                   "Expected float between 0 and 1 pct_start");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1, .total_steps = 9, .anneal_strategy = "sin"),
                   "anneal_strategy sin is unknown!");
    expect_refusal(tg_one_cycle_lr_new(o, three, .total_steps = 9), "OneCycleLR: expected 2 values for max_lr, got 3");
    expect_refusal(tg_one_cycle_lr_new(o, 0.1, .total_steps = 9, .div_factor = 0),
                   "Expected positive div_factor, but got 0");
    expect_refusal(tg_cyclic_lr_new(o, three, 1), "CyclicLR: expected 2 values for base_lr, got 3");
    expect_refusal(tg_cyclic_lr_new(o, 1, three), "CyclicLR: expected 2 values for max_lr, got 3");
    expect_refusal(tg_cyclic_lr_new(o, 1, 2, .mode = NULL), "CyclicLR: mode NULL is unknown!");
    expect_refusal(tg_cyclic_lr_new(o, 1, 2, .step_size_up = 0), "Expected positive step_size_up and step_size_down");
    expect_refusal(tg_cyclic_lr_new(o, 0.1, 0.2, .max_momentum = -1), "SGD: Invalid momentum value: -1");
    expect_refusal(tg_swa_lr_new(o, 0.1, .anneal_epochs = -1), "anneal_epochs must be equal or greater than 0, got -1");
    expect_refusal(tg_swa_lr_new(o, three), "SWALR: expected 2 values for swa_lr, got 3");
    expect_refusal(tg_reduce_lr_on_plateau_new(o, .factor = 1), "ReduceLROnPlateau: Factor should be < 1.0.");
    expect_refusal(tg_reduce_lr_on_plateau_new(o, .mode = "least"), "ReduceLROnPlateau: mode least is unknown!");
    expect_refusal(tg_reduce_lr_on_plateau_new(o, .threshold_mode = "x"),
                   "ReduceLROnPlateau: threshold mode x is unknown!");
    expect_refusal(tg_lambda_lr_new(o, NULL), "LambdaLR: a lr_lambda is NULL");
    expect_refusal(tg_lambda_lr_new(o, tg_lr_lambdas(hyperbola)), "LambdaLR: Expected 2 lr_lambdas, but got 1");
    expect_refusal(tg_exponential_lr_new(o, -0.5, .last_epoch = 1),
                   "LR: Invalid learning rate of group 0 at epoch 2: -");
    expect_refusal(tg_exponential_lr_new(NULL, 0.5), "ExponentialLR: the optimizer is NULL");
    assert_true(tg_group_lr(o, 0) == 0.05 && tg_group_lr(o, 1) == 0.8 && tg_group_option(o, 0, "momentum") == 0.9);
    tg_optimizer *no_momentum = tg_optimizer_new(&((tg_optimizer_class){ .name = "Plain",
                                                                         .options_bytes = sizeof(double),
                                                                         .options = { { "lr", TG_OPTION_DOUBLE, 0 } },
                                                                         .update = tg_optimizer_class_of(o)->update }),
                                                 tg_list(parameter(TG_FLOAT64)), &(double){ 1 });
    expect_refusal(tg_one_cycle_lr_new(no_momentum, 0.1, .total_steps = 9),
                   "OneCycleLR: optimizer must support momentum with `cycle_momentum` option enabled");
    tg_optimizer_free(no_momentum);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

TEST(test_bad_steps)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *plateau = tg_reduce_lr_on_plateau_new(o), *cycle = tg_one_cycle_lr_new(o, 0.1, .total_steps = 2);
    assert_int_equal(tg_scheduler_step(plateau), TG_FAILED);
    expect_error("ReduceLROnPlateau: its steps need a metric: tg_scheduler_step_metric");
    assert_int_equal(tg_scheduler_step_metric(cycle, 1), TG_FAILED);
    expect_error("OneCycleLR: its steps need no metric: tg_scheduler_step");
    tg_step(o);
    for (int k = 0; k < 2; k++) assert_int_equal(tg_scheduler_step(cycle), TG_OK);
    const double lr = tg_group_lr(o, 0), momentum = tg_group_option(o, 0, "momentum");
    assert_int_equal(tg_scheduler_step(cycle), TG_FAILED);
    expect_error("OneCycleLR: Tried to step 4 times. The specified number of total steps is 2");
    assert_true(tg_group_lr(o, 0) == lr && tg_group_option(o, 0, "momentum") == momentum);
    assert_true(tg_scheduler_last_epoch(cycle) == 2);
    const double bad[] = { -1, NAN, INFINITY, 1e300 };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tg_scheduler_step_epoch(cycle, bad[i]), TG_FAILED);
        expect_error("OneCycleLR: Expected non-negative epoch, but got ");
    }
    tg_fail("test", "an error that came before");
    assert_int_equal(tg_scheduler_step(cycle), TG_FAILED); /* silent */
    expect_error("test: an error that came before");
    tg_scheduler_free(plateau);
    tg_scheduler_free(cycle);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

static double negative(int64_t epoch, void *context)
{
    (void)context;
    return epoch < 2 ? 1 : epoch == 2 ? -1 : (double)NAN;
}

TEST(test_learning_rates_below_zero)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *s = tg_lambda_lr_new(o, tg_lr_lambdas(hyperbola, negative));
    tg_step(o);
    assert_int_equal(tg_scheduler_step(s), TG_OK);
    assert_int_equal(tg_scheduler_step(s), TG_FAILED);
    expect_error("LambdaLR: Invalid learning rate of group 1 at epoch 2: -0.8");
    assert_true(tg_group_lr(o, 0) == 0.05 / 1.1); /* the other one has not moved either */
    assert_int_equal(tg_scheduler_step_epoch(s, 5), TG_FAILED);
    expect_error("LambdaLR: Invalid learning rate of group 1 at epoch 5: ");
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* ---- several in one ---- */

TEST(test_parts_are_taken_over)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false), *other = two_groups(false);
#define PAIR tg_schedulers(tg_step_lr_new(o, 3), tg_step_lr_new(o, 4))
    expect_refusal(tg_sequential_lr_new(o, PAIR, tg_milestones(1, 2)),
                   "but got number of schedulers 2 and the number of "
                   "milestones to be equal to 2");
    expect_refusal(
        tg_sequential_lr_new(other, PAIR, tg_milestones(1)),
        "SequentialLR: the scheduler at index 0 (StepLR) belongs to another optimizer, but all must have the same");
    expect_refusal(tg_sequential_lr_new(o, tg_schedulers(), tg_milestones()), "SequentialLR: a list of 0 schedulers");
    expect_refusal(tg_sequential_lr_new(o, tg_schedulers(tg_step_lr_new(o, 3), tg_reduce_lr_on_plateau_new(o)),
                                        tg_milestones(1)),
                   "the scheduler at index 1 (ReduceLROnPlateau) needs a metric at its steps");
    expect_refusal(tg_sequential_lr_new(o, tg_schedulers(tg_chained_scheduler_new(PAIR)), tg_milestones()),
                   "the scheduler at index 0 (ChainedScheduler) is itself made of others");
    expect_refusal(tg_chained_scheduler_new(tg_schedulers(tg_step_lr_new(o, 3), tg_step_lr_new(o, 0))),
                   "StepLR: Expected");
    tg_scheduler *part = tg_step_lr_new(o, 3), *last = tg_step_lr_new(o, 4);
    tg_scheduler *whole = tg_chained_scheduler_new(tg_schedulers(tg_chained_scheduler_new(tg_schedulers(part)), last));
    tg_step(o);
    for (int k = 0; k < 4; k++) assert_int_equal(tg_scheduler_step(whole), TG_OK);
    assert_near_real(tg_scheduler_last_lr(whole, 1), 0.8 * 0.1 * 0.1);
    assert_int_equal(tg_scheduler_step_epoch(whole, 3), TG_FAILED);
    expect_error("ChainedScheduler: it cannot step to an epoch");
    tg_scheduler_free(part);
    expect_error("scheduler_free: it is part of another one");
    expect_refusal(tg_chained_scheduler_new(tg_schedulers(part)),
                   "the scheduler at index 0 (StepLR) is part of another");
    tg_scheduler *twice = tg_step_lr_new(o, 3);
    expect_refusal(tg_chained_scheduler_new(tg_schedulers(twice, twice)), "index 1 (StepLR) is there twice");
    tg_scheduler_free(whole);
    tg_optimizer_free(o);
    tg_optimizer_free(other);
    tg_scope_end(scope);
}

/* ---- the order of steps ---- */

static int warnings;
static void count_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)context;
    warnings += strstr(message, "before `optimizer.step()`") != NULL;
}

TEST(test_a_step_before_the_optimizers)
{
    IN_SCOPE;
    tg_optimizer *o = two_groups(false);
    tg_scheduler *a = tg_step_lr_new(o, 3), *b = tg_step_lr_new(o, 3);
    tg_set_warning_handler(count_warning, NULL);
    tg_scheduler_step(a);
    assert_int_equal(warnings, 1);
    tg_step(o);
    tg_scheduler_step(a);
    tg_scheduler_step(b);
    assert_int_equal(warnings, 1);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    tg_scheduler_free(a);
    tg_scheduler_free(b);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* ---- memory ---- */

static double failing_schedulers(void)
{
    tg_optimizer *o = two_groups(false);
    tg_scheduler *a = tg_one_cycle_lr_new(o, tg_group_values(0.1, 0.2), .total_steps = 9);
    tg_scheduler *b = tg_multi_step_lr_new(o, tg_milestones(1, 3));
    tg_scheduler *s = tg_sequential_lr_new(o, tg_schedulers(a, b), tg_milestones(2));
    tg_step(o);
    for (int k = 0; k < 4; k++) tg_scheduler_step(s);
    tg_scheduler_load_state_dict(s, tg_scheduler_state_dict(s));
    const double result = tg_scheduler_last_lr(s, 1);
    tg_scheduler_free(s);
    tg_optimizer_free(o);
    return tg_ok() ? result : 0;
}

TEST(test_each_allocation_fails) { fail_each_allocation(failing_schedulers); }

/* ---- main ---- */

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation */
    const struct CMUnitTest tests[] = {
        T(test_a_class_of_ones_own),
        T(test_bad_classes),
        T(test_resuming_by_epoch),
        T(test_resuming_with_the_optimizers_state),
        T(test_state_dict),
        T(test_state_dicts_that_do_not_fit),
        T(test_an_optimizer_that_is_gone),
        T(test_functions_that_meddle),
        T(test_bad_arguments),
        T(test_bad_steps),
        T(test_learning_rates_below_zero),
        T(test_parts_are_taken_over),
        T(test_a_step_before_the_optimizers),
        T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests_name("scheduler_use", tests, NULL, NULL);
}
