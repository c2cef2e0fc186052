/* index_kernels.h: loops that read or write where an index says: gather, scatter and what is made of them. */
#ifndef TG_OPS_KERNELS_INDEX_INDEX_KERNELS_H
#define TG_OPS_KERNELS_INDEX_INDEX_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(index);

/* `rows` rows of n elements of index, x and y each. One of x and y is indexed along a dimension of `size`, whose
 * entries lie `jump` apart: x by gather, y by scatter; it is read or written at its own place plus index * jump. Steps,
 * from one element to the next and from one row to the next, are in elements, and those of x and of index may be 0. */
typedef struct tgi_index_rows {
    int64_t rows, n;
    const int64_t *index;
    int64_t index_row, index_step;
    const void *x;
    int64_t x_row, x_step;
    void *y;
    int64_t y_row, y_step;
    int64_t size, jump;
    bool checked; /* every index is known to be in [0, size) */
} tgi_index_rows;

/* False: an index is not in [0, size); y may have been written in part, but never outside its dimension. */
typedef bool (*tgi_index_loop)(const tgi_index_rows *work);

/* What is done where several elements of x come to one of y: each in turn, in the order of the rows and of a row's
 * elements. A NaN stays in max and min. */
enum { TGI_SCATTER_SET, TGI_SCATTER_ADD, TGI_SCATTER_MUL, TGI_SCATTER_MAX, TGI_SCATTER_MIN, TGI_SCATTERS };

struct tgi_index_kernels {
    tgi_index_loop in_range;                           /* reads index only */
    tgi_index_loop gather[TGI_DTYPES];                 /* y = x[index] */
    tgi_index_loop scatter[TGI_SCATTERS][TGI_DTYPES];  /* y[index] = y[index] combined with x */
};

#endif
