/* safetensors_write.c: writing the format, byte for byte as its first library does: tensors by the width of their
 * elements, the widest first, and by their names, so that every element lies at a multiple of its size. */
#include "safetensors_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/utf8_impl.h"
#include "format_impl.h"
#include "json_impl.h"
#include "output_impl.h"
#include "sort_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what may be written ---- */

static bool is_text(const char *function, const char *what, int64_t index, const char *text)
{
    if (!text) {
        tg_fail_at(NULL, TG_ERROR_NULL, function, "%s %lld is NULL", what, (long long)index);
        return false;
    }
    const int64_t wrong = tgi_not_utf8(text, (int64_t)strlen(text));
    if (wrong < 0) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s %lld is not UTF-8 from its byte %lld on", what, (long long)index,
               (long long)wrong);
    return false;
}

static bool names_ok(const char *function, tg_named_tensor_list list)
{
    for (int64_t i = 0; i < list.count; i++) {
        if (!is_text(function, "the name of tensor", i, list.items[i].name)) return false;
        if (strcmp(list.items[i].name, "__metadata__") != 0) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "\"__metadata__\" is no name for a tensor in this format");
        return false;
    }
    return true;
}

static bool keys_differ(const char *function, tg_text_pairs pairs)
{
    const size_t bytes = (size_t)pairs.count * sizeof(char *);
    const char **scratch = tgi_calloc(bytes);
    if (!scratch) return false;
    const char *twice = tgi_text_twice(pairs.items, pairs.count, sizeof *pairs.items, scratch);
    tgi_free(scratch, bytes);
    if (twice) tg_fail_at(NULL, TG_ERROR_VALUE, function, "the key \"%s\" comes twice in the metadata", twice);
    return !twice;
}

static bool metadata_ok(const char *function, tg_text_pairs pairs)
{
    if (pairs.count < 0 || (pairs.count > 0 && !pairs.items)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "metadata of %lld pairs%s", (long long)pairs.count,
                   pairs.items ? "" : " is NULL");
        return false;
    }
    for (int64_t i = 0; i < pairs.count; i++) {
        if (!is_text(function, "the key of metadata", i, pairs.items[i].key) ||
            !is_text(function, "the text of metadata", i, pairs.items[i].text))
            return false;
    }
    return keys_differ(function, pairs);
}

/* ---- the header ---- the same functions first count its bytes (`out` is NULL) and then write it */

typedef struct header {
    tgi_output *out;
    int64_t bytes;
    bool failed;
} header;

static void put(header *h, const char *text, size_t n)
{
    h->bytes += (int64_t)n;
    if (h->out && !tgi_output_write(h->out, text, n)) h->failed = true;
}

static void put_quoted(header *h, const char *text)
{
    const size_t n = tgi_json_quoted(NULL, text);
    char piece[256], *quoted = !h->out ? NULL : n <= sizeof piece ? piece : tgi_calloc(n);
    if (h->out && !quoted) {
        h->failed = true;
        return;
    }
    if (quoted) tgi_json_quoted(quoted, text);
    put(h, quoted, n);
    if (quoted && quoted != piece) tgi_free(quoted, n);
}

static void put_tensor(header *h, const tg_named_tensor *named, int64_t begin, int64_t end)
{
    char text[320];
    const tg_tensor *t = named->tensor;
    put_quoted(h, named->name);
    int n = tgi_format(text, sizeof text, ":{\"dtype\":\"%s\",\"shape\":[",
                       tgi_safetensors_dtypes[tgi_element_of((tg_dtype)t->dtype)]);
    for (int d = 0; d < t->ndim; d++)
        n += tgi_format(text + n, sizeof text - (size_t)n, "%s%" PRId64, d ? "," : "", t->dims[d]);
    n += tgi_format(text + n, sizeof text - (size_t)n, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", begin, end);
    put(h, text, (size_t)n);
}

static void put_metadata(header *h, tg_text_pairs pairs)
{
    put(h, "\"__metadata__\":{", 16);
    for (int64_t i = 0; i < pairs.count; i++) {
        if (i) put(h, ",", 1);
        put_quoted(h, pairs.items[i].key);
        put(h, ":", 1);
        put_quoted(h, pairs.items[i].text);
    }
    put(h, "}", 1);
}

static int64_t bytes_of(const tg_tensor *t) { return t->numel * (int64_t)tgi_element_size(t); }

static void put_header(header *h, const tg_named_tensor *const *sorted, int64_t count, tg_text_pairs metadata)
{
    int64_t begin = 0;
    put(h, "{", 1);
    if (metadata.count) put_metadata(h, metadata);
    for (int64_t i = 0; i < count; i++) {
        const int64_t end = begin + bytes_of(sorted[i]->tensor);
        if (i || metadata.count) put(h, ",", 1);
        put_tensor(h, sorted[i], begin, end);
        begin = end;
    }
    put(h, "}", 1);
    while (h->bytes % 8) put(h, " ", 1);
}

/* ---- the file ---- */

static int by_width_and_name(const void *a, const void *b)
{
    static const int rank[TG_DTYPES] = { [TG_INT64] = 0, [TG_FLOAT64] = 1, [TG_FLOAT32] = 2, [TG_BOOL] = 3 };
    const tg_named_tensor *x = *(const tg_named_tensor *const *)a, *y = *(const tg_named_tensor *const *)b;
    const int order = rank[x->tensor->dtype] - rank[y->tensor->dtype];
    return order ? order : strcmp(x->name, y->name);
}

static bool write_all(tgi_output *out, const tg_named_tensor *const *sorted, int64_t count, tg_text_pairs metadata,
                      int64_t header_bytes)
{
    header h = { .out = out };
    const uint64_t n = (uint64_t)header_bytes;
    tgi_output_write(out, &n, sizeof n);
    put_header(&h, sorted, count, metadata);
    for (int64_t i = 0; i < count && !h.failed; i++) h.failed = !tgi_output_tensor(out, sorted[i]->tensor);
    return !h.failed;
}

static tg_status write_sorted(const char *function, const tg_named_tensor *const *sorted, int64_t count,
                              const char *path, tg_text_pairs metadata)
{
    header counted = { NULL, 0, false };
    put_header(&counted, sorted, count, metadata);
    if (counted.bytes > TGI_SAFETENSORS_HEADER) {
        tg_fail_at(NULL, TG_ERROR_FILE, function,
                   "%s: names, shapes and metadata are %lld bytes; the format has room for %d", path,
                   (long long)counted.bytes, TGI_SAFETENSORS_HEADER);
        return TG_FAILED;
    }
    tgi_output out;
    if (!tgi_output_open(&out, function, path)) return TG_FAILED;
    if (write_all(&out, sorted, count, metadata, counted.bytes)) return tgi_output_commit(&out) ? TG_OK : TG_FAILED;
    tgi_output_abandon(&out);
    return TG_FAILED;
}

tg_status tgi_safetensors_write(const char *function, tg_named_tensor_list list, const char *path,
                                tg_text_pairs metadata)
{
    if (!names_ok(function, list) || !metadata_ok(function, metadata)) return TG_FAILED;
    const size_t bytes = (size_t)list.count * sizeof(const tg_named_tensor *);
    const tg_named_tensor **sorted = tgi_calloc(bytes);
    if (!sorted) return TG_FAILED;
    for (int64_t i = 0; i < list.count; i++) sorted[i] = &list.items[i];
    qsort(sorted, (size_t)list.count, sizeof *sorted, by_width_and_name);
    const tg_status status = write_sorted(function, sorted, list.count, path, metadata);
    tgi_free(sorted, bytes);
    return status;
}

tg_status tg_save_safetensors_at(const char *where, tg_named_tensor_list list, const char *path,
                                 tg_save_safetensors_options options)
{
    static const char name[] = "save_safetensors";
    tgi_begin(where, name);
    if (tg_failed() || !tgi_named_tensors_ok(name, list)) return TG_FAILED;
    return tgi_safetensors_write(name, list, path, options.metadata);
}
