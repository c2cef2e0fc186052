/* plot.h: loss curves, in the terminal and as a picture. */
#ifndef TG_EXAMPLES_LSTM_NOTEBOOK_PLOT_H
#define TG_EXAMPLES_LSTM_NOTEBOOK_PLOT_H

#include <stdbool.h>

typedef struct loss_curve {
    const char *name;
    const double *losses;   /* one for each epoch */
} loss_curve;

/* A small curve of each on stdout, if stdout is a terminal. */
void plot_terminal(const loss_curve *curves, int count, int epochs);

/* Writes an SVG. False, with the reason on stderr, when the file could not be written. */
bool plot_svg(const char *path, const loss_curve *curves, int count, int epochs);

#endif
