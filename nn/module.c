/* module.c: the life of a module: made, given parameters, buffers and children, freed. (Called: module_call.c.)
 *
 * What is registered hangs on the module as a list of slots in the order of registration (module_slots.c). Modules
 * form a tree, or at most share branches of one: a cycle is refused, so walks over it end. Nothing here allocates while
 * a model is trained. */
#include "module_hooks_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/view.h"

#include <string.h>

/* ---- making and freeing ---- */

void *tg_module_new_at(const char *where, size_t bytes, tg_module_class module_class)
{
    tgi_begin(where, module_class.name);
    if (bytes < sizeof(tg_module)) {
        tg_fail_at(where, TG_ERROR_VALUE, module_class.name, "a module of %zu bytes does not begin with a tg_module",
                   bytes);
        return NULL;
    }
    tg_module *m = tgi_calloc(bytes);
    if (!m) return NULL;
    m->base = module_class;
    if (!m->base.name) m->base.name = "Module";
    if (!m->base.type) m->base.type = "";
    m->alive = TGI_MODULE_ALIVE;
    m->training = true;
    m->bytes = bytes;
    return m;
}

void tg_module_free_at(const char *where, tg_module *m)
{
    if (!m || !tgi_module_ok(where, m, "module_free")) return;
    if (m->owners)
        tg_fail_at(where, TG_ERROR_VALUE, m->base.name, "this module is registered with another one, which frees it");
    else if (tgi_at_work(m))
        tg_fail_at(where, TG_ERROR_VALUE, m->base.name,
                   "this module is at work: it can be freed when its forward is over");
    else
        tgi_module_destroy(m);
}

/* ---- kinds ---- */

void *tg_module_as_type(tg_module *m, const char *type, size_t bytes)
{
    if (!m || !type || !tgi_module_ok(NULL, m, "module_as")) return NULL;
    return m->bytes == bytes && strcmp(m->base.type, type) == 0 ? m : NULL;
}

bool tg_module_is_named(const tg_module *m, const char *name)
{
    return m && name && tgi_module_ok(NULL, m, "module_is") && strcmp(m->base.name, name) == 0;
}

/* ---- registering ---- */

/* Whether `m` lies in the tree of `child`: only what has an owner itself can. */
static bool would_be_a_cycle(const tg_module *m, tg_module *child)
{
    return child == m || (child && m->owners > 0 && tgi_tree_contains(child, m));
}

static tg_status put_child(tg_module *m, const char *name, tg_module *child, bool replace)
{
    if (would_be_a_cycle(m, child)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "a module cannot contain itself (registering '%s')",
                   name ? name : "");
        return TG_FAILED;
    }
    if (replace && !child && tg_failed()) return TG_FAILED; /* it could not be made */
    tgi_slot *slot = tgi_slot_for(m, TGI_MODULE, name, replace);
    if (!slot) return TG_FAILED;
    tg_module *before = slot->as.module;
    slot->as.module = child;
    if (child) child->owners++;
    tgi_disown(m, before);
    if (child && !child->parent) child->parent = m;
    return TG_OK;
}

/* What cannot be registered is freed, but for what has an owner, or is `m` or what contains it. */
static tg_status take_child(const char *where, tg_module *m, const char *name, tg_module *child, bool replace)
{
    const char *what = replace ? "replace_module" : "register_module";
    if (child && !tgi_module_ok(where, child, what)) return TG_FAILED;
    if (!tgi_module_ok(where, m, what))
        m = NULL;
    else if (put_child(m, name, child, replace) == TG_OK)
        return TG_OK;
    if (child && child->owners == 0 && !(m && would_be_a_cycle(m, child))) tgi_module_destroy(child);
    return TG_FAILED;
}

tg_status tg_register_module_at(const char *where, tg_module *m, const char *name, tg_module *child)
{
    return take_child(where, m, name, child, false);
}

const char *tgi_index_text(int64_t index, char text[TGI_INDEX_TEXT])
{
    snprintf(text, TGI_INDEX_TEXT, "%lld", (long long)index);
    return text;
}

tg_status tgi_append_child(const char *where, tg_module *m, tg_module *child)
{
    char name[TGI_INDEX_TEXT];
    const int64_t count = m && m->alive == TGI_MODULE_ALIVE ? m->children : 0;
    return take_child(where, m, tgi_index_text(count, name), child, false);
}

tg_status tg_replace_module_at(const char *where, tg_module *m, const char *name, tg_module *child)
{
    return take_child(where, m, name, child, true);
}

static tg_tensor *put_tensor(tg_module *m, tgi_slot_kind kind, const char *name, tg_tensor *t, bool replace)
{
    const char *function = kind == TGI_PARAMETER ? "register_parameter" : "register_buffer";
    if (!tgi_handle_or_null(function, t)) return NULL;
    if (replace && !t && tg_failed()) return NULL; /* it could not be made */
    if (t && kind == TGI_PARAMETER) {
        if (!tg_is_leaf(t)) t = tg_detach(t);
        if (!tg_requires_grad_(t, true)) return NULL;
    }
    tgi_slot *slot = tgi_slot_for(m, kind, name, replace);
    if (!slot) return NULL;
    tg_tensor *before = slot->as.tensor;
    tgi_fields_follow(m, slot, t);
    slot->as.tensor = t ? tgi_ref(t) : NULL;
    tgi_unref(before);
    return t;
}

tg_tensor *tg_register_parameter_at(const char *where, tg_module *m, const char *name, tg_tensor *t)
{
    return tgi_module_ok(where, m, "register_parameter") ? put_tensor(m, TGI_PARAMETER, name, t, false) : NULL;
}

tg_tensor *tg_register_buffer_at(const char *where, tg_module *m, const char *name, tg_tensor *t)
{
    return tgi_module_ok(where, m, "register_buffer") ? put_tensor(m, TGI_BUFFER, name, t, false) : NULL;
}

tg_tensor *tg_replace_parameter_at(const char *where, tg_module *m, const char *name, tg_tensor *t)
{
    return tgi_module_ok(where, m, "replace_parameter") ? put_tensor(m, TGI_PARAMETER, name, t, true) : NULL;
}

tg_tensor *tg_replace_buffer_at(const char *where, tg_module *m, const char *name, tg_tensor *t)
{
    return tgi_module_ok(where, m, "replace_buffer") ? put_tensor(m, TGI_BUFFER, name, t, true) : NULL;
}

/* ---- another dtype ---- */

/* The handle keeps its identity: optimisers and the module's fields hold it. It takes the storage of a copy,
 * whose version is a later one, so that whatever saved the old values notices. Nothing is recorded, and no view is made:
 * it would keep the old elements. */
static tg_status convert(tg_tensor *t, tg_dtype dtype)
{
    tg_tensor *copy = tg_contiguous(tg_to(t, dtype));
    if (!copy) return TG_FAILED;
    copy->storage->version = t->storage->version + 1;
    tgi_take_storage(t, copy);
    return TG_OK;
}

static void convert_all(tg_module *m, void *context)
{
    const tg_dtype dtype = *(const tg_dtype *)context;
    for (tgi_slot *slot = m->first; slot; slot = slot->next) {
        tg_tensor *t = slot->kind == TGI_MODULE ? NULL : slot->as.tensor;
        if (!t || !tgi_is_floating(t) || tg_dtype_of(t) == dtype) continue;
        tg_scope scope = tg_no_grad_begin();
        tg_tensor *grad = tg_grad_of(t) ? tg_to(tg_detach(tg_grad_of(t)), dtype) : NULL;
        const bool ready = !tg_grad_of(t) || grad;
        if (ready && convert(t, dtype) == TG_OK && grad) tg_set_grad(t, grad);
        tg_scope_end(scope);
    }
}

tg_status tg_module_to_at(const char *where, tg_module *m, tg_dtype dtype)
{
    if (!tgi_module_ok(where, m, "to") || tg_failed()) return TG_FAILED;
    if (!tg_dtype_is_floating(dtype)) {
        tg_fail_at(where, TG_ERROR_VALUE, "to",
                   "nn.Module.to only accepts floating point dtypes, but got desired dtype=%s", tg_dtype_name(dtype));
        return TG_FAILED;
    }
    tgi_for_each_module(m, convert_all, &dtype);
    return tg_failed() ? TG_FAILED : TG_OK;
}
