/* matmul_impl.h: the matrix product as the engine uses it. Internal to ops/. */
#ifndef TG_OPS_MATMUL_IMPL_H
#define TG_OPS_MATMUL_IMPL_H

#include "../core/tape.h"

TG_EXTERN_C_BEGIN

/* The engine's add_products (tape.h): one product of a long k. `sum` overlaps no factor. */
tg_status tgi_add_products(tg_tensor *sum, bool accumulate, const tg_product *products, int64_t count);

TG_EXTERN_C_END

#endif
