/* gemm_kernels.c: the matrix product. Compiled once for each instruction set. */
#include "gemm_kernels.h"

#include "ops/kernels/template/body.h"
#include "gemm_plan.h"
#include "gemm_sizes.h"
#include "ops/kernels/template/workers.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "gemm_pack.inc"
#include "gemm_micro.inc"
#include "gemm_shapes.inc"
#include "gemm_tiles.inc"
#include "gemm.inc"
#include "gemm_dot.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "gemm_pack.inc"
#include "gemm_micro.inc"
#include "gemm_shapes.inc"
#include "gemm_tiles.inc"
#include "gemm.inc"
#include "gemm_dot.inc"
#include "gemm_integers.inc"

#include "gemm_table.inc"
