/* promote.c: PyTorch's type promotion (c10's result_type): three classes of operands, the first one that can
 * decides. */
#include "promote.h"

#include "core/error.h"
#include "ops/view.h"

#include <math.h>

enum { NO_DTYPE = -1 };

static int promote(int a, int b)
{
    if (a == NO_DTYPE) return b;
    if (b == NO_DTYPE) return a;
    return (int)tg_promote_types((tg_dtype)a, (tg_dtype)b);
}

static bool floating(int dtype) { return dtype == TG_FLOAT32 || dtype == TG_FLOAT64; }

/* A lower class speaks only where it brings a higher category. */
static int combine(int higher, int lower)
{
    if (floating(higher)) return higher;
    if (higher == TG_BOOL || floating(lower)) return promote(higher, lower);
    return higher != NO_DTYPE ? higher : lower;
}

static int number_dtype(tg_operand_kind kind)
{
    return kind == TG_OPERAND_REAL ? (int)tg_default_dtype() : kind == TG_OPERAND_INT ? TG_INT64 : TG_BOOL;
}

tg_dtype tgi_result_type(const tg_operand *operands, int count)
{
    int with_dims = NO_DTYPE, zero_dim = NO_DTYPE, numbers = NO_DTYPE;
    for (int i = 0; i < count; i++) {
        const tg_operand *o = &operands[i];
        if (o->kind != TG_OPERAND_TENSOR)
            numbers = promote(numbers, number_dtype(o->kind));
        else if (o->as.tensor->ndim)
            with_dims = promote(with_dims, o->as.tensor->dtype);
        else
            zero_dim = promote(zero_dim, o->as.tensor->dtype);
    }
    return (tg_dtype)combine(with_dims, combine(zero_dim, numbers));
}

tg_dtype tgi_operand_dtype(const tg_operand *operand) { return tgi_result_type(operand, 1); }

tg_tensor *tgi_operand_to(tg_operand operand, tg_dtype dtype)
{
    if (operand.kind == TG_OPERAND_TENSOR) return tg_to(operand.as.tensor, dtype);
    if ((unsigned)operand.kind > TG_OPERAND_BOOL)
        return tg_fail_at(NULL, TG_ERROR_VALUE, "operand", "an argument is neither a tensor nor a number (kind %d)",
                          (int)operand.kind);
    const tg_shape scalar = tg_shape();
    if (operand.kind == TG_OPERAND_REAL) return tgi_new_full(&scalar, dtype, operand.as.real);
    tg_tensor *t = tgi_new_full(&scalar, dtype, (double)operand.as.integer);
    if (t && dtype == TG_INT64) *(int64_t *)tgi_ptr(t) = operand.as.integer; /* all 64 bits */
    return t;
}

tg_tensor *tgi_value_to(const tg_op *op, tg_tensor_list inputs, tg_operand value, tg_dtype dtype)
{
    if (dtype == TG_INT64 && value.kind == TG_OPERAND_REAL && !(fabs(value.as.real) < 0x1p63))
        return tg_op_fail(op, inputs, TGI_NO_INT64);
    return tgi_operand_to(value, dtype);
}

const char *tgi_scalar_type_name(tg_dtype dtype)
{
    static const char *const names[TG_DTYPES] = { "Float", "Double", "Long", "Bool" };
    return (unsigned)dtype < TG_DTYPES ? names[dtype] : "Undefined";
}

const char *tgi_c_type_name(tg_dtype dtype)
{
    static const char *const names[TG_DTYPES] = { "float", "double", "long int", "bool" };
    return names[dtype];
}

tg_tensor *tgi_not_implemented(const tg_op *op, tg_tensor_list inputs, const char *kernel, tg_dtype dtype)
{
    return tg_op_fail(op, inputs, "\"%s\" not implemented for '%s'", kernel, tgi_scalar_type_name(dtype));
}

tg_tensor *tgi_expected_type(const tg_op *op, tg_tensor_list inputs, tg_dtype expected, tg_dtype found)
{
    return tg_op_fail(op, inputs, "expected scalar type %s but found %s", tgi_scalar_type_name(expected),
                      tgi_scalar_type_name(found));
}
