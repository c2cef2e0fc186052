/* gather.c: elements picked by index tensors: gather, index_select, and what is made of them.
 *
 * The gradient of gather is scatter_add into zeros, that of index_select index_add; those two have the first two as
 * gradients in turn. An index never reaches a kernel's load unchecked. */
#include "ops/index.h"
#include "ops/base/call.h"
#include "index_impl.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- gather ---- */

static void gather_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_set_grad_input(ctx, 0,
                      tgi_scatter_add_zeros(tg_input_shape(ctx, 0), dim, tg_saved(ctx, 0), tg_grad_output(ctx, 0)));
}

static tg_tensor_list gather_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_gather(inputs.items[0], *(const int *)tg_node_attributes(node), inputs.items[1]));
}

static tg_tensor_list index_select_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_index_select(inputs.items[0], *(const int *)tg_node_attributes(node), inputs.items[1]));
}

static tg_tensor_list gather_call(const tg_value *v)
{
    return tgi_result(tg_gather(v[0].as.tensor, v[1].as.integer, v[2].as.tensor));
}

const tg_op tgi_op_gather = {
    .name = "gather",
    .schema = "gather(Tensor self, int dim, Tensor index) -> Tensor",
    .formula = "y[.., i, ..] = self[.., index[.., i, ..], ..]",
    .gradient = "dself = scatter_add(0, dim, index, g)",
    .doc = "elements picked along a dimension, for each place by an index of its own",
    .shapes = "[*, N, *] and index [*', M, *'] no larger than it but in dim, to index's",
    .backward = gather_backward,
    .call = gather_call,
    .again = gather_again,
    .samples =
        (const char *const[]){ "gather(f(3, 4), 1, i(3, 2, lo=0, hi=4))", "gather(f(3, 4), 0, i(5, 3, lo=0, hi=3))",
                               "gather(f(2, 3, 4), -2, i(2, 5, 3, lo=0, hi=3))", "gather(f(4), 0, i(6, lo=0, hi=4))",
                               "gather(f(2, 1, 3), 1, i(2, 4, 2, lo=0, hi=1))", "gather(f(), 0, i(lo=0, hi=1))",
                               "gather(f(3), 0, i(lo=0, hi=3))", "gather(f(), 0, i(2, lo=0, hi=1))",
                               "gather(f(0, 3), 0, i(0, 2))", "gather(f(3, 4), 1, i(3, 0))", "gather(f(3, 4), 1, i(0))",
                               "gather(i(3, 4), 1, i(3, 2, lo=0, hi=4))", "gather(b(3, 4), 0, i(2, 4, lo=0, hi=3))",
                               "gather(transpose(f(3, 4), 0, 1), 0, i(2, 3, lo=0, hi=4))", NULL },
    .corners = (const char *const[]){ "gather(v(nan, inf, -inf, -0.0), 0, i(7, lo=0, hi=4))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "gather(f(3, 4), 1, f(3, 2))", "gather(): Expected dtype int64 for index" },
            { "gather(f(3, 4), 1, i(3))", "Index tensor must have the same number of dimensions as input tensor" },
            { "gather(f(3, 4), 1, i(4, 2))", "Size does not match at dimension 0 expected index [4, 2] to be smaller "
                                             "than self [3, 4] apart from dimension 1" },
            { "gather(f(3, 4), 2, i(3, 2))", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "gather(f(3, 4), 1, i(3, 2, lo=4, hi=5))", "index 4 is out of bounds for dimension 1 with size 4" },
            { "gather(f(3, 4), 1, i(3, 2, lo=-1, hi=0))", "index -1 is out of bounds for dimension 1 with size 4" },
            { "gather(f(0, 3), 0, i(1, 3, lo=0, hi=1))", "index 0 is out of bounds for dimension 0 with size 0" },
            { NULL, NULL } },
};

static int dims_of(const tg_tensor *t) { return t->ndim ? t->ndim : 1; }

static bool gather_fits(tg_tensor *t, int dim, tg_tensor *index)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_op *op = &tgi_op_gather;
    if (index->dtype != TG_INT64) return tg_op_fail(op, tg_list(t, index), "gather(): Expected dtype int64 for index");
    if (index->numel == 0) return true;
    if (dims_of(t) != dims_of(index))
        return tg_op_fail(op, tg_list(t, index),
                          "Index tensor must have the same number of dimensions as input tensor");
    const tg_shape own = tgi_shape(t), other = tgi_shape(index);
    for (int d = 0; d < dims_of(t); d++)
        if (d != dim && tgi_size_along(index, d) > tgi_size_along(t, d))
            return tg_op_fail(op, tg_list(t, index),
                              "Size does not match at dimension %d expected index %s to be smaller than self %s apart "
                              "from dimension %d",
                              d, tg_shape_text(&other, a), tg_shape_text(&own, b), dim);
    return true;
}

tg_tensor *tg_gather_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index)
{
    const tg_op *op = &tgi_op_gather;
    if (!tg_op_begin(where, op, tg_list(t, index))) return NULL;
    const int d = tgi_op_dim(op, tg_list(t, index), dim, t->ndim);
    if (d < 0 || !gather_fits(t, d, index)) return NULL;
    const tg_shape shape = tgi_shape(index);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    if (!y) return NULL;
    const tgi_indexing work = { .loop = TGI_KERNELS(index)->gather[t->dtype],
                                .box = shape.ndim ? shape : tg_shape(1),
                                .dim = d,
                                .index = index,
                                .x = t,
                                .y = y };
    if (!tgi_index_run(&work))
        return tg_op_fail(op, tg_list(t, index),
                          "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64,
                          tgi_index_first_bad(index, 0, tgi_size_along(t, d)), d, tgi_size_along(t, d));
    return tg_record(op, tg_list(t, index), tg_list(y), tg_list(index), &d, sizeof d) == TG_OK ? y : NULL;
}

/* ---- index_select ---- */

static void index_select_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_set_grad_input(ctx, 0,
                      tgi_index_add_zeros(tg_input_shape(ctx, 0), dim, tg_saved(ctx, 0), tg_grad_output(ctx, 0)));
}

static tg_tensor_list index_select_call(const tg_value *v)
{
    return tgi_result(tg_index_select(v[0].as.tensor, v[1].as.integer, v[2].as.tensor));
}

const tg_op tgi_op_index_select = {
    .name = "index_select",
    .schema = "index_select(Tensor self, int dim, Tensor index) -> Tensor",
    .formula = "y[.., i, ..] = self[.., index[i], ..]",
    .gradient = "dself = index_add(0, dim, index, g)",
    .doc = "the entries of a dimension that a vector of indices names",
    .shapes = "[*, N, *] and index [M] to [*, M, *]",
    .backward = index_select_backward,
    .call = index_select_call,
    .again = index_select_again,
    .samples =
        (const char *const[]){
            "index_select(f(3, 4), 0, i(5, lo=0, hi=3))", "index_select(f(3, 4), 1, i(2, lo=0, hi=4))",
            "index_select(f(2, 3, 4), -2, i(4, lo=0, hi=3))", "index_select(f(4), 0, i(6, lo=0, hi=4))",
            "index_select(f(4), 0, i(lo=0, hi=4))", "index_select(f(), 0, i(1, lo=0, hi=1))",
            "index_select(f(), 0, i(lo=0, hi=1))", "index_select(f(3, 4), 0, i(0))", "index_select(f(3, 0), 1, i(0))",
            "index_select(i(3, 4), 0, i(2, lo=0, hi=3))", "index_select(b(3, 4), 1, i(2, lo=0, hi=4))",
            "index_select(transpose(f(3, 4), 0, 1), 0, i(3, lo=0, hi=4))", NULL },
    .corners = (const char *const[]){ "index_select(v(nan, inf, -inf, -0.0), 0, i(7, lo=0, hi=4))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "index_select(f(3, 4), 1, i(2, 2))", "index_select(): Index is supposed to be a vector" },
            { "index_select(f(3, 4), 1, f(2))", "index_select(): Expected dtype int32 or int64 for index" },
            { "index_select(f(3, 4), 0, i(2, lo=3, hi=4))", "index out of range in self" },
            { "index_select(f(3, 4), 1, i(2, lo=4, hi=5))", "INDICES element is out of DATA bounds, id=4 axis_dim=4" },
            { "index_select(f(3, 4), 1, i(2, lo=-1, hi=0))",
              "INDICES element is out of DATA bounds, id=-1 axis_dim=4" },
            { "index_select(f(3, 4), 2, i(2))",
              "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "index_select(f(0, 3), 0, i(2, lo=0, hi=1))",
              "index_select(): self indexing axis dim should be positive" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "index_select(f(), 0, i(2, lo=0, hi=1))",
                                               "index_select(): Index to scalar can have only 1 value, got 2" },
                                             { NULL, NULL } },
};

tg_tensor *tg_index_select_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index)
{
    const tg_op *op = &tgi_op_index_select;
    if (!tg_op_begin(where, op, tg_list(t, index))) return NULL;
    const tg_tensor_list inputs = tg_list(t, index);
    const int d = tgi_op_dim(op, inputs, dim, t->ndim);
    if (d < 0) return NULL;
    if (index->ndim > 1) return tg_op_fail(op, inputs, "index_select(): Index is supposed to be a vector");
    if (index->dtype != TG_INT64)
        return tg_op_fail(op, inputs, "index_select(): Expected dtype int32 or int64 for index");
    if (t->ndim == 0 && index->numel != 1)
        return tg_op_fail(op, inputs, "index_select(): Index to scalar can have only 1 value, got %" PRId64 " value(s)",
                          index->numel);
    const int64_t size = tgi_size_along(t, d);
    if (size == 0 && index->numel)
        return tg_op_fail(op, inputs, "index_select(): self indexing axis dim should be positive");
    tg_shape shape = tgi_shape(t);
    if (t->ndim) shape.dims[d] = index->numel;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    if (!y) return NULL;
    const tgi_indexing work = { .loop = TGI_KERNELS(index)->gather[t->dtype],
                                .vector = true,
                                .box = shape.ndim ? shape : tg_shape(1),
                                .dim = d,
                                .index = index,
                                .x = t,
                                .y = y };
    const bool ok = y->numel ? tgi_index_run(&work) : tgi_index_in_range(index, size);
    const bool first = d == 0 || t->ndim == 1;
    if (!ok)
        return tg_op_fail(op, inputs,
                          first ? "index out of range in self: %" PRId64 " of %" PRId64
                                : "INDICES element is out of DATA bounds, id=%" PRId64 " axis_dim=%" PRId64,
                          tgi_index_first_bad(index, 0, size), size);
    return tg_record(op, inputs, tg_list(y), tg_list(index), &d, sizeof d) == TG_OK ? y : NULL;
}

/* ---- take ---- */

static tg_tensor_list take_call(const tg_value *v) { return tgi_result(tg_take(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_take = {
    .name = "take",
    .schema = "take(Tensor self, Tensor index) -> Tensor",
    .formula = "y[..] = the elements of self in row-major order [index[..]]",
    .gradient = "dself = g added where index says",
    .doc = "elements of the flattened tensor; a negative index counts from the end",
    .shapes = "[*] and index [*'] to [*']",
    .composite = true,
    .call = take_call,
    .samples =
        (const char *const[]){ "take(f(3, 4), i(2, 5, lo=-12, hi=12))", "take(f(4), i(lo=0, hi=4))",
                               "take(f(), i(3, lo=-1, hi=1))", "take(transpose(f(2, 3), 0, 1), i(4, lo=0, hi=6))",
                               "take(f(0), i(0))", "take(i(5), i(3, lo=0, hi=5))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "take(f(3), f(2))", "take(): Expected a long tensor for index, but got Double" },
            { "take(f(3), i(2, lo=3, hi=4))", "out of range: tried to access index 3 on a tensor of 3 elements." },
            { "take(f(3), i(2, lo=-4, hi=-3))", "out of range: tried to access index -4 on a tensor of 3 elements." },
            { "take(f(0), i(2))", "take(): tried to take from an empty tensor" },
            { NULL, NULL } },
};

tg_tensor *tgi_index_wrapped(tg_tensor *index, int64_t size)
{
    const tg_shape flat = tg_shape(index->numel);
    tg_tensor *c = tgi_contiguous_raw(index), *y = c ? tgi_new(&flat, TG_INT64) : NULL;
    if (!y) return NULL;
    const int64_t *from = tgi_ptr(c);
    int64_t *to = tgi_ptr(y);
    for (int64_t i = 0; i < y->numel; i++) to[i] = from[i] < 0 ? from[i] + size : from[i];
    return y;
}

tg_tensor *tg_take_at(const char *where, tg_tensor *t, tg_tensor *index)
{
    const tg_op *op = &tgi_op_take;
    if (!tg_op_begin(where, op, tg_list(t, index))) return NULL;
    if (index->dtype != TG_INT64)
        return tg_op_fail(op, tg_list(t, index), "take(): Expected a long tensor for index, but got %s",
                          tgi_type_name(index));
    if (t->numel == 0 && index->numel)
        return tg_op_fail(op, tg_list(t, index), "take(): tried to take from an empty tensor");
    tg_tensor *flat = tgi_index_wrapped(index, t->numel);
    if (!flat) return NULL;
    if (!tgi_index_in_range(flat, t->numel))
        return tg_op_fail(op, tg_list(t, index),
                          "out of range: tried to access index %" PRId64 " on a tensor of %" PRId64 " elements.",
                          tgi_index_first_bad(index, -t->numel, t->numel), t->numel);
    tg_tensor *y = tg_gather(tg_reshape(t, tg_shape(-1)), 0, flat);
    return tgi_ordinary(tg_reshape(y, tgi_shape(index)), TG_NONE);
}

/* ---- take_along_dim ---- */

static tg_tensor_list take_along_dim_call(const tg_value *v)
{
    const int64_t dim = v[2].kind == TG_VALUE_NONE ? TG_NO_DIM : v[2].as.integer;
    return tgi_result(tg_take_along_dim(v[0].as.tensor, v[1].as.tensor, dim));
}

const tg_op tgi_op_take_along_dim = {
    .name = "take_along_dim",
    .schema = "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
    .formula = "y = gather(self, dim, indices), the other dimensions broadcast; without dim, of flattened tensors",
    .gradient = "dself = g added where indices says",
    .doc = "gather with broadcasting, for the indices that sorts and maxima give",
    .usage = "tg_take_along_dim(self, indices, dim)",
    .composite = true,
    .call = take_along_dim_call,
    .samples =
        (const char *const[]){
            "take_along_dim(f(3, 4), i(3, 2, lo=0, hi=4), 1)", "take_along_dim(f(1, 4), i(3, 2, lo=0, hi=4), 1)",
            "take_along_dim(f(3, 4), i(2, 1, lo=0, hi=3), -2)", "take_along_dim(f(3, 4), i(2, 3, lo=0, hi=12))",
            "take_along_dim(f(), i(1, lo=0, hi=1))", "take_along_dim(f(0, 3), i(0, 3), 0)", NULL },
    .errors = (const tg_error_sample[]){ { "take_along_dim(f(3, 4), i(3), 1)",
                                           "torch.take_along_dim(): input and indices should have the same number of "
                                           "dimensions, but got 2 dimensions for input, and 1 dimensions for indices" },
                                         { "take_along_dim(f(3, 4), f(3, 2), 1)",
                                           "torch.take_along_dim(): dtype of indices should be Long but got Double" },
                                         { "take_along_dim(f(3, 4), i(2, 2), 1)",
                                           "The size of tensor a (3) must match the size of tensor b (2) at "
                                           "non-singleton dimension 0" },
                                         { "take_along_dim(f(3, 4), i(3, 2, lo=4, hi=5), 1)",
                                           "index 4 is out of bounds for dimension 1 with size 4" },
                                         { "take_along_dim(f(3, 4), i(3, 2), 2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

tg_tensor *tg_take_along_dim_at(const char *where, tg_tensor *t, tg_tensor *indices, int64_t dim)
{
    const tg_op *op = &tgi_op_take_along_dim;
    const tg_tensor_list inputs = tg_list(t, indices);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (indices->dtype != TG_INT64)
        return tg_op_fail(op, inputs, "torch.take_along_dim(): dtype of indices should be Long but got %s",
                          tgi_type_name(indices));
    if (dim == TG_NO_DIM) return tg_gather(tg_reshape(t, tg_shape(-1)), 0, tg_reshape(indices, tg_shape(-1)));
    if (t->ndim != indices->ndim)
        return tg_op_fail(
            op, inputs,
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            "%d dimensions for input, and %d dimensions for indices",
            t->ndim, indices->ndim);
    const int d = tgi_op_dim(op, inputs, dim, t->ndim);
    if (d < 0) return NULL;
    tg_shape a = tgi_shape(t), b = tgi_shape(indices), own = a, other = b, common;
    if (t->ndim == 0) return tg_gather(t, 0, indices);
    a.dims[d] = b.dims[d] = 1;
    if (!tgi_broadcast(op, inputs, &a, &b, &common)) return NULL;
    const int64_t from = own.dims[d], count = other.dims[d];
    own = other = common;
    own.dims[d] = from;
    other.dims[d] = count;
    return tg_gather(tg_expand(t, own), d, tg_expand(indices, other));
}
