/* sort_order.h: the order of a row of elements. No vector pays here, so there is one version for all instruction sets.
 *
 * Elements become unsigned keys in the order wanted, packed with their places, and those are sorted: a few by
 * insertion, many digit by digit from the lowest on (radix sort), which passes over digits that all keys share. Either
 * way equal elements keep their order. 0 and -0 are equal; NaN is larger than everything else, and equal to NaN. */
#ifndef TG_OPS_KERNELS_INDEX_SORT_ORDER_H
#define TG_OPS_KERNELS_INDEX_SORT_ORDER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tgi_sort_row {
    int dtype; /* TGI_F32 .. */
    bool descending;
    int64_t n;
    const void *a; /* contiguous */
} tgi_sort_row;

/* order[i]: the place in the row of the element that comes i-th, for the first `count` of them. */
void tgi_sort_order(const tgi_sort_row *row, int64_t count, int64_t *order);

#endif
