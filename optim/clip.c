/* clip.c: gradient clipping by total norm and by value. Norms are summed in float64, in blocks, whatever the dtype. */
#include "clip.h"

#include "../core/error.h"
#include "../core/op.h"
#include "../core/scope.h"
#include "../core/tensor_impl.h"
#include "../ops/pointwise.h"
#include "../ops/view.h"

#include <math.h>

/* Takes one more part into what is a sum of powers, or a maximum that keeps NaN. */
static double join(double so_far, double part, double p)
{
    if (!isinf(p)) return so_far + part;
    return part > so_far || isnan(part) ? part : so_far;
}

static double block_part(const double *x, int64_t n, double p)
{
    double part = 0;
    if (p == 2)
        for (int64_t i = 0; i < n; i++) part += x[i] * x[i];
    else if (p == 0)
        for (int64_t i = 0; i < n; i++) part += x[i] != 0;
    else
        for (int64_t i = 0; i < n; i++) part = join(part, isinf(p) ? fabs(x[i]) : pow(fabs(x[i]), p), p);
    return part;
}

/* NaN with an error pending when memory ran out. */
static double tensor_part(tg_tensor *t, double p)
{
    enum { BLOCK = 1024 };
    tg_scope scope = tg_no_grad_begin();
    const tg_tensor *wide = tg_contiguous(tg_to(t, TG_FLOAT64));
    double part = wide ? 0 : NAN;
    for (int64_t i = 0; wide && i < wide->numel; i += BLOCK) {
        const int64_t n = wide->numel - i < BLOCK ? wide->numel - i : BLOCK;
        part = join(part, block_part((const double *)tgi_ptr(wide) + i, n, p), p);
    }
    tg_scope_end(scope);
    return part;
}

/* Remembers the user's place; false when there is an error that explains why nothing may be written. */
static bool begin(const char *where, const char *name, tg_tensor_list parameters)
{
    const tg_op op = { .name = name };
    return tg_op_begin(where, &op, parameters) && !tg_failed();
}

static void scale(tg_tensor_list parameters, double factor)
{
    tg_scope scope = tg_no_grad_begin();
    for (int64_t i = 0; i < parameters.count; i++) {
        tg_tensor *grad = tg_grad_of(parameters.items[i]);
        if (grad) tg_mul_(grad, factor);
    }
    tg_scope_end(scope);
}

double tg_clip_grad_norm_at(const char *where, tg_tensor_list parameters, double max_norm,
                            tg_clip_grad_norm_options options)
{
    static const char name[] = "clip_grad_norm_";
    const double p = options.norm_type;
    if (!begin(where, name, parameters)) return NAN;
    if (isnan(p) || p < 0) {
        tg_fail_at(where, TG_ERROR_VALUE, name, "norm_type %g is not one: 0, a positive number or INFINITY", p);
        return NAN;
    }
    double total = 0;
    for (int64_t i = 0; i < parameters.count; i++) {
        tg_tensor *grad = tg_grad_of(parameters.items[i]);
        if (grad) total = join(total, tensor_part(grad, p), p);
    }
    if (tg_failed()) return NAN;
    if (p != 0 && !isinf(p)) total = p == 2 ? sqrt(total) : pow(total, 1 / p);
    if (options.error_if_nonfinite && !isfinite(total)) {
        tg_fail_at(
            where, TG_ERROR_VALUE, name,
            "The total norm of order %g for gradients from `parameters` is non-finite, so it cannot be clipped. To "
            "disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`",
            p);
        return NAN;
    }
    const double factor = max_norm / (total + 1e-6);
    if (!(factor >= 1)) scale(parameters, factor);
    return tg_failed() ? NAN : total;
}

tg_status tg_clip_grad_value_at(const char *where, tg_tensor_list parameters, double clip_value)
{
    if (!begin(where, "clip_grad_value_", parameters)) return TG_FAILED;
    tg_scope scope = tg_no_grad_begin();
    for (int64_t i = 0; i < parameters.count; i++) {
        tg_tensor *grad = tg_grad_of(parameters.items[i]);
        if (grad) tg_copy_(grad, tg_minimum(tg_maximum(grad, -clip_value), clip_value));
    }
    tg_scope_end(scope);
    return tg_failed() ? TG_FAILED : TG_OK;
}
