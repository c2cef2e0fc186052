// cxx_scheduler.cpp: schedulers, L-BFGS and averages from C++17: lists and functions as arguments, options, closures.
#include <tapegrad.h>

#include <cmath>
#include <cstdio>

static int failures = 0;

static void check(bool ok, const char *what)
{
    std::printf("%s: %s\n", ok ? "ok" : "FAILED", what);
    failures += !ok;
}

static double halves(int64_t epoch, void *) { return std::pow(0.5, static_cast<double>(epoch)); }
static double stays(int64_t, void *) { return 1; }

static void schedule()
{
    tg_tensor *a = tg_requires_grad_(tg_ones(tg_shape(3)), true), *b = tg_requires_grad_(tg_ones(tg_shape(2)), true);
    tg_optimizer *sgd = tg_sgd_new(tg_list(a));
    tg_set_lr(sgd, 0.8);
    tg_optimizer_add_param_group(sgd, tg_list(b));
    tg_scheduler *s = tg_lambda_lr_new(sgd, tg_lr_lambdas(halves, stays));
    tg_step(sgd);
    for (int k = 0; k < 2; k++) tg_scheduler_step(s);
    check(tg_scheduler_last_lr(s, 0) == 0.2 && tg_scheduler_last_lr(s, 1) == 1e-3, "a function for each group");
    tg_scheduler_free(s);
    tg_one_cycle_lr_options options = { TG_ONE_CYCLE_LR_DEFAULTS };
    options.total_steps = 10;
    s = tg_one_cycle_lr_new(sgd, tg_group_values(0.25, 0.5), options);
    check(std::fabs(tg_group_lr(sgd, 1) - 2 * tg_group_lr(sgd, 0)) < 1e-15, "a number for each group");
    tg_scheduler_free(s);
    tg_scheduler *first = tg_lambda_lr_new(sgd, stays), *second = tg_multi_step_lr_new(sgd, tg_milestones(1, 2));
    s = tg_sequential_lr_new(sgd, tg_schedulers(first, second), tg_milestones(3));
    tg_step(sgd);
    check(tg_scheduler_step(s) == TG_OK && tg_scheduler_state_dict(s).count > 0, "several in one");
    tg_scheduler_free(s);
    tg_optimizer_free(sgd);
}

struct problem {
    tg_tensor *w;
    tg_optimizer *lbfgs;
};

static tg_tensor *closure(void *context)
{
    problem *p = static_cast<problem *>(context);
    tg_zero_grad(p->lbfgs);
    tg_tensor *loss = tg_sum(tg_square(tg_sub(p->w, 3)));
    tg_backward(loss);
    return loss;
}

static void minimise()
{
    problem p = { tg_requires_grad_(tg_ones(tg_shape(2)), true), nullptr };
    tg_lbfgs_options options = { TG_LBFGS_DEFAULTS };
    options.line_search_fn = "strong_wolfe";
    p.lbfgs = tg_lbfgs_new(tg_list(p.w), options);
    check(tg_step_closure(p.lbfgs, closure, &p) == 8, "the loss before the step");
    check(tg_step_closure(p.lbfgs, closure, &p) < 1e-10, "and after it");
    tg_optimizer_free(p.lbfgs);
}

static void average()
{
    tg_linear *model = tg_linear_new(2, 2);
    tg_averaged_model *mean = tg_averaged_model_new(model);
    check(tg_averaged_model_update_parameters(mean, model) == TG_OK && tg_item(mean->n_averaged) == 1, "an average");
    tg_module_free(mean);
    tg_module_free(model);
}

int main()
{
    schedule();
    minimise();
    average();
    check(tg_ok(), "without an error");
    return failures ? 1 : 0;
}
