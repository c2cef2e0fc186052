/* determinant.c: determinants and their logarithms, by LU with partial pivoting (factor.c).
 *
 * det is a polynomial of the elements and has derivatives everywhere: those are cofactor.c's. Its logarithm has none
 * where a matrix is singular; there the gradient is inf and NaN, never a number that could pass for one. */
#include "ops/base/call.h"
#include "ops/create.h"
#include "factor.h"
#include "linalg_impl.h"
#include "ops/pointwise.h"
#include "ops/view.h"

#include <math.h>

/* ---- det ---- */

/* The determinant of matrix i, by the product of U's diagonal. */
static double determinant(const tgi_factors *f, int64_t i)
{
    double product = tgi_lu_parity(f->n, f->pivots + i * f->n);
    for (int64_t k = 0; k < f->n; k++) product *= tgi_factored(f, i)[k * f->n + k];
    return product;
}

tg_tensor *tg_det_at(const char *where, tg_tensor *a)
{
    tgi_factors f;
    if (!tg_op_begin(where, &tgi_op_det, tg_list(a)) ||
        !tgi_is_square_floating(&tgi_op_det, tg_list(a), a, "linalg.det"))
        return NULL;
    const tg_shape batch = tgi_matrix_batch(a);
    tg_tensor *values = tgi_factors_new(a, &batch, &f) ? tgi_own(tgi_new(&batch, TG_FLOAT64)) : NULL;
    for (int64_t i = 0; values && i < f.count; i++) ((double *)tgi_ptr(values))[i] = determinant(&f, i);
    tgi_factors_free(&f);
    tg_tensor *y = tgi_rounded_own(values, (tg_dtype)a->dtype);
    if (!y) return NULL;
    return tg_record(&tgi_op_det, tg_list(a), tg_list(y), tg_list(a), NULL, 0) == TG_OK ? y : NULL;
}

/* A number for each matrix, so that it broadcasts to them. */
static tg_tensor *for_matrices(tg_tensor *t) { return tg_unsqueeze(tg_unsqueeze(t, -1), -1); }

static void det_backward(tg_context *ctx)
{
    tg_set_grad_input(ctx, 0, tg_mul(for_matrices(tg_grad_output(ctx, 0)), tg_cofactor(tg_saved(ctx, 0))));
}

static tg_tensor_list det_call(const tg_value *v) { return tgi_result(tg_det(v[0].as.tensor)); }

const tg_op tgi_op_det = {
    .name = "det",
    .schema = "det(Tensor A) -> Tensor",
    .formula = "y = the determinant of A",
    .gradient = "dA = g times the cofactors of A",
    .doc = "the determinants of square matrices",
    .shapes = "[*, n, n] to [*]",
    .backward = det_backward,
    .call = det_call,
    .samples =
        (const char *const[]){ "det(" TGI_MATRIX_3 ")", "det(t(" TGI_MATRIX_2 "))", "det(" TGI_MATRICES_2 ")",
                               "det(f(3, 3))", "det(f(2, 2, 2))", "det(f(1, 1))", "det(f(0, 0))", "det(f(0, 2, 2))",
                               "det(reshape(v(1, 2, 3, 4, 5, 6, 7, 8, 9), [3, 3]))",
                               "det(reshape(v(1, 2, -1, 2, 4, -2, -3, -6, 3), [3, 3]))",
                               "det(reshape(v(0, 0, 0, 0, 0, 0, 0, 0, 0), [3, 3]))", "det(reshape(v(0), [1, 1]))",
                               "det(reshape(v(1, 2, 2, 4, 0, 0, 0, 0, 2, 1, 1, 3), [3, 2, 2]))", NULL },
    .errors = (const tg_error_sample[]){ TGI_SQUARE_ERRORS("det", "linalg.det"), { NULL, NULL } },
};

/* ---- slogdet and logdet ---- */

static void sign_and_logarithm(const tgi_factors *f, int64_t i, double *sign, double *logabsdet)
{
    *sign = tgi_lu_parity(f->n, f->pivots + i * f->n);
    *logabsdet = 0;
    for (int64_t k = 0; k < f->n; k++) {
        const double u = tgi_factored(f, i)[k * f->n + k];
        *sign *= (u > 0) - (u < 0);
        *logabsdet += log(fabs(u));
    }
}

tg_slogdet_result tg_slogdet_at(const char *where, tg_tensor *a)
{
    const tg_slogdet_result failed = { NULL, NULL };
    tgi_factors f;
    if (!tg_op_begin(where, &tgi_op_slogdet, tg_list(a)) ||
        !tgi_is_square_floating(&tgi_op_slogdet, tg_list(a), a, "linalg.slogdet"))
        return failed;
    const tg_shape batch = tgi_matrix_batch(a);
    const bool ok = tgi_factors_new(a, &batch, &f);
    tg_tensor *sign = ok ? tgi_own(tgi_new(&batch, TG_FLOAT64)) : NULL;
    tg_tensor *logarithm = sign ? tgi_own(tgi_new(&batch, TG_FLOAT64)) : NULL;
    for (int64_t i = 0; logarithm && i < f.count; i++)
        sign_and_logarithm(&f, i, (double *)tgi_ptr(sign) + i, (double *)tgi_ptr(logarithm) + i);
    tgi_factors_free(&f);
    const tg_slogdet_result y = { tgi_rounded_own(sign, (tg_dtype)a->dtype),
                                  tgi_rounded_own(logarithm, (tg_dtype)a->dtype) };
    if (!y.sign || !y.logabsdet) return failed;
    const tg_tensor_list outputs = tg_list(y.sign, y.logabsdet);
    return tg_record(&tgi_op_slogdet, tg_list(a), outputs, tg_list(a), NULL, 0) == TG_OK ? y : failed;
}

/* The sign is constant; the logarithm's gradient is a^-T. */
static void slogdet_backward(tg_context *ctx)
{
    tg_tensor *a = tg_saved(ctx, 0), *g = for_matrices(tg_grad_output(ctx, 1));
    if (a && g) tg_set_grad_input(ctx, 0, tg_mul(g, tgi_transposed(tgi_inverse_unchecked(a))));
}

static tg_tensor_list slogdet_call(const tg_value *v)
{
    const tg_slogdet_result r = tg_slogdet(v[0].as.tensor);
    tg_tensor **items = r.sign ? tg_list_new(2) : NULL;
    if (!items) return tg_list_failed();
    items[0] = r.sign;
    items[1] = r.logabsdet;
    return tg_list_of(items, 2);
}

const tg_op tgi_op_slogdet = {
    .name = "slogdet",
    .schema = "slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)",
    .formula = "sign exp(logabsdet) = the determinant of A",
    .gradient = "dA = glogabsdet A^-T",
    .doc = "the sign of the determinant and the logarithm of its magnitude; 0 and -inf of a singular matrix",
    .shapes = "[*, n, n] to [*] and [*]",
    .kinks = "singular matrices: the gradient is inf and NaN",
    .backward = slogdet_backward,
    .call = slogdet_call,
    .samples = (const char *const[]){ "slogdet(" TGI_MATRIX_3 ")", "slogdet(" TGI_MATRIX_2 ")",
                                      "slogdet(" TGI_MATRICES_2 ")", "slogdet(f(0, 0))", "slogdet(f(0, 2, 2))", NULL },
    .errors = (const tg_error_sample[]){ TGI_SQUARE_ERRORS("slogdet", "linalg.slogdet"), { NULL, NULL } },
};

tg_tensor *tg_logdet_at(const char *where, tg_tensor *a)
{
    if (!tg_op_begin(where, &tgi_op_logdet, tg_list(a)) ||
        !tgi_is_square_floating(&tgi_op_logdet, tg_list(a), a, "logdet"))
        return NULL;
    const tg_slogdet_result r = tg_slogdet(a);
    return tg_where(tg_eq(r.sign, -1), NAN, r.logabsdet);
}

static tg_tensor_list logdet_call(const tg_value *v) { return tgi_result(tg_logdet(v[0].as.tensor)); }

const tg_op tgi_op_logdet = {
    .name = "logdet",
    .schema = "logdet(Tensor self) -> Tensor",
    .formula = "y = log(det(self))",
    .gradient = "dself = g self^-T",
    .doc = "the logarithm of the determinant: NaN where that is negative, -inf where it is 0",
    .shapes = "[*, n, n] to [*]",
    .kinks = "singular matrices: the gradient is inf and NaN; negative determinants: the gradient is 0",
    .composite = true,
    .call = logdet_call,
    .samples =
        (const char *const[]){ "logdet(" TGI_MATRIX_3 ")", "logdet(neg(" TGI_MATRICES_2 "))", "logdet(f(0, 0))", NULL },
    .errors = (const tg_error_sample[]){ TGI_SQUARE_ERRORS("logdet", "logdet"), { NULL, NULL } },
};
