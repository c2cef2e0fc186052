/* bag_kernels.c: rows of a table, added up. Compiled once for each instruction set. */
#include "bag_kernels.h"

#include "ops/kernels/template/body.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "bag.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "bag.inc"

#include "bag_table.inc"
