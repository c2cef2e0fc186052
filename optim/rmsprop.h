/* rmsprop.h: RMSprop (Tieleman and Hinton, 2012); centered as by Graves, 2013.
 *
 *     g' = g + weight_decay p
 *     v = alpha v + (1 - alpha) g'^2
 *     m = alpha m + (1 - alpha) g'            (centered)
 *     d = g' / (sqrt(v) + eps)                (centered: g' / (sqrt(v - m^2) + eps))
 *     b = momentum b + d                      (b = d without momentum)
 *     p = p - lr b
 *
 * maximize steps the other way. States: "square_avg" (v), "momentum_buffer" (b) with momentum, "grad_avg" (m) if
 * centered. */
#ifndef TG_OPTIM_RMSPROP_H
#define TG_OPTIM_RMSPROP_H

#include "optimizer.h"

TG_BEGIN_DECLS

typedef struct tg_rmsprop_options {
    double lr;
    double alpha;
    double eps;
    double weight_decay;
    double momentum;
    bool centered;
    bool maximize;
    TG_OPTIONS_END
} tg_rmsprop_options;
#define TG_RMSPROP_DEFAULTS                                                                                            \
    /* lr */ 1e-2, /* alpha */ 0.99, /* eps */ 1e-8, /* weight_decay */ 0.0, /* momentum */ 0.0, /* centered */ false, \
        /* maximize */ false TG_DEFAULTS_END

/* `tg_rmsprop_new(tg_parameters(model), .lr = 1e-3, .momentum = 0.9)` */
tg_optimizer *tg_rmsprop_new_at(const char *where, tg_tensor_list parameters, tg_rmsprop_options options);
#define tg_rmsprop_new(parameters, ...)                                                                                \
    tg_rmsprop_new_at(TG_HERE, parameters,                                                                             \
                      TG_OPTIONS(tg_rmsprop_options, TG_RMSPROP_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
