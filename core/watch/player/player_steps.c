/* player_steps.c: which step in time a node belongs to, as labels say it (player_infer.c: where none does).
 *
 * A label that ends in a number is a step in time when the same label with another number stands in the same place
 * ("t=0", "t=1"), and no such labels stand inside it: of layers that loop over time, time is the inner one. */
#include "player_impl.h"

#include "core/thread.h"

#include <string.h>

/* Labels that differ in nothing but their number. */
typedef struct family {
    const tgi_player_place *first;
    size_t stem; /* the length of their names without the number */
    int64_t members;
    bool has_inner;
} family;

typedef struct families {
    family *items; /* as many as there are places, at most */
    int64_t count;
    tgi_hashed found;
    int32_t *of; /* [place]; -1: none */
} families;

static size_t stem_of(const char *name)
{
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9') length--;
    return length;
}

typedef struct sought {
    const families *among;
    const tgi_player_place *place;
    size_t stem;
} sought;

static bool is_it(const void *context, int64_t entry)
{
    const sought *s = context;
    const family *f = &s->among->items[entry];
    return f->first->outer == s->place->outer && f->stem == s->stem &&
           memcmp(f->first->place->name, s->place->place->name, s->stem) == 0;
}

static bool join_family(families *all, const tgi_player_place *place, int32_t *number)
{
    const size_t stem = stem_of(place->place->name);
    const uint64_t hash = tgi_hash_of(place->place->name, stem) ^ (uint64_t)place->outer;
    *number = (int32_t)tgi_hashed_find(&all->found, hash, is_it, &(sought){ all, place, stem });
    if (*number < 0) {
        if (!tgi_hashed_add(&all->found, hash, all->count)) return false;
        *number = (int32_t)all->count++;
        all->items[*number] = (family){ place, stem, 0, false };
    }
    all->items[*number].members++;
    return true;
}

static bool find_families(families *all, const tgi_player_run *run)
{
    for (int64_t p = 0; p < run->places_seen.count; p++) {
        all->of[p] = -1;
        if (run->places[p].place->step >= 0 && !join_family(all, &run->places[p], &all->of[p])) return false;
    }
    for (int64_t p = 0; p < run->places_seen.count; p++) {
        if (all->of[p] < 0 || all->items[all->of[p]].members < 2) continue;
        for (int32_t outer = run->places[p].outer; outer >= 0; outer = run->places[outer].outer)
            if (all->of[outer] >= 0) all->items[all->of[outer]].has_inner = true;
    }
    return true;
}

/* Whether there are any. */
static bool label_nodes(tgi_player_run *run, const families *all)
{
    bool any = false;
    for (int64_t p = 0; p < run->places_seen.count; p++) {
        const family *f = all->of[p] < 0 ? NULL : &all->items[all->of[p]];
        run->places[p].is_step = f && f->members > 1 && !f->has_inner && run->places[p].place->step <= INT32_MAX;
    }
    for (int64_t n = 0; n < run->node_count; n++) {
        int32_t p = run->nodes[n].place;
        while (p >= 0 && !run->places[p].is_step) p = run->places[p].outer;
        if (p >= 0) run->nodes[n].step = (int32_t)run->places[p].place->step;
        any |= p >= 0;
    }
    return any;
}

bool tgi_player_steps(tgi_player_run *run)
{
    const size_t count = (size_t)run->places_seen.count + 1;
    families all = { .items = tgi_calloc(count * sizeof *all.items), .of = tgi_calloc(count * sizeof *all.of) };
    bool ok = all.items && all.of && find_families(&all, run);
    if (ok && !label_nodes(run, &all)) ok = tgi_player_infer_steps(run);
    if (all.items) tgi_free(all.items, count * sizeof *all.items);
    if (all.of) tgi_free(all.of, count * sizeof *all.of);
    tgi_hashed_free(&all.found);
    return ok;
}
