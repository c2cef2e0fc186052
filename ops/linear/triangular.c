/* triangular.c: Cholesky's factorisation and triangular systems.
 *
 * Their gradients are triangular systems again: Murray, Differentiation of the Cholesky decomposition (2016), for
 * Cholesky's. */
#include "ops/base/call.h"
#include "factor.h"
#include "ops/base/iterate.h"
#include "ops/kernels/factor/factor_kernels.h"
#include "ops/kernels/rows/copy_kernels.h"
#include "ops/linalg.h"
#include "linalg_impl.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/base/promote.h"
#include "ops/triangle.h"
#include "ops/view.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- what they share ---- */

/* Room for factor.c and nothing else; NULL on failure. */
static double *scratch_new(int64_t n) { return tgi_calloc((size_t)(TGI_FACTOR_SCRATCH(n) + 1) * sizeof(double)); }
static void scratch_free(double *scratch, int64_t n)
{
    tgi_free(scratch, (size_t)(TGI_FACTOR_SCRATCH(n) + 1) * sizeof(double));
}

/* ---- cholesky ---- */

/* The matrices in x [count, n, n] become their lower factors. False: an error was recorded. */
static bool factor_all(tg_tensor *a, tg_tensor *x, int64_t n)
{
    double *scratch = scratch_new(n);
    int64_t minor = 0, i = 0;
    for (; scratch && minor == 0 && i * n * n < x->numel; i++)
        minor = tgi_cholesky((double *)tgi_ptr(x) + i * n * n, n, scratch);
    scratch_free(scratch, n);
    if (minor == 0) return scratch != NULL;
    char element[48] = "";
    if (a->ndim > 2) snprintf(element, sizeof element, "(Batch element %" PRId64 "): ", i - 1);
    tg_op_fail(&tgi_op_cholesky, tg_list(a),
               "linalg.cholesky: %sThe factorization could not be completed because the input is not positive-definite "
               "(the leading minor of order %" PRId64 " is not positive-definite).",
               element, minor);
    return false;
}

/* The factor of a^T is that of a symmetric a, made of the upper triangle; transposed it is the upper factor. */
static tg_tensor *factored(tg_tensor *a, bool upper)
{
    const tg_shape shape = tgi_shape(a);
    tg_tensor *source = tg_detach(a);
    if (upper) source = tgi_transposed(source);
    tg_tensor *x = source ? tgi_own_doubles(source, &shape) : NULL;
    const bool ok = x && factor_all(a, x, a->dims[a->ndim - 1]);
    tg_tensor *y = ok ? tgi_rounded(upper ? tgi_transposed(x) : x, (tg_dtype)a->dtype) : NULL;
    tgi_unref(x);
    return y;
}

tg_tensor *tg_cholesky_at(const char *where, tg_tensor *a, tg_cholesky_options options)
{
    const tg_op *op = &tgi_op_cholesky;
    if (!tg_op_begin(where, op, tg_list(a)) || !tgi_is_square_floating(op, tg_list(a), a, "linalg.cholesky"))
        return NULL;
    tg_tensor *y = factored(a, options.upper);
    if (!y) return NULL;
    const tg_status status = tg_record(op, tg_list(a), tg_list(y), tg_list(y), &options.upper, sizeof options.upper);
    return status == TG_OK ? y : NULL;
}

/* da = L^-T s L^-1 / 2, s the symmetric matrix whose lower triangle is that of LT g. */
static void cholesky_backward(tg_context *ctx)
{
    const bool *upper = tg_attributes(ctx);
    tg_tensor *l = tg_saved(ctx, 0), *g = tg_grad_output(ctx, 0);
    if (*upper) {
        l = tgi_transposed(l);
        g = tgi_transposed(g);
    }
    tg_tensor *lower = tg_tril(tg_matmul(tgi_transposed(l), g));
    tg_tensor *s = tg_add(lower, tgi_transposed(tg_tril(lower, -1)));
    tg_tensor *half = tg_solve_triangular(tgi_transposed(l), s, true);
    tg_set_grad_input(ctx, 0, tg_mul(tg_solve_triangular(l, half, false, .left = false), 0.5));
}

static tg_tensor_list cholesky_call(const tg_value *v)
{
    return tgi_result(tg_cholesky(v[0].as.tensor, .upper = v[1].as.boolean));
}

/* Symmetric, its rows windows of one vector, and positive definite, whatever the tests do to the leaves. */
#define SPD_2                                                                                                          \
    "add(narrow(reshape(narrow(repeat(v(2, 0.5, 1.5), [3]), 0, 0, 8), [2, 4]), 1, 0, 2), reshape(v(2, 0, 0, 2, "       \
    "grad=False), [2, 2]))"
#define SPD_3                                                                                                           \
    "add(narrow(reshape(narrow(repeat(v(2, 0.3, 1, 0.2, 3), [4]), 0, 0, 18), [3, 6]), 1, 0, 3), reshape(v(2, 0, 0, 0, " \
    "2, 0, 0, 0, 2, grad=False), [3, 3]))"

const tg_op tgi_op_cholesky = {
    .name = "cholesky",
    .schema = "cholesky(Tensor self, bool upper=False) -> Tensor",
    .formula = "y yT = self, y lower triangular; yT y = self, y upper triangular",
    .gradient = "dself = L^-T s L^-1 / 2, s the symmetric matrix whose lower triangle is that of LT g",
    .doc = "Cholesky's factor of positive definite matrices, of which one triangle is read",
    .shapes = "[*, n, n] to [*, n, n]",
    .backward = cholesky_backward,
    .call = cholesky_call,
    .samples = (const char *const[]){ "cholesky(" SPD_2 ")", "cholesky(" SPD_3 ")", "cholesky(" SPD_3 ", upper=True)",
                                      "cholesky(stack([" SPD_2 ", " SPD_2 "]))", "cholesky(f(0, 0))",
                                      "cholesky(f(0, 2, 2))", NULL },
    .corners =
        (const char *const[]){
            "cholesky(add(reshape(v(4, 9, 2, 5), [2, 2]), reshape(v(1, 0, 0, 1), [2, 2])))",
            "cholesky(add(reshape(v(4, 2, 9, 5), [2, 2]), reshape(v(1, 0, 0, 1), [2, 2])), upper=True)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "cholesky(f(2, 3))", "cholesky: A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "cholesky(f(2))", "cholesky: The input tensor A must have at least 2 dimensions." },
            { "cholesky(reshape(v(1, 2, 2, 1), [2, 2]))",
              "cholesky: The factorization could not be completed because the input is not positive-definite (the leading "
              "minor of order 2 is not positive-definite)." },
            { "cholesky(reshape(v(1, 0, 0, 1, 0, 0, 0, 0), [2, 2, 2]))",
              "(Batch element 1): The factorization could not be completed because the input is not positive-definite (the "
              "leading minor of order 1 is not positive-definite)." },
            { "cholesky(i(2, 2))", "linalg.cholesky: Expected a floating point or complex tensor as input. Got Long" },
            { NULL, NULL } },
};

/* ---- solve_triangular ---- */

typedef struct triangular {
    bool upper, unit;
} triangular;

/* A as float64, to be read: itself where it is that already, row by row and stretched to `shape`. Owned. */
static tg_tensor *own_matrices(tg_tensor *a, const tg_shape *shape)
{
    const tg_shape have = tgi_shape(a);
    if (a->dtype == TG_FLOAT64 && a->contiguous && tg_shape_equal(&have, shape)) return tgi_ref(a);
    return tgi_own_doubles(a, shape);
}

/* x = a^-1 x for triangles of floats. Of one column each element of a is used once: a row's part is made doubles when
 * it is its turn, in `part`, and a is never all doubles in memory. The sums are those of tgi_triangular_solve. */
static void solve_columns(const float *a, int64_t n, int64_t count, triangular how, double *x, double *part)
{
    const int64_t row[] = { 0, 0 }, step[] = { sizeof *part, sizeof *a };
    for (int64_t i = 0; i < count * n; i++) {
        const int64_t matrix = i / n, known = i % n, r = how.upper ? n - 1 - known : known,
                      from = how.upper ? r + 1 : 0;
        const float *of_row = a + (matrix * n + r) * n;
        double *column = x + matrix * n;
        char *p[] = { (char *)part, (char *)(uintptr_t)(of_row + from) };
        TGI_KERNELS(copy)->run[TGI_F64][TGI_F32](1, known, p, row, step);
        column[r] -= TGI_KERNELS(factor)->dot(known, part, column + from);
        if (!how.unit) column[r] /= (double)of_row[r];
    }
}

/* b becomes X of A X = B. False: no memory. */
static bool solve_in_place(tg_tensor *a, const tg_shape *batch, triangular how, tg_tensor *b)
{
    const int64_t n = a->dims[a->ndim - 1], m = b->dims[b->ndim - 1], count = tg_shape_numel(batch);
    const tg_shape shape = tgi_shape_with(batch, n, n), have = tgi_shape(a);
    double *const x = tgi_ptr(b);
    if (m == 1 && n > TGI_NARROW && a->dtype == TG_FLOAT32 && a->contiguous && tg_shape_equal(&have, &shape)) {
        double *part = tgi_calloc((size_t)n * sizeof *part);
        if (part) solve_columns(tgi_ptr(a), n, count, how, x, part);
        tgi_free(part, (size_t)n * sizeof *part);
        return part != NULL;
    }
    tg_tensor *matrices = own_matrices(a, &shape);
    double *scratch = matrices ? scratch_new(m > 1 ? n : 0) : NULL;
    for (int64_t i = 0; scratch && b->numel && i < count; i++)
        tgi_triangular_solve((double *)tgi_ptr(matrices) + i * n * n, n, how.upper, how.unit, x + i * n * m, m,
                             scratch);
    scratch_free(scratch, m > 1 ? n : 0);
    tgi_unref(matrices);
    return scratch != NULL;
}

/* X of A X = B. Records. */
static tg_tensor *solve_left(tg_tensor *a, tg_tensor *b, const tg_shape *batch, triangular how)
{
    const tg_shape shape = tgi_shape_with(batch, a->dims[a->ndim - 1], b->dims[b->ndim - 1]);
    tg_tensor *x = tgi_own_doubles(b, &shape);
    tg_tensor *y = x && solve_in_place(a, batch, how, x) ? tgi_rounded(x, (tg_dtype)a->dtype) : NULL;
    tgi_unref(x);
    if (!y) return NULL;
    const tg_status status =
        tg_record(&tgi_op_solve_triangular, tg_list(a, b), tg_list(y), tg_list(a, y), &how, sizeof how);
    return status == TG_OK ? y : NULL;
}

/* Of X A = B the transpose is solved. */
static tg_tensor *solve_either(tg_tensor *a, tg_tensor *b, const tg_shape *batch, triangular how, bool left)
{
    if (left) return solve_left(a, b, batch, how);
    how.upper = !how.upper;
    a = tgi_transposed(a);
    b = tgi_transposed(b);
    return a && b ? tgi_ordinary(tgi_transposed(solve_left(a, b, batch, how)), TG_NONE) : NULL;
}

static bool same_floating(const tg_op *op, tg_tensor_list inputs, const tg_tensor *a, const tg_tensor *b,
                          const char *kernel)
{
    if (a->dtype == b->dtype && tgi_is_floating(a)) return true;
    if (a->dtype == b->dtype)
        tgi_not_implemented(op, inputs, kernel, a->dtype);
    else
        tg_op_fail(op, inputs,
                   "Expected b and A to have the same dtype, but found b of type %s and A of type %s instead.",
                   tgi_type_name(b), tgi_type_name(a));
    return false;
}

tg_tensor *tg_solve_triangular_at(const char *where, tg_tensor *a, tg_tensor *b, bool upper,
                                  tg_triangular_options options)
{
    const tg_op *op = &tgi_op_solve_triangular;
    const tg_tensor_list inputs = tg_list(a, b);
    const char *name = "linalg.solve_triangular";
    tg_shape batch;
    if (!tg_op_begin(where, op, inputs) || !tgi_is_square(op, inputs, a, name) ||
        !tgi_equation_fits(op, inputs, a, b, options.left, name, &batch) ||
        !same_floating(op, inputs, a, b, "triangular_solve_cpu"))
        return NULL;
    return solve_either(a, b, &batch, (triangular){ upper, options.unitriangular }, options.left);
}

/* db = A^-T g, dA = the triangle of -db yT */
static void solve_triangular_backward(tg_context *ctx)
{
    const triangular *how = tg_attributes(ctx);
    tg_tensor *a = tgi_transposed(tg_saved(ctx, 0)), *g = tg_grad_output(ctx, 0);
    tg_tensor *db = tg_solve_triangular(a, g, !how->upper, .unitriangular = how->unit);
    if (tg_needs_input_grad(ctx, 1)) tg_set_grad_input(ctx, 1, db);
    if (!tg_needs_input_grad(ctx, 0)) return;
    tg_tensor *whole = tg_neg(tg_matmul(db, tgi_transposed(tg_saved(ctx, 1))));
    tg_set_grad_input(ctx, 0, how->upper ? tg_triu(whole, how->unit) : tg_tril(whole, -how->unit));
}

/* A X = B: what the other side of X makes of it are ops of their own. */
static tg_tensor_list solve_triangular_again(const tg_node *node, tg_tensor_list inputs)
{
    const triangular *how = tg_node_attributes(node);
    return tgi_result(tg_solve_triangular(inputs.items[0], inputs.items[1], how->upper, .unitriangular = how->unit));
}

static tg_tensor_list solve_triangular_call(const tg_value *v)
{
    return tgi_result(tg_solve_triangular(v[0].as.tensor, v[1].as.tensor, v[2].as.boolean, .left = v[3].as.boolean,
                                          .unitriangular = v[4].as.boolean));
}

/* Well conditioned triangles. */
#define TRIANGLE_3 "add(f(3, 3, lo=-1, hi=1), reshape(v(4, 0, 0, 0, -4, 0, 0, 0, 4, grad=False), [3, 3]))"
#define TRIANGLES  "add(f(2, 2, 2, lo=-1, hi=1), reshape(v(4, 0, 0, 4, grad=False), [2, 2]))"

const tg_op tgi_op_solve_triangular = {
    .name = "solve_triangular",
    .schema = "solve_triangular(Tensor A, Tensor B, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
    .formula = "A y = B, or y A = B without left",
    .gradient = "dB = A^-T g, dA = the triangle of -dB yT",
    .doc = "the solution of a triangular system; the other triangle of A is not read",
    .shapes = "[*, n, n] and [*, n, k] to [*, n, k]; without left [*, n, n] and [*, k, n] to [*, k, n]",
    .backward = solve_triangular_backward,
    .call = solve_triangular_call,
    .again = solve_triangular_again,
    .samples =
        (const char *const[]){
            "solve_triangular(" TRIANGLE_3 ", f(3, 2), True)", "solve_triangular(" TRIANGLE_3 ", f(3, 2), False)",
            "solve_triangular(" TRIANGLE_3 ", f(2, 3), True, left=False)",
            "solve_triangular(" TRIANGLE_3 ", f(2, 3), False, left=False)",
            "solve_triangular(f(3, 3), f(3, 2), True, unitriangular=True)",
            "solve_triangular(" TRIANGLES ", f(2, 2, 1), False)", "solve_triangular(" TRIANGLES ", f(2, 3), True)",
            "solve_triangular(" TRIANGLE_3 ", f(2, 3, 1), True)", "solve_triangular(f(0, 0), f(0, 2), True)",
            "solve_triangular(f(0, 2, 2), f(0, 2, 1), True)", NULL },
    .errors =
        (const tg_error_sample[]){
            { "solve_triangular(f(2, 2), f(2), True)",
              "linalg.solve_triangular: The input tensor B must have at least 2 dimensions." },
            { "solve_triangular(f(2, 2), f(3, 1), True)",
              "linalg.solve_triangular: Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)" },
            { "solve_triangular(f(2, 2), f(3, 1), True, left=False)",
              "linalg.solve_triangular: Incompatible shapes of A and B for the equation XA = B (2x2 and 3x1)" },
            { "solve_triangular(f(2, 3), f(2, 1), True)",
              "linalg.solve_triangular: A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "solve_triangular(i(2, 2), i(2, 1), True)", "\"triangular_solve_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){
            { "solve_triangular(f(2, 2), i(2, 1), True)", "Expected b and A to have the same dtype" }, { NULL, NULL } },
};

/* Of a system as torch has it, b first: dtypes, then square matrices that fit b, then a dtype that can be computed
 * with. */
static bool sizes_fit(const tg_op *op, tg_tensor_list inputs, const tg_tensor *b, const tg_tensor *a, const char *name)
{
    const int64_t n = a->dims[a->ndim - 1], rows = a->dims[a->ndim - 2];
    char kernel[32];
    snprintf(kernel, sizeof kernel, "%s_cpu", name);
    if (a->dtype != b->dtype) return same_floating(op, inputs, a, b, kernel);
    if (rows != n) {
        tg_op_fail(op, inputs, "A must be batches of square matrices, but they are %" PRId64 " by %" PRId64 " matrices",
                   rows, n);
        return false;
    }
    if (b->dims[b->ndim - 2] != n) {
        tg_op_fail(op, inputs,
                   "Incompatible matrix sizes for %s: each A matrix is %" PRId64 " by %" PRId64
                   " but each b matrix is %" PRId64 " by %" PRId64,
                   name, n, n, b->dims[b->ndim - 2], b->dims[b->ndim - 1]);
        return false;
    }
    return same_floating(op, inputs, a, b, kernel);
}

/* ---- cholesky_solve ---- */

static bool has_matrices(const tg_op *op, tg_tensor_list inputs, const tg_tensor *t, const char *name)
{
    if (t->ndim >= 2) return true;
    tg_op_fail(op, inputs, "%s should have at least 2 dimensions, but has %d dimensions instead", name, t->ndim);
    return false;
}

tg_tensor *tg_cholesky_solve_at(const char *where, tg_tensor *b, tg_tensor *l, tg_cholesky_options options)
{
    const tg_op *op = &tgi_op_cholesky_solve;
    const tg_tensor_list inputs = tg_list(b, l);
    if (!tg_op_begin(where, op, inputs) || !has_matrices(op, inputs, b, "b") || !has_matrices(op, inputs, l, "u"))
        return NULL;
    if (!sizes_fit(op, inputs, b, l, "cholesky_solve")) return NULL;
    const tg_shape batch_l = tgi_matrix_batch(l), batch_b = tgi_matrix_batch(b);
    tg_shape batch;
    if (!tgi_broadcast(op, inputs, &batch_b, &batch_l, &batch)) return NULL;
    if (options.upper) l = tgi_transposed(l);
    return tg_solve_triangular(tgi_transposed(l), tg_solve_triangular(l, b, false), true);
}

static tg_tensor_list cholesky_solve_call(const tg_value *v)
{
    return tgi_result(tg_cholesky_solve(v[0].as.tensor, v[1].as.tensor, .upper = v[2].as.boolean));
}

const tg_op tgi_op_cholesky_solve = {
    .name = "cholesky_solve",
    .schema = "cholesky_solve(Tensor self, Tensor L, bool upper=False) -> Tensor",
    .formula = "L LT y = self, or LT L y = self with upper",
    .gradient = "of the two triangular systems it is made of",
    .doc = "the solution of a system by Cholesky's factor of its matrix; the factor's other triangle is not read",
    .shapes = "[*, n, k] and [*, n, n] to [*, n, k]",
    .composite = true,
    .call = cholesky_solve_call,
    .samples =
        (const char *const[]){ "cholesky_solve(f(3, 2), " TRIANGLE_3 ")",
                               "cholesky_solve(f(3, 2), " TRIANGLE_3 ", upper=True)",
                               "cholesky_solve(f(2, 2, 1), " TRIANGLES ")", "cholesky_solve(f(2, 3), " TRIANGLES ")",
                               "cholesky_solve(f(2, 3, 1), " TRIANGLE_3 ", True)", "cholesky_solve(f(0, 2), f(0, 0))",
                               "cholesky_solve(f(0, 2, 1), f(0, 2, 2))", NULL },
    .errors =
        (const tg_error_sample[]){
            { "cholesky_solve(f(3), f(3, 3))", "b should have at least 2 dimensions, but has 1 dimensions instead" },
            { "cholesky_solve(f(3, 1), f(3))", "u should have at least 2 dimensions, but has 1 dimensions instead" },
            { "cholesky_solve(f(3, 1), f(2, 2))",
              "Incompatible matrix sizes for cholesky_solve: each A matrix is 2 by 2 but each b matrix is 3 by 1" },
            { "cholesky_solve(f(2, 1), f(2, 3))",
              "A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "cholesky_solve(f(2, 2, 1), f(3, 2, 2))",
              "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0" },
            { "cholesky_solve(f(2, 1), i(2, 2))",
              "Expected b and A to have the same dtype, but found b of type Double and A of type Long instead." },
            { "cholesky_solve(i(2, 1), i(2, 2))", "\"cholesky_solve_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};

/* ---- triangular_solve ---- */

static bool triangular_solve_check(tg_tensor *b, tg_tensor *a)
{
    const tg_op *op = &tgi_op_triangular_solve;
    const tg_tensor_list inputs = tg_list(b, a);
    const tg_tensor *sides[] = { b, a };
    for (int i = 0; i < 2; i++) {
        if (sides[i]->ndim >= 2) continue;
        tg_op_fail(
            op, inputs,
            "torch.triangular_solve: Expected %s to have at least 2 dimensions, but it has %d dimensions instead",
            i ? "A" : "b", sides[i]->ndim);
        return false;
    }
    return sizes_fit(op, inputs, b, a, "triangular_solve");
}

tg_triangular_solve_result tg_triangular_solve_at(const char *where, tg_tensor *b, tg_tensor *a,
                                                  tg_triangular_solve_options options)
{
    const tg_triangular_solve_result failed = { NULL, NULL };
    const tg_op *op = &tgi_op_triangular_solve;
    const tg_tensor_list inputs = tg_list(b, a);
    if (!tg_op_begin(where, op, inputs) || !triangular_solve_check(b, a)) return failed;
    tg_shape batch_a = tgi_matrix_batch(a), batch_b = tgi_matrix_batch(b), batch;
    if (!tgi_broadcast(op, inputs, &batch_b, &batch_a, &batch)) return failed;
    const triangular how = { options.upper != options.transpose, options.unitriangular };
    const int64_t n = a->dims[a->ndim - 1];
    tg_tensor *matrices = options.transpose ? tgi_transposed(a) : a;
    const tg_triangular_solve_result y = {
        .solution = matrices ? solve_left(matrices, b, &batch, how) : NULL,
        .cloned_coefficient = tg_clone(tg_expand(a, tgi_shape_with(&batch, n, n))),
    };
    return y.solution && y.cloned_coefficient ? y : failed;
}

static tg_tensor_list triangular_solve_call(const tg_value *v)
{
    const tg_triangular_solve_result r =
        tg_triangular_solve(v[0].as.tensor, v[1].as.tensor, .upper = v[2].as.boolean, .transpose = v[3].as.boolean,
                            .unitriangular = v[4].as.boolean);
    tg_tensor **items = r.solution ? tg_list_new(2) : NULL;
    if (!items) return tg_list_failed();
    items[0] = r.solution;
    items[1] = r.cloned_coefficient;
    return tg_list_of(items, 2);
}

const tg_op tgi_op_triangular_solve = {
    .name = "triangular_solve",
    .schema =
        "triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) "
        "-> (Tensor solution, Tensor cloned_coefficient)",
    .formula = "A solution = self, or AT solution = self with transpose; cloned_coefficient = A",
    .gradient = "that of solve_triangular, and dA = gcloned_coefficient",
    .doc = "solve_triangular under its older name, with a copy of A",
    .shapes = "[*, n, k] and [*, n, n] to [*, n, k] and [*, n, n]",
    .composite = true,
    .call = triangular_solve_call,
    .samples = (const char *const[]){ "triangular_solve(f(3, 2), " TRIANGLE_3 ")",
                                      "triangular_solve(f(3, 2), " TRIANGLE_3 ", upper=False)",
                                      "triangular_solve(f(3, 2), " TRIANGLE_3 ", transpose=True)",
                                      "triangular_solve(f(3, 2), " TRIANGLE_3 ", upper=False, transpose=True)",
                                      "triangular_solve(f(3, 1), f(3, 3), unitriangular=True)",
                                      "triangular_solve(f(2, 1), " TRIANGLES ")",
                                      "triangular_solve(f(2, 3, 1), " TRIANGLE_3 ")", NULL },
    .errors =
        (const tg_error_sample[]){
            { "triangular_solve(f(2), f(2, 2))",
              "torch.triangular_solve: Expected b to have at least 2 dimensions, but it has 1 dimensions instead" },
            { "triangular_solve(f(3, 1), f(2, 2))",
              "Incompatible matrix sizes for triangular_solve: each A matrix is 2 by 2 but each b matrix is 3 by 1" },
            { "triangular_solve(f(2, 1), f(2, 3))",
              "A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "triangular_solve(f(2, 1), i(2, 2))",
              "Expected b and A to have the same dtype, but found b of type Double and A of type Long instead." },
            { "triangular_solve(i(2, 1), i(2, 2))", "\"triangular_solve_cpu\" not implemented for 'Long'" },
            { NULL, NULL } },
};
