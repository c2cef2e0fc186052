/* svd.c: the singular value decomposition, by way of a bidiagonal matrix (bidiagonal.c), and of QR before (householder.c)
 * where there are many more rows than columns; where lengths of rows or columns are so far apart that small values
 * would drown, by rotations of R's rows (jacobi.c).
 *
 * Its gradient is written in ops, so it may be differentiated again: Townsend, Differentiating the singular value
 * decomposition (2016). */
#include "core/thread.h"
#include "factor.h"
#include "linalg_impl.h"
#include "ops/base/call.h"
#include "ops/base/parallel.h"
#include "ops/base/promote.h"
#include "ops/create.h"
#include "ops/kernels/factor/factor_kernels.h"
#include "ops/kernels/gemm/gemm_kernels.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values ---- */

/* The decomposition's parts, doubles owned by the caller, and room for that of one matrix: T, which is A or, if A is
 * wider than high, its transpose. Either W T = S V, or T = Q R and W R = S V, so that T = Q WT S V. */
typedef struct parts {
    int64_t m, n, k;           /* A's size, and the smaller one of both */
    int64_t length, columns;   /* the larger one; the columns of Q: k, or as many as rows if all are wanted */
    tg_tensor *x, *s, *u, *vh; /* A; u, vh: NULL where only s is wanted */
    double *memory;
    tgi_pool *pool; /* of it */
    size_t bytes;
    double *t, *q, *v, *w, *tau, *scratch; /* in memory */
} parts;

static bool take_memory(parts *p)
{
    const int64_t tall = p->length * p->k, q = p->u ? p->length * p->columns : 0, w = p->u ? tall : 0;
    const int64_t count = tall + q + p->k * p->k + w + p->k + TGI_BIDIAGONAL_SCRATCH(p->length, p->k);
    p->bytes = (size_t)count * sizeof(double);
    p->memory = tgi_alloc(p->bytes);
    if (!p->memory) return false;
    p->pool = tgi_self.pool;
    p->t = p->memory;
    p->q = p->t + tall;
    p->v = p->q + q;
    p->w = p->v + p->k * p->k;
    p->tau = p->w + w;
    p->scratch = p->tau + p->k;
    return true;
}

/* The power of two that scales the largest element to about 1; a NaN comes of one that is not finite. */
static double scale_of(const double *a, int64_t count)
{
    double largest = 0;
    int exponent;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(a[i])) return NAN;
        largest = fmax(largest, fabs(a[i]));
    }
    frexp(largest, &exponent);
    return ldexp(1, (int)-fmax(-1000, fmin(exponent, 1000))); /* neither infinite nor denormal */
}

static void read_t(const parts *p, const double *a, double scale)
{
    for (int64_t i = 0; i < p->length; i++)
        for (int64_t j = 0; j < p->k; j++)
            p->t[i * p->k + j] = (p->m >= p->n ? a[i * p->n + j] : a[j * p->n + i]) * scale;
}

static void note_length(double square, double *shortest, double *longest)
{
    *longest = fmax(*longest, square);
    if (square > 0) *shortest = fmin(*shortest, square);
}

/* The shortest and the longest of the rows, or of the columns, of x [m, n] that are not zeros are far apart. `squares`
 * is room for n numbers. */
static bool are_graded(const double *x, int64_t m, int64_t n, double *squares)
{
    double shortest[2] = { INFINITY, INFINITY }, longest[2] = { 0, 0 };
    memset(squares, 0, (size_t)n * sizeof *squares);
    for (int64_t i = 0; i < m; i++) {
        double row = 0;
        for (int64_t j = 0; j < n; j++) {
            const double square = x[i * n + j] * x[i * n + j];
            row += square;
            squares[j] += square;
        }
        note_length(row, &shortest[0], &longest[0]);
    }
    for (int64_t j = 0; j < n; j++) note_length(squares[j], &shortest[1], &longest[1]);
    return shortest[0] < longest[0] * 0x1p-40 || shortest[1] < longest[1] * 0x1p-40;
}

/* T becomes reflections and R, which goes to v, and reflections make Q. */
static void factor_t(const parts *p)
{
    tgi_qr(p->t, p->length, p->k, p->tau, p->scratch);
    for (int64_t i = 0; i < p->k; i++)
        for (int64_t j = 0; j < p->k; j++) p->v[i * p->k + j] = j < i ? 0 : p->t[i * p->k + j];
    if (p->u) tgi_qr_q(p->t, p->length, p->k, p->tau, p->q, p->columns, p->scratch);
}

/* W, V and S from T. True if they are T's, not R's. */
static bool decompose_t(const parts *p, const double *a, double scale, double *s)
{
    double *const w = p->u ? p->w : NULL;
    read_t(p, a, scale);
    if (!are_graded(p->t, p->length, p->k, p->tau)) {
        if (p->length < 2 * p->k) {
            if (tgi_bidiagonal(p->t, p->length, p->k, p->q, p->columns, w, p->v, s, p->scratch)) return true;
        } else {
            factor_t(p);
            memcpy(p->t, p->v, (size_t)(p->k * p->k) * sizeof *p->t);
            if (tgi_bidiagonal(p->t, p->k, p->k, p->v, p->k, w, p->v, s, p->scratch)) return false;
        }
        read_t(p, a, scale);
    }
    factor_t(p);
    tgi_jacobi(p->v, p->k, w, s);
    return false;
}

/* c [m, n] = a b, or its transpose */
static void multiply(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_col, const double *b,
                     int64_t b_row, int64_t b_col, double *c, int64_t c_row)
{
    TGI_KERNELS(gemm)->run[TGI_F64](&(tgi_gemm){ .m = m,
                                                 .n = n,
                                                 .k = k,
                                                 .a = a,
                                                 .a_row = a_row,
                                                 .a_col = a_col,
                                                 .b = b,
                                                 .b_row = b_row,
                                                 .b_col = b_col,
                                                 .c = c,
                                                 .c_row = c_row });
}

/* U = WT, or Q WT, of a high A, and Q's columns beyond. */
static void make_high(const parts *p, bool whole, double *u, double *vh)
{
    if (whole)
        TGI_KERNELS(factor)->transpose(p->k, p->length, p->w, p->length, u, p->columns);
    else
        multiply(p->length, p->k, p->k, p->q, p->columns, 1, p->w, 1, p->k, u, p->columns);
    for (int64_t i = 0; p->columns > p->k && i < p->length; i++)
        memcpy(u + i * p->columns + p->k, p->q + i * p->columns + p->k, (size_t)(p->columns - p->k) * sizeof *u);
    memcpy(vh, p->v, (size_t)(p->k * p->k) * sizeof *vh);
}

/* Of a wide A = TT = VT S W, or VT S (W QT): Vh = W, or W QT, and Q's columns beyond; U = VT. */
static void make_wide(const parts *p, bool whole, double *u, double *vh)
{
    if (whole)
        memcpy(vh, p->w, (size_t)(p->k * p->length) * sizeof *vh);
    else
        multiply(p->k, p->length, p->k, p->w, p->k, 1, p->q, 1, p->columns, vh, p->length);
    TGI_KERNELS(factor)->transpose(p->length, p->columns - p->k, p->q + p->k, p->columns, vh + p->k * p->length,
                                   p->length);
    TGI_KERNELS(factor)->transpose(p->k, p->k, p->v, p->k, u, p->k);
}

static void negate_row(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = -x[i];
}

static double largest_of(const double *x, int64_t n)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        if (fabs(x[i]) > fabs(largest)) largest = x[i];
    return largest;
}

/* A vector whose largest element is negative is turned round, and with it, if there is one, its partner: of the columns
 * of u, row by row, and of the rows of vh beyond. */
static void fix_signs(const parts *p, double *u, double *vh)
{
    const int64_t columns = p->m >= p->n ? p->columns : p->m, rows = p->m >= p->n ? p->n : p->columns;
    double *const largest = p->scratch;
    memset(largest, 0, (size_t)columns * sizeof *largest);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < columns; j++)
            if (fabs(u[i * columns + j]) > fabs(largest[j])) largest[j] = u[i * columns + j];
    for (int64_t j = 0; j < columns; j++) {
        largest[j] = largest[j] < 0 ? -1 : 1;
        if (j < p->k && largest[j] < 0) negate_row(vh + j * p->n, p->n);
    }
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < columns; j++) u[i * columns + j] *= largest[j];
    for (int64_t i = p->k; i < rows; i++)
        if (largest_of(vh + i * p->n, p->n) < 0) negate_row(vh + i * p->n, p->n);
}

/* False where an element of matrix i is not finite. */
static bool decompose_one(const parts *p, int64_t i)
{
    const double *a = (double *)tgi_ptr(p->x) + i * p->m * p->n, scale = scale_of(a, p->m * p->n);
    double *s = (double *)tgi_ptr(p->s) + i * p->k;
    if (isnan(scale)) return false;
    const bool whole = decompose_t(p, a, scale, s);
    for (int64_t k = 0; k < p->k; k++) s[k] /= scale;
    if (!p->u) return true;
    double *u = (double *)tgi_ptr(p->u) + i * p->m * p->u->dims[p->u->ndim - 1];
    double *vh = (double *)tgi_ptr(p->vh) + i * p->n * p->vh->dims[p->vh->ndim - 2];
    if (p->m >= p->n)
        make_high(p, whole, u, vh);
    else
        make_wide(p, whole, u, vh);
    fix_signs(p, u, vh);
    return true;
}

static bool fail_of_values(const tg_op *op, tg_tensor *a, int64_t i)
{
    char element[48] = "";
    if (a->ndim > 2) snprintf(element, sizeof element, "(Batch element %" PRId64 "): ", i);
    return tg_op_fail(
        op, tg_list(a),
        "linalg.svd: %sThe algorithm failed to converge because the input matrix contained non-finite values.",
        element);
}

/* Matrices without elements have no singular values, and identities beside them. */
static bool decompose_all(const tg_op *op, tg_tensor *a, parts *p)
{
    bool ok = take_memory(p);
    for (int64_t i = 0; ok && p->k > 0 && i * p->m * p->n < p->x->numel; i++)
        if (!decompose_one(p, i)) ok = fail_of_values(op, a, i);
    if (p->memory) tgi_pool_free(p->pool, p->memory, p->bytes);
    return ok;
}

/* Doubles for a part of the decomposition of matrices that have elements, identities for others. */
static tg_tensor *new_part(const parts *p, const tg_shape *shape)
{
    return p->k == 0 && shape->dims[shape->ndim - 1] == shape->dims[shape->ndim - 2]
               ? tgi_own_identities(shape)
               : tgi_own(tgi_new(shape, TG_FLOAT64));
}

/* Only S unless `vectors`. */
static tg_svd_result decompose(const tg_op *op, tg_tensor *a, bool vectors, bool full)
{
    const tg_dtype dtype = (tg_dtype)a->dtype;
    const tg_shape batch = tgi_matrix_batch(a), shape = tgi_shape(a);
    parts p = { .m = a->dims[a->ndim - 2], .n = a->dims[a->ndim - 1] };
    p.k = tgi_smaller(p.m, p.n);
    p.length = tgi_larger(p.m, p.n);
    p.columns = full ? p.length : p.k;
    const tg_shape of_u = tgi_shape_with(&batch, p.m, full ? p.m : p.k);
    const tg_shape of_vh = tgi_shape_with(&batch, full ? p.n : p.k, p.n);
    tg_shape of_s = batch;
    of_s.dims[of_s.ndim++] = p.k;
    p.x = tgi_own_doubles(a, &shape);
    p.s = p.x ? tgi_own(tgi_new(&of_s, TG_FLOAT64)) : NULL;
    if (p.s && vectors) p.u = new_part(&p, &of_u);
    if (p.u) p.vh = new_part(&p, &of_vh);
    const bool ok = p.s && (p.vh || !vectors) && decompose_all(op, a, &p);
    const tg_svd_result y = { ok ? tgi_rounded(p.u, dtype) : NULL, ok ? tgi_rounded(p.s, dtype) : NULL,
                              ok ? tgi_rounded(p.vh, dtype) : NULL };
    tgi_unref(p.vh);
    tgi_unref(p.u);
    tgi_unref(p.s);
    tgi_unref(p.x);
    return y;
}

/* ---- svd ---- */

static bool is_floating_matrix(const tg_op *op, tg_tensor *a)
{
    if (a->ndim < 2)
        tg_op_fail(op, tg_list(a), "linalg.svd: The input tensor A must have at least 2 dimensions.");
    else if (!tgi_is_floating(a))
        tg_op_fail(op, tg_list(a), "linalg.svd: Expected a floating point or complex tensor as input. Got %s",
                   tgi_type_name(a));
    else
        return true;
    return false;
}

tg_svd_result tg_svd_at(const char *where, tg_tensor *a, tg_svd_options options)
{
    const tg_svd_result failed = { NULL, NULL, NULL };
    const tg_op *op = &tgi_op_svd;
    if (!tg_op_begin(where, op, tg_list(a)) || !is_floating_matrix(op, a)) return failed;
    const tg_svd_result y = decompose(op, a, true, options.full_matrices);
    if (!y.u || !y.s || !y.vh) return failed;
    const tg_tensor_list outputs = tg_list(y.u, y.s, y.vh);
    return tg_record(op, tg_list(a), outputs, outputs, NULL, 0) == TG_OK ? y : failed;
}

/* (x - xT) / E, where element i, j of E is sj^2 - si^2, and 1 on the diagonal. */
static tg_tensor *turning(tg_tensor *x, tg_tensor *s)
{
    const int64_t k = s->dims[s->ndim - 1];
    tg_tensor *row = tg_unsqueeze(s, -2), *column = tg_unsqueeze(s, -1);
    tg_tensor *e = tg_mul(tg_sub(row, column), tg_add(row, column));
    e = tg_add(e, tg_eye(k, k, .dtype = (tg_dtype)s->dtype));
    return tg_div(tg_sub(x, tgi_transposed(x)), e);
}

/* dA = U (F S + S G + gS) Vh, where F = turning(UT gU), G = turning(Vh gVhT); for a high A also (gU - U UT gU) S^-1 Vh,
 * for a wide one U S^-1 (gVh - gVh V Vh). What no gradient flowed to is left out: it would be 0 / 0 where singular
 * values are equal, or 0. */
static void svd_backward(tg_context *ctx)
{
    tg_tensor *u = tg_saved(ctx, 0), *s = tg_saved(ctx, 1), *vh = tg_saved(ctx, 2), *gs = tg_grad_output(ctx, 1);
    if (!u || !s || !vh || !gs) return;
    const int64_t k = s->dims[s->ndim - 1], m = u->dims[u->ndim - 2], n = vh->dims[vh->ndim - 1];
    tg_tensor *row = tg_unsqueeze(s, -2), *column = tg_unsqueeze(s, -1);
    u = tg_narrow(u, -1, 0, k);
    vh = tg_narrow(vh, -2, 0, k);
    tg_tensor *left = tg_mul(u, tg_unsqueeze(gs, -2)), *beyond = NULL;
    if (tg_has_grad_output(ctx, 0)) {
        tg_tensor *gu = tg_narrow(tg_grad_output(ctx, 0), -1, 0, k), *p = tg_matmul(tgi_transposed(u), gu);
        left = tg_add(left, tg_matmul(u, tg_mul(turning(p, s), row)));
        if (m > k) left = tg_add(left, tg_div(tg_sub(gu, tg_matmul(u, p)), row));
    }
    if (tg_has_grad_output(ctx, 2)) {
        tg_tensor *gvh = tg_narrow(tg_grad_output(ctx, 2), -2, 0, k), *p = tg_matmul(vh, tgi_transposed(gvh));
        left = tg_add(left, tg_matmul(u, tg_mul(turning(p, s), column)));
        if (n > k) beyond = tg_matmul(u, tg_div(tg_sub(gvh, tg_matmul(tgi_transposed(p), vh)), column));
    }
    tg_tensor *da = tg_matmul(left, vh);
    tg_set_grad_input(ctx, 0, beyond ? tg_add(da, beyond) : da);
}

static tg_tensor_list triple(tg_svd_result y)
{
    tg_tensor **items = y.u ? tg_list_new(3) : NULL;
    if (!items) return tg_list_failed();
    items[0] = y.u;
    items[1] = y.s;
    items[2] = y.vh;
    return tg_list_of(items, 3);
}

static tg_tensor_list svd_call(const tg_value *v)
{
    return triple(tg_svd(v[0].as.tensor, .full_matrices = v[1].as.boolean));
}

/* Both factors are square, or neither has more columns than rows. */
static tg_tensor_list svd_again(const tg_node *node, tg_tensor_list inputs)
{
    const tg_shape u = tg_node_output_shape(node, 0), vh = tg_node_output_shape(node, 2);
    const bool full = u.dims[u.ndim - 1] == u.dims[u.ndim - 2] && vh.dims[vh.ndim - 1] == vh.dims[vh.ndim - 2];
    return triple(tg_svd(inputs.items[0], .full_matrices = full));
}

/* Of singular values that are apart, whatever the tests do to the leaves. */
#define SQUARE  "add(f(3, 3, lo=-0.5, hi=0.5), reshape(v(0, 5, 0, -3, 0, 0, 0, 0, 9, grad=False), [3, 3]))"
#define HIGH    "add(f(4, 2, lo=-0.5, hi=0.5), reshape(v(0, 4, 0, 0, 0, 0, -8, 0, grad=False), [4, 2]))"
#define WIDE    "add(f(2, 4, lo=-0.5, hi=0.5), reshape(v(0, 4, 0, 0, 0, 0, -8, 0, grad=False), [2, 4]))"
#define BATCHES "add(f(2, 2, 3, lo=-0.5, hi=0.5), reshape(v(0, 4, 0, 8, 0, 0, grad=False), [2, 3]))"
#define ERRORS(call)                                                                                                   \
    { call "(f(3))", "linalg.svd: The input tensor A must have at least 2 dimensions." },                              \
        { call "(i(2, 2))", "linalg.svd: Expected a floating point or complex tensor as input. Got Long" },            \
        { call "(reshape(v(1, nan, 2, 3), [2, 2]))",                                                                   \
          "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values." },      \
    {                                                                                                                  \
        call "(reshape(v(1, 1, nan, 3), [2, 1, 2]))",                                                                  \
            "linalg.svd: (Batch element 1): The algorithm failed to converge because the input matrix contained "      \
            "non-finite values."                                                                                       \
    }

const tg_op tgi_op_svd = {
    .name = "svd",
    .schema = "svd(Tensor A, bool full_matrices=True) -> (Tensor U, Tensor S, Tensor Vh)",
    .formula = "U diag(S) Vh = A, UT U = 1, Vh V = 1, S >= 0, the largest first",
    .gradient =
        "dA = U (F S + S G + gS) Vh, F = (UT gU - gUT U) / E, G = (Vh gV - gVT V) / E, Eij = Sj^2 - Si^2; of a high "
        "A also (1 - U UT) gU S^-1 Vh, of a wide one U S^-1 gVh (1 - V Vh)",
    .doc = "the singular value decomposition; the largest element of each of U's columns is positive",
    .shapes =
        "[*, m, n] to [*, m, k], [*, k] and [*, k, n], k = min(m, n); with full_matrices U is [*, m, m], Vh [*, n, n]",
    .kinks =
        "equal singular values, and those that are 0 of a matrix that is not square: the gradients of U and Vh are "
        "inf and NaN, that of S is not; columns and rows beyond the first k, which A does not determine: 0",
    .backward = svd_backward,
    .call = svd_call,
    .again = svd_again,
    .samples = (const char *const[]){ "svd(" SQUARE ")", "svd(" HIGH ", False)", "svd(" WIDE ", full_matrices=False)",
                                      "svd(" BATCHES ", False)", "svd(f(3, 2, grad=False))", "svd(f(2, 3, grad=False))",
                                      "svd(f(1, 1, lo=1, hi=2))", "svd(f(5, 1), False)", "svd(f(1, 4), False)",
                                      "svd(f(0, 2))", "svd(f(2, 0))", "svd(f(0, 2), False)", "svd(f(0, 3, 2))",
                                      "svd(f(2, 0, 3), False)", NULL },
    .errors = (const tg_error_sample[]){ ERRORS("svd"), { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "svd(reshape(v(1, inf, 2, 3), [2, 2]))", "contained non-finite values" },
                                             { NULL, NULL } },
};

/* ---- svdvals ---- */

/* The gradient of S alone needs the vectors. */
tg_tensor *tg_svdvals_at(const char *where, tg_tensor *a)
{
    const tg_op *op = &tgi_op_svdvals;
    if (!tg_op_begin(where, op, tg_list(a)) || !is_floating_matrix(op, a)) return NULL;
    return tg_will_record(tg_list(a)) ? tg_svd(a, .full_matrices = false).s : decompose(op, a, false, false).s;
}

static tg_tensor_list svdvals_call(const tg_value *v) { return tgi_result(tg_svdvals(v[0].as.tensor)); }

const tg_op tgi_op_svdvals = {
    .name = "svdvals",
    .schema = "svdvals(Tensor A) -> Tensor",
    .formula = "y = S of svd(A)",
    .gradient = "dA = U g Vh",
    .doc = "the singular values, the largest first",
    .shapes = "[*, m, n] to [*, min(m, n)]",
    .kinks = "equal singular values: one of the gradients, the second derivative is inf and NaN",
    .composite = true,
    .call = svdvals_call,
    .samples = (const char *const[]){ "svdvals(" SQUARE ")", "svdvals(" HIGH ")", "svdvals(" WIDE ")",
                                      "svdvals(" BATCHES ")", "svdvals(f(3, 4, grad=False))",
                                      "svdvals(f(1, 1, lo=1, hi=2))", "svdvals(f(0, 2))", "svdvals(f(2, 0, 3))", NULL },
    .corners = (const char *const[]){ "svdvals(reshape(v(0, 0, 0, 0, 0, 0, grad=False), [3, 2]))",
                                      "svdvals(reshape(v(1, 0, 0, 1, grad=False), [2, 2]))",
                                      "svdvals(reshape(v(1, 1, 1, 1, grad=False), [2, 2]))", NULL },
    .errors = (const tg_error_sample[]){ ERRORS("svdvals"), { NULL, NULL } },
    .own_errors =
        (const tg_error_sample[]){ { "svdvals(reshape(v(1, inf, 2, 3), [2, 2]))", "contained non-finite values" },
                                   { NULL, NULL } },
};
