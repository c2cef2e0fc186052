/* adaptive.h: a softmax over very many classes, of which a few are frequent (Grave et al., 2017). */
#ifndef TG_NN_ADAPTIVE_H
#define TG_NN_ADAPTIVE_H

#include "containers.h"
#include "linear.h"

TG_BEGIN_DECLS

/* The classes before the first cutoff are the head's own. Those from one cutoff to the next are a cluster, to which the
 * head gives one number, and which a projection to in_features / div_value^i numbers tells apart. */
typedef struct tg_adaptive_log_softmax {
    tg_module base;
    int64_t in_features, n_classes;
    tg_shape cutoffs;     /* the ones given, and n_classes */
    tg_linear *head;      /* in_features to cutoffs[0] + the number of clusters */
    tg_module_list *tail; /* of each cluster a Sequential of two Linears */
} tg_adaptive_log_softmax;

typedef struct tg_adaptive_log_softmax_options {
    double div_value;
    bool head_bias;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_adaptive_log_softmax_options;
#define TG_ADAPTIVE_LOG_SOFTMAX_DEFAULTS                                                                               \
    /* div_value */ 4.0, /* head_bias */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* PyTorch's AdaptiveLogSoftmaxWithLoss, of up to 7 cutoffs: `tg_adaptive_log_softmax_new(64, 10000, tg_shape(100,
 * 1000))`. */
tg_adaptive_log_softmax *tg_adaptive_log_softmax_new_at(const char *where, int64_t in_features, int64_t n_classes,
                                                        tg_shape cutoffs, tg_adaptive_log_softmax_options options);
#define tg_adaptive_log_softmax_new(in_features, n_classes, cutoffs, ...)                                              \
    tg_adaptive_log_softmax_new_at(                                                                                    \
        TG_HERE, in_features, n_classes, cutoffs,                                                                      \
        TG_OPTIONS(tg_adaptive_log_softmax_options, TG_ADAPTIVE_LOG_SOFTMAX_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_adaptive_log_softmax_output {
    tg_tensor *output; /* [N]: the targets' log probabilities; without a batch of no dimension */
    tg_tensor *loss;   /* their mean, negated */
} tg_adaptive_log_softmax_output;

/* Input [N, in_features] and int64 target [N], or [in_features] and a target of no dimension. Only the clusters in
 * which there is a target are computed. Both results are NULL on error. The module's hooks run around this call, as in
 * PyTorch; the two functions below run those of head and tail alone. */
tg_adaptive_log_softmax_output tg_adaptive_log_softmax_forward_at(const char *where, tg_adaptive_log_softmax *m,
                                                                  tg_tensor *input, tg_tensor *target);
#define tg_adaptive_log_softmax_forward(m, input, target) tg_adaptive_log_softmax_forward_at(TG_HERE, m, input, target)

/* Of input [N, in_features] the log probabilities of all classes, [N, n_classes], and the likeliest ones, int64 [N]. */
tg_tensor *tg_adaptive_log_softmax_log_prob_at(const char *where, tg_adaptive_log_softmax *m, tg_tensor *input);
tg_tensor *tg_adaptive_log_softmax_predict_at(const char *where, tg_adaptive_log_softmax *m, tg_tensor *input);
#define tg_adaptive_log_softmax_log_prob(m, input) tg_adaptive_log_softmax_log_prob_at(TG_HERE, m, input)
#define tg_adaptive_log_softmax_predict(m, input)  tg_adaptive_log_softmax_predict_at(TG_HERE, m, input)

TG_END_DECLS

#endif
