/* softmax_kernels.h: softmax, log_softmax and their gradients. */
#ifndef TG_OPS_KERNELS_REDUCE_SOFTMAX_KERNELS_H
#define TG_OPS_KERNELS_REDUCE_SOFTMAX_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(softmax);

/* What softmax runs over: [outer, n, m] along n. An index of n is `row` elements from the next, one of outer n * row;
 * the m inner elements are contiguous, m <= row. The same for all tensors. */
typedef struct tgi_softmax {
    int64_t outer, n, m, row;
} tgi_softmax;

struct tgi_softmax_kernels {
    /* y = softmax(a) or log_softmax(a) along n, by the maximum-shifted formula; see tgi_softmax. Backward: da from y
     * and g: y (g - sum(g y)), and g - e^y sum(g). f32 and f64 ([0], [1]). The result overlaps nothing. */
    void (*softmax[2])(const tgi_softmax *shape, const void *a, void *y);
    void (*log_softmax[2])(const tgi_softmax *shape, const void *a, void *y);
    void (*softmax_backward[2])(const tgi_softmax *shape, const void *g, const void *y, void *da);
    void (*log_softmax_backward[2])(const tgi_softmax *shape, const void *g, const void *y, void *da);
};

#endif
