/* addresses.c: see addresses_impl.h. */
#include "addresses_impl.h"

#include "core/thread.h"

static uint64_t slot_of(const tgi_addresses *a, const void *address)
{
    const uint64_t mask = ((uint64_t)1 << a->bits) - 1;
    uint64_t i = ((uintptr_t)address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 24 & mask;
    while (a->table[i] && a->items[a->table[i] - 1] != address) i = (i + 1) & mask;
    return i;
}

static size_t table_bytes(int bits) { return sizeof(int32_t) << bits; }

static bool grow(tgi_addresses *a)
{
    const int bits = a->table ? a->bits + 1 : 6;
    int32_t *table = tgi_calloc(table_bytes(bits));
    if (!table) return false;
    if (a->table) tgi_free(a->table, table_bytes(a->bits));
    a->table = table;
    a->bits = bits;
    for (int64_t i = 0; i < a->count; i++) table[slot_of(a, a->items[i])] = (int32_t)i + 1;
    return true;
}

int64_t tgi_addresses_add(tgi_addresses *a, const void *address)
{
    if ((!a->table || 2 * (a->count + 1) > (int64_t)1 << a->bits) && !grow(a)) return -1;
    const uint64_t slot = slot_of(a, address);
    if (a->table[slot]) return a->table[slot] - 1;
    if (!tgi_grow(&a->items, &a->capacity, a->count + 1, sizeof *a->items)) return -1;
    a->items[a->count++] = address;
    a->table[slot] = (int32_t)a->count;
    return a->count - 1;
}

int64_t tgi_addresses_find(const tgi_addresses *a, const void *address)
{
    return a->table ? (int64_t)a->table[slot_of(a, address)] - 1 : -1;
}

void tgi_addresses_free(tgi_addresses *a)
{
    tgi_grow_free(a->items, a->capacity, sizeof *a->items);
    if (a->table) tgi_free(a->table, table_bytes(a->bits));
    *a = (tgi_addresses){ NULL, 0, 0, NULL, 0 };
}
