/* module_walk.c: what a module tree contains, as lists with PyTorch's dotted names.
 *
 * A walk goes depth first: a module's own things, then its children, each in order of registration. It runs twice, to
 * count and to fill, and lists each thing once. The lists are small and belong to the innermost scope; nothing is
 * cached, so threads that share a model may look at it at once. */
#include "module_impl.h"

#include "../core/error.h"
#include "../core/scope.h"

#include <string.h>

/* The names that lead to a module, innermost first. */
typedef struct path {
    const struct path *parent;
    const char *name;
} path;

typedef union found {
    tg_named_tensor tensor;
    tg_named_module module;
} found;

typedef struct collector {
    tgi_slot_kind kind;
    int64_t depth; /* levels below the first module to look at */
    bool named;
    found *items; /* NULL while counting */
    char *names;  /* where the next name goes */
    int64_t count;
    size_t name_bytes;
} collector;

static bool known(const collector *c, const void *thing)
{
    for (int64_t i = 0; i < c->count; i++)
        if (thing == (c->kind == TGI_MODULE ? (const void *)c->items[i].module.module : c->items[i].tensor.tensor))
            return true;
    return false;
}

/* "a.b.name" and its end, written back to front; `end` is one past its terminating zero. Returns where it begins. */
static char *write_name(char *end, const path *at, const char *name)
{
    size_t length = strlen(name);
    end -= length + 1;
    memcpy(end, name, length + 1);
    for (; at; at = at->parent) {
        length = strlen(at->name);
        *--end = '.';
        end -= length;
        memcpy(end, at->name, length);
    }
    return end;
}

static size_t name_size(const path *at, const char *name)
{
    size_t bytes = strlen(name) + 1;
    for (; at; at = at->parent) bytes += strlen(at->name) + 1;
    return bytes;
}

static void add(collector *c, const path *at, const char *name, void *thing)
{
    const size_t bytes = c->named ? name_size(at, name) : 0;
    if (!c->items) {
        c->count++;
        c->name_bytes += bytes;
        return;
    }
    if (known(c, thing)) return;
    const char *text = c->named ? write_name(c->names + bytes, at, name) : NULL;
    c->names += bytes;
    found *item = &c->items[c->count++];
    if (c->kind == TGI_MODULE)
        item->module = (tg_named_module){ text, thing };
    else
        item->tensor = (tg_named_tensor){ text, thing };
}

static void walk(collector *c, const tg_module *m, const path *at, int64_t depth)
{
    if (c->kind != TGI_MODULE)
        for (const tgi_slot *slot = m->first; slot; slot = slot->next)
            if (slot->kind == c->kind && slot->as.tensor) add(c, at, slot->name, slot->as.tensor);
    if (depth == 0) return;
    for (const tgi_slot *slot = m->first; slot; slot = slot->next) {
        if (slot->kind != TGI_MODULE || !slot->as.module) continue;
        if (c->kind == TGI_MODULE) add(c, at, slot->name, slot->as.module);
        const path below = { at, slot->name };
        walk(c, slot->as.module, &below, depth - 1);
    }
}

static void walk_from_top(collector *c, tg_module *m, bool itself)
{
    if (itself) add(c, NULL, "", m);
    walk(c, m, NULL, c->depth);
}

/* Fills `c`; false when memory ran out. */
static bool collect(const char *where, collector *c, tg_module *m, bool itself)
{
    if (!tgi_module_ok(where, m, "parameters")) return false;
    walk_from_top(c, m, itself);
    /* Scope memory comes in pointers: two for each item, and the names behind them. */
    const int64_t per_item = (int64_t)(sizeof(found) / sizeof(tg_tensor *));
    const int64_t name_words = (int64_t)((c->name_bytes + sizeof(tg_tensor *) - 1) / sizeof(tg_tensor *));
    void *memory = tg_list_new(c->count * per_item + name_words);
    if (!memory) return false;
    c->items = memory;
    c->names = (char *)(c->items + c->count);
    c->count = 0;
    walk_from_top(c, m, itself);
    return true;
}

/* ---- tensors ---- */

static tg_tensor_list tensors(const char *where, tg_module *m, tgi_slot_kind kind)
{
    collector c = { .kind = kind, .depth = INT64_MAX };
    tg_tensor **list = collect(where, &c, m, false) ? tg_list_new(c.count) : NULL;
    if (!list) return tg_list_failed();
    for (int64_t i = 0; i < c.count; i++) list[i] = c.items[i].tensor.tensor;
    return (tg_tensor_list){ list, c.count };
}

static tg_named_tensor_list named_tensors(const char *where, tg_module *m, tgi_slot_kind kind)
{
    collector c = { .kind = kind, .depth = INT64_MAX, .named = true };
    if (!collect(where, &c, m, false)) return (tg_named_tensor_list){ NULL, 0 };
    return (tg_named_tensor_list){ &c.items->tensor, c.count };
}

tg_tensor_list tg_parameters_at(const char *where, tg_module *m) { return tensors(where, m, TGI_PARAMETER); }
tg_tensor_list tg_buffers_at(const char *where, tg_module *m) { return tensors(where, m, TGI_BUFFER); }

tg_named_tensor_list tg_named_parameters_at(const char *where, tg_module *m)
{
    return named_tensors(where, m, TGI_PARAMETER);
}

tg_named_tensor_list tg_named_buffers_at(const char *where, tg_module *m)
{
    return named_tensors(where, m, TGI_BUFFER);
}

int64_t tg_module_parameter_count_at(const char *where, tg_module *m)
{
    tg_scope scope = tg_scope_begin_at(where);
    const tg_tensor_list list = tensors(where, m, TGI_PARAMETER);
    int64_t count = 0;
    for (int64_t i = 0; i < list.count; i++) count += tg_numel(list.items[i]);
    tg_scope_end(scope);
    return count;
}

/* ---- modules ---- */

static tg_named_module_list named_modules(const char *where, tg_module *m, bool itself, int64_t depth, bool named)
{
    collector c = { .kind = TGI_MODULE, .depth = depth, .named = named };
    if (!collect(where, &c, m, itself)) return (tg_named_module_list){ NULL, 0 };
    return (tg_named_module_list){ &c.items->module, c.count };
}

static tg_module_list modules(const char *where, tg_module *m, bool itself, int64_t depth)
{
    const tg_named_module_list all = named_modules(where, m, itself, depth, false);
    tg_module **list = all.items ? (void *)tg_list_new(all.count) : NULL;
    if (!list) return (tg_module_list){ NULL, 0 };
    for (int64_t i = 0; i < all.count; i++) list[i] = all.items[i].module;
    return (tg_module_list){ list, all.count };
}

tg_module_list tg_children_at(const char *where, tg_module *m) { return modules(where, m, false, 1); }
tg_module_list tg_modules_at(const char *where, tg_module *m) { return modules(where, m, true, INT64_MAX); }

tg_named_module_list tg_named_children_at(const char *where, tg_module *m)
{
    return named_modules(where, m, false, 1, true);
}

tg_named_module_list tg_named_modules_at(const char *where, tg_module *m)
{
    return named_modules(where, m, true, INT64_MAX, true);
}

/* ---- one thing by its name ---- */

/* The slot called `name`, `length` characters long, or NULL. */
static const tgi_slot *slot_named(const tg_module *m, const char *name, size_t length)
{
    for (const tgi_slot *slot = m->first; slot; slot = slot->next)
        if (strncmp(slot->name, name, length) == 0 && slot->name[length] == '\0') return slot;
    return NULL;
}

static const tgi_slot *lookup(const char *where, tg_module *m, const char *name, tgi_slot_kind kind, const char *what)
{
    if (!tgi_module_ok(where, m, what)) return NULL;
    const tg_module *at = m;
    const tgi_slot *slot = NULL;
    for (const char *part = name; part && at;) {
        const char *point = strchr(part, '.');
        slot = slot_named(at, part, point ? (size_t)(point - part) : strlen(part));
        at = slot && slot->kind == TGI_MODULE ? slot->as.module : NULL;
        if (point && !at) slot = NULL;
        part = point ? point + 1 : NULL;
    }
    if (slot && slot->kind == kind) return slot;
    tg_fail_at(where, TG_ERROR_VALUE, what, "%s has no attribute `%s` of that kind", m->base.name, name ? name : "");
    return NULL;
}

tg_tensor *tg_get_parameter_at(const char *where, tg_module *m, const char *name)
{
    const tgi_slot *slot = lookup(where, m, name, TGI_PARAMETER, "get_parameter");
    return slot ? slot->as.tensor : NULL;
}

tg_tensor *tg_get_buffer_at(const char *where, tg_module *m, const char *name)
{
    const tgi_slot *slot = lookup(where, m, name, TGI_BUFFER, "get_buffer");
    return slot ? slot->as.tensor : NULL;
}

tg_module *tg_get_submodule_at(const char *where, tg_module *m, const char *name)
{
    const tgi_slot *slot = lookup(where, m, name, TGI_MODULE, "get_submodule");
    return slot ? slot->as.module : NULL;
}
