/* test_poison.c: what TAPEGRAD_POISON=1 promises, and what a pool without it does. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/suite.h"

#include "core/thread.h"
#include "ops/kernels/template/scratch.h"

#include <tapegrad.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = { 1, 63, 64, 65, 640, 4095, 4096, 4097, 5000, 70000, 1 << 20 };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static bool is_poison(const void *block, size_t bytes)
{
    const unsigned char *p = block;
    for (size_t i = 0; i < bytes; i++)
        if (p[i] != 0xff) return false;
    return true;
}

/* From its first byte, where a free block has its links, to its last; as often as it is reused, and by either way. */
static void *blocks_are_poison(void *unused)
{
    (void)unused;
    static char fault[80];
    for (int round = 0; round < 4; round++) {
        void *blocks[SIZES];
        for (int i = 0; i < SIZES; i++) {
            blocks[i] = round % 2 ? tgi_alloc(sizes[i]) : tgi_pool_alloc(tgi_pool_of_thread(), sizes[i]);
            if (!blocks[i] || !is_poison(blocks[i], sizes[i])) {
                snprintf(fault, sizeof fault, "round %d: a block of %zu bytes", round, sizes[i]);
                return fault;
            }
            memset(blocks[i], 0, sizes[i]);
        }
        for (int i = 0; i < SIZES; i++) tgi_dealloc(tgi_self.pool, blocks[i], sizes[i]);
    }
    return NULL;
}

static void *freed_is_poison(void *unused)
{
    (void)unused;
    if (!tgi_pool_of_thread()->caching) return NULL; /* freed blocks are the system's */
    for (int i = 0; i < SIZES; i++) {
        char *block = tgi_alloc(sizes[i]);
        memset(block, 0, sizes[i]);
        tgi_dealloc(tgi_self.pool, block, sizes[i]);
        const size_t links = sizeof(tgi_free_block);
        if (sizes[i] > links && !is_poison(block + links, sizes[i] - links)) return (void *)"a freed block";
    }
    return NULL;
}

/* A warm pool gives its own blocks again, poisoned or not. */
static void *is_reused(void *unused)
{
    (void)unused;
    if (!tgi_pool_of_thread()->caching) return NULL;
    void *blocks[SIZES];
    for (int i = 0; i < SIZES; i++) tgi_dealloc(tgi_self.pool, blocks[i] = tgi_alloc(sizes[i]), sizes[i]);
    const int64_t before = tg_memory_stats().system_allocations;
    for (int i = 0; i < SIZES; i++) {
        void *again = tgi_alloc(sizes[i]);
        tgi_dealloc(tgi_self.pool, again, sizes[i]);
        if (again != blocks[i]) return (void *)"another block";
    }
    return tg_memory_stats().system_allocations != before ? (void *)"a system allocation" : NULL;
}

static void *fast_path(void *unused)
{
    (void)unused;
    tgi_pool *pool = tgi_pool_of_thread();
    if (pool->open != (pool->caching && !pool->poisoned)) return (void *)"the fast path";
    if (!pool->open) return NULL;
    void *block = tgi_alloc(64);
    tgi_dealloc(pool, block, 64);
    return pool->small[0] == block ? NULL : (void *)"the free list";
}

/* Each in a thread of its own, whose pool reads the setting. */
static void run(void *(*body)(void *), const char *setting)
{
    void *fault = NULL;
    pthread_t thread;
    setenv("TAPEGRAD_POISON", setting, 1);
    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    assert_int_equal(pthread_join(thread, &fault), 0);
    if (fault) fail_msg("TAPEGRAD_POISON=%s: %s", setting, (const char *)fault);
}

TEST(test_fresh_and_reused) { run(blocks_are_poison, "1"); }

TEST(test_freed) { run(freed_is_poison, "1"); }

TEST(test_reuse)
{
    run(is_reused, "1");
    run(is_reused, "0");
}

TEST(test_free_when_unused)
{
    run(fast_path, "1");
    run(fast_path, "0");
}

static void *free_it(void *memory)
{
    tg_release(memory);
    return NULL;
}

/* A tensor that another thread releases comes back through its pool's list of such blocks. */
static void *freed_elsewhere(void *unused)
{
    (void)unused;
    for (int round = 0; round < 3; round++) {
        tg_tensor *kept[3];
        const tg_scope scope = tg_scope_begin();
        const int64_t length[3] = { 5, 300, 9000 };
        for (int i = 0; i < 3; i++) kept[i] = tg_keep(tg_zeros(tg_shape(length[i])));
        tg_scope_end(scope);
        for (int i = 0; i < 3; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, free_it, kept[i]) || pthread_join(thread, NULL))
                return (void *)"a thread";
        }
        const tg_scope again = tg_scope_begin();
        for (int i = 0; i < 3; i++) {
            tg_tensor *t = tg_empty(tg_shape(length[i]));
            if (!is_poison(tg_data(t, TG_FLOAT32), (size_t)length[i] * sizeof(float))) return (void *)"a tensor";
        }
        tg_scope_end(again);
    }
    return NULL;
}

TEST(test_other_threads) { run(freed_elsewhere, "1"); }

/* The blocks of dead handles rest before they are used again, with the data that lies in them. */
static void *rested(void *unused)
{
    (void)unused;
    for (int step = 0; step < 5000; step++) {
        const tg_scope scope = tg_scope_begin();
        tg_tensor *t = tg_empty(tg_shape(5));
        float *data = tg_mutable_data(t, TG_FLOAT32);
        if (!is_poison(data, 5 * sizeof *data)) return (void *)"a tensor of a later step";
        memset(data, 0, 5 * sizeof *data);
        tg_scope_end(scope);
        if (tgi_pool_of_thread()->caching && !is_poison(data, 5 * sizeof *data)) return (void *)"a dead tensor's data";
    }
    return NULL;
}

TEST(test_dead_handles) { run(rested, "1"); }

TEST(test_scratch)
{
    for (size_t bytes = 5000; bytes > 1000; bytes -= 1000) {
        void *room = tgi_scratch(TGI_SCRATCH_A, bytes);
        assert_non_null(room);
        assert_true(is_poison(room, bytes));
        memset(room, 0, bytes);
    }
}

int main(void)
{
    setenv("TAPEGRAD_POISON", "1", 1); /* read when a block of scratch memory is made */
    const struct CMUnitTest tests[] = {
        T(test_fresh_and_reused), T(test_freed),        T(test_reuse),   T(test_free_when_unused),
        T(test_other_threads),    T(test_dead_handles), T(test_scratch),
    };
    return cmocka_run_group_tests(tests, silence_errors, expect_no_error);
}
