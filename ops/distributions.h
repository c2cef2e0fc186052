/* distributions.h: torch.distributions, for policies and variational models: draws, log-probabilities, entropies,
 * divergences.
 *
 *     tg_distribution policy = tg_categorical_of(.logits = tg_linear_forward(head, x));
 *     tg_tensor *action = tg_sample(policy);
 *     tg_tensor *loss = tg_neg(tg_mean(tg_mul(tg_log_prob(policy, action), reward)));
 *
 * A distribution is a few tensors, passed by value; they live as long as others of their scope. All is made of ops, so
 * gradients flow to the parameters. A batch of distributions has the shape of its parameters (of Categorical: without
 * their last dimension). One that could not be made is of kind TG_DISTRIBUTION_NONE, on which each function fails. As
 * in PyTorch parameters, and values whose log-probability is asked for, are checked. */
#ifndef TG_OPS_DISTRIBUTIONS_H
#define TG_OPS_DISTRIBUTIONS_H

#include "../core/op.h"
#include "../core/rng.h"
#include "operand.h"

TG_BEGIN_DECLS

typedef enum tg_distribution_kind {
    TG_DISTRIBUTION_NONE,
    TG_DISTRIBUTION_CATEGORICAL,
    TG_DISTRIBUTION_BERNOULLI,
    TG_DISTRIBUTION_NORMAL,
    TG_DISTRIBUTION_UNIFORM,
    TG_DISTRIBUTION_EXPONENTIAL
} tg_distribution_kind;

typedef struct tg_distribution {
    tg_distribution_kind kind;
    tg_tensor *probs, *logits;   /* of Categorical, normalised along the last dimension, and of Bernoulli */
    tg_tensor *loc, *scale;      /* of Normal */
    tg_tensor *low, *high;       /* of Uniform */
    tg_tensor *rate;             /* of Exponential */
} tg_distribution;

/* ---- which ---- */

typedef struct tg_probability_options {
    tg_tensor *probs, *logits;   /* either */
    TG_OPTIONS_END
} tg_probability_options;
#define TG_PROBABILITY_DEFAULTS /* probs */ NULL, /* logits */ NULL TG_DEFAULTS_END
#define TG_PROBABILITY_OPTIONS(...)                                                                                   \
    TG_OPTIONS(tg_probability_options, TG_PROBABILITY_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Categorical: an index of the last dimension, by weights or by scores whose softmax is taken. Bernoulli: 0 or 1, by
 * the probability of 1 or by log(p / (1 - p)). */
tg_distribution tg_categorical_of_at(const char *where, tg_probability_options options);
tg_distribution tg_bernoulli_of_at(const char *where, tg_probability_options options);
#define tg_categorical_of(...) tg_categorical_of_at(TG_HERE, TG_PROBABILITY_OPTIONS(__VA_ARGS__))
#define tg_bernoulli_of(...)   tg_bernoulli_of_at(TG_HERE, TG_PROBABILITY_OPTIONS(__VA_ARGS__))

/* Tensors, which are broadcast, or numbers. Normal: mean and standard deviation, above 0. Uniform in [low, high). */
tg_distribution tg_normal_of_at(const char *where, tg_operand loc, tg_operand scale);
tg_distribution tg_uniform_of_at(const char *where, tg_operand low, tg_operand high);
tg_distribution tg_exponential_of_at(const char *where, tg_operand rate);
#define tg_normal_of(loc, scale)  tg_normal_of_at(TG_HERE, TG_OPERAND(loc), TG_OPERAND(scale))
#define tg_uniform_of(low, high)  tg_uniform_of_at(TG_HERE, TG_OPERAND(low), TG_OPERAND(high))
#define tg_exponential_of(rate)   tg_exponential_of_at(TG_HERE, TG_OPERAND(rate))

/* ---- what of it ---- */

typedef struct tg_sample_options {
    tg_shape shape;              /* how many draws of each */
    tg_generator *generator;     /* NULL: the thread's default */
    TG_OPTIONS_END
} tg_sample_options;
#define TG_SAMPLE_DEFAULTS /* shape */ { 0, { 0 } }, /* generator */ NULL TG_DEFAULTS_END
#define TG_SAMPLE_OPTIONS(...) TG_OPTIONS(tg_sample_options, TG_SAMPLE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Draws, of .shape followed by the batch's shape: int64 of Categorical, else of the parameters' dtype. sample has no
 * gradient; rsample is a differentiable function of parameters and noise, which Categorical and Bernoulli lack. */
tg_tensor *tg_sample_at(const char *where, tg_distribution d, tg_sample_options options);
tg_tensor *tg_rsample_at(const char *where, tg_distribution d, tg_sample_options options);
#define tg_sample(d, ...)  tg_sample_at(TG_HERE, d, TG_SAMPLE_OPTIONS(__VA_ARGS__))
#define tg_rsample(d, ...) tg_rsample_at(TG_HERE, d, TG_SAMPLE_OPTIONS(__VA_ARGS__))

/* The logarithm of the probability of a value, or of its density; value and batch are broadcast. */
tg_tensor *tg_log_prob_at(const char *where, tg_distribution d, tg_tensor *value);
#define tg_log_prob(d, value) tg_log_prob_at(TG_HERE, d, value)

/* -E log p, of the batch's shape. */
tg_tensor *tg_entropy_at(const char *where, tg_distribution d);
#define tg_entropy(d) tg_entropy_at(TG_HERE, d)

/* E log p - log q by p, of two of one kind, which are broadcast. */
tg_tensor *tg_kl_divergence_at(const char *where, tg_distribution p, tg_distribution q);
#define tg_kl_divergence(p, q) tg_kl_divergence_at(TG_HERE, p, q)

TG_END_DECLS

#endif
