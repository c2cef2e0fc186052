/* optimizer_class.h: what a kind of optimiser is. Those of the library are such classes; a program may define its own,
 * see docs/adding-an-optimizer.md.
 *
 *     typedef struct { double lr; } sign_sgd_options;
 *
 *     static void sign_sgd_update(tg_update *u)
 *     {
 *         const sign_sgd_options *o = u->options;
 *         u->parameter = tg_sub(u->parameter, tg_mul(tg_sign(u->gradient), o->lr));
 *     }
 *
 *     static const tg_optimizer_class sign_sgd = {
 *         .name = "SignSGD",
 *         .options_bytes = sizeof(sign_sgd_options),
 *         .options = { TG_OPTION(sign_sgd_options, lr) },
 *         .update = sign_sgd_update,
 *     };
 *
 *     tg_optimizer *optimizer =
 *         tg_optimizer_new(&sign_sgd, tg_parameters(model), &(sign_sgd_options){ .lr = 0.01 }); */
#ifndef TG_OPTIM_OPTIMIZER_CLASS_H
#define TG_OPTIM_OPTIMIZER_CLASS_H

#include "optimizer.h"

TG_BEGIN_DECLS

/* ---- options ---- An optimiser's options are the members of a struct, and a table that finds them by name. */

typedef enum tg_option_kind {
    TG_OPTION_DOUBLE = 1,
    TG_OPTION_BOOL,
    TG_OPTION_INT64,
} tg_option_kind;

/* One of them, made by TG_OPTION. */
typedef struct tg_option {
    const char *name; /* "momentum": the member's */
    tg_option_kind kind;
    size_t offset; /* of the member in the struct */
} tg_option;

/* The member of an options struct, as an element of a class's table. A member of another type than a double, a bool or
 * an int64_t does not compile. */
#define TG_OPTION(type, member)                                                                                        \
    {                                                                                                                  \
        #member, TGI_OPTION_KIND(type, member), offsetof(type, member)                                                 \
    }

TG_END_DECLS

#ifdef __cplusplus
template <class T> constexpr tg_option_kind tgi_option_kind(double T::*) { return TG_OPTION_DOUBLE; }
template <class T> constexpr tg_option_kind tgi_option_kind(bool T::*) { return TG_OPTION_BOOL; }
template <class T> constexpr tg_option_kind tgi_option_kind(int64_t T::*) { return TG_OPTION_INT64; }
#define TGI_OPTION_KIND(type, member) tgi_option_kind(&type::member)
#else
#define TGI_OPTION_KIND(type, member)                                                                                  \
    _Generic(((type *)0)->member, double : TG_OPTION_DOUBLE, bool : TG_OPTION_BOOL, int64_t : TG_OPTION_INT64)
#endif

TG_BEGIN_DECLS

enum { TG_MAX_STATES = 4, TG_MAX_OPTIONS = 16 };

/* One parameter's update, in ops. It runs under no_grad. */
typedef struct tg_update {
    const void *options; /* of the parameter's group: the class's struct */
    int64_t step;        /* 1 at the parameter's first update */
    bool fresh[TG_MAX_STATES]; /* the state was made for this update, and has its first value */
    tg_tensor *gradient; /* of the parameter's shape and dtype */
    /* Read, and replaced by new tensors of the same shape and dtype. What is not replaced stays as it is. */
    tg_tensor *parameter;
    tg_tensor *state[TG_MAX_STATES]; /* NULL where new_state made none */
} tg_update;

/* A piece of one parameter, in memory: n elements, contiguous. */
typedef struct tg_update_piece {
    const void *options;
    int64_t step;
    bool fresh[TG_MAX_STATES]; /* as above */
    tg_dtype dtype; /* TG_FLOAT32 or TG_FLOAT64 */
    int64_t n;
    const void *gradient;
    void *parameter;            /* written */
    void *state[TG_MAX_STATES]; /* written; NULL where there is none */
} tg_update_piece;

typedef struct tg_optimizer_class tg_optimizer_class;
struct tg_optimizer_class {
    const char *name;     /* "Adam", for errors */
    size_t options_bytes; /* sizeof of the options struct */
    /* What tg_group_option finds, and TG_MAX_OPTIONS at most: { TG_OPTION(tg_adam_options, lr), ... }. There must be an
     * "lr"; it and "weight_decay" are doubles, and never negative. */
    tg_option options[TG_MAX_OPTIONS];
    /* Whether the other options are good; false with an error recorded, see tg_option_ok. NULL: there is nothing to
     * check. */
    bool (*check)(const tg_optimizer_class *optimizer_class, const void *options);
    const char *states[TG_MAX_STATES]; /* the names of a parameter's states, "exp_avg"; NULL after the last one */
    /* A state's value before its first update, or NULL if these options need none. A state that they come to need later
     * (see tg_set_group_option) is made then. If new_state is NULL, each state is made of zeros, in the parameter's
     * shape and dtype. */
    tg_tensor *(*new_state)(const void *options, tg_tensor *parameter, int state);
    /* The update in ops. It must not write to the tensors it is given: new values are computed for all parameters
     * before the first one moves, so that a step that fails moves none. */
    void (*update)(tg_update *update);
    /* A faster way to the same values, or NULL: a loop over memory, which cannot fail. Large parameters are cut into
     * pieces, which may be updated on several threads at once. All states have the parameter's shape and dtype. */
    void (*update_fused)(const tg_update_piece *piece);
    /* In place of an update: a step of all parameters at once that evaluates the loss itself. The library's own. */
    const struct tgi_whole_step *whole;
};

/* An optimiser of a class, which is borrowed. `options` is the address of an options struct, which is copied. */
tg_optimizer *tg_optimizer_new_at(const char *where, const tg_optimizer_class *optimizer_class,
                                  tg_tensor_list parameters, const void *options, size_t options_bytes);
#define tg_optimizer_new(optimizer_class, parameters, ...)                                                             \
    tg_optimizer_new_at(TG_HERE, optimizer_class, parameters, __VA_ARGS__, sizeof *(__VA_ARGS__))

/* Returns `ok`. If it is false, it records "Invalid <what>: <value>" in the name of the class. */
bool tg_option_ok(const tg_optimizer_class *optimizer_class, bool ok, const char *what, double value);

const tg_optimizer_class *tg_optimizer_class_of_at(const char *where, const tg_optimizer *optimizer);
#define tg_optimizer_class_of(optimizer) tg_optimizer_class_of_at(TG_HERE, optimizer)

TG_END_DECLS

#endif
