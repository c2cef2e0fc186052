/* reduce_reference.c: sums for the reference: one element after the other, in double where the type is float. */
#define ISA reference
#include "reduce_kernels.h"

#include <math.h>
#include <string.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

static double not_nan(double x) { return isnan(x) ? 0 : x; }

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#define NAIVE double
#include "reduce_reference_terms.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "reduce_reference_terms.inc"
#define DTYPE 2
#include "ops/kernels/template/dtype.inc"
#undef NAIVE
#define NAIVE        uint64_t
#define SUMMED(name) NAME(name)
#define TERM(x)      (x)
#include "reduce_reference.inc"
#undef SUMMED
#undef TERM
#define DTYPE 3
#include "ops/kernels/template/dtype.inc"
#define SUMMED(name) NAME(name)
#define TERM(x)      (x)
#include "reduce_reference.inc"
#undef SUMMED
#undef TERM

#include "reduce_table.inc"
