/* memory.c: a pool for each thread.
 *
 * The load it is built for: a training step that makes thousands of tensors, releases all of them, and does the same
 * again. So a freed block is kept, by size, and the next step finds each of its blocks waiting.
 *
 *   up to 4 KiB   cut from 128 KiB slabs, sizes rounded to 64 bytes
 *   above         asked of the system, sizes rounded to four steps an octave (at most 25 % is wasted)
 *
 * Blocks carry no header: who frees knows the size and the pool. A block freed by another thread is put on its pool's
 * foreign list, under a lock, and found there by the owner when it next allocates. A pool outlives its thread while
 * blocks of it live. Never: a system allocation where a cached block would do.
 *
 * Fresh memory is mostly zeros, which hides what reads a block before writing it. A poisoned pool fills each block with
 * NaN when it is handed out and when it comes back.
 *
 * Nothing here records an error: what errors are written into is a pool's. alloc.c tells when there is no memory. */
#include "thread.h"

#include <stdlib.h>
#include <string.h>

/* Under a sanitizer each block comes from malloc, so that a use after free is seen. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TGI_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TGI_SANITIZED 1
#endif
#endif
#ifndef TGI_SANITIZED
#define TGI_SANITIZED 0
#endif

/* So many bytes of dead handles of each size rest before their memory is used again. */
enum { SLAB = 1 << 17, AT_REST = 1 << 18 };

#define POOL_BYTES ((sizeof(tgi_pool) + 63) & ~(size_t)63)

/* ---- the system ---- */

static void *system_default_allocate(size_t bytes, void *context)
{
    (void)context;
    return aligned_alloc(64, bytes);
}

static void system_default_free(void *block, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    free(block);
}

static tg_allocate_fn system_allocate = system_default_allocate;
static tg_free_fn system_free = system_default_free;
static void *system_context;

void tg_set_allocator(tg_allocate_fn allocate, tg_free_fn release, void *context)
{
    system_allocate = allocate ? allocate : system_default_allocate;
    system_free = release ? release : system_default_free;
    system_context = context;
}

static bool switched_on(const char *variable, bool otherwise)
{
    const char *setting = getenv(variable);
    return setting ? strcmp(setting, "0") != 0 : otherwise;
}

static bool poison_wanted(void) { return switched_on("TAPEGRAD_POISON", TGI_SANITIZED); }

tgi_allocator tgi_system_allocator(void)
{
    return (tgi_allocator){ system_allocate, system_free, system_context, poison_wanted() };
}

/* `pool` may be NULL while it is itself being made. */
static void *from_system(tgi_pool *pool, size_t bytes)
{
    void *block = system_allocate(bytes, system_context);
    if (pool) pool->system_allocations++;
    if (pool && block) pool->system_bytes += (int64_t)bytes;
    return block;
}

static void to_system(tgi_pool *pool, void *block, size_t bytes)
{
    pool->system_bytes -= (int64_t)bytes;
    system_free(block, bytes, system_context);
}

/* ---- size classes ---- */

static size_t round_small(size_t bytes)
{
    return bytes ? (bytes + TGI_SMALL_STEP - 1) & ~(size_t)(TGI_SMALL_STEP - 1) : TGI_SMALL_STEP;
}

/* Rounds up to 4, 5, 6 or 7 quarters of a power of two and tells the class; 0 when the size is beyond reason. */
static size_t round_large(size_t bytes, int *class)
{
    if (bytes >> 47) return 0;
    int octave = 63 - __builtin_clzll((unsigned long long)(bytes - 1));
    size_t quarter = (size_t)1 << (octave - 2);
    size_t rounded = (bytes + quarter - 1) & ~(quarter - 1);
    int step = (int)((rounded - 1) >> (octave - 2)) - 4;
    *class = (octave - 10) * 4 + step;
    return rounded;
}

static size_t rounded_size(size_t bytes, int *class)
{
    if (bytes > TGI_SMALL_MAX) return round_large(bytes, class);
    size_t rounded = round_small(bytes);
    *class = (int)(rounded / TGI_SMALL_STEP) - 1;
    return rounded;
}

/* ---- blocks ---- */

/* NaN as a float, -1 as an integer, no address: what reads it shows. */
static void poison(const tgi_pool *pool, void *block, size_t bytes)
{
    if (pool->poisoned) memset(block, 0xff, bytes);
}

static tgi_free_block **free_list(tgi_pool *pool, size_t rounded, int class)
{
    if (rounded > TGI_SMALL_MAX) return &pool->large[class];
    return pool->poisoned ? &pool->poisoned_small[class] : &pool->small[class];
}

static tgi_dead_handles *dead_handles(tgi_pool *pool, int class)
{
    return pool->poisoned ? &pool->poisoned_dead[class] : &pool->dead[class];
}

/* Puts a block of the pool's own where the next allocation finds it. */
static void put_back(tgi_pool *pool, void *memory, size_t bytes)
{
    int class = 0;
    size_t rounded = rounded_size(bytes, &class);
    pool->live_bytes -= (int64_t)rounded;
    poison(pool, memory, rounded);
    if (!pool->caching) {
        to_system(pool, memory, rounded);
        return;
    }
    tgi_free_block *block = memory;
    tgi_free_block **list = free_list(pool, rounded, class);
    block->next = *list;
    *list = block;
}

static void take_back_foreign(tgi_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    tgi_free_block *block = pool->foreign;
    __atomic_store_n(&pool->foreign, NULL, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&pool->lock);
    while (block) {
        tgi_free_block *next = block->next;
        put_back(pool, block, block->bytes);
        block = next;
    }
}

static void add_slab(tgi_pool *pool, tgi_free_block *slab, size_t bytes)
{
    slab->next = pool->slabs;
    slab->bytes = bytes;
    pool->slabs = slab;
}

/* The rest of an exhausted slab is left: at most one block's worth. */
static void *cut_from_slab(tgi_pool *pool, size_t rounded)
{
    if ((size_t)(pool->bump_end - pool->bump) < rounded) {
        tgi_free_block *slab = from_system(pool, SLAB);
        if (!slab) return NULL;
        add_slab(pool, slab, SLAB);
        pool->bump = (char *)slab + TGI_SMALL_STEP;
        pool->bump_end = (char *)slab + SLAB;
    }
    void *block = pool->bump;
    pool->bump += rounded;
    return block;
}

static void *find_block(tgi_pool *pool, size_t rounded, int class)
{
    if (!pool->caching) return from_system(pool, rounded);
    tgi_free_block **list = free_list(pool, rounded, class);
    tgi_free_block *block = *list;
    if (block) {
        *list = block->next;
        return block;
    }
    tgi_dead_handles *dead = class < TGI_HANDLE_CLASSES && rounded <= TGI_SMALL_MAX ? dead_handles(pool, class) : NULL;
    if (dead && tgi_dead_enough(dead)) {
        pool->live_bytes -= (int64_t)rounded; /* the caller counts it, too */
        return tgi_dead_oldest(pool, dead, (size_t) class);
    }
    return rounded > TGI_SMALL_MAX ? from_system(pool, rounded) : cut_from_slab(pool, rounded);
}

void *tgi_pool_take(tgi_pool *pool, size_t bytes)
{
    if (__atomic_load_n(&pool->foreign, __ATOMIC_RELAXED)) take_back_foreign(pool);
    int class = 0;
    size_t rounded = rounded_size(bytes, &class);
    void *block = rounded ? find_block(pool, rounded, class) : NULL;
    if (!block) return NULL;
    pool->live_bytes += (int64_t)rounded;
    if (pool->live_bytes > pool->peak_bytes) pool->peak_bytes = pool->live_bytes;
    poison(pool, block, rounded);
    return block;
}

static void destroy(tgi_pool *pool);

void tgi_pool_free(tgi_pool *pool, void *memory, size_t bytes)
{
    if (!memory) return;
    if (pool == tgi_self.pool) {
        put_back(pool, memory, bytes);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    bool last = false;
    if (pool->orphaned) {
        put_back(pool, memory, bytes);
        last = pool->live_bytes == 0;
    } else {
        poison(pool, memory, bytes);
        tgi_free_block *block = memory;
        block->next = pool->foreign;
        block->bytes = bytes;
        __atomic_store_n(&pool->foreign, block, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&pool->lock);
    if (last) destroy(pool);
}

/* ---- dead handles ---- */

/* The ring begins with blocks that never were handles, as many as shall rest: so nothing more is asked of the system while
 * the dead grow in number. (What is not touched yet takes no memory.) */
static bool dead_begin(tgi_pool *pool, tgi_dead_handles *dead, void **ring, uint32_t capacity, uint32_t size)
{
    tgi_free_block *slab = from_system(pool, TGI_SMALL_STEP + AT_REST);
    if (!slab) return false;
    add_slab(pool, slab, TGI_SMALL_STEP + AT_REST);
    *dead =
        (tgi_dead_handles){ .blocks = ring, .capacity = capacity, .least = AT_REST / size, .count = AT_REST / size };
    for (uint32_t i = 0; i < dead->count; i++) ring[i] = (char *)slab + TGI_SMALL_STEP + i * (size_t)size;
    return true;
}

static bool dead_grow(tgi_pool *pool, tgi_dead_handles *dead, uint32_t size)
{
    if (dead->capacity >> 30) return false;
    uint32_t capacity = dead->capacity * 2;
    if (!capacity)
        for (capacity = 2; capacity < 4 * (AT_REST / size);) capacity *= 2;
    void **ring = from_system(pool, capacity * sizeof *ring);
    if (!ring) return false;
    if (!dead->blocks) {
        if (dead_begin(pool, dead, ring, capacity, size)) return true;
        to_system(pool, ring, capacity * sizeof *ring);
        return false;
    }
    for (uint32_t i = 0; i < dead->count; i++) ring[i] = dead->blocks[(dead->first + i) & (dead->capacity - 1)];
    to_system(pool, dead->blocks, dead->capacity * sizeof *ring);
    dead->blocks = ring;
    dead->first = 0;
    dead->capacity = capacity;
    return true;
}

bool tgi_dead_add_slowly(tgi_pool *pool, void *block, size_t bytes)
{
    int class = 0;
    const size_t rounded = rounded_size(bytes, &class);
    tgi_dead_handles *dead = dead_handles(pool, class);
    if (dead->count == dead->capacity && !dead_grow(pool, dead, (uint32_t)rounded)) return false;
    char *behind = (char *)block + TGI_SMALL_STEP; /* its first line says that it is dead */
    poison(pool, behind, rounded - TGI_SMALL_STEP);
    tgi_dead_push(pool, dead, block, (size_t) class);
    return true;
}

/* The blocks themselves go with their slabs. */
static void release_dead(tgi_pool *pool)
{
    for (int class = 0; class < TGI_HANDLE_CLASSES; class ++) {
        tgi_dead_handles *dead = dead_handles(pool, class);
        if (dead->blocks) to_system(pool, dead->blocks, dead->capacity * sizeof *dead->blocks);
    }
}

/* ---- pools ---- */

/* Every pool there is: fork must find none of them locked. A pool's own lock is taken after this one. */
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static tgi_pool *pools;

tgi_pool *tgi_pool_new(void)
{
    tgi_pool *pool = from_system(NULL, POOL_BYTES);
    if (!pool) return NULL;
    memset(pool, 0, sizeof *pool);
    pool->caching = !TGI_SANITIZED && switched_on("TAPEGRAD_POOL", true);
    pool->poisoned = poison_wanted();
    pool->open = pool->caching && !pool->poisoned;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_lock(&pools_lock);
    pool->next = pools;
    if (pools) pools->previous = pool;
    pools = pool;
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

static void unlist(tgi_pool *pool)
{
    pthread_mutex_lock(&pools_lock);
    if (pool->previous) pool->previous->next = pool->next;
    if (pool->next) pool->next->previous = pool->previous;
    if (pools == pool) pools = pool->next;
    pthread_mutex_unlock(&pools_lock);
}

static void release_large(tgi_pool *pool)
{
    for (int class = 0; class < TGI_LARGE_CLASSES; class ++) {
        while (pool->large[class]) {
            tgi_free_block *block = pool->large[class];
            size_t rounded = (size_t)(5 + class % 4) << (class / 4 + 8);
            pool->large[class] = block->next;
            to_system(pool, block, rounded);
        }
    }
}

static void destroy(tgi_pool *pool)
{
    unlist(pool);
    release_large(pool);
    release_dead(pool);
    while (pool->slabs) {
        tgi_free_block *slab = pool->slabs;
        pool->slabs = slab->next;
        system_free(slab, slab->bytes, system_context);
    }
    pthread_mutex_destroy(&pool->lock);
    system_free(pool, POOL_BYTES, system_context);
}

void tgi_pool_abandon(tgi_pool *pool)
{
    take_back_foreign(pool);
    pthread_mutex_lock(&pool->lock);
    pool->orphaned = true;
    while (pool->foreign) {
        tgi_free_block *block = pool->foreign;
        pool->foreign = block->next;
        put_back(pool, block, block->bytes);
    }
    bool last = pool->live_bytes == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last) destroy(pool);
}

void tgi_pools_lock(void)
{
    pthread_mutex_lock(&pools_lock);
    for (tgi_pool *pool = pools; pool; pool = pool->next) pthread_mutex_lock(&pool->lock);
}

void tgi_pools_unlock(void)
{
    for (tgi_pool *pool = pools; pool; pool = pool->next) pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&pools_lock);
}

/* ---- what the user sees ---- */

tg_memory_statistics tg_memory_stats(void)
{
    tg_memory_statistics none = { 0, 0, 0, 0, 0, 0 };
    tgi_pool *pool = tgi_self.pool;
    if (!pool) return none;
    if (__atomic_load_n(&pool->foreign, __ATOMIC_RELAXED)) take_back_foreign(pool);
    return (tg_memory_statistics){
        .live_bytes = pool->live_bytes,
        .peak_bytes = pool->peak_bytes,
        .cached_bytes = pool->system_bytes - pool->live_bytes,
        .live_tensors = __atomic_load_n(&pool->live_tensors, __ATOMIC_RELAXED),
        .tape_nodes = tgi_self.node_count,
        .system_allocations = pool->system_allocations,
    };
}

void tg_memory_reset_peak(void)
{
    if (tgi_self.pool) tgi_self.pool->peak_bytes = tgi_self.pool->live_bytes;
}

void tg_memory_trim(void)
{
    if (tgi_self.pool) release_large(tgi_self.pool);
}
