/* adam.h: Adam (Kingma and Ba, 2014) and AdamW (Loshchilov and Hutter, 2017).
 *
 *     g' = g + weight_decay p                 (Adam)      or  p = p - lr weight_decay p   (AdamW)
 *     m = beta1 m + (1 - beta1) g'
 *     v = beta2 v + (1 - beta2) g'^2
 *     p = p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * amsgrad divides by the largest v so far; maximize steps the other way. States: "exp_avg" (m), "exp_avg_sq" (v) and,
 * with amsgrad, "max_exp_avg_sq". */
#ifndef TG_OPTIM_ADAM_H
#define TG_OPTIM_ADAM_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_adam_options {
    double lr;
    double beta1, beta2;
    double eps;
    double weight_decay;
    bool amsgrad;
    bool maximize;
    TG_OPTIONS_END
} tg_adam_options;
#define TG_ADAM_DEFAULTS                                                                                               \
    /* lr */ 1e-3, /* beta1 */ 0.9, /* beta2 */ 0.999, /* eps */ 1e-8, /* weight_decay */ 0.0, /* amsgrad */ false,    \
        /* maximize */ false TG_DEFAULTS_END
#define TG_ADAMW_DEFAULTS                                                                                              \
    /* lr */ 1e-3, /* beta1 */ 0.9, /* beta2 */ 0.999, /* eps */ 1e-8, /* weight_decay */ 1e-2, /* amsgrad */ false,   \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_adam_new(tg_parameters(model), .lr = 1e-3)` */
tg_optimizer *tg_adam_new_at(const char *where, tg_tensor_list parameters, tg_adam_options options);
tg_optimizer *tg_adamw_new_at(const char *where, tg_tensor_list parameters, tg_adam_options options);
#define tg_adam_new(parameters, ...)                                                                                   \
    tg_adam_new_at(TG_HERE, parameters, TG_OPTIONS(tg_adam_options, TG_ADAM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#define tg_adamw_new(parameters, ...)                                                                                  \
    tg_adamw_new_at(TG_HERE, parameters, TG_OPTIONS(tg_adam_options, TG_ADAMW_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
