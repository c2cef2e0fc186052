/* distributions.c: distributions made of parameters that are checked, and what is asked of them. */
#include "ops/distributions.h"
#include "distribution_impl.h"

#include "ops/activation.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/create.h"
#include "ops/extremes.h"
#include "ops/functions.h"
#include "ops/join.h"
#include "ops/loss.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include "core/error.h"

#include <float.h>

/* In the name of which errors are told. */
#define NAMED(id) static const tg_op id = { .name = #id, .gradient = "that of the ops it is made of" }
NAMED(Categorical);
NAMED(Bernoulli);
NAMED(Normal);
NAMED(Uniform);
NAMED(Exponential);
NAMED(sample);
NAMED(rsample);
NAMED(log_prob);
NAMED(entropy);
NAMED(kl_divergence);

static const tg_distribution none;

/* ---- checks ---- */

/* Whether all are true; NULL is an error that is known. */
static bool all_of(tg_tensor *condition)
{
    const tg_tensor *all = tg_all(condition);
    return all && tg_item(all) != 0;
}

/* The condition is what a parameter satisfies. */
static bool check(const tg_op *op, tg_tensor *t, const char *parameter, const char *constraint, tg_tensor *condition)
{
    if (all_of(condition)) return true;
    if (!tg_failed())
        tg_op_fail(op, tg_list(t),
                   "Expected parameter %s of distribution %s to satisfy the constraint %s, but found invalid values",
                   parameter, op->name, constraint);
    return false;
}

static bool is_real(const tg_op *op, tg_tensor *t, const char *parameter)
{
    return check(op, t, parameter, "Real()", tg_eq(t, t));
}

static bool is_positive(const tg_op *op, tg_tensor *t, const char *parameter)
{
    return check(op, t, parameter, "GreaterThan(lower_bound=0.0)", tg_gt(t, 0));
}

/* ---- by probabilities ---- */

/* Exactly one of them is there. */
static bool begin_either(const char *where, const tg_op *op, const tg_probability_options *o)
{
    if (!tg_op_begin(where, op, TG_NONE) || !tg_optional_ok(o->probs) || !tg_optional_ok(o->logits)) return false;
    if (!o->probs == !o->logits) {
        tg_op_fail(op, TG_NONE, "Either `probs` or `logits` must be specified, but not both.");
        return false;
    }
    return true;
}

/* Kept from 0 and 1, whose logarithms are infinite. */
static tg_tensor *kept_inside(tg_tensor *probs)
{
    const double epsilon = tg_dtype_of(probs) == TG_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
    return tg_clamp(probs, .min = epsilon, .max = 1 - epsilon);
}

tg_distribution tg_categorical_of_at(const char *where, tg_probability_options o)
{
    const tg_op *op = &Categorical;
    if (!begin_either(where, op, &o)) return none;
    tg_distribution d = { .kind = TG_DISTRIBUTION_CATEGORICAL };
    if ((o.probs ? o.probs : o.logits)->ndim < 1) {
        tg_op_fail(op, TG_NONE, "`%s` parameter must be at least one-dimensional.", o.probs ? "probs" : "logits");
        return none;
    }
    if (o.probs) {
        d.probs = tg_div(o.probs, tg_sum(o.probs, .dim = -1, .keepdim = true));
        if (!check(op, o.probs, "probs", "Simplex()", tg_ge(d.probs, 0))) return none;
        d.logits = tg_log(kept_inside(d.probs));
    } else {
        d.logits = tg_log_softmax(o.logits, -1);
        if (!check(op, o.logits, "logits", "IndependentConstraint(Real(), 1)", tg_eq(d.logits, d.logits))) return none;
        d.probs = tg_softmax(d.logits, -1);
    }
    return d.probs && d.logits ? d : none;
}

tg_distribution tg_bernoulli_of_at(const char *where, tg_probability_options o)
{
    const tg_op *op = &Bernoulli;
    if (!begin_either(where, op, &o)) return none;
    tg_distribution d = { .kind = TG_DISTRIBUTION_BERNOULLI, .probs = o.probs, .logits = o.logits };
    if (o.probs) {
        tg_tensor *inside = tg_logical_and(tg_ge(o.probs, 0), tg_le(o.probs, 1)), *kept = kept_inside(o.probs);
        if (!check(op, o.probs, "probs", "Interval(lower_bound=0.0, upper_bound=1.0)", inside)) return none;
        d.logits = tg_sub(tg_log(kept), tg_log1p(tg_neg(kept)));
    } else {
        if (!is_real(op, o.logits, "logits")) return none;
        d.probs = tg_sigmoid(o.logits);
    }
    return d.probs && d.logits ? d : none;
}

/* ---- by places and sizes ---- */

/* Tensors as they are, numbers of the dtype of the first tensor, all broadcast. */
static bool begin(const char *where, const tg_op *op, int count, const tg_operand *operands, tg_tensor **parameters)
{
    const tg_tensor_list inputs = tgi_tensors_of(operands, count, parameters);
    if (!tg_op_begin(where, op, inputs)) return false;
    const tg_dtype dtype = inputs.count ? (tg_dtype)parameters[0]->dtype : tg_default_dtype();
    for (int i = 0; i < count; i++)
        parameters[i] =
            operands[i].kind == TG_OPERAND_TENSOR ? operands[i].as.tensor : tgi_operand_to(operands[i], dtype);
    for (int i = 0; i < count; i++)
        if (!parameters[i]) return false;
    if (count == 1 || tgi_same_shape(parameters[0], parameters[1])) return true;
    const tg_tensor_list both = tg_broadcast_tensors(tg_list(parameters[0], parameters[1]));
    parameters[0] = both.items[0];
    parameters[1] = both.items[1];
    return both.items[0];
}

tg_distribution tg_normal_of_at(const char *where, tg_operand loc, tg_operand scale)
{
    const tg_operand operands[] = { loc, scale };
    tg_tensor *p[2];
    if (!begin(where, &Normal, 2, operands, p)) return none;
    if (!is_real(&Normal, p[0], "loc") || !is_positive(&Normal, p[1], "scale")) return none;
    return (tg_distribution){ .kind = TG_DISTRIBUTION_NORMAL, .loc = p[0], .scale = p[1] };
}

tg_distribution tg_uniform_of_at(const char *where, tg_operand low, tg_operand high)
{
    const tg_operand operands[] = { low, high };
    tg_tensor *p[2];
    if (!begin(where, &Uniform, 2, operands, p)) return none;
    if (!all_of(tg_lt(p[0], p[1]))) {
        if (!tg_failed()) tg_op_fail(&Uniform, tg_list(p[0], p[1]), "Uniform is not defined when low>= high");
        return none;
    }
    return (tg_distribution){ .kind = TG_DISTRIBUTION_UNIFORM, .low = p[0], .high = p[1] };
}

tg_distribution tg_exponential_of_at(const char *where, tg_operand rate)
{
    tg_tensor *p[1];
    if (!begin(where, &Exponential, 1, &rate, p) || !is_positive(&Exponential, p[0], "rate")) return none;
    return (tg_distribution){ .kind = TG_DISTRIBUTION_EXPONENTIAL, .rate = p[0] };
}

/* ---- what is asked ---- */

/* The parameters: one or two. */
static tg_tensor_list parameters_of(const tg_distribution *d, tg_tensor *to[2])
{
    to[0] = d->kind == TG_DISTRIBUTION_NORMAL        ? d->loc
            : d->kind == TG_DISTRIBUTION_UNIFORM     ? d->low
            : d->kind == TG_DISTRIBUTION_EXPONENTIAL ? d->rate
                                                     : d->logits;
    to[1] = d->kind == TG_DISTRIBUTION_NORMAL        ? d->scale
            : d->kind == TG_DISTRIBUTION_UNIFORM     ? d->high
            : d->kind == TG_DISTRIBUTION_EXPONENTIAL ? NULL
                                                     : d->probs;
    return (tg_tensor_list){ to, d->kind == TG_DISTRIBUTION_EXPONENTIAL ? 1 : 2 };
}

/* The class of `d`, whose tensors are there; NULL: there is an error. */
static const tgi_distribution_class *opened(const char *where, const tg_op *op, const tg_distribution *d)
{
    tg_tensor *parameters[2];
    const tgi_distribution_class *class = tgi_distribution_class_of(d->kind);
    if (!tg_op_begin(where, op, class ? parameters_of(d, parameters) : TG_NONE)) return NULL;
    if (!class && !tg_failed()) tg_op_fail(op, TG_NONE, "there is no distribution");
    return class;
}

/* The sample's shape and behind it the batch's. */
static bool extend(const tg_op *op, const tg_distribution *d, tgi_draw *how)
{
    tg_tensor *parameters[2];
    const tg_tensor_list all = parameters_of(d, parameters);
    const int batch = all.items[0]->ndim - (d->kind == TG_DISTRIBUTION_CATEGORICAL);
    if (!tgi_shape_ok(op->name, "shape", &how->sample)) return false;
    how->extended = how->sample;
    if (batch < 0 || how->sample.ndim + batch > TG_MAX_DIMS) {
        tg_op_fail(op, all, "a tensor has at most %d dimensions", TG_MAX_DIMS);
        return false;
    }
    for (int i = 0; i < batch; i++) how->extended.dims[how->extended.ndim++] = all.items[0]->dims[i];
    return true;
}

static tg_tensor *detached(tg_tensor *t) { return t ? tg_detach(t) : NULL; }

tg_tensor *tg_sample_at(const char *where, tg_distribution d, tg_sample_options o)
{
    const tgi_distribution_class *class = opened(where, &sample, &d);
    tgi_draw how = { .sample = o.shape, .generator = o.generator };
    if (!class || !extend(&sample, &d, &how)) return NULL;
    const tg_distribution constant = { d.kind,           detached(d.probs), detached(d.logits),
                                       detached(d.loc),  detached(d.scale), detached(d.low),
                                       detached(d.high), detached(d.rate) };
    return class->draw(&constant, &how);
}

tg_tensor *tg_rsample_at(const char *where, tg_distribution d, tg_sample_options o)
{
    const tgi_distribution_class *class = opened(where, &rsample, &d);
    tgi_draw how = { .sample = o.shape, .generator = o.generator };
    if (!class || !extend(&rsample, &d, &how)) return NULL;
    if (!class->smooth)
        return tg_op_fail(&rsample, TG_NONE, "%s has no draws that are differentiable: use tg_sample", class->name);
    return class->draw(&d, &how);
}

tg_tensor *tg_log_prob_at(const char *where, tg_distribution d, tg_tensor *value)
{
    const tgi_distribution_class *class = opened(where, &log_prob, &d);
    if (!class || !tg_op_begin(NULL, &log_prob, tg_list(value))) return NULL;
    if (all_of(class->supports(&d, value))) return class->log_prob(&d, value);
    if (tg_failed()) return NULL;
    return tg_op_fail(&log_prob, tg_list(value),
                      "Expected value argument to be within the support (%s) of the distribution %s, but found invalid "
                      "values",
                      class->support, class->name);
}

tg_tensor *tg_entropy_at(const char *where, tg_distribution d)
{
    const tgi_distribution_class *class = opened(where, &entropy, &d);
    return class ? class->entropy(&d) : NULL;
}

tg_tensor *tg_kl_divergence_at(const char *where, tg_distribution p, tg_distribution q)
{
    const tgi_distribution_class *class = opened(where, &kl_divergence, &p);
    const tgi_distribution_class *other = class ? opened(NULL, &kl_divergence, &q) : NULL;
    if (!other) return NULL;
    if (class != other)
        return tg_op_fail(&kl_divergence, TG_NONE, "No KL(p || q) is implemented for p type %s and q type %s",
                          class->name, other->name);
    return class->kl(&p, &q);
}
