/* backward.c: the walk from a loss to the front of the tape.
 *
 * A walk has one slot for each output of each node it may pass, and one for each leaf it meets. It starts by putting
 * the loss's gradient into the loss's slot, then goes down the tape, index by index. A node whose slots are empty is
 * passed over. For any other the slots hold, when the walk arrives, the complete gradients of its outputs, because
 * everything that used those outputs came later on the tape. The node's op turns them into gradients of its inputs,
 * which are added into the slots further down. At the end the leaves' slots go to .grad.
 *
 * Slots belong to the walk, not to tensors: a backward inside a hook, a second loss on the same tape or a tensor
 * written in place since cannot mix their gradients up. Never: recursion, sorting, a second place that adds
 * gradients (but see chain.c for sums of products). */
#include "observe_impl.h"
#include "walk_impl.h"

#include <string.h>

/* ---- adding gradients ---- into slots: see walk_impl.h */

/* Of an output that is a part of a larger tensor, as split's are: its gradient belongs in that tensor's (parts.c). */
static inline bool is_part(const tgi_edge *edge)
{
    const tg_node *node = tgi_edge_node(edge);
    return node && node->op->part;
}

/* What the slot keeps of the first gradient: the tensor itself or, where it has a place, a copy there. A reference. */
static inline tg_tensor *place_for(tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *slot, tg_tensor *grad)
{
    return is_part(edge) ? tgi_put_in_place(w, edge, slot, grad) : tgi_ref_beside(w, grad);
}

/* Nobody else can see the sum so far. */
static inline bool is_unshared(const tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *slot)
{
    return tgi_is_private(slot->grad) || (is_part(edge) && tgi_is_placed(w, edge->to.node, slot));
}

/* Into a new tensor. */
__attribute__((noinline)) static bool add_apart(tgi_slot_sum *slot, tg_tensor *grad)
{
    tg_tensor *sum = tgi_own(tgi_engine->add(slot->grad, grad));
    if (!sum) return false;
    tgi_unref(slot->grad);
    slot->grad = sum;
    return true;
}

/* The only place where gradients are added. The first one is kept; the next is added to it in place, or, where others can
 * see it or the addition is recorded, apart. */
bool tgi_accumulate(tgi_walk *w, const tgi_edge *edge, tg_tensor *grad)
{
    tgi_slot_sum *slot = tgi_slot_of(w, edge);
    if (!slot) return false;
    if (!slot->grad) return (slot->grad = place_for(w, edge, slot, grad)) != NULL;
    if (w->create_graph || !is_unshared(w, edge, slot)) return add_apart(slot, grad);
    return tgi_engine->add_(slot->grad, grad) == TG_OK;
}

/* ---- beginning and ending ---- */

void tgi_walk_include(tgi_walk *w, const tgi_edge *edge)
{
    if (edge->output < 0) return;
    if (edge->to.node->index > w->high) w->high = edge->to.node->index;
    if (edge->to.node->low < w->low) w->low = edge->to.node->low;
}

bool tgi_walk_begin(tgi_walk *w)
{
    if (!tgi_engine) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, w->name, "tg_engine_use has not been called");
        return false;
    }
    if (tgi_self.observers && !tgi_walk_tell_begin(w)) return false;
    if (w->high < 0) return true;
    const tg_node *first = tgi_self.nodes[w->low], *last = tgi_self.nodes[w->high];
    w->first_slot = first->first_slot;
    w->slot_count = last->first_slot + tgi_slot_count(last) - w->first_slot;
    w->slots = tgi_alloc((size_t)w->slot_count * sizeof *w->slots);
    if (!w->slots) return false;
    memset(w->slots, 0, (size_t)w->slot_count * sizeof *w->slots);
    return true;
}

void tgi_walk_mark(tgi_walk *w, int32_t low, int32_t high)
{
    for (int32_t i = low; i <= high; i++) {
        const tg_node *node = tgi_self.nodes[i];
        for (int k = 0; k < node->input_count; k++)
            if (!tgi_unwanted(w, &tgi_inputs(node)[k])) w->marks[i - w->low] |= TGI_RUNS;
    }
}

/* Gives an array of the walk's room for more, all zeros. */
static bool widen(void *array, int64_t *count, int64_t needed, size_t size)
{
    const size_t there = (size_t)*count * size;
    if (!tgi_grow(array, count, needed, size)) return false;
    memset(*(char **)array + there, 0, (size_t)*count * size - there);
    return true;
}

bool tgi_walk_extend(tgi_walk *w, int32_t first)
{
    const int32_t high = (int32_t)tgi_self.node_count - 1;
    if (!widen(&w->slots, &w->slot_count, tgi_self.next_slot - w->first_slot, sizeof *w->slots)) return false;
    if (!w->marks) return true;
    if (!widen(&w->marks, &w->mark_count, high - w->low + 1, sizeof *w->marks)) return false;
    memset(w->marks + (first - w->low), 0, (size_t)(high - first + 1));
    tgi_walk_mark(w, first, high);
    return true;
}

bool tgi_walk_end(tgi_walk *w, bool ok)
{
    for (int64_t i = 0; i < w->slot_count && w->slots && !w->passed; i++) tgi_slot_empty(&w->slots[i]);
    if (w->slots) tgi_pool_free(tgi_self.pool, w->slots, (size_t)w->slot_count * sizeof *w->slots);
    tgi_leaves_free(w);
    if (w->marks) tgi_pool_free(tgi_self.pool, w->marks, (size_t)w->mark_count);
    return (!w->state || tgi_walk_tell_end(w, ok ? TG_OK : TG_FAILED)) && ok;
}

/* The gradient to start from: the one given, or a one. A reference, or NULL with an error recorded. */
static tg_tensor *first_gradient(const char *name, tg_tensor *output, tg_tensor *given)
{
    const tg_shape want = tgi_shape(output);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (given) {
        const tg_shape have = tgi_shape(given);
        if (tg_shape_equal(&want, &have) && given->dtype == output->dtype) return tgi_ref(given);
        return tg_fail_at(NULL, TG_ERROR_VALUE, name, "Mismatch in shape: the gradient has %s %s, the output %s %s",
                          tg_dtype_name((tg_dtype)given->dtype), tg_shape_text(&have, a),
                          tg_dtype_name((tg_dtype)output->dtype), tg_shape_text(&want, b));
    }
    if (output->numel != 1)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
                          "grad can be implicitly created only for scalar outputs, not for shape %s",
                          tg_shape_text(&want, a));
    return tgi_own(tgi_new_full(&want, (tg_dtype)output->dtype, 1.0));
}

bool tgi_walk_start(tgi_walk *w, const tgi_edge *edge, tg_tensor *output, tg_tensor *given)
{
    tg_tensor *grad = first_gradient(w->name, output, given);
    if (!grad) return false;
    const bool told = !w->state || tgi_walk_tell_edge(w, NULL, 0, edge, grad, NULL);
    const bool ok = told && (tgi_unwanted(w, edge) || tgi_accumulate(w, edge, grad));
    tgi_unref(grad);
    return ok;
}

/* ---- visiting a node ----
 *
 * Where `marks` is NULL, as in tg_backward, every node with a gradient runs. Under tg_grad only the marked ones do: see
 * mark in gradient.c. */

static bool check_node(const tgi_walk *w, const tg_node *node)
{
    if (node->spent) {
        tg_fail_at(
            NULL, TG_ERROR_AUTOGRAD, w->name,
            "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
            "freed): %s at %s. Specify .retain_graph = true if you need to backward through the graph a second time",
            node->op->name, tg_node_where(node));
        return false;
    }
    if (!node->op->backward || (w->create_graph && node->op->no_second_derivative)) {
        const char *why = node->op->backward ? node->op->no_second_derivative : node->op->gradient;
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name, "%s is not differentiable%s: %s", node->op->name,
                   node->op->backward ? " twice" : "", why ? why : "it has no backward");
        return false;
    }
    return true;
}

/* What a hook returns may be another part of the same whole, or the same part turned: that must be copied. */
static bool run_hooks(const tgi_walk *w, const tg_node *node, tgi_hook *const *hooks, tgi_slot_sum *slot)
{
    tg_tensor *before = tgi_ref(slot->grad);
    bool ok = tgi_run_hooks(hooks, &slot->grad);
    if (ok && slot->grad != before && node->op->part && tgi_is_placed(w, node, slot)) {
        tg_tensor *copy = tgi_own(tgi_engine->clone(slot->grad));
        if ((ok = copy != NULL)) {
            tgi_unref(slot->grad);
            slot->grad = copy;
        }
    }
    tgi_unref(before);
    return ok;
}

static bool is_captured(const tgi_walk *w, const tg_node *node, int output)
{
    for (int64_t i = 0; i < w->captured_count; i++)
        if (tgi_edge_node(&w->captured[i]) == node && w->captured[i].output == output) return true;
    return false;
}

/* A chain that goes on as it is, and that nobody wants to see. */
TG_RARE __attribute__((noinline)) static bool waits(const tgi_walk *w, const tg_node *node, int output)
{
    return node->op->passes_on && !tgi_outputs(node)[output].watch && !is_captured(w, node, output);
}

/* Completes the gradients of a node's outputs and shows them to whoever watches. */
static bool complete(const tgi_walk *w, tg_node *node, tgi_slot_sum *slots)
{
    for (int i = 0; i < node->output_count; i++) {
        const tgi_watch *watch = tgi_outputs(node)[i].watch;
        if (slots[i].chain && !waits(w, node, i) && !tgi_chain_flush(&slots[i])) return false;
        if (!watch || !slots[i].grad) continue;
        if (watch->hooks && !run_hooks(w, node, &watch->hooks, &slots[i])) return false;
        if (watch->retained && !tgi_accumulate_grad(w, watch->retained, &slots[i], false)) return false;
    }
    return true;
}

/* Captured outputs are still wanted after their node has run; all others give their memory back as the walk passes. */
static void empty_slots(const tgi_walk *w, const tg_node *node, tgi_slot_sum *slots)
{
    const bool captured = w->marks && w->marks[node->index - w->low] & TGI_CAPTURED;
    const int count = tgi_slot_count(node);
    for (int i = 0; i < count; i++)
        if (!captured || !is_captured(w, node, i)) tgi_slot_empty(&slots[i]);
}

static bool give_whole(tgi_walk *w, const tg_node *node, tg_tensor *whole)
{
    const tgi_edge *edge = tgi_inputs(node);
    return (!w->state || tgi_walk_tell_edge(w, node, 0, edge, whole, NULL)) && tgi_accumulate(w, edge, whole);
}

/* One node: completes the gradients of its outputs and, if `run`, calls its op's backward. Where tg_grad only asks for
 * the gradient of an output of this node, there is nothing to run. */
static bool visit(tgi_walk *w, tg_node *node, tgi_slot_sum *slots, bool run)
{
    tg_context ctx = { w, node };
    w->lent = NULL; /* what the node before did not hand back was never counted */
    w->lent_from = NULL;
    if (!complete(w, node, slots)) return false;
    if (w->state && !tgi_walk_tell_visit(w, node)) return false;
    if (!run) return true;
    if (!check_node(w, node)) return false;
    tg_tensor *whole = node->op->part ? tgi_take_whole(w, node) : NULL;
    if (whole) return give_whole(w, node, whole) && !tgi_self.error;
    if (node->op->part && tg_failed()) return false;
    if (node->op->backward_fused && !w->create_graph)
        node->op->backward_fused(&ctx);
    else
        node->op->backward(&ctx);
    return !(w->state & TGI_FAILED_WALK) && !tgi_self.error;
}

/* ---- the walk ---- */

static bool any(const tgi_slot_sum *slots, int count)
{
    for (int i = 0; i < count; i++)
        if (!tgi_is_empty(&slots[i])) return true;
    return false;
}

static inline bool runs(const tgi_walk *w, const tg_node *node)
{
    return !w->marks || w->marks[node->index - w->low] & TGI_RUNS;
}

/* The walk is at a node for which gradients have come. */
static bool pass(tgi_walk *w, tg_node *node, tgi_slot_sum *slots)
{
    const bool run = runs(w, node);
    tgi_self.grad_disabled = !w->create_graph; /* the node before, or a hook there, may have changed this */
    if (!w->create_graph) tgi_set_seen(false); /* and this, see tgi_run_hooks */
    if (!visit(w, node, slots, run)) return false;
    if (node->saved_count && run && !w->retain_graph && tgi_node_release_saved(node)) node->spent = 1;
    if (node->op->passes_on) slots = tgi_slot_of_output(w, node, 0); /* a walk that was extended has moved its slots */
    empty_slots(w, node, slots);
    return true;
}

/* The walk leaves a node, for which gradients had come or not. */
TG_RARE __attribute__((noinline)) static bool leave_watched(tgi_walk *w, const tg_node *node, bool passed)
{
    if (passed && runs(w, node) && !tgi_walk_tell_visited(w, node)) return false;
    return !(w->state & TGI_EARLY_LEAVES) || tgi_leaves_of_node(w, node);
}

/* One scope serves all nodes: what a node's backward made is dropped when it is done. */
bool tgi_walk_down(tgi_walk *w, int32_t high, int32_t low)
{
    tgi_thread *self = &tgi_self;
    const char *where = self->where;
    const tg_scope scope = tg_scope_begin_at(NULL);
    const int64_t handles = self->handle_count;
    bool ok = scope.depth >= 0;
    for (int32_t i = high; ok && i >= low; i--) {
        tg_node *node = self->nodes[i];
        if (i >= TGI_AHEAD) tgi_prefetch(self->nodes[i - TGI_AHEAD]);
        tgi_slot_sum *slots = tgi_slot_of_output(w, node, 0);
        const bool here = any(slots, node->output_count);
        if (here) {
            ok = pass(w, node, slots);
            self->where = where; /* the op may be a user's, whose backward has lines of its own */
            if (self->handle_count > handles || self->scope_count > scope.depth + 1) tgi_scope_empty(scope);
        }
        if (w->state && ok) ok = leave_watched(w, node, here);
    }
    if (scope.depth >= 0) tgi_scope_end_keeping_nodes(scope);
    return ok;
}

bool tgi_walk_hand_over(tgi_walk *w, const tg_node *node, int output, const tgi_edge *edge)
{
    if (tgi_is_empty(tgi_slot_of_output(w, node, output)) || tgi_unwanted(w, edge)) return true;
    tgi_slot_sum *to = tgi_slot_of(w, edge), *from = tgi_slot_of_output(w, node, output);
    if (!to || (w->state && !tgi_walk_tell_sum(w, edge, from))) return false;
    if (!tgi_is_empty(to) || is_part(edge) || is_captured(w, node, output))
        return tgi_chain_flush(from) && tgi_accumulate(w, edge, from->grad);
    *to = *from;
    *from = (tgi_slot_sum){ NULL, NULL };
    return true;
}

/* Those that have not been on the way. */
static bool complete_leaves(tgi_walk *w)
{
    bool ok = true;
    for (int64_t i = 0; ok && i < w->leaf_count; i++) ok = tgi_leaf_complete(w, i);
    return ok;
}

bool tgi_walk_run(tgi_walk *w)
{
    tgi_thread *self = &tgi_self;
    const int64_t outer_floor = self->scope_floor;
    const bool outer_disabled = self->grad_disabled;
    const bool outer_seen = tgi_set_seen(w->create_graph);
    self->scope_floor = self->scope_count;
    const bool walked = tgi_leaves_begin(w) && tgi_walk_down(w, w->high, w->low);
    w->passed = walked && !w->marks;
    tgi_set_seen(outer_seen);
    const bool ok = walked && complete_leaves(w);
    self->grad_disabled = outer_disabled;
    self->scope_floor = outer_floor;
    return ok;
}

/* ---- tg_backward ---- */

static bool give_to_leaves(tgi_walk *w)
{
    const bool outer_disabled = tgi_self.grad_disabled;
    bool ok = true;
    tg_set_grad_enabled(w->create_graph);
    for (int64_t i = 0; ok && i < w->leaf_count; i++)
        if (!tgi_is_empty(&w->leaves[i].sum)) ok = tgi_accumulate_grad(w, w->leaves[i].leaf, &w->leaves[i].sum, true);
    tgi_self.grad_disabled = outer_disabled;
    return ok;
}

tg_status tg_backward_at(const char *where, tg_tensor *tensor, tg_backward_options options)
{
    if (where) tgi_self.where = where;
    tgi_edge edge;
    if (tg_failed() || !tgi_handle_or_null("backward", options.gradient)) return TG_FAILED;
    if (!tgi_output_edge("backward", tensor, &edge)) return TG_FAILED;
    tgi_walk w = { .name = "backward", .low = INT32_MAX, .high = -1 };
    w.create_graph = options.create_graph;
    w.retain_graph = options.retain_graph || options.create_graph;
    w.roots = tg_list(tensor);
    tgi_walk_include(&w, &edge);
    const bool flushing = tgi_set_flushing(true);
    bool ok = tgi_walk_begin(&w) && tgi_walk_start(&w, &edge, tensor, options.gradient) && tgi_walk_run(&w) &&
              give_to_leaves(&w);
    ok = tgi_walk_end(&w, ok);
    tgi_set_flushing(flushing);
    return ok ? TG_OK : TG_FAILED;
}
