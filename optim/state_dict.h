/* state_dict.h: all that an optimiser remembers, under names, and how it comes into another one of the same build:
 * `tg_optimizer_load_state_dict(other, tg_optimizer_state_dict(optimizer))`. */
#ifndef TG_OPTIM_STATE_DICT_H
#define TG_OPTIM_STATE_DICT_H

#include "../nn/module.h"
#include "optimizer.h"

TG_BEGIN_DECLS

/* PyTorch's state_dict, whose dicts are named one after the other. Parameters are numbered through all groups.
 *
 *     state.0.step             how many updates parameter 0 has had: int64, 0-d; nothing of one that has had none
 *     state.0.exp_avg          its states, under the names of tg_optimizer_state; the optimiser's own, no copies: a
 *                              step changes them. One that its options need and that the next step will make is an
 *                              empty tensor
 *     param_groups.0.lr        each option of group 0, under the names of tg_group_option: 0-d, float64, bool or int64
 *     param_groups.0.initial_lr  where its schedulers begin, if it has had one (scheduler.h): float64
 *     param_groups.0.params    the numbers of its parameters: int64
 *
 * L-BFGS has one state for all parameters: state.0.n_iter, .func_evals, .t, .H_diag, .prev_loss, .d, .prev_flat_grad,
 * .old_dirs.0, .old_stps.0, ... (lbfgs.h). The list, and what is in it, lives as long as the innermost scope. Empty on
 * error. */
tg_named_tensor_list tg_optimizer_state_dict_at(const char *where, const tg_optimizer *optimizer);
#define tg_optimizer_state_dict(optimizer) tg_optimizer_state_dict_at(TG_HERE, optimizer)

/* Takes over what such a list says, and forgets all it remembers itself: training goes on as it would have gone on
 * there. Numbers may be of any dtype, states are converted to theirs; values are copied. Of a name that comes twice the
 * last one counts. All or nothing: when anything is wrong the optimiser is as it was, and the error names every
 * missing, unexpected and misshapen entry, as far as its text has room. The parameters themselves are the module's. */
tg_status tg_optimizer_load_state_dict_at(const char *where, tg_optimizer *optimizer, tg_named_tensor_list state);
#define tg_optimizer_load_state_dict(optimizer, ...) tg_optimizer_load_state_dict_at(TG_HERE, optimizer, __VA_ARGS__)

TG_END_DECLS

#endif
