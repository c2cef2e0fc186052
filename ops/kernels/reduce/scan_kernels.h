/* scan_kernels.h: what has come together on the way along a dimension, at every step of it and at its end. */
#ifndef TG_OPS_KERNELS_REDUCE_SCAN_KERNELS_H
#define TG_OPS_KERNELS_REDUCE_SCAN_KERNELS_H

#include "extremes_kernels.h"

TGI_KERNEL_FAMILY(scan);

/* [outer, n, m] along n; from the last index to the first if `reverse`. An index of n is `row` elements from the next,
 * one of outer n * row; the m inner elements are contiguous, m <= row. The same for all tensors of a call. */
typedef struct tgi_scan {
    int64_t outer, n, m, row;
    bool reverse;
} tgi_scan;

/* The order in which things come together depends on n's index alone. Floats are kept in double on the way. */
struct tgi_scan_kernels {
    /* y_i = a_0 + .. + a_i, in blocks as long as a vector of doubles, and y_i = a_0 a_1 .. a_i from left to right. Not
     * of bool. Integers wrap. */
    void (*cumsum[TGI_DTYPES])(const tgi_scan *shape, const void *a, void *y);
    void (*cumprod[TGI_DTYPES])(const tgi_scan *shape, const void *a, void *y);
    /* The largest or smallest so far and where it stands; of equal ones the last; NaN stays. */
    void (*extreme[TGI_EXTREMES][TGI_DTYPES])(const tgi_scan *shape, const void *a, void *y, int64_t *index);
    /* y_i = a_0 .. a_(i-1) times a_(i+1) .. a_(n-1), both as cumprod gives them */
    void (*others[2])(const tgi_scan *shape, const void *a, void *y);
    /* y_i = log(e^a_0 + .. + e^a_i) */
    void (*logcumsumexp[2])(const tgi_scan *shape, const void *a, void *y);
    /* y_i = b_i + a_i y_(i-1), where y is 0 before the first; a_0 is read for nothing. */
    void (*recurrence[2])(const tgi_scan *shape, const void *b, const void *a, void *y);

    /* y [outer, m] = the product over n of [outer, n, m] as tgi_fold describes it; n may be 0. Not of bool. */
    void (*prod[TGI_DTYPES])(const tgi_fold *shape, const void *a, void *y);
};

#endif
