/* npz.c: zip archives of arrays, each an entry "name.npy". */
#include "npy.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "foreign_impl.h"
#include "format_impl.h"
#include "npy_impl.h"
#include "zip_impl.h"

#include <string.h>

static const char reader[] = "tg_load_npz";
static const char ending[] = ".npy";
enum { ENDING = sizeof ending - 1 };

/* ---- reading ---- */

typedef struct place {
    const tgi_zip *zip;
    const tgi_zip_entry *entry;
} place;

static bool read_entry(const tgi_npy_source *source, int64_t at, void *to, int64_t bytes)
{
    const place *p = source->context;
    return tgi_zip_read(p->zip, p->entry, at, to, bytes);
}

static tg_tensor *entry_tensor(const tgi_npy_source *source, int64_t at, tgi_element element, const tg_shape *shape)
{
    const place *p = source->context;
    return tgi_zip_tensor(p->zip, p->entry, at, element, shape);
}

/* The name in the list is that of the entry, cut. */
static bool load_entry(const tgi_zip *zip, const tgi_zip_entry *e, tg_named_tensor *named)
{
    const size_t length = strlen(e->name);
    if (length < ENDING || strcmp(e->name + length - ENDING, ending) != 0)
        return !tgi_is_foreign(zip->in, reader) &&
               tgi_input_fail(zip->in, e->data_at, e->name, "is no array: its name does not end in %s", ending);
    char *name = tgi_scope_alloc(length - ENDING + 1);
    if (!name) return false;
    memcpy(name, e->name, length - ENDING);
    name[length - ENDING] = '\0';
    const place p = { zip, e };
    const tgi_npy_source source = { .in = zip->in,
                                    .context = &p,
                                    .name = e->name,
                                    .at = e->data_at,
                                    .size = e->size,
                                    .packed = e->deflated,
                                    .read = read_entry,
                                    .tensor = entry_tensor };
    *named = (tg_named_tensor){ name, tgi_npy_read(&source) };
    return named->tensor != NULL;
}

static tg_named_tensor_list load_all(const tgi_input *in)
{
    tg_named_tensor_list list = { NULL, 0 };
    tgi_zip zip;
    if ((!tgi_zip_is(in) && (tg_failed() || tgi_is_foreign(in, reader))) || !tgi_zip_open(&zip, in)) return list;
    tg_named_tensor *items = tgi_scope_alloc((size_t)(zip.count + 1) * sizeof *items);
    if (!items) return list;
    for (int64_t i = 0; i < zip.count; i++)
        if (!load_entry(&zip, &zip.entries[i], &items[i])) return list;
    list = (tg_named_tensor_list){ items, zip.count };
    return list;
}

/* What was read before an error goes. */
static tg_named_tensor_list load(const tgi_input *in)
{
    const tg_scope scope = tg_scope_begin();
    const tg_named_tensor_list list = tg_ok() ? load_all(in) : (tg_named_tensor_list){ NULL, 0 };
    if (list.items)
        tgi_scope_merge(scope);
    else
        tg_scope_end(scope);
    return list;
}

tg_named_tensor_list tg_load_npz_at(const char *where, const char *path)
{
    static const char name[] = "load_npz";
    tg_named_tensor_list list = { NULL, 0 };
    tgi_begin(where, name);
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, name, path)) return list;
    list = load(&in);
    tgi_input_close(&in);
    return list;
}

/* ---- writing ---- */

static bool add(tgi_zip_writer *zip, const tg_named_tensor *named)
{
    char head[TGI_NPY_HEAD];
    const size_t length = strlen(named->name), bytes = tgi_npy_head(head, named->tensor);
    const tg_scope scope = tg_scope_begin();
    char *name = tgi_scope_alloc(length + ENDING + 1);
    if (name) {
        memcpy(name, named->name, length);
        memcpy(name + length, ending, ENDING + 1);
    }
    const bool added = name && tg_ok() && tgi_zip_add(zip, name, 1, head, bytes, named->tensor);
    tg_scope_end(scope);
    return added;
}

static tg_status save(const char *function, tg_named_tensor_list list, const char *path)
{
    tgi_output out;
    tgi_zip_writer zip;
    if (!tgi_output_open(&out, function, path)) return TG_FAILED;
    tgi_zip_begin(&zip, &out);
    bool added = true;
    for (int64_t i = 0; i < list.count && added; i++) added = add(&zip, &list.items[i]);
    if (tgi_zip_end(&zip) && added) return tgi_output_commit(&out) ? TG_OK : TG_FAILED;
    tgi_output_abandon(&out);
    return TG_FAILED;
}

tg_status tg_save_npz_at(const char *where, tg_named_tensor_list list, const char *path)
{
    static const char name[] = "save_npz";
    tgi_begin(where, name);
    return tg_failed() || !tgi_named_tensors_ok(name, list) ? TG_FAILED : save(name, list, path);
}

/* ---- tg_load and tg_save ---- */

/* An archive whose entries are arrays: PyTorch's files are archives, too. */
static bool is_npz(const tgi_input *in)
{
    if (!tgi_zip_is(in)) return false;
    const tg_scope scope = tg_scope_begin();
    tgi_zip zip;
    bool is = tg_ok() && tgi_zip_open(&zip, in);
    for (int64_t i = 0; is && i < zip.count; i++) {
        const size_t length = strlen(zip.entries[i].name);
        is = length >= ENDING && strcmp(zip.entries[i].name + length - ENDING, ending) == 0;
    }
    tg_scope_end(scope);
    return is;
}

const tgi_file_format tgi_format_npz = { "npz", ".npz", is_npz, load, save };
