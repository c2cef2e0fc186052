/* copy.c: ops that copy a tensor: clone, contiguous, to another dtype.
 *
 * A copy has a storage of its own and is contiguous. What needs none (contiguous, to) is the tensor itself: the same
 * handle, and nothing on the tape. */
#include "call.h"
#include "core/observe_impl.h"
#include "iterate.h"
#include "ops/view.h"

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
    return tg_is_contiguous(t) ? tgi_returns(&tgi_op_contiguous, t) : copied(&tgi_op_contiguous, t, (tg_dtype)t->dtype);
}

tg_tensor *tg_to_at(const char *where, tg_tensor *t, tg_dtype dtype)
{
    if (!tg_op_begin(where, &tgi_op_to, tg_list(t))) return NULL;
    if ((unsigned)dtype >= TG_DTYPES) return tg_op_fail(&tgi_op_to, tg_list(t), "%d is not a dtype", (int)dtype);
    return t->dtype == dtype ? tgi_returns(&tgi_op_to, t) : copied(&tgi_op_to, t, dtype);
}
