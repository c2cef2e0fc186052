/* conv_reference.c: a convolution's maps for the reference. */
#define ISA reference
#include "conv_kernels.h"

#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "conv_naive.inc"
#include "conv_window.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "conv_naive.inc"
#include "conv_window.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "conv_naive.inc"

#include "conv_table.inc"
