/* resample_kernels.c: planes brought to another size. Compiled once for each instruction set. */
#include "resample_kernels.h"

#include "ops/kernels/template/body.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "resample.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "resample.inc"

const tgi_resample_kernels TGI_TABLE(resample) = {
    .nearest = TGI_FLOATS(nearest),
    .nearest_backward = TGI_FLOATS(nearest_backward),
    .linear = TGI_FLOATS(linear),
    .linear_backward = TGI_FLOATS(linear_backward),
};
