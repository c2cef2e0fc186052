/* failing.h: a step run again and again, with each of its allocations failing in turn. Most are those of a program that
 * sets TAPEGRAD_POOL=0 before it first uses the library: then every block is one. For one file of it: there is
 * state. */
#ifndef TG_TESTS_SUPPORT_FAILING_H
#define TG_TESTS_SUPPORT_FAILING_H

#include "cmocka_all.h"
#include "tapegrad.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static int64_t allocations, fail_at, outstanding; /* blocks not yet given back */

static inline void *counting_allocate(size_t bytes, void *context)
{
    (void)context;
    if (allocations++ == fail_at) return NULL;
    void *block = aligned_alloc(64, bytes);
    outstanding += block != NULL;
    return block;
}

static inline void counting_free(void *block, size_t bytes, void *context)
{
    (void)bytes, (void)context;
    outstanding--;
    free(block);
}

typedef struct failing_step {
    double (*step)(void); /* not 0 */
    double result;        /* 0 when memory ran out, NaN when another error is pending */
} failing_step;

static inline void *run_failing(void *context)
{
    failing_step *s = context;
    tg_set_error_handler(NULL, NULL);
    const tg_scope scope = tg_scope_begin();
    s->result = s->step();
    if (tg_failed()) s->result = tg_error_get().code == TG_ERROR_MEMORY ? 0 : (double)NAN;
    tg_scope_end(scope);
    return NULL;
}

/* In a thread of its own, whose end shows what was lost. */
static inline double run_in_thread(double (*step)(void))
{
    failing_step s = { step, 0 };
    pthread_t thread;
    allocations = outstanding = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_failing, &s), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return s.result;
}

/* The step either has its result or fails for want of memory, and loses nothing. */
static inline void fail_each_allocation(double (*step)(void))
{
    tg_set_allocator(counting_allocate, counting_free, NULL);
    fail_at = -1;
    const double expected = run_in_thread(step);
    const int64_t total = allocations;
    assert_true(expected != 0 && expected == expected && outstanding == 0 && total > 3);
    for (fail_at = 0; fail_at < total; fail_at++) {
        const double result = run_in_thread(step);
        if (result != 0 && result != expected)
            fail_msg("the result is %g when allocation %lld failed", result, (long long)fail_at);
        if (outstanding)
            fail_msg("%lld blocks lost when allocation %lld failed", (long long)outstanding, (long long)fail_at);
    }
    fail_at = -1;
    tg_set_allocator(NULL, NULL, NULL);
}

#endif
