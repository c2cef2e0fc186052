/* tensor.c: making tensors and freeing them. (access.c asks them things.)
 *
 * A tensor is one block: its handle, its own storage, its sizes and, if there is room, its data: tensor_impl.h has the
 * picture. Larger data is a second block. Making one takes a block, fills it in and gives the one reference to the
 * innermost scope; freeing puts the block where a later tensor finds it. */
#include "tensor_impl.h"
#include "thread.h"

#include <math.h>
#include <string.h>

/* ---- where the parts of a tensor lie ---- see the picture in tensor_impl.h */

/* A handle's block has a class in pool->dead, so it ends where these do. */
enum { LINE = TGI_SMALL_STEP, MOST_IN_BLOCK = TGI_HANDLE_CLASSES * TGI_SMALL_STEP };

_Static_assert(sizeof(tg_tensor) % LINE == 0, "inline data must be aligned");
_Static_assert(offsetof(tg_tensor, pool) == LINE && offsetof(tg_tensor, dims) == 2 * LINE, "hot members lie together");

/* How much of the struct a tensor of `ndim` dimensions needs, in whole lines. */
static size_t handle_bytes(int ndim)
{
    const size_t bytes = offsetof(tg_tensor, dims) + 2 * (size_t)ndim * sizeof(int64_t);
    return (bytes + LINE - 1) & ~(size_t)(LINE - 1);
}

/* Where `bytes` of data lie, by their number alone: one tensor's data may follow another's handle by chance. */
typedef enum data_place { IN_SCALAR, BEHIND_HANDLE, APART } data_place;

static data_place place_of(int ndim, size_t bytes)
{
    if (ndim == 0) return bytes <= sizeof(double) ? IN_SCALAR : APART;
    return bytes <= MOST_IN_BLOCK - handle_bytes(ndim) ? BEHIND_HANDLE : APART;
}

/* ---- making tensors ---- */

/* A block for a handle: the one that has rested longest, or a new one. */
static inline void *block_new(size_t bytes)
{
    tgi_pool *pool = tgi_self.rests_in;
    const size_t step = (bytes - 1) / LINE;
    if (pool && tgi_dead_enough(&pool->dead[step])) return tgi_dead_oldest(pool, &pool->dead[step], step);
    return tgi_alloc(bytes);
}

/* A handle without shape, and with what follows it in its block. Its storage is empty and has one user, the handle. */
static inline tg_tensor *handle_new(int ndim, size_t with_data)
{
    tg_tensor *t = block_new(handle_bytes(ndim) + with_data);
    if (!t) return NULL;
    tgi_thread *self = &tgi_self;
    t->refs = 1;
    t->alive = TGI_ALIVE;
    t->ndim = (uint8_t)ndim;
    t->requires_grad = t->is_view = t->exposed = false;
    t->rebased = 0;
    t->offset = 0;
    t->origin.serial = 0;
    t->where = self->where;
    t->pool = self->pool;
    t->extra = NULL;
    t->own = (tgi_storage){ .refs = 1 };
    tgi_pool_count_tensor(t->pool, 1);
    return t;
}

/* The number of elements, or -1 with an error pending when a size is negative or the whole does not fit in memory. */
static int64_t checked_numel(const tg_shape *shape)
{
    int64_t extent = 1; /* without sizes of 0, for the strides must fit too */
    bool empty = false;
    char text[TG_SHAPE_TEXT];
    if (shape->ndim < 0 || shape->ndim > TG_MAX_DIMS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "a tensor has 0 to %d dimensions, not %d", TG_MAX_DIMS,
                   shape->ndim);
        return -1;
    }
    for (int d = 0; d < shape->ndim; d++) {
        if (shape->dims[d] < 0) {
            tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "Trying to create tensor with negative dimension %lld: %s",
                       (long long)shape->dims[d], tg_shape_text(shape, text));
            return -1;
        }
        empty |= shape->dims[d] == 0;
        if (__builtin_mul_overflow(extent, shape->dims[d] ? shape->dims[d] : 1, &extent) || extent > INT64_MAX / 16) {
            tg_fail_at(NULL, TG_ERROR_MEMORY, tgi_self.op, "out of memory: a tensor of shape %s",
                       tg_shape_text(shape, text));
            return -1;
        }
    }
    return empty ? 0 : extent;
}

/* Makes a handle that of a contiguous tensor with a storage of its own, of `bytes` at `data`. */
static inline void own_elements(tg_tensor *t, const int64_t *dims, int64_t numel, tg_dtype dtype, size_t bytes,
                                void *data)
{
    t->dtype = (uint8_t)dtype;
    t->contiguous = true;
    t->numel = numel;
    t->own.refs = 2;
    t->own.bytes = bytes;
    t->own.data = data;
    t->storage = &t->own;
    int64_t stride = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        t->dims[d] = dims[d];
        tgi_strides(t)[d] = stride;
        stride *= dims[d] > 1 ? dims[d] : 1;
    }
}

/* A contiguous tensor with a storage of its own, whose number of elements has been found to fit. */
static tg_tensor *tensor_new(int ndim, const int64_t *dims, int64_t numel, tg_dtype dtype)
{
    const size_t bytes = (size_t)numel * tgi_size_of(dtype);
    const data_place place = place_of(ndim, bytes);
    tg_tensor *t = handle_new(ndim, place == BEHIND_HANDLE ? bytes : 0);
    if (!t) return NULL;
    void *data = place == IN_SCALAR ? (void *)&t->scalar : bytes ? (char *)t + handle_bytes(ndim) : NULL;
    if (place == APART && !(data = tgi_alloc(bytes))) {
        tgi_pool_count_tensor(t->pool, -1);
        tgi_dealloc(t->pool, t, handle_bytes(ndim));
        return NULL;
    }
    own_elements(t, dims, numel, dtype, bytes, data);
    return tgi_scope_adopt(t);
}

tg_tensor *tgi_new(const tg_shape *shape, tg_dtype dtype)
{
    const int64_t numel = checked_numel(shape);
    if (numel < 0) return NULL;
    if ((unsigned)dtype >= TG_DTYPES)
        return tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "%d is not a dtype", (int)dtype);
    return tensor_new(shape->ndim, shape->dims, numel, dtype);
}

tg_tensor *tgi_new_like(const tg_tensor *from, tg_dtype dtype)
{
    return tensor_new(from->ndim, from->dims, from->numel, dtype);
}

tg_tensor *tg_empty_raw(tg_shape shape, tg_dtype dtype) { return tgi_new(&shape, dtype); }

tg_tensor *tgi_new_on(void *data, const tg_shape *shape, tg_dtype dtype, tg_release_fn release, void *context)
{
    const int64_t numel = checked_numel(shape);
    if (numel < 0) return NULL;
    tgi_extra *extra = tgi_calloc(sizeof *extra);
    if (!extra) return NULL;
    tg_tensor *t = handle_new(shape->ndim, 0);
    if (!t) {
        tgi_free(extra, sizeof *extra);
        return NULL;
    }
    t->extra = extra;
    extra->foreign = true;
    own_elements(t, shape->dims, numel, dtype, (size_t)numel * tgi_size_of(dtype), data);
    if (!tgi_scope_adopt(t)) return NULL; /* with which `t` went, but not the memory */
    extra->release = release;
    extra->context = context;
    return t;
}

tg_tensor *tg_from_memory_at(const char *where, void *data, tg_shape shape, tg_dtype dtype, tg_release_fn release,
                             void *context)
{
    static const char name[] = "from_memory";
    tgi_begin(where, name);
    if ((unsigned)dtype >= TG_DTYPES) return tg_fail_at(NULL, TG_ERROR_VALUE, name, "%d is not a dtype", (int)dtype);
    if (!data && checked_numel(&shape) > 0)
        return tg_failed() ? NULL : tg_fail_at(NULL, TG_ERROR_NULL, name, "the memory is NULL");
    if ((uintptr_t)data % tgi_size_of(dtype))
        return tg_fail_at(NULL, TG_ERROR_VALUE, name, "%s elements cannot lie at %p, which %zu does not divide",
                          tg_dtype_name(dtype), data, tgi_size_of(dtype));
    tg_tensor *t = tgi_new_on(data, &shape, dtype, release, context);
    if (t) t->exposed = true; /* whoever else has the address may write at any moment */
    return t;
}

tg_tensor *tgi_new_view(tg_tensor *base, int ndim, const int64_t *dims, const int64_t *strides, int64_t offset)
{
    tg_tensor *t = handle_new(ndim, 0);
    if (!t) return NULL;
    tgi_count(&base->storage->refs, 1);
    t->storage = base->storage;
    t->dtype = base->dtype;
    t->is_view = true;
    t->rebased = base->is_view ? base->rebased : base->storage->rebased; /* a view of a stale view is as stale */
    t->offset = offset;
    int64_t numel = 1; /* of the dimensions seen so far, and so the stride that the next should have */
    bool contiguous = true;
    for (int d = ndim - 1; d >= 0; d--) {
        t->dims[d] = dims[d];
        tgi_strides(t)[d] = strides[d];
        contiguous &= dims[d] == 1 || strides[d] == numel;
        numel *= dims[d];
    }
    t->numel = numel;
    t->contiguous = contiguous || numel == 0;
    return tgi_scope_adopt(t);
}

/* A piece is copied from the front, where it is in the first cache. */
enum { NEAR = 4096 };

void tgi_repeat_bytes(char *block, size_t bytes, int64_t count)
{
    const size_t all = bytes * (size_t)count, most = bytes < NEAR ? NEAR / bytes * bytes : bytes;
    for (size_t done = bytes, piece; done < all; done += piece) {
        piece = done < most ? done : most;
        if (piece > all - done) piece = all - done;
        memcpy(block + done, block, piece);
    }
}

void tgi_fill(tg_tensor *t, double value)
{
    void *p = tgi_ptr(t);
    if (!t->numel) return;
    if (value == 0 && !signbit(value)) { /* a library can write much memory without reading it */
        memset(p, 0, (size_t)t->numel * tgi_element_size(t));
        return;
    }
    switch (t->dtype) {
    case TG_FLOAT32: *(float *)p = (float)value; break;
    case TG_FLOAT64: *(double *)p = value; break;
    case TG_INT64: *(int64_t *)p = (int64_t)value; break;
    default: *(bool *)p = value != 0;
    }
    tgi_repeat_bytes(p, tgi_element_size(t), t->numel);
}

tg_tensor *tgi_new_full(const tg_shape *shape, tg_dtype dtype, double value)
{
    tg_tensor *t = tgi_new(shape, dtype);
    if (t) tgi_fill(t, value);
    return t;
}

/* ---- the stack that new tensors are put on (scope.c takes them off) ---- */

enum { MANY_AT_ROOT = 1 << 16 };

/* A loop without a scope: each step's tensors stay. */
static void warn_of_root(tgi_thread *self)
{
    if (self->scope_count || self->warned_of_root || self->handle_count < MANY_AT_ROOT) return;
    self->warned_of_root = true;
    tg_warn_at(
        NULL,
        "%lld tensors have been made outside of any scope, and all are alive; put each step between tg_scope_begin "
        "and tg_scope_end",
        (long long)self->handle_count);
}

bool tgi_grow_handles(tgi_thread *self)
{
    warn_of_root(self);
    return tgi_grow(&self->handles, &self->handle_capacity, self->handle_count + 1, sizeof *self->handles);
}

/* ---- dead handles rest ----
 *
 * A user may hold a handle beyond its scope. As long as its block is not used again the handle is marked dead, and every
 * function reports it. If blocks were used again at once, the tensors of the next step would lie at the addresses of the
 * last one's, and the old handle would show another tensor's values. So the blocks of dead handles wait in queues, one
 * for each size, until a queue holds more than 256 KiB (AT_REST in memory.c): 2,048 scalars, 1,365 tensors of one to four
 * dimensions without data behind them, 256 of the largest blocks. The next handle of that size takes the block that has
 * waited longest.
 *
 * Data in a block of its own does not wait. Nor do the handles that a walk or a module of the library makes for itself,
 * which no user has seen. */

static size_t block_bytes(const tg_tensor *t)
{
    return handle_bytes(t->ndim) + (place_of(t->ndim, t->own.bytes) == BEHIND_HANDLE ? t->own.bytes : 0);
}

static inline void block_free(tg_tensor *t)
{
    const size_t bytes = block_bytes(t);
    tgi_pool *pool = t->pool;
    if (pool != tgi_self.rests_in || !tgi_dead_add(pool, t, bytes)) tgi_dealloc(pool, t, bytes);
}

/* ---- freeing tensors ---- */

/* Of data that lies apart; the rest goes with the block. */
static void release_data(tg_tensor *t)
{
    if (t->own.data && place_of(t->ndim, t->own.bytes) == APART) {
        tgi_dealloc(t->pool, t->own.data, t->own.bytes);
        t->own.data = NULL;
    }
}

/* What hangs on t's own storage. Foreign memory goes, too, and then it is as if there never was any: the block is that of
 * a handle alone. */
static void release_cached(tg_tensor *t)
{
    tgi_extra *extra = t->extra;
    for (tgi_cached *cached = extra->cached, *next; cached; cached = next) {
        next = cached->next;
        cached->free(cached);
    }
    extra->cached = NULL;
    if (!extra->foreign) return;
    if (extra->release) extra->release(t->own.data, extra->context);
    extra->foreign = false;
    t->own.data = NULL;
    t->own.bytes = 0;
}

/* The handle's parts have gone before. */
static void extra_free(tg_tensor *t)
{
    release_cached(t);
    tgi_free(t->extra, sizeof *t->extra);
}

/* Takes `users` from those who need t's own storage or its block; after the last one both go. */
static void block_unref(tg_tensor *t, int32_t users)
{
    if (tgi_count(&t->own.refs, -users) > 0) return;
    if (t->extra) extra_free(t);
    release_data(t);
    block_free(t);
}

static void storage_unref(tgi_storage *storage) { block_unref(tgi_owner(storage), 1); }

void tgi_name_free(tgi_name *name)
{
    if (name) tgi_free(name, name->bytes);
}

int64_t tgi_leaf_hooks;

void tgi_hook_free(tgi_hook *hook)
{
    if (hook->of_leaf) __atomic_fetch_sub(&tgi_leaf_hooks, 1, __ATOMIC_RELAXED);
    tgi_free(hook, sizeof *hook);
}

void tgi_hooks_free(tgi_hook *hooks)
{
    while (hooks) {
        tgi_hook *next = hooks->next;
        tgi_hook_free(hooks);
        hooks = next;
    }
}

void tgi_tensor_free(tg_tensor *t)
{
    t->alive = TGI_DEAD;
    if (t->extra) {
        tgi_unref(t->extra->grad);
        tgi_unref(t->extra->leaf);
        tgi_hooks_free(t->extra->hooks);
        tgi_name_free(t->extra->name);
        t->extra->name = NULL;
        t->extra->grad = t->extra->leaf = NULL;
        t->extra->hooks = NULL;
    }
    tgi_pool_count_tensor(t->pool, -1);
    if (t->storage == &t->own) {
        block_unref(t, 2);
        return;
    }
    storage_unref(t->storage);
    block_unref(t, 1);
}

/* ---- what few tensors need ---- */

tgi_extra *tgi_extra_of(tg_tensor *t)
{
    tgi_extra *there = __atomic_load_n(&t->extra, __ATOMIC_ACQUIRE);
    if (there) return there;
    tgi_extra *made = tgi_calloc(sizeof *made);
    if (!made || __atomic_compare_exchange_n(&t->extra, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    tgi_free(made, sizeof *made); /* another thread was faster */
    return there;
}

/* ---- another storage ---- */

void tgi_share_storage(tg_tensor *t, tg_tensor *from)
{
    tgi_storage *const old = t->storage;
    tgi_count(&from->storage->refs, 1);
    t->storage = from->storage;
    t->dtype = from->dtype;
    t->offset = from->offset;
    t->is_view = false;
    t->rebased = t->storage->rebased;
    t->contiguous = true;
    for (int d = 0; d < t->ndim; d++) tgi_strides(t)[d] = tgi_strides(from)[d];
    if (old == &t->own && old->refs == 2) { /* nobody else uses it, so it need not wait for the handle */
        if (t->extra) release_cached(t);
        release_data(t);
    }
    storage_unref(old);
}

void tgi_take_storage(tg_tensor *t, tg_tensor *from)
{
    tgi_share_storage(t, from);
    tgi_owner(t->storage)->requires_grad =
        t->requires_grad; /* for those who ask of a storage whether it is a parameter's */
}
