/* workers.h: threads for kernels, which know nothing of the rest of the library: ops/base/crew.c lends them. */
#ifndef TG_OPS_KERNELS_TEMPLATE_WORKERS_H
#define TG_OPS_KERNELS_TEMPLATE_WORKERS_H

#include <stdint.h>

typedef void tgi_workers_fn(int threads, int64_t tasks, void (*task)(const void *work, int64_t i), const void *work);

/* Calls task(work, i) for each i < tasks, on so many threads; on the caller's alone until somebody has lent others. */
extern tgi_workers_fn *tgi_kernel_workers;

#endif
