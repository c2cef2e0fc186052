/* pool.h: windows of images and sequences made one value each: the largest, or the average.
 *
 * Lists have one entry for each spatial dimension, or one for all: `tg_max_pool2d(x, tg_shape(2))`. Input is batched,
 * [N, C, H, W] (1d: [N, C, L], 3d: [N, C, D, H, W]), or not, [C, H, W]. */
#ifndef TG_OPS_POOL_H
#define TG_OPS_POOL_H

#include "../core/op.h"
#include "values_indices.h"

TG_BEGIN_DECLS

typedef struct tg_max_pool_options {
    tg_shape stride;     /* empty: the kernel size */
    tg_shape padding;    /* with what is never the largest; at most half a kernel */
    tg_shape dilation;   /* the distance between a window's elements */
    bool ceil_mode;      /* a last window may reach beyond the padding */
    TG_OPTIONS_END
} tg_max_pool_options;
#define TG_MAX_POOL_DEFAULTS                                                                                           \
    /* stride */ { 0, { 0 } }, /* padding */ { 1, { 0 } }, /* dilation */ { 1, { 1 } }, /* ceil_mode */ false            \
    TG_DEFAULTS_END
#define TG_MAX_POOL_OPTIONS(...) TG_OPTIONS(tg_max_pool_options, TG_MAX_POOL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Indices count from the start of a plane, row by row. */
tg_tensor *tg_max_pool1d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_max_pool_options options);
tg_tensor *tg_max_pool2d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_max_pool_options options);
tg_tensor *tg_max_pool3d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_max_pool_options options);
tg_values_indices tg_max_pool1d_with_indices_at(const char *where, tg_tensor *input, tg_shape kernel_size,
                                                 tg_max_pool_options options);
tg_values_indices tg_max_pool2d_with_indices_at(const char *where, tg_tensor *input, tg_shape kernel_size,
                                                 tg_max_pool_options options);
tg_values_indices tg_max_pool3d_with_indices_at(const char *where, tg_tensor *input, tg_shape kernel_size,
                                                 tg_max_pool_options options);
#define tg_max_pool1d(input, kernel_size, ...)                                                                         \
    tg_max_pool1d_at(TG_HERE, input, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool2d(input, kernel_size, ...)                                                                         \
    tg_max_pool2d_at(TG_HERE, input, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool3d(input, kernel_size, ...)                                                                         \
    tg_max_pool3d_at(TG_HERE, input, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool1d_with_indices(input, kernel_size, ...)                                                            \
    tg_max_pool1d_with_indices_at(TG_HERE, input, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool2d_with_indices(input, kernel_size, ...)                                                            \
    tg_max_pool2d_with_indices_at(TG_HERE, input, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))
#define tg_max_pool3d_with_indices(input, kernel_size, ...)                                                            \
    tg_max_pool3d_with_indices_at(TG_HERE, input, kernel_size, TG_MAX_POOL_OPTIONS(__VA_ARGS__))

typedef struct tg_max_unpool_options {
    tg_shape stride;        /* empty: the kernel size */
    tg_shape padding;
    tg_shape output_size;   /* of the result's spatial dimensions. Empty: the least that these windows fit into */
    TG_OPTIONS_END
} tg_max_unpool_options;
#define TG_MAX_UNPOOL_DEFAULTS /* stride */ { 0, { 0 } }, /* padding */ { 1, { 0 } }, /* output_size */ { 0, { 0 } } TG_DEFAULTS_END
#define TG_MAX_UNPOOL_OPTIONS(...) TG_OPTIONS(tg_max_unpool_options, TG_MAX_UNPOOL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Zeros, and in them what max pooling chose where it chose it: `tg_max_unpool2d(y.values, y.indices, tg_shape(2))`. */
tg_tensor *tg_max_unpool1d_at(const char *where, tg_tensor *input, tg_tensor *indices, tg_shape kernel_size,
                              tg_max_unpool_options options);
tg_tensor *tg_max_unpool2d_at(const char *where, tg_tensor *input, tg_tensor *indices, tg_shape kernel_size,
                              tg_max_unpool_options options);
tg_tensor *tg_max_unpool3d_at(const char *where, tg_tensor *input, tg_tensor *indices, tg_shape kernel_size,
                              tg_max_unpool_options options);
#define tg_max_unpool1d(input, indices, kernel_size, ...)                                                              \
    tg_max_unpool1d_at(TG_HERE, input, indices, kernel_size, TG_MAX_UNPOOL_OPTIONS(__VA_ARGS__))
#define tg_max_unpool2d(input, indices, kernel_size, ...)                                                              \
    tg_max_unpool2d_at(TG_HERE, input, indices, kernel_size, TG_MAX_UNPOOL_OPTIONS(__VA_ARGS__))
#define tg_max_unpool3d(input, indices, kernel_size, ...)                                                              \
    tg_max_unpool3d_at(TG_HERE, input, indices, kernel_size, TG_MAX_UNPOOL_OPTIONS(__VA_ARGS__))

#define TG_NO_DIVISOR INT64_MIN
typedef struct tg_avg_pool_options {
    tg_shape stride;              /* empty: the kernel size */
    tg_shape padding;             /* zeros; at most half a kernel */
    bool ceil_mode;
    bool count_include_pad;       /* padding counts in what the sum is divided by */
    int64_t divisor_override;     /* divides in its place; not of avg_pool1d */
    TG_OPTIONS_END
} tg_avg_pool_options;
#define TG_AVG_POOL_DEFAULTS                                                                                           \
    /* stride */ { 0, { 0 } }, /* padding */ { 1, { 0 } }, /* ceil_mode */ false, /* count_include_pad */ true,         \
    /* divisor_override */ TG_NO_DIVISOR TG_DEFAULTS_END
#define TG_AVG_POOL_OPTIONS(...) TG_OPTIONS(tg_avg_pool_options, TG_AVG_POOL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

tg_tensor *tg_avg_pool1d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_avg_pool_options options);
tg_tensor *tg_avg_pool2d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_avg_pool_options options);
tg_tensor *tg_avg_pool3d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_avg_pool_options options);
#define tg_avg_pool1d(input, kernel_size, ...)                                                                         \
    tg_avg_pool1d_at(TG_HERE, input, kernel_size, TG_AVG_POOL_OPTIONS(__VA_ARGS__))
#define tg_avg_pool2d(input, kernel_size, ...)                                                                         \
    tg_avg_pool2d_at(TG_HERE, input, kernel_size, TG_AVG_POOL_OPTIONS(__VA_ARGS__))
#define tg_avg_pool3d(input, kernel_size, ...)                                                                         \
    tg_avg_pool3d_at(TG_HERE, input, kernel_size, TG_AVG_POOL_OPTIONS(__VA_ARGS__))

typedef struct tg_lp_pool_options {
    tg_shape stride;   /* empty: the kernel size */
    bool ceil_mode;
    TG_OPTIONS_END
} tg_lp_pool_options;
#define TG_LP_POOL_DEFAULTS /* stride */ { 0, { 0 } }, /* ceil_mode */ false TG_DEFAULTS_END
#define TG_LP_POOL_OPTIONS(...) TG_OPTIONS(tg_lp_pool_options, TG_LP_POOL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The sum of each window's elements to the power p, to the power 1 / p; p = norm_type. A window of zeros has the
 * gradient NaN, as in PyTorch. */
tg_tensor *tg_lp_pool1d_at(const char *where, tg_tensor *input, double norm_type, tg_shape kernel_size,
                           tg_lp_pool_options options);
tg_tensor *tg_lp_pool2d_at(const char *where, tg_tensor *input, double norm_type, tg_shape kernel_size,
                           tg_lp_pool_options options);
#define tg_lp_pool1d(input, norm_type, kernel_size, ...)                                                               \
    tg_lp_pool1d_at(TG_HERE, input, norm_type, kernel_size, TG_LP_POOL_OPTIONS(__VA_ARGS__))
#define tg_lp_pool2d(input, norm_type, kernel_size, ...)                                                               \
    tg_lp_pool2d_at(TG_HERE, input, norm_type, kernel_size, TG_LP_POOL_OPTIONS(__VA_ARGS__))

/* The result has the given size: window i of n runs from floor(i size / n) to ceil((i + 1) size / n). TG_SAME_SIZE,
 * which is PyTorch's None, leaves a dimension as it is: `tg_adaptive_avg_pool2d(x, tg_shape(TG_SAME_SIZE, 7))`. */
#define TG_SAME_SIZE INT64_MIN
tg_tensor *tg_adaptive_avg_pool1d_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_tensor *tg_adaptive_avg_pool2d_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_tensor *tg_adaptive_avg_pool3d_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_tensor *tg_adaptive_max_pool1d_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_tensor *tg_adaptive_max_pool2d_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_tensor *tg_adaptive_max_pool3d_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_values_indices tg_adaptive_max_pool1d_with_indices_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_values_indices tg_adaptive_max_pool2d_with_indices_at(const char *where, tg_tensor *input, tg_shape output_size);
tg_values_indices tg_adaptive_max_pool3d_with_indices_at(const char *where, tg_tensor *input, tg_shape output_size);
#define tg_adaptive_avg_pool1d(input, output_size) tg_adaptive_avg_pool1d_at(TG_HERE, input, output_size)
#define tg_adaptive_avg_pool2d(input, output_size) tg_adaptive_avg_pool2d_at(TG_HERE, input, output_size)
#define tg_adaptive_avg_pool3d(input, output_size) tg_adaptive_avg_pool3d_at(TG_HERE, input, output_size)
#define tg_adaptive_max_pool1d(input, output_size) tg_adaptive_max_pool1d_at(TG_HERE, input, output_size)
#define tg_adaptive_max_pool2d(input, output_size) tg_adaptive_max_pool2d_at(TG_HERE, input, output_size)
#define tg_adaptive_max_pool3d(input, output_size) tg_adaptive_max_pool3d_at(TG_HERE, input, output_size)
#define tg_adaptive_max_pool1d_with_indices(input, output_size)                                                        \
    tg_adaptive_max_pool1d_with_indices_at(TG_HERE, input, output_size)
#define tg_adaptive_max_pool2d_with_indices(input, output_size)                                                        \
    tg_adaptive_max_pool2d_with_indices_at(TG_HERE, input, output_size)
#define tg_adaptive_max_pool3d_with_indices(input, output_size)                                                        \
    tg_adaptive_max_pool3d_with_indices_at(TG_HERE, input, output_size)

TG_END_DECLS

#endif
