/* index_add.c: entries of a dimension, named by a vector of indices, added to, replaced or filled. In place as well.
 *
 * index_select is their gradients' way back. */
#include "ops/base/call.h"
#include "ops/create.h"
#include "ops/index.h"
#include "index_impl.h"
#include "ops/base/layout.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* ---- gradients ---- the attribute is the dimension */

static tg_tensor *selected(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *index = tg_saved(ctx, 0);
    if (g && g->ndim == 0) return tg_expand(g, tg_input_shape(ctx, 2)); /* however many indices there were */
    tg_tensor *y = tg_index_select(g, *(const int *)tg_attributes(ctx), index);
    return tg_reshape(y, tg_input_shape(ctx, 2)); /* a 0-d source, or one of a 0-d tensor */
}

static void index_add_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 0));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, selected(ctx));
}

static tg_tensor *without_filled(tg_context *ctx)
{
    return tg_index_fill(tg_grad_output(ctx, 0), *(const int *)tg_attributes(ctx), tg_saved(ctx, 0), 0);
}

static void index_copy_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, without_filled(ctx));
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, selected(ctx));
}

/* The indices, each once: an entry that was filled twice counts once. */
static tg_tensor *different(tg_tensor *index, int64_t size)
{
    tg_tensor *filled = tg_index_fill(tg_zeros(tg_shape(size), .dtype = TG_BOOL), 0, index, (bool)true);
    return tg_nonzero_tuple(filled).items[0];
}

static void index_fill_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, without_filled(ctx));
    if (!tg_needs_input_grad(ctx, 2)) return;
    const int dim = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *index = tg_saved(ctx, 0);
    if (g && index && g->ndim) g = tg_index_select(g, dim, different(index, g->dims[dim]));
    tg_set_grad_input(ctx, 2, index ? g : NULL); /* the engine sums it to one number */
}

/* ---- index_add ---- */

/* Without self it is zeros; alpha has gone into the source. */
static tg_tensor_list index_add_again(const tg_node *node, tg_tensor_list inputs)
{
    const int dim = *(const int *)tg_node_attributes(node);
    tg_tensor *self = inputs.items[0], *index = inputs.items[1], *source = inputs.items[2];
    if (self) return tgi_result(tg_index_add(self, dim, index, source));
    return tgi_result(tgi_index_add_zeros(tg_node_output_shape(node, 0), dim, index, source));
}

static tg_tensor_list index_add_call(const tg_value *v)
{
    return tgi_result(
        tg_index_add(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor, .alpha = v[4].as.real));
}

static tg_tensor_list index_add_in_place_call(const tg_value *v)
{
    return tgi_result(
        tg_index_add_(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor, .alpha = v[4].as.real));
}

const tg_op tgi_op_index_add = {
    .name = "index_add",
    .schema = "index_add(Tensor self, int dim, Tensor index, Tensor source, *, float alpha=1) -> Tensor",
    .formula = "y = self; y[.., index[i], ..] += alpha source[.., i, ..]",
    .gradient = "dself = g, dsource = alpha index_select(g, dim, index)",
    .doc = "a copy with the entries of source added to those that index names",
    .shapes = "[*, N, *], index [M] and source [*, M, *] to self's",
    .backward = index_add_backward,
    .call = index_add_call,
    .again = index_add_again,
    .samples =
        (const char *const[]){ "index_add(f(3, 4), 0, i(5, lo=0, hi=3), f(5, 4))",
                               "index_add(f(3, 4), 1, i(2, lo=0, hi=4), f(3, 2), alpha=-1.5)",
                               "index_add(f(2, 3, 4), -2, i(4, lo=0, hi=3), f(2, 4, 4), alpha=2)",
                               "index_add(f(4), 0, i(6, lo=0, hi=4), f(6))", "index_add(f(4), 0, i(lo=0, hi=4), f())",
                               "index_add(f(4), 0, i(1, lo=0, hi=4), f())", "index_add(f(4), 0, i(lo=0, hi=4), f(1))",
                               "index_add(f(), 0, i(1, lo=0, hi=1), f())", "index_add(f(), 0, i(2, lo=0, hi=1), f(2))",
                               "index_add(f(3, 4), 1, i(0), f(3, 0))",
                               "index_add(f(3, 0), 0, i(2, lo=0, hi=3), f(2, 0))",
                               "index_add(i(3, 4), 1, i(2, lo=0, hi=4), i(3, 2), alpha=3)",
                               "index_add(b(3, 4), 1, i(2, lo=0, hi=4), b(3, 2))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "index_add(f(3, 4), 1, i(2), f(3, 3))",
              "index_add_(): Number of indices (2) should be equal to source.size(dim): (3), for dim: 1" },
            { "index_add(f(3, 4), 1, i(2, lo=0, hi=4), f(2, 2))",
              "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0" },
            { "index_add(f(3, 4), 1, i(2), f(3))",
              "index_add_(): Indexing dim 1 is out of bounds of the source tensor with dim 1" },
            { "index_add(f(3, 4), 1, i(2, 2), f(3, 2))",
              "index_add_(): Index is supposed to be a vector, but got dim: 2 with type: Long and size: [2, 2]" },
            { "index_add(f(3, 4), 1, f(2), f(3, 2))",
              "index_add_(): Expected dtype int32/int64 for index but got: Double" },
            { "index_add(f(3, 4), 1, i(2), i(3, 2))",
              "index_add_(): self (Double) and source (Long) must have the same scalar type" },
            { "index_add(f(3, 4), 1, i(2, lo=4, hi=5), f(3, 2))", "index out of range in self" },
            { "index_add(f(3, 4), 0, i(2, lo=-1, hi=0), f(2, 4))", "index out of range in self" },
            { NULL, NULL } },
};

const tg_op tgi_op_index_add_ = {
    .name = "index_add_",
    .schema = "index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, float alpha=1) -> Tensor(a!)",
    .formula = "self[.., index[i], ..] += alpha source[.., i, ..]",
    .gradient = "dself = g, dsource = alpha index_select(g, dim, index)",
    .doc = "index_add in place",
    .backward = index_add_backward,
    .call = index_add_in_place_call,
    .in_place_of = &tgi_op_index_add,
};

/* Sizes but that of `dim` are the same. They are counted from the right, as those of slices are in PyTorch. */
static bool slices_agree(const tg_op *op, tg_tensor_list inputs, const tg_tensor *self, int dim,
                         const tg_tensor *source)
{
    for (int d = self->ndim - 1; d >= 0; d--) {
        if (d == dim || self->dims[d] == source->dims[d]) continue;
        return tg_op_fail(op, inputs,
                          "The size of tensor a (%" PRId64 ") must match the size of tensor b (%" PRId64
                          ") at non-singleton dimension %d",
                          self->dims[d], source->dims[d], d - (d > dim));
    }
    return true;
}

static bool index_add_fits(const tg_op *op, tg_tensor *self, int dim, tg_tensor *index, tg_tensor *source)
{
    const tg_tensor_list inputs = tg_list(self, index, source);
    char text[TG_SHAPE_TEXT];
    const tg_shape indices = tgi_shape(index);
    if (index->dtype != TG_INT64)
        return tg_op_fail(op, inputs, "index_add_(): Expected dtype int32/int64 for index but got: %s",
                          tgi_type_name(index));
    if (index->ndim > 1)
        return tg_op_fail(op, inputs,
                          "index_add_(): Index is supposed to be a vector, but got dim: %d with type: Long "
                          "and size: %s",
                          index->ndim, tg_shape_text(&indices, text));
    if (self->dtype != source->dtype)
        return tg_op_fail(op, inputs, "index_add_(): self (%s) and source (%s) must have the same scalar type",
                          tgi_type_name(self), tgi_type_name(source));
    if (dim != 0 && dim >= source->ndim)
        return tg_op_fail(op, inputs, "index_add_(): Indexing dim %d is out of bounds of the source tensor with dim %d",
                          dim, source->ndim);
    if (index->numel != tgi_size_along(source, dim))
        return tg_op_fail(op, inputs,
                          "index_add_(): Number of indices (%" PRId64 ") should be equal to source.size(dim): (%" PRId64
                          "), for dim: %d",
                          index->numel, tgi_size_along(source, dim), dim);
    const int ours = self->ndim ? self->ndim : 1, theirs = source->ndim ? source->ndim : 1;
    if (ours != theirs)
        return tg_op_fail(op, inputs, "source must have as many dimensions as self, %d, but got %d", self->ndim,
                          source->ndim);
    return ours == 1 || slices_agree(op, inputs, self, dim, source);
}

static void refuse_add(const tgi_index_write *w, int64_t bad, int64_t size)
{
    tg_op_fail(w->op, tg_list(w->self, w->index, w->x), "index out of range in self: %" PRId64 " of %" PRId64, bad,
               size);
}

static tg_tensor *index_add(const char *where, const tg_op *op, bool in_place, tg_tensor *t, int64_t dim,
                            tg_tensor *index, tg_tensor *source, double alpha)
{
    if (!tg_op_begin(where, op, tg_list(t, index, source))) return NULL;
    const int d = tgi_op_dim(op, tg_list(t, index, source), dim, t->ndim);
    if (d < 0 || !index_add_fits(op, t, d, index, source)) return NULL;
    if (!tgi_is_floating(t) && alpha != (double)(int64_t)alpha)
        return tg_op_fail(op, tg_list(t, index, source),
                          "For integral input tensors, argument alpha must not be a floating point number.");
    if (alpha != 1)
        source = tgi_is_floating(t) ? tg_mul(source, alpha) : tg_to(tg_mul(source, (int64_t)alpha), (tg_dtype)t->dtype);
    if (!source) return NULL;
    tgi_index_write w = { .op = op,
                          .kernel = TGI_SCATTER_ADD,
                          .in_place = in_place,
                          .vector = true,
                          .dim = d,
                          .self = t,
                          .index = index,
                          .x = source,
                          .refuse = refuse_add };
    return tgi_index_write_record(&w, tgi_index_write_run(&w), false);
}

tg_tensor *tg_index_add_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source,
                           tg_index_add_options options)
{
    return index_add(where, &tgi_op_index_add, false, t, dim, index, source, options.alpha);
}

tg_tensor *tg_index_add_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source,
                                    tg_index_add_options options)
{
    return index_add(where, &tgi_op_index_add_, true, t, dim, index, source, options.alpha);
}

/* The zeros are its own: no input of the node. */
tg_tensor *tgi_index_add_zeros(tg_shape shape, int dim, tg_tensor *index, tg_tensor *source)
{
    if (!index || !source) return NULL;
    tg_tensor *y = tgi_new_full(&shape, (tg_dtype)source->dtype, 0);
    if (!y) return NULL;
    tg_shape box = shape.ndim ? shape : tg_shape(1);
    box.dims[dim] = index->numel;
    const tgi_indexing work = { .loop = TGI_KERNELS(index)->scatter[TGI_SCATTER_ADD][y->dtype],
                                .scatter = true,
                                .vector = true,
                                .box = box,
                                .dim = dim,
                                .index = index,
                                .x = source,
                                .y = y };
    if (!tgi_index_run(&work))
        return tg_op_fail(&tgi_op_index_add, tg_list(index, source), "the index was changed since it was used");
    const tg_tensor_list inputs = tg_list(NULL, index, source);
    return tg_record(&tgi_op_index_add, inputs, tg_list(y), tg_list(index), &dim, sizeof dim) == TG_OK ? y : NULL;
}

/* ---- index_copy ---- */

/* Where an index comes twice, the gradient is PyTorch's, no derivative. */
static tg_tensor_list index_copy_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *self = inputs.items[0], *index = inputs.items[1];
    const int64_t size = tgi_size_along(self, *(const int *)tg_node_attributes(node));
    if (different(index, size)->numel != index->numel) return tg_list_failed();
    return tgi_index_write_again(node, inputs);
}

static tg_tensor_list index_copy_call(const tg_value *v)
{
    return tgi_result(tg_index_copy(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor));
}

static tg_tensor_list index_copy_in_place_call(const tg_value *v)
{
    return tgi_result(tg_index_copy_(v[0].as.tensor, v[1].as.integer, v[2].as.tensor, v[3].as.tensor));
}

const tg_op tgi_op_index_copy = {
    .name = "index_copy",
    .schema = "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
    .formula = "y = self; y[.., index[i], ..] = source[.., i, ..]",
    .gradient = "dself = index_fill(g, dim, index, 0), dsource = index_select(g, dim, index)",
    .doc = "a copy with the entries that index names replaced by those of source; the last one stays",
    .shapes = "[*, N, *], index [M] and source [*, M, *] to self's",
    .backward = index_copy_backward,
    .call = index_copy_call,
    .again = index_copy_again,
    .samples =
        (const char *const[]){ "index_copy(f(3, 4), 0, cat([i(1, lo=0, hi=2), i(1, lo=2, hi=3)]), f(2, 4))",
                               "index_copy(f(3, 4), 1, i(1, lo=0, hi=4), f(3, 1))",
                               "index_copy(f(2, 3, 4), -2, i(1, lo=0, hi=3), f(2, 1, 4))",
                               "index_copy(f(4), 0, i(lo=0, hi=4), f())", "index_copy(f(4), 0, i(1, lo=0, hi=4), f())",
                               "index_copy(f(4), 0, i(lo=0, hi=4), f(1))", "index_copy(f(), 0, i(1, lo=0, hi=1), f())",
                               "index_copy(f(), 0, i(1, lo=0, hi=1), f(1))", "index_copy(f(3, 4), 1, i(0), f(3, 0))",
                               "index_copy(i(3, 4), 1, i(2, lo=0, hi=4), i(3, 2))",
                               "index_copy(b(3, 4), 1, i(2, lo=0, hi=4), b(3, 2))", NULL },
    /* What was overwritten has a gradient in PyTorch. */
    .corners = (const char *const[]){ "index_copy(f(3, 4), 1, i(5, lo=0, hi=4), f(3, 5))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "index_copy(f(3, 4), 1, i(2), f(3, 3))",
              "index_copy_(): Number of indices (2) should be equal to source.size(dim) (3)" },
            { "index_copy(f(3, 4), 1, i(2), f(2, 2))",
              "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: 3 at "
              "dimension 1 and source slice shape: 2 at dimension 0." },
            { "index_copy(f(3, 4), 1, i(2), f(3))",
              "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
              "dimensionality (1), destination dimensionality (2)" },
            { "index_copy(f(3, 4), 1, i(2, 2), f(3, 2))", "index_copy_(): Index should have dimension 1 or 0 (got 2)" },
            { "index_copy(f(3, 4), 1, f(2), f(3, 2))",
              "index_copy_(): Expected a long tensor for index, but got Double" },
            { "index_copy(f(3, 4), 1, i(2), i(3, 2))",
              "index_copy_(): self and source expected to have the same dtype, but got (self) Double and (source) Long" },
            { "index_copy(f(3, 4), 1, i(2, lo=4, hi=5), f(3, 2))",
              "index_copy_(): index 4 is out of bounds for dimension 1 with size 4" },
            { "index_copy(f(3, 4), 1, i(2, lo=-1, hi=0), f(3, 2))",
              "index_copy_(): index -1 is out of bounds for dimension 1 with size 4" },
            { "index_copy(f(4), 0, i(2, lo=0, hi=4), f())",
              "index_copy_(): When source is scalar, index should have one element (got 2)" },
            { NULL, NULL } },
};

const tg_op tgi_op_index_copy_ = {
    .name = "index_copy_",
    .schema = "index_copy_(Tensor(a!) self, int dim, Tensor index, Tensor source) -> Tensor(a!)",
    .formula = "self[.., index[i], ..] = source[.., i, ..]",
    .gradient = "dself = index_fill(g, dim, index, 0), dsource = index_select(g, dim, index)",
    .doc = "index_copy in place",
    .backward = index_copy_backward,
    .call = index_copy_in_place_call,
    .in_place_of = &tgi_op_index_copy,
};

/* PyTorch names the slices whole: "3, 5". */
static const char *slice_text(const tg_tensor *t, int dim, char text[TG_SHAPE_TEXT])
{
    tg_shape slice = { 0, { 0 } };
    char all[TG_SHAPE_TEXT];
    for (int d = 0; d < t->ndim; d++)
        if (d != dim) slice.dims[slice.ndim++] = t->dims[d];
    tg_shape_text(&slice, all);
    const size_t n = strlen(all) - 2;
    memcpy(text, all + 1, n);
    text[n] = 0;
    return text;
}

static bool index_copy_fits(const tg_op *op, tg_tensor *self, int dim, tg_tensor *index, tg_tensor *source)
{
    const tg_tensor_list inputs = tg_list(self, index, source);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (index->ndim > 1)
        return tg_op_fail(op, inputs, "index_copy_(): Index should have dimension 1 or 0 (got %d)", index->ndim);
    if (source->ndim == 0 && index->numel != 1)
        return tg_op_fail(op, inputs,
                          "index_copy_(): When source is scalar, index should have one element (got %" PRId64 ")",
                          index->numel);
    if (source->ndim && self->ndim && source->ndim != self->ndim)
        return tg_op_fail(op, inputs,
                          "index_copy_(): When source and destination are not scalars, their dimensionality "
                          "must match. Source dimensionality (%d), destination dimensionality (%d)",
                          source->ndim, self->ndim);
    if (index->dtype != TG_INT64)
        return tg_op_fail(op, inputs, "index_copy_(): Expected a long tensor for index, but got %s",
                          tgi_type_name(index));
    if (self->dtype != source->dtype)
        return tg_op_fail(op, inputs,
                          "index_copy_(): self and source expected to have the same dtype, but got (self) %s "
                          "and (source) %s",
                          tgi_type_name(self), tgi_type_name(source));
    bool same = (self->ndim ? self->ndim : 1) == (source->ndim ? source->ndim : 1);
    for (int d = 0; same && d < self->ndim; d++)
        same = d == dim || source->ndim == 0 || self->dims[d] == source->dims[d];
    if (!same)
        return tg_op_fail(op, inputs,
                          "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
                          "slice shape: %s at dimension %d and source slice shape: %s at dimension 0.",
                          slice_text(self, dim, a), dim, slice_text(source, dim, b));
    if (index->numel != tgi_size_along(source, dim))
        return tg_op_fail(op, inputs,
                          "index_copy_(): Number of indices (%" PRId64 ") should be equal to source.size(dim) (%" PRId64
                          ")",
                          index->numel, tgi_size_along(source, dim));
    return true;
}

static void refuse_copy(const tgi_index_write *w, int64_t bad, int64_t size)
{
    tg_op_fail(w->op, tg_list(w->self, w->index, w->x),
               "index_copy_(): index %" PRId64 " is out of bounds for dimension %d with size %" PRId64, bad, w->dim,
               size);
}

static tg_tensor *index_copy(const char *where, const tg_op *op, bool in_place, tg_tensor *t, int64_t dim,
                             tg_tensor *index, tg_tensor *source)
{
    if (!tg_op_begin(where, op, tg_list(t, index, source))) return NULL;
    const int d = tgi_op_dim(op, tg_list(t, index, source), dim, t->ndim);
    if (d < 0 || !index_copy_fits(op, t, d, index, source)) return NULL;
    tgi_index_write w = { .op = op,
                          .kernel = TGI_SCATTER_SET,
                          .in_place = in_place,
                          .vector = true,
                          .dim = d,
                          .self = t,
                          .index = index,
                          .x = source,
                          .refuse = refuse_copy };
    return tgi_index_write_record(&w, tgi_index_write_run(&w), false);
}

tg_tensor *tg_index_copy_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source)
{
    return index_copy(where, &tgi_op_index_copy, false, t, dim, index, source);
}

tg_tensor *tg_index_copy_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_tensor *source)
{
    return index_copy(where, &tgi_op_index_copy_, true, t, dim, index, source);
}

/* ---- index_fill ---- */

static tg_tensor_list index_fill_call(const tg_value *v)
{
    return tgi_result(
        tg_index_fill_at(NULL, v[0].as.tensor, v[1].as.integer, v[2].as.tensor, tgi_value_operand(&v[3])));
}

static tg_tensor_list index_fill_in_place_call(const tg_value *v)
{
    return tgi_result(
        tg_index_fill_in_place_at(NULL, v[0].as.tensor, v[1].as.integer, v[2].as.tensor, tgi_value_operand(&v[3])));
}

const tg_op tgi_op_index_fill = {
    .name = "index_fill",
    .schema = "index_fill(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    .formula = "y = self; y[.., index[i], ..] = value",
    .gradient = "dself = index_fill(g, dim, index, 0), dvalue = sum(index_select(g, dim, index))",
    .doc = "a copy with the entries that index names filled; negative indices count from the end",
    .shapes = "[*, N, *] and index [M] to self's",
    .backward = index_fill_backward,
    .call = index_fill_call,
    .again = tgi_index_write_again,
    .samples =
        (const char *const[]){
            "index_fill(f(3, 4), 0, i(2, lo=-3, hi=3), 1.5)",
            "index_fill(f(3, 4), 1, cat([i(1, lo=0, hi=2), i(1, lo=-2, hi=0)]), f())",
            "index_fill(f(2, 3, 4), -2, i(1, lo=0, hi=3), f())", "index_fill(f(4), 0, i(lo=0, hi=4), 2)",
            "index_fill(f(), 0, i(1, lo=0, hi=1), 1.5)", "index_fill(f(3, 4), 1, i(6, lo=0, hi=4), f())",
            "index_fill(f(), 0, i(lo=0, hi=1), f())", "index_fill(f(3, 4), 1, i(0), 1.5)",
            "index_fill(i(3, 4), 1, i(2, lo=0, hi=4), 7)", "index_fill(b(3, 4), 1, i(2, lo=0, hi=4), True)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "index_fill(f(3, 4), 1, i(2, 2), 1.5)", "Index has to be a vector/scalar" },
            { "index_fill(f(3, 4), 1, f(2), 1.5)", "index_fill_(): Expected dtype int64 for index." },
            { "index_fill(f(3, 4), 1, i(2, lo=4, hi=5), 1.5)", "index 4 is out of bounds for dimension 1 with size 4" },
            { "index_fill(f(3, 4), 1, i(2, lo=-5, hi=-4), 1.5)",
              "index -5 is out of bounds for dimension 1 with size 4" },
            { "index_fill(f(3, 4), 1, i(2), f(2))",
              "index_fill_ only supports a 0-dimensional value tensor, but got tensor with 1 dimension(s)." },
            { NULL, NULL } },
    .traits = TG_CHOOSES,
};

const tg_op tgi_op_index_fill_ = {
    .name = "index_fill_",
    .schema = "index_fill_(Tensor(a!) self, int dim, Tensor index, Scalar value) -> Tensor(a!)",
    .formula = "self[.., index[i], ..] = value",
    .gradient = "dself = index_fill(g, dim, index, 0), dvalue = sum(index_select(g, dim, index))",
    .doc = "index_fill in place",
    .backward = index_fill_backward,
    .call = index_fill_in_place_call,
    .in_place_of = &tgi_op_index_fill,
};

static void refuse_fill(const tgi_index_write *w, int64_t bad, int64_t size)
{
    tg_op_fail(w->op, tg_list(w->self, w->index),
               "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64, bad < 0 ? bad - size : bad,
               w->dim, size); /* as it was given */
}

static tg_tensor *index_fill(const char *where, const tg_op *op, bool in_place, tg_tensor *t, int64_t dim,
                             tg_tensor *index, tg_operand value)
{
    const bool tensor = value.kind == TG_OPERAND_TENSOR;
    const tg_tensor_list inputs = tensor ? tg_list(t, index, value.as.tensor) : tg_list(t, index);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    const int d = tgi_op_dim(op, inputs, dim, t->ndim);
    if (d < 0) return NULL;
    if (tensor && value.as.tensor->ndim)
        return tg_op_fail(
            op, inputs, "index_fill_ only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).",
            value.as.tensor->ndim);
    if (index->dtype != TG_INT64) return tg_op_fail(op, inputs, "index_fill_(): Expected dtype int64 for index.");
    if (index->ndim > 1) return tg_op_fail(op, inputs, "Index has to be a vector/scalar");
    tg_tensor *wrapped = tgi_index_wrapped(index, tgi_size_along(t, d)),
              *x = tgi_value_to(op, inputs, value, (tg_dtype)t->dtype);
    if (!wrapped || !x) return NULL;
    tgi_index_write w = { .op = op,
                          .kernel = TGI_SCATTER_SET,
                          .in_place = in_place,
                          .vector = true,
                          .dim = d,
                          .self = t,
                          .index = wrapped,
                          .x = x,
                          .refuse = refuse_fill };
    return tgi_index_write_record(&w, tgi_index_write_run(&w), !tensor);
}

tg_tensor *tg_index_fill_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand value)
{
    return index_fill(where, &tgi_op_index_fill, false, t, dim, index, value);
}

tg_tensor *tg_index_fill_in_place_at(const char *where, tg_tensor *t, int64_t dim, tg_tensor *index, tg_operand value)
{
    return index_fill(where, &tgi_op_index_fill_, true, t, dim, index, value);
}
