/* scan_impl.h: scans that go backwards, and what gradients of products are made of. Internal to ops/. */
#ifndef TG_OPS_REDUCE_SCAN_IMPL_H
#define TG_OPS_REDUCE_SCAN_IMPL_H

#include "ops/base/iterate.h"

TG_EXTERN_C_BEGIN

/* The running product, from the last index if `reverse`; recorded. NULL is passed on. */
tg_tensor *tgi_cumprod(tg_tensor *t, int dim, bool reverse);

/* y_i = the product along dimension `dim` of all but t_i; raw. NULL is passed on. */
tg_tensor *tgi_products_of_others(tg_tensor *t, int dim);

/* y_i = t_(i-1), or t_(i+1) if `reverse`, and `fill` where there is none. Recorded. NULL is passed on. */
tg_tensor *tgi_shifted(tg_tensor *t, int dim, bool reverse, double fill);

/* y_i = terms_i + factors_i y_(i-1), or y_(i+1) if `reverse`; y is 0 beyond the ends, where the factor is not looked
 * at. Recorded. NULL is passed on. */
tg_tensor *tgi_linear_recurrence(tg_tensor *terms, tg_tensor *factors, int dim, bool reverse);

/* Of products, contiguous: none is 0, not even for want of range, nor infinite nor NaN. Then a product over one of its
 * factors is as good as the product of the others. */
bool tgi_products_divide(const tg_tensor *y);

TG_EXTERN_C_END

#endif
