/* adamax.h: Adamax, Adam with the infinity norm (Kingma and Ba, 2014).
 *
 *     g' = g + weight_decay p
 *     m = beta1 m + (1 - beta1) g'
 *     u = max(beta2 u, |g'| + eps)
 *     p = p - lr / (1 - beta1^t) m / u
 *
 * maximize steps the other way. States: "exp_avg" (m) and "exp_inf" (u). */
#ifndef TG_OPTIM_ADAMAX_H
#define TG_OPTIM_ADAMAX_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_adamax_options {
    double lr;
    double beta1, beta2;
    double eps;
    double weight_decay;
    bool maximize;
    TG_OPTIONS_END
} tg_adamax_options;
#define TG_ADAMAX_DEFAULTS                                                                                             \
    /* lr */ 2e-3, /* beta1 */ 0.9, /* beta2 */ 0.999, /* eps */ 1e-8, /* weight_decay */ 0.0,                         \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_adamax_new(tg_parameters(model), .lr = 1e-3)` */
tg_optimizer *tg_adamax_new_at(const char *where, tg_tensor_list parameters, tg_adamax_options options);
#define tg_adamax_new(parameters, ...)                                                                                 \
    tg_adamax_new_at(TG_HERE, parameters, TG_OPTIONS(tg_adamax_options, TG_ADAMAX_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
