/* observe.c: who watches a thread, and how they are told.
 *
 * An observer may register and remove observers, begin and end walks, call any op: while it is told, the thread has no
 * observers (tgi_self.observers is NULL), and what it does is as unseen as if it were another thread's. */
#include "observe_impl.h"
#include "tape_impl.h"

#include <string.h>

static tgi_observers *all(void) { return tgi_self.pool ? tgi_self.pool->rare.observers : NULL; }

bool tg_is_observed(void) { return tgi_self.observers != NULL; }

/* ---- telling ---- */

/* What surrounds a function of the user's in the middle of a call. Not that of a plain observer, which needs nothing. */
typedef struct telling {
    bool begun;
    tg_scope scope;
    tgi_place place;
    int64_t floor;
    bool flushing, seen;
    uint8_t looks;
} telling;

static bool begin_telling(telling *t)
{
    if (t->begun) return true;
    t->begun = true;
    t->looks = tgi_self.looks;
    tgi_self.looks = 0;
    tgi_self.observers = NULL;
    tgi_self.pool->rare.telling = true;
    t->place = tgi_place_keep();
    t->flushing = tgi_set_flushing(false);
    t->seen = tgi_set_seen(true);
    t->scope = tg_no_grad_begin_at(NULL);
    t->floor = tgi_self.scope_floor;
    tgi_self.scope_floor = tgi_self.scope_count;
    return t->scope.depth >= 0;
}

/* False with an error pending. */
static bool end_telling(const telling *t)
{
    if (t->begun) {
        tgi_self.scope_floor = t->floor;
        if (t->scope.depth >= 0) tgi_scope_end_keeping_nodes(t->scope);
        tgi_set_seen(t->seen);
        tgi_set_flushing(t->flushing);
        tgi_place_back(t->place);
        tgi_self.pool->rare.telling = false;
        tgi_self.looks = t->looks;
        tgi_self.observers = all();
    }
    return !tgi_self.error;
}

static const tgi_observing *after(int64_t number)
{
    const tgi_observing *o = all() ? all()->first : NULL;
    while (o && o->number <= number) o = o->next;
    return o;
}

/* Each may remove any: the list is read anew after each. One plain observer alone, as a profile, is told at once. What is done while an error is pending nobody is told of. */
#define TELL(function, ...)                                                                                            \
    if (tgi_self.error) return true;                                                                                   \
    const tgi_observing *only = tgi_self.observers ? tgi_self.observers->only : NULL;                                  \
    if (only) {                                                                                                        \
        if (only->functions.function) only->functions.function(only->context, __VA_ARGS__);                            \
        return true;                                                                                                   \
    }                                                                                                                  \
    telling t = { .begun = false };                                                                                    \
    int64_t told = -1;                                                                                                 \
    for (const tgi_observing *o; !tgi_self.error && (o = after(told));) {                                              \
        told = o->number;                                                                                              \
        if (o->functions.function && (o->functions.plain || begin_telling(&t)))                                        \
            o->functions.function(o->context, __VA_ARGS__);                                                            \
    }                                                                                                                  \
    return end_telling(&t)

/* Told of what failed, too: of what begins and ends everybody is told both, whatever another one did, or no memory. */
#define TELL_ALWAYS(function, ...)                                                                                     \
    telling t = { .begun = false };                                                                                    \
    const bool failed = tgi_self.error;                                                                                \
    int64_t told = -1;                                                                                                 \
    for (const tgi_observing *o; (o = after(told));) {                                                                 \
        told = o->number;                                                                                              \
        if (!o->functions.function) continue;                                                                          \
        if (!o->functions.plain) begin_telling(&t);                                                                    \
        o->functions.function(o->context, __VA_ARGS__);                                                                \
    }                                                                                                                  \
    return end_telling(&t) || failed

static bool tell_computed(const tg_computed *what) { TELL(computed, what); }

/* The place is the node's before anybody sees it. */
static tg_status computed(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_node *node)
{
    if (node) node->place = (uint32_t)tgi_place_number() & 0xffffff;
    const tg_computed what = { op, inputs, outputs, node };
    return tell_computed(&what) ? TG_OK : TG_FAILED;
}

static bool tell_began(const tg_op *op, tg_tensor_list inputs) { TELL(began, op, inputs); }

static bool began(const tg_op *op, tg_tensor_list inputs, bool by_user)
{
    tgi_self.observers->by_user = by_user;
    return tell_began(op, inputs);
}

static bool tell_returned(const tg_op *op) { TELL(returned, op); }
static void returned(const tg_op *op) { tell_returned(op); }

static bool tell_entered(const tg_place *place, tg_tensor_list inputs) { TELL_ALWAYS(entered, place, inputs); }

static bool entered(tg_tensor_list inputs) { return tgi_place_enter() && tell_entered(tg_place_now(), inputs); }

static bool walk(const tg_walk *walk) { TELL_ALWAYS(walk, walk); }
static bool tell_visit(const tg_node *node, tg_tensor *const *grads) { TELL(visit, node, grads); }
static bool edge(const tg_contribution *what) { TELL(edge, what); }
static bool tell_visited(const tg_node *node) { TELL(visited, node); }
static bool leaf_ready(tg_tensor *leaf, tg_tensor *grad) { TELL(leaf_ready, leaf, grad); }
static bool product(const tg_node *node, const tg_product *product) { TELL(product, node, product); }

static bool evaluating(const tg_node *last, const tg_product *products, int64_t count)
{
    TELL(evaluating, last, products, count);
}

/* What the node's backward records belongs where the node does. */
static bool visit(const tg_node *node, tg_tensor *const *grads)
{
    tgi_place_lend((int32_t)node->place);
    return tell_visit(node, grads);
}

static bool visited(const tg_node *node)
{
    tgi_place_lend(0);
    return tell_visited(node);
}

static bool again(const tg_node *node, bool begins)
{
    tgi_self.pool->rare.again += begins ? -tgi_self.node_count : tgi_self.node_count;
    if (begins)
        tgi_place_resume((int32_t)node->place);
    else
        tgi_place_lend((int32_t)node->place);
    return !tgi_self.error;
}

static bool tell_left(const tg_place *place, tg_tensor_list outputs) { TELL_ALWAYS(left, place, outputs); }

static bool left(tg_tensor_list outputs) { return !tgi_place_leave() || tell_left(tg_place_now(), outputs); }

static bool tell_walked(tg_status status) { TELL_ALWAYS(walked, status); }

static bool walked(tg_status status)
{
    tgi_place_lend(0);
    return tell_walked(status);
}

static bool task(const tg_task *task, bool begins) { TELL_ALWAYS(task, task, begins); }

/* In the middle of a scope's end: no scope can begin here. */
static void truncated(int64_t length)
{
    int64_t told = -1;
    tgi_self.observers = NULL;
    tgi_self.pool->rare.telling = true;
    for (const tgi_observing *o; (o = after(told));) {
        told = o->number;
        if (o->functions.truncated) o->functions.truncated(o->context, length);
    }
    tgi_self.pool->rare.telling = false;
    tgi_self.observers = all();
}

static const tgi_telling tell = { .computed = computed,
                                  .began = began,
                                  .returned = returned,
                                  .entered = entered,
                                  .left = left,
                                  .name = tgi_name_once,
                                  .walk = walk,
                                  .visit = visit,
                                  .edge = edge,
                                  .visited = visited,
                                  .again = again,
                                  .product = product,
                                  .evaluating = evaluating,
                                  .leaf_ready = leaf_ready,
                                  .walked = walked,
                                  .task = task,
                                  .truncated = truncated };

/* ---- registering ---- */

static void count_functions(tgi_observers *observers)
{
    observers->edges = observers->leaves = false;
    for (const tgi_observing *o = observers->first; o; o = o->next) {
        observers->edges |= o->functions.edge != NULL;
        observers->leaves |= o->functions.leaf_ready != NULL;
    }
    const tgi_observing *first = observers->first;
    observers->only = first && !first->next && first->functions.plain ? first : NULL;
}

static int64_t next_number(void)
{
    static int64_t numbers; /* of the process */
    return __atomic_fetch_add(&numbers, 1, __ATOMIC_RELAXED);
}

static tgi_observing **end_of(tgi_observers *observers)
{
    tgi_observing **link = &observers->first;
    while (*link) link = &(*link)->next;
    return link;
}

static void end(tgi_observing *o)
{
    if (o->functions.ended) o->functions.ended(o->context);
    tgi_free(o, sizeof *o);
}

static void free_if_empty(tgi_pool *pool)
{
    if (pool->rare.observers->first) return;
    tgi_free(pool->rare.observers, sizeof *pool->rare.observers);
    tgi_self.observers = pool->rare.observers = NULL;
}

/* The one at `link` is none any more before it is told, since it may register and remove others. */
static void take_off(tgi_observing **link)
{
    tgi_observing *gone = *link;
    *link = gone->next;
    count_functions(all());
    free_if_empty(tgi_self.pool);
    end(gone);
}

/* The thread ends: it is watched no more, and what is registered now ends at once. */
static void release(void)
{
    if (tgi_self.pool) tgi_self.pool->rare.telling = true;
    tgi_self.observers = NULL;
    while (all() && all()->first) take_off(&all()->first);
    if (tgi_self.pool) tgi_self.pool->rare.telling = false;
    tgi_places_free();
}

static tgi_observers *observers_of(tgi_pool *pool)
{
    pool->rare.release_watchers = release;
    if (pool->rare.observers) return pool->rare.observers;
    tgi_observers *made = pool->rare.observers = tgi_calloc(sizeof *made);
    if (made) made->tell = &tell;
    return made;
}

int64_t tg_observe_at(const char *where, const tg_observer *observer, void *context)
{
    tgi_begin(where, "observe");
    if (tg_failed()) return -1;
    if (!observer) return tg_fail_at(NULL, TG_ERROR_NULL, "observe", "the observer is NULL"), -1;
    tgi_pool *pool = tgi_pool_of_thread();
    if (!pool) return -1;
    tgi_observers *observers = observers_of(pool);
    tgi_observing *added = observers ? tgi_calloc(sizeof *added) : NULL;
    if (!added) {
        if (observers) free_if_empty(pool);
        return -1;
    }
    *added = (tgi_observing){ NULL, next_number(), context, *observer };
    *end_of(observers) = added;
    count_functions(observers);
    if (!pool->rare.telling) tgi_self.observers = observers;
    return added->number;
}

void tg_unobserve(int64_t number)
{
    tgi_observers *observers = all();
    if (!observers) return;
    tgi_observing **link = &observers->first;
    while (*link && (*link)->number != number) link = &(*link)->next;
    if (*link) take_off(link);
}

/* ---- alone ---- */

void tgi_observe_alone(tgi_alone *alone, const tg_observer *observer, void *context)
{
    tgi_rare *rare = &tgi_self.pool->rare;
    alone->observing = (tgi_observing){ NULL, next_number(), context, *observer };
    alone->only = (tgi_observers){ .tell = &tell, .first = &alone->observing };
    alone->all = rare->observers;
    alone->told = tgi_self.observers;
    alone->telling = rare->telling;
    rare->telling = false;
    tgi_self.observers = rare->observers = &alone->only;
    count_functions(&alone->only);
}

void tgi_observe_alone_end(tgi_alone *alone)
{
    tgi_rare *rare = &tgi_self.pool->rare;
    tgi_observing *more = alone->observing.next;
    rare->observers = alone->all;
    rare->telling = alone->telling;
    tgi_self.observers = alone->told;
    tgi_observers *observers = more ? observers_of(tgi_self.pool) : NULL;
    if (observers) *end_of(observers) = more;
    for (tgi_observing *next; more && !observers; more = next) {
        next = more->next;
        end(more);
    }
    if (!observers) return;
    count_functions(observers);
    if (!rare->telling) tgi_self.observers = observers;
}

/* ---- what is left on the tape ---- */

tgi_traces tgi_traces_begin(void)
{
    return (tgi_traces){ tgi_self.node_count, tgi_self.pool ? tgi_self.pool->rare.again : 0 };
}

void tgi_traces_end(const tgi_traces *traces)
{
    const int64_t more = tgi_self.node_count - traces->length;
    if (more > 0 && tgi_self.pool->rare.again - traces->again == more) tgi_tape_truncate(traces->length);
}
