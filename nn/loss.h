/* loss.h: losses as modules of one type, so that a training loop need not know which it has:
 *
 *     tg_loss *criterion = tg_mse_loss_new();
 *     tg_tensor *loss = tg_loss_forward(criterion, output, y);
 *
 * Losses that take three tensors are a tg_triple_loss, and CTC, which takes four, is a tg_ctc_loss. Formulas, options,
 * defaults and shapes are those of the functions in ops/loss.h and ops/loss_margin.h. A weight is registered as the
 * buffer "weight", a pos_weight as "pos_weight". */
#ifndef TG_NN_LOSS_H
#define TG_NN_LOSS_H

#include "../ops/loss.h"
#include "../ops/loss_margin.h"
#include "module.h"

TG_BEGIN_DECLS

typedef struct tg_loss tg_loss;
struct tg_loss {
    tg_module base;
    tg_tensor *(*compute)(const tg_loss *loss, tg_tensor *input, tg_tensor *target);
    union {
        tg_loss_options plain;
        tg_nll_options nll;
        tg_cross_entropy_options cross_entropy;
        tg_smooth_l1_options smooth_l1;
        tg_huber_options huber;
        tg_poisson_nll_options poisson_nll;
        tg_bce_options bce;
        tg_bce_logits_options bce_logits;
        tg_kl_div_options kl_div;
        tg_hinge_embedding_options hinge_embedding;
        tg_multi_margin_options multi_margin;
    } options; /* of the loss that this is */
};

tg_loss *tg_mse_loss_new_at(const char *where, tg_loss_options options);
tg_loss *tg_l1_loss_new_at(const char *where, tg_loss_options options);
tg_loss *tg_smooth_l1_loss_new_at(const char *where, tg_smooth_l1_options options);
tg_loss *tg_huber_loss_new_at(const char *where, tg_huber_options options);
tg_loss *tg_poisson_nll_loss_new_at(const char *where, tg_poisson_nll_options options);
tg_loss *tg_bce_loss_new_at(const char *where, tg_bce_options options);
tg_loss *tg_bce_with_logits_loss_new_at(const char *where, tg_bce_logits_options options);
tg_loss *tg_kl_div_loss_new_at(const char *where, tg_kl_div_options options);
tg_loss *tg_nll_loss_new_at(const char *where, tg_nll_options options);
tg_loss *tg_cross_entropy_loss_new_at(const char *where, tg_cross_entropy_options options);
tg_loss *tg_hinge_embedding_loss_new_at(const char *where, tg_hinge_embedding_options options);
tg_loss *tg_soft_margin_loss_new_at(const char *where, tg_loss_options options);
tg_loss *tg_multi_margin_loss_new_at(const char *where, tg_multi_margin_options options);
tg_loss *tg_multilabel_margin_loss_new_at(const char *where, tg_loss_options options);
tg_loss *tg_multilabel_soft_margin_loss_new_at(const char *where, tg_bce_options options);
#define tg_mse_loss_new(...)                tg_mse_loss_new_at(TG_HERE, TG_LOSS_OPTIONS(__VA_ARGS__))
#define tg_l1_loss_new(...)                 tg_l1_loss_new_at(TG_HERE, TG_LOSS_OPTIONS(__VA_ARGS__))
#define tg_smooth_l1_loss_new(...)          tg_smooth_l1_loss_new_at(TG_HERE, TG_SMOOTH_L1_OPTIONS(__VA_ARGS__))
#define tg_huber_loss_new(...)              tg_huber_loss_new_at(TG_HERE, TG_HUBER_OPTIONS(__VA_ARGS__))
#define tg_poisson_nll_loss_new(...)        tg_poisson_nll_loss_new_at(TG_HERE, TG_POISSON_NLL_OPTIONS(__VA_ARGS__))
#define tg_bce_loss_new(...)                tg_bce_loss_new_at(TG_HERE, TG_BCE_OPTIONS(__VA_ARGS__))
#define tg_bce_with_logits_loss_new(...)    tg_bce_with_logits_loss_new_at(TG_HERE, TG_BCE_LOGITS_OPTIONS(__VA_ARGS__))
#define tg_kl_div_loss_new(...)             tg_kl_div_loss_new_at(TG_HERE, TG_KL_DIV_OPTIONS(__VA_ARGS__))
#define tg_nll_loss_new(...)                tg_nll_loss_new_at(TG_HERE, TG_NLL_OPTIONS(__VA_ARGS__))
#define tg_cross_entropy_loss_new(...)      tg_cross_entropy_loss_new_at(TG_HERE, TG_CROSS_ENTROPY_OPTIONS(__VA_ARGS__))
#define tg_hinge_embedding_loss_new(...)    tg_hinge_embedding_loss_new_at(TG_HERE, TG_HINGE_EMBEDDING_OPTIONS(__VA_ARGS__))
#define tg_soft_margin_loss_new(...)        tg_soft_margin_loss_new_at(TG_HERE, TG_LOSS_OPTIONS(__VA_ARGS__))
#define tg_multi_margin_loss_new(...)       tg_multi_margin_loss_new_at(TG_HERE, TG_MULTI_MARGIN_OPTIONS(__VA_ARGS__))
#define tg_multilabel_margin_loss_new(...)  tg_multilabel_margin_loss_new_at(TG_HERE, TG_LOSS_OPTIONS(__VA_ARGS__))
#define tg_multilabel_soft_margin_loss_new(...)                                                                       \
    tg_multilabel_soft_margin_loss_new_at(TG_HERE, TG_BCE_OPTIONS(__VA_ARGS__))

tg_tensor *tg_loss_forward_at(const char *where, tg_loss *m, tg_tensor *input, tg_tensor *target);
#define tg_loss_forward(m, input, target) tg_loss_forward_at(TG_HERE, m, input, target)

/* ---- of three tensors ---- `tg_triple_loss_forward(m, anchor, positive, negative)` */

typedef struct tg_triple_loss tg_triple_loss;
struct tg_triple_loss {
    tg_module base;
    tg_tensor *(*compute)(const tg_triple_loss *loss, tg_tensor *a, tg_tensor *b, tg_tensor *c);
    union {
        tg_gaussian_nll_options gaussian_nll;
        tg_margin_options margin;
        tg_triplet_margin_options triplet_margin;
    } options;
};

tg_triple_loss *tg_gaussian_nll_loss_new_at(const char *where, tg_gaussian_nll_options options);
tg_triple_loss *tg_margin_ranking_loss_new_at(const char *where, tg_margin_options options);
tg_triple_loss *tg_cosine_embedding_loss_new_at(const char *where, tg_margin_options options);
tg_triple_loss *tg_triplet_margin_loss_new_at(const char *where, tg_triplet_margin_options options);
#define tg_gaussian_nll_loss_new(...)     tg_gaussian_nll_loss_new_at(TG_HERE, TG_GAUSSIAN_NLL_OPTIONS(__VA_ARGS__))
#define tg_margin_ranking_loss_new(...)   tg_margin_ranking_loss_new_at(TG_HERE, TG_MARGIN_OPTIONS(__VA_ARGS__))
#define tg_cosine_embedding_loss_new(...) tg_cosine_embedding_loss_new_at(TG_HERE, TG_MARGIN_OPTIONS(__VA_ARGS__))
#define tg_triplet_margin_loss_new(...)   tg_triplet_margin_loss_new_at(TG_HERE, TG_TRIPLET_MARGIN_OPTIONS(__VA_ARGS__))

/* The tensors in the order of the function: input, target, var; input1, input2, target; anchor, positive, negative. */
tg_tensor *tg_triple_loss_forward_at(const char *where, tg_triple_loss *m, tg_tensor *a, tg_tensor *b, tg_tensor *c);
#define tg_triple_loss_forward(m, a, b, c) tg_triple_loss_forward_at(TG_HERE, m, a, b, c)

/* ---- of sequences ---- `tg_ctc_loss_forward(m, log_probs, targets, input_lengths, target_lengths)` */

typedef struct tg_ctc_loss {
    tg_module base;
    tg_ctc_options options;
} tg_ctc_loss;
tg_ctc_loss *tg_ctc_loss_new_at(const char *where, tg_ctc_options options);
#define tg_ctc_loss_new(...) tg_ctc_loss_new_at(TG_HERE, TG_CTC_OPTIONS(__VA_ARGS__))

tg_tensor *tg_ctc_loss_forward_at(const char *where, tg_ctc_loss *m, tg_tensor *log_probs, tg_tensor *targets,
                                  tg_tensor *input_lengths, tg_tensor *target_lengths);
#define tg_ctc_loss_forward(m, log_probs, targets, input_lengths, target_lengths)                                     \
    tg_ctc_loss_forward_at(TG_HERE, m, log_probs, targets, input_lengths, target_lengths)

TG_END_DECLS

#endif
