/* factor.h: factorisations of matrices of doubles, rows one after another. Internal to ops/.
 *
 * float32 is computed in double and rounded once. Unless it is said otherwise, `scratch` is TGI_FACTOR_SCRATCH(n)
 * doubles. */
#ifndef TG_OPS_LINEAR_FACTOR_H
#define TG_OPS_LINEAR_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

#define TGI_FACTOR_SCRATCH(n) (((n) / 2 + 8) * ((n) / 2 + 8) + 8 * (n))

/* Rows, or columns, of a matrix of n columns, or of n by n. */
void tgi_swap_rows(double *a, int64_t n, int64_t i, int64_t k);
void tgi_swap_columns(double *a, int64_t n, int64_t j, int64_t k);

/* P A = L U in place, by partial pivoting: row i was swapped with row pivots[i], which is i or a later one, one after
 * another. L's diagonal, ones, is not stored. Returns the number, counted from 1, of the first zero on U's diagonal, 0
 * when there is none. */
int64_t tgi_lu(double *a, int64_t n, int64_t *pivots, double *scratch);

/* P A Q = L D U in place, by complete pivoting: L and U have ones on their diagonals, D is stored there. Row and column
 * i were swapped with rows[i] and columns[i], one after another. No element of L or U is larger than 1, so both are
 * well conditioned whatever A is; what A lacks in rank is zeros at D's end. */
void tgi_ldu(double *a, int64_t n, int64_t *rows, int64_t *columns);

/* The determinant of P: 1 or -1. */
double tgi_lu_parity(int64_t n, const int64_t *pivots);

/* b [n, m] = A^-1 b for an A that tgi_lu factored. Zeros on U's diagonal give inf and NaN. */
void tgi_lu_solve(const double *lu, int64_t n, const int64_t *pivots, double *b, int64_t m, double *scratch);

/* b [n, m] = A^-T b, m > 0. */
void tgi_lu_solve_transposed(const double *lu, int64_t n, const int64_t *pivots, double *b, int64_t m, double *scratch);

/* x = A^-1 for such an A. */
void tgi_lu_inverse(const double *lu, int64_t n, const int64_t *pivots, double *x, double *scratch);

/* b [n, m] = A^-1 b for the upper or lower triangle A of `a`; `unit`: with ones for its diagonal. */
void tgi_triangular_solve(const double *a, int64_t n, bool upper, bool unit, double *b, int64_t m, double *scratch);

/* A = L LT in place, L the lower triangle, zeros above it; only A's lower triangle is read. Returns the order, counted
 * from 1, of the first leading minor that is not positive definite, 0 when all are. */
int64_t tgi_cholesky(double *a, int64_t n, double *scratch);

/* ---- QR, in householder.c ---- scratch is of TGI_QR_SCRATCH(m, n) doubles */

enum { TGI_REFLECTIONS = 32 }; /* applied together, as products */
#define TGI_QR_SCRATCH(m, n) (TGI_REFLECTIONS * ((m) + 2 * ((m) > (n) ? (m) : (n)) + TGI_REFLECTIONS))

/* A = Q R in place, a [m, n]: the upper triangle is R; below it stand the reflections whose product is Q, one in each
 * of min(m, n) columns; their factors go to tau. The signs are LAPACK's: an element of R's diagonal has not the sign of
 * the element from which it came, but for one below which there was nothing. */
void tgi_qr(double *a, int64_t m, int64_t n, double *tau, double *scratch);

/* q = the first `columns` columns of Q, at most m and no fewer than min(m, n), of an A that tgi_qr factored. */
void tgi_qr_q(const double *a, int64_t m, int64_t n, const double *tau, double *q, int64_t columns, double *scratch);

/* ---- singular values ---- */

/* In bidiagonal.c: W X = S V for X [m, n], m >= n, whose largest element is about 1: s is S's diagonal, the largest
 * first; w [n, m] and v [n, n] have rows that are orthogonal and of length 1. q [m, columns], which may be v if m = n,
 * becomes an orthogonal matrix whose columns from n on complete w's rows. Without w only s is made. x is lost; scratch
 * is of TGI_BIDIAGONAL_SCRATCH(m, n) doubles. False if there is no end to it. */
#define TGI_BIDIAGONAL_SCRATCH(m, n) (TGI_QR_SCRATCH(m, n) + 3 * (n))
bool tgi_bidiagonal(double *x, int64_t m, int64_t n, double *q, int64_t columns, double *w, double *v, double *s,
                    double *scratch);

/* In jacobi.c, slower, but small values are as accurate, relative to themselves, as large ones: the same for a square
 * X, which becomes V. Values below 1e-140 are zeros. */
void tgi_jacobi(double *x, int64_t n, double *w, double *s);

#endif
