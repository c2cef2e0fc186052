/* conv_volume.c: convolutions over three dimensions, made of those over two.
 *
 * The planes that one plane of the result sees lie beside each other in a view of the slices of the depth. With their taps
 * taken as channels, of which each group keeps its own together, that is one convolution of images; so is the transposed
 * one, whose channels are added up along the depth where their taps belong. */
#include "conv_impl.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/pointwise.h"
#include "ops/rearrange.h"
#include "ops/view.h"

/* The last two entries of a list of three. */
static tg_shape of_planes(const tg_shape *list) { return tg_shape(list->dims[1], list->dims[2]); }

/* The call's convolution or its transpose on images, by the weight [A, B, T, R, S] as one of images, [A, B T, R, S]. */
static tg_tensor *convolved(const tgi_conv_call *call, tg_tensor *images, tg_tensor *bias)
{
    const int64_t *d = call->weight->dims;
    tgi_conv_call flat = *call;
    tgi_convolved c;
    flat.input = images;
    flat.weight = tg_reshape(call->weight, tg_shape(d[0], d[1] * d[2], d[3], d[4]));
    flat.bias = bias;
    flat.stride = of_planes(&call->stride);
    flat.padding = of_planes(&call->padding);
    flat.dilation = of_planes(&call->dilation);
    flat.output_padding = of_planes(&call->output_padding);
    if (!images || !flat.weight || !tgi_conv_check(&flat, &c)) return NULL;
    return tgi_convolve(images, flat.weight, bias, &c);
}

/* x [N, C, D, H, W] with its border in front and behind, as images [N D', C T, H, W]. */
static tg_tensor *slices(const tgi_conv_call *call, int64_t taps)
{
    const int64_t step = call->dilation.dims[0], reach = step * (taps - 1);
    const int64_t front = call->padding.dims[0], back = call->same ? reach - front : front;
    tg_tensor *x = call->input;
    if (front || back) x = tg_pad(x, tg_shape(0, 0, 0, 0, front, back));
    x = tg_tensor_unfold(x, 2, reach + 1, call->stride.dims[0]); /* [N, C, D', H, W, reach + 1] */
    if (step > 1) x = tg_slice(x, -1, 0, reach + 1, step);
    if (!x) return NULL;
    const int64_t *d = x->dims;
    x = tg_permute(x, tg_shape(0, 2, 1, 5, 3, 4));
    return tg_reshape(x, tg_shape(d[0] * d[2], d[1] * taps, d[3], d[4]));
}

/* Images [N D, C, H, W] as volumes [N, C, D, H, W]. */
static tg_tensor *volumes(tg_tensor *y, int64_t batch, int64_t depth)
{
    if (!y) return NULL;
    const int64_t *d = y->dims;
    return tg_contiguous(tg_transpose(tg_reshape(y, tg_shape(batch, depth, d[1], d[2], d[3])), 1, 2));
}

static tg_tensor *forward(const tgi_conv_call *call)
{
    const int64_t batch = call->input->dims[0], taps = call->weight->dims[2];
    const int64_t reach = call->dilation.dims[0] * (taps - 1), padded = call->same ? reach : 2 * call->padding.dims[0];
    const int64_t depth = (call->input->dims[2] + padded - reach - 1) / call->stride.dims[0] + 1;
    return volumes(convolved(call, slices(call, taps), call->bias), batch, depth);
}

/* What each plane gives to the planes of the result, [N D, C T, H', W'], added up: [N, C, D', H', W']. */
static tg_tensor *added_up(const tgi_conv_call *call, tg_tensor *given, int64_t taps)
{
    if (!given) return NULL;
    const int64_t batch = call->input->dims[0], depth = call->input->dims[2], channels = given->dims[1] / taps;
    const int64_t h = given->dims[2], w = given->dims[3];
    const int64_t stride = call->stride.dims[0], dilation = call->dilation.dims[0], cut = call->padding.dims[0];
    const int64_t whole = (depth - 1) * stride + dilation * (taps - 1) + 1;
    /* A plane is a row of an image as high as the volume is deep: whole rows are copied and added up. */
    tg_tensor *columns = tg_transpose(tg_reshape(given, tg_shape(batch, depth, channels * taps, h * w)), 1, 2);
    columns = tg_reshape(columns, tg_shape(batch, channels * taps, depth * h * w));
    tg_tensor *y = tg_fold(columns, tg_shape(whole, h * w), tg_shape(taps, 1), .dilation = tg_shape(dilation, 1),
                           .stride = tg_shape(stride, 1));
    y = tg_reshape(y, tg_shape(batch, channels, whole, h, w));
    if (cut || call->output_padding.dims[0])
        y = tg_pad(y, tg_shape(0, 0, 0, 0, -cut, call->output_padding.dims[0] - cut));
    return tg_contiguous(y);
}

static tg_tensor *transposed(const tgi_conv_call *call)
{
    const int64_t *d = call->input->dims, taps = call->weight->dims[2];
    tg_tensor *planes = tg_reshape(tg_transpose(call->input, 1, 2), tg_shape(d[0] * d[2], d[1], d[3], d[4]));
    tg_tensor *y = added_up(call, convolved(call, planes, NULL), taps);
    return call->bias && y ? tg_add(y, tg_reshape(call->bias, tg_shape(y->dims[1], 1, 1, 1))) : y;
}

tg_tensor *tgi_conv_volume(const tgi_conv_call *call)
{
    if (call->transposed && !tgi_is_floating(call->input)) /* fold adds up floating numbers */
        return tgi_not_implemented(call->op, tgi_conv_inputs(call), "conv_transpose3d", call->input->dtype);
    tg_tensor *y = call->transposed ? transposed(call) : forward(call);
    return tgi_ordinary(y, tgi_conv_inputs(call));
}
