/* resample.c: interpolate, and its transpose.
 *
 * Along each dimension a table says which elements an index of the result takes, and how much of each. The gradient
 * gives back along the same table: two ops, each the other's transpose. */
#include "resample_impl.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/kernels/image/resample_kernels.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/pool.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PARALLEL = 1 << 15, /* elements from which on several threads pay */
    STRETCH = 1 << 13   /* elements of one task */
};

typedef enum interpolation { NEAREST, LINEAR, BILINEAR, AREA, NEAREST_EXACT, BICUBIC, MODES } interpolation;
static const char *const mode_names[MODES] = { "nearest", "linear", "bilinear", "area", "nearest-exact", "bicubic" };

static interpolation mode_of(const char *name)
{
    int mode = 0;
    while (mode < MODES && (!name || strcmp(name, mode_names[mode]) != 0)) mode++;
    return (interpolation)mode;
}

const char *tgi_interpolation_mode(const char *name)
{
    const interpolation mode = mode_of(name);
    return mode < MODES ? mode_names[mode] : NULL;
}

static bool is_linear(interpolation mode) { return mode == LINEAR || mode == BILINEAR; }
static bool has_corners(interpolation mode) { return is_linear(mode) || mode == BICUBIC; }

/* An interpolation as it stands on the tape; rows first. Of sequences the height is 1. */
typedef struct resampling {
    int spatial;
    int64_t in[2], out[2];
    double scale[2]; /* as asked for; NaN: what the sizes say */
    interpolation mode;
    bool align_corners;
} resampling;

/* ---- tables ---- */

/* How far the input goes on for one step in the result; in float where the elements are float, as PyTorch has it. */
static double scale_of(const resampling *r, int d, bool narrow)
{
    const double given = r->scale[d], in = (double)r->in[d], out = (double)r->out[d];
    const bool use = given > 0;
    if (r->align_corners) return r->out[d] > 1 ? (in - 1) / (out - 1) : 0;
    if (narrow) return use ? (float)(1 / given) : (float)in / (float)out;
    return use ? 1 / given : in / out;
}

/* What one index of the result takes of one dimension. */
typedef struct tap {
    int64_t at[TGI_MOST_TAPS];
    double share[TGI_MOST_TAPS];
} tap;

static tap nearest_tap(const resampling *r, int d, int64_t i, bool narrow)
{
    const double scale = scale_of(r, d, narrow), from = (double)i + (r->mode == NEAREST_EXACT ? 0.5 : 0);
    const float place =
        narrow ? (float)from * (float)scale : (float)(from * scale); /* PyTorch rounds it down as a float */
    int64_t at = place < (float)r->in[d] ? (int64_t)floorf(place) : r->in[d] - 1;
    if (at > r->in[d] - 1) at = r->in[d] - 1;
    return (tap){ { at }, { 1 } };
}

static double place_of(const resampling *r, int d, int64_t i)
{
    const double scale = scale_of(r, d, false);
    return r->align_corners ? scale * (double)i : scale * ((double)i + 0.5) - 0.5;
}

static tap linear_tap(const resampling *r, int d, int64_t i)
{
    double place = place_of(r, d, i);
    if (place < 0) place = 0;
    int64_t at = place < (double)r->in[d] ? (int64_t)place : r->in[d] - 1;
    const double share = place - (double)at < 1 ? place - (double)at : 1;
    return (tap){ { at, at + (at < r->in[d] - 1) }, { 1 - share, share } };
}

/* How much of an element that is `distance` away: Keys' kernel with a = -3/4, PyTorch's. */
static double cubic_share(double distance)
{
    const double a = -0.75, d = fabs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

static tap cubic_tap(const resampling *r, int d, int64_t i)
{
    const double place = place_of(r, d, i);
    const int64_t last = r->in[d] - 1;
    tap t;
    for (int k = 0; k < TGI_MOST_TAPS; k++) {
        const double at = floor(place) - 1 + k;
        t.at[k] = at <= 0 ? 0 : at >= (double)last ? last : (int64_t)at;
        t.share[k] = cubic_share(place - at);
    }
    return t;
}

/* The elements that one index takes of a dimension. */
static int taps_of(const resampling *r) { return r->mode == BICUBIC ? 4 : is_linear(r->mode) ? 2 : 1; }

/* The tables of a dimension, in `shares` and `at`, which have room for them. */
static tgi_taps fill_taps(const resampling *r, int d, tg_dtype dtype, void *shares, int32_t *at)
{
    const int count = taps_of(r);
    const int64_t n = r->out[d];
    for (int64_t i = 0; i < n; i++) {
        const tap t = r->mode == BICUBIC   ? cubic_tap(r, d, i)
                      : is_linear(r->mode) ? linear_tap(r, d, i)
                                           : nearest_tap(r, d, i, dtype == TG_FLOAT32);
        for (int k = 0; k < count; k++) {
            at[k * n + i] = (int32_t)t.at[k];
            if (dtype == TG_FLOAT32)
                ((float *)shares)[k * n + i] = (float)t.share[k];
            else
                ((double *)shares)[k * n + i] = t.share[k];
        }
    }
    return (tgi_taps){ at, shares };
}

/* ---- running it ---- */

typedef void kernel(const tgi_resample *r, int64_t planes, const void *from, void *to);

typedef struct job {
    const tgi_resample *r;
    kernel *run;
    const char *from;
    char *to;
    int64_t planes, from_size, to_size; /* bytes of a plane */
    int64_t most;
} job;

static void run_stretch(const void *all, int64_t task)
{
    const job *j = all;
    const int64_t first = task * j->most, left = j->planes - first;
    j->run(j->r, left < j->most ? left : j->most, j->from + first * j->from_size, j->to + first * j->to_size);
}

static kernel *kernel_of(const resampling *r, int dtype, bool back)
{
    const tgi_resample_kernels *k = TGI_KERNELS(resample);
    if (taps_of(r) > 1) return (back ? k->blend_backward : k->blend)[dtype];
    return (back ? k->nearest_backward : k->nearest)[dtype];
}

/* y from x, or, `back`, its transpose; both contiguous. False without memory. */
static bool resample_into(const resampling *r, tg_tensor *x, tg_tensor *y, bool back)
{
    const size_t size_of = tgi_element_size(x), count = (size_t)taps_of(r), n = count * (size_t)(r->out[0] + r->out[1]),
                 bytes = n * (size_of + sizeof(int32_t)), rows = count * (size_t)r->out[0];
    char *tables = tgi_calloc(bytes);
    if (!tables) return false;
    int32_t *at = (int32_t *)(tables + n * size_of);
    tgi_resample map = { .h = r->in[0], .w = r->in[1], .oh = r->out[0], .ow = r->out[1], .taps = (int)count };
    if (r->spatial == 2) map.rows = fill_taps(r, 0, (tg_dtype)x->dtype, tables, at);
    map.columns = fill_taps(r, 1, (tg_dtype)x->dtype, tables + rows * size_of, at + rows);
    const int64_t size = (int64_t)size_of, in = r->in[0] * r->in[1], out = r->out[0] * r->out[1];
    job j = { .r = &map,
              .run = kernel_of(r, x->dtype, back),
              .from = tgi_ptr(x),
              .to = tgi_ptr(y),
              .planes = x->numel / (back ? out : in),
              .from_size = (back ? out : in) * size,
              .to_size = (back ? in : out) * size,
              .most = in + out < STRETCH ? STRETCH / (in + out) : 1 };
    tgi_run_tasks(x->numel + y->numel >= PARALLEL, tgi_pieces(j.planes, j.most), run_stretch, &j);
    tgi_free(tables, bytes);
    return true;
}

static tg_shape resized(const tg_tensor *t, const resampling *r, const int64_t size[2])
{
    tg_shape shape = tgi_shape(t);
    if (r->spatial == 2) shape.dims[shape.ndim - 2] = size[0];
    shape.dims[shape.ndim - 1] = size[1];
    return shape;
}

static tg_tensor *resample(const tg_op *op, tg_tensor *x, const resampling *r)
{
    const bool back = op == &tgi_op_interpolate_backward;
    const tg_shape shape = resized(x, r, back ? r->in : r->out);
    if (tgi_op_numel(op, tg_list(x), &shape) < 0) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y) return NULL;
    if (y->numel > 0) {
        tg_tensor *c = tgi_own_contiguous(x);
        const bool ok = c && resample_into(r, c, y, back);
        tgi_unref(c);
        if (!ok) return NULL;
    }
    return tg_record(op, tg_list(x), tg_list(y), TG_NONE, r, sizeof *r) == TG_OK ? y : NULL;
}

static void interpolate_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_op_begin(NULL, &tgi_op_interpolate_backward, tg_list(g)))
        tg_set_grad_input(ctx, 0, resample(&tgi_op_interpolate_backward, g, tg_attributes(ctx)));
}

static void interpolate_backward_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_op_begin(NULL, &tgi_op_interpolate, tg_list(g)))
        tg_set_grad_input(ctx, 0, resample(&tgi_op_interpolate, g, tg_attributes(ctx)));
}

/* ---- checks ---- */

#define ONLY                                                                                                           \
    "Input Error: Only 3D, 4D and 5D input Tensors supported (got %dD) for the modes: nearest | linear | bilinear | "  \
    "bicubic | trilinear | area | nearest-exact (got %s)"

#define FAIL(...) (tg_op_fail(op, tg_list(x), __VA_ARGS__), false)

/* The result's size from the options. Exactly one way of asking for it may be used. */
static bool read_size(const tg_op *op, tg_tensor *x, const tg_interpolate_options *o, resampling *r)
{
    char text[TG_SHAPE_TEXT], sizes[TG_SHAPE_TEXT];
    const bool one = !isnan(o->scale_factor), each = !isnan(o->scale_factors[0]);
    if ((one || each) && o->size.ndim) return FAIL("only one of size or scale_factor should be defined");
    if (one && each) return FAIL("give scale_factor or scale_factors, not both");
    if (!one && !each && !o->size.ndim) return FAIL("either size or scale_factor should be defined");
    if (o->recompute_scale_factor && o->size.ndim)
        return FAIL("recompute_scale_factor is not meaningful with an explicit size.");
    if (!tgi_op_list_fits(op, tg_list(x), &o->size)) return false;
    if (o->size.ndim > 1 && o->size.ndim != r->spatial) {
        tg_shape spatial = tgi_shape(x);
        spatial.ndim -= 2;
        for (int d = 0; d < spatial.ndim; d++) spatial.dims[d] = spatial.dims[d + 2];
        return FAIL(
            "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions "
            "of %s and output size of %s.",
            tg_shape_text(&spatial, text), tg_shape_text(&o->size, sizes));
    }
    for (int i = 0; i < r->spatial; i++) {
        const int d = i + 2 - r->spatial;
        if (o->size.ndim) {
            r->out[d] = o->size.dims[o->size.ndim == 1 ? 0 : i];
            continue;
        }
        const double factor = one ? o->scale_factor : o->scale_factors[i], size = floor((double)r->in[d] * factor);
        if (!(fabs(size) < 0x1p62)) return FAIL("scale_factor %g is too large", factor);
        r->out[d] = (int64_t)size;
        const bool copied = is_linear(r->mode) && r->out[d] == r->in[d]; /* as in PyTorch, whatever the factor */
        if (!o->recompute_scale_factor && r->mode != AREA && !copied) r->scale[d] = factor;
    }
    return true;
}

static bool sizes_ok(const tg_op *op, tg_tensor *x, const resampling *r)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(x);
    const bool positive = r->in[0] > 0 && r->in[1] > 0 && r->out[0] > 0 && r->out[1] > 0;
    if (!positive && r->spatial == 1)
        return FAIL("Input and output sizes should be greater than 0, but got input (W: %" PRId64
                    ") and output (W: %" PRId64 ")",
                    r->in[1], r->out[1]);
    if (!positive)
        return FAIL("Input and output sizes should be greater than 0, but got input (H: %" PRId64 ", W: %" PRId64
                    ") output (H: %" PRId64 ", W: %" PRId64 ")",
                    r->in[0], r->in[1], r->out[0], r->out[1]);
    if (x->dims[1] == 0)
        return FAIL("Non-empty %dD data tensor expected but got a tensor with sizes %s", r->spatial + 2,
                    tg_shape_text(&shape, text));
    if (!tgi_is_floating(x))
        return FAIL("\"compute_indices_weights_%s\" not implemented for '%s'",
                    is_linear(r->mode)   ? "linear"
                    : r->mode == BICUBIC ? "cubic"
                                         : "nearest",
                    tgi_type_name(x));
    if (r->in[0] > INT32_MAX || r->in[1] > INT32_MAX) return FAIL("the input size is too large");
    if (r->out[0] > INT32_MAX || r->out[1] > INT32_MAX) return FAIL("the output size is too large");
    return true;
}

static bool mode_ok(const tg_op *op, tg_tensor *x, const tg_interpolate_options *o)
{
    const interpolation mode = mode_of(o->mode);
    if (mode == MODES && o->mode && strcmp(o->mode, "trilinear") == 0)
        return FAIL("PyTorch's mode %s is not there: nearest | linear | bilinear | bicubic | area | nearest-exact",
                    o->mode);
    if (x->ndim == 5 && mode != MODES)
        return FAIL(
            "volumes (5D) are not there: 3D and 4D inputs, for the modes nearest | linear | bilinear | bicubic | area | "
            "nearest-exact");
    if (mode == MODES) return FAIL(ONLY, x->ndim, o->mode ? o->mode : "None");
    if (o->align_corners && !has_corners(mode))
        return FAIL("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                    "trilinear");
    if (x->ndim != 3 && x->ndim != 4) return FAIL(ONLY, x->ndim, o->mode);
    if (mode == LINEAR && x->ndim == 4) return FAIL("Got 4D input, but linear mode needs 3D input");
    if (mode == BILINEAR && x->ndim == 3) return FAIL("Got 3D input, but bilinear mode needs 4D input");
    if (mode == BICUBIC && x->ndim == 3) return FAIL(ONLY, x->ndim, o->mode);
    return true;
}

static bool check(const tg_op *op, tg_tensor *x, const tg_interpolate_options *o, resampling *r)
{
    if (!mode_ok(op, x, o)) return false;
    *r = (resampling){ .spatial = x->ndim - 2,
                       .in = { x->ndim == 4 ? x->dims[2] : 1, x->dims[x->ndim - 1] },
                       .out = { 1, 1 },
                       .scale = { NAN, NAN },
                       .mode = mode_of(o->mode),
                       .align_corners = o->align_corners };
    return read_size(op, x, o, r) && (r->mode == AREA || sizes_ok(op, x, r));
}

/* ---- interpolate ---- */

tg_tensor *tg_interpolate_at(const char *where, tg_tensor *input, tg_interpolate_options options)
{
    resampling r;
    if (!tg_op_begin(where, &tgi_op_interpolate, tg_list(input)) || !check(&tgi_op_interpolate, input, &options, &r))
        return NULL;
    if (r.mode != AREA) return resample(&tgi_op_interpolate, input, &r);
    return r.spatial == 1 ? tg_adaptive_avg_pool1d(input, tg_shape(r.out[1]))
                          : tg_adaptive_avg_pool2d(input, tg_shape(r.out[0], r.out[1]));
}

/* Options from size, scale_factor, mode, align_corners and recompute_scale_factor, None where left out. */
static void options_of(const tg_value *v, tg_interpolate_options *o)
{
    *o = TG_INTERPOLATE_OPTIONS();
    if (v[0].kind == TG_VALUE_INTS) o->size = v[0].as.ints;
    if (v[1].kind == TG_VALUE_FLOAT) o->scale_factor = v[1].as.real;
    o->mode = v[2].as.string;
    if (v[3].kind == TG_VALUE_BOOL) /* of the other modes it is refused, whichever it is */
        o->align_corners = v[3].as.boolean || !has_corners(mode_of(o->mode));
    o->recompute_scale_factor = v[4].kind == TG_VALUE_BOOL && v[4].as.boolean;
}

static tg_tensor_list resample_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(resample(tg_node_op(node), inputs.items[0], tg_node_attributes(node)));
}

static tg_tensor_list interpolate_call(const tg_value *v)
{
    tg_interpolate_options o;
    tg_tensor *x = v[0].as.tensor;
    options_of(v + 1, &o);
    return tgi_result(tg_interpolate_at(TG_HERE, x, o));
}

static const char *const interpolate_samples[] = {
    "interpolate(f(2, 3, 5), size=3)",
    "interpolate(f(2, 2, 4), scale_factor=2.6)",
    "interpolate(f(2, 2, 3, 4), size=[7, 3])",
    "interpolate(f(1, 2, 3, 4), scale_factor=2)",
    "interpolate(f(1, 2, 5, 6), scale_factor=0.6, mode='nearest-exact')",
    "interpolate(f(1, 2, 5), size=8, mode='nearest-exact')",
    "interpolate(f(2, 2, 5), size=3, mode='linear')",
    "interpolate(f(2, 2, 5), size=9, mode='linear', align_corners=True)",
    "interpolate(f(2, 2, 5), size=1, mode='linear', align_corners=True)",
    "interpolate(f(2, 2, 5), scale_factor=1.7, mode='linear')",
    "interpolate(f(2, 2, 3), scale_factor=1.2, mode='linear')",
    "interpolate(f(2, 2, 5), scale_factor=1.7, mode='linear', recompute_scale_factor=True)",
    "interpolate(f(2, 2, 3, 4), size=[5, 7], mode='bilinear')",
    "interpolate(f(2, 2, 3, 4), size=[5, 2], mode='bilinear', align_corners=True)",
    "interpolate(f(1, 2, 4, 3), scale_factor=1.6, mode='bilinear', align_corners=False)",
    "interpolate(f(1, 2, 1, 1), scale_factor=3, mode='bilinear')",
    "interpolate(f(1, 2, 3, 4), scale_factor=1.1, mode='bilinear')",
    "interpolate(f(1, 1, 3, 2), scale_factor=1.4, mode='bilinear')",
    "interpolate(f(1, 2, 5, 4), size=3, mode='area')",
    "interpolate(f(1, 2, 5), scale_factor=0.7, mode='area')",
    "interpolate(f(1, 2, 3, 4), size=[5, 7], mode='bicubic')",
    "interpolate(f(1, 2, 5, 4), size=[3, 6], mode='bicubic', align_corners=True)",
    "interpolate(f(1, 1, 3, 4), scale_factor=1.7, mode='bicubic')",
    "interpolate(f(1, 1, 1, 2), size=1, mode='bicubic', align_corners=True)",
    "interpolate(f(0, 3, 5), size=3)",
    "interpolate(f(0, 2, 3, 4), size=3, mode='bilinear')",
    NULL
};
static const char *const interpolate_corners[] = {
    "interpolate(reshape(v(1, inf, 2, nan, 3, -inf, 0, -0, 5), [1, 1, 9]), size=17, mode='linear', align_corners=True)",
    "interpolate(reshape(v(1, inf, 2, nan, 3, -inf, 0, -0, 5), [1, 1, 3, 3]), size=[5, 5], mode='bilinear')",
    "interpolate(reshape(v(1, inf, 2, nan, 3, -inf, 0, -0, 5), [1, 1, 3, 3]), size=[5, 4])", NULL
};
static const tg_error_sample interpolate_errors[] = {
    { "interpolate(f(2, 3, 5, 5), size=3, scale_factor=2)", "only one of size or scale_factor should be defined" },
    { "interpolate(f(2, 3, 5, 5))", "either size or scale_factor should be defined" },
    { "interpolate(f(2, 3, 5, 5), size=[3, 4, 5])",
      "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of [5, 5] and "
      "output size of [3, 4, 5]." },
    { "interpolate(f(2, 3, 5, 5), size=[3, 4], mode='linear')", "Got 4D input, but linear mode needs 3D input" },
    { "interpolate(f(2, 3, 5), size=3, mode='bilinear')", "Got 3D input, but bilinear mode needs 4D input" },
    { "interpolate(f(2, 3, 5), size=3, align_corners=False)",
      "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear" },
    { "interpolate(f(2, 3, 5), size=3, mode='foo')",
      "Input Error: Only 3D, 4D and 5D input Tensors supported (got 3D) for the modes: nearest | linear | bilinear | bicubic "
      "| trilinear | area | nearest-exact (got foo)" },
    { "interpolate(f(5, 5), size=3)", "Only 3D, 4D and 5D input Tensors supported (got 2D)" },
    { "interpolate(f(2, 3, 5), size=0)",
      "Input and output sizes should be greater than 0, but got input (W: 5) and output (W: 0)" },
    { "interpolate(f(2, 3, 5), scale_factor=0.1)", "input (W: 5) and output (W: 0)" },
    { "interpolate(f(2, 3, 5, 5), size=[0, 3])",
      "Input and output sizes should be greater than 0, but got input (H: 5, W: 5) output (H: 0, W: 3)" },
    { "interpolate(f(2, 0, 5), size=3)", "Non-empty 3D data tensor expected but got a tensor with sizes [2, 0, 5]" },
    { "interpolate(i(1, 1, 3, 5), size=3, mode='bicubic')",
      "\"compute_indices_weights_cubic\" not implemented for 'Long'" },
    { "interpolate(f(2, 3, 5), size=3, mode='bicubic')", "(got bicubic)" },
    { "interpolate(i(2, 3, 5), size=3)", "\"compute_indices_weights_nearest\" not implemented for 'Long'" },
    { "interpolate(f(2, 3, 5, 5), size=[3, 4], recompute_scale_factor=True)",
      "recompute_scale_factor is not meaningful with an explicit size." },
    { NULL, NULL }
};

static const tg_error_sample interpolate_own_errors[] = {
    { "interpolate(f(1, 2, 5, 5, 5), size=3, mode='trilinear')", "PyTorch's mode trilinear is not there" },
    { "interpolate(f(1, 2, 5, 5, 5), size=3)", "volumes (5D) are not there" },
    { NULL, NULL }
};

const tg_op tgi_op_interpolate = {
    .name = "interpolate",
    .schema = "interpolate(Tensor input, int[]? size=None, float? scale_factor=None, str mode='nearest', bool? "
              "align_corners=None, bool? recompute_scale_factor=None) -> Tensor",
    .formula =
        "y[i] = x[floor(i / s)], or, linear, x between the two indices around (i + 1/2) / s - 1/2, or, bicubic, of "
        "the four around it; s the scale",
    .gradient = "dx = interpolate_backward of g; area: that of adaptive_avg_pool, of which it is made",
    .doc =
        "Sequences and images brought to another size: 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic' or "
        "'area'.",
    .shapes = "[N, C, L] to [N, C, size]; [N, C, H, W] to [N, C, *size]",
    .backward = interpolate_backward,
    .call = interpolate_call,
    .again = resample_again,
    .samples = interpolate_samples,
    .corners = interpolate_corners,
    .errors = interpolate_errors,
    .own_errors = interpolate_own_errors,
};

/* ---- its transpose ---- */

static tg_tensor_list interpolate_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_interpolate_backward;
    tg_tensor *x = v[0].as.tensor;
    char text[TG_SHAPE_TEXT];
    tg_interpolate_options o;
    resampling r;
    if (!tg_op_begin(NULL, op, tg_list(x))) return tg_list_failed();
    options_of(v + 2, &o);
    if (!tgi_op_list_fits(op, tg_list(x), &v[1].as.ints) || tgi_op_numel(op, tg_list(x), &v[1].as.ints) < 0)
        return tg_list_failed();
    tg_tensor *like = tgi_own(tgi_new(&v[1].as.ints, (tg_dtype)x->dtype));
    const bool ok = like && check(op, like, &o, &r);
    const tg_shape want = ok ? resized(like, &r, r.out) : tg_shape(), have = tgi_shape(x);
    tgi_unref(like);
    if (!ok) return tg_list_failed();
    if (r.mode == AREA) return tgi_result(tg_op_fail(op, tg_list(x), "area is made of another op, which has its own"));
    if (tg_shape_equal(&want, &have)) return tgi_result(resample(op, x, &r));
    return tgi_result(tg_op_fail(op, tg_list(x), "the result has shape %s, which grad_output must have, too",
                                 tg_shape_text(&want, text)));
}

static const char *const interpolate_backward_samples[] = {
    "interpolate_backward(f(2, 3, 3), [2, 3, 5], size=3)",
    "interpolate_backward(f(1, 2, 6, 7), [1, 2, 3, 4], size=[6, 7], mode='bilinear')",
    "interpolate_backward(f(1, 2, 6, 7), [1, 2, 3, 4], size=[6, 7], mode='bicubic')", NULL
};
static const tg_error_sample interpolate_backward_own_errors[] = {
    { "interpolate_backward(f(2, 3, 4), [2, 3, 5], size=3)",
      "the result has shape [2, 3, 3], which grad_output must have, too" },
    { "interpolate_backward(f(2, 3, 3), [2, 3, 5], size=3, mode='area')", "area is made of another op" },
    { NULL, NULL }
};

const tg_op tgi_op_interpolate_backward = {
    .name = "interpolate_backward",
    .schema =
        "interpolate_backward(Tensor grad_output, int[] input_size, int[]? size=None, float? scale_factor=None, str "
        "mode='nearest', bool? align_corners=None, bool? recompute_scale_factor=None) -> Tensor",
    .formula = "y = zeros(input_size), to which each g is added where interpolate took from, as much of it as it took",
    .gradient = "dgrad_output = interpolate of g",
    .doc = "The gradient of interpolate, for an input of the given size.",
    .shapes = "the result's size to input_size",
    .usage = "",
    .backward = interpolate_backward_backward,
    .call = interpolate_backward_call,
    .again = resample_again,
    .samples = interpolate_backward_samples,
    .own_errors = interpolate_backward_own_errors,
};
