/* sgd.c: SGD. The arithmetic is ops/kernels/optim/optim.inc's. */
#include "sgd.h"

#include "../core/error.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "optimizer_impl.h"

static bool sgd_check(const char *where, const tgi_optimizer_class *kind, const tgi_optimizer_options *options)
{
    const tg_sgd_options *o = &options->sgd;
    if (!tgi_option_ok(where, kind, o->lr >= 0, "learning rate", o->lr) ||
        !tgi_option_ok(where, kind, o->momentum >= 0, "momentum value", o->momentum) ||
        !tgi_option_ok(where, kind, o->weight_decay >= 0, "weight_decay value", o->weight_decay))
        return false;
    if (!o->nesterov || (o->momentum > 0 && o->dampening == 0)) return true;
    tg_fail_at(where, TG_ERROR_VALUE, kind->name, "Nesterov momentum requires a momentum and zero dampening");
    return false;
}

static int sgd_state_count(const tgi_optimizer_options *options) { return options->sgd.momentum != 0 ? 1 : 0; }

static void sgd_update(const tgi_update *u)
{
    const tg_sgd_options *o = &u->options->sgd;
    const tgi_sgd h = { .lr = o->lr,
                        .momentum = o->momentum,
                        .dampening = o->dampening,
                        .weight_decay = o->weight_decay,
                        .nesterov = o->nesterov,
                        .maximize = o->maximize,
                        .first = u->step == 1 };
    TGI_KERNELS(optim)->sgd[u->dtype](&h, u->n, u->values, u->gradient, u->state[0]);
}

static const tgi_optimizer_class sgd = { "SGD",
                                         offsetof(tgi_optimizer_options, sgd.lr),
                                         offsetof(tgi_optimizer_options, sgd.weight_decay),
                                         sgd_check,
                                         sgd_state_count,
                                         sgd_update };

tg_optimizer *tg_sgd_new_at(const char *where, tg_tensor_list parameters, tg_sgd_options options)
{
    return tgi_optimizer_new(where, &sgd, parameters, (tgi_optimizer_options){ .sgd = options });
}
