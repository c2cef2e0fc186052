/* dataset_impl.h: datasets and samplers as this folder's files see them. Users have dataset.h and sampler.h. */
#ifndef TG_NN_DATA_DATASET_IMPL_H
#define TG_NN_DATA_DATASET_IMPL_H

#include "core/tensor_impl.h"
#include "dataset.h"

TG_EXTERN_C_BEGIN

/* How a dataset or a sampler knows whether it is there, and who has it. */
typedef struct tgi_owned {
    uint32_t alive;
    int32_t owners; /* what it was handed to, and as often as it is kept */
    int32_t kept;   /* of datasets: by tg_dataset_keep, how often */
} tgi_owned;

struct tg_dataset {
    tgi_owned life;
    tg_dataset_options is;
};

/* Opens a function that was given a dataset; false, with an error pending, for one that cannot be used, and when an
 * error is pending already. */
bool tgi_dataset_ok(const char *where, const tg_dataset *d, const char *what);

/* One owner more; one fewer, and the last one frees it. */
void tgi_dataset_own(tg_dataset *d);
void tgi_dataset_disown(tg_dataset *d);
/* Frees one that was handed to a function that failed, unless it belongs to something else. Whatever it is given. */
void tgi_dataset_drop(tg_dataset *d);

/* -1 with an error pending. */
int64_t tgi_dataset_length(tg_dataset *d);
/* How many fields there are, which can all be used; -1 with an error pending. Indices are in range. */
int tgi_dataset_item(tg_dataset *d, int64_t index, tg_tensor **fields);
/* By the dataset's own function for batches, or of items that are stacked. */
int tgi_dataset_batch(tg_dataset *d, tg_tensor *indices, tg_tensor **fields);

/* int64 [n] of these numbers; NULL with an error pending. */
tg_tensor *tgi_index_tensor(const int64_t *indices, int64_t count);
/* The numbers in a contiguous int64 vector; NULL with an error pending, and `*count` 0, for anything else. */
const int64_t *tgi_index_vector(const char *what, tg_tensor *t, int64_t *count);

TG_EXTERN_C_END

#endif
