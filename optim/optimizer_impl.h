/* optimizer_impl.h: what an optimiser is made of, for the files of this folder, and what the library's updates
 * share. */
#ifndef TG_OPTIM_OPTIMIZER_IMPL_H
#define TG_OPTIM_OPTIMIZER_IMPL_H

#include "nn/keys_impl.h"
#include "optimizer_class.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_optimized {
    tg_tensor *tensor; /* one reference is ours, of the states too */
    tg_tensor *state[TG_MAX_STATES];
    int64_t steps;
    tg_shape shape; /* of the tensor when its first state was made */
    tg_dtype dtype;
    /* During a step. */
    bool fresh[TG_MAX_STATES]; /* the state was made in this step, and has seen no update yet */
    tg_tensor *gradient; /* NULL if there is none */
    tg_tensor *values;   /* what update_fused writes to, contiguous; the step's scope has it */
    tg_tensor *new_values, *new_state[TG_MAX_STATES]; /* what update made, ours; NULL: as it was */
} tgi_optimized;

typedef struct tgi_group {
    struct tgi_group *next;
    size_t bytes;  /* of this block, */
    void *options; /* at whose end they are */
    bool has_initial_lr;
    double initial_lr; /* what schedulers begin from */
    int64_t count;
    tgi_optimized parameters[];
} tgi_group;

/* A state dict that is made; it has room. */
typedef struct tgi_state_writer {
    tg_named_tensor *items;
    int64_t count;
} tgi_state_writer;

/* "state.0.NAME". */
void tgi_state_put(tgi_state_writer *w, const char *name, tg_tensor *t);

/* A class whose step looks at the loss of all parameters, of one group, several times. */
typedef struct tgi_whole_step {
    size_t memory_bytes; /* zeroed; what an optimiser remembers from step to step */
    void (*free)(void *memory); /* what it holds */
    /* The loss before the step; an error recorded leaves the parameters and the memory as they were. */
    double (*step)(tg_optimizer *optimizer, tg_closure closure, void *context);
    /* For the state dict: entries of the memory, at most so many, whose names get "state.0." in front; and zeroed
     * memory filled from such entries. False with an error pending; what is wrong with the entries may be reported
     * instead. Either way the memory is to be freed. */
    int64_t (*state_count)(const tg_optimizer *optimizer);
    void (*put_state)(tgi_state_writer *w, const tg_optimizer *optimizer);
    bool (*read_state)(void *memory, const tg_optimizer *optimizer, tgi_keys *keys, tgi_key_report *report);
} tgi_whole_step;

/* Who must know when an optimiser is gone. */
typedef struct tgi_watcher {
    struct tgi_watcher *next;
    tg_optimizer *optimizer; /* NULL when it was freed */
} tgi_watcher;

struct tg_optimizer {
    uint64_t alive; /* what an optimiser begins with, and no other handle */
    const tg_optimizer_class *kind;
    size_t bytes;   /* of this block, */
    void *defaults; /* at whose end they are: the options it was made with */
    bool stepping;
    int64_t steps; /* calls of tg_step that went well */
    int64_t group_count;
    tgi_group *first, *last;
    tgi_watcher *watchers;
    void *memory; /* of a class with a step of all parameters */
};

/* Remembers the user's place; false, with an error pending, without an optimiser. */
bool tgi_optimizer_ok(const char *where, const tg_optimizer *optimizer, const char *what);

/* Calls the closure of a step in a scope of its own in which gradients flow. The loss; NaN, and an error pending, if
 * there is none. */
double tgi_loss_of(const char *name, tg_closure closure, void *context);

/* From now until tgi_unwatch, which may come after the optimiser's end. */
void tgi_watch(tg_optimizer *optimizer, tgi_watcher *watcher);
void tgi_unwatch(tgi_watcher *watcher);

/* What counts is less than this, and so is exact as a double. */
#define TGI_MOST_COUNT (INT64_C(1) << 53)

/* ---- options ---- */

/* Whether an option lies in a struct of so many bytes. */
bool tgi_option_fits(const tg_option *option, size_t bytes);
/* What is wrong with a class's table of options; NULL if nothing is. */
const char *tgi_option_table_problem(const tg_optimizer_class *kind);
/* False, with an error pending, if the class refuses these options. */
bool tgi_options_ok(const tg_optimizer_class *kind, const void *options);
/* An option by its name, NULL if there is none; and its value in a struct. */
const tg_option *tgi_option_named(const tg_optimizer_class *kind, const char *name);
double tgi_option_value(const tg_option *option, const void *options);
/* The same as a tensor without dimensions, of the option's type. */
tg_tensor *tgi_option_tensor(const tg_option *option, const void *options);
/* Whether the option's type has this value; and how one that it has is written. */
bool tgi_option_takes(const tg_option *option, double value);
void tgi_option_put(const tg_option *option, void *options, double value);
/* Writes it; false, with an error pending, if it is a value that the option's type does not have. */
bool tgi_option_write(const tg_optimizer_class *kind, const tg_option *option, void *options, double value);

/* tg_optimizer_load_state_dict in two steps, under no_grad. NULL with an error pending. */
tgi_loading *tgi_optimizer_loading(const char *where, tg_optimizer *optimizer, tg_named_tensor_list state);

/* ---- updates ---- */

/* Whether shapes and dtypes are the same. */
bool tgi_alike(const tg_tensor *a, const tg_tensor *b);
/* A new tensor, the first value of state i of a parameter; NULL where the options need none, or with an error
 * pending. */
tg_tensor *tgi_first_state(const tg_optimizer_class *kind, const void *options, const tgi_optimized *p, int i);

/* Whether these are good: all optimisers that come from Adam have them. */
bool tgi_adam_options_ok(const tg_optimizer_class *kind, double eps, double beta1, double beta2);
/* The gradient as most updates use it: negated to maximize, and with weight_decay times the parameter added. A decay of
 * 0 does not touch the parameter: 0 times infinity would be NaN. */
tg_tensor *tgi_effective_gradient(const tg_update *u, bool maximize, double weight_decay);

/* Running means: beta mean + (1 - beta) x, and the same of x^2. */
tg_tensor *tgi_mean_of(tg_tensor *mean, tg_tensor *x, double beta);
tg_tensor *tgi_mean_of_squares(tg_tensor *mean, tg_tensor *x, double beta);

TG_EXTERN_C_END

#endif
