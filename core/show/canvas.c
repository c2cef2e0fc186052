/* canvas.c: curves as dots in the cells of a terminal.
 *
 * A cell of braille has two dots by four; in ASCII a cell is one dot. A number at a tick is a dot in the middle of its
 * row, where the tick's own line is: the lowest and the highest stand half a cell inside the frame. */
#include "text_impl.h"

#include "core/utf8_impl.h"

#include <math.h>
#include <stdlib.h>

enum { ABOVE_FLOOR = 1 /* dots below the lowest number */, EIGHTHS_BELOW = 3 };

/* Near to those of the pictures, on dark and on light. */
static const int colors[] = { 33, 208, 35, 176, 178, 81, 245, 226 };
const char tgi_no_color[] = "\033[0m";

void tgi_canvas_color(tgi_page *page, int color)
{
    tgi_page_format(page, "\033[38;5;%dm", colors[color % (int)(sizeof colors / sizeof colors[0])]);
}

void tgi_canvas_centered(tgi_page *page, const char *text, int columns, bool color, bool unicode)
{
    const int length = tgi_text_columns(text);
    tgi_page_repeat(page, " ", length < columns ? (columns - length) / 2 : 0);
    if (color) tgi_page_put(page, "\033[1m");
    tgi_page_columns(page, text, columns, !unicode);
    if (color) tgi_page_put(page, tgi_no_color);
    tgi_page_put(page, "\n");
}

/* ---- how a series differs from the others ---- */

/* Which dots of a line are drawn, again and again. */
static const char *const patterns[] = { "#", "####...", "#..", "####..#.." };

static const char *pattern_of(const tgi_screen *screen, const tgi_series *s)
{
    if (!screen->unicode || s->kind == TGI_SCATTER) return patterns[0];
    if (screen->color) return patterns[s->dashed ? 1 : s->color / 8 % 4];
    return patterns[screen->chart->series_count > 1 ? s->color % 4 : s->dashed];
}

/* The mark of a series whose dots alone would not tell it; NULL: they do. */
static const char *mark_of(const tgi_screen *screen, const tgi_series *s)
{
    static const char *const ascii[] = { "*", "+", "o", "x", "#", "@", "%", "&" };
    static const char *const unicode[] = { "•", "+", "×", "◦", "*", "x", "#", "%" };
    if (!screen->unicode) return ascii[s->color % 8];
    return s->kind == TGI_SCATTER && !screen->color && screen->chart->series_count > 1 ? unicode[s->color % 8] : NULL;
}

/* One histogram alone is of bars; else its outline is a line among the others. */
static bool is_bars(const tgi_screen *screen, const tgi_series *s)
{
    return s->kind == TGI_HISTOGRAM && screen->chart->series_count == 1;
}

/* ---- dots ---- */

typedef struct dot_pen {
    tgi_pen pen;
    tgi_screen *screen;
    const tgi_series *series;
    const char *pattern, *next; /* the pattern's next dot */
    const char *mark;
} dot_pen;

static void put_dot(dot_pen *pen, int64_t x, int64_t y)
{
    static const unsigned char bits[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };
    const tgi_screen *screen = pen->screen;
    const bool drawn = *pen->next++ == '#';
    if (!*pen->next) pen->next = pen->pattern;
    if (!drawn) return;
    const int across = screen->unicode ? 2 : 1, down = screen->unicode ? 4 : 1;
    if (screen->unicode) y += ABOVE_FLOOR;
    const int64_t row = screen->high - 1 - y / down;
    tgi_cell *cell = &screen->cells[row * screen->wide + x / across];
    if (screen->unicode) cell->dots |= bits[3 - y % 4][x % 2];
    cell->mark = pen->mark;
    cell->color = pen->series->color;
}

/* Bresenham's line, each dot the nearest to the true one. */
static void segment(tgi_pen *base, double from_x, double from_y, double to_x, double to_y, bool joined)
{
    dot_pen *pen = (dot_pen *)base;
    int64_t x = llrint(from_x), y = llrint(from_y);
    const int64_t end_x = llrint(to_x), end_y = llrint(to_y);
    const int64_t dx = llabs(end_x - x), dy = llabs(end_y - y);
    const int step_x = x < end_x ? 1 : -1, step_y = y < end_y ? 1 : -1;
    int64_t error = dx - dy;
    if (!joined) put_dot(pen, x, y);
    while (x != end_x || y != end_y) {
        const int64_t twice = 2 * error;
        if (twice > -dy) error -= dy, x += step_x;
        if (twice < dx) error += dx, y += step_y;
        put_dot(pen, x, y);
    }
}

/* From each bin's left end to its right one, as high as the highest of those that share a column. */
static void draw_bars(tgi_screen *screen, const tgi_series *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        const double left = tgi_axis_at(&screen->x, s->x[i]), right = tgi_axis_at(&screen->x, s->x[i + 1]);
        const double height = tgi_axis_at(&screen->y, s->y[i]);
        if (isnan(left) || isnan(right) || !(s->y[i] > 0) || !(height >= 0)) continue;
        const int64_t first = llrint(left * screen->wide), last = llrint(right * screen->wide);
        const int64_t eighths = llrint(EIGHTHS_BELOW + fmin(height, 1) * 8 * (screen->high - 1));
        for (int64_t c = first < 0 ? 0 : first; c < screen->wide && (c < last || c == first); c++)
            for (int row = 0; row < screen->high; row++) {
                tgi_cell *cell = &screen->cells[row * screen->wide + c];
                const int64_t filled = eighths - 8 * (screen->high - 1 - row);
                const unsigned char most = (unsigned char)(filled > 8 ? 8 : filled < 0 ? 0 : filled);
                if (most > cell->eighths) cell->eighths = most;
                cell->color = s->color;
            }
    }
}

void tgi_canvas_draw(tgi_screen *screen, const tgi_series *s)
{
    const double across = screen->unicode ? 2 : 1, down = screen->unicode ? 4 : 1;
    if (is_bars(screen, s)) {
        draw_bars(screen, s);
        return;
    }
    dot_pen pen = { .pen = { across * screen->wide - 1, down * (screen->high - 1), segment },
                    .screen = screen,
                    .series = s,
                    .pattern = pattern_of(screen, s),
                    .mark = mark_of(screen, s) };
    pen.next = pen.pattern;
    tgi_trace(s, &screen->x, &screen->y, &pen.pen);
}

/* ---- places ---- */

int tgi_canvas_column(const tgi_screen *screen, double x)
{
    const double at = tgi_axis_at(&screen->x, x);
    if (!(at >= 0 && at <= 1)) return -1;
    return screen->unicode ? (int)(lrint(at * (2 * screen->wide - 1)) / 2) : (int)lrint(at * (screen->wide - 1));
}

int tgi_canvas_row(const tgi_screen *screen, double y)
{
    const double at = tgi_axis_at(&screen->y, y);
    if (!(at >= 0 && at <= 1)) return -1;
    const long row =
        screen->unicode ? (lrint(at * 4 * (screen->high - 1)) + ABOVE_FLOOR) / 4 : lrint(at * (screen->high - 1));
    return screen->high - 1 - (int)row;
}

/* ---- drawn ---- */

static void put_braille(tgi_page *page, unsigned char dots)
{
    char bytes[4];
    tgi_page_bytes(page, bytes, tgi_utf8_put(bytes, 0x2800u + dots));
}

static void put_cell(const tgi_screen *screen, const tgi_cell *cell)
{
    char bytes[4];
    if (cell->eighths && screen->unicode)
        tgi_page_bytes(screen->page, bytes, tgi_utf8_put(bytes, 0x2580u + cell->eighths));
    else if (cell->eighths)
        tgi_page_put(screen->page, cell->eighths >= 4 ? "#" : " ");
    else if (cell->mark)
        tgi_page_put(screen->page, cell->mark);
    else if (cell->dots)
        put_braille(screen->page, cell->dots);
    else
        tgi_page_put(screen->page, " ");
}

static bool is_empty(const tgi_cell *cell) { return !cell->dots && !cell->mark && !cell->eighths; }

void tgi_canvas_put(const tgi_screen *screen, int row)
{
    const tgi_cell *cells = &screen->cells[row * screen->wide];
    int last = screen->wide, color = -1;
    while (last > 0 && is_empty(&cells[last - 1])) last--;
    for (int i = 0; i < last; i++) {
        if (screen->color && !is_empty(&cells[i]) && cells[i].color % 8 != color) {
            color = cells[i].color % 8;
            tgi_canvas_color(screen->page, color);
        }
        put_cell(screen, &cells[i]);
    }
    if (color >= 0) tgi_page_put(screen->page, tgi_no_color);
}

void tgi_canvas_sample(const tgi_screen *screen, const tgi_series *s)
{
    static const unsigned char bits[] = { 0x02, 0x10 };
    const char *pattern = pattern_of(screen, s), *next = pattern, *mark = mark_of(screen, s);
    if (screen->color) tgi_canvas_color(screen->page, s->color);
    if (is_bars(screen, s))
        tgi_page_put(screen->page, screen->unicode ? "▇▇▇▇" : "####");
    else if (mark || s->kind == TGI_SCATTER)
        tgi_page_format(screen->page, "  %s ", mark ? mark : "•");
    else
        for (int i = 0; i < 4; i++) {
            unsigned char dots = 0;
            for (int k = 0; k < 2; k++) {
                if (*next++ == '#') dots |= bits[k];
                if (!*next) next = pattern;
            }
            put_braille(screen->page, dots);
        }
    if (screen->color) tgi_page_put(screen->page, tgi_no_color);
}
