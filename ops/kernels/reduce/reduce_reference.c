/* reduce_reference.c: sums for the reference: one element after the other, in double where the type is float. */
#define ISA reference
#include "reduce_kernels.h"

#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "reduce_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "reduce_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "reduce_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "reduce_reference.inc"

#include "reduce_table.inc"
