/* parallel.h: several threads for the loops of ops/. Internal to ops/.
 *
 * Work is cut into tasks by its size alone, so that results do not depend on the number of threads. Threads are
 * asked only where they can help: to hand over a share and to hear that it is done takes half a microsecond. */
#ifndef TG_OPS_BASE_PARALLEL_H
#define TG_OPS_BASE_PARALLEL_H

#include "crew.h"
#include "ops/kernels/template/pieces.h"
#include "ops/kernels/template/threads.h"

/* ---- running it ---- */

/* Whether there is more than one thread to be had: for work that is the same to the bit however it is cut, and slower
 * when it is. */
static inline bool tgi_has_threads(void) { return tgi_threads() > 1; }

/* Calls task(work, i) for each i < tasks, on several threads if `enough`. Tasks may neither allocate nor fail. */
static inline void tgi_run_tasks(bool enough, int64_t tasks, void (*task)(const void *work, int64_t i),
                                 const void *work)
{
    const int threads = enough && tasks > 1 ? tgi_threads() : 1;
    if (threads > 1) {
        tgi_crew_run(threads, tasks, task, work);
        return;
    }
    for (int64_t i = 0; i < tasks; i++) task(work, i);
}

#endif
