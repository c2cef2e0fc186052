/* loss_reference.c: the rows of loss.def for the reference. */
#define ISA reference
#include "loss_kernels.h"
#include "reference_body.h"

#define FAMILY loss
#define ROWS   "ops/loss.def"
#define DTYPE  0
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"

#include "rows_table.inc"
