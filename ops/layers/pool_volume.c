/* pool_volume.c: pooling over three dimensions, made of pooling over two: each plane by itself, then along the depth.
 *
 * The largest of the largest is the largest. Averages multiply out, because what each is divided by is a product of one
 * number for each dimension; with a divisor of its own, the planes are summed. */
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/index.h"
#include "ops/pointwise.h"
#include "ops/view.h"
#include "pool_impl.h"

#include <inttypes.h>
#include <string.h>

/* The windows: depth, rows, columns. */
typedef struct volume {
    int64_t in[3], out[3], kernel[3], stride[3], padding[3], dilation[3];
} volume;

#define FAIL(...) (tg_op_fail(op, tg_list(input), __VA_ARGS__), false)

/* ---- checks, in PyTorch's words ---- */

static bool read_list(const tg_op *op, tg_tensor *input, const char *name, const tg_shape *list, int64_t to[3])
{
    if (list->ndim != 1 && list->ndim != 3)
        return FAIL("%s: %s must %sbe %sa single int, or a tuple of three ints", op->name, name,
                    strstr(op->name, "max") ? "either " : "", name[0] == 's' ? "omitted, " : "");
    for (int d = 0; d < 3; d++) {
        to[d] = list->dims[list->ndim == 1 ? 0 : d];
        if (to[d] > INT32_MAX) return FAIL("%s: %s is too large", op->name, name);
    }
    return true;
}

static bool positive(const tg_op *op, tg_tensor *input, const char *name, const char *letters, const int64_t list[3])
{
    if (list[0] > 0 && list[1] > 0 && list[2] > 0) return true;
    return FAIL("%s should be greater than zero, but got %sT: %" PRId64 " %sH: %" PRId64 " %sW: %" PRId64, name,
                letters, list[0], letters, list[1], letters, list[2]);
}

static bool not_empty(const tg_op *op, tg_tensor *input)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(input);
    for (int d = input->ndim - 4; d < input->ndim; d++)
        if (input->dims[d] == 0)
            return FAIL(
                "Expected input's non-batch dimensions to have positive length, but input has a shape of %s and "
                "non-batch dimension %d has length zero!",
                tg_shape_text(&shape, text), d - (input->ndim - 4));
    return true;
}

static void read_input(const tg_tensor *input, volume *v)
{
    for (int d = 0; d < 3; d++) v->in[d] = input->dims[input->ndim - 3 + d];
}

static bool sizes_ok(const tg_op *op, tg_tensor *input, volume *v, bool ceil_mode)
{
    for (int d = 0; d < 3; d++) {
        if (v->stride[d] == 0) return FAIL("stride should not be zero");
        if (v->padding[d] < 0) return FAIL("pad must be non-negative, but got pad: %" PRId64, v->padding[d]);
        if (v->kernel[d] >= 0 && v->padding[d] > v->kernel[d] / 2)
            return FAIL("pad should be at most half of kernel size, but got pad=%" PRId64 " and kernel_size=%" PRId64,
                        v->padding[d], v->kernel[d]);
    }
    if (!positive(op, input, "kernel size", "k", v->kernel) || !positive(op, input, "stride", "d", v->stride) ||
        !positive(op, input, "dilation", "dilation", v->dilation) || !not_empty(op, input))
        return false;
    for (int d = 0; d < 3; d++)
        v->out[d] = tgi_pooled_size(v->in[d], v->kernel[d], v->stride[d], v->padding[d], v->dilation[d], ceil_mode);
    if (v->out[0] > 0 && v->out[1] > 0 && v->out[2] > 0) return true;
    const long long planes = input->dims[input->ndim - 4];
    return FAIL("Given input size: (%lldx%" PRId64 "x%" PRId64 "x%" PRId64 "). Calculated output size: (%lldx%" PRId64
                "x%" PRId64 "x%" PRId64 "). Output size is too small",
                planes, v->in[0], v->in[1], v->in[2], planes, v->out[0], v->out[1], v->out[2]);
}

static bool check(const tg_op *op, tg_tensor *input, const tgi_window_lists *l, volume *v)
{
    if (!read_list(op, input, "kernel_size", &l->kernel, v->kernel) ||
        !read_list(op, input, "stride", l->stride.ndim ? &l->stride : &l->kernel, v->stride) ||
        !read_list(op, input, "padding", &l->padding, v->padding) ||
        !read_list(op, input, "dilation", &l->dilation, v->dilation))
        return false;
    if (input->ndim != 4 && input->ndim != 5) return FAIL("non-empty 4D or 5D (batch mode) tensor expected for input");
    read_input(input, v);
    return sizes_ok(op, input, v, l->ceil_mode);
}

static bool check_adaptive(const tg_op *op, tg_tensor *input, const tg_shape *size, volume *v)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(input);
    if (shape.ndim < 4 && size->ndim > 1) return FAIL("Input dimension should be at least 4");
    if (shape.ndim != 4 && shape.ndim != 5)
        return FAIL("%s(): Expected 4D or 5D tensor, but got%s %s", op->name, strstr(op->name, "max") ? ":" : "",
                    tg_shape_text(&shape, text));
    if (size->ndim != 1 && size->ndim != 3) return FAIL("%s: output_size must be 3", op->name);
    read_input(input, v);
    for (int d = 0; d < 3; d++) {
        v->out[d] = size->dims[size->ndim == 1 ? 0 : d];
        if (v->out[d] == TG_SAME_SIZE) v->out[d] = v->in[d];
        if (v->out[d] > INT32_MAX) return FAIL("%s: output_size is too large", op->name);
    }
    if (v->out[0] < 0 || v->out[1] < 0 || v->out[2] < 0)
        return FAIL("%s: elements of output_size must be greater than or equal to 0 but received {%" PRId64 ", %" PRId64
                    ", %" PRId64 "}",
                    op->name, v->out[0], v->out[1], v->out[2]);
    for (int d = shape.ndim - 4; d < shape.ndim; d++)
        if (shape.dims[d] == 0)
            return FAIL(
                "%s(): Expected input to have non-zero size for non-batch dimensions, but input has sizes %s with "
                "dimension %d being empty",
                op->name, tg_shape_text(&shape, text), d);
    return true;
}

/* ---- shapes ---- */

static int64_t planes_of(const tg_tensor *x)
{
    int64_t planes = 1;
    for (int d = 0; d < x->ndim - 3; d++) planes *= x->dims[d];
    return planes;
}

/* x [N, C, D, H, W] as images whose channels are the depth. */
static tg_tensor *images(tg_tensor *x, const volume *v)
{
    return tg_reshape(x, tg_shape(planes_of(x), v->in[0], v->in[1], v->in[2]));
}

/* Pooled images as images of one channel: their rows the depth, their columns the planes. */
static tg_tensor *depths(tg_tensor *x, tg_tensor *pooled, const volume *v)
{
    return tg_reshape(pooled, tg_shape(planes_of(x), 1, v->in[0], v->out[1] * v->out[2]));
}

/* y with x's batch and channels, and the pooled size. */
static tg_tensor *volumes(tg_tensor *x, tg_tensor *y, const volume *v)
{
    tg_shape shape = tgi_shape(x);
    for (int d = 0; d < 3; d++) shape.dims[shape.ndim - 3 + d] = v->out[d];
    return tgi_ordinary(tg_reshape(y, shape), tg_list(x));
}

/* ---- the largest ---- */

static tg_max_pool_options max_options(const volume *v, bool ceil_mode, bool depth)
{
    const int64_t *s = v->stride, *p = v->padding, *l = v->dilation;
    if (depth)
        return (tg_max_pool_options){ tg_shape(s[0], 1), tg_shape(p[0], 0), tg_shape(l[0], 1), ceil_mode, { 0 } };
    return (tg_max_pool_options){ tg_shape(s[1], s[2]), tg_shape(p[1], p[2]), tg_shape(l[1], l[2]), ceil_mode, { 0 } };
}

/* Where in its volume each element stands, from where it stands in its plane, and which of the planes it comes from. */
static tg_tensor *places(tg_tensor *x, tg_tensor *in_plane, tg_tensor *of_planes, const volume *v)
{
    const int64_t planes = planes_of(x), plane = v->out[1] * v->out[2];
    tg_tensor *from = tg_reshape(in_plane, tg_shape(planes, v->in[0] * plane));
    tg_tensor *chosen = tg_reshape(of_planes, tg_shape(planes, v->out[0] * plane));
    tg_tensor *depth = tg_floor_divide(chosen, plane);
    return tg_add(tg_mul(depth, v->in[1] * v->in[2]), tg_gather(from, 1, chosen));
}

static const tg_values_indices failed = { NULL, NULL };

/* Pools with or without indices; adaptive, where there is no ceil mode. */
typedef struct max_job {
    bool indices, adaptive, ceil_mode;
} max_job;

static tg_values_indices max_step(tg_tensor *x, const volume *v, max_job job, bool depth)
{
    const tg_shape out = depth ? tg_shape(v->out[0], v->out[1] * v->out[2]) : tg_shape(v->out[1], v->out[2]);
    const tg_shape kernel = depth ? tg_shape(v->kernel[0], 1) : tg_shape(v->kernel[1], v->kernel[2]);
    if (job.adaptive && job.indices) return tg_adaptive_max_pool2d_with_indices(x, out);
    if (job.adaptive) return (tg_values_indices){ tg_adaptive_max_pool2d(x, out), NULL };
    const tg_max_pool_options o = max_options(v, job.ceil_mode, depth);
    if (job.indices) return tg_max_pool2d_with_indices_at(NULL, x, kernel, o);
    return (tg_values_indices){ tg_max_pool2d_at(NULL, x, kernel, o), NULL };
}

static tg_values_indices max_volume(tg_tensor *x, const volume *v, max_job job)
{
    tg_values_indices flat = max_step(images(x, v), v, job, false), deep = flat;
    if (v->out[1] * v->out[2] > 0) { /* otherwise there is nothing left to pool */
        deep = max_step(depths(x, flat.values, v), v, job, true);
        if (job.indices) deep.indices = places(x, flat.indices, deep.indices, v);
    }
    deep.values = volumes(x, deep.values, v);
    if (job.indices) deep.indices = volumes(x, deep.indices, v);
    return deep.values && (deep.indices || !job.indices) ? deep : failed;
}

static tg_values_indices max_pool(const char *where, const tg_op *op, tg_tensor *x, tg_shape kernel_size,
                                  const tg_max_pool_options *o, bool indices)
{
    const tgi_window_lists lists = { kernel_size, o->stride, o->padding, o->dilation, o->ceil_mode };
    volume v;
    if (!tg_op_begin(where, op, tg_list(x)) || !check(op, x, &lists, &v) ||
        !tgi_floating_ok(op, x, "max_pool3d_with_indices_cpu"))
        return failed;
    return max_volume(x, &v, (max_job){ .indices = indices, .ceil_mode = o->ceil_mode });
}

static tg_values_indices adaptive_max(const char *where, const tg_op *op, tg_tensor *x, tg_shape output_size,
                                      bool indices)
{
    volume v;
    if (!tg_op_begin(where, op, tg_list(x)) || !check_adaptive(op, x, &output_size, &v) ||
        !tgi_floating_ok(op, x, "adaptive_max_pool3d_cpu"))
        return failed;
    return max_volume(x, &v, (max_job){ .indices = indices, .adaptive = true });
}

tg_tensor *tg_max_pool3d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_max_pool_options options)
{
    return max_pool(where, &tgi_op_max_pool3d, input, kernel_size, &options, false).values;
}

tg_values_indices tg_max_pool3d_with_indices_at(const char *where, tg_tensor *input, tg_shape kernel_size,
                                                tg_max_pool_options options)
{
    return max_pool(where, &tgi_op_max_pool3d_with_indices, input, kernel_size, &options, true);
}

tg_tensor *tg_adaptive_max_pool3d_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive_max(where, &tgi_op_adaptive_max_pool3d, input, output_size, false).values;
}

tg_values_indices tg_adaptive_max_pool3d_with_indices_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive_max(where, &tgi_op_adaptive_max_pool3d_with_indices, input, output_size, true);
}

/* ---- averages ---- */

tg_tensor *tg_avg_pool3d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_avg_pool_options options)
{
    const tg_op *op = &tgi_op_avg_pool3d;
    const tg_avg_pool_options *o = &options;
    const tgi_window_lists lists = { kernel_size, o->stride, o->padding, tg_shape(1), o->ceil_mode };
    volume v;
    if (!tg_op_begin(where, op, tg_list(input)) || !check(op, input, &lists, &v) ||
        !tgi_floating_ok(op, input, "avg_pool3d_out_frame"))
        return NULL;
    if (o->divisor_override == 0) return tg_op_fail(op, tg_list(input), "divisor must be not zero");
    const bool own = o->divisor_override != TG_NO_DIVISOR;
    tg_avg_pool_options flat = *o, deep = *o;
    flat.stride = tg_shape(v.stride[1], v.stride[2]);
    flat.padding = tg_shape(v.padding[1], v.padding[2]);
    if (own) flat.divisor_override = 1;
    deep.stride = tg_shape(v.stride[0], 1);
    deep.padding = tg_shape(v.padding[0], 0);
    tg_tensor *y = tg_avg_pool2d_at(NULL, images(input, &v), tg_shape(v.kernel[1], v.kernel[2]), flat);
    return volumes(input, tg_avg_pool2d_at(NULL, depths(input, y, &v), tg_shape(v.kernel[0], 1), deep), &v);
}

tg_tensor *tg_adaptive_avg_pool3d_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    const tg_op *op = &tgi_op_adaptive_avg_pool3d;
    volume v;
    if (!tg_op_begin(where, op, tg_list(input)) || !check_adaptive(op, input, &output_size, &v) ||
        !tgi_floating_ok(op, input, "adaptive_avg_pool3d_cpu"))
        return NULL;
    tg_tensor *y = tg_adaptive_avg_pool2d(images(input, &v), tg_shape(v.out[1], v.out[2]));
    if (v.out[1] * v.out[2] > 0) /* otherwise there is nothing left to pool */
        y = tg_adaptive_avg_pool2d(depths(input, y, &v), tg_shape(v.out[0], v.out[1] * v.out[2]));
    return volumes(input, y, &v);
}

/* ---- descriptors ---- */

static tg_tensor_list max_pool3d_call(const tg_value *v)
{
    tg_max_pool_options options;
    tgi_max_pool_options_of(v, &options);
    return tgi_result(tg_max_pool3d_at(TG_HERE, v[0].as.tensor, v[1].as.ints, options));
}

static tg_tensor_list max_pool3d_with_indices_call(const tg_value *v)
{
    tg_max_pool_options options;
    tgi_max_pool_options_of(v, &options);
    return tgi_both(tg_max_pool3d_with_indices_at(TG_HERE, v[0].as.tensor, v[1].as.ints, options));
}

static tg_tensor_list adaptive_max_pool3d_call(const tg_value *v)
{
    return tgi_result(tg_adaptive_max_pool3d_at(TG_HERE, v[0].as.tensor, v[1].as.ints));
}

static tg_tensor_list adaptive_max_pool3d_with_indices_call(const tg_value *v)
{
    return tgi_both(tg_adaptive_max_pool3d_with_indices_at(TG_HERE, v[0].as.tensor, v[1].as.ints));
}

static tg_tensor_list avg_pool3d_call(const tg_value *v)
{
    tg_avg_pool_options o = { .padding = v[3].as.ints,
                              .ceil_mode = v[4].as.boolean,
                              .count_include_pad = v[5].as.boolean,
                              .divisor_override = v[6].kind == TG_VALUE_INT ? v[6].as.integer : TG_NO_DIVISOR };
    if (v[2].kind == TG_VALUE_INTS) o.stride = v[2].as.ints;
    return tgi_result(tg_avg_pool3d_at(TG_HERE, v[0].as.tensor, v[1].as.ints, o));
}

static tg_tensor_list adaptive_avg_pool3d_call(const tg_value *v)
{
    return tgi_result(tg_adaptive_avg_pool3d_at(TG_HERE, v[0].as.tensor, v[1].as.ints));
}

#define SIZES  "[N, C, D, H, W] to [N, C, (D + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1, ..]"
#define TO_OUT "[N, C, D, H, W] to [N, C, *output_size]"
#define LISTS  "int[3] kernel_size, int[3] stride=[], int[3] padding=0"
#define KINKS                                                                                                          \
    "where several elements of a window are the largest: the gradient goes to the first of them, to the last NaN if "  \
    "there is one"

const tg_op tgi_op_max_pool3d = {
    .name = "max_pool3d",
    .schema = "max_pool3d(Tensor self, " LISTS ", int[3] dilation=1, bool ceil_mode=False) -> Tensor",
    .formula = "y = max_pool2d along the depth of max_pool2d of the planes of x",
    .gradient = "of max_pool2d, of which it is made",
    .doc = "The largest element of each window of volumes.",
    .shapes = SIZES,
    .kinks = KINKS,
    .composite = true,
    .call = max_pool3d_call,
    .samples = (const char *const[]){ "max_pool3d(f(1, 2, 4, 3, 4), 2)",
                                      "max_pool3d(f(2, 4, 5, 3), [3, 2, 1], stride=[1, 2, 1])",
                                      "max_pool3d(f(1, 1, 5, 4, 6), [2, 3, 3], [2, 1, 3], [1, 1, 0], [2, 1, 1])",
                                      "max_pool3d(f(1, 1, 6, 3, 5), 2, 3, 1, ceil_mode=True)",
                                      "max_pool3d(f(0, 2, 4, 3, 4), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "max_pool3d(f(3, 4, 5), 2)", "non-empty 4D or 5D (batch mode) tensor expected for input" },
            { "max_pool3d(f(1, 2, 3, 4, 5), [2, 2])",
              "max_pool3d: kernel_size must either be a single int, or a tuple of three ints" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 2, stride=[1, 2])",
              "max_pool3d: stride must either be omitted, a single int, or a tuple of three ints" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 2, padding=2)",
              "pad should be at most half of kernel size, but got pad=2 and kernel_size=2" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 2, padding=-1)", "pad must be non-negative, but got pad: -1" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 0)", "stride should not be zero" },
            { "max_pool3d(f(1, 2, 3, 4, 5), -1)",
              "kernel size should be greater than zero, but got kT: -1 kH: -1 kW: -1" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 2, stride=-1)",
              "stride should be greater than zero, but got dT: -1 dH: -1 dW: -1" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 2, dilation=0)",
              "dilation should be greater than zero, but got dilationT: 0 dilationH: 0 dilationW: 0" },
            { "max_pool3d(f(1, 2, 3, 4, 5), 4)",
              "Given input size: (2x3x4x5). Calculated output size: (2x0x1x1). Output size is too small" },
            { "max_pool3d(f(1, 0, 3, 4, 5), 2)",
              "Expected input's non-batch dimensions to have positive length, but input has a shape of [1, 0, 3, 4, 5] and "
              "non-batch dimension 0 has length zero!" },
            { "max_pool3d(i(1, 2, 3, 4, 5), 2)", "\"max_pool3d_with_indices_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};

const tg_op tgi_op_max_pool3d_with_indices = {
    .name = "max_pool3d_with_indices",
    .schema = "max_pool3d_with_indices(Tensor self, " LISTS
              ", int[3] dilation=1, bool ceil_mode=False) -> (Tensor values, Tensor indices)",
    .formula = "y = the largest element of each window of x",
    .gradient = "of max_pool2d, of which it is made",
    .doc = "max_pool3d, and where in its volume each element stands, counted plane by plane and row by row.",
    .shapes = SIZES,
    .kinks = KINKS,
    .composite = true,
    .call = max_pool3d_with_indices_call,
    .samples = (const char *const[]){ "max_pool3d_with_indices(f(1, 2, 4, 3, 4), 2)",
                                      "max_pool3d_with_indices(f(2, 4, 5, 3), 3, 2, 1, ceil_mode=True)",
                                      "max_pool3d_with_indices(f(1, 1, 5, 4, 6), 2, 1, 0, [2, 1, 3])",
                                      "max_pool3d_with_indices(f(0, 2, 4, 3, 4), 2)", NULL },
    .corners =
        (const char *const[]){
            "max_pool3d_with_indices(f(1, 1, 4, 4, 3, step=2), 3, 1)",
            "max_pool3d_with_indices(reshape(v(1, nan, 2, 3, inf, 1, nan, 3, -inf, inf, 0, -0, -inf, -inf, -0, 0), [1, 4, "
            "2, 2]), 2, 1)",
            NULL },
    .errors =
        (const tg_error_sample[]){
            { "max_pool3d_with_indices(f(1, 2, 3, 4, 5), 2, stride=0)", "stride should not be zero" }, { NULL, NULL } },
};

const tg_op tgi_op_adaptive_max_pool3d = {
    .name = "adaptive_max_pool3d",
    .schema = "adaptive_max_pool3d(Tensor self, int?[3] output_size) -> Tensor",
    .formula = "y = the largest element of each window of x, whose ends are those of adaptive_avg_pool3d",
    .gradient = "of adaptive_max_pool2d, of which it is made",
    .doc = "The largest elements of as many windows of volumes as the result is to have.",
    .shapes = TO_OUT,
    .kinks = KINKS,
    .composite = true,
    .call = adaptive_max_pool3d_call,
    .samples = (const char *const[]){ "adaptive_max_pool3d(f(1, 2, 4, 3, 5), 2)",
                                      "adaptive_max_pool3d(f(2, 3, 5, 4), [4, None, 3])",
                                      "adaptive_max_pool3d(f(1, 2, 4, 3, 5), [2, 0, 1])",
                                      "adaptive_max_pool3d(f(0, 2, 4, 3, 5), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "adaptive_max_pool3d(f(3, 4, 5), [2, 3, 4])", "Input dimension should be at least 4" },
            { "adaptive_max_pool3d(f(3, 4, 5), 2)",
              "adaptive_max_pool3d(): Expected 4D or 5D tensor, but got: [3, 4, 5]" },
            { "adaptive_max_pool3d(i(1, 2, 3, 4, 5), 2)", "\"adaptive_max_pool3d_cpu\" not implemented for 'Long'" },
            { "adaptive_max_pool3d(f(1, 2, 0, 4, 5), 2)",
              "adaptive_max_pool3d(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
              "[1, 2, 0, 4, 5] with dimension 2 being empty" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "adaptive_max_pool3d(f(1, 2, 3, 4, 5), -1)",
                                               "elements of output_size must be greater than or equal to 0 but "
                                               "received {-1, -1, -1}" },
                                             { "adaptive_max_pool3d(f(1, 2, 3, 4, 5), [2, 2])",
                                               "adaptive_max_pool3d: output_size must be 3" },
                                             { NULL, NULL } },
};

const tg_op tgi_op_adaptive_max_pool3d_with_indices = {
    .name = "adaptive_max_pool3d_with_indices",
    .schema = "adaptive_max_pool3d_with_indices(Tensor self, int?[3] output_size) -> (Tensor values, Tensor indices)",
    .formula = "y = the largest element of each window of x",
    .gradient = "of adaptive_max_pool2d, of which it is made",
    .doc = "adaptive_max_pool3d, and where in its volume each element stands, counted plane by plane and row by row.",
    .shapes = TO_OUT,
    .kinks = KINKS,
    .composite = true,
    .call = adaptive_max_pool3d_with_indices_call,
    .samples = (const char *const[]){ "adaptive_max_pool3d_with_indices(f(1, 2, 4, 3, 5), 2)",
                                      "adaptive_max_pool3d_with_indices(f(2, 3, 5, 4), [4, None, 3])", NULL },
    .corners = (const char *const[]){ "adaptive_max_pool3d_with_indices(f(1, 1, 4, 4, 3, step=2), 2)", NULL },
    .errors = (const tg_error_sample[]){ { "adaptive_max_pool3d_with_indices(f(3, 4, 5), [2, 2, 2])",
                                           "Input dimension should be at least 4" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_avg_pool3d = {
    .name = "avg_pool3d",
    .schema = "avg_pool3d(Tensor self, " LISTS
              ", bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
    .formula = "y = avg_pool2d along the depth of avg_pool2d of the planes of x",
    .gradient = "of avg_pool2d, of which it is made",
    .doc = "Averages of windows of volumes; padding counts as zeros, or, without count_include_pad, not at all.",
    .shapes = "[N, C, D, H, W] to [N, C, (D + 2 padding - kernel_size) / stride + 1, ..]",
    .composite = true,
    .call = avg_pool3d_call,
    .samples = (const char *const[]){ "avg_pool3d(f(1, 2, 4, 3, 4), 2)",
                                      "avg_pool3d(f(2, 4, 5, 3), [3, 2, 1], stride=[1, 2, 1])",
                                      "avg_pool3d(f(1, 1, 5, 4, 6), [2, 3, 4], [2, 1, 3], [1, 1, 2], True)",
                                      "avg_pool3d(f(1, 1, 5, 4, 6), [2, 3, 4], [2, 1, 3], [1, 1, 2], True, False)",
                                      "avg_pool3d(f(1, 1, 4, 3, 4), 2, 2, 1, divisor_override=-3)",
                                      "avg_pool3d(f(0, 2, 4, 3, 4), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "avg_pool3d(f(3, 4, 5), 2)", "non-empty 4D or 5D (batch mode) tensor expected for input" },
            { "avg_pool3d(f(1, 2, 3, 4, 5), [2, 2])",
              "avg_pool3d: kernel_size must be a single int, or a tuple of three ints" },
            { "avg_pool3d(f(1, 2, 3, 4, 5), 2, divisor_override=0)", "divisor must be not zero" },
            { "avg_pool3d(b(1, 2, 3, 4, 5), 2)", "\"avg_pool3d_out_frame\" not implemented for 'Bool'" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "avg_pool3d(f(1, 2, 3, 4, 5), 4)", "Calculated output size: (2x0x1x1). Output size is too small" },
            { "avg_pool3d(i(1, 2, 3, 4, 5), 2)", "\"avg_pool3d_out_frame\" not implemented for 'Long'" },
            { NULL, NULL } },
};

const tg_op tgi_op_adaptive_avg_pool3d = {
    .name = "adaptive_avg_pool3d",
    .schema = "adaptive_avg_pool3d(Tensor self, int?[3] output_size) -> Tensor",
    .formula =
        "y[i, ..] = the average of planes floor(i D / n) to ceil((i + 1) D / n) - 1 and such rows and columns of x",
    .gradient = "of adaptive_avg_pool2d, of which it is made",
    .doc = "Averages of as many windows of volumes as the result is to have.",
    .shapes = TO_OUT,
    .composite = true,
    .call = adaptive_avg_pool3d_call,
    .samples = (const char *const[]){ "adaptive_avg_pool3d(f(1, 2, 4, 3, 5), 2)",
                                      "adaptive_avg_pool3d(f(2, 3, 5, 4), [4, None, 3])",
                                      "adaptive_avg_pool3d(f(1, 2, 4, 3, 5), [0, 2, 1])",
                                      "adaptive_avg_pool3d(f(1, 2, 4, 3, 5), [2, 2, 0])",
                                      "adaptive_avg_pool3d(f(0, 2, 4, 3, 5), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "adaptive_avg_pool3d(f(3, 4, 5), 2)",
              "adaptive_avg_pool3d(): Expected 4D or 5D tensor, but got [3, 4, 5]" },
            { "adaptive_avg_pool3d(f(1, 2, 3, 4, 5), [2, 2])", "adaptive_avg_pool3d: output_size must be 3" },
            { "adaptive_avg_pool3d(i(1, 2, 3, 4, 5), 2)", "\"adaptive_avg_pool3d_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};
