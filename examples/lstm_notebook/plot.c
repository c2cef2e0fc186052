/* plot.c: loss curves drawn with characters and with SVG lines. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* isatty */
#endif
#include "plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The largest finite loss of all curves, so that they share a scale; at least a little above 0. */
static double highest(const loss_curve *curves, int count, int epochs)
{
    double top = 1e-9;
    for (int c = 0; c < count; c++)
        for (int e = 0; e < epochs; e++)
            if (isfinite(curves[c].losses[e]) && curves[c].losses[e] > top) top = curves[c].losses[e];
    return top;
}

/* ---- terminal ---- */

enum { COLUMNS = 60, ROWS = 8, EIGHTHS = 8 };

/* Each column is a bar, drawn in eighths of a character cell. */
static void draw_bars(const loss_curve *curve, int epochs, double top)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    const int columns = epochs < COLUMNS ? epochs : COLUMNS;
    for (int row = ROWS - 1; row >= 0; row--) {
        printf("%8.3f |", top * (row + 1) / ROWS);
        for (int column = 0; column < columns; column++) {
            const int epoch = columns > 1 ? (int)((long long)column * (epochs - 1) / (columns - 1)) : 0;
            const double height = curve->losses[epoch] / top * ROWS * EIGHTHS - row * EIGHTHS;
            fputs(blocks[height >= EIGHTHS ? EIGHTHS : height > 0 ? (int)height : 0], stdout);
        }
        putchar('\n');
    }
    printf("%8.3f +%.*s %s\n", 0.0, columns, "------------------------------------------------------------",
           curve->name);
}

void plot_terminal(const loss_curve *curves, int count, int epochs)
{
    if (!isatty(STDOUT_FILENO)) return;
    const double top = highest(curves, count, epochs);
    for (int c = 0; c < count; c++) {
        putchar('\n');
        draw_bars(&curves[c], epochs, top);
    }
}

/* ---- SVG ---- */

enum { WIDTH = 720, HEIGHT = 420, LEFT = 60, RIGHT = 20, TOP = 30, BOTTOM = 50, TICKS = 5 };

static double x_of(double epoch, int epochs)
{
    return LEFT + (epochs > 1 ? (epoch - 1) / (epochs - 1) : 0.5) * (WIDTH - LEFT - RIGHT);
}

static double y_of(double loss, double top) { return HEIGHT - BOTTOM - loss / top * (HEIGHT - TOP - BOTTOM); }

static void draw_axes(FILE *file, int epochs, double top)
{
    fprintf(file, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", WIDTH, HEIGHT);
    for (int i = 0; i <= TICKS; i++) {
        const double loss = top * i / TICKS, y = y_of(loss, top);
        fprintf(file, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", LEFT, WIDTH - RIGHT, y,
                y);
        fprintf(file, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.2f</text>\n", LEFT - 8, y + 4, loss);
        const double epoch = 1 + (double)(epochs - 1) * i / TICKS;
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", x_of(epoch, epochs),
                HEIGHT - BOTTOM + 20, epoch);
    }
    fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">Époque</text>\n", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 8);
    fprintf(file, "<text x=\"16\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">Perte</text>\n",
            HEIGHT / 2, HEIGHT / 2);
}

static void draw_curve(FILE *file, const loss_curve *curve, int index, int epochs, double top)
{
    static const char *const colours[] = { "#1f77b4", "#d62728", "#2ca02c", "#9467bd" };
    const char *colour = colours[index % 4];
    fprintf(file, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour);
    for (int e = 0; e < epochs; e++)
        if (isfinite(curve->losses[e])) fprintf(file, "%.2f,%.2f ", x_of(e + 1, epochs), y_of(curve->losses[e], top));
    fprintf(file, "\"/>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"%s\">%s</text>\n", WIDTH - RIGHT - 8,
            TOP + 20 * index, colour, curve->name);
}

bool plot_svg(const char *path, const loss_curve *curves, int count, int epochs)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "lstm_notebook: %s: %s\n", path, strerror(errno));
        return false;
    }
    const double top = highest(curves, count, epochs);
    fprintf(
        file,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n",
        WIDTH, HEIGHT);
    draw_axes(file, epochs, top);
    for (int c = 0; c < count; c++) draw_curve(file, &curves[c], c, epochs, top);
    fputs("</svg>\n", file);
    const bool written = !ferror(file);
    if (fclose(file) == 0 && written) return true;
    fprintf(stderr, "lstm_notebook: %s could not be written\n", path);
    return false;
}
