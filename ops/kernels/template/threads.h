/* threads.h: how many threads a loop may use. Internal to ops/. */
#ifndef TG_OPS_KERNELS_TEMPLATE_THREADS_H
#define TG_OPS_KERNELS_TEMPLATE_THREADS_H

#include <stdbool.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* What the process was told; 0: as many as OpenMP says to the calling thread. Atomic. */
extern int tgi_thread_limit;
/* The calling thread runs a share of a loop that has been cut already. */
extern __thread bool tgi_in_task;

/* How many threads the caller's loop can have; 1 where the caller is one of several already. */
static inline int tgi_threads(void)
{
#ifdef _OPENMP
    const int limit = __atomic_load_n(&tgi_thread_limit, __ATOMIC_RELAXED);
    if (limit == 1 || tgi_in_task || omp_in_parallel()) return 1;
    return limit ? limit : omp_get_max_threads();
#else
    return 1;
#endif
}

#endif
