/* Leaves that are complete while the walk goes on: in which order, with which gradients, and what hooks may do then. */
#define _GNU_SOURCE /* setenv */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/numbers.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define S tg_shape

/* ---- a model ---- */

enum { WEIGHTS = 7, STEPS = 5 };

/* A loop over time that shares weights, between layers whose products wait for each other: three read the same tensor. */
typedef struct model {
    tg_tensor *w[WEIGHTS];
    tg_tensor *x[STEPS];
} model;

static model model_new(void)
{
    tg_manual_seed(2);
    model m;
    for (int i = 0; i < WEIGHTS; i++) {
        char name[2] = { (char)('a' + i), 0 };
        m.w[i] = tg_set_name(tg_randn(S(6, 6), .requires_grad = true), name);
    }
    for (int t = 0; t < STEPS; t++) m.x[t] = tg_randn(S(3, 6));
    return m;
}

static tg_tensor *loss_of(const model *m)
{
    tg_tensor *h = tg_zeros(S(3, 6));
    for (int t = 0; t < STEPS; t++) {
        tg_tensor *from_x = tg_linear(m->x[t], m->w[0]);
        h = tg_tanh(tg_add(from_x, tg_linear(h, m->w[1])));
    }
    h = tg_linear(h, m->w[2]);
    tg_tensor *q = tg_linear(h, m->w[3]), *k = tg_linear(h, m->w[4]), *v = tg_linear(h, m->w[5]);
    tg_tensor *y = tg_linear(tg_matmul(tg_softmax(tg_matmul(q, tg_t(k)), -1), v), m->w[6]);
    return tg_mean(tg_pow(tg_add(y, tg_linear(h, m->w[6])), 2.0));
}

/* ---- order ---- */

static char order[256];

static tg_tensor *note_hook(tg_tensor *grad, void *context)
{
    (void)grad;
    strcat(order, context);
    return NULL;
}
static void note_after(tg_tensor *leaf, void *context)
{
    (void)context;
    const char upper[] = { (char)(*tg_name_of(leaf) - 'a' + 'A'), 0 };
    assert_non_null(tg_grad_of(leaf));
    strcat(order, upper);
}
static void note_ready(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    (void)context, (void)grad;
    strcat(order, "=");
    strcat(order, tg_name_of(leaf));
}
static void note_visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    (void)context, (void)grads;
    if (strcmp(tg_node_op(node)->name, "softmax") == 0 || strcmp(tg_node_op(node)->name, "tanh") == 0)
        strcat(order, "|");
}
static const tg_observer notes = { .visit = note_visit, .leaf_ready = note_ready };

static void register_all(const model *m)
{
    static char names[WEIGHTS][2];
    for (int i = 0; i < WEIGHTS; i++) {
        names[i][0] = (char)('a' + i);
        tg_register_hook(m->w[i], note_hook, names[i]);
        tg_register_post_accumulate_grad_hook(m->w[i], note_after, NULL);
    }
}

/* A weight's hooks, then observers, then .grad and hooks after that; shared ones when the first step has been passed. */
TEST(test_order)
{
    IN_SCOPE;
    const model m = model_new();
    register_all(&m);
    const int64_t number = tg_observe(&notes, NULL);
    order[0] = 0;
    assert_int_equal(tg_backward(loss_of(&m)), TG_OK);
    assert_string_equal(order, "g=gG|f=fFe=eEd=dDc=cC|||||b=bBa=aA");
    tg_unobserve(number);
    tg_scope_end(scope);
}

/* Under tg_grad hooks of the leaves asked about run, and no .grad changes. */
TEST(test_order_under_grad)
{
    IN_SCOPE;
    const model m = model_new();
    register_all(&m);
    const int64_t number = tg_observe(&notes, NULL);
    order[0] = 0;
    tg_grad(tg_list(loss_of(&m)), tg_list(m.w[1], m.w[4]));
    assert_string_equal(order, "|e=e|||||b=b");
    assert_null(tg_grad_of(m.w[1]));
    tg_unobserve(number);
    tg_scope_end(scope);
}

/* ---- the same gradients ---- */

typedef enum { PLAIN, HOOKS, RETAIN, CREATE_GRAPH, AS_GRAD, GRAD_WITH_HOOKS } way;

static numbers_of gradients(way how, bool hooks)
{
    const tg_scope scope = tg_scope_begin();
    numbers_of n = { .count = 0 };
    const model m = model_new();
    if (hooks) register_all(&m);
    for (int step = 0; step < 2; step++) {
        order[0] = 0;
        tg_tensor *loss = loss_of(&m);
        if (how == AS_GRAD) {
            const tg_tensor_list g = tg_grad(tg_list(loss), tg_list_of(m.w, WEIGHTS));
            for (int i = 0; i < WEIGHTS; i++) add_numbers(&n, g.items[i]);
            continue;
        }
        assert_int_equal(tg_backward(loss, .retain_graph = how == RETAIN, .create_graph = how == CREATE_GRAPH), TG_OK);
        order[0] = 0;
        if (how == RETAIN) assert_int_equal(tg_backward(loss), TG_OK);
    }
    for (int i = 0; i < WEIGHTS && how != AS_GRAD; i++) add_numbers(&n, tg_grad_of(m.w[i]));
    tg_scope_end(scope);
    return n;
}

TEST(test_gradients_are_the_same)
{
    for (way how = PLAIN; how <= AS_GRAD; how++) {
        const numbers_of plain = gradients(how, false), hooked = gradients(how, true);
        expect_same(&hooked, &plain);
    }
}

/* ---- stepping inside ---- */

static void step_by_hand(tg_tensor *leaf, void *context)
{
    const tg_scope scope = tg_no_grad_begin();
    tg_sub_(leaf, tg_mul(tg_grad_of(leaf), *(const double *)context));
    tg_set_grad(leaf, NULL);
    tg_scope_end(scope);
}

static void step_optimizer(tg_tensor *leaf, void *context)
{
    (void)leaf;
    tg_step(context);
    tg_zero_grad((tg_optimizer *)context);
}

static numbers_of trained(tg_optimizer *(*new)(tg_tensor_list), bool inside)
{
    const tg_scope scope = tg_scope_begin();
    numbers_of n = { .count = 0 };
    const model m = model_new();
    static double lr = 1e-5;
    tg_optimizer *all = new && !inside ? new (tg_list_of(m.w, WEIGHTS)) : NULL, *each[WEIGHTS] = { NULL };
    for (int i = 0; i < WEIGHTS && inside; i++) {
        if (new) each[i] = new (tg_list(m.w[i]));
        tg_register_post_accumulate_grad_hook(m.w[i], new ? step_optimizer : step_by_hand,
                                              new ? (void *)each[i] : (void *)&lr);
    }
    for (int step = 0; step < 6; step++) {
        const tg_scope s = tg_scope_begin();
        tg_tensor *loss = loss_of(&m);
        add_numbers(&n, loss);
        assert_int_equal(tg_backward(loss), TG_OK);
        if (all) {
            tg_step(all);
            tg_zero_grad(all);
        }
        for (int i = 0; i < WEIGHTS && !all && !inside; i++) step_by_hand(m.w[i], &lr);
        for (int i = 0; i < WEIGHTS; i++) assert_null(tg_grad_of(m.w[i]));
        tg_scope_end(s);
    }
    for (int i = 0; i < WEIGHTS; i++) add_numbers(&n, m.w[i]);
    if (all) tg_optimizer_free(all);
    for (int i = 0; i < WEIGHTS; i++)
        if (each[i]) tg_optimizer_free(each[i]);
    tg_scope_end(scope);
    return n;
}

static tg_optimizer *sgd(tg_tensor_list p) { return tg_sgd_new(p, .lr = 1e-5, .momentum = 0.9); }
static tg_optimizer *adam(tg_tensor_list p) { return tg_adam_new(p, .lr = 0.01); }

TEST(test_steps_inside)
{
    tg_optimizer *(*const kinds[])(tg_tensor_list) = { NULL, sgd, adam };
    for (int k = 0; k < 3; k++) {
        const numbers_of after = trained(kinds[k], false), inside = trained(kinds[k], true);
        assert_true(after.at[5] < after.at[0]);
        expect_same(&inside, &after);
    }
}

/* ---- hooks that come and go ---- */

static int64_t to_remove;
static void removes_itself(tg_tensor *leaf, void *context)
{
    note_after(leaf, context);
    tg_remove_hook(leaf, to_remove);
}
static void registers(tg_tensor *leaf, void *context)
{
    note_after(leaf, context);
    tg_register_post_accumulate_grad_hook(context, note_after, NULL);
}

TEST(test_hooks_that_come_and_go)
{
    IN_SCOPE;
    const model m = model_new();
    to_remove = tg_register_post_accumulate_grad_hook(m.w[6], removes_itself, NULL);
    const int64_t other = tg_register_post_accumulate_grad_hook(m.w[5], registers, m.w[2]);
    for (int step = 0; step < 2; step++) {
        order[0] = 0;
        assert_int_equal(tg_backward(loss_of(&m)), TG_OK);
        assert_string_equal(order, step ? "FCC" : "GFC");
    }
    tg_remove_hook(m.w[5], other);
    order[0] = 0;
    assert_int_equal(tg_backward(loss_of(&m)), TG_OK);
    assert_string_equal(order, "CC");
    tg_scope_end(scope);
}

/* Registered while a walk goes that looked for no leaves: it runs when that is over. */
static tg_tensor *registers_late(tg_tensor *grad, void *context)
{
    (void)grad;
    tg_register_post_accumulate_grad_hook(context, note_after, NULL);
    return NULL;
}

TEST(test_registered_by_a_hook_of_another_tensor)
{
    IN_SCOPE;
    tg_tensor *x = tg_set_name(tg_ones(S(2), .requires_grad = true), "x"), *y = tg_exp(x);
    tg_register_hook(y, registers_late, x);
    order[0] = 0;
    assert_int_equal(tg_backward(tg_sum(y)), TG_OK);
    assert_string_equal(order, "X");
    tg_scope_end(scope);
}

static void walks(tg_tensor *leaf, void *context)
{
    note_after(leaf, NULL);
    strcat(order, "(");
    tg_backward(context);
    strcat(order, ")");
}

/* A hook that walks over a tape of its own, to leaves with hooks. */
TEST(test_a_walk_inside)
{
    IN_SCOPE;
    const model m = model_new(), other = model_new();
    tg_register_post_accumulate_grad_hook(m.w[3], walks, loss_of(&other));
    tg_register_post_accumulate_grad_hook(other.w[0], note_after, NULL);
    tg_register_post_accumulate_grad_hook(other.w[6], note_after, NULL);
    order[0] = 0;
    assert_int_equal(tg_backward(loss_of(&m)), TG_OK);
    assert_string_equal(order, "D(GA)");
    for (int i = 0; i < WEIGHTS; i++)
        assert_memory_equal(tg_data(tg_grad_of(m.w[i]), TG_FLOAT32), tg_data(tg_grad_of(other.w[i]), TG_FLOAT32),
                            36 * sizeof(float));
    tg_scope_end(scope);
}

/* ---- errors ---- */

static void fails(tg_tensor *leaf, void *context)
{
    (void)context;
    tg_matmul(leaf, tg_ones(S(5)));
}

/* What was complete before has its gradient; nothing comes to the others; the next step is as ever. */
TEST(test_hooks_that_fail)
{
    IN_SCOPE;
    const model m = model_new();
    const int64_t number = tg_register_post_accumulate_grad_hook(m.w[4], fails, NULL);
    tg_register_post_accumulate_grad_hook(m.w[6], note_after, NULL);
    tg_register_post_accumulate_grad_hook(m.w[0], note_after, NULL);
    order[0] = 0;
    assert_int_equal(tg_backward(loss_of(&m)), TG_FAILED);
    expect_error("size mismatch");
    assert_string_equal(order, "G");
    assert_non_null(tg_grad_of(m.w[6]));
    assert_null(tg_grad_of(m.w[0]));
    assert_null(tg_grad_of(m.w[5]));
    for (int i = 0; i < WEIGHTS; i++) tg_set_grad(m.w[i], NULL);
    tg_remove_hook(m.w[4], number);
    numbers_of n = { .count = 0 };
    assert_int_equal(tg_backward(loss_of(&m)), TG_OK);
    for (int i = 0; i < WEIGHTS; i++) tg_mul_(tg_grad_of(m.w[i]), 2.0);
    for (int i = 0; i < WEIGHTS; i++) add_numbers(&n, tg_grad_of(m.w[i]));
    const numbers_of twice = gradients(PLAIN, false);
    expect_same(&n, &twice);
    tg_scope_end(scope);
}

TEST(test_written_while_it_is_needed)
{
    IN_SCOPE;
    double lr = 0.1;
    tg_tensor *w = tg_ones(S(3, 3), .requires_grad = true), *x = tg_ones(S(2, 3), .requires_grad = true);
    tg_tensor *y = tg_mul(tg_linear(x, tg_detach(w)), 1.0); /* reads its values, and no gradient tells the walk so */
    tg_register_post_accumulate_grad_hook(w, step_by_hand, &lr);
    assert_int_equal(tg_backward(tg_sum(tg_linear(y, w))), TG_FAILED);
    expect_error("modified by an inplace operation");
    expect_refusal(tg_register_post_accumulate_grad_hook(y, step_by_hand, &lr) < 0 ? NULL : y, "non-leaf");
    tg_scope_end(scope);
}

static double step_inside(void)
{
    static double lr = 1e-5;
    const tg_scope scope = tg_scope_begin();
    const model m = model_new();
    for (int i = 0; i < WEIGHTS && !tg_failed(); i++) tg_register_post_accumulate_grad_hook(m.w[i], step_by_hand, &lr);
    tg_tensor *loss = tg_failed() ? NULL : loss_of(&m);
    const double result = loss && tg_backward(loss) == TG_OK ? tg_item(loss) + tg_item(tg_sum(m.w[4])) : 0;
    tg_scope_end(scope);
    return result;
}

TEST(test_without_memory) { fail_each_allocation(step_inside); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* what a pool would have had in stock fails, too */
    const struct CMUnitTest tests[] = {
        T(test_order),          T(test_order_under_grad),       T(test_gradients_are_the_same),
        T(test_steps_inside),   T(test_hooks_that_come_and_go), T(test_registered_by_a_hook_of_another_tensor),
        T(test_a_walk_inside),  T(test_hooks_that_fail),        T(test_written_while_it_is_needed),
        T(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
