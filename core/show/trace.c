/* trace.c: what the axes must show, and curves as segments on a plane.
 *
 * A curve's points are thinned on their way: of those that fall into one column of the plane, one after the other, the
 * first, the lowest, the highest and the last are kept. */
#include "chart_impl.h"

#include <string.h>

/* ---- what there is to show ---- */

bool tgi_chart_has_legend(const tg_chart *chart)
{
    if (chart->legend)
        for (const tgi_series *s = chart->first; s; s = s->next)
            if (*s->name) return true;
    return false;
}

const char *tgi_chart_name(const tg_chart *chart)
{
    if (*chart->title) return chart->title;
    if (*chart->y_label) return chart->y_label;
    return chart->first && *chart->first->name ? chart->first->name : "Chart";
}

static void include(tgi_span *span, double value)
{
    if (value < span->low) span->low = value;
    if (value > span->high) span->high = value;
    if (span->whole && value != floor(value)) span->whole = false;
}

static bool is_drawn(double value, bool log) { return isfinite(value) && (!log || value > 0); }

static bool is_seen(const tg_chart *chart, double x, double y)
{
    return is_drawn(x, chart->log_x) && is_drawn(y, chart->log_y) && !(x < chart->x_min) && !(x > chart->x_max);
}

static void include_points(tgi_spans *spans, const tg_chart *chart, const tgi_series *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        if (!is_seen(chart, s->x[i], s->y[i])) continue;
        include(&spans->x, s->x[i]);
        include(&spans->y, s->y[i]);
    }
}

/* A bar stands on 0, or, on a log axis, on half the least one. */
static void include_bars(tgi_spans *spans, const tg_chart *chart, const tgi_series *s)
{
    for (int64_t i = 0; i <= s->count; i++)
        if (is_drawn(s->x[i], chart->log_x)) include(&spans->x, s->x[i]);
    for (int64_t i = 0; i < s->count; i++) {
        if (!is_drawn(s->y[i], chart->log_y)) continue;
        include(&spans->y, s->y[i]);
        include(&spans->y, chart->log_y ? s->y[i] / 2 : 0);
    }
}

/* A limit that is given, in place of one that was found. */
static void fix(tgi_span *span, double low, double high)
{
    if (span->low > span->high) span->whole = false; /* nothing was found */
    span->fixed_low = !isnan(low);
    span->fixed_high = !isnan(high);
    if (span->fixed_low) span->low = low;
    if (span->fixed_high) span->high = high;
}

tgi_spans tgi_chart_spans(const tg_chart *chart)
{
    const tgi_span empty = { INFINITY, -INFINITY, false, true, false, false, 1 };
    tgi_spans spans = { empty, empty };
    spans.x.log = chart->log_x;
    spans.y.log = chart->log_y;
    /* Lines and bars fill the frame from side to side; dots at its edge would be cut. */
    spans.x.slack = chart->first ? 0.02 : 1;
    for (const tgi_series *s = chart->first; s; s = s->next) {
        if (s->kind == TGI_SCATTER) spans.x.slack = 1;
        if (s->kind == TGI_HISTOGRAM)
            include_bars(&spans, chart, s);
        else
            include_points(&spans, chart, s);
    }
    fix(&spans.x, chart->x_min, chart->x_max);
    fix(&spans.y, chart->y_min, chart->y_max);
    return spans;
}

/* ---- clipping ---- */

/* Liang and Barsky: the part of [*from, *to] on this side of one edge. */
static bool cut(double toward, double distance, double *from, double *to)
{
    if (toward == 0) return distance >= 0;
    const double at = distance / toward;
    if (toward < 0 && at > *from) *from = at;
    if (toward > 0 && at < *to) *to = at;
    return *from <= *to;
}

bool tgi_clip(double low_x, double low_y, double high_x, double high_y, double *x0, double *y0, double *x1, double *y1)
{
    const double dx = *x1 - *x0, dy = *y1 - *y0, x = *x0, y = *y0;
    double from = 0, to = 1;
    if (!cut(-dx, x - low_x, &from, &to) || !cut(dx, high_x - x, &from, &to) || !cut(-dy, y - low_y, &from, &to) ||
        !cut(dy, high_y - y, &from, &to))
        return false;
    if (to < 1) {
        *x1 = fmin(fmax(x + to * dx, low_x), high_x);
        *y1 = fmin(fmax(y + to * dy, low_y), high_y);
    }
    if (from > 0) {
        *x0 = fmin(fmax(x + from * dx, low_x), high_x);
        *y0 = fmin(fmax(y + from * dy, low_y), high_y);
    }
    return true;
}

/* ---- a curve ---- */

typedef struct point {
    double x, y;
} point;

typedef struct tracer {
    tgi_pen *pen;
    bool begun; /* `at` is a point of this curve, from which the next segment goes */
    bool drawn; /* a segment ended there */
    point at;
    int64_t count; /* of points in the column */
    double column;
    point first, low, high, last;
    int64_t low_at, high_at; /* which of the points in the column these were */
} tracer;

static void go(tracer *t, point p)
{
    if (t->begun) {
        double x0 = t->at.x, y0 = t->at.y, x1 = p.x, y1 = p.y;
        const bool seen = tgi_clip(0, 0, t->pen->width, t->pen->height, &x0, &y0, &x1, &y1);
        if (seen) t->pen->segment(t->pen, x0, y0, x1, y1, t->drawn && x0 == t->at.x && y0 == t->at.y);
        t->drawn = seen && x1 == p.x && y1 == p.y;
    }
    t->begun = true;
    t->at = p;
}

/* The points of a column that are kept, each once and in their order. */
static void leave_column(tracer *t)
{
    if (t->count == 0) return;
    go(t, t->first);
    const bool low_first = t->low_at < t->high_at;
    const int64_t order[] = { low_first ? t->low_at : t->high_at, low_first ? t->high_at : t->low_at };
    const point points[] = { low_first ? t->low : t->high, low_first ? t->high : t->low };
    for (int i = 0; i < 2; i++)
        if (order[i] > 0 && order[i] < t->count - 1) go(t, points[i]);
    if (t->count > 1) go(t, t->last);
    t->count = 0;
}

static void add(tracer *t, point p)
{
    const double column = floor(p.x + 0.5);
    if (t->count > 0 && column != t->column) leave_column(t);
    t->column = column;
    if (t->count == 0) {
        t->first = t->low = t->high = p;
        t->low_at = t->high_at = 0;
    }
    if (p.y < t->low.y) t->low = p, t->low_at = t->count;
    if (p.y > t->high.y) t->high = p, t->high_at = t->count;
    t->last = p;
    t->count++;
}

/* A gap, or the end: what was one point alone is a dot. */
static void leave(tracer *t, int64_t points)
{
    leave_column(t);
    if (points == 1) go(t, t->at);
    t->begun = t->drawn = false;
}

static void trace_line(tracer *t, const tgi_series *s, const tgi_axis *x, const tgi_axis *y)
{
    int64_t points = 0; /* since the last gap */
    for (int64_t i = 0; i < s->count; i++) {
        const point p = { tgi_axis_at(x, s->x[i]) * t->pen->width, tgi_axis_at(y, s->y[i]) * t->pen->height };
        if (isnan(p.x) || isnan(p.y)) {
            leave(t, points);
            points = 0;
            continue;
        }
        add(t, p);
        points++;
    }
    leave(t, points);
}

/* The height of what stands for no value is the axis itself. */
static double bar_height(const tgi_axis *y, double value)
{
    const double at = tgi_axis_at(y, value);
    return isnan(at) ? 0 : at;
}

static void trace_outline(tracer *t, const tgi_series *s, const tgi_axis *x, const tgi_axis *y)
{
    const double base = y->log ? 0 : bar_height(y, 0) * t->pen->height;
    int64_t points = 0;
    for (int64_t i = 0; i < s->count; i++) {
        const double left = tgi_axis_at(x, s->x[i]) * t->pen->width,
                     right = tgi_axis_at(x, s->x[i + 1]) * t->pen->width;
        const double height = bar_height(y, s->y[i]) * t->pen->height;
        if (isnan(left) || isnan(right)) continue;
        if (points == 0) add(t, (point){ left, base });
        add(t, (point){ left, height });
        add(t, (point){ right, height });
        points += 3;
    }
    if (points) add(t, (point){ t->last.x, base });
    leave(t, points);
}

static void trace_dots(tgi_pen *pen, const tgi_series *s, const tgi_axis *x, const tgi_axis *y)
{
    for (int64_t i = 0; i < s->count; i++) {
        const double px = tgi_axis_at(x, s->x[i]) * pen->width, py = tgi_axis_at(y, s->y[i]) * pen->height;
        if (px >= 0 && px <= pen->width && py >= 0 && py <= pen->height) pen->segment(pen, px, py, px, py, false);
    }
}

void tgi_trace(const tgi_series *series, const tgi_axis *x, const tgi_axis *y, tgi_pen *pen)
{
    tracer t = { .pen = pen };
    switch (series->kind) {
    case TGI_LINE: trace_line(&t, series, x, y); break;
    case TGI_HISTOGRAM: trace_outline(&t, series, x, y); break;
    case TGI_SCATTER: trace_dots(pen, series, x, y); break;
    }
}
