/* factor.c: LU, Cholesky and triangular systems by halves of halves, down to panels of a few columns, so that most of the
 * work is products of matrices (Toledo, Locality of reference in LU decomposition with partial pivoting, 1997). What is
 * left are kernels. */
#include "factor.h"

#include "ops/kernels/factor/factor_kernels.h"
#include "ops/kernels/gemm/gemm_kernels.h"
#include "ops/base/parallel.h"

#include <math.h>
#include <string.h>

/* About half of n > TGI_NARROW. */
static int64_t half_of(int64_t n) { return tgi_pieces(n / 2, TGI_NARROW) * TGI_NARROW; }

/* c [m, n] -= a [m, k] b [k, n], where rows of a, or its columns (a_col is not 1), are contiguous, and those of b and c.
 * The negative of a goes to scratch. */
static void subtract_product(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_col,
                             const double *b, int64_t b_row, double *c, int64_t c_row, double *scratch)
{
    if (m == 0 || n == 0 || k == 0) return;
    const bool turned = a_col != 1;
    if (turned)
        TGI_KERNELS(factor)->negate(k, m, a, a_col, scratch, m);
    else
        TGI_KERNELS(factor)->negate(m, k, a, a_row, scratch, k);
    const tgi_gemm args = { .m = m,
                            .n = n,
                            .k = k,
                            .a = scratch,
                            .a_row = turned ? 1 : k,
                            .a_col = turned ? m : 1,
                            .b = b,
                            .b_row = b_row,
                            .b_col = 1,
                            .c = c,
                            .c_row = c_row,
                            .accumulate = true };
    TGI_KERNELS(gemm)->run[TGI_F64](&args);
}

static void divide_row(int64_t m, double *row, double divisor)
{
    for (int64_t j = 0; j < m; j++) row[j] /= divisor;
}

/* ---- triangular systems ---- */

/* Rows and columns from..to of a triangle. */
static tgi_triangle corner(const tgi_triangle *t, int64_t from, int64_t to)
{
    tgi_triangle c = *t;
    c.a += from * (t->row + t->col);
    c.n = to - from;
    return c;
}

static void solve_few(const tgi_triangle *t, double *b)
{
    for (int64_t step = 0; step < t->n; step++) {
        const int64_t i = t->upper ? t->n - 1 - step : step;
        for (int64_t k = t->upper ? i + 1 : 0; k < (t->upper ? t->n : i); k++)
            b[i] -= t->a[i * t->row + k * t->col] * b[k];
        if (!t->unit) b[i] /= t->a[i * (t->row + t->col)];
    }
}

/* b, a vector, becomes t^-1 b; t's rows are contiguous, or its columns. */
static void solve_vector(const tgi_triangle *t, double *b)
{
    const bool by_rows = t->col == 1;
    if (t->n <= TGI_NARROW) {
        solve_few(t, b);
        return;
    }
    for (int64_t step = 0; step < t->n; step++) {
        const int64_t i = t->upper ? t->n - 1 - step : step;
        const int64_t known = t->upper ? i + 1 : 0, later = t->upper ? 0 : i + 1;
        if (by_rows) b[i] -= TGI_KERNELS(factor)->dot(step, t->a + i * t->row + known, b + known);
        if (!t->unit) b[i] /= t->a[i * (t->row + t->col)];
        if (!by_rows) TGI_KERNELS(factor)->add(t->n - 1 - step, -b[i], t->a + i * t->col + later, b + later);
    }
}

/* b [n, m] becomes t^-1 b. */
static void solve(const tgi_triangle *t, double *b, int64_t b_row, int64_t m, double *scratch)
{
    if (m == 1 && b_row == 1) {
        solve_vector(t, b);
        return;
    }
    if (t->n <= TGI_NARROW) {
        TGI_KERNELS(factor)->solve(t, b, b_row, m);
        return;
    }
    const int64_t n = half_of(t->n), rest = t->n - n;
    const tgi_triangle first = corner(t, 0, n), last = corner(t, n, t->n);
    double *below = b + n * b_row;
    if (t->upper) {
        solve(&last, below, b_row, m, scratch);
        subtract_product(n, m, rest, t->a + n * t->col, t->row, t->col, below, b_row, b, b_row, scratch);
        solve(&first, b, b_row, m, scratch);
    } else {
        solve(&first, b, b_row, m, scratch);
        subtract_product(rest, m, n, t->a + n * t->row, t->row, t->col, b, b_row, below, b_row, scratch);
        solve(&last, below, b_row, m, scratch);
    }
}

void tgi_triangular_solve(const double *a, int64_t n, bool upper, bool unit, double *b, int64_t m, double *scratch)
{
    const tgi_triangle t = { .a = a, .n = n, .row = n, .col = 1, .upper = upper, .unit = unit };
    if (m > 0) solve(&t, b, m, m, scratch);
}

/* x, the identity, becomes the inverse of a lower triangle. */
static void invert_lower(const tgi_triangle *t, double *x, int64_t x_row, double *scratch)
{
    if (t->n <= TGI_NARROW) {
        TGI_KERNELS(factor)->solve(t, x, x_row, t->n);
        return;
    }
    const int64_t n = half_of(t->n), rest = t->n - n;
    const tgi_triangle first = corner(t, 0, n), last = corner(t, n, t->n);
    double *below = x + n * x_row;
    invert_lower(&first, x, x_row, scratch);
    subtract_product(rest, n, n, t->a + n * t->row, t->row, t->col, x, x_row, below, x_row, scratch);
    solve(&last, below, x_row, n, scratch);
    invert_lower(&last, below + n, x_row, scratch);
}

/* ---- LU ---- */

/* Rows i and k of `columns` columns. */
static void swap_rows(double *a, int64_t row, int64_t columns, int64_t i, int64_t k)
{
    double t[64];
    double *x = a + i * row, *y = a + k * row;
    for (int64_t left = i == k ? 0 : columns, some; left > 0; left -= some, x += some, y += some) {
        some = tgi_smaller(left, 64);
        memcpy(t, x, (size_t)some * sizeof *t);
        memcpy(x, y, (size_t)some * sizeof *t);
        memcpy(y, t, (size_t)some * sizeof *t);
    }
}

void tgi_swap_rows(double *a, int64_t n, int64_t i, int64_t k) { swap_rows(a, n, n, i, k); }

/* Copies some columns to or from a panel. */
static void copy_panel(double *panel, double *a, int64_t row, int64_t m, int64_t width, bool back)
{
    for (int64_t i = 0; i < m; i++) {
        double *const x = panel + i * TGI_NARROW, *const y = a + i * row;
        if (width == TGI_NARROW)
            memcpy(back ? y : x, back ? x : y, TGI_NARROW * sizeof *x);
        else
            memcpy(back ? y : x, back ? x : y, (size_t)width * sizeof *x);
    }
}

static int64_t factor_panel(double *a, int64_t row, int64_t m, int64_t width, int64_t *pivots, double *scratch)
{
    if (width < TGI_NARROW) memset(scratch, 0, (size_t)(m * TGI_NARROW) * sizeof *scratch);
    copy_panel(scratch, a, row, m, width, false);
    const int64_t zero = TGI_KERNELS(factor)->eliminate(scratch, m, width, pivots);
    copy_panel(scratch, a, row, m, width, true);
    return zero;
}

/* Columns of a matrix of m rows, no more of them than rows. Rows are swapped in these columns alone. */
static int64_t factor_columns(double *a, int64_t row, int64_t m, int64_t columns, int64_t *pivots, double *scratch)
{
    if (columns <= TGI_NARROW) return factor_panel(a, row, m, columns, pivots, scratch);
    const int64_t n = half_of(columns), rest = columns - n;
    double *right = a + n, *below = a + n * row;
    const int64_t zero = factor_columns(a, row, m, n, pivots, scratch);
    for (int64_t i = 0; i < n; i++) swap_rows(right, row, rest, i, pivots[i]);
    const tgi_triangle l = { .a = a, .n = n, .row = row, .col = 1, .unit = true };
    solve(&l, right, row, rest, scratch);
    subtract_product(m - n, rest, n, below, row, 1, right, row, below + n, row, scratch);
    const int64_t later = factor_columns(below + n, row, m - n, rest, pivots + n, scratch);
    for (int64_t i = n; i < columns; i++) swap_rows(a, row, n, i, pivots[i] += n);
    return zero ? zero : later ? later + n : 0;
}

int64_t tgi_lu(double *a, int64_t n, int64_t *pivots, double *scratch)
{
    return factor_columns(a, n, n, n, pivots, scratch);
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

/* A^-T = PT L^-T U^-T */
void tgi_lu_solve_transposed(const double *lu, int64_t n, const int64_t *pivots, double *b, int64_t m, double *scratch)
{
    const tgi_triangle u = { .a = lu, .n = n, .row = 1, .col = n };
    const tgi_triangle l = { .a = lu, .n = n, .row = 1, .col = n, .upper = true, .unit = true };
    solve(&u, b, m, m, scratch);
    solve(&l, b, m, m, scratch);
    for (int64_t i = n; i-- > 0;) tgi_swap_rows(b, m, i, pivots[i]);
}

/* A^-1 = U^-1 L^-1 P, where P swaps the columns of L^-1 in the opposite order. */
void tgi_lu_inverse(const double *lu, int64_t n, const int64_t *pivots, double *x, double *scratch)
{
    const tgi_triangle l = { .a = lu, .n = n, .row = n, .col = 1, .unit = true };
    int64_t *from = (int64_t *)(void *)scratch;
    double *row = scratch + n;
    memset(x, 0, (size_t)(n * n) * sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i * n + i] = 1;
    invert_lower(&l, x, n, scratch);
    tgi_triangular_solve(lu, n, true, false, x, n, scratch);
    for (int64_t j = 0; j < n; j++) from[j] = j;
    for (int64_t j = n; j-- > 0;) {
        const int64_t other = from[pivots[j]];
        from[pivots[j]] = from[j];
        from[j] = other;
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(row, x + i * n, (size_t)n * sizeof *row);
        for (int64_t j = 0; j < n; j++) x[i * n + j] = row[from[j]];
    }
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
            TGI_KERNELS(factor)->add(n - k - 1, -factor, pivot + 1, a + i * n + k + 1);
        }
        divide_row(n - k - 1, pivot + 1, *pivot);
    }
}

/* ---- Cholesky ---- of upper triangles, whose rows are contiguous */

/* RT R = A, all of it at once. */
static int64_t cholesky_corner(double *a, int64_t row, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        double *const top = a + k * row;
        if (top[k] <= 0) return k + 1;
        const double pivot = top[k] = sqrt(top[k]);
        for (int64_t j = k + 1; j < n; j++) top[j] /= pivot;
        for (int64_t i = k + 1; i < n; i++)
            for (int64_t j = i; j < n; j++) a[i * row + j] -= top[i] * top[j];
    }
    return 0;
}

static int64_t cholesky_upper(double *a, int64_t row, int64_t columns, double *scratch)
{
    enum { ROWS = 96 }; /* updated at once: what lies below the diagonal in them is for nothing */
    if (columns <= TGI_NARROW) return cholesky_corner(a, row, columns);
    const int64_t n = half_of(columns), rest = columns - n;
    double *right = a + n, *last = a + n * row + n;
    const int64_t minor = cholesky_upper(a, row, n, scratch);
    if (minor) return minor;
    const tgi_triangle rt = { .a = a, .n = n, .row = 1, .col = row };
    solve(&rt, right, row, rest, scratch);
    for (int64_t i = 0; i < rest; i += ROWS)
        subtract_product(tgi_smaller(ROWS, rest - i), rest - i, n, right + i, 1, row, right + i, row,
                         last + i * row + i, row, scratch);
    const int64_t later = cholesky_upper(last, row, rest, scratch);
    return later ? later + n : 0;
}

/* The upper triangle becomes the lower one transposed, or the reverse. */
static void mirror(double *a, int64_t n, bool to_lower)
{
    enum { TILE = 64 };
    for (int64_t i = 0; i < n; i += TILE) {
        const int64_t rows = tgi_smaller(TILE, n - i);
        for (int64_t j = i + TILE; j < n; j += TILE) {
            double *upper = a + i * n + j, *lower = a + j * n + i;
            const int64_t columns = tgi_smaller(TILE, n - j);
            if (to_lower)
                TGI_KERNELS(factor)->transpose(rows, columns, upper, n, lower, n);
            else
                TGI_KERNELS(factor)->transpose(columns, rows, lower, n, upper, n);
        }
        for (int64_t r = i; r < i + rows; r++)
            for (int64_t c = r + 1; c < i + rows; c++)
                *(to_lower ? a + c * n + r : a + r * n + c) = a[to_lower ? r * n + c : c * n + r];
    }
}

int64_t tgi_cholesky(double *a, int64_t n, double *scratch)
{
    mirror(a, n, false);
    const int64_t minor = cholesky_upper(a, n, n, scratch);
    if (minor) return minor;
    mirror(a, n, true);
    for (int64_t i = 0; i < n; i++) memset(a + i * n + i + 1, 0, (size_t)(n - i - 1) * sizeof *a);
    return 0;
}
