/* lbfgs_objective.c: all parameters and their gradients as one vector. */
#include "lbfgs_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/create.h"
#include "ops/extremes.h"
#include "ops/join.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "ops/view.h"

#include <math.h>

void tgi_hold(tg_tensor **slot, tg_tensor *t)
{
    if (t) tgi_ref(t);
    tgi_unref(*slot);
    *slot = t;
}

double tgi_largest(tg_tensor *t)
{
    const tg_scope scope = tg_scope_begin();
    const double value = tg_item(tg_max(tg_abs(t)));
    tg_scope_end(scope);
    return value;
}

double tgi_inner(tg_tensor *a, tg_tensor *b)
{
    const tg_scope scope = tg_scope_begin();
    const double value = tg_item(tg_dot(a, b));
    tg_scope_end(scope);
    return value;
}

/* The gradients in a row; one that is missing is zeros. */
static tg_tensor *flat_gradient(const tgi_objective *o)
{
    tg_scope scope = tg_no_grad_begin();
    tg_tensor **rows = tg_list_new(o->group->count);
    for (int64_t i = 0; rows && i < o->group->count; i++) {
        tg_tensor *p = o->group->parameters[i].tensor, *grad = tg_grad_of(p);
        rows[i] = tg_reshape(grad ? grad : tg_zeros_like(p), tg_shape(-1));
    }
    tg_tensor *flat = rows ? tg_cat(tg_list_of(rows, o->group->count)) : NULL;
    return tg_scope_return(scope, flat);
}

double tgi_evaluate(const tgi_objective *o, tg_tensor **gradient)
{
    const double loss = tgi_loss_of(o->name, o->closure, o->context);
    *gradient = tg_failed() ? NULL : flat_gradient(o);
    return loss;
}

void tgi_move(const tgi_objective *o, double t, tg_tensor *d)
{
    tg_scope scope = tg_no_grad_begin();
    int64_t from = 0;
    for (int64_t i = 0; !tg_failed() && i < o->group->count; i++) {
        tg_tensor *p = o->group->parameters[i].tensor;
        tg_add_(p, tg_view_as(tg_narrow(d, 0, from, tg_numel(p)), p), .alpha = t);
        from += tg_numel(p);
    }
    tg_scope_end(scope);
}

tg_tensor_list tgi_copy_parameters(const tgi_objective *o)
{
    tg_tensor **copies = tg_list_new(o->group->count);
    if (!copies) return tg_list_failed();
    for (int64_t i = 0; i < o->group->count; i++) copies[i] = tg_clone(tg_detach(o->group->parameters[i].tensor));
    return tg_failed() ? tg_list_failed() : tg_list_of(copies, o->group->count);
}

void tgi_restore_parameters(const tgi_objective *o, tg_tensor_list copies)
{
    tg_scope scope = tg_no_grad_begin();
    for (int64_t i = 0; i < copies.count; i++) tg_copy_(o->group->parameters[i].tensor, copies.items[i]);
    tg_scope_end(scope);
}
