/* regression.c: finds the coefficients of a polynomial from noisy points, with a Linear on its powers and an update
 * written by hand, as one does before one has met optimisers.
 *
 *     $ build/examples/regression
 *     step 1: loss 0.235659
 *     ...
 *     step 3000: loss 0.0182546
 *     found  -1.01 x^1 -1.99 x^2 +0.49 x^3 +1.00 x^4 +0.50
 *     sought -1.00 x^1 -2.00 x^2 +0.50 x^3 +1.00 x^4 +0.50 */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

enum { DEGREE = 4, BATCH = 64 };

static const double sought[DEGREE] = { -1, -2, 0.5, 1 }, sought_constant = 0.5;

/* torch.cat([x ** i for i in range(1, 5)], dim=1) */
static tg_tensor *powers(tg_tensor *x)
{
    tg_tensor *list[DEGREE];
    for (int i = 0; i < DEGREE; i++) list[i] = tg_pow(x, i + 1);
    return tg_cat(tg_list_of(list, DEGREE), 1);
}

static tg_tensor *polynomial(tg_tensor *X)
{
    return tg_add(tg_matmul(X, tg_from_data(sought, tg_shape(DEGREE, 1), .dtype = TG_FLOAT32)), sought_constant);
}

/* with torch.no_grad(): for p in fc.parameters(): p -= lr * p.grad */
static void update(tg_linear *fc, double lr)
{
    tg_scope no_grad = tg_no_grad_begin();
    const tg_tensor_list parameters = tg_parameters(fc);
    for (int64_t i = 0; i < parameters.count; i++)
        tg_sub_(parameters.items[i], tg_mul(tg_grad_of(parameters.items[i]), lr));
    tg_scope_end(no_grad);
}

static double train_step(tg_linear *fc, double lr)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_sub(tg_mul(tg_rand(tg_shape(BATCH, 1)), 3), 1.5); /* x = 3 * torch.rand(64, 1) - 1.5 */
    tg_tensor *X = powers(x), *y = polynomial(X);
    y = tg_add(y, tg_mul(tg_randn_like(y), 0.2));                     /* y += 0.2 * torch.randn_like(y) */
    tg_module_zero_grad(fc);                                          /* fc.zero_grad() */
    tg_tensor *loss = tg_smooth_l1_loss(tg_linear_forward(fc, X), y); /* F.smooth_l1_loss(fc(X), y) */
    tg_backward(loss);                                                /* loss.backward() */
    update(fc, lr);
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

static void print_polynomial(const char *name, const double *weight, double constant)
{
    printf("%s", name);
    for (int i = 0; i < DEGREE; i++) printf(" %+.2f x^%d", weight[i], i + 1);
    printf(" %+.2f\n", constant);
}

static void show(tg_linear *fc)
{
    double weight[DEGREE];
    if (tg_to_array(fc->weight, weight, DEGREE) == TG_OK) print_polynomial("found ", weight, tg_item(fc->bias));
    print_polynomial("sought", sought, sought_constant);
}

int main(int argc, char **argv)
{
    double seed = 0, lr = 0.1;
    long_run run = { .steps = 3000, .file = "regression.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "updates", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Fits a polynomial of degree 4 to noisy points.", arguments, &status))
        return status;

    tg_manual_seed((uint64_t)seed);
    tg_linear *fc = tg_linear_new(DEGREE, 1); /* fc = nn.Linear(4, 1) */
    const tg_checkpoint_parts all = { .model = TG_MODULE(fc), .step = &run.step };
    long_run_begin(&run, &all, argv);
    while (long_run_goes_on(&run)) {
        const double loss = train_step(fc, lr);
        long_run_step(&run, loss);
        if (run.step <= 5 || run.step % 500 == 0)
            tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)run.step, loss);
    }
    if (long_run_end(&run)) show(fc);
    tg_module_free(fc);
    return long_run_status(&run);
}
