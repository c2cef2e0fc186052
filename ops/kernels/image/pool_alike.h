/* pool_alike.h: windows that are alike. */
#ifndef TG_OPS_KERNELS_IMAGE_POOL_ALIKE_H
#define TG_OPS_KERNELS_IMAGE_POOL_ALIKE_H

#include "pool_kernels.h"
#include "ops/kernels/template/scalar.h"

enum { TGI_ALIKE = 128 }; /* windows that are looked at together */

/* Columns of windows that are alike, `stride` apart. */
typedef struct tgi_alike {
    int64_t count, stride, start, span;
} tgi_alike;

/* The first of them, as many as go together. */
TGI_INLINE tgi_alike tgi_alike_windows(const tgi_window *columns, int64_t count)
{
    tgi_alike a = { .count = 1, .stride = 1, .start = columns[0].start, .span = columns[0].end - columns[0].start };
    if (count > 1) a.stride = columns[1].start - columns[0].start;
    if (count > TGI_ALIKE) count = TGI_ALIKE;
    while (a.count < count && columns[a.count].start == a.start + a.count * a.stride &&
           columns[a.count].end - columns[a.count].start == a.span)
        a.count++;
    return a;
}

#endif
