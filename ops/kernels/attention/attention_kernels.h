/* attention_kernels.h: what attention does with a block of scores between two matrix products: softmax in pieces, as
 * the columns of a row come in, and its gradient. */
#ifndef TG_OPS_KERNELS_ATTENTION_ATTENTION_KERNELS_H
#define TG_OPS_KERNELS_ATTENTION_ATTENTION_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(attention);

/* A block of `rows` by n scores, `row` elements apart, which become weights. A score is scale s, plus the mask's number
 * where there is one. Column j is out of sight of row i, its weight 0, where the mask says false or where j > i +
 * diagonal. */
typedef struct tgi_attention_block {
    int64_t rows, n;
    void *s;
    int64_t row;
    double scale;
    int64_t diagonal;         /* n or more: no column is hidden by it */
    const void *mask;         /* of booleans or of the scores' dtype; NULL: none */
    bool mask_is_bool;
    int64_t mask_row, mask_column; /* in elements */
} tgi_attention_block;

struct tgi_attention_kernels {
    /* The weights e^(score - most), not yet divided by their total. `most` and `total`, a number for each row, take
     * what came before (-inf and 0 at first) and leave with this block in them; `factor` is what the weights of the
     * blocks before, and what was made of them, must be multiplied by: most has grown. */
    void (*weigh[2])(const tgi_attention_block *block, double *most, double *total, double *factor);
    /* The weights again: e^(score - most) times `part`, 1 / total. */
    void (*weigh_again[2])(const tgi_attention_block *block, const double *most, const double *part);
    /* The gradient of s, in place of `d`, that of the weights `p`: p (d - dot) scale. Rows of both `row` elements
     * apart. */
    void (*differentiate[2])(int64_t rows, int64_t n, const void *p, void *d, int64_t row, const double *dot, double scale);
    /* Rows of n contiguous elements that follow each other, each times a number. */
    void (*scale_rows[2])(int64_t rows, int64_t n, void *x, const double *factor);
    /* The sums of the products of two rows of n contiguous elements, rows `a_row` and `b_row` elements apart. */
    void (*dots[2])(int64_t rows, int64_t n, const void *a, int64_t a_row, const void *b, int64_t b_row, double *dot);
};

#endif
