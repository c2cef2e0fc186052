/* fuse.h: a layer and the batch norm behind it as one layer, for inference: torch.nn.utils.fusion.
 *
 *     tg_module_eval(net);
 *     tg_conv *fused = tg_fuse_conv_bn_eval(net->conv, net->bn);
 */
#ifndef TG_NN_FUSE_H
#define TG_NN_FUSE_H

#include "batch_norm.h"
#include "conv.h"
#include "linear.h"

TG_BEGIN_DECLS

/* A copy of the layer, in evaluation mode, with
 *
 *     weight' = weight s     bias' = (bias - running_mean) s + bn.bias     s = bn.weight / sqrt(running_var + eps)
 *
 * for each output. Both are in evaluation mode, and the norm has running statistics of as many features as the layer
 * has outputs; a transposed convolution has no groups. A weight_norm or spectral_norm of the layer (parametrize.h) is
 * removed before. The two stay as they are. NULL on error. */
tg_conv *tg_fuse_conv_bn_eval_at(const char *where, tg_conv *conv, tg_batch_norm *bn);
tg_linear *tg_fuse_linear_bn_eval_at(const char *where, tg_linear *linear, tg_batch_norm *bn);
#define tg_fuse_conv_bn_eval(conv, bn)     tg_fuse_conv_bn_eval_at(TG_HERE, conv, bn)
#define tg_fuse_linear_bn_eval(linear, bn) tg_fuse_linear_bn_eval_at(TG_HERE, linear, bn)

TG_END_DECLS

#endif
