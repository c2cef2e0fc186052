/* test_lbfgs.c: L-BFGS against PyTorch's trajectories (tests/golden/lbfgs.py); steps with a closure, of it and of the
 * other optimisers, their errors, and what a thousand of them leave behind. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/golden.h"
#include "tests/support/parameters.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <stdlib.h>
#include <string.h>

/* ---- the problems of lbfgs.py ---- */

typedef struct problem {
    tg_tensor *parameters[3];
    int64_t count;
    tg_tensor *x, *y; /* of the network */
    bool kinked;
    tg_optimizer *optimizer;
    int64_t calls, fail_at; /* the call that fails, by `how` */
    enum failure { BY_AN_ERROR, BY_NULL, BY_SHAPE } how;
} problem;

static tg_tensor *of_formula(tg_shape shape, double (*f)(int64_t i, int64_t j), int64_t columns)
{
    double values[16];
    for (int64_t k = 0; k < tg_shape_numel(&shape); k++) values[k] = f(k / columns, k % columns);
    return tg_from_data(values, shape, .dtype = TG_FLOAT64);
}
static double x_of(int64_t i, int64_t j) { return sin(1.3 * (double)i + 0.7 * (double)j); }
static double y_of(int64_t i, int64_t j) { return cos((double)(i + j)); }
static double W_of(int64_t i, int64_t j) { return 0.3 * cos((double)(i + 2 * j)); }
static double v_of(int64_t i, int64_t j) { return 0.5 * sin((double)(i + j + 1)); }

static problem network(void)
{
    problem p = { .count = 3, .fail_at = -1 };
    p.x = of_formula(tg_shape(8, 2), x_of, 2);
    p.y = of_formula(tg_shape(8), y_of, 1);
    p.parameters[0] = tg_requires_grad_(of_formula(tg_shape(3, 2), W_of, 2), true);
    p.parameters[1] = tg_zeros(tg_shape(3), .dtype = TG_FLOAT64, .requires_grad = true);
    p.parameters[2] = tg_requires_grad_(of_formula(tg_shape(3), v_of, 1), true);
    return p;
}

static problem rosenbrock(void)
{
    const double start[] = { -1.2, 1, 0.7, -0.5 };
    problem p = { .count = 1, .fail_at = -1 };
    p.parameters[0] = tg_from_data(start, tg_shape(4), .dtype = TG_FLOAT64, .requires_grad = true);
    return p;
}

static problem kink(void)
{
    const double start[] = { 0.3, -0.7, 1.1 };
    problem p = { .count = 1, .fail_at = -1, .kinked = true };
    p.parameters[0] = tg_from_data(start, tg_shape(3), .dtype = TG_FLOAT64, .requires_grad = true);
    return p;
}

static problem problem_of(const char *name)
{
    if (strcmp(name, "kink") == 0) return kink();
    return strcmp(name, "network") == 0 ? network() : rosenbrock();
}

static tg_tensor *kink_loss(tg_tensor *x)
{
    return tg_sum(tg_add(tg_relu(tg_mul(tg_sub(x, 0.5), 50)), tg_square(tg_sub(x, 2))));
}

static tg_tensor *rosenbrock_loss(tg_tensor *x)
{
    tg_tensor *next = tg_narrow(x, 0, 1, 3), *here = tg_narrow(x, 0, 0, 3);
    tg_tensor *valley = tg_square(tg_sub(next, tg_square(here)));
    return tg_sum(tg_add(tg_mul(valley, 100), tg_square(tg_sub(1, here))));
}

static tg_tensor *network_loss(const problem *p)
{
    tg_tensor *W = p->parameters[0];
    tg_tensor *hidden = tg_tanh(tg_add(tg_matmul(p->x, tg_t(W)), p->parameters[1]));
    tg_tensor *error = tg_sub(tg_matmul(hidden, p->parameters[2]), p->y);
    return tg_add(tg_mean(tg_square(error)), tg_mul(tg_sum(tg_square(W)), 0.001));
}

static tg_tensor *closure(void *context)
{
    problem *p = context;
    tg_zero_grad(p->optimizer);
    tg_tensor *const x = p->parameters[0];
    tg_tensor *loss = p->x ? network_loss(p) : p->kinked ? kink_loss(x) : rosenbrock_loss(x);
    tg_backward(loss);
    if (p->calls++ != p->fail_at) return loss;
    if (p->how == BY_AN_ERROR) return tg_fail("closure", "no more data");
    return p->how == BY_NULL ? NULL : p->parameters[0];
}

static tg_tensor_list parameters_of(problem *p) { return tg_list_of(p->parameters, p->count); }

static tg_tensor *flat(problem *p)
{
    tg_tensor *rows[3];
    for (int64_t i = 0; i < p->count; i++) rows[i] = tg_reshape(tg_detach(p->parameters[i]), tg_shape(-1));
    return tg_cat(tg_list_of(rows, p->count));
}

/* ---- PyTorch's trajectories ---- */

static tg_optimizer *optimizer_of(const golden *g, problem *p)
{
    return tg_lbfgs_new(parameters_of(p), .lr = golden_real(g, "lr"), .max_iter = golden_int(g, "max_iter"),
                        .max_eval = golden_has(g, "max_eval") ? golden_int(g, "max_eval") : TG_FROM_MAX_ITER,
                        .tolerance_grad = golden_real(g, "tolerance_grad"),
                        .tolerance_change = golden_real(g, "tolerance_change"),
                        .history_size = golden_int(g, "history_size"),
                        .line_search_fn = golden_int(g, "strong_wolfe") ? "strong_wolfe" : NULL);
}

static void compare_losses(const golden *g, int64_t step, double loss)
{
    const double expected = golden_array_of(g, "losses").values[step];
    if (!(fabs(loss - expected) <= 1e-9 * (fabs(expected) + 1e-9)))
        fail_msg("%s: the loss of step %d is %.17g, not %.17g", golden_case(g), (int)step + 1, loss, expected);
}

static void run_case(const golden *g)
{
    IN_SCOPE;
    problem p = problem_of(golden_string(g, "problem"));
    p.optimizer = optimizer_of(g, &p);
    const int64_t steps = golden_array_of(g, "losses").count;
    for (int64_t k = 0; k < steps; k++) {
        const tg_scope step = tg_scope_begin();
        char key[16];
        compare_losses(g, k, tg_step_closure(p.optimizer, closure, &p));
        snprintf(key, sizeof key, "at.%d", (int)k + 1);
        if (golden_has(g, key)) golden_assert(g, key, flat(&p), 1e-9);
        tg_scope_end(step);
    }
    const tg_lbfgs_state state = tg_lbfgs_state_of(p.optimizer);
    assert_int_equal(state.n_iter, golden_int(g, "n_iter"));
    assert_int_equal(state.func_evals, golden_int(g, "func_evals"));
    assert_int_equal(state.func_evals, p.calls);
    golden_assert(g, "d", state.d, 1e-6);
    golden_assert(g, "H_diag", tg_scalar(state.H_diag, .dtype = TG_FLOAT64), 1e-6);
    golden_assert(g, "t", tg_scalar(state.t, .dtype = TG_FLOAT64), 1e-6);
    tg_optimizer_free(p.optimizer);
    tg_scope_end(scope);
}

TEST(test_trajectories)
{
    golden *g = golden_open("lbfgs.txt");
    int cases = 0;
    for (; golden_next(g); cases++) run_case(g);
    assert_int_equal(cases, 10);
    golden_close(g);
}

/* ---- steps with a closure ---- */

/* The other optimisers evaluate once, and step. */
TEST(test_a_closure_for_adam)
{
    IN_SCOPE;
    problem p = network(), q = network();
    p.optimizer = tg_adam_new(parameters_of(&p), .lr = 0.05);
    q.optimizer = tg_adam_new(parameters_of(&q), .lr = 0.05);
    const int64_t nodes = tg_tape_length();
    for (int k = 0; k < 3; k++) {
        tg_scope step = tg_scope_begin();
        const double expected = tg_item(closure(&q));
        assert_int_equal(tg_step(q.optimizer), TG_OK);
        tg_scope_end(step);
        assert_true(tg_step_closure(p.optimizer, closure, &p) == expected);
    }
    assert_int_equal(p.calls, 3);
    assert_true(tg_equal(flat(&p), flat(&q)) && tg_tape_length() == nodes);
    assert_int_equal(tg_optimizer_steps(p.optimizer, p.parameters[0]), 3);
    tg_scope quiet = tg_no_grad_begin(); /* the closure's gradients flow all the same */
    assert_true(tg_step_closure(p.optimizer, closure, &p) > 0);
    tg_scope_end(quiet);
    tg_optimizer_free(p.optimizer);
    tg_optimizer_free(q.optimizer);
    tg_scope_end(scope);
}

static tg_optimizer *wolfe(problem *p)
{
    return p->optimizer = tg_lbfgs_new(parameters_of(p), .max_iter = 4, .line_search_fn = "strong_wolfe");
}

TEST(test_options_by_name)
{
    IN_SCOPE;
    problem p = network();
    tg_optimizer *o = wolfe(&p);
    assert_true(tg_group_option(o, 0, "max_eval") == 5 && tg_group_option(o, 0, "strong_wolfe") == 1);
    assert_int_equal(tg_set_group_option(o, 0, "max_iter", 0), TG_OK);
    tg_tensor *before = flat(&p);
    assert_true(tg_step_closure(o, closure, &p) > 0); /* without iterations it evaluates, and stays */
    assert_true(tg_equal(flat(&p), before) && p.calls == 1);
    assert_null(tg_lbfgs_state_of(o).d);
    assert_int_equal(tg_set_group_option(o, 0, "max_iter", 1), TG_OK);
    assert_int_equal(tg_set_group_option(o, 0, "tolerance_grad", 1e3), TG_OK);
    assert_true(tg_step_closure(o, closure, &p) > 0); /* the gradient is small enough as it is */
    assert_true(tg_equal(flat(&p), before) && p.calls == 2);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* A parameter that the loss does not depend on has a gradient of zeros. */
TEST(test_a_parameter_without_gradient)
{
    IN_SCOPE;
    problem p = rosenbrock();
    tg_tensor *unused = tg_ones(tg_shape(2, 1), .dtype = TG_FLOAT64, .requires_grad = true);
    p.optimizer = tg_lbfgs_new(tg_list(unused, p.parameters[0]), .line_search_fn = "strong_wolfe");
    for (int k = 0; k < 10; k++) tg_step_closure(p.optimizer, closure, &p);
    golden *g = golden_open("lbfgs.txt");
    assert_true(golden_seek(g, "rosenbrock, strong_wolfe"));
    golden_assert(g, "at.10", p.parameters[0], 1e-9);
    golden_close(g);
    VALUES(unused, 0, 1, 1);
    tg_optimizer_free(p.optimizer);
    tg_scope_end(scope);
}

/* ---- state ---- */

/* Another optimiser of other tensors takes over, its options, too, from a state dict: its steps are those of the first,
 * bit for bit. */
static void go_on_elsewhere(bool by_dict, int steps)
{
    IN_SCOPE;
    problem p = network(), q = network();
    wolfe(&p), wolfe(&q);
    if (by_dict) tg_set_lr(p.optimizer, 0.5);
    for (int k = 0; k < steps; k++) tg_step_closure(p.optimizer, closure, &p);
    tg_scope quiet = tg_no_grad_begin();
    for (int i = 0; i < 3; i++) tg_copy_(q.parameters[i], p.parameters[i]);
    tg_scope_end(quiet);
    if (by_dict)
        assert_int_equal(tg_optimizer_load_state_dict(q.optimizer, tg_optimizer_state_dict(p.optimizer)), TG_OK);
    else
        assert_int_equal(tg_lbfgs_set_state(q.optimizer, tg_lbfgs_state_of(p.optimizer)), TG_OK);
    assert_true(tg_lr(q.optimizer) == tg_lr(p.optimizer));
    for (int k = 0; k < 3; k++)
        assert_true(tg_step_closure(p.optimizer, closure, &p) == tg_step_closure(q.optimizer, closure, &q));
    assert_true(tg_equal(flat(&p), flat(&q)));
    const tg_lbfgs_state a = tg_lbfgs_state_of(p.optimizer), b = tg_lbfgs_state_of(q.optimizer);
    assert_true(a.n_iter == b.n_iter && a.func_evals == b.func_evals && a.H_diag == b.H_diag && a.t == b.t);
    assert_true(a.prev_loss == b.prev_loss && tg_equal(a.d, b.d) && a.d != b.d && a.old_dirs.count == b.old_dirs.count);
    tg_optimizer_free(p.optimizer);
    tg_optimizer_free(q.optimizer);
    tg_scope_end(scope);
}

TEST(test_state_goes_on_elsewhere)
{
    go_on_elsewhere(false, 3);
    go_on_elsewhere(true, 3);
    go_on_elsewhere(true, 0); /* nothing is remembered yet */
}

/* A list in which one entry has another name or value is refused, and changes nothing. */
TEST(test_state_dicts_that_do_not_fit)
{
    static const struct {
        const char *entry, *name; /* the entry, and what it is called then */
        double value;             /* NaN: as it is */
        const char *error;
    } cases[] = {
        { "state.0.n_iter", "state.0.n", NAN,
          "Unexpected key(s) in state_dict: \"state.0.n\", \"state.0.func_evals\"" },
        { "state.0.t", "state.0.u", NAN, "Missing key(s) in state_dict: \"state.0.t\"." },
        { "state.0.d", "state.0.d", 1, "size mismatch for state.0.d" },
        { "state.0.prev_flat_grad", "x", NAN, "Missing key(s) in state_dict: \"state.0.prev_flat_grad\"." },
        { "state.0.old_stps.0", "x", NAN, "Missing key(s) in state_dict: \"state.0.old_stps.0\"." },
        { "state.0.old_dirs.0", "x", NAN, "Unexpected key(s) in state_dict: \"x\", \"state.0.old_stps.0\"" },
        { "state.0.func_evals", "state.0.func_evals", -1, "counts that are none" },
        { "state.0.n_iter", "state.0.n_iter", 1.5, "counts that are none" },
        { "param_groups.0.max_iter", "param_groups.0.max_iter", -3, "Invalid max_iter: -3" },
    };
    IN_SCOPE;
    problem p = network();
    wolfe(&p);
    tg_step_closure(p.optimizer, closure, &p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tg_named_tensor_list list = tg_optimizer_state_dict(p.optimizer);
        tg_named_tensor items[64];
        bool found = false;
        assert_true(list.count <= 64);
        for (int64_t j = 0; j < list.count; j++) {
            items[j] = list.items[j];
            if (strcmp(items[j].name, cases[i].entry) != 0) continue;
            found = true;
            items[j].name = cases[i].name;
            if (!isnan(cases[i].value)) items[j].tensor = tg_scalar(cases[i].value, .dtype = TG_FLOAT64);
        }
        assert_true(found);
        const tg_named_tensor_list changed = { items, list.count };
        assert_int_equal(tg_optimizer_load_state_dict(p.optimizer, changed), TG_FAILED);
        expect_error(cases[i].error);
        const tg_named_tensor_list after = tg_optimizer_state_dict(p.optimizer);
        for (int64_t j = 0; j < list.count; j++) assert_true(tg_equal(after.items[j].tensor, list.items[j].tensor));
    }
    tg_optimizer_free(p.optimizer);
    tg_scope_end(scope);
}

TEST(test_states_that_do_not_fit)
{
    IN_SCOPE;
    problem p = network(), q = rosenbrock();
    wolfe(&p), wolfe(&q);
    tg_step_closure(p.optimizer, closure, &p);
    tg_step_closure(q.optimizer, closure, &q);
    tg_lbfgs_state its = tg_lbfgs_state_of(q.optimizer);
    const int64_t n_iter = tg_lbfgs_state_of(p.optimizer).n_iter;
    assert_int_equal(tg_lbfgs_set_state(p.optimizer, its), TG_FAILED);
    expect_error("lbfgs_set_state: expected vectors of 12 elements");
    its.d = NULL;
    assert_int_equal(tg_lbfgs_set_state(q.optimizer, its), TG_FAILED);
    expect_error("lbfgs_set_state: ");
    its.old_dirs.count--;
    assert_int_equal(tg_lbfgs_set_state(q.optimizer, its), TG_FAILED);
    expect_error("lbfgs_set_state: counts that are none, or lists of different lengths");
    assert_true(tg_lbfgs_state_of(p.optimizer).n_iter == n_iter && tg_lbfgs_state_of(q.optimizer).d);
    tg_optimizer_free(p.optimizer);
    tg_optimizer_free(q.optimizer);
    tg_scope_end(scope);
}

/* ---- errors ---- */

/* A step whose closure fails, early or late: the parameters are as they were, and so is what is remembered, so that the
 * next steps are those of an optimiser to which this never happened. */
TEST(test_a_closure_that_fails)
{
    static const char *const messages[] = { "closure: no more data", "LBFGS: the closure returned NULL, not the loss",
                                            "item: only one element tensors can be converted to a number" };
    for (int64_t late = 0; late < 4; late++) {
        IN_SCOPE;
        problem p = network(), q = network();
        wolfe(&p), wolfe(&q);
        for (int k = 0; k < 2; k++)
            assert_true(tg_step_closure(p.optimizer, closure, &p) == tg_step_closure(q.optimizer, closure, &q));
        tg_tensor *before = flat(&p);
        for (int how = 0; how < 3; how++) {
            p.fail_at = p.calls + late;
            p.how = (enum failure)how;
            assert_true(isnan(tg_step_closure(p.optimizer, closure, &p)));
            expect_error(messages[how]);
            assert_true(tg_equal(flat(&p), before));
        }
        for (int k = 0; k < 3; k++)
            assert_true(tg_step_closure(p.optimizer, closure, &p) == tg_step_closure(q.optimizer, closure, &q));
        assert_true(tg_equal(flat(&p), flat(&q)));
        tg_optimizer_free(p.optimizer);
        tg_optimizer_free(q.optimizer);
        tg_scope_end(scope);
    }
}

static tg_tensor *steps_again(void *context)
{
    problem *p = context;
    tg_optimizer_free(p->optimizer);
    tg_error_clear();
    tg_step_closure(p->optimizer, closure, p);
    return tg_sum(p->parameters[0]);
}

TEST(test_errors)
{
    IN_SCOPE;
    problem p = network();
    tg_tensor_list all = parameters_of(&p);
    assert_null(tg_lbfgs_new(all, .line_search_fn = "armijo"));
    expect_error("LBFGS: only 'strong_wolfe' is supported");
    assert_null(tg_lbfgs_new(all, .history_size = 0));
    expect_error("LBFGS: Invalid history_size: 0");
    assert_null(tg_lbfgs_new(all, .max_iter = -1));
    expect_error("LBFGS: Invalid max_iter: -1");
    assert_null(tg_lbfgs_new(all, .lr = -1));
    expect_error("LBFGS: Invalid learning rate: -1");
    tg_optimizer *o = wolfe(&p);
    assert_int_equal(tg_step(o), TG_FAILED);
    expect_error("LBFGS: its steps need a closure: tg_step_closure");
    assert_int_equal(tg_optimizer_add_param_group(o, tg_list(tg_ones(tg_shape(2)))), -1);
    expect_error("LBFGS: LBFGS doesn't support per-parameter options (parameter groups)");
    assert_true(isnan(tg_step_closure(o, NULL, NULL)));
    expect_error("LBFGS: the closure is NULL");
    assert_true(isnan(tg_step_closure(o, steps_again, &p)));
    expect_error("LBFGS: the optimizer is in a step already");
    tg_optimizer *sgd = tg_sgd_new(all);
    assert_int_equal(tg_lbfgs_state_of(sgd).n_iter, 0);
    expect_error("lbfgs_state_of: the optimizer is no LBFGS, but SGD");
    tg_optimizer_free(sgd);
    tg_optimizer_free(o);
    tg_scope_end(scope);
}

/* A loss that is no number moves nothing for good: neither does the program hang, nor is it an error. */
static tg_tensor *no_number(void *context)
{
    problem *p = context;
    tg_zero_grad(p->optimizer);
    tg_tensor *loss = tg_sum(tg_log(tg_sub(tg_mul(p->parameters[0], 0), 1)));
    tg_backward(loss);
    return loss;
}

TEST(test_a_loss_that_is_nan)
{
    IN_SCOPE;
    problem p = rosenbrock();
    wolfe(&p);
    assert_true(isnan(tg_step_closure(p.optimizer, no_number, &p)) && tg_ok());
    tg_optimizer_free(p.optimizer);
    tg_scope_end(scope);
}

/* ---- memory ---- */

TEST(test_a_thousand_steps)
{
    IN_SCOPE;
    problem p = network();
    p.optimizer = tg_lbfgs_new(parameters_of(&p), .lr = 1e-3, .max_iter = 2, .history_size = 4, .tolerance_change = 0);
    int64_t early = 0;
    for (int k = 0; k < 1000; k++) {
        tg_step_closure(p.optimizer, closure, &p);
        if (k == 10) early = tg_memory_stats().live_bytes;
    }
    assert_int_equal(tg_memory_stats().live_bytes, early);
    assert_int_equal(tg_lbfgs_state_of(p.optimizer).old_dirs.count, 4);
    tg_optimizer_free(p.optimizer);
    tg_scope_end(scope);
}

static double failing_steps(void)
{
    problem p = rosenbrock();
    p.optimizer = tg_lbfgs_new(parameters_of(&p), .max_iter = 2, .history_size = 2, .line_search_fn = "strong_wolfe");
    double loss = 0;
    for (int k = 0; k < 2 && tg_ok(); k++) loss = tg_step_closure(p.optimizer, closure, &p);
    tg_optimizer_free(p.optimizer);
    return tg_ok() ? loss : 0;
}

TEST(test_each_allocation_fails) { fail_each_allocation(failing_steps); }

/* ---- main ---- */

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation */
    const struct CMUnitTest tests[] = {
        T(test_trajectories),
        T(test_a_closure_for_adam),
        T(test_options_by_name),
        T(test_a_parameter_without_gradient),
        T(test_state_goes_on_elsewhere),
        T(test_states_that_do_not_fit),
        T(test_state_dicts_that_do_not_fit),
        T(test_a_closure_that_fails),
        T(test_errors),
        T(test_a_loss_that_is_nan),
        T(test_a_thousand_steps),
        T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests_name("lbfgs", tests, NULL, NULL);
}
