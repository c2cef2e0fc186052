/* dataset.c: a dataset's life, and its functions called. The kinds are dataset_kinds.c's.
 *
 * A user's function may do anything but be trusted: what it says it wrote is looked at before anybody uses it. */
#include "dataset_impl.h"

#include "collate_impl.h"
#include "core/error.h"
#include "core/thread.h"

enum { ALIVE = 0x44617455, FREED = 0x44617444 };

/* ---- life ---- */

bool tgi_dataset_ok(const char *where, const tg_dataset *d, const char *what)
{
    tgi_begin(where, what);
    if (d && d->life.alive == ALIVE) return !tg_failed();
    if (d)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the dataset was freed%s",
                   d->life.alive == FREED ? "" : ", or is no dataset");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the dataset is NULL");
    return false;
}

tg_dataset *tg_dataset_new_at(const char *where, tg_dataset_options options)
{
    static const char what[] = "dataset_new";
    tgi_begin(where, what);
    const char *missing = !options.name                     ? "name"
                          : !options.length                 ? "length"
                          : !options.item && !options.batch ? "item or batch"
                                                            : NULL;
    if (missing) tg_fail_at(where, TG_ERROR_NULL, what, "a dataset needs .%s", missing);
    tg_dataset *d = tg_failed() ? NULL : tgi_calloc(sizeof *d);
    if (d)
        *d = (tg_dataset){ { ALIVE, 0, 0 }, options };
    else if (options.free)
        options.free(options.context);
    return d;
}

static void destroy(tg_dataset *d)
{
    d->life.alive = FREED;
    if (d->is.free) d->is.free(d->is.context);
    tgi_free(d, sizeof *d);
}

void tgi_dataset_own(tg_dataset *d) { tgi_count(&d->life.owners, 1); }

void tgi_dataset_disown(tg_dataset *d)
{
    if (d && tgi_count(&d->life.owners, -1) == 0) destroy(d);
}

void tgi_dataset_drop(tg_dataset *d)
{
    if (d && d->life.alive == ALIVE && d->life.owners == 0) destroy(d);
}

tg_dataset *tg_dataset_keep_at(const char *where, tg_dataset *d)
{
    if (!tgi_dataset_ok(where, d, "dataset_keep")) return NULL;
    tgi_count(&d->life.kept, 1);
    tgi_dataset_own(d);
    return d;
}

/* Also while an error is pending, unlike all else: what is there must go. */
void tg_dataset_free_at(const char *where, tg_dataset *d)
{
    static const char what[] = "dataset_free";
    if (!d || (!tgi_dataset_ok(where, d, what) && d->life.alive != ALIVE)) return;
    if (d->life.kept > 0) {
        tgi_count(&d->life.kept, -1);
        tgi_dataset_disown(d);
    } else if (d->life.owners == 0) {
        destroy(d);
    } else {
        tg_fail_at(where, TG_ERROR_VALUE, what,
                   "this %s belongs to a loader or another dataset, which frees it; tg_dataset_keep holds it longer",
                   d->is.name);
    }
}

/* ---- its functions ---- */

int64_t tgi_dataset_length(tg_dataset *d)
{
    const tgi_place place = tgi_place_keep();
    const int64_t length = d->is.length(d->is.context);
    tgi_place_back(place);
    if (length < 0 && !tg_failed())
        tg_fail_at(NULL, TG_ERROR_VALUE, d->is.name, "its length is %lld", (long long)length);
    return tg_failed() ? -1 : length;
}

/* How many fields a function of the user's has written; -1, with an error, if it cannot be so. */
static int check_fields(const tg_dataset *d, const char *of, int64_t index, int count, tg_tensor *const *fields)
{
    if (tg_failed()) return -1;
    if (count < 1 || count > TG_MAX_FIELDS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, d->is.name, "%s %lld has %d fields; there can be 1 to %d", of,
                   (long long)index, count, TG_MAX_FIELDS);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (!fields[i])
            tg_fail_at(NULL, TG_ERROR_NULL, d->is.name, "field %d of %s %lld is NULL", i, of, (long long)index);
        else if (tgi_handle_ok(d->is.name, fields[i]))
            continue;
        return -1;
    }
    return count;
}

static int of_batch(tg_dataset *d, int64_t first, tg_tensor *indices, tg_tensor **fields)
{
    for (int i = 0; i < TG_MAX_FIELDS; i++) fields[i] = NULL;
    const tgi_place place = tgi_place_keep();
    const int count = d->is.batch(indices, fields, d->is.context);
    tgi_place_back(place);
    return check_fields(d, "the batch of sample", first, count, fields);
}

/* A sample of a dataset that only knows batches: the first of a batch of one. */
static int item_of_batch(tg_dataset *d, int64_t index, tg_tensor **fields)
{
    tg_tensor *indices = tgi_index_tensor(&index, 1);
    const int count = indices ? of_batch(d, index, indices, fields) : -1;
    for (int i = 0; i < count; i++)
        if (!(fields[i] = tgi_first_row(d->is.name, fields[i]))) return -1;
    return count;
}

int tgi_dataset_item(tg_dataset *d, int64_t index, tg_tensor **fields)
{
    if (!d->is.item) return item_of_batch(d, index, fields);
    for (int i = 0; i < TG_MAX_FIELDS; i++) fields[i] = NULL;
    const tgi_place place = tgi_place_keep();
    const int count = d->is.item(index, fields, d->is.context);
    tgi_place_back(place);
    return check_fields(d, "sample", index, count, fields);
}

static int stack_items(tg_dataset *d, const int64_t *indices, int64_t n, tg_tensor **fields)
{
    tgi_samples samples;
    if (!tgi_samples_begin(&samples, n)) return -1;
    for (int64_t i = 0; i < n; i++) {
        const int count = tgi_dataset_item(d, indices[i], fields);
        if (count < 0 || !tgi_samples_add(&samples, fields, count)) return -1;
    }
    return tg_collate_stack(samples.items, n, fields, NULL);
}

int tgi_dataset_batch(tg_dataset *d, tg_tensor *indices, tg_tensor **fields)
{
    const int64_t *numbers = tgi_ptr(indices);
    if (indices->numel == 0) {
        tg_fail_at(NULL, TG_ERROR_VALUE, d->is.name, "a batch of no samples");
        return -1;
    }
    return d->is.batch ? of_batch(d, numbers[0], indices, fields) : stack_items(d, numbers, indices->numel, fields);
}

/* ---- indices ---- */

tg_tensor *tgi_index_tensor(const int64_t *indices, int64_t count)
{
    const tg_shape shape = tg_shape(count);
    tg_tensor *t = tgi_new(&shape, TG_INT64);
    for (int64_t i = 0; t && i < count; i++) ((int64_t *)tgi_ptr(t))[i] = indices[i];
    return t;
}

const int64_t *tgi_index_vector(const char *what, tg_tensor *t, int64_t *count)
{
    static const int64_t none[1];
    *count = 0;
    if (!tgi_handle_ok(what, t)) return NULL;
    if (t->ndim != 1 || t->dtype != TG_INT64 || !t->contiguous) {
        char text[TG_SHAPE_TEXT];
        const tg_shape shape = tgi_shape(t);
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "indices are a contiguous int64 vector, not %s%s",
                   tg_dtype_name((tg_dtype)t->dtype), tg_shape_text(&shape, text));
        return NULL;
    }
    *count = t->numel;
    return t->numel ? tgi_ptr(t) : none;
}

/* ---- asking ---- */

int64_t tg_dataset_length_at(const char *where, tg_dataset *d)
{
    return tgi_dataset_ok(where, d, "dataset_length") ? tgi_dataset_length(d) : -1;
}

tg_tensor_list tg_dataset_item_at(const char *where, tg_dataset *d, int64_t index)
{
    static const char what[] = "dataset_item";
    if (!tgi_dataset_ok(where, d, what)) return tg_list_failed();
    const int64_t length = tgi_dataset_length(d);
    if (length < 0) return tg_list_failed();
    if (index < -length || index >= length) {
        tg_fail_at(where, TG_ERROR_VALUE, what, "sample %lld of a %s of %lld", (long long)index, d->is.name,
                   (long long)length);
        return tg_list_failed();
    }
    tg_tensor *fields[TG_MAX_FIELDS];
    const int count = tgi_dataset_item(d, index < 0 ? index + length : index, fields);
    return count < 0 ? tg_list_failed() : tg_list_in_scope(fields, count);
}

tg_tensor_list tg_dataset_batch_at(const char *where, tg_dataset *d, tg_tensor *indices)
{
    static const char what[] = "dataset_batch";
    if (!tgi_dataset_ok(where, d, what)) return tg_list_failed();
    int64_t n;
    const int64_t length = tgi_dataset_length(d), *numbers = length < 0 ? NULL : tgi_index_vector(what, indices, &n);
    if (!numbers) return tg_list_failed();
    for (int64_t i = 0; i < n; i++) {
        if (numbers[i] >= 0 && numbers[i] < length) continue;
        tg_fail_at(where, TG_ERROR_VALUE, what, "sample %lld of a %s of %lld", (long long)numbers[i], d->is.name,
                   (long long)length);
        return tg_list_failed();
    }
    tg_tensor *fields[TG_MAX_FIELDS];
    const int count = tgi_dataset_batch(d, indices, fields);
    return count < 0 ? tg_list_failed() : tg_list_in_scope(fields, count);
}
