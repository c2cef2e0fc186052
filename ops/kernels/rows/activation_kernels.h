/* activation_kernels.h: the loops of activation.def's rows. */
#ifndef TG_OPS_KERNELS_ROWS_ACTIVATION_KERNELS_H
#define TG_OPS_KERNELS_ROWS_ACTIVATION_KERNELS_H

#include "row_loops.h"

TGI_KERNEL_FAMILY(activation);

#define ROWS "ops/activation.def"
struct tgi_activation_kernels {
#include "row_fields.inc"
};
#undef ROWS

#endif
