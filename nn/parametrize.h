/* parametrize.h: weights that are computed from other parameters before each forward: torch.nn.utils.weight_norm and
 * spectral_norm: `tg_weight_norm(fc, "weight")`.
 *
 * The parameter `name`, one of the module's own, goes, and others that make it come in its place, at the end of the
 * module's list, under PyTorch's keys. The field of the struct that held it (`m->weight`; of an LSTM
 * `m->core.weights[0].weight_hh` for "weight_hh_l0") holds what was computed last: a forward hook renews it before each
 * call (module_hooks.h). Make optimisers after that. A module is not run by two threads at once then.
 *
 * On error everything is as it was. */
#ifndef TG_NN_PARAMETRIZE_H
#define TG_NN_PARAMETRIZE_H

#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_weight_norm_options {
    int64_t dim; /* each slice along it has a norm of its own; TG_WHOLE_WEIGHT: there is one */
    TG_OPTIONS_END
} tg_weight_norm_options;
#define TG_WHOLE_WEIGHT         (-1) /* PyTorch's dim=None */
#define TG_WEIGHT_NORM_DEFAULTS /* dim */ 0 TG_DEFAULTS_END

/* Salimans and Kingma (2016): w = g v / |v|. NAME_g has the norms, [n, 1, ...] of n slices, NAME_v is what the
 * parameter was: `tg_weight_norm(fc, "weight")`. */
tg_status tg_weight_norm_at(const char *where, tg_module *m, const char *name, tg_weight_norm_options options);
#define tg_weight_norm(m, name, ...)                                                                                   \
    tg_weight_norm_at(TG_HERE, TG_MODULE(m), name,                                                                     \
                      TG_OPTIONS(tg_weight_norm_options, TG_WEIGHT_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
/* The weight as it is becomes a parameter again, the module's last. */
tg_status tg_remove_weight_norm_at(const char *where, tg_module *m, const char *name);
#define tg_remove_weight_norm(m, name) tg_remove_weight_norm_at(TG_HERE, TG_MODULE(m), name)

typedef struct tg_spectral_norm_options {
    int64_t n_power_iterations; /* at each forward in training mode; none in evaluation */
    double eps;                 /* the least norm that u and v are divided by */
    int64_t dim;                /* the rows of the matrix; TG_OUTPUT_DIM: 1 in ConvTranspose, else 0 */
    TG_OPTIONS_END
} tg_spectral_norm_options;
#define TG_OUTPUT_DIM (-1)
#define TG_SPECTRAL_NORM_DEFAULTS                                                                                      \
    /* n_power_iterations */ 1, /* eps */ 1e-12, /* dim */ TG_OUTPUT_DIM TG_DEFAULTS_END

/* Miyato et al. (2018): w = w_orig / sigma, sigma = uT W v, which comes near the largest singular value of the weight
 * as a matrix W. NAME_orig is what the parameter was; the buffers NAME_u and NAME_v are vectors of length 1, drawn from
 * the normal distribution, u first. */
tg_status tg_spectral_norm_at(const char *where, tg_module *m, const char *name, tg_spectral_norm_options options);
#define tg_spectral_norm(m, name, ...)                                                                                 \
    tg_spectral_norm_at(TG_HERE, TG_MODULE(m), name,                                                                   \
                        TG_OPTIONS(tg_spectral_norm_options, TG_SPECTRAL_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
tg_status tg_remove_spectral_norm_at(const char *where, tg_module *m, const char *name);
#define tg_remove_spectral_norm(m, name) tg_remove_spectral_norm_at(TG_HERE, TG_MODULE(m), name)

TG_END_DECLS

#endif
