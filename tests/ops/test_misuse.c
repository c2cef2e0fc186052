/* test_misuse.c: what happens to handles used too late, and which hooks run. tests/tools/handles.c tries every public
 * function; here is what the error says, and what goes on afterwards. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

static tg_tensor *leaf(double value) { return tg_full(tg_shape(2), value, .requires_grad = true); }

/* A sanitizer's builds, and those without pools, give freed memory back: looking at it is no test there. */
static bool freed_memory_stays(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return !getenv("TAPEGRAD_POOL");
#endif
}

static tg_tensor *freed(void)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_ones(tg_shape(150));
    tg_scope_end(scope);
    return t;
}

/* ---- handles used too late ---- */

/* The scope ends all the same, and the name is NULL afterwards, which every function passes on. */
TEST(test_freed_results)
{
    if (!freed_memory_stays()) return;
    const tg_scope outer = tg_scope_begin(), inner = tg_scope_begin();
    const int64_t live = tg_memory_stats().live_tensors;
    tg_tensor *gone = freed(), *kept = tg_ones(tg_shape(3)), *other = tg_ones(tg_shape(3));
    assert_non_null(other);
    tg_scope_end_with(inner, &gone, &kept);
    assert_non_null(strstr(tg_error_message(), "test_misuse.c"));
    expect_error("was freed when its scope ended");
    assert_null(gone);
    assert_true(tg_numel(kept) == 3);
    assert_int_equal(tg_memory_stats().live_tensors, live + 1);
    tg_scope_end(inner);
    expect_error("has already ended");
    assert_null(tg_scope_return(tg_scope_begin(), freed()));
    expect_error("was freed when its scope ended");
    tg_scope_end(outer);
}

TEST(test_a_scope_that_is_none_returns_nothing)
{
    const tg_scope scope = tg_scope_begin();
    tg_scope_end(scope);
    assert_null(tg_scope_return(scope, leaf(1)));
    expect_error("has already ended");
}

TEST(test_questions_about_freed_tensors)
{
    if (!freed_memory_stays()) return;
    const tg_scope scope = tg_scope_begin();
    tg_tensor *gone = freed();
    assert_int_equal(tg_numel(gone), 0);
    expect_error("it was made at tests/ops/test_misuse.c:");
    assert_false(tg_requires_grad(gone));
    expect_error("requires_grad: the tensor was freed when its scope ended");
    assert_null(tg_grad_of(gone));
    expect_error("grad_of: the tensor was freed when its scope ended");
    assert_int_equal(tg_ndim(NULL), 0); /* of nothing one may ask */
    tg_scope_end(scope);
}

/* What is registered lives on; a freed one must not come back to life in a module. */
TEST(test_freed_buffers)
{
    if (!freed_memory_stays()) return;
    tg_linear *m = tg_linear_new(2, 2);
    assert_null(tg_register_buffer(m, "scale", freed()));
    expect_error("register_buffer: the tensor was freed");
    assert_int_equal(tg_buffers(m).count, 0);
    tg_module_free(m);
}

static tg_tensor *return_freed(tg_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    return freed();
}

TEST(test_a_hook_returns_a_freed_tensor)
{
    if (!freed_memory_stays()) return;
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = leaf(2), *y = tg_mul(x, x);
    tg_register_hook(y, return_freed, NULL);
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED);
    expect_error("hook: the tensor was freed");
    assert_null(tg_grad_of(x));
    tg_scope_end(scope);
}

TEST(test_freed_modules)
{
    if (!freed_memory_stays()) return;
    tg_linear *m = tg_linear_new(2, 2), *parent = tg_linear_new(2, 2);
    tg_module_free(m);
    assert_null(tg_linear_forward(m, leaf(1)));
    expect_error("the module was freed");
    tg_module_free(m);
    expect_error("the module was freed");
    assert_int_equal(tg_register_module(parent, "child", m), TG_FAILED);
    expect_error("the module was freed");
    assert_int_equal(tg_children(parent).count, 0);
    tg_module_free(parent);
}

/* A number that no size can be. */
TEST(test_sizes_that_overflow)
{
    assert_null(tg_lstm_new(3, INT64_MAX));
    expect_error("hidden_size 9223372036854775807");
    assert_null(tg_lstm_cell_new(3, INT64_MAX / 4));
    expect_error("hidden_size");
    assert_null(tg_module_new_at("here:1", SIZE_MAX, TG_OPTIONS(tg_module_class, TG_MODULE_DEFAULTS("Vast"))));
    expect_error("out of memory");
    assert_null(tg_module_new_at("here:1", 8, TG_OPTIONS(tg_module_class, TG_MODULE_DEFAULTS("Tiny"))));
    expect_error("does not begin with a tg_module");
}

TEST(test_kinds_that_are_none)
{
    const tg_shape endless = { INT_MAX, { 2 } };
    const tg_operand neither = { .kind = (tg_operand_kind)9 };
    tg_promote_types((tg_dtype)77, TG_FLOAT32);
    expect_error("77 is not a dtype");
    assert_true(isnan(tg_init_calculate_gain("step")));
    expect_error("Unsupported nonlinearity step");
    assert_null(tg_mse_loss_new(.reduction = (tg_reduction)9));
    expect_error("9 is not a valid value for reduction");
    assert_null(tg_max_pool2d_new(endless));
    expect_error("a list has 0 to 8 numbers, not 2147483647");
    assert_null(tg_add(neither, 1));
    expect_error("argument 1 is NULL");
    assert_null(tg_cat(tg_list_of(NULL, 2), 0));
    expect_error("a list of 2 tensors is NULL");
    assert_null(tg_cat(tg_list_of(NULL, -2), 0));
    expect_error("a list of -2 tensors");
}

/* ---- which hooks run ---- */

static tg_tensor *count(tg_tensor *grad, void *context)
{
    assert_non_null(grad);
    ++*(int *)context;
    return NULL;
}

typedef struct graph {
    tg_tensor *x, *used, *unused, *loss;
    int of_x, of_used, of_unused, of_loss;
} graph;

/* unused has a history, but nothing in the loss came from it. */
static void make_graph(graph *g)
{
    *g = (graph){ .x = leaf(3) };
    g->used = tg_mul(g->x, 2);
    g->unused = tg_mul(g->x, 5);
    g->loss = tg_sum(g->used);
    tg_register_hook(g->x, count, &g->of_x);
    tg_register_hook(g->used, count, &g->of_used);
    tg_register_hook(g->unused, count, &g->of_unused);
    tg_register_hook(g->loss, count, &g->of_loss);
}

#define assert_runs(g, x, used, loss)                                                                                  \
    do {                                                                                                               \
        assert_int_equal((g).of_x, x);                                                                                 \
        assert_int_equal((g).of_used, used);                                                                           \
        assert_int_equal((g).of_loss, loss);                                                                           \
        assert_int_equal((g).of_unused, 0);                                                                            \
    } while (0)

TEST(test_hooks_under_backward)
{
    const tg_scope scope = tg_scope_begin();
    graph g;
    make_graph(&g);
    assert_int_equal(tg_backward(g.loss, .retain_graph = true), TG_OK);
    assert_runs(g, 1, 1, 1); /* not of what the loss did not come from */
    assert_int_equal(tg_backward(g.loss), TG_OK);
    assert_runs(g, 2, 2, 2); /* once in each backward, however often the tensor was used */
    tg_scope_end(scope);
}

TEST(test_hooks_under_grad)
{
    const tg_scope scope = tg_scope_begin();
    graph g;
    make_graph(&g);
    assert_int_equal(tg_grad(tg_list(g.loss), tg_list(g.x), .retain_graph = true).count, 1);
    assert_runs(g, 1, 1, 1); /* of x, though its .grad does not change */
    assert_null(tg_grad_of(g.x));
    assert_int_equal(tg_grad(tg_list(g.loss), tg_list(g.used)).count, 1);
    assert_runs(g, 1, 2, 2); /* not behind the input asked about */
    tg_scope_end(scope);
}

/* Leaves' hooks run last, when the tape has been walked; under tg_grad those of leaves that were not asked about do not. */
static tg_tensor *note(tg_tensor *grad, void *context)
{
    (void)grad;
    char *const *order = context;
    strcat(order[0], order[1]);
    return NULL;
}

TEST(test_the_order_of_hooks)
{
    const tg_scope scope = tg_scope_begin();
    char order[16] = "";
    void *const of_x[] = { order, "x" }, *const of_w[] = { order, "w" }, *const of_y[] = { order, "y" };
    tg_tensor *x = leaf(3), *w = leaf(2), *y = tg_mul(x, w), *loss = tg_sum(tg_mul(y, x));
    tg_register_hook(w, note, (void *)(uintptr_t)of_w);
    tg_register_hook(x, note, (void *)(uintptr_t)of_x);
    tg_register_hook(y, note, (void *)(uintptr_t)of_y);
    assert_int_equal(tg_backward(loss, .retain_graph = true), TG_OK);
    assert_string_equal(order, "yxw"); /* x was met first, on the way down */
    order[0] = '\0';
    assert_int_equal(tg_grad(tg_list(loss), tg_list(w)).count, 1);
    assert_string_equal(order, "yw");
    tg_scope_end(scope);
}

/* A hook of a tensor written in place belongs to the value it had. */
TEST(test_hooks_and_writes)
{
    const tg_scope scope = tg_scope_begin();
    int before = 0, after = 0;
    tg_tensor *x = leaf(3), *y = tg_mul(x, 2);
    tg_register_hook(y, count, &before);
    tg_mul_(y, 4);
    tg_register_hook(y, count, &after);
    assert_int_equal(tg_backward(tg_sum(y)), TG_OK);
    assert_int_equal(before, 1);
    assert_int_equal(after, 1);
    assert_true(tg_item(tg_select(tg_grad_of(x), 0, 0)) == 8);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_freed_results),
        T(test_a_scope_that_is_none_returns_nothing),
        T(test_questions_about_freed_tensors),
        T(test_freed_buffers),
        T(test_a_hook_returns_a_freed_tensor),
        T(test_freed_modules),
        T(test_sizes_that_overflow),
        T(test_kinds_that_are_none),
        T(test_hooks_under_backward),
        T(test_hooks_under_grad),
        T(test_the_order_of_hooks),
        T(test_hooks_and_writes),
    };
    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
