/* shuffle.c: channels traded for space, and dealt out anew: views, and a copy at most. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/resample.h"
#include "ops/view.h"

#include <inttypes.h>

#define FAIL(...) (tg_op_fail(op, tg_list(x), __VA_ARGS__), false)

/* The leading dimensions of `t` made one, and the last three. */
static tg_tensor *images(tg_tensor *t, int64_t c, int64_t h, int64_t w)
{
    int64_t n = 1;
    for (int d = 0; d < t->ndim - 3; d++) n *= t->dims[d];
    return tg_reshape(t, tg_shape(n, c, h, w));
}

static tg_tensor *pixels(tg_tensor *t, tg_shape between, tg_shape order, int64_t c, int64_t h, int64_t w)
{
    tg_shape shape = tgi_shape(t);
    shape.dims[shape.ndim - 3] = c;
    shape.dims[shape.ndim - 2] = h;
    shape.dims[shape.ndim - 1] = w;
    tg_tensor *x = images(t, t->dims[t->ndim - 3], t->dims[t->ndim - 2], t->dims[t->ndim - 1]);
    if (!x) return NULL;
    between.dims[0] = x->dims[0];
    return tgi_with_own_data(tg_reshape(tg_permute(tg_reshape(x, between), order), shape), t);
}

static bool pixels_ok(const tg_op *op, tg_tensor *x, const char *name, int64_t factor)
{
    if (x->ndim < 3)
        return FAIL("%s expects input to have at least 3 dimensions, but got input with %d dimension(s)", op->name,
                    x->ndim);
    if (factor <= 0) return FAIL("%s expects a positive %s, but got %" PRId64, op->name, name, factor);
    if (factor > INT32_MAX) return FAIL("%s: %s is too large", op->name, name);
    return true;
}

tg_tensor *tg_pixel_shuffle_at(const char *where, tg_tensor *input, int64_t upscale_factor)
{
    const tg_op *op = &tgi_op_pixel_shuffle;
    const int64_t r = upscale_factor;
    if (!tg_op_begin(where, op, tg_list(input)) || !pixels_ok(op, input, "upscale_factor", r)) return NULL;
    const int64_t *last = input->dims + input->ndim - 3, c = last[0] / (r * r);
    if (last[0] % (r * r) != 0)
        return tg_op_fail(op, tg_list(input),
                          "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                          "upscale_factor, but input.size(-3)=%" PRId64 " is not divisible by %" PRId64,
                          last[0], r * r);
    return pixels(input, tg_shape(0, c, r, r, last[1], last[2]), tg_shape(0, 1, 4, 2, 5, 3), c, last[1] * r,
                  last[2] * r);
}

tg_tensor *tg_pixel_unshuffle_at(const char *where, tg_tensor *input, int64_t downscale_factor)
{
    const tg_op *op = &tgi_op_pixel_unshuffle;
    const int64_t r = downscale_factor;
    if (!tg_op_begin(where, op, tg_list(input)) || !pixels_ok(op, input, "downscale_factor", r)) return NULL;
    const int64_t *last = input->dims + input->ndim - 3, h = last[1] / r, w = last[2] / r;
    for (int d = 1; d < 3; d++)
        if (last[d] % r != 0)
            return tg_op_fail(
                op, tg_list(input),
                "pixel_unshuffle expects %s to be divisible by downscale_factor, but input.size(%d)=%" PRId64
                " is not divisible by %" PRId64,
                d == 1 ? "height" : "width", d - 3, last[d], r);
    return pixels(input, tg_shape(0, last[0], h, r, w, r), tg_shape(0, 1, 3, 5, 2, 4), last[0] * r * r, h, w);
}

tg_tensor *tg_channel_shuffle_at(const char *where, tg_tensor *input, int64_t groups)
{
    const tg_op *op = &tgi_op_channel_shuffle;
    char text[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, tg_list(input))) return NULL;
    const tg_shape shape = tgi_shape(input);
    if (shape.ndim < 3)
        return tg_op_fail(op, tg_list(input),
                          "channel_shuffle expects input with > 2 dims, but got input with sizes %s",
                          tg_shape_text(&shape, text));
    if (groups <= 0)
        return tg_op_fail(op, tg_list(input),
                          "Number of groups to divide channels in must be positive. Value of groups:%" PRId64, groups);
    if (shape.dims[1] % groups != 0)
        return tg_op_fail(op, tg_list(input),
                          "Number of channels must be divisible by groups. Got %" PRId64 " channels and %" PRId64
                          " groups.",
                          shape.dims[1], groups);
    int64_t rest = 1;
    for (int d = 2; d < shape.ndim; d++) rest *= shape.dims[d];
    tg_tensor *grouped = tg_reshape(input, tg_shape(shape.dims[0], groups, shape.dims[1] / groups, rest));
    return tgi_with_own_data(tg_reshape(tg_transpose(grouped, 1, 2), shape), input);
}

#define SHUFFLE_CALL(name)                                                                                             \
    static tg_tensor_list name##_call(const tg_value *v)                                                               \
    {                                                                                                                  \
        return tgi_result(tg_##name##_at(TG_HERE, v[0].as.tensor, v[1].as.integer));                                   \
    }
SHUFFLE_CALL(pixel_shuffle)
SHUFFLE_CALL(pixel_unshuffle)
SHUFFLE_CALL(channel_shuffle)

const tg_op tgi_op_pixel_shuffle = {
    .name = "pixel_shuffle",
    .schema = "pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
    .formula = "y[.., c, h r + i, w r + j] = x[.., c r r + i r + j, h, w], r = upscale_factor",
    .gradient = "dx = pixel_unshuffle(g, r)",
    .doc = "Channels become pixels.",
    .shapes = "[*, C r r, H, W] to [*, C, H r, W r]",
    .composite = true,
    .call = pixel_shuffle_call,
    .samples = (const char *const[]){ "pixel_shuffle(f(2, 8, 3, 2), 2)", "pixel_shuffle(f(9, 1, 2), 3)",
                                      "pixel_shuffle(f(2, 1, 4, 2, 2), 2)", "pixel_shuffle(f(2, 0, 3, 4), 2)",
                                      "pixel_shuffle(f(2, 3, 3, 2), 1)", "pixel_shuffle(i(1, 4, 2, 2), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "pixel_shuffle(f(3, 4), 2)",
              "pixel_shuffle expects input to have at least 3 dimensions, but got input with 2 dimension(s)" },
            { "pixel_shuffle(f(2, 7, 3, 4), 2)",
              "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
              "input.size(-3)=7 is not divisible by 4" },
            { "pixel_shuffle(f(2, 8, 3, 4), 0)", "pixel_shuffle expects a positive upscale_factor, but got 0" },
            { NULL, NULL } },
};

const tg_op tgi_op_pixel_unshuffle = {
    .name = "pixel_unshuffle",
    .schema = "pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
    .formula = "y[.., c r r + i r + j, h, w] = x[.., c, h r + i, w r + j], r = downscale_factor",
    .gradient = "dx = pixel_shuffle(g, r)",
    .doc = "Pixels become channels.",
    .shapes = "[*, C, H r, W r] to [*, C r r, H, W]",
    .composite = true,
    .call = pixel_unshuffle_call,
    .samples = (const char *const[]){ "pixel_unshuffle(f(2, 2, 4, 6), 2)", "pixel_unshuffle(f(1, 3, 6), 3)",
                                      "pixel_unshuffle(i(1, 1, 4, 2), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "pixel_unshuffle(f(4, 6), 2)",
              "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
              "2 dimension(s)" },
            { "pixel_unshuffle(f(2, 2, 5, 6), 2)",
              "pixel_unshuffle expects height to be divisible by downscale_factor, but "
              "input.size(-2)=5 is not divisible by 2" },
            { "pixel_unshuffle(f(2, 2, 4, 5), 2)",
              "pixel_unshuffle expects width to be divisible by downscale_factor, but "
              "input.size(-1)=5 is not divisible by 2" },
            { "pixel_unshuffle(f(2, 2, 4, 6), 0)", "pixel_unshuffle expects a positive downscale_factor, but got 0" },
            { NULL, NULL } },
};

const tg_op tgi_op_channel_shuffle = {
    .name = "channel_shuffle",
    .schema = "channel_shuffle(Tensor self, int groups) -> Tensor",
    .formula = "y[n, c groups + g, ..] = x[n, g C / groups + c, ..]",
    .gradient = "dx = channel_shuffle(g, C / groups)",
    .doc = "The channels of all groups by turns.",
    .shapes = "[N, C, *] to [N, C, *]",
    .composite = true,
    .call = channel_shuffle_call,
    .samples =
        (const char *const[]){ "channel_shuffle(f(2, 6, 2, 2), 3)", "channel_shuffle(f(2, 4, 3), 2)",
                               "channel_shuffle(f(1, 4, 2, 1, 2), 1)", "channel_shuffle(f(0, 6, 3, 4), 2)", NULL },
    .errors =
        (const tg_error_sample[]){ { "channel_shuffle(f(6, 3), 3)",
                                     "channel_shuffle expects input with > 2 dims, but got input with sizes [6, 3]" },
                                   { "channel_shuffle(f(2, 6, 3, 4), 4)",
                                     "Number of channels must be divisible by groups. Got 6 channels and 4 groups." },
                                   { "channel_shuffle(f(2, 6, 3, 4), 0)",
                                     "Number of groups to divide channels in must be positive. Value of groups:0" },
                                   { NULL, NULL } },
};
