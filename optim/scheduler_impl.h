/* scheduler_impl.h: what a scheduler is made of, for the scheduler*.c files. */
#ifndef TG_OPTIM_SCHEDULER_IMPL_H
#define TG_OPTIM_SCHEDULER_IMPL_H

#include "nn/keys_impl.h"
#include "optimizer_impl.h"
#include "scheduler_class.h"

TG_EXTERN_C_BEGIN

/* Numbers of eight bytes that a scheduler is made with, one for each group or milestone. */
typedef struct tgi_scheduler_list {
    const char *name; /* in the state dict; NULL: it is not part of it */
    tg_option_kind kind;
    int64_t count;
    const void *items;
} tgi_scheduler_list;

struct tg_scheduler {
    uint64_t alive; /* what a scheduler begins with, and no other handle */
    const tg_scheduler_class *kind;
    tgi_watcher watcher; /* knows the optimiser while that is there */
    size_t bytes;        /* of this block, which holds all that follows */
    bool stepping, owned;
    int64_t last_epoch, step_count;
    int64_t optimizer_steps;                /* those made before the scheduler was */
    int64_t group_count;                    /* groups that join later are left alone */
    double *base_lrs, *last_lrs, *next_lrs; /* one for each group */
    void *state, *saved;                    /* the class's struct, and what it was before the step */
    tgi_scheduler_list list;                /* of which `items` are ours */
    tg_scheduler **children;
    int64_t child_count;
    bool (*step_children)(tg_scheduler *s); /* in place of a step of its own; NULL if there are no children */
};

/* What a scheduler is made of. */
typedef struct tgi_scheduler_parts {
    const void *state; /* of the class's state_bytes; NULL: zeros */
    tgi_scheduler_list list;
    const char *values_name; /* of `values`, which become the list, one for each group; NULL: there are none */
    tg_group_values values;
    double base_divisor; /* base_lrs are base_values divided by it; 0: they are the groups' learning rates */
    tg_group_values base_values;
    bool resets_initial_lr; /* base_lrs are those of later schedulers, too */
    tg_scheduler_list children;
    bool (*step_children)(tg_scheduler *s);
    int64_t last_epoch;
} tgi_scheduler_parts;

/* NULL with an error pending; then the children are still the caller's. */
tg_scheduler *tgi_scheduler_new(const char *where, const tg_scheduler_class *kind, tg_optimizer *optimizer,
                                const tgi_scheduler_parts *parts);

/* Remembers the user's place; false, with an error pending, without a scheduler. */
bool tgi_scheduler_ok(const char *where, const tg_scheduler *s, const char *what);
/* The same; false, too, when its optimiser was freed. */
bool tgi_scheduler_in_use(const char *where, const tg_scheduler *s, const char *what);

/* One step, to the next epoch (`epoch` is NaN) or to that one; false with an error pending. */
bool tgi_scheduler_step(tg_scheduler *s, double epoch, double metric);
/* tg_scheduler_load_state_dict in two steps. NULL with an error pending. */
tgi_loading *tgi_scheduler_loading(const char *where, tg_scheduler *s, tg_named_tensor_list state);
/* As when it was made, from the groups' initial learning rates on. */
bool tgi_scheduler_restart(tg_scheduler *s);

/* False, with an error pending, unless there is one value, or one for each group. */
bool tgi_group_values_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, tg_group_values values,
                         const char *name);
/* "momentum", or "beta1" of an optimiser that has no momentum; NULL if it has neither. */
const char *tgi_momentum_option(const tg_optimizer *optimizer);

/* False, with an error pending, unless they can be read. */
bool tgi_milestones_ok(const tg_scheduler_class *kind, tg_milestones milestones);

/* Where `name` stands among `count` names; -1, with an error pending, if it is none of them. */
int tgi_scheduler_choice(const tg_scheduler_class *kind, const char *what, const char *name, const char *const *names,
                         int count);

/* The names of annealing strategies, "cos" and "linear". */
enum { TGI_ANNEAL_COS, TGI_ANNEAL_LINEAR, TGI_ANNEAL_STRATEGIES };
extern const char *const tgi_anneal_strategies[TGI_ANNEAL_STRATEGIES];

TG_EXTERN_C_END

#endif
