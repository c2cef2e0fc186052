/* registry.h: the ops as data: list them, find one, call one by name. */
#ifndef TG_OPS_REGISTRY_H
#define TG_OPS_REGISTRY_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* Every op of the library. */
const tg_op *const *tg_op_registry(int *count);
const tg_op *tg_op_find(const char *name);           /* NULL if there is none; records no error */

/* The family it belongs to, "reduce"; NULL for an op that is not the library's. */
const char *tg_op_family(const tg_op *op);

/* For languages that cannot read tg_op: its text of that name, "name", "schema", "formula", "gradient", "doc",
 * "family", "shapes", "usage", "kinks" or "no_second_derivative". NULL where it has none. */
const char *tg_op_text(const tg_op *op, const char *what);
bool tg_op_is_differentiable(const tg_op *op);

/* Argument `i` of the op, read from its schema. */
typedef struct tg_argument {
    char name[32];          /* "keepdim" */
    tg_value_kind kind;     /* TG_VALUE_BOOL */
    bool optional;          /* the type ends in '?': TG_VALUE_NONE is taken */
    bool has_default;
    tg_value default_value;
} tg_argument;
int tg_op_argument_count(const tg_op *op);
bool tg_op_argument(const tg_op *op, int i, tg_argument *argument);

/* Calls an op with the first `count` arguments of its schema; the rest take their defaults. Kinds are checked (an int
 * is taken for a float, a number for a Tensor where the schema says Scalar). */
tg_tensor_list tg_op_call_at(const char *where, const tg_op *op, const tg_value *args, int count);
#define tg_op_call(op, args, count) tg_op_call_at(TG_HERE, op, args, count)

TG_END_DECLS

#endif
