/* copy_reference.c: copies for the reference: one element after the other, in double where the type is float. */
#define ISA reference
#include "copy_kernels.h"

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "copy_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "copy_reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#include "copy_reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#include "copy_reference.inc"

#include "copy_table.inc"
