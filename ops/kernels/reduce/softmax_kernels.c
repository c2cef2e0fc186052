/* softmax_kernels.c: softmax, log_softmax and their gradients. Compiled once for each instruction set. */
#include "softmax_kernels.h"

#include "ops/kernels/template/body.h"
#include "sum_sizes.h"

/* Columns at a time; rows so short are turned into so many columns, if they are not too few. */
enum { SOFT_COLUMNS = 256, SOFT_SHORT = 48, SOFT_TURN = 32, SOFT_FEW = 4 };

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "sum.inc"
#include "softmax.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "sum.inc"
#include "softmax.inc"

#include "softmax_table.inc"
