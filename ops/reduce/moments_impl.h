/* moments_impl.h: what the files of moments.h share. Internal to ops/. */
#ifndef TG_OPS_REDUCE_MOMENTS_IMPL_H
#define TG_OPS_REDUCE_MOMENTS_IMPL_H

#include "ops/kernels/rows/functions_kernels.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "reduce_impl.h"

TG_EXTERN_C_BEGIN

/* y = row(a) and y = row(a, b), TGI_ROW naming the row, broadcast to y's shape. Raw: records nothing. y may be a or
 * b. */
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

/* The p-norm of x over the dimensions that go, for any real p and both infinities; of nothing, 0. Whatever fits comes
 * out, also where the powers do not fit. Raw. */
tg_tensor *tgi_norm_raw(const tgi_reduction *over, double p, tg_tensor *x);
/* In ops: its gradient by x from g, that of y, both with size 1 in the dimensions that are gone. Where the norm is 0 it
 * is 0. For p = +-inf each extreme element gets g, or, given the reduction, their share of it. */
tg_tensor *tgi_norm_gradient(tg_tensor *g, tg_tensor *x, tg_tensor *y, double p, const tgi_reduction *shared);

/* What torch.linalg's norm of this name asks of the dtype in which it is computed: floating, not narrower than t's. */
bool tgi_norm_dtype_fits(const tg_op *op, tg_tensor *t, tg_dtype dtype, const char *name);

/* x less its mean over these dimensions, exact where the mean has more digits than x; recorded. */
tg_tensor *tgi_center(tg_tensor *x, const tg_shape *dims);

TG_EXTERN_C_END

#endif
