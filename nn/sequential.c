/* sequential.c: Sequential, Identity and Flatten. */
#include "sequential.h"

#include "../core/scope.h"
#include "../ops/view.h"
#include "module_impl.h"

/* ---- Sequential ---- */

static tg_tensor *forward(tg_module *m, tg_tensor *x)
{
    for (const tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_MODULE) x = tg_module_forward_at(NULL, slot->as.module, x);
    return x;
}

tg_sequential *tg_sequential_new_at(const char *where, tg_module_list modules)
{
    const tg_module_class sequential = { "Sequential", forward, NULL, NULL };
    tg_sequential *m = tg_module_new_at(where, sizeof *m, sequential);
    for (int64_t i = 0; i < modules.count; i++) tg_sequential_append_at(NULL, m, modules.items[i]);
    return m;
}

/* Without a Sequential the module is let go of, as tg_register_module does on failure. */
tg_status tg_sequential_append_at(const char *where, tg_sequential *m, tg_module *module)
{
    char name[24];
    int64_t count = 0;
    for (const tgi_slot *slot = m ? m->base.first : NULL; slot; slot = slot->next) count += slot->kind == TGI_MODULE;
    snprintf(name, sizeof name, "%lld", (long long)count);
    return tg_register_module_at(where, m ? &m->base : NULL, name, module);
}

tg_tensor *tg_sequential_forward_at(const char *where, tg_sequential *m, tg_tensor *x)
{
    return tg_module_forward_at(where, m ? &m->base : NULL, x);
}

/* ---- Identity ---- */

static tg_tensor *identity(tg_module *m, tg_tensor *x) { return (void)m, x; }

tg_module *tg_identity_new_at(const char *where)
{
    const tg_module_class module_class = { "Identity", identity, NULL, NULL };
    return tg_module_new_at(where, sizeof(tg_module), module_class);
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
    const tg_module_class module_class = { "Flatten", flatten_forward, flatten_repr, NULL };
    flatten *m = tg_module_new_at(where, sizeof *m, module_class);
    if (!m) return NULL;
    m->options = options;
    return &m->base;
}
