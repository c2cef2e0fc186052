/* crew.h: threads that wait for a share of their caller's loop. Internal to ops/base/.
 *
 * A share is begun by whoever comes first, its own thread or the caller who has finished all else: the loop never waits
 * for a thread that the system has no processor for. */
#ifndef TG_OPS_BASE_CREW_H
#define TG_OPS_BASE_CREW_H

#include <stdint.h>

/* Calls task(work, i) for each i < tasks, cut into one stretch for each of `threads` threads, 2 or more. The first
 * stretch is the caller's, the others are those of the same threads each time. Where no thread can be had the caller
 * does all. */
void tgi_crew_run(int threads, int64_t tasks, void (*task)(const void *work, int64_t i), const void *work);

#endif
