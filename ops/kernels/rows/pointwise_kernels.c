/* pointwise_kernels.c: the rows of pointwise.def as loops, and where. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "pointwise_kernels.h"

#define ROWS       "ops/pointwise.def"
#define ROWS_FIRST "pow.inc"
#define DTYPE      0
#include "ops/kernels/template/dtype.h"
#include "rows.inc"
#include "where.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "rows.inc"
#include "where.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "rows.inc"
#include "where.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.h"
#include "rows.inc"
#include "where.inc"

const tgi_pointwise_kernels TGI_TABLE(pointwise) = {
#include "rows_table.inc"
    .where = { where_f32, where_f64, where_i64, where_bool },
};
