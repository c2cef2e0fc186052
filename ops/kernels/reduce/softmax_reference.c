/* softmax_reference.c: softmax for the reference: one element after the other, in double where the type is float. */
#define ISA reference
#include "softmax_kernels.h"

#include <math.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "softmax_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "softmax_reference.inc"

#include "softmax_table.inc"
