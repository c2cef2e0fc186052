/* attention_reference.c: attention's softmax for the reference: each formula as it stands in
 * attention_kernels.h, in double. */
#define ISA reference
#include "attention_kernels.h"

#include <math.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "attention_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "attention_reference.inc"

#include "attention_table.inc"
