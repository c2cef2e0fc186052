/* pool.c: the windows of pooling: which there are, whether they fit their input, and the loop over planes.
 *
 * Windows are a pair of tables, one for the rows and one for the columns: padding, ceil_mode and adaptive sizes are all
 * decided here, and no kernel knows of them. */
#include "pool_impl.h"

#include "ops/base/parallel.h"

#include <inttypes.h>
#include <string.h>

enum {
    PARALLEL = 1 << 15, /* elements from which on several threads pay */
    STRETCH = 1 << 15   /* elements of one task */
};

#define FAIL(...) (tg_op_fail(op, tg_list(input), __VA_ARGS__), false)

/* ---- lists ---- */

/* PyTorch has other words for each list and each number of dimensions. */
static bool fail_list(const tg_op *op, tg_tensor *input, const char *list, int spatial, int count)
{
    if (spatial == 1) return FAIL("%s() argument '%s' should contain one int (got %d)", op->name, list, count);
    return FAIL("%s: %s must either be %sa single int, or a tuple of two ints", op->name, list,
                list[0] == 's' ? "omitted, " : "");
}

/* `list` into rows and columns. */
static bool read_list(const tg_op *op, tg_tensor *input, const char *name, const tg_shape *list, int spatial,
                      int64_t to[2])
{
    if (list->ndim != 1 && list->ndim != spatial) return fail_list(op, input, name, spatial, list->ndim);
    for (int i = 0; i < list->ndim; i++)
        if (list->dims[i] > INT32_MAX) return FAIL("%s: %s is too large", op->name, name);
    if (spatial == 2) to[0] = list->dims[0];
    to[1] = list->dims[list->ndim - 1];
    return true;
}

static bool read_lists(const tg_op *op, tg_tensor *input, const tgi_window_lists *l, tgi_windows *w)
{
    const tg_shape *stride = l->stride.ndim ? &l->stride : &l->kernel;
    return read_list(op, input, "kernel_size", &l->kernel, w->spatial, w->kernel) &&
           read_list(op, input, "stride", stride, w->spatial, w->stride) &&
           read_list(op, input, "padding", &l->padding, w->spatial, w->padding) &&
           read_list(op, input, "dilation", &l->dilation, w->spatial, w->dilation);
}

/* ---- sizes ---- */

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

int64_t tgi_pooled_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil_mode)
{
    const int64_t reach = dilation * (kernel - 1) + 1;
    int64_t n = floor_divide(in + 2 * padding - reach + (ceil_mode ? stride - 1 : 0), stride) + 1;
    if (ceil_mode && (n - 1) * stride >= in + padding) n--; /* a window in the padding alone */
    return n;
}

static bool sizes_ok(const tg_op *op, tg_tensor *input, tgi_windows *w, bool ceil_mode)
{
    for (int d = 2 - w->spatial; d < 2; d++) {
        if (w->stride[d] == 0) return FAIL("stride should not be zero");
        if (w->padding[d] < 0) return FAIL("pad must be non-negative, but got pad: %" PRId64, w->padding[d]);
        if (w->kernel[d] >= 0 && w->padding[d] > w->kernel[d] / 2)
            return FAIL("pad should be at most half of kernel size, but got pad=%" PRId64 " and kernel_size=%" PRId64,
                        w->padding[d], w->kernel[d]);
    }
    if (w->kernel[0] <= 0 || w->kernel[1] <= 0)
        return FAIL("kernel size should be greater than zero, but got kH: %" PRId64 " kW: %" PRId64, w->kernel[0],
                    w->kernel[1]);
    if (w->stride[0] <= 0 || w->stride[1] <= 0)
        return FAIL("stride should be greater than zero, but got dH: %" PRId64 " dW: %" PRId64, w->stride[0],
                    w->stride[1]);
    if (w->dilation[0] <= 0 || w->dilation[1] <= 0)
        return FAIL("dilation should be greater than zero, but got dilationH: %" PRId64 " dilationW: %" PRId64,
                    w->dilation[0], w->dilation[1]);
    for (int d = 0; d < 2; d++)
        w->out[d] = tgi_pooled_size(w->in[d], w->kernel[d], w->stride[d], w->padding[d], w->dilation[d],
                                    ceil_mode && d >= 2 - w->spatial);
    const long long planes = input->dims[input->ndim - w->spatial - 1];
    if (w->out[0] < 1 || w->out[1] < 1)
        return FAIL("Given input size: (%lldx%" PRId64 "x%" PRId64 "). Calculated output size: (%lldx%" PRId64
                    "x%" PRId64 "). Output size is too small",
                    planes, w->in[0], w->in[1], planes, w->out[0], w->out[1]);
    return true;
}

/* All but the batch has elements. */
static bool not_empty(const tg_op *op, tg_tensor *input, int spatial)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(input);
    for (int d = input->ndim - spatial - 1; d < input->ndim; d++)
        if (input->dims[d] == 0)
            return FAIL("Expected %dD or %dD (batch mode) tensor with optional 0 dim batch size for input, but got:%s",
                        spatial + 1, spatial + 2, tg_shape_text(&shape, text));
    return true;
}

static void read_input(const tg_tensor *input, int spatial, tgi_windows *w)
{
    *w = (tgi_windows){ .spatial = spatial,
                        .in = { 1, input->dims[input->ndim - 1] },
                        .out = { 1, 1 },
                        .kernel = { 1, 1 },
                        .stride = { 1, 1 },
                        .dilation = { 1, 1 } };
    if (spatial == 2) w->in[0] = input->dims[input->ndim - 2];
}

bool tgi_windows_check(const tg_op *op, tg_tensor *input, int spatial, const tgi_window_lists *lists, tgi_windows *w)
{
    read_input(input, spatial, w);
    return read_lists(op, input, lists, w) && sizes_ok(op, input, w, lists->ceil_mode) && not_empty(op, input, spatial);
}

bool tgi_windows_adaptive(const tg_op *op, tg_tensor *input, int spatial, tg_shape output_size, tgi_windows *w)
{
    char text[TG_SHAPE_TEXT];
    const tg_shape shape = tgi_shape(input);
    if (spatial == 1 && shape.ndim != 2 && shape.ndim != 3)
        return FAIL("Expected 2 to 3 dimensions, but got %d-dimensional tensor for argument #1 'self' (while checking "
                    "arguments for %s)",
                    shape.ndim, op->name);
    if (spatial == 2 && shape.ndim < 3 && output_size.ndim > 1) return FAIL("Input dimension should be at least 3");
    if (spatial == 2 && shape.ndim != 3 && shape.ndim != 4)
        return FAIL("%s(): Expected 3D or 4D tensor, but got%s %s", op->name, strstr(op->name, "max") ? ":" : "",
                    tg_shape_text(&shape, text));
    read_input(input, spatial, w);
    w->adaptive = true;
    if (output_size.ndim != 1 && output_size.ndim != spatial) {
        if (spatial == 1) return fail_list(op, input, "output_size", 1, output_size.ndim);
        return FAIL("%s: output_size must be 2", op->name);
    }
    if (spatial == 2) w->out[0] = output_size.dims[0];
    w->out[1] = output_size.dims[output_size.ndim - 1];
    for (int i = 2 - spatial; i < 2; i++)
        if (w->out[i] == TG_SAME_SIZE) w->out[i] = shape.dims[shape.ndim - 2 + i];
    if (w->out[0] < 0 || w->out[1] < 0)
        return FAIL("%s: elements of output_size must be greater than or equal to 0 but received {%" PRId64 ", %" PRId64
                    "}",
                    op->name, w->out[0], w->out[1]);
    for (int d = input->ndim - spatial; d < input->ndim; d++)
        if (input->dims[d] == 0)
            return FAIL(
                "%s(): Expected input to have non-zero size for non-batch dimensions, but input has sizes %s with "
                "dimension %d being empty",
                op->name, tg_shape_text(&shape, text), d);
    if (w->out[0] > INT32_MAX || w->out[1] > INT32_MAX) return FAIL("%s: output_size is too large", op->name);
    return true;
}

tg_shape tgi_windows_shape(const tg_shape *t, const tgi_windows *w, const int64_t size[2])
{
    tg_shape shape = *t;
    if (w->spatial == 2) shape.dims[shape.ndim - 2] = size[0];
    shape.dims[shape.ndim - 1] = size[1];
    return shape;
}

/* ---- tables ---- */

static tgi_window window_of(const tgi_windows *w, int d, int64_t i)
{
    const int64_t in = w->in[d], out = w->out[d];
    if (w->adaptive) {
        tgi_window x = { i / out * in + i % out * in / out, 0, 0 };
        x.end = (i + 1) / out * in + ((i + 1) % out * in + out - 1) / out;
        x.count = x.end - x.start;
        return x;
    }
    tgi_window x = { i * w->stride[d] - w->padding[d], 0, 0 };
    x.end = x.start + w->dilation[d] * (w->kernel[d] - 1) + 1;
    const int64_t padded_end = x.end < in + w->padding[d] ? x.end : in + w->padding[d], padded = padded_end - x.start;
    if (x.start < 0) x.start += (-x.start + w->dilation[d] - 1) / w->dilation[d] * w->dilation[d];
    if (x.end > in) x.end = in;
    x.count = w->include_pad ? padded : x.end - x.start;
    return x;
}

static void run_stretch(const void *all, int64_t task)
{
    const tgi_pool_job *job = all;
    const int64_t each = job->in + job->out, most = each > 0 && each < STRETCH ? STRETCH / each : 1;
    const int64_t first = task * most, left = job->planes - first;
    job->run(job, first, left < most ? left : most);
}

void tgi_pool_planes(const tgi_pool_job *job)
{
    const int64_t each = job->in + job->out, most = each > 0 && each < STRETCH ? STRETCH / each : 1;
    tgi_run_tasks(job->planes * each >= PARALLEL, tgi_pieces(job->planes, most), run_stretch, job);
}

bool tgi_pool_run(const tgi_windows *w, tgi_pool_job *job)
{
    const size_t bytes = (size_t)(w->out[0] + w->out[1]) * sizeof(tgi_window);
    tgi_window *tables = tgi_calloc(bytes);
    if (!tables) return false;
    for (int64_t i = 0; i < w->out[0]; i++) tables[i] = window_of(w, 0, i);
    for (int64_t i = 0; i < w->out[1]; i++) tables[w->out[0] + i] = window_of(w, 1, i);
    const tgi_pool pool = { w->in[0],       w->in[1], w->out[0],          w->out[1], w->dilation[0],
                            w->dilation[1], tables,   tables + w->out[0], w->divisor };
    job->pool = &pool;
    tgi_pool_planes(job);
    tgi_free(tables, bytes);
    return true;
}

void tgi_max_pool_options_of(const tg_value *v, tg_max_pool_options *options)
{
    *options = (tg_max_pool_options){ v[2].as.ints, v[3].as.ints, v[4].as.ints, v[5].as.boolean, { 0 } };
    if (v[2].kind != TG_VALUE_INTS) options->stride.ndim = 0;
}
