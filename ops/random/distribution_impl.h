/* distribution_impl.h: what a kind of distribution is. Internal to ops/random/. */
#ifndef TG_OPS_RANDOM_DISTRIBUTION_IMPL_H
#define TG_OPS_RANDOM_DISTRIBUTION_IMPL_H

#include "core/tensor_impl.h"
#include "ops/distributions.h"

TG_EXTERN_C_BEGIN

/* A draw: `extended` is the sample's shape followed by the batch's. */
typedef struct tgi_draw {
    tg_shape sample, extended;
    tg_generator *generator;
} tgi_draw;

/* A kind's formulas, all in ops: NULL arguments pass on. */
typedef struct tgi_distribution_class {
    const char *name;
    bool smooth; /* draw is differentiable by the parameters */
    tg_tensor *(*draw)(const tg_distribution *d, const tgi_draw *how);
    tg_tensor *(*log_prob)(const tg_distribution *d, tg_tensor *value);
    tg_tensor *(*entropy)(const tg_distribution *d);
    tg_tensor *(*kl)(const tg_distribution *p, const tg_distribution *q);
    tg_tensor *(*supports)(const tg_distribution *d, tg_tensor *value); /* a bool for each value */
    const char *support;                                                /* in PyTorch's words */
} tgi_distribution_class;

/* NULL for what is no kind. */
const tgi_distribution_class *tgi_distribution_class_of(tg_distribution_kind kind);

TG_EXTERN_C_END

#endif
