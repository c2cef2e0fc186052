/* index_impl.h: what the ops that an index tensor steers share. Internal to ops/. */
#ifndef TG_OPS_INDEX_INDEX_IMPL_H
#define TG_OPS_INDEX_INDEX_IMPL_H

#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/kernels/index/index_kernels.h"

TG_EXTERN_C_BEGIN

/* For each element of the box: y = x[index] (gather) or y[index] = y[index] combined with x (scatter). In dimension
 * `dim` the one that is indexed goes where index says. x, y and index have the box's dimensions, and at least its sizes
 * but there; a 0-d x is the same everywhere. The box has at least one dimension; a 0-d tensor is one of size 1. */
typedef struct tgi_indexing {
    tgi_index_loop loop;
    bool scatter;
    bool checked; /* every index is known to be in range */
    bool vector; /* index has dimension `dim` alone, and is the same along all others */
    tg_shape box;
    int dim;
    tg_tensor *index, *x, *y;
} tgi_indexing;

/* Does it, on several threads if there is much to do. Where several elements of x come to the same place, they do so in
 * the order of `dim`, whatever the threads. False: an index is out of range (no error is recorded yet), and y was
 * written in part. */
bool tgi_index_run(const tgi_indexing *indexing);

/* True when all indices are in [0, size). */
bool tgi_index_in_range(tg_tensor *index, int64_t size);
/* The first index, in row-major order, that is not in [low, high); there is one. */
int64_t tgi_index_first_bad(tg_tensor *index, int64_t low, int64_t high);

/* The indices flattened, `size` added to those below 0. Raw: records nothing. NULL on failure. */
tg_tensor *tgi_index_wrapped(tg_tensor *index, int64_t size);

/* Sizes with a 0-d tensor as one of size 1; its stride is 0. */
static inline int64_t tgi_size_along(const tg_tensor *t, int dim) { return t->ndim ? t->dims[dim] : 1; }

/* An op that writes part of a tensor: `x`, a number or of the box's shape, is combined into `self`, or into a copy. */
typedef struct tgi_index_write {
    const tg_op *op;
    int kernel; /* TGI_SCATTER_... */
    bool in_place, vector;
    int dim;
    tg_tensor *self, *index, *x;
    /* Records the error that an index is not in [0, size). */
    void (*refuse)(const struct tgi_index_write *w, int64_t bad, int64_t size);
} tgi_index_write;

/* Does it, but does not record it: self, written in place under PyTorch's rules, or a new tensor. NULL on failure. */
tg_tensor *tgi_index_write_run(tgi_index_write *w);
/* Records op(self, index, x) = y, with the index saved and `dim` as attribute: y, or NULL. */
/* tg_op.again of ops on self, a dimension, index and what is written: not where that was a number. */
tg_tensor_list tgi_index_write_again(const tg_node *node, tg_tensor_list inputs);
tg_tensor *tgi_index_write_record(const tgi_index_write *w, tg_tensor *y, bool number);
/* An op's NAME_ whose result `y` was made by the ops: writes it to `self`. NULL is passed on. */
tg_tensor *tgi_write_result(const tg_op *op, tg_tensor *self, tg_tensor *y);
void tgi_write_result_backward(tg_context *ctx);

/* ---- scatter_add.c and reduce/scatter_reduce.c ---- */
/* The dimension, if self, index and src (NULL: a number) go together; else -1 and PyTorch's error. */
int tgi_scatter_dim(const tg_op *op, tg_tensor *self, int64_t dim, tg_tensor *index, tg_tensor *src);
/* The part of src that index says where to send: views. */
tg_tensor *tgi_scatter_cut(tg_tensor *src, const tg_tensor *index);
/* The error that an index is out of bounds, in the words of scatter. */
void tgi_scatter_refuse(const tgi_index_write *w, int64_t bad, int64_t size);
/* scatter or scatter_add (`kernel`: TGI_SCATTER_...) along a checked dimension, recorded as `op`. NULL is passed on. */
tg_tensor *tgi_scatter_run(const tg_op *op, int kernel, bool in_place, tg_tensor *self, int dim, tg_tensor *index,
                           tg_tensor *src);

/* scatter_add of `src` into zeros of `shape` along `dim`: the gradient of gather. And index_add into such zeros, the
 * gradient of index_select. Recorded when grad mode is on; NULL is passed on. */
tg_tensor *tgi_scatter_add_zeros(tg_shape shape, int dim, tg_tensor *index, tg_tensor *src);
tg_tensor *tgi_index_add_zeros(tg_shape shape, int dim, tg_tensor *index, tg_tensor *source);

TG_EXTERN_C_END

#endif
