/* conv_call.c: conv1d to conv3d and their transposes as PyTorch has them: batched or not, lists of one entry or several.
 * The checks are in conv_check.c, the maps themselves in conv.c. */
#include "ops/base/call.h"
#include "conv_impl.h"
#include "ops/view.h"

#include <string.h>

static tg_tensor *convolve(const char *where, tgi_conv_call call, int spatial)
{
    if (!tg_op_begin(where, call.op, tg_list(call.input, call.weight)) || !tg_optional_ok(call.bias)) return NULL;
    const bool single = call.input->ndim == spatial + 1;
    if (!single && call.input->ndim != spatial + 2) {
        char text[TG_SHAPE_TEXT];
        const tg_shape shape = tgi_shape(call.input);
        return tg_op_fail(call.op, tgi_conv_inputs(&call),
                          "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of "
                          "size: %s",
                          spatial + 1, spatial + 2, call.op->name, tg_shape_text(&shape, text));
    }
    if (single) call.input = tg_unsqueeze(call.input, 0);
    if (!call.input) return NULL;
    if (call.same)
        for (int d = 0; d < call.stride.ndim; d++)
            if (call.stride.dims[d] != 1)
                return tg_op_fail(call.op, tgi_conv_inputs(&call),
                                  "padding='same' is not supported for strided convolutions");
    if (call.weight->ndim >= 3 && call.weight->ndim != spatial + 2) { /* whose dimensions the lists are to match */
        if (call.stride.ndim == 1)
            for (; call.stride.ndim < spatial; call.stride.ndim++)
                call.stride.dims[call.stride.ndim] = call.stride.dims[0];
        if (!tgi_conv_expand_list(&call, &call.stride, "stride", call.weight->ndim - 2)) return NULL;
    }
    tgi_convolved c;
    if (!tgi_conv_check(&call, &c)) return NULL;
    tg_tensor *y = spatial == 3 ? tgi_conv_volume(&call) : tgi_convolve(call.input, call.weight, call.bias, &c);
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

tg_tensor *tg_conv3d_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_conv_options options)
{
    return forward(where, &tgi_op_conv3d, input, weight, &options, 3);
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

tg_tensor *tg_conv_transpose3d_at(const char *where, tg_tensor *input, tg_tensor *weight,
                                  tg_conv_transpose_options options)
{
    return transposed(where, &tgi_op_conv_transpose3d, input, weight, &options, 3);
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
static tg_tensor_list conv3d_call(const tg_value *v) { return forward_call(&tgi_op_conv3d, v, 3); }
static tg_tensor_list conv_transpose1d_call(const tg_value *v)
{
    return transposed_call(&tgi_op_conv_transpose1d, v, 1);
}
static tg_tensor_list conv_transpose2d_call(const tg_value *v)
{
    return transposed_call(&tgi_op_conv_transpose2d, v, 2);
}
static tg_tensor_list conv_transpose3d_call(const tg_value *v)
{
    return transposed_call(&tgi_op_conv_transpose3d, v, 3);
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

static const char *const conv3d_samples[] = {
    "conv3d(f(1, 2, 3, 4, 3), f(3, 2, 2, 3, 2), f(3))",
    "conv3d(f(2, 3, 3, 3), f(2, 2, 3, 1, 2), padding=1)",
    "conv3d(f(1, 2, 5, 4, 5), f(2, 2, 2, 3, 2), f(2), stride=[2, 1, 2], padding=[1, 2, 0], dilation=[3, 1, 2])",
    "conv3d(f(1, 4, 3, 3, 3), f(4, 2, 2, 2, 2), f(4), padding=1, groups=2)",
    "conv3d(f(1, 2, 3, 2, 3), f(3, 2, 2, 3, 2), padding='same')",
    "conv3d(f(1, 1, 5, 3, 3), f(1, 1, 3, 2, 2), padding='same', dilation=[1, 2, 1])",
    "conv3d(f(0, 2, 3, 3, 3), f(3, 2, 2, 2, 2))",
    "conv3d(i(1, 2, 3, 3, 3), i(2, 2, 2, 2, 2), i(2))",
    NULL
};
static const tg_error_sample conv3d_errors[] = {
    { "conv3d(f(3, 4, 5), f(3, 2, 2, 2, 2))",
      "Expected 4D (unbatched) or 5D (batched) input to conv3d, but got input of size: [3, 4, 5]" },
    { "conv3d(f(1, 2, 4, 4, 4), f(3, 1, 2, 2, 2))",
      "Given groups=1, weight of size [3, 1, 2, 2, 2], expected input[1, 2, 4, 4, 4] to have 1 channels, but got 2 channels "
      "instead" },
    { "conv3d(f(1, 2, 4, 4, 4), f(3, 2, 5, 5, 5))",
      "Calculated padded input size per channel: (4 x 4 x 4). Kernel size: (5 x 5 x 5). Kernel size can't be greater than "
      "actual input size" },
    { "conv3d(f(1, 2, 4, 4, 4), f(3, 2, 2, 2, 2), stride=0)", "non-positive stride is not supported" },
    { "conv3d(f(1, 2, 4, 4, 4), f(3, 2, 2, 2, 2), stride=[1, 2])",
      "expected stride to be a single integer value or a list of 3 values to match the convolution dimensions, but got "
      "stride=[1, 2]" },
    { "conv3d(f(1, 2, 4, 4, 4), f(3, 2, 2, 2, 2), padding='same', stride=2)",
      "padding='same' is not supported for strided convolutions" },
    { "conv3d(f(1, 2, 4, 4, 4), f(3, 2, 2, 2, 2), f(2))",
      "Given weight of size [3, 2, 2, 2, 2], expected bias to be 1-dimensional with 3 elements, but got bias of size [2] "
      "instead" },
    { "conv3d(b(1, 2, 4, 4, 4), b(3, 2, 2, 2, 2))", "\"compute_columns3d\" not implemented for 'Bool'" },
    { NULL, NULL }
};
const tg_op tgi_op_conv3d = {
    .name = "conv3d",
    .schema = "conv3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3]|str padding=0, int[3] "
              "dilation=1, int groups=1) -> Tensor",
    .formula =
        "y[n, k, h, i, j] = the sum of weight[k, c, t, r, s] x[n, c, h stride - padding + t dilation, ...] over c, "
        "t, r, s, plus bias[k]",
    .gradient = "of conv2d, of which it is made",
    .doc = "The convolution of volumes; without a batch dimension as well. padding 'same' keeps their size.",
    .shapes =
        "[N, C, D, H, W] and [K, C / groups, T, R, S] to [N, K, (D + 2 padding - dilation (T - 1) - 1) / stride + 1, "
        "..]",
    .composite = true,
    .call = conv3d_call,
    .samples = conv3d_samples,
    .errors = conv3d_errors,
};

static const char *const conv_transpose3d_samples[] = {
    "conv_transpose3d(f(1, 2, 2, 3, 2), f(2, 3, 2, 2, 3), f(3))",
    "conv_transpose3d(f(3, 2, 3, 2), f(3, 2, 3, 2, 2), padding=[1, 0, 1])",
    "conv_transpose3d(f(1, 4, 3, 2, 2), f(4, 1, 2, 3, 2), f(2), stride=[2, 1, 3], padding=[1, 0, 1], output_padding=[1, "
    "0, 2], groups=2, dilation=[1, 2, 1])",
    "conv_transpose3d(f(1, 2, 2, 2, 2), f(2, 1, 2, 2, 2), stride=2, output_padding=[2, 0, 1], dilation=[3, 1, 2])",
    "conv_transpose3d(f(0, 2, 2, 3, 2), f(2, 3, 2, 2, 3))",
    NULL
};
static const tg_error_sample conv_transpose3d_errors[] = {
    { "conv_transpose3d(f(3, 4, 5), f(3, 2, 2, 2, 2))",
      "Expected 4D (unbatched) or 5D (batched) input to conv_transpose3d, but got input of size: [3, 4, 5]" },
    { "conv_transpose3d(f(1, 2, 4, 4, 4), f(1, 3, 2, 2, 2))",
      "Given transposed=1, weight of size [1, 3, 2, 2, 2], expected input[1, 2, 4, 4, 4] to have 1 channels, but got 2 "
      "channels instead" },
    { "conv_transpose3d(f(1, 2, 4, 4, 4), f(2, 3, 2, 2, 2), padding=4)",
      "Given input size per channel: (4 x 4 x 4). Calculated output size per channel: (-3 x -3 x -3). Output size is too "
      "small" },
    { "conv_transpose3d(f(1, 2, 4, 4, 4), f(2, 3, 2, 2, 2), output_padding=1)",
      "output padding must be smaller than either stride or dilation, but got output_padding_depth: 1 "
      "output_padding_height: 1 output_padding_width: 1 stride_depth: 1 stride_height: 1 stride_width: 1 dilation_depth: 1 "
      "dilation_height: 1 dilation_width: 1" },
    { NULL, NULL }
};
const tg_op tgi_op_conv_transpose3d = {
    .name = "conv_transpose3d",
    .schema =
        "conv_transpose3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, int[3] "
        "output_padding=0, int groups=1, int[3] dilation=1) -> Tensor",
    .formula = "y = the gradient of conv3d by its input, for x in the place of the gradient of its result, plus bias",
    .gradient = "of conv_transpose2d and fold, of which it is made",
    .doc = "The transposed convolution of volumes; without a batch dimension as well.",
    .shapes =
        "[N, K, D, H, W] and [K, C / groups, T, R, S] to [N, C, (D - 1) stride - 2 padding + dilation (T - 1) + 1 + "
        "output_padding, ..]",
    .composite = true,
    .call = conv_transpose3d_call,
    .samples = conv_transpose3d_samples,
    .errors = conv_transpose3d_errors,
    .own_errors = (const tg_error_sample[]){ { "conv_transpose3d(i(1, 2, 2, 2, 2), i(2, 2, 2, 2, 2))",
                                               "\"conv_transpose3d\" not implemented for 'Long'" },
                                             { NULL, NULL } },
};
