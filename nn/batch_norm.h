/* batch_norm.h: modules that keep running statistics: BatchNorm and InstanceNorm. */
#ifndef TG_NN_BATCH_NORM_H
#define TG_NN_BATCH_NORM_H

#include "module.h"

TG_BEGIN_DECLS

/* As .momentum: the running statistics are the mean of those of all batches so far. InstanceNorm leaves them alone. */
#define TG_CUMULATIVE_AVERAGE (-1.0)

typedef struct tg_batch_norm {
    tg_module base;
    int64_t num_features;
    double eps, momentum;
    bool affine, track_running_stats;
    int least_dims, most_dims;             /* of the input */
    tg_tensor *weight, *bias;              /* [num_features], ones and zeros at first; NULL without affine */
    tg_tensor *running_mean, *running_var; /* [num_features], zeros and ones at first; NULL without tracking */
    tg_tensor *num_batches_tracked;        /* int64, of no dimension */
} tg_batch_norm;

typedef struct tg_batch_norm_module_options {
    double eps, momentum;
    bool affine, track_running_stats;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_batch_norm_module_options;
#define TG_BATCH_NORM_MODULE_DEFAULTS                                                                                  \
    /* eps */ 1e-5, /* momentum */ 0.1, /* affine */ true, /* track_running_stats */ true,                             \
        /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_BATCH_NORM_MODULE_OPTIONS(...)                                                                              \
    TG_OPTIONS(tg_batch_norm_module_options, TG_BATCH_NORM_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Of [N, C] or [N, C, L]; of [N, C, H, W]; of [N, C, D, H, W]: `tg_batch_norm2d_new(64, .momentum = 0.01)`. */
tg_batch_norm *tg_batch_norm1d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options options);
tg_batch_norm *tg_batch_norm2d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options options);
tg_batch_norm *tg_batch_norm3d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options options);
#define tg_batch_norm1d_new(num_features, ...)                                                                         \
    tg_batch_norm1d_new_at(TG_HERE, num_features, TG_BATCH_NORM_MODULE_OPTIONS(__VA_ARGS__))
#define tg_batch_norm2d_new(num_features, ...)                                                                         \
    tg_batch_norm2d_new_at(TG_HERE, num_features, TG_BATCH_NORM_MODULE_OPTIONS(__VA_ARGS__))
#define tg_batch_norm3d_new(num_features, ...)                                                                         \
    tg_batch_norm3d_new_at(TG_HERE, num_features, TG_BATCH_NORM_MODULE_OPTIONS(__VA_ARGS__))

/* In training by the batch's statistics, which move the running ones; in evaluation by the running ones, if there
 * are. */
tg_tensor *tg_batch_norm_forward_at(const char *where, tg_batch_norm *m, tg_tensor *x);
#define tg_batch_norm_forward(m, x) tg_batch_norm_forward_at(TG_HERE, m, x)

/* InstanceNorm has the same parts, by default neither parameters nor running statistics. */
typedef tg_batch_norm tg_instance_norm;

#define TG_INSTANCE_NORM_MODULE_DEFAULTS                                                                               \
    /* eps */ 1e-5, /* momentum */ 0.1, /* affine */ false, /* track_running_stats */ false,                           \
        /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_INSTANCE_NORM_MODULE_OPTIONS(...)                                                                           \
    TG_OPTIONS(tg_batch_norm_module_options, TG_INSTANCE_NORM_MODULE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Of [N, C, L], [N, C, H, W] and [N, C, D, H, W], each without N as well. */
tg_instance_norm *tg_instance_norm1d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options options);
tg_instance_norm *tg_instance_norm2d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options options);
tg_instance_norm *tg_instance_norm3d_new_at(const char *where, int64_t num_features, tg_batch_norm_module_options options);
#define tg_instance_norm1d_new(num_features, ...)                                                                      \
    tg_instance_norm1d_new_at(TG_HERE, num_features, TG_INSTANCE_NORM_MODULE_OPTIONS(__VA_ARGS__))
#define tg_instance_norm2d_new(num_features, ...)                                                                      \
    tg_instance_norm2d_new_at(TG_HERE, num_features, TG_INSTANCE_NORM_MODULE_OPTIONS(__VA_ARGS__))
#define tg_instance_norm3d_new(num_features, ...)                                                                      \
    tg_instance_norm3d_new_at(TG_HERE, num_features, TG_INSTANCE_NORM_MODULE_OPTIONS(__VA_ARGS__))
tg_tensor *tg_instance_norm_forward_at(const char *where, tg_instance_norm *m, tg_tensor *x);
#define tg_instance_norm_forward(m, x) tg_instance_norm_forward_at(TG_HERE, m, x)

TG_END_DECLS

#endif
