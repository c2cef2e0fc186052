/* leaf_slots.c: finds the slot that a walk has for a leaf.
 *
 * Threads may walk at the same time to a leaf that they share, so nothing is written in the leaf: each walk has a table, a
 * hash table of the leaves' addresses. */
#include "walk_impl.h"

#include <string.h>

static uint64_t place_of_leaf(const tgi_walk *w, const tg_tensor *leaf)
{
    return (uint64_t)(uintptr_t)leaf * 0x9e3779b97f4a7c15u >> (64 - w->table_bits);
}

int64_t tgi_find_leaf(const tgi_walk *w, const tg_tensor *leaf)
{
    if (!w->leaf_table) return -1;
    const uint64_t mask = ((uint64_t)1 << w->table_bits) - 1;
    for (uint64_t i = place_of_leaf(w, leaf); w->leaf_table[i]; i = (i + 1) & mask)
        if (w->leaves[w->leaf_table[i] - 1].leaf == leaf) return w->leaf_table[i] - 1;
    return -1;
}

static void enter_leaf(tgi_walk *w, int64_t slot)
{
    const uint64_t mask = ((uint64_t)1 << w->table_bits) - 1;
    uint64_t i = place_of_leaf(w, w->leaves[slot].leaf);
    while (w->leaf_table[i]) i = (i + 1) & mask;
    w->leaf_table[i] = (int32_t)slot + 1;
}

static size_t table_bytes(const tgi_walk *w) { return sizeof *w->leaf_table << w->table_bits; }

static void free_table(const tgi_walk *w)
{
    if (w->leaf_table) tgi_pool_free(tgi_self.pool, w->leaf_table, table_bytes(w));
}

static bool grow_table(tgi_walk *w)
{
    tgi_walk larger = *w;
    larger.table_bits = w->leaf_table ? w->table_bits + 1 : 5;
    larger.leaf_table = tgi_alloc(table_bytes(&larger));
    if (!larger.leaf_table) return false;
    memset(larger.leaf_table, 0, table_bytes(&larger));
    for (int64_t slot = 0; slot < w->leaf_count; slot++) enter_leaf(&larger, slot);
    free_table(w);
    w->leaf_table = larger.leaf_table;
    w->table_bits = larger.table_bits;
    return true;
}

static int64_t add_leaf(tgi_walk *w, tg_tensor *leaf)
{
    if (w->leaf_count >= INT32_MAX - 1) {
        tg_fail_at(NULL, TG_ERROR_MEMORY, w->name, "more than 2^31 leaves");
        return -1;
    }
    if (!w->leaf_table || 2 * (w->leaf_count + 1) > (int64_t)1 << w->table_bits)
        if (!grow_table(w)) return -1;
    if (!tgi_grow(&w->leaves, &w->leaf_capacity, w->leaf_count + 1, sizeof *w->leaves)) return -1;
    w->last_leaf = NULL; /* the slots may have moved */
    w->leaves[w->leaf_count] = (tgi_leaf_slot){ .leaf = tgi_ref(leaf), .lowest = INT32_MAX };
    enter_leaf(w, w->leaf_count);
    return w->leaf_count++;
}

int64_t tgi_slot_of_leaf(tgi_walk *w, tg_tensor *leaf)
{
    const int64_t slot = tgi_find_leaf(w, leaf);
    return slot >= 0 ? slot : add_leaf(w, leaf);
}

tgi_slot_sum *tgi_sum_of_leaf(tgi_walk *w, tg_tensor *leaf)
{
    const int64_t slot = tgi_slot_of_leaf(w, leaf);
    if (slot < 0) return NULL;
    w->last_leaf = leaf;
    return w->last_sum = &w->leaves[slot].sum;
}

void tgi_leaves_free(const tgi_walk *w)
{
    for (int64_t i = 0; i < w->leaf_count; i++) {
        tgi_slot_empty(&w->leaves[i].sum);
        tgi_unref(w->leaves[i].leaf);
    }
    tgi_grow_free(w->leaves, w->leaf_capacity, sizeof *w->leaves);
    free_table(w);
}
