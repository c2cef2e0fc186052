/* tensor.c: making tensors, asking them things, letting them go. */
#include "tape_impl.h"
#include "thread.h"

#include <math.h>
#include <string.h>

/* ---- storages ---- header and data are one block, so a small tensor costs two slab blocks in all */

enum { STORAGE_HEADER = 64 };

static tgi_storage *storage_new(tgi_pool *pool, size_t bytes)
{
    _Static_assert(sizeof(tgi_storage) <= STORAGE_HEADER, "the data must stay aligned to 64 bytes");
    tgi_storage *storage = tgi_pool_alloc(pool, STORAGE_HEADER + bytes);
    if (!storage) return NULL;
    storage->refs = 1;
    storage->rebased = 0;
    storage->version = 0;
    storage->written_at = NULL;
    storage->bytes = bytes;
    storage->pool = pool;
    storage->data = bytes ? (char *)storage + STORAGE_HEADER : NULL;
    return storage;
}

static void storage_unref(tgi_storage *storage)
{
    if (__atomic_sub_fetch(&storage->refs, 1, __ATOMIC_ACQ_REL) == 0)
        tgi_pool_free(storage->pool, storage, STORAGE_HEADER + storage->bytes);
}

/* ---- handles ---- */

/* A tensor over `storage`, whose reference it takes; the storage is let go of on failure. */
static tg_tensor *tensor_over(tgi_pool *pool, tgi_storage *storage, tg_dtype dtype)
{
    tg_tensor *t = tgi_pool_alloc(pool, sizeof *t);
    if (!t) {
        storage_unref(storage);
        return NULL;
    }
    memset(t, 0, offsetof(tg_tensor, dims));
    t->refs = 1;
    t->alive = TGI_ALIVE;
    t->dtype = (uint8_t)dtype;
    t->storage = storage;
    t->rebased = storage->rebased;
    t->where = tgi_self.where;
    t->pool = pool;
    tgi_pool_count_tensor(pool, 1);
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

tg_tensor *tgi_new(const tg_shape *shape, tg_dtype dtype)
{
    int64_t numel = checked_numel(shape);
    tgi_pool *pool = tgi_pool_of_thread();
    if (numel < 0 || !pool) return NULL;
    if ((unsigned)dtype >= TG_DTYPES)
        return tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "%d is not a dtype", (int)dtype);
    tgi_storage *storage = storage_new(pool, (size_t)numel * tg_dtype_size(dtype));
    tg_tensor *t = storage ? tensor_over(pool, storage, dtype) : NULL;
    if (!t) return NULL;
    t->ndim = (uint8_t)shape->ndim;
    t->numel = numel;
    memcpy(t->dims, shape->dims, sizeof t->dims);
    tg_shape_strides(shape, t->strides);
    return tgi_scope_adopt(t);
}

tg_tensor *tg_empty_raw(tg_shape shape, tg_dtype dtype) { return tgi_new(&shape, dtype); }

tg_tensor *tgi_new_view(tg_tensor *base, int ndim, const int64_t *dims, const int64_t *strides, int64_t offset)
{
    tgi_pool *pool = tgi_pool_of_thread();
    if (!pool) return NULL;
    __atomic_fetch_add(&base->storage->refs, 1, __ATOMIC_RELAXED);
    tg_tensor *t = tensor_over(pool, base->storage, (tg_dtype)base->dtype);
    if (!t) return NULL;
    t->ndim = (uint8_t)ndim;
    t->is_view = true;
    t->rebased = base->is_view ? base->rebased : base->storage->rebased; /* a view of a stale view is as stale */
    t->offset = offset;
    t->numel = 1;
    for (int d = 0; d < ndim; d++) {
        t->dims[d] = dims[d];
        t->strides[d] = strides[d];
        t->numel *= dims[d];
    }
    return tgi_scope_adopt(t);
}

void tgi_tensor_free(tg_tensor *t)
{
    t->alive = TGI_DEAD;
    tgi_unref(t->grad);
    if (t->leaf) {
        tgi_hooks_free(t->leaf->hooks);
        tgi_free(t->leaf, sizeof *t->leaf);
    }
    storage_unref(t->storage);
    tgi_pool_count_tensor(t->pool, -1);
    tgi_pool_free(t->pool, t, sizeof *t);
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

int tg_ndim(const tg_tensor *t) { return t ? t->ndim : 0; }
int64_t tg_numel(const tg_tensor *t) { return t ? t->numel : 0; }
int64_t tg_storage_offset(const tg_tensor *t) { return t ? t->offset : 0; }
tg_dtype tg_dtype_of(const tg_tensor *t) { return t ? (tg_dtype)t->dtype : TG_FLOAT32; }
int64_t tg_version(const tg_tensor *t) { return t ? t->storage->version : 0; }

tg_shape tg_shape_of(const tg_tensor *t)
{
    if (t) return tgi_shape(t);
    return tg_shape();
}

/* A missing tensor is an error unless one is pending that explains it. */
static bool present(const char *where, const char *function, const tg_tensor *t)
{
    if (where) tgi_self.where = where;
    if (t && t->alive == TGI_ALIVE) return true;
    if (t)
        tg_fail_at(where, TG_ERROR_VALUE, function, "the tensor was freed when its scope ended");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, function, "the tensor is NULL");
    return false;
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
    return d < 0 ? 0 : t->strides[d];
}

bool tg_is_contiguous(const tg_tensor *t)
{
    if (!t) return false;
    int64_t expected = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (t->dims[d] != 1 && t->strides[d] != expected && t->numel) return false;
        expected *= t->dims[d];
    }
    return true;
}

bool tg_shares_storage(const tg_tensor *a, const tg_tensor *b) { return a && b && a->storage == b->storage; }

/* ---- elements ---- */

static double element(const tg_tensor *t, int64_t index)
{
    const void *data = t->storage->data;
    switch (t->dtype) {
    case TG_FLOAT32: return (double)((const float *)data)[index];
    case TG_FLOAT64: return ((const double *)data)[index];
    case TG_INT64: return (double)((const int64_t *)data)[index];
    default: return ((const bool *)data)[index];
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
    return tgi_ptr(t);
}

tg_status tg_to_array_at(const char *where, const tg_tensor *t, double *out, int64_t count)
{
    if (!present(where, "to_array", t)) return TG_FAILED;
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
            at += t->strides[d];
            if (++index[d] < t->dims[d]) break;
            at -= t->strides[d] * t->dims[d];
            index[d] = 0;
        }
    }
    return TG_OK;
}

/* ---- autograd's view of a tensor ---- */

bool tg_requires_grad(const tg_tensor *t) { return t && tgi_tracked(t); }
bool tg_is_leaf(const tg_tensor *t) { return t && t->origin.serial == 0; }
tg_tensor *tg_grad_of(const tg_tensor *t) { return t ? t->grad : NULL; }

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
    if (!present(where, "set_grad", t)) return TG_FAILED;
    if (!grad && tg_failed()) return TG_FAILED;
    if (grad) {
        const tg_shape have = tgi_shape(grad), want = tgi_shape(t);
        if (grad == t || grad->dtype != t->dtype || !tg_shape_equal(&have, &want)) {
            tg_fail_at(where, TG_ERROR_VALUE, "set_grad",
                       "a gradient has its tensor's shape and dtype, and is not the tensor");
            return TG_FAILED;
        }
        tgi_ref(grad);
    }
    tgi_unref(t->grad);
    t->grad = grad;
    return TG_OK;
}

/* The same storage and version, but a history of its own: none. Writing through it is allowed, and counted. */
tg_tensor *tg_detach_at(const char *where, tg_tensor *t)
{
    if (!present(where, "detach", t)) return NULL;
    tg_tensor *d = tgi_new_view(t, t->ndim, t->dims, t->strides, t->offset);
    if (d) d->is_view = false;
    return d;
}
