/* module_walk.c: what a module tree contains, as lists with PyTorch's dotted names.
 *
 * A module's own things come first, then its children's, each in order of registration and once. The lists belong to
 * the innermost scope; nothing is cached in the modules, so threads that share a model may look at it at once. */
#include "module_impl.h"
#include "state.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"

#include <string.h>

typedef union found {
    tg_named_tensor tensor;
    tg_named_module module;
} found;

typedef struct item {
    void *thing;
    int64_t name; /* where it begins in `text` */
} item;

typedef struct collector {
    const char *what; /* for errors */
    tgi_slot_kind kind;
    bool direct; /* one level down and no further */
    bool named;
    bool state; /* what a state has, parameters and buffers, each as often as it is there */
    item *items;
    int64_t count, room;
    char *text; /* the names, one behind the other, each with its zero */
    int64_t used, text_room;
    tgi_address_set seen;
} collector;

static bool add_text(collector *c, const char *text, char end)
{
    const int64_t length = (int64_t)strlen(text);
    if (!tgi_grow(&c->text, &c->text_room, c->used + length + 1, 1)) return false;
    memcpy(c->text + c->used, text, (size_t)length);
    c->text[c->used + length] = end;
    c->used += length + 1;
    return true;
}

/* One more thing called `name` in the module where the tree stands; its place there is the name of a module. False with
 * an error pending. */
static bool add(collector *c, const tgi_tree *tree, const char *name, void *thing)
{
    if (!tgi_grow(&c->items, &c->room, c->count + 1, sizeof *c->items)) return false;
    c->items[c->count++] = (item){ thing, c->used };
    if (!c->named) return true;
    for (int64_t i = 1; tree && i < tree->depth; i++)
        if (!add_text(c, tree->levels[i].slot->name, i + 1 < tree->depth || name ? '.' : '\0')) return false;
    return name || !tree || tree->depth == 1 ? add_text(c, name ? name : "", '\0') : true;
}

static bool add_tensors(collector *c, const tgi_tree *tree, tgi_slot_kind kind)
{
    for (const tgi_slot *slot = tgi_tree_module(tree)->first; slot; slot = slot->next) {
        if (slot->kind != kind || !slot->as.tensor || (c->state && slot->transient)) continue;
        const tgi_added added = c->state ? TGI_ADDED : tgi_set_add(&c->seen, slot->as.tensor);
        if (added == TGI_NOT_ADDED || (added == TGI_ADDED && !add(c, tree, slot->name, slot->as.tensor))) return false;
    }
    return true;
}

/* What the module where the tree stands has; there is none where a child is NULL. */
static bool add_entered(collector *c, const tgi_tree *tree)
{
    if (!tgi_tree_module(tree)) return true;
    if (c->state) return add_tensors(c, tree, TGI_PARAMETER) && add_tensors(c, tree, TGI_BUFFER);
    return c->kind == TGI_MODULE ? add(c, tree, NULL, tgi_tree_module(tree)) : add_tensors(c, tree, c->kind);
}

static bool add_all(collector *c, tg_module *m)
{
    tgi_tree tree;
    tgi_tree_begin(&tree, m, c->state ? TGI_EVERY_SLOT : TGI_ONCE);
    bool fine = true;
    for (tgi_event event; fine && (event = tgi_tree_next(&tree)) != TGI_END;)
        if (event == TGI_ENTER) fine = add_entered(c, &tree);
    fine = fine && tree.depth == 0;
    tgi_tree_end(&tree);
    return fine;
}

/* One level down. */
static bool add_children(collector *c, tg_module *m)
{
    for (const tgi_slot *slot = m->first; slot; slot = slot->next) {
        if (slot->kind != TGI_MODULE || !slot->as.module) continue;
        const tgi_added added = tgi_set_add(&c->seen, slot->as.module);
        if (added == TGI_NOT_ADDED || (added == TGI_ADDED && !add(c, NULL, slot->name, slot->as.module))) return false;
    }
    return true;
}

/* The items in the scope's memory, which comes in pointers: names and things, and the text behind them. */
static const found *with_names(const collector *c)
{
    const int64_t per_item = (int64_t)(sizeof(found) / sizeof(tg_tensor *));
    const int64_t words = (c->used + (int64_t)sizeof(tg_tensor *) - 1) / (int64_t)sizeof(tg_tensor *);
    found *list = (void *)tg_list_new(c->count * per_item + words);
    if (!list) return NULL;
    char *text = (char *)(list + c->count);
    if (c->used) memcpy(text, c->text, (size_t)c->used);
    for (int64_t i = 0; i < c->count; i++) {
        if (c->kind == TGI_MODULE)
            list[i].module = (tg_named_module){ text + c->items[i].name, c->items[i].thing };
        else
            list[i].tensor = (tg_named_tensor){ text + c->items[i].name, c->items[i].thing };
    }
    return list;
}

static void *without_names(const collector *c)
{
    tg_tensor **list = tg_list_new(c->count);
    for (int64_t i = 0; list && i < c->count; i++) list[i] = c->items[i].thing;
    return list;
}

/* The list, of `*count` things: found if they have names, pointers if not. NULL on error. */
static const void *collect(const char *where, tg_module *m, collector c, int64_t *count)
{
    *count = 0;
    if (!tgi_module_ok(where, m, c.what)) return NULL;
    const void *list = NULL;
    if (c.direct ? add_children(&c, m) : add_all(&c, m))
        list = c.named ? (const void *)with_names(&c) : without_names(&c);
    if (list) *count = c.count;
    tgi_grow_free(c.items, c.room, sizeof *c.items);
    tgi_grow_free(c.text, c.text_room, 1);
    tgi_set_free(&c.seen);
    return list;
}

/* ---- tensors ---- */

static const char *const names[] = { "parameters", "buffers", "modules" };

static tg_tensor_list tensors(const char *where, tg_module *m, tgi_slot_kind kind)
{
    int64_t count;
    tg_tensor *const *list = collect(where, m, (collector){ .what = names[kind], .kind = kind }, &count);
    return list ? (tg_tensor_list){ list, count } : tg_list_failed();
}

static tg_named_tensor_list named_tensors(const char *where, tg_module *m, tgi_slot_kind kind)
{
    int64_t count;
    const found *list = collect(where, m, (collector){ .what = names[kind], .kind = kind, .named = true }, &count);
    return (tg_named_tensor_list){ list ? &list->tensor : NULL, count };
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

tg_named_tensor_list tg_state_dict_at(const char *where, tg_module *m)
{
    int64_t count;
    const found *list = collect(where, m, (collector){ .what = "state_dict", .named = true, .state = true }, &count);
    return (tg_named_tensor_list){ list ? &list->tensor : NULL, count };
}

tg_status tg_set_buffer_persistent_at(const char *where, tg_module *m, const char *name, bool persistent)
{
    if (!tgi_module_ok(where, m, "set_buffer_persistent")) return TG_FAILED;
    tgi_slot *slot = name ? tgi_slot_find(m, name, strlen(name)) : NULL;
    if (slot && slot->kind == TGI_BUFFER) {
        slot->transient = !persistent;
        return TG_OK;
    }
    tg_fail_at(where, TG_ERROR_VALUE, "set_buffer_persistent", "%s has no buffer '%s' of its own", m->base.name,
               name ? name : "");
    return TG_FAILED;
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

static tg_named_module_list named_modules(const char *where, tg_module *m, bool direct)
{
    int64_t count;
    const collector c = { .what = "modules", .kind = TGI_MODULE, .direct = direct, .named = true };
    const found *list = collect(where, m, c, &count);
    return (tg_named_module_list){ list ? &list->module : NULL, count };
}

static tg_module_array modules(const char *where, tg_module *m, bool direct)
{
    int64_t count;
    const collector c = { .what = "modules", .kind = TGI_MODULE, .direct = direct };
    tg_module *const *list = collect(where, m, c, &count);
    return (tg_module_array){ list, count };
}

tg_module_array tg_children_at(const char *where, tg_module *m) { return modules(where, m, true); }
tg_module_array tg_modules_at(const char *where, tg_module *m) { return modules(where, m, false); }
tg_named_module_list tg_named_children_at(const char *where, tg_module *m) { return named_modules(where, m, true); }
tg_named_module_list tg_named_modules_at(const char *where, tg_module *m) { return named_modules(where, m, false); }

/* ---- one thing by its name ---- */

static const tgi_slot *lookup(const char *where, tg_module *m, const char *name, tgi_slot_kind kind, const char *what)
{
    if (!tgi_module_ok(where, m, what)) return NULL;
    const tg_module *at = m;
    const tgi_slot *slot = NULL;
    for (const char *part = name; part && at;) {
        const char *point = strchr(part, '.');
        slot = tgi_slot_find(at, part, point ? (size_t)(point - part) : strlen(part));
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
