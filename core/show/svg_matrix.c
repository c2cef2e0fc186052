/* svg_matrix.c: a heat map as SVG. Cells of one colour are one path, cells beside each other one rectangle of it. */
#include "svg_impl.h"

#include "core/tensor_impl.h"
#include "core/text.h"

#include <math.h>

enum {
    SHADES = 128,
    MOST_ROWS = 256,
    MOST_COLUMNS = 384,
    BAR = 14,
    BAR_GAP = 18,
    WIDEST_NAME = 120,
    CUT_NAME = 36,
    NAMES_GAP = 8
};

/* ---- names ---- */

static const char *name_of(char index[32], const char **names, int64_t i)
{
    if (names) return names[i];
    tgi_format(index, 32, "%lld", (long long)i);
    return index;
}

static double widest_name(const char **names, int64_t count)
{
    char index[32];
    double width = 0;
    if (!names) return tgi_svg_width(name_of(index, NULL, count - 1), TGI_SMALL_FONT);
    for (int64_t i = 0; i < count; i++) width = fmax(width, tgi_svg_width(names[i], TGI_SMALL_FONT));
    return width;
}

static void put_names(const tgi_picture *p, const tgi_matrix *m)
{
    char index[32], copy[TGI_SVG_CUT];
    const double cell_width = (p->right - p->left) / (double)m->columns;
    const double cell_height = (p->bottom - p->top) / (double)m->rows;
    const double room = fmin(widest_name(m->row_names, m->rows), p->width / 4) + 1;
    const int64_t down = tgi_matrix_stride(m->rows, p->bottom - p->top, 16);
    for (int64_t i = 0; i < m->rows; i += down)
        tgi_svg_text(p->page, p->left - 8, p->top + ((double)i + 0.5) * cell_height + 4, "end", "",
                     tgi_svg_cut(copy, name_of(index, m->row_names, i), room, TGI_SMALL_FONT));
    const double widest = fmin(widest_name(m->column_names, m->columns), WIDEST_NAME);
    const double least = m->column_names ? fmin(widest, CUT_NAME) : widest; /* numbers are not cut */
    const int64_t across = tgi_matrix_stride(m->columns, p->right - p->left, least + NAMES_GAP);
    const double each = across < m->columns ? (double)across * cell_width - NAMES_GAP : WIDEST_NAME;
    for (int64_t i = 0; i < m->columns; i += across)
        tgi_svg_text(p->page, p->left + ((double)i + 0.5) * cell_width, p->bottom + 18, "middle", "",
                     tgi_svg_cut(copy, name_of(index, m->column_names, i), fmin(each, WIDEST_NAME), TGI_SMALL_FONT));
}

/* ---- cells ---- */

/* The shade of a cell; -1 of one that has no number. */
static int shade_of(const tgi_matrix *m, int64_t rows, int64_t columns, int64_t i, int64_t j)
{
    const double share = tgi_matrix_share(m, tgi_matrix_mean(m, rows, columns, i, j));
    return isnan(share) ? -1 : (int)lrint(share * (SHADES - 1));
}

/* The cells of one shade, in units of cells. */
static void put_shade(tgi_page *page, const signed char *shades, int64_t rows, int64_t columns, int shade)
{
    bool begun = false;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            const int64_t from = j;
            while (j < columns && shades[i * columns + j] == shade) j++;
            if (j == from) continue;
            if (!begun) {
                const tgi_rgb c = tgi_heat_color((double)shade / (SHADES - 1));
                tgi_page_format(page, "<path fill=\"#%02x%02x%02x\" d=\"", c.red, c.green, c.blue);
            }
            tgi_page_format(page, "M%lld %lldh%lldv1h-%lldz", (long long)from, (long long)i, (long long)(j - from),
                            (long long)(j - from));
            begun = true;
        }
    if (begun) tgi_page_put(page, "\"/>\n");
}

static void put_cells(const tgi_picture *p, const tgi_matrix *m)
{
    const int64_t rows = m->rows < MOST_ROWS ? m->rows : MOST_ROWS;
    const int64_t columns = m->columns < MOST_COLUMNS ? m->columns : MOST_COLUMNS;
    signed char *shades = tgi_calloc((size_t)(rows * columns));
    if (!shades) {
        p->page->failed = true;
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) shades[i * columns + j] = (signed char)shade_of(m, rows, columns, i, j);
    tgi_page_format(p->page, "<g shape-rendering=\"crispEdges\" transform=\"translate(%.1f %.1f) scale(%.6f %.6f)\">\n",
                    p->left, p->top, (p->right - p->left) / (double)columns, (p->bottom - p->top) / (double)rows);
    for (int shade = 0; shade < SHADES; shade++) put_shade(p->page, shades, rows, columns, shade);
    tgi_page_put(p->page, "</g>\n");
    tgi_free(shades, (size_t)(rows * columns));
}

/* Each number in its cell, dark on light and light on dark. */
static void annotate(const tgi_picture *p, const tgi_matrix *m)
{
    const double width = (p->right - p->left) / (double)m->columns, height = (p->bottom - p->top) / (double)m->rows;
    char text[32];
    if (!m->annotate || height < 14) return;
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->columns; j++) {
            const double value = m->values[i * m->columns + j];
            if (!isfinite(value)) continue;
            tgi_format(text, sizeof text, value == floor(value) && fabs(value) < 1e6 ? "%.0f" : "%.3g", value);
            if (tgi_svg_width(text, TGI_SMALL_FONT) > width - 4) continue;
            tgi_svg_text(p->page, p->left + ((double)j + 0.5) * width, p->top + ((double)i + 0.5) * height + 4,
                         "middle", tgi_matrix_share(m, value) > 0.5 ? " fill=\"#111\"" : " fill=\"#fff\"", text);
        }
}

/* ---- the bar of colours ---- */

static void put_bar(const tgi_picture *p, const tgi_axis *axis)
{
    enum { STOPS = 8 };
    tgi_page_put(p->page, "<defs><linearGradient id=\"heat\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">");
    for (int i = 0; i <= STOPS; i++) {
        const tgi_rgb c = tgi_heat_color((double)i / STOPS);
        tgi_page_format(p->page, "<stop offset=\"%.3f\" stop-color=\"#%02x%02x%02x\"/>", (double)i / STOPS, c.red,
                        c.green, c.blue);
    }
    tgi_page_put(p->page, "</linearGradient></defs>\n<rect fill=\"url(#heat)\"");
    const double x = p->right + BAR_GAP;
    tgi_svg_attribute(p->page, "x", x);
    tgi_svg_attribute(p->page, "y", p->top);
    tgi_svg_attribute(p->page, "width", BAR);
    tgi_svg_attribute(p->page, "height", p->bottom - p->top);
    tgi_page_put(p->page, "/>\n");
    for (int i = 0; i < axis->count; i++) {
        const double y = p->bottom - tgi_axis_at(axis, axis->ticks[i]) * (p->bottom - p->top);
        tgi_page_put(p->page, "<path stroke=\"#888\" d=\"M");
        tgi_svg_number(p->page, x + BAR);
        tgi_page_put(p->page, " ");
        tgi_svg_number(p->page, y);
        tgi_page_put(p->page, "h4\"/>\n");
    }
    tgi_svg_tick_labels(p->page, axis, x + BAR + 8, p->top, p->bottom, "start");
}

void tgi_svg_matrix(tgi_picture *p)
{
    const tgi_matrix *m = p->chart->matrix;
    const tgi_span span = { m->low, m->high, false, false, true, true, 0 };
    tgi_axis axis;
    tgi_axis_choose(&axis, &span, p->height > 240 ? 8 : 5);
    const double label = *p->chart->y_label ? 22 : 0;
    p->left = 14 + label + fmin(widest_name(m->row_names, m->rows), p->width / 4) + 8;
    p->right = p->width - BAR_GAP - BAR - 8 - tgi_svg_labels_width(&axis) - 14;
    p->bottom = p->height - 30 - (*p->chart->x_label ? 22 : 0);
    tgi_page_put(p->page, "<rect fill=\"#eee\"");
    tgi_svg_attribute(p->page, "x", p->left);
    tgi_svg_attribute(p->page, "y", p->top);
    tgi_svg_attribute(p->page, "width", p->right - p->left);
    tgi_svg_attribute(p->page, "height", p->bottom - p->top);
    tgi_page_put(p->page, "/>\n");
    put_cells(p, m);
    annotate(p, m);
    put_names(p, m);
    put_bar(p, &axis);
}
