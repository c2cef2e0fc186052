/* scan_impl.h: scans that go backwards, and what gradients of products are made of. Internal to ops/. */
#ifndef TG_OPS_SCAN_IMPL_H
#define TG_OPS_SCAN_IMPL_H

#include "iterate.h"

TG_EXTERN_C_BEGIN

/* The running product, from the last index if `reverse`; recorded. NULL is passed on. */
tg_tensor *tgi_cumprod(tg_tensor *t, int dim, bool reverse);

/* y_i = t_(i-1), or t_(i+1) if `reverse`, and `fill` where there is none. Recorded. NULL is passed on. */
tg_tensor *tgi_shifted(tg_tensor *t, int dim, bool reverse, double fill);

TG_EXTERN_C_END

#endif
