/* extremes.c: the largest and the smallest, over any dimensions.
 *
 * Values and indices are found by fold.c. Where several are equal, amax and max of all elements share the gradient among
 * them, and max along a dimension gives it to the one it names, as PyTorch does. */
#include "ops/extremes.h"

#include "core/observe_impl.h"
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/index/index_impl.h"
#include "ops/pointwise.h"
#include "reduce_impl.h"
#include "ops/view.h"

#include <string.h>

/* ---- gradients of what is one of the elements ---- for medians, too */

void tgi_reduction_scatter_backward(tg_context *ctx)
{
    const tgi_reduction *r = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    int dim = 0;
    while (dim < shape.ndim && !r->reduced[dim]) dim++;
    tg_tensor *index = tgi_reduction_keep(r, &shape, tg_saved(ctx, 0));
    tg_tensor *g = tgi_reduction_keep(r, &shape, tg_grad_output(ctx, 0));
    tg_set_grad_input(ctx, 0, tgi_scatter_add_zeros(shape, dim, index, g));
}

void tgi_evenly_backward(tg_context *ctx)
{
    tg_tensor *x = tg_saved(ctx, 0), *y = tg_saved(ctx, 1);
    tg_tensor *there = tg_where(tg_eq(y, y), tg_eq(x, y), tg_ne(x, x));
    tg_tensor *count = there ? tgi_sum_all_raw(there, false) : NULL;
    tg_set_grad_input(ctx, 0, tg_where(there, tg_div(tg_grad_output(ctx, 0), count), 0));
}

/* ---- what all share ---- */

/* A reduction of nothing has no value: PyTorch's words for it. `advice` follows when no dimension was named. */
static bool has_elements(const tg_op *op, tg_tensor *t, const tgi_reduction *r, bool all, const char *advice)
{
    if (t->numel) return true;
    if (all)
        return tg_op_fail(op, tg_list(t), "%s(): Expected reduction dim to be specified for input.numel() == 0.%s",
                          op->name, advice);
    for (int d = 0; d < t->ndim; d++)
        if (r->reduced[d] && t->dims[d] == 0)
            return tg_op_fail(op, tg_list(t), "%.*s(): Expected reduction dim %d to have non-zero size.",
                              (int)strcspn(op->name, "_"), op->name, d);
    return true;
}

#define ADVICE " Specify the reduction dim with the 'dim' argument."

static tg_tensor *extreme_raw(int which, tg_tensor *t, const tgi_reduction *r)
{
    const tg_shape shape = tgi_reduction_shape(r, t);
    tg_tensor *y = tgi_new(&shape, (tg_dtype)t->dtype);
    return y && tgi_extreme_into(which, t, r->reduced, y, NULL) ? y : NULL;
}

/* ---- amax and amin ---- */

static void amax_backward(tg_context *ctx)
{
    const tgi_reduction *r = tg_attributes(ctx);
    const tg_shape shape = tg_input_shape(ctx, 0);
    tg_tensor *x = tg_saved(ctx, 0), *y = tgi_reduction_keep(r, &shape, tg_saved(ctx, 1));
    tg_tensor *g = tgi_reduction_keep(r, &shape, tg_grad_output(ctx, 0)), *there = tg_eq(x, y);
    tgi_reduction kept = *r;
    kept.keepdim = true;
    tg_tensor *count = there ? tgi_sum_raw(there, &kept, false) : NULL;
    tg_set_grad_input(ctx, 0, tg_div(tg_mul(g, there), count));
}

static tg_tensor *amax(const char *where, const tg_op *op, int which, tg_tensor *t, const tg_dims_options *o)
{
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t))) return NULL;
    if (!tgi_reduction_read(op, t, o->dim, &o->dims, o->keepdim, &r)) return NULL;
    if (!has_elements(op, t, &r, o->dim == TG_NO_DIM && o->dims.ndim == 0, ADVICE)) return NULL;
    tg_tensor *y = extreme_raw(which, t, &r);
    return y && tg_record(op, tg_list(t), tg_list(y), tg_list(t, y), &r, sizeof r) == TG_OK ? y : NULL;
}

static tg_tensor_list amax_call(const tg_value *v)
{
    return tgi_result(tg_amax(v[0].as.tensor, .dims = tgi_dims_of(&v[1]), .keepdim = v[2].as.boolean));
}

static tg_tensor_list amin_call(const tg_value *v)
{
    return tgi_result(tg_amin(v[0].as.tensor, .dims = tgi_dims_of(&v[1]), .keepdim = v[2].as.boolean));
}

/* The samples of two ops that differ in a word. */
#define AMAX_SAMPLES(name)                                                                                             \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(2, 3))", name "(f())", name "(f(), dim=[0])", name "(f(7), dim=[-1], keepdim=True)",                  \
            name "(f(2, 3, 4), dim=[1])", name "(f(2, 3, 4), dim=[0, 2])",                                             \
            name "(f(2, 3, 2, 2), dim=[-1, 1], keepdim=True)", name "(f(2, 1, 3), dim=[1])",                           \
            name "(f(0, 3), dim=[1])", name "(i(4, 5), dim=[0])", name "(b(2, 3), dim=[1])", NULL                      \
    }
#define AMAX_CORNERS(name)                                                                                             \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(3, 6, lo=-1, hi=1, step=1), dim=[1])", name "(f(3, 6, lo=-1, hi=1, step=1))",                         \
            name "(v(1, nan, 2, nan))", name "(v(inf, -inf, inf))", name "(v(-0.0, 0.0))",                             \
            name "(reshape(v(1, nan, 3, 3, inf, -inf), [3, 2]), dim=[1])",                                             \
            name "(reshape(v(1, nan, 3, 3, inf, -inf), [3, 2]), dim=[0])", NULL                                        \
    }
#define AMAX_ERRORS(name)                                                                                              \
    (const tg_error_sample[])                                                                                          \
    {                                                                                                                  \
        { name "(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },       \
            { name "(f(2, 3), dim=[0, -2])", "dim 0 appears multiple times in the list of dims" },                     \
            { name "(f(0, 3))", name "(): Expected reduction dim to be specified for input.numel() == 0. Specify the " \
                                     "reduction dim with the 'dim' argument." },                                       \
            { name "(f(0, 3), dim=[0])", name "(): Expected reduction dim 0 to have non-zero size." },                 \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_amax = {
    .name = "amax",
    .schema = "amax(Tensor self, int[] dim=[], bool keepdim=False) -> Tensor",
    .formula = "y = the largest x over dim",
    .gradient = "dx = g / n where x = y, n being how many there are, else 0",
    .doc = "The largest over the given dimensions, or over all.",
    .backward = amax_backward,
    .kinks = "where several are the largest: g is spread evenly over them",
    .call = amax_call,
    .again = tgi_reduction_again,
    .samples = AMAX_SAMPLES("amax"),
    .corners = AMAX_CORNERS("amax"),
    .errors = AMAX_ERRORS("amax"),
};

const tg_op tgi_op_amin = {
    .name = "amin",
    .schema = "amin(Tensor self, int[] dim=[], bool keepdim=False) -> Tensor",
    .formula = "y = the smallest x over dim",
    .gradient = "dx = g / n where x = y, n being how many there are, else 0",
    .doc = "The smallest over the given dimensions, or over all.",
    .backward = amax_backward,
    .kinks = "where several are the smallest: g is spread evenly over them",
    .call = amin_call,
    .again = tgi_reduction_again,
    .samples = AMAX_SAMPLES("amin"),
    .corners = AMAX_CORNERS("amin"),
    .errors = AMAX_ERRORS("amin"),
};

tg_tensor *tg_amax_at(const char *where, tg_tensor *t, tg_dims_options options)
{
    return amax(where, &tgi_op_amax, TGI_MAX, t, &options);
}

tg_tensor *tg_amin_at(const char *where, tg_tensor *t, tg_dims_options options)
{
    return amax(where, &tgi_op_amin, TGI_MIN, t, &options);
}

/* ---- max and min of all elements ---- */

static const tgi_reduction over_all = { { true, true, true, true, true, true, true, true }, false };

static tg_tensor *max_all(const char *where, const tg_op *op, int which, tg_tensor *t)
{
    if (!tg_op_begin(where, op, tg_list(t)) || !has_elements(op, t, &over_all, true, ADVICE)) return NULL;
    tg_tensor *y = extreme_raw(which, t, &over_all);
    return y && tg_record(op, tg_list(t), tg_list(y), tg_list(t, y), NULL, 0) == TG_OK ? y : NULL;
}

static tg_tensor_list max_call(const tg_value *v) { return tgi_result(tg_max(v[0].as.tensor)); }
static tg_tensor_list min_call(const tg_value *v) { return tgi_result(tg_min(v[0].as.tensor)); }

#define MAX_SAMPLES(name)                                                                                              \
    (const char *const[]) { name "(f())", name "(f(5))", name "(f(2, 3, 2))", name "(i(2, 3))", name "(b(3))", NULL }
#define MAX_CORNERS(name)                                                                                              \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(3, 6, lo=-1, hi=1, step=1))", name "(v(1, nan, 2, nan))", name "(v(inf, -inf, inf))",                 \
            name "(v(-0.0, 0.0))", NULL                                                                                \
    }
#define MAX_ERRORS(name)                                                                                               \
    (const tg_error_sample[])                                                                                          \
    {                                                                                                                  \
        { name "(f(0, 3))", name "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "     \
                                 "reduction dim with the 'dim' argument." },                                           \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_max = {
    .name = "max",
    .schema = "max(Tensor self) -> Tensor",
    .formula = "y = the largest x",
    .gradient = "dx = g / n where x = y, n being how many there are, else 0",
    .doc = "The largest of all elements.",
    .backward = tgi_evenly_backward,
    .kinks = "where several are the largest: g is spread evenly over them",
    .call = max_call,
    .samples = MAX_SAMPLES("max"),
    .corners = MAX_CORNERS("max"),
    .errors = MAX_ERRORS("max"),
};

const tg_op tgi_op_min = {
    .name = "min",
    .schema = "min(Tensor self) -> Tensor",
    .formula = "y = the smallest x",
    .gradient = "dx = g / n where x = y, n being how many there are, else 0",
    .doc = "The smallest of all elements.",
    .backward = tgi_evenly_backward,
    .kinks = "where several are the smallest: g is spread evenly over them",
    .call = min_call,
    .samples = MAX_SAMPLES("min"),
    .corners = MAX_CORNERS("min"),
    .errors = MAX_ERRORS("min"),
};

tg_tensor *tg_max_at(const char *where, tg_tensor *t) { return max_all(where, &tgi_op_max, TGI_MAX, t); }
tg_tensor *tg_min_at(const char *where, tg_tensor *t) { return max_all(where, &tgi_op_min, TGI_MIN, t); }

/* ---- max and min along a dimension ---- */

/* Values and indices. False when memory ran out. */
static bool find(int which, tg_tensor *t, const tgi_reduction *r, tg_values_indices *found)
{
    const tg_shape shape = tgi_reduction_shape(r, t);
    found->values = tgi_new(&shape, (tg_dtype)t->dtype);
    found->indices = found->values ? tgi_new(&shape, TG_INT64) : NULL;
    return found->indices && tgi_extreme_into(which, t, r->reduced, found->values, found->indices);
}

static tg_values_indices max_dim(const char *where, const tg_op *op, int which, tg_tensor *t, int64_t dim, bool keepdim)
{
    const tg_values_indices failed = { NULL, NULL };
    const tg_shape none = tg_shape();
    tg_values_indices y;
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t))) return failed;
    if (tgi_op_dim(op, tg_list(t), dim, t->ndim) < 0) return failed; /* TG_NO_DIM is none here */
    if (!tgi_reduction_read(op, t, dim, &none, keepdim, &r)) return failed;
    if (!has_elements(op, t, &r, false, "") || !find(which, t, &r, &y)) return failed;
    const tg_status status = tg_record(op, tg_list(t), tg_list(y.values, y.indices), tg_list(y.indices), &r, sizeof r);
    return status == TG_OK ? y : failed;
}

static tg_tensor_list max_dim_call(const tg_value *v)
{
    return tgi_both(tg_max_dim(v[0].as.tensor, v[1].as.integer, .keepdim = v[2].as.boolean));
}

static tg_tensor_list min_dim_call(const tg_value *v)
{
    return tgi_both(tg_min_dim(v[0].as.tensor, v[1].as.integer, .keepdim = v[2].as.boolean));
}

#define MAX_DIM_SAMPLES(name)                                                                                          \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(2, 3), 1)", name "(f(2, 3), 0, keepdim=True)", name "(f(), 0)", name "(f(), -1, keepdim=True)",       \
            name "(f(2, 3, 4), -2)", name "(f(2, 1, 3), 1)", name "(f(0, 3), 1)", name "(i(4, 5), 0)",                 \
            name "(b(2, 3), 1)", NULL                                                                                  \
    }
#define MAX_DIM_CORNERS(name)                                                                                          \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(3, 6, lo=-1, hi=1, step=1), 1)", name "(f(6, 3, lo=-1, hi=1, step=1), 0)",                            \
            name "(v(1, nan, 2, nan), 0)", name "(v(inf, -inf, inf, -inf), 0)", name "(v(-0.0, 0.0), 0)", NULL         \
    }
#define MAX_DIM_ERRORS(name, word)                                                                                     \
    (const tg_error_sample[])                                                                                          \
    {                                                                                                                  \
        { name "(f(2, 3), 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },             \
            { name "(f(2, 3), -9223372036854775808)", "Dimension out of range" },                                      \
            { name "(f(0, 3), 0)", word "(): Expected reduction dim 0 to have non-zero size." },                       \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_max_dim = {
    .name = "max_dim",
    .schema = "max_dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .formula = "values = the largest x along dim, indices = where it is",
    .gradient = "dx = g at indices, else 0",
    .doc = "The largest along a dimension and the first index that has it: PyTorch's max with a dim.",
    .backward = tgi_reduction_scatter_backward,
    .kinks = "where several are the largest: g goes to the first",
    .call = max_dim_call,
    .again = tgi_reduction_along_again,
    .samples = MAX_DIM_SAMPLES("max_dim"),
    .corners = MAX_DIM_CORNERS("max_dim"),
    .errors = MAX_DIM_ERRORS("max_dim", "max"),
};

const tg_op tgi_op_min_dim = {
    .name = "min_dim",
    .schema = "min_dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .formula = "values = the smallest x along dim, indices = where it is",
    .gradient = "dx = g at indices, else 0",
    .doc = "The smallest along a dimension and the first index that has it: PyTorch's min with a dim.",
    .backward = tgi_reduction_scatter_backward,
    .kinks = "where several are the smallest: g goes to the first",
    .call = min_dim_call,
    .again = tgi_reduction_along_again,
    .samples = MAX_DIM_SAMPLES("min_dim"),
    .corners = MAX_DIM_CORNERS("min_dim"),
    .errors = MAX_DIM_ERRORS("min_dim", "min"),
};

tg_values_indices tg_max_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options)
{
    return max_dim(where, &tgi_op_max_dim, TGI_MAX, t, dim, options.keepdim);
}

tg_values_indices tg_min_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options)
{
    return max_dim(where, &tgi_op_min_dim, TGI_MIN, t, dim, options.keepdim);
}

/* ---- argmax and argmin ---- */

static tg_tensor *argmax(const char *where, const tg_op *op, int which, tg_tensor *t, const tg_dim_options *o)
{
    const tg_shape none = tg_shape();
    tg_values_indices y;
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_reduction_read(op, t, o->dim, &none, o->keepdim, &r)) return NULL;
    if (!has_elements(op, t, &r, o->dim == TG_NO_DIM, "")) return NULL;
    if (t->dtype == TG_BOOL) return tg_op_fail(op, tg_list(t), "\"%s_cpu\" not implemented for 'Bool'", op->name);
    return tgi_returns(op, find(which, t, &r, &y) ? y.indices : NULL);
}

static tg_tensor_list argmax_call(const tg_value *v)
{
    return tgi_result(tg_argmax(v[0].as.tensor, .dim = tgi_dim_of(&v[1]), .keepdim = v[2].as.boolean));
}

static tg_tensor_list argmin_call(const tg_value *v)
{
    return tgi_result(tg_argmin(v[0].as.tensor, .dim = tgi_dim_of(&v[1]), .keepdim = v[2].as.boolean));
}

#define ARGMAX_SAMPLES(name)                                                                                           \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(2, 3))", name "(f())", name "(f(), dim=0)", name "(f(2, 3, 4), dim=1)",                               \
            name "(f(2, 3, 4), keepdim=True)", name "(f(2, 3), dim=-1, keepdim=True)", name "(f(0, 3), dim=1)",        \
            name "(i(4, 5), dim=0)", name "(f(3, 6, lo=-1, hi=1, step=1), dim=1)",                                     \
            name "(f(3, 6, lo=-1, hi=1, step=1))", name "(v(1, nan, 2, nan))", name "(v(inf, -inf, inf, -inf))",       \
            name "(v(-0.0, 0.0))", NULL                                                                                \
    }
#define ARGMAX_ERRORS(name)                                                                                            \
    (const tg_error_sample[])                                                                                          \
    {                                                                                                                  \
        { name "(f(2, 3), dim=2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },         \
            { name "(f(0, 3))", name "(): Expected reduction dim to be specified for input.numel() == 0." },           \
            { name "(f(0, 3), dim=0)", name "(): Expected reduction dim 0 to have non-zero size." },                   \
            { name "(b(2, 3), dim=0)", "\"" name "_cpu\" not implemented for 'Bool'" },                                \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_argmax = {
    .name = "argmax",
    .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .formula = "y = the index of the largest x along dim",
    .gradient = "none: an index",
    .doc = "Where the largest is, along a dimension or in the flattened tensor; of several, the first.",
    .call = argmax_call,
    .samples = ARGMAX_SAMPLES("argmax"),
    .errors = ARGMAX_ERRORS("argmax"),
};

const tg_op tgi_op_argmin = {
    .name = "argmin",
    .schema = "argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .formula = "y = the index of the smallest x along dim",
    .gradient = "none: an index",
    .doc = "Where the smallest is, along a dimension or in the flattened tensor; of several, the first.",
    .call = argmin_call,
    .samples = ARGMAX_SAMPLES("argmin"),
    .errors = ARGMAX_ERRORS("argmin"),
};

tg_tensor *tg_argmax_at(const char *where, tg_tensor *t, tg_dim_options options)
{
    return argmax(where, &tgi_op_argmax, TGI_MAX, t, &options);
}

tg_tensor *tg_argmin_at(const char *where, tg_tensor *t, tg_dim_options options)
{
    return argmax(where, &tgi_op_argmin, TGI_MIN, t, &options);
}

/* ---- both at once ---- */

static tg_tensor_list aminmax_call(const tg_value *v)
{
    const tg_aminmax_result y = tg_aminmax(v[0].as.tensor, .dim = tgi_dim_of(&v[1]), .keepdim = v[2].as.boolean);
    return tgi_pair(y.min, y.max);
}

const tg_op tgi_op_aminmax = {
    .name = "aminmax",
    .schema = "aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
    .formula = "min = the smallest x along dim, max = the largest",
    .gradient = "as of amin and amax",
    .doc = "The smallest and the largest, along a dimension or over all.",
    .composite = true,
    .kinks = "where several are the largest or the smallest: its g is spread evenly over them",
    .call = aminmax_call,
    .samples = (const char *const[]){ "aminmax(f(2, 3))", "aminmax(f(2, 3, 4), dim=1)",
                                      "aminmax(f(2, 3), dim=-1, keepdim=True)", "aminmax(f())", "aminmax(f(), dim=0)",
                                      "aminmax(f(0, 3), dim=1)", "aminmax(i(4, 5), dim=0)", "aminmax(b(2, 3))", NULL },
    .corners =
        (const char *const[]){ "aminmax(f(3, 6, lo=-1, hi=1, step=1), dim=1)", "aminmax(f(3, 6, lo=-1, hi=1, step=1))",
                               "aminmax(v(1, nan, 2, nan))", "aminmax(v(inf, -inf, inf), dim=0)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "aminmax(f(0, 3))", "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
                                  "identity." },
            { "aminmax(f(0, 3), dim=0)", "aminmax: Expected reduction dim 0 to have non-zero size." },
            { "aminmax(f(2, 3), dim=2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
            { NULL, NULL } },
};

tg_aminmax_result tg_aminmax_at(const char *where, tg_tensor *t, tg_dim_options options)
{
    const tg_op *op = &tgi_op_aminmax;
    const tg_aminmax_result failed = { NULL, NULL };
    const tg_shape none = tg_shape();
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t))) return failed;
    if (!tgi_reduction_read(op, t, options.dim, &none, options.keepdim, &r)) return failed;
    const tg_shape shape = tgi_shape(t);
    if (t->numel == 0 && options.dim == TG_NO_DIM) {
        tg_op_fail(op, tg_list(t),
                   "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
        return failed;
    }
    if (tgi_reduction_count(&r, &shape) == 0) {
        tg_op_fail(op, tg_list(t), "aminmax: Expected reduction dim %d to have non-zero size.",
                   tg_shape_dim(options.dim, t->ndim));
        return failed;
    }
    tg_aminmax_result y = { tg_amin(t, .dim = options.dim, .keepdim = options.keepdim), NULL };
    if (y.min) y.max = tg_amax(t, .dim = options.dim, .keepdim = options.keepdim);
    return y.max ? y : failed;
}

/* ---- any and all ---- the largest and the smallest of bools */

static tg_tensor *any(const char *where, const tg_op *op, int which, tg_tensor *t, const tg_dim_options *o)
{
    const tg_shape none = tg_shape();
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_reduction_read(op, t, o->dim, &none, o->keepdim, &r)) return NULL;
    const tg_shape shape = tgi_reduction_shape(&r, t);
    if (t->numel == 0) return tgi_new_full(&shape, TG_BOOL, which == TGI_MIN);
    tg_tensor *truth = t->dtype == TG_BOOL ? t : tg_to(tg_detach(t), TG_BOOL);
    return truth ? extreme_raw(which, truth, &r) : NULL;
}

static tg_tensor_list any_call(const tg_value *v)
{
    return tgi_result(tg_any(v[0].as.tensor, .dim = tgi_dim_of(&v[1]), .keepdim = v[2].as.boolean));
}

static tg_tensor_list all_call(const tg_value *v)
{
    return tgi_result(tg_all(v[0].as.tensor, .dim = tgi_dim_of(&v[1]), .keepdim = v[2].as.boolean));
}

#define ANY_SAMPLES(name)                                                                                              \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(b(3))", name "(b(2, 3), dim=1)", name "(b(3, 2, 2), dim=0, keepdim=True)",                              \
            name "(f(3, 4, lo=-1, hi=1, step=1), dim=-1)", name "(i(4, 5, lo=0, hi=2))", name "(f())",                 \
            name "(f(), dim=0)", name "(f(0, 3))", name "(f(0, 3), dim=0)", name "(f(0, 3), dim=1)",                   \
            name "(v(0, -0.0, nan))", name "(v(0, -0.0))", NULL                                                        \
    }
#define ANY_ERRORS(name)                                                                                               \
    (const tg_error_sample[])                                                                                          \
    {                                                                                                                  \
        { name "(b(2, 3), dim=2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },         \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_any = {
    .name = "any",
    .schema = "any(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .formula = "y = some x along dim is not 0",
    .gradient = "none: a bool",
    .doc = "Whether any element is not zero; false of nothing.",
    .call = any_call,
    .samples = ANY_SAMPLES("any"),
    .errors = ANY_ERRORS("any"),
};

const tg_op tgi_op_all = {
    .name = "all",
    .schema = "all(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .formula = "y = no x along dim is 0",
    .gradient = "none: a bool",
    .doc = "Whether no element is zero; true of nothing.",
    .call = all_call,
    .samples = ANY_SAMPLES("all"),
    .errors = ANY_ERRORS("all"),
};

tg_tensor *tg_any_at(const char *where, tg_tensor *t, tg_dim_options options)
{
    return any(where, &tgi_op_any, TGI_MAX, t, &options);
}

tg_tensor *tg_all_at(const char *where, tg_tensor *t, tg_dim_options options)
{
    return any(where, &tgi_op_all, TGI_MIN, t, &options);
}
