/* safetensors.c: reading the format. (safetensors_write.c writes it.)
 *
 *     8 bytes     n, little-endian
 *     n bytes     { "__metadata__": { "key": "text" },
 *                   "name": { "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] } }
 *     the rest    the elements; offsets count from here
 *
 * The header is read whole, as names and metadata stay in it, and looked at whole before the first tensor is made: what
 * the file says of sizes costs no memory that the file itself does not have. */
#include "safetensors.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "foreign_impl.h"
#include "json_impl.h"
#include "mapping_impl.h"
#include "safetensors_impl.h"
#include "sort_impl.h"

#include <stdlib.h>
#include <string.h>

const char *const tgi_safetensors_dtypes[TGI_ELEMENTS] = {
    [TGI_F64] = "F64", [TGI_F32] = "F32", [TGI_F16] = "F16",      [TGI_BF16] = "BF16", [TGI_I64] = "I64",
    [TGI_I32] = "I32", [TGI_I16] = "I16", [TGI_I8] = "I8",        [TGI_U64] = "U64",   [TGI_U32] = "U32",
    [TGI_U16] = "U16", [TGI_U8] = "U8",   [TGI_BOOLEAN] = "BOOL",
};

/* What the header says of one tensor. */
typedef struct entry {
    const char *name;
    int64_t said_at; /* in the file */
    int64_t begin, end;
    tgi_element element;
    tg_shape shape;
} entry;

typedef struct reading {
    const tgi_input *in;
    tgi_json json;
    int64_t data_at;
    entry *entries;
    int64_t count, capacity;
    tg_text_pair *pairs;
    int64_t pair_count, pair_capacity;
    bool has_metadata;
} reading;

/* ---- the header ---- */

static bool read_dtype(reading *r, const char *name, tgi_element *element)
{
    const int64_t at = tgi_json_where(&r->json);
    const char *dtype = tgi_json_string(&r->json);
    if (!dtype) return false;
    for (int e = 0; e < TGI_ELEMENTS; e++)
        if (strcmp(dtype, tgi_safetensors_dtypes[e]) == 0) {
            *element = (tgi_element)e;
            return true;
        }
    return tgi_json_fail(&r->json, at,
                         "the dtype of \"%s\" is %s; read are F64, F32, F16, BF16, I64 to I8, U64 to U8 and BOOL", name,
                         dtype);
}

static bool read_size(reading *r, const char *name, const char *what, int64_t *value)
{
    const int64_t at = tgi_json_where(&r->json);
    if (!tgi_json_integer(&r->json, value)) return false;
    return *value >= 0 || tgi_json_fail(&r->json, at, "\"%s\" has %s of %lld", name, what, (long long)*value);
}

static bool read_shape(reading *r, const char *name, tg_shape *shape)
{
    const int64_t at = tgi_json_where(&r->json);
    int64_t size;
    shape->ndim = 0;
    if (!tgi_json_array(&r->json)) return false;
    while (tgi_json_more(&r->json)) {
        if (!read_size(r, name, "a size", &size)) return false;
        if (shape->ndim == TG_MAX_DIMS)
            return tgi_json_fail(&r->json, at, "\"%s\" has more than %d dimensions", name, TG_MAX_DIMS);
        shape->dims[shape->ndim++] = size;
    }
    return !r->json.failed;
}

static bool read_offsets(reading *r, entry *e)
{
    int64_t *const to[] = { &e->begin, &e->end };
    int count = 0;
    e->said_at = tgi_json_where(&r->json);
    if (!tgi_json_array(&r->json)) return false;
    for (; count < 2 && tgi_json_more(&r->json); count++)
        if (!read_size(r, e->name, "an offset", to[count])) return false;
    const bool two = count == 2 && !tgi_json_more(&r->json);
    if (r->json.failed) return false;
    return two || tgi_json_fail(&r->json, e->said_at, "\"%s\" has data_offsets that are not two", e->name);
}

/* The elements have the place that their shape wants. */
static bool size_is_right(reading *r, const entry *e)
{
    int64_t bytes = tgi_elements[e->element].bytes, most = bytes;
    for (int d = 0; d < e->shape.ndim; d++) {
        const int64_t size = e->shape.dims[d];
        bool over = __builtin_mul_overflow(bytes, size, &bytes);
        if (size) over |= __builtin_mul_overflow(most, size, &most) || most > INT64_MAX / 16;
        if (over) return tgi_json_fail(&r->json, e->said_at, "the shape of \"%s\" is too large", e->name);
    }
    if (e->begin <= e->end && e->end - e->begin == bytes) return true;
    char text[TG_SHAPE_TEXT];
    return tgi_json_fail(&r->json, e->said_at,
                         "\"%s\" of dtype %s and shape %s has %lld bytes, its data_offsets are %lld and %lld", e->name,
                         tgi_safetensors_dtypes[e->element], tg_shape_text(&e->shape, text), (long long)bytes,
                         (long long)e->begin, (long long)e->end);
}

/* What is known is there once; what is not known is passed over, as the format's first library does. */
static bool read_entry(reading *r, entry *e)
{
    static const char *const fields[] = { "dtype", "shape", "data_offsets" };
    enum { DTYPE, SHAPE, OFFSETS, FIELDS };
    unsigned seen = 0;
    if (!tgi_json_object(&r->json)) return false;
    for (const char *key; (key = tgi_json_key(&r->json));) {
        int f = 0;
        while (f < FIELDS && strcmp(key, fields[f]) != 0) f++;
        if (f < FIELDS && (seen & 1u << f))
            return tgi_json_fail(&r->json, tgi_json_where(&r->json), "\"%s\" has %s twice", e->name, key);
        seen |= 1u << f;
        const bool good = f == DTYPE     ? read_dtype(r, e->name, &e->element)
                          : f == SHAPE   ? read_shape(r, e->name, &e->shape)
                          : f == OFFSETS ? read_offsets(r, e)
                                         : tgi_json_skip(&r->json);
        if (!good) return false;
    }
    for (int f = 0; f < FIELDS && !r->json.failed; f++)
        if (!(seen & 1u << f))
            return tgi_json_fail(&r->json, tgi_json_where(&r->json), "\"%s\" has no %s", e->name, fields[f]);
    return !r->json.failed && size_is_right(r, e);
}

static bool read_metadata(reading *r)
{
    if (r->has_metadata) return tgi_json_fail(&r->json, tgi_json_where(&r->json), "there are two objects __metadata__");
    r->has_metadata = true;
    if (!tgi_json_object(&r->json)) return false;
    for (const char *key; (key = tgi_json_key(&r->json));) {
        const char *text = tgi_json_string(&r->json);
        if (!text) return false;
        if (!tgi_grow(&r->pairs, &r->pair_capacity, r->pair_count + 1, sizeof *r->pairs)) return false;
        r->pairs[r->pair_count++] = (tg_text_pair){ key, text };
    }
    return !r->json.failed;
}

static bool read_header(reading *r)
{
    if (!tgi_json_object(&r->json)) return false;
    for (const char *key; (key = tgi_json_key(&r->json));) {
        if (strcmp(key, "__metadata__") == 0) {
            if (!read_metadata(r)) return false;
            continue;
        }
        if (!tgi_grow(&r->entries, &r->capacity, r->count + 1, sizeof *r->entries)) return false;
        entry *e = &r->entries[r->count];
        *e = (entry){ .name = key };
        if (!read_entry(r, e)) return false;
        r->count++;
    }
    return tgi_json_end(&r->json);
}

/* ---- what it says as a whole ---- */

static int by_place(const void *a, const void *b)
{
    const entry *x = *(const entry *const *)a, *y = *(const entry *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Every byte behind the header belongs to one tensor. */
static bool places_are_right(reading *r, const entry **sorted)
{
    for (int64_t i = 0; i < r->count; i++) sorted[i] = &r->entries[i];
    qsort(sorted, (size_t)r->count, sizeof *sorted, by_place);
    int64_t used = 0;
    for (int64_t i = 0; i < r->count; i++) {
        const entry *e = sorted[i];
        if (e->begin < used)
            return tgi_json_fail(&r->json, e->said_at, "\"%s\" begins at %lld, where \"%s\" has not ended", e->name,
                                 (long long)e->begin, sorted[i - 1]->name);
        if (e->begin > used)
            return tgi_json_fail(&r->json, e->said_at, "\"%s\" begins at %lld; the bytes from %lld on are no tensor's",
                                 e->name, (long long)e->begin, (long long)used);
        if (e->end > r->in->size - r->data_at)
            return tgi_json_fail(&r->json, e->said_at, "\"%s\" ends at %lld, but there are %lld bytes of elements",
                                 e->name, (long long)e->end, (long long)(r->in->size - r->data_at));
        used = e->end;
    }
    if (used == r->in->size - r->data_at) return true;
    return tgi_input_fail(r->in, r->data_at + used, NULL, "the last tensor ends here, the file %lld bytes later",
                          (long long)(r->in->size - r->data_at - used));
}

static bool check_all(reading *r)
{
    const int64_t most = r->count > r->pair_count ? r->count : r->pair_count;
    const size_t bytes = (size_t)most * sizeof(void *);
    void *scratch = tgi_calloc(bytes);
    if (!scratch) return false;
    const char *name = tgi_text_twice(r->entries, r->count, sizeof *r->entries, scratch);
    const char *key = tgi_text_twice(r->pairs, r->pair_count, sizeof *r->pairs, scratch);
    bool good = !name && !key;
    if (name) tgi_input_fail(r->in, 8, "header", "two tensors have the name \"%s\"", name);
    if (key) tgi_input_fail(r->in, 8, "header", "the key \"%s\" comes twice in __metadata__", key);
    good = good && places_are_right(r, scratch);
    tgi_free(scratch, bytes);
    return good;
}

/* ---- the file ---- */

enum { LENGTH_BYTES = 8 };
static const char reader[] = "tg_load_safetensors";

/* The header's length, if it can be one; -1 with an error pending. */
static int64_t header_length(const tgi_input *in)
{
    uint64_t n;
    if (in->size < LENGTH_BYTES) {
        tgi_input_fail(in, 0, "header length", "the file has %lld bytes, too few for one", (long long)in->size);
        return -1;
    }
    if (!tgi_input_read(in, 0, &n, LENGTH_BYTES)) return -1;
    if (n <= TGI_SAFETENSORS_HEADER && (int64_t)n <= in->size - LENGTH_BYTES) return (int64_t)n;
    if (tgi_is_foreign(in, reader)) return -1;
    tgi_input_fail(in, 0, "header length", "is %llu; the file has %lld bytes behind it, and %d are the most",
                   (unsigned long long)n, (long long)(in->size - LENGTH_BYTES), TGI_SAFETENSORS_HEADER);
    return -1;
}

static bool read_all(reading *r)
{
    const int64_t n = header_length(r->in);
    char *header = n < 0 ? NULL : tgi_input_block(r->in, LENGTH_BYTES, n);
    if (!header) return false;
    r->data_at = LENGTH_BYTES + n;
    if (header[0] != '{')
        return !tgi_is_foreign(r->in, reader) &&
               tgi_input_fail(r->in, LENGTH_BYTES, "header", "does not begin with '{': this is no safetensors file");
    tgi_json_begin(&r->json, r->in, "header", LENGTH_BYTES, header, n);
    return read_header(r) && check_all(r);
}

static tg_named_tensor_list make_tensors(const reading *r, bool mapped)
{
    const tg_named_tensor_list none = { NULL, 0 };
    tg_named_tensor *items = tgi_scope_alloc((size_t)r->count * sizeof *items);
    tgi_mapping *mapping = items && mapped ? tgi_mapping_open(r->in) : NULL;
    bool good = items && (mapping || !mapped);
    for (int64_t i = 0; good && i < r->count; i++) {
        const entry *e = &r->entries[i];
        const int64_t at = r->data_at + e->begin;
        items[i].name = e->name;
        items[i].tensor = mapped ? tgi_mapping_tensor(mapping, r->in, at, e->element, &e->shape, e->name)
                                 : tgi_input_tensor(r->in, at, e->element, &e->shape, e->name);
        good = items[i].tensor != NULL;
    }
    tgi_mapping_close(mapping);
    return good ? (tg_named_tensor_list){ items, r->count } : none;
}

/* Into the innermost scope. False with an error pending. */
static bool hand_metadata(const reading *r, tg_text_pairs *to)
{
    const size_t bytes = (size_t)r->pair_count * sizeof *r->pairs;
    tg_text_pair *items = tgi_scope_alloc(bytes);
    if (!items) return false;
    if (bytes) memcpy(items, r->pairs, bytes);
    *to = (tg_text_pairs){ items, r->pair_count };
    return true;
}

/* In a scope of its own, which becomes a part of the one around it, or goes. */
tg_named_tensor_list tgi_safetensors_load(const tgi_input *in, tg_load_safetensors_options options)
{
    tg_named_tensor_list list = { NULL, 0 };
    reading r = { .in = in };
    const tg_scope scope = tg_scope_begin();
    bool good = tg_ok() && read_all(&r) && (!options.metadata || hand_metadata(&r, options.metadata));
    if (good) list = make_tensors(&r, options.mapped);
    good = tg_ok();
    tgi_grow_free(r.entries, r.capacity, sizeof *r.entries);
    tgi_grow_free(r.pairs, r.pair_capacity, sizeof *r.pairs);
    if (good) {
        tgi_scope_merge(scope);
    } else {
        tg_scope_end(scope);
        if (options.metadata) *options.metadata = (tg_text_pairs){ NULL, 0 };
    }
    return list;
}

tg_named_tensor_list tg_load_safetensors_at(const char *where, const char *path, tg_load_safetensors_options options)
{
    static const char name[] = "load_safetensors";
    tg_named_tensor_list list = { NULL, 0 };
    tgi_begin(where, name);
    if (options.metadata) *options.metadata = (tg_text_pairs){ NULL, 0 };
    tgi_input in;
    if (tg_failed() || !tgi_input_open(&in, name, path)) return list;
    list = tgi_safetensors_load(&in, options);
    tgi_input_close(&in);
    return list;
}

const char *tg_text_of(tg_text_pairs pairs, const char *key)
{
    for (int64_t i = 0; pairs.items && key && i < pairs.count; i++)
        if (pairs.items[i].key && strcmp(pairs.items[i].key, key) == 0) return pairs.items[i].text;
    return NULL;
}
