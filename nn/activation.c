/* activation.c: functions of one tensor, wrapped as modules. */
#include "activation.h"

#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/loss.h"
#include "ops/pointwise.h"
#include "module_impl.h"

#include <string.h>

static tg_tensor *relu(tg_module *m, tg_tensor *x) { return (void)m, tg_relu(x); }
static tg_tensor *sigmoid(tg_module *m, tg_tensor *x) { return (void)m, tg_sigmoid(x); }
static tg_tensor *tanh_(tg_module *m, tg_tensor *x) { return (void)m, tg_tanh(x); }
static tg_tensor *relu6(tg_module *m, tg_tensor *x) { return (void)m, tg_relu6(x); }
static tg_tensor *selu(tg_module *m, tg_tensor *x) { return (void)m, tg_selu(x); }
static tg_tensor *silu(tg_module *m, tg_tensor *x) { return (void)m, tg_silu(x); }
static tg_tensor *mish(tg_module *m, tg_tensor *x) { return (void)m, tg_mish(x); }
static tg_tensor *log_sigmoid(tg_module *m, tg_tensor *x) { return (void)m, tg_log_sigmoid(x); }
static tg_tensor *softsign(tg_module *m, tg_tensor *x) { return (void)m, tg_softsign(x); }
static tg_tensor *hardsigmoid(tg_module *m, tg_tensor *x) { return (void)m, tg_hardsigmoid(x); }
static tg_tensor *hardswish(tg_module *m, tg_tensor *x) { return (void)m, tg_hardswish(x); }
static tg_tensor *tanhshrink(tg_module *m, tg_tensor *x) { return (void)m, tg_tanhshrink(x); }

static tg_module *stateless(const char *where, const char *name, tg_forward_fn forward)
{
    return TGI_MODULE_NEW(where, tg_module, .name = name, .forward = forward);
}

tg_module *tg_relu_new_at(const char *where) { return stateless(where, "ReLU", relu); }
tg_module *tg_sigmoid_new_at(const char *where) { return stateless(where, "Sigmoid", sigmoid); }
tg_module *tg_tanh_new_at(const char *where) { return stateless(where, "Tanh", tanh_); }
tg_module *tg_relu6_new_at(const char *where) { return stateless(where, "ReLU6", relu6); }
tg_module *tg_selu_new_at(const char *where) { return stateless(where, "SELU", selu); }
tg_module *tg_silu_new_at(const char *where) { return stateless(where, "SiLU", silu); }
tg_module *tg_mish_new_at(const char *where) { return stateless(where, "Mish", mish); }
tg_module *tg_log_sigmoid_new_at(const char *where) { return stateless(where, "LogSigmoid", log_sigmoid); }
tg_module *tg_softsign_new_at(const char *where) { return stateless(where, "Softsign", softsign); }
tg_module *tg_hardsigmoid_new_at(const char *where) { return stateless(where, "Hardsigmoid", hardsigmoid); }
tg_module *tg_hardswish_new_at(const char *where) { return stateless(where, "Hardswish", hardswish); }
tg_module *tg_tanhshrink_new_at(const char *where) { return stateless(where, "Tanhshrink", tanhshrink); }

/* ---- with options ---- */

typedef struct shaped {
    tg_module base;
    union {
        tg_leaky_relu_options leaky_relu;
        tg_elu_options elu;
        tg_celu_options celu;
        tg_softplus_options softplus;
        tg_hardtanh_options hardtanh;
        tg_softshrink_options softshrink;
        tg_hardshrink_options hardshrink;
        tg_threshold_options threshold;
        const char *approximate; /* of gelu */
    };
} shaped;

/* NAME_forward, and a constructor that keeps the options. */
#define SHAPED(name_, class_name_)                                                                                     \
    static tg_tensor *name_##_forward(tg_module *m, tg_tensor *x)                                                      \
    {                                                                                                                  \
        return tg_##name_##_at(TG_HERE, x, ((shaped *)m)->name_);                                                      \
    }                                                                                                                  \
    tg_module *tg_##name_##_new_at(const char *where, tg_##name_##_options options)                                    \
    {                                                                                                                  \
        shaped *m = TGI_MODULE_NEW(where, shaped, .name = class_name_, .type = "", .forward = name_##_forward,         \
                                   .extra_repr = name_##_repr);                                                        \
        if (!m) return NULL;                                                                                           \
        TGI_SET_OPTIONS(m->name_, options);                                                                            \
        return &m->base;                                                                                               \
    }

/* NAME_repr of one number. */
#define REPR(name, text, number)                                                                                       \
    static int name##_repr(tg_module *module, char *buffer, size_t size)                                               \
    {                                                                                                                  \
        char a[TGI_REAL_TEXT];                                                                                         \
        return snprintf(buffer, size, text "%s", tgi_real_text(((shaped *)module)->name.number, a));                   \
    }

REPR(leaky_relu, "negative_slope=", negative_slope)
REPR(elu, "alpha=", alpha)
REPR(celu, "alpha=", alpha)
REPR(softshrink, "", lambd)
REPR(hardshrink, "", lambd)

static int softplus_repr(tg_module *m, char *buffer, size_t size)
{
    const tg_softplus_options *o = &((shaped *)m)->softplus; /* whose defaults are integers in Python */
    return snprintf(buffer, size, "beta=%g, threshold=%g", o->beta, o->threshold);
}

static int hardtanh_repr(tg_module *m, char *buffer, size_t size)
{
    const tg_hardtanh_options *o = &((shaped *)m)->hardtanh;
    char a[TGI_REAL_TEXT], b[TGI_REAL_TEXT];
    return snprintf(buffer, size, "min_val=%s, max_val=%s", tgi_real_text(o->min_val, a), tgi_real_text(o->max_val, b));
}

static int threshold_repr(tg_module *m, char *buffer, size_t size)
{
    const tg_threshold_options *o = &((shaped *)m)->threshold;
    return snprintf(buffer, size, "threshold=%g, value=%g", o->threshold, o->value);
}

static tg_tensor *threshold_forward(tg_module *m, tg_tensor *x)
{
    return tg_threshold_at(TG_HERE, x, ((shaped *)m)->threshold);
}

tg_module *tg_threshold_new_at(const char *where, double threshold, double value)
{
    shaped *m = TGI_MODULE_NEW(where, shaped, .name = "Threshold", .type = "", .forward = threshold_forward,
                               .extra_repr = threshold_repr);
    if (!m) return NULL;
    m->threshold = (tg_threshold_options){ threshold, value };
    return &m->base;
}

SHAPED(leaky_relu, "LeakyReLU")
SHAPED(elu, "ELU")
SHAPED(celu, "CELU")
SHAPED(softplus, "Softplus")
SHAPED(hardtanh, "Hardtanh")
SHAPED(softshrink, "Softshrink")
SHAPED(hardshrink, "Hardshrink")

static tg_tensor *gelu_forward(tg_module *m, tg_tensor *x)
{
    return tg_gelu(x, .approximate = ((shaped *)m)->approximate);
}

static int gelu_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "approximate='%s'", ((shaped *)m)->approximate);
}

tg_module *tg_gelu_new_at(const char *where, tg_gelu_options options)
{
    static const char *const names[] = { "none", "tanh" };
    shaped *m =
        TGI_MODULE_NEW(where, shaped, .name = "GELU", .type = "", .forward = gelu_forward, .extra_repr = gelu_repr);
    if (!m) return NULL;
    m->approximate = "unknown"; /* refused when it is called, as PyTorch does */
    for (int i = 0; i < 2; i++)
        if (options.approximate && strcmp(options.approximate, names[i]) == 0) m->approximate = names[i];
    return &m->base;
}

/* ---- along a dimension ---- */

typedef struct along {
    tg_module base;
    int64_t dim;
} along;

static int dim_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "dim=%lld", (long long)((along *)m)->dim);
}

static tg_module *along_new(const char *where, const char *name, tg_forward_fn forward, int64_t dim)
{
    along *m = TGI_MODULE_NEW(where, along, .name = name, .type = "", .forward = forward, .extra_repr = dim_repr);
    if (!m) return NULL;
    m->dim = dim;
    return &m->base;
}

static tg_tensor *softmax(tg_module *m, tg_tensor *x) { return tg_softmax(x, ((along *)m)->dim); }
static tg_tensor *softmax2d(tg_module *m, tg_tensor *x)
{
    const tg_op op = { .name = m->base.name };
    if (!tgi_forward_begin(NULL, m, &op, tg_list(x))) return NULL;
    if (x->ndim == 3 || x->ndim == 4) return tg_softmax(x, -3);
    return tg_op_fail(&op, tg_list(x), "Softmax2d requires a 3D or 4D tensor as input");
}
static tg_tensor *softmin(tg_module *m, tg_tensor *x) { return tg_softmin(x, ((along *)m)->dim); }
static tg_tensor *log_softmax(tg_module *m, tg_tensor *x) { return tg_log_softmax(x, ((along *)m)->dim); }
static tg_tensor *glu(tg_module *m, tg_tensor *x) { return tg_glu(x, ((along *)m)->dim); }

tg_module *tg_glu_new_at(const char *where, int64_t dim) { return along_new(where, "GLU", glu, dim); }
tg_module *tg_softmax_new_at(const char *where, int64_t dim) { return along_new(where, "Softmax", softmax, dim); }
tg_module *tg_softmax2d_new_at(const char *where) { return stateless(where, "Softmax2d", softmax2d); }
tg_module *tg_softmin_new_at(const char *where, int64_t dim) { return along_new(where, "Softmin", softmin, dim); }
tg_module *tg_log_softmax_new_at(const char *where, int64_t dim)
{
    return along_new(where, "LogSoftmax", log_softmax, dim);
}

/* ---- with a parameter ---- */

static tg_tensor *prelu(tg_module *m, tg_tensor *x) { return tg_prelu(x, ((tg_prelu *)m)->weight); }

static int prelu_repr(tg_module *m, char *buffer, size_t size)
{
    return snprintf(buffer, size, "num_parameters=%lld", (long long)((tg_prelu *)m)->num_parameters);
}

tg_prelu *tg_prelu_new_at(const char *where, tg_prelu_module_options options)
{
    tg_prelu *m = TGI_MODULE_NEW(where, tg_prelu, .name = "PReLU", .forward = prelu, .extra_repr = prelu_repr);
    if (!m) return NULL;
    tg_scope scope = tg_scope_begin();
    m->num_parameters = options.num_parameters;
    TG_PARAMETER(m, weight, tg_full(tg_shape(options.num_parameters), options.init, .dtype = options.dtype));
    tg_scope_end(scope);
    return m;
}
