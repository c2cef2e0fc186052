/* softmax_impl.h: what losses take of softmax. Internal to ops/. */
#ifndef TG_OPS_LAYERS_SOFTMAX_IMPL_H
#define TG_OPS_LAYERS_SOFTMAX_IMPL_H

#include "ops/loss.h"

TG_EXTERN_C_BEGIN

/* The gradient of y = log_softmax(x) along `dim` from that of y, by the kernel. Raw: records nothing. NULL is passed
 * on. */
tg_tensor *tgi_log_softmax_backward_raw(tg_tensor *g, tg_tensor *y, int dim);

TG_EXTERN_C_END

#endif
