/* test_crew.c: every index of a loop is run once, by one of the threads asked for, whatever else the process does. */
#define _GNU_SOURCE /* usleep */
#include <tapegrad.h>

#include "core/denormals_impl.h"
#include "ops/base/crew.h"
#include "ops/kernels/template/threads.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_TASKS = 100, MOST_THREADS = 9, PATIENCE = 60, USERS = 3, ROUNDS = 400 };

typedef struct loop {
    int64_t factor;
    bool cut;
    int64_t out[MOST_TASKS];
    int runs[MOST_TASKS];
    pthread_t by[MOST_TASKS];
    tgi_float_mode mode[MOST_TASKS];
} loop;

static void task(const void *work, int64_t i)
{
    loop *l = (loop *)(uintptr_t)work;
    l->out[i] = i * l->factor;
    l->runs[i]++;
    l->by[i] = pthread_self();
    l->mode[i] = tgi_float_mode_get();
    if (l->cut && tgi_threads() != 1) l->runs[i] += 1000; /* a loop in a loop has no other thread */
}

/* 0, or what is wrong. */
static int run(int threads, int64_t tasks, int64_t factor)
{
    loop l = { .factor = factor, .cut = threads > 1 && tasks > 1 };
    tgi_crew_run(threads, tasks, task, &l);
    int changes = 0;
    for (int64_t i = 0; i < MOST_TASKS; i++) {
        if (l.runs[i] != (i < tasks)) return 1;
        if (i >= tasks) continue;
        if (l.out[i] != i * factor) return 2;
        if (l.mode[i] != tgi_float_mode_get()) return 3;
        changes += i > 0 && !pthread_equal(l.by[i], l.by[i - 1]);
    }
    return changes < threads && !tgi_in_task ? 0 : 4; /* each has one stretch */
}

static int run_many(int rounds, int first)
{
    int wrong = 0;
    for (int r = 0; r < rounds && !wrong; r++)
        wrong = run(2 + (r / 50 + first) % (MOST_THREADS - 1), r % (MOST_TASKS + 1), r);
    return wrong;
}

TEST(test_each_index_once)
{
    for (int threads = 2; threads <= MOST_THREADS; threads++)
        for (int64_t tasks = 0; tasks <= MOST_TASKS; tasks += tasks < 20 ? 1 : 16)
            assert_int_equal(run(threads, tasks, threads), 0);
    assert_int_equal(run(1, 5, 1), 0);
}

/* Hands that sleep are woken. */
TEST(test_after_a_rest)
{
    for (int i = 0; i < 5; i++) {
        usleep(20000);
        assert_int_equal(run(3, MOST_TASKS, i), 0);
    }
}

static void wait_for_another(const void *work, int64_t i)
{
    int *met = (int *)(uintptr_t)work;
    __atomic_fetch_add(met, 1, __ATOMIC_SEQ_CST);
    for (int left = 5000; left > 0 && __atomic_load_n(met, __ATOMIC_SEQ_CST) < 2; left--) usleep(1000);
    (void)i;
}

/* Two tasks that wait for each other: there must be two threads, and a second loop finds them again. (Who is alone takes
 * both, one after the other, and comes back after five seconds: no test of speed, but none to wait for.) */
TEST(test_there_are_others)
{
    for (int i = 0; i < 2; i++) {
        int met = 0;
        tgi_crew_run(2, 2, wait_for_another, &met);
        assert_int_equal(met, 2);
    }
}

static void run_inner(const void *work, int64_t i)
{
    int *wrong = (int *)(uintptr_t)work;
    loop l = { .factor = i, .cut = true };
    tgi_crew_run(4, 10, task, &l);
    for (int64_t k = 0; k < 10; k++)
        if (l.runs[k] != 1 || !pthread_equal(l.by[k], pthread_self())) __atomic_store_n(wrong, 1, __ATOMIC_SEQ_CST);
}

TEST(test_loop_in_a_loop)
{
    int wrong = 0;
    tgi_crew_run(3, 7, run_inner, &wrong);
    assert_int_equal(wrong, 0);
    assert_false(tgi_in_task);
}

static void *use(void *number) { return (void *)(intptr_t)run_many(ROUNDS, (int)(intptr_t)number); }

/* Each has hands of its own, which end with it. */
TEST(test_several_callers)
{
    for (int again = 0; again < 2; again++) {
        pthread_t users[USERS];
        for (intptr_t i = 0; i < USERS; i++) assert_int_equal(pthread_create(&users[i], NULL, use, (void *)i), 0);
        assert_int_equal(run_many(ROUNDS, USERS), 0);
        for (int i = 0; i < USERS; i++) {
            void *wrong;
            assert_int_equal(pthread_join(users[i], &wrong), 0);
            assert_ptr_equal(wrong, NULL);
        }
    }
}

static int in_child(int (*child)(void))
{
    const pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE);
        _exit(child());
    }
    int status = 0;
    assert_int_equal(waitpid(id, &status, 0), id);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int compute(void) { return run_many(ROUNDS, 0); }

static int compute_in_children(void)
{
    const int wrong = compute();
    return wrong ? wrong : in_child(compute);
}

/* A child has hands of its own, too, whatever its parent's did when it forked. */
TEST(test_children)
{
#if defined(__SANITIZE_THREAD__)
    skip(); /* it forbids threads in a child */
#endif
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run(4, MOST_TASKS, i), 0);
        assert_int_equal(in_child(i % 5 ? compute : compute_in_children), 0);
    }
}

/* The caller's mode holds in all tasks, and only there. */
TEST(test_float_mode)
{
    const tgi_float_mode mode = tgi_float_mode_get();
    assert_int_equal(run(3, MOST_TASKS, 1), 0);
    tgi_float_mode_set(mode | TGI_FLUSH_RESULTS);
    const int wrong = run(3, MOST_TASKS, 2);
    tgi_float_mode_set(mode);
    assert_int_equal(wrong, 0);
    assert_int_equal(run(3, MOST_TASKS, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_each_index_once), T(test_after_a_rest), T(test_there_are_others), T(test_loop_in_a_loop),
        T(test_several_callers), T(test_children),     T(test_float_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
