/* factor_kernels.h: what is left of factorisations when most of their work is a product: narrow panels, small
 * triangles, rotations. Of doubles, rows one after another. */
#ifndef TG_OPS_KERNELS_FACTOR_FACTOR_KERNELS_H
#define TG_OPS_KERNELS_FACTOR_FACTOR_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(factor);

/* Columns of a panel, and rows of a triangle, that are done one by one. */
enum { TGI_NARROW = 8 };
/* Columns that are rotated at once: 128 bytes. */
enum { TGI_FACTOR_STRIP = 16 };

/* Element (i, k) of a triangle lies at a[i row + k col]; `unit`: its diagonal is ones. */
typedef struct tgi_triangle {
    const double *a;
    int64_t n, row, col;
    bool upper, unit;
} tgi_triangle;

/* Rotations of neighbouring rows one after another, from row `first` on downwards or `up`: for i < count, c and s being
 * pairs[2 i] and pairs[2 i + 1], of the rows x = first + i and y, the one after it (up: first - i, the one before), x
 * becomes c x + s y, and y becomes c y - s x. */
typedef struct tgi_sweep {
    int64_t first, count;
    bool up;
    const double *pairs;
} tgi_sweep;

/* A step of bidiagonalisation: to each row of a [m, n] come -(u[i] y + x[i] v), which the step before left over (none
 * if u is NULL); then sum = the sum of all rows, each times its weight. */
typedef struct tgi_reduction_step {
    int64_t m, n, row;
    double *a;
    const double *u, *y, *x, *v, *weight;
    double *sum;
} tgi_reduction_step;

struct tgi_factor_kernels {
    /* The sum of x[i] y[i]. */
    double (*dot)(int64_t n, const double *x, const double *y);
    /* y += factor x */
    void (*add)(int64_t n, double factor, const double *x, double *y);
    /* y[i] = the product of row i of a [m, n] and x. */
    void (*products)(int64_t m, int64_t n, const double *a, int64_t row, const double *x, double *y);
    /* to [m, n] = -from */
    void (*negate)(int64_t m, int64_t n, const double *from, int64_t from_row, double *to, int64_t to_row);
    /* to [n, m] = from [m, n] transposed. */
    void (*transpose)(int64_t m, int64_t n, const double *from, int64_t from_row, double *to, int64_t to_row);
    /* b [t->n, m] = t^-1 b, t->n no more than TGI_NARROW. */
    void (*solve)(const tgi_triangle *t, double *b, int64_t b_row, int64_t m);
    /* P A = L U of a panel [m, width], its rows TGI_NARROW apart and all of it room for numbers: rows are swapped in
     * it. pivots[k] is the row that went to row k. Returns the number, from 1, of the first pivot that is 0; 0:
     * none. */
    int64_t (*eliminate)(double *panel, int64_t m, int64_t width, int64_t *pivots);
    /* A panel of the same layout becomes reflections and the triangle that they leave, see householder.c; m >=
     * width. */
    void (*reflect)(double *panel, int64_t m, int64_t width, double *tau);
    /* x and y, of n numbers, become a x + b y and c x + d y. */
    void (*combine)(int64_t n, double *x, double *y, const double *abcd);
    /* All sweeps, one after another, to the rows of x, `row` apart, of n numbers; strip: room for TGI_FACTOR_STRIP
     * numbers for each row. */
    void (*turn)(double *x, int64_t n, int64_t row, const tgi_sweep *sweeps, int64_t count, double *strip);
    void (*reduce)(const tgi_reduction_step *step);
};

#endif
