/* alloc.c: memory from this thread's pool, or an error that says there is none. */
#include "thread.h"

#include <string.h>

static void *fail(size_t bytes)
{
    tg_fail_at(NULL, TG_ERROR_MEMORY, "", "out of memory: %zu bytes could not be allocated", bytes);
    return NULL;
}

tgi_pool *tgi_pool_of_thread(void)
{
    const char *why = NULL;
    if (tgi_self.pool || tgi_thread_begin(&why)) return tgi_self.pool;
    if (!why) return fail(sizeof(tgi_pool));
    tg_fail_at(NULL, TG_ERROR_MEMORY, "", "%s", why);
    return NULL;
}

void *tgi_pool_alloc(tgi_pool *pool, size_t bytes)
{
    if (!pool) return NULL;
    void *block = tgi_pool_take(pool, bytes);
    return block ? block : fail(bytes);
}

/* ---- arrays and odd blocks ---- */

bool tgi_grow(void *array, int64_t *capacity, int64_t needed, size_t size)
{
    if (needed <= *capacity) return true;
    tgi_pool *pool = tgi_pool_of_thread(); /* with the first one watchers begin, who may make room here themselves */
    if (needed <= *capacity) return true;
    int64_t wanted = *capacity ? *capacity : 64;
    while (wanted < needed) wanted *= 2;
    void *old = *(void **)array;
    void *grown = tgi_pool_alloc(pool, (size_t)wanted * size);
    if (!grown) return false;
    if (old) {
        memcpy(grown, old, (size_t)*capacity * size);
        tgi_pool_free(pool, old, (size_t)*capacity * size);
    }
    *(void **)array = grown;
    *capacity = wanted;
    return true;
}

void tgi_grow_free(void *array, int64_t capacity, size_t size)
{
    if (array) tgi_pool_free(tgi_self.pool, array, (size_t)capacity * size);
}

/* A module may be freed by another thread than made it, so the block remembers its pool. */
enum { ODD_HEADER = 64 };

void *tgi_calloc(size_t bytes)
{
    tgi_pool *pool = tgi_pool_of_thread();
    char *block = tgi_pool_alloc(pool, bytes < SIZE_MAX - ODD_HEADER ? bytes + ODD_HEADER : bytes);
    if (!block) return NULL;
    memset(block, 0, bytes + ODD_HEADER);
    memcpy(block, &pool, sizeof pool);
    return block + ODD_HEADER;
}

void tgi_free(void *memory, size_t bytes)
{
    if (!memory) return;
    char *block = (char *)memory - ODD_HEADER;
    tgi_pool *pool;
    memcpy(&pool, block, sizeof pool);
    tgi_pool_free(pool, block, bytes + ODD_HEADER);
}
