/* products_impl.h: the descriptors of products.h's ops, which stand in several files. Internal to ops/. */
#ifndef TG_OPS_LINEAR_PRODUCTS_IMPL_H
#define TG_OPS_LINEAR_PRODUCTS_IMPL_H

#include "core/op.h"
#include "ops/products.h"

TG_EXTERN_C_BEGIN

/* `t` has one dimension; otherwise PyTorch's words about `argument`. */
bool tgi_is_vector(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const char *argument);

/* beta and alpha of a generic call, whose arguments 3 and 4 they are. False: an error of `op` was recorded. */
bool tgi_addmm_options_of(const tg_op *op, const tg_value *v, tg_addmm_options *o);

extern const tg_op tgi_op_addmm_, tgi_op_addmv_, tgi_op_addbmm_, tgi_op_baddbmm_, tgi_op_addr_;
extern const tg_op tgi_op_addmm, tgi_op_addmv, tgi_op_addbmm, tgi_op_baddbmm, tgi_op_addr;
extern const tg_op tgi_op_tensordot, tgi_op_einsum;
extern const tg_op tgi_op_bilinear, tgi_op_cross, tgi_op_kron, tgi_op_multi_dot, tgi_op_chain_matmul;

TG_EXTERN_C_END

#endif
