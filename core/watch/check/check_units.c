/* check_units.c: units that do nothing: of relu those that are 0 for all, of sigmoid and tanh those that are at an end.
 *
 * Looked at where a line of the program in a module computes such a function, over the steps of a loop and over batches.
 * The units of a result are its last dimension, of images [N, C, ...] with two dimensions more the second. */
#include "check_impl.h"

#include "core/error.h"

enum { WINDOW = 20, FEW_UNITS = 4, SATURATED = 5 };
static const double dead_share = 0.5, saturated_share = 0.9, near_end = 0.99;

typedef struct site {
    const tg_op *op;
    char place[TG_PLACE_TEXT];
    const char *where;
    int64_t first, last, walks; /* walks since it was seen first, by number; in how many it was */
    /* of relu */
    int64_t units;
    int64_t *alive; /* of each unit the last walk in which it was not 0 */
    /* of sigmoid and tanh */
    double at_end, total; /* elements since the last walk */
    int saturated;        /* walks in a row */
    bool inner;           /* what reads it is no loss */
} site;

typedef struct units {
    tgi_lint_state base;
    tgi_table sites;
} units;

static site *site_at(units *u, const tg_op *op, const char *where, const tg_place *place)
{
    u->sites.size = sizeof(site);
    site *s = tgi_table_at(&u->sites, tgi_key_of(where, place, false));
    if (!s || s->op) return s;
    s->op = tgi_plain_op(op);
    s->where = where;
    s->first = u->base.check->walks;
    tgi_modules_text(place, s->place);
    return s;
}

static int unit_dim(const tg_tensor *t) { return t->ndim >= 4 ? 1 : t->ndim - 1; }

static void look_alive(site *s, const tg_tensor *t, int64_t now)
{
    const int dim = unit_dim(t);
    const int64_t n = t->dims[dim];
    if (!s->alive) {
        s->units = n;
        if (!(s->alive = tgi_calloc((size_t)n * sizeof *s->alive))) return;
        for (int64_t i = 0; i < n; i++) s->alive[i] = now - 1;
    }
    if (s->units == n) tgi_mark_alive(t, dim, s->alive, now);
}

static void look_at_ends(site *s, const tg_tensor *t)
{
    const double least = s->op->traits & TG_GIVES_PROBABILITY ? 1 - near_end : -near_end;
    s->at_end += (double)tgi_count_outside(t, least, near_end);
    s->total += (double)t->numel;
}

static void computed(void *state, const tg_computed *what)
{
    units *u = state;
    const bool relu = tgi_op_is(what->op, TG_RECTIFIES);
    if (!what->node || !what->outputs.count || !(relu || tgi_op_is(what->op, TG_SATURATES))) return;
    const tg_tensor *t = what->outputs.items[0];
    if (t->ndim < 2 || !t->numel || t->dims[unit_dim(t)] < FEW_UNITS) return;
    site *s = site_at(u, what->op, what->node->where, tg_node_place(what->node));
    if (!s) return;
    if (s->last != u->base.check->walks + 1) s->walks++;
    s->last = u->base.check->walks + 1; /* the walk that will be next */
    if (relu)
        look_alive(s, t, s->last);
    else
        look_at_ends(s, t);
}

/* Read together with something else it is a gate, or a layer's input; a loss reads one thing and its target. */
static void edge(void *state, const tg_contribution *what)
{
    units *u = state;
    if (!what->from || !what->to || !tgi_op_is(what->to->op, TG_SATURATES)) return;
    if (what->from->input_count < 2 || tgi_op_is(what->from->op, TG_IS_LOSS | TG_SUBTRACTS)) return;
    site *s = tgi_table_find(&u->sites, tgi_key_of(what->to->where, tg_node_place(what->to), false));
    if (s) s->inner = true;
}

static bool begin(const units *u, tgi_finding *f, const char *kind, const site *s)
{
    const tg_place place = { .name = s->place, .kind = "", .step = -1 };
    return tgi_find_begin(u->base.check, f, kind, s->where, s->place[0] ? &place : NULL);
}

static void check_dead(const units *u, const site *s)
{
    const int64_t now = u->base.check->walks;
    int64_t dead = 0;
    tgi_finding f;
    if (!s->alive || s->walks < WINDOW || now - s->first < WINDOW) return;
    for (int64_t i = 0; i < s->units; i++) dead += s->alive[i] <= now - WINDOW;
    if ((double)dead < dead_share * (double)s->units || !begin(u, &f, "dead_units", s)) return;
    tgi_find_say(&f, "%lld of %lld units of %s have been 0 for every sample of the last %d steps", (long long)dead,
                 (long long)s->units, s->op->name, WINDOW);
    tgi_find_row(&f, "so", "no gradient flows through them: they will not come back");
    tgi_find_row(
        &f, "mend",
        "a smaller learning rate, which threw them there; tg_init_kaiming_normal_ to begin with; tg_leaky_relu or "
        "tg_gelu, which are nowhere flat; a normalisation before it");
    tgi_find_tell(u->base.check, &f);
}

static void check_saturated(const units *u, site *s)
{
    tgi_finding f;
    if (s->total <= 0) return;
    const double share = s->at_end / s->total;
    s->saturated = s->inner && share >= saturated_share ? s->saturated + 1 : 0;
    s->at_end = s->total = 0;
    if (s->saturated < SATURATED || !begin(u, &f, "saturated", s)) return;
    tgi_find_say(&f, "%.0f %% of what %s gives is within 0.01 of its ends, in each of the last %d steps", 100 * share,
                 s->op->name, SATURATED);
    tgi_find_row(&f, "so", "its slope there is nearly 0: next to no gradient flows through it");
    tgi_find_row(
        &f, "mend",
        "smaller weights to begin with (tg_init_xavier_uniform_), inputs of about the size 1, a normalisation before "
        "it, a smaller learning rate");
    tgi_find_tell(u->base.check, &f);
}

static void walked(void *state, tg_status status)
{
    units *u = state;
    if (status != TG_OK || !u->base.check->accumulates) return;
    for (int64_t i = 0; i < u->sites.count && !tg_failed(); i++) {
        site *s = u->sites.items[i];
        if (s->last != u->base.check->walks) continue;
        check_dead(u, s);
        check_saturated(u, s);
    }
}

static void ended(void *state)
{
    units *u = state;
    for (int64_t i = 0; i < u->sites.count; i++) {
        site *s = u->sites.items[i];
        tgi_free(s->alive, (size_t)s->units * sizeof *s->alive);
    }
    tgi_table_free(&u->sites);
}

const tgi_lint tgi_lint_units = {
    .state_size = sizeof(units),
    .functions = { .computed = computed, .edge = edge, .walked = walked, .ended = ended },
};
