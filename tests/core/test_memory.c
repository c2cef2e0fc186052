/* test_memory.c: what a training loop costs, what happens when memory runs out, and threads. */
#define _GNU_SOURCE /* setenv */
#include <tapegrad.h>

#include "tests/support/caching.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- an allocator that can be told to fail ---- */

static int64_t allocations, fail_at = -1, outstanding;

static void *counting_allocate(size_t bytes, void *context)
{
    (void)context;
    if (__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED) == fail_at) return NULL;
    void *block = aligned_alloc(64, bytes);
    if (block) __atomic_fetch_add(&outstanding, 1, __ATOMIC_RELAXED);
    return block;
}

static void counting_free(void *block, size_t bytes, void *context)
{
    (void)bytes, (void)context;
    __atomic_fetch_sub(&outstanding, 1, __ATOMIC_RELAXED);
    free(block);
}

/* ---- a small model and its step ---- */

typedef struct trainer {
    tg_lstm *lstm;
    tg_linear *fc;
    tg_optimizer *adam;
} trainer;

static void trainer_new(trainer *t)
{
    tg_manual_seed(1);
    t->lstm = tg_lstm_new(3, 4, .num_layers = 2, .batch_first = true);
    t->fc = tg_linear_new(4, 1);
    t->adam = tg_adam_new(t->lstm && t->fc ? tg_parameters(t->lstm) : tg_list_of(NULL, 0), .lr = 1e-2);
}

static void trainer_free(trainer *t)
{
    tg_optimizer_free(t->adam);
    tg_module_free(t->lstm);
    tg_module_free(t->fc);
}

static double step(trainer *t)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_full(tg_shape(2, 5, 3), 0.5), *y = tg_ones(tg_shape(2, 1));
    double loss_value = 0;
    if (t->lstm && t->fc && t->adam) {
        tg_zero_grad(t->adam);
        tg_tensor *out = tg_lstm_forward(t->lstm, x).output;
        tg_tensor *loss = tg_mse_loss(tg_linear_forward(t->fc, tg_select(out, 1, -1)), y);
        tg_backward(loss);
        tg_step(t->adam);
        loss_value = tg_failed() ? 0 : tg_item(loss);
    }
    tg_scope_end(scope);
    return loss_value;
}

/* ---- tests ---- */

TEST(test_no_malloc_when_warm)
{
    if (!caching()) skip(); /* under sanitizers every block is malloc's on purpose */
    trainer t;
    trainer_new(&t);
    step(&t);
    step(&t);
    const int64_t before = tg_memory_stats().system_allocations;
    const int64_t live = tg_memory_stats().live_bytes;
    for (int i = 0; i < 20; i++) step(&t);
    assert_int_equal(tg_memory_stats().system_allocations, before);
    assert_int_equal(tg_memory_stats().live_bytes, live);
    trainer_free(&t);
}

/* Runs in a thread of its own, so that its pool starts empty and its end shows what was lost. */
static void *train_and_end(void *result)
{
    trainer t;
    tg_set_error_handler(NULL, NULL);
    trainer_new(&t);
    double loss = step(&t);
    for (int i = 0; i < 2; i++) loss = step(&t);
    trainer_free(&t);
    *(double *)result = loss;
    if (tg_failed() && tg_error_get().code != TG_ERROR_MEMORY) *(double *)result = -1;
    return NULL;
}

static double in_thread(void)
{
    double result = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, train_and_end, &result), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return result;
}

/* Every allocation of building, training and freeing fails in turn: an error each time, no crash, nothing lost. */
static void fail_each_allocation(int64_t at_least)
{
    fail_at = -1;
    allocations = outstanding = 0;
    const double expected = in_thread();
    assert_true(expected > 0);
    assert_int_equal(outstanding, 0);
    const int64_t total = allocations;
    assert_true(total >= at_least);
    for (fail_at = 0; fail_at < total; fail_at += 1 + total / 400) { /* all of them, but where nothing is cached */
        allocations = 0;
        const double result = in_thread();
        assert_true(result == 0 || result == expected);
        if (outstanding)
            fail_msg("%lld blocks lost when allocation %lld failed", (long long)outstanding, (long long)fail_at);
    }
}

TEST(test_every_allocation_may_fail)
{
    tg_set_allocator(counting_allocate, counting_free, NULL);
    fail_each_allocation(2);
    const char *setting = getenv("TAPEGRAD_POOL");
    char *before = setting ? strdup(setting) : NULL;
    setenv("TAPEGRAD_POOL", "0", 1); /* what a pool would have had in stock fails, too */
    fail_each_allocation(400);
    if (before)
        setenv("TAPEGRAD_POOL", before, 1);
    else
        unsetenv("TAPEGRAD_POOL");
    free(before);
    tg_set_allocator(NULL, NULL, NULL);
}

static void *make_tensor(void *unused)
{
    (void)unused;
    return tg_keep(tg_ones(tg_shape(1000)));
}

/* A tensor may outlive the thread that made it, and be freed by another. */
TEST(test_freed_by_another_thread)
{
    pthread_t thread;
    void *made;
    pthread_create(&thread, NULL, make_tensor, NULL);
    pthread_join(thread, &made);
    assert_true(tg_item(tg_sum(made)) == 1000);
    tg_release(made);
}

static void *free_tensor(void *t)
{
    tg_release(t);
    return NULL;
}

TEST(test_block_returns_to_its_owner)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_keep(tg_ones(tg_shape(1000)));
    tg_scope_end(scope);
    const int64_t live = tg_memory_stats().live_bytes;
    pthread_t thread;
    pthread_create(&thread, NULL, free_tensor, t);
    pthread_join(thread, NULL);
    assert_true(tg_memory_stats().live_bytes < live);
}

/* Threads that share a model read-only all see the same result. */
typedef struct shared {
    tg_lstm *lstm;
    double result;
} shared;

static void *infer(void *argument)
{
    shared *s = argument;
    for (int i = 0; i < 50; i++) {
        const tg_scope quiet = tg_no_grad_begin();
        s->result = tg_item(tg_sum(tg_lstm_forward(s->lstm, tg_full(tg_shape(2, 5, 3), 0.5)).output));
        tg_scope_end(quiet);
    }
    return NULL;
}

TEST(test_threads_share_a_model)
{
    tg_lstm *lstm = tg_lstm_new(3, 4, .batch_first = true);
    shared s[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        s[i] = (shared){ lstm, 0 };
        pthread_create(&threads[i], NULL, infer, &s[i]);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < 4; i++) assert_true(s[i].result == s[0].result && s[i].result != 0);
    tg_module_free(lstm);
}

TEST(test_too_large)
{
    assert_null(tg_zeros(tg_shape(INT64_C(1) << 40, INT64_C(1) << 40)));
    assert_int_equal(tg_error_get().code, TG_ERROR_MEMORY);
    expect_error("out of memory");
    assert_null(
        tg_zeros(tg_shape(0, INT64_C(1) << 40, INT64_C(1) << 40))); /* nothing in it, but strides beyond 63 bits */
    expect_error("out of memory");
    assert_null(tg_zeros(tg_shape(INT64_C(1) << 44)));
    expect_error("out of memory");
    assert_null(tg_zeros(tg_shape(2, -1)));
    expect_error("negative dimension -1: [2, -1]");
}

TEST(test_trim_and_peak)
{
    const tg_scope scope = tg_scope_begin();
    tg_memory_reset_peak();
    const int64_t live = tg_memory_stats().live_bytes;
    tg_ones(tg_shape(1 << 20));
    tg_scope_end(scope);
    assert_int_equal(tg_memory_stats().live_bytes, live);
    assert_true(tg_memory_stats().peak_bytes >= live + (4 << 20));
    tg_memory_trim();
    assert_true(tg_memory_stats().cached_bytes < 4 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_no_malloc_when_warm),     T(test_every_allocation_may_fail),
        T(test_freed_by_another_thread), T(test_block_returns_to_its_owner),
        T(test_threads_share_a_model),   T(test_too_large),
        T(test_trim_and_peak),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
