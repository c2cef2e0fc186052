/* place.c: where in the program we are: modules at work and labels, the one inside the other.
 *
 * Kept only while somebody observes. What is open is a stack: a module is on it while its forward runs, a label while
 * the scope is open that it was set in. Nobody takes a label off when its scope ends: that is noticed when the stack is
 * looked at next, since no two scopes have the same serial number. Places that were open once have a number, which a
 * node has room for. */
#include "observe_impl.h"
#include "tape_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct open_place {
    int32_t number;
    const tgi_inside *inside; /* NULL: a label, */
    int64_t depth;            /* of the scope at this depth; -1: of none */
    uint64_t serial;
} open_place;

typedef struct known_place {
    tg_place place;
    uint64_t hash;
    size_t bytes; /* of the block, with the texts behind it */
    bool stays;   /* while others are forgotten */
} known_place;

struct tgi_places {
    known_place **known; /* [number - 1]; NULL: forgotten, and the number to be given anew */
    int64_t count, capacity;
    int64_t places; /* how many of them there are, */
    int64_t stayed; /* and how many there were when the others were forgotten */
    int64_t hole;   /* below it nothing is NULL */
    int32_t *table; /* finds one by its hash; 0 is a free place */
    int table_bits;
    open_place *open;
    int64_t open_count, open_capacity;
    int64_t generation; /* how often numbers have become free */
    int32_t lent;       /* tgi_place_lend */
};

enum { MANY_PLACES = 1 << 12, MOST_PLACES = (1 << 24) - 1 };

/* ---- numbers ---- */

static uint64_t hash_of(int32_t outer, const char *kind, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)outer; /* FNV-1a */
    hash = hash * 0x100000001b3u ^ (kind != NULL);
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static const tg_place *place_at(const tgi_places *p, int32_t number)
{
    known_place *known = p && number > 0 && number <= p->count ? p->known[number - 1] : NULL;
    return known ? &known->place : NULL;
}

static bool is_same(const known_place *known, uint64_t hash, const tg_place *outer, const char *kind, const char *name)
{
    const tg_place *place = &known->place;
    if (known->hash != hash || place->outer != outer || !place->kind != !kind) return false;
    return !strcmp(place->name, name) && (!kind || !strcmp(place->kind, kind));
}

static void enter(tgi_places *p, uint64_t hash, int32_t number)
{
    const uint64_t mask = ((uint64_t)1 << p->table_bits) - 1;
    uint64_t i = hash & mask;
    while (p->table[i]) i = (i + 1) & mask;
    p->table[i] = number;
}

static size_t table_bytes(int bits) { return sizeof(int32_t) << bits; }

static void enter_all(tgi_places *p)
{
    for (int64_t i = 0; i < p->count; i++)
        if (p->known[i]) enter(p, p->known[i]->hash, (int32_t)i + 1);
}

static bool grow_table(tgi_places *p)
{
    const int bits = p->table ? p->table_bits + 1 : 6;
    int32_t *table = tgi_calloc(table_bytes(bits));
    if (!table) return false;
    if (p->table) tgi_free(p->table, table_bytes(p->table_bits));
    p->table = table;
    p->table_bits = bits;
    enter_all(p);
    return true;
}

/* The number behind a label's text, "t=3"; -1: there is none. */
static int64_t step_of(const char *text)
{
    const size_t length = strlen(text);
    size_t at = length;
    while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9') at--;
    return at < length && length - at < 19 ? strtoll(text + at, NULL, 10) : -1;
}

static int32_t add_place(tgi_places *p, int32_t outer, const char *kind, const char *name, uint64_t hash)
{
    if (p->places >= MOST_PLACES) return outer;
    if (2 * (p->places + 1) > (int64_t)1 << p->table_bits || !p->table)
        if (!grow_table(p)) return 0;
    while (p->hole < p->count && p->known[p->hole]) p->hole++;
    if (!tgi_grow(&p->known, &p->capacity, p->hole + 1, sizeof(known_place *))) return 0;
    const size_t name_size = strlen(name) + 1, kind_size = kind ? strlen(kind) + 1 : 0;
    const size_t bytes = sizeof(known_place) + name_size + kind_size;
    known_place *known = tgi_calloc(bytes);
    if (!known) return 0;
    char *text = (char *)(known + 1);
    memcpy(text, name, name_size);
    if (kind) kind = memcpy(text + name_size, kind, kind_size); /* the module may go first */
    const int32_t number = (int32_t)p->hole + 1;
    *known = (known_place){ { place_at(p, outer), text, kind, kind ? -1 : step_of(name), number }, hash, bytes, false };
    p->known[p->hole] = known;
    if (p->hole == p->count) p->count++;
    p->places++;
    enter(p, hash, number);
    return number;
}

static int32_t number_of(tgi_places *p, int32_t outer, const char *kind, const char *name)
{
    const uint64_t hash = hash_of(outer, kind, name), mask = ((uint64_t)1 << p->table_bits) - 1;
    const tg_place *around = place_at(p, outer);
    for (uint64_t i = hash & mask; p->table && p->table[i]; i = (i + 1) & mask)
        if (is_same(p->known[p->table[i] - 1], hash, around, kind, name)) return p->table[i];
    return add_place(p, outer, kind, name, hash);
}

/* ---- what is open ---- */

static bool at_work(const tgi_inside *inside)
{
    const tgi_inside *i = tgi_self.inside;
    while (i && i != inside) i = i->outer;
    return i != NULL;
}

static bool is_open(const open_place *place)
{
    if (place->inside && !at_work(place->inside)) return false;
    return place->depth < 0 ||
           (place->depth < tgi_self.scope_count && tgi_self.scopes[place->depth].serial == place->serial);
}

/* Takes off what has ended: whatever is inside it has, too. */
static void prune(tgi_places *p)
{
    for (int64_t i = 0; i < p->open_count; i++)
        if (!is_open(&p->open[i])) p->open_count = i;
}

static int32_t innermost(const tgi_places *p) { return p->open_count ? p->open[p->open_count - 1].number : 0; }

/* All but those that are open, and those around them: a label may be open as long as the program runs. */
static void forget_ended(tgi_places *p)
{
    for (int64_t i = 0; i < p->open_count; i++)
        for (const tg_place *place = place_at(p, p->open[i].number); place; place = place->outer)
            p->known[place->number - 1]->stays = true;
    p->places = p->hole = 0;
    for (int64_t i = 0; i < p->count; i++) {
        known_place *known = p->known[i];
        if (known && !known->stays) {
            tgi_free(known, known->bytes);
            p->known[i] = NULL;
        } else if (known) {
            known->stays = false;
            p->places++;
        }
    }
    while (p->count && !p->known[p->count - 1]) p->count--;
    p->stayed = p->places;
    p->generation++;
    if (p->table) memset(p->table, 0, table_bytes(p->table_bits));
    enter_all(p);
}

/* Enough to be worth a look at all. */
static bool many(const tgi_places *p) { return p->places >= MANY_PLACES && p->places >= 2 * p->stayed; }

/* This thread's, with room for one more; NULL: there is no memory, and the place will be that around it. */
static tgi_places *places_with_room(void)
{
    tgi_pool *pool = tgi_pool_of_thread();
    if (!pool) return NULL;
    tgi_places *p = pool->rare.places;
    if (!p && !(p = pool->rare.places = tgi_calloc(sizeof *p))) return NULL;
    prune(p);
    if (!tgi_self.node_count && many(p)) forget_ended(p);
    return tgi_grow(&p->open, &p->open_capacity, p->open_count + 1, sizeof *p->open) ? p : NULL;
}

static void push(tgi_places *p, open_place place)
{
    if (place.number) p->open[p->open_count++] = place;
}

/* A module that is not taken off yet had its frame where the one that begins now has it. */
static void end_former(const tgi_inside *inside)
{
    tgi_places *p = tgi_self.pool ? tgi_self.pool->rare.places : NULL;
    for (int64_t i = 0; p && i < p->open_count; i++)
        if (p->open[i].inside == inside) p->open_count = i;
}

bool tgi_place_enter(void)
{
    const tgi_inside *inside = tgi_self.inside;
    end_former(inside);
    tgi_places *p = places_with_room();
    if (!p) return false;
    char name[TG_PLACE_TEXT];
    const char *kind = inside->kind->locate(inside, name, sizeof name);
    const int64_t depth = tgi_self.scope_count - 1;
    push(p, (open_place){ .number = number_of(p, innermost(p), kind, name),
                          .inside = inside,
                          .depth = depth,
                          .serial = depth < 0 ? 0 : tgi_self.scopes[depth].serial });
    return !tg_failed();
}

bool tgi_place_leave(void)
{
    tgi_places *p = tgi_self.pool->rare.places;
    for (int64_t i = 0; p && i < p->open_count; i++) {
        if (p->open[i].inside != tgi_self.inside) continue;
        p->open_count = i + 1;
        return true;
    }
    return false;
}

/* The label of the innermost scope comes off, and what is left of ended places. */
static void end_label(tgi_places *p)
{
    prune(p);
    const int64_t depth = tgi_self.scope_count - 1;
    for (int64_t i = 0; i < p->open_count; i++)
        if (!p->open[i].inside && p->open[i].depth == depth) p->open_count = i;
}

void tg_label_end(void)
{
    if (tgi_self.pool && tgi_self.pool->rare.places) end_label(tgi_self.pool->rare.places);
}

void tg_label_at(const char *where, const char *format, ...)
{
    if (where) tgi_self.where = where;
    if (!format) {
        tg_fail_at(where, TG_ERROR_NULL, "label", "the format is NULL");
        return;
    }
    tg_label_end();
    if (!tgi_self.observers) return;
    tgi_places *p = places_with_room();
    if (!p) return;
    char text[TG_PLACE_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const int64_t depth = tgi_self.scope_count - 1;
    push(p, (open_place){ .number = number_of(p, innermost(p), NULL, text),
                          .depth = depth,
                          .serial = depth < 0 ? 0 : tgi_self.scopes[depth].serial });
}

/* ---- asked ---- */

int32_t tgi_place_number(void)
{
    tgi_places *p = tgi_self.pool ? tgi_self.pool->rare.places : NULL;
    if (!p) return 0;
    if (p->lent) return p->lent;
    prune(p);
    return innermost(p);
}

void tgi_place_lend(int32_t number)
{
    if (tgi_self.pool && tgi_self.pool->rare.places) tgi_self.pool->rare.places->lent = number;
}

void tgi_place_resume(int32_t number)
{
    tgi_places *p = places_with_room();
    if (!p) return;
    const int64_t depth = tgi_self.scope_count - 1;
    p->lent = 0;
    push(p, (open_place){ .number = number, .depth = depth, .serial = tgi_self.scopes[depth].serial });
}

int64_t tgi_place_generation(void)
{
    const tgi_places *p = tgi_self.pool ? tgi_self.pool->rare.places : NULL;
    return p ? p->generation : 0;
}

const tg_place *tgi_place_numbered(int32_t number)
{
    return tgi_self.pool ? place_at(tgi_self.pool->rare.places, number) : NULL;
}

const tg_place *tg_place_now(void) { return tgi_self.observers ? tgi_place_numbered(tgi_place_number()) : NULL; }
const tg_place *tg_node_place(const tg_node *node) { return node ? tgi_place_numbered((int32_t)node->place) : NULL; }

const char *tg_place_text(const tg_place *place, char text[TG_PLACE_TEXT])
{
    if (!text) return "";
    char *begin = text + TG_PLACE_TEXT - 1;
    *begin = '\0';
    for (const tg_place *p = place; p; p = p->outer) {
        const size_t length = strlen(p->name), dot = p != place;
        if ((size_t)(begin - text) < length + dot) break;
        if (dot) *--begin = '.';
        begin -= length;
        memcpy(begin, p->name, length);
    }
    return memmove(text, begin, (size_t)(text + TG_PLACE_TEXT - begin));
}

void tgi_places_free(void)
{
    tgi_places *p = tgi_self.pool ? tgi_self.pool->rare.places : NULL;
    if (!p) return;
    p->open_count = 0;
    forget_ended(p);
    if (p->table) tgi_free(p->table, table_bytes(p->table_bits));
    tgi_grow_free(p->known, p->capacity, sizeof *p->known);
    tgi_grow_free(p->open, p->open_capacity, sizeof *p->open);
    tgi_free(p, sizeof *p);
    tgi_self.pool->rare.places = NULL;
}
