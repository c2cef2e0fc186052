/* recompute.c: a function as one node of the tape, whose backward runs it again.
 *
 * What the second run records goes to the end of the tape. The walk that is at the function's node gets slots for
 * these nodes, the sums that came for the function's outputs go to the slots of what made them now, and the walk
 * passes the new nodes, from the last to the first, before it goes on below. The edges of what reads an input lead
 * where they led in an ordinary run, so that each contribution is added, in the same order, to the slot where it
 * always was: gradients are the same to the bit, and hooks, leaves and chains of products know no difference. Unless
 * the gradients are recorded themselves, the new nodes go then.
 *
 *     tape      0 1 2 | 3 checkpoint | 4 loss           the walk: 4, 3
 *     then      0 1 2 | 3 checkpoint | 4 loss | 5 6 7             7, 6, 5
 *     then      0 1 2 | 3 checkpoint | 4 loss                     2, 1, 0 */
#include "recompute.h"

#include "observe_impl.h"
#include "reading_impl.h"
#include "walk_impl.h"

#include <string.h>

static const char name[] = "checkpoint";

/* The attributes of a node. The copy of the context follows and, if the function draws, the generator as it was. */
typedef struct recomputed {
    tg_checkpoint_fn function;
    void *context;
    size_t context_size; /* 0: `context` is the caller's */
    int32_t inputs;      /* the node's first ones are the caller's; what else the function read follows */
    int32_t outputs;
    bool preserve, draws;
    int8_t output[TG_MAX_CHECKPOINT_OUTPUTS]; /* of the node, for each of the function; or one of these: */
} recomputed;
enum {
    LEFT_OUT = -1,
    WAS_THERE = -2
}; /* NULL; a tensor that was there before the function ran, and is handed out as it is */

static size_t generator_at(const recomputed *r) { return sizeof *r + (r->context_size + 7) / 8 * 8; }
static tg_generator *generator_of(const recomputed *r) { return (tg_generator *)((char *)r + generator_at(r)); }
static size_t bytes_of(const recomputed *r) { return generator_at(r) + (r->draws ? sizeof(tg_generator) : 0); }

/* ---- a run ---- */

typedef struct run {
    const recomputed *of;
    void *context;
    tg_tensor *const *inputs;
    tg_tensor *outputs[TG_MAX_CHECKPOINT_OUTPUTS];
    tg_scope scope; /* in which it was; stays open */
} run;

static bool at_place(const tg_node *node, bool begins)
{
    return !node || !tgi_self.observers || tgi_self.observers->tell->again(node, begins);
}

/* Calls the function as the user's that it is, NULL or at the place of a node. False with an error pending. */
static bool call(run *r, bool record, tgi_reading *reads, const tg_node *node)
{
    r->scope = record ? tg_enable_grad_begin_at(NULL) : tg_no_grad_begin_at(NULL);
    if (r->scope.depth < 0) return false;
    const int64_t floor = tgi_self.scope_floor;
    tgi_self.scope_floor = tgi_self.scope_count;
    const tgi_place caller = tgi_place_keep();
    const bool flushing = tgi_set_flushing(false), seen = tgi_set_seen(true);
    tgi_reading *outer = tgi_reading_set(reads);
    if (at_place(node, true)) r->of->function(r->context, r->inputs, r->outputs);
    at_place(node, false);
    tgi_reading_set(outer);
    tgi_set_seen(seen);
    tgi_set_flushing(flushing);
    tgi_place_back(caller);
    tgi_self.scope_floor = floor;
    tgi_self.scope_count = r->scope.depth + 1; /* scopes that it left open are part of this one */
    for (int i = 0; i < r->of->outputs && !tgi_self.error; i++) tgi_handle_or_null(name, r->outputs[i]);
    return !tgi_self.error;
}

/* ---- the first run ---- */

static bool same_state(const tg_generator *a, const tg_generator *b)
{
    return a->index == b->index && a->has_next_normal == b->has_next_normal &&
           !memcmp(a->state, b->state, sizeof a->state);
}

/* Whether the scope of the run owns it: whatever else it handed out was there before. */
static bool is_own(const run *r, const tg_tensor *t)
{
    int64_t i = tgi_self.handle_count;
    const int64_t mark = tgi_self.scopes[r->scope.depth].handles;
    while (i > mark && tgi_self.handles[i - 1] != (uintptr_t)t) i--;
    return i > mark;
}

/* The node's outputs: what the run made, each tensor once. Their number. */
static int collect_outputs(recomputed *to, const run *r, tg_tensor **distinct)
{
    int count = 0;
    for (int i = 0; i < to->outputs; i++) {
        tg_tensor *t = r->outputs[i];
        int k = 0;
        while (k < i && r->outputs[k] != t) k++;
        to->output[i] = (int8_t)(k < i ? to->output[k] : !t ? LEFT_OUT : is_own(r, t) ? count : WAS_THERE);
        if (to->output[i] == count) distinct[count++] = t;
    }
    return count;
}

/* Ends the run's scope, of which the outputs stay. */
static void hand_out(run *r)
{
    tg_tensor **results[TG_MAX_CHECKPOINT_OUTPUTS];
    for (int i = 0; i < r->of->outputs; i++) results[i] = &r->outputs[i];
    tg_scope_end_with_at(NULL, r->scope, results, r->of->outputs);
}

static int inputs_of_caller(const tg_node *node)
{
    return ((const recomputed *)((const char *)node + node->attributes_at))->inputs;
}
static void backward(tg_context *ctx);
static const tg_op op = { .name = name,
                          .grad_name = "CheckpointFunctionBackward",
                          .gradient = "that of the function, which runs again",
                          .values_saved = inputs_of_caller,
                          .passes_on = true,
                          .backward = backward };

/* Makes the run one node. What it recorded itself, where it turned recording on, goes. */
static bool record(recomputed *to, run *r, const tgi_reading *reads)
{
    tg_tensor *distinct[TG_MAX_CHECKPOINT_OUTPUTS];
    const int outputs = collect_outputs(to, r, distinct);
    if (!tgi_reading_unwritten(reads)) return false;
    tgi_tape_truncate(reads->nodes);
    hand_out(r);
    tg_tensor **all = tg_list_new(reads->count);
    if (!all) return false;
    for (int64_t i = 0; i < reads->count; i++) all[i] = reads->items[i].tensor;
    const tg_tensor_list inputs = { all, reads->count };
    return tg_record(&op, inputs, tg_list_of(distinct, outputs), inputs, to, bytes_of(to)) == TG_OK;
}

static bool any_gradient(const tgi_reading *reads)
{
    for (int64_t i = 0; i < reads->count; i++)
        if (reads->items[i].tensor && tgi_tracked(reads->items[i].tensor)) return true;
    return false;
}

static bool first_run(recomputed *to, run *r, tg_tensor_list inputs, bool by_user)
{
    tgi_reading reads;
    const bool recording = tg_is_grad_enabled();
    bool ok = tgi_reading_begin(&reads, name, inputs);
    if (ok && tgi_self.looks & TGI_READING)
        ok = tgi_reading_note(inputs, TG_NONE); /* the node will, in a function around this one */
    if (ok && tgi_self.observers) ok = tgi_self.observers->tell->began(&op, inputs, by_user);
    if (ok && to->preserve) *generator_of(to) = *tg_default_generator();
    ok = ok && call(r, false, recording ? &reads : tgi_self.pool->rare.reading, NULL);
    to->draws = ok && to->preserve && !same_state(generator_of(to), tg_default_generator());
    if (ok && recording && any_gradient(&reads))
        ok = record(to, r, &reads);
    else if (ok)
        hand_out(r);
    else if (r->scope.depth >= 0)
        tg_scope_end_at(NULL, r->scope);
    tgi_reading_free(&reads);
    return ok;
}

/* False with an error recorded. */
static bool usable(tg_checkpoint_fn function, const void *context, tg_tensor_list inputs,
                   const tg_checkpoint_options *o)
{
    if (!function) return tg_fail_at(NULL, TG_ERROR_NULL, name, "the function is NULL"), false;
    if (!tgi_list_ok(name, inputs)) return false;
    for (int64_t i = 0; i < inputs.count; i++)
        if (inputs.items[i] && inputs.items[i]->alive != TGI_ALIVE)
            return tgi_fail_handle(name, i + 1, inputs.items[i]);
    if (inputs.count > INT32_MAX) return tg_fail_at(NULL, TG_ERROR_VALUE, name, "too many inputs"), false;
    if (o->outputs < 1 || o->outputs > TG_MAX_CHECKPOINT_OUTPUTS)
        return tg_fail_at(NULL, TG_ERROR_VALUE, name, "outputs must be 1 to %d, not %d", TG_MAX_CHECKPOINT_OUTPUTS,
                          o->outputs),
               false;
    if (o->context_size > INT32_MAX || (o->context_size && !context))
        return tg_fail_at(NULL, TG_ERROR_VALUE, name, "a context of %zu bytes%s", o->context_size,
                          context ? "" : " is NULL"),
               false;
    return true;
}

tg_tensor_list tg_checkpoint_at(const char *where, tg_checkpoint_fn function, void *context, tg_tensor_list inputs,
                                tg_checkpoint_options options)
{
    tgi_begin(where, name);
    if (tg_failed() || !usable(function, context, inputs, &options)) return tg_list_failed();
    recomputed as = {
        function, context, options.context_size, (int32_t)inputs.count, options.outputs, options.preserve_rng_state,
        true,     { 0 }
    };
    tg_tensor **results = tg_list_new(options.outputs);
    const size_t bytes = bytes_of(&as);
    recomputed *to = results ? tgi_calloc(bytes) : NULL;
    if (!to) return tg_list_failed();
    *to = as;
    if (as.context_size) memcpy(to + 1, context, as.context_size);
    run r = { .of = to, .context = context, .inputs = inputs.items, .scope = { -1, 0 } };
    const bool ok = first_run(to, &r, inputs, where != NULL);
    for (int i = 0; ok && i < options.outputs; i++) results[i] = r.outputs[i];
    tgi_free(to, bytes);
    return ok ? tg_list_of(results, options.outputs) : tg_list_failed();
}

/* ---- the second run ---- */

static const tgi_edge *member(const tg_node *node, const tgi_edge *edge, int32_t *next)
{
    for (int32_t i = 0; i < node->input_count; i++) {
        if (*next >= node->input_count) *next = 0;
        const tgi_edge *input = &tgi_inputs(node)[(*next)++];
        if (input->output == edge->output && input->to.node == edge->to.node) return input;
    }
    return NULL;
}

static bool fail_other(const char *what, const char *where)
{
    tg_fail_at(
        NULL, TG_ERROR_AUTOGRAD, name,
        "run again in backward, the function read %s made at %s, which it had not read before: run twice with the "
        "same inputs it must do the same",
        what, where ? where : "an unknown place");
    return false;
}

/* A gradient could be lost that flows to what the node has no edge to: the walk may have passed it. */
static bool leads_where_it_did(const tgi_walk *w, const tg_node *node, const tgi_edge *edge, int32_t first,
                               int32_t *next)
{
    if (edge->output >= 0)
        return edge->to.node->index >= first || member(node, edge, next) ||
               fail_other("a tensor", edge->to.node->where);
    if (edge->output == TGI_TO_NOWHERE || !(w->state & TGI_EARLY_LEAVES)) return true;
    const int64_t slot = tgi_find_leaf(w, edge->to.leaf);
    return slot < 0 || !w->leaves[slot].complete || member(node, edge, next) ||
           fail_other("a leaf", edge->to.leaf->where);
}

static bool same_reads(const tgi_walk *w, const tg_node *node, int32_t first)
{
    int32_t next = 0;
    for (int64_t i = first; i < tgi_self.node_count; i++) {
        const tg_node *made = tgi_self.nodes[i];
        for (int k = 0; k < made->input_count; k++)
            if (!leads_where_it_did(w, node, &tgi_inputs(made)[k], first, &next)) return false;
    }
    return true;
}

static bool same_output(const recomputed *of, const tg_node *node, int i, const tg_tensor *t)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const int k = of->output[i];
    if (!t != (k == LEFT_OUT)) {
        tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name, "run again in backward, the function gave %s output %d",
                   t ? "an" : "no", i);
        return false;
    }
    if (k < 0) return true;
    const tg_shape have = tgi_shape(t), want = tg_node_output_shape(node, k);
    const tg_dtype dtype = (tg_dtype)tgi_outputs(node)[k].dtype;
    if (tg_shape_equal(&have, &want) && (tg_dtype)t->dtype == dtype) return true;
    tg_fail_at(NULL, TG_ERROR_AUTOGRAD, name,
               "run again in backward, the function gave a %s of shape %s as output %d, which was a %s of shape %s",
               tg_dtype_name((tg_dtype)t->dtype), tg_shape_text(&have, a), i, tg_dtype_name(dtype),
               tg_shape_text(&want, b));
    return false;
}

/* The sums that came for the node's outputs go to where these come from now. */
static bool hand_over(tgi_walk *w, const tg_node *node, const run *r, int32_t first)
{
    int32_t next = 0;
    int handed_over =
        0; /* outputs of the node: they come in their order, and again where the function gave one twice */
    for (int i = 0; i < r->of->outputs; i++) {
        tg_tensor *t = r->outputs[i];
        const int k = r->of->output[i];
        if (!same_output(r->of, node, i, t)) return false;
        if (k != handed_over) continue;
        handed_over++;
        tgi_edge edge;
        if (!tgi_tracked(t)) continue;
        if (!tgi_check_stale(t, name) || !tgi_edge_to(t, name, &edge) ||
            !leads_where_it_did(w, node, &edge, first, &next) || !tgi_walk_hand_over(w, node, k, &edge))
            return false;
    }
    return true;
}

/* What was saved, with the gradients that it had then; of the node's other inputs, that they are what they were. */
static tg_tensor *const *inputs_again(tg_context *ctx, const recomputed *of)
{
    const tg_node *node = ctx->node;
    tg_tensor **inputs = tg_list_new(of->inputs);
    for (int i = 0; inputs && i < node->input_count; i++) {
        const tgi_edge *edge = &tgi_inputs(node)[i];
        const bool there = i < node->saved_count && (tgi_saved_of(node)[i].tensor || tgi_saved_of(node)[i].packed);
        tg_tensor *t = there ? tg_saved(ctx, i) : NULL;
        if (there && !t) return NULL;
        if (i >= of->inputs) continue;
        const tg_node *from = tgi_edge_node(edge);
        const tgi_origin origin = { from ? from->serial : 0, from ? from->index : 0, from ? edge->output : 0 };
        inputs[i] = t ? tgi_with_origin(t, origin, tgi_edge_leaf(edge)) : NULL;
        if (t && !inputs[i]) return NULL;
    }
    return inputs;
}

/* Runs the function with its generator as it was, then brings back the generator of now. */
static bool second_run(run *r, const tg_node *node)
{
    tg_generator now;
    if (r->of->preserve) now = *tg_default_generator();
    if (r->of->draws) *tg_default_generator() = *generator_of(r->of);
    const bool ok = call(r, true, NULL, node);
    if (r->of->preserve) *tg_default_generator() = now;
    return ok;
}

static void backward(tg_context *ctx)
{
    tgi_walk *w = ctx->walk;
    const recomputed *of = tg_attributes(ctx);
    const int32_t first = (int32_t)tgi_self.node_count;
    run r = { .of = of, .context = of->context, .inputs = inputs_again(ctx, of), .scope = { -1, 0 } };
    if (!r.inputs) return;
    if (of->context_size) {
        if (!(r.context = tgi_scope_alloc(of->context_size))) return;
        memcpy(r.context, of + 1, of->context_size); /* a copy, in memory that suits any type */
    }
    const bool ran = second_run(&r, ctx->node) && same_reads(w, ctx->node, first) && tgi_walk_extend(w, first) &&
                     hand_over(w, ctx->node, &r, first);
    if (r.scope.depth >= 0) tgi_scope_end_keeping_nodes(r.scope);
    const int64_t end = tgi_self.node_count;
    const bool retain_graph = w->retain_graph;
    w->retain_graph = w->create_graph;
    if (!ran || !tgi_walk_down(w, (int32_t)end - 1, first)) w->state |= TGI_FAILED_WALK;
    w->retain_graph = retain_graph;
    /* Those who watch may look at them until their scope ends. */
    if (!w->create_graph && !tgi_self.observers && tgi_self.node_count == end) tgi_tape_truncate(first);
}
