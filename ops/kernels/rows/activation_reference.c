/* activation_reference.c: the rows of activation.def for the reference. */
#define ISA reference
#include "activation_kernels.h"
#include "reference_body.h"

#define FAMILY activation
#define ROWS   "ops/activation.def"
#define DTYPE  0
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "rows_reference.inc"

#include "rows_table.inc"
