/* resample_kernels.h: planes brought to another size. */
#ifndef TG_OPS_KERNELS_IMAGE_RESAMPLE_KERNELS_H
#define TG_OPS_KERNELS_IMAGE_RESAMPLE_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(resample);

/* What one index of the result takes along one dimension: x[at[0]] share[0] + x[at[1]] share[1]. */
typedef struct tgi_tap {
    int64_t at[2];
    double share[2];
} tgi_tap;

typedef struct tgi_resample {
    int64_t h, w, oh, ow;
    const tgi_tap *rows, *columns; /* oh and ow of them; rows NULL: h and oh are 1, and there is no share of a row */
} tgi_resample;

/* f32, f64. Each with its transpose. */
struct tgi_resample_kernels {
    void (*nearest[2])(const tgi_resample *r, int64_t planes, const void *x, void *y); /* takes at[0] whole */
    void (*nearest_backward[2])(const tgi_resample *r, int64_t planes, const void *g, void *x);
    void (*linear[2])(const tgi_resample *r, int64_t planes, const void *x, void *y);
    void (*linear_backward[2])(const tgi_resample *r, int64_t planes, const void *g, void *x);
};

#endif
