/* distance_kernels.h: rows of numbers against each other: sums of what their differences are, and the gradients of one
 * of them. */
#ifndef TG_OPS_KERNELS_DISTANCE_DISTANCE_KERNELS_H
#define TG_OPS_KERNELS_DISTANCE_DISTANCE_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(distance);

/* What is made of a difference d: d != 0, |d|, d^2, all summed; or the largest |d|, NaN if there is one. */
enum { TGI_DISTANCE_COUNT, TGI_DISTANCE_ABSOLUTE, TGI_DISTANCE_SQUARE, TGI_DISTANCE_LARGEST, TGI_DISTANCES };

/* Among numbers that are not negative: some that are below a bound, but not 0, or above another; some that are 0. */
enum { TGI_DISTANCE_OUTSIDE = 1, TGI_DISTANCE_ZERO = 2 };

/* Rows a [p, m] and rows b [r, m], a_row and b_row elements from one to the next; all rows contiguous. */
typedef struct tgi_distances {
    int64_t p, r, m;
    const void *a, *b;
    int64_t a_row, b_row, y_row;
} tgi_distances;

/* A row a [m] and `rows` rows of b, `row` elements from one to the next; all rows contiguous. */
typedef struct tgi_distance {
    int64_t rows, m, row;
    const void *a, *b;
    /* A factor for each row of b, and for the largest the distance, each `step` elements apart. */
    const void *factor, *distance;
    int64_t step;
} tgi_distance;

struct tgi_distance_kernels {
    /* y[i][j] = the sum over k of f(a[i][k] - b[j][k]), or the largest, for m > 0; rows of y are y_row elements apart.
     * Sums of 32 terms are added up. */
    void (*reduce[TGI_DISTANCES][2])(const tgi_distances *args, void *y);
    /* Which of the above there are; a NaN is none of them. */
    int (*look[2])(int64_t n, const void *from, double low, double high);
    /* y[k] = the sum over j of factor[j] f'(a[k] - b[j][k]), f' being the sign, the difference (half of f'), or the
     * sign where the difference is as large as the distance. NULL for the count. */
    void (*gradient[TGI_DISTANCES][2])(const tgi_distance *args, void *y);
};

#endif
