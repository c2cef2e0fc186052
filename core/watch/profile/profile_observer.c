/* profile_observer.c: what is told of ops, modules, walks and tasks, made a stack of what is at work.
 *
 * The beginning of everything is told; the end of some is not (profile.h says of which ops), nor that of what an error
 * left. So an event first takes off what must have ended before it. Each function here costs some 20 ns: it looks
 * up one row at most, in a table of a few lines of the cache. */
#include "profile_impl.h"

#include "core/tape_impl.h"

#include <string.h>

static int64_t live_bytes(void) { return tgi_self.pool ? tgi_self.pool->live_bytes : 0; }

/* ---- the stack ---- frames[0] is the program */

static inline tgi_work_frame *top(tgi_profile *p) { return &p->frames[p->depth - 1]; }

static tgi_work_frame *push(tgi_profile *p, tgi_work work, const void *what, const char *where, uint64_t now)
{
    if (p->depth == p->frame_capacity &&
        !tgi_profile_grow(&p->frames, &p->frame_capacity, p->depth + 1, sizeof *p->frames))
        return NULL;
    const uint8_t outer = p->depth ? top(p)->key.phase : TGI_OUTSIDE;
    tgi_work_frame *f = &p->frames[p->depth++];
    *f = (tgi_work_frame){ .key = { .what = what, .where = where, .work = (uint8_t)work, .phase = outer },
                           .start = now,
                           .memory = live_bytes(),
                           .row = -1 };
    if (outer == TGI_OUTSIDE && work != TGI_OTHER_WORK) f->key.phase = TGI_FORWARD;
    return f;
}

static const char *name_of(const tgi_work_frame *f)
{
    switch (f->key.work) {
    case TGI_MODULE: return "(modules)";
    case TGI_WALK: return "(backward)";
    default: return f->op ? f->op->name : "?";
    }
}

static void add_event(tgi_profile *p, const tgi_work_frame *f, uint64_t now)
{
    if (p->event_count >= p->options.most_events ||
        !tgi_profile_grow(&p->events, &p->event_capacity, p->event_count + 1, sizeof *p->events)) {
        p->events_lost++;
        return;
    }
    p->events[p->event_count++] = (tgi_profile_event){ f->start, now, f->flops, f->row };
}

/* Ends the innermost one. */
static void pop(tgi_profile *p, uint64_t now)
{
    tgi_work_frame *f = top(p);
    if (f->row < 0) f->row = tgi_profile_row_of(p, &f->key, name_of(f));
    tgi_profile_row *row = &p->rows[f->row];
    const uint64_t total = now - f->start;
    const int64_t live = live_bytes(), memory = live - f->memory;
    row->calls++;
    row->self += total - f->children;
    if (f->key.work != TGI_EVALUATING || p->depth < 2 || f[-1].key.work != TGI_VISIT) row->total += total;
    row->flops += f->flops;
    row->bytes += f->bytes;
    row->memory += memory - f->memory_of_children;
    if (live > row->peak) row->peak = live;
    if (live > p->peak) {
        p->peak = live;
        p->peak_row = f->row;
    }
    if (p->options.trace && f->key.work != TGI_OTHER_WORK) add_event(p, f, now);
    p->depth--;
    if (!p->depth) return;
    top(p)->children += total;
    top(p)->memory_of_children += memory;
}

static void pop_to(tgi_profile *p, int64_t depth, uint64_t now)
{
    while (p->depth > depth) pop(p, now);
}

/* Where the innermost frame of a kind stands, walks and tasks being the limit, and for ops all that is no op; -1: there is
 * none. */
static int64_t find(const tgi_profile *p, tgi_work work, const void *what)
{
    for (int64_t i = p->depth - 1; i > 0; i--) {
        const tgi_profile_key *k = &p->frames[i].key;
        if (k->work == work && (!what || k->what == what)) return i;
        if (k->work == TGI_CALL) continue;
        if (k->work == TGI_WALK || k->work == TGI_TASK || work == TGI_CALL) return -1;
    }
    return -1;
}

static bool at_work(const tgi_inside *inside)
{
    const tgi_inside *i = tgi_self.inside;
    while (i && i != inside) i = i->outer;
    return i != NULL;
}

/* Modules that an error left. */
static void end_modules(tgi_profile *p, uint64_t now)
{
    const int64_t i = find(p, TGI_MODULE, NULL);
    if (i < 0 || p->frames[i].inside == tgi_self.inside || at_work(p->frames[i].inside)) return;
    pop_to(p, i, now);
    end_modules(p, now);
}

/* Ops of the library call no modules, begin no walks, and call nothing as the program does. */
static void end_calls(tgi_profile *p, uint64_t now)
{
    while (top(p)->key.work == TGI_CALL && top(p)->op->schema) pop(p, now);
}

/* The innermost op has ended when another one begins whose function stands no deeper on the stack. */
static bool has_ended(const tgi_work_frame *f, const void *stack) { return (uintptr_t)stack >= (uintptr_t)f->stack; }

/* ---- ops ---- */

/* Checks of modules and such go by the name of an op, and are none. */
static bool is_op(const tg_op *op) { return op->schema || op->backward; }

/* What a backward calls belongs to the line of its node. */
static const char *line_of_call(tgi_profile *p)
{
    const tgi_profile_key *outer = &top(p)->key;
    const bool in_visit = outer->work == TGI_VISIT || (outer->work == TGI_CALL && outer->phase == TGI_BACKWARD);
    return in_visit ? outer->where : tgi_self.where;
}

static void began(void *context, const tg_op *op, tg_tensor_list inputs)
{
    tgi_profile *p = context;
    if (!p->collecting || !is_op(op)) return;
    const void *stack = __builtin_frame_address(0);
    const uint64_t now = tgi_ticks();
    if (tgi_self.pool->rare.observers->by_user) end_calls(p, now);
    end_modules(p, now);
    while (top(p)->key.work == TGI_CALL && has_ended(top(p), stack)) pop(p, now);
    tgi_work_frame *f = push(p, TGI_CALL, op, line_of_call(p), now);
    if (!f) return;
    f->op = op;
    f->stack = stack;
    if (p->options.shapes) f->key.shapes = tgi_profile_shapes(inputs);
    if (op->backward && !p->options.shapes) return; /* its row is looked up when it ends */
    f->key.place = tgi_profile_place_of(p, tgi_place_number());
    f->row = tgi_profile_row_of(p, &f->key, op->name);
    if (p->options.shapes) tgi_profile_row_shapes(p, f->row, inputs);
}

static double bytes_of(const tg_tensor *t) { return t ? (double)t->numel * (double)tgi_element_size(t) : 0; }

/* What an op moves at least: a view nothing. */
static double moved(const tg_computed *what)
{
    double bytes = 0;
    for (int64_t i = 0; i < what->outputs.count; i++) {
        if (what->outputs.items[i]->is_view) return 0;
        bytes += bytes_of(what->outputs.items[i]);
    }
    for (int64_t i = 0; i < what->inputs.count; i++) bytes += bytes_of(what->inputs.items[i]);
    return bytes;
}

/* Backward's part: it reads the gradients of the outputs and what was saved, and writes those that are wanted. */
static void remember(tgi_profile *p, const tg_computed *what, int32_t row)
{
    const tg_node *node = what->node;
    if (!tgi_profile_grow(&p->nodes, &p->node_capacity, (int64_t)node->index + 1, sizeof *p->nodes)) return;
    tgi_profile_node *n = &p->nodes[node->index];
    *n = (tgi_profile_node){ .serial = node->serial, .row = row };
    for (int64_t i = 0; i < what->outputs.count; i++) {
        if (what->outputs.items[i]->is_view) return;
        n->bytes += bytes_of(what->outputs.items[i]);
    }
    for (int i = 0; i < node->saved_count; i++) n->bytes += bytes_of(tgi_saved_of(node)[i].tensor);
    for (int i = 0; i < node->input_count; i++) {
        if (tgi_inputs(node)[i].output == TGI_TO_NOWHERE) continue;
        n->bytes += bytes_of(what->inputs.items[i]);
        if (what->op->flops) n->flops += what->op->flops(what, i);
    }
}

static void computed(void *context, const tg_computed *what)
{
    tgi_profile *p = context;
    if (!p->collecting) return;
    const uint64_t now = tgi_ticks();
    const int64_t i = find(p, TGI_CALL, what->op);
    if (i >= 0)
        pop_to(p, i + 1, now);
    else if (!push(p, TGI_CALL, what->op, tgi_self.where, now)) /* nobody said that it began */
        return;
    tgi_work_frame *f = top(p);
    f->op = what->op;
    if (f->row < 0) {
        f->key.place = tgi_profile_place_of(p, what->node ? (int32_t)what->node->place : tgi_place_number());
        f->row = tgi_profile_row_of(p, &f->key, what->op->name);
    }
    if (what->op->flops) f->flops = what->op->flops(what, -1);
    f->bytes = moved(what);
    if (what->node) remember(p, what, f->row);
    pop(p, now);
}

static void returned(void *context, const tg_op *op)
{
    tgi_profile *p = context;
    if (!p->collecting) return;
    const int64_t i = find(p, TGI_CALL, op);
    if (i >= 0 && (op || !(p->frames[i].op->backward || p->frames[i].op->composite))) pop_to(p, i, tgi_ticks());
}

/* ---- modules ---- */

static void entered(void *context, const tg_place *place, tg_tensor_list inputs)
{
    (void)inputs;
    tgi_profile *p = context;
    if (!p->collecting) return;
    const uint64_t now = tgi_ticks();
    const int64_t stale = find(p, TGI_MODULE, NULL);
    if (stale >= 0 && p->frames[stale].inside == tgi_self.inside) pop_to(p, stale, now);
    end_modules(p, now);
    end_calls(p, now);
    tgi_work_frame *f = push(p, TGI_MODULE, NULL, tgi_self.where, now);
    if (!f) return;
    f->inside = tgi_self.inside;
    f->key.place = place ? tgi_profile_place_of(p, place->number) : 0;
}

static void left(void *context, const tg_place *place, tg_tensor_list outputs)
{
    (void)place, (void)outputs;
    tgi_profile *p = context;
    if (!p->collecting) return;
    const uint64_t now = tgi_ticks();
    end_modules(p, now);
    const int64_t i = find(p, TGI_MODULE, NULL);
    if (i >= 0 && p->frames[i].inside == tgi_self.inside) pop_to(p, i, now);
}

/* ---- walks ---- */

static void walk(void *context, const tg_walk *what)
{
    tgi_profile *p = context;
    if (!p->collecting) return;
    const uint64_t now = tgi_ticks();
    end_modules(p, now);
    end_calls(p, now);
    tgi_work_frame *f = push(p, TGI_WALK, NULL, what->where, now);
    if (f) f->key.phase = TGI_BACKWARD;
}

/* Ends the innermost walk or task, whatever an error left above it. */
static void end_around(tgi_profile *p, tgi_work work)
{
    const uint64_t now = tgi_ticks();
    int64_t i = p->depth - 1;
    while (i > 0 && p->frames[i].key.work != work) i--;
    if (i > 0) pop_to(p, i, now);
}

static void walked(void *context, tg_status status)
{
    (void)status;
    tgi_profile *p = context;
    if (p->collecting) end_around(p, TGI_WALK);
}

/* Nodes of which only the gradient was asked for, and which therefore did not run, and what a hook left. */
static void end_visits(tgi_profile *p, uint64_t now)
{
    while (top(p)->key.work != TGI_WALK && top(p)->key.work != TGI_TASK && p->depth > 1) pop(p, now);
}

static int32_t visits_of(tgi_profile *p, const tg_node *node, tgi_work_frame *f)
{
    const tgi_profile_node *n = node->index < p->node_capacity ? &p->nodes[node->index] : NULL;
    if (!n || n->serial != node->serial || !n->row) {
        f->key.place = tgi_profile_place_of(p, (int32_t)node->place);
        return tgi_profile_row_of(p, &f->key, node->op->name);
    }
    f->flops = n->flops;
    f->bytes = n->bytes;
    tgi_profile_row *row = &p->rows[n->row];
    if (row->visits && p->rows[row->visits].key.phase == f->key.phase) return row->visits;
    f->key.place = row->key.place;
    f->key.shapes = row->key.shapes;
    const char *shapes = row->shapes;
    const int32_t visits = tgi_profile_row_of(p, &f->key, node->op->name);
    p->rows[n->row].visits = visits; /* the rows may have moved */
    if (visits) p->rows[visits].shapes = shapes;
    return visits;
}

static void visit(void *context, const tg_node *node, tg_tensor *const *grads)
{
    (void)grads;
    tgi_profile *p = context;
    if (!p->collecting) return;
    const uint64_t now = tgi_ticks();
    end_visits(p, now);
    tgi_work_frame *f = push(p, TGI_VISIT, node->op, node->where, now);
    if (!f) return;
    f->op = node->op;
    f->row = visits_of(p, node, f);
}

static void visited(void *context, const tg_node *node)
{
    tgi_profile *p = context;
    if (!p->collecting) return;
    const int64_t i = find(p, TGI_VISIT, node->op);
    if (i >= 0) pop_to(p, i, tgi_ticks());
}

/* A product that is evaluated later is counted there. */
static double flops_of(const tg_product *product)
{
    const double factor = (double)product->a->numel;
    return product->b ? 2 * factor * (double)product->b->dims[!product->transpose_b] : factor;
}

static void product(void *context, const tg_node *node, const tg_product *what)
{
    tgi_profile *p = context;
    if (!p->collecting) return;
    const int64_t i = find(p, TGI_VISIT, node->op);
    if (i < 0) return;
    tgi_work_frame *f = &p->frames[i];
    const double flops = flops_of(what);
    f->flops = f->flops > flops ? f->flops - flops : 0;
}

/* It is the backward of the op that handed the products over, late. */
static void evaluating(void *context, const tg_node *last, const tg_product *products, int64_t count)
{
    tgi_profile *p = context;
    if (!p->collecting) return;
    const uint64_t now = tgi_ticks();
    if (!last) {
        const int64_t i = find(p, TGI_EVALUATING, NULL);
        if (i >= 0) pop_to(p, i, now);
        return;
    }
    tgi_work_frame *f = push(p, TGI_EVALUATING, last->op, last->where, now);
    if (!f) return;
    f->op = last->op;
    f->key.place = tgi_profile_place_of(p, (int32_t)last->place);
    for (int64_t i = 0; i < count; i++) {
        f->flops += flops_of(&products[i]);
        f->bytes += bytes_of(products[i].a) + bytes_of(products[i].b);
    }
}

/* ---- tasks ---- */

/* As many steps as were asked for have been skipped, or counted. */
static void count_step(tgi_profile *p)
{
    const int64_t seen = ++p->steps_seen, skip = p->options.skip, steps = p->options.steps;
    if (p->collecting) p->steps++;
    if (seen == skip) tgi_profile_collect(p);
    if (steps > 0 && seen - skip >= steps && p->collecting) tgi_profile_stop(p);
}

static void begin_task(tgi_profile *p, const tg_task *what)
{
    const uint64_t now = tgi_ticks();
    end_modules(p, now);
    end_calls(p, now);
    tgi_work_frame *f = push(p, TGI_TASK, what->of ? what->of : what->what, what->where, now);
    if (!f) return;
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", what->of ? what->of : "", what->of ? "." : "", what->what);
    f->key.phase = strcmp(what->what, "load") == 0 ? TGI_LOADING : TGI_OPTIMIZER;
    f->key.shapes = (uintptr_t)what->what; /* the rest of its name */
    f->row = tgi_profile_row_of(p, &f->key, name);
}

static void task(void *context, const tg_task *what, bool begins)
{
    tgi_profile *p = context;
    if (begins) {
        if (p->collecting) begin_task(p, what);
        return;
    }
    if (p->collecting) end_around(p, TGI_TASK);
    if (strcmp(what->what, "step") == 0) count_step(p);
}

/* ---- beginning and ending ---- */

void tgi_profile_collect(tgi_profile *p)
{
    p->begins = tgi_moment_now();
    p->collecting = true;
    p->peak = live_bytes();
    p->depth = 0;
    tgi_work_frame *f = push(p, TGI_OTHER_WORK, NULL, NULL, p->begins.ticks);
    f->row = 0; /* there is room for 256 */
}

void tgi_profile_stop(tgi_profile *p)
{
    if (!p->collecting) return;
    p->collecting = false;
    p->ends = tgi_moment_now();
    pop_to(p, 0, p->ends.ticks);
}

const tg_observer tgi_profile_observer = { .entered = entered,
                                           .left = left,
                                           .began = began,
                                           .computed = computed,
                                           .returned = returned,
                                           .walk = walk,
                                           .visit = visit,
                                           .visited = visited,
                                           .walked = walked,
                                           .product = product,
                                           .evaluating = evaluating,
                                           .task = task,
                                           .plain = true };
