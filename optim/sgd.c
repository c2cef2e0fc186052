/* sgd.c: SGD. */
#include "sgd.h"

#include "core/error.h"
#include "ops/create.h"
#include "ops/kernels/optim/optim_kernels.h"
#include "ops/pointwise.h"
#include "optimizer_impl.h"

enum { MOMENTUM_BUFFER };

static bool check(const tg_optimizer_class *kind, const void *options)
{
    const tg_sgd_options *o = options;
    if (!tg_option_ok(kind, o->momentum >= 0, "momentum value", o->momentum)) return false;
    if (!o->nesterov || (o->momentum > 0 && o->dampening == 0)) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "Nesterov momentum requires a momentum and zero dampening");
    return false;
}

static tg_tensor *new_state(const void *options, tg_tensor *parameter, int state)
{
    const tg_sgd_options *o = options;
    return state == MOMENTUM_BUFFER && o->momentum != 0 ? tg_zeros_like(parameter) : NULL;
}

static void update(tg_update *u)
{
    const tg_sgd_options *o = u->options;
    tg_tensor *g = tgi_effective_gradient(u, o->maximize, o->weight_decay);
    if (o->momentum != 0) {
        tg_tensor *b = g;
        if (!u->fresh[MOMENTUM_BUFFER])
            b = tg_add(tg_mul(u->state[MOMENTUM_BUFFER], o->momentum), tg_mul(g, 1 - o->dampening));
        u->state[MOMENTUM_BUFFER] = b;
        g = o->nesterov ? tg_add(g, tg_mul(b, o->momentum)) : b;
    }
    u->parameter = tg_sub(u->parameter, tg_mul(g, o->lr));
}

/* The same in memory: the kernel of ops/kernels/optim/. */
static void update_fused(const tg_update_piece *piece)
{
    const tg_sgd_options *o = piece->options;
    const tgi_sgd h = { .lr = o->lr,
                        .momentum = o->momentum,
                        .dampening = o->dampening,
                        .weight_decay = o->weight_decay,
                        .nesterov = o->nesterov,
                        .maximize = o->maximize,
                        .first = piece->fresh[MOMENTUM_BUFFER] };
    TGI_KERNELS(optim)->sgd[piece->dtype](&h, piece->n, piece->parameter, piece->gradient,
                                          o->momentum != 0 ? piece->state[MOMENTUM_BUFFER] : NULL);
}

static const tg_optimizer_class sgd = {
    .name = "SGD",
    .options_bytes = sizeof(tg_sgd_options),
    .options = { TG_OPTION(tg_sgd_options, lr), TG_OPTION(tg_sgd_options, momentum),
                 TG_OPTION(tg_sgd_options, dampening), TG_OPTION(tg_sgd_options, weight_decay),
                 TG_OPTION(tg_sgd_options, nesterov), TG_OPTION(tg_sgd_options, maximize) },
    .check = check,
    .states = { "momentum_buffer" },
    .new_state = new_state,
    .update = update,
    .update_fused = update_fused,
};

tg_optimizer *tg_sgd_new_at(const char *where, tg_tensor_list parameters, tg_sgd_options options)
{
    return tg_optimizer_new_at(where, &sgd, parameters, &options, sizeof options);
}
