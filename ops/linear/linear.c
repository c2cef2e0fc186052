/* linear.c: the affine map of a layer.
 *
 * One product with its bias set down in the same pass; its weight's gradients are products that the engine adds up over
 * all uses of the layer. */
#include "core/observe.h"
#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "ops/matmul.h"
#include "matmul_impl.h"
#include "ops/base/promote.h"
#include "ops/pointwise.h"
#include "ops/view.h"

/* PyTorch's order of checks and words. */
static bool linear_check(tg_tensor *x, tg_tensor *weight, tg_tensor *bias, tg_tensor_list inputs)
{
    if (weight->ndim > 2)
        tg_op_fail(&tgi_op_linear, inputs, "t() expects a tensor with <= 2 dimensions, but self is %dD", weight->ndim);
    else if (x->ndim == 0 || weight->ndim == 0)
        tg_op_fail(&tgi_op_linear, inputs, "both arguments to matmul need to be at least 1D, but they are %dD and %dD",
                   x->ndim, weight->ndim);
    else if (weight->ndim == 1)
        tg_op_fail(&tgi_op_linear, inputs, "mat2 must be a matrix, got 1-D tensor");
    else if (x->dims[x->ndim - 1] != weight->dims[1])
        tgi_fail_cannot_multiply(&tgi_op_linear, inputs, tgi_rows_of(x), x->dims[x->ndim - 1], weight->dims[1],
                                 weight->dims[0]);
    else if (x->dtype != weight->dtype && bias)
        tg_op_fail(&tgi_op_linear, inputs, "mat1 and mat2 must have the same dtype");
    else if (x->dtype != weight->dtype)
        tgi_expected_type(&tgi_op_linear, inputs, x->dtype, weight->dtype);
    else if (bias && bias->dtype != x->dtype)
        tg_op_fail(&tgi_op_linear, inputs, "self and mat2 must have the same dtype");
    else if (x->dtype == TG_BOOL)
        tgi_not_implemented(&tgi_op_linear, inputs, "addmm_impl_cpu_", x->dtype);
    else if (bias && (bias->ndim > 1 || (bias->numel != 1 && bias->numel != weight->dims[0]))) {
        char text[TG_SHAPE_TEXT];
        tg_shape shape = tgi_shape(bias);
        tg_op_fail(
            &tgi_op_linear, inputs,
            "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton dimension 1.  Target "
            "sizes: [%lld, %lld].  Tensor sizes: %s",
            (long long)weight->dims[0], (long long)bias->dims[bias->ndim - 1], (long long)tgi_rows_of(x),
            (long long)weight->dims[0], tg_shape_text(&shape, text));
    } else
        return true;
    return false;
}

tg_tensor *tgi_bias_row(tg_tensor *bias, int64_t n)
{
    if (bias->numel == n) return tgi_own_contiguous(bias);
    tg_shape shape = tg_shape(n);
    tg_tensor *row = tgi_own(tgi_new(&shape, (tg_dtype)bias->dtype));
    if (row) tgi_copy_raw(row, bias);
    return row;
}

/* y = x wT, the bias and the addend set down with it. */
static bool linear_into(tg_tensor *x, tg_tensor *weight, tg_tensor *bias, tg_tensor *addend, tg_tensor *y)
{
    tg_tensor *row = bias ? tgi_bias_row(bias, weight->dims[0]) : NULL;
    const tg_shape batch = tgi_batch_of(x);
    const bool ok = (row || !bias) && tgi_multiply(x, weight, true, &batch, row, addend, y);
    tgi_unref(row);
    return ok;
}

/* y as what a sum is made of, whose memory it is. */
static tg_tensor *summand(tg_tensor *y) { return tgi_new_view(y, y->ndim, y->dims, tgi_strides(y), y->offset); }

/* (addend +) linear(x, weight, bias). */
static tg_tensor *linear(const char *where, tg_tensor *x, tg_tensor *weight, tg_tensor *bias, tg_tensor *addend)
{
    tg_tensor_list inputs = tg_list(x, weight, bias);
    if (!bias) inputs.count = 2;
    if (!tg_op_begin(where, &tgi_op_linear, inputs) || !tg_optional_ok(bias)) return NULL;
    if (weight->ndim == 1 && !bias) return tg_matmul(x, weight); /* a weight of one output, as PyTorch takes it */
    if (!linear_check(x, weight, bias, inputs)) return NULL;
    tg_shape shape = tgi_shape(x);
    shape.dims[shape.ndim - 1] = weight->dims[0];
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y || !linear_into(x, weight, bias, addend, y)) return NULL;
    tg_tensor *product = addend ? summand(y) : y;
    tg_tensor *saved_x = tg_requires_grad(weight) ? x : NULL, *saved_w = tg_requires_grad(x) ? weight : NULL;
    if (!product) return NULL;
    if (tg_record(&tgi_op_linear, inputs, tg_list(product), tg_list(saved_x, saved_w), NULL, 0) != TG_OK) return NULL;
    if (!addend) return y;
    return tg_record(&tgi_op_add, tg_list(addend, product), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}

tg_tensor *tg_linear_at(const char *where, tg_tensor *x, tg_tensor *weight, tg_tensor *bias)
{
    return linear(where, x, weight, bias, NULL);
}

/* Whether the product can be set down on `a`. Who observes is to see the product itself. */
static bool is_place(const tg_tensor *a, const tg_tensor *x, const tg_tensor *weight)
{
    if (!a || !x || !weight || tg_is_observed()) return false;
    return a->ndim == 2 && x->ndim == 2 && weight->ndim == 2 && a->dims[0] == x->dims[0] &&
           a->dims[1] == weight->dims[0] && tgi_strides(a)[1] == 1 && a->dtype == x->dtype && tgi_is_floating(a);
}

tg_tensor *tgi_linear_onto(tg_tensor *addend, tg_tensor *x, tg_tensor *weight, tg_tensor *bias)
{
    if (is_place(addend, x, weight)) return linear(NULL, x, weight, bias, addend);
    return tg_add(addend, tg_linear(x, weight, bias));
}

/* A vector as a matrix of one row, anything else as one tall matrix. */
static tg_tensor *rows(tg_tensor *t) { return tgi_tall(tgi_as_matrix(t, tg_ndim(t) == 1, 0)); }

/* dx = g w, dw = gT x, dbias = g, which the engine sums over the leading dimensions. */
static void linear_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_matmul(g, tg_saved(ctx, 1)));
    if (tg_needs_input_grad(ctx, 1)) {
        tg_tensor *gt = tg_transpose(rows(g), 0, 1);
        tg_set_grad_input(ctx, 1, tg_matmul(gt, rows(tg_saved(ctx, 0))));
    }
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, g);
}

/* The same as products that the engine may add up with others. */
static void linear_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const tg_shape bias = tg_input_shape(ctx, 2);
    if (!g || g->ndim < 2) {
        linear_backward(ctx);
        return;
    }
    tg_tensor *gm = tgi_tall(g);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input_product(ctx, 0, (tg_product){ .a = gm, .b = tg_saved(ctx, 1) });
    if (tg_needs_input_grad(ctx, 1))
        tg_set_grad_input_product(ctx, 1,
                                  (tg_product){ .a = gm, .b = tgi_tall(tg_saved(ctx, 0)), .transpose_a = true });
    if (bias.ndim == 1 && gm && bias.dims[0] == gm->dims[1])
        tg_set_grad_input_product(ctx, 2, (tg_product){ .a = gm, .transpose_a = true });
    else if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, g); /* broadcast: the engine sums it back */
}

static tg_tensor_list linear_call(const tg_value *args)
{
    tg_tensor *bias = args[2].kind == TG_VALUE_TENSOR ? args[2].as.tensor : NULL;
    return tgi_result(tg_linear_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, bias));
}

static const char *const linear_samples[] = { "linear(f(2, 3), f(4, 3), f(4))",
                                              "linear(f(2, 3), f(4, 3))",
                                              "linear(f(3), f(4, 3), f(4))",
                                              "linear(f(2, 3, 4), f(2, 4), f(2))",
                                              "linear(f(2, 2, 2, 3), f(4, 3), f(4))",
                                              "linear(f(2, 3), f(1, 3), f(1))",
                                              "linear(f(2, 3), f(4, 3), f(1))",
                                              "linear(f(2, 3), f(3))",
                                              "linear(f(0, 3), f(4, 3), f(4))",
                                              "linear(f(2, 0), f(4, 0), f(4))",
                                              "linear(f(2, 3, 0), f(4, 0), f(4))",
                                              "linear(i(2, 3), i(4, 3), i(4))",
                                              NULL };
static const tg_error_sample linear_errors[] = {
    { "linear(f(100, 13), f(8, 12))", "mat1 and mat2 shapes cannot be multiplied (100x13 and 12x8)" },
    { "linear(f(2, 5, 13), f(8, 12), f(8))", "mat1 and mat2 shapes cannot be multiplied (10x13 and 12x8)" },
    { "linear(f(2, 12), f(8, 12), f(7))",
      "The expanded size of the tensor (8) must match the existing size (7) at non-singleton "
      "dimension 1.  Target sizes: [2, 8].  Tensor sizes: [7]" },
    { "linear(f(2, 12), f(2, 2, 12))", "t() expects a tensor with <= 2 dimensions, but self is 3D" },
    { "linear(f(2, 12), f(12), f(2))", "mat2 must be a matrix, got 1-D tensor" },
    { "linear(f(), f(8, 12))", "both arguments to matmul need to be at least 1D, but they are 0D and 2D" },
    { "linear(i(2, 12), f(8, 12))", "expected scalar type Long but found " },
    { "linear(b(2, 12), b(8, 12))", "\"addmm_impl_cpu_\" not implemented for 'Bool'" },
    { NULL, NULL }
};

/* The last of the nodes that PyTorch makes of it. */
static const char *grad_name(const tg_node *node)
{
    static const char *const names[2][4] = {
        { "UnsafeViewBackward0", "SqueezeBackward3", "MmBackward0", "UnsafeViewBackward0" },
        { "AddBackward0", "AddBackward0", "AddmmBackward0", "ViewBackward0" }, /* with a bias */
    };
    const int ndim = tg_node_output_shape(node, 0).ndim;
    return names[tg_node_input_count(node) > 2][ndim <= 3 ? ndim : 0];
}

const tg_op tgi_op_linear = {
    .name = "linear",
    .schema = "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
    .formula = "y = x wT + bias",
    .gradient = "dx = g w, dw = gT x, dbias = g summed over its leading dimensions",
    .doc = "The affine map of x [..., in] by weight [out, in] and bias [out].",
    .usage = "tg_linear(input, weight, bias)",
    .grad_name_of = grad_name,
    .backward = linear_backward,
    .backward_fused = linear_backward_fused,
    .flops = tgi_flops_product,
    .call = linear_call,
    .samples = linear_samples,
    .errors = linear_errors,
};
