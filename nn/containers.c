/* containers.c: ModuleList, ModuleDict, ParameterList, and the lists that arrays of a struct are registered as. */
#include "containers.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "module_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Element `index` of `count`, under its number; negative ones count from the end. NULL and an error if it is none. */
static tgi_slot *element(const tg_module *m, int64_t index, int64_t count, const char *what)
{
    char text[TGI_INDEX_TEXT];
    tgi_index_text(index < 0 ? index + count : index, text);
    tgi_slot *slot = tgi_slot_find(m, text, strlen(text));
    if (!slot) tg_fail_at(NULL, TG_ERROR_VALUE, what, "index %" PRId64 " is out of range", index);
    return slot;
}

tg_module *tgi_child_at(const char *where, tg_module *m, int64_t index, const char *what)
{
    const tgi_slot *slot = tgi_module_ok(where, m, what) ? element(m, index, m->children, what) : NULL;
    return slot && slot->kind == TGI_MODULE ? slot->as.module : NULL;
}

static int64_t length(const char *where, const tg_module *m, const char *what)
{
    return tgi_module_ok(where, m, what) ? m->slots : 0;
}

/* ---- ModuleList ---- */

static tg_module_list *module_list_new(const char *where)
{
    return TGI_MODULE_NEW(where, tg_module_list, .name = "ModuleList");
}

tg_module_list *tg_module_list_new_at(const char *where, tg_module_array modules)
{
    if (!tgi_module_array_ok(where, modules, "ModuleList")) return NULL;
    tg_module_list *m = module_list_new(where);
    for (int64_t i = 0; i < modules.count; i++) tg_module_list_append_at(NULL, m, modules.items[i]);
    return m;
}

tg_status tg_module_list_append_at(const char *where, tg_module_list *m, tg_module *module)
{
    return tgi_append_child(where, m ? &m->base : NULL, module);
}

/* Appended, and then moved to its place: the names stay where they are. */
tg_status tg_module_list_insert_at(const char *where, tg_module_list *m, int64_t index, tg_module *module)
{
    const int64_t count = m ? m->base.slots : 0;
    if (index < 0) index += count;
    if (tgi_append_child(where, m ? &m->base : NULL, module) != TG_OK) return TG_FAILED;
    tgi_slot *slot = m->base.first;
    for (int64_t i = 0; i < index && slot->next; i++) slot = slot->next;
    for (tg_module *moved = module; slot; slot = slot->next) {
        tg_module *here = slot->as.module;
        slot->as.module = moved;
        moved = here;
    }
    return TG_OK;
}

tg_module *tg_module_list_get_at(const char *where, tg_module_list *m, int64_t index)
{
    return tgi_child_at(where, m ? &m->base : NULL, index, "ModuleList");
}

int64_t tg_module_list_len_at(const char *where, tg_module_list *m)
{
    return length(where, m ? &m->base : NULL, "ModuleList");
}

/* ---- ModuleDict ---- */

tg_module_dict *tg_module_dict_new_at(const char *where)
{
    return TGI_MODULE_NEW(where, tg_module_dict, .name = "ModuleDict");
}

tg_status tg_module_dict_set_at(const char *where, tg_module_dict *m, const char *key, tg_module *module)
{
    const bool there =
        m && key && tgi_module_ok(where, &m->base, "ModuleDict") && tgi_slot_find(&m->base, key, strlen(key));
    return there ? tg_replace_module_at(where, &m->base, key, module)
                 : tg_register_module_at(where, m ? &m->base : NULL, key, module);
}

tg_module *tg_module_dict_get_at(const char *where, tg_module_dict *m, const char *key)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "ModuleDict")) return NULL;
    const tgi_slot *slot = key ? tgi_slot_find(&m->base, key, strlen(key)) : NULL;
    if (slot) return slot->as.module;
    tg_fail_at(NULL, TG_ERROR_VALUE, "ModuleDict", "there is no key '%s'", key ? key : "");
    return NULL;
}

bool tg_module_dict_contains_at(const char *where, tg_module_dict *m, const char *key)
{
    return tgi_module_ok(where, m ? &m->base : NULL, "ModuleDict") && key && tgi_slot_find(&m->base, key, strlen(key));
}

int64_t tg_module_dict_len_at(const char *where, tg_module_dict *m)
{
    return length(where, m ? &m->base : NULL, "ModuleDict");
}

/* ---- ParameterList ---- */

/* "2x3" into text. */
static void put_sizes(const tg_tensor *t, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < t->ndim && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? "x" : "", t->dims[i]);
}

/* A line for each parameter, as PyTorch 1.13 writes it. */
static int parameters_repr(tg_module *m, char *buffer, size_t size)
{
    size_t used = 0;
    for (const tgi_slot *slot = m->first; slot; slot = slot->next) {
        const tg_tensor *t = slot->as.tensor;
        char sizes[TG_SHAPE_TEXT];
        if (!t) continue;
        put_sizes(t, sizes, sizeof sizes);
        const size_t at = used < size ? used : size;
        used += (size_t)snprintf(at < size ? buffer + at : NULL, size - at,
                                 "%s  (%s): %s containing: [torch.%s of size %s]", used ? "\n" : "", slot->name,
                                 slot->kind == TGI_PARAMETER ? "Parameter" : "Tensor",
                                 tg_dtype_name((tg_dtype)t->dtype), sizes);
    }
    return (int)used;
}

static tg_parameter_list *parameter_list_new(const char *where, const char *name)
{
    return TGI_MODULE_NEW(where, tg_parameter_list, .name = name, .extra_repr = parameters_repr);
}

tg_parameter_list *tg_parameter_list_new_at(const char *where, tg_tensor_list parameters)
{
    tg_parameter_list *m = parameter_list_new(where, "ParameterList");
    if (!tgi_list_ok("ParameterList", parameters)) {
        tg_module_free(m);
        return NULL;
    }
    for (int64_t i = 0; i < parameters.count; i++) tg_parameter_list_append_at(NULL, m, parameters.items[i]);
    return m;
}

tg_tensor *tg_parameter_list_append_at(const char *where, tg_parameter_list *m, tg_tensor *t)
{
    char text[TGI_INDEX_TEXT];
    return tg_register_parameter_at(where, m ? &m->base : NULL, tgi_index_text(m ? m->base.slots : 0, text), t);
}

tg_tensor *tg_parameter_list_get_at(const char *where, tg_parameter_list *m, int64_t index)
{
    if (!tgi_module_ok(where, m ? &m->base : NULL, "ParameterList")) return NULL;
    const tgi_slot *slot = element(&m->base, index, m->base.slots, "ParameterList");
    return slot ? slot->as.tensor : NULL;
}

int64_t tg_parameter_list_len_at(const char *where, tg_parameter_list *m)
{
    return length(where, m ? &m->base : NULL, "ParameterList");
}

/* ---- arrays of a struct ---- */

static tg_module *new_list(tgi_slot_kind kind)
{
    if (kind == TGI_MODULE) return TG_MODULE(module_list_new(NULL));
    return TG_MODULE(parameter_list_new(NULL, kind == TGI_PARAMETER ? "ParameterList" : "BufferList"));
}

static const char *const list_names[] = { "ParameterList", "BufferList", "ModuleList" };

/* Whether the element has a place in its array. */
static bool has_place(const tg_module *m, const tg_array_element *e)
{
    if (!e->name)
        tg_fail_at(NULL, TG_ERROR_NULL, m->base.name, "the name of a list is NULL");
    else if (!e->array)
        tg_fail_at(NULL, TG_ERROR_NULL, m->base.name, "'%s' is a NULL pointer; its array is allocated before", e->name);
    else if (e->length >= 0 && (e->index < 0 || e->index >= e->length))
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "'%s' has %" PRId64 " elements, and none at %" PRId64, e->name,
                   e->length, e->index);
    else if (e->index < 0)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "'%s' has no element at %" PRId64, e->name, e->index);
    else
        return true;
    return false;
}

/* Whether element `index` is the next of `list` (NULL: not made yet), or with `replace` one that is there. */
static bool is_next(const tg_module *m, const tg_module *list, const tg_array_element *e, tgi_slot_kind kind)
{
    const int64_t next = list ? list->slots : 0;
    if (e->replace ? e->index < next : e->index == next) return true;
    if (e->replace)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "there is no %s '%s.%" PRId64 "' to replace",
                   tgi_kind_names[kind], e->name, e->index);
    else if (e->index < next)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name,
                   "attribute '%s.%" PRId64 "' already exists; TG_REPLACE_%sS puts another %s in its place", e->name,
                   e->index, tgi_macro_names[kind], tgi_kind_names[kind]);
    else
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "'%s.%" PRId64 "' is registered before '%s.%" PRId64 "'",
                   e->name, next, e->name, e->index);
    return false;
}

/* Whether the array lies elsewhere than in the struct. */
static bool is_outside(const tg_module *m, const void *array)
{
    const uintptr_t begin = (uintptr_t)m, at = (uintptr_t)array;
    return at < begin || at >= begin + m->bytes;
}

/* The list in which the element goes, made if it is not there. NULL with an error pending. */
static tg_module *list_for(tg_module *m, tgi_slot_kind kind, const tg_array_element *e)
{
    if (!has_place(m, e)) return NULL;
    tgi_slot *slot = tgi_slot_find(m, e->name, strlen(e->name));
    tg_module *list = slot && slot->kind == TGI_MODULE ? slot->as.module : NULL;
    if (slot && !tg_module_is(list, list_names[kind])) {
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "attribute '%s' already exists", e->name);
        return NULL;
    }
    if (!is_next(m, list, e, kind)) return NULL;
    if (!list) list = new_list(kind);
    if (!slot && list && tg_register_module_at(NULL, m, e->name, list) == TG_OK)
        slot = tgi_slot_find(m, e->name, strlen(e->name));
    if (!slot) return NULL;
    slot->outside = slot->outside || is_outside(m, e->array);
    return list;
}

tg_status tg_set_child_element_at(const char *where, tg_module *m, tg_array_element element, tg_module *child)
{
    tg_module *list = NULL;
    char text[TGI_INDEX_TEXT];
    if (child && !tgi_module_ok(where, child, "register_module")) return TG_FAILED;
    if (tgi_module_ok(where, m, "register_module")) list = list_for(m, TGI_MODULE, &element);
    if (list && element.replace) return tg_replace_module_at(NULL, list, tgi_index_text(element.index, text), child);
    return tgi_append_child(NULL, list, child);
}

static tg_tensor *set_tensor(const char *where, tg_module *m, tgi_slot_kind kind, const tg_array_element *e,
                             tg_tensor *t)
{
    if (!tgi_module_ok(where, m, "register_parameter") || !tgi_handle_or_null("register_parameter", t)) return NULL;
    tg_module *list = list_for(m, kind, e);
    char text[TGI_INDEX_TEXT];
    if (!list) return NULL;
    tgi_index_text(e->index, text);
    if (kind == TGI_PARAMETER)
        return e->replace ? tg_replace_parameter_at(NULL, list, text, t)
                          : tg_register_parameter_at(NULL, list, text, t);
    return e->replace ? tg_replace_buffer_at(NULL, list, text, t) : tg_register_buffer_at(NULL, list, text, t);
}

tg_tensor *tg_set_parameter_element_at(const char *where, tg_module *m, tg_array_element element, tg_tensor *t)
{
    return set_tensor(where, m, TGI_PARAMETER, &element, t);
}

tg_tensor *tg_set_buffer_element_at(const char *where, tg_module *m, tg_array_element element, tg_tensor *t)
{
    return set_tensor(where, m, TGI_BUFFER, &element, t);
}
