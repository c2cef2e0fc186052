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
#include "walk_impl.h"

#include <string.h>

const tg_engine_ops *tgi_engine;

void tg_engine_use(const tg_engine_ops *ops) { tgi_engine = ops; }

/* ---- slots ---- */

/* Threads may walk at the same time to a leaf that they share, so nothing is written in the leaf: each walk has a table. */
static uint64_t place_of_leaf(const tgi_walk *w, const tg_tensor *leaf)
{
    return (uint64_t)(uintptr_t)leaf * 0x9e3779b97f4a7c15u >> (64 - w->table_bits);
}

int64_t tgi_find_leaf(const tgi_walk *w, const tg_tensor *leaf)
{
    if (!w->leaf_table) return -1;
    const uint64_t mask = ((uint64_t)1 << w->table_bits) - 1;
    for (uint64_t i = place_of_leaf(w, leaf); w->leaf_table[i]; i = (i + 1) & mask)
        if (w->leaves[w->leaf_table[i] - 1].leaf == leaf) return w->leaf_table[i] - 1;
    return -1;
}

static void enter_leaf(tgi_walk *w, int64_t slot)
{
    const uint64_t mask = ((uint64_t)1 << w->table_bits) - 1;
    uint64_t i = place_of_leaf(w, w->leaves[slot].leaf);
    while (w->leaf_table[i]) i = (i + 1) & mask;
    w->leaf_table[i] = (int32_t)slot + 1;
}

static size_t table_bytes(const tgi_walk *w) { return sizeof *w->leaf_table << w->table_bits; }

static void free_table(const tgi_walk *w)
{
    if (w->leaf_table) tgi_pool_free(tgi_self.pool, w->leaf_table, table_bytes(w));
}

static bool grow_table(tgi_walk *w)
{
    tgi_walk larger = *w;
    larger.table_bits = w->leaf_table ? w->table_bits + 1 : 5;
    larger.leaf_table = tgi_alloc(table_bytes(&larger));
    if (!larger.leaf_table) return false;
    memset(larger.leaf_table, 0, table_bytes(&larger));
    for (int64_t slot = 0; slot < w->leaf_count; slot++) enter_leaf(&larger, slot);
    free_table(w);
    w->leaf_table = larger.leaf_table;
    w->table_bits = larger.table_bits;
    return true;
}

static int64_t add_leaf(tgi_walk *w, tg_tensor *leaf)
{
    if (w->leaf_count >= INT32_MAX - 1) {
        tg_fail_at(NULL, TG_ERROR_MEMORY, w->name, "more than 2^31 leaves");
        return -1;
    }
    if (!w->leaf_table || 2 * (w->leaf_count + 1) > (int64_t)1 << w->table_bits)
        if (!grow_table(w)) return -1;
    if (!tgi_grow(&w->leaves, &w->leaf_capacity, w->leaf_count + 1, sizeof *w->leaves)) return -1;
    w->leaves[w->leaf_count] = (tgi_leaf_slot){ .leaf = tgi_ref(leaf) };
    enter_leaf(w, w->leaf_count);
    return w->leaf_count++;
}

int64_t tgi_slot_of_leaf(tgi_walk *w, tg_tensor *leaf)
{
    if (leaf == w->last_leaf) return w->last_slot;
    int64_t slot = tgi_find_leaf(w, leaf);
    if (slot < 0 && (slot = add_leaf(w, leaf)) < 0) return -1;
    w->last_leaf = leaf;
    return w->last_slot = slot;
}

static tgi_slot_sum *slot_of(tgi_walk *w, const tgi_edge *edge)
{
    if (edge->output >= 0) return tgi_slot_of_output(w, edge->to.node, edge->output);
    const int64_t slot = tgi_slot_of_leaf(w, edge->to.leaf);
    return slot < 0 ? NULL : &w->leaves[slot].sum;
}

/* No input that tg_grad was asked about lies behind it, so a gradient there would be of no use. */
static inline bool unwanted(const tgi_walk *w, const tgi_edge *edge)
{
    if (edge->output == TGI_TO_NOWHERE) return true;
    if (!w->marks) return false;
    if (edge->output >= 0) return edge->to.node->index < w->low || !w->marks[edge->to.node->index - w->low];
    return tgi_find_leaf(w, edge->to.leaf) < 0;
}

bool tgi_unwanted(const tgi_walk *w, const tgi_edge *edge) { return unwanted(w, edge); }

/* The only place where gradients are added. What nobody else can see is added to in place. */
static bool accumulate(tgi_walk *w, const tgi_edge *edge, tgi_slot_sum *slot, tg_tensor *grad)
{
    const tg_node *parent = tgi_edge_node(edge);
    const bool parts = parent && parent->op->part;
    if (!slot->grad) {
        slot->grad = parts ? tgi_put_in_place(w, edge, slot, grad) : tgi_ref_beside(w, grad);
        return slot->grad != NULL;
    }
    const bool placed = parts && tgi_is_placed(w, parent, slot);
    if (!w->create_graph && (placed || tgi_is_private(slot->grad))) return tgi_engine->add_(slot->grad, grad) == TG_OK;
    tg_tensor *sum = tgi_own(tgi_engine->add(slot->grad, grad));
    if (!sum) return false;
    tgi_unref(slot->grad);
    slot->grad = sum;
    return true;
}

/* ---- what a backward function may ask ---- */

/* Only a backward function has a context, lent by the walk that calls it. Of what users pass elsewhere only NULL can be
 * told apart from one. */
TG_RARE static bool fail_context(void)
{
    tg_fail_at(NULL, TG_ERROR_NULL, "backward", "the context is NULL: it is what a backward function is handed");
    return false;
}
static inline bool has_context(const tg_context *ctx) { return ctx || fail_context(); }

const tg_op *tg_context_op(const tg_context *ctx) { return has_context(ctx) ? ctx->node->op : NULL; }
int tg_input_count(const tg_context *ctx) { return has_context(ctx) ? ctx->node->input_count : 0; }
int tg_output_count(const tg_context *ctx) { return has_context(ctx) ? ctx->node->output_count : 0; }

const void *tg_attributes(const tg_context *ctx)
{
    return has_context(ctx) ? (const char *)ctx->node + ctx->node->attributes_at : NULL;
}

static inline bool needs_input_grad(const tg_context *ctx, int i)
{
    return i >= 0 && i < ctx->node->input_count && !unwanted(ctx->walk, &tgi_inputs(ctx->node)[i]);
}

int64_t tg_output_size(const tg_context *ctx, int i, int dim)
{
    if (!has_context(ctx)) return 0;
    const tg_node *node = ctx->node;
    if (i < 0 || i >= node->output_count || dim < 0 || dim >= tgi_outputs(node)[i].ndim) return 0;
    return tgi_outputs(node)[i].dims[dim];
}

bool tg_needs_input_grad(const tg_context *ctx, int i) { return has_context(ctx) && needs_input_grad(ctx, i); }

tg_shape tg_input_shape(const tg_context *ctx, int i)
{
    if (!tg_needs_input_grad(ctx, i)) return tg_shape();
    const tgi_target target = tgi_target_of(&tgi_inputs(ctx->node)[i]);
    return tgi_target_shape(&target);
}

tg_tensor *tg_grad_output(tg_context *ctx, int i)
{
    if (!has_context(ctx)) return NULL;
    if (i < 0 || i >= ctx->node->output_count)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name, "backward asks for the gradient of output %d",
                          i);
    tg_tensor *grad = tgi_slot_of_output(ctx->walk, ctx->node, i)->grad;
    if (grad) return grad;
    const tg_shape shape = tg_node_output_shape(ctx->node, i);
    return tgi_new_full(&shape, (tg_dtype)tgi_outputs(ctx->node)[i].dtype, 0.0);
}

tg_tensor *tg_saved(tg_context *ctx, int i)
{
    if (!has_context(ctx)) return NULL;
    const tg_node *node = ctx->node;
    const tgi_saved *saved = tgi_saved_of(node);
    if (i < 0 || i >= node->saved_count || !saved[i].tensor)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                          "backward asks for saved tensor %d, which was not saved", i);
    tg_tensor *t = saved[i].tensor;
    if (t->storage->version == saved[i].version) return t;
    return tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, node->op->name,
        "one of the variables needed for gradient computation has been modified by an inplace operation: it was used "
        "by %s at %s when at version %lld, and written at %s (now at version %lld)",
        node->op->name, tg_node_where(node), (long long)saved[i].version,
        t->storage->written_at ? t->storage->written_at : "an unknown place", (long long)t->storage->version);
}

static inline bool fits(const tgi_edge *edge, const tg_tensor *grad)
{
    const tgi_target want = tgi_target_of(edge);
    if (want.dtype != (tg_dtype)grad->dtype || want.ndim != grad->ndim) return false;
    for (int d = 0; d < want.ndim; d++)
        if (want.dims[d] != grad->dims[d]) return false;
    return true;
}

/* Brings a gradient to its input's shape. NULL, with an error recorded, when that is no broadcasting undone. */
static tg_tensor *fit(const tg_node *node, int i, tg_tensor *grad)
{
    const tgi_target target = tgi_target_of(&tgi_inputs(node)[i]);
    const tg_shape want = tgi_target_shape(&target), have = tgi_shape(grad);
    tg_shape common;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if ((tg_dtype)grad->dtype != target.dtype)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                          "backward returned a %s gradient for input %d, which is %s",
                          tg_dtype_name((tg_dtype)grad->dtype), i, tg_dtype_name(target.dtype));
    if (tg_shape_broadcast(&want, &have, &common) && tg_shape_equal(&common, &have))
        return tgi_engine->sum_to(grad, &want);
    return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                      "backward returned a gradient of shape %s for input %d of shape %s", tg_shape_text(&have, a), i,
                      tg_shape_text(&want, b));
}

static void fail_of_input(const tg_context *ctx, int i)
{
    ctx->walk->failed = true;
    if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name, "backward returned NULL for input %d", i);
}

TG_RARE static void refuse_grad(const tg_context *ctx, const tg_tensor *grad)
{
    if (has_context(ctx)) tgi_fail_handle(ctx->node->op->name, 0, grad);
}

/* A NULL gradient is a failure that has been recorded; "no gradient" is not calling at all. */
void tg_set_grad_input(tg_context *ctx, int i, tg_tensor *grad)
{
    if (!ctx || (grad && grad->alive != TGI_ALIVE)) {
        refuse_grad(ctx, grad);
        return;
    }
    if (ctx->walk->failed || !needs_input_grad(ctx, i)) return;
    if (grad && !fits(&tgi_inputs(ctx->node)[i], grad)) grad = fit(ctx->node, i, grad);
    tgi_slot_sum *slot = grad ? slot_of(ctx->walk, &tgi_inputs(ctx->node)[i]) : NULL;
    if (!slot || !accumulate(ctx->walk, &tgi_inputs(ctx->node)[i], slot, grad)) fail_of_input(ctx, i);
}

tg_tensor *tg_grad_place(tg_context *ctx, int i)
{
    if (!has_context(ctx) || ctx->walk->failed || !needs_input_grad(ctx, i)) return NULL;
    const tgi_edge *edge = &tgi_inputs(ctx->node)[i];
    return edge->output >= 0 && edge->to.node->op->part ? tgi_lend_place(ctx->walk, edge) : NULL;
}

static bool is_factor(const tg_tensor *t, tg_dtype dtype) { return t->ndim == 2 && (tg_dtype)t->dtype == dtype; }

/* The product of two matrices that fit together has as many columns as the target has in its last dimension. */
static bool product_fits(const tgi_target *target, const tg_product *p)
{
    int64_t numel = 1;
    for (int d = 0; d < target->ndim; d++) numel *= target->dims[d];
    if (!is_factor(p->a, target->dtype)) return false;
    const int64_t m = p->a->dims[p->transpose_a], k = p->a->dims[!p->transpose_a];
    if (!p->b) return target->ndim == 1 && m == numel;
    if (!is_factor(p->b, target->dtype) || target->ndim < 2 || p->b->dims[p->transpose_b] != k) return false;
    const int64_t n = p->b->dims[!p->transpose_b];
    return target->dims[target->ndim - 1] == n && m * n == numel;
}

static bool fail_product(const tg_context *ctx, int i, const tgi_target *target, const tg_product *p)
{
    const tg_shape want = tgi_target_shape(target), a = tgi_shape(p->a), b = p->b ? tgi_shape(p->b) : tg_shape();
    char texts[3][TG_SHAPE_TEXT];
    tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name,
               "backward returned a product of %s and %s for input %d of shape %s%s", tg_shape_text(&a, texts[0]),
               p->b ? tg_shape_text(&b, texts[1]) : "ones", i, tg_shape_text(&want, texts[2]),
               ctx->walk->create_graph ? " under create_graph, where gradients must be evaluated" : "");
    return false;
}

/* As above, a factor that is NULL while an error is pending is a failure; b may be left out otherwise. */
void tg_set_grad_input_product(tg_context *ctx, int i, tg_product product)
{
    if (!has_context(ctx)) return;
    tgi_walk *w = ctx->walk;
    const char *name = ctx->node->op->name;
    if (!tgi_handle_or_null(name, product.a) || !tgi_handle_or_null(name, product.b)) return;
    if (w->failed || !needs_input_grad(ctx, i)) return;
    const tgi_edge *edge = &tgi_inputs(ctx->node)[i];
    const tgi_target target = tgi_target_of(edge);
    if (product.a && tgi_is_lent(w, product.a)) product.a = tgi_engine->clone(product.a);
    if (product.b && tgi_is_lent(w, product.b)) product.b = tgi_engine->clone(product.b);
    bool ok = product.a && tg_optional_ok(product.b);
    if (ok && (w->create_graph || !tgi_engine->add_products || !product_fits(&target, &product)))
        ok = fail_product(ctx, i, &target, &product);
    tgi_slot_sum *slot = ok ? slot_of(w, edge) : NULL;
    if (!slot || !tgi_chain_add(slot, edge, ctx->node, &product)) fail_of_input(ctx, i);
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
    if (w->high < 0) return true;
    const tg_node *first = tgi_self.nodes[w->low], *last = tgi_self.nodes[w->high];
    w->first_slot = first->first_slot;
    w->slot_count = last->first_slot + tgi_slot_count(last) - w->first_slot;
    w->slots = tgi_alloc((size_t)w->slot_count * sizeof *w->slots);
    if (!w->slots) return false;
    memset(w->slots, 0, (size_t)w->slot_count * sizeof *w->slots);
    return true;
}

static void empty(tgi_slot_sum *slot)
{
    tgi_unref(slot->grad);
    slot->grad = NULL;
    if (slot->chain) tgi_chain_drop(slot);
}

void tgi_walk_end(tgi_walk *w)
{
    for (int64_t i = 0; i < w->slot_count && w->slots && !w->passed; i++) empty(&w->slots[i]);
    if (w->slots) tgi_pool_free(tgi_self.pool, w->slots, (size_t)w->slot_count * sizeof *w->slots);
    for (int64_t i = 0; i < w->leaf_count; i++) {
        tgi_leaf_slot *slot = &w->leaves[i];
        empty(&slot->sum);
        tgi_unref(slot->leaf);
    }
    tgi_grow_free(w->leaves, w->leaf_capacity, sizeof *w->leaves);
    free_table(w);
    if (w->marks) tgi_pool_free(tgi_self.pool, w->marks, w->high < 0 ? 1 : (size_t)(w->high - w->low) + 1);
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
    bool ok = true;
    if (!tgi_unwanted(w, edge)) {
        tgi_slot_sum *slot = slot_of(w, edge);
        ok = slot && accumulate(w, edge, slot, grad);
    }
    tgi_unref(grad);
    return ok;
}

/* ---- walking ---- */

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
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name, "%s is not differentiable%s: %s", node->op->name,
                   node->op->backward ? " twice" : "",
                   node->op->backward ? node->op->no_second_derivative : node->op->gradient);
        return false;
    }
    return true;
}

/* Adds the slot's gradient into the .grad of `t`; hands it over when it is private to the slot. */
static bool accumulate_grad(const tgi_walk *w, tg_tensor *t, tgi_slot_sum *slot, bool hand_over)
{
    tgi_extra *extra = tgi_extra_of(t);
    if (!extra) return false;
    tg_tensor *old = extra->grad, *result;
    if (old && !w->create_graph && old->contiguous) {
        if (tgi_chain_reads(slot, old->storage) && !tgi_chain_flush(slot)) return false;
        tg_bump_version(old);
        if (slot->chain && !slot->grad) return tgi_chain_flush_into(slot, old);
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

/* Completes the gradients of a node's outputs and shows them to whoever watches. */
static bool complete(const tgi_walk *w, tg_node *node, tgi_slot_sum *slots)
{
    for (int i = 0; i < node->output_count; i++) {
        if (slots[i].chain && !tgi_chain_flush(&slots[i])) return false;
        const tgi_watch *watch = tgi_outputs(node)[i].watch;
        if (!watch || !slots[i].grad) continue;
        if (watch->hooks && !run_hooks(w, node, &watch->hooks, &slots[i])) return false;
        if (watch->retained && !accumulate_grad(w, watch->retained, &slots[i], false)) return false;
    }
    return true;
}

static bool is_captured(const tgi_walk *w, const tg_node *node, int output)
{
    for (int64_t i = 0; i < w->captured_count; i++)
        if (tgi_edge_node(&w->captured[i]) == node && w->captured[i].output == output) return true;
    return false;
}

/* Captured outputs are still wanted after their node has run; all others give their memory back as the walk passes. */
static void empty_slots(const tgi_walk *w, const tg_node *node, tgi_slot_sum *slots)
{
    const bool captured = w->marks && w->marks[node->index - w->low] & TGI_CAPTURED;
    for (int i = 0; i < tgi_slot_count(node); i++)
        if (!captured || !is_captured(w, node, i)) empty(&slots[i]);
}

/* One node: completes the gradients of its outputs and, if `run`, calls its op's backward. Where tg_grad only asks for
 * the gradient of an output of this node, there is nothing to run. */
static bool visit(tgi_walk *w, tg_node *node, tgi_slot_sum *slots, bool run)
{
    tg_context ctx = { w, node };
    w->lent = NULL; /* what the node before did not hand back was never counted */
    w->lent_from = NULL;
    if (!complete(w, node, slots)) return false;
    if (!run) return true;
    if (!check_node(w, node)) return false;
    tg_tensor *whole = node->op->part ? tgi_take_whole(w, node) : NULL;
    if (whole)
        tg_set_grad_input(&ctx, 0, whole);
    else if (node->op->part && tg_failed())
        return false;
    else if (node->op->backward_fused && !w->create_graph)
        node->op->backward_fused(&ctx);
    else
        node->op->backward(&ctx);
    return !w->failed && !tgi_self.error;
}

static bool any(const tgi_slot_sum *slots, int count)
{
    for (int i = 0; i < count; i++)
        if (!tgi_is_empty(&slots[i])) return true;
    return false;
}

/* One scope serves all nodes: what a node's backward made is dropped when it is done. */
static bool walk_nodes(tgi_walk *w)
{
    tgi_thread *self = &tgi_self;
    const char *where = self->where;
    const tg_scope scope = tg_scope_begin_at(NULL);
    const int64_t handles = self->handle_count;
    tgi_set_seen(w->create_graph); /* and again for each node: its hooks are the user's */
    tgi_pool *const rests_in = self->rests_in;
    bool ok = scope.depth >= 0;
    for (int32_t i = w->high; ok && i >= w->low; i--) {
        tg_node *node = self->nodes[i];
        if (i >= TGI_AHEAD) tgi_prefetch(self->nodes[i - TGI_AHEAD]);
        tgi_slot_sum *slots = tgi_slot_of_output(w, node, 0);
        if (!any(slots, node->output_count)) continue;
        const bool run = !w->marks || w->marks[i - w->low] & TGI_RUNS;
        self->grad_disabled = !w->create_graph; /* the node before, or a hook there, may have changed this */
        self->rests_in = rests_in;              /* and this, see tgi_run_hooks */
        ok = visit(w, node, slots, run);
        self->where = where; /* a hook may have set its own */
        if (self->handle_count > handles || self->scope_count > scope.depth + 1) tgi_scope_empty(scope);
        if (!ok) break;
        if (node->saved_count && run && !w->retain_graph && tgi_node_release_saved(node)) node->spent = true;
        empty_slots(w, node, slots);
    }
    if (scope.depth >= 0) tgi_scope_end_keeping_nodes(scope);
    w->passed = ok && !w->marks;
    return ok;
}

static bool run_leaf_hooks(tgi_walk *w)
{
    bool ok = true;
    const char *where = tgi_self.where;
    for (int64_t i = 0; ok && i < w->leaf_count; i++) {
        tgi_leaf_slot *slot = &w->leaves[i];
        const tgi_extra *extra = __atomic_load_n(&slot->leaf->extra, __ATOMIC_ACQUIRE);
        if (!extra || !extra->hooks || tgi_is_empty(&slot->sum)) continue;
        const tg_scope scope = tg_scope_begin_at(NULL);
        if (scope.depth < 0) return false;
        tg_set_grad_enabled(w->create_graph);
        ok = tgi_chain_flush(&slot->sum) && tgi_run_hooks(&extra->hooks, &slot->sum.grad);
        tgi_scope_end_keeping_nodes(scope);
        tgi_self.where = where;
    }
    return ok;
}

bool tgi_walk_run(tgi_walk *w)
{
    tgi_thread *self = &tgi_self;
    const int64_t outer_floor = self->scope_floor;
    const bool outer_disabled = self->grad_disabled;
    const bool outer_seen = self->rests_in != NULL;
    self->scope_floor = self->scope_count;
    const bool walked = walk_nodes(w);
    tgi_set_seen(outer_seen);
    const bool ok = walked && run_leaf_hooks(w);
    self->grad_disabled = outer_disabled;
    self->scope_floor = outer_floor;
    return ok;
}

/* ---- tg_backward ---- */

bool tgi_output_edge(const char *name, tg_tensor *output, tgi_edge *edge)
{
    if (!tgi_handle_ok(name, output)) return false;
    if (!tgi_tracked(output)) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
                   "the tensor made at %s does not require grad and does not have a grad_fn",
                   output->where ? output->where : "an unknown place");
        return false;
    }
    return tgi_check_stale(output, name) && tgi_edge_to(output, name, edge);
}

static bool give_to_leaves(tgi_walk *w)
{
    const bool outer_disabled = tgi_self.grad_disabled;
    bool ok = true;
    tg_set_grad_enabled(w->create_graph);
    for (int64_t i = 0; ok && i < w->leaf_count; i++)
        if (!tgi_is_empty(&w->leaves[i].sum)) ok = accumulate_grad(w, w->leaves[i].leaf, &w->leaves[i].sum, true);
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
    tgi_walk_include(&w, &edge);
    const bool flushing = tgi_set_flushing(true);
    const bool ok = tgi_walk_begin(&w) && tgi_walk_start(&w, &edge, tensor, options.gradient) && tgi_walk_run(&w) &&
                    give_to_leaves(&w);
    tgi_walk_end(&w);
    tgi_set_flushing(flushing);
    return ok ? TG_OK : TG_FAILED;
}
