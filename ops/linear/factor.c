/* factor.c: LU, Cholesky and triangular systems, blocked so that most of the work is a product of matrices.
 *
 * Right-looking LU (Golub and Van Loan, Matrix Computations, 3.4), left-looking Cholesky (4.2). Inner loops run along
 * rows. */
#include "factor.h"

#include "ops/kernels/gemm/gemm_kernels.h"
#include "ops/base/parallel.h"

#include <math.h>
#include <string.h>

/* c [m, n] -= a [m, k] b, where b is [k, n], or [n, k] if transposed. The negative of a goes to scratch, [m, k]. */
static void subtract_product(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, const double *b,
                             int64_t b_row, bool transposed, double *c, int64_t c_row, double *scratch)
{
    if (m == 0 || n == 0 || k == 0) return;
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < k; l++) scratch[i * k + l] = -a[i * a_row + l];
    const tgi_gemm args = { .m = m,
                            .n = n,
                            .k = k,
                            .a = scratch,
                            .a_row = k,
                            .a_col = 1,
                            .b = b,
                            .b_row = transposed ? 1 : b_row,
                            .b_col = transposed ? b_row : 1,
                            .c = c,
                            .c_row = c_row,
                            .accumulate = true };
    TGI_KERNELS(gemm)->run[TGI_F64](&args);
}

/* y -= factor x */
static void subtract_row(int64_t n, double factor, const double *x, double *y)
{
    for (int64_t j = 0; j < n; j++) y[j] -= factor * x[j];
}

static void divide_row(int64_t m, double *row, double divisor)
{
    for (int64_t j = 0; j < m; j++) row[j] /= divisor;
}

/* ---- LU ---- */

void tgi_swap_rows(double *a, int64_t n, int64_t i, int64_t k)
{
    if (i == k) return;
    for (int64_t j = 0; j < n; j++) {
        const double t = a[i * n + j];
        a[i * n + j] = a[k * n + j];
        a[k * n + j] = t;
    }
}

static int64_t largest_below(const double *a, int64_t n, int64_t k)
{
    int64_t best = k;
    for (int64_t i = k + 1; i < n; i++)
        if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
    return best;
}

/* Columns from..to of the rows from `from` on. */
static int64_t factor_panel(double *a, int64_t n, int64_t from, int64_t to, int64_t *pivots)
{
    int64_t zero = 0;
    for (int64_t k = from; k < to; k++) {
        pivots[k] = largest_below(a, n, k);
        tgi_swap_rows(a, n, k, pivots[k]);
        const double pivot = a[k * n + k];
        if (pivot == 0) { /* so are all below */
            if (!zero) zero = k + 1;
            continue;
        }
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = a[i * n + k] /= pivot;
            subtract_row(to - k - 1, factor, a + k * n + k + 1, a + i * n + k + 1);
        }
    }
    return zero;
}

int64_t tgi_lu(double *a, int64_t n, int64_t *pivots, double *scratch)
{
    int64_t zero = 0;
    for (int64_t from = 0; from < n; from += TGI_PANEL) {
        const int64_t to = tgi_smaller(from + TGI_PANEL, n), rest = n - to;
        const int64_t found = factor_panel(a, n, from, to, pivots);
        if (!zero) zero = found;
        for (int64_t k = from; k < to; k++) /* the rows of U beside the panel */
            for (int64_t i = k + 1; i < to; i++) subtract_row(rest, a[i * n + k], a + k * n + to, a + i * n + to);
        subtract_product(rest, rest, to - from, a + to * n + from, n, a + from * n + to, n, false, a + to * n + to, n,
                         scratch);
    }
    return zero;
}

double tgi_lu_parity(int64_t n, const int64_t *pivots)
{
    double parity = 1;
    for (int64_t i = 0; i < n; i++)
        if (pivots[i] != i) parity = -parity;
    return parity;
}

void tgi_lu_solve(const double *lu, int64_t n, const int64_t *pivots, double *b, int64_t m, double *scratch)
{
    for (int64_t i = 0; i < n; i++) tgi_swap_rows(b, m, i, pivots[i]);
    tgi_triangular_solve(lu, n, false, true, b, m, scratch);
    tgi_triangular_solve(lu, n, true, false, b, m, scratch);
}

/* ---- L D U ---- */

/* The largest element of the rows and columns from k on, a NaN before all others. */
static void find_largest(const double *a, int64_t n, int64_t k, int64_t *row, int64_t *column)
{
    double largest = -1;
    for (int64_t i = k; i < n; i++)
        for (int64_t j = k; j < n; j++) {
            const double size = isnan(a[i * n + j]) ? (double)INFINITY : fabs(a[i * n + j]);
            if (size <= largest) continue;
            largest = size;
            *row = i;
            *column = j;
        }
}

void tgi_swap_columns(double *a, int64_t n, int64_t j, int64_t k)
{
    for (int64_t i = 0; j != k && i < n; i++) {
        const double t = a[i * n + j];
        a[i * n + j] = a[i * n + k];
        a[i * n + k] = t;
    }
}

void tgi_ldu(double *a, int64_t n, int64_t *rows, int64_t *columns)
{
    for (int64_t k = 0; k < n; k++) {
        double *const pivot = a + k * n + k;
        find_largest(a, n, k, &rows[k], &columns[k]);
        tgi_swap_rows(a, n, k, rows[k]);
        tgi_swap_columns(a, n, k, columns[k]);
        if (*pivot == 0) continue; /* so is all that is left: L and U have nothing there */
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = a[i * n + k] /= *pivot;
            subtract_row(n - k - 1, factor, pivot + 1, a + i * n + k + 1);
        }
        divide_row(n - k - 1, pivot + 1, *pivot);
    }
}

/* ---- triangular systems ---- */

/* Rows from..to of b, whose other rows no longer matter to them. */
static void solve_block(const double *a, int64_t n, bool upper, bool unit, double *b, int64_t m, int64_t from,
                        int64_t to)
{
    for (int64_t step = 0; step < to - from; step++) {
        const int64_t i = upper ? to - 1 - step : from + step;
        for (int64_t k = upper ? i + 1 : from; k < (upper ? to : i); k++)
            subtract_row(m, a[i * n + k], b + k * m, b + i * m);
        if (!unit) divide_row(m, b + i * m, a[i * n + i]);
    }
}

void tgi_triangular_solve(const double *a, int64_t n, bool upper, bool unit, double *b, int64_t m, double *scratch)
{
    const int64_t blocks = tgi_pieces(n, TGI_PANEL);
    for (int64_t step = 0; step < blocks; step++) {
        const int64_t block = upper ? blocks - 1 - step : step;
        const int64_t from = block * TGI_PANEL, to = tgi_smaller(from + TGI_PANEL, n);
        const int64_t known = upper ? to : 0, count = upper ? n - to : from; /* rows of b solved already */
        subtract_product(to - from, m, count, a + from * n + known, n, b + known * m, m, false, b + from * m, m,
                         scratch);
        solve_block(a, n, upper, unit, b, m, from, to);
    }
}

/* ---- Cholesky ---- */

/* Columns from..to, from which the columns before have been taken away. */
static int64_t cholesky_panel(double *a, int64_t n, int64_t from, int64_t to)
{
    for (int64_t k = from; k < to; k++) {
        if (a[k * n + k] <= 0) return k + 1;
        const double pivot = sqrt(a[k * n + k]);
        for (int64_t i = k; i < n; i++) a[i * n + k] /= pivot;
        a[k * n + k] = pivot;
        for (int64_t i = k + 1; i < n; i++)
            for (int64_t j = k + 1; j <= tgi_smaller(i, to - 1); j++) a[i * n + j] -= a[i * n + k] * a[j * n + k];
    }
    return 0;
}

int64_t tgi_cholesky(double *a, int64_t n, double *scratch)
{
    for (int64_t from = 0; from < n; from += TGI_PANEL) {
        const int64_t to = tgi_smaller(from + TGI_PANEL, n);
        for (int64_t i = from; i < n; i += TGI_PANEL) { /* as many rows at once as there is scratch for */
            const int64_t rows = tgi_smaller(TGI_PANEL, n - i);
            subtract_product(rows, to - from, from, a + i * n, n, a + from * n, n, true, a + i * n + from, n, scratch);
        }
        const int64_t minor = cholesky_panel(a, n, from, to);
        if (minor) return minor;
    }
    for (int64_t i = 0; i < n; i++) memset(a + i * n + i + 1, 0, (size_t)(n - i - 1) * sizeof *a);
    return 0;
}
