/* nadam.h: NAdam, Adam with Nesterov's momentum (Dozat, 2016).
 *
 *     g' = g + weight_decay p
 *     mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
 *     c = c mu_t                              (c = 1 before the first step)
 *     m = beta1 m + (1 - beta1) g'
 *     v = beta2 v + (1 - beta2) g'^2
 *     d = sqrt(v / (1 - beta2^t)) + eps
 *     p = p - lr ((1 - mu_t) / (1 - c) g' + mu_{t+1} / (1 - c mu_t mu_{t+1}) m) / d
 *
 * The last line's second product has mu_t twice, as in PyTorch 1.13's code, though not in its documentation. States:
 * "mu_product" (c, a number in float64), "exp_avg" (m) and "exp_avg_sq" (v). */
#ifndef TG_OPTIM_NADAM_H
#define TG_OPTIM_NADAM_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_nadam_options {
    double lr;
    double beta1, beta2;
    double eps;
    double weight_decay;
    double momentum_decay;
    TG_OPTIONS_END
} tg_nadam_options;
#define TG_NADAM_DEFAULTS                                                                                              \
    /* lr */ 2e-3, /* beta1 */ 0.9, /* beta2 */ 0.999, /* eps */ 1e-8, /* weight_decay */ 0.0,                         \
        /* momentum_decay */ 4e-3 TG_DEFAULTS_END

/* `tg_nadam_new(tg_parameters(model), .lr = 1e-3)` */
tg_optimizer *tg_nadam_new_at(const char *where, tg_tensor_list parameters, tg_nadam_options options);
#define tg_nadam_new(parameters, ...)                                                                                  \
    tg_nadam_new_at(TG_HERE, parameters, TG_OPTIONS(tg_nadam_options, TG_NADAM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
