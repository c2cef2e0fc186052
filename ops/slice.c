/* slice.c: parts of a tensor as views, and the ops that put a gradient back where its part came from.
 *
 * select_backward and slice_backward place a tensor into zeros; their own backward is the slice again, so the pair can be
 * differentiated as often as one likes. */
#include "call.h"
#include "iterate.h"
#include "layout.h"
#include "view.h"

#include <inttypes.h>

/* Which part: the sizes of the whole, so that the gradient knows where it goes. */
typedef struct part {
    tg_shape whole;
    int dim;
    int64_t start, length, step;   /* select: start is the index */
} part;

/* ---- placing into zeros ---- */

static tg_tensor *place(const tg_op *op, tg_tensor *g, const part *p)
{
    const bool selected = op == &tgi_op_select_backward;
    tg_tensor *whole = g ? tgi_new_full(&p->whole, (tg_dtype)g->dtype, 0) : NULL;
    if (!whole) return NULL;
    tgi_layout layout = tgi_layout_of(whole);
    if (selected)
        tgi_layout_select(&layout, p->dim, p->start);
    else
        tgi_layout_slice(&layout, p->dim, p->start, p->length, p->step);
    if (tgi_copy_part(whole, &layout, g) != TG_OK) return NULL;
    return tg_record(op, tg_list(g), tg_list(whole), TG_NONE, p, sizeof *p) == TG_OK ? whole : NULL;
}

static void select_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, place(&tgi_op_select_backward, tg_grad_output(ctx, 0), tg_attributes(ctx))); }
static void slice_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, place(&tgi_op_slice_backward, tg_grad_output(ctx, 0), tg_attributes(ctx))); }

static void select_backward_backward(tg_context *ctx)
{
    const part *p = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_select(tg_grad_output(ctx, 0), p->dim, p->start));
}

static void slice_backward_backward(tg_context *ctx)
{
    const part *p = tg_attributes(ctx);
    const int64_t end = p->length ? p->start + (p->length - 1) * p->step + 1 : p->start;
    tg_set_grad_input(ctx, 0, tg_slice(tg_grad_output(ctx, 0), p->dim, p->start, end, p->step));
}

/* The generic call checks what the engine already knows. */
static tg_tensor_list place_call(const tg_op *op, tg_tensor *g, part p)
{
    if (!tg_op_begin(NULL, op, tg_list(g))) return tg_list_failed();
    const bool selected = op == &tgi_op_select_backward;
    const int dim = tgi_op_dim(op, tg_list(g), p.dim, p.whole.ndim);
    const tg_shape have = tgi_shape(g);
    tg_shape want = p.whole;
    if (dim < 0 || !tgi_op_list_fits(op, tg_list(g), &p.whole)) return tg_list_failed();
    p.dim = dim;
    want.dims[dim] = p.length;
    if (selected) {
        want.ndim--;
        for (int d = dim; d < want.ndim; d++) want.dims[d] = p.whole.dims[d + 1];
    }
    const bool inside = p.start >= 0 && p.step > 0 && (p.length == 0 || p.start + (p.length - 1) * p.step < p.whole.dims[dim]);
    if (!inside || !tg_shape_equal(&want, &have)) return tgi_result(tg_op_fail(op, tg_list(g), "the gradient is not such a part of the whole"));
    return tgi_result(place(op, g, &p));
}

static tg_tensor_list select_backward_call(const tg_value *v)
{
    return place_call(&tgi_op_select_backward, v[0].as.tensor, (part){ v[1].as.ints, (int)v[2].as.integer, v[3].as.integer, 1, 1 });
}

static int64_t slice_length(int64_t start, int64_t end, int64_t step) { return end > start ? (end - start - 1) / step + 1 : 0; }

static tg_tensor_list slice_backward_call(const tg_value *v)
{
    const int64_t start = v[3].as.integer, end = v[4].as.integer, step = v[5].as.integer;
    const int64_t length = step > 0 ? slice_length(start, end, step) : 0;
    return place_call(&tgi_op_slice_backward, v[0].as.tensor, (part){ v[1].as.ints, (int)v[2].as.integer, start, length, step });
}

const tg_op tgi_op_select_backward = {
    .name = "select_backward",
    .schema = "select_backward(Tensor grad_output, int[] input_sizes, int dim, int index) -> Tensor",
    .formula = "y = zeros(input_sizes); y[.., index, ..] = grad_output",
    .gradient = "dgrad_output = select(g, dim, index)",
    .doc = "the gradient of select",
    .backward = select_backward_backward,
    .call = select_backward_call,
    .samples = (const char *const[]){ "select_backward(f(2, 4), [2, 3, 4], 1, 2)", "select_backward(f(), [3], 0, 0)", NULL },
    .errors = (const tg_error_sample[]){ { "select_backward(f(2), [2, 3], 0, 5)", "not such a part" }, { NULL, NULL } },
};
const tg_op tgi_op_slice_backward = {
    .name = "slice_backward",
    .schema = "slice_backward(Tensor grad_output, int[] input_sizes, int dim, int start, int end, int step) -> Tensor",
    .formula = "y = zeros(input_sizes); y[.., start:end:step, ..] = grad_output",
    .gradient = "dgrad_output = slice(g, dim, start, end, step)",
    .doc = "the gradient of slice and narrow",
    .backward = slice_backward_backward,
    .call = slice_backward_call,
    .samples = (const char *const[]){ "slice_backward(f(2, 2), [2, 5], 1, 1, 5, 2)", "slice_backward(f(0), [3], 0, 1, 1, 1)", NULL },
    .errors = (const tg_error_sample[]){ { "slice_backward(f(2, 3), [2, 2], 1, 0, 3, 1)", "not such a part" }, { NULL, NULL } },
};

/* ---- select ---- */

static tg_tensor_list select_call(const tg_value *v) { return tgi_result(tg_select(v[0].as.tensor, v[1].as.integer, v[2].as.integer)); }

const tg_op tgi_op_select = {
    .name = "select",
    .schema = "select(Tensor(a) self, int dim, int index) -> Tensor(a)",
    .formula = "y = self[.., index, ..]",
    .gradient = "dself = zeros, with g at index",
    .doc = "one index of a dimension, which goes; a negative index counts from the end",
    .backward = select_backward,
    .call = select_call,
    .samples = (const char *const[]){ "select(f(3, 4), 0, 1)", "select(f(2, 3, 4), -2, -1)", "select(f(3), 0, 2)", "select(f(0, 2), 1, 0)", NULL },
    .errors = (const tg_error_sample[]){
        { "select(f(3, 4), 0, 3)", "select(): index 3 out of range for tensor of size [3, 4] at dimension 0" },
        { "select(f(3, 4), 2, 0)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
        { "select(f(), 0, 0)", "select() cannot be applied to a 0-dim tensor." },
        { NULL, NULL } },
};

tg_tensor *tg_select_at(const char *where, tg_tensor *t, int64_t dim, int64_t index)
{
    const tg_op *op = &tgi_op_select;
    char text[TG_SHAPE_TEXT];
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->ndim == 0) return tg_op_fail(op, tg_list(t), "select() cannot be applied to a 0-dim tensor.");
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return NULL;
    const tg_shape whole = tgi_shape(t);
    if (index < -t->dims[d] || index >= t->dims[d])
        return tg_op_fail(op, tg_list(t), "select(): index %" PRId64 " out of range for tensor of size %s at dimension %d", index,
                          tg_shape_text(&whole, text), d);
    const part p = { whole, d, index < 0 ? index + t->dims[d] : index, 1, 1 };
    tgi_layout layout = tgi_layout_of(t);
    tgi_layout_select(&layout, d, p.start);
    return tgi_record_view(op, t, &layout, &p, sizeof p);
}

/* ---- narrow and slice ---- */

static tg_tensor *sliced(const tg_op *op, tg_tensor *t, int d, int64_t start, int64_t length, int64_t step)
{
    const part p = { tgi_shape(t), d, start, length, step };
    tgi_layout layout = tgi_layout_of(t);
    tgi_layout_slice(&layout, d, start, length, step);
    return tgi_record_view(op, t, &layout, &p, sizeof p);
}

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
    .backward = slice_backward,
    .call = narrow_call,
    .samples = (const char *const[]){ "narrow(f(4, 5), 1, 2, 3)", "narrow(f(4, 5), -2, -3, 2)", "narrow(f(3), 0, 3, 0)", "narrow(f(0, 2), 0, 0, 0)", NULL },
    .errors = (const tg_error_sample[]){
        { "narrow(f(4), 0, 2, 3)", "start (2) + length (3) exceeds dimension size (4)." },
        { "narrow(f(4), 0, 0, -1)", "narrow(): length must be non-negative." },
        { "narrow(f(4), 0, 5, 0)", "start out of range" },
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
        return tg_op_fail(op, tg_list(t), "start out of range (expected to be in range of [%" PRId64 ", %" PRId64 "], but got %" PRId64 ")",
                          -size, size, start);
    if (start < 0) start += size;
    if (length > size - start)
        return tg_op_fail(op, tg_list(t), "start (%" PRId64 ") + length (%" PRId64 ") exceeds dimension size (%" PRId64 ").", start, length, size);
    return sliced(op, t, d, start, length, 1);
}

static tg_tensor_list slice_call(const tg_value *v)
{
    return tgi_result(tg_slice(v[0].as.tensor, v[1].as.integer, v[2].as.integer, v[3].as.integer, v[4].as.integer));
}

const tg_op tgi_op_slice = {
    .name = "slice",
    .schema = "slice(Tensor(a) self, int dim=0, int start=0, int end=9223372036854775807, int step=1) -> Tensor(a)",
    .formula = "y = self[.., start : end : step, ..]",
    .gradient = "dself = zeros, with g at that part",
    .doc = "Python's slice of a dimension: negative bounds count from the end, and bounds are clamped",
    .backward = slice_backward,
    .call = slice_call,
    .samples = (const char *const[]){ "slice(f(5, 2), 0, 1, 4, 2)", "slice(f(2, 5), 1, -3, 100, 1)", "slice(f(5), 0, 4, 2, 1)", "slice(f(5), 0, 0, 5, 7)",
                                      "slice(f(0), 0, 0, 3, 1)", NULL },
    .errors = (const tg_error_sample[]){
        { "slice(f(4), 0, 0, 2, 0)", "slice step must be positive" },
        { "slice(f(), 0, 0, 1, 1)", "slice() cannot be applied to a 0-dim tensor." },
        { "slice(f(4), 1, 0, 2, 1)", "Dimension out of range" },
        { NULL, NULL } },
};

static int64_t clamp_bound(int64_t bound, int64_t size)
{
    if (bound < 0) bound += size;
    return bound < 0 ? 0 : bound > size ? size : bound;
}

tg_tensor *tg_slice_at(const char *where, tg_tensor *t, int64_t dim, int64_t start, int64_t end, int64_t step)
{
    const tg_op *op = &tgi_op_slice;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (t->ndim == 0) return tg_op_fail(op, tg_list(t), "slice() cannot be applied to a 0-dim tensor.");
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return NULL;
    if (step <= 0) return tg_op_fail(op, tg_list(t), "slice step must be positive");
    const int64_t from = clamp_bound(start, t->dims[d]), to = clamp_bound(end, t->dims[d]);
    return sliced(op, t, d, from, slice_length(from, to, step), step);
}
