/* profile_report.c: rows added up: by op, by place, by line. */
#include "profile_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double tgi_profile_seconds(const tgi_profile *p, uint64_t ticks)
{
    const uint64_t all = p->ends.ticks - p->begins.ticks, nanoseconds = p->ends.nanoseconds - p->begins.nanoseconds;
    return all ? (double)ticks * (1e-9 * (double)nanoseconds / (double)all) : 0;
}

/* ---- the entries that are being made ---- */

typedef struct gathering {
    tgi_profile *profile;
    tg_profile_entry *entries;
    int64_t count, capacity;
    bool failed;
} gathering;

/* The entry of that name, made if need be. The last one is often the one. */
static tg_profile_entry *entry_of(gathering *g, const char *name)
{
    for (int64_t i = g->count - 1; i >= 0; i--)
        if (g->entries[i].name == name || strcmp(g->entries[i].name, name) == 0) return &g->entries[i];
    if (!tgi_profile_grow(&g->entries, &g->capacity, g->count + 1, sizeof *g->entries)) {
        g->failed = true;
        return NULL;
    }
    g->entries[g->count] = (tg_profile_entry){ .name = tgi_profile_text(g->profile, name) };
    return &g->entries[g->count++];
}

static tg_profile_cost *cost_of(tg_profile_entry *e, const tgi_profile_row *row)
{
    return row->key.phase == TGI_FORWARD ? &e->forward : row->key.phase == TGI_BACKWARD ? &e->backward : &e->rest;
}

static void add(gathering *g, tg_profile_entry *e, const tgi_profile_row *row, bool counts_calls)
{
    if (!e) return;
    tg_profile_cost *cost = cost_of(e, row);
    if (counts_calls) cost->calls += row->calls;
    cost->self += tgi_profile_seconds(g->profile, row->self);
    cost->flops += row->flops;
    cost->bytes += row->bytes;
    e->memory += row->memory;
    if (row->peak > e->peak_bytes) e->peak_bytes = row->peak;
}

/* ---- by op ---- */

static const char *name_of(const tgi_profile_row *row, bool shapes, char *text, size_t size)
{
    static const char *const inside[TGI_PHASES] = { "", " (in backward)", " (in the optimizer)", " (in loading)", "" };
    const bool op = row->key.work == TGI_CALL;
    snprintf(text, size, "%s%s%s%s", row->name, op ? inside[row->key.phase] : "", shapes && row->shapes[0] ? " " : "",
             shapes ? row->shapes : "");
    return text;
}

static void gather_by_op(gathering *g, bool shapes)
{
    char text[768];
    for (int64_t i = 0; i < g->profile->row_count; i++) {
        const tgi_profile_row *row = &g->profile->rows[i];
        tg_profile_entry *e = entry_of(g, name_of(row, shapes, text, sizeof text));
        add(g, e, row, row->key.work != TGI_EVALUATING);
        if (e) cost_of(e, row)->total += tgi_profile_seconds(g->profile, row->total);
    }
}

/* ---- by line ---- */

/* A line's calls are those of ops, nodes and tasks, not of what backward calls in turn. */
static bool counts_for_line(const tgi_profile_key *k)
{
    if (k->work == TGI_CALL) return k->phase != TGI_BACKWARD;
    return k->work != TGI_MODULE && k->work != TGI_EVALUATING;
}

static void gather_by_line(gathering *g)
{
    for (int64_t i = 0; i < g->profile->row_count; i++) {
        const tgi_profile_row *row = &g->profile->rows[i];
        tg_profile_entry *e = entry_of(g, row->line[0] ? row->line : i ? "(unknown)" : row->name);
        add(g, e, row, counts_for_line(&row->key));
    }
    for (int64_t i = 0; i < g->count; i++) {
        tg_profile_entry *e = &g->entries[i];
        e->forward.total = e->forward.self;
        e->backward.total = e->backward.self;
        e->rest.total = e->rest.self;
    }
}

/* ---- by module ---- */

const char *tgi_profile_path(const tgi_profile *p, int32_t place, char *text, size_t size)
{
    char *begin = text + size - 1;
    *begin = '\0';
    if (!place) return "(in no module)";
    for (int32_t at = place; at; at = p->places[at].outer) {
        const size_t length = strlen(p->places[at].name), dot = at != place;
        if ((size_t)(begin - text) < length + dot) break;
        if (dot) *--begin = '.';
        begin -= length;
        memcpy(begin, p->places[at].name, length);
    }
    return begin;
}

/* Entry i is place i until they are put in order. */
static void add_up(gathering *g, int32_t place)
{
    const tgi_profile *p = g->profile;
    const tg_profile_entry *e = &g->entries[place];
    for (int32_t at = place;; at = p->places[at].outer) {
        tg_profile_entry *outer = &g->entries[at];
        outer->forward.total += e->forward.self;
        outer->backward.total += e->backward.self;
        outer->rest.total += e->rest.self;
        if (e->peak_bytes > outer->peak_bytes) outer->peak_bytes = e->peak_bytes;
        if (!at || !p->places[at].outer) break;
    }
}

/* The tree in order, as a list: each place goes behind the last one inside the place around it. Places are numbered after
 * those around them. `next` and `last` have one element for each place; 0 ends the list, which begins at next[0]. */
static void link_places(const tgi_profile *p, int32_t *next, int32_t *last)
{
    for (int32_t i = 1; i < p->place_count; i++) {
        const int32_t outer = p->places[i].outer, behind = last[outer];
        next[i] = next[behind];
        next[behind] = last[i] = i;
        int32_t at = outer;
        for (; at && last[at] == behind; at = p->places[at].outer) last[at] = i;
        if (!at) last[0] = i;
    }
}

/* What is in no module comes last. */
static void put_in_order(gathering *g)
{
    const size_t links = 2 * (size_t)g->count * sizeof(int32_t), room = (size_t)g->capacity * sizeof *g->entries;
    int32_t *next = tgi_profile_alloc(links), at = 0;
    tg_profile_entry *sorted = next ? tgi_profile_alloc(room) : NULL;
    if (sorted) {
        link_places(g->profile, next, next + g->count);
        for (int64_t i = 0; i < g->count; i++) sorted[i] = g->entries[at = next[at]];
        memcpy(g->entries, sorted, (size_t)g->count * sizeof *sorted);
    }
    g->failed |= !sorted;
    tgi_profile_dealloc(sorted, room);
    tgi_profile_dealloc(next, links);
}

static void gather_by_module(gathering *g)
{
    tgi_profile *p = g->profile;
    char text[1024];
    for (int32_t i = 0; i < p->place_count && !g->failed; i++) {
        if (!tgi_profile_grow(&g->entries, &g->capacity, i + 1, sizeof *g->entries))
            g->failed = true;
        else
            g->entries[g->count++].name = tgi_profile_text(p, tgi_profile_path(p, i, text, sizeof text));
    }
    if (g->failed) return;
    for (int64_t i = 0; i < p->row_count; i++) {
        const tgi_profile_row *row = &p->rows[i];
        add(g, &g->entries[row->key.place], row, row->key.work == TGI_MODULE);
    }
    for (int32_t i = 0; i < p->place_count; i++) add_up(g, i);
    put_in_order(g);
}

/* ---- all of it ---- */

static double self_of(const tg_profile_entry *e) { return e->forward.self + e->backward.self + e->rest.self; }

static int longest_first(const void *a, const void *b)
{
    const double x = self_of(a), y = self_of(b);
    return (x < y) - (x > y);
}

int64_t tgi_profile_collected(tgi_profile *p, tg_profile_by by, tg_profile_entry **entries, int64_t *capacity)
{
    gathering g = { .profile = p };
    if (by == TG_PROFILE_BY_MODULE)
        gather_by_module(&g);
    else if (by == TG_PROFILE_BY_LINE)
        gather_by_line(&g);
    else
        gather_by_op(&g, by == TG_PROFILE_BY_SHAPE);
    if (by != TG_PROFILE_BY_MODULE && g.count) qsort(g.entries, (size_t)g.count, sizeof *g.entries, longest_first);
    *entries = g.entries;
    *capacity = g.capacity;
    return g.failed ? -1 : g.count;
}

tg_profile_summary tgi_profile_summary(const tgi_profile *p)
{
    double phases[TGI_PHASES] = { 0 };
    tg_profile_summary s = { .steps = p->steps,
                             .peak_bytes = p->peak,
                             .peak_op = p->peak_row ? p->rows[p->peak_row].name : "",
                             .peak_where = p->rows[p->peak_row].line,
                             .events = p->event_count,
                             .events_lost = p->events_lost };
    for (int64_t i = 0; i < p->row_count; i++) {
        phases[p->rows[i].key.phase] += tgi_profile_seconds(p, p->rows[i].self);
        s.flops += p->rows[i].flops;
    }
    s.forward = phases[TGI_FORWARD];
    s.backward = phases[TGI_BACKWARD];
    s.optimizer = phases[TGI_OPTIMIZER];
    s.loading = phases[TGI_LOADING];
    s.outside = phases[TGI_OUTSIDE];
    s.seconds = tgi_profile_seconds(p, p->ends.ticks - p->begins.ticks);
    return s;
}
