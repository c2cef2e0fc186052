/* clip.h: keeping gradients small. What clips writes the .grad of the parameters that have one. Nothing is recorded. */
#ifndef TG_OPTIM_CLIP_H
#define TG_OPTIM_CLIP_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

typedef struct tg_clip_grad_norm_options {
    double norm_type;        /* the p of the p-norm; INFINITY for the largest element */
    bool error_if_nonfinite; /* a total norm that is infinite or NaN is an error, and nothing is written */
    TG_OPTIONS_END
} tg_clip_grad_norm_options;
#define TG_CLIP_GRAD_NORM_DEFAULTS /* norm_type */ 2.0, /* error_if_nonfinite */ false TG_DEFAULTS_END

/* Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is that of all of them as one vector, summed in
 * float64 and scaled where its powers do not fit. A max_norm that is negative or NaN is an error, and nothing is
 * written; INFINITY only measures. Returns that norm: 0 without gradients, NaN on error. */
double tg_clip_grad_norm_at(const char *where, tg_tensor_list parameters, double max_norm,
                            tg_clip_grad_norm_options options);
#define tg_clip_grad_norm_(parameters, max_norm, ...)                                                                  \
    tg_clip_grad_norm_at(TG_HERE, parameters, max_norm,                                                                \
                         TG_OPTIONS(tg_clip_grad_norm_options, TG_CLIP_GRAD_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The norm of the tensors themselves, measured in the same way: 0 of none, NaN on error. */
double tg_get_total_norm_at(const char *where, tg_tensor_list tensors, tg_clip_grad_norm_options options);
#define tg_get_total_norm(tensors, ...)                                                                                \
    tg_get_total_norm_at(TG_HERE, tensors,                                                                             \
                         TG_OPTIONS(tg_clip_grad_norm_options, TG_CLIP_GRAD_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Every element of every gradient into [-clip_value, clip_value]; NaN stays. A clip_value that is negative or NaN is an
 * error, and nothing is written. */
tg_status tg_clip_grad_value_at(const char *where, tg_tensor_list parameters, double clip_value);
#define tg_clip_grad_value_(parameters, clip_value) tg_clip_grad_value_at(TG_HERE, parameters, clip_value)

TG_END_DECLS

#endif
