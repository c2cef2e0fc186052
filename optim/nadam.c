/* nadam.c: NAdam. */
#include "nadam.h"

#include "ops/create.h"
#include "ops/functions.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>

enum { MU_PRODUCT, EXP_AVG, EXP_AVG_SQ };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_nadam_options *o = options;
    return tgi_adam_options_ok(kind, o->eps, o->beta1, o->beta2) &&
           tg_option_ok(kind, o->momentum_decay >= 0, "momentum_decay value", o->momentum_decay);
}

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    (void)options;
    return state == MU_PRODUCT ? tg_ones(tg_shape(), .dtype = TG_FLOAT64) : tg_zeros_like(parameter);
}

/* The momentum of a step. */
static double mu(const tg_nadam_options *o, int64_t step)
{
    return o->beta1 * (1 - 0.5 * pow(0.96, (double)step * o->momentum_decay));
}

static void update(tg_update *u)
{
    const tg_nadam_options *o = u->options;
    const double now = mu(o, u->step), next = mu(o, u->step + 1), product = tg_item(u->state[MU_PRODUCT]) * now;
    const double correction2 = 1 - pow(o->beta2, (double)u->step);
    tg_tensor *g = tgi_effective_gradient(u, false, o->weight_decay);
    tg_tensor *m = u->state[EXP_AVG] = tgi_mean_of(u->state[EXP_AVG], g, o->beta1);
    tg_tensor *v = u->state[EXP_AVG_SQ] = tgi_mean_of_squares(u->state[EXP_AVG_SQ], g, o->beta2);
    u->state[MU_PRODUCT] = tg_full(tg_shape(), product, .dtype = TG_FLOAT64);
    tg_tensor *denominator = tg_add(tg_sqrt(tg_div(v, correction2)), o->eps);
    tg_tensor *p = tg_sub(u->parameter, tg_mul(tg_div(g, denominator), o->lr * (1 - now) / (1 - product)));
    u->parameter = tg_sub(p, tg_mul(tg_div(m, denominator), o->lr * next / (1 - product * now * next)));
}

static const tg_optimizer_class nadam = {
    .name = "NAdam",
    .options_bytes = sizeof(tg_nadam_options),
    .options = { TG_OPTION(tg_nadam_options, lr), TG_OPTION(tg_nadam_options, beta1),
                 TG_OPTION(tg_nadam_options, beta2), TG_OPTION(tg_nadam_options, eps),
                 TG_OPTION(tg_nadam_options, weight_decay), TG_OPTION(tg_nadam_options, momentum_decay) },
    .check = check,
    .states = { "mu_product", "exp_avg", "exp_avg_sq" },
    .new_state = new_state,
    .update = update,
};

tg_optimizer *tg_nadam_new_at(const char *where, tg_tensor_list parameters, tg_nadam_options options)
{
    return tg_optimizer_new_at(where, &nadam, parameters, &options, sizeof options);
}
