/* pool_reference.c: pooling for the reference (see reference.c). */
#define ISA reference
#include "pool_kernels.h"

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "pool_window.inc"
#include "pool_naive.inc"
#include "pool.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "pool_window.inc"
#include "pool_naive.inc"
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
