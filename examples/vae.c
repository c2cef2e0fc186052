/* vae.c: a variational autoencoder (Kingma and Welling, 2014) of 8 x 8 images, each of a blob somewhere: two numbers say
 * all there is to know of one, and two is what the encoder may pass on. In the end it draws what the decoder makes of a
 * grid of such pairs.
 *
 *     $ build/examples/vae
 *     step 1: loss 45.7728
 *     ...
 *     step 1500: loss 13.7049
 *     (and 5 x 5 images) */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, HIDDEN = 64, LATENT = 2, BATCH = 64, GRID = 5 };

typedef struct vae {
    tg_module base;
    tg_linear *encode, *mean, *log_variance, *decode, *pixels;
} vae;

static vae *vae_new(void)
{
    vae *m = tg_module_new(vae, .name = "VAE");
    TG_SUBMODULE(m, encode, tg_linear_new(PIXELS, HIDDEN)); /* self.encode = nn.Linear(64, 64) */
    TG_SUBMODULE(m, mean, tg_linear_new(HIDDEN, LATENT));
    TG_SUBMODULE(m, log_variance, tg_linear_new(HIDDEN, LATENT));
    TG_SUBMODULE(m, decode, tg_linear_new(LATENT, HIDDEN));
    TG_SUBMODULE(m, pixels, tg_linear_new(HIDDEN, PIXELS));
    return m;
}

/* torch.sigmoid(self.pixels(F.relu(self.decode(z)))) */
static tg_tensor *decoded(vae *m, tg_tensor *z)
{
    return tg_sigmoid(tg_linear_forward(m->pixels, tg_relu(tg_linear_forward(m->decode, z))));
}

/* How well the images come out again, and how far the codes are from a standard normal distribution; of one image. */
static tg_tensor *loss_of(vae *m, tg_tensor *x)
{
    tg_tensor *h = tg_relu(tg_linear_forward(m->encode, x));
    tg_tensor *mean = tg_linear_forward(m->mean, h), *log_variance = tg_linear_forward(m->log_variance, h);
    tg_tensor *std = tg_exp(tg_mul(log_variance, 0.5));
    tg_tensor *z = tg_add(mean, tg_mul(tg_randn_like(std), std)); /* mean + torch.randn_like(std) * std */
    tg_tensor *differences = tg_binary_cross_entropy(decoded(m, z), x, .reduction = TG_REDUCTION_SUM);
    /* -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp()) */
    tg_tensor *terms = tg_sub(tg_sub(tg_add(log_variance, 1), tg_pow(mean, 2)), tg_exp(log_variance));
    return tg_div(tg_add(differences, tg_mul(tg_sum(terms), -0.5)), BATCH);
}

/* [BATCH, 64]: exp(-((row - cy)^2 + (column - cx)^2) / 2), cy and cx anywhere in the middle. */
static tg_tensor *draw(void)
{
    tg_tensor *at = tg_arange(0, SIDE, 1, .dtype = TG_FLOAT32);
    tg_tensor *cy = tg_add(tg_mul(tg_rand(tg_shape(BATCH, 1, 1)), 5), 1);
    tg_tensor *cx = tg_add(tg_mul(tg_rand(tg_shape(BATCH, 1, 1)), 5), 1);
    tg_tensor *dy = tg_square(tg_sub(tg_unsqueeze(at, 1), cy)), *dx = tg_square(tg_sub(at, cx));
    return tg_flatten(tg_exp(tg_mul(tg_add(dy, dx), -0.5)), 1);
}

static double train_step(vae *m, tg_optimizer *adam)
{
    tg_scope scope = tg_scope_begin();
    tg_zero_grad(adam);
    tg_tensor *loss = loss_of(m, draw());
    tg_backward(loss);
    tg_step(adam);
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

/* GRID x GRID images, from codes between -1.5 and 1.5. */
static void show(vae *m)
{
    double pixels[GRID * GRID * PIXELS];
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *z = tg_linspace(-1.5, 1.5, GRID);
    const tg_tensor_list grid = tg_meshgrid(tg_list(z, z));
    tg_tensor *codes = tg_stack(tg_list(tg_flatten(grid.items[0]), tg_flatten(grid.items[1])), 1);
    if (tg_to_array(decoded(m, codes), pixels, GRID * GRID * PIXELS) == TG_OK) {
        for (int row = 0; row < GRID * SIDE; row++) {
            for (int column = 0; column < GRID * SIDE; column++) {
                const int image = row / SIDE * GRID + column / SIDE, pixel = row % SIDE * SIDE + column % SIDE;
                putchar(" .:-=+*#%@"[(int)(9.99 * pixels[image * PIXELS + pixel])]);
            }
            putchar('\n');
        }
    }
    tg_scope_end(quiet);
}

int main(int argc, char **argv)
{
    double seed = 0, lr = 2e-3;
    long_run run = { .steps = 1500, .file = "vae.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "updates", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "A variational autoencoder of blobs.", arguments, &status)) return status;

    tg_manual_seed((uint64_t)seed);
    vae *m = vae_new();
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = lr);
    const tg_checkpoint_parts all = { .model = TG_MODULE(m), .optimizer = adam, .step = &run.step };
    long_run_begin(&run, &all, argv);
    while (long_run_goes_on(&run)) {
        const double loss = train_step(m, adam);
        long_run_step(&run, loss);
        if (run.step <= 5 || run.step % 300 == 0)
            tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)run.step, loss);
    }
    if (long_run_end(&run)) show(m);
    tg_optimizer_free(adam);
    tg_module_free(m);
    return long_run_status(&run);
}
