/* lstm.h: long short-term memory (Hochreiter and Schmidhuber, 1997), with PyTorch's gates, names and numbers.
 *
 *     i, f, g, o = the four blocks of (x W_ihT + b_ih) + (h W_hhT + b_hh)
 *     c' = sigmoid(f) c + sigmoid(i) tanh(g)
 *     h' = sigmoid(o) tanh(c')           and, with proj_size, h' W_hrT */
#ifndef TG_NN_LSTM_H
#define TG_NN_LSTM_H

#include "../ops/create.h"
#include "packed.h"
#include "rnn.h"

TG_BEGIN_DECLS

typedef struct tg_lstm_state {
    tg_tensor *h, *c;
} tg_lstm_state;

/* A trailing state argument: zeros when it is left out. A state that could not be made (NULL with an error pending) is
 * never taken for one that was left out. */
#define TGI_LSTM_STATE(...)    TGI_LSTM_PICK_(__VA_OPT__(TGI_LSTM_GIVEN_,) TGI_LSTM_OMITTED_, )(__VA_ARGS__)
#define TGI_LSTM_PICK_(a, ...) a
#define TGI_LSTM_GIVEN_(...)   __VA_ARGS__
#define TGI_LSTM_OMITTED_(...)                                                                                         \
    TG_LITERAL(tg_lstm_state) { NULL, NULL }

/* ---- one step ---- */

typedef struct tg_lstm_cell {
    tg_module base;
    tg_recurrent core;
} tg_lstm_cell;

typedef struct tg_lstm_cell_options {
    bool bias;
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_lstm_cell_options;
#define TG_LSTM_CELL_DEFAULTS /* bias */ true, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

tg_lstm_cell *tg_lstm_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size,
                                  tg_lstm_cell_options options);
#define tg_lstm_cell_new(input_size, hidden_size, ...)                                                                 \
    tg_lstm_cell_new_at(TG_HERE, input_size, hidden_size,                                                              \
                        TG_OPTIONS(tg_lstm_cell_options, TG_LSTM_CELL_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* x is [N, input] or [input], h and c [N, hidden] or [hidden]: `s = tg_lstm_cell_forward(cell, x, s);`, or without
 * `s`. */
tg_lstm_state tg_lstm_cell_forward_at(const char *where, tg_lstm_cell *m, tg_tensor *x, tg_lstm_state state);
#define tg_lstm_cell_forward(m, x, ...) tg_lstm_cell_forward_at(TG_HERE, m, x, TGI_LSTM_STATE(__VA_ARGS__))

/* ---- a whole sequence ---- */

typedef struct tg_lstm_options {
    int64_t num_layers;
    bool bias;
    bool batch_first; /* x and output are [N, T, features]; h and c keep their shape */
    double dropout;   /* between layers, while training: the probability of a zero */
    bool bidirectional;
    int64_t proj_size; /* 0: no projection */
    tg_dtype dtype;
    TG_OPTIONS_END
} tg_lstm_options;
#define TG_LSTM_DEFAULTS                                                                                               \
    /* num_layers */ 1, /* bias */ true, /* batch_first */ false, /* dropout */ 0.0, /* bidirectional */ false,        \
        /* proj_size */ 0, /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

typedef struct tg_lstm {
    tg_module base;
    tg_recurrent core;
} tg_lstm;

typedef struct tg_lstm_output {
    tg_tensor *output;    /* [T, N, directions * H], or as batch_first asks: the last layer's h at every step */
    tg_tensor *h_n, *c_n; /* [num_layers * directions, N, H]: after the last step */
} tg_lstm_output;         /* H is hidden_size; of output and h it is proj_size if there is one */

/* `tg_lstm_new(5, 8, .num_layers = 2, .batch_first = true)`. Every weight is drawn from U(-1/sqrt(hidden),
 * 1/sqrt(hidden)). */
tg_lstm *tg_lstm_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_lstm_options options);
#define tg_lstm_new(input_size, hidden_size, ...)                                                                      \
    tg_lstm_new_at(TG_HERE, input_size, hidden_size,                                                                   \
                   TG_OPTIONS(tg_lstm_options, TG_LSTM_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* x is [T, N, input], with batch_first [N, T, input], unbatched [T, input] (then h, c and the results have no N
 * either). `tg_lstm_forward(lstm, x)`, `tg_lstm_forward(lstm, x, (tg_lstm_state){ h0, c0 })`. As a tg_module it
 * returns `output`. */
tg_lstm_output tg_lstm_forward_at(const char *where, tg_lstm *m, tg_tensor *x, tg_lstm_state state);
#define tg_lstm_forward(m, x, ...) tg_lstm_forward_at(TG_HERE, m, x, TGI_LSTM_STATE(__VA_ARGS__))

/* ---- a packed batch of sequences (packed.h) ---- */

typedef struct tg_lstm_packed_output {
    tg_packed_sequence output; /* as x, data [sum of the lengths, directions * H] */
    tg_tensor *h_n, *c_n;      /* as above: each sequence's after its own last step, in the caller's order */
} tg_lstm_packed_output;

/* x.data is [sum of the lengths, input]. In reverse each sequence begins at its own end; the state before and h_n, c_n
 * are in the order that the sequences had before they were packed. batch_first makes no difference. */
tg_lstm_packed_output tg_lstm_forward_packed_at(const char *where, tg_lstm *m, tg_packed_sequence x, tg_lstm_state state);
#define tg_lstm_forward_packed(m, x, ...)                                                                               \
    tg_lstm_forward_packed_at(TG_HERE, m, x, TGI_LSTM_STATE(__VA_ARGS__))

TG_END_DECLS

#endif
