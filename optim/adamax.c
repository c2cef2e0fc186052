/* adamax.c: Adamax. */
#include "adamax.h"

#include "ops/functions.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>

enum { EXP_AVG, EXP_INF };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_adamax_options *o = options;
    return tgi_adam_options_ok(kind, o->eps, o->beta1, o->beta2);
}

static void update(tg_update *u)
{
    const tg_adamax_options *o = u->options;
    const double correction = 1 - pow(o->beta1, (double)u->step);
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, o->weight_decay);
    tg_tensor *m = u->state[EXP_AVG] = tgi_mean_of(u->state[EXP_AVG], g, o->beta1);
    tg_tensor *size = tg_maximum(tg_mul(u->state[EXP_INF], o->beta2), tg_add(tg_abs(g), o->eps));
    u->state[EXP_INF] = size;
    u->parameter = tg_sub(u->parameter, tg_mul(tg_div(m, size), o->lr / correction));
}

/* The same in memory: the kernel of ops/kernels/optim/. */
static void update_fused(const tg_update_piece *piece)
{
    const tg_adamax_options *o = piece->options;
    const tgi_adamax h = { .step = o->lr / (1 - pow(o->beta1, (double)piece->step)),
                           .beta1 = o->beta1,
                           .beta2 = o->beta2,
                           .eps = o->eps,
                           .decay = o->weight_decay,
                           .maximize = o->maximize };
    TGI_KERNELS(optim)->adamax[piece->dtype](&h, piece->n, piece->parameter, piece->gradient, piece->state[EXP_AVG],
                                             piece->state[EXP_INF]);
}

static const tg_optimizer_class adamax = {
    .name = "Adamax",
    .options_bytes = sizeof(tg_adamax_options),
    .options = { TG_OPTION(tg_adamax_options, lr), TG_OPTION(tg_adamax_options, beta1),
                 TG_OPTION(tg_adamax_options, beta2), TG_OPTION(tg_adamax_options, eps),
                 TG_OPTION(tg_adamax_options, weight_decay), TG_OPTION(tg_adamax_options, maximize) },
    .check = check,
    .states = { "exp_avg", "exp_inf" },
    .update = update,
    .update_fused = update_fused,
};

tg_optimizer *tg_adamax_new_at(const char *where, tg_tensor_list parameters, tg_adamax_options options)
{
    return tg_optimizer_new_at(where, &adamax, parameters, &options, sizeof options);
}
