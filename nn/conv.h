/* conv.h: convolutions as modules.
 *
 * Sizes are lists with one entry for each spatial dimension, or one for all: `tg_conv2d_new(3, 8, tg_shape(3),
 * .padding = tg_shape(1))`. PyTorch's padding="same" is `.padding = TG_SAME`, "valid" the default. Weight and bias are
 * drawn from U(-b, b), the weight first, b = 1 / sqrt(its fan-in), as PyTorch's. */
#ifndef TG_NN_CONV_H
#define TG_NN_CONV_H

#include "../ops/conv.h"
#include "../ops/create.h"
#include "module.h"

TG_BEGIN_DECLS

/* All six; a forward convolution has no output_padding. */
typedef struct tg_conv {
    tg_module base;
    int64_t in_channels, out_channels, groups;
    int spatial; /* dimensions, 1 to 3 */
    bool transposed;
    tg_shape kernel_size, stride, padding, output_padding, dilation;
    const char *padding_mode;
    tg_tensor *weight; /* [out, in / groups, *kernel_size]; transposed [in, out / groups, *kernel_size] */
    tg_tensor *bias;   /* [out]; NULL without */
} tg_conv;

typedef struct tg_conv_module_options {
    tg_shape stride, padding, dilation;
    int64_t groups;
    bool bias;
    const char *padding_mode; /* "zeros"; of forward ones also "reflect", "replicate" or "circular" */
    tg_shape output_padding; /* of transposed ones */
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_conv_module_options;
#define TG_CONV_MODULE_DEFAULTS                                                                                        \
    /* stride */ { 1, { 1 } }, /* padding */ { 1, { 0 } }, /* dilation */ { 1, { 1 } }, /* groups */ 1, /* bias */ true, \
    /* padding_mode */ "zeros", /* output_padding */ { 1, { 0 } }, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_CONV_MODULE_OPTIONS(...)                                                                                    \
    TG_OPTIONS(tg_conv_module_options, TG_CONV_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

tg_conv *tg_conv1d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                          tg_conv_module_options options);
tg_conv *tg_conv2d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                          tg_conv_module_options options);
tg_conv *tg_conv3d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                          tg_conv_module_options options);
tg_conv *tg_conv_transpose1d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                                    tg_conv_module_options options);
tg_conv *tg_conv_transpose2d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                                    tg_conv_module_options options);
tg_conv *tg_conv_transpose3d_new_at(const char *where, int64_t in_channels, int64_t out_channels, tg_shape kernel_size,
                                    tg_conv_module_options options);
#define tg_conv1d_new(in_channels, out_channels, kernel_size, ...)                                                     \
    tg_conv1d_new_at(TG_HERE, in_channels, out_channels, kernel_size, TG_CONV_MODULE_OPTIONS(__VA_ARGS__))
#define tg_conv2d_new(in_channels, out_channels, kernel_size, ...)                                                     \
    tg_conv2d_new_at(TG_HERE, in_channels, out_channels, kernel_size, TG_CONV_MODULE_OPTIONS(__VA_ARGS__))
#define tg_conv3d_new(in_channels, out_channels, kernel_size, ...)                                                     \
    tg_conv3d_new_at(TG_HERE, in_channels, out_channels, kernel_size, TG_CONV_MODULE_OPTIONS(__VA_ARGS__))
#define tg_conv_transpose1d_new(in_channels, out_channels, kernel_size, ...)                                           \
    tg_conv_transpose1d_new_at(TG_HERE, in_channels, out_channels, kernel_size, TG_CONV_MODULE_OPTIONS(__VA_ARGS__))
#define tg_conv_transpose2d_new(in_channels, out_channels, kernel_size, ...)                                           \
    tg_conv_transpose2d_new_at(TG_HERE, in_channels, out_channels, kernel_size, TG_CONV_MODULE_OPTIONS(__VA_ARGS__))
#define tg_conv_transpose3d_new(in_channels, out_channels, kernel_size, ...)                                           \
    tg_conv_transpose3d_new_at(TG_HERE, in_channels, out_channels, kernel_size, TG_CONV_MODULE_OPTIONS(__VA_ARGS__))

tg_tensor *tg_conv_forward_at(const char *where, tg_conv *m, tg_tensor *x);
#define tg_conv_forward(m, x) tg_conv_forward_at(TG_HERE, m, x)

TG_END_DECLS

#endif
