/* join.c: cat and stack, and the ops that undo them.
 *
 * split, chunk and unbind make views and record one node with as many outputs, so that backward is one cat or stack and
 * not a sum of zero-filled pieces. */
#include "join.h"
#include "../core/error.h"
#include "call.h"
#include "iterate.h"
#include "layout.h"
#include "view.h"

#include <inttypes.h>

/* ---- cat ---- */

/* PyTorch lets an empty 1-D tensor of shape (0,) join anything. */
static bool skipped(const tg_tensor *t) { return t->ndim == 1 && t->dims[0] == 0; }

static void cat_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    const int64_t *lengths = (const int64_t *)tg_attributes(ctx) + 1;
    int64_t start = 0;
    for (int i = 0; i < tg_input_count(ctx); start += lengths[i++])
        if (tg_needs_input_grad(ctx, i) && lengths[i]) tg_set_grad_input(ctx, i, tg_narrow(g, dim, start, lengths[i]));
}

static tg_tensor_list cat_call(const tg_value *v) { return tgi_result(tg_cat(v[0].as.tensors, v[1].as.integer)); }

static const tg_op op_cat = {
    .name = "cat",
    .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor",
    .formula = "y = the tensors one after another along dimension dim",
    .gradient = "dtensors[i] = the part of g that came from it",
    .doc = "joins tensors along an existing dimension",
    .backward = cat_backward,
    .call = cat_call,
    .samples = (const char *const[]){ "cat([f(2, 3), f(2, 1)], 1)", "cat([f(1, 2), f(3, 2), f(0, 2)])", "cat([f(2, 3, 2), f(2, 3, 1)], -1)",
                                      "cat([f(0), f(2, 3)], 1)", "cat([f(3)])", "cat([f(2), i(2)])", NULL },
    .errors = (const tg_error_sample[]){
        { "cat([f(2, 3), f(2, 4)], 0)",
          "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the list." },
        { "cat([f(2, 3), f(2)], 0)", "Tensors must have same number of dimensions: got 2 and 1" },
        { "cat([f(2), f(2)], 1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
        { "cat([f(), f()], 0)", "zero-dimensional tensor (at position 0) cannot be concatenated" },
        { "cat([], 0)", "expected a non-empty list of Tensors" },
        { NULL, NULL } },
};

/* Checks tensor `i` against the first real one and adds its length to the result's. */
static bool cat_add(tg_tensor_list tensors, int64_t i, const tg_tensor *first, int dim, tg_shape *shape)
{
    const tg_tensor *t = tensors.items[i];
    if (skipped(t)) return true;
    if (t->ndim != first->ndim)
        return tg_op_fail(&op_cat, tensors, "Tensors must have same number of dimensions: got %d and %d", first->ndim, t->ndim);
    for (int d = 0; d < t->ndim; d++) {
        if (d == dim || t->dims[d] == first->dims[d]) continue;
        return tg_op_fail(&op_cat, tensors,
                          "Sizes of tensors must match except in dimension %d. Expected size %" PRId64 " but got size %" PRId64
                          " for tensor number %" PRId64 " in the list.", dim, first->dims[d], t->dims[d], i);
    }
    shape->dims[dim] += t->dims[dim];
    return true;
}

/* The result's shape and dtype. `*dim` comes back counted from the front. */
static bool cat_shape(tg_tensor_list tensors, int64_t *dim, tg_shape *shape, tg_dtype *dtype)
{
    const tg_tensor *first = tensors.items[0];
    *dtype = (tg_dtype)first->dtype;
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_tensor *t = tensors.items[i];
        if (t->ndim == 0)
            return tg_op_fail(&op_cat, tensors, "zero-dimensional tensor (at position %" PRId64 ") cannot be concatenated", i);
        if (skipped(first)) first = t;
        *dtype = tg_promote_types(*dtype, (tg_dtype)t->dtype);
    }
    *dim = tgi_op_dim(&op_cat, tensors, *dim, first->ndim);
    if (*dim < 0) return false;
    *shape = tgi_shape(first);
    shape->dims[*dim] = 0;
    for (int64_t i = 0; i < tensors.count; i++)
        if (!cat_add(tensors, i, first, (int)*dim, shape)) return false;
    return true;
}

/* Copies the tensors into `y` and remembers how long each is. */
static bool cat_copy(tg_tensor *y, tg_tensor *const *tensors, int64_t count, int dim, int64_t *lengths)
{
    int64_t start = 0;
    for (int64_t i = 0; i < count; i++) {
        lengths[i] = skipped(tensors[i]) && y->ndim != 1 ? 0 : tensors[i]->dims[dim];
        if (lengths[i] == 0) continue;
        tgi_layout part = tgi_layout_of(y);
        tgi_layout_slice(&part, dim, start, lengths[i], 1);
        if (tgi_copy_part(y, &part, tensors[i]) != TG_OK) return false;
        start += lengths[i];
    }
    return true;
}

tg_tensor *tg_cat_at(const char *where, tg_tensor_list tensors, int64_t dim)
{
    tg_shape shape;
    tg_dtype dtype;
    if (!tg_op_begin(where, &op_cat, tensors)) return NULL;
    if (tensors.count == 0) return tg_failed() ? NULL : tg_op_fail(&op_cat, tensors, "expected a non-empty list of Tensors");
    if (!cat_shape(tensors, &dim, &shape, &dtype)) return NULL;
    tg_tensor *y = tgi_new(&shape, dtype);
    tg_tensor **converted = tg_list_new(tensors.count);   /* of the common dtype, so that gradients come back in each one's own */
    const size_t size = ((size_t)tensors.count + 1) * sizeof(int64_t);
    int64_t *attributes = (int64_t *)tg_list_new(tensors.count + 1);
    if (!y || !converted || !attributes) return NULL;
    *(int *)attributes = (int)dim;
    for (int64_t i = 0; i < tensors.count; i++)
        if (!(converted[i] = tg_to(tensors.items[i], dtype))) return NULL;
    if (!cat_copy(y, converted, tensors.count, (int)dim, attributes + 1)) return NULL;
    const tg_status recorded = tg_record(&op_cat, tg_list_of(converted, tensors.count), tg_list(y), TG_NONE, attributes, size);
    return recorded == TG_OK ? y : NULL;
}

/* ---- stack ---- */

static void stack_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    for (int i = 0; i < tg_input_count(ctx); i++)
        if (tg_needs_input_grad(ctx, i)) tg_set_grad_input(ctx, i, tg_select(g, dim, i));
}

static tg_tensor_list stack_call(const tg_value *v) { return tgi_result(tg_stack(v[0].as.tensors, v[1].as.integer)); }

static const tg_op op_stack = {
    .name = "stack",
    .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor",
    .formula = "y[.., i, ..] = tensors[i]",
    .gradient = "dtensors[i] = select(g, dim, i)",
    .doc = "joins tensors of one shape along a new dimension",
    .backward = stack_backward,
    .call = stack_call,
    .samples = (const char *const[]){ "stack([f(2, 3), f(2, 3)], 1)", "stack([f(), f(), f()])", "stack([f(2)], -1)", "stack([f(0, 2), f(0, 2)], 2)",
                                      "stack([f(2), i(2)])", NULL },
    .errors = (const tg_error_sample[]){
        { "stack([f(2, 3), f(2, 4)])", "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [2, 4] at entry 1" },
        { "stack([f(2), f(2)], 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
        { "stack([])", "stack expects a non-empty TensorList" },
        { NULL, NULL } },
};

static bool stack_shape(tg_tensor_list tensors, int64_t *dim, tg_shape *shape, tg_dtype *dtype)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape first = tgi_shape(tensors.items[0]);
    *dtype = (tg_dtype)tensors.items[0]->dtype;
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_shape own = tgi_shape(tensors.items[i]);
        if (!tg_shape_equal(&own, &first))
            return tg_op_fail(&op_stack, tensors, "stack expects each tensor to be equal size, but got %s at entry 0 and %s at entry %" PRId64,
                              tg_shape_text(&first, a), tg_shape_text(&own, b), i);
        *dtype = tg_promote_types(*dtype, (tg_dtype)tensors.items[i]->dtype);
    }
    *dim = tgi_op_dim(&op_stack, tensors, *dim, first.ndim + 1);
    if (*dim < 0 || !tgi_op_can_grow(&op_stack, tensors, first.ndim)) return false;
    *shape = first;
    for (int d = shape->ndim++; d > *dim; d--) shape->dims[d] = shape->dims[d - 1];
    shape->dims[*dim] = tensors.count;
    return true;
}

tg_tensor *tg_stack_at(const char *where, tg_tensor_list tensors, int64_t dim)
{
    tg_shape shape;
    tg_dtype dtype;
    if (!tg_op_begin(where, &op_stack, tensors)) return NULL;
    if (tensors.count == 0) return tg_failed() ? NULL : tg_op_fail(&op_stack, tensors, "stack expects a non-empty TensorList");
    if (!stack_shape(tensors, &dim, &shape, &dtype)) return NULL;
    tg_tensor *y = tgi_new(&shape, dtype);
    tg_tensor **converted = tg_list_new(tensors.count);
    if (!y || !converted) return NULL;
    for (int64_t i = 0; i < tensors.count; i++) {
        tgi_layout part = tgi_layout_of(y);
        tgi_layout_select(&part, (int)dim, i);
        converted[i] = tg_to(tensors.items[i], dtype);
        if (!converted[i] || tgi_copy_part(y, &part, converted[i]) != TG_OK) return NULL;
    }
    const int d = (int)dim;
    const tg_status recorded = tg_record(&op_stack, tg_list_of(converted, tensors.count), tg_list(y), TG_NONE, &d, sizeof d);
    return recorded == TG_OK ? y : NULL;
}

/* ---- split, chunk, unbind ---- */

/* Backward of all three splits: the pieces' gradients, joined again. */
static tg_tensor **output_gradients(tg_context *ctx)
{
    const int count = tg_output_count(ctx);
    tg_tensor **grads = tg_list_new(count);
    for (int i = 0; grads && i < count; i++)
        if (!(grads[i] = tg_grad_output(ctx, i))) return NULL;
    return grads;
}

static void split_backward(tg_context *ctx)
{
    tg_tensor **grads = output_gradients(ctx);
    tg_set_grad_input(ctx, 0, grads ? tg_cat(tg_list_of(grads, tg_output_count(ctx)), *(const int *)tg_attributes(ctx)) : NULL);
}

static void unbind_backward(tg_context *ctx)
{
    tg_tensor **grads = output_gradients(ctx);
    tg_set_grad_input(ctx, 0, grads ? tg_stack(tg_list_of(grads, tg_output_count(ctx)), *(const int *)tg_attributes(ctx)) : NULL);
}

static tg_tensor_list split_call(const tg_value *v) { return tg_split(v[0].as.tensor, v[1].as.integer, v[2].as.integer); }
static tg_tensor_list split_with_sizes_call(const tg_value *v)
{
    return tg_split_with_sizes(v[0].as.tensor, v[1].as.ints, v[2].as.integer);
}
static tg_tensor_list chunk_call(const tg_value *v) { return tg_chunk(v[0].as.tensor, v[1].as.integer, v[2].as.integer); }
static tg_tensor_list unbind_call(const tg_value *v) { return tg_unbind(v[0].as.tensor, v[1].as.integer); }

static const tg_op op_split = {
    .name = "split",
    .schema = "split(Tensor(a) self, int split_size, int dim=0) -> Tensor(a)[]",
    .formula = "y[i] = self[.., i split_size : (i + 1) split_size, ..]",
    .gradient = "dself = cat(g, dim)",
    .doc = "views of split_size indices each; the last one may be smaller",
    .backward = split_backward,
    .call = split_call,
    .samples = (const char *const[]){ "split(f(5, 2), 2)", "split(f(2, 4), 2, 1)", "split(f(2, 3), 5, -1)", "split(f(0, 2), 2)", NULL },
    .errors = (const tg_error_sample[]){
        { "split(f(4), 0)", "split_size can only be 0 if dimension size is 0, but got dimension size of 4" },
        { "split(f(4), -1)", "split expects split_size be non-negative, but got split_size=-1" },
        { "split(f(), 1)", "split expects at least a 1-dimensional tensor" },
        { "split(f(4), 1, 1)", "Dimension out of range" },
        { NULL, NULL } },
};
static const tg_op op_split_with_sizes = {
    .name = "split_with_sizes",
    .schema = "split_with_sizes(Tensor(a) self, int[] split_sizes, int dim=0) -> Tensor(a)[]",
    .formula = "y[i] = the next split_sizes[i] indices of dimension dim",
    .gradient = "dself = cat(g, dim)",
    .doc = "views of the given sizes, which sum to the dimension's",
    .backward = split_backward,
    .call = split_with_sizes_call,
    .samples = (const char *const[]){ "split_with_sizes(f(5, 2), [2, 0, 3])", "split_with_sizes(f(2, 4), [1, 3], -1)", NULL },
    .errors = (const tg_error_sample[]){
        { "split_with_sizes(f(5), [2, 2])",
          "split_with_sizes expects split_sizes to sum exactly to 5 (input tensor's size at dimension 0), but got split_sizes=[2, 2]" },
        { "split_with_sizes(f(5), [6, -1])", "split_with_sizes expects split_sizes have only non-negative entries" },
        { NULL, NULL } },
};
static const tg_op op_chunk = {
    .name = "chunk",
    .schema = "chunk(Tensor(a) self, int chunks, int dim=0) -> Tensor(a)[]",
    .formula = "y = split(self, ceil(size / chunks), dim)",
    .gradient = "dself = cat(g, dim)",
    .doc = "at most chunks equal views; the last one may be smaller",
    .backward = split_backward,
    .call = chunk_call,
    .samples = (const char *const[]){ "chunk(f(6, 2), 3)", "chunk(f(2, 5), 3, 1)", "chunk(f(5), 4)", "chunk(f(0, 2), 3)", NULL },
    .errors = (const tg_error_sample[]){
        { "chunk(f(4), 0)", "chunk expects `chunks` to be greater than 0, got: 0" },
        { "chunk(f(), 1)", "chunk expects at least a 1-dimensional tensor" },
        { NULL, NULL } },
};
static const tg_op op_unbind = {
    .name = "unbind",
    .schema = "unbind(Tensor(a) self, int dim=0) -> Tensor(a)[]",
    .formula = "y[i] = select(self, dim, i)",
    .gradient = "dself = stack(g, dim)",
    .doc = "a view of each index of a dimension, which goes",
    .backward = unbind_backward,
    .call = unbind_call,
    .samples = (const char *const[]){ "unbind(f(3, 2))", "unbind(f(2, 3, 2), -2)", "unbind(f(2))", NULL },
    .errors = (const tg_error_sample[]){
        { "unbind(f(2), 1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" }, { NULL, NULL } },
};

/* Cuts dimension `dim` into pieces of the given lengths; `same` if lengths[0] holds for all but the last. Unbind drops the
 * dimension of each piece. */
static tg_tensor_list cut(const tg_op *op, tg_tensor *t, int dim, int64_t count, const int64_t *lengths, bool same)
{
    tg_tensor **pieces = tg_list_new(count);
    int64_t start = 0;
    for (int64_t i = 0; pieces && i < count; i++) {
        int64_t length = same ? lengths[0] : lengths[i];
        if (same && length > t->dims[dim] - start) length = t->dims[dim] - start;
        tgi_layout layout = tgi_layout_of(t);
        if (op == &op_unbind)
            tgi_layout_select(&layout, dim, i);
        else
            tgi_layout_slice(&layout, dim, start, length, 1);
        pieces[i] = tgi_make_view(t, &layout);
        if (!pieces[i]) return tg_list_failed();
        start += length;
    }
    if (!pieces || (count && tg_record(op, tg_list(t), tg_list_of(pieces, count), TG_NONE, &dim, sizeof dim) != TG_OK)) return tg_list_failed();
    return tg_list_of(pieces, count);
}

static tg_tensor_list failed(tg_tensor *null)
{
    (void)null;
    return tg_list_failed();
}

tg_tensor_list tg_split_at(const char *where, tg_tensor *t, int64_t size, int64_t dim)
{
    const tg_op *op = &op_split;
    if (!tg_op_begin(where, op, tg_list(t))) return tg_list_failed();
    if (t->ndim == 0) return failed(tg_op_fail(op, tg_list(t), "split expects at least a 1-dimensional tensor"));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    if (size < 0) return failed(tg_op_fail(op, tg_list(t), "split expects split_size be non-negative, but got split_size=%" PRId64, size));
    if (size == 0 && t->dims[d])
        return failed(tg_op_fail(op, tg_list(t), "split_size can only be 0 if dimension size is 0, but got dimension size of %" PRId64, t->dims[d]));
    const int64_t pieces = t->dims[d] ? (t->dims[d] - 1) / size + 1 : 1;
    return cut(op, t, d, pieces, &size, true);
}

tg_tensor_list tg_split_with_sizes_at(const char *where, tg_tensor *t, tg_shape sizes, int64_t dim)
{
    const tg_op *op = &op_split_with_sizes;
    char text[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &sizes)) return tg_list_failed();
    if (t->ndim == 0) return failed(tg_op_fail(op, tg_list(t), "split expects at least a 1-dimensional tensor"));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    int64_t sum = 0;
    for (int i = 0; i < sizes.ndim; i++) {
        if (sizes.dims[i] < 0)
            return failed(tg_op_fail(op, tg_list(t), "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=%s",
                                     tg_shape_text(&sizes, text)));
        if (__builtin_add_overflow(sum, sizes.dims[i], &sum)) sum = -1;
    }
    if (sum != t->dims[d])
        return failed(tg_op_fail(op, tg_list(t),
                                 "split_with_sizes expects split_sizes to sum exactly to %" PRId64 " (input tensor's size at dimension %d), "
                                 "but got split_sizes=%s", t->dims[d], d, tg_shape_text(&sizes, text)));
    return cut(op, t, d, sizes.ndim, sizes.dims, false);
}

/* A dimension of size 0 gives as many empty chunks as asked for, as in PyTorch. */
tg_tensor_list tg_chunk_at(const char *where, tg_tensor *t, int64_t chunks, int64_t dim)
{
    const tg_op *op = &op_chunk;
    if (!tg_op_begin(where, op, tg_list(t))) return tg_list_failed();
    if (t->ndim == 0) return failed(tg_op_fail(op, tg_list(t), "chunk expects at least a 1-dimensional tensor"));
    if (chunks <= 0) return failed(tg_op_fail(op, tg_list(t), "chunk expects `chunks` to be greater than 0, got: %" PRId64, chunks));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    const int64_t size = t->dims[d] ? (t->dims[d] - 1) / chunks + 1 : 0;
    return cut(op, t, d, size ? (t->dims[d] - 1) / size + 1 : chunks, &size, true);
}

tg_tensor_list tg_unbind_at(const char *where, tg_tensor *t, int64_t dim)
{
    const tg_op *op = &op_unbind;
    if (!tg_op_begin(where, op, tg_list(t))) return tg_list_failed();
    if (t->ndim == 0) return failed(tg_op_fail(op, tg_list(t), "Dimension specified as %" PRId64 " but tensor has no dimensions", dim));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    const int64_t one = 1;
    return cut(op, t, d, t->dims[d], &one, true);
}

const tg_op *const tgi_ops_join[] = { &op_cat, &op_stack, &op_split, &op_split_with_sizes, &op_chunk, &op_unbind, NULL };
