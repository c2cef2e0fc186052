/* bilinear.h: the module that is linear in each of two inputs:
 *
 *     tg_bilinear *m = tg_bilinear_new(4, 5, 6);
 *     tg_tensor *y = tg_bilinear_forward(m, x1, x2);
 */
#ifndef TG_NN_BILINEAR_H
#define TG_NN_BILINEAR_H

#include "linear.h"

TG_BEGIN_DECLS

typedef struct tg_bilinear {
    tg_module base;
    int64_t in1_features, in2_features, out_features;
    tg_tensor *weight; /* [out_features, in1_features, in2_features] */
    tg_tensor *bias;   /* [out_features]; NULL without */
} tg_bilinear;

/* y[k] = x1T weight[k] x2 + bias[k]. Weight and bias are drawn from U(-b, b), b = 1 / sqrt(in1_features), the weight
 * first. */
tg_bilinear *tg_bilinear_new_at(const char *where, int64_t in1_features, int64_t in2_features, int64_t out_features,
                                tg_linear_options options);
#define tg_bilinear_new(in1_features, in2_features, out_features, ...)                                                 \
    tg_bilinear_new_at(TG_HERE, in1_features, in2_features, out_features,                                              \
                       TG_OPTIONS(tg_linear_options, TG_LINEAR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* [..., in1_features] and [..., in2_features] to [..., out_features]. */
tg_tensor *tg_bilinear_forward_at(const char *where, tg_bilinear *m, tg_tensor *x1, tg_tensor *x2);
#define tg_bilinear_forward(m, x1, x2) tg_bilinear_forward_at(TG_HERE, m, x1, x2)

TG_END_DECLS

#endif
