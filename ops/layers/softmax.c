/* softmax.c: softmax and log_softmax along any dimension.
 *
 * The kernels take [outer, n, inner] along n, so contiguous tensors go to them as they are; others are copied first.
 * Nothing here may take e^x of anything that was not shifted by the maximum: the kernels do. */
#include "softmax_impl.h"

#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/kernels/reduce/softmax_kernels.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

enum {
    TASK = 1 << 14,    /* elements in one call of a kernel */
    COLUMNS = 1 << 8,  /* inner ones at least, if there are so many */
    PARALLEL = 1 << 16 /* elements from which on several threads pay */
};

/* y = softmax(a), or da from g and y. */
typedef void (*forward_kernel)(const tgi_softmax *shape, const void *a, void *y);
typedef void (*backward_kernel)(const tgi_softmax *shape, const void *g, const void *y, void *da);

/* ---- the loops ---- */

/* y = forward(a), or backward(a, b); cut into runs of outer indices and pieces of inner ones. */
typedef struct job {
    forward_kernel forward;
    backward_kernel backward;
    tgi_softmax shape;
    int64_t run, piece, pieces;
    const char *a, *b;
    char *y;
    int64_t size; /* of an element */
} job;

static void run_task(const void *work, int64_t i)
{
    const job *w = work;
    int64_t outer = i / w->pieces * w->run, inner = i % w->pieces * w->piece;
    tgi_softmax part = w->shape;
    part.outer = tgi_smaller(w->run, w->shape.outer - outer);
    part.m = tgi_smaller(w->piece, w->shape.m - inner);
    int64_t at = (outer * part.n * part.row + inner) * w->size;
    if (w->b)
        w->backward(&part, w->a + at, w->b + at, w->y + at);
    else
        w->forward(&part, w->a + at, w->y + at);
}

/* All contiguous, of the same shape. */
static void run(forward_kernel forward, backward_kernel backward, tg_tensor *a, tg_tensor *b, int dim, tg_tensor *y)
{
    if (y->numel == 0) return;
    tgi_softmax s;
    tgi_sizes_around(y, dim, &s.outer, &s.n, &s.m);
    s.row = s.m;
    job w = { forward, backward, s, 1, s.m, 1, tgi_ptr(a), b ? tgi_ptr(b) : NULL, tgi_ptr(y), 0 };
    w.size = (int64_t)tgi_element_size(y);
    if (s.n * s.m <= TASK)
        w.run = TASK / (s.n * s.m);
    else if (s.m > COLUMNS)
        w.piece = s.n * COLUMNS < TASK ? TASK / s.n / COLUMNS * COLUMNS : COLUMNS;
    w.pieces = tgi_pieces(s.m, w.piece);
    tgi_run_tasks(y->numel >= PARALLEL, tgi_pieces(s.outer, w.run) * w.pieces, run_task, &w);
}

/* The kernel's result along `dim` as a new tensor like `a`. Raw. */
static tg_tensor *apply(forward_kernel forward, backward_kernel backward, tg_tensor *a, tg_tensor *b, int dim)
{
    tg_shape shape = tgi_shape(a);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)a->dtype);
    if (!y) return NULL;
    tg_tensor *ca = tgi_own_contiguous(a), *cb = b ? tgi_own_contiguous(b) : NULL;
    bool ok = ca && (cb || !b);
    if (ok) run(forward, backward, ca, cb, dim, y);
    tgi_unref(ca);
    tgi_unref(cb);
    return ok ? y : NULL;
}

/* ---- the ops ---- */

static tg_tensor *converted(tg_tensor *t, tg_dtype dtype)
{
    return dtype == TG_DEFAULT_DTYPE || dtype == (tg_dtype)t->dtype ? t : tg_to(t, dtype);
}

static tg_softmax_options options_of(const tg_value *args)
{
    tg_softmax_options o = TG_SOFTMAX_OPTIONS();
    if (args[2].kind == TG_VALUE_DTYPE) o.dtype = args[2].as.dtype;
    return o;
}

static tg_tensor_list softmax_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_value args[] = { { TG_VALUE_TENSOR, { .tensor = inputs.items[0] } },
                              { TG_VALUE_INT, { .integer = *(const int *)tg_node_attributes(node) } },
                              { TG_VALUE_NONE, { NULL } } };
    return tg_node_op(node)->call(args);
}

/* `dim` counted from the front; -1 with an error recorded. */
static int check(const tg_op *op, tg_tensor *t, int64_t dim)
{
    int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0 || tgi_is_floating(t)) return d;
    const char *kernel = d < t->ndim - 1             ? "softmax"
                         : op == &tgi_op_log_softmax ? "log_softmax_lastdim"
                                                     : "softmax_lastdim";
    tg_op_fail(op, tg_list(t), "\"%s_kernel_impl\" not implemented for '%s'", kernel, tgi_type_name(t));
    return -1;
}

static tg_tensor *forward(const tg_op *op, forward_kernel kernel, tg_tensor *t, int dim)
{
    tg_tensor *y = apply(kernel, NULL, t, NULL, dim);
    if (!y) return NULL;
    return tg_record(op, tg_list(t), tg_list(y), tg_list(y), &dim, sizeof dim) == TG_OK ? y : NULL;
}

static tg_tensor *backward_raw(const backward_kernel kernels[2], tg_tensor *g, tg_tensor *y, int dim)
{
    return g && y ? apply(NULL, kernels[y->dtype], g, y, dim) : NULL;
}

static tg_tensor *sum_along(tg_tensor *t, int dim) { return tg_sum(t, .dim = dim, .keepdim = true); }

tg_tensor *tg_softmax_at(const char *where, tg_tensor *t, int64_t dim, tg_softmax_options options)
{
    if (!tg_op_begin(where, &tgi_op_softmax, tg_list(t)) || !(t = converted(t, options.dtype))) return NULL;
    int d = check(&tgi_op_softmax, t, dim);
    return d < 0 ? NULL : forward(&tgi_op_softmax, TGI_KERNELS(softmax)->softmax[t->dtype], t, d);
}

static void softmax_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *y = tg_saved(ctx, 0);
    tg_set_grad_input(ctx, 0, tg_mul(y, tg_sub(g, sum_along(tg_mul(g, y), *(const int *)tg_attributes(ctx)))));
}

static void softmax_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *y = tg_saved(ctx, 0);
    tg_set_grad_input(ctx, 0,
                      backward_raw(TGI_KERNELS(softmax)->softmax_backward, g, y, *(const int *)tg_attributes(ctx)));
}

static tg_tensor_list softmax_call(const tg_value *args)
{
    return tgi_result(tg_softmax_at(TG_HERE, args[0].as.tensor, args[1].as.integer, options_of(args)));
}

static const char *const softmax_samples[] = { "softmax(f(2, 3), 1)",
                                               "softmax(f(2, 3), 0)",
                                               "softmax(f(5), -1)",
                                               "softmax(f(), 0)",
                                               "softmax(f(2, 3, 4), 1)",
                                               "softmax(f(2, 3, 2, 2), -3)",
                                               "softmax(f(3, 1), 1)",
                                               "softmax(f(0, 3), 1)",
                                               "softmax(f(3, 0), 1)",
                                               "softmax(f(3, 0), 0)",
                                               "softmax(f(2, 3, lo=-40, hi=40), 1)",
                                               "softmax(i(2, 3), 1, float64)",
                                               "softmax(f(2, 3), -1, dtype=float64)",
                                               NULL };
static const tg_error_sample softmax_errors[] = {
    { "softmax(f(2, 3), 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { "softmax(f(), 1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
    { "softmax(i(2, 3), 1)", "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'" },
    { "softmax(f(2, 3), 1, int64)", "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'" },
    { "softmax(b(2, 3), 0)", "\"softmax_kernel_impl\" not implemented for 'Bool'" },
    { NULL, NULL }
};

const tg_op tgi_op_softmax = {
    .name = "softmax",
    .schema = "softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .formula = "y = e^x / the sum of e^x along dim",
    .gradient = "dx = y (g - the sum of g y along dim)",
    .doc = "Positive values that add up to 1 along dim.",
    .backward = softmax_backward,
    .backward_fused = softmax_backward_fused,
    .flops = tgi_flops_softmax,
    .call = softmax_call,
    .again = softmax_again,
    .samples = softmax_samples,
    .errors = softmax_errors,
    .traits = TG_GIVES_DISTRIBUTION,
    .not_finite =
        "of a row that is -inf throughout, as where a mask covers all, it is 0 / 0; and a row with inf or NaN in it "
        "is NaN. Leave one place of each row unmasked",
};

/* ---- softmin ---- */

tg_tensor *tg_softmin_at(const char *where, tg_tensor *t, int64_t dim, tg_softmax_options options)
{
    if (!tg_op_begin(where, &tgi_op_softmin, tg_list(t)) || !(t = converted(t, options.dtype))) return NULL;
    if (check(&tgi_op_softmin, t, dim) < 0) return NULL;
    return tg_softmax(tg_neg(t), dim);
}

static tg_tensor_list softmin_call(const tg_value *args)
{
    return tgi_result(tg_softmin_at(TG_HERE, args[0].as.tensor, args[1].as.integer, options_of(args)));
}

static const char *const softmin_samples[] = { "softmin(f(2, 3), 1)",
                                               "softmin(f(2, 3), -2)",
                                               "softmin(f(), 0)",
                                               "softmin(f(0, 3), 1)",
                                               "softmin(i(2, 3), 1, dtype=float64)",
                                               NULL };
static const tg_error_sample softmin_errors[] = {
    { "softmin(f(2, 3), 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { "softmin(i(2, 3), 1)", "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'" },
    { NULL, NULL }
};

const tg_op tgi_op_softmin = {
    .name = "softmin",
    .schema = "softmin(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .formula = "y = e^-x / the sum of e^-x along dim",
    .gradient = "of the ops it is made of",
    .doc = "softmax of -x.",
    .composite = true,
    .call = softmin_call,
    .samples = softmin_samples,
    .errors = softmin_errors,
};

/* ---- log_softmax ---- */

tg_tensor *tg_log_softmax_at(const char *where, tg_tensor *t, int64_t dim, tg_softmax_options options)
{
    if (!tg_op_begin(where, &tgi_op_log_softmax, tg_list(t)) || !(t = converted(t, options.dtype))) return NULL;
    int d = check(&tgi_op_log_softmax, t, dim);
    return d < 0 ? NULL : forward(&tgi_op_log_softmax, TGI_KERNELS(softmax)->log_softmax[t->dtype], t, d);
}

static void log_softmax_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *y = tg_saved(ctx, 0);
    tg_set_grad_input(ctx, 0, tg_sub(g, tg_mul(tg_exp(y), sum_along(g, *(const int *)tg_attributes(ctx)))));
}

tg_tensor *tgi_log_softmax_backward_raw(tg_tensor *g, tg_tensor *y, int dim)
{
    return backward_raw(TGI_KERNELS(softmax)->log_softmax_backward, g, y, dim);
}

static void log_softmax_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *y = tg_saved(ctx, 0);
    tg_set_grad_input(ctx, 0, tgi_log_softmax_backward_raw(g, y, *(const int *)tg_attributes(ctx)));
}

static tg_tensor_list log_softmax_call(const tg_value *args)
{
    return tgi_result(tg_log_softmax_at(TG_HERE, args[0].as.tensor, args[1].as.integer, options_of(args)));
}

static const char *const log_softmax_samples[] = { "log_softmax(f(2, 3), 1)",
                                                   "log_softmax(f(2, 3), 0)",
                                                   "log_softmax(f(5), -1)",
                                                   "log_softmax(f(), 0)",
                                                   "log_softmax(f(2, 3, 4), 1)",
                                                   "log_softmax(f(2, 3, 2, 2), -3)",
                                                   "log_softmax(f(3, 1), 1)",
                                                   "log_softmax(f(0, 3), 1)",
                                                   "log_softmax(f(3, 0), 1)",
                                                   "log_softmax(f(3, 0), 0)",
                                                   "log_softmax(f(2, 3, lo=-40, hi=40), 1)",
                                                   "log_softmax(i(2, 3), 1, float64)",
                                                   "log_softmax(f(2, 3), -1, dtype=float64)",
                                                   NULL };
static const tg_error_sample log_softmax_errors[] = {
    { "log_softmax(f(2, 3), -3)", "Dimension out of range (expected to be in range of [-2, 1], but got -3)" },
    { "log_softmax(i(2, 3), 1)", "\"log_softmax_lastdim_kernel_impl\" not implemented for 'Long'" },
    { "log_softmax(i(2, 3), 0)", "\"softmax_kernel_impl\" not implemented for 'Long'" },
    { NULL, NULL }
};

const tg_op tgi_op_log_softmax = {
    .name = "log_softmax",
    .schema = "log_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .formula = "y = x - log of the sum of e^x along dim",
    .gradient = "dx = g - e^y (the sum of g along dim)",
    .doc = "The logarithm of softmax, without its overflow and underflow.",
    .backward = log_softmax_backward,
    .backward_fused = log_softmax_backward_fused,
    .flops = tgi_flops_softmax,
    .call = log_softmax_call,
    .again = softmax_again,
    .samples = log_softmax_samples,
    .errors = log_softmax_errors,
    .traits = TG_TAKES_LOGITS,
    .not_finite =
        "of a row that is -inf throughout, as where a mask covers all, it is NaN. Leave one place of each row unmasked",
};
