/* conv_kernels.h: the three maps of a convolution.
 *
 * They come from one trilinear form, the sum over all products weight * image * result that belong together: leave one
 * factor out and the form is a linear map of the other two. A convolution leaves out the result, its input gradient (a
 * transposed convolution) the image, its weight gradient the weight. */
#ifndef TG_OPS_KERNELS_CONV_CONV_KERNELS_H
#define TG_OPS_KERNELS_CONV_CONV_KERNELS_H

#include "ops/kernels/kernels.h"

TGI_KERNEL_FAMILY(conv);

/* image [batch, groups * c, h, w], result [batch, groups * k, oh, ow], weight [groups * k, c, kh, kw], all contiguous.
 * Result (i, j) belongs with image (i * stride - pad + r * dilation, likewise j) under weight (r, s), where the image
 * has such an element. No size need follow from another one. */
typedef struct tgi_conv {
    int64_t batch, groups, c, k;
    int64_t h, w, oh, ow, kh, kw;
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
} tgi_conv;

/* Which factor is computed from the other two. */
typedef enum tgi_conv_map { TGI_CONV_RESULT, TGI_CONV_IMAGE, TGI_CONV_WEIGHT } tgi_conv_map;

typedef struct tgi_conv_job {
    const tgi_conv *s;
    tgi_conv_map map;
    const void *image, *result, *weight; /* the two that are given */
    const void *bias; /* one for each channel of what is computed, or NULL; none for the weight */
    void *to;         /* overlaps nothing */
    void *room;       /* as many bytes as plan said, 64-byte aligned */
} tgi_conv_job;

struct tgi_conv_kernels {
    /* f32, f64, i64. A map is run as begin, then each task once, on any threads, then end. `plan` returns the number of
     * tasks, which follows from the sizes alone. Nothing need be initialised. */
    int64_t (*plan[3])(const tgi_conv *s, tgi_conv_map map, size_t *room);
    void (*begin[3])(const tgi_conv_job *job);
    void (*run[3])(const tgi_conv_job *job, int64_t task);
    void (*end[3])(const tgi_conv_job *job);
    /* The image's windows as columns [batch, c, kh, kw, oh, ow], and the transpose of that map; groups and k are not
     * looked at. f32, f64. */
    void (*unfold[2])(const tgi_conv *s, const void *image, void *columns);
    void (*fold[2])(const tgi_conv *s, const void *columns, void *image);
};

#endif
