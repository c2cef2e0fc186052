/* Watching while memory runs out: with each allocation failing in turn nothing is lost, and whoever was told that
 * something begins is told that it ends. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "tests/support/failing.h"

#include "tests/support/suite.h"

enum { FORWARD, WALK, TASK, KINDS, OBSERVERS = 2 };

typedef struct balance {
    int open[KINDS];
} balance;
static balance balances[OBSERVERS];
static int unbalanced; /* how often something has not ended */

/* Each makes a tensor, so that each can fail. */
static void on(void *context, int kind, int change)
{
    ((balance *)context)->open[kind] += change;
    tg_ones(tg_shape(2));
}

static void entered(void *c, const tg_place *p, tg_tensor_list inputs) { (void)p, (void)inputs, on(c, FORWARD, 1); }
static void left(void *c, const tg_place *p, tg_tensor_list outputs) { (void)p, (void)outputs, on(c, FORWARD, -1); }
static void walk(void *c, const tg_walk *w) { (void)w, on(c, WALK, 1); }
static void walked(void *c, tg_status status) { (void)status, on(c, WALK, -1); }
static void task(void *c, const tg_task *t, bool begins) { (void)t, on(c, TASK, begins ? 1 : -1); }
static void visit(void *c, const tg_node *n, tg_tensor *const *grads) { (void)c, (void)n, tg_sum(grads[0]); }
static void edge(void *c, const tg_contribution *what) { (void)c, tg_sum(what->grad); }
static void leaf_ready(void *c, tg_tensor *leaf, tg_tensor *grad) { (void)c, (void)leaf, tg_sum(grad); }

static void step_leaf(tg_tensor *leaf, void *context)
{
    (void)context;
    tg_scope scope = tg_no_grad_begin();
    tg_sub_(leaf, tg_mul(tg_grad_of(leaf), 0.1));
    tg_set_grad(leaf, NULL);
    tg_scope_end(scope);
}

static void block(void *linear, tg_tensor *const *in, tg_tensor **out)
{
    out[0] = tg_tanh(tg_module_forward((tg_module *)linear, in[0]));
}

/* A part of a sum, so that places are lent; a checkpoint; products. */
static double train(tg_module *m, tg_optimizer *optimizer)
{
    double last = 0;
    tg_register_post_accumulate_grad_hook(tg_parameters(m).items[1], step_leaf, NULL);
    for (int step = 0; step < 2 && tg_ok(); step++) {
        tg_scope scope = tg_scope_begin();
        tg_label("step=%d", step);
        tg_tensor *h = tg_module_forward(m, tg_ones(tg_shape(2, 3)));
        const tg_tensor_list parts = tg_split(tg_checkpoint(block, m, tg_list(h)).items[0], 1, 1);
        tg_tensor *y = tg_add(parts.items[0], parts.items[1]), *loss = tg_sum(tg_mul(y, y));
        tg_backward(loss);
        tg_step(optimizer);
        tg_zero_grad(optimizer);
        last = tg_item(loss);
        tg_scope_end(scope);
    }
    return tg_ok() ? last : 0;
}

static double watched_training(void)
{
    const tg_observer observer = { .entered = entered,
                                   .left = left,
                                   .walk = walk,
                                   .visit = visit,
                                   .edge = edge,
                                   .leaf_ready = leaf_ready,
                                   .walked = walked,
                                   .task = task };
    int64_t numbers[OBSERVERS];
    memset(balances, 0, sizeof balances);
    tg_manual_seed(1);
    for (int i = 0; i < OBSERVERS; i++) numbers[i] = tg_observe(&observer, &balances[i]);
    tg_watch(true);
    tg_label("epoch=%d", 1);
    tg_module *m = TG_MODULE(tg_linear_new(3, 3));
    tg_optimizer *optimizer = m ? tg_sgd_new(tg_parameters(m), .lr = 0.1) : NULL;
    const double result = optimizer ? train(m, optimizer) : 0;
    unbalanced += tg_place_now() && tg_place_now()->outer;
    tg_watch(false);
    for (int i = 0; i < OBSERVERS; i++) {
        tg_unobserve(numbers[i]);
        for (int kind = 0; kind < KINDS; kind++) unbalanced += balances[i].open[kind] != 0;
    }
    tg_optimizer_free(optimizer);
    tg_module_free(m);
    return result;
}

TEST(test_each_allocation_fails)
{
    unbalanced = 0;
    fail_each_allocation(watched_training);
    assert_int_equal(unbalanced, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_each_allocation_fails) };
    setenv("TAPEGRAD_POOL", "0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
