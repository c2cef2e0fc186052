/* pad.c: borders around a tensor: constant, or made of its own elements.
 *
 * A constant border is a copy into the middle of a filled tensor; its gradient cuts the border off, which is a border of
 * negative width. The other modes pick elements along one dimension after the other. */
#include "ops/rearrange.h"

#include "ops/base/call.h"
#include "ops/index.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef enum pad_mode { CONSTANT, REFLECT, REPLICATE, CIRCULAR, MODES } pad_mode;

static const char *const mode_names[MODES] = { "constant", "reflect", "replicate", "circular" };

/* Before and behind dimension d of `t`; 0 for those that pad does not name. */
static int64_t before(const tg_tensor *t, const tg_shape *pad, int d)
{
    const int k = 2 * (t->ndim - 1 - d);
    return k < pad->ndim ? pad->dims[k] : 0;
}
static int64_t behind(const tg_tensor *t, const tg_shape *pad, int d)
{
    const int k = 2 * (t->ndim - 1 - d) + 1;
    return k < pad->ndim ? pad->dims[k] : 0;
}

typedef struct pad_attributes {
    tg_shape pad;
    double value;
} pad_attributes;

static tg_tensor_list pad_again(const tg_node *node, tg_tensor_list inputs)
{
    const pad_attributes *a = tg_node_attributes(node);
    return tgi_result(tg_pad(inputs.items[0], a->pad, .value = a->value));
}

static void pad_backward(tg_context *ctx)
{
    tg_shape pad = ((const pad_attributes *)tg_attributes(ctx))->pad;
    for (int k = 0; k < pad.ndim; k++) pad.dims[k] = -pad.dims[k];
    tg_set_grad_input(ctx, 0, tg_pad(tg_grad_output(ctx, 0), pad));
}

static tg_tensor_list pad_call(const tg_value *v)
{
    tg_pad_options o = TG_PAD_OPTIONS(.mode = v[2].as.string);
    if (v[3].kind == TG_VALUE_FLOAT) o.value = v[3].as.real;
    return tgi_result(tg_pad_at(NULL, v[0].as.tensor, v[1].as.ints, o));
}

const tg_op tgi_op_pad = {
    .name = "pad",
    .schema = "pad(Tensor input, int[] pad, str mode='constant', float? value=None) -> Tensor",
    .formula =
        "y[i] = input[i - pad[0]] inside; outside value, or the element that i - pad[0] is mirrored at the border to "
        "(reflect), the nearest one (replicate), that at i - pad[0] mod size (circular)",
    .gradient = "dinput = g inside, plus, for all modes but constant, g outside where its elements came from",
    .doc = "a border before and behind the last dimension, then the one before it, and so on; negative widths cut off",
    .shapes = "[*, N] and pad [2] to [*, pad[0] + N + pad[1]], and so on",
    .backward = pad_backward,
    .call = pad_call,
    .again = pad_again,
    .samples = (const char *const[]){ "pad(f(3), [1, 2])",
                                      "pad(f(2, 3), [1, 0, 2, 1], 'constant', 1.5)",
                                      "pad(f(2, 3), [-1, 1])",
                                      "pad(f(3, 4), [-1, -2, 1, -1], value=-2)",
                                      "pad(f(2, 2, 2), [0, 0, 1, 1])",
                                      "pad(f(), [])",
                                      "pad(f(3), [])",
                                      "pad(f(0, 2), [1, 1, 1, 1])",
                                      "pad(i(2, 3), [1, 1], value=7)",
                                      "pad(b(2, 3), [1, 1])",
                                      "pad(f(2, 3), [2, 1], 'reflect')",
                                      "pad(f(2, 2, 3), [1, 2], 'reflect')",
                                      "pad(f(2, 3, 3), [1, 2, 2, 0], 'reflect')",
                                      "pad(f(1, 1, 3, 3), [1, 2, 2, 0], 'reflect')",
                                      "pad(f(1, 2, 3, 2), [1, 1, 2, 0, 0, 1], 'reflect')",
                                      "pad(f(2, 4), [-1, 2], 'reflect')",
                                      "pad(f(2, 3), [4, 1], 'replicate')",
                                      "pad(f(2, 2, 3), [4, 1], 'replicate')",
                                      "pad(f(1, 3, 3), [1, 2, 4, 0], 'replicate')",
                                      "pad(f(1, 1, 2, 3), [1, 2, 4, 0], 'replicate')",
                                      "pad(f(1, 1, 2, 2, 2), [1, 1, 2, 0, 0, 3], 'replicate')",
                                      "pad(f(2, 3), [2, -1], 'replicate')",
                                      "pad(f(2, 2, 3), [3, 1], 'circular')",
                                      "pad(f(1, 1, 2, 3), [1, 2, 2, 0], 'circular')",
                                      "pad(f(1, 1, 2, 2, 2), [1, 1, 2, 0, 0, 2], 'circular')",
                                      "pad(f(1, 2, 4), [-1, 2], 'circular')",
                                      "pad(i(1, 2, 4), [2, 2], 'circular')",
                                      NULL },
    .corners = (const char *const[]){ "pad(v(nan, inf, -0.0), [1, 1], value=nan)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "pad(f(3), [1])", "Padding length must be divisible by 2" },
            { "pad(f(3), [1, 1, 1, 1])", "Padding length too large" },
            { "pad(f(3), [-2, -2])", "start (0) + length (-1) exceeds dimension size (1)." },
            { "pad(f(2, 3), [1, 1], 'zig')", "Unrecognised padding mode zig" },
            { "pad(f(2, 3), [1, 1], 'reflect', 1)", "Padding mode \"reflect\" doesn't take in value argument" },
            { "pad(f(3), [1, 1], 'reflect')",
              "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now" },
            { "pad(f(2, 3), [1, 1, 1, 1], 'replicate')",
              "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now" },
            { "pad(f(2, 3), [3, 3], 'reflect')",
              "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (3, 3) at "
              "dimension 1 of input [2, 3]" },
            { "pad(f(1, 1, 3, 3), [1, 1, 3, 1], 'reflect')",
              "Argument #6: Padding size should be less than the corresponding input dimension, but got: padding (3, 1) at "
              "dimension 2 of input 4" },
            { "pad(f(1, 1, 3, 3, 3), [1, 1, 3, 1, 1, 1], 'reflect')",
              "Argument #6: Padding size should be less than the corresponding input dimension, but got: padding (3, 1) at "
              "dimension 3 of input [1, 1, 3, 3, 3]" },
            { "pad(f(2, 3), [-2, -2], 'replicate')", "input (W: 3) is too small. Calculated output W: -1" },
            { "pad(f(2, 3), [1, 1], 'circular')", "Invalid padding size, expected 0 but got 2" },
            { "pad(f(1, 2, 3), [4, 1], 'circular')", "Padding value causes wrapping around more than once." },
            { "pad(f(1, 2, 3), [-2, -2], 'circular')", "Negative padding value is resulting in an empty dimension" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "pad(f(2, 0), [1, 1], 'replicate')", "input (W: 0) has nothing to pad with" },
                                   { NULL, NULL } },
    .traits = TG_CHOOSES,
};

/* ---- constant ---- */

/* Cuts dimension d where its border is negative; in the steps and words of PyTorch. */
static bool cut_off(tg_tensor *t, tgi_layout *part, int d, int64_t front, int64_t back)
{
    for (int end = 0; end < 2; end++) {
        int64_t width = end ? back : front;
        if (width == INT64_MIN) width++; /* as good, and can be negated */
        const int64_t size = part->dims[d], start = end ? 0 : -width;
        if (width >= 0) continue;
        if (width < -size)
            return tg_op_fail(&tgi_op_pad, tg_list(t),
                              "start (%" PRId64 ") + length (%" PRId64 ") exceeds dimension size (%" PRId64 ").", start,
                              size + width, size);
        tgi_layout_slice(part, d, size + width ? start : 0, size + width, 1);
    }
    return true;
}

static tg_tensor *pad_constant(tg_tensor *t, const tg_shape *pad, double value)
{
    const tg_op *op = &tgi_op_pad;
    tgi_layout from = tgi_layout_of(t), to = { .ndim = t->ndim };
    tg_shape shape = tgi_shape(t);
    for (int d = 0; d < t->ndim; d++) {
        const int64_t front = before(t, pad, d), back = behind(t, pad, d);
        if (!cut_off(t, &from, d, front, back)) return NULL;
        to.dims[d] = shape.dims[d] = from.dims[d];
        if (__builtin_add_overflow(shape.dims[d], front > 0 ? front : 0, &shape.dims[d]) ||
            __builtin_add_overflow(shape.dims[d], back > 0 ? back : 0, &shape.dims[d]))
            return tg_op_fail(op, tg_list(t), "numel: integer multiplication overflow");
    }
    if (tgi_op_numel(op, tg_list(t), &shape) < 0) return NULL;
    tg_tensor *y = tgi_new_full(&shape, (tg_dtype)t->dtype, value),
              *inside = y ? tgi_own(tgi_make_view(t, &from)) : NULL;
    if (!inside) return NULL;
    to.offset = y->offset;
    for (int d = 0; d < t->ndim; d++) {
        to.strides[d] = tgi_strides(y)[d];
        if (before(t, pad, d) > 0) to.offset += before(t, pad, d) * tgi_strides(y)[d];
    }
    const tg_status status = tgi_copy_part(y, &to, inside);
    tgi_unref(inside);
    if (status != TG_OK) return NULL;
    const pad_attributes a = { *pad, value };
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &a, sizeof a) == TG_OK ? y : NULL;
}

/* ---- of the tensor's own elements ---- */

/* What position i, counted from the first element, shows of a dimension of `size`. What a negative width cut off does not
 * come round again. */
static int64_t shown(pad_mode mode, int64_t i, int64_t size, int64_t front, int64_t back)
{
    if (mode == CIRCULAR) {
        const int64_t first = front < 0 ? -front : 0, period = size - first + (back < 0 ? back : 0);
        return first + ((i - first) % period + period) % period;
    }
    if (mode == REPLICATE) return i < 0 ? 0 : i >= size ? size - 1 : i;
    return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
}

static bool border_fits(tg_tensor *t, const tg_shape *pad, pad_mode mode, int d)
{
    const tg_op *op = &tgi_op_pad;
    const int64_t front = before(t, pad, d), back = behind(t, pad, d), size = t->dims[d];
    const char letter = "WHD"[t->ndim - 1 - d];
    int64_t length;
    char text[TG_SHAPE_TEXT];
    if (mode == CIRCULAR && (front > size || back > size))
        return tg_op_fail(op, tg_list(t), "Padding value causes wrapping around more than once.");
    if (mode == REFLECT && size && (front >= size || back >= size)) {
        const tg_shape shape = tgi_shape(t);
        snprintf(text, sizeof text, "%d", t->ndim);
        return tg_op_fail(op, tg_list(t),
                          "Argument #%d: Padding size should be less than the corresponding input dimension, but got: "
                          "padding (%" PRId64 ", %" PRId64 ") at dimension %d of input %s",
                          4 + 2 * (t->ndim - 1 - d), front, back, d,
                          pad->ndim == 4 ? text : tg_shape_text(&shape, text));
    }
    if (size == 0) return tg_op_fail(op, tg_list(t), "input (%c: 0) has nothing to pad with", letter);
    if (__builtin_add_overflow(size, front, &length) || __builtin_add_overflow(length, back, &length))
        return tg_op_fail(op, tg_list(t), "numel: integer multiplication overflow");
    if (mode == CIRCULAR && (length < 1 || size + (front < 0 ? front : 0) + (back < 0 ? back : 0) < 1))
        return tg_op_fail(op, tg_list(t), "Negative padding value is resulting in an empty dimension");
    return length > 0 ||
           tg_op_fail(op, tg_list(t), "input (%c: %" PRId64 ") is too small. Calculated output %c: %" PRId64, letter,
                      size, letter, length);
}

static tg_tensor *pad_one(tg_tensor *t, const tg_shape *pad, pad_mode mode, int d)
{
    const int64_t front = before(t, pad, d), back = behind(t, pad, d);
    if (front == 0 && back == 0) return t;
    const tg_shape shape = tg_shape(front + t->dims[d] + back);
    tg_tensor *index = tgi_new(&shape, TG_INT64);
    int64_t *to = index ? tgi_ptr(index) : NULL;
    for (int64_t i = 0; to && i < shape.dims[0]; i++) to[i] = shown(mode, i - front, t->dims[d], front, back);
    return index ? tg_index_select(t, d, index) : NULL;
}

static tg_tensor *pad_own(tg_tensor *t, const tg_shape *pad, pad_mode mode, double value)
{
    const tg_op *op = &tgi_op_pad;
    const int padded = pad->ndim / 2;
    if (value != 0)
        return tg_op_fail(op, tg_list(t), "Padding mode \"%s\" doesn't take in value argument", mode_names[mode]);
    if (padded < 1 || padded > 3 || (t->ndim != padded + 1 && t->ndim != padded + 2))
        return tg_op_fail(op, tg_list(t),
                          "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now");
    if (mode == CIRCULAR && t->ndim != padded + 2)
        return tg_op_fail(op, tg_list(t), "Invalid padding size, expected %d but got %d", 2 * (t->ndim - 2), pad->ndim);
    for (int d = t->ndim - 1; d >= t->ndim - padded; d--)
        if (!border_fits(t, pad, mode, d)) return NULL;
    tg_tensor *y = t;
    for (int d = t->ndim - padded; d < t->ndim && y; d++) y = pad_one(y, pad, mode, d);
    return y == t ? tg_clone(t) : y;
}

tg_tensor *tg_pad_at(const char *where, tg_tensor *t, tg_shape pad, tg_pad_options options)
{
    const tg_op *op = &tgi_op_pad;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &pad)) return NULL;
    if (pad.ndim % 2) return tg_op_fail(op, tg_list(t), "Padding length must be divisible by 2");
    if (pad.ndim > 2 * t->ndim) return tg_op_fail(op, tg_list(t), "Padding length too large");
    pad_mode mode = CONSTANT;
    while (mode < MODES && (!options.mode || strcmp(options.mode, mode_names[mode]) != 0)) mode++;
    if (mode == MODES)
        return tg_op_fail(op, tg_list(t), "Unrecognised padding mode %s", options.mode ? options.mode : "NULL");
    return mode == CONSTANT ? pad_constant(t, &pad, options.value) : pad_own(t, &pad, mode, options.value);
}
