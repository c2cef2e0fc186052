/* pointwise_kernels.h: the loops of pointwise.def's rows, and where. */
#ifndef TG_OPS_KERNELS_ROWS_POINTWISE_KERNELS_H
#define TG_OPS_KERNELS_ROWS_POINTWISE_KERNELS_H

#include "row_loops.h"

TGI_KERNEL_FAMILY(pointwise);

#define ROWS "ops/pointwise.def"
struct tgi_pointwise_kernels {
#include "row_fields.inc"
    tgi_loop where[TGI_DTYPES];   /* p = { y, bool condition, a, b } */
};
#undef ROWS

#endif
