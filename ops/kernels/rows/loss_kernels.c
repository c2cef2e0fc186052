/* loss_kernels.c: the rows of loss.def as loops. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "loss_kernels.h"

#define FAMILY loss
#define ROWS   "ops/loss.def"
#define DTYPE  0
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"

#include "rows_table.inc"
