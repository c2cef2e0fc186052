/* rnn.h: what the recurrent modules have in common. LSTM is in lstm.h, GRU in gru.h, RNN in elman.h; batches of
 * sequences of different lengths in packed.h. */
#ifndef TG_NN_RNN_H
#define TG_NN_RNN_H

#include "module.h"

TG_BEGIN_DECLS

/* The weights of one layer in one direction. `gates` is 4 in LSTM, 3 in GRU, 1 in RNN. */
typedef struct tg_rnn_weights {
    tg_tensor *weight_ih; /* [gates * hidden, input] */
    tg_tensor *weight_hh; /* [gates * hidden, hidden or proj_size] */
    tg_tensor *bias_ih;   /* [gates * hidden]; NULL without bias */
    tg_tensor *bias_hh;
    tg_tensor *weight_hr; /* [proj_size, hidden]; NULL without a projection, which only LSTM has */
} tg_rnn_weights;

typedef struct tgi_rnn_kind tgi_rnn_kind;

/* What follows the tg_module in each of them: `lstm->core.hidden_size`, `gru->core.weights[0].weight_hh`. A cell has
 * one layer and one direction. To be read: the weights were made for what is here. */
typedef struct tg_recurrent {
    const tgi_rnn_kind *kind; /* which gates, which step */
    int64_t input_size, hidden_size, num_layers;
    int64_t proj_size; /* 0: none */
    bool cell;         /* whether it runs one step; otherwise whole sequences */
    bool bias, batch_first, bidirectional;
    double dropout;
    const char *nonlinearity; /* of RNN: "tanh" or "relu"; otherwise NULL */
    tg_rnn_weights *weights;  /* [num_layers * directions]: layer by layer, forward before reverse */
} tg_recurrent;

TG_END_DECLS

#endif
