/* normalization.h: modules that normalise each sample by itself: LayerNorm, RMSNorm, GroupNorm. */
#ifndef TG_NN_NORMALIZATION_H
#define TG_NN_NORMALIZATION_H

#include "../ops/normalization.h"
#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_layer_norm {
    tg_module base;
    tg_shape normalized_shape;
    double eps;
    tg_tensor *weight, *bias; /* of that shape, ones and zeros at first; NULL without elementwise_affine */
} tg_layer_norm;

typedef struct tg_layer_norm_module_options {
    double eps;
    bool elementwise_affine;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_layer_norm_module_options;
#define TG_LAYER_NORM_MODULE_DEFAULTS                                                                                  \
    /* eps */ 1e-5, /* elementwise_affine */ true, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* `tg_layer_norm_new(tg_shape(8), .eps = 1e-6)` */
tg_layer_norm *tg_layer_norm_new_at(const char *where, tg_shape normalized_shape, tg_layer_norm_module_options options);
#define tg_layer_norm_new(normalized_shape, ...)                                                                       \
    tg_layer_norm_new_at(                                                                                              \
        TG_HERE, normalized_shape,                                                                                     \
        TG_OPTIONS(tg_layer_norm_module_options, TG_LAYER_NORM_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
tg_tensor *tg_layer_norm_forward_at(const char *where, tg_layer_norm *m, tg_tensor *x);
#define tg_layer_norm_forward(m, x) tg_layer_norm_forward_at(TG_HERE, m, x)

typedef struct tg_rms_norm {
    tg_module base;
    tg_shape normalized_shape;
    double eps;        /* or TG_MACHINE_EPS */
    tg_tensor *weight; /* NULL without elementwise_affine */
} tg_rms_norm;

typedef struct tg_rms_norm_module_options {
    double eps;
    bool elementwise_affine;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_rms_norm_module_options;
#define TG_RMS_NORM_MODULE_DEFAULTS                                                                                    \
    /* eps */ TG_MACHINE_EPS, /* elementwise_affine */ true, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

tg_rms_norm *tg_rms_norm_new_at(const char *where, tg_shape normalized_shape, tg_rms_norm_module_options options);
#define tg_rms_norm_new(normalized_shape, ...)                                                                         \
    tg_rms_norm_new_at(TG_HERE, normalized_shape,                                                                      \
                       TG_OPTIONS(tg_rms_norm_module_options, TG_RMS_NORM_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
tg_tensor *tg_rms_norm_forward_at(const char *where, tg_rms_norm *m, tg_tensor *x);
#define tg_rms_norm_forward(m, x) tg_rms_norm_forward_at(TG_HERE, m, x)

typedef struct tg_group_norm {
    tg_module base;
    int64_t num_groups, num_channels;
    double eps;
    tg_tensor *weight, *bias; /* [num_channels]; NULL without affine */
} tg_group_norm;

typedef struct tg_group_norm_module_options {
    double eps;
    bool affine;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_group_norm_module_options;
#define TG_GROUP_NORM_MODULE_DEFAULTS                                                                                  \
    /* eps */ 1e-5, /* affine */ true, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* `tg_group_norm_new(2, 6)` */
tg_group_norm *tg_group_norm_new_at(const char *where, int64_t num_groups, int64_t num_channels,
                                    tg_group_norm_module_options options);
#define tg_group_norm_new(num_groups, num_channels, ...)                                                               \
    tg_group_norm_new_at(                                                                                              \
        TG_HERE, num_groups, num_channels,                                                                             \
        TG_OPTIONS(tg_group_norm_module_options, TG_GROUP_NORM_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
tg_tensor *tg_group_norm_forward_at(const char *where, tg_group_norm *m, tg_tensor *x);
#define tg_group_norm_forward(m, x) tg_group_norm_forward_at(TG_HERE, m, x)

/* Without parameters, for Sequential: `tg_local_response_norm_new(5, .alpha = 1e-3)`. The formula and options are those
 * of tg_local_response_norm (ops/normalization.h). */
tg_module *tg_local_response_norm_new_at(const char *where, int64_t size, tg_local_response_norm_options options);
#define tg_local_response_norm_new(size, ...)                                                                          \
    tg_local_response_norm_new_at(                                                                                     \
        TG_HERE, size,                                                                                                 \
        TG_OPTIONS(tg_local_response_norm_options, TG_LOCAL_RESPONSE_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
