/* resample_kernels.h: planes brought to another size. */
#ifndef TG_OPS_KERNELS_IMAGE_RESAMPLE_KERNELS_H
#define TG_OPS_KERNELS_IMAGE_RESAMPLE_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(resample);

enum { TGI_MOST_TAPS = 4 };

/* What the n indices of the result take along one dimension: index i the sum over k of x[at[k n + i]] share[k n + i].
 * Of each k, at does not fall; at[i], at[n + i], ... are neighbours, those outside moved to the border. */
typedef struct tgi_taps {
    const int32_t *at;
    const void *share; /* of the planes' dtype */
} tgi_taps;

typedef struct tgi_resample {
    int64_t h, w, oh, ow;
    int taps;               /* of each index, 1, 2 or 4; of 1 there is no share: it is taken whole */
    tgi_taps rows, columns; /* of oh and ow indices; rows.at NULL: h and oh are 1, and there is no share of a row */
} tgi_resample;

/* f32, f64. Each with its transpose. */
struct tgi_resample_kernels {
    void (*nearest[2])(const tgi_resample *r, int64_t planes, const void *x, void *y); /* taps: 1 */
    void (*nearest_backward[2])(const tgi_resample *r, int64_t planes, const void *g, void *x);
    void (*blend[2])(const tgi_resample *r, int64_t planes, const void *x, void *y); /* taps: 2 or 4 */
    void (*blend_backward[2])(const tgi_resample *r, int64_t planes, const void *g, void *x);
};

#endif
