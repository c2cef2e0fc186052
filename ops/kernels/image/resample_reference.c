/* resample_reference.c: planes brought to another size, for the reference. */
#define ISA reference
#include "resample_kernels.h"

#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "resample_reference.inc"
#include "resample.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "resample_reference.inc"
#include "resample.inc"

#include "resample_table.inc"
