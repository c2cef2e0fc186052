/* scheduler.h: learning rates that change from step to step, as torch.optim.lr_scheduler's.
 *
 *     tg_scheduler *scheduler = tg_step_lr_new(optimizer, 30, .gamma = 0.1);
 *     for (...) {
 *         ...
 *         tg_step(optimizer);
 *         tg_scheduler_step(scheduler);
 *     }
 *     tg_scheduler_free(scheduler);
 *
 * A scheduler makes its first step, to epoch 0, when it is made, and then one for each call. It writes the learning
 * rates of the groups its optimiser has when it is made. As in PyTorch most formulas begin from the learning rate of
 * the moment, so that several schedulers of one optimiser multiply, and what a program sets in between stays. A step
 * that fails changes nothing; so does a learning rate below 0, which is an error (what rounding leaves of 0 is 0).
 *
 * An optimiser may be freed before its schedulers: using them is then an error, and they are freed as ever.
 * scheduler_class.h makes a scheduler of a program's own kind. */
#ifndef TG_OPTIM_SCHEDULER_H
#define TG_OPTIM_SCHEDULER_H

#include "../nn/module.h"
#include "optimizer.h"

#include <math.h>

TG_BEGIN_DECLS

typedef struct tg_scheduler tg_scheduler;

/* NULL is fine. One that is part of another (SequentialLR) is freed by that one. */
void tg_scheduler_free_at(const char *where, tg_scheduler *scheduler);
#define tg_scheduler_free(scheduler) tg_scheduler_free_at(TG_HERE, scheduler)

tg_status tg_scheduler_step_at(const char *where, tg_scheduler *scheduler);
#define tg_scheduler_step(scheduler) tg_scheduler_step_at(TG_HERE, scheduler)
/* PyTorch's step(metrics) of ReduceLROnPlateau: `tg_scheduler_step_metric(plateau, tg_item(loss))`. */
tg_status tg_scheduler_step_metric_at(const char *where, tg_scheduler *scheduler, double metric);
#define tg_scheduler_step_metric(scheduler, metric) tg_scheduler_step_metric_at(TG_HERE, scheduler, metric)
/* PyTorch's step(epoch): goes to that epoch, from which the next steps count. CosineAnnealingWarmRestarts takes
 * fractions; the others take whole numbers, and the formula that begins from the initial learning rate if they have
 * one. */
tg_status tg_scheduler_step_epoch_at(const char *where, tg_scheduler *scheduler, double epoch);
#define tg_scheduler_step_epoch(scheduler, epoch) tg_scheduler_step_epoch_at(TG_HERE, scheduler, epoch)

/* What the last step set, get_last_lr()[group] in PyTorch, NaN on error; and the epoch it went to, -1 on error. */
double tg_scheduler_last_lr_at(const char *where, const tg_scheduler *scheduler, int64_t group);
int64_t tg_scheduler_last_epoch_at(const char *where, const tg_scheduler *scheduler);
#define tg_scheduler_last_lr(scheduler, group) tg_scheduler_last_lr_at(TG_HERE, scheduler, group)
#define tg_scheduler_last_epoch(scheduler)     tg_scheduler_last_epoch_at(TG_HERE, scheduler)

/* ---- state ---- */

/* What PyTorch's state_dict has, as 0-d tensors: "last_epoch", "base_lrs.0", "gamma", "_schedulers.1.last_epoch". List,
 * names and tensors belong to the innermost scope. */
tg_named_tensor_list tg_scheduler_state_dict_at(const char *where, const tg_scheduler *scheduler);
#define tg_scheduler_state_dict(scheduler) tg_scheduler_state_dict_at(TG_HERE, scheduler)
/* All or nothing; the error names what is missing, what is too much, and what is no number for its name. Of a name that
 * comes twice the last one counts. The optimiser's learning rates are part of its own state, and are not touched. */
tg_status tg_scheduler_load_state_dict_at(const char *where, tg_scheduler *scheduler, tg_named_tensor_list state);
#define tg_scheduler_load_state_dict(scheduler, ...) tg_scheduler_load_state_dict_at(TG_HERE, scheduler, __VA_ARGS__)

/* ---- arguments ---- Lists live as long as the block they stand in, in C++ as long as the innermost scope; a scheduler
 * copies what it is given. */

#ifdef __cplusplus
#define TGI_ARRAY_OF(type, ...) (tgi_array_in_scope<type>({ __VA_ARGS__ }))
#else
#define TGI_ARRAY_OF(type, ...) ((const type[]){ __VA_ARGS__ __VA_OPT__(,) 0 })
#endif

/* A number for each group, where one for all could stand: `tg_group_values(0.1, 0.01)`. */
typedef struct tg_group_values {
    const double *each; /* NULL: `all` is for all groups */
    int64_t count;
    double all;
} tg_group_values;
#define tg_group_values(...)                                                                                           \
    (TG_LITERAL(tg_group_values){ TGI_ARRAY_OF(double, __VA_ARGS__), TGI_COUNTED(__VA_ARGS__), 0 })

/* Whole epochs: `tg_milestones(30, 80)`. */
typedef struct tg_milestones {
    const int64_t *items;
    int64_t count;
} tg_milestones;
#define tg_milestones(...)                                                                                             \
    (TG_LITERAL(tg_milestones){ TGI_ARRAY_OF(int64_t, __VA_ARGS__), TGI_COUNTED(__VA_ARGS__) })

/* A factor for an epoch; `context` is the scheduler's option. NaN, or an error recorded, refuses the step. */
typedef double (*tg_lr_lambda)(int64_t epoch, void *context);
/* A function for each group, where one for all could stand: `tg_lr_lambdas(warm_up, decay)`. */
typedef struct tg_lr_lambdas {
    const tg_lr_lambda *each; /* NULL: `all` is for all groups */
    int64_t count;
    tg_lr_lambda all;
} tg_lr_lambdas;
#define tg_lr_lambdas(...)                                                                                             \
    (TG_LITERAL(tg_lr_lambdas){ TGI_ARRAY_OF(tg_lr_lambda, __VA_ARGS__), TGI_COUNTED(__VA_ARGS__), NULL })

/* `tg_schedulers(warm_up, decay)` */
typedef struct tg_scheduler_list {
    tg_scheduler *const *items;
    int64_t count;
} tg_scheduler_list;
typedef tg_scheduler *tgi_scheduler_pointer;
#define tg_schedulers(...)                                                                                             \
    (TG_LITERAL(tg_scheduler_list){ TGI_ARRAY_OF(tgi_scheduler_pointer, __VA_ARGS__), TGI_COUNTED(__VA_ARGS__) })

static inline tg_group_values tgi_values_of_all(double all)
{
    const tg_group_values values = { NULL, 0, all };
    return values;
}
static inline tg_lr_lambdas tgi_lambdas_of_all(tg_lr_lambda all)
{
    const tg_lr_lambdas lambdas = { NULL, 0, all };
    return lambdas;
}
#ifdef __cplusplus
}
inline tg_group_values tgi_values(double all) { return tgi_values_of_all(all); }
inline tg_group_values tgi_values(tg_group_values each) { return each; }
inline tg_lr_lambdas tgi_lambdas(tg_lr_lambda all) { return tgi_lambdas_of_all(all); }
inline tg_lr_lambdas tgi_lambdas(tg_lr_lambdas each) { return each; }
extern "C" {
#define TG_GROUP_VALUES(values) tgi_values(values)
#define TG_LR_LAMBDAS(lambdas)  tgi_lambdas(lambdas)
#else
static inline tg_group_values tgi_values_of_each(tg_group_values each) { return each; }
static inline tg_lr_lambdas tgi_lambdas_of_each(tg_lr_lambdas each) { return each; }
/* One number for all groups, or a list, as a list; likewise a function. */
#define TG_GROUP_VALUES(values)                                                                                        \
    _Generic((values), tg_group_values : tgi_values_of_each, default : tgi_values_of_all)(values)
#define TG_LR_LAMBDAS(lambdas)                                                                                         \
    _Generic((lambdas), tg_lr_lambdas : tgi_lambdas_of_each, default : tgi_lambdas_of_all)(lambdas)
#endif

/* ---- the schedulers ---- k is the epoch. `.last_epoch = n` resumes after epoch n, from the learning rates that are
 * there; it wants an optimiser that had a scheduler before (otherwise there is no initial learning rate). */

typedef struct tg_lambda_lr_options {
    void *context; /* handed to the functions */
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_lambda_lr_options;
#define TG_LAMBDA_LR_DEFAULTS /* context */ NULL, /* last_epoch */ -1 TG_DEFAULTS_END
/* LambdaLR: initial lr times lambda(k). MultiplicativeLR: lr times lambda(k), from k = 1 on.
 * `tg_lambda_lr_new(optimizer, warm_up, .context = &steps)`, `tg_lambda_lr_new(optimizer, tg_lr_lambdas(f, g))` */
tg_scheduler *tg_lambda_lr_new_at(const char *where, tg_optimizer *optimizer, tg_lr_lambdas lr_lambda,
                                  tg_lambda_lr_options options);
tg_scheduler *tg_multiplicative_lr_new_at(const char *where, tg_optimizer *optimizer, tg_lr_lambdas lr_lambda,
                                          tg_lambda_lr_options options);
#define tg_lambda_lr_new(optimizer, lr_lambda, ...)                                                                    \
    tg_lambda_lr_new_at(TG_HERE, optimizer, TG_LR_LAMBDAS(lr_lambda),                                                  \
                        TG_OPTIONS(tg_lambda_lr_options, TG_LAMBDA_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#define tg_multiplicative_lr_new(optimizer, lr_lambda, ...)                                                            \
    tg_multiplicative_lr_new_at(TG_HERE, optimizer, TG_LR_LAMBDAS(lr_lambda),                                          \
                                TG_OPTIONS(tg_lambda_lr_options, TG_LAMBDA_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_step_lr_options {
    double gamma;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_step_lr_options;
#define TG_STEP_LR_DEFAULTS /* gamma */ 0.1, /* last_epoch */ -1 TG_DEFAULTS_END
/* StepLR: lr times gamma every step_size epochs. MultiStepLR: at each milestone, `tg_multi_step_lr_new(optimizer,
 * tg_milestones(30, 80))`. */
tg_scheduler *tg_step_lr_new_at(const char *where, tg_optimizer *optimizer, int64_t step_size,
                                tg_step_lr_options options);
tg_scheduler *tg_multi_step_lr_new_at(const char *where, tg_optimizer *optimizer, tg_milestones milestones,
                                      tg_step_lr_options options);
#define tg_step_lr_new(optimizer, step_size, ...)                                                                      \
    tg_step_lr_new_at(TG_HERE, optimizer, step_size,                                                                   \
                      TG_OPTIONS(tg_step_lr_options, TG_STEP_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
#define tg_multi_step_lr_new(optimizer, milestones, ...)                                                               \
    tg_multi_step_lr_new_at(TG_HERE, optimizer, milestones,                                                            \
                            TG_OPTIONS(tg_step_lr_options, TG_STEP_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_constant_lr_options {
    double factor;
    int64_t total_iters;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_constant_lr_options;
#define TG_CONSTANT_LR_DEFAULTS /* factor */ 1.0 / 3, /* total_iters */ 5, /* last_epoch */ -1 TG_DEFAULTS_END
/* ConstantLR: lr times factor until total_iters. */
tg_scheduler *tg_constant_lr_new_at(const char *where, tg_optimizer *optimizer, tg_constant_lr_options options);
#define tg_constant_lr_new(optimizer, ...)                                                                             \
    tg_constant_lr_new_at(TG_HERE, optimizer,                                                                          \
                          TG_OPTIONS(tg_constant_lr_options, TG_CONSTANT_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_linear_lr_options {
    double start_factor, end_factor;
    int64_t total_iters;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_linear_lr_options;
#define TG_LINEAR_LR_DEFAULTS                                                                                          \
    /* start_factor */ 1.0 / 3, /* end_factor */ 1.0, /* total_iters */ 5, /* last_epoch */ -1 TG_DEFAULTS_END
/* LinearLR: lr times start_factor, which becomes end_factor in equal parts until total_iters. */
tg_scheduler *tg_linear_lr_new_at(const char *where, tg_optimizer *optimizer, tg_linear_lr_options options);
#define tg_linear_lr_new(optimizer, ...)                                                                               \
    tg_linear_lr_new_at(TG_HERE, optimizer,                                                                            \
                        TG_OPTIONS(tg_linear_lr_options, TG_LINEAR_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The options of a scheduler that has no others. */
typedef struct tg_scheduler_options {
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_scheduler_options;
#define TG_SCHEDULER_DEFAULTS /* last_epoch */ -1 TG_DEFAULTS_END
/* ExponentialLR: lr times gamma at each step. */
tg_scheduler *tg_exponential_lr_new_at(const char *where, tg_optimizer *optimizer, double gamma,
                                       tg_scheduler_options options);
#define tg_exponential_lr_new(optimizer, gamma, ...)                                                                   \
    tg_exponential_lr_new_at(TG_HERE, optimizer, gamma,                                                                \
                             TG_OPTIONS(tg_scheduler_options, TG_SCHEDULER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_polynomial_lr_options {
    int64_t total_iters;
    double power;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_polynomial_lr_options;
#define TG_POLYNOMIAL_LR_DEFAULTS /* total_iters */ 5, /* power */ 1.0, /* last_epoch */ -1 TG_DEFAULTS_END
/* PolynomialLR: initial lr times (1 - k / total_iters)^power, step by step. */
tg_scheduler *tg_polynomial_lr_new_at(const char *where, tg_optimizer *optimizer, tg_polynomial_lr_options options);
#define tg_polynomial_lr_new(optimizer, ...)                                                                           \
    tg_polynomial_lr_new_at(TG_HERE, optimizer,                                                                        \
                            TG_OPTIONS(tg_polynomial_lr_options, TG_POLYNOMIAL_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_cosine_annealing_lr_options {
    double eta_min;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_cosine_annealing_lr_options;
#define TG_COSINE_ANNEALING_LR_DEFAULTS /* eta_min */ 0.0, /* last_epoch */ -1 TG_DEFAULTS_END
/* CosineAnnealingLR (Loshchilov and Hutter, 2016): half a wave from the initial lr down to eta_min in T_max epochs, and
 * up again. */
tg_scheduler *tg_cosine_annealing_lr_new_at(const char *where, tg_optimizer *optimizer, int64_t T_max,
                                            tg_cosine_annealing_lr_options options);
#define tg_cosine_annealing_lr_new(optimizer, T_max, ...)                                                              \
    tg_cosine_annealing_lr_new_at(                                                                                     \
        TG_HERE, optimizer, T_max,                                                                                     \
        TG_OPTIONS(tg_cosine_annealing_lr_options, TG_COSINE_ANNEALING_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_cosine_annealing_warm_restarts_options {
    int64_t T_mult;
    double eta_min;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_cosine_annealing_warm_restarts_options;
#define TG_COSINE_ANNEALING_WARM_RESTARTS_DEFAULTS                                                                     \
    /* T_mult */ 1, /* eta_min */ 0.0, /* last_epoch */ -1 TG_DEFAULTS_END
/* CosineAnnealingWarmRestarts: half a wave down in T_0 epochs, then from the top again in T_mult times as many. */
tg_scheduler *tg_cosine_annealing_warm_restarts_new_at(const char *where, tg_optimizer *optimizer, int64_t T_0,
                                                       tg_cosine_annealing_warm_restarts_options options);
#define tg_cosine_annealing_warm_restarts_new(optimizer, T_0, ...)                                                     \
    tg_cosine_annealing_warm_restarts_new_at(TG_HERE, optimizer, T_0,                                                  \
                                             TG_OPTIONS(tg_cosine_annealing_warm_restarts_options,                     \
                                                        TG_COSINE_ANNEALING_WARM_RESTARTS_DEFAULTS __VA_OPT__(,)       \
                                                            __VA_ARGS__))

/* Stands for "not given" among numbers of steps. */
#define TG_NO_STEPS INT64_MIN

typedef struct tg_one_cycle_lr_options {
    int64_t total_steps, epochs, steps_per_epoch; /* either the first or the other two */
    double pct_start;                             /* the part in which the lr grows */
    const char *anneal_strategy;                  /* "cos" or "linear" */
    bool cycle_momentum;                          /* the optimiser's "momentum" or "beta1" goes the other way */
    double base_momentum, max_momentum;
    double div_factor, final_div_factor; /* initial lr = max_lr / div_factor, last lr = initial lr / final_div_factor */
    bool three_phase;                    /* down to the initial lr as it went up, then to the last one */
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_one_cycle_lr_options;
#define TG_ONE_CYCLE_LR_DEFAULTS                                                                                       \
    /* total_steps */ TG_NO_STEPS, /* epochs */ TG_NO_STEPS, /* steps_per_epoch */ TG_NO_STEPS, /* pct_start */ 0.3,   \
        /* anneal_strategy */ "cos", /* cycle_momentum */ true, /* base_momentum */ 0.85, /* max_momentum */ 0.95,     \
        /* div_factor */ 25.0, /* final_div_factor */ 1e4, /* three_phase */ false, /* last_epoch */ -1 TG_DEFAULTS_END
/* OneCycleLR (Smith and Topin, 2017), a step for each batch: `tg_one_cycle_lr_new(optimizer, 0.1, .total_steps = 99)`.
 * More steps than that are an error. */
tg_scheduler *tg_one_cycle_lr_new_at(const char *where, tg_optimizer *optimizer, tg_group_values max_lr,
                                     tg_one_cycle_lr_options options);
#define tg_one_cycle_lr_new(optimizer, max_lr, ...)                                                                    \
    tg_one_cycle_lr_new_at(TG_HERE, optimizer, TG_GROUP_VALUES(max_lr),                                                \
                           TG_OPTIONS(tg_one_cycle_lr_options, TG_ONE_CYCLE_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_cyclic_lr_options {
    double step_size_up, step_size_down; /* NaN: as many as up */
    const char *mode;                    /* "triangular", "triangular2", "exp_range" */
    double gamma;                        /* of exp_range: the height is multiplied by gamma^k */
    bool cycle_momentum;                 /* the optimiser's "momentum" or "beta1" goes the other way */
    double base_momentum, max_momentum;
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_cyclic_lr_options;
#define TG_CYCLIC_LR_DEFAULTS                                                                                          \
    /* step_size_up */ 2000, /* step_size_down */ NAN, /* mode */ "triangular", /* gamma */ 1.0,                       \
        /* cycle_momentum */ true, /* base_momentum */ 0.8, /* max_momentum */ 0.9, /* last_epoch */ -1 TG_DEFAULTS_END
/* CyclicLR (Smith, 2015): up from base_lr to max_lr and down again; triangular2 halves the height each time. */
tg_scheduler *tg_cyclic_lr_new_at(const char *where, tg_optimizer *optimizer, tg_group_values base_lr,
                                  tg_group_values max_lr, tg_cyclic_lr_options options);
#define tg_cyclic_lr_new(optimizer, base_lr, max_lr, ...)                                                              \
    tg_cyclic_lr_new_at(TG_HERE, optimizer, TG_GROUP_VALUES(base_lr), TG_GROUP_VALUES(max_lr),                         \
                        TG_OPTIONS(tg_cyclic_lr_options, TG_CYCLIC_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_swa_lr_options {
    int64_t anneal_epochs;
    const char *anneal_strategy; /* "cos" or "linear" */
    int64_t last_epoch;
    TG_OPTIONS_END
} tg_swa_lr_options;
#define TG_SWA_LR_DEFAULTS /* anneal_epochs */ 10, /* anneal_strategy */ "cos", /* last_epoch */ -1 TG_DEFAULTS_END
/* SWALR of torch.optim.swa_utils: from the lr there is to swa_lr, where it stays (see averaged.h). */
tg_scheduler *tg_swa_lr_new_at(const char *where, tg_optimizer *optimizer, tg_group_values swa_lr,
                               tg_swa_lr_options options);
#define tg_swa_lr_new(optimizer, swa_lr, ...)                                                                          \
    tg_swa_lr_new_at(TG_HERE, optimizer, TG_GROUP_VALUES(swa_lr),                                                      \
                     TG_OPTIONS(tg_swa_lr_options, TG_SWA_LR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_reduce_lr_on_plateau_options {
    const char *mode; /* "min": the metric is to fall, "max": to grow */
    double factor;
    int64_t patience; /* so many steps without getting better are borne, */
    double threshold; /* which means by this much, */
    const char *threshold_mode; /* "rel": in relation to the best, "abs" */
    int64_t cooldown;           /* so many steps after a reduction none counts as bad */
    double min_lr;
    double eps; /* a smaller change is not made */
    TG_OPTIONS_END
} tg_reduce_lr_on_plateau_options;
#define TG_REDUCE_LR_ON_PLATEAU_DEFAULTS                                                                               \
    /* mode */ "min", /* factor */ 0.1, /* patience */ 10, /* threshold */ 1e-4, /* threshold_mode */ "rel",           \
        /* cooldown */ 0, /* min_lr */ 0.0, /* eps */ 1e-8 TG_DEFAULTS_END
/* ReduceLROnPlateau: lr times factor when a metric no longer gets better. Its steps are tg_scheduler_step_metric's. */
tg_scheduler *tg_reduce_lr_on_plateau_new_at(const char *where, tg_optimizer *optimizer,
                                             tg_reduce_lr_on_plateau_options options);
#define tg_reduce_lr_on_plateau_new(optimizer, ...)                                                                    \
    tg_reduce_lr_on_plateau_new_at(TG_HERE, optimizer,                                                                 \
                                   TG_OPTIONS(tg_reduce_lr_on_plateau_options,                                         \
                                              TG_REDUCE_LR_ON_PLATEAU_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* ---- several in one ---- They take over the schedulers, which are freed with them, or at once if they fail. C does
 * not say which of several arguments is made first: make schedulers whose order counts before. */

/* SequentialLR: the first scheduler until the first milestone, then the next: `tg_sequential_lr_new(optimizer,
 * tg_schedulers(warm_up, decay), tg_milestones(5))`. */
tg_scheduler *tg_sequential_lr_new_at(const char *where, tg_optimizer *optimizer, tg_scheduler_list schedulers,
                                      tg_milestones milestones);
#define tg_sequential_lr_new(optimizer, schedulers, milestones)                                                        \
    tg_sequential_lr_new_at(TG_HERE, optimizer, schedulers, milestones)
/* ChainedScheduler: all of them at each step, in order. If one fails, those before it have stepped. */
tg_scheduler *tg_chained_scheduler_new_at(const char *where, tg_scheduler_list schedulers);
#define tg_chained_scheduler_new(schedulers) tg_chained_scheduler_new_at(TG_HERE, schedulers)

TG_END_DECLS

#endif
