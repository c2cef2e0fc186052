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
 * gradients. */
#include "tape_impl.h"
#include "thread.h"

#include <string.h>

typedef struct leaf_slot {
    tg_tensor *leaf;  /* a reference */
    tg_tensor *grad;  /* a reference; NULL until something arrives */
    void *outer_walk; /* what the leaf's state said before this walk */
    int64_t outer_slot;
} leaf_slot;

enum { RUNS = 1, CAPTURED = 2 };

typedef struct walk {
    const char *name;  /* "backward" or "grad", for errors */
    tg_tensor **slots; /* references; indexed by slot - first_slot */
    int64_t slot_count, first_slot;
    int32_t low, high; /* the nodes it passes */
    leaf_slot *leaves;
    int64_t leaf_count, leaf_capacity;
    bool create_graph, retain_graph;
    uint8_t *marks;           /* tg_grad: for each node from low to high, RUNS | CAPTURED; NULL: all run */
    const tgi_edge *captured; /* tg_grad: the inputs it was asked about */
    int64_t captured_count;
    bool failed;
} walk;

struct tg_context {
    walk *walk;
    tg_node *node;
};

static const tg_engine_ops *engine;

void tg_engine_use(const tg_engine_ops *ops) { engine = ops; }

/* ---- slots ---- */

/* The leaf's state, made if need be; NULL with an error pending. */
static tgi_leaf_state *leaf_state(tg_tensor *t)
{
    if (!t->leaf) t->leaf = tgi_calloc(sizeof *t->leaf);
    return t->leaf;
}

/* The leaf's slot in this walk, made at first use; -1 on failure. No table to search: the leaf remembers. */
static int64_t slot_of_leaf(walk *w, tg_tensor *leaf)
{
    tgi_leaf_state *state = leaf_state(leaf);
    if (!state) return -1;
    if (state->walk == w) return state->slot;
    if (!tgi_grow(&w->leaves, &w->leaf_capacity, w->leaf_count + 1, sizeof *w->leaves)) return -1;
    w->leaves[w->leaf_count] = (leaf_slot){ tgi_ref(leaf), NULL, state->walk, state->slot };
    state->walk = w;
    state->slot = w->leaf_count;
    return w->leaf_count++;
}

static tg_tensor **slot_of(walk *w, const tgi_edge *edge)
{
    if (edge->node) return &w->slots[edge->node->first_slot + edge->output - w->first_slot];
    int64_t slot = slot_of_leaf(w, edge->leaf);
    return slot < 0 ? NULL : &w->leaves[slot].grad;
}

/* True when tg_grad has no use for a gradient at this edge: no input that was asked about lies behind it. So nothing is
 * computed in vain, and threads that share weights do not meet there. */
static bool unwanted(const walk *w, const tgi_edge *edge)
{
    if (!w->marks) return false;
    if (edge->node) return edge->node->index < w->low || !w->marks[edge->node->index - w->low];
    return !(edge->leaf && edge->leaf->leaf && edge->leaf->leaf->walk == w);
}

/* True when nobody but the slot can see this memory, so that it may be added to in place. */
static bool is_private(const tg_tensor *t) { return t->refs == 1 && t->storage->refs == 1 && tg_is_contiguous(t); }

/* The only place where gradients are added. */
static bool accumulate(walk *w, tg_tensor **slot, tg_tensor *grad)
{
    if (!*slot) {
        *slot = tgi_ref(grad);
        return true;
    }
    if (!w->create_graph && is_private(*slot)) return engine->add_(*slot, grad) == TG_OK;
    tg_tensor *sum = tgi_own(engine->add(*slot, grad));
    if (!sum) return false;
    tgi_unref(*slot);
    *slot = sum;
    return true;
}

/* ---- what a backward function may ask ---- */

const tg_op *tg_context_op(const tg_context *ctx) { return ctx->node->op; }
const void *tg_attributes(const tg_context *ctx) { return ctx->node->attributes; }
int tg_input_count(const tg_context *ctx) { return ctx->node->input_count; }
int tg_output_count(const tg_context *ctx) { return ctx->node->output_count; }

bool tg_needs_input_grad(const tg_context *ctx, int i)
{
    const tg_node *node = ctx->node;
    return i >= 0 && i < node->input_count && (node->inputs[i].node || node->inputs[i].leaf) &&
           !unwanted(ctx->walk, &node->inputs[i]);
}

static tg_shape edge_shape(const tgi_edge *edge, tg_dtype *dtype)
{
    if (edge->leaf) {
        *dtype = (tg_dtype)edge->leaf->dtype;
        return tgi_shape(edge->leaf);
    }
    *dtype = (tg_dtype)edge->node->outputs[edge->output].dtype;
    return tg_node_output_shape(edge->node, edge->output);
}

tg_shape tg_input_shape(const tg_context *ctx, int i)
{
    tg_dtype dtype;
    if (!tg_needs_input_grad(ctx, i)) return tg_shape();
    return edge_shape(&ctx->node->inputs[i], &dtype);
}

tg_tensor *tg_grad_output(tg_context *ctx, int i)
{
    if (i < 0 || i >= ctx->node->output_count)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name, "backward asks for the gradient of output %d",
                          i);
    const tgi_output *output = &ctx->node->outputs[i];
    tg_tensor *grad = ctx->walk->slots[ctx->node->first_slot + i - ctx->walk->first_slot];
    if (grad) return grad;
    const tg_shape shape = tg_node_output_shape(ctx->node, i);
    return tgi_new_full(&shape, (tg_dtype)output->dtype, 0.0);
}

tg_tensor *tg_saved(tg_context *ctx, int i)
{
    const tg_node *node = ctx->node;
    if (i < 0 || i >= node->saved_count || !node->saved[i].tensor)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                          "backward asks for saved tensor %d, which was not saved", i);
    tg_tensor *t = node->saved[i].tensor;
    if (t->storage->version == node->saved[i].version) return t;
    return tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, node->op->name,
        "one of the variables needed for gradient computation has been modified by an inplace operation: it was used "
        "by %s at %s when at version %lld, and written at %s (now at version %lld)",
        node->op->name, tg_node_where(node), (long long)node->saved[i].version,
        t->storage->written_at ? t->storage->written_at : "an unknown place", (long long)t->storage->version);
}

/* Brings a gradient to its input's shape. NULL, with an error recorded, when that is no broadcasting undone. */
static tg_tensor *fit(const tg_node *node, int i, tg_tensor *grad)
{
    tg_dtype dtype;
    const tg_shape want = edge_shape(&node->inputs[i], &dtype), have = tgi_shape(grad);
    tg_shape common;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (grad->dtype != dtype)
        return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                          "backward returned a %s gradient for input %d, which is %s",
                          tg_dtype_name((tg_dtype)grad->dtype), i, tg_dtype_name(dtype));
    if (tg_shape_equal(&want, &have)) return grad;
    if (tg_shape_broadcast(&want, &have, &common) && tg_shape_equal(&common, &have)) return engine->sum_to(grad, &want);
    return tg_fail_at(NULL, TG_ERROR_AUTOGRAD, node->op->name,
                      "backward returned a gradient of shape %s for input %d of shape %s", tg_shape_text(&have, a), i,
                      tg_shape_text(&want, b));
}

/* A NULL gradient is a failure that has been recorded; "no gradient" is not calling at all. */
void tg_set_grad_input(tg_context *ctx, int i, tg_tensor *grad)
{
    walk *w = ctx->walk;
    if (w->failed || !tg_needs_input_grad(ctx, i)) return;
    if (grad) grad = fit(ctx->node, i, grad);
    tg_tensor **slot = grad ? slot_of(w, &ctx->node->inputs[i]) : NULL;
    if (slot && accumulate(w, slot, grad)) return;
    w->failed = true;
    if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, ctx->node->op->name, "backward returned NULL for input %d", i);
}

/* ---- hooks ---- */

/* Numbers grow along a list. */
static tgi_hook *hook_after(tgi_hook *hook, int64_t number)
{
    while (hook && hook->number <= number) hook = hook->next;
    return hook;
}

/* Each hook may replace the gradient in `slot`, and remove any hook: the list is read anew after each. */
static bool run_hooks(tgi_hook *const *hooks, tg_tensor **slot)
{
    int64_t number = -1;
    for (tgi_hook *hook; (hook = hook_after(*hooks, number));) {
        number = hook->number;
        tg_tensor *replaced = hook->function(*slot, hook->context);
        if (tg_failed()) return false;
        if (!replaced || replaced == *slot) continue;
        const tg_shape have = tgi_shape(replaced), want = tgi_shape(*slot);
        if (replaced->dtype != (*slot)->dtype || !tg_shape_equal(&have, &want)) {
            tg_fail_at(NULL, TG_ERROR_AUTOGRAD, "hook", "a hook returned a gradient of another shape or dtype");
            return false;
        }
        tgi_ref(replaced);
        tgi_unref(*slot);
        *slot = replaced;
    }
    return true;
}

/* Adds `grad` into the .grad of `t`; takes it over when it is private to the slot. */
static bool accumulate_grad(walk *w, tg_tensor *t, tg_tensor **slot, bool take_over)
{
    tg_tensor *grad = *slot;
    if (t->grad && !w->create_graph && tg_is_contiguous(t->grad)) {
        tg_bump_version(t->grad);
        return engine->add_(t->grad, grad) == TG_OK;
    }
    tg_tensor *result;
    if (t->grad)
        result = tgi_own(engine->add(t->grad, grad));
    else if (take_over && !w->create_graph && is_private(grad))
        result = tgi_ref(grad);
    else
        result = tgi_own(engine->clone(grad));
    if (!result) return false;
    tgi_unref(t->grad);
    t->grad = result;
    return true;
}

/* ---- the walk ---- */

static void include(walk *w, const tgi_edge *edge)
{
    if (!edge->node) return;
    if (edge->node->index > w->high) w->high = edge->node->index;
    if (edge->node->low < w->low) w->low = edge->node->low;
}

static bool walk_begin(walk *w)
{
    if (!engine) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, w->name, "tg_engine_use has not been called");
        return false;
    }
    if (w->high < 0) return true;
    const tg_node *first = tgi_self.nodes[w->low], *last = tgi_self.nodes[w->high];
    w->first_slot = first->first_slot;
    w->slot_count = last->first_slot + last->output_count - w->first_slot;
    w->slots = tgi_pool_alloc(tgi_pool_of_thread(), (size_t)w->slot_count * sizeof *w->slots);
    if (!w->slots) return false;
    memset(w->slots, 0, (size_t)w->slot_count * sizeof *w->slots);
    return true;
}

static void walk_end(walk *w)
{
    for (int64_t i = 0; i < w->slot_count && w->slots; i++) tgi_unref(w->slots[i]);
    if (w->slots) tgi_pool_free(tgi_self.pool, w->slots, (size_t)w->slot_count * sizeof *w->slots);
    for (int64_t i = 0; i < w->leaf_count; i++) {
        leaf_slot *slot = &w->leaves[i];
        slot->leaf->leaf->walk = slot->outer_walk;
        slot->leaf->leaf->slot = slot->outer_slot;
        tgi_unref(slot->grad);
        tgi_unref(slot->leaf);
    }
    tgi_grow_free(w->leaves, w->leaf_capacity, sizeof *w->leaves);
    if (w->marks) tgi_pool_free(tgi_self.pool, w->marks, w->high < 0 ? 1 : (size_t)(w->high - w->low) + 1);
}

static bool check_node(walk *w, const tg_node *node)
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

static bool run_output_hooks(walk *w, tg_node *node, tg_tensor **slots)
{
    for (int i = 0; i < node->output_count; i++) {
        tgi_output *output = &node->outputs[i];
        if (!slots[i]) continue;
        if (output->hooks && !run_hooks(&output->hooks, &slots[i])) return false;
        if (output->retained && !accumulate_grad(w, output->retained, &slots[i], false)) return false;
    }
    return true;
}

static bool any(tg_tensor *const *slots, int count)
{
    for (int i = 0; i < count; i++)
        if (slots[i]) return true;
    return false;
}

/* One node: hooks, its op's backward, and away with what is no longer needed. `run` is false where the walk only wanted
 * to arrive. */
static bool visit(walk *w, tg_node *node, bool run)
{
    tg_tensor **slots = &w->slots[node->first_slot - w->first_slot];
    if (!any(slots, node->output_count)) return true;
    tg_scope scope = tg_scope_begin_at(NULL);
    if (scope.depth < 0) return false;
    tg_set_grad_enabled(w->create_graph);
    tg_context ctx = { w, node };
    bool ok = run_output_hooks(w, node, slots);
    if (ok && run) {
        ok = check_node(w, node);
        if (ok) {
            if (node->op->backward_fused && !w->create_graph)
                node->op->backward_fused(&ctx);
            else
                node->op->backward(&ctx);
            ok = !w->failed && !tg_failed();
        }
    }
    tgi_scope_end_keeping_nodes(scope);
    if (ok && run && !w->retain_graph && tgi_node_release_saved(node)) node->spent = true;
    return ok;
}

static bool is_captured(const walk *w, const tg_node *node, int output)
{
    for (int64_t i = 0; i < w->captured_count; i++)
        if (w->captured[i].node == node && w->captured[i].output == output) return true;
    return false;
}

/* Captured outputs are still wanted after their node has run; all others give their memory back as the walk passes. */
static void empty_slots(walk *w, const tg_node *node)
{
    const bool captured = w->marks && w->marks[node->index - w->low] & CAPTURED;
    for (int i = 0; i < node->output_count; i++) {
        if (captured && is_captured(w, node, i)) continue;
        tg_tensor **slot = &w->slots[node->first_slot + i - w->first_slot];
        tgi_unref(*slot);
        *slot = NULL;
    }
}

static bool walk_run(walk *w)
{
    tgi_thread *self = &tgi_self;
    const int64_t outer_floor = self->scope_floor;
    const bool outer_disabled = self->grad_disabled;
    const char *where = self->where;
    self->scope_floor = self->scope_count;
    bool ok = true;
    for (int32_t i = w->high; ok && i >= w->low; i--) {
        tg_node *node = self->nodes[i];
        ok = visit(w, node, !w->marks || w->marks[i - w->low] & RUNS);
        self->where = where; /* a hook may have set its own */
        if (ok) empty_slots(w, node);
    }
    self->grad_disabled = outer_disabled;
    self->scope_floor = outer_floor;
    return ok;
}

static bool run_leaf_hooks(walk *w)
{
    bool ok = true;
    const int64_t outer_floor = tgi_self.scope_floor;
    const char *where = tgi_self.where;
    tgi_self.scope_floor = tgi_self.scope_count;
    for (int64_t i = 0; ok && i < w->leaf_count; i++) {
        tgi_hook *const *hooks = &w->leaves[i].leaf->leaf->hooks;
        if (!*hooks || !w->leaves[i].grad) continue;
        tg_scope scope = tg_scope_begin_at(NULL);
        ok = scope.depth >= 0;
        if (!ok) break;
        tg_set_grad_enabled(w->create_graph);
        ok = run_hooks(hooks, &w->leaves[i].grad);
        tgi_scope_end_keeping_nodes(scope);
        tgi_self.where = where;
    }
    tgi_self.scope_floor = outer_floor;
    return ok;
}

/* ---- tg_backward ---- */

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

static bool usable(const char *name, const tg_tensor *t)
{
    if (!t && !tg_failed()) tg_fail_at(NULL, TG_ERROR_NULL, name, "the tensor is NULL");
    if (t && t->alive != TGI_ALIVE) tg_fail_at(NULL, TG_ERROR_VALUE, name, "the tensor was freed when its scope ended");
    return t && t->alive == TGI_ALIVE;
}

/* The edge of an output to differentiate. */
static bool output_edge(const char *name, tg_tensor *output, tgi_edge *edge)
{
    if (!usable(name, output)) return false;
    if (!tgi_tracked(output)) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
                   "the tensor made at %s does not require grad and does not have a grad_fn",
                   output->where ? output->where : "an unknown place");
        return false;
    }
    return tgi_check_stale(output, name) && tgi_edge_to(output, name, edge);
}

static bool start(walk *w, const tgi_edge *edge, tg_tensor *output, tg_tensor *given)
{
    tg_tensor *grad = first_gradient(w->name, output, given);
    if (!grad) return false;
    tg_tensor **slot = unwanted(w, edge) ? NULL : slot_of(w, edge);
    bool ok = unwanted(w, edge) || (slot && accumulate(w, slot, grad));
    tgi_unref(grad);
    return ok;
}

static bool give_to_leaves(walk *w)
{
    const bool outer_disabled = tgi_self.grad_disabled;
    bool ok = true;
    tg_set_grad_enabled(w->create_graph);
    for (int64_t i = 0; ok && i < w->leaf_count; i++)
        if (w->leaves[i].grad) ok = accumulate_grad(w, w->leaves[i].leaf, &w->leaves[i].grad, true);
    tgi_self.grad_disabled = outer_disabled;
    return ok;
}

tg_status tg_backward_at(const char *where, tg_tensor *tensor, tg_backward_options options)
{
    if (where) tgi_self.where = where;
    tgi_edge edge;
    if (tg_failed() || !output_edge("backward", tensor, &edge)) return TG_FAILED;
    walk w = { .name = "backward", .low = INT32_MAX, .high = -1 };
    w.create_graph = options.create_graph;
    w.retain_graph = options.retain_graph || options.create_graph;
    include(&w, &edge);
    bool ok = walk_begin(&w) && start(&w, &edge, tensor, options.gradient) && walk_run(&w) && run_leaf_hooks(&w) &&
              give_to_leaves(&w);
    walk_end(&w);
    return ok ? TG_OK : TG_FAILED;
}

/* ---- tg_grad ---- */

typedef struct grad_edges {
    tgi_edge *outputs, *inputs;
} grad_edges;

static bool find_edges(walk *w, tg_tensor_list outputs, tg_tensor_list inputs, grad_edges *edges)
{
    for (int64_t i = 0; i < outputs.count; i++) {
        if (!output_edge(w->name, outputs.items[i], &edges->outputs[i])) return false;
        include(w, &edges->outputs[i]);
    }
    for (int64_t i = 0; i < inputs.count; i++)
        if (!output_edge(w->name, inputs.items[i], &edges->inputs[i])) return false;
    return true;
}

/* Finds the nodes that lie between the outputs and the inputs asked about, from the front of the tape on: a node runs
 * when one of its inputs is wanted. Leaves that are wanted get their slots here. */
static bool mark(walk *w)
{
    const size_t count = w->high < 0 ? 1 : (size_t)(w->high - w->low) + 1;
    w->marks = tgi_pool_alloc(tgi_pool_of_thread(), count);
    if (!w->marks) return false;
    memset(w->marks, 0, count);
    for (int64_t i = 0; i < w->captured_count; i++) {
        const tgi_edge *edge = &w->captured[i];
        if (edge->leaf && slot_of_leaf(w, edge->leaf) < 0) return false;
        if (edge->node && edge->node->index >= w->low && edge->node->index <= w->high)
            w->marks[edge->node->index - w->low] |= CAPTURED;
    }
    for (int32_t i = w->low; i <= w->high; i++) {
        const tg_node *node = tgi_self.nodes[i];
        for (int k = 0; k < node->input_count; k++)
            if (!unwanted(w, &node->inputs[k])) w->marks[i - w->low] |= RUNS;
    }
    return true;
}

/* The gradient that arrived at an input; NULL with an error recorded when none did, unless that is allowed. */
static bool take(walk *w, const tgi_edge *edge, bool allow_unused, tg_tensor **result)
{
    tg_tensor *grad = NULL;
    if (edge->node) {
        int64_t slot = edge->node->first_slot + edge->output - w->first_slot;
        if (slot >= 0 && slot < w->slot_count) grad = w->slots[slot];
    } else if (edge->leaf->leaf && edge->leaf->leaf->walk == w) {
        grad = w->leaves[edge->leaf->leaf->slot].grad;
    }
    *result = grad;
    if (grad) return tgi_scope_adopt(tgi_ref(grad)) != NULL;
    if (!allow_unused)
        tg_fail_at(
            NULL, TG_ERROR_AUTOGRAD, w->name,
            "One of the differentiated Tensors appears to not have been used in the graph. Set .allow_unused = true if this is "
            "the desired behavior.");
    return allow_unused;
}

static bool grad_run(walk *w, tg_tensor_list outputs, tg_tensor_list inputs, const tg_grad_options *options,
                     const grad_edges *edges, tg_tensor **results)
{
    w->captured = edges->inputs;
    w->captured_count = inputs.count;
    if (!mark(w)) return false;
    for (int64_t i = 0; i < outputs.count; i++) {
        tg_tensor *given = i < TG_MAX_GRAD_OUTPUTS ? options->grad_outputs[i] : NULL;
        if (!start(w, &edges->outputs[i], outputs.items[i], given)) return false;
    }
    if (!walk_run(w) || !run_leaf_hooks(w)) return false;
    for (int64_t i = 0; i < inputs.count; i++)
        if (!take(w, &edges->inputs[i], options->allow_unused, &results[i])) return false;
    return true;
}

tg_tensor_list tg_grad_at(const char *where, tg_tensor_list outputs, tg_tensor_list inputs, tg_grad_options options)
{
    if (where) tgi_self.where = where;
    walk w = { .name = "grad", .low = INT32_MAX, .high = -1 };
    w.create_graph = options.create_graph;
    w.retain_graph = options.retain_graph || options.create_graph;
    tg_tensor **results = tg_list_new(inputs.count);
    const size_t edge_count = (size_t)(outputs.count + inputs.count) + 1;
    grad_edges edges = { .outputs = tgi_pool_alloc(tgi_pool_of_thread(), edge_count * sizeof(tgi_edge)) };
    edges.inputs = edges.outputs ? edges.outputs + outputs.count : NULL;
    bool ok = !tg_failed() && results && edges.outputs && find_edges(&w, outputs, inputs, &edges) && walk_begin(&w);
    ok = ok && grad_run(&w, outputs, inputs, &options, &edges, results);
    walk_end(&w);
    if (edges.outputs) tgi_pool_free(tgi_self.pool, edges.outputs, edge_count * sizeof(tgi_edge));
    return ok ? TG_LITERAL(tg_tensor_list){ results, inputs.count } : tg_list_failed();
}

/* ---- hooks and retained gradients ---- */

/* The list a hook on `t` belongs to: its node's output, or the leaf. NULL when it has none. */
static tgi_hook **hook_list(tg_tensor *t)
{
    tg_node *node = tgi_node_of(t);
    if (node) return &node->outputs[t->origin.output].hooks;
    return t->leaf ? &t->leaf->hooks : NULL;
}

int64_t tg_register_hook_at(const char *where, tg_tensor *t, tg_hook_fn function, void *context)
{
    if (where) tgi_self.where = where;
    tgi_edge edge;
    if (!output_edge("register_hook", t, &edge) || (edge.leaf && !leaf_state(t))) return -1;
    if (!function) tg_fail_at(NULL, TG_ERROR_NULL, "register_hook", "the hook is NULL");
    tgi_hook *hook = function ? tgi_calloc(sizeof *hook) : NULL;
    if (!hook) return -1;
    *hook = (tgi_hook){ NULL, function, context, tgi_self.next_hook++ };
    tgi_hook **list = hook_list(t);
    while (*list) list = &(*list)->next;
    *list = hook;
    return hook->number;
}

void tg_remove_hook(tg_tensor *t, int64_t number)
{
    tgi_hook **list = t ? hook_list(t) : NULL;
    while (list && *list && (*list)->number != number) list = &(*list)->next;
    if (!list || !*list) return;
    tgi_hook *hook = *list;
    *list = hook->next;
    tgi_free(hook, sizeof *hook);
}

tg_status tg_retain_grad_at(const char *where, tg_tensor *t)
{
    if (where) tgi_self.where = where;
    tgi_edge edge;
    if (!output_edge("retain_grad", t, &edge)) return TG_FAILED;
    if (edge.node && !edge.node->outputs[edge.output].retained) edge.node->outputs[edge.output].retained = tgi_ref(t);
    return TG_OK;
}
