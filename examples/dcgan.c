/* dcgan.c: two networks against each other (Goodfellow and others, 2014; of convolutions: Radford and others, 2015). One
 * draws 16 x 16 images out of noise, the other tells them from real ones, which are rings. Each has an optimiser of its
 * own, and what the first learns from goes through the second.
 *
 *     $ build/examples/dcgan
 *     step 1: loss 1.56813 0.757451
 *     ...
 *     step 400: loss 0.756181 1.75982
 *     (and three images) */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

enum { SIDE = 16, NOISE = 8, WIDTH = 16, BATCH = 32, SHOWN = 3 };

static tg_sequential *generator_new(void)
{
    return tg_sequential_new(tg_conv_transpose2d_new(NOISE, 2 * WIDTH, tg_shape(4), .bias = false), /* to 4 x 4 */
                             tg_batch_norm2d_new(2 * WIDTH), tg_relu_new(),
                             tg_conv_transpose2d_new(2 * WIDTH, WIDTH, tg_shape(4), .stride = tg_shape(2),
                                                     .padding = tg_shape(1), .bias = false),
                             tg_batch_norm2d_new(WIDTH), tg_relu_new(), /* 8 x 8 */
                             tg_conv_transpose2d_new(WIDTH, 1, tg_shape(4), .stride = tg_shape(2),
                                                     .padding = tg_shape(1), .bias = false),
                             tg_tanh_new()); /* 16 x 16 */
}

static tg_sequential *discriminator_new(void)
{
    return tg_sequential_new(tg_conv2d_new(1, WIDTH, tg_shape(4), .stride = tg_shape(2), .padding = tg_shape(1),
                                           .bias = false),
                             tg_leaky_relu_new(.negative_slope = 0.2),
                             tg_conv2d_new(WIDTH, 2 * WIDTH, tg_shape(4), .stride = tg_shape(2), .padding = tg_shape(1),
                                           .bias = false),
                             tg_batch_norm2d_new(2 * WIDTH), tg_leaky_relu_new(.negative_slope = 0.2),
                             tg_conv2d_new(2 * WIDTH, 1, tg_shape(4), .bias = false), tg_flatten_new());
}

/* def weights_init(m): N(0, 0.02) for convolutions, N(1, 0.02) for BatchNorm */
static void init_weights(tg_module *module, void *context)
{
    (void)context;
    tg_conv *conv = tg_module_as(module, tg_conv);
    tg_batch_norm *norm = tg_module_as(module, tg_batch_norm);
    if (conv) tg_init_normal_(conv->weight, 0.0, 0.02);
    if (norm) tg_init_normal_(norm->weight, 1.0, 0.02);
}

/* Rings of radius 3 to 6 around a place near the middle, between -1 and 1: [BATCH, 1, 16, 16]. */
static tg_tensor *draw(void)
{
    tg_tensor *at = tg_arange(0, SIDE, 1, .dtype = TG_FLOAT32), *place = tg_rand(tg_shape(3, BATCH, 1, 1));
    tg_tensor *cy = tg_add(tg_mul(tg_select(place, 0, 0), 2), 6.5),
              *cx = tg_add(tg_mul(tg_select(place, 0, 1), 2), 6.5);
    tg_tensor *radius = tg_add(tg_mul(tg_select(place, 0, 2), 3), 3);
    tg_tensor *distance = tg_sqrt(tg_add(tg_square(tg_sub(tg_unsqueeze(at, 1), cy)), tg_square(tg_sub(at, cx))));
    tg_tensor *ring = tg_exp(tg_neg(tg_square(tg_sub(distance, radius))));
    return tg_unsqueeze(tg_sub(tg_mul(ring, 2), 1), 1);
}

typedef struct gan {
    tg_sequential *generator, *discriminator;
    tg_optimizer *adam_g, *adam_d;
} gan;

/* F.binary_cross_entropy_with_logits(D(images), torch.full((32, 1), label)) */
static tg_tensor *told(gan *g, tg_tensor *images, double label)
{
    tg_tensor *scores = tg_sequential_forward(g->discriminator, images);
    return tg_binary_cross_entropy_with_logits(scores, tg_full_like(scores, label));
}

static void train_step(gan *g, double *loss_d, double *loss_g)
{
    tg_scope scope = tg_scope_begin();
    tg_zero_grad(g->adam_d);
    tg_tensor *fake = tg_sequential_forward(g->generator, tg_randn(tg_shape(BATCH, NOISE, 1, 1)));
    tg_tensor *d =
        tg_add(told(g, draw(), 1), told(g, tg_detach(fake), 0)); /* fake.detach(): the generator stands still */
    tg_backward(d);
    tg_step(g->adam_d);

    tg_zero_grad(g->adam_g);
    tg_tensor *deceived = told(g, fake, 1); /* and now it wants them taken for real */
    tg_backward(deceived);
    tg_step(g->adam_g);
    *loss_d = tg_item(d);
    *loss_g = tg_item(deceived);
    tg_scope_end(scope);
}

static void show(gan *g)
{
    double pixels[SHOWN * SIDE * SIDE];
    tg_module_eval(g->generator);
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *images = tg_sequential_forward(g->generator, tg_randn(tg_shape(SHOWN, NOISE, 1, 1)));
    if (tg_to_array(images, pixels, SHOWN * SIDE * SIDE) == TG_OK) {
        for (int row = 0; row < SIDE; row++) {
            for (int i = 0; i < SHOWN * SIDE; i++)
                putchar(" .:-=+*#%@"[(int)(4.99 * (1 + pixels[(i / SIDE * SIDE + row) * SIDE + i % SIDE]))]);
            putchar('\n');
        }
    }
    tg_scope_end(quiet);
}

int main(int argc, char **argv)
{
    double seed = 0, lr = 1e-3;
    long_run run = { .steps = 400, .file = "dcgan.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "updates of each network", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "A generator of rings and a discriminator.", arguments, &status)) return status;

    tg_manual_seed((uint64_t)seed);
    gan g = { .generator = generator_new(), .discriminator = discriminator_new() };
    tg_module_apply(g.generator, init_weights, NULL); /* netG.apply(weights_init) */
    tg_module_apply(g.discriminator, init_weights, NULL);
    g.adam_d = tg_adam_new(tg_parameters(g.discriminator), .lr = lr, .beta1 = 0.5);
    g.adam_g = tg_adam_new(tg_parameters(g.generator), .lr = lr, .beta1 = 0.5);
    const tg_checkpoint_parts d = { .model = TG_MODULE(g.discriminator),
                                    .optimizer = g.adam_d,
                                    .name = "discriminator" };
    const tg_checkpoint_parts all = { .model = TG_MODULE(g.generator),
                                      .optimizer = g.adam_g,
                                      .step = &run.step,
                                      .parts = &d };
    long_run_begin(&run, &all, argv);
    while (long_run_goes_on(&run)) {
        double loss_d, loss_g;
        train_step(&g, &loss_d, &loss_g);
        long_run_step(&run, loss_g);
        if (run.step <= 5 || run.step % 100 == 0)
            tg_progress_print(stdout, "step %lld: loss %.6g %.6g\n", (long long)run.step, loss_d, loss_g);
    }
    if (long_run_end(&run)) show(&g);
    tg_optimizer_free(g.adam_d);
    tg_optimizer_free(g.adam_g);
    tg_module_free(g.generator);
    tg_module_free(g.discriminator);
    return long_run_status(&run);
}
