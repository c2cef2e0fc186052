/* zip_write.c: archives that are written (the format: PKWARE's APPNOTE, 4.3). Entries are stored, as PyTorch and
 * numpy.savez have them. An entry's sum is known before its data are written, so none is corrected afterwards, and the
 * archive may go into a pipe. */
#include "zip_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "sort_impl.h"

#include <string.h>

typedef struct tgi_zip_written {
    int64_t name; /* its place in the writer's names */
    int64_t local_at, size;
    uint32_t crc;
    bool utf8;
} tgi_zip_written;

enum { LONGEST_NAME = 0xffff, FEWEST_IN_ZIP64 = 0xffff, ZIP64_FIELD = 1, PAD = 4 };
static const int64_t least_in_zip64 = 0xffffffff;

/* ---- numbers, little-endian ---- */

typedef struct record {
    size_t used;
    unsigned char bytes[128];
} record;

static void put(record *r, int bytes, uint64_t number)
{
    for (; bytes > 0; bytes--, number >>= 8) r->bytes[r->used++] = (unsigned char)number;
}

static void put32(record *r, int64_t number)
{
    put(r, 4, (uint64_t)(number < least_in_zip64 ? number : least_in_zip64));
}

/* What both headers of an entry have: from the version that reads it to the length of its name. */
static void put_common(record *r, const tgi_zip_written *e, size_t name_length, bool zip64)
{
    put(r, 2, zip64 ? 45 : 20);
    put(r, 2, e->utf8 ? 1 << 11 : 0);
    put(r, 2, 0);          /* stored */
    put(r, 2, 0);          /* midnight of */
    put(r, 2, 1 << 5 | 1); /* January 1, 1980 */
    put(r, 4, e->crc);
    put32(r, e->size);
    put32(r, e->size);
    put(r, 2, name_length);
}

/* ---- entries ---- */

void tgi_zip_begin(tgi_zip_writer *zip, tgi_output *out) { *zip = (tgi_zip_writer){ .out = out }; }

static bool fail(tgi_zip_writer *zip, const char *name, const char *what)
{
    if (!zip->out->failed)
        tg_fail_at(NULL, TG_ERROR_VALUE, zip->out->function, "%s: an entry named %.100s %s", zip->out->path, name,
                   what);
    zip->out->failed = true;
    return false;
}

static bool remember(tgi_zip_writer *zip, const char *name, size_t length, tgi_zip_written **entry)
{
    if (zip->out->failed) return false;
    if (!tgi_grow(&zip->entries, &zip->capacity, zip->count + 1, sizeof *zip->entries) ||
        !tgi_grow(&zip->names, &zip->names_capacity, zip->names_bytes + (int64_t)length + 1, 1)) {
        zip->out->failed = true;
        return false;
    }
    tgi_zip_written *e = *entry = &zip->entries[zip->count++];
    *e = (tgi_zip_written){ .name = zip->names_bytes, .local_at = zip->out->written };
    for (size_t i = 0; i < length; i++) e->utf8 |= (unsigned char)name[i] >= 0x80;
    memcpy(zip->names + zip->names_bytes, name, length + 1);
    zip->names_bytes += (int64_t)length + 1;
    return true;
}

static bool write_local(tgi_output *out, const tgi_zip_written *e, const char *name, size_t length, int alignment,
                        size_t head_bytes)
{
    const bool zip64 = e->size >= least_in_zip64;
    record r = { 0 };
    put(&r, 4, 0x04034b50);
    put_common(&r, e, length, zip64);
    const size_t fixed = r.used + 2 + length + (zip64 ? 20 : 0);
    size_t padding = 0;
    if (alignment > 1 && ((size_t)e->local_at + fixed + head_bytes) % (size_t)alignment) {
        const size_t beyond = ((size_t)e->local_at + fixed + PAD + head_bytes) % (size_t)alignment;
        padding = PAD + (beyond ? (size_t)alignment - beyond : 0);
    }
    put(&r, 2, (zip64 ? 20 : 0) + padding);
    record extra = { 0 };
    if (zip64) {
        put(&extra, 2, ZIP64_FIELD);
        put(&extra, 2, 16);
        put(&extra, 8, (uint64_t)e->size);
        put(&extra, 8, (uint64_t)e->size);
    }
    if (padding) {
        put(&extra, 1, 'F');
        put(&extra, 1, 'B');
        put(&extra, 2, padding - PAD);
    }
    return tgi_output_write(out, r.bytes, r.used) && tgi_output_write(out, name, length) &&
           tgi_output_write(out, extra.bytes, extra.used) && (!padding || tgi_output_zeros(out, padding - PAD));
}

bool tgi_zip_add(tgi_zip_writer *zip, const char *name, int alignment, const void *head, size_t head_bytes,
                 const tg_tensor *t)
{
    const size_t length = strlen(name);
    if (length > LONGEST_NAME) return fail(zip, name, "is longer than 65535 bytes");
    tgi_zip_written *e;
    if (!remember(zip, name, length, &e)) return false;
    const tg_scope scope = tg_scope_begin();
    const size_t bytes = t ? (size_t)t->numel * tgi_element_size(t) : 0;
    const void *elements = bytes ? tgi_row_major(t) : NULL;
    if (tg_failed()) zip->out->failed = true;
    if (!zip->out->failed) {
        e->size = (int64_t)(head_bytes + bytes);
        e->crc = tgi_crc32(tgi_crc32(0, head, head_bytes), elements, bytes);
        if (write_local(zip->out, e, name, length, alignment, head_bytes) &&
            tgi_output_write(zip->out, head, head_bytes))
            tgi_output_write(zip->out, elements, bytes);
    }
    tg_scope_end(scope);
    return !zip->out->failed;
}

/* ---- the directory ---- */

static void write_entry(tgi_zip_writer *zip, const tgi_zip_written *e)
{
    const char *name = zip->names + e->name;
    const size_t length = strlen(name);
    const bool large = e->size >= least_in_zip64, far = e->local_at >= least_in_zip64;
    record r = { 0 }, extra = { 0 };
    if (large || far) {
        put(&extra, 2, ZIP64_FIELD);
        put(&extra, 2, (large ? 16u : 0u) + (far ? 8u : 0u));
        if (large) put(&extra, 8, (uint64_t)e->size);
        if (large) put(&extra, 8, (uint64_t)e->size);
        if (far) put(&extra, 8, (uint64_t)e->local_at);
    }
    put(&r, 4, 0x02014b50);
    put(&r, 2, 3 << 8 | 45); /* written on Unix, which gives the mode below a meaning */
    put_common(&r, e, length, large || far);
    put(&r, 2, extra.used);
    put(&r, 2, 0); /* no comment */
    put(&r, 2, 0); /* on the first disk */
    put(&r, 2, 0);
    put(&r, 4, UINT64_C(0100644) << 16);
    put32(&r, e->local_at);
    tgi_output_write(zip->out, r.bytes, r.used);
    tgi_output_write(zip->out, name, length);
    tgi_output_write(zip->out, extra.bytes, extra.used);
}

static void write_end(tgi_output *out, int64_t count, int64_t at, int64_t bytes)
{
    record r = { 0 };
    if (count >= FEWEST_IN_ZIP64 || at >= least_in_zip64 || bytes >= least_in_zip64) {
        put(&r, 4, 0x06064b50);
        put(&r, 8, 44);
        put(&r, 2, 3 << 8 | 45);
        put(&r, 2, 45);
        put(&r, 8, 0); /* the first disk, twice */
        put(&r, 8, (uint64_t)count);
        put(&r, 8, (uint64_t)count);
        put(&r, 8, (uint64_t)bytes);
        put(&r, 8, (uint64_t)at);
        put(&r, 4, 0x07064b50);
        put(&r, 4, 0);
        put(&r, 8, (uint64_t)(at + bytes));
        put(&r, 4, 1);
    }
    const uint64_t few = (uint64_t)(count < FEWEST_IN_ZIP64 ? count : FEWEST_IN_ZIP64);
    put(&r, 4, 0x06054b50);
    put(&r, 4, 0);
    put(&r, 2, few);
    put(&r, 2, few);
    put32(&r, bytes);
    put32(&r, at);
    put(&r, 2, 0);
    tgi_output_write(out, r.bytes, r.used);
}

static int by_name(const void *context, int64_t a, int64_t b)
{
    const tgi_zip_writer *zip = context;
    return strcmp(zip->names + zip->entries[a].name, zip->names + zip->entries[b].name);
}

static bool names_differ(tgi_zip_writer *zip)
{
    const tg_scope scope = tg_scope_begin();
    int64_t *order = tgi_scope_alloc((size_t)(zip->count + 1) * sizeof *order);
    if (!order) zip->out->failed = true;
    for (int64_t i = 0; order && i < zip->count; i++) order[i] = i;
    if (order) tgi_sort(order, zip->count, by_name, zip);
    for (int64_t i = 1; order && i < zip->count; i++)
        if (by_name(zip, order[i - 1], order[i]) == 0)
            fail(zip, zip->names + zip->entries[order[i]].name, "comes twice");
    tg_scope_end(scope);
    return !zip->out->failed;
}

bool tgi_zip_end(tgi_zip_writer *zip)
{
    tgi_output *out = zip->out;
    if (!out->failed && names_differ(zip)) {
        const int64_t at = out->written;
        for (int64_t i = 0; i < zip->count; i++) write_entry(zip, &zip->entries[i]);
        if (!out->failed) write_end(out, zip->count, at, out->written - at);
    }
    tgi_grow_free(zip->entries, zip->capacity, sizeof *zip->entries);
    tgi_grow_free(zip->names, zip->names_capacity, 1);
    *zip = (tgi_zip_writer){ .out = out };
    return !out->failed;
}
