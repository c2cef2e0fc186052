/* lbfgs.h: L-BFGS (Nocedal, 1980), which looks at the loss of all parameters at once, several times a step:
 *
 *     static tg_tensor *closure(void *context)
 *     {
 *         training *t = context;
 *         tg_zero_grad(t->optimizer);
 *         tg_tensor *loss = tg_mse_loss(tg_module_forward(t->model, t->x), t->y);
 *         tg_backward(loss);
 *         return loss;
 *     }
 *
 *     t.optimizer = tg_lbfgs_new(tg_parameters(t.model), .line_search_fn = "strong_wolfe");
 *     double loss = tg_step_closure(t.optimizer, closure, &t);
 *
 * An iteration moves by t d, where d is -H g, and H the inverse of the curvature that the last `history_size` moves s
 * and changes y of the gradient show; t is lr, or what a search for the strong Wolfe conditions finds from there. All
 * parameters are one group. */
#ifndef TG_OPTIM_LBFGS_H
#define TG_OPTIM_LBFGS_H

#include "optimizer.h"

TG_BEGIN_DECLS

/* As .max_eval: five for four iterations. */
#define TG_FROM_MAX_ITER INT64_MIN

typedef struct tg_lbfgs_options {
    double lr;
    int64_t max_iter, max_eval; /* iterations in a step, and evaluations of the loss after which none begins */
    double tolerance_grad;      /* a step ends when no element of the gradient is larger, */
    double tolerance_change;    /* or when neither a parameter nor the loss changes by more */
    int64_t history_size;
    const char *line_search_fn; /* "strong_wolfe" or NULL */
    TG_OPTIONS_END
} tg_lbfgs_options;
#define TG_LBFGS_DEFAULTS                                                                                              \
    /* lr */ 1.0, /* max_iter */ 20, /* max_eval */ TG_FROM_MAX_ITER, /* tolerance_grad */ 1e-7,                       \
        /* tolerance_change */ 1e-9, /* history_size */ 100, /* line_search_fn */ NULL TG_DEFAULTS_END

tg_optimizer *tg_lbfgs_new_at(const char *where, tg_tensor_list parameters, tg_lbfgs_options options);
#define tg_lbfgs_new(parameters, ...)                                                                                  \
    tg_lbfgs_new_at(TG_HERE, parameters, TG_OPTIONS(tg_lbfgs_options, TG_LBFGS_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* What it remembers from step to step. The optimiser owns the tensors, which are the parameters in a row, and does not
 * write to them; the lists live as long as the innermost scope. */
typedef struct tg_lbfgs_state {
    int64_t n_iter, func_evals;        /* iterations and evaluations so far */
    double t, H_diag, prev_loss;       /* of the last iteration */
    tg_tensor *d, *prev_flat_grad;     /* NULL before the first */
    tg_tensor_list old_dirs, old_stps; /* changes y of the gradient, and the moves s that brought them */
} tg_lbfgs_state;
tg_lbfgs_state tg_lbfgs_state_of_at(const char *where, const tg_optimizer *optimizer);
/* Takes over what such a struct says, as if its steps had been made here: copies, of the parameters' dtype. All or
 * nothing. */
tg_status tg_lbfgs_set_state_at(const char *where, tg_optimizer *optimizer, tg_lbfgs_state state);
#define tg_lbfgs_state_of(optimizer)       tg_lbfgs_state_of_at(TG_HERE, optimizer)
#define tg_lbfgs_set_state(optimizer, ...) tg_lbfgs_set_state_at(TG_HERE, optimizer, __VA_ARGS__)

TG_END_DECLS

#endif
