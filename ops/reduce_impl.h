/* reduce_impl.h: what sums, products and losses share. Internal to ops/. */
#ifndef TG_OPS_REDUCE_IMPL_H
#define TG_OPS_REDUCE_IMPL_H

#include "iterate.h"

TG_EXTERN_C_BEGIN

/* Sums `g` to `shape`, which broadcasting had stretched to g's own; recorded when grad mode is on. The engine's way to
 * undo broadcasting (tg_engine_ops). */
tg_tensor *tgi_sum_to(tg_tensor *g, const tg_shape *shape);

/* The sum (or mean) of all elements, in t's dtype (int64 for bool): a 0-d tensor. Raw: records nothing. */
tg_tensor *tgi_sum_all_raw(tg_tensor *t, bool mean);

/* `t` itself or a contiguous copy; either way a reference that the caller gives back with tgi_unref as soon as its loop
 * is over, so that the copy does not stay until the scope ends. */
static inline tg_tensor *tgi_own_contiguous(tg_tensor *t)
{
    tg_tensor *c = tgi_contiguous_raw(t);
    return c == t ? tgi_ref(t) : tgi_own(c);
}

TG_EXTERN_C_END

#endif
