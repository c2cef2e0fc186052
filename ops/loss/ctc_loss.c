/* ctc_loss.c: connectionist temporal classification (Graves et al., 2006): the loss of a sequence of labels under
 * probabilities for each of more time steps, summed over all alignments.
 *
 * Between two labels, before the first and after the last, an alignment may hold blanks; a label may be repeated in
 * time. alpha[t, s] is the logarithm of the probability of the first s symbols (labels and blanks alternating) up to
 * time t, beta[t, s] that of the rest. All sums are of logarithms, shifted by their largest: nothing here may take e^x
 * of a sum over time. One task a sequence.
 *
 * The gradient by log_probs is PyTorch's: that of the loss by the scores that log_softmax made the log_probs of, which
 * log_softmax's own gradient passes on unchanged. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/kernels/rows/functions_kernels.h"
#include "loss_impl.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <math.h>

enum { PARALLEL = 1 << 14 /* alphas from which on several threads pay */ };

/* ---- the loops ---- */

enum { LARGEST, TERMS, ROOM = TERMS + 3 }; /* of sums of three: the largest term, and the terms */

/* The call as the loops see it; all contiguous. */
typedef struct ctc {
    int64_t steps, batch, labels, symbols; /* symbols: the most that a sequence has, 2 S + 1 */
    int64_t blank;
    const int64_t *targets, *first; /* where each sequence's targets begin */
    const int64_t *input_lengths, *target_lengths;
    const void *log_probs; /* [T, N, C] */
    double *alpha;         /* [N, T, symbols] */
    double *beta;          /* of the gradient: [N, 2, symbols], two steps at a time */
    double *room;          /* [N, ROOM, symbols]: of the sums at work */
    double *nll;           /* [N] */
    const double *g;       /* of the gradient: [N] */
    bool zero_infinity;
    int dtype;
    void *gradient; /* [T, N, C] */
} ctc;

static double log_prob(const ctc *c, int64_t t, int64_t n, int64_t label)
{
    const int64_t at = (t * c->batch + n) * c->labels + label;
    return tgi_get(c->log_probs, c->dtype, at);
}

/* Symbol `s` of sequence `n`: blanks at even places. */
static int64_t symbol(const ctc *c, int64_t n, int64_t s)
{
    return s % 2 == 0 ? c->blank : c->targets[c->first[n] + s / 2];
}

/* log(e^a + e^b + e^c) */
static double log_sum(double a, double b, double c)
{
    double top = a > b ? a : b;
    if (c > top) top = c;
    if (top == -INFINITY) return top;
    return log(exp(a - top) + exp(b - top) + exp(c - top)) + top;
}

/* Whether symbol `s` may follow symbol s - 2: not a blank, and not the same label again. */
static bool may_skip(const ctc *c, int64_t n, int64_t s) { return s > 1 && symbol(c, n, s) != symbol(c, n, s - 2); }

static void in_place(tgi_loop loop, double *x, int64_t n)
{
    loop(1, n, (char *[]){ (char *)x, (char *)x }, NULL, (int64_t[]){ sizeof *x, sizeof *x });
}

/* One step of all symbols: the logarithms of the sums of what may come before them (`back` 1) or after them (-1), and of
 * the symbol's own probability. */
static void step(const ctc *c, int64_t n, int64_t t, int64_t count, int64_t back, const double *from, double *to)
{
    double *top = c->room + n * ROOM * c->symbols, *x = top + count, *y = x + count, *z = y + count;
    for (int64_t s = 0; s < count; s++) {
        const int64_t near = s - back, far = s - 2 * back;
        const double a = from[s], b = near >= 0 && near < count ? from[near] : -INFINITY;
        const bool skip = far >= 0 && far < count && may_skip(c, n, far > s ? far : s);
        const double d = skip ? from[far] : -INFINITY, larger = a > b ? a : b, most = d > larger ? d : larger;
        const double shift = most == -INFINITY ? 0 : most; /* of all that is impossible each term is 0 */
        top[s] = most, x[s] = a - shift, y[s] = b - shift, z[s] = d - shift;
    }
    in_place(TGI_KERNELS(functions)->exp.forward[TGI_F64], x, 3 * count);
    for (int64_t s = 0; s < count; s++) x[s] = x[s] + y[s] + z[s];
    in_place(TGI_KERNELS(functions)->log.forward[TGI_F64], x, count);
    for (int64_t s = 0; s < count; s++)
        to[s] = (top[s] == -INFINITY ? top[s] : x[s] + top[s]) + log_prob(c, t, n, symbol(c, n, s));
}

/* All alphas of sequence `n`, and its loss. */
static void alpha_task(const void *work, int64_t n)
{
    const ctc *c = work;
    const int64_t steps = c->input_lengths[n], count = 2 * c->target_lengths[n] + 1;
    double *alpha = c->alpha + n * c->steps * c->symbols;
    if (steps == 0) {
        c->nll[n] = count == 1 ? 0 : INFINITY;
        return;
    }
    for (int64_t s = 0; s < count; s++) alpha[s] = s < 2 ? log_prob(c, 0, n, symbol(c, n, s)) : -INFINITY;
    for (int64_t t = 1; t < steps; t++, alpha += c->symbols) step(c, n, t, count, 1, alpha, alpha + c->symbols);
    c->nll[n] = -log_sum(alpha[count - 1], count > 1 ? alpha[count - 2] : -INFINITY, -INFINITY);
}

/* The betas of step `t` from those of the next one; the last step begins with the last two symbols. */
static void beta_step(const ctc *c, int64_t n, int64_t t, int64_t count, const double *after, double *beta)
{
    if (t < c->input_lengths[n] - 1) {
        step(c, n, t, count, -1, after, beta);
        return;
    }
    for (int64_t s = 0; s < count; s++) beta[s] = (s >= count - 2 ? 0 : -INFINITY) + log_prob(c, t, n, symbol(c, n, s));
}

static void put(const ctc *c, int64_t at, double value) { tgi_put(c->gradient, c->dtype, at, value); }
static double got(const ctc *c, int64_t at) { return tgi_get(c->gradient, c->dtype, at); }

/* The gradient of one step: e^lp less the probability, given the labels, that the step holds that label. */
static void gradient_step(const ctc *c, int64_t n, int64_t t, int64_t count, const double *alpha, const double *beta)
{
    const int64_t at = (t * c->batch + n) * c->labels;
    for (int64_t l = 0; l < c->labels; l++) put(c, at + l, c->g[n] * exp(log_prob(c, t, n, l)));
    for (int64_t s = 0; s < count; s++) {
        const int64_t label = symbol(c, n, s);
        const double lp = log_prob(c, t, n, label), together = alpha[s] + beta[s];
        if (together > -INFINITY) /* alpha and beta both hold this step */
            put(c, at + label, got(c, at + label) - c->g[n] * exp(together + c->nll[n] - lp));
    }
}

static void gradient_task(const void *work, int64_t n)
{
    const ctc *c = work;
    const int64_t count = 2 * c->target_lengths[n] + 1;
    double *beta[] = { c->beta + 2 * n * c->symbols, c->beta + (2 * n + 1) * c->symbols };
    for (int64_t t = c->steps - 1; t >= 0; t--) {
        const int64_t at = (t * c->batch + n) * c->labels;
        const bool impossible = isinf(c->nll[n]);
        if (t >= c->input_lengths[n] || impossible) {
            const double none = t < c->input_lengths[n] && !c->zero_infinity ? NAN : 0;
            for (int64_t l = 0; l < c->labels; l++) put(c, at + l, none);
            continue;
        }
        beta_step(c, n, t, count, beta[(t + 1) % 2], beta[t % 2]);
        gradient_step(c, n, t, count, c->alpha + (n * c->steps + t) * c->symbols, beta[t % 2]);
    }
}

/* ---- checks ---- */

/* Lengths are int64, one for each sequence. */
static bool lengths_ok(const tg_op *op, tg_tensor_list inputs, const tg_tensor *lengths, const char *name,
                       int64_t batch)
{
    if (lengths->dtype != TG_INT64)
        tg_op_fail(op, inputs, "%s must be integral", name);
    else if (lengths->ndim > 1 || lengths->numel != batch)
        tg_op_fail(op, inputs, "%s must be of size batch_size", name);
    else
        return true;
    return false;
}

/* Contiguous forms of the arguments, and what follows from them. */
typedef struct ctc_arguments {
    tg_tensor *log_probs, *targets, *input_lengths, *target_lengths; /* references to give back */
    tg_tensor *first;
} ctc_arguments;

static bool values_ok(const tg_op *op, tg_tensor_list inputs, const ctc *c)
{
    for (int64_t n = 0; n < c->batch; n++) {
        const int64_t steps = c->input_lengths[n], length = c->target_lengths[n];
        if (steps < 0 || length < 0)
            tg_op_fail(op, inputs,
                       "Expected lengths to be at least 0, but got value %lld (while checking arguments for "
                       "ctc_loss_cpu)",
                       (long long)(steps < 0 ? steps : length));
        else if (steps > c->steps)
            tg_op_fail(
                op, inputs,
                "Expected input_lengths to have value at most %lld, but got value %lld (while checking arguments for "
                "ctc_loss_cpu)",
                (long long)c->steps, (long long)steps);
        else
            continue;
        return false;
    }
    return true;
}

/* Where each sequence's targets begin, and the longest. Targets of one dimension follow each other. */
static bool place_targets(const tg_op *op, tg_tensor_list inputs, const tg_tensor *targets, ctc *c, int64_t *first)
{
    static const char *const tail = "for argument #2 'targets' (while checking arguments for ctc_loss_cpu)";
    int64_t total = 0, longest = 0;
    for (int64_t n = 0; n < c->batch; n++) {
        const int64_t length = c->target_lengths[n];
        first[n] = targets->ndim == 1 ? total : n * targets->dims[1];
        if (length > longest) longest = length;
        if (__builtin_add_overflow(total, length, &total)) total = INT64_MAX;
    }
    if (targets->ndim == 1 && targets->numel != total)
        tg_op_fail(op, inputs, "Expected tensor to have size %lld at dimension 0, but got size %lld %s",
                   (long long)total, (long long)targets->numel, tail);
    else if (targets->ndim == 2 && targets->dims[0] != c->batch)
        tg_op_fail(op, inputs, "Expected tensor to have size %lld at dimension 0, but got size %lld %s",
                   (long long)c->batch, (long long)targets->dims[0], tail);
    else if (targets->ndim == 2 && targets->dims[1] < longest)
        tg_op_fail(op, inputs, "Expected tensor to have size at least %lld at dimension 1, but got size %lld %s",
                   (long long)longest, (long long)targets->dims[1], tail);
    else {
        c->symbols = 2 * longest + 1;
        return true;
    }
    return false;
}

/* PyTorch does not look; here nothing is read beyond the labels. */
static bool targets_in_range(const tg_op *op, tg_tensor_list inputs, const ctc *c)
{
    for (int64_t n = 0; n < c->batch; n++) {
        for (int64_t i = 0; i < c->target_lengths[n]; i++) {
            const int64_t target = c->targets[c->first[n] + i];
            if (target >= 0 && target < c->labels) continue;
            tg_op_fail(op, inputs, "Target %lld is out of bounds.", (long long)target);
            return false;
        }
    }
    return true;
}

static void close_ctc(ctc_arguments *a)
{
    tgi_unref(a->log_probs);
    tgi_unref(a->targets);
    tgi_unref(a->input_lengths);
    tgi_unref(a->target_lengths);
    tgi_unref(a->first);
}

/* The loops' view of log_probs [T, N, C]. False: an error was recorded and nothing is held. */
static bool open_ctc(const tg_op *op, tg_tensor_list inputs, int64_t blank, ctc *c, ctc_arguments *a)
{
    tg_tensor *log_probs = inputs.items[0];
    *c = (ctc){ .steps = log_probs->dims[0],
                .batch = log_probs->dims[1],
                .labels = log_probs->dims[2],
                .blank = blank,
                .dtype = log_probs->dtype };
    *a = (ctc_arguments){ tgi_own_contiguous(log_probs), tgi_own_contiguous(inputs.items[1]),
                          tgi_own_contiguous(inputs.items[2]), tgi_own_contiguous(inputs.items[3]),
                          tgi_own(tgi_new(&tg_shape(c->batch), TG_INT64)) };
    if (a->log_probs && a->targets && a->input_lengths && a->target_lengths && a->first) {
        c->log_probs = tgi_ptr(a->log_probs);
        c->targets = tgi_ptr(a->targets);
        c->input_lengths = tgi_ptr(a->input_lengths);
        c->target_lengths = tgi_ptr(a->target_lengths);
        c->first = tgi_ptr(a->first);
        if (values_ok(op, inputs, c) && place_targets(op, inputs, a->targets, c, tgi_ptr(a->first)) &&
            targets_in_range(op, inputs, c))
            return true;
    }
    close_ctc(a);
    return false;
}

static bool ctc_ok(const tg_op *op, tg_tensor_list inputs, const tg_ctc_options *o)
{
    const tg_tensor *log_probs = inputs.items[0], *targets = inputs.items[1];
    if (!tgi_reduction_ok(op, inputs, o->reduction)) return false;
    if (log_probs->ndim != 3)
        tg_op_fail(
            op, inputs,
            "Expected 3-dimensional tensor, but got %d-dimensional tensor for argument #1 'log_probs' (while checking "
            "arguments for ctc_loss_cpu)",
            log_probs->ndim);
    else if (!tgi_is_floating(log_probs))
        tgi_not_implemented(op, inputs, "ctc_loss_cpu", log_probs->dtype);
    else if (targets->ndim != 1 && targets->ndim != 2)
        tg_op_fail(
            op, inputs,
            "Expected 1 to 2 dimensions, but got %d-dimensional tensor for argument #2 'targets' (while checking arguments "
            "for ctc_loss_cpu)",
            targets->ndim);
    else if (targets->dtype != TG_INT64)
        tgi_expected_type(op, inputs, TG_INT64, targets->dtype);
    else if (o->blank < 0 || o->blank >= log_probs->dims[2])
        tg_op_fail(op, inputs, "blank must be in label range");
    else
        return lengths_ok(op, inputs, inputs.items[2], "input_lengths", log_probs->dims[1]) &&
               lengths_ok(op, inputs, inputs.items[3], "target_lengths", log_probs->dims[1]);
    return false;
}

/* ---- the op ---- */

typedef struct ctc_attributes {
    int64_t blank;
    bool zero_infinity;
} ctc_attributes;

/* The loss of each sequence, and all alphas, in float64. False: an error was recorded. */
static bool ctc_forward(const tg_op *op, tg_tensor_list inputs, int64_t blank, tg_tensor **nll, tg_tensor **alpha)
{
    ctc c;
    ctc_arguments a;
    if (!open_ctc(op, inputs, blank, &c, &a)) return false;
    *nll = tgi_new(&tg_shape(c.batch), TG_FLOAT64);
    const tg_shape shape = tg_shape(c.batch, c.steps, c.symbols);
    *alpha = *nll && tgi_op_numel(op, inputs, &shape) >= 0 ? tgi_new(&shape, TG_FLOAT64) : NULL;
    tg_tensor *room = *alpha ? tgi_own(tgi_new(&tg_shape(c.batch, ROOM, c.symbols), TG_FLOAT64)) : NULL;
    if (room) {
        c.room = tgi_ptr(room);
        c.alpha = tgi_ptr(*alpha);
        c.nll = tgi_ptr(*nll);
        tgi_run_tasks((*alpha)->numel >= PARALLEL, c.batch, alpha_task, &c);
    }
    const bool ok = room != NULL;
    tgi_unref(room);
    close_ctc(&a);
    return ok;
}

/* The gradient of log_probs. Raw. */
static tg_tensor *ctc_gradient(tg_context *ctx, tg_tensor *g, tg_tensor_list inputs, tg_tensor *nll, tg_tensor *alpha)
{
    const ctc_attributes *attributes = tg_attributes(ctx);
    ctc c;
    ctc_arguments a;
    if (!open_ctc(tg_context_op(ctx), inputs, attributes->blank, &c, &a)) return NULL;
    tg_tensor *d = tgi_new_like(inputs.items[0], (tg_dtype)inputs.items[0]->dtype);
    tg_tensor *beta = tgi_own(tgi_new(&tg_shape(c.batch, 2, c.symbols), TG_FLOAT64));
    tg_tensor *room = tgi_own(tgi_new(&tg_shape(c.batch, ROOM, c.symbols), TG_FLOAT64));
    tg_tensor *wide = tg_to(tg_detach(g), TG_FLOAT64), *gc = wide ? tgi_own_contiguous(wide) : NULL;
    const bool ok = d && beta && room && gc;
    if (ok) {
        c.room = tgi_ptr(room);
        c.zero_infinity = attributes->zero_infinity;
        c.alpha = tgi_ptr(alpha), c.beta = tgi_ptr(beta), c.nll = tgi_ptr(nll);
        c.g = tgi_ptr(gc), c.gradient = tgi_ptr(d);
        tgi_run_tasks(alpha->numel >= PARALLEL, c.batch, gradient_task, &c);
    }
    tgi_unref(beta);
    tgi_unref(room);
    tgi_unref(gc);
    close_ctc(&a);
    return ok ? d : NULL;
}

static void ctc_backward(tg_context *ctx)
{
    tg_tensor *saved[6];
    for (int i = 0; i < 6; i++)
        if (!(saved[i] = tg_saved(ctx, i))) return;
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (g) tg_set_grad_input(ctx, 0, ctc_gradient(ctx, g, tg_list_of(saved, 4), saved[4], saved[5]));
}

/* The losses, by the length of their targets for the mean, infinite ones made 0 if asked for. */
static tg_tensor *ctc_reduced(tg_tensor *y, tg_tensor *target_lengths, const tg_ctc_options *o)
{
    if (o->zero_infinity) y = tg_where(tg_eq(y, (double)INFINITY), 0.0, y);
    if (o->reduction == TG_REDUCTION_MEAN)
        y = tg_div(y, tg_to(tg_maximum(tg_reshape(target_lengths, tg_shape(-1)), 1), tg_dtype_of(y)));
    return tgi_reduced(y, o->reduction);
}

tg_tensor *tg_ctc_loss_at(const char *where, tg_tensor *log_probs, tg_tensor *targets, tg_tensor *input_lengths,
                          tg_tensor *target_lengths, tg_ctc_options options)
{
    const tg_op *op = &tgi_op_ctc_loss;
    if (!tg_op_begin(where, op, tg_list(log_probs, targets, input_lengths, target_lengths))) return NULL;
    const bool one = log_probs->ndim == 2; /* a single sequence, [T, C] */
    if (one && !(log_probs = tg_unsqueeze(log_probs, 1))) return NULL;
    const tg_tensor_list inputs = tg_list(log_probs, targets, input_lengths, target_lengths);
    tg_tensor *nll, *alpha;
    if (!ctc_ok(op, inputs, &options) || !ctc_forward(op, inputs, options.blank, &nll, &alpha)) return NULL;
    tg_tensor *y = tg_dtype_of(log_probs) == TG_FLOAT64 ? tg_clone(nll) : tg_to(nll, tg_dtype_of(log_probs));
    if (!y) return NULL;
    const ctc_attributes attributes = { options.blank, options.zero_infinity };
    if (tg_record(op, tg_list(log_probs), tg_list(y),
                  tg_list(log_probs, targets, input_lengths, target_lengths, nll, alpha), &attributes,
                  sizeof attributes) != TG_OK)
        return NULL;
    y = ctc_reduced(y, target_lengths, &options);
    return one && options.reduction == TG_REDUCTION_NONE ? tgi_ordinary(tg_squeeze(y, 0), inputs) : y;
}

static tg_tensor_list ctc_loss_call(const tg_value *args)
{
    tg_ctc_options o = { .blank = args[4].as.integer, .zero_infinity = args[6].as.boolean };
    if (!tgi_reduction_named(&tgi_op_ctc_loss, args[5].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(
        tg_ctc_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.tensor, args[3].as.tensor, o));
}

static const char *const samples[] = {
    "ctc_loss(log_softmax(f(5, 2, 4), 2), i(2, 2, lo=1, hi=4), i(2, lo=5, hi=6), i(2, lo=2, hi=3))",
    "ctc_loss(log_softmax(f(6, 3, 3), -1), i(3, 3, lo=1, hi=3), i(3, lo=5, hi=7), i(3, lo=0, hi=4), reduction='sum')",
    "ctc_loss(log_softmax(f(6, 3, 3), 2), i(3, 2, lo=0, hi=2), i(3, lo=5, hi=7), i(3, lo=1, hi=3), blank=2, "
    "reduction='none')",
    "ctc_loss(log_softmax(f(5, 2, 4), 2), i(4, lo=1, hi=4), i(2, lo=5, hi=6), i(2, lo=2, hi=3), reduction='sum')",
    "ctc_loss(log_softmax(f(5, 4), 1), i(2, lo=1, hi=4), i(lo=5, hi=6), i(lo=2, hi=3))",
    "ctc_loss(log_softmax(f(5, 4), 1), i(1, 2, lo=1, hi=4), i(1, lo=5, hi=6), i(1, lo=2, hi=3), reduction='none')",
    "ctc_loss(log_softmax(f(3, 2, 3), 2), i(2, 1, lo=1, hi=3), i(2, lo=3, hi=4), i(2, lo=0, hi=1), reduction='none')",
    NULL
};
/* Impossible alignments; log_probs that are no probabilities, whose gradient is not that of the loss by them. */
static const char *const corners[] = {
    "ctc_loss(log_softmax(f(4, 2, 3), 2), i(2, 3, lo=1, hi=3), i(2, lo=1, hi=5), i(2, lo=3, hi=4), reduction='none')",
    "ctc_loss(log_softmax(f(4, 2, 3), 2), i(2, 3, lo=1, hi=2), i(2, lo=4, hi=5), i(2, lo=3, hi=4), zero_infinity=True)",
    "ctc_loss(log_softmax(f(4, 2, 3), 2), i(2, 3, lo=1, hi=3), i(2, lo=1, hi=2), i(2, lo=1, hi=4), zero_infinity=True, "
    "reduction='sum')",
    "ctc_loss(f(5, 2, 4), i(2, 2, lo=1, hi=4), i(2, lo=4, hi=5), i(2, lo=2, hi=3))", NULL
};
static const tg_error_sample errors[] = {
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), i(3, lo=2), blank=4)", "blank must be in label range" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), i(3, lo=2), blank=-1)", "blank must be in label range" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(2, lo=5, hi=6), i(3, lo=2))", "input_lengths must be of size batch_size" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), i(2, lo=2))",
      "target_lengths must be of size batch_size" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=6, hi=7), i(3, lo=2))",
      "Expected input_lengths to have value at most 5, but got value 6 (while checking arguments for ctc_loss_cpu)" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), i(3, lo=3, hi=4))",
      "Expected tensor to have size at least 3 at dimension 1, but got size 2 for argument #2 'targets' (while checking "
      "arguments for ctc_loss_cpu)" },
    { "ctc_loss(f(5, 3, 4), i(7, lo=1), i(3, lo=5, hi=6), i(3, lo=2))",
      "Expected tensor to have size 6 at dimension 0, but got size 7 for argument #2 'targets' (while checking arguments for "
      "ctc_loss_cpu)" },
    { "ctc_loss(f(5, 3, 4), i(2, 2, lo=1), i(3, lo=5, hi=6), i(3, lo=2))",
      "Expected tensor to have size 3 at dimension 0, but got size 2 for argument #2 'targets'" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), f(3), i(3, lo=2))", "input_lengths must be integral" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), f(3))", "target_lengths must be integral" },
    { "ctc_loss(i(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), i(3, lo=2))",
      "\"ctc_loss_cpu\" not implemented for 'Long'" },
    { "ctc_loss(f(5), i(2, lo=1), i(lo=5, hi=6), i(lo=2))",
      "-dimensional tensor for argument #1 'log_probs' (while checking arguments for ctc_loss_cpu)" },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=5, hi=6), i(3, lo=2), reduction='avg')",
      "avg is not a valid value for reduction" },
    { NULL, NULL }
};

/* PyTorch reads what is there. */
static const tg_error_sample own_errors[] = {
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=4, hi=5), i(3, lo=5, hi=6), i(3, lo=2))", "Target 4 is out of bounds." },
    { "ctc_loss(f(5, 3, 4), i(3, 2, lo=1), i(3, lo=-1, hi=0), i(3, lo=2))", "Expected lengths to be at least 0" },
    { "ctc_loss(f(5, 3, 4), f(3, 2), i(3, lo=5, hi=6), i(3, lo=2))", "expected scalar type Long but found " },
    { NULL, NULL }
};

const tg_op tgi_op_ctc_loss = {
    .name = "ctc_loss",
    .schema =
        "ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, str "
        "reduction='mean', bool zero_infinity=False) -> Tensor",
    .formula =
        "y = -log of the probability of the targets, over all alignments; its sum, or the mean of it by the targets' length",
    .gradient =
        "dlog_probs[t, c] = (e^log_probs[t, c] - the probability that step t holds label c, given the targets) g",
    .doc =
        "The loss of a sequence of labels without alignment. log_probs come from log_softmax: the gradient is that of its "
        "input.",
    .shapes = "log_probs [T, N, C] or [T, C], targets [N, S], or all behind each other, lengths [N] to [N] or []",
    .backward = ctc_backward,
    .no_second_derivative = "its gradient is computed by a recursion over time, not by ops; PyTorch has none either",
    .kinks = "an impossible alignment: the loss is inf, the gradient NaN; both 0 with zero_infinity",
    .call = ctc_loss_call,
    .samples = samples,
    .corners = corners,
    .errors = errors,
    .own_errors = own_errors,
    .not_finite =
        "a target that is longer than its input, repeated classes counted twice, has no alignment: its loss is "
        "inf. zero_infinity = true leaves that sample out; better are longer inputs",
};
