/* fuse.c: batch norms taken into the layers before them. */
#include "fuse.h"

#include "core/error.h"
#include "core/scope.h"
#include "ops/functions.h"
#include "ops/pointwise.h"
#include "ops/view.h"
#include "module_hooks_impl.h"

/* Whether the norm can be taken into `m`, which has so many outputs. */
static bool can_fuse(const char *where, const char *name, const tg_module *m, const tg_batch_norm *bn, int64_t outputs)
{
    if (!tgi_module_ok(where, bn ? &bn->base : NULL, name)) return false;
    const tgi_hook_owner *norm = tgi_hook_first_owner(m);
    if (m->training || bn->base.training)
        tg_fail_at(where, TG_ERROR_VALUE, name, "Fusion only for eval!");
    else if (!bn->running_mean || !bn->running_var)
        tg_fail_at(where, TG_ERROR_VALUE, name, "%s has no running statistics", bn->base.base.name);
    else if (bn->num_features != outputs)
        tg_fail_at(where, TG_ERROR_VALUE, name, "%s has %lld outputs and %s %lld features", m->base.name,
                   (long long)outputs, bn->base.base.name, (long long)bn->num_features);
    else if (norm)
        tg_fail_at(where, TG_ERROR_VALUE, name, "%s has a %s; remove it before, by tg_remove_%s", m->base.name,
                   norm->name, norm->name);
    else
        return true;
    return false;
}

/* Another parameter in a field, or the first one. False with an error pending. */
static bool put(tg_module *m, const char *name, tg_tensor **field, tg_tensor *t)
{
    t = (*field ? tg_replace_parameter_at : tg_register_parameter_at)(NULL, m, name, t);
    if (t) *field = t;
    return t;
}

/* The weight and bias of both together, in the copy's fields; `dim` is that of the outputs. The copy, or NULL on
 * error: then it is freed. */
static tg_module *fuse(tg_module *copy, tg_tensor **weight, tg_tensor **bias, const tg_batch_norm *bn, int dim)
{
    tg_scope scope = tg_no_grad_begin();
    tg_shape along = { .ndim = tg_ndim(*weight) };
    for (int d = 0; d < along.ndim; d++) along.dims[d] = d == dim ? bn->num_features : 1;
    tg_tensor *s = tg_rsqrt(tg_add(bn->running_var, bn->eps));
    if (bn->weight) s = tg_mul(bn->weight, s);
    tg_tensor *b = tg_mul(*bias ? tg_sub(*bias, bn->running_mean) : tg_neg(bn->running_mean), s);
    if (bn->bias) b = tg_add(b, bn->bias);
    const bool fine = put(copy, "weight", weight, tg_mul(*weight, tg_reshape(s, along))) && put(copy, "bias", bias, b);
    tg_scope_end(scope);
    if (fine) return copy;
    tg_module_free_at(NULL, copy);
    return NULL;
}

tg_conv *tg_fuse_conv_bn_eval_at(const char *where, tg_conv *conv, tg_batch_norm *bn)
{
    static const char name[] = "fuse_conv_bn_eval";
    if (!tgi_module_ok(where, conv ? &conv->base : NULL, name)) return NULL;
    if (!can_fuse(where, name, &conv->base, bn, conv->out_channels)) return NULL;
    if (conv->transposed && conv->groups != 1) {
        tg_fail_at(where, TG_ERROR_VALUE, name, "a transposed convolution of %lld groups", (long long)conv->groups);
        return NULL;
    }
    tg_conv *fused = (tg_conv *)tg_module_copy_at(where, &conv->base);
    return fused ? (tg_conv *)fuse(&fused->base, &fused->weight, &fused->bias, bn, conv->transposed) : NULL;
}

tg_linear *tg_fuse_linear_bn_eval_at(const char *where, tg_linear *linear, tg_batch_norm *bn)
{
    static const char name[] = "fuse_linear_bn_eval";
    if (!tgi_module_ok(where, linear ? &linear->base : NULL, name)) return NULL;
    if (!can_fuse(where, name, &linear->base, bn, linear->out_features)) return NULL;
    tg_linear *fused = (tg_linear *)tg_module_copy_at(where, &linear->base);
    return fused ? (tg_linear *)fuse(&fused->base, &fused->weight, &fused->bias, bn, 0) : NULL;
}
