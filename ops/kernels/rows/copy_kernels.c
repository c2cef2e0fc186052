/* copy_kernels.c: copies from any dtype to any other. Compiled once for each instruction set. */
#include "copy_kernels.h"

#include "ops/kernels/template/body.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "copy.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "copy.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "copy.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "copy.inc"

#include "copy_table.inc"
