/* threads.c: see threads.h. */
#include "ops/threads.h"

#include "core/error.h"
#include "ops/kernels/template/threads.h"

tg_status tg_set_num_threads_at(const char *where, int threads)
{
    if (threads < 1 || threads > TG_MAX_THREADS) {
        tg_fail_at(where, TG_ERROR_VALUE, "set_num_threads", "expected 1 to %d threads, but got %d", TG_MAX_THREADS,
                   threads);
        return TG_FAILED;
    }
    __atomic_store_n(&tgi_thread_limit, threads, __ATOMIC_RELAXED);
    return TG_OK;
}

int tg_num_threads(void)
{
#ifdef _OPENMP
    const int limit = __atomic_load_n(&tgi_thread_limit, __ATOMIC_RELAXED);
    return limit ? limit : omp_get_max_threads();
#else
    return 1;
#endif
}
