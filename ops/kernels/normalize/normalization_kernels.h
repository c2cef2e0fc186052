/* normalization_kernels.h: mean and variance, and what the normalisations make of them.
 *
 * A normalisation divides its elements into sets, takes each set's mean and variance, and writes y = (x - mean) / std,
 * times a weight and plus a bias. What differs is how the sets lie in memory: rows (layer_norm, rms_norm: a weight for
 * each element of the row), slabs (batch_norm, group_norm, instance_norm: one weight for the slab), or columns
 * (batch_norm of [N, C]).
 *
 * Moments are taken in blocks, each by two passes over what is then in the first cache: its mean, then the deviations
 * from it. Blocks are merged pairwise, in double, by the exact formula for the union of two sets, so neither a large
 * mean nor many elements cost digits. `square` is the sum of squared deviations: the variance times the number of
 * elements. */
#ifndef TG_OPS_KERNELS_NORMALIZE_NORMALIZATION_KERNELS_H
#define TG_OPS_KERNELS_NORMALIZE_NORMALIZATION_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(normalization);

/* How many rows moments_columns and columns_sums take at most: more are merged by merge_moments, or summed. */
enum { TGI_NORM_ROWS = 16 };

/* Rows of n elements that follow each other, each normalised by itself. Mean and rstd are in double whatever the dtype:
 * where the mean is large next to the deviations, what rounding it to float takes away would be seen in the result. */
typedef struct tgi_norm_rows {
    int64_t rows, n;
    const void *x;
    const void *weight, *bias;   /* [n], NULL: none */
    bool centered;               /* false: rms_norm, which takes no mean; `mean` is not touched */
    double eps;
    double *mean, *rstd;         /* [rows]; 1 / sqrt(variance + eps). Forward writes them, backward reads them */
    void *y;
    /* backward: */
    const void *g;
    void *dx;                    /* NULL: not wanted */
    void *dweight, *dbias;       /* [n] each, added to; both NULL: not wanted */
} tgi_norm_rows;

struct tgi_normalization_kernels {
    void (*rows_forward[2])(const tgi_norm_rows *r);
    void (*rows_backward[2])(const tgi_norm_rows *r);

    /* The moments of each of `rows` rows of n contiguous elements; rows `row` elements apart. */
    void (*moments[2])(int64_t rows, int64_t n, const void *x, int64_t row, double *mean, double *square);
    /* The moments of each of m columns of n <= TGI_NORM_ROWS rows, `row` elements apart. */
    void (*moments_columns[2])(int64_t n, int64_t m, const void *x, int64_t row, double *mean, double *square);
    /* For each j < m: the set j of n elements becomes its union with the other set j, of n_other elements. */
    void (*merge_moments)(int64_t m, double n, double *mean, double *square, double n_other, const double *mean_other,
                          const double *square_other);

    /* Slabs of n elements, `row` elements apart in all tensors, one number for each slab in the other arrays. (What the
     * rounded mean lacks the caller puts into shift and r.)
     *     forward:   y = (x - mean) scale + shift
     *     sums:      of g, and of g (x - mean)
     *     backward:  dx = g p + (x - mean) q + r */
    void (*slabs_forward[2])(int64_t slabs, int64_t n, const void *x, int64_t row, const void *mean, const void *scale,
                             const void *shift, void *y);
    void (*slabs_sums[2])(int64_t slabs, int64_t n, const void *g, const void *x, int64_t row, const void *mean,
                          double *sum, double *product);
    void (*slabs_backward[2])(int64_t slabs, int64_t n, const void *g, const void *x, int64_t row, const void *mean,
                              const void *p, const void *q, const void *r, void *dx);

    /* The same with one number for each of m columns; n rows, for columns_sums at most TGI_NORM_ROWS. */
    void (*columns_forward[2])(int64_t n, int64_t m, const void *x, int64_t row, const void *mean, const void *scale,
                               const void *shift, void *y);
    void (*columns_sums[2])(int64_t n, int64_t m, const void *g, const void *x, int64_t row, const void *mean,
                            double *sum, double *product);
    void (*columns_backward[2])(int64_t n, int64_t m, const void *g, const void *x, int64_t row, const void *mean,
                                const void *p, const void *q, const void *r, void *dx);
};

#endif
