/* dropout.h: dropout as modules, which drop in training mode only. Call them with tg_module_forward; the formulas are
 * ops/dropout.h's. */
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

TG_END_DECLS

#endif
