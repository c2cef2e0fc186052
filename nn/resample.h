/* resample.h: resampling and rearranging as modules, for Sequential and for print:
 *
 *     tg_sequential_new(tg_conv2d_new(8, 4, tg_shape(3)), tg_pixel_shuffle_new(2), tg_upsample_new(.scale_factor = 2))
 *
 * Call them with tg_module_forward. Sizes and options are those of ops/resample.h, ops/conv.h and ops/view.h. */
#ifndef TG_NN_RESAMPLE_H
#define TG_NN_RESAMPLE_H

#include "../ops/conv.h"
#include "../ops/resample.h"
#include "module.h"

TG_BEGIN_DECLS

tg_module *tg_upsample_new_at(const char *where, tg_interpolate_options options);
tg_module *tg_pixel_shuffle_new_at(const char *where, int64_t upscale_factor);
tg_module *tg_pixel_unshuffle_new_at(const char *where, int64_t downscale_factor);
#define tg_upsample_new(...)                    tg_upsample_new_at(TG_HERE, TG_INTERPOLATE_OPTIONS(__VA_ARGS__))
#define tg_pixel_shuffle_new(upscale_factor)     tg_pixel_shuffle_new_at(TG_HERE, upscale_factor)
#define tg_pixel_unshuffle_new(downscale_factor) tg_pixel_unshuffle_new_at(TG_HERE, downscale_factor)

/* Upsample of images, in the mode of the name; bilinear aligns the corners. Only size and scale factors are read. */
tg_module *tg_upsampling_nearest2d_new_at(const char *where, tg_interpolate_options options);
tg_module *tg_upsampling_bilinear2d_new_at(const char *where, tg_interpolate_options options);
#define tg_upsampling_nearest2d_new(...)                                                                               \
    tg_upsampling_nearest2d_new_at(TG_HERE, TG_INTERPOLATE_OPTIONS(__VA_ARGS__))
#define tg_upsampling_bilinear2d_new(...)                                                                              \
    tg_upsampling_bilinear2d_new_at(TG_HERE, TG_INTERPOLATE_OPTIONS(__VA_ARGS__))

tg_module *tg_channel_shuffle_new_at(const char *where, int64_t groups);
#define tg_channel_shuffle_new(groups) tg_channel_shuffle_new_at(TG_HERE, groups)

/* Windows as columns, and columns added up where they came from: tg_unfold and tg_fold of ops/conv.h. */
tg_module *tg_unfold_new_at(const char *where, tg_shape kernel_size, tg_unfold_options options);
tg_module *tg_fold_new_at(const char *where, tg_shape output_size, tg_shape kernel_size, tg_unfold_options options);
#define tg_unfold_new(kernel_size, ...) tg_unfold_new_at(TG_HERE, kernel_size, TG_UNFOLD_OPTIONS(__VA_ARGS__))
#define tg_fold_new(output_size, kernel_size, ...)                                                                     \
    tg_fold_new_at(TG_HERE, output_size, kernel_size, TG_UNFOLD_OPTIONS(__VA_ARGS__))

tg_module *tg_unflatten_new_at(const char *where, int64_t dim, tg_shape sizes);
#define tg_unflatten_new(dim, sizes) tg_unflatten_new_at(TG_HERE, dim, sizes)

TG_END_DECLS

#endif
