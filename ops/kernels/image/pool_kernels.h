/* pool_kernels.h: the largest and the average of windows of planes. */
#ifndef TG_OPS_KERNELS_IMAGE_POOL_KERNELS_H
#define TG_OPS_KERNELS_IMAGE_POOL_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(pool);

/* Along one dimension: the indices start, start + step, ... below end, of which the average counts `count`. */
typedef struct tgi_window {
    int64_t start, end, count;
} tgi_window;

/* Planes of h x w elements become planes of oh x ow, one for each pair of a window of rows and one of columns. */
typedef struct tgi_pool {
    int64_t h, w, oh, ow;
    int64_t step_h, step_w;            /* 1 for averages */
    const tgi_window *rows, *columns;  /* oh and ow of them */
    int64_t divisor;                   /* of averages; 0: what the two windows count */
} tgi_pool;

struct tgi_pool_kernels {
    /* y = the largest of each window, the last NaN before anything, the first of equals; indices, unless NULL, where in
     * its plane that stands. f32, f64. */
    void (*max[2])(const tgi_pool *p, int64_t planes, const void *x, void *y, int64_t *indices);
    /* y = the sum of each window, divided; and the transpose of that map. f32, f64, i64 (whose quotient is
     * truncated). */
    void (*average[3])(const tgi_pool *p, int64_t planes, const void *x, void *y);
    void (*average_backward[3])(const tgi_pool *p, int64_t planes, const void *g, void *x);
    /* Planes of n elements: y[i] = x[indices[i]] for i < m; and the transpose of that map. An index outside the plane,
     * as of a window that has no element, stands for 0. */
    void (*gather[2])(int64_t planes, int64_t n, int64_t m, const void *x, const int64_t *indices, void *y);
    void (*scatter[2])(int64_t planes, int64_t n, int64_t m, const void *g, const int64_t *indices, void *x);
};

#endif
