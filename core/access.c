/* access.c: asking a tensor things: its sizes, its elements, its gradient; and telling when its handle is of no use. */
#include "tensor_impl.h"
#include "thread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

bool tgi_named_list_ok(const char *function, tg_named_tensor_list list)
{
    if (list.count < 0 || (list.count > 0 && !list.items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a list of %lld tensors%s", (long long)list.count,
                   list.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < list.count; i++) {
        if (!list.items[i].name) {
            tg_fail_at(NULL, TG_ERROR_NULL, function, "the name of tensor %lld is NULL", (long long)i);
            return false;
        }
        if (!tgi_handle_ok(function, list.items[i].tensor)) return false;
    }
    return true;
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

void tg_bump_version(tg_tensor *t)
{
    if (!tgi_handle_ok("bump_version", t)) return;
    t->storage->version++;
    t->storage->written_at = tgi_self.where;
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
