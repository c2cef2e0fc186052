/* normalization.c: the modules LayerNorm, RMSNorm, GroupNorm and LocalResponseNorm. */
#include "normalization.h"

#include "core/error.h"
#include "core/scope.h"
#include "ops/create.h"
#include "module_hooks_impl.h"

#include <string.h>

/* `shape` as Python prints a tuple: "(8,)", "(3, 4)". */
static const char *tuple_text(const tg_shape *shape, char buffer[TG_SHAPE_TEXT + 2])
{
    char list[TG_SHAPE_TEXT];
    tg_shape_text(shape, list);
    snprintf(buffer, TG_SHAPE_TEXT + 2, "(%.*s%s)", (int)strlen(list) - 2, list + 1, shape->ndim == 1 ? "," : "");
    return buffer;
}

/* The eps of RMSNorm may be none. */
static int shape_repr(char *buffer, size_t size, const tg_shape *shape, double eps, bool affine)
{
    char tuple[TG_SHAPE_TEXT + 2], text[TGI_REAL_TEXT];
    return snprintf(buffer, size, "%s, eps=%s, elementwise_affine=%s", tuple_text(shape, tuple),
                    eps == TG_MACHINE_EPS ? "None" : tgi_real_text(eps, text), affine ? "True" : "False");
}

/* ---- LayerNorm ---- */

static tg_tensor *layer_forward(tg_module *m, tg_tensor *x) { return tg_layer_norm_forward((tg_layer_norm *)m, x); }

static int layer_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_layer_norm *m = (const tg_layer_norm *)module;
    return shape_repr(buffer, size, &m->normalized_shape, m->eps, m->weight != NULL);
}

tg_layer_norm *tg_layer_norm_new_at(const char *where, tg_shape normalized_shape, tg_layer_norm_module_options o)
{
    tg_layer_norm *m =
        TGI_MODULE_NEW(where, tg_layer_norm, .name = "LayerNorm", .forward = layer_forward, .extra_repr = layer_repr);
    if (!m) return NULL;
    m->normalized_shape = normalized_shape;
    m->eps = o.eps;
    if (!o.elementwise_affine) return m;
    tg_scope scope = tg_scope_begin();
    TG_PARAMETER(m, weight, tg_ones(normalized_shape, .dtype = o.dtype));
    TG_PARAMETER(m, bias, tg_zeros(normalized_shape, .dtype = o.dtype));
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_layer_norm_forward_at(const char *where, tg_layer_norm *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "LayerNorm")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    const tg_layer_norm_options o = { .weight = m->weight, .bias = m->bias, .eps = m->eps };
    return tg_layer_norm_at(where, x, m->normalized_shape, o);
}

/* ---- RMSNorm ---- */

static tg_tensor *rms_forward(tg_module *m, tg_tensor *x) { return tg_rms_norm_forward((tg_rms_norm *)m, x); }

static int rms_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_rms_norm *m = (const tg_rms_norm *)module;
    return shape_repr(buffer, size, &m->normalized_shape, m->eps, m->weight != NULL);
}

tg_rms_norm *tg_rms_norm_new_at(const char *where, tg_shape normalized_shape, tg_rms_norm_module_options o)
{
    tg_rms_norm *m =
        TGI_MODULE_NEW(where, tg_rms_norm, .name = "RMSNorm", .forward = rms_forward, .extra_repr = rms_repr);
    if (!m) return NULL;
    m->normalized_shape = normalized_shape;
    m->eps = o.eps;
    if (!o.elementwise_affine) return m;
    tg_scope scope = tg_scope_begin();
    TG_PARAMETER(m, weight, tg_ones(normalized_shape, .dtype = o.dtype));
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_rms_norm_forward_at(const char *where, tg_rms_norm *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "RMSNorm")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    const tg_rms_norm_options o = { .weight = m->weight, .eps = m->eps };
    return tg_rms_norm_at(where, x, m->normalized_shape, o);
}

/* ---- GroupNorm ---- */

static tg_tensor *group_forward(tg_module *m, tg_tensor *x) { return tg_group_norm_forward((tg_group_norm *)m, x); }

static int group_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_group_norm *m = (const tg_group_norm *)module;
    char text[TGI_REAL_TEXT];
    return snprintf(buffer, size, "%lld, %lld, eps=%s, affine=%s", (long long)m->num_groups, (long long)m->num_channels,
                    tgi_real_text(m->eps, text), m->weight ? "True" : "False");
}

tg_group_norm *tg_group_norm_new_at(const char *where, int64_t num_groups, int64_t num_channels,
                                    tg_group_norm_module_options o)
{
    if (num_groups <= 0 || num_channels % num_groups != 0) {
        tg_fail_at(where, TG_ERROR_VALUE, "GroupNorm", "num_channels must be divisible by num_groups");
        return NULL;
    }
    tg_group_norm *m =
        TGI_MODULE_NEW(where, tg_group_norm, .name = "GroupNorm", .forward = group_forward, .extra_repr = group_repr);
    if (!m) return NULL;
    m->num_groups = num_groups;
    m->num_channels = num_channels;
    m->eps = o.eps;
    if (!o.affine) return m;
    tg_scope scope = tg_scope_begin();
    TG_PARAMETER(m, weight, tg_ones(tg_shape(num_channels), .dtype = o.dtype));
    TG_PARAMETER(m, bias, tg_zeros(tg_shape(num_channels), .dtype = o.dtype));
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_group_norm_forward_at(const char *where, tg_group_norm *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "GroupNorm")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    const tg_group_norm_options o = { .weight = m->weight, .bias = m->bias, .eps = m->eps };
    return tg_group_norm_at(where, x, m->num_groups, o);
}

/* ---- LocalResponseNorm ---- */

typedef struct local {
    tg_module base;
    int64_t size;
    tg_local_response_norm_options options;
} local;

static tg_tensor *local_forward(tg_module *m, tg_tensor *x)
{
    return tg_local_response_norm_at(NULL, x, ((local *)m)->size, ((local *)m)->options);
}

static int local_repr(tg_module *m, char *buffer, size_t size)
{
    const tg_local_response_norm_options *o = &((local *)m)->options;
    char alpha[TGI_REAL_TEXT], beta[TGI_REAL_TEXT], k[TGI_REAL_TEXT];
    return snprintf(buffer, size, "%lld, alpha=%s, beta=%s, k=%s", (long long)((local *)m)->size,
                    tgi_real_text(o->alpha, alpha), tgi_real_text(o->beta, beta), tgi_real_text(o->k, k));
}

tg_module *tg_local_response_norm_new_at(const char *where, int64_t size, tg_local_response_norm_options options)
{
    local *m = TGI_MODULE_NEW(where, local, .name = "LocalResponseNorm", .type = "", .forward = local_forward,
                              .extra_repr = local_repr);
    if (!m) return NULL;
    m->size = size;
    TGI_SET_OPTIONS(m->options, options);
    return &m->base;
}
