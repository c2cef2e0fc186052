/* resample_kernels.c: planes brought to another size. Compiled once for each instruction set. */
#include "resample_kernels.h"

#include "ops/kernels/template/body.h"
#include "ops/kernels/template/look_up.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "resample_row.inc"
#include "resample.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "resample_row.inc"
#include "resample.inc"

#include "resample_table.inc"
