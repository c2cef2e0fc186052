/* gru.c: GRU and GRUCell: one step of the cell, and its structs. rnn.c and rnn_forward.c have what all recurrent
 * modules share. */
#include "gru.h"

#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "rnn_impl.h"

/* (h - n) z + n is PyTorch's order for (1 - z) n + z h. */
static tgi_rnn_state step(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    tg_tensor *const *x = tg_chunk(x_gates, 3, 1).items;
    tg_tensor *const *h = tg_chunk(tg_linear(s.h, w->weight_hh, w->bias_hh), 3, 1).items;
    tg_tensor *r = tg_sigmoid(tg_add(x[0], h[0])), *z = tg_sigmoid(tg_add(x[1], h[1]));
    tg_tensor *n = tg_tanh(tg_add(x[2], tg_mul(r, h[2])));
    return (tgi_rnn_state){ .h = tg_add(tg_mul(tg_sub(s.h, n), z), n) };
}

const tgi_rnn_kind tgi_gru_kind = {
    .op = { .name = "GRU" }, .cell_op = { .name = "GRUCell" }, .gates = 3, .states = 1, .step = step
};

TGI_RNN_STRUCT(tg_gru_cell);
TGI_RNN_STRUCT(tg_gru);

/* ---- GRUCell ---- */

static tg_tensor *cell_forward(tg_module *m, tg_tensor *x) { return tg_gru_cell_forward((tg_gru_cell *)m, x); }

tg_gru_cell *tg_gru_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_gru_cell_options o)
{
    return tgi_rnn_new(where, "tg_gru_cell", cell_forward,
                       (tg_recurrent){ .kind = &tgi_gru_kind,
                                       .input_size = input_size,
                                       .hidden_size = hidden_size,
                                       .num_layers = 1,
                                       .cell = true,
                                       .bias = o.bias },
                       o.dtype);
}

tg_tensor *tg_gru_cell_forward_at(const char *where, tg_gru_cell *m, tg_tensor *x, tg_tensor *h)
{
    return tgi_rnn_cell_forward(where, &tgi_gru_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ .h = h }).h;
}

/* ---- GRU ---- */

static tg_tensor *forward(tg_module *m, tg_tensor *x) { return tg_gru_forward((tg_gru *)m, x).output; }

tg_gru *tg_gru_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_gru_options o)
{
    return tgi_rnn_new(where, "tg_gru", forward,
                       (tg_recurrent){ .kind = &tgi_gru_kind,
                                       .input_size = input_size,
                                       .hidden_size = hidden_size,
                                       .num_layers = o.num_layers,
                                       .bias = o.bias,
                                       .batch_first = o.batch_first,
                                       .bidirectional = o.bidirectional,
                                       .dropout = o.dropout },
                       o.dtype);
}

tg_gru_output tg_gru_forward_at(const char *where, tg_gru *m, tg_tensor *x, tg_tensor *h0)
{
    const tgi_rnn_output out =
        tgi_rnn_forward(where, &tgi_gru_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ .h = h0 });
    return (tg_gru_output){ out.output, out.h_n };
}
