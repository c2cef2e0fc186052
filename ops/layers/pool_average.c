/* pool_average.c: averages of windows. A linear map, and its transpose as an op of its own: each is the other's
 * gradient. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "pool_impl.h"
#include "ops/base/promote.h"

#include <inttypes.h>

/* ---- the two maps ---- */

static int64_t planes_of(const tg_shape *shape, int spatial)
{
    int64_t planes = 1;
    for (int d = 0; d < shape->ndim - spatial; d++) planes *= shape->dims[d];
    return planes;
}

static void run_average(const tgi_pool_job *job, int64_t first, int64_t planes)
{
    const int64_t size = (int64_t)tg_dtype_size((tg_dtype)job->dtype);
    TGI_KERNELS(pool)->average[job->dtype](job->pool, planes, (const char *)job->from + first * job->in * size,
                                           (char *)job->to + first * job->out * size);
}

static void run_average_backward(const tgi_pool_job *job, int64_t first, int64_t planes)
{
    const int64_t size = (int64_t)tg_dtype_size((tg_dtype)job->dtype);
    TGI_KERNELS(pool)->average_backward[job->dtype](job->pool, planes,
                                                    (const char *)job->from + first * job->out * size,
                                                    (char *)job->to + first * job->in * size);
}

/* The average of x, or, `back`, its transpose, recorded as `op`. */
static tg_tensor *averaged(const tg_op *op, tg_tensor *x, const tgi_windows *w, bool back)
{
    const tg_shape from = tgi_shape(x), shape = tgi_windows_shape(&from, w, back ? w->in : w->out);
    if (tgi_op_numel(op, tg_list(x), &shape) < 0) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y) return NULL;
    if (x->numel == 0) tgi_fill(y, 0);
    if (x->numel > 0 && y->numel > 0) {
        tg_tensor *c = tgi_own_contiguous(x);
        tgi_pool_job job = { .run = back ? run_average_backward : run_average,
                             .from = c ? tgi_ptr(c) : NULL,
                             .to = tgi_ptr(y),
                             .dtype = x->dtype,
                             .planes = planes_of(&shape, w->spatial),
                             .in = w->in[0] * w->in[1],
                             .out = w->out[0] * w->out[1] };
        const bool ok = c && tgi_pool_run(w, &job);
        tgi_unref(c);
        if (!ok) return NULL;
    }
    return tg_record(op, tg_list(x), tg_list(y), TG_NONE, w, sizeof *w) == TG_OK ? y : NULL;
}

static tg_tensor *averaged_back(tg_tensor *g, const tgi_windows *w)
{
    const tg_op *op = w->adaptive ? &tgi_op_adaptive_avg_pool_backward : &tgi_op_avg_pool_backward;
    return tg_op_begin(NULL, op, tg_list(g)) ? averaged(op, g, w, true) : NULL;
}

static const tg_op *forward_op(const tgi_windows *w)
{
    if (w->adaptive) return w->spatial == 1 ? &tgi_op_adaptive_avg_pool1d : &tgi_op_adaptive_avg_pool2d;
    return w->spatial == 1 ? &tgi_op_avg_pool1d : &tgi_op_avg_pool2d;
}

static void average_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, averaged_back(tg_grad_output(ctx, 0), tg_attributes(ctx)));
}

static void backward_backward(tg_context *ctx)
{
    const tgi_windows *w = tg_attributes(ctx);
    const tg_op *op = forward_op(w);
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_op_begin(NULL, op, tg_list(g))) tg_set_grad_input(ctx, 0, averaged(op, g, w, false));
}

/* ---- avg_pool1d, avg_pool2d ---- */

static bool dims_ok(const tg_op *op, tg_tensor *input, int spatial)
{
    const int n = input->ndim;
    if (spatial == 1 && n != 2 && n != 3)
        tg_op_fail(op, tg_list(input),
                   "Expected 2 to 3 dimensions, but got %d-dimensional tensor for argument #1 'self' (while checking "
                   "arguments for %s)",
                   n, op->name);
    else if (spatial == 2 && n < 3)
        tg_op_fail(op, tg_list(input), "Dimension out of range (expected to be in range of [%d, %d], but got -3)",
                   n ? -n : -1, n ? n - 1 : 0);
    else if (spatial == 2 && n > 4) {
        char text[TG_SHAPE_TEXT];
        const tg_shape shape = tgi_shape(input);
        tg_op_fail(op, tg_list(input),
                   "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:%s",
                   tg_shape_text(&shape, text));
    } else
        return true;
    return false;
}

static bool windows_of(const tg_op *op, tg_tensor *input, tg_shape kernel_size, const tg_avg_pool_options *o,
                       int spatial, tgi_windows *w)
{
    const tgi_window_lists lists = { kernel_size, o->stride, o->padding, tg_shape(1), o->ceil_mode };
    if (!dims_ok(op, input, spatial)) return false;
    if (o->divisor_override == 0) {
        tg_op_fail(op, tg_list(input), "divisor must be not zero");
        return false;
    }
    if (!tgi_windows_check(op, input, spatial, &lists, w)) return false;
    w->include_pad = o->count_include_pad;
    w->divisor = o->divisor_override == TG_NO_DIVISOR ? 0 : o->divisor_override;
    return true;
}

static tg_tensor *average(const char *where, const tg_op *op, tg_tensor *input, tg_shape kernel_size,
                          const tg_avg_pool_options *o, int spatial)
{
    tgi_windows w;
    if (!tg_op_begin(where, op, tg_list(input)) || !windows_of(op, input, kernel_size, o, spatial, &w)) return NULL;
    if (input->dtype == TG_BOOL) return tg_op_fail(op, tg_list(input), "\"avg_pool2d\" not implemented for 'Bool'");
    return averaged(op, input, &w, false);
}

tg_tensor *tg_avg_pool1d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_avg_pool_options options)
{
    options.divisor_override = TG_NO_DIVISOR;
    return average(where, &tgi_op_avg_pool1d, input, kernel_size, &options, 1);
}

tg_tensor *tg_avg_pool2d_at(const char *where, tg_tensor *input, tg_shape kernel_size, tg_avg_pool_options options)
{
    return average(where, &tgi_op_avg_pool2d, input, kernel_size, &options, 2);
}

/* The options, which begin at v: stride, padding, ceil_mode, count_include_pad and, if it is there, the divisor. */
static tg_avg_pool_options options_of(const tg_value *v, bool divisor)
{
    tg_avg_pool_options o = { .stride = v[0].as.ints,
                              .padding = v[1].as.ints,
                              .ceil_mode = v[2].as.boolean,
                              .count_include_pad = v[3].as.boolean,
                              .divisor_override = TG_NO_DIVISOR };
    if (v[0].kind != TG_VALUE_INTS) o.stride.ndim = 0;
    if (divisor && v[4].kind == TG_VALUE_INT) o.divisor_override = v[4].as.integer;
    return o;
}

static tg_tensor_list average_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_op *op = tg_node_op(node);
    const bool back = op == &tgi_op_avg_pool_backward || op == &tgi_op_adaptive_avg_pool_backward;
    return tgi_result(averaged(op, inputs.items[0], tg_node_attributes(node), back));
}

static tg_tensor_list avg_pool1d_call(const tg_value *v)
{
    return tgi_result(tg_avg_pool1d_at(TG_HERE, v[0].as.tensor, v[1].as.ints, options_of(v + 2, false)));
}

static tg_tensor_list avg_pool2d_call(const tg_value *v)
{
    return tgi_result(tg_avg_pool2d_at(TG_HERE, v[0].as.tensor, v[1].as.ints, options_of(v + 2, true)));
}

static const char *const avg_pool1d_samples[] = {
    "avg_pool1d(f(2, 3, 7), 3)",
    "avg_pool1d(f(3, 7), 2, stride=3)",
    "avg_pool1d(f(2, 2, 7), [3], stride=[2], padding=[1], ceil_mode=True)",
    "avg_pool1d(f(2, 2, 7), 4, 2, 2, ceil_mode=True, count_include_pad=False)",
    "avg_pool1d(f(0, 3, 7), 3)",
    "avg_pool1d(i(2, 2, 7, lo=-9, hi=9), 3)",
    NULL
};
static const tg_error_sample avg_pool1d_errors[] = {
    { "avg_pool1d(f(5), 2)",
      "Expected 2 to 3 dimensions, but got 1-dimensional tensor for argument #1 'self' (while checking arguments for "
      "avg_pool1d)" },
    { "avg_pool1d(f(2, 3, 5), [2, 3])", "avg_pool1d() argument 'kernel_size' should contain one int (got 2)" },
    { "avg_pool1d(f(2, 3, 5), 2, stride=[1, 2])", "avg_pool1d() argument 'stride' should contain one int (got 2)" },
    { "avg_pool1d(f(2, 3, 5), 2, padding=2)",
      "pad should be at most half of kernel size, but got pad=2 and kernel_size=2" },
    { "avg_pool1d(f(2, 3, 5), 2, stride=0)", "stride should not be zero" },
    { "avg_pool1d(f(2, 3, 1), 2)",
      "Given input size: (3x1x1). Calculated output size: (3x1x0). Output size is too small" },
    { NULL, NULL }
};
const tg_op tgi_op_avg_pool1d = {
    .name = "avg_pool1d",
    .schema =
        "avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, bool ceil_mode=False, bool "
        "count_include_pad=True) -> Tensor",
    .formula = "y[i] = the average of x[i stride - padding] to x[i stride - padding + kernel_size - 1]",
    .gradient = "dx = avg_pool_backward of g",
    .doc = "Averages of windows of sequences; padding counts as zeros, or, without count_include_pad, not at all.",
    .shapes = "[N, C, L] to [N, C, (L + 2 padding - kernel_size) / stride + 1]",
    .backward = average_backward,
    .call = avg_pool1d_call,
    .again = average_again,
    .samples = avg_pool1d_samples,
    .errors = avg_pool1d_errors,
};

static const char *const avg_pool2d_samples[] = {
    "avg_pool2d(f(2, 3, 5, 4), 2)",
    "avg_pool2d(f(3, 5, 4), [3, 2], stride=[1, 2])",
    "avg_pool2d(f(2, 2, 5, 6), 3, 2, 1)",
    "avg_pool2d(f(2, 2, 5, 6), 3, 2, 1, count_include_pad=False)",
    "avg_pool2d(f(2, 2, 5, 6), [3, 4], 3, [1, 2], ceil_mode=True)",
    "avg_pool2d(f(2, 2, 5, 6), [3, 4], 3, [1, 2], ceil_mode=True, count_include_pad=False)",
    "avg_pool2d(f(1, 2, 5, 4), 2, divisor_override=3)",
    "avg_pool2d(f(1, 1, 4, 4), 2, stride=1, padding=1, divisor_override=-2)",
    "avg_pool2d(f(0, 3, 5, 4), 2)",
    "avg_pool2d(i(2, 2, 4, 4, lo=-9, hi=9), 2)",
    NULL
};
static const char *const avg_pool2d_corners[] = {
    "avg_pool2d(reshape(v(1, nan, 2, 3, inf, 1, 2, 3, -inf, inf, 0, -0, 1e300, 1, 2, 3), [1, 4, 4]), 2, stride=1)", NULL
};
static const tg_error_sample avg_pool2d_errors[] = {
    { "avg_pool2d(f(5, 5), 2)", "Dimension out of range (expected to be in range of [-2, 1], but got -3)" },
    { "avg_pool2d(f(2, 3, 5, 5), [2, 2, 2])",
      "avg_pool2d: kernel_size must either be a single int, or a tuple of two ints" },
    { "avg_pool2d(f(2, 3, 5, 5), 2, stride=[1, 2, 3])",
      "avg_pool2d: stride must either be omitted, a single int, or a tuple of two ints" },
    { "avg_pool2d(f(2, 3, 5, 5), 2, padding=[1, 2, 3])",
      "avg_pool2d: padding must either be a single int, or a tuple of two ints" },
    { "avg_pool2d(f(2, 3, 5, 5), 2, padding=2)",
      "pad should be at most half of kernel size, but got pad=2 and kernel_size=2" },
    { "avg_pool2d(f(2, 3, 5, 5), 2, padding=-1)", "pad must be non-negative, but got pad: -1" },
    { "avg_pool2d(f(2, 3, 5, 5), 0)", "stride should not be zero" },
    { "avg_pool2d(f(2, 3, 5, 5), -1)", "kernel size should be greater than zero, but got kH: -1 kW: -1" },
    { "avg_pool2d(f(2, 3, 5, 5), 6)",
      "Given input size: (3x5x5). Calculated output size: (3x0x0). Output size is too small" },
    { "avg_pool2d(f(2, 3, 5, 5), 2, divisor_override=0)", "divisor must be not zero" },
    { "avg_pool2d(b(2, 3, 5, 5), 2)", "\"avg_pool2d\" not implemented for 'Bool'" },
    { "avg_pool2d(f(2, 0, 5, 5), 2)",
      "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[2, 0, 5, 5]" },
    { NULL, NULL }
};
const tg_op tgi_op_avg_pool2d = {
    .name = "avg_pool2d",
    .schema =
        "avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool "
        "count_include_pad=True, int? divisor_override=None) -> Tensor",
    .formula = "y[i, j] = the average of the window of x that begins at (i stride - padding, j stride - padding)",
    .gradient = "dx = avg_pool_backward of g",
    .doc = "Averages of windows of images; padding counts as zeros, or, without count_include_pad, not at all.",
    .shapes = "[N, C, H, W] to [N, C, (H + 2 padding - kernel_size) / stride + 1, ..]",
    .backward = average_backward,
    .call = avg_pool2d_call,
    .again = average_again,
    .samples = avg_pool2d_samples,
    .corners = avg_pool2d_corners,
    .errors = avg_pool2d_errors,
};

/* ---- adaptive ---- */

static tg_tensor *adaptive(const char *where, const tg_op *op, tg_tensor *input, tg_shape output_size, int spatial)
{
    tgi_windows w;
    if (!tg_op_begin(where, op, tg_list(input))) return NULL;
    if (!tgi_windows_adaptive(op, input, spatial, output_size, &w)) return NULL;
    if (!tgi_is_floating(input)) return tgi_not_implemented(op, tg_list(input), "adaptive_avg_pool2d", input->dtype);
    return averaged(op, input, &w, false);
}

tg_tensor *tg_adaptive_avg_pool1d_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive(where, &tgi_op_adaptive_avg_pool1d, input, output_size, 1);
}

tg_tensor *tg_adaptive_avg_pool2d_at(const char *where, tg_tensor *input, tg_shape output_size)
{
    return adaptive(where, &tgi_op_adaptive_avg_pool2d, input, output_size, 2);
}

static tg_tensor_list adaptive_avg_pool1d_call(const tg_value *v)
{
    return tgi_result(tg_adaptive_avg_pool1d_at(TG_HERE, v[0].as.tensor, v[1].as.ints));
}

static tg_tensor_list adaptive_avg_pool2d_call(const tg_value *v)
{
    return tgi_result(tg_adaptive_avg_pool2d_at(TG_HERE, v[0].as.tensor, v[1].as.ints));
}

static const char *const adaptive_avg_pool1d_samples[] = {
    "adaptive_avg_pool1d(f(2, 3, 7), 3)", "adaptive_avg_pool1d(f(3, 4), [6])",  "adaptive_avg_pool1d(f(2, 2, 5), 1)",
    "adaptive_avg_pool1d(f(0, 2, 5), 2)", "adaptive_avg_pool1d(f(2, 2, 5), 0)", NULL
};
static const tg_error_sample adaptive_avg_pool1d_errors[] = {
    { "adaptive_avg_pool1d(f(5), 2)",
      "Expected 2 to 3 dimensions, but got 1-dimensional tensor for argument #1 'self' (while checking arguments for "
      "adaptive_avg_pool1d)" },
    { "adaptive_avg_pool1d(f(2, 3, 5), [2, 3])",
      "adaptive_avg_pool1d() argument 'output_size' should contain one int (got 2)" },
    { "adaptive_avg_pool1d(f(2, 3, 5), -1)",
      "elements of output_size must be greater than or equal to 0 but received {1, -1}" },
    { "adaptive_avg_pool1d(f(2, 3, 0), 2)", "Expected input to have non-zero size for non-batch dimensions" },
    { NULL, NULL }
};
const tg_op tgi_op_adaptive_avg_pool1d = {
    .name = "adaptive_avg_pool1d",
    .schema = "adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor",
    .formula = "y[i] = the average of x[floor(i L / n)] to x[ceil((i + 1) L / n) - 1], n = output_size",
    .gradient = "dx = adaptive_avg_pool_backward of g",
    .doc = "Averages of as many windows of sequences as the result is to have.",
    .shapes = "[N, C, L] to [N, C, output_size]",
    .backward = average_backward,
    .call = adaptive_avg_pool1d_call,
    .again = average_again,
    .samples = adaptive_avg_pool1d_samples,
    .errors = adaptive_avg_pool1d_errors,
};

static const char *const adaptive_avg_pool2d_samples[] = {
    "adaptive_avg_pool2d(f(2, 3, 5, 4), 2)",      "adaptive_avg_pool2d(f(3, 5, 7), [3, 4])",
    "adaptive_avg_pool2d(f(2, 2, 5, 4), 1)",      "adaptive_avg_pool2d(f(2, 1, 3, 2), [7, 5])",
    "adaptive_avg_pool2d(f(0, 3, 5, 4), 2)",      "adaptive_avg_pool2d(f(2, 3, 5, 4), [0, 2])",
    "adaptive_avg_pool2d(f(1, 2, 1, 9), [1, 3])", "adaptive_avg_pool2d(f(2, 3, 5, 4), [None, 3])",
    "adaptive_avg_pool2d(f(3, 5, 4), [2, None])", NULL
};
static const tg_error_sample adaptive_avg_pool2d_errors[] = {
    { "adaptive_avg_pool2d(f(5, 5), [2, 3])", "Input dimension should be at least 3" },
    { "adaptive_avg_pool2d(f(2, 3, 5, 5), [2, 3, 4])", "adaptive_avg_pool2d: output_size must be 2" },
    { "adaptive_avg_pool2d(f(2, 3, 5, 5), -1)",
      "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but received {-1, -1}" },
    { "adaptive_avg_pool2d(i(2, 3, 5, 5), 2)", "\"adaptive_avg_pool2d\" not implemented for 'Long'" },
    { "adaptive_avg_pool2d(f(2, 3, 0, 5), 2)",
      "adaptive_avg_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has sizes [2, 3, 0, "
      "5] with dimension 2 being empty" },
    { NULL, NULL }
};
const tg_op tgi_op_adaptive_avg_pool2d = {
    .name = "adaptive_avg_pool2d",
    .schema = "adaptive_avg_pool2d(Tensor self, int?[2] output_size) -> Tensor",
    .formula = "y[i, j] = the average of the rows floor(i H / n) to ceil((i + 1) H / n) - 1 and such columns of x",
    .gradient = "dx = adaptive_avg_pool_backward of g",
    .doc = "Averages of as many windows of images as the result is to have.",
    .shapes = "[N, C, H, W] to [N, C, *output_size]",
    .backward = average_backward,
    .call = adaptive_avg_pool2d_call,
    .again = average_again,
    .samples = adaptive_avg_pool2d_samples,
    .errors = adaptive_avg_pool2d_errors,
};

/* ---- the transposes ---- */

/* What stands for the input while its windows are checked: its shape is all that matters. */
static tg_tensor *stand_in(const tg_op *op, tg_tensor *g, const tg_shape *size)
{
    if (!tgi_op_list_fits(op, tg_list(g), size) || tgi_op_numel(op, tg_list(g), size) < 0) return NULL;
    return tgi_new(size, (tg_dtype)g->dtype);
}

static tg_tensor_list checked_back(const tg_op *op, tg_tensor *g, const tg_shape *size, const tgi_windows *w)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape want = tgi_windows_shape(size, w, w->out), have = tgi_shape(g);
    if (!tgi_is_floating(g)) return tgi_result(tgi_not_implemented(op, tg_list(g), op->name, g->dtype));
    if (tg_shape_equal(&want, &have)) return tgi_result(averaged(op, g, w, true));
    return tgi_result(tg_op_fail(op, tg_list(g), "the result has shape %s, which grad_output must have, too",
                                 tg_shape_text(&want, text)));
}

static tg_tensor_list avg_pool_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_avg_pool_backward;
    tg_tensor *g = v[0].as.tensor;
    const tg_avg_pool_options o = options_of(v + 3, true);
    if (!tg_op_begin(NULL, op, tg_list(g))) return tg_list_failed();
    tg_tensor *like = stand_in(op, g, &v[1].as.ints);
    tgi_windows w;
    if (!like || !windows_of(op, like, v[2].as.ints, &o, v[2].as.ints.ndim == 1 ? 1 : 2, &w)) return tg_list_failed();
    return checked_back(op, g, &v[1].as.ints, &w);
}

static tg_tensor_list adaptive_avg_pool_backward_call(const tg_value *v)
{
    const tg_op *op = &tgi_op_adaptive_avg_pool_backward;
    tg_tensor *g = v[0].as.tensor;
    if (!tg_op_begin(NULL, op, tg_list(g))) return tg_list_failed();
    tg_tensor *like = stand_in(op, g, &v[1].as.ints);
    const int spatial = v[2].as.ints.ndim == 1 ? 1 : 2;
    tgi_windows w;
    if (!like || !tgi_windows_adaptive(op, like, spatial, v[2].as.ints, &w)) return tg_list_failed();
    return checked_back(op, g, &v[1].as.ints, &w);
}

static const char *const avg_pool_backward_samples[] = {
    "avg_pool_backward(f(2, 3, 2), [2, 3, 7], [3])",
    "avg_pool_backward(f(2, 2, 3, 3), [2, 2, 5, 6], [3, 4], [2, 2], [1, 1], True, False)",
    "avg_pool_backward(f(1, 2, 2), [1, 5, 4], [2, 2], divisor_override=3)", NULL
};
static const tg_error_sample avg_pool_backward_own_errors[] = {
    { "avg_pool_backward(b(2, 3, 2), [2, 3, 7], [3])", "\"avg_pool_backward\" not implemented for 'Bool'" },
    { "avg_pool_backward(f(2, 3, 3), [2, 3, 7], [3])",
      "the result has shape [2, 3, 2], which grad_output must have, too" },
    { NULL, NULL }
};
const tg_op tgi_op_avg_pool_backward = {
    .name = "avg_pool_backward",
    .schema =
        "avg_pool_backward(Tensor grad_output, int[] size, int[] kernel_size, int[] stride=[], int[] padding=0, bool "
        "ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
    .formula = "y = zeros(size), to each window of which its g is added, divided as the average is",
    .gradient = "dg = the averages of g's windows",
    .doc =
        "The gradient of avg_pool1d and avg_pool2d, as many dimensions as kernel_size has, for an input of the given size.",
    .shapes = "the pooled size to size",
    .backward = backward_backward,
    .usage = "",
    .call = avg_pool_backward_call,
    .again = average_again,
    .samples = avg_pool_backward_samples,
    .own_errors = avg_pool_backward_own_errors,
};

static const char *const adaptive_avg_pool_backward_samples[] = {
    "adaptive_avg_pool_backward(f(2, 3, 3), [2, 3, 7], [3])",
    "adaptive_avg_pool_backward(f(2, 3, 2), [2, 4, 5], [3, 2])", NULL
};
static const tg_error_sample adaptive_avg_pool_backward_own_errors[] = {
    { "adaptive_avg_pool_backward(i(2, 3, 3), [2, 3, 7], [3])",
      "\"adaptive_avg_pool_backward\" not implemented for 'Long'" },
    { "adaptive_avg_pool_backward(f(2, 3, 4), [2, 3, 7], [3])",
      "the result has shape [2, 3, 3], which grad_output must have, too" },
    { NULL, NULL }
};
const tg_op tgi_op_adaptive_avg_pool_backward = {
    .name = "adaptive_avg_pool_backward",
    .schema = "adaptive_avg_pool_backward(Tensor grad_output, int[] size, int[] output_size) -> Tensor",
    .formula = "y = zeros(size), to each window of which its g is added, divided as the average is",
    .gradient = "dg = the averages of g's windows",
    .doc =
        "The gradient of adaptive_avg_pool1d and 2d, as many dimensions as output_size has, for an input of the given size.",
    .shapes = "the pooled size to size",
    .backward = backward_backward,
    .usage = "",
    .call = adaptive_avg_pool_backward_call,
    .again = average_again,
    .samples = adaptive_avg_pool_backward_samples,
    .own_errors = adaptive_avg_pool_backward_own_errors,
};
