/* activation_kernels.c: the rows of activation.def as loops. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "activation_kernels.h"

#define FAMILY     activation
#define ROWS       "ops/activation.def"
#define ROWS_FIRST "positive.inc"
#define DTYPE      0
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"

#include "rows_table.inc"
