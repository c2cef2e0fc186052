/* adadelta.h: Adadelta (Zeiler, 2012).
 *
 *     g' = g + weight_decay p
 *     v = rho v + (1 - rho) g'^2
 *     d = sqrt(u + eps) / sqrt(v + eps) g'
 *     u = rho u + (1 - rho) d^2
 *     p = p - lr d
 *
 * maximize steps the other way. States: "square_avg" (v) and "acc_delta" (u). */
#ifndef TG_OPTIM_ADADELTA_H
#define TG_OPTIM_ADADELTA_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_adadelta_options {
    double lr;
    double rho;
    double eps;
    double weight_decay;
    bool maximize;
    TG_OPTIONS_END
} tg_adadelta_options;
#define TG_ADADELTA_DEFAULTS                                                                                           \
    /* lr */ 1.0, /* rho */ 0.9, /* eps */ 1e-6, /* weight_decay */ 0.0, /* maximize */ false TG_DEFAULTS_END

/* `tg_adadelta_new(tg_parameters(model), .rho = 0.95)` */
tg_optimizer *tg_adadelta_new_at(const char *where, tg_tensor_list parameters, tg_adadelta_options options);
#define tg_adadelta_new(parameters, ...)                                                                               \
    tg_adadelta_new_at(TG_HERE, parameters,                                                                            \
                       TG_OPTIONS(tg_adadelta_options, TG_ADADELTA_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
