/* profile_rows.c: what is counted apart, and found again in a few nanoseconds. */
#include "profile_impl.h"

#include <stdio.h>
#include <string.h>

static uint64_t mixed(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static uint64_t hash_of(const tgi_profile_key *k)
{
    uint64_t hash = mixed((uintptr_t)k->what, (uintptr_t)k->where);
    return mixed(hash, k->shapes ^ ((uint64_t)(uint32_t)k->place << 16 | (uint64_t)k->work << 8 | k->phase));
}

static bool same(const tgi_profile_key *a, const tgi_profile_key *b)
{
    return a->what == b->what && a->where == b->where && a->shapes == b->shapes && a->place == b->place &&
           a->work == b->work && a->phase == b->phase;
}

/* The table's place of a key, or the free one where it belongs. Its size is a power of two. */
static int64_t find(const tgi_profile *p, const tgi_profile_key *key)
{
    const int64_t mask = p->table_size - 1;
    int64_t i = (int64_t)hash_of(key) & mask;
    while (p->table[i] && !same(&p->rows[p->table[i]].key, key)) i = (i + 1) & mask;
    return i;
}

static bool grow_table(tgi_profile *p)
{
    int32_t *const old = p->table;
    const int64_t size = p->table_size;
    int32_t *table = tgi_profile_alloc(2 * (size_t)size * sizeof *table);
    if (!table) return false;
    p->table = table;
    p->table_size = 2 * size;
    for (int32_t i = 1; i < p->row_count; i++) p->table[find(p, &p->rows[i].key)] = i;
    tgi_profile_dealloc(old, (size_t)size * sizeof *old);
    return true;
}

__attribute__((noinline)) static int32_t add_row(tgi_profile *p, const tgi_profile_key *key, const char *name)
{
    if (2 * p->row_count >= p->table_size && !grow_table(p)) return 0;
    if (!tgi_profile_grow(&p->rows, &p->row_capacity, p->row_count + 1, sizeof *p->rows)) return 0;
    const int32_t row = (int32_t)p->row_count;
    p->rows[row] = (tgi_profile_row){ .key = *key,
                                      .name = tgi_profile_text(p, name),
                                      .line = tgi_profile_text(p, key->where),
                                      .shapes = "" };
    p->table[find(p, key)] = row;
    p->row_count++;
    return row;
}

int32_t tgi_profile_row_of(tgi_profile *p, const tgi_profile_key *key, const char *name)
{
    tgi_profile_row *last = &p->rows[p->last_row];
    if (same(&p->rows[last->next].key, key)) return p->last_row = last->next;
    const int32_t known = p->table[find(p, key)], row = known ? known : add_row(p, key, name);
    p->rows[p->last_row].next = row;
    return p->last_row = row;
}

/* ---- places ---- */

/* "t=*" for "t=3". */
static void without_step(const tg_place *place, char text[TG_PLACE_TEXT])
{
    snprintf(text, TG_PLACE_TEXT, "%s", place->name);
    if (place->kind || place->step < 0) return;
    size_t length = strlen(text);
    while (length && text[length - 1] >= '0' && text[length - 1] <= '9') length--;
    if (length + 2 <= TG_PLACE_TEXT) memcpy(text + length, "*", 2);
}

static int32_t add_place(tgi_profile *p, int32_t outer, const char *name)
{
    for (int32_t i = 1; i < p->place_count; i++)
        if (p->places[i].outer == outer && strcmp(p->places[i].name, name) == 0) return i;
    if (!tgi_profile_grow(&p->places, &p->place_capacity, p->place_count + 1, sizeof *p->places)) return outer;
    p->places[p->place_count] = (tgi_profile_place){ outer, tgi_profile_text(p, name) };
    return (int32_t)p->place_count++;
}

__attribute__((noinline)) static int32_t learn_place(tgi_profile *p, int32_t number)
{
    const tg_place *place = tgi_place_numbered(number);
    if (!place || !tgi_profile_grow(&p->numbers, &p->number_capacity, number + 1, sizeof *p->numbers)) return 0;
    const int32_t outer = place->outer ? tgi_profile_place_of(p, place->outer->number) : 0;
    char text[TG_PLACE_TEXT];
    without_step(place, text);
    return p->numbers[number] = add_place(p, outer, text);
}

int32_t tgi_profile_place_of(tgi_profile *p, int32_t number)
{
    if (number <= 0) return 0;
    const int64_t generation = tgi_place_generation();
    if (generation != p->generation && p->numbers)
        memset(p->numbers, 0, (size_t)p->number_capacity * sizeof *p->numbers);
    p->generation = generation;
    const int32_t known = number < p->number_capacity ? p->numbers[number] : 0;
    return known ? known : learn_place(p, number);
}

/* ---- shapes ---- */

uint64_t tgi_profile_shapes(tg_tensor_list inputs)
{
    uint64_t hash = 1;
    for (int64_t i = 0; i < inputs.count; i++) {
        const tg_tensor *t = inputs.items[i];
        hash = mixed(hash, t ? t->ndim + 1 + 256 * (uint64_t)t->dtype : 0);
        for (int d = 0; t && d < t->ndim; d++) hash = mixed(hash, (uint64_t)t->dims[d]);
    }
    return hash ? hash : 1;
}

void tgi_profile_row_shapes(tgi_profile *p, int32_t row, tg_tensor_list inputs)
{
    char text[512], one[TG_SHAPE_TEXT];
    size_t length = 0;
    if (!row || p->rows[row].shapes[0]) return;
    text[0] = '\0';
    for (int64_t i = 0; i < inputs.count && length + TG_SHAPE_TEXT + 16 < sizeof text; i++) {
        const tg_tensor *t = inputs.items[i];
        const tg_shape shape = t ? tgi_shape(t) : tg_shape();
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s%s", i ? ", " : "",
                                   t ? tg_dtype_name((tg_dtype)t->dtype) : "none", t ? tg_shape_text(&shape, one) : "");
    }
    p->rows[row].shapes = tgi_profile_text(p, text);
}
