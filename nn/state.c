/* state.c: tg_load_state_dict. tg_state_dict is one of the walks of module_walk.c.
 *
 * Everything is looked at before the first element moves, and what moves then cannot fail. */
#include "state.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/base/copy.h"
#include "ops/view.h"
#include "module_impl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "load_state_dict";

/* ---- what is given, by name ---- */

typedef struct entry {
    const tg_named_tensor *given;
    bool used;
} entry;

/* Of the same name the later one comes first. */
static int by_name(const void *a, const void *b)
{
    const tg_named_tensor *x = ((const entry *)a)->given, *y = ((const entry *)b)->given;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x < y) - (x > y);
}

static int by_place(const void *a, const void *b)
{
    const tg_named_tensor *x = ((const entry *)a)->given, *y = ((const entry *)b)->given;
    return (x > y) - (x < y);
}

static bool list_ok(const char *where, tg_named_tensor_list list)
{
    if (list.count < 0 || (list.count > 0 && !list.items)) {
        tg_fail_at(where, TG_ERROR_VALUE, name, "a list of %lld tensors%s", (long long)list.count,
                   list.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < list.count; i++) {
        if (!list.items[i].name) {
            tg_fail_at(where, TG_ERROR_NULL, name, "the name of tensor %lld is NULL", (long long)i);
            return false;
        }
        if (!tgi_handle_ok(name, list.items[i].tensor)) return false;
    }
    return true;
}

/* The list in the order of names, in the scope's memory. NULL with an error pending. */
static entry *sorted(tg_named_tensor_list list)
{
    entry *entries = tgi_scope_alloc((size_t)(list.count + 1) * sizeof *entries);
    for (int64_t i = 0; entries && i < list.count; i++) entries[i] = (entry){ &list.items[i], false };
    if (entries) qsort(entries, (size_t)list.count, sizeof *entries, by_name);
    return entries;
}

/* The tensor of that name, which is marked as used with its namesakes; NULL if there is none. */
static tg_tensor *take(entry *entries, int64_t count, const char *key)
{
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (strcmp(entries[middle].given->name, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (int64_t i = low; i < count && strcmp(entries[i].given->name, key) == 0; i++) entries[i].used = true;
    return low < count && strcmp(entries[low].given->name, key) == 0 ? entries[low].given->tensor : NULL;
}

/* ---- the error's text ---- */

typedef struct report {
    char text[TGI_MESSAGE];
    size_t used;
} report;

/* What finds no room is left out, and three points tell of it. */
TG_PRINTF(2, 3) static void add(report *r, const char *format, ...)
{
    const size_t room = sizeof r->text - r->used;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(r->text + r->used, room, format, args);
    va_end(args);
    if (length < 0) return;
    if ((size_t)length < room) {
        r->used += (size_t)length;
    } else {
        r->used = sizeof r->text - 1;
        memcpy(r->text + r->used - 3, "...", 3);
    }
}

static void add_keys(report *r, const char *what, tg_key_list keys)
{
    if (keys.count) add(r, "\n\t%s key(s) in state_dict: ", what);
    for (int64_t i = 0; i < keys.count; i++)
        add(r, "%s\"%s\"%s", i ? ", " : "", keys.items[i], i + 1 < keys.count ? "" : ". ");
}

/* "torch.Size([3, 2])" */
static const char *size_text(const tg_tensor *t, char text[TG_SHAPE_TEXT + 16])
{
    const tg_shape shape = tgi_shape(t);
    char list[TG_SHAPE_TEXT];
    snprintf(text, TG_SHAPE_TEXT + 16, "torch.Size(%s)", tg_shape_text(&shape, list));
    return text;
}

/* ---- loading ---- */

typedef struct loading {
    tg_named_tensor_list to; /* the model's state */
    tg_tensor **from;        /* what goes into each; NULL: it stays as it is */
    tg_incompatible_keys keys;
} loading;

/* One number may have no dimension, or one: PyTorch before 0.4 knew no other. */
static bool fits(const tg_tensor *to, const tg_tensor *from)
{
    return tgi_same_shape(to, from) || (to->ndim == 0 && from->ndim == 1 && from->numel == 1);
}

/* Finds what goes where. False with an error pending: there is no memory. */
static bool match(loading *l, tg_named_tensor_list given)
{
    const size_t keys = (size_t)(l->to.count + given.count + 1);
    entry *entries = sorted(given);
    l->from = tg_list_new(l->to.count);
    const char **missing = tgi_scope_alloc(keys * sizeof *missing), **unexpected = missing + l->to.count;
    if (!entries || !l->from || !missing) return false;
    l->keys = (tg_incompatible_keys){ { missing, 0 }, { unexpected, 0 } };
    for (int64_t i = 0; i < l->to.count; i++) {
        l->from[i] = take(entries, given.count, l->to.items[i].name);
        if (!l->from[i]) missing[l->keys.missing.count++] = l->to.items[i].name;
    }
    qsort(entries, (size_t)given.count, sizeof *entries, by_place);
    for (int64_t i = 0; i < given.count; i++)
        if (!entries[i].used) unexpected[l->keys.unexpected.count++] = entries[i].given->name;
    return true;
}

/* False, with PyTorch's error, when something does not fit. */
static bool check(const char *where, const tg_module *m, const loading *l, bool strict)
{
    report r = { .used = 0 };
    add(&r, "Error(s) in loading state_dict for %s:", m->base.name);
    const size_t header = r.used;
    if (strict) {
        add_keys(&r, "Missing", l->keys.missing);
        add_keys(&r, "Unexpected", l->keys.unexpected);
    }
    for (int64_t i = 0; i < l->to.count; i++) {
        char a[TG_SHAPE_TEXT + 16], b[TG_SHAPE_TEXT + 16];
        const tg_tensor *to = l->to.items[i].tensor, *from = l->from[i];
        if (from && !fits(to, from))
            add(&r,
                "\n\tsize mismatch for %s: copying a param with shape %s from checkpoint, the shape in current model is "
                "%s.",
                l->to.items[i].name, size_text(from, a), size_text(to, b));
        else if (from && tgi_overlaps_itself(to))
            add(&r, "\n\t%s is expanded: several of its elements are one place in memory.", l->to.items[i].name);
    }
    if (r.used > header) tg_fail_at(where, TG_ERROR_VALUE, name, "%s", r.text);
    return r.used == header;
}

/* A source in the memory of what is written becomes a copy of itself. False with an error pending. */
static bool set_apart(loading *l)
{
    for (int64_t i = 0; i < l->to.count; i++) {
        const tg_tensor *to = l->to.items[i].tensor;
        if (l->from[i] == to) l->from[i] = NULL;
        if (l->from[i] && l->from[i]->storage == to->storage) l->from[i] = tg_clone(l->from[i]);
    }
    return !tg_failed();
}

static void copy_all(const loading *l)
{
    for (int64_t i = 0; i < l->to.count; i++) {
        if (!l->from[i]) continue;
        tgi_copy_raw(l->to.items[i].tensor, l->from[i]);
        tg_bump_version(l->to.items[i].tensor);
    }
}

tg_status tg_load_state_dict_at(const char *where, tg_module *m, tg_named_tensor_list state,
                                tg_load_state_dict_options options)
{
    if (options.incompatible) *options.incompatible = (tg_incompatible_keys){ { NULL, 0 }, { NULL, 0 } };
    if (!tgi_module_ok(where, m, name) || tg_failed() || !list_ok(where, state)) return TG_FAILED;
    loading l = { .to = tg_state_dict_at(where, m) };
    if (tg_failed() || !match(&l, state)) return TG_FAILED;
    if (options.incompatible) *options.incompatible = l.keys;
    if (!check(where, m, &l, options.strict)) return TG_FAILED;
    tg_scope scope = tg_no_grad_begin();
    const bool ready = set_apart(&l);
    if (ready) copy_all(&l);
    tg_scope_end(scope);
    return ready ? TG_OK : TG_FAILED;
}
