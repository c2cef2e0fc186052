/* functions_kernels.h: the loops of functions.def's rows. */
#ifndef TG_OPS_KERNELS_ROWS_FUNCTIONS_KERNELS_H
#define TG_OPS_KERNELS_ROWS_FUNCTIONS_KERNELS_H

#include "row_loops.h"

TGI_KERNEL_FAMILY(functions);

#define ROWS "ops/functions.def"
struct tgi_functions_kernels {
#include "row_fields.inc"
};
#undef ROWS

#endif
