/* promote.h: operands: PyTorch's type promotion, and numbers made tensors. Internal to ops/. */
#ifndef TG_OPS_BASE_PROMOTE_H
#define TG_OPS_BASE_PROMOTE_H

#include "core/tensor_impl.h"
#include "ops/operand.h"

TG_EXTERN_C_BEGIN

/* The dtype in which an op on these operands computes: tensors with dimensions decide; 0-d tensors, and after them
 * numbers, count only when they are of a higher category (bool < integer < floating). */
tg_dtype tgi_result_type(const tg_operand *operands, int count);

/* The tensors among the operands, for checks and errors; `tensors` has room for all. */
static inline tg_tensor_list tgi_tensors_of(const tg_operand *operands, int count, tg_tensor **tensors)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (operands[i].kind == TG_OPERAND_TENSOR) tensors[n++] = operands[i].as.tensor;
        if ((unsigned)operands[i].kind > TG_OPERAND_BOOL) tensors[n++] = NULL; /* neither: reported as one missing */
    }
    return TG_LITERAL(tg_tensor_list){ tensors, n };
}

/* The operand's dtype, a number's being that of a tensor made of it; its shape. */
tg_dtype tgi_operand_dtype(const tg_operand *operand);
static inline tg_shape tgi_operand_shape(const tg_operand *operand)
{
    return operand->kind == TG_OPERAND_TENSOR ? tgi_shape(operand->as.tensor) : tg_shape();
}

/* The operand as a tensor of `dtype`: a number becomes a 0-d one, a tensor of another dtype is converted (and the
 * conversion recorded). NULL on failure. */
tg_tensor *tgi_operand_to(tg_operand operand, tg_dtype dtype);

/* The same of a value to be stored, which an integer must be able to hold; in the name of `op`. */
tg_tensor *tgi_value_to(const tg_op *op, tg_tensor_list inputs, tg_operand value, tg_dtype dtype);
#define TGI_NO_INT64 "value cannot be converted to type int64_t without overflow"

/* What PyTorch calls a dtype in its errors: "Float", "Double", "Long", "Bool"; in others "float", "long int". */
const char *tgi_scalar_type_name(tg_dtype dtype);
const char *tgi_c_type_name(tg_dtype dtype);
static inline const char *tgi_type_name(const tg_tensor *t) { return tgi_scalar_type_name((tg_dtype)t->dtype); }

/* PyTorch's errors "\"%s\" not implemented for '%s'", of a kernel by PyTorch's name, and "expected scalar type %s but
 * found %s". NULL. */
TG_RARE tg_tensor *tgi_not_implemented(const tg_op *op, tg_tensor_list inputs, const char *kernel, tg_dtype dtype);
TG_RARE tg_tensor *tgi_expected_type(const tg_op *op, tg_tensor_list inputs, tg_dtype expected, tg_dtype found);

/* False, with the first of those errors, for a tensor of integers. */
static inline bool tgi_floating_ok(const tg_op *op, tg_tensor *t, const char *kernel)
{
    return tgi_is_floating(t) || tgi_not_implemented(op, tg_list(t), kernel, (tg_dtype)t->dtype);
}

TG_EXTERN_C_END

#endif
