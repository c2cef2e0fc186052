/* pointwise_kernels.c: the rows of pointwise.def as loops, and where. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "pointwise_kernels.h"

#define FAMILY     pointwise
#define ROWS       "ops/pointwise.def"
#define ROWS_FIRST "arithmetic.inc"
#define DTYPE      0
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#include "where.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#include "where.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#include "where.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "rows.inc"
#include "where.inc"

#define ENTRIES .where = TGI_ALL(where),
#include "rows_table.inc"
