/* resample_reference.c: planes brought to another size, for the reference (see reference.c). */
#define ISA reference
#include "resample_kernels.h"

#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

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
