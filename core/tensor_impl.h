/* tensor_impl.h: what a tensor is made of (tensor.c; handles that cannot be used: access.c). For the library's own
 * files; users have tensor.h. */
#ifndef TG_CORE_TENSOR_IMPL_H
#define TG_CORE_TENSOR_IMPL_H

#include "memory.h"
#include "op.h"
#include "scope.h"
#include "autograd.h"
#include "tensor.h"

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define TGI_ONE_THREAD __libc_single_threaded
#endif
#endif
#ifndef TGI_ONE_THREAD
#define TGI_ONE_THREAD 0
#endif

TG_EXTERN_C_BEGIN

typedef struct tgi_pool tgi_pool;

typedef struct tgi_hook {
    struct tgi_hook *next;
    tg_hook_fn function;      /* NULL: it is one of the other kind, */
    tg_leaf_hook_fn after;    /* which runs when .grad has changed */
    void *context;
    int64_t number;
    bool of_leaf;             /* counted in tgi_leaf_hooks */
} tgi_hook;

typedef struct tgi_name {
    size_t bytes;      /* of the block */
    bool of_parameter; /* a module has the tensor */
    char text[];
} tgi_name;
void tgi_name_free(tgi_name *name);

/* A buffer and its version. Views share it. It is part of the tensor that made it, whose block lives as long as either
 * is needed. */
typedef struct tgi_storage {
    int32_t refs;             /* the tensors that use it, and one for the handle it is part of */
    uint32_t rebased;         /* how often a tracked in-place op gave one of its tensors a new history */
    int64_t version;          /* how often it was written in place */
    const char *written_at;   /* the user's line of the last write; NULL when never written */
    size_t bytes;             /* of `data` */
    void *data;               /* NULL when bytes is 0 */
} tgi_storage;

/* Where a tensor came from: output `output` of the node at `index`, if the node there still has this serial number. */
typedef struct tgi_origin {
    uint64_t serial;          /* 0: no node made it; TGI_STANDS_FOR_LEAF: its gradient is that of extra->leaf */
    int32_t index;
    int32_t output;
} tgi_origin;

/* No node has this number: it is a multiple of TGI_SERIALS (thread.h). */
#define TGI_STANDS_FOR_LEAF ((uint64_t)1 << 63)

/* What an op remembers with a storage, for as long as that lives; see ops/linear/packed.c. */
typedef struct tgi_cached {
    struct tgi_cached *next;
    void (*free)(struct tgi_cached *cached);
} tgi_cached;

/* What few tensors need, made on demand. What stands from `cached` on belongs to the own storage, the rest to the
 * handle. */
typedef struct tgi_extra {
    tg_tensor *grad;          /* owned */
    tgi_hook *hooks;          /* of a leaf */
    tgi_name *name;           /* of a leaf */
    tg_tensor *leaf;          /* which one this handle stands for: a reference; NULL for nearly all */
    int64_t kept;             /* by tg_keep, how often */
    tgi_cached *cached;
    bool foreign;             /* the elements are memory that tapegrad did not allocate; `release`, if any, is told when */
    tg_release_fn release;    /* nobody needs them any more */
    void *context;
} tgi_extra;

enum { TGI_ALIVE = 0x7e45u, TGI_DEAD = 0xdeadu };

/* The block of a tensor. Its lines are the cache's, of 64 bytes:
 *
 *       0   refs, alive, ndim, ..., numel, offset, storage, origin, where    all that recording reads
 *      64   pool, extra, own (its own storage), scalar
 *     128   dims[0 .. ndim - 1], strides[0 .. ndim - 1]                      one line up to 4 dimensions, two up to 8
 *     192   the elements, if the block is then of 1 KiB at most              (256 of more than 4 dimensions)
 *
 * The block of a 0-d tensor ends before the sizes, and its element is `scalar`. Larger data is a block by itself; a
 * view has no data, its `storage` is `own` of the tensor that made it. Data of tg_from_memory lies wherever it lay. */
struct tg_tensor {
    int32_t refs;
    uint16_t alive;           /* TGI_ALIVE; anything else is a handle used after its scope ended */
    uint8_t ndim;
    uint8_t dtype;            /* tg_dtype */
    bool requires_grad;       /* leaves only: asked for by the user */
    bool is_view;             /* made by a view op: an in-place write through it would bypass its base's history */
    bool contiguous;          /* what dims and strides say */
    bool exposed;             /* of its own storage: the user holds a pointer to write through (tg_mutable_data) */
    uint32_t rebased;         /* storage->rebased when `origin` was set: differs when another view was written under grad */
    int64_t numel;
    int64_t offset;           /* in elements */
    tgi_storage *storage;     /* &own, or that of a view's base */
    tgi_origin origin;
    const char *where;        /* the user's line that made it */

    tgi_pool *pool;
    tgi_extra *extra;
    tgi_storage own;
    double scalar;            /* the data of a single element */

    int64_t dims[2 * TG_MAX_DIMS]; /* the sizes and, right behind them, the strides */
};

/* In elements. */
static inline int64_t *tgi_strides(const tg_tensor *t) { return (int64_t *)t->dims + t->ndim; }

/* ---- handles that cannot be used ---- */

/* What the lists of a scope hold when it has ended; made of zeros, so that as a name it reads "". */
extern tg_tensor tgi_of_dead_list;

/* Records, in the name of a function, that `t` is NULL (unless an error is pending that explains it), was freed, or is
 * no tensor. `argument` counts from 1; 0 means its only one. False. */
TG_RARE bool tgi_fail_handle(const char *function, int64_t argument, const tg_tensor *t);

/* True when the handle can be used; otherwise an error is pending. */
static inline bool tgi_handle_ok(const char *function, const tg_tensor *t)
{
    return (t && t->alive == TGI_ALIVE) || tgi_fail_handle(function, 0, t);
}

/* The same for what may be left out. */
static inline bool tgi_handle_or_null(const char *function, const tg_tensor *t)
{
    return !t || t->alive == TGI_ALIVE || tgi_fail_handle(function, 0, t);
}

/* True for a list that can be read; of its tensors it says nothing. */
TG_RARE bool tgi_fail_list(const char *function, tg_tensor_list list);
static inline bool tgi_list_ok(const char *function, tg_tensor_list list)
{
    return list.count == 0 || (list.count > 0 && list.items) || tgi_fail_list(function, list);
}

/* True for a list of which every name and tensor is there. */
bool tgi_named_list_ok(const char *function, tg_named_tensor_list list);

/* True for a list of 0 to TG_MAX_DIMS numbers; what is no such list is an error of `argument`. */
bool tgi_shape_ok(const char *function, const char *argument, const tg_shape *shape);

/* ---- life of a reference ----
 *
 * A tensor counts who holds it. A result is made with one reference, which is given to the innermost scope: it lies on
 * the thread's stack of handles (tgi_scope_adopt), and the scope's end drops it. So functions return results without
 * owning them. Who needs one for longer takes a reference: tgi_ref adds one, tgi_own takes the scope's; tgi_unref drops
 * it.
 *
 *     tg_tensor *t = tgi_new(&shape, dtype);     1: the scope's
 *     node->saved = tgi_ref(t);                  2: the scope's and the node's
 *     tgi_own(t);                                2: the caller's and the node's; the scope knows it no more
 *     tgi_unref(t);                              1: the node's
 *     tgi_unref(node->saved);                    0: freed */

/* Threads may share a model, so counts are atomic; while the process has one thread only, they need not be. The C
 * library knows: it clears the flag before a second thread can run. */
static inline int32_t tgi_count(int32_t *count, int32_t change)
{
    if (TGI_ONE_THREAD) return *count += change;
    return __atomic_add_fetch(count, change, __ATOMIC_ACQ_REL);
}

void tgi_tensor_free(tg_tensor *t);   /* the last reference is gone */

static inline tg_tensor *tgi_ref(tg_tensor *t)
{
    tgi_count(&t->refs, 1);
    return t;
}

static inline void tgi_unref(tg_tensor *t)
{
    if (t && tgi_count(&t->refs, -1) == 0) tgi_tensor_free(t);
}

/* The tensor that a storage is part of. Its handle may be gone. */
static inline tg_tensor *tgi_owner(const tgi_storage *storage)
{
    return (tg_tensor *)((char *)storage - offsetof(tg_tensor, own));
}

/* ---- elements ---- */
static inline size_t tgi_size_of(tg_dtype dtype)
{
    static const uint8_t sizes[TG_DTYPES] = { 4, 8, 8, 1 };
    return sizes[dtype];
}
static inline size_t tgi_element_size(const tg_tensor *t) { return tgi_size_of((tg_dtype)t->dtype); }

/* The first element. NULL for a tensor without elements. */
static inline void *tgi_ptr(const tg_tensor *t)
{
    char *data = (char *)t->storage->data;
    return t->offset && data ? data + (size_t)t->offset * tgi_element_size(t) : data;
}

/* True when several elements share one place in memory, as in an expanded tensor. */
static inline bool tgi_overlaps_itself(const tg_tensor *t)
{
    for (int d = 0; d < t->ndim; d++)
        if (tgi_strides(t)[d] == 0 && t->dims[d] > 1) return true;
    return false;
}

static inline bool tgi_same_shape(const tg_tensor *a, const tg_tensor *b)
{
    if (a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->dims[d] != b->dims[d]) return false;
    return true;
}

/* True when nobody but the holder of the one reference can see the elements, which may then be written in place. Those
 * in foreign memory others see. */
static inline bool tgi_is_private(const tg_tensor *t)
{
    return t->refs == 1 && t->storage == &t->own && t->own.refs == 2 && t->contiguous && !(t->extra && t->extra->foreign);
}

static inline bool tgi_tracked(const tg_tensor *t) { return t->requires_grad || t->origin.serial != 0; }
static inline bool tgi_is_floating(const tg_tensor *t) { return t->dtype <= TG_FLOAT64; }
static inline tg_shape tgi_shape(const tg_tensor *t)
{
    tg_shape s;
    s.ndim = t->ndim;
    for (int d = 0; d < TG_MAX_DIMS; d++) s.dims[d] = d < t->ndim ? t->dims[d] : 0;
    return s;
}

/* ---- making tensors ---- each returns a handle owned by the innermost scope, or NULL with an error pending */
tg_tensor *tgi_new(const tg_shape *shape, tg_dtype dtype);                 /* contiguous, uninitialised */
tg_tensor *tgi_new_like(const tg_tensor *t, tg_dtype dtype);               /* of t's shape, contiguous, uninitialised */
/* On elements that are there, contiguous: see tg_from_memory. */
tg_tensor *tgi_new_on(void *data, const tg_shape *shape, tg_dtype dtype, tg_release_fn release, void *context);
/* A view of `base`: another shape, strides (in elements) and offset into the same storage. Records nothing. */
tg_tensor *tgi_new_view(tg_tensor *base, int ndim, const int64_t *dims, const int64_t *strides, int64_t offset);
tg_tensor *tgi_new_full(const tg_shape *shape, tg_dtype dtype, double value);

/* Takes the newest reference out of the scope's hands: the caller owns what it made, and calls tgi_unref. NULL stays
 * NULL. */
tg_tensor *tgi_own(tg_tensor *t);

/* Gives `t` the storage of `from` and its dtype; `from` is contiguous, and shapes are the same, or both are of one
 * element. Both have the storage then. */
void tgi_share_storage(tg_tensor *t, tg_tensor *from);
/* The same where nobody else is to see `from` any more. */
void tgi_take_storage(tg_tensor *t, tg_tensor *from);

void tgi_hook_free(tgi_hook *hook);
extern int64_t tgi_leaf_hooks; /* how many hooks leaves have, in all threads */
void tgi_hooks_free(tgi_hook *hooks);

/* The tensor's rare parts, made if need be; NULL with an error pending. Two threads may ask at once. */
tgi_extra *tgi_extra_of(tg_tensor *t);

/* The user's place, set by the outermost call (NULL when unknown). */
const char *tgi_where(void);
/* Opens a function that is no op, as tg_op_begin opens one: remembers the user's place and, for errors, the name. */
void tgi_begin(const char *where, const char *name);

/* What stands in the `bytes` at `block` again and again, until it stands there `count` times, which is 1 or more. */
void tgi_repeat_bytes(char *block, size_t bytes, int64_t count);
/* Fills a contiguous tensor. */
void tgi_fill(tg_tensor *t, double value);

/* Raw memory from the thread's pool, for structures that are not tensors (modules, optimisers). Zeroed; NULL with an
 * error pending. The size must be given back. */
void *tgi_calloc(size_t bytes);
void tgi_free(void *block, size_t bytes);

/* The allocator below the pools, the user's or the C library's: for memory that belongs to no pool. */
typedef struct tgi_allocator {
    tg_allocate_fn allocate;
    tg_free_fn release;
    void *context;
    bool poisoned; /* what it gives is to be filled with NaN: TAPEGRAD_POISON */
} tgi_allocator;
tgi_allocator tgi_system_allocator(void);

TG_EXTERN_C_END

#endif
