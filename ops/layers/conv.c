/* conv.c: a convolution, its input's gradient and its weight's: three maps, of which each one's gradients are the two
 * others, so that they can be differentiated as often as one likes.
 *
 * A node keeps all sizes, its image's and its result's: no map guesses one from another. Nothing here loops over
 * elements: that is the kernels' work. */
#include "ops/conv.h"

#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "conv_impl.h"
#include "conv_node.h"
#include "core/tape_impl.h"
#include "ops/base/parallel.h"
#include "ops/reduce.h"

enum { PARALLEL = 1 << 20 /* multiplications from which on several threads pay */ };

/* ---- shapes ---- */

static tg_shape with_spatial(int64_t first, int64_t second, int64_t h, int64_t w, int spatial)
{
    return spatial == 1 ? tg_shape(first, second, w) : tg_shape(first, second, h, w);
}

static tg_shape shape_of(const tgi_convolved *c, tgi_conv_map map)
{
    const tgi_conv *s = &c->sizes;
    switch (map) {
    case TGI_CONV_RESULT: return with_spatial(s->batch, s->groups * s->k, s->oh, s->ow, c->spatial);
    case TGI_CONV_IMAGE: return with_spatial(s->batch, s->groups * s->c, s->h, s->w, c->spatial);
    default: return with_spatial(s->groups * s->k, s->c, s->kh, s->kw, c->spatial);
    }
}

/* ---- running a map ---- */

typedef struct work {
    const tgi_conv_job *job;
    int dtype;
} work;

static void run_task(const void *all, int64_t task)
{
    const work *w = all;
    TGI_KERNELS(conv)->run[w->dtype](w->job, task);
}

static double multiplications(const tgi_conv *s)
{
    return (double)s->batch * (double)(s->groups * s->c * s->k) * (double)(s->oh * s->ow) * (double)(s->kh * s->kw);
}

/* `to` from the other two, contiguous. False without memory. */
static bool run_map(tgi_conv_job *job, tg_dtype dtype)
{
    const tgi_conv_kernels *k = TGI_KERNELS(conv);
    size_t bytes;
    const int64_t tasks = k->plan[dtype](job->s, job->map, &bytes);
    tg_tensor *room = NULL;
    if (bytes > 0) {
        const tg_shape shape = tg_shape((int64_t)(bytes / sizeof(double)) + 1);
        room = tgi_own(tgi_new(&shape, TG_FLOAT64));
        if (!room) return false;
        job->room = tgi_ptr(room);
    }
    k->begin[dtype](job);
    tgi_run_tasks(multiplications(job->s) >= PARALLEL, tasks, run_task, &(work){ job, (int)dtype });
    k->end[dtype](job);
    tgi_unref(room);
    return true;
}

/* The tensor that `map` computes from the two others, of which the one it computes is NULL. Raw. */
static tg_tensor *computed(const tgi_convolved *c, tgi_conv_map map, tg_tensor *image, tg_tensor *result,
                           tg_tensor *weight, tg_tensor *bias)
{
    const tg_shape shape = shape_of(c, map);
    const tg_dtype dtype = (tg_dtype)(image ? image : result)->dtype;
    tg_tensor *y = tgi_new(&shape, dtype);
    if (!y || y->numel == 0) return y;
    tg_tensor *given[] = { image, result, weight, bias }, *own[4] = { NULL };
    bool ok = true;
    for (int i = 0; i < 4 && ok; i++) {
        if (given[i]) own[i] = tgi_own_contiguous(given[i]);
        ok = own[i] || !given[i];
    }
    tgi_conv_job job = { .s = &c->sizes, .map = map, .to = tgi_ptr(y) };
    if (ok) {
        job.image = own[0] ? tgi_ptr(own[0]) : NULL;
        job.result = own[1] ? tgi_ptr(own[1]) : NULL;
        job.weight = own[2] ? tgi_ptr(own[2]) : NULL;
        job.bias = own[3] ? tgi_ptr(own[3]) : NULL;
        ok = run_map(&job, dtype);
    }
    for (int i = 0; i < 4; i++) tgi_unref(own[i]);
    return ok ? y : NULL;
}

tg_tensor *tgi_convolve(tg_tensor *input, tg_tensor *weight, tg_tensor *bias, const tgi_convolved *c)
{
    tg_tensor_list inputs = tg_list(input, weight, bias);
    if (!bias) inputs.count = 2;
    if (!tg_op_begin(NULL, &tgi_op_convolution, inputs)) return NULL;
    tg_tensor *y = c->transposed ? computed(c, TGI_CONV_IMAGE, NULL, input, weight, bias)
                                 : computed(c, TGI_CONV_RESULT, input, NULL, weight, bias);
    if (!y) return NULL;
    tg_tensor *saved_input = tg_requires_grad(weight) ? input : NULL;
    tg_tensor *saved_weight = tg_requires_grad(input) ? weight : NULL;
    return tg_record(&tgi_op_convolution, inputs, tg_list(y), tg_list(saved_input, saved_weight), c, sizeof *c) == TG_OK
               ? y
               : NULL;
}

/* The weight's gradient from the two others. */
static tg_tensor *convolve_weight(tg_tensor *image, tg_tensor *result, const tgi_convolved *c)
{
    const tg_op *op = &tgi_op_convolution_backward_weight;
    if (!tg_op_begin(NULL, op, tg_list(image, result))) return NULL;
    tg_tensor *y = computed(c, TGI_CONV_WEIGHT, image, result, NULL, NULL);
    if (!y) return NULL;
    tg_tensor *saved_image = tg_requires_grad(result) ? image : NULL;
    tg_tensor *saved_result = tg_requires_grad(image) ? result : NULL;
    return tg_record(op, tg_list(image, result), tg_list(y), tg_list(saved_image, saved_result), c, sizeof *c) == TG_OK
               ? y
               : NULL;
}

bool tgi_conv_is_transposed(const tg_node *node)
{
    return ((const tgi_convolved *)(const void *)((const char *)node + node->attributes_at))->transposed;
}

/* ---- convolution ---- */

static tgi_convolved turned(const tgi_convolved *c, bool transposed)
{
    tgi_convolved other = *c;
    other.transposed = transposed;
    return other;
}

static void convolution_backward(tg_context *ctx)
{
    const tgi_convolved *c = tg_attributes(ctx), other = turned(c, !c->transposed);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tgi_convolve(g, tg_saved(ctx, 1), NULL, &other));
    if (tg_needs_input_grad(ctx, 1)) {
        tg_tensor *x = tg_saved(ctx, 0);
        tg_set_grad_input(ctx, 1, c->transposed ? convolve_weight(g, x, c) : convolve_weight(x, g, c));
    }
    if (tg_needs_input_grad(ctx, 2)) {
        const tg_shape dims = c->spatial == 1 ? tg_shape(0, 2) : tg_shape(0, 2, 3);
        tg_set_grad_input(ctx, 2, tg_sum(g, .dims = dims));
    }
}

tg_tensor *tg_convolution_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_tensor *bias, tg_shape stride,
                             tg_shape padding, tg_shape dilation, bool transposed, tg_shape output_padding,
                             int64_t groups)
{
    tgi_conv_call call = { .op = &tgi_op_convolution,
                           .input = input,
                           .weight = weight,
                           .bias = bias,
                           .stride = stride,
                           .padding = padding,
                           .dilation = dilation,
                           .output_padding = output_padding,
                           .transposed = transposed,
                           .groups = groups };
    tgi_convolved c;
    if (!tg_op_begin(where, &tgi_op_convolution, tg_list(input, weight)) || !tg_optional_ok(bias)) return NULL;
    if (!tgi_conv_check(&call, &c)) return NULL;
    if (c.spatial < 3) return tgi_convolve(input, weight, bias, &c);
    return tg_op_fail(call.op, tgi_conv_inputs(&call),
                      "convolutions over one and two dimensions are supported, not over 3: see conv3d");
}

static tg_tensor_list convolution_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *bias = inputs.count > 2 ? inputs.items[2] : NULL;
    return tgi_result(tgi_convolve(inputs.items[0], inputs.items[1], bias, tg_node_attributes(node)));
}

static tg_tensor_list convolution_backward_weight_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(convolve_weight(inputs.items[0], inputs.items[1], tg_node_attributes(node)));
}

static tg_tensor_list convolution_call(const tg_value *v)
{
    return tgi_result(tg_convolution_at(TG_HERE, v[0].as.tensor, v[1].as.tensor, tgi_optional(&v[2]), v[3].as.ints,
                                        v[4].as.ints, v[5].as.ints, v[6].as.boolean, v[7].as.ints, v[8].as.integer));
}

static const char *const convolution_samples[] = {
    "convolution(f(2, 3, 5, 4), f(4, 3, 3, 2), f(4), [1, 1], [0, 0], [1, 1], False, [0, 0], 1)",
    "convolution(f(2, 3, 5), f(4, 3, 2), None, [2], [1], [1], False, [0], 1)",
    "convolution(f(2, 4, 3, 3), f(4, 1, 2, 3), f(2), [2, 1], [1, 0], [1, 2], True, [1, 0], 2)", NULL
};
static const tg_error_sample convolution_errors[] = {
    { "convolution(f(2, 3, 5), f(4, 3, 3, 3), None, [1], [0], [1], False, [0], 1)",
      "Expected 4-dimensional input for 4-dimensional weight [4, 3, 3, 3], but got 3-dimensional input of size [2, 3, 5] "
      "instead" },
    { "convolution(f(2, 3), f(4, 3), None, [1], [0], [1], False, [0], 1)",
      "weight should have at least three dimensions" },
    { NULL, NULL }
};

static const tg_error_sample convolution_own_errors[] = {
    { "convolution(f(1, 2, 3, 2, 2), f(2, 2, 2, 1, 2), None, [1, 1, 2], [0, 0, 1], [1, 1, 1], False, [0, 0, 0], 1)",
      "convolutions over one and two dimensions are supported, not over 3: see conv3d" },
    { NULL, NULL }
};

/* Each element of the result, of a transposed one each of the input, meets the weights of one channel; the gradients of
 * both are convolutions of the same size. (What is recorded nowhere and has as many channels as results is taken for
 * none that is transposed.) */
static double flops(const tg_computed *call, int input)
{
    const tg_tensor *x = call->inputs.items[0], *w = call->inputs.items[1], *y = call->outputs.items[0];
    const bool transposed = call->node ? tgi_conv_is_transposed(call->node) : y->dims[1] != w->dims[0];
    const double product = 2 * (double)(transposed ? x : y)->numel * (double)w->numel / (double)w->dims[0];
    if (input >= 2) return (double)y->numel;
    return input < 0 && tgi_elements_in(call, 2) > 0 ? product + (double)y->numel : product;
}

const tg_op tgi_op_convolution = {
    .name = "convolution",
    .schema = "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, "
              "bool transposed, int[] output_padding, int groups) -> Tensor",
    .formula =
        "y[n, k, i, j] = the sum of weight[k, c, r, s] x[n, c, i stride - padding + r dilation, ...] over c, r, s, "
        "plus bias[k]; transposed: the gradient of that by x, for g in the place of x",
    .gradient =
        "dx = the transposed convolution of g by the weight, dweight = the sum of g[n, k, i, j] x[...] over n, i, "
        "j, dbias = g summed over all but the channels",
    .doc = "A convolution of batched input over one or two dimensions, or a transposed one.",
    .shapes = "[N, C, *] and [K, C / groups, *] to [N, K, *]; transposed [N, K, *] and [K, C / groups, *] to [N, C, *]",
    .backward = convolution_backward,
    .flops = flops,
    .call = convolution_call,
    .again = convolution_again,
    .samples = convolution_samples,
    .errors = convolution_errors,
    .own_errors = convolution_own_errors,
};

/* ---- the gradient of the weight ---- */

static void convolution_backward_weight_backward(tg_context *ctx)
{
    const tgi_convolved *c = tg_attributes(ctx), image = turned(c, true), result = turned(c, false);
    tg_tensor *v = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tgi_convolve(tg_saved(ctx, 1), v, NULL, &image));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tgi_convolve(tg_saved(ctx, 0), v, NULL, &result));
}

static tg_tensor_list convolution_backward_weight_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_convolution_backward_weight;
    tg_tensor *image = v[0].as.tensor, *result = v[1].as.tensor;
    if (!tg_op_begin(NULL, op, tg_list(image, result))) return tg_list_failed();
    tg_tensor *like = tgi_own(tgi_new(&v[2].as.ints, (tg_dtype)image->dtype));
    if (!like) return tg_list_failed();
    tgi_conv_call call = { .op = op,
                           .input = image,
                           .weight = like,
                           .stride = v[3].as.ints,
                           .padding = v[4].as.ints,
                           .dilation = v[5].as.ints,
                           .output_padding = tg_shape(0),
                           .groups = v[6].as.integer };
    tgi_convolved c;
    const bool ok = tgi_conv_check(&call, &c);
    tgi_unref(like);
    if (!ok) return tg_list_failed();
    const tg_shape want = shape_of(&c, TGI_CONV_RESULT), have = tgi_shape(result);
    char text[TG_SHAPE_TEXT];
    if (!tg_shape_equal(&want, &have) || result->dtype != image->dtype)
        return tgi_result(tg_op_fail(op, tg_list(image, result),
                                     "the result has shape %s, which grad_output must have, too",
                                     tg_shape_text(&want, text)));
    return tgi_result(convolve_weight(image, result, &c));
}

static const char *const convolution_backward_weight_samples[] = {
    "convolution_backward_weight(f(2, 3, 5, 4), f(2, 4, 3, 3), [4, 3, 3, 2], [1, 1], [0, 0], [1, 1], 1)",
    "convolution_backward_weight(f(2, 4, 5), f(2, 2, 3), [2, 2, 2], [2], [1], [2], 2)", NULL
};
static const tg_error_sample convolution_backward_weight_own_errors[] = {
    { "convolution_backward_weight(f(2, 3, 5), f(2, 4, 3), [4, 3, 2], [1], [0], [1], 1)",
      "the result has shape [2, 4, 4], which grad_output must have, too" },
    { NULL, NULL }
};

const tg_op tgi_op_convolution_backward_weight = {
    .name = "convolution_backward_weight",
    .schema = "convolution_backward_weight(Tensor input, Tensor grad_output, int[] size, int[] stride, int[] padding, "
              "int[] dilation, int groups) -> Tensor",
    .formula =
        "y[k, c, r, s] = the sum of grad_output[n, k, i, j] x[n, c, i stride - padding + r dilation, ...] over n, i, j",
    .gradient = "dx = the transposed convolution of grad_output by g, dgrad_output = the convolution of x by g",
    .doc = "The gradient of a convolution by its weight, which has the given size.",
    .shapes = "[N, C, *] and [N, K, *] to size",
    .backward = convolution_backward_weight_backward,
    .usage = "",
    .call = convolution_backward_weight_call,
    .again = convolution_backward_weight_again,
    .samples = convolution_backward_weight_samples,
    .own_errors = convolution_backward_weight_own_errors,
};
