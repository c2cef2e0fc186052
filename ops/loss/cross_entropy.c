/* cross_entropy.c: cross entropy of unnormalised scores, under class indices or class probabilities.
 *
 * Made of other ops, as in PyTorch: they check and compute, and nothing here may touch an element. The usual case,
 * plain class indices, is one node on the tape with a gradient of its own; label smoothing and probabilities leave the
 * nodes of the ops they are made of. */
#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/layers/softmax_impl.h"
#include "loss_impl.h"
#include "ops/pointwise.h"
#include "ops/base/flops.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

static int class_dim(const tg_tensor *input) { return tg_ndim(input) == 1 ? 0 : 1; }

/* weight x, the weight of each class along x's class dimension; x itself without weights. */
static tg_tensor *weighted(tg_tensor *x, tg_tensor *weight)
{
    if (!weight) return x;
    tg_shape shape = { tg_ndim(x), { 1, 1, 1, 1, 1, 1, 1, 1 } };
    shape.dims[class_dim(x)] = tg_numel(weight);
    return tg_mul(x, tg_reshape(weight, shape));
}

/* ---- class probabilities ---- */

static bool probabilities_ok(tg_tensor *input, tg_tensor *target, const tg_cross_entropy_options *o)
{
    const tg_op *op = &tgi_op_cross_entropy;
    const tg_tensor_list inputs = tg_list(input, target);
    const tg_tensor *w = o->weight;
    if (!tgi_is_floating(target))
        tg_op_fail(op, inputs, "Expected floating point type for target with class probabilities, got %s",
                   tgi_type_name(target));
    else if (o->ignore_index >= 0)
        tg_op_fail(op, inputs, "ignore_index is not supported for floating point target");
    else if (input->ndim == 0)
        tg_op_fail(op, inputs, "Dimension specified as 1 but tensor has no dimensions");
    else if (w && (w->ndim != 1 || w->numel != input->dims[class_dim(input)])) {
        char text[TG_SHAPE_TEXT];
        tg_shape shape = tgi_shape(w);
        tg_op_fail(
            op, inputs,
            "cross_entropy: weight tensor should be defined either for all %lld classes or no classes but got weight tensor of "
            "shape: %s",
            (long long)input->dims[class_dim(input)], tg_shape_text(&shape, text));
    } else
        return true;
    return false;
}

/* -sum(weight target log_softmax(input)) over the classes, with the target smoothed first. */
static tg_tensor *of_probabilities(tg_tensor *input, tg_tensor *target, const tg_cross_entropy_options *o)
{
    if (!probabilities_ok(input, target, o)) return NULL;
    int dim = class_dim(input);
    int64_t classes = input->dims[dim];
    double smoothing = o->label_smoothing;
    if (smoothing > 0) target = tg_add(tg_mul(target, 1 - smoothing), smoothing / (double)classes);
    tg_tensor *terms = weighted(tg_mul(tg_log_softmax(input, dim), target), o->weight);
    if (o->reduction == TG_REDUCTION_NONE) return tg_neg(tg_sum(terms, .dim = dim));
    tg_tensor *y = tg_neg(tg_sum(terms));
    if (o->reduction == TG_REDUCTION_SUM) return y;
    return tg_div(y, input->numel ? (double)(input->numel / classes) : 0.0); /* the mean of nothing is 0 / 0 */
}

/* ---- class indices ---- */

/* What nll_loss would be if every class were the target alike: -sum(weight x) over the classes. Ignored targets and the
 * mean as nll_loss has them. */
static tg_tensor *of_all_classes(tg_tensor *x, tg_tensor *target, const tg_cross_entropy_options *o)
{
    tg_tensor *y = tg_neg(tg_sum(weighted(x, o->weight), .dim = class_dim(x)));
    y = tg_where(tg_eq(target, o->ignore_index), 0.0, y);
    if (o->reduction == TG_REDUCTION_NONE) return y;
    y = tg_sum(y);
    if (o->reduction == TG_REDUCTION_SUM) return y;
    tg_tensor *count = tg_nll_loss(tg_full_like(x, -1.0), target, .weight = o->weight, .ignore_index = o->ignore_index,
                                   .reduction = TG_REDUCTION_SUM); /* of weights, where there are any */
    return tg_div(y, count);
}

static tg_tensor *smoothed(tg_tensor *input, tg_tensor *target, const tg_cross_entropy_options *o)
{
    double smoothing = o->label_smoothing;
    tg_tensor *x = tg_log_softmax(input, class_dim(input));
    const tg_nll_options options = { .weight = o->weight, .ignore_index = o->ignore_index, .reduction = o->reduction };
    tg_tensor *y = tgi_nll_loss(TG_HERE, &tgi_op_cross_entropy, x, target, options);
    if (!y) return NULL;
    tg_tensor *all = of_all_classes(x, target, o);
    return tg_add(tg_mul(y, 1 - smoothing), tg_mul(all, smoothing / (double)tg_size(x, class_dim(x))));
}

typedef struct attributes {
    int64_t ignore_index;
    tg_reduction reduction;
    bool weighted;
    int dim;
} attributes;

/* The logarithm of softmax is kept for the gradient; the input for the gradient's gradient. */
static tg_tensor *of_indices(tg_tensor *input, tg_tensor *target, const tg_cross_entropy_options *o)
{
    attributes a = { o->ignore_index, o->reduction, o->weight != NULL, class_dim(input) };
    tg_tensor *x = tg_log_softmax(tg_detach(input), a.dim);
    const tg_nll_options options = { .weight = o->weight, .ignore_index = o->ignore_index, .reduction = o->reduction };
    tg_tensor *y = tgi_nll_loss(TG_HERE, &tgi_op_cross_entropy, x, target, options);
    if (!y) return NULL;
    return tg_record(&tgi_op_cross_entropy, tg_list(input), tg_list(y), tg_list(input, x, target, o->weight), &a,
                     sizeof a) == TG_OK
               ? y
               : NULL;
}

/* The gradient of the logarithm of softmax. */
static tg_tensor *log_softmax_gradient(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    tg_nll_options o = { .weight = a->weighted ? tg_saved(ctx, 3) : NULL,
                         .ignore_index = a->ignore_index,
                         .reduction = a->reduction };
    return tgi_nll_loss_backward_at(TG_HERE, tg_grad_output(ctx, 0), tg_input_shape(ctx, 0), tg_saved(ctx, 2), o);
}

static void backward(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    tg_tensor *g = log_softmax_gradient(ctx), *x = tg_log_softmax(tg_saved(ctx, 0), a->dim);
    tg_set_grad_input(ctx, 0, tg_sub(g, tg_mul(tg_exp(x), tg_sum(g, .dim = a->dim, .keepdim = true))));
}

static void backward_fused(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tgi_log_softmax_backward_raw(log_softmax_gradient(ctx), tg_saved(ctx, 1), a->dim));
}

/* ---- the op ---- */

tg_tensor *tg_cross_entropy_at(const char *where, tg_tensor *input, tg_tensor *target, tg_cross_entropy_options options)
{
    const tg_op *op = &tgi_op_cross_entropy;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weight)) return NULL;
    if (!tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (options.label_smoothing > 1)
        return tg_op_fail(op, inputs, "label_smoothing must be between 0.0 and 1.0. Got: %g", options.label_smoothing);
    tg_shape x = tgi_shape(input), t = tgi_shape(target);
    if (tg_shape_equal(&x, &t)) return of_probabilities(input, target, &options);
    return options.label_smoothing > 0 ? smoothed(input, target, &options) : of_indices(input, target, &options);
}

/* Of class indices: with probabilities it is made of other ops. */
static tg_tensor_list cross_entropy_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    tg_tensor *x = inputs.items[0];
    return tgi_result(tg_cross_entropy(x, tgi_saved_again(node, 2, x),
                                       .weight = a->weighted ? tgi_saved_again(node, 3, x) : NULL,
                                       .ignore_index = a->ignore_index, .reduction = a->reduction));
}

static tg_tensor_list cross_entropy_call(const tg_value *args)
{
    tg_cross_entropy_options o = { .weight = tgi_optional(&args[2]),
                                   .ignore_index = args[3].as.integer,
                                   .label_smoothing = args[5].as.real };
    if (!tgi_reduction_named(&tgi_op_cross_entropy, args[4].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_cross_entropy_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const samples[] = {
    "cross_entropy(f(4, 5), i(4, lo=0, hi=5))",
    "cross_entropy(f(4, 5), i(4, lo=0, hi=5), reduction='sum')",
    "cross_entropy(f(4, 5), i(4, lo=0, hi=5), reduction='none')",
    "cross_entropy(f(5), i(lo=0, hi=5))",
    "cross_entropy(f(8, 3), i(8, lo=0, hi=3), ignore_index=0)",
    "cross_entropy(f(6, 3), i(6, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False), ignore_index=2)",
    "cross_entropy(f(2, 3, 4), i(2, 4, lo=0, hi=3), reduction='none')",
    "cross_entropy(f(2, 3, 2, 2), i(2, 2, 2, lo=0, hi=3))",
    "cross_entropy(f(4, 5), i(4, lo=0, hi=5), label_smoothing=0.1)",
    "cross_entropy(f(5), i(lo=0, hi=5), label_smoothing=0.2)",
    "cross_entropy(f(6, 3), i(6, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False), ignore_index=2, label_smoothing=0.3)",
    "cross_entropy(f(2, 3, 4), i(2, 4, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False), ignore_index=1, reduction='none', "
    "label_smoothing=0.3)",
    "cross_entropy(f(2, 3, 4), i(2, 4, lo=0, hi=3), reduction='sum', label_smoothing=1)",
    "cross_entropy(f(4, 3), f(4, 3, lo=0, hi=1))",
    "cross_entropy(f(3), f(3, lo=0, hi=1))",
    "cross_entropy(f(4, 3), f(4, 3, lo=0, hi=1), reduction='none')",
    "cross_entropy(f(2, 3, 4), f(2, 3, 4, lo=0, hi=1), reduction='sum')",
    "cross_entropy(f(2, 3, 4), f(2, 3, 4, lo=0, hi=1), weight=f(3, lo=0.5, hi=2, grad=False), label_smoothing=0.2)",
    "cross_entropy(f(0, 5), i(0))",
    "cross_entropy(f(0, 5), f(0, 5))",
    NULL
};
static const tg_error_sample errors[] = {
    { "cross_entropy(f(2, 5), i(2, lo=7, hi=8))", "Target 7 is out of bounds." },
    { "cross_entropy(f(2, 5), i(3))", "Expected input batch_size (2) to match target batch_size (3)." },
    { "cross_entropy(f(2, 5), i(2, 5))", "Expected floating point type for target with class probabilities, got Long" },
    { "cross_entropy(f(2, 5), f(2, 5), ignore_index=1)", "ignore_index is not supported for floating point target" },
    { "cross_entropy(f(2, 5), f(2, 5), weight=f(4))",
      "cross_entropy: weight tensor should be defined either for all 5 classes or no "
      "classes but got weight tensor of shape: [4]" },
    { "cross_entropy(f(2, 5), i(2, lo=0, hi=5), label_smoothing=1.5)",
      "label_smoothing must be between 0.0 and 1.0. Got: 1.5" },
    { "cross_entropy(i(2, 5), i(2))", "\"log_softmax_lastdim_kernel_impl\" not implemented for 'Long'" },
    { "cross_entropy(f(2, 5), f(2))", "expected scalar type Long but found " },
    { "cross_entropy(f(), f())", "Dimension specified as 1 but tensor has no dimensions" },
    { "cross_entropy(f(2, 5), i(2), reduction='avg')", "is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_cross_entropy = {
    .name = "cross_entropy",
    .schema =
        "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, str reduction='mean', "
        "float label_smoothing=0.0) -> Tensor",
    .formula =
        "y = nll_loss(log_softmax(x), target); under probabilities p: -the sum of weight p log_softmax(x) over the classes",
    .gradient =
        "dx = weight[target] (softmax(x) - 1 at the target) g, divided by the sum of weight[target] for the mean; smoothed or under "
        "probabilities: that of the ops it is made of",
    .doc = "The loss of unnormalised scores under class indices, or under class probabilities of x's own shape.",
    .grad_name = "NllLossBackward0",
    .backward = backward,
    .backward_fused = backward_fused,
    .flops = tgi_flops_softmax,
    .call = cross_entropy_call,
    .again = cross_entropy_again,
    .samples = samples,
    .errors = errors,
    .traits = TG_IS_LOSS | TG_TAKES_LOGITS,
    .not_finite =
        "where every target is ignored the mean is 0 / 0; and a class of probability 0, whose logit is -inf, costs "
        "infinitely much",
};
