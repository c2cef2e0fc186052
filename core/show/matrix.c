/* matrix.c: a matrix made smaller, and its colours. */
#include "chart_impl.h"

#include <math.h>

double tgi_matrix_mean(const tgi_matrix *m, int64_t rows, int64_t columns, int64_t i, int64_t j)
{
    const int64_t top = i * m->rows / rows, bottom = (i + 1) * m->rows / rows;
    const int64_t left = j * m->columns / columns, right = (j + 1) * m->columns / columns;
    double sum = 0, count = 0;
    for (int64_t r = top; r < bottom; r++)
        for (int64_t c = left; c < right; c++) {
            const double value = m->values[r * m->columns + c];
            if (!isfinite(value)) continue;
            count++;
            sum += value / count - sum / count; /* the mean so far: sums may overflow */
        }
    return count > 0 ? sum : NAN;
}

int64_t tgi_matrix_stride(int64_t count, double room, double each)
{
    static const int64_t steps[] = { 1, 2, 5 };
    int64_t power = 1;
    for (int i = 0;; i++) {
        const int64_t stride = power * steps[i % 3];
        if (i % 3 == 2) power *= 10;
        if ((double)((count + stride - 1) / stride) * each <= room || stride >= count) return stride;
    }
}

double tgi_matrix_share(const tgi_matrix *m, double value)
{
    if (isnan(value) || !(m->low < m->high)) return value - value;
    return fmin(fmax((value / 2 - m->low / 2) / (m->high / 2 - m->low / 2), 0), 1);
}

/* Lightness from 0.26 to 0.92 and hue from 305 to 110 degrees of OKLCH, in nine even steps, as saturated as sRGB
 * allows. */
static const tgi_rgb colors[] = { { 52, 1, 86 },    { 48, 29, 140 },   { 1, 75, 156 },
                                  { 5, 111, 149 },  { 8, 141, 156 },   { 13, 173, 157 },
                                  { 26, 207, 134 }, { 153, 225, 105 }, { 236, 238, 85 } };

static int between(int a, int b, double share) { return (int)lrint(a + (b - a) * share); }

tgi_rgb tgi_heat_color(double share)
{
    enum { STEPS = sizeof colors / sizeof colors[0] - 1 };
    const double at = fmin(fmax(share, 0), 1) * STEPS;
    const int i = at >= STEPS ? STEPS - 1 : (int)at;
    const tgi_rgb a = colors[i], b = colors[i + 1];
    const double rest = at - i;
    return (tgi_rgb){ between(a.red, b.red, rest), between(a.green, b.green, rest), between(a.blue, b.blue, rest) };
}
