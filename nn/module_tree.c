/* module_tree.c: going through a tree of modules without recursion, whatever its depth. What shares no module allocates
 * nothing before it is 16 levels deep. */
#include "module_impl.h"

#include "core/error.h"
#include "core/observe_impl.h"
#include "core/thread.h"

#include <string.h>

/* ---- sets of addresses ---- */

static const void **find_place(const tgi_address_set *set, const void *item)
{
    const uint64_t mask = (uint64_t)set->room - 1;
    uint64_t at = ((uint64_t)(uintptr_t)item >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20 & mask;
    while (set->items[at] && set->items[at] != item) at = (at + 1) & mask;
    return &set->items[at];
}

static bool set_grow(tgi_address_set *set)
{
    tgi_address_set larger = { NULL, set->room ? 2 * set->room : 64, set->count };
    larger.items = tgi_calloc((size_t)larger.room * sizeof *larger.items);
    if (!larger.items) return false;
    for (int64_t i = 0; i < set->room; i++)
        if (set->items[i]) *find_place(&larger, set->items[i]) = set->items[i];
    tgi_set_free(set);
    *set = larger;
    return true;
}

tgi_added tgi_set_add(tgi_address_set *set, const void *item)
{
    if (2 * (set->count + 1) > set->room && !set_grow(set)) return TGI_NOT_ADDED;
    const void **place = find_place(set, item);
    if (*place) return TGI_KNOWN;
    *place = item;
    set->count++;
    return TGI_ADDED;
}

void tgi_set_free(tgi_address_set *set)
{
    if (set->items) tgi_free(set->items, (size_t)set->room * sizeof *set->items);
    *set = (tgi_address_set){ NULL, 0, 0 };
}

/* ---- the walk ---- */

void tgi_tree_begin(tgi_tree *tree, tg_module *top, tgi_visit visit)
{
    tree->visit = visit;
    tree->levels = tree->few;
    tree->room = (int64_t)(sizeof tree->few / sizeof *tree->few);
    tree->depth = 1;
    tree->seen = (tgi_address_set){ NULL, 0, 0 };
    tree->few[0] = (tgi_level){ .module = top };
}

static void release(tgi_tree *tree)
{
    if (tree->levels != tree->few) tgi_grow_free(tree->levels, tree->room, sizeof *tree->levels);
    tree->levels = tree->few;
    tree->room = (int64_t)(sizeof tree->few / sizeof *tree->few);
}

void tgi_tree_end(tgi_tree *tree)
{
    release(tree);
    tgi_set_free(&tree->seen);
}

static bool reserve(tgi_tree *tree)
{
    if (tree->depth < tree->room) return true;
    if (tree->levels != tree->few) return tgi_grow(&tree->levels, &tree->room, tree->depth + 1, sizeof *tree->levels);
    tgi_level *levels = NULL;
    int64_t room = 0;
    if (!tgi_grow(&levels, &room, tree->depth + 1, sizeof *levels)) return false;
    memcpy(levels, tree->few, sizeof tree->few);
    tree->levels = levels;
    tree->room = room;
    return true;
}

/* Whether another slot before `slot` holds the same child. */
static bool stands_before(const tg_module *m, const tgi_slot *slot)
{
    for (const tgi_slot *before = m->first; before != slot; before = before->next)
        if (before->kind == TGI_MODULE && before->as.module == slot->as.module) return true;
    return false;
}

/* Whether the walk goes to the slot. */
static tgi_added visits(tgi_tree *tree, const tg_module *m, const tgi_slot *slot)
{
    const tg_module *child = slot->kind == TGI_MODULE ? slot->as.module : NULL;
    if (slot->kind != TGI_MODULE || (!child && tree->visit != TGI_EVERY_SLOT)) return TGI_KNOWN;
    if (tree->visit == TGI_EVERY_SLOT || child->owners <= 1) return TGI_ADDED;
    if (tree->visit == TGI_ONCE) return tgi_set_add(&tree->seen, child);
    return stands_before(m, slot) ? TGI_KNOWN : TGI_ADDED;
}

/* The next child to go to, pushed. TGI_KNOWN: there is none. */
static tgi_added descend(tgi_tree *tree)
{
    const tgi_level *level = &tree->levels[tree->depth - 1];
    const tg_module *m = level->module;
    for (tgi_slot *slot = level->below ? level->below->next : m->first; slot; slot = slot->next) {
        const tgi_added visit = visits(tree, m, slot);
        if (visit == TGI_KNOWN) continue;
        if (visit == TGI_NOT_ADDED || !reserve(tree)) return TGI_NOT_ADDED;
        tree->levels[tree->depth - 1].below = slot;
        tree->levels[tree->depth++] = (tgi_level){ .module = slot->as.module, .slot = slot, .state = TGI_INSIDE };
        return TGI_ADDED;
    }
    return TGI_KNOWN;
}

tgi_event tgi_tree_next(tgi_tree *tree)
{
    while (tree->depth > 0) {
        tgi_level *level = &tree->levels[tree->depth - 1];
        if (level->state == TGI_FRESH) {
            level->state = TGI_INSIDE;
            return TGI_ENTER;
        }
        if (level->state == TGI_LEFT || !level->module) {
            tree->depth--;
            continue;
        }
        const tgi_added below = descend(tree);
        if (below == TGI_ADDED) return TGI_ENTER;
        if (below == TGI_NOT_ADDED) return TGI_END;
        level->state = TGI_LEFT;
        return TGI_LEAVE;
    }
    return TGI_END;
}

/* ---- what is made of it ---- */

tg_module *tgi_tree_module(const tgi_tree *tree) { return tree->levels[tree->depth - 1].module; }

bool tgi_tree_contains(tg_module *m, const tg_module *sought)
{
    tgi_tree tree;
    tgi_tree_begin(&tree, m, TGI_ONCE);
    tgi_event event;
    while ((event = tgi_tree_next(&tree)) != TGI_END)
        if (event == TGI_ENTER && tgi_tree_module(&tree) == sought) break;
    const bool found = event != TGI_END || tree.depth > 0;
    tgi_tree_end(&tree);
    return found;
}

/* Calls `fn` as each module is entered or left. */
static void visit_all(tg_module *m, tgi_visit visit, tgi_event when, tg_module_fn fn, void *context)
{
    tgi_tree tree;
    tgi_tree_begin(&tree, m, visit);
    for (tgi_event event; (event = tgi_tree_next(&tree)) != TGI_END;)
        if (event == when) fn(tgi_tree_module(&tree), context);
    tgi_tree_end(&tree);
}

void tgi_for_each_module(tg_module *m, tg_module_fn fn, void *context)
{
    visit_all(m, TGI_ONCE, TGI_ENTER, fn, context);
}

void tg_module_apply_at(const char *where, tg_module *m, tg_module_fn fn, void *context)
{
    if (!tgi_module_ok(where, m, "apply")) return;
    if (!fn)
        tg_fail_at(NULL, TG_ERROR_NULL, "apply", "the function is NULL");
    else
        visit_all(m, TGI_EVERY_CHILD, TGI_LEAVE, fn, context);
}

/* ---- the whole tree at once ---- */

static void set_training(tg_module *m, void *mode) { m->training = *(const bool *)mode; }

void tg_module_train_at(const char *where, tg_module *m, bool mode)
{
    if (tgi_module_ok(where, m, "train")) tgi_for_each_module(m, set_training, &mode);
}

static void set_requires_grad(tg_module *m, void *requires_grad)
{
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_PARAMETER && slot->as.tensor)
            tg_requires_grad_(slot->as.tensor, *(const bool *)requires_grad);
}

void tg_module_requires_grad_at(const char *where, tg_module *m, bool requires_grad)
{
    if (tgi_module_ok(where, m, "requires_grad_")) tgi_for_each_module(m, set_requires_grad, &requires_grad);
}

static void clear_gradients(tg_module *m, void *context)
{
    (void)context;
    for (tgi_slot *slot = m->first; slot; slot = slot->next)
        if (slot->kind == TGI_PARAMETER && slot->as.tensor) tg_set_grad(slot->as.tensor, NULL);
}

void tg_module_zero_grad_at(const char *where, tg_module *m)
{
    if (!tgi_module_ok(where, m, "zero_grad")) return;
    tgi_tell_task("zero_grad", m->base.name, where, true);
    tgi_for_each_module(m, clear_gradients, NULL);
    tgi_tell_task("zero_grad", m->base.name, where, false);
}
