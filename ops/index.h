/* index.h: elements picked by index tensors (int64) or masks (bool), and the ops that put them back.
 *
 * Indices are checked; where one comes twice, index_add and an accumulating index_put add both, the other writing ops
 * keep the last. Sums are made in the order of the index, whatever the number of threads. Forms that end in `_` write
 * their first argument. */
#ifndef TG_OPS_INDEX_H
#define TG_OPS_INDEX_H

#include "../core/op.h"
#include "operand.h"

TG_BEGIN_DECLS

/* y[i][j] = t[index[i][j]][j] for dim 0; y has index's shape, which is no larger than t's but in `dim`. */
tg_tensor *tg_gather_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index);
/* The entries of dimension `dim` that a vector of indices names. */
tg_tensor *tg_index_select_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index);
/* Elements counted in row-major order, from the end if negative; y has index's shape. */
tg_tensor *tg_take_at(const char *where, tg_tensor *t, tg_tensor *index);
/* gather with the other dimensions broadcast; TG_NO_DIM: of the flattened tensor. */
tg_tensor *tg_take_along_dim_at(const char *where, tg_tensor *t, tg_tensor *indices, int64_t dim);
#define tg_gather(t, dim, index)       tg_gather_at(TG_HERE, t, dim, index)
#define tg_index_select(t, dim, index) tg_index_select_at(TG_HERE, t, dim, index)
#define tg_take(t, index)              tg_take_at(TG_HERE, t, index)
/* `tg_take_along_dim(t, indices)`, `tg_take_along_dim(t, indices, 1)` */
#define tg_take_along_dim(t, indices, ...)                                                                            \
    tg_take_along_dim_at(TG_HERE, t, indices, TG_OR(TG_NO_DIM __VA_OPT__(,) __VA_ARGS__))

/* Python's t[i0, :, i1]: `tg_index(t, tg_list(i0, NULL, i1))`. Index tensors are broadcast together, may count from the
 * end, and may be masks; NULL is a whole dimension, as are those that are left out. Their common dimensions stand where
 * the first index stood, or in front if a NULL stands between two. */
tg_tensor *tg_index_at(const char *where, tg_tensor *t, tg_tensor_list indices);
#define tg_index(t, indices) tg_index_at(TG_HERE, t, indices)

typedef struct tg_index_put_options {
    bool accumulate;   /* add to what is there */
    TG_OPTIONS_END
} tg_index_put_options;
#define TG_INDEX_PUT_DEFAULTS /* accumulate */ false TG_DEFAULTS_END
#define TG_INDEX_PUT_OPTIONS(...) TG_OPTIONS(tg_index_put_options, TG_INDEX_PUT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* t with `values` at t[indices], to whose shape they are broadcast. */
tg_tensor *tg_index_put_at(const char *where, tg_tensor *t, tg_tensor_list indices, tg_operand values, tg_index_put_options options);
tg_tensor *tg_index_put_in_place_at(const char *where, tg_tensor *t, tg_tensor_list indices, tg_operand values, tg_index_put_options options);
#define tg_index_put(t, indices, values, ...)                                                                         \
    tg_index_put_at(TG_HERE, t, indices, TG_OPERAND(values), TG_INDEX_PUT_OPTIONS(__VA_ARGS__))
#define tg_index_put_(t, indices, values, ...)                                                                        \
    tg_index_put_in_place_at(TG_HERE, t, indices, TG_OPERAND(values), TG_INDEX_PUT_OPTIONS(__VA_ARGS__))

typedef struct tg_index_add_options {
    double alpha;      /* source is multiplied by it */
    TG_OPTIONS_END
} tg_index_add_options;
#define TG_INDEX_ADD_DEFAULTS /* alpha */ 1.0 TG_DEFAULTS_END
#define TG_INDEX_ADD_OPTIONS(...) TG_OPTIONS(tg_index_add_options, TG_INDEX_ADD_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* t with the entries of dimension `dim` that a vector of indices names changed: index_add adds those of `source`,
 * index_copy copies them there, index_fill writes a value. index_fill counts negative indices from the end. */
tg_tensor *tg_index_add_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source, tg_index_add_options options);
tg_tensor *tg_index_copy_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source);
tg_tensor *tg_index_fill_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand value);
tg_tensor *tg_index_add_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source, tg_index_add_options options);
tg_tensor *tg_index_copy_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source);
tg_tensor *tg_index_fill_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand value);
#define tg_index_add(t, dim, index, source, ...)                                                                      \
    tg_index_add_at(TG_HERE, t, dim, index, source, TG_INDEX_ADD_OPTIONS(__VA_ARGS__))
#define tg_index_add_(t, dim, index, source, ...)                                                                     \
    tg_index_add_in_place_at(TG_HERE, t, dim, index, source, TG_INDEX_ADD_OPTIONS(__VA_ARGS__))
#define tg_index_copy(t, dim, index, source)  tg_index_copy_at(TG_HERE, t, dim, index, source)
#define tg_index_copy_(t, dim, index, source) tg_index_copy_in_place_at(TG_HERE, t, dim, index, source)
#define tg_index_fill(t, dim, index, value)   tg_index_fill_at(TG_HERE, t, dim, index, TG_OPERAND(value))
#define tg_index_fill_(t, dim, index, value)  tg_index_fill_in_place_at(TG_HERE, t, dim, index, TG_OPERAND(value))

/* masked_select: the elements where the mask is true, in row-major order; masked_scatter: t with those elements taken
 * from `source`, in that order. Tensor and mask are broadcast together (in place: the mask to the tensor). */
tg_tensor *tg_masked_select_at(const char *where, tg_tensor *t, tg_tensor *mask);
tg_tensor *tg_masked_scatter_at(const char *where, tg_tensor *t, tg_tensor *mask, tg_tensor *source);
tg_tensor *tg_masked_scatter_in_place_at(const char *where, tg_tensor *t, tg_tensor *mask, tg_tensor *source);
#define tg_masked_select(t, mask)           tg_masked_select_at(TG_HERE, t, mask)
#define tg_masked_scatter(t, mask, source)  tg_masked_scatter_at(TG_HERE, t, mask, source)
#define tg_masked_scatter_(t, mask, source) tg_masked_scatter_in_place_at(TG_HERE, t, mask, source)

/* nonzero: where the elements are that are not 0, [n, ndim] of indices in row-major order; nonzero_tuple: the same as a
 * list of ndim vectors, which tg_index takes. */
tg_tensor *tg_nonzero_at(const char *where, tg_tensor *t);
tg_tensor_list tg_nonzero_tuple_at(const char *where, tg_tensor *t);
#define tg_nonzero(t)       tg_nonzero_at(TG_HERE, t)
#define tg_nonzero_tuple(t) tg_nonzero_tuple_at(TG_HERE, t)

/* [*] of classes to [*, num_classes] of 0 and 1, int64; num_classes is one more than the largest class when left
 * out. */
tg_tensor *tg_one_hot_at(const char *where, tg_tensor *t, int64_t num_classes);
#define tg_one_hot(t, ...) tg_one_hot_at(TG_HERE, t, TG_OR(-1 __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
