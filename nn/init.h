/* init.h: filling parameters in place, as torch.nn.init does, from the thread's default generator.
 *
 * Nothing is recorded, so a leaf that requires grad is fine. Each returns `t`, which is of a floating dtype, or NULL on
 * error. */
#ifndef TG_NN_INIT_H
#define TG_NN_INIT_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

/* U(a, b), from 0 to 1 unless given; N(mean, std^2), 0 and 1 unless given: `tg_init_normal_(t)`, `tg_init_normal_(t, 0,
 * 0.02)`. */
tg_tensor *tg_init_uniform_at(const char *where, tg_tensor *t, double a, double b);
tg_tensor *tg_init_normal_at(const char *where, tg_tensor *t, double mean, double std);
tg_tensor *tg_init_constant_at(const char *where, tg_tensor *t, double value);
#define tg_init_uniform_(t, ...)                                                                                      \
    tg_init_uniform_at(TG_HERE, t, TG_OR(0.0 __VA_OPT__(,) __VA_ARGS__), TG_OR2(1.0 __VA_OPT__(,) __VA_ARGS__))
#define tg_init_normal_(t, ...)                                                                                       \
    tg_init_normal_at(TG_HERE, t, TG_OR(0.0 __VA_OPT__(,) __VA_ARGS__), TG_OR2(1.0 __VA_OPT__(,) __VA_ARGS__))
#define tg_init_constant_(t, value) tg_init_constant_at(TG_HERE, t, value)
#define tg_init_zeros_(t)           tg_init_constant_at(TG_HERE, t, 0.0)
#define tg_init_ones_(t)            tg_init_constant_at(TG_HERE, t, 1.0)

typedef struct tg_trunc_normal_options {
    double mean, std;
    double a, b;   /* the bounds */
    TG_OPTIONS_END
} tg_trunc_normal_options;
#define TG_TRUNC_NORMAL_DEFAULTS /* mean */ 0.0, /* std */ 1.0, /* a */ -2.0, /* b */ 2.0 TG_DEFAULTS_END
#define TG_TRUNC_NORMAL_OPTIONS(...) TG_OPTIONS(tg_trunc_normal_options, TG_TRUNC_NORMAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* N(mean, std^2) between a and b, by the inverse of its distribution function: `tg_init_trunc_normal_(t, .std = 0.02)`.
 * A mean further than two std from [a, b] is warned of. */
tg_tensor *tg_init_trunc_normal_at(const char *where, tg_tensor *t, tg_trunc_normal_options options);
#define tg_init_trunc_normal_(t, ...) tg_init_trunc_normal_at(TG_HERE, t, TG_TRUNC_NORMAL_OPTIONS(__VA_ARGS__))

/* ---- by the number of connections ---- */

/* The connections into one unit of a weight [out, in, ...] and out of one: `in` and `out`, each times the product of
 * the other sizes (torch.nn.init._calculate_fan_in_and_fan_out). Both 0 on error. */
typedef struct tg_fan {
    int64_t fan_in, fan_out;
} tg_fan;
tg_fan tg_init_fan_at(const char *where, tg_tensor *t);
#define tg_init_fan(t) tg_init_fan_at(TG_HERE, t)

/* Glorot and Bengio (2010). uniform: U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)); normal: std = gain sqrt(2 /
 * (fan_in + fan_out)). */
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

/* How much a nonlinearity wants its weights enlarged: 1 for "linear", "conv1d" to "conv3d", "conv_transpose1d" to
 * "conv_transpose3d" and "sigmoid", 5/3 for "tanh", sqrt(2) for "relu", sqrt(2 / (1 + param^2)) for "leaky_relu" of
 * slope `param`, which is 0.01 unless given, 3/4 for "selu". Any other name is an error and NaN. */
double tg_init_calculate_gain_at(const char *where, const char *nonlinearity, double param);
#define tg_init_calculate_gain(nonlinearity, ...)                                                                     \
    tg_init_calculate_gain_at(TG_HERE, nonlinearity, TG_OR(0.01 __VA_OPT__(,) __VA_ARGS__))

/* He et al. (2015). uniform: U(-b, b), b = sqrt(3) gain / sqrt(fan); normal: std = gain / sqrt(fan). */
typedef struct tg_kaiming_options {
    double a;                   /* the slope of leaky_relu */
    const char *mode;           /* "fan_in" or "fan_out" */
    const char *nonlinearity;   /* whose gain it is: a name that tg_init_calculate_gain knows */
    TG_OPTIONS_END
} tg_kaiming_options;
#define TG_KAIMING_DEFAULTS /* a */ 0.0, /* mode */ "fan_in", /* nonlinearity */ "leaky_relu" TG_DEFAULTS_END
tg_tensor *tg_init_kaiming_uniform_at(const char *where, tg_tensor *t, tg_kaiming_options options);
tg_tensor *tg_init_kaiming_normal_at(const char *where, tg_tensor *t, tg_kaiming_options options);
#define TG_KAIMING_OPTIONS(...)          TG_OPTIONS(tg_kaiming_options, TG_KAIMING_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define tg_init_kaiming_uniform_(t, ...) tg_init_kaiming_uniform_at(TG_HERE, t, TG_KAIMING_OPTIONS(__VA_ARGS__))
#define tg_init_kaiming_normal_(t, ...)  tg_init_kaiming_normal_at(TG_HERE, t, TG_KAIMING_OPTIONS(__VA_ARGS__))

/* ---- matrices of a structure ---- */

/* The identity, as far as a matrix [rows, columns] holds one. */
tg_tensor *tg_init_eye_at(const char *where, tg_tensor *t);
#define tg_init_eye_(t) tg_init_eye_at(TG_HERE, t)

/* The weight [out, in, ...] of a convolution in one to three dimensions that hands on its input channels, as many as
 * there is room for: ones in the middle. With `groups`, 1 unless given, each group of out / groups channels does. */
tg_tensor *tg_init_dirac_at(const char *where, tg_tensor *t, int64_t groups);
#define tg_init_dirac_(t, ...) tg_init_dirac_at(TG_HERE, t, TG_OR(1 __VA_OPT__(,) __VA_ARGS__))

/* Rows (of [rows, the product of the rest]) or, of more rows than columns, columns that are orthogonal and of length
 * `gain`, uniformly distributed (Saxe et al., 2013; Mezzadri, 2006): Q of a normal matrix. */
typedef struct tg_orthogonal_options {
    double gain;
    TG_OPTIONS_END
} tg_orthogonal_options;
#define TG_ORTHOGONAL_DEFAULTS /* gain */ 1.0 TG_DEFAULTS_END
#define TG_ORTHOGONAL_OPTIONS(...) TG_OPTIONS(tg_orthogonal_options, TG_ORTHOGONAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_init_orthogonal_at(const char *where, tg_tensor *t, tg_orthogonal_options options);
#define tg_init_orthogonal_(t, ...) tg_init_orthogonal_at(TG_HERE, t, TG_ORTHOGONAL_OPTIONS(__VA_ARGS__))

/* A matrix from N(0, std^2) with ceil(sparsity rows) zeros in each column, at random rows (Martens, 2010). */
typedef struct tg_sparse_options {
    double std;
    TG_OPTIONS_END
} tg_sparse_options;
#define TG_SPARSE_DEFAULTS /* std */ 0.01 TG_DEFAULTS_END
#define TG_SPARSE_OPTIONS(...) TG_OPTIONS(tg_sparse_options, TG_SPARSE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_init_sparse_at(const char *where, tg_tensor *t, double sparsity, tg_sparse_options options);
#define tg_init_sparse_(t, sparsity, ...) tg_init_sparse_at(TG_HERE, t, sparsity, TG_SPARSE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
