/* cofactor.c: cofactors, det's gradient, and all its further derivatives, of matrices of any rank.
 *
 * det is a polynomial of the elements, so a derivative that divides by the determinant is wrong where that is 0 and
 * worthless where it is small. Here nothing is divided by a small number. With P A Q = L D U by complete pivoting
 * (factor.c), L and U well conditioned and D diagonal,
 *
 *     det(A + E) = det(P) det(Q) det(D + F), F = L^-1 P E Q U^-1,
 *
 * and the derivatives of det at a diagonal matrix are plain: by the elements F[i, c(i)] of some rows i, where c permutes
 * these, it is c's sign times the product of D's other elements; by any other elements it is 0. What follows along
 * directions E1, E2, .. is linear in each of them, so that one op is its own gradient, as often as one likes. */
#include "ops/base/call.h"
#include "factor.h"
#include "linalg_impl.h"

#include <math.h>
#include <string.h>

enum { DIRECTIONS = 7 }; /* at most: each takes n times as long as the one before */

/* One matrix, and what its cofactors are differentiated along. */
typedef struct expansion {
    int64_t n;
    int count;                      /* of directions */
    double *ldu, *turned, *scratch; /* what tgi_ldu leaves; its transpose */
    int64_t *rows, *columns;
    double *along[DIRECTIONS]; /* the E, then the F */
    double *y;                 /* zeros, then the result */
    double mantissa;           /* of the product of D's elements that are not 0 */
    int64_t exponent, zeros;
} expansion;

/* ---- products of D's elements ---- mantissa and exponent apart: one may fit where the product of all does not */

static double diagonal(const expansion *e, int64_t i) { return e->ldu[i * e->n + i]; }

static void multiply_all(expansion *e)
{
    e->mantissa = tgi_lu_parity(e->n, e->rows) * tgi_lu_parity(e->n, e->columns);
    e->exponent = e->zeros = 0;
    for (int64_t i = 0; i < e->n; i++) {
        int of_factor = 0, of_product = 0;
        if (diagonal(e, i) == 0)
            e->zeros++;
        else
            e->mantissa = frexp(e->mantissa * frexp(diagonal(e, i), &of_factor), &of_product);
        e->exponent += of_factor + of_product;
    }
}

/* All but the `count` that indices names, and the permutations' sign. */
static double product_without(const expansion *e, const int64_t *indices, int count)
{
    double mantissa = e->mantissa;
    int64_t exponent = e->exponent, zeros = e->zeros;
    for (int k = 0; k < count; k++) {
        int of_factor = 0;
        if (diagonal(e, indices[k]) == 0)
            zeros--;
        else
            mantissa /= frexp(diagonal(e, indices[k]), &of_factor);
        exponent -= of_factor;
    }
    if (zeros > 0) return 0;
    return ldexp(mantissa, exponent > 4096 ? 4096 : exponent < -4096 ? -4096 : (int)exponent);
}

/* ---- derivatives at D ---- */

/* Row indices[k] is that of an element of direction k, the last one that of an element of y; the columns are the same
 * in each order. `term` has the elements of the directions before `row`, whose columns are in `taken`. */
static void add_orders(const expansion *e, const int64_t *indices, int row, unsigned taken, double term)
{
    const int64_t at = indices[row] * e->n;
    double sign = 1;
    for (int k = 0; k <= e->count; k++) {
        if (taken >> k & 1) continue;
        if (row == e->count)
            e->y[at + indices[k]] += term;
        else
            add_orders(e, indices, row + 1, taken | 1u << k, sign * term * e->along[row][at + indices[k]]);
        sign = -sign;
    }
}

/* All choices of rows, `chosen` of which have been made. */
static void add_choices(const expansion *e, int64_t *indices, int chosen)
{
    if (chosen == e->count + 1) {
        const double product = product_without(e, indices, chosen);
        if (product != 0) add_orders(e, indices, 0, 0, product);
        return;
    }
    for (int64_t i = 0; i < e->n; i++) {
        bool twice = false;
        for (int k = 0; k < chosen; k++) twice |= indices[k] == i;
        if (twice) continue;
        indices[chosen] = i;
        add_choices(e, indices, chosen + 1);
    }
}

/* ---- from A to D and back ---- */

static void transpose(double *m, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            const double t = m[i * n + j];
            m[i * n + j] = m[j * n + i];
            m[j * n + i] = t;
        }
}

/* m = L^-1 P m Q U^-1 */
static void to_diagonal(const expansion *e, double *m)
{
    const int64_t n = e->n;
    for (int64_t i = 0; i < n; i++) {
        tgi_swap_rows(m, n, i, e->rows[i]);
        tgi_swap_columns(m, n, i, e->columns[i]);
    }
    tgi_triangular_solve(e->ldu, n, false, true, m, n, e->scratch);
    transpose(m, n);
    tgi_triangular_solve(e->turned, n, false, true, m, n, e->scratch);
    transpose(m, n);
}

/* y = PT L^-T y U^-T QT, by which a gradient goes back */
static void from_diagonal(const expansion *e)
{
    const int64_t n = e->n;
    tgi_triangular_solve(e->turned, n, true, true, e->y, n, e->scratch);
    transpose(e->y, n);
    tgi_triangular_solve(e->ldu, n, true, true, e->y, n, e->scratch);
    transpose(e->y, n);
    for (int64_t i = n; i-- > 0;) {
        tgi_swap_rows(e->y, n, i, e->rows[i]);
        tgi_swap_columns(e->y, n, i, e->columns[i]);
    }
}

static void differentiate(expansion *e)
{
    int64_t indices[DIRECTIONS + 1];
    tgi_ldu(e->ldu, e->n, e->rows, e->columns);
    memcpy(e->turned, e->ldu, (size_t)(e->n * e->n) * sizeof *e->turned);
    transpose(e->turned, e->n);
    multiply_all(e);
    if (e->zeros > e->count + 1) return;
    for (int k = 0; k < e->count; k++) to_diagonal(e, e->along[k]);
    add_choices(e, indices, 0);
    from_diagonal(e);
}

/* ---- a batch ---- */

/* The cofactors of `a` differentiated along `directions`, tensors like it; owned doubles. NULL when memory ran out. */
static tg_tensor *own_derivatives(tg_tensor *a, tg_tensor_list directions)
{
    const tg_shape shape = tgi_shape(a);
    const int64_t n = a->dims[a->ndim - 1], size = n * n;
    const size_t bytes = (size_t)(size + 2 * n + TGI_FACTOR_SCRATCH(n) + 1) * sizeof(double);
    const int count = (int)directions.count;
    tg_tensor *copies[DIRECTIONS] = { NULL }, *ldu = tgi_own_doubles(a, &shape);
    double *memory = ldu ? tgi_calloc(bytes) : NULL;
    bool ok = memory != NULL;
    for (int k = 0; ok && k < count; k++) ok = (copies[k] = tgi_own_doubles(directions.items[k], &shape)) != NULL;
    tg_tensor *y = ok ? tgi_own(tgi_new_full(&shape, TG_FLOAT64, 0)) : NULL;
    for (int64_t at = 0; y && at < y->numel; at += size) {
        expansion e = { .n = n, .count = count, .ldu = (double *)tgi_ptr(ldu) + at, .y = (double *)tgi_ptr(y) + at };
        e.turned = memory;
        e.scratch = e.turned + size;
        e.rows = (int64_t *)(e.scratch + TGI_FACTOR_SCRATCH(n));
        e.columns = e.rows + n;
        for (int k = 0; k < count; k++) e.along[k] = (double *)tgi_ptr(copies[k]) + at;
        differentiate(&e);
    }
    for (int k = 0; k < count; k++) tgi_unref(copies[k]);
    tgi_free(memory, bytes);
    tgi_unref(ldu);
    return y;
}

/* ---- cofactor ---- */

/* x [n, n] = the cofactors' transpose: the inverse times the determinant. */
static void cofactors(const tgi_factors *f, int64_t i, double *x)
{
    const double *lu = tgi_factored(f, i);
    double product = tgi_lu_parity(f->n, f->pivots + i * f->n);
    for (int64_t k = 0; k < f->n; k++) product *= lu[k * f->n + k];
    tgi_lu_inverse(lu, f->n, f->pivots + i * f->n, x, f->scratch);
    for (int64_t k = 0; k < f->n * f->n; k++) x[k] *= product;
}

static bool is_singular(const tgi_factors *f, int64_t i)
{
    for (int64_t k = 0; k < f->n; k++)
        if (tgi_factored(f, i)[k * f->n + k] == 0) return true;
    return false;
}

/* The faster way, of matrices that are not singular, and the other; owned doubles. */
static tg_tensor *own_cofactors(tg_tensor *a)
{
    tgi_factors f;
    const tg_shape batch = tgi_matrix_batch(a), shape = tgi_shape(a);
    tg_tensor *transposed = tgi_transposed(tg_detach(a)), *singular = NULL;
    if (!transposed) return NULL;
    bool ok = tgi_factors_new(transposed, &batch, &f);
    tg_tensor *x = ok ? tgi_own(tgi_new(&shape, TG_FLOAT64)) : NULL;
    ok = x != NULL;
    const int64_t size = f.n * f.n;
    for (int64_t i = 0; ok && size > 0 && i < f.count; i++) {
        double *const y = (double *)tgi_ptr(x) + i * size;
        if (!is_singular(&f, i)) {
            cofactors(&f, i, y);
            continue;
        }
        if (!singular) ok = (singular = own_derivatives(a, TG_NONE)) != NULL;
        if (ok) memcpy(y, (double *)tgi_ptr(singular) + i * size, (size_t)size * sizeof *y);
    }
    tgi_unref(singular);
    tgi_factors_free(&f);
    if (ok) return x;
    tgi_unref(x);
    return NULL;
}

tg_tensor *tg_cofactor_at(const char *where, tg_tensor *a)
{
    const tg_op *op = &tgi_op_cofactor;
    if (!tg_op_begin(where, op, tg_list(a)) || !tgi_is_square_floating(op, tg_list(a), a, "linalg.det")) return NULL;
    tg_tensor *y = tgi_rounded_own(own_cofactors(a), (tg_dtype)a->dtype);
    if (!y) return NULL;
    return tg_record(op, tg_list(a), tg_list(y), tg_list(a), NULL, 0) == TG_OK ? y : NULL;
}

static tg_tensor *cofactor_along(tg_tensor *a, tg_tensor_list directions);

static void cofactor_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, cofactor_along(tg_saved(ctx, 0), tg_list(tg_grad_output(ctx, 0))));
}

static tg_tensor_list cofactor_call(const tg_value *v) { return tgi_result(tg_cofactor(v[0].as.tensor)); }

const tg_op tgi_op_cofactor = {
    .name = "cofactor",
    .schema = "cofactor(Tensor self) -> Tensor",
    .formula = "y = det(self) self^-T, and its limit where self is singular",
    .gradient = "dself = cofactor_along(self, [g])",
    .doc = "the matrices of cofactors, det's gradient",
    .shapes = "[*, n, n] to [*, n, n]",
    .backward = cofactor_backward,
    .call = cofactor_call,
    .samples = (const char *const[]){ "cofactor(" TGI_MATRIX_3 ")", "cofactor(" TGI_MATRICES_2 ")", "cofactor(f(0, 0))",
                                      NULL },
    .errors = (const tg_error_sample[]){ TGI_SQUARE_ERRORS("cofactor", "linalg.det"), { NULL, NULL } },
};

/* ---- cofactor_along ---- */

static tg_tensor *cofactor_along(tg_tensor *a, tg_tensor_list directions)
{
    const tg_op *op = &tgi_op_cofactor_along;
    tg_tensor *items[DIRECTIONS + 1] = { a };
    const tg_tensor_list inputs = tg_list_of(items, directions.count + 1);
    if (directions.count > DIRECTIONS)
        return tg_op_fail(op, tg_list(a), "a determinant has %d derivatives here, and no further one", DIRECTIONS + 1);
    for (int64_t k = 0; k < directions.count; k++) items[k + 1] = directions.items[k];
    if (!tg_op_begin(NULL, op, inputs) || !tgi_is_square_floating(op, inputs, a, "linalg.det")) return NULL;
    for (int64_t k = 1; k < inputs.count; k++)
        if (!tgi_same_shape(items[k], a) || items[k]->dtype != a->dtype)
            return tg_op_fail(op, inputs, "a direction must have the shape and the dtype of self");
    tg_tensor *y = tgi_rounded_own(own_derivatives(a, directions), (tg_dtype)a->dtype);
    return y && tg_record(op, inputs, tg_list(y), inputs, NULL, 0) == TG_OK ? y : NULL;
}

static tg_tensor_list cofactor_along_again(const tg_node *node, tg_tensor_list inputs)
{
    (void)node;
    return tgi_result(cofactor_along(inputs.items[0], tg_list_of(inputs.items + 1, inputs.count - 1)));
}

/* It is the derivative of det along all directions and one more, in whatever order. */
static void cofactor_along_backward(tg_context *ctx)
{
    const int count = tg_input_count(ctx) - 1;
    tg_tensor *items[DIRECTIONS + 1], *g = tg_grad_output(ctx, 0), *a = tg_saved(ctx, 0);
    for (int k = 0; k < count; k++) items[k] = tg_saved(ctx, k + 1);
    items[count] = g;
    if (tg_needs_input_grad(ctx, 0)) tg_set_grad_input(ctx, 0, cofactor_along(a, tg_list_of(items, count + 1)));
    for (int k = 0; k < count; k++) {
        if (!tg_needs_input_grad(ctx, k + 1)) continue;
        tg_tensor *const left_out = items[k];
        items[k] = g;
        tg_set_grad_input(ctx, k + 1, cofactor_along(a, tg_list_of(items, count)));
        items[k] = left_out;
    }
}

static tg_tensor_list cofactor_along_call(const tg_value *v)
{
    return tgi_result(cofactor_along(v[0].as.tensor, v[1].as.tensors));
}

#define RANK_2 "reshape(v(1, 2, 3, 4, 5, 6, 7, 8, 9), [3, 3])"
#define RANK_1 "reshape(v(1, 2, -1, 2, 4, -2, -3, -6, 3), [3, 3])"
#define RANK_0 "reshape(v(0, 0, 0, 0, 0, 0, 0, 0, 0), [3, 3])"

const tg_op tgi_op_cofactor_along = {
    .name = "cofactor_along",
    .schema = "cofactor_along(Tensor self, Tensor[] directions) -> Tensor",
    .formula = "y = d^k cofactor(self + t1 directions[0] + .. + tk directions[k-1]) / dt1 .. dtk at 0",
    .gradient = "dself = cofactor_along(self, directions and g); ddirections[i] = the same with g in its place",
    .doc = "What the further derivatives of det are made of; at most 7 directions.",
    .shapes = "each [*, n, n] to [*, n, n]",
    .usage = "",
    .backward = cofactor_along_backward,
    .call = cofactor_along_call,
    .again = cofactor_along_again,
    .samples =
        (const char *const[]){ "cofactor_along(f(3, 3), [f(3, 3)])", "cofactor_along(f(2, 2, 2), [f(2, 2, 2)])",
                               "cofactor_along(f(4, 4), [f(4, 4), f(4, 4)])", "cofactor_along(" RANK_2 ", [f(3, 3)])",
                               "cofactor_along(" RANK_1 ", [f(3, 3)])",
                               "cofactor_along(" RANK_0 ", [f(3, 3), f(3, 3)])", "cofactor_along(f(1, 1), [f(1, 1)])",
                               "cofactor_along(f(0, 0), [f(0, 0)])", "cofactor_along(f(0, 2, 2), [f(0, 2, 2)])", NULL },
    .errors =
        (const tg_error_sample[]){
            { "cofactor_along(f(2, 3), [f(2, 3)])",
              "linalg.det: A must be batches of square matrices, but they are 2 by 3 matrices" },
            { "cofactor_along(f(2, 2), [f(2)])", "a direction must have the shape and the dtype of self" },
            { "cofactor_along(f(2, 2), [i(2, 2)])", "a direction must have the shape and the dtype of self" },
            { NULL, NULL } },
};
