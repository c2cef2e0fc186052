/* format.c: see format_impl.h; and tg_tensor_named. */
#include "format_impl.h"
#include "load.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "sort_impl.h"

#include <string.h>

static bool all_different(const char *function, tg_named_tensor_list list)
{
    const size_t bytes = (size_t)list.count * sizeof(char *);
    const char **scratch = tgi_calloc(bytes);
    if (!scratch) return false;
    const char *twice = tgi_text_twice(list.items, list.count, sizeof *list.items, scratch);
    tgi_free(scratch, bytes);
    if (twice) tg_fail_at(NULL, TG_ERROR_VALUE, function, "two tensors have the name \"%s\"", twice);
    return !twice;
}

bool tgi_named_tensors_ok(const char *function, tg_named_tensor_list list)
{
    return tgi_named_list_ok(function, list) && (list.count < 2 || all_different(function, list));
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
