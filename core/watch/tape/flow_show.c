/* flow_show.c: what a flow has collected, as numbers, as a table and as charts. */
#include "flow_impl.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

/* ---- numbers ---- */

int64_t tg_flow_walks_at(const char *where, const tg_flow *flow)
{
    return tgi_flow_ok(where, flow, "flow_walks") ? flow->walks : 0;
}

static bool kind_ok(const char *function, tg_flow_kind kind)
{
    if (kind >= TG_FLOW_STEPS && kind <= TG_FLOW_UPDATES) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "%d is no kind of series", (int)kind);
    return false;
}

int64_t tg_flow_count_at(const char *where, const tg_flow *flow, tg_flow_kind kind)
{
    if (!tgi_flow_ok(where, flow, "flow_count") || !kind_ok("flow_count", kind)) return 0;
    return kind == TG_FLOW_STEPS ? flow->step_count : flow->leaf_count;
}

const char *tg_flow_name_at(const char *where, const tg_flow *flow, tg_flow_kind kind, int64_t i)
{
    if (!tgi_flow_ok(where, flow, "flow_name") || !kind_ok("flow_name", kind)) return NULL;
    if (i < 0 || i >= (kind == TG_FLOW_STEPS ? flow->step_count : flow->leaf_count)) return NULL;
    return kind == TG_FLOW_STEPS ? flow->steps[i].name : flow->leaves[i].name;
}

/* Of a walk for which nothing was noted: NaN. The last update goes on until the next walk. */
static double of_leaf(const tgi_flow_leaf *l, tg_flow_kind kind, int64_t walk)
{
    if (walk < 0 || walk >= l->count) return NAN;
    if (kind == TG_FLOW_PARAMETERS) return l->norms[walk];
    return walk == l->latest ? tgi_flow_update(l) : l->updates[walk];
}

/* Of a series, row by row. */
static int64_t columns_of(const tg_flow *flow, tg_flow_kind kind, int64_t i)
{
    return kind == TG_FLOW_STEPS ? flow->steps[i].steps : 1;
}

static void fill(const tg_flow *flow, tg_flow_kind kind, int64_t i, double *numbers)
{
    const int64_t columns = columns_of(flow, kind, i);
    for (int64_t k = 0; k < flow->walks * columns; k++)
        numbers[k] = kind == TG_FLOW_STEPS ? NAN : of_leaf(&flow->leaves[i], kind, k);
    for (int64_t k = 0; kind == TG_FLOW_STEPS && k < flow->steps[i].count; k++) {
        const tgi_flow_entry *entry = &flow->steps[i].entries[k];
        if (entry->walk < flow->walks) numbers[entry->walk * columns + entry->step] = entry->norm;
    }
}

static bool series_ok(const char *function, const tg_flow *flow, tg_flow_kind kind, int64_t i)
{
    if (!kind_ok(function, kind)) return false;
    const int64_t count = kind == TG_FLOW_STEPS ? flow->step_count : flow->leaf_count;
    if (i >= 0 && i < count) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "there is no series %lld of %lld%s", (long long)i, (long long)count,
               kind == TG_FLOW_STEPS && !count ? ": no gradient came to a step that has a label (tg_label(\"t=%d\", t))"
                                               : "");
    return false;
}

tg_tensor *tg_flow_norms_at(const char *where, const tg_flow *flow, tg_flow_kind kind, int64_t i)
{
    if (!tgi_flow_ok(where, flow, "flow_norms") || !series_ok("flow_norms", flow, kind, i)) return NULL;
    const tg_shape of_steps = tg_shape(flow->walks, columns_of(flow, kind, i)), of_leaf = tg_shape(flow->walks);
    tg_tensor *t = tgi_new(kind == TG_FLOW_STEPS ? &of_steps : &of_leaf, TG_FLOAT64);
    if (t && t->numel) fill(flow, kind, i, tgi_ptr(t));
    return t;
}

/* ---- a table ---- */

static void put_cell(tgi_page *page, double number)
{
    if (isnan(number))
        tgi_page_put(page, "         -");
    else
        tgi_page_format(page, "%10.3g", number);
}

static void put_leaf(tgi_page *page, const tg_flow *flow, const tgi_flow_leaf *l)
{
    double sum = 0, most = NAN;
    int64_t count = 0;
    for (int64_t w = 0; w < l->count && w < flow->walks; w++) {
        if (isnan(l->norms[w])) continue;
        sum += l->norms[w];
        most = fmax(most, l->norms[w]);
        count++;
    }
    tgi_page_repeat(page, " ", 36 - tgi_page_columns(page, l->name, 36, false));
    put_cell(page, of_leaf(l, TG_FLOW_PARAMETERS, flow->walks - 1));
    put_cell(page, count ? sum / (double)count : NAN);
    put_cell(page, most);
    put_cell(page, of_leaf(l, TG_FLOW_UPDATES, l->latest));
    tgi_page_put(page, "\n");
}

/* "Net.t: 0: 1.2e-06, 4: 0.00031, 11: 0.25", some of them when there are many. */
static void put_steps(tgi_page *page, const tg_flow *flow, const tgi_flow_steps *loop)
{
    enum { MOST = 12 };
    int64_t first = loop->count, count, begin;
    while (first > 0 && loop->entries[first - 1].walk == flow->walks) first--; /* of a walk that runs */
    count = first;
    for (begin = count; begin > 0 && loop->entries[begin - 1].walk == flow->walks - 1;) begin--;
    count -= begin;
    tgi_put_clean(page, loop->name);
    tgi_page_put(page, count ? ":" : ": nothing in the latest walk");
    const int64_t shown = count < MOST ? count : MOST;
    for (int64_t i = 0; i < shown; i++) { /* the walk came to the last step first */
        const int64_t at = begin + count - 1 - (shown > 1 ? i * (count - 1) / (shown - 1) : 0);
        tgi_page_format(page, "%s %lld: %.3g", i ? "," : "", (long long)loop->entries[at].step, loop->entries[at].norm);
    }
    tgi_page_put(page, "\n");
}

tg_status tg_flow_print_to_at(const char *where, FILE *file, const tg_flow *flow)
{
    static const char function[] = "flow_print_to";
    tgi_page page = { .text = NULL };
    if (!tgi_flow_ok(where, flow, function)) return TG_FAILED;
    if (!file) return tg_fail_at(NULL, TG_ERROR_NULL, function, "the file is NULL"), TG_FAILED;
    tgi_put_count(&page, flow->walks, "walk");
    tgi_page_put(&page, "\n");
    if (flow->leaf_count)
        tgi_page_format(&page, "%-36s    latest      mean   largest    update\n", "norm of the gradient");
    for (int64_t i = 0; i < flow->leaf_count; i++) put_leaf(&page, flow, &flow->leaves[i]);
    if (flow->step_count) tgi_page_put(&page, "by time step, in the latest walk\n");
    for (int64_t i = 0; i < flow->step_count; i++) put_steps(&page, flow, &flow->steps[i]);
    return tgi_page_to_file(&page, function, file);
}

/* ---- charts ---- */

static const char *title_of(const tg_flow *flow, const tg_flow_chart_options *o, char text[2 * TGI_FLOW_NAME])
{
    if (o->title) return o->title;
    if (o->kind == TG_FLOW_PARAMETERS) return "log10 of the gradient's norm";
    if (o->kind == TG_FLOW_UPDATES) return "log10 of |update| / |weight|";
    snprintf(text, 2 * TGI_FLOW_NAME, "log10 of the gradient's norm: %s", flow->steps[o->series].name);
    return text;
}

static bool draw(const tg_flow *flow, const tg_flow_chart_options *o, tg_chart *chart, double *numbers,
                 const char **names)
{
    const bool steps = o->kind == TG_FLOW_STEPS;
    const int64_t rows = steps ? flow->walks : flow->leaf_count;
    const int64_t columns = steps ? flow->steps[o->series].steps : flow->walks;
    if (steps) fill(flow, o->kind, o->series, numbers);
    for (int64_t i = 0; i < rows && !steps; i++) {
        fill(flow, o->kind, i, numbers + i * columns);
        names[i] = flow->leaves[i].name;
    }
    for (int64_t i = 0; i < rows * columns; i++) numbers[i] = log10(numbers[i]); /* of 0: no number, and no colour */
    return tg_chart_heatmap(chart, numbers, rows, columns, .low = o->low, .high = o->high,
                            .row_names = steps ? NULL : names) == TG_OK;
}

tg_chart *tg_flow_chart_at(const char *where, const tg_flow *flow, tg_flow_chart_options options)
{
    static const char function[] = "flow_chart";
    char title[2 * TGI_FLOW_NAME];
    if (!tgi_flow_ok(where, flow, function) || !kind_ok(function, options.kind)) return NULL;
    const bool steps = options.kind == TG_FLOW_STEPS;
    if (steps && !series_ok(function, flow, options.kind, options.series)) return NULL;
    const int64_t rows = steps ? flow->walks : flow->leaf_count;
    const int64_t columns = steps ? flow->steps[options.series].steps : flow->walks;
    if (!rows || !columns) return tg_fail_at(NULL, TG_ERROR_VALUE, function, "no walk has been measured yet"), NULL;
    tg_chart *chart = tg_chart_new(.title = title_of(flow, &options, title), .x_label = steps ? "step" : "walk",
                                   .y_label = steps ? "walk" : NULL);
    const size_t bytes = (size_t)(rows * columns) * sizeof(double), name_bytes = (size_t)rows * sizeof(const char *);
    double *numbers = chart ? tgi_calloc(bytes) : NULL;
    const char **names = numbers ? tgi_calloc(name_bytes) : NULL;
    const bool ok = names && draw(flow, &options, chart, numbers, names);
    if (names) tgi_free(names, name_bytes);
    if (numbers) tgi_free(numbers, bytes);
    if (ok) return chart;
    tg_chart_free(chart);
    return NULL;
}
