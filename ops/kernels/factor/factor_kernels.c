/* factor_kernels.c: inner loops of factorisations. Compiled once for each instruction set. */
#include "ops/kernels/template/body.h"
#include "factor_kernels.h"
#include "ops/kernels/template/copy.h"

#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "ops/kernels/template/lanes.inc"
#include "factor.inc"

#include "factor_table.inc"
