/* pinn.c: a network learns to be the solution of a differential equation. It is told neither the solution nor any point
 * of it, only what the equation says of its derivatives, which the tape differentiates once more for the weights:
 *
 *     u'' + 2 d u' + u = 0 for 0 <= t <= 6,  u(0) = 1,  u'(0) = 0
 *
 *     $ build/examples/pinn
 *     step 1: loss 1.05425
 *     ...
 *     step 3000: loss 7.70873e-05
 *     largest error: 0.0061 */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

#include <math.h>

enum { POINTS = 64, WIDTH = 32 };
static const double damping = 0.2, end_time = 6;

static tg_sequential *network_new(void)
{
    return tg_sequential_new(tg_linear_new(1, WIDTH), tg_tanh_new(), tg_linear_new(WIDTH, WIDTH), tg_tanh_new(),
                             tg_linear_new(WIDTH, 1));
}

/* torch.autograd.grad(y.sum(), t, create_graph=True)[0]: each point's y depends on its own t alone. */
static tg_tensor *derivative(tg_tensor *y, tg_tensor *t)
{
    return tg_grad(tg_list(tg_sum(y)), tg_list(t), .create_graph = true).items[0];
}

/* How far the network is from what the equation and the initial conditions say. */
static tg_tensor *loss_of(tg_sequential *net, tg_tensor *t)
{
    tg_tensor *u = tg_sequential_forward(net, t);
    tg_tensor *du = derivative(u, t), *ddu = derivative(du, t);
    tg_tensor *residual = tg_add(tg_add(ddu, tg_mul(du, 2 * damping)), u); /* ddu + 2 * damping * du + u */
    tg_tensor *at_0 = tg_square(tg_sub(tg_select(u, 0, 0), 1)), *slope_at_0 = tg_square(tg_select(du, 0, 0));
    return tg_add(tg_mean(tg_square(residual)), tg_sum(tg_add(at_0, slope_at_0)));
}

static double train_step(tg_sequential *net, tg_optimizer *adam)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_requires_grad_(tg_unsqueeze(tg_linspace(0, end_time, POINTS), 1), true);
    tg_zero_grad(adam);
    tg_tensor *loss = loss_of(net, t);
    tg_backward(loss);
    tg_step(adam);
    const double value = tg_item(loss);
    tg_scope_end(scope);
    return value;
}

/* The solution: exp(-d t) (cos w t + d / w sin w t), w = sqrt(1 - d^2). */
static double solution(double t)
{
    const double w = sqrt(1 - damping * damping);
    return exp(-damping * t) * (cos(w * t) + damping / w * sin(w * t));
}

static double largest_error(tg_sequential *net)
{
    enum { TESTED = 301 };
    double u[TESTED], largest = NAN;
    tg_scope quiet = tg_no_grad_begin();
    tg_tensor *y = tg_sequential_forward(net, tg_unsqueeze(tg_linspace(0, end_time, TESTED), 1));
    if (tg_to_array(y, u, TESTED) == TG_OK) {
        largest = 0;
        for (int i = 0; i < TESTED; i++) largest = fmax(largest, fabs(u[i] - solution(end_time * i / (TESTED - 1))));
    }
    tg_scope_end(quiet);
    return largest;
}

int main(int argc, char **argv)
{
    double seed = 0, lr = 2e-3;
    long_run run = { .steps = 3000, .file = "pinn.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "updates", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Solves u'' + 0.4 u' + u = 0 with a network.", arguments, &status)) return status;

    tg_manual_seed((uint64_t)seed);
    tg_sequential *net = network_new();
    tg_optimizer *adam = tg_adam_new(tg_parameters(net), .lr = lr);
    const tg_checkpoint_parts all = { .model = TG_MODULE(net), .optimizer = adam, .step = &run.step };
    long_run_begin(&run, &all, argv);
    while (long_run_goes_on(&run)) {
        const double loss = train_step(net, adam);
        long_run_step(&run, loss);
        if (run.step <= 5 || run.step % 500 == 0)
            tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)run.step, loss);
    }
    if (long_run_end(&run)) printf("largest error: %.2g\n", largest_error(net));
    tg_optimizer_free(adam);
    tg_module_free(net);
    return long_run_status(&run);
}
