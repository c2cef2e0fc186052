/* gumbel_softmax.c: softmax of logits to which Gumbel noise was added, a draw through which gradients flow. */
#include "ops/random.h"
#include "random_impl.h"

#include "ops/base/call.h"
#include "ops/base/promote.h"
#include "ops/create.h"
#include "ops/extremes.h"
#include "ops/loss.h"
#include "ops/pointwise.h"
#include "ops/scatter.h"

static tg_tensor_list gumbel_softmax_call(const tg_value *v)
{
    return tgi_result(
        tg_gumbel_softmax(v[0].as.tensor, .tau = v[1].as.real, .hard = v[2].as.boolean, .dim = v[3].as.integer));
}

/* The hard ones are corners: their value stands still where their gradient does not. */
const tg_op tgi_op_gumbel_softmax = {
    .name = "gumbel_softmax",
    .schema = "gumbel_softmax(Tensor logits, float tau=1, bool hard=False, *, int dim=-1) -> Tensor",
    .formula =
        "y = softmax((logits + g) / tau) along dim, g = -log e, e exponential; hard: 1 where that is largest, else 0",
    .gradient = "that of the softmax, also if hard",
    .doc = "draws from a distribution over the indices of dim, differentiably",
    .composite = true,
    .call = gumbel_softmax_call,
    .samples = (const char *const[]){ "gumbel_softmax(f(3, 4))", "gumbel_softmax(f(3, 4), 0.5)",
                                      "gumbel_softmax(f(2, 3, 4), 2, dim=1)", "gumbel_softmax(f())",
                                      "gumbel_softmax(f(0, 3))", NULL },
    .corners =
        (const char *const[]){ "gumbel_softmax(f(3, 4), 1, True)", "gumbel_softmax(f(2, 3, 4), 0.5, True, dim=0)",
                               "gumbel_softmax(v(1, -inf, 2), 1, True)", NULL },
    .errors = (const tg_error_sample[]){ { "gumbel_softmax(i(3))", "\"exponential_cpu\" not implemented for 'Long'" },
                                         { "gumbel_softmax(f(3), dim=1)",
                                           "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
                                         { NULL, NULL } },
};

/* A one where y is largest along dim, else 0. */
static tg_tensor *largest(tg_tensor *y, int64_t dim)
{
    tg_tensor *index = tg_max_dim(y, dim, .keepdim = true).indices;
    return tg_scatter(tg_zeros_like(y), dim, index, 1.0);
}

tg_tensor *tg_gumbel_softmax_at(const char *where, tg_tensor *logits, tg_gumbel_softmax_options o)
{
    const tg_op *op = &tgi_op_gumbel_softmax;
    const double rate = 1;
    if (!tg_op_begin(where, op, tg_list(logits))) return NULL;
    if (!tgi_is_floating(logits))
        return tgi_not_implemented(op, tg_list(logits), "exponential_cpu", (tg_dtype)logits->dtype);
    tg_tensor *noise = tgi_new_like(logits, (tg_dtype)logits->dtype);
    if (!noise) return NULL;
    tgi_draw_each(noise, tgi_generator(o.generator), tgi_draw_exponential, &rate);
    tg_tensor *y = tg_softmax(tg_div(tg_sub(logits, tg_log_(noise)), o.tau), o.dim);
    return o.hard ? tg_add(tg_sub(largest(tg_detach(y), o.dim), tg_detach(y)), y) : y;
}
