/* pool_reference.c: pooling for the reference. */
#define ISA reference
#include "pool_kernels.h"

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "pool_window.inc"
#include "pool_reference.inc"
#include "pool_average_reference.inc"
#include "pool.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "pool_window.inc"
#include "pool_reference.inc"
#include "pool_average_reference.inc"
#include "pool.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "pool_average_reference.inc"
#include "pool.inc"

#include "pool_table.inc"
