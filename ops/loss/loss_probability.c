/* loss_probability.c: losses of probabilities, or of what becomes one, under targets that are probabilities.
 *
 * Rows of loss.def, written so that no logarithm or exponential loses what is small. Weights have no gradient, as in
 * PyTorch; with them the loss of each element goes through a product before it is reduced. */
#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "loss_impl.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include "core/error.h"

/* The row's loss, weighted. */
static tg_tensor *weighted_loss(const tg_op *op, const tgi_row *row, tg_tensor *a, tg_tensor *b, tg_tensor *parameter,
                                tg_tensor *weight, tg_reduction r)
{
    if (!weight) return tgi_row_loss(op, row, a, b, parameter, r);
    tg_tensor *each = tgi_row_loss(op, row, a, b, parameter, TG_REDUCTION_NONE);
    return tgi_reduced(tg_mul(each, weight), r);
}

/* ---- binary_cross_entropy ---- */

/* True when every element lies in [0, 1]; none that is NaN does. */
static bool are_probabilities(const tg_op *op, tg_tensor_list inputs, tg_tensor *t)
{
    tg_tensor *c = tgi_own_contiguous(t);
    if (!c) return false;
    int outside = 0;
    if (c->dtype == TG_FLOAT32) {
        const float *x = tgi_ptr(c);
        for (int64_t i = 0; i < c->numel; i++) outside |= !(x[i] >= 0) | !(x[i] <= 1);
    } else {
        const double *x = tgi_ptr(c);
        for (int64_t i = 0; i < c->numel; i++) outside |= !(x[i] >= 0) | !(x[i] <= 1);
    }
    tgi_unref(c);
    if (outside) tg_op_fail(op, inputs, "all elements of input should be between 0 and 1");
    return !outside;
}

static bool bce_ok(const tg_op *op, tg_tensor_list inputs, const tg_bce_options *o)
{
    const tg_tensor *input = inputs.items[0], *target = inputs.items[1];
    const tg_shape x = tgi_shape(input), t = tgi_shape(target);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!tgi_reduction_ok(op, inputs, o->reduction)) return false;
    if (!tg_shape_equal(&x, &t))
        tg_op_fail(op, inputs,
                   "Using a target size (torch.Size(%s)) that is different to the input size (torch.Size(%s)) is "
                   "deprecated. Please ensure they have the same size.",
                   tg_shape_text(&t, a), tg_shape_text(&x, b));
    else if (!tgi_is_floating(input))
        tgi_not_implemented(op, inputs, "binary_cross_entropy", input->dtype);
    else if (target->dtype != input->dtype || (o->weight && o->weight->dtype != input->dtype))
        tg_op_fail(op, inputs, "Found dtype %s but expected %s",
                   tgi_scalar_type_name((tg_dtype)(target->dtype != input->dtype ? target : o->weight)->dtype),
                   tgi_type_name(input));
    else
        return tgi_constant_ok(op, inputs, "binary_cross_entropy", "weight", o->weight) &&
               (!o->weight || tgi_fits_into(op, inputs, o->weight, &x));
    return false;
}

tg_tensor *tg_binary_cross_entropy_at(const char *where, tg_tensor *input, tg_tensor *target, tg_bce_options options)
{
    const tg_op *op = &tgi_op_binary_cross_entropy;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weight)) return NULL;
    if (!bce_ok(op, inputs, &options) || !are_probabilities(op, inputs, input)) return NULL;
    return weighted_loss(op, &tgi_loss_bce, input, target, NULL, options.weight, options.reduction);
}

static tg_tensor_list binary_cross_entropy_call(const tg_value *args)
{
    tg_bce_options o = { .weight = tgi_optional(&args[2]) };
    if (!tgi_reduction_named(&tgi_op_binary_cross_entropy, args[3].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_binary_cross_entropy_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const binary_cross_entropy_samples[] = {
    "binary_cross_entropy(f(2, 3, lo=0.1, hi=0.9), f(2, 3, lo=0, hi=1))",
    "binary_cross_entropy(f(2, 3, lo=0.1, hi=0.9), f(2, 3, lo=0, hi=1), reduction='sum')",
    "binary_cross_entropy(f(2, 3, lo=0.1, hi=0.9), f(2, 3, lo=0, hi=1), reduction='none')",
    "binary_cross_entropy(f(2, 3, lo=0.1, hi=0.9), f(2, 3, lo=0, hi=1), weight=f(3, lo=0.5, hi=2, grad=False))",
    "binary_cross_entropy(f(2, 3, lo=0.1, hi=0.9), f(2, 3, lo=0, hi=1), weight=f(2, 1, lo=0.5, hi=2, grad=False), "
    "reduction='none')",
    "binary_cross_entropy(f(lo=0.1, hi=0.9), f(lo=0, hi=1))",
    "binary_cross_entropy(f(0, 3), f(0, 3))",
    "binary_cross_entropy(f(0, 3), f(0, 3), reduction='sum')",
    NULL
};
static const char *const binary_cross_entropy_corners[] = {
    "binary_cross_entropy(v(0, 1, 1e-14, 0.5), v(0, 0, 1, 0.25), reduction='none')",
    "binary_cross_entropy(v(0, 0, 1, 1, 1e-300), v(0, 1, 0, 1, 1, grad=False))", NULL
};
static const tg_error_sample binary_cross_entropy_errors[] = {
    { "binary_cross_entropy(f(2, 3), f(2, 3))", "all elements of input should be between 0 and 1" },
    { "binary_cross_entropy(v(0, nan), f(2))", "all elements of input should be between 0 and 1" },
    { "binary_cross_entropy(f(2, 3), f(3))",
      "Using a target size (torch.Size([3])) that is different to the input size (torch.Size([2, 3])) is deprecated. Please "
      "ensure they have the same size." },
    { "binary_cross_entropy(i(2, 3), i(2, 3))", "\"binary_cross_entropy\" not implemented for 'Long'" },
    { "binary_cross_entropy(f(2, 3, lo=0, hi=1), i(2, 3))", "Found dtype Long but expected " },
    { "binary_cross_entropy(f(2, 3, lo=0, hi=1), f(2, 3), weight=f(3))",
      "The function 'binary_cross_entropy' is not differentiable with respect to argument 'weight'. This input cannot have "
      "requires_grad True." },
    { "binary_cross_entropy(f(2, 3, lo=0, hi=1), f(2, 3), weight=f(2, grad=False))",
      "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1" },
    { "binary_cross_entropy(f(2, 3, lo=0, hi=1), f(2, 3), weight=f(2, 2, 3, grad=False))",
      "output with shape [2, 3] doesn't match the broadcast shape [2, 2, 3]" },
    { "binary_cross_entropy(f(2), f(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_binary_cross_entropy = {
    .name = "binary_cross_entropy",
    .schema = "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, str reduction='mean') -> Tensor",
    .formula = "y = -weight (b log a + (1 - b) log(1 - a)), logarithms held at -100; its mean or its sum",
    .gradient =
        "da = weight (a - b) / (a (1 - a)) g, the denominator held at 1e-12; db = weight (log(1 - a) - log a) g; both "
        "divided by the number of elements for the mean",
    .doc =
        "The loss of probabilities a under targets b in [0, 1]. From scores, binary_cross_entropy_with_logits is more exact.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .flops = tgi_flops_loss,
    .again = tgi_row_loss_again,
    .kinks = "a = 0 and a = 1, where the logarithms are held: the gradient's denominator is 1e-12",
    .call = binary_cross_entropy_call,
    .samples = binary_cross_entropy_samples,
    .corners = binary_cross_entropy_corners,
    .errors = binary_cross_entropy_errors,
    .traits = TG_COMPARES | TG_IS_LOSS | TG_TAKES_TARGET_0_1,
};

/* ---- binary_cross_entropy_with_logits ---- */

static bool logits_ok(const tg_op *op, tg_tensor_list inputs, const tg_bce_logits_options *o)
{
    static const char *const name = "binary_cross_entropy_with_logits";
    const tg_tensor *input = inputs.items[0], *target = inputs.items[1];
    const tg_shape x = tgi_shape(input), t = tgi_shape(target);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!tgi_reduction_ok(op, inputs, o->reduction)) return false;
    if (!tg_shape_equal(&x, &t))
        tg_op_fail(op, inputs, "Target size (torch.Size(%s)) must be the same as input size (torch.Size(%s))",
                   tg_shape_text(&t, a), tg_shape_text(&x, b));
    else if (!tgi_is_floating(input) || !tgi_is_floating(target))
        tg_op_fail(op, inputs, "result type %s can't be cast to the desired output type %s",
                   tgi_scalar_type_name(tgi_is_floating(input) ? (tg_dtype)input->dtype : tg_default_dtype()),
                   tgi_scalar_type_name((tg_dtype)(tgi_is_floating(input) ? target : input)->dtype));
    else
        return tgi_constant_ok(op, inputs, name, "weight", o->weight) &&
               tgi_constant_ok(op, inputs, name, "pos_weight", o->pos_weight) &&
               (!o->weight || tgi_fits_into(op, inputs, o->weight, &x)) &&
               (!o->pos_weight || tgi_fits_into(op, inputs, o->pos_weight, &x));
    return false;
}

tg_tensor *tg_binary_cross_entropy_with_logits_at(const char *where, tg_tensor *input, tg_tensor *target,
                                                  tg_bce_logits_options options)
{
    const tg_op *op = &tgi_op_binary_cross_entropy_with_logits;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weight) || !tg_optional_ok(options.pos_weight) ||
        !logits_ok(op, inputs, &options))
        return NULL;
    const tg_dtype dtype = tg_promote_types((tg_dtype)input->dtype, (tg_dtype)target->dtype);
    tg_tensor *p = options.pos_weight ? tg_to(options.pos_weight, dtype) : tgi_row_parameter(input, target, 1);
    if (!p) return NULL;
    return weighted_loss(op, &tgi_loss_bce_with_logits, input, target, p, options.weight, options.reduction);
}

static tg_tensor_list binary_cross_entropy_with_logits_call(const tg_value *args)
{
    tg_bce_logits_options o = { .weight = tgi_optional(&args[2]), .pos_weight = tgi_optional(&args[4]) };
    if (!tgi_reduction_named(&tgi_op_binary_cross_entropy_with_logits, args[3].as.string, &o.reduction))
        return tg_list_failed();
    return tgi_result(tg_binary_cross_entropy_with_logits_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const binary_cross_entropy_with_logits_samples[] = {
    "binary_cross_entropy_with_logits(f(2, 3), f(2, 3, lo=0, hi=1))",
    "binary_cross_entropy_with_logits(f(2, 3), f(2, 3, lo=0, hi=1), reduction='sum')",
    "binary_cross_entropy_with_logits(f(2, 3), f(2, 3, lo=0, hi=1), reduction='none')",
    "binary_cross_entropy_with_logits(f(2, 3), f(2, 3, lo=0, hi=1), weight=f(3, lo=0.5, hi=2, grad=False))",
    "binary_cross_entropy_with_logits(f(2, 3), f(2, 3, lo=0, hi=1), pos_weight=f(3, lo=0.5, hi=2, grad=False), "
    "reduction='sum')",
    "binary_cross_entropy_with_logits(f(2, 3), f(2, 3, lo=0, hi=1), pos_weight=f(2, 1, lo=0.5, hi=2, grad=False), "
    "weight=f(lo=0.5, hi=2, grad=False), reduction='none')",
    "binary_cross_entropy_with_logits(f(), f(lo=0, hi=1))",
    "binary_cross_entropy_with_logits(f(0, 3), f(0, 3))",
    "binary_cross_entropy_with_logits(f(0, 3), f(0, 3), reduction='sum')",
    "binary_cross_entropy_with_logits(f(2, 3, lo=-40, hi=40), f(2, 3, lo=0, hi=1))",
    NULL
};
static const char *const binary_cross_entropy_with_logits_corners[] = {
    "binary_cross_entropy_with_logits(v(0, -0, 800, -800, 800, -800, nan), v(0, 1, 1, 0, 0, 1, 1), reduction='none')",
    "binary_cross_entropy_with_logits(v(inf, 36, -36), v(0, 1, 0, grad=False), reduction='none')", NULL
};
static const tg_error_sample binary_cross_entropy_with_logits_errors[] = {
    { "binary_cross_entropy_with_logits(f(2, 3), f(3))",
      "Target size (torch.Size([3])) must be the same as input size (torch.Size([2, 3]))" },
    { "binary_cross_entropy_with_logits(i(2, 3), i(2, 3))",
      "result type Float can't be cast to the desired output type Long" },
    { "binary_cross_entropy_with_logits(f(2, 3), i(2, 3))", "can't be cast to the desired output type Long" },
    { "binary_cross_entropy_with_logits(f(2, 3), f(2, 3), weight=f(3))",
      "The function 'binary_cross_entropy_with_logits' is not differentiable with respect to argument 'weight'. This input "
      "cannot have requires_grad True." },
    { "binary_cross_entropy_with_logits(f(2, 3), f(2, 3), pos_weight=f(3))",
      "The function 'binary_cross_entropy_with_logits' is not differentiable with respect to argument 'pos_weight'. This "
      "input cannot have requires_grad True." },
    { "binary_cross_entropy_with_logits(f(2, 3), f(2, 3), weight=f(2, grad=False))",
      "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1" },
    { "binary_cross_entropy_with_logits(f(2, 3), f(2, 3), pos_weight=f(2, 2, 3, grad=False))",
      "output with shape [2, 3] doesn't match the broadcast shape [2, 2, 3]" },
    { "binary_cross_entropy_with_logits(f(2), f(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_binary_cross_entropy_with_logits = {
    .name = "binary_cross_entropy_with_logits",
    .schema =
        "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, str reduction='mean', "
        "Tensor? pos_weight=None) -> Tensor",
    .formula = "y = weight ((1 - b) log(1 + e^a) + pos_weight b log(1 + e^-a)), its mean or its sum",
    .gradient =
        "da = weight ((pos_weight b + 1 - b) sigmoid(a) - pos_weight b) g; db = weight ((pos_weight - 1) log(1 + e^-a) "
        "- a) g; both divided by the number of elements for the mean",
    .doc = "The loss of scores a, whose sigmoids are probabilities, under targets b in [0, 1].",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .flops = tgi_flops_loss,
    .again = tgi_row_loss_again,
    .call = binary_cross_entropy_with_logits_call,
    .samples = binary_cross_entropy_with_logits_samples,
    .corners = binary_cross_entropy_with_logits_corners,
    .errors = binary_cross_entropy_with_logits_errors,
    .traits = TG_COMPARES | TG_IS_LOSS | TG_TAKES_TARGET_0_1 | TG_TAKES_LOGIT,
};

/* ---- kl_div ---- */

tg_tensor *tg_kl_div_at(const char *where, tg_tensor *input, tg_tensor *target, tg_kl_div_options options)
{
    const tg_op *op = &tgi_op_kl_div;
    const tg_tensor_list inputs = tg_list(input, target);
    const bool batchmean = options.reduction == TG_REDUCTION_BATCHMEAN;
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (!batchmean && !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (options.reduction == TG_REDUCTION_MEAN)
        tg_warn_at(
            where ? where : tgi_where(),
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the "
            "same as 'batchmean' in the next major release.");
    if (!tgi_is_floating(input) || !tgi_is_floating(target))
        return tg_op_fail(op, inputs, "kl_div: Integral inputs not supported.");
    tg_tensor *y = tgi_row_loss(op, options.log_target ? &tgi_loss_kl_div_log : &tgi_loss_kl_div, input, target, NULL,
                                batchmean ? TG_REDUCTION_SUM : options.reduction);
    return batchmean && input->ndim > 0 ? tg_div(y, (double)input->dims[0]) : y;
}

static tg_tensor_list kl_div_call(const tg_value *args)
{
    tg_kl_div_options o = { .log_target = args[3].as.boolean };
    if (!tgi_reduction_named(&tgi_op_kl_div, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_kl_div_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const kl_div_samples[] = {
    "kl_div(f(3, 4, lo=-4, hi=0), f(3, 4, lo=0.1, hi=1))",
    "kl_div(f(3, 4, lo=-4, hi=0), f(3, 4, lo=0.1, hi=1), reduction='sum')",
    "kl_div(f(3, 4, lo=-4, hi=0), f(3, 4, lo=0.1, hi=1), reduction='none')",
    "kl_div(f(3, 4, lo=-4, hi=0), f(3, 4, lo=0.1, hi=1), reduction='batchmean')",
    "kl_div(f(3, 4, lo=-4, hi=0), f(3, 4, lo=-4, hi=0), log_target=True)",
    "kl_div(f(3, 4, lo=-4, hi=0), f(4, lo=-4, hi=0), reduction='batchmean', log_target=True)",
    "kl_div(f(4, lo=-4, hi=0), f(3, 4, lo=0.1, hi=1), reduction='batchmean')",
    "kl_div(f(lo=-4, hi=0), f(lo=0.1, hi=1), reduction='batchmean')",
    "kl_div(f(0, 3), f(0, 3))",
    "kl_div(f(0, 3), f(0, 3), reduction='sum', log_target=True)",
    NULL
};
static const char *const kl_div_corners[] = {
    "kl_div(v(0, 1, -2.3, -inf, -inf, nan), v(0, -1, 0.3, 0, 1, 1), reduction='none')",
    "kl_div(v(0, 1, -2.3, -inf, 1), v(0, -1, 0.3, -inf, -inf), reduction='none', log_target=True)", NULL
};
static const tg_error_sample kl_div_errors[] = {
    { "kl_div(f(2, 3), f(2, 4))", "must match the size of tensor" },
    { "kl_div(i(2, 3), f(2, 3))", "kl_div: Integral inputs not supported." },
    { "kl_div(f(2, 3), i(2, 3), reduction='sum')", "kl_div: Integral inputs not supported." },
    { "kl_div(f(2), f(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_kl_div = {
    .name = "kl_div",
    .schema = "kl_div(Tensor input, Tensor target, str reduction='mean', bool log_target=False) -> Tensor",
    .formula =
        "y = b (log b - a), or e^b (b - a) if the target is a logarithm, too; its mean, its sum, or its sum divided by the "
        "first size (batchmean)",
    .gradient = "da = -b g, db = (log b + 1 - a) g; log_target: da = -e^b g, db = e^b (b - a + 1) g; divided as y is",
    .doc = "The Kullback-Leibler divergence of log-probabilities a from probabilities b.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .again = tgi_row_loss_again,
    .kinks = "b = 0 without log_target: the gradient of b is NaN",
    .call = kl_div_call,
    .samples = kl_div_samples,
    .corners = kl_div_corners,
    .errors = kl_div_errors,
    .traits = TG_COMPARES | TG_IS_LOSS | TG_TAKES_LOG_PROBABILITIES,
};
