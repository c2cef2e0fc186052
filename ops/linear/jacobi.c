/* jacobi.c: singular values by one-sided Jacobi rotations.
 *
 * Two rows at a time are turned until they are orthogonal; when all are, their lengths are the singular values
 * (Hestenes, Inversion of matrices by biorthogonalization, 1958). Small values are as accurate, relative to themselves,
 * as large ones. Of the triangle that QR leaves the rows need few sweeps (Drmac and Veselic, New fast and accurate
 * Jacobi SVD algorithm, 2008). */
#include "factor.h"

#include "ops/kernels/factor/factor_kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A row shorter than its root is as good as zero: products of such rows are no longer exact. */
static const double shortest_square = 1e-280;

/* Rotations converge quadratically, in some ten sweeps; more than these would only turn rounding errors around. */
enum { SWEEPS = 60 };

static double dot(const double *x, const double *y, int64_t n) { return TGI_KERNELS(factor)->dot(n, x, y); }

/* Makes rows p and q orthogonal, the longer one first. False if they are already. */
static bool rotate(double *x, double *w, double *squares, int64_t n, int64_t p, int64_t q)
{
    const double a = squares[p], b = squares[q];
    if (a < shortest_square || b < shortest_square) return false;
    const double product = dot(x + p * n, x + q * n, n);
    if (!(fabs(product) > sqrt((double)n) * DBL_EPSILON * sqrt(a) * sqrt(b))) return false;
    const double zeta = (b - a) / (2 * product);
    const double tangent = copysign(1, zeta) / (fabs(zeta) + hypot(1, zeta));
    const double c = 1 / sqrt(1 + tangent * tangent), s = c * tangent;
    const double longer_first[] = { s, c, c, -s }, as_they_are[] = { c, -s, s, c };
    for (int i = 0; i < (w ? 2 : 1); i++) {
        double *const rows = i ? w : x;
        TGI_KERNELS(factor)->combine(n, rows + p * n, rows + q * n, b > a ? longer_first : as_they_are);
    }
    squares[p] = dot(x + p * n, x + p * n, n);
    squares[q] = dot(x + q * n, x + q * n, n);
    return true;
}

/* The rows and their squares, the longest first. */
static void sort_rows(double *x, double *w, double *squares, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t longest = i;
        for (int64_t k = i + 1; k < n; k++)
            if (squares[k] > squares[longest]) longest = k;
        tgi_swap_rows(x, n, i, longest);
        if (w) tgi_swap_rows(w, n, i, longest);
        tgi_swap_rows(squares, 1, i, longest);
    }
}

/* The column in which the rows before `row`, orthogonal and of length 1, have least: no less than 1 / n is missing. */
static int64_t emptiest_column(const double *x, int64_t n, int64_t row)
{
    int64_t best = 0;
    double least = INFINITY;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < row; i++) sum += x[i * n + j] * x[i * n + j];
        if (sum >= least) continue;
        least = sum;
        best = j;
    }
    return best;
}

/* A row of length 1 that is orthogonal to those before it. Taken away twice, these leave nothing of themselves. */
static void complete_row(double *x, int64_t n, int64_t row)
{
    double *const y = x + row * n;
    const int64_t column = emptiest_column(x, n, row);
    memset(y, 0, (size_t)n * sizeof *y);
    y[column] = 1;
    for (int64_t k = 0; k < 2 * row; k++) {
        const double *const other = x + k % row * n, part = dot(other, y, n);
        for (int64_t j = 0; j < n; j++) y[j] -= part * other[j];
    }
    const double length = sqrt(dot(y, y, n));
    for (int64_t j = 0; j < n; j++) y[j] /= length;
}

void tgi_jacobi(double *x, int64_t n, double *w, double *s)
{
    bool turned = true;
    for (int64_t i = 0; i < n; i++) s[i] = dot(x + i * n, x + i * n, n);
    for (int64_t i = 0; w && i < n * n; i++) w[i] = i % (n + 1) == 0;
    for (int sweep = 0; turned && sweep < SWEEPS; sweep++) {
        turned = false;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) turned |= rotate(x, w, s, n, p, q);
    }
    sort_rows(x, w, s, n);
    for (int64_t i = 0; i < n; i++) {
        s[i] = s[i] < shortest_square ? 0 : sqrt(s[i]);
        if (!w) continue;
        if (s[i] == 0) complete_row(x, n, i);
        for (int64_t j = 0; s[i] > 0 && j < n; j++) x[i * n + j] /= s[i];
    }
}
