/* elman.c: RNN and RNNCell: one step of the cell, and its structs. rnn.c and rnn_forward.c have what all recurrent
 * modules share. */
#include "elman.h"

#include "core/error.h"
#include "ops/activation.h"
#include "ops/linear/matmul_impl.h"
#include "ops/pointwise.h"
#include "rnn_impl.h"

#include <string.h>

static tg_tensor *sum(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    return tgi_linear_onto(x_gates, s.h, w->weight_hh, w->bias_hh);
}

static tgi_rnn_state step_tanh(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    return (tgi_rnn_state){ .h = tg_tanh(sum(w, x_gates, s)) };
}

static tgi_rnn_state step_relu(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    return (tgi_rnn_state){ .h = tg_relu(sum(w, x_gates, s)) };
}

#define KIND(function)                                                                                                 \
    {                                                                                                                  \
        .op = { .name = "RNN" }, .cell_op = { .name = "RNNCell" }, .gates = 1, .states = 1, .step = function           \
    }
const tgi_rnn_kind tgi_tanh_kind = KIND(step_tanh), tgi_relu_kind = KIND(step_relu);

TGI_RNN_STRUCT(tg_rnn_cell);
TGI_RNN_STRUCT(tg_rnn);

/* Sets the kind, and the nonlinearity to a text that lives on. False, with an error, where there is no such kind. */
static bool choose(const char *where, tg_recurrent *asked, const char *nonlinearity)
{
    const bool relu = nonlinearity && strcmp(nonlinearity, "relu") == 0;
    asked->kind = relu ? &tgi_relu_kind : &tgi_tanh_kind;
    asked->nonlinearity = relu ? "relu" : "tanh";
    if (nonlinearity && strcmp(nonlinearity, asked->nonlinearity) == 0) return true;
    tg_fail_at(where, TG_ERROR_VALUE, tgi_rnn_op(asked)->name, "Unknown nonlinearity '%s'",
               nonlinearity ? nonlinearity : "NULL");
    return false;
}

/* ---- RNNCell ---- */

static tg_tensor *cell_forward(tg_module *m, tg_tensor *x) { return tg_rnn_cell_forward((tg_rnn_cell *)m, x); }

tg_rnn_cell *tg_rnn_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_rnn_cell_options o)
{
    tg_recurrent asked = { .input_size = input_size,
                           .hidden_size = hidden_size,
                           .num_layers = 1,
                           .cell = true,
                           .bias = o.bias };
    if (!choose(where, &asked, o.nonlinearity)) return NULL;
    return tgi_rnn_new(where, "tg_rnn_cell", cell_forward, asked, o.dtype);
}

tg_tensor *tg_rnn_cell_forward_at(const char *where, tg_rnn_cell *m, tg_tensor *x, tg_tensor *h)
{
    return tgi_rnn_cell_forward(where, &tgi_tanh_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ .h = h }).h;
}

/* ---- RNN ---- */

static tg_tensor *forward(tg_module *m, tg_tensor *x) { return tg_rnn_forward((tg_rnn *)m, x).output; }

tg_rnn *tg_rnn_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_rnn_options o)
{
    tg_recurrent asked = { .input_size = input_size,
                           .hidden_size = hidden_size,
                           .num_layers = o.num_layers,
                           .bias = o.bias,
                           .batch_first = o.batch_first,
                           .bidirectional = o.bidirectional,
                           .dropout = o.dropout };
    if (!choose(where, &asked, o.nonlinearity)) return NULL;
    return tgi_rnn_new(where, "tg_rnn", forward, asked, o.dtype);
}

tg_rnn_output tg_rnn_forward_at(const char *where, tg_rnn *m, tg_tensor *x, tg_tensor *h0)
{
    const tgi_rnn_output out =
        tgi_rnn_forward(where, &tgi_tanh_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ .h = h0 });
    return (tg_rnn_output){ out.output, out.h_n };
}
