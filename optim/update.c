/* update.c: what the library's updates share. */
#include "optimizer_impl.h"

#include "ops/pointwise.h"

bool tgi_adam_options_ok(const tg_optimizer_class *kind, double eps, double beta1, double beta2)
{
    return tg_option_ok(kind, eps >= 0, "epsilon value", eps) &&
           tg_option_ok(kind, beta1 >= 0 && beta1 < 1, "beta parameter at index 0", beta1) &&
           tg_option_ok(kind, beta2 >= 0 && beta2 < 1, "beta parameter at index 1", beta2);
}

tg_tensor *tgi_effective_gradient(const tg_update *u, bool maximize, double weight_decay)
{
    tg_tensor *g = maximize ? tg_neg(u->gradient) : u->gradient;
    return weight_decay != 0 ? tg_add(g, tg_mul(u->parameter, weight_decay)) : g;
}

tg_tensor *tgi_mean_of(tg_tensor *mean, tg_tensor *x, double beta)
{
    return tg_add(tg_mul(mean, beta), tg_mul(x, 1 - beta));
}

tg_tensor *tgi_mean_of_squares(tg_tensor *mean, tg_tensor *x, double beta)
{
    return tg_add(tg_mul(mean, beta), tg_mul(tg_mul(x, 1 - beta), x));
}
