/* clip.c: gradient clipping by total norm and by value. Norms are summed in float64, in blocks, whatever the dtype. */
#include "clip.h"

#include "core/denormals_impl.h"
#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/pointwise.h"
#include "ops/base/range.h"
#include "ops/view.h"

/* Takes one more part into what is a sum of powers, or a maximum that keeps NaN. */
static double join(double so_far, double part, double p)
{
    if (!isinf(p)) return so_far + part;
    return part > so_far || isnan(part) ? part : so_far;
}

/* Of x scale. */
static double block_part(const double *x, int64_t n, double p, double scale)
{
    double part = 0;
    if (p == 2)
        for (int64_t i = 0; i < n; i++) part += x[i] * scale * (x[i] * scale);
    else if (p == 0)
        for (int64_t i = 0; i < n; i++) part += x[i] != 0;
    else
        for (int64_t i = 0; i < n; i++)
            part = join(part, isinf(p) ? fabs(x[i] * scale) : pow(fabs(x[i] * scale), p), p);
    return part;
}

/* NaN with an error pending when memory ran out. */
static double tensor_part(tg_tensor *t, double p, double scale)
{
    enum { BLOCK = 1024 };
    tg_scope scope = tg_no_grad_begin();
    const tg_tensor *wide = tg_contiguous(tg_to(t, TG_FLOAT64));
    double part = wide ? 0 : NAN;
    for (int64_t i = 0; wide && i < wide->numel; i += BLOCK) {
        const int64_t n = wide->numel - i < BLOCK ? wide->numel - i : BLOCK;
        part = join(part, block_part((const double *)tgi_ptr(wide) + i, n, p, scale), p);
    }
    tg_scope_end(scope);
    return part;
}

/* Of which norms are taken: tensors, or the gradients of those that have one. */
typedef struct measured {
    tg_tensor_list tensors;
    bool gradients;
} measured;

static tg_tensor *item(const measured *m, int64_t i)
{
    return m->gradients ? tg_grad_of(m->tensors.items[i]) : m->tensors.items[i];
}

/* The sum of powers, or the maximum, of all of them times `scale`. */
static double part_of_all(const measured *m, double p, double scale)
{
    double total = 0;
    for (int64_t i = 0; i < m->tensors.count && !tg_failed(); i++) {
        tg_tensor *t = item(m, i);
        if (t) total = join(total, tensor_part(t, p, scale), p);
    }
    return tg_failed() ? NAN : total;
}

/* The norm of all as one vector: value / scale. The scale is 1, or a power of two where powers of the elements do not
 * fit. */
typedef struct norm_of_all {
    double value, scale;
} norm_of_all;

static norm_of_all norm_of(const measured *m, double p)
{
    norm_of_all norm = { part_of_all(m, p, 1), 1 };
    if (p == 0 || p == 1 || isinf(p)) return norm;
    int64_t n = 0;
    for (int64_t i = 0; i < m->tensors.count; i++)
        if (item(m, i)) n += tg_numel(m->tensors.items[i]);
    if (tgi_sum_has_lost(TG_FLOAT64, norm.value, n)) {
        norm.scale = ldexp(1, -tgi_exponent_of(TG_FLOAT64, part_of_all(m, INFINITY, 1)));
        norm.value = part_of_all(m, p, norm.scale);
    }
    norm.value = tgi_root_of_sum(norm.value, p);
    return norm;
}

/* The same for a function of the user's. False with an error pending. */
static bool total_norm(const char *where, const char *name, const measured *m, const tg_clip_grad_norm_options *o,
                       norm_of_all *norm)
{
    const double p = o->norm_type;
    if (isnan(p) || p < 0) {
        tg_fail_at(where, TG_ERROR_VALUE, name, "norm_type %g is not one: 0, a positive number or INFINITY", p);
        return false;
    }
    *norm = norm_of(m, p);
    if (tg_failed()) return false;
    if (!o->error_if_nonfinite || isfinite(norm->value)) return true;
    tg_fail_at(
        where, TG_ERROR_VALUE, name,
        "The total norm of order %g for gradients from `parameters` is non-finite, so it cannot be clipped. To "
        "disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`",
        p);
    return false;
}

/* Remembers the user's place; false when there is an error that explains why nothing may be written. */
static bool begin(const char *where, const char *name, tg_tensor_list parameters)
{
    const tg_op op = { .name = name };
    return tg_op_begin(where, &op, parameters) && !tg_failed();
}

/* A factor that is no normal float32 goes in two steps. */
static void scale(tg_tensor_list parameters, double factor)
{
    const bool tiny = factor > 0 && factor < (double)FLT_MIN;
    const bool flushing = tgi_set_flushing(true);
    tg_scope scope = tg_no_grad_begin();
    for (int64_t i = 0; i < parameters.count; i++) {
        tg_tensor *grad = tg_grad_of(parameters.items[i]);
        if (!grad) continue;
        if (tiny) tg_mul_(grad, 0x1p-60);
        tg_mul_(grad, tiny ? factor * 0x1p60 : factor);
    }
    tg_scope_end(scope);
    tgi_set_flushing(flushing);
}

/* A limit is a number that is not negative: anything else would turn the gradients round, or wipe them. */
static bool limit_ok(const char *where, const char *name, const char *what, double limit)
{
    if (limit >= 0) return true;
    tg_fail_at(where, TG_ERROR_VALUE, name, "%s %g is no limit: a number that is not negative, or INFINITY", what,
               limit);
    return false;
}

double tg_clip_grad_norm_at(const char *where, tg_tensor_list parameters, double max_norm,
                            tg_clip_grad_norm_options options)
{
    static const char name[] = "clip_grad_norm_";
    const measured gradients = { parameters, true };
    norm_of_all norm;
    if (!begin(where, name, parameters) || !limit_ok(where, name, "max_norm", max_norm)) return NAN;
    if (!total_norm(where, name, &gradients, &options, &norm)) return NAN;
    const double factor = max_norm * norm.scale / (norm.value + 1e-6 * norm.scale);
    if (!isinf(max_norm) && !(factor >= 1)) scale(parameters, factor);
    return tg_failed() ? NAN : norm.value / norm.scale;
}

double tg_get_total_norm_at(const char *where, tg_tensor_list tensors, tg_clip_grad_norm_options options)
{
    static const char name[] = "get_total_norm";
    const measured all = { tensors, false };
    norm_of_all norm;
    if (!begin(where, name, tensors) || !total_norm(where, name, &all, &options, &norm)) return NAN;
    return norm.value / norm.scale;
}

tg_status tg_clip_grad_value_at(const char *where, tg_tensor_list parameters, double clip_value)
{
    static const char name[] = "clip_grad_value_";
    if (!begin(where, name, parameters) || !limit_ok(where, name, "clip_value", clip_value)) return TG_FAILED;
    tg_scope scope = tg_no_grad_begin();
    for (int64_t i = 0; i < parameters.count; i++) {
        tg_tensor *grad = tg_grad_of(parameters.items[i]);
        if (grad) tg_copy_(grad, tg_minimum(tg_maximum(grad, -clip_value), clip_value));
    }
    tg_scope_end(scope);
    return tg_failed() ? TG_FAILED : TG_OK;
}
