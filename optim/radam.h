/* radam.h: RAdam, Adam with its variance rectified (Liu et al., 2019).
 *
 *     g' = g + weight_decay p
 *     m = beta1 m + (1 - beta1) g'
 *     v = beta2 v + (1 - beta2) g'^2
 *     n = 2 / (1 - beta2) - 1,  rho = n - 2 t beta2^t / (1 - beta2^t)
 *     r = sqrt((rho - 4) (rho - 2) n / ((n - 4) (n - 2) rho))
 *     p = p - lr / (1 - beta1^t) m r sqrt(1 - beta2^t) / (sqrt(v) + eps)      (rho > 5)
 *     p = p - lr / (1 - beta1^t) m                                            (the first steps)
 *
 * States: "exp_avg" (m) and "exp_avg_sq" (v). */
#ifndef TG_OPTIM_RADAM_H
#define TG_OPTIM_RADAM_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_radam_options {
    double lr;
    double beta1, beta2;
    double eps;
    double weight_decay;
    TG_OPTIONS_END
} tg_radam_options;
#define TG_RADAM_DEFAULTS                                                                                              \
    /* lr */ 1e-3, /* beta1 */ 0.9, /* beta2 */ 0.999, /* eps */ 1e-8, /* weight_decay */ 0.0 TG_DEFAULTS_END

/* `tg_radam_new(tg_parameters(model), .lr = 1e-2)` */
tg_optimizer *tg_radam_new_at(const char *where, tg_tensor_list parameters, tg_radam_options options);
#define tg_radam_new(parameters, ...)                                                                                  \
    tg_radam_new_at(TG_HERE, parameters, TG_OPTIONS(tg_radam_options, TG_RADAM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
