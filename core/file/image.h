/* image.h: pictures written as PNG, PPM and PGM, and read from PPM and PGM; many of them put side by side.
 *
 *     tg_save_png(tg_image_grid(samples, .nrow = 8), "samples.png");
 *
 * A picture is [height, width] or [1, height, width] of grey, [3, height, width] of red, green and blue, in PNG also
 * [4, height, width] with the opacity behind. Floats go from 0 to 1 and are rounded as torchvision's save_image does;
 * what lies outside is cut off, NaN is 0. int64 goes from 0 to 255, and what lies outside is an error; bool is black or
 * white. */
#ifndef TG_CORE_FILE_IMAGE_H
#define TG_CORE_FILE_IMAGE_H

#include "core/shape.h"
#include "core/tensor.h"

TG_BEGIN_DECLS

/* The file, of 8 bits a channel, is there whole or not at all. */
tg_status tg_save_png_at(const char *where, const tg_tensor *image, const char *path);
#define tg_save_png(image, path) tg_save_png_at(TG_HERE, image, path)
/* A binary PPM (P6), or of a grey picture a PGM (P5). */
tg_status tg_save_ppm_at(const char *where, const tg_tensor *image, const char *path);
#define tg_save_ppm(image, path) tg_save_ppm_at(TG_HERE, image, path)

typedef struct tg_load_ppm_options {
    tg_dtype dtype; /* float32 or float64 from 0 to 1, or int64 as the file has them; what is not said is float32 */
    TG_OPTIONS_END
} tg_load_ppm_options;
#define TG_LOAD_PPM_DEFAULTS /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* A PPM or PGM, binary (P5, P6) or of text (P2, P3), of up to 16 bits: [3, height, width], or of grey [1, height,
 * width]. NULL on error. */
tg_tensor *tg_load_ppm_at(const char *where, const char *path, tg_load_ppm_options options);
#define tg_load_ppm(path, ...)                                                                                         \
    tg_load_ppm_at(TG_HERE, path, TG_OPTIONS(tg_load_ppm_options, TG_LOAD_PPM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_image_grid_options {
    int64_t nrow;     /* pictures in a row */
    int64_t padding;  /* pixels between and around them */
    bool normalize;   /* stretch what they hold to 0 to 1: */
    bool scale_each;  /* each picture by itself */
    double pad_value; /* of the padding */
    TG_OPTIONS_END
} tg_image_grid_options;
#define TG_IMAGE_GRID_DEFAULTS                                                                                         \
    /* nrow */ 8, /* padding */ 2, /* normalize */ false, /* scale_each */ false, /* pad_value */ 0 TG_DEFAULTS_END

/* [n, channels, height, width], or one picture, as one: [channels, rows (height + padding) + padding, columns (width +
 * padding) + padding]. As torchvision's make_grid, so grey ones get three channels, and one picture gets no padding.
 * The tape does not see it. */
tg_tensor *tg_image_grid_at(const char *where, const tg_tensor *images, tg_image_grid_options options);
#define tg_image_grid(images, ...)                                                                                     \
    tg_image_grid_at(TG_HERE, images,                                                                                  \
                     TG_OPTIONS(tg_image_grid_options, TG_IMAGE_GRID_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
