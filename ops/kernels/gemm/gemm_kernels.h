/* gemm_kernels.h: the matrix product. */
#ifndef TG_OPS_KERNELS_GEMM_GEMM_KERNELS_H
#define TG_OPS_KERNELS_GEMM_GEMM_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(gemm);

/* c[i, j] = sum over l < k of a[i, l] b[l, j], plus bias[j] if bias is not NULL, plus the old c[i, j] if `accumulate`.
 * Row and column strides in elements; c's columns are contiguous (its column stride is 1). k = 0 gives zeros (and
 * bias). c overlaps nothing.
 *
 * `addend`, if not NULL, is a matrix like c, addend_row from row to row: it is added to the result as by a loop of its
 * own.
 *
 * `packed_b`, if not NULL, is what `pack` made of this b, n and k: it is read instead of b, which may then be NULL.
 * It needs parts == 0.
 *
 * `parts`, if not 0, makes a and b the parts' matrices set side by side along k: c = sum over the parts of a_t b_t. The
 * fields a, b, k and their strides are then not looked at. A part's k may be 0.
 *
 * Neither changes a bit of the result: it is that of the plain product of the same (the joined) matrices. */
typedef struct tgi_gemm_part {
    int64_t k;
    const void *a;
    int64_t a_row, a_col;
    const void *b;
    int64_t b_row, b_col;
} tgi_gemm_part;
typedef struct tgi_gemm {
    int64_t m, n, k;
    const void *a;
    int64_t a_row, a_col;
    const void *b;
    int64_t b_row, b_col;
    void *c;
    int64_t c_row;
    const void *bias;
    bool accumulate;
    const void *addend;
    int64_t addend_row;
    const void *packed_b;
    int64_t parts;
    const tgi_gemm_part *part;
} tgi_gemm;

/* y [m, n] = beta x + (alpha a) b, a being a column and b a row; x is y or overlaps nothing that is written. */
typedef struct tgi_outer_sum {
    int64_t m, n;
    const void *a, *b, *x;
    int64_t a_step, x_row;
    void *y;
    int64_t y_row;
    double alpha, beta;
} tgi_outer_sum;

struct tgi_gemm_kernels {
    void (*run[2])(const tgi_gemm *args);               /* f32, f64 */
    /* A matrix b packed once for many products: the bytes it takes, for 64-byte aligned memory, and the packing, which
     * looks at n, k, b and its strides only. The layout is this table's own. */
    size_t (*packed_bytes[2])(int64_t n, int64_t k);
    void (*pack[2])(const tgi_gemm *args, void *packed);
    /* The same as run for int64, which wraps; without packed_b and parts. */
    void (*integers)(const tgi_gemm *args);
    /* y = the sum over i < n of a[i] b[i], f32, f64 and i64, the steps in elements. Sums of blocks are added pairwise,
     * so that it is more exact than, and not to the bit, what `run` makes of a row and a column. */
    void (*dot[3])(int64_t n, const void *a, int64_t a_step, const void *b, int64_t b_step, void *y);
    void (*add_outer[2])(const tgi_outer_sum *args);    /* f32, f64 */
};

#endif
