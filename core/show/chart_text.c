/* chart_text.c: a chart in the terminal: the frame, its axes, what stands around it. */
#include "text_impl.h"

#include "core/error.h"
#include "core/tensor_impl.h"
#include "terminal_impl.h"

#include <math.h>
#include <string.h>

enum { WIDEST = 100, LEAST_FRAME = 8 };

/* ---- layout ---- */

static int widest_label(const tgi_axis *axis)
{
    int width = 0;
    for (int i = 0; i < axis->count; i++) {
        const int length = (int)strlen(axis->labels[i]);
        if (length > width) width = length;
    }
    return width;
}

/* Rows between two ticks are all alike where the frame begins and ends with one. */
static void choose_y(tgi_screen *s, const tgi_span *span, int lines)
{
    const int most = lines / 2 < 7 ? lines / 2 : 7;
    tgi_axis_choose(&s->y, span, most > 2 ? most : 2);
    const int steps = s->y.count - 1;
    const bool even = !s->y.log && steps > 0 && s->y.low == s->y.ticks[0] && s->y.high == s->y.ticks[steps];
    s->high = even && lines > steps ? (lines - 1) / steps * steps + 1 : lines;
}

static void choose_x(tgi_screen *s, const tgi_span *span)
{
    for (int most = TGI_MOST_TICKS; most >= 2; most--) {
        tgi_axis_choose(&s->x, span, most);
        if ((widest_label(&s->x) + 3) * s->x.count <= s->wide) return;
    }
}

static void lay_out(tgi_screen *s, int columns, int lines)
{
    const tgi_spans spans = tgi_chart_spans(s->chart);
    choose_y(s, &spans.y, lines);
    s->left = widest_label(&s->y) + 2;
    s->wide = columns - s->left - 1 > LEAST_FRAME ? columns - s->left - 1 : LEAST_FRAME;
    const tgi_series *only = s->chart->series_count == 1 ? s->chart->first : NULL;
    if (only && only->kind == TGI_HISTOGRAM && only->count <= s->wide) s->wide -= s->wide % (int)only->count;
    choose_x(s, &spans.x);
}

/* ---- around the frame ---- */

static void put_head(const tgi_screen *s)
{
    if (*s->chart->title) {
        tgi_page_repeat(s->page, " ", s->left + 1);
        tgi_canvas_centered(s->page, s->chart->title, s->wide, s->color, s->unicode);
    }
    if (!*s->chart->y_label) return;
    const int length = tgi_text_columns(s->chart->y_label);
    tgi_page_repeat(s->page, " ", length < s->left ? s->left - length : 0);
    tgi_page_columns(s->page, s->chart->y_label, s->left + s->wide, !s->unicode);
    tgi_page_put(s->page, "\n");
}

static void put_row(const tgi_screen *s, int row)
{
    const char *label = NULL;
    for (int i = s->y.count - 1; i >= 0 && !label; i--)
        if (tgi_canvas_row(s, s->y.ticks[i]) == row) label = s->y.labels[i];
    tgi_page_repeat(s->page, " ", s->left - 1 - (label ? (int)strlen(label) : 0));
    tgi_page_put(s->page, label ? label : "");
    tgi_page_put(s->page, s->unicode ? label ? " ┤" : " │" : label ? " +" : " |");
    tgi_canvas_put(s, row);
    tgi_page_put(s->page, "\n");
}

static bool has_tick(const tgi_screen *s, int column)
{
    for (int i = 0; i < s->x.count; i++)
        if (tgi_canvas_column(s, s->x.ticks[i]) == column) return true;
    return false;
}

/* The line below, and the labels, each in the middle below its tick where there is room. */
static void put_x_axis(const tgi_screen *s)
{
    tgi_page_repeat(s->page, " ", s->left);
    tgi_page_put(s->page, s->unicode ? "└" : "+");
    for (int c = 0; c < s->wide; c++)
        tgi_page_put(s->page, s->unicode ? has_tick(s, c) ? "┬" : "─" : has_tick(s, c) ? "+" : "-");
    tgi_page_put(s->page, "\n");
    int at = 0;
    for (int i = 0; i < s->x.count; i++) {
        const int length = (int)strlen(s->x.labels[i]);
        int from = s->left + 1 + tgi_canvas_column(s, s->x.ticks[i]) - length / 2;
        if (from + length > s->left + 1 + s->wide) from = s->left + 1 + s->wide - length;
        if (from < at + (at > 0)) continue;
        tgi_page_repeat(s->page, " ", from - at);
        tgi_page_put(s->page, s->x.labels[i]);
        at = from + length;
    }
    tgi_page_put(s->page, "\n");
    if (!*s->chart->x_label) return;
    tgi_page_repeat(s->page, " ", s->left + 1);
    tgi_canvas_centered(s->page, s->chart->x_label, s->wide, false, s->unicode);
}

static void put_legend(const tgi_screen *s)
{
    if (!tgi_chart_has_legend(s->chart)) return;
    int at = 0;
    for (const tgi_series *series = s->chart->first; series; series = series->next) {
        if (!*series->name) continue;
        const int length = tgi_text_columns(series->name);
        if (at > 0 && at + 8 + length > s->wide) {
            tgi_page_put(s->page, "\n");
            at = 0;
        }
        tgi_page_repeat(s->page, " ", at > 0 ? 3 : s->left + 1);
        tgi_canvas_sample(s, series);
        tgi_page_put(s->page, " ");
        at += (at > 0 ? 8 : 5) + tgi_page_columns(s->page, series->name, s->wide - 5, !s->unicode);
    }
    tgi_page_put(s->page, "\n");
}

static void draw_curves(tgi_page *page, const tg_chart *chart, int columns, int lines, bool color, bool unicode)
{
    tgi_screen s = { .page = page, .chart = chart, .color = color, .unicode = unicode };
    lay_out(&s, columns, lines);
    const size_t bytes = (size_t)s.wide * (size_t)s.high * sizeof *s.cells;
    s.cells = tgi_calloc(bytes);
    if (!s.cells) {
        page->failed = true;
        return;
    }
    for (const tgi_series *series = chart->first; series; series = series->next) tgi_canvas_draw(&s, series);
    put_head(&s);
    for (int row = 0; row < s.high; row++) put_row(&s, row);
    put_x_axis(&s);
    put_legend(&s);
    tgi_free(s.cells, bytes);
}

/* ---- the public functions ---- */

static bool options_ok(const char *function, const tg_chart_text_options *o)
{
    const char *problem = o->width != -1 && (o->width < 20 || o->width > 1000) ? "a width of 20 to 1000 columns, or -1"
                          : o->height < 3 || o->height > 500                   ? "a height of 3 to 500 lines"
                          : o->color < -1 || o->color > 1                      ? "a color of 0, 1 or -1"
                          : o->unicode < -1 || o->unicode > 1                  ? "a unicode of 0, 1 or -1"
                                                                               : NULL;
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "text has %s", problem);
    return !problem;
}

/* `file` may be NULL: what is not asked for is then as on no terminal. */
static void draw(tgi_page *page, const tg_chart *chart, FILE *file, const tg_chart_text_options *o)
{
    const int there = tgi_is_terminal(file) ? tgi_terminal_columns(file) : 80;
    const int columns = o->width >= 0 ? o->width : there > WIDEST ? WIDEST : there < 20 ? 20 : there;
    const bool color = o->color >= 0 ? o->color : tgi_terminal_colors(file);
    const bool unicode = o->unicode >= 0 ? o->unicode : tgi_terminal_unicode();
    (chart->matrix ? chart->matrix->draw_text : draw_curves)(page, chart, columns, o->height, color, unicode);
}

tg_status tg_chart_fprint_at(const char *where, FILE *file, const tg_chart *chart, tg_chart_text_options options)
{
    static const char function[] = "chart_fprint";
    if (!tgi_chart_ok(where, chart, function) || !options_ok(function, &options)) return TG_FAILED;
    if (!file) {
        tg_fail_at(NULL, TG_ERROR_NULL, function, "the file is NULL");
        return TG_FAILED;
    }
    if (tg_failed()) return TG_FAILED;
    tgi_page page = { NULL, 0, 0, false };
    draw(&page, chart, file, &options);
    return tgi_page_to_file(&page, function, file);
}

int64_t tg_chart_format_at(const char *where, const tg_chart *chart, char *buffer, int64_t size,
                           tg_chart_text_options options)
{
    static const char function[] = "chart_format";
    tgi_page page = { NULL, 0, 0, false };
    page.failed = !tgi_chart_ok(where, chart, function) || !options_ok(function, &options);
    if (!page.failed) draw(&page, chart, NULL, &options);
    return tgi_page_to_buffer(&page, buffer, size);
}
