/* rrelu.c: leaky_relu of slopes that are drawn in training, as PyTorch draws them: one 53-bit number for each element
 * that is not positive, in row-major order. Made of a product with the slopes. */
#include "ops/base/call.h"
#include "ops/base/element.h"
#include "ops/base/iterate.h"
#include "ops/base/promote.h"
#include "ops/activation.h"
#include "ops/dropout.h"
#include "ops/pointwise.h"

#include "core/rng.h"

enum { DRAWN = 512 }; /* elements whose slopes are drawn together */

#define SLOPES(T)                                                                                                      \
    static void slopes_##T(int64_t n, const T *x, const tg_rrelu_options *o, T *slopes)                                \
    {                                                                                                                  \
        double drawn[DRAWN];                                                                                           \
        int64_t count = 0, next = 0;                                                                                   \
        for (int64_t i = 0; i < n; i++) count += x[i] <= 0;                                                            \
        tg_generate_uniform_f64(tg_default_generator(), drawn, count, o->lower, o->upper);                             \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const bool negative = x[i] <= 0;                                                                           \
            slopes[i] = (T)(negative ? drawn[next] : 1);                                                               \
            next += negative;                                                                                          \
        }                                                                                                              \
    }
SLOPES(float)
SLOPES(double)

/* The slope of each element of x; 1 of the positive ones, and of NaN. */
static tg_tensor *draw_slopes(tg_tensor *x, const tg_rrelu_options *o)
{
    const tg_shape shape = tgi_shape(x);
    tg_tensor *slopes = tgi_new(&shape, (tg_dtype)x->dtype), *c = tgi_own_contiguous(x);
    for (int64_t i = 0; slopes && c && i < x->numel; i += DRAWN) {
        const int64_t n = x->numel - i < DRAWN ? x->numel - i : DRAWN;
        if (x->dtype == TG_FLOAT32)
            slopes_float(n, (const float *)tgi_ptr(c) + i, o, (float *)tgi_ptr(slopes) + i);
        else
            slopes_double(n, (const double *)tgi_ptr(c) + i, o, (double *)tgi_ptr(slopes) + i);
    }
    const bool ok = c != NULL;
    tgi_unref(c);
    return ok ? slopes : NULL;
}

tg_tensor *tg_rrelu_at(const char *where, tg_tensor *x, tg_rrelu_options options)
{
    const tg_op *op = &tgi_op_rrelu;
    if (!tg_op_begin(where, op, tg_list(x))) return NULL;
    if (!tgi_is_floating(x)) return tgi_not_implemented(op, tg_list(x), "rrelu_with_noise_out_cpu", x->dtype);
    if (!(options.lower <= options.upper))
        return tg_op_fail(op, tg_list(x), "Lower bound should be less than or equal to the upper bound");
    if (!options.training) return tg_leaky_relu(x, .negative_slope = (options.lower + options.upper) / 2);
    return tg_mul(x, draw_slopes(x, &options));
}

static tg_tensor_list rrelu_call(const tg_value *v)
{
    const tg_rrelu_options o = { .lower = v[1].as.real, .upper = v[2].as.real, .training = v[3].as.boolean };
    return tgi_result(tg_rrelu_at(TG_HERE, v[0].as.tensor, o));
}

const tg_op tgi_op_rrelu = {
    .name = "rrelu",
    .schema = "rrelu(Tensor input, float lower=0.125, float upper=0.3333333333333333, bool training=False) -> Tensor",
    .formula =
        "y = x where x > 0, else a x, a from U(lower, upper) for each element; without training a = (lower + upper) / "
        "2",
    .gradient = "dx = g where x > 0, else a g",
    .doc = "leaky_relu of slopes drawn at random.",
    .kinks = "x = 0: the derivative from the left",
    .composite = true,
    .call = rrelu_call,
    .samples = (const char *const[]){ "rrelu(f(3, 4))", "rrelu(f(3, 4), 0.2, 0.7)", "rrelu(f(5, 4), training=True)",
                                      "rrelu(f(2, 3, 2), 0.5, 2.5, True)", "rrelu(f(3), 0.5, 0.5, True)",
                                      "rrelu(f(0, 2), training=True)", "rrelu(f(25, 47), training=True)", NULL },
    .corners = (const char *const[]){ "rrelu(v(inf, 0, -0, -1, 2, -3), training=True)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "rrelu(f(2), 0.5, 0.2, True)", "Lower bound should be less than or equal to the upper bound" },
            { "rrelu(i(2), training=True)", "\"rrelu_with_noise_out_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};
