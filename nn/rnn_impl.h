/* rnn_impl.h: what the recurrent modules share. A kind of cell is data: how many gates and states it has, and one step.
 * rnn.c does the rest for every kind: weights, layers, directions, dropout, layouts and checks.
 *
 * A module's own file has its structs, which are public, and describes them to rnn.c with a tgi_rnn. */
#ifndef TG_NN_RNN_IMPL_H
#define TG_NN_RNN_IMPL_H

#include "module_impl.h"
#include "rnn.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_rnn_state {
    tg_tensor *h, *c; /* c is NULL in a kind with one state */
} tgi_rnn_state;

typedef struct tgi_rnn_kind {
    tg_op op, cell_op; /* whose names errors and print show: "GRU", "GRUCell" */
    int gates;         /* weight_ih, weight_hh and the biases have gates * hidden rows */
    int states;        /* 1: h; 2: h and c */
    /* The state after one step, written in ops. `x_gates` is x W_ihT + b_ih of this step, [N, gates * hidden]. It needs
     * no scope: rnn.c opens one around it. */
    tgi_rnn_state (*step)(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state before);
} tgi_rnn_kind;

/* What rnn.c needs to know of a module. A cell has one layer, one direction, and no suffix in its weights' names. */
typedef struct tgi_rnn {
    const tgi_rnn_kind *kind;
    bool cell, training;
    int64_t input_size, hidden_size, num_layers;
    int64_t proj_size; /* 0: none */
    bool bias, batch_first, bidirectional;
    double dropout;
    const char *nonlinearity; /* what print shows of it; NULL: nothing */
    tg_rnn_weights *weights; /* [num_layers * directions]: layer by layer, forward before reverse */
} tgi_rnn;

/* ---- making ---- */

/* False, with an error, for sizes and options that no such module has. */
bool tgi_rnn_options_ok(const char *where, const tgi_rnn *r);
/* Registers the weights of a module and draws them: every one from U(-1/sqrt(hidden), 1/sqrt(hidden)), in the order in
 * which they are registered. The array is the module's; NULL when there is no memory for it. */
tg_rnn_weights *tgi_rnn_weights_new(tg_module *m, const tgi_rnn *r, tg_dtype dtype);
/* The same for a cell, whose weights lie in its struct. */
void tgi_rnn_cell_weights_new(tg_module *m, tg_rnn_weights *w, const tgi_rnn *r, tg_dtype dtype);
/* The array of a copy of that module, whose weights are registered already. NULL when there is no memory for it. */
tg_rnn_weights *tgi_rnn_weights_copy(const tg_module *copy, const tgi_rnn *original);
void tgi_rnn_weights_free(const tgi_rnn *r);
/* extra_repr of modules and cells. */
int tgi_rnn_repr(const tgi_rnn *r, char *buffer, size_t size);

/* ---- forward ---- */

typedef struct tgi_rnn_output {
    tg_tensor *output, *h_n, *c_n;
} tgi_rnn_output;

/* Opens a forward; `m` may be NULL. False, with an error, if the module is not there, or with half a state, a freed one
 * or one that failed to be made. Describe the module after that. */
bool tgi_rnn_begin(const char *where, const tg_module *m, const tg_op *op, int states, tg_tensor *x,
                   tgi_rnn_state state);
/* `state` is all NULL where it was left out. */
tgi_rnn_output tgi_rnn_forward(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state state);
tgi_rnn_state tgi_rnn_cell_forward(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state state);

TG_EXTERN_C_END

#endif
