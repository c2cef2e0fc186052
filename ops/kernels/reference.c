/* reference.c: the kernels as one would explain them: one element after the other, sums in double, no vector, no
 * block. Only the tests use it; what it gives is what every other set of kernels is measured by. */
#include "isa.h"

#include <math.h>
#include <string.h>

#include "scalar.h"

/* ---- the operators that scalar.h lacks: computed in double and rounded once ---- */
#define ROUNDED(name)                                                                                                  \
    TGI_INLINE float name##_f32(float x) { return (float)name(x); }                                                    \
    TGI_INLINE double name##_f64(double x) { return name(x); }
#define sigmoid(x) ((x) < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-(x))))
ROUNDED(exp)
ROUNDED(log)
ROUNDED(sqrt)
ROUNDED(tanh)
ROUNDED(sigmoid)
#undef sigmoid
TGI_INLINE float pow_f32(float x, float y) { return (float)pow(x, y); }
TGI_INLINE double pow_f64(double x, double y) { return pow(x, y); }

#define DTYPE 0
#include "dtype.h"
#include "reference.inc"
#define DTYPE 1
#include "dtype.h"
#include "reference.inc"
#define DTYPE 2
#include "dtype.h"
#include "reference.inc"
#define DTYPE 3
#include "dtype.h"
#include "reference.inc"

#define TABLE           tgi_kernels_reference
#define TABLE_NAME      "reference"
#define TABLE_SUPPORTED tgi_supports_baseline
#include "table.inc"
