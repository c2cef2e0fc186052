/* by_parameters.c: bernoulli, poisson and normal: a tensor drawn by tensors of parameters. None of them is on the tape. */
#include "ops/random.h"
#include "random_impl.h"

#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/extremes.h"
#include "ops/pointwise.h"

#include <math.h>

#define NO_GRADIENT "none: what is drawn is not a smooth function of its parameters; PyTorch's is zero everywhere"

/* ---- bernoulli ---- */

static tg_tensor_list bernoulli_call(const tg_value *v) { return tgi_result(tg_bernoulli(v[0].as.tensor)); }

/* Those of float32 are another stream than those of float64. */
const tg_op tgi_op_bernoulli = {
    .name = "bernoulli",
    .schema = "bernoulli(Tensor self) -> Tensor",
    .formula = "y = 1 with probability self, else 0",
    .gradient = NO_GRADIENT,
    .doc = "draws 0 or 1 by probabilities",
    .call = bernoulli_call,
    .samples = (const char *const[]){ "bernoulli(to(f(3, 4, lo=0, hi=1), float64))",
                                      "bernoulli(to(f(20, lo=0, hi=1), float32))", "bernoulli(v(0, 1))",
                                      "bernoulli(f(0, 2))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "bernoulli(i(3))", "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'" },
            { "bernoulli(v(0.5, 1.5))", "Expected p_in >= 0 && p_in <= 1 to be true, but got false." },
            { "bernoulli(v(0.5, nan))", "Expected p_in >= 0 && p_in <= 1 to be true, but got false." },
            { NULL, NULL } },
};

tg_tensor *tg_bernoulli_at(const char *where, tg_tensor *p, tg_draw_options o)
{
    const tg_op *op = &tgi_op_bernoulli;
    if (!tg_op_begin(where, op, tg_list(p))) return NULL;
    if (!tgi_is_floating(p)) return tgi_not_implemented(op, tg_list(p), "bernoulli_tensor_cpu_p_", (tg_dtype)p->dtype);
    tg_tensor *c = tgi_own_contiguous(p);
    tg_tensor *y = c ? tgi_new_like(c, (tg_dtype)p->dtype) : NULL;
    const bool drawn = y && tgi_draw_bernoulli_by(op, tg_list(p), y, c, tgi_generator(o.generator));
    tgi_unref(c);
    return drawn ? y : NULL;
}

/* ---- poisson ---- */

static tg_tensor_list poisson_call(const tg_value *v) { return tgi_result(tg_poisson(v[0].as.tensor)); }

const tg_op tgi_op_poisson = {
    .name = "poisson",
    .schema = "poisson(Tensor self) -> Tensor",
    .formula = "y = k with probability self^k e^-self / k!",
    .gradient = NO_GRADIENT,
    .doc = "draws counts by their means",
    .call = poisson_call,
    .samples =
        (const char *const[]){ "poisson(f(3, 4, lo=0, hi=10, step=0.125))", "poisson(v(0, 9.5, 10, 1000, 123456))",
                               "poisson(f(50, lo=5, hi=40, step=0.125))", "poisson(f(0, 2))", NULL },
    .errors =
        (const tg_error_sample[]){ { "poisson(i(3))", "\"poisson_cpu\" not implemented for 'Long'" },
                                   { "poisson(v(1, -1))", "invalid Poisson rate, expected rate to be non-negative" },
                                   { "poisson(v(nan))", "invalid Poisson rate, expected rate to be non-negative" },
                                   { NULL, NULL } },
};

/* How many uniform numbers can be multiplied until the product is at most e^-rate. */
static double count_products(tg_generator *g, double rate)
{
    const double least = exp(-rate);
    double count = 0;
    for (double product = tg_random_uniform(g); product > least; product *= tg_random_uniform(g)) count++;
    return count;
}

/* Transformed rejection with a squeeze: W. Hoermann, The transformed rejection method for generating Poisson random
 * variables (1993), algorithm PTRS. */
static double transformed_rejection(tg_generator *g, double rate)
{
    const double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        const double u = tg_random_uniform(g) - 0.5, v = tg_random_uniform(g), us = 0.5 - fabs(u);
        const double k = floor((2 * a / us + b) * u + rate + 0.43);
        if (us >= 0.07 && v <= v_r) return k;
        if (k < 0 || (us < 0.013 && v > us)) continue;
        if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <= -rate + k * log(rate) - lgamma(k + 1)) return k;
    }
}

static double one_poisson(tg_generator *g, double rate)
{
    return rate >= 10 ? transformed_rejection(g, rate) : rate == 0 ? 0 : count_products(g, rate);
}

tg_tensor *tg_poisson_at(const char *where, tg_tensor *rate, tg_draw_options o)
{
    const tg_op *op = &tgi_op_poisson;
    if (!tg_op_begin(where, op, tg_list(rate))) return NULL;
    if (!tgi_is_floating(rate)) return tgi_not_implemented(op, tg_list(rate), "poisson_cpu", (tg_dtype)rate->dtype);
    tg_tensor *c = tgi_own_contiguous(rate);
    tg_tensor *y = c ? tgi_new_like(c, (tg_dtype)rate->dtype) : NULL;
    tg_generator *g = tgi_generator(o.generator);
    bool valid = true;
    for (int64_t i = 0; y && i < c->numel; i++) valid &= tgi_get(tgi_ptr(c), c->dtype, i) >= 0;
    if (!valid) y = tg_op_fail(op, tg_list(rate), "invalid Poisson rate, expected rate to be non-negative");
    for (int64_t i = 0; y && i < c->numel; i++)
        tgi_put(tgi_ptr(y), y->dtype, i, one_poisson(g, tgi_get(tgi_ptr(c), c->dtype, i)));
    tgi_unref(c);
    return y;
}

/* ---- normal ---- */

static tg_tensor_list normal_call(const tg_value *v)
{
    const tg_shape size = v[2].kind == TG_VALUE_INTS ? v[2].as.ints : tg_shape();
    return tgi_result(tg_normal(tgi_value_operand(&v[0]), tgi_value_operand(&v[1]), .size = size));
}

const tg_op tgi_op_normal = {
    .name = "normal",
    .schema = "normal(Scalar mean, Scalar std, int[]? size=None) -> Tensor",
    .formula = "y = mean + std n, n normal with mean 0 and variance 1",
    .gradient = NO_GRADIENT,
    .doc = "draws normal numbers, each by its own mean and standard deviation; size: where both are numbers",
    .shapes = "broadcast",
    .call = normal_call,
    .samples = (const char *const[]){ "normal(to(f(3, 4), float64), to(f(3, 4, lo=0, hi=2), float64))",
                                      "normal(to(f(20), float64), 0.5)", "normal(-1, to(f(4, 5, lo=0, hi=2), float64))",
                                      "normal(to(f(4, 1), float64), to(f(5, lo=0, hi=2), float64))",
                                      "normal(to(f(4, 5), float32), to(f(5, lo=0, hi=2), float32))",
                                      "normal(to(f(17), float32), 0)", "normal(0.5, to(f(17, lo=0, hi=2), float32))",
                                      "normal(-0.5, 2, [3, 7])", "normal(f(0), 1)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "normal(i(3), 1)", "\"normal_kernel_cpu\" not implemented for 'Long'" },
            { "normal(0, i(3, lo=1, hi=3))", "\"normal_kernel_cpu\" not implemented for 'Long'" },
            { "normal(f(3), -1)", "normal expects std >= 0.0, but found std -1" },
            { "normal(0, 1, [2, -3])", "negative dimension" },
            { "normal(f(3), v(1, -1, 1))", "normal expects all elements of std >= 0.0" },
            { "normal(0, v(1, nan))", "normal expects all elements of std >= 0.0" },
            { "normal(f(3), f(2, lo=0, hi=1))",
              "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "normal(f(3), 1, [3])", "size is for a mean and a std that are numbers" },
                                   { NULL, NULL } },
};

/* A std that is not 0 or more, or another error. */
static bool std_ok(const tg_op *op, tg_tensor_list inputs, const tg_operand *std)
{
    if (std->kind == TG_OPERAND_TENSOR) {
        const tg_tensor *all = tg_all(tg_ge(tg_detach(std->as.tensor), 0));
        if (!all || tg_item(all) != 0) return all;
        tg_op_fail(op, inputs, "normal expects all elements of std >= 0.0");
        return false;
    }
    const double number = std->kind == TG_OPERAND_REAL ? std->as.real : (double)std->as.integer;
    if (number >= 0) return true;
    tg_op_fail(op, inputs, "normal expects std >= 0.0, but found std %g", number);
    return false;
}

static tg_operand detached(tg_operand x)
{
    return x.kind == TG_OPERAND_TENSOR ? tg_operand_tensor(tg_detach(x.as.tensor)) : x;
}

/* As PyTorch scales: by a number while it draws, by a tensor afterwards. */
tg_tensor *tg_normal_at(const char *where, tg_operand mean, tg_operand std, tg_normal_by_options o)
{
    const tg_op *op = &tgi_op_normal;
    const tg_operand operands[] = { mean, std };
    tg_tensor *tensors[2];
    const tg_tensor_list inputs = tgi_tensors_of(operands, 2, tensors);
    const bool each_mean = mean.kind == TG_OPERAND_TENSOR, each_std = std.kind == TG_OPERAND_TENSOR;
    if (!tg_op_begin(where, op, inputs) || !std_ok(op, inputs, &std)) return NULL;
    if (inputs.count && o.size.ndim) return tg_op_fail(op, inputs, "size is for a mean and a std that are numbers");
    const tg_shape a = tgi_operand_shape(&mean), b = tgi_operand_shape(&std);
    if (inputs.count && !tgi_broadcast(op, inputs, &a, &b, &o.size)) return NULL;
    const tg_dtype dtype = each_mean  ? tgi_operand_dtype(&mean)
                           : each_std ? tgi_operand_dtype(&std)
                                      : tg_default_dtype();
    if (!tg_dtype_is_floating(dtype)) return tgi_not_implemented(op, inputs, "normal_kernel_cpu", dtype);
    tg_tensor *y = tgi_new(&o.size, dtype);
    const double center = mean.kind == TG_OPERAND_REAL ? mean.as.real : (double)mean.as.integer;
    const double scale = std.kind == TG_OPERAND_REAL ? std.as.real : (double)std.as.integer;
    if (y) tgi_draw_normal(y, tgi_generator(o.generator), inputs.count ? 0 : center, each_std ? 1 : scale);
    if (each_std) y = tg_mul_(y, detached(std));
    return inputs.count ? tg_add_(y, detached(mean)) : y;
}
