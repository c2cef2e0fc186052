/* pytorch.c: .pt files that are read. What they hold is told by their pickle (pickle*.c); here is the archive around
 * it. */
#include "pytorch.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "foreign_impl.h"
#include "pickle_impl.h"
#include "pytorch_impl.h"
#include "zip_impl.h"

#include <stdio.h>
#include <string.h>

/* ---- the archive ---- */

/* All names begin with that of the archive's folder, which is the one that was saved under. */
typedef struct archive {
    tgi_zip zip;
    int folder_length; /* with the slash */
    const tgi_zip_entry *pickle;
} archive;

static const tgi_zip_entry *entry_of(const archive *a, const char *name)
{
    enum { LONGEST = 4096 };
    char full[LONGEST];
    const int length = snprintf(full, sizeof full, "%.*s%s", a->folder_length, a->zip.entries[0].name, name);
    return length < LONGEST ? tgi_zip_find(&a->zip, full) : NULL;
}

/* Finds the folder and its pickle; NULL in `pickle` where there is none. */
static void look_around(archive *a)
{
    const char *slash = a->zip.count ? strchr(a->zip.entries[0].name, '/') : NULL;
    a->folder_length = slash ? (int)(slash - a->zip.entries[0].name) + 1 : 0;
    a->pickle = slash ? entry_of(a, "data.pkl") : NULL;
}

static bool is_of_torchscript(const archive *a)
{
    static const char code[] = "code/";
    for (int64_t i = 0; i < a->zip.count; i++) {
        const char *name = a->zip.entries[i].name;
        if (strlen(name) > (size_t)a->folder_length && strncmp(name + a->folder_length, code, sizeof code - 1) == 0)
            return true;
    }
    return entry_of(a, "constants.pkl") != NULL;
}

/* False with an error pending: what it holds is written for machines of another kind. */
static bool byte_order_ok(const archive *a)
{
    const tgi_zip_entry *entry = entry_of(a, "byteorder");
    if (!entry) return true;
    const char *order = entry->size < 16 ? tgi_zip_block(&a->zip, entry) : "?";
    if (!order || strcmp(order, "little") == 0) return order != NULL;
    return tgi_input_fail(a->zip.in, entry->data_at, "byteorder", "the byte order is \"%s\", not \"little\"", order);
}

static const char reader[] = "tg_load_pt";

static bool open_archive(archive *a, const tgi_input *in)
{
    if (!tgi_zip_is(in)) {
        if (tg_failed() || tgi_is_foreign(in, reader)) return false;
        return tgi_input_fail(in, 0, NULL,
                              in->size ? "no zip archive, which PyTorch's files are" : "the file is empty");
    }
    if (!tgi_zip_open(&a->zip, in)) return false;
    look_around(a);
    if (is_of_torchscript(a))
        return tgi_input_fail(in, 0, NULL, "a TorchScript archive: save the state_dict of what torch.jit.load gives");
    if (a->pickle) return byte_order_ok(a);
    return !tgi_is_foreign(in, reader) &&
           tgi_input_fail(in, 0, NULL, "a zip archive, but no data.pkl is in it, as PyTorch writes it");
}

/* ---- reading ---- */

static tg_tensor *load_storage(tgi_pickle *p, const tgi_storage_name *s)
{
    const archive *a = p->context;
    const tg_shape shape = { 1, { s->count } };
    char name[128] = "";
    const tgi_zip_entry *entry =
        strlen(s->key) < 100 ? entry_of(a, (snprintf(name, sizeof name, "data/%s", s->key), name)) : NULL;
    if (!entry) return tgi_pickle_fail(p, "storage \"%.100s\" is not in the archive", s->key);
    const int64_t bytes = tgi_elements[s->element].bytes;
    if (s->count > INT64_MAX / bytes || entry->size != s->count * bytes)
        return tgi_pickle_fail(p, "storage \"%s\" has %lld bytes in the archive, which are not %lld of %s", s->key,
                               (long long)entry->size, (long long)s->count, tgi_elements[s->element].name);
    return tgi_zip_tensor(&a->zip, entry, 0, s->element, &shape);
}

const tg_object *tgi_pt_load(const tgi_input *in)
{
    archive a = { 0 };
    const char *bytes = open_archive(&a, in) ? tgi_zip_block(&a.zip, a.pickle) : NULL;
    if (!bytes) return NULL;
    tgi_pickle p = {
        .in = in,
        .at = a.pickle->deflated ? TGI_NOWHERE : a.pickle->data_at,
        .bytes = (const unsigned char *)bytes,
        .size = a.pickle->size,
        .load = load_storage,
        .context = &a,
    };
    return tgi_pickle_load(&p);
}

/* What was made before something went wrong goes. */
static const tg_object *load_or_nothing(const tgi_input *in)
{
    const tg_scope scope = tg_scope_begin_at(NULL);
    if (scope.depth < 0) return NULL;
    const tg_object *o = tgi_pt_load(in);
    if (o)
        tgi_scope_merge(scope);
    else
        tg_scope_end(scope);
    return o;
}

const tg_object *tg_load_pt_at(const char *where, const char *path)
{
    static const char function[] = "load_pt";
    tgi_begin(where, function);
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, function, path)) return NULL;
    const tg_object *o = load_or_nothing(&in);
    tgi_input_close(&in);
    return o;
}

bool tgi_pt_is(const tgi_input *in)
{
    char begin[TGI_OLD_PT];
    if (in->size >= TGI_OLD_PT && tgi_input_read(in, 0, begin, TGI_OLD_PT) && !memcmp(begin, tgi_old_pt, TGI_OLD_PT))
        return true;
    if (tg_failed() || !tgi_zip_is(in)) return false;
    archive a = { 0 };
    const tg_scope scope = tg_scope_begin_at(NULL);
    const bool opened = tgi_zip_open(&a.zip, in);
    if (opened) look_around(&a);
    const bool found = opened && a.pickle;
    tg_scope_end(scope);
    return found;
}
