/* resample.c: images brought to another size, and elements rearranged, as modules. */
#include "resample.h"

#include "core/tensor_impl.h"
#include "ops/layers/resample_impl.h"
#include "ops/view.h"
#include "module_impl.h"

typedef int repr_fn(tg_module *module, char *buffer, size_t size);

/* ---- resampling ---- */

typedef struct upsample {
    tg_module base;
    tg_interpolate_options options; /* of which `mode` is NULL where there is none of that name: */
    char other_mode[32];
} upsample;

/* The mode that was given; what is none is refused when it is called, as PyTorch does. */
static const char *mode_of(const upsample *m) { return m->options.mode ? m->options.mode : m->other_mode; }

static tg_tensor *upsample_forward(tg_module *m, tg_tensor *x)
{
    tg_interpolate_options o = ((const upsample *)m)->options;
    o.mode = mode_of((const upsample *)m);
    return tg_interpolate_at(TG_HERE, x, o);
}

static int upsample_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_interpolate_options *o = &((const upsample *)module)->options;
    char text[64], a[TGI_REAL_TEXT], b[TGI_REAL_TEXT];
    const char *mode = mode_of((const upsample *)module);
    if (o->size.ndim)
        return snprintf(buffer, size, "%s, mode=%s", tgi_print_size("size=", &o->size, text, sizeof text), mode);
    if (isnan(o->scale_factors[0]))
        return snprintf(buffer, size, "scale_factor=%s, mode=%s", tgi_real_text(o->scale_factor, a), mode);
    return snprintf(buffer, size, "scale_factor=(%s, %s), mode=%s", tgi_real_text(o->scale_factors[0], a),
                    tgi_real_text(o->scale_factors[1], b), mode);
}

static tg_module *upsample_new(const char *where, const char *name, tg_interpolate_options options)
{
    upsample *m = TGI_MODULE_NEW(where, upsample, .name = name, .type = "", .forward = upsample_forward,
                                 .extra_repr = upsample_repr);
    if (!m) return NULL;
    if (!tgi_shape_ok(name, "size", &options.size)) {
        tg_module_free(m);
        return NULL;
    }
    TGI_SET_OPTIONS(m->options, options);
    m->options.mode = tgi_interpolation_mode(options.mode);
    snprintf(m->other_mode, sizeof m->other_mode, "%s", options.mode ? options.mode : "None");
    return &m->base;
}

tg_module *tg_upsample_new_at(const char *where, tg_interpolate_options options)
{
    return upsample_new(where, "Upsample", options);
}

tg_module *tg_upsampling_nearest2d_new_at(const char *where, tg_interpolate_options options)
{
    options.mode = "nearest";
    options.align_corners = false;
    return upsample_new(where, "UpsamplingNearest2d", options);
}

tg_module *tg_upsampling_bilinear2d_new_at(const char *where, tg_interpolate_options options)
{
    options.mode = "bilinear";
    options.align_corners = true;
    return upsample_new(where, "UpsamplingBilinear2d", options);
}

/* ---- shapes ---- */

typedef struct numbers {
    tg_module base;
    int64_t number; /* a factor, or a dimension */
    tg_shape sizes;
} numbers;

static tg_tensor *pixel_shuffle(tg_module *m, tg_tensor *x) { return tg_pixel_shuffle(x, ((numbers *)m)->number); }
static tg_tensor *pixel_unshuffle(tg_module *m, tg_tensor *x) { return tg_pixel_unshuffle(x, ((numbers *)m)->number); }
static tg_tensor *channel_shuffle(tg_module *m, tg_tensor *x) { return tg_channel_shuffle(x, ((numbers *)m)->number); }
static tg_tensor *unflatten(tg_module *m, tg_tensor *x)
{
    return tg_unflatten(x, ((numbers *)m)->number, ((numbers *)m)->sizes);
}

static int pixel_shuffle_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "upscale_factor=%lld", (long long)((numbers *)m)->number);
}

static int pixel_unshuffle_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "downscale_factor=%lld", (long long)((numbers *)m)->number);
}

static int channel_shuffle_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "groups=%lld", (long long)((numbers *)m)->number);
}

static int unflatten_repr(tg_module *m, char *buffer, size_t size)
{
    char text[TG_SHAPE_TEXT];
    return snprintf(buffer, size, "dim=%lld%s", (long long)((numbers *)m)->number,
                    tgi_print_list(", unflattened_size=", &((numbers *)m)->sizes, text, sizeof text));
}

static tg_module *numbers_new(const char *where, const char *name, tg_forward_fn forward, repr_fn *repr, int64_t number,
                              tg_shape sizes)
{
    numbers *m = TGI_MODULE_NEW(where, numbers, .name = name, .type = "", .forward = forward, .extra_repr = repr);
    if (!m) return NULL;
    if (!tgi_shape_ok(name, "sizes", &sizes)) {
        tg_module_free(m);
        return NULL;
    }
    m->number = number;
    m->sizes = sizes;
    return &m->base;
}

tg_module *tg_pixel_shuffle_new_at(const char *where, int64_t upscale_factor)
{
    return numbers_new(where, "PixelShuffle", pixel_shuffle, pixel_shuffle_repr, upscale_factor, tg_shape());
}

tg_module *tg_pixel_unshuffle_new_at(const char *where, int64_t downscale_factor)
{
    return numbers_new(where, "PixelUnshuffle", pixel_unshuffle, pixel_unshuffle_repr, downscale_factor, tg_shape());
}

tg_module *tg_channel_shuffle_new_at(const char *where, int64_t groups)
{
    return numbers_new(where, "ChannelShuffle", channel_shuffle, channel_shuffle_repr, groups, tg_shape());
}

tg_module *tg_unflatten_new_at(const char *where, int64_t dim, tg_shape sizes)
{
    return numbers_new(where, "Unflatten", unflatten, unflatten_repr, dim, sizes);
}

/* ---- windows ---- */

typedef struct windows {
    tg_module base;
    tg_shape output_size, kernel_size; /* of Unfold the first is not used */
    tg_unfold_options options;
} windows;

static tg_tensor *unfold(tg_module *module, tg_tensor *x)
{
    const windows *m = (const windows *)module;
    return tg_unfold_at(TG_HERE, x, m->kernel_size, m->options);
}

static tg_tensor *fold(tg_module *module, tg_tensor *x)
{
    const windows *m = (const windows *)module;
    return tg_fold_at(TG_HERE, x, m->output_size, m->kernel_size, m->options);
}

static int unfold_repr(tg_module *module, char *buffer, size_t size)
{
    const windows *m = (const windows *)module;
    char kernel[TG_SHAPE_TEXT], dilation[TG_SHAPE_TEXT], padding[TG_SHAPE_TEXT], stride[TG_SHAPE_TEXT];
    return snprintf(buffer, size, "%s%s%s%s", tgi_print_size("kernel_size=", &m->kernel_size, kernel, sizeof kernel),
                    tgi_print_size(", dilation=", &m->options.dilation, dilation, sizeof dilation),
                    tgi_print_size(", padding=", &m->options.padding, padding, sizeof padding),
                    tgi_print_size(", stride=", &m->options.stride, stride, sizeof stride));
}

static int fold_repr(tg_module *module, char *buffer, size_t size)
{
    char text[TG_SHAPE_TEXT];
    const int length = snprintf(buffer, size, "%s, ",
                                tgi_print_size("output_size=", &((windows *)module)->output_size, text, sizeof text));
    const bool room = length >= 0 && (size_t)length < size;
    return length + unfold_repr(module, room ? buffer + length : NULL, room ? size - (size_t)length : 0);
}

static tg_module *windows_new(const char *where, const char *name, tg_forward_fn forward, repr_fn *repr,
                              tg_shape output_size, tg_shape kernel_size, const tg_unfold_options *o)
{
    windows *m = TGI_MODULE_NEW(where, windows, .name = name, .type = "", .forward = forward, .extra_repr = repr);
    if (!m) return NULL;
    m->output_size = output_size;
    m->kernel_size = kernel_size;
    TGI_SET_OPTIONS(m->options, *o);
    if (tgi_shape_ok(name, "output_size", &output_size) && tgi_shape_ok(name, "kernel_size", &kernel_size) &&
        tgi_shape_ok(name, "dilation", &o->dilation) && tgi_shape_ok(name, "padding", &o->padding) &&
        tgi_shape_ok(name, "stride", &o->stride))
        return &m->base;
    tg_module_free(m);
    return NULL;
}

tg_module *tg_unfold_new_at(const char *where, tg_shape kernel_size, tg_unfold_options options)
{
    return windows_new(where, "Unfold", unfold, unfold_repr, tg_shape(), kernel_size, &options);
}

tg_module *tg_fold_new_at(const char *where, tg_shape output_size, tg_shape kernel_size, tg_unfold_options options)
{
    return windows_new(where, "Fold", fold, fold_repr, output_size, kernel_size, &options);
}
