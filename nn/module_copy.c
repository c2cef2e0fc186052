/* module_copy.c: a deep copy of a module.
 *
 * Everything that is in the tree is copied first, then put together under the old names; then the words of each struct
 * that are addresses of something copied become the copy's, and at last the classes copy what only they know of. */
#include "module_hooks_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/view.h"

#include <stdlib.h>
#include <string.h>

typedef struct pair {
    const void *old;
    void *copy;
    bool module;
} pair;

typedef struct copying {
    pair *pairs; /* sorted by `old` once all is there */
    int64_t count, room;
    tgi_address_set seen;
} copying;

static bool add_pair(copying *c, const void *old, void *copy, bool module)
{
    if (!tgi_grow(&c->pairs, &c->room, c->count + 1, sizeof *c->pairs)) return false;
    c->pairs[c->count++] = (pair){ old, copy, module };
    return true;
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)((const pair *)a)->old, y = (uintptr_t)((const pair *)b)->old;
    return (x > y) - (x < y);
}

/* The copy of what lies at that address, or NULL. */
static void *copy_of(const copying *c, const void *old)
{
    const pair key = { .old = old };
    const pair *found = bsearch(&key, c->pairs, (size_t)c->count, sizeof *c->pairs, by_address);
    return found ? found->copy : NULL;
}

/* ---- copies, each for itself ---- */

/* What lies outside of the struct only its class can copy. */
static bool can_copy(const tg_module *m)
{
    if (m->base.copy) return true;
    const tgi_slot *slot = m->first;
    while (slot && !slot->outside) slot = slot->next;
    if (m->base.free)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "the class has `free` and no `copy`: it cannot be copied");
    else if (slot)
        tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name,
                   "the array '%s' is allocated and the class has no `copy`: it cannot be copied", slot->name);
    else
        return true;
    return false;
}

/* Without `free`: what that would free is the original's. */
static tg_module *copy_struct(const tg_module *m)
{
    if (!can_copy(m)) return NULL;
    tg_module *copy = tgi_calloc(m->bytes);
    if (!copy) return NULL;
    memcpy(copy, m, m->bytes);
    copy->base.free = NULL;
    copy->owners = 0;
    copy->first = copy->last = NULL;
    copy->slots = copy->children = 0;
    copy->names = NULL;
    copy->parent = NULL;
    copy->hooks = NULL;
    return copy;
}

static tg_tensor *copy_tensor(const tg_module *m, tg_tensor *t)
{
    if (!tg_is_leaf(t))
        return tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name,
                          "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                          "the moment");
    tg_tensor *copy = tg_clone(tg_detach(t));
    return copy && tg_requires_grad(t) ? tg_requires_grad_(copy, true) : copy;
}

static bool copy_module(copying *c, tg_module *m)
{
    tg_module *copy = copy_struct(m);
    if (!copy) return false;
    if (!add_pair(c, m, copy, true)) {
        tgi_free(copy, copy->bytes);
        return false;
    }
    for (const tgi_slot *slot = m->first; slot; slot = slot->next) {
        if (slot->kind == TGI_MODULE || !slot->as.tensor) continue;
        const tgi_added added = tgi_set_add(&c->seen, slot->as.tensor);
        if (added == TGI_KNOWN) continue;
        tg_tensor *t = added == TGI_ADDED ? copy_tensor(m, slot->as.tensor) : NULL;
        if (!t || !add_pair(c, slot->as.tensor, t, false)) return false;
    }
    return true;
}

static bool copy_all(copying *c, tg_module *m)
{
    tgi_tree tree;
    tgi_tree_begin(&tree, m, TGI_ONCE);
    bool fine = true;
    for (tgi_event event; fine && (event = tgi_tree_next(&tree)) != TGI_END;)
        if (event == TGI_ENTER) fine = copy_module(c, tgi_tree_module(&tree));
    fine = fine && tree.depth == 0;
    tgi_tree_end(&tree);
    if (fine) qsort(c->pairs, (size_t)c->count, sizeof *c->pairs, by_address);
    return fine;
}

/* ---- put together ---- */

static bool put_slots(const copying *c, const tg_module *m, tg_module *copy)
{
    for (const tgi_slot *slot = m->first; slot; slot = slot->next) {
        tgi_slot *made = tgi_slot_for(copy, slot->kind, slot->name, false);
        if (!made) return false;
        made->outside = slot->outside;
        made->transient = slot->transient;
        if (slot->kind != TGI_MODULE) {
            if (slot->as.tensor) made->as.tensor = tgi_ref(copy_of(c, slot->as.tensor));
            continue;
        }
        tg_module *child = slot->as.module ? copy_of(c, slot->as.module) : NULL;
        made->as.module = child;
        if (!child) continue;
        child->owners++;
        if (!child->parent) child->parent = copy;
    }
    return true;
}

/* The words from `at` on that are addresses of something copied. */
static void redirect(const copying *c, void *begin, const char *end)
{
    for (char *at = begin; at + sizeof(void *) <= end; at += sizeof(void *)) {
        void *word;
        memcpy(&word, at, sizeof word);
        void *other = word ? copy_of(c, word) : NULL;
        if (other) memcpy(at, &other, sizeof other);
    }
}

/* The fields behind the tg_module. */
static void redirect_fields(const copying *c, tg_module *copy) { redirect(c, copy + 1, (char *)copy + copy->bytes); }

/* What only the class knows of, and an array of tensors that it may have copied as it was. */
static bool finish(const copying *c, const tg_module *m, tg_module *copy)
{
    const tgi_place place = tgi_place_keep();
    const bool copied = !m->base.copy || m->base.copy(copy, m) == TG_OK;
    tgi_place_back(place);
    if (!copied) {
        if (!tg_failed()) tg_fail_at(NULL, TG_ERROR_VALUE, m->base.name, "`copy` failed");
        return false;
    }
    copy->base.free = m->base.free;
    int64_t count = 0;
    tg_tensor **array = m->base.array ? m->base.array(copy, &count) : NULL;
    if (array) redirect(c, array, (char *)(array + count));
    return tgi_hooks_copy(copy, m) == TG_OK;
}

static bool put_together(const copying *c)
{
    for (int64_t i = 0; i < c->count; i++)
        if (c->pairs[i].module && !put_slots(c, c->pairs[i].old, c->pairs[i].copy)) return false;
    for (int64_t i = 0; i < c->count; i++)
        if (c->pairs[i].module) redirect_fields(c, c->pairs[i].copy);
    for (int64_t i = 0; i < c->count; i++)
        if (c->pairs[i].module && !finish(c, c->pairs[i].old, c->pairs[i].copy)) return false;
    return true;
}

/* Frees what was made: what nobody owns, which frees the rest. */
static void undo(copying *c)
{
    int64_t tops = 0;
    for (int64_t i = 0; i < c->count; i++)
        if (c->pairs[i].module && ((tg_module *)c->pairs[i].copy)->owners == 0) c->pairs[tops++] = c->pairs[i];
    for (int64_t i = 0; i < tops; i++) tgi_module_destroy(c->pairs[i].copy);
}

tg_module *tg_module_copy_at(const char *where, tg_module *m)
{
    if (!tgi_module_ok(where, m, "deepcopy")) return NULL;
    copying c = { NULL, 0, 0, { NULL, 0, 0 } };
    tg_scope scope = tg_no_grad_begin();
    const bool fine = copy_all(&c, m) && put_together(&c);
    tg_module *copy = fine ? copy_of(&c, m) : NULL;
    if (!fine) undo(&c);
    tg_scope_end(scope);
    tgi_grow_free(c.pairs, c.room, sizeof *c.pairs);
    tgi_set_free(&c.seen);
    return copy;
}
