/* conv_kernels.c: a convolution's maps. Compiled once for each instruction set. */
#include "conv_kernels.h"

#include "ops/kernels/template/body.h"
#include "conv_plan.h"
#include "ops/kernels/gemm/gemm_sizes.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "conv_window.inc"
#include "ops/kernels/gemm/gemm_tile.inc"
#include "conv_implicit.inc"
#include "conv_winograd.inc"
#include "conv_weight.inc"
#include "conv.inc"

#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "conv_window.inc"
#include "ops/kernels/gemm/gemm_tile.inc"
#include "conv_implicit.inc"
#include "conv_weight.inc"
#include "conv.inc"

#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "conv_naive.inc"

#define ALL(name, last)                                                                                                \
    {                                                                                                                  \
        name##_f32, name##_f64, last##_i64                                                                             \
    }

const tgi_conv_kernels TGI_TABLE(conv) = {
    .plan = ALL(conv_plan, naive_plan),
    .begin = ALL(conv_begin, naive_ready),
    .run = ALL(conv_run, naive_run),
    .end = ALL(conv_end, naive_ready),
    .unfold = TGI_FLOATS(unfold),
    .fold = TGI_FLOATS(fold),
};
