/* sequence_run.h: a run over a shuffled loader: an LSTM, dropout, RMSprop, a scheduler that steps with epochs. Whoever
 * begins it anew at any batch, from a checkpoint, ends with the same bits. */
#ifndef TG_TESTS_SUPPORT_SEQUENCE_RUN_H
#define TG_TESTS_SUPPORT_SEQUENCE_RUN_H

#include "tapegrad.h"

#include <math.h>

typedef struct sequence_run {
    tg_lstm *lstm;
    tg_linear *head;
    tg_module_list *model;
    tg_optimizer *optimizer;
    tg_scheduler *scheduler;
    tg_loader *loader;
    tg_generator generator; /* the loader's own, if it has one */
    int64_t step;
    double mean; /* of the losses */
} sequence_run;

/* The data are the same whatever the seed. */
static inline tg_dataset *sequence_data(int64_t samples)
{
    const tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_sin(tg_mul(tg_arange(0, samples * 12, 1, .dtype = TG_FLOAT32), 0.37));
    tg_tensor *rows = tg_reshape(x, tg_shape(samples, 12));
    tg_dataset *data =
        tg_tensor_dataset_new(tg_list(tg_reshape(x, tg_shape(samples, 4, 3)), tg_sum(rows, .dim = 1)));
    tg_scope_end(scope);
    return data;
}

/* Of a seed that is a run's own until a checkpoint is loaded. In place, for the loader borrows the generator. */
static inline void sequence_run_begin(sequence_run *r, uint64_t seed, bool own_generator, int64_t prefetch)
{
    *r = (sequence_run){ .step = 0 };
    tg_manual_seed(seed);
    tg_generator_seed(&r->generator, seed + 1);
    r->lstm = tg_lstm_new(3, 5, .num_layers = 2, .batch_first = true, .dropout = 0.3);
    r->head = tg_linear_new(5, 1);
    r->model = tg_module_list_new(r->lstm, r->head);
    r->optimizer = tg_rmsprop_new(tg_parameters(r->model), .lr = 0.01, .momentum = 0.5, .centered = true);
    r->scheduler = tg_cosine_annealing_lr_new(r->optimizer, 4);
    r->loader = tg_loader_new(sequence_data(10), .batch_size = 3, .shuffle = true, .prefetch = prefetch,
                              .generator = own_generator ? &r->generator : NULL);
}

static inline void sequence_run_end(sequence_run *r)
{
    tg_loader_free(r->loader);
    tg_scheduler_free(r->scheduler);
    tg_optimizer_free(r->optimizer);
    tg_module_free(r->model);
}

#define SEQUENCE_RUN(r)                                                                                                \
    .model = TG_MODULE((r)->model), .optimizer = (r)->optimizer, .scheduler = (r)->scheduler, .loader = (r)->loader,   \
    .step = &(r)->step, .values = tg_variables(tg_variable("mean", &(r)->mean))

static inline void sequence_step(sequence_run *r, const tg_batch *batch)
{
    tg_tensor *hidden = tg_lstm_forward(r->lstm, batch->items[0]).output;
    tg_tensor *y = tg_squeeze(tg_linear_forward(r->head, tg_select(hidden, 1, -1)), 1);
    tg_tensor *loss = tg_mse_loss(y, batch->items[1]);
    tg_zero_grad(r->optimizer);
    tg_backward(loss);
    tg_clip_grad_norm_(tg_parameters(r->model), 1);
    tg_step(r->optimizer);
    r->step++;
    r->mean += (tg_item(loss) - r->mean) / (double)r->step;
}

/* To the end of so many epochs, from wherever it is; `saved` is called behind each step. */
static inline void sequence_run_on(sequence_run *r, int64_t epochs, void (*saved)(sequence_run *r))
{
    for (int64_t epoch = tg_loader_epoch(r->loader); tg_ok() && epoch < epochs; epoch++) {
        TG_FOR_BATCHES(batch, r->loader) {
            sequence_step(r, batch);
            if (saved) saved(r);
        }
        tg_scheduler_step(r->scheduler);
    }
}

#endif
