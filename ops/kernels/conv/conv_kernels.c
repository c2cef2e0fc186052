/* conv_kernels.c: a convolution's maps. Compiled once for each instruction set. */
#include "conv_kernels.h"

#include "ops/kernels/template/body.h"
#include "conv_plan.h"
#include "ops/kernels/gemm/gemm_sizes.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "conv_window.inc"
#include "ops/kernels/gemm/gemm_micro.inc"
#include "conv_strip.inc"
#include "conv_planes.inc"
#include "conv_implicit.inc"
#include "conv_winograd.inc"
#include "conv_weight.inc"
#include "conv.inc"

#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "conv_window.inc"
#include "ops/kernels/gemm/gemm_micro.inc"
#include "conv_strip.inc"
#include "conv_planes.inc"
#include "conv_implicit.inc"
#include "conv_weight.inc"
#include "conv.inc"

#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "conv_naive.inc"

#include "conv_table.inc"
