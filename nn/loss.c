/* loss.c: losses as modules. The formulas are ops/loss.c's. */
#include "loss.h"

#include "../core/op.h"
#include "../core/scope.h"
#include "module_impl.h"

static tg_tensor *mse(const tg_loss *m, tg_tensor *input, tg_tensor *target)
{
    return tg_mse_loss(input, target, .reduction = m->options.reduction);
}

static tg_tensor *nll(const tg_loss *m, tg_tensor *input, tg_tensor *target)
{
    return tg_nll_loss(input, target, .weight = m->options.weight, .ignore_index = m->options.ignore_index,
                       .reduction = m->options.reduction);
}

static tg_tensor *cross_entropy(const tg_loss *m, tg_tensor *input, tg_tensor *target)
{
    return tg_cross_entropy_at(NULL, input, target, m->options);
}

static tg_loss *loss_new(const char *where, const char *name, tg_cross_entropy_options options,
                         tg_tensor *(*compute)(const tg_loss *, tg_tensor *, tg_tensor *))
{
    const tg_module_class module_class = { name, NULL, NULL, NULL };
    tg_loss *m = tg_module_new_at(where, sizeof *m, module_class);
    if (!m) return NULL;
    m->compute = compute;
    m->options = options;
    if (options.weight) m->options.weight = tg_register_buffer_at(NULL, &m->base, "weight", options.weight);
    if (tg_optional_ok(m->options.weight)) return m;
    tg_module_free(m);
    return NULL;
}

tg_loss *tg_mse_loss_new_at(const char *where, tg_loss_options options)
{
    const tg_cross_entropy_options all = { .reduction = options.reduction };
    return loss_new(where, "MSELoss", all, mse);
}

tg_loss *tg_nll_loss_new_at(const char *where, tg_nll_options options)
{
    const tg_cross_entropy_options all = { .weight = options.weight,
                                           .ignore_index = options.ignore_index,
                                           .reduction = options.reduction };
    return loss_new(where, "NLLLoss", all, nll);
}

tg_loss *tg_cross_entropy_loss_new_at(const char *where, tg_cross_entropy_options options)
{
    return loss_new(where, "CrossEntropyLoss", options, cross_entropy);
}

tg_tensor *tg_loss_forward_at(const char *where, tg_loss *m, tg_tensor *input, tg_tensor *target)
{
    const tg_op op = { .name = m ? m->base.base.name : "loss" };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(input, target))) return NULL;
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, m->compute(m, input, target));
}
