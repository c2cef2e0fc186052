/* bag_kernels.h: rows of a table, added up. */
#ifndef TG_OPS_KERNELS_INDEX_BAG_KERNELS_H
#define TG_OPS_KERNELS_INDEX_BAG_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(bag);

/* f32, f64. x has rows of d elements, a bag n of them, each an index; without `share` (NULL) every share is 1. */
struct tgi_bag_kernels {
    /* y = the sum of x[index[i]] share[i], from i = 0 on, divided. */
    void (*sum[2])(int64_t n, int64_t d, const int64_t *index, const void *share, const void *x, double divisor, void *y);
    /* x[index[i]] += g share[i], if first <= index[i] < end. */
    void (*add[2])(int64_t n, int64_t d, const int64_t *index, const void *share, int64_t first, int64_t end,
                   const void *g, void *x);
    /* to[i] = the sum of g x[index[i]] over the row. */
    void (*dot[2])(int64_t n, int64_t d, const int64_t *index, const void *x, const void *g, void *to);
};

#endif
