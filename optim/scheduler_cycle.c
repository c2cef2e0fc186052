/* scheduler_cycle.c: schedulers that go up and down, and take the momentum the other way: OneCycleLR, CyclicLR. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static bool momentum_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, bool cycle_momentum)
{
    if (!cycle_momentum || tgi_momentum_option(optimizer)) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name,
               "optimizer must support momentum with `cycle_momentum` option enabled");
    return false;
}

/* ---- OneCycleLR ---- */

typedef struct one_cycle_state {
    int64_t total_steps;
    double pct_start, div_factor, final_div_factor;
    double base_momentum, max_momentum;
    bool cycle_momentum, three_phase, linear;
} one_cycle_state;

enum { INITIAL, MAX, MIN }; /* learning rates; with INITIAL and MIN comes max_momentum, with MAX base_momentum */

/* Where a step stands: so much of the way between two of these. */
typedef struct phase {
    int from, to;
    double part;
} phase;

static phase phase_of(const tg_schedule *at)
{
    const one_cycle_state *o = at->state;
    const double total = (double)o->total_steps, step = (double)at->last_epoch;
    const double peak = o->pct_start * total - 1, down = 2 * o->pct_start * total - 2, last = total - 1;
    double start = 0, end = peak;
    phase p = { INITIAL, MAX, 0 };
    if (step > peak) {
        start = peak;
        end = o->three_phase && step <= down ? down : last;
        p = (phase){ MAX, o->three_phase ? INITIAL : MIN, 0 };
        if (o->three_phase && step > down) {
            start = down;
            p = (phase){ INITIAL, MIN, 0 };
        }
    }
    p.part = end == start ? 1 : (step - start) / (end - start);
    return p;
}

static double anneal(const one_cycle_state *o, double start, double end, double part)
{
    return o->linear ? (end - start) * part + start : end + (start - end) / 2.0 * (cos(pi * part) + 1);
}

static double one_cycle_lr(const tg_schedule *at)
{
    const one_cycle_state *o = at->state;
    const double max = ((const double *)at->scheduler->list.items)[at->group];
    const double rates[] = { at->base_lr, max, at->base_lr / o->final_div_factor };
    const phase p = phase_of(at);
    return anneal(o, rates[p.from], rates[p.to], p.part);
}

static double one_cycle_momentum(const tg_schedule *at)
{
    const one_cycle_state *o = at->state;
    const double momenta[] = { o->max_momentum, o->base_momentum, o->max_momentum };
    const phase p = phase_of(at);
    return o->cycle_momentum ? anneal(o, momenta[p.from], momenta[p.to], p.part) : NAN;
}

static bool one_cycle_advance(const tg_schedule *at)
{
    const one_cycle_state *o = at->state;
    if (at->last_epoch <= o->total_steps) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, "OneCycleLR",
               "Tried to step %lld times. The specified number of total steps is %lld", (long long)at->last_epoch + 1,
               (long long)o->total_steps);
    return false;
}

static const tg_scheduler_class one_cycle_class = {
    .name = "OneCycleLR",
    .state_bytes = sizeof(one_cycle_state),
    .state = { TG_OPTION(one_cycle_state, total_steps), TG_OPTION(one_cycle_state, cycle_momentum) },
    .advance = one_cycle_advance,
    .lr = one_cycle_lr,
    .momentum = one_cycle_momentum,
};

static bool positive(const char *what, int64_t value)
{
    if (value > 0 && value < TGI_MOST_COUNT) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, one_cycle_class.name, "Expected positive integer %s, but got %lld", what,
               (long long)value);
    return false;
}

/* Of either way to say it; 0 with an error pending. */
static int64_t total_steps_of(const tg_one_cycle_lr_options *o)
{
    if (o->total_steps != TG_NO_STEPS) return positive("total_steps", o->total_steps) ? o->total_steps : 0;
    if (o->epochs == TG_NO_STEPS || o->steps_per_epoch == TG_NO_STEPS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, one_cycle_class.name,
                   "You must define either total_steps OR (epochs AND steps_per_epoch)");
        return 0;
    }
    if (!positive("epochs", o->epochs) || !positive("steps_per_epoch", o->steps_per_epoch)) return 0;
    const bool fits = o->epochs < TGI_MOST_COUNT / o->steps_per_epoch;
    return fits || positive("total_steps", TGI_MOST_COUNT) ? o->epochs * o->steps_per_epoch : 0;
}

static bool one_cycle_ok(const tg_optimizer *optimizer, tg_group_values max_lr, const tg_one_cycle_lr_options *o)
{
    if (!(o->div_factor > 0)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, one_cycle_class.name, "Expected positive div_factor, but got %g",
                   o->div_factor);
        return false;
    }
    if (!(o->pct_start >= 0 && o->pct_start <= 1)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, one_cycle_class.name, "Expected float between 0 and 1 pct_start, but got %g",
                   o->pct_start);
        return false;
    }
    return tgi_group_values_ok(&one_cycle_class, optimizer, max_lr, "max_lr") &&
           momentum_ok(&one_cycle_class, optimizer, o->cycle_momentum);
}

tg_scheduler *tg_one_cycle_lr_new_at(const char *where, tg_optimizer *optimizer, tg_group_values max_lr,
                                     tg_one_cycle_lr_options options)
{
    const tg_one_cycle_lr_options *o = &options;
    if (!tgi_optimizer_ok(where, optimizer, one_cycle_class.name)) return NULL;
    const int64_t total_steps = total_steps_of(o);
    if (!total_steps || !one_cycle_ok(optimizer, max_lr, o)) return NULL;
    const int strategy = tgi_scheduler_choice(&one_cycle_class, "anneal_strategy", o->anneal_strategy,
                                              tgi_anneal_strategies, TGI_ANNEAL_STRATEGIES);
    if (strategy < 0) return NULL;
    const one_cycle_state state = { .total_steps = total_steps,
                                    .pct_start = o->pct_start,
                                    .div_factor = o->div_factor,
                                    .final_div_factor = o->final_div_factor,
                                    .base_momentum = o->base_momentum,
                                    .max_momentum = o->max_momentum,
                                    .cycle_momentum = o->cycle_momentum,
                                    .three_phase = o->three_phase,
                                    .linear = strategy == TGI_ANNEAL_LINEAR };
    return tgi_scheduler_new(where, &one_cycle_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state,
                                                     .values_name = "max_lr",
                                                     .values = max_lr,
                                                     .base_divisor = o->div_factor,
                                                     .base_values = max_lr,
                                                     .resets_initial_lr = true,
                                                     .last_epoch = o->last_epoch });
}

/* ---- CyclicLR ---- */

enum { TRIANGULAR, TRIANGULAR2, EXP_RANGE };

typedef struct cyclic_state {
    double total_size, step_ratio, gamma;
    double base_momentum, max_momentum;
    int64_t mode;
    bool cycle_momentum;
} cyclic_state;

/* From 0 at the base to 1 at the top. */
static double height(const tg_schedule *at)
{
    const cyclic_state *o = at->state;
    const double k = (double)at->last_epoch, cycle = floor(1 + k / o->total_size);
    const double x = 1. + k / o->total_size - cycle;
    const double scale = x <= o->step_ratio ? x / o->step_ratio : (x - 1) / (o->step_ratio - 1);
    switch (o->mode) {
    case TRIANGULAR2: return scale * (1 / pow(2., cycle - 1));
    case EXP_RANGE: return scale * pow(o->gamma, k);
    default: return scale;
    }
}

static double cyclic_lr(const tg_schedule *at)
{
    const double max = ((const double *)at->scheduler->list.items)[at->group];
    return at->base_lr + (max - at->base_lr) * height(at);
}

static double cyclic_momentum(const tg_schedule *at)
{
    const cyclic_state *o = at->state;
    return o->cycle_momentum ? o->max_momentum - (o->max_momentum - o->base_momentum) * height(at) : NAN;
}

static const tg_scheduler_class cyclic_class = {
    .name = "CyclicLR",
    .state_bytes = sizeof(cyclic_state),
    .state = { TG_OPTION(cyclic_state, total_size), TG_OPTION(cyclic_state, step_ratio), TG_OPTION(cyclic_state, gamma),
               TG_OPTION(cyclic_state, cycle_momentum) },
    .lr = cyclic_lr,
    .momentum = cyclic_momentum,
};

tg_scheduler *tg_cyclic_lr_new_at(const char *where, tg_optimizer *optimizer, tg_group_values base_lr,
                                  tg_group_values max_lr, tg_cyclic_lr_options options)
{
    static const char *const modes[] = { "triangular", "triangular2", "exp_range" };
    if (!tgi_optimizer_ok(where, optimizer, cyclic_class.name)) return NULL;
    const int mode = tgi_scheduler_choice(&cyclic_class, "mode", options.mode, modes, 3);
    if (mode < 0 || !momentum_ok(&cyclic_class, optimizer, options.cycle_momentum) ||
        !tgi_group_values_ok(&cyclic_class, optimizer, base_lr, "base_lr") ||
        !tgi_group_values_ok(&cyclic_class, optimizer, max_lr, "max_lr"))
        return NULL;
    const double up = options.step_size_up, down = isnan(options.step_size_down) ? up : options.step_size_down;
    if (!(up > 0 && down >= 0)) {
        tg_fail_at(where, TG_ERROR_VALUE, cyclic_class.name,
                   "Expected positive step_size_up and step_size_down, but got "
                   "%g and %g",
                   up, down);
        return NULL;
    }
    const cyclic_state state = { .total_size = up + down,
                                 .step_ratio = up / (up + down),
                                 .gamma = options.gamma,
                                 .base_momentum = options.base_momentum,
                                 .max_momentum = options.max_momentum,
                                 .mode = mode,
                                 .cycle_momentum = options.cycle_momentum };
    return tgi_scheduler_new(where, &cyclic_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state,
                                                     .values_name = "max_lrs",
                                                     .values = max_lr,
                                                     .base_divisor = 1,
                                                     .base_values = base_lr,
                                                     .last_epoch = options.last_epoch });
}
