/* test_prefetch.c: batches made ahead by a thread are those made by the caller, errors included; the thread ends with its
 * loader, whenever that is; where there is no thread, nobody notices. */
#define _GNU_SOURCE /* RTLD_NEXT, setenv */
#include "tests/support/caching.h"
#include "tests/support/loaders.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN true
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN true
#elif __has_feature(address_sanitizer)
#define UNDER_ASAN true
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN false
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN false
#endif

/* ---- threads that cannot be started ---- */

static bool no_threads;
static int64_t started;

/* Which is libc's, found once; under ThreadSanitizer what it has put in its place is not to be gone round. */
#if !UNDER_TSAN && defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
#define THREADS_CAN_FAIL true
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*function)(void *),
                   void *restrict context)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (no_threads) return EAGAIN;
    started++;
    return real(thread, attributes, function, context);
}
#else
#define THREADS_CAN_FAIL false
#endif

/* ---- the same batches ---- */

/* Noise of the sample's own, and where the program's stream stands. */
static int noisy(tg_tensor **fields, int count, void *context)
{
    (void)context;
    fields[1] = tg_add(fields[1], tg_randn(tg_shape(3)));
    if (tg_item(tg_rand(tg_shape(1))) < 0.5) fields[1] = tg_neg(fields[1]);
    return count;
}

static int64_t noisy_batch_calls;
static int noisy_batch(tg_tensor *indices, tg_tensor **fields, void *context)
{
    const int count = numbers_batch(indices, fields, context);
    __atomic_fetch_add(&noisy_batch_calls, 1, __ATOMIC_RELAXED);
    fields[1] = tg_add(fields[1], tg_rand(tg_shape(tg_numel(indices), 3)));
    return count;
}

static int noisy_collate(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context)
{
    const int made = tg_collate_stack(samples, count, fields, context);
    if (made > 0) fields[0] = tg_index_select(fields[0], 0, tg_randperm(count));
    if (made > 0) fields[1] = tg_mul(fields[1], tg_rand(tg_shape(1)));
    return made;
}

typedef tg_loader *(*make_fn)(int64_t prefetch);
static tg_loader *of_items(int64_t prefetch)
{
    return tg_loader_new(tg_map_dataset_new(numbers(37, .item = numbers_item), noisy), .batch_size = 4, .shuffle = true,
                         .prefetch = prefetch);
}
static tg_loader *of_batches(int64_t prefetch)
{
    return tg_loader_new(numbers(37, .batch = noisy_batch), .batch_size = 5, .shuffle = true, .prefetch = prefetch);
}
static tg_loader *collated(int64_t prefetch)
{
    return tg_loader_new(tg_map_dataset_new(numbers(37, .item = numbers_item), noisy), .batch_size = 6,
                         .collate = noisy_collate, .prefetch = prefetch);
}
static tg_loader *in_turn(int64_t prefetch)
{
    return tg_loader_new(tg_map_dataset_new(numbers(9, .item = numbers_item), noisy), .batch_size = 4,
                         .sampler = tg_random_sampler_new(9, .replacement = true, .num_samples = 70,
                                                          .generator = tg_default_generator()),
                         .prefetch = prefetch);
}

/* All numbers of two passes and of the program's stream between them. */
typedef struct trace {
    double values[4096];
    int count;
} trace;

static void put(trace *t, tg_tensor *x)
{
    const int64_t n = tg_numel(x);
    assert_true(t->count + n <= 4096);
    assert_int_equal(tg_to_array(x, t->values + t->count, n), TG_OK);
    t->count += (int)n;
}

static void run(trace *t, tg_loader *loader, int passes)
{
    for (int epoch = 0; epoch < passes; epoch++) {
        TG_FOR_BATCHES(batch, loader) {
            for (int64_t k = 0; k < batch->count; k++) put(t, batch->items[k]);
            put(t, tg_rand(tg_shape(2), .dtype = TG_FLOAT64));
        }
        put(t, tg_rand(tg_shape(1), .dtype = TG_FLOAT64));
    }
}

static trace trace_of(make_fn make, int64_t prefetch, int passes)
{
    trace t = { .count = 0 };
    IN_SCOPE;
    tg_manual_seed(12);
    tg_loader *loader = make(prefetch);
    run(&t, loader, passes);
    tg_loader_free(loader);
    tg_scope_end(scope);
    return t;
}

static void assert_same(const trace *a, const trace *b)
{
    assert_true(a->count > 100);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->values, b->values, (size_t)a->count * sizeof *a->values);
}

static const make_fn makes[] = { of_items, of_batches, collated, in_turn };

TEST(test_the_same_batches)
{
    static const int64_t ahead[] = { 1, 2, 7, 50 };
    for (int k = 0; k < 4; k++) {
        const trace without = trace_of(makes[k], 0, 3);
        for (int i = 0; i < 4; i++) {
            const trace with = trace_of(makes[k], ahead[i], 3);
            assert_same(&with, &without);
        }
    }
}

TEST(test_noise_differs_from_pass_to_pass_and_sample_to_sample)
{
    IN_SCOPE;
    tg_loader *loader = tg_loader_new(tg_map_dataset_new(numbers(20, .item = numbers_item), noisy), .batch_size = 20);
    tg_tensor *noise[2] = { NULL, NULL };
    tg_manual_seed(4);
    for (int epoch = 0; epoch < 2; epoch++)
        TG_FOR_BATCHES(batch, loader) noise[epoch] = tg_keep(tg_select(batch->items[1], 1, 0));
    assert_false(tg_allclose(noise[0], noise[1]));
    for (int64_t i = 1; i < 20; i++)
        assert_true(fabs(tg_item(tg_select(noise[0], 0, i)) - tg_item(tg_select(noise[0], 0, i - 1)) - 0.25) > 1e-6);
    tg_release(noise[0]);
    tg_release(noise[1]);
    tg_generator expected; /* two base seeds, and nothing for the samples */
    tg_generator_seed(&expected, 4);
    tg_random64(&expected);
    tg_random64(&expected);
    assert_true(tg_random32(&expected) == tg_random32(NULL));
    tg_loader_free(loader);
    tg_scope_end(scope);
}

/* Each sample's is that of its place in the pass, whichever batch it is in; no two are the same. */
TEST(test_noise_is_the_places)
{
    static const int64_t sizes[] = { 20, 7, 1 };
    IN_SCOPE;
    trace all[3] = { { .count = 0 }, { .count = 0 }, { .count = 0 } };
    for (int k = 0; k < 3; k++) {
        tg_loader *loader = tg_loader_new(tg_map_dataset_new(numbers(20, .item = numbers_item), noisy),
                                          .batch_size = sizes[k], .prefetch = k);
        tg_manual_seed(8);
        TG_FOR_BATCHES(batch, loader) put(&all[k], batch->items[1]);
        tg_loader_free(loader);
        assert_int_equal(all[k].count, 60);
        assert_memory_equal(all[k].values, all[0].values, 60 * sizeof(double));
    }
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < i; k++)
            assert_true(fabs(fabs(all[0].values[3 * i]) - fabs(all[0].values[3 * k] + (i - k) / 4.0)) > 1e-6);
    tg_scope_end(scope);
}

/* Of what is made in whole batches, or collated, that of the batch. */
TEST(test_noise_of_batches)
{
    IN_SCOPE;
    trace t = { .count = 0 };
    tg_loader *loader = tg_loader_new(numbers(12, .batch = noisy_batch), .batch_size = 3, .prefetch = 1);
    for (int epoch = 0; epoch < 2; epoch++)
        TG_FOR_BATCHES(batch, loader) put(&t, tg_sub(batch->items[1], tg_div(tg_unsqueeze(batch->items[0], 1), 4.0)));
    assert_int_equal(t.count, 72);
    for (int i = 0; i < 72; i++)
        for (int k = 0; k < i; k++) assert_true(fabs(t.values[i] - t.values[k]) > 1e-5);
    tg_loader_free(loader);
    tg_scope_end(scope);
}

static int collated_noise(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context)
{
    (void)samples, (void)count, (void)context;
    fields[0] = tg_rand(tg_shape(4), .dtype = TG_FLOAT64);
    return 1;
}

/* What a collate function draws does not depend on what the samples drew. */
TEST(test_noise_of_collating)
{
    IN_SCOPE;
    trace all[2] = { { .count = 0 }, { .count = 0 } };
    for (int k = 0; k < 2; k++) {
        tg_dataset *data = numbers(12, .item = numbers_item);
        tg_loader *loader = tg_loader_new(k ? tg_map_dataset_new(data, noisy) : data, .batch_size = 4,
                                          .collate = collated_noise, .prefetch = k);
        tg_manual_seed(8);
        TG_FOR_BATCHES(batch, loader) put(&all[k], batch->items[0]);
        tg_loader_free(loader);
    }
    assert_int_equal(all[0].count, 12);
    assert_memory_equal(all[0].values, all[1].values, 12 * sizeof(double));
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < i; k++) assert_true(all[0].values[i] != all[0].values[k]);
    tg_scope_end(scope);
}

/* A pass that is resumed has the noise that it would have had. */
TEST(test_noise_resumed)
{
    for (int k = 0; k < 4; k++) {
        IN_SCOPE;
        trace whole = { .count = 0 }, parts = { .count = 0 };
        tg_manual_seed(12);
        tg_loader *loader = makes[k](0);
        run(&whole, loader, 1);
        tg_loader_free(loader);
        tg_manual_seed(12);
        loader = makes[k](3);
        tg_loader *other = makes[k](2);
        TG_FOR_BATCHES(batch, loader) {
            for (int64_t i = 0; i < batch->count; i++) put(&parts, batch->items[i]);
            put(&parts, tg_rand(tg_shape(2), .dtype = TG_FLOAT64));
            if (batch->index < 3) continue;
            assert_int_equal(tg_loader_load_state_dict(other, tg_loader_state_dict(loader)), TG_OK);
            break;
        }
        run(&parts, other, 1);
        tg_loader_free(loader);
        tg_loader_free(other);
        assert_same(&parts, &whole);
        tg_scope_end(scope);
    }
}

/* ---- errors ---- */

static pthread_t told_on;
static char told[512];
static int tellings;
static void remember(const tg_error *error, void *context)
{
    (void)error, (void)context;
    snprintf(told, sizeof told, "%s", tg_error_message());
    told_on = pthread_self();
    tellings++;
}

static int64_t fails_at;
static int failing_item(int64_t index, tg_tensor **fields, void *context)
{
    fields[1] = tg_ones(tg_shape(3));
    fields[0] = tg_scalar(index);
    if (index == fails_at) fields[1] = tg_matmul(fields[1], tg_ones(tg_shape(4))); /* an error with this line */
    if (index == fails_at + 100) fields[1] = NULL;                                 /* one with the loop's */
    (void)context;
    return 2;
}

TEST(test_an_error_comes_where_it_happened)
{
    for (int kind = 0; kind < 2; kind++) {
        char first[512] = "";
        for (int64_t ahead = 0; ahead < 5; ahead++) {
            IN_SCOPE;
            fails_at = kind ? -83 : 17;
            tellings = 0;
            tg_set_error_handler(remember, NULL);
            tg_loader *loader = tg_loader_new(numbers(40, .item = failing_item), .batch_size = 3, .prefetch = ahead);
            int64_t batches = 0;
            TG_FOR_BATCHES(batch, loader) {
                assert_true(tg_ok());
                usleep((useconds_t)ahead * 200);
                batches++;
            }
            assert_int_equal(batches, 5);
            assert_int_equal(tellings, 1);
            assert_true(pthread_equal(told_on, pthread_self()));
            if (ahead == 0) snprintf(first, sizeof first, "%s", told);
            assert_string_equal(told, first);
            assert_string_equal(tg_error_message(), first);
            assert_non_null(strstr(first, "test_prefetch.c:"));
            expect_error(kind ? "Numbers: field 1 of sample 17 is NULL" : "matmul");
            fails_at = -1; /* the next pass is as good as any */
            TG_FOR_BATCHES(batch, loader) batches++;
            assert_int_equal(batches, 5 + 14);
            tg_loader_free(loader);
            tg_scope_end(scope);
        }
    }
}

/* An error that the loop never comes to is nobody's. */
TEST(test_an_error_that_is_not_reached)
{
    IN_SCOPE;
    fails_at = 4;
    tg_loader *loader = tg_loader_new(numbers(40, .item = failing_item), .prefetch = 8);
    TG_FOR_BATCHES(batch, loader) {
        usleep(500);
        if (batch->index == 2) break;
    }
    assert_true(tg_ok());
    tg_loader_free(loader);
    assert_true(tg_ok());
    tg_scope_end(scope);
}

/* ---- ended early ---- */

static int64_t return_early(tg_loader *loader)
{
    TG_FOR_BATCHES(batch, loader) return batch->size;
    return 0;
}

TEST(test_ended_early)
{
    IN_SCOPE;
    const int64_t before = tg_memory_stats().live_tensors;
    const int64_t freed = freed_contexts;
    for (int i = 0; i < 60; i++) {
        tg_loader *loader = of_items(1 + i % 5);
        assert_int_equal(return_early(loader), 4);
        TG_FOR_BATCHES(batch, loader)
            if (batch->index == i % 10) break;
        TG_FOR_BATCHES(batch, loader)
            if (batch->index == i % 4) tg_fail("body", "stop");
        expect_error("stop");
        TG_FOR_BATCHES(batch, loader) {
            if (i % 3 == 0) tg_loader_free(loader);
            if (i % 3 == 0) continue;
            if (i % 3 == 1) goto out;
        }
    out:
        if (i % 3) tg_loader_free(loader);
    }
    assert_int_equal(freed_contexts, freed + 60);
    assert_int_equal(tg_memory_stats().live_tensors, before);
    tg_loader_free(of_items(3)); /* never used */
    tg_scope_end(scope);
}

TEST(test_two_loaders_of_one_dataset)
{
    IN_SCOPE;
    tg_dataset *data = numbers(30, .item = numbers_item);
    tg_loader *a = tg_loader_new(data, .batch_size = 3, .shuffle = true, .prefetch = 2);
    tg_loader *b = tg_loader_new(data, .batch_size = 5, .prefetch = 3);
    int64_t sum = 0;
    TG_FOR_BATCHES(outer, a)
        TG_FOR_BATCHES(inner, b) sum += tg_item_int64(tg_sum(inner->items[0]));
    assert_int_equal(sum, 10 * 435);
    tg_loader_free(a);
    TG_FOR_BATCHES(inner, b) sum += inner->size;
    assert_int_equal(sum, 4380);
    tg_loader_free(b);
    tg_scope_end(scope);
}

/* A batch outlives its loader, and the thread that made it. */
TEST(test_a_batch_outlives_its_thread)
{
    IN_SCOPE;
    tg_loader *loader = of_batches(2);
    tg_tensor *kept = NULL;
    TG_FOR_BATCHES(batch, loader)
        if (batch->index == 6) kept = tg_keep(batch->items[0]);
    tg_loader_free(loader);
    assert_int_equal(tg_numel(tg_unique(kept).values), 5);
    tg_release(kept);
    tg_scope_end(scope);
}

/* ---- the thread ---- */

static tg_flush flush_seen;
static int64_t signals_seen;
static int seeing_item(int64_t index, tg_tensor **fields, void *context)
{
    sigset_t blocked;
    flush_seen = tg_flush_denormal();
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    signals_seen = sigismember(&blocked, SIGINT);
    return numbers_item(index, fields, context);
}

TEST(test_the_thread_is_as_the_caller)
{
    IN_SCOPE;
    tg_loader *loader = tg_loader_new(numbers(4, .item = seeing_item), .prefetch = 2);
    const tg_flush chosen[] = { TG_FLUSH_GRADIENTS, TG_FLUSH_NOTHING, TG_FLUSH_EVERYTHING, TG_FLUSH_GRADIENTS };
    for (int i = 0; i < 4; i++) {
        tg_set_flush_denormal(chosen[i]);
        TG_FOR_BATCHES(batch, loader) (void)batch;
        assert_int_equal(flush_seen, tg_flush_denormal());
        assert_int_equal(signals_seen, 1);
    }
    tg_loader_free(loader);
    tg_scope_end(scope);
}

/* It is started once, and rests between passes. Once the blocks of dead handles have had their rest, no memory is asked
 * for. */
TEST(test_one_thread_for_all_passes)
{
    IN_SCOPE;
    tg_loader *loader = of_batches(2);
    const int64_t before = started;
    const int passes = caching() ? 1600 : 5;
    int64_t asked = 0;
    for (int i = 0; i < passes; i++) {
        TG_FOR_BATCHES(batch, loader) (void)batch;
        if (i == passes - 50) asked = tg_memory_stats().system_allocations;
    }
    if (caching()) assert_int_equal(tg_memory_stats().system_allocations, asked);
    if (THREADS_CAN_FAIL) assert_int_equal(started, before + 1);
    tg_loader_free(loader);
    tg_scope_end(scope);
}

TEST(test_without_a_thread)
{
    if (!THREADS_CAN_FAIL) return;
    for (int k = 0; k < 4; k++) {
        const trace with = trace_of(makes[k], 3, 2);
        no_threads = true;
        const trace without = trace_of(makes[k], 3, 2);
        no_threads = false;
        assert_same(&with, &without);
    }
}

/* ---- fork ---- */

static bool same_in_child(tg_loader *loader, trace *t, const trace *expected)
{
    run(t, loader, 1);
    return t->count == expected->count &&
           memcmp(t->values, expected->values, (size_t)t->count * sizeof *t->values) == 0;
}

/* In the middle of a pass, and between two: the child has the batches that its parent has. */
TEST(test_forked)
{
    if (UNDER_TSAN) return; /* which allows no threads in a child of a process that had some */
    if (UNDER_ASAN) return; /* whose allocator may be locked for ever in the child: by the thread, when it was forked */
    const trace expected = trace_of(of_items, 0, 2);
    trace t = { .count = 0 };
    IN_SCOPE;
    tg_manual_seed(12);
    tg_loader *loader = of_items(3);
    pid_t child = -1;
    TG_FOR_BATCHES(batch, loader) {
        if (batch->index == 4 && (child = fork()) == 0) alarm(60);
        for (int64_t k = 0; k < batch->count; k++) put(&t, batch->items[k]);
        put(&t, tg_rand(tg_shape(2), .dtype = TG_FLOAT64));
    }
    put(&t, tg_rand(tg_shape(1), .dtype = TG_FLOAT64));
    if (child == 0) {
        const bool same = same_in_child(loader, &t, &expected);
        tg_loader_free(loader);
        _exit(same && tg_ok() ? 0 : 1);
    }
    int status = -1;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    child = fork();
    if (child == 0) {
        alarm(60);
        _exit(same_in_child(loader, &t, &expected) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(same_in_child(loader, &t, &expected));
    tg_loader_free(loader);
    tg_scope_end(scope);
}

/* ---- without memory ---- */

static int64_t allocated, fail_at = INT64_MAX, held;
static void *counting(size_t bytes, void *context)
{
    (void)context;
    if (__atomic_fetch_add(&allocated, 1, __ATOMIC_RELAXED) == fail_at) return NULL;
    __atomic_fetch_add(&held, 1, __ATOMIC_RELAXED);
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void giving_back(void *block, size_t bytes, void *context)
{
    (void)bytes, (void)context;
    __atomic_fetch_sub(&held, 1, __ATOMIC_RELAXED);
    free(block);
}

/* In a thread of its own, whose pool goes with it. 0 or, where an error is pending that is not for want of memory, 1. */
static void *pass_without_memory(void *result)
{
    tg_set_error_handler(NULL, NULL);
    IN_SCOPE;
    tg_loader *loader = of_items(2);
    double sum = 0;
    TG_FOR_BATCHES(batch, loader) {
        usleep(200);
        if (batch->index == 3) break; /* what was made ahead is dropped */
    }
    for (int epoch = 0; epoch < 2; epoch++)
        TG_FOR_BATCHES(batch, loader) sum += tg_item(tg_sum(batch->items[0]));
    tg_loader_free(loader);
    *(double *)result = tg_ok() ? sum : tg_error_get().code == TG_ERROR_MEMORY ? -1 : -2;
    tg_scope_end(scope);
    return NULL;
}

TEST(test_allocations_fail_on_both_threads)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    tg_set_allocator(counting, giving_back, NULL);
    int64_t total = 0;
    for (int64_t at = -1; at < total; at += 1 + at / 25) {
        double sum = 0;
        pthread_t thread;
        fail_at = at < 0 ? INT64_MAX : at;
        __atomic_store_n(&allocated, 0, __ATOMIC_RELAXED);
        assert_int_equal(pthread_create(&thread, NULL, pass_without_memory, &sum), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (at < 0) total = allocated;
        if (at < 0 || sum > 0)
            assert_true(sum == 2 * 666);
        else if (sum != -1)
            fail_msg("allocation %lld failed: %g", (long long)at, sum);
        if (held) fail_msg("allocation %lld failed: %lld blocks are lost", (long long)at, (long long)held);
        held = 0;
    }
    assert_true(total > 500);
    fail_at = INT64_MAX;
    tg_set_allocator(NULL, NULL, NULL);
    unsetenv("TAPEGRAD_POOL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_same_batches),
        T(test_noise_differs_from_pass_to_pass_and_sample_to_sample),
        T(test_noise_is_the_places),
        T(test_noise_of_batches),
        T(test_noise_of_collating),
        T(test_noise_resumed),
        T(test_an_error_comes_where_it_happened),
        T(test_an_error_that_is_not_reached),
        T(test_ended_early),
        T(test_two_loaders_of_one_dataset),
        T(test_a_batch_outlives_its_thread),
        T(test_the_thread_is_as_the_caller),
        T(test_one_thread_for_all_passes),
        T(test_without_a_thread),
        T(test_forked),
        T(test_allocations_fail_on_both_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
