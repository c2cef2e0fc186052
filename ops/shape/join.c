/* join.c: cat and stack, and the ops that undo them.
 *
 * split, chunk and unbind make views and record one node with as many outputs. So each of the two kinds is the other's
 * backward, and no gradient is ever a sum of pieces padded with zeros. */
#include "ops/join.h"
#include "core/error.h"
#include "core/thread.h"
#include "ops/base/call.h"
#include "join_impl.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/kernels/rows/copy_kernels.h"
#include "ops/view.h"

#include <inttypes.h>

/* Rows are joined side by side from LEAST elements on, of no more than MOST tensors, for what is longer is better copied
 * tensor by tensor; NEAR bytes at a time, PIECE elements by a task, on several threads from PARALLEL on. */
enum { LEAST = 1 << 10, MOST = 32, NEAR = 1 << 14, PIECE = 1 << 15, PARALLEL = 1 << 17 };

/* The tensors in `dtype`: the list itself if they have it. Empty when that failed. */
static tg_tensor_list converted(tg_tensor_list tensors, tg_dtype dtype)
{
    bool same = true;
    for (int64_t i = 0; i < tensors.count; i++) same &= tensors.items[i]->dtype == dtype;
    if (same) return tensors;
    tg_tensor **items = tg_list_new(tensors.count);
    for (int64_t i = 0; items && i < tensors.count; i++)
        if (!(items[i] = tg_to(tensors.items[i], dtype))) return tg_list_failed();
    return items ? tg_list_of(items, tensors.count) : tg_list_failed();
}

/* ---- cat ---- */

/* PyTorch lets an empty 1-D tensor of shape (0,) join anything. */
static bool skipped(const tg_tensor *t) { return t->ndim == 1 && t->dims[0] == 0; }

/* How long each tensor is along the joined dimension. */
typedef struct cat_attributes {
    int dim;
    int64_t lengths[];
} cat_attributes;

static void cat_backward(tg_context *ctx)
{
    const cat_attributes *a = tg_attributes(ctx);
    const int count = tg_input_count(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    const tg_tensor_list parts = g ? tgi_cut(g, a->dim, count, a->lengths) : tg_list_failed();
    for (int i = 0; i < count; i++) {
        if (!tg_needs_input_grad(ctx, i)) continue;
        tg_tensor *part = parts.count ? parts.items[i] : NULL;
        if (a->lengths[i] == 0) part = tg_reshape(part, tg_input_shape(ctx, i)); /* (0,), if it was skipped */
        tg_set_grad_input(ctx, i, part);
    }
}

static tg_tensor_list cat_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_cat(inputs, ((const cat_attributes *)tg_node_attributes(node))->dim));
}

static tg_tensor_list cat_call(const tg_value *v) { return tgi_result(tg_cat(v[0].as.tensors, v[1].as.integer)); }

const tg_op tgi_op_cat = {
    .name = "cat",
    .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor",
    .formula = "y = the tensors one after another along dimension dim",
    .gradient = "dtensors[i] = the part of g that came from it",
    .doc = "joins tensors along an existing dimension",
    .usage = "tg_cat(tensors, dim)",
    .backward = cat_backward,
    .call = cat_call,
    .again = cat_again,
    .samples = (const char *const[]){ "cat([f(2, 3), f(2, 1)], 1)", "cat([f(1, 2), f(3, 2), f(0, 2)])",
                                      "cat([f(2, 3, 2), f(2, 3, 1)], -1)", "cat([f(0), f(2, 3)], 1)", "cat([f(3)])",
                                      "cat([f(2), i(2)])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "cat([f(2, 3), f(2, 4)], 0)",
              "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 "
              "in the list." },
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
        return tg_op_fail(&tgi_op_cat, tensors, "Tensors must have same number of dimensions: got %d and %d",
                          first->ndim, t->ndim);
    for (int d = 0; d < t->ndim; d++) {
        if (d == dim || t->dims[d] == first->dims[d]) continue;
        return tg_op_fail(&tgi_op_cat, tensors,
                          "Sizes of tensors must match except in dimension %d. Expected size %" PRId64
                          " but got size %" PRId64 " for tensor number %" PRId64 " in the list.",
                          dim, first->dims[d], t->dims[d], i);
    }
    if (!__builtin_add_overflow(shape->dims[dim], t->dims[dim], &shape->dims[dim])) return true;
    return tg_op_fail(&tgi_op_cat, tensors, "numel: integer multiplication overflow");
}

/* The result's shape and dtype. `*dim` comes back counted from the front. */
static bool cat_shape(tg_tensor_list tensors, int64_t *dim, tg_shape *shape, tg_dtype *dtype)
{
    const tg_tensor *first = tensors.items[0];
    *dtype = (tg_dtype)first->dtype;
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_tensor *t = tensors.items[i];
        if (t->ndim == 0)
            return tg_op_fail(&tgi_op_cat, tensors,
                              "zero-dimensional tensor (at position %" PRId64 ") cannot be concatenated", i);
        if (skipped(first)) first = t;
        *dtype = tg_promote_types(*dtype, (tg_dtype)t->dtype);
    }
    *dim = tgi_op_dim(&tgi_op_cat, tensors, *dim, first->ndim);
    if (*dim < 0) return false;
    *shape = tgi_shape(first);
    shape->dims[*dim] = 0;
    for (int64_t i = 0; i < tensors.count; i++)
        if (!cat_add(tensors, i, first, (int)*dim, shape)) return false;
    return true;
}

/* Contiguous tensors whose rows, of `inner` elements for each index of the joined dimension, go side by side into the rows
 * of y. */
typedef struct rows_job {
    tg_tensor *y;
    tg_tensor_list tensors;
    int64_t outer, run; /* rows, and those of a task */
} rows_job;

/* So few rows at a time that those of y are complete before they leave the first cache. */
static void join_task(const void *work, int64_t task)
{
    const rows_job *w = work;
    const tgi_loop copy = TGI_KERNELS(copy)->run[w->y->dtype][w->y->dtype];
    const int64_t size = (int64_t)tgi_element_size(w->y), row = w->y->numel / w->outer * size;
    const int64_t end = (task + 1) * w->run < w->outer ? (task + 1) * w->run : w->outer;
    const int64_t few = row < NEAR ? NEAR / row : 1;
    for (int64_t r = task * w->run; r < end; r += few) {
        char *to = (char *)tgi_ptr(w->y) + r * row;
        for (int64_t i = 0; i < w->tensors.count; i++) {
            const tg_tensor *t = w->tensors.items[i];
            const int64_t n = t->numel / w->outer;
            if (n == 0) continue;
            copy(few < end - r ? few : end - r, n, (char *[]){ to, (char *)tgi_ptr(t) + r * n * size },
                 (int64_t[]){ row, n * size }, (int64_t[]){ size, size });
            to += n * size;
        }
    }
}

/* Copies the tensors, along `dim` of y, if they lie so that it can be done by rows. */
static bool join_rows(tg_tensor *y, tg_tensor_list tensors, int dim)
{
    rows_job w = { .y = y, .tensors = tensors, .outer = 1 };
    for (int d = 0; d < dim; d++) w.outer *= y->dims[d];
    if (w.outer < 2 || y->numel < LEAST || tensors.count > MOST) return false;
    for (int64_t i = 0; i < tensors.count; i++)
        if (!tg_is_contiguous(tensors.items[i])) return false;
    const int64_t row = y->numel / w.outer;
    w.run = row < PIECE ? PIECE / row : 1;
    tgi_run_tasks(y->numel >= PARALLEL, tgi_pieces(w.outer, w.run), join_task, &w);
    return true;
}

/* Tensor `i` of as many as follow each other in y, all of one size. */
static void stack_task(const void *work, int64_t i)
{
    const rows_job *w = work;
    const tg_tensor *t = w->tensors.items[i];
    const int64_t size = (int64_t)tgi_element_size(t), strides[] = { size, size };
    TGI_KERNELS(copy)->run[t->dtype][t->dtype](1, t->numel,
                                               (char *[]){ (char *)tgi_ptr(w->y) + i * t->numel * size, tgi_ptr(t) },
                                               NULL, strides);
}

/* Copies them on several threads, if that pays and they lie so. */
static bool stack_on_threads(tg_tensor *y, tg_tensor_list tensors, int dim)
{
    bool fits = y->numel >= PARALLEL && tgi_has_threads();
    for (int d = 0; d < dim; d++) fits &= y->dims[d] == 1;
    for (int64_t i = 0; i < tensors.count && fits; i++) fits = tg_is_contiguous(tensors.items[i]);
    if (fits) tgi_run_tasks(true, tensors.count, stack_task, &(rows_job){ .y = y, .tensors = tensors });
    return fits;
}

static tg_status cat_copy(tg_tensor *y, tg_tensor_list tensors, int dim)
{
    if (join_rows(y, tensors, dim)) return TG_OK;
    tgi_layout part = tgi_layout_of(y);
    for (int64_t i = 0; i < tensors.count; i++) {
        tg_tensor *t = tensors.items[i];
        if (t->numel == 0) continue;
        part.dims[dim] = t->dims[dim];
        if (tgi_copy_part(y, &part, t) != TG_OK) return TG_FAILED;
        part.offset += t->dims[dim] * tgi_strides(y)[dim];
    }
    return TG_OK;
}

static tg_status cat_record(tg_tensor_list tensors, tg_tensor *y, int dim)
{
    if (!tg_will_record(tensors)) return TG_OK;
    const size_t size = sizeof(cat_attributes) + (size_t)tensors.count * sizeof(int64_t);
    cat_attributes *a = tgi_calloc(size);
    if (!a) return TG_FAILED;
    a->dim = dim;
    for (int64_t i = 0; i < tensors.count; i++)
        a->lengths[i] = skipped(tensors.items[i]) ? 0 : tensors.items[i]->dims[dim];
    const tg_status status = tg_record(&tgi_op_cat, tensors, tg_list(y), TG_NONE, a, size);
    tgi_free(a, size);
    return status;
}

tg_tensor *tg_cat_at(const char *where, tg_tensor_list tensors, int64_t dim)
{
    tg_shape shape;
    tg_dtype dtype;
    if (!tg_op_begin(where, &tgi_op_cat, tensors)) return NULL;
    if (tensors.count == 0) /* a failed list is empty, too */
        return tg_failed() ? NULL : tg_op_fail(&tgi_op_cat, tensors, "expected a non-empty list of Tensors");
    if (!cat_shape(tensors, &dim, &shape, &dtype)) return NULL;
    tensors = converted(tensors, dtype);
    tg_tensor *y = tensors.count ? tgi_new(&shape, dtype) : NULL;
    if (!y || cat_copy(y, tensors, (int)dim) != TG_OK) return NULL;
    return cat_record(tensors, y, (int)dim) == TG_OK ? y : NULL;
}

/* ---- stack ---- */

static void stack_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    const tg_tensor_list parts = tg_unbind(tg_grad_output(ctx, 0), dim);
    for (int i = 0; i < tg_input_count(ctx); i++)
        if (tg_needs_input_grad(ctx, i)) tg_set_grad_input(ctx, i, parts.count ? parts.items[i] : NULL);
}

static tg_tensor_list stack_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_stack(inputs, *(const int *)tg_node_attributes(node)));
}

static tg_tensor_list stack_call(const tg_value *v) { return tgi_result(tg_stack(v[0].as.tensors, v[1].as.integer)); }

const tg_op tgi_op_stack = {
    .name = "stack",
    .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor",
    .formula = "y[.., i, ..] = tensors[i]",
    .gradient = "dtensors[i] = select(g, dim, i)",
    .doc = "joins tensors of one shape along a new dimension",
    .usage = "tg_stack(tensors, dim)",
    .backward = stack_backward,
    .call = stack_call,
    .again = stack_again,
    .samples = (const char *const[]){ "stack([f(2, 3), f(2, 3)], 1)", "stack([f(), f(), f()])", "stack([f(2)], -1)",
                                      "stack([f(0, 2), f(0, 2)], 2)", "stack([f(2), i(2)])", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "stack([f(1, 1, 1, 1, 1, 1, 1, 1)])", "a tensor has at most 8 dimensions" },
                                   { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){
            { "stack([f(2, 3), f(2, 4)])",
              "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [2, 4] at entry 1" },
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
            return tg_op_fail(
                &tgi_op_stack, tensors,
                "stack expects each tensor to be equal size, but got %s at entry 0 and %s at entry %" PRId64,
                tg_shape_text(&first, a), tg_shape_text(&own, b), i);
        *dtype = tg_promote_types(*dtype, (tg_dtype)tensors.items[i]->dtype);
    }
    *dim = tgi_op_dim(&tgi_op_stack, tensors, *dim, first.ndim + 1);
    if (*dim < 0 || !tgi_op_can_grow(&tgi_op_stack, tensors, first.ndim)) return false;
    *shape = first;
    for (int d = shape->ndim++; d > *dim; d--) shape->dims[d] = shape->dims[d - 1];
    shape->dims[*dim] = tensors.count;
    return true;
}

tg_tensor *tg_stack_at(const char *where, tg_tensor_list tensors, int64_t dim)
{
    tg_shape shape;
    tg_dtype dtype;
    if (!tg_op_begin(where, &tgi_op_stack, tensors)) return NULL;
    if (tensors.count == 0) /* a failed list is empty, too */
        return tg_failed() ? NULL : tg_op_fail(&tgi_op_stack, tensors, "stack expects a non-empty TensorList");
    if (!stack_shape(tensors, &dim, &shape, &dtype)) return NULL;
    tensors = converted(tensors, dtype);
    tg_tensor *y = tensors.count ? tgi_new(&shape, dtype) : NULL;
    const int d = (int)dim;
    const bool joined = y && (join_rows(y, tensors, d) || stack_on_threads(y, tensors, d));
    for (int64_t i = 0; y && !joined && i < tensors.count; i++) {
        tgi_layout part = tgi_layout_of(y);
        tgi_layout_select(&part, d, i);
        if (tgi_copy_part(y, &part, tensors.items[i]) != TG_OK) return NULL;
    }
    return y && tg_record(&tgi_op_stack, tensors, tg_list(y), TG_NONE, &d, sizeof d) == TG_OK ? y : NULL;
}

/* ---- split, chunk, unbind ---- */

/* The gradients of all pieces. Those that nothing flowed to are zeros, all of them one number. Empty when one failed. */
static tg_tensor_list output_gradients(tg_context *ctx)
{
    const int count = tg_output_count(ctx);
    tg_tensor **grads = tg_list_new(count), *some = NULL, *zero = NULL;
    for (int i = 0; grads && i < count && !some; i++)
        if (tg_has_grad_output(ctx, i)) some = tg_grad_output(ctx, i);
    for (int i = 0; some && i < count; i++) {
        tg_shape shape = tgi_shape(some);
        for (int d = 0; d < shape.ndim; d++) shape.dims[d] = tg_output_size(ctx, i, d);
        if (!zero && !tg_has_grad_output(ctx, i)) zero = tgi_new_full(&(tg_shape){ 0 }, (tg_dtype)some->dtype, 0);
        grads[i] = tg_has_grad_output(ctx, i) ? tg_grad_output(ctx, i) : tg_expand(zero, shape);
        if (!grads[i]) return tg_list_failed();
    }
    return some ? tg_list_of(grads, count) : tg_list_failed();
}

/* How a dimension is cut: the first `longer` pieces have one index more than `size`. A negative `size`: unevenly. */
typedef struct split_attributes {
    int dim;
    int64_t size, longer;
} split_attributes;

static void split_backward(tg_context *ctx)
{
    const split_attributes *a = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_cat(output_gradients(ctx), a->dim));
}

/* Piece i of a tensor that is cut as the input was. */
static tg_tensor *split_part(const tg_context *ctx, int i, tg_tensor *whole)
{
    const split_attributes *a = tg_attributes(ctx);
    tgi_layout layout = tgi_layout_of(whole);
    int64_t start = a->size < 0 ? 0 : i * a->size + (i < a->longer ? i : a->longer);
    for (int k = 0; k < i && a->size < 0; k++) start += tg_output_size(ctx, k, a->dim);
    tgi_layout_slice(&layout, a->dim, start, tg_output_size(ctx, i, a->dim), 1);
    return tgi_make_view(whole, &layout);
}

static tg_tensor *unbind_part(const tg_context *ctx, int i, tg_tensor *whole)
{
    tgi_layout layout = tgi_layout_of(whole);
    tgi_layout_select(&layout, *(const int *)tg_attributes(ctx), i);
    return tgi_make_view(whole, &layout);
}

static void unbind_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_stack(output_gradients(ctx), *(const int *)tg_attributes(ctx)));
}

static tg_tensor_list cut(const tg_op *op, tg_tensor *t, split_attributes a, int64_t count, const int64_t *sizes);

static tg_tensor_list split_again(const tg_node *node, tg_tensor_list inputs)
{
    const split_attributes *a = tg_node_attributes(node);
    const int count = tg_node_output_count(node);
    int64_t *sizes = a->size < 0 ? tgi_scope_alloc((size_t)count * sizeof *sizes) : NULL;
    if (a->size < 0 && !sizes) return tg_list_failed();
    for (int i = 0; sizes && i < count; i++) sizes[i] = tg_node_output_shape(node, i).dims[a->dim];
    return cut(tg_node_op(node), inputs.items[0], *a, count, sizes);
}

static tg_tensor_list unbind_again(const tg_node *node, tg_tensor_list inputs)
{
    return tg_unbind(inputs.items[0], *(const int *)tg_node_attributes(node));
}

static tg_tensor_list split_call(const tg_value *v)
{
    return tg_split(v[0].as.tensor, v[1].as.integer, v[2].as.integer);
}
static tg_tensor_list split_with_sizes_call(const tg_value *v)
{
    return tg_split_with_sizes(v[0].as.tensor, v[1].as.ints, v[2].as.integer);
}
static tg_tensor_list chunk_call(const tg_value *v)
{
    return tg_chunk(v[0].as.tensor, v[1].as.integer, v[2].as.integer);
}
static tg_tensor_list unbind_call(const tg_value *v) { return tg_unbind(v[0].as.tensor, v[1].as.integer); }

const tg_op tgi_op_split = {
    .name = "split",
    .schema = "split(Tensor(a) self, int split_size, int dim=0) -> Tensor(a)[]",
    .formula = "y[i] = self[.., i split_size : (i + 1) split_size, ..]",
    .gradient = "dself = cat(g, dim)",
    .doc = "views of split_size indices each; the last one may be smaller",
    .usage = "tg_split(self, split_size, dim)",
    .backward = split_backward,
    .part = split_part,
    .call = split_call,
    .again = split_again,
    .samples = (const char *const[]){ "split(f(5, 2), 2)", "split(f(2, 4), 2, 1)", "split(f(2, 3), 5, -1)",
                                      "split(f(0, 2), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "split(f(4), 0)", "split_size can only be 0 if dimension size is 0, but got dimension size of 4" },
            { "split(f(4), -1)", "split expects split_size be non-negative, but got split_size=-1" },
            { "split(f(), 1)", "split expects at least a 1-dimensional tensor" },
            { "split(f(4), 1, 1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { NULL, NULL } },
};
const tg_op tgi_op_split_with_sizes = {
    .name = "split_with_sizes",
    .schema = "split_with_sizes(Tensor(a) self, int[] split_sizes, int dim=0) -> Tensor(a)[]",
    .formula = "y[i] = the next split_sizes[i] indices of dimension dim",
    .gradient = "dself = cat(g, dim)",
    .doc = "views of the given sizes, which sum to the dimension's",
    .usage = "tg_split_with_sizes(self, tg_shape(split_sizes), dim)",
    .backward = split_backward,
    .part = split_part,
    .call = split_with_sizes_call,
    .again = split_again,
    .samples =
        (const char *const[]){ "split_with_sizes(f(5, 2), [2, 0, 3])", "split_with_sizes(f(2, 4), [1, 3], -1)", NULL },
    .own_errors = (const tg_error_sample[]){ { "split_with_sizes(f(5), [9223372036854775807, 9223372036854775807, 7])",
                                               "to sum exactly to 5" },
                                             { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){
            { "split_with_sizes(f(5), [2, 2])",
              "split_with_sizes expects split_sizes to sum exactly to 5 (input tensor's size at dimension 0), but got "
              "split_sizes=[2, 2]" },
            { "split_with_sizes(f(5), [6, -1])",
              "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=[6, -1]" },
            { "split_with_sizes(f(), [1])", "split expects at least a 1-dimensional tensor" },
            { NULL, NULL } },
};
const tg_op tgi_op_chunk = {
    .name = "chunk",
    .schema = "chunk(Tensor(a) self, int chunks, int dim=0) -> Tensor(a)[]",
    .formula = "y = split(self, ceil(size / chunks), dim)",
    .gradient = "dself = cat(g, dim)",
    .doc = "at most chunks equal views; the last one may be smaller",
    .usage = "tg_chunk(self, chunks, dim)",
    .grad_name = "SplitBackward0",
    .backward = split_backward,
    .part = split_part,
    .call = chunk_call,
    .again = split_again,
    .samples = (const char *const[]){ "chunk(f(6, 2), 3)", "chunk(f(2, 5), 3, 1)", "chunk(f(5), 4)",
                                      "chunk(f(0, 2), 3)", NULL },
    .errors = (const tg_error_sample[]){ { "chunk(f(4), 0)", "chunk expects `chunks` to be greater than 0, got: 0" },
                                         { "chunk(f(4), 2, -2)",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got -2)" },
                                         { "chunk(f(), 1)", "chunk expects at least a 1-dimensional tensor" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_unbind = {
    .name = "unbind",
    .schema = "unbind(Tensor(a) self, int dim=0) -> Tensor(a)[]",
    .formula = "y[i] = select(self, dim, i)",
    .gradient = "dself = stack(g, dim)",
    .doc = "a view of each index of a dimension, which goes",
    .usage = "tg_unbind(self, dim)",
    .backward = unbind_backward,
    .part = unbind_part,
    .call = unbind_call,
    .again = unbind_again,
    .samples = (const char *const[]){ "unbind(f(3, 2))", "unbind(f(2, 3, 2), -2)", "unbind(f(2))", NULL },
    .errors = (const tg_error_sample[]){ { "unbind(f(2), 1)",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
                                         { "unbind(f())", "Dimension specified as 0 but tensor has no dimensions" },
                                         { NULL, NULL } },
};

static tg_tensor_list record_pieces(const tg_op *op, tg_tensor *t, tg_tensor_list pieces, const void *attributes,
                                    size_t size)
{
    if (pieces.count == 0) return pieces; /* nothing for a gradient to come from */
    const tg_status status = tg_record(op, tg_list(t), pieces, TG_NONE, attributes, size);
    return status == TG_OK ? pieces : tg_list_failed();
}

/* Cuts a dimension into `count` pieces, of the lengths in `sizes` unless that is NULL; the last may be short. */
static tg_tensor_list cut(const tg_op *op, tg_tensor *t, split_attributes a, int64_t count, const int64_t *sizes)
{
    tg_tensor **pieces = tg_list_new(count);
    int64_t start = 0;
    for (int64_t i = 0; pieces && i < count; i++) {
        const int64_t left = t->dims[a.dim] - start, even = a.size + (i < a.longer);
        const int64_t length = sizes ? sizes[i] : even < left ? even : left;
        tgi_layout layout = tgi_layout_of(t);
        tgi_layout_slice(&layout, a.dim, start, length, 1);
        pieces[i] = tgi_make_view(t, &layout);
        if (!pieces[i]) return tg_list_failed();
        start += length;
    }
    return pieces ? record_pieces(op, t, tg_list_of(pieces, count), &a, sizeof a) : tg_list_failed();
}

tg_tensor_list tgi_cut(tg_tensor *t, int dim, int64_t count, const int64_t *sizes)
{
    return cut(&tgi_op_split_with_sizes, t, TG_LITERAL(split_attributes){ dim, -1, 0 }, count, sizes);
}

tg_tensor_list tgi_cut_evenly(tg_tensor *t, int dim, int64_t count)
{
    const split_attributes a = { dim, t->dims[dim] / count, t->dims[dim] % count };
    return cut(&tgi_op_split_with_sizes, t, a, count, NULL);
}

tg_tensor_list tg_split_at(const char *where, tg_tensor *t, int64_t size, int64_t dim)
{
    const tg_op *op = &tgi_op_split;
    if (!tg_op_begin(where, op, tg_list(t))) return tg_list_failed();
    if (t->ndim == 0) return tgi_result(tg_op_fail(op, tg_list(t), "split expects at least a 1-dimensional tensor"));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    if (size < 0)
        return tgi_result(
            tg_op_fail(op, tg_list(t), "split expects split_size be non-negative, but got split_size=%" PRId64, size));
    if (size == 0 && t->dims[d])
        return tgi_result(
            tg_op_fail(op, tg_list(t),
                       "split_size can only be 0 if dimension size is 0, but got dimension size of %" PRId64,
                       t->dims[d]));
    const int64_t pieces = t->dims[d] ? (t->dims[d] - 1) / size + 1 : 1;
    return cut(op, t, TG_LITERAL(split_attributes){ d, size, 0 }, pieces, NULL);
}

tg_tensor_list tg_split_with_sizes_at(const char *where, tg_tensor *t, tg_shape sizes, int64_t dim)
{
    const tg_op *op = &tgi_op_split_with_sizes;
    char text[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &sizes)) return tg_list_failed();
    if (t->ndim == 0) return tgi_result(tg_op_fail(op, tg_list(t), "split expects at least a 1-dimensional tensor"));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    int64_t sum = 0;
    bool overflow = false;
    for (int i = 0; i < sizes.ndim; i++) {
        if (sizes.dims[i] < 0)
            return tgi_result(tg_op_fail(
                op, tg_list(t),
                "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=%s",
                tg_shape_text(&sizes, text)));
        overflow |= __builtin_add_overflow(sum, sizes.dims[i], &sum);
    }
    if (overflow || sum != t->dims[d])
        return tgi_result(tg_op_fail(op, tg_list(t),
                                     "split_with_sizes expects split_sizes to sum exactly to %" PRId64
                                     " (input tensor's size at dimension %d), "
                                     "but got split_sizes=%s",
                                     t->dims[d], d, tg_shape_text(&sizes, text)));
    return cut(op, t, TG_LITERAL(split_attributes){ d, -1, 0 }, sizes.ndim, sizes.dims);
}

/* A dimension of size 0 gives as many empty chunks as asked for, as in PyTorch. */
tg_tensor_list tg_chunk_at(const char *where, tg_tensor *t, int64_t chunks, int64_t dim)
{
    const tg_op *op = &tgi_op_chunk;
    if (!tg_op_begin(where, op, tg_list(t))) return tg_list_failed();
    if (t->ndim == 0) return tgi_result(tg_op_fail(op, tg_list(t), "chunk expects at least a 1-dimensional tensor"));
    if (chunks <= 0)
        return tgi_result(
            tg_op_fail(op, tg_list(t), "chunk expects `chunks` to be greater than 0, got: %" PRId64, chunks));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    const int64_t size = t->dims[d] ? (t->dims[d] - 1) / chunks + 1 : 0;
    const int64_t count = size ? (t->dims[d] - 1) / size + 1 : chunks;
    return cut(op, t, TG_LITERAL(split_attributes){ d, size, 0 }, count, NULL);
}

tg_tensor_list tg_unbind_at(const char *where, tg_tensor *t, int64_t dim)
{
    const tg_op *op = &tgi_op_unbind;
    if (!tg_op_begin(where, op, tg_list(t))) return tg_list_failed();
    if (t->ndim == 0)
        return tgi_result(
            tg_op_fail(op, tg_list(t), "Dimension specified as %" PRId64 " but tensor has no dimensions", dim));
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return tg_list_failed();
    tg_tensor **pieces = tg_list_new(t->dims[d]);
    for (int64_t i = 0; pieces && i < t->dims[d]; i++) {
        tgi_layout layout = tgi_layout_of(t);
        tgi_layout_select(&layout, d, i);
        pieces[i] = tgi_make_view(t, &layout);
        if (!pieces[i]) return tg_list_failed();
    }
    return pieces ? record_pieces(op, t, tg_list_of(pieces, t->dims[d]), &d, sizeof d) : tg_list_failed();
}
