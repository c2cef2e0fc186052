/* scan_reference.c: running sums and the like for the reference: one element after the other. */
#define ISA reference
#include "scan_kernels.h"

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "scan_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "scan_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "scan_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "scan_reference.inc"

#include "scan_table.inc"
