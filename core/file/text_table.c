/* text_table.c: see text_table_impl.h. */
#include "text_table_impl.h"

#include "core/thread.h"

#include <string.h>

/* Eight bytes at a time, each step a multiplication whose halves are folded. */
static uint64_t fold(uint64_t x)
{
    x ^= x >> 32;
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

static uint64_t hash(const char *text, int64_t length)
{
    uint64_t h = (uint64_t)length, piece;
    for (; length >= 8; text += 8, length -= 8) {
        memcpy(&piece, text, 8);
        h = fold(h ^ piece);
    }
    piece = 0;
    if (length) memcpy(&piece, text, (size_t)length);
    return fold(fold(h ^ piece));
}

/* Where it stands, or where it would. */
static uint32_t *slot_of(const tgi_text_table *table, const char *text, int64_t length)
{
    const uint64_t mask = (uint64_t)table->slot_count - 1;
    for (uint64_t i = hash(text, length) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &table->slots[i];
        if (*slot == 0) return slot;
        const tgi_text_entry *entry = &table->entries[*slot - 1];
        if (entry->length == length && memcmp(entry->text, text, (size_t)length) == 0) return slot;
    }
}

int64_t tgi_text_table_slots(int64_t count)
{
    int64_t slots = 64;
    while (slots < 2 * count) slots *= 2;
    return slots;
}

void tgi_text_table_fill(tgi_text_table *table)
{
    for (int64_t i = 0; i < table->count; i++)
        *slot_of(table, table->entries[i].text, table->entries[i].length) = (uint32_t)i + 1;
}

/* More than half of the slots are never taken. */
static bool make_room(tgi_text_table *table)
{
    if (!tgi_grow(&table->entries, &table->capacity, table->count + 1, sizeof *table->entries)) return false;
    const int64_t wanted = tgi_text_table_slots(table->count + 1);
    if (wanted == table->slot_count) return true;
    uint32_t *slots = tgi_alloc((size_t)wanted * sizeof *slots);
    if (!slots) return false;
    tgi_grow_free(table->slots, table->slot_count, sizeof *slots);
    memset(slots, 0, (size_t)wanted * sizeof *slots);
    table->slots = slots;
    table->slot_count = wanted;
    tgi_text_table_fill(table);
    return true;
}

int64_t tgi_text_table_add(tgi_text_table *table, const char *text, int64_t length)
{
    int64_t at = tgi_text_table_find(table, text, length);
    if (at < 0) {
        if (table->count == INT32_MAX) {
            tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op ? tgi_self.op : "", "more than 2^31 - 1 different texts");
            return -1;
        }
        if (!make_room(table)) return -1;
        at = table->count++;
        table->entries[at] = (tgi_text_entry){ text, length, 0 };
        *slot_of(table, text, length) = (uint32_t)at + 1;
    }
    table->entries[at].count++;
    return at;
}

int64_t tgi_text_table_find(const tgi_text_table *table, const char *text, int64_t length)
{
    return table->slot_count == 0 ? -1 : (int64_t)*slot_of(table, text, length) - 1;
}

void tgi_text_table_free(tgi_text_table *table)
{
    tgi_grow_free(table->entries, table->capacity, sizeof *table->entries);
    tgi_grow_free(table->slots, table->slot_count, sizeof *table->slots);
    *table = (tgi_text_table){ 0 };
}
