/* tensor.c: making tensors, asking them things, freeing them. */
#include "tape_impl.h"
#include "thread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- blocks ---- a tensor, its own storage and small data are one block; larger data is another */

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

static size_t block_bytes(const tg_tensor *t)
{
    return handle_bytes(t->ndim) + (place_of(t->ndim, t->own.bytes) == BEHIND_HANDLE ? t->own.bytes : 0);
}

/* Of data that lies apart; the rest goes with the block. */
static void release_data(tg_tensor *t)
{
    if (t->own.data && place_of(t->ndim, t->own.bytes) == APART) {
        tgi_dealloc(t->pool, t->own.data, t->own.bytes);
        t->own.data = NULL;
    }
}

static void release_cached(tgi_extra *extra)
{
    for (tgi_cached *cached = extra->cached, *next; cached; cached = next) {
        next = cached->next;
        cached->free(cached);
    }
    extra->cached = NULL;
}

/* The handle's parts have gone before. */
static void extra_free(tgi_extra *extra)
{
    release_cached(extra);
    tgi_free(extra, sizeof *extra);
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

bool tgi_begin_unseen(void)
{
    const bool outer = tgi_self.rests_in != NULL;
    tgi_set_seen(false);
    return outer;
}

void tgi_end_unseen(bool outer) { tgi_set_seen(outer); }

/* A block for a handle: the one that has rested longest, or a new one. */
static inline void *block_new(size_t bytes)
{
    tgi_pool *pool = tgi_self.rests_in;
    const size_t step = (bytes - 1) / LINE;
    if (pool && tgi_dead_enough(&pool->dead[step])) return tgi_dead_oldest(pool, &pool->dead[step], step);
    return tgi_alloc(bytes);
}

static inline void block_free(tg_tensor *t)
{
    const size_t bytes = block_bytes(t);
    tgi_pool *pool = t->pool;
    if (pool != tgi_self.rests_in || !tgi_dead_add(pool, t, bytes)) tgi_dealloc(pool, t, bytes);
}

/* Takes `users` from those who need t's own storage or its block; after the last one both go. */
static void block_unref(tg_tensor *t, int32_t users)
{
    if (tgi_count(&t->own.refs, -users) > 0) return;
    if (t->extra) extra_free(t->extra);
    release_data(t);
    block_free(t);
}

static void storage_unref(tgi_storage *storage) { block_unref(tgi_owner(storage), 1); }

/* ---- handles ---- */

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
        block_unref(t, 1);
        return NULL;
    }
    t->dtype = (uint8_t)dtype;
    t->contiguous = true;
    t->numel = numel;
    t->own.refs = 2;
    t->own.bytes = bytes;
    t->own.data = data;
    t->storage = &t->own;
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        t->dims[d] = dims[d];
        tgi_strides(t)[d] = stride;
        stride *= dims[d] > 1 ? dims[d] : 1;
    }
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

void tgi_tensor_free(tg_tensor *t)
{
    t->alive = TGI_DEAD;
    if (t->extra) {
        tgi_unref(t->extra->grad);
        tgi_hooks_free(t->extra->hooks);
        t->extra->grad = NULL;
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

void tgi_take_storage(tg_tensor *t, tg_tensor *from)
{
    tgi_storage *const old = t->storage;
    tgi_count(&from->storage->refs, 1);
    t->storage = from->storage;
    t->dtype = from->dtype;
    t->offset = 0;
    t->is_view = false;
    t->rebased = t->storage->rebased;
    t->contiguous = true;
    tgi_owner(t->storage)->requires_grad =
        t->requires_grad; /* for those who ask of a storage whether it is a parameter's */
    for (int d = 0; d < t->ndim; d++) tgi_strides(t)[d] = tgi_strides(from)[d];
    if (old == &t->own && old->refs == 2) { /* nobody else uses it, so it need not wait for the handle */
        release_data(t);
        if (t->extra) release_cached(t->extra);
    }
    storage_unref(old);
}

void tgi_fill(tg_tensor *t, double value)
{
    void *p = tgi_ptr(t);
    switch (t->dtype) {
    case TG_FLOAT32:
        for (int64_t i = 0; i < t->numel; i++) ((float *)p)[i] = (float)value;
        break;
    case TG_FLOAT64:
        for (int64_t i = 0; i < t->numel; i++) ((double *)p)[i] = value;
        break;
    case TG_INT64:
        for (int64_t i = 0; i < t->numel; i++) ((int64_t *)p)[i] = (int64_t)value;
        break;
    default:
        for (int64_t i = 0; i < t->numel; i++) ((bool *)p)[i] = value != 0;
    }
}

tg_tensor *tgi_new_full(const tg_shape *shape, tg_dtype dtype, double value)
{
    tg_tensor *t = tgi_new(shape, dtype);
    if (t) tgi_fill(t, value);
    return t;
}

/* ---- questions ---- */

tg_tensor tgi_of_dead_list = { .alive = TGI_DEAD };

/* Memory that was never a tensor has no place where it was made. */
bool tgi_fail_handle(const char *function, int64_t argument, const tg_tensor *t)
{
    char which[32] = "the tensor";
    if (argument) snprintf(which, sizeof which, "argument %lld", (long long)argument);
    if (t == &tgi_of_dead_list)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s is of a list that was freed when its scope ended", which);
    else if (t && t->alive == TGI_DEAD)
        tg_fail_at(NULL, TG_ERROR_VALUE, function,
                   "%s was freed when its scope ended, or what else held it let go of it (it was made at %s)", which,
                   t->where ? t->where : "an unknown place");
    else if (t)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s was freed when its scope ended, or is no tensor", which);
    else if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_NULL, function, "%s is NULL", which);
    return false;
}

bool tgi_fail_list(const char *function, tg_tensor_list list)
{
    if (list.count < 0)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a list of %lld tensors", (long long)list.count);
    else
        tg_fail_at(NULL, TG_ERROR_NULL, function, "a list of %lld tensors is NULL", (long long)list.count);
    return false;
}

bool tgi_shape_ok(const char *function, const char *argument, const tg_shape *shape)
{
    if ((unsigned)shape->ndim <= TG_MAX_DIMS) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s: a list has 0 to %d numbers, not %d", argument, TG_MAX_DIMS,
               shape->ndim);
    return false;
}

TG_RARE static bool asked_of_dead(const char *where, const char *function, const tg_tensor *t)
{
    if (where) tgi_self.where = where;
    return tgi_fail_handle(function, 0, t);
}

/* Of nothing one may ask. */
static inline bool asked(const char *where, const char *function, const tg_tensor *t)
{
    return t && (t->alive == TGI_ALIVE || asked_of_dead(where, function, t));
}

int tg_ndim_at(const char *where, const tg_tensor *t) { return asked(where, "ndim", t) ? t->ndim : 0; }
int64_t tg_numel_at(const char *where, const tg_tensor *t) { return asked(where, "numel", t) ? t->numel : 0; }
int64_t tg_storage_offset_at(const char *where, const tg_tensor *t)
{
    return asked(where, "storage_offset", t) ? t->offset : 0;
}
tg_dtype tg_dtype_of_at(const char *where, const tg_tensor *t)
{
    return asked(where, "dtype_of", t) ? (tg_dtype)t->dtype : TG_FLOAT32;
}
int64_t tg_version_at(const char *where, const tg_tensor *t)
{
    return asked(where, "version", t) ? t->storage->version : 0;
}
tg_shape tg_shape_of_at(const char *where, const tg_tensor *t)
{
    return asked(where, "shape_of", t) ? tgi_shape(t) : tg_shape();
}

/* A missing tensor is an error unless one is pending that explains it. */
static bool present(const char *where, const char *function, const tg_tensor *t)
{
    if (where) tgi_self.where = where;
    return tgi_handle_ok(function, t);
}

static int checked_dim(const char *where, const char *function, const tg_tensor *t, int64_t dim)
{
    if (!present(where, function, t)) return -1;
    int d = t->ndim ? tg_shape_dim(dim, t->ndim) : -1;
    if (d < 0)
        tg_fail_at(where, TG_ERROR_VALUE, function,
                   "Dimension out of range (expected to be in range of [%d, %d], but got %lld)", -t->ndim, t->ndim - 1,
                   (long long)dim);
    return d;
}

int64_t tg_size_at(const char *where, const tg_tensor *t, int64_t dim)
{
    int d = checked_dim(where, "size", t, dim);
    return d < 0 ? 0 : t->dims[d];
}

int64_t tg_stride_at(const char *where, const tg_tensor *t, int64_t dim)
{
    int d = checked_dim(where, "stride", t, dim);
    return d < 0 ? 0 : tgi_strides(t)[d];
}

bool tg_is_contiguous_at(const char *where, const tg_tensor *t)
{
    return asked(where, "is_contiguous", t) && t->contiguous;
}

bool tg_shares_storage_at(const char *where, const tg_tensor *a, const tg_tensor *b)
{
    if (where) tgi_self.where = where;
    const bool usable = tgi_handle_or_null("shares_storage", a) && tgi_handle_or_null("shares_storage", b);
    return usable && a && b && a->storage == b->storage;
}

/* ---- elements ---- */

static double element(const tg_tensor *t, int64_t index)
{
    const void *data = t->storage->data;
    switch (t->dtype) {
    case TG_FLOAT32: return (double)((const float *)data)[index];
    case TG_FLOAT64: return ((const double *)data)[index];
    case TG_INT64: return (double)((const int64_t *)data)[index];
    default: return ((const uint8_t *)data)[index] != 0; /* nobody has written the elements of tg_empty */
    }
}

static bool one_element(const char *where, const tg_tensor *t)
{
    if (!present(where, "item", t)) return false;
    if (t->numel == 1) return true;
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(t);
    tg_fail_at(where, TG_ERROR_VALUE, "item",
               "only one element tensors can be converted to a number, not one of shape %s",
               tg_shape_text(&shape, text));
    return false;
}

double tg_item_at(const char *where, const tg_tensor *t) { return one_element(where, t) ? element(t, t->offset) : NAN; }

int64_t tg_item_int64_at(const char *where, const tg_tensor *t)
{
    if (!one_element(where, t)) return 0;
    if (t->dtype == TG_INT64) return ((const int64_t *)t->storage->data)[t->offset];
    double value = element(t, t->offset);
    if (fabs(value) < 0x1p63) return (int64_t)value;
    tg_fail_at(where, TG_ERROR_VALUE, "item", "%g has no int64", value);
    return 0;
}

static bool of_dtype(const char *where, const tg_tensor *t, tg_dtype dtype)
{
    if (!present(where, "data", t)) return false;
    if (t->dtype == dtype) return true;
    tg_fail_at(where, TG_ERROR_VALUE, "data", "the tensor's elements are %s, not %s", tg_dtype_name((tg_dtype)t->dtype),
               tg_dtype_name(dtype));
    return false;
}

const void *tg_data_at(const char *where, const tg_tensor *t, tg_dtype dtype)
{
    return of_dtype(where, t, dtype) ? tgi_ptr(t) : NULL;
}

void *tg_mutable_data_at(const char *where, tg_tensor *t, tg_dtype dtype)
{
    if (!of_dtype(where, t, dtype)) return NULL;
    tg_bump_version(t);
    tgi_owner(t->storage)->exposed = true;
    return tgi_ptr(t);
}

void tg_data_written_at(const char *where, tg_tensor *t)
{
    if (!present(where, "data_written", t)) return;
    tg_bump_version(t);
    tgi_owner(t->storage)->exposed = false;
}

tg_status tg_to_array_at(const char *where, const tg_tensor *t, double *out, int64_t count)
{
    if (!present(where, "to_array", t)) return TG_FAILED;
    if (count > 0 && !out) {
        tg_fail_at(where, TG_ERROR_NULL, "to_array", "the array is NULL");
        return TG_FAILED;
    }
    if (count != t->numel) {
        tg_fail_at(where, TG_ERROR_VALUE, "to_array", "the tensor has %lld elements, the array %lld",
                   (long long)t->numel, (long long)count);
        return TG_FAILED;
    }
    int64_t index[TG_MAX_DIMS] = { 0 };
    int64_t at = t->offset;
    for (int64_t i = 0; i < count; i++) {
        out[i] = element(t, at);
        for (int d = t->ndim - 1; d >= 0; d--) { /* the next index, counted like an odometer */
            if (++index[d] < t->dims[d]) {
                at += tgi_strides(t)[d];
                break;
            }
            at -= tgi_strides(t)[d] * (t->dims[d] - 1);
            index[d] = 0;
        }
    }
    return TG_OK;
}

/* ---- autograd's view of a tensor ---- */

bool tg_requires_grad_of_at(const char *where, const tg_tensor *t)
{
    return asked(where, "requires_grad", t) && tgi_tracked(t);
}
bool tg_is_leaf_at(const char *where, const tg_tensor *t)
{
    return asked(where, "is_leaf", t) && t->origin.serial == 0;
}
tg_tensor *tg_grad_of_at(const char *where, const tg_tensor *t)
{
    return asked(where, "grad_of", t) && t->extra ? t->extra->grad : NULL;
}

tg_tensor *tg_requires_grad_at(const char *where, tg_tensor *t, bool requires_grad)
{
    if (!present(where, "requires_grad_", t)) return NULL;
    if (requires_grad && !tgi_is_floating(t))
        return tg_fail_at(where, TG_ERROR_VALUE, "requires_grad_",
                          "only Tensors of floating point dtype can require gradients, not %s",
                          tg_dtype_name((tg_dtype)t->dtype));
    if (!requires_grad && t->origin.serial)
        return tg_fail_at(
            where, TG_ERROR_AUTOGRAD, "requires_grad_",
            "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
            "in a subgraph that doesn't require differentiation use tg_detach");
    if (!t->origin.serial) t->requires_grad = requires_grad;
    return t;
}

tg_status tg_set_grad_at(const char *where, tg_tensor *t, tg_tensor *grad)
{
    if (!present(where, "set_grad", t) || !tgi_handle_or_null("set_grad", grad)) return TG_FAILED;
    if (!grad && tg_failed()) return TG_FAILED;
    if (grad) {
        const tg_shape have = tgi_shape(grad), want = tgi_shape(t);
        if (grad == t || grad->dtype != t->dtype || !tg_shape_equal(&have, &want)) {
            tg_fail_at(where, TG_ERROR_VALUE, "set_grad",
                       "a gradient has its tensor's shape and dtype, and is not the tensor");
            return TG_FAILED;
        }
    } else if (!t->extra) {
        return TG_OK;
    }
    tgi_extra *extra = tgi_extra_of(t);
    if (!extra) return TG_FAILED;
    if (grad) tgi_ref(grad);
    tgi_unref(extra->grad);
    extra->grad = grad;
    return TG_OK;
}

/* The same storage and version, but a history of its own: none. Writing through it is allowed, and counted. */
tg_tensor *tg_detach_at(const char *where, tg_tensor *t)
{
    if (!present(where, "detach", t)) return NULL;
    tg_tensor *d = tgi_new_view(t, t->ndim, t->dims, tgi_strides(t), t->offset);
    if (d) d->is_view = false;
    return d;
}
