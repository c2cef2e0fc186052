/* adagrad.h: Adagrad (Duchi, Hazan and Singer, 2011).
 *
 *     g' = g + weight_decay p
 *     s = s + g'^2                            (s = initial_accumulator_value before the first step)
 *     p = p - lr / (1 + (t - 1) lr_decay) g' / (sqrt(s) + eps)
 *
 * maximize steps the other way. State: "sum" (s). */
#ifndef TG_OPTIM_ADAGRAD_H
#define TG_OPTIM_ADAGRAD_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_adagrad_options {
    double lr;
    double lr_decay;
    double weight_decay;
    double initial_accumulator_value;
    double eps;
    bool maximize;
    TG_OPTIONS_END
} tg_adagrad_options;
#define TG_ADAGRAD_DEFAULTS                                                                                            \
    /* lr */ 1e-2, /* lr_decay */ 0.0, /* weight_decay */ 0.0, /* initial_accumulator_value */ 0.0, /* eps */ 1e-10,   \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_adagrad_new(tg_parameters(model), .lr = 0.1)` */
tg_optimizer *tg_adagrad_new_at(const char *where, tg_tensor_list parameters, tg_adagrad_options options);
#define tg_adagrad_new(parameters, ...)                                                                                \
    tg_adagrad_new_at(TG_HERE, parameters,                                                                             \
                      TG_OPTIONS(tg_adagrad_options, TG_ADAGRAD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
