/* check_table.c: blocks found by a key; keys of lines and places. */
#include "check_impl.h"

#include <string.h>

static uint64_t mixed(uint64_t key)
{
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
    key = (key ^ key >> 27) * 0x94d049bb133111ebu;
    return key ^ key >> 31;
}

static size_t index_bytes(const tgi_table *t) { return sizeof(int32_t) << t->bits; }

/* Where the key is, or where it would be. */
static uint64_t place_of(const tgi_table *t, uint64_t key)
{
    const uint64_t mask = ((uint64_t)1 << t->bits) - 1;
    uint64_t i = mixed(key) & mask;
    while (t->index[i] && t->keys[t->index[i] - 1] != key) i = (i + 1) & mask;
    return i;
}

void *tgi_table_find(const tgi_table *t, uint64_t key)
{
    if (!t->index) return NULL;
    const int32_t number = t->index[place_of(t, key)];
    return number ? t->items[number - 1] : NULL;
}

static void enter_all(tgi_table *t)
{
    memset(t->index, 0, index_bytes(t));
    for (int64_t i = 0; i < t->count; i++) t->index[place_of(t, t->keys[i])] = (int32_t)i + 1;
}

static bool make_room(tgi_table *t)
{
    if (!tgi_grow(&t->items, &t->items_room, t->count + 1, sizeof *t->items) ||
        !tgi_grow(&t->keys, &t->keys_room, t->count + 1, sizeof *t->keys))
        return false;
    if (t->index && 2 * (t->count + 1) <= (int64_t)1 << t->bits) return true;
    const tgi_table old = *t;
    t->bits = old.index ? old.bits + 1 : 6;
    t->index = tgi_calloc(index_bytes(t));
    if (!t->index) {
        *t = old;
        return false;
    }
    if (old.index) tgi_free(old.index, index_bytes(&old));
    enter_all(t);
    return true;
}

void *tgi_table_at(tgi_table *t, uint64_t key)
{
    void *item = tgi_table_find(t, key);
    if (item || !make_room(t) || !(item = tgi_calloc(t->size))) return item;
    t->items[t->count] = item;
    t->keys[t->count++] = key;
    t->index[place_of(t, key)] = (int32_t)t->count;
    return item;
}

void tgi_table_keep(tgi_table *t, bool (*keep)(void *item))
{
    int64_t kept = 0;
    for (int64_t i = 0; i < t->count; i++) {
        if (keep(t->items[i])) {
            t->keys[kept] = t->keys[i];
            t->items[kept++] = t->items[i];
        } else {
            tgi_free(t->items[i], t->size);
        }
    }
    if (kept == t->count) return;
    t->count = kept;
    enter_all(t);
}

void tgi_table_free(tgi_table *t)
{
    for (int64_t i = 0; i < t->count; i++) tgi_free(t->items[i], t->size);
    if (t->index) tgi_free(t->index, index_bytes(t));
    tgi_grow_free(t->items, t->items_room, sizeof *t->items);
    tgi_grow_free(t->keys, t->keys_room, sizeof *t->keys);
    *t = (tgi_table){ .size = t->size };
}

/* ---- lines and places ---- */

static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u; /* FNV-1a */
    return (hash ^ 0xff) * 0x100000001b3u;
}

uint64_t tgi_key_of(const char *where, const tg_place *place, bool steps)
{
    uint64_t hash = add_text(0xcbf29ce484222325u, where);
    for (; place; place = place->outer)
        if (steps || place->kind) hash = add_text(hash, place->name);
    return hash;
}

const char *tgi_modules_text(const tg_place *place, char text[TG_PLACE_TEXT])
{
    char *begin = text + TG_PLACE_TEXT - 1;
    *begin = '\0';
    for (const tg_place *p = place; p; p = p->outer) {
        const size_t length = strlen(p->name), dot = *begin != '\0';
        if (!p->kind) continue;
        if ((size_t)(begin - text) < length + dot) break;
        if (dot) *--begin = '.';
        begin -= length;
        memcpy(begin, p->name, length);
    }
    return memmove(text, begin, (size_t)(text + TG_PLACE_TEXT - begin));
}

int64_t tgi_step_of(const tg_place *place)
{
    while (place && place->step < 0) place = place->outer;
    return place ? place->step : -1;
}
