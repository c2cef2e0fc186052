/* normalization.c: what all normalisations share: making the result, and the gradient in ops. */
#include "ops/base/iterate.h"
#include "ops/normalization.h"

#include "ops/reduce/careful.h"
#include "ops/reduce/moments_impl.h"
#include "normalization_impl.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

bool tgi_norm_same_dtype(const tg_op *op, tg_tensor_list inputs, const tg_tensor *input, const tg_tensor *parameter)
{
    if (!parameter || parameter->dtype == input->dtype) return true;
    tgi_expected_type(op, inputs, input->dtype, parameter->dtype);
    return false;
}

static tg_tensor *own_contiguous(tg_tensor *t) { return t ? tgi_own_contiguous(t) : NULL; }

/* ---- forward ---- */

tg_tensor *tgi_norm_forward(const tg_op *op, tg_tensor_list inputs, const tgi_norm_form *form, size_t size,
                            tg_shape shape, tgi_norm_forward_raw raw, void *more)
{
    tg_tensor *x = inputs.items[0], *weight = inputs.items[1], *bias = inputs.count > 2 ? inputs.items[2] : NULL;
    tg_tensor *y = tgi_new_like(x, (tg_dtype)x->dtype);
    if (!y) return NULL;
    tg_tensor *statistics = tgi_own(tgi_new(&shape, TG_FLOAT64));
    tg_tensor *c[3] = { tgi_own_contiguous(x), own_contiguous(weight), own_contiguous(bias) };
    bool ok = statistics && c[0] && (c[1] || !weight) && (c[2] || !bias);
    if (ok && x->numel == 0) tgi_fill(statistics, 0); /* nobody else does, and gradients read them */
    ok = ok && raw(form, c, statistics, y, more);
    ok = ok && tg_record(op, inputs, tg_list(y), tg_list(x, tg_requires_grad(x) ? weight : NULL, statistics), form,
                         size) == TG_OK;
    for (int i = 0; i < 3; i++) tgi_unref(c[i]);
    tgi_unref(statistics);
    return ok ? y : NULL;
}

/* ---- backward ---- */

tg_tensor *tgi_norm_weight(tg_context *ctx)
{
    const tgi_norm_form *form = tg_attributes(ctx);
    return form->weighted && tg_needs_input_grad(ctx, 0) ? tg_saved(ctx, TGI_NORM_WEIGHT) : NULL;
}

static tg_tensor *mean_over(tg_tensor *t, const tg_shape *dims) { return tg_mean(t, .dims = *dims, .keepdim = true); }

/* x is normalised as x scale, with eps scale^2: by powers of two, on which the result does not depend. */
typedef struct scaling {
    tg_tensor *scale, *eps; /* NULL: all 1, and form->eps */
} scaling;

/* Scales near rstd for the sets whose squares do not fit, 1 for others. */
static void fill_scaling(const scaling *s, const double *rstd, double eps)
{
    const int dtype = s->scale->dtype;
    for (int64_t i = 0; i < s->scale->numel; i++) {
        const int e = tgi_rstd_needs_care(dtype, rstd[i]) ? tgi_exponent_of(dtype, rstd[i]) : 0;
        tgi_put(tgi_ptr(s->scale), dtype, i, ldexp(1, e));
        tgi_put(tgi_ptr(s->eps), dtype, i, ldexp(eps, 2 * e));
    }
}

/* False: memory ran out. */
static bool scaling_of(tg_context *ctx, const tgi_norm_form *form, tg_dtype dtype, scaling *s)
{
    tg_tensor *statistics = tg_saved(ctx, TGI_NORM_STATISTICS);
    tg_shape kept = form->shape;
    for (int i = 0; i < form->dims.ndim; i++) kept.dims[form->dims.dims[i]] = 1;
    const int64_t sets = tg_shape_numel(&kept);
    *s = (scaling){ NULL, NULL };
    if (!statistics) return false;
    const double *rstd = (const double *)tgi_ptr(statistics) + sets;
    bool care = false;
    for (int64_t i = 0; i < sets; i++) care |= tgi_rstd_needs_care((int)dtype, rstd[i]);
    if (!care) return true;
    *s = (scaling){ tgi_new(&kept, dtype), tgi_new(&kept, dtype) };
    if (!s->scale || !s->eps) return false;
    fill_scaling(s, rstd, form->eps);
    return true;
}

void tgi_norm_backward(tg_context *ctx)
{
    const tgi_norm_form *form = tg_attributes(ctx);
    tg_tensor *g = tg_reshape(tg_grad_output(ctx, 0), form->shape), *w = tgi_norm_weight(ctx);
    tg_tensor *x = tg_reshape(tg_saved(ctx, TGI_NORM_X), form->shape);
    scaling s;
    if (!x || !scaling_of(ctx, form, (tg_dtype)x->dtype, &s)) return;
    if (s.scale) x = tg_mul(x, s.scale);
    if (form->centered) x = tgi_center(x, &form->dims);
    tg_tensor *square = mean_over(tg_mul(x, x), &form->dims);
    tg_tensor *rstd = tg_rsqrt(s.eps ? tg_add(square, s.eps) : tg_add(square, form->eps)), *normal = tg_mul(x, rstd);
    if (tg_needs_input_grad(ctx, 0)) {
        tg_tensor *gw = w ? tg_mul(g, tg_reshape(w, form->affine)) : g;
        tg_tensor *d = tg_sub(gw, tg_mul(normal, mean_over(tg_mul(gw, normal), &form->dims)));
        if (form->centered) d = tg_sub(d, mean_over(gw, &form->dims));
        d = tg_mul(d, rstd);
        tg_set_grad_input(ctx, 0, tg_reshape(s.scale ? tg_mul(d, s.scale) : d, tg_input_shape(ctx, 0)));
    }
    if (tg_needs_input_grad(ctx, 1))
        tg_set_grad_input(ctx, 1, tg_reshape(tg_sum_to_size(tg_mul(g, normal), form->affine), tg_input_shape(ctx, 1)));
    if (tg_input_count(ctx) > 2 && tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, tg_reshape(tg_sum_to_size(g, form->affine), tg_input_shape(ctx, 2)));
}

void tgi_norm_backward_fused(tg_context *ctx, tgi_norm_backward_raw raw)
{
    tg_tensor *from[TGI_NORM_SOURCES], *c[TGI_NORM_SOURCES], *grads[3] = { NULL };
    from[TGI_NORM_X] = tg_saved(ctx, TGI_NORM_X);
    from[TGI_NORM_WEIGHT] = tgi_norm_weight(ctx);
    from[TGI_NORM_STATISTICS] = tg_saved(ctx, TGI_NORM_STATISTICS);
    from[TGI_NORM_G] = tg_grad_output(ctx, 0);
    bool ok = true;
    for (int i = 0; i < TGI_NORM_SOURCES; i++) {
        c[i] = own_contiguous(from[i]);
        ok &= c[i] != NULL || i == TGI_NORM_WEIGHT;
    }
    for (int i = 0; ok && i < tg_input_count(ctx); i++) {
        if (!tg_needs_input_grad(ctx, i)) continue;
        const tg_shape shape = tg_input_shape(ctx, i);
        grads[i] = tgi_new(&shape, (tg_dtype)c[TGI_NORM_G]->dtype);
        ok = grads[i] != NULL;
    }
    ok = ok && raw(tg_attributes(ctx), c, grads);
    for (int i = 0; i < 3; i++)
        if (grads[i]) tg_set_grad_input(ctx, i, ok ? grads[i] : NULL);
    for (int i = 0; i < TGI_NORM_SOURCES; i++) tgi_unref(c[i]);
}
