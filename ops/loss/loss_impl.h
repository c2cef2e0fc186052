/* loss_impl.h: what the files of the loss family share. Internal to ops/. */
#ifndef TG_OPS_LOSS_LOSS_IMPL_H
#define TG_OPS_LOSS_LOSS_IMPL_H

#include "ops/kernels/rows/loss_kernels.h"
#include "ops/loss.h"
#include "ops/rows/row.h"

TG_EXTERN_C_BEGIN

/* ---- reductions ---- */

/* False, with an error recorded, when `r` is none of the three; batchmean is kl_div's alone. */
bool tgi_reduction_ok(const tg_op *op, tg_tensor_list inputs, tg_reduction r);
/* PyTorch's word for a reduction, 'mean'; false, with an error recorded, for any other. */
bool tgi_reduction_named(const tg_op *op, const char *name, tg_reduction *r);
/* `each` as it is, its mean or its sum. NULL is passed on. */
tg_tensor *tgi_reduced(tg_tensor *each, tg_reduction r);

/* ---- checks ---- */

/* What PyTorch warns of, in those losses that broadcast. */
void tgi_warn_of_sizes(const char *where, const tg_tensor *input, const tg_tensor *target);
/* False, with PyTorch's error recorded, when a gradient is wanted of an argument that has none; NULL is fine. */
bool tgi_constant_ok(const tg_op *op, tg_tensor_list inputs, const char *function, const char *argument,
                     const tg_tensor *t);
/* False, with PyTorch's error recorded, when `t` would broadcast `shape` to another one. */
bool tgi_fits_into(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const tg_shape *shape);

/* ---- the rows of loss.def ---- */

#define TG_LOSS(name, ...) extern const tgi_row tgi_loss_##name;
#include "ops/loss.def"

/* The loss of a row between a and b, with a parameter or NULL, reduced: one node of `op`, whose
 * backwards are those below, as is its tg_op.again. Shapes are broadcast, dtypes promoted; none may be an integer. */
tg_tensor *tgi_row_loss(const tg_op *op, const tgi_row *row, tg_tensor *a, tg_tensor *b, tg_tensor *parameter, tg_reduction r);
tg_tensor_list tgi_row_loss_again(const tg_node *node, tg_tensor_list inputs);
void tgi_row_loss_backward(tg_context *ctx);
void tgi_row_loss_backward_fused(tg_context *ctx);
/* A parameter that is one number, for inputs a and b. */
tg_tensor *tgi_row_parameter(const tg_tensor *a, const tg_tensor *b, double value);

/* ---- what files share beyond that ---- */

/* nll_loss whose errors name `op`. */
tg_tensor *tgi_nll_loss(const char *where, const tg_op *op, tg_tensor *input, tg_tensor *target, tg_nll_options options);

/* The gradient of nll_loss for an input of shape `size`: an op of its own, recorded when grad mode is on. */
tg_tensor *tgi_nll_loss_backward_at(const char *where, tg_tensor *g, tg_shape size, tg_tensor *target, tg_nll_options options);

TG_EXTERN_C_END

#endif
