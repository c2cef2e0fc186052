/* threads.h: how many threads an op may use. Values are the same to the bit for any number of them. */
#ifndef TG_OPS_THREADS_H
#define TG_OPS_THREADS_H

#include "../core/base.h"

TG_BEGIN_DECLS

/* Lets each op of the process use up to `threads` threads from its next loop on, whichever thread calls it; 1 to
 * TG_MAX_THREADS (torch.set_num_threads). Until then OpenMP decides: by OMP_NUM_THREADS, else by the processors there
 * are. */
#define TG_MAX_THREADS               1024
#define tg_set_num_threads(threads)  tg_set_num_threads_at(TG_HERE, threads)
tg_status tg_set_num_threads_at(const char *where, int threads);

/* How many that is now (torch.get_num_threads); 1 in a library that was built without OpenMP. */
int tg_num_threads(void);

TG_END_DECLS

#endif
