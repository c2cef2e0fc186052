/* rmsprop.c: RMSprop. */
#include "rmsprop.h"

#include "ops/create.h"
#include "ops/functions.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

enum { SQUARE_AVG, MOMENTUM_BUFFER, GRAD_AVG };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_rmsprop_options *o = options;
    return tg_option_ok(kind, o->eps >= 0, "epsilon value", o->eps) &&
           tg_option_ok(kind, o->momentum >= 0, "momentum value", o->momentum) &&
           tg_option_ok(kind, o->alpha >= 0, "alpha value", o->alpha);
}

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    const tg_rmsprop_options *o = options;
    const bool needed = state == SQUARE_AVG || (state == MOMENTUM_BUFFER ? o->momentum > 0 : o->centered);
    return needed ? tg_zeros_like(parameter) : NULL;
}

static void update(tg_update *u)
{
    const tg_rmsprop_options *o = u->options;
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, o->weight_decay);
    tg_tensor *v = tgi_mean_of_squares(u->state[SQUARE_AVG], g, o->alpha);
    u->state[SQUARE_AVG] = v;
    if (o->centered) {
        tg_tensor *m = tgi_mean_of(u->state[GRAD_AVG], g, o->alpha);
        u->state[GRAD_AVG] = m;
        v = tg_sub(v, tg_mul(m, m));
    }
    tg_tensor *b = tg_div(g, tg_add(tg_sqrt(v), o->eps));
    if (o->momentum > 0) b = u->state[MOMENTUM_BUFFER] = tg_add(tg_mul(u->state[MOMENTUM_BUFFER], o->momentum), b);
    u->parameter = tg_sub(u->parameter, tg_mul(b, o->lr));
}

/* The same in memory: the kernel of ops/kernels/optim/. */
static void update_fused(const tg_update_piece *piece)
{
    const tg_rmsprop_options *o = piece->options;
    const tgi_rmsprop h = { .step = o->lr,
                            .alpha = o->alpha,
                            .eps = o->eps,
                            .decay = o->weight_decay,
                            .momentum = o->momentum,
                            .maximize = o->maximize };
    TGI_KERNELS(optim)->rmsprop[piece->dtype](&h, piece->n, piece->parameter, piece->gradient, piece->state[SQUARE_AVG],
                                              o->momentum > 0 ? piece->state[MOMENTUM_BUFFER] : NULL,
                                              o->centered ? piece->state[GRAD_AVG] : NULL);
}

static const tg_optimizer_class rmsprop = {
    .name = "RMSprop",
    .options_bytes = sizeof(tg_rmsprop_options),
    .options = { TG_OPTION(tg_rmsprop_options, lr), TG_OPTION(tg_rmsprop_options, alpha),
                 TG_OPTION(tg_rmsprop_options, eps), TG_OPTION(tg_rmsprop_options, weight_decay),
                 TG_OPTION(tg_rmsprop_options, momentum), TG_OPTION(tg_rmsprop_options, centered),
                 TG_OPTION(tg_rmsprop_options, maximize) },
    .check = check,
    .states = { "square_avg", "momentum_buffer", "grad_avg" },
    .new_state = new_state,
    .update = update,
    .update_fused = update_fused,
};

tg_optimizer *tg_rmsprop_new_at(const char *where, tg_tensor_list parameters, tg_rmsprop_options options)
{
    return tg_optimizer_new_at(where, &rmsprop, parameters, &options, sizeof options);
}
