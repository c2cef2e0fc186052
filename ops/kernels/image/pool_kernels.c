/* pool_kernels.c: pooling. Compiled once for each instruction set. */
#include "pool_kernels.h"

#include "ops/kernels/template/body.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "pool_window.inc"
#include "pool_max.inc"
#include "pool.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "pool_window.inc"
#include "pool_max.inc"
#include "pool.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "pool.inc"

const tgi_pool_kernels TGI_TABLE(pool) = {
    .max = TGI_FLOATS(pool_max),
    .average = TGI_NUMBERS(pool_average),
    .average_backward = TGI_NUMBERS(pool_average_backward),
    .gather = TGI_FLOATS(pool_gather),
    .scatter = TGI_FLOATS(pool_scatter),
};
