/* packed.c: padding, packing, and back. Each is one op that moves rows, where a row is one element of one sequence. What
 * differs is the list of the rows, which is made here. */
#include "packed.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/tensor_impl.h"
#include "ops/create.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/sort.h"
#include "ops/view.h"
#include "rnn_impl.h"

static const tg_packed_sequence nothing = { NULL, NULL, NULL, NULL };

/* ---- rows ---- */

static tg_tensor *new_int64(int64_t count) { return tg_empty(tg_shape(count), .dtype = TG_INT64); }

/* Where sequences lie in a tensor of rows: element t of sequence b is row first[b] + t * step. */
typedef struct places {
    const int64_t *first; /* NULL: there was no memory */
    int64_t step;
} places;

/* In a padded batch of sequences of `steps` elements. */
static places padded_places(int64_t steps, int64_t sequences, bool batch_first)
{
    tg_tensor *first = new_int64(sequences);
    int64_t *at = first ? tgi_ptr(first) : NULL;
    for (int64_t b = 0; at && b < sequences; b++) at[b] = batch_first ? b * steps : b;
    return (places){ at, batch_first ? 1 : sequences };
}

/* One after another. */
static places joined_places(const int64_t *lengths, int64_t sequences)
{
    tg_tensor *first = new_int64(sequences);
    int64_t *at = first ? tgi_ptr(first) : NULL, row = 0;
    for (int64_t b = 0; at && b < sequences; row += lengths[b++]) at[b] = row;
    return (places){ at, 1 };
}

/* `count` rows in the order of a packed batch. Its k-th longest sequence is order[k], or k where that is NULL. */
static tg_tensor *packed_rows(places p, int64_t count, const int64_t *sizes, const int64_t *order)
{
    tg_tensor *rows = p.first ? new_int64(count) : NULL;
    int64_t *row = rows ? tgi_ptr(rows) : NULL, *const end = row ? row + count : NULL;
    for (int64_t t = 0; row != end; t++)
        for (int64_t k = 0; k < sizes[t]; k++) *row++ = p.first[order ? order[k] : k] + t * p.step;
    return rows;
}

/* `count` rows of one sequence after another. */
static tg_tensor *joined_rows(places p, int64_t count, const int64_t *lengths)
{
    tg_tensor *rows = p.first ? new_int64(count) : NULL;
    int64_t *row = rows ? tgi_ptr(rows) : NULL, *const end = row ? row + count : NULL;
    for (int64_t b = 0; row != end; b++)
        for (int64_t t = 0; t < lengths[b]; t++) *row++ = p.first[b] + t * p.step;
    return rows;
}

/* The sizes of a padded batch. False, with an error, if no tensor has so many rows. */
static bool batch_sizes_of(const tg_op *op, int64_t steps, int64_t sequences, bool batch_first, tg_shape *sizes)
{
    int64_t rows;
    *sizes = batch_first ? tg_shape(sequences, steps) : tg_shape(steps, sequences);
    return !__builtin_mul_overflow(steps, sequences, &rows) ||
           tg_op_fail(op, TG_NONE, "numel: integer multiplication overflow");
}

/* A padded batch of these sizes that has the rows of `data` where `rows` says. */
static tg_tensor *pad_rows(tg_tensor *data, tg_tensor *rows, tg_shape sizes, double padding_value)
{
    tg_shape shape = tgi_shape(data);
    shape.dims[0] = sizes.dims[0] * sizes.dims[1];
    tg_tensor *all = tg_full(shape, padding_value, .dtype = tg_dtype_of(data));
    return tg_unflatten(tg_index_copy_(all, 0, rows, data), 0, sizes);
}

/* ---- packing ---- */

/* The lengths as int64, one after another in memory. NULL, with an error, unless there is one for each sequence, none is
 * below `least`, and none beyond the steps that there are. */
static tg_tensor *checked_lengths(const tg_op *op, tg_tensor *lengths, int64_t sequences, int64_t least, int64_t steps)
{
    lengths = tg_contiguous(tg_to(lengths, TG_INT64));
    if (!lengths) return NULL;
    if (lengths->ndim != 1)
        return tg_op_fail(op, tg_list(lengths),
                          "'lengths' argument should be a 1D CPU int64 tensor, but got %dD cpu Long tensor",
                          lengths->ndim);
    if (lengths->dims[0] != sequences)
        return tg_op_fail(op, tg_list(lengths),
                          "Expected `len(lengths)` to be equal to batch_size, but got %lld (batch_size=%lld)",
                          (long long)lengths->dims[0], (long long)sequences);
    const int64_t *length = tgi_ptr(lengths);
    for (int64_t b = 0; b < sequences; b++) {
        if (length[b] < least)
            return tg_op_fail(
                op, tg_list(lengths),
                "Length of all samples has to be greater than %lld, but found an element in 'lengths' that "
                "is <= %lld",
                (long long)least - 1, (long long)least - 1);
        if (length[b] > steps)
            return tg_op_fail(op, tg_list(lengths), "lengths has %lld, but the sequences are padded to %lld",
                              (long long)length[b], (long long)steps);
    }
    return lengths;
}

/* How many sequences have each element. NULL, with an error, if a length is more than the one before. */
static tg_tensor *sizes_of(const tg_op *op, tg_tensor *lengths)
{
    const int64_t *length = tgi_ptr(lengths), sequences = lengths->dims[0];
    for (int64_t k = 1; k < sequences; k++)
        if (length[k] > length[k - 1])
            return tg_op_fail(
                op, tg_list(lengths),
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                "requirement if you do not need ONNX exportability.");
    tg_tensor *sizes = new_int64(length[0]);
    int64_t *size = sizes ? tgi_ptr(sizes) : NULL, k = sequences;
    for (int64_t t = 0; size && t < length[0]; size[t++] = k)
        while (length[k - 1] <= t) k--;
    return sizes;
}

/* The sequences that lie in `all` at `places`. */
static tg_packed_sequence pack(const tg_op *op, tg_tensor *all, places p, tg_tensor *lengths, bool enforce_sorted)
{
    tg_packed_sequence packed = nothing;
    if (!enforce_sorted) {
        const tg_values_indices sorted = tg_sort(lengths, .descending = true);
        lengths = sorted.values;
        packed.sorted_indices = sorted.indices;
        packed.unsorted_indices = tg_argsort(sorted.indices);
        if (!packed.unsorted_indices) return nothing;
    }
    packed.batch_sizes = sizes_of(op, lengths);
    if (!packed.batch_sizes) return nothing;
    int64_t count = 0;
    for (int64_t k = 0; k < lengths->dims[0]; k++) count += ((const int64_t *)tgi_ptr(lengths))[k];
    packed.data = tg_index_select(all, 0,
                                  packed_rows(p, count, tgi_ptr(packed.batch_sizes),
                                              enforce_sorted ? NULL : tgi_ptr(packed.sorted_indices)));
    return packed.data ? packed : nothing;
}

static tg_packed_sequence end(tg_scope scope, tg_packed_sequence p)
{
    tg_scope_end_with(scope, &p.data, &p.batch_sizes, &p.sorted_indices, &p.unsorted_indices);
    return p;
}

static tg_packed_sequence pack_padded(const tg_op *op, tg_tensor *x, tg_tensor *lengths,
                                      tg_pack_padded_sequence_options o)
{
    if (x->ndim < 2)
        tg_op_fail(op, tg_list(x), "Expected input to have at least 2 dimensions, but got %d", x->ndim);
    else if (x->numel == 0)
        tg_op_fail(op, tg_list(x), "Cannot pack empty tensors.");
    if (x->ndim < 2 || x->numel == 0) return nothing;
    const int64_t steps = x->dims[o.batch_first ? 1 : 0], sequences = x->dims[o.batch_first ? 0 : 1];
    lengths = checked_lengths(op, lengths, sequences, 1, steps);
    if (!lengths) return nothing;
    return pack(op, tg_flatten(x, 0, 1), padded_places(steps, sequences, o.batch_first), lengths, o.enforce_sorted);
}

tg_packed_sequence tg_pack_padded_sequence_at(const char *where, tg_tensor *x, tg_tensor *lengths,
                                              tg_pack_padded_sequence_options options)
{
    static const tg_op op = { .name = "pack_padded_sequence" };
    if (!tg_op_begin(where, &op, tg_list(x, lengths))) return nothing;
    tg_scope scope = tg_scope_begin();
    return end(scope, pack_padded(&op, x, lengths, options));
}

/* ---- what is packed ---- */

/* An int64 vector whose elements follow one another in memory; NULL if it is none. */
static const int64_t *vector(const tg_tensor *t)
{
    return t->ndim == 1 && t->dtype == TG_INT64 && t->dims[0] > 0 && tg_is_contiguous(t) ? tgi_ptr(t) : NULL;
}

/* Whether both are left out, or each is the other's inverse. */
static bool indices_ok(const tg_tensor *sorted, const tg_tensor *unsorted, int64_t sequences)
{
    if (!sorted || !unsorted) return !sorted && !unsorted;
    const int64_t *to = vector(sorted), *from = vector(unsorted);
    if (!to || !from || sorted->dims[0] != sequences || unsorted->dims[0] != sequences) return false;
    for (int64_t k = 0; k < sequences; k++)
        if (to[k] < 0 || to[k] >= sequences || from[to[k]] != k) return false;
    return true;
}

/* Whether they never grow, are none below 1, and sum to the rows. */
static bool sizes_ok(const tg_tensor *sizes, int64_t rows)
{
    const int64_t *size = vector(sizes);
    int64_t most = rows;
    for (int64_t t = 0; size && t < sizes->dims[0]; t++) {
        if (size[t] < 1 || size[t] > most || size[t] > rows) return false;
        most = size[t];
        rows -= size[t];
    }
    return size && rows == 0;
}

const int64_t *tgi_packed_sizes(const tg_op *op, const tg_packed_sequence *p)
{
    const tg_tensor *sorted = p->sorted_indices, *unsorted = p->unsorted_indices;
    if (!tgi_handle_or_null(op->name, sorted) || !tgi_handle_or_null(op->name, unsorted)) return NULL;
    if (p->data->ndim == 0 || !sizes_ok(p->batch_sizes, p->data->dims[0])) {
        tg_op_fail(
            op, tg_list(p->data, p->batch_sizes),
            "batch_sizes should be a contiguous int64 vector of sizes that never grow, are at least 1, and sum to the rows of "
            "data. Packed sequences are made by pack_sequence and pack_padded_sequence");
        return NULL;
    }
    const int64_t *sizes = tgi_ptr(p->batch_sizes);
    if (indices_ok(sorted, unsorted, sizes[0])) return sizes;
    tg_op_fail(op, tg_list(p->data, p->batch_sizes),
               "sorted_indices and unsorted_indices should be contiguous int64 vectors of %lld indices that are each "
               "other's inverse, or both NULL. Packed sequences are made by pack_sequence and pack_padded_sequence",
               (long long)sizes[0]);
    return NULL;
}

/* ---- padding ---- */

/* The lengths of the sequences in the caller's order. */
static tg_tensor *lengths_of(const int64_t *sizes, int64_t steps, const int64_t *order)
{
    tg_tensor *lengths = new_int64(sizes[0]);
    int64_t *length = lengths ? tgi_ptr(lengths) : NULL;
    for (int64_t t = steps, k = 0; length && t > 0; t--)
        for (; k < sizes[t - 1]; k++) length[order ? order[k] : k] = t;
    return lengths;
}

static tg_padded_sequence pad_packed(const tg_op *op, const tg_packed_sequence *p, tg_pad_packed_sequence_options o)
{
    const tg_padded_sequence failed = { NULL, NULL };
    const int64_t *sizes = tgi_packed_sizes(op, p);
    if (!sizes) return failed;
    const int64_t steps = p->batch_sizes->dims[0];
    const int64_t total = o.total_length == TG_NO_LENGTH ? steps : o.total_length;
    if (total < steps) {
        tg_op_fail(op, tg_list(p->data),
                   "Expected total_length to be at least the length of the longest sequence in input, but got "
                   "total_length=%lld and max sequence length being %lld",
                   (long long)total, (long long)steps);
        return failed;
    }
    tg_shape batch;
    if (!batch_sizes_of(op, total, sizes[0], o.batch_first, &batch)) return failed;
    const int64_t *order = p->sorted_indices ? tgi_ptr(p->sorted_indices) : NULL;
    tg_tensor *rows = packed_rows(padded_places(total, sizes[0], o.batch_first), p->data->dims[0], sizes, order);
    const tg_padded_sequence y = { pad_rows(p->data, rows, batch, o.padding_value), lengths_of(sizes, steps, order) };
    return y.output && y.lengths ? y : failed;
}

tg_padded_sequence tg_pad_packed_sequence_at(const char *where, tg_packed_sequence packed,
                                             tg_pad_packed_sequence_options options)
{
    static const tg_op op = { .name = "pad_packed_sequence" };
    tg_padded_sequence y = { NULL, NULL };
    if (!tg_op_begin(where, &op, tg_list(packed.data, packed.batch_sizes))) return y;
    tg_scope scope = tg_scope_begin();
    y = pad_packed(&op, &packed, options);
    tg_scope_end_with(scope, &y.output, &y.lengths);
    return y;
}

/* ---- lists ---- */

/* Whether sequence `i` can follow the first one. */
static bool sequence_ok(const tg_op *op, tg_tensor_list sequences, int64_t i)
{
    const tg_tensor *first = sequences.items[0], *t = sequences.items[i];
    if (t->ndim == 0) return tg_op_fail(op, sequences, "Dimension specified as 0 but tensor has no dimensions");
    if (t->ndim != first->ndim)
        return tg_op_fail(op, sequences, "sequences must have the same number of dimensions, but got %d and %d",
                          first->ndim, t->ndim);
    for (int d = 1; d < t->ndim; d++)
        if (t->dims[d] != first->dims[d])
            return tg_op_fail(
                op, sequences,
                "The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton dimension %d",
                (long long)first->dims[d], (long long)t->dims[d], d);
    return true;
}

/* The sequences one after another in the first one's dtype; their lengths. NULL, with an error, if they differ. */
static tg_tensor *join(const tg_op *op, tg_tensor_list sequences, tg_tensor **lengths)
{
    if (sequences.count == 0) /* a failed list is empty, too */
        return tg_failed() ? NULL : tg_op_fail(op, sequences, "received an empty list of sequences");
    for (int64_t i = 0; i < sequences.count; i++)
        if (!sequence_ok(op, sequences, i)) return NULL;
    *lengths = new_int64(sequences.count);
    for (int64_t i = 0; *lengths && i < sequences.count; i++)
        ((int64_t *)tgi_ptr(*lengths))[i] = sequences.items[i]->dims[0];
    return *lengths ? tg_to(tg_cat(sequences, 0), tg_dtype_of(sequences.items[0])) : NULL;
}

tg_tensor *tg_pad_sequence_at(const char *where, tg_tensor_list sequences, tg_pad_sequence_options options)
{
    static const tg_op op = { .name = "pad_sequence" };
    if (!tg_op_begin(where, &op, sequences)) return NULL;
    tg_scope scope = tg_scope_begin();
    tg_tensor *lengths = NULL, *all = join(&op, sequences, &lengths);
    if (!all) return tg_scope_return(scope, NULL);
    const int64_t *length = tgi_ptr(lengths), count = sequences.count;
    int64_t steps = 0;
    for (int64_t b = 0; b < count; b++) steps = length[b] > steps ? length[b] : steps;
    tg_shape batch;
    if (!batch_sizes_of(&op, steps, count, options.batch_first, &batch)) return tg_scope_return(scope, NULL);
    tg_tensor *rows = joined_rows(padded_places(steps, count, options.batch_first), all->dims[0], length);
    return tg_scope_return(scope, pad_rows(all, rows, batch, options.padding_value));
}

tg_tensor_list tg_unpad_sequence_at(const char *where, tg_tensor *padded, tg_tensor *lengths,
                                    tg_unpad_sequence_options options)
{
    static const tg_op op = { .name = "unpad_sequence" };
    if (!tg_op_begin(where, &op, tg_list(padded, lengths))) return tg_list_failed();
    const int batch = options.batch_first ? 0 : 1;
    if (padded->ndim < 2) {
        tg_op_fail(&op, tg_list(padded), "Expected input to have at least 2 dimensions, but got %d", padded->ndim);
        return tg_list_failed();
    }
    const int64_t count = padded->dims[batch];
    lengths = checked_lengths(&op, lengths, count, 0, padded->dims[1 - batch]);
    const tg_tensor_list sequences = lengths ? tg_unbind(padded, batch) : tg_list_failed();
    tg_tensor **items = sequences.count ? tg_list_new(count) : NULL;
    for (int64_t b = 0; items && b < count; b++) {
        items[b] = tg_narrow(sequences.items[b], 0, 0, ((const int64_t *)tgi_ptr(lengths))[b]);
        if (!items[b]) return tg_list_failed();
    }
    return items ? tg_list_of(items, count) : tg_list_failed();
}

tg_packed_sequence tg_pack_sequence_at(const char *where, tg_tensor_list sequences, tg_pack_sequence_options options)
{
    static const tg_op op = { .name = "pack_sequence" };
    if (!tg_op_begin(where, &op, sequences)) return nothing;
    tg_scope scope = tg_scope_begin();
    tg_tensor *lengths = NULL, *all = join(&op, sequences, &lengths);
    if (all) lengths = checked_lengths(&op, lengths, sequences.count, 1, all->dims[0]);
    if (!all || !lengths) return end(scope, nothing);
    return end(scope,
               pack(&op, all, joined_places(tgi_ptr(lengths), sequences.count), lengths, options.enforce_sorted));
}

tg_tensor_list tg_unpack_sequence_at(const char *where, tg_packed_sequence packed)
{
    const tg_padded_sequence y =
        tg_pad_packed_sequence_at(where, packed,
                                  TG_OPTIONS(tg_pad_packed_sequence_options, TG_PAD_PACKED_SEQUENCE_DEFAULTS,
                                             .batch_first = true));
    return tg_unpad_sequence(y.output, y.lengths, .batch_first = true);
}
