/* parts.c: gradients of parts, written where they belong.
 *
 * The outputs of a split are parts of one tensor, and so are their gradients: parts of its gradient. Had each a memory
 * of its own, all would wait until the walk arrives at the split and then be copied together. So the first gradient
 * that comes for a part makes the whole, and each is written, or at worst copied at once, into its place.
 *
 * A slot never holds what was not handed to the engine: a place that an op asked for is only lent, and counts when the
 * op hands it back (tg_set_grad_input). */
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
    return node->op->part(&ctx, i, whole);
}

/* Where the gradient at `edge` belongs, uninitialised; NULL: nowhere, or an error is pending. Under tg_grad an output's
 * gradient may be what the caller gets: it should not hold the memory of the whole. */
static tg_tensor *place_of(tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *slot)
{
    if (w->create_graph || w->marks || !tgi_is_empty(slot)) return NULL;
    tg_tensor *whole = whole_of(w, edge->to.node);
    return whole ? part_of(w, edge->to.node, edge->output, whole) : NULL;
}

/* One at a time: two inputs of a node may be the same part, and its place cannot hold two gradients. And all of one
 * whole, so that its memory is known. The walk holds no reference: the place lives in the scope of the node's visit. */
tg_tensor *tgi_lend_place(tgi_walk *w, const tgi_edge *edge)
{
    if (w->lent) return NULL;
    tgi_slot_sum *slot = tgi_slot_of_output(w, edge->to.node, edge->output);
    tg_tensor *place = place_of(w, edge, slot);
    if (!place || (w->lent_from && w->lent_from != place->storage)) return NULL;
    w->lent_slot = slot;
    w->lent_from = place->storage;
    return w->lent = place;
}

/* While a place is lent, another gradient for its slot must stay out of it; so must a view of the place. */
static tg_tensor *while_lent(tgi_walk *w, tg_tensor *grad)
{
    if (grad != w->lent) return tgi_ref_beside(w, grad);
    w->lent = NULL;
    return tgi_ref(grad);
}

tg_tensor *tgi_put_in_place(tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *slot, tg_tensor *grad)
{
    if (w->lent && w->lent_slot == slot) return while_lent(w, grad);
    tg_tensor *place = place_of(w, edge, slot);
    if (!place) return tg_failed() ? NULL : tgi_ref_beside(w, grad);
    return tgi_engine->copy_(place, grad) == TG_OK ? tgi_own(place) : NULL;
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
        if (!part || tgi_engine->copy_(part, slot->grad) != TG_OK) return NULL;
    }
    return whole;
}
