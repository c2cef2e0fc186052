/* chart_svg.c: a chart as SVG: its frame, its axes and what is drawn in it. */
#include "svg_impl.h"

#include "core/error.h"
#include "core/file/output_impl.h"
#include "core/tensor_impl.h"

#include <math.h>

/* Above so many dots only one is drawn on each square of so many pixels. */
enum { MANY_DOTS = 5000, SQUARE = 2 };

/* ---- layout ---- */

/* Ticks along x as many as their labels have room. */
static void choose_x(tgi_picture *p, const tgi_span *span)
{
    for (int most = TGI_MOST_TICKS; most > 2; most--) {
        tgi_axis_choose(&p->x, span, most);
        if ((tgi_svg_labels_width(&p->x) + 18) * p->x.count <= p->right - p->left) return;
    }
}

/* The frame and its axes below `above` pixels for a legend. */
static void lay_out(tgi_picture *p, double above)
{
    const tgi_spans spans = tgi_chart_spans(p->chart);
    p->top = (*p->chart->title ? 46 : 18) + above;
    p->bottom = p->height - 30 - (*p->chart->x_label ? 22 : 0);
    const double ticks = (p->bottom - p->top) / 30;
    tgi_axis_choose(&p->y, &spans.y, ticks < 8 ? (int)ticks : 8);
    p->left = 14 + (*p->chart->y_label ? 22 : 0) + fmax(tgi_svg_labels_width(&p->y), 14) + 8;
    p->right = p->width - 24;
    choose_x(p, &spans.x);
}

/* ---- the frame ---- */

static void put_stroke(tgi_page *page, const char *color, double x, double y, char direction, double length)
{
    tgi_page_format(page, "<path stroke=\"%s\" d=\"M", color);
    tgi_svg_number(page, floor(x) + 0.5);
    tgi_page_put(page, " ");
    tgi_svg_number(page, floor(y) + 0.5);
    tgi_page_format(page, "%c", direction);
    tgi_svg_number(page, length);
    tgi_page_put(page, "\"/>\n");
}

static void put_axes(const tgi_picture *p, bool grid_of_x)
{
    const double width = p->right - p->left, height = p->bottom - p->top;
    for (int i = 0; i < p->y.count; i++)
        put_stroke(p->page, p->y.ticks[i] == 0 && !p->y.log ? "#aaa" : "#e4e4e4", p->left,
                   p->bottom - tgi_axis_at(&p->y, p->y.ticks[i]) * height, 'h', width);
    for (int i = 0; i < p->x.count; i++) {
        const double x = p->left + tgi_axis_at(&p->x, p->x.ticks[i]) * width;
        if (grid_of_x) put_stroke(p->page, "#e4e4e4", x, p->top, 'v', height);
        put_stroke(p->page, "#888", x, p->bottom, 'v', 5);
        tgi_svg_text(p->page, x, p->bottom + 20, "middle", "", p->x.labels[i]);
    }
    put_stroke(p->page, "#888", p->left, p->bottom, 'h', width);
    tgi_svg_tick_labels(p->page, &p->y, p->left - 8, p->top, p->bottom, "end");
}

static void put_labels(const tgi_picture *p)
{
    char copy[TGI_SVG_CUT], turned[96];
    const double across = (p->left + p->right) / 2, down = (p->top + p->bottom) / 2;
    const tg_chart *chart = p->chart;
    if (*chart->title)
        tgi_svg_text(p->page, across, 28, "middle", " font-size=\"16\" font-weight=\"600\" fill=\"#222\"",
                     tgi_svg_cut(copy, chart->title, 2 * fmin(across, p->width - across) - 8, 1.08 * TGI_TITLE_FONT));
    if (*chart->x_label)
        tgi_svg_text(p->page, across, p->height - 10, "middle", " font-size=\"13\"",
                     tgi_svg_cut(copy, chart->x_label, p->right - p->left, TGI_FONT));
    if (!*chart->y_label) return;
    snprintf(turned, sizeof turned, " font-size=\"13\" transform=\"rotate(-90 20 %d)\"", (int)down);
    tgi_svg_text(p->page, 20, (int)down, "middle", turned,
                 tgi_svg_cut(copy, chart->y_label, p->bottom - p->top, TGI_FONT));
}

/* ---- what is drawn ---- */

typedef struct svg_pen {
    tgi_pen pen;
    const tgi_picture *picture;
    unsigned char *seen; /* which squares have a dot; NULL: that does not matter */
    int64_t across;      /* squares in a row */
    char last;           /* the last command of the path */
} svg_pen;

static void put_point(svg_pen *pen, char command, double x, double y)
{
    const tgi_picture *p = pen->picture;
    char text[2] = { command, '\0' };
    if (command != 'L' || pen->last != 'L') tgi_page_put(p->page, text);
    if (command == 'L' && pen->last == 'L') tgi_page_put(p->page, " ");
    tgi_svg_number(p->page, p->left + x);
    tgi_page_put(p->page, " ");
    tgi_svg_number(p->page, p->bottom - y);
    pen->last = command;
}

static void segment(tgi_pen *base, double x0, double y0, double x1, double y1, bool joined)
{
    svg_pen *pen = (svg_pen *)base;
    const bool dot = x0 == x1 && y0 == y1;
    if (pen->seen) {
        unsigned char *square = &pen->seen[(int64_t)(y0 / SQUARE) * pen->across + (int64_t)(x0 / SQUARE)];
        if (*square) return;
        *square = 1;
    }
    if (!joined || dot) put_point(pen, 'M', x0, y0);
    if (dot)
        tgi_page_put(pen->picture->page, "h0");
    else
        put_point(pen, 'L', x1, y1);
    if (dot) pen->last = 'h';
}

static svg_pen pen_of(const tgi_picture *p)
{
    return (svg_pen){ .pen = { p->right - p->left, p->bottom - p->top, segment }, .picture = p };
}

static void put_line(const tgi_picture *p, const tgi_series *s)
{
    const char *dashes = tgi_series_dashes(s);
    tgi_page_format(p->page, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\"",
                    tgi_series_color(s->color));
    tgi_page_put(p->page, " stroke-linecap=\"round\"");
    if (dashes) tgi_page_format(p->page, " stroke-dasharray=\"%s\"", dashes);
    tgi_page_put(p->page, " d=\"");
    svg_pen pen = pen_of(p);
    tgi_trace(s, &p->x, &p->y, &pen.pen);
    tgi_page_put(p->page, "\"/>\n");
}

static void put_dots(const tgi_picture *p, const tgi_series *s)
{
    svg_pen pen = pen_of(p);
    pen.across = (int64_t)(pen.pen.width / SQUARE) + 1;
    const size_t squares = (size_t)pen.across * ((size_t)(pen.pen.height / SQUARE) + 1);
    if (s->count > MANY_DOTS && !(pen.seen = tgi_calloc(squares))) {
        p->page->failed = true;
        return;
    }
    tgi_page_format(p->page,
                    "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%d\" stroke-opacity=\"0.7\" "
                    "stroke-linecap=\"round\" d=\"",
                    tgi_series_color(s->color),
                    s->count > MANY_DOTS ? 2
                    : s->count > 500     ? 4
                                         : 7);
    tgi_trace(s, &p->x, &p->y, &pen.pen);
    tgi_page_put(p->page, "\"/>\n");
    tgi_free(pen.seen, squares);
}

/* Each bar by itself, cut to the frame. */
static void put_bars(const tgi_picture *p, const tgi_series *s)
{
    const double width = p->right - p->left, height = p->bottom - p->top;
    const double each = (tgi_axis_at(&p->x, s->x[s->count]) - tgi_axis_at(&p->x, s->x[0])) * width / (double)s->count;
    const double base = p->y.log ? 0 : fmin(fmax(tgi_axis_at(&p->y, 0), 0), 1);
    tgi_page_format(p->page, "<path fill=\"%s\" fill-opacity=\"%s\"%s d=\"", tgi_series_color(s->color),
                    p->chart->series_count > 1 ? "0.5" : "0.8",
                    each > 4 ? " stroke=\"#fff\" stroke-width=\"0.8\"" : "");
    for (int64_t i = 0; i < s->count; i++) {
        double left = tgi_axis_at(&p->x, s->x[i]), right = tgi_axis_at(&p->x, s->x[i + 1]);
        const double top = fmin(tgi_axis_at(&p->y, s->y[i]), 1);
        if (isnan(left) || isnan(right) || !(s->y[i] > 0) || top <= base) continue;
        left = fmax(left, 0);
        right = fmin(right, 1);
        if (left >= right) continue;
        tgi_page_format(p->page, "M%.2f %.2fV%.2fH%.2fV%.2fz", p->left + left * width, p->bottom - base * height,
                        p->bottom - top * height, p->left + right * width, p->bottom - base * height);
    }
    tgi_page_put(p->page, "\"/>\n");
}

/* With its name for those who point at it, or cannot see it. */
static void put_series(const tgi_picture *p, const tgi_series *s)
{
    tgi_page_put(p->page, "<g class=\"series\">");
    if (*s->name) {
        tgi_page_put(p->page, "<title>");
        tgi_page_xml(p->page, s->name);
        tgi_page_put(p->page, "</title>");
    }
    tgi_page_put(p->page, "\n");
    switch (s->kind) {
    case TGI_LINE: put_line(p, s); break;
    case TGI_SCATTER: put_dots(p, s); break;
    case TGI_HISTOGRAM: put_bars(p, s); break;
    }
    tgi_page_put(p->page, "</g>\n");
}

static void put_curves(tgi_picture *p)
{
    bool scattered = false;
    lay_out(p, 0);
    tgi_legend legend = tgi_place_legend(p);
    if (legend.rows) lay_out(p, TGI_LEGEND_ROW * legend.rows + 4);
    for (const tgi_series *s = p->chart->first; s; s = s->next) scattered = scattered || s->kind == TGI_SCATTER;
    put_axes(p, scattered);
    for (const tgi_series *s = p->chart->first; s; s = s->next) put_series(p, s);
    tgi_svg_legend(p, &legend);
}

/* ---- all of it ---- */

static void draw(tgi_page *page, const tg_chart *chart, int width, int height)
{
    tgi_picture p = { .page = page, .chart = chart, .width = width, .height = height };
    tgi_page_format(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\"",
                    width, height, width, height);
    tgi_page_put(page, " font-family=\"system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif\"");
    tgi_page_put(page, " font-size=\"12\" fill=\"#444\" role=\"img\">\n<title>");
    tgi_page_xml(page, tgi_chart_name(chart));
    tgi_page_put(page, "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    p.top = *chart->title ? 46 : 18;
    if (chart->matrix)
        chart->matrix->draw_svg(&p);
    else
        put_curves(&p);
    put_labels(&p);
    tgi_page_put(page, "</svg>\n");
}

static bool begin(const char *where, const tg_chart *chart, const char *function, tg_chart_svg_options o)
{
    if (!tgi_chart_ok(where, chart, function)) return false;
    if (o.width >= 200 && o.width <= 10000 && o.height >= 150 && o.height <= 10000) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, function, "a picture of 200x150 to 10000x10000 pixels, not of %dx%d", o.width,
               o.height);
    return false;
}

int64_t tg_chart_format_svg_at(const char *where, const tg_chart *chart, char *buffer, int64_t size,
                               tg_chart_svg_options options)
{
    tgi_page page = { NULL, 0, 0, false };
    page.failed = !begin(where, chart, "chart_format_svg", options);
    if (!page.failed) draw(&page, chart, options.width, options.height);
    return tgi_page_to_buffer(&page, buffer, size);
}

tg_status tg_chart_write_svg_at(const char *where, const tg_chart *chart, const char *path,
                                tg_chart_svg_options options)
{
    static const char function[] = "chart_write_svg";
    if (!begin(where, chart, function, options) || tg_failed()) return TG_FAILED;
    tgi_page page = { NULL, 0, 0, false };
    tgi_output out;
    draw(&page, chart, options.width, options.height);
    bool written = !page.failed && tgi_output_open(&out, function, path);
    if (written) {
        tgi_output_write(&out, page.text, (size_t)page.length);
        written = tgi_output_commit(&out);
    }
    tgi_page_free(&page);
    return written ? TG_OK : TG_FAILED;
}
