/* gemm_reference.c: the matrix product for the reference: one element after the other, in double where the type is float. */
#define ISA reference
#include "gemm_kernels.h"

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "gemm_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "gemm_reference.inc"

#include "gemm_table.inc"
