/* resample.h: images and sequences brought to another size, and channels traded for space. */
#ifndef TG_OPS_RESAMPLE_H
#define TG_OPS_RESAMPLE_H

#include "../core/op.h"
#include <math.h>

TG_BEGIN_DECLS

#define TG_NO_SCALE NAN
typedef struct tg_interpolate_options {
    tg_shape size;                   /* of the result: one for each spatial dimension, or one for all; or */
    double scale_factor;             /* how many times as large as the input, */
    double scale_factors[2];         /* or that for each spatial dimension */
    const char *mode;                /* "linear" for sequences [N, C, L], "bilinear" and "bicubic" for images [N, C, H, W]; "nearest",
                                        "nearest-exact" and "area" for both */
    bool align_corners;              /* the corners' centres fall on each other, not the corners' corners; of the linear and cubic modes */
    bool recompute_scale_factor;     /* from the sizes, once the result's is rounded down */
    TG_OPTIONS_END
} tg_interpolate_options;
#define TG_INTERPOLATE_DEFAULTS                                                                                        \
    /* size */ { 0, { 0 } }, /* scale_factor */ TG_NO_SCALE, /* scale_factors */ { TG_NO_SCALE, TG_NO_SCALE },           \
    /* mode */ "nearest", /* align_corners */ false, /* recompute_scale_factor */ false TG_DEFAULTS_END
#define TG_INTERPOLATE_OPTIONS(...)                                                                                    \
    TG_OPTIONS(tg_interpolate_options, TG_INTERPOLATE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `tg_interpolate(x, .scale_factor = 2, .mode = "bilinear")`: exactly one of size and scale factor is given. */
tg_tensor *tg_interpolate_at(const char *where, tg_tensor *input, tg_interpolate_options options);
#define tg_interpolate(input, ...) tg_interpolate_at(TG_HERE, input, TG_INTERPOLATE_OPTIONS(__VA_ARGS__))

typedef struct tg_grid_sample_options {
    const char *mode;           /* "bilinear", or "nearest" */
    const char *padding_mode;   /* outside: "zeros", the "border"'s elements, or "reflection" at the border */
    bool align_corners;         /* -1 and 1 are the corners' centres, not the corners' corners */
    TG_OPTIONS_END
} tg_grid_sample_options;
#define TG_GRID_SAMPLE_DEFAULTS                                                                                        \
    /* mode */ "bilinear", /* padding_mode */ "zeros", /* align_corners */ false TG_DEFAULTS_END
#define TG_GRID_SAMPLE_OPTIONS(...) TG_OPTIONS(tg_grid_sample_options, TG_GRID_SAMPLE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Images [N, C, H, W] read at the places that grid [N, H', W', 2] tells, (x, y) from -1 to 1: [N, C, H', W']. By a grid
 * of "nearest" there is no gradient, where PyTorch has zeros. */
tg_tensor *tg_grid_sample_at(const char *where, tg_tensor *input, tg_tensor *grid, tg_grid_sample_options options);
#define tg_grid_sample(input, grid, ...) tg_grid_sample_at(TG_HERE, input, grid, TG_GRID_SAMPLE_OPTIONS(__VA_ARGS__))

/* The grid of affine maps theta [N, 2, 3] for images [N, C, H, W], the size: `tg_affine_grid(theta, tg_shape(8, 3, 32,
 * 32))`, and as in grid_sample align_corners, false unless given. */
tg_tensor *tg_affine_grid_at(const char *where, tg_tensor *theta, tg_shape size, bool align_corners);
#define tg_affine_grid(theta, size, ...)                                                                               \
    tg_affine_grid_at(TG_HERE, theta, size, TG_OR(false __VA_OPT__(,) __VA_ARGS__))

/* [*, C r r, H, W] to [*, C, H r, W r], and back. */
tg_tensor *tg_pixel_shuffle_at(const char *where, tg_tensor *input, int64_t upscale_factor);
tg_tensor *tg_pixel_unshuffle_at(const char *where, tg_tensor *input, int64_t downscale_factor);
#define tg_pixel_shuffle(input, upscale_factor)     tg_pixel_shuffle_at(TG_HERE, input, upscale_factor)
#define tg_pixel_unshuffle(input, downscale_factor) tg_pixel_unshuffle_at(TG_HERE, input, downscale_factor)

/* The channels, dimension 1, seen as [groups, C / groups], and transposed. */
tg_tensor *tg_channel_shuffle_at(const char *where, tg_tensor *input, int64_t groups);
#define tg_channel_shuffle(input, groups) tg_channel_shuffle_at(TG_HERE, input, groups)

TG_END_DECLS

#endif
