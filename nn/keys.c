/* keys.c: names of tensors that are loaded, and the error that tells what is wrong with them. */
#include "keys_impl.h"

#include "state.h"

#include "core/error.h"
#include "core/tensor_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tgi_key(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    char *key = tgi_scope_alloc((size_t)length + 1);
    if (key) vsnprintf(key, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return key;
}

/* ---- finding ---- */

static int by_name(const void *a, const void *b)
{
    const tg_named_tensor *x = *(const tg_named_tensor *const *)a, *y = *(const tg_named_tensor *const *)b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x < y) - (x > y);
}

bool tgi_keys_begin(tgi_keys *keys, const char *function, tg_named_tensor_list list)
{
    if (!tgi_named_list_ok(function, list)) return false;
    const size_t count = (size_t)list.count;
    keys->list = list;
    keys->sorted = tgi_scope_alloc(count * (sizeof *keys->sorted + sizeof *keys->taken));
    if (!keys->sorted) return false;
    keys->taken = (bool *)(keys->sorted + count);
    for (size_t i = 0; i < count; i++) {
        keys->sorted[i] = &list.items[i];
        keys->taken[i] = false;
    }
    qsort(keys->sorted, count, sizeof *keys->sorted, by_name);
    return true;
}

tg_tensor *tgi_keys_take(tgi_keys *keys, const char *key)
{
    const int64_t count = keys->list.count;
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (strcmp(keys->sorted[middle]->name, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    tg_tensor *found = NULL;
    for (int64_t i = low; i < count && strcmp(keys->sorted[i]->name, key) == 0; i++) {
        keys->taken[keys->sorted[i] - keys->list.items] = true;
        if (!found) found = keys->sorted[i]->tensor;
    }
    return found;
}

tg_named_tensor_list tg_named_with_prefix_at(const char *where, tg_named_tensor_list list, const char *prefix)
{
    static const char function[] = "named_with_prefix";
    const tg_named_tensor_list none = { NULL, 0 };
    tgi_begin(where, function);
    if (!prefix && !tg_failed()) tg_fail_at(NULL, TG_ERROR_NULL, function, "the prefix is NULL");
    if (tg_failed() || !tgi_named_list_ok(function, list)) return none;
    const size_t length = strlen(prefix);
    tg_named_tensor *items = tgi_scope_alloc((size_t)list.count * sizeof *items);
    if (!items) return none;
    int64_t count = 0;
    for (int64_t i = 0; i < list.count; i++)
        if (strncmp(list.items[i].name, prefix, length) == 0)
            items[count++] = (tg_named_tensor){ list.items[i].name + length, list.items[i].tensor };
    return (tg_named_tensor_list){ items, count };
}

/* ---- the error ---- */

static void add_args(tgi_key_text *t, const char *format, va_list args)
{
    const size_t room = sizeof t->text - t->used;
    const int length = vsnprintf(t->text + t->used, room, format, args);
    if (length < 0) return;
    if ((size_t)length < room) {
        t->used += (size_t)length;
    } else {
        t->used = sizeof t->text - 1;
        memcpy(t->text + t->used - 3, "...", 3);
    }
}

TG_PRINTF(2, 3) static void add(tgi_key_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_args(t, format, args);
    va_end(args);
}

void tgi_report_missing(tgi_key_report *r, const char *key)
{
    add(&r->missing, "%s\"%s\"", r->missing.used ? ", " : "", key);
}

void tgi_report_unexpected(tgi_key_report *r, const char *key)
{
    add(&r->unexpected, "%s\"%s\"", r->unexpected.used ? ", " : "", key);
}

void tgi_report_size(tgi_key_report *r, const char *key, const tg_tensor *given, const tg_shape *expected)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape its = tgi_shape(given);
    add(&r->other,
        "\n\tsize mismatch for %s: copying a param with shape torch.Size(%s) from checkpoint, the shape in current model "
        "is torch.Size(%s).",
        key, tg_shape_text(&its, a), tg_shape_text(expected, b));
}

void tgi_report_line(tgi_key_report *r, const char *format, ...)
{
    add(&r->other, "\n\t");
    va_list args;
    va_start(args, format);
    add_args(&r->other, format, args);
    va_end(args);
}

void tgi_report_first(tgi_key_report *r, const char *format, ...)
{
    add(&r->first, "\n\t");
    va_list args;
    va_start(args, format);
    add_args(&r->first, format, args);
    va_end(args);
}

bool tgi_report_end(const tgi_key_report *r, const char *where, const char *function, const char *name)
{
    if (!r->first.used && !r->missing.used && !r->unexpected.used && !r->other.used) return true;
    tgi_key_text all = { 0 };
    add(&all, "Error(s) in loading state_dict for %s:%s", name, r->first.text);
    if (r->missing.used) add(&all, "\n\tMissing key(s) in state_dict: %s. ", r->missing.text);
    if (r->unexpected.used) add(&all, "\n\tUnexpected key(s) in state_dict: %s. ", r->unexpected.text);
    add(&all, "%s", r->other.text);
    tg_fail_at(where, TG_ERROR_VALUE, function, "%s", all.text);
    return false;
}
