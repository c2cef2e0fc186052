/* state_object.h: an optimiser's state as PyTorch's own nested dict, for .pt files: what torch.optim loads, and what it
 * saves.
 *
 *     tg_save_pt(tg_dict("model", tg_state_dict(m), "optimizer", tg_optimizer_state_object(adam)), "checkpoint.pt");
 *         adam.load_state_dict(torch.load("checkpoint.pt")["optimizer"])
 *     tg_optimizer_load_state_object(adam, tg_object_get(tg_load_pt("checkpoint.pt"), "optimizer")); */
#ifndef TG_OPTIM_STATE_OBJECT_H
#define TG_OPTIM_STATE_OBJECT_H

#include "../core/file/object.h"
#include "optimizer.h"

TG_BEGIN_DECLS

/* {"state": {0: {"step": 2, "exp_avg": ...}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), ..., "params":
 * [0]}]}: what tg_optimizer_state_dict lists (state_dict.h), in dicts; a state that is yet to be made is left out.
 * The states are the optimiser's own, no copies: a step changes them. NULL on error. */
tg_object *tg_optimizer_state_object_at(const char *where, const tg_optimizer *optimizer);
#define tg_optimizer_state_object(optimizer) tg_optimizer_state_object_at(TG_HERE, optimizer)

/* Takes over such a dict, as tg_optimizer_load_state_dict does a list: all or nothing. Options of PyTorch's that there
 * are none of here ("foreach", "fused", ...) are passed over, flags that older versions do not have are false, and a
 * parameter whose steps are not counted there (of SGD) has had one. */
tg_status tg_optimizer_load_state_object_at(const char *where, tg_optimizer *optimizer, const tg_object *state);
#define tg_optimizer_load_state_object(optimizer, state) tg_optimizer_load_state_object_at(TG_HERE, optimizer, state)

TG_END_DECLS

#endif
