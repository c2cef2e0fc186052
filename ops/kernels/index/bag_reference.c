/* bag_reference.c: rows of a table added up, for the reference. */
#define ISA reference
#include "bag_kernels.h"

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "bag_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "bag_reference.inc"

#include "bag_table.inc"
