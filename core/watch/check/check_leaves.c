/* check_leaves.c: the leaves that a checker knows: a model's parameters, and whatever a walk brought a gradient.
 *
 * It holds a reference to each, so that an address stands for one leaf as long as it is known; those that nobody else
 * holds any more are let go at the next look. */
#include "check_impl.h"

#include "core/error.h"

#include <stdio.h>

tgi_watched *tgi_watched_of(const tgi_check *c, const tg_tensor *leaf)
{
    return tgi_table_find(&c->leaves, (uint64_t)(uintptr_t)leaf);
}

tgi_watched *tgi_know_leaf(tgi_check *c, tg_tensor *leaf)
{
    tgi_watched *w = tgi_table_at(&c->leaves, (uint64_t)(uintptr_t)leaf);
    if (!w || w->leaf) return w;
    if (c->leaves.count > c->parameters) c->parameters = c->leaves.count;
    const char *name = tg_name_of_at(NULL, leaf);
    w->leaf = tgi_ref(leaf);
    w->version = leaf->storage->version;
    snprintf(w->name, sizeof w->name, "%s", name ? name : "");
    return w;
}

static void know(tgi_check *c, const void *model, const tg_named_tensor *parameter)
{
    tgi_watched *w = tgi_know_leaf(c, parameter->tensor);
    if (!w || w->model) return;
    w->model = model;
    snprintf(w->name, sizeof w->name, "%s", parameter->name);
}

void tgi_know_parameters(tgi_check *c)
{
    const tgi_inside *inside = tgi_self.inside;
    if (!inside || !inside->kind->state) return;
    const tg_named_tensor_list state = inside->kind->state(inside);
    for (int64_t i = 0; tg_ok() && i < state.count; i++)
        if (state.items[i].tensor->requires_grad) know(c, inside->kind->model(inside), &state.items[i]);
}

static bool is_held(void *item)
{
    tgi_watched *w = item;
    if (__atomic_load_n(&w->leaf->refs, __ATOMIC_ACQUIRE) > 1) return true;
    tgi_unref(w->leaf);
    return false;
}

void tgi_look_at_leaves(tgi_check *c)
{
    bool stepped = false;
    tgi_table_keep(&c->leaves, is_held);
    for (int64_t i = 0; i < c->leaves.count; i++) {
        tgi_watched *w = c->leaves.items[i];
        const int64_t version = w->leaf->storage->version;
        if (version == w->version) continue;
        if (w->walks) w->steps++;
        stepped |= w->walks > 0;
        w->version = version;
    }
    c->steps += stepped;
    c->steps_told += c->step_calls ? c->step_calls : stepped && !c->in_step;
    c->step_calls = 0;
}

static bool none(void *item)
{
    tgi_unref(((tgi_watched *)item)->leaf);
    return false;
}

void tgi_forget_leaves(tgi_check *c)
{
    tgi_table_keep(&c->leaves, none);
    tgi_table_free(&c->leaves);
}
