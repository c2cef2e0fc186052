/* flow.c: an observer that measures gradients. */
#include "flow_impl.h"

#include "core/error.h"
#include "core/walk_impl.h"

#include <math.h>
#include <string.h>

#define ALIVE UINT64_C(0x746720666c6f7721)

bool tgi_flow_ok(const char *where, const tg_flow *flow, const char *function)
{
    tgi_begin(where, function);
    if (flow && flow->alive == ALIVE) return true;
    if (flow)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "the flow was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_NULL, function, "the flow is NULL");
    return false;
}

/* ---- leaves ---- */

double tgi_flow_update(const tgi_flow_leaf *leaf)
{
    return leaf->before ? tgi_distance(leaf->leaf, leaf->before) / tgi_distance(leaf->before, NULL) : NAN;
}

static tgi_flow_leaf *find_leaf(tg_flow *flow, tg_tensor *leaf)
{
    const int64_t place = tgi_addresses_add(&flow->known, leaf);
    if (place < 0) return NULL;
    if (place == flow->leaf_count) {
        if (!tgi_grow(&flow->leaves, &flow->leaf_capacity, place + 1, sizeof *flow->leaves)) return NULL;
        flow->leaves[flow->leaf_count++] = (tgi_flow_leaf){ .leaf = tgi_ref(leaf), .latest = -1 };
    }
    tgi_flow_leaf *l = &flow->leaves[place];
    const char *name = tg_name_of(leaf);
    if (name)
        snprintf(l->name, sizeof l->name, "%s", name);
    else
        snprintf(l->name, sizeof l->name, "leaf%d", (int)place + 1);
    return l;
}

/* Numbers of walks in which nothing came are NaN. */
static bool reach(tgi_flow_leaf *l, int64_t count)
{
    if (!tgi_grow(&l->norms, &l->norm_capacity, count, sizeof *l->norms) ||
        !tgi_grow(&l->updates, &l->update_capacity, count, sizeof *l->updates))
        return false;
    for (; l->count < count; l->count++) l->norms[l->count] = l->updates[l->count] = NAN;
    return true;
}

static void leaf_ready(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    tg_flow *flow = context;
    if (flow->depth != 1) return;
    tgi_flow_leaf *l = find_leaf(flow, leaf);
    if (!l || !reach(l, flow->walks + 1)) return;
    if (l->latest >= 0) l->updates[l->latest] = tgi_flow_update(l);
    l->norms[flow->walks] = tgi_distance(grad, NULL);
    l->latest = flow->walks;
    if (!flow->updates) return;
    if (!l->before)
        l->before = tgi_own(tgi_engine->clone(leaf));
    else
        tgi_engine->copy_(l->before, leaf);
}

/* ---- walks ---- */

static void walk(void *context, const tg_walk *what)
{
    tg_flow *flow = context;
    (void)what;
    if (++flow->depth == 1) tgi_flow_choose(flow);
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    tg_flow *flow = context;
    if (flow->depth == 1) tgi_flow_visit(flow, node, grads);
}

static void walked(void *context, tg_status status)
{
    tg_flow *flow = context;
    (void)status;
    if (flow->depth > 0 && --flow->depth == 0) flow->walks++;
}

static void ended(void *context) { ((tg_flow *)context)->number = -1; }

/* ---- its life ---- */

tg_flow *tg_flow_begin_at(const char *where, tg_flow_options options)
{
    static const tg_observer measuring = { .walk = walk,
                                           .visit = visit,
                                           .leaf_ready = leaf_ready,
                                           .walked = walked,
                                           .ended = ended };
    tgi_begin(where, "flow_begin");
    if (tg_failed()) return NULL;
    tg_flow *flow = tgi_calloc(sizeof *flow);
    if (!flow) return NULL;
    flow->alive = ALIVE;
    flow->by_name = options.state != NULL;
    flow->updates = options.updates;
    if (options.state) snprintf(flow->state, sizeof flow->state, "%s", options.state);
    flow->number = tg_observe(&measuring, flow);
    if (flow->number >= 0) return flow;
    tgi_free(flow, sizeof *flow);
    return NULL;
}

void tg_flow_end_at(const char *where, tg_flow *flow)
{
    if (!flow || !tgi_flow_ok(where, flow, "flow_end")) return;
    if (flow->number >= 0) tg_unobserve(flow->number);
    for (int64_t i = 0; i < flow->leaf_count; i++) {
        tgi_flow_leaf *l = &flow->leaves[i];
        tgi_unref(l->leaf);
        tgi_unref(l->before);
        tgi_grow_free(l->norms, l->norm_capacity, sizeof *l->norms);
        tgi_grow_free(l->updates, l->update_capacity, sizeof *l->updates);
    }
    for (int64_t i = 0; i < flow->step_count; i++)
        tgi_grow_free(flow->steps[i].entries, flow->steps[i].capacity, sizeof *flow->steps[i].entries);
    tgi_grow_free(flow->leaves, flow->leaf_capacity, sizeof *flow->leaves);
    tgi_grow_free(flow->steps, flow->step_capacity, sizeof *flow->steps);
    tgi_addresses_free(&flow->known);
    tgi_addresses_free(&flow->handed_on);
    flow->alive = 0;
    tgi_free(flow, sizeof *flow);
}
