/* attention_kernels.c: softmax in pieces. Compiled once for each instruction set. */
#include "attention_kernels.h"

#include "ops/kernels/template/body.h"

enum { DOT_BLOCK = 512 };

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "ops/kernels/template/lanes.inc"
#include "attention.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "ops/kernels/template/lanes.inc"
#include "attention.inc"

#include "attention_table.inc"
