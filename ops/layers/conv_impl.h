/* conv_impl.h: what the files of the convolution family share. Internal to ops/. */
#ifndef TG_OPS_LAYERS_CONV_IMPL_H
#define TG_OPS_LAYERS_CONV_IMPL_H

#include "ops/conv.h"
#include "ops/base/iterate.h"
#include "ops/kernels/conv/conv_kernels.h"

TG_EXTERN_C_BEGIN

/* A convolution as it stands on the tape. */
typedef struct tgi_convolved {
    tgi_conv sizes;
    int spatial;      /* dimensions, 1 or 2; of one the height is 1 */
    bool transposed;  /* the image is computed from the result, and not the other way round */
} tgi_convolved;

/* result = image * weight, or, transposed, image = result * weight, plus the bias (may be NULL): the map that `c`
 * describes of tensors that fit it, recorded. NULL is passed on. */
tg_tensor *tgi_convolve(tg_tensor *input, tg_tensor *weight, tg_tensor *bias, const tgi_convolved *c);

/* The checks of PyTorch's convolution, in its order and words; fills in `c`. `same`: the result has the input's size, and
 * the padding is not looked at. False: an error was recorded. */
typedef struct tgi_conv_call {
    const tg_op *op;
    tg_tensor *input, *weight, *bias; /* batched input */
    tg_shape stride, padding, dilation, output_padding;
    bool same, transposed;
    int64_t groups;
} tgi_conv_call;
bool tgi_conv_check(tgi_conv_call *call, tgi_convolved *c);

/* Descriptors that stand outside conv.c, for the family's table. */
extern const tg_op tgi_op_conv1d, tgi_op_conv2d, tgi_op_conv_transpose1d, tgi_op_conv_transpose2d;
extern const tg_op tgi_op_unfold, tgi_op_fold, tgi_op_tensor_unfold, tgi_op_tensor_unfold_backward;

TG_EXTERN_C_END

#endif
