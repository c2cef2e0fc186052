/* conv.h: convolutions, and the sliding windows they are made of. */
#ifndef TG_OPS_CONV_H
#define TG_OPS_CONV_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* A value for .padding: so many zeros that the result has the input's size. Only for a stride of 1. */
#define TG_SAME (TG_LITERAL(tg_shape){ -1, { 0 } })

/* Lists have one entry for each spatial dimension, or one for all: `.stride = tg_shape(2)`. */
typedef struct tg_conv_options {
    tg_tensor *bias;     /* [out channels], or NULL */
    tg_shape stride;
    tg_shape padding;    /* zeros on either side, or TG_SAME */
    tg_shape dilation;   /* the distance between the weight's taps */
    int64_t groups;      /* channels are cut into so many groups, each convolved by itself */
    TG_OPTIONS_END
} tg_conv_options;
#define TG_CONV_DEFAULTS                                                                                               \
    /* bias */ NULL, /* stride */ { 1, { 1 } }, /* padding */ { 1, { 0 } }, /* dilation */ { 1, { 1 } }, /* groups */ 1  \
    TG_DEFAULTS_END
#define TG_CONV_OPTIONS(...) TG_OPTIONS(tg_conv_options, TG_CONV_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `tg_conv2d(x, w, .bias = b, .padding = tg_shape(1))`: x [N, C, H, W] or [C, H, W] by weight [K, C / groups, R, S] is
 * [N, K, H', W'] with H' = (H + 2 padding - dilation (R - 1) - 1) / stride + 1. conv1d has no H and no R, conv3d a
 * depth before them: x [N, C, D, H, W], weight [K, C / groups, T, R, S]. */
tg_tensor *tg_conv1d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_options options);
tg_tensor *tg_conv2d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_options options);
tg_tensor *tg_conv3d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_options options);
#define tg_conv1d(input, weight, ...) tg_conv1d_at(TG_HERE, input, weight, TG_CONV_OPTIONS(__VA_ARGS__))
#define tg_conv2d(input, weight, ...) tg_conv2d_at(TG_HERE, input, weight, TG_CONV_OPTIONS(__VA_ARGS__))
#define tg_conv3d(input, weight, ...) tg_conv3d_at(TG_HERE, input, weight, TG_CONV_OPTIONS(__VA_ARGS__))

typedef struct tg_conv_transpose_options {
    tg_tensor *bias;
    tg_shape stride, padding;
    tg_shape output_padding; /* added to one side of the result's size: what division by the stride lost */
    int64_t groups;
    tg_shape dilation;
    TG_OPTIONS_END
} tg_conv_transpose_options;
#define TG_CONV_TRANSPOSE_DEFAULTS                                                                                     \
    /* bias */ NULL, /* stride */ { 1, { 1 } }, /* padding */ { 1, { 0 } }, /* output_padding */ { 1, { 0 } },           \
    /* groups */ 1, /* dilation */ { 1, { 1 } } TG_DEFAULTS_END
#define TG_CONV_TRANSPOSE_OPTIONS(...)                                                                                 \
    TG_OPTIONS(tg_conv_transpose_options, TG_CONV_TRANSPOSE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* What a convolution's gradient by its input computes, as an op: x [N, K, H, W] or [K, H, W] by weight
 * [K, C / groups, R, S] is [N, C, H', W'] with H' = (H - 1) stride - 2 padding + dilation (R - 1) + 1 +
 * output_padding. */
tg_tensor *tg_conv_transpose1d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_transpose_options options);
tg_tensor *tg_conv_transpose2d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_transpose_options options);
tg_tensor *tg_conv_transpose3d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_transpose_options options);
#define tg_conv_transpose1d(input, weight, ...)                                                                        \
    tg_conv_transpose1d_at(TG_HERE, input, weight, TG_CONV_TRANSPOSE_OPTIONS(__VA_ARGS__))
#define tg_conv_transpose2d(input, weight, ...)                                                                        \
    tg_conv_transpose2d_at(TG_HERE, input, weight, TG_CONV_TRANSPOSE_OPTIONS(__VA_ARGS__))
#define tg_conv_transpose3d(input, weight, ...)                                                                        \
    tg_conv_transpose3d_at(TG_HERE, input, weight, TG_CONV_TRANSPOSE_OPTIONS(__VA_ARGS__))

/* PyTorch's common form of those over one and two dimensions, on batched input: lists with one entry for each
 * dimension. */
tg_tensor *tg_convolution_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_tensor *bias, tg_shape stride,
                             tg_shape padding, tg_shape dilation, bool transposed, tg_shape output_padding, int64_t groups);
#define tg_convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)             \
    tg_convolution_at(TG_HERE, input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)

typedef struct tg_unfold_options {
    tg_shape dilation, padding, stride;
    TG_OPTIONS_END
} tg_unfold_options;
#define TG_UNFOLD_DEFAULTS                                                                                             \
    /* dilation */ { 1, { 1 } }, /* padding */ { 1, { 0 } }, /* stride */ { 1, { 1 } } TG_DEFAULTS_END
#define TG_UNFOLD_OPTIONS(...) TG_OPTIONS(tg_unfold_options, TG_UNFOLD_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* torch.nn.functional.unfold: the windows of images [N, C, H, W] or [C, H, W] as columns, [N, C R S, windows]. fold
 * adds them up where they came from. */
tg_tensor *tg_unfold_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_unfold_options options);
tg_tensor *tg_fold_at(const char *where, tg_tensor *input, tg_shape output_size, tg_shape kernel_size,
                      tg_unfold_options options);
#define tg_unfold(input, kernel_size, ...) tg_unfold_at(TG_HERE, input, kernel_size, TG_UNFOLD_OPTIONS(__VA_ARGS__))
#define tg_fold(input, output_size, kernel_size, ...)                                                                  \
    tg_fold_at(TG_HERE, input, output_size, kernel_size, TG_UNFOLD_OPTIONS(__VA_ARGS__))

/* torch.Tensor.unfold: all slices of `size` of a dimension, `step` apart, as a view with one dimension more. */
tg_tensor *tg_tensor_unfold_at(const char *where, tg_tensor *t, int64_t dimension, int64_t size, int64_t step);
#define tg_tensor_unfold(t, dimension, size, step) tg_tensor_unfold_at(TG_HERE, t, dimension, size, step)

TG_END_DECLS

#endif
