/* collate.c: samples gathered and made a batch. */
#include "collate_impl.h"

#include "core/error.h"
#include "core/op.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "nn/packed.h"
#include "ops/join.h"
#include "ops/view.h"

bool tgi_samples_begin(tgi_samples *samples, int64_t n)
{
    samples->count = 0;
    samples->items = (tg_tensor_list *)tg_list_new(n < INT64_MAX / 2 ? 2 * n : n);
    return samples->items != NULL;
}
_Static_assert(sizeof(tg_tensor_list) == 2 * sizeof(tg_tensor *), "a list is an address and a count");

bool tgi_samples_add(tgi_samples *samples, tg_tensor *const *fields, int count)
{
    const int64_t n = samples->count;
    if (n && samples->items[0].count != count) {
        tg_fail_at(NULL, TG_ERROR_VALUE, "collate",
                   "each sample of a batch should have as many fields: sample 0 has %lld, sample %lld has %d",
                   (long long)samples->items[0].count, (long long)n, count);
        return false;
    }
    samples->items[n] = tg_list_in_scope(fields, count);
    samples->count++;
    return !tg_failed();
}

tg_tensor *tgi_first_row(const char *what, tg_tensor *t)
{
    if (t->ndim > 0 && t->dims[0] > 0) return tg_select(t, 0, 0);
    return tg_fail_at(NULL, TG_ERROR_VALUE, what, "a batch of one sample has a field without a first dimension");
}

/* ---- what users call, too ---- */

/* How many fields the samples have; -1 with an error pending. */
static int fields_of(const char *what, const tg_tensor_list *samples, int64_t count, tg_tensor *const *fields)
{
    if (tg_failed()) return -1;
    if (!samples || !fields || count < 1) {
        tg_fail_at(NULL, samples && fields ? TG_ERROR_VALUE : TG_ERROR_NULL, what, "%lld samples%s%s", (long long)count,
                   samples ? "" : " at NULL", fields ? "" : ", and no room for their fields");
        return -1;
    }
    const int64_t most = samples[0].count;
    for (int64_t i = 0; i < count; i++) {
        if (!tgi_list_ok(what, samples[i])) return -1;
        if (samples[i].count == most && most >= 1 && most <= TG_MAX_FIELDS) continue;
        tg_fail_at(NULL, TG_ERROR_VALUE, what, "sample %lld has %lld fields, sample 0 has %lld", (long long)i,
                   (long long)samples[i].count, (long long)most);
        return -1;
    }
    return (int)most;
}

/* Field `field` of all samples, in the innermost scope's memory. */
static tg_tensor_list column(const tg_tensor_list *samples, int64_t count, int field)
{
    tg_tensor **items = tg_list_new(count);
    for (int64_t i = 0; items && i < count; i++) items[i] = samples[i].items[field];
    return items ? tg_list_of(items, count) : tg_list_failed();
}

static bool same_shape(const tg_tensor *a, const tg_tensor *b)
{
    bool same = a->ndim == b->ndim;
    for (int d = 0; same && d < a->ndim; d++) same = a->dims[d] == b->dims[d];
    return same;
}

/* The field of all samples in one tensor. `advice` is for those whose samples have different lengths. */
static tg_tensor *stacked(const char *what, const tg_tensor_list parts, int field, const char *advice)
{
    char first[TG_SHAPE_TEXT], other[TG_SHAPE_TEXT];
    for (int64_t i = 0; i < parts.count; i++) {
        if (!tgi_handle_ok(what, parts.items[i])) return NULL;
        if (same_shape(parts.items[0], parts.items[i])) continue;
        const tg_shape a = tg_shape_of(parts.items[0]), b = tg_shape_of(parts.items[i]);
        return tg_fail_at(
            NULL, TG_ERROR_VALUE, what,
            "field %d: stack expects each tensor to be equal size, but got %s in sample 0 of the batch and "
            "%s in sample %lld; %s",
            field, tg_shape_text(&a, first), tg_shape_text(&b, other), (long long)i, advice);
    }
    return tg_stack(parts, 0);
}

int tg_collate_stack(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context)
{
    (void)context;
    tgi_begin(NULL, "collate");
    const int n = fields_of("collate", samples, count, fields);
    for (int k = 0; k < n; k++)
        if (!(fields[k] = stacked("collate", column(samples, count, k), k,
                                  "a loader pads sequences of different lengths with .collate = tg_collate_pad")))
            return -1;
    return n;
}

static tg_tensor *lengths_of(const tg_tensor_list sequences)
{
    const tg_shape shape = tg_shape(sequences.count);
    tg_tensor *lengths = tgi_new(&shape, TG_INT64);
    for (int64_t i = 0; lengths && i < sequences.count; i++)
        ((int64_t *)tgi_ptr(lengths))[i] = sequences.items[i]->dims[0];
    return lengths;
}

int tg_collate_pad(const tg_tensor_list *samples, int64_t count, tg_tensor **fields, void *context)
{
    static const char what[] = "collate_pad";
    static const tg_padding usual = { .sequences = 1 };
    const tg_padding *padding = context ? context : &usual;
    tgi_begin(NULL, what);
    const int n = fields_of(what, samples, count, fields), sequences = padding->sequences;
    if (n < 0) return -1;
    if (sequences < 1 || sequences > n || n + sequences > TG_MAX_FIELDS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, what,
                   "%d sequences in samples of %d fields; with their lengths there can be %d", sequences, n,
                   TG_MAX_FIELDS);
        return -1;
    }
    for (int k = 0; k < n; k++) {
        const tg_tensor_list parts = column(samples, count, k);
        fields[k] = k < sequences
                        ? tg_pad_sequence(parts, .batch_first = true, .padding_value = padding->values[k])
                        : stacked(what, parts, k, "what is padded are the first .sequences fields (tg_padding)");
        if (!fields[k]) return -1;
        if (k < sequences && !(fields[n + k] = lengths_of(parts))) return -1;
    }
    return n + sequences;
}
