/* module_slots.c: what is registered with a module, in order and by name, and the fields that hold it, too.
 *
 * A module of a few things is searched; one of many (a list of thousands of layers) has a table of its names. */
#include "module_hooks_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <string.h>

/* ---- a table of names ---- */

struct tgi_names {
    int64_t room; /* a power of two, more than twice the number of slots */
    tgi_slot *slots[];
};
enum { FEW = 16 };

static size_t names_bytes(int64_t room) { return sizeof(tgi_names) + (size_t)room * sizeof(tgi_slot *); }

/* FNV-1a */
static uint64_t hash(const char *name, size_t length)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++) h = (h ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

static bool is_called(const tgi_slot *slot, const char *name, size_t length)
{
    return strncmp(slot->name, name, length) == 0 && slot->name[length] == '\0';
}

/* Where the slot of that name is or would be. */
static tgi_slot **find_place(tgi_names *names, const char *name, size_t length)
{
    const uint64_t mask = (uint64_t)names->room - 1;
    uint64_t at = hash(name, length) & mask;
    while (names->slots[at] && !is_called(names->slots[at], name, length)) at = (at + 1) & mask;
    return &names->slots[at];
}

static void names_fill(const tg_module *m, tgi_names *names)
{
    memset(names->slots, 0, (size_t)names->room * sizeof *names->slots);
    for (tgi_slot *slot = m->first; slot; slot = slot->next) *find_place(names, slot->name, strlen(slot->name)) = slot;
}

/* Makes room for one more name. False with an error pending. */
static bool names_reserve(tg_module *m)
{
    if (m->slots < FEW || (m->names && 2 * (m->slots + 1) < m->names->room)) return true;
    const int64_t room = m->names ? 2 * m->names->room : 4 * FEW;
    tgi_names *names = tgi_calloc(names_bytes(room));
    if (!names) return false;
    names->room = room;
    names_fill(m, names);
    if (m->names) tgi_free(m->names, names_bytes(m->names->room));
    m->names = names;
    return true;
}

tgi_slot *tgi_slot_find(const tg_module *m, const char *name, size_t length)
{
    if (m->names) return *find_place(m->names, name, length);
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (is_called(slot, name, length)) return slot;
    return NULL;
}

/* ---- making and freeing ---- */

static tgi_slot *slot_new(tg_module *m, tgi_slot_kind kind, const char *name)
{
    if (!names_reserve(m)) return NULL;
    const size_t length = strlen(name);
    const size_t needed = offsetof(tgi_slot, name) + length + 1;
    const size_t bytes = needed < sizeof(tgi_slot) ? sizeof(tgi_slot) : needed;
    tgi_slot *slot = tgi_calloc(bytes);
    if (!slot) return NULL;
    slot->bytes = bytes;
    slot->kind = kind;
    memcpy(slot->name, name, length + 1);
    if (m->last)
        m->last->next = slot;
    else
        m->first = slot;
    m->last = slot;
    m->slots++;
    m->children += kind == TGI_MODULE;
    if (m->names) *find_place(m->names, name, length) = slot;
    return slot;
}

void tgi_slot_remove(tg_module *m, tgi_slot *slot)
{
    tgi_slot **link = &m->first, *before = NULL;
    for (; *link != slot; link = &before->next) before = *link;
    *link = slot->next;
    if (m->last == slot) m->last = before;
    m->slots--;
    if (m->names) names_fill(m, m->names);
    tgi_unref(slot->as.tensor);
    tgi_free(slot, slot->bytes);
}

void tgi_disown(tg_module *m, tg_module *child)
{
    if (!child) return;
    if (child->parent == m) child->parent = NULL;
    if (--child->owners == 0) tgi_module_destroy(child);
}

/* Takes the slots out of a module that dies, and frees the rest of it. */
static tgi_slot *bury(tg_module *m)
{
    tgi_slot *slots = m->first;
    if (m->base.free) m->base.free(m);
    tgi_module_hooks_free(m);
    for (tgi_slot *slot = slots; slot; slot = slot->next)
        if (slot->kind == TGI_MODULE && slot->as.module && slot->as.module->parent == m) slot->as.module->parent = NULL;
    if (m->names) tgi_free(m->names, names_bytes(m->names->room));
    m->alive = TGI_MODULE_FREED;
    tgi_free(m, m->bytes);
    return slots;
}

/* The slots of what dies with the module come before the rest of its own, so that deep trees need no recursion. */
void tgi_module_destroy(tg_module *m)
{
    tgi_slot *slots = bury(m);
    while (slots) {
        tgi_slot *slot = slots;
        slots = slot->next;
        tg_module *child = slot->kind == TGI_MODULE ? slot->as.module : NULL;
        if (slot->kind != TGI_MODULE) {
            tgi_unref(slot->as.tensor);
        } else if (child && --child->owners == 0) {
            tgi_slot *last = child->last, *first = bury(child);
            if (first) {
                last->next = slots;
                slots = first;
            }
        }
        tgi_free(slot, slot->bytes);
    }
}

/* ---- registering ---- */

const char *const tgi_kind_names[] = { "parameter", "buffer", "module" };
const char *const tgi_macro_names[] = { "PARAMETER", "BUFFER", "SUBMODULE" };

static bool name_ok(const tg_module *m, tgi_slot_kind kind, const char *name, bool replace)
{
    const char *what = tgi_kind_names[kind];
    if (!name || !*name)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "%s name can't be empty string \"\"", what);
    else if (strchr(name, '.'))
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "%s name can't contain \".\", got: %s", what, name);
    else if (strchr(name, '['))
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name,
                   "%s name can't contain \"[\", got: %s; for an element of an array write TG_%s%sS(m, %.*s, i, ...)",
                   what, name, replace ? "REPLACE_" : "", tgi_macro_names[kind], (int)strcspn(name, "["), name);
    else if (strchr(name, '>'))
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "%s name can't contain \"->\", got: %s", what, name);
    else
        return true;
    return false;
}

static bool is_empty(const tgi_slot *slot) { return slot->kind == TGI_MODULE ? !slot->as.module : !slot->as.tensor; }

tgi_slot *tgi_slot_for(tg_module *m, tgi_slot_kind kind, const char *name, bool replace)
{
    if (!name_ok(m, kind, name, replace)) return NULL;
    tgi_slot *slot = tgi_slot_find(m, name, strlen(name));
    if (!slot && !replace) return slot_new(m, kind, name);
    if (slot && slot->kind == kind && (replace || is_empty(slot))) return slot;
    if (!slot)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "there is no %s '%s' to replace", tgi_kind_names[kind], name);
    else if (slot->kind != kind)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "attribute '%s' already exists", name);
    else
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name,
                   "attribute '%s' already exists; TG_REPLACE_%s puts another %s in its place", name,
                   tgi_macro_names[kind], tgi_kind_names[kind]);
    return NULL;
}

/* ---- fields ---- */

tg_tensor **tgi_field_of(tg_module *m, const tg_tensor *t)
{
    char *end = (char *)m + m->bytes;
    for (char *at = (char *)(m + 1); at + sizeof(void *) <= end; at += sizeof(void *)) {
        const void *word;
        memcpy(&word, at, sizeof word);
        if (word == t) return (tg_tensor **)(void *)at;
    }
    int64_t count = 0;
    tg_tensor **array = m->base.array ? m->base.array(m, &count) : NULL;
    for (int64_t i = 0; i < count; i++)
        if (array[i] == t) return &array[i];
    return NULL;
}

/* How many slots before `end`, NULL for all, have the tensor. */
static int64_t slots_with(const tg_module *m, const tg_tensor *t, const tgi_slot *end)
{
    int64_t count = 0;
    for (const tgi_slot *slot = m->first; slot != end; slot = slot->next)
        count += slot->kind != TGI_MODULE && slot->as.tensor == t;
    return count;
}

void tgi_fields_follow(tg_module *m, const tgi_slot *slot, tg_tensor *t)
{
    const tg_tensor *before = slot->as.tensor;
    if (!before || before == t) return;
    if (slots_with(m, before, NULL) == 1) {
        for (tg_tensor **field; (field = tgi_field_of(m, before));) *field = t;
        return;
    }
    int64_t count = 0, rank = slots_with(m, before, slot);
    tg_tensor **array = m->base.array ? m->base.array(m, &count) : NULL;
    for (int64_t i = 0; i < count; i++)
        if (array[i] == before && rank-- == 0) array[i] = t;
}
