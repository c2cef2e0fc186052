/* Observers that come and go in the middle of things, and what watching must not change. */
#include <tapegrad.h>

#include "core/thread.h"
#include "tests/support/suite.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

/* ---- observers that leave in each kind of event ---- */

enum { TWO = 2 };
static struct {
    const char *in;       /* the event that they leave in */
    int64_t numbers[TWO]; /* -1: it has left */
    int left;
} leaving;

static void leave_in(const char *event)
{
    if (strcmp(event, leaving.in) != 0) return;
    for (int i = 0; i < TWO; i++) {
        if (leaving.numbers[i] < 0) continue;
        tg_unobserve(leaving.numbers[i]);
        leaving.numbers[i] = -1;
        leaving.left++;
    }
}

static void entered(void *c, const tg_place *p, tg_tensor_list l) { (void)c, (void)p, (void)l, leave_in("entered"); }
static void left(void *c, const tg_place *p, tg_tensor_list l) { (void)c, (void)p, (void)l, leave_in("left"); }
static void began(void *c, const tg_op *op, tg_tensor_list l) { (void)c, (void)op, (void)l, leave_in("began"); }
static void computed(void *c, const tg_computed *what) { (void)c, (void)what, leave_in("computed"); }
static void returned(void *c, const tg_op *op) { (void)c, (void)op, leave_in("returned"); }
static void walk(void *c, const tg_walk *w) { (void)c, (void)w, leave_in("walk"); }
static void visit(void *c, const tg_node *n, tg_tensor *const *g) { (void)c, (void)n, (void)g, leave_in("visit"); }
static void edge(void *c, const tg_contribution *what) { (void)c, (void)what, leave_in("edge"); }
static void visited(void *c, const tg_node *n) { (void)c, (void)n, leave_in("visited"); }
static void product(void *c, const tg_node *n, const tg_product *p) { (void)c, (void)n, (void)p, leave_in("product"); }
static void evaluating(void *c, const tg_node *last, const tg_product *p, int64_t count)
{
    (void)c, (void)p, (void)count;
    leave_in(last ? "evaluating" : "evaluated");
}
static void leaf_ready(void *c, tg_tensor *leaf, tg_tensor *g) { (void)c, (void)leaf, (void)g, leave_in("leaf_ready"); }
static void walked(void *c, tg_status status) { (void)c, (void)status, leave_in("walked"); }
static void task(void *c, const tg_task *t, bool begins) { (void)c, (void)t, leave_in(begins ? "task" : "task done"); }
static void truncated(void *c, int64_t length) { (void)c, (void)length, leave_in("truncated"); }

static void train(tg_module *m, tg_optimizer *optimizer)
{
    for (int step = 0; step < 2; step++) {
        tg_scope scope = tg_scope_begin();
        tg_zero_grad(optimizer);
        tg_tensor *y = tg_module_forward(m, tg_contiguous(tg_ones(tg_shape(4, 5))));
        tg_backward(tg_sum(tg_mul(y, y)));
        tg_step(optimizer);
        tg_scope_end(scope);
    }
}

/* What they share, the list of those there are, must last as long as whoever tells them uses it. */
static void leave_in_each(bool plain)
{
    static const char *const events[] = { "entered",    "left",   "began",   "computed",  "returned",   "walk",
                                          "visit",      "edge",   "visited", "product",   "evaluating", "evaluated",
                                          "leaf_ready", "walked", "task",    "task done", "truncated" };
    const tg_observer observer = { entered, left,       began,      computed, returned, walk,      visit, edge, visited,
                                   product, evaluating, leaf_ready, walked,   task,     truncated, NULL,  plain };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        tg_scope scope = tg_scope_begin();
        tg_module *m = TG_MODULE(tg_linear_new(5, 3));
        tg_optimizer *optimizer = tg_sgd_new(tg_parameters(m), .lr = 0.1);
        leaving.in = events[i];
        leaving.left = 0;
        for (int k = 0; k < TWO; k++) leaving.numbers[k] = tg_observe(&observer, NULL);
        train(m, optimizer);
        assert_int_equal(leaving.left, TWO);
        assert_false(tg_is_observed());
        tg_optimizer_free(optimizer);
        tg_module_free(m);
        tg_scope_end(scope);
    }
}

TEST(test_leaving_in_each_event) { leave_in_each(false); }
TEST(test_plain_observers_leave) { leave_in_each(true); }

/* Each of the two takes the other one with it. */
static void end_both(void *context)
{
    ++*(int *)context;
    for (int i = 0; i < TWO; i++) tg_unobserve(leaving.numbers[i]);
}

static void *observe_both(void *ends)
{
    const tg_observer observer = { .ended = end_both };
    for (int i = 0; i < TWO; i++) leaving.numbers[i] = tg_observe(&observer, ends);
    return NULL;
}

TEST(test_ending_together)
{
    int ends = 0;
    observe_both(&ends);
    tg_unobserve(leaving.numbers[0]);
    assert_int_equal(ends, TWO);
    assert_false(tg_is_observed());
    pthread_t thread; /* and where the thread's end is what ends them */
    assert_int_equal(pthread_create(&thread, NULL, observe_both, &ends), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ends, 2 * TWO);
}

/* ---- whoever is told that a forward begins is told that it ends ---- */

typedef struct depths {
    int now, ends, outputs;
} depths;

static void deeper(void *context, const tg_place *place, tg_tensor_list inputs)
{
    (void)place, (void)inputs;
    ((depths *)context)->now++;
}
static void higher(void *context, const tg_place *place, tg_tensor_list outputs)
{
    depths *d = context;
    assert_string_equal(place->kind, d->ends ? "Sequential" : "Linear");
    d->now--;
    d->ends++;
    d->outputs += (int)outputs.count;
}
static void refuse(void *context, const tg_place *place, tg_tensor_list inputs)
{
    (void)context, (void)inputs;
    if (!strcmp(place->kind, "Linear")) tg_fail("refuse", "no");
}

static void forward_fails(const tg_observer *second, int64_t columns, const char *message)
{
    IN_SCOPE;
    depths d = { 0, 0, 0 };
    const tg_observer observer = { .entered = deeper, .left = higher };
    tg_module *m = TG_MODULE(tg_sequential_new(TG_MODULE(tg_linear_new(5, 3))));
    const int64_t first = tg_observe(&observer, &d), other = second ? tg_observe(second, NULL) : -1;
    expect_refusal(tg_module_forward(m, tg_ones(tg_shape(2, columns))), message);
    assert_int_equal(d.now, 0);
    assert_int_equal(d.ends, 2);
    assert_int_equal(d.outputs, 0);
    assert_null(tg_place_now());
    tg_unobserve(first);
    tg_unobserve(other);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_forwards_that_fail_end)
{
    const tg_observer second = { .entered = refuse };
    forward_fails(NULL, 4, "mat1 and mat2 shapes cannot be multiplied");
    forward_fails(&second, 5, "no");
}

/* ---- gradients to the bit ---- */

static void look(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    (void)context, (void)leaf;
    assert_true(isfinite(tg_item(tg_sum(grad))));
}

/* A weight at each of 30 steps, whose products wait until the walk is over. Two walks add to the same .grad; `e` comes
 * to the weight before the products do, and an observer may hold it. */
static void gradient_of_weight(bool with_other, float *gradient)
{
    enum { STEPS = 30, ROWS = 64, SIZE = 48 };
    IN_SCOPE;
    tg_manual_seed(3);
    tg_tensor *w = tg_randn(tg_shape(SIZE, SIZE), .requires_grad = true);
    for (int pass = 0; pass < 2; pass++) {
        tg_scope step = tg_scope_begin();
        tg_tensor *h = tg_randn(tg_shape(ROWS, SIZE));
        for (int t = 0; t < STEPS; t++) h = tg_tanh(tg_mul(tg_linear(h, w), 0.3));
        tg_tensor *loss = tg_mean(tg_mul(h, h));
        if (with_other) loss = tg_add(loss, tg_mean(tg_exp(w)));
        assert_int_equal(tg_backward(loss), TG_OK);
        tg_scope_end(step);
    }
    memcpy(gradient, tg_data(tg_grad_of(w), TG_FLOAT32), sizeof(float) * SIZE * SIZE);
    tg_scope_end(scope);
}

TEST(test_looking_rounds_nothing)
{
    static float plain[48 * 48], watched[48 * 48];
    const tg_observer observer = { .leaf_ready = look };
    for (int with_other = 0; with_other < 2; with_other++) {
        gradient_of_weight(with_other, plain);
        const int64_t number = tg_observe(&observer, NULL);
        gradient_of_weight(with_other, watched);
        tg_unobserve(number);
        assert_memory_equal(plain, watched, sizeof plain);
        assert_int_equal(tg_watch(true), TG_OK);
        gradient_of_weight(with_other, watched);
        tg_watch(false);
        assert_memory_equal(plain, watched, sizeof plain);
    }
}

/* ---- hooks of several threads on one leaf ---- */

static tg_tensor *count(tg_tensor *grad, void *calls)
{
    (void)grad;
    ++*(int *)calls;
    return NULL;
}

typedef struct shared {
    tg_tensor *leaf;
    int calls;
    int64_t number;
} shared;

static void *hook_there(void *context)
{
    shared *s = context;
    s->number = tg_register_hook(s->leaf, count, &s->calls);
    return NULL;
}

TEST(test_hooks_of_several_threads)
{
    IN_SCOPE;
    shared s = { .leaf = tg_ones(tg_shape(2), .requires_grad = true) };
    int64_t here = -1;
    for (int i = 0; i < 3; i++) here = tg_register_hook(s.leaf, count, &s.calls);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hook_there, &s), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(tg_backward(tg_sum(s.leaf)), TG_OK);
    assert_int_equal(s.calls, 4);
    tg_remove_hook(s.leaf, s.number);
    tg_remove_hook(s.leaf, here);
    assert_int_equal(tg_backward(tg_sum(s.leaf)), TG_OK);
    assert_int_equal(s.calls, 6);
    tg_scope_end(scope);
}

/* ---- a label that stays open ---- */

/* 1,000 steps, each with its own label and five modules inside it, below one label that lasts. */
TEST(test_labels_inside_one_that_lasts)
{
    const tg_observer observer = { .plain = true };
    const int64_t number = tg_observe(&observer, NULL);
    IN_SCOPE;
    tg_label("epoch=%d", 7);
    const tg_place *epoch = tg_place_now();
    tg_module *m = TG_MODULE(tg_relu_new());
    int64_t most = 0, before = 0;
    for (int step = 0; step < 20000; step++) {
        tg_scope inner = tg_scope_begin();
        tg_label("step=%d", step);
        tg_tensor *y = tg_module_forward(m, tg_ones(tg_shape(1), .requires_grad = true));
        if (step % 1999 == 0) {
            char text[TG_PLACE_TEXT], want[TG_PLACE_TEXT];
            snprintf(want, sizeof want, "epoch=7.step=%d.ReLU", step);
            assert_string_equal(tg_place_text(tg_node_place(tg_grad_fn(y)), text), want);
        }
        tg_scope_end(inner);
        const int64_t live = tg_memory_stats().live_bytes;
        if (step == 6000) before = most; /* by then it has grown to what it needs */
        if (live > most) most = live;
    }
    assert_int_equal(most, before);
    assert_ptr_equal(tg_place_now(), epoch);
    assert_string_equal(epoch->name, "epoch=7");
    tg_module_free(m);
    tg_scope_end(scope);
    tg_unobserve(number);
}

/* ---- two models of one kind ---- */

static void note_kind(void *kinds, const tg_place *place, tg_tensor_list inputs)
{
    (void)inputs;
    if (place->outer) strncat(kinds, place->kind, 60 - strlen(kinds));
}

TEST(test_parts_of_one_name_and_two_kinds)
{
    char kinds[64] = "";
    const tg_observer observer = { .entered = note_kind };
    const int64_t number = tg_observe(&observer, kinds);
    IN_SCOPE;
    tg_module *models[] = { TG_MODULE(tg_sequential_new(tg_relu_new())), TG_MODULE(tg_sequential_new(tg_tanh_new())) };
    for (int i = 0; i < 4; i++) tg_module_forward(models[i % 2], tg_ones(tg_shape(2)));
    assert_string_equal(kinds, "ReLUTanhReLUTanh");
    for (int i = 0; i < 2; i++) tg_module_free(models[i]);
    tg_scope_end(scope);
    tg_unobserve(number);
}

/* ---- tools begin with a thread's first call ---- */

static bool failed_before; /* as the tool saw it */

static void begin_tool(void)
{
    failed_before = tg_failed();
    tg_scope scope = tg_scope_begin();
    tg_ones(tg_shape(2));
    tg_scope_end(scope);
}

static void *fail_first(void *unused)
{
    (void)unused;
    expect_refusal(tg_transpose(NULL, 0, 1), "transpose: argument 1 is NULL");
    return NULL;
}

static void *begin_scope_first(void *live)
{
    tg_scope scope = tg_scope_begin();
    tg_ones(tg_shape(2));
    tg_scope_end(scope);
    *(int64_t *)live = tg_memory_stats().live_bytes;
    return NULL;
}

static void in_thread(void *(*function)(void *), void *context)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, context), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* That it is in the middle of another call is nothing to either of the two. */
TEST(test_a_tool_begins_in_a_call)
{
    void (*const tools)(void) = tgi_thread_begins;
    int64_t without = 0, with = 0;
    tgi_thread_begins = NULL;
    in_thread(begin_scope_first, &without);
    tgi_thread_begins = begin_tool;
    in_thread(begin_scope_first, &with);
    assert_int_equal(with, without);
    failed_before = true;
    in_thread(fail_first, NULL);
    tgi_thread_begins = tools;
    assert_false(failed_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_leaving_in_each_event),           T(test_plain_observers_leave),        T(test_ending_together),
        T(test_forwards_that_fail_end),          T(test_looking_rounds_nothing),       T(test_hooks_of_several_threads),
        T(test_parts_of_one_name_and_two_kinds), T(test_labels_inside_one_that_lasts), T(test_a_tool_begins_in_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
