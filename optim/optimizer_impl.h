/* optimizer_impl.h: what a kind of optimiser supplies. Users have optimizer.h. */
#ifndef TG_OPTIM_OPTIMIZER_IMPL_H
#define TG_OPTIM_OPTIMIZER_IMPL_H

#include "adam.h"
#include "optimizer.h"
#include "sgd.h"

TG_EXTERN_C_BEGIN

enum { TGI_MAX_STATE = 3 }; /* state arrays of one parameter */

/* The options of any kind; a new kind adds its own here. */
typedef union tgi_optimizer_options {
    tg_adam_options adam;
    tg_sgd_options sgd;
} tgi_optimizer_options;

/* A piece of one parameter, contiguous, n elements long. */
typedef struct tgi_update {
    const tgi_optimizer_options *options;
    int64_t step;   /* 1 at the parameter's first update */
    tg_dtype dtype; /* floating */
    int64_t n;
    void *values; /* written */
    const void *gradient;
    void *state[TGI_MAX_STATE]; /* written; zeros before the first update */
} tgi_update;

typedef struct tgi_optimizer_class tgi_optimizer_class;
struct tgi_optimizer_class {
    const char *name;
    size_t lr, weight_decay; /* where these two stand in the options: offsetof(tgi_optimizer_options, ...) */
    /* Records what is wrong with the options; true when nothing is. */
    bool (*check)(const char *where, const tgi_optimizer_class *kind, const tgi_optimizer_options *options);
    int (*state_count)(const tgi_optimizer_options *options);
    void (*update)(const tgi_update *update); /* cannot fail */
};

/* What the constructors end in. */
tg_optimizer *tgi_optimizer_new(const char *where, const tgi_optimizer_class *kind, tg_tensor_list parameters,
                                tgi_optimizer_options options);

/* True if `ok`; otherwise records "Invalid <what>: <value>" and is false. */
bool tgi_option_ok(const char *where, const tgi_optimizer_class *kind, bool ok, const char *what, double value);

TG_EXTERN_C_END

#endif
