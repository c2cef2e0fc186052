/* layer_norm.c: layer_norm and rms_norm.
 *
 * Built for activations of a transformer: many rows, a weight for each element of a row. A row is read from memory once,
 * forward, and once with its gradient, backward; what is summed over rows, the parameters' gradients, is summed in
 * chunks of rows and these pairwise. Nothing here may take a variance as the mean of squares less the square of the
 * mean. */
#include "ops/normalization.h"

#include "ops/base/call.h"
#include "ops/reduce/careful.h"
#include "ops/kernels/normalize/normalization_kernels.h"
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/base/flops.h"
#include "ops/base/layout.h"
#include "normalization_impl.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"

/* ---- checks ---- */

static bool parameter_fits(const tg_op *op, tg_tensor_list inputs, const char *name, const tg_tensor *parameter,
                           const tg_shape *shape)
{
    if (!parameter) return true;
    const tg_shape own = tgi_shape(parameter);
    if (tg_shape_equal(&own, shape)) return true;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    tg_op_fail(op, inputs,
               "Expected %s to be of same shape as normalized_shape, but got %s of shape %s and normalized_shape = %s",
               name, name, tg_shape_text(&own, a), tg_shape_text(shape, b));
    return false;
}

/* The input's last dimensions are `shape`. */
static bool ends_in(const tg_op *op, tg_tensor_list inputs, const tg_tensor *x, const tg_shape *shape)
{
    const int first = x->ndim - shape->ndim;
    bool fits = first >= 0;
    for (int d = 0; fits && d < shape->ndim; d++) fits = x->dims[first + d] == shape->dims[d];
    if (fits) return true;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape own = tgi_shape(x);
    tg_shape_text(shape, a);
    tg_op_fail(op, inputs, "Given normalized_shape=%s, expected input with shape [*, %s, but got input of size%s", a,
               a + 1, tg_shape_text(&own, b));
    return false;
}

static bool check(const tg_op *op, tg_tensor_list inputs, const tg_shape *shape)
{
    const tg_tensor *x = inputs.items[0], *weight = inputs.items[1], *bias = inputs.count > 2 ? inputs.items[2] : NULL;
    if (!tgi_op_list_fits(op, inputs, shape)) return false;
    if (shape->ndim == 0) {
        tg_op_fail(op, inputs,
                   "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but "
                   "got normalized_shape = []");
        return false;
    }
    if (!parameter_fits(op, inputs, "weight", weight, shape) || !parameter_fits(op, inputs, "bias", bias, shape) ||
        !ends_in(op, inputs, x, shape))
        return false;
    if (!tgi_is_floating(x)) {
        tgi_not_implemented(op, inputs, "LayerNormKernelImpl", x->dtype);
        return false;
    }
    return tgi_norm_same_dtype(op, inputs, x, weight) && tgi_norm_same_dtype(op, inputs, x, bias);
}

/* ---- the loops ---- */

enum { CHUNK = 32 /* rows whose share of the parameters' gradients is summed one after the other */ };

/* The rows cut into runs. `partial` has a row for each run: the weight's gradient, then the bias's. */
typedef struct job {
    tgi_norm_rows rows;
    int dtype;
    int64_t size, run; /* of an element; rows in a task */
    char *partial;
} job;

static void *at(const void *base, int64_t bytes) { return base ? (char *)(uintptr_t)base + bytes : NULL; }

/* `count` of the rows, from `first` on. */
static tgi_norm_rows some_rows(const job *w, const tgi_norm_rows *of, int64_t first, int64_t count)
{
    tgi_norm_rows r = *of;
    const int64_t row = r.n * w->size;
    r.rows = count;
    r.x = at(r.x, first * row);
    r.y = at(r.y, first * row);
    r.g = at(r.g, first * row);
    r.dx = at(r.dx, first * row);
    if (r.mean) r.mean += first;
    r.rstd += first;
    return r;
}

static tgi_careful_norm careful_row(const job *w, const tgi_norm_rows *of, int64_t row)
{
    const tgi_norm_rows r = some_rows(w, of, row, 1);
    return (tgi_careful_norm){ .set = { .dtype = w->dtype, .n = r.n, .inner = 1, .stride = 1 },
                               .x = r.x,
                               .weight = r.weight,
                               .bias = r.bias,
                               .step = 1,
                               .centered = r.centered,
                               .mean = r.centered ? *r.mean : 0,
                               .rstd = *r.rstd,
                               .y = r.g ? r.dx : r.y,
                               .g = r.g,
                               .dweight = r.dweight,
                               .dbias = r.dbias,
                               .sums_dtype = w->dtype };
}

static void forward_rows(const job *w, const tgi_norm_rows *r)
{
    TGI_KERNELS(normalization)->rows_forward[w->dtype](r);
    for (int64_t i = 0; i < r->rows; i++) {
        if (!tgi_rstd_needs_care(w->dtype, r->rstd[i])) continue;
        tgi_careful_norm c = careful_row(w, r, i);
        tgi_careful_statistics(&c, r->eps, NULL);
        if (r->centered) r->mean[i] = c.mean;
        r->rstd[i] = c.rstd;
        tgi_careful_forward(&c);
    }
}

/* In the order of the rows, since the parameters' gradients are added up. */
static void backward_rows(const job *w, const tgi_norm_rows *r)
{
    for (int64_t first = 0, end = 0; end < r->rows; first = ++end) {
        while (end < r->rows && !tgi_rstd_needs_care(w->dtype, r->rstd[end])) end++;
        const tgi_norm_rows usual = some_rows(w, r, first, end - first);
        TGI_KERNELS(normalization)->rows_backward[w->dtype](&usual);
        if (end == r->rows) break;
        const tgi_careful_norm c = careful_row(w, r, end);
        tgi_careful_backward(&c);
    }
}

static void run_task(const void *work, int64_t i)
{
    const job *w = work;
    const int64_t first = i * w->run, row = w->rows.n * w->size;
    tgi_norm_rows r = some_rows(w, &w->rows, first, tgi_smaller(w->run, w->rows.rows - first));
    if (w->partial) {
        r.dweight = w->partial + 2 * i * row;
        r.dbias = w->partial + (2 * i + 1) * row;
    }
    (r.g ? backward_rows : forward_rows)(w, &r);
}

static void run_tasks(const job *w)
{
    const tgi_norm_rows *r = &w->rows;
    if (r->rows * r->n == 0) return;
    tgi_run_tasks(r->rows * r->n >= TGI_NORM_PARALLEL, tgi_pieces(r->rows, w->run), run_task, w);
}

/* `statistics` are [2, rows]: the means, then 1 / sqrt(variance + eps). */
static job job_of(const tgi_norm_form *form, tg_tensor *x, tg_tensor *weight, tg_tensor *statistics)
{
    double *mean = tgi_ptr(statistics);
    return (job){ .rows = { .rows = form->shape.dims[0],
                            .n = form->shape.dims[1],
                            .x = tgi_ptr(x),
                            .weight = weight ? tgi_ptr(weight) : NULL,
                            .centered = form->centered,
                            .eps = form->eps,
                            .mean = mean,
                            .rstd = mean ? mean + form->shape.dims[0] : NULL },
                  .dtype = x->dtype,
                  .size = (int64_t)tgi_element_size(x) };
}

static bool forward_raw(const tgi_norm_form *form, tg_tensor *const c[3], tg_tensor *statistics, tg_tensor *y,
                        void *unused)
{
    (void)unused;
    job w = job_of(form, c[0], c[1], statistics);
    w.rows.bias = c[2] ? tgi_ptr(c[2]) : NULL;
    w.rows.y = tgi_ptr(y);
    w.run = w.rows.n < TGI_NORM_TASK && w.rows.n > 0 ? TGI_NORM_TASK / w.rows.n : 1;
    run_tasks(&w);
    return true;
}

/* Sums the partial gradients [tasks, 2, n] over the tasks, into dweight and dbias. */
static void sum_partial(const job *w, int64_t tasks, tg_tensor *dweight, tg_tensor *dbias)
{
    tg_tensor *const to[] = { dweight, dbias };
    const int64_t n = w->rows.n, row = n * w->size;
    for (int i = 0; i < 2; i++) {
        if (!to[i] || n == 0) continue;
        const char *from = tasks ? w->partial + i * row : NULL;
        TGI_KERNELS(reduce)->sum_rows[w->dtype](tasks, n, from, 2 * row, w->size, tgi_ptr(to[i]));
    }
}

static bool backward_raw(const tgi_norm_form *form, tg_tensor *const from[TGI_NORM_SOURCES], tg_tensor *const grads[3])
{
    tg_tensor *g = from[TGI_NORM_G], *partial = NULL;
    job w = job_of(form, from[TGI_NORM_X], from[TGI_NORM_WEIGHT], from[TGI_NORM_STATISTICS]);
    const int64_t tasks = tgi_pieces(w.rows.rows, CHUNK);
    w.rows.g = tgi_ptr(g);
    w.rows.dx = grads[0] ? tgi_ptr(grads[0]) : NULL;
    w.run = CHUNK;
    if (grads[1] || grads[2]) {
        const tg_shape shape = tg_shape(tasks, 2, w.rows.n);
        partial = tgi_own(tgi_new_full(&shape, (tg_dtype)g->dtype, 0));
        if (!partial) return false;
        w.partial = tgi_ptr(partial);
    }
    run_tasks(&w);
    if (partial) sum_partial(&w, tasks, grads[1], grads[2]);
    tgi_unref(partial);
    return true;
}

static void backward_fused(tg_context *ctx) { tgi_norm_backward_fused(ctx, backward_raw); }

static tg_tensor *normalize(const tg_op *op, tg_tensor_list inputs, const tg_shape *normalized_shape, bool centered,
                            double eps)
{
    const tg_tensor *x = inputs.items[0];
    const int64_t n = tg_shape_numel(normalized_shape);
    int64_t rows = 1;
    for (int d = 0; d < x->ndim - normalized_shape->ndim; d++) rows *= x->dims[d];
    const tgi_norm_form form = { .shape = tg_shape(rows, n),
                                 .dims = tg_shape(1),
                                 .affine = tg_shape(n),
                                 .weighted = inputs.items[1] != NULL,
                                 .centered = centered,
                                 .eps = eps };
    return tgi_norm_forward(op, inputs, &form, sizeof form, tg_shape(2, rows), forward_raw, NULL);
}

/* ---- layer_norm ---- */

tg_tensor *tg_layer_norm_at(const char *where, tg_tensor *input, tg_shape normalized_shape, tg_layer_norm_options o)
{
    if (!tg_op_begin(where, &tgi_op_layer_norm, tg_list(input)) || !tg_optional_ok(o.weight) || !tg_optional_ok(o.bias))
        return NULL;
    const tg_tensor_list inputs = tg_list(input, o.weight, o.bias);
    if (!check(&tgi_op_layer_norm, inputs, &normalized_shape)) return NULL;
    return normalize(&tgi_op_layer_norm, inputs, &normalized_shape, true, o.eps);
}

/* The dimensions that are normalised: the weight's or the bias's, or so many that they have n elements. */
static tg_shape normalized_again(const tg_node *node, tg_tensor_list inputs)
{
    const tgi_norm_form *form = tg_node_attributes(node);
    const tg_tensor *x = inputs.items[0];
    for (int64_t i = 1; i < inputs.count; i++)
        if (inputs.items[i]) return tgi_shape(inputs.items[i]);
    tg_shape shape = tg_shape();
    int64_t n = 1;
    do {
        for (int d = shape.ndim++; d > 0; d--) shape.dims[d] = shape.dims[d - 1];
        n *= shape.dims[0] = x->dims[x->ndim - shape.ndim];
    } while (n != form->shape.dims[1] && shape.ndim < x->ndim);
    return shape;
}

static tg_tensor_list layer_norm_again(const tg_node *node, tg_tensor_list inputs)
{
    const tgi_norm_form *form = tg_node_attributes(node);
    return tgi_result(tg_layer_norm(inputs.items[0], normalized_again(node, inputs), .weight = inputs.items[1],
                                    .bias = inputs.items[2], .eps = form->eps));
}

static tg_tensor_list rms_norm_again(const tg_node *node, tg_tensor_list inputs)
{
    const tgi_norm_form *form = tg_node_attributes(node);
    return tgi_result(
        tg_rms_norm(inputs.items[0], normalized_again(node, inputs), .weight = inputs.items[1], .eps = form->eps));
}

static tg_tensor_list layer_norm_call(const tg_value *args)
{
    tg_layer_norm_options o = { .weight = tgi_norm_argument(&args[2]),
                                .bias = tgi_norm_argument(&args[3]),
                                .eps = args[4].as.real };
    return tgi_result(tg_layer_norm_at(TG_HERE, args[0].as.tensor, args[1].as.ints, o));
}

static const char *const layer_norm_samples[] = { "layer_norm(f(2, 3), [3])",
                                                  "layer_norm(f(2, 3), [3], f(3), f(3))",
                                                  "layer_norm(f(2, 3), [3], f(3))",
                                                  "layer_norm(f(2, 3), [3], bias=f(3))",
                                                  "layer_norm(f(2, 3, 4), [4], f(4), f(4), eps=0.5)",
                                                  "layer_norm(f(2, 3, 4), [3, 4], f(3, 4), f(3, 4))",
                                                  "layer_norm(f(2, 1, 3, 2), [3, 2], f(3, 2, grad=False), f(3, 2))",
                                                  "layer_norm(f(5), [5], f(5), f(5))",
                                                  "layer_norm(f(4, 3, grad=False), [3], f(3), f(3))",
                                                  "layer_norm(f(40, 3), [3], f(3), f(3))",
                                                  "layer_norm(f(2, 5, lo=100, hi=103), [5], f(5), f(5))",
                                                  "layer_norm(f(0, 3), [3], f(3), f(3))",
                                                  "layer_norm(f(2, 0), [0], f(0), f(0))",
                                                  NULL };
static const char *const layer_norm_corners[] = { "layer_norm(f(3, 1), [1], f(1), f(1))",
                                                  "layer_norm(v(2, 2, 2), [3], f(3), f(3))",
                                                  "layer_norm(v(1, nan, 3), [3], f(3), f(3))", NULL };
static const tg_error_sample layer_norm_errors[] = {
    { "layer_norm(f(2, 3), [])",
      "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
      "normalized_shape = []" },
    { "layer_norm(f(2, 3), [3], f(4))",
      "Expected weight to be of same shape as normalized_shape, but got weight of shape [4] and normalized_shape = "
      "[3]" },
    { "layer_norm(f(2, 3), [3], f(3), f(1, 3))",
      "Expected bias to be of same shape as normalized_shape, but got bias of shape [1, 3] and normalized_shape = "
      "[3]" },
    { "layer_norm(f(2, 4), [3])",
      "Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 4]" },
    { "layer_norm(f(3), [2, 3])",
      "Given normalized_shape=[2, 3], expected input with shape [*, 2, 3], but got input of size[3]" },
    { "layer_norm(i(2, 3), [3])", "\"LayerNormKernelImpl\" not implemented for 'Long'" },
    { "layer_norm(f(2, 3), [3], i(3))", "expected scalar type Double but found Long" },
    { NULL, NULL }
};

const tg_op tgi_op_layer_norm = {
    .name = "layer_norm",
    .schema = "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
              "float eps=1e-05) -> Tensor",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .gradient = "with n = (x - mean) / sqrt(variance + eps) and h = g weight: dx = (h - mean of h - n mean of h n) / "
                "sqrt(variance + eps), dweight = g n, dbias = g, both summed over the leading dimensions",
    .doc = "Normalises over the last dimensions, whose sizes are normalized_shape.",
    .backward = tgi_norm_backward,
    .backward_fused = backward_fused,
    .flops = tgi_flops_norm,
    .call = layer_norm_call,
    .again = layer_norm_again,
    .samples = layer_norm_samples,
    .corners = layer_norm_corners,
    .errors = layer_norm_errors,
};

/* ---- rms_norm ---- */

tg_tensor *tg_rms_norm_at(const char *where, tg_tensor *input, tg_shape normalized_shape, tg_rms_norm_options o)
{
    if (!tg_op_begin(where, &tgi_op_rms_norm, tg_list(input)) || !tg_optional_ok(o.weight)) return NULL;
    const tg_tensor_list inputs = tg_list(input, o.weight);
    if (!check(&tgi_op_rms_norm, inputs, &normalized_shape)) return NULL;
    const double machine = input->dtype == TG_FLOAT32 ? (double)FLT_EPSILON : DBL_EPSILON;
    return normalize(&tgi_op_rms_norm, inputs, &normalized_shape, false, o.eps == TG_MACHINE_EPS ? machine : o.eps);
}

static tg_tensor_list rms_norm_call(const tg_value *args)
{
    tg_rms_norm_options o = { .weight = tgi_norm_argument(&args[2]),
                              .eps = args[3].kind == TG_VALUE_FLOAT ? args[3].as.real : TG_MACHINE_EPS };
    return tgi_result(tg_rms_norm_at(TG_HERE, args[0].as.tensor, args[1].as.ints, o));
}

static const char *const rms_norm_samples[] = { "rms_norm(f(2, 3, lo=1), [3])",
                                                "rms_norm(f(2, 3, lo=1), [3], f(3))",
                                                "rms_norm(f(2, 3, 4), [3, 4], f(3, 4), eps=0.5)",
                                                "rms_norm(f(2, 3, 4), [4], f(4), eps=0.0)",
                                                "rms_norm(f(5), [5], f(5, grad=False), eps=0.01)",
                                                "rms_norm(f(4, 3, grad=False), [3], f(3), eps=0.01)",
                                                "rms_norm(f(40, 3), [3], f(3), eps=0.01)",
                                                "rms_norm(f(0, 3), [3], f(3))",
                                                "rms_norm(f(2, 0), [0], f(0))",
                                                NULL };
static const char *const rms_norm_corners[] = { "rms_norm(v(0, -0.0, 0), [3], f(3), eps=0.001)", NULL };
static const tg_error_sample rms_norm_errors[] = {
    { "rms_norm(f(2, 3), [3], f(4))",
      "Expected weight to be of same shape as normalized_shape, but got weight of shape [4] and normalized_shape = "
      "[3]" },
    { "rms_norm(f(2, 4), [3])",
      "Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 4]" },
    { NULL, NULL }
};

const tg_op tgi_op_rms_norm = {
    .name = "rms_norm",
    .schema = "rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    .formula = "y = x / sqrt(mean of x^2 + eps) weight",
    .gradient = "with n = x / sqrt(mean of x^2 + eps) and h = g weight: dx = (h - n mean of h n) / sqrt(mean of x^2 + "
                "eps), dweight = g n summed over the leading dimensions",
    .doc = "Divides by the root of the mean square over the last dimensions; eps is the dtype's own unless given.",
    .usage = "tg_rms_norm(input, tg_shape(normalized_shape), .weight = weight, .eps = eps)",
    .backward = tgi_norm_backward,
    .backward_fused = backward_fused,
    .flops = tgi_flops_norm,
    .call = rms_norm_call,
    .again = rms_norm_again,
    .samples = rms_norm_samples,
    .corners = rms_norm_corners,
    .errors = rms_norm_errors,
};
