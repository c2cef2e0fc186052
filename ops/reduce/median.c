/* median.c: the middle element, of all or along a dimension. */
#include "ops/base/call.h"
#include "ops/base/layout.h"
#include "ops/moments.h"
#include "moments_impl.h"
#include "ops/base/parallel.h"

#include <math.h>

enum { PARALLEL = 1 << 14 }; /* elements from which on several threads pay */

/* ---- values ---- */

typedef struct work {
    int64_t n, size;
    int dtype;
    bool skip_nan;
    const char *rows;
    char *scratch, *y;
    int64_t *index;
} work;

static void run_row(const void *argument, int64_t i)
{
    const work *w = argument;
    const int64_t at = i * w->n * w->size;
    TGI_KERNELS(extremes)->median[w->dtype](w->n, w->rows + at, w->scratch + at, w->skip_nan, w->y + i * w->size,
                                            w->index + i);
}

/* Values and indices over dimensions that have elements. False when memory ran out. */
static bool median_raw(tg_tensor *t, const tgi_reduction *r, bool skip_nan, tg_values_indices *y)
{
    const tg_shape shape = tgi_reduction_shape(r, t);
    y->values = tgi_new(&shape, (tg_dtype)t->dtype);
    y->indices = y->values ? tgi_new(&shape, TG_INT64) : NULL;
    tg_tensor *rows = y->indices ? tgi_own_moved(t, r->reduced) : NULL;
    tg_tensor *scratch = rows ? tgi_own(tgi_new_like(rows, (tg_dtype)t->dtype)) : NULL;
    const bool ok = scratch;
    if (ok && t->numel) {
        const work w = { t->numel / y->values->numel,
                         (int64_t)tgi_element_size(t),
                         t->dtype,
                         skip_nan,
                         tgi_ptr(rows),
                         tgi_ptr(scratch),
                         tgi_ptr(y->values),
                         tgi_ptr(y->indices) };
        tgi_run_tasks(t->numel >= PARALLEL, y->values->numel, run_row, &w);
    }
    tgi_unref(scratch);
    tgi_unref(rows);
    return ok;
}

/* ---- of all elements ---- */

static const tgi_reduction over_all = { { true, true, true, true, true, true, true, true }, false };

static bool not_bool(const tg_op *op, tg_tensor *t, const char *who)
{
    if (t->dtype != TG_BOOL) return true;
    return tg_op_fail(op, tg_list(t), "\"%s\" not implemented for 'Bool'", who);
}

static tg_tensor *median_all(const char *where, const tg_op *op, tg_tensor *t)
{
    tg_values_indices y;
    if (!tg_op_begin(where, op, tg_list(t)) || !not_bool(op, t, "median_cpu")) return NULL;
    if (!median_raw(t, &over_all, op == &tgi_op_nanmedian, &y)) return NULL;
    if (t->numel == 0) tgi_fill(y.values, NAN);
    const tg_status status = tg_record(op, tg_list(t), tg_list(y.values), tg_list(t, y.values), NULL, 0);
    return status == TG_OK ? y.values : NULL;
}

static tg_tensor_list median_call(const tg_value *v) { return tgi_result(tg_median(v[0].as.tensor)); }
static tg_tensor_list nanmedian_call(const tg_value *v) { return tgi_result(tg_nanmedian(v[0].as.tensor)); }

#define SAMPLES(name)                                                                                                  \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f())", name "(f(5))", name "(f(2, 3))", name "(f(2, 3, 2))", name "(i(3, 3))", name "(f(0, 3))", NULL   \
    }
#define CORNERS(name)                                                                                                  \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(3, 5, lo=-1, hi=1, step=1))", name "(v(1, nan, 3, nan, 2, 0))", name "(v(nan, nan))",                 \
            name "(v(inf, -inf, 1, inf))", NULL                                                                        \
    }
#define ERRORS(name)                                                                                                   \
    {                                                                                                                  \
        { name "(b(2, 3))", "\"median_cpu\" not implemented for 'Bool'" }, { NULL, NULL }                              \
    }

const tg_op tgi_op_median = {
    .name = "median",
    .schema = "median(Tensor self) -> Tensor",
    .formula = "y = the middle x in order, of an even number the lower one",
    .gradient = "dx = g / n where x = y, n being how many there are, else 0",
    .doc = "The median of all elements; NaN if one is.",
    .backward = tgi_evenly_backward,
    .kinks = "where several are the median: g is spread evenly over them",
    .call = median_call,
    .samples = SAMPLES("median"),
    .corners = CORNERS("median"),
    .errors = (const tg_error_sample[])ERRORS("median"),
};

const tg_op tgi_op_nanmedian = {
    .name = "nanmedian",
    .schema = "nanmedian(Tensor self) -> Tensor",
    .formula = "y = the middle x in order of those that are not NaN",
    .gradient = "dx = g / n where x = y, n being how many there are, else 0",
    .doc = "The median of all elements that are not NaN.",
    .backward = tgi_evenly_backward,
    .kinks = "where several are the median: g is spread evenly over them",
    .call = nanmedian_call,
    .samples = SAMPLES("nanmedian"),
    .corners = CORNERS("nanmedian"),
    .errors = (const tg_error_sample[])ERRORS("nanmedian"),
};

tg_tensor *tg_median_at(const char *where, tg_tensor *t) { return median_all(where, &tgi_op_median, t); }
tg_tensor *tg_nanmedian_at(const char *where, tg_tensor *t) { return median_all(where, &tgi_op_nanmedian, t); }

/* ---- along a dimension ---- */

static tg_values_indices median_dim(const char *where, const tg_op *op, tg_tensor *t, int64_t dim, bool keepdim)
{
    const tg_values_indices failed = { NULL, NULL };
    const tg_shape none = tg_shape();
    tg_values_indices y;
    tgi_reduction r;
    if (!tg_op_begin(where, op, tg_list(t)) || !tgi_reduction_read(op, t, dim, &none, keepdim, &r)) return failed;
    if (!not_bool(op, t, "median_out")) return failed;
    const int d = tgi_op_dim(op, tg_list(t), dim, t->ndim); /* TG_NO_DIM is none here */
    if (d < 0) return failed;
    if (t->ndim && t->dims[d] == 0) {
        tg_op_fail(op, tg_list(t), "median(): Expected reduction dim %d to have non-zero size.", d);
        return failed;
    }
    if (!median_raw(t, &r, op == &tgi_op_nanmedian_dim, &y)) return failed;
    const tg_status status = tg_record(op, tg_list(t), tg_list(y.values, y.indices), tg_list(y.indices), &r, sizeof r);
    return status == TG_OK ? y : failed;
}

static tg_tensor_list median_dim_call(const tg_value *v)
{
    return tgi_both(tg_median_dim(v[0].as.tensor, v[1].as.integer, .keepdim = v[2].as.boolean));
}

static tg_tensor_list nanmedian_dim_call(const tg_value *v)
{
    return tgi_both(tg_nanmedian_dim(v[0].as.tensor, v[1].as.integer, .keepdim = v[2].as.boolean));
}

#define DIM_SAMPLES(name)                                                                                              \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        name "(f(2, 3), 1)", name "(f(5, 2), 0, keepdim=True)", name "(f(), 0)", name "(f(2, 4, 3), -2)",              \
            name "(f(0, 3), 1)", name "(f(2, 1), 1)", NULL                                                             \
    }
#define DIM_ERRORS(name)                                                                                               \
    {                                                                                                                  \
        { name "(f(2, 3), 2)", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },             \
            { name "(f(0, 3), 0)", "median(): Expected reduction dim 0 to have non-zero size." },                      \
            { name "(b(2, 3), 0)", "\"median_out\" not implemented for 'Bool'" },                                      \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

const tg_op tgi_op_median_dim = {
    .name = "median_dim",
    .schema = "median_dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .formula = "values = the middle x along dim, of an even number the lower one, indices = where it is",
    .gradient = "dx = g at indices, else 0",
    .doc = "The median along a dimension and the first index that has it: PyTorch's median with a dim.",
    .backward = tgi_reduction_scatter_backward,
    .kinks = "where several are the median: g goes to the first",
    .call = median_dim_call,
    .again = tgi_reduction_along_again,
    .samples = DIM_SAMPLES("median_dim"),
    .corners =
        (const char *const[]){ "median_dim(v(1, nan, 3, nan, 2, 0), 0)", "median_dim(v(inf, -inf, 1), 0)", NULL },
    .errors = (const tg_error_sample[])DIM_ERRORS("median_dim"),
};

const tg_op tgi_op_nanmedian_dim = {
    .name = "nanmedian_dim",
    .schema = "nanmedian_dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .formula = "values = the middle x along dim of those that are not NaN, indices = where it is",
    .gradient = "dx = g at indices, else 0",
    .doc = "The median along a dimension of what is not NaN and its first index: PyTorch's nanmedian with a dim.",
    .backward = tgi_reduction_scatter_backward,
    .kinks = "where several are the median: g goes to the first",
    .call = nanmedian_dim_call,
    .again = tgi_reduction_along_again,
    .samples = DIM_SAMPLES("nanmedian_dim"),
    .corners =
        (const char *const[]){ "nanmedian_dim(v(1, nan, 3, nan, 2, 0), 0)", "nanmedian_dim(v(inf, -inf, 1), 0)", NULL },
    .errors = (const tg_error_sample[])DIM_ERRORS("nanmedian_dim"),
};

tg_values_indices tg_median_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options)
{
    return median_dim(where, &tgi_op_median_dim, t, dim, options.keepdim);
}

tg_values_indices tg_nanmedian_dim_at(const char *where, tg_tensor *t, int64_t dim, tg_keepdim_options options)
{
    return median_dim(where, &tgi_op_nanmedian_dim, t, dim, options.keepdim);
}
