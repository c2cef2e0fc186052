/* conv_node.h: what a node of convolution is. Internal. */
#ifndef TG_OPS_LAYERS_CONV_NODE_H
#define TG_OPS_LAYERS_CONV_NODE_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

/* Whether it is a transposed one, whose weight's first dimension is the input's channels and not the output's. */
bool tgi_conv_is_transposed(const tg_node *node);

TG_EXTERN_C_END

#endif
