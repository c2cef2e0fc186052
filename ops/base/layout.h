/* layout.h: the one way a view comes to be. Internal to ops/.
 *
 * A view op computes a layout (sizes, strides, offset) from its input's and hands it to tgi_record_view. Nothing here
 * reads or moves an element except tgi_copy_part and tgi_copy_of_part. */
#ifndef TG_OPS_BASE_LAYOUT_H
#define TG_OPS_BASE_LAYOUT_H

#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_layout {
    int ndim;
    int64_t offset; /* in elements, from the start of the storage */
    int64_t dims[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS]; /* in elements */
} tgi_layout;

static inline tgi_layout tgi_layout_of(const tg_tensor *t)
{
    tgi_layout layout; /* what lies beyond its dimensions is never read */
    layout.ndim = t->ndim;
    layout.offset = t->offset;
    for (int d = 0; d < t->ndim; d++) {
        layout.dims[d] = t->dims[d];
        layout.strides[d] = tgi_strides(t)[d];
    }
    return layout;
}

/* A tensor's sizes as [outer, n, inner] around dimension `dim`; all 1 if it has none. */
static inline void tgi_sizes_around(const tg_tensor *t, int dim, int64_t *outer, int64_t *n, int64_t *inner)
{
    *outer = *n = *inner = 1;
    for (int d = 0; d < t->ndim; d++) *(d < dim ? outer : d == dim ? n : inner) *= t->dims[d];
}

/* Keeps `length` indices of dimension `dim`: start, start + step, ... */
void tgi_layout_slice(tgi_layout *layout, int dim, int64_t start, int64_t length, int64_t step);
/* Keeps one index of dimension `dim`, which goes. */
void tgi_layout_select(tgi_layout *layout, int dim, int64_t index);
/* Puts a dimension of size 1 before dimension `dim`. There must be room for it. */
void tgi_layout_unsqueeze(tgi_layout *layout, int dim);

/* Another tensor of t's storage, known as a view but not recorded. NULL with an error pending. */
tg_tensor *tgi_make_view(tg_tensor *t, const tgi_layout *layout);
/* The same, recorded as op(t). */
tg_tensor *tgi_record_view(const tg_op *op, tg_tensor *t, const tgi_layout *layout, const void *attributes,
                           size_t attributes_size);
/* Copies `from` into the part of `to` that `part` describes. Records nothing. */
tg_status tgi_copy_part(tg_tensor *to, const tgi_layout *part, tg_tensor *from);
/* A new tensor, a copy of the part of `from` that `part` describes; NULL when memory ran out. Records nothing. */
tg_tensor *tgi_copy_of_part(tg_tensor *from, const tgi_layout *part);

/* Zeros of `shape` with `diagonal` on a diagonal of dim1 and dim2: the gradient of diagonal, recorded when grad mode is
 * on. The dimensions count from the front, and the diagonal's shape is right. */
tg_tensor *tgi_on_diagonal(tg_tensor *diagonal, tg_shape shape, int64_t offset, int dim1, int dim2);

/* ---- checks that several ops share; each records an error of `op` ---- */
/* `dim` counted from the end when negative; -1 and PyTorch's "Dimension out of range" when a tensor of `ndim`
 * dimensions has no such one. */
int tgi_op_dim(const tg_op *op, tg_tensor_list inputs, int64_t dim, int ndim);
/* The list has at most TG_MAX_DIMS entries. */
bool tgi_op_list_fits(const tg_op *op, tg_tensor_list inputs, const tg_shape *list);
/* There is room for one dimension more. */
bool tgi_op_can_grow(const tg_op *op, tg_tensor_list inputs, int ndim);
/* The product of the sizes, none negative; -1 and an error when it, or a stride, does not fit in 63 bits. */
int64_t tgi_op_numel(const tg_op *op, tg_tensor_list inputs, const tg_shape *shape);

TG_EXTERN_C_END

#endif
