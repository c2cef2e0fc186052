/* lstm.c: LSTM and LSTMCell: one step of the cell, and its structs. rnn.c has what all recurrent modules share. */
#include "lstm.h"

#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "rnn_impl.h"

static tgi_rnn_state step(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    tg_tensor *gates = tg_add(x_gates, tg_linear(s.h, w->weight_hh, w->bias_hh));
    const tg_tensor_list part = tg_chunk(gates, 4, 1);
    tg_tensor *i = part.items[0], *f = part.items[1], *g = part.items[2], *o = part.items[3];
    tg_tensor *c = tg_add(tg_mul(tg_sigmoid(f), s.c), tg_mul(tg_sigmoid(i), tg_tanh(g)));
    tg_tensor *h = tg_mul(tg_sigmoid(o), tg_tanh(c));
    if (w->weight_hr) h = tg_linear(h, w->weight_hr, NULL);
    return (tgi_rnn_state){ h, c };
}

static const tgi_rnn_kind kind = {
    .op = { .name = "LSTM" }, .cell_op = { .name = "LSTMCell" }, .gates = 4, .states = 2, .step = step
};

/* ---- LSTMCell ---- */

static tgi_rnn describe_cell(tg_module *module)
{
    tg_lstm_cell *m = (tg_lstm_cell *)module;
    return (tgi_rnn){ .kind = &kind,
                      .cell = true,
                      .input_size = m->input_size,
                      .hidden_size = m->hidden_size,
                      .num_layers = 1,
                      .bias = m->bias,
                      .weights = &m->weights };
}

static int cell_repr(tg_module *m, char *buffer, size_t size)
{
    const tgi_rnn r = describe_cell(m);
    return tgi_rnn_repr(&r, buffer, size);
}

tg_lstm_cell *tg_lstm_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size,
                                  tg_lstm_cell_options options)
{
    tg_lstm_cell asked = { .input_size = input_size, .hidden_size = hidden_size, .bias = options.bias };
    const tgi_rnn r = describe_cell(&asked.base);
    if (!tgi_rnn_options_ok(where, &r)) return NULL;
    tg_lstm_cell *m = TGI_MODULE_NEW(where, tg_lstm_cell, .name = kind.cell_op.name, .extra_repr = cell_repr);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    m->bias = options.bias;
    tgi_rnn_cell_weights_new(&m->base, &m->weights, &r, options.dtype);
    return m;
}

tg_lstm_state tg_lstm_cell_forward_at(const char *where, tg_lstm_cell *m, tg_tensor *x, tg_lstm_state state)
{
    const tgi_rnn_state given = { state.h, state.c };
    if (!tgi_rnn_begin(where, m ? &m->base : NULL, &kind.cell_op, kind.states, x, given))
        return (tg_lstm_state){ NULL, NULL };
    const tgi_rnn r = describe_cell(&m->base);
    const tgi_rnn_state s = tgi_rnn_cell_forward(&r, x, given);
    return (tg_lstm_state){ s.h, s.c };
}

/* ---- LSTM ---- */

static tgi_rnn describe(const tg_module *module)
{
    const tg_lstm *m = (const tg_lstm *)module;
    const tg_lstm_options *o = &m->options;
    return (tgi_rnn){ .kind = &kind,
                      .training = module->training,
                      .input_size = m->input_size,
                      .hidden_size = m->hidden_size,
                      .num_layers = o->num_layers,
                      .proj_size = o->proj_size,
                      .bias = o->bias,
                      .batch_first = o->batch_first,
                      .bidirectional = o->bidirectional,
                      .dropout = o->dropout,
                      .weights = m->weights };
}

static int lstm_repr(tg_module *m, char *buffer, size_t size)
{
    const tgi_rnn r = describe(m);
    return tgi_rnn_repr(&r, buffer, size);
}

static void lstm_free(tg_module *m)
{
    const tgi_rnn r = describe(m);
    tgi_rnn_weights_free(&r);
}

static tg_status lstm_copy(tg_module *copy, const tg_module *original)
{
    const tgi_rnn r = describe(original);
    tg_lstm *m = (tg_lstm *)copy;
    m->weights = tgi_rnn_weights_copy(copy, &r);
    return m->weights ? TG_OK : TG_FAILED;
}

static tg_tensor *lstm_forward(tg_module *m, tg_tensor *x) { return tg_lstm_forward((tg_lstm *)m, x).output; }

tg_lstm *tg_lstm_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_lstm_options options)
{
    const tg_lstm asked = { .input_size = input_size, .hidden_size = hidden_size, .options = options };
    const tgi_rnn r = describe(&asked.base);
    if (!tgi_rnn_options_ok(where, &r)) return NULL;
    tg_lstm *m = TGI_MODULE_NEW(where, tg_lstm, .name = kind.op.name, .forward = lstm_forward, .extra_repr = lstm_repr,
                                .free = lstm_free, .copy = lstm_copy);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    TGI_SET_OPTIONS(m->options, options);
    m->weights = tgi_rnn_weights_new(&m->base, &r, options.dtype);
    if (m->weights) return m;
    tg_module_free(m);
    return NULL;
}

tg_lstm_output tg_lstm_forward_at(const char *where, tg_lstm *m, tg_tensor *x, tg_lstm_state state)
{
    const tgi_rnn_state given = { state.h, state.c };
    if (!tgi_rnn_begin(where, m ? &m->base : NULL, &kind.op, kind.states, x, given))
        return (tg_lstm_output){ NULL, NULL, NULL };
    const tgi_rnn r = describe(&m->base);
    const tgi_rnn_output out = tgi_rnn_forward(&r, x, given);
    return (tg_lstm_output){ out.output, out.h_n, out.c_n };
}
