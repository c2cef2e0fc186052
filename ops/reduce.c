/* reduce.c: sums and means over any set of dimensions, and the undoing of broadcasting.
 *
 * Built for gradients of biases (many rows, few columns), for losses (one long sum) and for means of layers. The order
 * in which elements are added follows from the shape alone: a transposed tensor has the same sum as its copy, and one
 * thread finds what eight find. Nothing here may add from left to right: every level is pairwise. */
#include "reduce.h"

#include "call.h"
#include "layout.h"
#include "parallel.h"
#include "pointwise.h"
#include "promote.h"
#include "reduce_impl.h"
#include "view.h"

#include <string.h>

/* Powers of two: pieces of such a length are whole branches of the tree in which the kernels add, so that the sum does
 * not tell how it was cut. */
enum {
    CHUNK = 1 << 16,   /* elements added up by one call of a kernel */
    COLUMNS = 1 << 9,  /* kept columns that one such call takes at most */
    ROWS = 1 << 11,    /* rows that it takes at least, if there are so many */
    PARALLEL = 1 << 18 /* elements from which on several threads pay */
};

/* ---- the loops ---- */

/* A tensor as the loops see it; sizes of 1 are left out. */
typedef struct layout {
    const char *data;
    int dtype;
    int ndim;
    int64_t dims[TG_MAX_DIMS];
    int64_t strides[TG_MAX_DIMS]; /* in bytes */
    bool reduced[TG_MAX_DIMS];
} layout;

/* One sweep: [outer..., n, inner] becomes [outer..., inner] by way of [outer..., chunks, inner]. */
typedef struct pass {
    const layout *from;
    int outer_dims;
    int64_t outer, n, inner;
    int64_t row, column;   /* strides in bytes */
    int64_t chunk, chunks; /* of n */
    int64_t block, blocks; /* of inner */
    int64_t run, runs;     /* of outer indices */
    char *partial;         /* [outer, chunks, inner] */
    int to_dtype;
    int64_t to_size; /* bytes of an element of the result */
} pass;

static int64_t element_size(int dtype) { return (int64_t)tg_dtype_size((tg_dtype)dtype); }

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static layout layout_of(const tg_tensor *t, const bool reduced[TG_MAX_DIMS])
{
    layout l = { .data = tgi_ptr(t), .dtype = t->dtype };
    for (int d = 0; d < t->ndim; d++) {
        if (t->dims[d] == 1) continue;
        l.dims[l.ndim] = t->dims[d];
        l.strides[l.ndim] = t->strides[d] * element_size(l.dtype);
        l.reduced[l.ndim++] = reduced[d];
    }
    return l;
}

/* Merges neighbours that are both reduced or both kept, where the strides allow it. */
static void merge(layout *l)
{
    int n = 0;
    for (int d = 0; d < l->ndim; d++) {
        bool joins = n > 0 && l->reduced[n - 1] == l->reduced[d] && l->strides[n - 1] == l->strides[d] * l->dims[d];
        if (joins) {
            l->dims[n - 1] *= l->dims[d];
            l->strides[n - 1] = l->strides[d];
        } else {
            l->dims[n] = l->dims[d];
            l->strides[n] = l->strides[d];
            l->reduced[n++] = l->reduced[d];
        }
    }
    l->ndim = n;
}

static int last_reduced(const layout *l)
{
    int d = l->ndim - 1;
    while (d >= 0 && !l->reduced[d]) d--;
    return d;
}

/* True when the next pass can run: the last group of reduced dimensions and the kept ones after it are one dimension
 * each. */
static bool ready(const layout *l)
{
    int d = last_reduced(l);
    return d >= l->ndim - 2 && !(d > 0 && l->reduced[d - 1]);
}

/* Where outer index `o` begins; `index` is its place in each outer dimension. */
static const char *start_of(const pass *p, int64_t o, int64_t index[TG_MAX_DIMS])
{
    const char *a = p->from->data;
    for (int d = p->outer_dims - 1; d >= 0; d--) {
        index[d] = o % p->from->dims[d];
        o /= p->from->dims[d];
        a += index[d] * p->from->strides[d];
    }
    return a;
}

/* The next outer index, counted like an odometer. */
static const char *step(const pass *p, const char *a, int64_t index[TG_MAX_DIMS])
{
    for (int d = p->outer_dims - 1; d >= 0; d--) {
        a += p->from->strides[d];
        if (++index[d] < p->from->dims[d]) break;
        a -= p->from->strides[d] * p->from->dims[d];
        index[d] = 0;
    }
    return a;
}

/* One chunk and block of a run of outer indices. */
static void pass_task(const void *work, int64_t task)
{
    const pass *p = work;
    const tgi_kernels *k = tgi_kernels_get();
    int64_t block = task % p->blocks, chunk = task / p->blocks % p->chunks,
            outer = task / p->blocks / p->chunks * p->run;
    int64_t rows = smaller(p->chunk, p->n - chunk * p->chunk), columns = smaller(p->block, p->inner - block * p->block);
    int64_t end = smaller(outer + p->run, p->outer), index[TG_MAX_DIMS];
    int64_t skip = chunk * p->chunk * p->row + block * p->block * p->column;
    char *y = p->partial + ((outer * p->chunks + chunk) * p->inner + block * p->block) * p->to_size;
    for (const char *a = start_of(p, outer, index); outer < end;) {
        int64_t together = 1;
        if (p->inner == 1 && p->chunks == 1 && p->outer_dims > 0) { /* all of the last outer dimension at once */
            const int last = p->outer_dims - 1;
            together = smaller(p->from->dims[last] - index[last], end - outer);
            k->sum[p->from->dtype](together, rows, a + skip, p->from->strides[last], p->row, y);
            index[last] += together - 1;
            a += (together - 1) * p->from->strides[last];
        } else if (p->inner == 1) {
            k->sum[p->from->dtype](1, rows, a + skip, 0, p->row, y);
        } else {
            k->sum_rows[p->from->dtype](rows, columns, a + skip, p->row, p->column, y);
        }
        y += together * p->chunks * p->inner * p->to_size;
        outer += together;
        a = step(p, a, index);
    }
}

/* Adds the chunks of one outer index pairwise into the first one. */
static void fold_chunks(const pass *p, int64_t outer)
{
    tgi_loop add = tgi_kernels_get()->binary[TGI_BINARY_add][p->to_dtype];
    int64_t row = p->inner * p->to_size, strides[] = { p->to_size, p->to_size, p->to_size };
    char *first = p->partial + outer * p->chunks * row;
    for (int64_t step = 1; step < p->chunks; step *= 2)
        for (int64_t i = 0; i + step < p->chunks; i += 2 * step) {
            char *a = first + i * row;
            add(1, p->inner, (char *[]){ a, a, a + step * row }, NULL, strides);
        }
}

/* Writes [outer..., inner] to `to`. False when memory ran out. */
static bool pass_run(pass *p, tg_tensor *to)
{
    tg_tensor *partial = to;
    if (p->chunks > 1) {
        tg_shape shape = tg_shape(p->outer * p->chunks * p->inner);
        partial = tgi_own(tgi_new(&shape, (tg_dtype)p->to_dtype));
        if (!partial) return false;
    }
    p->partial = tgi_ptr(partial);
    int64_t tasks = p->runs * p->chunks * p->blocks;
    tgi_run_tasks(p->outer * p->n * p->inner >= PARALLEL, tasks, pass_task, p);
    if (partial == to) return true;
    int64_t row = p->inner * p->to_size;
    for (int64_t o = 0; o < p->outer; o++) {
        fold_chunks(p, o);
        memcpy((char *)tgi_ptr(to) + o * row, p->partial + o * p->chunks * row, (size_t)row);
    }
    tgi_unref(partial);
    return true;
}

static pass pass_plan(const layout *l)
{
    int r = last_reduced(l);
    pass p = { .from = l, .outer_dims = r, .outer = 1, .n = l->dims[r], .row = l->strides[r], .inner = 1 };
    for (int d = 0; d < r; d++) p.outer *= l->dims[d];
    if (r + 1 < l->ndim) {
        p.inner = l->dims[r + 1];
        p.column = l->strides[r + 1];
    }
    p.block = smaller(p.inner, COLUMNS);
    p.blocks = (p.inner + p.block - 1) / p.block;
    p.chunk = CHUNK;
    while (p.chunk > ROWS && p.chunk * p.block > CHUNK) p.chunk /= 2;
    p.chunks = (p.n + p.chunk - 1) / p.chunk;
    p.run = p.chunks == 1 && p.n * p.inner < CHUNK ? CHUNK / (p.n * p.inner) : 1;
    p.runs = (p.outer + p.run - 1) / p.run;
    p.to_dtype = l->dtype == TGI_BOOL ? TGI_I64 : l->dtype;
    p.to_size = element_size(p.to_dtype);
    return p;
}

/* What a pass leaves behind in `to`, contiguous. */
static layout layout_after(const pass *p, const tg_tensor *to)
{
    layout l = { .data = tgi_ptr(to), .dtype = p->to_dtype };
    for (int d = 0; d < p->outer_dims; d++) {
        l.dims[l.ndim] = p->from->dims[d];
        l.reduced[l.ndim++] = p->from->reduced[d];
    }
    if (p->inner > 1) l.dims[l.ndim++] = p->inner;
    for (int64_t d = l.ndim - 1, stride = p->to_size; d >= 0; stride *= l.dims[d--]) l.strides[d] = stride;
    merge(&l);
    return l;
}

/* Adds up one group of dimensions after the other, the innermost first; the last sweep writes `y`. */
static bool sum_groups(layout l, tg_tensor *y)
{
    tg_tensor *from = NULL;
    for (bool ok = true; ok;) {
        pass p = pass_plan(&l);
        tg_shape shape = tg_shape(p.outer * p.inner);
        bool last = shape.dims[0] == y->numel;
        tg_tensor *to = last ? tgi_ref(y) : tgi_own(tgi_new(&shape, (tg_dtype)p.to_dtype));
        ok = to && pass_run(&p, to);
        if (ok && !last) l = layout_after(&p, to);
        tgi_unref(from);
        from = to;
        if (last) {
            tgi_unref(from);
            return ok;
        }
    }
    tgi_unref(from);
    return false;
}

/* y = the sum of `t`, whose dimensions in `reduced` are gone from y or of size 1 there. */
static bool sum_into(tg_tensor *t, const bool reduced[TG_MAX_DIMS], tg_tensor *y)
{
    if (t->numel == 0) {
        tgi_fill(y, 0);
        return true;
    }
    layout l = layout_of(t, reduced);
    merge(&l);
    if (last_reduced(&l) < 0) { /* only sizes of 1 were to go: a copy */
        tg_shape shape = tgi_shape(t);
        int64_t strides[TG_MAX_DIMS];
        tg_shape_strides(&shape, strides);
        tg_tensor *same = tgi_own(tgi_new_view(y, t->ndim, t->dims, strides, y->offset));
        if (!same) return false;
        tgi_copy_raw(same, t);
        tgi_unref(same);
        return true;
    }
    if (ready(&l)) return sum_groups(l, y);
    tg_tensor *c = tgi_own_contiguous(t);
    if (!c) return false;
    l = layout_of(c, reduced);
    merge(&l);
    bool ok = sum_groups(l, y);
    tgi_unref(c);
    return ok;
}

static void divide(tg_tensor *y, double n)
{
    if (y->dtype == TG_FLOAT32) {
        float *p = tgi_ptr(y);
        for (int64_t i = 0; i < y->numel; i++) p[i] /= (float)n;
    } else {
        double *p = tgi_ptr(y);
        for (int64_t i = 0; i < y->numel; i++) p[i] /= n;
    }
}

static int64_t reduced_count(const tg_tensor *t, const bool reduced[TG_MAX_DIMS])
{
    int64_t n = 1;
    for (int d = 0; d < t->ndim; d++)
        if (reduced[d]) n *= t->dims[d];
    return n;
}

/* The sum (or mean) of `t` over the dimensions marked in `reduced`, in t's dtype (int64 for bool). Records nothing. */
static tg_tensor *sum_raw(tg_tensor *t, const bool reduced[TG_MAX_DIMS], bool keepdim, bool mean)
{
    tg_shape shape = { 0, { 0 } };
    for (int d = 0; d < t->ndim; d++) {
        if (!reduced[d])
            shape.dims[shape.ndim++] = t->dims[d];
        else if (keepdim)
            shape.dims[shape.ndim++] = 1;
    }
    tg_tensor *y = tgi_new(&shape, t->dtype == TG_BOOL ? TG_INT64 : (tg_dtype)t->dtype);
    if (!y || !sum_into(t, reduced, y)) return NULL;
    if (mean) divide(y, (double)reduced_count(t, reduced));
    return y;
}

tg_tensor *tgi_sum_all_raw(tg_tensor *t, bool mean)
{
    static const bool all[TG_MAX_DIMS] = { true, true, true, true, true, true, true, true };
    return sum_raw(t, all, false, mean);
}

/* ---- sum and mean ---- */

typedef struct reduction {
    bool reduced[TG_MAX_DIMS];
    bool keepdim;
} reduction;

/* Reads the options into `r`. False: an error was recorded. */
static bool reduction_parse(const tg_op *op, tg_tensor *t, const tg_reduce_options *o, reduction *r)
{
    tg_shape dims = o->dims;
    if (!tgi_op_list_fits(op, tg_list(t), &dims)) return false;
    if (dims.ndim && o->dim != TG_NO_DIM) {
        tg_op_fail(op, tg_list(t), "give dim or dims, not both");
        return false;
    }
    if (o->dim != TG_NO_DIM) dims = tg_shape(o->dim);
    *r = (reduction){ .keepdim = o->keepdim };
    bool all = dims.ndim == 0;
    for (int d = 0; d < t->ndim; d++) r->reduced[d] = all;
    for (int i = 0; i < dims.ndim; i++) {
        int d = tgi_op_dim(op, tg_list(t), dims.dims[i], t->ndim);
        if (d < 0) return false;
        if (r->reduced[d]) {
            tg_op_fail(op, tg_list(t), "dim %d appears multiple times in the list of dims", d);
            return false;
        }
        r->reduced[d] = true;
    }
    return true;
}

/* The gradient of the result with its reduced dimensions put back, stretched over them: a view. */
static tg_tensor *spread(tg_context *ctx, tg_tensor *g)
{
    const reduction *r = tg_attributes(ctx);
    tg_shape shape = tg_input_shape(ctx, 0), kept = shape;
    for (int d = 0; d < shape.ndim; d++)
        if (r->reduced[d]) kept.dims[d] = 1;
    return tg_expand(r->keepdim ? g : tg_reshape(g, kept), shape);
}

static void sum_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, spread(ctx, tg_grad_output(ctx, 0))); }

static void mean_backward(tg_context *ctx)
{
    const reduction *r = tg_attributes(ctx);
    tg_shape shape = tg_input_shape(ctx, 0);
    double n = 1;
    for (int d = 0; d < shape.ndim; d++)
        if (r->reduced[d]) n *= (double)shape.dims[d];
    tg_set_grad_input(ctx, 0, spread(ctx, tg_div(tg_grad_output(ctx, 0), n)));
}

static tg_reduce_options options_of(const tg_value *args)
{
    tg_reduce_options o = TG_REDUCE_OPTIONS();
    if (args[1].kind == TG_VALUE_INTS) o.dims = args[1].as.ints;
    o.keepdim = args[2].as.boolean;
    if (args[3].kind == TG_VALUE_DTYPE) o.dtype = args[3].as.dtype;
    return o;
}

static tg_tensor_list sum_call(const tg_value *args)
{
    return tgi_result(tg_sum_at(TG_HERE, args[0].as.tensor, options_of(args)));
}

static const char *const sum_samples[] = { "sum(f())",
                                           "sum(f(5))",
                                           "sum(f(2, 3))",
                                           "sum(f(2, 3), dim=[1], keepdim=True)",
                                           "sum(f(2, 3, 4), dim=[0, 2])",
                                           "sum(f(2, 3, 4), dim=[1])",
                                           "sum(f(2, 3, 2, 2), dim=[-1, -3])",
                                           "sum(f(), dim=[0])",
                                           "sum(f(0, 3), dim=[0])",
                                           "sum(f(0, 3), dim=[1])",
                                           "sum(f(2, 1, 3), dim=[1])",
                                           "sum(i(2, 3))",
                                           "sum(b(2, 3), dim=[0])",
                                           NULL };
static const tg_error_sample sum_errors[] = {
    { "sum(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { "sum(f(), dim=[1])", "Dimension out of range (expected to be in range of [-1, 0], but got 1)" },
    { "sum(f(2, 3), dim=[0, -2])", "dim 0 appears multiple times in the list of dims" },
    { NULL, NULL }
};

static const tg_op op_sum = {
    .name = "sum",
    .schema = "sum(Tensor self, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the sum of x over dim",
    .gradient = "dx = g, stretched over dim",
    .doc = "The sum over the given dimensions, or over all; of integers and bools in int64. The sum of nothing is 0.",
    .backward = sum_backward,
    .call = sum_call,
    .samples = sum_samples,
    .errors = sum_errors,
};

static tg_tensor_list mean_call(const tg_value *args)
{
    return tgi_result(tg_mean_at(TG_HERE, args[0].as.tensor, options_of(args)));
}

static const char *const mean_samples[] = { "mean(f())",
                                            "mean(f(5))",
                                            "mean(f(2, 3))",
                                            "mean(f(2, 3), dim=[1], keepdim=True)",
                                            "mean(f(2, 3, 4), dim=[0, 2])",
                                            "mean(f(2, 3, 4), dim=[1])",
                                            "mean(f(2, 3, 2, 2), dim=[-1, -3])",
                                            "mean(f(0, 3))",
                                            "mean(f(0, 3), dim=[1])",
                                            NULL };
static const tg_error_sample mean_errors[] = {
    { "mean(i(2, 3))",
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long" },
    { "mean(b(2, 3))",
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Bool" },
    { "mean(f(2, 3), dim=[2])", "Dimension out of range (expected to be in range of [-2, 1], but got 2)" },
    { NULL, NULL }
};

static const tg_op op_mean = {
    .name = "mean",
    .schema = "mean(Tensor self, int[]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .formula = "y = the sum of x over dim, divided by the number n of its terms",
    .gradient = "dx = g / n, stretched over dim",
    .doc = "The mean over the given dimensions, or over all. The mean of nothing is NaN.",
    .backward = mean_backward,
    .call = mean_call,
    .samples = mean_samples,
    .errors = mean_errors,
};

static tg_tensor *reduce(const tg_op *op, tg_tensor *t, const tg_reduce_options *options)
{
    reduction r;
    if (!reduction_parse(op, t, options, &r)) return NULL;
    bool convert = options->dtype != TG_DEFAULT_DTYPE && options->dtype != (tg_dtype)t->dtype;
    tg_tensor *x = convert ? tg_to(t, options->dtype) : t;
    tg_tensor *y = x ? sum_raw(x, r.reduced, r.keepdim, op == &op_mean) : NULL;
    if (!y) return NULL;
    return tg_record(op, tg_list(x), tg_list(y), TG_NONE, &r, sizeof r) == TG_OK ? y : NULL;
}

tg_tensor *tg_sum_at(const char *where, tg_tensor *t, tg_reduce_options options)
{
    if (!tg_op_begin(where, &op_sum, tg_list(t))) return NULL;
    tg_tensor *y = reduce(&op_sum, t, &options);
    return options.dtype == TG_BOOL && y ? tg_to(y, TG_BOOL) : y; /* PyTorch's: whether any is true */
}

tg_tensor *tg_mean_at(const char *where, tg_tensor *t, tg_reduce_options options)
{
    if (!tg_op_begin(where, &op_mean, tg_list(t))) return NULL;
    bool given = options.dtype != TG_DEFAULT_DTYPE;
    tg_dtype dtype = given ? options.dtype : (tg_dtype)t->dtype;
    if (!tg_dtype_is_floating(dtype))
        return tg_op_fail(
            &op_mean, tg_list(t),
            "mean(): could not infer output dtype. %s dtype must be either a floating point or complex dtype. Got: %s",
            given ? "Optional" : "Input", tgi_scalar_type_name(dtype));
    return reduce(&op_mean, t, &options);
}

/* ---- sum_to_size ---- */

static void sum_to_size_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_expand(tg_grad_output(ctx, 0), tg_input_shape(ctx, 0)));
}

static tg_tensor_list sum_to_size_call(const tg_value *args)
{
    return tgi_result(tg_sum_to_size_at(TG_HERE, args[0].as.tensor, args[1].as.ints));
}

static const char *const sum_to_size_samples[] = { "sum_to_size(f(2, 3), [3])",          "sum_to_size(f(2, 3), [2, 1])",
                                                   "sum_to_size(f(2, 3, 4), [1, 3, 1])", "sum_to_size(f(2, 3), [2, 3])",
                                                   "sum_to_size(f(2, 3), [1, 1])",       "sum_to_size(f(0, 3), [1, 3])",
                                                   "sum_to_size(i(2, 3), [3])",          NULL };
static const tg_error_sample sum_to_size_errors[] = {
    { "sum_to_size(f(2, 3), [2])", "size {[2]} is not expandable to size {[2, 3]}." },
    { "sum_to_size(f(3), [1, 3])", "size {[1, 3]} is not expandable to size {[3]}." },
    { NULL, NULL }
};

static const tg_op op_sum_to_size = {
    .name = "sum_to_size",
    .schema = "sum_to_size(Tensor self, int[] size) -> Tensor",
    .formula = "y = the sum of x over the dimensions in which size was stretched to x's shape",
    .gradient = "dx = g, stretched to x's shape",
    .doc = "The inverse of broadcasting; the tensor itself when it has the size already.",
    .backward = sum_to_size_backward,
    .call = sum_to_size_call,
    .samples = sum_to_size_samples,
    .errors = sum_to_size_errors,
};

tg_tensor *tg_sum_to_size_at(const char *where, tg_tensor *t, tg_shape shape)
{
    if (!tg_op_begin(where, &op_sum_to_size, tg_list(t))) return NULL;
    tg_shape from = tgi_shape(t);
    if (tg_shape_equal(&from, &shape)) return t;
    bool reduced[TG_MAX_DIMS] = { false }, fits = shape.ndim >= 0 && shape.ndim <= from.ndim;
    for (int d = 0; fits && d < from.ndim; d++) {
        int s = d - (from.ndim - shape.ndim);
        reduced[d] = s < 0 || (shape.dims[s] == 1 && from.dims[d] != 1);
        fits = reduced[d] || shape.dims[s] == from.dims[d];
    }
    if (!fits) {
        char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
        return tg_op_fail(&op_sum_to_size, tg_list(t), "size {%s} is not expandable to size {%s}.",
                          tg_shape_text(&shape, a), tg_shape_text(&from, b));
    }
    tg_tensor *y = tgi_new(&shape, t->dtype == TG_BOOL ? TG_INT64 : (tg_dtype)t->dtype);
    if (!y || !sum_into(t, reduced, y)) return NULL;
    return tg_record(&op_sum_to_size, tg_list(t), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}

tg_tensor *tgi_sum_to(tg_tensor *g, const tg_shape *shape) { return tg_sum_to_size_at(TG_HERE, g, *shape); }

const tg_op *const tgi_ops_reduce[] = { &op_sum, &op_mean, &op_sum_to_size, NULL };
