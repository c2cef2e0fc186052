/* check_reach.c: parameters that no loss reaches, and why.
 *
 * Looked at when the third walk of tg_backward that reached other parameters of the same model is over, with steps in
 * between: models are trained in turns, and a loss need not reach all of one. The tape, which is still there, says where
 * the way ends. Where no walk has reached any parameter of any model, nor any other leaf twice, all are told of. */
#include "check_impl.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

enum { DETACHED = 256, WALKS = 3, STEPS = 2, NAMES = 8 };

/* A tensor with no history, of a storage that one with a history made. */
typedef struct detached {
    uint64_t serial; /* of the node that made that */
    const char *where, *used;
} detached;

typedef struct reach {
    tgi_lint_state base;
    detached detached[DETACHED]; /* the last of them */
    int64_t detached_count;
    bool any;            /* some walk reached what may be trained */
    const char *leaf_at; /* where the last walk's root was made, if it is a leaf; otherwise NULL */
} reach;

/* ---- what is noted ---- */

static void note_detached(reach *r, const tg_tensor *t)
{
    if (t->storage == &t->own || t->requires_grad || !tgi_is_floating(t)) return;
    const tg_tensor *owner = tgi_owner(t->storage); /* its handle may be gone, its block is not */
    if (!owner->origin.serial) return;
    r->detached[r->detached_count++ % DETACHED] = (detached){ owner->origin.serial, t->where, tgi_where() };
}

static void note_reading(const reach *r, const tg_tensor *leaf, const tg_computed *what)
{
    tgi_watched *w = tgi_watched_of(r->base.check, leaf);
    if (!w) return;
    if (what->node)
        w->recorded++;
    else
        w->unrecorded_at = tgi_line(tgi_where());
}

static void computed(void *state, const tg_computed *what)
{
    reach *r = state;
    for (int64_t i = 0; i < what->inputs.count; i++) {
        const tg_tensor *t = what->inputs.items[i];
        if (!t || t->origin.serial) continue;
        if (t->requires_grad)
            note_reading(r, t, what);
        else if (what->node)
            note_detached(r, t);
    }
}

static void walk(void *state, const tg_walk *what)
{
    reach *r = state;
    const tg_tensor *root = what->roots.count == 1 ? what->roots.items[0] : NULL;
    r->leaf_at = root && root->alive == TGI_ALIVE && !root->origin.serial ? tgi_line(root->where) : NULL;
}

static void leaf_ready(void *state, tg_tensor *leaf, tg_tensor *grad)
{
    reach *r = state;
    const tgi_watched *w = tgi_watched_of(r->base.check, leaf);
    (void)grad;
    r->any |= !w || w->model || w->walks > 0;
}

/* ---- why a leaf is not reached ---- */

typedef enum reason { NEVER_READ, UNDER_NO_GRAD, CUT, LEADS_NOWHERE, FROM_A_LEAF } reason;

typedef struct verdict {
    reason why;
    const char *where; /* of the cut, or of what leads nowhere */
    const tg_node *last;
} verdict;

static const detached *detached_from(const reach *r, uint64_t serial)
{
    const int64_t count = r->detached_count < DETACHED ? r->detached_count : DETACHED;
    for (int64_t i = 0; i < count; i++)
        if (r->detached[i].serial == serial) return &r->detached[i];
    return NULL;
}

static bool reads_marked(const tg_node *node, const tg_tensor *leaf, const uint8_t *marks)
{
    for (int k = 0; k < node->input_count; k++) {
        const tgi_edge *edge = &tgi_inputs(node)[k];
        const tg_node *from = tgi_edge_node(edge);
        if (tgi_edge_leaf(edge) == leaf || (from && marks[from->index])) return true;
    }
    return false;
}

/* Follows what came of the leaf along the tape: to a tensor that was detached, or to its last node. Returns the former. */
static const detached *follow(const reach *r, const tg_tensor *leaf, const tg_node **last)
{
    const size_t bytes = (size_t)tgi_self.node_count + 1;
    uint8_t *marks = tgi_calloc(bytes);
    const detached *cut = NULL;
    for (int64_t i = 0; marks && i < tgi_self.node_count; i++) {
        const tg_node *node = tgi_self.nodes[i];
        if (!reads_marked(node, leaf, marks)) continue;
        marks[i] = 1;
        *last = node;
        if (!cut) cut = detached_from(r, node->serial);
    }
    tgi_free(marks, bytes);
    return cut;
}

static verdict judge(const reach *r, const tgi_watched *w)
{
    const tg_node *last = NULL;
    if (!r->any && r->leaf_at) return (verdict){ FROM_A_LEAF, r->leaf_at, NULL };
    const detached *cut = follow(r, w->leaf, &last);
    if (cut) return (verdict){ CUT, cut->where, last };
    if (w->recorded) return (verdict){ LEADS_NOWHERE, last ? last->where : NULL, last };
    if (w->unrecorded_at) return (verdict){ UNDER_NO_GRAD, w->unrecorded_at, NULL };
    return (verdict){ NEVER_READ, NULL, NULL };
}

/* ---- told ---- */

static void explain(tgi_finding *f, const verdict *v)
{
    switch (v->why) {
    case NEVER_READ:
        tgi_find_row(f, "why", "no op has read it: forward does not use it");
        tgi_find_row(f, "mend",
                     "use it, or leave it out; tg_requires_grad_(t, false) says that it is not to be trained");
        break;
    case UNDER_NO_GRAD:
        tgi_find_row(f, "why", "it is read only under tg_no_grad_begin, at %s: nothing is recorded there",
                     tgi_line(v->where));
        tgi_find_row(
            f, "mend",
            "end that scope before the forward that is trained; tg_requires_grad_(t, false) says that it is not "
            "to be trained");
        break;
    case CUT:
        tgi_find_row(f, "why", "what comes of it is cut off at %s, by tg_detach or what does the same",
                     tgi_line(v->where));
        tgi_find_row(f, "mend", "without it gradients flow; if it is meant, take the parameter out of the optimiser");
        break;
    case FROM_A_LEAF:
        tgi_find_row(f, "why", "the walk starts from a tensor made of numbers at %s: nothing says what those came from",
                     tgi_line(v->where));
        tgi_find_row(f, "mend", "tg_backward of the loss itself; tg_item(loss) is a number, to be printed");
        break;
    default:
        tgi_find_row(f, "why", "%s %s at %s, and no loss is computed from that",
                     v->last ? "the last that comes of it is made by" : "it is read,",
                     v->last ? v->last->op->name : "last", tgi_line(v->where));
        tgi_find_row(f, "mend", "use that result, or leave the layer out");
    }
}

typedef struct group {
    verdict verdict;
    const void *model;
    int count;
    char names[512];
} group;

static void tell_group(const reach *r, const group *g)
{
    tgi_check *c = r->base.check;
    tgi_finding f;
    const bool cut = g->verdict.why == CUT || g->verdict.why == UNDER_NO_GRAD;
    const char *where = g->verdict.where ? g->verdict.where : c->walk.where;
    if (!tgi_find_begin(c, &f, cut ? "cut" : "unreached", where, NULL)) return;
    tgi_find_say(&f, "no gradient reaches %d parameter%s of a model that is %s: %s%s", g->count,
                 g->count == 1 ? "" : "s", r->any ? "trained" : "used, nor any other parameter", g->names,
                 g->count > NAMES ? ", ..." : "");
    tgi_find_row(&f, "loss", "%lld walk%s so far, the last from %s", (long long)c->walks, c->walks == 1 ? "" : "s",
                 tgi_line(c->walk.where));
    explain(&f, &g->verdict);
    tgi_find_tell(c, &f);
}

/* The walks that reached the model's best known parameter. */
static int64_t walks_of(const tgi_check *c, const void *model, int64_t *steps)
{
    int64_t most = 0;
    *steps = 0;
    for (int64_t i = 0; i < c->leaves.count; i++) {
        const tgi_watched *w = c->leaves.items[i];
        if (w->model != model || w->walks <= most) continue;
        most = w->walks;
        *steps = w->steps;
    }
    return most;
}

static bool is_due(const reach *r, const tgi_watched *w, int64_t least_walks, int64_t least_steps)
{
    int64_t steps;
    if (!w->model || w->told || w->walks || !w->leaf->requires_grad) return false;
    if (!r->any) return w->recorded && r->base.check->walks >= WALKS;
    return walks_of(r->base.check, w->model, &steps) >= least_walks && steps >= least_steps;
}

enum { GROUPS = 32 };

static group *group_for(group *groups, int *count, const tgi_watched *w, verdict v)
{
    for (int i = 0; i < *count; i++)
        if (groups[i].model == w->model && groups[i].verdict.why == v.why && groups[i].verdict.where == v.where)
            return &groups[i];
    if (*count == GROUPS) return NULL;
    groups[*count] = (group){ .verdict = v, .model = w->model };
    return &groups[(*count)++];
}

static void tell_unreached(reach *r, int64_t least_walks, int64_t least_steps)
{
    tgi_check *c = r->base.check;
    group *groups = tgi_calloc(GROUPS * sizeof *groups);
    int count = 0;
    for (int64_t i = 0; groups && i < c->leaves.count; i++) {
        tgi_watched *w = c->leaves.items[i];
        if (!is_due(r, w, least_walks, least_steps)) continue;
        group *g = group_for(groups, &count, w, judge(r, w));
        if (!g) continue;
        w->told = true;
        const size_t used = strlen(g->names);
        if (g->count++ < NAMES) snprintf(g->names + used, sizeof g->names - used, "%s%.60s", used ? ", " : "", w->name);
    }
    for (int i = 0; i < count; i++) tell_group(r, &groups[i]);
    tgi_free(groups, GROUPS * sizeof *groups);
}

static void walked(void *state, tg_status status)
{
    reach *r = state;
    if (status == TG_OK && r->base.check->accumulates && !tg_failed()) tell_unreached(r, WALKS, STEPS);
}

static void finished(void *state) { tell_unreached(state, 1, 1); }

const tgi_lint tgi_lint_reach = {
    .state_size = sizeof(reach),
    .functions = { .computed = computed, .walk = walk, .leaf_ready = leaf_ready, .walked = walked },
    .finished = finished,
};
