/* sampler_impl.h: samplers as loaders see them. */
#ifndef TG_NN_DATA_SAMPLER_IMPL_H
#define TG_NN_DATA_SAMPLER_IMPL_H

#include "dataset_impl.h"
#include "sampler.h"

TG_EXTERN_C_BEGIN

struct tg_sampler {
    tgi_owned life;
    tg_sampler_options is;
    tg_sampler *inner;  /* of a batch sampler: what it takes from; its own functions are not called */
    int64_t batch_size; /* likewise */
    bool drop_last;
};

/* Opens a function that was given a sampler; false, with an error pending, for one that cannot be used. */
bool tgi_sampler_ok(const char *where, const tg_sampler *s, const char *what);
void tgi_sampler_own(tg_sampler *s);
void tgi_sampler_disown(tg_sampler *s);
/* Frees one that was handed to a function that failed, unless it belongs to something else. Whatever it is given. */
void tgi_sampler_drop(tg_sampler *s);
/* -1 with an error pending. */
int64_t tgi_sampler_length(tg_sampler *s);

/* Those of a loader, which follow the length of its dataset. */
tg_sampler *tgi_sampler_of(tg_dataset *d, bool shuffle, tg_generator *generator);

TG_EXTERN_C_END

#endif
