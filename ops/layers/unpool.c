/* unpool.c: max pooling undone as far as that goes, and power averages. Both are made of other ops. */
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/activation.h"
#include "ops/create.h"
#include "ops/index/index_impl.h"
#include "ops/pointwise.h"
#include "ops/scatter.h"
#include "ops/view.h"
#include "pool_impl.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- max_unpool ---- */

typedef struct unpool_call {
    const tg_op *op;
    tg_tensor *input, *indices;
    int spatial;
    tg_shape kernel, stride, padding,
        output_size; /* the first three of one entry for each dimension, once they are read */
} unpool_call;

#define FAIL(c, ...) (tg_op_fail((c)->op, tg_list((c)->input, (c)->indices), __VA_ARGS__), false)

static bool read_list(const unpool_call *c, const char *name, tg_shape *list)
{
    if (list->ndim == 1)
        for (; list->ndim < c->spatial; list->ndim++) list->dims[list->ndim] = list->dims[0];
    if (list->ndim != c->spatial)
        return FAIL(c, "%s: %s has one entry, or one for each of %d dimensions", c->op->name, name, c->spatial);
    for (int d = 0; d < c->spatial; d++)
        if (list->dims[d] > INT32_MAX || list->dims[d] < -INT32_MAX)
            return FAIL(c, "%s: %s is too large", c->op->name, name);
    return true;
}

/* PyTorch pools sequences as images, and says so. */
static bool inputs_ok(const unpool_call *c)
{
    char text[TG_SHAPE_TEXT], other[TG_SHAPE_TEXT];
    const tg_shape x = tgi_shape(c->input), i = tgi_shape(c->indices);
    if (c->indices->dtype != TG_INT64)
        return FAIL(c, "elements in indices should be type int64 but got: %s", tgi_type_name(c->indices));
    if (x.ndim != c->spatial + 1 && x.ndim != c->spatial + 2)
        return FAIL(c, "Input to max_unpooling%dd should be a %dd or %dd Tensor, but got a tensor with %d dimensions.",
                    c->spatial, c->spatial + 1, c->spatial + 2, x.ndim);
    if (!tg_shape_equal(&x, &i))
        return FAIL(c,
                    "Expected shape of indices to be same as that of the input tensor (%s) but got indices tensor with "
                    "shape: %s",
                    tg_shape_text(&x, text), tg_shape_text(&i, other));
    for (int d = x.ndim - c->spatial - 1; d < x.ndim; d++)
        if (x.dims[d] == 0)
            return FAIL(
                c,
                "Expected input to have non-zero size for non-batch dimensions, but got %s with dimension %d being "
                "empty.",
                tg_shape_text(&x, text), d);
    return tgi_is_floating(c->input) ||
           tgi_not_implemented(c->op, tg_list(c->input, c->indices), c->spatial == 3 ? "max_unpool3d" : "max_unpool2d",
                               c->input->dtype);
}

/* The result's spatial dimensions into `to`. */
static bool sizes_ok(const unpool_call *c, int64_t to[3])
{
    char text[TG_SHAPE_TEXT];
    const int n = c->spatial, given = c->output_size.ndim, skipped = given == n + 2 ? 2 : 0; /* batch and channels */
    if (given && given - skipped != n)
        return FAIL(c, "output_size should be a sequence containing %d or %d elements, but it has a length of '%d'", n,
                    n + 2, given);
    for (int d = 0; d < n; d++) {
        const int64_t steps = c->input->dims[c->input->ndim - n + d] - 1, stride = c->stride.dims[d];
        if (__builtin_mul_overflow(steps, stride, &to[d]) || to[d] > INT64_MAX / 2 || to[d] < -INT64_MAX / 2)
            return FAIL(c, "numel: integer multiplication overflow");
        to[d] += c->kernel.dims[d] - 2 * c->padding.dims[d];
        if (given) {
            const int64_t least = to[d] - stride, most = to[d] + stride, size = c->output_size.dims[d + skipped];
            if (size <= least || size >= most)
                return FAIL(c, "invalid output_size \"%s\" (dim %d must be between %" PRId64 " and %" PRId64 ")",
                            tg_shape_text(&c->output_size, text), d, least, most);
            to[d] = size;
        }
        if (to[d] < 1) return FAIL(c, "%s: the result's size would be %" PRId64, c->op->name, to[d]);
    }
    return true;
}

static bool indices_ok(const unpool_call *c, const int64_t size[3], int64_t plane)
{
    char text[96];
    int length = 0;
    if (tgi_index_in_range(c->indices, plane)) return true;
    for (int d = 0; d < c->spatial; d++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%s%" PRId64, d ? "x" : "", size[d]);
    return FAIL(c, "Found an invalid max index: %" PRId64 " (output volumes are of size %s%s)",
                tgi_index_first_bad(c->indices, 0, plane), text, c->spatial == 1 ? "x1" : "");
}

static tg_tensor *unpool(const char *where, unpool_call c)
{
    tg_tensor *x = c.input;
    int64_t size[3], planes = 1, pooled = 1, plane = 1;
    if (!tg_op_begin(where, c.op, tg_list(x, c.indices)) || !read_list(&c, "kernel_size", &c.kernel) ||
        !tgi_op_list_fits(c.op, tg_list(x), &c.output_size))
        return NULL;
    if (c.stride.ndim == 0) c.stride = c.kernel;
    if (!read_list(&c, "stride", &c.stride) || !read_list(&c, "padding", &c.padding) || !inputs_ok(&c) ||
        !sizes_ok(&c, size))
        return NULL;
    tg_shape shape = tgi_shape(x);
    const int first = shape.ndim - c.spatial;
    for (int d = 0; d < first; d++) planes *= shape.dims[d];
    for (int d = 0; d < c.spatial; d++) {
        pooled *= shape.dims[first + d];
        shape.dims[first + d] = size[d];
    }
    if (tgi_op_numel(c.op, tg_list(x), &shape) < 0) return NULL;
    for (int d = 0; d < c.spatial; d++) plane *= size[d];
    if (!indices_ok(&c, size, plane)) return NULL;
    tg_tensor *zeros = tg_zeros(tg_shape(planes, plane), .dtype = (tg_dtype)x->dtype);
    tg_tensor *to = tg_reshape(c.indices, tg_shape(planes, pooled)), *from = tg_reshape(x, tg_shape(planes, pooled));
    return tgi_ordinary(tg_reshape(tg_scatter_(zeros, 1, to, from), shape), TG_NONE);
}

#define UNPOOL(n)                                                                                                      \
    tg_tensor *tg_max_unpool##n##d_at(const char *where, tg_tensor *input, tg_tensor *indices, tg_shape kernel_size,   \
                                      tg_max_unpool_options options)                                                   \
    {                                                                                                                  \
        const unpool_call c = {                                                                                        \
            &tgi_op_max_unpool##n##d, input, indices, n, kernel_size, options.stride, options.padding,                 \
            options.output_size                                                                                        \
        };                                                                                                             \
        return unpool(where, c);                                                                                       \
    }                                                                                                                  \
    static tg_tensor_list max_unpool##n##d_call(const tg_value *v)                                                     \
    {                                                                                                                  \
        return tgi_result(                                                                                             \
            tg_max_unpool##n##d_at(TG_HERE, v[0].as.tensor, v[1].as.tensor, v[2].as.ints, unpool_options_of(v)));      \
    }

static tg_max_unpool_options unpool_options_of(const tg_value *v)
{
    tg_max_unpool_options o = { .padding = v[4].as.ints };
    if (v[3].kind == TG_VALUE_INTS) o.stride = v[3].as.ints;
    if (v[5].kind == TG_VALUE_INTS) o.output_size = v[5].as.ints;
    return o;
}

UNPOOL(1)
UNPOOL(2)
UNPOOL(3)

#define UNPOOL_SCHEMA(n)                                                                                               \
    "max_unpool" #n "d(Tensor input, Tensor indices, int[" #n "] kernel_size, int[" #n "]? stride=None, int[" #n       \
    "] padding=0, int[]? output_size=None) -> Tensor"
#define UNPOOL_TEXTS                                                                                                   \
    .formula = "y = zeros; y[plane, indices[plane, i]] = x[plane, i]", .gradient = "dx = g at the indices",            \
    .composite = true

const tg_op tgi_op_max_unpool1d = {
    .name = "max_unpool1d",
    .schema = UNPOOL_SCHEMA(1),
    UNPOOL_TEXTS,
    .doc = "Zeros, and in them the elements of sequences where the indices of max_pool1d say.",
    .shapes = "[N, C, L] to [N, C, (L - 1) stride + kernel_size - 2 padding], or to output_size",
    .call = max_unpool1d_call,
    .samples = (const char *const[]){ "max_unpool1d(f(2, 2, 4), argsort(f(2, 2, 4)), 2)",
                                      "max_unpool1d(f(2, 3), argsort(f(2, 3)), 3, 2, 1, output_size=[6])",
                                      "max_unpool1d(f(0, 2, 3), i(0, 2, 3), 2)", NULL },
    .errors = (const tg_error_sample[]){ { "max_unpool1d(f(2, 3), i(2, 3, lo=9, hi=10), 2)",
                                           "Found an invalid max index: 9 (output volumes are of size 6x1" },
                                         { "max_unpool1d(f(2, 3), i(2, 3), 2, output_size=[9])",
                                           "invalid output_size \"[9]\" (dim 0 must be between 4 and 8)" },
                                         { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "max_unpool1d(f(2, 3), i(2, 3), 2, padding=9)", "the result's size would be -12" },
                                   { NULL, NULL } },
};

const tg_op tgi_op_max_unpool2d = {
    .name = "max_unpool2d",
    .schema = UNPOOL_SCHEMA(2),
    UNPOOL_TEXTS,
    .doc = "Zeros, and in them the elements of images where the indices of max_pool2d say.",
    .shapes = "[N, C, H, W] to [N, C, (H - 1) stride + kernel_size - 2 padding, ..], or to output_size",
    .call = max_unpool2d_call,
    .samples =
        (const char *const[]){
            "max_unpool2d(f(2, 2, 2, 3), reshape(argsort(f(4, 6)), [2, 2, 2, 3]), 2)",
            "max_unpool2d(f(2, 2, 2), reshape(argsort(f(2, 4)), [2, 2, 2]), [3, 2], [2, 1], [1, 0])",
            "max_unpool2d(f(1, 2, 2, 2), reshape(argsort(f(2, 4)), [1, 2, 2, 2]), 2, output_size=[5, 3])",
            "max_unpool2d(f(1, 2, 2, 2), reshape(argsort(f(2, 4)), [1, 2, 2, 2]), 2, output_size=[1, 2, "
            "5, 3])",
            NULL },
    .errors =
        (const tg_error_sample[]){
            { "max_unpool2d(f(1, 2, 2, 3), f(1, 2, 2, 3), 2)", "elements in indices should be type int64 but got: " },
            { "max_unpool2d(f(1, 2, 2, 3), i(1, 1, 2, 3), 2)",
              "Expected shape of indices to be same as that of the input tensor ([1, 2, 2, 3]) but got indices tensor with "
              "shape: [1, 1, 2, 3]" },
            { "max_unpool2d(f(1, 2, 2, 3), i(1, 2, 2, 3, lo=100, hi=101), 2)",
              "Found an invalid max index: 100 (output volumes are of size 4x6" },
            { "max_unpool2d(f(2, 3), i(2, 3), 2)",
              "Input to max_unpooling2d should be a 3d or 4d Tensor, but got a tensor with 2 dimensions." },
            { "max_unpool2d(f(1, 2, 2, 3), i(1, 2, 2, 3), 2, output_size=[9, 9])",
              "invalid output_size \"[9, 9]\" (dim 0 must be between 2 and 6)" },
            { "max_unpool2d(f(1, 2, 2, 3), i(1, 2, 2, 3), 2, output_size=[9])",
              "output_size should be a sequence containing 2 or 4 elements, but it has a length of '1'" },
            { "max_unpool2d(f(1, 2, 0, 3), i(1, 2, 0, 3), 2)",
              "Expected input to have non-zero size for non-batch dimensions, but got [1, 2, 0, 3] with dimension 2 being "
              "empty." },
            { "max_unpool2d(i(1, 2, 2, 3), i(1, 2, 2, 3, lo=0), 2)", "\"max_unpool2d\" not implemented for 'Long'" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "max_unpool2d(f(1, 2, 2, 3), i(1, 2, 2, 3), [2, 2, 2])",
                                               "kernel_size has one entry, or one for each of 2 dimensions" },
                                             { NULL, NULL } },
};

const tg_op tgi_op_max_unpool3d = {
    .name = "max_unpool3d",
    .schema = UNPOOL_SCHEMA(3),
    UNPOOL_TEXTS,
    .doc = "Zeros, and in them the elements of volumes where the indices of max_pool3d say.",
    .shapes = "[N, C, D, H, W] to [N, C, (D - 1) stride + kernel_size - 2 padding, ..], or to output_size",
    .call = max_unpool3d_call,
    .samples = (const char *const[]){ "max_unpool3d(f(1, 2, 2, 1, 2), reshape(argsort(f(2, 4)), [1, 2, 2, 1, 2]), 2)",
                                      "max_unpool3d(f(2, 2, 1, 2), reshape(argsort(f(2, 4)), [2, 2, 1, 2]), [1, 3, 2])",
                                      NULL },
    .errors =
        (const tg_error_sample[]){ { "max_unpool3d(f(1, 2, 2, 2, 3), i(1, 2, 2, 2, 3, lo=100, hi=101), 2)",
                                     "Found an invalid max index: 100 (output volumes are of size 4x4x6" },
                                   { "max_unpool3d(f(2, 2, 3), i(2, 2, 3), 2)",
                                     "Input to max_unpooling3d should be a 4d or 5d Tensor, but got a tensor with 3 "
                                     "dimensions." },
                                   { NULL, NULL } },
};

/* ---- lp_pool ---- */

/* PyTorch's steps, which say where gradients are NaN. */
static tg_tensor *lp_pool(const char *where, const tg_op *op, tg_tensor *x, double p, tg_shape kernel_size,
                          const tg_lp_pool_options *o, int spatial)
{
    if (!tg_op_begin(where, op, tg_list(x)) || !tgi_op_list_fits(op, tg_list(x), &kernel_size)) return NULL;
    if (!tgi_is_floating(x)) return tgi_not_implemented(op, tg_list(x), "avg_pool2d", x->dtype);
    const tg_avg_pool_options average = TG_AVG_POOL_OPTIONS(.stride = o->stride, .ceil_mode = o->ceil_mode);
    tg_tensor *powers = tg_pow(x, p);
    tg_tensor *y = spatial == 1 ? tg_avg_pool1d_at(NULL, powers, kernel_size, average)
                                : tg_avg_pool2d_at(NULL, powers, kernel_size, average);
    double count = 1;
    for (int d = 0; d < spatial; d++) count *= (double)kernel_size.dims[kernel_size.ndim == spatial ? d : 0];
    return tg_pow(tg_mul(tg_mul(tg_sign(y), tg_relu(tg_abs(y))), count), 1 / p);
}

tg_tensor *tg_lp_pool1d_at(const char *where, tg_tensor *input, double norm_type, tg_shape kernel_size,
                           tg_lp_pool_options options)
{
    return lp_pool(where, &tgi_op_lp_pool1d, input, norm_type, kernel_size, &options, 1);
}

tg_tensor *tg_lp_pool2d_at(const char *where, tg_tensor *input, double norm_type, tg_shape kernel_size,
                           tg_lp_pool_options options)
{
    return lp_pool(where, &tgi_op_lp_pool2d, input, norm_type, kernel_size, &options, 2);
}

static tg_lp_pool_options lp_options_of(const tg_value *v)
{
    tg_lp_pool_options o = { .ceil_mode = v[4].as.boolean };
    if (v[3].kind == TG_VALUE_INTS) o.stride = v[3].as.ints;
    return o;
}

static tg_tensor_list lp_pool1d_call(const tg_value *v)
{
    return tgi_result(tg_lp_pool1d_at(TG_HERE, v[0].as.tensor, v[1].as.real, v[2].as.ints, lp_options_of(v)));
}

static tg_tensor_list lp_pool2d_call(const tg_value *v)
{
    return tgi_result(tg_lp_pool2d_at(TG_HERE, v[0].as.tensor, v[1].as.real, v[2].as.ints, lp_options_of(v)));
}

#define LP_SCHEMA(n)                                                                                                   \
    "lp_pool" #n "d(Tensor input, float norm_type, int[" #n "] kernel_size, int[" #n "]? stride=None, bool "           \
    "ceil_mode=False) -> Tensor"
#define LP_TEXTS                                                                                                       \
    .formula = "y = (the sum of x^norm_type over each window)^(1 / norm_type)",                                        \
    .gradient = "dx = g (x / y)^(norm_type - 1), NaN of a window of zeros", .composite = true

const tg_op tgi_op_lp_pool1d = {
    .name = "lp_pool1d",
    .schema = LP_SCHEMA(1),
    LP_TEXTS,
    .doc = "Power averages of windows of sequences, times the number of elements.",
    .shapes = "[N, C, L] to [N, C, (L - kernel_size) / stride + 1]",
    .call = lp_pool1d_call,
    .samples =
        (const char *const[]){ "lp_pool1d(f(2, 2, 7, lo=0.5), 2, 3)", "lp_pool1d(f(3, 7, lo=0.5), 1.5, 2, stride=3)",
                               "lp_pool1d(f(1, 2, 7), 3, 2, 2, True)", NULL },
    .corners = (const char *const[]){ "lp_pool1d(reshape(v(0, 0, 1, -1, 2, nan), [1, 6]), 2.0, 2)", NULL },
    .errors =
        (const tg_error_sample[]){ { "lp_pool1d(f(5), 2, 2)", "Expected 2 to 3 dimensions, but got 1-dimensional" },
                                   { "lp_pool1d(f(2, 3, 5), 2, 2, stride=0)", "stride should not be zero" },
                                   { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "lp_pool1d(i(2, 3, 5), 2, 2)", "\"avg_pool2d\" not implemented for 'Long'" },
                                   { NULL, NULL } },
};

const tg_op tgi_op_lp_pool2d = {
    .name = "lp_pool2d",
    .schema = LP_SCHEMA(2),
    LP_TEXTS,
    .doc = "Power averages of windows of images, times the number of elements.",
    .shapes = "[N, C, H, W] to [N, C, (H - kernel_size) / stride + 1, ..]",
    .call = lp_pool2d_call,
    .samples = (const char *const[]){ "lp_pool2d(f(1, 2, 5, 4, lo=0.5), 2, 2)",
                                      "lp_pool2d(f(2, 5, 4, lo=0.5), 1.2, [3, 2], stride=[1, 2])",
                                      "lp_pool2d(f(1, 1, 5, 6, lo=0.5), 3, 2, 3, True)", NULL },
    .errors = (const tg_error_sample[]){ { "lp_pool2d(f(2, 3, 5, 5), 2, 2, stride=0)", "stride should not be zero" },
                                         { NULL, NULL } },
};
