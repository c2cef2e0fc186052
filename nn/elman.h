/* elman.h: the plain recurrent network (Elman, 1990), PyTorch's nn.RNN, with its names and numbers.
 *
 *     h' = tanh((x W_ihT + b_ih) + (h W_hhT + b_hh))       or relu in place of tanh */
#ifndef TG_NN_ELMAN_H
#define TG_NN_ELMAN_H

#include "packed.h"
#include "rnn.h"

TG_BEGIN_DECLS

/* ---- one step ---- */

typedef struct tg_rnn_cell {
    tg_module base;
    tg_recurrent core;
} tg_rnn_cell;

typedef struct tg_rnn_cell_options {
    bool bias;
    const char *nonlinearity; /* "tanh" or "relu" */
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_rnn_cell_options;
#define TG_RNN_CELL_DEFAULTS /* bias */ true, /* nonlinearity */ "tanh", /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

tg_rnn_cell *tg_rnn_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size,
                                tg_rnn_cell_options options);
#define tg_rnn_cell_new(input_size, hidden_size, ...)                                                                  \
    tg_rnn_cell_new_at(TG_HERE, input_size, hidden_size,                                                               \
                       TG_OPTIONS(tg_rnn_cell_options, TG_RNN_CELL_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* x is [N, input] or [input], h and the result are [N, hidden] or [hidden]: `h = tg_rnn_cell_forward(cell, x, h);`, or
 * without h, which is then zeros. A h that could not be made is an error, and not taken for one that was left out. */
tg_tensor *tg_rnn_cell_forward_at(const char *where, tg_rnn_cell *m, tg_tensor *x, tg_tensor *h);
#define tg_rnn_cell_forward(m, x, ...) tg_rnn_cell_forward_at(TG_HERE, m, x, TG_OR(NULL __VA_OPT__(,) __VA_ARGS__))

/* ---- a whole sequence ---- */

typedef struct tg_rnn_options {
    int64_t num_layers;
    const char *nonlinearity; /* "tanh" or "relu" */
    bool bias;
    bool batch_first; /* x and output are [N, T, features]; h keeps its shape */
    double dropout;   /* between layers, while training: the probability of a zero */
    bool bidirectional;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_rnn_options;
#define TG_RNN_DEFAULTS                                                                                                \
    /* num_layers */ 1, /* nonlinearity */ "tanh", /* bias */ true, /* batch_first */ false, /* dropout */ 0.0,        \
        /* bidirectional */ false, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

typedef struct tg_rnn {
    tg_module base;
    tg_recurrent core;
} tg_rnn;

typedef struct tg_rnn_output {
    tg_tensor *output; /* [T, N, directions * hidden], or as batch_first asks: the last layer's h at every step */
    tg_tensor *h_n;    /* [num_layers * directions, N, hidden]: after the last step */
} tg_rnn_output;

/* `tg_rnn_new(5, 8, .nonlinearity = "relu", .batch_first = true)`. Every weight is drawn from U(-1/sqrt(hidden),
 * 1/sqrt(hidden)). */
tg_rnn *tg_rnn_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_rnn_options options);
#define tg_rnn_new(input_size, hidden_size, ...)                                                                       \
    tg_rnn_new_at(TG_HERE, input_size, hidden_size,                                                                    \
                  TG_OPTIONS(tg_rnn_options, TG_RNN_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* x is [T, N, input], with batch_first [N, T, input], unbatched [T, input] (then h0 and the results have no N either);
 * h0 is shaped as h_n, and zeros when it is left out. `tg_rnn_forward(rnn, x)`, `tg_rnn_forward(rnn, x, h0)`. As a
 * tg_module it returns `output`. */
tg_rnn_output tg_rnn_forward_at(const char *where, tg_rnn *m, tg_tensor *x, tg_tensor *h0);
#define tg_rnn_forward(m, x, ...) tg_rnn_forward_at(TG_HERE, m, x, TG_OR(NULL __VA_OPT__(,) __VA_ARGS__))

/* ---- a packed batch of sequences (packed.h) ---- */

typedef struct tg_rnn_packed_output {
    tg_packed_sequence output; /* as x, data [sum of the lengths, directions * hidden] */
    tg_tensor *h_n;            /* as above: each sequence's after its own last step, in the caller's order */
} tg_rnn_packed_output;

/* x.data is [sum of the lengths, input]. In reverse each sequence begins at its own end; h0 and h_n
 * are in the order that the sequences had before they were packed. batch_first makes no difference. */
tg_rnn_packed_output tg_rnn_forward_packed_at(const char *where, tg_rnn *m, tg_packed_sequence x, tg_tensor *h0);
#define tg_rnn_forward_packed(m, x, ...)                                                                               \
    tg_rnn_forward_packed_at(TG_HERE, m, x, TG_OR(NULL __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
