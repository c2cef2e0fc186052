/* player_infer.c: steps in time where no label says them: what a loop computes comes again and again.
 *
 * Nodes are of one kind when the same op was called at the same line, in the same place, on the same leaf. A loop shows
 * by a kind that reads a leaf (a weight) at least three times: its anchor, whose k-th node is of step k. Other kinds that
 * are repeated between the anchor's nodes belong to the step they stand in, or, if they stand before the anchor in the
 * loop's body, to the next one. */
#include "player_impl.h"

#include "core/tape_impl.h"
#include "core/thread.h"

enum { LEAST = 3 /* times, until we speak of a loop */ };

typedef struct kind {
    int32_t place, source, line, leaf;
    const tg_op *op;
    int32_t first, count; /* of `order`: its nodes */
    bool joined;          /* its nodes have their steps */
} kind;

typedef struct kinds {
    kind *items;
    int32_t *of, *order; /* [node]: its kind; the nodes, sorted by kind */
    int64_t count;
    int32_t *anchors; /* kinds, one for each loop */
    int64_t loops;
    tgi_hashed found;
} kinds;

/* ---- kinds ---- */

static kind kind_of(const tgi_player_run *run, const tgi_player_node *n)
{
    kind k = { n->place, n->source, n->line, -1, n->node->op, 0, 0, false };
    for (int i = 0; k.leaf < 0 && i < n->node->input_count; i++) {
        const tg_tensor *leaf = tgi_edge_leaf(&tgi_inputs(n->node)[i]);
        if (leaf) k.leaf = (int32_t)tgi_pointers_find(&run->leaves, leaf);
    }
    return k;
}

typedef struct sought {
    const kinds *among;
    kind kind;
} sought;

static bool is_it(const void *context, int64_t entry)
{
    const sought *s = context;
    const kind *a = &s->among->items[entry], *b = &s->kind;
    return a->place == b->place && a->source == b->source && a->line == b->line && a->leaf == b->leaf && a->op == b->op;
}

static bool find_kinds(kinds *all, const tgi_player_run *run)
{
    for (int64_t n = 0; n < run->node_count; n++) {
        const sought s = { all, kind_of(run, &run->nodes[n]) };
        const int64_t words[] = { s.kind.place, s.kind.source, s.kind.line, s.kind.leaf, (int64_t)(intptr_t)s.kind.op };
        const uint64_t hash = tgi_hash_of(words, sizeof words);
        int64_t number = tgi_hashed_find(&all->found, hash, is_it, &s);
        if (number < 0) {
            number = all->count++;
            all->items[number] = s.kind;
            if (!tgi_hashed_add(&all->found, hash, number)) return false;
        }
        all->of[n] = (int32_t)number;
        all->items[number].count++;
    }
    int32_t first = 0;
    for (int64_t k = 0; k < all->count; k++) {
        all->items[k].first = first;
        first += all->items[k].count;
        all->items[k].count = 0;
    }
    for (int32_t n = 0; n < run->node_count; n++) {
        kind *k = &all->items[all->of[n]];
        all->order[k->first + k->count++] = n;
    }
    return true;
}

static int32_t node_at(const kinds *all, const kind *k, int32_t i) { return all->order[k->first + i]; }

/* ---- loops ---- */

/* Whether the i-th node of `k` stands between the i-th of the anchor and the next one, for all of them. */
static bool follows(const kinds *all, const kind *anchor, const kind *k)
{
    if (anchor->count != k->count) return false;
    for (int32_t i = 0; i < k->count; i++) {
        if (node_at(all, k, i) < node_at(all, anchor, i)) return false;
        if (i + 1 < k->count && node_at(all, k, i) > node_at(all, anchor, i + 1)) return false;
    }
    return true;
}

/* The loop that has the node in it, or runs at it; NULL: none. */
static const kind *loop_around(const kinds *all, int32_t node)
{
    for (int64_t i = 0; i < all->loops; i++) {
        const kind *anchor = &all->items[all->anchors[i]];
        if (node_at(all, anchor, 0) <= node && node <= node_at(all, anchor, anchor->count - 1)) return anchor;
    }
    return NULL;
}

/* Kinds are numbered as they come first, so that an anchor is the first in its loop. */
static void find_loops(kinds *all)
{
    for (int64_t i = 0; i < all->count; i++) {
        kind *k = &all->items[i];
        if (k->count < LEAST || k->leaf < 0) continue;
        for (int64_t l = 0; l < all->loops && !k->joined; l++)
            k->joined = follows(all, &all->items[all->anchors[l]], k);
        if (k->joined || loop_around(all, node_at(all, k, 0)) || loop_around(all, node_at(all, k, k->count - 1)))
            continue;
        k->joined = true;
        all->anchors[all->loops++] = (int32_t)i;
    }
}

/* ---- steps ---- */

/* How many of the anchor's nodes do not stand behind that one. */
static int32_t begun_at(const kinds *all, const kind *anchor, int32_t node)
{
    int32_t low = 0, high = anchor->count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (node_at(all, anchor, middle) <= node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether `k` stands before the anchor in the loop's body. What is missing once is missing in the first step, where the
 * state needs no gradient yet. */
static bool precedes(const kinds *all, const kind *anchor, const kind *k)
{
    if (node_at(all, k, 0) < node_at(all, anchor, 0)) return true;
    if (node_at(all, k, k->count - 1) > node_at(all, anchor, anchor->count - 1)) return false;
    if (k->count == anchor->count - 1) return true;
    return k->source == anchor->source && k->line < anchor->line;
}

static void step_others(tgi_player_run *run, const kinds *all, const kind *k)
{
    const kind *anchor = loop_around(all, node_at(all, k, k->count > 1 ? 1 : 0));
    if (!anchor) return;
    const bool before = k->count > 1 && precedes(all, anchor, k);
    for (int32_t i = 0; i < k->count; i++) {
        const int32_t n = node_at(all, k, i), begun = begun_at(all, anchor, n);
        const int32_t step = before ? begun : begun - 1;
        const bool outside = k->count == 1 && begun == anchor->count;
        if (step >= 0 && step < anchor->count && !outside) run->nodes[n].step = step;
    }
}

static void step_nodes(tgi_player_run *run, const kinds *all)
{
    for (int64_t i = 0; i < all->count; i++) {
        const kind *k = &all->items[i];
        if (!k->joined) step_others(run, all, k);
        for (int32_t s = 0; k->joined && s < k->count; s++) run->nodes[node_at(all, k, s)].step = s;
    }
}

bool tgi_player_infer_steps(tgi_player_run *run)
{
    const size_t count = (size_t)run->node_count;
    kinds all = { .items = tgi_calloc(count * sizeof *all.items), .of = tgi_calloc(3 * count * sizeof *all.of) };
    bool ok = all.items && all.of;
    if (ok) {
        all.order = all.of + count;
        all.anchors = all.order + count;
        ok = find_kinds(&all, run);
    }
    if (ok) {
        find_loops(&all);
        step_nodes(run, &all);
    }
    if (all.items) tgi_free(all.items, count * sizeof *all.items);
    if (all.of) tgi_free(all.of, 3 * count * sizeof *all.of);
    tgi_hashed_free(&all.found);
    return ok;
}
