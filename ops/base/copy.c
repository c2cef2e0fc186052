/* copy.c: ops that copy a tensor: clone, contiguous, to another dtype, repeat.
 *
 * A copy has a storage of its own and is contiguous. What needs none (contiguous, to) is the tensor itself: the same
 * handle, and nothing on the tape. */
#include "call.h"
#include "iterate.h"
#include "layout.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <string.h>

/* A contiguous copy of `t` in `dtype`, recorded as op(t). */
static tg_tensor *copied(const tg_op *op, tg_tensor *t, tg_dtype dtype)
{
    const tg_shape shape = tgi_shape(t);
    tg_tensor *y = tgi_new(&shape, dtype);
    if (!y) return NULL;
    tgi_copy_raw(y, t);
    if (!tg_dtype_is_floating(dtype)) return y;
    const tg_dtype from = (tg_dtype)t->dtype;
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &from, sizeof from) == TG_OK ? y : NULL;
}

static void clone_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 0)); }

static void to_backward(tg_context *ctx)
{
    const tg_dtype *from = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0, tg_to(tg_grad_output(ctx, 0), *from));
}

static tg_tensor_list clone_call(const tg_value *v) { return tgi_result(tg_clone(v[0].as.tensor)); }
static tg_tensor_list contiguous_call(const tg_value *v) { return tgi_result(tg_contiguous(v[0].as.tensor)); }
static tg_tensor_list to_call(const tg_value *v) { return tgi_result(tg_to(v[0].as.tensor, v[1].as.dtype)); }

const tg_op tgi_op_clone = {
    .name = "clone",
    .schema = "clone(Tensor self) -> Tensor",
    .formula = "y = self",
    .gradient = "dself = g",
    .doc = "a contiguous copy",
    .backward = clone_backward,
    .call = clone_call,
    .samples = (const char *const[]){ "clone(f(2, 3))", "clone(transpose(f(2, 3), 0, 1))", "clone(f())",
                                      "clone(f(0, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "clone(None)", "must be Tensor, not None" }, { NULL, NULL } },
};
const tg_op tgi_op_contiguous = {
    .name = "contiguous",
    .schema = "contiguous(Tensor(a) self) -> Tensor(a)",
    .formula = "y = self",
    .gradient = "dself = g",
    .doc = "the tensor itself if it is contiguous, else a copy that is",
    .grad_name = "CloneBackward0",
    .backward = clone_backward,
    .call = contiguous_call,
    .samples =
        (const char *const[]){ "contiguous(f(2, 3))", "contiguous(transpose(f(2, 3), 0, 1))", "contiguous(f())", NULL },
    .own_errors = (const tg_error_sample[]){ { "contiguous(None)", "must be Tensor, not None" }, { NULL, NULL } },
};
const tg_op tgi_op_to = {
    .name = "to",
    .schema = "to(Tensor(a) self, ScalarType dtype) -> Tensor(a)",
    .formula = "y = self, converted",
    .gradient = "dself = g, converted back; none when dtype is not floating",
    .doc = "the tensor itself if it has the dtype, else a converted copy; to int64 truncates toward zero",
    .grad_name = "ToCopyBackward0",
    .backward = to_backward,
    .call = to_call,
    .samples = (const char *const[]){ "to(f(2, 3), float64)", "to(f(2, 3), float32)", "to(f(2, 3), int64)",
                                      "to(i(3, lo=-1, hi=2), bool)", "to(f(), bool)", "to(f(0), float32)", NULL },
    .own_errors = (const tg_error_sample[]){ { "to(None, float32)", "must be Tensor, not None" }, { NULL, NULL } },
};

tg_tensor *tg_clone_at(const char *where, tg_tensor *t)
{
    return tg_op_begin(where, &tgi_op_clone, tg_list(t)) ? copied(&tgi_op_clone, t, (tg_dtype)t->dtype) : NULL;
}

tg_tensor *tgi_ordinary(tg_tensor *y, tg_tensor_list inputs)
{
    if (!y) return NULL;
    for (int64_t i = 0; i < inputs.count; i++)
        if (inputs.items[i] && inputs.items[i]->storage == y->storage) return y;
    y->is_view = false;
    return y;
}

tg_tensor *tgi_with_own_data(tg_tensor *y, const tg_tensor *t)
{
    return y && y->storage == t->storage ? tg_clone(y) : tgi_ordinary(y, TG_NONE);
}

tg_tensor *tg_contiguous_at(const char *where, tg_tensor *t)
{
    if (!tg_op_begin(where, &tgi_op_contiguous, tg_list(t))) return NULL;
    return tg_is_contiguous(t) ? t : copied(&tgi_op_contiguous, t, (tg_dtype)t->dtype);
}

tg_tensor *tg_to_at(const char *where, tg_tensor *t, tg_dtype dtype)
{
    if (!tg_op_begin(where, &tgi_op_to, tg_list(t))) return NULL;
    if ((unsigned)dtype >= TG_DTYPES) return tg_op_fail(&tgi_op_to, tg_list(t), "%d is not a dtype", (int)dtype);
    return t->dtype == dtype ? t : copied(&tgi_op_to, t, dtype);
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

static tg_tensor_list repeat_call(const tg_value *v) { return tgi_result(tg_repeat(v[0].as.tensor, v[1].as.ints)); }

const tg_op tgi_op_repeat = {
    .name = "repeat",
    .schema = "repeat(Tensor self, int[] repeats) -> Tensor",
    .formula = "y = self copied repeats[d] times along each dimension d",
    .gradient = "dself = g summed over the copies",
    .doc = "copies along dimensions; more repeats than dimensions make new leading ones",
    .backward = repeat_backward,
    .call = repeat_call,
    .samples = (const char *const[]){ "repeat(f(2, 3), [2, 2])", "repeat(f(3), [2, 1, 2])", "repeat(f(), [3])",
                                      "repeat(f(2), [0])", "repeat(f(0, 2), [2, 3])", "repeat(f(2, 3), [1, 1])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "repeat(f(2, 3), [2])",
              "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor" },
            { "repeat(f(2, 3), [-1, 2])", "Trying to create tensor with negative dimension -2: [-2, 6]" },
            { NULL, NULL } },
};

/* The contiguous `bytes` at `block` again and again, until `count` of them stand there; in ever larger pieces. */
static void repeat_block(char *block, size_t bytes, int64_t count)
{
    const size_t all = bytes * (size_t)count;
    for (size_t done = bytes; done < all;) {
        const size_t piece = done < all - done ? done : all - done;
        memcpy(block + done, block, piece);
        done += piece;
    }
}

/* Repeats what stands at the front of dimensions d to `last` of the part of `y` at `at`; behind `last` nothing repeats.
 * The inner dimensions come first, so that a row begins with one contiguous block of sizes[d] finished ones. */
static void spread(const tg_tensor *y, const int64_t *sizes, const tg_shape *repeats, int d, int last, char *at)
{
    const size_t row = (size_t)tgi_strides(y)[d] * tgi_element_size(y);
    for (int64_t i = 0; d < last && i < sizes[d]; i++) spread(y, sizes, repeats, d + 1, last, at + (size_t)i * row);
    repeat_block(at, (size_t)sizes[d] * row, repeats->dims[d]);
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
    int last = -1;
    for (int d = 0; d < repeats.ndim; d++) {
        const int own = d - (repeats.ndim - t->ndim);
        front.dims[d] = own < 0 ? 1 : t->dims[own];
        if (__builtin_mul_overflow(repeats.dims[d], front.dims[d], &shape.dims[d])) shape.dims[d] = INT64_MAX;
        if (repeats.dims[d] > 1) last = d;
    }
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype); /* refuses sizes that are negative or too large */
    if (!y) return NULL;
    for (int d = 0; d < y->ndim; d++) front.strides[d] = tgi_strides(y)[d];
    if (y->numel && tgi_copy_part(y, &front, t) != TG_OK) return NULL;
    if (y->numel && last >= 0) spread(y, front.dims, &repeats, 0, last, tgi_ptr(y));
    return tg_record(op, tg_list(t), tg_list(y), TG_NONE, &repeats, sizeof repeats) == TG_OK ? y : NULL;
}
