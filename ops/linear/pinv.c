/* pinv.c: what is left when small singular values are taken for zeros: the rank, and the pseudo-inverse.
 *
 * The gradient of the pseudo-inverse is that of Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear
 * least squares problems whose variables separate (1973), written in ops: unlike those of singular vectors it is finite
 * where singular values are equal. */
#include "linalg_impl.h"
#include "ops/base/call.h"
#include "ops/base/parallel.h"
#include "ops/create.h"
#include "ops/extremes.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"

#include <float.h>
#include <math.h>

/* ---- which singular values count ---- */

/* Where they are above the tolerance, as a mask; `s` has at least one for each matrix. */
static tg_tensor *counted(tg_tensor *s, const tg_tensor *a, tg_tolerance_options o)
{
    const double larger = (double)tgi_larger(a->dims[a->ndim - 2], a->dims[a->ndim - 1]);
    const double machine = a->dtype == TG_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
    const double rtol = !isnan(o.rtol) ? o.rtol : o.atol > 0 ? 0 : machine * larger;
    const double atol = isnan(o.atol) ? 0 : o.atol;
    tg_tensor *bound = tg_mul(tg_amax(s, .dim = -1, .keepdim = true), rtol);
    return tg_gt(s, tg_maximum(bound, atol));
}

static tg_tolerance_options read_tolerances(const tg_value *v)
{
    tg_tolerance_options o = TG_TOLERANCE_OPTIONS(.atol = TG_NO_TOLERANCE);
    if (v[1].kind == TG_VALUE_FLOAT) o.atol = v[1].as.real;
    if (v[2].kind == TG_VALUE_FLOAT) o.rtol = v[2].as.real;
    return o;
}

/* ---- matrix_rank ---- */

tg_tensor *tg_matrix_rank_at(const char *where, tg_tensor *a, tg_tolerance_options options)
{
    const tg_op *op = &tgi_op_matrix_rank;
    if (!tg_op_begin(where, op, tg_list(a))) return NULL;
    if (a->ndim < 2)
        return tg_op_fail(op, tg_list(a),
                          "torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions.");
    if (!tgi_is_floating(a))
        return tg_op_fail(op, tg_list(a), "This function doesn't handle types other than float and double");
    if (a->numel == 0) return tg_zeros(tgi_matrix_batch(a), .dtype = TG_INT64);
    return tg_sum(counted(tg_svdvals(tg_detach(a)), a, options), .dim = -1);
}

static tg_tensor_list matrix_rank_call(const tg_value *v)
{
    return tgi_result(tg_matrix_rank_at(TG_HERE, v[0].as.tensor, read_tolerances(v)));
}

const tg_op tgi_op_matrix_rank = {
    .name = "matrix_rank",
    .schema = "matrix_rank(Tensor A, *, float? atol=None, float? rtol=None) -> Tensor",
    .formula = "y = the number of singular values above max(atol, rtol times the largest)",
    .gradient = "none: a number of values",
    .doc = "the ranks of matrices",
    .shapes = "[*, m, n] to [*]",
    .call = matrix_rank_call,
    .samples =
        (const char *const[]){ "matrix_rank(f(3, 4, grad=False))", "matrix_rank(f(2, 3, 3, grad=False), atol=1.5)",
                               "matrix_rank(f(4, 3, grad=False), rtol=0.5)",
                               "matrix_rank(f(4, 3, grad=False), atol=0.1, rtol=0.2)",
                               "matrix_rank(f(0, 3, grad=False))", "matrix_rank(f(2, 3, 0, grad=False))", NULL },
    .corners = (const char *const[]){ "matrix_rank(reshape(v(1, 2, 2, 4, grad=False), [2, 2]))",
                                      "matrix_rank(reshape(v(0, 0, 0, 0, 0, 0, grad=False), [2, 3]))",
                                      "matrix_rank(reshape(v(2, 0, 0, 1, grad=False), [2, 2]), rtol=0.5)",
                                      "matrix_rank(reshape(v(1, 2, 2, 4, grad=False), [2, 2]), atol=0.0)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "matrix_rank(f(3))",
              "torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions." },
            { "matrix_rank(i(2, 2))", "This function doesn't handle types other than float and double" },
            { NULL, NULL } },
};

/* ---- pinv ---- */

/* VhT S^-1 UT, without what S does not count. */
static tg_tensor *pseudo_inverse(tg_tensor *a, tg_tolerance_options options)
{
    const tg_svd_result y = tg_svd(tg_detach(a), .full_matrices = false);
    tg_tensor *inverse = tg_where(counted(y.s, a, options), tg_reciprocal(y.s), 0.0);
    return tg_matmul(tg_mul(tgi_transposed(y.vh), tg_unsqueeze(inverse, -2)), tgi_transposed(y.u));
}

tg_tensor *tg_pinv_at(const char *where, tg_tensor *a, tg_tolerance_options options)
{
    const tg_op *op = &tgi_op_pinv;
    if (!tg_op_begin(where, op, tg_list(a))) return NULL;
    if (a->ndim < 2 || !tgi_is_floating(a))
        return tg_op_fail(op, tg_list(a),
                          "expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types");
    const tg_shape batch = tgi_matrix_batch(a);
    tg_tensor *y = a->numel ? pseudo_inverse(a, options)
                            : tg_zeros(tgi_shape_with(&batch, a->dims[a->ndim - 1], a->dims[a->ndim - 2]),
                                       .dtype = (tg_dtype)a->dtype);
    if (!y) return NULL;
    return tg_record(op, tg_list(a), tg_list(y), tg_list(a, y), &options, sizeof options) == TG_OK ? y : NULL;
}

/* dA = -yT g yT + (1 - A y) gT y yT + yT y gT (1 - y A) */
static void pinv_backward(tg_context *ctx)
{
    tg_tensor *a = tg_saved(ctx, 0), *y = tg_saved(ctx, 1), *g = tg_grad_output(ctx, 0);
    if (!a || !y || !g) return;
    tg_tensor *yt = tgi_transposed(y), *gt = tgi_transposed(g);
    tg_tensor *left = tg_matmul(gt, tg_matmul(y, yt)), *right = tg_matmul(tg_matmul(yt, y), gt);
    left = tg_sub(left, tg_matmul(a, tg_matmul(y, left)));
    right = tg_sub(right, tg_matmul(tg_matmul(right, y), a));
    tg_set_grad_input(ctx, 0, tg_sub(tg_add(left, right), tg_matmul(yt, tg_matmul(g, yt))));
}

static tg_tensor_list pinv_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_tolerance_options *options = tg_node_attributes(node);
    return tgi_result(tg_pinv_at(NULL, inputs.items[0], *options));
}

static tg_tensor_list pinv_call(const tg_value *v)
{
    return tgi_result(tg_pinv_at(TG_HERE, v[0].as.tensor, read_tolerances(v)));
}

/* Of full rank, whatever the tests do to the leaves. */
#define HIGH "add(f(4, 2, lo=-0.5, hi=0.5), reshape(v(0, 4, 0, 0, 0, 0, -4, 0, grad=False), [4, 2]))"
#define WIDE "add(f(2, 2, 3, lo=-0.5, hi=0.5), reshape(v(0, 4, 0, 8, 0, 0, grad=False), [2, 3]))"

const tg_op tgi_op_pinv = {
    .name = "pinv",
    .schema = "pinv(Tensor A, *, float? atol=None, float? rtol=None) -> Tensor",
    .formula = "y = V S^-1 UT, A = U S VT, without the singular values that matrix_rank does not count",
    .gradient = "dA = -yT g yT + (1 - A y) gT y yT + yT y gT (1 - y A)",
    .doc = "the pseudo-inverses of matrices of any shape and rank",
    .shapes = "[*, m, n] to [*, n, m]",
    .kinks =
        "matrices of lower rank than those beside them, of which y is no continuous function: the derivative along "
        "those of the same rank",
    .backward = pinv_backward,
    .call = pinv_call,
    .again = pinv_again,
    .samples = (const char *const[]){ "pinv(" TGI_MATRIX_3 ")", "pinv(" HIGH ")", "pinv(" WIDE ")", "pinv(f(5, 1))",
                                      "pinv(f(1, 1, lo=1, hi=2))", "pinv(f(0, 3))", "pinv(f(2, 3, 0))",
                                      "pinv(" HIGH ", atol=0.01, rtol=0.02)", NULL },
    .corners = (const char *const[]){ "pinv(reshape(v(1, 0, 0, 1), [2, 2]))", "pinv(reshape(v(1, 2, 2, 4), [2, 2]))",
                                      "pinv(reshape(v(0, 0, 0, 0, 0, 0), [2, 3]))",
                                      "pinv(reshape(v(3, 0, 0, 1, 0, 0), [3, 2]), rtol=0.5)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "pinv(f(3))", "expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types" },
            { "pinv(i(2, 2))",
              "expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types" },
            { "pinv(reshape(v(1, nan, 2, 3), [2, 2]))",
              "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values." },
            { NULL, NULL } },
    .float32_ulps = 64,
};
