/* collate_impl.h: the samples of a batch, gathered before they are collated. */
#ifndef TG_NN_DATA_COLLATE_IMPL_H
#define TG_NN_DATA_COLLATE_IMPL_H

#include "collate.h"

TG_EXTERN_C_BEGIN

/* In the innermost scope's memory. */
typedef struct tgi_samples {
    tg_tensor_list *items;
    int64_t count;
} tgi_samples;

/* Room for n samples; false with an error pending. */
bool tgi_samples_begin(tgi_samples *samples, int64_t n);
/* One more; false, with an error pending, when it has not as many fields as the others. */
bool tgi_samples_add(tgi_samples *samples, tg_tensor *const *fields, int count);

/* t[0]; NULL, with an error pending in the name of `what`, for a tensor that has none. */
tg_tensor *tgi_first_row(const char *what, tg_tensor *t);

TG_EXTERN_C_END

#endif
