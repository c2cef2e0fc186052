/* loader.h: a dataset in batches; torch.utils.data.DataLoader, in PyTorch's very order for a seed.
 *
 *     tg_dataset *data = tg_tensor_dataset_new(tg_list(x, y));
 *     tg_loader *loader = tg_loader_new(data, .batch_size = 32, .shuffle = true);
 *     for (int epoch = 0; tg_ok() && epoch < 10; epoch++) {
 *         TG_FOR_BATCHES(batch, loader) {
 *             tg_tensor *inputs = batch->items[0], *targets = batch->items[1];
 *             ...
 *         }
 *     }
 *     tg_loader_free(loader);                     // and with it the dataset
 *
 * Each run through such a loop is a pass. Each batch has a scope of its own: what the body makes goes when the batch
 * is done, however the body is left (break, continue, return, goto). A loss to be printed later is taken out with
 * tg_item, a tensor with tg_keep. A pending error ends the loop.
 *
 * A loader is one place in the data, as an open file is: a loop over a loader inside a loop over the same loader is an
 * error. Two loaders may share a dataset (tg_dataset_keep), and loops over different loaders nest. A loader is used by
 * one thread at a time, a pass by one thread.
 *
 * Random numbers. A pass draws what PyTorch's does when it does: at its beginning a base seed of 64 bits, from
 * .generator or the thread's default one; then what the sampler draws, which for `.shuffle = true` is 64 bits more that
 * seed the generator of the permutation (or, with .generator, the permutation itself). What datasets draw when they
 * make a sample comes from the base seed and the sample's place in the pass (dataset.h). */
#ifndef TG_NN_DATA_LOADER_H
#define TG_NN_DATA_LOADER_H

#include "../module.h"
#include "collate.h"
#include "dataset.h"
#include "sampler.h"

TG_BEGIN_DECLS

typedef struct tg_loader tg_loader;

typedef struct tg_loader_options {
    int64_t batch_size;
    bool shuffle;              /* another order in each pass */
    tg_sampler *sampler;       /* the order, instead of `shuffle`. Taken over */
    tg_sampler *batch_sampler; /* each of its draws is a batch; instead of all of the above and drop_last. Taken over */
    tg_collate_fn collate;     /* makes samples a batch; NULL: tg_collate_stack, or the dataset's own way */
    void *collate_context;     /* handed to it; it must outlive the loader */
    bool drop_last;            /* a last batch that is not full is left out */
    tg_generator *generator;   /* of the base seed and of `shuffle`; borrowed. NULL: the thread's default */
    int64_t prefetch;          /* so many batches are made ahead, by a thread of the loader's; 0: none, no thread */
    TG_OPTIONS_END
} tg_loader_options;
#define TG_LOADER_DEFAULTS                                                                                             \
    /* batch_size */ 1, /* shuffle */ false, /* sampler */ NULL, /* batch_sampler */ NULL, /* collate */ NULL,         \
        /* collate_context */ NULL, /* drop_last */ false, /* generator */ NULL, /* prefetch */ 0 TG_DEFAULTS_END

/* The most that .prefetch can be. */
#define TG_MAX_PREFETCH 1024

/* Takes over the dataset and the samplers, also when it fails. NULL on error.
 *
 * Prefetching changes nothing but the time: batches are the same to the bit, random streams go on as they would
 * without, and an error appears at the batch where it happened. A sampler that draws in turn (sampler.h) is not asked
 * ahead of time, so no batch is made ahead of what it has given. Where no thread can be started, and in a child process
 * that was forked in the middle of a pass, the caller makes the batches itself. Warnings from a dataset's functions are
 * told on the loader's thread. */
tg_loader *tg_loader_new_at(const char *where, tg_dataset *dataset, tg_loader_options options);
#define tg_loader_new(dataset, ...)                                                                                    \
    tg_loader_new_at(TG_HERE, dataset,                                                                                 \
                     TG_OPTIONS(tg_loader_options, TG_LOADER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* NULL is fine. In the middle of a pass the loop ends after this batch, and the loader goes then. */
void tg_loader_free_at(const char *where, tg_loader *loader);
#define tg_loader_free(loader) tg_loader_free_at(TG_HERE, loader)

/* ---- the loop ---- */

typedef struct tg_batch {
    tg_tensor *const *items;  /* its fields; behind the last one there are some that are NULL */
    int64_t count;            /* how many there are */
    int64_t size;             /* how many samples it has */
    const int64_t *indices;   /* which ones */
    int64_t index;            /* which batch of the pass it is, from 0 */
    int64_t epoch;            /* which pass this is, from 0 */
    tg_loader *loader;
} tg_batch;

/* The statement that follows runs for each batch of a pass, with `batch`, a tg_batch *, valid until its end. After
 * tg_loader_load_state_dict the pass goes on where it was. */
#define TG_FOR_BATCHES(batch, loader)                                                                                  \
    for (tg_batch *batch __attribute__((cleanup(tg_batches_end))) = tg_batches_begin_at(TG_HERE, loader); batch;       \
         batch = tg_batches_next_at(TG_HERE, batch))

/* What the loop is made of, for other languages: the first batch, the next one, and the end of a pass that is left
 * early. Each batch begins a scope, which the next call ends. NULL: there are no more, or an error is pending; then the
 * pass has ended. */
tg_batch *tg_batches_begin_at(const char *where, tg_loader *loader);
tg_batch *tg_batches_next_at(const char *where, tg_batch *batch);
void tg_batches_end(tg_batch **batch);

/* ---- where it is ---- each -1 on error */

/* How many batches a pass has. */
int64_t tg_loader_length_at(const char *where, tg_loader *loader);
#define tg_loader_length(loader) tg_loader_length_at(TG_HERE, loader)

/* Which pass is running, or will be the next: how many there were before, whether they went to their end or not. A run
 * that can be resumed counts its epochs with it:
 * `for (int64_t epoch = tg_loader_epoch(loader); tg_ok() && epoch < 10; epoch++)`. */
int64_t tg_loader_epoch_at(const char *where, tg_loader *loader);
#define tg_loader_epoch(loader) tg_loader_epoch_at(TG_HERE, loader)

/* How many batches of the pass are done, the one in the loop's body included; 0 outside of a loop, unless a state was
 * loaded. */
int64_t tg_loader_batches_done_at(const char *where, tg_loader *loader);
#define tg_loader_batches_done(loader) tg_loader_batches_done_at(TG_HERE, loader)

/* The place as named tensors, 0-d and 1-d, int64. The list, and what is in it, belongs to the innermost scope.
 *
 *     epoch, batch              tg_loader_epoch, tg_loader_batches_done
 *     samples, batch_size       of dataset and loader, the same where it is loaded; 0: of a batch sampler
 *     generator                 the state of .generator, where there is one: its words, index and next normal number
 *     sampler.generator         the same of the sampler's own
 *
 * and, when batch is not 0,
 *
 *     base_seed                 of the pass
 *     used                      how many samples are done
 *     sampler.seed              of a sampler that is seeded
 *     sampler.given             of one that draws in turn: what it has given so far, whether that was all, and what is
 *     sampler.over              left of it
 *     sampler.indices
 *
 * In the loop's body it means "this batch is done", however many were made ahead; so a step that is to be resumed is
 * saved where it ends, in the body: what is saved after a `break` says that the next pass is a whole one, as it is
 * then. The default generator's state is not part of it. */
tg_named_tensor_list tg_loader_state_dict_at(const char *where, tg_loader *loader);
#define tg_loader_state_dict(loader) tg_loader_state_dict_at(TG_HERE, loader)

/* The next pass goes on there: with the batches that were left, none if all were done, and later passes are shuffled as
 * they would have been. The loader is one of the same build, though .prefetch may differ, and in no loop. Where no pass
 * was in its middle, with none of its batches done or all of them, .batch_size may differ, too. All or nothing; the
 * error names what is missing, unexpected or wrong. */
tg_status tg_loader_load_state_dict_at(const char *where, tg_loader *loader, tg_named_tensor_list state);
#define tg_loader_load_state_dict(loader, ...) tg_loader_load_state_dict_at(TG_HERE, loader, __VA_ARGS__)

TG_END_DECLS

#endif
