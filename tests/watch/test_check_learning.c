/* test_check_learning.c: a run that does not learn, or not all of it, though it has gradients and steps, or seems to have
 * (core/watch/check/check.h). Beside each mistake stands a run that is right and looks like it. */
#define _POSIX_C_SOURCE 200809L /* dup */

#include "tests/support/finds.h"
#include "tests/support/small_training.h"

#include "tapegrad.h"

#include <unistd.h>

/* One step of training, in the wrong order if `early`. */
static void step_of(run *r, tg_tensor *(*loss_of)(run *r), bool early)
{
    tg_scope step = tg_scope_begin();
    if (!early) tg_zero_grad(r->optimizer);
    tg_backward(loss_of(r));
    if (early) tg_zero_grad(r->optimizer, .set_to_none = false);
    tg_step(r->optimizer);
    tg_scope_end(step);
}

/* On a new batch each time, so that no two losses are the same. */
static tg_tensor *fresh_loss(run *r)
{
    tg_tensor *x = tg_randn(tg_shape(16, 4));
    return tg_mse_loss(tg_module_forward(r->model, x), tg_sum(x, .dim = 1, .keepdim = true));
}

static tg_tensor *negative_loss(run *r) { return tg_neg(fresh_loss(r)); }
static tg_tensor *loss_of_numbers(run *r) { return tg_scalar(tg_item(fresh_loss(r)), .requires_grad = true); }
static tg_tensor *loss_above(run *r) { return tg_sub(fresh_loss(r), 1000); } /* a constant more or less */

/* What relu gives is 0, or all that is wanted. */
static double wanted;
static tg_tensor *rectified_loss(run *r)
{
    tg_tensor *p = tg_relu(tg_sub(tg_module_forward(r->model, tg_randn(tg_shape(16, 4))), 1e6));
    return tg_mse_loss(p, tg_full(tg_shape(16, 1), wanted));
}

TEST(test_all_gradients_are_zero)
{
    run r = run_mlp(0.05);
    for (int i = 0; i < 2; i++) {
        wanted = i;
        CHECKING;
        for (int k = 0; k < 4; k++) step_of(&r, rectified_loss, false);
        assert_nothing_found(&all);
        step_of(&r, rectified_loss, false);
        if (i) {
            assert_says(found(&all, "zero_gradient"), "all gradients have been 0 in 5 steps in a row");
            assert_says(found(&all, "zero_gradient"), "the first that is 0 is what relu at " __FILE__);
        } else { /* the loss is 0, too */
            assert_int_equal(count_of(&all, "zero_gradient"), 0);
        }
        tg_check_end();
    }
    run_free(&r);
}

TEST(test_backward_of_a_number)
{
    run r = run_mlp(0.05);
    CHECKING;
    for (int i = 0; i < 4; i++) step_of(&r, loss_of_numbers, false);
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "unreached"), "no gradient reaches 4 parameters of a model that is used, nor any other");
    assert_says(&all.items[0], "starts from a tensor made of numbers at " __FILE__);
    run_free(&r);
}

/* A model whose results are data: a tensor of the user's is trained on them. */
TEST(test_another_is_trained)
{
    run r = run_mlp(0.05);
    CHECKING;
    tg_tensor *w = tg_keep(tg_ones(tg_shape(1, 1), .requires_grad = true));
    for (int i = 0; i < 6; i++) {
        tg_scope step = tg_scope_begin();
        tg_set_grad(w, NULL);
        tg_backward(tg_mean(tg_square(tg_matmul(tg_detach(tg_module_forward(r.model, r.x)), w))));
        tg_scope off = tg_no_grad_begin();
        tg_sub_(w, tg_mul(tg_grad_of(w), 0.01));
        tg_scope_end(off);
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_release(w);
    run_free(&r);
}

TEST(test_loss_that_falls_without_end)
{
    tg_manual_seed(0);
    run r = run_new(TG_MODULE(tg_linear_new(4, 1)), 0.1);
    CHECKING;
    for (int i = 0; i < 60; i++) step_of(&r, negative_loss, false);
    tg_check_end();
    assert_says(found(&all, "exploding_loss"), "the loss has fallen from -");
    run_free(&r);
    r = run_mlp(0.05);
    all.count = 0;
    tg_check_begin(.told = note_find, .context = &all);
    for (int i = 0; i < 60; i++) step_of(&r, loss_above, false);
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    run_free(&r);
}

TEST(test_cleared_before_the_step)
{
    run r = run_mlp(0.05);
    CHECKING;
    for (int i = 0; i < 5; i++) step_of(&r, fresh_loss, true);
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "zero_grad"), "the step finds no gradients: they were cleared after tg_backward");
    run_free(&r);
}

static tg_tensor *lbfgs_loss(void *context)
{
    run *r = context;
    tg_module_zero_grad(r->model);
    tg_tensor *loss = tg_mse_loss(tg_module_forward(r->model, r->x), r->y);
    tg_backward(loss);
    return loss;
}

/* Cleared before the step, whose closure brings new ones. */
TEST(test_cleared_before_a_closure)
{
    run r = run_mlp(0.05);
    tg_optimizer *lbfgs = tg_lbfgs_new(tg_parameters(r.model), .lr = 0.1, .max_iter = 2);
    CHECKING;
    for (int i = 0; i < 6; i++) {
        tg_zero_grad(lbfgs);
        tg_step_closure(lbfgs, lbfgs_loss, &r);
    }
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_optimizer_free(lbfgs);
    run_free(&r);
}

/* Those of the last layer alone, as if one had been put in the place of another. */
TEST(test_never_stepped)
{
    run r = run_mlp(0.05);
    tg_tensor *given[2];
    const tg_named_tensor_list named = tg_named_parameters(r.model);
    for (int i = 0; i < 2; i++) given[i] = named.items[2 + i].tensor;
    tg_optimizer *optimizer = tg_sgd_new(tg_list_of(given, 2), .lr = 0.05);
    for (int some = 0; some < 2; some++) {
        CHECKING;
        tg_optimizer *now = some ? optimizer : r.optimizer;
        for (int i = 0; i < 24; i++) {
            tg_scope step = tg_scope_begin();
            tg_module_zero_grad(r.model);
            tg_backward(fresh_loss(&r));
            tg_step(now);
            tg_scope_end(step);
        }
        assert_int_equal(tg_check_end(), some);
        if (some)
            assert_says(
                found(&all, "unstepped"),
                "no step has written 2 parameters that get gradients, while others were written: 0.weight, 0.bias");
    }
    tg_optimizer_free(optimizer);
    run_free(&r);
}

/* Two models in turns, the one at each fifth step: both are written in time. */
TEST(test_stepped_now_and_then)
{
    run r = run_mlp(0.01), critic = run_mlp(0.01);
    CHECKING;
    for (int i = 0; i < 40; i++) {
        tg_scope step = tg_scope_begin();
        tg_module_zero_grad(r.model);
        tg_module_zero_grad(critic.model);
        tg_tensor *made = tg_expand(tg_module_forward(r.model, tg_randn(tg_shape(16, 4))), tg_shape(16, 4));
        tg_backward(tg_mse_loss(tg_module_forward(critic.model, made), r.y));
        tg_step(i % 5 == 4 ? r.optimizer : critic.optimizer);
        tg_scope_end(step);
    }
    tg_check_end();
    assert_int_equal(count_of(&all, "unstepped"), 0);
    run_free(&r);
    run_free(&critic);
}

TEST(test_data_that_requires_grad)
{
    for (int cleared = 0; cleared < 2; cleared++) {
        run r = run_mlp(0.05);
        tg_set_name(tg_requires_grad_(r.x, true), "x");
        tg_requires_grad_(r.y, false);
        CHECKING;
        for (int i = 0; i < 24; i++) {
            if (cleared) tg_set_grad(r.x, NULL);
            train(&r, 1);
        }
        assert_int_equal(tg_check_end(), !cleared);
        if (!cleared)
            assert_says(found(&all, "unstepped"), "x gets a gradient in each step that is added to the former");
        run_free(&r);
    }
}

TEST(test_made_anew)
{
    run r = run_mlp(0.05);
    CHECKING;
    for (int i = 0; i < 6; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(r.optimizer);
        tg_linear *last = tg_linear_new(1, 1);
        tg_backward(tg_mse_loss(tg_linear_forward(last, tg_module_forward(r.model, r.x)), r.y));
        tg_step(r.optimizer);
        tg_module_free(last);
        tg_scope_end(step);
    }
    tg_check_end();
    assert_says(found(&all, "unstepped"), "weight is another one in each of 5 steps: it was made anew");
    assert_int_equal(count_of(&all, "unstepped"), 1);
    run_free(&r);
}

/* ---- the summary ---- */

static void by_hand(run *r)
{
    const tg_named_tensor_list named = tg_named_parameters(r->model);
    tg_backward(fresh_loss(r));
    tg_scope off = tg_no_grad_begin();
    for (int64_t i = 0; i < named.count; i++) {
        tg_sub_(named.items[i].tensor, tg_mul(tg_grad_of(named.items[i].tensor), 0.01));
        tg_set_grad(named.items[i].tensor, NULL);
    }
    tg_scope_end(off);
}

/* Steps are what was asked for: by tg_step, whatever it found, with a closure, or by hand. */
static void steps_of(run *r, int how)
{
    tg_optimizer *lbfgs = tg_lbfgs_new(tg_parameters(r->model), .lr = 0.1, .max_iter = 4);
    for (int i = 0; i < 3; i++) {
        tg_scope step = tg_scope_begin();
        if (how == 0) {
            tg_backward(fresh_loss(r));
            tg_zero_grad(r->optimizer);
            tg_step(r->optimizer);
        } else if (how == 1) {
            tg_step_closure(lbfgs, lbfgs_loss, r);
        } else {
            by_hand(r);
        }
        tg_scope_end(step);
    }
    tg_optimizer_free(lbfgs);
}

TEST(test_steps_are_counted)
{
    const char *path = "test_check_learning.txt";
    char text[4096];
    run r = run_mlp(0.01);
    for (int how = 0; how < 3; how++) {
        fflush(stderr);
        const int before = dup(STDERR_FILENO);
        assert_non_null(freopen(path, "w+", stderr));
        tg_check_begin();
        steps_of(&r, how);
        tg_check_end();
        fflush(stderr);
        rewind(stderr);
        text[fread(text, 1, sizeof text - 1, stderr)] = '\0';
        dup2(before, STDERR_FILENO);
        close(before);
        if (!strstr(text, ", steps 3\n")) fail_msg("%d: %s", how, text);
    }
    remove(path);
    run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_all_gradients_are_zero),  T(test_backward_of_a_number),
        T(test_another_is_trained),      T(test_loss_that_falls_without_end),
        T(test_cleared_before_the_step), T(test_cleared_before_a_closure),
        T(test_never_stepped),           T(test_stepped_now_and_then),
        T(test_data_that_requires_grad), T(test_made_anew),
        T(test_steps_are_counted),
    };
    return cmocka_run_group_tests_name("check_learning", tests, NULL, NULL);
}
