/* promote.h: PyTorch's type promotion, and numbers made tensors. Internal to ops/. */
#ifndef TG_OPS_PROMOTE_H
#define TG_OPS_PROMOTE_H

#include "../core/tensor_impl.h"
#include "operand.h"

TG_EXTERN_C_BEGIN

/* The dtype in which an op on these operands computes: tensors with dimensions decide; 0-d tensors, and after them
 * numbers, count only when they are of a higher category (bool < integer < floating). */
tg_dtype tgi_result_type(const tg_operand *operands, int count);

/* The operand as a tensor of `dtype`: a number becomes a 0-d one, a tensor of another dtype is converted (and the
 * conversion recorded). NULL on failure. */
tg_tensor *tgi_operand_to(tg_operand operand, tg_dtype dtype);

/* "Float", "Double", "Long", "Bool": what PyTorch calls a dtype in its errors. */
const char *tgi_scalar_type_name(tg_dtype dtype);

TG_EXTERN_C_END

#endif
