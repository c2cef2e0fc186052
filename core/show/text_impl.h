/* text_impl.h: a chart's frame in the terminal, made of cells. Internal. */
#ifndef TG_CORE_SHOW_TEXT_IMPL_H
#define TG_CORE_SHOW_TEXT_IMPL_H

#include "chart_impl.h"

TG_EXTERN_C_BEGIN

/* One character of the frame: dots of braille, a mark, or so many eighths of a bar. */
typedef struct tgi_cell {
    unsigned char dots;
    unsigned char eighths;
    const char *mark;      /* NULL: none */
    int color;
} tgi_cell;

typedef struct tgi_screen {
    tgi_page *page;
    const tg_chart *chart;
    bool color, unicode;
    int left;              /* columns of the labels at the left */
    int wide, high;        /* cells of the frame */
    tgi_axis x, y;
    tgi_cell *cells;       /* the upper row first */
} tgi_screen;

/* ---- canvas.c ---- */
/* Draws a series into the cells. */
void tgi_canvas_draw(tgi_screen *screen, const tgi_series *series);
/* What a mark in the legend looks like: four columns. */
void tgi_canvas_sample(const tgi_screen *screen, const tgi_series *series);
/* A row of cells, colours and all. */
void tgi_canvas_put(const tgi_screen *screen, int row);
/* The column, and the row counted from the top, at which a number of an axis stands; -1: not in the frame. */
int tgi_canvas_column(const tgi_screen *screen, double x);
int tgi_canvas_row(const tgi_screen *screen, double y);
void tgi_canvas_color(tgi_page *page, int color);
extern const char tgi_no_color[];
/* A text in the middle of so many columns, and the end of the line; bold where there are colours. */
void tgi_canvas_centered(tgi_page *page, const char *text, int columns, bool color, bool unicode);

TG_EXTERN_C_END

#endif
