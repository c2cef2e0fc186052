/* object.c: objects made and put together. What they are asked is object_ask.c's. */
#include "object_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/utf8_impl.h"
#include "sort_impl.h"

#include <stdarg.h>
#include <string.h>

/* A block of a scope that is no larger is marked as dead when the scope ends. */
enum { CHUNK = 960 };

/* ---- one object ---- */

static void *take(tgi_objects *from, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (!from || bytes > CHUNK / 4) return tgi_scope_alloc(bytes);
    if (bytes > from->left) {
        from->at = tgi_scope_alloc(CHUNK);
        from->left = from->at ? CHUNK : 0;
        if (!from->at) return NULL;
    }
    void *taken = from->at;
    from->at += bytes;
    from->left -= bytes;
    return taken;
}

static uint64_t innermost(void)
{
    const tgi_thread *self = &tgi_self;
    return self->scope_count ? self->scopes[self->scope_count - 1].serial : 0;
}

tg_object *tgi_object_new(tgi_objects *from, int kind)
{
    const bool container = kind >= TG_OBJECT_LIST && kind <= TG_OBJECT_DICT;
    tg_object *o = take(from, container ? sizeof *o : offsetof(tg_object, capacity));
    if (!o) return NULL;
    memset(o, 0, container ? sizeof *o : offsetof(tg_object, capacity));
    o->mark = TGI_OBJECT;
    o->kind = (uint8_t)kind;
    if (kind > TG_OBJECT_DICT) o->flags = TGI_INNER;
    if (!container) return o;
    o->depth = 1;
    o->size = 1;
    o->scope = innermost();
    return o;
}

tg_object *tgi_object_text(tgi_objects *from, int kind, const char *text, int64_t bytes)
{
    tg_object *o = tgi_object_new(from, kind);
    char *copy = o ? take(from, (size_t)bytes + 1) : NULL;
    if (!copy) return NULL;
    if (bytes) memcpy(copy, text, (size_t)bytes);
    copy[bytes] = '\0';
    o->as.text = copy;
    o->count = bytes;
    if (memchr(copy, '\0', (size_t)bytes)) o->flags |= TGI_INNER; /* no text of C */
    return o;
}

tg_object *tgi_object_int(tgi_objects *from, int64_t value)
{
    tg_object *o = tgi_object_new(from, TG_OBJECT_INT);
    if (o) o->as.integer = value;
    return o;
}

tg_object *tgi_object_float(tgi_objects *from, double value)
{
    tg_object *o = tgi_object_new(from, TG_OBJECT_FLOAT);
    if (o) o->as.real = value;
    return o;
}

tg_object *tgi_object_tensor(tgi_objects *from, tg_tensor *t)
{
    tg_object *o = tgi_object_new(from, TG_OBJECT_TENSOR);
    if (o) o->as.tensor = t;
    return o;
}

#define CONSTANT(kind_, value)                                                                                         \
    {                                                                                                                  \
        .mark = TGI_OBJECT, .kind = kind_, .as = {.integer = value }                                                   \
    }
static const tg_object none = CONSTANT(TG_OBJECT_NONE, 0);
static const tg_object bools[2] = { CONSTANT(TG_OBJECT_BOOL, 0), CONSTANT(TG_OBJECT_BOOL, 1) };

const tg_object *tg_object_none(void) { return &none; }
const tg_object *tg_object_of_bool(bool value) { return &bools[value]; }

/* ---- what is wrong ---- */

const char *tgi_object_problem(const char *format, ...)
{
    char *text = tgi_scope_alloc(TGI_MESSAGE);
    if (!text) return "";
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(text, TGI_MESSAGE, format, arguments);
    va_end(arguments);
    return text;
}

const char *tgi_object_name(const tg_object *o)
{
    static const char *const names[] = { "None",
                                         "a bool",
                                         "an integer",
                                         "a number",
                                         "a text",
                                         "a tensor",
                                         "a list",
                                         "a tuple",
                                         "a dict",
                                         "bytes",
                                         "a class",
                                         "a storage that is no tensor's",
                                         "a dtype of numpy" };
    if (o->kind == TG_OBJECT_TUPLE && o->flags & TGI_INNER)
        for (int64_t i = 0; i < o->count; i++)
            if (o->as.items[i]->flags & TGI_INNER) return tgi_object_name(o->as.items[i]);
    if (o->kind == TG_OBJECT_TEXT && o->flags & TGI_INNER) return "a text with a zero byte in it";
    return o->kind == TGI_OBJECT_CLASS ? o->as.text : names[o->kind];
}

/* An error of the user's, unless one is pending that explains it. */
static tg_status refuse(const char *function, const char *problem)
{
    if (*problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s", problem);
    return TG_FAILED;
}

bool tgi_object_ok(const char *where, const char *function, const tg_object *o)
{
    tgi_begin(where, function);
    if (o && o->mark == TGI_OBJECT) return true;
    if (o)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "the object was freed when its scope ended, or is no object");
    else if (!tg_failed())
        tg_fail_at(NULL, TG_ERROR_NULL, function, "the object is NULL");
    return false;
}

/* ---- keys ---- */

int tgi_object_compare_keys(const tg_object *a, const tg_object *b)
{
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->kind == TG_OBJECT_INT) return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    return memcmp(a->as.text, b->as.text, (size_t)a->count);
}

static int by_key(const void *dict, int64_t a, int64_t b)
{
    const tg_object *const *items = ((const tg_object *)dict)->as.items;
    return tgi_object_compare_keys(items[2 * a], items[2 * b]);
}

static const char *twice(const tg_object *key)
{
    return key->kind == TG_OBJECT_INT ? tgi_object_problem("the key %lld comes twice", (long long)key->as.integer)
                                      : tgi_object_problem("the key \"%s\" comes twice", key->as.text);
}

/* Of few: a look at each two needs no memory. */
static const tg_object *twice_among_few(const tg_object *dict)
{
    for (int64_t i = 1; i < dict->count / 2; i++)
        for (int64_t k = 0; k < i; k++)
            if (by_key(dict, k, i) == 0) return dict->as.items[2 * i];
    return NULL;
}

/* NULL, or that a key comes twice. What was sorted to find out stays for those who look for a key. */
static const char *check_keys(tg_object *dict)
{
    enum { FEW = 8 };
    const int64_t pairs = dict->count / 2;
    const tg_object *found = pairs <= FEW ? twice_among_few(dict) : NULL;
    if (pairs <= FEW) return found ? twice(found) : NULL;
    int64_t *order = tgi_scope_alloc((size_t)pairs * sizeof *order);
    if (!order) return "";
    for (int64_t i = 0; i < pairs; i++) order[i] = i;
    tgi_sort(order, pairs, by_key, dict);
    for (int64_t i = 1; i < pairs; i++)
        if (by_key(dict, order[i - 1], order[i]) == 0) return twice(dict->as.items[2 * order[i]]);
    dict->order = order;
    return NULL;
}

/* ---- putting together ---- */

bool tgi_object_reserve(tg_object *o, int64_t more)
{
    if (more <= o->capacity - o->count) return true;
    int64_t wanted = o->capacity ? o->capacity * 2 : 4;
    if (wanted < o->count + more) wanted = o->count + more;
    const tg_object **items = tgi_scope_alloc((size_t)wanted * sizeof *items);
    if (!items) return false;
    if (o->count) memcpy(items, o->as.items, (size_t)o->count * sizeof *items);
    o->as.items = items;
    o->capacity = wanted;
    return true;
}

const char *tgi_object_finish(const tg_object *o)
{
    if (!tgi_is_container(o) || o->flags & TGI_FINISHED) return NULL;
    if (o->kind == TG_OBJECT_DICT && o->count % 2) return "a key without a value";
    tg_object *changed = (tg_object *)(uintptr_t)o;
    const char *problem = o->flags & TGI_UNCHECKED ? check_keys(changed) : NULL;
    if (!problem) changed->flags |= TGI_FINISHED;
    return problem;
}

static int64_t size_of(const tg_object *o) { return tgi_is_container(o) ? o->size : 1; }

static const char *unfit(const tg_object *o, const tg_object *item)
{
    if (o->flags & TGI_FINISHED) return "it is part of another object already, and cannot change";
    if (o == item) return "it would lie in itself";
    if (item->flags & TGI_INNER && o->kind != TG_OBJECT_TUPLE)
        return tgi_object_problem("%s cannot lie in %s", tgi_object_name(item), tgi_object_name(o));
    const bool key = o->kind == TG_OBJECT_DICT && o->count % 2 == 0;
    if (key && item->kind != TG_OBJECT_TEXT && item->kind != TG_OBJECT_INT)
        return tgi_object_problem("a key is a text or an integer, not %s", tgi_object_name(item));
    if (item->depth >= TGI_OBJECT_DEPTH) return "objects in objects, more than 100 deep";
    return size_of(item) > TGI_OBJECT_MOST - o->size ? "more than 16777216 objects in one" : NULL;
}

const char *tgi_object_add(tg_object *o, const tg_object *item)
{
    const char *problem = unfit(o, item);
    if (!problem) problem = tgi_object_finish(item);
    if (problem) return problem;
    if (!tgi_object_reserve(o, 1)) return "";
    o->as.items[o->count++] = item;
    o->size += size_of(item);
    if (item->depth >= o->depth) o->depth = (uint8_t)(item->depth + 1);
    o->flags |= item->flags & TGI_INNER;
    return NULL;
}

/* ---- what the user gives ---- */

tg_any tg_any_tensors(tg_tensor_list v)
{
    tg_any x = { .kind = TG_ANY_TENSORS };
    x.as.tensors = v.count > 0 && v.items ? tg_list_in_scope(v.items, v.count) : v;
    return x;
}

tg_any tg_any_named(tg_named_tensor_list v)
{
    tg_any x = { .kind = TG_ANY_NAMED };
    x.as.named = v;
    if (v.count <= 0 || !v.items) return x;
    tg_named_tensor *items = v.count < INT64_MAX / 64 ? tgi_scope_alloc((size_t)v.count * sizeof *items) : NULL;
    if (items) memcpy(items, v.items, (size_t)v.count * sizeof *items);
    x.as.named.items = items; /* NULL is an error when the object is made */
    return x;
}

static const tg_object *of_text(const char *function, const char *text)
{
    if (!text) {
        if (!tg_failed()) tg_fail_at(NULL, TG_ERROR_NULL, function, "the text is NULL");
        return NULL;
    }
    const int64_t bytes = (int64_t)strlen(text);
    if (tgi_not_utf8(text, bytes) < 0) return tgi_object_text(NULL, TG_OBJECT_TEXT, text, bytes);
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "a text that is not UTF-8");
    return NULL;
}

static const tg_object *of_tensor(const char *function, tg_tensor *t)
{
    return tgi_handle_ok(function, t) ? tgi_object_tensor(NULL, t) : NULL;
}

static const tg_object *of_tensors(const char *function, tg_tensor_list given)
{
    tg_object *list = tgi_list_ok(function, given) && !tg_failed() ? tgi_object_new(NULL, TG_OBJECT_LIST) : NULL;
    for (int64_t i = 0; list && i < given.count; i++) {
        const tg_object *item = of_tensor(function, given.items[i]);
        const char *problem = item ? tgi_object_add(list, item) : "";
        if (problem) return refuse(function, problem), NULL;
    }
    return list;
}

static const char *add_named(const char *function, tg_object *dict, tg_named_tensor given)
{
    const tg_object *key = of_text(function, given.name);
    if (!key || !tgi_handle_ok(function, given.tensor)) return "";
    tg_object *value = tgi_object_tensor(NULL, given.tensor);
    if (!value) return "";
    value->flags |= TGI_DETACHED;
    const char *problem = tgi_object_add(dict, key);
    return problem ? problem : tgi_object_add(dict, value);
}

static const tg_object *of_named(const char *function, tg_named_tensor_list given)
{
    if (given.count < 0 || (given.count > 0 && !given.items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a list of %lld tensors%s", (long long)given.count,
                   given.items ? "" : " is NULL");
        return NULL;
    }
    tg_object *dict = tg_failed() ? NULL : tgi_object_new(NULL, TG_OBJECT_DICT);
    if (!dict) return NULL;
    dict->flags = TGI_ORDERED | TGI_UNCHECKED;
    const char *problem = NULL;
    for (int64_t i = 0; !problem && i < given.count; i++) problem = add_named(function, dict, given.items[i]);
    if (!problem) problem = tgi_object_finish(dict);
    return problem ? (refuse(function, problem), NULL) : dict;
}

const tg_object *tgi_object_of(const char *function, tg_any given)
{
    switch (given.kind) {
    case TG_ANY_BOOL: return tg_object_of_bool(given.as.integer != 0);
    case TG_ANY_INT: return tgi_object_int(NULL, given.as.integer);
    case TG_ANY_FLOAT: return tgi_object_float(NULL, given.as.real);
    case TG_ANY_TEXT: return of_text(function, given.as.text);
    case TG_ANY_TENSOR: return of_tensor(function, given.as.tensor);
    case TG_ANY_TENSORS: return of_tensors(function, given.as.tensors);
    case TG_ANY_NAMED: return of_named(function, given.as.named);
    case TG_ANY_OBJECT: return tgi_object_ok(NULL, function, given.as.object) ? given.as.object : NULL;
    }
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "nothing that an object can be made of: kind %d", (int)given.kind);
    return NULL;
}

/* Whether what is asked for can be changed by a function. */
static bool changeable(const char *where, const char *function, const tg_object *o, tg_object_kind kind)
{
    if (!tgi_object_ok(where, function, o) || tg_failed()) return false;
    if (o->kind != kind)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "of %s, not of %s", kind == TG_OBJECT_DICT ? "a dict" : "a list",
                   tgi_object_name(o));
    else if (o->scope != innermost())
        tg_fail_at(NULL, TG_ERROR_VALUE, function,
                   "%s can only be changed in the scope it was made in: another one is open", tgi_object_name(o));
    return !tg_failed();
}

static int64_t place_of(const tg_object *dict, const tg_object *key)
{
    for (int64_t i = 0; i < dict->count; i += 2)
        if (tgi_object_compare_keys(dict->as.items[i], key) == 0) return i;
    return -1;
}

/* Room first, so that a key never stays without a value. */
static const char *set(tg_object *dict, const tg_object *key, const tg_object *value)
{
    if (key->kind != TG_OBJECT_TEXT && key->kind != TG_OBJECT_INT)
        return tgi_object_problem("a key is a text or an integer, not %s", tgi_object_name(key));
    if (!tgi_object_reserve(dict, 2)) return "";
    const int64_t at = place_of(dict, key), count = dict->count, size = dict->size;
    const char *problem = NULL;
    if (at < 0) {
        problem = tgi_object_add(dict, key);
    } else {
        dict->size -= size_of(dict->as.items[at + 1]);
        dict->count++; /* a value comes next */
    }
    if (!problem) problem = tgi_object_add(dict, value);
    if (problem) dict->size = size;
    if (problem || at >= 0) dict->count = count;
    if (!problem && at >= 0) dict->as.items[at + 1] = value;
    return problem;
}

static const char *set_named(tg_object *dict, const tg_object *key, const tg_object *value)
{
    const char *problem = set(dict, key, value);
    if (!problem || !*problem || key->kind != TG_OBJECT_TEXT) return problem;
    return tgi_object_problem("\"%s\": %s", key->as.text, problem);
}

tg_status tg_dict_set_at(const char *where, tg_object *dict, tg_any key, tg_any value)
{
    static const char function[] = "dict_set";
    if (!changeable(where, function, dict, TG_OBJECT_DICT)) return TG_FAILED;
    const tg_object *k = tgi_object_of(function, key), *v = k ? tgi_object_of(function, value) : NULL;
    if (!v) return TG_FAILED;
    const char *problem = set_named(dict, k, v);
    return problem ? refuse(function, problem) : TG_OK;
}

tg_status tg_object_append_at(const char *where, tg_object *list, tg_any value)
{
    static const char function[] = "object_append";
    if (!changeable(where, function, list, TG_OBJECT_LIST)) return TG_FAILED;
    const tg_object *item = tgi_object_of(function, value);
    const char *problem = item ? tgi_object_add(list, item) : "";
    return problem ? refuse(function, problem) : TG_OK;
}

static bool items_ok(const char *where, const char *function, const tg_any *items, int64_t count)
{
    tgi_begin(where, function);
    if (tg_failed()) return false;
    if (count >= 0 && (count == 0 || items)) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%lld objects%s", (long long)count, items ? "" : " at NULL");
    return false;
}

static tg_object *sequence(const char *where, const char *function, int kind, const tg_any *items, int64_t count)
{
    if (!items_ok(where, function, items, count)) return NULL;
    tg_object *o = tgi_object_new(NULL, kind);
    for (int64_t i = 0; o && i < count; i++) {
        const tg_object *item = tgi_object_of(function, items[i]);
        const char *problem = item ? tgi_object_add(o, item) : "";
        if (problem) return refuse(function, problem), NULL;
    }
    return o;
}

tg_object *tg_object_list_at(const char *where, const tg_any *items, int64_t count)
{
    return sequence(where, "object_list", TG_OBJECT_LIST, items, count);
}

tg_object *tg_object_tuple_at(const char *where, const tg_any *items, int64_t count)
{
    return sequence(where, "object_tuple", TG_OBJECT_TUPLE, items, count);
}

tg_object *tg_dict_at(const char *where, const tg_any *items, int64_t count)
{
    static const char function[] = "dict";
    if (!items_ok(where, function, items, count)) return NULL;
    if (count % 2) return refuse(function, "a key without a value: keys and values come in turn"), NULL;
    tg_object *dict = tgi_object_new(NULL, TG_OBJECT_DICT);
    for (int64_t i = 0; dict && i < count; i += 2) {
        const tg_object *k = tgi_object_of(function, items[i]), *v = k ? tgi_object_of(function, items[i + 1]) : NULL;
        const char *problem = v ? set_named(dict, k, v) : "";
        if (problem) return refuse(function, problem), NULL;
    }
    return dict;
}

/* What is one already, and the constants, are returned as they are; nobody changes what is not a container. */
tg_object *tg_object_of_at(const char *where, tg_any value)
{
    static const char function[] = "object_of";
    tgi_begin(where, function);
    return tg_failed() ? NULL : (tg_object *)(uintptr_t)tgi_object_of(function, value);
}
