/* radam.c: RAdam. */
#include "radam.h"

#include "ops/functions.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

#include <math.h>

enum { EXP_AVG, EXP_AVG_SQ };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_radam_options *o = options;
    return tgi_adam_options_ok(kind, o->eps, o->beta1, o->beta2);
}

/* By what the size of the gradients is rectified; 0 while their variance is not known well enough to divide by it. */
static double rectification(const tg_radam_options *o, double step)
{
    const double power = pow(o->beta2, step), most = 2 / (1 - o->beta2) - 1;
    const double length = most - 2 * step * power / (1 - power);
    if (!(length > 5)) return 0;
    return sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length));
}

static void update(tg_update *u)
{
    const tg_radam_options *o = u->options;
    const double step = (double)u->step, rectified = rectification(o, step);
    const double correction1 = 1 - pow(o->beta1, step), correction2 = 1 - pow(o->beta2, step);
    tg_tensor *g = tgi_effective_gradient(u, false, o->weight_decay);
    tg_tensor *m = u->state[EXP_AVG] = tgi_mean_of(u->state[EXP_AVG], g, o->beta1);
    tg_tensor *v = u->state[EXP_AVG_SQ] = tgi_mean_of_squares(u->state[EXP_AVG_SQ], g, o->beta2);
    tg_tensor *move = tg_mul(m, o->lr / correction1);
    if (rectified > 0) move = tg_mul(tg_div(move, tg_add(tg_sqrt(v), o->eps)), sqrt(correction2) * rectified);
    u->parameter = tg_sub(u->parameter, move);
}

/* The same in memory: Adam's kernel. */
static void update_fused(const tg_update_piece *piece)
{
    const tg_radam_options *o = piece->options;
    const double step = (double)piece->step, rectified = rectification(o, step);
    const double lr = o->lr / (1 - pow(o->beta1, step)), correction2 = 1 - pow(o->beta2, step);
    const tgi_adam h = { .step = rectified > 0 ? lr * sqrt(correction2) * rectified : lr,
                         .beta1 = o->beta1,
                         .beta2 = o->beta2,
                         .eps = o->eps,
                         .decay = o->weight_decay,
                         .shrink = 1,
                         .root = 1,
                         .undivided = rectified == 0 };
    TGI_KERNELS(optim)->adam[piece->dtype](&h, piece->n, piece->parameter, piece->gradient, piece->state[EXP_AVG],
                                           piece->state[EXP_AVG_SQ], NULL);
}

static const tg_optimizer_class radam = {
    .name = "RAdam",
    .options_bytes = sizeof(tg_radam_options),
    .options = { TG_OPTION(tg_radam_options, lr), TG_OPTION(tg_radam_options, beta1),
                 TG_OPTION(tg_radam_options, beta2), TG_OPTION(tg_radam_options, eps),
                 TG_OPTION(tg_radam_options, weight_decay) },
    .check = check,
    .states = { "exp_avg", "exp_avg_sq" },
    .update = update,
    .update_fused = update_fused,
};

tg_optimizer *tg_radam_new_at(const char *where, tg_tensor_list parameters, tg_radam_options options)
{
    return tg_optimizer_new_at(where, &radam, parameters, &options, sizeof options);
}
