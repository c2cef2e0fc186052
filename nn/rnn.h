/* rnn.h: the weights that recurrent modules have in common. LSTM is in lstm.h, GRU in gru.h, RNN in elman.h. */
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

TG_END_DECLS

#endif
