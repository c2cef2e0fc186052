/* lstm.c: LSTM and LSTMCell: one step of the cell, and its structs. rnn.c and rnn_forward.c have what all recurrent
 * modules share. */
#include "lstm.h"

#include "ops/join.h"
#include "ops/linear/matmul_impl.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "rnn_impl.h"

static tgi_rnn_state step(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    tg_tensor *gates = tgi_linear_onto(x_gates, s.h, w->weight_hh, w->bias_hh);
    const tg_tensor_list part = tg_chunk(gates, 4, 1);
    tg_tensor *i = tg_sigmoid(part.items[0]), *f = tg_sigmoid(part.items[1]);
    tg_tensor *g = tg_tanh(part.items[2]), *o = tg_sigmoid(part.items[3]);
    /* Named, so that every compiler records them in this order. */
    tg_tensor *kept = tg_mul(f, s.c), *written = tg_mul(i, g);
    tg_tensor *c = tg_add(kept, written);
    tg_tensor *h = tg_mul(o, tg_tanh(c));
    if (w->weight_hr) h = tg_linear(h, w->weight_hr, NULL);
    return (tgi_rnn_state){ h, c };
}

const tgi_rnn_kind tgi_lstm_kind = {
    .op = { .name = "LSTM" }, .cell_op = { .name = "LSTMCell" }, .gates = 4, .states = 2, .step = step
};

TGI_RNN_STRUCT(tg_lstm_cell);
TGI_RNN_STRUCT(tg_lstm);

/* ---- LSTMCell ---- */

tg_lstm_cell *tg_lstm_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_lstm_cell_options o)
{
    return tgi_rnn_new(where, "tg_lstm_cell", NULL,
                       (tg_recurrent){ .kind = &tgi_lstm_kind,
                                       .input_size = input_size,
                                       .hidden_size = hidden_size,
                                       .num_layers = 1,
                                       .cell = true,
                                       .bias = o.bias },
                       o.dtype);
}

tg_lstm_state tg_lstm_cell_forward_at(const char *where, tg_lstm_cell *m, tg_tensor *x, tg_lstm_state state)
{
    const tgi_rnn_state s =
        tgi_rnn_cell_forward(where, &tgi_lstm_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ state.h, state.c });
    return (tg_lstm_state){ s.h, s.c };
}

/* ---- LSTM ---- */

static tg_tensor *forward(tg_module *m, tg_tensor *x) { return tg_lstm_forward((tg_lstm *)m, x).output; }

tg_lstm *tg_lstm_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_lstm_options o)
{
    return tgi_rnn_new(where, "tg_lstm", forward,
                       (tg_recurrent){ .kind = &tgi_lstm_kind,
                                       .input_size = input_size,
                                       .hidden_size = hidden_size,
                                       .num_layers = o.num_layers,
                                       .proj_size = o.proj_size,
                                       .bias = o.bias,
                                       .batch_first = o.batch_first,
                                       .bidirectional = o.bidirectional,
                                       .dropout = o.dropout },
                       o.dtype);
}

tg_lstm_output tg_lstm_forward_at(const char *where, tg_lstm *m, tg_tensor *x, tg_lstm_state state)
{
    const tgi_rnn_output out =
        tgi_rnn_forward(where, &tgi_lstm_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ state.h, state.c });
    return (tg_lstm_output){ out.output, out.h_n, out.c_n };
}
