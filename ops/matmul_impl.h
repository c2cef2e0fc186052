/* matmul_impl.h: the matrix product as the engine uses it. Internal to ops/. */
#ifndef TG_OPS_MATMUL_IMPL_H
#define TG_OPS_MATMUL_IMPL_H

#include "../core/tape.h"

TG_EXTERN_C_BEGIN

/* sum = the sum of the products, plus its old elements if `accumulate`: one product of a long k. Raw: records nothing.
 * `sum` is contiguous and overlaps no factor. */
tg_status tgi_add_products(tg_tensor *sum, bool accumulate, const tg_product *products, int64_t count);

TG_EXTERN_C_END

#endif
