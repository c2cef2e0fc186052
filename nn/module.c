/* module.c: the life of a module: made, given parameters, buffers and children, called, freed.
 *
 * What is registered hangs on the module as a list of slots in the order of registration. Modules form a tree, or
 * at most share leaves of one: a cycle is refused, so walks over it end. Nothing here allocates while a model is
 * trained. */
#include "module_impl.h"

#include "../core/error.h"
#include "../core/scope.h"
#include "../core/tensor_impl.h"
#include "../ops/view.h"

#include <string.h>

bool tgi_forward_begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor_list inputs)
{
    return tgi_module_ok(where, m, op->name) && tg_op_begin(where, op, inputs);
}

bool tgi_module_ok(const char *where, const tg_module *m, const char *what)
{
    const tg_op op = { .name = what };
    tg_op_begin(where, &op, TG_NONE);
    if (!m && !tg_failed()) tg_fail_at(where, TG_ERROR_NULL, what, "the module is NULL");
    return m != NULL;
}

/* ---- making and freeing ---- */

void *tg_module_new_at(const char *where, size_t bytes, tg_module_class module_class)
{
    const tg_op op = { .name = module_class.name };
    tg_op_begin(where, &op, TG_NONE);
    tg_module *m = tgi_calloc(bytes);
    if (!m) return NULL;
    m->base = module_class;
    m->training = true;
    m->bytes = bytes;
    return m;
}

static void disown(tg_module *child);

/* Lets go of what the slot holds; the slot stays. */
static void slot_clear(tgi_slot *slot)
{
    if (slot->kind == TGI_MODULE)
        disown(slot->as.module);
    else
        tgi_unref(slot->as.tensor);
}

static void module_destroy(tg_module *m)
{
    if (m->base.free) m->base.free(m);
    while (m->first) {
        tgi_slot *slot = m->first;
        m->first = slot->next;
        slot_clear(slot);
        tgi_free(slot, slot->bytes);
    }
    tgi_free(m, m->bytes);
}

static void disown(tg_module *child)
{
    if (child && --child->owners == 0) module_destroy(child);
}

void tg_module_free_at(const char *where, tg_module *m)
{
    if (!m) return;
    if (m->owners) {
        tg_fail_at(where, TG_ERROR_VALUE, m->base.name, "this module is registered with another one, which frees it");
        return;
    }
    module_destroy(m);
}

/* ---- registering ---- */

static tgi_slot *find_slot(tg_module *m, const char *name)
{
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (strcmp(slot->name, name) == 0) return slot;
    return NULL;
}

static tgi_slot *slot_new(tg_module *m, tgi_slot_kind kind, const char *name)
{
    const size_t length = strlen(name);
    const size_t bytes = offsetof(tgi_slot, name) + length + 1;
    tgi_slot *slot = tgi_calloc(bytes < sizeof(tgi_slot) ? sizeof(tgi_slot) : bytes);
    if (!slot) return NULL;
    slot->bytes = bytes < sizeof(tgi_slot) ? sizeof(tgi_slot) : bytes;
    slot->kind = kind;
    memcpy(slot->name, name, length + 1);
    if (m->last)
        m->last->next = slot;
    else
        m->first = slot;
    m->last = slot;
    return slot;
}

static const char *const kind_names[] = { "parameter", "buffer", "module" };

/* The slot of that name and kind, made if need be; NULL with an error pending. */
static tgi_slot *slot_for(tg_module *m, tgi_slot_kind kind, const char *name)
{
    const char *what = kind_names[kind];
    if (!name || !*name) {
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "%s name can't be empty string \"\"", what);
        return NULL;
    }
    if (strchr(name, '.')) {
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "%s name can't contain \".\", got: %s", what, name);
        return NULL;
    }
    tgi_slot *slot = find_slot(m, name);
    if (!slot) return slot_new(m, kind, name);
    if (slot->kind == kind) return slot;
    tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "attribute '%s' already exists", name);
    return NULL;
}

static bool contains(const tg_module *m, const tg_module *sought)
{
    if (m == sought) return true;
    for (const tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_MODULE && slot->as.module && contains(slot->as.module, sought)) return true;
    return false;
}

static tg_status register_child(tg_module *m, const char *name, tg_module *child)
{
    if (child && contains(child, m)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "a module cannot contain itself (registering '%s')",
                   name ? name : "");
        return TG_FAILED;
    }
    tgi_slot *slot = slot_for(m, TGI_MODULE, name);
    if (!slot) return TG_FAILED;
    tg_module *before = slot->as.module;
    slot->as.module = child;
    if (child) child->owners++;
    disown(before);
    return TG_OK;
}

tg_status tg_register_module_at(const char *where, tg_module *m, const char *name, tg_module *child)
{
    if (tgi_module_ok(where, m, "register_module") && register_child(m, name, child) == TG_OK) return TG_OK;
    if (child && child != m && child->owners == 0 && !(m && contains(child, m))) module_destroy(child);
    return TG_FAILED;
}

static tg_tensor *register_tensor(const char *where, tg_module *m, tgi_slot_kind kind, const char *name, tg_tensor *t)
{
    if (!tgi_module_ok(where, m, kind == TGI_PARAMETER ? "register_parameter" : "register_buffer")) return NULL;
    if (t && kind == TGI_PARAMETER) {
        if (!tg_is_leaf(t)) t = tg_detach(t);
        if (!tg_requires_grad_(t, true)) return NULL;
    }
    tgi_slot *slot = slot_for(m, kind, name);
    if (!slot) return NULL;
    tg_tensor *before = slot->as.tensor;
    slot->as.tensor = t ? tgi_ref(t) : NULL;
    tgi_unref(before);
    return t;
}

tg_tensor *tg_register_parameter_at(const char *where, tg_module *m, const char *name, tg_tensor *t)
{
    return register_tensor(where, m, TGI_PARAMETER, name, t);
}

tg_tensor *tg_register_buffer_at(const char *where, tg_module *m, const char *name, tg_tensor *t)
{
    return register_tensor(where, m, TGI_BUFFER, name, t);
}

/* ---- calling ---- */

tg_tensor *tg_module_forward_at(const char *where, tg_module *m, tg_tensor *x)
{
    const tg_op op = { .name = m ? m->base.name : "forward" };
    if (!tgi_forward_begin(where, m, &op, tg_list(x))) return NULL;
    if (!m->base.forward)
        return tg_fail_at(
            where, TG_ERROR_VALUE, m->base.name,
            "Module [%s] is missing the required \"forward\" function of one tensor; those of several have one "
            "of their own, as tg_loss_forward",
            m->base.name);
    tg_scope scope = tg_scope_begin();
    return tg_scope_return(scope, m->base.forward(m, x));
}

/* ---- the whole tree at once ---- */

void tg_module_apply_at(const char *where, tg_module *m, tg_module_fn fn, void *context)
{
    if (!tgi_module_ok(where, m, "apply")) return;
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_MODULE && slot->as.module) tg_module_apply_at(NULL, slot->as.module, fn, context);
    fn(m, context);
}

static void set_training(tg_module *m, void *mode) { m->training = *(const bool *)mode; }

void tg_module_train_at(const char *where, tg_module *m, bool mode)
{
    if (tgi_module_ok(where, m, "train")) tg_module_apply_at(NULL, m, set_training, &mode);
}

static void set_requires_grad(tg_module *m, void *requires_grad)
{
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_PARAMETER && slot->as.tensor)
            tg_requires_grad_(slot->as.tensor, *(const bool *)requires_grad);
}

void tg_module_requires_grad_at(const char *where, tg_module *m, bool requires_grad)
{
    if (tgi_module_ok(where, m, "requires_grad_")) tg_module_apply_at(NULL, m, set_requires_grad, &requires_grad);
}

static void clear_gradients(tg_module *m, void *context)
{
    (void)context;
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_PARAMETER && slot->as.tensor) tg_set_grad(slot->as.tensor, NULL);
}

void tg_module_zero_grad_at(const char *where, tg_module *m)
{
    if (tgi_module_ok(where, m, "zero_grad")) tg_module_apply_at(NULL, m, clear_gradients, NULL);
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
    tg_module_apply_at(NULL, m, convert_all, &dtype);
    return tg_failed() ? TG_FAILED : TG_OK;
}
