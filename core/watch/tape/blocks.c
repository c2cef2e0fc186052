/* blocks.c: see blocks_impl.h. */
#include "blocks_impl.h"

#include "core/thread.h"

#include <string.h>

/* ---- which nodes ---- */

/* What stands behind on the tape uses what stands before: one pass from the end finds all that `of` depends on. */
static bool choose(tgi_blocks *blocks, const tg_node *of)
{
    if (!blocks->length || !(blocks->wanted = tgi_calloc((size_t)blocks->length))) return !blocks->length;
    blocks->wanted[of->index] = 1;
    for (int64_t n = of->index; n >= 0; n--) {
        const tg_node *node = tgi_self.nodes[n];
        for (int i = 0; blocks->wanted[n] && i < node->input_count; i++) {
            const tg_node *from = tgi_edge_node(&tgi_inputs(node)[i]);
            if (from) blocks->wanted[from->index] = 1;
        }
    }
    return true;
}

/* ---- places around them ---- */

static bool add(tgi_blocks *blocks, tgi_item item)
{
    if (!tgi_grow(&blocks->items, &blocks->capacity, blocks->count + 1, sizeof *blocks->items)) return false;
    blocks->items[blocks->count++] = item;
    return true;
}

static int depth_of(const tg_place *place)
{
    int depth = 0;
    for (; place; place = place->outer) depth++;
    return depth;
}

static const tg_place *at_depth(const tg_place *place, int depth)
{
    for (int d = depth_of(place); d > depth; d--) place = place->outer;
    return place;
}

/* How many places around both are the same, from the outside in. */
static int common_depth(const tg_place *a, const tg_place *b)
{
    int a_depth = depth_of(a), b_depth = depth_of(b);
    for (; a_depth > b_depth; a_depth--) a = a->outer;
    for (; b_depth > a_depth; b_depth--) b = b->outer;
    for (; a != b; a = a->outer, b = b->outer) a_depth--;
    return a_depth;
}

/* The innermost open block and those around it end here, down to one that is less deep. Returns what is open then. */
static int64_t close_from(tgi_blocks *blocks, int64_t open, int depth)
{
    for (; open >= 0 && blocks->items[open].depth >= depth; open = blocks->items[open].outer)
        blocks->items[open].next = blocks->count;
    return open;
}

bool tgi_blocks_of_tape(tgi_blocks *blocks, const tg_node *of)
{
    const tg_place *now = NULL;
    int64_t open = -1; /* the innermost block that has not ended */
    blocks->length = tgi_self.node_count;
    if (of && !choose(blocks, of)) return false;
    for (int64_t n = 0; n < blocks->length; n++) {
        const tg_node *node = tgi_self.nodes[n];
        if (!tgi_is_wanted(blocks, node)) continue;
        const tg_place *place = tg_node_place(node);
        const int depth = depth_of(place);
        int at = common_depth(now, place);
        open = close_from(blocks, open, at);
        for (; at < depth; at++) {
            if (!add(blocks, (tgi_item){ at_depth(place, at + 1), node, .outer = open, .depth = at })) return false;
            open = blocks->count - 1;
        }
        if (!add(blocks, (tgi_item){ NULL, node, .outer = open, .next = blocks->count + 1, .depth = depth }))
            return false;
        blocks->nodes++;
        now = place;
    }
    close_from(blocks, open, 0);
    return true;
}

int64_t tgi_blocks_mention(const tgi_blocks *blocks, tgi_leaves *leaves)
{
    int64_t count = 0;
    for (int64_t k = 0; k < blocks->count; k++) {
        const tg_node *node = blocks->items[k].node;
        for (int i = 0; i < node->input_count && !blocks->items[k].place; i++) {
            const tg_tensor *leaf = tgi_edge_leaf(&tgi_inputs(node)[i]);
            tgi_leaf *known = leaf ? tgi_leaf_find(leaves, leaf) : NULL;
            if (!known || known->mentioned) continue;
            known->mentioned = true;
            count++;
        }
    }
    return count;
}

void tgi_blocks_free(tgi_blocks *blocks)
{
    tgi_grow_free(blocks->items, blocks->capacity, sizeof *blocks->items);
    if (blocks->wanted) tgi_free(blocks->wanted, (size_t)blocks->length);
    *blocks = (tgi_blocks){ .items = NULL };
}

void tgi_put_place(tgi_page *page, const tg_place *place)
{
    tgi_put_clean(page, place->name);
    if (!place->kind || !strcmp(place->kind, place->name)) return;
    tgi_page_put(page, " (");
    tgi_put_clean(page, place->kind);
    tgi_page_put(page, ")");
}
