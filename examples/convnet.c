/* convnet.c: a small convolutional network learns to tell squares, discs, diamonds and crosses apart, on noisy images
 * that are drawn as they are needed. The same numbers come out at every run on a machine. */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

enum { SIDE = 16, CLASSES = 4, BATCH = 64, STEPS = 40, EPOCHS = 5, TESTED = 512 };

typedef struct batch {
    tg_tensor *images; /* [n, 1, SIDE, SIDE] */
    tg_tensor *labels; /* int64 [n] */
} batch;

static tg_tensor *uniform(int64_t n, double low, double high)
{
    return tg_add(tg_mul(tg_rand(tg_shape(n, 1, 1)), high - low), low);
}

/* Each class is a way to measure the distance from the shape's centre; the shape is what lies within a radius. */
static batch draw(int64_t n)
{
    tg_tensor_list grid = tg_meshgrid(tg_list(tg_arange(SIDE), tg_arange(SIDE)));
    tg_tensor *dy = tg_abs(tg_sub(grid.items[0], uniform(n, 6, 10))),
              *dx = tg_abs(tg_sub(grid.items[1], uniform(n, 6, 10)));
    tg_tensor *larger = tg_maximum(dx, dy);
    tg_tensor *square = larger;
    tg_tensor *disc = tg_sqrt(tg_add(tg_square(dx), tg_square(dy)));
    tg_tensor *diamond = tg_add(dx, dy);
    tg_tensor *cross = tg_masked_fill(larger, tg_gt(tg_minimum(dx, dy), 1), SIDE);

    tg_tensor *labels = tg_randint(0, CLASSES, tg_shape(n));
    tg_tensor *all = tg_stack(tg_list(square, disc, diamond, cross));
    tg_tensor *distance = tg_index(all, tg_list(labels, tg_arange(n))); /* all[labels, arange(n)] */
    tg_tensor *images = tg_to(tg_lt(distance, uniform(n, 4, 6)), TG_FLOAT32);
    images = tg_add(images, tg_mul(tg_randn_like(images), 0.25));
    return (batch){ tg_unsqueeze(images, 1), labels };
}

static tg_sequential *convnet_new(void)
{
    return tg_sequential_new(tg_conv2d_new(1, 8, tg_shape(3), .padding = tg_shape(1)), tg_batch_norm2d_new(8),
                             tg_relu_new(), tg_max_pool2d_new(tg_shape(2)),
                             tg_conv2d_new(8, 16, tg_shape(3), .padding = tg_shape(1)), tg_batch_norm2d_new(16),
                             tg_relu_new(), tg_max_pool2d_new(tg_shape(2)), tg_flatten_new(), tg_dropout_new(0.2),
                             tg_linear_new(16 * (SIDE / 4) * (SIDE / 4), CLASSES));
}

/* One step on new images; the loss before it. */
static double train_step(tg_sequential *net, tg_optimizer *adam)
{
    tg_scope scope = tg_scope_begin();
    tg_module_train(net);
    batch b = draw(BATCH);
    tg_zero_grad(adam);
    tg_tensor *loss = tg_cross_entropy(tg_sequential_forward(net, b.images), b.labels);
    tg_backward(loss);
    tg_step(adam);
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

/* The share of new images that it tells rightly. */
static double accuracy(tg_sequential *net)
{
    tg_module_eval(net);
    tg_scope quiet = tg_no_grad_begin();
    batch b = draw(TESTED);
    tg_tensor *told = tg_argmax(tg_sequential_forward(net, b.images), .dim = 1);
    const double right = tg_item(tg_sum(tg_eq(told, b.labels)));
    tg_scope_end(quiet);
    return right / TESTED;
}

/* Trains a network, tells how it goes, and returns the accuracy in the end. */
static double learn(uint64_t seed, long_run *r, char **argv, FILE *out)
{
    double total = 0, right = 0;
    tg_manual_seed(seed);
    tg_sequential *net = convnet_new();
    tg_optimizer *adam = tg_adam_new(tg_parameters(net), .lr = 0.003);
    const tg_checkpoint_parts all = { .model = TG_MODULE(net),
                                      .optimizer = adam,
                                      .step = &r->step,
                                      .values = tg_variables(tg_variable("total", &total)) };
    long_run_begin(r, &all, argv);
    while (long_run_goes_on(r)) {
        const double loss = train_step(net, adam);
        long_run_step(r, loss);
        total += loss;
        if (r->step % STEPS != 0) continue;
        right = accuracy(net);
        tg_progress_print(out, "epoch %d: loss %.3f, accuracy %.1f %%\n", (int)(r->step / STEPS), total / STEPS,
                          100 * right);
        total = 0;
    }
    long_run_end(r);
    tg_optimizer_free(adam);
    tg_module_free(net);
    return right;
}

int main(int argc, char **argv)
{
    double epochs = EPOCHS, seed = 0;
    long_run run = { .file = "convnet.safetensors" };
    const argument arguments[] = { { "--epochs", &epochs, "of 40 batches each", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Tells squares, discs, diamonds and crosses apart.", arguments, &status))
        return status;
    run.steps = epochs * STEPS;
    learn((uint64_t)seed, &run, argv, stdout);
    return long_run_status(&run);
}
