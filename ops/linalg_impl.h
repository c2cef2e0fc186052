/* linalg_impl.h: what the ops of linalg.h share. Internal to ops/. */
#ifndef TG_OPS_LINALG_IMPL_H
#define TG_OPS_LINALG_IMPL_H

#include "../core/tensor_impl.h"
#include "linalg.h"
#include "view.h"

TG_EXTERN_C_BEGIN

/* `a` is a batch of square matrices; `name` stands before PyTorch's words if it is not ("linalg.inv"). */
bool tgi_is_square(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const char *name);
/* The same, and of a floating dtype. */
bool tgi_is_square_floating(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const char *name);

/* The matrices of A x X = B or X x A = B fit each other, and their batches broadcast to `batch`. */
bool tgi_equation_fits(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const tg_tensor *b, bool left,
                       const char *name, tg_shape *batch);

/* A contiguous float64 copy of `t`, stretched to `shape`, that the caller may write and gives back with tgi_unref. */
tg_tensor *tgi_own_doubles(tg_tensor *t, const tg_shape *shape);

/* Doubles in `dtype`, contiguous: a result. Raw. */
tg_tensor *tgi_rounded(tg_tensor *doubles, tg_dtype dtype);

/* `shape` with a matrix of the given size behind it. */
tg_shape tgi_shape_with(const tg_shape *batch, int64_t rows, int64_t columns);

static inline tg_shape tgi_matrix_batch(const tg_tensor *t)
{
    tg_shape s = tgi_shape(t);
    s.ndim -= 2;
    return s;
}

static inline tg_tensor *tgi_transposed(tg_tensor *t) { return tg_transpose(t, -2, -1); }

extern const tg_op tgi_op_cholesky, tgi_op_solve_triangular, tgi_op_triangular_solve;

TG_EXTERN_C_END

#endif
