/* pointwise_reference.c: the rows of pointwise.def, and where, for the reference. */
#define ISA reference
#include "pointwise_kernels.h"
#include "reference_body.h"

#define FAMILY pointwise
#define ROWS   "ops/pointwise.def"
#define DTYPE  0
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#include "where_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#include "where_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#include "where_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#include "where_reference.inc"

#define ENTRIES .where = TGI_ALL(where),
#include "rows_table.inc"
