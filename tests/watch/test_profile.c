/* Profiles: calls are counted exactly, flops are those of closed forms, times add up, traces nest. No time is compared with
 * another but by what must hold whatever the machine does. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <tapegrad.h>

#include "core/file/json_impl.h"
#include "core/watch/profile/profile_impl.h"
#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { N = 5, IN = 7, HIDDEN = 4, OUT = 3, MOST = 256 };

static tg_profile_entry entries[MOST];
static int64_t count;

static void gather(tg_profile_by by)
{
    count = tg_profile_entries(by, entries, MOST);
    assert_true(count >= 0 && count <= MOST);
}

/* NULL: there is none of that name. */
static const tg_profile_entry *entry(const char *name)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    return NULL;
}

static const tg_profile_entry *present(const char *name)
{
    const tg_profile_entry *e = entry(name);
    if (!e) fail_msg("there is no entry %s", name);
    return e;
}

static const tg_profile_entry *at_line(int line)
{
    for (int64_t i = 0; i < count; i++) {
        const char *colon = strrchr(entries[i].name, ':');
        if (colon && atoi(colon + 1) == line) return &entries[i];
    }
    fail_msg("there is no entry of line %d", line);
    return NULL;
}

static double self_of(const tg_profile_entry *e) { return e->forward.self + e->backward.self + e->rest.self; }

/* What must hold of any profile: the parts make the whole, in every order; self <= total; nothing is negative. */
static void check_sums(void)
{
    const tg_profile_summary s = tg_profile_sum();
    const double parts = s.forward + s.backward + s.optimizer + s.loading + s.outside;
    assert_true(s.seconds > 0 && fabs(parts - s.seconds) <= 1e-9 * s.seconds);
    for (int by = TG_PROFILE_BY_OP; by <= TG_PROFILE_BY_SHAPE; by++) {
        double all = 0, flops = 0;
        gather((tg_profile_by)by);
        for (int64_t i = 0; i < count; i++) {
            const tg_profile_entry *e = &entries[i];
            const tg_profile_cost *costs[] = { &e->forward, &e->backward, &e->rest };
            for (int c = 0; c < 3; c++) {
                assert_true(costs[c]->self >= 0 && costs[c]->self <= costs[c]->total * (1 + 1e-9));
                assert_true(costs[c]->calls >= 0 && costs[c]->flops >= 0 && costs[c]->bytes >= 0);
                flops += costs[c]->flops;
            }
            all += self_of(e);
            if (i > 0 && by != TG_PROFILE_BY_MODULE) assert_true(self_of(e) <= self_of(&entries[i - 1]));
        }
        assert_true(fabs(all - s.seconds) <= 1e-9 * s.seconds);
        assert_true(fabs(flops - s.flops) <= 1e-9 * s.flops + 1e-9);
    }
}

/* ---- a model and its steps ---- */

typedef struct run {
    tg_module *model;
    tg_optimizer *optimizer;
} run;

static run run_new(void)
{
    run r = { .model =
                  TG_MODULE(tg_sequential_new(tg_linear_new(IN, HIDDEN), tg_tanh_new(), tg_linear_new(HIDDEN, OUT))) };
    r.optimizer = tg_sgd_new(tg_parameters(r.model));
    return r;
}

static void run_free(run *r)
{
    tg_optimizer_free(r->optimizer);
    tg_module_free(r->model);
}

static _Thread_local int line_of_forward, line_of_loss, line_of_backward, line_of_step;

static void step(const run *r)
{
    const tg_scope scope = tg_scope_begin();
    tg_zero_grad(r->optimizer);
    tg_tensor *x = tg_ones(tg_shape(N, IN)), *y = tg_module_forward(r->model, x);
    line_of_forward = __LINE__ - 1;
    tg_tensor *loss = tg_mse_loss(y, tg_zeros(tg_shape(N, OUT)));
    line_of_loss = __LINE__ - 1;
    tg_backward(loss);
    line_of_backward = __LINE__ - 1;
    tg_step(r->optimizer);
    line_of_step = __LINE__ - 1;
    tg_scope_end(scope);
}

/* A product of [m, k] and [k, n] and the bias; in backward the gradient of the weight, of the bias, and of an input. */
static double linear_flops(double m, double k, double n) { return 2 * m * k * n + m * n; }
static double linear_backward_flops(double m, double k, double n, bool input)
{
    return (input ? 2 : 1) * 2 * m * k * n + m * n;
}

static void check_ops(int64_t steps)
{
    const double s = (double)steps;
    gather(TG_PROFILE_BY_OP);
    const tg_profile_entry *linear = present("linear"), *tanh = present("tanh"), *loss = present("mse_loss");
    assert_int_equal(linear->forward.calls, 2 * steps);
    assert_int_equal(linear->backward.calls, 2 * steps);
    assert_int_equal(tanh->forward.calls, steps);
    assert_int_equal(tanh->backward.calls, steps);
    assert_int_equal(loss->forward.calls, steps);
    assert_int_equal(present("ones")->forward.calls, steps);
    assert_int_equal(present("ones")->backward.calls, 0);
    assert_int_equal(present("SGD.step")->rest.calls, steps);
    assert_int_equal(present("SGD.zero_grad")->rest.calls, steps);
    assert_int_equal(present("(backward)")->backward.calls, steps);
    assert_int_equal(present("(outside)")->rest.calls, 1);
    assert_true(linear->forward.flops == s * (linear_flops(N, IN, HIDDEN) + linear_flops(N, HIDDEN, OUT)));
    assert_true(linear->backward.flops ==
                s * (linear_backward_flops(N, IN, HIDDEN, false) + linear_backward_flops(N, HIDDEN, OUT, true)));
    assert_true(tanh->forward.flops == s * N * HIDDEN && tanh->backward.flops == s * N * HIDDEN);
    assert_true(loss->forward.flops == s * 3 * N * OUT && loss->backward.flops == s * 2 * N * OUT);
    assert_true(tanh->forward.bytes == s * 2 * 4 * N * HIDDEN);  /* one is read, one is written */
    assert_true(tanh->backward.bytes == s * 3 * 4 * N * HIDDEN); /* g and y are read, the gradient is written */
}

static void check_modules(int64_t steps)
{
    gather(TG_PROFILE_BY_MODULE);
    assert_string_equal(entries[0].name, "Sequential");
    assert_string_equal(entries[1].name, "Sequential.0");
    assert_string_equal(entries[2].name, "Sequential.1");
    assert_string_equal(entries[3].name, "Sequential.2");
    assert_string_equal(entries[4].name, "(in no module)");
    assert_int_equal(count, 5);
    double inside = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(entries[i].forward.calls, steps);
        inside += entries[i].forward.self;
    }
    assert_true(fabs(entries[0].forward.total - inside) <= 1e-9 * inside);
    assert_true(entries[1].forward.flops == (double)steps * linear_flops(N, IN, HIDDEN));
    assert_true(entries[3].backward.flops == (double)steps * linear_backward_flops(N, HIDDEN, OUT, true));
    assert_true(entries[2].backward.flops == (double)steps * N * HIDDEN);
}

static void check_lines(int64_t steps)
{
    gather(TG_PROFILE_BY_LINE);
    assert_int_equal(at_line(line_of_forward)->forward.calls, 4 * steps); /* ones, and the model's three */
    assert_int_equal(at_line(line_of_forward)->backward.calls, 3 * steps);
    assert_int_equal(at_line(line_of_loss)->forward.calls, 4 * steps); /* zeros, the loss, and its two calls of `to` */
    assert_int_equal(at_line(line_of_step)->rest.calls,
                     9 * steps); /* two looks at the layout of each of four weights */
    assert_int_equal(at_line(line_of_backward)->backward.calls, steps);
    assert_true(entry("(outside)") != NULL);
}

TEST(test_counts)
{
    run r = run_new();
    for (int64_t steps = 1; steps <= 3; steps++) { /* a second profile begins at zero */
        assert_int_equal(tg_profile_begin(), TG_OK);
        for (int64_t i = 0; i < steps; i++) step(&r);
        assert_int_equal(tg_profile_end(), TG_OK);
        assert_false(tg_is_observed());
        step(&r); /* seen by nobody */
        assert_int_equal(tg_profile_sum().steps, steps);
        check_ops(steps);
        check_modules(steps);
        check_lines(steps);
        check_sums();
    }
    run_free(&r);
}

TEST(test_skip_and_steps)
{
    run r = run_new();
    assert_int_equal(tg_profile_begin(.skip = 2, .steps = 3), TG_OK);
    for (int i = 0; i < 10; i++) step(&r);
    assert_int_equal(tg_profile_end(), TG_OK);
    assert_int_equal(tg_profile_sum().steps, 3);
    check_ops(3);
    check_sums();
    assert_int_equal(tg_profile_begin(.skip = 20), TG_OK);
    step(&r);
    assert_int_equal(tg_profile_end(), TG_OK);
    assert_int_equal(tg_profile_sum().steps, 0);
    gather(TG_PROFILE_BY_OP);
    assert_null(entry("linear"));
    run_free(&r);
}

/* ---- ops ---- */

/* Flops of the ops that are counted, against what a loop over indices would do. */
TEST(test_flops)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(2, 3, 8, 6), .requires_grad = true),
              *w = tg_ones(tg_shape(4, 3, 3, 3), .requires_grad = true);
    tg_tensor *q = tg_ones(tg_shape(2, 5, 8), .requires_grad = true), *k = tg_ones(tg_shape(2, 7, 8)),
              *v = tg_ones(tg_shape(2, 7, 6));
    tg_tensor *m = tg_ones(tg_shape(2, 3, 4), .requires_grad = true),
              *n = tg_ones(tg_shape(4, 5), .requires_grad = true);
    assert_int_equal(tg_profile_begin(), TG_OK);
    tg_backward(tg_sum(tg_conv2d(x, w, .padding = tg_shape(1, 1))));
    tg_scaled_dot_product_attention(q, k, v);
    tg_backward(tg_sum(tg_matmul(m, n)));
    tg_softmax(tg_ones(tg_shape(3, 4)), 1);
    tg_addmm(tg_ones(tg_shape(5)), tg_ones(tg_shape(3, 4)), tg_ones(tg_shape(4, 5)));
    assert_int_equal(tg_profile_end(), TG_OK);
    gather(TG_PROFILE_BY_OP);
    const double conv = 2.0 * 2 * 4 * 8 * 6 * 3 * 3 * 3, matmul = 2.0 * 2 * 3 * 4 * 5;
    assert_true(present("convolution")->forward.flops == conv && present("convolution")->backward.flops == 2 * conv);
    assert_true(present("matmul")->forward.flops == matmul && present("matmul")->backward.flops == 2 * matmul);
    assert_true(present("scaled_dot_product_attention")->forward.flops ==
                2 * (2.0 * 5 * 7 * 8 + 2.0 * 5 * 7 * 6 + 4 * 5 * 7));
    assert_true(present("softmax")->forward.flops == 4 * 12);
    assert_true(present("addmm")->forward.flops == 2.0 * 3 * 4 * 5 + 15);
    assert_int_equal(present("conv2d")->forward.calls, 1); /* made of a convolution */
    assert_true(present("conv2d")->forward.total >= present("convolution")->forward.total);
    check_sums();
    tg_scope_end(scope);
}

/* The end of ops without a gradient, and of those that have nothing to do, is known, too. */
TEST(test_ops_without_an_end)
{
    IN_SCOPE;
    assert_int_equal(tg_profile_begin(.trace = true), TG_OK);
    tg_tensor *a = tg_ones(tg_shape(3));
    tg_to(a, TG_FLOAT32);
    tg_tensor *b = tg_gt(a, 0.5);
    tg_argmax(a);
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    tg_where(b, a, tg_zeros(tg_shape(3)));
    assert_int_equal(tg_profile_end(), TG_OK);
    gather(TG_PROFILE_BY_OP);
    const tg_profile_summary s = tg_profile_sum();
    const char *names[] = { "ones", "gt", "argmax", "where", "zeros" };
    assert_true(present("to")->forward.calls >= 1);
    for (int i = 0; i < 5; i++) assert_int_equal(present(names[i])->forward.calls, 1);
    assert_true(s.outside >= 0.019 && s.forward <= s.seconds - 0.019); /* the nap is nobody's */
    tg_scope_end(scope);
}

TEST(test_shapes)
{
    IN_SCOPE;
    assert_int_equal(tg_profile_begin(.shapes = true), TG_OK);
    tg_tensor *a = tg_ones(tg_shape(2, 3), .requires_grad = true), *b = tg_ones(tg_shape(4), .dtype = TG_FLOAT64);
    for (int i = 0; i < 3; i++) tg_backward(tg_sum(tg_exp(a)));
    tg_exp(b);
    assert_int_equal(tg_profile_end(), TG_OK);
    gather(TG_PROFILE_BY_SHAPE);
    assert_int_equal(present("exp float32[2, 3]")->forward.calls, 3);
    assert_int_equal(present("exp float32[2, 3]")->backward.calls, 3);
    assert_int_equal(present("exp float64[4]")->forward.calls, 1);
    gather(TG_PROFILE_BY_OP);
    assert_int_equal(present("exp")->forward.calls, 4);
    check_sums();
    tg_scope_end(scope);
}

/* Gradients that flow through ops, under create_graph and when asked for by tg_grad. */
TEST(test_second_derivatives)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(3), .requires_grad = true);
    assert_int_equal(tg_profile_begin(), TG_OK);
    tg_tensor *y = tg_sum(tg_mul(tg_mul(x, x), x));
    tg_tensor *g = tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0];
    tg_backward(tg_sum(g));
    assert_int_equal(tg_profile_end(), TG_OK);
    gather(TG_PROFILE_BY_OP);
    assert_int_equal(present("mul")->forward.calls, 2);
    assert_true(present("mul")->backward.calls >= 4); /* both nodes in each walk, and those of the first walk */
    assert_int_equal(present("mul (in backward)")->forward.calls, 0);
    assert_true(present("mul (in backward)")->backward.calls >= 4);
    assert_int_equal(present("(backward)")->backward.calls, 2);
    check_sums();
    tg_scope_end(scope);
}

/* Steps in time are one place. */
TEST(test_labels)
{
    tg_module *cell = TG_MODULE(tg_linear_new(3, 3));
    assert_int_equal(tg_profile_begin(), TG_OK);
    for (int epoch = 0; epoch < 2; epoch++) {
        IN_SCOPE;
        tg_tensor *h = tg_ones(tg_shape(2, 3));
        for (int t = 0; t < 40; t++) {
            tg_label("t=%d", t);
            h = tg_tanh(tg_module_forward(cell, h));
        }
        tg_backward(tg_sum(h));
        tg_scope_end(scope);
    }
    assert_int_equal(tg_profile_end(), TG_OK);
    gather(TG_PROFILE_BY_MODULE);
    assert_int_equal(present("t=*.Linear")->forward.calls, 80);
    assert_true(present("t=*")->forward.flops == 80.0 * 6 + 2 * 6); /* the sum is under the last one */
    assert_true(present("t=*.Linear")->backward.flops ==
                2 * (40 * linear_backward_flops(2, 3, 3, true) - 2.0 * 2 * 3 * 3));
    assert_true(present("t=*")->forward.total >= present("t=*.Linear")->forward.total);
    check_sums();
    tg_module_free(cell);
}

/* ---- what goes wrong ---- */

static tg_tensor *failing_forward(tg_module *m, tg_tensor *x)
{
    (void)m;
    return tg_matmul(x, tg_ones(tg_shape(17, 2)));
}

/* What an error leaves at work does not stay there. */
TEST(test_failing_op)
{
    run r = run_new();
    tg_module *bad = tg_module_new(tg_module, .name = "Bad", .forward = failing_forward);
    assert_int_equal(tg_profile_begin(.trace = true), TG_OK);
    for (int i = 0; i < 3; i++) {
        IN_SCOPE;
        assert_null(tg_module_forward(bad, tg_ones(tg_shape(2, 3))));
        assert_true(tg_failed());
        tg_error_clear();
        tg_scope_end(scope);
        step(&r);
    }
    assert_int_equal(tg_profile_end(), TG_OK);
    gather(TG_PROFILE_BY_OP);
    assert_int_equal(present("linear")->forward.calls, 6);
    assert_int_equal(present("matmul")->forward.calls, 3);
    gather(TG_PROFILE_BY_MODULE);
    assert_int_equal(present("Sequential")->forward.calls, 3); /* not inside Bad */
    assert_null(entry("Bad.Sequential"));
    check_sums();
    tg_module_free(bad);
    run_free(&r);
}

TEST(test_misuse)
{
    assert_int_equal(tg_profile_end(), TG_FAILED);
    expect_error("no profile of this thread is running");
    assert_int_equal(tg_profile_begin(.skip = -1), TG_FAILED);
    expect_error("not negative");
    assert_int_equal(tg_profile_begin(), TG_OK);
    assert_int_equal(tg_profile_begin(), TG_FAILED);
    expect_error("is running");
    assert_int_equal(tg_profile_print(stderr), TG_FAILED);
    expect_error("tg_profile_end ends it");
    assert_int_equal(tg_profile_end(), TG_OK);
    assert_int_equal(tg_profile_write_trace("x.json"), TG_FAILED);
    expect_error("no trace was kept");
    assert_int_equal(tg_profile_entries(TG_PROFILE_BY_OP, NULL, 3), -1);
    expect_error("no room");
    assert_int_equal(tg_profile_entries((tg_profile_by)9, NULL, 0), -1);
    expect_error("no such order");
    assert_int_equal(tg_profile_print(NULL), TG_FAILED);
    expect_error("NULL");
    assert_int_equal(tg_profile_begin(.trace = true), TG_OK);
    assert_int_equal(tg_profile_end(), TG_OK);
    assert_int_equal(tg_profile_write_trace("/no such folder/x.json"), TG_FAILED);
    expect_error("cannot be written");
}

/* ---- traces ---- */

static char *read_file(const char *path, int64_t *bytes)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *bytes = ftell(file);
    rewind(file);
    char *text = malloc((size_t)*bytes + 1);
    assert_int_equal(fread(text, 1, (size_t)*bytes, file), *bytes);
    text[*bytes] = '\0';
    fclose(file);
    return text;
}

/* Of one line of the file: its member's number. */
static double number_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    assert_non_null(at);
    return atof(at + strlen(name) + 3);
}

enum { EVENTS = 4096 };
typedef struct slice {
    double start, end;
    int thread;
} slice;

/* Two slices of one thread lie apart, or one in the other. */
static void check_nesting(const slice *slices, int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            const slice *a = &slices[i], *b = &slices[j];
            if (a->thread != b->thread) continue;
            const bool apart = a->end <= b->start + 1e-4 || b->end <= a->start + 1e-4;
            const bool in_b = a->start >= b->start - 1e-4 && a->end <= b->end + 1e-4;
            const bool in_a = b->start >= a->start - 1e-4 && b->end <= a->end + 1e-4;
            if (!apart && !in_a && !in_b)
                fail_msg("slices %d, %g to %g, and %d, %g to %g, overlap", i, a->start, a->end, j, b->start, b->end);
        }
    }
}

/* The file is JSON, its slices nest. Returns how many there are. */
static int check_trace(const char *path, int threads)
{
    static slice slices[EVENTS];
    int64_t bytes;
    char *text = read_file(path, &bytes);
    int n = 0, most = 0;
    for (const char *line = strstr(text, "{\"ph\": \"X\""); line; line = strstr(line + 1, "{\"ph\": \"X\"")) {
        assert_true(n < EVENTS);
        const double start = number_in(line, "\"ts"), length = number_in(line, "\"dur");
        slices[n] = (slice){ start, start + length, (int)number_in(line, "\"tid") };
        if (slices[n].thread > most) most = slices[n].thread;
        n++;
    }
    assert_true(most >= threads);
    check_nesting(slices, n);
    const tgi_input no_file = { .function = "test", .path = path, .fd = -1 };
    tgi_json json;
    tgi_json_begin(&json, &no_file, "trace", 0, text, bytes);
    assert_true(tgi_json_skip(&json) && tgi_json_end(&json));
    free(text);
    return n;
}

TEST(test_trace)
{
    const char *path = "test_profile_trace.json";
    run r = run_new();
    assert_int_equal(tg_profile_begin(.trace = true), TG_OK);
    for (int i = 0; i < 3; i++) step(&r);
    assert_int_equal(tg_profile_end(), TG_OK);
    assert_int_equal(tg_profile_write_trace(path), TG_OK);
    const tg_profile_summary s = tg_profile_sum();
    assert_int_equal(check_trace(path, 1), s.events);
    assert_true(s.events >= 3 * (4 + 3 + 3 + 2 + 4)); /* modules, forward, backward, tasks, ... */
    assert_int_equal(s.events_lost, 0);
    assert_int_equal(tg_profile_begin(.trace = true, .most_events = 10), TG_OK);
    step(&r);
    assert_int_equal(tg_profile_end(), TG_OK);
    assert_int_equal(tg_profile_sum().events, 10);
    assert_true(tg_profile_sum().events_lost > 0);
    remove(path);
    run_free(&r);
}

TEST(test_print)
{
    const char *path = "test_profile.txt";
    run r = run_new();
    assert_int_equal(tg_profile_begin(.shapes = true), TG_OK);
    step(&r);
    assert_int_equal(tg_profile_end(), TG_OK);
    FILE *file = fopen(path, "w");
    assert_int_equal(tg_profile_print(file), TG_OK);
    fclose(file);
    int64_t bytes;
    char *text = read_file(path, &bytes);
    const char *words[] = {
        "profile of thread 1", "forward",      "backward", "optimizer",      "by op",   "linear", "by shape",
        "by module",           "Sequential.0", "by line",  "test_profile.c", "SGD.step"
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i])) fail_msg("%s is missing in:\n%s", words[i], text);
    free(text);
    remove(path);
    run_free(&r);
}

/* ---- threads ---- */

static void *train(void *unused)
{
    run r = run_new();
    for (int i = 0; i < 2; i++) step(&r);
    run_free(&r);
    return unused;
}

static void *profile_training(void *result)
{
    run r = run_new();
    tg_profile_begin();
    for (int i = 0; i < 5; i++) step(&r);
    tg_profile_end();
    *(int64_t *)result = tg_profile_sum().steps;
    run_free(&r);
    return NULL;
}

/* Each thread has its own; what it found goes with it. */
TEST(test_threads)
{
    pthread_t threads[3];
    int64_t steps[3] = { 0 };
    assert_int_equal(tg_profile_begin(), TG_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, profile_training, &steps[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_int_equal(tg_profile_end(), TG_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(steps[i], 5);
    assert_int_equal(tg_profile_sum().steps, 0);
}

/* The variable is read when a thread begins; here those of two that the main thread does not wait for. */
TEST(test_environment)
{
    const char *path = "test_profile_environment.json", *tables = "test_profile_environment.txt";
    pthread_t threads[2];
    setenv("TAPEGRAD_PROFILE", path, 1);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, train, NULL), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    fflush(stderr);
    const int before = dup(STDERR_FILENO);
    assert_non_null(freopen(tables, "w", stderr));
    tgi_profile_show_ended();
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    unsetenv("TAPEGRAD_PROFILE");
    int64_t bytes;
    char *text = read_file(tables, &bytes);
    assert_non_null(strstr(text, "profile of thread 1"));
    assert_non_null(strstr(text, "profile of thread 2"));
    assert_non_null(strstr(text, "2 optimizer steps"));
    free(text);
    assert_true(check_trace(path, 2) > 0);
    remove(path);
    remove(tables);
}

/* ---- no memory ---- */

/* What finds no room is counted elsewhere: the program computes what it did, and loses nothing. */
static double profile_once(void)
{
    tg_manual_seed(1);
    run r = run_new();
    if (!tg_failed()) tg_profile_begin(.trace = true, .shapes = true);
    const tg_scope scope = tg_scope_begin();
    tg_tensor *loss = tg_sum(tg_exp(tg_module_forward(r.model, tg_ones(tg_shape(N, IN)))));
    tg_backward(loss);
    const double value = tg_failed() ? 0 : tg_item(loss);
    tg_scope_end(scope);
    if (tg_ok()) tg_profile_end();
    if (tg_ok()) tg_profile_entries(TG_PROFILE_BY_MODULE, entries, MOST);
    run_free(&r);
    return value;
}

TEST(test_no_memory) { fail_each_allocation(profile_once); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* each block is an allocation: test_no_memory */
    const struct CMUnitTest tests[] = {
        T(test_counts), T(test_skip_and_steps), T(test_flops),       T(test_ops_without_an_end), T(test_shapes),
        T(test_labels), T(test_failing_op),     T(test_misuse),      T(test_second_derivatives), T(test_trace),
        T(test_print),  T(test_threads),        T(test_environment), T(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
