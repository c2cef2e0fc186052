/* matrix.c: heat maps: how a matrix comes into a chart, how it is made smaller, its colours. */
#include "chart_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <float.h>
#include <string.h>

/* ---- into the chart ---- */

static bool fits(const tg_chart *chart, const char *function, int64_t rows, int64_t columns, const double *ends)
{
    const bool limited = !isnan(chart->x_min) || !isnan(chart->x_max) || !isnan(chart->y_min) || !isnan(chart->y_max);
    const char *problem = NULL;
    if (chart->matrix || chart->first)
        problem = "a heat map is all that its chart has in it";
    else if (chart->log_x || chart->log_y || limited)
        problem = "a heat map's axes are its rows and columns: no limits, no log axes";
    else if (isinf(ends[0]) || isinf(ends[1]) || ends[0] >= ends[1])
        problem = "the ends of the colours are two numbers, low < high";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s", problem);
    if (problem) return false;
    if (rows > 0 && columns > 0 && rows < (INT64_C(1) << 40) / columns) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "a matrix of %lld rows and %lld columns", (long long)rows,
               (long long)columns);
    return false;
}

static size_t bytes_of_names(const char *const *names, int64_t count)
{
    size_t bytes = 0;
    for (int64_t i = 0; names && i < count; i++) bytes += sizeof *names + tgi_clean_bytes(names[i]);
    return bytes;
}

/* The pointers first, then the texts; moves `*room` behind them. */
static const char **copy_names(char **room, const char *const *names, int64_t count)
{
    if (!names) return NULL;
    const char **copies = (const char **)(void *)*room;
    *room += (size_t)count * sizeof *copies;
    for (int64_t i = 0; i < count; i++) {
        copies[i] = *room;
        *room = tgi_clean_copy(*room, names[i]);
    }
    while ((uintptr_t)*room % sizeof *copies) ++*room;
    return copies;
}

/* With room for its numbers, which are not there yet; NULL with an error pending. */
static tgi_matrix *new_matrix(int64_t rows, int64_t columns, const tg_chart_heatmap_options *options)
{
    const size_t numbers = (size_t)rows * (size_t)columns * sizeof(double);
    const size_t names = bytes_of_names(options->row_names, rows) + bytes_of_names(options->column_names, columns);
    const size_t bytes = sizeof(tgi_matrix) + numbers + names + 2 * sizeof(char *);
    tgi_matrix *m = tgi_calloc(bytes);
    if (!m) return NULL;
    char *room = (char *)(m + 1) + numbers;
    m->bytes = bytes;
    m->rows = rows;
    m->columns = columns;
    m->annotate = options->annotate;
    m->values = (double *)(m + 1);
    m->row_names = copy_names(&room, options->row_names, rows);
    m->column_names = copy_names(&room, options->column_names, columns);
    return m;
}

/* The ends of the colours that were not given. */
static void find_ends(tgi_matrix *m, double low, double high)
{
    m->low = INFINITY;
    m->high = -INFINITY;
    for (int64_t i = 0; i < m->rows * m->columns; i++) {
        if (!isfinite(m->values[i])) continue;
        m->low = fmin(m->low, m->values[i]);
        m->high = fmax(m->high, m->values[i]);
    }
    if (m->low > m->high) m->low = m->high = isnan(low) ? isnan(high) ? 0 : high : low;
    if (!isnan(low)) m->low = low;
    if (!isnan(high)) m->high = high;
    if (m->low < m->high) return;
    const double room = fmax(0.5, fabs(m->low) * 1e-6);
    if (isnan(low)) m->low = fmax(fmin(m->low, m->high) - room, -DBL_MAX);
    if (isnan(high)) m->high = fmin(fmax(m->low, m->high) + room, DBL_MAX);
}

tg_status tg_chart_heatmap_at(const char *where, tg_chart *chart, const double *values, int64_t rows, int64_t columns,
                              tg_chart_heatmap_options options)
{
    static const char function[] = "chart_heatmap";
    const double ends[] = { options.low, options.high };
    if (!tgi_chart_ok(where, chart, function) || !fits(chart, function, rows, columns, ends)) return TG_FAILED;
    if (!values) {
        tg_fail_at(NULL, TG_ERROR_NULL, function, "the array is NULL");
        return TG_FAILED;
    }
    tgi_matrix *m = new_matrix(rows, columns, &options);
    if (!m) return TG_FAILED;
    memcpy(m->values, values, (size_t)rows * (size_t)columns * sizeof *values);
    find_ends(m, options.low, options.high);
    chart->matrix = m;
    return TG_OK;
}

tg_status tg_chart_heatmap_tensor_at(const char *where, tg_chart *chart, const tg_tensor *values,
                                     tg_chart_heatmap_options options)
{
    static const char function[] = "chart_heatmap_tensor";
    const double ends[] = { options.low, options.high };
    if (!tgi_chart_ok(where, chart, function) || !tgi_handle_ok(function, values)) return TG_FAILED;
    if (values->ndim != 2) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a heat map is a tensor of two dimensions, not of %d", values->ndim);
        return TG_FAILED;
    }
    if (!fits(chart, function, values->dims[0], values->dims[1], ends)) return TG_FAILED;
    tgi_matrix *m = new_matrix(values->dims[0], values->dims[1], &options);
    if (!m) return TG_FAILED;
    if (tg_to_array(values, m->values, values->numel) != TG_OK) {
        tgi_free(m, m->bytes);
        return TG_FAILED;
    }
    find_ends(m, options.low, options.high);
    chart->matrix = m;
    return TG_OK;
}

/* ---- out of it ---- */

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
