/* compare_names.c: what the program's parameters and modules are called in the recorded run.
 *
 * Those of the same names are the same. What is left over is taken in order: a parameter here is the next one there of
 * the same shape, or of the same shape transposed. A module whose name nobody recorded is where its parameters are. */
#include "compare_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <stdio.h>
#include <string.h>

/* ---- parameters ---- */

static bool could_be(const tg_tensor *ours, const tg_tensor *theirs)
{
    tg_shape a = tgi_shape(ours), b = tgi_shape(theirs);
    if (tg_shape_equal(&a, &b)) return true;
    return a.ndim == 2 && b.ndim == 2 && a.dims[0] == b.dims[1] && a.dims[1] == b.dims[0];
}

/* The first that is left, in the file's order; one whose name ends alike goes before. */
static tgi_recorded *guess_parameter(const tgi_run *run, const tgi_parameter *p)
{
    const char *dot = strrchr(p->name, '.'), *ending = dot ? dot + 1 : p->name;
    tgi_recorded *best = NULL;
    bool best_alike = false;
    for (int64_t i = 0; i < run->count; i++) {
        tgi_recorded *r = &run->items[i];
        if (r->role != TGI_STATE || r->taken || !could_be(p->tensor, r->tensor)) continue;
        const char *there = strrchr(r->name, '.');
        const bool alike = strcmp(there ? there + 1 : r->name, ending) == 0;
        if (best && (alike < best_alike || (alike == best_alike && r->order > best->order))) continue;
        best = r;
        best_alike = alike;
    }
    return best;
}

static void take(tgi_parameter *p, tgi_recorded *r)
{
    if (!r || r->taken) return;
    r->taken = true;
    p->there = r->name;
}

/* Half of its parameters are there by name and shape; or all that there are, by shape. */
bool tgi_names_fit(const tgi_names_map *map, const tgi_run *run, tg_named_tensor_list state, const tg_place *place)
{
    int64_t named = 0, shaped = 0, recorded = 0;
    for (int64_t i = 0; i < state.count; i++) {
        const tgi_recorded *same = tgi_run_find_named(run, TGI_STATE, state.items[i].name);
        named += same && could_be(state.items[i].tensor, same->tensor);
        bool found = false;
        for (int64_t k = 0; k < run->count && !found; k++)
            found = run->items[k].role == TGI_STATE && could_be(state.items[i].tensor, run->items[k].tensor);
        shaped += found;
    }
    for (int64_t k = 0; k < run->count; k++) recorded += run->items[k].role == TGI_STATE;
    if (!state.count && recorded) return map->count && tgi_module_of_place(map, run, place) >= 0;
    return 2 * named >= state.count || (shaped == state.count && 2 * state.count >= recorded);
}

static bool is_known(const tgi_names_map *map, const tg_tensor *t)
{
    for (int64_t i = 0; i < map->count; i++)
        if (map->items[i].tensor == t) return true;
    return false;
}

static bool add(tgi_names_map *map, const tg_named_tensor *named)
{
    if (is_known(map, named->tensor)) return true;
    if (!tgi_grow(&map->items, &map->capacity, map->count + 1, sizeof *map->items)) return false;
    const size_t bytes = strlen(named->name) + 1;
    char *name = tgi_calloc(bytes);
    if (!name) return false;
    memcpy(name, named->name, bytes);
    if (!tg_keep_at(NULL, named->tensor)) return tgi_free(name, bytes), false;
    map->items[map->count++] = (tgi_parameter){ named->tensor, name, NULL };
    return true;
}

bool tgi_names_add(tgi_names_map *map, const tgi_run *run, tg_named_tensor_list state)
{
    const int64_t before = map->count;
    for (int64_t i = 0; i < state.count; i++)
        if (!add(map, &state.items[i])) return false;
    for (int64_t i = before; i < map->count; i++)
        take(&map->items[i], tgi_run_find_named(run, TGI_STATE, map->items[i].name));
    for (int64_t i = before; i < map->count; i++)
        if (!map->items[i].there) take(&map->items[i], guess_parameter(run, &map->items[i]));
    return !tg_failed();
}

void tgi_names_free(tgi_names_map *map)
{
    for (int64_t i = 0; i < map->count; i++) {
        tg_release_at(NULL, map->items[i].tensor);
        tgi_free(map->items[i].name, strlen(map->items[i].name) + 1);
    }
    tgi_grow_free(map->items, map->capacity, sizeof *map->items);
    *map = (tgi_names_map){ 0 };
}

/* ---- modules ---- */

enum { DOTTED = 512 };

/* "CustomLSTM.lstm_cell.W_f", without labels. False: it is too long. */
static bool dotted_name(const tg_place *place, char text[DOTTED])
{
    char *begin = text + DOTTED - 1;
    *begin = '\0';
    for (const tg_place *p = place; p; p = p->outer) {
        if (!p->kind) continue;
        const size_t length = strlen(p->name), dot = *begin != '\0';
        if ((size_t)(begin - text) < length + dot) return false;
        if (dot) *--begin = '.';
        begin -= length;
        memcpy(begin, p->name, length);
    }
    memmove(text, begin, (size_t)(text + DOTTED - begin));
    return true;
}

/* "fc1" becomes "linear" where the parameter "fc1.weight" is "linear.weight" there: by the longest such name. */
static bool renamed(const tgi_names_map *map, const char *name, char text[DOTTED])
{
    size_t longest = 0;
    for (int64_t i = 0; i < map->count; i++) {
        const char *here = map->items[i].name, *there = map->items[i].there;
        if (!there || strcmp(here, there) == 0) continue;
        size_t common = 0; /* the endings' length */
        const size_t a = strlen(here), b = strlen(there);
        while (common < a && common < b && here[a - 1 - common] == there[b - 1 - common]) common++;
        while (common && here[a - common] != '.') common--;
        const size_t length = a - common;
        if (!common || length <= longest || strncmp(name, here, length) != 0) continue;
        if (name[length] && name[length] != '.') continue;
        if (snprintf(text, DOTTED, "%.*s%s", (int)(b - common), there, name + length) < DOTTED) longest = length;
    }
    return longest;
}

static bool same_kind(const char *here, const char *settings)
{
    const size_t length = tgi_kind_length(settings);
    if (strncmp(here, "tg_", 3) == 0) here += 3;
    size_t i = 0;
    for (; *here; here++) { /* "my_model" is "MyModel" */
        if (*here == '_') continue;
        const char c = i < length ? settings[i++] : '\0';
        if ((c | 0x20) != (*here | 0x20)) return false;
    }
    return i == length;
}

/* A module that stands alone: the model itself, or one beside it, as a loss, which has its kind's name. */
static int alone(const tgi_run *run, const tg_place *place)
{
    const int beside = tgi_run_module(run, place->kind, strlen(place->kind)), model = tgi_run_module(run, "", 0);
    if (beside >= 0 || model < 0) return beside;
    if (same_kind(place->kind, run->modules[model].settings)) return model;
    const size_t length = strlen(place->kind);
    const bool loss = length > 4 && strcmp(place->kind + length - 4, "Loss") == 0;
    for (int64_t i = 0; i < run->module_count; i++) /* one of its parts, made anew */
        if (same_kind(place->kind, run->modules[i].settings)) return -1;
    return loss ? -1 : model;
}

int tgi_module_of_place(const tgi_names_map *map, const tgi_run *run, const tg_place *place)
{
    char dotted[DOTTED], other[DOTTED];
    if (!dotted_name(place, dotted)) return -1;
    const char *dot = strchr(dotted, '.');
    if (!dot) return alone(run, place);
    const char *name = dot + 1;
    int found = tgi_run_module(run, name, strlen(name));
    if (found < 0 && renamed(map, name, other)) found = tgi_run_module(run, other, strlen(other));
    return found;
}
