/* record.c: see record.h. */
#include "record.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static tg_tensor *copy(tg_tensor *t) { return t ? tg_keep(tg_clone(t)) : NULL; }

static void drop(tg_tensor **copies)
{
    for (int i = 0; i < RECORD_TENSORS; i++) {
        if (copies[i]) tg_release(copies[i]);
        copies[i] = NULL;
    }
}

static recorded_node *node_of(record *r, const tg_node *node)
{
    const int64_t index = tg_node_index(node), before = r->node_count;
    if (index >= before) {
        r->node_count = index + 1;
        r->nodes = realloc(r->nodes, (size_t)r->node_count * sizeof *r->nodes);
        assert_non_null(r->nodes);
        memset(r->nodes + before, 0, (size_t)(r->node_count - before) * sizeof *r->nodes);
    }
    return &r->nodes[index];
}

static void forget(recorded_node *n)
{
    drop(n->outputs);
    drop(n->constants);
    drop(n->grads);
}

static void computed(void *context, const tg_computed *what)
{
    if (!what->node) return;
    recorded_node *n = node_of(context, what->node);
    forget(n);
    for (int i = 0; i < tg_node_output_count(what->node) && i < RECORD_TENSORS; i++) {
        n->outputs[i] = copy(what->outputs.items[i]);
        n->handles[i] = what->outputs.items[i];
        n->versions[i] = tg_version(n->handles[i]);
    }
    for (int i = 0; i < what->inputs.count && i < RECORD_TENSORS; i++) {
        tg_tensor *input = what->inputs.items[i];
        if (input && input != what->outputs.items[0] && !tg_requires_grad(input)) n->constants[i] = copy(input);
    }
}

static void add_event(record *r, recorded_event event)
{
    if ((r->event_count & (r->event_count + 1)) == 0) {
        r->events = realloc(r->events, (size_t)(2 * r->event_count + 2) * sizeof *r->events);
        assert_non_null(r->events);
    }
    r->events[r->event_count++] = event;
}

static void forget_events(record *r)
{
    for (int64_t i = 0; i < r->event_count; i++)
        if (r->events[i].value) tg_release(r->events[i].value);
    r->event_count = 0;
    for (int64_t n = 0; n < r->node_count; n++) drop(r->nodes[n].grads);
}

static void walk(void *context, const tg_walk *what)
{
    (void)what;
    forget_events(context);
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    recorded_node *n = node_of(context, node);
    for (int i = 0; i < tg_node_output_count(node) && i < RECORD_TENSORS; i++) n->grads[i] = copy(grads[i]);
    add_event(context, (recorded_event){ TG_WALK_VISIT, tg_node_index(node), 0, NULL, NULL, false });
}

static void edge(void *context, const tg_contribution *what)
{
    add_event(context, (recorded_event){ TG_WALK_EDGE, tg_node_index(what->from), what->input, what->leaf,
                                         copy(what->grad), what->product != NULL });
}

static void visited(void *context, const tg_node *node)
{
    add_event(context, (recorded_event){ TG_WALK_DONE, tg_node_index(node), 0, NULL, NULL, false });
}

static void leaf_ready(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    add_event(context, (recorded_event){ TG_WALK_LEAF, -1, 0, leaf, copy(grad), false });
}

record *record_begin(void)
{
    static const tg_observer recorder = { .computed = computed,
                                          .walk = walk,
                                          .visit = visit,
                                          .edge = edge,
                                          .visited = visited,
                                          .leaf_ready = leaf_ready };
    record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->number = tg_observe(&recorder, r);
    return r;
}

void record_stop(record *r) { tg_unobserve(r->number); }

void record_end(record *r)
{
    record_stop(r);
    forget_events(r);
    for (int64_t n = 0; n < r->node_count; n++) forget(&r->nodes[n]);
    free(r->nodes);
    free(r->events);
    free(r);
}
