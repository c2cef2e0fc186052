/* fold.c: what comes again on the tape and need not be told again: time steps, layers' inner loops, lines in a loop.
 *
 * Two items are alike if all that is told of them is, but for the numbers of nodes, which are shifted by the same
 * distance. What comes from before the loop is at the same place for both, or is the next output of the same node: a
 * sequence that was cut into its steps. */
#include "blocks_impl.h"

#include "core/thread.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_PERIOD = 64, WORTH_IT = 4 /* lines */ };

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

/* ---- nodes ---- */

static bool same_output(const tg_node *a, const tg_node *b, int i)
{
    const tg_shape x = tg_node_output_shape(a, i), y = tg_node_output_shape(b, i);
    return tg_node_output_dtype(a, i) == tg_node_output_dtype(b, i) && tg_shape_equal(&x, &y) &&
           same_text(tg_node_output_name(a, i), tg_node_output_name(b, i));
}

/* What tgi_put_constant would say of both. */
static bool same_constant(const tg_tensor *a, const tg_tensor *b)
{
    if (a == b || !a || !b) return a == b;
    if (a->dtype != b->dtype || !tgi_same_shape(a, b)) return false;
    const char *name = tg_name_of(a), *other = tg_name_of(b);
    const int64_t zeros[TG_MAX_DIMS] = { 0 };
    return same_text(name, other) && (name || a->numel != 1 || tgi_element_at(a, zeros) == tgi_element_at(b, zeros));
}

static bool same_input(const tg_node *a, const tg_node *b, int i, int shift)
{
    const tgi_edge *x = &tgi_inputs(a)[i], *y = &tgi_inputs(b)[i];
    if (x->output >= 0 && y->output >= 0 && x->to.node == y->to.node) return abs(y->output - x->output) <= 1;
    if (x->output != y->output) return false;
    if (x->output == TGI_TO_LEAF) return x->to.leaf == y->to.leaf;
    if (x->output == TGI_TO_NOWHERE) return same_constant(tg_node_constant(a, i), tg_node_constant(b, i));
    return y->to.node->index - x->to.node->index == shift;
}

static bool same_node(const tg_node *a, const tg_node *b, int shift)
{
    if (a->op != b->op || b->index - a->index != shift || a->input_count != b->input_count ||
        a->output_count != b->output_count || a->spent != b->spent || !same_text(a->where, b->where))
        return false;
    for (int i = 0; i < a->output_count; i++)
        if (!same_output(a, b, i)) return false;
    for (int i = 0; i < a->input_count; i++)
        if (!same_input(a, b, i, shift)) return false;
    return true;
}

/* ---- items ---- */

/* Of two labels that count, "t=3" and "t=4", the texts without the numbers. */
static bool same_place(const tg_place *a, const tg_place *b, bool may_count)
{
    if (!a || !b) return a == b;
    if (!same_text(a->kind, b->kind)) return false;
    if (!may_count || a->step < 0 || b->step < 0) return same_text(a->name, b->name);
    size_t x = strlen(a->name), y = strlen(b->name);
    while (x && a->name[x - 1] >= '0' && a->name[x - 1] <= '9') x--;
    while (y && b->name[y - 1] >= '0' && b->name[y - 1] <= '9') y--;
    return x == y && !strncmp(a->name, b->name, x);
}

static bool same_item(const tgi_blocks *blocks, int64_t a, int64_t b)
{
    const tgi_item *items = blocks->items;
    const int64_t length = items[a].next - a;
    const int shift = items[b].node->index - items[a].node->index;
    if (items[b].next - b != length) return false;
    for (int64_t i = 0; i < length; i++) {
        const tgi_item *x = &items[a + i], *y = &items[b + i];
        if (!same_place(x->place, y->place, i == 0) || x->next - a != y->next - b) return false;
        if (!x->place && !same_node(x->node, y->node, shift)) return false;
    }
    return true;
}

/* ---- siblings ---- */

typedef struct siblings {
    int64_t *at;
    int64_t count, capacity;
} siblings;

static bool collect(const tgi_blocks *blocks, siblings *s, int64_t from, int64_t to)
{
    s->count = 0;
    for (int64_t i = from; i < to; i = blocks->items[i].next) {
        if (!tgi_grow(&s->at, &s->capacity, s->count + 1, sizeof *s->at)) return false;
        s->at[s->count++] = i;
    }
    return true;
}

/* How many siblings from i on are each like the one `period` before it. */
static int64_t alike(const tgi_blocks *blocks, const siblings *s, int64_t i, int period)
{
    int64_t count = 0;
    const int32_t shift = blocks->items[s->at[i]].node->index - blocks->items[s->at[i - period]].node->index;
    for (; i + count < s->count; count++) {
        const int64_t a = s->at[i + count - period], b = s->at[i + count];
        if (blocks->items[b].node->index - blocks->items[a].node->index != shift || !same_item(blocks, a, b)) break;
    }
    return count;
}

/* Folds what begins at sibling i; how many siblings that are. */
static int64_t fold_at(tgi_blocks *blocks, const siblings *s, int64_t i)
{
    for (int period = 1; period <= LONGEST_PERIOD && period <= i; period++) {
        const int64_t repeats = alike(blocks, s, i, period) / period;
        if (!repeats) continue;
        const int64_t last = s->at[i + repeats * period - 1];
        if (blocks->items[last].next - s->at[i] < WORTH_IT) continue;
        blocks->items[s->at[i]].period = period;
        blocks->items[s->at[i]].repeats = repeats;
        blocks->items[s->at[i]].folded_to = blocks->items[last].next;
        return repeats * period;
    }
    return 0;
}

static bool fold_siblings(tgi_blocks *blocks, siblings *s, int64_t from, int64_t to)
{
    if (!collect(blocks, s, from, to)) return false;
    for (int64_t i = 1; i < s->count;) {
        const int64_t folded = fold_at(blocks, s, i);
        i += folded ? folded : 1;
    }
    return true;
}

bool tgi_blocks_fold(tgi_blocks *blocks)
{
    siblings s = { NULL, 0, 0 };
    bool ok = fold_siblings(blocks, &s, 0, blocks->count);
    for (int64_t i = 0; ok && i < blocks->count;) {
        const tgi_item *item = &blocks->items[i];
        if (item->place && !item->repeats) ok = fold_siblings(blocks, &s, i + 1, item->next);
        i = item->repeats ? item->folded_to : i + 1;
    }
    tgi_grow_free(s.at, s.capacity, sizeof *s.at);
    return ok;
}
