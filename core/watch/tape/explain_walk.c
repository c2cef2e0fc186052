/* explain_walk.c: the walk that tg_explain tells of: the one that is remembered, or one that nobody else notices. */
#include "explain_impl.h"

#include "core/autograd.h"
#include "core/scope.h"

#include <string.h>

/* ---- from the value to L ---- */

static bool uses(const tgi_explaining *e, const tg_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const tg_node *from = tgi_edge_node(&tgi_inputs(node)[i]);
        if (tgi_reads(node, i, &e->value) || (from && e->leads[from->index])) return true;
    }
    return false;
}

static bool is_single(const tg_node *node)
{
    const tg_shape shape = tg_node_output_shape(node, 0);
    return tg_shape_numel(&shape) == 1;
}

static void choose_root(tgi_explaining *e)
{
    const tg_walk_step first = tg_walk_step_at(0);
    if (e->root.node) return;
    if (tg_walk_length() && !first.node && first.to) e->root = (tgi_value){ first.to, first.output, NULL };
    for (int64_t n = e->length - 1; n >= 0 && !e->root.node; n--)
        if (e->leads[n] && is_single(tgi_self.nodes[n])) e->root.node = tgi_self.nodes[n];
    for (int64_t n = e->length - 1; n >= 0 && !e->root.node; n--)
        if (is_single(tgi_self.nodes[n])) e->root.node = tgi_self.nodes[n];
}

/* What L does not depend on leads nowhere. */
static bool drop_beside(tgi_explaining *e)
{
    uint8_t *below = tgi_calloc((size_t)e->length);
    if (!below) return false;
    below[e->root.node->index] = 1;
    for (int64_t n = e->length - 1; n >= 0; n--) {
        const tg_node *node = tgi_self.nodes[n];
        e->leads[n] &= below[n];
        for (int i = 0; below[n] && i < node->input_count; i++) {
            const tg_node *from = tgi_edge_node(&tgi_inputs(node)[i]);
            if (from) below[from->index] = 1;
        }
    }
    tgi_free(below, (size_t)e->length);
    return true;
}

bool tgi_explain_find(tgi_explaining *e, const char **why)
{
    e->length = tgi_self.node_count;
    *why = "nothing is on the tape";
    if (!e->length || !(e->leads = tgi_calloc((size_t)e->length))) return false;
    for (int64_t n = 0; n < e->length; n++) e->leads[n] = uses(e, tgi_self.nodes[n]);
    choose_root(e);
    *why = "no result on the tape has one element: say which one L is, by .of";
    return e->root.node && drop_beside(e);
}

/* ---- its steps ---- */

static void add(tgi_explaining *e, tg_walk_step step)
{
    if (!tgi_grow(&e->steps, &e->step_capacity, e->step_count + 1, sizeof *e->steps)) return;
    if (step.grad) tgi_ref(step.grad);
    e->steps[e->step_count++] = step;
}

static void forget(tgi_explaining *e)
{
    for (int64_t i = 0; i < e->step_count; i++) tgi_unref(e->steps[i].grad);
    tgi_unref(e->leaf_grad);
    e->leaf_grad = NULL;
    e->step_count = 0;
}

/* A function runs again (recompute.c). */
static void computed(void *context, const tg_computed *what)
{
    (void)context;
    tgi_watch_node(what);
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    for (int i = 0; i < node->output_count; i++)
        if (grads[i])
            add(context, (tg_walk_step){ .event = TG_WALK_VISIT, .node = node, .output = i, .grad = grads[i] });
}

/* No tensor that is held is added to in place, and under tg_grad there are no places for parts (parts.c). */
static void edge(void *context, const tg_contribution *what) { add(context, tgi_step_from(what, what->grad)); }

const tg_tensor *tgi_explain_grad(const tgi_explaining *e, const tgi_value *value)
{
    if (value->leaf) return e->leaf_grad;
    const int64_t first = e->visits ? e->visits[value->node->index] : 0;
    for (int64_t i = first - 1; i >= 0 && i < e->step_count && e->steps[i].event == TG_WALK_VISIT; i++)
        if (e->steps[i].node == value->node && e->steps[i].output == value->output) return e->steps[i].grad;
    return NULL;
}

/* Where the walk arrived at each node: its steps are many, and those of a node follow one another. */
static bool find_visits(tgi_explaining *e)
{
    if (!(e->visits = tgi_calloc((size_t)e->length * sizeof *e->visits))) return false;
    for (int64_t i = e->step_count - 1; i >= 0; i--)
        if (e->steps[i].event == TG_WALK_VISIT) e->visits[e->steps[i].node->index] = i + 1;
    return true;
}

static bool reaches_value(const tgi_explaining *e)
{
    for (int64_t i = 0; i < e->step_count; i++) {
        const tg_walk_step *s = &e->steps[i];
        if (s->event == TG_WALK_EDGE && s->node && tgi_reads(s->node, s->input, &e->value)) return true;
    }
    return false;
}

/* The remembered walk, if it is one from L to the value. */
static bool take_remembered(tgi_explaining *e)
{
    const tg_walk_step first = tg_walk_step_at(0);
    if (!tg_walk_length() || first.node || first.to != e->root.node || first.output != e->root.output) return false;
    for (int64_t i = 0; i < tg_walk_length(); i++) {
        const tg_walk_step step = tg_walk_step_at(i);
        if (step.event == TG_WALK_EDGE) add(e, step);
        if (step.event == TG_WALK_LEAF && step.leaf == e->value.leaf) e->leaf_grad = tgi_ref(step.grad);
        if (step.event != TG_WALK_VISIT) continue;
        for (int k = 0; k < step.node->output_count; k++)
            if (tg_node_grad(step.node, k))
                add(e, (tg_walk_step){ .event = TG_WALK_VISIT,
                                       .node = step.node,
                                       .output = k,
                                       .grad = tg_node_grad(step.node, k) });
    }
    if (reaches_value(e)) return true;
    forget(e);
    return false;
}

/* A handle of what a node made, as good as the user's for a walk. */
static tg_tensor *handle_of(const tgi_value *value)
{
    const tg_shape shape = tg_node_output_shape(value->node, value->output);
    tg_tensor *t = tgi_new(&shape, tg_node_output_dtype(value->node, value->output));
    if (t) t->origin = (tgi_origin){ value->node->serial, value->node->index, value->output };
    return t;
}

static bool make_walk(tgi_explaining *e)
{
    static const tg_observer collector = { .computed = computed, .visit = visit, .edge = edge };
    tgi_alone alone;
    const tg_scope scope = tg_scope_begin();
    tg_tensor *root = handle_of(&e->root), *value = e->value.node ? handle_of(&e->value) : (tg_tensor *)e->value.leaf;
    const tg_shape shape = tg_node_output_shape(e->root.node, e->root.output);
    tg_tensor *ones = root ? tgi_new_full(&shape, (tg_dtype)root->dtype, 1.0) : NULL;
    tgi_observe_alone(&alone, &collector, e);
    tg_tensor *grad = ones && value ? tg_grad(tg_list(root), tg_list(value), .grad_outputs = { ones },
                                              .retain_graph = true, .allow_unused = true)
                                          .items[0]
                                    : NULL;
    tgi_observe_alone_end(&alone);
    if (grad && e->value.leaf) e->leaf_grad = tgi_ref(grad);
    if (scope.depth >= 0) tgi_scope_end_keeping_nodes(scope);
    return !tg_failed();
}

bool tgi_explain_walk(tgi_explaining *e, const char **why)
{
    if (take_remembered(e)) return find_visits(e);
    *why =
        "a backward has released what the nodes in between had saved: watch the tape (tg_watch) before it, or retain the "
        "graph";
    for (int64_t n = 0; n < e->length; n++)
        if (e->leads[n] && tgi_self.nodes[n]->spent) return false;
    return make_walk(e) && find_visits(e);
}

void tgi_explain_free(tgi_explaining *e)
{
    forget(e);
    tgi_grow_free(e->steps, e->step_capacity, sizeof *e->steps);
    if (e->leads) tgi_free(e->leads, (size_t)e->length);
    if (e->visits) tgi_free(e->visits, (size_t)e->length * sizeof *e->visits);
    tgi_leaves_drop(&e->leaves);
    tgi_traces_end(&e->traces);
}
