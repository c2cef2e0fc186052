/* bilinear.c: products that are linear in each of two operands: bilinear maps and Kronecker's product. Both are made of
 * matmul, mul and views. */
#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/join.h"
#include "ops/base/layout.h"
#include "ops/matmul.h"
#include "matmul_impl.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- bilinear ---- */

static bool bilinear_check(tg_tensor_list inputs, const tg_tensor *x, const tg_tensor *z, const tg_tensor *weight,
                           const tg_tensor *bias)
{
    const tg_op *op = &tgi_op_bilinear;
    if (weight->ndim != 3) {
        tg_op_fail(op, inputs, "bilinear(): weight must have 3 dimensions, got %d", weight->ndim);
        return false;
    }
    if (x->ndim != z->ndim || x->ndim == 0) {
        tg_op_fail(op, inputs, "bilinear(): input dimensions do not match: got %d and %d", x->ndim, z->ndim);
        return false;
    }
    for (int d = 0; d < x->ndim - 1; d++) {
        if (x->dims[d] == z->dims[d]) continue;
        tg_op_fail(op, inputs,
                   "bilinear(): input batch dimensions do not match at dim %d: got %" PRId64 " and %" PRId64, d,
                   x->dims[d], z->dims[d]);
        return false;
    }
    const tg_tensor *input[] = { x, z };
    for (int i = 0; i < 2; i++) {
        const int64_t size = input[i]->dims[x->ndim - 1];
        if (size == weight->dims[i + 1]) continue;
        tg_op_fail(op, inputs,
                   "bilinear(): input%d size does not match weight size: got %" PRId64 " but expected %" PRId64, i + 1,
                   size, weight->dims[i + 1]);
        return false;
    }
    if (!bias || (bias->ndim == 1 && bias->dims[0] == weight->dims[0])) return true;
    tg_op_fail(op, inputs, "bilinear(): bias size does not match weight size: got %" PRId64 " but expected %" PRId64,
               bias->ndim ? bias->dims[0] : 1, weight->dims[0]);
    return false;
}

/* x times weight, [n, out, in2], then times z, one product for each n. */
static tg_tensor *bilinear_map(tg_tensor *x, tg_tensor *z, tg_tensor *weight)
{
    const int64_t out = weight->dims[0], in1 = weight->dims[1], in2 = weight->dims[2], n = tgi_rows_of(x);
    tg_shape shape = tgi_shape(x);
    shape.dims[shape.ndim - 1] = out;
    tg_tensor *w = tg_reshape(tg_permute(weight, tg_shape(1, 0, 2)), tg_shape(in1, out * in2));
    tg_tensor *xw = tg_matmul(tg_reshape(x, tg_shape(n, in1)), w);
    tg_tensor *y = tg_matmul(tg_reshape(xw, tg_shape(n, out, in2)), tg_reshape(z, tg_shape(n, in2, 1)));
    return tgi_ordinary(tg_reshape(y, shape), TG_NONE);
}

tg_tensor *tg_bilinear_at(const char *where, tg_tensor *input1, tg_tensor *input2, tg_tensor *weight, tg_tensor *bias)
{
    tg_tensor_list inputs = tg_list(input1, input2, weight, bias);
    if (!bias) inputs.count = 3;
    if (!tg_op_begin(where, &tgi_op_bilinear, inputs) || !tg_optional_ok(bias)) return NULL;
    if (!bilinear_check(inputs, input1, input2, weight, bias)) return NULL;
    tg_tensor *y = bilinear_map(input1, input2, weight);
    return bias ? tg_add(y, bias) : y;
}

static tg_tensor_list bilinear_call(const tg_value *v)
{
    tg_tensor *bias = v[3].kind == TG_VALUE_TENSOR ? v[3].as.tensor : NULL;
    return tgi_result(tg_bilinear_at(TG_HERE, v[0].as.tensor, v[1].as.tensor, v[2].as.tensor, bias));
}

const tg_op tgi_op_bilinear = {
    .name = "bilinear",
    .schema = "bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
    .formula = "y[.., o] = the sum over i, j of input1[.., i] weight[o, i, j] input2[.., j], plus bias[o]",
    .gradient = "that of the two products it is made of",
    .doc = "a map that is linear in each of two inputs",
    .shapes = "[.., in1], [.., in2], [out, in1, in2] and [out] to [.., out]",
    .usage = "tg_bilinear(input1, input2, weight, bias)",
    .composite = true,
    .call = bilinear_call,
    .samples =
        (const char *const[]){ "bilinear(f(2, 3), f(2, 4), f(2, 3, 4), f(2))", "bilinear(f(3), f(2), f(2, 3, 2))",
                               "bilinear(f(2, 1, 3), f(2, 1, 2), f(1, 3, 2), f(1))",
                               "bilinear(f(0, 3), f(0, 2), f(2, 3, 2), f(2))", NULL },
    .errors = (const tg_error_sample[]){ { "bilinear(f(2, 3), f(3, 4), f(5, 3, 4), f(5))",
                                           "bilinear(): input batch dimensions do not match at dim 0: got 2 and 3" },
                                         { "bilinear(f(2, 3), f(4), f(5, 3, 4), f(5))",
                                           "bilinear(): input dimensions do not match: got 2 and 1" },
                                         { "bilinear(f(2, 3), f(2, 4), f(5, 2, 4), f(5))",
                                           "bilinear(): input1 size does not match weight size: got 3 but expected 2" },
                                         { "bilinear(f(2, 3), f(2, 4), f(5, 3, 3), f(5))",
                                           "bilinear(): input2 size does not match weight size: got 4 but expected 3" },
                                         { "bilinear(f(2, 3), f(2, 4), f(5, 3, 4), f(4))",
                                           "bilinear(): bias size does not match weight size: got 4 but expected 5" },
                                         { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "bilinear(f(2, 3), f(2, 4), f(5, 3))",
                                               "bilinear(): weight must have 3 dimensions, got 2" },
                                             { NULL, NULL } },
};

/* ---- kron ---- */

/* Each dimension as two, a's size before b's; where one of them is 1, as one. */
static bool kron_shapes(const tg_tensor *a, const tg_tensor *b, tg_shape *of_a, tg_shape *of_b, tg_shape *result)
{
    const int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    int64_t dims[2][2 * TG_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < ndim; d++) {
        const int da = d - (ndim - a->ndim), db = d - (ndim - b->ndim);
        const int64_t size_a = da < 0 ? 1 : a->dims[da], size_b = db < 0 ? 1 : b->dims[db];
        const bool both = size_a != 1 && size_b != 1;
        if (__builtin_mul_overflow(size_a, size_b, &result->dims[d])) result->dims[d] = INT64_MAX;
        dims[0][n] = size_a;
        dims[1][n++] = both ? 1 : size_b;
        if (both) {
            dims[0][n] = 1;
            dims[1][n++] = size_b;
        }
    }
    result->ndim = ndim;
    if (n > TG_MAX_DIMS) return tgi_op_can_grow(&tgi_op_kron, TG_NONE, TG_MAX_DIMS);
    *of_a = *of_b = (tg_shape){ n, { 0 } };
    for (int d = 0; d < n; d++) {
        of_a->dims[d] = dims[0][d];
        of_b->dims[d] = dims[1][d];
    }
    return tgi_op_numel(&tgi_op_kron, TG_NONE, result) >= 0;
}

/* Rows of the result, which are those of a times one of b, are short, and there are many of them: it pays to stretch both
 * to a row's length before. */
static bool has_short_rows(const tg_tensor *a, const tg_tensor *b)
{
    enum { SHORT = 128, MANY = 4096 };
    const int n = a->ndim;
    if (n < 2 || a->dims[n - 1] != 1 || b->dims[n - 2] != 1 || b->dims[n - 1] > SHORT) return false;
    const int64_t copies = a->numel * b->dims[n - 1] + b->numel * a->dims[n - 2];
    return a->numel * b->numel >= MANY && copies <= a->numel * b->numel / 4;
}

/* The last two dimensions, of the sizes given after stretching, as one. */
static tg_tensor *stretched(tg_tensor *t, int64_t rows, int64_t columns)
{
    tg_shape shape = tgi_shape(t);
    shape.dims[shape.ndim - 2] = rows;
    shape.dims[shape.ndim - 1] = columns;
    t = tg_expand(t, shape);
    shape.dims[--shape.ndim - 1] = rows * columns;
    return tg_reshape(t, shape);
}

tg_tensor *tg_kron_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    tg_shape of_a, of_b, result;
    if (!tg_op_begin(where, &tgi_op_kron, tg_list(a, b)) || !kron_shapes(a, b, &of_a, &of_b, &result)) return NULL;
    a = tg_reshape(a, of_a);
    b = tg_reshape(b, of_b);
    if (a && b && has_short_rows(a, b)) {
        const int64_t rows = of_a.dims[of_a.ndim - 2], columns = of_b.dims[of_b.ndim - 1];
        a = stretched(a, rows, columns);
        b = stretched(b, rows, columns);
    }
    return tgi_ordinary(tg_reshape(tg_mul(a, b), result), TG_NONE);
}

static tg_tensor_list kron_call(const tg_value *v) { return tgi_result(tg_kron(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_kron = {
    .name = "kron",
    .schema = "kron(Tensor self, Tensor other) -> Tensor",
    .formula = "y[n i + j, ..] = self[i, ..] other[j, ..], n the size of other",
    .gradient = "that of the product it is made of",
    .doc = "Kronecker's product: every element of self times the whole of other",
    .shapes = "[n, ..] and [m, ..] to [n m, ..]",
    .composite = true,
    .call = kron_call,
    .samples = (const char *const[]){ "kron(f(2, 3), f(2, 2))", "kron(f(2), f(3))", "kron(f(2, 3), f(2))",
                                      "kron(f(2), f(2, 1, 3))", "kron(f(), f(2))", "kron(f(2), f())",
                                      "kron(f(0, 2), f(3, 1))", "kron(i(2), i(2))", "kron(f(2), i(2))",
                                      "kron(b(2), b(2))", "kron(f(1, 2, 1, 2, 1), f(2, 1, 2, 1, 2))", NULL },
    .own_errors =
        (const tg_error_sample[]){ { "kron(f(2, 2, 2, 2, 2), f(2, 2, 2, 2, 2))", "a tensor has at most 8 dimensions" },
                                   { NULL, NULL } },
};
