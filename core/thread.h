/* thread.h: all that core remembers for one thread (self.c). For core's own files, and for those above that allocate.
 *
 * Nothing here is shared: in core two threads never wait for each other, except to give a block back to the pool it
 * came from, and while one of them begins, ends or forks. */
#ifndef TG_CORE_THREAD_H
#define TG_CORE_THREAD_H

#include "denormals_impl.h"
#include "error.h"
#include "memory.h"
#include "rng.h"
#include "tensor_impl.h"

#include <pthread.h>

TG_EXTERN_C_BEGIN

/* ---- what is large and rarely asked for (error.c, rng.c) ---- */

#define TGI_MESSAGE 768
enum { TGI_WARNINGS = 256 };

typedef struct tgi_error_record {
    tg_error_code code;
    int64_t later;
    const char *where;
    char op[48];
    char inside[192];
    char inputs[TGI_MESSAGE];
    char message[TGI_MESSAGE];
    char line[2 * TGI_MESSAGE + 256];
} tgi_error_record;

typedef struct tgi_observers tgi_observers; /* observe.c */
typedef struct tgi_places tgi_places;       /* place.c */
typedef struct tgi_packers tgi_packers;     /* saved.c */
typedef struct tgi_reading tgi_reading;         /* reading_impl.h */

typedef struct tgi_rare {
    tgi_error_record error;              /* the last one */
    const char *warned[TGI_WARNINGS][2]; /* where, and of what */
    int warnings;
    bool seeded;
    tg_generator generator; /* the default one */
    struct tgi_lent_generator *lent; /* stands in for it; NULL: nothing does */
    tgi_observers *observers; /* all there are; NULL: none */
    bool telling;             /* one of them is being told */
    int64_t again;            /* nodes that functions recorded while they ran again (recompute.c) and somebody observed */
    tgi_places *places;
    const struct tgi_packing *packing; /* how saved tensors are packed; NULL: they never were */
    tgi_packers *packers;       /* by whom */
    tgi_reading *reading;         /* the innermost; NULL: none */
    struct tgi_profile *profile; /* what this thread's last one found (core/watch/profile/profile.c); NULL: nothing */
    void (*free_profile)(struct tgi_profile *profile);
    void (*release_watchers)(void); /* not NULL: what frees both */
} tgi_rare;

/* ---- a generator lent (rng.c) ----
 * While a function of the user's makes one item of a dataset, its thread's default generator is one of the item's own:
 * what it draws depends neither on the thread nor on what was drawn before. Most items draw nothing, so it is seeded
 * when it is first asked for. */
typedef struct tgi_lent_generator {
    uint64_t seed;
    bool seeded;
    tg_generator generator;
} tgi_lent_generator;

/* Lends one, NULL: takes it back. Returns what was lent before, to be lent again afterwards. */
tgi_lent_generator *tgi_lend_generator(tgi_lent_generator *lent);

/* ---- errors that go from one thread to another (error.c) ---- */

/* Whether this thread's errors are told to no handler: another one will tell them. Returns what held before. */
bool tgi_set_untold(bool untold);
/* Moves the pending error into `record`: none is pending then. There must be one. */
void tgi_error_take(tgi_error_record *record);
/* Makes it pending in this thread, told as if it had happened here; of a pending one, another that followed. */
void tgi_error_give(const tgi_error_record *record);

/* NULL, or called before and after the default handlers of errors and warnings print a line: progress bars make room
 * for it (show/progress.c). */
extern void (*tgi_around_message)(bool begins);

/* ---- pools (memory.c; with errors: alloc.c) ---- */

enum {
    TGI_SMALL_STEP = 64,
    TGI_SMALL_MAX = 4096,
    TGI_SMALL_CLASSES = TGI_SMALL_MAX / TGI_SMALL_STEP,
    TGI_LARGE_CLASSES = 4 * 48
};

/* A free block, or a slab's first bytes. */
typedef struct tgi_free_block {
    struct tgi_free_block *next;
    size_t bytes;
} tgi_free_block;

/* The blocks of dead handles of one size, in the order in which they died; see tensor.c. */
typedef struct tgi_dead_handles {
    void **blocks;                /* a ring of `capacity`, a power of two */
    uint32_t first;               /* the place of the oldest, modulo `capacity`: it only grows */
    uint32_t count, capacity;
    uint32_t least;               /* so many of them wait; blocks beyond that may be used again */
} tgi_dead_handles;

/* Of the blocks that a tensor's handle may have, with the data behind it. */
enum { TGI_HANDLE_CLASSES = 1024 / TGI_SMALL_STEP };

struct tgi_pool {
    tgi_free_block *small[TGI_SMALL_CLASSES]; /* [i] of (i + 1) TGI_SMALL_STEP bytes */
    int64_t live_bytes, peak_bytes;
    int64_t live_tensors;         /* counted as references are: another thread may drop the last one */
    tgi_free_block *foreign;      /* freed by other threads, not yet taken back; under `lock` */
    bool open;                    /* tgi_alloc and tgi_dealloc use `small` without a call */
    bool caching;                 /* false: every block straight from and to the system */
    bool poisoned;                /* fresh and freed blocks are filled with NaN */
    bool orphaned;                /* the thread has ended; under `lock` */

    tgi_dead_handles dead[TGI_HANDLE_CLASSES]; /* by size, as `small` */
    tgi_free_block *large[TGI_LARGE_CLASSES];
    tgi_free_block *poisoned_small[TGI_SMALL_CLASSES]; /* of a poisoned pool, where tgi_alloc does not look: */
    tgi_dead_handles poisoned_dead[TGI_HANDLE_CLASSES]; /* `small` and `dead` stay empty */
    tgi_free_block *slabs;
    char *bump, *bump_end;        /* the rest of the newest slab */
    int64_t system_bytes, system_allocations;
    pthread_mutex_t lock;
    tgi_rare rare;                /* of the thread, which has a pool as soon as it needs any memory */
    tgi_pool *next, *previous;    /* of all pools in the process */
};

/* `bytes` of uninitialised memory aligned to 64, or NULL. The pool is this thread's. */
void *tgi_pool_take(tgi_pool *pool, size_t bytes);
/* The same with an error pending when it is NULL; without a pool one is pending already. */
void *tgi_pool_alloc(tgi_pool *pool, size_t bytes);
/* Gives a block back to the pool it came from; any thread may call it. */
void tgi_pool_free(tgi_pool *pool, void *block, size_t bytes);
/* tgi_dead_add where there is no room for one more. False, and no error, when there is no memory for it. */
bool tgi_dead_add_slowly(tgi_pool *pool, void *block, size_t bytes);
/* This thread's pool; NULL with an error pending when there is no memory for one. */
tgi_pool *tgi_pool_of_thread(void);
/* For threads that begin and end (thread.c): a pool, or NULL; and its end, now or with the last block that another
 * thread still holds. */
tgi_pool *tgi_pool_new(void);
void tgi_pool_abandon(tgi_pool *pool);
/* All pools' locks, around a fork. */
void tgi_pools_lock(void);
void tgi_pools_unlock(void);

static inline void tgi_pool_count_tensor(tgi_pool *pool, int change)
{
    if (TGI_ONE_THREAD) pool->live_tensors += change;
    else __atomic_fetch_add(&pool->live_tensors, change, __ATOMIC_RELAXED);
}

/* Doubles an array of `size`-byte elements when it is full. False with an error pending. */
bool tgi_grow(void *array, int64_t *capacity, int64_t needed, size_t size);
void tgi_grow_free(void *array, int64_t capacity, size_t size);

/* ---- handles and scopes (scope.c) ---- */

typedef struct tgi_open_scope {
    uint64_t serial;
    int64_t handles;        /* how many there were when it began */
    int64_t nodes;
    int32_t handed_out;     /* results of inner scopes that user's lines have given to this one */
    bool grad_enabled;      /* before it began */
    bool grad_enabled_in;   /* when it had begun */
} tgi_open_scope;

/* A block that lives as long as the innermost scope. */
void *tgi_scope_alloc(size_t bytes);
/* Ends a scope of the engine's own, and what was left open inside it, but keeps the nodes recorded since. */
void tgi_scope_end_keeping_nodes(tg_scope scope);
/* Ends a scope of the library's own without dropping anything: what it holds is from now on the scope's around it. */
void tgi_scope_merge(tg_scope scope);
/* Drops what was made since an open scope of the engine's own began, and what was left open inside it. */
void tgi_scope_empty(tg_scope scope);

/* ---- the tape (tape.c) ---- */
void tgi_tape_truncate(int64_t length);

/* ---- threads that begin and end (thread.c) ---- */

/* Not NULL: called in each thread that begins to use the library. */
extern void (*tgi_thread_begins)(void);
/* Registers the thread at its first use of the library: it has a pool then, which tgi_pool_of_thread gives. False when
 * it cannot have one; `*why` is the reason where that is not a lack of memory. No error is recorded. */
bool tgi_thread_begin(const char **why);
/* For scope.c: what releases all that a thread holds when it ends. */
void tgi_at_thread_end(void (*function)(void));

/* ---- fork (thread.c) ----
 * Sees to it that no thread holds `lock` while the process forks: the child would wait for it forever. For a
 * constructor of the file that has the lock; who holds it takes no other one but a pool's. */
void tgi_lock_at_fork(pthread_mutex_t *lock);

/* ---- serial numbers of nodes (thread.c) ----
 * A thread takes a range of them at a time, so that no two nodes of a process ever have the same. A thread's next
 * number is a multiple of TGI_SERIALS when its range is used up, or when it has none yet; no node has such a number. */
enum { TGI_SERIALS = 1 << 24 };
uint64_t tgi_take_serials(void);

/* ---- the state ---- */

/* What is at work, told by those above core (a module whose forward runs). On the stack, innermost first. */
typedef struct tgi_inside {
    const struct tgi_inside *outer;
    const struct tgi_inside_kind *kind;
} tgi_inside;
enum tgi_inside_mode {
    TGI_HAS_MODES = 1, /* some part of it does otherwise while training than while evaluating */
    TGI_TRAINS = 2,    /* some such part trains, */
    TGI_EVALUATES = 4  /* and some evaluates */
};
typedef struct tgi_inside_kind {
    /* Writes what errors say of it, "Sequential.2 (Linear)", or "". */
    void (*describe)(const tgi_inside *inside, char *text, size_t size);
    /* Writes its name within the one around it, and returns its kind: for places (place.c). */
    const char *(*locate)(const tgi_inside *inside, char *text, size_t size);
    /* An address that stands for the whole model that it is part of. */
    const void *(*model)(const tgi_inside *inside);
    /* Parameters and buffers of the model under their dotted names. The list lives as long as the innermost scope;
     * empty with an error pending. */
    tg_named_tensor_list (*state)(const tgi_inside *inside);
    /* Of tgi_inside_mode, what holds for the model. */
    unsigned (*modes)(const tgi_inside *inside);
    /* Whether it is itself in training mode. */
    bool (*trains)(const tgi_inside *inside);
    /* Writes what print shows of it alone, "Linear(in_features=5, out_features=8, bias=True)". */
    void (*settings)(const tgi_inside *inside, char *text, size_t size);
} tgi_inside_kind;

/* Hooks that pack what is saved (saved.c), or did until their scope ended; who notes which tensors are read
 * (reading.c). */
enum { TGI_PACKING = 1, TGI_READING = 2 };

typedef struct tgi_thread {
    tgi_pool *pool;
    tgi_pool *rests_in;            /* `pool` while dead handles wait there; NULL while no user can hold them (in a walk), or
                                    * if the pool keeps no blocks */
    const char *where;             /* the user's line; NULL before the first call */
    const tgi_inside *inside;      /* NULL: nothing */
    const char *op;                /* the last op that began: names errors in making its result */
    tgi_observers *observers;      /* to be told; NULL: none, or one is being told */
    bool grad_disabled;            /* inverted, so that a zeroed state is a fresh one */
    uint8_t looks;                 /* who else than observers looks at what is recorded: TGI_PACKING, TGI_READING */
    bool registered;               /* for clean-up at the thread's end */
    bool warned_of_tape, warned_of_root, warned_of_results;
    bool untold;                   /* errors are recorded but not told: tgi_set_untold */
    int32_t handed_out;            /* as a scope's, by scopes that no other was around */

    uintptr_t *handles;            /* tensors, or scope blocks with the lowest bit set */
    int64_t handle_count, handle_capacity;

    tgi_open_scope *scopes;
    int64_t scope_count, scope_capacity;
    int64_t scope_floor;           /* scopes below it may not end: a backward is running above them */
    uint64_t scope_serial;

    tg_node **nodes;
    int64_t node_count, node_capacity;
    uint64_t next_serial;          /* see TGI_SERIALS */
    int64_t next_slot;

    bool flushing;                 /* in a walk or an optimiser's step, but in no function of the user's */
    bool flush_chosen;             /* `flush` holds what the user chose, not the default */
    tg_flush flush;
    tgi_float_mode outer_mode;     /* while flushing: the mode to come back to */
    tgi_float_mode added_mode;     /* the bits that TG_FLUSH_EVERYTHING has set */

    tgi_error_record *error;       /* the one that is pending; NULL: none */
} tgi_thread;

/* Every op asks for this state some ten times. In code that may become a shared object each time would be a call,
 * around which a function saves its registers. glibc keeps room for a little thread-local memory at a fixed place even
 * of objects that are loaded later: there it is one address. That room is 1.5 KiB for all of them, so what is large is
 * with the pool. (Not under UBSan, whose checks for NULL of such addresses go wrong when GNU ld makes them shorter: see
 * the Makefile.)
 */
#if defined(__GLIBC__) && !defined(TGI_NEAR)
#define TGI_NEAR __attribute__((tls_model("initial-exec")))
#elif !defined(TGI_NEAR)
#define TGI_NEAR
#endif
extern __thread TGI_NEAR tgi_thread tgi_self;

/* The user's line and the op at work, kept around a function of the user's that is called in the middle of a call. What
 * that function calls has lines of its own, but what fails afterwards is the outer call's again:
 * `const tgi_place place = tgi_place_keep(); hook(...); tgi_place_back(place);`. */
typedef struct tgi_place {
    const char *where, *op;
} tgi_place;

static inline tgi_place tgi_place_keep(void)
{
    const tgi_place place = { tgi_self.where, tgi_self.op };
    return place;
}

static inline void tgi_place_back(tgi_place place)
{
    tgi_self.where = place.where;
    tgi_self.op = place.op;
}

/* Makes room for one more handle; false with an error pending (tensor.c). */
bool tgi_grow_handles(tgi_thread *self);

static inline bool tgi_push_handle(uintptr_t handle)
{
    tgi_thread *self = &tgi_self;
    if (self->handle_count == self->handle_capacity && !tgi_grow_handles(self)) return false;
    self->handles[self->handle_count++] = handle;
    return true;
}

/* Gives `t`'s only reference to the innermost scope. On failure `t` is freed and NULL returned. */
static inline tg_tensor *tgi_scope_adopt(tg_tensor *t)
{
    if (tgi_push_handle((uintptr_t)t)) return t;
    tgi_unref(t);
    return NULL;
}

/* Fetches the two lines of a small node or handle, some steps before they are needed: a long tape does not fit in the
 * nearer caches, and its blocks lie wherever there was room. */
enum { TGI_AHEAD = 8 };
static inline void tgi_prefetch(const void *block)
{
    __builtin_prefetch(block, 1);
    __builtin_prefetch((const char *)block + 64, 1);
}

/* tgi_pool_alloc from this thread's pool. The usual case, a block of this size that was freed before, is inline. */
static inline void *tgi_alloc(size_t bytes)
{
    tgi_pool *pool = tgi_self.pool;
    const size_t step = (bytes - 1) / TGI_SMALL_STEP; /* of 0 bytes: none of them */
    if (!pool || step >= TGI_SMALL_CLASSES || !pool->small[step] || __atomic_load_n(&pool->foreign, __ATOMIC_RELAXED))
        return tgi_pool_alloc(tgi_pool_of_thread(), bytes);
    tgi_free_block *block = pool->small[step];
    pool->small[step] = block->next;
    tgi_prefetch(block->next);
    pool->live_bytes += (int64_t)(step + 1) * TGI_SMALL_STEP;
    if (pool->live_bytes > pool->peak_bytes) pool->peak_bytes = pool->live_bytes;
    return block;
}

/* Says whether a user can hold the handles that are made and freed from now on. Those that a user can hold wait, when
 * they are dead, before their blocks are used again (tensor.c). Returns what held before, to be given back by who makes
 * many tensors and hands out few: `const bool seen = tgi_set_seen(false); ... tgi_set_seen(seen);`. */
static inline bool tgi_set_seen(bool seen)
{
    tgi_thread *self = &tgi_self;
    const bool before = !self->pool || self->rests_in;
    self->rests_in = seen && self->pool && self->pool->caching ? self->pool : NULL;
    return before;
}

/* ---- dead handles ---- `bytes` are those of the block, at most TGI_HANDLE_CLASSES * TGI_SMALL_STEP */

static inline bool tgi_dead_enough(const tgi_dead_handles *dead) { return dead->count > dead->least; }

static inline void tgi_dead_push(tgi_pool *pool, tgi_dead_handles *dead, void *block, size_t step)
{
    dead->blocks[(dead->first + dead->count++) & (dead->capacity - 1)] = block;
    pool->live_bytes -= (int64_t)(step + 1) * TGI_SMALL_STEP;
}

/* Takes the oldest one's block; there must be one. */
static inline void *tgi_dead_oldest(tgi_pool *pool, tgi_dead_handles *dead, size_t step)
{
    void *block = dead->blocks[dead->first & (dead->capacity - 1)];
    dead->first++;
    dead->count--;
    const char *next = (const char *)dead->blocks[dead->first & (dead->capacity - 1)];
    tgi_prefetch(next); /* it has long left the near caches; fetched more than one ahead it would be gone again */
    if (step > 1) __builtin_prefetch(next + 2 * TGI_SMALL_STEP, 1);
    pool->live_bytes += (int64_t)(step + 1) * TGI_SMALL_STEP;
    if (pool->live_bytes > pool->peak_bytes) pool->peak_bytes = pool->live_bytes;
    return block;
}

/* False when it cannot rest: it must be given back to the pool. */
static inline bool tgi_dead_add(tgi_pool *pool, void *block, size_t bytes)
{
    const size_t step = (bytes - 1) / TGI_SMALL_STEP;
    tgi_dead_handles *dead = &pool->dead[step];
    if (dead->count == dead->capacity) return tgi_dead_add_slowly(pool, block, bytes);
    tgi_dead_push(pool, dead, block, step);
    return true;
}

/* tgi_pool_free, with the usual case inline: a small block of this thread's pool. */
static inline void tgi_dealloc(tgi_pool *pool, void *memory, size_t bytes)
{
    const size_t step = (bytes - 1) / TGI_SMALL_STEP;
    if (pool != tgi_self.pool || step >= TGI_SMALL_CLASSES || !pool->open) {
        tgi_pool_free(pool, memory, bytes);
        return;
    }
    tgi_free_block *block = (tgi_free_block *)memory;
    block->next = pool->small[step];
    pool->small[step] = block;
    pool->live_bytes -= (int64_t)(step + 1) * TGI_SMALL_STEP;
}

TG_EXTERN_C_END

#endif
