/* loss_impl.h: what the files of the loss family share. Internal to ops/. */
#ifndef TG_OPS_LOSS_IMPL_H
#define TG_OPS_LOSS_IMPL_H

#include "loss.h"

TG_EXTERN_C_BEGIN

/* Descriptors that stand outside loss.c, for the family's table. */
extern const tg_op tgi_op_softmax, tgi_op_log_softmax, tgi_op_cross_entropy;

/* False, with an error recorded, when `r` is none of the three. */
bool tgi_reduction_ok(const tg_op *op, tg_tensor_list inputs, tg_reduction r);
/* PyTorch's word for a reduction, 'mean'; false, with an error recorded, for any other. */
bool tgi_reduction_named(const tg_op *op, const char *name, tg_reduction *r);

/* The gradient of nll_loss for an input of shape `size`: an op of its own, recorded when grad mode is on. */
tg_tensor *tgi_nll_loss_backward_at(const char *where, tg_tensor *g, tg_shape size, tg_tensor *target, tg_nll_options options);

/* The gradient of y = log_softmax(x) along `dim` from that of y, by the kernel. Raw: records nothing. NULL is passed
 * on. */
tg_tensor *tgi_log_softmax_backward_raw(tg_tensor *g, tg_tensor *y, int dim);

/* An argument that may be None: its tensor or NULL. */
static inline tg_tensor *tgi_optional(const tg_value *v)
{
    return v->kind == TG_VALUE_TENSOR ? v->as.tensor : NULL;
}

TG_EXTERN_C_END

#endif
