/* matrix_text.c: a heat map in the terminal: cells of colour, or, without colours, of five shades of grey. */
#include "text_impl.h"

#include "core/text.h"

#include <math.h>
#include <string.h>

enum { USUAL_CELL = 4, WIDEST_NAME = 16, CUT_NAME = 3 }; /* CUT_NAME: names of columns are not cut to less */

typedef struct grid {
    tgi_page *page;
    const tg_chart *chart;
    const tgi_matrix *m;
    bool color, unicode;
    bool halves;           /* two rows in a line */
    int left;              /* columns of the rows' names */
    int64_t room;          /* columns right of them */
    int64_t rows, columns; /* of cells */
    int cell;              /* columns of one */
    int widest;            /* of the columns' names */
} grid;

static const char *name_of(char index[32], const char **names, int64_t i)
{
    if (names) return names[i];
    tgi_format(index, 32, "%lld", (long long)i);
    return index;
}

/* The name of the first row in a line of cells that is one of every `stride`; "": none is. */
static const char *row_name(const grid *g, char index[32], int64_t cell)
{
    const int64_t per_line = g->halves ? 2 : 1, lines = (g->rows + per_line - 1) / per_line;
    const int64_t stride = tgi_matrix_stride(g->m->rows, (double)lines, 1);
    const int64_t next = cell + per_line < g->rows ? cell + per_line : g->rows;
    const int64_t from = cell * g->m->rows / g->rows, to = next * g->m->rows / g->rows;
    const int64_t named = (from + stride - 1) / stride * stride;
    return named < to ? name_of(index, g->m->row_names, named) : "";
}

static void lay_out(grid *g, int columns, int lines)
{
    char index[32];
    g->halves = g->color && g->unicode && g->m->rows > lines;
    const int64_t most = g->halves ? 2 * (int64_t)lines : lines;
    g->rows = g->m->rows < most ? g->m->rows : most;
    for (int64_t i = 0; i < g->rows; i++) {
        const int length = tgi_text_columns(row_name(g, index, i));
        if (length > g->left) g->left = length < WIDEST_NAME ? length : WIDEST_NAME;
    }
    g->left += 2;
    for (int64_t i = 0; i < g->m->columns; i++) {
        const int length = tgi_text_columns(name_of(index, g->m->column_names, i));
        if (length > g->widest) g->widest = length < WIDEST_NAME ? length : WIDEST_NAME;
    }
    g->room = columns - g->left > 4 ? columns - g->left : 4;
    g->columns = g->m->columns < g->room ? g->m->columns : g->room;
    const int64_t cell = g->room / g->columns;
    int64_t usual = g->halves ? 1 : USUAL_CELL;
    if (g->m->column_names && usual < g->widest + 1) usual = g->widest + 1;
    g->cell = (int)(cell < usual ? cell : usual);
}

/* ---- cells ---- */

static int level(int part) { return part < 48 ? 0 : part < 115 ? 1 : (part - 35) / 40; }

/* The nearest of the terminal's 216 colours. */
static int nearest_color(double share)
{
    const tgi_rgb c = tgi_heat_color(share);
    return 16 + 36 * level(c.red) + 6 * level(c.green) + level(c.blue);
}

/* What is above the lowest is seen to be. */
static int terminal_color(double share)
{
    const int lowest = nearest_color(0);
    int color = nearest_color(share);
    for (double next = share; share > 0 && color == lowest; next += 1.0 / 64) color = nearest_color(next);
    return color;
}

static double share_at(const grid *g, int64_t i, int64_t j)
{
    return i < g->rows ? tgi_matrix_share(g->m, tgi_matrix_mean(g->m, g->rows, g->columns, i, j)) : NAN;
}

/* What stands for a number where there are no colours, a blank for the lowest alone; `?` for none. */
static const char *shade(bool unicode, double share)
{
    static const char *const grey[] = { " ", "░", "▒", "▓", "█" };
    static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "%", "@" };
    if (isnan(share)) return "?";
    return unicode ? grey[(int)ceil(share * 4)] : ascii[(int)ceil(share * 9)];
}

static void put_cell(const grid *g, int64_t i, int64_t j)
{
    const double share = share_at(g, i, j);
    if (!g->color) {
        tgi_page_repeat(g->page, shade(g->unicode, share), g->cell);
        return;
    }
    if (!isnan(share)) tgi_page_format(g->page, "\033[48;5;%dm", terminal_color(share));
    const double below = g->halves ? share_at(g, i + 1, j) : NAN;
    if (!isnan(below)) tgi_page_format(g->page, "\033[38;5;%dm", terminal_color(below));
    tgi_page_repeat(g->page, isnan(below) ? " " : "▄", g->cell);
    tgi_page_put(g->page, tgi_no_color);
}

static void put_line(const grid *g, int64_t i)
{
    char index[32];
    const char *name = row_name(g, index, i);
    const int length = tgi_text_columns(name);
    tgi_page_repeat(g->page, " ", length < g->left - 2 ? g->left - 2 - length : 0);
    tgi_page_columns(g->page, name, g->left - 2, !g->unicode);
    tgi_page_put(g->page, "  ");
    for (int64_t j = 0; j < g->columns; j++) put_cell(g, i, j);
    tgi_page_put(g->page, "\n");
}

/* ---- below ---- */

/* Where the cell of a column begins. */
static int64_t column_at(const grid *g, int64_t i) { return i * g->columns / g->m->columns * g->cell; }

/* Names of columns, each where its cell begins and as far as the next one leaves it room; as many as that lets be read.
 * Numbers are not cut. */
static void put_column_names(const grid *g)
{
    char index[32];
    const char **names = g->m->column_names;
    const int least = names && g->widest > CUT_NAME ? CUT_NAME : g->widest;
    const int64_t stride = tgi_matrix_stride(g->m->columns, (double)(g->columns * g->cell), least + 1);
    int64_t at = 0;
    tgi_page_repeat(g->page, " ", g->left);
    for (int64_t i = 0; i < g->m->columns; i += stride) {
        const int64_t from = column_at(g, i);
        const int64_t room = i + stride < g->m->columns ? column_at(g, i + stride) - 1 - from : g->room - from;
        if (from < at + (at > 0) || (names && room < 1)) continue;
        tgi_page_repeat(g->page, " ", (int)(from - at));
        at = from + tgi_page_columns(g->page, name_of(index, names, i),
                                     names && room < WIDEST_NAME ? (int)room : WIDEST_NAME, !g->unicode);
    }
    tgi_page_put(g->page, "\n");
}

/* From the lowest to the highest: "0.1  ░░▒▒▓▓▓██ 5". */
static void put_scale(const grid *g)
{
    enum { STEPS = 10 };
    tgi_page_repeat(g->page, " ", g->left);
    tgi_page_format(g->page, "%.4g ", g->m->low);
    for (int i = 0; i < STEPS; i++) {
        const double share = (double)i / (STEPS - 1);
        if (g->color)
            tgi_page_format(g->page, "\033[48;5;%dm ", terminal_color(share));
        else
            tgi_page_put(g->page, shade(g->unicode, share));
    }
    tgi_page_format(g->page, "%s %.4g\n", g->color ? tgi_no_color : "", g->m->high);
}

void tgi_matrix_draw_text(tgi_page *page, const tg_chart *chart, int columns, int lines, bool color, bool unicode)
{
    grid g = { .page = page, .chart = chart, .m = chart->matrix, .color = color, .unicode = unicode };
    lay_out(&g, columns, lines);
    const int width = (int)(g.columns * g.cell);
    if (*chart->title) {
        tgi_page_repeat(page, " ", g.left);
        tgi_canvas_centered(page, chart->title, width > 40 ? width : 40, color, unicode);
    }
    if (*chart->y_label) {
        tgi_page_columns(page, chart->y_label, g.left + width, !unicode);
        tgi_page_put(page, "\n");
    }
    for (int64_t i = 0; i < g.rows; i += g.halves ? 2 : 1) put_line(&g, i);
    put_column_names(&g);
    if (*chart->x_label) {
        tgi_page_repeat(page, " ", g.left);
        tgi_canvas_centered(page, chart->x_label, width, false, unicode);
    }
    put_scale(&g);
}
