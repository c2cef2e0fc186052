/* conv_check.c: the checks of PyTorch's convolution, in its order and words, and the sizes that follow. */
#include "conv_impl.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"

#include <inttypes.h>
#include <stdio.h>

tg_tensor_list tgi_conv_inputs(const tgi_conv_call *call)
{
    static _Thread_local tg_tensor *items[3];
    items[0] = call->input;
    items[1] = call->weight;
    items[2] = call->bias;
    return (tg_tensor_list){ items, call->bias ? 3 : 2 };
}
#define FAIL(call, ...) (tg_op_fail((call)->op, tgi_conv_inputs(call), __VA_ARGS__), false)

bool tgi_conv_expand_list(const tgi_conv_call *call, tg_shape *list, const char *name, int count)
{
    char text[TG_SHAPE_TEXT];
    if (!tgi_op_list_fits(call->op, tgi_conv_inputs(call), list)) return false;
    if (list->ndim == 1)
        for (; list->ndim < count; list->ndim++) list->dims[list->ndim] = list->dims[0];
    if (list->ndim == count) return true;
    return FAIL(
        call,
        "expected %s to be a single integer value or a list of %d values to match the convolution dimensions, but "
        "got %s=%s",
        name, count, name, tg_shape_text(list, text));
}

static bool all_at_least(const tg_shape *list, int64_t least)
{
    for (int d = 0; d < list->ndim; d++)
        if (list->dims[d] < least) return false;
    return true;
}

/* Sizes are computed in 63 bits; what is beyond this has no business there. */
static bool fits(const tg_shape *list)
{
    for (int d = 0; d < list->ndim; d++)
        if (list->dims[d] > INT32_MAX) return false;
    return true;
}

static bool lists_ok(tgi_conv_call *call, int spatial)
{
    if (call->same) call->padding = tg_shape(0);
    if (!tgi_conv_expand_list(call, &call->stride, "stride", spatial)) return false;
    if (!tgi_conv_expand_list(call, &call->padding, "padding", spatial)) return false;
    if (!tgi_conv_expand_list(call, &call->dilation, "dilation", spatial)) return false;
    if (!tgi_conv_expand_list(call, &call->output_padding, "output_padding", spatial)) return false;
    if (!all_at_least(&call->padding, 0)) return FAIL(call, "negative padding is not supported");
    if (!all_at_least(&call->output_padding, 0)) return FAIL(call, "negative output_padding is not supported");
    if (!all_at_least(&call->stride, 1)) return FAIL(call, "non-positive stride is not supported");
    if (!all_at_least(&call->dilation, 1)) return FAIL(call, "non-positive dilation is not supported");
    if (call->groups <= 0) return FAIL(call, "non-positive groups is not supported");
    if (!fits(&call->stride) || !fits(&call->padding) || !fits(&call->dilation) || !fits(&call->output_padding))
        return FAIL(call, "stride, padding or dilation is too large");
    return true;
}

static bool channels_ok(const tgi_conv_call *call)
{
    char w[TG_SHAPE_TEXT], x[TG_SHAPE_TEXT];
    const tg_tensor *weight = call->weight, *bias = call->bias;
    const tg_shape weight_shape = tgi_shape(weight), input_shape = tgi_shape(call->input);
    tg_shape_text(&weight_shape, w);
    tg_shape_text(&input_shape, x);
    const int64_t groups = call->groups, channels = input_shape.dims[1];
    if (input_shape.ndim != weight_shape.ndim)
        return FAIL(
            call,
            "Expected %d-dimensional input for %d-dimensional weight %s, but got %d-dimensional input of size %s "
            "instead",
            weight_shape.ndim, weight_shape.ndim, w, input_shape.ndim, x);
    if (weight->dims[0] < groups)
        return FAIL(call,
                    "Given groups=%" PRId64 ", expected weight to be at least %" PRId64
                    " at dimension 0, but got weight of "
                    "size %s instead",
                    groups, groups, w);
    if (weight->dims[0] % groups != 0)
        return FAIL(call,
                    "Given groups=%" PRId64 ", expected weight to be divisible by %" PRId64
                    " at dimension 0, but got weight "
                    "of size [%s] instead",
                    groups, groups, w);
    if (!call->transposed && channels != weight->dims[1] * groups)
        return FAIL(call,
                    "Given groups=%" PRId64 ", weight of size %s, expected input%s to have %" PRId64
                    " channels, but got %" PRId64 " channels instead",
                    groups, w, x, weight->dims[1] * groups, channels);
    if (call->transposed && channels != weight->dims[0])
        return FAIL(call,
                    "Given transposed=1, weight of size %s, expected input%s to have %" PRId64
                    " channels, but got %" PRId64 " channels instead",
                    w, x, weight->dims[0], channels);
    const int64_t wanted = call->transposed ? weight->dims[1] * groups : weight->dims[0];
    if (bias && (bias->ndim != 1 || bias->dims[0] != wanted)) {
        char text[TG_SHAPE_TEXT];
        const tg_shape shape = tgi_shape(bias);
        return FAIL(call,
                    "Given %sweight of size %s, expected bias to be 1-dimensional with %" PRId64
                    " elements, but got bias of size %s instead",
                    call->transposed ? "transposed=1, " : "", w, wanted, tg_shape_text(&shape, text));
    }
    return true;
}

static bool dtypes_ok(const tgi_conv_call *call)
{
    const tg_dtype x = (tg_dtype)call->input->dtype, w = (tg_dtype)call->weight->dtype;
    if (x != w && x == TG_FLOAT32)
        return FAIL(
            call,
            "Input type (torch.%sTensor) and weight type (torch.%sTensor) should be the same or input should be a "
            "MKLDNN tensor and weight is a dense tensor",
            tgi_scalar_type_name(x), tgi_scalar_type_name(w));
    if (x != w) return tgi_expected_type(call->op, tgi_conv_inputs(call), x, w);
    if (call->bias && (tg_dtype)call->bias->dtype != x)
        return FAIL(call, "Input type (%s) and bias type (%s) should be the same", tgi_scalar_type_name(x),
                    tgi_type_name(call->bias));
    if (x == TG_BOOL)
        return FAIL(call, "\"%s\" not implemented for 'Bool'",
                    call->weight->ndim == 5 ? "compute_columns3d" : "slow_conv2d_cpu");
    return true;
}

/* "2 x 5" */
static const char *by_text(const int64_t *sizes, int count, char text[96])
{
    int length = 0;
    for (int d = 0; d < count; d++)
        length += snprintf(text + length, 96 - (size_t)length, "%s%" PRId64, d ? " x " : "", sizes[d]);
    return text;
}

/* The sizes of the computed side, one for each spatial dimension. */
static bool result_sizes(tgi_conv_call *call, int spatial, int64_t sizes[3])
{
    char a[96], b[96];
    int64_t padded[3] = { 0 }, kernel[3] = { 0 };
    bool too_small = false;
    for (int d = 0; d < spatial; d++) {
        const int64_t size = call->input->dims[d + 2], taps = call->weight->dims[d + 2], stride = call->stride.dims[d];
        int64_t reach, steps;
        if (taps == 0) return FAIL(call, "kernel size should be greater than zero");
        if (__builtin_mul_overflow(call->dilation.dims[d], taps - 1, &reach) || reach > INT64_MAX / 4 ||
            size > INT64_MAX / 4 || __builtin_mul_overflow(size - 1, stride, &steps) || steps > INT64_MAX / 4)
            return FAIL(call, "numel: integer multiplication overflow");
        if (call->same) call->padding.dims[d] = reach / 2;
        kernel[d] = reach + 1;
        padded[d] = size + 2 * call->padding.dims[d];
        if (call->same) {
            sizes[d] = size;
        } else if (call->transposed) {
            sizes[d] = steps - 2 * call->padding.dims[d] + reach + 1 + call->output_padding.dims[d];
            too_small |= sizes[d] < 1;
        } else {
            sizes[d] = (padded[d] - kernel[d]) / stride + 1;
            too_small |= padded[d] < kernel[d];
        }
    }
    if (too_small && call->transposed)
        return FAIL(
            call,
            "Given input size per channel: (%s). Calculated output size per channel: (%s). Output size is too small",
            by_text(call->input->dims + 2, spatial, a), by_text(sizes, spatial, b));
    if (too_small)
        return FAIL(
            call,
            "Calculated padded input size per channel: (%s). Kernel size: (%s). Kernel size can't be greater than "
            "actual input size",
            by_text(padded, spatial, a), by_text(kernel, spatial, b));
    return true;
}

/* " NAME_depth: 1 NAME_height: 2 NAME_width: 3"; of two dimensions without the depth. */
static const char *each_text(const char *name, const int64_t list[3], bool depth, char text[160])
{
    int length = depth ? snprintf(text, 160, " %s_depth: %" PRId64, name, list[0]) : 0;
    snprintf(text + length, 160 - (size_t)length, " %s_height: %" PRId64 " %s_width: %" PRId64, name, list[1], name,
             list[2]);
    return text;
}

static bool output_padding_ok(const tgi_conv_call *call, int spatial)
{
    bool ok = true;
    char a[160], b[160], c[160];
    int64_t out[3] = { 0 }, stride[3] = { 1, 1, 1 }, dilation[3] = { 1, 1, 1 };
    for (int d = 0; d < spatial; d++) {
        const int at = d + 3 - spatial;
        out[at] = call->output_padding.dims[d];
        stride[at] = call->stride.dims[d];
        dilation[at] = call->dilation.dims[d];
        ok &= out[at] < stride[at] || out[at] < dilation[at];
    }
    return ok || FAIL(call, "output padding must be smaller than either stride or dilation, but got%s%s%s",
                      each_text("output_padding", out, spatial == 3, a), each_text("stride", stride, spatial == 3, b),
                      each_text("dilation", dilation, spatial == 3, c));
}

bool tgi_conv_check(tgi_conv_call *call, tgi_convolved *c)
{
    const tg_tensor *x = call->input, *w = call->weight;
    const int spatial = w->ndim - 2, last = spatial - 1;
    if (spatial < 1) return FAIL(call, "weight should have at least three dimensions");
    if (spatial > 3) return FAIL(call, "convolutions over one to three dimensions are supported, not over %d", spatial);
    if (!lists_ok(call, spatial) || !channels_ok(call)) return false;
    int64_t sizes[3];
    if (!result_sizes(call, spatial, sizes)) return false;
    for (int d = 0; d < spatial; d++) {
        char text[TG_SHAPE_TEXT];
        const tg_shape shape = tgi_shape(x);
        if (x->dims[d + 2] == 0)
            return FAIL(call, "Only zero batch or zero channel inputs are supported, but got input shape: %s",
                        tg_shape_text(&shape, text));
    }
    if (!dtypes_ok(call) || (call->transposed && !output_padding_ok(call, spatial))) return false;
    const int64_t *in = x->dims + 2, *image = call->transposed ? sizes : in, *result = call->transposed ? in : sizes;
    *c = (tgi_convolved){ .spatial = spatial, .transposed = call->transposed };
    if (spatial == 3) return true; /* the call says the rest */
    c->sizes = (tgi_conv){ .batch = x->dims[0],
                           .groups = call->groups,
                           .c = w->dims[1],
                           .k = w->dims[0] / call->groups,
                           .h = 1,
                           .w = image[last],
                           .oh = 1,
                           .ow = result[last],
                           .kh = 1,
                           .kw = w->dims[w->ndim - 1],
                           .stride_h = 1,
                           .stride_w = call->stride.dims[last],
                           .pad_w = call->padding.dims[last],
                           .dilation_h = 1,
                           .dilation_w = call->dilation.dims[last] };
    if (spatial == 2) {
        c->sizes.h = image[0];
        c->sizes.oh = result[0];
        c->sizes.kh = w->dims[2];
        c->sizes.stride_h = call->stride.dims[0];
        c->sizes.pad_h = call->padding.dims[0];
        c->sizes.dilation_h = call->dilation.dims[0];
    }
    return true;
}
