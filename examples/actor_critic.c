/* actor_critic.c: learns to balance a pole on a cart by pushing it left or right (Barto, Sutton and Anderson, 1983). One
 * network says what to do and how much there is still to win; each episode is one tape, as long as the pole stands.
 *
 *     $ build/examples/actor_critic
 *     episode 1: 24 steps, loss 0.407177
 *     ...
 *     episode 400: 500 steps, loss 0.276904 */
#include <tapegrad.h>

#include "arguments.h"
#include "long_run.h"

#include <math.h>

enum { OBSERVED = 4, ACTIONS = 2, HIDDEN = 64, LONGEST = 500 };
static const double discount = 0.99;

/* ---- the cart and the pole ---- */

typedef struct cart {
    double x, speed, angle, turning;
} cart;

/* 20 ms later, by Euler's method, after a push of 10 N to the left (0) or to the right (1). */
static cart pushed(cart c, int action)
{
    const double gravity = 9.8, mass_of_pole = 0.1, total_mass = 1.1, half_length = 0.5, tau = 0.02;
    const double force = action ? 10 : -10, cosine = cos(c.angle), sine = sin(c.angle);
    const double push = (force + mass_of_pole * half_length * c.turning * c.turning * sine) / total_mass;
    const double turn =
        (gravity * sine - cosine * push) / (half_length * (4.0 / 3 - mass_of_pole * cosine * cosine / total_mass));
    const double acceleration = push - mass_of_pole * half_length * turn * cosine / total_mass;
    return (cart){ c.x + tau * c.speed, c.speed + tau * acceleration, c.angle + tau * c.turning,
                   c.turning + tau * turn };
}

static bool has_fallen(cart c) { return fabs(c.x) > 2.4 || fabs(c.angle) > 12 * 3.141592653589793 / 180; }

static cart somewhere(void)
{
    double u[4] = { 0 };
    tg_to_array(tg_rand(tg_shape(4), .dtype = TG_FLOAT64), u, 4);
    return (cart){ 0.1 * u[0] - 0.05, 0.1 * u[1] - 0.05, 0.1 * u[2] - 0.05, 0.1 * u[3] - 0.05 };
}

/* ---- the network ---- */

typedef struct policy {
    tg_module base;
    tg_linear *body, *actor, *critic;
} policy;

static policy *policy_new(void)
{
    policy *m = tg_module_new(policy, .name = "Policy");
    TG_SUBMODULE(m, body, tg_linear_new(OBSERVED, HIDDEN));
    TG_SUBMODULE(m, actor, tg_linear_new(HIDDEN, ACTIONS));
    TG_SUBMODULE(m, critic, tg_linear_new(HIDDEN, 1));
    return m;
}

/* ---- an episode ---- */

typedef struct episode {
    int64_t steps;
    tg_tensor *log_probs[LONGEST], *values[LONGEST]; /* [1] each, with their history */
} episode;

/* Chooses an action, and keeps what the loss will need. */
static int act(policy *m, cart c, episode *e)
{
    const double observed[OBSERVED] = { c.x, c.speed, c.angle, c.turning };
    tg_tensor *x = tg_from_data(observed, tg_shape(1, OBSERVED), .dtype = TG_FLOAT32);
    tg_tensor *h = tg_relu(tg_linear_forward(m->body, x));
    tg_tensor *logits = tg_linear_forward(m->actor, h);
    tg_tensor *action = tg_multinomial(tg_softmax(tg_detach(logits), -1), 1,
                                       .replacement = true); /* Categorical(logits=...).sample() */
    e->log_probs[e->steps] = tg_squeeze(tg_gather(tg_log_softmax(logits, -1), 1, action), 0);
    e->values[e->steps++] = tg_squeeze(tg_linear_forward(m->critic, h), 0);
    return (int)tg_item(action);
}

/* What was still to win at each step, each later win counting a little less; less the mean, over the deviation. */
static tg_tensor *returns_of(const episode *e)
{
    double list[LONGEST], left = 0;
    for (int64_t i = e->steps - 1; i >= 0; i--) list[i] = left = 1 + discount * left;
    tg_tensor *r = tg_from_data((const double *)list, tg_shape(e->steps), .dtype = TG_FLOAT32);
    return tg_div(tg_sub(r, tg_mean(r)), tg_add(tg_std(r), 1e-7));
}

static tg_tensor *loss_of(const episode *e)
{
    tg_tensor *returns = returns_of(e);
    tg_tensor *log_probs = tg_cat(tg_list_of(e->log_probs, e->steps), 0),
              *values = tg_cat(tg_list_of(e->values, e->steps), 0);
    tg_tensor *advantage = tg_sub(returns, tg_detach(values)); /* returns - values.detach() */
    tg_tensor *actor = tg_neg(tg_mean(tg_mul(log_probs, advantage)));
    return tg_add(actor, tg_smooth_l1_loss(values, returns));
}

/* Plays once and learns from it. Returns the steps that the pole stood. */
static int64_t play(policy *m, tg_optimizer *adam, double *loss)
{
    tg_scope scope = tg_scope_begin();
    episode e = { .steps = 0 };
    cart c = somewhere();
    while (tg_ok() && e.steps < LONGEST && !has_fallen(c)) c = pushed(c, act(m, c, &e));
    tg_zero_grad(adam);
    tg_tensor *total = loss_of(&e);
    tg_backward(total);
    tg_step(adam);
    *loss = tg_item(total);
    tg_scope_end(scope);
    return e.steps;
}

int main(int argc, char **argv)
{
    double seed = 0, lr = 1e-2;
    long_run run = { .steps = 400, .unit = "episode", .file = "actor_critic.safetensors" };
    const argument arguments[] = { { "--steps", &run.steps, "episodes", NULL },
                                   { "--seed", &seed, "of the random numbers", NULL },
                                   { "--lr", &lr, "the learning rate", NULL },
                                   LONG_RUN_ARGUMENTS(run),
                                   { NULL, NULL, NULL, NULL } };
    int status;
    if (!read_arguments(argc, argv, "Learns to balance a pole.", arguments, &status)) return status;

    tg_manual_seed((uint64_t)seed);
    policy *m = policy_new();
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = lr);
    const tg_checkpoint_parts all = { .model = TG_MODULE(m), .optimizer = adam, .step = &run.step };
    long_run_begin(&run, &all, argv);
    while (long_run_goes_on(&run)) {
        double loss;
        const int64_t steps = play(m, adam, &loss);
        long_run_step(&run, loss);
        if (run.step <= 5 || run.step % 50 == 0)
            tg_progress_print(stdout, "episode %lld: %d steps, loss %.6g\n", (long long)run.step, (int)steps, loss);
    }
    long_run_end(&run);
    tg_optimizer_free(adam);
    tg_module_free(m);
    return long_run_status(&run);
}
