/* conv_call.c: conv1d, conv2d and their transposes as PyTorch has them: batched or not, lists of one entry or several,
 * and PyTorch's checks in its order and words. The maps themselves are in conv.c. */
#include "ops/base/call.h"
#include "conv_impl.h"
#include "ops/base/layout.h"
#include "ops/loss/loss_impl.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- checks ---- */

static tg_tensor_list inputs_of(const tgi_conv_call *call)
{
    static _Thread_local tg_tensor *items[3];
    items[0] = call->input;
    items[1] = call->weight;
    items[2] = call->bias;
    return (tg_tensor_list){ items, call->bias ? 3 : 2 };
}
#define FAIL(call, ...) (tg_op_fail((call)->op, inputs_of(call), __VA_ARGS__), false)

/* Makes a list of one entry one of `count`; false, with PyTorch's words, when it has neither as many. */
static bool expand_list(const tgi_conv_call *call, tg_shape *list, const char *name, int count)
{
    char text[TG_SHAPE_TEXT];
    if (!tgi_op_list_fits(call->op, inputs_of(call), list)) return false;
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
    if (!expand_list(call, &call->stride, "stride", spatial)) return false;
    if (!expand_list(call, &call->padding, "padding", spatial)) return false;
    if (!expand_list(call, &call->dilation, "dilation", spatial)) return false;
    if (!expand_list(call, &call->output_padding, "output_padding", spatial)) return false;
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
    if (x != w) return tgi_expected_type(call->op, inputs_of(call), x, w);
    if (call->bias && (tg_dtype)call->bias->dtype != x)
        return FAIL(call, "Input type (%s) and bias type (%s) should be the same", tgi_scalar_type_name(x),
                    tgi_type_name(call->bias));
    if (x == TG_BOOL) return FAIL(call, "\"slow_conv2d_cpu\" not implemented for 'Bool'");
    return true;
}

/* "2 x 5" */
static const char *by_text(const int64_t *sizes, int count, char text[64])
{
    if (count == 1)
        snprintf(text, 64, "%" PRId64, sizes[0]);
    else
        snprintf(text, 64, "%" PRId64 " x %" PRId64, sizes[0], sizes[1]);
    return text;
}

/* The sizes of the computed side, one for each spatial dimension. */
static bool result_sizes(tgi_conv_call *call, int spatial, int64_t sizes[2])
{
    char a[64], b[64];
    int64_t padded[2] = { 0 }, kernel[2] = { 0 };
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

static bool output_padding_ok(const tgi_conv_call *call, int spatial)
{
    bool ok = true;
    int64_t out[2] = { 0, 0 }, stride[2] = { 1, 1 }, dilation[2] = { 1, 1 };
    for (int d = 0; d < spatial; d++) {
        const int at = d + 2 - spatial;
        out[at] = call->output_padding.dims[d];
        stride[at] = call->stride.dims[d];
        dilation[at] = call->dilation.dims[d];
        ok &= out[at] < stride[at] || out[at] < dilation[at];
    }
    return ok || FAIL(call,
                      "output padding must be smaller than either stride or dilation, but got output_padding_height: "
                      "%" PRId64 " output_padding_width: %" PRId64 " stride_height: %" PRId64 " stride_width: %" PRId64
                      " dilation_height: %" PRId64 " dilation_width: %" PRId64,
                      out[0], out[1], stride[0], stride[1], dilation[0], dilation[1]);
}

bool tgi_conv_check(tgi_conv_call *call, tgi_convolved *c)
{
    const tg_tensor *x = call->input, *w = call->weight;
    const int spatial = w->ndim - 2, last = spatial - 1;
    if (spatial < 1) return FAIL(call, "weight should have at least three dimensions");
    if (spatial > 2) return FAIL(call, "convolutions over one and two dimensions are supported, not over %d", spatial);
    if (!lists_ok(call, spatial) || !channels_ok(call)) return false;
    int64_t sizes[2];
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

/* ---- the calls ---- */

static tg_tensor *convolve(const char *where, tgi_conv_call call, int spatial)
{
    if (!tg_op_begin(where, call.op, tg_list(call.input, call.weight)) || !tg_optional_ok(call.bias)) return NULL;
    const bool single = call.input->ndim == spatial + 1;
    if (!single && call.input->ndim != spatial + 2) {
        char text[TG_SHAPE_TEXT];
        const tg_shape shape = tgi_shape(call.input);
        return tg_op_fail(call.op, inputs_of(&call),
                          "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of "
                          "size: %s",
                          spatial + 1, spatial + 2, call.op->name, tg_shape_text(&shape, text));
    }
    if (single) call.input = tg_unsqueeze(call.input, 0);
    if (!call.input) return NULL;
    if (call.same)
        for (int d = 0; d < call.stride.ndim; d++)
            if (call.stride.dims[d] != 1)
                return tg_op_fail(call.op, inputs_of(&call),
                                  "padding='same' is not supported for strided convolutions");
    if (call.weight->ndim >= 3 && call.weight->ndim != spatial + 2) { /* whose dimensions the lists are to match */
        if (call.stride.ndim == 1)
            for (; call.stride.ndim < spatial; call.stride.ndim++)
                call.stride.dims[call.stride.ndim] = call.stride.dims[0];
        if (!expand_list(&call, &call.stride, "stride", call.weight->ndim - 2)) return NULL;
    }
    tgi_convolved c;
    tg_tensor *y = tgi_conv_check(&call, &c) ? tgi_convolve(call.input, call.weight, call.bias, &c) : NULL;
    return single ? tgi_ordinary(tg_squeeze(y, 0), TG_NONE) : y;
}

static tg_tensor *forward(const char *where, const tg_op *op, tg_tensor *input, tg_tensor *weight,
                          const tg_conv_options *o, int spatial)
{
    return convolve(where,
                    (tgi_conv_call){ .op = op,
                                     .input = input,
                                     .weight = weight,
                                     .bias = o->bias,
                                     .stride = o->stride,
                                     .padding = o->padding,
                                     .dilation = o->dilation,
                                     .output_padding = tg_shape(0),
                                     .same = o->padding.ndim == TG_SAME.ndim,
                                     .groups = o->groups },
                    spatial);
}

static tg_tensor *transposed(const char *where, const tg_op *op, tg_tensor *input, tg_tensor *weight,
                             const tg_conv_transpose_options *o, int spatial)
{
    return convolve(where,
                    (tgi_conv_call){ .op = op,
                                     .input = input,
                                     .weight = weight,
                                     .bias = o->bias,
                                     .stride = o->stride,
                                     .padding = o->padding,
                                     .dilation = o->dilation,
                                     .output_padding = o->output_padding,
                                     .transposed = true,
                                     .groups = o->groups },
                    spatial);
}

tg_tensor *tg_conv1d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_options options)
{
    return forward(where, &tgi_op_conv1d, input, weight, &options, 1);
}

tg_tensor *tg_conv2d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_options options)
{
    return forward(where, &tgi_op_conv2d, input, weight, &options, 2);
}

tg_tensor *tg_conv_transpose1d_at(const char *where, tg_tensor *input, tg_tensor *weight,
                                  tg_conv_transpose_options options)
{
    return transposed(where, &tgi_op_conv_transpose1d, input, weight, &options, 1);
}

tg_tensor *tg_conv_transpose2d_at(const char *where, tg_tensor *input, tg_tensor *weight,
                                  tg_conv_transpose_options options)
{
    return transposed(where, &tgi_op_conv_transpose2d, input, weight, &options, 2);
}

/* ---- descriptors ---- */

static tg_tensor_list forward_call(const tg_op *op, const tg_value *v, int spatial)
{
    tg_conv_options o = { .bias = tgi_optional(&v[2]),
                          .stride = v[3].as.ints,
                          .dilation = v[5].as.ints,
                          .groups = v[6].as.integer };
    if (v[4].kind != TG_VALUE_STRING)
        o.padding = v[4].as.ints;
    else if (strcmp(v[4].as.string, "same") == 0)
        o.padding = TG_SAME;
    else if (strcmp(v[4].as.string, "valid") == 0)
        o.padding = tg_shape(0);
    else
        return tgi_result(tg_op_fail(op, tg_list(v[0].as.tensor), "Invalid padding string: '%s'", v[4].as.string));
    return tgi_result(forward(TG_HERE, op, v[0].as.tensor, v[1].as.tensor, &o, spatial));
}

static tg_tensor_list transposed_call(const tg_op *op, const tg_value *v, int spatial)
{
    const tg_conv_transpose_options o = { .bias = tgi_optional(&v[2]),
                                          .stride = v[3].as.ints,
                                          .padding = v[4].as.ints,
                                          .output_padding = v[5].as.ints,
                                          .groups = v[6].as.integer,
                                          .dilation = v[7].as.ints };
    return tgi_result(transposed(TG_HERE, op, v[0].as.tensor, v[1].as.tensor, &o, spatial));
}

static tg_tensor_list conv1d_call(const tg_value *v) { return forward_call(&tgi_op_conv1d, v, 1); }
static tg_tensor_list conv2d_call(const tg_value *v) { return forward_call(&tgi_op_conv2d, v, 2); }
static tg_tensor_list conv_transpose1d_call(const tg_value *v)
{
    return transposed_call(&tgi_op_conv_transpose1d, v, 1);
}
static tg_tensor_list conv_transpose2d_call(const tg_value *v)
{
    return transposed_call(&tgi_op_conv_transpose2d, v, 2);
}

static const char *const conv1d_samples[] = {
    "conv1d(f(2, 3, 6), f(4, 3, 3), f(4))",
    "conv1d(f(3, 6), f(4, 3, 3))",
    "conv1d(f(2, 4, 7), f(6, 2, 2), f(6), stride=2, padding=1, dilation=2, groups=2)",
    "conv1d(f(2, 2, 5), f(3, 2, 4), padding='same')",
    "conv1d(f(1, 1, 20), f(1, 1, 3), stride=[3], padding=[4])",
    "conv1d(f(0, 3, 6), f(4, 3, 3), f(4))",
    "conv1d(i(2, 3, 6), i(4, 3, 3), i(4), stride=2)",
    NULL
};
static const tg_error_sample conv1d_errors[] = {
    { "conv1d(f(5), f(4, 3, 3))",
      "Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: [5]" },
    { "conv1d(f(2, 3, 5, 5), f(4, 3, 3))",
      "Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: [2, 3, 5, 5]" },
    { "conv1d(f(2, 2, 5), f(4, 3, 3))",
      "Given groups=1, weight of size [4, 3, 3], expected input[2, 2, 5] to have 3 channels, but got 2 channels instead" },
    { "conv1d(f(2, 3, 2), f(4, 3, 3))",
      "Calculated padded input size per channel: (2). Kernel size: (3). Kernel size can't be greater than actual input "
      "size" },
    { "conv1d(f(2, 3, 5), f(4, 3, 3), f(5))",
      "Given weight of size [4, 3, 3], expected bias to be 1-dimensional with 4 elements, but got bias of size [5] instead" },
    { "conv1d(f(2, 3, 5), f(4, 3))", "weight should have at least three dimensions" },
    { "conv1d(f(2, 3, 5), f(4, 3, 3), stride=0)", "non-positive stride is not supported" },
    { NULL, NULL }
};
const tg_op tgi_op_conv1d = {
    .name = "conv1d",
    .schema = "conv1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1]|str padding=0, int[1] "
              "dilation=1, int groups=1) -> Tensor",
    .formula =
        "y[n, k, i] = the sum of weight[k, c, s] x[n, c, i stride - padding + s dilation] over c, s, plus bias[k]",
    .gradient = "of convolution, of which it is made",
    .doc = "The convolution of sequences; without a batch dimension as well. padding 'same' keeps their length.",
    .shapes = "[N, C, L] and [K, C / groups, S] to [N, K, (L + 2 padding - dilation (S - 1) - 1) / stride + 1]",
    .composite = true,
    .call = conv1d_call,
    .samples = conv1d_samples,
    .errors = conv1d_errors,
};

static const char *const conv2d_samples[] = {
    "conv2d(f(2, 3, 5, 4), f(4, 3, 3, 2), f(4))",
    "conv2d(f(3, 5, 5), f(4, 3, 3, 3), padding=1)",
    "conv2d(f(2, 3, 5, 6), f(2, 3, 3, 2), f(2), stride=[2, 1], padding=[1, 2], dilation=[1, 2])",
    "conv2d(f(2, 4, 4, 4), f(6, 2, 3, 3), f(6), padding=1, groups=2)",
    "conv2d(f(2, 3, 5, 5), f(3, 1, 3, 3), f(3), padding=1, groups=3)",
    "conv2d(f(2, 2, 5, 5), f(4, 1, 3, 3), stride=2, padding=1, groups=2)",
    "conv2d(f(2, 3, 4, 4), f(4, 3, 1, 1), f(4))",
    "conv2d(f(1, 2, 4, 5), f(2, 2, 1, 1), stride=2)",
    "conv2d(f(2, 2, 4, 5), f(3, 2, 2, 4), f(3), padding='same')",
    "conv2d(f(1, 2, 5, 5), f(3, 2, 3, 3), padding='same', dilation=2)",
    "conv2d(f(1, 2, 4, 4), f(3, 2, 3, 3), padding='valid')",
    "conv2d(f(1, 1, 8, 7), f(1, 1, 2, 2), stride=3)",
    "conv2d(f(0, 3, 5, 5), f(4, 3, 3, 3), f(4))",
    "conv2d(i(2, 3, 5, 4), i(4, 3, 3, 2), i(4), padding=1)",
    NULL
};
static const tg_error_sample conv2d_errors[] = {
    { "conv2d(f(2, 3, 5, 5), f(4, 2, 3, 3))",
      "Given groups=1, weight of size [4, 2, 3, 3], expected input[2, 3, 5, 5] to have 2 channels, but got 3 channels "
      "instead" },
    { "conv2d(f(3, 5, 5), f(4, 2, 3, 3))",
      "Given groups=1, weight of size [4, 2, 3, 3], expected input[1, 3, 5, 5] to have 2 channels, but got 3 channels "
      "instead" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), f(4, 1))",
      "Given weight of size [4, 3, 3, 3], expected bias to be 1-dimensional with 4 elements, but got bias of size [4, 1] "
      "instead" },
    { "conv2d(f(3, 5), f(4, 3, 3, 3))",
      "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [3, 5]" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3))",
      "expected stride to be a single integer value or a list of 1 values to match the convolution dimensions, but got "
      "stride=[1, 1]" },
    { "conv2d(f(2, 3, 2, 5), f(4, 3, 3, 3), padding=[0, 1])",
      "Calculated padded input size per channel: (2 x 7). Kernel size: (3 x 3). Kernel size can't be greater than actual "
      "input size" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), dilation=3)",
      "Calculated padded input size per channel: (5 x 5). Kernel size: (7 x 7). Kernel size can't be greater than actual "
      "input size" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), stride=0)", "non-positive stride is not supported" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), padding=-1)", "negative padding is not supported" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), groups=0)", "non-positive groups is not supported" },
    { "conv2d(f(2, 4, 5, 5), f(3, 2, 3, 3), groups=2)",
      "Given groups=2, expected weight to be divisible by 2 at dimension 0, but got weight of size [[3, 2, 3, 3]] instead" },
    { "conv2d(f(2, 4, 5, 5), f(1, 2, 3, 3), groups=2)",
      "Given groups=2, expected weight to be at least 2 at dimension 0, but got weight of size [1, 2, 3, 3] instead" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), stride=[1, 2, 3])",
      "expected stride to be a single integer value or a list of 2 values to match the convolution dimensions, but got "
      "stride=[1, 2, 3]" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), padding=[1, 2, 3])", "expected padding to be a single integer value" },
    { "conv2d(f(2, 3, 5, 0), f(4, 3, 3, 3), padding=2)",
      "Only zero batch or zero channel inputs are supported, but got input shape: [2, 3, 5, 0]" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), padding='same', stride=2)",
      "padding='same' is not supported for strided convolutions" },
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), padding='foo')", "Invalid padding string: 'foo'" },
    { "conv2d(i(2, 3, 5, 5), f(4, 3, 3, 3))", "expected scalar type Long but found " },
    { "conv2d(b(2, 3, 5, 5), b(4, 3, 3, 3))", "\"slow_conv2d_cpu\" not implemented for 'Bool'" },
    { NULL, NULL }
};
static const tg_error_sample conv2d_own_errors[] = {
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), dilation=0)", "non-positive dilation is not supported" }, /* of float32 */
    { "conv2d(f(2, 3, 5, 5), f(4, 3, 3, 3), padding=4294967296)", "stride, padding or dilation is too large" },
    { NULL, NULL }
};
const tg_op tgi_op_conv2d = {
    .name = "conv2d",
    .schema = "conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2]|str padding=0, int[2] "
              "dilation=1, int groups=1) -> Tensor",
    .formula =
        "y[n, k, i, j] = the sum of weight[k, c, r, s] x[n, c, i stride - padding + r dilation, ...] over c, r, s, "
        "plus bias[k]",
    .gradient = "of convolution, of which it is made",
    .doc = "The convolution of images; without a batch dimension as well. padding 'same' keeps their size.",
    .shapes =
        "[N, C, H, W] and [K, C / groups, R, S] to [N, K, (H + 2 padding - dilation (R - 1) - 1) / stride + 1, ..]",
    .composite = true,
    .call = conv2d_call,
    .samples = conv2d_samples,
    .errors = conv2d_errors,
    .own_errors = conv2d_own_errors,
};

static const char *const conv_transpose1d_samples[] = {
    "conv_transpose1d(f(2, 3, 4), f(3, 2, 3), f(2))", "conv_transpose1d(f(3, 4), f(3, 2, 3))",
    "conv_transpose1d(f(2, 4, 3), f(4, 3, 2), f(6), stride=3, padding=1, output_padding=2, groups=2, dilation=2)",
    "conv_transpose1d(i(2, 3, 4), i(3, 2, 3))", NULL
};
static const tg_error_sample conv_transpose1d_errors[] = {
    { "conv_transpose1d(f(5), f(3, 4, 3))",
      "Expected 2D (unbatched) or 3D (batched) input to conv_transpose1d, but got input of size: [5]" },
    { "conv_transpose1d(f(2, 3, 5), f(3, 4, 3), stride=3, output_padding=3)",
      "output padding must be smaller than either stride or dilation, but got output_padding_height: 0 "
      "output_padding_width: 3 stride_height: 1 stride_width: 3 dilation_height: 1 dilation_width: 1" },
    { "conv_transpose1d(f(2, 2, 5), f(3, 4, 3))",
      "Given transposed=1, weight of size [3, 4, 3], expected input[2, 2, 5] to have 3 channels, but got 2 channels instead" },
    { NULL, NULL }
};
const tg_op tgi_op_conv_transpose1d = {
    .name = "conv_transpose1d",
    .schema =
        "conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, int[1] "
        "output_padding=0, int groups=1, int[1] dilation=1) -> Tensor",
    .formula = "y = the gradient of conv1d by its input, for x in the place of the gradient of its result, plus bias",
    .gradient = "of convolution, of which it is made",
    .doc = "The transposed convolution of sequences; without a batch dimension as well.",
    .shapes =
        "[N, K, L] and [K, C / groups, S] to [N, C, (L - 1) stride - 2 padding + dilation (S - 1) + output_padding + 1]",
    .composite = true,
    .call = conv_transpose1d_call,
    .samples = conv_transpose1d_samples,
    .errors = conv_transpose1d_errors,
};

static const char *const conv_transpose2d_samples[] = {
    "conv_transpose2d(f(2, 3, 3, 4), f(3, 2, 3, 2), f(2))",
    "conv_transpose2d(f(3, 3, 3), f(3, 2, 3, 3))",
    "conv_transpose2d(f(2, 3, 3, 2), f(3, 2, 3, 3), f(2), stride=[2, 3], padding=1, output_padding=[1, 2])",
    "conv_transpose2d(f(1, 2, 3, 3), f(2, 2, 2, 2), output_padding=2, dilation=3)",
    "conv_transpose2d(f(1, 4, 3, 3), f(4, 3, 2, 2), f(6), stride=2, groups=2)",
    "conv_transpose2d(f(2, 3, 3, 3), f(3, 1, 3, 3), stride=2, padding=1, groups=3)",
    "conv_transpose2d(f(1, 2, 2, 2), f(2, 1, 1, 1), f(1), stride=3, output_padding=2)",
    "conv_transpose2d(f(0, 3, 5, 5), f(3, 4, 3, 3), f(4))",
    "conv_transpose2d(i(1, 2, 3, 3), i(2, 2, 2, 2), stride=2)",
    NULL
};
static const tg_error_sample conv_transpose2d_errors[] = {
    { "conv_transpose2d(f(2, 3, 5, 5), f(4, 3, 3, 3))",
      "Given transposed=1, weight of size [4, 3, 3, 3], expected input[2, 3, 5, 5] to have 4 channels, but got 3 channels "
      "instead" },
    { "conv_transpose2d(f(2, 3, 5, 5), f(3, 4, 3, 3), stride=2, output_padding=2)",
      "output padding must be smaller than either stride or dilation, but got output_padding_height: 2 "
      "output_padding_width: 2 stride_height: 2 stride_width: 2 dilation_height: 1 dilation_width: 1" },
    { "conv_transpose2d(f(2, 3, 5, 5), f(3, 4, 3, 3), output_padding=-1)", "negative output_padding is not supported" },
    { "conv_transpose2d(f(2, 4, 5, 5), f(4, 3, 3, 3), f(3), groups=2)",
      "Given transposed=1, weight of size [4, 3, 3, 3], expected bias to be 1-dimensional with 6 elements, but got bias of "
      "size [3] instead" },
    { "conv_transpose2d(f(2, 4, 5, 5), f(4, 3, 3, 3), groups=3)",
      "Given groups=3, expected weight to be divisible by 3 at dimension 0, but got weight of size [[4, 3, 3, 3]] instead" },
    { "conv_transpose2d(f(2, 3, 1, 1), f(3, 4, 3, 3), padding=3)",
      "Given input size per channel: (1 x 1). Calculated output size per channel: (-3 x -3). Output size is too small" },
    { "conv_transpose2d(f(2, 3, 0, 5), f(3, 4, 3, 3))",
      "Only zero batch or zero channel inputs are supported, but got input shape: [2, 3, 0, 5]" },
    { "conv_transpose2d(f(5, 5), f(3, 4, 3, 3))",
      "Expected 3D (unbatched) or 4D (batched) input to conv_transpose2d, but got input of size: [5, 5]" },
    { NULL, NULL }
};
const tg_op tgi_op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .schema =
        "conv_transpose2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] "
        "output_padding=0, int groups=1, int[2] dilation=1) -> Tensor",
    .formula = "y = the gradient of conv2d by its input, for x in the place of the gradient of its result, plus bias",
    .gradient = "of convolution, of which it is made",
    .doc = "The transposed convolution of images; without a batch dimension as well.",
    .shapes = "[N, K, H, W] and [K, C / groups, R, S] to [N, C, (H - 1) stride - 2 padding + dilation (R - 1) + "
              "output_padding + 1, ..]",
    .composite = true,
    .call = conv_transpose2d_call,
    .samples = conv_transpose2d_samples,
    .errors = conv_transpose2d_errors,
};
