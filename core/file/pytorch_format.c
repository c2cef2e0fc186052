/* pytorch_format.c: .pt files for tg_load and tg_save: lists of named tensors. */
#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "format_impl.h"
#include "pytorch_impl.h"
#include "sort_impl.h"

#include <string.h>

static int by_name(const void *context, int64_t a, int64_t b)
{
    const tg_named_tensor *items = context;
    return strcmp(items[a].name, items[b].name);
}

/* Two paths that differ may read the same: "a.b", and "b" in "a". */
static bool all_different(const tgi_input *in, tg_named_tensor_list list)
{
    int64_t *order = NULL, capacity = 0;
    if (!tgi_grow(&order, &capacity, list.count + 1, sizeof *order)) return false;
    for (int64_t i = 0; i < list.count; i++) order[i] = i;
    tgi_sort(order, list.count, by_name, list.items);
    const char *twice = NULL;
    for (int64_t i = 1; i < list.count && !twice; i++)
        if (by_name(list.items, order[i - 1], order[i]) == 0) twice = list.items[order[i]].name;
    tgi_grow_free(order, capacity, sizeof *order);
    if (twice) tgi_input_fail(in, TGI_NOWHERE, NULL, "two tensors have the name \"%s\"", twice);
    return !twice;
}

static tg_named_tensor_list load_named(const tgi_input *in)
{
    tg_named_tensor_list list = { NULL, 0 };
    const tg_scope scope = tg_scope_begin_at(NULL);
    const tg_object *o = scope.depth < 0 ? NULL : tgi_pt_load(in);
    bool over = false;
    if (o) list = tgi_object_tensors(o, in->size * 4 + (1 << 16), &over);
    if (over) tgi_input_fail(in, TGI_NOWHERE, "data.pkl", "the names of its tensors are longer than the file");
    if (!tg_failed() && all_different(in, list)) {
        tgi_scope_merge(scope);
        return list;
    }
    tg_scope_end(scope);
    return (tg_named_tensor_list){ NULL, 0 };
}

static tg_status save_named(const char *function, tg_named_tensor_list list, const char *path)
{
    return tgi_pt_save(function, tg_any_named(list), path);
}

const tgi_file_format tgi_format_pytorch = { "PyTorch's .pt", ".pt .pth .bin", tgi_pt_is, load_named, save_named };
