/* matmul.c: products of vectors, matrices and batches of matrices.
 *
 * Built for the two shapes a model lives on: activations times a weight (any number of leading dimensions, one product)
 * and batches of small products. Operands go to the kernel with their strides: a transposed view is never copied. A
 * gradient is again a product of such views. Nothing here may loop over elements: that is the kernel's work. */
#include "matmul.h"

#include "call.h"
#include "matmul_impl.h"
#include "packed.h"
#include "parallel.h"
#include "promote.h"
#include "reduce_impl.h"
#include "view.h"

enum {
    PARALLEL = 1 << 20, /* multiplications from which on several threads pay */
    ALONE = 1 << 22,    /* a product of this size keeps all threads busy by itself */
    FEW_ROWS = 32,      /* a product of fewer rows is better joined with others, */
    FEW_COLUMNS = 8     /* if its columns pay for a copy */
};

/* ---- the plan of a product ---- */

/* c[batch] = a[batch] b[batch], each m x k by k x n; c is contiguous. Strides and steps in elements. */
typedef struct product {
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col;
    int batch_dims;
    int64_t batch[TG_MAX_DIMS], a_step[TG_MAX_DIMS], b_step[TG_MAX_DIMS];
} product;

static int64_t leading_dims(const tg_tensor *t) { return t->ndim > 2 ? t->ndim - 2 : 0; }

/* The step of `t` along dimension d of a batch of `batch_dims` dimensions; 0 where it is broadcast. */
static int64_t step_along(const tg_tensor *t, int d, int batch_dims)
{
    int64_t own = d - (batch_dims - leading_dims(t));
    return own < 0 || t->dims[own] == 1 ? 0 : t->strides[own];
}

/* A 1-D `a` is a row, a 1-D `b` a column. */
static product plan(const tg_tensor *a, const tg_tensor *b, const tg_shape *batch)
{
    product p = { .k = a->dims[a->ndim - 1], .a_col = a->strides[a->ndim - 1], .batch_dims = batch->ndim };
    bool row = a->ndim == 1, column = b->ndim == 1;
    p.m = row ? 1 : a->dims[a->ndim - 2];
    p.a_row = row ? 0 : a->strides[a->ndim - 2];
    p.n = column ? 1 : b->dims[b->ndim - 1];
    p.b_col = column ? 1 : b->strides[b->ndim - 1];
    p.b_row = column ? b->strides[0] : b->strides[b->ndim - 2];
    for (int d = 0; d < batch->ndim; d++) {
        p.batch[d] = batch->dims[d];
        p.a_step[d] = step_along(a, d, batch->ndim);
        p.b_step[d] = step_along(b, d, batch->ndim);
    }
    return p;
}

/* Makes one tall product of the innermost batches that share b and follow each other in a, as often as that goes. */
static void fold(product *p)
{
    for (; p->batch_dims > 0; p->batch_dims--) {
        int last = p->batch_dims - 1;
        if (p->batch[last] == 1) continue;
        if (p->b_step[last] != 0 || (p->m != 1 && p->a_step[last] != p->m * p->a_row)) return;
        if (p->m == 1) p->a_row = p->a_step[last];
        p->m *= p->batch[last];
    }
}

static bool shares_b(const product *p)
{
    for (int d = 0; d < p->batch_dims; d++)
        if (p->b_step[d] != 0) return false;
    return true;
}

/* ---- running it ---- */

typedef struct operands {
    int dtype;
    const char *a, *b;
    char *c;
    const void *bias, *packed_b;
} operands;

typedef struct job {
    const product *p;
    const operands *o;
} job;

static void multiply_one(const void *all, int64_t index)
{
    const product *p = ((const job *)all)->p;
    const operands *o = ((const job *)all)->o;
    int64_t size = o->dtype == TGI_F32 ? 4 : 8, a = 0, b = 0, rest = index;
    for (int d = p->batch_dims - 1; d >= 0; d--) {
        a += rest % p->batch[d] * p->a_step[d];
        b += rest % p->batch[d] * p->b_step[d];
        rest /= p->batch[d];
    }
    /* k = 0: the operands have no elements, so no address to count from. */
    tgi_gemm args = {
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .a = p->k ? o->a + a * size : NULL,
        .a_row = p->a_row,
        .a_col = p->a_col,
        .b = p->k ? o->b + b * size : NULL,
        .b_row = p->b_row,
        .b_col = p->b_col,
        .c = o->c + index * p->m * p->n * size,
        .c_row = p->n,
        .bias = o->bias,
        .packed_b = o->packed_b,
    };
    tgi_kernels_get()->gemm[o->dtype](&args);
}

static void multiply_all(const product *p, const operands *o)
{
    int64_t count = 1, each = p->m * p->n * p->k;
    for (int d = 0; d < p->batch_dims; d++) count *= p->batch[d];
    tgi_run_tasks(each < ALONE && count * each >= PARALLEL, count, multiply_one, &(job){ p, o });
}

/* c = a b (+ bias along c's last dimension). `b` has two dimensions less than it has batches of its own. */
static bool multiply(tg_tensor *a, tg_tensor *b, const tg_shape *batch, tg_tensor *bias, tg_tensor *c)
{
    if (c->numel == 0) return true;
    product p = plan(a, b, batch);
    fold(&p);
    tg_tensor *copy = NULL;
    if (p.batch_dims > 0 && p.m < FEW_ROWS && p.n >= FEW_COLUMNS && shares_b(&p)) {
        /* Many flat products by one b: a copy of a makes them one tall product. */
        copy = tgi_own_contiguous(a);
        if (!copy) return false;
        p = plan(copy, b, batch);
        fold(&p);
    }
    tgi_packed *packed = b->ndim == 2 && p.batch_dims == 0 && p.k > 0 ? tgi_packed_acquire(b, false) : NULL;
    operands o = { .dtype = c->dtype,
                   .a = tgi_ptr(copy ? copy : a),
                   .b = tgi_ptr(b),
                   .c = tgi_ptr(c),
                   .bias = bias ? tgi_ptr(bias) : NULL,
                   .packed_b = tgi_packed_data(packed) };
    multiply_all(&p, &o);
    tgi_packed_release(packed);
    tgi_unref(copy);
    return true;
}

/* ---- matmul: checks ---- */

static int64_t rows_of(const tg_tensor *t)
{
    int64_t rows = 1;
    for (int d = 0; d < t->ndim - 1; d++) rows *= t->dims[d];
    return rows;
}

static tg_tensor *fail_cannot_multiply(const tg_op *op, tg_tensor_list inputs, int64_t m, int64_t k, int64_t k2,
                                       int64_t n)
{
    return tg_op_fail(op, inputs, "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", (long long)m,
                      (long long)k, (long long)k2, (long long)n);
}

static const tg_op op_matmul, op_linear;

/* PyTorch has other words for every pair of dimensions. */
static tg_tensor *fail_inner(tg_tensor *a, tg_tensor *b, const tg_shape *batch)
{
    int64_t k = a->dims[a->ndim - 1], l = b->ndim == 1 ? b->dims[0] : b->dims[b->ndim - 2];
    int64_t n = b->ndim == 1 ? 1 : b->dims[b->ndim - 1];
    if (a->ndim == 1 && b->ndim == 1)
        return tg_op_fail(
            &op_matmul, tg_list(a, b),
            "inconsistent tensor size, expected tensor [%lld] and src [%lld] to have the same number of elements, but "
            "got %lld and %lld elements respectively",
            (long long)k, (long long)l, (long long)k, (long long)l);
    if (b->ndim == 1)
        return tg_op_fail(&op_matmul, tg_list(a, b), "size mismatch, got %lld, %lldx%lld,%lld", (long long)rows_of(a),
                          (long long)rows_of(a), (long long)k, (long long)l);
    int64_t columns = l ? rows_of(b) / l * n : 0; /* of the batches of b laid side by side */
    if (a->ndim == 1 && b->ndim > 2)
        return tg_op_fail(&op_matmul, tg_list(a, b), "size mismatch, got %lld, %lldx%lld,%lld", (long long)columns,
                          (long long)columns, (long long)l, (long long)k);
    if (a->ndim == 2 && b->ndim > 2) return fail_cannot_multiply(&op_matmul, tg_list(a, b), columns, l, k, a->dims[0]);
    if (b->ndim == 2) return fail_cannot_multiply(&op_matmul, tg_list(a, b), rows_of(a), k, l, n);
    long long batches = tg_shape_numel(batch);
    return tg_op_fail(&op_matmul, tg_list(a, b),
                      "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: "
                      "[%lld, %lld].",
                      batches, (long long)k, batches, (long long)l);
}

static tg_tensor *fail_dtype(tg_tensor *a, tg_tensor *b)
{
    bool dot = a->ndim == 1 && b->ndim == 1;
    const char *x = tgi_scalar_type_name((tg_dtype)a->dtype), *y = tgi_scalar_type_name((tg_dtype)b->dtype);
    if (a->dtype == b->dtype)
        return tg_op_fail(&op_matmul, tg_list(a, b), "\"%s\" not implemented for '%s'", dot ? "dot" : "addmm_impl_cpu_",
                          x);
    if (dot)
        return tg_op_fail(&op_matmul, tg_list(a, b),
                          "dot : expected both vectors to have same dtype, but found %s and %s", x, y);
    return tg_op_fail(&op_matmul, tg_list(a, b), "expected scalar type %s but found %s", x, y);
}

/* The batch dimensions of `t`. */
static tg_shape batch_of(const tg_tensor *t)
{
    tg_shape s = { (int)leading_dims(t), { 0 } };
    for (int d = 0; d < s.ndim; d++) s.dims[d] = t->dims[d];
    return s;
}

/* The shapes of the batches and of the result. False: an error was recorded. */
static bool matmul_shapes(tg_tensor *a, tg_tensor *b, tg_shape *batch, tg_shape *result)
{
    if (a->ndim == 0 || b->ndim == 0) {
        tg_op_fail(&op_matmul, tg_list(a, b),
                   "both arguments to matmul need to be at least 1D, but they are %dD and %dD", a->ndim, b->ndim);
        return false;
    }
    tg_shape batch_a = batch_of(a), batch_b = batch_of(b);
    if (!tgi_broadcast(&op_matmul, tg_list(a, b), &batch_a, &batch_b, batch)) return false;
    if (a->dims[a->ndim - 1] != (b->ndim == 1 ? b->dims[0] : b->dims[b->ndim - 2])) {
        fail_inner(a, b, batch);
        return false;
    }
    if (a->dtype != b->dtype || !tgi_is_floating(a)) {
        fail_dtype(a, b);
        return false;
    }
    *result = *batch;
    if (a->ndim > 1) result->dims[result->ndim++] = a->dims[a->ndim - 2];
    if (b->ndim > 1) result->dims[result->ndim++] = b->dims[b->ndim - 1];
    return true;
}

/* ---- matmul ---- */

tg_tensor *tg_matmul_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    if (!tg_op_begin(where, &op_matmul, tg_list(a, b))) return NULL;
    tg_shape batch, shape;
    if (!matmul_shapes(a, b, &batch, &shape)) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)a->dtype);
    if (!y || !multiply(a, b, &batch, NULL, y)) return NULL;
    tg_tensor *saved_a = tg_requires_grad(b) ? a : NULL, *saved_b = tg_requires_grad(a) ? b : NULL;
    return tg_record(&op_matmul, tg_list(a, b), tg_list(y), tg_list(saved_a, saved_b), NULL, 0) == TG_OK ? y : NULL;
}

/* `t` with a dimension of size 1 put in at `dim` if `missing`: vectors become rows or columns here. */
static tg_tensor *matrix(tg_tensor *t, bool missing, int64_t dim) { return missing ? tg_unsqueeze(t, dim) : t; }

/* The leading dimensions of a matrix or batch made one. */
static tg_tensor *tall(tg_tensor *t)
{
    return t && t->ndim > 2 ? tg_reshape(t, tg_shape(rows_of(t), t->dims[t->ndim - 1])) : t;
}

/* da = g bT, db = aT g; vectors are matrices with one row or column meanwhile. */
static void matmul_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) {
        tg_tensor *b = tg_saved(ctx, 1);
        bool row = tg_input_shape(ctx, 0).ndim == 1, column = tg_ndim(b) == 1;
        tg_tensor *gm = matrix(matrix(g, column, -1), row, -2);
        tg_tensor *da = tg_matmul(gm, tg_transpose(matrix(b, column, -1), -2, -1));
        tg_set_grad_input(ctx, 0, row ? tg_squeeze(da, -2) : da);
    }
    if (tg_needs_input_grad(ctx, 1)) {
        tg_tensor *a = tg_saved(ctx, 0);
        int b_dims = tg_input_shape(ctx, 1).ndim;
        bool row = tg_ndim(a) == 1, column = b_dims == 1;
        tg_tensor *am = matrix(a, row, -2), *gm = matrix(matrix(g, column, -1), row, -2);
        if (b_dims <= 2) { /* all batches are rows of one product: it adds them up as it goes */
            am = tall(am);
            gm = tall(gm);
        }
        tg_tensor *db = tg_matmul(tg_transpose(am, -2, -1), gm);
        tg_set_grad_input(ctx, 1, column ? tg_squeeze(db, -1) : db);
    }
}

/* The same for matrices and for a matrix on the right, as products that the engine may add up with others. */
static void matmul_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const bool a_needed = tg_needs_input_grad(ctx, 0), b_needed = tg_needs_input_grad(ctx, 1);
    tg_tensor *a = b_needed ? tg_saved(ctx, 0) : NULL, *b = a_needed ? tg_saved(ctx, 1) : NULL;
    const int a_dims = a_needed ? tg_input_shape(ctx, 0).ndim : tg_ndim(a);
    const int b_dims = b_needed ? tg_input_shape(ctx, 1).ndim : tg_ndim(b);
    if (a_dims < 2 || b_dims != 2) {
        matmul_backward(ctx);
        return;
    }
    g = tall(g);
    if (a_needed) tg_set_grad_input_product(ctx, 0, (tg_product){ .a = g, .b = b, .transpose_b = true });
    if (b_needed) tg_set_grad_input_product(ctx, 1, (tg_product){ .a = tall(a), .b = g, .transpose_a = true });
}

static tg_tensor_list matmul_call(const tg_value *args)
{
    return tgi_result(tg_matmul_at(TG_HERE, args[0].as.tensor, args[1].as.tensor));
}

static const char *const matmul_samples[] = { "matmul(f(2, 3), f(3, 4))",
                                              "matmul(f(3), f(3))",
                                              "matmul(f(2, 3), f(3))",
                                              "matmul(f(3), f(3, 4))",
                                              "matmul(f(2, 3, 4), f(4))",
                                              "matmul(f(4), f(2, 4, 3))",
                                              "matmul(f(2, 3, 4), f(4, 2))",
                                              "matmul(f(3, 4), f(2, 4, 2))",
                                              "matmul(f(2, 3, 4), f(2, 4, 2))",
                                              "matmul(f(2, 1, 3, 4), f(3, 4, 2))",
                                              "matmul(f(2, 3, 2, 4), f(2, 1, 4, 2))",
                                              "matmul(f(1, 3), f(3, 1))",
                                              "matmul(f(0, 3), f(3, 2))",
                                              "matmul(f(2, 0), f(0, 3))",
                                              "matmul(f(0), f(0))",
                                              "matmul(f(2, 0, 3), f(3, 4))",
                                              "matmul(f(0, 2, 3), f(0, 3, 4))",
                                              NULL };
static const tg_error_sample matmul_errors[] = {
    { "matmul(f(100, 13), f(12, 8))", "mat1 and mat2 shapes cannot be multiplied (100x13 and 12x8)" },
    { "matmul(f(3), f(4))",
      "inconsistent tensor size, expected tensor [3] and src [4] to have the same number of elements, but got 3 "
      "and 4 elements respectively" },
    { "matmul(f(3), f(4, 2))", "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x2)" },
    { "matmul(f(2, 3), f(4))", "size mismatch, got 2, 2x3,4" },
    { "matmul(f(2, 3, 4), f(5))", "size mismatch, got 6, 6x4,5" },
    { "matmul(f(5), f(2, 3, 4))", "size mismatch, got 8, 8x3,5" },
    { "matmul(f(2, 3, 4), f(5, 3))", "mat1 and mat2 shapes cannot be multiplied (6x4 and 5x3)" },
    { "matmul(f(3, 5), f(2, 3, 4))", "mat1 and mat2 shapes cannot be multiplied (8x3 and 5x3)" },
    { "matmul(f(2, 3, 4), f(2, 5, 3))",
      "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5]." },
    { "matmul(f(2, 3, 4), f(3, 4, 3))",
      "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0" },
    { "matmul(f(), f(3))", "both arguments to matmul need to be at least 1D, but they are 0D and 1D" },
    { "matmul(i(2, 3), f(3, 4))", "expected scalar type Long but found " },
    { "matmul(b(2, 3), b(3, 4))", "\"addmm_impl_cpu_\" not implemented for 'Bool'" },
    { NULL, NULL }
};

static const tg_op op_matmul = {
    .name = "matmul",
    .schema = "matmul(Tensor self, Tensor other) -> Tensor",
    .formula = "y = a b",
    .gradient = "da = g bT, db = aT g",
    .doc =
        "The product of matrices; vectors are rows on the left and columns on the right, more than two dimensions are batches.",
    .backward = matmul_backward,
    .backward_fused = matmul_backward_fused,
    .call = matmul_call,
    .samples = matmul_samples,
    .errors = matmul_errors,
};

/* ---- linear ---- */

/* PyTorch's order of checks and words. */
static bool linear_check(tg_tensor *x, tg_tensor *weight, tg_tensor *bias, tg_tensor_list inputs)
{
    if (weight->ndim > 2)
        tg_op_fail(&op_linear, inputs, "t() expects a tensor with <= 2 dimensions, but self is %dD", weight->ndim);
    else if (x->ndim == 0 || weight->ndim == 0)
        tg_op_fail(&op_linear, inputs, "both arguments to matmul need to be at least 1D, but they are %dD and %dD",
                   x->ndim, weight->ndim);
    else if (weight->ndim == 1)
        tg_op_fail(&op_linear, inputs, "mat2 must be a matrix, got 1-D tensor");
    else if (x->dims[x->ndim - 1] != weight->dims[1])
        fail_cannot_multiply(&op_linear, inputs, rows_of(x), x->dims[x->ndim - 1], weight->dims[1], weight->dims[0]);
    else if (x->dtype != weight->dtype && bias)
        tg_op_fail(&op_linear, inputs, "mat1 and mat2 must have the same dtype");
    else if (x->dtype != weight->dtype)
        tg_op_fail(&op_linear, inputs, "expected scalar type %s but found %s", tgi_scalar_type_name((tg_dtype)x->dtype),
                   tgi_scalar_type_name((tg_dtype)weight->dtype));
    else if (bias && bias->dtype != x->dtype)
        tg_op_fail(&op_linear, inputs, "self and mat2 must have the same dtype");
    else if (!tgi_is_floating(x))
        tg_op_fail(&op_linear, inputs, "\"addmm_impl_cpu_\" not implemented for '%s'",
                   tgi_scalar_type_name((tg_dtype)x->dtype));
    else if (bias && (bias->ndim > 1 || (bias->numel != 1 && bias->numel != weight->dims[0]))) {
        char text[TG_SHAPE_TEXT];
        tg_shape shape = tgi_shape(bias);
        tg_op_fail(
            &op_linear, inputs,
            "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton dimension 1.  Target "
            "sizes: [%lld, %lld].  Tensor sizes: %s",
            (long long)weight->dims[0], (long long)bias->dims[bias->ndim - 1], (long long)rows_of(x),
            (long long)weight->dims[0], tg_shape_text(&shape, text));
    } else
        return true;
    return false;
}

/* The bias as the kernel wants it, one contiguous value for each output; a reference to give back. */
static tg_tensor *bias_row(tg_tensor *bias, int64_t n)
{
    if (bias->numel == n) return tgi_own_contiguous(bias);
    tg_shape shape = tg_shape(n);
    tg_tensor *row = tgi_own(tgi_new(&shape, (tg_dtype)bias->dtype));
    if (row) tgi_copy_raw(row, bias);
    return row;
}

/* y = x wT, the bias set down with it. */
static bool linear_into(tg_tensor *x, tg_tensor *weight, tg_tensor *bias, tg_tensor *y)
{
    int64_t dims[] = { weight->dims[1], weight->dims[0] }, strides[] = { weight->strides[1], weight->strides[0] };
    tg_tensor *wt = tgi_own(tgi_new_view(weight, 2, dims, strides, weight->offset));
    tg_tensor *row = wt && bias ? bias_row(bias, weight->dims[0]) : NULL;
    tg_shape batch = batch_of(x);
    bool ok = wt && (row || !bias) && multiply(x, wt, &batch, row, y);
    tgi_unref(row);
    tgi_unref(wt);
    return ok;
}

tg_tensor *tg_linear_at(const char *where, tg_tensor *x, tg_tensor *weight, tg_tensor *bias)
{
    tg_tensor_list inputs = tg_list(x, weight, bias);
    if (!bias) inputs.count = 2;
    if (!tg_op_begin(where, &op_linear, inputs) || !tg_optional_ok(bias)) return NULL;
    if (weight->ndim == 1 && !bias) return tg_matmul(x, weight); /* a weight of one output, as PyTorch takes it */
    if (!linear_check(x, weight, bias, inputs)) return NULL;
    tg_shape shape = tgi_shape(x);
    shape.dims[shape.ndim - 1] = weight->dims[0];
    tg_tensor *y = tgi_new(&shape, (tg_dtype)x->dtype);
    if (!y || !linear_into(x, weight, bias, y)) return NULL;
    tg_tensor *saved_x = tg_requires_grad(weight) ? x : NULL, *saved_w = tg_requires_grad(x) ? weight : NULL;
    return tg_record(&op_linear, inputs, tg_list(y), tg_list(saved_x, saved_w), NULL, 0) == TG_OK ? y : NULL;
}

/* A vector as a matrix of one row, anything else as one tall matrix. */
static tg_tensor *rows(tg_tensor *t) { return tall(matrix(t, tg_ndim(t) == 1, 0)); }

/* dx = g w, dw = gT x, dbias = g, which the engine sums over the leading dimensions. */
static void linear_backward(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_matmul(g, tg_saved(ctx, 1)));
    if (tg_needs_input_grad(ctx, 1)) {
        tg_tensor *gt = tg_transpose(rows(g), 0, 1);
        tg_set_grad_input(ctx, 1, tg_matmul(gt, rows(tg_saved(ctx, 0))));
    }
    if (tg_needs_input_grad(ctx, 2)) tg_set_grad_input(ctx, 2, g);
}

/* The same as products that the engine may add up with others. */
static void linear_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const tg_shape bias = tg_input_shape(ctx, 2);
    if (!g || g->ndim < 2) {
        linear_backward(ctx);
        return;
    }
    tg_tensor *gm = tall(g);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input_product(ctx, 0, (tg_product){ .a = gm, .b = tg_saved(ctx, 1) });
    if (tg_needs_input_grad(ctx, 1))
        tg_set_grad_input_product(ctx, 1, (tg_product){ .a = gm, .b = tall(tg_saved(ctx, 0)), .transpose_a = true });
    if (bias.ndim == 1 && gm && bias.dims[0] == gm->dims[1])
        tg_set_grad_input_product(ctx, 2, (tg_product){ .a = gm, .transpose_a = true });
    else if (tg_needs_input_grad(ctx, 2))
        tg_set_grad_input(ctx, 2, g); /* broadcast: the engine sums it back */
}

static tg_tensor_list linear_call(const tg_value *args)
{
    tg_tensor *bias = args[2].kind == TG_VALUE_TENSOR ? args[2].as.tensor : NULL;
    return tgi_result(tg_linear_at(TG_HERE, args[0].as.tensor, args[1].as.tensor, bias));
}

static const char *const linear_samples[] = {
    "linear(f(2, 3), f(4, 3), f(4))",       "linear(f(2, 3), f(4, 3))",
    "linear(f(3), f(4, 3), f(4))",          "linear(f(2, 3, 4), f(2, 4), f(2))",
    "linear(f(2, 2, 2, 3), f(4, 3), f(4))", "linear(f(2, 3), f(1, 3), f(1))",
    "linear(f(2, 3), f(4, 3), f(1))",       "linear(f(2, 3), f(3))",
    "linear(f(0, 3), f(4, 3), f(4))",       "linear(f(2, 0), f(4, 0), f(4))",
    "linear(f(2, 3, 0), f(4, 0), f(4))",    NULL
};
static const tg_error_sample linear_errors[] = {
    { "linear(f(100, 13), f(8, 12))", "mat1 and mat2 shapes cannot be multiplied (100x13 and 12x8)" },
    { "linear(f(2, 5, 13), f(8, 12), f(8))", "mat1 and mat2 shapes cannot be multiplied (10x13 and 12x8)" },
    { "linear(f(2, 12), f(8, 12), f(7))",
      "The expanded size of the tensor (8) must match the existing size (7) at non-singleton "
      "dimension 1.  Target sizes: [2, 8].  Tensor sizes: [7]" },
    { "linear(f(2, 12), f(2, 2, 12))", "t() expects a tensor with <= 2 dimensions, but self is 3D" },
    { "linear(f(2, 12), f(12), f(2))", "mat2 must be a matrix, got 1-D tensor" },
    { "linear(f(), f(8, 12))", "both arguments to matmul need to be at least 1D, but they are 0D and 2D" },
    { "linear(i(2, 12), f(8, 12))", "expected scalar type Long but found " },
    { "linear(b(2, 12), b(8, 12))", "\"addmm_impl_cpu_\" not implemented for 'Bool'" },
    { NULL, NULL }
};

static const tg_op op_linear = {
    .name = "linear",
    .schema = "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
    .formula = "y = x wT + bias",
    .gradient = "dx = g w, dw = gT x, dbias = g summed over its leading dimensions",
    .doc = "The affine map of x [..., in] by weight [out, in] and bias [out].",
    .backward = linear_backward,
    .backward_fused = linear_backward_fused,
    .call = linear_call,
    .samples = linear_samples,
    .errors = linear_errors,
};

/* ---- sums of products, for the engine ---- */

/* One product as the kernel takes it. Ones are a single one, read again and again. */
static tgi_gemm_part part_of(const tg_product *p)
{
    static const double one_f64 = 1;
    static const float one_f32 = 1;
    const tg_tensor *a = p->a, *b = p->b;
    const int row = p->transpose_a, col = !row;
    tgi_gemm_part part = { .k = a->dims[col], .a = tgi_ptr(a), .a_row = a->strides[row], .a_col = a->strides[col] };
    if (b) {
        part.b = tgi_ptr(b);
        part.b_row = b->strides[p->transpose_b];
        part.b_col = b->strides[!p->transpose_b];
    } else {
        part.b = a->dtype == TG_FLOAT32 ? (const void *)&one_f32 : (const void *)&one_f64;
    }
    return part;
}

/* Products by a matrix so large that a weight of its size would be packed go one by one: what packing saves is more than
 * what a longer k does. By its size alone, so that the result does not depend on whether it is packed. */
static bool goes_alone(const tg_product *p) { return p->b && !p->transpose_a && p->b->numel >= TGI_WORTH_PACKING; }

static void add_alone(tgi_gemm args, int dtype, const tg_product *p, const tgi_gemm_part *part)
{
    tgi_packed *packed = tgi_packed_acquire(p->b, p->transpose_b);
    args.k = part->k;
    args.a = part->a;
    args.a_row = part->a_row;
    args.a_col = part->a_col;
    args.b = part->b;
    args.b_row = part->b_row;
    args.b_col = part->b_col;
    args.packed_b = tgi_packed_data(packed);
    args.parts = 0;
    tgi_kernels_get()->gemm[dtype](&args);
    tgi_packed_release(packed);
}

tg_status tgi_add_products(tg_tensor *sum, bool accumulate, const tg_product *products, int64_t count)
{
    enum { AT_ONCE = 64 };
    tgi_gemm_part parts[AT_ONCE];
    tgi_gemm args = { .m = sum->numel, .n = 1, .c = tgi_ptr(sum), .c_row = 1, .part = parts };
    if (products[0].b) {
        args.n = args.c_row = sum->dims[sum->ndim - 1];
        args.m = args.n ? sum->numel / args.n : 0;
    }
    args.accumulate = accumulate;
    for (int64_t i = 0; i < count; i++) {
        const bool alone = goes_alone(&products[i]);
        parts[args.parts] = part_of(&products[i]);
        if (alone) add_alone(args, sum->dtype, &products[i], &parts[args.parts]);
        args.parts += !alone;
        args.accumulate |= alone;
        if (args.parts < AT_ONCE && i + 1 < count) continue;
        if (args.parts) tgi_kernels_get()->gemm[sum->dtype](&args);
        args.accumulate = true;
        args.parts = 0;
    }
    return TG_OK;
}

const tg_op *const tgi_ops_matmul[] = { &op_matmul, &op_linear, NULL };
