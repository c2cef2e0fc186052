/* adadelta.c: Adadelta. */
#include "adadelta.h"

#include "ops/functions.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

enum { SQUARE_AVG, ACC_DELTA };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_adadelta_options *o = options;
    return tg_option_ok(kind, o->rho >= 0 && o->rho <= 1, "rho value", o->rho) &&
           tg_option_ok(kind, o->eps >= 0, "epsilon value", o->eps);
}

static void update(tg_update *u)
{
    const tg_adadelta_options *o = u->options;
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, o->weight_decay);
    tg_tensor *v = u->state[SQUARE_AVG] = tgi_mean_of_squares(u->state[SQUARE_AVG], g, o->rho);
    tg_tensor *from = tg_sqrt(tg_add(u->state[ACC_DELTA], o->eps));
    tg_tensor *delta = tg_mul(tg_div(from, tg_sqrt(tg_add(v, o->eps))), g);
    u->state[ACC_DELTA] = tgi_mean_of_squares(u->state[ACC_DELTA], delta, o->rho);
    u->parameter = tg_sub(u->parameter, tg_mul(delta, o->lr));
}

/* The same in memory: the kernel of ops/kernels/optim/. */
static void update_fused(const tg_update_piece *piece)
{
    const tg_adadelta_options *o = piece->options;
    const tgi_adadelta h = { .step = o->lr,
                             .rho = o->rho,
                             .eps = o->eps,
                             .decay = o->weight_decay,
                             .maximize = o->maximize };
    TGI_KERNELS(optim)->adadelta[piece->dtype](&h, piece->n, piece->parameter, piece->gradient,
                                               piece->state[SQUARE_AVG], piece->state[ACC_DELTA]);
}

static const tg_optimizer_class adadelta = {
    .name = "Adadelta",
    .options_bytes = sizeof(tg_adadelta_options),
    .options = { TG_OPTION(tg_adadelta_options, lr), TG_OPTION(tg_adadelta_options, rho),
                 TG_OPTION(tg_adadelta_options, eps), TG_OPTION(tg_adadelta_options, weight_decay),
                 TG_OPTION(tg_adadelta_options, maximize) },
    .check = check,
    .states = { "square_avg", "acc_delta" },
    .update = update,
    .update_fused = update_fused,
};

tg_optimizer *tg_adadelta_new_at(const char *where, tg_tensor_list parameters, tg_adadelta_options options)
{
    return tg_optimizer_new_at(where, &adadelta, parameters, &options, sizeof options);
}
