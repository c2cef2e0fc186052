/* factor_reference.c: inner loops of factorisations for the reference: the definitions, one number after the other. */
#define ISA reference
#include "factor_kernels.h"

#include <math.h>

#include "ops/kernels/table_name.h"

static double factor_dot_f64(int64_t n, const double *x, const double *y)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (long double)x[i] * y[i];
    return (double)sum;
}

static void factor_add_f64(int64_t n, double factor, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] += factor * x[i];
}

static void factor_products_f64(int64_t m, int64_t n, const double *a, int64_t row, const double *x, double *y)
{
    for (int64_t i = 0; i < m; i++) y[i] = factor_dot_f64(n, a + i * row, x);
}

static void factor_negate_f64(int64_t m, int64_t n, const double *from, int64_t from_row, double *to, int64_t to_row)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) to[i * to_row + j] = -from[i * from_row + j];
}

static void factor_transpose_f64(int64_t m, int64_t n, const double *from, int64_t from_row, double *to, int64_t to_row)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) to[j * to_row + i] = from[i * from_row + j];
}

static void factor_solve_f64(const tgi_triangle *t, double *b, int64_t b_row, int64_t m)
{
    for (int64_t j = 0; j < m; j++)
        for (int64_t step = 0; step < t->n; step++) {
            const int64_t i = t->upper ? t->n - 1 - step : step;
            double sum = b[i * b_row + j];
            for (int64_t k = t->upper ? i + 1 : 0; k < (t->upper ? t->n : i); k++)
                sum -= t->a[i * t->row + k * t->col] * b[k * b_row + j];
            b[i * b_row + j] = t->unit ? sum : sum / t->a[i * t->row + i * t->col];
        }
}

static int64_t factor_eliminate_f64(double *panel, int64_t m, int64_t width, int64_t *pivots)
{
    int64_t zero = 0;
    for (int64_t k = 0; k < width && k < m; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < m; i++)
            if (fabs(panel[i * TGI_NARROW + k]) > fabs(panel[best * TGI_NARROW + k])) best = i;
        pivots[k] = best;
        for (int64_t j = 0; j < TGI_NARROW; j++) {
            const double x = panel[k * TGI_NARROW + j];
            panel[k * TGI_NARROW + j] = panel[best * TGI_NARROW + j];
            panel[best * TGI_NARROW + j] = x;
        }
        if (panel[k * TGI_NARROW + k] == 0) {
            if (!zero) zero = k + 1;
            continue;
        }
        for (int64_t i = k + 1; i < m; i++) {
            const double factor = panel[i * TGI_NARROW + k] /= panel[k * TGI_NARROW + k];
            for (int64_t j = k + 1; j < width; j++) panel[i * TGI_NARROW + j] -= factor * panel[k * TGI_NARROW + j];
        }
    }
    return zero;
}

static void factor_reflect_f64(double *panel, int64_t m, int64_t width, double *tau)
{
    for (int64_t k = 0; k < width; k++) {
        double *const top = panel + k * TGI_NARROW + k;
        double below = 0;
        for (int64_t i = 1; i < m - k; i++) below = hypot(below, top[i * TGI_NARROW]);
        tau[k] = 0;
        if (below == 0) continue;
        const double length = -copysign(hypot(*top, below), *top);
        for (int64_t i = 1; i < m - k; i++) top[i * TGI_NARROW] /= *top - length;
        tau[k] = (length - *top) / length;
        *top = length;
        for (int64_t j = 1; j < width - k; j++) {
            double sum = top[j];
            for (int64_t i = 1; i < m - k; i++) sum += top[i * TGI_NARROW] * top[i * TGI_NARROW + j];
            top[j] -= tau[k] * sum;
            for (int64_t i = 1; i < m - k; i++) top[i * TGI_NARROW + j] -= tau[k] * sum * top[i * TGI_NARROW];
        }
    }
}

static void factor_combine_f64(int64_t n, double *x, double *y, const double *abcd)
{
    for (int64_t j = 0; j < n; j++) {
        const double xj = x[j], yj = y[j];
        x[j] = abcd[0] * xj + abcd[1] * yj;
        y[j] = abcd[2] * xj + abcd[3] * yj;
    }
}

static void factor_turn_f64(double *x, int64_t n, int64_t row, const tgi_sweep *sweeps, int64_t count, double *strip)
{
    (void)strip;
    for (const tgi_sweep *w = sweeps; w < sweeps + count; w++)
        for (int64_t i = 0; i < w->count; i++) {
            const double c = w->pairs[2 * i], s = w->pairs[2 * i + 1];
            double *const first = x + (w->up ? w->first - i : w->first + i) * row;
            factor_combine_f64(n, first, w->up ? first - row : first + row, (const double[]){ c, s, -s, c });
        }
}

static void factor_reduce_f64(const tgi_reduction_step *t)
{
    for (int64_t j = 0; j < t->n; j++) {
        t->sum[j] = 0;
        for (int64_t i = 0; i < t->m; i++) {
            double *const a = t->a + i * t->row + j;
            if (t->u) *a -= t->u[i] * t->y[j] + t->x[i] * t->v[j];
            t->sum[j] += t->weight[i] * *a;
        }
    }
}

#include "factor_table.inc"
