/* dataset_kinds.c: datasets made of tensors and of other datasets. Each has a context that holds what it is made of. */
#include "dataset_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/view.h"

/* ---- of tensors ---- */

typedef struct rows {
    int count;
    tg_tensor *tensors[TG_MAX_FIELDS];
} rows;

static int64_t rows_length(void *context) { return ((const rows *)context)->tensors[0]->dims[0]; }

static int rows_item(int64_t index, tg_tensor **fields, void *context)
{
    const rows *r = context;
    for (int i = 0; i < r->count; i++) fields[i] = tg_select(r->tensors[i], 0, index);
    return r->count;
}

static int rows_batch(tg_tensor *indices, tg_tensor **fields, void *context)
{
    const rows *r = context;
    for (int i = 0; i < r->count; i++) fields[i] = tg_index_select(r->tensors[i], 0, indices);
    return r->count;
}

static void rows_free(void *context)
{
    rows *r = context;
    for (int i = 0; i < r->count; i++) tgi_unref(r->tensors[i]);
    tgi_free(r, sizeof *r);
}

static bool rows_ok(const char *what, tg_tensor_list tensors)
{
    if (tensors.count < 1 || tensors.count > TG_MAX_FIELDS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "%lld tensors; there can be 1 to %d", (long long)tensors.count,
                   TG_MAX_FIELDS);
        return false;
    }
    for (int64_t i = 0; i < tensors.count; i++) {
        const tg_tensor *t = tensors.items[i], *first = tensors.items[0];
        if (!tgi_handle_ok(what, t)) return false;
        if (t->ndim == 0)
            tg_fail_at(NULL, TG_ERROR_VALUE, what, "tensor %lld has no dimensions, and so no samples", (long long)i);
        else if (t->dims[0] != first->dims[0])
            tg_fail_at(NULL, TG_ERROR_VALUE, what,
                       "Size mismatch between tensors: the first size of tensor 0 is %lld, that of tensor %lld is %lld",
                       (long long)first->dims[0], (long long)i, (long long)t->dims[0]);
        else
            continue;
        return false;
    }
    return true;
}

tg_dataset *tg_tensor_dataset_new_at(const char *where, tg_tensor_list tensors)
{
    static const char what[] = "tensor_dataset";
    tgi_begin(where, what);
    if (tg_failed() || !tgi_list_ok(what, tensors) || !rows_ok(what, tensors)) return NULL;
    rows *r = tgi_calloc(sizeof *r);
    if (!r) return NULL;
    r->count = (int)tensors.count;
    for (int i = 0; i < r->count; i++) r->tensors[i] = tgi_ref(tensors.items[i]);
    return tg_dataset_new_at(where, TG_OPTIONS(tg_dataset_options, TG_DATASET_DEFAULTS, .context = r,
                                               .name = "TensorDataset", .length = rows_length, .item = rows_item,
                                               .batch = rows_batch, .free = rows_free));
}

/* ---- a part ---- */

typedef struct part {
    tg_dataset *whole;
    tg_tensor *indices;
} part;

static int64_t part_length(void *context) { return ((const part *)context)->indices->numel; }

/* What was written into the indices since they were looked at must not lead out of the whole. */
static bool inside(const part *p, const int64_t *indices, int64_t count)
{
    const int64_t length = tgi_dataset_length(p->whole);
    for (int64_t i = 0; length >= 0 && i < count; i++) {
        if (indices[i] >= 0 && indices[i] < length) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, "subset", "sample %lld of a %s of %lld", (long long)indices[i],
                   p->whole->is.name, (long long)length);
        return false;
    }
    return length >= 0;
}

static int part_item(int64_t index, tg_tensor **fields, void *context)
{
    const part *p = context;
    const int64_t at = ((const int64_t *)tgi_ptr(p->indices))[index];
    return inside(p, &at, 1) ? tgi_dataset_item(p->whole, at, fields) : -1;
}

static int part_batch(tg_tensor *indices, tg_tensor **fields, void *context)
{
    const part *p = context;
    tg_tensor *at = tg_index_select(p->indices, 0, indices);
    return at && inside(p, tgi_ptr(at), at->numel) ? tgi_dataset_batch(p->whole, at, fields) : -1;
}

static void part_free(void *context)
{
    part *p = context;
    tgi_dataset_disown(p->whole);
    tgi_unref(p->indices);
    tgi_free(p, sizeof *p);
}

/* Hands `d` over to it, or frees it. */
static tg_dataset *subset(const char *where, tg_dataset *d, tg_tensor *indices)
{
    static const char what[] = "subset";
    int64_t count = 0;
    const int64_t *numbers = tgi_index_vector(what, indices, &count);
    part *p = numbers && inside(&(part){ d, indices }, numbers, count) ? tgi_calloc(sizeof *p) : NULL;
    if (!p) return NULL;
    *p = (part){ d, tgi_ref(indices) };
    tgi_dataset_own(d);
    return tg_dataset_new_at(where, TG_OPTIONS(tg_dataset_options, TG_DATASET_DEFAULTS, .context = p, .name = "Subset",
                                               .length = part_length, .item = part_item,
                                               .batch = d->is.batch ? part_batch : NULL, .free = part_free));
}

tg_dataset *tg_subset_new_at(const char *where, tg_dataset *d, tg_tensor *indices)
{
    tg_dataset *made = tgi_dataset_ok(where, d, "subset") ? subset(where, d, indices) : NULL;
    if (!made) tgi_dataset_drop(d);
    return made;
}

/* ---- one behind the other ---- */

typedef struct chain {
    int64_t count;
    tg_dataset *parts[];
} chain;

static int64_t chain_length(void *context)
{
    const chain *c = context;
    int64_t sum = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const int64_t length = tgi_dataset_length(c->parts[i]);
        if (length < 0) return -1;
        if (length > INT64_MAX - sum) {
            tg_fail_at(NULL, TG_ERROR_VALUE, "concat_dataset", "more than 2^63 samples");
            return -1;
        }
        sum += length;
    }
    return sum;
}

/* Which part has the sample, and which of its samples it is. -1 with an error pending. */
static int64_t find_part(const chain *c, int64_t *index)
{
    for (int64_t i = 0; i < c->count; i++) {
        const int64_t length = tgi_dataset_length(c->parts[i]);
        if (length < 0) return -1;
        if (*index < length) return i;
        *index -= length;
    }
    tg_fail_at(NULL, TG_ERROR_VALUE, "concat_dataset", "a part has fewer samples than before");
    return -1;
}

static int chain_item(int64_t index, tg_tensor **fields, void *context)
{
    const chain *c = context;
    const int64_t i = find_part(c, &index);
    return i < 0 ? -1 : tgi_dataset_item(c->parts[i], index, fields);
}

/* Behind what the parts before have given, what this one gives; which places in the batch that is stands in `places`. */
static int add_part(tg_dataset *d, const int64_t *of_part, const int64_t *indices, int64_t n, int64_t part_index,
                    int64_t *chosen, int64_t *places, int64_t *placed, tg_tensor **fields, int before)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (of_part[i] != part_index) continue;
        places[i] = *placed + count;
        chosen[count++] = indices[i];
    }
    if (count == 0) return before;
    tg_tensor *more[TG_MAX_FIELDS], *numbers = tgi_index_tensor(chosen, count);
    const int fields_count = numbers ? tgi_dataset_batch(d, numbers, more) : -1;
    if (fields_count < 0) return -1;
    if (before && before != fields_count) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "concat_dataset", "samples of %d and of %d fields", before, fields_count);
        return -1;
    }
    for (int k = 0; k < fields_count; k++)
        if (!(fields[k] = before ? tg_cat(tg_list(fields[k], more[k]), 0) : more[k])) return -1;
    *placed += count;
    return fields_count;
}

static int chain_batch(tg_tensor *indices, tg_tensor **fields, void *context)
{
    const chain *c = context;
    const int64_t n = indices->numel;
    int64_t *work = tgi_scope_alloc((size_t)n * 4 * sizeof *work), placed = 0, parts = 0;
    if (!work) return -1;
    int64_t *of_part = work, *local = work + n, *chosen = work + 2 * n, *places = work + 3 * n;
    for (int64_t i = 0; i < n; i++) {
        local[i] = ((const int64_t *)tgi_ptr(indices))[i];
        if ((of_part[i] = find_part(c, &local[i])) < 0) return -1;
        parts += i == 0 || of_part[i] != of_part[0];
    }
    int count = 0;
    for (int64_t i = 0; i < c->count && count >= 0; i++)
        count = add_part(c->parts[i], of_part, local, n, i, chosen, places, &placed, fields, count);
    if (count < 0 || parts == 1) return count;
    tg_tensor *order = tgi_index_tensor(places, n);
    for (int k = 0; k < count; k++)
        if (!order || !(fields[k] = tg_index_select(fields[k], 0, order))) return -1;
    return count;
}

static void chain_free(void *context)
{
    chain *c = context;
    for (int64_t i = 0; i < c->count; i++) tgi_dataset_disown(c->parts[i]);
    tgi_free(c, sizeof *c + (size_t)c->count * sizeof *c->parts);
}

/* NULL with an error pending; the datasets belong to it then, or to nobody more than before. */
static chain *chain_new(const char *where, tg_dataset_list list)
{
    static const char what[] = "concat_dataset";
    for (int64_t i = 0; i < list.count; i++)
        if (!tgi_dataset_ok(where, list.items[i], what)) return NULL;
    chain *c = tgi_calloc(sizeof *c + (size_t)list.count * sizeof *c->parts);
    if (!c) return NULL;
    c->count = list.count;
    for (int64_t i = 0; i < c->count; i++) tgi_dataset_own(c->parts[i] = list.items[i]);
    return c;
}

tg_dataset *tg_concat_dataset_new_at(const char *where, tg_dataset_list list)
{
    static const char what[] = "concat_dataset";
    tgi_begin(where, what);
    if (list.count < 1 || !list.items) {
        tg_fail_at(where, TG_ERROR_VALUE, what, "a list of %lld datasets%s", (long long)list.count,
                   list.items ? "" : " at NULL");
        return NULL;
    }
    chain *c = chain_new(where, list);
    if (!c) {
        for (int64_t i = 0; i < list.count; i++) tgi_dataset_drop(list.items[i]);
        return NULL;
    }
    bool batches = true;
    for (int64_t i = 0; i < c->count; i++) batches = batches && c->parts[i]->is.batch;
    return tg_dataset_new_at(where, TG_OPTIONS(tg_dataset_options, TG_DATASET_DEFAULTS, .context = c,
                                               .name = "ConcatDataset", .length = chain_length, .item = chain_item,
                                               .batch = batches ? chain_batch : NULL, .free = chain_free));
}

/* ---- changed by a function ---- */

typedef struct mapped {
    tg_dataset *from;
    tg_map_fn function;
    tg_map_dataset_options is;
} mapped;

static int64_t mapped_length(void *context) { return tgi_dataset_length(((const mapped *)context)->from); }

static int mapped_item(int64_t index, tg_tensor **fields, void *context)
{
    const mapped *m = context;
    const int count = tgi_dataset_item(m->from, index, fields);
    if (count < 0) return -1;
    const tgi_place place = tgi_place_keep();
    const int now = m->function(fields, count, m->is.context);
    tgi_place_back(place);
    return now;
}

static void mapped_free(void *context)
{
    mapped *m = context;
    tgi_dataset_disown(m->from);
    if (m->is.free) m->is.free(m->is.context);
    tgi_free(m, sizeof *m);
}

tg_dataset *tg_map_dataset_new_at(const char *where, tg_dataset *d, tg_map_fn function, tg_map_dataset_options options)
{
    static const char what[] = "map_dataset";
    const bool ok = tgi_dataset_ok(where, d, what);
    if (ok && !function) tg_fail_at(where, TG_ERROR_NULL, what, "the function is NULL");
    mapped *m = ok && function ? tgi_calloc(sizeof *m) : NULL;
    if (!m) {
        tgi_dataset_drop(d);
        if (options.free) options.free(options.context);
        return NULL;
    }
    *m = (mapped){ d, function, options };
    tgi_dataset_own(d);
    return tg_dataset_new_at(where,
                             TG_OPTIONS(tg_dataset_options, TG_DATASET_DEFAULTS, .context = m, .name = "MapDataset",
                                        .length = mapped_length, .item = mapped_item, .free = mapped_free));
}
