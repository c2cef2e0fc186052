/* histogram.c: counts between edges; it has no gradient, as PyTorch's has none. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/promote.h"
#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/scan.h"
#include "ops/sort.h"
#include "ops/view.h"

#include <inttypes.h>
#include <math.h>

/* ---- checks ---- */

static bool weight_fits(const tg_op *op, tg_tensor_list inputs, tg_tensor *t, tg_tensor *weight)
{
    if (!weight) return true;
    if (weight->dtype != t->dtype)
        return tg_op_fail(
            op, inputs,
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the "
            "same dtype, but got input(%s), and weight(%s)",
            tgi_c_type_name((tg_dtype)t->dtype), tgi_c_type_name((tg_dtype)weight->dtype));
    if (tgi_same_shape(weight, t)) return true;
    return tg_op_fail(op, inputs, "torch.histogram: weight should have the same shape as input");
}

static bool edges_fit(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const tg_tensor *edges)
{
    if (edges->ndim != 1)
        return tg_op_fail(op, inputs,
                          "torch.histogramdd: bins tensor should have one dimension, but got %d dimensions in the bins "
                          "tensor for dimension 0",
                          edges->ndim);
    if (edges->dtype != t->dtype)
        return tg_op_fail(
            op, inputs,
            "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with "
            "dtype %s and bins for dimension 0 with dtype %s",
            tgi_c_type_name((tg_dtype)t->dtype), tgi_c_type_name((tg_dtype)edges->dtype));
    if (edges->numel >= 2) return true;
    return tg_op_fail(op, inputs, "torch.histogram(): bins must be > 0, but got %" PRId64 " for dimension 0",
                      edges->numel ? edges->numel - 1 : 0);
}

/* ---- edges ---- */

/* NaN if there is one. */
#define EXTREMES_OF(T)                                                                                                 \
    do {                                                                                                               \
        const T *a = tgi_ptr(x);                                                                                       \
        T low = a[0], high = a[0];                                                                                     \
        bool nan = false;                                                                                              \
        for (int64_t i = 0; i < x->numel; i++) {                                                                       \
            low = a[i] < low ? a[i] : low;                                                                             \
            high = a[i] > high ? a[i] : high;                                                                          \
            nan |= a[i] != a[i];                                                                                       \
        }                                                                                                              \
        *least = nan ? NAN : (double)low;                                                                              \
        *most = nan ? NAN : (double)high;                                                                              \
    } while (0)
static void extremes_of(const tg_tensor *x, double *least, double *most)
{
    if (x->dtype == TG_FLOAT32)
        EXTREMES_OF(float);
    else
        EXTREMES_OF(double);
}

/* As given or, of infinities, as the elements x have it; half a unit to each side if there is nothing between. */
static bool range_of(const tg_op *op, tg_tensor_list inputs, const tg_tensor *x, double *low, double *high)
{
    const bool lowest = isinf(*low), highest = isinf(*high);
    double least, most;
    if (x->numel && (lowest || highest)) {
        extremes_of(x, &least, &most);
        if (lowest) *low = least;
        if (highest) *high = most;
    }
    if (lowest && x->numel == 0) *low = highest ? 0 : *high - 1;
    if (highest && x->numel == 0) *high = *low + 1;
    if (!isfinite(*low) || !isfinite(*high))
        return tg_op_fail(op, inputs, "torch.histogramdd: dimension 0's range [%g, %g] is not finite", *low, *high);
    if (*low > *high)
        return tg_op_fail(op, inputs,
                          "torch.histogramdd: min should not exceed max, but got min %g max %g for dimension 0", *low,
                          *high);
    if (*low == *high) {
        *low -= 0.5;
        *high += 0.5;
    }
    return true;
}

static tg_tensor *equal_edges(const tg_op *op, tg_tensor_list inputs, const tg_tensor *x, tg_operand bins, double low,
                              double high)
{
    if (bins.kind != TG_OPERAND_INT) return tg_op_fail(op, inputs, "bins must be an integer or a tensor");
    if (bins.as.integer <= 0 || bins.as.integer == INT64_MAX)
        return tg_op_fail(op, inputs, "torch.histogram(): bins must be > 0, but got %" PRId64 " for dimension 0",
                          bins.as.integer);
    if (!range_of(op, inputs, x, &low, &high)) return NULL;
    return tg_linspace(low, high, bins.as.integer + 1, .dtype = (tg_dtype)x->dtype);
}

/* ---- counts ---- */

/* Adds what lies between the edges, in order. The bin of x is the last whose edge is not greater, but for the last edge: it
 * is looked for by halves or, where the edges are `evenly` spaced, from where it should be, a step or none away. */
#define COUNT(T)                                                                                                       \
    do {                                                                                                               \
        const T *a = tgi_ptr(x), *edge = tgi_ptr(edges), *w = weight ? tgi_ptr(weight) : NULL;                         \
        const T low = edge[0], high = edge[bins], scale = (T)bins / (high - low);                                      \
        T *y = tgi_ptr(hist);                                                                                          \
        for (int64_t i = 0; i < x->numel; i++) {                                                                       \
            if (!(a[i] >= low && a[i] <= high)) continue;                                                              \
            int64_t bin = 0;                                                                                           \
            if (evenly) {                                                                                              \
                const T at = (a[i] - low) * scale;                                                                     \
                bin = at < (T)bins ? (int64_t)at : bins - 1;                                                           \
                while (bin > 0 && edge[bin] > a[i]) bin--;                                                             \
                while (bin < bins - 1 && edge[bin + 1] <= a[i]) bin++;                                                 \
            } else {                                                                                                   \
                for (int64_t n = bins; n > 1; n -= n / 2) bin += edge[bin + n / 2] <= a[i] ? n / 2 : 0;                \
            }                                                                                                          \
            y[bin] += w ? w[i] : 1;                                                                                    \
        }                                                                                                              \
    } while (0)

/* How much of the vectors x and weight lies between the edges; all are contiguous. */
static tg_tensor *counts(tg_tensor *x, tg_tensor *edges, bool evenly, tg_tensor *weight)
{
    const int64_t bins = edges->numel - 1;
    const tg_shape shape = tg_shape(bins);
    tg_tensor *hist = tgi_new_full(&shape, (tg_dtype)x->dtype, 0);
    if (!hist || x->numel == 0) return hist;
    if (x->dtype == TG_FLOAT32)
        COUNT(float);
    else
        COUNT(double);
    return hist;
}

tg_histogram_result tg_histogram_at(const char *where, tg_tensor *t, tg_operand bins, tg_histogram_options options)
{
    const tg_histogram_result failed = { NULL, NULL };
    const tg_op *op = &tgi_op_histogram;
    const tg_operand given[] = { tg_operand_tensor(t), bins, tg_operand_tensor(options.weight) };
    tg_tensor *tensors[3];
    const tg_tensor_list inputs = tgi_tensors_of(given, options.weight ? 3 : 2, tensors);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.weight)) return failed;
    const bool edged = bins.kind == TG_OPERAND_TENSOR;
    if (!tgi_is_floating(t)) return tgi_not_implemented(op, inputs, "histogramdd", t->dtype), failed;
    if (!weight_fits(op, inputs, t, options.weight) || (edged && !edges_fit(op, inputs, t, bins.as.tensor)))
        return failed;
    tg_tensor *x = tg_contiguous(tg_reshape(tg_detach(t), tg_shape(-1))), *edges = NULL;
    if (x)
        edges =
            edged ? tg_clone(tg_detach(bins.as.tensor)) : equal_edges(op, inputs, x, bins, options.min, options.max);
    if (!edges) return failed;
    tg_tensor *w = options.weight ? tg_contiguous(tg_reshape(tg_detach(options.weight), tg_shape(-1))) : NULL;
    tg_tensor *hist = w || !options.weight ? counts(x, edges, !edged, w) : NULL;
    if (options.density) hist = tg_div(tg_div(hist, tg_sum(hist)), tg_diff(edges));
    return hist ? (tg_histogram_result){ hist, edges } : failed;
}

static tg_tensor_list histogram_call(const tg_value *v)
{
    tg_histogram_options o = TG_HISTOGRAM_OPTIONS(.weight = tgi_optional(&v[4]), .density = v[5].as.boolean);
    if (v[2].kind == TG_VALUE_FLOAT) o.min = v[2].as.real;
    if (v[3].kind == TG_VALUE_FLOAT) o.max = v[3].as.real;
    const tg_histogram_result y = tg_histogram_at(TG_HERE, v[0].as.tensor, tgi_value_operand(&v[1]), o);
    return tgi_pair(y.hist, y.bin_edges);
}

const tg_op tgi_op_histogram = {
    .name = "histogram",
    .schema = "histogram(Tensor self, Scalar bins, *, float? min=None, float? max=None, Tensor? weight=None, bool "
              "density=False) -> (Tensor hist, Tensor bin_edges)",
    .formula = "hist[j] = how many elements have bin_edges[j] <= x < bin_edges[j + 1], or are the last edge",
    .gradient = "none: PyTorch has none either",
    .doc = "A histogram over equal parts or between given edges; min and max are PyTorch's range.",
    .shapes = "any, and a number or edges [N + 1], to [N] and [N + 1]",
    .call = histogram_call,
    .samples =
        (const char *const[]){
            "histogram(f(20, grad=False), 5)", "histogram(f(3, 7, step=0.5, grad=False), 4, min=-2, max=2)",
            "histogram(f(9, grad=False), v(-2, -1, 0.5, 1, grad=False))",
            "histogram(f(9, step=1, grad=False), v(-2, -1, 0, 1, grad=False))",
            "histogram(f(9, grad=False), 3, weight=f(9, grad=False))",
            "histogram(f(3, 3, grad=False), 4, density=True)",
            "histogram(f(9, grad=False), v(-2, 0, 1, grad=False), weight=f(9, lo=0, grad=False), density=True)",
            "histogram(f(0, grad=False), 3)", "histogram(f(grad=False), 2)", NULL },
    .corners = (const char *const[]){ "histogram(v(1, 1, grad=False), 4)",
                                      "histogram(v(1, 2, inf, -inf, grad=False), v(0, 1, 2, grad=False))",
                                      "histogram(v(1, 1, grad=False), 2, min=1, max=1)",
                                      "histogram(v(5, grad=False), v(0, 1, grad=False), density=True)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "histogram(i(3), 4)", "\"histogramdd\" not implemented for 'Long'" },
            { "histogram(f(3), 0)", "torch.histogram(): bins must be > 0, but got 0 for dimension 0" },
            { "histogram(f(3), f(2, 2))",
              "torch.histogramdd: bins tensor should have one dimension, but got 2 dimensions in the bins tensor for "
              "dimension 0" },
            { "histogram(f(3), v(1))", "torch.histogram(): bins must be > 0, but got 0 for dimension 0" },
            { "histogram(f(3), i(3))", "with dtype double and bins for dimension 0 with dtype long" },
            { "histogram(f(3), 4, min=2, max=1)",
              "torch.histogramdd: min should not exceed max, but got min 2 max 1 for dimension 0" },
            { "histogram(f(3), 4, min=2, max=nan)", "torch.histogramdd: dimension 0's range [2, nan] is not finite" },
            { "histogram(v(1, inf), 4)", "torch.histogramdd: dimension 0's range [1, inf] is not finite" },
            { "histogram(f(3), 4, weight=i(3))", "same dtype, but got input(double), and weight(long" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "histogram(f(3), 4, weight=f(2))",
                                               "torch.histogram: weight should have the same shape as input" },
                                             { "histogram(f(3), 1.5)", "bins must be an integer or a tensor" },
                                             { NULL, NULL } },
};
