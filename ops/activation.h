/* activation.h: what stands between the layers of a network, element by element: the rows of activation.def, and glu
 * and prelu, which are made of others. See pointwise.h for operands, dtypes and names that end in _. */
#ifndef TG_OPS_ACTIVATION_H
#define TG_OPS_ACTIVATION_H

#include "operand.h"

TG_BEGIN_DECLS

typedef struct tg_leaky_relu_options {
    double negative_slope;
    TG_OPTIONS_END
} tg_leaky_relu_options;
#define TG_LEAKY_RELU_DEFAULTS /* negative_slope */ 0.01 TG_DEFAULTS_END
#define TG_LEAKY_RELU_OPTIONS(...) TG_OPTIONS(tg_leaky_relu_options, TG_LEAKY_RELU_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_elu_options {
    double alpha;
    double scale;
    double input_scale;
    TG_OPTIONS_END
} tg_elu_options;
#define TG_ELU_DEFAULTS /* alpha */ 1, /* scale */ 1, /* input_scale */ 1 TG_DEFAULTS_END
#define TG_ELU_OPTIONS(...) TG_OPTIONS(tg_elu_options, TG_ELU_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_celu_options {
    double alpha;
    TG_OPTIONS_END
} tg_celu_options;
#define TG_CELU_DEFAULTS /* alpha */ 1 TG_DEFAULTS_END
#define TG_CELU_OPTIONS(...) TG_OPTIONS(tg_celu_options, TG_CELU_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_softplus_options {
    double beta;
    double threshold;
    TG_OPTIONS_END
} tg_softplus_options;
#define TG_SOFTPLUS_DEFAULTS /* beta */ 1, /* threshold */ 20 TG_DEFAULTS_END
#define TG_SOFTPLUS_OPTIONS(...) TG_OPTIONS(tg_softplus_options, TG_SOFTPLUS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_hardtanh_options {
    double min_val;
    double max_val;
    TG_OPTIONS_END
} tg_hardtanh_options;
#define TG_HARDTANH_DEFAULTS /* min_val */ -1, /* max_val */ 1 TG_DEFAULTS_END
#define TG_HARDTANH_OPTIONS(...) TG_OPTIONS(tg_hardtanh_options, TG_HARDTANH_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_softshrink_options {
    double lambd;
    TG_OPTIONS_END
} tg_softshrink_options;
#define TG_SOFTSHRINK_DEFAULTS /* lambd */ 0.5 TG_DEFAULTS_END
#define TG_SOFTSHRINK_OPTIONS(...) TG_OPTIONS(tg_softshrink_options, TG_SOFTSHRINK_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_hardshrink_options {
    double lambd;
    TG_OPTIONS_END
} tg_hardshrink_options;
#define TG_HARDSHRINK_DEFAULTS /* lambd */ 0.5 TG_DEFAULTS_END
#define TG_HARDSHRINK_OPTIONS(...) TG_OPTIONS(tg_hardshrink_options, TG_HARDSHRINK_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

typedef struct tg_threshold_options {
    double threshold, value;
} tg_threshold_options;

#include "rows_declare.def"
#include "activation.def"

#define tg_relu(a)        tg_relu_at(TG_HERE, a)
#define tg_relu6(a)       tg_relu6_at(TG_HERE, a)
#define tg_selu(a)        tg_selu_at(TG_HERE, a)
#define tg_gelu_tanh(a)   tg_gelu_tanh_at(TG_HERE, a)
#define tg_silu(a)        tg_silu_at(TG_HERE, a)
#define tg_mish(a)        tg_mish_at(TG_HERE, a)
#define tg_log_sigmoid(a) tg_log_sigmoid_at(TG_HERE, a)
#define tg_softsign(a)    tg_softsign_at(TG_HERE, a)
#define tg_hardsigmoid(a) tg_hardsigmoid_at(TG_HERE, a)
#define tg_hardswish(a)   tg_hardswish_at(TG_HERE, a)
#define tg_tanhshrink(a)  tg_tanhshrink_at(TG_HERE, a)

#define tg_relu_(a)        tg_relu_in_place_at(TG_HERE, a)
#define tg_relu6_(a)       tg_relu6_in_place_at(TG_HERE, a)
#define tg_selu_(a)        tg_selu_in_place_at(TG_HERE, a)
#define tg_gelu_tanh_(a)   tg_gelu_tanh_in_place_at(TG_HERE, a)
#define tg_silu_(a)        tg_silu_in_place_at(TG_HERE, a)
#define tg_mish_(a)        tg_mish_in_place_at(TG_HERE, a)
#define tg_log_sigmoid_(a) tg_log_sigmoid_in_place_at(TG_HERE, a)
#define tg_softsign_(a)    tg_softsign_in_place_at(TG_HERE, a)
#define tg_hardsigmoid_(a) tg_hardsigmoid_in_place_at(TG_HERE, a)
#define tg_hardswish_(a)   tg_hardswish_in_place_at(TG_HERE, a)
#define tg_tanhshrink_(a)  tg_tanhshrink_in_place_at(TG_HERE, a)
#define tg_logsigmoid(a)     tg_log_sigmoid(a)

#define tg_leaky_relu(a, ...) tg_leaky_relu_at(TG_HERE, a, TG_LEAKY_RELU_OPTIONS(__VA_ARGS__))
#define tg_elu(a, ...)        tg_elu_at(TG_HERE, a, TG_ELU_OPTIONS(__VA_ARGS__))
#define tg_celu(a, ...)       tg_celu_at(TG_HERE, a, TG_CELU_OPTIONS(__VA_ARGS__))
#define tg_softplus(a, ...)   tg_softplus_at(TG_HERE, a, TG_SOFTPLUS_OPTIONS(__VA_ARGS__))
#define tg_hardtanh(a, ...)   tg_hardtanh_at(TG_HERE, a, TG_HARDTANH_OPTIONS(__VA_ARGS__))
#define tg_softshrink(a, ...) tg_softshrink_at(TG_HERE, a, TG_SOFTSHRINK_OPTIONS(__VA_ARGS__))
#define tg_hardshrink(a, ...) tg_hardshrink_at(TG_HERE, a, TG_HARDSHRINK_OPTIONS(__VA_ARGS__))

#define tg_leaky_relu_(a, ...) tg_leaky_relu_in_place_at(TG_HERE, a, TG_LEAKY_RELU_OPTIONS(__VA_ARGS__))
#define tg_elu_(a, ...)        tg_elu_in_place_at(TG_HERE, a, TG_ELU_OPTIONS(__VA_ARGS__))
#define tg_celu_(a, ...)       tg_celu_in_place_at(TG_HERE, a, TG_CELU_OPTIONS(__VA_ARGS__))
#define tg_softplus_(a, ...)   tg_softplus_in_place_at(TG_HERE, a, TG_SOFTPLUS_OPTIONS(__VA_ARGS__))
#define tg_hardtanh_(a, ...)   tg_hardtanh_in_place_at(TG_HERE, a, TG_HARDTANH_OPTIONS(__VA_ARGS__))
#define tg_softshrink_(a, ...) tg_softshrink_in_place_at(TG_HERE, a, TG_SOFTSHRINK_OPTIONS(__VA_ARGS__))
#define tg_hardshrink_(a, ...) tg_hardshrink_in_place_at(TG_HERE, a, TG_HARDSHRINK_OPTIONS(__VA_ARGS__))

#define tg_threshold(a, threshold, value)  tg_threshold_at(TG_HERE, a, TG_LITERAL(tg_threshold_options){ threshold, value })
#define tg_threshold_(a, threshold, value) tg_threshold_in_place_at(TG_HERE, a, TG_LITERAL(tg_threshold_options){ threshold, value })

/* `tg_gelu(x)`, `tg_gelu(x, .approximate = "tanh")`. */
typedef struct tg_gelu_options {
    const char *approximate;
    TG_OPTIONS_END
} tg_gelu_options;
#define TG_GELU_DEFAULTS /* approximate */ "none" TG_DEFAULTS_END
#define TG_GELU_OPTIONS(...) TG_OPTIONS(tg_gelu_options, TG_GELU_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_gelu_approximate_at(const char *where, tg_tensor *a, tg_gelu_options options);
tg_tensor *tg_gelu_approximate_in_place_at(const char *where, tg_tensor *a, tg_gelu_options options);
#define tg_gelu(a, ...)  tg_gelu_approximate_at(TG_HERE, a, TG_GELU_OPTIONS(__VA_ARGS__))
#define tg_gelu_(a, ...) tg_gelu_approximate_in_place_at(TG_HERE, a, TG_GELU_OPTIONS(__VA_ARGS__))

/* a where a > 0, else weight a. The weight has one element, or one for each channel, a's dimension 1. */
tg_tensor *tg_prelu_at(const char *where, tg_tensor *a, tg_tensor *weight);
#define tg_prelu(a, weight) tg_prelu_at(TG_HERE, a, weight)

/* The first half of `a` along dim, times the sigmoid of the second: `tg_glu(x)` (the last dimension), `tg_glu(x,
 * 1)`. */
tg_tensor *tg_glu_at(const char *where, tg_tensor *a, int64_t dim);
#define tg_glu(a, ...) tg_glu_at(TG_HERE, a, TG_OR(-1 __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
