/* sequential.c: Sequential, Identity and Flatten. */
#include "sequential.h"

#include "core/error.h"
#include "core/scope.h"
#include "ops/view.h"
#include "module_impl.h"

/* ---- Sequential ---- */

static tg_tensor *forward(tg_module *m, tg_tensor *x)
{
    for (const tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_MODULE) x = tg_module_forward_at(NULL, slot->as.module, x);
    return x;
}

tg_sequential *tg_sequential_new_at(const char *where, tg_module_array modules)
{
    if (!tgi_module_array_ok(where, modules, "Sequential")) return NULL;
    tg_sequential *m = TGI_MODULE_NEW(where, tg_sequential, .name = "Sequential", .forward = forward);
    for (int64_t i = 0; i < modules.count; i++) tg_sequential_append_at(NULL, m, modules.items[i]);
    return m;
}

tg_status tg_sequential_append_at(const char *where, tg_sequential *m, tg_module *module)
{
    return tgi_append_child(where, m ? &m->base : NULL, module);
}

tg_module *tg_sequential_get_at(const char *where, tg_sequential *m, int64_t index)
{
    return tgi_child_at(where, m ? &m->base : NULL, index, "Sequential");
}

int64_t tg_sequential_len_at(const char *where, tg_sequential *m)
{
    return tgi_module_ok(where, m ? &m->base : NULL, "Sequential") ? m->base.children : 0;
}

tg_tensor *tg_sequential_forward_at(const char *where, tg_sequential *m, tg_tensor *x)
{
    return tg_module_forward_at(where, m ? &m->base : NULL, x);
}

/* ---- Identity ---- */

static tg_tensor *identity(tg_module *m, tg_tensor *x) { return (void)m, x; }

tg_module *tg_identity_new_at(const char *where)
{
    return TGI_MODULE_NEW(where, tg_module, .name = "Identity", .forward = identity);
}

/* ---- Flatten ---- */

typedef struct flatten {
    tg_module base;
    tg_flatten_options options;
} flatten;

static tg_tensor *flatten_forward(tg_module *m, tg_tensor *x)
{
    const tg_flatten_options *o = &((flatten *)m)->options;
    return tg_flatten(x, o->start_dim, o->end_dim);
}

static int flatten_repr(tg_module *m, char *buffer, size_t size)
{
    const tg_flatten_options *o = &((flatten *)m)->options;
    return snprintf(buffer, size, "start_dim=%lld, end_dim=%lld", (long long)o->start_dim, (long long)o->end_dim);
}

tg_module *tg_flatten_new_at(const char *where, tg_flatten_options options)
{
    flatten *m = TGI_MODULE_NEW(where, flatten, .name = "Flatten", .type = "", .forward = flatten_forward,
                                .extra_repr = flatten_repr);
    if (!m) return NULL;
    TGI_SET_OPTIONS(m->options, options);
    return &m->base;
}
