/* descriptors.h: declares the descriptor of every op in ops.def. Internal to ops/. */
#ifndef TG_OPS_DESCRIPTORS_H
#define TG_OPS_DESCRIPTORS_H

#include "../core/op.h"

TG_EXTERN_C_BEGIN

#define TG_OP(name) extern const tg_op tgi_op_##name;
#include "ops.def"

TG_EXTERN_C_END

#endif
