/* dropout.h: dropout and RReLU as modules, which draw in training mode only. Call them with tg_module_forward; the
 * formulas are ops/dropout.h's. */
#ifndef TG_NN_DROPOUT_H
#define TG_NN_DROPOUT_H

#include "../ops/dropout.h"
#include "module.h"

TG_BEGIN_DECLS

tg_module *tg_dropout_new_at(const char *where, double p);
tg_module *tg_dropout1d_new_at(const char *where, double p);
tg_module *tg_dropout2d_new_at(const char *where, double p);
tg_module *tg_dropout3d_new_at(const char *where, double p);
tg_module *tg_alpha_dropout_new_at(const char *where, double p);
tg_module *tg_feature_alpha_dropout_new_at(const char *where, double p);
#define tg_dropout_new(p)               tg_dropout_new_at(TG_HERE, p)
#define tg_dropout1d_new(p)             tg_dropout1d_new_at(TG_HERE, p)
#define tg_dropout2d_new(p)             tg_dropout2d_new_at(TG_HERE, p)
#define tg_dropout3d_new(p)             tg_dropout3d_new_at(TG_HERE, p)
#define tg_alpha_dropout_new(p)         tg_alpha_dropout_new_at(TG_HERE, p)
#define tg_feature_alpha_dropout_new(p) tg_feature_alpha_dropout_new_at(TG_HERE, p)

typedef struct tg_rrelu_module_options {
    double lower, upper;
    TG_OPTIONS_END
} tg_rrelu_module_options;
#define TG_RRELU_MODULE_DEFAULTS /* lower */ 0.125, /* upper */ 1.0 / 3 TG_DEFAULTS_END

tg_module *tg_rrelu_new_at(const char *where, tg_rrelu_module_options options);
#define tg_rrelu_new(...)                                                                                              \
    tg_rrelu_new_at(TG_HERE, TG_OPTIONS(tg_rrelu_module_options, TG_RRELU_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
