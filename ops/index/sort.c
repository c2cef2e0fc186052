/* sort.c: elements in order along a dimension: sort, argsort, msort, topk, kthvalue.
 *
 * The kernel sorts contiguous rows, so another dimension than the last one is turned to the end first, by the tiled
 * copies of iterate.c, and the results are turned back. The gradient goes to where the values came from, which is
 * gather's; nothing here differentiates an order. */
#include "sort_impl.h"

#include "ops/base/call.h"
#include "index_impl.h"
#include "ops/base/parallel.h"
#include "ops/base/iterate.h"
#include "ops/view.h"

#include <string.h>

enum { TASK = 1 << 12, PARALLEL = 1 << 14 }; /* elements in one task; from which on several threads pay */

/* ---- rows ---- */

typedef struct job {
    const char *from;
    int dtype;
    bool descending;
    int64_t size; /* of an element */
    int64_t rows, n, count, run;
    int64_t *indices;
    char *values;
} job;

static void pick(const job *j, const char *from, const int64_t *indices, char *values)
{
    if (j->size == 4)
        for (int64_t i = 0; i < j->count; i++) memcpy(values + 4 * i, from + 4 * indices[i], 4);
    else if (j->size == 8)
        for (int64_t i = 0; i < j->count; i++) memcpy(values + 8 * i, from + 8 * indices[i], 8);
    else
        for (int64_t i = 0; i < j->count; i++) values[i] = from[indices[i]];
}

static void run_task(const void *work, int64_t task)
{
    const job *j = work;
    const int64_t end = (task + 1) * j->run < j->rows ? (task + 1) * j->run : j->rows;
    for (int64_t r = task * j->run; r < end; r++) {
        const char *from = j->from + r * j->n * j->size;
        int64_t *indices = j->indices + r * j->count;
        tgi_sort_order(&(tgi_sort_row){ j->dtype, j->descending, j->n, from }, j->count, indices);
        if (j->values) pick(j, from, indices, j->values + r * j->count * j->size);
    }
}

void tgi_sort_rows(const tg_tensor *from, int64_t rows, int64_t n, int64_t count, bool descending, int64_t *indices,
                   void *values)
{
    if (rows == 0 || count == 0) return;
    job j = { tgi_ptr(from), from->dtype, descending, (int64_t)tgi_element_size(from), rows, n, count, 1,
              indices,       values };
    j.run = n < TASK ? TASK / n : 1;
    tgi_run_tasks(rows * n >= PARALLEL, tgi_pieces(rows, j.run), run_task, &j);
}

/* ---- any dimension ---- */

/* A view of `t` with dimension `dim` at the end. */
static tg_tensor *turned(tg_tensor *t, int dim)
{
    tgi_layout l = tgi_layout_of(t);
    const int64_t size = l.dims[dim], stride = l.strides[dim];
    for (int d = dim; d + 1 < l.ndim; d++) {
        l.dims[d] = l.dims[d + 1];
        l.strides[d] = l.strides[d + 1];
    }
    l.dims[l.ndim - 1] = size;
    l.strides[l.ndim - 1] = stride;
    return tgi_new_view(t, l.ndim, l.dims, l.strides, l.offset);
}

/* y = the contiguous `rows`, whose last dimension is y's dimension `dim`. */
static bool turn_back(tg_tensor *y, int dim, tg_tensor *rows)
{
    tg_tensor *to = tgi_own(turned(y, dim)), *from = NULL;
    int64_t strides[TG_MAX_DIMS];
    if (to) {
        const tg_shape shape = tgi_shape(to);
        tg_shape_strides(&shape, strides);
        from = tgi_own(tgi_new_view(rows, shape.ndim, shape.dims, strides, 0));
    }
    if (from) tgi_copy_raw(to, from);
    const bool ok = from != NULL;
    tgi_unref(from);
    tgi_unref(to);
    return ok;
}

/* The same of another dimension than the last. */
static bool in_order_turned(tg_tensor *t, int dim, int64_t count, bool descending, const tg_values_indices *y)
{
    const tg_shape flat = tg_shape(y->values->numel);
    tg_tensor *view = tgi_own(turned(t, dim)), *from = view ? tgi_own_contiguous(view) : NULL;
    tg_tensor *values = tgi_own(tgi_new(&flat, (tg_dtype)t->dtype)), *indices = tgi_own(tgi_new(&flat, TG_INT64));
    bool ok = from && values && indices;
    if (ok) {
        const int64_t n = t->dims[dim];
        tgi_sort_rows(from, t->numel / n, n, count, descending, tgi_ptr(indices), tgi_ptr(values));
        ok = turn_back(y->values, dim, values) && turn_back(y->indices, dim, indices);
    }
    tgi_unref(indices);
    tgi_unref(values);
    tgi_unref(from);
    tgi_unref(view);
    return ok;
}

static bool in_order_last(tg_tensor *t, int64_t n, int64_t count, bool descending, const tg_values_indices *y)
{
    tg_tensor *from = tgi_own_contiguous(t);
    if (!from) return false;
    tgi_sort_rows(from, t->numel / n, n, count, descending, tgi_ptr(y->indices), tgi_ptr(y->values));
    tgi_unref(from);
    return true;
}

/* The first `count` along `dim` in order, values of t's dtype and indices. Raw. Both NULL on failure. */
static tg_values_indices in_order(tg_tensor *t, int dim, int64_t count, bool descending)
{
    const tg_values_indices none = { NULL, NULL };
    const int64_t n = tgi_size_along(t, dim);
    tg_shape shape = tgi_shape(t);
    if (t->ndim) shape.dims[dim] = count;
    const tg_values_indices y = { tgi_new(&shape, (tg_dtype)t->dtype), tgi_new(&shape, TG_INT64) };
    if (!y.values || !y.indices) return none;
    if (y.values->numel == 0) return y;
    const bool last = dim + 1 >= t->ndim;
    const bool ok = last ? in_order_last(t, n, count, descending, &y) : in_order_turned(t, dim, count, descending, &y);
    return ok ? y : none;
}

/* ---- the gradient: to where the values came from ---- */

typedef struct attributes {
    int dim;
    bool removed; /* the dimension is gone from the results */
    bool descending;
    int64_t k; /* of topk and kthvalue */
} attributes;

static void values_backward(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *indices = tg_saved(ctx, 0);
    if (a->removed && g && indices) {
        g = tg_unsqueeze(g, a->dim);
        indices = tg_unsqueeze(indices, a->dim);
    }
    tg_set_grad_input(ctx, 0, tgi_scatter_add_zeros(tg_input_shape(ctx, 0), a->dim, indices, g));
}

static tg_values_indices record(const tg_op *op, tg_tensor *t, tg_values_indices y, attributes a)
{
    if (!y.values || tg_record(op, tg_list(t), tg_list(y.values, y.indices), tg_list(y.indices), &a, sizeof a) != TG_OK)
        return (tg_values_indices){ NULL, NULL };
    return y;
}

static tg_tensor_list sort_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    return tgi_both(tg_sort(inputs.items[0], .dim = a->dim, .descending = a->descending));
}

static tg_tensor_list topk_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    return tgi_both(tg_topk(inputs.items[0], a->k, .dim = a->dim, .largest = a->descending));
}

static tg_tensor_list kthvalue_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    return tgi_both(tg_kthvalue(inputs.items[0], a->k, .dim = a->dim, .keepdim = !a->removed));
}

/* ---- sort ---- */

static tg_sort_options sort_options_of(const tg_value *v)
{
    return (tg_sort_options){ .dim = v[1].as.integer, .descending = v[2].as.boolean, .stable = v[3].as.boolean };
}

static tg_tensor_list sort_call(const tg_value *v)
{
    return tgi_both(tg_sort_at(TG_HERE, v[0].as.tensor, sort_options_of(v)));
}

const tg_op tgi_op_sort = {
    .name = "sort",
    .schema =
        "sort(Tensor self, int dim=-1, bool descending=False, *, bool stable=False) -> (Tensor values, Tensor indices)",
    .formula = "values = self in ascending order along dim = gather(self, dim, indices)",
    .gradient = "dself = scatter_add(0, dim, indices, g)",
    .doc = "Elements in order; equal ones keep theirs. NaN is larger than everything else.",
    .shapes = "any, to two of the same",
    .backward = values_backward,
    .kinks = "equal elements: the gradient follows the order found",
    .call = sort_call,
    .again = sort_again,
    .samples = (const char *const[]){ "sort(f(5))", "sort(f(2, 3))", "sort(f(3, 4), dim=0)",
                                      "sort(f(2, 5, 3), dim=-2, descending=True)", "sort(f())", "sort(f(0, 3))",
                                      "sort(f(3, 0), dim=0)", "sort(f(70), descending=True)", "sort(i(3, 4), dim=0)",
                                      "sort(b(5), descending=True)", "sort(f(2, 1), dim=1)", NULL },
    .corners = (const char *const[]){ "sort(v(1, nan, -inf, 0.0, -0.0, inf, 1, nan, 2))",
                                      "sort(v(1, nan, -inf, 0.0, -0.0, inf, 1, nan, 2), descending=True)",
                                      "sort(f(80, step=1), stable=True, dim=0)",
                                      "sort(f(4, 60, step=1), dim=1, descending=True, stable=True)", NULL },
    .errors = (const tg_error_sample[]){ { "sort(f(2, 3), dim=2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

tg_values_indices tg_sort_at(const char *where, tg_tensor *t, tg_sort_options options)
{
    const tg_values_indices none = { NULL, NULL };
    if (!tg_op_begin(where, &tgi_op_sort, tg_list(t))) return none;
    const int dim = tgi_op_dim(&tgi_op_sort, tg_list(t), options.dim, t->ndim);
    if (dim < 0) return none;
    const tg_values_indices y = in_order(t, dim, tgi_size_along(t, dim), options.descending);
    return record(&tgi_op_sort, t, y, (attributes){ .dim = dim, .descending = options.descending });
}

/* ---- argsort, msort ---- */

static tg_tensor_list argsort_call(const tg_value *v)
{
    return tgi_result(tg_argsort_at(TG_HERE, v[0].as.tensor, sort_options_of(v)));
}

const tg_op tgi_op_argsort = {
    .name = "argsort",
    .schema = "argsort(Tensor self, int dim=-1, bool descending=False, *, bool stable=False) -> Tensor",
    .formula = "y = the indices that sort self along dim",
    .gradient = "none: the result is integer",
    .doc = "The indices of sort.",
    .call = argsort_call,
    .samples = (const char *const[]){ "argsort(f(5))", "argsort(f(3, 4), dim=0, descending=True)", "argsort(f())",
                                      "argsort(i(2, 0))", NULL },
    .corners = (const char *const[]){ "argsort(v(1, nan, -inf, 0.0, -0.0, inf))", NULL },
    .errors = (const tg_error_sample[]){ { "argsort(f(2, 3), dim=2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

tg_tensor *tg_argsort_at(const char *where, tg_tensor *t, tg_sort_options options)
{
    if (!tg_op_begin(where, &tgi_op_argsort, tg_list(t))) return NULL;
    const int dim = tgi_op_dim(&tgi_op_argsort, tg_list(t), options.dim, t->ndim);
    return dim < 0 ? NULL : in_order(t, dim, tgi_size_along(t, dim), options.descending).indices;
}

static tg_tensor_list msort_call(const tg_value *v) { return tgi_result(tg_msort(v[0].as.tensor)); }

const tg_op tgi_op_msort = {
    .name = "msort",
    .schema = "msort(Tensor self) -> Tensor",
    .formula = "y = self in ascending order along dimension 0",
    .gradient = "dself = scatter_add(0, 0, indices, g)",
    .doc = "The values of sort along the first dimension.",
    .composite = true,
    .call = msort_call,
    .samples = (const char *const[]){ "msort(f(4, 2))", "msort(f())", "msort(i(3))", NULL },
    .errors = (const tg_error_sample[]){ { NULL, NULL } },
};

tg_tensor *tg_msort_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_msort, tg_list(t))) return NULL;
    return tg_sort(t, .dim = 0).values;
}

/* ---- topk ---- */

static tg_tensor_list topk_call(const tg_value *v)
{
    const tg_topk_options o = { .dim = v[2].as.integer, .largest = v[3].as.boolean, .sorted = v[4].as.boolean };
    return tgi_both(tg_topk_at(TG_HERE, v[0].as.tensor, v[1].as.integer, o));
}

const tg_op tgi_op_topk = {
    .name = "topk",
    .schema =
        "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
    .formula = "values = the k largest of self along dim = gather(self, dim, indices)",
    .gradient = "dself = scatter_add(0, dim, indices, g)",
    .doc = "The k largest elements, or smallest, in order.",
    .shapes = "[*, N, *] to two of [*, k, *]",
    .backward = values_backward,
    .kinks = "equal elements: the gradient goes to those found",
    .call = topk_call,
    .again = topk_again,
    .samples = (const char *const[]){ "topk(f(6), 2)", "topk(f(3, 5), 3, 1, False)", "topk(f(5, 3), 2, dim=0)",
                                      "topk(f(2, 4), 4)", "topk(f(2, 4), 0)", "topk(f(), 1)", "topk(f(), 0)",
                                      "topk(f(400), 5)", "topk(f(2, 300), 20, largest=False)",
                                      "topk(i(7, lo=-90, hi=90), 2)", NULL },
    .corners = (const char *const[]){ "topk(v(1, nan, -inf, inf, 2), 3)",
                                      "topk(v(1, nan, -inf, inf, 2), 3, largest=False)", NULL },
    .errors = (const tg_error_sample[]){ { "topk(f(2, 3), 4)", "selected index k out of range" },
                                         { "topk(f(2, 3), -1)", "selected index k out of range" },
                                         { "topk(f(2, 3), 1, 2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { "topk(b(3), 1)", "\"topk_cpu\" not implemented for 'Bool'" },
                                         { NULL, NULL } },
};

tg_values_indices tg_topk_at(const char *where, tg_tensor *t, int64_t k, tg_topk_options options)
{
    const tg_values_indices none = { NULL, NULL };
    if (!tg_op_begin(where, &tgi_op_topk, tg_list(t))) return none;
    const int dim = tgi_op_dim(&tgi_op_topk, tg_list(t), options.dim, t->ndim);
    if (dim < 0) return none;
    if (t->ndim == 0 && k == 0) k = 1; /* a result of no dimension has one element, as in PyTorch */
    if (k < 0 || k > (tgi_size_along(t, dim))) {
        tg_op_fail(&tgi_op_topk, tg_list(t), "selected index k out of range");
        return none;
    }
    if (t->dtype == TG_BOOL) {
        tg_op_fail(&tgi_op_topk, tg_list(t), "\"topk_cpu\" not implemented for 'Bool'");
        return none;
    }
    const attributes a = { .dim = dim, .descending = options.largest, .k = k };
    return record(&tgi_op_topk, t, in_order(t, dim, k, options.largest), a);
}

/* ---- kthvalue ---- */

static tg_tensor_list kthvalue_call(const tg_value *v)
{
    const tg_kthvalue_options o = { .dim = v[2].as.integer, .keepdim = v[3].as.boolean };
    return tgi_both(tg_kthvalue_at(TG_HERE, v[0].as.tensor, v[1].as.integer, o));
}

const tg_op tgi_op_kthvalue = {
    .name = "kthvalue",
    .schema = "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .formula = "values = the k-th smallest of self along dim, counted from 1",
    .gradient = "dself = scatter_add(0, dim, indices, g)",
    .doc = "The k-th smallest element and its index.",
    .shapes = "[*, N, *] to two of [*, *]",
    .backward = values_backward,
    .kinks = "equal elements: the gradient goes to the one found",
    .call = kthvalue_call,
    .again = kthvalue_again,
    .samples = (const char *const[]){ "kthvalue(f(6), 2)", "kthvalue(f(3, 5), 3, 0)", "kthvalue(f(3, 5), 5, -1, True)",
                                      "kthvalue(f(), 1)", "kthvalue(f(2, 0), 1, 0)", "kthvalue(i(7, lo=-90, hi=90), 2)",
                                      "kthvalue(f(3, 2, 2), 2, 1, keepdim=True)", NULL },
    .corners =
        (const char *const[]){ "kthvalue(v(1, nan, -inf, inf, 2), 4)", "kthvalue(v(1, nan, -inf, inf, 2), 5)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "kthvalue(f(3), 0)", "kthvalue(): selected number k out of range for dimension 0" },
            { "kthvalue(f(3), 4)", "kthvalue(): selected number k out of range for dimension 0" },
            { "kthvalue(f(0), 1)", "kthvalue(): Expected reduction dim 0 to have non-zero size." },
            { "kthvalue(f(2, 3), 1, 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "kthvalue(b(3), 1)", "\"kthvalue_cpu\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

/* The last along `dim` of what in_order gave. */
static tg_tensor *last_along(tg_tensor *t, int dim, bool keepdim)
{
    if (!t || t->ndim == 0) return t;
    tgi_layout l = tgi_layout_of(t);
    if (keepdim)
        tgi_layout_slice(&l, dim, t->dims[dim] - 1, 1, 1);
    else
        tgi_layout_select(&l, dim, t->dims[dim] - 1);
    tg_tensor *view = tgi_new_view(t, l.ndim, l.dims, l.strides, l.offset);
    tg_tensor *copy = view ? tgi_new_like(view, (tg_dtype)t->dtype) : NULL;
    if (copy) tgi_copy_raw(copy, view);
    return copy;
}

tg_values_indices tg_kthvalue_at(const char *where, tg_tensor *t, int64_t k, tg_kthvalue_options options)
{
    const tg_values_indices none = { NULL, NULL };
    if (!tg_op_begin(where, &tgi_op_kthvalue, tg_list(t))) return none;
    const int dim = tgi_op_dim(&tgi_op_kthvalue, tg_list(t), options.dim, t->ndim);
    if (dim < 0) return none;
    const int64_t n = tgi_size_along(t, dim);
    if (n == 0)
        tg_op_fail(&tgi_op_kthvalue, tg_list(t), "kthvalue(): Expected reduction dim %d to have non-zero size.", dim);
    else if (k < 1 || k > n)
        tg_op_fail(&tgi_op_kthvalue, tg_list(t), "kthvalue(): selected number k out of range for dimension %d", dim);
    else if (t->dtype == TG_BOOL)
        tg_op_fail(&tgi_op_kthvalue, tg_list(t), "\"kthvalue_cpu\" not implemented for 'Bool'");
    else {
        const tg_values_indices all = in_order(t, dim, k, false);
        const tg_values_indices y = { last_along(all.values, dim, options.keepdim),
                                      last_along(all.indices, dim, options.keepdim) };
        const bool removed = !options.keepdim && t->ndim > 0;
        return y.indices ? record(&tgi_op_kthvalue, t, y, (attributes){ .dim = dim, .removed = removed, .k = k })
                         : none;
    }
    return none;
}
