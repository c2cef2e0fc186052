/* loss_kernels.h: the loops of loss.def's rows. */
#ifndef TG_OPS_KERNELS_ROWS_LOSS_KERNELS_H
#define TG_OPS_KERNELS_ROWS_LOSS_KERNELS_H

#include "row_loops.h"

TGI_KERNEL_FAMILY(loss);

#define ROWS "ops/loss.def"
struct tgi_loss_kernels {
#include "row_fields.inc"
};
#undef ROWS

#endif
