/* chart_impl.h: what a chart is made of, and how its curves become segments on a plane. Internal. */
#ifndef TG_CORE_SHOW_CHART_IMPL_H
#define TG_CORE_SHOW_CHART_IMPL_H

#include "chart.h"
#include "page_impl.h"
#include "ticks_impl.h"

TG_EXTERN_C_BEGIN

typedef enum tgi_series_kind { TGI_LINE, TGI_SCATTER, TGI_HISTOGRAM } tgi_series_kind;

/* One block: its numbers and its name stand behind it. */
typedef struct tgi_series {
    struct tgi_series *next;
    size_t bytes;
    tgi_series_kind kind;
    int color;             /* its number */
    const char *name;      /* clean UTF-8; "": none */
    bool dashed;
    int64_t count;
    double *x, *y;         /* of a histogram x are the bins' ends, one more than y, the heights */
} tgi_series;

struct tgi_picture;

/* One block, too. */
typedef struct tgi_matrix {
    size_t bytes;
    int64_t rows, columns;
    double *values;
    double low, high;      /* low < high */
    const char **row_names, **column_names; /* NULL: none */
    bool annotate;
    void (*draw_text)(tgi_page *page, const tg_chart *chart, int columns, int lines, bool color, bool unicode);
    void (*draw_svg)(struct tgi_picture *picture);
} tgi_matrix;

struct tg_chart {
    uint64_t alive;        /* what a chart begins with, and no other handle */
    size_t bytes;
    const char *title, *x_label, *y_label; /* clean UTF-8; "": none */
    bool log_x, log_y, legend;
    double x_min, x_max, y_min, y_max;
    tgi_series *first;
    tgi_series *last;
    int series_count;
    tgi_matrix *matrix;    /* a heat map, which then is all; or NULL */
};

/* True for a chart that can be used; otherwise an error is pending. Opens the function. */
bool tgi_chart_ok(const char *where, const tg_chart *chart, const char *function);

/* Whether anything in the chart has a name to show, and may. */
bool tgi_chart_has_legend(const tg_chart *chart);
/* The chart's title, or what comes nearest to one. */
const char *tgi_chart_name(const tg_chart *chart);

/* What the axes have to show; see tgi_axis_choose. */
typedef struct tgi_spans {
    tgi_span x, y;
} tgi_spans;
tgi_spans tgi_chart_spans(const tg_chart *chart);

/* ---- curves as segments (trace.c) ---- */

/* Draws on a plane from (0, 0), the lower left corner, to (width, height). */
typedef struct tgi_pen {
    double width, height;
    /* A segment inside the plane. `joined`: it goes on from where the last one of its curve ended. A dot is a segment
     * without length. */
    void (*segment)(struct tgi_pen *pen, double x0, double y0, double x1, double y1, bool joined);
} tgi_pen;

/* Lines, and the outlines of histograms, as segments; scatters as dots. */
void tgi_trace(const tgi_series *series, const tgi_axis *x, const tgi_axis *y, tgi_pen *pen);

/* Cuts off what lies outside of a rectangle; false when nothing is left. */
bool tgi_clip(double low_x, double low_y, double high_x, double high_y, double *x0, double *y0, double *x1, double *y1);

/* ---- heat maps (matrix.c) ---- */

/* The mean of what a cell of a smaller grid covers: cell (i, j) of `rows` by `columns`, no more than the matrix has.
 * NaN where nothing is finite. */
double tgi_matrix_mean(const tgi_matrix *m, int64_t rows, int64_t columns, int64_t i, int64_t j);
/* Which rows or columns to name where each name takes so much of the room: every 1st, 2nd, 5th, 10th, ... */
int64_t tgi_matrix_stride(int64_t count, double room, double each);
/* Between 0 and 1, NaN of NaN. */
double tgi_matrix_share(const tgi_matrix *m, double value);

typedef struct tgi_rgb {
    int red, green, blue;  /* 0 to 255 */
} tgi_rgb;
/* From dark violet over blue and green to yellow, lighter in even steps. */
tgi_rgb tgi_heat_color(double share);

void tgi_matrix_draw_text(tgi_page *page, const tg_chart *chart, int columns, int lines, bool color, bool unicode);

TG_EXTERN_C_END

#endif
