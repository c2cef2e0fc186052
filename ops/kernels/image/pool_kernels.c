/* pool_kernels.c: pooling. Compiled once for each instruction set. */
#include "pool_kernels.h"

#include "pool_alike.h"
#include "ops/kernels/template/body.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "pool_average.inc"
#include "pool_window.inc"
#include "pool_max.inc"
#include "pool.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "pool_average.inc"
#include "pool_window.inc"
#include "pool_max.inc"
#include "pool.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "pool_average.inc"
#include "pool.inc"

#include "pool_table.inc"
