/* rearrange.h: the same elements in another order, repeated, or with a border. Results are copies, except where nothing
 * changes. */
#ifndef TG_OPS_REARRANGE_H
#define TG_OPS_REARRANGE_H

#include "../core/tensor.h"
#include "operand.h"

TG_BEGIN_DECLS

/* Dimensions reversed; fliplr: dimension 1, flipud: dimension 0. */
tg_tensor *tg_flip_at(const char *where, tg_tensor *t, tg_shape dims);
tg_tensor *tg_fliplr_at(const char *where, tg_tensor *t);
tg_tensor *tg_flipud_at(const char *where, tg_tensor *t);
#define tg_flip(t, dims) tg_flip_at(TG_HERE, t, dims)
#define tg_fliplr(t)     tg_fliplr_at(TG_HERE, t)
#define tg_flipud(t)     tg_flipud_at(TG_HERE, t)

/* Elements moved on by `shifts` along `dims`; what leaves at the end comes in at the start. Without dims the flattened
 * tensor is rolled: `tg_roll(t, tg_shape(1))`, `tg_roll(t, tg_shape(1, -2), tg_shape(0, 1))`. */
tg_tensor *tg_roll_at(const char *where, tg_tensor *t, tg_shape shifts, tg_shape dims);
#define tg_roll(t, shifts, ...) tg_roll_at(TG_HERE, t, shifts, TG_OR(tg_shape() __VA_OPT__(,) __VA_ARGS__))

/* k quarter turns, from the first of two dimensions toward the second: `tg_rot90(t)`, `tg_rot90(t, 1, tg_shape(0,
 * 1))`. */
tg_tensor *tg_rot90_at(const char *where, tg_tensor *t, int64_t k, tg_shape dims);
#define tg_rot90(t, ...)                                                                                              \
    tg_rot90_at(TG_HERE, t, TG_OR(1 __VA_OPT__(,) __VA_ARGS__), TG_OR2(tg_shape(0, 1) __VA_OPT__(,) __VA_ARGS__))

/* As repeat, but for fewer dimensions: then of the last ones. */
tg_tensor *tg_tile_at(const char *where, tg_tensor *t, tg_shape dims);
#define tg_tile(t, dims) tg_tile_at(TG_HERE, t, dims)

typedef struct tg_repeat_interleave_options {
    int64_t dim;           /* TG_NO_DIM: of the flattened tensor */
    int64_t output_size;   /* the sum of repeats, if known; -1: it is not */
    TG_OPTIONS_END
} tg_repeat_interleave_options;
#define TG_REPEAT_INTERLEAVE_DEFAULTS /* dim */ TG_NO_DIM, /* output_size */ -1 TG_DEFAULTS_END
#define TG_REPEAT_INTERLEAVE_OPTIONS(...)                                                                             \
    TG_OPTIONS(tg_repeat_interleave_options, TG_REPEAT_INTERLEAVE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Each entry of a dimension several times, one after the other: `repeats` is a number, or int64 [N] or [1]. */
tg_tensor *tg_repeat_interleave_at(const char *where, tg_tensor *t, tg_operand repeats, tg_repeat_interleave_options options);
#define tg_repeat_interleave(t, repeats, ...)                                                                         \
    tg_repeat_interleave_at(TG_HERE, t, TG_OPERAND(repeats), TG_REPEAT_INTERLEAVE_OPTIONS(__VA_ARGS__))

typedef struct tg_pad_options {
    const char *mode;   /* "constant", "reflect", "replicate" or "circular" */
    double value;       /* of "constant" */
    TG_OPTIONS_END
} tg_pad_options;
#define TG_PAD_DEFAULTS /* mode */ "constant", /* value */ 0.0 TG_DEFAULTS_END
#define TG_PAD_OPTIONS(...) TG_OPTIONS(tg_pad_options, TG_PAD_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `pad` holds two numbers for each dimension, the last dimension first: before it and behind it. Negative ones cut off.
 * The other modes pad the last one to three dimensions of a tensor that has one or two more (circular: two). */
tg_tensor *tg_pad_at(const char *where, tg_tensor *t, tg_shape pad, tg_pad_options options);
#define tg_pad(t, pad, ...) tg_pad_at(TG_HERE, t, pad, TG_PAD_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
