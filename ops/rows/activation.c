/* activation.c: the rows of activation.def as ops, gelu's two formulas under one name, prelu and glu. */
#include "ops/activation.h"

#include "ops/base/call.h"
#include "ops/base/iterate.h"
#include "ops/create.h"
#include "ops/join.h"
#include "ops/kernels/rows/activation_kernels.h"
#include "ops/base/layout.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "row.h"
#include "ops/view.h"

#include <math.h>
#include <string.h>

static bool celu_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)operands;
    if (parameters[0] != 0) return true;
    tg_op_fail(op, inputs, "ZeroDivisionError: alpha cannot be 0 for CELU");
    return false;
}

static bool lambd_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)operands;
    if (!(parameters[0] < 0)) return true;
    tg_op_fail(op, inputs, "lambda must be greater or equal to 0, but found to be %g.", parameters[0]);
    return false;
}

static bool hardtanh_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)operands;
    if (!(parameters[0] > parameters[1])) return true;
    tg_op_fail(op, inputs, "min_val cannot be greater than max_val, but they are %g and %g", parameters[0],
               parameters[1]);
    return false;
}

/* Where PyTorch's function takes the absolute value, or subtracts. */
static bool no_bool_check(const tg_op *op, tg_tensor_list inputs, const tg_operand *operands, const double *parameters)
{
    (void)parameters;
    if (tgi_operand_dtype(&operands[0]) != TG_BOOL) return true;
    tgi_not_implemented(op, inputs, op->name, TG_BOOL);
    return false;
}

static const tg_error_sample celu_errors[] = {
    { "celu(f(2), alpha=0)", "ZeroDivisionError: alpha cannot be 0 for CELU" }, { NULL, NULL }
};
static const tg_error_sample softshrink_errors[] = {
    { "softshrink(f(2), lambd=-1)", "lambda must be greater or equal to 0, but found to be -1." }, { NULL, NULL }
};
static const tg_error_sample hardtanh_own_errors[] = {
    { "hardtanh(f(2), 1, -1)", "min_val cannot be greater than max_val, but they are 1 and -1" }, { NULL, NULL }
};
static const tg_error_sample gelu_errors[] = {
    { "gelu(f(2), approximate='erf')", "approximate argument must be either none or tanh." }, { NULL, NULL }
};

static tg_tensor_list gelu_approximate_call(const tg_value *v)
{
    return tgi_result(tg_gelu(v[0].as.tensor, .approximate = v[1].as.string));
}

static tg_tensor_list gelu_approximate_in_place_call(const tg_value *v)
{
    return tgi_result(tg_gelu_(v[0].as.tensor, .approximate = v[1].as.string));
}

/* An explicit zero, numbers at a kink. */
static const char *const leaky_relu_corners[] = { "leaky_relu(v(-1, 0, 2), negative_slope=0)", NULL };
static const char *const elu_corners[] = { "elu(v(-1, 0, 2), alpha=0)", "elu(v(-1, 0, 2), alpha=2, scale=0)",
                                           "elu(v(-1, 0, 2), 1, 1, 0)", NULL };
static const char *const celu_corners[] = { "celu(v(-1, 0, 2), alpha=-0.5)", NULL };
static const char *const softplus_corners[] = { "softplus(v(-1, 0, 2, 30, -200), threshold=0)",
                                                "softplus(v(-1, 0, 2, 30, -200), beta=3)", NULL };
static const char *const hardtanh_corners[] = { "hardtanh(v(-1, 0, 1, 0.5), 0, 0)", "hardtanh(v(-1, 0, 1, 0.5), 0, 1)",
                                                "hardtanh(i(4), 0, 1)", NULL };
static const char *const softshrink_corners[] = { "softshrink(v(-0.5, -0.25, 0, 0.5, 1), lambd=0)",
                                                  "softshrink(v(-0.5, -0.25, 0, 0.5, 1, -1))", NULL };
static const char *const hardshrink_corners[] = { "hardshrink(v(-0.5, -0.25, 0, 0.5, 1), lambd=0)",
                                                  "hardshrink(v(-0.5, -0.25, 0, 0.5, 1, -1))", NULL };
static const char *const threshold_corners[] = { "threshold(v(-1, 0, 2), 0, 0)", "threshold(i(4), 0, -3)", NULL };
static const char *const gelu_corners[] = { "gelu(f(2, 3))", "gelu(f(2, 3), approximate='tanh')", NULL };

#define CHECK_celu       ~, celu_check
#define CHECK_softshrink ~, lambd_check
#define CHECK_hardtanh   ~, hardtanh_check
#define CHECK_softsign   ~, no_bool_check
#define CHECK_tanhshrink ~, no_bool_check
#define EXTRA_relu       ~, .traits = TG_RECTIFIES
#define EXTRA_relu6      ~, .traits = TG_RECTIFIES
#define EXTRA_leaky_relu ~, .corners = leaky_relu_corners
#define EXTRA_elu        ~, .corners = elu_corners
#define EXTRA_celu       ~, .corners = celu_corners, .errors = celu_errors
#define EXTRA_softplus   ~, .corners = softplus_corners
#define EXTRA_hardtanh   ~, .corners = hardtanh_corners, .own_errors = hardtanh_own_errors
#define EXTRA_softshrink ~, .corners = softshrink_corners, .errors = softshrink_errors
#define EXTRA_hardshrink ~, .corners = hardshrink_corners
#define EXTRA_threshold  ~, .corners = threshold_corners
#define EXTRA_gelu                                                                                                     \
    ~, .schema = "gelu(Tensor self, *, str approximate='none') -> Tensor", .call = gelu_approximate_call,              \
       .corners = gelu_corners, .errors = gelu_errors
#define EXTRA_gelu_                                                                                                    \
    ~, .schema = "gelu_(Tensor(a!) self, *, str approximate='none') -> Tensor(a!)",                                    \
       .call = gelu_approximate_in_place_call
#define EXTRA_prelu_kernel  ~, .usage = ""
#define EXTRA_prelu_kernel_ ~, .usage = ""
#define EXTRA_glu_kernel    ~, .usage = ""
#define EXTRA_glu_kernel_   ~, .usage = ""

#define ROWS   "ops/activation.def"
#define FAMILY activation
#include "rows.inc"

/* ---- gelu ---- */

static bool is_tanh(const char *where, tg_tensor *a, const char *approximate, bool *ok)
{
    *ok = approximate && (strcmp(approximate, "tanh") == 0 || strcmp(approximate, "none") == 0);
    if (!*ok && tg_op_begin(where, &tgi_op_gelu, tg_list(a)))
        tg_op_fail(&tgi_op_gelu, tg_list(a), "approximate argument must be either none or tanh.");
    return *ok && *approximate == 't';
}

tg_tensor *tg_gelu_approximate_at(const char *where, tg_tensor *a, tg_gelu_options options)
{
    bool ok;
    const bool tanh = is_tanh(where, a, options.approximate, &ok);
    return !ok ? NULL : tanh ? tg_gelu_tanh_at(where, a) : tg_gelu_at(where, a);
}

tg_tensor *tg_gelu_approximate_in_place_at(const char *where, tg_tensor *a, tg_gelu_options options)
{
    bool ok;
    const bool tanh = is_tanh(where, a, options.approximate, &ok);
    return !ok ? NULL : tanh ? tg_gelu_tanh_in_place_at(where, a) : tg_gelu_in_place_at(where, a);
}

/* ---- prelu: a row whose second operand lies along the channels ---- */

static tg_tensor_list prelu_call(const tg_value *v) { return tgi_result(tg_prelu(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_prelu = {
    .name = "prelu",
    .schema = "prelu(Tensor self, Tensor weight) -> Tensor",
    .formula = "y = a where a > 0, weight a elsewhere",
    .gradient = "da = g where a > 0, weight g elsewhere; dweight = 0 where a > 0, the sum of a g elsewhere",
    .doc = "relu with a slope below 0 that is learnt, one for all or one for each channel (dimension 1)",
    .shapes = "[N, C, *] and [C], or [*] and [1]",
    .kinks = "a = 0: the derivative from the left",
    .composite = true,
    .call = prelu_call,
    .samples = (const char *const[]){ "prelu(f(2, 3, 4), f(3))", "prelu(f(2, 3), f(1))", "prelu(f(5), f(1))",
                                      "prelu(f(2, 3), f(3))", "prelu(f(2, 3), f())", "prelu(f(0, 3), f(3))",
                                      "prelu(f(2, 3, 2, 2), f(3))", NULL },
    .corners = (const char *const[]){ "prelu(v(-1, 0, 2, nan), f(1))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "prelu(f(2, 3), f(2))", "Mismatch of parameter numbers and input channel size. Found parameter numbers "
                                      "= 2 and channel size = 3." },
            { "prelu(f(), f(3))", "Not allow zero-dim input tensor." },
            { "prelu(f(2, 3), f(3, 1))", "prelu: Expected `weight` to be a scalar or 1D tensor, but got ndim = 2" },
            { "prelu(f(2, 3), f(1, 1))", "prelu: Expected `weight` to be a scalar or 1D tensor, but got ndim = 2" },
            { NULL, NULL } },
};

tg_tensor *tg_prelu_at(const char *where, tg_tensor *a, tg_tensor *weight)
{
    if (!tg_op_begin(where, &tgi_op_prelu, tg_list(a, weight))) return NULL;
    const tg_tensor_list inputs = tg_list(a, weight);
    if (weight->numel != 1) {
        if (a->ndim == 0) return tg_op_fail(&tgi_op_prelu, inputs, "Not allow zero-dim input tensor.");
        const int64_t channels = a->ndim > 1 ? a->dims[1] : 1;
        if (channels != weight->numel)
            return tg_op_fail(
                &tgi_op_prelu, inputs,
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = %lld and "
                "channel size = %lld.",
                (long long)weight->numel, (long long)channels);
    }
    if (weight->ndim > 1)
        return tg_op_fail(&tgi_op_prelu, inputs,
                          "prelu: Expected `weight` to be a scalar or 1D tensor, but got ndim = %d", weight->ndim);
    tg_shape along = tg_shape();
    along.ndim = a->ndim;
    for (int d = 0; d < a->ndim; d++) along.dims[d] = d == 1 ? weight->numel : 1;
    if (a->ndim == 1) along.dims[0] = weight->numel;
    tg_tensor *slope = tg_reshape(weight, along);
    return slope ? tg_prelu_kernel_at(NULL, tg_operand_tensor(a), tg_operand_tensor(slope)) : NULL;
}

/* ---- glu ---- */

/* One half of t along a dimension, the first or the second; a view that is not recorded. */
static tg_tensor *half_of(tg_tensor *t, int dim, int which)
{
    tgi_layout half = tgi_layout_of(t);
    const int64_t length = t->dims[dim] / 2;
    tgi_layout_slice(&half, dim, which * length, length, 1);
    return tgi_make_view(t, &half);
}

static void glu_backward(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    tg_tensor *g = tg_grad_output(ctx, 0), *a = tg_saved(ctx, 0);
    if (!a) return;
    const int64_t half = a->dims[dim] / 2;
    tg_tensor *first = tg_narrow(a, dim, 0, half), *second = tg_narrow(a, dim, half, half);
    tg_tensor *gate = tg_sigmoid(second), *slope = tg_mul(gate, tg_sigmoid(tg_neg(second)));
    tg_tensor *d_first = tg_mul(g, gate), *d_second = tg_mul(tg_mul(g, first), slope);
    tg_set_grad_input(ctx, 0, tg_cat(tg_list(d_first, d_second), dim));
}

/* Both halves where they belong. */
static void glu_backward_fused(tg_context *ctx)
{
    const int dim = *(const int *)tg_attributes(ctx);
    const tgi_row_loops *loops = TGI_ROW(activation, glu_kernel);
    tg_tensor *g = tg_grad_output(ctx, 0), *a = tg_saved(ctx, 0), *d = tg_grad_place(ctx, 0);
    if (!a) return;
    if (!d || !tgi_same_shape(d, a)) d = tgi_new_like(a, (tg_dtype)a->dtype);
    tg_tensor *first = half_of(a, dim, 0), *second = half_of(a, dim, 1);
    tg_tensor *to_first = d ? half_of(d, dim, 0) : NULL, *to_second = d ? half_of(d, dim, 1) : NULL;
    if (!first || !second || !to_first || !to_second) return;
    tgi_iterate(loops->backward[0][a->dtype], 5, (tg_tensor *[]){ to_first, g, NULL, second, NULL });
    tgi_iterate(loops->backward[1][a->dtype], 5, (tg_tensor *[]){ to_second, g, first, second, NULL });
    tg_set_grad_input(ctx, 0, d);
}

static tg_tensor_list glu_call(const tg_value *v) { return tgi_result(tg_glu(v[0].as.tensor, v[1].as.integer)); }

static tg_tensor_list glu_again(const tg_node *node, tg_tensor_list inputs)
{
    return tgi_result(tg_glu(inputs.items[0], *(const int *)tg_node_attributes(node)));
}

const tg_op tgi_op_glu = {
    .name = "glu",
    .schema = "glu(Tensor self, int dim=-1) -> Tensor",
    .formula = "y = a1 sigmoid(a2), a1 and a2 being the halves of a along dim",
    .gradient = "da1 = g sigmoid(a2); da2 = g a1 sigmoid(a2) (1 - sigmoid(a2))",
    .doc = "the first half along dim, through the gate that is the second",
    .shapes = "[*, 2 N, *] to [*, N, *]",
    .usage = "tg_glu(self, dim)",
    .backward = glu_backward,
    .backward_fused = glu_backward_fused,
    .call = glu_call,
    .again = glu_again,
    .samples = (const char *const[]){ "glu(f(2, 4))", "glu(f(4, 3), 0)", "glu(f(2, 6, 3), dim=1)", "glu(f(2))",
                                      "glu(f(0, 4))", NULL },
    .errors =
        (const tg_error_sample[]){ { "glu(f(2, 3))", "Halving dimension must be even, but dimension 1 is size 3" },
                                   { "glu(f(2, 4), 2)", "Dimension out of range" },
                                   { "glu(i(2, 4))", "\"glu_cpu\" not implemented for 'Long'" },
                                   { "glu(f())", "glu does not support scalars because halving size must be even" },
                                   { NULL, NULL } },
};

tg_tensor *tg_glu_at(const char *where, tg_tensor *a, int64_t dim)
{
    if (!tg_op_begin(where, &tgi_op_glu, tg_list(a))) return NULL;
    if (a->ndim == 0)
        return tg_op_fail(&tgi_op_glu, tg_list(a), "glu does not support scalars because halving size must be even");
    const int d = tgi_op_dim(&tgi_op_glu, tg_list(a), dim, a->ndim);
    if (d < 0) return NULL;
    if (a->dims[d] % 2)
        return tg_op_fail(&tgi_op_glu, tg_list(a), "Halving dimension must be even, but dimension %d is size %lld", d,
                          (long long)a->dims[d]);
    const tgi_loop loop = TGI_ROW(activation, glu_kernel)->forward[a->dtype];
    if (!loop) return tgi_not_implemented(&tgi_op_glu, tg_list(a), "glu_cpu", (tg_dtype)a->dtype);
    tg_shape shape = tgi_shape(a);
    shape.dims[d] /= 2;
    tg_tensor *first = half_of(a, d, 0), *second = half_of(a, d, 1);
    tg_tensor *y = first && second ? tgi_new(&shape, (tg_dtype)a->dtype) : NULL;
    if (!y) return NULL;
    tgi_iterate(loop, 3, (tg_tensor *[]){ y, first, second });
    return tg_record(&tgi_op_glu, tg_list(a), tg_list(y), tg_list(a), &d, sizeof d) == TG_OK ? y : NULL;
}
