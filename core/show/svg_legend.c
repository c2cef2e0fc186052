/* svg_legend.c: the legend, and the colours it explains.
 *
 * It must not touch a curve. Eight places along the frame are tried, each with some room around it; all segments are
 * drawn with a pen that only notes which of the places they cross. */
#include "svg_impl.h"

#include <math.h>
#include <string.h>

enum { PLACES = 8, ROW = TGI_LEGEND_ROW, PADDING = 8, SAMPLE = 24, GAP = 8, INSET = 10, ROOM = 6, WIDEST_NAME = 220 };

/* Okabe and Ito's, which the colour-blind tell apart; the yellow, pale on white, last. */
const char *tgi_series_color(int color)
{
    static const char *const colors[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#000000", "#f0e442" };
    return colors[color % 8];
}

const char *tgi_series_dashes(const tgi_series *series)
{
    static const char *const dashes[] = { NULL, "6 4", "2 4", "8 3 2 3" };
    const int cycle = series->color / 8 % 4;
    return series->dashed ? cycle == 1 ? "10 4" : "6 4" : dashes[cycle];
}

/* ---- its place ---- */

/* On the plane of the frame, y going up. */
typedef struct box {
    double left, bottom, right, top;
    bool touched;
} box;

typedef struct place_pen {
    tgi_pen pen;
    box places[PLACES];
    bool filled; /* what is below a segment is drawn, too */
} place_pen;

static void touch(tgi_pen *pen, double x0, double y0, double x1, double y1, bool joined)
{
    (void)joined;
    place_pen *p = (place_pen *)pen;
    for (int i = 0; i < PLACES; i++) {
        box *b = &p->places[i];
        if (b->touched) continue;
        double ax = x0, ay = y0, bx = x1, by = y1;
        const bool below =
            p->filled && fmin(x0, x1) <= b->right && fmax(x0, x1) >= b->left && fmax(y0, y1) >= b->bottom;
        b->touched = below || tgi_clip(b->left, b->bottom, b->right, b->top, &ax, &ay, &bx, &by);
    }
}

/* How wide and high a box for all names is. */
static void measure(const tg_chart *chart, double *width, double *height)
{
    int rows = 0;
    double widest = 0;
    for (const tgi_series *s = chart->first; s; s = s->next) {
        if (!*s->name) continue;
        rows++;
        widest = fmax(widest, fmin(tgi_svg_width(s->name, TGI_SMALL_FONT), WIDEST_NAME));
    }
    *width = 2 * PADDING + SAMPLE + GAP + widest;
    *height = 2 * PADDING + ROW * rows - 4;
}

/* The corners first, the upper ones before the lower; then the middles of the sides. */
static void list_places(place_pen *p, double width, double height)
{
    const double x[] = { p->pen.width - width - INSET, INSET, (p->pen.width - width) / 2 };
    const double y[] = { p->pen.height - height - INSET, INSET, (p->pen.height - height) / 2 };
    static const int order[PLACES][2] = {
        { 0, 0 }, { 1, 0 }, { 0, 1 }, { 1, 1 }, { 0, 2 }, { 1, 2 }, { 2, 0 }, { 2, 1 }
    };
    for (int i = 0; i < PLACES; i++) {
        const double left = x[order[i][0]], bottom = y[order[i][1]];
        p->places[i] = (box){ left - ROOM, bottom - ROOM, left + width + ROOM, bottom + height + ROOM, false };
    }
}

static double entry_width(const tgi_series *s)
{
    return SAMPLE + GAP + fmin(tgi_svg_width(s->name, TGI_SMALL_FONT), WIDEST_NAME) + 2 * GAP;
}

/* Where each name goes in rows above the frame; calls `put` if there is one, in the first `rows` of them. Returns the
 * number of rows. */
static int flow(const tgi_picture *p, int rows,
                void (*put)(const tgi_picture *p, const tgi_series *s, double x, double y))
{
    double x = p->left;
    int row = 0;
    for (const tgi_series *s = p->chart->first; s; s = s->next) {
        if (!*s->name) continue;
        if (x > p->left && x + entry_width(s) > p->right) {
            x = p->left;
            row++;
        }
        if (put && row < rows) put(p, s, x, p->top - 14 - ROW * (rows - 1 - row));
        x += entry_width(s);
    }
    return row + 1;
}

tgi_legend tgi_place_legend(const tgi_picture *p)
{
    tgi_legend legend = { false, 0, 0, 0, 0, 0 };
    if (!tgi_chart_has_legend(p->chart)) return legend;
    measure(p->chart, &legend.width, &legend.height);
    place_pen pen = { .pen = { p->right - p->left, p->bottom - p->top, touch } };
    if (legend.width < 0.6 * pen.pen.width && legend.height < 0.8 * pen.pen.height) {
        list_places(&pen, legend.width, legend.height);
        for (const tgi_series *s = p->chart->first; s; s = s->next) {
            pen.filled = s->kind == TGI_HISTOGRAM;
            tgi_trace(s, &p->x, &p->y, &pen.pen);
        }
        for (int i = 0; i < PLACES; i++) {
            if (pen.places[i].touched) continue;
            legend.inside = true;
            legend.x = p->left + pen.places[i].left + ROOM;
            legend.y = p->bottom - pen.places[i].top + ROOM;
            return legend;
        }
    }
    const int rows = flow(p, 0, NULL), most = (int)(0.4 * p->height / ROW);
    legend.rows = rows < most ? rows : most;
    return legend;
}

/* ---- drawn ---- */

static void put_entry(const tgi_picture *p, const tgi_series *s, double x, double y)
{
    char copy[TGI_SVG_CUT];
    const char *color = tgi_series_color(s->color), *dashes = tgi_series_dashes(s);
    if (s->kind == TGI_LINE) {
        tgi_page_format(p->page, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\"", color);
        if (dashes) tgi_page_format(p->page, " stroke-dasharray=\"%s\"", dashes);
        tgi_page_put(p->page, " d=\"M");
        tgi_svg_number(p->page, x);
        tgi_page_put(p->page, " ");
        tgi_svg_number(p->page, y);
        tgi_page_format(p->page, "h%d\"/>\n", SAMPLE);
    } else if (s->kind == TGI_SCATTER) {
        tgi_page_format(p->page, "<circle r=\"4\" fill=\"%s\" fill-opacity=\"0.7\"", color);
        tgi_svg_attribute(p->page, "cx", x + SAMPLE / 2.0);
        tgi_svg_attribute(p->page, "cy", y);
        tgi_page_put(p->page, "/>\n");
    } else {
        tgi_page_format(p->page, "<rect height=\"10\" width=\"%d\" fill=\"%s\" fill-opacity=\"0.7\"", SAMPLE, color);
        tgi_svg_attribute(p->page, "x", x);
        tgi_svg_attribute(p->page, "y", y - 5);
        tgi_page_put(p->page, "/>\n");
    }
    tgi_svg_text(p->page, x + SAMPLE + GAP, y + 4, "start", "",
                 tgi_svg_cut(copy, s->name, WIDEST_NAME, TGI_SMALL_FONT));
}

void tgi_svg_legend(const tgi_picture *p, const tgi_legend *legend)
{
    if (!legend->inside && !legend->rows) return;
    tgi_page_put(p->page, "<g class=\"legend\">\n");
    if (legend->inside) {
        tgi_page_put(p->page, "<rect rx=\"4\" fill=\"#fff\" stroke=\"#d0d0d0\"");
        tgi_svg_attribute(p->page, "x", legend->x);
        tgi_svg_attribute(p->page, "y", legend->y);
        tgi_svg_attribute(p->page, "width", legend->width);
        tgi_svg_attribute(p->page, "height", legend->height);
        tgi_page_put(p->page, "/>\n");
        double y = legend->y + PADDING + ROW / 2.0 - 2;
        for (const tgi_series *s = p->chart->first; s; s = s->next) {
            if (!*s->name) continue;
            put_entry(p, s, legend->x + PADDING, y);
            y += ROW;
        }
    } else
        flow(p, legend->rows, put_entry);
    tgi_page_put(p->page, "</g>\n");
}
