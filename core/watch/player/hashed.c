/* hashed.c: see player_impl.h. */
#include "player_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <string.h>

struct tgi_hashed_slot {
    uint64_t hash;
    int64_t entry; /* and 1 more; 0: free */
};

/* FNV-1a, eight bytes at a time. */
uint64_t tgi_hash_of(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u ^ count;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 32;
    }
    for (; count; at++, count--) hash = (hash ^ *at) * 0x100000001b3u;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

int64_t tgi_hashed_find(const tgi_hashed *table, uint64_t hash, tgi_same_fn same, const void *context)
{
    if (!table->slots) return -1;
    const uint64_t mask = (uint64_t)table->slot_count - 1;
    for (uint64_t i = hash & mask; table->slots[i].entry; i = (i + 1) & mask)
        if (table->slots[i].hash == hash && same(context, table->slots[i].entry - 1)) return table->slots[i].entry - 1;
    return -1;
}

static void enter(tgi_hashed *table, struct tgi_hashed_slot slot)
{
    const uint64_t mask = (uint64_t)table->slot_count - 1;
    uint64_t i = slot.hash & mask;
    while (table->slots[i].entry) i = (i + 1) & mask;
    table->slots[i] = slot;
}

bool tgi_hashed_add(tgi_hashed *table, uint64_t hash, int64_t entry)
{
    if (2 * (table->count + 1) > table->slot_count) {
        tgi_hashed larger = { NULL, table->slot_count ? 2 * table->slot_count : 64, table->count };
        larger.slots = tgi_calloc((size_t)larger.slot_count * sizeof *larger.slots);
        if (!larger.slots) return false;
        for (int64_t i = 0; i < table->slot_count; i++)
            if (table->slots[i].entry) enter(&larger, table->slots[i]);
        tgi_hashed_free(table);
        *table = larger;
    }
    table->count++;
    enter(table, (struct tgi_hashed_slot){ hash, entry + 1 });
    return true;
}

void tgi_hashed_free(tgi_hashed *table)
{
    if (table->slots) tgi_free(table->slots, (size_t)table->slot_count * sizeof *table->slots);
    *table = (tgi_hashed){ NULL, 0, 0 };
}

/* ---- addresses ---- */

typedef struct sought {
    const tgi_pointers *set;
    const void *item;
} sought;

static bool is_it(const void *context, int64_t entry)
{
    const sought *s = context;
    return s->set->items[entry] == s->item;
}

int64_t tgi_pointers_find(const tgi_pointers *set, const void *item)
{
    return tgi_hashed_find(&set->table, tgi_hash_of(&item, sizeof item), is_it, &(sought){ set, item });
}

int64_t tgi_pointers_add(tgi_pointers *set, const void *item)
{
    const int64_t there = tgi_pointers_find(set, item);
    if (there >= 0) return there;
    if (!tgi_grow(&set->items, &set->capacity, set->count + 1, sizeof *set->items)) return -1;
    if (!tgi_hashed_add(&set->table, tgi_hash_of(&item, sizeof item), set->count)) return -1;
    set->items[set->count] = item;
    return set->count++;
}

void tgi_pointers_free(tgi_pointers *set)
{
    tgi_grow_free(set->items, set->capacity, sizeof *set->items);
    tgi_hashed_free(&set->table);
    *set = (tgi_pointers){ .items = NULL };
}
