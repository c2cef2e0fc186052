/* chart.c: a chart's life, and what is put into it. */
#include "chart_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "core/thread.h"

#include <string.h>

#define ALIVE UINT64_C(0x7467206368617274)

enum { MOST_COLORS = 32 };
static const int64_t MOST_NUMBERS = INT64_C(1) << 40;

bool tgi_chart_ok(const char *where, const tg_chart *chart, const char *function)
{
    tgi_begin(where, function);
    if (chart && chart->alive == ALIVE) return true;
    if (chart)
        tg_fail_at(where, TG_ERROR_VALUE, function, "the chart was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, function, "the chart is NULL");
    return false;
}

/* ---- its life ---- */

static bool limits_ok(const char *function, const char *axis, double low, double high, bool log)
{
    const double least = log ? 1 / TGI_LARGEST_LIMIT : -TGI_LARGEST_LIMIT;
    const bool far = low < least || low > TGI_LARGEST_LIMIT || high < least || high > TGI_LARGEST_LIMIT;
    const char *problem = log && (low <= 0 || high <= 0) ? "a limit that is not above 0 on a log axis"
                          : far                          ? "a limit that is infinite, or too large or small to be drawn"
                          : low >= high                  ? "limits in the wrong order"
                                                         : NULL;
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s: %s (%g, %g)", axis, problem, low, high);
    return !problem;
}

tg_chart *tg_chart_new_at(const char *where, tg_chart_options options)
{
    static const char function[] = "chart_new";
    tgi_begin(where, function);
    if (!limits_ok(function, "x", options.x_min, options.x_max, options.log_x)) return NULL;
    if (!limits_ok(function, "y", options.y_min, options.y_max, options.log_y)) return NULL;
    const char *const texts[] = { options.title, options.x_label, options.y_label };
    size_t bytes = sizeof(tg_chart);
    for (int i = 0; i < 3; i++) bytes += tgi_clean_bytes(texts[i]);
    tg_chart *chart = tgi_calloc(bytes);
    if (!chart) return NULL;
    char *end = (char *)(chart + 1);
    const char **copies[] = { &chart->title, &chart->x_label, &chart->y_label };
    for (int i = 0; i < 3; i++) {
        *copies[i] = end;
        end = tgi_clean_copy(end, texts[i]);
    }
    chart->bytes = bytes;
    chart->log_x = options.log_x;
    chart->log_y = options.log_y;
    chart->legend = options.legend;
    chart->x_min = options.x_min;
    chart->x_max = options.x_max;
    chart->y_min = options.y_min;
    chart->y_max = options.y_max;
    chart->alive = ALIVE;
    return chart;
}

void tg_chart_free_at(const char *where, tg_chart *chart)
{
    if (!chart || !tgi_chart_ok(where, chart, "chart_free")) return;
    for (tgi_series *s = chart->first, *next; s; s = next) {
        next = s->next;
        tgi_free(s, s->bytes);
    }
    if (chart->matrix) tgi_free(chart->matrix, chart->matrix->bytes);
    chart->alive = 0;
    tgi_free(chart, chart->bytes);
}

/* ---- series ---- */

static bool count_ok(const char *function, int64_t count, const void *values)
{
    if (count >= 0 && count <= MOST_NUMBERS && (values || count == 0)) return true;
    if (count < 0 || count > MOST_NUMBERS)
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "an array of %lld numbers", (long long)count);
    else
        tg_fail_at(NULL, TG_ERROR_NULL, function, "the array is NULL");
    return false;
}

/* A series with room for its numbers, `ends` of them x; not yet the chart's. NULL with an error pending. */
static tgi_series *new_series(const tg_chart *chart, const char *function, tgi_series_kind kind, const char *name,
                              int64_t ends, int64_t count)
{
    if (chart->matrix) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a chart of a heat map has nothing else in it");
        return NULL;
    }
    const size_t numbers = (size_t)(ends + count) * sizeof(double);
    const size_t bytes = sizeof(tgi_series) + numbers + tgi_clean_bytes(name);
    tgi_series *s = tgi_calloc(bytes);
    if (!s) return NULL;
    s->bytes = bytes;
    s->kind = kind;
    s->count = count;
    s->x = (double *)(s + 1);
    s->y = s->x + ends;
    s->name = (char *)s + sizeof(tgi_series) + numbers;
    s->color = -1;
    tgi_clean_copy((char *)s + sizeof(tgi_series) + numbers, name);
    return s;
}

static tg_status adopt(tg_chart *chart, tgi_series *s)
{
    if (s->color < 0) s->color = chart->series_count;
    chart->series_count++;
    if (chart->last)
        chart->last->next = s;
    else
        chart->first = s;
    chart->last = s;
    return TG_OK;
}

static tg_status drop(tgi_series *s)
{
    tgi_free(s, s->bytes);
    return TG_FAILED;
}

static bool color_ok(const char *function, int color)
{
    if (color >= -1 && color < MOST_COLORS) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "a color from 0 to %d, or -1, not %d", MOST_COLORS - 1, color);
    return false;
}

static void copy_numbers(double *to, const double *from, int64_t count)
{
    if (count > 0) memcpy(to, from, (size_t)count * sizeof *to);
}

static void count_up(double *x, double first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) x[i] = first + (double)i;
}

tg_status tg_chart_line_at(const char *where, tg_chart *chart, const char *name, const double *y, int64_t count,
                           tg_chart_line_options options)
{
    static const char function[] = "chart_line";
    if (!tgi_chart_ok(where, chart, function) || !count_ok(function, count, y)) return TG_FAILED;
    if (!color_ok(function, options.color)) return TG_FAILED;
    tgi_series *s = new_series(chart, function, TGI_LINE, name, count, count);
    if (!s) return TG_FAILED;
    s->dashed = options.dashed;
    s->color = options.color;
    copy_numbers(s->y, y, count);
    if (options.x)
        copy_numbers(s->x, options.x, count);
    else
        count_up(s->x, options.first, count);
    return adopt(chart, s);
}

static bool same_count(const char *function, const tg_tensor *x, const tg_tensor *y)
{
    if (x->numel == y->numel) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "x has %lld elements, y %lld", (long long)x->numel, (long long)y->numel);
    return false;
}

tg_status tg_chart_line_tensor_at(const char *where, tg_chart *chart, const char *name, const tg_tensor *y,
                                  tg_chart_line_tensor_options options)
{
    static const char function[] = "chart_line_tensor";
    if (!tgi_chart_ok(where, chart, function) || !tgi_handle_ok(function, y)) return TG_FAILED;
    if (!tgi_handle_or_null(function, options.x) || (!options.x && tg_failed())) return TG_FAILED;
    if (y->ndim > 1 || (options.x && options.x->ndim > 1)) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "a line is a tensor of one dimension, not of %d",
                   y->ndim > 1 ? y->ndim : options.x->ndim);
        return TG_FAILED;
    }
    if (!color_ok(function, options.color) || (options.x && !same_count(function, options.x, y))) return TG_FAILED;
    tgi_series *s = new_series(chart, function, TGI_LINE, name, y->numel, y->numel);
    if (!s) return TG_FAILED;
    s->dashed = options.dashed;
    s->color = options.color;
    if (!options.x) count_up(s->x, options.first, s->count);
    if (options.x && tg_to_array(options.x, s->x, s->count) != TG_OK) return drop(s);
    if (tg_to_array(y, s->y, s->count) != TG_OK) return drop(s);
    return adopt(chart, s);
}

tg_status tg_chart_scatter_at(const char *where, tg_chart *chart, const char *name, const double *x, const double *y,
                              int64_t count)
{
    static const char function[] = "chart_scatter";
    if (!tgi_chart_ok(where, chart, function)) return TG_FAILED;
    if (!count_ok(function, count, x) || !count_ok(function, count, y)) return TG_FAILED;
    tgi_series *s = new_series(chart, function, TGI_SCATTER, name, count, count);
    if (!s) return TG_FAILED;
    copy_numbers(s->x, x, count);
    copy_numbers(s->y, y, count);
    return adopt(chart, s);
}

tg_status tg_chart_scatter_tensor_at(const char *where, tg_chart *chart, const char *name, const tg_tensor *x,
                                     const tg_tensor *y)
{
    static const char function[] = "chart_scatter_tensor";
    if (!tgi_chart_ok(where, chart, function) || !tgi_handle_ok(function, x) || !tgi_handle_ok(function, y))
        return TG_FAILED;
    if (!same_count(function, x, y)) return TG_FAILED;
    tgi_series *s = new_series(chart, function, TGI_SCATTER, name, x->numel, x->numel);
    if (!s) return TG_FAILED;
    if (tg_to_array(x, s->x, s->count) != TG_OK || tg_to_array(y, s->y, s->count) != TG_OK) return drop(s);
    return adopt(chart, s);
}

/* ---- histograms ---- */

enum { MOST_BINS = 10000 };

/* The ends that were not given become those of the values; numpy.histogram's where those are one, or none. */
static void find_ends(const double *values, int64_t count, double *low, double *high)
{
    double least = INFINITY, largest = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        if (values[i] < least) least = values[i];
        if (values[i] > largest) largest = values[i];
    }
    if (least > largest) {
        least = isnan(*low) ? isnan(*high) ? 0 : *high - 1 : *low;
        largest = least + 1;
    }
    if (isnan(*low)) *low = least;
    if (isnan(*high)) *high = largest;
    if (*low == *high) {
        const double room = fmax(0.5, fabs(*low) * 1e-6);
        *low -= room;
        *high += room;
    }
}

/* The bin whose ends are around the value; of the last one both are its own. */
static int64_t bin_of(const double *ends, int64_t bins, double value)
{
    const double low = ends[0], high = ends[bins];
    const double share = (value / 2 - low / 2) / (high / 2 - low / 2); /* NaN, where halves are 0 */
    int64_t bin = share > 0 ? (int64_t)(share * (double)bins) : 0;
    if (bin > bins - 1) bin = bins - 1;
    while (bin > 0 && value < ends[bin]) bin--;
    while (bin < bins - 1 && value >= ends[bin + 1]) bin++;
    return bin;
}

static void count_values(tgi_series *s, const double *values, int64_t count, bool density)
{
    double counted = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!(values[i] >= s->x[0] && values[i] <= s->x[s->count])) continue;
        s->y[bin_of(s->x, s->count, values[i])]++;
        counted++;
    }
    if (density && counted > 0)
        for (int64_t i = 0; i < s->count; i++) s->y[i] = s->y[i] / counted / (s->x[i + 1] - s->x[i]);
}

static tg_status add_histogram(tg_chart *chart, const char *function, const char *name, const double *values,
                               int64_t count, tg_chart_histogram_options options)
{
    double low = options.low, high = options.high;
    if (options.bins < 1 || options.bins > MOST_BINS) {
        tg_fail_at(NULL, TG_ERROR_VALUE, function, "1 to %d bins, not %lld", MOST_BINS, (long long)options.bins);
        return TG_FAILED;
    }
    if (!limits_ok(function, "the bins", low, high, false)) return TG_FAILED;
    find_ends(values, count, &low, &high);
    if (!limits_ok(function, "the bins", low, high, false)) return TG_FAILED;
    tgi_series *s = new_series(chart, function, TGI_HISTOGRAM, name, options.bins + 1, options.bins);
    if (!s) return TG_FAILED;
    for (int64_t i = 0; i <= options.bins; i++) {
        const double share = (double)i / (double)options.bins;
        s->x[i] = i == options.bins ? high : low * (1 - share) + high * share;
    }
    count_values(s, values, count, options.density);
    return adopt(chart, s);
}

tg_status tg_chart_histogram_at(const char *where, tg_chart *chart, const char *name, const double *values,
                                int64_t count, tg_chart_histogram_options options)
{
    static const char function[] = "chart_histogram";
    if (!tgi_chart_ok(where, chart, function) || !count_ok(function, count, values)) return TG_FAILED;
    return add_histogram(chart, function, name, values, count, options);
}

tg_status tg_chart_histogram_tensor_at(const char *where, tg_chart *chart, const char *name, const tg_tensor *values,
                                       tg_chart_histogram_options options)
{
    static const char function[] = "chart_histogram_tensor";
    if (!tgi_chart_ok(where, chart, function) || !tgi_handle_ok(function, values)) return TG_FAILED;
    const int64_t count = values->numel;
    double *copy = tgi_calloc((size_t)count * sizeof *copy);
    if (!copy) return TG_FAILED;
    tg_status status = tg_to_array(values, copy, count);
    if (status == TG_OK) status = add_histogram(chart, function, name, copy, count, options);
    tgi_free(copy, (size_t)count * sizeof *copy);
    return status;
}
