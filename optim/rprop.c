/* rprop.c: Rprop. */
#include "rprop.h"

#include "core/error.h"
#include "ops/create.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

enum { PREV, STEP_SIZE };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_rprop_options *o = options;
    if (o->etaminus > 0 && o->etaminus < 1 && o->etaplus > 1) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "Invalid eta values: %g, %g", o->etaminus, o->etaplus);
    return false;
}

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    const tg_rprop_options *o = options;
    return tg_full_like(parameter, state == STEP_SIZE ? o->lr : 0.0);
}

static void update(tg_update *u)
{
    const tg_rprop_options *o = u->options;
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, 0);
    tg_tensor *product = tg_mul(g, u->state[PREV]), *turned = tg_lt(product, 0);
    tg_tensor *factor = tg_where(turned, o->etaminus, tg_where(tg_gt(product, 0), o->etaplus, tg_ones_like(g)));
    tg_tensor *size = tg_clamp(tg_mul(u->state[STEP_SIZE], factor), .min = o->step_size_min, .max = o->step_size_max);
    g = tg_masked_fill(g, turned, 0);
    u->parameter = tg_sub(u->parameter, tg_mul(tg_sign(g), size));
    u->state[PREV] = g;
    u->state[STEP_SIZE] = size;
}

static const tg_optimizer_class rprop = {
    .name = "Rprop",
    .options_bytes = sizeof(tg_rprop_options),
    .options = { TG_OPTION(tg_rprop_options, lr), TG_OPTION(tg_rprop_options, etaminus),
                 TG_OPTION(tg_rprop_options, etaplus), TG_OPTION(tg_rprop_options, step_size_min),
                 TG_OPTION(tg_rprop_options, step_size_max), TG_OPTION(tg_rprop_options, maximize) },
    .check = check,
    .states = { "prev", "step_size" },
    .new_state = new_state,
    .update = update,
};

tg_optimizer *tg_rprop_new_at(const char *where, tg_tensor_list parameters, tg_rprop_options options)
{
    return tg_optimizer_new_at(where, &rprop, parameters, &options, sizeof options);
}
