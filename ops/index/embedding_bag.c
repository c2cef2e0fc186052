/* embedding_bag.c: the rows of each bag of indices added up, averaged, or their largest elements taken.
 *
 * Sums and means are one loop over the rows where they lie. Their gradient in ops, and all of the maximum, is made of
 * embedding and of its transpose, which adds rows up at indices: so all modes are differentiable any number of times.
 * What is left out, padding and indices behind the last bag, is left out before a row is read. */
#include "ops/base/call.h"
#include "embedding_impl.h"
#include "index_impl.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/kernels/index/bag_kernels.h"
#include "ops/pointwise.h"
#include "ops/view.h"

#include "core/error.h"

#include <inttypes.h>
#include <math.h>
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
    tg_tensor *first;       /* int64 [bags + 1]: where in these a bag begins, and the last one ends */
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
    const tg_shape all = tg_shape(input->numel), each = tg_shape(l->bags + 1);
    l->index = tgi_new(&all, TG_INT64);
    l->bag = tgi_new(&all, TG_INT64);
    l->position = tgi_new(&all, TG_INT64);
    l->first = tgi_new(&each, TG_INT64);
    if (!l->index || !l->bag || !l->position || !l->first) return false;
    const int64_t *from = tgi_ptr(input);
    int64_t *index = tgi_ptr(l->index), *bag = tgi_ptr(l->bag), *position = tgi_ptr(l->position),
            *first = tgi_ptr(l->first), n = 0;
    for (int64_t b = 0, i = 0; b < l->bags; b++) {
        first[b] = n;
        for (const int64_t end = end_of(input, offsets, b); i < end; i++) {
            if (from[i] == padding_idx) continue;
            index[n] = from[i];
            bag[n] = b;
            position[n++] = i;
        }
    }
    first[l->bags] = n;
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
    const int64_t d = rows->dims[1], *first = tgi_ptr(l->first);
    tg_tensor *mask = tgi_new_like(rows, TG_BOOL), *c = tgi_own_contiguous(rows);
    tg_tensor *most = tgi_own(tgi_new(&tg_shape(d), TG_FLOAT64)), *place = tgi_own(tgi_new(&tg_shape(d), TG_INT64));
    const bool ok = mask && c && most && place;
    if (ok) tgi_fill(mask, 0);
    for (int64_t b = 0; ok && d > 0 && b < l->bags; b++) {
        const int64_t at = d * first[b], size = first[b + 1] - first[b];
        bool *chosen = (bool *)tgi_ptr(mask) + at;
        if (rows->dtype == TG_FLOAT32)
            largest_float(size, d, (const float *)tgi_ptr(c) + at, tgi_ptr(most), tgi_ptr(place), chosen);
        else
            largest_double(size, d, (const double *)tgi_ptr(c) + at, tgi_ptr(most), tgi_ptr(place), chosen);
    }
    tgi_unref(c);
    tgi_unref(most);
    tgi_unref(place);
    return ok ? mask : NULL;
}

static tg_tensor *largest(tg_tensor *weight, const bags *l)
{
    tg_tensor *rows = tg_embedding(l->index, weight);
    if (!rows) return NULL;
    rows = tg_where(where_largest(rows, l), rows, 0.0);
    return tgi_embedding_dense_backward_at(TG_HERE, rows, l->bag, l->bags, -1, false);
}

/* ---- sums and means ---- */

enum {
    PARALLEL = 1 << 17, /* elements from which on several threads pay */
    ADDERS = 16         /* tasks that share the rows of a gradient */
};

/* What a node of them knows. Of the tensors it saves `index` and the others of bags come first. */
typedef struct summed {
    bool mean, scale_grad_by_freq;
    bool weighted, all; /* the samples have weights; no index was left out */
    int64_t rows;       /* of the table */
} summed;
enum { INDEX, BAG, FIRST, POSITION, TABLE, SAMPLES };

static bags bags_of(tg_tensor *index, tg_tensor *bag, tg_tensor *first, tg_tensor *position)
{
    const bool all = index && first;
    return (bags){ all ? tg_numel(index) : 0, all ? tg_numel(first) - 1 : 0, index, bag, position, first };
}

/* The weights of the indices that count, [count]. */
static tg_tensor *sample_weights(tg_tensor *weights, const bags *l)
{
    if (!l->position) return tg_reshape(weights, tg_shape(l->count));
    return tg_reshape(tg_embedding(l->position, tg_reshape(weights, tg_shape(tg_numel(weights), 1))),
                      tg_shape(l->count));
}

/* What the loops see; `from` and `to`: rows of the table and of the result, or of their gradients. */
typedef struct job {
    int dtype;
    bool mean;
    int64_t d, bags, rows, size, tasks;
    const int64_t *index, *first;
    const char *samples, *from;
    char *to;
} job;

static int64_t bag_size(const job *j, int64_t b) { return j->first[b + 1] - j->first[b]; }
static const char *samples_of(const job *j, int64_t b)
{
    return j->samples ? j->samples + j->first[b] * j->size : NULL;
}

static void sum_bag(const void *all, int64_t b)
{
    const job *j = all;
    const int64_t n = bag_size(j, b);
    TGI_KERNELS(bag)->sum[j->dtype](n, j->d, j->index + j->first[b], samples_of(j, b), j->from,
                                    j->mean && n > 1 ? (double)n : 1, j->to + b * j->d * j->size);
}

/* Adds to a part of the table's rows. */
static void add_bags(const void *all, int64_t task)
{
    const job *j = all;
    const int64_t first = j->rows * task / j->tasks, end = j->rows * (task + 1) / j->tasks;
    memset(j->to + first * j->d * j->size, 0, (size_t)((end - first) * j->d * j->size));
    for (int64_t b = 0; b < j->bags; b++)
        TGI_KERNELS(bag)->add[j->dtype](bag_size(j, b), j->d, j->index + j->first[b], samples_of(j, b), first, end,
                                        j->from + b * j->d * j->size, j->to);
}

static job job_of(const bags *l, const tg_tensor *like, const tg_tensor *samples)
{
    return (job){ .dtype = like->dtype,
                  .d = like->dims[1],
                  .bags = l->bags,
                  .size = (int64_t)tgi_element_size(like),
                  .index = tgi_ptr(l->index),
                  .first = tgi_ptr(l->first),
                  .samples = samples ? tgi_ptr(samples) : NULL };
}

/* `weights` may be NULL. */
static tg_tensor *sums(tg_tensor *weight, tg_tensor *weights, const bags *l, const summed *a)
{
    const tg_tensor_list inputs = tg_list(weight, weights);
    tg_tensor *y = tgi_new(&tg_shape(l->bags, weight->dims[1]), (tg_dtype)weight->dtype);
    tg_tensor *raw = weights ? tg_detach(weights) : NULL, *samples = raw ? sample_weights(raw, l) : NULL;
    tg_tensor *table = tgi_own_contiguous(weight), *of = samples ? tgi_own_contiguous(samples) : NULL;
    const bool ok = y && table && (of || !weights), of_weights = weights && tg_requires_grad(weights);
    if (ok && y->numel > 0) {
        job j = job_of(l, y, of);
        j.mean = a->mean;
        j.from = tgi_ptr(table);
        j.to = tgi_ptr(y);
        tgi_run_tasks(l->count * j.d >= PARALLEL, l->bags, sum_bag, &j);
    }
    tgi_unref(table);
    tgi_unref(of);
    if (!ok) return NULL;
    return tg_record(&tgi_op_embedding_bag, inputs, tg_list(y),
                     tg_list(l->index, l->bag, l->first, l->position, of_weights ? weight : NULL, weights), a,
                     sizeof *a) == TG_OK
               ? y
               : NULL;
}

static tg_tensor_list sums_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *of[4];
    for (int i = INDEX; i <= POSITION; i++) of[i] = (tg_tensor *)tg_node_saved(node, i);
    const bags l = bags_of(of[INDEX], of[BAG], of[FIRST], of[POSITION]);
    tg_tensor *weights = inputs.count > 1 ? inputs.items[1] : NULL;
    if (!weights && tg_node_saved(node, SAMPLES)) weights = tgi_saved_again(node, SAMPLES, inputs.items[0]);
    return tgi_result(sums(inputs.items[0], weights, &l, tg_node_attributes(node)));
}

/* The gradient of y, for the mean divided by the bags' sizes. */
static tg_tensor *gradient_of_sums(tg_context *ctx, const bags *l)
{
    const summed *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (!g || !a->mean) return g;
    tg_tensor *sizes = tgi_new(&tg_shape(l->bags, 1), (tg_dtype)g->dtype);
    const int64_t *first = tgi_ptr(l->first);
    for (int64_t b = 0; sizes && b < l->bags; b++)
        tgi_put(tgi_ptr(sizes), sizes->dtype, b, fmax((double)(first[b + 1] - first[b]), 1));
    return tg_div(g, sizes);
}

static bags saved_bags(tg_context *ctx)
{
    const summed *a = tg_attributes(ctx);
    return bags_of(tg_saved(ctx, INDEX), tg_saved(ctx, BAG), tg_saved(ctx, FIRST),
                   a->all ? NULL : tg_saved(ctx, POSITION));
}

/* The sums of the rows of t [count, d], at their places in the input. */
static tg_tensor *row_sums(tg_tensor *t, const bags *l, int64_t inputs)
{
    if (!t) return NULL;
    const int64_t d = t->dims[1], *position = l->position ? tgi_ptr(l->position) : NULL;
    tg_tensor *place = tgi_new(&tg_shape(l->count * d), TG_INT64);
    int64_t *to = place ? tgi_ptr(place) : NULL;
    for (int64_t i = 0; to && i < l->count * d; i++) to[i] = position ? position[i / d] : i / d;
    return tgi_embedding_dense_backward_at(TG_HERE, tg_reshape(t, tg_shape(l->count * d, 1)), place, inputs, -1, false);
}

static void sums_backward(tg_context *ctx)
{
    const summed *a = tg_attributes(ctx);
    const bags l = saved_bags(ctx);
    tg_tensor *weights = a->weighted ? tg_saved(ctx, SAMPLES) : NULL;
    tg_tensor *g = tg_embedding(l.bag, gradient_of_sums(ctx, &l));
    if (!g) return;
    if (weights && tg_needs_input_grad(ctx, 1)) {
        tg_tensor *each = tg_mul(g, tg_embedding(l.index, tg_saved(ctx, TABLE)));
        tg_set_grad_input(ctx, 1, tg_reshape(row_sums(each, &l, tg_numel(weights)), tg_input_shape(ctx, 1)));
    }
    if (!tg_needs_input_grad(ctx, 0)) return;
    if (weights) g = tg_mul(g, tg_reshape(sample_weights(weights, &l), tg_shape(l.count, 1)));
    tg_set_grad_input(ctx, 0, tgi_embedding_dense_backward_at(TG_HERE, g, l.index, a->rows, -1, a->scale_grad_by_freq));
}

/* The samples' gradients, at their places in the input. */
static tg_tensor *gradient_of_samples(const bags *l, const job *j, tg_tensor *weights, const tg_tensor *table)
{
    const int64_t *position = l->position ? tgi_ptr(l->position) : NULL;
    tg_tensor *to = tgi_new_like(weights, (tg_dtype)weights->dtype),
              *each = tgi_new(&tg_shape(l->count), (tg_dtype)weights->dtype);
    if (!to || !each) return NULL;
    for (int64_t b = 0; b < l->bags; b++)
        TGI_KERNELS(bag)->dot[j->dtype](bag_size(j, b), j->d, j->index + j->first[b], tgi_ptr(table),
                                        j->from + b * j->d * j->size, (char *)tgi_ptr(each) + j->first[b] * j->size);
    if (!position) return tg_reshape(each, tgi_shape(weights));
    tgi_fill(to, 0);
    for (int64_t i = 0; i < l->count; i++)
        tgi_put(tgi_ptr(to), to->dtype, position[i], tgi_get(tgi_ptr(each), each->dtype, i));
    return to;
}

static void sums_backward_fused(tg_context *ctx)
{
    const summed *a = tg_attributes(ctx);
    if (a->scale_grad_by_freq) {
        sums_backward(ctx);
        return;
    }
    const bags l = saved_bags(ctx);
    tg_tensor *weights = a->weighted ? tg_saved(ctx, SAMPLES) : NULL,
              *samples = weights ? sample_weights(weights, &l) : NULL;
    tg_tensor *g = gradient_of_sums(ctx, &l);
    const bool of_samples = weights && tg_needs_input_grad(ctx, 1), of_table = tg_needs_input_grad(ctx, 0);
    tg_tensor *table = of_samples ? tg_saved(ctx, TABLE) : NULL;
    if (!g || (weights && !samples) || (of_samples && !table)) return;
    tg_tensor *cg = tgi_own_contiguous(g), *of = samples ? tgi_own_contiguous(samples) : NULL,
              *from = table ? tgi_own_contiguous(table) : NULL;
    const tg_shape shape = tg_shape(a->rows, g->dims[1]);
    tg_tensor *dtable = of_table ? tgi_new(&shape, (tg_dtype)g->dtype) : NULL;
    if (cg && (of || !samples) && (from || !table)) {
        job j = job_of(&l, cg, of);
        j.from = tgi_ptr(cg);
        j.rows = a->rows;
        j.to = dtable ? tgi_ptr(dtable) : NULL;
        const bool enough = l.count * j.d >= PARALLEL && tgi_has_threads();
        j.tasks = enough ? ADDERS : 1;
        if (dtable && dtable->numel > 0) tgi_run_tasks(enough, j.tasks, add_bags, &j);
        if (of_table) tg_set_grad_input(ctx, 0, dtable);
        if (of_samples) tg_set_grad_input(ctx, 1, gradient_of_samples(&l, &j, weights, from));
    }
    tgi_unref(cg);
    tgi_unref(of);
    tgi_unref(from);
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
    if (mode_of(options.mode) == MAX) return largest(weight, &l);
    const summed a = { .mean = mode_of(options.mode) == MEAN,
                       .scale_grad_by_freq = options.scale_grad_by_freq,
                       .weighted = options.per_sample_weights != NULL,
                       .all = !l.position,
                       .rows = weight->dims[0] };
    return sums(weight, options.per_sample_weights, &l, &a);
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
    .backward = sums_backward,
    .backward_fused = sums_backward_fused,
    .again = sums_again,
    .kinks = "mode='max': of elements that tie the first one gets the gradient",
    .call = embedding_bag_call,
    .samples = samples,
    .corners = corners,
    .errors = errors,
    .own_errors = own_errors,
};
