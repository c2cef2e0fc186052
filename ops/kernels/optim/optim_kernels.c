/* optim_kernels.c: the optimisers' updates. Compiled once for each instruction set. */
#include "optim_kernels.h"

#include "ops/kernels/template/body.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "optim.inc"
#include "adaptive.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "optim.inc"
#include "adaptive.inc"

#include "optim_table.inc"
