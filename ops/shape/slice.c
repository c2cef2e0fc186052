/* slice.c: parts of a tensor as views, and the ops that put a gradient back where its part came from.
 *
 * select_backward and slice_backward place a tensor into zeros; their own backward is the slice again, so the pair can
 * be differentiated as often as one likes. Bounds are checked and clamped here, once: what reaches the tape is a part
 * that lies inside its tensor. */
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/view.h"

#include <inttypes.h>

/* Which part: indices start, start + step, ... of dimension `dim`. Of select, `start` is the index. */
typedef struct part {
    int dim;
    int64_t start, length, step;
} part;

/* ---- bounds ---- */

/* Counts a negative `*index` from the end. False, with PyTorch's words, when `shape` has no such index. */
static bool check_index(const tg_op *op, tg_tensor *t, const tg_shape *shape, int dim, int64_t *index)
{
    char text[TG_SHAPE_TEXT];
    const int64_t size = shape->ndim ? shape->dims[dim] : 0;
    if (shape->ndim == 0) return tg_op_fail(op, tg_list(t), "select() cannot be applied to a 0-dim tensor.");
    if (*index < -size || *index >= size)
        return tg_op_fail(op, tg_list(t),
                          "select(): index %" PRId64 " out of range for tensor of size %s at dimension %d", *index,
                          tg_shape_text(shape, text), dim);
    if (*index < 0) *index += size;
    return true;
}

static int64_t clamp_bound(int64_t bound, int64_t size)
{
    if (bound < 0) bound += size;
    return bound < 0 ? 0 : bound > size ? size : bound;
}

/* Python's start:end:step of a dimension of `size`. */
static part slice_part(int dim, int64_t size, int64_t start, int64_t end, int64_t step)
{
    const int64_t from = clamp_bound(start, size), to = clamp_bound(end, size);
    return (part){ dim, from, to > from ? (to - from - 1) / step + 1 : 0, step };
}

/* The index after the part's last one. */
static int64_t part_end(const part *p) { return p->length ? p->start + (p->length - 1) * p->step + 1 : p->start; }

/* ---- placing into zeros ---- */

static tg_tensor *place(const tg_op *op, tg_tensor *g, const tg_shape *whole, const part *p)
{
    tg_tensor *y = g ? tgi_new_full(whole, (tg_dtype)g->dtype, 0) : NULL;
    if (!y) return NULL;
    tgi_layout layout = tgi_layout_of(y);
    if (op == &tgi_op_select_backward)
        tgi_layout_select(&layout, p->dim, p->start);
    else
        tgi_layout_slice(&layout, p->dim, p->start, p->length, p->step);
    if (tgi_copy_part(y, &layout, g) != TG_OK) return NULL;
    return tg_record(op, tg_list(g), tg_list(y), TG_NONE, p, sizeof *p) == TG_OK ? y : NULL;
}

static tg_tensor_list place_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_shape whole = tg_node_output_shape(node, 0);
    return tgi_result(place(tg_node_op(node), inputs.items[0], &whole, tg_node_attributes(node)));
}

static tg_tensor_list select_again(const tg_node *node, tg_tensor_list inputs)
{
    const part *p = tg_node_attributes(node);
    return tgi_result(tg_select(inputs.items[0], p->dim, p->start));
}

static tg_tensor *sliced(const tg_op *op, tg_tensor *t, part p)
{
    tgi_layout layout = tgi_layout_of(t);
    tgi_layout_slice(&layout, p.dim, p.start, p.length, p.step);
    return tgi_record_view(op, t, &layout, &p, sizeof p);
}

static tg_tensor_list slice_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(sliced(tg_node_op(node), inputs.items[0], *(const part *)tg_node_attributes(node)));
}

static void select_backward(tg_context *ctx)
{
    const tg_shape whole = tg_input_shape(ctx, 0);
    tg_set_grad_input(ctx, 0, place(&tgi_op_select_backward, tg_grad_output(ctx, 0), &whole, tg_attributes(ctx)));
}

static void slice_backward(tg_context *ctx)
{
    const tg_shape whole = tg_input_shape(ctx, 0);
    tg_set_grad_input(ctx, 0, place(&tgi_op_slice_backward, tg_grad_output(ctx, 0), &whole, tg_attributes(ctx)));
}

static void select_backward_backward(tg_context *ctx)
{
    const part *p = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_select(tg_grad_output(ctx, 0), p->dim, p->start));
}

static void slice_backward_backward(tg_context *ctx)
{
    const part *p = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_slice(tg_grad_output(ctx, 0), p->dim, p->start, part_end(p), p->step));
}

/* The generic call: checks what a backward knows to be so, that `g` has the shape of the part. */
static tg_tensor *checked_place(const tg_op *op, tg_tensor *g, const tg_shape *whole, const tg_shape *want, part p)
{
    char expected[TG_SHAPE_TEXT];
    const tg_shape have = tgi_shape(g);
    if (tg_shape_equal(want, &have)) return place(op, g, whole, &p);
    return tg_op_fail(op, tg_list(g), "the part has shape %s, which grad_output must have, too",
                      tg_shape_text(want, expected));
}

static tg_tensor_list select_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_select_backward;
    tg_tensor *g = v[0].as.tensor;
    const tg_shape whole = v[1].as.ints;
    int64_t index = v[3].as.integer;
    if (!tg_op_begin(NULL, op, tg_list(g)) || !tgi_op_list_fits(op, tg_list(g), &whole)) return tg_list_failed();
    const int dim = tgi_op_dim(op, tg_list(g), v[2].as.integer, whole.ndim);
    if (dim < 0 || !check_index(op, g, &whole, dim, &index)) return tg_list_failed();
    tg_shape want = { whole.ndim - 1, { 0 } };
    for (int d = 0; d < want.ndim; d++) want.dims[d] = whole.dims[d + (d >= dim)];
    return tgi_result(checked_place(op, g, &whole, &want, (part){ dim, index, 1, 1 }));
}

static tg_tensor_list slice_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_slice_backward;
    tg_tensor *g = v[0].as.tensor;
    const tg_shape whole = v[1].as.ints;
    tg_shape want = whole;
    if (!tg_op_begin(NULL, op, tg_list(g)) || !tgi_op_list_fits(op, tg_list(g), &whole)) return tg_list_failed();
    const int dim = tgi_op_dim(op, tg_list(g), v[2].as.integer, whole.ndim);
    if (dim < 0) return tg_list_failed();
    if (v[5].as.integer <= 0) return tgi_result(tg_op_fail(op, tg_list(g), "slice step must be positive"));
    if (whole.ndim == 0) return tgi_result(tg_op_fail(op, tg_list(g), "slice() cannot be applied to a 0-dim tensor."));
    const part p = slice_part(dim, whole.dims[dim], v[3].as.integer, v[4].as.integer, v[5].as.integer);
    want.dims[dim] = p.length;
    return tgi_result(checked_place(op, g, &whole, &want, p));
}

const tg_op tgi_op_select_backward = {
    .name = "select_backward",
    .schema = "select_backward(Tensor grad_output, int[] input_sizes, int dim, int index) -> Tensor",
    .formula = "y = zeros(input_sizes); y[.., index, ..] = grad_output",
    .gradient = "dgrad_output = select(g, dim, index)",
    .doc = "the gradient of select",
    .usage = "",
    .backward = select_backward_backward,
    .call = select_backward_call,
    .again = place_again,
    .samples =
        (const char *const[]){ "select_backward(f(2, 4), [2, 3, 4], 1, 2)", "select_backward(f(), [3], 0, 0)", NULL },
    .own_errors = (const tg_error_sample[]){ { "select_backward(f(2), [2, 3], 0, 1)", "the part has shape [3]" },
                                             { NULL, NULL } },
    .errors = (const tg_error_sample[]){ { "select_backward(f(3), [2, 3], 0, 5)",
                                           "select(): index 5 out of range for tensor of size [2, 3] at dimension 0" },
                                         { "select_backward(f(), [], 0, 0)",
                                           "select() cannot be applied to a 0-dim tensor." },
                                         { "select_backward(f(3), [2, 3], 2, 0)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};
const tg_op tgi_op_slice_backward = {
    .name = "slice_backward",
    .schema = "slice_backward(Tensor grad_output, int[] input_sizes, int dim, int start, int end, int step) -> Tensor",
    .formula = "y = zeros(input_sizes); y[.., start : end : step, ..] = grad_output",
    .gradient = "dgrad_output = slice(g, dim, start, end, step)",
    .doc = "the gradient of slice and narrow",
    .usage = "",
    .backward = slice_backward_backward,
    .call = slice_backward_call,
    .again = place_again,
    .samples = (const char *const[]){ "slice_backward(f(2, 2), [2, 5], 1, 1, 5, 2)",
                                      "slice_backward(f(0), [3], 0, 1, 1, 1)", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "slice_backward(f(2, 3), [2, 2], 1, 0, 3, 1)", "the part has shape [2, 2]" },
                                   { NULL, NULL } },
    .errors = (const tg_error_sample[]){ { "slice_backward(f(2), [2], 0, 0, 2, 0)", "slice step must be positive" },
                                         { "slice_backward(f(), [], 0, 0, 1, 1)",
                                           "slice() cannot be applied to a 0-dim tensor." },
                                         { NULL, NULL } },
};

/* ---- select ---- */

static tg_tensor_list select_call(const tg_value *v)
{
    return tgi_result(tg_select(v[0].as.tensor, v[1].as.integer, v[2].as.integer));
}

const tg_op tgi_op_select = {
    .name = "select",
    .schema = "select(Tensor(a) self, int dim, int index) -> Tensor(a)",
    .formula = "y = self[.., index, ..]",
    .gradient = "dself = zeros, with g at index",
    .doc = "one index of a dimension, which goes; a negative index counts from the end",
    .backward = select_backward,
    .call = select_call,
    .again = select_again,
    .samples = (const char *const[]){ "select(f(3, 4), 0, 1)", "select(f(2, 3, 4), -2, -1)", "select(f(3), 0, 2)",
                                      "select(f(0, 2), 1, 0)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "select(f(3, 4), 0, 3)", "select(): index 3 out of range for tensor of size [3, 4] at dimension 0" },
            { "select(f(3, 4), 0, -4)", "select(): index -4 out of range for tensor of size [3, 4] at dimension 0" },
            { "select(f(3, 4), 2, 0)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "select(f(), 0, 0)", "select() cannot be applied to a 0-dim tensor." },
            { NULL, NULL } },
};

tg_tensor *tg_select_at(const char *where, tg_tensor *t, int64_t dim, int64_t index)
{
    const tg_op *op = &tgi_op_select;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    const tg_shape shape = tgi_shape(t);
    if (d < 0 || !check_index(op, t, &shape, d, &index)) return NULL;
    const part p = { d, index, 1, 1 };
    tgi_layout layout = tgi_layout_of(t);
    tgi_layout_select(&layout, d, index);
    return tgi_record_view(op, t, &layout, &p, sizeof p);
}

/* ---- narrow and slice ---- */

static tg_tensor_list narrow_call(const tg_value *v)
{
    return tgi_result(tg_narrow(v[0].as.tensor, v[1].as.integer, v[2].as.integer, v[3].as.integer));
}

const tg_op tgi_op_narrow = {
    .name = "narrow",
    .schema = "narrow(Tensor(a) self, int dim, int start, int length) -> Tensor(a)",
    .formula = "y = self[.., start : start + length, ..]",
    .gradient = "dself = zeros, with g at that part",
    .doc = "length indices of a dimension from start on; a negative start counts from the end",
    .grad_name = "SliceBackward0",
    .backward = slice_backward,
    .call = narrow_call,
    .again = slice_again,
    .samples = (const char *const[]){ "narrow(f(4, 5), 1, 2, 3)", "narrow(f(4, 5), -2, -3, 2)", "narrow(f(3), 0, 3, 0)",
                                      "narrow(f(0, 2), 0, 0, 0)", NULL },
    .own_errors = (const tg_error_sample[]){ { "narrow(f(4), 0, 0, -1)", "narrow(): length must be non-negative." },
                                             { "narrow(f(4), 0, 5, 0)",
                                               "start out of range (expected to be in range of [-4, 4], but got 5)" },
                                             { NULL, NULL } },
    .errors =
        (const tg_error_sample[]){
            { "narrow(f(4), 0, 2, 3)", "start (2) + length (3) exceeds dimension size (4)." },
            { "narrow(f(4), 0, -1, 2)", "start (3) + length (2) exceeds dimension size (4)." },
            { "narrow(f(4), 0, 1, 9223372036854775807)", "exceeds dimension size (4)." },
            { "narrow(f(4), 1, 0, 0)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { "narrow(f(), 0, 0, 0)", "narrow() cannot be applied to a 0-dim tensor." },
            { NULL, NULL } },
};

tg_tensor *tg_narrow_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t length)
{
    const tg_op *op = &tgi_op_narrow;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->ndim == 0) return tg_op_fail(op, tg_list(t), "narrow() cannot be applied to a 0-dim tensor.");
    if (length < 0) return tg_op_fail(op, tg_list(t), "narrow(): length must be non-negative.");
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return NULL;
    const int64_t size = t->dims[d];
    if (start < -size || start > size)
        return tg_op_fail(op, tg_list(t),
                          "start out of range (expected to be in range of [%" PRId64 ", %" PRId64 "], but got %" PRId64
                          ")",
                          -size, size, start);
    if (start < 0) start += size;
    if (length > size - start)
        return tg_op_fail(op, tg_list(t),
                          "start (%" PRId64 ") + length (%" PRId64 ") exceeds dimension size (%" PRId64 ").", start,
                          length, size);
    return sliced(op, t, (part){ d, start, length, 1 });
}

/* None, where Python leaves a bound out. */
static tg_tensor_list slice_call(const tg_value *v)
{
    const int64_t start = v[2].kind == TG_VALUE_NONE ? 0 : v[2].as.integer;
    const int64_t end = v[3].kind == TG_VALUE_NONE ? INT64_MAX : v[3].as.integer;
    return tgi_result(tg_slice(v[0].as.tensor, v[1].as.integer, start, end, v[4].as.integer));
}

const tg_op tgi_op_slice = {
    .name = "slice",
    .schema = "slice(Tensor(a) self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor(a)",
    .formula = "y = self[.., start : end : step, ..]",
    .gradient = "dself = zeros, with g at that part",
    .doc = "Python's slice of a dimension: negative bounds count from the end, and bounds are clamped",
    .usage = "tg_slice(self, dim, start, end, step)",
    .backward = slice_backward,
    .call = slice_call,
    .again = slice_again,
    .samples =
        (const char *const[]){ "slice(f(5, 2), 0, 1, 4, 2)", "slice(f(2, 5), 1, -3, 100, 1)", "slice(f(5), 0, 4, 2, 1)",
                               "slice(f(5), 0, 0, 5, 7)", "slice(f(0), 0, 0, 3, 1)", NULL },
    .own_errors =
        (const tg_error_sample[]){
            { "slice(f(4), 0, 0, 2, 0)", "slice step must be positive" },
            { "slice(f(4), 0, None, None, -1)", "slice step must be positive" },
            { "slice(f(), 0, 0, 1, 1)", "slice() cannot be applied to a 0-dim tensor." },
            { "slice(f(4), 1, 0, 2, 1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { NULL, NULL } },
};

tg_tensor *tg_slice_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t end, int64_t step)
{
    const tg_op *op = &tgi_op_slice;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->ndim == 0) return tg_op_fail(op, tg_list(t), "slice() cannot be applied to a 0-dim tensor.");
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return NULL;
    if (step <= 0) return tg_op_fail(op, tg_list(t), "slice step must be positive");
    return sliced(op, t, slice_part(d, t->dims[d], start, end, step));
}
