/* products.c: matmul under the names it has for operands of given dimensions, and outer and inner products.
 *
 * Each checks its operands with PyTorch's words and leaves the rest to matmul, so that there is one product on the tape
 * and one way a weight's gradients are added up. */
#include "ops/products.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/matmul.h"
#include "matmul_impl.h"
#include "ops/pointwise.h"
#include "products_impl.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- matrices and batches ---- */

tg_tensor *tg_mm_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    if (!tg_op_begin(where, &tgi_op_mm, tg_list(a, b))) return NULL;
    if (a->ndim != 2) return tg_op_fail(&tgi_op_mm, tg_list(a, b), "self must be a matrix");
    if (b->ndim != 2) return tg_op_fail(&tgi_op_mm, tg_list(a, b), "mat2 must be a matrix");
    if (a->dims[1] != b->dims[0])
        return tgi_fail_cannot_multiply(&tgi_op_mm, tg_list(a, b), a->dims[0], a->dims[1], b->dims[0], b->dims[1]);
    return tgi_products_exist(&tgi_op_mm, a, b) ? tg_matmul(a, b) : NULL;
}

tg_tensor *tg_bmm_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    if (!tg_op_begin(where, &tgi_op_bmm, tg_list(a, b))) return NULL;
    if (a->ndim != 3) return tg_op_fail(&tgi_op_bmm, tg_list(a, b), "batch1 must be a 3D tensor");
    if (b->ndim != 3) return tg_op_fail(&tgi_op_bmm, tg_list(a, b), "batch2 must be a 3D tensor");
    if (!tgi_batches_match(&tgi_op_bmm, tg_list(a, b), a, b)) return NULL;
    return tgi_products_exist(&tgi_op_bmm, a, b) ? tg_matmul(a, b) : NULL;
}

static tg_tensor_list mm_call(const tg_value *v) { return tgi_result(tg_mm(v[0].as.tensor, v[1].as.tensor)); }
static tg_tensor_list bmm_call(const tg_value *v) { return tgi_result(tg_bmm(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_mm = {
    .name = "mm",
    .schema = "mm(Tensor self, Tensor mat2) -> Tensor",
    .formula = "y = self mat2",
    .gradient = "dself = g mat2T, dmat2 = selfT g",
    .doc = "the product of two matrices",
    .shapes = "[n, k] and [k, m] to [n, m]",
    .composite = true,
    .call = mm_call,
    .samples = (const char *const[]){ "mm(f(2, 3), f(3, 4))", "mm(f(1, 3), f(3, 1))", "mm(f(0, 3), f(3, 2))",
                                      "mm(f(2, 0), f(0, 3))", "mm(i(2, 3), i(3, 4))", NULL },
    .errors = (const tg_error_sample[]){ { "mm(f(2, 3), f(4, 2))",
                                           "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x2)" },
                                         { "mm(f(3), f(3, 2))", "self must be a matrix" },
                                         { "mm(f(2, 3), f(3))", "mat2 must be a matrix" },
                                         { "mm(i(2, 3), f(3, 4))", "expected scalar type Long but found Double" },
                                         { "mm(b(2, 3), b(3, 2))", "\"addmm_impl_cpu_\" not implemented for 'Bool'" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_bmm = {
    .name = "bmm",
    .schema = "bmm(Tensor self, Tensor mat2) -> Tensor",
    .formula = "y[b] = self[b] mat2[b]",
    .gradient = "dself[b] = g[b] mat2[b]T, dmat2[b] = self[b]T g[b]",
    .doc = "the products of two batches of matrices",
    .shapes = "[b, n, k] and [b, k, m] to [b, n, m]",
    .composite = true,
    .call = bmm_call,
    .samples = (const char *const[]){ "bmm(f(2, 3, 4), f(2, 4, 2))", "bmm(f(1, 1, 3), f(1, 3, 2))",
                                      "bmm(f(0, 3, 2), f(0, 2, 4))", "bmm(f(2, 3, 0), f(2, 0, 2))",
                                      "bmm(i(2, 3, 4), i(2, 4, 2))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "bmm(f(2, 3), f(2, 3, 4))", "batch1 must be a 3D tensor" },
            { "bmm(f(2, 3, 4), f(2, 3))", "batch2 must be a 3D tensor" },
            { "bmm(f(2, 3, 4), f(3, 4, 2))",
              "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [3, 4]." },
            { "bmm(f(2, 3, 4), f(2, 5, 2))",
              "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5]." },
            { "bmm(f(2, 3, 4), i(2, 4, 2))", "expected scalar type Double but found Long" },
            { "bmm(b(2, 3, 4), b(2, 4, 2))", "\"bmm\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

/* ---- a matrix and a vector, two vectors ---- */

tg_tensor *tg_mv_at(const char *where, tg_tensor *matrix, tg_tensor *vector)
{
    tg_tensor_list inputs = tg_list(matrix, vector);
    if (!tg_op_begin(where, &tgi_op_mv, inputs)) return NULL;
    if (matrix->ndim != 2 || vector->ndim != 1)
        return tg_op_fail(&tgi_op_mv, inputs, "vector + matrix @ vector expected, got 1, %d, %d", matrix->ndim,
                          vector->ndim);
    if (matrix->dims[1] != vector->dims[0])
        return tg_op_fail(&tgi_op_mv, inputs, "size mismatch, got %" PRId64 ", %" PRId64 "x%" PRId64 ",%" PRId64,
                          matrix->dims[0], matrix->dims[0], matrix->dims[1], vector->dims[0]);
    return tgi_products_exist(&tgi_op_mv, matrix, vector) ? tg_matmul(matrix, vector) : NULL;
}

static tg_tensor *dot(const char *where, const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    if (!tg_op_begin(where, op, tg_list(a, b))) return NULL;
    if (a->ndim != 1 || b->ndim != 1)
        return tg_op_fail(op, tg_list(a, b), "1D tensors expected, but got %dD and %dD tensors", a->ndim, b->ndim);
    return tgi_products_exist(op, a, b) ? tg_matmul(a, b) : NULL;
}

tg_tensor *tg_dot_at(const char *where, tg_tensor *a, tg_tensor *b) { return dot(where, &tgi_op_dot, a, b); }
tg_tensor *tg_vdot_at(const char *where, tg_tensor *a, tg_tensor *b) { return dot(where, &tgi_op_vdot, a, b); }

static tg_tensor_list mv_call(const tg_value *v) { return tgi_result(tg_mv(v[0].as.tensor, v[1].as.tensor)); }
static tg_tensor_list dot_call(const tg_value *v) { return tgi_result(tg_dot(v[0].as.tensor, v[1].as.tensor)); }
static tg_tensor_list vdot_call(const tg_value *v) { return tgi_result(tg_vdot(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_mv = {
    .name = "mv",
    .schema = "mv(Tensor self, Tensor vec) -> Tensor",
    .formula = "y = self vec",
    .gradient = "dself = g vecT, dvec = selfT g",
    .doc = "the product of a matrix and a vector",
    .shapes = "[n, k] and [k] to [n]",
    .composite = true,
    .call = mv_call,
    .samples = (const char *const[]){ "mv(f(2, 3), f(3))", "mv(f(0, 3), f(3))", "mv(f(2, 0), f(0))",
                                      "mv(i(2, 3), i(3))", NULL },
    .errors = (const tg_error_sample[]){ { "mv(f(2, 3), f(2))", "size mismatch, got 2, 2x3,2" },
                                         { "mv(f(2, 3), f(3, 1))", "vector + matrix @ vector expected, got 1, 2, 2" },
                                         { "mv(f(2), f(3))", "vector + matrix @ vector expected, got 1, 1, 1" },
                                         { "mv(f(2, 3), i(3))", "expected scalar type Double but found Long" },
                                         { "mv(b(2, 3), b(3))", "\"addmv_impl_cpu\" not implemented for 'Bool'" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_dot = {
    .name = "dot",
    .schema = "dot(Tensor self, Tensor tensor) -> Tensor",
    .formula = "y = the sum of self[i] tensor[i]",
    .gradient = "dself = g tensor, dtensor = g self",
    .doc = "the product of two vectors",
    .shapes = "[k] and [k] to []",
    .composite = true,
    .call = dot_call,
    .samples =
        (const char *const[]){ "dot(f(3), f(3))", "dot(f(0), f(0))", "dot(f(1), f(1))", "dot(i(4), i(4))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "dot(f(2), f(3))",
              "inconsistent tensor size, expected tensor [2] and src [3] to have the same number of elements, but got 2 "
              "and 3 elements respectively" },
            { "dot(f(2, 1), f(3))", "1D tensors expected, but got 2D and 1D tensors" },
            { "dot(f(), f(3))", "1D tensors expected, but got 0D and 1D tensors" },
            { "dot(f(2), i(2))", "dot : expected both vectors to have same dtype, but found Double and Long" },
            { "dot(b(2), b(2))", "\"dot\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

const tg_op tgi_op_vdot = {
    .name = "vdot",
    .schema = "vdot(Tensor self, Tensor other) -> Tensor",
    .formula = "y = the sum of self[i] other[i]",
    .gradient = "dself = g other, dother = g self",
    .doc = "the product of two vectors; of real numbers it is dot",
    .shapes = "[k] and [k] to []",
    .composite = true,
    .call = vdot_call,
    .samples = (const char *const[]){ "vdot(f(3), f(3))", "vdot(f(0), f(0))", "vdot(i(4), i(4))", NULL },
    .errors = (const tg_error_sample[]){ { "vdot(f(2, 1), f(3))", "1D tensors expected, but got 2D and 1D tensors" },
                                         { "vdot(f(2), f(3))", "inconsistent tensor size, expected tensor [2]" },
                                         { NULL, NULL } },
};

/* ---- outer ---- */

bool tgi_is_vector(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const char *argument)
{
    if (t->ndim == 1) return true;
    const char *name = op == &tgi_op_ger ? tgi_op_outer.name : op->name;
    tg_op_fail(op, inputs, "%s: Expected 1-D argument %s, but got %d-D", name, argument, t->ndim);
    return false;
}

static tg_tensor *outer(const char *where, const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    tg_tensor_list inputs = tg_list(a, b);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (!tgi_is_vector(op, inputs, a, "self") || !tgi_is_vector(op, inputs, b, "vec2")) return NULL;
    return tg_mul(tg_unsqueeze(a, 1), b);
}

tg_tensor *tg_outer_at(const char *where, tg_tensor *a, tg_tensor *b) { return outer(where, &tgi_op_outer, a, b); }
tg_tensor *tg_ger_at(const char *where, tg_tensor *a, tg_tensor *b) { return outer(where, &tgi_op_ger, a, b); }

static tg_tensor_list outer_call(const tg_value *v) { return tgi_result(tg_outer(v[0].as.tensor, v[1].as.tensor)); }
static tg_tensor_list ger_call(const tg_value *v) { return tgi_result(tg_ger(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_outer = {
    .name = "outer",
    .schema = "outer(Tensor self, Tensor vec2) -> Tensor",
    .formula = "y[i, j] = self[i] vec2[j]",
    .gradient = "dself = g vec2, dvec2 = gT self",
    .doc = "every element of one vector times every element of another",
    .shapes = "[n] and [m] to [n, m]",
    .composite = true,
    .call = outer_call,
    .samples = (const char *const[]){ "outer(f(2), f(3))", "outer(f(0), f(3))", "outer(f(2), f(0))",
                                      "outer(i(2), i(3))", "outer(f(2), i(3))", "outer(b(2), b(3))", NULL },
    .errors = (const tg_error_sample[]){ { "outer(f(2, 1), f(3))", "outer: Expected 1-D argument self, but got 2-D" },
                                         { "outer(f(2), f(3, 1))", "outer: Expected 1-D argument vec2, but got 2-D" },
                                         { "outer(f(), f(3))", "outer: Expected 1-D argument self, but got 0-D" },
                                         { NULL, NULL } },
};

const tg_op tgi_op_ger = {
    .name = "ger",
    .schema = "ger(Tensor self, Tensor vec2) -> Tensor",
    .formula = "y[i, j] = self[i] vec2[j]",
    .gradient = "dself = g vec2, dvec2 = gT self",
    .doc = "outer under its older name",
    .shapes = "[n] and [m] to [n, m]",
    .composite = true,
    .call = ger_call,
    .samples = (const char *const[]){ "ger(f(2), f(3))", "ger(i(2), i(3))", NULL },
    .errors = (const tg_error_sample[]){ { "ger(f(2, 1), f(3))", "outer: Expected 1-D argument self, but got 2-D" },
                                         { NULL, NULL } },
};

/* ---- inner ---- */

/* All dimensions of a and b but their last ones. */
static tg_shape inner_shape(const tg_tensor *a, const tg_tensor *b)
{
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < a->ndim - 1; d++) shape.dims[shape.ndim++] = a->dims[d];
    for (int d = 0; d < b->ndim - 1; d++) shape.dims[shape.ndim++] = b->dims[d];
    return shape;
}

tg_tensor *tg_inner_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    tg_tensor_list inputs = tg_list(a, b);
    if (!tg_op_begin(where, &tgi_op_inner, inputs)) return NULL;
    if (a->ndim == 0 || b->ndim == 0) return tg_mul(a, b);
    if (a->dims[a->ndim - 1] != b->dims[b->ndim - 1]) {
        char x[TG_SHAPE_TEXT], y[TG_SHAPE_TEXT];
        const tg_shape shape_a = tgi_shape(a), shape_b = tgi_shape(b);
        return tg_op_fail(&tgi_op_inner, inputs,
                          "inner() the last dimension must match on both input tensors but got shapes %s and %s",
                          tg_shape_text(&shape_a, x), tg_shape_text(&shape_b, y));
    }
    if (a->dtype != b->dtype) return tgi_expected_type(&tgi_op_inner, inputs, a->dtype, b->dtype);
    if (b->ndim == 1) return tg_matmul(a, b);
    if (!tgi_op_can_grow(&tgi_op_inner, inputs, a->ndim + b->ndim - 3)) return NULL;
    const tg_shape shape = inner_shape(a, b);
    tg_tensor *y = tg_linear(a, tgi_tall(b), NULL); /* the rows of b are what a is multiplied by */
    return b->ndim == 2 ? y : tgi_ordinary(tg_reshape(y, shape), inputs);
}

static tg_tensor_list inner_call(const tg_value *v) { return tgi_result(tg_inner(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_inner = {
    .name = "inner",
    .schema = "inner(Tensor self, Tensor other) -> Tensor",
    .formula = "y[.., *] = the sum over k of self[.., k] other[*, k]",
    .gradient = "dself = the sum over * of g other, dother = the sum over .. of g self",
    .doc = "sums over the last dimensions of both; a 0-d operand multiplies",
    .shapes = "[.., k] and [*, k] to [.., *]",
    .composite = true,
    .call = inner_call,
    .samples = (const char *const[]){ "inner(f(3), f(3))", "inner(f(2, 3), f(3))", "inner(f(3), f(2, 3))",
                                      "inner(f(2, 3), f(4, 3))", "inner(f(2, 1, 3), f(2, 2, 3))", "inner(f(), f(2, 3))",
                                      "inner(f(2), f())", "inner(f(2, 0), f(3, 0))", "inner(f(0, 2), f(3, 2))",
                                      "inner(i(2, 3), i(2, 3))", "inner(f(), i(2))", NULL },
    .errors = (const tg_error_sample[]){ { "inner(f(2, 3), f(2, 4))",
                                           "inner() the last dimension must match on both input tensors but got shapes "
                                           "[2, 3] and [2, 4]" },
                                         { "inner(f(3), i(3))", "expected scalar type Double but found Long" },
                                         { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "inner(f(1, 1, 1, 1, 1, 3), f(1, 1, 1, 1, 3))", "a tensor has at most 8 dimensions" }, { NULL, NULL } },
};
