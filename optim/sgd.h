/* sgd.h: stochastic gradient descent, with momentum (Polyak) or Nesterov's.
 *
 *     g' = g + weight_decay p
 *     b = momentum b + (1 - dampening) g'     (b = g' at the first step)
 *     p = p - lr b                            (nesterov: p - lr (g' + momentum b))
 *
 * State: "momentum_buffer" (b), with momentum. */
#ifndef TG_OPTIM_SGD_H
#define TG_OPTIM_SGD_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_sgd_options {
    double lr;
    double momentum;
    double dampening;
    double weight_decay;
    bool nesterov;
    bool maximize;
    TG_OPTIONS_END
} tg_sgd_options;
#define TG_SGD_DEFAULTS                                                                                                \
    /* lr */ 1e-3, /* momentum */ 0.0, /* dampening */ 0.0, /* weight_decay */ 0.0, /* nesterov */ false,              \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_sgd_new(tg_parameters(model), .lr = 0.1, .momentum = 0.9)` */
tg_optimizer *tg_sgd_new_at(const char *where, tg_tensor_list parameters, tg_sgd_options options);
#define tg_sgd_new(parameters, ...)                                                                                    \
    tg_sgd_new_at(TG_HERE, parameters, TG_OPTIONS(tg_sgd_options, TG_SGD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
