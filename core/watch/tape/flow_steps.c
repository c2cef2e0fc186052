/* flow_steps.c: gradients by time step: which results a step hands on, and which loop it belongs to. */
#include "flow_impl.h"

#include "core/thread.h"

#include <math.h>
#include <string.h>

/* The innermost label around it that counts. */
static const tg_place *step_of(const tg_place *place)
{
    while (place && place->step < 0) place = place->outer;
    return place;
}

static bool is_inside(const tg_place *place, const tg_place *outer)
{
    while (place && place != outer) place = place->outer;
    return place == outer;
}

/* ---- which outputs ---- */

static bool choose_named(tg_flow *flow, const tg_node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        const char *name = tg_node_output_name(node, i);
        if (name && !strcmp(name, flow->state) && tgi_addresses_add(&flow->handed_on, &tgi_outputs(node)[i]) < 0)
            return false;
    }
    return true;
}

static bool choose_handed_on(tg_flow *flow, const tg_node *reader)
{
    for (int i = 0; i < reader->input_count; i++) {
        const tgi_edge *edge = &tgi_inputs(reader)[i];
        const tg_place *step = edge->output < 0 ? NULL : step_of(tg_node_place(edge->to.node));
        if (!step || is_inside(tg_node_place(reader), step)) continue;
        if (tgi_addresses_add(&flow->handed_on, &tgi_outputs(edge->to.node)[edge->output]) < 0) return false;
    }
    return true;
}

bool tgi_flow_choose(tg_flow *flow)
{
    bool ok = true;
    tgi_addresses_free(&flow->handed_on);
    for (int64_t n = 0; ok && n < tgi_self.node_count; n++)
        ok = flow->by_name ? choose_named(flow, tgi_self.nodes[n]) : choose_handed_on(flow, tgi_self.nodes[n]);
    return ok;
}

/* ---- which loop ---- */

static void put(char name[TGI_FLOW_NAME], size_t *length, const char *text, size_t count)
{
    if (*length + count >= TGI_FLOW_NAME) count = TGI_FLOW_NAME - 1 - *length;
    memcpy(name + *length, text, count);
    *length += count;
    name[*length] = '\0';
}

/* "Net.layer 1.t" of t=3 in it. Labels around the outermost module, such as those of epochs, are no part of it. */
static void name_loop(const tg_flow *flow, const tg_place *step, char name[TGI_FLOW_NAME])
{
    enum { DEEPEST = 64 };
    const tg_place *around[DEEPEST];
    int count = 0, outermost = 0; /* how many are around it, from the inside out, and up to which there is a module */
    size_t length = 0;
    for (const tg_place *p = step ? step->outer : NULL; p && count < DEEPEST; p = p->outer) {
        around[count++] = p;
        if (p->kind) outermost = count;
    }
    name[0] = '\0';
    if (flow->by_name) put(name, &length, flow->state, strlen(flow->state));
    if (flow->by_name && step) put(name, &length, " in ", 4);
    for (int i = outermost - 1; i >= 0; i--) {
        put(name, &length, around[i]->name, strlen(around[i]->name));
        put(name, &length, ".", 1);
    }
    if (!step) return;
    size_t end = strlen(step->name);
    while (end && strchr("0123456789", step->name[end - 1])) end--;
    while (end && strchr("= :", step->name[end - 1])) end--;
    put(name, &length, step->name, end);
}

static tgi_flow_steps *loop_of(tg_flow *flow, const tg_place *step)
{
    char name[TGI_FLOW_NAME];
    name_loop(flow, step, name);
    for (int64_t i = 0; i < flow->step_count; i++)
        if (!strcmp(flow->steps[i].name, name)) return &flow->steps[i];
    if (!tgi_grow(&flow->steps, &flow->step_capacity, flow->step_count + 1, sizeof *flow->steps)) return NULL;
    tgi_flow_steps *made = &flow->steps[flow->step_count++];
    *made = (tgi_flow_steps){ .entries = NULL };
    memcpy(made->name, name, sizeof name);
    return made;
}

/* ---- what came ---- */

/* Steps come one after the other, so that the entry of this one is among the last, if there is one already. */
static void add(tg_flow *flow, tgi_flow_steps *loop, int64_t step, double norm)
{
    const int64_t walk = flow->walks;
    for (int64_t i = loop->count - 1; i >= 0 && loop->entries[i].walk == walk; i--) {
        if (loop->entries[i].step != step) continue;
        loop->entries[i].norm = hypot(loop->entries[i].norm, norm);
        return;
    }
    if (!tgi_grow(&loop->entries, &loop->capacity, loop->count + 1, sizeof *loop->entries)) return;
    loop->entries[loop->count++] = (tgi_flow_entry){ walk, step, norm };
    if (step >= loop->steps) loop->steps = step + 1;
}

void tgi_flow_visit(tg_flow *flow, const tg_node *node, tg_tensor *const *grads)
{
    for (int i = 0; i < node->output_count; i++) {
        const int64_t order = tgi_addresses_find(&flow->handed_on, &tgi_outputs(node)[i]);
        if (order < 0 || !grads[i]) continue;
        const tg_place *step = step_of(tg_node_place(node));
        tgi_flow_steps *loop = loop_of(flow, step);
        if (loop) add(flow, loop, step ? step->step : order, tgi_distance(grads[i], NULL));
    }
}
