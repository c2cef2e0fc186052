/* block_diag.c: matrices on the diagonal of a matrix. */
#include "core/error.h"
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/triangle.h"
#include "ops/view.h"

#include <inttypes.h>

/* The matrix that a tensor of these sizes stands for. */
static tg_shape matrix_of(const tg_shape *s)
{
    return tg_shape(s->ndim == 2 ? s->dims[0] : 1, s->ndim > 0 ? s->dims[s->ndim - 1] : 1);
}

/* Where a tensor stands in the result. */
typedef struct corner {
    int64_t row, column;
} corner;

static void block_diag_backward(tg_context *ctx)
{
    const corner *corners = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    for (int i = 0; i < tg_input_count(ctx); i++) {
        if (!tg_needs_input_grad(ctx, i)) continue;
        const tg_shape shape = tg_input_shape(ctx, i), matrix = matrix_of(&shape);
        tg_tensor *rows = tg_narrow(g, 0, corners[i].row, matrix.dims[0]);
        tg_set_grad_input(ctx, i, tg_reshape(tg_narrow(rows, 1, corners[i].column, matrix.dims[1]), shape));
    }
}

/* The result's shape and dtype; without tensors PyTorch's [1, 0]. */
static bool measure(tg_tensor_list tensors, tg_shape *shape, tg_dtype *dtype)
{
    const tg_op *op = &tgi_op_block_diag;
    *shape = tg_shape(tensors.count ? 0 : 1, 0);
    *dtype = tensors.count ? (tg_dtype)tensors.items[0]->dtype : tg_default_dtype();
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_tensor *t = tensors.items[i];
        if (t->ndim > 2)
            return tg_op_fail(op, tensors,
                              "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input %" PRId64
                              " has %d dimensions",
                              i, t->ndim);
        const tg_shape whole = tgi_shape(t), matrix = matrix_of(&whole);
        *dtype = tg_promote_types(*dtype, (tg_dtype)t->dtype);
        if (__builtin_add_overflow(shape->dims[0], matrix.dims[0], &shape->dims[0]) ||
            __builtin_add_overflow(shape->dims[1], matrix.dims[1], &shape->dims[1]))
            return tg_op_fail(op, tensors, "numel: integer multiplication overflow");
    }
    return tgi_op_numel(op, tensors, shape) >= 0;
}

/* Puts each tensor in its place, which is written down. */
static bool fill_blocks(tg_tensor *y, tg_tensor_list tensors, corner *corners)
{
    corner at = { 0, 0 };
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_shape whole = tgi_shape(tensors.items[i]), matrix = matrix_of(&whole);
        tgi_layout part = tgi_layout_of(y);
        tgi_layout_slice(&part, 0, at.row, matrix.dims[0], 1);
        tgi_layout_slice(&part, 1, at.column, matrix.dims[1], 1);
        while (part.ndim > whole.ndim) tgi_layout_select(&part, 0, 0);
        if (tensors.items[i]->numel && tgi_copy_part(y, &part, tensors.items[i]) != TG_OK) return false;
        corners[i] = at;
        at.row += matrix.dims[0];
        at.column += matrix.dims[1];
    }
    return true;
}

/* Of tensors of the result's dtype. */
static tg_tensor *joined(tg_tensor_list blocks, const tg_shape *shape, tg_dtype dtype)
{
    const size_t size = (size_t)blocks.count * sizeof(corner);
    corner *corners = tgi_calloc(size);
    tg_tensor *y = corners ? tgi_new_full(shape, dtype, 0) : NULL;
    const bool ok = y && fill_blocks(y, blocks, corners) &&
                    tg_record(&tgi_op_block_diag, blocks, tg_list(y), TG_NONE, corners, size) == TG_OK;
    tgi_free(corners, size);
    return ok ? y : NULL;
}

tg_tensor *tg_block_diag_at(const char *where, tg_tensor_list tensors)
{
    const tg_op *op = &tgi_op_block_diag;
    tg_shape shape;
    tg_dtype dtype;
    if (!tg_op_begin(where, op, tensors) || !measure(tensors, &shape, &dtype)) return NULL;
    if (tensors.count == 0) return tg_failed() ? NULL : tgi_new(&shape, dtype); /* a failed list is empty, too */
    tg_tensor **inputs = tg_list_new(tensors.count);
    if (!inputs) return NULL;
    for (int64_t i = 0; i < tensors.count; i++)
        if (!(inputs[i] = tg_to(tensors.items[i], dtype))) return NULL;
    return joined(tg_list_of(inputs, tensors.count), &shape, dtype);
}

static tg_tensor_list block_diag_call(const tg_value *v) { return tgi_result(tg_block_diag(v[0].as.tensors)); }

const tg_op tgi_op_block_diag = {
    .name = "block_diag",
    .schema = "block_diag(Tensor[] tensors) -> Tensor",
    .formula = "y = zeros, with the tensors one after another on the diagonal",
    .gradient = "dtensors[i] = the block of g that came from it",
    .doc = "matrices on the diagonal of a matrix; a vector is a row, a number a matrix of one element",
    .shapes = "each [M, N], [N] or [] to [the sum of M, the sum of N]",
    .backward = block_diag_backward,
    .call = block_diag_call,
    .samples = (const char *const[]){ "block_diag([f(2, 3), f(1, 2)])", "block_diag([f(2), f(), f(2, 2)])",
                                      "block_diag([f(2, grad=False), f(), b(2, 2), f(1, 2)])",
                                      "block_diag([f(2, 0), f(1, 1)])", "block_diag([f(0), f(2, 1)])",
                                      "block_diag([f(2), i(2, 2)])", "block_diag([b(1, 2), b(2, 1)])", "block_diag([])",
                                      NULL },
    .errors =
        (const tg_error_sample[]){ { "block_diag([f(2, 2), f(1, 2, 2)])",
                                     "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input 1 has 3 "
                                     "dimensions" },
                                   { NULL, NULL } },
};
