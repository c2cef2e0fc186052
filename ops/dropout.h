/* dropout.h: elements or channels made zero at random (Srivastava et al., 2014), and slopes drawn at random. */
#ifndef TG_OPS_DROPOUT_H
#define TG_OPS_DROPOUT_H

#include "../core/op.h"

TG_BEGIN_DECLS

typedef struct tg_dropout_options {
    double p;      /* the probability of a zero; the elements kept are divided by 1 - p */
    bool training; /* false: x as it is */
    TG_OPTIONS_END
} tg_dropout_options;
#define TG_DROPOUT_DEFAULTS       /* p */ 0.5, /* training */ true TG_DEFAULTS_END
#define TG_ALPHA_DROPOUT_DEFAULTS /* p */ 0.5, /* training */ false TG_DEFAULTS_END
#define TG_DROPOUT_OPTIONS(...)       TG_OPTIONS(tg_dropout_options, TG_DROPOUT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define TG_ALPHA_DROPOUT_OPTIONS(...) TG_OPTIONS(tg_dropout_options, TG_ALPHA_DROPOUT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* `tg_dropout(x, .p = 0.1)`. The mask is drawn in row-major order from PyTorch's stream. */
tg_tensor *tg_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options);
#define tg_dropout(x, ...) tg_dropout_at(TG_HERE, x, TG_DROPOUT_OPTIONS(__VA_ARGS__))

/* Whole channels: of [N, C, L] or [C, L]; of [N, C, H, W], and of anything else as [N, C, ...]; of [N, C, D, H, W] or
 * [C, D, H, W]. */
tg_tensor *tg_dropout1d_at(const char *where, tg_tensor *x, tg_dropout_options options);
tg_tensor *tg_dropout2d_at(const char *where, tg_tensor *x, tg_dropout_options options);
tg_tensor *tg_dropout3d_at(const char *where, tg_tensor *x, tg_dropout_options options);
#define tg_dropout1d(x, ...) tg_dropout1d_at(TG_HERE, x, TG_DROPOUT_OPTIONS(__VA_ARGS__))
#define tg_dropout2d(x, ...) tg_dropout2d_at(TG_HERE, x, TG_DROPOUT_OPTIONS(__VA_ARGS__))
#define tg_dropout3d(x, ...) tg_dropout3d_at(TG_HERE, x, TG_DROPOUT_OPTIONS(__VA_ARGS__))

/* For SELU (Klambauer et al., 2017): dropped elements take its least value, and all are moved so that mean and variance
 * stay 0 and 1. Not while training unless asked for, as in PyTorch. feature: whole channels of [N, C, ...]. */
tg_tensor *tg_alpha_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options);
tg_tensor *tg_feature_alpha_dropout_at(const char *where, tg_tensor *x, tg_dropout_options options);
#define tg_alpha_dropout(x, ...)         tg_alpha_dropout_at(TG_HERE, x, TG_ALPHA_DROPOUT_OPTIONS(__VA_ARGS__))
#define tg_feature_alpha_dropout(x, ...) tg_feature_alpha_dropout_at(TG_HERE, x, TG_ALPHA_DROPOUT_OPTIONS(__VA_ARGS__))

typedef struct tg_rrelu_options {
    double lower, upper;
    bool training; /* false: every slope is the middle of the two */
    TG_OPTIONS_END
} tg_rrelu_options;
#define TG_RRELU_DEFAULTS /* lower */ 0.125, /* upper */ 1.0 / 3, /* training */ false TG_DEFAULTS_END
#define TG_RRELU_OPTIONS(...) TG_OPTIONS(tg_rrelu_options, TG_RRELU_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* x where x > 0, else a x, with a from U(lower, upper) for each element: `tg_rrelu(x, .training = true)` (Xu et al.,
 * 2015). */
tg_tensor *tg_rrelu_at(const char *where, tg_tensor *x, tg_rrelu_options options);
#define tg_rrelu(x, ...) tg_rrelu_at(TG_HERE, x, TG_RRELU_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
