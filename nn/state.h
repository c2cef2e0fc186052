/* state.h: all that a model has learnt, under names, and how it comes into another model of the same build:
 * `tg_load_state_dict(other, tg_state_dict(model))`. */
#ifndef TG_NN_STATE_H
#define TG_NN_STATE_H

#include "module.h"

TG_BEGIN_DECLS

/* Every parameter and persistent buffer under PyTorch's key, in PyTorch's order: a module's parameters, then its
 * buffers, then its children's. What is shared stands there under every name that it has. The tensors are the model's
 * own, no copies; the list lives as long as the innermost scope. */
tg_named_tensor_list tg_state_dict_at(const char *where, tg_module *m);
#define tg_state_dict(m) tg_state_dict_at(TG_HERE, TG_MODULE(m))

/* Whether the state has the buffer `name`, one of m's own; at first it has (persistent=True of register_buffer). What
 * can be computed anew, as a mask, need not be there. */
tg_status tg_set_buffer_persistent_at(const char *where, tg_module *m, const char *name, bool persistent);
#define tg_set_buffer_persistent(m, name, persistent)                                                                  \
    tg_set_buffer_persistent_at(TG_HERE, TG_MODULE(m), name, persistent)

/* The entries whose names begin with `prefix`, without it: of "encoder.weight" and "head.bias", "encoder." gives
 * "weight". The list lives as long as the innermost scope, the names as long as the list's own. No such entry: an empty
 * list, and no error. */
tg_named_tensor_list tg_named_with_prefix_at(const char *where, tg_named_tensor_list list, const char *prefix);
#define tg_named_with_prefix(list, prefix) tg_named_with_prefix_at(TG_HERE, list, prefix)

typedef struct tg_key_list {
    const char *const *items;
    int64_t count;
} tg_key_list;

typedef struct tg_incompatible_keys {
    tg_key_list missing;    /* the model has them, the list has not; in the order of tg_state_dict */
    tg_key_list unexpected; /* the reverse, in the list's order */
} tg_incompatible_keys;

typedef struct tg_load_state_dict_options {
    bool strict; /* a key that is missing or unexpected is an error; otherwise it is passed over */
    /* Where to tell which they are, error or not; both empty where the call fails before it knows. The lists live as
     * long as the innermost scope, the unexpected names as long as those of `state`. NULL: nowhere */
    tg_incompatible_keys *incompatible;
    bool assign; /* nothing is copied: the model's tensors lie in the memory of the list's */
    TG_OPTIONS_END
} tg_load_state_dict_options;
#define TG_LOAD_STATE_DICT_DEFAULTS                                                                                    \
    /* strict */ true, /* incompatible */ NULL, /* assign */ false TG_DEFAULTS_END

/* Copies values into the model's parameters and buffers of the same names, converted to their dtypes:
 * `tg_load_state_dict(m, tg_state_dict(other))`, `tg_load_state_dict(m, list, .strict = false)`. The tensors stay the
 * same, so that optimisers and fields still hold them; each counts a write, and nothing is recorded. Shapes agree, but
 * for one element, which may be of no dimension or of one. Of a key that comes twice the last one counts. All or
 * nothing: when anything is wrong the model is as it was, and the error names every missing, unexpected and misshapen
 * key, as far as its text has room. Nothing is loaded while an error is pending.
 *
 * With `.assign = true` nothing is copied, as with PyTorch's assign=True: each parameter and buffer gets the memory of
 * the list's tensor in place of its own, which it keeps when the list goes. So a model computes with the pages of a
 * file: `tg_load_state_dict(m, tg_load_safetensors(path, .mapped = true), .assign = true)`. The tensors stay the same
 * here, too: fields, optimisers, names that share one and requires_grad are as before. They are leaves then, without
 * gradients, and dtypes must agree. What is written into the model, by an optimiser's step, say, the list's tensors
 * show, and the reverse (but not the file: its mapping is private); two that got the memory of one are two parameters
 * with the same elements. A tensor that is not contiguous is copied. For a tape it is a write into both: a backward
 * that needs the values of before is an error. */
tg_status tg_load_state_dict_at(const char *where, tg_module *m, tg_named_tensor_list state,
                                tg_load_state_dict_options options);
#define tg_load_state_dict(m, state, ...)                                                                              \
    tg_load_state_dict_at(TG_HERE, TG_MODULE(m), state,                                                                \
                          TG_OPTIONS(tg_load_state_dict_options, TG_LOAD_STATE_DICT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
