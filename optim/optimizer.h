/* optimizer.h: what all optimisers have in common.
 *
 * An optimiser is made from a list of parameters, of which it keeps references, and holds its own state for each. It
 * reads gradients and writes parameters; nothing it does is recorded. Each kind has a header of its name (adam.h,
 * sgd.h) with its formula, and optimizer_class.h makes one of a program's own kind. */
#ifndef TG_OPTIM_OPTIMIZER_H
#define TG_OPTIM_OPTIMIZER_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

typedef struct tg_optimizer tg_optimizer;

/* Lets go of parameters and state; NULL is fine. The parameters live on with their module. */
void tg_optimizer_free_at(const char *where, tg_optimizer *optimizer);
#define tg_optimizer_free(optimizer) tg_optimizer_free_at(TG_HERE, optimizer)

/* One update of every parameter that has a gradient. While an error is pending no parameter moves, and when memory
 * runs out on the way none has moved: TG_FAILED. Each update counts as a write to the parameter. */
tg_status tg_step_at(const char *where, tg_optimizer *optimizer);
#define tg_step(optimizer) tg_step_at(TG_HERE, optimizer)

/* What evaluates the loss and its gradients, as PyTorch's closure does: zero_grad, forward, backward, and the loss is
 * returned. */
typedef tg_tensor *(*tg_closure)(void *context);
/* `optimizer.step(closure)`: the closure runs in a scope of its own, once and before the step, or as often as an LBFGS
 * needs it (lbfgs.h). Returns the loss before the step, NaN on error: then the parameters are as they were. */
double tg_step_closure_at(const char *where, tg_optimizer *optimizer, tg_closure closure, void *context);
#define tg_step_closure(optimizer, closure, context) tg_step_closure_at(TG_HERE, optimizer, closure, context)

typedef struct tg_zero_grad_options {
    bool set_to_none; /* false: zeros in place of NULL, so that a step without backward still decays */
    TG_OPTIONS_END
} tg_zero_grad_options;
#define TG_ZERO_GRAD_DEFAULTS /* set_to_none */ true TG_DEFAULTS_END

tg_status tg_zero_grad_at(const char *where, tg_optimizer *optimizer, tg_zero_grad_options options);
#define tg_zero_grad(optimizer, ...)                                                                                   \
    tg_zero_grad_at(TG_HERE, optimizer,                                                                                \
                    TG_OPTIONS(tg_zero_grad_options, TG_ZERO_GRAD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* ---- parameter groups ---- The list an optimiser is made with is group 0. */

/* Stands for "as the optimiser was made" where 0 is a real value. */
#define TG_INHERIT (-0x1p1023)

typedef struct tg_param_group_options {
    double lr;
    double weight_decay;
    TG_OPTIONS_END
} tg_param_group_options;
#define TG_PARAM_GROUP_DEFAULTS /* lr */ TG_INHERIT, /* weight_decay */ TG_INHERIT TG_DEFAULTS_END

/* `tg_optimizer_add_param_group(adam, tg_parameters(head), .lr = 1e-4)`. Options that are not named, and those that
 * have no name here, are the ones the optimiser was made with; tg_set_group_option changes them. Returns the group's
 * number, or -1. */
int64_t tg_optimizer_add_param_group_at(const char *where, tg_optimizer *optimizer, tg_tensor_list parameters,
                                        tg_param_group_options options);
#define tg_optimizer_add_param_group(optimizer, parameters, ...)                                                       \
    tg_optimizer_add_param_group_at(TG_HERE, optimizer, parameters,                                                    \
                                    TG_OPTIONS(tg_param_group_options,                                                 \
                                               TG_PARAM_GROUP_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
int64_t tg_optimizer_group_count_at(const char *where, const tg_optimizer *optimizer);
#define tg_optimizer_group_count(optimizer) tg_optimizer_group_count_at(TG_HERE, optimizer)

/* A group's number, and an option's name: where the other one is given the call does not compile, instead of a warning
 * that a pointer is no number. NULL is a name that is none. */
#define TGI_GROUP_NUMBER(number) ((number) | 0)
#ifdef __cplusplus
#define TGI_OPTION_NAME(text) (text)
#else
#define TGI_OPTION_NAME(text) _Generic((text), char * : (text), const char * : (text), void * : (text))
#endif

/* An option of a group by its name, which is that of the options struct: "momentum", "beta1", "amsgrad". A bool is 0 or
 * 1. NaN on error: the message for a name that is none lists those there are. */
double tg_group_option_at(const char *where, const tg_optimizer *optimizer, int64_t group, const char *name);
#define tg_group_option(optimizer, group, name)                                                                        \
    tg_group_option_at(TG_HERE, optimizer, TGI_GROUP_NUMBER(group), TGI_OPTION_NAME(name))

/* Another value, for one group or for all: `tg_set_group_option(sgd, TG_ALL_GROUPS, "momentum", 0.8)`. It is checked as
 * the options are that an optimiser is made with; if it is refused for one group, none has changed. States that only
 * the new value needs are made at the next step. */
#define TG_ALL_GROUPS (-1)
tg_status tg_set_group_option_at(const char *where, tg_optimizer *optimizer, int64_t group, const char *name,
                                 double value);
#define tg_set_group_option(optimizer, group, name, value)                                                             \
    tg_set_group_option_at(TG_HERE, optimizer, TGI_GROUP_NUMBER(group), TGI_OPTION_NAME(name), value)

/* The same of "lr", which all optimisers have. */
double tg_group_lr_at(const char *where, const tg_optimizer *optimizer, int64_t group);
tg_status tg_set_group_lr_at(const char *where, tg_optimizer *optimizer, int64_t group, double lr);
#define tg_lr(optimizer)                      tg_group_lr_at(TG_HERE, optimizer, 0)
#define tg_set_lr(optimizer, lr)              tg_set_group_lr_at(TG_HERE, optimizer, TG_ALL_GROUPS, lr)
#define tg_group_lr(optimizer, group)         tg_group_lr_at(TG_HERE, optimizer, TGI_GROUP_NUMBER(group))
#define tg_set_group_lr(optimizer, group, lr) tg_set_group_lr_at(TG_HERE, optimizer, TGI_GROUP_NUMBER(group), lr)

/* ---- state ---- */

/* How many updates a parameter has had, -1 on error; and what the optimiser keeps of it, under PyTorch's names
 * ("exp_avg"), which each kind's header lists: NULL before the first update, and where the options need no such state.
 * The optimiser owns the tensor, and writes to it at the next step. */
int64_t tg_optimizer_steps_at(const char *where, const tg_optimizer *optimizer, const tg_tensor *parameter);
tg_tensor *tg_optimizer_state_at(const char *where, const tg_optimizer *optimizer, const tg_tensor *parameter,
                                 const char *name);
#define tg_optimizer_steps(optimizer, parameter)       tg_optimizer_steps_at(TG_HERE, optimizer, parameter)
#define tg_optimizer_state(optimizer, parameter, name) tg_optimizer_state_at(TG_HERE, optimizer, parameter, name)

TG_END_DECLS

#endif
