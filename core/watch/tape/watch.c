/* watch.c: values, gradients and the latest walk, kept beside the tape by an observer.
 *
 * What it keeps are references. A gradient that somebody else can see is never added to in place, so those it holds stay
 * what they were; but for parts of a whole, which are written where they belong: of these it keeps copies. */
#include "explain_impl.h"

#include "core/autograd.h"
#include "core/tape_impl.h"
#include "core/thread.h"
#include "core/walk_impl.h"

typedef struct kept {
    tg_tensor *tensor; /* a reference, or NULL */
    int64_t version;
} kept;

/* Of one node. */
typedef struct watched {
    size_t bytes;
    uint64_t serial;
    int inputs; /* how many of `tensors` are inputs; the outputs' values, their gradients and what was saved follow */
    kept tensors[];
} watched;

typedef struct watching {
    int64_t number;
    watched **nodes; /* [index]; NULL: recorded before */
    int64_t count, capacity;
    tg_walk_step *steps;
    int64_t step_count, step_capacity;
    int depth;    /* of walks in walks: the outermost is remembered */
    int32_t high; /* the last node of the walk that is remembered */
    bool by_user; /* the program asked for it, or the library alone (where: NULL) */
} watching;

static __thread TGI_NEAR watching *own;

/* ---- forgetting ---- */

static void drop_node(watched *w)
{
    if (!w) return;
    const size_t tensors = (w->bytes - sizeof *w) / sizeof *w->tensors;
    for (size_t i = 0; i < tensors; i++) tgi_unref(w->tensors[i].tensor);
    tgi_free(w, w->bytes);
}

static void forget_walk(watching *w)
{
    for (int64_t i = 0; i < w->step_count; i++) {
        tgi_unref(w->steps[i].grad);
        tgi_unref(w->steps[i].leaf);
        tgi_unref(w->steps[i].before);
    }
    w->step_count = 0;
    w->high = -1;
}

static void truncated(void *context, int64_t length)
{
    watching *w = context;
    if (w->high >= length) forget_walk(w);
    while (w->count > length) drop_node(w->nodes[--w->count]);
}

static void ended(void *context)
{
    watching *w = context;
    truncated(w, 0);
    forget_walk(w);
    tgi_grow_free(w->nodes, w->capacity, sizeof *w->nodes);
    tgi_grow_free(w->steps, w->step_capacity, sizeof *w->steps);
    tgi_free(w, sizeof *w);
    own = NULL;
}

/* ---- forward ---- */

static void keep(kept *place, tg_tensor *t)
{
    if (t) *place = (kept){ tgi_ref(t), t->storage->version };
}

/* Where the node's tensors go; NULL with an error pending. */
static watched *add_node(watching *w, const tg_node *node)
{
    if (!tgi_grow(&w->nodes, &w->capacity, node->index + 1, sizeof(watched *))) return NULL;
    const size_t tensors = (size_t)node->input_count + 2 * (size_t)node->output_count + (size_t)node->saved_count;
    const size_t bytes = sizeof(watched) + tensors * sizeof(kept);
    watched *made = tgi_calloc(bytes);
    if (!made) return NULL;
    made->bytes = bytes;
    made->serial = node->serial;
    made->inputs = node->input_count;
    while (w->count <= node->index) w->nodes[w->count++] = NULL;
    drop_node(w->nodes[node->index]);
    return w->nodes[node->index] = made;
}

/* An input that was written in place is the output already. */
static bool is_written(const tg_computed *what, int input)
{
    return what->op->in_place_of && what->inputs.items[input] == what->outputs.items[0];
}

static void computed(void *context, const tg_computed *what)
{
    const tg_node *node = what->node;
    watched *made = node ? add_node(context, node) : NULL;
    if (!made) return;
    for (int i = 0; i < node->input_count; i++)
        if (tgi_inputs(node)[i].output < 0 && !is_written(what, i)) keep(&made->tensors[i], what->inputs.items[i]);
    kept *next = made->tensors + node->input_count;
    for (int i = 0; i < node->output_count; i++) keep(next++, what->outputs.items[i]);
    next += node->output_count;
    for (int i = 0; i < node->saved_count; i++, next++)
        if (tgi_saved_of(node)[i].tensor)
            *next = (kept){ tgi_ref(tgi_saved_of(node)[i].tensor), tgi_saved_of(node)[i].version };
}

void tgi_watch_node(const tg_computed *what)
{
    if (own) computed(own, what);
}

/* ---- backward ---- */

static watched *watched_of(const tg_node *node)
{
    if (!own || !node || node->index >= own->count) return NULL;
    watched *w = own->nodes[node->index];
    return w && w->serial == node->serial ? w : NULL;
}

static kept *grad_place(watched *w, const tg_node *node, int i)
{
    return &w->tensors[w->inputs + node->output_count + i];
}

static void add_step(watching *w, tg_walk_step step)
{
    if (w->depth != 1 || !tgi_grow(&w->steps, &w->step_capacity, w->step_count + 1, sizeof *w->steps)) return;
    if (step.node && step.node->index > w->high) w->high = step.node->index;
    if (step.to && step.to->index > w->high) w->high = step.to->index;
    if (step.grad) tgi_ref(step.grad);
    if (step.leaf) tgi_ref(step.leaf);
    if (step.before) tgi_ref(step.before);
    w->steps[w->step_count++] = step;
}

static void walk(void *context, const tg_walk *what)
{
    watching *w = context;
    (void)what;
    if (++w->depth > 1) return;
    forget_walk(w);
    for (int64_t n = 0; n < w->count; n++) {
        watched *of = w->nodes[n];
        const tg_node *node = of ? tgi_self.nodes[n] : NULL;
        for (int i = 0; node && i < node->output_count; i++) {
            tgi_unref(grad_place(of, node, i)->tensor);
            grad_place(of, node, i)->tensor = NULL;
        }
    }
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    watching *w = context;
    watched *of = watched_of(node);
    if (!of && !(of = add_node(w, node))) return; /* recorded before */
    add_step(w, (tg_walk_step){ .event = TG_WALK_VISIT, .node = node });
    for (int i = 0; w->depth == 1 && i < node->output_count; i++) keep(grad_place(of, node, i), grads[i]);
}

tg_walk_step tgi_step_from(const tg_contribution *what, tg_tensor *grad)
{
    return (tg_walk_step){ .event = TG_WALK_EDGE,
                           .node = what->from,
                           .to = what->to,
                           .input = what->input,
                           .output = what->output,
                           .leaf = what->leaf,
                           .grad = grad,
                           .product = what->product != NULL };
}

static void edge(void *context, const tg_contribution *what)
{
    tg_tensor *grad = what->grad;
    if (what->to && what->to->op->part) grad = tgi_engine->clone(grad);
    if (grad) add_step(context, tgi_step_from(what, grad));
}

static void visited(void *context, const tg_node *node)
{
    add_step(context, (tg_walk_step){ .event = TG_WALK_DONE, .node = node });
}

static void leaf_ready(void *context, tg_tensor *leaf, tg_tensor *grad)
{
    watching *w = context;
    const tgi_extra *extra = __atomic_load_n(&leaf->extra, __ATOMIC_ACQUIRE);
    tg_tensor *before = extra && w->depth == 1 ? extra->grad : NULL;
    if (before && !(before = tgi_engine->clone(before))) return; /* it is added to in place */
    add_step(w, (tg_walk_step){ .event = TG_WALK_LEAF, .leaf = leaf, .grad = grad, .before = before });
}

static void walked(void *context, tg_status status)
{
    watching *w = context;
    (void)status;
    if (w->depth > 0) w->depth--; /* 0: it began before we watched */
}

/* ---- on and off ---- */

tg_status tg_watch_at(const char *where, bool on)
{
    static const tg_observer watcher = { .computed = computed,
                                         .walk = walk,
                                         .visit = visit,
                                         .edge = edge,
                                         .visited = visited,
                                         .leaf_ready = leaf_ready,
                                         .walked = walked,
                                         .truncated = truncated,
                                         .ended = ended };
    tgi_begin(where, "watch");
    if (on && !tgi_pool_of_thread()) return TG_FAILED; /* a thread's first memory may begin a tool that watches */
    if (!on && own && (where || !own->by_user)) tg_unobserve(own->number);
    if (on && own) own->by_user |= where != NULL;
    if (!on || own) return TG_OK;
    watching *w = tgi_calloc(sizeof *w);
    if (!w) return TG_FAILED;
    w->high = -1;
    w->by_user = where != NULL;
    w->number = tg_observe_at(NULL, &watcher, w);
    if (w->number >= 0)
        own = w;
    else
        tgi_free(w, sizeof *w);
    return own ? TG_OK : TG_FAILED;
}

bool tg_is_watched(void) { return own != NULL; }

/* ---- asked ---- */

static tg_tensor *unwritten(const kept *place)
{
    tg_tensor *t = place->tensor;
    return t && t->storage->version == place->version ? t : NULL;
}

tg_tensor *tg_node_value(const tg_node *node, int i)
{
    const watched *w = watched_of(node);
    return w && i >= 0 && i < node->output_count ? unwritten(&w->tensors[w->inputs + i]) : NULL;
}

tg_tensor *tg_node_input_value(const tg_node *node, int i)
{
    const watched *w = watched_of(node);
    if (!w || i < 0 || i >= w->inputs) return NULL;
    const tgi_edge *edge = &tgi_inputs(node)[i];
    return edge->output < 0 ? unwritten(&w->tensors[i]) : tg_node_value(edge->to.node, edge->output);
}

tg_tensor *tg_node_constant(const tg_node *node, int i)
{
    const bool is_constant = node && i >= 0 && i < node->input_count && tgi_inputs(node)[i].output == TGI_TO_NOWHERE;
    return is_constant ? tg_node_input_value(node, i) : NULL;
}

bool tg_node_leaf_written(const tg_node *node, int i)
{
    const watched *w = watched_of(node);
    return w && i >= 0 && i < w->inputs && tgi_inputs(node)[i].output == TGI_TO_LEAF && w->tensors[i].tensor &&
           !unwritten(&w->tensors[i]);
}

tg_tensor *tg_node_kept(const tg_node *node, int i)
{
    const watched *w = watched_of(node);
    return w && i >= 0 && i < node->saved_count ? w->tensors[w->inputs + 2 * node->output_count + i].tensor : NULL;
}

tg_tensor *tg_node_grad(const tg_node *node, int i)
{
    watched *w = watched_of(node);
    return w && i >= 0 && i < node->output_count ? grad_place(w, node, i)->tensor : NULL;
}

int64_t tg_walk_length(void) { return own ? own->step_count : 0; }

tg_walk_step tg_walk_step_at(int64_t i)
{
    const tg_walk_step none = { .event = TG_WALK_EDGE };
    return i >= 0 && i < tg_walk_length() ? own->steps[i] : none;
}
