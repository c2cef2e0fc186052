/* test_failing.c: what every op does when memory runs out.
 *
 * Some of each op's sample calls, forward and backward, are run again and again, each of their allocations failing in
 * turn: an error for want of memory each time, no crash, nothing lost, and the next run gives what it always did.
 * `test_failing 'name*'` runs some ops' tests only. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/op_suite.h"
#include "tests/support/sample.h"

#include "ops/pointwise.h"
#include "ops/reduce.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 200, RUNS = 150 }; /* of RUNS or more allocations not each one fails */
/* Rows of rows.def differ in their formulas alone and have the same samples: each row takes every third of these, the
 * first by its name, so that each sample is taken by many rows. (In place: from the first on, as not all can be run
 * so.) TEST_EVERYTHING=1: each row takes all. */
enum { ROW_STEP = 3 };

/* What a run gave: every element of its results and gradients, in order. */
typedef struct outcome {
    double *values;
    int64_t count;
} outcome;

static void add_values(outcome *o, const tg_tensor *t)
{
    double *values = sample_elements(t);
    const int64_t n = tg_numel(t);
    o->values = realloc(o->values, ((size_t)(o->count + n) + 1) * sizeof *o->values);
    assert_non_null(o->values);
    memcpy(o->values + o->count, values, (size_t)n * sizeof *values);
    o->count += n;
    free(values);
}

static bool same_values(const outcome *a, const outcome *b)
{
    if (a->count != b->count) return false;
    for (int64_t k = 0; k < a->count; k++)
        if (memcmp(&a->values[k], &b->values[k], sizeof a->values[k]) != 0) return false;
    return true;
}

/* ---- one run, in a thread of its own, whose end shows what was lost ---- */

typedef struct attempt {
    const tg_op *op;
    const char *text;
    bool create_graph;
    int64_t fails;       /* which allocation; -1: none */
    int64_t allocated;   /* how many there were */
    outcome first, next; /* of the run with a failure, if it had its result nevertheless, and of the next one */
    bool failed, called; /* called: the sample can be run at all */
    char wrong[512];     /* what must not be; "" if all is well */
} attempt;

static void tell(attempt *a, const char *what)
{
    if (!a->wrong[0]) snprintf(a->wrong, sizeof a->wrong, "%s %s", what, tg_error_message());
}

/* sum over the results that require grad of sum(result * weights). */
static tg_tensor *scalar_of(const sample *s, tg_tensor_list results)
{
    tg_tensor *sum = NULL;
    for (int64_t k = 0; k < results.count; k++) {
        if (!tg_requires_grad(results.items[k])) continue;
        const int64_t counted = allocations, at = fail_at;
        fail_at = -1; /* the test's own allocations neither fail nor count */
        tg_tensor *w = sample_weights(s, (int)k, results.items[k]);
        allocations = counted;
        fail_at = at;
        tg_tensor *term = tg_sum(tg_mul(results.items[k], w));
        sum = sum ? tg_add(sum, term) : term;
    }
    return sum;
}

static tg_tensor_list gradients_of(const sample *s, tg_tensor *y, bool create_graph)
{
    tg_tensor *leaves[SAMPLE_LEAVES];
    int count = 0;
    for (int k = 0; k < s->count; k++)
        if (tg_requires_grad(s->leaves[k].tensor)) leaves[count++] = s->leaves[k].tensor;
    return tg_grad(tg_list(y), ((tg_tensor_list){ leaves, count }), .create_graph = create_graph, .allow_unused = true);
}

static bool call(const attempt *a, const sample *s, tg_tensor_list *results)
{
    tg_manual_seed(0);
    if (a->op->in_place_of) return sample_run_in_place(s, a->op, results);
    *results = sample_run(s);
    return true;
}

static void check_error(attempt *a)
{
    const tg_error error = tg_error_get();
    if (error.code != TG_ERROR_MEMORY) tell(a, "not for want of memory:");
    if (!strstr(error.where, "sample.c:") && !strstr(error.where, "test_failing.c:"))
        tell(a, "not the caller's place:");
}

/* Forward and backward with allocation `fails` failing, into `o` what they gave. False: failed. */
static bool run(attempt *a, int64_t fails, outcome *o)
{
    const tg_scope scope = tg_scope_begin();
    sample s = sample_read(a->text);
    sample_fill(&s, TG_FLOAT32, true);
    allocations = 0;
    fail_at = fails;
    tg_tensor_list results = TG_NONE, gradients = TG_NONE;
    a->called = call(a, &s, &results);
    if (a->called && tg_failed() != !results.items[0]) tell(a, tg_failed() ? "an error and a result:" : "no result");
    tg_tensor *y = tg_failed() || !a->called ? NULL : scalar_of(&s, results);
    if (y) gradients = gradients_of(&s, y, a->create_graph);
    a->allocated = allocations;
    fail_at = -1;
    const bool failed = tg_failed();
    if (failed)
        check_error(a);
    else if (a->called) {
        for (int64_t k = 0; k < results.count; k++) add_values(o, results.items[k]);
        for (int64_t k = 0; k < gradients.count; k++)
            if (gradients.items[k]) add_values(o, gradients.items[k]);
    }
    tg_error_clear();
    tg_scope_end(scope);
    return !failed;
}

static void *run_twice(void *context)
{
    attempt *a = context;
    a->failed = !run(a, a->fails, &a->first);
    if (tg_memory_stats().live_tensors) tell(a, "tensors live on");
    if (a->fails >= 0 && !run(a, -1, &a->next)) tell(a, "the next run fails:");
    return NULL;
}

static attempt in_thread(const tg_op *op, const char *text, bool create_graph, int64_t fails)
{
    attempt a = { .op = op, .text = text, .create_graph = create_graph, .fails = fails };
    pthread_t thread;
    outstanding = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_twice, &a), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (outstanding) tell(&a, "blocks were lost");
    return a;
}

/* ---- an op ---- */

/* False: nothing to run. */
static bool fail_each(const tg_op *op, const char *text, bool create_graph)
{
    attempt expected = in_thread(op, text, create_graph, -1);
    const bool has_values = strncmp(op->name, "empty", 5) != 0;
    const bool runs = expected.called && !expected.failed;
    if (runs && expected.wrong[0]) fail_msg("%s: %s", text, expected.wrong);
    for (int64_t n = 0; runs && n < expected.allocated; n += 1 + expected.allocated / RUNS) {
        attempt a = in_thread(op, text, create_graph, n);
        if (!a.wrong[0] && !a.failed && has_values && !same_values(&a.first, &expected.first))
            tell(&a, "other values, and no error");
        if (!a.wrong[0] && has_values && !same_values(&a.next, &expected.first))
            tell(&a, "the next run gives other values");
        free(a.first.values);
        free(a.next.values);
        if (a.wrong[0])
            fail_msg("%s, %s%s, allocation %lld of %lld failing: %s", text, op->name,
                     create_graph ? " with create_graph" : "", (long long)n, (long long)expected.allocated, a.wrong);
    }
    free(expected.first.values);
    return runs;
}

TEST(test_op)
{
    const tg_op *op = *state;
    const tg_op *of = op->in_place_of ? op->in_place_of : op;
    const char *const *texts = sample_texts(of);
    const int step = sample_is_plain(of) && !test_everything() ? ROW_STEP : 1;
    int tried = 0, number = 0;
    for (const char *const *text = texts; *text && tried < SAMPLES; text++, number++) {
        if (number % step != (op->in_place_of ? 0 : op->name[0] % step)) continue;
        if (!fail_each(op, *text, false)) continue;
        if (!op->no_second_derivative) fail_each(op, *text, true);
        tried++;
    }
    if (!tried) fail_msg("%s: no sample can be run", op->name);
}

int main(int argc, char **argv)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* what a pool would have had in stock fails, too */
    tg_set_allocator(counting_allocate, counting_free, NULL);
    fail_at = -1;
    return op_suite_run(&(op_suite){ .name = "failing", .test = test_op }, argc, argv);
}
