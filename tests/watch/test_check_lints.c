/* test_check_lints.c: what trains badly without an error (core/watch/check/check.h). Each lint has a run in which its mistake is
 * planted, and one that is right and looks like it, in which nothing may be found. */
#include "tests/support/finds.h"
#include "tests/support/small_training.h"

#include "tapegrad.h"

#include <math.h>

TEST(test_all_is_well)
{
    run r = run_mlp(0.05);
    CHECKING;
    train(&r, 60);
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    run_free(&r);
}

/* ---- what a loss is given ---- */

TEST(test_broadcast_in_a_loss)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *p = tg_randn(tg_shape(6, 1), .requires_grad = true), *y = tg_randn(tg_shape(6));
    const int line = __LINE__ + 1;
    for (int i = 0; i < 2; i++) tg_mse_loss(p, y);
    assert_int_equal(tg_check_end(), 1);
    assert_at(found(&all, "broadcast"), __FILE__, line);
    assert_says(&all.items[0], "mse_loss compares [6, 1] with [6]: both are broadcast to [6, 6]");
    assert_says(&all.items[0], "36 pairs");
    tg_scope_end(scope);
}

TEST(test_broadcast_by_hand)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *p = tg_randn(tg_shape(6, 1), .requires_grad = true), *y = tg_randn(tg_shape(6));
    tg_mean(tg_square(tg_sub(y, p)));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "broadcast"), "sub compares [6] with [6, 1]: both are broadcast to [6, 6]");
    tg_scope_end(scope);
}

TEST(test_broadcasts_that_are_meant)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *p = tg_randn(tg_shape(6), .requires_grad = true), *x = tg_randn(tg_shape(6, 4), .requires_grad = true);
    tg_sub(p, tg_unsqueeze(p, 1)); /* of each pair */
    tg_sub(x, tg_mean(x, .dim = 1, .keepdim = true));
    tg_sub(x, tg_randn(tg_shape(4)));
    tg_mse_loss(p, tg_tensor_of(0.5)); /* one target for all */
    tg_mse_loss(x, tg_expand(tg_randn(tg_shape(4)), tg_shape(6, 4)));
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_scope_end(scope);
}

TEST(test_squashed_twice)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = tg_randn(tg_shape(3, 4), .requires_grad = true), *y = tg_randint(0, 4, tg_shape(3));
    tg_cross_entropy(tg_view(tg_softmax(x, 1), tg_shape(3, 4)), y);
    tg_log_softmax(tg_softmax(x, 1), 1);
    tg_binary_cross_entropy_with_logits(tg_sigmoid(x), tg_rand(tg_shape(3, 4)));
    assert_int_equal(tg_check_end(), 3);
    assert_int_equal(count_of(&all, "squashed_twice"), 3);
    assert_says(&all.items[0], "cross_entropy is given the result of softmax, but applies softmax itself");
    assert_says(&all.items[2], "applies sigmoid itself");
    tg_scope_end(scope);
}

TEST(test_log_probabilities)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = tg_randn(tg_shape(3, 4), .requires_grad = true), *y = tg_randint(0, 4, tg_shape(3));
    tg_nll_loss(x, y);
    tg_kl_div(tg_softmax(x, 1), tg_softmax(tg_randn(tg_shape(3, 4)), 1));
    assert_int_equal(tg_check_end(), 2);
    assert_says(&all.items[0], "nll_loss wants logarithms of probabilities");
    assert_says(&all.items[1], "tg_log_softmax in place of tg_softmax");
    tg_scope_end(scope);
}

TEST(test_targets_outside)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = tg_randn(tg_shape(4), .requires_grad = true);
    tg_binary_cross_entropy_with_logits(x, tg_tensor_of(-1.0, 1.0, 1.0, -1.0));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "target_outside"), "numbers from -1 to 1");
    tg_scope_end(scope);
}

TEST(test_losses_that_are_right)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = tg_randn(tg_shape(3, 4), .requires_grad = true), *y = tg_randint(0, 4, tg_shape(3));
    tg_cross_entropy(x, y);
    tg_nll_loss(tg_log_softmax(x, 1), y);
    tg_binary_cross_entropy(tg_sigmoid(x), tg_rand(tg_shape(3, 4)));
    tg_binary_cross_entropy_with_logits(x, tg_rand(tg_shape(3, 4)));
    tg_kl_div(tg_log_softmax(x, 1), tg_softmax(tg_randn(tg_shape(3, 4)), 1));
    tg_softmax(tg_matmul(tg_softmax(x, 1), tg_randn(tg_shape(4, 4))), 1);
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_scope_end(scope);
}

/* ---- parameters that no loss reaches ---- */

typedef enum use { USED, UNUSED, DETACHED, NO_GRAD, NOT_IN_LOSS } use;

typedef struct two_heads {
    tg_module base;
    tg_linear *body, *head, *other;
    use how;
} two_heads;

static tg_tensor *two_heads_forward(tg_module *module, tg_tensor *x)
{
    two_heads *m = (two_heads *)module;
    tg_tensor *h = tg_tanh(tg_linear_forward(m->body, x)), *y = tg_linear_forward(m->head, h);
    if (m->how == UNUSED) return y;
    if (m->how == NO_GRAD) {
        tg_scope off = tg_no_grad_begin();
        tg_tensor *z = tg_linear_forward(m->other, h);
        tg_scope_end_with(off, &z);
        return tg_add(y, z);
    }
    tg_tensor *z = tg_linear_forward(m->other, h);
    return m->how == DETACHED ? tg_add(y, tg_detach(z)) : m->how == USED ? tg_add(y, z) : y;
}

static run run_two_heads(use how)
{
    tg_manual_seed(0);
    two_heads *m = tg_module_new(two_heads, .name = "TwoHeads", .forward = two_heads_forward);
    TG_SUBMODULE(m, body, tg_linear_new(4, 8));
    TG_SUBMODULE(m, head, tg_linear_new(8, 1));
    TG_SUBMODULE(m, other, tg_linear_new(8, 1));
    m->how = how;
    return run_new(TG_MODULE(m), 0.05);
}

TEST(test_unreached)
{
    static const struct {
        use how;
        const char *kind, *words;
    } cases[] = { { UNUSED, "unreached", "no op has read it" },
                  { DETACHED, "cut", "cut off at " __FILE__ },
                  { NO_GRAD, "cut", "read only under tg_no_grad_begin" },
                  { NOT_IN_LOSS, "unreached", "made by linear at " __FILE__ } };
    for (int i = 0; i < 4; i++) {
        run r = run_two_heads(cases[i].how);
        CHECKING;
        train(&r, 5);
        assert_int_equal(tg_check_end(), 1);
        assert_says(found(&all, cases[i].kind),
                    "no gradient reaches 2 parameters of a model that is trained: other.weight, other.bias");
        assert_says(&all.items[0], cases[i].words);
        run_free(&r);
    }
}

TEST(test_told_in_the_end_of_few_steps)
{
    run r = run_two_heads(UNUSED);
    CHECKING;
    train(&r, 2);
    assert_int_equal(all.count, 0);
    assert_int_equal(tg_check_end(), 1);
    found(&all, "unreached");
    run_free(&r);
}

/* Frozen, or trained in turns. */
TEST(test_reached_in_time)
{
    run r = run_two_heads(UNUSED);
    two_heads *m = (two_heads *)r.model;
    CHECKING;
    for (int i = 0; i < 8; i++) {
        m->how = i % 2 ? USED : UNUSED;
        train(&r, 1);
    }
    m->how = UNUSED;
    tg_requires_grad_(m->other->weight, false);
    tg_requires_grad_(m->other->bias, false);
    train(&r, 5);
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    run_free(&r);
}

/* ---- steps ---- */

TEST(test_forgotten_zero_grad)
{
    run r = run_mlp(0.001);
    CHECKING;
    for (int i = 0; i < 4; i++) {
        tg_scope step = tg_scope_begin();
        tg_backward(tg_mse_loss(tg_module_forward(r.model, r.x), r.y));
        tg_step(r.optimizer);
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "zero_grad"), "2.weight was written (at " __FILE__);
    run_free(&r);
}

TEST(test_gradients_added_up)
{
    run r = run_mlp(0.01);
    CHECKING;
    for (int i = 0; i < 12; i++) {
        tg_scope step = tg_scope_begin();
        tg_backward(tg_mul(tg_mse_loss(tg_module_forward(r.model, r.x), r.y), 1.0 / 3));
        if (i % 3 == 2) {
            tg_clip_grad_norm_(tg_parameters(r.model), 1.0);
            tg_step(r.optimizer);
            if (i % 2)
                tg_zero_grad(r.optimizer);
            else
                tg_zero_grad(r.optimizer, .set_to_none = false);
        }
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    run_free(&r);
}

TEST(test_learning_rate)
{
    run r = run_mlp(30);
    CHECKING;
    train(&r, 6);
    tg_check_end();
    assert_says(found(&all, "learning_rate"), "times what it was, 2 steps in a row");
    run_free(&r);
}

TEST(test_loss_that_explodes)
{
    tg_manual_seed(0);
    run r = run_new(TG_MODULE(tg_linear_new(4, 1)), 2);
    CHECKING;
    train(&r, 12);
    tg_check_end();
    assert_says(found(&all, "exploding_loss"), "the loss has grown from");
    run_free(&r);
}

TEST(test_zeros_to_begin_with)
{
    run r = run_mlp(0.05);
    tg_scope off = tg_no_grad_begin();
    const tg_named_tensor_list named = tg_named_parameters(r.model);
    for (int64_t i = 0; i < named.count; i++) tg_fill_(named.items[i].tensor, 0.1);
    tg_scope_end(off);
    CHECKING;
    train(&r, 8);
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "symmetric"), "all 8 rows of 0.weight are the same");
    run_free(&r);
}

/* One layer may start from zeros: each class's row has a gradient of its own. */
TEST(test_zeros_that_learn)
{
    IN_SCOPE;
    tg_linear *fc = tg_linear_new(4, 3);
    tg_scope off = tg_no_grad_begin();
    tg_fill_(fc->weight, 0);
    tg_scope_end(off);
    tg_optimizer *optimizer = tg_sgd_new(tg_parameters(fc), .lr = 0.1);
    tg_tensor *x = tg_randn(tg_shape(12, 4)), *y = tg_randint(0, 3, tg_shape(12));
    CHECKING;
    for (int i = 0; i < 8; i++) {
        tg_zero_grad(optimizer);
        tg_backward(tg_cross_entropy(tg_linear_forward(fc, x), y));
        tg_step(optimizer);
    }
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_optimizer_free(optimizer);
    tg_module_free(fc);
    tg_scope_end(scope);
}

TEST(test_no_step)
{
    run r = run_mlp(0.1);
    CHECKING;
    for (int i = 0; i < 6; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(r.optimizer);
        tg_backward(tg_mse_loss(tg_module_forward(r.model, r.x), r.y));
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "constant_loss"), "no parameter has been written since the first of these walks");
    run_free(&r);
}

TEST(test_loss_without_slope)
{
    run r = run_mlp(0.1);
    CHECKING;
    for (int i = 0; i < 6; i++) { /* of one column softmax makes 1 */
        tg_scope step = tg_scope_begin();
        tg_zero_grad(r.optimizer);
        tg_backward(tg_mean(tg_square(tg_sub(tg_softmax(tg_module_forward(r.model, r.x), 1), r.y))));
        tg_step(r.optimizer);
        tg_scope_end(step);
    }
    tg_check_end();
    assert_says(found(&all, "constant_loss"), "a softmax of one column is 1");
    run_free(&r);
}

/* ---- units ---- */

static run run_relu(double bias)
{
    tg_manual_seed(0);
    tg_linear *first = tg_linear_new(4, 8);
    tg_scope off = tg_no_grad_begin();
    tg_fill_(first->bias, bias);
    tg_scope_end(off);
    return run_new(TG_MODULE(tg_sequential_new(first, tg_relu_new(), tg_linear_new(8, 1))), 0.01);
}

TEST(test_dead_units)
{
    run r = run_relu(-30);
    CHECKING;
    train(&r, 30);
    tg_check_end();
    assert_string_equal(found(&all, "dead_units")->place, "Sequential.1");
    assert_says(found(&all, "dead_units"), "8 of 8 units of relu have been 0 for every sample of the last 20 steps");
    assert_says(found(&all, "zero_gradient"), "has been 0 in 5 steps in a row");
    run_free(&r);
}

/* What is not a number is no 0. */
TEST(test_units_that_are_nan)
{
    run r = run_relu(0);
    tg_fill_(r.x, NAN);
    CHECKING;
    train(&r, 30);
    tg_check_end();
    assert_true(all.count > 0);
    assert_int_equal(count_of(&all, "dead_units"), 0);
    run_free(&r);
}

TEST(test_units_that_live)
{
    run r = run_relu(0);
    CHECKING;
    train(&r, 30);
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    run_free(&r);
}

/* Once in 15 steps. */
TEST(test_units_that_live_now_and_then)
{
    run r = run_relu(-30);
    CHECKING;
    for (int i = 0; i < 45; i++) {
        tg_copy_(r.x, i % 15 ? tg_zeros(tg_shape(16, 4)) : tg_mul(tg_randn(tg_shape(16, 4)), 1000));
        train(&r, 1);
    }
    tg_check_end();
    assert_int_equal(count_of(&all, "dead_units"), 0);
    run_free(&r);
}

TEST(test_saturated)
{
    tg_manual_seed(0);
    tg_linear *first = tg_linear_new(4, 8);
    tg_scope off = tg_no_grad_begin();
    tg_mul_(first->weight, 1000);
    tg_scope_end(off);
    run r = run_new(TG_MODULE(tg_sequential_new(first, tg_tanh_new(), tg_linear_new(8, 1))), 0.01);
    CHECKING;
    train(&r, 8);
    tg_check_end();
    assert_string_equal(found(&all, "saturated")->place, "Sequential.1");
    assert_says(found(&all, "saturated"), "of what tanh gives is within 0.01 of its ends");
    run_free(&r);
}

/* A classifier that is sure of what it says. */
TEST(test_sure_classifier)
{
    IN_SCOPE;
    tg_linear *fc = tg_linear_new(2, 4);
    tg_optimizer *optimizer = tg_sgd_new(tg_parameters(fc), .lr = 1e-3);
    tg_tensor *x = tg_mul(tg_randn(tg_shape(12, 2)), 1e4),
              *y = tg_to(tg_gt(tg_matmul(x, tg_t(fc->weight)), 0), TG_FLOAT32);
    CHECKING;
    for (int i = 0; i < 8; i++) {
        tg_zero_grad(optimizer);
        tg_backward(tg_binary_cross_entropy(tg_sigmoid(tg_linear_forward(fc, x)), y));
        tg_step(optimizer);
    }
    tg_check_end();
    assert_int_equal(count_of(&all, "saturated"), 0);
    tg_optimizer_free(optimizer);
    tg_module_free(fc);
    tg_scope_end(scope);
}

/* ---- gradients over time ---- */

/* The sum of h at the last of 40 steps of h = w h + x, or its sine: that does not grow, but its gradient does. */
static void recur(double scale, bool bounded, finds *all)
{
    IN_SCOPE;
    tg_manual_seed(2);
    tg_check_begin(.told = note_find, .context = all);
    tg_tensor *w = tg_set_name(tg_mul(tg_eye(4), scale), "w"), *x = tg_mul(tg_randn(tg_shape(40, 2, 4)), 0.01);
    tg_requires_grad_(w, true);
    for (int i = 0; i < 4; i++) {
        tg_scope step = tg_scope_begin();
        tg_tensor *h = tg_ones(tg_shape(2, 4));
        for (int t = 0; t < 40; t++) {
            tg_label("t=%d", t);
            h = tg_add(tg_linear(h, w, NULL), tg_select(x, 0, t));
            if (bounded) h = tg_sin(h);
        }
        tg_set_grad(w, NULL);
        tg_backward(tg_sum(tg_add(h, (double)i)));
        tg_scope_end(step);
    }
    tg_check_end();
    tg_scope_end(scope);
}

TEST(test_vanishing)
{
    static finds all;
    all.count = 0;
    recur(0.3, false, &all);
    /* 0.3^k < 1e-7 from k = 14 on, and h is about as large at each of these: left are t = 26 to 39. */
    assert_says(found(&all, "vanishing"), "of the 40 uses of w only the last 14, from step 26 on, matter");
    assert_int_equal(count_of(&all, "exploding"), 0);
}

TEST(test_exploding)
{
    static finds all;
    all.count = 0;
    recur(3, true, &all);
    assert_says(found(&all, "exploding"), "the gradient of w grows from use to use");
    assert_int_equal(count_of(&all, "vanishing"), 0);
}

/* Eight walks to each of two leaves from one line, the second's gradient `factor` times as large: another model's. The
 * ninth to the first is that large as well. */
TEST(test_norms_of_two_models)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w[] = { tg_randn(tg_shape(3), .requires_grad = true), tg_randn(tg_shape(3), .requires_grad = true) };
    for (int i = 0; i < 17; i++) {
        tg_scope step = tg_scope_begin();
        tg_tensor *leaf = w[i / 8 % 2];
        tg_set_grad(leaf, NULL);
        tg_backward(tg_add(tg_sum(tg_mul(leaf, i < 8 ? 1e-2 : 1e4)), (double)i));
        tg_scope_end(step);
        if (i == 15) assert_int_equal(count_of(&all, "exploding"), 0);
    }
    tg_check_end();
    assert_says(found(&all, "exploding"), "the norm of all gradients is 1.73e+04, where it has been about 0.0173");
    tg_scope_end(scope);
}

/* A first state of zeros contributes nothing, and no row of an embedding but those that are looked up. */
TEST(test_zeros_that_are_right)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w = tg_requires_grad_(tg_mul(tg_eye(4), 0.9), true),
              *table = tg_randn(tg_shape(50, 4), .requires_grad = true);
    for (int i = 0; i < 8; i++) {
        tg_scope step = tg_scope_begin();
        tg_tensor *h = tg_zeros(tg_shape(1, 4));
        for (int t = 0; t < 12; t++)
            h = tg_add(tg_linear(h, w, NULL), tg_embedding(tg_full(tg_shape(1), t % 3), table));
        tg_set_grad(w, NULL);
        tg_set_grad(table, NULL);
        tg_backward(tg_sum(tg_add(h, (double)i)));
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_scope_end(scope);
}

TEST(test_neither)
{
    static finds all;
    all.count = 0;
    recur(0.98, false, &all);
    assert_nothing_found(&all);
}

/* ---- states and tensors that are kept ---- */

TEST(test_state_of_an_ended_scope)
{
    CHECKING;
    tg_tensor *w = tg_keep(tg_ones(tg_shape(2, 2), .requires_grad = true)), *h = tg_keep(tg_ones(tg_shape(2, 2)));
    int line = 0;
    for (int i = 0; i < 2; i++) {
        tg_scope step = tg_scope_begin();
        line = __LINE__ + 1;
        tg_tensor *next = tg_matmul(h, w);
        if (next) {
            tg_backward(tg_sum(next));
            tg_release(h);
            h = tg_keep(tg_set_name(next, "h"));
        }
        tg_scope_end(step);
    }
    expect_error("has lost its history");
    assert_int_equal(tg_check_end(), 1);
    assert_at(found(&all, "carried_state"), __FILE__, line);
    assert_says(&all.items[0], "outlives the scope that recorded it");
    tg_release(h);
    tg_release(w);
}

static void second_time(bool detach, finds *all)
{
    IN_SCOPE;
    tg_check_begin(.told = note_find, .context = all);
    tg_tensor *w = tg_ones(tg_shape(2, 2), .requires_grad = true), *h = tg_ones(tg_shape(2, 2));
    for (int i = 0; i < 2; i++) {
        h = tg_set_name(tg_tanh(tg_matmul(h, w)), "h");
        tg_backward(tg_sum(h));
        if (detach) h = tg_detach(h);
    }
    tg_check_end();
    tg_scope_end(scope);
}

TEST(test_backward_a_second_time)
{
    static finds all;
    all.count = 0;
    second_time(false, &all);
    expect_error("a second time");
    assert_says(found(&all, "carried_state"), "carried h, the result of tanh at " __FILE__);
    assert_says(&all.items[0], "and read by matmul at " __FILE__);
    assert_null(strstr(all.items[0].text, "the result of matmul"));
    all.count = 0;
    second_time(true, &all);
    assert_nothing_found(&all);
}

/* Retained, which keeps what was saved, until a step writes the weights. */
TEST(test_retained_and_stepped)
{
    IN_SCOPE;
    for (int again = 0; again < 2; again++) {
        CHECKING;
        tg_tensor *w = tg_ones(tg_shape(2, 2), .requires_grad = true), *h = tg_ones(tg_shape(2, 2)), *loss = NULL;
        tg_optimizer *optimizer = tg_sgd_new(tg_list(w), .lr = 0.1);
        for (int i = 0; i < 2; i++) {
            if (!i || !again) h = tg_set_name(tg_tanh(tg_matmul(tg_matmul(h, w), w)), "h");
            if (!i || !again) loss = tg_sum(h);
            tg_backward(loss, .retain_graph = true);
            if (!i) tg_step(optimizer);
        }
        expect_error("modified by an inplace operation");
        assert_int_equal(tg_check_end(), 1);
        assert_says(found(&all, "carried_state"), "which is of an earlier step: what it saved was written since");
        assert_says(&all.items[0],
                    again ? "it is the same loss again. Compute it anew" : "carried h, the result of tanh");
        tg_optimizer_free(optimizer);
    }
    tg_scope_end(scope);
}

/* Another error of a walk. */
TEST(test_written_since)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w = tg_ones(tg_shape(2), .requires_grad = true), *y = tg_exp(w);
    tg_scope off = tg_no_grad_begin();
    tg_tensor *alias = tg_detach(y);
    tg_add_(alias, 1);
    tg_scope_end(off);
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
    expect_error("modified by an inplace operation");
    assert_int_equal(tg_check_end(), 0);
    tg_scope_end(scope);
}

TEST(test_the_same_loss_again)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w = tg_ones(tg_shape(2), .requires_grad = true), *loss = tg_sum(tg_mul(w, w));
    tg_backward(loss);
    assert_int_equal(tg_backward(loss), TG_FAILED);
    expect_error("a second time");
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "carried_state"), "it is the same loss again");
    tg_scope_end(scope);
}

TEST(test_walks_that_grow)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w = tg_ones(tg_shape(2, 2), .requires_grad = true), *h = tg_ones(tg_shape(2, 2));
    for (int i = 0; i < 12; i++) {
        h = tg_tanh(tg_matmul(h, w));
        tg_backward(tg_sum(tg_add(h, (double)i)), .retain_graph = true);
    }
    tg_check_end();
    assert_says(found(&all, "carried_state"), "each walk is longer than the one before");
    assert_says(found(&all, "carried_state"), "the result of tanh at " __FILE__);
    tg_scope_end(scope);
}

TEST(test_no_scope)
{
    run r = run_mlp(0.01);
    IN_SCOPE;
    CHECKING;
    for (int i = 0; i < 30; i++) {
        tg_zero_grad(r.optimizer);
        tg_backward(tg_mse_loss(tg_module_forward(r.model, r.x), r.y));
        tg_step(r.optimizer);
    }
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "kept"), "no scope ends with the step");
    tg_scope_end(scope);
    run_free(&r);
}

TEST(test_tensors_kept)
{
    run r = run_mlp(0.01);
    tg_tensor *kept[60];
    int line = 0;
    CHECKING;
    for (int i = 0; i < 60; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(r.optimizer);
        line = __LINE__ + 1;
        tg_tensor *loss = tg_mse_loss(tg_module_forward(r.model, r.x), r.y);
        tg_backward(loss);
        kept[i] = tg_keep(loss);
        tg_step(r.optimizer);
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 1);
    assert_at(found(&all, "kept"), __FILE__, line);
    assert_says(&all.items[0], "1 tensor more is alive at each step");
    char made[160];
    snprintf(made, sizeof made, "made 1 at %s:%d mend", __FILE__, line);
    assert_says(&all.items[0], made);
    for (int i = 0; i < 60; i++) tg_release(kept[i]);
    run_free(&r);
}

/* ---- modes ---- */

static run run_dropout(void)
{
    tg_manual_seed(0);
    return run_new(TG_MODULE(tg_sequential_new(tg_linear_new(4, 8), tg_dropout_new(0.5), tg_linear_new(8, 1))), 0.01);
}

static void evaluate(run *r)
{
    tg_scope off = tg_no_grad_begin();
    tg_mse_loss(tg_module_forward(r->model, r->x), r->y);
    tg_scope_end(off);
}

TEST(test_trained_in_eval)
{
    run r = run_dropout();
    tg_module_eval(r.model);
    CHECKING;
    train(&r, 6);
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "eval_while_training"), "Sequential is trained in evaluation mode");
    run_free(&r);
}

/* A module says itself whether it has modes. */
TEST(test_lstm_has_modes_with_dropout)
{
    for (int with = 0; with < 2; with++) {
        IN_SCOPE;
        tg_lstm *lstm = tg_lstm_new(4, 8, .num_layers = 2, .dropout = with ? 0.5 : 0);
        CHECKING;
        for (int i = 0; i < 3; i++) {
            tg_scope off = tg_no_grad_begin();
            tg_lstm_forward(lstm, tg_ones(tg_shape(3, 2, 4)), (tg_lstm_state){ 0 });
            tg_scope_end(off);
        }
        assert_int_equal(tg_check_end(), with);
        tg_module_free(lstm);
        tg_scope_end(scope);
    }
}

TEST(test_evaluated_in_train)
{
    run r = run_dropout();
    CHECKING;
    for (int i = 0; i < 3; i++) {
        train(&r, 2);
        evaluate(&r);
    }
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "train_while_evaluating"), "Sequential runs under tg_no_grad_begin in training mode");
    run_free(&r);
}

TEST(test_modes_that_are_right)
{
    run r = run_dropout(), plain = run_mlp(0.01);
    CHECKING;
    for (int i = 0; i < 4; i++) {
        tg_module_train(r.model);
        train(&r, 2);
        tg_module_eval(r.model);
        evaluate(&r);
        train(&plain, 1);
        evaluate(&plain); /* has no modes */
    }
    tg_module_train(r.model); /* a generator: what it makes is trained on */
    for (int i = 0; i < 4; i++) {
        tg_scope step = tg_scope_begin(), off = tg_no_grad_begin();
        tg_tensor *made = tg_expand(tg_module_forward(r.model, r.x), tg_shape(16, 4));
        tg_scope_end_with(off, &made);
        tg_zero_grad(plain.optimizer);
        tg_backward(tg_mse_loss(tg_module_forward(plain.model, made), plain.y));
        tg_step(plain.optimizer);
        tg_scope_end(step);
    }
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    run_free(&r);
    run_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_all_is_well),
        T(test_broadcast_in_a_loss),
        T(test_broadcast_by_hand),
        T(test_broadcasts_that_are_meant),
        T(test_squashed_twice),
        T(test_log_probabilities),
        T(test_targets_outside),
        T(test_losses_that_are_right),
        T(test_unreached),
        T(test_told_in_the_end_of_few_steps),
        T(test_reached_in_time),
        T(test_forgotten_zero_grad),
        T(test_gradients_added_up),
        T(test_learning_rate),
        T(test_loss_that_explodes),
        T(test_zeros_to_begin_with),
        T(test_zeros_that_learn),
        T(test_no_step),
        T(test_loss_without_slope),
        T(test_dead_units),
        T(test_units_that_are_nan),
        T(test_units_that_live),
        T(test_units_that_live_now_and_then),
        T(test_saturated),
        T(test_sure_classifier),
        T(test_vanishing),
        T(test_exploding),
        T(test_norms_of_two_models),
        T(test_zeros_that_are_right),
        T(test_neither),
        T(test_state_of_an_ended_scope),
        T(test_backward_a_second_time),
        T(test_retained_and_stepped),
        T(test_written_since),
        T(test_the_same_loss_again),
        T(test_walks_that_grow),
        T(test_no_scope),
        T(test_tensors_kept),
        T(test_trained_in_eval),
        T(test_lstm_has_modes_with_dropout),
        T(test_evaluated_in_train),
        T(test_modes_that_are_right),
    };
    return cmocka_run_group_tests_name("check_lints", tests, NULL, NULL);
}
