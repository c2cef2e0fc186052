/* tensor.h: the tensor: a strided view of a storage, and its place on the tape.
 *
 * Several tensors may share one storage (views). Elements are float32, float64, int64 or bool; up to 8 dimensions, 0-d
 * and zero-size included. Handles belong to scopes (scope.h): nobody frees them one by one. */
#ifndef TG_CORE_TENSOR_H
#define TG_CORE_TENSOR_H

#include "base.h"
#include "shape.h"

TG_BEGIN_DECLS

/* A list of tensors, counted: `tg_list(a, b, c)`, or `tg_list_of(array, n)`. In C the array of tg_list lives to the end
 * of the block it stands in, in C++ as long as the innermost scope; that of tg_list_of is yours. tg_list_in_scope
 * copies one, for as long as the innermost scope. So does tg_list_cat of two in a row, as of the parameters of two
 * modules: `tg_list_cat(tg_parameters(encoder), tg_parameters(decoder))`; a freed tensor in them
 * is an error. */
typedef struct tg_tensor_list {
    tg_tensor *const *items;
    int64_t count;
} tg_tensor_list;
#define tg_list_of(array, n) (TG_LITERAL(tg_tensor_list){ array, n })
#ifndef __cplusplus
#define tg_list(...) \
    ((tg_tensor_list){ (tg_tensor *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, TGI_COUNTED(__VA_ARGS__) })
#endif

tg_tensor_list tg_list_in_scope(tg_tensor *const *items, int64_t count);
tg_tensor_list tg_list_cat_at(const char *where, tg_tensor_list a, tg_tensor_list b);
#define tg_list_cat(a, b) tg_list_cat_at(TG_HERE, a, b)

/* Tensors under names, counted: the parameters of a module, what a file holds. */
typedef struct tg_named_tensor {
    const char *name; /* "lstm.weight_ih_l0" */
    tg_tensor *tensor;
} tg_named_tensor;
typedef struct tg_named_tensor_list {
    const tg_named_tensor *items;
    int64_t count;
} tg_named_tensor_list;
/* `tg_named_list({ "x", x }, { "y", y })`; in C it lives to the end of the block, in C++ as long as the innermost
 * scope. */
#ifdef __cplusplus
#define tg_named_list(...) (tgi_list_in_scope<tg_named_tensor_list, tg_named_tensor>({ __VA_ARGS__ }))
#else
#define tg_named_list(...)                                                                                            \
    ((tg_named_tensor_list){ (const tg_named_tensor[]){ __VA_ARGS__ },                                                \
                             (int64_t)(sizeof((const tg_named_tensor[]){ __VA_ARGS__ }) / sizeof(tg_named_tensor)) })
#endif

/* ---- what a tensor is ---- (of a NULL tensor: 0, float32, false; never a crash) */
int tg_ndim_at(const char *where, const tg_tensor *t);
#define tg_ndim(t) tg_ndim_at(TG_HERE, t)
int64_t tg_size_at(const char *where, const tg_tensor *t, int64_t dim);    /* negative dims count from the end; 0 on error */
int64_t tg_stride_at(const char *where, const tg_tensor *t, int64_t dim);  /* in elements */
#define tg_size(t, dim)   tg_size_at(TG_HERE, t, dim)
#define tg_stride(t, dim) tg_stride_at(TG_HERE, t, dim)
int64_t tg_numel_at(const char *where, const tg_tensor *t);
int64_t tg_storage_offset_at(const char *where, const tg_tensor *t);       /* in elements */
tg_shape tg_shape_of_at(const char *where, const tg_tensor *t);
tg_dtype tg_dtype_of_at(const char *where, const tg_tensor *t);
bool tg_is_contiguous_at(const char *where, const tg_tensor *t);
bool tg_shares_storage_at(const char *where, const tg_tensor *a, const tg_tensor *b);
#define tg_numel(t)             tg_numel_at(TG_HERE, t)
#define tg_storage_offset(t)    tg_storage_offset_at(TG_HERE, t)
#define tg_shape_of(t)          tg_shape_of_at(TG_HERE, t)
#define tg_dtype_of(t)          tg_dtype_of_at(TG_HERE, t)
#define tg_is_contiguous(t)     tg_is_contiguous_at(TG_HERE, t)
#define tg_shares_storage(a, b) tg_shares_storage_at(TG_HERE, a, b)

/* ---- its elements ---- */
/* The value of a one-element tensor; NaN on error. int64 beyond 2^53 loses digits: tg_item_int64 does not. */
double tg_item_at(const char *where, const tg_tensor *t);
int64_t tg_item_int64_at(const char *where, const tg_tensor *t);
#define tg_item(t)       tg_item_at(TG_HERE, t)
#define tg_item_int64(t) tg_item_int64_at(TG_HERE, t)

/* The first element, in place; the others follow by tg_stride. NULL on error or when the dtype is another one.
 * tg_data is for reading. tg_mutable_data counts as a write: what the tape saved from this storage is damaged. While
 * you hold the pointer you may write at any moment, so nothing derived from the elements is remembered; tg_data_written
 * says that you are done (a weight is then packed once for many products again), and counts as a write, too. */
const void *tg_data_at(const char *where, const tg_tensor *t, tg_dtype dtype);
void *tg_mutable_data_at(const char *where, tg_tensor *t, tg_dtype dtype);
#define tg_data(t, dtype)         tg_data_at(TG_HERE, t, dtype)
#define tg_mutable_data(t, dtype) tg_mutable_data_at(TG_HERE, t, dtype)
void tg_data_written_at(const char *where, tg_tensor *t);
#define tg_data_written(t) tg_data_written_at(TG_HERE, t)

/* Copies all elements, converted to double, in row-major order. `count` must be tg_numel(t). */
tg_status tg_to_array_at(const char *where, const tg_tensor *t, double *out, int64_t count);
#define tg_to_array(t, out, count) tg_to_array_at(TG_HERE, t, out, count)

/* ---- making one: uninitialised; ops/create.h has the others ---- */
tg_tensor *tg_empty_raw(tg_shape shape, tg_dtype dtype);

/* A tensor of elements that are there already, in row-major order, at an address that their size divides
 * (torch.from_blob): nothing is copied, and what is written through one is seen by the other. The memory belongs to the
 * tensor from now on: once neither it nor a view nor the tape needs it, `release` is called with the same address and
 * the context, on whichever thread let go of it last, and must not call tapegrad. Without one (NULL) the memory is the
 * caller's and must live longer. On an error, which returns NULL, nothing is released. What is in such memory does not
 * count in tg_memory_stats. */
typedef void (*tg_release_fn)(void *data, void *context);
tg_tensor *tg_from_memory_at(const char *where, void *data, tg_shape shape, tg_dtype dtype, tg_release_fn release,
                             void *context);
#define tg_from_memory(data, shape, dtype, release, context)                                                          \
    tg_from_memory_at(TG_HERE, data, shape, dtype, release, context)

/* ---- autograd ---- */
bool tg_requires_grad_of_at(const char *where, const tg_tensor *t);
bool tg_is_leaf_at(const char *where, const tg_tensor *t);
#define tg_requires_grad(t) tg_requires_grad_of_at(TG_HERE, t)
#define tg_is_leaf(t)       tg_is_leaf_at(TG_HERE, t)
/* Turns recording on or off for a leaf; returns `t`. A non-leaf can only be detached; only floating dtypes have
 * gradients. */
tg_tensor *tg_requires_grad_at(const char *where, tg_tensor *t, bool requires_grad);
#define tg_requires_grad_(t, requires_grad) tg_requires_grad_at(TG_HERE, t, requires_grad)
/* The accumulated gradient of a leaf (or of a tensor under tg_retain_grad), NULL when there is none. It belongs to
 * `t`. Of a non-leaf without tg_retain_grad there never is one: the line that asks is warned. */
tg_tensor *tg_grad_of_at(const char *where, const tg_tensor *t);
#define tg_grad_of(t) tg_grad_of_at(TG_HERE, t)
/* Puts `grad` (same shape and dtype, or NULL) in its place. */
tg_status tg_set_grad_at(const char *where, tg_tensor *t, tg_tensor *grad);
#define tg_set_grad(t, grad) tg_set_grad_at(TG_HERE, t, grad)
/* A tensor of the same storage that the tape knows nothing of. */
tg_tensor *tg_detach_at(const char *where, tg_tensor *t);
#define tg_detach(t) tg_detach_at(TG_HERE, t)
/* How often the storage was written in place. */
int64_t tg_version_at(const char *where, const tg_tensor *t);
#define tg_version(t) tg_version_at(TG_HERE, t)

TG_END_DECLS

#ifdef __cplusplus
/* The array lives as long as the innermost scope, so that the list may be kept in a variable. */
template <class... T> inline tg_tensor_list tgi_list(T... tensors)
{
    tg_tensor *const items[] = { tensors..., nullptr };
    return tg_list_in_scope(items, sizeof...(T));
}
#define tg_list(...) tgi_list(__VA_ARGS__)
#endif

#endif
