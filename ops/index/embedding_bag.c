/* embedding_bag.c: the rows of each bag of indices added up, averaged, or their largest elements taken.
 *
 * Made of embedding and of its transpose, which adds rows up at indices: here the indices are the bags'. So all modes
 * are differentiable any number of times. What is left out, padding and indices behind the last bag, is left out before
 * a row is read. */
#include "ops/base/call.h"
#include "embedding_impl.h"
#include "index_impl.h"
#include "ops/base/iterate.h"
#include "ops/pointwise.h"
#include "ops/view.h"

#include "core/error.h"

#include <inttypes.h>
#include <string.h>

typedef enum bag_mode { SUM, MEAN, MAX, MODES } bag_mode;
static const char *const mode_names[MODES] = { "sum", "mean", "max" };

static bag_mode mode_of(const char *name)
{
    int mode = 0;
    while (mode < MODES && (!name || strcmp(name, mode_names[mode]) != 0)) mode++;
    return (bag_mode)mode;
}

const char *tgi_bag_mode(const char *name)
{
    const bag_mode mode = mode_of(name);
    return mode < MODES ? mode_names[mode] : NULL;
}

/* The call taken apart: the indices that count, in order, and the bag of each. */
typedef struct bags {
    int64_t count, bags;
    tg_tensor *index, *bag; /* int64 [count] */
    tg_tensor *position;    /* int64 [count], in the input; NULL: all of it */
    tg_tensor *size;        /* int64 [bags] */
} bags;

/* ---- checks ---- */

static bool offsets_ok(const tg_op *op, tg_tensor *input, tg_tensor *offsets, bool include_last)
{
    const tg_tensor_list inputs = tg_list(input, offsets);
    if (offsets->ndim != 1) {
        tg_op_fail(op, inputs, "offsets has to be a 1D Tensor");
        return false;
    }
    if (offsets->dtype != TG_INT64) {
        tg_op_fail(op, inputs, "expected scalar type Long for offsets");
        return false;
    }
    if (include_last && offsets->numel < 1) {
        tg_op_fail(op, inputs, "include_last_offset: number of offset should be at least 1");
        return false;
    }
    const int64_t n = offsets->numel, *at = tgi_ptr(offsets);
    if (n > 0 && at[0] != 0)
        tg_op_fail(
            op, inputs,
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, "
            "got %lld",
            (long long)at[0]);
    else if (n > 0 && at[n - 1] > input->numel)
        tg_op_fail(op, inputs, "offsets[-1] can not be greater than input's length %lld but got offsets[-1] of %lld",
                   (long long)input->numel, (long long)at[n - 1]);
    else {
        for (int64_t i = 1; i < n; i++)
            if (at[i] < at[i - 1]) return tg_op_fail(op, inputs, "offsets have to be in ascending order"), false;
        return true;
    }
    return false;
}

static bool weights_ok(const tg_op *op, tg_tensor *input, tg_tensor *weight, const tg_embedding_bag_options *o)
{
    const tg_tensor *w = o->per_sample_weights;
    const tg_shape x = tgi_shape(input), s = tgi_shape(w);
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    if (!tg_shape_equal(&x, &s))
        tg_op_fail(
            op, tg_list(input, weight),
            "embedding_bag: If per_sample_weights (torch.Size(%s)) is not None, then it must have the same shape as the "
            "input (torch.Size(%s))",
            tg_shape_text(&s, a), tg_shape_text(&x, b));
    else if (mode_of(o->mode) != SUM)
        tg_op_fail(
            op, tg_list(input, weight),
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            "mode='%s'). Please open a feature request on GitHub.",
            o->mode);
    else if (w->dtype != weight->dtype)
        tg_op_fail(op, tg_list(input, weight),
                   "Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 "
                   "'per_sample_weights'; but they differ (while checking arguments for embedding_bag)");
    else
        return true;
    return false;
}

static bool bag_ok(const tg_op *op, tg_tensor *input, tg_tensor *weight, const tg_embedding_bag_options *o)
{
    const tg_tensor_list inputs = tg_list(input, weight);
    const int64_t rows = weight->ndim > 0 ? weight->dims[0] : 0;
    if (input->ndim != 1 && input->ndim != 2)
        tg_op_fail(op, inputs, "input has to be 1D or 2D Tensor, but got Tensor of dimension %d", input->ndim);
    else if (input->ndim == 2 && o->offsets)
        tg_op_fail(
            op, inputs,
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. "
            "However, found offsets of type <class 'torch.Tensor'>");
    else if (input->ndim == 1 && !o->offsets)
        tg_op_fail(op, inputs, "offsets has to be a 1D Tensor but got None");
    else if (input->ndim == 2 && input->dims[1] == 0)
        tg_op_fail(op, inputs, "step must be nonzero");
    else if (mode_of(o->mode) == MODES)
        tg_op_fail(op, inputs, "mode has to be one of sum, mean or max");
    else if (mode_of(o->mode) == MAX && o->scale_grad_by_freq)
        tg_op_fail(op, inputs, "max mode does not support scaling the gradient by the frequency");
    else if (o->padding_idx != TG_NO_PADDING && (o->padding_idx < -rows || o->padding_idx >= rows))
        tg_op_fail(op, inputs, "padding_idx must be within the number of embeddings, %lld through %lld, but got %lld",
                   (long long)-rows, (long long)rows - 1, (long long)o->padding_idx);
    else
        return (!o->per_sample_weights || weights_ok(op, input, weight, o)) &&
               tgi_embedding_operands_ok(op, input, weight);
    return false;
}

static bool in_range(const tg_op *op, tg_tensor *indices, tg_tensor *weight)
{
    const int64_t rows = weight->dims[0];
    if (tgi_index_in_range(indices, rows)) return true;
    return tg_op_fail(op, tg_list(indices, weight),
                      "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be %" PRId64,
                      tgi_index_first_bad(indices, 0, rows));
}

/* ---- the bags ---- */

/* Where bag `b` ends. */
static int64_t end_of(const tg_tensor *input, const tg_tensor *offsets, int64_t b)
{
    if (!offsets) return (b + 1) * input->dims[1];
    return b + 1 < offsets->numel ? ((const int64_t *)tgi_ptr(offsets))[b + 1] : input->numel;
}

/* `input` and `offsets` are contiguous. False: memory ran out. */
static bool open_bags(const tg_tensor *input, const tg_tensor *offsets, bool include_last, int64_t padding_idx, bags *l)
{
    l->bags = offsets ? offsets->numel - include_last : input->dims[0];
    const tg_shape all = tg_shape(input->numel), each = tg_shape(l->bags);
    l->index = tgi_new(&all, TG_INT64);
    l->bag = tgi_new(&all, TG_INT64);
    l->position = tgi_new(&all, TG_INT64);
    l->size = tgi_new_full(&each, TG_INT64, 0);
    if (!l->index || !l->bag || !l->position || !l->size) return false;
    const int64_t *from = tgi_ptr(input);
    int64_t *index = tgi_ptr(l->index), *bag = tgi_ptr(l->bag), *position = tgi_ptr(l->position),
            *size = tgi_ptr(l->size), n = 0;
    for (int64_t b = 0, i = 0; b < l->bags; b++) {
        for (const int64_t end = end_of(input, offsets, b); i < end; i++) {
            if (from[i] == padding_idx) continue;
            index[n] = from[i];
            bag[n] = b;
            position[n++] = i;
            size[b]++;
        }
    }
    l->count = n;
    if (n == input->numel) {
        l->position = NULL;
        return true;
    }
    l->index = tg_narrow(l->index, 0, 0, n);
    l->bag = tg_narrow(l->bag, 0, 0, n);
    l->position = tg_narrow(l->position, 0, 0, n);
    return l->index && l->bag && l->position;
}

/* ---- the modes ---- */

/* Marks in `mask` the largest element of each column of a bag's rows, the first one if several are; `most` and `place`
 * have room for one row. */
#define LARGEST(T)                                                                                                     \
    static void largest_##T(int64_t rows, int64_t d, const T *x, T *most, int64_t *place, bool *mask)                  \
    {                                                                                                                  \
        for (int64_t j = 0; j < d && rows > 0; j++) most[j] = x[j], place[j] = 0;                                      \
        for (int64_t i = 1; i < rows; i++) {                                                                           \
            for (int64_t j = 0; j < d; j++) {                                                                          \
                place[j] = x[i * d + j] > most[j] ? i : place[j];                                                      \
                most[j] = x[i * d + j] > most[j] ? x[i * d + j] : most[j];                                             \
            }                                                                                                          \
        }                                                                                                              \
        for (int64_t j = 0; j < d && rows > 0; j++) mask[place[j] * d + j] = true;                                     \
    }
LARGEST(float)
LARGEST(double)

/* The mask of the elements that are a bag's maximum, like `rows`. Raw. */
static tg_tensor *where_largest(tg_tensor *rows, const bags *l)
{
    const int64_t d = rows->dims[1], *size = tgi_ptr(l->size);
    tg_tensor *mask = tgi_new_like(rows, TG_BOOL), *c = tgi_own_contiguous(rows);
    tg_tensor *most = tgi_own(tgi_new(&tg_shape(d), TG_FLOAT64)), *place = tgi_own(tgi_new(&tg_shape(d), TG_INT64));
    const bool ok = mask && c && most && place;
    if (ok) tgi_fill(mask, 0);
    for (int64_t b = 0, at = 0; ok && d > 0 && b < l->bags; at += d * size[b++]) {
        bool *chosen = (bool *)tgi_ptr(mask) + at;
        if (rows->dtype == TG_FLOAT32)
            largest_float(size[b], d, (const float *)tgi_ptr(c) + at, tgi_ptr(most), tgi_ptr(place), chosen);
        else
            largest_double(size[b], d, (const double *)tgi_ptr(c) + at, tgi_ptr(most), tgi_ptr(place), chosen);
    }
    tgi_unref(c);
    tgi_unref(most);
    tgi_unref(place);
    return ok ? mask : NULL;
}

/* The weights of the indices that count, [count, 1]. */
static tg_tensor *sample_weights(tg_tensor *weights, const bags *l)
{
    tg_tensor *w = tg_reshape(weights, tg_shape(tg_numel(weights), 1));
    return l->position ? tg_embedding(l->position, w) : w;
}

static tg_tensor *of_bags(tg_tensor *weight, const bags *l, const tg_embedding_bag_options *o)
{
    tg_tensor *rows = tg_embedding(l->index, weight, .scale_grad_by_freq = o->scale_grad_by_freq);
    if (!rows) return NULL;
    const bag_mode mode = mode_of(o->mode);
    if (o->per_sample_weights) rows = tg_mul(rows, sample_weights(o->per_sample_weights, l));
    if (mode == MAX) rows = tg_where(where_largest(rows, l), rows, 0.0);
    tg_tensor *y = tgi_embedding_dense_backward_at(TG_HERE, rows, l->bag, l->bags, -1, false);
    if (mode != MEAN) return y;
    return tg_div(y, tg_to(tg_unsqueeze(tg_maximum(l->size, 1), 1), tg_dtype_of(weight)));
}

tg_tensor *tg_embedding_bag_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_embedding_bag_options options)
{
    const tg_op *op = &tgi_op_embedding_bag;
    if (!tg_op_begin(where, op, tg_list(input, weight)) || !tg_optional_ok(options.offsets) ||
        !tg_optional_ok(options.per_sample_weights) || !bag_ok(op, input, weight, &options))
        return NULL;
    if (!tgi_is_floating(weight)) return tg_op_fail(op, tg_list(input, weight), "expected a floating weight");
    int64_t padding_idx = options.padding_idx;
    if (padding_idx < 0 && padding_idx != TG_NO_PADDING) padding_idx += weight->dims[0];
    tg_tensor *indices = tgi_contiguous_raw(input);
    tg_tensor *offsets = options.offsets ? tgi_contiguous_raw(options.offsets) : NULL;
    if (!indices || (options.offsets && !offsets)) return NULL;
    if (offsets && !offsets_ok(op, indices, offsets, options.include_last_offset)) return NULL;
    if (!in_range(op, indices, weight)) return NULL;
    bags l;
    if (!tgi_embedding_renorm(op, weight, indices, options.max_norm, options.norm_type) ||
        !open_bags(indices, offsets, offsets && options.include_last_offset, padding_idx, &l))
        return NULL;
    return of_bags(weight, &l, &options);
}

/* ---- the descriptor ---- */

static tg_tensor_list embedding_bag_call(const tg_value *args)
{
    tg_embedding_bag_options o = { .offsets = tgi_optional(&args[2]),
                                   .max_norm = args[3].kind == TG_VALUE_FLOAT ? args[3].as.real : INFINITY,
                                   .norm_type = args[4].as.real,
                                   .scale_grad_by_freq = args[5].as.boolean,
                                   .mode = args[6].as.string,
                                   .per_sample_weights = tgi_optional(&args[7]),
                                   .include_last_offset = args[8].as.boolean,
                                   .padding_idx = args[9].kind == TG_VALUE_INT ? args[9].as.integer : TG_NO_PADDING };
    return tgi_result(tg_embedding_bag_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const samples[] = {
    "embedding_bag(i(2, 3, lo=0, hi=5), f(5, 4))",
    "embedding_bag(i(2, 3, lo=0, hi=5), f(5, 4), mode='sum')",
    "embedding_bag(i(2, 3, lo=0, hi=5), f(5, 4), mode='max')",
    "embedding_bag(i(2, 3, lo=0, hi=5), f(5, 4), mode='sum', per_sample_weights=f(2, 3))",
    "embedding_bag(i(7, lo=0, hi=3), f(3, 2), mul(i(3, lo=1, hi=2), arange(0, 6, 2)), mode='sum')",
    "embedding_bag(i(7, lo=0, hi=3), f(3, 2), mul(i(3, lo=1, hi=2), arange(0, 6, 2)), mode='max')",
    "embedding_bag(i(7, lo=0, hi=3), f(3, 2), i(3, lo=0, hi=1), mode='mean')",
    "embedding_bag(i(7, lo=0, hi=3), f(3, 2), i(3, lo=0, hi=1), mode='max')",
    "embedding_bag(i(4, lo=0, hi=3), f(3, 2), arange(0, 6, 2), include_last_offset=True)",
    "embedding_bag(i(6, lo=0, hi=3), f(3, 2), arange(0, 8, 2), mode='sum', include_last_offset=True, per_sample_weights=f(6))",
    "embedding_bag(i(3, 4, lo=0, hi=3), f(3, 2), padding_idx=1)",
    "embedding_bag(i(3, 4, lo=0, hi=3), f(3, 2), padding_idx=-1, mode='sum', per_sample_weights=f(3, 4))",
    "embedding_bag(i(3, 4, lo=0, hi=3), f(3, 2), padding_idx=0, mode='max')",
    "embedding_bag(i(2, 3, lo=0, hi=1), f(3, 2), padding_idx=0)",
    "embedding_bag(i(0, 4), f(3, 2))",
    "embedding_bag(i(0), f(3, 2), i(2, lo=0, hi=1))",
    "embedding_bag(i(0), f(3, 2), i(0))",
    NULL
};
static const char *const corners[] = { "embedding_bag(i(3, 4, lo=0, hi=4), f(4, 3, step=1), mode='max')",
                                       "embedding_bag(i(2, 3, lo=0, hi=3), clone(f(4, 3)), max_norm=1)", NULL };
static const tg_error_sample errors[] = {
    { "embedding_bag(i(2, 3, lo=5, hi=6), f(5, 4))",
      "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be 5" },
    { "embedding_bag(i(3, lo=0), f(5, 4))", "offsets has to be a 1D Tensor but got None" },
    { "embedding_bag(i(2, 3, lo=0), f(5, 4), i(2))", "if input is 2D, then offsets has to be None" },
    { "embedding_bag(i(3, lo=0), f(5, 4), i(2, 2))", "offsets has to be a 1D Tensor" },
    { "embedding_bag(i(3, lo=0), f(5, 4), i(2, lo=1, hi=2))", "offsets[0] has to be 0" },
    { "embedding_bag(i(3, lo=0), f(5, 4), arange(0, 10, 5))",
      "offsets[-1] can not be greater than input's length 3 but got offsets[-1] of 5" },
    { "embedding_bag(i(3, lo=0), f(5, 4), i(0), include_last_offset=True)",
      "include_last_offset: number of offset should be at least 1" },
    { "embedding_bag(i(2, 3, lo=0), f(5, 4), mode='min')", "mode has to be one of sum, mean or max" },
    { "embedding_bag(i(2, 3, lo=0), f(5, 4), mode='max', scale_grad_by_freq=True)",
      "max mode does not support scaling the gradient by the frequency" },
    { "embedding_bag(i(2, 3, lo=0), f(5, 4), per_sample_weights=f(2, 3))",
      "per_sample_weights is only supported for mode='sum' (got mode='mean')" },
    { "embedding_bag(i(2, 3, lo=0), f(5, 4), mode='sum', per_sample_weights=f(3))",
      "embedding_bag: If per_sample_weights (torch.Size([3])) is not None, then it must have the same shape as the input "
      "(torch.Size([2, 3]))" },
    { "embedding_bag(i(2, 3, lo=0), f(5, 4), padding_idx=7)",
      "padding_idx must be within the number of embeddings, -5 through 4, but got 7" },
    { "embedding_bag(i(), f(5, 4))", "input has to be 1D or 2D Tensor, but got Tensor of dimension 0" },
    { "embedding_bag(i(2, 0), f(5, 4))", "step must be nonzero" },
    { "embedding_bag(f(2, 3), f(5, 4))",
      "Expected tensor for argument #1 'indices' to have one of the following scalar types" },
    { NULL, NULL }
};

static const tg_error_sample own_errors[] = {
    { "embedding_bag(i(3, lo=0), f(5, 4), arange(0, -3, -2))", "offsets have to be in ascending order" },
    { "embedding_bag(i(2, 3, lo=0), f(5))", "'weight' must be 2-D" },
    { "embedding_bag(i(2, 3, lo=0), i(5, 4))", "expected a floating weight" },
    { "embedding_bag(i(3, lo=0), f(5, 4), f(1))", "expected scalar type Long for offsets" },
    { NULL, NULL }
};

const tg_op tgi_op_embedding_bag = {
    .name = "embedding_bag",
    .schema =
        "embedding_bag(Tensor input, Tensor weight, Tensor? offsets=None, float? max_norm=None, float norm_type=2.0, bool "
        "scale_grad_by_freq=False, str mode='mean', Tensor? per_sample_weights=None, bool include_last_offset=False, int? "
        "padding_idx=None) -> Tensor",
    .formula = "y[b] = the sum, the mean or the maximum of weight[input[i]] over the indices i of bag b",
    .gradient =
        "that of embedding for each index, divided by the bag's size for the mean, of the largest alone for the maximum",
    .doc = "embedding and a reduction of each bag in one. An empty bag gives zeros.",
    .shapes = "indices [B, N], or [N] with offsets [B], and [V, D] to [B, D]",
    .composite = true,
    .kinks = "mode='max': of elements that tie the first one gets the gradient",
    .call = embedding_bag_call,
    .samples = samples,
    .corners = corners,
    .errors = errors,
    .own_errors = own_errors,
};
