/* distribution_kinds.c: each kind of distribution: draws, log-probabilities, entropies, divergences, by PyTorch's
 * formulas. Nothing here is checked; see distributions.c. */
#include "distribution_impl.h"
#include "random_impl.h"

#include "ops/activation.h"
#include "ops/create.h"
#include "ops/functions.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/loss.h"
#include "ops/pointwise.h"
#include "ops/random.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>

#define LOG_2_PI 1.8378770664093453

/* ---- Categorical ---- */

static tg_tensor *categorical_draw(const tg_distribution *d, const tgi_draw *how)
{
    tg_tensor *rows = tg_reshape(d->probs, tg_shape(-1, tg_size(d->probs, -1)));
    tg_tensor *drawn =
        tg_multinomial(rows, tg_shape_numel(&how->sample), .replacement = true, .generator = how->generator);
    return tg_reshape(tg_transpose(drawn, 0, 1), how->extended);
}

static tg_tensor *categorical_log_prob(const tg_distribution *d, tg_tensor *value)
{
    tg_tensor *index = tg_unsqueeze(tg_to(value, TG_INT64), -1);
    const tg_tensor_list both = tg_broadcast_tensors(tg_list(index, d->logits));
    if (!both.items[0]) return NULL;
    return tg_squeeze(tg_gather(both.items[1], -1, tg_narrow(both.items[0], -1, 0, 1)), -1);
}

static tg_tensor *categorical_entropy(const tg_distribution *d)
{
    const double least = tg_dtype_of(d->logits) == TG_FLOAT32 ? -(double)FLT_MAX : -DBL_MAX;
    return tg_neg(tg_sum(tg_mul(tg_clamp(d->logits, .min = least), d->probs), .dim = -1));
}

static tg_tensor *categorical_kl(const tg_distribution *p, const tg_distribution *q)
{
    tg_tensor *t = tg_mul(p->probs, tg_sub(p->logits, q->logits));
    t = tg_masked_fill(t, tg_eq(q->probs, 0), INFINITY);
    return tg_sum(tg_masked_fill(t, tg_eq(p->probs, 0), 0), .dim = -1);
}

static tg_tensor *categorical_supports(const tg_distribution *d, tg_tensor *value)
{
    tg_tensor *whole = tg_eq(value, tg_to(value, TG_INT64));
    return tg_logical_and(whole, tg_logical_and(tg_ge(value, 0), tg_lt(value, tg_size(d->probs, -1))));
}

/* ---- Bernoulli ---- */

static tg_tensor *bernoulli_draw(const tg_distribution *d, const tgi_draw *how)
{
    return tg_bernoulli(tg_expand(d->probs, how->extended), .generator = how->generator);
}

/* -log p(value), which is a loss. */
static tg_tensor *bernoulli_loss(const tg_distribution *d, tg_tensor *value)
{
    const tg_tensor_list both = tg_broadcast_tensors(tg_list(d->logits, value));
    return tg_binary_cross_entropy_with_logits(both.items[0], both.items[1], .reduction = TG_REDUCTION_NONE);
}

static tg_tensor *bernoulli_log_prob(const tg_distribution *d, tg_tensor *value)
{
    return tg_neg(bernoulli_loss(d, tg_to(value, tg_dtype_of(d->logits))));
}

static tg_tensor *bernoulli_entropy(const tg_distribution *d) { return bernoulli_loss(d, d->probs); }

/* Of one of the two values: p and q are its probabilities. softplus(l) is -log of the other one's. */
static tg_tensor *bernoulli_term(tg_tensor *p, tg_tensor *q, tg_tensor *p_logits, tg_tensor *q_logits)
{
    tg_tensor *t = tg_mul(p, tg_sub(tg_softplus(q_logits), tg_softplus(p_logits)));
    t = tg_masked_fill(t, tg_eq(q, 0), INFINITY);
    return tg_masked_fill(t, tg_eq(p, 0), 0);
}

static tg_tensor *bernoulli_kl(const tg_distribution *p, const tg_distribution *q)
{
    tg_tensor *ones = bernoulli_term(p->probs, q->probs, tg_neg(p->logits), tg_neg(q->logits));
    tg_tensor *zeros = bernoulli_term(tg_sub(1, p->probs), tg_sub(1, q->probs), p->logits, q->logits);
    return tg_add(ones, zeros);
}

static tg_tensor *bernoulli_supports(const tg_distribution *d, tg_tensor *value)
{
    (void)d;
    return tg_logical_or(tg_eq(value, 0), tg_eq(value, 1));
}

/* ---- Normal ---- */

static tg_tensor *normal_draw(const tg_distribution *d, const tgi_draw *how)
{
    tg_tensor *noise = tg_empty(how->extended, .dtype = tg_dtype_of(d->loc));
    return tg_add(d->loc, tg_mul(tg_normal_(noise, .generator = how->generator), d->scale));
}

static tg_tensor *normal_log_prob(const tg_distribution *d, tg_tensor *value)
{
    tg_tensor *distance = tg_square(tg_sub(value, d->loc)), *variance = tg_square(d->scale);
    return tg_sub(tg_sub(tg_div(tg_neg(distance), tg_mul(variance, 2)), tg_log(d->scale)), LOG_2_PI / 2);
}

static tg_tensor *normal_entropy(const tg_distribution *d) { return tg_add(tg_log(d->scale), 0.5 + LOG_2_PI / 2); }

static tg_tensor *normal_kl(const tg_distribution *p, const tg_distribution *q)
{
    tg_tensor *ratio = tg_square(tg_div(p->scale, q->scale));
    tg_tensor *distance = tg_square(tg_div(tg_sub(p->loc, q->loc), q->scale));
    return tg_mul(tg_sub(tg_sub(tg_add(ratio, distance), 1), tg_log(ratio)), 0.5);
}

static tg_tensor *normal_supports(const tg_distribution *d, tg_tensor *value)
{
    (void)d;
    return tg_eq(value, value);
}

/* ---- Uniform ---- */

static tg_tensor *uniform_draw(const tg_distribution *d, const tgi_draw *how)
{
    tg_tensor *u = tg_rand(how->extended, .dtype = tg_dtype_of(d->low), .generator = how->generator);
    return tg_add(d->low, tg_mul(u, tg_sub(d->high, d->low)));
}

static tg_tensor *uniform_log_prob(const tg_distribution *d, tg_tensor *value)
{
    tg_tensor *inside = tg_logical_and(tg_le(d->low, value), tg_gt(d->high, value));
    return tg_sub(tg_log(tg_to(inside, tg_dtype_of(d->low))), tg_log(tg_sub(d->high, d->low)));
}

static tg_tensor *uniform_entropy(const tg_distribution *d) { return tg_log(tg_sub(d->high, d->low)); }

static tg_tensor *uniform_kl(const tg_distribution *p, const tg_distribution *q)
{
    tg_tensor *t = tg_log(tg_div(tg_sub(q->high, q->low), tg_sub(p->high, p->low)));
    return tg_masked_fill(t, tg_logical_or(tg_gt(q->low, p->low), tg_lt(q->high, p->high)), INFINITY);
}

static tg_tensor *uniform_supports(const tg_distribution *d, tg_tensor *value)
{
    return tg_logical_and(tg_le(d->low, value), tg_ge(d->high, value));
}

/* ---- Exponential ---- */

static tg_tensor *exponential_draw(const tg_distribution *d, const tgi_draw *how)
{
    tg_tensor *noise = tg_empty(how->extended, .dtype = tg_dtype_of(d->rate));
    return tg_div(tg_exponential_(noise, .generator = how->generator), d->rate);
}

static tg_tensor *exponential_log_prob(const tg_distribution *d, tg_tensor *value)
{
    return tg_sub(tg_log(d->rate), tg_mul(d->rate, value));
}

static tg_tensor *exponential_entropy(const tg_distribution *d) { return tg_sub(1, tg_log(d->rate)); }

static tg_tensor *exponential_kl(const tg_distribution *p, const tg_distribution *q)
{
    tg_tensor *ratio = tg_div(q->rate, p->rate);
    return tg_sub(tg_sub(ratio, tg_log(ratio)), 1);
}

static tg_tensor *exponential_supports(const tg_distribution *d, tg_tensor *value)
{
    (void)d;
    return tg_ge(value, 0);
}

/* ---- the table ---- */

#define KIND(id, name, smooth, support)                                                                                \
    {                                                                                                                  \
        name, smooth, id##_draw, id##_log_prob, id##_entropy, id##_kl, id##_supports, support                          \
    }

const tgi_distribution_class *tgi_distribution_class_of(tg_distribution_kind kind)
{
    static const tgi_distribution_class classes[] = {
        [TG_DISTRIBUTION_CATEGORICAL] = KIND(categorical, "Categorical", false, "IntegerInterval"),
        [TG_DISTRIBUTION_BERNOULLI] = KIND(bernoulli, "Bernoulli", false, "Boolean"),
        [TG_DISTRIBUTION_NORMAL] = KIND(normal, "Normal", true, "Real"),
        [TG_DISTRIBUTION_UNIFORM] = KIND(uniform, "Uniform", true, "Interval"),
        [TG_DISTRIBUTION_EXPONENTIAL] = KIND(exponential, "Exponential", true, "GreaterThanEq"),
    };
    const unsigned count = sizeof classes / sizeof classes[0];
    return (unsigned)kind < count && classes[kind].name ? &classes[kind] : NULL;
}
