/* moments_impl.h: what the files of moments.h share. Internal to ops/. */
#ifndef TG_OPS_MOMENTS_IMPL_H
#define TG_OPS_MOMENTS_IMPL_H

#include "kernels/functions_kernels.h"
#include "kernels/pointwise_kernels.h"
#include "reduce_impl.h"

TG_EXTERN_C_BEGIN

/* y = row(a) and y = row(a, b), TGI_ROW naming the row, broadcast to y's shape. Raw: records nothing. y may be a or b. */
static inline void tgi_apply_unary(const tgi_row_loops *row, tg_tensor *y, tg_tensor *a)
{
    tg_tensor *const operands[] = { y, a };
    tgi_iterate(row->forward[a->dtype], 2, operands);
}
static inline void tgi_apply_binary(const tgi_row_loops *row, tg_tensor *y, tg_tensor *a, tg_tensor *b)
{
    tg_tensor *const operands[] = { y, a, b };
    tgi_iterate(row->forward[a->dtype], 3, operands);
}

extern const tg_op tgi_op_prod, tgi_op_norm, tgi_op_linalg_vector_norm, tgi_op_logsumexp;
extern const tg_op tgi_op_median, tgi_op_nanmedian, tgi_op_median_dim, tgi_op_nanmedian_dim;

TG_EXTERN_C_END

#endif
