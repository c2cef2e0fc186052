/* test_tape.c: the tape's promises: order, reuse, lifetime, higher derivatives. Expected gradients are worked out by
 * hand. */
#include "ops/create.h"
#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"
#include "tests/support/suite.h"

#include "core/autograd.h"
#include "core/memory.h"
#include "core/scope.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static tg_tensor *leaf(double value) { return tg_scalar(value, .dtype = TG_FLOAT64, .requires_grad = true); }
static double grad(const tg_tensor *t) { return tg_item(tg_grad_of(t)); }

/* ---- shapes of graphs ---- */

TEST(test_diamond)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3), *h = tg_mul(x, x), *y = tg_add(h, h); /* 2 x^2 */
    assert_int_equal(tg_backward(y), TG_OK);
    assert_true(grad(x) == 12);
    tg_scope_end(scope);
}

TEST(test_nested_diamonds)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = x;
    for (int i = 0; i < 40; i++) y = tg_add(y, y); /* 2^40 x: a walk by recursion would take 2^40 steps */
    tg_backward(y);
    assert_true(grad(x) == 0x1p40);
    tg_scope_end(scope);
}

TEST(test_unequal_paths)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *a = tg_mul(x, x), *b = tg_mul(a, x); /* x^2 and x^3 */
    tg_backward(tg_add(tg_mul(b, a), tg_sub(a, b)));              /* x^5 + x^2 - x^3: 80 + 4 - 12 */
    assert_true(grad(x) == 72);
    tg_scope_end(scope);
}

TEST(test_one_input_twice)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3);
    tg_backward(tg_div(tg_mul(x, x), x));
    assert_true(grad(x) == 1);
    tg_scope_end(scope);
}

TEST(test_million_nodes)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = x;
    for (int i = 0; i < 1000000; i++) y = tg_add(y, x);
    assert_int_equal(tg_tape_length(), 1000000);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_true(grad(x) == 1000001);
    tg_scope_end(scope);
    assert_int_equal(tg_tape_length(), 0);
}

/* ---- accumulation ---- */

TEST(test_accumulates_over_two_scopes)
{
    const tg_scope outer = tg_scope_begin();
    tg_tensor *w = leaf(3);
    for (int step = 1; step <= 2; step++) {
        const tg_scope inner = tg_scope_begin();
        tg_backward(tg_mul(tg_mul(w, w), step));
        assert_true(grad(w) == (step == 1 ? 6 : 18));
        tg_scope_end(inner);
    }
    assert_true(grad(w) == 18);
    tg_scope_end(outer);
}

TEST(test_two_losses_on_one_tape)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *h = tg_mul(x, x), *first = tg_mul(h, 3),
              *second = tg_mul(x, tg_scalar(5.0, .dtype = TG_FLOAT64));
    tg_backward(first);
    assert_true(grad(x) == 12);
    tg_backward(second);
    assert_true(grad(x) == 17);
    tg_scope_end(scope);
}

TEST(test_shared_trunk_needs_retain)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *h = tg_mul(x, x);
    assert_int_equal(tg_backward(tg_mul(h, 3), .retain_graph = true), TG_OK);
    assert_int_equal(tg_backward(tg_mul(h, 4)), TG_OK);
    assert_true(grad(x) == 28);
    assert_int_equal(tg_backward(tg_mul(h, 5)), TG_FAILED);
    expect_error("Trying to backward through the graph a second time");
    tg_scope_end(scope);
}

/* An op that saves nothing can be walked as often as one likes, as in PyTorch. */
TEST(test_nothing_saved_nothing_spent)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *y = tg_add(x, x);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_true(grad(x) == 4);
    tg_scope_end(scope);
}

TEST(test_grad_is_not_shared)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = leaf(1);
    tg_backward(tg_add(x, y)); /* both gradients start as the same tensor */
    tg_mul_(tg_grad_of(x), 5);
    assert_true(grad(x) == 5 && grad(y) == 1);
    tg_scope_end(scope);
}

TEST(test_given_gradient)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(2), .requires_grad = true);
    tg_tensor *y = tg_mul(x, 3);
    assert_int_equal(tg_backward(y), TG_FAILED);
    expect_error("grad can be implicitly created only for scalar outputs");
    assert_int_equal(tg_backward(y, .gradient = tg_ones(tg_shape(3))), TG_FAILED);
    expect_error("Mismatch in shape");
    tg_tensor *g = tg_full(tg_shape(2), 2.0);
    assert_int_equal(tg_backward(y, .gradient = g), TG_OK);
    assert_true(tg_item(tg_select(tg_grad_of(x), 0, 1)) == 6);
    assert_true(tg_item(tg_select(g, 0, 0)) == 2);
    tg_scope_end(scope);
}

/* ---- lifetime ---- */

TEST(test_backward_after_release)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2);
    const tg_scope inner = tg_scope_begin();
    tg_tensor *h = tg_exp(tg_mul(x, x));
    tg_tensor *y = tg_mul(h, h);
    tg_scope_end_with(inner, &y); /* h's handle is gone; its node still has what it saved */
    const int64_t live = tg_memory_stats().live_tensors;
    assert_int_equal(tg_backward(y), TG_OK);
    assert_true(grad(x) > 8 * 2980 && grad(x) < 8 * 2981); /* 4 x e^(2 x^2) = 8 e^8 */
    assert_int_equal(tg_memory_stats().live_tensors,
                     live); /* h is released as the walk passes; x's gradient has come */
    tg_scope_end(scope);
}

TEST(test_break_closes_inner_scopes)
{
    const tg_scope outer = tg_scope_begin();
    const int64_t live = tg_memory_stats().live_tensors;
    for (int i = 0; i < 3; i++) {
        const tg_scope step = tg_scope_begin();
        for (int j = 0;; j++) {
            const tg_scope forgotten = tg_no_grad_begin();
            (void)forgotten;
            tg_add(leaf(1), 1);
            if (j == 4) break;
        }
        assert_false(tg_is_grad_enabled());
        tg_scope_end(step);
        assert_true(tg_is_grad_enabled());
    }
    assert_int_equal(tg_memory_stats().live_tensors, live);
    tg_scope_end(outer);
    tg_scope_end(outer);
    expect_error("already ended");
}

TEST(test_severed)
{
    const tg_scope outer = tg_scope_begin();
    tg_tensor *x = leaf(2);
    const tg_scope inner = tg_scope_begin();
    tg_tensor *kept = tg_keep(tg_mul(x, x));
    tg_scope_end(inner);
    assert_true(tg_item(kept) == 4);
    assert_false(tg_is_leaf(kept));
    assert_null(tg_mul(kept, 2));
    assert_non_null(strstr(tg_error_message(), "test_tape.c"));
    expect_error("has lost its history");
    assert_int_equal(tg_backward(kept), TG_FAILED);
    expect_error("has lost its history");
    assert_non_null(tg_mul(tg_detach(kept), 2));
    tg_release(kept);
    tg_release(tg_mul(x, 1));
    expect_error("not held by tg_keep");
    tg_scope_end(outer);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(test_used_after_its_scope)
{
    const tg_scope inner = tg_scope_begin();
    tg_tensor *gone = tg_ones(tg_shape(2));
    tg_scope_end(inner);
    if (getenv("TAPEGRAD_POOL")) return; /* without pools this is an ordinary use after free */
    assert_null(tg_neg(gone));
    expect_error("was freed when its scope ended");
}
#endif

TEST(test_no_scope_is_flat)
{
    tg_tensor *w = tg_ones(tg_shape(64));
    tg_memory_statistics before = tg_memory_stats();
    for (int i = 0; i < 100000; i++) {
        const tg_scope quiet = tg_no_grad_begin();
        tg_add_(w, tg_mul(w, 1e-6));
        tg_scope_end(quiet);
        if (i == 0) before = tg_memory_stats();
    }
    const tg_memory_statistics after = tg_memory_stats();
    assert_int_equal(after.live_bytes, before.live_bytes);
    assert_int_equal(after.live_tensors, before.live_tensors);
}

static void count_warning(const char *where, const char *message, void *context)
{
    (void)where;
    if (strstr(message, "outside of any scope")) ++*(int *)context;
}

/* In a thread of its own, at whose end the root scope's tape goes. */
static void *record_at_the_root(void *unused)
{
    (void)unused;
    tg_tensor *x = leaf(1), *y = tg_mul(x, 1.0);
    for (int i = 0; i < (1 << 20) + 1000; i++) tg_add_(y, x);
    return NULL;
}

TEST(test_root_tape_warns_once)
{
    int warnings = 0;
    pthread_t thread;
    tg_set_warning_handler(count_warning, &warnings);
    assert_int_equal(pthread_create(&thread, NULL, record_at_the_root, NULL), 0);
    pthread_join(thread, NULL);
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    assert_int_equal(warnings, 1);
}

/* ---- modes ---- */

TEST(test_no_grad_records_nothing)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2);
    const tg_scope quiet = tg_no_grad_begin();
    tg_tensor *y = tg_mul(x, x);
    assert_false(tg_requires_grad(y));
    const tg_scope loud = tg_enable_grad_begin();
    assert_true(tg_requires_grad(tg_mul(x, x)));
    tg_scope_end(loud);
    assert_int_equal(tg_tape_length(), 0);
    tg_scope_end_with(quiet, &y);
    assert_true(tg_item(y) == 4);
    assert_int_equal(tg_backward(y), TG_FAILED);
    expect_error("does not require grad");
    tg_scope_end(scope);
}

TEST(test_detach)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3), *h = tg_mul(x, x);
    tg_backward(tg_mul(h, tg_detach(h)));
    assert_true(grad(x) == 54); /* 9 * 2x */
    tg_scope_end(scope);
}

TEST(test_requires_grad_rules)
{
    IN_SCOPE;
    assert_null(tg_requires_grad_(tg_ones(tg_shape(2), .dtype = TG_INT64), true));
    expect_error("only Tensors of floating point dtype can require gradients");
    tg_tensor *x = leaf(1);
    assert_null(tg_requires_grad_(tg_mul(x, 2), false));
    expect_error("you can only change requires_grad flags of leaf variables");
    assert_non_null(tg_requires_grad_(x, false));
    assert_false(tg_requires_grad(tg_mul(x, 2)));
    tg_scope_end(scope);
}

/* ---- higher derivatives, tg_grad ---- */

TEST(test_fourth_derivative)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *y = tg_pow(x, 5);
    const double expected[] = { 80, 160, 240, 240 };
    for (int i = 0; i < 4; i++) {
        y = tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0];
        assert_true(tg_item(y) == expected[i]);
    }
    assert_null(tg_grad_of(x));
    tg_scope_end(scope);
}

TEST(test_backward_with_create_graph)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3);
    tg_backward(tg_mul(tg_mul(x, x), x), .create_graph = true);
    assert_true(grad(x) == 27);
    tg_tensor *first = tg_keep(tg_grad_of(x));
    tg_set_grad(x, NULL);
    tg_backward(first);
    assert_true(grad(x) == 18);
    tg_release(first);
    tg_scope_end(scope);
}

TEST(test_grad_of_non_leaf)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *h = tg_mul(x, x), *y = tg_mul(h, h);
    const tg_tensor_list both = tg_grad(tg_list(y), tg_list(h, x), .retain_graph = true);
    assert_true(tg_item(both.items[0]) == 8 && tg_item(both.items[1]) == 32);
    assert_true(tg_item(tg_grad(tg_list(y), tg_list(h)).items[0]) == 8);
    assert_int_equal(tg_backward(h), TG_OK); /* the walk to h did not run h's own node */
    assert_true(grad(x) == 4);
    tg_scope_end(scope);
}

TEST(test_grad_unused)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *z = leaf(1), *y = tg_mul(x, x);
    assert_null(tg_grad(tg_list(y), tg_list(x, z), .retain_graph = true).items[1]);
    expect_error("appears to not have been used in the graph");
    const tg_tensor_list grads = tg_grad(tg_list(y), tg_list(x, z), .allow_unused = true);
    assert_int_equal(grads.count, 2);
    assert_true(tg_item(grads.items[0]) == 4);
    assert_null(grads.items[1]);
    tg_scope_end(scope);
}

TEST(test_grad_of_several_outputs)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *a = tg_mul(x, x), *b = tg_mul(x, 7);
    tg_tensor *g =
        tg_grad(tg_list(a, b), tg_list(x), .grad_outputs = { tg_scalar(3.0, .dtype = TG_FLOAT64), NULL }).items[0];
    assert_true(tg_item(g) == 19);
    tg_scope_end(scope);
}

/* ---- hooks ---- */

static tg_tensor *doubled(tg_tensor *g, void *calls)
{
    ++*(int *)calls;
    return tg_mul(g, 2);
}

static tg_tensor *inner_backward(tg_tensor *g, void *context)
{
    (void)g;
    tg_tensor *x = context;
    const tg_scope loud = tg_enable_grad_begin();
    tg_backward(tg_mul(x, 100));
    tg_scope_end(loud);
    return NULL;
}

TEST(test_hooks)
{
    IN_SCOPE;
    int calls = 0;
    tg_tensor *x = leaf(3), *h = tg_mul(x, x);
    assert_true(tg_register_hook(h, doubled, &calls) >= 0);
    assert_true(tg_register_hook(x, doubled, &calls) >= 0);
    const int64_t removed = tg_register_hook(x, doubled, &calls);
    tg_remove_hook(x, removed);
    tg_backward(tg_add(h, h));
    assert_int_equal(calls, 2); /* once each, with the complete gradient */
    assert_true(grad(x) == 48);
    tg_scope_end(scope);
}

TEST(test_backward_inside_a_hook)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3), *h = tg_mul(x, x), *y = tg_mul(h, 2);
    tg_register_hook(h, inner_backward, x);
    assert_int_equal(tg_backward(y), TG_OK);
    assert_true(grad(x) == 112); /* 12 from y, 100 from the hook's own walk over the same leaf */
    tg_scope_end(scope);
}

static tg_tensor *ends_scope(tg_tensor *g, void *context)
{
    tg_scope_end(*(const tg_scope *)context);
    return g;
}

TEST(test_hook_cannot_end_the_scope_of_the_walk)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(3), *h = tg_mul(x, x);
    tg_register_hook(h, ends_scope, &scope);
    tg_backward(tg_mul(h, 2));
    expect_error("cannot end a scope that it did not begin");
    tg_scope_end(scope);
}

TEST(test_retain_grad)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3), *h = tg_mul(x, x);
    tg_retain_grad(h);
    tg_backward(tg_mul(h, 5));
    assert_true(grad(h) == 5 && grad(x) == 30);
    tg_scope_end(scope);
}

/* ---- broadcasting ---- */

TEST(test_broadcast_gradients)
{
    IN_SCOPE;
    tg_tensor *(*const ops[])(const char *, tg_operand, tg_operand) = { tg_add_at, tg_sub_at, tg_mul_at, tg_div_at,
                                                                        tg_maximum_at };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        tg_tensor *a = tg_full(tg_shape(2, 1), 3.0, .requires_grad = true),
                  *b = tg_full(tg_shape(4), 2.0, .requires_grad = true);
        tg_tensor *y = ops[i](TG_HERE, TG_OPERAND(a), TG_OPERAND(b));
        assert_int_equal(tg_backward(tg_sum(y)), TG_OK);
        assert_int_equal(tg_ndim(tg_grad_of(a)), 2);
        assert_int_equal(tg_size(tg_grad_of(a), 1), 1);
        assert_int_equal(tg_ndim(tg_grad_of(b)), 1);
    }
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_diamond),
        T(test_nested_diamonds),
        T(test_unequal_paths),
        T(test_one_input_twice),
        T(test_million_nodes),
        T(test_accumulates_over_two_scopes),
        T(test_two_losses_on_one_tape),
        T(test_shared_trunk_needs_retain),
        T(test_nothing_saved_nothing_spent),
        T(test_grad_is_not_shared),
        T(test_given_gradient),
        T(test_backward_after_release),
        T(test_break_closes_inner_scopes),
        T(test_severed),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        T(test_used_after_its_scope),
#endif
        T(test_no_scope_is_flat),
        T(test_root_tape_warns_once),
        T(test_no_grad_records_nothing),
        T(test_detach),
        T(test_requires_grad_rules),
        T(test_fourth_derivative),
        T(test_backward_with_create_graph),
        T(test_grad_of_non_leaf),
        T(test_grad_unused),
        T(test_grad_of_several_outputs),
        T(test_hooks),
        T(test_backward_inside_a_hook),
        T(test_hook_cannot_end_the_scope_of_the_walk),
        T(test_retain_grad),
        T(test_broadcast_gradients),
    };
    return cmocka_run_group_tests_name("tape", tests, NULL, NULL);
}
