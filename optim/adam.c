/* adam.c: Adam and AdamW. */
#include "adam.h"

#include "core/error.h"
#include "ops/create.h"
#include "ops/functions.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>

enum { EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_adam_options *o = options;
    return tgi_adam_options_ok(kind, o->eps, o->beta1, o->beta2);
}

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    const tg_adam_options *o = options;
    return state != MAX_EXP_AVG_SQ || o->amsgrad ? tg_zeros_like(parameter) : NULL;
}

/* ---- the update in ops ---- */

static void update(tg_update *u, bool decoupled)
{
    const tg_adam_options *o = u->options;
    const double correction1 = 1 - pow(o->beta1, (double)u->step), correction2 = 1 - pow(o->beta2, (double)u->step);
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, decoupled ? 0 : o->weight_decay);
    tg_tensor *p = u->parameter;
    if (decoupled && o->weight_decay != 0) p = tg_mul(p, 1 - o->lr * o->weight_decay);
    tg_tensor *m = tgi_mean_of(u->state[EXP_AVG], g, o->beta1);
    tg_tensor *v = tgi_mean_of_squares(u->state[EXP_AVG_SQ], g, o->beta2);
    u->state[EXP_AVG] = m;
    u->state[EXP_AVG_SQ] = v;
    if (o->amsgrad) v = u->state[MAX_EXP_AVG_SQ] = tg_maximum(u->state[MAX_EXP_AVG_SQ], v);
    tg_tensor *denominator = tg_add(tg_div(tg_sqrt(v), sqrt(correction2)), o->eps);
    u->parameter = tg_sub(p, tg_mul(tg_div(m, denominator), o->lr / correction1));
}

static void adam_update(tg_update *u) { update(u, false); }
static void adamw_update(tg_update *u) { update(u, true); }

/* ---- the same in memory: the kernel of ops/kernels/optim/ ---- */

static void update_fused(const tg_update_piece *piece, bool decoupled)
{
    const tg_adam_options *o = piece->options;
    const tgi_adam h = { .step = o->lr / (1 - pow(o->beta1, (double)piece->step)),
                         .beta1 = o->beta1,
                         .beta2 = o->beta2,
                         .eps = o->eps,
                         .decay = decoupled ? 0 : o->weight_decay,
                         .shrink = decoupled ? 1 - o->lr * o->weight_decay : 1,
                         .root = sqrt(1 - pow(o->beta2, (double)piece->step)),
                         .maximize = o->maximize };
    TGI_KERNELS(optim)->adam[piece->dtype](&h, piece->n, piece->parameter, piece->gradient, piece->state[EXP_AVG],
                                           piece->state[EXP_AVG_SQ], o->amsgrad ? piece->state[MAX_EXP_AVG_SQ] : NULL);
}

static void adam_update_fused(const tg_update_piece *piece) { update_fused(piece, false); }
static void adamw_update_fused(const tg_update_piece *piece) { update_fused(piece, true); }

/* ---- the classes ---- */

#define CLASS(class_name, its_update, its_update_fused)                                                                \
    {                                                                                                                  \
        .name = class_name, .options_bytes = sizeof(tg_adam_options),                                                  \
        .options = { TG_OPTION(tg_adam_options, lr),           TG_OPTION(tg_adam_options, beta1),                      \
                     TG_OPTION(tg_adam_options, beta2),        TG_OPTION(tg_adam_options, eps),                        \
                     TG_OPTION(tg_adam_options, weight_decay), TG_OPTION(tg_adam_options, amsgrad),                    \
                     TG_OPTION(tg_adam_options, maximize) },                                                           \
        .check = check, .states = { "exp_avg", "exp_avg_sq", "max_exp_avg_sq" }, .new_state = new_state,               \
        .update = its_update, .update_fused = its_update_fused                                                         \
    }
static const tg_optimizer_class adam = CLASS("Adam", adam_update, adam_update_fused);
static const tg_optimizer_class adamw = CLASS("AdamW", adamw_update, adamw_update_fused);

tg_optimizer *tg_adam_new_at(const char *where, tg_tensor_list parameters, tg_adam_options options)
{
    return tg_optimizer_new_at(where, &adam, parameters, &options, sizeof options);
}

tg_optimizer *tg_adamw_new_at(const char *where, tg_tensor_list parameters, tg_adam_options options)
{
    return tg_optimizer_new_at(where, &adamw, parameters, &options, sizeof options);
}
