/* threads.c: see threads.h. And what becomes of threads in a child process.
 *
 * A fork leaves the child with one thread. gcc's OpenMP does not notice: the child would wait for the workers of its
 * parent for ever. So a child goes on with one thread, unless its parent never had a second one. LLVM's OpenMP, which
 * clang uses, notices and starts new workers. */
#include "threads.h"

#include <pthread.h>

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define ONE_THREAD __libc_single_threaded
#endif
#endif
#ifndef ONE_THREAD
#define ONE_THREAD 0
#endif

#if defined(_OPENMP) && !defined(__clang__)
#define WORKERS_GET_LOST 1
#else
#define WORKERS_GET_LOST 0
#endif

int tgi_thread_limit;
static bool may_have_workers; /* the process had a second thread when it last forked; atomic */
static bool workers_lost;

bool tgi_set_thread_limit(int threads)
{
    if (workers_lost) return threads == 1;
    __atomic_store_n(&tgi_thread_limit, threads, __ATOMIC_RELAXED);
    return true;
}

static void lose_workers(void)
{
    tgi_set_thread_limit(1);
    workers_lost = true;
}

/* In the parent, before. The C library knows of OpenMP's workers, and of those that the program itself had OpenMP start. */
static void look_for_workers(void) { __atomic_store_n(&may_have_workers, !ONE_THREAD, __ATOMIC_RELAXED); }

static void in_child(void)
{
    if (__atomic_load_n(&may_have_workers, __ATOMIC_RELAXED)) lose_workers();
}

/* Where fork cannot be watched, one thread is all that is safe. */
__attribute__((constructor)) static void watch_fork(void)
{
    if (WORKERS_GET_LOST && pthread_atfork(look_for_workers, NULL, in_child) != 0) lose_workers();
}
