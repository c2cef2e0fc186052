/* format.c: see format_impl.h; and tg_tensor_named. */
#include "format_impl.h"
#include "load.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <stdlib.h>
#include <string.h>

static bool usable(const char *function, tg_named_tensor_list list)
{
    if (list.count < 0 || (list.count > 0 && !list.items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a list of %lld tensors%s", (long long)list.count,
                   list.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < list.count; i++) {
        if (!list.items[i].name) {
            tg_fail_at(NULL, TG_ERROR_NULL, function, "the name of tensor %lld is NULL", (long long)i);
            return false;
        }
        if (!tgi_handle_ok(function, list.items[i].tensor)) return false;
    }
    return true;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool all_different(const char *function, tg_named_tensor_list list)
{
    const size_t bytes = (size_t)list.count * sizeof(char *);
    const char **names = tgi_calloc(bytes);
    if (!names) return false;
    for (int64_t i = 0; i < list.count; i++) names[i] = list.items[i].name;
    qsort(names, (size_t)list.count, sizeof *names, by_text);
    const char *twice = NULL;
    for (int64_t i = 1; i < list.count && !twice; i++)
        if (strcmp(names[i - 1], names[i]) == 0) twice = names[i];
    tgi_free(names, bytes);
    if (twice) tg_fail_at(NULL, TG_ERROR_VALUE, function, "two tensors have the name \"%s\"", twice);
    return !twice;
}

bool tgi_named_tensors_ok(const char *function, tg_named_tensor_list list)
{
    return usable(function, list) && (list.count < 2 || all_different(function, list));
}

tg_tensor *tg_tensor_named_at(const char *where, tg_named_tensor_list list, const char *name)
{
    static const char function[] = "tensor_named";
    tgi_begin(where, function);
    if (!name) return tg_failed() ? NULL : tg_fail_at(NULL, TG_ERROR_NULL, function, "the name is NULL");
    for (int64_t i = 0; list.items && i < list.count; i++)
        if (list.items[i].name && strcmp(list.items[i].name, name) == 0)
            return tgi_handle_ok(function, list.items[i].tensor) ? list.items[i].tensor : NULL;
    if (tg_failed()) return NULL;
    for (int64_t i = 0; list.items && i < list.count; i++) /* a list of a scope that has ended has no names either */
        if (!tgi_handle_or_null(function, list.items[i].tensor)) return NULL;
    return tg_fail_at(NULL, TG_ERROR_VALUE, function, "none of %lld tensors has the name \"%s\"", (long long)list.count,
                      name);
}
