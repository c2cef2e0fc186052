/* linalg.c: inverses, linear systems and powers, by LU with partial pivoting (factor.c).
 *
 * Every gradient is written in ops, so it may be differentiated again. A matrix is factored for each op that needs it,
 * its backward included. */
#include "ops/linalg.h"

#include "ops/base/call.h"
#include "ops/create.h"
#include "factor.h"
#include "ops/base/iterate.h"
#include "linalg_impl.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- checks ---- */

bool tgi_is_square(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const char *name)
{
    if (a->ndim < 2) {
        tg_op_fail(op, inputs, "%s: The input tensor A must have at least 2 dimensions.", name);
        return false;
    }
    const int64_t rows = a->dims[a->ndim - 2], columns = a->dims[a->ndim - 1];
    if (rows == columns) return true;
    tg_op_fail(op, inputs, "%s: A must be batches of square matrices, but they are %" PRId64 " by %" PRId64 " matrices",
               name, rows, columns);
    return false;
}

bool tgi_is_square_floating(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const char *name)
{
    if (!tgi_is_square(op, inputs, a, name)) return false;
    if (tgi_is_floating(a)) return true;
    tg_op_fail(op, inputs, "%s: Expected a floating point or complex tensor as input. Got %s", name, tgi_type_name(a));
    return false;
}

bool tgi_equation_fits(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const tg_tensor *b, bool left,
                       const char *name, tg_shape *batch)
{
    if (b->ndim < 2) {
        tg_op_fail(op, inputs, "%s: The input tensor B must have at least 2 dimensions.", name);
        return false;
    }
    const int64_t n = a->dims[a->ndim - 1], rows = b->dims[b->ndim - 2], columns = b->dims[b->ndim - 1];
    if (n != (left ? rows : columns)) {
        tg_op_fail(op, inputs,
                   "%s: Incompatible shapes of A and B for the equation %s = B (%" PRId64 "x%" PRId64 " and %" PRId64
                   "x%" PRId64 ")",
                   name, left ? "AX" : "XA", n, n, rows, columns);
        return false;
    }
    const tg_shape batch_a = tgi_matrix_batch(a), batch_b = tgi_matrix_batch(b);
    return tgi_broadcast(op, inputs, &batch_b, &batch_a, batch);
}

tg_shape tgi_shape_with(const tg_shape *batch, int64_t rows, int64_t columns)
{
    tg_shape shape = *batch;
    shape.dims[shape.ndim++] = rows;
    shape.dims[shape.ndim++] = columns;
    return shape;
}

tg_tensor *tgi_own_doubles(tg_tensor *t, const tg_shape *shape)
{
    tg_tensor *copy = tgi_own(tgi_new(shape, TG_FLOAT64));
    if (copy) tgi_copy_raw(copy, t);
    return copy;
}

tg_tensor *tgi_rounded(tg_tensor *doubles, tg_dtype dtype)
{
    tg_tensor *y = doubles ? tgi_new_like(doubles, dtype) : NULL;
    if (y) tgi_copy_raw(y, doubles);
    return y;
}

/* ---- factored matrices ---- */

bool tgi_factors_new(tg_tensor *a, const tg_shape *batch, tgi_factors *f)
{
    const int64_t n = a->dims[a->ndim - 1], count = tg_shape_numel(batch);
    const tg_shape shape = tgi_shape_with(batch, n, n);
    *f = (tgi_factors){ .lu = tgi_own_doubles(a, &shape), .n = n, .count = count, .singular = -1 };
    f->bytes = (size_t)TGI_FACTOR_SCRATCH(n) * sizeof(double);
    f->swaps = f->lu ? tgi_own(tgi_new(&tg_shape(count, n), TG_INT64)) : NULL;
    f->scratch = f->swaps ? tgi_calloc(f->bytes) : NULL;
    if (!f->scratch) return false;
    f->pivots = tgi_ptr(f->swaps);
    for (int64_t i = 0; n > 0 && i < count; i++) {
        const int64_t zero = tgi_lu((double *)tgi_ptr(f->lu) + i * n * n, n, f->pivots + i * n, f->scratch);
        if (zero && f->singular < 0) f->singular = i, f->zero = zero;
    }
    return true;
}

void tgi_factors_free(tgi_factors *f)
{
    tgi_free(f->scratch, f->bytes);
    tgi_unref(f->swaps);
    tgi_unref(f->lu);
}

/* b [batch, n, m], doubles, becomes A^-1 b. */
static void solve_all(const tgi_factors *f, tg_tensor *b, int64_t m)
{
    for (int64_t i = 0; i < f->count && b->numel; i++)
        tgi_lu_solve(tgi_factored(f, i), f->n, f->pivots + i * f->n, (double *)tgi_ptr(b) + i * f->n * m, m,
                     f->scratch);
}

tg_tensor *tgi_rounded_own(tg_tensor *doubles, tg_dtype dtype)
{
    tg_tensor *y = tgi_rounded(doubles, dtype);
    tgi_unref(doubles);
    return y;
}

/* ---- inv ---- */

tg_tensor *tgi_own_identities(const tg_shape *shape)
{
    const int64_t n = shape->dims[shape->ndim - 1];
    tg_tensor *y = tgi_own(tgi_new_full(shape, TG_FLOAT64, 0));
    for (int64_t i = 0; y && i < y->numel; i += n * n)
        for (int64_t k = 0; k < n; k++) ((double *)tgi_ptr(y))[i + k * n + k] = 1;
    return y;
}

static void invert_all(const tgi_factors *f, tg_tensor *x)
{
    for (int64_t i = 0; i < f->count && x->numel; i++)
        tgi_lu_inverse(tgi_factored(f, i), f->n, f->pivots + i * f->n, (double *)tgi_ptr(x) + i * f->n * f->n,
                       f->scratch);
}

/* A singular matrix is an error if `check`, otherwise its inverse is inf and NaN. */
static tg_tensor *inverse(const tg_op *op, tg_tensor *a, bool check)
{
    tgi_factors f;
    tg_tensor *x = NULL;
    const tg_shape batch = tgi_matrix_batch(a), shape = tgi_shape(a);
    if (tgi_factors_new(a, &batch, &f)) {
        const int64_t singular = check ? f.singular : -1;
        char element[48] = "";
        if (singular >= 0 && batch.ndim) snprintf(element, sizeof element, "(Batch element %" PRId64 "): ", singular);
        if (singular >= 0)
            tg_op_fail(op, tg_list(a),
                       "linalg.inv: %sThe diagonal element %" PRId64
                       " is zero, the inversion could not be completed because the input matrix is singular.",
                       element, f.zero);
        else if ((x = tgi_own(tgi_new(&shape, TG_FLOAT64))))
            invert_all(&f, x);
    }
    tgi_factors_free(&f);
    tg_tensor *y = tgi_rounded_own(x, (tg_dtype)a->dtype);
    if (!y) return NULL;
    return tg_record(op, tg_list(a), tg_list(y), tg_list(y), NULL, 0) == TG_OK ? y : NULL;
}

static tg_tensor *checked_inverse(const char *where, const tg_op *op, tg_tensor *a)
{
    if (!tg_op_begin(where, op, tg_list(a)) || !tgi_is_square_floating(op, tg_list(a), a, "linalg.inv")) return NULL;
    return inverse(op, a, true);
}

tg_tensor *tgi_inverse_unchecked(tg_tensor *a) { return inverse(&tgi_op_inv, a, false); }

tg_tensor *tg_inv_at(const char *where, tg_tensor *a) { return checked_inverse(where, &tgi_op_inv, a); }
tg_tensor *tg_inverse_at(const char *where, tg_tensor *a) { return checked_inverse(where, &tgi_op_inverse, a); }

/* da = -yT g yT */
static void inv_backward(tg_context *ctx)
{
    tg_tensor *yt = tgi_transposed(tg_saved(ctx, 0));
    tg_set_grad_input(ctx, 0, tg_neg(tg_matmul(yt, tg_matmul(tg_grad_output(ctx, 0), yt))));
}

static tg_tensor_list inv_call(const tg_value *v) { return tgi_result(tg_inv(v[0].as.tensor)); }
static tg_tensor_list inverse_call(const tg_value *v) { return tgi_result(tg_inverse(v[0].as.tensor)); }

const tg_op tgi_op_inv = {
    .name = "inv",
    .schema = "inv(Tensor A) -> Tensor",
    .formula = "y = A^-1",
    .gradient = "dA = -yT g yT",
    .doc = "the inverses of square matrices; a singular one is an error",
    .shapes = "[*, n, n] to [*, n, n]",
    .backward = inv_backward,
    .call = inv_call,
    .samples = (const char *const[]){ "inv(" TGI_MATRIX_3 ")", "inv(t(" TGI_MATRIX_2 "))", "inv(" TGI_MATRICES_2 ")",
                                      "inv(f(1, 1, lo=1, hi=2))", "inv(f(0, 0))", "inv(f(0, 2, 2))", NULL },
    .errors =
        (const tg_error_sample[]){
            TGI_SQUARE_ERRORS("inv", "linalg.inv"),
            { "inv(reshape(v(1, 2, 2, 4), [2, 2]))",
              "linalg.inv: The diagonal element 2 is zero, the inversion could not be completed because the input matrix is "
              "singular." },
            { "inv(reshape(v(1, 0, 0, 1, 0, 0, 0, 0), [2, 2, 2]))",
              "linalg.inv: (Batch element 1): The diagonal element 1 is zero, the inversion could not be completed" },
            { NULL, NULL } },
};

const tg_op tgi_op_inverse = {
    .name = "inverse",
    .schema = "inverse(Tensor self) -> Tensor",
    .formula = "y = self^-1",
    .gradient = "dself = -yT g yT",
    .doc = "inv under its older name",
    .shapes = "[*, n, n] to [*, n, n]",
    .backward = inv_backward,
    .call = inverse_call,
    .samples = (const char *const[]){ "inverse(" TGI_MATRIX_2 ")", NULL },
    .errors = (const tg_error_sample[]){ TGI_SQUARE_ERRORS("inverse", "linalg.inv"), { NULL, NULL } },
};

/* ---- solve ---- */

/* One vector for each matrix, not a matrix for all. */
static bool is_vector_side(const tg_tensor *a, const tg_tensor *b)
{
    if (b->ndim == 1) return true;
    if (b->ndim != a->ndim - 1) return false;
    return memcmp(a->dims, b->dims, (size_t)b->ndim * sizeof *b->dims) == 0;
}

static tg_tensor *solve(tg_tensor *a, tg_tensor *b, const tg_shape *batch)
{
    tgi_factors f;
    tg_tensor *x = NULL;
    const int64_t m = b->dims[b->ndim - 1];
    if (tgi_factors_new(a, batch, &f)) {
        const tg_shape shape = tgi_shape_with(batch, f.n, m);
        char element[48] = "";
        if (f.singular >= 0 && batch->ndim)
            snprintf(element, sizeof element, "(Batch element %" PRId64 "): ", f.singular);
        if (f.singular >= 0)
            tg_op_fail(&tgi_op_solve, tg_list(a, b),
                       "torch.linalg.solve: %sThe solver failed because the input matrix is singular.", element);
        else if ((x = tgi_own_doubles(b, &shape)))
            solve_all(&f, x, m);
    }
    tg_tensor *y = tgi_rounded_own(x, (tg_dtype)a->dtype);
    const bool ok =
        y && tg_record(&tgi_op_solve, tg_list(a, b), tg_list(y), tg_list(a, y, f.lu, f.swaps), NULL, 0) == TG_OK;
    tgi_factors_free(&f);
    return ok ? y : NULL;
}

tg_tensor *tg_solve_at(const char *where, tg_tensor *a, tg_tensor *b)
{
    const tg_op *op = &tgi_op_solve;
    const tg_tensor_list inputs = tg_list(a, b);
    tg_shape batch;
    if (!tg_op_begin(where, op, inputs) || !tgi_is_square_floating(op, inputs, a, "linalg.solve")) return NULL;
    if (a->dtype != b->dtype)
        return tg_op_fail(
            op, inputs,
            "linalg.solve: Expected A and B to have the same dtype, but found A of type %s and B of type %s "
            "instead",
            tgi_type_name(a), tgi_type_name(b));
    const bool vector = is_vector_side(a, b);
    tg_tensor *side = vector ? tg_unsqueeze(b, -1) : b;
    if (!side || !tgi_equation_fits(op, inputs, a, side, true, "linalg.solve", &batch)) return NULL;
    tg_tensor *y = solve(a, side, &batch);
    return vector ? tgi_ordinary(tg_squeeze(y, -1), inputs) : y;
}

/* db = A^-T g, dA = -db yT */
static void solve_backward(tg_context *ctx)
{
    tg_tensor *db = tg_solve(tgi_transposed(tg_saved(ctx, 0)), tg_grad_output(ctx, 0));
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, db);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_neg(tg_matmul(db, tgi_transposed(tg_saved(ctx, 1)))));
}

/* The same, db from the factors that forward made. */
static void solve_backward_fused(tg_context *ctx)
{
    tg_tensor *g = tg_grad_output(ctx, 0), *y = tg_saved(ctx, 1), *lu = tg_saved(ctx, 2), *swaps = tg_saved(ctx, 3);
    if (!g || !y || !lu || !swaps) return;
    const int64_t n = lu->dims[lu->ndim - 1], m = g->dims[g->ndim - 1];
    const tg_shape shape = tgi_shape(g);
    const size_t bytes = (size_t)TGI_FACTOR_SCRATCH(n) * sizeof(double);
    double *scratch = tgi_calloc(bytes);
    tg_tensor *b = scratch ? tgi_own_doubles(g, &shape) : NULL;
    for (int64_t i = 0; b && i * n * m < b->numel; i++)
        tgi_lu_solve_transposed((double *)tgi_ptr(lu) + i * n * n, n, (int64_t *)tgi_ptr(swaps) + i * n,
                                (double *)tgi_ptr(b) + i * n * m, m, scratch);
    tgi_free(scratch, bytes);
    tg_tensor *db = tgi_rounded_own(b, (tg_dtype)g->dtype);
    if (!db) return;
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, db);
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, tg_neg(tg_matmul(db, tgi_transposed(y))));
}

static tg_tensor_list solve_call(const tg_value *v) { return tgi_result(tg_solve(v[0].as.tensor, v[1].as.tensor)); }

const tg_op tgi_op_solve = {
    .name = "solve",
    .schema = "solve(Tensor A, Tensor B) -> Tensor",
    .formula = "y = A^-1 B",
    .gradient = "dB = A^-T g, dA = -dB yT",
    .doc = "the solution of A y = B for a matrix or a vector B, as torch.linalg.solve; a singular A is an error",
    .shapes = "[*, n, n] and [*, n, k] or [*, n] to the latter",
    .backward = solve_backward,
    .backward_fused = solve_backward_fused,
    .call = solve_call,
    .samples = (const char *const[]){ "solve(" TGI_MATRIX_3 ", f(3, 2))", "solve(" TGI_MATRIX_2 ", f(2))",
                                      "solve(" TGI_MATRICES_2 ", f(2, 2))", "solve(" TGI_MATRICES_2 ", f(2, 2, 1))",
                                      "solve(" TGI_MATRICES_2 ", f(2, 3))", "solve(" TGI_MATRICES_2 ", f(2))",
                                      "solve(" TGI_MATRIX_2 ", f(2, 2, 1))", "solve(f(0, 0), f(0))",
                                      "solve(f(0, 0), f(0, 3))", "solve(" TGI_MATRIX_2 ", f(2, 0))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "solve(f(2, 3), f(2))",
              "linalg.solve: A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "solve(f(2), f(2))", "linalg.solve: The input tensor A must have at least 2 dimensions." },
            { "solve(f(2, 2), f(3))",
              "linalg.solve: Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)" },
            { "solve(f(2, 2), f())", "linalg.solve: The input tensor B must have at least 2 dimensions." },
            { "solve(f(3, 2, 2), f(4, 2, 1))",
              "The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 0" },
            { "solve(f(2, 2), i(2))",
              "linalg.solve: Expected A and B to have the same dtype, but found A of type Double and B of type Long" },
            { "solve(i(2, 2), i(2))", "linalg.solve: Expected a floating point or complex tensor as input. Got Long" },
            { "solve(reshape(v(1, 2, 2, 4), [2, 2]), f(2))",
              "torch.linalg.solve: The solver failed because the input matrix is singular." },
            { "solve(reshape(v(1, 0, 0, 1, 0, 0, 0, 0), [2, 2, 2]), f(2))",
              "torch.linalg.solve: (Batch element 1): The solver failed because the input matrix is singular." },
            { NULL, NULL } },
};

/* ---- matrix_power ---- */

/* a^n for n > 0, by squaring. */
static tg_tensor *positive_power(tg_tensor *a, uint64_t n)
{
    tg_tensor *y = NULL;
    for (;; n >>= 1) {
        if (!a) return NULL;
        if (n & 1) y = y ? tg_matmul(y, a) : a;
        if (n == 1) return y;
        a = tg_matmul(a, a);
    }
}

tg_tensor *tg_matrix_power_at(const char *where, tg_tensor *a, int64_t n)
{
    const tg_op *op = &tgi_op_matrix_power;
    if (!tg_op_begin(where, op, tg_list(a)) || !tgi_is_square(op, tg_list(a), a, "linalg.matrix_power")) return NULL;
    if (n == 0) {
        const int64_t size = a->dims[a->ndim - 1]; /* the result depends on a, if only by zeros */
        tg_tensor *eye = tg_eye(size, size, .dtype = (tg_dtype)a->dtype);
        return tg_where(tg_ones(tg_shape(), .dtype = TG_BOOL), eye, a);
    }
    if (n < 0) return positive_power(tg_inv(a), -(uint64_t)n);
    return n == 1 ? tg_clone(a) : positive_power(a, (uint64_t)n);
}

static tg_tensor_list matrix_power_call(const tg_value *v)
{
    return tgi_result(tg_matrix_power(v[0].as.tensor, v[1].as.integer));
}

const tg_op tgi_op_matrix_power = {
    .name = "matrix_power",
    .schema = "matrix_power(Tensor self, int n) -> Tensor",
    .formula = "y = self^n",
    .gradient = "that of the products it is made of",
    .doc = "a power of square matrices, of their inverses if n is negative",
    .shapes = "[*, n, n] to [*, n, n]",
    .composite = true,
    .call = matrix_power_call,
    .samples =
        (const char *const[]){ "matrix_power(f(3, 3), 2)", "matrix_power(f(2, 2), 3)", "matrix_power(f(2, 2, 2), 5)",
                               "matrix_power(f(2, 2), 1)", "matrix_power(f(2, 2), 0)",
                               "matrix_power(" TGI_MATRIX_2 ", -1)", "matrix_power(" TGI_MATRIX_3 ", -2)",
                               "matrix_power(i(2, 2), 3)", "matrix_power(i(2, 2), 0)", "matrix_power(b(2, 2), 0)",
                               "matrix_power(f(0, 0), 4)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "matrix_power(f(2, 3), 2)",
              "linalg.matrix_power: A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "matrix_power(f(2), 2)", "linalg.matrix_power: The input tensor A must have at least 2 dimensions." },
            { "matrix_power(reshape(v(1, 2, 2, 4), [2, 2]), -1)",
              "linalg.inv: The diagonal element 2 is zero, the inversion could not be completed" },
            { "matrix_power(i(2, 2), -1)",
              "linalg.inv: Expected a floating point or complex tensor as input. Got Long" },
            { NULL, NULL } },
};

/* ---- trace ---- */

tg_tensor *tg_trace_at(const char *where, tg_tensor *a)
{
    if (!tg_op_begin(where, &tgi_op_trace, tg_list(a))) return NULL;
    if (a->ndim != 2)
        return tg_op_fail(&tgi_op_trace, tg_list(a), "trace: expected a matrix, but got tensor with dim %d", a->ndim);
    if (a->dtype == TG_BOOL) return tg_op_fail(&tgi_op_trace, tg_list(a), "\"trace\" not implemented for 'Bool'");
    return tg_sum(tg_diagonal(a));
}

static tg_tensor_list trace_call(const tg_value *v) { return tgi_result(tg_trace(v[0].as.tensor)); }

const tg_op tgi_op_trace = {
    .name = "trace",
    .schema = "trace(Tensor self) -> Tensor",
    .formula = "y = the sum over i of self[i, i]",
    .gradient = "dself = g on the diagonal, 0 elsewhere",
    .doc = "the sum of a matrix's diagonal",
    .shapes = "[n, m] to []",
    .composite = true,
    .call = trace_call,
    .samples = (const char *const[]){ "trace(f(3, 3))", "trace(f(2, 4))", "trace(f(4, 2))", "trace(f(0, 3))",
                                      "trace(f(3, 0))", "trace(i(3, 3))", NULL },
    .errors = (const tg_error_sample[]){ { "trace(f(2))", "trace: expected a matrix, but got tensor with dim 1" },
                                         { "trace(f(2, 2, 2))", "trace: expected a matrix, but got tensor with dim 3" },
                                         { "trace(b(2, 2))", "\"trace\" not implemented for 'Bool'" },
                                         { NULL, NULL } },
};
