/* gradient.c: tg_grad: gradients with respect to the tensors asked about, and of nothing else. */
#include "walk_impl.h"

#include <string.h>

typedef struct grad_edges {
    tgi_edge *outputs, *inputs;
} grad_edges;

static bool find_edges(tgi_walk *w, tg_tensor_list outputs, tg_tensor_list inputs, grad_edges *edges)
{
    for (int64_t i = 0; i < outputs.count; i++) {
        if (!tgi_output_edge(w->name, outputs.items[i], &edges->outputs[i])) return false;
        tgi_walk_include(w, &edges->outputs[i]);
    }
    for (int64_t i = 0; i < inputs.count; i++)
        if (!tgi_output_edge(w->name, inputs.items[i], &edges->inputs[i])) return false;
    return true;
}

/* Finds the nodes that lie between the outputs and the inputs asked about, from the front of the tape on: a node runs
 * when one of its inputs is wanted. Leaves that are wanted get their slots here. */
static bool mark(tgi_walk *w)
{
    const size_t count = w->high < 0 ? 1 : (size_t)(w->high - w->low) + 1;
    w->marks = tgi_pool_alloc(tgi_pool_of_thread(), count);
    if (!w->marks) return false;
    w->mark_count = (int64_t)count;
    memset(w->marks, 0, count);
    for (int64_t i = 0; i < w->captured_count; i++) {
        const tgi_edge *edge = &w->captured[i];
        const tg_node *node = tgi_edge_node(edge);
        if (edge->output == TGI_TO_LEAF && tgi_slot_of_leaf(w, edge->to.leaf) < 0) return false;
        if (node && node->index >= w->low && node->index <= w->high) w->marks[node->index - w->low] |= TGI_CAPTURED;
    }
    tgi_walk_mark(w, w->low, w->high);
    return true;
}

/* The gradient that arrived at an input; NULL with an error recorded when none did, unless that is allowed. */
static bool take(tgi_walk *w, const tgi_edge *edge, bool allow_unused, tg_tensor **result)
{
    tg_tensor *grad = NULL;
    if (edge->output >= 0) {
        const int64_t slot = edge->to.node->first_slot + edge->output - w->first_slot;
        if (slot >= 0 && slot < w->slot_count) grad = w->slots[slot].grad;
    } else {
        tgi_slot_sum *sum = &w->leaves[tgi_find_leaf(w, edge->to.leaf)].sum; /* mark made it */
        if (!tgi_chain_flush(sum)) return false;
        grad = sum->grad;
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

static bool grad_run(tgi_walk *w, tg_tensor_list outputs, tg_tensor_list inputs, const tg_grad_options *options,
                     const grad_edges *edges, tg_tensor **results)
{
    w->captured = edges->inputs;
    w->captured_count = inputs.count;
    if (!mark(w)) return false;
    for (int64_t i = 0; i < outputs.count; i++) {
        tg_tensor *given = i < TG_MAX_GRAD_OUTPUTS ? options->grad_outputs[i] : NULL;
        if (!tgi_walk_start(w, &edges->outputs[i], outputs.items[i], given)) return false;
    }
    if (!tgi_walk_run(w)) return false;
    for (int64_t i = 0; i < inputs.count; i++)
        if (!take(w, &edges->inputs[i], options->allow_unused, &results[i])) return false;
    return true;
}

/* False, with an error recorded, when one of the handles cannot be used. */
static bool usable(tg_tensor_list outputs, tg_tensor_list inputs, const tg_grad_options *options)
{
    if (!tgi_list_ok("grad", outputs) || !tgi_list_ok("grad", inputs)) return false;
    for (int64_t i = 0; i < outputs.count; i++)
        if (!tgi_handle_ok("grad", outputs.items[i])) return false;
    for (int64_t i = 0; i < inputs.count; i++)
        if (!tgi_handle_ok("grad", inputs.items[i])) return false;
    for (int i = 0; i < TG_MAX_GRAD_OUTPUTS; i++)
        if (!tgi_handle_or_null("grad", options->grad_outputs[i])) return false;
    return true;
}

tg_tensor_list tg_grad_at(const char *where, tg_tensor_list outputs, tg_tensor_list inputs, tg_grad_options options)
{
    if (where) tgi_self.where = where;
    if (!usable(outputs, inputs, &options)) return tg_list_failed();
    tgi_walk w = { .name = "grad", .low = INT32_MAX, .high = -1 };
    w.create_graph = options.create_graph;
    w.retain_graph = options.retain_graph || options.create_graph;
    w.roots = outputs;
    tg_tensor **results = tg_list_new(inputs.count);
    const size_t edge_count = (size_t)(outputs.count + inputs.count) + 1;
    grad_edges edges = { .outputs = tgi_pool_alloc(tgi_pool_of_thread(), edge_count * sizeof(tgi_edge)) };
    edges.inputs = edges.outputs ? edges.outputs + outputs.count : NULL;
    bool ok = !tg_failed() && results && edges.outputs && find_edges(&w, outputs, inputs, &edges) && tgi_walk_begin(&w);
    const bool flushing = tgi_set_flushing(true);
    ok = ok && grad_run(&w, outputs, inputs, &options, &edges, results);
    ok = tgi_walk_end(&w, ok);
    tgi_set_flushing(flushing);
    if (edges.outputs) tgi_pool_free(tgi_self.pool, edges.outputs, edge_count * sizeof(tgi_edge));
    return ok ? TG_LITERAL(tg_tensor_list){ results, inputs.count } : tg_list_failed();
}
