/* scratch.c: see scratch.h. The blocks only grow; the system calls `release` when the thread ends. */
#include "scratch.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, BEFORE = 64 /* bytes before the data, for its origin */ };

/* A thread's own memory is scarce: what is rarely looked at stands before the block's data. */
typedef struct origin {
    void *block; /* what was allocated */
    size_t bytes;
    tgi_scratch_source from;
} origin;
_Static_assert(sizeof(origin) <= BEFORE, "an origin has room");

typedef struct scratch {
    void *data[TGI_SCRATCH_USES]; /* at the start of a page */
    size_t bytes[TGI_SCRATCH_USES];
} scratch;

static _Thread_local scratch mine;
static pthread_key_t key;
static bool key_made;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    return malloc(bytes);
}

static void give_back(void *block, size_t bytes, void *context)
{
    (void)bytes, (void)context;
    free(block);
}

static tgi_scratch_source c_library(void) { return (tgi_scratch_source){ allocate, give_back, NULL, false }; }

static tgi_scratch_source (*source)(void) = c_library;

void tgi_scratch_from(tgi_scratch_source (*of_library)(void)) { source = of_library ? of_library : c_library; }

static origin *origin_of(void *data) { return (origin *)data - 1; }

static void drop(scratch *s, tgi_scratch_use use)
{
    if (!s->data[use]) return;
    const origin o = *origin_of(s->data[use]);
    o.from.release(o.block, o.bytes, o.from.context);
}

static void release(void *of_thread)
{
    scratch *s = of_thread;
    for (int use = 0; use < TGI_SCRATCH_USES; use++) drop(s, (tgi_scratch_use)use);
    *s = (scratch){ 0 };
}

static void make_key(void) { key_made = pthread_key_create(&key, release) == 0; }

static void *handed_out(tgi_scratch_use use, size_t bytes)
{
    if (origin_of(mine.data[use])->from.poisoned) memset(mine.data[use], 0xff, bytes);
    return mine.data[use];
}

/* The thread that ends the process is told nothing of it; and where the library is part of a shared object that is closed,
 * no thread's end may call into it any more. */
__attribute__((destructor)) static void end_process(void)
{
    release(&mine);
    if (key_made) pthread_key_delete(key);
    key_made = false;
}

void *tgi_scratch(tgi_scratch_use use, size_t bytes)
{
    if (mine.data[use] && bytes <= mine.bytes[use]) return handed_out(use, bytes);
    pthread_once(&once, make_key);
    if (!key_made || pthread_setspecific(key, &mine) != 0) return NULL;
    if (bytes > SIZE_MAX / 2) return NULL;
    const size_t rounded = (bytes + PAGE - 1) / PAGE * PAGE;
    const size_t all = rounded + PAGE + BEFORE; /* a multiple of 64, which aligned_alloc wants */
    const tgi_scratch_source from = source();
    char *block = from.allocate(all, from.context);
    if (!block) return NULL;
    drop(&mine, use);
    char *data = block + BEFORE;
    data += (PAGE - (uintptr_t)data % PAGE) % PAGE;
    *origin_of(data) = (origin){ block, all, from };
    mine.data[use] = data;
    mine.bytes[use] = rounded;
    return handed_out(use, bytes);
}
