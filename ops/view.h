/* view.h: other shapes for the same elements. All but clone, contiguous, to and repeat (which copy when they must) are
 * views: they share storage. Negative dims count from the end. */
#ifndef TG_OPS_VIEW_H
#define TG_OPS_VIEW_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

/* The same elements in row-major order under another shape; one size may be -1. view never copies and fails on strides
 * that do not allow it; reshape copies then. */
tg_tensor *tg_view_at(const char *where, tg_tensor *t, tg_shape shape);
tg_tensor *tg_reshape_at(const char *where, tg_tensor *t, tg_shape shape);
/* Dimensions start_dim..end_dim made one: `tg_flatten(x, 1, -1)`. */
tg_tensor *tg_flatten_at(const char *where, tg_tensor *t, int64_t start_dim, int64_t end_dim);
tg_tensor *tg_transpose_at(const char *where, tg_tensor *t, int64_t dim0, int64_t dim1);
tg_tensor *tg_permute_at(const char *where, tg_tensor *t, tg_shape dims);
tg_tensor *tg_t_at(const char *where, tg_tensor *t);                    /* 2-D or less */
/* squeeze removes dimension `dim` if its size is 1; TG_NO_DIM: all of size 1. */
tg_tensor *tg_squeeze_at(const char *where, tg_tensor *t, int64_t dim);
tg_tensor *tg_unsqueeze_at(const char *where, tg_tensor *t, int64_t dim);
/* Sizes of 1 stretched without a copy (-1 keeps a size); repeat copies the tensor that many times along each
 * dimension. */
tg_tensor *tg_expand_at(const char *where, tg_tensor *t, tg_shape shape);
tg_tensor *tg_repeat_at(const char *where, tg_tensor *t, tg_shape repeats);
/* x[.., index, ..]; x[.., start : start + length, ..]; x[.., start : end : step, ..] with Python's clamping. */
tg_tensor *tg_select_at(const char *where, tg_tensor *t, int64_t dim, int64_t index);
tg_tensor *tg_narrow_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t length);
tg_tensor *tg_slice_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t end, int64_t step);
/* A contiguous copy; the tensor itself if it is contiguous, else a copy; the tensor itself if it has the dtype, else a
 * copy. */
tg_tensor *tg_clone_at(const char *where, tg_tensor *t);
tg_tensor *tg_contiguous_at(const char *where, tg_tensor *t);
tg_tensor *tg_to_at(const char *where, tg_tensor *t, tg_dtype dtype);

#define tg_view(t, shape)                   tg_view_at(TG_HERE, t, shape)
#define tg_reshape(t, shape)                tg_reshape_at(TG_HERE, t, shape)
/* `tg_flatten(t)`, `tg_flatten(t, 1)`, `tg_flatten(t, 1, 2)` */
#define tg_flatten(t, ...)                  tg_flatten_at(TG_HERE, t, TG_OR(0 __VA_OPT__(,) __VA_ARGS__), TG_OR2(-1 __VA_OPT__(,) __VA_ARGS__))
#define tg_transpose(t, dim0, dim1)         tg_transpose_at(TG_HERE, t, dim0, dim1)
#define tg_permute(t, dims)                 tg_permute_at(TG_HERE, t, dims)
#define tg_t(t)                             tg_t_at(TG_HERE, t)
#define tg_squeeze(t, ...)                  tg_squeeze_at(TG_HERE, t, TG_OR(TG_NO_DIM __VA_OPT__(,) __VA_ARGS__))
#define tg_unsqueeze(t, dim)                tg_unsqueeze_at(TG_HERE, t, dim)
#define tg_expand(t, shape)                 tg_expand_at(TG_HERE, t, shape)
#define tg_repeat(t, repeats)               tg_repeat_at(TG_HERE, t, repeats)
#define tg_select(t, dim, index)            tg_select_at(TG_HERE, t, dim, index)
#define tg_narrow(t, dim, start, length)    tg_narrow_at(TG_HERE, t, dim, start, length)
#define tg_slice(t, dim, start, end, ...)   tg_slice_at(TG_HERE, t, dim, start, end, TG_OR(1 __VA_OPT__(,) __VA_ARGS__))
#define tg_clone(t)                         tg_clone_at(TG_HERE, t)
#define tg_contiguous(t)                    tg_contiguous_at(TG_HERE, t)
#define tg_to(t, dtype)                     tg_to_at(TG_HERE, t, dtype)

TG_END_DECLS

#endif
