/* linear.c: the Linear module. */
#include "linear.h"

#include "core/scope.h"
#include "ops/matmul.h"
#include "init.h"
#include "module_hooks_impl.h"

#include <math.h>

static tg_tensor *forward(tg_module *m, tg_tensor *x) { return tg_linear_forward((tg_linear *)m, x); }

static int extra_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_linear *m = (const tg_linear *)module;
    return snprintf(buffer, size, "in_features=%lld, out_features=%lld, bias=%s", (long long)m->in_features,
                    (long long)m->out_features, m->bias ? "True" : "False");
}

tg_linear *tg_linear_new_at(const char *where, int64_t in_features, int64_t out_features, tg_linear_options options)
{
    tg_linear *m = TGI_MODULE_NEW(where, tg_linear, .name = "Linear", .forward = forward, .extra_repr = extra_repr);
    if (!m) return NULL;
    tg_scope scope = tg_scope_begin();
    m->in_features = in_features;
    m->out_features = out_features;
    TG_PARAMETER(m, weight, tg_empty(tg_shape(out_features, in_features), .dtype = options.dtype));
    tg_init_kaiming_uniform_(m->weight, .a = sqrt(5.0));
    if (options.bias) {
        const double bound = in_features > 0 ? 1 / sqrt((double)in_features) : 0;
        TG_PARAMETER(m, bias, tg_empty(tg_shape(out_features), .dtype = options.dtype));
        tg_init_uniform_(m->bias, -bound, bound);
    }
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_linear_forward_at(const char *where, tg_linear *m, tg_tensor *x)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "Linear")) return NULL;
    if (tgi_hooked(&m->base)) return tg_module_forward_at(where, &m->base, x);
    return tg_linear_at(where, x, m->weight, m->bias);
}
