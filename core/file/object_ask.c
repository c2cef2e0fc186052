/* object_ask.c: what lies in an object. */
#include "object_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tg_object_kind tg_object_kind_of_at(const char *where, const tg_object *o)
{
    return tgi_object_ok(where, "object_kind_of", o) ? (tg_object_kind)o->kind : TG_OBJECT_NONE;
}

static int64_t count_of(const tg_object *o)
{
    return !tgi_is_container(o) ? 0 : o->kind == TG_OBJECT_DICT ? o->count / 2 : o->count;
}

static const tg_object *item_of(const tg_object *o, int64_t i)
{
    return o->as.items[o->kind == TG_OBJECT_DICT ? 2 * i + 1 : i];
}

int64_t tg_object_count_at(const char *where, const tg_object *o)
{
    return tgi_object_ok(where, "object_count", o) ? count_of(o) : 0;
}

/* The index counted from the front; -1 with an error pending. */
static int64_t checked(const char *function, const tg_object *o, int64_t i)
{
    const int64_t count = count_of(o), at = i < 0 ? i + count : i;
    if (at >= 0 && at < count) return at;
    if (tgi_is_container(o))
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "item %lld of %s of %lld", (long long)i, tgi_object_name(o),
                   (long long)count);
    else
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "item %lld of %s, which has none", (long long)i, tgi_object_name(o));
    return -1;
}

const tg_object *tg_object_item_at(const char *where, const tg_object *o, int64_t i)
{
    if (!tgi_object_ok(where, "object_item", o)) return NULL;
    const int64_t at = checked("object_item", o, i);
    return at < 0 ? NULL : item_of(o, at);
}

const tg_object *tg_object_key_at(const char *where, const tg_object *o, int64_t i)
{
    if (!tgi_object_ok(where, "object_key", o)) return NULL;
    if (o->kind != TG_OBJECT_DICT) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "object_key", "%s has no keys", tgi_object_name(o));
        return NULL;
    }
    const int64_t at = checked("object_key", o, i);
    return at < 0 ? NULL : o->as.items[2 * at];
}

/* ---- paths ---- */

/* So many bytes as a number: decimal, as it is written by printf. */
static bool number_in(const char *text, size_t bytes, int64_t *number)
{
    char digits[24], again[24];
    if (bytes == 0 || bytes >= sizeof digits) return false;
    memcpy(digits, text, bytes);
    digits[bytes] = '\0';
    *number = strtoll(digits, NULL, 10);
    snprintf(again, sizeof again, "%" PRId64, *number);
    return strcmp(digits, again) == 0;
}

/* The number of the pair with that key, found by halves; -1: there is none. */
static int64_t find_in_order(const tg_object *dict, const tg_object *key)
{
    int64_t low = 0, high = dict->count / 2;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = tgi_object_compare_keys(key, dict->as.items[2 * dict->order[middle]]);
        if (order == 0) return dict->order[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

/* The value of the first key that is that text, or the integer that it means. */
static const tg_object *find_key(const tg_object *dict, const char *text, size_t bytes)
{
    int64_t number = 0;
    const bool is_number = number_in(text, bytes, &number);
    if (dict->order) {
        const tg_object words = { .kind = TG_OBJECT_TEXT, .as = { .text = text }, .count = (int64_t)bytes };
        const tg_object integer = { .kind = TG_OBJECT_INT, .as = { .integer = number } };
        const int64_t a = find_in_order(dict, &words), b = is_number ? find_in_order(dict, &integer) : -1;
        const int64_t at = a < 0 || (b >= 0 && b < a) ? b : a;
        return at < 0 ? NULL : dict->as.items[2 * at + 1];
    }
    for (int64_t i = 0; i < dict->count; i += 2) {
        const tg_object *key = dict->as.items[i];
        if (key->kind == TG_OBJECT_INT ? is_number && key->as.integer == number
                                       : (size_t)key->count == bytes && memcmp(key->as.text, text, bytes) == 0)
            return dict->as.items[i + 1];
    }
    return NULL;
}

/* One step along a path, of which `used` bytes are then done with. NULL: there is nothing. */
static const tg_object *step(const tg_object *o, const char *path, size_t *used)
{
    if (!tgi_is_container(o)) return NULL;
    if (o->kind != TG_OBJECT_DICT) {
        int64_t i;
        *used = strcspn(path, ".");
        return number_in(path, *used, &i) && i >= 0 && i < o->count ? o->as.items[i] : NULL;
    }
    for (size_t bytes = strlen(path);; bytes--) {
        const bool end = path[bytes] == '\0' || path[bytes] == '.';
        const tg_object *found = end ? find_key(o, path, bytes) : NULL;
        *used = bytes;
        if (found || bytes == 0) return found;
    }
}

/* What lies at the end of a path, or NULL; then *last is how far it leads, and *rest what is left of it. */
static const tg_object *walk(const tg_object *o, const char *path, const tg_object **last, const char **rest)
{
    *last = o;
    *rest = path;
    while (*path) {
        size_t used;
        o = step(*last, *rest, &used);
        if (!o) return NULL;
        *last = o;
        *rest += used;
        if (**rest == '\0') break;
        ++*rest; /* the dot; behind one that ends the path is a key of no letters */
    }
    return *last;
}

/* "a, b, c" of what a dict has, as far as there is room. */
static void list_keys(const tg_object *dict, char *text, size_t size)
{
    size_t used = 0;
    for (int64_t i = 0; i < dict->count; i += 2) {
        const tg_object *key = dict->as.items[i];
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, key->as.integer);
        const char *name = key->kind == TG_OBJECT_INT ? number : key->as.text;
        if (used + strlen(name) + 8 > size) {
            snprintf(text + used, size - used, ", ...");
            return;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", name);
    }
}

static const tg_object *nothing_there(const char *function, const tg_object *o, const char *path, const char *rest)
{
    const int done = (int)(rest - path) - (rest > path);
    char place[160] = "", has[256] = "none";
    if (done > 0) snprintf(place, sizeof place, " in \"%.*s\"", done < 120 ? done : 120, path);
    if (o->kind == TG_OBJECT_DICT) {
        if (o->count) list_keys(o, has, sizeof has);
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "there is no \"%.200s\"%s; the keys are: %s", rest, place, has);
    } else if (tgi_is_container(o)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "there is no \"%.200s\"%s, %s of %lld", rest, place,
                   tgi_object_name(o), (long long)o->count);
    } else {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "there is no \"%.200s\"%s, which is %s", rest, place,
                   tgi_object_name(o));
    }
    return NULL;
}

/* What lies there; NULL with an error pending. */
static const tg_object *at_path(const char *where, const char *function, const tg_object *o, const char *path)
{
    if (!tgi_object_ok(where, function, o)) return NULL;
    if (!path) return o;
    const tg_object *last;
    const char *rest;
    const tg_object *found = walk(o, path, &last, &rest);
    return found ? found : nothing_there(function, last, path, rest);
}

const tg_object *tg_object_get_at(const char *where, const tg_object *o, const char *path)
{
    return at_path(where, "object_get", o, path);
}

bool tg_object_has_at(const char *where, const tg_object *o, const char *path)
{
    if (!tgi_object_ok(where, "object_has", o)) return false;
    const tg_object *last;
    const char *rest;
    return !path || walk(o, path, &last, &rest);
}

/* ---- values ---- */

static void wrong_kind(const char *function, const tg_object *o, const char *path, const char *wanted)
{
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s%.200s%s is %s, not %s", path && *path ? "\"" : "the object",
               path ? path : "", path && *path ? "\"" : "", tgi_object_name(o), wanted);
}

/* A number of any kind as a double; NaN where there is none, which no number here is taken for. */
static bool real_of(const tg_object *o, double *value)
{
    if (o->kind == TG_OBJECT_BOOL || o->kind == TG_OBJECT_INT)
        *value = (double)o->as.integer;
    else if (o->kind == TG_OBJECT_FLOAT)
        *value = o->as.real;
    else if (o->kind == TG_OBJECT_TENSOR && tgi_handle_ok("object_number", o->as.tensor) && o->as.tensor->numel == 1)
        *value = tg_item_at(NULL, o->as.tensor);
    else
        return false;
    return true;
}

double tg_object_number_at(const char *where, const tg_object *o, const char *path)
{
    static const char function[] = "object_number";
    double value = (double)NAN;
    o = at_path(where, function, o, path);
    if (o && !real_of(o, &value) && !tg_failed()) wrong_kind(function, o, path, "a number");
    return value;
}

int64_t tg_object_int_at(const char *where, const tg_object *o, const char *path)
{
    static const char function[] = "object_int";
    o = at_path(where, function, o, path);
    if (!o) return 0;
    double value;
    if (o->kind == TG_OBJECT_INT || o->kind == TG_OBJECT_BOOL) return o->as.integer;
    const bool number = real_of(o, &value);
    if (number && o->kind == TG_OBJECT_TENSOR && o->as.tensor->dtype == TG_INT64)
        return tg_item_int64_at(NULL, o->as.tensor);
    if (number && fabs(value) < 0x1p63 && value == floor(value)) return (int64_t)value;
    if (!tg_failed()) wrong_kind(function, o, path, "an integer");
    return 0;
}

bool tg_object_bool_at(const char *where, const tg_object *o, const char *path)
{
    static const char function[] = "object_bool";
    o = at_path(where, function, o, path);
    double value = 0;
    if (o && !(real_of(o, &value) && (value == 0 || value == 1)) && !tg_failed())
        wrong_kind(function, o, path, "a bool");
    return value == 1;
}

const char *tg_object_text_at(const char *where, const tg_object *o, const char *path)
{
    static const char function[] = "object_text";
    o = at_path(where, function, o, path);
    if (o && o->kind == TG_OBJECT_TEXT) return o->as.text;
    if (o) wrong_kind(function, o, path, "a text");
    return NULL;
}

tg_tensor *tg_object_tensor_at(const char *where, const tg_object *o, const char *path)
{
    static const char function[] = "object_tensor";
    o = at_path(where, function, o, path);
    if (o && o->kind == TG_OBJECT_TENSOR) return tgi_handle_ok(function, o->as.tensor) ? o->as.tensor : NULL;
    if (o) wrong_kind(function, o, path, "a tensor");
    return NULL;
}

/* ---- all tensors ---- */

typedef struct gathering {
    tg_named_tensor *items; /* whose names are places in `names` */
    int64_t count, capacity;
    char *names;
    int64_t names_bytes, names_room, most_names_bytes;
    bool over;
    char *name; /* of where the walk is */
    int64_t length, room;
} gathering;

/* Puts a key or a number behind the name, and a dot before it if there is one. */
static bool enter(gathering *g, const tg_object *key, int64_t i)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, key ? key->as.integer : i);
    const bool text = key && key->kind == TG_OBJECT_TEXT;
    const char *part = text ? key->as.text : number;
    const int64_t bytes = text ? key->count : (int64_t)strlen(number);
    if (!tgi_grow(&g->name, &g->room, g->length + bytes + 2, 1)) return false;
    if (g->length) g->name[g->length++] = '.';
    memcpy(g->name + g->length, part, (size_t)bytes);
    g->length += bytes;
    return true;
}

static bool gather_tensor(gathering *g, tg_tensor *t)
{
    if (!tgi_handle_ok("object_tensors", t)) return false;
    const int64_t at = g->names_bytes, end = at + g->length + 1;
    g->over = end > g->most_names_bytes;
    if (g->over) return false;
    if (!tgi_grow(&g->items, &g->capacity, g->count + 1, sizeof *g->items) ||
        !tgi_grow(&g->names, &g->names_room, end, 1))
        return false;
    if (g->length) memcpy(g->names + at, g->name, (size_t)g->length);
    g->names[end - 1] = '\0';
    g->names_bytes = end;
    g->items[g->count++].tensor = t;
    return true;
}

static bool gather(gathering *g, const tg_object *o)
{
    if (o->kind == TG_OBJECT_TENSOR) return gather_tensor(g, o->as.tensor);
    const int64_t length = g->length;
    for (int64_t i = 0; i < count_of(o); i++) {
        const tg_object *item = item_of(o, i);
        if (item->kind != TG_OBJECT_TENSOR && !tgi_is_container(item)) continue;
        if (!enter(g, o->kind == TG_OBJECT_DICT ? o->as.items[2 * i] : NULL, i) || !gather(g, item)) return false;
        g->length = length;
    }
    return true;
}

tg_named_tensor_list tgi_object_tensors(const tg_object *o, int64_t most_names_bytes, bool *over)
{
    tg_named_tensor_list all = { NULL, 0 };
    gathering g = { .most_names_bytes = most_names_bytes };
    const bool gathered = gather(&g, o);
    const size_t bytes = (size_t)g.count * sizeof *g.items;
    char *block = gathered ? tgi_scope_alloc(bytes + (size_t)g.names_bytes + 1) : NULL;
    if (block && g.count) {
        tg_named_tensor *items = (tg_named_tensor *)(void *)block;
        char *name = memcpy(block + bytes, g.names, (size_t)g.names_bytes);
        for (int64_t i = 0; i < g.count; name += strlen(name) + 1, i++)
            items[i] = (tg_named_tensor){ name, g.items[i].tensor };
        all = (tg_named_tensor_list){ items, g.count };
    }
    tgi_grow_free(g.items, g.capacity, sizeof *g.items);
    tgi_grow_free(g.names, g.names_room, 1);
    tgi_grow_free(g.name, g.room, 1);
    *over = g.over;
    return all;
}

tg_named_tensor_list tg_object_tensors_at(const char *where, const tg_object *o, const char *path)
{
    o = at_path(where, "object_tensors", o, path);
    bool over;
    return o && !tg_failed() ? tgi_object_tensors(o, INT64_MAX / 2, &over) : (tg_named_tensor_list){ NULL, 0 };
}
