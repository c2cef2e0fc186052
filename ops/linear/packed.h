/* packed.h: weights packed once for many products. Internal to ops/. */
#ifndef TG_OPS_LINEAR_PACKED_H
#define TG_OPS_LINEAR_PACKED_H

#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

/* A smaller matrix is packed as fast as it is found. */
enum { TGI_WORTH_PACKING = 1 << 10 /* elements */ };

/* A matrix [k, n] in memory as the matrix product takes it. */
typedef struct tgi_packed tgi_packed;

/* `b`, a matrix of k rows and n columns (of n rows and k columns if `transposed`), packed; NULL when it is not to be
 * had (b is no weight, it is used for the first time since it was written, memory is short): the product then reads b
 * itself, with the same result. Give it back by tgi_packed_release. */
tgi_packed *tgi_packed_acquire(const tg_tensor *b, bool transposed);
void tgi_packed_release(tgi_packed *packed);
const void *tgi_packed_data(const tgi_packed *packed);

TG_EXTERN_C_END

#endif
