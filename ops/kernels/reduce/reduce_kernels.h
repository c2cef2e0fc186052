/* reduce_kernels.h: sums along rows and along columns. */
#ifndef TG_OPS_KERNELS_REDUCE_REDUCE_KERNELS_H
#define TG_OPS_KERNELS_REDUCE_REDUCE_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(reduce);

/* What is added up of an element of a floating dtype: its square, its absolute value, itself unless it is NaN. */
enum { TGI_SQUARES, TGI_SIZES, TGI_NOT_NAN, TGI_TERMS };

struct tgi_reduce_kernels {
    /* y[r] = the sum of the n elements of row r: rows `row` bytes apart, elements `stride`; y contiguous. Pairwise
     * (error O(log n) eps); f32 sums in f32. bool counts into int64: y has the dtype of a, or int64 for bool. */
    void (*sum[TGI_DTYPES])(int64_t rows, int64_t n, const void *a, int64_t row, int64_t stride, void *y);
    /* y[j] = sum over i < n of a[i][j], for j < m: rows `row` bytes apart, elements `col` bytes apart, y contiguous.
     * Pairwise over i. For reductions whose kept dimension is the inner one. */
    void (*sum_rows[TGI_DTYPES])(int64_t n, int64_t m, const void *a, int64_t row, int64_t col, void *y);
    /* The same of terms, of floating dtypes. */
    void (*sum_of[TGI_TERMS][TGI_DTYPES])(int64_t rows, int64_t n, const void *a, int64_t row, int64_t stride, void *y);
    void (*sum_rows_of[TGI_TERMS][TGI_DTYPES])(int64_t n, int64_t m, const void *a, int64_t row, int64_t col, void *y);
};

#endif
