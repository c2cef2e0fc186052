/* heatmap.c: how a matrix comes into a chart. It brings along what draws it: a program that has no heat map links
 * nothing of it. */
#include "chart_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"
#include "svg_impl.h"
#include "text_impl.h"

#include <float.h>
#include <string.h>

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
    m->draw_text = tgi_matrix_draw_text;
    m->draw_svg = tgi_svg_matrix;
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
