/* inplace.c: ops that write to their first argument.
 *
 * PyTorch's rules (core/op.h: tg_in_place_begin) are checked before an element moves. Afterwards the tensor is the op's
 * output on the tape, and what was saved from its old value is known to be damaged. */
#include "iterate.h"
#include "pointwise.h"
#include "promote.h"
#include "view.h"

#include <string.h>

/* ---- gradients ---- */

static void add_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    for (int i = 0; i < 2; i++)
        if (tg_needs_input_grad(ctx, i)) tg_set_grad_input(ctx, i, g);
}

/* The old value of the first argument is a copy, made only if the second one needs it. */
static void mul_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_mul(g, tg_saved(ctx, 1)));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_mul(g, tg_saved(ctx, 0)));
}

/* What was there before has no influence: no gradient flows to it. */
static void copy_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, tg_grad_output(ctx, 0));
}

static const tg_op op_add_ = {
    .name = "add_",
    .schema = "add_(Tensor(a!) self, Scalar other) -> Tensor(a!)",
    .formula = "a = a + b",
    .gradient = "da = g, db = g",
    .doc = "adds in place",
    .backward = add_backward,
};
static const tg_op op_mul_ = {
    .name = "mul_",
    .schema = "mul_(Tensor(a!) self, Scalar other) -> Tensor(a!)",
    .formula = "a = a b",
    .gradient = "da = g b, db = g a",
    .doc = "multiplies in place",
    .backward = mul_backward,
};
static const tg_op op_copy_ = {
    .name = "copy_",
    .schema = "copy_(Tensor(a!) self, Tensor src) -> Tensor(a!)",
    .formula = "a = b",
    .gradient = "da = 0, db = g",
    .doc = "copies into an existing tensor, converting the dtype",
    .backward = copy_backward,
};
static const tg_op op_fill_ = {
    .name = "fill_",
    .schema = "fill_(Tensor(a!) self, Scalar value) -> Tensor(a!)",
    .formula = "a = value",
    .gradient = "da = 0, dvalue = g",
    .doc = "sets every element",
    .backward = copy_backward,
};

/* ---- checks ---- */

static bool begin(const char *where, const tg_op *op, tg_tensor *a, tg_operand b)
{
    return tg_op_begin(where, op, b.kind == TG_OPERAND_TENSOR ? tg_list(a, b.as.tensor) : tg_list(a));
}

/* b must broadcast to a's shape, which stays as it is. */
static bool fits(const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    const tg_shape want = tgi_shape(a), have = tgi_shape(b);
    tg_shape common;
    char x[TG_SHAPE_TEXT], y[TG_SHAPE_TEXT];
    if (tg_shape_broadcast(&want, &have, &common) && tg_shape_equal(&common, &want)) return true;
    if (tg_shape_broadcast(&want, &have, &common))
        tg_op_fail(op, tg_list(a, b), "output with shape %s doesn't match the broadcast shape %s",
                   tg_shape_text(&want, x), tg_shape_text(&common, y));
    else
        tg_op_fail(op, tg_list(a, b), "shape %s cannot be broadcast to %s", tg_shape_text(&have, x),
                   tg_shape_text(&want, y));
    return false;
}

/* bool < integer < floating: a result may be stored in its own category or a higher one. */
static bool can_store(const tg_op *op, tg_tensor *a, tg_operand b)
{
    static const int category[TG_DTYPES] = { 2, 2, 1, 0 };
    const tg_operand operands[] = { tg_operand_tensor(a), b };
    const tg_dtype result = tgi_result_type(operands, 2);
    if (category[result] <= category[a->dtype]) return true;
    tg_op_fail(op, tg_list(a), "result type %s can't be cast to the desired output type %s",
               tgi_scalar_type_name(result), tgi_scalar_type_name((tg_dtype)a->dtype));
    return false;
}

/* A source that shares memory with the target is copied first if it has another layout, or is to be saved: the write
 * would change it. The target itself as source is the caller's business. */
static tg_tensor *apart(tg_tensor *b, const tg_tensor *a, bool saved)
{
    if (!b || b == a || !tg_shares_storage(a, b)) return b;
    const bool same = !saved && a->ndim == b->ndim &&
                      memcmp(a->dims, b->dims, (size_t)a->ndim * sizeof *a->dims) == 0 && a->offset == b->offset &&
                      memcmp(a->strides, b->strides, (size_t)a->ndim * sizeof *a->strides) == 0;
    return same ? b : tg_clone(b);
}

/* ---- the ops ---- */

/* a = a op b by the kernel of the binary op. */
static tg_tensor *arithmetic(const char *where, const tg_op *op, tg_tensor *a, tg_operand operand, int kernel,
                             bool saves)
{
    if (!begin(where, op, a, operand) || !can_store(op, a, operand)) return NULL;
    tg_tensor *b = apart(tgi_operand_to(operand, (tg_dtype)a->dtype), a, saves && tg_requires_grad(a));
    if (!b || !fits(op, a, b) || !tg_in_place_begin(op, a, b)) return NULL;
    const bool recorded = tg_will_record(tg_list(a, b));
    const bool needs_old = recorded && saves && tg_requires_grad(b);
    tg_tensor *old = needs_old ? tg_clone(a) : NULL;
    if (needs_old && !old) return NULL;
    tg_tensor *factor = recorded && saves && tg_requires_grad(a) ? b : NULL;
    if (b == a) factor = old; /* a *= a: both factors are the old value */
    tgi_iterate(tgi_kernels_get()->binary[kernel][a->dtype], 3, (tg_tensor *[]){ a, a, b });
    return tg_record_in_place(op, tg_list(a, b), a, tg_list(old, factor), NULL, 0) == TG_OK ? a : NULL;
}

tg_tensor *tg_add_in_place_at(const char *where, tg_tensor *a, tg_operand b)
{
    return arithmetic(where, &op_add_, a, b, TGI_BINARY_add, false);
}

tg_tensor *tg_mul_in_place_at(const char *where, tg_tensor *a, tg_operand b)
{
    return arithmetic(where, &op_mul_, a, b, TGI_BINARY_mul, true);
}

/* a = b, of a's dtype already. */
static tg_tensor *write(const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    b = apart(b, a, false);
    if (!b || !fits(op, a, b) || !tg_in_place_begin(op, a, b)) return NULL;
    tgi_copy_raw(a, b);
    return tg_record_in_place(op, tg_list(a, b), a, TG_NONE, NULL, 0) == TG_OK ? a : NULL;
}

/* tg_to is on the tape, so the gradient comes back in b's own dtype. */
tg_tensor *tg_copy_in_place_at(const char *where, tg_tensor *a, tg_operand b)
{
    if (!begin(where, &op_copy_, a, b)) return NULL;
    return write(&op_copy_, a, tgi_operand_to(b, (tg_dtype)a->dtype));
}

tg_tensor *tg_fill_in_place_at(const char *where, tg_tensor *a, tg_operand value)
{
    if (!begin(where, &op_fill_, a, value)) return NULL;
    if (value.kind == TG_OPERAND_TENSOR && value.as.tensor->ndim)
        return tg_op_fail(&op_fill_, tg_list(a, value.as.tensor),
                          "fill_ only supports 0-dimension value tensor but got tensor with %d dimensions.",
                          value.as.tensor->ndim);
    return write(&op_fill_, a, tgi_operand_to(value, (tg_dtype)a->dtype));
}
