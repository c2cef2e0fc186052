/* adagrad.c: Adagrad. */
#include "adagrad.h"

#include "ops/create.h"
#include "ops/functions.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

enum { SUM };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_adagrad_options *o = options;
    const double initial = o->initial_accumulator_value;
    return tg_option_ok(kind, o->lr_decay >= 0, "lr_decay value", o->lr_decay) &&
           tg_option_ok(kind, initial >= 0, "initial_accumulator_value value", initial) &&
           tg_option_ok(kind, o->eps >= 0, "epsilon value", o->eps);
}

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    const tg_adagrad_options *o = options;
    (void)state; /* the only one */
    return tg_full_like(parameter, o->initial_accumulator_value);
}

/* The learning rate of a step. */
static double rate(const tg_adagrad_options *o, int64_t step) { return o->lr / (1 + (double)(step - 1) * o->lr_decay); }

static void update(tg_update *u)
{
    const tg_adagrad_options *o = u->options;
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, o->weight_decay);
    tg_tensor *sum = u->state[SUM] = tg_add(u->state[SUM], tg_mul(g, g));
    u->parameter = tg_sub(u->parameter, tg_mul(tg_div(g, tg_add(tg_sqrt(sum), o->eps)), rate(o, u->step)));
}

/* The same in memory: the kernel of ops/kernels/optim/. */
static void update_fused(const tg_update_piece *piece)
{
    const tg_adagrad_options *o = piece->options;
    const tgi_adagrad h = { .step = rate(o, piece->step),
                            .eps = o->eps,
                            .decay = o->weight_decay,
                            .maximize = o->maximize };
    TGI_KERNELS(optim)->adagrad[piece->dtype](&h, piece->n, piece->parameter, piece->gradient, piece->state[SUM]);
}

static const tg_optimizer_class adagrad = {
    .name = "Adagrad",
    .options_bytes = sizeof(tg_adagrad_options),
    .options = { TG_OPTION(tg_adagrad_options, lr), TG_OPTION(tg_adagrad_options, lr_decay),
                 TG_OPTION(tg_adagrad_options, weight_decay), TG_OPTION(tg_adagrad_options, initial_accumulator_value),
                 TG_OPTION(tg_adagrad_options, eps), TG_OPTION(tg_adagrad_options, maximize) },
    .check = check,
    .states = { "sum" },
    .new_state = new_state,
    .update = update,
    .update_fused = update_fused,
};

tg_optimizer *tg_adagrad_new_at(const char *where, tg_tensor_list parameters, tg_adagrad_options options)
{
    return tg_optimizer_new_at(where, &adagrad, parameters, &options, sizeof options);
}
