/* loss_multi_margin.c: margins between the scores of classes, of which one or several are the target. */
#include "ops/loss_margin.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/create.h"
#include "loss_impl.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

/* ---- what the two share ---- */

/* Scores as rows of classes. */
typedef struct scores {
    int64_t rows, classes;
    bool one; /* a single row, without a dimension of its own */
} scores;

static bool scores_ok(const tg_op *op, tg_tensor_list inputs, const tg_tensor *x, scores *s)
{
    const tg_shape shape = tgi_shape(x);
    char text[TG_SHAPE_TEXT];
    *s = (scores){ .rows = x->ndim == 2 ? x->dims[0] : 1,
                   .classes = x->ndim > 0 ? x->dims[x->ndim - 1] : 1,
                   .one = x->ndim < 2 };
    if (x->ndim <= 2 && s->classes > 0) return true;
    tg_op_fail(op, inputs, "Expected non-empty vector or matrix with optional 0-dim batch size, but got: %s",
               tg_shape_text(&shape, text));
    return false;
}

/* The dtypes of scores and classes. `kernel` is PyTorch's name for what takes no integers. */
static bool dtypes_ok(const tg_op *op, tg_tensor_list inputs, const char *kernel)
{
    const tg_tensor *x = inputs.items[0], *target = inputs.items[1];
    if (!tgi_is_floating(x))
        tgi_not_implemented(op, inputs, kernel, x->dtype);
    else if (target->dtype != TG_INT64)
        tgi_expected_type(op, inputs, TG_INT64, target->dtype);
    else
        return true;
    return false;
}

/* Whether every target lies in [least, classes). False too when memory ran out. */
static bool targets_in_range(const tg_op *op, tg_tensor_list inputs, int64_t least, int64_t classes,
                             const char *message)
{
    tg_tensor *target = tgi_own_contiguous(inputs.items[1]);
    if (!target) return false;
    bool ok = true;
    const int64_t *t = tgi_ptr(target);
    for (int64_t i = 0; i < target->numel; i++) ok &= t[i] >= least && t[i] < classes;
    tgi_unref(target);
    if (!ok) tg_op_fail(op, inputs, "%s", message);
    return ok;
}

/* ---- multi_margin_loss ---- */

static bool multi_margin_ok(const tg_op *op, tg_tensor_list inputs, const tg_multi_margin_options *o, scores *s)
{
    const tg_tensor *target = inputs.items[1], *w = o->weight;
    const tg_shape shape = tgi_shape(target);
    char text[TG_SHAPE_TEXT];
    if (!tgi_reduction_ok(op, inputs, o->reduction)) return false;
    if (o->p != 1 && o->p != 2)
        tg_op_fail(op, inputs, "only p == 1 and p == 2 supported");
    else if (w && w->ndim != 1)
        tg_op_fail(op, inputs, "weight must be one-dimensional");
    else if (!tgi_constant_ok(op, inputs, "multi_margin_loss", "weight", w) ||
             !scores_ok(op, inputs, inputs.items[0], s))
        return false;
    else if (target->ndim > 1 || target->numel != s->rows)
        tg_op_fail(op, inputs, "inconsistent target size, got: %s", tg_shape_text(&shape, text));
    else if (w && w->numel != s->classes)
        tg_op_fail(op, inputs, "inconsistent weight size, got %lld for %lld classes", (long long)w->numel,
                   (long long)s->classes);
    else if (w && w->dtype != inputs.items[0]->dtype)
        tgi_expected_type(op, inputs, inputs.items[0]->dtype, w->dtype);
    else
        return dtypes_ok(op, inputs, "multi_margin_loss_cpu_kernel") &&
               targets_in_range(op, inputs, 0, s->classes, "target out of range");
    return false;
}

/* x [N, C] at the classes [N]: [N, 1]. */
static tg_tensor *at_classes(tg_tensor *x, tg_tensor *classes)
{
    return tg_unsqueeze(tg_neg(tg_nll_loss(x, classes, .ignore_index = -1, .reduction = TG_REDUCTION_NONE)), 1);
}

tg_tensor *tg_multi_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                   tg_multi_margin_options options)
{
    const tg_op *op = &tgi_op_multi_margin_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    scores s;
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weight) ||
        !multi_margin_ok(op, inputs, &options, &s))
        return NULL;
    const tg_shape shape = tg_shape(s.rows, s.classes), result = tgi_shape(target);
    tg_tensor *x = tg_reshape(input, shape), *classes = tg_reshape(target, tg_shape(s.rows));
    tg_tensor *z = tg_add(tg_sub(options.margin, at_classes(x, classes)), x);
    tg_tensor *own = tg_eq(tg_arange(0, s.classes, 1), tg_unsqueeze(classes, 1));
    z = tg_where(own, 0.0, tg_where(tg_gt(z, 0.0), z, 0.0)); /* NaN counts for nothing, as in PyTorch */
    if (options.p == 2) z = tg_mul(z, z);
    if (options.weight) z = tg_mul(z, at_classes(tg_expand(options.weight, shape), classes));
    tg_tensor *y = tg_div(tg_sum(z, .dim = 1), (double)s.classes);
    return tgi_reduced(tgi_ordinary(tg_reshape(y, result), inputs), options.reduction);
}

static tg_tensor_list multi_margin_loss_call(const tg_value *args)
{
    tg_multi_margin_options o = { .p = args[2].as.integer,
                                  .margin = args[3].as.real,
                                  .weight = tgi_optional(&args[4]) };
    if (!tgi_reduction_named(&tgi_op_multi_margin_loss, args[5].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_multi_margin_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const multi_margin_loss_samples[] = {
    "multi_margin_loss(f(4, 3), i(4, lo=0, hi=3))",
    "multi_margin_loss(f(4, 3), i(4, lo=0, hi=3), p=2, margin=0.5, reduction='none')",
    "multi_margin_loss(f(4, 3), i(4, lo=0, hi=3), margin=3, weight=f(3, lo=0.5, hi=2, grad=False), reduction='sum')",
    "multi_margin_loss(f(4, 3), i(4, lo=0, hi=3), p=2, margin=0, weight=f(3, lo=0.5, hi=2, grad=False))",
    "multi_margin_loss(f(5), i(lo=0, hi=5))",
    "multi_margin_loss(f(5), i(1, lo=0, hi=5), reduction='none')",
    "multi_margin_loss(f(5), i(lo=0, hi=5), reduction='none')",
    "multi_margin_loss(f(), i(lo=0, hi=1))",
    "multi_margin_loss(f(0, 3), i(0), reduction='none')",
    NULL
};
static const char *const multi_margin_loss_corners[] = {
    "multi_margin_loss(f(5, 4, step=1), i(5, lo=0, hi=4), reduction='none')",
    "multi_margin_loss(f(5, 4, step=1), i(5, lo=0, hi=4), p=2)", "multi_margin_loss(v(nan, 1, 2), i(lo=1, hi=2))",
    "multi_margin_loss(v(inf, 1, -inf), i(lo=1, hi=2))", NULL
};
static const tg_error_sample multi_margin_loss_errors[] = {
    { "multi_margin_loss(f(3, 4), i(3, lo=5, hi=6))", "target out of range" },
    { "multi_margin_loss(f(3, 4), i(3, lo=-1, hi=0))", "target out of range" },
    { "multi_margin_loss(f(3, 4), i(2))", "inconsistent target size, got: [2]" },
    { "multi_margin_loss(f(3, 4), i(3, lo=0), p=3)", "only p == 1 and p == 2 supported" },
    { "multi_margin_loss(f(3, 4), i(3, lo=0), weight=f(3, 4))", "weight must be one-dimensional" },
    { "multi_margin_loss(f(3, 4), i(3, lo=0), weight=f(4))",
      "The function 'multi_margin_loss' is not differentiable with respect to argument 'weight'. This input cannot have "
      "requires_grad True." },
    { "multi_margin_loss(f(3, 4), i(3, lo=0), weight=i(4))", "but found Long" },
    { "multi_margin_loss(f(3, 4), f(3))", "expected scalar type Long but found " },
    { "multi_margin_loss(i(3, 4), i(3, lo=0))", "\"multi_margin_loss_cpu_kernel\" not implemented for 'Long'" },
    { "multi_margin_loss(f(1, 3, 4), i(1))",
      "Expected non-empty vector or matrix with optional 0-dim batch size, but got: [1, 3, 4]" },
    { "multi_margin_loss(f(3, 0), i(3))", "but got: [3, 0]" },
    { "multi_margin_loss(f(2, 3), i(2, lo=0), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_multi_margin_loss = {
    .name = "multi_margin_loss",
    .schema = "multi_margin_loss(Tensor input, Tensor target, int p=1, float margin=1.0, Tensor? weight=None, str "
              "reduction='mean') -> Tensor",
    .formula = "y = the sum over j other than the target t of weight[t] max(0, margin - x[t] + x[j])^p / C",
    .gradient = "of the ops it is made of",
    .doc = "The loss of scores of which the target's should be a margin above all others.",
    .shapes = "[N, C] and [N] to [N] or []; [C] and [] to []",
    .composite = true,
    .kinks = "margin - x[t] + x[j] = 0: the subgradient 0",
    .call = multi_margin_loss_call,
    .samples = multi_margin_loss_samples,
    .corners = multi_margin_loss_corners,
    .errors = multi_margin_loss_errors,
    .own_errors = (const tg_error_sample[]){ { "multi_margin_loss(f(3, 4), i(3, lo=0), weight=f(3, grad=False))",
                                               "inconsistent weight size" },
                                             { NULL, NULL } },
    .traits = TG_IS_LOSS,
};

/* ---- multilabel_margin_loss ---- */

static bool multilabel_margin_ok(const tg_op *op, tg_tensor_list inputs, tg_reduction r, scores *s)
{
    const tg_tensor *x = inputs.items[0], *target = inputs.items[1];
    const tg_shape a = tgi_shape(x), b = tgi_shape(target);
    char text[TG_SHAPE_TEXT];
    if (!tgi_reduction_ok(op, inputs, r) || !scores_ok(op, inputs, x, s)) return false;
    if (s->one ? target->ndim > 1 || target->numel != s->classes : !tg_shape_equal(&a, &b)) {
        tg_op_fail(op, inputs, "inconsistent size %s for argument #2 'target'", tg_shape_text(&b, text));
        return false;
    }
    return dtypes_ok(op, inputs, "multilabel_margin_loss_forward_out_frame") &&
           targets_in_range(op, inputs, -1, s->classes, "argument #2 'target' is out of range");
}

/* The loss of one row of scores; in `slope` its gradient, whole numbers, not divided by the classes yet. */
#define ROW(T)                                                                                                         \
    static T row_##T(const scores *s, const T *x, const int64_t *target, const bool *is_target, T *slope)              \
    {                                                                                                                  \
        double sum = 0;                                                                                                \
        for (int64_t k = 0; k < s->classes && target[k] >= 0; k++) {                                                   \
            for (int64_t j = 0; j < s->classes; j++) {                                                                 \
                const double z = is_target[j] ? 0 : 1 - (double)x[target[k]] + (double)x[j];                           \
                if (!(z > 0)) continue;                                                                                \
                sum += z;                                                                                              \
                slope[j] += 1;                                                                                         \
                slope[target[k]] -= 1;                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
        return (T)(sum / (double)s->classes);                                                                          \
    }
ROW(float)
ROW(double)

/* The loss of each row into y, its gradient, divided by nothing yet, into `slope`. False when memory ran out. */
static bool multilabel_rows(const scores *s, const tg_tensor *x, const tg_tensor *target, tg_tensor *y,
                            tg_tensor *slope)
{
    tg_tensor *flags = tgi_own(tgi_new(&tg_shape(s->classes), TG_BOOL));
    if (!flags) return false;
    bool *is_target = tgi_ptr(flags);
    tgi_fill(slope, 0);
    for (int64_t i = 0; i < s->rows; i++) {
        const int64_t at = i * s->classes, *t = (const int64_t *)tgi_ptr(target) + at;
        tgi_fill(flags, 0);
        for (int64_t k = 0; k < s->classes && t[k] >= 0; k++) is_target[t[k]] = true;
        if (x->dtype == TG_FLOAT32)
            ((float *)tgi_ptr(y))[i] =
                row_float(s, (const float *)tgi_ptr(x) + at, t, is_target, (float *)tgi_ptr(slope) + at);
        else
            ((double *)tgi_ptr(y))[i] =
                row_double(s, (const double *)tgi_ptr(x) + at, t, is_target, (double *)tgi_ptr(slope) + at);
    }
    tgi_unref(flags);
    return true;
}

/* The loss of each row: linear in the scores near where they are, so its slope is all that backward needs. */
static tg_tensor *multilabel_each(tg_tensor *input, tg_tensor *target, const scores *s)
{
    const tg_shape shape = s->one ? tg_shape() : tg_shape(s->rows);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)input->dtype), *slope = tgi_new_like(input, (tg_dtype)input->dtype);
    tg_tensor *x = tgi_own_contiguous(input), *t = tgi_own_contiguous(target);
    const bool ok = y && slope && x && t && multilabel_rows(s, x, t, y, slope);
    tgi_unref(x);
    tgi_unref(t);
    if (!ok) return NULL;
    return tg_record(&tgi_op_multilabel_margin_loss, tg_list(input), tg_list(y), tg_list(slope), NULL, 0) == TG_OK
               ? y
               : NULL;
}

static void multilabel_margin_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *slope = tg_saved(ctx, 0);
    if (!g || !slope) return;
    const double classes = slope->ndim > 0 ? (double)slope->dims[slope->ndim - 1] : 1;
    if (slope->ndim == 2) g = tg_unsqueeze(g, 1);
    tg_set_grad_input(ctx, 0, tg_mul(tg_div(g, classes), slope));
}

tg_tensor *tg_multilabel_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options)
{
    const tg_op *op = &tgi_op_multilabel_margin_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    scores s;
    if (!tg_op_begin(where, op, inputs) || !multilabel_margin_ok(op, inputs, options.reduction, &s)) return NULL;
    return tgi_reduced(multilabel_each(input, target, &s), options.reduction);
}

static tg_tensor_list multilabel_margin_loss_call(const tg_value *args)
{
    tg_loss_options o = TG_LOSS_OPTIONS();
    if (!tgi_reduction_named(&tgi_op_multilabel_margin_loss, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_multilabel_margin_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const multilabel_margin_loss_samples[] = {
    "multilabel_margin_loss(f(4, 5), i(4, 5, lo=-1, hi=5))",
    "multilabel_margin_loss(f(4, 5), i(4, 5, lo=-1, hi=5), reduction='sum')",
    "multilabel_margin_loss(f(4, 5), i(4, 5, lo=0, hi=3), reduction='none')",
    "multilabel_margin_loss(f(4, 5), i(4, 5, lo=-1, hi=0))",
    "multilabel_margin_loss(f(5), i(5, lo=-1, hi=2))",
    "multilabel_margin_loss(f(5), i(5, lo=0, hi=2), reduction='none')",
    "multilabel_margin_loss(f(), i(lo=0, hi=1))",
    "multilabel_margin_loss(f(0, 3), i(0, 3), reduction='none')",
    NULL
};
static const char *const multilabel_margin_loss_corners[] = {
    "multilabel_margin_loss(f(5, 4, step=1), i(5, 4, lo=-1, hi=3), reduction='none')",
    "multilabel_margin_loss(v(nan, 1, 2), i(3, lo=1, hi=2))", NULL
};
static const tg_error_sample multilabel_margin_loss_errors[] = {
    { "multilabel_margin_loss(f(3, 4), i(3, 4, lo=9, hi=10))", "argument #2 'target' is out of range" },
    { "multilabel_margin_loss(f(3, 4), i(3, 4, lo=-2, hi=-1))", "argument #2 'target' is out of range" },
    { "multilabel_margin_loss(f(3, 4), i(3, 3))", "inconsistent size [3, 3] for argument #2 'target'" },
    { "multilabel_margin_loss(f(3, 4), i(4))", "inconsistent size [4] for argument #2 'target'" },
    { "multilabel_margin_loss(f(4), i())", "inconsistent size [] for argument #2 'target'" },
    { "multilabel_margin_loss(f(3, 4), f(3, 4))", "expected scalar type Long but found " },
    { "multilabel_margin_loss(i(3, 4), i(3, 4, lo=0))",
      "\"multilabel_margin_loss_forward_out_frame\" not implemented for 'Long'" },
    { "multilabel_margin_loss(f(1, 3, 4), i(1, 3, 4))",
      "Expected non-empty vector or matrix with optional 0-dim batch size, but got: [1, 3, 4]" },
    { "multilabel_margin_loss(f(2), i(2), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_multilabel_margin_loss = {
    .name = "multilabel_margin_loss",
    .schema = "multilabel_margin_loss(Tensor input, Tensor target, str reduction='mean') -> Tensor",
    .formula =
        "y = the sum over targets t and classes j that are none of max(0, 1 - x[t] + x[j]) / C; the first -1 ends the targets",
    .gradient =
        "dx[j] = g / C and dx[t] = -g / C for each such term above 0, divided by the number of rows for the mean",
    .doc = "The loss of scores of which those of several target classes should be 1 above all others.",
    .shapes = "[N, C] and [N, C] to [N] or []; [C] and [C] to []",
    .backward = multilabel_margin_backward,
    .kinks = "1 - x[t] + x[j] = 0: the subgradient 0",
    .call = multilabel_margin_loss_call,
    .samples = multilabel_margin_loss_samples,
    .corners = multilabel_margin_loss_corners,
    .errors = multilabel_margin_loss_errors,
    .traits = TG_IS_LOSS,
};

/* ---- multilabel_soft_margin_loss ---- */

tg_tensor *tg_multilabel_soft_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                             tg_bce_options options)
{
    const tg_op *op = &tgi_op_multilabel_soft_margin_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weight) ||
        !tgi_reduction_ok(op, inputs, options.reduction))
        return NULL;
    if (!tgi_is_floating(input)) return tgi_not_implemented(op, inputs, "log_sigmoid_cpu", input->dtype);
    if (input->ndim == 0) return tg_op_fail(op, inputs, "Dimension specified as -1 but tensor has no dimensions");
    tg_tensor *one = tgi_row_parameter(input, target, 1);
    tg_tensor *y = one ? tgi_row_loss(&tgi_op_binary_cross_entropy_with_logits, &tgi_loss_bce_with_logits, input,
                                      target, one, TG_REDUCTION_NONE)
                       : NULL;
    if (options.weight) y = tg_mul(y, options.weight);
    y = tg_sum(y, .dim = input->ndim - 1);
    return tgi_reduced(tg_div(y, (double)input->dims[input->ndim - 1]), options.reduction);
}

static tg_tensor_list multilabel_soft_margin_loss_call(const tg_value *args)
{
    tg_bce_options o = { .weight = tgi_optional(&args[2]) };
    if (!tgi_reduction_named(&tgi_op_multilabel_soft_margin_loss, args[3].as.string, &o.reduction))
        return tg_list_failed();
    return tgi_result(tg_multilabel_soft_margin_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const multilabel_soft_margin_loss_samples[] = {
    "multilabel_soft_margin_loss(f(3, 4), i(3, 4, lo=0, hi=2))",
    "multilabel_soft_margin_loss(f(3, 4), f(3, 4, lo=0, hi=1), weight=f(4), reduction='sum')",
    "multilabel_soft_margin_loss(f(2, 3, 4), f(4, lo=0, hi=1), weight=f(3, 1), reduction='none')",
    "multilabel_soft_margin_loss(f(4), i(4, lo=0, hi=2))",
    "multilabel_soft_margin_loss(f(0, 3), f(0, 3))",
    "multilabel_soft_margin_loss(f(3, 0), f(3, 0))",
    NULL
};
static const tg_error_sample multilabel_soft_margin_loss_errors[] = {
    { "multilabel_soft_margin_loss(f(2, 3), i(2, 4))", "must match the size of tensor" },
    { "multilabel_soft_margin_loss(i(2, 3), i(2, 3))", "\"log_sigmoid_cpu\" not implemented for 'Long'" },
    { "multilabel_soft_margin_loss(f(), f())", "Dimension specified as -1 but tensor has no dimensions" },
    { "multilabel_soft_margin_loss(f(2), i(2), reduction='avg')", "avg is not " },
    { NULL, NULL }
};

const tg_op tgi_op_multilabel_soft_margin_loss = {
    .name = "multilabel_soft_margin_loss",
    .schema =
        "multilabel_soft_margin_loss(Tensor input, Tensor target, Tensor? weight=None, str reduction='mean') -> Tensor",
    .formula = "y = the mean over the classes of weight ((1 - b) log(1 + e^a) + b log(1 + e^-a))",
    .gradient = "of the ops it is made of",
    .doc = "binary_cross_entropy_with_logits of every class, the last dimension, averaged.",
    .shapes = "[*, C] and [*, C] to [*] or []",
    .composite = true,
    .call = multilabel_soft_margin_loss_call,
    .samples = multilabel_soft_margin_loss_samples,
    .errors = multilabel_soft_margin_loss_errors,
    .traits = TG_IS_LOSS,
};
