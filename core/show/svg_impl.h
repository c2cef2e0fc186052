/* svg_impl.h: a chart's picture while it is drawn. Internal. */
#ifndef TG_CORE_SHOW_SVG_IMPL_H
#define TG_CORE_SHOW_SVG_IMPL_H

#include "chart_impl.h"

TG_EXTERN_C_BEGIN

enum { TGI_SMALL_FONT = 12, TGI_FONT = 13, TGI_TITLE_FONT = 16, TGI_SVG_CUT = 1700 };

typedef struct tgi_picture {
    tgi_page *page;
    const tg_chart *chart;
    double width, height;             /* all of it, in pixels, from the upper left corner */
    double left, top, right, bottom;  /* the frame */
    tgi_axis x, y;
} tgi_picture;

/* The legend: a box in the frame, or rows above it. */
typedef struct tgi_legend {
    bool inside;
    double x, y, width, height;       /* the box */
    int rows;                         /* above the frame; what does not fit in two fifths of the picture is left out */
} tgi_legend;

/* ---- svg_text.c ---- */
/* About as wide as a browser draws it; rather a little more. */
double tgi_svg_width(const char *text, double font);
/* As much of the text as is not wider, with dots at its end if it is cut. */
const char *tgi_svg_cut(char copy[TGI_SVG_CUT], const char *text, double width, double font);
/* " name=\"12.5\"", without needless digits. */
void tgi_svg_attribute(tgi_page *page, const char *name, double value);
void tgi_svg_number(tgi_page *page, double value);
/* A text element; `anchor` is start, middle or end; `more` are further attributes. */
void tgi_svg_text(tgi_page *page, double x, double y, const char *anchor, const char *more, const char *text);
/* A label at the left of each tick of an axis that goes up, or at the right of a bar. */
void tgi_svg_tick_labels(tgi_page *page, const tgi_axis *axis, double x, double top, double bottom, const char *anchor);
/* How much room the labels need. */
double tgi_svg_labels_width(const tgi_axis *axis);

/* ---- svg_legend.c ---- */
/* A stroke or fill. */
const char *tgi_series_color(int color);
/* Its dashes; NULL: none. */
const char *tgi_series_dashes(const tgi_series *series);
/* A place for the legend: in the frame where it touches nothing that is drawn; else so many rows above it, for which
 * the frame has to make room. */
tgi_legend tgi_place_legend(const tgi_picture *p);
void tgi_svg_legend(const tgi_picture *p, const tgi_legend *legend);
enum { TGI_LEGEND_ROW = 20 };

/* ---- svg_matrix.c ---- */
/* A heat map with its names and the bar of its colours; sets the frame but for its top. */
void tgi_svg_matrix(tgi_picture *p);

TG_EXTERN_C_END

#endif
