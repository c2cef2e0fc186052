/* linalg.h: linear algebra on batches of matrices, [*, n, n] unless it is said otherwise.
 *
 * float32 and float64; float32 is computed in float64 and rounded once. A matrix that is singular, or not positive
 * definite, where it must not be, is an error in PyTorch's words. */
#ifndef TG_OPS_LINALG_H
#define TG_OPS_LINALG_H

#include "../core/op.h"

#include <math.h>

TG_BEGIN_DECLS

/* A^-1 (inverse: the same). A singular matrix is an error that says which one of the batch it is. */
tg_tensor *tg_inv_at(const char *where, tg_tensor *a);
tg_tensor *tg_inverse_at(const char *where, tg_tensor *a);
#define tg_inv(a)     tg_inv_at(TG_HERE, a)
#define tg_inverse(a) tg_inverse_at(TG_HERE, a)

/* X of A X = B: B is [*, n, k], or [*, n] if it is a vector or has A's shape without the last size
 * (torch.linalg.solve). Batches broadcast. A singular matrix is an error that says which one of the batch it is. */
tg_tensor *tg_solve_at(const char *where, tg_tensor *a, tg_tensor *b);
#define tg_solve(a, b) tg_solve_at(TG_HERE, a, b)

/* det: the determinant; logdet: its logarithm, NaN where it is negative; slogdet: its sign and the logarithm of its
 * magnitude. det has all its derivatives, up to the eighth, at matrices of any rank. The logarithms have none where a
 * matrix is singular: they are -inf there, the sign is 0, and the gradient is inf and NaN. */
typedef struct tg_slogdet_result {
    tg_tensor *sign, *logabsdet;
} tg_slogdet_result;
tg_tensor *tg_det_at(const char *where, tg_tensor *a);
tg_tensor *tg_logdet_at(const char *where, tg_tensor *a);
tg_slogdet_result tg_slogdet_at(const char *where, tg_tensor *a);
#define tg_det(a)     tg_det_at(TG_HERE, a)
#define tg_logdet(a)  tg_logdet_at(TG_HERE, a)
#define tg_slogdet(a) tg_slogdet_at(TG_HERE, a)

/* The matrix of cofactors, det(A) A^-T wherever that exists: the gradient of det. Of matrices of any rank, as are its
 * own derivatives. */
tg_tensor *tg_cofactor_at(const char *where, tg_tensor *a);
#define tg_cofactor(a) tg_cofactor_at(TG_HERE, a)

/* A to the power n; a negative one of the inverse. A to the power 0 is the identity, whose gradient is 0. */
tg_tensor *tg_matrix_power_at(const char *where, tg_tensor *a, int64_t n);
#define tg_matrix_power(a, n) tg_matrix_power_at(TG_HERE, a, n)

/* The sum of a matrix's diagonal. */
tg_tensor *tg_trace_at(const char *where, tg_tensor *a);
#define tg_trace(a) tg_trace_at(TG_HERE, a)

/* L of A = L LT, lower triangular; `.upper = true`: its transpose. A is symmetric and positive definite; only the lower
 * (upper) triangle is read, the gradient is symmetric. */
typedef struct tg_cholesky_options {
    bool upper;
    TG_OPTIONS_END
} tg_cholesky_options;
#define TG_CHOLESKY_DEFAULTS /* upper */ false TG_DEFAULTS_END
#define TG_CHOLESKY_OPTIONS(...) TG_OPTIONS(tg_cholesky_options, TG_CHOLESKY_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_cholesky_at(const char *where, tg_tensor *a, tg_cholesky_options options);
#define tg_cholesky(a, ...) tg_cholesky_at(TG_HERE, a, TG_CHOLESKY_OPTIONS(__VA_ARGS__))

/* X of A X = B for A = L LT, where tg_cholesky made L (`.upper = true`: of A = UT U for a U). B is [*, n, k]; batches
 * broadcast. Only L's triangle is read. */
tg_tensor *tg_cholesky_solve_at(const char *where, tg_tensor *b, tg_tensor *l, tg_cholesky_options options);
#define tg_cholesky_solve(b, l, ...) tg_cholesky_solve_at(TG_HERE, b, l, TG_CHOLESKY_OPTIONS(__VA_ARGS__))

/* A = Q R, of matrices [*, m, n]: Q's columns are orthogonal and of length 1, R is upper triangular, its diagonal of
 * either sign (torch.linalg.qr). With k = min(m, n) mode "reduced" gives Q [*, m, k] and R [*, k, n], "complete" Q
 * [*, m, m] and R [*, m, n]; "r" R as reduced, and a Q without elements. "r", and "complete" of more rows than columns,
 * cannot be differentiated. */
typedef struct tg_qr_options {
    const char *mode;
    TG_OPTIONS_END
} tg_qr_options;
#define TG_QR_DEFAULTS /* mode */ "reduced" TG_DEFAULTS_END
#define TG_QR_OPTIONS(...) TG_OPTIONS(tg_qr_options, TG_QR_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
typedef struct tg_qr_result {
    tg_tensor *q, *r;
} tg_qr_result;
tg_qr_result tg_qr_at(const char *where, tg_tensor *a, tg_qr_options options);
#define tg_qr(a, ...) tg_qr_at(TG_HERE, a, TG_QR_OPTIONS(__VA_ARGS__))

/* A = U diag(S) Vh, of matrices [*, m, n]: U's columns and Vh's rows are orthogonal and of length 1, S [*, k] is not
 * negative, the largest first (torch.linalg.svd). With k = min(m, n) U is [*, m, k] and Vh [*, k, n]; as in PyTorch
 * `.full_matrices`, which makes them [*, m, m] and [*, n, n], is true unless it is said otherwise. The largest
 * element of each of U's columns is positive, and of each of Vh's rows beyond the first k; PyTorch's signs are its
 * LAPACK's.
 * Elements that are not finite are an error.
 *
 * Gradients of U and Vh are inf and NaN where singular values are equal, or where one is 0 of a matrix that is not
 * square, and mean something only for what does not depend on the signs; none flow through what is beyond the first k.
 * The gradient of S is good everywhere. */
typedef struct tg_svd_options {
    bool full_matrices;
    TG_OPTIONS_END
} tg_svd_options;
#define TG_SVD_DEFAULTS /* full_matrices */ true TG_DEFAULTS_END
#define TG_SVD_OPTIONS(...) TG_OPTIONS(tg_svd_options, TG_SVD_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
typedef struct tg_svd_result {
    tg_tensor *u, *s, *vh;
} tg_svd_result;
tg_svd_result tg_svd_at(const char *where, tg_tensor *a, tg_svd_options options);
#define tg_svd(a, ...) tg_svd_at(TG_HERE, a, TG_SVD_OPTIONS(__VA_ARGS__))

/* S alone, which is faster where no gradient is wanted. */
tg_tensor *tg_svdvals_at(const char *where, tg_tensor *a);
#define tg_svdvals(a) tg_svdvals_at(TG_HERE, a)

/* matrix_rank: how many singular values there are above max(atol, rtol times the largest), int64 [*]; pinv: the
 * pseudo-inverses [*, n, m], for which the others are zeros (torch.linalg.matrix_rank, torch.linalg.pinv). Without
 * tolerances rtol is max(m, n) times the distance of 1 from the next number of the dtype; with an atol above 0 alone it
 * is 0. pinv's gradient is that along matrices of the same rank. */
#define TG_NO_TOLERANCE NAN
typedef struct tg_tolerance_options {
    double atol, rtol;
    TG_OPTIONS_END
} tg_tolerance_options;
#define TG_TOLERANCE_DEFAULTS /* atol */ TG_NO_TOLERANCE, /* rtol */ TG_NO_TOLERANCE TG_DEFAULTS_END
#define TG_TOLERANCE_OPTIONS(...) TG_OPTIONS(tg_tolerance_options, TG_TOLERANCE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_matrix_rank_at(const char *where, tg_tensor *a, tg_tolerance_options options);
tg_tensor *tg_pinv_at(const char *where, tg_tensor *a, tg_tolerance_options options);
#define tg_matrix_rank(a, ...) tg_matrix_rank_at(TG_HERE, a, TG_TOLERANCE_OPTIONS(__VA_ARGS__))
#define tg_pinv(a, ...)        tg_pinv_at(TG_HERE, a, TG_TOLERANCE_OPTIONS(__VA_ARGS__))

/* What a norm's `ord` may be beside a number: the Frobenius norm; the nuclear norm, PyTorch's 'nuc'; none, by which
 * linalg_norm takes the 2-norm of the elements. */
#define TG_ORD_FRO  (-0x1p1023)
#define TG_ORD_NUC  (-0x1.4p1023)
#define TG_ORD_NONE (-0x1.8p1023)

typedef struct tg_matrix_norm_options {
    double ord;        /* TG_ORD_FRO: the root of the sum of squares; 1, -1: the largest and smallest sum of a column's
                        * magnitudes; INFINITY, -INFINITY: of a row's; 2, -2: the largest and smallest singular value;
                        * TG_ORD_NUC: their sum */
    tg_shape dims;     /* two: the rows' and the columns' */
    bool keepdim;
    tg_dtype dtype;    /* the input is converted first */
    TG_OPTIONS_END
} tg_matrix_norm_options;
#define TG_MATRIX_NORM_DEFAULTS                                                                                       \
    /* ord */ TG_ORD_FRO, /* dims */ { 2, { -2, -1 } }, /* keepdim */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_MATRIX_NORM_OPTIONS(...) TG_OPTIONS(tg_matrix_norm_options, TG_MATRIX_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* The norm of matrices (torch.linalg.matrix_norm). The gradient of 2 and -2 is spread evenly over equal singular
 * values, as that of amax is. */
tg_tensor *tg_matrix_norm_at(const char *where, tg_tensor *t, tg_matrix_norm_options options);
#define tg_matrix_norm(t, ...) tg_matrix_norm_at(TG_HERE, t, TG_MATRIX_NORM_OPTIONS(__VA_ARGS__))

typedef struct tg_linalg_norm_options {
    double ord;
    int64_t dim;
    tg_shape dims;
    bool keepdim;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_linalg_norm_options;
#define TG_LINALG_NORM_DEFAULTS                                                                                       \
    /* ord */ TG_ORD_NONE, /* dim */ TG_NO_DIM, /* dims */ { 0, { 0 } }, /* keepdim */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END
#define TG_LINALG_NORM_OPTIONS(...) TG_OPTIONS(tg_linalg_norm_options, TG_LINALG_NORM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* linalg_vector_norm over one dimension, or of a vector; matrix_norm over two, or of a matrix; without `ord` the 2-norm
 * of the elements (torch.linalg.norm). */
tg_tensor *tg_linalg_norm_at(const char *where, tg_tensor *t, tg_linalg_norm_options options);
#define tg_linalg_norm(t, ...) tg_linalg_norm_at(TG_HERE, t, TG_LINALG_NORM_OPTIONS(__VA_ARGS__))

/* X of A X = B, or with `.left = false` of X A = B, for the upper or lower triangle of A; the other one is not read.
 * Batches broadcast. A zero on the diagonal gives inf or NaN. */
typedef struct tg_triangular_options {
    bool left;
    bool unitriangular;   /* A's diagonal is not read: it is ones */
    TG_OPTIONS_END
} tg_triangular_options;
#define TG_TRIANGULAR_DEFAULTS /* left */ true, /* unitriangular */ false TG_DEFAULTS_END
#define TG_TRIANGULAR_OPTIONS(...) TG_OPTIONS(tg_triangular_options, TG_TRIANGULAR_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
tg_tensor *tg_solve_triangular_at(const char *where, tg_tensor *a, tg_tensor *b, bool upper,
                                  tg_triangular_options options);
#define tg_solve_triangular(a, b, upper, ...)                                                                         \
    tg_solve_triangular_at(TG_HERE, a, b, upper, TG_TRIANGULAR_OPTIONS(__VA_ARGS__))

/* The same as torch.triangular_solve has it: b first, A transposed on demand, and a copy of A beside the solution. */
typedef struct tg_triangular_solve_options {
    bool upper;
    bool transpose;
    bool unitriangular;
    TG_OPTIONS_END
} tg_triangular_solve_options;
#define TG_TRIANGULAR_SOLVE_DEFAULTS /* upper */ true, /* transpose */ false, /* unitriangular */ false TG_DEFAULTS_END
#define TG_TRIANGULAR_SOLVE_OPTIONS(...)                                                                              \
    TG_OPTIONS(tg_triangular_solve_options, TG_TRIANGULAR_SOLVE_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
typedef struct tg_triangular_solve_result {
    tg_tensor *solution, *cloned_coefficient;
} tg_triangular_solve_result;
tg_triangular_solve_result tg_triangular_solve_at(const char *where, tg_tensor *b, tg_tensor *a,
                                                  tg_triangular_solve_options options);
#define tg_triangular_solve(b, a, ...)                                                                                \
    tg_triangular_solve_at(TG_HERE, b, a, TG_TRIANGULAR_SOLVE_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
