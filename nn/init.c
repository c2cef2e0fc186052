/* init.c: initial values from PyTorch's random streams. */
#include "init.h"

#include "core/error.h"
#include "core/rng.h"
#include "core/scope.h"
#include "init_impl.h"
#include "ops/pointwise.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

bool tgi_init_ready(const char *where, const char *name, tg_tensor *t)
{
    const tg_op op = { .name = name };
    if (!tg_op_begin(where, &op, tg_list(t))) return false;
    if (tgi_is_floating(t)) return true;
    tg_op_fail(&op, tg_list(t), "a floating dtype is wanted");
    return false;
}

static void draw(tg_tensor *t, tgi_distribution kind, double a, double b, int64_t from, int64_t n)
{
    tg_generator *generator = tg_default_generator();
    const bool f32 = tg_dtype_of(t) == TG_FLOAT32;
    float *floats = f32 ? (float *)tgi_ptr(t) + from : NULL;
    double *doubles = f32 ? NULL : (double *)tgi_ptr(t) + from;
    if (kind == TGI_UNIFORM && f32) tg_generate_uniform_f32(generator, floats, n, a, b);
    if (kind == TGI_UNIFORM && !f32) tg_generate_uniform_f64(generator, doubles, n, a, b);
    if (kind == TGI_NORMAL && f32) tg_generate_normal_f32(generator, floats, n, a, b);
    if (kind == TGI_NORMAL && !f32) tg_generate_normal_f64(generator, doubles, n, a, b);
}

/* The dimensions in the order of memory, the one with the largest step first. */
static void order_of(const tg_tensor *t, int order[TG_MAX_DIMS])
{
    for (int d = 0; d < t->ndim; d++) {
        int k = d;
        for (; k > 0 && tgi_strides(t)[order[k - 1]] < tgi_strides(t)[d]; k--) order[k] = order[k - 1];
        order[k] = d;
    }
}

/* PyTorch draws normal numbers one by one where memory is not contiguous: fewer than 16 of a kind at once are that. */
static void draw_one_by_one(tg_tensor *t, tgi_distribution kind, double a, double b)
{
    enum { RUN = 8 };
    for (int64_t i = 0; i < t->numel; i += RUN) draw(t, kind, a, b, i, t->numel - i < RUN ? t->numel - i : RUN);
}

tg_tensor *tgi_init_drawn(const tg_tensor *t, tgi_distribution kind, double a, double b)
{
    const bool straight = tg_is_contiguous(t);
    int order[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS];
    tg_shape shape = tgi_shape(t);
    order_of(t, order);
    for (int k = 0; k < t->ndim && !straight; k++) shape.dims[k] = t->dims[order[k]];
    tg_tensor *values = tgi_new(&shape, tg_dtype_of(t));
    if (!values || t->numel == 0) return values;
    if (straight) {
        draw(values, kind, a, b, 0, t->numel);
        return values;
    }
    draw_one_by_one(values, kind, a, b);
    for (int k = 0; k < t->ndim; k++) strides[order[k]] = tgi_strides(values)[k];
    return tgi_new_view(values, t->ndim, t->dims, strides, 0);
}

bool tgi_init_uniform_fits(const char *where, const char *name, double a, double b)
{
    if (a <= b) return true;
    tg_fail_at(where, TG_ERROR_VALUE, name, "uniform_ expects to return a [from, to) range, but found from=%g > to=%g",
               a, b);
    return false;
}

bool tgi_init_normal_fits(const char *where, const char *name, double std)
{
    if (std >= 0) return true;
    tg_fail_at(where, TG_ERROR_VALUE, name, "normal expects std >= 0.0, but found std %g", std);
    return false;
}

static tg_tensor *fill_random(tg_tensor *t, tgi_distribution kind, double a, double b)
{
    if (tg_is_contiguous(t)) {
        if (t->numel) draw(t, kind, a, b, 0, t->numel);
        tg_bump_version(t);
        return t;
    }
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *filled = tg_copy_(t, tgi_init_drawn(t, kind, a, b));
    tg_scope_end(scope);
    return filled;
}

tg_tensor *tg_init_uniform_at(const char *where, tg_tensor *t, double a, double b)
{
    if (!tgi_init_ready(where, "uniform_", t) || !tgi_init_uniform_fits(where, "uniform_", a, b)) return NULL;
    return fill_random(t, TGI_UNIFORM, a, b);
}

tg_tensor *tg_init_normal_at(const char *where, tg_tensor *t, double mean, double std)
{
    if (!tgi_init_ready(where, "normal_", t) || !tgi_init_normal_fits(where, "normal_", std)) return NULL;
    return fill_random(t, TGI_NORMAL, mean, std);
}

tg_tensor *tg_init_constant_at(const char *where, tg_tensor *t, double value)
{
    if (!tgi_init_ready(where, "constant_", t)) return NULL;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *filled = tg_fill_(t, value);
    tg_scope_end(scope);
    return filled;
}

/* ---- by the number of connections ---- */

static bool fans(const char *where, const char *name, tg_tensor *t, tg_fan *fan)
{
    if (!tgi_init_ready(where, name, t)) return false;
    if (t->ndim < 2) {
        tg_fail_at(where, TG_ERROR_VALUE, name,
                   "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
        return false;
    }
    int64_t field = 1;
    for (int d = 2; d < t->ndim; d++) field *= t->dims[d];
    fan->fan_in = t->dims[1] * field;
    fan->fan_out = t->dims[0] * field;
    return true;
}

tg_fan tg_init_fan_at(const char *where, tg_tensor *t)
{
    tg_fan fan = { 0, 0 };
    fans(where, "_calculate_fan_in_and_fan_out", t, &fan);
    return fan;
}

static tg_tensor *fill_centered(tg_tensor *t, tgi_distribution kind, double std)
{
    return kind == TGI_UNIFORM ? fill_random(t, TGI_UNIFORM, -sqrt(3.0) * std, sqrt(3.0) * std)
                               : fill_random(t, TGI_NORMAL, 0, std);
}

static tg_tensor *xavier(const char *where, const char *name, tg_tensor *t, tg_xavier_options options,
                         tgi_distribution kind)
{
    tg_fan fan;
    if (!fans(where, name, t, &fan)) return NULL;
    const double std = options.gain * sqrt(2.0 / (double)(fan.fan_in + fan.fan_out));
    return fill_centered(t, kind, std);
}

tg_tensor *tg_init_xavier_uniform_at(const char *where, tg_tensor *t, tg_xavier_options options)
{
    return xavier(where, "xavier_uniform_", t, options, TGI_UNIFORM);
}

tg_tensor *tg_init_xavier_normal_at(const char *where, tg_tensor *t, tg_xavier_options options)
{
    return xavier(where, "xavier_normal_", t, options, TGI_NORMAL);
}

double tg_init_calculate_gain_at(const char *where, const char *nonlinearity, double param)
{
    static const char *const linear[] = { "linear",           "conv1d",           "conv2d",           "conv3d",
                                          "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid" };
    const char *name = nonlinearity ? nonlinearity : "(null)";
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++)
        if (strcmp(name, linear[i]) == 0) return 1;
    if (strcmp(name, "tanh") == 0) return 5.0 / 3;
    if (strcmp(name, "relu") == 0) return sqrt(2.0);
    if (strcmp(name, "leaky_relu") == 0) return sqrt(2.0 / (1 + param * param));
    if (strcmp(name, "selu") == 0) return 3.0 / 4;
    tg_fail_at(where, TG_ERROR_VALUE, "calculate_gain", "Unsupported nonlinearity %s", name);
    return NAN;
}

/* The fan that `mode` names, in whatever case; 0 with an error when it names none. */
static int64_t fan_of(const char *where, const char *name, tg_fan fan, const char *mode)
{
    if (mode && strcasecmp(mode, "fan_in") == 0) return fan.fan_in;
    if (mode && strcasecmp(mode, "fan_out") == 0) return fan.fan_out;
    tg_fail_at(where, TG_ERROR_VALUE, name, "Mode %s not supported, please use one of ['fan_in', 'fan_out']",
               mode ? mode : "(null)");
    return 0;
}

static tg_tensor *kaiming(const char *where, const char *name, tg_tensor *t, tg_kaiming_options options,
                          tgi_distribution kind)
{
    tg_fan fan;
    if (!tgi_init_ready(where, name, t)) return NULL;
    if (t->numel == 0) {
        if (!tg_failed()) tg_warn_at(where, "Initializing zero-element tensors is a no-op"); /* or that is why */
        return t;
    }
    if (!fans(where, name, t, &fan)) return NULL;
    const int64_t chosen = fan_of(where, name, fan, options.mode);
    const double gain = chosen ? tg_init_calculate_gain_at(where, options.nonlinearity, options.a) : NAN;
    if (isnan(gain) && tg_failed()) return NULL;
    return fill_centered(t, kind, gain / sqrt((double)chosen));
}

tg_tensor *tg_init_kaiming_uniform_at(const char *where, tg_tensor *t, tg_kaiming_options options)
{
    return kaiming(where, "kaiming_uniform_", t, options, TGI_UNIFORM);
}

tg_tensor *tg_init_kaiming_normal_at(const char *where, tg_tensor *t, tg_kaiming_options options)
{
    return kaiming(where, "kaiming_normal_", t, options, TGI_NORMAL);
}
