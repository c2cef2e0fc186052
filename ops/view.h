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
/* expand stretches sizes of 1 without a copy (-1 keeps a size); repeat copies the tensor that many times along each
 * dimension. */
tg_tensor *tg_expand_at(const char *where, tg_tensor *t, tg_shape shape);
tg_tensor *tg_repeat_at(const char *where, tg_tensor *t, tg_shape repeats);
/* select: x[.., index, ..]; narrow: x[.., start : start + length, ..]; slice: x[.., start : end : step, ..] as in
 * Python,
 * where step may be left out, or both: `tg_slice(x, 0, -3)` is x[-3:], `tg_slice(x, 0, 1, INT64_MAX, 2)` x[1::2]. */
tg_tensor *tg_select_at(const char *where, tg_tensor *t, int64_t dim, int64_t index);
tg_tensor *tg_narrow_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t length);
tg_tensor *tg_slice_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t end, int64_t step);
/* clone: a contiguous copy. contiguous: the tensor itself if it is contiguous, else a copy. to: the tensor itself if it
 * has the dtype, else a converted copy. */
tg_tensor *tg_clone_at(const char *where, tg_tensor *t);
tg_tensor *tg_contiguous_at(const char *where, tg_tensor *t);
tg_tensor *tg_to_at(const char *where, tg_tensor *t, tg_dtype dtype);

/* Other names and shorthands. view_as and expand_as take the shape of another tensor; unflatten makes one dimension
 * several; movedim moves dimensions to other places; ravel flattens; atleast_Nd adds dimensions of size 1. */
tg_tensor *tg_view_as_at(const char *where, tg_tensor *t, tg_tensor *other);
tg_tensor *tg_expand_as_at(const char *where, tg_tensor *t, tg_tensor *other);
tg_tensor *tg_broadcast_to_at(const char *where, tg_tensor *t, tg_shape shape);
tg_tensor *tg_unflatten_at(const char *where, tg_tensor *t, int64_t dim, tg_shape sizes);
tg_tensor *tg_movedim_at(const char *where, tg_tensor *t, tg_shape source, tg_shape destination);
tg_tensor *tg_swapaxes_at(const char *where, tg_tensor *t, int64_t axis0, int64_t axis1);
tg_tensor *tg_swapdims_at(const char *where, tg_tensor *t, int64_t dim0, int64_t dim1);
tg_tensor *tg_ravel_at(const char *where, tg_tensor *t);
tg_tensor *tg_squeeze_dims_at(const char *where, tg_tensor *t, tg_shape dims);
tg_tensor *tg_atleast_1d_at(const char *where, tg_tensor *t);
tg_tensor *tg_atleast_2d_at(const char *where, tg_tensor *t);
tg_tensor *tg_atleast_3d_at(const char *where, tg_tensor *t);

typedef struct tg_as_strided_options {
    int64_t storage_offset;   /* in elements, from the storage's start; TG_NO_DIM: the tensor's own */
    TG_OPTIONS_END
} tg_as_strided_options;
#define TG_AS_STRIDED_DEFAULTS /* storage_offset */ TG_NO_DIM TG_DEFAULTS_END
#define TG_AS_STRIDED_OPTIONS(...) TG_OPTIONS(tg_as_strided_options, TG_AS_STRIDED_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Any sizes and strides (in elements) of the same storage; elements may coincide. */
tg_tensor *tg_as_strided_at(const char *where, tg_tensor *t, tg_shape size, tg_shape stride, tg_as_strided_options options);

typedef struct tg_diagonal_options {
    int64_t offset;        /* above the main diagonal, or below if negative */
    int64_t dim1, dim2;
    TG_OPTIONS_END
} tg_diagonal_options;
#define TG_DIAGONAL_DEFAULTS /* offset */ 0, /* dim1 */ 0, /* dim2 */ 1 TG_DEFAULTS_END
#define TG_DIAGONAL_OPTIONS(...) TG_OPTIONS(tg_diagonal_options, TG_DIAGONAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The diagonal of two dimensions, as a last one. */
tg_tensor *tg_diagonal_at(const char *where, tg_tensor *t, tg_diagonal_options options);

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
#define tg_slice(t, dim, start, ...)                                                                                  \
    tg_slice_at(TG_HERE, t, dim, start, TG_OR(INT64_MAX __VA_OPT__(,) __VA_ARGS__), TG_OR2(1 __VA_OPT__(,) __VA_ARGS__))
#define tg_clone(t)                         tg_clone_at(TG_HERE, t)
#define tg_contiguous(t)                    tg_contiguous_at(TG_HERE, t)
#define tg_to(t, dtype)                     tg_to_at(TG_HERE, t, dtype)
#define tg_view_as(t, other)                tg_view_as_at(TG_HERE, t, other)
#define tg_expand_as(t, other)              tg_expand_as_at(TG_HERE, t, other)
#define tg_broadcast_to(t, shape)           tg_broadcast_to_at(TG_HERE, t, shape)
#define tg_unflatten(t, dim, sizes)         tg_unflatten_at(TG_HERE, t, dim, sizes)
#define tg_movedim(t, source, destination)  tg_movedim_at(TG_HERE, t, source, destination)
#define tg_swapaxes(t, axis0, axis1)        tg_swapaxes_at(TG_HERE, t, axis0, axis1)
#define tg_swapdims(t, dim0, dim1)          tg_swapdims_at(TG_HERE, t, dim0, dim1)
#define tg_ravel(t)                         tg_ravel_at(TG_HERE, t)
#define tg_squeeze_dims(t, dims)            tg_squeeze_dims_at(TG_HERE, t, dims)
#define tg_atleast_1d(t)                    tg_atleast_1d_at(TG_HERE, t)
#define tg_atleast_2d(t)                    tg_atleast_2d_at(TG_HERE, t)
#define tg_atleast_3d(t)                    tg_atleast_3d_at(TG_HERE, t)
#define tg_as_strided(t, size, stride, ...) tg_as_strided_at(TG_HERE, t, size, stride, TG_AS_STRIDED_OPTIONS(__VA_ARGS__))
#define tg_diagonal(t, ...)                 tg_diagonal_at(TG_HERE, t, TG_DIAGONAL_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
