/* normalization_reference.c: the normalisations for the reference: each formula as it stands in normalization_kernels.h,
 * in double. */
#define ISA reference
#include "normalization_kernels.h"

#include <math.h>

#include "ops/kernels/template/scalar.h"
#include "ops/kernels/table_name.h"

static void merge_moments(int64_t m, double n, double *mean, double *square, double n_other, const double *mean_other,
                          const double *square_other)
{
    for (int64_t j = 0; j < m; j++) {
        const double both = (n * mean[j] + n_other * mean_other[j]) / (n + n_other);
        square[j] += square_other[j] + n * (mean[j] - both) * (mean[j] - both) +
                     n_other * (mean_other[j] - both) * (mean_other[j] - both);
        mean[j] = both;
    }
}

#define DTYPE 0
#include "ops/kernels/template/dtype.inc"
#include "normalization_reference.inc"
#define DTYPE 1
#include "ops/kernels/template/dtype.inc"
#include "normalization_reference.inc"

#include "normalization_table.inc"
