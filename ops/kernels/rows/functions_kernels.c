/* functions_kernels.c: the rows of functions.def as loops. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "functions_kernels.h"

#define FAMILY     functions
#define ROWS       "ops/functions.def"
#define ROWS_FIRST "angles.inc"
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
