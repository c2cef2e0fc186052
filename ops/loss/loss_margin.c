/* loss_margin.c: losses of pairs and triplets.
 *
 * Made of other ops, as in PyTorch; soft_margin_loss is a row of loss.def. */
#include "ops/loss_margin.h"

#include "ops/base/call.h"
#include "ops/distance.h"
#include "loss_impl.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

/* max(t, 0). At 0 the gradient passes, NaN has none. */
static tg_tensor *held_at_0(tg_tensor *t) { return tg_clamp(t, .min = 0); }

/* ---- hinge_embedding_loss ---- */

tg_tensor *tg_hinge_embedding_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                      tg_hinge_embedding_options options)
{
    const tg_op *op = &tgi_op_hinge_embedding_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    tg_tensor *far = tg_where(tg_ne(target, 1.0), held_at_0(tg_sub(options.margin, input)), 0.0);
    tg_tensor *near = tg_where(tg_ne(target, -1.0), input, 0.0);
    return tgi_reduced(tg_add(far, near), options.reduction);
}

static tg_tensor_list hinge_embedding_loss_call(const tg_value *args)
{
    tg_hinge_embedding_options o = { .margin = args[2].as.real };
    if (!tgi_reduction_named(&tgi_op_hinge_embedding_loss, args[3].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_hinge_embedding_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

/* Signs, 1 and -1: an even number less 1. */
static const char *const hinge_embedding_loss_samples[] = {
    "hinge_embedding_loss(f(3, 4), sub(mul(i(3, 4, lo=0, hi=2), 2), 1))",
    "hinge_embedding_loss(f(3, 4), sub(mul(i(3, 4, lo=0, hi=2), 2), 1), margin=0.5, reduction='sum')",
    "hinge_embedding_loss(f(3, 4), sub(mul(i(3, 4, lo=0, hi=2), 2), 1), margin=-1, reduction='none')",
    "hinge_embedding_loss(f(3, 4), sub(mul(i(4, lo=0, hi=2), 2), 1), margin=0)",
    "hinge_embedding_loss(f(3, 4), i(3, 4), reduction='none')",
    "hinge_embedding_loss(f(), i(lo=1, hi=2))",
    "hinge_embedding_loss(f(0, 3), i(0, 3))",
    NULL
};
static const char *const hinge_embedding_loss_corners[] = {
    "hinge_embedding_loss(f(4, 4, step=1), sub(mul(i(4, 4, lo=0, hi=2), 2), 1), reduction='none')",
    "hinge_embedding_loss(v(nan, inf, -inf, -0), i(4, lo=-1, hi=0), reduction='none')", NULL
};
static const tg_error_sample hinge_embedding_loss_errors[] = {
    { "hinge_embedding_loss(f(2, 3), i(2, 4))", "must match the size of tensor" },
    { "hinge_embedding_loss(f(2), i(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_hinge_embedding_loss = {
    .name = "hinge_embedding_loss",
    .schema = "hinge_embedding_loss(Tensor input, Tensor target, float margin=1.0, str reduction='mean') -> Tensor",
    .formula = "y = x where the target is 1, max(0, margin - x) where it is -1; their sum for any other target",
    .gradient =
        "dx = g where the target is 1, -g where it is -1 and x <= margin; divided by the number of elements for the mean",
    .doc = "The loss of distances: small ones are wanted where the target is 1, large ones where it is -1.",
    .composite = true,
    .kinks = "x = margin with target -1: -g",
    .call = hinge_embedding_loss_call,
    .samples = hinge_embedding_loss_samples,
    .corners = hinge_embedding_loss_corners,
    .errors = hinge_embedding_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- margin_ranking_loss ---- */

tg_tensor *tg_margin_ranking_loss_at(const char *where, tg_tensor *input1, tg_tensor *input2, tg_tensor *target,
                                     tg_margin_options options)
{
    const tg_op *op = &tgi_op_margin_ranking_loss;
    const tg_tensor_list inputs = tg_list(input1, input2, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (input1->ndim != input2->ndim || input1->ndim != target->ndim) {
        const tg_shape a = tgi_shape(input1), b = tgi_shape(input2), c = tgi_shape(target);
        char texts[3][TG_SHAPE_TEXT];
        return tg_op_fail(op, inputs,
                          "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
                          "torch.Size(%s), input2: torch.Size(%s), target: torch.Size(%s) ",
                          tg_shape_text(&a, texts[0]), tg_shape_text(&b, texts[1]), tg_shape_text(&c, texts[2]));
    }
    if (target->dtype == TG_BOOL) return tg_neg(target); /* PyTorch takes -target: the same error */
    tg_tensor *y = tg_sub(options.margin, tg_mul(target, tg_sub(input1, input2)));
    return tgi_reduced(held_at_0(y), options.reduction);
}

static tg_tensor_list margin_ranking_loss_call(const tg_value *args)
{
    tg_margin_options o = { .margin = args[3].as.real };
    if (!tgi_reduction_named(&tgi_op_margin_ranking_loss, args[4].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_margin_ranking_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.tensor, o));
}

static const char *const margin_ranking_loss_samples[] = {
    "margin_ranking_loss(f(3, 4), f(3, 4), sub(mul(i(3, 4, lo=0, hi=2), 2), 1))",
    "margin_ranking_loss(f(3, 4), f(3, 4), f(3, 4), margin=0.5, reduction='sum')",
    "margin_ranking_loss(f(3, 4), f(1, 4), sub(mul(i(3, 1, lo=0, hi=2), 2), 1), margin=2, reduction='none')",
    "margin_ranking_loss(f(), f(), i(lo=1, hi=2))",
    "margin_ranking_loss(f(0, 3), f(0, 3), f(0, 3))",
    NULL
};
static const char *const margin_ranking_loss_corners[] = {
    "margin_ranking_loss(f(4, 4, step=1), f(4, 4, step=1), sub(mul(i(4, 4, lo=0, hi=2), 2), 1), margin=1, reduction='none')",
    "margin_ranking_loss(v(nan, inf, 1), v(1, 2, 1), i(3, lo=1, hi=2), reduction='none')", NULL
};
static const tg_error_sample margin_ranking_loss_errors[] = {
    { "margin_ranking_loss(f(3, 4), f(4), f(3, 4))",
      "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: torch.Size([3, 4]), input2: "
      "torch.Size([4]), target: torch.Size([3, 4]) " },
    { "margin_ranking_loss(f(3, 4), f(3, 4), f(3))", "target: torch.Size([3]) " },
    { "margin_ranking_loss(f(3, 4), f(3, 5), f(3, 4))", "must match the size of tensor" },
    { "margin_ranking_loss(f(2), f(2), f(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_margin_ranking_loss = {
    .name = "margin_ranking_loss",
    .schema =
        "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, str reduction='mean') -> Tensor",
    .formula = "y = max(0, -t (a - b) + margin)",
    .gradient =
        "da = -t g, db = t g, dt = -(a - b) g where y >= 0 before it is held; divided by the number of elements for the mean",
    .doc =
        "The loss of two scores, the first of which should be larger where the target t is 1, the second where it is -1.",
    .composite = true,
    .kinks = "t (a - b) = margin: as where y is above 0",
    .call = margin_ranking_loss_call,
    .samples = margin_ranking_loss_samples,
    .corners = margin_ranking_loss_corners,
    .errors = margin_ranking_loss_errors,
    .traits = TG_IS_LOSS,
};

/* ---- soft_margin_loss ---- */

tg_tensor *tg_soft_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options)
{
    const tg_op *op = &tgi_op_soft_margin_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction) ||
        !tgi_constant_ok(op, inputs, "soft_margin_loss", "target", target))
        return NULL;
    if (!tgi_is_floating(input))
        return tg_op_fail(op, inputs, "result type Float can't be cast to the desired output type %s",
                          tgi_type_name(input));
    const tg_shape shape = tgi_shape(input);
    if (!tgi_fits_into(op, inputs, target, &shape)) return NULL;
    target = tg_to(target, tg_dtype_of(input));
    return target ? tgi_row_loss(op, &tgi_loss_soft_margin, input, target, NULL, options.reduction) : NULL;
}

static tg_tensor_list soft_margin_loss_call(const tg_value *args)
{
    tg_loss_options o = TG_LOSS_OPTIONS();
    if (!tgi_reduction_named(&tgi_op_soft_margin_loss, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_soft_margin_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const soft_margin_loss_samples[] = {
    "soft_margin_loss(f(3, 4), sub(mul(i(3, 4, lo=0, hi=2), 2), 1))",
    "soft_margin_loss(f(3, 4), f(3, 4, grad=False), reduction='sum')",
    "soft_margin_loss(f(3, 4), f(4, grad=False), reduction='none')",
    "soft_margin_loss(f(), i(lo=1, hi=2))",
    "soft_margin_loss(f(0, 3), f(0, 3, grad=False))",
    NULL
};
static const char *const soft_margin_loss_corners[] = { "soft_margin_loss(v(0, -0, 40, nan, 600), i(5, lo=-1, hi=0))",
                                                        NULL };
static const tg_error_sample soft_margin_loss_errors[] = {
    { "soft_margin_loss(f(2, 3), i(2, 4))",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "soft_margin_loss(f(4), i(3, 4))", "output with shape [4] doesn't match the broadcast shape [3, 4]" },
    { "soft_margin_loss(f(2, 3), f(2, 3))",
      "The function 'soft_margin_loss' is not differentiable with respect to argument 'target'. This input cannot have "
      "requires_grad True." },
    { "soft_margin_loss(i(2, 3), i(2, 3))", "result type Float can't be cast to the desired output type Long" },
    { "soft_margin_loss(f(2), i(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_soft_margin_loss = {
    .name = "soft_margin_loss",
    .schema = "soft_margin_loss(Tensor input, Tensor target, str reduction='mean') -> Tensor",
    .formula = "y = log(1 + e^(-t x)), its mean or its sum",
    .gradient = "dx = -t / (1 + e^(t x)) g, divided by the number of elements for the mean",
    .doc = "The logistic loss of scores under targets 1 and -1; never infinite for finite scores.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .again = tgi_row_loss_again,
    .call = soft_margin_loss_call,
    .samples = soft_margin_loss_samples,
    .corners = soft_margin_loss_corners,
    .errors = soft_margin_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- triplet_margin_loss ---- */

tg_tensor *tg_triplet_margin_loss_at(const char *where, tg_tensor *anchor, tg_tensor *positive, tg_tensor *negative,
                                     tg_triplet_margin_options options)
{
    const tg_op *op = &tgi_op_triplet_margin_loss;
    const tg_tensor_list inputs = tg_list(anchor, positive, negative);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (anchor->ndim != positive->ndim || anchor->ndim != negative->ndim)
        return tg_op_fail(op, inputs, "All inputs should have same dimension but got %dD, %dD and %dD inputs.",
                          anchor->ndim, positive->ndim, negative->ndim);
    tg_tensor *near = tg_pairwise_distance(anchor, positive, .p = options.p, .eps = options.eps);
    tg_tensor *far = tg_pairwise_distance(anchor, negative, .p = options.p, .eps = options.eps);
    if (options.swap)
        far = tg_minimum(far, tg_pairwise_distance(positive, negative, .p = options.p, .eps = options.eps));
    return tgi_reduced(held_at_0(tg_sub(tg_add(options.margin, near), far)), options.reduction);
}

static tg_tensor_list triplet_margin_loss_call(const tg_value *args)
{
    tg_triplet_margin_options o = { .margin = args[3].as.real,
                                    .p = args[4].as.real,
                                    .eps = args[5].as.real,
                                    .swap = args[6].as.boolean };
    if (!tgi_reduction_named(&tgi_op_triplet_margin_loss, args[7].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_triplet_margin_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.tensor, o));
}

static const char *const triplet_margin_loss_samples[] = {
    "triplet_margin_loss(f(3, 4), f(3, 4), f(3, 4))",
    "triplet_margin_loss(f(3, 4), f(3, 4), f(3, 4), margin=3, swap=True, reduction='none')",
    "triplet_margin_loss(f(3, 4), f(3, 4), f(3, 4), p=1, reduction='sum')",
    "triplet_margin_loss(f(3, 4), f(1, 4), f(3, 4), margin=2, p=3, eps=0.1)",
    "triplet_margin_loss(f(4), f(4), f(4), margin=5)",
    "triplet_margin_loss(f(2, 3, 4), f(2, 3, 4), f(2, 3, 4), margin=0, reduction='none')",
    "triplet_margin_loss(f(0, 3), f(0, 3), f(0, 3))",
    NULL
};
static const char *const triplet_margin_loss_corners[] = { /* the distances are the same, so y is 0 before it is held */
                                                           "triplet_margin_loss(v(1, 2), v(2, 1), v(2, 1), margin=0)",
                                                           "triplet_margin_loss(v(1, 2), v(1, 2), v(2, 1), eps=0)", NULL
};
static const tg_error_sample triplet_margin_loss_errors[] = {
    { "triplet_margin_loss(f(2, 3), f(3), f(3))",
      "All inputs should have same dimension but got 2D, 1D and 1D inputs." },
    { "triplet_margin_loss(f(3, 4), f(3, 4), f(2, 4))", "must match the size of tensor" },
    { "triplet_margin_loss(f(2), f(2), f(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_triplet_margin_loss = {
    .name = "triplet_margin_loss",
    .schema =
        "triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, float p=2.0, float "
        "eps=1e-06, bool swap=False, str reduction='mean') -> Tensor",
    .formula =
        "y = max(0, margin + |anchor - positive + eps| - |anchor - negative + eps|); swap: the nearer of |anchor - negative "
        "+ eps| and |positive - negative + eps|",
    .gradient = "of the ops it is made of",
    .doc = "The loss of an anchor that should be nearer to the positive than to the negative, by a margin.",
    .shapes = "[*, D] each to [*] or []",
    .composite = true,
    .kinks =
        "a distance of 0: its subgradient is 0; y = 0: as where it is above 0; swap: distances that tie share the gradient",
    .call = triplet_margin_loss_call,
    .samples = triplet_margin_loss_samples,
    .corners = triplet_margin_loss_corners,
    .errors = triplet_margin_loss_errors,
};

/* ---- cosine_embedding_loss ---- */

/* The constant is float32's 1e-12, as in PyTorch. */
static tg_tensor *square_along(tg_tensor *t, int dim)
{
    return tg_add(tg_sum(tg_mul(t, t), .dim = dim), 9.999999960041972e-13);
}

static bool vectors_ok(const tg_op *op, tg_tensor_list inputs)
{
    const tg_tensor *x1 = inputs.items[0], *x2 = inputs.items[1], *target = inputs.items[2];
    const tg_shape a = tgi_shape(x1), b = tgi_shape(x2);
    char texts[2][TG_SHAPE_TEXT];
    if (target->ndim > 1)
        tg_op_fail(op, inputs, "0D or 1D target tensor expected, multi-target not supported");
    else if (x1->ndim != target->ndim + 1)
        tg_op_fail(op, inputs, "%dD target tensor expects %dD input tensors, but found inputs with sizes %s and %s.",
                   target->ndim, target->ndim + 1, tg_shape_text(&a, texts[0]), tg_shape_text(&b, texts[1]));
    else
        return true;
    return false;
}

tg_tensor *tg_cosine_embedding_loss_at(const char *where, tg_tensor *input1, tg_tensor *input2, tg_tensor *target,
                                       tg_margin_options options)
{
    const tg_op *op = &tgi_op_cosine_embedding_loss;
    const tg_tensor_list inputs = tg_list(input1, input2, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction) || !vectors_ok(op, inputs))
        return NULL;
    const int dim = target->ndim;
    tg_tensor *product = tg_sum(tg_mul(input1, input2), .dim = dim);
    tg_tensor *cosine = tg_div(product, tg_sqrt(tg_mul(square_along(input1, dim), square_along(input2, dim))));
    tg_tensor *near = tg_where(tg_eq(target, 1.0), tg_sub(1.0, cosine), 0.0);
    tg_tensor *far = tg_where(tg_eq(target, -1.0), held_at_0(tg_sub(cosine, options.margin)), 0.0);
    return tgi_reduced(tg_add(near, far), options.reduction);
}

static tg_tensor_list cosine_embedding_loss_call(const tg_value *args)
{
    tg_margin_options o = { .margin = args[3].as.real };
    if (!tgi_reduction_named(&tgi_op_cosine_embedding_loss, args[4].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_cosine_embedding_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.tensor, o));
}

static const char *const cosine_embedding_loss_samples[] = {
    "cosine_embedding_loss(f(4, 3), f(4, 3), sub(mul(i(4, lo=0, hi=2), 2), 1))",
    "cosine_embedding_loss(f(4, 3), f(4, 3), sub(mul(i(4, lo=0, hi=2), 2), 1), margin=0.3, reduction='sum')",
    "cosine_embedding_loss(f(4, 3), f(4, 3), i(4, lo=-1, hi=0), margin=-0.5, reduction='none')",
    "cosine_embedding_loss(f(4, 3), f(4, 3), i(4, lo=0, hi=1), reduction='none')",
    "cosine_embedding_loss(f(3), f(3), i(lo=1, hi=2))",
    "cosine_embedding_loss(f(0, 3), f(0, 3), i(0))",
    NULL
};
static const char *const cosine_embedding_loss_corners[] = {
    "cosine_embedding_loss(v(0, 0), v(1, 2), i(lo=1, hi=2))", "cosine_embedding_loss(v(1, 0), v(0, 2), i(lo=-1, hi=0))",
    "cosine_embedding_loss(v(nan, 0), v(0, 2), i(lo=-1, hi=0))", NULL
};
static const tg_error_sample cosine_embedding_loss_errors[] = {
    { "cosine_embedding_loss(f(3, 4), f(3, 4), i(3, 1))",
      "0D or 1D target tensor expected, multi-target not supported" },
    { "cosine_embedding_loss(f(4), f(4), i(1))",
      "1D target tensor expects 2D input tensors, but found inputs with sizes [4] and [4]." },
    { "cosine_embedding_loss(f(3, 4), f(3, 4), i())",
      "0D target tensor expects 1D input tensors, but found inputs with sizes [3, 4] and [3, 4]." },
    { "cosine_embedding_loss(f(3, 4), f(3, 2), i(3))",
      "The size of tensor a (4) must match the size of tensor b (2) at non-singleton dimension 1" },
    { "cosine_embedding_loss(f(2), f(2), i(), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_cosine_embedding_loss = {
    .name = "cosine_embedding_loss",
    .schema =
        "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, str reduction='mean') -> Tensor",
    .formula =
        "y = 1 - cos where the target is 1, max(0, cos - margin) where it is -1, 0 elsewhere; cos = a b / sqrt((a a + 1e-12) "
        "(b b + 1e-12))",
    .gradient = "of the ops it is made of",
    .doc = "The loss of vectors that should point the same way where the target is 1, and not where it is -1.",
    .shapes = "[N, D] twice and [N] to [N] or []; [D] twice and [] to []",
    .composite = true,
    .kinks = "cos = margin with target -1: as where it is above",
    .call = cosine_embedding_loss_call,
    .samples = cosine_embedding_loss_samples,
    .corners = cosine_embedding_loss_corners,
    .errors = cosine_embedding_loss_errors,
};
