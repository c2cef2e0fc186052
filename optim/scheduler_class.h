/* scheduler_class.h: what a kind of scheduler is. Those of scheduler.h are such classes; a program may define its own:
 *
 *     typedef struct { double epochs; } half_life_state;
 *
 *     static double half_life_lr(const tg_schedule *at)
 *     {
 *         const half_life_state *state = at->state;
 *         return at->base_lr * exp2(-(double)at->last_epoch / state->epochs);
 *     }
 *
 *     static const tg_scheduler_class half_life = {
 *         .name = "HalfLife",
 *         .state_bytes = sizeof(half_life_state),
 *         .state = { TG_OPTION(half_life_state, epochs) },
 *         .lr = half_life_lr,
 *     };
 *
 *     tg_scheduler *scheduler = tg_scheduler_new(&half_life, optimizer, &(half_life_state){ .epochs = 10 }); */
#ifndef TG_OPTIM_SCHEDULER_CLASS_H
#define TG_OPTIM_SCHEDULER_CLASS_H

#include "optimizer_class.h"
#include "scheduler.h"

TG_BEGIN_DECLS

/* What the functions of a class are asked about: a step, and one group in it. */
typedef struct tg_schedule {
    const tg_scheduler *scheduler;
    void *state;        /* the class's struct */
    int64_t last_epoch; /* of this step: 0 when the scheduler is made, then 1, 2, ... */
    int64_t step_count; /* steps so far, this one included: 1 when the scheduler is made */
    double epoch;       /* what tg_scheduler_step_epoch was given, otherwise NaN */
    double metric;      /* what tg_scheduler_step_metric was given, otherwise NaN */
    int64_t group;
    double lr;      /* of the group, now */
    double base_lr; /* what it was when the optimiser got its first scheduler */
} tg_schedule;

typedef struct tg_scheduler_class tg_scheduler_class;
struct tg_scheduler_class {
    const char *name;   /* "StepLR", for errors */
    size_t state_bytes; /* sizeof the struct that holds what the scheduler was made with and what it remembers */
    /* Its members that are part of the state dict: { TG_OPTION(half_life_state, epochs), ... }. */
    tg_option state[TG_MAX_OPTIONS];
    /* Once a step, before the others: changes what the scheduler remembers. False, with an error recorded, refuses the
     * step, and what is remembered is as it was. May be NULL. */
    bool (*advance)(const tg_schedule *at);
    /* The learning rate of the group. An error recorded, or NaN, refuses the step. */
    double (*lr)(const tg_schedule *at);
    /* The same from base_lr and last_epoch alone, for tg_scheduler_step_epoch. NULL: lr is. */
    double (*closed_form)(const tg_schedule *at);
    /* Once a step, the momentum of all groups (an optimiser's "momentum" or "beta1"); NaN leaves it alone. May be
     * NULL. */
    double (*momentum)(const tg_schedule *at);
    /* Its steps are those of tg_scheduler_step_metric, and the first one is not made at once. */
    bool by_metric;
};

/* A scheduler of a class, which is borrowed. `state` is the address of the class's struct, which is copied; it may be
 * NULL for a class without one. The first step, to epoch 0, is made at once. */
tg_scheduler *tg_scheduler_new_at(const char *where, const tg_scheduler_class *scheduler_class, tg_optimizer *optimizer,
                                  const void *state, size_t state_bytes);
#define tg_scheduler_new(scheduler_class, optimizer, ...)                                                              \
    tg_scheduler_new_at(TG_HERE, scheduler_class, optimizer, __VA_ARGS__, sizeof *(__VA_ARGS__))

TG_END_DECLS

#endif
