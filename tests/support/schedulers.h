/* schedulers.h: what tests of schedulers share: an optimiser of two groups, a factor, and learning rates compared. */
#ifndef TG_TESTS_SUPPORT_SCHEDULERS_H
#define TG_TESTS_SUPPORT_SCHEDULERS_H

#include "cmocka_all.h"
#include "parameters.h"
#include "tapegrad.h"

#include <math.h>

/* Two groups: lr 0.05 and 0.8. */
static inline tg_optimizer *two_groups(bool adam)
{
    tg_tensor *a = parameter(TG_FLOAT64), *b = parameter(TG_FLOAT64);
    tg_optimizer *optimizer =
        adam ? tg_adam_new(tg_list(a), .lr = 0.05) : tg_sgd_new(tg_list(a), .lr = 0.05, .momentum = 0.9);
    tg_optimizer_add_param_group(optimizer, tg_list(b), .lr = 0.8);
    return optimizer;
}

static inline double hyperbola(int64_t epoch, void *context)
{
    (void)context;
    return 1 / (1 + 0.1 * (double)epoch);
}

static inline void assert_near_real(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fabs(expected))) fail_msg("%.17g, not %.17g", value, expected);
}

#endif
