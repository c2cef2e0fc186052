/* bidiagonal.c: singular values by way of a bidiagonal matrix.
 *
 * Reflections from the left and the right leave a diagonal and what is beside it (Golub and Kahan, Calculating the
 * singular values and pseudo-inverse of a matrix, 1965); each step reads the matrix twice, the update of the step before
 * included. What is left is made a diagonal by QR steps, with a shift or without one, from the end where the larger
 * number is, as in Demmel and Kahan, Accurate singular values of bidiagonal matrices (1990), from where also the
 * criteria for what is zero are. The rotations of many steps wait for each other, and turn the vectors at once. */
#include "factor.h"

#include "ops/base/parallel.h"
#include "ops/kernels/factor/factor_kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- to a bidiagonal matrix ---- */

/* The reflection that leaves of x only its first number, which becomes x's length with the opposite sign and is
 * returned; x becomes the vector of the reflection, its first number 1. */
static double reflect(double *x, int64_t n, double *tau)
{
    const double square = TGI_KERNELS(factor)->dot(n - 1, x + 1, x + 1), first = x[0];
    *tau = 0;
    x[0] = 1;
    if (square < 1e-280) { /* as good as nothing, beside numbers of about 1 */
        memset(x + 1, 0, (size_t)(n - 1) * sizeof *x);
        return first;
    }
    const double length = -copysign(sqrt(first * first + square), first);
    for (int64_t i = 1; i < n; i++) x[i] /= first - length;
    *tau = (length - first) / length;
    return length;
}

/* What a step leaves for the next one to subtract: u y + x v. By row and column of the whole matrix. */
typedef struct pending {
    double *u, *x; /* [m] */
    double *y, *v; /* [n] */
} pending;

/* Column k, up to date, becomes the reflection in `to`, and goes back below the diagonal. */
static double reflect_column(double *a, int64_t m, int64_t n, int64_t k, const pending *left, double *to, double *tau)
{
    for (int64_t i = k; i < m; i++) {
        to[i] = a[i * n + k];
        if (k > 0) to[i] -= left->u[i] * left->y[k] + left->x[i] * left->v[k];
    }
    const double d = reflect(to + k, m - k, tau);
    for (int64_t i = k + 1; i < m; i++) a[i * n + k] = to[i];
    return d;
}

/* a [m, n], m >= n, becomes reflections, of columns below the diagonal, of rows beyond what is beside it. */
static void reduce(double *a, int64_t m, int64_t n, double *d, double *e, double *column_tau, double *row_tau,
                   double *scratch)
{
    pending p = { scratch, scratch + m, scratch + 3 * m, scratch + 3 * m + n };
    double *next_u = scratch + 2 * m, *next_y = scratch + 3 * m + 2 * n;
    for (int64_t k = 0; k < n; k++) {
        d[k] = reflect_column(a, m, n, k, &p, next_u, &column_tau[k]);
        if (k + 1 == n) break;
        const int64_t rest = n - k - 1;
        double *const row = a + k * n + k + 1;
        TGI_KERNELS(factor)->reduce(&(tgi_reduction_step){ .m = m - k,
                                                           .n = rest,
                                                           .row = n,
                                                           .a = row,
                                                           .u = k > 0 ? p.u + k : NULL,
                                                           .y = p.y + k + 1,
                                                           .x = p.x + k,
                                                           .v = p.v + k + 1,
                                                           .weight = next_u + k,
                                                           .sum = next_y + k + 1 });
        for (int64_t j = k + 1; j < n; j++) {
            next_y[j] *= column_tau[k];
            p.v[j] = row[j - k - 1] - next_y[j];
        }
        e[k] = reflect(p.v + k + 1, rest, &row_tau[k]);
        memcpy(row, p.v + k + 1, (size_t)rest * sizeof *row);
        TGI_KERNELS(factor)->products(m - k - 1, rest, row + n, n, p.v + k + 1, p.x + k + 1);
        const double both = TGI_KERNELS(factor)->dot(rest, next_y + k + 1, p.v + k + 1);
        for (int64_t i = k + 1; i < m; i++) p.x[i] = row_tau[k] * (p.x[i] - next_u[i] * both);
        double *const u = p.u, *const y = p.y;
        p.u = next_u, next_u = u;
        p.y = next_y, next_y = y;
    }
}

/* v = the transpose of the product of the rows' reflections; x, in which they are, is lost. */
static void make_v(double *x, int64_t n, const double *row_tau, double *v, double *scratch)
{
    const int64_t rest = n - 1;
    for (int64_t k = 0; k < rest; k++) /* they begin one column later than those of columns */
        for (int64_t i = k + 1; i < rest; i++) v[i * rest + k] = x[k * n + i + 1];
    if (rest > 0) tgi_qr_q(v, rest, rest, row_tau, x, rest, scratch);
    memset(v, 0, (size_t)n * sizeof *v);
    for (int64_t i = 1; i < n; i++) v[i * n] = 0;
    v[0] = 1;
    TGI_KERNELS(factor)->transpose(rest, rest, x, rest, v + n + 1, n);
}

/* ---- rotations that wait ---- */

enum { SWEEPS = 64 };

typedef struct waiting {
    double *w, *v; /* NULL: nobody wants the vectors */
    int64_t m, n;  /* their lengths */
    int64_t count, used, room;
    double *pairs; /* [room] */
    double *strip; /* of TGI_FACTOR_STRIP n numbers */
    tgi_sweep of_w[SWEEPS], of_v[SWEEPS];
} waiting;

static void turn(waiting *t)
{
    if (t->count > 0) {
        TGI_KERNELS(factor)->turn(t->w, t->m, t->m, t->of_w, t->count, t->strip);
        TGI_KERNELS(factor)->turn(t->v, t->n, t->n, t->of_v, t->count, t->strip);
    }
    t->count = t->used = 0;
}

/* ---- to a diagonal ---- */

/* Numbers first..last of the diagonal that hang together, seen from the first or, up, from the last one: then it is the
 * transpose that is seen, whose left and right are the other way round. Number i is d[i step]; e[i step] is between
 * it and the next. */
typedef struct chain {
    double *d, *e;
    int64_t first, count, step;
} chain;

static chain chain_of(double *d, double *e, int64_t first, int64_t last, bool up)
{
    return (chain){ .d = up ? d + last : d + first,
                    .e = up ? e + last - 1 : e + first,
                    .first = up ? last : first,
                    .count = last - first + 1,
                    .step = up ? -1 : 1 };
}

/* Room for a step's rotations: those of the right and of the left. */
static void wait_for(waiting *t, const chain *c, double **right, double **left)
{
    const int64_t count = c->count - 1;
    *right = *left = NULL;
    if (!t->w) return;
    if (t->count == SWEEPS || t->used + 4 * count > t->room) turn(t);
    double *of_v = t->pairs + t->used, *of_w = of_v + 2 * count;
    t->of_v[t->count] = (tgi_sweep){ c->first, count, c->step < 0, of_v };
    t->of_w[t->count] = (tgi_sweep){ c->first, count, c->step < 0, of_w };
    *right = c->step > 0 ? of_v : of_w;
    *left = c->step > 0 ? of_w : of_v;
    t->count++;
    t->used += 4 * count;
}

/* c f + s g = r, c g - s f = 0 */
static inline double rotation(double f, double g, double *c, double *s)
{
    if (g == 0) {
        *c = 1, *s = 0;
        return f;
    }
    double r = sqrt(f * f + g * g);
    if (r < 1e-140) r = hypot(f, g);
    const double inverse = 1 / r;
    if (isinf(inverse)) { /* as good as nothing */
        *c = 1, *s = 0;
        return f;
    }
    *c = f * inverse, *s = g * inverse;
    return r;
}

static inline void keep(double *pairs, int64_t i, double c, double s)
{
    if (pairs) pairs[2 * i] = c, pairs[2 * i + 1] = s;
}

/* A QR step with a shift. */
static void step_with_shift(const chain *c, double shift, double *right, double *left)
{
    double *const d = c->d, *const e = c->e;
    const int64_t step = c->step, last = c->count - 1;
    double f = (fabs(d[0]) - shift) * (copysign(1, d[0]) + shift / d[0]), g = e[0], cosine, sine;
    for (int64_t i = 0; i < last; i++) {
        double *const di = d + i * step, *const next = di + step, *const ei = e + i * step;
        const double r = rotation(f, g, &cosine, &sine);
        if (i > 0) ei[-step] = r;
        keep(right, i, cosine, sine);
        f = cosine * *di + sine * *ei;
        *ei = cosine * *ei - sine * *di;
        g = sine * *next;
        *next *= cosine;
        *di = rotation(f, g, &cosine, &sine);
        keep(left, i, cosine, sine);
        f = cosine * *ei + sine * *next;
        *next = cosine * *next - sine * *ei;
        if (i + 1 == last) break;
        g = sine * ei[step];
        ei[step] *= cosine;
    }
    e[(last - 1) * step] = f;
}

/* The same without: small numbers keep their digits. */
static void step_without_shift(const chain *c, double *right, double *left)
{
    double *const d = c->d, *const e = c->e;
    const int64_t step = c->step, last = c->count - 1;
    double cosine = 1, sine = 0, old_cosine = 1, old_sine = 0;
    for (int64_t i = 0; i < last; i++) {
        const double r = rotation(d[i * step] * cosine, e[i * step], &cosine, &sine);
        if (i > 0) e[(i - 1) * step] = old_sine * r;
        keep(right, i, cosine, sine);
        d[i * step] = rotation(old_cosine * r, d[(i + 1) * step] * sine, &old_cosine, &old_sine);
        keep(left, i, old_cosine, old_sine);
    }
    const double h = d[last * step] * cosine;
    d[last * step] = h * old_cosine;
    e[(last - 1) * step] = h * old_sine;
}

/* The smaller singular value of [f, g; 0, h]. */
static double smaller_of_two(double f, double g, double h)
{
    const double least = fmin(fabs(f), fabs(h)), most = fmax(fabs(f), fabs(h)), size = fabs(g);
    if (least == 0) return 0;
    const double sum = 1 + least / most, difference = (most - least) / most;
    if (size < most) {
        const double ratio = size / most * (size / most);
        return least * 2 / (sqrt(sum * sum + ratio) + sqrt(difference * difference + ratio));
    }
    const double ratio = most / size;
    if (ratio == 0) return least * most / size;
    return 2 * least * ratio /
           (sqrt(1 + sum * ratio * (sum * ratio)) + sqrt(1 + difference * ratio * (difference * ratio)));
}

/* None where it would be lost in rounding, or where there is a zero to be brought to the end. */
static double shift_of(const chain *c)
{
    const int64_t step = c->step, last = c->count - 1;
    const double *const d = c->d, *const e = c->e;
    for (int64_t i = 0; i <= last; i++)
        if (d[i * step] == 0) return 0;
    const double shift = smaller_of_two(d[(last - 1) * step], e[(last - 1) * step], d[last * step]);
    return shift * shift < DBL_EPSILON * d[0] * d[0] ? 0 : shift;
}

/* e[i] is as good as nothing beside its neighbours, or beside the largest number of all. */
static bool is_small(const double *d, const double *e, int64_t i, double threshold)
{
    const double size = fabs(e[i]);
    return size <= threshold || size <= DBL_EPSILON / 2 * (fabs(d[i]) + fabs(d[i + 1]));
}

/* The last numbers that hang together, *first to *last; false when all is a diagonal. */
static bool find_chain(double *d, double *e, double threshold, int64_t *first, int64_t *last)
{
    for (; *last > 0 && is_small(d, e, *last - 1, threshold); --*last) e[*last - 1] = 0;
    *first = *last;
    for (; *first > 0 && !is_small(d, e, *first - 1, threshold); --*first)
        if (fabs(d[*first - 1]) <= threshold) d[*first - 1] = 0;
    if (*first > 0) e[*first - 1] = 0;
    if (fabs(d[*last]) <= threshold) d[*last] = 0;
    return *last > 0;
}

/* Makes e zero; false if that does not come to an end. */
static bool diagonalize(double *d, double *e, int64_t n, waiting *t)
{
    int64_t first, last = n - 1, old_first = -1, old_last = -1, work = 0;
    double most = fabs(d[n - 1]);
    bool up = false;
    for (int64_t i = 0; i + 1 < n; i++) {
        if (fabs(d[i]) > most) most = fabs(d[i]);
        if (fabs(e[i]) > most) most = fabs(e[i]);
    }
    while (find_chain(d, e, DBL_EPSILON / 8 * most, &first, &last)) {
        if (first > old_last || last < old_first || old_last < 0) up = fabs(d[first]) < fabs(d[last]);
        old_first = first, old_last = last;
        const chain c = chain_of(d, e, first, last, up);
        const double shift = shift_of(&c);
        double *right, *left;
        wait_for(t, &c, &right, &left);
        if (shift == 0)
            step_without_shift(&c, right, left);
        else
            step_with_shift(&c, shift, right, left);
        work += c.count;
        if (work > 12 * n * n + 100) return false;
    }
    turn(t);
    return true;
}

/* Numbers above 0, the largest first. */
static void sort_values(double *d, int64_t n, double *w, int64_t m, double *v)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t largest = i;
        for (int64_t k = i + 1; k < n; k++)
            if (fabs(d[k]) > fabs(d[largest])) largest = k;
        tgi_swap_rows(d, 1, i, largest);
        if (w) {
            tgi_swap_rows(w, m, i, largest);
            tgi_swap_rows(v, n, i, largest);
            for (int64_t j = 0; d[i] < 0 && j < n; j++) v[i * n + j] = -v[i * n + j];
        }
        d[i] = fabs(d[i]);
    }
}

bool tgi_bidiagonal(double *x, int64_t m, int64_t n, double *q, int64_t columns, double *w, double *v, double *s,
                    double *scratch)
{
    double *const e = scratch + TGI_QR_SCRATCH(m, n), *const column_tau = e + n, *const row_tau = column_tau + n;
    waiting t = { .w = w, .v = v, .m = m, .n = n, .room = 64 * n, .pairs = scratch, .strip = scratch + 64 * n };
    reduce(x, m, n, s, e, column_tau, row_tau, scratch);
    if (w) {
        tgi_qr_q(x, m, n, column_tau, q, columns, scratch);
        TGI_KERNELS(factor)->transpose(m, n, q, columns, w, m);
        make_v(x, n, row_tau, v, scratch);
    }
    if (!diagonalize(s, e, n, &t)) return false;
    sort_values(s, n, w, m, v);
    return true;
}
