/* linear.h: the module y = x weightT + bias. */
#ifndef TG_NN_LINEAR_H
#define TG_NN_LINEAR_H

#include "../ops/create.h"
#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_linear {
    tg_module base;
    int64_t in_features, out_features;
    tg_tensor *weight; /* [out_features, in_features] */
    tg_tensor *bias;   /* [out_features]; NULL without */
} tg_linear;

typedef struct tg_linear_options {
    bool bias;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_linear_options;
#define TG_LINEAR_DEFAULTS /* bias */ true, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* `tg_linear_new(5, 8, .bias = false)`. Weight and bias are drawn from U(-b, b), b = 1 / sqrt(in_features),
 * the weight first. */
tg_linear *tg_linear_new_at(const char *where, int64_t in_features, int64_t out_features, tg_linear_options options);
#define tg_linear_new(in_features, out_features, ...)                                                                  \
    tg_linear_new_at(TG_HERE, in_features, out_features,                                                               \
                     TG_OPTIONS(tg_linear_options, TG_LINEAR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* [..., in_features] to [..., out_features]. */
tg_tensor *tg_linear_forward_at(const char *where, tg_linear *m, tg_tensor *x);
#define tg_linear_forward(m, x) tg_linear_forward_at(TG_HERE, m, x)

TG_END_DECLS

#endif
