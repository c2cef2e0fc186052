/* init.h: filling parameters in place, as torch.nn.init does, from the thread's default generator.
 *
 * Nothing is recorded, so a leaf that requires grad is fine. Each returns `t`, or NULL on error. */
#ifndef TG_NN_INIT_H
#define TG_NN_INIT_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

tg_tensor *tg_init_uniform_at(const char *where, tg_tensor *t, double a, double b);
tg_tensor *tg_init_normal_at(const char *where, tg_tensor *t, double mean, double std);
tg_tensor *tg_init_constant_at(const char *where, tg_tensor *t, double value);
#define tg_init_uniform_(t, a, b)     tg_init_uniform_at(TG_HERE, t, a, b)     /* U(a, b) */
#define tg_init_normal_(t, mean, std) tg_init_normal_at(TG_HERE, t, mean, std) /* N(mean, std^2) */
#define tg_init_constant_(t, value)   tg_init_constant_at(TG_HERE, t, value)
#define tg_init_zeros_(t)             tg_init_constant_at(TG_HERE, t, 0.0)
#define tg_init_ones_(t)              tg_init_constant_at(TG_HERE, t, 1.0)

/* Glorot and Bengio (2010). uniform: U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)); normal: std = gain sqrt(2 /
 * (fan_in + fan_out)). A weight [out, in, ...] has fan_in = in and fan_out = out, each times the product of the
 * rest. */
typedef struct tg_xavier_options {
    double gain;
    TG_OPTIONS_END
} tg_xavier_options;
#define TG_XAVIER_DEFAULTS /* gain */ 1.0 TG_DEFAULTS_END
tg_tensor *tg_init_xavier_uniform_at(const char *where, tg_tensor *t, tg_xavier_options options);
tg_tensor *tg_init_xavier_normal_at(const char *where, tg_tensor *t, tg_xavier_options options);
#define TG_XAVIER_OPTIONS(...)          TG_OPTIONS(tg_xavier_options, TG_XAVIER_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define tg_init_xavier_uniform_(t, ...) tg_init_xavier_uniform_at(TG_HERE, t, TG_XAVIER_OPTIONS(__VA_ARGS__))
#define tg_init_xavier_normal_(t, ...)  tg_init_xavier_normal_at(TG_HERE, t, TG_XAVIER_OPTIONS(__VA_ARGS__))

typedef enum tg_fan_mode { TG_FAN_IN, TG_FAN_OUT } tg_fan_mode;
typedef enum tg_nonlinearity {
    TG_NONLINEARITY_LINEAR,
    TG_NONLINEARITY_SIGMOID,
    TG_NONLINEARITY_TANH,
    TG_NONLINEARITY_RELU,
    TG_NONLINEARITY_LEAKY_RELU
} tg_nonlinearity;

/* 1, 1, 5/3, sqrt(2) and sqrt(2 / (1 + slope^2)); `slope` is read for leaky_relu only. */
double tg_init_gain(tg_nonlinearity nonlinearity, double slope);

/* He et al. (2015). uniform: U(-b, b), b = sqrt(3) gain / sqrt(fan); normal: std = gain / sqrt(fan). */
typedef struct tg_kaiming_options {
    double a; /* the slope of leaky_relu */
    tg_fan_mode mode;
    tg_nonlinearity nonlinearity;
    TG_OPTIONS_END
} tg_kaiming_options;
#define TG_KAIMING_DEFAULTS /* a */ 0.0, /* mode */ TG_FAN_IN, /* nonlinearity */ TG_NONLINEARITY_LEAKY_RELU TG_DEFAULTS_END
tg_tensor *tg_init_kaiming_uniform_at(const char *where, tg_tensor *t, tg_kaiming_options options);
tg_tensor *tg_init_kaiming_normal_at(const char *where, tg_tensor *t, tg_kaiming_options options);
#define TG_KAIMING_OPTIONS(...)          TG_OPTIONS(tg_kaiming_options, TG_KAIMING_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define tg_init_kaiming_uniform_(t, ...) tg_init_kaiming_uniform_at(TG_HERE, t, TG_KAIMING_OPTIONS(__VA_ARGS__))
#define tg_init_kaiming_normal_(t, ...)  tg_init_kaiming_normal_at(TG_HERE, t, TG_KAIMING_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
