/* pointwise_reference.c: the rows of pointwise.def, and where, for the reference (see reference.c). */
#define ISA reference
#include "pointwise_kernels.h"
#include "reference_body.h"

#define ROWS  "ops/pointwise.def"
#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "rows_reference.inc"
#include "where_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "rows_reference.inc"
#include "where_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "rows_reference.inc"
#include "where_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.h"
#include "rows_reference.inc"
#include "where_reference.inc"

const tgi_pointwise_kernels TGI_TABLE(pointwise) = {
#include "rows_table.inc"
    .where = { where_f32, where_f64, where_i64, where_bool },
};
