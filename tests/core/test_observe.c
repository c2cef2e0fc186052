/* Watching a thread: what observers are told, where nodes belong, names, and what a watched tape remembers. */
#include <tapegrad.h>

#include "tests/support/suite.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- a log of events ---- */

typedef struct journal {
    char text[4096];
    size_t length;
} journal;

static void note(journal *j, const char *format, ...) TG_PRINTF(2, 3);
static void note(journal *j, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    j->length += (size_t)vsnprintf(j->text + j->length, sizeof j->text - j->length, format, arguments);
    va_end(arguments);
    assert_true(j->length < sizeof j->text);
}

static void on_entered(void *c, const tg_place *place, tg_tensor_list inputs)
{
    char text[TG_PLACE_TEXT];
    note(c, "[%s %s %d] ", tg_place_text(place, text), place->kind, (int)inputs.count);
}
static void on_left(void *c, const tg_place *place, tg_tensor_list outputs)
{
    note(c, "[/%s %d] ", place->name, (int)outputs.count);
}
static void on_began(void *c, const tg_op *op, tg_tensor_list inputs)
{
    note(c, "%s(%d) ", op->name, (int)inputs.count);
}
static void on_computed(void *c, const tg_computed *what)
{
    note(c, "%s=%g%s ", what->op->name, tg_item(tg_sum(what->outputs.items[0])), what->node ? "" : "?");
}
static void on_walk(void *c, const tg_walk *walk) { note(c, "%s%d{ ", walk->function, (int)walk->roots.count); }
static void on_visit(void *c, const tg_node *node, tg_tensor *const *grads)
{
    note(c, "%s<-%g ", tg_node_op(node)->name, tg_item(tg_sum(grads[0])));
}
static void on_edge(void *c, const tg_contribution *what)
{
    const char *from = what->from ? tg_node_op(what->from)->name : "start";
    const char *to = what->to ? tg_node_op(what->to)->name : tg_name_of(what->leaf);
    note(c, "%s.%d-%g->%s ", from, what->input, tg_item(tg_sum(what->grad)), to ? to : "leaf");
}
static void on_visited(void *c, const tg_node *node) { note(c, "/%s ", tg_node_op(node)->name); }
static void on_leaf(void *c, tg_tensor *leaf, tg_tensor *grad)
{
    note(c, "%s:%g%s ", tg_name_of(leaf), tg_item(tg_sum(grad)), tg_grad_of(leaf) ? "+" : "");
}
static void on_walked(void *c, tg_status status) { note(c, "}%s", status == TG_OK ? "" : "failed"); }
static void on_truncated(void *c, int64_t length) { note(c, "(%d)", (int)length); }
static void on_ended(void *c) { note(c, "."); }

static const tg_observer forward_only = { .began = on_began, .computed = on_computed };
static const tg_observer backward_only = { .walk = on_walk,
                                           .visit = on_visit,
                                           .edge = on_edge,
                                           .visited = on_visited,
                                           .leaf_ready = on_leaf,
                                           .walked = on_walked,
                                           .truncated = on_truncated,
                                           .ended = on_ended };

static tg_tensor *leaf(const char *name, double value)
{
    return tg_set_name(tg_full(tg_shape(2), value, .requires_grad = true), name);
}

/* ---- events ---- */

TEST(test_forward_events)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2), *b = tg_full(tg_shape(2), 3.0);
    assert_false(tg_is_observed());
    const int64_t number = tg_observe(&forward_only, &j);
    assert_true(tg_is_observed());
    tg_mul(a, b);
    tg_mul(b, b); /* needs no gradient */
    tg_unobserve(number);
    assert_false(tg_is_observed());
    tg_mul(a, b);
    assert_string_equal(j.text, "mul(2) mul=12 mul(2) mul=18? ");
    tg_scope_end(scope);
}

/* loss = sum(a b + a): a's gradient has two summands and is complete when the walk has passed mul. */
TEST(test_backward_events)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2), *b = leaf("b", 3);
    const int64_t number = tg_observe(&backward_only, &j);
    tg_scope step = tg_scope_begin();
    tg_tensor *loss = tg_sum(tg_add(tg_mul(a, b), a));
    assert_int_equal(tg_backward(loss), TG_OK);
    assert_string_equal(j.text,
                        "backward1{ start.0-1->sum sum<-1 sum.0-2->add /sum add<-2 add.0-2->mul add.1-2->a /add "
                        "mul<-2 mul.0-6->a mul.1-4->b /mul a:8 b:4 }");
    tg_scope_end(step);
    tg_unobserve(number);
    assert_string_equal(j.text + j.length - 4, "(0).");
    tg_scope_end(scope);
}

TEST(test_leaf_ready_on_the_way)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2), *b = leaf("b", 3);
    tg_observer observer = { .leaf_ready = on_leaf, .visited = on_visited };
    const int64_t number = tg_observe(&observer, &j);
    for (int i = 0; i < 2; i++) {
        tg_scope step = tg_scope_begin();
        tg_backward(tg_sum(tg_mul(tg_exp(tg_mul(a, 0.0)), b)));
        tg_scope_end(step);
    }
    assert_string_equal(j.text, "/sum /mul b:2 /exp /mul a:0 /sum /mul b:2+ /exp /mul a:0+ ");
    tg_unobserve(number);
    tg_scope_end(scope);
}

/* tg_grad runs what lies between, and says so. */
TEST(test_events_of_grad)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2), *b = leaf("b", 3);
    tg_tensor *y = tg_mul(a, b), *loss = tg_sum(tg_mul(y, b));
    const int64_t number = tg_observe(&backward_only, &j);
    tg_grad(tg_list(loss), tg_list(y));
    assert_string_equal(j.text, "grad1{ start.0-1->sum sum<-1 sum.0-2->mul /sum mul<-2 mul.0-6->mul /mul mul<-6 }");
    tg_unobserve(number);
    tg_scope_end(scope);
}

/* The gradients of a weight used twice wait as factors; an observer sees each of them evaluated, and the walk none. */
TEST(test_products_are_shown)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *w = tg_set_name(tg_ones(tg_shape(2, 2), .requires_grad = true), "w"), *x = tg_full(tg_shape(3, 2), 2.0);
    tg_observer observer = { .edge = on_edge, .leaf_ready = on_leaf };
    const int64_t number = tg_observe(&observer, &j);
    tg_backward(tg_sum(tg_add(tg_linear(x, w), tg_linear(x, w))));
    assert_non_null(strstr(j.text, "linear.1-24->w linear.1-24->w w:48 "));
    tg_unobserve(number);
    tg_scope_end(scope);
}

static void fail_at_mul(void *c, const tg_computed *what)
{
    (void)c;
    if (!strcmp(what->op->name, "mul")) tg_fail("watcher", "no mul, please");
}
static void fail_at_exp(void *c, const tg_node *node, tg_tensor *const *grads)
{
    (void)c;
    (void)grads;
    if (!strcmp(tg_node_op(node)->name, "exp")) tg_fail("watcher", "no exp, please");
}

TEST(test_an_observer_that_fails)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2);
    const tg_observer observer = { .computed = fail_at_mul, .visit = fail_at_exp, .walked = on_walked };
    const int64_t number = tg_observe(&observer, &j);
    expect_refusal(tg_mul(a, a), "no mul");
    assert_int_equal(tg_backward(tg_sum(tg_exp(a))), TG_FAILED);
    expect_error("no exp");
    assert_null(tg_grad_of(a));
    assert_string_equal(j.text, "}failed");
    tg_unobserve(number);
    tg_scope_end(scope);
}

/* ---- observers among themselves ---- */

static int64_t to_remove[2];
static void remove_both(void *c, const tg_op *op, tg_tensor_list inputs)
{
    (void)inputs;
    note(c, "%s ", op->name);
    tg_unobserve(to_remove[0]);
    tg_unobserve(to_remove[1]);
}

TEST(test_observers_that_remove_observers)
{
    journal j = { .length = 0 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2);
    const tg_observer observer = { .began = remove_both };
    for (int i = 0; i < 2; i++) to_remove[i] = tg_observe(&observer, &j);
    tg_exp(a);
    assert_false(tg_is_observed());
    tg_exp(a);
    assert_string_equal(j.text, "exp ");
    tg_unobserve(to_remove[0]); /* long gone */
    tg_scope_end(scope);
}

/* What an observer computes is recorded by nobody, told to nobody, and dropped. */
static void compute(void *c, const tg_computed *what)
{
    const int64_t before = tg_tape_length();
    tg_tensor *y = tg_exp(tg_mul(what->outputs.items[0], 2.0));
    assert_false(tg_requires_grad(y));
    assert_int_equal(tg_tape_length(), before);
    assert_null(tg_place_now());
    ++*(int *)c;
}

TEST(test_an_observer_computes)
{
    int calls = 0;
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = leaf("a", 2);
    const tg_observer observer = { .computed = compute };
    const int64_t number = tg_observe(&observer, &calls);
    const int64_t tensors = tg_memory_stats().live_tensors;
    tg_tensor *y = tg_exp(a);
    assert_int_equal(calls, 1);
    assert_int_equal(tg_memory_stats().live_tensors, tensors + 1);
    assert_int_equal(tg_backward(tg_sum(y)), TG_OK);
    tg_unobserve(number);
    tg_scope_end(scope);
}

TEST(test_no_observer)
{
    assert_int_equal(tg_observe(NULL, NULL), -1);
    expect_error("the observer is NULL");
    tg_unobserve(-1);
    tg_unobserve(1 << 30);
    assert_null(tg_place_now());
    assert_null(tg_node_place(NULL));
    tg_label_end();
}

/* ---- places ---- */

typedef struct cell {
    tg_module base;
    tg_linear *gate;
} cell;
typedef struct net {
    tg_module base;
    cell *cell;
} net;

static tg_tensor *net_forward(tg_module *module, tg_tensor *x)
{
    net *m = (net *)module;
    for (int t = 0; t < 2; t++) {
        tg_label("t=%d", t);
        x = tg_tanh(tg_linear_forward(m->cell->gate, x));
    }
    return x;
}

static net *net_new(void)
{
    net *m = tg_module_new(net, .name = "Net", .forward = net_forward);
    cell *c = tg_module_new(cell, .name = "Cell");
    TG_SUBMODULE(c, gate, tg_linear_new(2, 2));
    TG_SUBMODULE(m, cell, c);
    return m;
}

static const char *place_of(int64_t node)
{
    static char text[TG_PLACE_TEXT];
    return tg_place_text(tg_node_place(tg_tape_node(node)), text);
}

TEST(test_places_of_nodes)
{
    journal j = { .length = 0 };
    net *m = net_new();
    tg_tensor *x = tg_ones(tg_shape(1, 2));
    const tg_observer observer = { .entered = on_entered, .left = on_left };
    const int64_t number = tg_observe(&observer, &j);
    for (int step = 0; step < 3; step++) {
        tg_scope scope = tg_scope_begin();
        j.length = 0;
        tg_label("step %d", step);
        tg_tensor *y = tg_module_forward(m, x);
        tg_backward(tg_sum(y));
        char expected[256];
        snprintf(expected, sizeof expected,
                 "[step %d.Net Net 1] [step %d.Net.t=0.cell.gate Linear 1] [/cell.gate 1] "
                 "[step %d.Net.t=1.cell.gate Linear 1] [/cell.gate 1] [/Net 1] ",
                 step, step, step);
        assert_string_equal(j.text, expected);
        const char *places[] = { "Net.t=0.cell.gate", "Net.t=0", "Net.t=1.cell.gate", "Net.t=1", "" };
        assert_int_equal(tg_tape_length(), 5);
        for (int i = 0; i < 5; i++) {
            snprintf(expected, sizeof expected, "step %d%s%s", step, places[i][0] ? "." : "", places[i]);
            assert_string_equal(place_of(i), expected);
        }
        const tg_place *place = tg_node_place(tg_tape_node(2));
        assert_int_equal(place->step, -1);
        assert_int_equal(place->outer->step, 1);
        assert_null(place->outer->kind);
        assert_string_equal(place->outer->outer->kind, "Net");
        tg_scope_end(scope);
        assert_null(tg_place_now());
    }
    assert_string_equal(tg_name_of(m->cell->gate->weight), "cell.gate.weight");
    tg_unobserve(number);
    tg_scope unseen = tg_scope_begin();
    tg_module_forward(m, x);
    assert_null(tg_node_place(tg_tape_node(0)));
    tg_scope_end(unseen);
    tg_module_free(m);
}

/* The second forward's frame lies where the first one's lay: it is not inside it. */
TEST(test_forwards_in_a_row)
{
    net *m = net_new();
    const tg_observer nothing = { .plain = true };
    const int64_t number = tg_observe(&nothing, NULL);
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(1, 2));
    for (int i = 0; i < 3; i++) {
        tg_module_forward(m, x);
        assert_string_equal(place_of(4 * i), "Net.t=0.cell.gate");
    }
    tg_scope_end(scope);
    tg_unobserve(number);
    tg_module_free(m);
}

/* A label goes with its scope, and a newer one of the same scope takes its place. */
TEST(test_labels)
{
    const tg_observer nothing = { .plain = true };
    const int64_t number = tg_observe(&nothing, NULL);
    char text[TG_PLACE_TEXT];
    tg_scope outer = tg_scope_begin();
    tg_label("outer");
    tg_scope inner = tg_scope_begin();
    tg_label("a");
    tg_label("b %d", 12);
    assert_string_equal(tg_place_text(tg_place_now(), text), "outer.b 12");
    assert_int_equal(tg_place_now()->step, 12);
    inner = tg_scope_next(inner);
    assert_string_equal(tg_place_text(tg_place_now(), text), "outer");
    tg_label("c");
    tg_scope_end(outer); /* and what was left open in it */
    assert_null(tg_place_now());
    tg_scope again = tg_scope_begin();
    assert_null(tg_place_now());
    tg_label("d");
    tg_label_end();
    assert_null(tg_place_now());
    tg_scope_end(again);
    for (int i = 0; i < 100000; i++) { /* places that are gone are forgotten */
        tg_scope step = tg_scope_begin();
        tg_label("step %d", i);
        assert_int_equal(tg_place_now()->step, i);
        tg_scope_end(step);
    }
    assert_true(tg_memory_stats().live_bytes < 10000000);
    tg_unobserve(number);
}

static int evaluated(int *count) { return ++*count; }

TEST(test_labels_cost_nothing_unobserved)
{
    int count = 0;
    tg_label("t=%d", evaluated(&count));
    assert_int_equal(count, 0);
}

/* ---- names ---- */

TEST(test_names)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_ones(tg_shape(2), .requires_grad = true);
    assert_null(tg_name_of(a));
    assert_ptr_equal(tg_set_name(a, "a"), a);
    assert_string_equal(tg_name_of(a), "a");
    tg_set_name(a, "another");
    assert_string_equal(tg_name_of(a), "another");
    tg_tensor *b = tg_set_name(tg_exp(a), "b");
    assert_string_equal(tg_name_of(b), "b");
    assert_string_equal(tg_node_output_name(tg_grad_fn(b), 0), "b");
    assert_null(tg_node_output_name(tg_grad_fn(b), 1));
    const tg_node *old = tg_grad_fn(b);
    tg_exp_(b); /* another value, of the same tensor: the name is that one's now */
    assert_string_equal(tg_name_of(b), "b");
    assert_string_equal(tg_node_output_name(tg_grad_fn(b), 0), "b");
    assert_null(tg_node_output_name(old, 0));
    tg_scope_end(scope);
}

/* ---- the watched tape ---- */

TEST(test_a_watched_step)
{
    assert_int_equal(tg_watch(true), TG_OK);
    assert_int_equal(tg_watch(true), TG_OK);
    tg_tensor *a = tg_keep(leaf("a", 2));
    for (int step = 0; step < 3; step++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *two = tg_full(tg_shape(2), 2.0), *y = tg_mul(a, two), *z = tg_exp(y), *loss = tg_sum(tg_add(z, y));
        const tg_node *mul = tg_grad_fn(y), *exp = tg_grad_fn(z);
        assert_ptr_equal(tg_node_value(mul, 0), y);
        assert_ptr_equal(tg_node_constant(mul, 1), two);
        assert_null(tg_node_constant(mul, 0));
        assert_null(tg_node_grad(mul, 0));
        assert_int_equal(tg_walk_length(), 0);
        tg_backward(loss);
        assert_true(tg_item(tg_sum(tg_node_grad(exp, 0))) == 2);
        assert_true(fabs(tg_item(tg_sum(tg_node_grad(mul, 0))) - 2 * (1 + 54.598150033)) < 1e-4);
        /* start; 4 nodes: arrival, their edges, done; a */
        assert_int_equal(tg_walk_length(), 1 + 4 * 2 + (1 + 2 + 1 + 1) + 1);
        const tg_walk_step first = tg_walk_step_at(0), last = tg_walk_step_at(tg_walk_length() - 1);
        assert_true(first.event == TG_WALK_EDGE && !first.node && first.to == tg_grad_fn(loss));
        assert_true(last.event == TG_WALK_LEAF && last.leaf == a);
        assert_true(fabs(tg_item(tg_sum(last.grad)) - 4 * (1 + 54.598150033)) < 1e-4);
        tg_scope_end(scope);
        assert_int_equal(tg_walk_length(), 0);
    }
    tg_watch(false);
    assert_false(tg_is_watched());
    tg_release(a);
}

TEST(test_written_in_place_since)
{
    tg_scope scope = tg_scope_begin();
    tg_watch(true);
    tg_tensor *y = tg_mul(leaf("a", 2), 2.0);
    const tg_node *mul = tg_grad_fn(y);
    assert_ptr_equal(tg_node_value(mul, 0), y);
    tg_add_(y, 1.0);
    assert_null(tg_node_value(mul, 0));
    assert_ptr_equal(tg_node_value(tg_grad_fn(y), 0), y);
    tg_watch(false);
    tg_scope_end(scope);
}

/* Gradients are the same to the bit whoever watches: with chains, parts and a shared weight. */
static void lstm_gradients(bool watched, float *grads, int64_t count)
{
    tg_manual_seed(3);
    tg_lstm *m = tg_lstm_new(3, 4, .num_layers = 2, .bidirectional = true);
    if (watched) tg_watch(true);
    for (int step = 0; step < 2; step++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *x = tg_randn(tg_shape(6, 2, 3));
        tg_tensor *y = tg_lstm_forward(m, x, (tg_lstm_state){ NULL, NULL }).output;
        tg_tensor_list parts = tg_chunk(y, 2, -1);
        tg_backward(tg_add(tg_sum(tg_mul(parts.items[0], parts.items[0])), tg_sum(parts.items[0])));
        if (watched) assert_true(tg_walk_length() > 100);
        tg_scope_end(scope);
    }
    if (watched) tg_watch(false);
    int64_t at = 0;
    tg_scope scope = tg_scope_begin();
    const tg_tensor_list parameters = tg_parameters(m);
    for (int64_t p = 0; p < parameters.count; p++) {
        const tg_tensor *grad = tg_grad_of(parameters.items[p]);
        const int64_t n = tg_numel(parameters.items[p]);
        assert_true(at + n <= count);
        if (grad) memcpy(grads + at, tg_data(grad, TG_FLOAT32), (size_t)n * sizeof *grads);
        at += n;
    }
    tg_scope_end(scope);
    tg_module_free(m);
}

TEST(test_watching_changes_no_bit)
{
    enum { MOST = 2000 };
    float seen[MOST] = { 0 }, unseen[MOST] = { 0 };
    lstm_gradients(false, unseen, MOST);
    lstm_gradients(true, seen, MOST);
    assert_memory_equal(seen, unseen, sizeof seen);
    assert_true(unseen[0] != 0);
}

/* ---- hooks that step ---- */

static void step_sgd(tg_tensor *t, void *context)
{
    tg_scope scope = tg_no_grad_begin();
    tg_sub_(t, tg_mul(tg_grad_of(t), *(double *)context));
    tg_set_grad(t, NULL);
    tg_scope_end(scope);
}

/* Two layers; the products that wait for the first one's gradient read the second one's weight, which is stepped. */
TEST(test_a_step_inside_backward)
{
    double lr = 0.1, sums[2][2];
    for (int inside = 0; inside < 2; inside++) {
        tg_manual_seed(1);
        tg_scope scope = tg_scope_begin();
        tg_tensor *w[2] = { tg_randn(tg_shape(4, 3), .requires_grad = true),
                            tg_randn(tg_shape(2, 4), .requires_grad = true) };
        for (int i = 0; i < 2 && inside; i++)
            assert_true(tg_register_post_accumulate_grad_hook(w[i], step_sgd, &lr) >= 0);
        for (int step = 0; step < 3; step++) {
            tg_scope s = tg_scope_begin();
            tg_tensor *x = tg_randn(tg_shape(5, 3));
            assert_int_equal(tg_backward(tg_sum(tg_linear(tg_linear(x, w[0]), w[1]))), TG_OK);
            for (int i = 0; i < 2; i++) {
                assert_true(!tg_grad_of(w[i]) == (bool)inside);
                if (!inside) step_sgd(w[i], &lr);
            }
            tg_scope_end(s);
        }
        for (int i = 0; i < 2; i++) sums[inside][i] = tg_item(tg_sum(w[i]));
        tg_scope_end(scope);
    }
    assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_forward_events),
        T(test_backward_events),
        T(test_leaf_ready_on_the_way),
        T(test_events_of_grad),
        T(test_products_are_shown),
        T(test_an_observer_that_fails),
        T(test_observers_that_remove_observers),
        T(test_an_observer_computes),
        T(test_no_observer),
        T(test_places_of_nodes),
        T(test_forwards_in_a_row),
        T(test_labels),
        T(test_labels_cost_nothing_unobserved),
        T(test_names),
        T(test_a_watched_step),
        T(test_written_in_place_since),
        T(test_watching_changes_no_bit),
        T(test_a_step_inside_backward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
