/* distance_impl.h: what the files of the distance family share. Internal to ops/. */
#ifndef TG_OPS_LOSS_DISTANCE_IMPL_H
#define TG_OPS_LOSS_DISTANCE_IMPL_H

#include "ops/distance.h"

TG_EXTERN_C_BEGIN

extern const tg_op tgi_op_cdist, tgi_op_pdist;

TG_EXTERN_C_END

#endif
