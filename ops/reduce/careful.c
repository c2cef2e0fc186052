/* careful.c: moments and normalisation of sets whose squares do not fit. See careful.h. */
#include "careful.h"

#include "ops/kernels/normalize/normalization_kernels.h"

enum { BLOCK = 512 };

/* ---- moments ---- */

static int64_t place(const tgi_careful_set *s, int64_t i) { return i / s->inner * s->stride + i % s->inner; }

static double largest_of(const tgi_careful_set *s, const void *x)
{
    double largest = 0;
    for (int64_t i = 0; i < s->n && !isnan(largest); i++) {
        const double size = fabs(tgi_get(x, s->dtype, place(s, i)));
        if (!(size <= largest)) largest = size;
    }
    return largest;
}

/* Infinities and NaN: their mean, and no variance. */
static tgi_careful_moments moments_of_none(const tgi_careful_set *s, const void *x)
{
    double sum = 0;
    for (int64_t i = 0; i < s->n; i++) sum += tgi_get(x, s->dtype, place(s, i));
    return (tgi_careful_moments){ sum / (double)s->n, 0, NAN, 0 };
}

/* Of the distances from the first element: where all are the same, these are 0. */
tgi_careful_moments tgi_careful_moments_of(const tgi_careful_set *s, const void *x, bool centered, double least)
{
    const tgi_normalization_kernels *k = TGI_KERNELS(normalization);
    const double largest = largest_of(s, x), origin = centered ? tgi_get(x, s->dtype, 0) : 0;
    if (!isfinite(largest)) return moments_of_none(s, x);
    const double size = fmax(largest, isfinite(least) ? least : 0); /* an infinite eps has no exponent */
    const int e = size > 0 ? ilogb(size) : 0;
    double mean = 0, square = 0, block[BLOCK], block_mean, block_square;
    for (int64_t start = 0; start < s->n; start += BLOCK) {
        const int64_t n = s->n - start < BLOCK ? s->n - start : BLOCK;
        for (int64_t i = 0; i < n; i++)
            block[i] = ldexp(tgi_get(x, s->dtype, place(s, start + i)), -e) - ldexp(origin, -e);
        k->moments[TGI_F64](1, n, block, n, start ? &block_mean : &mean, start ? &block_square : &square);
        if (start) k->merge_moments(1, (double)start, &mean, &square, (double)n, &block_mean, &block_square);
    }
    if (!centered) return (tgi_careful_moments){ 0, 0, square + (double)s->n * mean * mean, e };
    const double shift = ldexp(mean, e), sum = origin + shift;
    return (tgi_careful_moments){ sum, shift - (sum - origin), square > 0 ? square : 0, e };
}

/* ---- normalisation ---- */

void tgi_careful_statistics(tgi_careful_norm *c, double eps, double *square)
{
    const tgi_careful_moments m = tgi_careful_moments_of(&c->set, c->x, c->centered, sqrt(eps));
    c->mean = m.mean;
    c->rstd = m.square == 0 ? 1 / sqrt(eps) /* which scaled as large numbers are may be 0 */
                            : ldexp(1 / sqrt(m.square / (double)c->set.n + ldexp(eps, -2 * m.exponent)), -m.exponent);
    if (square) *square = ldexp(m.square, 2 * m.exponent);
}

/* (x - mean) rstd. Both are scaled first: where x is near the limits, neither the difference nor rstd may fit. */
static double normal(const tgi_careful_norm *c, int64_t i)
{
    const double x = tgi_get(c->x, c->set.dtype, place(&c->set, i));
    if (!(c->rstd > 0) || isinf(c->rstd)) return (x - c->mean) * c->rstd;
    const int e = ilogb(c->rstd);
    return (ldexp(x, e) - ldexp(c->mean, e)) * ldexp(c->rstd, -e);
}

/* The parameter of element i, or what stands for none. */
static double parameter(const tgi_careful_norm *c, const void *from, int64_t i, double otherwise)
{
    return from ? tgi_get(from, c->set.dtype, i / c->set.inner * c->step) : otherwise;
}

void tgi_careful_forward(const tgi_careful_norm *c)
{
    for (int64_t i = 0; i < c->set.n; i++) {
        const double y = normal(c, i) * parameter(c, c->weight, i, 1) + parameter(c, c->bias, i, 0);
        tgi_put(c->y, c->set.dtype, place(&c->set, i), y);
    }
}

static void add(void *sums, int dtype, int64_t i, double value)
{
    if (sums) tgi_put(sums, dtype, i, tgi_get(sums, dtype, i) + value);
}

/* With n the normalised x and h = g weight: dx = rstd (h - the mean of h - n the mean of h n). */
void tgi_careful_backward(const tgi_careful_norm *c)
{
    const double count = (double)c->set.n;
    double sum = 0, product = 0;
    for (int64_t i = 0; i < c->set.n; i++) {
        const double g = tgi_get(c->g, c->set.dtype, place(&c->set, i)), h = g * parameter(c, c->weight, i, 1);
        const double n = normal(c, i);
        sum += h;
        product += h * n;
        add(c->dweight, c->sums_dtype, i / c->set.inner * c->step, g * n);
        add(c->dbias, c->sums_dtype, i / c->set.inner * c->step, g);
    }
    for (int64_t i = 0; c->y && i < c->set.n; i++) {
        const int64_t at = place(&c->set, i);
        const double h = tgi_get(c->g, c->set.dtype, at) * parameter(c, c->weight, i, 1);
        const double d = h - (c->centered ? sum / count : 0) - normal(c, i) * (product / count);
        tgi_put(c->y, c->set.dtype, at, d * c->rstd);
    }
}
