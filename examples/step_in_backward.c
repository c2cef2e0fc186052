/* step_in_backward.c: trains a deep model twice, with the same losses to the bit: once as ever, and once with optimisers
 * that step inside backward. There each weight has an optimiser of its own, and a hook calls it when the weight's
 * gradient is complete, while backward goes on to the layers below. So no two gradients need exist at the same time.
 *
 *     $ build/examples/step_in_backward
 *     step 1: loss 1.00144 stepping inside backward, loss 1.00144
 *     ...
 *     step 100: loss 0.0347828 stepping inside backward, loss 0.0347828
 *     memory at most, beside the weights: 2.2 MB; stepping inside backward, 0.8 MB
 *     the same losses */
#include <tapegrad.h>

#include "arguments.h"

typedef struct settings {
    double steps, layers, width, batch, seed, lr;
} settings;

/* What a run has to show. */
typedef struct outcome {
    double *losses;
    int64_t bytes; /* the most beyond what there was before the first step */
} outcome;

static tg_sequential *model_new(const settings *s)
{
    const int64_t width = (int64_t)s->width;
    tg_sequential *m = tg_sequential_new();
    for (int i = 0; i < (int)s->layers; i++) {
        tg_sequential_append(m, tg_linear_new(width, width));
        tg_sequential_append(m, tg_tanh_new());
    }
    tg_sequential_append(m, tg_linear_new(width, 1));
    return m;
}

/* ---- the step inside backward ---- */

static void step(tg_tensor *weight, void *optimizer)
{
    (void)weight;
    tg_step((tg_optimizer *)optimizer);
    tg_zero_grad((tg_optimizer *)optimizer);
}

/* ---- training ---- */

/* One optimiser for all weights, or one for each. */
typedef struct optimizers {
    tg_optimizer **items;
    int64_t count;
} optimizers;

static optimizers optimizers_new(tg_tensor_list weights, double lr, bool inside)
{
    optimizers o = { .count = inside ? weights.count : 1 };
    o.items = calloc((size_t)o.count + 1, sizeof *o.items);
    for (int64_t i = 0; o.items && i < o.count; i++) {
        o.items[i] = tg_sgd_new(inside ? tg_list(weights.items[i]) : weights, .lr = lr);
        if (inside) tg_register_post_accumulate_grad_hook(weights.items[i], step, o.items[i]);
    }
    return o;
}

static void optimizers_free(optimizers o)
{
    for (int64_t i = 0; o.items && i < o.count; i++) tg_optimizer_free(o.items[i]);
    free(o.items);
}

static double train_step(tg_sequential *m, const settings *s, tg_optimizer *optimizer)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape((int64_t)s->batch, (int64_t)s->width));
    tg_tensor *y = tg_narrow(x, 1, 0, 1); /* the first number of each */
    tg_tensor *loss = tg_mse_loss(tg_sequential_forward(m, x), y);
    tg_backward(loss);
    if (optimizer) {
        tg_step(optimizer);
        tg_zero_grad(optimizer);
    }
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

static outcome train(const settings *s, bool inside)
{
    tg_manual_seed((uint64_t)s->seed);
    tg_scope scope = tg_scope_begin();
    tg_sequential *m = model_new(s);
    const optimizers o = optimizers_new(tg_parameters(m), s->lr, inside);
    outcome result = { .losses = calloc((size_t)s->steps + 1, sizeof(double)) };
    const int64_t before = tg_memory_stats().live_bytes;
    tg_memory_reset_peak();
    for (int i = 0; tg_ok() && o.items && result.losses && i < (int)s->steps; i++)
        result.losses[i] = train_step(m, s, inside ? NULL : o.items[0]);
    result.bytes = tg_memory_stats().peak_bytes - before;
    optimizers_free(o);
    tg_module_free(m);
    tg_scope_end(scope);
    return result;
}

/* ---- the program ---- */

static void show(const settings *s, const outcome *after, const outcome *inside)
{
    const int last = (int)s->steps - 1;
    bool same = true;
    for (int i = 0; i <= last; i++) {
        same = same && memcmp(&after->losses[i], &inside->losses[i], sizeof(double)) == 0;
        if (i < 5 || i == last)
            printf("step %d: loss %.6g stepping inside backward, loss %.6g\n", i + 1, after->losses[i],
                   inside->losses[i]);
    }
    printf("memory at most, beside the weights: %.1f MB; stepping inside backward, %.1f MB\n",
           (double)after->bytes / 1e6, (double)inside->bytes / 1e6);
    puts(same ? "the same losses" : "other losses");
}

int main(int argc, char **argv)
{
    settings s = { .steps = 100, .layers = 8, .width = 256, .batch = 32, .seed = 0, .lr = 0.1 };
    const argument arguments[] = { { "--steps", &s.steps, "updates", NULL },
                                   { "--layers", &s.layers, "of the model", NULL },
                                   { "--width", &s.width, "of each layer", NULL },
                                   { "--batch", &s.batch, "samples in a step", NULL },
                                   { "--seed", &s.seed, "of the random numbers", NULL },
                                   { "--lr", &s.lr, "the learning rate", NULL },
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Trains with and without optimisers that step inside backward.", arguments,
                        &status))
        return status;
    const outcome after = train(&s, false), inside = train(&s, true);
    if (tg_ok() && after.losses && inside.losses) show(&s, &after, &inside);
    free(after.losses);
    free(inside.losses);
    return tg_failed();
}
