/* reference.c: the kernels as one would explain them: one element after the other, sums in double, no vector, no
 * block. Only the tests use it; what it gives is what every other set of kernels is measured by. */
#define ISA reference
#include "isa.h"

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "table_name.h"

#define DTYPE 0
#include "ops/kernels/template/dtype.h"
#include "reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.h"
#include "reference.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.h"
#include "reference.inc"
#define DTYPE 3
#include "ops/kernels/template/dtype.h"
#include "reference.inc"

#include "table.inc"
