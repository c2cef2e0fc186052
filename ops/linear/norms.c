/* norms.c: norms of matrices, and the choice between them and those of vectors. Made of reductions, and of the singular
 * values. */
#include "linalg_impl.h"
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/base/parallel.h"
#include "ops/extremes.h"
#include "ops/moments.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reduce/moments_impl.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* `ord` as an argument of the generic call: a number, 'fro', 'nuc', or none. False with an error for another name. */
static bool read_ord(const tg_op *op, const tg_value *v, double *ord)
{
    if (v[1].kind == TG_VALUE_FLOAT) *ord = v[1].as.real;
    if (v[1].kind != TG_VALUE_STRING) return true;
    *ord = strcmp(v[1].as.string, "nuc") == 0 ? TG_ORD_NUC : TG_ORD_FRO;
    if (*ord == TG_ORD_NUC || strcmp(v[1].as.string, "fro") == 0) return true;
    return tg_op_fail(op, tg_list(v[0].as.tensor), "linalg.matrix_norm: Order %s not supported.", v[1].as.string);
}

/* ---- matrix_norm ---- */

static bool is_spectral(double ord) { return ord == TG_ORD_NUC || fabs(ord) == 2; }

static bool ord_fits(const tg_op *op, tg_tensor *t, double ord)
{
    if (ord == TG_ORD_FRO || is_spectral(ord) || fabs(ord) == 1 || isinf(ord)) return true;
    return tg_op_fail(op, tg_list(t), "linalg.matrix_norm: Order %g not supported.", ord);
}

/* Two different dimensions, counted from the front. */
static bool dims_fit(const tg_op *op, tg_tensor *t, tg_shape *dims)
{
    const tg_tensor_list inputs = tg_list(t);
    if (t->ndim < 2)
        return tg_op_fail(op, inputs, "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
    if (dims->ndim != 2) return tg_op_fail(op, inputs, "linalg.matrix_norm: dim must be a 2-tuple. Got %d", dims->ndim);
    for (int i = 0; i < 2; i++)
        if ((dims->dims[i] = tgi_op_dim(op, inputs, dims->dims[i], t->ndim)) < 0) return false;
    if (dims->dims[0] != dims->dims[1]) return true;
    return tg_op_fail(op, inputs, "linalg.matrix_norm: dims must be different. Got (%" PRId64 ", %" PRId64 ")",
                      dims->dims[0], dims->dims[1]);
}

/* Of the singular values; dims are counted from the front. */
static tg_tensor *spectral_norm(tg_tensor *x, double ord, const tg_shape *dims, bool keepdim)
{
    tg_tensor *s = tg_svdvals(tg_movedim(x, *dims, tg_shape(-2, -1)));
    tg_tensor *y = ord == TG_ORD_NUC ? tg_sum(s, .dim = -1) : ord > 0 ? tg_amax(s, .dim = -1) : tg_amin(s, .dim = -1);
    if (!keepdim) return y;
    return tg_unsqueeze(tg_unsqueeze(y, tgi_smaller(dims->dims[0], dims->dims[1])),
                        tgi_larger(dims->dims[0], dims->dims[1]));
}

tg_tensor *tg_matrix_norm_at(const char *where, tg_tensor *t, tg_matrix_norm_options options)
{
    const tg_op *op = &tgi_op_matrix_norm;
    const double ord = options.ord;
    if (!tg_op_begin(where, op, tg_list(t)) || !ord_fits(op, t, ord) || !dims_fit(op, t, &options.dims) ||
        !tgi_norm_dtype_fits(op, t, options.dtype, "linalg.matrix_norm"))
        return NULL;
    if (ord == TG_ORD_FRO)
        return tg_linalg_vector_norm(t, .dims = options.dims, .keepdim = options.keepdim, .dtype = options.dtype);
    tg_tensor *x = options.dtype == TG_DEFAULT_DTYPE ? t : tg_to(t, options.dtype);
    if (is_spectral(ord)) return spectral_norm(x, ord, &options.dims, options.keepdim);
    const int summed = isinf(ord) ? 1 : 0;
    tg_tensor *sums = tg_sum(tg_abs(x), .dim = options.dims.dims[summed], .keepdim = true);
    tg_tensor *y = ord > 0 ? tg_amax(sums, .dim = options.dims.dims[1 - summed], .keepdim = true)
                           : tg_amin(sums, .dim = options.dims.dims[1 - summed], .keepdim = true);
    return options.keepdim ? y : tgi_ordinary(tg_squeeze_dims(y, options.dims), tg_list(t));
}

static tg_tensor_list matrix_norm_call(const tg_value *v)
{
    tg_matrix_norm_options o =
        TG_MATRIX_NORM_OPTIONS(.dims = v[2].as.ints, .keepdim = v[3].as.boolean, .ord = TG_ORD_FRO);
    if (v[4].kind == TG_VALUE_DTYPE) o.dtype = v[4].as.dtype;
    if (!read_ord(&tgi_op_matrix_norm, v, &o.ord)) return tg_list_failed();
    return tgi_result(tg_matrix_norm_at(TG_HERE, v[0].as.tensor, o));
}

/* Of singular values that are apart, whatever the tests do to the leaves. */
#define APART "add(f(3, 2, lo=-0.5, hi=0.5), reshape(v(0, 4, 0, 0, -8, 0, grad=False), [3, 2]))"

const tg_op tgi_op_matrix_norm = {
    .name = "matrix_norm",
    .schema = "matrix_norm(Tensor self, float|str ord='fro', int[] dim=[-2, -1], bool keepdim=False, *, ScalarType? "
              "dtype=None) -> Tensor",
    .formula =
        "y = the root of the sum of squares for 'fro'; the largest sum of |x| along a column for 1, along a row for "
        "inf; the smallest for -1 and -inf; the largest, the smallest singular value for 2, -2; their sum for 'nuc'",
    .gradient = "of the ops it is made of",
    .doc = "The norm of matrices.",
    .shapes = "[*, m, n] to [*], or with keepdim to [*, 1, 1]",
    .usage = "tg_matrix_norm(self, .ord = TG_ORD_FRO, .dims = tg_shape(-2, -1), .keepdim = keepdim, .dtype = dtype)",
    .composite = true,
    .kinks =
        "x = 0 and sums that tie, but for 'fro': 0, and g spread evenly; a matrix of zeros: 0; singular values that "
        "tie: g spread evenly; that are 0: U g Vh",
    .call = matrix_norm_call,
    .samples =
        (const char *const[]){ "matrix_norm(f(3, 4))", "matrix_norm(f(3, 4), 1)", "matrix_norm(f(3, 4), -1)",
                               "matrix_norm(f(3, 4), inf)", "matrix_norm(f(3, 4), -inf)",
                               "matrix_norm(f(2, 3, 4), 1, [0, 2])", "matrix_norm(f(2, 3, 4), inf, [2, 0], True)",
                               "matrix_norm(f(2, 3, 4), 'fro', [0, -1], keepdim=True)",
                               "matrix_norm(f(2, 3, 4), -1, keepdim=True)", "matrix_norm(f(2, 3), dtype=float64)",
                               "matrix_norm(f(2, 3), 1, dtype=float64)", "matrix_norm(f(0, 3))",
                               "matrix_norm(f(0, 3), 1)", "matrix_norm(f(2, 0), inf)", NULL },
    .corners =
        (const char *const[]){
            "matrix_norm(reshape(v(0, 0, 0, 0), [2, 2]))", "matrix_norm(reshape(v(1, -1, 1, 0), [2, 2]), inf)",
            "matrix_norm(reshape(v(1, -1, 1, 1), [2, 2]), 1)", "matrix_norm(reshape(v(1, nan, 1, 1), [2, 2]), -1)",
            "matrix_norm(reshape(v(1, 0, 0, 1), [2, 2]), 2)", "matrix_norm(reshape(v(1, 0, 0, 1), [2, 2]), -2)",
            "matrix_norm(reshape(v(2, 0, 0, 2), [2, 2]), 'nuc')", NULL },
    .errors =
        (const tg_error_sample[]){
            { "matrix_norm(f(3))", "linalg.matrix_norm: The input tensor A must have at least 2 dimensions." },
            { "matrix_norm(f(2, 2), 3)", "linalg.matrix_norm: Order 3 not supported." },
            { "matrix_norm(f(2, 2), 'one')", "linalg.matrix_norm: Order one not supported." },
            { "matrix_norm(i(2, 2))",
              "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got Long" },
            { "matrix_norm(f(2, 2), dim=[0, 0])", "linalg.matrix_norm: dims must be different. Got (0, 0)" },
            { "matrix_norm(f(2, 2), dim=[0, 2])",
              "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { "matrix_norm(f(2, 2), dim=[0])", "linalg.matrix_norm: dim must be a 2-tuple. Got" },
            { "matrix_norm(f(2, 2), dtype=int64)",
              "linalg.matrix_norm: dtype should be floating point or complex, but got Long" },
            { "matrix_norm(f(2, 2), dtype=float32)",
              "linalg.matrix_norm: the dtype of the input (Double) should be convertible without narrowing to the specified "
              "dtype (Float)" },
            { "matrix_norm(f(0, 3), inf)", "amax(): Expected reduction dim 0 to have non-zero size." },
            { "matrix_norm(f(0, 3), 2)", "amax(): Expected reduction dim" },
            { "matrix_norm(f(3, 0), -2)", "amin(): Expected reduction dim" },
            { "matrix_norm(reshape(v(1, nan, 1, 1), [2, 2]), 2)",
              "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values." },
            { NULL, NULL } },
    .float32_ulps = 32,
};

/* ---- linalg_norm ---- */

static bool norm_dims_fit(const tg_op *op, tg_tensor *t, const tg_linalg_norm_options *o, const tg_shape *dims)
{
    char text[TG_SHAPE_TEXT];
    if (!tgi_op_list_fits(op, tg_list(t), dims)) return false;
    if (o->dims.ndim && o->dim != TG_NO_DIM) return tg_op_fail(op, tg_list(t), "give dim or dims, not both");
    if (dims->ndim > 2)
        return tg_op_fail(op, tg_list(t), "linalg.norm: If dim is specified, it must be of length 1 or 2. Got %s",
                          tg_shape_text(dims, text));
    if (dims->ndim == 0 && o->ord != TG_ORD_NONE && t->ndim != 1 && t->ndim != 2)
        return tg_op_fail(op, tg_list(t),
                          "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got %dD.",
                          t->ndim);
    return true;
}

tg_tensor *tg_linalg_norm_at(const char *where, tg_tensor *t, tg_linalg_norm_options options)
{
    const tg_op *op = &tgi_op_linalg_norm;
    const tg_shape dims = options.dim != TG_NO_DIM ? tg_shape(options.dim) : options.dims;
    if (!tg_op_begin(where, op, tg_list(t)) || !norm_dims_fit(op, t, &options, &dims)) return NULL;
    const bool named = options.ord == TG_ORD_FRO || options.ord == TG_ORD_NUC;
    const bool matrix = named || (dims.ndim ? dims.ndim == 2 : t->ndim == 2);
    if (options.ord == TG_ORD_NONE || !matrix) {
        const double p = options.ord == TG_ORD_NONE ? 2 : options.ord;
        return tg_linalg_vector_norm(t, .p = p, .dims = dims, .keepdim = options.keepdim, .dtype = options.dtype);
    }
    const tg_shape both = dims.ndim ? dims : tg_shape(0, 1);
    return tg_matrix_norm(t, .ord = options.ord, .dims = both, .keepdim = options.keepdim, .dtype = options.dtype);
}

static tg_tensor_list linalg_norm_call(const tg_value *v)
{
    tg_linalg_norm_options o = TG_LINALG_NORM_OPTIONS(.keepdim = v[3].as.boolean);
    if (v[2].kind == TG_VALUE_INTS) o.dims = v[2].as.ints;
    if (v[4].kind == TG_VALUE_DTYPE) o.dtype = v[4].as.dtype;
    if (!read_ord(&tgi_op_linalg_norm, v, &o.ord)) return tg_list_failed();
    return tgi_result(tg_linalg_norm_at(TG_HERE, v[0].as.tensor, o));
}

const tg_op tgi_op_linalg_norm = {
    .name = "linalg_norm",
    .schema =
        "linalg_norm(Tensor self, float?|str ord=None, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) "
        "-> Tensor",
    .formula =
        "y = linalg_vector_norm(self, ord) of a vector, matrix_norm(self, ord) of a matrix; without ord the 2-norm of "
        "the elements",
    .gradient = "of the norm it is",
    .doc = "The norm of a vector or a matrix, by how many dimensions there are, or dim names.",
    .shapes = "[*, n], [*, m, n] to [*]",
    .usage = "tg_linalg_norm(self, .ord = TG_ORD_NONE, .dims = tg_shape(dim), .keepdim = keepdim, .dtype = dtype)",
    .composite = true,
    .kinks = "as of the norm it is",
    .call = linalg_norm_call,
    .samples =
        (const char *const[]){ "linalg_norm(f(4))", "linalg_norm(f(2, 3))", "linalg_norm(f(2, 3, 2), keepdim=True)",
                               "linalg_norm(f())", "linalg_norm(f(4), 3)", "linalg_norm(f(4), 0)",
                               "linalg_norm(f(3, 4), 1)", "linalg_norm(f(3, 4), -inf)", "linalg_norm(f(3, 4), 'fro')",
                               "linalg_norm(f(3, 4), 1, [1])", "linalg_norm(f(2, 3, 4), inf, [0, 2], True)",
                               "linalg_norm(f(2, 3, 4), dim=[0, 1])", "linalg_norm(f(2, 3), dtype=float64)",
                               "linalg_norm(f(0, 3))", "linalg_norm(" APART ", 2)", "linalg_norm(" APART ", 'nuc')",
                               "linalg_norm(reshape(" APART ", [2, 1, 3]), -2, [2, 0])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "linalg_norm(f(2, 2, 2), 1)",
              "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got 3D." },
            { "linalg_norm(f(2, 2, 2), dim=[0, 1, 2])",
              "linalg.norm: If dim is specified, it must be of length 1 or 2. Got [0, 1, 2]" },
            { "linalg_norm(f(2), 'fro')", "linalg.matrix_norm: The input tensor A must have at least 2 dimensions." },
            { "linalg_norm(f(2, 2), 'fro', [0])", "linalg.matrix_norm: dim must be a 2-tuple. Got" },
            { "linalg_norm(i(2))",
              "linalg.vector_norm: Expected a floating point or complex tensor as input. Got Long" },
            { "linalg_norm(f(2, 2), 3)", "linalg.matrix_norm: Order 3 not supported." },
            { "linalg_norm(f(2), 'nuc')", "linalg.matrix_norm: The input tensor A must have at least 2 dimensions." },
            { NULL, NULL } },
    .float32_ulps = 32,
};
