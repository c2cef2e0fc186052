/* loss.h: softmax and losses. */
#ifndef TG_OPS_LOSS_H
#define TG_OPS_LOSS_H

#include "../core/op.h"

TG_BEGIN_DECLS

typedef enum tg_reduction { TG_REDUCTION_NONE, TG_REDUCTION_MEAN, TG_REDUCTION_SUM } tg_reduction;

/* Along `dim`: e^x / sum e^x, and its logarithm, both shifted by the maximum. */
tg_tensor *tg_softmax_at(const char *where, tg_tensor *t, int64_t dim);
tg_tensor *tg_log_softmax_at(const char *where, tg_tensor *t, int64_t dim);
#define tg_softmax(t, dim)     tg_softmax_at(TG_HERE, t, dim)
#define tg_log_softmax(t, dim) tg_log_softmax_at(TG_HERE, t, dim)

typedef struct tg_loss_options {
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_loss_options;
#define TG_LOSS_DEFAULTS /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_LOSS_OPTIONS(...) TG_OPTIONS(tg_loss_options, TG_LOSS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* (input - target)^2. Shapes that differ are warned about, then broadcast, as in PyTorch. */
tg_tensor *tg_mse_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options);
#define tg_mse_loss(input, target, ...) tg_mse_loss_at(TG_HERE, input, target, TG_LOSS_OPTIONS(__VA_ARGS__))

typedef struct tg_nll_options {
    tg_tensor *weight;         /* [C], NULL for ones; the mean is weighted by it */
    int64_t ignore_index;      /* targets of this value count for nothing */
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_nll_options;
#define TG_NLL_DEFAULTS /* weight */ NULL, /* ignore_index */ -100, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_NLL_OPTIONS(...) TG_OPTIONS(tg_nll_options, TG_NLL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* -weight[target] input[target]: input is [C], [N, C] or [N, C, d1, ...] of log-probabilities; target, int64, has the
 * shape without C. */
tg_tensor *tg_nll_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_nll_options options);
#define tg_nll_loss(input, target, ...) tg_nll_loss_at(TG_HERE, input, target, TG_NLL_OPTIONS(__VA_ARGS__))

typedef struct tg_cross_entropy_options {
    tg_tensor *weight;
    int64_t ignore_index;
    tg_reduction reduction;
    double label_smoothing;    /* 0 to 1 */
    TG_OPTIONS_END
} tg_cross_entropy_options;
#define TG_CROSS_ENTROPY_DEFAULTS                                                                                     \
    /* weight */ NULL, /* ignore_index */ -100, /* reduction */ TG_REDUCTION_MEAN, /* label_smoothing */ 0.0 TG_DEFAULTS_END
#define TG_CROSS_ENTROPY_OPTIONS(...)                                                                                 \
    TG_OPTIONS(tg_cross_entropy_options, TG_CROSS_ENTROPY_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* log_softmax over the class dimension, then nll_loss; a floating target of input's shape holds class probabilities. */
tg_tensor *tg_cross_entropy_at(const char *where, tg_tensor *input, tg_tensor *target, tg_cross_entropy_options options);
#define tg_cross_entropy(input, target, ...)                                                                          \
    tg_cross_entropy_at(TG_HERE, input, target, TG_CROSS_ENTROPY_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
