/* diff.c: differences of neighbours. */
#include "core/tensor_impl.h"
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/join.h"
#include "ops/pointwise.h"
#include "ops/scan.h"
#include "ops/view.h"

#include <inttypes.h>

/* Whether `other`, if it is there, can be joined to t along `dim`. */
static bool joins(tg_tensor_list inputs, const tg_tensor *t, const tg_tensor *other, int dim)
{
    if (!other) return true;
    if (other->ndim != t->ndim)
        return tg_op_fail(&tgi_op_diff, inputs, "diff expects prepend or append to be the same dimension as input");
    for (int d = 0; d < t->ndim; d++)
        if (d != dim && other->dims[d] != t->dims[d])
            return tg_op_fail(
                &tgi_op_diff, inputs,
                "diff expects the shape of tensor to prepend or append to match that of input except along "
                "the differencing dimension; input.size(%d) = %" PRId64 ", but got tensor.size(%d) = %" PRId64,
                d, t->dims[d], d, other->dims[d]);
    return true;
}

static tg_tensor *difference(tg_tensor *t, int dim)
{
    const int64_t count = t->dims[dim] - 1;
    tg_tensor *next = tg_narrow(t, dim, 1, count), *first = tg_narrow(t, dim, 0, count);
    return t->dtype == TG_BOOL ? tg_ne(next, first) : tg_sub(next, first);
}

tg_tensor *tg_diff_at(const char *where, tg_tensor *t, tg_diff_options options)
{
    const tg_op *op = &tgi_op_diff;
    tg_tensor *all[3];
    int64_t count = 0;
    if (options.prepend) all[count++] = options.prepend;
    all[count++] = t;
    if (options.append) all[count++] = options.append;
    const tg_tensor_list inputs = tg_list_of(all, count);
    if (!tg_op_begin(where, op, inputs) || !tg_optional_ok(options.prepend) || !tg_optional_ok(options.append))
        return NULL;
    if (t->ndim == 0) return tg_op_fail(op, inputs, "diff expects input to be at least one-dimensional");
    const int dim = tgi_op_dim(op, inputs, options.dim, t->ndim);
    if (dim < 0 || !joins(inputs, t, options.prepend, dim) || !joins(inputs, t, options.append, dim)) return NULL;
    const bool differs = options.n > 0 && t->dims[dim] > 0;
    tg_tensor *y = count > 1 ? tg_cat(inputs, dim) : differs ? t : tg_clone(t);
    for (int64_t i = 0; y && i < options.n && y->dims[dim] > 0; i++) y = difference(y, dim);
    return y;
}

static tg_tensor_list diff_call(const tg_value *v)
{
    return tgi_result(tg_diff(v[0].as.tensor, .n = v[1].as.integer, .dim = v[2].as.integer,
                              .prepend = tgi_optional(&v[3]), .append = tgi_optional(&v[4])));
}

const tg_op tgi_op_diff = {
    .name = "diff",
    .schema = "diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
    .formula = "y_i = x_(i+1) - x_i along dim, n times, x being prepend, self and append joined",
    .gradient = "of the differences it is made of",
    .doc = "Differences of neighbours along a dimension; of bools whether they differ.",
    .shapes = "[.., N, ..] to [.., N - n, ..]",
    .composite = true,
    .call = diff_call,
    .samples = (const char *const[]){ "diff(f(4))", "diff(f(3, 4), 2)", "diff(f(3, 4), dim=0)", "diff(f(3), 0)",
                                      "diff(f(3), 5)", "diff(f(2, 3), prepend=f(2, 1), append=f(2, 2))",
                                      "diff(f(2, 3), 2, 0, append=f(1, 3))", "diff(f(0))", "diff(f(1, 2), 1, 0)",
                                      "diff(i(5))", "diff(i(3), append=f(2))", "diff(b(6))", "diff(b(6), 2)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "diff(f())", "diff expects input to be at least one-dimensional" },
            { "diff(f(3), dim=1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
            { "diff(f(2, 3), prepend=f(3))", "diff expects prepend or append to be the same dimension as input" },
            { "diff(f(2, 3), append=f(1, 1))",
              "diff expects the shape of tensor to prepend or append to match that of input except along the differencing "
              "dimension; input.size(0) = 2, but got tensor.size(0) = 1" },
            { NULL, NULL } },
};
