/* pytorch_write.c: .pt files that are written: an archive of a pickle and of the storages that it names. */
#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "pickle_impl.h"
#include "pytorch.h"
#include "pytorch_impl.h"
#include "zip_impl.h"

#include <stdio.h>

static bool write_archive(tgi_output *out, const tgi_bytes *pickle, const tgi_shown *shown)
{
    tgi_zip_writer zip;
    tgi_zip_begin(&zip, out);
    bool good = tgi_zip_add(&zip, "archive/data.pkl", 64, pickle->items, (size_t)pickle->count, NULL);
    for (int64_t i = 0; good && i < shown->count; i++) {
        const tgi_shown_storage *s = &shown->items[i];
        const int64_t count = s->end - s->begin, stride = 1;
        char name[48];
        snprintf(name, sizeof name, "archive/data/%lld", (long long)i);
        const tg_scope scope = tg_scope_begin_at(NULL);
        const tg_tensor *part = tgi_new_view(s->tensor, 1, &count, &stride, s->begin);
        good = part && tgi_zip_add(&zip, name, 64, NULL, 0, part);
        tg_scope_end(scope);
    }
    good = good && tgi_zip_add(&zip, "archive/version", 64, "3\n", 2, NULL);
    return tgi_zip_end(&zip) && good;
}

static tg_status save(const char *function, const tg_object *o, const char *path)
{
    tgi_shown shown = { 0 };
    tgi_bytes pickle = { 0 };
    tgi_output out;
    bool saved = tgi_shown_find(&shown, function, o) && tgi_pickle_write(&pickle, &shown, function, o) &&
                 tgi_output_open(&out, function, path);
    if (saved) {
        saved = write_archive(&out, &pickle, &shown) && tgi_output_commit(&out);
        if (!saved) tgi_output_abandon(&out);
    }
    tgi_grow_free(pickle.items, pickle.capacity, 1);
    tgi_shown_free(&shown);
    return saved ? TG_OK : TG_FAILED;
}

tg_status tgi_pt_save(const char *function, tg_any what, const char *path)
{
    const tg_scope scope = tg_scope_begin_at(NULL);
    const tg_object *o = scope.depth < 0 ? NULL : tgi_object_of(function, what);
    const tg_status status = o ? save(function, o, path) : TG_FAILED;
    tg_scope_end(scope);
    return status;
}

tg_status tg_save_pt_at(const char *where, tg_any what, const char *path)
{
    static const char function[] = "save_pt";
    tgi_begin(where, function);
    if (tg_failed()) return TG_FAILED;
    return tgi_pt_save(function, what, path);
}
