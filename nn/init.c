/* init.c: initial values from PyTorch's random streams. */
#include "init.h"

#include "core/error.h"
#include "core/op.h"
#include "core/rng.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/pointwise.h"

#include <math.h>

static bool ready(const char *where, const char *name, tg_tensor *t)
{
    const tg_op op = { .name = name };
    if (!tg_op_begin(where, &op, tg_list(t))) return false;
    if (tgi_is_floating(t)) return true;
    tg_op_fail(&op, tg_list(t), "a floating dtype is wanted");
    return false;
}

typedef enum distribution { UNIFORM, NORMAL } distribution;

/* Contiguous memory is filled in row-major order: from a to b, or with mean a and standard deviation b. */
static void draw(tg_tensor *t, distribution kind, double a, double b)
{
    tg_generator *generator = tg_default_generator();
    void *out = tgi_ptr(t);
    const bool f32 = tg_dtype_of(t) == TG_FLOAT32;
    if (kind == UNIFORM && f32) tg_generate_uniform_f32(generator, out, t->numel, a, b);
    if (kind == UNIFORM && !f32) tg_generate_uniform_f64(generator, out, t->numel, a, b);
    if (kind == NORMAL && f32) tg_generate_normal_f32(generator, out, t->numel, a, b);
    if (kind == NORMAL && !f32) tg_generate_normal_f64(generator, out, t->numel, a, b);
}

static tg_tensor *fill_random(tg_tensor *t, distribution kind, double a, double b)
{
    if (tg_is_contiguous(t)) {
        if (t->numel) draw(t, kind, a, b);
        tg_bump_version(t);
        return t;
    }
    const tg_shape shape = tgi_shape(t);
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *values = tgi_new(&shape, tg_dtype_of(t));
    if (values) draw(values, kind, a, b);
    tg_tensor *filled = tg_copy_(t, values);
    tg_scope_end(scope);
    return filled;
}

tg_tensor *tg_init_uniform_at(const char *where, tg_tensor *t, double a, double b)
{
    if (!ready(where, "uniform_", t)) return NULL;
    if (!(a <= b))
        return tg_fail_at(where, TG_ERROR_VALUE, "uniform_",
                          "uniform_ expects to return a [from, to) range, but found from=%g > to=%g", a, b);
    return fill_random(t, UNIFORM, a, b);
}

tg_tensor *tg_init_normal_at(const char *where, tg_tensor *t, double mean, double std)
{
    if (!ready(where, "normal_", t)) return NULL;
    if (!(std >= 0))
        return tg_fail_at(where, TG_ERROR_VALUE, "normal_", "normal expects std >= 0.0, but found std %g", std);
    return fill_random(t, NORMAL, mean, std);
}

tg_tensor *tg_init_constant_at(const char *where, tg_tensor *t, double value)
{
    if (!ready(where, "constant_", t)) return NULL;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *filled = tg_fill_(t, value);
    tg_scope_end(scope);
    return filled;
}

/* ---- by the number of connections ---- */

static bool fans(const char *where, const char *name, tg_tensor *t, double *fan_in, double *fan_out)
{
    if (!ready(where, name, t)) return false;
    if (t->ndim < 2) {
        tg_fail_at(where, TG_ERROR_VALUE, name,
                   "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
        return false;
    }
    int64_t field = 1;
    for (int d = 2; d < t->ndim; d++) field *= t->dims[d];
    *fan_in = (double)(t->dims[1] * field);
    *fan_out = (double)(t->dims[0] * field);
    return true;
}

static tg_tensor *fill_centered(tg_tensor *t, distribution kind, double std)
{
    return kind == UNIFORM ? fill_random(t, UNIFORM, -sqrt(3.0) * std, sqrt(3.0) * std)
                           : fill_random(t, NORMAL, 0, std);
}

static tg_tensor *xavier(const char *where, const char *name, tg_tensor *t, tg_xavier_options options,
                         distribution kind)
{
    double in, out;
    if (!fans(where, name, t, &in, &out)) return NULL;
    const double std = options.gain * sqrt(2.0 / (in + out));
    return fill_centered(t, kind, std);
}

tg_tensor *tg_init_xavier_uniform_at(const char *where, tg_tensor *t, tg_xavier_options options)
{
    return xavier(where, "xavier_uniform_", t, options, UNIFORM);
}

tg_tensor *tg_init_xavier_normal_at(const char *where, tg_tensor *t, tg_xavier_options options)
{
    return xavier(where, "xavier_normal_", t, options, NORMAL);
}

double tg_init_gain(tg_nonlinearity nonlinearity, double slope)
{
    switch (nonlinearity) {
    case TG_NONLINEARITY_TANH: return 5.0 / 3;
    case TG_NONLINEARITY_RELU: return sqrt(2.0);
    case TG_NONLINEARITY_LEAKY_RELU: return sqrt(2.0 / (1 + slope * slope));
    case TG_NONLINEARITY_LINEAR:
    case TG_NONLINEARITY_SIGMOID: return 1;
    }
    tg_fail_at(NULL, TG_ERROR_VALUE, "calculate_gain", "Unsupported nonlinearity %d", (int)nonlinearity);
    return NAN;
}

static tg_tensor *kaiming(const char *where, const char *name, tg_tensor *t, tg_kaiming_options options,
                          distribution kind)
{
    double in, out;
    if (!fans(where, name, t, &in, &out)) return NULL;
    const double gain = tg_init_gain(options.nonlinearity, options.a);
    if ((unsigned)options.mode > TG_FAN_OUT)
        return tg_fail_at(where, TG_ERROR_VALUE, name, "Mode %d not supported, please use one of fan_in, fan_out",
                          (int)options.mode);
    if (isnan(gain) && tg_failed()) return NULL;
    if (t->numel == 0) {
        tg_warn_at(where, "Initializing zero-element tensors is a no-op");
        return t;
    }
    const double fan = options.mode == TG_FAN_IN ? in : out;
    return fill_centered(t, kind, gain / sqrt(fan));
}

tg_tensor *tg_init_kaiming_uniform_at(const char *where, tg_tensor *t, tg_kaiming_options options)
{
    return kaiming(where, "kaiming_uniform_", t, options, UNIFORM);
}

tg_tensor *tg_init_kaiming_normal_at(const char *where, tg_tensor *t, tg_kaiming_options options)
{
    return kaiming(where, "kaiming_normal_", t, options, NORMAL);
}
