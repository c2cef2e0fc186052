/* scheduler_anneal.c: schedulers that go from one learning rate to another: CosineAnnealingLR,
 * CosineAnnealingWarmRestarts, SWALR. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static bool positive(const tg_scheduler_class *kind, const char *what, int64_t value)
{
    if (value > 0) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "Expected positive integer %s, but got %lld", what, (long long)value);
    return false;
}

/* ---- CosineAnnealingLR ---- */

typedef struct cosine_state {
    int64_t T_max;
    double eta_min;
} cosine_state;

static double cosine_closed_form(const tg_schedule *at)
{
    const cosine_state *o = at->state;
    return o->eta_min + (at->base_lr - o->eta_min) * (1 + cos(pi * (double)at->last_epoch / (double)o->T_max)) / 2;
}

static double cosine_lr(const tg_schedule *at)
{
    const cosine_state *o = at->state;
    const double T = (double)o->T_max, k = (double)at->last_epoch;
    if (at->last_epoch == 0) return at->lr;
    if (at->step_count == 1) return cosine_closed_form(at);
    if (fmod(k - 1 - T, 2 * T) == 0) /* the step before was at the bottom, where the factor below has no denominator */
        return at->lr + (at->base_lr - o->eta_min) * (1 - cos(pi / T)) / 2;
    return (1 + cos(pi * k / T)) / (1 + cos(pi * (k - 1) / T)) * (at->lr - o->eta_min) + o->eta_min;
}

static const tg_scheduler_class cosine_class = {
    .name = "CosineAnnealingLR",
    .state_bytes = sizeof(cosine_state),
    .state = { TG_OPTION(cosine_state, T_max), TG_OPTION(cosine_state, eta_min) },
    .lr = cosine_lr,
    .closed_form = cosine_closed_form,
};

tg_scheduler *tg_cosine_annealing_lr_new_at(const char *where, tg_optimizer *optimizer, int64_t T_max,
                                            tg_cosine_annealing_lr_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, cosine_class.name) || !positive(&cosine_class, "T_max", T_max)) return NULL;
    const cosine_state state = { T_max, options.eta_min };
    return tgi_scheduler_new(where, &cosine_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}

/* ---- CosineAnnealingWarmRestarts ---- */

/* Epochs since the last restart, and from it to the next, may be large and have fractions. */
typedef struct restarts_state {
    int64_t T_0, T_mult;
    double T_i, eta_min, T_cur;
} restarts_state;

/* Goes to any epoch. */
static void jump(restarts_state *o, double epoch)
{
    const double T_0 = (double)o->T_0, T_mult = (double)o->T_mult;
    if (epoch < T_0) {
        o->T_i = T_0;
        o->T_cur = epoch;
    } else if (o->T_mult == 1) {
        o->T_cur = fmod(epoch, T_0);
    } else {
        const double restarts = floor(log(epoch / T_0 * (T_mult - 1) + 1) / log(T_mult));
        o->T_cur = epoch - T_0 * (pow(T_mult, restarts) - 1) / (T_mult - 1);
        o->T_i = T_0 * pow(T_mult, restarts);
    }
}

static bool restarts_advance(const tg_schedule *at)
{
    restarts_state *o = at->state;
    if (!isnan(at->epoch) || at->last_epoch == 0) {
        jump(o, isnan(at->epoch) ? 0 : at->epoch);
        return true;
    }
    o->T_cur++;
    if (o->T_cur >= o->T_i) {
        o->T_cur -= o->T_i;
        o->T_i *= (double)o->T_mult;
    }
    return true;
}

static double restarts_lr(const tg_schedule *at)
{
    const restarts_state *o = at->state;
    return o->eta_min + (at->base_lr - o->eta_min) * (1 + cos(pi * o->T_cur / o->T_i)) / 2;
}

static const tg_scheduler_class restarts_class = {
    .name = "CosineAnnealingWarmRestarts",
    .state_bytes = sizeof(restarts_state),
    .state = { TG_OPTION(restarts_state, T_0), TG_OPTION(restarts_state, T_i), TG_OPTION(restarts_state, T_mult),
               TG_OPTION(restarts_state, eta_min), TG_OPTION(restarts_state, T_cur) },
    .advance = restarts_advance,
    .lr = restarts_lr,
};

tg_scheduler *tg_cosine_annealing_warm_restarts_new_at(const char *where, tg_optimizer *optimizer, int64_t T_0,
                                                       tg_cosine_annealing_warm_restarts_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, restarts_class.name) || !positive(&restarts_class, "T_0", T_0)) return NULL;
    if (options.T_mult < 1) {
        tg_fail_at(where, TG_ERROR_VALUE, restarts_class.name, "Expected integer T_mult >= 1, but got %lld",
                   (long long)options.T_mult);
        return NULL;
    }
    const restarts_state state = { .T_0 = T_0,
                                   .T_mult = options.T_mult,
                                   .T_i = (double)T_0,
                                   .eta_min = options.eta_min,
                                   .T_cur = (double)options.last_epoch };
    return tgi_scheduler_new(where, &restarts_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}

/* ---- SWALR ---- */

typedef struct swa_state {
    int64_t anneal_epochs;
    bool linear;
} swa_state;

/* How much of swa_lr there is in the learning rate after so many steps: 0 to 1. */
static double swa_part(const swa_state *o, int64_t steps)
{
    const double part = fmax(0, fmin(1, (double)steps / fmax(1, (double)o->anneal_epochs)));
    return o->linear ? part : (1 - cos(pi * part)) / 2;
}

static double swa_lr(const tg_schedule *at)
{
    const swa_state *o = at->state;
    const double to = ((const double *)at->scheduler->list.items)[at->group];
    const int64_t step = o->anneal_epochs == 0 && at->step_count < 2 ? 1 : at->step_count - 1;
    const double before = swa_part(o, step - 1), now = swa_part(o, step);
    const double from = before == 1 ? to : (at->lr - before * to) / (1 - before);
    return to * now + from * (1 - now);
}

static const tg_scheduler_class swa_class = {
    .name = "SWALR",
    .state_bytes = sizeof(swa_state),
    .state = { TG_OPTION(swa_state, anneal_epochs) },
    .lr = swa_lr,
};

tg_scheduler *tg_swa_lr_new_at(const char *where, tg_optimizer *optimizer, tg_group_values values,
                               tg_swa_lr_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, swa_class.name)) return NULL;
    const int strategy = tgi_scheduler_choice(&swa_class, "anneal_strategy", options.anneal_strategy,
                                              tgi_anneal_strategies, TGI_ANNEAL_STRATEGIES);
    if (strategy < 0) return NULL;
    if (options.anneal_epochs < 0) {
        tg_fail_at(where, TG_ERROR_VALUE, swa_class.name, "anneal_epochs must be equal or greater than 0, got %lld",
                   (long long)options.anneal_epochs);
        return NULL;
    }
    const swa_state state = { options.anneal_epochs, strategy == TGI_ANNEAL_LINEAR };
    if (!tgi_group_values_ok(&swa_class, optimizer, values, "swa_lr")) return NULL;
    return tgi_scheduler_new(where, &swa_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state,
                                                     .values_name = "swa_lr",
                                                     .values = values,
                                                     .last_epoch = options.last_epoch });
}
