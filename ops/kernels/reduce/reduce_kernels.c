/* reduce_kernels.c: sums along rows and columns. Compiled once for each instruction set. */
#include "reduce_kernels.h"

#include "ops/kernels/template/body.h"
#include "sum_sizes.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "sum.inc"
#include "reduce.inc"
#include "reduce_terms.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "sum.inc"
#include "reduce.inc"
#include "reduce_terms.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "sum.inc"
#include "reduce.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "sum.inc"
#include "reduce.inc"

#include "reduce_table.inc"
