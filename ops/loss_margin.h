/* loss_margin.h: losses that want a score to be a margin above another one, or on the right side of 0. */
#ifndef TG_OPS_LOSS_MARGIN_H
#define TG_OPS_LOSS_MARGIN_H

#include "loss.h"

TG_BEGIN_DECLS

typedef struct tg_hinge_embedding_options {
    double margin;
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_hinge_embedding_options;
#define TG_HINGE_EMBEDDING_DEFAULTS /* margin */ 1.0, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_HINGE_EMBEDDING_OPTIONS(...)                                                                               \
    TG_OPTIONS(tg_hinge_embedding_options, TG_HINGE_EMBEDDING_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* input where target is 1, max(0, margin - input) where it is -1. */
tg_tensor *tg_hinge_embedding_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                      tg_hinge_embedding_options options);
#define tg_hinge_embedding_loss(input, target, ...)                                                                   \
    tg_hinge_embedding_loss_at(TG_HERE, input, target, TG_HINGE_EMBEDDING_OPTIONS(__VA_ARGS__))

typedef struct tg_margin_options {
    double margin;
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_margin_options;
#define TG_MARGIN_DEFAULTS /* margin */ 0.0, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_MARGIN_OPTIONS(...) TG_OPTIONS(tg_margin_options, TG_MARGIN_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* max(0, -target (input1 - input2) + margin): target 1 wants the first to be larger, -1 the second. */
tg_tensor *tg_margin_ranking_loss_at(const char *where, tg_tensor *input1, tg_tensor *input2, tg_tensor *target,
                                     tg_margin_options options);
#define tg_margin_ranking_loss(input1, input2, target, ...)                                                           \
    tg_margin_ranking_loss_at(TG_HERE, input1, input2, target, TG_MARGIN_OPTIONS(__VA_ARGS__))

/* 1 - cos where target is 1, max(0, cos - margin) where it is -1; of vectors [N, D] and targets [N], or [D] and []. */
tg_tensor *tg_cosine_embedding_loss_at(const char *where, tg_tensor *input1, tg_tensor *input2, tg_tensor *target,
                                       tg_margin_options options);
#define tg_cosine_embedding_loss(input1, input2, target, ...)                                                         \
    tg_cosine_embedding_loss_at(TG_HERE, input1, input2, target, TG_MARGIN_OPTIONS(__VA_ARGS__))

/* log(1 + e^(-target input)). The target has no gradient. */
tg_tensor *tg_soft_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options);
#define tg_soft_margin_loss(input, target, ...)                                                                       \
    tg_soft_margin_loss_at(TG_HERE, input, target, TG_LOSS_OPTIONS(__VA_ARGS__))

typedef struct tg_multi_margin_options {
    int64_t p;                 /* 1 or 2 */
    double margin;
    tg_tensor *weight;         /* [C], of the target's class; no gradient */
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_multi_margin_options;
#define TG_MULTI_MARGIN_DEFAULTS                                                                                      \
    /* p */ 1, /* margin */ 1.0, /* weight */ NULL, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_MULTI_MARGIN_OPTIONS(...)                                                                                  \
    TG_OPTIONS(tg_multi_margin_options, TG_MULTI_MARGIN_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The sum over the other classes of max(0, margin - input[target] + input[j])^p / C: scores [N, C] or [C], classes [N]
 * or []. */
tg_tensor *tg_multi_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                   tg_multi_margin_options options);
#define tg_multi_margin_loss(input, target, ...)                                                                      \
    tg_multi_margin_loss_at(TG_HERE, input, target, TG_MULTI_MARGIN_OPTIONS(__VA_ARGS__))

/* The sum over each target class t and each other class j of max(0, 1 - input[t] + input[j]) / C. The targets, of
 * input's shape, are classes; the first -1 in a row ends them. */
tg_tensor *tg_multilabel_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options);
#define tg_multilabel_margin_loss(input, target, ...)                                                                 \
    tg_multilabel_margin_loss_at(TG_HERE, input, target, TG_LOSS_OPTIONS(__VA_ARGS__))

/* The mean over the classes, the last dimension, of binary_cross_entropy_with_logits; targets are 0 or 1. */
tg_tensor *tg_multilabel_soft_margin_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                             tg_bce_options options);
#define tg_multilabel_soft_margin_loss(input, target, ...)                                                            \
    tg_multilabel_soft_margin_loss_at(TG_HERE, input, target, TG_BCE_OPTIONS(__VA_ARGS__))

typedef struct tg_triplet_margin_options {
    double margin;
    double p, eps;             /* of pairwise_distance */
    bool swap;                 /* the negative may be nearer to the positive than to the anchor: take the nearer */
    tg_reduction reduction;
    TG_OPTIONS_END
} tg_triplet_margin_options;
#define TG_TRIPLET_MARGIN_DEFAULTS                                                                                    \
    /* margin */ 1.0, /* p */ 2.0, /* eps */ 1e-6, /* swap */ false, /* reduction */ TG_REDUCTION_MEAN TG_DEFAULTS_END
#define TG_TRIPLET_MARGIN_OPTIONS(...)                                                                                \
    TG_OPTIONS(tg_triplet_margin_options, TG_TRIPLET_MARGIN_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* max(0, margin + the distance of anchor and positive - that of anchor and negative), vectors along the last
 * dimension. */
tg_tensor *tg_triplet_margin_loss_at(const char *where, tg_tensor *anchor, tg_tensor *positive, tg_tensor *negative,
                                     tg_triplet_margin_options options);
#define tg_triplet_margin_loss(anchor, positive, negative, ...)                                                       \
    tg_triplet_margin_loss_at(TG_HERE, anchor, positive, negative, TG_TRIPLET_MARGIN_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
