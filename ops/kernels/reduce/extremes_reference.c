/* extremes_reference.c: the largest and the smallest for the reference: one element after the other. */
#define ISA reference
#include "extremes_kernels.h"

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "extremes_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "extremes_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "extremes_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "extremes_reference.inc"

#include "extremes_table.inc"
