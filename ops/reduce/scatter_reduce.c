/* scatter_reduce.c: scatter, and scatter with a reduction: sum, prod, mean, amax, amin. Each has the other in it: scatter
 * may multiply, and gradients of reductions are scattered.
 *
 * The gradient of a product is that of a polynomial: the product of the other factors, whatever is 0 among them, to any
 * order. That of an extremum is shared equally by all that attain it; what does not count, self without include_self,
 * has no share. */
#include "ops/base/call.h"
#include "ops/extremes.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/index/index_impl.h"
#include "ops/pointwise.h"
#include "scan_impl.h"
#include "ops/scatter.h"
#include "ops/sort.h"
#include "ops/view.h"

#include <math.h>
#include <string.h>

typedef enum reduction { SUM, PROD, MEAN, AMAX, AMIN, REDUCTIONS } reduction;

static const char *const names[REDUCTIONS] = { "sum", "prod", "mean", "amax", "amin" };

/* `dim` first: what scatter's own backward reads. */
typedef struct attributes {
    int dim;
    reduction reduce;
    bool include_self;
} attributes;

/* ---- gradients of the reductions ---- every one in ops */

/* One, where nothing that counts is: no division by zero there. */
static tg_tensor *counts(const attributes *a, tg_tensor *g, tg_tensor *index)
{
    tg_tensor *n = a->include_self ? tg_ones_like(g) : tg_zeros_like(g);
    tg_tensor *ones = index && g ? tg_ones(tgi_shape(index), .dtype = (tg_dtype)g->dtype) : NULL;
    n = tg_scatter_add(n, a->dim, index, ones);
    return tg_where(tg_eq(n, 0), 1.0, n);
}

static void mean_backward(tg_context *ctx, const attributes *a, tg_tensor *g, tg_tensor *index)
{
    tg_tensor *n = counts(a, g, index);
    if (tg_needs_input_grad(ctx, 0)) {
        tg_tensor *d = tg_div(g, n);
        tg_set_grad_input(ctx, 0, a->include_self ? d : tg_scatter(d, a->dim, index, 0));
    }
    if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, tg_div(tg_gather(g, a->dim, index), tg_gather(n, a->dim, index)));
}

/* For each src the product of what else goes where it goes, without a division: sorted by place, the factors of a product
 * stand side by side, and what stands before and behind each are running products that start anew at each place. */
static tg_tensor *product_of_others(const attributes *a, tg_tensor *self, tg_tensor *index, tg_tensor *src)
{
    const int dim = a->dim;
    if (!self || !index || !src) return NULL;
    const tg_dtype dtype = (tg_dtype)src->dtype;
    tg_tensor *order = tg_argsort(index, .dim = dim);
    tg_tensor *place = tg_gather(index, dim, order), *factor = tg_gather(src, dim, order);
    tg_tensor *first = tg_ne(place, tgi_shifted(place, dim, false, -1));
    tg_tensor *last = tg_ne(place, tgi_shifted(place, dim, true, -1));
    tg_tensor *start = a->include_self ? tg_where(first, tg_gather(self, dim, place), 0.0) : tg_to(first, dtype);
    tg_tensor *earlier = tg_where(first, 0.0, tgi_shifted(factor, dim, false, 1));
    tg_tensor *later = tg_where(last, 0.0, tgi_shifted(factor, dim, true, 1));
    tg_tensor *before = tgi_linear_recurrence(start, earlier, dim, false);
    tg_tensor *after = tgi_linear_recurrence(tg_to(last, dtype), later, dim, true);
    tg_tensor *others = tg_mul(before, after);
    return others ? tg_scatter(tg_zeros_like(others), dim, order, others) : NULL;
}

static void prod_backward(tg_context *ctx, const attributes *a, tg_tensor *g, tg_tensor *index)
{
    tg_tensor *self = tg_saved(ctx, 1), *src = tg_saved(ctx, 2);
    if (tg_needs_input_grad(ctx, 0) && !a->include_self)
        tg_set_grad_input(ctx, 0, tg_scatter(g, a->dim, index, 0));
    else if (tg_needs_input_grad(ctx, 0)) {
        tg_tensor *ones = self ? tg_ones_like(self) : NULL;
        tg_set_grad_input(ctx, 0, tg_mul(g, tg_scatter_reduce(ones, a->dim, index, src, "prod")));
    }
    if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, tg_mul(tg_gather(g, a->dim, index), product_of_others(a, self, index, src)));
}

/* By division, where that is as good. */
static void prod_backward_fused(tg_context *ctx, const attributes *a, tg_tensor *g, tg_tensor *index)
{
    tg_tensor *self = tg_saved(ctx, 1), *src = tg_saved(ctx, 2), *y = tg_saved(ctx, 3);
    if (!y || !tgi_products_divide(y)) {
        prod_backward(ctx, a, g, index);
        return;
    }
    if (tg_needs_input_grad(ctx, 0))
        tg_set_grad_input(ctx, 0, a->include_self ? tg_mul(g, tg_div(y, self)) : tg_scatter(g, a->dim, index, 0));
    if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, tg_mul(tg_gather(g, a->dim, index), tg_div(tg_gather(y, a->dim, index), src)));
}

static void extremum_backward(tg_context *ctx, const attributes *a, tg_tensor *g, tg_tensor *index)
{
    tg_tensor *self = tg_saved(ctx, 1), *src = tg_saved(ctx, 2), *y = tg_saved(ctx, 3);
    if (!g || !self || !src || !y) return tg_set_grad_input(ctx, tg_needs_input_grad(ctx, 0) ? 0 : 2, NULL);
    tg_tensor *self_attains = tg_to(tg_eq(self, y), (tg_dtype)g->dtype);
    if (!a->include_self) self_attains = tg_scatter(self_attains, a->dim, index, 0);
    tg_tensor *src_attains = tg_to(tg_eq(src, tg_gather(y, a->dim, index)), (tg_dtype)g->dtype);
    tg_tensor *shared = tg_div(g, tg_scatter_add(self_attains, a->dim, index, src_attains));
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_mul(self_attains, shared));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_mul(src_attains, tg_gather(shared, a->dim, index)));
}

static void sum_backward(tg_context *ctx, const attributes *a, tg_tensor *g, tg_tensor *index)
{
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, a->include_self ? g : tg_scatter(g, a->dim, index, 0));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_gather(g, a->dim, index));
}

typedef void (*gradient)(tg_context *ctx, const attributes *a, tg_tensor *g, tg_tensor *index);

static void scatter_reduce_backward(tg_context *ctx)
{
    static const gradient by[REDUCTIONS] = { sum_backward, prod_backward, mean_backward, extremum_backward,
                                             extremum_backward };
    const attributes *a = tg_attributes(ctx);
    by[a->reduce](ctx, a, tg_grad_output(ctx, 0), tg_saved(ctx, 0));
}

static void scatter_reduce_backward_fused(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    if (a->reduce == PROD)
        prod_backward_fused(ctx, a, tg_grad_output(ctx, 0), tg_saved(ctx, 0));
    else
        scatter_reduce_backward(ctx);
}

/* ---- scatter_reduce ---- */

static tg_tensor_list scatter_reduce_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    return tgi_result(tg_scatter_reduce(inputs.items[0], a->dim, inputs.items[1], inputs.items[2], names[a->reduce],
                                        .include_self = a->include_self));
}

static tg_tensor_list scatter_reduce_call(const tg_value *v)
{
    return tgi_result(tg_scatter_reduce(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor, v[4].as.string,
                                        .include_self = v[5].as.boolean));
}

static tg_tensor_list scatter_reduce_in_place_call(const tg_value *v)
{
    return tgi_result(tg_scatter_reduce_(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor,
                                         v[4].as.string, .include_self = v[5].as.boolean));
}

const tg_op tgi_op_scatter_reduce = {
    .name = "scatter_reduce",
    .schema =
        "scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> "
        "Tensor",
    .formula = "y[j] = the sum (prod, mean, amax, amin) of self[j] and all src[i] with index[i] = j; without self[j] "
               "unless include_self",
    .gradient = "sum: dself = g, dsrc = gather(g); mean: the same over the number of terms; prod: the product of the "
                "others; amax, amin: shared equally by those that attain it",
    .doc = "a copy with elements of src combined where index says; where nothing goes, self stays",
    .shapes = "[*, N, *], index [*', M, *'] and src no smaller than index, to self's",
    .kinks = "amax, amin: where several attain the extremum each gets an equal share",
    .backward = scatter_reduce_backward,
    .backward_fused = scatter_reduce_backward_fused,
    .call = scatter_reduce_call,
    .again = scatter_reduce_again,
    .samples =
        (const char *const[]){
            "scatter_reduce(f(3, 4), 1, i(3, 5, lo=0, hi=4), f(3, 5), 'sum')",
            "scatter_reduce(f(3, 4), 1, i(3, 5, lo=0, hi=4), f(3, 5), 'prod')",
            "scatter_reduce(f(3, 4), 1, i(3, 5, lo=0, hi=4), f(3, 5), 'mean')",
            "scatter_reduce(f(3, 4), 1, i(3, 5, lo=0, hi=4), f(3, 5), 'amax')",
            "scatter_reduce(f(3, 4), 1, i(3, 5, lo=0, hi=4), f(3, 5), 'amin')",
            "scatter_reduce(f(3, 4), 0, i(5, 4, lo=0, hi=3), f(5, 4), 'sum', include_self=False)",
            "scatter_reduce(f(3, 4), 0, i(5, 4, lo=0, hi=3), f(5, 4), 'prod', include_self=False)",
            "scatter_reduce(f(3, 4), 0, i(5, 4, lo=0, hi=3), f(5, 4), 'mean', include_self=False)",
            "scatter_reduce(f(3, 4), 0, i(5, 4, lo=0, hi=3), f(5, 4), 'amax', include_self=False)",
            "scatter_reduce(f(3, 4), 0, i(5, 4, lo=0, hi=3), f(5, 4), 'amin', include_self=False)",
            "scatter_reduce(f(2, 2, 3), -1, i(2, 2, 4, lo=0, hi=3), f(2, 2, 4), 'prod')",
            "scatter_reduce(f(), 0, i(lo=0, hi=1), f(), 'prod')",
            "scatter_reduce(f(3), 0, i(0), f(0), 'mean', include_self=False)",
            "scatter_reduce(f(3), 0, i(0), f(0), 'prod')",
            "scatter_reduce(f(), 0, i(lo=0, hi=1), f(), 'prod', include_self=False)",
            "scatter_reduce(v(0, 1, 0), 0, i(6, lo=0, hi=2), v(2, 0, 3, 0, 4, 5), 'prod')",
            "scatter_reduce(v(0, 1, 0), 0, i(6, lo=0, hi=2), v(2, 0, 3, 0, 4, 0), 'prod', include_self=False)",
            "scatter_reduce(i(3, 4), 1, i(3, 5, lo=0, hi=4), i(3, 5, lo=-9, hi=9), 'mean')",
            "scatter_reduce(i(3, 4), 1, i(3, 5, lo=0, hi=4), i(3, 5), 'prod', include_self=False)",
            "scatter_reduce(i(3, 4), 1, i(3, 5, lo=0, hi=4), i(3, 5, lo=-9, hi=9), 'amax', include_self=False)",
            "scatter_reduce(b(3, 4), 1, i(3, 2, lo=0, hi=4), b(3, 2), 'sum')",
            "scatter_reduce(b(3, 4), 1, i(3, 2, lo=0, hi=4), b(3, 2), 'amin')",
            NULL },
    .corners =
        (const char *const[]){
            "scatter_reduce(f(3, 4, step=1), 1, i(3, 5, lo=0, hi=4), f(3, 5, step=1), 'amax')",
            "scatter_reduce(f(3, 4, step=1), 1, i(3, 5, lo=0, hi=4), f(3, 5, step=1), 'amin', include_self=False)",
            "scatter_reduce(f(3, 4, step=1), 1, i(3, 5, lo=0, hi=4), f(3, 5, step=1), 'prod')",
            "scatter_reduce(f(3, 4, step=1), 1, i(3, 5, lo=0, hi=4), f(3, 5, step=1), 'prod', include_self=False)",
            "scatter_reduce(v(1, nan, -inf, -0.0), 0, i(6, lo=0, hi=4), v(nan, inf, -0.0, 1, 2, 3), 'amax')",
            "scatter_reduce(v(1, nan, -inf, -0.0), 0, i(6, lo=0, hi=4), v(nan, inf, -0.0, 1, 2, 3), 'amin')", NULL },
    .errors =
        (const tg_error_sample[]){
            { "scatter_reduce(f(3, 4), 1, i(3, 2), f(3, 2), 'zap')",
              "reduce argument must be either sum, prod, mean, amax or amin." },
            { "scatter_reduce(f(3, 4), 1, i(3, 2), f(3, 1), 'sum')",
              "Expected index [3, 2] to be smaller than self [3, 4] apart from dimension 1 and to be smaller size than "
              "src [3, 1]" },
            { "scatter_reduce(f(3, 4), 1, i(3, 2, lo=0, hi=1), i(3, 2), 'sum')",
              "scatter(): Expected self.dtype to be equal to src.dtype" },
            { "scatter_reduce(f(3, 4), 1, i(3, 2, lo=4, hi=5), f(3, 2), 'sum')",
              "index 4 is out of bounds for dimension 1 with size 4" },
            { "scatter_reduce(b(3, 4), 1, i(3, 2, lo=0, hi=4), b(3, 2), 'mean')",
              "\"scatter_gather_tensor_cpu_reduce_mean\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

const tg_op tgi_op_scatter_reduce_ = {
    .name = "scatter_reduce_",
    .schema =
        "scatter_reduce_(Tensor(a!) self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) "
        "-> Tensor(a!)",
    .formula = "self = scatter_reduce(self, dim, index, src, reduce)",
    .gradient = "as that of scatter_reduce",
    .doc = "scatter_reduce in place",
    .backward = tgi_write_result_backward,
    .call = scatter_reduce_in_place_call,
    .in_place_of = &tgi_op_scatter_reduce,
};

/* self with what is written to replaced by the number that changes nothing. */
static tg_tensor *without_self(tg_tensor *self, int dim, tg_tensor *index, reduction reduce)
{
    const tg_shape scalar = tg_shape();
    const tg_dtype dtype = (tg_dtype)self->dtype;
    const double largest = tg_dtype_is_floating(dtype) ? (double)INFINITY : dtype == TG_BOOL ? 1 : 0;
    const double neutral[REDUCTIONS] = { 0, 1, 0, dtype == TG_BOOL ? 0 : -largest, largest };
    tg_tensor *value = tgi_new_full(&scalar, dtype, neutral[reduce]);
    if (!value) return NULL;
    if (dtype == TG_INT64 && reduce >= AMAX) *(int64_t *)tgi_ptr(value) = reduce == AMAX ? INT64_MIN : INT64_MAX;
    tgi_index_write w = { .op = &tgi_op_scatter_reduce,
                          .kernel = TGI_SCATTER_SET,
                          .dim = dim,
                          .self = self,
                          .index = index,
                          .x = value,
                          .refuse = tgi_scatter_refuse };
    return tgi_index_write_run(&w);
}

/* y, new and contiguous, divided by how many went there; integers are rounded down. */
static bool divide(const attributes *a, tg_tensor *y, tg_tensor *index)
{
    const tg_shape shape = tgi_shape(y), scalar = tg_shape();
    tg_tensor *n = tgi_own(tgi_new_full(&shape, TG_INT64, a->include_self)), *one = tgi_new_full(&scalar, TG_INT64, 1);
    const tgi_indexing work = { .loop = TGI_KERNELS(index)->scatter[TGI_SCATTER_ADD][TG_INT64],
                                .scatter = true,
                                .box = index->ndim ? tgi_shape(index) : tg_shape(1),
                                .dim = a->dim,
                                .index = index,
                                .x = one,
                                .y = n };
    const bool ok = n && one && tgi_index_run(&work);
    const int64_t *count = ok ? tgi_ptr(n) : NULL;
    void *data = tgi_ptr(y);
    for (int64_t i = 0; ok && i < y->numel; i++) {
        const int64_t terms = count[i] > 1 ? count[i] : 1; /* no jump, which nobody could foresee */
        int64_t *integer = (int64_t *)data + i;
        if (y->dtype == TG_FLOAT32)
            ((float *)data)[i] /= (float)terms;
        else if (y->dtype == TG_FLOAT64)
            ((double *)data)[i] /= (double)terms;
        else
            *integer = *integer / terms - (*integer % terms < 0);
    }
    tgi_unref(n);
    return ok;
}

static bool read_reduction(const char *name, reduction *reduce)
{
    for (*reduce = SUM; *reduce < REDUCTIONS; ++*reduce)
        if (name && strcmp(name, names[*reduce]) == 0) return true;
    return false;
}

tg_tensor *tg_scatter_reduce_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src,
                                const char *reduce, tg_scatter_reduce_options options)
{
    static const int kernels[REDUCTIONS] = { TGI_SCATTER_ADD, TGI_SCATTER_MUL, TGI_SCATTER_ADD, TGI_SCATTER_MAX,
                                             TGI_SCATTER_MIN };
    const tg_op *op = &tgi_op_scatter_reduce;
    if (!tg_op_begin(where, op, tg_list(t, index, src))) return NULL;
    attributes a = { .include_self = options.include_self };
    if (!read_reduction(reduce, &a.reduce))
        return tg_op_fail(op, tg_list(t, index, src), "reduce argument must be either sum, prod, mean, amax or amin.");
    a.dim = tgi_scatter_dim(op, t, dim, index, src);
    if (a.dim < 0) return NULL;
    if (a.reduce == MEAN && t->dtype == TG_BOOL)
        return tg_op_fail(op, tg_list(t, index, src),
                          "\"scatter_gather_tensor_cpu_reduce_mean\" not implemented for 'Bool'");
    src = tgi_scatter_cut(src, index);
    tg_tensor *from = src && !options.include_self ? without_self(t, a.dim, index, a.reduce) : t;
    if (!src || !from) return NULL;
    tgi_index_write w = { .op = op,
                          .kernel = kernels[a.reduce],
                          .dim = a.dim,
                          .self = from,
                          .index = index,
                          .x = src,
                          .refuse = tgi_scatter_refuse };
    tg_tensor *y = tgi_index_write_run(&w);
    if (!y || (a.reduce == MEAN && !divide(&a, y, index))) return NULL;
    const bool values = a.reduce == PROD || a.reduce == AMAX || a.reduce == AMIN;
    tg_tensor *const saved[] = { index, t, src, y };
    return tg_record(op, tg_list(t, index, src), tg_list(y), tg_list_of(saved, values ? 4 : 1), &a, sizeof a) == TG_OK
               ? y
               : NULL;
}

/* The old value may have to be saved, so it is a copy that is reduced into. */
tg_tensor *tg_scatter_reduce_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *src,
                                         const char *reduce, tg_scatter_reduce_options options)
{
    const tg_op *op = &tgi_op_scatter_reduce_;
    if (!tg_op_begin(where, op, tg_list(t, index, src))) return NULL;
    tg_tensor *old = tg_will_record(tg_list(t, src)) ? tg_clone(t) : t;
    return tgi_write_result(op, t, tg_scatter_reduce_at(NULL, old, dim, index, src, reduce, options));
}

/* ---- scatter ---- */

static void scatter_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *index = tg_saved(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_scatter(g, dim, index, 0));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, tg_gather(g, dim, index));
}

static tg_scatter_options scatter_options(const tg_value *v)
{
    return (tg_scatter_options){ .reduce = v->kind == TG_VALUE_STRING ? v->as.string : NULL };
}

/* Where an index comes twice, the gradient is PyTorch's, no derivative. */
static tg_tensor_list scatter_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *index = inputs.items[1], *ones = tg_ones(tgi_shape(index));
    const int dim = *(const int *)tg_node_attributes(node);
    tg_tensor *times = tgi_scatter_add_zeros(tg_node_output_shape(node, 0), dim, index, ones);
    if (!times || (times->numel && tg_item(tg_max(times)) > 1)) return tg_list_failed();
    return tgi_index_write_again(node, inputs);
}

static tg_tensor_list scatter_call(const tg_value *v)
{
    return tgi_result(tg_scatter_at(NULL, v[0].as.tensor, v[1].as.integer, v[2].as.tensor, tgi_value_operand(&v[3]),
                                    scatter_options(&v[4])));
}

static tg_tensor_list scatter_in_place_call(const tg_value *v)
{
    return tgi_result(tg_scatter_in_place_at(NULL, v[0].as.tensor, v[1].as.integer, v[2].as.tensor,
                                             tgi_value_operand(&v[3]), scatter_options(&v[4])));
}

const tg_op tgi_op_scatter = {
    .name = "scatter",
    .schema = "scatter(Tensor self, int dim, Tensor index, Scalar src, *, str? reduce=None) -> Tensor",
    .formula = "y = self; y[.., index[.., i, ..], ..] = src[.., i, ..], added or multiplied if reduce says so",
    .gradient = "dself = scatter(g, dim, index, 0), dsrc = gather(g, dim, index); with reduce those of scatter_reduce",
    .doc = "a copy with elements of src, or a number, where index says; of several that go to one place the last stays",
    .shapes = "[*, N, *], index [*', M, *'] and src no smaller than index, to self's",
    .backward = scatter_backward,
    .call = scatter_call,
    .again = scatter_again,
    .samples =
        (const char *const[]){
            "scatter(f(3, 4), 1, i(3, 1, lo=0, hi=4), f(3, 1))",
            "scatter(f(3, 4), -1, cat([i(3, 1, lo=0, hi=2), i(3, 1, lo=2, hi=4)], 1), f(3, 3))",
            "scatter(f(2, 3, 4), 1, i(2, 1, 2, lo=0, hi=3), f(2, 2, 3))", "scatter(f(4), 0, i(1, lo=0, hi=4), f(2))",
            "scatter(f(3, 4), 1, i(3, 2, lo=0, hi=4), 1.5)", "scatter(f(3, 4), 0, i(2, 4, lo=0, hi=3), 2)",
            "scatter(f(), 0, i(lo=0, hi=1), f())", "scatter(f(3), 0, i(lo=0, hi=3), f())",
            "scatter(f(3, 4), 1, i(0), f(3, 2))", "scatter(f(3, 4), 1, i(3, 0), f(3, 2))",
            "scatter(f(0, 4), 1, i(0, 2), f(0, 2))", "scatter(i(3, 4), 1, i(3, 2, lo=0, hi=4), 7)",
            "scatter(b(3, 4), 0, i(1, 4, lo=0, hi=3), b(1, 4))",
            "scatter(f(3, 4, grad=False), 1, i(3, 3, lo=0, hi=4), f(3, 3, grad=False), reduce='add')",
            "scatter(f(3, 4, grad=False), 1, i(3, 3, lo=0, hi=4), f(3, 3, grad=False), reduce='multiply')",
            "scatter(f(3, 4, grad=False), 1, i(3, 3, lo=0, hi=4), 1.5, reduce='multiply')",
            "scatter(f(3, 4, grad=False), 1, i(3, 3, lo=0, hi=4), 1.5, reduce='add')", NULL },
    /* What was overwritten has a gradient in PyTorch. */
    .corners = (const char *const[]){ "scatter(f(3, 4), 1, i(3, 4, lo=0, hi=2), f(3, 4))",
                                      "scatter(f(3, 4), 0, i(5, 4, lo=0, hi=2), f(6, 4))",
                                      "scatter(v(1, nan, -inf, -0.0), 0, i(2, lo=0, hi=4), v(nan, inf))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "scatter(f(3, 4), 1, i(3, 2), f(3, 1))",
              "Expected index [3, 2] to be smaller than self [3, 4] apart from "
              "dimension 1 and to be smaller size than src [3, 1]" },
            { "scatter(f(3, 4), 1, i(4, 2), f(4, 2))",
              "Expected index [4, 2] to be smaller than self [3, 4] apart from "
              "dimension 1 and to be smaller size than src [4, 2]" },
            { "scatter(f(3, 4), 1, i(3, 2, lo=0, hi=1), i(3, 2))",
              "scatter(): Expected self.dtype to be equal to src.dtype" },
            { "scatter(f(3, 4), 1, i(3), f(3))",
              "Index tensor must have the same number of dimensions as self tensor" },
            { "scatter(f(3, 4), 1, i(3, 2, lo=4, hi=5), f(3, 2))",
              "index 4 is out of bounds for dimension 1 with size 4" },
            { "scatter(f(3, 4), 1, i(3, 2, lo=-1, hi=0), 1.5)",
              "index -1 is out of bounds for dimension 1 with size 4" },
            { "scatter(f(3, 4), 1, f(3, 2), 1.5)", "scatter(): Expected dtype int64 for index" },
            { "scatter(f(3, 4), 1, i(3, 2), 1.5, reduce='mean')", "reduce argument must be either add or multiply." },
            { "scatter(f(3, 4), 2, i(3, 2), f(3, 2))",
              "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
    .traits = TG_CHOOSES,
};

const tg_op tgi_op_scatter_ = {
    .name = "scatter_",
    .schema = "scatter_(Tensor(a!) self, int dim, Tensor index, Scalar src, *, str? reduce=None) -> Tensor(a!)",
    .formula = "self[.., index[.., i, ..], ..] = src[.., i, ..], added or multiplied if reduce says so",
    .gradient = "as that of scatter",
    .doc = "scatter in place",
    .backward = scatter_backward,
    .call = scatter_in_place_call,
    .in_place_of = &tgi_op_scatter,
};

/* With reduce it is another op, whose gradients it has. */
static tg_tensor *reduced(bool in_place, tg_tensor *self, int dim, tg_tensor *index, tg_tensor *src, const char *reduce)
{
    const bool add = strcmp(reduce, "add") == 0;
    if (!add && strcmp(reduce, "multiply") != 0)
        return tg_op_fail(&tgi_op_scatter, tg_list(self, index), "reduce argument must be either add or multiply.");
    if (src->ndim == 0) src = tg_expand(src, tgi_shape(index));
    if (add) return in_place ? tg_scatter_add_(self, dim, index, src) : tg_scatter_add(self, dim, index, src);
    return in_place ? tg_scatter_reduce_(self, dim, index, src, "prod")
                    : tg_scatter_reduce(self, dim, index, src, "prod");
}

static tg_tensor *scatter(const char *where, const tg_op *op, bool in_place, tg_tensor *t, int64_t dim,
                          tg_tensor *index, tg_operand src, const char *reduce)
{
    const bool tensor = src.kind == TG_OPERAND_TENSOR;
    if (!tg_op_begin(where, op, tensor ? tg_list(t, index, src.as.tensor) : tg_list(t, index))) return NULL;
    const int d = tgi_scatter_dim(op, t, dim, index, tensor ? src.as.tensor : NULL);
    tg_tensor *x = d < 0 ? NULL : tgi_value_to(op, tg_list(t, index), src, (tg_dtype)t->dtype);
    if (!x) return NULL;
    if (reduce) return reduced(in_place, t, d, index, x, reduce);
    return tgi_scatter_run(op, TGI_SCATTER_SET, in_place, t, d, index, x);
}

tg_tensor *tg_scatter_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand src,
                         tg_scatter_options options)
{
    return scatter(where, &tgi_op_scatter, false, t, dim, index, src, options.reduce);
}

tg_tensor *tg_scatter_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand src,
                                  tg_scatter_options options)
{
    return scatter(where, &tgi_op_scatter_, true, t, dim, index, src, options.reduce);
}
