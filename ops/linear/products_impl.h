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

TG_EXTERN_C_END

#endif
