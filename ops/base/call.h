/* call.h: what the thunks of the generic call share, and the descriptors that name them. Internal to ops/.
 *
 * Every op's `call` returns a list. A function with a single result wraps it here, so that a failure looks the same
 * from every op. */
#ifndef TG_OPS_BASE_CALL_H
#define TG_OPS_BASE_CALL_H

#include "core/op.h"
#include "ops/descriptors.h"
#include "core/tensor_impl.h"
#include "ops/operand.h"
#include "ops/view.h"
#include "ops/values_indices.h"

/* A list of the one result `t`; NULL, an op's failure, gives the failed list. */
static inline tg_tensor_list tgi_result(tg_tensor *t)
{
    tg_tensor **items = t ? tg_list_new(1) : NULL;
    if (!items) return tg_list_failed();
    items[0] = t;
    return TG_LITERAL(tg_tensor_list){ items, 1 };
}

/* An argument that may be a tensor or a number. */
static inline tg_operand tgi_value_operand(const tg_value *v)
{
    switch (v->kind) {
    case TG_VALUE_INT: return tg_operand_int(v->as.integer);
    case TG_VALUE_FLOAT: return tg_operand_real(v->as.real);
    case TG_VALUE_BOOL: return tg_operand_bool(v->as.boolean);
    default: return tg_operand_tensor(v->as.tensor);
    }
}

/* An argument that may be None: its tensor or NULL. */
static inline tg_tensor *tgi_optional(const tg_value *v)
{
    return v->kind == TG_VALUE_TENSOR ? v->as.tensor : NULL;
}

/* A list of the two results of an op; if either is missing, the failed list. */
static inline tg_tensor_list tgi_pair(tg_tensor *a, tg_tensor *b)
{
    tg_tensor **items = a && b ? tg_list_new(2) : NULL;
    if (!items) return tg_list_failed();
    items[0] = a;
    items[1] = b;
    return TG_LITERAL(tg_tensor_list){ items, 2 };
}

static inline tg_tensor_list tgi_both(tg_values_indices y) { return tgi_pair(y.values, y.indices); }

/* ---- for tg_op.again ---- */

/* Tensor `i` that the node saved, in the dtype of `like` if it is floating. NULL:
 * none was saved. */
static inline tg_tensor *tgi_saved_again(const tg_node *node, int i, const tg_tensor *like)
{
    tg_tensor *saved = (tg_tensor *)tg_node_saved(node, i);
    return saved && tgi_is_floating(saved) ? tg_to(tg_detach(saved), (tg_dtype)like->dtype) : saved;
}

#endif
