/* parallel.h: several threads for the loops of ops/. Internal to ops/.
 *
 * Work is cut into tasks by its size alone, so that results do not depend on the number of threads. OpenMP is entered
 * only where it can help: even a parallel region that turns out to have one thread takes longer than a small op. */
#ifndef TG_OPS_PARALLEL_H
#define TG_OPS_PARALLEL_H

#include "../core/denormals_impl.h"
#include "kernels/pieces.h"
#include "kernels/threads.h"

/* ---- running it ---- */

/* Whether there is more than one thread to be had: for work that is the same to the bit however it is cut, and slower when
 * it is. */
static inline bool tgi_has_threads(void) { return tgi_threads() > 1; }

/* Calls task(work, i) for each i < tasks, on several threads if `enough`. Tasks may neither allocate nor fail.
 *
 * All threads compute in the caller's floating-point mode, so that none rounds or flushes otherwise, and get their own
 * back. OpenMP starts its threads in the mode of who enters the region: that one must not be a walk's. */
static inline void tgi_run_tasks(bool enough, int64_t tasks, void (*task)(const void *work, int64_t i),
                                 const void *work)
{
#ifdef _OPENMP
    const int threads = enough && tasks > 1 ? tgi_threads() : 1;
    if (threads > 1) {
        const tgi_float_mode mode = tgi_float_mode_get();
        tgi_float_mode_set(tgi_float_mode_of_user());
#pragma omp parallel num_threads(threads)
        {
            const tgi_float_mode own = tgi_float_mode_get();
            tgi_float_mode_set(mode);
#pragma omp for schedule(static) nowait
            for (int64_t i = 0; i < tasks; i++) task(work, i);
            tgi_float_mode_set(own);
        }
        tgi_float_mode_set(mode);
        return;
    }
#endif
    (void)enough;
    for (int64_t i = 0; i < tasks; i++) task(work, i);
}

#endif
