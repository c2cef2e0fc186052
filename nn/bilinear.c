/* bilinear.c: the Bilinear module. */
#include "bilinear.h"

#include "core/scope.h"
#include "ops/products.h"
#include "init.h"
#include "module_hooks_impl.h"

#include <math.h>

static int extra_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_bilinear *m = (const tg_bilinear *)module;
    return snprintf(buffer, size, "in1_features=%lld, in2_features=%lld, out_features=%lld, bias=%s",
                    (long long)m->in1_features, (long long)m->in2_features, (long long)m->out_features,
                    m->bias ? "True" : "False");
}

tg_bilinear *tg_bilinear_new_at(const char *where, int64_t in1_features, int64_t in2_features, int64_t out_features,
                                tg_linear_options options)
{
    tg_bilinear *m = TGI_MODULE_NEW(where, tg_bilinear, .name = "Bilinear", .extra_repr = extra_repr);
    if (!m) return NULL;
    tg_scope scope = tg_scope_begin();
    const double bound = in1_features > 0 ? 1 / sqrt((double)in1_features) : 0;
    m->in1_features = in1_features;
    m->in2_features = in2_features;
    m->out_features = out_features;
    TG_PARAMETER(m, weight, tg_empty(tg_shape(out_features, in1_features, in2_features), .dtype = options.dtype));
    tg_init_uniform_(m->weight, -bound, bound);
    if (options.bias) {
        TG_PARAMETER(m, bias, tg_empty(tg_shape(out_features), .dtype = options.dtype));
        tg_init_uniform_(m->bias, -bound, bound);
    }
    tg_scope_end(scope);
    return m;
}

tg_tensor *tg_bilinear_forward_at(const char *where, tg_bilinear *m, tg_tensor *x1, tg_tensor *x2)
{
    const tg_op op = { .name = "Bilinear" };
    if (!tgi_forward_begin(where, m ? &m->base : NULL, &op, tg_list(x1, x2))) return NULL;
    tg_tensor *in[] = { x1, x2 };
    tgi_call call;
    if (!tgi_call_begin(&call, &m->base, in, 2, 1)) return NULL;
    tg_tensor *y = tg_bilinear_at(where, in[0], in[1], m->weight, m->bias);
    tgi_call_end(&call, &y);
    return y;
}
