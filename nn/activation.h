/* activation.h: pointwise functions and softmax as modules, for Sequential and for print. Call them with
 * tg_module_forward. */
#ifndef TG_NN_ACTIVATION_H
#define TG_NN_ACTIVATION_H

#include "../ops/activation.h"
#include "../ops/create.h"
#include "module.h"

TG_BEGIN_DECLS

tg_module *tg_relu_new_at(const char *where);
tg_module *tg_sigmoid_new_at(const char *where);
tg_module *tg_tanh_new_at(const char *where);
tg_module *tg_relu6_new_at(const char *where);
tg_module *tg_selu_new_at(const char *where);
tg_module *tg_silu_new_at(const char *where);
tg_module *tg_mish_new_at(const char *where);
tg_module *tg_log_sigmoid_new_at(const char *where);
tg_module *tg_softsign_new_at(const char *where);
tg_module *tg_hardsigmoid_new_at(const char *where);
tg_module *tg_hardswish_new_at(const char *where);
tg_module *tg_tanhshrink_new_at(const char *where);
tg_module *tg_softmax2d_new_at(const char *where); /* over the channels of [N, C, H, W] or [C, H, W] */
tg_module *tg_softmax_new_at(const char *where, int64_t dim);
tg_module *tg_softmin_new_at(const char *where, int64_t dim);
tg_module *tg_log_softmax_new_at(const char *where, int64_t dim);
#define tg_relu_new()           tg_relu_new_at(TG_HERE)
#define tg_sigmoid_new()        tg_sigmoid_new_at(TG_HERE)
#define tg_tanh_new()           tg_tanh_new_at(TG_HERE)
#define tg_relu6_new()          tg_relu6_new_at(TG_HERE)
#define tg_selu_new()           tg_selu_new_at(TG_HERE)
#define tg_silu_new()           tg_silu_new_at(TG_HERE)
#define tg_mish_new()           tg_mish_new_at(TG_HERE)
#define tg_log_sigmoid_new()    tg_log_sigmoid_new_at(TG_HERE)
#define tg_softsign_new()       tg_softsign_new_at(TG_HERE)
#define tg_hardsigmoid_new()    tg_hardsigmoid_new_at(TG_HERE)
#define tg_hardswish_new()      tg_hardswish_new_at(TG_HERE)
#define tg_tanhshrink_new()     tg_tanhshrink_new_at(TG_HERE)
#define tg_softmax2d_new()      tg_softmax2d_new_at(TG_HERE)
#define tg_softmax_new(dim)     tg_softmax_new_at(TG_HERE, dim)
#define tg_softmin_new(dim)     tg_softmin_new_at(TG_HERE, dim)
#define tg_log_softmax_new(dim) tg_log_softmax_new_at(TG_HERE, dim)

/* `tg_glu_new()` is along the last dimension. */
tg_module *tg_glu_new_at(const char *where, int64_t dim);
tg_module *tg_threshold_new_at(const char *where, double threshold, double value);
#define tg_glu_new(...)                    tg_glu_new_at(TG_HERE, TG_OR(-1 __VA_OPT__(,) __VA_ARGS__))
#define tg_threshold_new(threshold, value) tg_threshold_new_at(TG_HERE, threshold, value)

/* With the options of the function (ops/activation.h): `tg_gelu_new(.approximate = "tanh")`, `tg_leaky_relu_new()`. */
tg_module *tg_gelu_new_at(const char *where, tg_gelu_options options);
tg_module *tg_leaky_relu_new_at(const char *where, tg_leaky_relu_options options);
tg_module *tg_elu_new_at(const char *where, tg_elu_options options);
tg_module *tg_celu_new_at(const char *where, tg_celu_options options);
tg_module *tg_softplus_new_at(const char *where, tg_softplus_options options);
tg_module *tg_hardtanh_new_at(const char *where, tg_hardtanh_options options);
tg_module *tg_softshrink_new_at(const char *where, tg_softshrink_options options);
tg_module *tg_hardshrink_new_at(const char *where, tg_hardshrink_options options);
#define tg_gelu_new(...)       tg_gelu_new_at(TG_HERE, TG_GELU_OPTIONS(__VA_ARGS__))
#define tg_leaky_relu_new(...) tg_leaky_relu_new_at(TG_HERE, TG_LEAKY_RELU_OPTIONS(__VA_ARGS__))
#define tg_elu_new(...)        tg_elu_new_at(TG_HERE, TG_ELU_OPTIONS(__VA_ARGS__))
#define tg_celu_new(...)       tg_celu_new_at(TG_HERE, TG_CELU_OPTIONS(__VA_ARGS__))
#define tg_softplus_new(...)   tg_softplus_new_at(TG_HERE, TG_SOFTPLUS_OPTIONS(__VA_ARGS__))
#define tg_hardtanh_new(...)   tg_hardtanh_new_at(TG_HERE, TG_HARDTANH_OPTIONS(__VA_ARGS__))
#define tg_softshrink_new(...) tg_softshrink_new_at(TG_HERE, TG_SOFTSHRINK_OPTIONS(__VA_ARGS__))
#define tg_hardshrink_new(...) tg_hardshrink_new_at(TG_HERE, TG_HARDSHRINK_OPTIONS(__VA_ARGS__))

/* ---- with a parameter ---- */

typedef struct tg_prelu_module_options {
    int64_t num_parameters;    /* 1, or one for each channel, dimension 1 of the input */
    double init;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_prelu_module_options;
#define TG_PRELU_MODULE_DEFAULTS /* num_parameters */ 1, /* init */ 0.25, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* x where it is positive, weight x where it is not: `tg_prelu_new(.num_parameters = 64)`. */
typedef struct tg_prelu {
    tg_module base;
    int64_t num_parameters;
    tg_tensor *weight; /* [num_parameters] */
} tg_prelu;
tg_prelu *tg_prelu_new_at(const char *where, tg_prelu_module_options options);
#define tg_prelu_new(...)                                                                                             \
    tg_prelu_new_at(TG_HERE, TG_OPTIONS(tg_prelu_module_options, TG_PRELU_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
