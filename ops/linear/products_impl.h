/* products_impl.h: what the files of the products family share. Internal to ops/. */
#ifndef TG_OPS_LINEAR_PRODUCTS_IMPL_H
#define TG_OPS_LINEAR_PRODUCTS_IMPL_H

#include "core/op.h"
#include "ops/products.h"

TG_EXTERN_C_BEGIN

/* `t` has one dimension; otherwise PyTorch's words about `argument`. */
bool tgi_is_vector(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const char *argument);

/* beta and alpha of a generic call, whose arguments 3 and 4 they are. False: an error of `op` was recorded. */
bool tgi_addmm_options_of(const tg_op *op, const tg_value *v, tg_addmm_options *o);

/* `input` can be stretched to `shape`; otherwise PyTorch's words. */
bool tgi_expands_to(const tg_op *op, tg_tensor_list inputs, const tg_tensor *input, const tg_shape *shape);

/* beta input + alpha product. */
tg_tensor *tgi_sum_of(tg_tensor *input, tg_tensor *product, const tg_addmm_options *o);

/* Of addr: whether it is done in one pass, which tgi_addr_into makes: y = beta input + alpha vec1 vec2T, where y, of
 * contiguous rows, may be the input and else overlaps nothing. Raw. False: no memory. */
bool tgi_addr_in_one_pass(const tg_tensor *input, const tg_tensor *vec1, const tg_tensor *vec2,
                          const tg_addmm_options *o);
bool tgi_addr_into(tg_tensor *y, tg_tensor *input, tg_tensor *vec1, tg_tensor *vec2, const tg_addmm_options *o);

TG_EXTERN_C_END

#endif
