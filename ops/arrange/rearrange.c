/* rearrange.c: the same elements in another order, or several times: flip, roll, rot90, repeat, tile,
 * repeat_interleave. */
#include "ops/rearrange.h"
#include "ops/base/call.h"
#include "ops/index.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* ---- flip ---- */

/* A bit for each of the dims; false, with an error, when one is out of range or comes twice. */
static bool mark_dims(const tg_op *op, tg_tensor *t, const tg_shape *dims, unsigned *marked)
{
    *marked = 0;
    if (!tgi_op_list_fits(op, tg_list(t), dims)) return false;
    for (int k = 0; k < dims->ndim; k++) {
        const int d = tgi_op_dim(op, tg_list(t), dims->dims[k], t->ndim);
        if (d < 0) return false;
        if (*marked >> d & 1) return tg_op_fail(op, tg_list(t), "dim %d appears multiple times in the list of dims", d);
        *marked |= 1u << d;
    }
    return true;
}

static void flip_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_flip(tg_grad_output(ctx, 0), *(const tg_shape *)tg_attributes(ctx)));
}

static tg_tensor_list flip_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_flip(inputs.items[0], *(const tg_shape *)tg_node_attributes(node)));
}

static tg_tensor_list flip_call(const tg_value *v) { return tgi_result(tg_flip(v[0].as.tensor, v[1].as.ints)); }
static tg_tensor_list fliplr_call(const tg_value *v) { return tgi_result(tg_fliplr(v[0].as.tensor)); }
static tg_tensor_list flipud_call(const tg_value *v) { return tgi_result(tg_flipud(v[0].as.tensor)); }

const tg_op tgi_op_flip = {
    .name = "flip",
    .schema = "flip(Tensor self, int[] dims) -> Tensor",
    .formula = "y[.., i, ..] = self[.., size - 1 - i, ..] in each of dims",
    .gradient = "dself = flip(g, dims)",
    .doc = "dimensions reversed; a copy",
    .backward = flip_backward,
    .call = flip_call,
    .again = flip_again,
    .samples = (const char *const[]){ "flip(f(2, 3), [1])", "flip(f(2, 3, 4), [0, -1])", "flip(f(2, 3), [])",
                                      "flip(f(), [])", "flip(f(), [0])", "flip(f(0, 3), [0])", "flip(i(5), [0])",
                                      "flip(b(2, 3), [0, 1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "flip(f(2, 3), [0, 0])", "dim 0 appears multiple times in the list of dims" },
            { "flip(f(2, 3), [2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
};
const tg_op tgi_op_fliplr = {
    .name = "fliplr",
    .schema = "fliplr(Tensor self) -> Tensor",
    .formula = "y = flip(self, 1)",
    .gradient = "dself = fliplr(g)",
    .doc = "columns in reverse order",
    .composite = true,
    .call = fliplr_call,
    .samples = (const char *const[]){ "fliplr(f(2, 3))", "fliplr(f(2, 3, 2))", NULL },
    .errors = (const tg_error_sample[]){ { "fliplr(f(3))", "Input must be >= 2-d." }, { NULL, NULL } },
};
const tg_op tgi_op_flipud = {
    .name = "flipud",
    .schema = "flipud(Tensor self) -> Tensor",
    .formula = "y = flip(self, 0)",
    .gradient = "dself = flipud(g)",
    .doc = "rows in reverse order",
    .composite = true,
    .call = flipud_call,
    .samples = (const char *const[]){ "flipud(f(3))", "flipud(f(2, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "flipud(f())", "Input must be >= 1-d." }, { NULL, NULL } },
};

tg_tensor *tg_flip_at(const char *where, tg_tensor *t, tg_shape dims)
{
    const tg_op *op = &tgi_op_flip;
    unsigned marked;
    if (!tg_op_begin(where, op, tg_list(t)) || !mark_dims(op, t, &dims, &marked)) return NULL;
    tgi_layout back = tgi_layout_of(t); /* t from its other end */
    for (int d = 0; d < t->ndim; d++) {
        if (!(marked >> d & 1) || t->numel == 0) continue;
        back.offset += (back.dims[d] - 1) * back.strides[d];
        back.strides[d] = -back.strides[d];
    }
    tg_tensor *y = tgi_copy_of_part(t, &back);
    if (!y) return NULL;
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &dims, sizeof dims) == TG_OK ? y : NULL;
}

tg_tensor *tg_fliplr_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_fliplr, tg_list(t))) return NULL;
    return t->ndim < 2 ? tg_op_fail(&tgi_op_fliplr, tg_list(t), "Input must be >= 2-d.") : tg_flip(t, tg_shape(1));
}

tg_tensor *tg_flipud_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_flipud, tg_list(t))) return NULL;
    return t->ndim < 1 ? tg_op_fail(&tgi_op_flipud, tg_list(t), "Input must be >= 1-d.") : tg_flip(t, tg_shape(0));
}

/* ---- roll ---- several dimensions are rolled one after the other */

typedef struct roll_attributes {
    int dim;
    int64_t shift; /* 0 to size - 1 */
} roll_attributes;

static void roll_backward(tg_context *ctx)
{
    const roll_attributes *a = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_roll(tg_grad_output(ctx, 0), tg_shape(-a->shift), tg_shape(a->dim)));
}

static tg_tensor_list roll_again(const tg_node *node, tg_tensor_list inputs)
{
    const roll_attributes *a = tg_node_attributes(node);
    return tgi_result(tg_roll(inputs.items[0], tg_shape(a->shift), tg_shape(a->dim)));
}

static tg_tensor_list roll_call(const tg_value *v)
{
    return tgi_result(tg_roll(v[0].as.tensor, v[1].as.ints, v[2].as.ints));
}

const tg_op tgi_op_roll = {
    .name = "roll",
    .schema = "roll(Tensor self, int[] shifts, int[] dims=[]) -> Tensor",
    .formula =
        "y[.., (i + shifts[k]) mod size, ..] = self[.., i, ..] in each dims[k]; without dims, of the flattened tensor",
    .gradient = "dself = roll(g, -shifts, dims)",
    .doc = "elements moved on along dimensions; what leaves at the end comes in at the start",
    .usage = "tg_roll(self, tg_shape(shifts), tg_shape(dims))",
    .backward = roll_backward,
    .call = roll_call,
    .again = roll_again,
    .samples = (const char *const[]){ "roll(f(5), [2])", "roll(f(2, 3), [1])", "roll(f(2, 3), [-1], [1])",
                                      "roll(f(2, 3, 4), [1, -2], [0, 2])", "roll(f(3, 4), [7, 2], [1, 1])",
                                      "roll(f(3), [0], [0])", "roll(f(), [1])", "roll(f(0, 3), [1], [0])",
                                      "roll(i(5), [-7], [0])", "roll(b(2, 3), [1], [1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "roll(f(2, 3), [1, 2])", "shifts and dimensions must align. shifts: 2, dims:0" },
            { "roll(f(2, 3), [1, 2], [0])", "shifts and dimensions must align. shifts: 2, dims:1" },
            { "roll(f(2, 3), [], [])", "`shifts` required" },
            { "roll(f(2, 3), [1], [2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "roll(f(), [1], [0])", "Dimension specified as 0 but tensor has no dimensions" },
            { NULL, NULL } },
};

static tg_tensor *roll_one(tg_tensor *t, int64_t shift, int64_t dim)
{
    const tg_op *op = &tgi_op_roll;
    if (!t) return NULL;
    if (t->ndim == 0)
        return tg_op_fail(op, tg_list(t), "Dimension specified as %" PRId64 " but tensor has no dimensions", dim);
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim);
    if (d < 0) return NULL;
    tg_tensor *y = tgi_new_like(t, (tg_dtype)t->dtype);
    if (!y) return NULL;
    const int64_t size = t->dims[d];
    roll_attributes a = { d, size ? (shift % size + size) % size : 0 };
    for (int part = 0; part < 2 && size; part++) { /* the first size - shift go behind, the others in front */
        const int64_t start = part ? size - a.shift : 0, length = part ? a.shift : size - a.shift;
        tgi_layout from = tgi_layout_of(t), to = tgi_layout_of(y);
        if (length == 0) continue;
        tgi_layout_slice(&from, d, start, length, 1);
        tgi_layout_slice(&to, d, part ? 0 : a.shift, length, 1);
        tg_tensor *piece = tgi_own(tgi_make_view(t, &from));
        const bool ok = piece && tgi_copy_part(y, &to, piece) == TG_OK;
        tgi_unref(piece);
        if (!ok) return NULL;
    }
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &a, sizeof a) == TG_OK ? y : NULL;
}

tg_tensor *tg_roll_at(const char *where, tg_tensor *t, tg_shape shifts, tg_shape dims)
{
    const tg_op *op = &tgi_op_roll;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &shifts) ||
        !tgi_op_list_fits(op, tg_list(t), &dims))
        return NULL;
    if (shifts.ndim == 0) return tg_op_fail(op, tg_list(t), "`shifts` required");
    if (dims.ndim == 0 && shifts.ndim == 1)
        return tgi_with_own_data(tg_reshape(roll_one(tg_reshape(t, tg_shape(-1)), shifts.dims[0], 0), tgi_shape(t)), t);
    if (shifts.ndim != dims.ndim)
        return tg_op_fail(op, tg_list(t), "shifts and dimensions must align. shifts: %d, dims:%d", shifts.ndim,
                          dims.ndim);
    for (int k = 0; k < dims.ndim && t; k++) t = roll_one(t, shifts.dims[k], dims.dims[k]);
    return t;
}

/* ---- rot90 ---- */

static tg_tensor_list rot90_call(const tg_value *v)
{
    return tgi_result(tg_rot90(v[0].as.tensor, v[1].as.integer, v[2].as.ints));
}

const tg_op tgi_op_rot90 = {
    .name = "rot90",
    .schema = "rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor",
    .formula = "y = self turned by k right angles in the plane of dims",
    .gradient = "dself = rot90(g, -k, dims)",
    .doc = "quarter turns, from the first of two dimensions toward the second",
    .usage = "tg_rot90(self, k, tg_shape(dims))",
    .composite = true,
    .call = rot90_call,
    .samples = (const char *const[]){ "rot90(f(2, 3))", "rot90(f(2, 3), 2)", "rot90(f(2, 3), -1)", "rot90(f(2, 3), 4)",
                                      "rot90(f(2, 3, 4), 1, [2, 0])", "rot90(f(0, 3), 1)", "rot90(i(2, 3), 3, [-1, 0])",
                                      NULL },
    .errors =
        (const tg_error_sample[]){
            { "rot90(f(2, 3), 1, [0, 0])", "expected rotation dims to be different, but got dim0 = 0 and dim1 = 0" },
            { "rot90(f(2, 3), 1, [0, -2])", "expected rotation dims to be different, but got dim0 = 0 and dim1 = -2" },
            { "rot90(f(2, 3), 1, [0])", "expected total rotation dims == 2, but got dims = 1" },
            { "rot90(f(2, 3), 1, [0, 3])", "Rotation dim1 out of range, dim1 = 3" },
            { "rot90(f(3), 1, [0, 1])", "expected total dims >= 2, but got total dims = 1" },
            { NULL, NULL } },
};

tg_tensor *tg_rot90_at(const char *where, tg_tensor *t, int64_t k, tg_shape dims)
{
    const tg_op *op = &tgi_op_rot90;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &dims)) return NULL;
    if (dims.ndim != 2)
        return tg_op_fail(op, tg_list(t), "expected total rotation dims == 2, but got dims = %d", dims.ndim);
    if (t->ndim < 2) return tg_op_fail(op, tg_list(t), "expected total dims >= 2, but got total dims = %d", t->ndim);
    const int64_t a = dims.dims[0], b = dims.dims[1];
    if (a == b || (tg_shape_dim(a, t->ndim) >= 0 && tg_shape_dim(a, t->ndim) == tg_shape_dim(b, t->ndim)))
        return tg_op_fail(op, tg_list(t),
                          "expected rotation dims to be different, but got dim0 = %" PRId64 " and dim1 = %" PRId64, a,
                          b);
    for (int i = 0; i < 2; i++)
        if (tg_shape_dim(dims.dims[i], t->ndim) < 0)
            return tg_op_fail(op, tg_list(t), "Rotation dim%d out of range, dim%d = %" PRId64, i, i, dims.dims[i]);
    switch (k & 3) {
    case 1: return tgi_with_own_data(tg_transpose(tg_flip(t, tg_shape(b)), a, b), t);
    case 2: return tg_flip(t, dims);
    case 3: return tgi_with_own_data(tg_transpose(tg_flip(t, tg_shape(a)), a, b), t);
    default: return tg_clone(t);
    }
}

/* ---- repeat ---- */

/* Sums the copies along dimension `dim` of `g`, of which `times` follow each other, each `size` long. */
static tg_tensor *sum_copies(tg_tensor *g, int dim, int64_t times, int64_t size)
{
    tg_shape summed = tg_shape_of(g), split = { 4, { 1, times, size, 1 } };
    for (int d = 0; d < summed.ndim; d++)
        if (d != dim) split.dims[d < dim ? 0 : 3] *= summed.dims[d];
    summed.dims[dim] = size;
    return tg_reshape(tg_sum(tg_reshape(g, split), .dim = 1), summed);
}

/* One dimension at a time: seen whole, the result has dimensions [repeats[0], dims[0], repeats[1], ...], twice as many
 * as a tensor may have. */
static void repeat_backward(tg_context *ctx)
{
    const tg_shape *repeats = tg_attributes(ctx);
    const tg_shape own = tg_input_shape(ctx, 0);
    const int lead = repeats->ndim - own.ndim;
    tg_tensor *g = tg_grad_output(ctx, 0);
    for (int d = 0; d < repeats->ndim && g; d++)
        if (repeats->dims[d] != 1) g = sum_copies(g, d, repeats->dims[d], d < lead ? 1 : own.dims[d - lead]);
    tg_set_grad_input(ctx, 0, tg_reshape(g, own));
}

static tg_tensor_list repeat_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_repeat(inputs.items[0], *(const tg_shape *)tg_node_attributes(node)));
}

static tg_tensor_list repeat_call(const tg_value *v) { return tgi_result(tg_repeat(v[0].as.tensor, v[1].as.ints)); }

const tg_op tgi_op_repeat = {
    .name = "repeat",
    .schema = "repeat(Tensor self, int[] repeats) -> Tensor",
    .formula = "y = self copied repeats[d] times along each dimension d",
    .gradient = "dself = g summed over the copies",
    .doc = "copies along dimensions; more repeats than dimensions make new leading ones",
    .backward = repeat_backward,
    .call = repeat_call,
    .again = repeat_again,
    .samples = (const char *const[]){ "repeat(f(2, 3), [2, 2])", "repeat(f(3), [2, 1, 2])", "repeat(f(), [3])",
                                      "repeat(f(2), [0])", "repeat(f(0, 2), [2, 3])", "repeat(f(2, 3), [1, 1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "repeat(f(2, 3), [2])",
              "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor" },
            { "repeat(f(2, 3), [-1, 2])", "Trying to create tensor with negative dimension -2: [-2, 6]" },
            { NULL, NULL } },
};

/* Repeats what stands at the front of dimensions d to `last` of the part of `y` at `at`; behind `last` nothing repeats.
 * The inner dimensions come first, so that a row begins with one contiguous block of sizes[d] finished ones. */
static void spread(const tg_tensor *y, const int64_t *sizes, const tg_shape *repeats, int d, int last, char *at)
{
    const size_t row = (size_t)tgi_strides(y)[d] * tgi_element_size(y);
    for (int64_t i = 0; d < last && i < sizes[d]; i++) spread(y, sizes, repeats, d + 1, last, at + (size_t)i * row);
    tgi_repeat_bytes(at, (size_t)sizes[d] * row, repeats->dims[d]);
}

tg_tensor *tg_repeat_at(const char *where, tg_tensor *t, tg_shape repeats)
{
    const tg_op *op = &tgi_op_repeat;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_op_list_fits(op, tg_list(t), &repeats)) return NULL;
    if (repeats.ndim < t->ndim)
        return tg_op_fail(op, tg_list(t),
                          "Number of dimensions of repeat dims can not be smaller than number of "
                          "dimensions of tensor");
    tgi_layout front = { .ndim = repeats.ndim }; /* where t goes first */
    tg_shape shape = repeats;
    for (int d = 0; d < repeats.ndim; d++) {
        const int own = d - (repeats.ndim - t->ndim);
        front.dims[d] = own < 0 ? 1 : t->dims[own];
        if (__builtin_mul_overflow(repeats.dims[d], front.dims[d], &shape.dims[d])) shape.dims[d] = INT64_MAX;
    }
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype); /* refuses sizes that are negative or too large */
    if (!y) return NULL;
    int last = repeats.ndim - 1; /* behind it a copy that broadcasts does all */
    for (; last >= 0 && (repeats.dims[last] == 1 || front.dims[last] == 1); last--) front.dims[last] = y->dims[last];
    for (int d = 0; d < y->ndim; d++) front.strides[d] = tgi_strides(y)[d];
    if (y->numel && tgi_copy_part(y, &front, t) != TG_OK) return NULL;
    if (y->numel && last >= 0) spread(y, front.dims, &repeats, 0, last, tgi_ptr(y));
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &repeats, sizeof repeats) == TG_OK ? y : NULL;
}

/* ---- tile ---- */

static tg_tensor_list tile_call(const tg_value *v) { return tgi_result(tg_tile(v[0].as.tensor, v[1].as.ints)); }

const tg_op tgi_op_tile = {
    .name = "tile",
    .schema = "tile(Tensor self, int[] dims) -> Tensor",
    .formula = "y = repeat(self, dims with ones in front, as many as self has dimensions)",
    .gradient = "dself = g summed over the copies",
    .doc = "copies along dimensions, of the last ones if dims are fewer than self's",
    .composite = true,
    .call = tile_call,
    .samples = (const char *const[]){ "tile(f(2, 3), [2])", "tile(f(2, 3), [2, 1, 2])", "tile(f(2, 3), [])",
                                      "tile(f(), [2])", "tile(f(2), [0])", "tile(b(2, 2), [2, 2])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "tile(f(2, 3), [-1])", "Trying to create tensor with negative dimension -3: [2, -3]" }, { NULL, NULL } },
};

tg_tensor *tg_tile_at(const char *where, tg_tensor *t, tg_shape dims)
{
    if (!tg_op_begin(where, &tgi_op_tile, tg_list(t)) || !tgi_op_list_fits(&tgi_op_tile, tg_list(t), &dims))
        return NULL;
    tg_shape repeats = { dims.ndim < t->ndim ? t->ndim : dims.ndim, { 1, 1, 1, 1, 1, 1, 1, 1 } };
    for (int d = 0; d < dims.ndim; d++) repeats.dims[repeats.ndim - dims.ndim + d] = dims.dims[d];
    return tg_repeat(t, repeats);
}

/* ---- repeat_interleave ---- */

static tg_tensor_list repeat_interleave_call(const tg_value *v)
{
    tg_repeat_interleave_options o = TG_REPEAT_INTERLEAVE_OPTIONS();
    if (v[2].kind == TG_VALUE_INT) o.dim = v[2].as.integer;
    if (v[3].kind == TG_VALUE_INT) o.output_size = v[3].as.integer;
    return tgi_result(tg_repeat_interleave_at(NULL, v[0].as.tensor, tgi_value_operand(&v[1]), o));
}

const tg_op tgi_op_repeat_interleave = {
    .name = "repeat_interleave",
    .schema = "repeat_interleave(Tensor self, Scalar repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    .formula = "y = entry i of dimension dim repeats[i] times, for each i; without dim, of the flattened tensor",
    .gradient = "dself = g summed over the copies",
    .doc = "each entry of a dimension several times, one after the other; repeats is a number or a vector",
    .composite = true,
    .call = repeat_interleave_call,
    .samples =
        (const char *const[]){
            "repeat_interleave(f(2, 3), 2)", "repeat_interleave(f(2, 3), 2, 0)", "repeat_interleave(f(2, 3), 3, -1)",
            "repeat_interleave(f(3), 0)", "repeat_interleave(f(), 2)", "repeat_interleave(f(0, 2), 2, 1)",
            "repeat_interleave(f(3), i(3, lo=0, hi=4))", "repeat_interleave(f(2, 3), i(3, lo=0, hi=4), 1)",
            "repeat_interleave(f(2, 3), i(6, lo=0, hi=3))", "repeat_interleave(f(2, 3), i(1, lo=2, hi=3), 0)",
            "repeat_interleave(f(2, 3), i(lo=2, hi=3), 0, output_size=4)", "repeat_interleave(i(3), i(3, lo=1, hi=3))",
            NULL },
    .errors =
        (const tg_error_sample[]){
            { "repeat_interleave(f(3), -1)", "repeats can not be negative" },
            { "repeat_interleave(f(3), i(3, lo=-1, hi=0), 0)", "repeats can not be negative" },
            { "repeat_interleave(f(3), i(2, lo=1, hi=2), 0)", "repeats must have the same size as input along dim" },
            { "repeat_interleave(f(3), i(1, 3), 0)", "repeats must be 0-dim or 1-dim tensor" },
            { "repeat_interleave(f(3), f(3), 0)", "\"repeat_interleave_cpu\" not implemented for 'Double'" },
            { "repeat_interleave(f(3), i(3, lo=1, hi=2), 0, output_size=5)",
              "allocated size does not match required size" },
            { "repeat_interleave(f(3), 2, 1)",
              "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "repeat_interleave(f(3), 2.0)", "repeats must be integers" }, { NULL, NULL } },
};

/* Each index as often as `repeats` says: int64 [sum of repeats]. NULL with an error. */
static tg_tensor *repeated_indices(const tg_op *op, tg_tensor_list inputs, tg_tensor *repeats, int64_t size,
                                   int64_t output_size)
{
    tg_tensor *c = tgi_own_contiguous(repeats);
    if (!c) return NULL;
    const int64_t *times = tgi_ptr(c), step = c->numel != 1;
    int64_t sum = 0;
    bool negative = false, overflow = false;
    for (int64_t i = 0; i < c->numel; i++) {
        negative |= times[i] < 0;
        overflow |= __builtin_add_overflow(sum, times[i], &sum);
    }
    if (!step) overflow |= __builtin_mul_overflow(sum, size, &sum);
    const tg_shape shape = tg_shape(sum);
    tg_tensor *index = NULL;
    if (negative)
        tg_op_fail(op, inputs, "repeats can not be negative");
    else if (output_size >= 0 && output_size != sum)
        tg_op_fail(op, inputs, "allocated size does not match required size");
    else if (overflow)
        tg_op_fail(op, inputs, "numel: integer multiplication overflow");
    else
        index = tgi_new(&shape, TG_INT64);
    int64_t *to = index && sum ? tgi_ptr(index) : NULL;
    for (int64_t i = 0; to && i < size; i++)
        for (int64_t k = 0; k < times[i * step]; k++) *to++ = i;
    tgi_unref(c);
    return index;
}

/* The same number of times each: a new dimension stretched, and made one with the old one. */
static tg_tensor *repeat_evenly(tg_tensor *t, int dim, int64_t times)
{
    tg_shape stretched = { t->ndim + 1, { 0 } }, shape = tgi_shape(t);
    for (int d = 0; d < stretched.ndim; d++) stretched.dims[d] = d == dim + 1 ? times : t->dims[d - (d > dim)];
    if (__builtin_mul_overflow(shape.dims[dim], times, &shape.dims[dim])) shape.dims[dim] = INT64_MAX;
    return tgi_with_own_data(tg_reshape(tg_expand(tg_unsqueeze(t, dim + 1), stretched), shape), t);
}

tg_tensor *tg_repeat_interleave_at(const char *where, tg_tensor *t, tg_operand repeats,
                                   tg_repeat_interleave_options options)
{
    const tg_op *op = &tgi_op_repeat_interleave;
    const bool tensor = repeats.kind == TG_OPERAND_TENSOR;
    const tg_operand operands[] = { tg_operand_tensor(t), repeats };
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 2, tensors);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (repeats.kind == TG_OPERAND_REAL) return tg_op_fail(op, inputs, "repeats must be integers");
    tg_tensor *times = tensor ? repeats.as.tensor : tgi_operand_to(repeats, TG_INT64);
    if (!times) return NULL;
    if (options.dim == TG_NO_DIM && (t = tg_reshape(t, tg_shape(-1))) == NULL) return NULL;
    if (t->ndim == 0)
        return tg_op_fail(op, inputs, "Dimension specified as %" PRId64 " but tensor has no dimensions", options.dim);
    const int d = options.dim == TG_NO_DIM ? 0 : tgi_op_dim(op, inputs, options.dim, t->ndim);
    if (d < 0) return NULL;
    if (times->ndim > 1) return tg_op_fail(op, inputs, "repeats must be 0-dim or 1-dim tensor");
    if (times->dtype != TG_INT64) return tgi_not_implemented(op, inputs, "repeat_interleave_cpu", times->dtype);
    if (times->numel != 1 && times->numel != t->dims[d])
        return tg_op_fail(op, inputs, "repeats must have the same size as input along dim");
    if (!tensor && options.output_size < 0 && repeats.as.integer >= 0 && t->ndim < TG_MAX_DIMS)
        return repeat_evenly(t, d, repeats.as.integer);
    tg_tensor *index = repeated_indices(op, inputs, times, t->dims[d], options.output_size);
    return index ? tg_index_select(t, d, index) : NULL;
}
