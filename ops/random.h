/* random.h: random numbers of PyTorch's CPU stream, draw for draw (core/rng.h): written into a tensor that is there, or
 * drawn by tensors of parameters. (Those of a new tensor, tg_rand and the like, are in create.h.)
 *
 * Each takes `.generator`; NULL is the thread's default one, which tg_manual_seed seeds. */
#ifndef TG_OPS_RANDOM_H
#define TG_OPS_RANDOM_H

#include "../core/op.h"
#include "../core/rng.h"
#include "operand.h"

TG_BEGIN_DECLS

/* ---- in place ---- Every element of `t` is drawn anew, in the order in which they lie in memory; what was there has
 * no influence, and no gradient. The rules for writing in place are those of other ops: under grad no leaf that
 * requires grad. Floating tensors unless it says more; t is returned. */

typedef struct tg_uniform_options {
    double from, to;
    tg_generator *generator;
    TG_OPTIONS_END
} tg_uniform_options;
#define TG_UNIFORM_DEFAULTS /* from */ 0, /* to */ 1, /* generator */ NULL TG_DEFAULTS_END
#define TG_UNIFORM_OPTIONS(...) TG_OPTIONS(tg_uniform_options, TG_UNIFORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Uniform in [from, to): `tg_uniform_(t, .from = -1)`. */
tg_tensor *tg_uniform_in_place_at(const char *where, tg_tensor *t, tg_uniform_options options);
#define tg_uniform_(t, ...) tg_uniform_in_place_at(TG_HERE, t, TG_UNIFORM_OPTIONS(__VA_ARGS__))

typedef struct tg_normal_options {
    double mean, std;      /* std: 0 or more */
    tg_generator *generator;
    TG_OPTIONS_END
} tg_normal_options;
#define TG_NORMAL_DEFAULTS     /* mean */ 0, /* std */ 1, /* generator */ NULL TG_DEFAULTS_END
#define TG_LOG_NORMAL_DEFAULTS /* mean */ 1, /* std */ 2, /* generator */ NULL TG_DEFAULTS_END
#define TG_NORMAL_OPTIONS(...)     TG_OPTIONS(tg_normal_options, TG_NORMAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define TG_LOG_NORMAL_OPTIONS(...) TG_OPTIONS(tg_normal_options, TG_LOG_NORMAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Normal, and e to the power of normal numbers (mean and std are theirs, std above 0). */
tg_tensor *tg_normal_in_place_at(const char *where, tg_tensor *t, tg_normal_options options);
tg_tensor *tg_log_normal_in_place_at(const char *where, tg_tensor *t, tg_normal_options options);
#define tg_normal_(t, ...)     tg_normal_in_place_at(TG_HERE, t, TG_NORMAL_OPTIONS(__VA_ARGS__))
#define tg_log_normal_(t, ...) tg_log_normal_in_place_at(TG_HERE, t, TG_LOG_NORMAL_OPTIONS(__VA_ARGS__))

typedef struct tg_exponential_options {
    double lambd;          /* the rate, 0 or more: the mean is 1 / lambd */
    tg_generator *generator;
    TG_OPTIONS_END
} tg_exponential_options;
#define TG_EXPONENTIAL_DEFAULTS /* lambd */ 1, /* generator */ NULL TG_DEFAULTS_END
#define TG_EXPONENTIAL_OPTIONS(...)                                                                                   \
    TG_OPTIONS(tg_exponential_options, TG_EXPONENTIAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* -log(1 - u) / lambd, u uniform. */
tg_tensor *tg_exponential_in_place_at(const char *where, tg_tensor *t, tg_exponential_options options);
#define tg_exponential_(t, ...) tg_exponential_in_place_at(TG_HERE, t, TG_EXPONENTIAL_OPTIONS(__VA_ARGS__))

typedef struct tg_cauchy_options {
    double median, sigma;
    tg_generator *generator;
    TG_OPTIONS_END
} tg_cauchy_options;
#define TG_CAUCHY_DEFAULTS /* median */ 0, /* sigma */ 1, /* generator */ NULL TG_DEFAULTS_END
#define TG_CAUCHY_OPTIONS(...) TG_OPTIONS(tg_cauchy_options, TG_CAUCHY_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* median + sigma tan(pi (u - 1/2)), u uniform. */
tg_tensor *tg_cauchy_in_place_at(const char *where, tg_tensor *t, tg_cauchy_options options);
#define tg_cauchy_(t, ...) tg_cauchy_in_place_at(TG_HERE, t, TG_CAUCHY_OPTIONS(__VA_ARGS__))

typedef struct tg_draw_options {
    tg_generator *generator;
    TG_OPTIONS_END
} tg_draw_options;
#define TG_DRAW_DEFAULTS /* generator */ NULL TG_DEFAULTS_END
#define TG_DRAW_OPTIONS(...) TG_OPTIONS(tg_draw_options, TG_DRAW_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* How often one tries until the first success of probability p, in (0, 1): 1, 2, ... Also int64. */
tg_tensor *tg_geometric_in_place_at(const char *where, tg_tensor *t, double p, tg_draw_options options);
#define tg_geometric_(t, p, ...) tg_geometric_in_place_at(TG_HERE, t, p, TG_DRAW_OPTIONS(__VA_ARGS__))

/* 1 with probability p, a number or a floating tensor that is expanded to t's shape; else 0. Any dtype. */
tg_tensor *tg_bernoulli_in_place_at(const char *where, tg_tensor *t, tg_operand p, tg_draw_options options);
#define tg_bernoulli_(t, p, ...) tg_bernoulli_in_place_at(TG_HERE, t, TG_OPERAND(p), TG_DRAW_OPTIONS(__VA_ARGS__))

#define TG_NO_END INT64_MIN   /* of tg_random_: no end given */

typedef struct tg_random_options {
    int64_t from, to;      /* [from, to); without an end up to the largest integer of the dtype, or 2^24 and 2^53 */
    tg_generator *generator;
    TG_OPTIONS_END
} tg_random_options;
#define TG_RANDOM_DEFAULTS /* from */ 0, /* to */ TG_NO_END, /* generator */ NULL TG_DEFAULTS_END
#define TG_RANDOM_OPTIONS(...) TG_OPTIONS(tg_random_options, TG_RANDOM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Integers, each as likely as any other: `tg_random_(t, .to = 10)`. Any dtype; of floats, within what they count. */
tg_tensor *tg_random_in_place_at(const char *where, tg_tensor *t, tg_random_options options);
#define tg_random_(t, ...) tg_random_in_place_at(TG_HERE, t, TG_RANDOM_OPTIONS(__VA_ARGS__))

/* ---- drawn by parameters ---- New tensors, which have no gradient (PyTorch's is zero everywhere). */

/* 1 with probability p, else 0: of p's shape and dtype. */
tg_tensor *tg_bernoulli_at(const char *where, tg_tensor *p, tg_draw_options options);
#define tg_bernoulli(p, ...) tg_bernoulli_at(TG_HERE, p, TG_DRAW_OPTIONS(__VA_ARGS__))

/* Counts of mean `rate`, 0 or more: of its shape and dtype. */
tg_tensor *tg_poisson_at(const char *where, tg_tensor *rate, tg_draw_options options);
#define tg_poisson(rate, ...) tg_poisson_at(TG_HERE, rate, TG_DRAW_OPTIONS(__VA_ARGS__))

typedef struct tg_normal_by_options {
    tg_shape size;         /* of the result, where mean and std are numbers */
    tg_generator *generator;
    TG_OPTIONS_END
} tg_normal_by_options;
#define TG_NORMAL_BY_DEFAULTS /* size */ { 0, { 0 } }, /* generator */ NULL TG_DEFAULTS_END
#define TG_NORMAL_BY_OPTIONS(...) TG_OPTIONS(tg_normal_by_options, TG_NORMAL_BY_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Normal with a mean and a standard deviation, 0 or more, for each element: tensors, which are broadcast, or numbers.
 * `tg_normal(mean, std)`, `tg_normal(mean, 0.1)`, `tg_normal(0, 0.02, .size = tg_shape(3, 4))`. */
tg_tensor *tg_normal_at(const char *where, tg_operand mean, tg_operand std, tg_normal_by_options options);
#define tg_normal(mean, std, ...)                                                                                     \
    tg_normal_at(TG_HERE, TG_OPERAND(mean), TG_OPERAND(std), TG_NORMAL_BY_OPTIONS(__VA_ARGS__))

typedef struct tg_multinomial_options {
    bool replacement;      /* whether an index may be drawn again */
    tg_generator *generator;
    TG_OPTIONS_END
} tg_multinomial_options;
#define TG_MULTINOMIAL_DEFAULTS /* replacement */ false, /* generator */ NULL TG_DEFAULTS_END
#define TG_MULTINOMIAL_OPTIONS(...)                                                                                   \
    TG_OPTIONS(tg_multinomial_options, TG_MULTINOMIAL_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Indices drawn by weights, which need not sum to 1: of weights [n], int64 [num_samples]; of [m, n], [m, num_samples],
 * each row by its own. */
tg_tensor *tg_multinomial_at(const char *where, tg_tensor *weights, int64_t num_samples, tg_multinomial_options options);
#define tg_multinomial(weights, num_samples, ...)                                                                     \
    tg_multinomial_at(TG_HERE, weights, num_samples, TG_MULTINOMIAL_OPTIONS(__VA_ARGS__))

/* ---- differentiable ---- */

typedef struct tg_gumbel_softmax_options {
    double tau;            /* the temperature */
    bool hard;             /* a 1 where the soft sample is largest, 0 elsewhere; the gradient is that of the soft one */
    int64_t dim;
    tg_generator *generator;
    TG_OPTIONS_END
} tg_gumbel_softmax_options;
#define TG_GUMBEL_SOFTMAX_DEFAULTS                                                                                    \
    /* tau */ 1, /* hard */ false, /* dim */ -1, /* generator */ NULL TG_DEFAULTS_END
#define TG_GUMBEL_SOFTMAX_OPTIONS(...)                                                                                \
    TG_OPTIONS(tg_gumbel_softmax_options, TG_GUMBEL_SOFTMAX_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* softmax((logits + g) / tau) along dim, g = -log of exponential numbers (Jang et al., 2017; Maddison et al., 2017). */
tg_tensor *tg_gumbel_softmax_at(const char *where, tg_tensor *logits, tg_gumbel_softmax_options options);
#define tg_gumbel_softmax(logits, ...) tg_gumbel_softmax_at(TG_HERE, logits, TG_GUMBEL_SOFTMAX_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
