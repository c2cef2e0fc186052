/* asgd.c: ASGD. */
#include "asgd.h"

#include "ops/create.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>

enum { AX, ETA, MU };

static tg_tensor *number(double value) { return tg_full(tg_shape(), value, .dtype = TG_FLOAT64); }

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    const tg_asgd_options *o = options;
    return state == AX ? tg_zeros_like(parameter) : number(state == ETA ? o->lr : 1);
}

static void update(tg_update *u)
{
    const tg_asgd_options *o = u->options;
    const double eta = tg_item(u->state[ETA]), mu = tg_item(u->state[MU]), step = (double)u->step;
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, o->weight_decay), *a = u->state[AX];
    tg_tensor *p = tg_sub(tg_mul(u->parameter, 1 - o->lambd * eta), tg_mul(g, eta));
    u->state[AX] = mu == 1 ? p : tg_add(a, tg_mul(tg_sub(p, a), mu));
    u->parameter = p;
    u->state[ETA] = number(o->lr / pow(1 + o->lambd * o->lr * step, o->alpha));
    u->state[MU] = number(1 / fmax(1, step - o->t0));
}

static const tg_optimizer_class asgd = {
    .name = "ASGD",
    .options_bytes = sizeof(tg_asgd_options),
    .options = { TG_OPTION(tg_asgd_options, lr), TG_OPTION(tg_asgd_options, lambd), TG_OPTION(tg_asgd_options, alpha),
                 TG_OPTION(tg_asgd_options, t0), TG_OPTION(tg_asgd_options, weight_decay),
                 TG_OPTION(tg_asgd_options, maximize) },
    .states = { "ax", "eta", "mu" },
    .new_state = new_state,
    .update = update,
};

tg_optimizer *tg_asgd_new_at(const char *where, tg_tensor_list parameters, tg_asgd_options options)
{
    return tg_optimizer_new_at(where, &asgd, parameters, &options, sizeof options);
}
