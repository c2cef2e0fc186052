/* rprop.h: resilient backpropagation (Riedmiller and Braun, 1993), for gradients of the whole data set.
 *
 *     s = s etaplus  where g and its predecessor have the same sign, at most step_size_max
 *     s = s etaminus where their signs differ, at least step_size_min; there g becomes 0
 *     p = p - s sign(g)
 *
 * lr is the first s; to change it later changes nothing. maximize steps the other way. States: "prev" (the last g) and
 * "step_size" (s). */
#ifndef TG_OPTIM_RPROP_H
#define TG_OPTIM_RPROP_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_rprop_options {
    double lr;
    double etaminus, etaplus;
    double step_size_min, step_size_max;
    bool maximize;
    TG_OPTIONS_END
} tg_rprop_options;
#define TG_RPROP_DEFAULTS                                                                                              \
    /* lr */ 1e-2, /* etaminus */ 0.5, /* etaplus */ 1.2, /* step_size_min */ 1e-6, /* step_size_max */ 50.0,          \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_rprop_new(tg_parameters(model), .etaplus = 1.1)` */
tg_optimizer *tg_rprop_new_at(const char *where, tg_tensor_list parameters, tg_rprop_options options);
#define tg_rprop_new(parameters, ...)                                                                                  \
    tg_rprop_new_at(TG_HERE, parameters, TG_OPTIONS(tg_rprop_options, TG_RPROP_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
