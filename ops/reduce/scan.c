/* scan.c: running sums, products and extremes along a dimension.
 *
 * A gradient runs the other way. That of a product is a linear recurrence, which needs no division and so does not mind
 * zeros; the recurrence's own gradients are recurrences again, so all can be differentiated as often as one likes. */
#include "ops/scan.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/create.h"
#include "ops/index/index_impl.h"
#include "ops/join.h"
#include "ops/kernels/reduce/scan_kernels.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "scan_impl.h"
#include "ops/view.h"

#include <math.h>

/* Elements from which on several threads pay; of a piece, at least; columns of a piece; contiguous rows that the kernels
 * like to have together. */
enum { PARALLEL = 1 << 16, PIECE = 1 << 14, COLUMNS = 512, ROWS = 4 };

typedef struct direction {
    int dim;
    bool reverse;
} direction;

/* ---- the loops ---- */

typedef struct work {
    const tg_op *op; /* NULL: the products of all others, which are part of an op's gradient */
    tgi_scan whole;
    int dtype;
    int64_t size; /* of an element */
    const char *a, *b;
    char *y;
    int64_t *index;
    int64_t outer, columns; /* of a piece */
} work;

static void run_piece(const void *argument, int64_t i)
{
    const work *w = argument;
    const tgi_scan_kernels *k = TGI_KERNELS(scan);
    const int64_t column_pieces = tgi_pieces(w->whole.m, w->columns);
    const int64_t outer = i / column_pieces * w->outer, column = i % column_pieces * w->columns;
    tgi_scan part = w->whole;
    part.outer = tgi_smaller(w->outer, part.outer - outer);
    part.m = tgi_smaller(w->columns, part.m - column);
    const int64_t at = outer * part.n * part.row + column;
    const void *a = w->a + at * w->size;
    void *y = w->y + at * w->size;
    if (!w->op) k->others[w->dtype](&part, a, y);
    if (w->op == &tgi_op_cumsum) k->cumsum[w->dtype](&part, a, y);
    if (w->op == &tgi_op_cumprod) k->cumprod[w->dtype](&part, a, y);
    if (w->op == &tgi_op_cummax) k->extreme[TGI_MAX][w->dtype](&part, a, y, w->index + at);
    if (w->op == &tgi_op_cummin) k->extreme[TGI_MIN][w->dtype](&part, a, y, w->index + at);
    if (w->op == &tgi_op_logcumsumexp) k->logcumsumexp[w->dtype](&part, a, y);
    if (w->op == &tgi_op_linear_recurrence) k->recurrence[w->dtype](&part, w->b + at * w->size, a, y);
}

/* y = op(a), or of b and a; raw. False when memory ran out. */
static bool run(const tg_op *op, const direction *along, tg_tensor *a, tg_tensor *b, tg_tensor *y, tg_tensor *index)
{
    if (y->numel == 0) return true;
    tg_tensor *x = tgi_own_contiguous(a), *terms = b && x ? tgi_own_contiguous(b) : NULL;
    const bool ok = x && (terms || !b);
    if (ok) {
        work w = { op,         { 1, 1, 1, 1, along->reverse },
                   y->dtype,   (int64_t)tgi_element_size(y),
                   tgi_ptr(x), NULL,
                   tgi_ptr(y), index ? tgi_ptr(index) : NULL,
                   1,          0 };
        if (b) w.b = tgi_ptr(terms);
        tgi_sizes_around(y, along->dim, &w.whole.outer, &w.whole.n, &w.whole.m);
        w.whole.row = w.whole.m;
        const int64_t slice = w.whole.n * w.whole.m;
        if (slice < PIECE) w.outer = PIECE / slice;
        if (w.whole.m == 1) w.outer = tgi_pieces(w.outer, ROWS) * ROWS;
        w.columns = slice < 2 * PIECE || w.whole.m < COLUMNS ? w.whole.m : COLUMNS;
        tgi_run_tasks(y->numel >= PARALLEL, tgi_pieces(w.whole.outer, w.outer) * tgi_pieces(w.whole.m, w.columns),
                      run_piece, &w);
    }
    tgi_unref(x);
    tgi_unref(terms);
    return ok;
}

static tg_tensor *result_of(const tg_op *op, const direction *along, tg_tensor *a, tg_tensor *b)
{
    tg_tensor *y = tgi_new_like(a, (tg_dtype)a->dtype);
    return y && run(op, along, a, b, y, NULL) ? y : NULL;
}

tg_tensor *tgi_shifted(tg_tensor *t, int dim, bool reverse, double fill)
{
    if (!t || t->ndim == 0 || t->dims[dim] == 0) return t ? tg_full_like(t, fill) : NULL;
    const int64_t n = t->dims[dim];
    tg_shape shape = tgi_shape(t);
    shape.dims[dim] = 1;
    tg_tensor *kept = tg_narrow(t, dim, reverse ? 1 : 0, n - 1);
    tg_tensor *end = tg_full(shape, fill, .dtype = (tg_dtype)t->dtype);
    return reverse ? tg_cat(tg_list(kept, end), dim) : tg_cat(tg_list(end, kept), dim);
}

/* ---- sums and products ---- */

/* The running sum, from the last index if `reverse`; recorded. NULL is passed on. */
static tg_tensor *cumsum_along(tg_tensor *t, int dim, bool reverse)
{
    const direction along = { dim, reverse };
    tg_tensor *y = t ? result_of(&tgi_op_cumsum, &along, t, NULL) : NULL;
    if (!y) return NULL;
    return tg_record(&tgi_op_cumsum, tg_list(t), tg_list(y), TG_NONE, &along, sizeof along) == TG_OK ? y : NULL;
}

tg_tensor *tgi_cumprod(tg_tensor *t, int dim, bool reverse)
{
    const direction along = { dim, reverse };
    tg_tensor *y = t ? result_of(&tgi_op_cumprod, &along, t, NULL) : NULL;
    if (!y) return NULL;
    return tg_record(&tgi_op_cumprod, tg_list(t), tg_list(y), tg_list(t, y), &along, sizeof along) == TG_OK ? y : NULL;
}

tg_tensor *tgi_products_of_others(tg_tensor *t, int dim)
{
    const direction along = { dim, false };
    return t ? result_of(NULL, &along, t, NULL) : NULL;
}

static tg_tensor_list cumsum_again(const tg_node *node, tg_tensor_list inputs)
{
    const direction *along = tg_node_attributes(node);
    return tgi_result(cumsum_along(inputs.items[0], along->dim, along->reverse));
}

static tg_tensor_list cumprod_again(const tg_node *node, tg_tensor_list inputs)
{
    const direction *along = tg_node_attributes(node);
    return tgi_result(tgi_cumprod(inputs.items[0], along->dim, along->reverse));
}

static tg_tensor_list linear_recurrence_again(const tg_node *node, tg_tensor_list inputs)
{
    const direction *along = tg_node_attributes(node);
    return tgi_result(tgi_linear_recurrence(inputs.items[0], inputs.items[1], along->dim, along->reverse));
}

/* Of self and a dimension. */
static tg_tensor_list along_again(const tg_node *node, tg_tensor_list inputs)
{
    const direction *along = tg_node_attributes(node);
    const tg_value args[] = { { TG_VALUE_TENSOR, { .tensor = inputs.items[0] } },
                              { TG_VALUE_INT, { .integer = along->dim } } };
    return tg_node_op(node)->call(args);
}

static void cumsum_backward(tg_context *ctx)
{
    const direction *along = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, cumsum_along(tg_grad_output(ctx, 0), along->dim, !along->reverse));
}

/* dx_i = x_0 .. x_(i-1) r_i, where r_i = g_i + x_(i+1) r_(i+1). */
static void cumprod_backward(tg_context *ctx)
{
    const direction *along = tg_attributes(ctx);
    const int dim = along->dim;
    tg_tensor *next = tgi_shifted(tg_saved(ctx, 0), dim, !along->reverse, 1);
    tg_tensor *before = tgi_shifted(tg_saved(ctx, 1), dim, along->reverse, 1);
    tg_tensor *after = tgi_linear_recurrence(tg_grad_output(ctx, 0), next, dim, !along->reverse);
    tg_set_grad_input(ctx, 0, tg_mul(before, after));
}

static tg_tensor_list cumsum_call(const tg_value *v)
{
    tg_scan_options o = TG_SCAN_OPTIONS();
    if (v[2].kind == TG_VALUE_DTYPE) o.dtype = v[2].as.dtype;
    return tgi_result(tg_cumsum_at(TG_HERE, v[0].as.tensor, v[1].as.integer, o));
}

static tg_tensor_list cumprod_call(const tg_value *v)
{
    tg_scan_options o = TG_SCAN_OPTIONS();
    if (v[2].kind == TG_VALUE_DTYPE) o.dtype = v[2].as.dtype;
    return tgi_result(tg_cumprod_at(TG_HERE, v[0].as.tensor, v[1].as.integer, o));
}

#define BAD_DIM "Dimension out of range (expected to be in range of [-2, 1], but got 2)"
#define SAMPLES(name)                                                                                                  \
    name "(f(5), 0)", name "(f(3, 4), 1)", name "(f(3, 4), 0)", name "(f(2, 3, 4), -2)", name "(f(), 0)",              \
        name "(f(0, 3), 0)", name "(f(2, 0), 0)", name "(f(1, 3), 0)"

const tg_op tgi_op_cumsum = {
    .name = "cumsum",
    .schema = "cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y_i = x_0 + .. + x_i along dim",
    .gradient = "dx_i = g_i + g_(i+1) + ..",
    .doc = "The running sum along a dimension; of integers and bools in int64.",
    .backward = cumsum_backward,
    .call = cumsum_call,
    .again = cumsum_again,
    .samples =
        (const char *const[]){ SAMPLES("cumsum"), "cumsum(f(2, 19), 1)", "cumsum(f(19, 2), 0)", "cumsum(i(3, 4), 1)",
                               "cumsum(b(3, 4), 0)", "cumsum(i(3, 4), 0, dtype=float64)", NULL },
    .corners = (const char *const[]){ "cumsum(v(-0.0, -0.0), 0)", "cumsum(v(1, inf, 2, -inf, 3), 0)",
                                      "cumsum(v(1, 2, nan, 3), 0)", NULL },
    .errors = (const tg_error_sample[]){ { "cumsum(f(2, 3), 2)", BAD_DIM },
                                         { "cumsum(f(2, 3), 0, dtype=bool)",
                                           "\"cumsum_out_cpu\" not implemented for 'Bool'" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_cumprod = {
    .name = "cumprod",
    .schema = "cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y_i = x_0 x_1 .. x_i along dim",
    .gradient = "dx_i = the sum over j >= i of g_j times the factors of y_j but x_i",
    .doc = "The running product along a dimension; of integers and bools in int64.",
    .backward = cumprod_backward,
    .call = cumprod_call,
    .again = cumprod_again,
    .samples = (const char *const[]){ SAMPLES("cumprod"), "cumprod(i(3, 4), 1)", "cumprod(b(3, 4), 0)",
                                      "cumprod(v(2, 0, 3, 4), 0)", "cumprod(v(2, 0, 3, 0, 4), 0)",
                                      "cumprod(i(3, 4), 0, dtype=float64)", NULL },
    .corners = (const char *const[]){ "cumprod(v(-0.0, 2), 0)", "cumprod(v(1, 2, nan, 3, grad=False), 0)", NULL },
    .errors = (const tg_error_sample[]){ { "cumprod(f(2, 3), 2)", BAD_DIM },
                                         { "cumprod(f(2, 3), 0, dtype=bool)",
                                           "\"cumprod_out_cpu\" not implemented for 'Bool'" },
                                         { NULL, NULL } },
};

/* The input in the dtype of the result; NULL with an error recorded. */
static tg_tensor *converted(const tg_op *op, tg_tensor *t, tg_dtype dtype)
{
    if (dtype == TG_BOOL) return tg_op_fail(op, tg_list(t), "\"%s_out_cpu\" not implemented for 'Bool'", op->name);
    if (dtype == TG_DEFAULT_DTYPE) dtype = t->dtype == TG_BOOL ? TG_INT64 : (tg_dtype)t->dtype;
    return tg_to(t, dtype);
}

tg_tensor *tg_cumsum_at(const char *where, tg_tensor *t, int64_t dim, tg_scan_options options)
{
    if (!tg_op_begin(where, &tgi_op_cumsum, tg_list(t))) return NULL;
    const int d = tgi_op_dim(&tgi_op_cumsum, tg_list(t), dim, t->ndim);
    return d < 0 ? NULL : cumsum_along(converted(&tgi_op_cumsum, t, options.dtype), d, false);
}

tg_tensor *tg_cumprod_at(const char *where, tg_tensor *t, int64_t dim, tg_scan_options options)
{
    if (!tg_op_begin(where, &tgi_op_cumprod, tg_list(t))) return NULL;
    const int d = tgi_op_dim(&tgi_op_cumprod, tg_list(t), dim, t->ndim);
    return d < 0 ? NULL : tgi_cumprod(converted(&tgi_op_cumprod, t, options.dtype), d, false);
}

/* ---- extremes ---- */

static void cummax_backward(tg_context *ctx)
{
    const direction *along = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0,
                      tgi_scatter_add_zeros(tg_input_shape(ctx, 0), along->dim, tg_saved(ctx, 0),
                                            tg_grad_output(ctx, 0)));
}

static tg_values_indices cummax(const char *where, const tg_op *op, tg_tensor *t, int64_t dim)
{
    const tg_values_indices failed = { NULL, NULL };
    if (!tg_op_begin(where, op, tg_list(t))) return failed;
    const direction along = { tgi_op_dim(op, tg_list(t), dim, t->ndim), false };
    if (along.dim < 0) return failed;
    tg_values_indices y = { tgi_new_like(t, (tg_dtype)t->dtype), NULL };
    if (y.values) y.indices = tgi_new_like(t, TG_INT64);
    if (!y.indices || !run(op, &along, t, NULL, y.values, y.indices)) return failed;
    const tg_status status =
        tg_record(op, tg_list(t), tg_list(y.values, y.indices), tg_list(y.indices), &along, sizeof along);
    return status == TG_OK ? y : failed;
}

static tg_tensor_list cummax_call(const tg_value *v) { return tgi_both(tg_cummax(v[0].as.tensor, v[1].as.integer)); }

static tg_tensor_list cummin_call(const tg_value *v) { return tgi_both(tg_cummin(v[0].as.tensor, v[1].as.integer)); }

#define CORNERS(name)                                                                                                  \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(3, 6, lo=-1, hi=1, step=1), 1)", name "(v(1, nan, 2, nan), 0)", name "(v(-inf, inf, -inf, inf), 0)",  \
            name "(v(-0.0, 0.0, -0.0), 0)", NULL                                                                       \
    }

const tg_op tgi_op_cummax = {
    .name = "cummax",
    .schema = "cummax(Tensor self, int dim) -> (Tensor values, Tensor indices)",
    .formula = "values_i = the largest of x_0 .. x_i along dim, indices_i = where it is",
    .gradient = "dx = the sum of the g that have its index",
    .doc = "The largest so far along a dimension, and its index.",
    .backward = cummax_backward,
    .kinks = "where several are the largest: g goes to the last",
    .call = cummax_call,
    .again = along_again,
    .samples = (const char *const[]){ SAMPLES("cummax"), "cummax(i(4, 5), 0)", "cummax(b(2, 5), 1)", NULL },
    .corners = CORNERS("cummax"),
    .errors = (const tg_error_sample[]){ { "cummax(f(2, 3), 2)", BAD_DIM }, { NULL, NULL } },
};

const tg_op tgi_op_cummin = {
    .name = "cummin",
    .schema = "cummin(Tensor self, int dim) -> (Tensor values, Tensor indices)",
    .formula = "values_i = the smallest of x_0 .. x_i along dim, indices_i = where it is",
    .gradient = "dx = the sum of the g that have its index",
    .doc = "The smallest so far along a dimension, and its index.",
    .backward = cummax_backward,
    .kinks = "where several are the smallest: g goes to the last",
    .call = cummin_call,
    .again = along_again,
    .samples = (const char *const[]){ SAMPLES("cummin"), "cummin(i(4, 5), 0)", "cummin(b(2, 5), 1)", NULL },
    .corners = CORNERS("cummin"),
    .errors = (const tg_error_sample[]){ { "cummin(f(2, 3), 2)", BAD_DIM }, { NULL, NULL } },
};

tg_values_indices tg_cummax_at(const char *where, tg_tensor *t, int64_t dim)
{
    return cummax(where, &tgi_op_cummax, t, dim);
}
tg_values_indices tg_cummin_at(const char *where, tg_tensor *t, int64_t dim)
{
    return cummax(where, &tgi_op_cummin, t, dim);
}

/* ---- logarithms of sums ---- */

/* dx_i = e^(x_i - y_i) r_i, where r_i = g_i + e^(y_i - y_(i+1)) r_(i+1): y does not fall, so nothing overflows. */
static void logcumsumexp_backward(tg_context *ctx)
{
    const int dim = ((const direction *)tg_attributes(ctx))->dim;
    tg_tensor *x = tg_saved(ctx, 0), *y = tg_saved(ctx, 1);
    tg_tensor *factors = tg_exp(tg_sub(y, tgi_shifted(y, dim, true, INFINITY)));
    tg_tensor *after = tgi_linear_recurrence(tg_grad_output(ctx, 0), factors, dim, true);
    tg_set_grad_input(ctx, 0, tg_mul(tg_exp(tg_sub(x, y)), after));
}

static tg_tensor_list logcumsumexp_call(const tg_value *v)
{
    return tgi_result(tg_logcumsumexp(v[0].as.tensor, v[1].as.integer));
}

const tg_op tgi_op_logcumsumexp = {
    .name = "logcumsumexp",
    .schema = "logcumsumexp(Tensor self, int dim) -> Tensor",
    .formula = "y_i = log(e^x_0 + .. + e^x_i) along dim",
    .gradient = "dx_i = e^x_i (g_i / e^y_i + g_(i+1) / e^y_(i+1) + ..)",
    .doc = "The logarithm of the running sum of exponentials.",
    .backward = logcumsumexp_backward,
    .call = logcumsumexp_call,
    .again = along_again,
    .samples = (const char *const[]){ SAMPLES("logcumsumexp"), "logcumsumexp(f(4, lo=800, hi=900), 0)", NULL },
    .corners = (const char *const[]){ "logcumsumexp(v(-inf, 1, 2), 0)", "logcumsumexp(v(1, nan, 2), 0)",
                                      "logcumsumexp(v(-inf, -inf), 0)", NULL },
    .errors = (const tg_error_sample[]){ { "logcumsumexp(f(2, 3), 2)", BAD_DIM },
                                         { "logcumsumexp(i(2, 3), 0)",
                                           "\"logcumsumexp_out_cpu\" not implemented for 'Long'" },
                                         { NULL, NULL } },
};

tg_tensor *tg_logcumsumexp_at(const char *where, tg_tensor *t, int64_t dim)
{
    const tg_op *op = &tgi_op_logcumsumexp;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    const direction along = { tgi_op_dim(op, tg_list(t), dim, t->ndim), false };
    if (along.dim < 0) return NULL;
    if (!tgi_is_floating(t)) return tgi_not_implemented(op, tg_list(t), "logcumsumexp_out_cpu", t->dtype);
    tg_tensor *y = result_of(op, &along, t, NULL);
    return y && tg_record(op, tg_list(t), tg_list(y), tg_list(t, y), &along, sizeof along) == TG_OK ? y : NULL;
}

/* ---- linear recurrences ---- */

/* With l_i = g_i + a_(i+1) l_(i+1), which is a recurrence that runs the other way: dterms = l, dfactors_i = l_i
 * y_(i-1). */
static void linear_recurrence_backward(tg_context *ctx)
{
    const direction *along = tg_attributes(ctx);
    tg_tensor *factors = tgi_shifted(tg_saved(ctx, 0), along->dim, !along->reverse, 0);
    tg_tensor *l = tgi_linear_recurrence(tg_grad_output(ctx, 0), factors, along->dim, !along->reverse);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, l);
    if (tg_needs_input_grad(ctx, 1))
        tg_set_grad_input(ctx, 1, tg_mul(l, tgi_shifted(tg_saved(ctx, 1), along->dim, along->reverse, 0)));
}

static tg_tensor_list linear_recurrence_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_linear_recurrence;
    tg_tensor *terms = v[0].as.tensor, *factors = v[1].as.tensor;
    if (!tg_op_begin(NULL, op, tg_list(terms, factors))) return tg_list_failed();
    const int dim = tgi_op_dim(op, tg_list(terms, factors), v[2].as.integer, terms->ndim);
    if (dim < 0) return tg_list_failed();
    if (!tgi_same_shape(terms, factors) || terms->dtype != factors->dtype || !tgi_is_floating(terms))
        return tgi_result(tg_op_fail(op, tg_list(terms, factors),
                                     "terms and factors must be floating tensors of the same shape and dtype"));
    return tgi_result(tgi_linear_recurrence(terms, factors, dim, v[3].as.boolean));
}

const tg_op tgi_op_linear_recurrence = {
    .name = "linear_recurrence",
    .schema = "linear_recurrence(Tensor terms, Tensor factors, int dim, bool reverse=False) -> Tensor",
    .formula = "y_i = terms_i + factors_i y_(i-1) along dim, or y_(i+1) if reverse",
    .gradient = "dterms_i = l_i = g_i + factors_(i+1) l_(i+1), dfactors_i = l_i y_(i-1)",
    .doc = "What the gradients of running products are made of; y is 0 beyond the ends.",
    .usage = "",
    .backward = linear_recurrence_backward,
    .call = linear_recurrence_call,
    .again = linear_recurrence_again,
    .samples =
        (const char *const[]){ "linear_recurrence(f(5), f(5), 0)", "linear_recurrence(f(2, 3), f(2, 3), 1)",
                               "linear_recurrence(f(3, 2), f(3, 2), 0, reverse=True)",
                               "linear_recurrence(f(2, 3, 2), f(2, 3, 2), -2, reverse=True)",
                               "linear_recurrence(f(), f(), 0)", "linear_recurrence(f(0, 3), f(0, 3), 0)", NULL },
    .errors = (const tg_error_sample[]){ { "linear_recurrence(f(2, 3), f(2, 3), 2)", BAD_DIM },
                                         { "linear_recurrence(f(2, 3), f(3), 0)", "of the same shape and dtype" },
                                         { NULL, NULL } },
};

tg_tensor *tgi_linear_recurrence(tg_tensor *terms, tg_tensor *factors, int dim, bool reverse)
{
    const tg_op *op = &tgi_op_linear_recurrence;
    const direction along = { dim, reverse };
    tg_tensor *y = terms && factors ? result_of(op, &along, factors, terms) : NULL;
    if (!y) return NULL;
    const tg_status status =
        tg_record(op, tg_list(terms, factors), tg_list(y), tg_list(factors, y), &along, sizeof along);
    return status == TG_OK ? y : NULL;
}
