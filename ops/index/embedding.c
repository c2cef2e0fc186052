/* embedding.c: rows of a table by their indices, and the gradient of the table.
 *
 * Built for large tables and some thousand indices. The gradient is dense, and its rows are added up in the order of
 * the indices: the same for any number of threads, each of which has rows of its own. Indices are checked before
 * anything is read or written. */
#include "embedding_impl.h"

#include "ops/base/call.h"
#include "index_impl.h"
#include "ops/base/iterate.h"
#include "ops/kernels/rows/pointwise_kernels.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/base/range.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

enum {
    BLOCK = 1 << 14,    /* elements moved by one task */
    PARALLEL = 1 << 17, /* elements from which on several threads pay */
    ADDERS = 16         /* tasks that share the rows of a gradient */
};

/* ---- checks ---- */

bool tgi_embedding_operands_ok(const tg_op *op, tg_tensor *indices, tg_tensor *weight)
{
    static const char *const names[] = { "Float", "Double", "Long", "Bool" };
    const tg_tensor_list inputs = tg_list(indices, weight);
    if (weight->ndim != 2)
        tg_op_fail(op, inputs, "'weight' must be 2-D");
    else if (indices->dtype != TG_INT64)
        tg_op_fail(
            op, inputs,
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            "torch.%sTensor instead (while checking arguments for %s)",
            names[indices->dtype], op->name);
    else
        return true;
    return false;
}

static bool in_range(const tg_op *op, tg_tensor_list inputs, tg_tensor *indices, int64_t rows)
{
    if (tgi_index_in_range(indices, rows)) return true;
    tg_op_fail(op, inputs, "index out of range in self: %" PRId64 " of %" PRId64 " rows",
               tgi_index_first_bad(indices, 0, rows), rows);
    return false;
}

/* The shape of `indices` with one more dimension, of size `d`. False, with an error recorded, if there is no room. */
static bool grown(const tg_op *op, tg_tensor_list inputs, const tg_tensor *indices, int64_t d, tg_shape *shape)
{
    if (!tgi_op_can_grow(op, inputs, indices->ndim)) return false;
    *shape = tgi_shape(indices);
    shape->dims[shape->ndim++] = d;
    return tgi_op_numel(op, inputs, shape) >= 0;
}

/* ---- max_norm ---- */

static void scale_row(tg_tensor *weight, int64_t row, double factor)
{
    const double narrow = factor < (double)FLT_MIN ? factor : (double)(float)factor; /* as PyTorch, unless that is 0 */
    for (int64_t j = 0; j < weight->dims[1]; j++) {
        const int64_t at = row * tgi_strides(weight)[0] + j * tgi_strides(weight)[1];
        const double x = tgi_get(tgi_ptr(weight), weight->dtype, at);
        tgi_put(tgi_ptr(weight), weight->dtype, at, x * (weight->dtype == TG_FLOAT32 ? narrow : factor));
    }
}

/* The sum of the p-th powers of a row times `scale`, or its largest number. */
static double row_sum(const tg_tensor *weight, int64_t row, double p, double scale)
{
    double sum = 0;
    for (int64_t j = 0; j < weight->dims[1]; j++) {
        const int64_t at = row * tgi_strides(weight)[0] + j * tgi_strides(weight)[1];
        const double x = fabs(tgi_get(tgi_ptr(weight), weight->dtype, at)) * scale;
        if (isinf(p))
            sum = x > sum || isnan(x) ? x : sum;
        else
            sum += p == 2 ? x * x : p == 1 ? x : pow(x, p);
    }
    return sum;
}

/* By a power of two where the powers do not fit. */
static double row_norm(const tg_tensor *weight, int64_t row, double p)
{
    double sum = row_sum(weight, row, p, 1);
    int e = 0;
    if (isinf(p) || p == 1) return sum;
    if (tgi_sum_has_lost(TG_FLOAT64, sum, weight->dims[1])) {
        e = tgi_exponent_of(TG_FLOAT64, row_sum(weight, row, INFINITY, 1));
        sum = row_sum(weight, row, p, ldexp(1, -e));
    }
    return ldexp(tgi_root_of_sum(sum, p), e);
}

bool tgi_embedding_renorm(const tg_op *op, tg_tensor *weight, tg_tensor *indices, double max_norm, double norm_type)
{
    if (!(max_norm < INFINITY)) return true;
    if (!tgi_is_floating(weight)) {
        tg_op_fail(op, tg_list(weight),
                   "norm(): input dtype should be either floating point or complex. Got %s instead.",
                   tgi_type_name(weight));
        return false;
    }
    if (!in_range(op, tg_list(weight), indices, weight->dims[0])) return false;
    tg_tensor *seen = tgi_own(tgi_new_full(&tg_shape(weight->dims[0]), TG_BOOL, 0));
    if (!seen) return false;
    bool *done = tgi_ptr(seen), written = false;
    for (int64_t i = 0; i < indices->numel; i++) {
        const int64_t row = ((const int64_t *)tgi_ptr(indices))[i];
        if (done[row]) continue;
        done[row] = true;
        const double norm = row_norm(weight, row, norm_type);
        if (!(norm > max_norm)) continue;
        scale_row(weight, row, max_norm / (norm + 1e-7));
        written = true;
    }
    tgi_unref(seen);
    if (written) tg_bump_version(weight);
    return true;
}

/* ---- embedding ---- */

typedef struct copy_job {
    const int64_t *index;
    int64_t count, d, run, size;
    const char *weight;
    int64_t row, column; /* in bytes */
    char *y;
} copy_job;

static void copy_task(const void *work, int64_t task)
{
    const copy_job *w = work;
    const int64_t end = (task + 1) * w->run < w->count ? (task + 1) * w->run : w->count;
    for (int64_t i = task * w->run; i < end; i++) {
        const char *from = w->weight + w->index[i] * w->row;
        char *to = w->y + i * w->d * w->size;
        if (w->column == w->size)
            memcpy(to, from, (size_t)(w->d * w->size));
        else
            for (int64_t j = 0; j < w->d; j++) memcpy(to + j * w->size, from + j * w->column, (size_t)w->size);
    }
}

static void copy_rows(const tg_tensor *weight, const tg_tensor *indices, tg_tensor *y)
{
    if (y->numel == 0) return;
    const int64_t d = weight->dims[1], size = (int64_t)tgi_element_size(weight), run = d < BLOCK ? BLOCK / d : 1;
    const copy_job w = { .index = tgi_ptr(indices),
                         .count = indices->numel,
                         .d = d,
                         .run = run,
                         .size = size,
                         .weight = tgi_ptr(weight),
                         .row = tgi_strides(weight)[0] * size,
                         .column = d > 1 ? tgi_strides(weight)[1] * size : size,
                         .y = tgi_ptr(y) };
    tgi_run_tasks(y->numel >= PARALLEL, tgi_pieces(w.count, run), copy_task, &w);
}

typedef struct embedding_attributes {
    int64_t padding_idx; /* -1: none */
    bool scale_grad_by_freq;
} embedding_attributes;

static tg_tensor *lookup(const tg_op *op, tg_tensor *indices, tg_tensor *weight, const embedding_attributes *a)
{
    tg_shape shape;
    const tg_tensor_list inputs = tg_list(indices, weight);
    if (!in_range(op, inputs, indices, weight->dims[0]) || !grown(op, inputs, indices, weight->dims[1], &shape))
        return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)weight->dtype);
    if (!y) return NULL;
    copy_rows(weight, indices, y);
    return tg_record(op, tg_list(weight), tg_list(y), tg_list(indices), a, sizeof *a) == TG_OK ? y : NULL;
}

/* With padding_idx or scale_grad_by_freq the gradient is another one than the derivative. */
static tg_tensor_list embedding_again(const tg_node *node, tg_tensor_list inputs)
{
    const embedding_attributes *a = tg_node_attributes(node);
    if (a->padding_idx >= 0 || a->scale_grad_by_freq) return tg_list_failed();
    tg_tensor *weight = inputs.items[0];
    return tgi_result(lookup(tg_node_op(node), tgi_saved_again(node, 0, weight), weight, a));
}

tg_tensor *tg_embedding_at(const char *where, tg_tensor *input, tg_tensor *weight, tg_embedding_options options)
{
    const tg_op *op = &tgi_op_embedding;
    if (!tg_op_begin(where, op, tg_list(input, weight)) || !tgi_embedding_operands_ok(op, input, weight)) return NULL;
    embedding_attributes a = { -1, options.scale_grad_by_freq };
    if (options.padding_idx != TG_NO_PADDING) {
        if (options.padding_idx < -weight->dims[0] || options.padding_idx >= weight->dims[0])
            return tg_op_fail(op, tg_list(input, weight), "Padding_idx must be within num_embeddings");
        a.padding_idx = options.padding_idx + (options.padding_idx < 0 ? weight->dims[0] : 0);
    }
    tg_tensor *indices = tgi_contiguous_raw(input);
    if (!indices || !tgi_embedding_renorm(op, weight, indices, options.max_norm, options.norm_type)) return NULL;
    return lookup(op, indices, weight, &a);
}

static void embedding_backward(tg_context *ctx)
{
    const embedding_attributes *a = tg_attributes(ctx);
    tg_set_grad_input(ctx, 0,
                      tgi_embedding_dense_backward_at(TG_HERE, tg_grad_output(ctx, 0), tg_saved(ctx, 0),
                                                      tg_input_shape(ctx, 0).dims[0], a->padding_idx,
                                                      a->scale_grad_by_freq));
}

static tg_tensor_list embedding_call(const tg_value *args)
{
    tg_embedding_options o = TG_EMBEDDING_OPTIONS();
    if (args[2].kind == TG_VALUE_INT) o.padding_idx = args[2].as.integer;
    if (args[3].kind == TG_VALUE_FLOAT) o.max_norm = args[3].as.real;
    o.norm_type = args[4].as.real;
    o.scale_grad_by_freq = args[5].as.boolean;
    return tgi_result(tg_embedding_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const embedding_samples[] = { "embedding(i(2, 3, lo=0, hi=5), f(5, 4))",
                                                 "embedding(i(lo=0, hi=3), f(3, 2))",
                                                 "embedding(i(2, 2, 2, lo=0, hi=3), f(3, 1))",
                                                 "embedding(i(0, 3), f(2, 4))",
                                                 "embedding(i(0), f(0, 4))",
                                                 "embedding(i(2, lo=0, hi=2), f(2, 0))",
                                                 "embedding(i(3, lo=0, hi=2), i(2, 3))",
                                                 "embedding(i(3, lo=0, hi=2), f(2, 3), max_norm=100)",
                                                 NULL };
/* What the gradient leaves out on purpose: padding, frequency, the shortening of rows. */
static const char *const embedding_corners[] = {
    "embedding(i(6, lo=0, hi=3), f(3, 2), padding_idx=1)",
    "embedding(i(6, lo=0, hi=3), f(3, 2), padding_idx=-1)",
    "embedding(i(6, lo=0, hi=3), f(3, 2), scale_grad_by_freq=True)",
    "embedding(i(8, lo=0, hi=3), f(3, 2), padding_idx=0, scale_grad_by_freq=True)",
    "embedding(i(4, lo=0, hi=3), clone(f(4, 3)), max_norm=1)",
    "embedding(i(4, lo=0, hi=3), clone(f(4, 3)), max_norm=0.5, norm_type=1)",
    "embedding(i(4, lo=0, hi=3), clone(f(4, 3)), max_norm=0)",
    "embedding(i(4, lo=0, hi=3), clone(f(4, 3)), max_norm=0.5, norm_type=inf)",
    NULL
};
static const tg_error_sample embedding_errors[] = {
    { "embedding(i(2, 3, lo=5, hi=6), f(5, 4))", "index out of range in self" },
    { "embedding(i(2, 3, lo=-1, hi=0), f(5, 4))", "index out of range in self" },
    { "embedding(f(2, 3), f(5, 4))",
      "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
      "torch.DoubleTensor instead (while checking arguments for embedding)" },
    { "embedding(i(2, lo=0), f(5))", "'weight' must be 2-D" },
    { "embedding(i(2, lo=0), f(5, 2, 2))", "'weight' must be 2-D" },
    { "embedding(i(2, lo=0), f(5, 2), padding_idx=5)", "Padding_idx must be within num_embeddings" },
    { "embedding(i(2, lo=0), f(5, 2), padding_idx=-6)", "Padding_idx must be within num_embeddings" },
    { NULL, NULL }
};

const tg_op tgi_op_embedding = {
    .name = "embedding",
    .schema =
        "embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float norm_type=2.0, bool "
        "scale_grad_by_freq=False) -> Tensor",
    .formula = "y[i] = weight[input[i]]",
    .gradient =
        "dweight[k] = the sum of g[i] over i with input[i] = k, none for padding_idx; scale_grad_by_freq: their mean",
    .doc = "Rows of a table. max_norm shortens the rows that are used, in place, and the gradient knows nothing of it.",
    .shapes = "indices [*] and [N, D] to [*, D]",
    .backward = embedding_backward,
    .call = embedding_call,
    .again = embedding_again,
    .samples = embedding_samples,
    .corners = embedding_corners,
    .errors = embedding_errors,
    .own_errors = (const tg_error_sample[]){ { "embedding(i(2, lo=7, hi=8), f(5, 2, grad=False), max_norm=1)",
                                               "index out of range in self" },
                                             { NULL, NULL } },
};

/* ---- embedding_dense_backward ---- linear in g, and embedding is its transpose */

typedef struct add_job {
    const int64_t *index;
    int64_t count, d, rows, run, padding_idx, size;
    const char *g;
    char *y;
    tgi_index_loop add;
} add_job;

/* Adds what belongs to rows task * run.. of the gradient. */
static void add_task(const void *work, int64_t task)
{
    const add_job *w = work;
    const int64_t first = task * w->run, end = first + w->run;
    tgi_index_rows rows = { .n = w->d,
                            .index_row = 1,
                            .x_row = w->d,
                            .x_step = 1,
                            .y = w->y,
                            .y_step = 1,
                            .size = w->rows,
                            .jump = w->d };
    for (int64_t i = 0; i < w->count;
         i += rows.rows + 1) { /* runs of indices that belong here, and one that does not */
        rows.index = w->index + i;
        rows.x = w->g + i * w->d * w->size;
        rows.rows = 0;
        for (; i + rows.rows < w->count; rows.rows++) {
            const int64_t k = rows.index[rows.rows];
            if (k < first || k >= end || k == w->padding_idx) break;
        }
        if (rows.rows) w->add(&rows);
    }
}

/* Divides each row by how often its index occurs. */
static bool divide_by_count(tg_tensor *y, const tg_tensor *indices)
{
    tg_tensor *counts = tgi_own(tgi_new_full(&tg_shape(y->dims[0]), TG_INT64, 0));
    if (!counts) return false;
    int64_t *count = tgi_ptr(counts);
    for (int64_t i = 0; i < indices->numel; i++) count[((const int64_t *)tgi_ptr(indices))[i]]++;
    for (int64_t k = 0; k < y->dims[0]; k++)
        if (count[k] > 1) scale_row(y, k, 1.0 / (double)count[k]);
    tgi_unref(counts);
    return true;
}

static tg_tensor *add_rows(tg_tensor *g, const tg_tensor *indices, int64_t num_weights, int64_t d,
                           const embedding_attributes *a)
{
    tg_tensor *y = tgi_new(&tg_shape(num_weights, d), (tg_dtype)g->dtype);
    tg_tensor *c = y ? tgi_own_contiguous(g) : NULL;
    if (!c) return NULL;
    tgi_fill(y, 0);
    int64_t tasks = g->numel >= PARALLEL && tgi_has_threads() ? ADDERS : 1;
    if (tasks > num_weights) tasks = num_weights;
    if (g->numel > 0) {
        const add_job w = { .index = tgi_ptr(indices),
                            .count = indices->numel,
                            .d = d,
                            .rows = num_weights,
                            .run = tgi_pieces(num_weights, tasks),
                            .padding_idx = a->padding_idx,
                            .size = (int64_t)tgi_element_size(g),
                            .g = tgi_ptr(c),
                            .y = tgi_ptr(y),
                            .add = TGI_KERNELS(index)->scatter[TGI_SCATTER_ADD][g->dtype] };
        tgi_run_tasks(tasks > 1, tasks, add_task, &w);
    }
    tgi_unref(c);
    return a->scale_grad_by_freq && !divide_by_count(y, indices) ? NULL : y;
}

static bool gradient_fits(const tg_op *op, tg_tensor_list inputs, const tg_tensor *g, const tg_tensor *indices)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    tg_shape have = tgi_shape(g), want;
    if (g->ndim > 0 && grown(op, inputs, indices, g->dims[g->ndim - 1], &want) && tg_shape_equal(&have, &want))
        return true;
    const tg_shape of_indices = tgi_shape(indices);
    tg_op_fail(op, inputs, "a gradient of shape %s does not belong to indices of shape %s", tg_shape_text(&have, a),
               tg_shape_text(&of_indices, b));
    return false;
}

tg_tensor *tgi_embedding_dense_backward_at(const char *where, tg_tensor *g, tg_tensor *indices, int64_t num_weights,
                                           int64_t padding_idx, bool scale_grad_by_freq)
{
    const tg_op *op = &tgi_op_embedding_dense_backward;
    const tg_tensor_list inputs = tg_list(g, indices);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (indices->dtype != TG_INT64 || !tgi_is_floating(g))
        return tg_op_fail(op, inputs, "expected scalar type Long for indices and a floating one for the gradient");
    if (!gradient_fits(op, inputs, g, indices) || !(indices = tgi_contiguous_raw(indices)) ||
        !in_range(op, inputs, indices, num_weights))
        return NULL;
    const tg_shape size = tg_shape(num_weights, g->dims[g->ndim - 1]);
    if (tgi_op_numel(op, inputs, &size) < 0) return NULL;
    const embedding_attributes a = { padding_idx, scale_grad_by_freq };
    tg_tensor *y = add_rows(g, indices, num_weights, size.dims[1], &a);
    if (!y) return NULL;
    return tg_record(op, tg_list(g), tg_list(y), tg_list(indices), &a, sizeof a) == TG_OK ? y : NULL;
}

/* For each index what its row was multiplied by: 0 for padding, 1 over its count by frequency. [*, 1]. Raw. */
static tg_tensor *factors(const tg_tensor *indices, int64_t rows, const embedding_attributes *a, tg_dtype dtype)
{
    tg_shape shape = tgi_shape(indices);
    shape.dims[shape.ndim++] = 1;
    tg_tensor *f = tgi_new(&shape, TG_FLOAT64);
    tg_tensor *counts = f ? tgi_own(tgi_new_full(&tg_shape(rows), TG_INT64, 0)) : NULL;
    if (!counts) return NULL;
    const int64_t *index = tgi_ptr(indices);
    int64_t *count = tgi_ptr(counts);
    double *factor = tgi_ptr(f);
    for (int64_t i = 0; i < indices->numel; i++) count[index[i]]++;
    for (int64_t i = 0; i < indices->numel; i++)
        factor[i] = index[i] == a->padding_idx ? 0 : a->scale_grad_by_freq ? 1.0 / (double)count[index[i]] : 1;
    tgi_unref(counts);
    return tg_to(f, dtype);
}

static void embedding_dense_backward_backward(tg_context *ctx)
{
    const embedding_attributes *a = tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *indices = tg_saved(ctx, 0), *d = tg_embedding(indices, g);
    if (d && (a->padding_idx >= 0 || a->scale_grad_by_freq))
        d = tg_mul(d, factors(indices, g->dims[0], a, tg_dtype_of(g)));
    tg_set_grad_input(ctx, 0, d);
}

static tg_tensor_list embedding_dense_backward_again(const tg_node *node, tg_tensor_list inputs)
{
    const embedding_attributes *a = tg_node_attributes(node);
    tg_tensor *g = inputs.items[0];
    const int64_t rows = tg_node_output_shape(node, 0).dims[0];
    return tgi_result(tgi_embedding_dense_backward_at(NULL, g, tgi_saved_again(node, 0, g), rows, a->padding_idx,
                                                      a->scale_grad_by_freq));
}

static tg_tensor_list embedding_dense_backward_call(const tg_value *args)
{
    return tgi_result(tgi_embedding_dense_backward_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.integer,
                                                      args[3].as.integer, args[4].as.boolean));
}

static const char *const embedding_dense_backward_samples[] = {
    "embedding_dense_backward(f(2, 3, 4), i(2, 3, lo=0, hi=5), 5, -1, False)",
    "embedding_dense_backward(f(6, 2), i(6, lo=0, hi=3), 3, 1, False)",
    "embedding_dense_backward(f(6, 2), i(6, lo=0, hi=3), 3, 0, False)",
    "embedding_dense_backward(f(2), i(lo=0, hi=3), 3, -1, False)",
    "embedding_dense_backward(f(0, 2), i(0), 3, -1, False)",
    "embedding_dense_backward(f(3, 0), i(3, lo=0), 3, -1, False)",
    NULL
};
static const tg_error_sample embedding_dense_backward_errors[] = {
    { "embedding_dense_backward(f(2, 4), i(2, lo=5, hi=6), 5, -1, False)", "index out of range in self" },
    { "embedding_dense_backward(f(3, 4), i(2, lo=0), 5, -1, False)",
      "a gradient of shape [3, 4] does not belong to indices of shape [2]" },
    { "embedding_dense_backward(f(2, 4), f(2), 5, -1, False)", "expected scalar type Long" },
    { NULL, NULL }
};

const tg_op tgi_op_embedding_dense_backward = {
    .name = "embedding_dense_backward",
    .schema = "embedding_dense_backward(Tensor grad_output, Tensor indices, int num_weights, int padding_idx, bool "
              "scale_grad_by_freq) -> Tensor",
    .formula =
        "y[k] = the sum of g[i] over i with indices[i] = k, none for padding_idx; scale_grad_by_freq: their mean",
    .gradient = "dg = embedding of the gradient of y, 0 for padding_idx, divided by the count for scale_grad_by_freq",
    .doc = "The gradient of an embedding's table of num_weights rows. No padding: -1.",
    .shapes = "[*, D] and indices [*] to [num_weights, D]",
    .usage = "",
    .backward = embedding_dense_backward_backward,
    .call = embedding_dense_backward_call,
    .again = embedding_dense_backward_again,
    .samples = embedding_dense_backward_samples,
    .own_errors = embedding_dense_backward_errors,
};
