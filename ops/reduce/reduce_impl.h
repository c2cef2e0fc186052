/* reduce_impl.h: what reductions, products and losses share. Internal to ops/. */
#ifndef TG_OPS_REDUCE_REDUCE_IMPL_H
#define TG_OPS_REDUCE_REDUCE_IMPL_H

#include "ops/base/iterate.h"
#include "ops/kernels/reduce/extremes_kernels.h"
#include "ops/kernels/reduce/reduce_kernels.h"

TG_EXTERN_C_BEGIN

/* ---- which dimensions go ---- */

typedef struct tgi_reduction {
    bool reduced[TG_MAX_DIMS];
    bool keepdim;
} tgi_reduction;

/* Reads `dim` (or TG_NO_DIM) or the list `dims`; neither means all. False: an error of `op` was recorded. */
bool tgi_reduction_read(const tg_op *op, tg_tensor *t, int64_t dim, const tg_shape *dims, bool keepdim,
                        tgi_reduction *r);
/* The result's shape. */
tg_shape tgi_reduction_shape(const tgi_reduction *r, const tg_tensor *t);
/* How many elements of a tensor of this shape make one of the result. */
int64_t tgi_reduction_count(const tgi_reduction *r, const tg_shape *shape);
/* A result, or its gradient, with its reduced dimensions put back with size 1 (recorded); and stretched over a tensor
 * of shape `shape`, a view. */
tg_tensor *tgi_reduction_keep(const tgi_reduction *r, const tg_shape *shape, tg_tensor *y);
tg_tensor *tgi_reduction_spread(const tgi_reduction *r, const tg_shape *shape, tg_tensor *y);
/* In extremes.c: the backward of a reduction along one dimension, saved are the indices of its values: g goes there.
 * And that of one over all, saved are input and result: g is spread evenly over the elements that are the result. */
void tgi_reduction_scatter_backward(tg_context *ctx);
void tgi_evenly_backward(tg_context *ctx);
/* The arguments of a generic call: a list of dimensions, or none. */
tg_shape tgi_dims_of(const tg_value *value);
/* The same of a single dimension. */
int64_t tgi_dim_of(const tg_value *value);

/* tg_op.again of ops whose attributes are a tgi_reduction, and whose arguments begin with self, a list of dimensions
 * (or one, or none for all) and keepdim. */
tg_tensor_list tgi_reduction_again(const tg_node *node, tg_tensor_list inputs);
tg_tensor_list tgi_reduction_along_again(const tg_node *node, tg_tensor_list inputs);

/* ---- the loops ---- raw: nothing here is recorded */

/* A tensor as the loops see it; sizes of 1 are left out. */
typedef struct tgi_axes {
    const char *data;
    int dtype;
    int ndim;
    int64_t dims[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS]; /* in bytes */
    bool reduced[TG_MAX_DIMS];
} tgi_axes;

tgi_axes tgi_axes_of(const tg_tensor *t, const bool reduced[TG_MAX_DIMS]);
/* Makes neighbours that are both reduced or both kept one, where the strides allow it. */
void tgi_axes_merge(tgi_axes *l);

/* y = the sum of `t`, whose dimensions in `reduced` are gone from y or of size 1 there. False when memory ran out. */
bool tgi_sum_into(tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y);
/* The same of what `terms` (TGI_SQUARES, ...: reduce_kernels.h) makes of the elements of a floating tensor. */
bool tgi_sum_terms_into(int terms, tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y);

/* The sum (or mean) over the dimensions that `r` says, and of all elements, a 0-d tensor; in t's dtype (int64 for
 * bool). */
tg_tensor *tgi_sum_raw(tg_tensor *t, const tgi_reduction *r, bool mean);
tg_tensor *tgi_sum_all_raw(tg_tensor *t, bool mean);

/* A contiguous copy of `t` with the reduced dimensions moved to the end, or t itself if it is that already. The caller
 * unrefs it. NULL when memory ran out. */
tg_tensor *tgi_own_moved(tg_tensor *t, const bool reduced[TG_MAX_DIMS]);
/* y = the largest or the smallest (TGI_MAX, TGI_MIN) over the dimensions in `reduced`, which have elements; y is
 * contiguous. With `index`, an int64 tensor of the same shape, where it stands, counted in row-major order over the
 * reduced dimensions. False when memory ran out. */
bool tgi_extreme_into(int which, tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y, tg_tensor *index);
/* y = the product of `t`, not of bool, over the dimensions in `reduced`. */
bool tgi_prod_into(tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y);

TG_EXTERN_C_END

#endif
