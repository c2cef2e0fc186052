/* batch_norm.c: batch_norm; instance_norm, made of it, is in instance_norm.c.
 *
 * Built for images [N, C, H, W], where a channel is a slab of memory for each sample, and for rows of features [N, C],
 * where it is a column. A task takes as many channels as stay in the second cache: it finds their moments and writes
 * their result before they leave it. */
#include "ops/base/call.h"
#include "ops/reduce/careful.h"
#include "ops/kernels/normalize/normalization_kernels.h"
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/base/flops.h"
#include "ops/base/layout.h"
#include "ops/normalization.h"
#include "normalization_impl.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

enum {
    CHUNK = 1 << 16, /* elements in one task, */
    LINE = 64        /* of at least so many contiguous ones, if there are so many */
};

/* ---- the loops ---- */

/* x as [n, c, inner], contiguous. The moments of a channel, or the sums over it, are found in parts: one for each of
 * the n slabs, or for TGI_NORM_ROWS rows of a column. */
typedef struct job {
    int64_t n, c, inner;
    int64_t parts, chunk; /* channels in a task */
    int dtype;
    int64_t size; /* of an element */
    bool training;
    double eps;
    const char *x, *g;
    char *y;                   /* or dx; NULL: not wanted */
    const void *weight, *bias; /* or NULL */
    double *mean, *rstd;       /* [c] */
    double *square;            /* [c]: forward in training */
    double *sum, *product;     /* [c]: backward, of g and of g (x - mean); NULL: not needed */
    double *first, *second;    /* [parts, c] */
    char *coefficients;        /* [4, c] of the dtype */
} job;

static void job_plan(job *w)
{
    w->parts = w->inner == 1 ? tgi_pieces(w->n, TGI_NORM_ROWS) : w->n;
    const int64_t most = CHUNK / tgi_larger(w->n * w->inner, 1),
                  least = (LINE + w->inner - 1) / tgi_larger(w->inner, 1);
    w->chunk = tgi_smaller(tgi_larger(tgi_larger(most, least), 1), tgi_larger(w->c, 1));
}

/* How many elements of a channel parts `from` to `to` (or the end) have. */
static double elements(const job *w, int64_t from, int64_t to)
{
    if (w->inner > 1) return (double)((tgi_smaller(to, w->parts) - from) * w->inner);
    return (double)(tgi_smaller(to * TGI_NORM_ROWS, w->n) - from * TGI_NORM_ROWS);
}

/* Where part `part` of channel `c` begins. */
static int64_t offset(const job *w, int64_t part, int64_t c)
{
    const int64_t sample = w->inner == 1 ? part * TGI_NORM_ROWS : part;
    return (sample * w->c + c) * w->inner * w->size;
}

/* Coefficient `i` of channel `c` on. */
static char *coefficient(const job *w, int i, int64_t c) { return w->coefficients + (i * w->c + c) * w->size; }

/* The mean and the sum of squared deviations of channels c .. c + m. */
static void find_moments(const job *w, int64_t c, int64_t m)
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    for (int64_t p = 0; p < w->parts; p++) {
        double *mean = w->first + p * w->c + c, *square = w->second + p * w->c + c;
        const char *x = w->x + offset(w, p, c);
        if (w->inner > 1)
            k->moments[w->dtype](m, w->inner, x, w->inner, mean, square);
        else
            k->moments_columns[w->dtype]((int64_t)elements(w, p, p + 1), m, x, w->c, mean, square);
    }
    for (int64_t step = 1; step < w->parts; step *= 2)
        for (int64_t p = 0; p + step < w->parts; p += 2 * step) {
            const int64_t a = p * w->c + c, b = (p + step) * w->c + c;
            k->merge_moments(m, elements(w, p, p + step), w->first + a, w->second + a,
                             elements(w, p + step, p + 2 * step), w->first + b, w->second + b);
        }
    for (int64_t j = c; j < c + m; j++) {
        w->mean[j] = w->first[j];
        w->square[j] = w->second[j];
        w->rstd[j] = 1 / sqrt(w->square[j] / (double)(w->n * w->inner) + w->eps);
    }
}

/* ---- channels that the kernels cannot take ---- */

/* Channel j for the functions of careful.h. */
static tgi_careful_norm careful_channel(const job *w, int64_t j)
{
    const int64_t at = j * w->inner * w->size;
    return (tgi_careful_norm){ .set = { w->dtype, w->n * w->inner, w->inner, w->c * w->inner },
                               .x = w->x + at,
                               .weight = w->weight ? (const char *)w->weight + j * w->size : NULL,
                               .bias = w->bias ? (const char *)w->bias + j * w->size : NULL,
                               .centered = true,
                               .mean = w->mean[j],
                               .rstd = w->rstd[j],
                               .y = w->y ? w->y + at : NULL };
}

static bool needs_care(const job *w, int64_t j) { return w->training && tgi_rstd_needs_care(w->dtype, w->rstd[j]); }

static void find_carefully(const job *w, int64_t j)
{
    tgi_careful_norm channel = careful_channel(w, j);
    tgi_careful_statistics(&channel, w->eps, &w->square[j]);
    w->mean[j] = channel.mean;
    w->rstd[j] = channel.rstd;
}

static void forward_carefully(const job *w, int64_t j)
{
    const tgi_careful_norm channel = careful_channel(w, j);
    tgi_careful_forward(&channel);
}

/* Its sum of g (x - mean) is given as that of g times the normalised x, divided by rstd. */
static void backward_carefully(const job *w, int64_t j)
{
    tgi_careful_norm channel = careful_channel(w, j);
    channel.g = w->g + j * w->inner * w->size;
    channel.dweight = &w->product[j];
    channel.dbias = &w->sum[j];
    channel.sums_dtype = TG_FLOAT64;
    w->product[j] = w->sum[j] = 0;
    tgi_careful_backward(&channel);
    w->product[j] /= w->rstd[j];
}

/* ---- tasks ---- */

/* y = (x - mean) scale + shift for channels c .. c + m, with the coefficients at 0, 1, 2. */
static void write_result(const job *w, const char *x, int64_t c, int64_t m)
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    const char *mean = coefficient(w, 0, c), *scale = coefficient(w, 1, c), *shift = coefficient(w, 2, c);
    if (w->inner == 1) {
        const int64_t at = c * w->size;
        k->columns_forward[w->dtype](w->n, m, x + at, w->c, mean, scale, shift, w->y + at);
        return;
    }
    for (int64_t i = 0; i < w->n; i++) {
        const int64_t at = (i * w->c + c) * w->inner * w->size;
        k->slabs_forward[w->dtype](m, w->inner, x + at, w->inner, mean, scale, shift, w->y + at);
    }
}

static void forward_task(const void *work, int64_t task)
{
    const job *w = work;
    const int64_t c = task * w->chunk, m = tgi_smaller(w->chunk, w->c - c);
    if (w->training) find_moments(w, c, m);
    for (int64_t j = c; j < c + m; j++) {
        if (needs_care(w, j)) find_carefully(w, j);
        const double scale = (w->weight ? tgi_get(w->weight, w->dtype, j) : 1) * w->rstd[j];
        const double rest = tgi_put_rest(coefficient(w, 0, j), w->dtype, 0, w->mean[j]);
        const double shift = (w->bias ? tgi_get(w->bias, w->dtype, j) : 0) - rest * scale;
        tgi_put(coefficient(w, 1, j), w->dtype, 0, scale);
        tgi_put(coefficient(w, 2, j), w->dtype, 0, shift);
    }
    write_result(w, w->x, c, m);
    for (int64_t j = c; j < c + m; j++)
        if (needs_care(w, j)) forward_carefully(w, j);
}

/* The sums of g and of g (x - mean) over channels c .. c + m. */
static void find_sums(const job *w, int64_t c, int64_t m)
{
    const void *mean = coefficient(w, 0, c);
    for (int64_t p = 0; p < w->parts; p++) {
        double *sum = w->first + p * w->c + c, *product = w->second + p * w->c + c;
        const char *x = w->x + offset(w, p, c), *g = w->g + offset(w, p, c);
        if (w->inner > 1)
            TGI_KERNELS(normalization)->slabs_sums[w->dtype](m, w->inner, g, x, w->inner, mean, sum, product);
        else
            TGI_KERNELS(normalization)
                ->columns_sums[w->dtype]((int64_t)elements(w, p, p + 1), m, g, x, w->c, mean, sum, product);
    }
    const int64_t size = sizeof(double), row = w->c * size;
    TGI_KERNELS(reduce)->sum_rows[TGI_F64](w->parts, m, w->first + c, row, size, w->sum + c);
    TGI_KERNELS(reduce)->sum_rows[TGI_F64](w->parts, m, w->second + c, row, size, w->product + c);
    for (int64_t j = c; j < c + m; j++)
        w->product[j] -= w->sum[j] * (w->mean[j] - tgi_get(coefficient(w, 0, j), w->dtype, 0));
}

/* dx = g p + (x - mean) q + r: with the coefficients at 1, 2, 3. */
static void write_gradient(const job *w, int64_t c, int64_t m)
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    const double count = (double)(w->n * w->inner);
    for (int64_t j = c; j < c + m; j++) {
        const double p = (w->weight ? tgi_get(w->weight, w->dtype, j) : 1) * w->rstd[j];
        const double q = -p * w->rstd[j] * w->rstd[j] * w->product[j] / count;
        const double rest = w->mean[j] - tgi_get(coefficient(w, 0, j), w->dtype, 0);
        tgi_put(coefficient(w, 1, j), w->dtype, 0, p);
        tgi_put(coefficient(w, 2, j), w->dtype, 0, q);
        tgi_put(coefficient(w, 3, j), w->dtype, 0, -p * w->sum[j] / count - rest * q);
    }
    const char *mean = coefficient(w, 0, c), *p = coefficient(w, 1, c), *q = coefficient(w, 2, c),
               *r = coefficient(w, 3, c);
    if (w->inner == 1) {
        const int64_t at = c * w->size;
        k->columns_backward[w->dtype](w->n, m, w->g + at, w->x + at, w->c, mean, p, q, r, w->y + at);
        return;
    }
    for (int64_t i = 0; i < w->n; i++) {
        const int64_t at = (i * w->c + c) * w->inner * w->size;
        k->slabs_backward[w->dtype](m, w->inner, w->g + at, w->x + at, w->inner, mean, p, q, r, w->y + at);
    }
}

/* Where the statistics are constants: dx = g scale. */
static void write_scaled(const job *w, int64_t c, int64_t m)
{
    for (int64_t j = c; j < c + m; j++) {
        tgi_put(coefficient(w, 0, j), w->dtype, 0, 0);
        tgi_put(coefficient(w, 1, j), w->dtype, 0, (w->weight ? tgi_get(w->weight, w->dtype, j) : 1) * w->rstd[j]);
        tgi_put(coefficient(w, 2, j), w->dtype, 0, 0);
    }
    write_result(w, w->g, c, m);
}

static void backward_task(const void *work, int64_t task)
{
    const job *w = work;
    const int64_t c = task * w->chunk, m = tgi_smaller(w->chunk, w->c - c);
    for (int64_t j = c; j < c + m; j++) tgi_put(coefficient(w, 0, j), w->dtype, 0, w->mean[j]);
    if (w->sum) find_sums(w, c, m);
    if (w->y && w->training)
        write_gradient(w, c, m);
    else if (w->y)
        write_scaled(w, c, m);
    for (int64_t j = c; j < c + m; j++)
        if (needs_care(w, j)) backward_carefully(w, j);
}

/* Working memory for the tasks; in references to give back. */
typedef struct room {
    tg_tensor *parts, *coefficients;
} room;

static void room_close(room *r)
{
    tgi_unref(r->parts);
    tgi_unref(r->coefficients);
}

static bool room_open(room *r, job *w, bool with_parts)
{
    const tg_shape parts = tg_shape(2, with_parts ? w->parts : 0, w->c), four = tg_shape(4, w->c);
    r->parts = tgi_own(tgi_new(&parts, TG_FLOAT64));
    r->coefficients = tgi_own(tgi_new(&four, (tg_dtype)w->dtype));
    if (!r->parts || !r->coefficients) {
        room_close(r);
        return false;
    }
    w->coefficients = tgi_ptr(r->coefficients);
    w->first = tgi_ptr(r->parts);
    w->second = w->first ? w->first + w->parts * w->c : NULL;
    return true;
}

static void run_tasks(const job *w, void (*task)(const void *work, int64_t i))
{
    if (w->n * w->c * w->inner == 0) return;
    tgi_run_tasks(w->n * w->c * w->inner >= TGI_NORM_PARALLEL, tgi_pieces(w->c, w->chunk), task, w);
}

/* ---- batch_norm: checks ---- */

typedef struct attributes {
    tgi_norm_form form; /* [n, c, inner] */
    bool training;
} attributes;

/* Rows of the statistics, [3, c]: a channel's mean, 1 / sqrt(variance + eps), and sum of squared deviations. */
enum { MEAN, RSTD, SQUARE, STATISTICS };

static bool has_elements(const tg_op *op, tg_tensor_list inputs, const char *name, const tg_tensor *t, int64_t count)
{
    if (!t) return true;
    if (t->numel != count)
        tg_op_fail(op, inputs, "%s should contain %lld elements not %lld", name, (long long)count, (long long)t->numel);
    else if (t->ndim != 1)
        tg_op_fail(op, inputs, "TensorAccessor expected 1 dims but tensor has %d", t->ndim);
    else
        return true;
    return false;
}

/* A running statistic: written in place, never differentiated. */
static bool running_fits(const tg_op *op, tg_tensor_list inputs, const char *name, tg_tensor *t, int64_t count,
                         bool training)
{
    if (!t && !training) {
        tg_op_fail(op, inputs, "%s must be defined in evaluation mode", name);
        return false;
    }
    if (!has_elements(op, inputs, name, t, count)) return false;
    if (t && tg_is_grad_enabled() && tg_requires_grad(t)) {
        tg_op_fail(op, inputs,
                   "The function 'native_batch_norm' is not differentiable with respect to argument '%s'. This input "
                   "cannot have requires_grad True.",
                   name);
        return false;
    }
    return !t || !training || tg_in_place_begin(op, t, NULL);
}

/* PyTorch knows one mixture of dtypes, and says so of any other. */
static bool dtypes_fit(const tg_op *op, tg_tensor_list inputs)
{
    const tg_tensor *x = inputs.items[0];
    if (!tgi_is_floating(x)) {
        tgi_not_implemented(op, inputs, "batch_norm", x->dtype);
        return false;
    }
    bool same = true, single = true;
    for (int64_t i = 1; i < inputs.count; i++) {
        if (!inputs.items[i]) continue;
        same &= inputs.items[i]->dtype == x->dtype;
        single &= inputs.items[i]->dtype == TG_FLOAT32;
    }
    if (!same)
        tg_op_fail(op, inputs, "mixed dtype (CPU): expect %s",
                   single ? "input to have scalar type of BFloat16" : "parameter to have scalar type of Float");
    return same;
}

/* One channel has one value. */
static bool is_single(const tg_tensor *x)
{
    int64_t count = x->dims[0];
    for (int d = 2; d < x->ndim; d++) count *= x->dims[d];
    return count == 1;
}

/* `inputs` are x, weight, bias, running_mean, running_var. */
static bool check(const tg_op *op, tg_tensor_list inputs, bool training)
{
    tg_tensor *const *t = inputs.items;
    char text[TG_SHAPE_TEXT];
    if (t[0]->ndim < 2) {
        tgi_op_dim(op, inputs, 1, t[0]->ndim);
        return false;
    }
    const tg_shape shape = tgi_shape(t[0]);
    if (training && is_single(t[0])) {
        tg_op_fail(op, inputs, "Expected more than 1 value per channel when training, got input size torch.Size(%s)",
                   tg_shape_text(&shape, text));
        return false;
    }
    return running_fits(op, inputs, "running_mean", t[3], shape.dims[1], training) &&
           running_fits(op, inputs, "running_var", t[4], shape.dims[1], training) &&
           has_elements(op, inputs, "weight", t[1], shape.dims[1]) &&
           has_elements(op, inputs, "bias", t[2], shape.dims[1]) && dtypes_fit(op, inputs);
}

/* ---- batch_norm: forward ---- */

static job job_of(const tgi_norm_form *form, tg_tensor *x, tg_tensor *weight, tg_tensor *statistics)
{
    job w = { .n = form->shape.dims[0],
              .c = form->shape.dims[1],
              .inner = form->shape.dims[2],
              .dtype = x->dtype,
              .size = (int64_t)tgi_element_size(x),
              .training = ((const attributes *)form)->training,
              .eps = form->eps,
              .x = tgi_ptr(x),
              .weight = weight ? tgi_ptr(weight) : NULL,
              .mean = tgi_ptr(statistics) };
    if (w.mean) {
        w.rstd = w.mean + RSTD * w.c;
        w.square = w.mean + SQUARE * w.c;
    }
    job_plan(&w);
    return w;
}

/* running += momentum (batch - running), for a statistic of the batch. */
static void move_running(tg_tensor *running, double momentum, const double *batch, double scale)
{
    if (!running) return;
    char *at = tgi_ptr(running);
    const int64_t step = tgi_strides(running)[0] * (int64_t)tgi_element_size(running);
    for (int64_t i = 0; i < running->numel; i++, at += step)
        tgi_put(at, running->dtype, 0, momentum * batch[i] * scale + (1 - momentum) * tgi_get(at, running->dtype, 0));
    tg_bump_version(running);
}

static void use_running(const job *w, tg_tensor *running_mean, tg_tensor *running_var)
{
    const char *mean = tgi_ptr(running_mean), *variance = tgi_ptr(running_var);
    for (int64_t i = 0; i < w->c; i++) {
        w->mean[i] = tgi_get(mean + i * tgi_strides(running_mean)[0] * w->size, w->dtype, 0);
        w->rstd[i] = 1 / sqrt(tgi_get(variance + i * tgi_strides(running_var)[0] * w->size, w->dtype, 0) + w->eps);
    }
}

/* The running statistics, NULL where there are none. */
typedef struct running {
    tg_tensor *mean, *var;
    double momentum;
} running;

static bool forward_raw(const tgi_norm_form *form, tg_tensor *const c[3], tg_tensor *statistics, tg_tensor *y,
                        void *more)
{
    const running *stats = more;
    job w = job_of(form, c[0], c[1], statistics);
    room r;
    if (y->numel == 0) return true;
    if (!room_open(&r, &w, w.training)) return false;
    w.y = tgi_ptr(y);
    w.bias = c[2] ? tgi_ptr(c[2]) : NULL;
    if (!w.training) use_running(&w, stats->mean, stats->var);
    run_tasks(&w, forward_task);
    room_close(&r);
    if (!w.training) return true;
    move_running(stats->mean, stats->momentum, w.mean, 1);
    move_running(stats->var, stats->momentum, w.square, 1 / (double)(w.n * w.inner - 1));
    return true;
}

tg_tensor *tg_batch_norm_at(const char *where, tg_tensor *input, tg_tensor *running_mean, tg_tensor *running_var,
                            tg_batch_norm_options o)
{
    const tg_op *op = &tgi_op_batch_norm;
    if (!tg_op_begin(where, op, tg_list(input)) || !tg_optional_ok(running_mean) || !tg_optional_ok(running_var) ||
        !tg_optional_ok(o.weight) || !tg_optional_ok(o.bias))
        return NULL;
    if (!check(op, tg_list(input, o.weight, o.bias, running_mean, running_var), o.training)) return NULL;
    int64_t inner = 1;
    for (int d = 2; d < input->ndim; d++) inner *= input->dims[d];
    const int64_t channels = input->dims[1];
    const attributes a = { { .shape = tg_shape(input->dims[0], channels, inner),
                             .dims = tg_shape(0, 2),
                             .affine = tg_shape(channels, 1),
                             .weighted = o.weight != NULL,
                             .centered = true,
                             .eps = o.eps },
                           o.training };
    running stats = { running_mean, running_var, o.momentum };
    return tgi_norm_forward(op, tg_list(input, o.weight, o.bias), &a.form, sizeof a, tg_shape(STATISTICS, channels),
                            forward_raw, &stats);
}

/* ---- batch_norm: backward ---- */

/* Row `i` of the statistics in the dtype of `like`, [c, 1]. */
static tg_tensor *statistic(tg_tensor *statistics, int i, tg_tensor *like)
{
    return tg_unsqueeze(tg_to(tg_select(statistics, 0, i), tg_dtype_of(like)), 1);
}

/* Where the statistics are constants. */
static void backward_of_constants(tg_context *ctx, const tgi_norm_form *form)
{
    tg_tensor *g = tg_reshape(tg_grad_output(ctx, 0), form->shape), *statistics = tg_saved(ctx, TGI_NORM_STATISTICS);
    tg_tensor *rstd = statistic(statistics, RSTD, g), *w = tgi_norm_weight(ctx);
    if (tg_needs_input_grad(ctx, 0)) {
        tg_tensor *scale = w ? tg_mul(tg_reshape(w, form->affine), rstd) : rstd;
        tg_set_grad_input(ctx, 0, tg_reshape(tg_mul(g, scale), tg_input_shape(ctx, 0)));
    }
    if (tg_needs_input_grad(ctx, 1)) {
        tg_tensor *x = tg_reshape(tg_saved(ctx, TGI_NORM_X), form->shape);
        tg_tensor *normal = tg_mul(tg_sub(x, statistic(statistics, MEAN, g)), rstd);
        tg_set_grad_input(ctx, 1, tg_reshape(tg_sum_to_size(tg_mul(g, normal), form->affine), tg_input_shape(ctx, 1)));
    }
    if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, tg_reshape(tg_sum_to_size(g, form->affine), tg_input_shape(ctx, 2)));
}

static void batch_norm_backward(tg_context *ctx)
{
    const attributes *a = tg_attributes(ctx);
    if (a->training)
        tgi_norm_backward(ctx);
    else
        backward_of_constants(ctx, &a->form);
}

/* A parameter's gradient from sums in double: times `scale`, if there is one. */
static void put_sums(tg_tensor *to, const double *sums, const double *scale)
{
    for (int64_t i = 0; to && i < to->numel; i++)
        tgi_put(tgi_ptr(to), to->dtype, i, sums ? sums[i] * (scale ? scale[i] : 1) : 0);
}

static bool backward_raw(const tgi_norm_form *form, tg_tensor *const from[TGI_NORM_SOURCES], tg_tensor *const grads[3])
{
    job w = job_of(form, from[TGI_NORM_X], from[TGI_NORM_WEIGHT], from[TGI_NORM_STATISTICS]);
    const bool sums = w.training || grads[1] || grads[2];
    const tg_shape two = tg_shape(2, w.c);
    tg_tensor *totals = tgi_own(tgi_new(&two, TG_FLOAT64));
    room r;
    if (!totals || !room_open(&r, &w, sums)) {
        tgi_unref(totals);
        return false;
    }
    w.g = tgi_ptr(from[TGI_NORM_G]);
    w.y = grads[0] ? tgi_ptr(grads[0]) : NULL;
    if (sums && from[TGI_NORM_G]->numel > 0) {
        w.sum = tgi_ptr(totals);
        w.product = w.sum + w.c;
    }
    run_tasks(&w, backward_task);
    put_sums(grads[1], w.product, w.rstd);
    put_sums(grads[2], w.sum, NULL);
    room_close(&r);
    tgi_unref(totals);
    return true;
}

static void batch_norm_backward_fused(tg_context *ctx) { tgi_norm_backward_fused(ctx, backward_raw); }

/* In training alone: the running statistics, which are then not looked at, are no inputs. */
static tg_tensor_list batch_norm_again(const tg_node *node, tg_tensor_list inputs)
{
    const attributes *a = tg_node_attributes(node);
    if (!a->training) return tg_list_failed();
    return tgi_result(tg_batch_norm(inputs.items[0], NULL, NULL, .weight = inputs.items[1], .bias = inputs.items[2],
                                    .training = true, .eps = a->form.eps));
}

static tg_tensor_list batch_norm_call(const tg_value *args)
{
    tg_batch_norm_options o = { .weight = tgi_norm_argument(&args[3]),
                                .bias = tgi_norm_argument(&args[4]),
                                .training = args[5].as.boolean,
                                .momentum = args[6].as.real,
                                .eps = args[7].as.real };
    return tgi_result(
        tg_batch_norm_at(TG_HERE, args[0].as.tensor, tgi_norm_argument(&args[1]), tgi_norm_argument(&args[2]), o));
}

/* The running ones are copies: a sample's leaves must not be written. */
static const char *const batch_norm_samples[] = {
    "batch_norm(f(4, 3), None, None, training=True)",
    "batch_norm(f(4, 3), None, None, f(3), f(3), True)",
    "batch_norm(f(2, 3, 4), clone(f(3, grad=False)), clone(f(3, lo=0.5, grad=False)), f(3), f(3), training=True)",
    "batch_norm(f(2, 2, 2, 3), None, None, f(2), training=True, eps=0.5)",
    "batch_norm(f(3, 2, 2, 1, 2), None, None, bias=f(2), training=True)",
    "batch_norm(f(1, 2, 3), None, None, f(2), f(2), training=True)",
    "batch_norm(f(3, 2, 2, grad=False), None, None, f(2), f(2), training=True)",
    "batch_norm(f(20, 2), None, None, f(2), f(2), training=True)",
    "batch_norm(f(4, 2, lo=100, hi=103), None, None, f(2), f(2), training=True)",
    "batch_norm(f(4, 3), f(3, grad=False), f(3, lo=0.5, grad=False))",
    "batch_norm(f(2, 3, 4), f(3, grad=False), f(3, lo=0.5, grad=False), f(3), f(3))",
    "batch_norm(f(1, 3), f(3, grad=False), f(3, lo=0.5, grad=False), f(3), f(3), eps=0.5)",
    "batch_norm(f(2, 3, grad=False), f(3, grad=False), f(3, lo=0.5, grad=False), f(3), f(3))",
    "batch_norm(f(0, 3), None, None, f(3), f(3), training=True)",
    "batch_norm(f(2, 3, 0), None, None, f(3), f(3), training=True)",
    "batch_norm(f(2, 0), None, None, training=True)",
    "batch_norm(f(0, 3), f(3, grad=False), f(3, lo=0.5, grad=False), f(3), f(3))",
    NULL
};
static const tg_error_sample batch_norm_errors[] = {
    { "batch_norm(f(2, 3), f(4), f(4))", "running_mean should contain 3 elements not 4" },
    { "batch_norm(f(2, 3), f(3, grad=False), f(4))", "running_var should contain 3 elements not 4" },
    { "batch_norm(f(2, 3), None, None, f(4), training=True)", "weight should contain 3 elements not 4" },
    { "batch_norm(f(2, 3), None, None, f(3), f(2), training=True)", "bias should contain 3 elements not 2" },
    { "batch_norm(f(2, 3), None, None)", "running_mean must be defined in evaluation mode" },
    { "batch_norm(f(2, 3), f(3, grad=False), None)", "running_var must be defined in evaluation mode" },
    { "batch_norm(f(1, 3), None, None, training=True)",
      "Expected more than 1 value per channel when training, got input size torch.Size([1, 3])" },
    { "batch_norm(f(3), None, None, training=True)",
      "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
    { "batch_norm(i(2, 3), None, None, training=True)", "\"batch_norm\" not implemented for 'Long'" },
    { "batch_norm(f(2, 3), i(3), i(3))", "mixed dtype (CPU): expect parameter to have scalar type of Float" },
    { "batch_norm(f(2, 3), f(3), f(3))",
      "The function 'native_batch_norm' is not differentiable with respect to argument 'running_mean'. This input "
      "cannot have requires_grad True." },
    { NULL, NULL }
};

const tg_op tgi_op_batch_norm = {
    .name = "batch_norm",
    .schema = "batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, "
              "Tensor? bias=None, bool training=False, float momentum=0.1, float eps=1e-05) -> Tensor",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .gradient = "with n = (x - mean) / sqrt(variance + eps) and h = g weight: dx = (h - mean of h - n mean of h n) / "
                "sqrt(variance + eps), without the means where the statistics are the running ones; dweight = g n, "
                "dbias = g, both summed over each channel",
    .doc = "Normalises each channel over the batch, or by the running mean and variance; training moves these.",
    .shapes = "[N, C, *], all others [C], to [N, C, *]",
    .backward = batch_norm_backward,
    .backward_fused = batch_norm_backward_fused,
    .flops = tgi_flops_norm,
    .call = batch_norm_call,
    .again = batch_norm_again,
    .samples = batch_norm_samples,
    .errors = batch_norm_errors,
};
