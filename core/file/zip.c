/* zip.c: archives that are read (the format: PKWARE's APPNOTE, 4.3). Those that are written: zip_write.c.
 *
 * A reader begins at the end of the file, which says where the directory is, which says where the entries are. Each
 * says of itself, in the bytes before its data, what the directory says of it, and may say something else: the
 * directory is right, and only where the data begin is found there. */
#include "zip_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "inflate_impl.h"
#include "sort_impl.h"

#include <string.h>

enum {
    LOCAL = 0x04034b50,
    LOCAL_BYTES = 30,
    ENTRY = 0x02014b50,
    ENTRY_BYTES = 46,
    END = 0x06054b50,
    END_BYTES = 22,
    END64 = 0x06064b50,
    END64_BYTES = 56,
    LOCATOR = 0x07064b50,
    LOCATOR_BYTES = 20,
    ZIP64_FIELD = 1,
    FLAG_ENCRYPTED = 1,
    STORED = 0,
    DEFLATED = 8,
    LONGEST_COMMENT = 0xffff
};
static const uint32_t in_zip64 = 0xffffffffu; /* in the place of a number that has more bits */

/* Little-endian, as is the memory of the machines that tapegrad runs on. */
static uint16_t get16(const char *p)
{
    uint16_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint32_t get32(const char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t get64(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

bool tgi_zip_is(const tgi_input *in)
{
    char begin[4];
    if (in->size < END_BYTES || !tgi_input_read(in, 0, begin, sizeof begin)) return false;
    return get32(begin) == LOCAL || get32(begin) == END;
}

/* ---- the end ---- */

typedef struct directory {
    int64_t at, bytes, count;
    int64_t shift; /* all places in the archive count from there: a program that unpacks it may stand before it */
} directory;

/* A comment may follow the end, so it is looked for backwards: what has its mark, and a comment up to the file's last
 * byte. */
static int64_t find_end(const tgi_input *in, char end[END_BYTES])
{
    if (in->size < END_BYTES)
        return tgi_input_fail(in, TGI_NOWHERE, NULL, "%lld bytes are no zip archive", (long long)in->size), -1;
    const int64_t last = in->size - END_BYTES;
    if (!tgi_input_read(in, last, end, END_BYTES)) return -1;
    if (get32(end) == END && get16(end + 20) == 0) return last;
    const int64_t first = last > LONGEST_COMMENT ? last - LONGEST_COMMENT : 0;
    const char *tail = tgi_input_block(in, first, in->size - first);
    if (!tail) return -1;
    for (int64_t at = last; at >= first; at--) {
        const char *here = tail + (at - first);
        if (get32(here) != END || at + END_BYTES + get16(here + 20) != in->size) continue;
        memcpy(end, here, END_BYTES);
        return at;
    }
    tgi_input_fail(in, in->size, NULL, "no zip archive, or its end is missing: no end of the directory was found");
    return -1;
}

/* The 64-bit numbers before the end, where there are any. */
static bool read_end64(const tgi_input *in, int64_t end_at, directory *d, uint64_t *offset, int64_t *directory_end)
{
    char locator[LOCATOR_BYTES], end[END64_BYTES];
    if (end_at < LOCATOR_BYTES + END64_BYTES) return true;
    if (!tgi_input_read(in, end_at - LOCATOR_BYTES, locator, LOCATOR_BYTES)) return false;
    if (get32(locator) != LOCATOR) return true;
    const int64_t at = end_at - LOCATOR_BYTES - END64_BYTES;
    if (!tgi_input_read(in, at, end, END64_BYTES)) return false;
    if (get32(end) != END64 || get64(end + 4) != END64_BYTES - 12)
        return tgi_input_fail(in, at, "zip64 end of the directory", "is not where it should be");
    if (get32(end + 16) || get32(end + 20) || get64(end + 24) != get64(end + 32))
        return tgi_input_fail(in, at, NULL, "a part of a zip archive in several parts");
    if (get64(end + 32) > INT64_MAX || get64(end + 40) > INT64_MAX)
        return tgi_input_fail(in, at, "zip64 end of the directory", "more entries or bytes than a file can have");
    d->count = (int64_t)get64(end + 32);
    d->bytes = (int64_t)get64(end + 40);
    *offset = get64(end + 48);
    *directory_end = at;
    return true;
}

static bool find_directory(const tgi_input *in, directory *d)
{
    char end[END_BYTES];
    int64_t directory_end = find_end(in, end);
    const int64_t end_at = directory_end;
    if (end_at < 0) return false;
    uint64_t offset = get32(end + 16);
    d->count = get16(end + 10);
    d->bytes = get32(end + 12);
    if (!read_end64(in, end_at, d, &offset, &directory_end)) return false;
    if (directory_end == end_at && (get16(end + 4) || get16(end + 6) || get16(end + 8) != get16(end + 10)))
        return tgi_input_fail(in, end_at, NULL, "a part of a zip archive in several parts");
    d->at = directory_end - d->bytes;
    if (d->bytes > directory_end || offset > (uint64_t)d->at)
        return tgi_input_fail(in, end_at, "end of the directory",
                              "a directory of %lld bytes at byte %llu does not fit before it", (long long)d->bytes,
                              (unsigned long long)offset);
    d->shift = d->at - (int64_t)offset;
    if (d->count > d->bytes / ENTRY_BYTES)
        return tgi_input_fail(in, end_at, "end of the directory", "%lld entries do not fit into its %lld bytes",
                              (long long)d->count, (long long)d->bytes);
    return true;
}

/* ---- the directory ---- */

/* Replaces the numbers that did not fit into 32 bits, in this order, by those of the zip64 field. */
static bool read_zip64(const tgi_input *in, int64_t at, const char *extra, int64_t bytes, uint64_t *numbers[],
                       int count)
{
    while (bytes >= 4) {
        int64_t left = get16(extra + 2);
        if (left > bytes - 4) break;
        const bool found = get16(extra) == ZIP64_FIELD;
        const char *field = extra + 4;
        bytes -= 4 + left;
        extra += 4 + left;
        if (!found) continue;
        for (int i = 0; i < count && left >= 8; i++) {
            if (*numbers[i] != in_zip64) continue;
            *numbers[i] = get64(field);
            field += 8;
            left -= 8;
        }
        return true;
    }
    for (int i = 0; i < count; i++)
        if (*numbers[i] == in_zip64)
            return tgi_input_fail(in, at, "entry of the directory", "a number of 64 bits is missing");
    return true;
}

/* One entry of the directory, which is moved so that its name ends with a zero byte. `data_at` becomes the place of
 * what stands before the data. */
static bool read_entry(const tgi_input *in, const directory *d, int64_t at, char *here, int64_t left, tgi_zip_entry *e,
                       int64_t *bytes)
{
    static const char what[] = "entry of the directory";
    if (left < ENTRY_BYTES || get32(here) != ENTRY) return tgi_input_fail(in, at, what, "there is none");
    const int64_t name = get16(here + 28), extra = get16(here + 30), comment = get16(here + 32);
    *bytes = ENTRY_BYTES + name + extra + comment;
    if (*bytes > left) return tgi_input_fail(in, at, what, "reaches beyond the directory's end");
    uint64_t compressed = get32(here + 20), size = get32(here + 24), local = get32(here + 42);
    uint64_t *numbers[] = { &size, &compressed, &local };
    if (!read_zip64(in, at, here + ENTRY_BYTES + name, extra, numbers, 3)) return false;
    const int flags = get16(here + 8), method = get16(here + 10);
    e->crc = get32(here + 16);
    memmove(here, here + ENTRY_BYTES, (size_t)name);
    here[name] = '\0';
    e->name = here;
    if (strlen(here) != (size_t)name) return tgi_input_fail(in, at, what, "a zero byte in a name");
    if (flags & FLAG_ENCRYPTED) return tgi_input_fail(in, at, e->name, "is encrypted");
    if (method != STORED && method != DEFLATED)
        return tgi_input_fail(in, at, e->name, "is compressed by method %d; stored and deflated entries are read",
                              method);
    if (compressed > (uint64_t)d->at || local > (uint64_t)(d->at - d->shift))
        return tgi_input_fail(in, at, e->name, "%llu bytes at byte %llu do not lie in the file before the directory",
                              (unsigned long long)compressed, (unsigned long long)local);
    e->deflated = method == DEFLATED;
    if (e->deflated ? size / TGI_MOST_INFLATED > compressed : size != compressed)
        return tgi_input_fail(in, at, e->name, "cannot be %llu bytes long, from %llu", (unsigned long long)size,
                              (unsigned long long)compressed);
    e->compressed = (int64_t)compressed;
    e->size = (int64_t)size;
    e->data_at = (int64_t)local + d->shift;
    return true;
}

static bool read_directory(tgi_zip *zip, const directory *d)
{
    char *text = tgi_input_block(zip->in, d->at, d->bytes);
    zip->entries = tgi_scope_alloc((size_t)(d->count + 1) * sizeof *zip->entries);
    zip->by_name = tgi_scope_alloc((size_t)(d->count + 1) * sizeof *zip->by_name);
    if (!text || !zip->entries || !zip->by_name) return false;
    int64_t done = 0;
    for (int64_t i = 0, bytes = 0; i < d->count; i++, done += bytes)
        if (!read_entry(zip->in, d, d->at + done, text + done, d->bytes - done, &zip->entries[i], &bytes)) return false;
    if (done != d->bytes)
        return tgi_input_fail(zip->in, d->at + done, "directory", "something follows its %lld entries",
                              (long long)d->count);
    zip->count = d->count;
    return true;
}

/* ---- the entries ---- */

static int by_place(const void *entries, int64_t a, int64_t b)
{
    const int64_t p = ((const tgi_zip_entry *)entries)[a].data_at, q = ((const tgi_zip_entry *)entries)[b].data_at;
    return (p > q) - (p < q);
}

static int by_name(const void *entries, int64_t a, int64_t b)
{
    return strcmp(((const tgi_zip_entry *)entries)[a].name, ((const tgi_zip_entry *)entries)[b].name);
}

/* Whether the file has this text there. */
static bool has_text(const tgi_input *in, int64_t at, const char *text, int64_t length)
{
    char piece[256];
    for (int64_t n; length > 0; at += n, text += n, length -= n) {
        n = length < (int64_t)sizeof piece ? length : (int64_t)sizeof piece;
        if (!tgi_input_read(in, at, piece, n) || memcmp(piece, text, (size_t)n) != 0) return false;
    }
    return true;
}

/* Finds the data of an entry, which begins at `data_at` and lies before `end`. */
static bool find_data(const tgi_input *in, tgi_zip_entry *e, int64_t end)
{
    char local[LOCAL_BYTES];
    const int64_t at = e->data_at;
    if (!tgi_input_read(in, at, local, LOCAL_BYTES)) return false;
    const int64_t name = get16(local + 26), extra = get16(local + 28);
    if (get32(local) != LOCAL || (get16(local + 8) == DEFLATED) != e->deflated || (size_t)name != strlen(e->name) ||
        !has_text(in, at + LOCAL_BYTES, e->name, name))
        return !tg_failed() && tgi_input_fail(in, at, e->name, "what the directory says is there is something else");
    e->data_at = at + LOCAL_BYTES + name + extra;
    if (e->data_at > end || e->compressed > end - e->data_at)
        return tgi_input_fail(in, at, e->name, "its %lld bytes overlap what follows", (long long)e->compressed);
    return true;
}

bool tgi_zip_open(tgi_zip *zip, const tgi_input *in)
{
    directory d = { 0 };
    *zip = (tgi_zip){ .in = in };
    if (!find_directory(in, &d) || !read_directory(zip, &d)) return false;
    int64_t *order = zip->by_name, end = d.at;
    for (int64_t i = 0; i < zip->count; i++) order[i] = i;
    tgi_sort(order, zip->count, by_place, zip->entries);
    for (int64_t i = zip->count - 1; i >= 0; i--) {
        tgi_zip_entry *e = &zip->entries[order[i]];
        const int64_t begin = e->data_at;
        if (!find_data(in, e, end)) return false;
        end = begin;
    }
    tgi_sort(order, zip->count, by_name, zip->entries);
    for (int64_t i = 1; i < zip->count; i++)
        if (by_name(zip->entries, order[i - 1], order[i]) == 0)
            return tgi_input_fail(in, d.at, zip->entries[order[i]].name, "two entries have this name");
    return true;
}

const tgi_zip_entry *tgi_zip_find(const tgi_zip *zip, const char *name)
{
    int64_t low = 0, high = zip->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const tgi_zip_entry *e = &zip->entries[zip->by_name[middle]];
        const int order = strcmp(name, e->name);
        if (order == 0) return e;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- what they hold ---- */

static bool inflate(const tgi_zip *zip, const tgi_zip_entry *e, int64_t at, int64_t bytes, void *to, uint32_t *crc)
{
    const tgi_deflated deflated = { zip->in, e->name, e->data_at, e->compressed, e->size };
    return tgi_inflate(&deflated, at, bytes, to, crc);
}

bool tgi_zip_read(const tgi_zip *zip, const tgi_zip_entry *e, int64_t at, void *to, int64_t bytes)
{
    if (at < 0 || bytes < 0 || at > e->size || bytes > e->size - at)
        return tgi_input_fail(zip->in, e->data_at, e->name,
                              "ends after %lld bytes; %lld from byte %lld on were to be read", (long long)e->size,
                              (long long)bytes, (long long)at);
    if (e->deflated) return inflate(zip, e, at, bytes, to, NULL);
    return tgi_input_read(zip->in, e->data_at + at, to, bytes);
}

/* The bytes from `at` on to `to`, while they are in the caches summed up with those before; the entry ends with them. */
static bool read_stored(const tgi_zip *zip, const tgi_zip_entry *e, int64_t at, char *to, uint32_t *crc)
{
    enum { PIECE = 1 << 18, HEAD = 1 << 12 };
    char head[HEAD];
    for (int64_t done = 0, n; done < at; done += n) {
        n = at - done < HEAD ? at - done : HEAD;
        if (!tgi_input_read(zip->in, e->data_at + done, head, n)) return false;
        *crc = tgi_crc32(*crc, head, (size_t)n);
    }
    for (int64_t n; at < e->size; at += n, to += n) {
        n = e->size - at < PIECE ? e->size - at : PIECE;
        if (!tgi_input_read(zip->in, e->data_at + at, to, n)) return false;
        *crc = tgi_crc32(*crc, to, (size_t)n);
    }
    return true;
}

static bool check_sum(const tgi_zip *zip, const tgi_zip_entry *e, uint32_t crc)
{
    if (crc == e->crc) return true;
    return tgi_input_fail(zip->in, e->data_at, e->name, "is damaged: the sum of its bytes is %08x, not %08x",
                          (unsigned)crc, (unsigned)e->crc);
}

/* Data that become much longer may only say so: then they are inflated to nowhere, to see. */
static bool credible(const tgi_zip *zip, const tgi_zip_entry *e)
{
    uint32_t crc;
    if (!e->deflated || e->size / 8 <= e->compressed) return true;
    return inflate(zip, e, 0, 0, NULL, &crc) && check_sum(zip, e, crc);
}

/* `bytes` from `at` on, summed up where all of the entry passes by. */
static bool read_checked(const tgi_zip *zip, const tgi_zip_entry *e, int64_t at, int64_t bytes, void *to)
{
    uint32_t crc = 0;
    if (!e->deflated && at + bytes < e->size) return tgi_zip_read(zip, e, at, to, bytes);
    if (!(e->deflated ? inflate(zip, e, at, bytes, to, &crc) : read_stored(zip, e, at, to, &crc))) return false;
    return check_sum(zip, e, crc);
}

char *tgi_zip_block(const tgi_zip *zip, const tgi_zip_entry *e)
{
    char *block = credible(zip, e) ? tgi_scope_alloc((size_t)e->size + 1) : NULL;
    if (!block || !read_checked(zip, e, 0, e->size, block)) return NULL;
    block[e->size] = '\0';
    return block;
}

/* Elements at the end of the tensor's memory become its own, from the first on: they are never wider. */
static bool convert(const tgi_zip *zip, const tgi_zip_entry *e, tg_tensor *t, const char *from, tgi_element element)
{
    enum { PIECE = 4096 };
    char piece[PIECE], *to = tgi_ptr(t);
    const int64_t bytes = tgi_elements[element].bytes, most = PIECE / bytes;
    for (int64_t done = 0, n; done < t->numel; done += n) {
        n = t->numel - done < most ? t->numel - done : most;
        memcpy(piece, from + done * bytes, (size_t)(n * bytes));
        if (tgi_elements_convert(to + (size_t)done * tgi_element_size(t), piece, n, element) >= 0)
            return tgi_input_fail(zip->in, e->data_at, e->name, "a uint64 of 2^63 or more has no int64");
    }
    return true;
}

tg_tensor *tgi_zip_tensor(const tgi_zip *zip, const tgi_zip_entry *e, int64_t offset, tgi_element element,
                          const tg_shape *shape)
{
    char text[TG_SHAPE_TEXT];
    const int64_t bytes = tgi_elements_bytes(element, shape);
    if (bytes < 0 || offset < 0 || offset > e->size || bytes > e->size - offset)
        return tgi_input_fail(zip->in, e->data_at, e->name, "%s elements of shape %s do not fit into its %lld bytes",
                              tgi_elements[element].name, tg_shape_text(shape, text), (long long)e->size);
    tg_tensor *t = credible(zip, e) ? tgi_new(shape, tgi_elements[element].dtype) : NULL;
    if (!t) return NULL;
    char *from = t->numel ? (char *)tgi_ptr(t) + ((size_t)t->numel * tgi_element_size(t) - (size_t)bytes) : NULL;
    if (!read_checked(zip, e, offset, bytes, from)) return NULL;
    return tgi_elements[element].as_it_is || convert(zip, e, t, from, element) ? t : NULL;
}
