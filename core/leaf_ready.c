/* leaf_ready.c: .grad; leaves whose gradients are complete before the walk is over.
 *
 * A leaf is complete when the walk has passed the lowest node that reads it. Most walks do not care: what came to their
 * leaves goes to .grad when all is over. Where somebody does (a leaf with hooks, an observer), one pass over the tape
 * finds each leaf's lowest reader beforehand. */
#include "observe_impl.h"
#include "walk_impl.h"

bool tgi_leaves_begin(tgi_walk *w)
{
    const tgi_observers *observers = tgi_self.observers;
    if (!(observers && observers->leaves) && !__atomic_load_n(&tgi_leaf_hooks, __ATOMIC_RELAXED)) return true;
    w->state |= TGI_EARLY_LEAVES;
    for (int32_t i = w->low; i <= w->high; i++) {
        const tg_node *node = tgi_self.nodes[i];
        for (int k = 0; k < node->input_count; k++) {
            const tgi_edge *edge = &tgi_inputs(node)[k];
            if (edge->output != TGI_TO_LEAF || tgi_unwanted(w, edge)) continue;
            const int64_t slot = tgi_slot_of_leaf(w, edge->to.leaf);
            if (slot < 0) return false;
            if (w->leaves[slot].lowest > i) w->leaves[slot].lowest = i;
        }
    }
    return true;
}

/* Whether products that wait are added to .grad where it lies. */
static bool takes_products(const tgi_walk *w, const tgi_extra *extra, const tgi_slot_sum *slot)
{
    return extra && extra->grad && extra->grad->contiguous && !w->create_graph && slot->chain && !slot->grad;
}

bool tgi_accumulate_grad(const tgi_walk *w, tg_tensor *t, tgi_slot_sum *slot, bool hand_over)
{
    tgi_extra *extra = tgi_extra_of(t);
    if (!extra) return false;
    tg_tensor *old = extra->grad, *result;
    if (old && !w->create_graph && old->contiguous) {
        if (tgi_chain_reads(slot, old->storage) && !tgi_chain_flush(slot)) return false;
        tg_bump_version(old);
        if (takes_products(w, extra, slot)) return tgi_chain_flush_into(slot, old);
        return tgi_chain_flush(slot) && tgi_engine->add_(old, slot->grad) == TG_OK;
    }
    if (!tgi_chain_flush(slot)) return false;
    if (old)
        result = tgi_own(tgi_engine->add(old, slot->grad));
    else if (hand_over && !w->create_graph && tgi_is_private(slot->grad))
        result = tgi_ref(slot->grad);
    else
        result = tgi_own(tgi_engine->clone(slot->grad));
    if (!result) return false;
    tgi_unref(extra->grad);
    extra->grad = result;
    return true;
}

/* A weight that a hook may now write may be a factor of products that wait for their evaluation. */
static bool let_go(const tgi_walk *w, const tgi_storage *storage)
{
    for (int64_t i = 0; i < w->slot_count; i++)
        if (w->slots[i].chain && !tgi_chain_let_go(&w->slots[i], storage)) return false;
    for (int64_t i = 0; i < w->leaf_count; i++)
        if (!tgi_chain_let_go(&w->leaves[i].sum, storage)) return false;
    return true;
}

static bool has_late_hooks(const tgi_extra *extra)
{
    const tgi_hook *hook = extra ? extra->hooks : NULL;
    while (hook && !hook->after) hook = hook->next;
    return hook != NULL;
}

static bool leaf_is_watched(void) { return tgi_self.observers && tgi_self.observers->leaves; }

/* Products that .grad will take up one by one are evaluated for those who watch alone: added up beforehand they would be
 * rounded otherwise than in a walk that nobody watches. Asked again when the gradient has been evaluated: who was told of
 * that may watch no more. */
static bool tell_ready(const tgi_walk *w, tg_tensor *leaf, tgi_slot_sum *sum)
{
    if (!leaf_is_watched()) return true;
    const bool apart = !w->marks && takes_products(w, __atomic_load_n(&leaf->extra, __ATOMIC_ACQUIRE), sum);
    if (!apart && !tgi_chain_flush(sum)) return false;
    tg_tensor *shown = apart ? tgi_chain_value(sum) : sum->grad;
    return shown && (!leaf_is_watched() || tgi_self.observers->tell->leaf_ready(leaf, shown));
}

/* `w->leaves` may move while hooks run: a hook may begin a walk, but not this one's; a slot's index stays. */
static bool complete(tgi_walk *w, int64_t index)
{
    tg_tensor *leaf = w->leaves[index].leaf;
    tgi_slot_sum *sum = &w->leaves[index].sum;
    const tgi_extra *extra = __atomic_load_n(&leaf->extra, __ATOMIC_ACQUIRE);
    if (extra && extra->hooks && !(tgi_chain_flush(sum) && tgi_run_hooks(&extra->hooks, &sum->grad))) return false;
    if (!tell_ready(w, leaf, sum)) return false;
    if (w->marks || !has_late_hooks(extra)) return true;
    if (!let_go(w, leaf->storage) || !tgi_accumulate_grad(w, leaf, sum, true)) return false;
    tgi_slot_empty(sum);
    return tgi_run_late_hooks(&extra->hooks, leaf);
}

bool tgi_leaf_complete(tgi_walk *w, int64_t index)
{
    tgi_leaf_slot *slot = &w->leaves[index];
    if (slot->complete) return true;
    slot->complete = true;
    if (tgi_is_empty(&slot->sum)) return true;
    const tg_scope scope = tg_scope_begin_at(NULL);
    if (scope.depth < 0) return false;
    tg_set_grad_enabled(w->create_graph);
    const bool ok = complete(w, index) && !tgi_self.error;
    tgi_scope_end_keeping_nodes(scope);
    return ok;
}

bool tgi_leaves_of_node(tgi_walk *w, const tg_node *node)
{
    for (int k = 0; k < node->input_count; k++) {
        const tgi_edge *edge = &tgi_inputs(node)[k];
        if (edge->output != TGI_TO_LEAF) continue;
        const int64_t slot = tgi_find_leaf(w, edge->to.leaf);
        if (slot >= 0 && w->leaves[slot].lowest == node->index && !tgi_leaf_complete(w, slot)) return false;
    }
    return true;
}
