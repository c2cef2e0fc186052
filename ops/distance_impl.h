/* distance_impl.h: what the files of the distance family share. Internal to ops/. */
#ifndef TG_OPS_DISTANCE_IMPL_H
#define TG_OPS_DISTANCE_IMPL_H

#include "distance.h"

TG_EXTERN_C_BEGIN

extern const tg_op tgi_op_cdist, tgi_op_pdist;

/* In ops: the gradient of a norm y, itself of size 1 where x has the n elements, by x from g, the gradient of y. Of the
 * largest element each that ties gets g, or their share of it. */
tg_tensor *tgi_norm_gradient(tg_tensor *g, tg_tensor *x, tg_tensor *y, double p, int dim, bool shared);

TG_EXTERN_C_END

#endif
