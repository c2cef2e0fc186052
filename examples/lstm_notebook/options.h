/* options.h: the command line of lstm_notebook. */
#ifndef TG_EXAMPLES_LSTM_NOTEBOOK_OPTIONS_H
#define TG_EXAMPLES_LSTM_NOTEBOOK_OPTIONS_H

#include <stdint.h>

typedef struct options {
    uint64_t seed;
    int epochs;
    const char *plot;   /* where the SVG goes; NULL: nowhere */
} options;

/* Reads the arguments over the defaults in `o`. Returns -1 to go on, else the exit status: 0 after --help, 2 after a
 * mistake, which has been reported on stderr. */
int options_parse(options *o, int argc, char **argv);

#endif
