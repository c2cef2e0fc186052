/* chart.h: a chart as data, drawn in the terminal and as SVG.
 *
 *     tg_chart *chart = tg_chart_new(.title = "Loss", .x_label = "epoch", .log_y = true);
 *     tg_chart_line(chart, "train", losses, epochs, .first = 1);
 *     tg_chart_line(chart, "valid", others, epochs, .first = 1, .dashed = true);
 *     tg_chart_print(chart);
 *     tg_chart_write_svg(chart, "loss.svg");
 *     tg_chart_free(chart);
 *
 * A chart copies what it is given: numbers are converted to double, texts are UTF-8, in which bytes that are no text
 * are replaced. A function that fails leaves the chart as it was. Numbers that cannot be drawn, NaN, infinities and, on
 * a log axis, all up to 0, are gaps. Millions of points cost no more ink than there are columns: of those that fall
 * into one column a line keeps the first, the lowest, the highest and the last, so that no peak is lost. */
#ifndef TG_CORE_SHOW_CHART_H
#define TG_CORE_SHOW_CHART_H

#include "../base.h"
#include <math.h>
#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_chart tg_chart;

typedef struct tg_chart_options {
    const char *title;          /* NULL, here as below: none */
    const char *x_label;
    const char *y_label;
    bool log_x, log_y;          /* axes by powers of ten */
    double x_min, x_max;        /* the axes' limits; NAN: chosen, so that all is seen and ticks are round */
    double y_min, y_max;
    bool legend;                /* show the names of what is drawn */
    TG_OPTIONS_END
} tg_chart_options;
#define TG_CHART_DEFAULTS                                                                                              \
    /* title */ NULL, /* x_label */ NULL, /* y_label */ NULL, /* log_x */ false, /* log_y */ false, /* x_min */ NAN,   \
        /* x_max */ NAN, /* y_min */ NAN, /* y_max */ NAN, /* legend */ true TG_DEFAULTS_END

/* An empty chart; NULL on error: limits that are infinite, in the wrong order or, on a log axis, not above 0. */
tg_chart *tg_chart_new_at(const char *where, tg_chart_options options);
#define tg_chart_new(...)                                                                                              \
    tg_chart_new_at(TG_HERE, TG_OPTIONS(tg_chart_options, TG_CHART_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
void tg_chart_free_at(const char *where, tg_chart *chart);
#define tg_chart_free(chart) tg_chart_free_at(TG_HERE, chart)

/* ---- what is drawn: any number of lines, scatters and histograms in one chart, or one heat map ----
 * `name` is what the legend says; NULL: nothing. Arrays have `count` numbers, 0 included. The functions that end in
 * _tensor take tensors of any dtype and strides in place of arrays. */

typedef struct tg_chart_line_options {
    const double *x;            /* as many; NULL: first, first + 1, ... */
    double first;
    bool dashed;
    int color;                  /* 0 to 31; -1: the next one, as the n-th thing in a chart has color n */
    TG_OPTIONS_END
} tg_chart_line_options;
#define TG_CHART_LINE_DEFAULTS /* x */ NULL, /* first */ 0, /* dashed */ false, /* color */ -1 TG_DEFAULTS_END

/* A line through the points (x[i], y[i]), in their order; a point between two gaps is a dot. */
tg_status tg_chart_line_at(const char *where, tg_chart *chart, const char *name, const double *y, int64_t count,
                           tg_chart_line_options options);
#define tg_chart_line(chart, name, y, count, ...)                                                                      \
    tg_chart_line_at(TG_HERE, chart, name, y, count,                                                                   \
                     TG_OPTIONS(tg_chart_line_options, TG_CHART_LINE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

typedef struct tg_chart_line_tensor_options {
    const tg_tensor *x;         /* of y's shape; NULL: first, first + 1, ... */
    double first;
    bool dashed;
    int color;                  /* 0 to 31; -1: the next one, as the n-th thing in a chart has color n */
    TG_OPTIONS_END
} tg_chart_line_tensor_options;
#define TG_CHART_LINE_TENSOR_DEFAULTS /* x */ NULL, /* first */ 0, /* dashed */ false, /* color */ -1 TG_DEFAULTS_END

/* The same for y of one dimension, or of none. */
tg_status tg_chart_line_tensor_at(const char *where, tg_chart *chart, const char *name, const tg_tensor *y,
                                  tg_chart_line_tensor_options options);
#define tg_chart_line_tensor(chart, name, y, ...)                                                                      \
    tg_chart_line_tensor_at(                                                                                           \
        TG_HERE, chart, name, y,                                                                                       \
        TG_OPTIONS(tg_chart_line_tensor_options, TG_CHART_LINE_TENSOR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* A dot at each point (x[i], y[i]). Tensors have the same number of elements, of any shape. */
tg_status tg_chart_scatter_at(const char *where, tg_chart *chart, const char *name, const double *x, const double *y,
                              int64_t count);
tg_status tg_chart_scatter_tensor_at(const char *where, tg_chart *chart, const char *name, const tg_tensor *x,
                                     const tg_tensor *y);
#define tg_chart_scatter(chart, name, x, y, count)     tg_chart_scatter_at(TG_HERE, chart, name, x, y, count)
#define tg_chart_scatter_tensor(chart, name, x, y)     tg_chart_scatter_tensor_at(TG_HERE, chart, name, x, y)

typedef struct tg_chart_histogram_options {
    int64_t bins;               /* 1 to 10000 of them, all equally wide */
    double low, high;           /* where the first begins and the last ends; NAN: the least and the largest number */
    bool density;               /* heights whose area is 1, not numbers of values */
    TG_OPTIONS_END
} tg_chart_histogram_options;
#define TG_CHART_HISTOGRAM_DEFAULTS /* bins */ 30, /* low */ NAN, /* high */ NAN, /* density */ false TG_DEFAULTS_END

/* How many values fall into each bin, as numpy.histogram counts: a bin has its lower end, the last one its upper end,
 * too. Values outside, NaN and infinities are not counted. A tensor may have any shape. */
tg_status tg_chart_histogram_at(const char *where, tg_chart *chart, const char *name, const double *values,
                                int64_t count, tg_chart_histogram_options options);
tg_status tg_chart_histogram_tensor_at(const char *where, tg_chart *chart, const char *name, const tg_tensor *values,
                                       tg_chart_histogram_options options);
#define TG_CHART_HISTOGRAM_OPTIONS(...)                                                                                \
    TG_OPTIONS(tg_chart_histogram_options, TG_CHART_HISTOGRAM_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define tg_chart_histogram(chart, name, values, count, ...)                                                            \
    tg_chart_histogram_at(TG_HERE, chart, name, values, count, TG_CHART_HISTOGRAM_OPTIONS(__VA_ARGS__))
#define tg_chart_histogram_tensor(chart, name, values, ...)                                                            \
    tg_chart_histogram_tensor_at(TG_HERE, chart, name, values, TG_CHART_HISTOGRAM_OPTIONS(__VA_ARGS__))

typedef struct tg_chart_heatmap_options {
    double low, high;               /* the ends of the colours; NAN: the least and the largest number */
    const char *const *row_names;   /* as many as rows; NULL: their indices */
    const char *const *column_names;
    bool annotate;                  /* write each number into its cell, where it fits (SVG) */
    TG_OPTIONS_END
} tg_chart_heatmap_options;
#define TG_CHART_HEATMAP_DEFAULTS                                                                                      \
    /* low */ NAN, /* high */ NAN, /* row_names */ NULL, /* column_names */ NULL,                             \
        /* annotate */ false TG_DEFAULTS_END

/* A matrix in colours, row 0 at the top, its numbers row after row; what is not finite has none. Of a matrix with more
 * rows or columns than can be seen, cells are means of their neighbours. The axes are the indices of rows and columns:
 * a chart with limits or log axes refuses it. */
tg_status tg_chart_heatmap_at(const char *where, tg_chart *chart, const double *values, int64_t rows, int64_t columns,
                              tg_chart_heatmap_options options);
/* Of two dimensions. */
tg_status tg_chart_heatmap_tensor_at(const char *where, tg_chart *chart, const tg_tensor *values,
                                     tg_chart_heatmap_options options);
#define TG_CHART_HEATMAP_OPTIONS(...)                                                                                  \
    TG_OPTIONS(tg_chart_heatmap_options, TG_CHART_HEATMAP_DEFAULTS __VA_OPT__(,) __VA_ARGS__)
#define tg_chart_heatmap(chart, values, rows, columns, ...)                                                            \
    tg_chart_heatmap_at(TG_HERE, chart, values, rows, columns, TG_CHART_HEATMAP_OPTIONS(__VA_ARGS__))
#define tg_chart_heatmap_tensor(chart, values, ...)                                                                    \
    tg_chart_heatmap_tensor_at(TG_HERE, chart, values, TG_CHART_HEATMAP_OPTIONS(__VA_ARGS__))

/* ---- as text ---- */

typedef struct tg_chart_text_options {
    int width;      /* of the longest line, in columns, 20 to 1000; -1: the terminal's, 100 at most, 80 of no terminal */
    int height;     /* of the frame, in lines, 3 to 500; a few less where that makes ticks stand on lines */
    int color;      /* 1, 0; -1: if it goes to a terminal that has some (NO_COLOR and TERM=dumb say no) */
    int unicode;    /* 1: braille dots; 0: ASCII; -1: what the locale of the environment and the terminal can show */
    TG_OPTIONS_END
} tg_chart_text_options;
#define TG_CHART_TEXT_DEFAULTS /* width */ -1, /* height */ 16, /* color */ -1, /* unicode */ -1 TG_DEFAULTS_END
#define TG_CHART_TEXT_OPTIONS(...)                                                                                     \
    TG_OPTIONS(tg_chart_text_options, TG_CHART_TEXT_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* Lines are of braille dots, 2 by 4 in a character, all series in one frame; without colours they differ in how they
 * are dashed. All of it ends with a newline. Nothing is printed while an error is pending. */
tg_status tg_chart_fprint_at(const char *where, FILE *file, const tg_chart *chart, tg_chart_text_options options);
#define tg_chart_fprint(file, chart, ...)                                                                              \
    tg_chart_fprint_at(TG_HERE, file, chart, TG_CHART_TEXT_OPTIONS(__VA_ARGS__))
#define tg_chart_print(chart, ...) tg_chart_fprint_at(TG_HERE, stdout, chart, TG_CHART_TEXT_OPTIONS(__VA_ARGS__))

/* The same as snprintf counts it: returns the length it needs and writes at most `size` bytes; -1 on error. */
int64_t tg_chart_format_at(const char *where, const tg_chart *chart, char *buffer, int64_t size,
                           tg_chart_text_options options);
#define tg_chart_format(chart, buffer, size, ...)                                                                      \
    tg_chart_format_at(TG_HERE, chart, buffer, size, TG_CHART_TEXT_OPTIONS(__VA_ARGS__))

/* ---- as SVG ---- */

typedef struct tg_chart_svg_options {
    int width, height;          /* in pixels, 200 to 10000 and 150 to 10000 */
    TG_OPTIONS_END
} tg_chart_svg_options;
#define TG_CHART_SVG_DEFAULTS /* width */ 700, /* height */ 420 TG_DEFAULTS_END
#define TG_CHART_SVG_OPTIONS(...)                                                                                      \
    TG_OPTIONS(tg_chart_svg_options, TG_CHART_SVG_DEFAULTS __VA_OPT__(,) __VA_ARGS__)

/* A picture that stands alone: colours that the colour-blind tell apart, the legend where it covers nothing that is
 * drawn, or else above the frame. The file is written whole or not at all: on error the old one stays, and while one is
 * pending. */
tg_status tg_chart_write_svg_at(const char *where, const tg_chart *chart, const char *path,
                                tg_chart_svg_options options);
#define tg_chart_write_svg(chart, path, ...)                                                                           \
    tg_chart_write_svg_at(TG_HERE, chart, path, TG_CHART_SVG_OPTIONS(__VA_ARGS__))

/* Its text, as tg_chart_format writes one. */
int64_t tg_chart_format_svg_at(const char *where, const tg_chart *chart, char *buffer, int64_t size,
                               tg_chart_svg_options options);
#define tg_chart_format_svg(chart, buffer, size, ...)                                                                  \
    tg_chart_format_svg_at(TG_HERE, chart, buffer, size, TG_CHART_SVG_OPTIONS(__VA_ARGS__))

TG_END_DECLS

#endif
