/* addmm.c: a product added to something.
 *
 * The one that models use, a bias added to each row of x weight, is a single pass with a node of its own; the others are
 * made of matmul, mul and add. */
#include "ops/base/call.h"
#include "ops/matmul.h"
#include "matmul_impl.h"
#include "ops/pointwise.h"
#include "ops/products.h"
#include "products_impl.h"
#include "ops/base/flops.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <inttypes.h>

/* ---- what they share ---- */

bool tgi_expands_to(const tg_op *op, tg_tensor_list inputs, const tg_tensor *input, const tg_shape *shape)
{
    char own[TG_SHAPE_TEXT], target[TG_SHAPE_TEXT];
    const tg_shape sizes = tgi_shape(input);
    const int extra = shape->ndim - input->ndim;
    if (extra < 0) {
        const char *name = tgi_type_name(input);
        tg_op_fail(op, inputs,
                   "expand(torch.%sTensor{%s}, size=%s): the number of sizes provided (%d) must be greater or equal to "
                   "the number of dimensions in the tensor (%d)",
                   name, tg_shape_text(&sizes, own), tg_shape_text(shape, target), shape->ndim, input->ndim);
        return false;
    }
    for (int d = input->ndim - 1; d >= 0; d--) {
        if (input->dims[d] == shape->dims[d + extra] || input->dims[d] == 1) continue;
        tg_op_fail(op, inputs,
                   "The expanded size of the tensor (%" PRId64 ") must match the existing size (%" PRId64
                   ") at non-singleton dimension %d.  Target sizes: %s.  Tensor sizes: %s",
                   shape->dims[d + extra], input->dims[d], d + extra, tg_shape_text(shape, target),
                   tg_shape_text(&sizes, own));
        return false;
    }
    return true;
}

/* factor t; the factor is truncated for an integer tensor, as PyTorch does it. */
static tg_tensor *scaled(tg_tensor *t, double factor)
{
    if (!t || factor == 1) return t;
    return tgi_is_floating(t) ? tg_mul(t, factor) : tg_mul(t, (int64_t)factor);
}

tg_tensor *tgi_sum_of(tg_tensor *input, tg_tensor *product, const tg_addmm_options *o)
{
    product = scaled(product, o->alpha);
    if (!product || o->beta == 0) return product;
    return tg_add(scaled(input, o->beta), product);
}

static bool same_dtypes(const tg_op *op, tg_tensor *input, tg_tensor *a, tg_tensor *b)
{
    if (input->dtype == a->dtype && a->dtype == b->dtype) return tgi_products_exist(op, a, b);
    tg_op_fail(op, tg_list(input, a, b), "self and mat2 must have the same dtype");
    return false;
}

static double number_of(const tg_value *v)
{
    return v->kind == TG_VALUE_INT ? (double)v->as.integer : v->kind == TG_VALUE_BOOL ? v->as.boolean : v->as.real;
}

bool tgi_addmm_options_of(const tg_op *op, const tg_value *v, tg_addmm_options *o)
{
    *o = TG_ADDMM_OPTIONS();
    if (v[3].kind == TG_VALUE_TENSOR || v[4].kind == TG_VALUE_TENSOR) {
        tg_op_fail(op, TG_NONE, "beta and alpha must be numbers");
        return false;
    }
    o->beta = number_of(&v[3]);
    o->alpha = number_of(&v[4]);
    return true;
}

typedef tg_tensor *(*add_fn)(const char *where, tg_tensor *input, tg_tensor *a, tg_tensor *b, tg_addmm_options options);

static tg_tensor_list call(const tg_op *op, add_fn fn, const tg_value *v)
{
    tg_addmm_options o;
    if (!tgi_addmm_options_of(op, v, &o)) return tg_list_failed();
    return tgi_result(fn(TG_HERE, v[0].as.tensor, v[1].as.tensor, v[2].as.tensor, o));
}

/* beta and alpha have gone into the inputs. */
static tg_tensor_list addmm_again(const tg_node *node, tg_tensor_list inputs)
{
    (void)node;
    return tgi_result(tg_addmm(inputs.items[0], inputs.items[1], inputs.items[2]));
}

/* ---- addmm ---- */

static bool addmm_check(tg_tensor *input, tg_tensor *a, tg_tensor *b)
{
    const tg_op *op = &tgi_op_addmm;
    const tg_tensor_list inputs = tg_list(input, a, b);
    const tg_shape shape = tg_shape(a->dims[0], b->dims[1]);
    if (a->dims[1] != b->dims[0]) {
        tgi_fail_cannot_multiply(op, inputs, a->dims[0], a->dims[1], b->dims[0], b->dims[1]);
        return false;
    }
    return tgi_expands_to(op, inputs, input, &shape) && same_dtypes(op, input, a, b);
}

/* y = a b, `bias` set down with each row. */
static tg_tensor *rows_with_bias(tg_tensor *bias, tg_tensor *a, tg_tensor *b)
{
    const tg_shape shape = tg_shape(a->dims[0], b->dims[1]), none = { 0, { 0 } };
    tg_tensor *y = tgi_new(&shape, (tg_dtype)a->dtype), *row = y ? tgi_bias_row(bias, b->dims[1]) : NULL;
    const bool ok = row && tgi_multiply(a, b, false, &none, row, NULL, y);
    tgi_unref(row);
    if (!ok) return NULL;
    tg_tensor *saved_a = tg_requires_grad(b) ? a : NULL, *saved_b = tg_requires_grad(a) ? b : NULL;
    const tg_status status =
        tg_record(&tgi_op_addmm, tg_list(bias, a, b), tg_list(y), tg_list(saved_a, saved_b), NULL, 0);
    return status == TG_OK ? y : NULL;
}

tg_tensor *tg_addmm_at(const char *where, tg_tensor *input, tg_tensor *mat1, tg_tensor *mat2, tg_addmm_options options)
{
    const tg_op *op = &tgi_op_addmm;
    const tg_tensor_list inputs = tg_list(input, mat1, mat2);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (mat1->ndim != 2) return tg_op_fail(op, inputs, "mat1 must be a matrix, got %d-D tensor", mat1->ndim);
    if (mat2->ndim != 2) return tg_op_fail(op, inputs, "mat2 must be a matrix, got %d-D tensor", mat2->ndim);
    if (!addmm_check(input, mat1, mat2)) return NULL;
    if (options.beta == 1 && options.alpha == 1 && input->ndim <= 1) return rows_with_bias(input, mat1, mat2);
    return tgi_sum_of(input, tg_matmul(mat1, mat2), &options);
}

static void addmm_backward(tg_context *ctx)
{
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_grad_output(ctx, 0));
    tgi_product_backward(ctx, 1, false);
}

static void addmm_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const bool needed = tg_needs_input_grad(ctx, 0);
    if (needed && g && tg_input_shape(ctx, 0).ndim == 1 && tg_input_shape(ctx, 0).dims[0] == g->dims[1])
        tg_set_grad_input_product(ctx, 0, (tg_product){ .a = g, .transpose_a = true });
    else if (needed)
        tg_set_grad_input(ctx, 0, g); /* broadcast: the engine sums it back */
    tgi_product_backward(ctx, 1, true);
}

static tg_tensor_list addmm_call(const tg_value *v) { return call(&tgi_op_addmm, tg_addmm_at, v); }

/* Of the product, and an addition for each element; that of the first input's gradient is its sum. */
static double addmm_flops(const tg_computed *call, int input)
{
    const double result = tgi_elements_out(call), product = 2 * result * (double)call->inputs.items[1]->dims[1];
    return input == 0 ? result : input < 0 ? product + result : product;
}

const tg_op tgi_op_addmm = {
    .name = "addmm",
    .schema = "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .formula = "y = beta self + alpha (mat1 mat2)",
    .gradient = "dself = beta g, dmat1 = alpha g mat2T, dmat2 = alpha mat1T g",
    .doc = "a product of matrices added to a matrix or to each row; beta = 0: self is not read and gets no gradient",
    .shapes = "[m] or [n, m], [n, k] and [k, m] to [n, m]",
    .backward = addmm_backward,
    .backward_fused = addmm_backward_fused,
    .flops = addmm_flops,
    .call = addmm_call,
    .again = addmm_again,
    .samples =
        (const char *const[]){
            "addmm(f(4), f(2, 3), f(3, 4))", "addmm(f(2, 4), f(2, 3), f(3, 4))", "addmm(f(2, 1), f(2, 3), f(3, 4))",
            "addmm(f(), f(2, 3), f(3, 4))", "addmm(f(1), f(2, 3), f(3, 4))",
            "addmm(f(4), f(2, 3), f(3, 4), beta=0.5, alpha=-1.5)", "addmm(f(2, 4), f(2, 3), f(3, 4), alpha=2)",
            "addmm(f(4), f(2, 0), f(0, 4))", "addmm(f(4), f(0, 3), f(3, 4))", "addmm(f(0), f(2, 3), f(3, 0))",
            "addmm(i(3), i(2, 4), i(4, 3))", "addmm(i(3), i(2, 4), i(4, 3), beta=2.5, alpha=-1.5)", NULL },
    .corners = (const char *const[]){ "addmm(v(nan, inf, 1, nan), f(2, 3), f(3, 4), beta=0)",
                                      "addmm(v(nan, inf, 1, nan), f(2, 3), f(3, 4))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "addmm(f(2, 3), f(2, 4), f(5, 3))", "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x3)" },
            { "addmm(f(2, 4), f(2, 4), f(4, 3))",
              "The expanded size of the tensor (3) must match the existing size (4) at non-singleton dimension 1.  Target "
              "sizes: [2, 3].  Tensor sizes: [2, 4]" },
            { "addmm(f(2, 2, 3), f(2, 4), f(4, 3))",
              "size=[2, 3]): the number of sizes provided (2) must be greater or equal to the number of dimensions in the "
              "tensor (3)" },
            { "addmm(f(3), f(2, 4, 1), f(4, 3))", "mat1 must be a matrix, got 3-D tensor" },
            { "addmm(f(3), f(2, 4), f(4))", "mat2 must be a matrix, got 1-D tensor" },
            { "addmm(f(3), f(2, 4), i(4, 3))", "self and mat2 must have the same dtype" },
            { "addmm(b(3), b(2, 4), b(4, 3))", "\"addmm_impl_cpu_\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

/* ---- addmv ---- */

tg_tensor *tg_addmv_at(const char *where, tg_tensor *input, tg_tensor *mat, tg_tensor *vec, tg_addmm_options options)
{
    const tg_op *op = &tgi_op_addmv;
    const tg_tensor_list inputs = tg_list(input, mat, vec);
    if (!tg_op_begin(where, op, inputs)) return NULL;
    if (mat->ndim != 2 || vec->ndim != 1 || input->ndim > 1)
        return tg_op_fail(op, inputs, "vector + matrix @ vector expected, got %d, %d, %d", input->ndim, mat->ndim,
                          vec->ndim);
    if (mat->dims[1] != vec->dims[0] || (input->numel != 1 && input->numel != mat->dims[0]))
        return tg_op_fail(op, inputs, "size mismatch, got %" PRId64 ", %" PRId64 "x%" PRId64 ",%" PRId64, input->numel,
                          mat->dims[0], mat->dims[1], vec->dims[0]);
    if (!tgi_products_exist(op, mat, vec)) return NULL;
    return tgi_sum_of(tg_to(input, (tg_dtype)mat->dtype), tg_matmul(mat, vec), &options);
}

static tg_tensor_list addmv_call(const tg_value *v) { return call(&tgi_op_addmv, tg_addmv_at, v); }

const tg_op tgi_op_addmv = {
    .name = "addmv",
    .schema = "addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .formula = "y = beta self + alpha (mat vec)",
    .gradient = "dself = beta g, dmat = alpha g vecT, dvec = alpha matT g",
    .doc = "the product of a matrix and a vector added to a vector; beta = 0: self is not read and gets no gradient",
    .shapes = "[n], [n, k] and [k] to [n]",
    .composite = true,
    .call = addmv_call,
    .samples = (const char *const[]){ "addmv(f(2), f(2, 3), f(3))", "addmv(f(), f(2, 3), f(3))",
                                      "addmv(f(1), f(2, 3), f(3), beta=0.5, alpha=3)", "addmv(f(2), f(2, 0), f(0))",
                                      "addmv(f(0), f(0, 3), f(3))", "addmv(i(2), i(2, 3), i(3), beta=1.5)", NULL },
    .corners = (const char *const[]){ "addmv(v(nan, inf), f(2, 3), f(3), beta=0)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "addmv(f(2), f(2, 4), f(3))", "size mismatch, got 2, 2x4,3" },
            { "addmv(f(3), f(2, 4), f(4))", "size mismatch, got 3, 2x4,4" },
            { "addmv(f(2, 1), f(2, 4), f(4))", "vector + matrix @ vector expected, got 2, 2, 1" },
            { "addmv(f(2), f(2, 4), i(4))", "expected scalar type Double but found Long" },
            { "addmv(b(2), b(2, 4), b(4))", "\"addmv_impl_cpu\" not implemented for 'Bool'" },
            { NULL, NULL } },
};

/* ---- batches ---- */

static bool batches(const tg_op *op, tg_tensor_list inputs)
{
    for (int i = 1; i < 3; i++) {
        if (inputs.items[i]->ndim == 3) continue;
        tg_op_fail(op, inputs, "batch%d must be a 3D tensor", i);
        return false;
    }
    return true;
}

tg_tensor *tg_baddbmm_at(const char *where, tg_tensor *input, tg_tensor *batch1, tg_tensor *batch2,
                         tg_addmm_options options)
{
    const tg_op *op = &tgi_op_baddbmm;
    const tg_tensor_list inputs = tg_list(input, batch1, batch2);
    if (!tg_op_begin(where, op, inputs) || !batches(op, inputs)) return NULL;
    const tg_shape shape = tg_shape(batch1->dims[0], batch1->dims[1], batch2->dims[2]);
    if (!tgi_expands_to(op, inputs, input, &shape) || !tgi_batches_match(op, inputs, batch1, batch2) ||
        !tgi_products_exist(op, batch1, batch2))
        return NULL;
    return tgi_sum_of(tg_to(input, (tg_dtype)batch1->dtype), tg_matmul(batch1, batch2), &options);
}

static tg_tensor_list baddbmm_call(const tg_value *v) { return call(&tgi_op_baddbmm, tg_baddbmm_at, v); }

const tg_op tgi_op_baddbmm = {
    .name = "baddbmm",
    .schema = "baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .formula = "y[b] = beta self[b] + alpha (batch1[b] batch2[b])",
    .gradient = "dself = beta g, dbatch1[b] = alpha g[b] batch2[b]T, dbatch2[b] = alpha batch1[b]T g[b]",
    .doc = "a batch of products added to a batch; beta = 0: self is not read and gets no gradient",
    .shapes = "[b, n, m], [b, n, k] and [b, k, m] to [b, n, m]",
    .composite = true,
    .call = baddbmm_call,
    .samples = (const char *const[]){ "baddbmm(f(2, 3, 2), f(2, 3, 4), f(2, 4, 2))",
                                      "baddbmm(f(2), f(2, 3, 4), f(2, 4, 2), beta=0.5, alpha=2)",
                                      "baddbmm(f(2, 1, 2), f(2, 3, 0), f(2, 0, 2))",
                                      "baddbmm(f(0, 3, 2), f(0, 3, 4), f(0, 4, 2))",
                                      "baddbmm(i(2, 1, 2), i(2, 3, 2), i(2, 2, 2), alpha=3)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "baddbmm(f(2, 3, 3), f(2, 3, 5), f(2, 5, 4))",
              "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 2.  Target "
              "sizes: [2, 3, 4].  Tensor sizes: [2, 3, 3]" },
            { "baddbmm(f(2, 3, 4), f(2, 3, 5), f(3, 5, 4))",
              "Expected size for first two dimensions of batch2 tensor to be: [2, 5] but got: [3, 5]." },
            { "baddbmm(f(2, 3, 4), f(2, 3, 5), i(2, 5, 4))", "expected scalar type Double but found Long" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "baddbmm(f(2, 3, 4), f(3, 5), f(2, 5, 4))", "batch1 must be a 3D tensor" },
                                   { NULL, NULL } },
};

/* The batches laid side by side along the summed dimension: one product adds them up. */
static tg_tensor *product_over_batches(tg_tensor *batch1, tg_tensor *batch2)
{
    const int64_t side_by_side = batch1->dims[0] * batch1->dims[2];
    const tg_shape left = tg_shape(batch1->dims[1], side_by_side), right = tg_shape(side_by_side, batch2->dims[2]);
    return tg_matmul(tg_reshape(tg_transpose(batch1, 0, 1), left), tg_reshape(batch2, right));
}

tg_tensor *tg_addbmm_at(const char *where, tg_tensor *input, tg_tensor *batch1, tg_tensor *batch2,
                        tg_addmm_options options)
{
    const tg_op *op = &tgi_op_addbmm;
    const tg_tensor_list inputs = tg_list(input, batch1, batch2);
    if (!tg_op_begin(where, op, inputs) || !batches(op, inputs)) return NULL;
    const int64_t *a = batch1->dims, *b = batch2->dims;
    const tg_shape shape = tg_shape(a[1], b[2]);
    if (!tgi_expands_to(op, inputs, input, &shape)) return NULL;
    if (a[0] != b[0])
        return tg_op_fail(op, inputs,
                          "batch1 and batch2 must have same number of batches, got %" PRId64 " and %" PRId64, a[0],
                          b[0]);
    if (a[2] != b[1])
        return tg_op_fail(op, inputs,
                          "Incompatible matrix sizes for bmm (%" PRId64 "x%" PRId64 " and %" PRId64 "x%" PRId64 ")",
                          a[1], a[2], b[1], b[2]);
    if (!same_dtypes(op, input, batch1, batch2)) return NULL;
    return tgi_sum_of(input, product_over_batches(batch1, batch2), &options);
}

static tg_tensor_list addbmm_call(const tg_value *v) { return call(&tgi_op_addbmm, tg_addbmm_at, v); }

const tg_op tgi_op_addbmm = {
    .name = "addbmm",
    .schema = "addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .formula = "y = beta self + alpha (the sum over b of batch1[b] batch2[b])",
    .gradient = "dself = beta g, dbatch1[b] = alpha g batch2[b]T, dbatch2[b] = alpha batch1[b]T g",
    .doc = "a sum of products added to a matrix; beta = 0: self is not read and gets no gradient",
    .shapes = "[n, m], [b, n, k] and [b, k, m] to [n, m]",
    .composite = true,
    .call = addbmm_call,
    .samples =
        (const char *const[]){ "addbmm(f(3, 2), f(2, 3, 4), f(2, 4, 2))",
                               "addbmm(f(2), f(2, 3, 4), f(2, 4, 2), beta=-0.5, alpha=2)",
                               "addbmm(f(3, 1), f(0, 3, 4), f(0, 4, 2))", "addbmm(f(3, 2), f(2, 3, 0), f(2, 0, 2))",
                               "addbmm(i(3, 2), i(2, 3, 2), i(2, 2, 2))", NULL },
    .corners = (const char *const[]){ "addbmm(v(nan, inf), f(2, 3, 4), f(2, 4, 2), beta=0)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "addbmm(f(3, 3), f(2, 3, 5), f(2, 5, 4))",
              "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1.  Target "
              "sizes: [3, 4].  Tensor sizes: [3, 3]" },
            { "addbmm(f(3, 4), f(2, 3, 5), f(3, 5, 4))",
              "batch1 and batch2 must have same number of batches, got 2 and 3" },
            { "addbmm(f(3, 4), f(2, 3, 5), f(2, 6, 4))", "Incompatible matrix sizes for bmm (3x5 and 6x4)" },
            { "addbmm(f(3, 4), f(2, 3, 5), i(2, 5, 4))", "self and mat2 must have the same dtype" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "addbmm(f(3, 4), f(2, 3, 5), f(5, 4))", "batch2 must be a 3D tensor" },
                                             { NULL, NULL } },
};
