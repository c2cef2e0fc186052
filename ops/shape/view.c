/* view.c: the same elements under other sizes and strides.
 *
 * Each op computes a layout and records it; each backward is the op that undoes it. No element moves here, except where
 * reshape must copy; a result that is no view must never be marked as one, nor a view pass for a tensor of its own. */
#include "ops/view.h"
#include "ops/base/call.h"
#include "ops/base/layout.h"

#include <inttypes.h>
#include <string.h>

/* ---- view and reshape ---- */

/* Resolves one -1 in `shape`, so that it has `numel` elements. PyTorch's words when it cannot. */
static bool infer_shape(const tg_op *op, tg_tensor *t, tg_shape *shape)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape asked = *shape;
    int inferred = -1;
    if (!tgi_op_list_fits(op, tg_list(t), shape)) return false;
    for (int d = 0; d < shape->ndim; d++) {
        if (shape->dims[d] >= 0) continue;
        if (shape->dims[d] != -1) return tg_op_fail(op, tg_list(t), "invalid shape dimension %" PRId64, shape->dims[d]);
        if (inferred >= 0) return tg_op_fail(op, tg_list(t), "only one dimension can be inferred");
        inferred = d;
        shape->dims[d] = 1;
    }
    const int64_t known = tgi_op_numel(op, tg_list(t), shape);
    if (known < 0) return false;
    if (inferred >= 0 && known == 0 && t->numel == 0)
        return tg_op_fail(op, tg_list(t),
                          "cannot reshape tensor of 0 elements into shape %s because the unspecified dimension size -1 "
                          "can be any value and is ambiguous",
                          tg_shape_text(&asked, text));
    if (inferred >= 0 && known > 0) shape->dims[inferred] = t->numel / known;
    if (tg_shape_numel(shape) == t->numel) return true;
    return tg_op_fail(op, tg_list(t), "shape '%s' is invalid for input of size %" PRId64, tg_shape_text(&asked, text),
                      t->numel);
}

/* The layout that gives t's elements, in row-major order, the sizes of `shape`; false when no strides do. Dimensions of
 * t that follow each other evenly in memory form a run, which new dimensions may cut as they like; none may straddle
 * two. */
static bool view_layout(const tg_tensor *t, const tg_shape *shape, tgi_layout *layout)
{
    const tg_shape own = tgi_shape(t);
    layout->ndim = shape->ndim;
    layout->offset = t->offset;
    memcpy(layout->dims, shape->dims, sizeof layout->dims);
    tg_shape_strides(shape, layout->strides);
    if (t->numel == 0) { /* strides lead nowhere; a shape that stays keeps its own */
        if (tg_shape_equal(&own, shape))
            memcpy(layout->strides, tgi_strides(t), (size_t)t->ndim * sizeof *tgi_strides(t));
        return true;
    }
    int to = shape->ndim - 1;
    for (int from = t->ndim - 1; from >= 0; from--) {
        const int64_t step = tgi_strides(t)[from];
        int64_t run = t->dims[from], cut = 1;
        for (; from > 0 && (t->dims[from - 1] == 1 || tgi_strides(t)[from - 1] == run * step); from--)
            run *= t->dims[from - 1];
        for (; to >= 0 && (cut < run || shape->dims[to] == 1); to--) {
            layout->strides[to] = cut * step;
            cut *= shape->dims[to];
        }
        if (cut != run) return false;
    }
    return true;
}

static void view_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_reshape(tg_grad_output(ctx, 0), tg_input_shape(ctx, 0)));
}

static tg_tensor_list reshape_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_reshape(inputs.items[0], tg_node_output_shape(node, 0)));
}

/* Of view, squeeze and unsqueeze: the elements in the result's shape. */
static tg_tensor_list view_again(const tg_node *node, tg_tensor_list inputs)
{
    tgi_layout layout;
    tg_tensor *t = inputs.items[0];
    const tg_shape shape = tg_node_output_shape(node, 0);
    if (!view_layout(t, &shape, &layout)) return reshape_again(node, inputs);
    return tgi_result(tgi_record_view(tg_node_op(node), t, &layout, NULL, 0));
}

static tg_tensor_list view_call(const tg_value *v) { return tgi_result(tg_view(v[0].as.tensor, v[1].as.ints)); }
static tg_tensor_list reshape_call(const tg_value *v) { return tgi_result(tg_reshape(v[0].as.tensor, v[1].as.ints)); }

const tg_op tgi_op_view = {
    .name = "view",
    .schema = "view(Tensor(a) self, int[] size) -> Tensor(a)",
    .formula = "y = the elements of self in row-major order, in shape size",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "another shape for the same memory; one size may be -1",
    .backward = view_backward,
    .call = view_call,
    .again = view_again,
    .samples = (const char *const[]){ "view(f(2, 6), [3, 4])", "view(f(2, 6), [-1])", "view(f(6), [2, -1, 1])",
                                      "view(f(), [1, 1])", "view(f(0, 3), [3, 0])", "view(f(1), [])", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "view(f(3), [4611686018427387904, 3])", "numel: integer multiplication overflow" },
                                   { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){
            { "view(f(3, 4), [3, 5])", "shape '[3, 5]' is invalid for input of size 12" },
            { "view(f(3, 4), [-1, -1])", "only one dimension can be inferred" },
            { "view(f(3, 4), [-2, 6])", "invalid shape dimension -2" },
            { "view(f(3, 4), [0, -1])", "shape '[0, -1]' is invalid for input of size 12" },
            { "view(f(0), [-1, 0])",
              "cannot reshape tensor of 0 elements into shape [-1, 0] because the unspecified dimension "
              "size -1 can be any value and is ambiguous" },
            { "view(transpose(f(3, 4), 0, 1), [12])",
              "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
              "two contiguous subspaces). Use .reshape(...) instead." },
            { NULL, NULL } },
};
const tg_op tgi_op_reshape = {
    .name = "reshape",
    .schema = "reshape(Tensor(a) self, int[] shape) -> Tensor(a)",
    .formula = "y = the elements of self in row-major order, in shape shape",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "a view where strides allow, else a copy; one size may be -1",
    .grad_name = "ReshapeAliasBackward0",
    .backward = view_backward,
    .call = reshape_call,
    .again = reshape_again,
    .samples = (const char *const[]){ "reshape(f(2, 6), [3, 4])", "reshape(transpose(f(3, 4), 0, 1), [2, 6])",
                                      "reshape(f(), [1])", "reshape(f(0, 3), [0, 7])", "reshape(f(4), [-1, 2])", NULL },
    .errors = (const tg_error_sample[]){ { "reshape(f(3, 4), [5])", "shape '[5]' is invalid for input of size 12" },
                                         { NULL, NULL } },
};

tg_tensor *tg_view_at(const char *where, tg_tensor *t, tg_shape shape)
{
    tgi_layout layout;
    if (!tg_op_begin(where, &tgi_op_view, tg_list(t)) || !infer_shape(&tgi_op_view, t, &shape)) return NULL;
    if (!view_layout(t, &shape, &layout))
        return tg_op_fail(&tgi_op_view, tg_list(t),
                          "view size is not compatible with input tensor's size and stride (at least one dimension "
                          "spans across two contiguous subspaces). Use .reshape(...) instead.");
    return tgi_record_view(&tgi_op_view, t, &layout, NULL, 0);
}

tg_tensor *tg_reshape_at(const char *where, tg_tensor *t, tg_shape shape)
{
    tgi_layout layout;
    if (!tg_op_begin(where, &tgi_op_reshape, tg_list(t)) || !infer_shape(&tgi_op_reshape, t, &shape)) return NULL;
    if (view_layout(t, &shape, &layout)) return tgi_record_view(&tgi_op_reshape, t, &layout, NULL, 0);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    if (!y) return NULL;
    tgi_layout as_t = { .ndim = t->ndim }; /* the copy, seen in t's shape */
    const tg_shape own = tgi_shape(t);
    memcpy(as_t.dims, own.dims, sizeof as_t.dims);
    tg_shape_strides(&own, as_t.strides);
    if (tgi_copy_part(y, &as_t, t) != TG_OK) return NULL;
    return tg_record(&tgi_op_reshape, tg_list(t), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}

/* ---- flatten ---- */

static tg_tensor_list flatten_call(const tg_value *v)
{
    return tgi_result(tg_flatten(v[0].as.tensor, v[1].as.integer, v[2].as.integer));
}

const tg_op tgi_op_flatten = {
    .name = "flatten",
    .schema = "flatten(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)",
    .formula = "y = dimensions start_dim to end_dim of self made one",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "several dimensions made one, by reshape; a 0-d tensor becomes one of size 1",
    .usage = "tg_flatten(self, start_dim, end_dim)",
    .grad_name = "ReshapeAliasBackward0",
    .backward = view_backward,
    .call = flatten_call,
    .samples =
        (const char *const[]){ "flatten(f(2, 3, 4))", "flatten(f(2, 3, 4), 1)", "flatten(f(2, 3, 4), 0, -2)",
                               "flatten(f())", "flatten(f(2, 0, 3), 1, 2)", "flatten(transpose(f(2, 3), 0, 1))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "flatten(f(2, 3, 4), 2, 1)", "flatten() has invalid args: start_dim cannot come after end_dim" },
            { "flatten(f(2, 3), 0, 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
};

tg_tensor *tg_flatten_at(const char *where, tg_tensor *t, int64_t start_dim, int64_t end_dim)
{
    if (!tg_op_begin(where, &tgi_op_flatten, tg_list(t))) return NULL;
    const int start = tgi_op_dim(&tgi_op_flatten, tg_list(t), start_dim, t->ndim);
    const int end = start < 0 ? -1 : tgi_op_dim(&tgi_op_flatten, tg_list(t), end_dim, t->ndim);
    if (end < 0) return NULL;
    if (start > end)
        return tg_op_fail(&tgi_op_flatten, tg_list(t),
                          "flatten() has invalid args: start_dim cannot come after end_dim");
    if (start == end && t->ndim) return t;
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < t->ndim; d++) {
        if (d > start && d <= end)
            shape.dims[shape.ndim - 1] *= t->dims[d];
        else
            shape.dims[shape.ndim++] = t->dims[d];
    }
    return tg_reshape(t, t->ndim ? shape : tg_shape(1));
}

/* ---- transpose, permute, t ---- */

typedef struct dim_pair {
    int a, b;
} dim_pair;

static void transpose_backward(tg_context *ctx)
{
    const dim_pair *dims = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_transpose(tg_grad_output(ctx, 0), dims->a, dims->b));
}

static tg_tensor_list transpose_again(const tg_node *node, tg_tensor_list inputs)
{
    const dim_pair *dims = tg_node_attributes(node);
    return tgi_result(tg_transpose(inputs.items[0], dims->a, dims->b));
}

static tg_tensor_list transpose_call(const tg_value *v)
{
    return tgi_result(tg_transpose(v[0].as.tensor, v[1].as.integer, v[2].as.integer));
}

const tg_op tgi_op_transpose = {
    .name = "transpose",
    .schema = "transpose(Tensor(a) self, int dim0, int dim1) -> Tensor(a)",
    .formula = "y[.., i, .., j, ..] = self[.., j, .., i, ..]",
    .gradient = "dself = transpose(g, dim0, dim1)",
    .doc = "two dimensions swapped",
    .backward = transpose_backward,
    .call = transpose_call,
    .again = transpose_again,
    .samples =
        (const char *const[]){ "transpose(f(2, 3), 0, 1)", "transpose(f(2, 3, 4), -1, 0)", "transpose(f(2, 3), 1, 1)",
                               "transpose(f(), 0, -1)", "transpose(f(0, 3), 0, 1)", NULL },
    .errors = (const tg_error_sample[]){ { "transpose(f(2, 3), 0, 2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

static tg_tensor *swapped(const tg_op *op, tg_tensor *t, int a, int b)
{
    tgi_layout layout = tgi_layout_of(t);
    if (a != b) {
        layout.dims[a] = t->dims[b];
        layout.dims[b] = t->dims[a];
        layout.strides[a] = tgi_strides(t)[b];
        layout.strides[b] = tgi_strides(t)[a];
    }
    const dim_pair dims = { a, b };
    return tgi_record_view(op, t, &layout, &dims, sizeof dims);
}

tg_tensor *tg_transpose_at(const char *where, tg_tensor *t, int64_t dim0, int64_t dim1)
{
    if (!tg_op_begin(where, &tgi_op_transpose, tg_list(t))) return NULL;
    const int a = tgi_op_dim(&tgi_op_transpose, tg_list(t), dim0, t->ndim);
    const int b = a < 0 ? -1 : tgi_op_dim(&tgi_op_transpose, tg_list(t), dim1, t->ndim);
    if (b < 0) return NULL;
    return swapped(&tgi_op_transpose, t, a, b);
}

static void permute_backward(tg_context *ctx)
{
    const tg_shape *dims = tg_attributes(ctx);
    tg_shape inverse = { dims->ndim, { 0 } };
    for (int d = 0; d < dims->ndim; d++) inverse.dims[dims->dims[d]] = d;
    tg_set_grad_input(ctx, 0, tg_permute(tg_grad_output(ctx, 0), inverse));
}

static tg_tensor_list permute_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_permute(inputs.items[0], *(const tg_shape *)tg_node_attributes(node)));
}
static tg_tensor_list permute_call(const tg_value *v) { return tgi_result(tg_permute(v[0].as.tensor, v[1].as.ints)); }

const tg_op tgi_op_permute = {
    .name = "permute",
    .schema = "permute(Tensor(a) self, int[] dims) -> Tensor(a)",
    .formula = "dimension d of y is dimension dims[d] of self",
    .gradient = "dself = permute(g, the inverse of dims)",
    .doc = "all dimensions in another order",
    .backward = permute_backward,
    .call = permute_call,
    .again = permute_again,
    .samples = (const char *const[]){ "permute(f(2, 3, 4), [2, 0, 1])", "permute(f(2, 3), [-1, 0])", "permute(f(), [])",
                                      "permute(f(0, 2), [1, 0])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "permute(f(2, 3), [0])",
              "number of dimensions in the tensor input does not match the length of the desired ordering of "
              "dimensions i.e. input.dim() = 2 is not equal to len(dims) = 1" },
            { "permute(f(2, 3), [0, -2])", "permute(): duplicate dims are not allowed." },
            { "permute(f(2, 3), [0, 2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
};

tg_tensor *tg_permute_at(const char *where, tg_tensor *t, tg_shape dims)
{
    if (!tg_op_begin(where, &tgi_op_permute, tg_list(t))) return NULL;
    if (dims.ndim != t->ndim)
        return tg_op_fail(
            &tgi_op_permute, tg_list(t),
            "number of dimensions in the tensor input does not match the length of the desired ordering of "
            "dimensions i.e. input.dim() = %d is not equal to len(dims) = %d",
            t->ndim, dims.ndim);
    tgi_layout layout = tgi_layout_of(t);
    unsigned seen = 0;
    for (int d = 0; d < dims.ndim; d++) {
        const int from = tgi_op_dim(&tgi_op_permute, tg_list(t), dims.dims[d], t->ndim);
        if (from < 0) return NULL;
        if (seen >> from & 1)
            return tg_op_fail(&tgi_op_permute, tg_list(t), "permute(): duplicate dims are not allowed.");
        seen |= 1u << from;
        dims.dims[d] = from;
        layout.dims[d] = t->dims[from];
        layout.strides[d] = tgi_strides(t)[from];
    }
    return tgi_record_view(&tgi_op_permute, t, &layout, &dims, sizeof dims);
}

static tg_tensor_list t_call(const tg_value *v) { return tgi_result(tg_t(v[0].as.tensor)); }

const tg_op tgi_op_t = {
    .name = "t",
    .schema = "t(Tensor(a) self) -> Tensor(a)",
    .formula = "y[i, j] = self[j, i]",
    .gradient = "dself = t(g)",
    .doc = "a matrix transposed; a tensor of less than two dimensions as it is",
    .backward = transpose_backward,
    .call = t_call,
    .samples = (const char *const[]){ "t(f(2, 3))", "t(f(3))", "t(f())", NULL },
    .errors =
        (const tg_error_sample[]){ { "t(f(2, 3, 4))", "t() expects a tensor with <= 2 dimensions, but self is 3D" },
                                   { NULL, NULL } },
};

tg_tensor *tg_t_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_t, tg_list(t))) return NULL;
    if (t->ndim > 2)
        return tg_op_fail(&tgi_op_t, tg_list(t), "t() expects a tensor with <= 2 dimensions, but self is %dD", t->ndim);
    return swapped(&tgi_op_t, t, 0, t->ndim == 2);
}

/* ---- squeeze, unsqueeze, expand ---- */

static tg_tensor_list squeeze_call(const tg_value *v)
{
    return tgi_result(tg_squeeze(v[0].as.tensor, v[1].kind == TG_VALUE_NONE ? TG_NO_DIM : v[1].as.integer));
}

const tg_op tgi_op_squeeze = {
    .name = "squeeze",
    .schema = "squeeze(Tensor(a) self, int? dim=None) -> Tensor(a)",
    .formula = "y = self without dimension dim if its size is 1; without dim, without any of size 1",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "dimensions of size 1 removed",
    .usage = "tg_squeeze(self, dim)",
    .backward = view_backward,
    .call = squeeze_call,
    .again = view_again,
    .samples = (const char *const[]){ "squeeze(f(2, 1, 3, 1))", "squeeze(f(2, 1, 3), 1)", "squeeze(f(2, 1, 3), -1)",
                                      "squeeze(f(), 0)", "squeeze(f(1, 0))", NULL },
    .errors = (const tg_error_sample[]){ { "squeeze(f(2, 1), 2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

tg_tensor *tg_squeeze_at(const char *where, tg_tensor *t, int64_t dim)
{
    if (!tg_op_begin(where, &tgi_op_squeeze, tg_list(t))) return NULL;
    const int only = dim == TG_NO_DIM ? 0 : tgi_op_dim(&tgi_op_squeeze, tg_list(t), dim, t->ndim);
    if (only < 0) return NULL;
    tgi_layout layout = { .ndim = 0, .offset = t->offset };
    for (int d = 0; d < t->ndim; d++) {
        if (t->dims[d] == 1 && (dim == TG_NO_DIM || d == only)) continue;
        layout.dims[layout.ndim] = t->dims[d];
        layout.strides[layout.ndim++] = tgi_strides(t)[d];
    }
    return tgi_record_view(&tgi_op_squeeze, t, &layout, NULL, 0);
}

static tg_tensor_list unsqueeze_call(const tg_value *v)
{
    return tgi_result(tg_unsqueeze(v[0].as.tensor, v[1].as.integer));
}

const tg_op tgi_op_unsqueeze = {
    .name = "unsqueeze",
    .schema = "unsqueeze(Tensor(a) self, int dim) -> Tensor(a)",
    .formula = "y[.., 0, ..] = self",
    .gradient = "dself = reshape(g, self.shape)",
    .doc = "a dimension of size 1 put before dimension dim",
    .backward = view_backward,
    .call = unsqueeze_call,
    .again = view_again,
    .samples = (const char *const[]){ "unsqueeze(f(2, 3), 0)", "unsqueeze(f(2, 3), 2)", "unsqueeze(f(2, 3), -2)",
                                      "unsqueeze(f(), -1)", "unsqueeze(f(0), 0)", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "unsqueeze(f(1, 1, 1, 1, 1, 1, 1, 1), 0)", "a tensor has at most 8 dimensions" },
                                   { NULL, NULL } },
    .errors = (const tg_error_sample[]){ { "unsqueeze(f(2, 3), 3)",
                                           "Dimension out of range (expected to be in range of [-3, 2], but got 3)" },
                                         { NULL, NULL } },
};

tg_tensor *tg_unsqueeze_at(const char *where, tg_tensor *t, int64_t dim)
{
    if (!tg_op_begin(where, &tgi_op_unsqueeze, tg_list(t))) return NULL;
    const int d = tgi_op_dim(&tgi_op_unsqueeze, tg_list(t), dim, t->ndim + 1);
    if (d < 0 || !tgi_op_can_grow(&tgi_op_unsqueeze, tg_list(t), t->ndim)) return NULL;
    tgi_layout layout = tgi_layout_of(t);
    tgi_layout_unsqueeze(&layout, d);
    return tgi_record_view(&tgi_op_unsqueeze, t, &layout, NULL, 0);
}

/* The engine sums the gradient back to the input's shape. */
static void expand_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 0)); }
static tg_tensor_list expand_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_expand(inputs.items[0], tg_node_output_shape(node, 0)));
}
static tg_tensor_list expand_call(const tg_value *v) { return tgi_result(tg_expand(v[0].as.tensor, v[1].as.ints)); }

const tg_op tgi_op_expand = {
    .name = "expand",
    .schema = "expand(Tensor(a) self, int[] size) -> Tensor(a)",
    .formula = "y = self broadcast to shape size",
    .gradient = "dself = g summed over the dimensions that were stretched",
    .doc = "sizes of 1 stretched without a copy; -1 keeps a size",
    .backward = expand_backward,
    .call = expand_call,
    .again = expand_again,
    .samples = (const char *const[]){ "expand(f(2, 1), [2, 3])", "expand(f(3), [2, 3])", "expand(f(2, 1), [4, -1, 3])",
                                      "expand(f(), [2])", "expand(f(1), [0])", NULL },
    .own_errors =
        (const tg_error_sample[]){
            { "expand(f(1), [-2])", "The expanded size of the tensor (-2) must match the existing size (1)" },
            { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){
            { "expand(f(2, 3), [2, 4])",
              "The expanded size of the tensor (4) must match the existing size (3) at non-singleton "
              "dimension 1.  Target sizes: [2, 4].  Tensor sizes: [2, 3]" },
            { "expand(f(2, 3), [3])",
              "the number of sizes provided (1) must be greater or equal to the number of dimensions in "
              "the tensor (2)" },
            { "expand(f(3), [-1, 3])",
              "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension 0" },
            { "expand(f(1), [4611686018427387904, 4])", "numel: integer multiplication overflow" },
            { NULL, NULL } },
};

/* Resolves each -1 in `shape`, which becomes the result's; PyTorch's words when `t` does not expand to it. */
static bool expand_shape(tg_tensor *t, tg_shape *shape)
{
    char target[TG_SHAPE_TEXT], sizes[TG_SHAPE_TEXT];
    const tg_shape own = tgi_shape(t), asked = *shape;
    for (int d = 0; d < shape->ndim; d++) {
        const int from = d - (shape->ndim - t->ndim); /* t's dimension; negative for a new one */
        const int64_t size = from < 0 ? 1 : t->dims[from], wanted = asked.dims[d];
        if (wanted == -1 && from < 0)
            return tg_op_fail(&tgi_op_expand, tg_list(t),
                              "The expanded size of the tensor (-1) isn't allowed in a leading, "
                              "non-existing dimension %d",
                              d);
        if (wanted == -1) shape->dims[d] = size;
        if (wanted == -1 || wanted == size || (wanted >= 0 && size == 1)) continue;
        return tg_op_fail(&tgi_op_expand, tg_list(t),
                          "The expanded size of the tensor (%" PRId64 ") must match the existing size (%" PRId64
                          ") at non-singleton dimension %d.  Target sizes: %s.  Tensor sizes: %s",
                          wanted, size, d, tg_shape_text(&asked, target), tg_shape_text(&own, sizes));
    }
    return tgi_op_numel(&tgi_op_expand, tg_list(t), shape) >= 0;
}

static void stretch(tgi_layout *layout, int dim, int64_t size)
{
    if (layout->dims[dim] == size) return;
    layout->dims[dim] = size;
    layout->strides[dim] = 0;
}

tg_tensor *tg_expand_at(const char *where, tg_tensor *t, tg_shape shape)
{
    if (!tg_op_begin(where, &tgi_op_expand, tg_list(t)) || !tgi_op_list_fits(&tgi_op_expand, tg_list(t), &shape))
        return NULL;
    if (shape.ndim < t->ndim)
        return tg_op_fail(
            &tgi_op_expand, tg_list(t),
            "the number of sizes provided (%d) must be greater or equal to the number of dimensions in the "
            "tensor (%d)",
            shape.ndim, t->ndim);
    if (!expand_shape(t, &shape)) return NULL;
    tgi_layout layout = tgi_layout_of(t);
    for (int d = 0; d < t->ndim; d++) stretch(&layout, d, shape.dims[shape.ndim - t->ndim + d]);
    for (int d = shape.ndim - t->ndim - 1; d >= 0; d--) {
        tgi_layout_unsqueeze(&layout, 0);
        stretch(&layout, 0, shape.dims[d]);
    }
    return tgi_record_view(&tgi_op_expand, t, &layout, NULL, 0);
}
