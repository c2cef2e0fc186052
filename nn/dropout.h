/* dropout.h: zeroes elements at random while training (Srivastava et al., 2014). */
#ifndef TG_NN_DROPOUT_H
#define TG_NN_DROPOUT_H

#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_dropout_options {
    double p;      /* the probability of a zero; the elements kept are divided by 1 - p */
    bool training; /* false: x as it is */
    TG_OPTIONS_END
} tg_dropout_options;
#define TG_DROPOUT_DEFAULTS /* p */ 0.5, /* training */ true TG_DEFAULTS_END

/* torch.nn.functional.dropout: `tg_dropout(x, .p = 0.1)`. The mask is drawn in row-major order from PyTorch's
 * stream. */
tg_tensor *tg_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options);
#define tg_dropout(x, ...)                                                                                             \
    tg_dropout_at(TG_HERE, x, TG_OPTIONS(tg_dropout_options, TG_DROPOUT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The module: drops in training mode only. Call it with tg_module_forward. */
tg_module *tg_dropout_new_at(const char *where, double p);
#define tg_dropout_new(p) tg_dropout_new_at(TG_HERE, p)

TG_END_DECLS

#endif
