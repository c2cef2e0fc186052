/* activation.h: pointwise functions and softmax as modules, for Sequential and for print. Call them with
 * tg_module_forward. */
#ifndef TG_NN_ACTIVATION_H
#define TG_NN_ACTIVATION_H

#include "module.h"

TG_BEGIN_DECLS

tg_module *tg_relu_new_at(const char *where);
tg_module *tg_sigmoid_new_at(const char *where);
tg_module *tg_tanh_new_at(const char *where);
tg_module *tg_softmax_new_at(const char *where, int64_t dim);
tg_module *tg_log_softmax_new_at(const char *where, int64_t dim);
#define tg_relu_new()           tg_relu_new_at(TG_HERE)
#define tg_sigmoid_new()        tg_sigmoid_new_at(TG_HERE)
#define tg_tanh_new()           tg_tanh_new_at(TG_HERE)
#define tg_softmax_new(dim)     tg_softmax_new_at(TG_HERE, dim)
#define tg_log_softmax_new(dim) tg_log_softmax_new_at(TG_HERE, dim)

TG_END_DECLS

#endif
