/* nll_loss.c: negative log likelihood under class indices, and its gradient, an op of its own.
 *
 * Built for a loss at the end of each training step: one node on the tape, sums that are pairwise. PyTorch's checks, in
 * its order and words. Nothing here may count an ignored target, neither in the sum nor in what the mean divides by. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "loss_impl.h"
#include "ops/base/promote.h"
#include "ops/reduce/reduce_impl.h"

/* ---- nll_loss: its loops ---- */

/* The call as the loops see it; everything contiguous, in references to give back. */
typedef struct nll {
    int64_t batch, classes, positions; /* the input is batch x classes x positions, the target batch x positions */
    int64_t ignore_index, counted;     /* targets that are not ignored */
    tg_reduction reduction;
    tg_dtype dtype;
    tg_tensor *input, *target, *weight;
} nll;

static double at(const tg_tensor *t, int64_t i) { return tgi_get(tgi_ptr(t), t->dtype, i); }
static void put(tg_tensor *t, int64_t i, double value) { tgi_put(tgi_ptr(t), t->dtype, i, value); }

/* `to`: the loss of every target; its weight. Then, the other way round: each gradient g, `step` apart, divided by `total`, put where
 * its target took from in the zeros `to`. */
#define NLL_LOOPS(T)                                                                                                   \
    static void losses_##T(const nll *l, T *to)                                                                        \
    {                                                                                                                  \
        const int64_t *target = tgi_ptr(l->target), m = l->positions;                                                  \
        const T *x = tgi_ptr(l->input), *weight = l->weight ? tgi_ptr(l->weight) : NULL;                               \
        for (int64_t b = 0; b < l->batch; b++, x += l->classes * m, target += m, to += m)                              \
            for (int64_t p = 0; p < m; p++) {                                                                          \
                const int64_t c = target[p];                                                                           \
                to[p] = c == l->ignore_index ? 0 : weight ? -weight[c] * x[c * m + p] : -x[c * m + p];                 \
            }                                                                                                          \
    }                                                                                                                  \
    static void weights_##T(const nll *l, T *to)                                                                       \
    {                                                                                                                  \
        const int64_t *target = tgi_ptr(l->target);                                                                    \
        const T *weight = tgi_ptr(l->weight);                                                                          \
        for (int64_t i = 0; i < l->target->numel; i++) to[i] = target[i] == l->ignore_index ? 0 : weight[target[i]];   \
    }                                                                                                                  \
    static void scatter_##T(const nll *l, const T *g, int64_t step, double total, T *to)                               \
    {                                                                                                                  \
        const int64_t *target = tgi_ptr(l->target), m = l->positions;                                                  \
        const T *weight = l->weight ? tgi_ptr(l->weight) : NULL;                                                       \
        for (int64_t b = 0; b < l->batch; b++, to += l->classes * m, target += m)                                      \
            for (int64_t p = 0; p < m; p++, g += step) {                                                               \
                const int64_t c = target[p];                                                                           \
                if (c != l->ignore_index)                                                                              \
                    to[c * m + p] = (T)(-(weight ? (double)weight[c] : 1) * ((double)*g / total));                     \
            }                                                                                                          \
    }
NLL_LOOPS(float)
NLL_LOOPS(double)

/* What the mean divides by: the sum of the targets' weights, or their number. */
static bool total_weight(const nll *l, double *total)
{
    *total = (double)l->counted;
    if (!l->weight) return true;
    tg_shape shape = tg_shape(l->target->numel);
    tg_tensor *each = tgi_own(tgi_new(&shape, l->dtype));
    if (!each) return false;
    if (l->dtype == TG_FLOAT32)
        weights_float(l, tgi_ptr(each));
    else
        weights_double(l, tgi_ptr(each));
    tg_tensor *sum = tgi_own(tgi_sum_all_raw(each, false));
    if (sum) *total = at(sum, 0);
    tgi_unref(each);
    bool ok = sum != NULL;
    tgi_unref(sum);
    return ok;
}

/* Gives back what nll_open took. */
static void nll_close(nll *l)
{
    tgi_unref(l->input);
    tgi_unref(l->target);
    tgi_unref(l->weight);
}

/* The loss of every target, reduced. */
static tg_tensor *nll_forward(const nll *l, const tg_shape *shape)
{
    tg_tensor *each = tgi_new(shape, l->dtype);
    if (!each) return NULL;
    if (l->reduction != TG_REDUCTION_NONE) each = tgi_own(each);
    if (l->dtype == TG_FLOAT32)
        losses_float(l, tgi_ptr(each));
    else
        losses_double(l, tgi_ptr(each));
    if (l->reduction == TG_REDUCTION_NONE) return each;
    double total = 1;
    tg_tensor *y = l->reduction == TG_REDUCTION_MEAN && !total_weight(l, &total) ? NULL : tgi_sum_all_raw(each, false);
    if (y) put(y, 0, at(y, 0) / total);
    tgi_unref(each);
    return y;
}

/* Scatters the gradient `g` of the loss, contiguous, into zeros of the input's shape. */
static bool nll_scatter(const nll *l, tg_tensor *g, tg_tensor *d)
{
    double total = 1;
    if (l->reduction == TG_REDUCTION_MEAN && !total_weight(l, &total)) return false;
    const int64_t step = l->reduction == TG_REDUCTION_NONE;
    tgi_fill(d, 0);
    if (l->dtype == TG_FLOAT32)
        scatter_float(l, tgi_ptr(g), step, total, tgi_ptr(d));
    else
        scatter_double(l, tgi_ptr(g), step, total, tgi_ptr(d));
    return true;
}

/* ---- nll_loss: its checks ---- */

/* The target has the input's shape without the classes. */
static bool nll_shapes_fit(const tg_op *op, tg_tensor_list inputs, const tg_shape *x, const tg_shape *t)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    int64_t batch = t->ndim > 0 ? t->dims[0] : 0;
    if (x->ndim == 0)
        tg_op_fail(op, inputs, "Expected 1 or more dimensions (got 0)");
    else if (x->ndim > 1 && x->dims[0] != batch)
        tg_op_fail(op, inputs, "Expected input batch_size (%lld) to match target batch_size (%lld).",
                   (long long)x->dims[0], (long long)batch);
    else if (x->ndim <= 2 && t->ndim > 1)
        tg_op_fail(op, inputs, "0D or 1D target tensor expected, multi-target not supported");
    else if (x->ndim <= 2 && t->ndim != x->ndim - 1)
        tg_op_fail(op, inputs, "size mismatch (got input: %s, target: %s)", tg_shape_text(x, a), tg_shape_text(t, b));
    else {
        tg_shape expected = { x->ndim - 1, { batch } };
        for (int d = 2; d < x->ndim; d++) expected.dims[d - 1] = x->dims[d];
        if (tg_shape_equal(&expected, t)) return true;
        tg_op_fail(op, inputs, "Expected target size %s, got %s", tg_shape_text(&expected, a), tg_shape_text(t, b));
    }
    return false;
}

static bool nll_weight_fits(const tg_op *op, tg_tensor_list inputs, const tg_tensor *weight, tg_dtype dtype,
                            int64_t classes)
{
    if (weight->ndim != 1 || weight->dims[0] != classes) {
        char text[TG_SHAPE_TEXT];
        tg_shape shape = tgi_shape(weight);
        tg_op_fail(
            op, inputs,
            "weight tensor should be defined either for all %lld classes or no classes but got weight tensor of shape: %s",
            (long long)classes, tg_shape_text(&shape, text));
    } else if ((tg_dtype)weight->dtype != dtype)
        tgi_expected_type(op, inputs, dtype, weight->dtype);
    else
        return tgi_constant_ok(op, inputs, "nll_loss_forward", "weight", weight);
    return false;
}

/* And counts those that are not ignored. */
static bool targets_in_bounds(const tg_op *op, tg_tensor_list inputs, nll *l)
{
    const int64_t *target = tgi_ptr(l->target), ignored = l->ignore_index;
    const uint64_t classes = (uint64_t)l->classes;
    bool bad = false;
    int64_t counted = 0;
    for (int64_t i = 0; i < l->target->numel; i++) {
        const bool counts = target[i] != ignored;
        bad |= counts & ((uint64_t)target[i] >= classes);
        counted += counts;
    }
    l->counted = counted;
    if (!bad) return true;
    while (*target == ignored || (uint64_t)*target < classes) target++;
    tg_op_fail(op, inputs, "Target %lld is out of bounds.", (long long)*target);
    return false;
}

/* Checks the call and takes references to contiguous forms. `shape` and `dtype` are the input's, which may itself be
 * NULL. False: an error was recorded and nothing is held. */
static bool nll_open(const tg_op *op, tg_tensor *input, const tg_shape *shape, tg_dtype dtype, tg_tensor *target,
                     const tg_nll_options *options, nll *l)
{
    tg_tensor_list inputs = input ? tg_list(input, target) : tg_list(target);
    tg_shape t = tgi_shape(target);
    if (!tgi_reduction_ok(op, inputs, options->reduction) || !nll_shapes_fit(op, inputs, shape, &t)) return false;
    *l = (nll){ .batch = 1,
                .classes = shape->dims[shape->ndim > 1],
                .positions = 1,
                .ignore_index = options->ignore_index,
                .reduction = options->reduction,
                .dtype = dtype };
    if (shape->ndim > 1) l->batch = shape->dims[0];
    for (int d = 2; d < shape->ndim; d++) l->positions *= shape->dims[d];
    if (!tg_dtype_is_floating(dtype)) {
        tgi_not_implemented(op, inputs, shape->ndim > 2 ? "nll_loss2d_forward_out_frame" : "nll_loss_out_frame", dtype);
        return false;
    }
    if (target->dtype != TG_INT64) {
        tgi_expected_type(op, inputs, TG_INT64, target->dtype);
        return false;
    }
    if (options->weight && !nll_weight_fits(op, inputs, options->weight, dtype, l->classes)) return false;
    l->target = tgi_own_contiguous(target);
    l->input = input ? tgi_own_contiguous(input) : NULL;
    l->weight = options->weight ? tgi_own_contiguous(options->weight) : NULL;
    if (l->target && (l->input || !input) && (l->weight || !options->weight) && targets_in_bounds(op, inputs, l))
        return true;
    nll_close(l);
    return false;
}

/* ---- nll_loss ---- */

typedef struct nll_attributes {
    int64_t ignore_index;
    tg_reduction reduction;
    bool weighted;
    tg_shape input;
} nll_attributes;

static tg_nll_options nll_options_of(tg_context *ctx)
{
    const nll_attributes *a = tg_attributes(ctx);
    return (tg_nll_options){ .weight = a->weighted ? tg_saved(ctx, 1) : NULL,
                             .ignore_index = a->ignore_index,
                             .reduction = a->reduction };
}

static tg_nll_options nll_options_again(const tg_node *node, const tg_tensor *like)
{
    const nll_attributes *a = tg_node_attributes(node);
    return (tg_nll_options){ .weight = a->weighted ? tgi_saved_again(node, 1, like) : NULL,
                             .ignore_index = a->ignore_index,
                             .reduction = a->reduction };
}

static tg_tensor_list nll_loss_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *x = inputs.items[0];
    return tgi_result(tg_nll_loss_at(NULL, x, tgi_saved_again(node, 0, x), nll_options_again(node, x)));
}

static tg_tensor_list nll_loss_backward_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *g = inputs.items[0];
    const tg_shape size = tg_node_output_shape(node, 0);
    return tgi_result(tgi_nll_loss_backward_at(NULL, g, size, tgi_saved_again(node, 0, g), nll_options_again(node, g)));
}

tg_tensor *tg_nll_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_nll_options options)
{
    return tgi_nll_loss(where, &tgi_op_nll_loss, input, target, options);
}

tg_tensor *tgi_nll_loss(const char *where, const tg_op *op, tg_tensor *input, tg_tensor *target, tg_nll_options options)
{
    if (!tg_op_begin(where, op, tg_list(input, target)) || !tg_optional_ok(options.weight)) return NULL;
    tg_shape shape = tgi_shape(input), target_shape = tgi_shape(target);
    nll l;
    if (!nll_open(op, input, &shape, (tg_dtype)input->dtype, target, &options, &l)) return NULL;
    tg_tensor *y = nll_forward(&l, &target_shape);
    nll_close(&l);
    if (!y) return NULL;
    nll_attributes attributes = { options.ignore_index, options.reduction, options.weight != NULL, shape };
    return tg_record(&tgi_op_nll_loss, tg_list(input), tg_list(y), tg_list(target, options.weight), &attributes,
                     sizeof attributes) == TG_OK
               ? y
               : NULL;
}

static void nll_loss_backward(tg_context *ctx)
{
    const nll_attributes *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *target = tg_saved(ctx, 0);
    tg_set_grad_input(ctx, 0, tgi_nll_loss_backward_at(TG_HERE, g, a->input, target, nll_options_of(ctx)));
}

static tg_tensor_list nll_loss_call(const tg_value *args)
{
    tg_nll_options o = { .weight = tgi_optional(&args[2]), .ignore_index = args[3].as.integer };
    if (!tgi_reduction_named(&tgi_op_nll_loss, args[4].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_nll_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const nll_loss_samples[] = {
    "nll_loss(f(4, 5), i(4, lo=0, hi=5))",
    "nll_loss(f(4, 5), i(4, lo=0, hi=5), reduction='sum')",
    "nll_loss(f(4, 5), i(4, lo=0, hi=5), reduction='none')",
    "nll_loss(f(5), i(lo=0, hi=5))",
    "nll_loss(f(5), i(lo=0, hi=5), reduction='none')",
    "nll_loss(f(8, 3), i(8, lo=0, hi=3), ignore_index=0)",
    "nll_loss(f(8, 3), i(8, lo=-1, hi=3), ignore_index=-1, reduction='sum')",
    "nll_loss(f(8, 3), i(8, lo=0, hi=3), ignore_index=1, reduction='none')",
    "nll_loss(f(6, 3), i(6, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False))",
    "nll_loss(f(6, 3), i(6, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False), ignore_index=2, reduction='none')",
    "nll_loss(f(2, 3, 4), i(2, 4, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False), ignore_index=1)",
    "nll_loss(f(2, 3, 2, 2), i(2, 2, 2, lo=0, hi=3))",
    "nll_loss(f(2, 3, 2, 2), i(2, 2, 2, lo=0, hi=3), reduction='none')",
    "nll_loss(f(0, 5), i(0))",
    "nll_loss(f(0, 5), i(0), reduction='sum')",
    "nll_loss(f(2, 5, 0), i(2, 0), reduction='none')",
    "nll_loss(f(3, 4), i(3, lo=0, hi=1), ignore_index=0, reduction='sum')",
    NULL
};
static const tg_error_sample nll_loss_errors[] = {
    { "nll_loss(f(2, 5), i(2, lo=7, hi=8))", "Target 7 is out of bounds." },
    { "nll_loss(f(2, 5), i(2, lo=-1, hi=0))", "Target -1 is out of bounds." },
    { "nll_loss(f(2, 5), i(3))", "Expected input batch_size (2) to match target batch_size (3)." },
    { "nll_loss(f(2, 5), i(2, 5))", "0D or 1D target tensor expected, multi-target not supported" },
    { "nll_loss(f(5), i(1))", "size mismatch (got input: [5], target: [1])" },
    { "nll_loss(f(), i())", "Expected 1 or more dimensions (got 0)" },
    { "nll_loss(f(2, 5, 3), i(2, 4))", "Expected target size [2, 3], got [2, 4]" },
    { "nll_loss(f(2, 5), f(2))", "expected scalar type Long but found " },
    { "nll_loss(i(2, 5), i(2))", "\"nll_loss_out_frame\" not implemented for 'Long'" },
    { "nll_loss(f(2, 5), i(2, lo=0), weight=f(4, grad=False))",
      "weight tensor should be defined either for all 5 classes or no classes but got weight tensor of shape: [4]" },
    { "nll_loss(f(2, 5), i(2, lo=0), weight=i(5))", "but found Long" },
    { "nll_loss(f(2, 5), i(2), reduction='avg')", "is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_nll_loss = {
    .name = "nll_loss",
    .schema =
        "nll_loss(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, str reduction='mean') -> Tensor",
    .formula = "y = -weight[target] x[target], its sum, or its mean weighted by weight[target]",
    .gradient = "dx[target] = -weight[target] g, divided by the sum of weight[target] for the mean; 0 elsewhere",
    .doc = "The loss of log-probabilities x under class indices; targets equal to ignore_index count for nothing.",
    .backward = nll_loss_backward,
    .call = nll_loss_call,
    .again = nll_loss_again,
    .samples = nll_loss_samples,
    .errors = nll_loss_errors,
    .traits = TG_IS_LOSS | TG_TAKES_LOG_PROBABILITIES,
    .not_finite =
        "where every target is ignored the mean is 0 / 0; and a class of probability 0 costs infinitely much: its "
        "input is the result of tg_log_softmax, not tg_log of tg_softmax",
};

/* ---- nll_loss_backward ---- linear in g, and nll_loss is its transpose */

tg_tensor *tgi_nll_loss_backward_at(const char *where, tg_tensor *g, tg_shape size, tg_tensor *target,
                                    tg_nll_options options)
{
    if (!tg_op_begin(where, &tgi_op_nll_loss_backward, tg_list(g, target)) || !tg_optional_ok(options.weight))
        return NULL;
    nll l;
    if (!nll_open(&tgi_op_nll_loss_backward, NULL, &size, (tg_dtype)g->dtype, target, &options, &l)) return NULL;
    if (g->numel != (options.reduction == TG_REDUCTION_NONE ? target->numel : 1)) {
        nll_close(&l);
        return tg_op_fail(&tgi_op_nll_loss_backward, tg_list(g, target), "the gradient has %lld elements",
                          (long long)g->numel);
    }
    tg_tensor *d = tgi_new(&size, l.dtype), *gc = tgi_own_contiguous(g);
    bool ok = d && gc && nll_scatter(&l, gc, d);
    tgi_unref(gc);
    nll_close(&l);
    if (!ok) return NULL;
    nll_attributes attributes = { options.ignore_index, options.reduction, options.weight != NULL, size };
    return tg_record(&tgi_op_nll_loss_backward, tg_list(g), tg_list(d), tg_list(target, options.weight), &attributes,
                     sizeof attributes) == TG_OK
               ? d
               : NULL;
}

static void nll_loss_backward_backward(tg_context *ctx)
{
    tg_tensor *target = tg_saved(ctx, 0);
    tg_set_grad_input(ctx, 0, tg_nll_loss_at(TG_HERE, tg_grad_output(ctx, 0), target, nll_options_of(ctx)));
}

static tg_tensor_list nll_loss_backward_call(const tg_value *args)
{
    tg_nll_options o = { .weight = tgi_optional(&args[3]), .ignore_index = args[4].as.integer };
    if (!tgi_reduction_named(&tgi_op_nll_loss_backward, args[5].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tgi_nll_loss_backward_at(TG_HERE, args[0].as.tensor, args[1].as.ints, args[2].as.tensor, o));
}

static const char *const nll_loss_backward_samples[] = {
    "nll_loss_backward(f(), [4, 5], i(4, lo=0, hi=5))", "nll_loss_backward(f(), [5], i(lo=0, hi=5), reduction='sum')",
    "nll_loss_backward(f(4), [4, 5], i(4, lo=0, hi=5), reduction='none')",
    "nll_loss_backward(f(), [2, 3, 4], i(2, 4, lo=0, hi=3), weight=f(3, lo=0.5, hi=2, grad=False), ignore_index=1)",
    NULL
};
static const tg_error_sample nll_loss_backward_errors[] = {
    { "nll_loss_backward(f(), [2, 5], i(2, lo=7, hi=8))", "Target 7 is out of bounds." }, { NULL, NULL }
};

const tg_op tgi_op_nll_loss_backward = {
    .name = "nll_loss_backward",
    .schema =
        "nll_loss_backward(Tensor grad_output, int[] size, Tensor target, Tensor? weight=None, int ignore_index=-100, "
        "str reduction='mean') -> Tensor",
    .formula = "y[target] = -weight[target] g, divided by the sum of weight[target] for the mean; 0 elsewhere",
    .gradient = "dg = nll_loss of the gradient of y",
    .doc = "The gradient of nll_loss, for an input of the given size.",
    .usage = "",
    .backward = nll_loss_backward_backward,
    .call = nll_loss_backward_call,
    .again = nll_loss_backward_again,
    .samples = nll_loss_backward_samples,
    .own_errors = (const tg_error_sample[]){ { "nll_loss_backward(f(3), [4, 5], i(4, lo=0, hi=5), reduction='none')",
                                               "the gradient has 3 elements" },
                                             { NULL, NULL } },
    .errors = nll_loss_backward_errors,
};
