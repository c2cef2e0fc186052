/* group_norm.c: group_norm, and local_response_norm made of other ops.
 *
 * Built for images [N, C, H, W]: a group is one piece of memory, some channels of one sample. A task takes a run of
 * groups, each of which is read from memory once; the parameters' gradients are sums over channels of samples, kept in
 * double and added over the samples in the end. */
#include "ops/base/call.h"
#include "ops/reduce/careful.h"
#include "ops/create.h"
#include "ops/join.h"
#include "ops/kernels/normalize/normalization_kernels.h"
#include "ops/kernels/reduce/reduce_kernels.h"
#include "ops/base/flops.h"
#include "ops/base/layout.h"
#include "ops/normalization.h"
#include "normalization_impl.h"
#include "ops/base/parallel.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/view.h"

/* ---- the loops ---- */

enum { AT_ONCE = 64 /* channels */ };

/* x as [n groups, channels of a group, inner], contiguous. */
typedef struct job {
    int64_t n, groups, channels, inner;
    int64_t run; /* groups in a task */
    int dtype;
    int64_t size; /* of an element */
    double eps;
    const char *x, *g;
    char *y;                   /* or dx; NULL: not wanted */
    const void *weight, *bias; /* or NULL */
    double *mean, *rstd;       /* [n groups] */
    double *sum, *product;     /* [n, c]: backward, of g and of g (x - mean) */
} job;

/* The numbers of some channels. */
typedef struct coefficients {
    double mean[AT_ONCE], a[AT_ONCE], b[AT_ONCE], c[AT_ONCE]; /* arrays of the dtype */
} coefficients;

/* Where channel `channel` of group `group` (of all samples) begins. */
static int64_t offset(const job *w, int64_t group, int64_t channel)
{
    return (group * w->channels + channel) * w->inner * w->size;
}

/* The parameter of that channel. */
static double parameter(const job *w, const void *from, int64_t group, int64_t channel, double otherwise)
{
    return from ? tgi_get(from, w->dtype, group % w->groups * w->channels + channel) : otherwise;
}

/* The group for the functions of careful.h, without its statistics. */
static tgi_careful_norm careful_group(const job *w, int64_t group)
{
    const int64_t at = offset(w, group, 0), parameters = group % w->groups * w->channels * w->size;
    return (tgi_careful_norm){ .set = { w->dtype, w->channels * w->inner, w->inner, w->inner },
                               .x = w->x + at,
                               .weight = w->weight ? (const char *)w->weight + parameters : NULL,
                               .bias = w->bias ? (const char *)w->bias + parameters : NULL,
                               .step = 1,
                               .centered = true,
                               .mean = w->mean[group],
                               .rstd = w->rstd[group],
                               .y = w->y ? w->y + at : NULL };
}

static void forward_carefully(const job *w, int64_t group)
{
    tgi_careful_norm c = careful_group(w, group);
    tgi_careful_statistics(&c, w->eps, NULL);
    w->mean[group] = c.mean;
    w->rstd[group] = c.rstd;
    tgi_careful_forward(&c);
}

static void backward_carefully(const job *w, int64_t group)
{
    tgi_careful_norm c = careful_group(w, group);
    c.g = w->g + offset(w, group, 0);
    c.dweight = w->product + group * w->channels;
    c.dbias = w->sum + group * w->channels;
    c.sums_dtype = TG_FLOAT64;
    for (int64_t j = 0; j < w->channels; j++) w->product[group * w->channels + j] = w->sum[group * w->channels + j] = 0;
    tgi_careful_backward(&c);
}

static void forward_group(const job *w, int64_t group)
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    const int64_t n = w->channels * w->inner;
    double square;
    coefficients to;
    k->moments[w->dtype](1, n, w->x + offset(w, group, 0), n, &w->mean[group], &square);
    w->rstd[group] = 1 / sqrt(square / (double)n + w->eps);
    if (tgi_rstd_needs_care(w->dtype, w->rstd[group])) {
        forward_carefully(w, group);
        return;
    }
    for (int64_t first = 0; first < w->channels; first += AT_ONCE) {
        const int64_t m = tgi_smaller(AT_ONCE, w->channels - first), at = offset(w, group, first);
        for (int64_t j = 0; j < m; j++) {
            const double scale = parameter(w, w->weight, group, first + j, 1) * w->rstd[group];
            const double rest = tgi_put_rest(to.mean, w->dtype, j, w->mean[group]);
            tgi_put(to.a, w->dtype, j, scale);
            tgi_put(to.b, w->dtype, j, parameter(w, w->bias, group, first + j, 0) - rest * scale);
        }
        k->slabs_forward[w->dtype](m, w->inner, w->x + at, w->inner, to.mean, to.a, to.b, w->y + at);
    }
}

/* The sums over each channel of a group; `total` becomes those over the group, times the weight. */
static void find_sums(const job *w, int64_t group, double total[2])
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    double *sum = w->sum + group * w->channels, *product = w->product + group * w->channels;
    coefficients to;
    double rest = 0;
    for (int64_t j = 0; j < AT_ONCE; j++) rest = tgi_put_rest(to.mean, w->dtype, j, w->mean[group]);
    total[0] = total[1] = 0;
    for (int64_t first = 0; first < w->channels; first += AT_ONCE) {
        const int64_t m = tgi_smaller(AT_ONCE, w->channels - first), at = offset(w, group, first);
        k->slabs_sums[w->dtype](m, w->inner, w->g + at, w->x + at, w->inner, to.mean, sum + first, product + first);
    }
    for (int64_t j = 0; j < w->channels; j++) {
        const double weight = parameter(w, w->weight, group, j, 1);
        product[j] -= rest * sum[j];
        total[0] += weight * sum[j];
        total[1] += weight * product[j];
    }
}

static void backward_group(const job *w, int64_t group)
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    const double n = (double)(w->channels * w->inner), rstd = w->rstd[group];
    double total[2];
    coefficients to;
    if (tgi_rstd_needs_care(w->dtype, rstd)) {
        backward_carefully(w, group);
        return;
    }
    find_sums(w, group, total);
    const double q = -rstd * rstd * rstd * total[1] / n;
    for (int64_t first = 0; w->y && first < w->channels; first += AT_ONCE) {
        const int64_t m = tgi_smaller(AT_ONCE, w->channels - first), at = offset(w, group, first);
        for (int64_t j = 0; j < m; j++) {
            const double rest = tgi_put_rest(to.mean, w->dtype, j, w->mean[group]);
            tgi_put(to.a, w->dtype, j, parameter(w, w->weight, group, first + j, 1) * rstd);
            tgi_put(to.b, w->dtype, j, q);
            tgi_put(to.c, w->dtype, j, -rstd * total[0] / n - rest * q);
        }
        k->slabs_backward[w->dtype](m, w->inner, w->g + at, w->x + at, w->inner, to.mean, to.a, to.b, to.c, w->y + at);
    }
    for (int64_t j = 0; j < w->channels; j++) w->product[group * w->channels + j] *= rstd;
}

static void run_task(const void *work, int64_t task)
{
    const job *w = work;
    const int64_t end = tgi_smaller((task + 1) * w->run, w->n * w->groups);
    for (int64_t group = task * w->run; group < end; group++) (w->g ? backward_group : forward_group)(w, group);
}

static void run_tasks(const job *w)
{
    const int64_t count = w->n * w->groups, all = count * w->channels * w->inner;
    if (all > 0) tgi_run_tasks(all >= TGI_NORM_PARALLEL, tgi_pieces(count, w->run), run_task, w);
}

/* ---- group_norm ---- */

static bool is_of_channels(const tg_op *op, tg_tensor_list inputs, const char *name, const tg_tensor *t)
{
    const tg_tensor *x = inputs.items[0];
    if (!t || (t->ndim == 1 && t->dims[0] == x->dims[1])) return true;
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    const tg_shape own = tgi_shape(t), shape = tgi_shape(x);
    tg_op_fail(
        op, inputs,
        "Expected %s to be a vector of size equal to the number of channels in input, but got %s of shape %s and "
        "input of shape %s",
        name, name, tg_shape_text(&own, a), tg_shape_text(&shape, b));
    return false;
}

/* A group has one value. */
static bool is_single(const tg_tensor *x, int64_t groups)
{
    int64_t count = x->dims[0] * x->dims[1] / groups;
    for (int d = 2; d < x->ndim; d++) count *= x->dims[d];
    return count == 1;
}

static bool check(const tg_op *op, tg_tensor_list inputs, int64_t groups)
{
    const tg_tensor *x = inputs.items[0];
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(x);
    if (x->ndim < 2) {
        tgi_op_dim(op, inputs, 1, x->ndim);
        return false;
    }
    if (groups <= 0)
        tg_op_fail(op, inputs, "Expected num groups to be greater than 0, got %lld", (long long)groups);
    else if (x->dims[1] % groups != 0)
        tg_op_fail(op, inputs,
                   "Expected number of channels in input to be divisible by num_groups, but got input of shape %s and "
                   "num_groups=%lld",
                   tg_shape_text(&shape, text), (long long)groups);
    else if (is_single(x, groups)) {
        tg_shape seen = shape;
        seen.dims[0] = x->dims[0] * x->dims[1] / groups;
        seen.dims[1] = groups;
        tg_op_fail(op, inputs, "Expected more than 1 value per channel when training, got input size %s",
                   tg_shape_text(&seen, text));
    } else if (!is_of_channels(op, inputs, "weight", inputs.items[1]) ||
               !is_of_channels(op, inputs, "bias", inputs.items[2]))
        return false;
    else if (!tgi_is_floating(x))
        tgi_not_implemented(op, inputs, "GroupNormKernelImpl", x->dtype);
    else
        return tgi_norm_same_dtype(op, inputs, x, inputs.items[1]) &&
               tgi_norm_same_dtype(op, inputs, x, inputs.items[2]);
    return false;
}

/* `statistics` are [2, n groups]: the means, then 1 / sqrt(variance + eps). */
static job job_of(const tgi_norm_form *form, tg_tensor *x, tg_tensor *weight, tg_tensor *statistics)
{
    const int64_t *dims = form->shape.dims, each = dims[2] * dims[3], count = dims[0] * dims[1];
    job w = { .n = dims[0],
              .groups = dims[1],
              .channels = dims[2],
              .inner = dims[3],
              .run = each > 0 && each < TGI_NORM_TASK ? TGI_NORM_TASK / each : 1,
              .dtype = x->dtype,
              .size = (int64_t)tgi_element_size(x),
              .eps = form->eps,
              .x = tgi_ptr(x),
              .weight = weight ? tgi_ptr(weight) : NULL,
              .mean = tgi_ptr(statistics) };
    if (w.mean) w.rstd = w.mean + count;
    return w;
}

static bool forward_raw(const tgi_norm_form *form, tg_tensor *const c[3], tg_tensor *statistics, tg_tensor *y,
                        void *unused)
{
    (void)unused;
    job w = job_of(form, c[0], c[1], statistics);
    w.bias = c[2] ? tgi_ptr(c[2]) : NULL;
    w.y = tgi_ptr(y);
    run_tasks(&w);
    return true;
}

tg_tensor *tg_group_norm_at(const char *where, tg_tensor *input, int64_t num_groups, tg_group_norm_options o)
{
    const tg_op *op = &tgi_op_group_norm;
    if (!tg_op_begin(where, op, tg_list(input)) || !tg_optional_ok(o.weight) || !tg_optional_ok(o.bias)) return NULL;
    const tg_tensor_list inputs = tg_list(input, o.weight, o.bias);
    if (!check(op, inputs, num_groups)) return NULL;
    int64_t inner = 1;
    const int64_t channels = input->dims[1] / num_groups;
    for (int d = 2; d < input->ndim; d++) inner *= input->dims[d];
    const tgi_norm_form form = { .shape = tg_shape(input->dims[0], num_groups, channels, inner),
                                 .dims = tg_shape(2, 3),
                                 .affine = tg_shape(num_groups, channels, 1),
                                 .weighted = o.weight != NULL,
                                 .centered = true,
                                 .eps = o.eps };
    return tgi_norm_forward(op, inputs, &form, sizeof form, tg_shape(2, input->dims[0] * num_groups), forward_raw,
                            NULL);
}

/* A parameter's gradient: the sums [n, c] added over n. */
static void put_sums(const job *w, tg_tensor *to, const double *sums, double *total)
{
    const int64_t c = w->groups * w->channels, size = sizeof(double);
    if (!to || c == 0) return;
    TGI_KERNELS(reduce)->sum_rows[TGI_F64](w->inner ? w->n : 0, c, sums, c * size, size, total);
    for (int64_t i = 0; i < c; i++) tgi_put(tgi_ptr(to), w->dtype, i, total[i]);
}

static bool backward_raw(const tgi_norm_form *form, tg_tensor *const from[TGI_NORM_SOURCES], tg_tensor *const grads[3])
{
    job w = job_of(form, from[TGI_NORM_X], from[TGI_NORM_WEIGHT], from[TGI_NORM_STATISTICS]);
    const int64_t all = w.groups * w.channels;
    const tg_shape shape = tg_shape(2 * w.n + 1, all);
    tg_tensor *sums = tgi_own(tgi_new(&shape, TG_FLOAT64));
    if (!sums) return false;
    w.g = tgi_ptr(from[TGI_NORM_G]);
    w.y = grads[0] ? tgi_ptr(grads[0]) : NULL;
    w.sum = tgi_ptr(sums);
    if (w.sum) w.product = w.sum + w.n * all;
    run_tasks(&w);
    put_sums(&w, grads[1], w.product, w.sum + 2 * w.n * all);
    put_sums(&w, grads[2], w.sum, w.sum + 2 * w.n * all);
    tgi_unref(sums);
    return true;
}

static void group_norm_backward_fused(tg_context *ctx) { tgi_norm_backward_fused(ctx, backward_raw); }

static tg_tensor_list group_norm_again(const tg_node *node, tg_tensor_list inputs)
{
    const tgi_norm_form *form = tg_node_attributes(node);
    return tgi_result(tg_group_norm(inputs.items[0], form->shape.dims[1], .weight = inputs.items[1],
                                    .bias = inputs.items[2], .eps = form->eps));
}

static tg_tensor_list group_norm_call(const tg_value *args)
{
    tg_group_norm_options o = { .weight = tgi_norm_argument(&args[2]),
                                .bias = tgi_norm_argument(&args[3]),
                                .eps = args[4].as.real };
    return tgi_result(tg_group_norm_at(TG_HERE, args[0].as.tensor, args[1].as.integer, o));
}

static const char *const group_norm_samples[] = { "group_norm(f(2, 6, 3), 2)",
                                                  "group_norm(f(2, 6, 3), 3, f(6), f(6))",
                                                  "group_norm(f(2, 4, 2, 3), 1, f(4), eps=0.5)",
                                                  "group_norm(f(1, 3, 2, 2), 3, bias=f(3))",
                                                  "group_norm(f(4, 6), 2, f(6), f(6))",
                                                  "group_norm(f(2, 4, 3, grad=False), 2, f(4), f(4))",
                                                  "group_norm(f(1, 2, 3, 1, 2), 1, f(2, grad=False), f(2))",
                                                  "group_norm(f(2, 4, 2, lo=100, hi=103), 2, f(4), f(4))",
                                                  "group_norm(f(1, 66, 2), 1, f(66), f(66))",
                                                  "group_norm(f(0, 6, 3), 2, f(6), f(6))",
                                                  "group_norm(f(2, 6, 0), 2)",
                                                  NULL };
static const tg_error_sample group_norm_errors[] = {
    { "group_norm(f(2, 6), 4)",
      "Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 6] and "
      "num_groups=4" },
    { "group_norm(f(2, 6), -2)", "Expected num groups to be greater than 0, got -2" },
    { "group_norm(f(6), 2)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
    { "group_norm(f(1, 6), 6)", "Expected more than 1 value per channel when training, got input size [1, 6]" },
    { "group_norm(f(2, 6, 3), 2, f(5))",
      "Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape [5] "
      "and input of shape [2, 6, 3]" },
    { "group_norm(f(2, 6, 3), 2, f(6), f(6, 1))",
      "Expected bias to be a vector of size equal to the number of channels in input, but got bias of shape [6" },
    { "group_norm(i(2, 6, 3), 2)", "\"GroupNormKernelImpl\" not implemented for 'Long'" },
    { "group_norm(f(2, 6, 3), 2, i(6))", "expected scalar type Double but found Long" },
    { NULL, NULL }
};

const tg_op tgi_op_group_norm = {
    .name = "group_norm",
    .schema = "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) "
              "-> Tensor",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .gradient = "with n = (x - mean) / sqrt(variance + eps) and h = g weight: dx = (h - mean of h - n mean of h n) / "
                "sqrt(variance + eps), dweight = g n, dbias = g, both summed over each channel",
    .doc = "Normalises each sample over groups of channels.",
    .shapes = "[N, C, *], weight and bias [C], to [N, C, *]",
    .backward = tgi_norm_backward,
    .backward_fused = group_norm_backward_fused,
    .flops = tgi_flops_norm,
    .call = group_norm_call,
    .again = group_norm_again,
    .samples = group_norm_samples,
    .errors = group_norm_errors,
};

/* ---- local_response_norm ---- */

/* The mean of the squares of `size` neighbouring channels, zeros beyond the ends: size / 2 of them before. */
static tg_tensor *mean_square(tg_tensor *x, int64_t size)
{
    const int64_t channels = x->dims[1];
    tg_shape before = tgi_shape(x), after = before;
    before.dims[1] = tgi_smaller(size / 2, channels);
    after.dims[1] = tgi_smaller((size - 1) / 2, channels);
    const int64_t window = before.dims[1] + 1 + after.dims[1];
    const tg_dtype dtype = (tg_dtype)x->dtype;
    tg_tensor *squares =
        tg_cat(tg_list(tg_zeros(before, .dtype = dtype), tg_mul(x, x), tg_zeros(after, .dtype = dtype)), 1);
    tg_tensor *sum = tg_narrow(squares, 1, 0, channels);
    for (int64_t i = 1; sum && i < window; i++) sum = tg_add(sum, tg_narrow(squares, 1, i, channels));
    return tg_div(sum, (double)size);
}

tg_tensor *tg_local_response_norm_at(const char *where, tg_tensor *input, int64_t size,
                                     tg_local_response_norm_options o)
{
    const tg_op *op = &tgi_op_local_response_norm;
    if (!tg_op_begin(where, op, tg_list(input))) return NULL;
    if (input->ndim < 3)
        return tg_op_fail(op, tg_list(input), "Expected 3D or higher dimensionality input (got %d dimensions)",
                          input->ndim);
    if (size <= 0)
        return tg_op_fail(op, tg_list(input), "kernel size should be greater than zero, but got %lld", (long long)size);
    if (!tgi_is_floating(input)) return tgi_not_implemented(op, tg_list(input), "avg_pool2d_out_frame", input->dtype);
    if (input->numel == 0) return input;
    return tg_div(input, tg_pow(tg_add(tg_mul(mean_square(input, size), o.alpha), o.k), o.beta));
}

static tg_tensor_list local_response_norm_call(const tg_value *args)
{
    tg_local_response_norm_options o = { .alpha = args[2].as.real, .beta = args[3].as.real, .k = args[4].as.real };
    return tgi_result(tg_local_response_norm_at(TG_HERE, args[0].as.tensor, args[1].as.integer, o));
}

static const char *const local_response_norm_samples[] = {
    "local_response_norm(f(2, 5, 3), 3)",
    "local_response_norm(f(1, 4, 2, 2), 2, alpha=0.5)",
    "local_response_norm(f(2, 3, 1, 2, 1), 5, alpha=0.3, beta=0.5, k=2.0)",
    "local_response_norm(f(2, 3, 2), 1, beta=0.0)",
    "local_response_norm(f(2, 3, 2), 9, alpha=1.0)",
    "local_response_norm(f(0, 3, 2), 2)",
    NULL
};
static const tg_error_sample local_response_norm_errors[] = {
    { "local_response_norm(f(2, 3), 2)", "Expected 3D or higher dimensionality" },
    { "local_response_norm(f(2, 3, 4), 0)", "kernel size should be greater than zero, but got" },
    { NULL, NULL }
};

const tg_op tgi_op_local_response_norm = {
    .name = "local_response_norm",
    .schema = "local_response_norm(Tensor input, int size, float alpha=0.0001, float beta=0.75, float k=1.0) -> Tensor",
    .formula = "y = x / (k + alpha mean of the squares of size neighbouring channels)^beta",
    .gradient = "that of the ops it is made of",
    .doc = "Divides by what neighbouring channels have at the same place; beyond the ends there are zeros.",
    .shapes = "[N, C, *] to [N, C, *]",
    .composite = true,
    .call = local_response_norm_call,
    .samples = local_response_norm_samples,
    .errors = local_response_norm_errors,
};
