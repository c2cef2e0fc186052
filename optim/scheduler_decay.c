/* scheduler_decay.c: schedulers that multiply by a factor: LambdaLR, MultiplicativeLR, StepLR, MultiStepLR, ConstantLR,
 * LinearLR, ExponentialLR, PolynomialLR. */
#include "scheduler_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <math.h>

static const void *list_of(const tg_schedule *at) { return at->scheduler->list.items; }

/* ---- LambdaLR, MultiplicativeLR ---- */

typedef struct lambda_state {
    tg_lr_lambda all; /* NULL: the list has one for each group */
    void *context;
} lambda_state;

static double lambda_factor(const tg_schedule *at)
{
    const lambda_state *o = at->state;
    return (o->all ? o->all : ((const tg_lr_lambda *)list_of(at))[at->group])(at->last_epoch, o->context);
}

static double lambda_lr(const tg_schedule *at) { return at->base_lr * lambda_factor(at); }
static double multiplicative_lr(const tg_schedule *at)
{
    return at->last_epoch > 0 ? at->lr * lambda_factor(at) : at->lr;
}

static const tg_scheduler_class lambda_class = {
    .name = "LambdaLR",
    .state_bytes = sizeof(lambda_state),
    .lr = lambda_lr,
};
static const tg_scheduler_class multiplicative_class = {
    .name = "MultiplicativeLR",
    .state_bytes = sizeof(lambda_state),
    .lr = multiplicative_lr,
};

static bool lambdas_ok(const tg_scheduler_class *kind, const tg_optimizer *optimizer, tg_lr_lambdas lambdas)
{
    bool any = lambdas.each ? lambdas.count > 0 : lambdas.all != NULL;
    if (lambdas.each && lambdas.count != optimizer->group_count) {
        tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "Expected %lld lr_lambdas, but got %lld",
                   (long long)optimizer->group_count, (long long)lambdas.count);
        return false;
    }
    for (int64_t i = 0; lambdas.each && i < lambdas.count; i++) any = any && lambdas.each[i];
    if (!any) tg_fail_at(NULL, TG_ERROR_NULL, kind->name, "a lr_lambda is NULL");
    return any;
}

static tg_scheduler *lambda_new(const char *where, const tg_scheduler_class *kind, tg_optimizer *optimizer,
                                tg_lr_lambdas lambdas, tg_lambda_lr_options o)
{
    _Static_assert(sizeof(tg_lr_lambda) == sizeof(double), "a scheduler's list has elements of eight bytes");
    if (!tgi_optimizer_ok(where, optimizer, kind->name) || !lambdas_ok(kind, optimizer, lambdas)) return NULL;
    const lambda_state state = { lambdas.each ? NULL : lambdas.all, o.context };
    return tgi_scheduler_new(where, kind, optimizer,
                             &(tgi_scheduler_parts){
                                 .state = &state,
                                 .list = { .count = lambdas.each ? lambdas.count : 0, .items = lambdas.each },
                                 .last_epoch = o.last_epoch });
}

tg_scheduler *tg_lambda_lr_new_at(const char *where, tg_optimizer *optimizer, tg_lr_lambdas lr_lambda,
                                  tg_lambda_lr_options options)
{
    return lambda_new(where, &lambda_class, optimizer, lr_lambda, options);
}

tg_scheduler *tg_multiplicative_lr_new_at(const char *where, tg_optimizer *optimizer, tg_lr_lambdas lr_lambda,
                                          tg_lambda_lr_options options)
{
    return lambda_new(where, &multiplicative_class, optimizer, lr_lambda, options);
}

/* ---- StepLR, MultiStepLR ---- */

typedef struct step_state {
    int64_t step_size;
    double gamma;
} step_state;

static double step_lr(const tg_schedule *at)
{
    const step_state *o = at->state;
    const bool now = at->last_epoch != 0 && fmod((double)at->last_epoch, (double)o->step_size) == 0;
    return now ? at->lr * o->gamma : at->lr;
}

static double step_closed_form(const tg_schedule *at)
{
    const step_state *o = at->state;
    return at->base_lr * pow(o->gamma, floor((double)at->last_epoch / (double)o->step_size));
}

static const tg_scheduler_class step_class = {
    .name = "StepLR",
    .state_bytes = sizeof(step_state),
    .state = { TG_OPTION(step_state, step_size), TG_OPTION(step_state, gamma) },
    .lr = step_lr,
    .closed_form = step_closed_form,
};

tg_scheduler *tg_step_lr_new_at(const char *where, tg_optimizer *optimizer, int64_t step_size,
                                tg_step_lr_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, step_class.name)) return NULL;
    if (step_size < 1) {
        tg_fail_at(where, TG_ERROR_VALUE, step_class.name, "Expected positive integer step_size, but got %lld",
                   (long long)step_size);
        return NULL;
    }
    const step_state state = { step_size, options.gamma };
    return tgi_scheduler_new(where, &step_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}

typedef struct multi_step_state {
    double gamma;
} multi_step_state;

/* How many milestones the last epoch is: one may be there twice. Or, with `passed`, how many it has reached. */
static int64_t milestones(const tg_schedule *at, bool passed)
{
    const int64_t *list = list_of(at);
    int64_t count = 0;
    for (int64_t i = 0; i < at->scheduler->list.count; i++)
        count += passed ? list[i] <= at->last_epoch : list[i] == at->last_epoch;
    return count;
}

static double multi_step_lr(const tg_schedule *at)
{
    const multi_step_state *o = at->state;
    const int64_t count = milestones(at, false);
    return count ? at->lr * pow(o->gamma, (double)count) : at->lr;
}

static double multi_step_closed_form(const tg_schedule *at)
{
    const multi_step_state *o = at->state;
    return at->base_lr * pow(o->gamma, (double)milestones(at, true));
}

static const tg_scheduler_class multi_step_class = {
    .name = "MultiStepLR",
    .state_bytes = sizeof(multi_step_state),
    .state = { TG_OPTION(multi_step_state, gamma) },
    .lr = multi_step_lr,
    .closed_form = multi_step_closed_form,
};

tg_scheduler *tg_multi_step_lr_new_at(const char *where, tg_optimizer *optimizer, tg_milestones list,
                                      tg_step_lr_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, multi_step_class.name)) return NULL;
    if (!tgi_milestones_ok(&multi_step_class, list)) return NULL;
    const multi_step_state state = { options.gamma };
    return tgi_scheduler_new(where, &multi_step_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state,
                                                     .list = { "milestones", TG_OPTION_INT64, list.count, list.items },
                                                     .last_epoch = options.last_epoch });
}

/* ---- ConstantLR, LinearLR ---- */

static bool factor_ok(const tg_scheduler_class *kind, const char *what, double factor)
{
    if (factor >= 0 && factor <= 1) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, kind->name, "%s multiplicative factor expected to be between 0 and 1.", what);
    return false;
}

typedef struct constant_state {
    double factor;
    int64_t total_iters;
} constant_state;

static double constant_lr(const tg_schedule *at)
{
    const constant_state *o = at->state;
    if (at->last_epoch == 0) return at->lr * o->factor;
    return at->last_epoch == o->total_iters ? at->lr * (1.0 / o->factor) : at->lr;
}

static double constant_closed_form(const tg_schedule *at)
{
    const constant_state *o = at->state;
    return at->base_lr * (o->factor + (double)(at->last_epoch >= o->total_iters) * (1 - o->factor));
}

static const tg_scheduler_class constant_class = {
    .name = "ConstantLR",
    .state_bytes = sizeof(constant_state),
    .state = { TG_OPTION(constant_state, factor), TG_OPTION(constant_state, total_iters) },
    .lr = constant_lr,
    .closed_form = constant_closed_form,
};

tg_scheduler *tg_constant_lr_new_at(const char *where, tg_optimizer *optimizer, tg_constant_lr_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, constant_class.name)) return NULL;
    if (!factor_ok(&constant_class, "Constant", options.factor)) return NULL;
    const constant_state state = { options.factor, options.total_iters };
    return tgi_scheduler_new(where, &constant_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}

typedef struct linear_state {
    double start_factor, end_factor;
    int64_t total_iters;
} linear_state;

static double linear_lr(const tg_schedule *at)
{
    const linear_state *o = at->state;
    if (at->last_epoch == 0) return at->lr * o->start_factor;
    if (at->last_epoch > o->total_iters) return at->lr;
    const double growth = o->end_factor - o->start_factor;
    return at->lr * (1. + growth / ((double)o->total_iters * o->start_factor + (double)(at->last_epoch - 1) * growth));
}

static double linear_closed_form(const tg_schedule *at)
{
    const linear_state *o = at->state;
    const int64_t so_far = at->last_epoch < o->total_iters ? at->last_epoch : o->total_iters;
    return at->base_lr *
           (o->start_factor + (o->end_factor - o->start_factor) * (double)so_far / (double)o->total_iters);
}

static const tg_scheduler_class linear_class = {
    .name = "LinearLR",
    .state_bytes = sizeof(linear_state),
    .state = { TG_OPTION(linear_state, start_factor), TG_OPTION(linear_state, end_factor),
               TG_OPTION(linear_state, total_iters) },
    .lr = linear_lr,
    .closed_form = linear_closed_form,
};

tg_scheduler *tg_linear_lr_new_at(const char *where, tg_optimizer *optimizer, tg_linear_lr_options options)
{
    if (!tgi_optimizer_ok(where, optimizer, linear_class.name)) return NULL;
    if (!factor_ok(&linear_class, "Starting", options.start_factor) ||
        !factor_ok(&linear_class, "Ending", options.end_factor))
        return NULL;
    const linear_state state = { options.start_factor, options.end_factor, options.total_iters };
    return tgi_scheduler_new(where, &linear_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}

/* ---- ExponentialLR, PolynomialLR ---- */

typedef struct exponential_state {
    double gamma;
} exponential_state;

static double exponential_lr(const tg_schedule *at)
{
    const exponential_state *o = at->state;
    return at->last_epoch == 0 ? at->lr : at->lr * o->gamma;
}

static double exponential_closed_form(const tg_schedule *at)
{
    const exponential_state *o = at->state;
    return at->base_lr * pow(o->gamma, (double)at->last_epoch);
}

static const tg_scheduler_class exponential_class = {
    .name = "ExponentialLR",
    .state_bytes = sizeof(exponential_state),
    .state = { TG_OPTION(exponential_state, gamma) },
    .lr = exponential_lr,
    .closed_form = exponential_closed_form,
};

tg_scheduler *tg_exponential_lr_new_at(const char *where, tg_optimizer *optimizer, double gamma,
                                       tg_scheduler_options options)
{
    const exponential_state state = { gamma };
    return tgi_scheduler_new(where, &exponential_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}

typedef struct polynomial_state {
    int64_t total_iters;
    double power;
} polynomial_state;

static double polynomial_lr(const tg_schedule *at)
{
    const polynomial_state *o = at->state;
    if (at->last_epoch == 0 || at->last_epoch > o->total_iters) return at->lr;
    const double total = (double)o->total_iters, k = (double)at->last_epoch;
    return at->lr * pow((1.0 - k / total) / (1.0 - (k - 1) / total), o->power);
}

static double polynomial_closed_form(const tg_schedule *at)
{
    const polynomial_state *o = at->state;
    const int64_t so_far = at->last_epoch < o->total_iters ? at->last_epoch : o->total_iters;
    return at->base_lr * pow(1.0 - (double)so_far / (double)o->total_iters, o->power);
}

static const tg_scheduler_class polynomial_class = {
    .name = "PolynomialLR",
    .state_bytes = sizeof(polynomial_state),
    .state = { TG_OPTION(polynomial_state, total_iters), TG_OPTION(polynomial_state, power) },
    .lr = polynomial_lr,
    .closed_form = polynomial_closed_form,
};

tg_scheduler *tg_polynomial_lr_new_at(const char *where, tg_optimizer *optimizer, tg_polynomial_lr_options options)
{
    const polynomial_state state = { options.total_iters, options.power };
    return tgi_scheduler_new(where, &polynomial_class, optimizer,
                             &(tgi_scheduler_parts){ .state = &state, .last_epoch = options.last_epoch });
}
