/* matmul.c: products of vectors, matrices and batches of matrices.
 *
 * Built for the two shapes a model lives on: activations times a weight (any number of leading dimensions, one product)
 * and batches of small products. Operands go to the kernel with their strides: a transposed view is never copied. A
 * gradient is again a product of such views. Nothing here may loop over elements: that is the kernel's work. */
#include "ops/matmul.h"

#include "ops/base/call.h"
#include "ops/base/flops.h"
#include "ops/base/iterate.h"
#include "matmul_impl.h"
#include "packed.h"
#include "ops/kernels/gemm/gemm_kernels.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"
#include "ops/view.h"

#include <string.h>

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

/* The step of `t` along dimension d of a batch of `batch_dims` dimensions; 0 where it is broadcast. */
static int64_t step_along(const tg_tensor *t, int d, int batch_dims)
{
    int64_t own = d - (batch_dims - tgi_leading_dims(t));
    return own < 0 || t->dims[own] == 1 ? 0 : tgi_strides(t)[own];
}

/* A 1-D `a` is a row, a 1-D `b` a column; to transpose, `b` must be a matrix. */
static product plan(const tg_tensor *a, const tg_tensor *b, bool transpose_b, const tg_shape *batch)
{
    product p = { .k = a->dims[a->ndim - 1], .a_col = tgi_strides(a)[a->ndim - 1], .batch_dims = batch->ndim };
    const bool row = a->ndim == 1, column = b->ndim == 1;
    const int b_k = b->ndim - 2 + transpose_b, b_n = b->ndim - 1 - transpose_b;
    p.m = row ? 1 : a->dims[a->ndim - 2];
    p.a_row = row ? 0 : tgi_strides(a)[a->ndim - 2];
    p.n = column ? 1 : b->dims[b_n];
    p.b_col = column ? 1 : tgi_strides(b)[b_n];
    p.b_row = column ? tgi_strides(b)[0] : tgi_strides(b)[b_k];
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
    const char *addend;
    int64_t addend_row;
} operands;

typedef struct job {
    const product *p;
    const operands *o;
} job;

static void multiply_one(const void *all, int64_t index)
{
    const product *p = ((const job *)all)->p;
    const operands *o = ((const job *)all)->o;
    int64_t size = (int64_t)tgi_size_of((tg_dtype)o->dtype), a = 0, b = 0, rest = index;
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
        .addend = o->addend ? o->addend + index * p->m * o->addend_row * size : NULL,
        .addend_row = o->addend_row,
        .packed_b = o->packed_b,
    };
    if (o->dtype == TGI_I64)
        TGI_KERNELS(gemm)->integers(&args);
    else
        TGI_KERNELS(gemm)->run[o->dtype](&args);
}

static void multiply_all(const product *p, const operands *o)
{
    int64_t count = 1, each = p->m * p->n * p->k;
    for (int d = 0; d < p->batch_dims; d++) count *= p->batch[d];
    tgi_run_tasks(each < ALONE && count * each >= PARALLEL, count, multiply_one, &(job){ p, o });
}

bool tgi_multiply(tg_tensor *a, tg_tensor *b, bool transpose_b, const tg_shape *batch, tg_tensor *bias,
                  tg_tensor *addend, tg_tensor *c)
{
    if (c->numel == 0) return true;
    if (a->ndim == 1 && b->ndim == 1 && !bias) {
        TGI_KERNELS(gemm)->dot[c->dtype](a->numel, tgi_ptr(a), tgi_strides(a)[0], tgi_ptr(b), tgi_strides(b)[0],
                                         tgi_ptr(c));
        return true;
    }
    product p = plan(a, b, transpose_b, batch);
    fold(&p);
    tg_tensor *copy = NULL;
    if (p.batch_dims > 0 && p.m < FEW_ROWS && p.n >= FEW_COLUMNS && shares_b(&p)) {
        /* Many flat products by one b: a copy of a makes them one tall product. */
        copy = tgi_own_contiguous(a);
        if (!copy) return false;
        p = plan(copy, b, transpose_b, batch);
        fold(&p);
    }
    const bool may_be_packed = b->ndim == 2 && p.batch_dims == 0 && p.k > 0 && tgi_is_floating(b);
    tgi_packed *packed = may_be_packed ? tgi_packed_acquire(b, transpose_b) : NULL;
    operands o = { .dtype = c->dtype,
                   .a = tgi_ptr(copy ? copy : a),
                   .b = tgi_ptr(b),
                   .c = tgi_ptr(c),
                   .bias = bias ? tgi_ptr(bias) : NULL,
                   .addend = addend ? tgi_ptr(addend) : NULL,
                   .addend_row = addend ? tgi_strides(addend)[addend->ndim - 2] : 0,
                   .packed_b = tgi_packed_data(packed) };
    multiply_all(&p, &o);
    tgi_packed_release(packed);
    tgi_unref(copy);
    return true;
}

/* ---- matmul: checks ---- */

tg_tensor *tgi_fail_cannot_multiply(const tg_op *op, tg_tensor_list inputs, int64_t m, int64_t k, int64_t k2, int64_t n)
{
    return tg_op_fail(op, inputs, "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", (long long)m,
                      (long long)k, (long long)k2, (long long)n);
}

static bool fail_batches(const tg_op *op, tg_tensor_list inputs, int64_t count, int64_t k, int64_t count_b, int64_t k_b)
{
    tg_op_fail(op, inputs,
               "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, %lld].",
               (long long)count, (long long)k, (long long)count_b, (long long)k_b);
    return false;
}

bool tgi_batches_match(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const tg_tensor *b)
{
    if (b->dims[0] == a->dims[0] && b->dims[1] == a->dims[2]) return true;
    return fail_batches(op, inputs, a->dims[0], a->dims[2], b->dims[0], b->dims[1]);
}

/* PyTorch has other words for every pair of dimensions. */
static tg_tensor *fail_inner(tg_tensor *a, tg_tensor *b, const tg_shape *batch)
{
    int64_t k = a->dims[a->ndim - 1], l = b->ndim == 1 ? b->dims[0] : b->dims[b->ndim - 2];
    int64_t n = b->ndim == 1 ? 1 : b->dims[b->ndim - 1];
    if (a->ndim == 1 && b->ndim == 1)
        return tg_op_fail(
            &tgi_op_matmul, tg_list(a, b),
            "inconsistent tensor size, expected tensor [%lld] and src [%lld] to have the same number of elements, but "
            "got %lld and %lld elements respectively",
            (long long)k, (long long)l, (long long)k, (long long)l);
    if (b->ndim == 1)
        return tg_op_fail(&tgi_op_matmul, tg_list(a, b), "size mismatch, got %lld, %lldx%lld,%lld",
                          (long long)tgi_rows_of(a), (long long)tgi_rows_of(a), (long long)k, (long long)l);
    int64_t columns = l ? tgi_rows_of(b) / l * n : 0; /* of the batches of b laid side by side */
    if (a->ndim == 1 && b->ndim > 2)
        return tg_op_fail(&tgi_op_matmul, tg_list(a, b), "size mismatch, got %lld, %lldx%lld,%lld", (long long)columns,
                          (long long)columns, (long long)l, (long long)k);
    if (a->ndim == 2 && b->ndim > 2)
        return tgi_fail_cannot_multiply(&tgi_op_matmul, tg_list(a, b), columns, l, k, a->dims[0]);
    if (b->ndim == 2) return tgi_fail_cannot_multiply(&tgi_op_matmul, tg_list(a, b), tgi_rows_of(a), k, l, n);
    const int64_t batches = tg_shape_numel(batch);
    fail_batches(&tgi_op_matmul, tg_list(a, b), batches, k, batches, l);
    return NULL;
}

/* What PyTorch calls the routine that multiplies operands of these dimensions. */
static const char *routine_of(const tg_tensor *a, const tg_tensor *b)
{
    if (a->ndim == 1 && b->ndim == 1) return "dot";
    if (a->ndim == 2 && b->ndim == 1) return "addmv_impl_cpu";
    return a->ndim > 2 && b->ndim > 2 ? "bmm" : "addmm_impl_cpu_";
}

bool tgi_products_exist(const tg_op *op, tg_tensor *a, tg_tensor *b)
{
    if (a->dtype == b->dtype && a->dtype != TG_BOOL) return true;
    if (a->dtype == b->dtype)
        tgi_not_implemented(op, tg_list(a, b), routine_of(a, b), a->dtype);
    else if (a->ndim == 1 && b->ndim == 1)
        tg_op_fail(op, tg_list(a, b), "dot : expected both vectors to have same dtype, but found %s and %s",
                   tgi_type_name(a), tgi_type_name(b));
    else
        tgi_expected_type(op, tg_list(a, b), a->dtype, b->dtype);
    return false;
}

/* The shapes of the batches and of the result. False: an error was recorded. */
static bool matmul_shapes(tg_tensor *a, tg_tensor *b, tg_shape *batch, tg_shape *result)
{
    if (a->ndim == 0 || b->ndim == 0) {
        tg_op_fail(&tgi_op_matmul, tg_list(a, b),
                   "both arguments to matmul need to be at least 1D, but they are %dD and %dD", a->ndim, b->ndim);
        return false;
    }
    tg_shape batch_a = tgi_batch_of(a), batch_b = tgi_batch_of(b);
    if (!tgi_broadcast(&tgi_op_matmul, tg_list(a, b), &batch_a, &batch_b, batch)) return false;
    if (a->dims[a->ndim - 1] != (b->ndim == 1 ? b->dims[0] : b->dims[b->ndim - 2])) {
        fail_inner(a, b, batch);
        return false;
    }
    if (!tgi_products_exist(&tgi_op_matmul, a, b)) return false;
    *result = *batch;
    if (a->ndim > 1) result->dims[result->ndim++] = a->dims[a->ndim - 2];
    if (b->ndim > 1) result->dims[result->ndim++] = b->dims[b->ndim - 1];
    return true;
}

/* ---- matmul ---- */

tg_tensor *tg_matmul_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    if (!tg_op_begin(where, &tgi_op_matmul, tg_list(a, b))) return NULL;
    tg_shape batch, shape;
    if (!matmul_shapes(a, b, &batch, &shape)) return NULL;
    tg_tensor *y = tgi_new(&shape, (tg_dtype)a->dtype);
    if (!y || !tgi_multiply(a, b, false, &batch, NULL, NULL, y)) return NULL;
    tg_tensor *saved_a = tg_requires_grad(b) ? a : NULL, *saved_b = tg_requires_grad(a) ? b : NULL;
    return tg_record(&tgi_op_matmul, tg_list(a, b), tg_list(y), tg_list(saved_a, saved_b), NULL, 0) == TG_OK ? y : NULL;
}

/* da = g bT, db = aT g; vectors are matrices with one row or column meanwhile. */
static void product_backward(tg_context *ctx, int first)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    if (tg_needs_input_grad(ctx, first)) {
        tg_tensor *b = tg_saved(ctx, 1);
        bool row = tg_input_shape(ctx, first).ndim == 1, column = tg_ndim(b) == 1;
        tg_tensor *gm = tgi_as_matrix(tgi_as_matrix(g, column, -1), row, -2);
        tg_tensor *da = tg_matmul(gm, tg_transpose(tgi_as_matrix(b, column, -1), -2, -1));
        tg_set_grad_input(ctx, first, row ? tg_squeeze(da, -2) : da);
    }
    if (tg_needs_input_grad(ctx, first + 1)) {
        tg_tensor *a = tg_saved(ctx, 0);
        int b_dims = tg_input_shape(ctx, first + 1).ndim;
        bool row = tg_ndim(a) == 1, column = b_dims == 1;
        tg_tensor *am = tgi_as_matrix(a, row, -2), *gm = tgi_as_matrix(tgi_as_matrix(g, column, -1), row, -2);
        if (b_dims <= 2) { /* all batches are rows of one product: it adds them up as it goes */
            am = tgi_tall(am);
            gm = tgi_tall(gm);
        }
        tg_tensor *db = tg_matmul(tg_transpose(am, -2, -1), gm);
        tg_set_grad_input(ctx, first + 1, column ? tg_squeeze(db, -1) : db);
    }
}

/* The same for matrices and for a matrix on the right, as products that the engine may add up with others. */
static void product_backward_fused(tg_context *ctx, int first)
{
    tg_tensor *g = tg_grad_output(ctx, 0);
    const int second = first + 1;
    const bool a_needed = tg_needs_input_grad(ctx, first), b_needed = tg_needs_input_grad(ctx, second);
    tg_tensor *a = b_needed ? tg_saved(ctx, 0) : NULL, *b = a_needed ? tg_saved(ctx, 1) : NULL;
    const int a_dims = a_needed ? tg_input_shape(ctx, first).ndim : tg_ndim(a);
    const int b_dims = b_needed ? tg_input_shape(ctx, second).ndim : tg_ndim(b);
    if (a_dims < 2 || b_dims != 2) {
        product_backward(ctx, first);
        return;
    }
    g = tgi_tall(g);
    if (a_needed) tg_set_grad_input_product(ctx, first, (tg_product){ .a = g, .b = b, .transpose_b = true });
    if (b_needed) tg_set_grad_input_product(ctx, second, (tg_product){ .a = tgi_tall(a), .b = g, .transpose_a = true });
}

void tgi_product_backward(tg_context *ctx, int first, bool fused)
{
    if (fused)
        product_backward_fused(ctx, first);
    else
        product_backward(ctx, first);
}

static void matmul_backward(tg_context *ctx) { product_backward(ctx, 0); }
static void matmul_backward_fused(tg_context *ctx) { product_backward_fused(ctx, 0); }

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
                                              "matmul(i(2, 3), i(3, 4))",
                                              "matmul(i(3), i(3))",
                                              "matmul(i(2, 3, 4), i(2, 4, 2))",
                                              "matmul(i(2, 0), i(0, 3))",
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
    { "matmul(b(2, 3), b(3))", "\"addmv_impl_cpu\" not implemented for 'Bool'" },
    { "matmul(b(3), b(3))", "\"dot\" not implemented for 'Bool'" },
    { "matmul(b(2, 3, 4), b(2, 4, 3))", "\"bmm\" not implemented for 'Bool'" },
    { NULL, NULL }
};

/* Dimensions of input `i` of a node; -1 when the tape did not follow it. */
static int input_ndim(const tg_node *node, int i)
{
    int output = 0;
    const tg_tensor *leaf = NULL;
    const tg_node *from = tg_node_input(node, i, &output, &leaf);
    if (from) return tg_node_output_shape(from, output).ndim;
    return leaf ? leaf->ndim : -1;
}

/* The last of the nodes that PyTorch makes of it: for a product of vectors, of vector and matrix either way round, of
 * matrices, of anything else. */
static const char *grad_name(const tg_node *node)
{
    const int a = input_ndim(node, 0), b = input_ndim(node, 1), ndim = tg_node_output_shape(node, 0).ndim;
    if (ndim == 0) return "DotBackward0";
    if (ndim == 1) return a == 1 || b == 2 ? "SqueezeBackward3" : "MvBackward0";
    return ndim == 2 && (a == 2 || a < 0) && (b == 2 || b < 0) ? "MmBackward0" : "UnsafeViewBackward0";
}

const tg_op tgi_op_matmul = {
    .name = "matmul",
    .schema = "matmul(Tensor self, Tensor other) -> Tensor",
    .formula = "y = a b",
    .gradient = "da = g bT, db = aT g",
    .doc =
        "The product of matrices; vectors are rows on the left and columns on the right, more than two dimensions are batches.",
    .grad_name_of = grad_name,
    .backward = matmul_backward,
    .backward_fused = matmul_backward_fused,
    .flops = tgi_flops_product,
    .call = matmul_call,
    .samples = matmul_samples,
    .errors = matmul_errors,
};

/* ---- sums of products, for the engine ---- */

/* One product as the kernel takes it. Ones are a single one, read again and again. */
static tgi_gemm_part part_of(const tg_product *p)
{
    static const double one_f64 = 1;
    static const float one_f32 = 1;
    const tg_tensor *a = p->a, *b = p->b;
    const int row = p->transpose_a, col = !row;
    tgi_gemm_part part = { .k = a->dims[col],
                           .a = tgi_ptr(a),
                           .a_row = tgi_strides(a)[row],
                           .a_col = tgi_strides(a)[col] };
    if (b) {
        part.b = tgi_ptr(b);
        part.b_row = tgi_strides(b)[p->transpose_b];
        part.b_col = tgi_strides(b)[!p->transpose_b];
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
    TGI_KERNELS(gemm)->run[dtype](&args);
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
        if (args.parts) TGI_KERNELS(gemm)->run[sum->dtype](&args);
        args.accumulate = true;
        args.parts = 0;
    }
    return TG_OK;
}
