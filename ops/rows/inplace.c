/* inplace.c: copy_ and fill_, which write to their first argument what has no form of its own. (The in-place forms of
 * other ops are beside these.)
 *
 * PyTorch's rules (core/op.h: tg_in_place_begin) are checked before an element moves. Afterwards the tensor is the op's
 * output on the tape, and what was saved from its old value is known to be damaged. */
#include "ops/base/iterate.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "row.h"

/* ---- gradients ---- */

/* What was there before has no influence: no gradient flows to it. */
static void copy_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_grad_output(ctx, 0));
}

static const tg_op op_copy_ = {
    .name = "copy_",
    .schema = "copy_(Tensor(a!) self, Tensor src) -> Tensor(a!)",
    .formula = "a = b",
    .gradient = "da = 0, db = g",
    .doc = "copies into an existing tensor, converting the dtype",
    .grad_name = "CopyBackwards",
    .backward = copy_backward,
};
static const tg_op op_fill_ = {
    .name = "fill_",
    .schema = "fill_(Tensor(a!) self, Scalar value) -> Tensor(a!)",
    .formula = "a = value",
    .gradient = "da = 0, dvalue = g",
    .doc = "sets every element",
    .grad_name = "FillBackward2",
    .backward = copy_backward,
};

/* ---- checks ---- */

static bool begin(const char *where, const tg_op *op, tg_tensor *a, tg_operand b)
{
    return tg_op_begin(where, op, b.kind == TG_OPERAND_TENSOR ? tg_list(a, b.as.tensor) : tg_list(a));
}

/* ---- the ops ---- */

/* a = b, of a's dtype already. */
static tg_tensor *write(const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    b = tgi_apart(b, a, false);
    if (!b || !tgi_fits_in_place(op, a, b) || !tg_in_place_begin(op, a, b)) return NULL;
    tgi_copy_raw(a, b);
    return tg_record_in_place(op, tg_list(a, b), a, TG_NONE, NULL, 0) == TG_OK ? a : NULL;
}

/* tg_to is on the tape, so the gradient comes back in b's own dtype. */
tg_tensor *tg_copy_in_place_at(const char *where, tg_tensor *a, tg_operand b)
{
    if (!begin(where, &op_copy_, a, b)) return NULL;
    return write(&op_copy_, a, tgi_value_to(&op_copy_, tg_list(a), b, (tg_dtype)a->dtype));
}

tg_tensor *tg_fill_in_place_at(const char *where, tg_tensor *a, tg_operand value)
{
    if (!begin(where, &op_fill_, a, value)) return NULL;
    if (value.kind == TG_OPERAND_TENSOR && value.as.tensor->ndim)
        return tg_op_fail(&op_fill_, tg_list(a, value.as.tensor),
                          "fill_ only supports 0-dimension value tensor but got tensor with %d dimensions.",
                          value.as.tensor->ndim);
    return write(&op_fill_, a, tgi_value_to(&op_fill_, tg_list(a), value, (tg_dtype)a->dtype));
}
