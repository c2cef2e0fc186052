/* copy.c: ops that copy a tensor: clone, contiguous, to another dtype, repeat. */
#include "call.h"
#include "iterate.h"
#include "layout.h"
#include "reduce.h"
#include "view.h"

#include <inttypes.h>

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
    .samples = (const char *const[]){ "clone(f(2, 3))", "clone(transpose(f(2, 3), 0, 1))", "clone(f())", "clone(f(0, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "clone(None)", "must be Tensor, not None" }, { NULL, NULL } },
};
const tg_op tgi_op_contiguous = {
    .name = "contiguous",
    .schema = "contiguous(Tensor(a) self) -> Tensor(a)",
    .formula = "y = self",
    .gradient = "dself = g",
    .doc = "the tensor itself if it is contiguous, else a copy that is",
    .backward = clone_backward,
    .call = contiguous_call,
    .samples = (const char *const[]){ "contiguous(f(2, 3))", "contiguous(transpose(f(2, 3), 0, 1))", "contiguous(f())", NULL },
    .errors = (const tg_error_sample[]){ { "contiguous(None)", "must be Tensor, not None" }, { NULL, NULL } },
};
const tg_op tgi_op_to = {
    .name = "to",
    .schema = "to(Tensor(a) self, ScalarType dtype) -> Tensor(a)",
    .formula = "y = self, converted",
    .gradient = "dself = g, converted back; none when dtype is not floating",
    .doc = "the tensor itself if it has the dtype, else a converted copy; to int64 truncates toward zero",
    .backward = to_backward,
    .call = to_call,
    .samples = (const char *const[]){ "to(f(2, 3), float64)", "to(f(2, 3), float32)", "to(f(2, 3), int64)", "to(i(3, lo=-1, hi=2), bool)",
                                      "to(f(), bool)", "to(f(0), float32)", NULL },
    .errors = (const tg_error_sample[]){ { "to(None, float32)", "must be Tensor, not None" }, { NULL, NULL } },
};

tg_tensor *tg_clone_at(const char *where, tg_tensor *t)
{
    return tg_op_begin(where, &tgi_op_clone, tg_list(t)) ? copied(&tgi_op_clone, t, (tg_dtype)t->dtype) : NULL;
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

/* Both sides are seen as [repeats[0], dims[0], repeats[1], dims[1], ...]: the result is the input broadcast to that. */
static void repeat_backward(tg_context *ctx)
{
    const tg_shape *repeats = tg_attributes(ctx);
    const tg_shape own = tg_input_shape(ctx, 0);
    tg_tensor *g = tg_grad_output(ctx, 0);
    const int lead = repeats->ndim - own.ndim;
    for (int d = repeats->ndim - 1; d >= 0 && g; d--) {   /* one dimension at a time, so that 8 dimensions are enough */
        const int64_t size = d >= lead ? own.dims[d - lead] : 1, times = repeats->dims[d];
        tg_shape parts = { 3, { 1, times, size } };
        for (int k = 0; k < d; k++) parts.dims[0] *= tg_size(g, k);
        int64_t inner = 1;
        for (int k = d + 1; k < tg_ndim(g); k++) inner *= tg_size(g, k);
        parts.dims[parts.ndim++] = inner;
        tg_shape summed = tg_shape_of(g);
        summed.dims[d] = size;
        g = tg_reshape(tg_sum(tg_reshape(g, parts), .dim = 1), summed);
    }
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
    .samples = (const char *const[]){ "repeat(f(2, 3), [2, 2])", "repeat(f(3), [2, 1, 2])", "repeat(f(), [3])", "repeat(f(2), [0])",
                                      "repeat(f(0, 2), [2, 3])", "repeat(f(2, 3), [1, 1])", NULL },
    .errors = (const tg_error_sample[]){
        { "repeat(f(2, 3), [2])", "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor" },
        { "repeat(f(2), [-1])", "negative dimension" },
        { NULL, NULL } },
};

/* Writes `t` into each of the places it is repeated at, one index of the repeats after another. */
static bool fill_repeats(tg_tensor *y, tg_tensor *t, const tg_shape *repeats)
{
    int64_t index[TG_MAX_DIMS] = { 0 };
    for (;;) {
        tgi_layout part = tgi_layout_of(y);
        for (int d = 0; d < y->ndim; d++) {
            const int own = d - (y->ndim - t->ndim);
            const int64_t size = own >= 0 ? t->dims[own] : 1;
            tgi_layout_slice(&part, d, index[d] * size, size, 1);
        }
        if (tgi_copy_part(y, &part, t) != TG_OK) return false;
        int d = repeats->ndim - 1;
        while (d >= 0 && ++index[d] == repeats->dims[d]) index[d--] = 0;
        if (d < 0) return true;
    }
}

tg_tensor *tg_repeat_at(const char *where, tg_tensor *t, tg_shape repeats)
{
    if (!tg_op_begin(where, &tgi_op_repeat, tg_list(t)) || !tgi_op_list_fits(&tgi_op_repeat, tg_list(t), &repeats)) return NULL;
    if (repeats.ndim < t->ndim)
        return tg_op_fail(&tgi_op_repeat, tg_list(t),
                          "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
    tg_shape shape = repeats;
    for (int d = 0; d < t->ndim; d++) {
        int64_t *size = &shape.dims[repeats.ndim - t->ndim + d];
        if (__builtin_mul_overflow(*size, t->dims[d], size)) *size = INT64_MAX;   /* tgi_new refuses it */
    }
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    if (!y || (y->numel && !fill_repeats(y, t, &repeats))) return NULL;
    return tg_record(&tgi_op_repeat, tg_list(t), tg_list(y), TG_NONE, &repeats, sizeof repeats) == TG_OK ? y : NULL;
}
