/* normalization.h: normalisation. Each op subtracts a mean and divides by the square root of a variance plus eps; they
 * differ in the elements over which these are taken. The result has the input's shape. */
#ifndef TG_OPS_NORMALIZATION_H
#define TG_OPS_NORMALIZATION_H

#include "../core/op.h"

TG_BEGIN_DECLS

typedef struct tg_layer_norm_options {
    tg_tensor *weight, *bias; /* of shape normalized_shape; NULL: none */
    double eps;
    TG_OPTIONS_END
} tg_layer_norm_options;
#define TG_LAYER_NORM_DEFAULTS /* weight */ NULL, /* bias */ NULL, /* eps */ 1e-5 TG_DEFAULTS_END

/* Over the last dimensions, whose sizes are `normalized_shape`: `tg_layer_norm(x, tg_shape(8), .weight = w)`. */
tg_tensor *tg_layer_norm_at(const char *where, tg_tensor *input, tg_shape normalized_shape,
                            tg_layer_norm_options options);
#define tg_layer_norm(input, normalized_shape, ...)                                                                   \
    tg_layer_norm_at(TG_HERE, input, normalized_shape,                                                                \
                     TG_OPTIONS(tg_layer_norm_options, TG_LAYER_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* As .eps: the distance of 1 from the next number of the input's dtype. */
#define TG_MACHINE_EPS (-1.0)

typedef struct tg_rms_norm_options {
    tg_tensor *weight;
    double eps;
    TG_OPTIONS_END
} tg_rms_norm_options;
#define TG_RMS_NORM_DEFAULTS /* weight */ NULL, /* eps */ TG_MACHINE_EPS TG_DEFAULTS_END

/* x / sqrt(the mean of x^2 + eps) over the last dimensions, times weight: no mean is subtracted. */
tg_tensor *tg_rms_norm_at(const char *where, tg_tensor *input, tg_shape normalized_shape, tg_rms_norm_options options);
#define tg_rms_norm(input, normalized_shape, ...)                                                                     \
    tg_rms_norm_at(TG_HERE, input, normalized_shape,                                                                  \
                   TG_OPTIONS(tg_rms_norm_options, TG_RMS_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_group_norm_options {
    tg_tensor *weight, *bias; /* [C]; NULL: none */
    double eps;
    TG_OPTIONS_END
} tg_group_norm_options;
#define TG_GROUP_NORM_DEFAULTS /* weight */ NULL, /* bias */ NULL, /* eps */ 1e-5 TG_DEFAULTS_END

/* Of x [N, C, ...], for each sample over each of num_groups groups of C / num_groups channels. */
tg_tensor *tg_group_norm_at(const char *where, tg_tensor *input, int64_t num_groups, tg_group_norm_options options);
#define tg_group_norm(input, num_groups, ...)                                                                         \
    tg_group_norm_at(TG_HERE, input, num_groups,                                                                      \
                     TG_OPTIONS(tg_group_norm_options, TG_GROUP_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_batch_norm_options {
    tg_tensor *weight, *bias; /* [C]; NULL: none */
    bool training;            /* mean and variance are the batch's own; false: the running ones */
    double momentum, eps;
    TG_OPTIONS_END
} tg_batch_norm_options;
#define TG_BATCH_NORM_DEFAULTS                                                                                        \
    /* weight */ NULL, /* bias */ NULL, /* training */ false, /* momentum */ 0.1, /* eps */ 1e-5 TG_DEFAULTS_END

/* Of x [N, C, ...], for each channel over all else. Training moves the running mean and variance (unbiased), if they
 * are there, by momentum towards the batch's: running += momentum (batch - running). */
tg_tensor *tg_batch_norm_at(const char *where, tg_tensor *input, tg_tensor *running_mean, tg_tensor *running_var,
                            tg_batch_norm_options options);
#define tg_batch_norm(input, running_mean, running_var, ...)                                                          \
    tg_batch_norm_at(TG_HERE, input, running_mean, running_var,                                                       \
                     TG_OPTIONS(tg_batch_norm_options, TG_BATCH_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_instance_norm_options {
    tg_tensor *running_mean, *running_var; /* [C]; NULL: none */
    tg_tensor *weight, *bias;              /* [C]; NULL: none */
    bool use_input_stats;                  /* false: the running ones */
    double momentum, eps;
    TG_OPTIONS_END
} tg_instance_norm_options;
#define TG_INSTANCE_NORM_DEFAULTS                                                                                     \
    /* running_mean */ NULL, /* running_var */ NULL, /* weight */ NULL, /* bias */ NULL, /* use_input_stats */ true,  \
        /* momentum */ 0.1, /* eps */ 1e-5 TG_DEFAULTS_END

/* Of x [N, C, ...], for each sample and channel over all else. The running ones move towards the samples' mean. */
tg_tensor *tg_instance_norm_at(const char *where, tg_tensor *input, tg_instance_norm_options options);
#define tg_instance_norm(input, ...)                                                                                  \
    tg_instance_norm_at(TG_HERE, input,                                                                               \
                        TG_OPTIONS(tg_instance_norm_options, TG_INSTANCE_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_local_response_norm_options {
    double alpha, beta, k;
    TG_OPTIONS_END
} tg_local_response_norm_options;
#define TG_LOCAL_RESPONSE_NORM_DEFAULTS /* alpha */ 1e-4, /* beta */ 0.75, /* k */ 1.0 TG_DEFAULTS_END

/* Of x [N, C, ...]: x / (k + alpha / size times the sum of the squares of `size` neighbouring channels)^beta. */
tg_tensor *tg_local_response_norm_at(const char *where, tg_tensor *input, int64_t size,
                                     tg_local_response_norm_options options);
#define tg_local_response_norm(input, size, ...)                                                                      \
    tg_local_response_norm_at(                                                                                        \
        TG_HERE, input, size,                                                                                         \
        TG_OPTIONS(tg_local_response_norm_options, TG_LOCAL_RESPONSE_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
