/* rearrange_impl.h: what the files of the rearrange family share. Internal to ops/. */
#ifndef TG_OPS_ARRANGE_REARRANGE_IMPL_H
#define TG_OPS_ARRANGE_REARRANGE_IMPL_H

#include "ops/rearrange.h"

TG_EXTERN_C_BEGIN

/* Stands outside rearrange.c, for the family's table. */
extern const tg_op tgi_op_pad;

TG_EXTERN_C_END

#endif
