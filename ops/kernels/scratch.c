/* scratch.c: see scratch.h. The blocks only grow; the system calls `release` when the thread ends. With TAPEGRAD_POISON=1
 * each is filled with NaN whenever it is handed out (core/memory.c does so with the blocks of its pools). */
#include "scratch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct scratch {
    void *data[TGI_SCRATCH_USES];
    size_t bytes[TGI_SCRATCH_USES];
} scratch;

static _Thread_local scratch mine;
static pthread_key_t key;
static bool key_made, poisoned;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(void *of_thread)
{
    scratch *s = of_thread;
    for (int use = 0; use < TGI_SCRATCH_USES; use++) free(s->data[use]);
    *s = (scratch){ { NULL }, { 0 } };
}

static void make_key(void)
{
    const char *setting = getenv("TAPEGRAD_POISON");
    poisoned = setting && strcmp(setting, "0") != 0;
    key_made = pthread_key_create(&key, release) == 0;
}

static void *handed_out(tgi_scratch_use use, size_t bytes)
{
    if (poisoned) memset(mine.data[use], 0xff, bytes);
    return mine.data[use];
}

/* Where the library is part of a shared object that is closed, no thread's end may call into it any more. */
__attribute__((destructor)) static void delete_key(void)
{
    if (key_made) pthread_key_delete(key);
    key_made = false;
}

void *tgi_scratch(tgi_scratch_use use, size_t bytes)
{
    if (bytes <= mine.bytes[use]) return handed_out(use, bytes);
    pthread_once(&once, make_key);
    if (!key_made || pthread_setspecific(key, &mine) != 0) return NULL;
    size_t rounded = (bytes + 4095) / 4096 * 4096;
    void *data = aligned_alloc(4096, rounded);
    if (!data) return NULL;
    free(mine.data[use]);
    mine.data[use] = data;
    mine.bytes[use] = rounded;
    return handed_out(use, bytes);
}
