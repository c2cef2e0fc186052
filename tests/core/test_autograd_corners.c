/* test_autograd_corners.c: corners of the engine in which gradients, memory or state once went wrong, or easily would. Expected
 * values are worked out by hand. */
#include <tapegrad.h>

#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>

static tg_tensor *leaf(double value) { return tg_full(tg_shape(2), value, .dtype = TG_FLOAT64, .requires_grad = true); }
static double first(const tg_tensor *t) { return ((const double *)tg_data(t, TG_FLOAT64))[0]; }
static double grad(const tg_tensor *t) { return first(tg_grad_of(t)); }

static void check(tg_tensor *t, const double *expected, int64_t count)
{
    double values[16];
    assert_int_equal(tg_to_array(t, values, count), TG_OK);
    for (int64_t i = 0; i < count; i++)
        if (values[i] != expected[i]) fail_msg("element %d is %g instead of %g", (int)i, values[i], expected[i]);
}

/* ---- in place ---- */

TEST(test_mul_by_an_alias_of_itself)
{
    IN_SCOPE;
    tg_tensor *x = leaf(5), *a = tg_mul(x, 1.0);
    tg_mul_(a, tg_detach(a)); /* the factor is 5, a constant, whatever the write does to its memory */
    tg_backward(tg_sum(a));
    assert_true(grad(x) == 5);
    tg_scope_end(scope);
}

TEST(test_source_is_a_broadcast_part_of_the_target)
{
    IN_SCOPE;
    tg_tensor *a = tg_from_data(((const double[]){ 1, 2, 3, 10, 20, 30 }), tg_shape(2, 3));
    tg_mul_(a, tg_narrow(a, 0, 0, 1));
    check(a, (const double[]){ 1, 4, 9, 10, 40, 90 }, 6);
    tg_scope_end(scope);
}

TEST(test_nothing_is_written_when_the_source_is_severed)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *a = tg_ones(tg_shape(2), .dtype = TG_FLOAT64);
    const tg_scope inner = tg_scope_begin();
    tg_tensor *kept = tg_keep(tg_mul(x, x));
    tg_scope_end(inner);
    assert_null(tg_add_(a, kept));
    expect_error("has lost its history");
    check(a, (const double[]){ 1, 1 }, 2);
    tg_release(kept);
    tg_scope_end(scope);
}

TEST(test_view_of_a_detached_tensor_after_a_write)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = tg_mul(x, 1.0), *d = tg_detach(y);
    tg_add_(y, 1);
    tg_tensor *s = tg_select(d, 0, 0); /* made after the write: it is what it shows */
    assert_true(tg_item(tg_mul(s, tg_sum(x))) == 4);
    tg_scope_end(scope);
}

TEST(test_backward_of_a_stale_view)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = tg_mul(x, 2.0), *view = tg_select(y, 0, 0);
    tg_mul_(y, 3);
    assert_int_equal(tg_backward(view), TG_FAILED);
    expect_error("its history is out of date");
    tg_scope_end(scope);
}

TEST(test_retain_grad_follows_the_latest_value)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = tg_mul(x, 2.0);
    tg_retain_grad(y);
    tg_mul_(y, 3);
    tg_backward(tg_sum(y));
    assert_true(grad(y) == 1 && grad(x) == 6);
    tg_scope_end(scope);
}

static int warnings;
static char warning[512];

static void note_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)context;
    warnings++;
    snprintf(warning, sizeof warning, "%s", message);
}

/* Once for each line, of a non-leaf that no tg_retain_grad was asked of. */
TEST(test_grad_of_a_non_leaf)
{
    IN_SCOPE;
    tg_tensor *w = leaf(1), *kept = tg_mul(w, 2.0), *data = tg_detach(kept);
    tg_retain_grad(kept);
    tg_set_warning_handler(note_warning, NULL);
    assert_null(tg_grad_of(w)); /* none yet */
    assert_null(tg_grad_of(kept));
    assert_null(tg_grad_of(data));
    tg_backward(tg_sum(kept));
    assert_non_null(tg_grad_of(kept));
    assert_int_equal(warnings, 0);
    const int line = __LINE__ + 1;
    w = tg_set_name(tg_sub(w, tg_mul(tg_grad_of(w), 0.1)), "w");
    for (int i = 0; i < 2; i++) assert_null(tg_grad_of(w));
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    assert_int_equal(warnings, 1);
    char words[128];
    snprintf(words, sizeof words, "asked for, w: sub at %s:%d made it", __FILE__, line);
    if (!strstr(warning, words)) fail_msg("no \"%s\" in: %s", words, warning);
    tg_scope_end(scope);
}

/* ---- .grad belongs to its tensor alone ---- */

TEST(test_create_graph_does_not_share_grad)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *y = leaf(1), *v = tg_ones(tg_shape(2), .dtype = TG_FLOAT64);
    tg_backward(tg_add(x, y), .gradient = v, .create_graph = true);
    tg_backward(tg_sum(tg_mul(x, 3.0)));
    assert_true(grad(x) == 4 && grad(y) == 1 && first(v) == 1);
    assert_true(tg_is_contiguous(tg_grad_of(x)));
    tg_scope_end(scope);
}

TEST(test_tracked_gradient_leaves_no_history)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *v = tg_ones(tg_shape(2), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_backward(tg_mul(x, 2.0), .gradient = v);
    assert_false(tg_requires_grad(tg_grad_of(x)));
    tg_scope_end(scope);
}

TEST(test_expanded_grad)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *c = tg_from_data(((const double[]){ 1, 2 }), tg_shape(2));
    tg_set_grad(x, tg_expand(tg_zeros(tg_shape(1), .dtype = TG_FLOAT64), tg_shape(2)));
    tg_backward(tg_sum(tg_mul(x, c)));
    check(tg_grad_of(x), (const double[]){ 1, 2 }, 2);
    tg_scope_end(scope);
}

TEST(test_retained_grad_is_not_the_result)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1), *h = tg_mul(x, 1.0), *y = tg_sum(tg_mul(h, 5.0));
    tg_retain_grad(h);
    tg_tensor *result = tg_grad(tg_list(y), tg_list(h), .retain_graph = true).items[0];
    tg_backward(y);
    assert_true(first(result) == 5);
    tg_scope_end(scope);
}

/* ---- errors on the way ---- */

static void careless_backward(tg_context *ctx)
{
    tg_tensor *x = tg_saved(ctx, 0);
    if (!x) return; /* says nothing of the failure */
    tg_set_grad_input(ctx, 0, tg_mul(tg_grad_output(ctx, 0), x));
}

TEST(test_failed_backward_gives_nothing)
{
    IN_SCOPE;
    static const tg_op careless = { .name = "careless", .backward = careless_backward };
    tg_tensor *x = leaf(1), *h = tg_mul(x, 2.0), *y = tg_clone(tg_detach(h));
    assert_int_equal(tg_record(&careless, tg_list(h), tg_list(y), tg_list(h), NULL, 0), TG_OK);
    tg_add_(h, 1);
    assert_int_equal(tg_backward(tg_sum(tg_add(y, x))), TG_FAILED);
    expect_error("has been modified by an inplace operation");
    assert_null(tg_grad_of(x));
    tg_scope_end(scope);
}

static void greedy_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 3)); }

TEST(test_arguments_are_checked)
{
    IN_SCOPE;
    static const tg_op greedy = { .name = "greedy", .backward = greedy_backward };
    tg_tensor *x = leaf(1), *y = tg_clone(tg_detach(x));
    tg_record(&greedy, tg_list(x), tg_list(y), TG_NONE, NULL, 0);
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
    expect_error("backward asks for the gradient of output 3");
    assert_int_equal(tg_register_hook(x, NULL, NULL), -1);
    expect_error("the hook is NULL");
    assert_int_equal(tg_node_index(tg_grad_fn(x)), -1);
    assert_int_equal(tg_node_input_count(NULL), 0);
    assert_null(tg_empty_raw(tg_shape(2), (tg_dtype)99));
    expect_error("99 is not a dtype");
    assert_int_equal(tg_chunk(tg_zeros(tg_shape(0)), INT64_MAX, 0).count, 0);
    expect_error("out of memory");
    assert_null(tg_sum(x, .dim = 0, .dims = tg_shape(0)));
    expect_error("give dim or dims, not both");
    assert_null(tg_zeros(tg_shape(2, -1)));
    expect_error("zeros: Trying to create tensor with negative dimension -1");
    tg_scope_end(scope);
}

/* ---- hooks ---- */

typedef struct hook_target {
    tg_tensor *tensor;
    int64_t number;
} hook_target;

static tg_tensor *removes(tg_tensor *g, void *context)
{
    const hook_target *target = context;
    tg_remove_hook(target->tensor, target->number);
    return g;
}

static tg_tensor *doubles(tg_tensor *g, void *context)
{
    (void)context;
    return tg_mul(g, 2.0);
}

TEST(test_hook_removes_the_next)
{
    IN_SCOPE;
    tg_tensor *x = leaf(1);
    hook_target target = { x, -1 };
    tg_register_hook(x, removes, &target);
    target.number = tg_register_hook(x, doubles, NULL);
    tg_backward(tg_sum(x));
    assert_true(grad(x) == 1);
    tg_requires_grad_(x, false);
    tg_remove_hook(x, target.number); /* gone already, and x frozen: nothing to say */
    tg_requires_grad_(x, true);
    assert_true(tg_register_hook(x, doubles, NULL) != target.number);
    tg_scope_end(scope);
}

static tg_tensor *forgets_its_scope(tg_tensor *g, void *context)
{
    (void)context;
    const tg_scope forgotten = tg_no_grad_begin();
    (void)forgotten;
    return g;
}

static tg_tensor *ends_scope(tg_tensor *g, void *context)
{
    tg_scope_end(*(const tg_scope *)context);
    return g;
}

TEST(test_hook_and_scopes)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(1), *y = tg_mul(x, 2.0);
    tg_register_hook(y, forgets_its_scope, NULL);
    tg_backward(tg_sum(y));
    assert_true(tg_is_grad_enabled());
    tg_tensor *z = leaf(1);
    tg_register_hook(z, ends_scope, &scope);
    tg_backward(tg_sum(z));
    expect_error("cannot end a scope that it did not begin");
    tg_scope_end(scope);
    assert_int_equal(tg_tape_length(), 0);
}

/* ---- tg_grad ---- */

static tg_tensor *counts(tg_tensor *g, void *context)
{
    ++*(int *)context;
    return g;
}

TEST(test_grad_leaves_others_alone)
{
    IN_SCOPE;
    int calls = 0;
    tg_tensor *x = leaf(2), *w = leaf(3);
    tg_register_hook(w, counts, &calls);
    tg_tensor *y = tg_sum(tg_mul(x, w));
    assert_true(first(tg_grad(tg_list(y), tg_list(x)).items[0]) == 3);
    assert_int_equal(calls, 0);
    assert_null(tg_grad_of(w));
    assert_true(first(tg_grad(tg_list(x), tg_list(x), .grad_outputs = { w }).items[0]) ==
                3); /* output and input are one leaf */
    const tg_tensor_list twice = tg_grad(tg_list(tg_sum(tg_mul(x, x))), tg_list(x, x));
    assert_true(first(twice.items[0]) == 4 && first(twice.items[1]) == 4);
    tg_scope_end(scope);
}

/* What the input has no part in is not run: an op without a derivative, or one whose saved tensors were damaged, does
 * no harm there. */
TEST(test_grad_runs_only_what_it_must)
{
    IN_SCOPE;
    static const tg_op one_way = { .name = "one_way", .gradient = "none: on purpose" };
    tg_tensor *x = leaf(2), *w = leaf(3), *side = tg_clone(tg_detach(w));
    tg_record(&one_way, tg_list(w), tg_list(side), TG_NONE, NULL, 0);
    tg_tensor *h = tg_mul(w, w), *y = tg_sum(tg_add(tg_add(tg_mul(x, x), side), h));
    assert_true(first(tg_grad(tg_list(y), tg_list(x)).items[0]) == 4);
    assert_int_equal(tg_backward(tg_sum(h)), TG_OK); /* nor was it spent */
    assert_int_equal(tg_backward(tg_sum(side)), TG_FAILED);
    expect_error("one_way is not differentiable");
    tg_scope_end(scope);
}

static void backward_of_too_many(tg_context *ctx) { tg_set_grad_input(ctx, 1, tg_grad_output(ctx, 0)); }

/* What an op's author forgot: to write a backward and to say why there is none; or how many inputs there are. */
TEST(test_ops_that_are_wrong)
{
    IN_SCOPE;
    static const tg_op none = { .name = "none" }, many = { .name = "many", .backward = backward_of_too_many };
    tg_tensor *w = leaf(3), *y = tg_clone(tg_detach(w)), *z = tg_clone(y);
    tg_record(&none, tg_list(w), tg_list(y), TG_NONE, NULL, 0);
    tg_record(&many, tg_list(w), tg_list(z), TG_NONE, NULL, 0);
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
    expect_error("none is not differentiable: it has no backward");
    assert_int_equal(tg_backward(tg_sum(z)), TG_FAILED);
    expect_error("many: backward sets the gradient of input 1: there are 1 inputs, counted from 0");
    tg_scope_end(scope);
}

static void *gradients_of_shared(void *shared)
{
    tg_tensor *w = shared;
    for (int i = 0; i < 300; i++) {
        const tg_scope scope = tg_scope_begin();
        tg_tensor *x = leaf(2);
        tg_tensor *g = tg_grad(tg_list(tg_sum(tg_mul(tg_mul(x, w), w))), tg_list(x)).items[0];
        if (!g || first(g) != 9) return w;
        tg_scope_end(scope);
    }
    return NULL;
}

/* Threads may share weights that require grad, as long as none asks for their gradients. */
TEST(test_grad_in_threads)
{
    tg_tensor *w = tg_keep(leaf(3));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, gradients_of_shared, w), 0);
    for (int i = 0; i < 4; i++) {
        void *failed = w;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    tg_release(w);
}

/* ---- state carried over steps ---- */

TEST(test_carried_state_is_flat)
{
    IN_SCOPE;
    tg_tensor *w = leaf(0.5), *h = tg_ones(tg_shape(2), .dtype = TG_FLOAT64);
    for (int i = 0; i < 100; i++) {
        const tg_scope step = tg_scope_begin();
        tg_tensor *next = tg_tanh(tg_mul(h, w));
        tg_backward(tg_sum(next));
        h = tg_detach(next);
        tg_scope_end_with(step, &h);
        assert_int_equal(tg_tape_length(), 0);
    }
    assert_true(first(h) > 0);
    tg_scope_end(scope);
}

TEST(test_scope_results)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *none = NULL;
    const tg_scope inner = tg_scope_begin();
    tg_tensor *y = tg_mul(x, x), *same = y, *outside = x;
    tg_scope_end_with(inner, &y, &same, &outside, &none); /* one twice, one of the outer scope, one NULL */
    tg_backward(tg_sum(y));
    assert_true(grad(outside) == 4);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_mul_by_an_alias_of_itself),
        T(test_source_is_a_broadcast_part_of_the_target),
        T(test_nothing_is_written_when_the_source_is_severed),
        T(test_view_of_a_detached_tensor_after_a_write),
        T(test_backward_of_a_stale_view),
        T(test_retain_grad_follows_the_latest_value),
        T(test_grad_of_a_non_leaf),
        T(test_create_graph_does_not_share_grad),
        T(test_tracked_gradient_leaves_no_history),
        T(test_expanded_grad),
        T(test_retained_grad_is_not_the_result),
        T(test_failed_backward_gives_nothing),
        T(test_arguments_are_checked),
        T(test_hook_removes_the_next),
        T(test_hook_and_scopes),
        T(test_grad_leaves_others_alone),
        T(test_grad_runs_only_what_it_must),
        T(test_ops_that_are_wrong),
        T(test_grad_in_threads),
        T(test_carried_state_is_flat),
        T(test_scope_results),
    };
    return cmocka_run_group_tests_name("corners", tests, NULL, NULL);
}
