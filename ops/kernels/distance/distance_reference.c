/* distance_reference.c: distances of rows for the reference: one difference after the other, summed in
 * double. */
#define ISA reference
#include "distance_kernels.h"

#include <math.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "distance_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "distance_reference.inc"

#include "distance_table.inc"
