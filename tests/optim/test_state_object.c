/* test_state_object.c: an optimiser's state as PyTorch nests it: trainings that PyTorch began go on here, and back;
 * what is refused changes nothing. The files for PyTorch are opened by tests/golden/check_pt.py. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char trained[] = "tests/golden/files/pt_optimizers.pt";

/* ---- the training of tests/golden/pt.py ---- */

static void give_gradients(tg_tensor *const *p, int step)
{
    for (int number = 0; number < 2; number++) {
        const int64_t n = tg_numel(p[number]);
        tg_tensor *g = tg_zeros_like(p[number]);
        double *to = tg_mutable_data(g, TG_FLOAT64);
        for (int64_t i = 0; i < n; i++) to[i] = (double)((7 * i + 3 * number + 5 * step) % 11 - 5) / 8;
        tg_set_grad(p[number], g);
    }
}

static void train(tg_optimizer *optimizer, tg_tensor *const *p, int first, int last)
{
    for (int step = first; step < last; step++) {
        give_gradients(p, step);
        assert_int_equal(tg_step(optimizer), TG_OK);
    }
}

#define MAKER(name, ...)                                                                                               \
    static tg_optimizer *name(tg_tensor_list p) { return __VA_ARGS__; }
MAKER(sgd, tg_sgd_new(p, .lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.1))
MAKER(sgd_plain, tg_sgd_new(p, .lr = 0.1))
MAKER(adam, tg_adam_new(p, .lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true))
MAKER(adamw, tg_adamw_new(p, .lr = 0.1))
MAKER(rmsprop, tg_rmsprop_new(p, .lr = 0.1, .momentum = 0.5, .centered = true))
MAKER(adagrad, tg_adagrad_new(p, .lr = 0.1, .lr_decay = 0.1, .initial_accumulator_value = 0.5))
MAKER(adadelta, tg_adadelta_new(p, .lr = 0.5))
MAKER(adamax, tg_adamax_new(p, .lr = 0.1))
MAKER(nadam, tg_nadam_new(p, .lr = 0.1))
MAKER(radam, tg_radam_new(p, .lr = 0.1))
MAKER(rprop, tg_rprop_new(p, .lr = 0.1))
MAKER(asgd, tg_asgd_new(p, .lr = 0.1, .lambd = 0.1, .t0 = 2))

MAKER(fresh_sgd, tg_sgd_new(p))
MAKER(fresh_adam, tg_adam_new(p))
MAKER(fresh_adamw, tg_adamw_new(p))
MAKER(fresh_rmsprop, tg_rmsprop_new(p))
MAKER(fresh_adagrad, tg_adagrad_new(p))
MAKER(fresh_adadelta, tg_adadelta_new(p))
MAKER(fresh_adamax, tg_adamax_new(p))
MAKER(fresh_nadam, tg_nadam_new(p))
MAKER(fresh_radam, tg_radam_new(p))
MAKER(fresh_rprop, tg_rprop_new(p))
MAKER(fresh_asgd, tg_asgd_new(p))

typedef tg_optimizer *(*maker)(tg_tensor_list p);
static const struct kind {
    const char *name;
    maker make, fresh;
    double tolerance;
} kinds[] = {
    { "SGD", sgd, fresh_sgd, 1e-13 },
    { "SGD_plain", sgd_plain, fresh_sgd, 1e-13 },
    { "Adam", adam, fresh_adam, 1e-13 },
    { "AdamW", adamw, fresh_adamw, 1e-13 },
    { "RMSprop", rmsprop, fresh_rmsprop, 1e-13 },
    { "Adagrad", adagrad, fresh_adagrad, 1e-13 },
    { "Adadelta", adadelta, fresh_adadelta, 1e-13 },
    { "Adamax", adamax, fresh_adamax, 1e-13 },
    { "NAdam", nadam, fresh_nadam, 1e-7 }, /* PyTorch's product of momenta is a float32 */
    { "RAdam", radam, fresh_radam, 1e-13 },
    { "Rprop", rprop, fresh_rprop, 1e-13 },
    { "ASGD", asgd, fresh_asgd, 1e-7 }, /* eta is one */
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Two groups, as there. */
static tg_optimizer *grouped(maker make, tg_tensor *const *p, double lr)
{
    tg_optimizer *o = make(tg_list(p[0]));
    assert_int_equal(tg_optimizer_add_param_group(o, tg_list(p[1]), .lr = lr), 1);
    return o;
}

static void take_parameters(const tg_object *o, tg_tensor **p)
{
    for (int i = 0; i < 2; i++)
        p[i] = tg_requires_grad_(tg_clone(tg_object_tensor(tg_object_item(tg_object_get(o, "parameters"), i))), true);
}

TEST(test_what_pytorch_trained_goes_on)
{
    for (int k = 0; k < KINDS; k++) {
        IN_SCOPE;
        const tg_object *o = tg_object_get(tg_load_pt(trained), kinds[k].name);
        tg_tensor *p[2];
        take_parameters(o, p);
        tg_optimizer *optimizer = grouped(kinds[k].fresh, p, 0.7); /* all its options come from the file */
        assert_int_equal(tg_optimizer_load_state_object(optimizer, tg_object_get(o, "optimizer")), TG_OK);
        train(optimizer, p, 2, 4);
        for (int i = 0; i < 2; i++)
            assert_alike(tg_detach(p[i]), tg_object_tensor(tg_object_item(tg_object_get(o, "later"), i)),
                         kinds[k].tolerance);
        tg_optimizer_free(optimizer);
        tg_scope_end(scope);
    }
}

/* ---- out, and back in ---- */

static void new_parameters(tg_tensor **p)
{
    double values[6];
    for (int i = 0; i < 6; i++) values[i] = i / 4.0 - 1;
    p[0] = tg_from_data(values, tg_shape(2, 3), .dtype = TG_FLOAT64, .requires_grad = true);
    for (int i = 0; i < 4; i++) values[i] += 0.125;
    p[1] = tg_from_data(values, tg_shape(4), .dtype = TG_FLOAT64, .requires_grad = true);
}

static void same_bits(tg_tensor *a, tg_tensor *b)
{
    assert_true(tg_numel(a) == tg_numel(b) && tg_is_contiguous(a) && tg_is_contiguous(b));
    assert_memory_equal(tg_data(a, TG_FLOAT64), tg_data(b, TG_FLOAT64), (size_t)tg_numel(a) * sizeof(double));
}

/* Saved after two steps with copies of what comes two steps later, for PyTorch to compare; then loaded again. */
static void there_and_back(const struct kind *kind, const char *folder)
{
    IN_SCOPE;
    char path[4200];
    snprintf(path, sizeof path, "%s/optimizer_%s.pt", folder, kind->name);
    tg_tensor *p[2], *q[2], *before[2];
    new_parameters(p);
    tg_optimizer *optimizer = grouped(kind->make, p, 0.05);
    train(optimizer, p, 0, 2);
    for (int i = 0; i < 2; i++) before[i] = tg_clone(tg_detach(p[i]));
    tg_optimizer *ahead = grouped(kind->fresh, p, 0.7); /* a copy of the state, as it is now */
    assert_int_equal(tg_optimizer_load_state_dict(ahead, tg_optimizer_state_dict(optimizer)), TG_OK);
    tg_object *state = tg_optimizer_state_object(optimizer);
    train(ahead, p, 2, 4);
    tg_object *all = tg_dict("parameters", tg_list(before[0], before[1]), "optimizer", state, "later",
                             tg_list(tg_detach(p[0]), tg_detach(p[1])));
    assert_int_equal(tg_save_pt(all, path), TG_OK);
    const tg_object *o = tg_load_pt(path);
    take_parameters(o, q);
    tg_optimizer *again = grouped(kind->fresh, q, 0.7);
    assert_int_equal(tg_optimizer_load_state_object(again, tg_object_get(o, "optimizer")), TG_OK);
    train(again, q, 2, 4);
    for (int i = 0; i < 2; i++) same_bits(tg_detach(q[i]), tg_detach(p[i]));
    tg_optimizer_free(optimizer);
    tg_optimizer_free(ahead);
    tg_optimizer_free(again);
    tg_scope_end(scope);
}

TEST(test_there_and_back)
{
    const char *for_pytorch = getenv("TEST_FILES_FOR_PYTORCH"), *folder = for_pytorch ? for_pytorch : make_folder();
    for (int k = 0; k < KINDS; k++) there_and_back(&kinds[k], folder);
    if (!for_pytorch) remove_folder(folder);
}

TEST(test_names)
{
    IN_SCOPE;
    tg_tensor *p[2];
    new_parameters(p);
    tg_optimizer *optimizer = grouped(adam, p, 0.05);
    tg_object *fresh = tg_optimizer_state_object(optimizer);
    assert_int_equal(tg_object_count(tg_object_get(fresh, "state")), 0);
    assert_int_equal(tg_object_count(tg_object_get(fresh, "param_groups")), 2);
    tg_set_grad(p[0], tg_zeros_like(p[0]));
    tg_step(optimizer);
    const tg_object *o = tg_optimizer_state_object(optimizer);
    assert_int_equal(tg_object_count(tg_object_get(o, "state")), 1);
    assert_int_equal(tg_object_kind_of(tg_object_key(tg_object_get(o, "state"), 0)), TG_OBJECT_INT);
    assert_int_equal(tg_object_int(o, "state.0.step"), 1);
    assert_ptr_equal(tg_object_tensor(o, "state.0.exp_avg"), tg_optimizer_state(optimizer, p[0], "exp_avg"));
    assert_true(tg_object_number(o, "param_groups.0.betas.0") == 0.8);
    assert_true(tg_object_number(o, "param_groups.0.betas.1") == 0.9);
    assert_int_equal(tg_object_kind_of(tg_object_get(o, "param_groups.0.betas")), TG_OBJECT_TUPLE);
    assert_false(tg_object_has(o, "param_groups.0.beta1"));
    assert_true(tg_object_number(o, "param_groups.1.lr") == 0.05);
    assert_true(tg_object_bool(o, "param_groups.1.amsgrad"));
    assert_int_equal(tg_object_kind_of(tg_object_get(o, "param_groups.1.amsgrad")), TG_OBJECT_BOOL);
    assert_int_equal(tg_object_int(o, "param_groups.1.params.0"), 1);
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* ---- what is refused ---- */

static const tg_object *group_of(tg_any betas)
{
    return tg_object_list(
        tg_dict("lr", 0.5, "betas", betas, "eps", 1e-8, "weight_decay", 0, "params", tg_object_list(0, 1)));
}

TEST(test_refused)
{
    IN_SCOPE;
    tg_tensor *p[2];
    new_parameters(p);
    tg_optimizer *o = tg_adam_new(tg_list(p[0], p[1]));
    tg_object *none = tg_dict();
#define REFUSED(state, text)                                                                                           \
    do {                                                                                                               \
        assert_int_equal(tg_optimizer_load_state_object(o, state), TG_FAILED);                                         \
        expect_error(text);                                                                                            \
    } while (0)
    REFUSED(NULL, "the object is NULL");
    REFUSED(tg_object_list(), "the state is a list, not a dict");
    REFUSED(tg_dict(), "there is no \"state\"");
    REFUSED(tg_dict("state", 3), "the \"state\" is an integer, not a dict");
    REFUSED(tg_dict("state", none), "there is no \"param_groups\"");
    REFUSED(tg_dict("state", none, "param_groups", tg_object_list()),
            "Missing key(s) in state_dict: \"param_groups.0.lr\"");
    REFUSED(tg_dict("state", none, "param_groups", tg_object_list(1)), "the param_group is an integer");
    REFUSED(tg_dict("state", none, "param_groups", group_of(TG_ANY(0.9))), "item 0 of a number");
    REFUSED(tg_dict("state", none, "param_groups", group_of(TG_ANY(tg_object_tuple(0.9)))), "item 1 of a tuple of 1");
    REFUSED(tg_dict("state", none, "param_groups", group_of(TG_ANY(tg_object_tuple(0.9, 2)))), "Invalid beta");
    const tg_object *good = group_of(TG_ANY(tg_object_tuple(0.5, 0.6)));
    REFUSED(tg_dict("state", tg_dict("0", none), "param_groups", good), "number of a parameter is the text \"0\"");
    REFUSED(tg_dict("state", tg_dict(0, 1), "param_groups", good), "the state of a parameter is an integer");
    REFUSED(tg_dict("state", tg_dict(7, tg_dict("exp_avg", p[0])), "param_groups", good), "Unexpected key(s)");
    REFUSED(tg_dict("state", tg_dict(0, tg_dict("exp_avg", p[1])), "param_groups", good), "Missing key(s)");
#undef REFUSED
    assert_true(tg_group_option(o, 0, "lr") == 1e-3 && tg_group_option(o, 0, "beta1") == 0.9); /* as it was */
    assert_int_equal(tg_optimizer_load_state_object(o, tg_dict("state", none, "param_groups", good)), TG_OK);
    assert_true(tg_group_option(o, 0, "lr") == 0.5 && tg_group_option(o, 0, "beta1") == 0.5);
    assert_true(tg_group_option(o, 0, "amsgrad") == 0); /* older versions do not tell */
    assert_null(tg_optimizer_state_object(NULL));
    expect_error("the optimizer is NULL");
    tg_optimizer *lbfgs = tg_lbfgs_new(tg_list(p[0]));
    assert_null(tg_optimizer_state_object(lbfgs));
    expect_error("has no state for each parameter");
    tg_optimizer_free(lbfgs);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

static double both_ways(void)
{
    tg_tensor *p[2];
    double values[6] = { 0, 1, 2, 3, 4, 5 };
    for (int i = 0; i < 2; i++) {
        p[i] = tg_from_data(values, tg_shape(2 * i + 2), .dtype = TG_FLOAT64, .requires_grad = true);
        if (p[i]) tg_set_grad(p[i], tg_ones_like(p[i]));
    }
    tg_optimizer *o = tg_adam_new(tg_list(p[0], p[1])), *other = tg_adam_new(tg_list(p[0], p[1]));
    tg_step(o);
    const tg_object *state = tg_optimizer_state_object(o);
    const bool good = tg_optimizer_load_state_object(other, state) == TG_OK;
    const double result = good ? 1 + tg_object_number(tg_optimizer_state_object(other), "state.1.step") : 0;
    if (!good && tg_ok()) fail_msg("it failed without a reason");
    tg_optimizer_free(o);
    tg_optimizer_free(other);
    return result;
}

TEST(test_failing_allocations) { fail_each_allocation(both_ways); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = { T(test_what_pytorch_trained_goes_on), T(test_there_and_back), T(test_names),
                                        T(test_refused), T(test_failing_allocations) };
    return cmocka_run_group_tests_name("state_object", tests, NULL, NULL);
}
