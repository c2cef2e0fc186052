/* matmul_impl.h: what the ops that multiply matrices share, and the matrix product as the engine uses it. Internal to
 * ops/. */
#ifndef TG_OPS_LINEAR_MATMUL_IMPL_H
#define TG_OPS_LINEAR_MATMUL_IMPL_H

#include "core/autograd.h"
#include "core/tensor_impl.h"
#include "ops/view.h"

TG_EXTERN_C_BEGIN

/* The engine's add_products (autograd.h): one product of a long k. `sum` overlaps no factor. */
tg_status tgi_add_products(tg_tensor *sum, bool accumulate, const tg_product *products, int64_t count);

/* c = a b (+ bias along c's last dimension) (+ addend, like c and contiguous; without a batch only its rows need be
 * so), for operands as matmul takes them and the common shape `batch` of their batches; a matrix b may be taken
 * transposed, which saves who has bT a view. Raw: records nothing. False: no memory. */
bool tgi_multiply(tg_tensor *a, tg_tensor *b, bool transpose_b, const tg_shape *batch, tg_tensor *bias,
                  tg_tensor *addend, tg_tensor *c);

/* addend + linear(x, weight, bias): the same two nodes on the tape and the same bits, in one pass where that goes. */
tg_tensor *tgi_linear_onto(tg_tensor *addend, tg_tensor *x, tg_tensor *weight, tg_tensor *bias);

/* The bias as tgi_multiply wants it, one contiguous value for each of n columns; a reference to give back. */
tg_tensor *tgi_bias_row(tg_tensor *bias, int64_t n);

/* Sets the gradients of a product's factors, which are the inputs `first` and the next one and were saved as 0 and 1.
 * `fused`: as products that the engine may add up with others, where that is possible. */
void tgi_product_backward(tg_context *ctx, int first, bool fused);

/* ---- checks, in PyTorch's words ---- */

/* Both of one dtype for which there are products. */
bool tgi_products_exist(const tg_op *op, tg_tensor *a, tg_tensor *b);
tg_tensor *tgi_fail_cannot_multiply(const tg_op *op, tg_tensor_list inputs, int64_t m, int64_t k, int64_t k2,
                                    int64_t n);

/* Two batches of matrices, as many and with sizes that can be multiplied. */
bool tgi_batches_match(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const tg_tensor *b);

/* ---- vectors, matrices, batches ---- */

static inline int tgi_leading_dims(const tg_tensor *t) { return t->ndim > 2 ? t->ndim - 2 : 0; }

/* The batch dimensions of `t`. */
static inline tg_shape tgi_batch_of(const tg_tensor *t)
{
    tg_shape s = { tgi_leading_dims(t), { 0 } };
    for (int d = 0; d < s.ndim; d++) s.dims[d] = t->dims[d];
    return s;
}

/* The product of all sizes but the last. */
static inline int64_t tgi_rows_of(const tg_tensor *t)
{
    int64_t rows = 1;
    for (int d = 0; d < t->ndim - 1; d++) rows *= t->dims[d];
    return rows;
}

/* `t` with a dimension of size 1 put in at `dim` if `missing`: vectors become rows or columns here. */
static inline tg_tensor *tgi_as_matrix(tg_tensor *t, bool missing, int64_t dim)
{
    return missing ? tg_unsqueeze(t, dim) : t;
}

/* The leading dimensions of a matrix or batch made one. */
static inline tg_tensor *tgi_tall(tg_tensor *t)
{
    return t && t->ndim > 2 ? tg_reshape(t, tg_shape(tgi_rows_of(t), t->dims[t->ndim - 1])) : t;
}

TG_EXTERN_C_END

#endif
