/* fetch_impl.h: a batch made of the numbers of its samples, on whichever thread. */
#ifndef TG_NN_DATA_FETCH_IMPL_H
#define TG_NN_DATA_FETCH_IMPL_H

#include "collate.h"
#include "dataset_impl.h"

TG_EXTERN_C_BEGIN

/* How batches are made in a pass. */
typedef struct tgi_recipe {
    tg_dataset *dataset;
    tg_collate_fn collate; /* NULL: the dataset's own way */
    void *collate_context;
    uint64_t base_seed;
} tgi_recipe;

/* One batch: what is asked for and what came of it. */
typedef struct tgi_job {
    int64_t *indices;
    int64_t count, room;
    int64_t first; /* the place of its first sample in the pass */
    int fields;    /* how many of these hold a reference */
    tg_tensor *field[TG_MAX_FIELDS];
} tgi_job;

/* Makes room for so many indices. False with an error pending. */
bool tgi_job_reserve(tgi_job *job, int64_t count);
/* Makes the batch: the job has a reference to each field then. False with an error pending. */
bool tgi_job_run(tgi_job *job, const tgi_recipe *recipe);
/* Drops what it made. */
void tgi_job_drop(tgi_job *job);
/* The same, and its memory. */
void tgi_job_free(tgi_job *job);

TG_EXTERN_C_END

#endif
