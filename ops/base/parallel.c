/* parallel.c: the one place where threads are entered. Those of ops come through parallel.h, those of kernels by what is
 * lent to kernels/workers.h. */
#include "parallel.h"

#include "core/denormals_impl.h"
#include "ops/kernels/template/workers.h"

/* All threads compute in the caller's floating-point mode, so that none rounds or flushes otherwise, and get their own
 * back. OpenMP starts its threads in the mode of who enters the region: that one must not be a walk's. */
void tgi_run_on_threads(int threads, int64_t tasks, void (*task)(const void *work, int64_t i), const void *work)
{
#ifdef _OPENMP
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
#else
    (void)threads;
    for (int64_t i = 0; i < tasks; i++) task(work, i);
#endif
}

__attribute__((constructor)) static void lend_workers(void) { tgi_kernel_workers = tgi_run_on_threads; }
