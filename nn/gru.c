/* gru.c: GRU and GRUCell: one step of the cell, and its structs. rnn.c has what all recurrent modules share. */
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

static const tgi_rnn_kind kind = {
    .op = { .name = "GRU" }, .cell_op = { .name = "GRUCell" }, .gates = 3, .states = 1, .step = step
};

/* ---- GRUCell ---- */

static tgi_rnn describe_cell(tg_module *module)
{
    tg_gru_cell *m = (tg_gru_cell *)module;
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

static tg_tensor *cell_forward(tg_module *m, tg_tensor *x) { return tg_gru_cell_forward((tg_gru_cell *)m, x); }

tg_gru_cell *tg_gru_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_gru_cell_options options)
{
    tg_gru_cell asked = { .input_size = input_size, .hidden_size = hidden_size, .bias = options.bias };
    const tgi_rnn r = describe_cell(&asked.base);
    if (!tgi_rnn_options_ok(where, &r)) return NULL;
    tg_gru_cell *m =
        TGI_MODULE_NEW(where, tg_gru_cell, .name = kind.cell_op.name, .forward = cell_forward, .extra_repr = cell_repr);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    m->bias = options.bias;
    tgi_rnn_cell_weights_new(&m->base, &m->weights, &r, options.dtype);
    return m;
}

tg_tensor *tg_gru_cell_forward_at(const char *where, tg_gru_cell *m, tg_tensor *x, tg_tensor *h)
{
    const tgi_rnn_state given = { .h = h };
    if (!tgi_rnn_begin(where, m ? &m->base : NULL, &kind.cell_op, kind.states, x, given)) return NULL;
    const tgi_rnn r = describe_cell(&m->base);
    return tgi_rnn_cell_forward(&r, x, given).h;
}

/* ---- GRU ---- */

static tgi_rnn describe(const tg_module *module)
{
    const tg_gru *m = (const tg_gru *)module;
    const tg_gru_options *o = &m->options;
    return (tgi_rnn){ .kind = &kind,
                      .training = module->training,
                      .input_size = m->input_size,
                      .hidden_size = m->hidden_size,
                      .num_layers = o->num_layers,
                      .bias = o->bias,
                      .batch_first = o->batch_first,
                      .bidirectional = o->bidirectional,
                      .dropout = o->dropout,
                      .weights = m->weights };
}

static int gru_repr(tg_module *m, char *buffer, size_t size)
{
    const tgi_rnn r = describe(m);
    return tgi_rnn_repr(&r, buffer, size);
}

static void gru_free(tg_module *m)
{
    const tgi_rnn r = describe(m);
    tgi_rnn_weights_free(&r);
}

static tg_status gru_copy(tg_module *copy, const tg_module *original)
{
    const tgi_rnn r = describe(original);
    tg_gru *m = (tg_gru *)copy;
    m->weights = tgi_rnn_weights_copy(copy, &r);
    return m->weights ? TG_OK : TG_FAILED;
}

static tg_tensor *gru_forward(tg_module *m, tg_tensor *x) { return tg_gru_forward((tg_gru *)m, x).output; }

tg_gru *tg_gru_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_gru_options options)
{
    const tg_gru asked = { .input_size = input_size, .hidden_size = hidden_size, .options = options };
    const tgi_rnn r = describe(&asked.base);
    if (!tgi_rnn_options_ok(where, &r)) return NULL;
    tg_gru *m = TGI_MODULE_NEW(where, tg_gru, .name = kind.op.name, .forward = gru_forward, .extra_repr = gru_repr,
                               .free = gru_free, .copy = gru_copy);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    TGI_SET_OPTIONS(m->options, options);
    m->weights = tgi_rnn_weights_new(&m->base, &r, options.dtype);
    if (m->weights) return m;
    tg_module_free(m);
    return NULL;
}

tg_gru_output tg_gru_forward_at(const char *where, tg_gru *m, tg_tensor *x, tg_tensor *h0)
{
    const tgi_rnn_state given = { .h = h0 };
    if (!tgi_rnn_begin(where, m ? &m->base : NULL, &kind.op, kind.states, x, given))
        return (tg_gru_output){ NULL, NULL };
    const tgi_rnn r = describe(&m->base);
    const tgi_rnn_output out = tgi_rnn_forward(&r, x, given);
    return (tg_gru_output){ out.output, out.h_n };
}
