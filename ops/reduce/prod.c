/* prod.c: products of all elements or along a dimension.
 *
 * The gradient by a factor is the product of all the others. Where a faster way is open it divides by the factor, as
 * PyTorch does; where the product is 0 or out of range, or the gradient is to be differentiated, it multiplies what stands
 * before it and what stands behind. */
#include "ops/base/call.h"
#include "ops/moments.h"
#include "moments_impl.h"
#include "ops/pointwise.h"
#include "scan_impl.h"
#include "ops/view.h"

#include <math.h>

/* The dimension that goes, of a product along one; -1 of a product of all. */
static int reduced_dim(const tgi_reduction *r, int ndim)
{
    int dim = -1, count = 0;
    for (int d = 0; d < ndim; d++)
        if (r->reduced[d]) {
            dim = d;
            count++;
        }
    return count == 1 ? dim : -1;
}

/* The product of all factors but one, for each. */
static tg_tensor *product_of_others(tg_tensor *x, int dim)
{
    if (x && x->ndim == 0) return tgi_shifted(x, 0, false, 1);
    tg_tensor *flat = dim < 0 ? tg_flatten(x) : x;
    const int along = dim < 0 ? 0 : dim;
    tg_tensor *before = tgi_shifted(tgi_cumprod(flat, along, false), along, false, 1);
    tg_tensor *after = tgi_shifted(tgi_cumprod(flat, along, true), along, true, 1);
    tg_tensor *others = tg_mul(before, after);
    return dim < 0 && others ? tg_reshape(others, tgi_shape(x)) : others;
}

static void prod_backward(tg_context *ctx)
{
    const tgi_reduction *r = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *g = tgi_reduction_keep(r, &shape, tg_grad_output(ctx, 0));
    tg_set_grad_input(ctx, 0, tg_mul(g, product_of_others(tg_saved(ctx, 0), reduced_dim(r, shape.ndim))));
}

bool tgi_products_divide(const tg_tensor *y)
{
    bool divide = true;
    if (y->dtype == TG_FLOAT32)
        for (int64_t i = 0; i < y->numel; i++) divide &= isnormal(((const float *)tgi_ptr(y))[i]) != 0;
    else
        for (int64_t i = 0; i < y->numel; i++) divide &= isnormal(((const double *)tgi_ptr(y))[i]) != 0;
    return divide;
}

static void prod_backward_fused(tg_context *ctx)
{
    const tgi_reduction *r = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *x = tg_saved(ctx, 0), *y = tg_saved(ctx, 1);
    if (!x || !y) {
        tg_set_grad_input(ctx, 0, NULL);
        return;
    }
    const int dim = reduced_dim(r, shape.ndim);
    tg_tensor *others;
    if (x->numel && tgi_products_divide(y))
        others = tg_div(tgi_reduction_keep(r, &shape, y), x);
    else if (dim >= 0)
        others = tgi_products_of_others(x, dim);
    else
        others = tg_reshape(tgi_products_of_others(tg_flatten(x), 0), shape);
    tg_set_grad_input(ctx, 0, tg_mul(tgi_reduction_keep(r, &shape, tg_grad_output(ctx, 0)), others));
}

static tg_tensor_list prod_call(const tg_value *v)
{
    tg_prod_options o = { .dim = tgi_dim_of(&v[1]), .keepdim = v[2].as.boolean, .dtype = TG_DEFAULT_DTYPE };
    if (v[3].kind == TG_VALUE_DTYPE) o.dtype = v[3].as.dtype;
    return tgi_result(tg_prod_at(TG_HERE, v[0].as.tensor, o));
}

const tg_op tgi_op_prod = {
    .name = "prod",
    .schema = "prod(Tensor self, int? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the product of x along dim",
    .gradient = "dx = g times the product of all factors but x",
    .doc = "The product of all elements or along a dimension; of integers and bools in int64. Of nothing it is 1.",
    .backward = prod_backward,
    .backward_fused = prod_backward_fused,
    .call = prod_call,
    .again = tgi_reduction_along_again,
    .samples = (const char *const[]){ "prod(f(5))",
                                      "prod(f(2, 3))",
                                      "prod(f())",
                                      "prod(f(), dim=0)",
                                      "prod(f(2, 3, 4), dim=1)",
                                      "prod(f(3, 4), dim=0, keepdim=True)",
                                      "prod(f(3, 4), dim=-1)",
                                      "prod(f(0, 3))",
                                      "prod(f(0, 3), dim=0)",
                                      "prod(f(2, 0), dim=0)",
                                      "prod(f(2, 1), dim=1)",
                                      "prod(v(2, 0, 3, 4))",
                                      "prod(v(2, 0, 3, 0, 4))",
                                      "prod(v(0))",
                                      "prod(reshape(v(2, 0, 3, 4), [2, 2]), dim=1)",
                                      "prod(i(3, 4), dim=1)",
                                      "prod(b(3, 4), dim=0)",
                                      "prod(i(3, 4), dtype=float64)",
                                      "prod(f(3, 4, lo=1e-200, hi=1e-190, grad=False), dtype=bool)",
                                      NULL },
    .corners = (const char *const[]){ "prod(v(1, inf, 2, -inf, grad=False))", "prod(v(1, nan, 2, grad=False))",
                                      "prod(v(-0.0, 2))", NULL },
    .errors = (const tg_error_sample[]){ { "prod(f(2, 3), dim=2)",
                                           "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
                                         { NULL, NULL } },
};

tg_tensor *tg_prod_at(const char *where, tg_tensor *t, tg_prod_options options)
{
    const tg_op *op = &tgi_op_prod;
    const tg_shape none = tg_shape();
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (!tgi_reduction_read(op, t, options.dim, &none, options.keepdim, &r)) return NULL;
    tg_dtype dtype = options.dtype != TG_DEFAULT_DTYPE ? options.dtype : (tg_dtype)t->dtype;
    tg_tensor *x =
        options.dtype == TG_BOOL ? tg_to(tg_to(t, TG_BOOL), TG_INT64) : tg_to(t, dtype == TG_BOOL ? TG_INT64 : dtype);
    const tg_shape shape = tgi_reduction_shape(&r, t);
    tg_tensor *y = x ? tgi_new(&shape, (tg_dtype)x->dtype) : NULL;
    if (!y || !tgi_prod_into(x, r.reduced, y)) return NULL;
    if (tg_record(op, tg_list(x), tg_list(y), tg_list(x, y), &r, sizeof r) != TG_OK) return NULL;
    return options.dtype == TG_BOOL ? tg_to(y, TG_BOOL) : y;
}
