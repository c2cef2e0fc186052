/* loss_regression.c: losses of a number beside the number it should be.
 *
 * The plain ones are rows of loss.def; what depends on the range of a parameter is decided here. */
#include "ops/base/call.h"
#include "loss_impl.h"
#include "ops/pointwise.h"
#include "ops/base/flops.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <math.h>

/* ---- what these ops share ---- */

/* A row of loss.def under PyTorch's warning and its name for what takes no integers. */
static tg_tensor *row_loss(const char *where, const tg_op *op, const tgi_row *row, const char *kernel, tg_tensor *input,
                           tg_tensor *target, const double *parameter, tg_reduction r)
{
    tgi_warn_of_sizes(where, input, target);
    if (!tgi_is_floating(input) && !tgi_is_floating(target)) {
        const tg_dtype dtype = tg_promote_types((tg_dtype)input->dtype, (tg_dtype)target->dtype);
        return tgi_not_implemented(op, tg_list(input, target), kernel, dtype);
    }
    tg_tensor *p = parameter ? tgi_row_parameter(input, target, *parameter) : NULL;
    return parameter && !p ? NULL : tgi_row_loss(op, row, input, target, p, r);
}

/* ---- mse_loss ---- */

tg_tensor *tg_mse_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options)
{
    const tg_op *op = &tgi_op_mse_loss;
    if (!tg_op_begin(where, op, tg_list(input, target)) ||
        !tgi_reduction_ok(op, tg_list(input, target), options.reduction))
        return NULL;
    return row_loss(where, op, &tgi_loss_mse, "mse_cpu", input, target, NULL, options.reduction);
}

static tg_tensor_list mse_loss_call(const tg_value *args)
{
    tg_loss_options o = TG_LOSS_OPTIONS();
    if (!tgi_reduction_named(&tgi_op_mse_loss, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_mse_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const mse_loss_samples[] = { "mse_loss(f(2, 3), f(2, 3))",
                                                "mse_loss(f(2, 3), f(2, 3), reduction='sum')",
                                                "mse_loss(f(2, 3), f(2, 3), reduction='none')",
                                                "mse_loss(f(), f())",
                                                "mse_loss(f(2, 3, 4), f(2, 3, 1))",
                                                "mse_loss(f(3), f(2, 3), reduction='none')",
                                                "mse_loss(f(0, 3), f(0, 3))",
                                                "mse_loss(f(0, 3), f(0, 3), reduction='sum')",
                                                "mse_loss(f(2, 3), i(2, 3))",
                                                NULL };
static const char *const mse_loss_corners[] = {
    "mse_loss(v(1, nan, inf, -inf, -0), v(1, 2, 3, inf, 0), reduction='none')", NULL
};
static const tg_error_sample mse_loss_errors[] = {
    { "mse_loss(f(2, 3), f(2, 4))",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "mse_loss(i(2, 3), i(2, 3))", "\"mse_cpu\" not implemented for 'Long'" },
    { "mse_loss(f(2, 3), f(2, 3), reduction='avg')", "avg is not a valid value for reduction" },
    { "mse_loss(f(2, 3), f(2, 3), reduction='batchmean')", "batchmean is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_mse_loss = {
    .name = "mse_loss",
    .schema = "mse_loss(Tensor input, Tensor target, str reduction='mean') -> Tensor",
    .formula = "y = (a - b)^2, its mean or its sum",
    .gradient = "da = 2 (a - b) g, divided by the number of elements for the mean; db = -da",
    .doc = "The squared error. Shapes that differ are warned about, then broadcast.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .flops = tgi_flops_loss,
    .again = tgi_row_loss_again,
    .call = mse_loss_call,
    .samples = mse_loss_samples,
    .corners = mse_loss_corners,
    .errors = mse_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- l1_loss ---- */

/* Of integers the difference is an integer, without a mean. */
tg_tensor *tg_l1_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_loss_options options)
{
    const tg_op *op = &tgi_op_l1_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (tgi_is_floating(input) || tgi_is_floating(target))
        return row_loss(where, op, &tgi_loss_l1, "l1_cpu", input, target, NULL, options.reduction);
    if (options.reduction == TG_REDUCTION_MEAN)
        return tg_op_fail(
            op, inputs,
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
            "dtype. Got: %s",
            tgi_scalar_type_name(tg_promote_types((tg_dtype)input->dtype, (tg_dtype)target->dtype)));
    tgi_warn_of_sizes(where, input, target);
    return tgi_reduced(tg_abs(tg_sub(input, target)), options.reduction);
}

static tg_tensor_list l1_loss_call(const tg_value *args)
{
    tg_loss_options o = TG_LOSS_OPTIONS();
    if (!tgi_reduction_named(&tgi_op_l1_loss, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_l1_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const l1_loss_samples[] = { "l1_loss(f(2, 3), f(2, 3))",
                                               "l1_loss(f(2, 3), f(2, 3), reduction='sum')",
                                               "l1_loss(f(2, 3), f(2, 3), reduction='none')",
                                               "l1_loss(f(), f())",
                                               "l1_loss(f(2, 3, 2), f(2, 3, 1))",
                                               "l1_loss(f(3), f(2, 3), reduction='none')",
                                               "l1_loss(f(0, 3), f(0, 3))",
                                               "l1_loss(f(0, 3), f(0, 3), reduction='sum')",
                                               "l1_loss(f(2, 3), i(2, 3))",
                                               "l1_loss(i(2, 3), i(2, 3), reduction='sum')",
                                               "l1_loss(i(2, 3), i(3), reduction='none')",
                                               NULL };
static const char *const l1_loss_corners[] = { "l1_loss(f(4, 3, step=1), f(4, 3, step=1))",
                                               "l1_loss(v(1, nan, inf, -inf, -0), v(1, 2, 3, 4, 0), reduction='none')",
                                               NULL };
static const tg_error_sample l1_loss_errors[] = {
    { "l1_loss(f(2, 3), f(2, 4))",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "l1_loss(i(2, 3), i(2, 3))", "mean(): could not infer output dtype." },
    { "l1_loss(f(2, 3), f(2, 3), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_l1_loss = {
    .name = "l1_loss",
    .schema = "l1_loss(Tensor input, Tensor target, str reduction='mean') -> Tensor",
    .formula = "y = |a - b|, its mean or its sum",
    .gradient = "da = sign(a - b) g, divided by the number of elements for the mean; db = -da",
    .doc = "The absolute error. Shapes that differ are warned about, then broadcast.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .flops = tgi_flops_loss,
    .again = tgi_row_loss_again,
    .kinks = "a = b: the subgradient 0",
    .call = l1_loss_call,
    .samples = l1_loss_samples,
    .corners = l1_loss_corners,
    .errors = l1_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- smooth_l1_loss ---- */

tg_tensor *tg_smooth_l1_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_smooth_l1_options options)
{
    const tg_op *op = &tgi_op_smooth_l1_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (!(options.beta >= 0))
        return tg_op_fail(op, inputs, "smooth_l1_loss does not support negative values for beta.");
    return row_loss(where, op, &tgi_loss_smooth_l1, "smooth_l1_cpu", input, target, &options.beta, options.reduction);
}

static tg_tensor_list smooth_l1_loss_call(const tg_value *args)
{
    tg_smooth_l1_options o = { .beta = args[3].as.real };
    if (!tgi_reduction_named(&tgi_op_smooth_l1_loss, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_smooth_l1_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const smooth_l1_loss_samples[] = { "smooth_l1_loss(f(3, 4), f(3, 4))",
                                                      "smooth_l1_loss(f(3, 4), f(3, 4), reduction='sum', beta=0.5)",
                                                      "smooth_l1_loss(f(3, 4), f(3, 4), reduction='none', beta=2)",
                                                      "smooth_l1_loss(f(3, 4), f(3, 4), reduction='none', beta=0)",
                                                      "smooth_l1_loss(f(), f())",
                                                      "smooth_l1_loss(f(2, 3, 2), f(2, 1, 1), beta=1.5)",
                                                      "smooth_l1_loss(f(3), f(2, 3), reduction='none')",
                                                      "smooth_l1_loss(f(0, 3), f(0, 3))",
                                                      "smooth_l1_loss(f(0, 3), f(0, 3), reduction='none')",
                                                      "smooth_l1_loss(f(2, 3), i(2, 3))",
                                                      NULL };
static const char *const smooth_l1_loss_corners[] = {
    "smooth_l1_loss(f(4, 3, step=0.5), f(4, 3, step=0.5))",
    "smooth_l1_loss(v(1, nan, inf, -inf, -0), v(1, 2, 3, 4, 0), reduction='none')", NULL
};
static const tg_error_sample smooth_l1_loss_errors[] = {
    { "smooth_l1_loss(f(2, 3), f(2, 4))",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "smooth_l1_loss(i(2, 3), i(2, 3))", "\"smooth_l1_cpu\" not implemented for 'Long'" },
    { "smooth_l1_loss(f(2, 3), f(2, 3), beta=-1)", "smooth_l1_loss does not support negative values for beta." },
    { "smooth_l1_loss(f(2, 3), f(2, 3), beta=nan)", "smooth_l1_loss does not support negative values for beta." },
    { "smooth_l1_loss(f(2, 3), f(2, 3), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_smooth_l1_loss = {
    .name = "smooth_l1_loss",
    .schema = "smooth_l1_loss(Tensor input, Tensor target, str reduction='mean', float beta=1.0) -> Tensor",
    .formula = "y = 0.5 (a - b)^2 / beta where |a - b| < beta, |a - b| - 0.5 beta elsewhere; its mean or its sum",
    .gradient =
        "da = (a - b) / beta held within [-1, 1], times g, divided by the number of elements for the mean; db = -da",
    .doc = "The absolute error, rounded off near 0; with beta = 0 it is not.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .flops = tgi_flops_loss,
    .again = tgi_row_loss_again,
    .kinks =
        "a = b with beta = 0: the subgradient 0, as of l1_loss (PyTorch: -1 for either); |a - b| = beta has no second derivative",
    .call = smooth_l1_loss_call,
    .samples = smooth_l1_loss_samples,
    .corners = smooth_l1_loss_corners,
    .errors = smooth_l1_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- huber_loss ---- */

tg_tensor *tg_huber_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_huber_options options)
{
    const tg_op *op = &tgi_op_huber_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (!(options.delta > 0))
        return tg_op_fail(op, inputs, "huber_loss does not support non-positive values for delta.");
    return row_loss(where, op, &tgi_loss_huber, "huber_cpu", input, target, &options.delta, options.reduction);
}

static tg_tensor_list huber_loss_call(const tg_value *args)
{
    tg_huber_options o = { .delta = args[3].as.real };
    if (!tgi_reduction_named(&tgi_op_huber_loss, args[2].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_huber_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const huber_loss_samples[] = { "huber_loss(f(3, 4), f(3, 4))",
                                                  "huber_loss(f(3, 4), f(3, 4), reduction='sum', delta=0.5)",
                                                  "huber_loss(f(3, 4), f(3, 4), reduction='none', delta=2)",
                                                  "huber_loss(f(), f())",
                                                  "huber_loss(f(2, 3, 2), f(2, 1, 1), delta=1.5)",
                                                  "huber_loss(f(3), f(2, 3), reduction='none')",
                                                  "huber_loss(f(0, 3), f(0, 3))",
                                                  "huber_loss(f(0, 3), f(0, 3), reduction='none')",
                                                  "huber_loss(f(2, 3), i(2, 3))",
                                                  NULL };
static const char *const huber_loss_corners[] = {
    "huber_loss(f(4, 3, step=0.5), f(4, 3, step=0.5), delta=0.5)",
    "huber_loss(v(1, nan, inf, -inf, -0), v(1, 2, 3, 4, 0), reduction='none')", NULL
};
static const tg_error_sample huber_loss_errors[] = {
    { "huber_loss(f(2, 3), f(2, 4))",
      "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" },
    { "huber_loss(i(2, 3), i(2, 3))", "\"huber_cpu\" not implemented for 'Long'" },
    { "huber_loss(f(2, 3), f(2, 3), delta=0)", "huber_loss does not support non-positive values for delta." },
    { "huber_loss(f(2, 3), f(2, 3), reduction='avg')", "avg is not a valid value for reduction" },
    { NULL, NULL }
};

const tg_op tgi_op_huber_loss = {
    .name = "huber_loss",
    .schema = "huber_loss(Tensor input, Tensor target, str reduction='mean', float delta=1.0) -> Tensor",
    .formula = "y = 0.5 (a - b)^2 where |a - b| <= delta, delta (|a - b| - 0.5 delta) elsewhere; its mean or its sum",
    .gradient =
        "da = (a - b) held within [-delta, delta], times g, divided by the number of elements for the mean; db = -da",
    .doc = "The squared error, linear from delta on.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .flops = tgi_flops_loss,
    .again = tgi_row_loss_again,
    .kinks = "|a - b| = delta has no second derivative",
    .call = huber_loss_call,
    .samples = huber_loss_samples,
    .corners = huber_loss_corners,
    .errors = huber_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- poisson_nll_loss ---- */

/* log(target!) by Stirling's formula where the target is above 1, 0 elsewhere. */
static tg_tensor *stirling(tg_tensor *target)
{
    tg_tensor *y =
        tg_add(tg_sub(tg_mul(target, tg_log(target)), target), tg_mul(0.5, tg_log(tg_mul(target, 2 * M_PI))));
    return tg_where(tg_le(target, 1.0), 0.0, y);
}

tg_tensor *tg_poisson_nll_loss_at(const char *where, tg_tensor *input, tg_tensor *target,
                                  tg_poisson_nll_options options)
{
    const tg_op *op = &tgi_op_poisson_nll_loss;
    const tg_tensor_list inputs = tg_list(input, target);
    if (!tg_op_begin(where, op, inputs) || !tgi_reduction_ok(op, inputs, options.reduction)) return NULL;
    if (!tgi_is_floating(input)) input = tg_to(input, tg_default_dtype());
    tg_tensor *eps = input ? tgi_row_parameter(input, target, options.eps) : NULL;
    if (!eps) return NULL;
    const tgi_row *row = options.log_input ? &tgi_loss_poisson_log : &tgi_loss_poisson;
    if (!options.full) return tgi_row_loss(op, row, input, target, eps, options.reduction);
    tg_tensor *each = tgi_row_loss(op, row, input, target, eps, TG_REDUCTION_NONE);
    return tgi_reduced(tg_add(each, stirling(target)), options.reduction);
}

static tg_tensor_list poisson_nll_loss_call(const tg_value *args)
{
    tg_poisson_nll_options o = { .log_input = args[2].as.boolean, .full = args[3].as.boolean, .eps = args[4].as.real };
    if (!tgi_reduction_named(&tgi_op_poisson_nll_loss, args[5].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_poisson_nll_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, o));
}

static const char *const poisson_nll_loss_samples[] = {
    "poisson_nll_loss(f(3, 4), f(3, 4, lo=0, hi=5))",
    "poisson_nll_loss(f(3, 4), f(3, 4, lo=0, hi=5), full=True, reduction='none')",
    "poisson_nll_loss(f(3, 4, lo=0.2, hi=3), f(3, 4, lo=0, hi=5), log_input=False, reduction='sum')",
    "poisson_nll_loss(f(3, 4, lo=0.2, hi=3), f(4, lo=0, hi=5), log_input=False, full=True, eps=0.1)",
    "poisson_nll_loss(f(3, 4, lo=0.2, hi=3), f(3, 4, lo=0, hi=5), log_input=False, eps=0, reduction='none')",
    "poisson_nll_loss(f(), f(lo=0, hi=5))",
    "poisson_nll_loss(f(0, 3), f(0, 3))",
    "poisson_nll_loss(f(2, 3), i(2, 3, lo=0, hi=5), full=True)",
    NULL
};
static const char *const poisson_nll_loss_corners[] = {
    "poisson_nll_loss(v(nan, inf, -inf, -0), v(0, 0, 1, 1), reduction='none')", NULL
};
static const tg_error_sample poisson_nll_loss_errors[] = {
    { "poisson_nll_loss(f(2, 3), f(2, 4))", "must match the size of tensor" },
    { "poisson_nll_loss(f(2, 3), f(2, 3), reduction='avg')", "avg is not " },
    { NULL, NULL }
};

const tg_op tgi_op_poisson_nll_loss = {
    .name = "poisson_nll_loss",
    .schema = "poisson_nll_loss(Tensor input, Tensor target, bool log_input=True, bool full=False, float eps=1e-08, "
              "str reduction='mean') -> Tensor",
    .formula = "y = e^a - b a, or a - b log(a + eps); full: plus b log b - b + 0.5 log(2 pi b) where b > 1",
    .gradient =
        "da = (e^a - b) g, db = -a g; or da = (1 - b / (a + eps)) g, db = -log(a + eps) g; full: db has log b + 1 / (2 b) g "
        "more where b > 1; divided by the number of elements for the mean",
    .doc = "The loss of a Poisson rate a, or of its logarithm, under counts b.",
    .backward = tgi_row_loss_backward,
    .backward_fused = tgi_row_loss_backward_fused,
    .again = tgi_row_loss_again,
    .call = poisson_nll_loss_call,
    .samples = poisson_nll_loss_samples,
    .corners = poisson_nll_loss_corners,
    .errors = poisson_nll_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};

/* ---- gaussian_nll_loss ---- */

/* The variance with input's shape but for a last dimension of 1, perhaps. NULL with an error recorded. */
static tg_tensor *fitted_variance(const tg_op *op, tg_tensor_list inputs, const tg_tensor *input, tg_tensor *variance)
{
    const tg_shape x = tgi_shape(input), v = tgi_shape(variance);
    if (tg_shape_equal(&x, &v)) return variance;
    tg_shape all_but_last = x;
    if (x.ndim > 0) all_but_last.dims[--all_but_last.ndim] = 0;
    if (tg_shape_equal(&all_but_last, &v)) return tg_unsqueeze(variance, -1);
    all_but_last.dims[all_but_last.ndim++] = 1;
    if (tg_shape_equal(&all_but_last, &v)) return variance;
    return tg_op_fail(op, inputs, "var is of incorrect size");
}

tg_tensor *tg_gaussian_nll_loss_at(const char *where, tg_tensor *input, tg_tensor *target, tg_tensor *var,
                                   tg_gaussian_nll_options options)
{
    const tg_op *op = &tgi_op_gaussian_nll_loss;
    const tg_tensor_list inputs = tg_list(input, target, var);
    if (!tg_op_begin(where, op, inputs) || !(var = fitted_variance(op, inputs, input, var)) ||
        !tgi_reduction_ok(op, inputs, options.reduction))
        return NULL;
    tg_tensor *negative = tg_sum(tg_lt(var, 0.0));
    if (!negative) return NULL;
    if (tg_item(negative) > 0) return tg_op_fail(op, inputs, "var has negative entry/entries");
    /* Held at eps without telling the gradient, which is that of the variance as it then is. */
    tg_tensor *lacking = tg_sub(options.eps, tg_detach(var));
    var = tg_add(var, tg_where(tg_gt(lacking, 0.0), lacking, 0.0));
    tg_tensor *d = tg_sub(input, target);
    tg_tensor *y = tg_mul(0.5, tg_add(tg_log(var), tg_div(tg_mul(d, d), var)));
    if (options.full) y = tg_add(y, 0.5 * log(2 * M_PI));
    return tgi_reduced(y, options.reduction);
}

static tg_tensor_list gaussian_nll_loss_call(const tg_value *args)
{
    tg_gaussian_nll_options o = { .full = args[3].as.boolean, .eps = args[4].as.real };
    if (!tgi_reduction_named(&tgi_op_gaussian_nll_loss, args[5].as.string, &o.reduction)) return tg_list_failed();
    return tgi_result(tg_gaussian_nll_loss_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, args[2].as.tensor, o));
}

static const char *const gaussian_nll_loss_samples[] = {
    "gaussian_nll_loss(f(3, 4), f(3, 4), f(3, 4, lo=0.2, hi=2))",
    "gaussian_nll_loss(f(3, 4), f(3, 4), f(3, 4, lo=0.2, hi=2), full=True, reduction='sum')",
    "gaussian_nll_loss(f(3, 4), f(4), f(3, lo=0.2, hi=2), reduction='none')",
    "gaussian_nll_loss(f(3, 4), f(3, 4), f(3, 1, lo=0.2, hi=2), eps=0)",
    "gaussian_nll_loss(f(4), f(4), f(lo=0.2, hi=2))",
    "gaussian_nll_loss(f(), f(), f(lo=0.2, hi=2))",
    "gaussian_nll_loss(f(), f(), f(1, lo=0.2, hi=2))",
    "gaussian_nll_loss(f(0, 3), f(0, 3), f(0, 3))",
    "gaussian_nll_loss(f(2, 3), i(2, 3), f(2, 3, lo=0.2, hi=2))",
    NULL
};
static const char *const gaussian_nll_loss_corners[] = {
    "gaussian_nll_loss(f(3, 4), f(3, 4), f(3, 4, lo=0, hi=2), eps=1)",
    "gaussian_nll_loss(v(1, 2, nan, inf), v(1, 1, 1, 1), v(0, 1e-9, 1, nan), reduction='none')", NULL
};
static const tg_error_sample gaussian_nll_loss_errors[] = {
    { "gaussian_nll_loss(f(3, 4), f(3, 4), f(3, 2))", "var is of incorrect size" },
    { "gaussian_nll_loss(f(), f(), f(2))", "var is of incorrect size" },
    { "gaussian_nll_loss(f(3, 4), f(3, 4), f(3, 4, lo=-2, hi=-1))", "var has negative entry/entries" },
    { "gaussian_nll_loss(f(3, 4), f(3, 5), f(3, 4, lo=1))", "must match the size of tensor" },
    { "gaussian_nll_loss(f(2, 3), f(2, 3), f(2, 3, lo=1), reduction='avg')", "avg is not " },
    { NULL, NULL }
};

const tg_op tgi_op_gaussian_nll_loss = {
    .name = "gaussian_nll_loss",
    .schema = "gaussian_nll_loss(Tensor input, Tensor target, Tensor var, bool full=False, float eps=1e-06, "
              "str reduction='mean') -> Tensor",
    .formula = "y = 0.5 (log v + (a - b)^2 / v), v the variance or eps; full: plus 0.5 log(2 pi)",
    .gradient = "of the ops it is made of; eps is no step for the gradient of the variance",
    .doc = "The loss of a normal distribution's mean and variance under targets.",
    .shapes = "[*, N], [*, N] and a variance [*, N], [*, 1] or [*] to [*, N] or []",
    .composite = true,
    .call = gaussian_nll_loss_call,
    .samples = gaussian_nll_loss_samples,
    .corners = gaussian_nll_loss_corners,
    .errors = gaussian_nll_loss_errors,
    .traits = TG_COMPARES | TG_IS_LOSS,
};
