/* pool_max.c: the largest of windows, and where it stands. Backward is a scatter along the indices, its backward a gather
 * along them: each the other's transpose. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/index/index_impl.h"
#include "ops/base/layout.h"
#include "pool_impl.h"
#include "ops/base/promote.h"

#include <inttypes.h>

static const tg_values_indices failed = { NULL, NULL };

/* ---- gather and scatter along the indices ---- */

typedef struct along {
    int spatial;
    tg_shape size; /* of what the indices point into */
} along;

static void sizes_of(const tg_shape *shape, int spatial, int64_t *planes, int64_t *plane)
{
    *planes = *plane = 1;
    for (int d = 0; d < shape->ndim; d++) *(d < shape->ndim - spatial ? planes : plane) *= shape->dims[d];
}

static void run_gather(const tgi_pool_job *job, int64_t first, int64_t planes)
{
    const int64_t size = (int64_t)tg_dtype_size((tg_dtype)job->dtype);
    TGI_KERNELS(pool)->gather[job->dtype](planes, job->in, job->out, (const char *)job->from + first * job->in * size,
                                          job->indices + first * job->out, (char *)job->to + first * job->out * size);
}

static void run_scatter(const tgi_pool_job *job, int64_t first, int64_t planes)
{
    const int64_t size = (int64_t)tg_dtype_size((tg_dtype)job->dtype);
    TGI_KERNELS(pool)->scatter[job->dtype](planes, job->in, job->out, (const char *)job->from + first * job->out * size,
                                           job->indices + first * job->out, (char *)job->to + first * job->in * size);
}

/* y = x[indices], or, `scatter`, zeros of a->size with x added at the indices. Raw; NULL is passed on. */
static tg_tensor *moved(tg_tensor *x, tg_tensor *indices, const along *a, bool scatter)
{
    if (!x || !indices) return NULL;
    const tg_shape from = tgi_shape(indices), shape = scatter ? a->size : from;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y) return NULL;
    tg_tensor *xc = tgi_own_contiguous(x), *ic = tgi_own_contiguous(indices);
    const bool ok = xc && ic;
    if (ok && y->numel > 0) {
        tgi_pool_job job = { .run = scatter ? run_scatter : run_gather,
                             .from = tgi_ptr(xc),
                             .to = tgi_ptr(y),
                             .indices = tgi_ptr(ic),
                             .dtype = x->dtype };
        sizes_of(&a->size, a->spatial, &job.planes, &job.in);
        sizes_of(&from, a->spatial, &job.planes, &job.out);
        tgi_pool_planes(&job);
    }
    tgi_unref(xc);
    tgi_unref(ic);
    return ok ? y : NULL;
}

static tg_tensor *gathered(tg_tensor *x, tg_tensor *indices, const along *a)
{
    const tg_op *op = &tgi_op_max_pool_double_backward;
    if (!tg_op_begin(NULL, op, tg_list(x, indices))) return NULL;
    tg_tensor *y = moved(x, indices, a, false);
    return y && tg_record(op, tg_list(x), tg_list(y), tg_list(indices), a, sizeof *a) == TG_OK ? y : NULL;
}

static tg_tensor *scattered(tg_tensor *g, tg_tensor *indices, const along *a)
{
    const tg_op *op = &tgi_op_max_pool_backward;
    if (!tg_op_begin(NULL, op, tg_list(g, indices))) return NULL;
    tg_tensor *y = moved(g, indices, a, true);
    return y && tg_record(op, tg_list(g), tg_list(y), tg_list(indices), a, sizeof *a) == TG_OK ? y : NULL;
}

static void scatter_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, scattered(tg_grad_output(ctx, 0), tg_saved(ctx, 0), tg_attributes(ctx)));
}

static void gather_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, gathered(tg_grad_output(ctx, 0), tg_saved(ctx, 0), tg_attributes(ctx)));
}

/* The generic calls check what a backward knows to be so. */
static bool along_ok(const tg_op *op, tg_tensor *x, tg_tensor *indices, const tg_shape *like, int64_t spatial, along *a)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape of_indices = tgi_shape(indices);
    const tg_tensor_list inputs = tg_list(x, indices);
    bool same = a->size.ndim == of_indices.ndim && spatial >= 1 && spatial <= of_indices.ndim;
    for (int d = 0; same && d < a->size.ndim - (int)spatial; d++) same = a->size.dims[d] == of_indices.dims[d];
    if (indices->dtype != TG_INT64)
        tgi_expected_type(op, inputs, TG_INT64, indices->dtype);
    else if (!tgi_is_floating(x))
        tgi_not_implemented(op, inputs, "max_pool2d", x->dtype);
    else if (!same || !tg_shape_equal(like, &of_indices))
        tg_op_fail(op, inputs, "the indices have shape %s, which does not fit", tg_shape_text(&of_indices, text));
    else {
        int64_t planes, plane;
        sizes_of(&a->size, (int)spatial, &planes, &plane);
        a->spatial = (int)spatial;
        return tgi_index_in_range(indices, plane) ||
               tg_op_fail(op, inputs, "index %" PRId64 " is out of bounds for dimension 1 with size %" PRId64,
                          tgi_index_first_bad(indices, 0, plane), plane);
    }
    return false;
}

static tg_tensor_list scattered_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *g = inputs.items[0];
    return tgi_result(scattered(g, tgi_saved_again(node, 0, g), tg_node_attributes(node)));
}

static tg_tensor_list gathered_again(const tg_node *node, tg_tensor_list inputs)
{
    tg_tensor *x = inputs.items[0];
    return tgi_result(gathered(x, tgi_saved_again(node, 0, x), tg_node_attributes(node)));
}

static tg_tensor_list max_pool_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_max_pool_backward;
    tg_tensor *g = v[0].as.tensor, *indices = v[1].as.tensor;
    if (!tg_op_begin(NULL, op, tg_list(g, indices))) return tg_list_failed();
    along a = { .size = v[2].as.ints };
    const tg_shape like = tgi_shape(g);
    if (!tgi_op_list_fits(op, tg_list(g), &a.size) || tgi_op_numel(op, tg_list(g), &a.size) < 0)
        return tg_list_failed();
    if (!along_ok(op, g, indices, &like, v[3].as.integer, &a)) return tg_list_failed();
    return tgi_result(scattered(g, indices, &a));
}

static tg_tensor_list max_pool_double_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_max_pool_double_backward;
    tg_tensor *x = v[0].as.tensor, *indices = v[1].as.tensor;
    if (!tg_op_begin(NULL, op, tg_list(x, indices))) return tg_list_failed();
    along a = { .size = tgi_shape(x) };
    const tg_shape like = tgi_shape(indices);
    if (!along_ok(op, x, indices, &like, v[2].as.integer, &a)) return tg_list_failed();
    return tgi_result(gathered(x, indices, &a));
}

static const char *const max_pool_backward_samples[] = {
    "max_pool_backward(f(2, 3, 4), i(2, 3, 4, lo=0, hi=5), [2, 3, 5], 1)",
    "max_pool_backward(f(3, 2, 2), i(3, 2, 2, lo=0, hi=12), [3, 4, 3], 2)", NULL
};
static const tg_error_sample max_pool_backward_errors[] = {
    { "max_pool_backward(f(2, 4), i(2, 4, lo=5, hi=6), [2, 5], 1)",
      "index 5 is out of bounds for dimension 1 with size 5" },
    { NULL, NULL }
};
static const tg_error_sample max_pool_backward_own_errors[] = {
    { "max_pool_backward(f(2, 4), i(2, 3), [2, 5], 1)", "the indices have shape [2, 3], which does not fit" },
    { "max_pool_backward(f(2, 4), i(2, 4), [3, 5], 1)", "the indices have shape [2, 4], which does not fit" },
    { "max_pool_backward(f(2, 4), f(2, 4), [2, 5], 1)", "expected scalar type Long but found " },
    { NULL, NULL }
};
const tg_op tgi_op_max_pool_backward = {
    .name = "max_pool_backward",
    .schema = "max_pool_backward(Tensor grad_output, Tensor indices, int[] size, int spatial) -> Tensor",
    .formula = "y = zeros(size); y[plane, indices[plane, i]] += grad_output[plane, i]",
    .gradient = "dgrad_output = g at the indices",
    .doc = "The gradient of the max pools, whose indices count in the last `spatial` dimensions of size.",
    .shapes = "any to size",
    .backward = gather_backward,
    .usage = "",
    .call = max_pool_backward_call,
    .again = scattered_again,
    .samples = max_pool_backward_samples,
    .errors = max_pool_backward_errors,
    .own_errors = max_pool_backward_own_errors,
};

static const char *const max_pool_double_backward_samples[] = {
    "max_pool_double_backward(f(2, 3, 5), i(2, 3, 4, lo=0, hi=5), 1)",
    "max_pool_double_backward(f(3, 4, 3), i(3, 2, 2, lo=0, hi=12), 2)", NULL
};
static const tg_error_sample max_pool_double_backward_errors[] = {
    { "max_pool_double_backward(f(2, 5), i(2, 4, lo=5, hi=6), 1)",
      "index 5 is out of bounds for dimension 1 with size 5" },
    { NULL, NULL }
};
static const tg_error_sample max_pool_double_backward_own_errors[] = {
    { "max_pool_double_backward(f(3, 5), i(2, 4), 1)", "the indices have shape [2, 4], which does not fit" },
    { NULL, NULL }
};
const tg_op tgi_op_max_pool_double_backward = {
    .name = "max_pool_double_backward",
    .schema = "max_pool_double_backward(Tensor grad, Tensor indices, int spatial) -> Tensor",
    .formula = "y[plane, i] = grad[plane, indices[plane, i]]",
    .gradient = "dgrad = zeros, to which g is added at the indices",
    .doc = "The elements that max pooling chose, in the last `spatial` dimensions.",
    .shapes = "any to that of the indices",
    .backward = scatter_backward,
    .usage = "",
    .call = max_pool_double_backward_call,
    .again = gathered_again,
    .samples = max_pool_double_backward_samples,
    .errors = max_pool_double_backward_errors,
    .own_errors = max_pool_double_backward_own_errors,
};

/* ---- the pools ---- */

static void run_max(const tgi_pool_job *job, int64_t first, int64_t planes)
{
    const int64_t size = (int64_t)tg_dtype_size((tg_dtype)job->dtype);
    TGI_KERNELS(pool)->max[job->dtype](job->pool, planes, (const char *)job->from + first * job->in * size,
                                       (char *)job->to + first * job->out * size,
                                       job->indices ? job->indices + first * job->out : NULL);
}

static bool pool_into(tg_tensor *x, const tgi_windows *w, tg_tensor *values, tg_tensor *indices)
{
    if (values->numel == 0) return true;
    const tg_shape shape = tgi_shape(x);
    tg_tensor *c = tgi_own_contiguous(x);
    if (!c) return false;
    int64_t planes, plane;
    sizes_of(&shape, w->spatial, &planes, &plane);
    tgi_pool_job job = { .run = run_max,
                         .from = tgi_ptr(c),
                         .to = tgi_ptr(values),
                         .indices = indices ? tgi_ptr(indices) : NULL,
                         .dtype = x->dtype,
                         .planes = planes,
                         .in = plane,
                         .out = w->out[0] * w->out[1] };
    const bool ok = tgi_pool_run(w, &job);
    tgi_unref(c);
    return ok;
}

/* Its backward looks at the first member alone. */
typedef struct pooling {
    along along;
    tgi_windows windows;
} pooling;

/* Values and indices, recorded as `op`; the indices are made only if somebody wants them. */
static tg_values_indices pooled(const tg_op *op, tg_tensor *x, const tgi_windows *w, bool indices_wanted)
{
    const tg_shape from = tgi_shape(x), shape = tgi_windows_shape(&from, w, w->out);
    if (!tgi_is_floating(x)) {
        tgi_not_implemented(op, tg_list(x),
                            w->adaptive       ? "adaptive_max_pool2d"
                            : w->spatial == 1 ? "max_pool1d_impl"
                                              : "max_pool2d",
                            x->dtype);
        return failed;
    }
    if (tgi_op_numel(op, tg_list(x), &shape) < 0) return failed;
    const bool indices = indices_wanted || tg_will_record(tg_list(x));
    tg_values_indices r = { tgi_new(&shape, (tg_dtype)x->dtype), indices ? tgi_new(&shape, TG_INT64) : NULL };
    if (!r.values || (indices && !r.indices) || !pool_into(x, w, r.values, r.indices)) return failed;
    const pooling a = { { w->spatial, from }, *w };
    tg_tensor_list outputs = tg_list(r.values, r.indices);
    if (!indices_wanted) outputs.count = 1;
    return tg_record(op, tg_list(x), outputs, tg_list(r.indices), &a, sizeof a) == TG_OK ? r : failed;
}

static tg_tensor_list pooled_again(const tg_node *node, tg_tensor_list inputs)
{
    const pooling *a = tg_node_attributes(node);
    const bool indices = tg_node_output_count(node) > 1;
    const tg_values_indices y = pooled(tg_node_op(node), inputs.items[0], &a->windows, indices);
    return indices ? tgi_both(y) : tgi_result(y.values);
}

static bool max_dims_ok(const tg_op *op, tg_tensor *x, int spatial)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(x);
    if (x->ndim == spatial + 1 || x->ndim == spatial + 2) return true;
    if (spatial == 2)
        tg_op_fail(op, tg_list(x), "non-empty 3D or 4D (batch mode) tensor expected for input");
    else
        tg_op_fail(
            op, tg_list(x),
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:%s",
            tg_shape_text(&shape, text));
    return false;
}

static tg_values_indices max_pool(const char *where, const tg_op *op, tg_tensor *x, tg_shape kernel_size,
                                  const tg_max_pool_options *o, int spatial, bool indices)
{
    const tgi_window_lists lists = { kernel_size, o->stride, o->padding, o->dilation, o->ceil_mode };
    tgi_windows w;
    if (!tg_op_begin(where, op, tg_list(x)) || !max_dims_ok(op, x, spatial) ||
        !tgi_windows_check(op, x, spatial, &lists, &w))
        return failed;
    return pooled(op, x, &w, indices);
}

static tg_values_indices adaptive(const char *where, const tg_op *op, tg_tensor *x, tg_shape output_size, int spatial,
                                  bool indices)
{
    tgi_windows w;
    if (!tg_op_begin(where, op, tg_list(x))) return failed;
    if (!tgi_windows_adaptive(op, x, spatial, output_size, &w)) return failed;
    return pooled(op, x, &w, indices);
}

tg_tensor *tg_max_pool1d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_max_pool_options options)
{
    return max_pool(where, &tgi_op_max_pool1d, input, kernel_size, &options, 1, false).values;
}

tg_tensor *tg_max_pool2d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_max_pool_options options)
{
    return max_pool(where, &tgi_op_max_pool2d, input, kernel_size, &options, 2, false).values;
}

tg_values_indices tg_max_pool1d_with_indices_at(const char *where, tg_tensor *input, tg_shape kernel_size,
                                                tg_max_pool_options options)
{
    return max_pool(where, &tgi_op_max_pool1d_with_indices, input, kernel_size, &options, 1, true);
}

tg_values_indices tg_max_pool2d_with_indices_at(const char *where, tg_tensor *input, tg_shape kernel_size,
                                                tg_max_pool_options options)
{
    return max_pool(where, &tgi_op_max_pool2d_with_indices, input, kernel_size, &options, 2, true);
}

tg_tensor *tg_adaptive_max_pool1d_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive(where, &tgi_op_adaptive_max_pool1d, input, output_size, 1, false).values;
}

tg_tensor *tg_adaptive_max_pool2d_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive(where, &tgi_op_adaptive_max_pool2d, input, output_size, 2, false).values;
}

tg_values_indices tg_adaptive_max_pool1d_with_indices_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive(where, &tgi_op_adaptive_max_pool1d_with_indices, input, output_size, 1, true);
}

tg_values_indices tg_adaptive_max_pool2d_with_indices_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive(where, &tgi_op_adaptive_max_pool2d_with_indices, input, output_size, 2, true);
}

/* ---- descriptors ---- */

#define POOL_CALL(name, result)                                                                                        \
    static tg_tensor_list name##_call(const tg_value *v)                                                               \
    {                                                                                                                  \
        tg_max_pool_options options;                                                                                   \
        tgi_max_pool_options_of(v, &options);                                                                          \
        return result(tg_##name##_at(TG_HERE, v[0].as.tensor, v[1].as.ints, options));                                 \
    }
#define ADAPTIVE_CALL(name, result)                                                                                    \
    static tg_tensor_list name##_call(const tg_value *v)                                                               \
    {                                                                                                                  \
        return result(tg_##name##_at(TG_HERE, v[0].as.tensor, v[1].as.ints));                                          \
    }
POOL_CALL(max_pool1d, tgi_result)
POOL_CALL(max_pool2d, tgi_result)
POOL_CALL(max_pool1d_with_indices, tgi_both)
POOL_CALL(max_pool2d_with_indices, tgi_both)
ADAPTIVE_CALL(adaptive_max_pool1d, tgi_result)
ADAPTIVE_CALL(adaptive_max_pool2d, tgi_result)
ADAPTIVE_CALL(adaptive_max_pool1d_with_indices, tgi_both)
ADAPTIVE_CALL(adaptive_max_pool2d_with_indices, tgi_both)

static const char *const max_pool1d_samples[] = { "max_pool1d(f(2, 3, 7), 3)", "max_pool1d(f(3, 7), 2, stride=3)",
                                                  "max_pool1d(f(2, 2, 7), [3], [2], [1], [2], True)",
                                                  "max_pool1d(f(0, 3, 7), 3)", NULL };
static const char *const max_pool1d_with_indices_samples[] = {
    "max_pool1d_with_indices(f(2, 3, 7), 3)", "max_pool1d_with_indices(f(3, 7), 4, 1, 2, ceil_mode=True)",
    "max_pool1d_with_indices(f(0, 3, 7), 3)", NULL
};
static const tg_error_sample max_pool1d_errors[] = {
    { "max_pool1d(f(5), 2)",
      "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:[5]" },
    { "max_pool1d(f(2, 3, 5), 2, padding=2)",
      "pad should be at most half of kernel size, but got pad=2 and kernel_size=2" },
    { "max_pool1d(f(2, 3, 5), 2, stride=0)", "stride should not be zero" },
    { "max_pool1d(f(2, 3, 1), 2)",
      "Given input size: (3x1x1). Calculated output size: (3x1x0). Output size is too small" },
    { "max_pool1d(i(2, 3, 5), 2)", "\"max_pool1d_impl\" not implemented for 'Long'" },
    { NULL, NULL }
};
static const char *const max_pool2d_samples[] = { "max_pool2d(f(2, 3, 5, 4), 2)",
                                                  "max_pool2d(f(3, 5, 4), [3, 2], stride=[1, 2])",
                                                  "max_pool2d(f(2, 2, 5, 6), 3, 2, 1)",
                                                  "max_pool2d(f(2, 2, 6, 7), [2, 3], [3, 2], [1, 0], [2, 1])",
                                                  "max_pool2d(f(1, 2, 6, 6), 2, 3, 1, ceil_mode=True)",
                                                  "max_pool2d(f(0, 3, 5, 4), 2)",
                                                  NULL };
static const char *const max_pool2d_with_indices_samples[] = {
    "max_pool2d_with_indices(f(2, 3, 5, 4), 2)", "max_pool2d_with_indices(f(3, 5, 6), 3, 2, 1, ceil_mode=True)",
    "max_pool2d_with_indices(f(2, 2, 6, 7), [2, 3], [3, 2], [1, 0], [2, 1])", NULL
};
static const char *const max_pool2d_corners[] = {
    "max_pool2d_with_indices(f(1, 2, 5, 6, step=2), 3, 1)",
    "max_pool2d_with_indices(reshape(v(1, nan, 2, 3, inf, 1, nan, 3, -inf, inf, 0, -0, -inf, -inf, -0, 0), [1, 4, 4]), 2)",
    "max_pool2d_with_indices(reshape(v(-inf, -inf, nan, -inf, nan, 1), [1, 1, 2, 3]), 2, stride=1)", NULL
};
static const tg_error_sample max_pool2d_errors[] = {
    { "max_pool2d(f(5, 5), 2)", "non-empty 3D or 4D (batch mode) tensor expected for input" },
    { "max_pool2d(f(2, 3, 5, 5), [2, 2, 2])",
      "max_pool2d: kernel_size must either be a single int, or a tuple of two ints" },
    { "max_pool2d(f(2, 3, 5, 5), 2, stride=[1, 2, 3])",
      "max_pool2d: stride must either be omitted, a single int, or a tuple of two ints" },
    { "max_pool2d(f(2, 3, 5, 5), 2, padding=2)",
      "pad should be at most half of kernel size, but got pad=2 and kernel_size=2" },
    { "max_pool2d(f(2, 3, 5, 5), 2, padding=-1)", "pad must be non-negative, but got pad: -1" },
    { "max_pool2d(f(2, 3, 5, 5), 0)", "stride should not be zero" },
    { "max_pool2d(f(2, 3, 5, 5), -1)", "kernel size should be greater than zero, but got kH: -1 kW: -1" },
    { "max_pool2d(f(2, 3, 5, 5), 2, stride=-1)", "stride should be greater than zero, but got dH: -1 dW: -1" },
    { "max_pool2d(f(2, 3, 5, 5), 2, dilation=0)",
      "dilation should be greater than zero, but got dilationH: 0 dilationW: 0" },
    { "max_pool2d(f(2, 3, 5, 5), 6)",
      "Given input size: (3x5x5). Calculated output size: (3x0x0). Output size is too small" },
    { "max_pool2d(f(2, 0, 5, 5), 2)",
      "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[2, 0, 5, 5]" },
    { "max_pool2d(i(2, 3, 5, 5), 2)", "\"max_pool2d\" not implemented for 'Long'" },
    { NULL, NULL }
};
static const char *const adaptive_max_pool1d_samples[] = { "adaptive_max_pool1d(f(2, 3, 7), 3)",
                                                           "adaptive_max_pool1d(f(3, 4), [6])",
                                                           "adaptive_max_pool1d(f(0, 2, 5), 2)", NULL };
static const char *const adaptive_max_pool1d_with_indices_samples[] = {
    "adaptive_max_pool1d_with_indices(f(2, 3, 7), 3)", NULL
};
static const tg_error_sample adaptive_max_pool1d_errors[] = {
    { "adaptive_max_pool1d(f(5), 2)",
      "Expected 2 to 3 dimensions, but got 1-dimensional tensor for argument #1 'self' (while checking arguments for "
      "adaptive_max_pool1d)" },
    { "adaptive_max_pool1d(f(2, 3, 5), [2, 3])",
      "adaptive_max_pool1d() argument 'output_size' should contain one int (got 2)" },
    { NULL, NULL }
};
static const char *const adaptive_max_pool2d_samples[] = { "adaptive_max_pool2d(f(2, 3, 5, 4), 2)",
                                                           "adaptive_max_pool2d(f(3, 5, 7), [3, 4])",
                                                           "adaptive_max_pool2d(f(2, 1, 3, 2), [7, 5])",
                                                           "adaptive_max_pool2d(f(2, 2, 5, 4), 1)",
                                                           "adaptive_max_pool2d(f(2, 3, 5, 4), [0, 2])",
                                                           "adaptive_max_pool2d(f(2, 3, 5, 4), [None, 3])",
                                                           NULL };
static const char *const adaptive_max_pool2d_with_indices_samples[] = {
    "adaptive_max_pool2d_with_indices(f(2, 3, 5, 4), 2)", "adaptive_max_pool2d_with_indices(f(3, 5, 7), [3, 4])", NULL
};
static const char *const adaptive_max_pool2d_corners[] = {
    "adaptive_max_pool2d_with_indices(f(1, 2, 5, 6, step=2), 2)",
    "adaptive_max_pool2d_with_indices(reshape(v(1, nan, 2, 3, inf, 1, nan, 3, -inf, -inf, -inf, -inf), [1, 3, 4]), 2)",
    NULL
};
static const tg_error_sample adaptive_max_pool2d_errors[] = {
    { "adaptive_max_pool2d(f(5, 5), [2, 3])", "Input dimension should be at least 3" },
    { "adaptive_max_pool2d(i(2, 3, 5, 5), 2)", "\"adaptive_max_pool2d\" not implemented for 'Long'" },
    { "adaptive_max_pool2d(f(2, 3, 0, 5), 2)",
      "adaptive_max_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has sizes [2, 3, 0, "
      "5] with dimension 2 being empty" },
    { NULL, NULL }
};
#define ERROR_OF(name, call, message)                                                                                  \
    static const tg_error_sample name##_errors[] = { { #name "(" call, message }, { NULL, NULL } };
ERROR_OF(max_pool1d_with_indices, "f(2, 3, 5), 2, stride=0)", "stride should not be zero")
ERROR_OF(max_pool2d_with_indices, "f(2, 3, 5, 5), 2, stride=0)", "stride should not be zero")
ERROR_OF(adaptive_max_pool1d_with_indices, "f(5), 2)", "Expected 2 to 3 dimensions, but got 1-dimensional tensor")
ERROR_OF(adaptive_max_pool2d_with_indices, "f(5, 5), [2, 2])", "Input dimension should be at least 3")

#define KINKS                                                                                                               \
    "where several elements of a window are the largest: the gradient goes to the first of them, to the last NaN if there " \
    "is one"
#define LISTS(n)                                                                                                       \
    "Tensor self, int[" #n "] kernel_size, int[" #n "] stride=[], int[" #n "] padding=0, int[" #n "] dilation=1, "     \
    "bool ceil_mode=False"
#define TO_INDICES ") -> (Tensor values, Tensor indices)"

#define POOL(op_name, arguments, to, text, from_to, error_samples, corner_samples)                                     \
    const tg_op tgi_op_##op_name = {                                                                                   \
        .name = #op_name,                                                                                              \
        .schema = #op_name "(" arguments to,                                                                           \
        .formula = "y = the largest element of each window of x",                                                      \
        .gradient = "dx = zeros, to which g is added where the largest elements stand",                                \
        .doc = text,                                                                                                   \
        .shapes = from_to,                                                                                             \
        .kinks = KINKS,                                                                                                \
        .backward = scatter_backward,                                                                                  \
        .call = op_name##_call,                                                                                        \
        .again = pooled_again,                                                                                         \
        .samples = op_name##_samples,                                                                                  \
        .corners = corner_samples,                                                                                     \
        .errors = error_samples,                                                                                       \
    };
#define L_TO  "[N, C, L] to [N, C, (L + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1]"
#define HW_TO "[N, C, H, W] to [N, C, (H + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1, ..]"
POOL(max_pool1d, LISTS(1), ") -> Tensor", "The largest element of each window of sequences.", L_TO, max_pool1d_errors,
     NULL)
POOL(max_pool2d, LISTS(2), ") -> Tensor", "The largest element of each window of images.", HW_TO, max_pool2d_errors,
     NULL)
POOL(max_pool1d_with_indices, LISTS(1), TO_INDICES, "max_pool1d, and where in its sequence each element stands.", L_TO,
     max_pool1d_with_indices_errors, NULL)
POOL(max_pool2d_with_indices, LISTS(2), TO_INDICES,
     "max_pool2d, and where in its plane each element stands, counted row by row.", HW_TO,
     max_pool2d_with_indices_errors, max_pool2d_corners)
POOL(adaptive_max_pool1d, "Tensor self, int[1] output_size", ") -> Tensor",
     "The largest elements of as many windows of sequences as the result is to have.",
     "[N, C, L] to [N, C, output_size]", adaptive_max_pool1d_errors, NULL)
POOL(adaptive_max_pool2d, "Tensor self, int?[2] output_size", ") -> Tensor",
     "The largest elements of as many windows of images as the result is to have.",
     "[N, C, H, W] to [N, C, *output_size]", adaptive_max_pool2d_errors, NULL)
POOL(adaptive_max_pool1d_with_indices, "Tensor self, int[1] output_size", TO_INDICES,
     "adaptive_max_pool1d, and where in its sequence each element stands.", "[N, C, L] to [N, C, output_size]",
     adaptive_max_pool1d_with_indices_errors, NULL)
POOL(adaptive_max_pool2d_with_indices, "Tensor self, int?[2] output_size", TO_INDICES,
     "adaptive_max_pool2d, and where in its plane each element stands, counted row by row.",
     "[N, C, H, W] to [N, C, *output_size]", adaptive_max_pool2d_with_indices_errors, adaptive_max_pool2d_corners)
