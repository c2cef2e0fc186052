/* test_optim_state.c: an optimiser's state dict: its names, trainings that go on from one bit for bit, and what is
 * refused, which changes nothing. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/parameters.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <string.h>

static tg_tensor *entry(tg_named_tensor_list list, const char *name)
{
    for (int64_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0) return list.items[i].tensor;
    return NULL;
}

/* A list that the optimiser does not change. */
enum { MOST = 64 };
typedef struct kept {
    tg_named_tensor items[MOST];
    int64_t count;
} kept;

static kept copy_of(tg_named_tensor_list list)
{
    kept k = { .count = list.count };
    assert_true(list.count > 0 && list.count <= MOST);
    for (int64_t i = 0; i < list.count; i++)
        k.items[i] = (tg_named_tensor){ list.items[i].name, tg_clone(list.items[i].tensor) };
    return k;
}

static tg_named_tensor_list list_of(const kept *k) { return (tg_named_tensor_list){ k->items, k->count }; }

static void assert_same(tg_named_tensor_list a, tg_named_tensor_list b)
{
    assert_int_equal(a.count, b.count);
    for (int64_t i = 0; i < a.count; i++) {
        assert_string_equal(a.items[i].name, b.items[i].name);
        assert_int_equal(tg_dtype_of(a.items[i].tensor), tg_dtype_of(b.items[i].tensor));
        assert_true(tg_equal(a.items[i].tensor, b.items[i].tensor));
    }
}

static void step_with(tg_optimizer *optimizer, tg_tensor *p, int k)
{
    give_gradient(p, (const double[]){ 0.3 * k, -0.7 / (k + 1), k % 3 - 1 });
    assert_int_equal(tg_step(optimizer), TG_OK);
}

/* ---- names ---- */

TEST(test_names)
{
    static const char *const names[] = {
        "state.0.step",           "state.0.exp_avg",         "state.0.exp_avg_sq",    "state.0.max_exp_avg_sq",
        "state.2.step",           "state.2.exp_avg",         "state.2.exp_avg_sq",    "param_groups.0.lr",
        "param_groups.0.beta1",   "param_groups.0.beta2",    "param_groups.0.eps",    "param_groups.0.weight_decay",
        "param_groups.0.amsgrad", "param_groups.0.maximize", "param_groups.0.params", "param_groups.1.lr",
        "param_groups.1.beta1",   "param_groups.1.beta2",    "param_groups.1.eps",    "param_groups.1.weight_decay",
        "param_groups.1.amsgrad", "param_groups.1.maximize", "param_groups.1.params",
    };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = parameter(TG_FLOAT32), *b = parameter(TG_FLOAT32), *c = parameter(TG_FLOAT32);
    tg_optimizer *adam = tg_adam_new(tg_list(a, b), .amsgrad = true);
    tg_optimizer_add_param_group(adam, tg_list(c), .lr = 0.25);
    tg_set_group_option(adam, 1, "amsgrad", false);
    step_with(adam, a, 1);
    step_with(adam, c, 2); /* and a once more */
    const tg_named_tensor_list list = tg_optimizer_state_dict(adam);
    assert_int_equal(list.count, sizeof names / sizeof *names);
    for (int64_t i = 0; i < list.count; i++) assert_string_equal(list.items[i].name, names[i]);
    VALUES(entry(list, "state.0.step"), 0, 2);
    VALUES(entry(list, "state.2.step"), 0, 1);
    VALUES(entry(list, "param_groups.0.amsgrad"), 0, 1);
    VALUES(entry(list, "param_groups.1.amsgrad"), 0, 0);
    VALUES(entry(list, "param_groups.1.lr"), 0, 0.25);
    VALUES(entry(list, "param_groups.0.params"), 0, 0, 1);
    VALUES(entry(list, "param_groups.1.params"), 0, 2);
    assert_int_equal(tg_dtype_of(entry(list, "param_groups.0.lr")), TG_FLOAT64);
    assert_int_equal(tg_dtype_of(entry(list, "param_groups.0.amsgrad")), TG_BOOL);
    assert_int_equal(tg_dtype_of(entry(list, "param_groups.0.params")), TG_INT64);
    assert_int_equal(tg_ndim(entry(list, "state.0.step")), 0);
    assert_ptr_equal(entry(list, "state.2.exp_avg"), tg_optimizer_state(adam, c, "exp_avg"));
    tg_optimizer_free(adam);
    assert_int_equal(tg_numel(entry(list, "state.2.exp_avg")), 3); /* the scope has it still */
    assert_int_equal(tg_optimizer_state_dict(NULL).count, 0);
    expect_error("optimizer_state_dict: the optimizer is NULL");
    tg_scope_end(scope);
}

/* ---- trainings that go on ---- */

#define MAKER(name, ...)                                                                                               \
    static tg_optimizer *name(tg_tensor_list p) { return __VA_ARGS__; }
MAKER(sgd_trained, tg_sgd_new(p, .lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.1))
MAKER(sgd_fresh, tg_sgd_new(p))
MAKER(adam_trained, tg_adam_new(p, .lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true))
MAKER(adam_fresh, tg_adam_new(p))
MAKER(rmsprop_trained, tg_rmsprop_new(p, .lr = 0.1, .momentum = 0.5, .centered = true))
MAKER(rmsprop_fresh, tg_rmsprop_new(p))
MAKER(adagrad_trained, tg_adagrad_new(p, .lr = 0.1, .lr_decay = 0.1, .initial_accumulator_value = 0.5))
MAKER(adagrad_fresh, tg_adagrad_new(p))
MAKER(nadam_trained, tg_nadam_new(p, .lr = 0.1, .momentum_decay = 0.1))
MAKER(nadam_fresh, tg_nadam_new(p))
MAKER(rprop_trained, tg_rprop_new(p, .lr = 0.1, .etaplus = 1.5))
MAKER(rprop_fresh, tg_rprop_new(p))
MAKER(asgd_trained, tg_asgd_new(p, .lr = 0.1, .lambd = 0.1, .t0 = 2))
MAKER(asgd_fresh, tg_asgd_new(p))

typedef tg_optimizer *(*maker)(tg_tensor_list p);

/* Two groups trained for some steps, then a fresh optimiser, and fresh copies of the parameters, which go on with what
 * was saved: at each step both have the same bits. */
static void go_on(maker trained, maker fresh, tg_dtype dtype)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p[2][2] = { { parameter(dtype), parameter(dtype) } };
    tg_optimizer *old = trained(tg_list(p[0][0]));
    tg_optimizer_add_param_group(old, tg_list(p[0][1]), .lr = 0.03125);
    for (int k = 0; k < 5; k++) {
        step_with(old, p[0][0], k);
        if (k != 2) step_with(old, p[0][1], 2 * k);
    }
    for (int i = 0; i < 2; i++) p[1][i] = tg_requires_grad_(tg_clone(tg_detach(p[0][i])), true);
    tg_optimizer *next = fresh(tg_list(p[1][0]));
    tg_optimizer_add_param_group(next, tg_list(p[1][1]));
    assert_int_equal(tg_optimizer_load_state_dict(next, tg_optimizer_state_dict(old)), TG_OK);
    assert_same(tg_optimizer_state_dict(next), tg_optimizer_state_dict(old));
    for (int i = 0; i < 2; i++) tg_set_grad(p[1][i], tg_clone(tg_grad_of(p[0][i]))); /* a step moves both of a pair */
    for (int k = 5; k < 10; k++) {
        for (int i = 0; i < 2; i++) {
            step_with(old, p[0][i], k);
            step_with(next, p[1][i], k);
        }
        for (int i = 0; i < 2; i++) assert_true(tg_equal(p[0][i], p[1][i]));
        for (int i = 0; i < 2; i++)
            assert_int_equal(tg_optimizer_steps(next, p[1][i]), tg_optimizer_steps(old, p[0][i]));
    }
    assert_same(tg_optimizer_state_dict(next), tg_optimizer_state_dict(old));
    tg_optimizer_free(old);
    tg_optimizer_free(next);
    tg_scope_end(scope);
}

TEST(test_training_goes_on)
{
    static const maker pairs[][2] = {
        { sgd_trained, sgd_fresh },         { adam_trained, adam_fresh },   { rmsprop_trained, rmsprop_fresh },
        { adagrad_trained, adagrad_fresh }, { nadam_trained, nadam_fresh }, { rprop_trained, rprop_fresh },
        { asgd_trained, asgd_fresh },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        go_on(pairs[i][0], pairs[i][1], TG_FLOAT32);
        go_on(pairs[i][0], pairs[i][1], TG_FLOAT64);
    }
}

/* A momentum set since the last step, whose buffer is to come, and one that is not used now but is remembered. */
TEST(test_states_that_rest_or_are_to_come)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64), *q = parameter(TG_FLOAT64);
    tg_optimizer *old = tg_sgd_new(tg_list(p), .lr = 0.5, .dampening = 0.5);
    tg_optimizer *next = tg_sgd_new(tg_list(q), .lr = 0.25);
    step_with(old, p, 1);
    tg_set_group_option(old, 0, "momentum", 0.5);
    tg_named_tensor_list list = tg_optimizer_state_dict(old);
    assert_int_equal(tg_numel(entry(list, "state.0.momentum_buffer")), 0);
    assert_int_equal(tg_optimizer_load_state_dict(next, list), TG_OK);
    assert_null(tg_optimizer_state(next, q, "momentum_buffer"));
    for (int k = 2; k < 6; k++) { /* step 3 does without it */
        if (k == 3 || k == 4) tg_set_group_option(old, 0, "momentum", k == 4 ? 0.5 : 0);
        list = tg_optimizer_state_dict(old);
        assert_int_equal(tg_numel(entry(list, "state.0.momentum_buffer")), k == 2 ? 0 : 3);
        assert_int_equal(tg_optimizer_load_state_dict(next, list), TG_OK);
        tg_copy_(tg_detach(q), p);
        step_with(old, p, k);
        step_with(next, q, k);
        assert_true(tg_equal(p, q));
    }
    tg_optimizer_free(old);
    tg_optimizer_free(next);
    tg_scope_end(scope);
}

/* What is loaded replaces all that was there; handles of states that stay are the same. */
TEST(test_loading_replaces)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = parameter(TG_FLOAT32), *b = parameter(TG_FLOAT32);
    tg_optimizer *adam = tg_adam_new(tg_list(a, b), .amsgrad = true);
    step_with(adam, a, 1);
    const kept first = copy_of(tg_optimizer_state_dict(adam));
    tg_tensor *m = tg_optimizer_state(adam, a, "exp_avg");
    step_with(adam, b, 2);
    assert_int_equal(tg_optimizer_steps(adam, a), 2);
    assert_int_equal(tg_optimizer_load_state_dict(adam, list_of(&first)), TG_OK);
    assert_same(tg_optimizer_state_dict(adam), list_of(&first));
    assert_ptr_equal(tg_optimizer_state(adam, a, "exp_avg"), m);
    assert_int_equal(tg_optimizer_steps(adam, a), 1);
    assert_int_equal(tg_optimizer_steps(adam, b), 0);
    assert_null(tg_optimizer_state(adam, b, "exp_avg"));
    assert_int_equal(tg_optimizer_load_state_dict(adam, tg_optimizer_state_dict(adam)), TG_OK); /* its own */
    assert_same(tg_optimizer_state_dict(adam), list_of(&first));
    tg_optimizer_free(adam);
    tg_scope_end(scope);
}

/* Numbers and states of other dtypes, as a file may have them; of a name that comes twice the last one counts. */
TEST(test_other_dtypes_and_twice)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .momentum = 0.5);
    const tg_named_tensor given[] = {
        { "state.0.momentum_buffer", tg_tensor_of(9.0, 9.0, 9.0) },
        { "state.0.step", tg_scalar(7, .dtype = TG_FLOAT32) },
        { "state.0.momentum_buffer", tg_to(tg_tensor_of(0.5, 0.25, 4.0), TG_FLOAT64) },
        { "param_groups.0.lr", tg_tensor_of(0.5) },
        { "param_groups.0.momentum", tg_scalar(0.75, .dtype = TG_FLOAT32) },
        { "param_groups.0.dampening", tg_scalar(0, .dtype = TG_INT64) },
        { "param_groups.0.weight_decay", tg_scalar(0.0) },
        { "param_groups.0.nesterov", tg_scalar(1, .dtype = TG_INT64) },
        { "param_groups.0.maximize", tg_scalar(0, .dtype = TG_BOOL) },
        { "param_groups.0.params", tg_tensor_of(0.0) },
    };
    const tg_named_tensor_list list = { given, sizeof given / sizeof *given };
    assert_int_equal(tg_optimizer_load_state_dict(sgd, list), TG_OK);
    assert_int_equal(tg_optimizer_steps(sgd, p), 7);
    VALUES(tg_optimizer_state(sgd, p, "momentum_buffer"), 0, 0.5, 0.25, 4);
    assert_int_equal(tg_dtype_of(tg_optimizer_state(sgd, p, "momentum_buffer")), TG_FLOAT32);
    assert_true(tg_lr(sgd) == 0.5 && tg_group_option(sgd, 0, "momentum") == 0.75);
    assert_true(tg_group_option(sgd, 0, "nesterov") == 1);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* ---- what is refused ---- */

typedef struct refusal {
    const char *change; /* the entry that is replaced; NULL: one more */
    const char *by;     /* its name then; NULL: it is left out */
    double value;       /* what it is then, if it is no state: NaN: three zeros */
    const char *error;
} refusal;

/* An optimiser that has been trained, which refuses to load `list`. */
static void assert_refused(tg_optimizer *optimizer, tg_named_tensor_list list, const char *error)
{
    const kept before = copy_of(tg_optimizer_state_dict(optimizer));
    assert_int_equal(tg_optimizer_load_state_dict(optimizer, list), TG_FAILED);
    expect_error(error);
    assert_same(tg_optimizer_state_dict(optimizer), list_of(&before));
}

TEST(test_single_faults)
{
    static const refusal cases[] = {
        { "param_groups.0.lr", NULL, 0, "Missing key(s) in state_dict: \"param_groups.0.lr\"." },
        { "param_groups.1.params", NULL, 0, "Missing key(s) in state_dict: \"param_groups.1.params\"." },
        { "state.1.step", NULL, 0, "Missing key(s) in state_dict: \"state.1.step\"." },
        { "state.1.exp_avg_sq", NULL, 0, "Missing key(s) in state_dict: \"state.1.exp_avg_sq\"." },
        { "state.0.max_exp_avg_sq", NULL, 0, "Missing key(s) in state_dict: \"state.0.max_exp_avg_sq\"." },
        { NULL, "param_groups.2.lr", 1, "Unexpected key(s) in state_dict: \"param_groups.2.lr\"." },
        { NULL, "param_groups.0.momentum", 1, "Unexpected key(s) in state_dict: \"param_groups.0.momentum\"." },
        { NULL, "state.2.step", 1, "Unexpected key(s) in state_dict: \"state.2.step\"." },
        { NULL, "state.0.momentum_buffer", 1, "Unexpected key(s) in state_dict: \"state.0.momentum_buffer\"." },
        { NULL, "state.00.step", 1, "Unexpected key(s) in state_dict: \"state.00.step\"." },
        { NULL, "state..step", 1, "Unexpected key(s) in state_dict: \"state..step\"." },
        { NULL, "state.0step", 1, "Unexpected key(s) in state_dict: \"state.0step\"." },
        { NULL, "state.99999999999999999999999.step", 1,
          "Unexpected key(s) in state_dict: \"state.99999999999999999999999.step\"." },
        { NULL, "", 1, "Unexpected key(s) in state_dict: \"\"." },
        { "param_groups.0.lr", "param_groups.0.lr", NAN,
          "size mismatch for param_groups.0.lr: copying a param with shape torch.Size([3]) from checkpoint, the shape in current model is torch.Size([])." },
        { "state.0.step", "state.0.step", NAN,
          "size mismatch for state.0.step: copying a param with shape torch.Size([3]) from checkpoint, the shape in current model is torch.Size([])." },
        { "state.0.exp_avg", "state.0.exp_avg", 1,
          "size mismatch for state.0.exp_avg: copying a param with shape torch.Size([]) from checkpoint, the shape in current model is torch.Size([3])." },
        { "param_groups.0.params", "param_groups.0.params", NAN,
          "size mismatch for param_groups.0.params: copying a param with shape torch.Size([3]) from checkpoint, the shape in current model is torch.Size([1])." },
        { "param_groups.0.lr", "param_groups.0.lr", -1, "Adam: Invalid learning rate: -1" },
        { "param_groups.1.beta2", "param_groups.1.beta2", 1, "Adam: Invalid beta parameter at index 1: 1" },
        { "param_groups.1.amsgrad", "param_groups.1.amsgrad", 0.5, "Adam: Invalid amsgrad: 0.5" },
        { "state.1.step", "state.1.step", 1.5, "Adam: Invalid number of steps: 1.5" },
        { "state.1.step", "state.1.step", -1, "Adam: Invalid number of steps: -1" },
    };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = parameter(TG_FLOAT64), *b = parameter(TG_FLOAT64);
    tg_optimizer *adam = tg_adam_new(tg_list(a), .amsgrad = true);
    tg_optimizer_add_param_group(adam, tg_list(b));
    tg_set_group_option(adam, 1, "amsgrad", false);
    step_with(adam, a, 1);
    step_with(adam, b, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kept k = copy_of(tg_optimizer_state_dict(adam));
        tg_tensor *value =
            isnan(cases[i].value) ? tg_zeros(tg_shape(3)) : tg_scalar(cases[i].value, .dtype = TG_FLOAT64);
        int64_t at = k.count;
        for (int64_t j = 0; cases[i].change && j < k.count; j++)
            if (strcmp(k.items[j].name, cases[i].change) == 0) at = j;
        assert_true(!cases[i].change || at < k.count);
        k.items[at] = cases[i].by ? (tg_named_tensor){ cases[i].by, value } : k.items[k.count - 1];
        if (at == k.count) k.count++;
        if (!cases[i].by) k.count--;
        assert_refused(adam, list_of(&k), cases[i].error);
    }
    tg_optimizer_free(adam);
    tg_scope_end(scope);
}

/* Of another model's optimiser there is more to tell than a message has room for. */
TEST(test_of_another_model)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *many[18];
    for (int i = 0; i < 18; i++) many[i] = parameter(TG_FLOAT64);
    tg_optimizer *large = tg_adam_new(((tg_tensor_list){ many, 18 })), *small = tg_adam_new(tg_list(many[0], many[1]));
    tg_optimizer *groups = tg_adam_new(tg_list(many[0]));
    tg_optimizer_add_param_group(groups, tg_list(many[1]));
    for (int i = 0; i < 18; i++) step_with(large, many[i], 1);
    step_with(small, many[0], 1);
    assert_int_equal(tg_optimizer_load_state_dict(small, tg_optimizer_state_dict(large)), TG_FAILED);
    expect_error("Error(s) in loading state_dict for Adam:\n"
                 "\tthe state has 18 parameter(s) in 1 group(s), the optimizer 2 in 1.\n"
                 "\tUnexpected key(s) in state_dict: \"state.2.step\"");
    assert_int_equal(tg_optimizer_load_state_dict(large, tg_optimizer_state_dict(small)), TG_FAILED);
    expect_error("for Adam:\n\tthe state has 2 parameter(s) in 1 group(s), the optimizer 18 in 1.\n");
    assert_int_equal(tg_optimizer_load_state_dict(small, tg_optimizer_state_dict(groups)), TG_FAILED);
    expect_error("for Adam:\n\tthe state has 2 parameter(s) in 2 group(s), the optimizer 2 in 1.\n");
    assert_int_equal(tg_optimizer_load_state_dict(small, tg_optimizer_state_dict(small)), TG_OK);
    tg_optimizer_free(large);
    tg_optimizer_free(small);
    tg_optimizer_free(groups);
    tg_scope_end(scope);
}

TEST(test_all_faults_at_once)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .momentum = 0.5);
    step_with(sgd, p, 1);
    kept k = copy_of(tg_optimizer_state_dict(sgd));
    assert_string_equal(k.items[1].name, "state.0.momentum_buffer");
    k.items[1].tensor = tg_zeros(tg_shape(2, 3));
    k.items[2].name = "param_groups.0.rate"; /* it was lr */
    k.items[k.count - 1].tensor = tg_tensor_of(5);
    char text[500];
    snprintf(text, sizeof text,
             "test_optim_state.c:%d: optimizer_load_state_dict: Error(s) in loading state_dict for SGD:\n"
             "\tMissing key(s) in state_dict: \"param_groups.0.lr\". \n"
             "\tUnexpected key(s) in state_dict: \"param_groups.0.rate\". \n"
             "\tother numbers than those of its parameters: param_groups.0.params\n"
             "\tsize mismatch for state.0.momentum_buffer: copying a param with shape torch.Size([2, 3]) from "
             "checkpoint, the shape in current model is torch.Size([3]).",
             __LINE__ + 1);
    assert_int_equal(tg_optimizer_load_state_dict(sgd, list_of(&k)), TG_FAILED);
    assert_string_equal(strstr(tg_error_message(), "test_optim_state.c"), text);
    tg_error_clear();
    char names[40][64]; /* more than the text has room for */
    tg_named_tensor many[40];
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "a_name_that_no_optimizer_has_and_that_is_rather_long.%d", i);
        many[i] = (tg_named_tensor){ names[i], p };
    }
    assert_int_equal(tg_optimizer_load_state_dict(sgd, (tg_named_tensor_list){ many, 40 }), TG_FAILED);
    const char *message = tg_error_message();
    assert_string_equal(message + strlen(message) - 3, "...");
    expect_error("Unexpected key(s) in state_dict: \"a_name_that_no_optimizer_has_and_that_is_rather_long.0\", ");
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

static tg_optimizer *at_work;
static void loads(tg_update *u)
{
    u->parameter = tg_sub(u->parameter, u->gradient);
    tg_optimizer_load_state_dict(at_work, tg_optimizer_state_dict(at_work));
}

TEST(test_lists_that_are_none)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64);
    at_work = tg_sgd_new(tg_list(p));
    step_with(at_work, p, 1);
    assert_refused(at_work, (tg_named_tensor_list){ NULL, 2 }, "a list of 2 tensors is NULL");
    assert_refused(at_work, (tg_named_tensor_list){ NULL, -1 }, "a list of -1 tensors is NULL");
    assert_refused(at_work, (tg_named_tensor_list){ NULL, 0 }, "Missing key(s) in state_dict: \"param_groups.0.lr\", ");
    const tg_named_tensor unnamed[] = { { NULL, p } }, empty[] = { { "state.0.step", NULL } };
    assert_refused(at_work, (tg_named_tensor_list){ unnamed, 1 }, "the name of tensor 0 is NULL");
    assert_refused(at_work, (tg_named_tensor_list){ empty, 1 }, "optimizer_load_state_dict: ");
    assert_int_equal(tg_optimizer_load_state_dict(NULL, (tg_named_tensor_list){ NULL, 0 }), TG_FAILED);
    expect_error("optimizer_load_state_dict: the optimizer is NULL");
    tg_optimizer_free(at_work);
    const tg_optimizer_class busy = { .name = "Busy",
                                      .options_bytes = sizeof(double),
                                      .options = { { "lr", TG_OPTION_DOUBLE, 0 } },
                                      .update = loads };
    at_work = tg_optimizer_new(&busy, tg_list(p), &(double){ 0.5 });
    assert_int_equal(tg_step(at_work), TG_FAILED);
    expect_error("optimizer_load_state_dict: the optimizer is in a step");
    tg_optimizer_free(at_work);
    tg_scope_end(scope);
}

/* ---- no memory ---- */

/* Loads what another optimiser has. Where that fails nothing has changed, and it can be done again. */
static double save_and_load(void)
{
    tg_tensor *p = parameter(TG_FLOAT64), *q = parameter(TG_FLOAT64);
    give_gradient(p, (const double[]){ 1, 2, 3 });
    give_gradient(q, (const double[]){ 3, 2, 1 });
    tg_optimizer *old = tg_adam_new(tg_list(p), .lr = 0.5, .amsgrad = true), *next = tg_adam_new(tg_list(q));
    tg_step(old);
    tg_step(next);
    tg_set_group_option(next, 0, "amsgrad", true);
    const tg_named_tensor_list list = tg_ok() ? tg_optimizer_state_dict(old) : (tg_named_tensor_list){ NULL, 0 };
    double result = 0;
    if (tg_ok() && tg_optimizer_load_state_dict(next, list) != TG_OK) {
        tg_error_clear();
        if (tg_lr(next) != 1e-3 || tg_optimizer_state(next, q, "max_exp_avg_sq")) result = 1e9;
        tg_optimizer_load_state_dict(next, list);
    }
    tg_step(next);
    if (tg_ok()) result += tg_item(tg_sum(q));
    if (old) tg_optimizer_free(old);
    if (next) tg_optimizer_free(next);
    return tg_ok() ? result : 0;
}

TEST(test_each_allocation_fails) { fail_each_allocation(save_and_load); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_names),
        T(test_training_goes_on),
        T(test_states_that_rest_or_are_to_come),
        T(test_loading_replaces),
        T(test_other_dtypes_and_twice),
        T(test_single_faults),
        T(test_of_another_model),
        T(test_all_faults_at_once),
        T(test_lists_that_are_none),
        T(test_each_allocation_fails),
    };
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation of its own, and can fail */
    return cmocka_run_group_tests_name("optim_state", tests, NULL, NULL);
}
