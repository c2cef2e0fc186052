/* asgd.h: averaged stochastic gradient descent (Polyak and Juditsky, 1992; the schedule is Bottou's, 2010).
 *
 *     g' = g + weight_decay p
 *     p = (1 - lambd eta) p - eta g'
 *     a = a + mu (p - a)
 *     eta = lr / (1 + lambd lr t)^alpha,  mu = 1 / max(1, t - t0)      (for the next step; lr and 1 at the first)
 *
 * The parameters are p; their average a, which is p until step t0, is for the caller to take. maximize steps the other
 * way. States: "ax" (a), and in float64 the numbers "eta" and "mu". */
#ifndef TG_OPTIM_ASGD_H
#define TG_OPTIM_ASGD_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_asgd_options {
    double lr;
    double lambd;
    double alpha;
    double t0;
    double weight_decay;
    bool maximize;
    TG_OPTIONS_END
} tg_asgd_options;
#define TG_ASGD_DEFAULTS                                                                                               \
    /* lr */ 1e-2, /* lambd */ 1e-4, /* alpha */ 0.75, /* t0 */ 1e6, /* weight_decay */ 0.0,                           \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_asgd_new(tg_parameters(model), .t0 = 1000)` */
tg_optimizer *tg_asgd_new_at(const char *where, tg_tensor_list parameters, tg_asgd_options options);
#define tg_asgd_new(parameters, ...)                                                                                   \
    tg_asgd_new_at(TG_HERE, parameters, TG_OPTIONS(tg_asgd_options, TG_ASGD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
