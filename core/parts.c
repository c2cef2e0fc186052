/* parts.c: gradients of parts, written where they belong.
 *
 * The outputs of a split are parts of one tensor, and so are their gradients: parts of its gradient. Had each a memory
 * of its own, all would wait until the walk arrives at the split and then be copied together. So the first gradient
 * that comes for a part makes the whole, and each is written, or at worst copied at once, into its place. */
#include "walk_impl.h"

static tgi_slot_sum *slot_of_whole(const tgi_walk *w, const tg_node *node)
{
    return tgi_slot_of_output(w, node, node->output_count);
}

/* The gradient of the first input of `node`, uninitialised; made at first use. NULL where nobody wants it. */
static tg_tensor *whole_of(tgi_walk *w, const tg_node *node)
{
    tgi_slot_sum *slot = slot_of_whole(w, node);
    const tgi_edge *edge = tgi_inputs(node);
    if (slot->grad || tgi_unwanted(w, edge)) return slot->grad;
    const tgi_target target = tgi_target_of(edge);
    const tg_shape shape = tgi_target_shape(&target);
    return slot->grad = tgi_own(tgi_new(&shape, target.dtype));
}

static tg_tensor *part_of(tgi_walk *w, tg_node *node, int i, tg_tensor *whole)
{
    tg_context ctx = { w, node };
    return tgi_own(node->op->part(&ctx, i, whole));
}

/* Under tg_grad an output's gradient may be what the caller gets: it should not hold the memory of the whole. */
tg_tensor *tgi_place_of(tgi_walk *w, const tgi_edge *edge)
{
    tg_node *node = edge->to.node;
    tgi_slot_sum *slot = tgi_slot_of_output(w, node, edge->output);
    if (w->create_graph || w->marks || !tgi_is_empty(slot)) return NULL;
    tg_tensor *whole = whole_of(w, node);
    if (!whole) return NULL;
    return slot->grad = part_of(w, node, edge->output, whole);
}

bool tgi_is_placed(const tgi_walk *w, const tg_node *node, const tgi_slot_sum *slot)
{
    const tg_tensor *whole = slot_of_whole(w, node)->grad;
    return whole && slot->grad && slot->grad->storage == whole->storage;
}

/* What came from elsewhere (a hook, a product) is copied into its place; what nobody sent is zeros. */
tg_tensor *tgi_take_whole(tgi_walk *w, tg_node *node)
{
    tg_tensor *whole = slot_of_whole(w, node)->grad;
    for (int i = 0; whole && i < node->output_count; i++) {
        const tgi_slot_sum *slot = tgi_slot_of_output(w, node, i);
        if (tgi_is_placed(w, node, slot)) continue;
        tg_tensor *part = part_of(w, node, i, whole);
        const bool ok = part && tgi_engine->copy_(part, slot->grad) == TG_OK;
        tgi_unref(part);
        if (!ok) return NULL;
    }
    return whole;
}
