/* flops.h: how many additions and multiplications ops compute, for their descriptors (tg_op.flops). Internal to ops/.
 *
 * The rules: a product of [m, k] and [k, n] is 2 m k n, and each of its gradients as much; convolutions and
 * attention are counted as the products that they are. An element of a pointwise op counts one, and so does that of
 * a gradient: an exponential is one, too. What works element by element in several passes (softmax, norms, losses)
 * counts what its formula has. What only moves elements is not counted. */
#ifndef TG_OPS_BASE_FLOPS_H
#define TG_OPS_BASE_FLOPS_H

#include "core/observe.h"
#include "core/tensor_impl.h"

TG_EXTERN_C_BEGIN

/* The sum of the sizes of the result, in elements; of input i, which may be left out. */
static inline double tgi_elements_out(const tg_computed *call) { return (double)call->outputs.items[0]->numel; }
static inline double tgi_elements_in(const tg_computed *call, int i)
{
    return i < call->inputs.count && call->inputs.items[i] ? (double)call->inputs.items[i]->numel : 0;
}

/* One for each element of the result, and as many for each gradient. */
static inline double tgi_flops_each(const tg_computed *call, int input)
{
    (void)input;
    return tgi_elements_out(call);
}

/* One for each element that is summed; its gradient is spread without arithmetic. */
static inline double tgi_flops_sum(const tg_computed *call, int input) { return input < 0 ? tgi_elements_in(call, 0) : 0; }

/* As for a mean, each element of whose gradient is divided. */
static inline double tgi_flops_mean(const tg_computed *call, int input)
{
    (void)input;
    return tgi_elements_in(call, 0);
}

/* Of the inputs a and b, of which a's last dimension is summed over, and a bias behind them. */
static inline double tgi_flops_product(const tg_computed *call, int input)
{
    const tg_tensor *a = call->inputs.items[0];
    const double result = tgi_elements_out(call), product = 2 * result * (a->ndim ? (double)a->dims[a->ndim - 1] : 1);
    if (input >= 2) return result;
    return input < 0 && tgi_elements_in(call, 2) > 0 ? product + result : product;
}

/* A loss of three operations an element (subtract, square, add); two in a gradient. */
static inline double tgi_flops_loss(const tg_computed *call, int input)
{
    const double a = tgi_elements_in(call, 0), b = tgi_elements_in(call, 1);
    return (input < 0 ? 3 : 2) * (a > b ? a : b);
}

/* Subtract the largest, exp, sum, divide; g y, its sum, subtract, multiply. */
static inline double tgi_flops_softmax(const tg_computed *call, int input)
{
    (void)input;
    return 4 * tgi_elements_in(call, 0);
}

/* The mean and the variance (4), normalised (2), times the weight, plus the bias; as many for the gradient of the
 * input, two for that of the weight, one for that of the bias. */
static inline double tgi_flops_norm(const tg_computed *call, int input)
{
    return (input <= 0 ? 8 : input == 1 ? 2 : 1) * tgi_elements_in(call, 0);
}

TG_EXTERN_C_END

#endif
