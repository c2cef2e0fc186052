/* adam.c: Adam and AdamW. The arithmetic is ops/kernels/optim/optim.inc's. */
#include "adam.h"

#include "ops/kernels/optim/optim_kernels.h"
#include "optimizer_impl.h"

#include <math.h>

static bool adam_check(const char *where, const tgi_optimizer_class *kind, const tgi_optimizer_options *options)
{
    const tg_adam_options *o = &options->adam;
    return tgi_option_ok(where, kind, o->lr >= 0, "learning rate", o->lr) &&
           tgi_option_ok(where, kind, o->eps >= 0, "epsilon value", o->eps) &&
           tgi_option_ok(where, kind, o->beta1 >= 0 && o->beta1 < 1, "beta parameter at index 0", o->beta1) &&
           tgi_option_ok(where, kind, o->beta2 >= 0 && o->beta2 < 1, "beta parameter at index 1", o->beta2) &&
           tgi_option_ok(where, kind, o->weight_decay >= 0, "weight_decay value", o->weight_decay);
}

static int adam_state_count(const tgi_optimizer_options *options) { return options->adam.amsgrad ? 3 : 2; }

static void update(const tgi_update *u, bool decoupled)
{
    const tg_adam_options *o = &u->options->adam;
    const tgi_adam h = { .lr = o->lr,
                         .beta1 = o->beta1,
                         .beta2 = o->beta2,
                         .eps = o->eps,
                         .weight_decay = o->weight_decay,
                         .correction1 = 1 - pow(o->beta1, (double)u->step),
                         .correction2 = 1 - pow(o->beta2, (double)u->step),
                         .decoupled = decoupled,
                         .maximize = o->maximize };
    TGI_KERNELS(optim)->adam[u->dtype](&h, u->n, u->values, u->gradient, u->state[0], u->state[1], u->state[2]);
}

static void adam_update(const tgi_update *u) { update(u, false); }
static void adamw_update(const tgi_update *u) { update(u, true); }

static const tgi_optimizer_class adam = { "Adam",
                                          offsetof(tgi_optimizer_options, adam.lr),
                                          offsetof(tgi_optimizer_options, adam.weight_decay),
                                          adam_check,
                                          adam_state_count,
                                          adam_update };
static const tgi_optimizer_class adamw = { "AdamW",
                                           offsetof(tgi_optimizer_options, adam.lr),
                                           offsetof(tgi_optimizer_options, adam.weight_decay),
                                           adam_check,
                                           adam_state_count,
                                           adamw_update };

tg_optimizer *tg_adam_new_at(const char *where, tg_tensor_list parameters, tg_adam_options options)
{
    return tgi_optimizer_new(where, &adam, parameters, (tgi_optimizer_options){ .adam = options });
}

tg_optimizer *tg_adamw_new_at(const char *where, tg_tensor_list parameters, tg_adam_options options)
{
    return tgi_optimizer_new(where, &adamw, parameters, (tgi_optimizer_options){ .adam = options });
}
