/* scheduler_plateau.c: ReduceLROnPlateau. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>

typedef struct plateau_state {
    double factor, min_lr, threshold, eps;
    double mode_worse; /* worse than any metric: infinity if it is to fall, -infinity if it is to grow */
    bool absolute;     /* the threshold, not in relation to the best */
    int64_t patience, cooldown;
    double best;
    int64_t cooldown_counter, num_bad_epochs;
    bool reduce; /* in this step */
} plateau_state;

static bool is_better(const plateau_state *o, double metric)
{
    if (o->mode_worse > 0) return metric < (o->absolute ? o->best - o->threshold : o->best * (1. - o->threshold));
    return metric > (o->absolute ? o->best + o->threshold : o->best * (o->threshold + 1.));
}

static bool plateau_advance(const tg_schedule *at)
{
    plateau_state *o = at->state;
    if (is_better(o, at->metric)) {
        o->best = at->metric;
        o->num_bad_epochs = 0;
    } else {
        o->num_bad_epochs++;
    }
    if (o->cooldown_counter > 0) {
        o->cooldown_counter--;
        o->num_bad_epochs = 0;
    }
    o->reduce = o->num_bad_epochs > o->patience;
    if (o->reduce) {
        o->cooldown_counter = o->cooldown;
        o->num_bad_epochs = 0;
    }
    return true;
}

static double plateau_lr(const tg_schedule *at)
{
    const plateau_state *o = at->state;
    const double reduced = fmax(at->lr * o->factor, o->min_lr);
    return o->reduce && at->lr - reduced > o->eps ? reduced : at->lr;
}

static const tg_scheduler_class plateau_class = {
    .name = "ReduceLROnPlateau",
    .state_bytes = sizeof(plateau_state),
    .state = { TG_OPTION(plateau_state, factor), TG_OPTION(plateau_state, min_lr), TG_OPTION(plateau_state, patience),
               TG_OPTION(plateau_state, cooldown), TG_OPTION(plateau_state, cooldown_counter),
               TG_OPTION(plateau_state, threshold), TG_OPTION(plateau_state, best),
               TG_OPTION(plateau_state, num_bad_epochs), TG_OPTION(plateau_state, mode_worse),
               TG_OPTION(plateau_state, eps) },
    .advance = plateau_advance,
    .lr = plateau_lr,
    .by_metric = true,
};

tg_scheduler *tg_reduce_lr_on_plateau_new_at(const char *where, tg_optimizer *optimizer,
                                             tg_reduce_lr_on_plateau_options options)
{
    static const char *const modes[] = { "min", "max" }, *const threshold_modes[] = { "rel", "abs" };
    const tg_reduce_lr_on_plateau_options *o = &options;
    const tg_scheduler_class *kind = &plateau_class;
    if (!tgi_optimizer_ok(where, optimizer, kind->name)) return NULL;
    if (!(o->factor < 1)) {
        tg_fail_at(where, TG_ERROR_VALUE, kind->name, "Factor should be < 1.0.");
        return NULL;
    }
    const int mode = tgi_scheduler_choice(kind, "mode", o->mode, modes, 2);
    const int threshold_mode =
        mode < 0 ? -1 : tgi_scheduler_choice(kind, "threshold mode", o->threshold_mode, threshold_modes, 2);
    if (threshold_mode < 0) return NULL;
    const double worse = mode == 0 ? INFINITY : -INFINITY;
    const plateau_state state = { .factor = o->factor,
                                  .min_lr = o->min_lr,
                                  .threshold = o->threshold,
                                  .eps = o->eps,
                                  .mode_worse = worse,
                                  .absolute = threshold_mode == 1,
                                  .patience = o->patience,
                                  .cooldown = o->cooldown,
                                  .best = worse };
    return tgi_scheduler_new(where, kind, optimizer, &(tgi_scheduler_parts){ .state = &state, .last_epoch = -1 });
}
