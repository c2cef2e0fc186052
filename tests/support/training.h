/* training.h: a small training with everything that a checkpoint keeps: weights and running statistics, an optimiser, a
 * scheduler, data and dropout drawn from the default generator, clipping. */
#ifndef TG_TESTS_SUPPORT_TRAINING_H
#define TG_TESTS_SUPPORT_TRAINING_H

#include "cmocka_all.h"
#include "tapegrad.h"

#include <string.h>

typedef struct training {
    tg_sequential *model;
    tg_optimizer *optimizer;
    tg_scheduler *scheduler; /* or NULL */
    int64_t step;
    double loss;
    char note[16];
} training;

static inline tg_tensor *training_closure(void *context)
{
    training *t = context;
    tg_zero_grad(t->optimizer);
    tg_tensor *x = tg_randn(tg_shape(5, 4));
    tg_tensor *loss = tg_mse_loss(tg_module_forward(t->model, x), tg_narrow(x, 1, 1, 2));
    tg_backward(loss);
    tg_clip_grad_norm_(tg_parameters(t->model), 0.5);
    return loss;
}

static inline void train(training *t, int steps)
{
    for (int i = 0; tg_ok() && i < steps; i++) {
        const tg_scope scope = tg_scope_begin();
        t->loss = tg_step_closure(t->optimizer, training_closure, t);
        t->step++;
        tg_scope_end(scope);
    }
}

/* The optimiser and the scheduler are for the caller to make. */
static inline training training_of(uint64_t seed)
{
    tg_manual_seed(seed);
    training t = { .note = "begun" };
    t.model = tg_sequential_new(tg_linear_new(4, 6), tg_batch_norm1d_new(6), tg_tanh_new(), tg_dropout_new(0.25),
                                tg_linear_new(6, 2));
    return t;
}

/* With Adam and StepLR. */
static inline training usual_training(uint64_t seed)
{
    training t = training_of(seed);
    t.optimizer = tg_adam_new(tg_parameters(t.model), .lr = 0.01, .amsgrad = true);
    t.scheduler = tg_step_lr_new(t.optimizer, 3);
    return t;
}

static inline void training_end(training *t)
{
    tg_scheduler_free(t->scheduler);
    tg_optimizer_free(t->optimizer);
    tg_module_free(t->model);
}

/* All of it, as arguments: `tg_checkpoint_save(path, ALL_OF(t))`. */
#define ALL_OF(t)                                                                                                      \
    .model = TG_MODULE((t)->model), .optimizer = (t)->optimizer, .scheduler = (t)->scheduler, .step = &(t)->step,      \
    .values = tg_variables(tg_variable("loss", &(t)->loss), tg_variable("note", (t)->note))

/* A copy of everything, in the innermost scope. */
enum { MOST_ENTRIES = 512 };
typedef struct training_copy {
    tg_named_tensor items[MOST_ENTRIES];
    int64_t count, step;
    double loss;
    char note[16];
    tg_generator generator;
} training_copy;

static inline void copy_list(training_copy *c, tg_named_tensor_list list)
{
    const tg_scope quiet = tg_no_grad_begin();
    for (int64_t i = 0; i < list.count; i++) {
        assert_true(c->count < MOST_ENTRIES);
        c->items[c->count++] = (tg_named_tensor){ list.items[i].name, tg_keep(tg_clone(list.items[i].tensor)) };
    }
    tg_scope_end(quiet);
}

static inline training_copy *copy_of_training(const training *t)
{
    training_copy *c = calloc(1, sizeof *c);
    assert_non_null(c);
    copy_list(c, tg_state_dict(t->model));
    copy_list(c, tg_optimizer_state_dict(t->optimizer));
    if (t->scheduler) copy_list(c, tg_scheduler_state_dict(t->scheduler));
    c->step = t->step;
    c->loss = t->loss;
    memcpy(c->note, t->note, sizeof c->note);
    c->generator = *tg_default_generator();
    return c;
}

static inline void copy_end(training_copy *c)
{
    for (int64_t i = 0; i < c->count; i++) tg_release(c->items[i].tensor);
    free(c);
}

static inline bool same_bits(const tg_tensor *a, const tg_tensor *b)
{
    const tg_shape x = tg_shape_of(a), y = tg_shape_of(b);
    const tg_dtype dtype = tg_dtype_of(a);
    if (!tg_shape_equal(&x, &y) || dtype != tg_dtype_of(b)) return false;
    const size_t bytes = (size_t)tg_numel(a) * tg_dtype_size(dtype);
    return bytes == 0 || memcmp(tg_data(a, dtype), tg_data(b, dtype), bytes) == 0;
}

static inline bool same_generator(const tg_generator *a, const tg_generator *b)
{
    return memcmp(a->state, b->state, sizeof a->state) == 0 && a->index == b->index &&
           a->has_next_normal == b->has_next_normal && a->next_normal == b->next_normal;
}

/* NULL if they are the same to the bit; otherwise what is not. */
static inline const char *difference(const training_copy *a, const training_copy *b)
{
    if (a->count != b->count) return "the number of entries";
    for (int64_t i = 0; i < a->count; i++)
        if (!same_bits(a->items[i].tensor, b->items[i].tensor)) return a->items[i].name;
    if (a->step != b->step) return "step";
    if (memcmp(&a->loss, &b->loss, sizeof a->loss) != 0) return "loss";
    if (strcmp(a->note, b->note) != 0) return "note";
    return same_generator(&a->generator, &b->generator) ? NULL : "the generator";
}

/* Frees the copy. */
static inline void assert_unchanged(const training *t, training_copy *before)
{
    const tg_scope scope = tg_scope_begin();
    training_copy *now = copy_of_training(t);
    const char *what = difference(before, now);
    if (what) fail_msg("changed: %s", what);
    copy_end(now);
    copy_end(before);
    tg_scope_end(scope);
}

#endif
