/* extremes_kernels.h: the largest, the smallest and the middle one of many, and where they are. */
#ifndef TG_OPS_KERNELS_REDUCE_EXTREMES_KERNELS_H
#define TG_OPS_KERNELS_REDUCE_EXTREMES_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(extremes);

/* What is reduced: [outer, n, m] along n, n > 0. Strides are in bytes. Either the m columns are contiguous (column is
 * the size of an element) or m is 1. */
typedef struct tgi_fold {
    int64_t outer, n, m;
    int64_t outer_stride, row;
} tgi_fold;

enum { TGI_MAX, TGI_MIN, TGI_EXTREMES };

struct tgi_extremes_kernels {
    /* y [outer, m], contiguous, of a's dtype. NaN wins. Of two zeros 0 is the larger. */
    void (*value[TGI_EXTREMES][TGI_DTYPES])(const tgi_fold *shape, const void *a, void *y);
    /* The same, and the first index of n where it stands, as int64 in `index`, [outer, m]. Zeros are equal. */
    void (*index[TGI_EXTREMES][TGI_DTYPES])(const tgi_fold *shape, const void *a, void *y, int64_t *index);
    /* The middle one, or the lower of two, of a contiguous row of n > 0, and the first index where it stands. `scratch`
     * has room for the row. NaN wins, unless it is to be skipped; where there is nothing else, it is the first. Not of
     * bool. */
    void (*median[TGI_DTYPES])(int64_t n, const void *a, void *scratch, bool skip_nan, void *y, int64_t *index);
};

#endif
