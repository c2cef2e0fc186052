/* memory.h: where memory comes from, and how much there is.
 *
 * Each thread has a pool. Small blocks are cut from slabs, large ones are cached by size when they are freed, so that a
 * training loop calls malloc zero times from its second step on. A block freed by another thread goes back to the pool
 * it came from. The environment variable TAPEGRAD_POOL=0 (and a sanitizer build) sends every block straight to malloc
 * and free, so that memory checkers see each one. TAPEGRAD_POISON=1 (the default of a sanitizer build) fills each block
 * with NaN when it is handed out and when it comes back, so that a program that reads what it never wrote, or what it
 * has freed, shows it. Both are read when a thread first uses the library. */
#ifndef TG_CORE_MEMORY_H
#define TG_CORE_MEMORY_H

#include "base.h"

TG_BEGIN_DECLS

typedef struct tg_memory_statistics {
    int64_t live_bytes;     /* handed out by this thread's pool and not yet returned */
    int64_t peak_bytes;     /* the most live_bytes has been since the start or tg_memory_reset_peak() */
    int64_t cached_bytes;   /* held for reuse */
    int64_t live_tensors;   /* tensors that exist, on this thread's account */
    int64_t tape_nodes;     /* nodes on this thread's tape */
    int64_t system_allocations;  /* the pool's calls to the allocator below, ever */
} tg_memory_statistics;

tg_memory_statistics tg_memory_stats(void);
void tg_memory_reset_peak(void);

/* Gives this thread's cached large blocks back to the system (PyTorch's empty_cache). */
void tg_memory_trim(void);

/* Replaces the system allocator, before the library's first use: for the pools, and for the memory that kernels work
 * in, on the threads of ops too. Several threads may call it at once. `allocate` returns memory aligned to 64 bytes, or
 * NULL. NULL arguments restore the C library's. */
typedef void *(*tg_allocate_fn)(size_t bytes, void *context);
typedef void (*tg_free_fn)(void *block, size_t bytes, void *context);
void tg_set_allocator(tg_allocate_fn allocate, tg_free_fn release, void *context);

TG_END_DECLS

#endif
