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
    int spatial;      /* dimensions, 1 or 2; of one the height is 1. 3: nothing but `transposed` counts */
    bool transposed;  /* the image is computed from the result, and not the other way round */
} tgi_convolved;

/* result = image * weight, or, transposed, image = result * weight, plus the bias (may be NULL): the map that `c`
 * describes of tensors that fit it, recorded. NULL is passed on. */
tg_tensor *tgi_convolve(tg_tensor *input, tg_tensor *weight, tg_tensor *bias, const tgi_convolved *c);

/* What a call asks for. `same`: the result has the input's size, and the padding is not looked at. */
typedef struct tgi_conv_call {
    const tg_op *op;
    tg_tensor *input, *weight, *bias; /* batched input */
    tg_shape stride, padding, dilation, output_padding;
    bool same, transposed;
    int64_t groups;
} tgi_conv_call;
/* Checks all of it, makes its lists those of all dimensions and fills in `c`. False: an error was recorded. */
bool tgi_conv_check(tgi_conv_call *call, tgi_convolved *c);
/* What a checked call over three dimensions asks for, made of a convolution over two. */
tg_tensor *tgi_conv_volume(const tgi_conv_call *call);
/* Makes a list of one entry one of `count`. False, with PyTorch's error recorded, when it has neither as many. */
bool tgi_conv_expand_list(const tgi_conv_call *call, tg_shape *list, const char *name, int count);
/* The tensors of a call, for errors; until the next call of this function. */
tg_tensor_list tgi_conv_inputs(const tgi_conv_call *call);

TG_EXTERN_C_END

#endif
