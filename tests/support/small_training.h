/* small_training.h: a model of few weights that learns the sum of four numbers, for what watches a training. */
#ifndef TG_TESTS_SUPPORT_SMALL_TRAINING_H
#define TG_TESTS_SUPPORT_SMALL_TRAINING_H

#include "tapegrad.h"

typedef struct run {
    tg_module *model;
    tg_optimizer *optimizer;
    tg_tensor *x, *y;
} run;

static inline run run_new(tg_module *model, double lr)
{
    tg_manual_seed(1);
    run r = { .model = model, .optimizer = tg_sgd_new(tg_parameters(model), .lr = lr) };
    r.x = tg_keep(tg_randn(tg_shape(16, 4)));
    r.y = tg_keep(tg_sum(r.x, .dim = 1, .keepdim = true));
    return r;
}

static inline run run_mlp(double lr)
{
    tg_manual_seed(0);
    return run_new(TG_MODULE(tg_sequential_new(tg_linear_new(4, 8), tg_tanh_new(), tg_linear_new(8, 1))), lr);
}

static inline void run_free(run *r)
{
    tg_optimizer_free(r->optimizer);
    tg_module_free(r->model);
    tg_release(r->x);
    tg_release(r->y);
}

static inline void train(run *r, int steps)
{
    for (int i = 0; i < steps; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(r->optimizer);
        tg_backward(tg_mse_loss(tg_module_forward(r->model, r->x), r->y));
        tg_step(r->optimizer);
        tg_scope_end(step);
    }
}

#endif
