/* loss.h: softmax and losses. */
#ifndef TG_OPS_LOSS_H
#define TG_OPS_LOSS_H

#include "../core/op.h"

TG_BEGIN_DECLS

/* What a loss makes of its elements' losses. NONE: a tensor of them all. MEAN, SUM: one number, of no dimensions.
 * BATCHMEAN: their sum divided by the first size; for kl_div alone. */
typedef enum tg_reduction {
    TG_REDUCTION_NONE,
    TG_REDUCTION_MEAN,
    TG_REDUCTION_SUM,
    TG_REDUCTION_BATCHMEAN
} tg_reduction;

typedef struct tg_softmax_options {
    tg_dtype dtype;            /* the input is converted first; TG_DEFAULT_DTYPE: its own */
    TG_OPTIONS_END
} tg_softmax_options;
#define TG_SOFTMAX_DEFAULTS /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_SOFTMAX_OPTIONS(...) TG_OPTIONS(tg_softmax_options, TG_SOFTMAX_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Along `dim`: e^x / sum e^x, the same of -x, and the logarithm of the first; x is shifted by its maximum before. The
 * result has the input's shape. */
tg_tensor *tg_softmax_at(const char *where, tg_tensor *t, int64_t dim, tg_softmax_options options);
tg_tensor *tg_softmin_at(const char *where, tg_tensor *t, int64_t dim, tg_softmax_options options);
tg_tensor *tg_log_softmax_at(const char *where, tg_tensor *t, int64_t dim, tg_softmax_options options);
#define tg_softmax(t, dim, ...)     tg_softmax_at(TG_HERE, t, dim, TG_SOFTMAX_OPTIONS(__VA_ARGS__))
#define tg_softmin(t, dim, ...)     tg_softmin_at(TG_HERE, t, dim, TG_SOFTMAX_OPTIONS(__VA_ARGS__))
#define tg_log_softmax(t, dim, ...) tg_log_softmax_at(TG_HERE, t, dim, TG_SOFTMAX_OPTIONS(__VA_ARGS__))

typedef struct tg_loss_options {
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_loss_options;
#define TG_LOSS_DEFAULTS /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_LOSS_OPTIONS(...) TG_OPTIONS(tg_loss_options, TG_LOSS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* ---- of numbers ---- With TG_REDUCTION_NONE the result has the shape of input and target. If they differ they are
 * broadcast, with a warning, as in PyTorch. */

/* (input - target)^2, and |input - target|. */
tg_tensor *tg_mse_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options);
tg_tensor *tg_l1_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options);
#define tg_mse_loss(input, target, ...) tg_mse_loss_at(TG_HERE, input, target, TG_LOSS_OPTIONS(__VA_ARGS__))
#define tg_l1_loss(input, target, ...)  tg_l1_loss_at(TG_HERE, input, target, TG_LOSS_OPTIONS(__VA_ARGS__))

typedef struct tg_smooth_l1_options {
    tg_reduction reduction;
    double beta;               /* 0: none of it is squared */
    TG_OPTIONS_END
} tg_smooth_l1_options;
#define TG_SMOOTH_L1_DEFAULTS /* reduction */ TG_REDUCTION_MEAN, /* beta */ 1.0 TG_DEFAULTS_END
#define TG_SMOOTH_L1_OPTIONS(...) TG_OPTIONS(tg_smooth_l1_options, TG_SMOOTH_L1_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* d^2 / (2 beta) where d = |input - target| is below beta, d - beta/2 elsewhere. */
tg_tensor *tg_smooth_l1_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_smooth_l1_options options);
#define tg_smooth_l1_loss(input, target, ...)                                                                         \
    tg_smooth_l1_loss_at(TG_HERE, input, target, TG_SMOOTH_L1_OPTIONS(__VA_ARGS__))

typedef struct tg_huber_options {
    tg_reduction reduction;
    double delta;              /* above 0 */
    TG_OPTIONS_END
} tg_huber_options;
#define TG_HUBER_DEFAULTS /* reduction */ TG_REDUCTION_MEAN, /* delta */ 1.0 TG_DEFAULTS_END
#define TG_HUBER_OPTIONS(...) TG_OPTIONS(tg_huber_options, TG_HUBER_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* d^2 / 2 where d = |input - target| is at most delta, delta (d - delta/2) elsewhere. */
tg_tensor *tg_huber_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_huber_options options);
#define tg_huber_loss(input, target, ...) tg_huber_loss_at(TG_HERE, input, target, TG_HUBER_OPTIONS(__VA_ARGS__))

typedef struct tg_poisson_nll_options {
    bool log_input;            /* the input is the logarithm of the rate */
    bool full;                 /* with Stirling's approximation of log(target!) */
    double eps;                /* added to a rate before its logarithm is taken */
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_poisson_nll_options;
#define TG_POISSON_NLL_DEFAULTS                                                                                       \
    /* log_input */ true, /* full */ false, /* eps */ 1e-8, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_POISSON_NLL_OPTIONS(...) TG_OPTIONS(tg_poisson_nll_options, TG_POISSON_NLL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* e^input - target input, or input - target log(input + eps). */
tg_tensor *tg_poisson_nll_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_poisson_nll_options options);
#define tg_poisson_nll_loss(input, target, ...)                                                                       \
    tg_poisson_nll_loss_at(TG_HERE, input, target, TG_POISSON_NLL_OPTIONS(__VA_ARGS__))

typedef struct tg_gaussian_nll_options {
    bool full;                 /* with the constant log(2 pi) / 2 */
    double eps;                /* the least variance */
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_gaussian_nll_options;
#define TG_GAUSSIAN_NLL_DEFAULTS /* full */ false, /* eps */ 1e-6, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_GAUSSIAN_NLL_OPTIONS(...)                                                                                  \
    TG_OPTIONS(tg_gaussian_nll_options, TG_GAUSSIAN_NLL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* (log var + (input - target)^2 / var) / 2. The variance has input's shape, or its last size is 1 or missing. */
tg_tensor *tg_gaussian_nll_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_tensor *var,
                                   tg_gaussian_nll_options options);
#define tg_gaussian_nll_loss(input, target, var, ...)                                                                 \
    tg_gaussian_nll_loss_at(TG_HERE, input, target, var, TG_GAUSSIAN_NLL_OPTIONS(__VA_ARGS__))

/* ---- of probabilities ---- With TG_REDUCTION_NONE the result has input's shape, as target has. Weights are broadcast
 * to it; they have no gradient. */

typedef struct tg_bce_options {
    tg_tensor *weight;
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_bce_options;
#define TG_BCE_DEFAULTS /* weight */ NULL, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_BCE_OPTIONS(...) TG_OPTIONS(tg_bce_options, TG_BCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* -(target log(input) + (1 - target) log(1 - input)), of probabilities; logarithms below -100 are -100. */
tg_tensor *tg_binary_cross_entropy_at(const char *where, tg_tensor *input, tg_tensor *target, tg_bce_options options);
#define tg_binary_cross_entropy(input, target, ...)                                                                   \
    tg_binary_cross_entropy_at(TG_HERE, input, target, TG_BCE_OPTIONS(__VA_ARGS__))

typedef struct tg_bce_logits_options {
    tg_tensor *weight;
    tg_reduction reduction;
    tg_tensor *pos_weight;     /* of the term with target */
    TG_OPTIONS_END
} tg_bce_logits_options;
#define TG_BCE_LOGITS_DEFAULTS                                                                                        \
    /* weight */ NULL, /* reduction */ TG_REDUCTION_MEAN, /* pos_weight */ NULL TG_DEFAULTS_END
#define TG_BCE_LOGITS_OPTIONS(...) TG_OPTIONS(tg_bce_logits_options, TG_BCE_LOGITS_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The same of sigmoid(input), exact for scores of any size. */
tg_tensor *tg_binary_cross_entropy_with_logits_at(const char *where, tg_tensor *input, tg_tensor *target,
                                                  tg_bce_logits_options options);
#define tg_binary_cross_entropy_with_logits(input, target, ...)                                                       \
    tg_binary_cross_entropy_with_logits_at(TG_HERE, input, target, TG_BCE_LOGITS_OPTIONS(__VA_ARGS__))

typedef struct tg_kl_div_options {
    tg_reduction reduction;    /* batchmean is the divergence as it is defined */
    bool log_target;           /* the target holds logarithms, too */
    TG_OPTIONS_END
} tg_kl_div_options;
#define TG_KL_DIV_DEFAULTS /* reduction */ TG_REDUCTION_MEAN, /* log_target */ false TG_DEFAULTS_END
#define TG_KL_DIV_OPTIONS(...) TG_OPTIONS(tg_kl_div_options, TG_KL_DIV_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* target (log(target) - input), of log-probabilities. */
tg_tensor *tg_kl_div_at(const char *where, tg_tensor *input, tg_tensor *target, tg_kl_div_options options);
#define tg_kl_div(input, target, ...) tg_kl_div_at(TG_HERE, input, target, TG_KL_DIV_OPTIONS(__VA_ARGS__))

/* ---- of classes ---- With TG_REDUCTION_NONE the result has input's shape without C. */

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

/* log_softmax over the class dimension, then nll_loss: input [C], [N, C] or [N, C, d1, ...], int64 target of that shape
 * without C. A floating target of input's shape holds class probabilities. */
tg_tensor *tg_cross_entropy_at(const char *where, tg_tensor *input, tg_tensor *target, tg_cross_entropy_options options);
#define tg_cross_entropy(input, target, ...)                                                                          \
    tg_cross_entropy_at(TG_HERE, input, target, TG_CROSS_ENTROPY_OPTIONS(__VA_ARGS__))

/* ---- of sequences ---- */

typedef struct tg_ctc_options {
    int64_t blank;             /* the label that stands for none */
    tg_reduction reduction;    /* the mean is that of each loss divided by the length of its targets */
    bool zero_infinity;        /* targets that are too long for their input: 0 in place of an infinite loss */
    TG_OPTIONS_END
} tg_ctc_options;
#define TG_CTC_DEFAULTS                                                                                               \
    /* blank */ 0, /* reduction */ TG_REDUCTION_MEAN, /* zero_infinity */ false TG_DEFAULTS_END
#define TG_CTC_OPTIONS(...) TG_OPTIONS(tg_ctc_options, TG_CTC_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Connectionist temporal classification: log_probs [T, N, C] from log_softmax, targets [N, S] or all of them joined in
 * one dimension, and the lengths of both [N], int64. Or one sequence, [T, C]. With
 * TG_REDUCTION_NONE the loss is [N], of one sequence []. */
tg_tensor *tg_ctc_loss_at(const char *where, tg_tensor *log_probs, tg_tensor *targets, tg_tensor *input_lengths,
                          tg_tensor *target_lengths, tg_ctc_options options);
#define tg_ctc_loss(log_probs, targets, input_lengths, target_lengths, ...)                                           \
    tg_ctc_loss_at(TG_HERE, log_probs, targets, input_lengths, target_lengths, TG_CTC_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
