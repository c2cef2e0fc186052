/* conv_reference.c: a convolution's maps for the reference (see reference.c). */
#define ISA reference
#include "conv_kernels.h"

#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "conv_naive.inc"
#include "conv_window.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "conv_naive.inc"
#include "conv_window.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "conv_naive.inc"

const tgi_conv_kernels TGI_TABLE(conv) = {
    .plan = TGI_NUMBERS(naive_plan),
    .begin = TGI_NUMBERS(naive_ready),
    .run = TGI_NUMBERS(naive_run),
    .end = TGI_NUMBERS(naive_ready),
    .unfold = TGI_FLOATS(unfold),
    .fold = TGI_FLOATS(fold),
};
