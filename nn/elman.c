/* elman.c: RNN and RNNCell: one step of the cell, and its structs. rnn.c has what all recurrent modules share. */
#include "elman.h"

#include "core/error.h"
#include "ops/activation.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "rnn_impl.h"

#include <string.h>

static tg_tensor *sum(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    return tg_add(x_gates, tg_linear(s.h, w->weight_hh, w->bias_hh));
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
static const tgi_rnn_kind kind_tanh = KIND(step_tanh), kind_relu = KIND(step_relu);

static bool is_relu(const char *nonlinearity) { return strcmp(nonlinearity, "relu") == 0; }
static const tgi_rnn_kind *kind_of(const char *nonlinearity) { return is_relu(nonlinearity) ? &kind_relu : &kind_tanh; }

/* The name as a text that lives on, or NULL with an error. */
static const char *known(const char *where, const char *name, const char *nonlinearity)
{
    if (nonlinearity && is_relu(nonlinearity)) return "relu";
    if (nonlinearity && strcmp(nonlinearity, "tanh") == 0) return "tanh";
    tg_fail_at(where, TG_ERROR_VALUE, name, "Unknown nonlinearity '%s'", nonlinearity ? nonlinearity : "NULL");
    return NULL;
}

/* ---- RNNCell ---- */

static tgi_rnn describe_cell(tg_module *module)
{
    tg_rnn_cell *m = (tg_rnn_cell *)module;
    return (tgi_rnn){ .kind = kind_of(m->nonlinearity),
                      .cell = true,
                      .input_size = m->input_size,
                      .hidden_size = m->hidden_size,
                      .num_layers = 1,
                      .bias = m->bias,
                      .nonlinearity = is_relu(m->nonlinearity) ? m->nonlinearity : NULL,
                      .weights = &m->weights };
}

static int cell_repr(tg_module *m, char *buffer, size_t size)
{
    const tgi_rnn r = describe_cell(m);
    return tgi_rnn_repr(&r, buffer, size);
}

static tg_tensor *cell_forward(tg_module *m, tg_tensor *x) { return tg_rnn_cell_forward((tg_rnn_cell *)m, x); }

tg_rnn_cell *tg_rnn_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_rnn_cell_options options)
{
    const char *nonlinearity = known(where, "RNNCell", options.nonlinearity);
    if (!nonlinearity) return NULL;
    tg_rnn_cell asked = { .input_size = input_size,
                          .hidden_size = hidden_size,
                          .bias = options.bias,
                          .nonlinearity = nonlinearity };
    const tgi_rnn r = describe_cell(&asked.base);
    if (!tgi_rnn_options_ok(where, &r)) return NULL;
    tg_rnn_cell *m =
        TGI_MODULE_NEW(where, tg_rnn_cell, .name = "RNNCell", .forward = cell_forward, .extra_repr = cell_repr);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    m->bias = options.bias;
    m->nonlinearity = nonlinearity;
    tgi_rnn_cell_weights_new(&m->base, &m->weights, &r, options.dtype);
    return m;
}

tg_tensor *tg_rnn_cell_forward_at(const char *where, tg_rnn_cell *m, tg_tensor *x, tg_tensor *h)
{
    const tgi_rnn_state given = { .h = h };
    if (!tgi_rnn_begin(where, m ? &m->base : NULL, &kind_tanh.cell_op, kind_tanh.states, x, given)) return NULL;
    const tgi_rnn r = describe_cell(&m->base);
    return tgi_rnn_cell_forward(&r, x, given).h;
}

/* ---- RNN ---- */

static tgi_rnn describe(const tg_module *module)
{
    const tg_rnn *m = (const tg_rnn *)module;
    const tg_rnn_options *o = &m->options;
    return (tgi_rnn){ .kind = kind_of(o->nonlinearity),
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

static int rnn_repr(tg_module *m, char *buffer, size_t size)
{
    const tgi_rnn r = describe(m);
    return tgi_rnn_repr(&r, buffer, size);
}

static void rnn_free(tg_module *m)
{
    const tgi_rnn r = describe(m);
    tgi_rnn_weights_free(&r);
}

static tg_status rnn_copy(tg_module *copy, const tg_module *original)
{
    const tgi_rnn r = describe(original);
    tg_rnn *m = (tg_rnn *)copy;
    m->weights = tgi_rnn_weights_copy(copy, &r);
    return m->weights ? TG_OK : TG_FAILED;
}

static tg_tensor *rnn_forward(tg_module *m, tg_tensor *x) { return tg_rnn_forward((tg_rnn *)m, x).output; }

tg_rnn *tg_rnn_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_rnn_options options)
{
    options.nonlinearity = known(where, "RNN", options.nonlinearity);
    if (!options.nonlinearity) return NULL;
    const tg_rnn asked = { .input_size = input_size, .hidden_size = hidden_size, .options = options };
    const tgi_rnn r = describe(&asked.base);
    if (!tgi_rnn_options_ok(where, &r)) return NULL;
    tg_rnn *m = TGI_MODULE_NEW(where, tg_rnn, .name = "RNN", .forward = rnn_forward, .extra_repr = rnn_repr,
                               .free = rnn_free, .copy = rnn_copy);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    TGI_SET_OPTIONS(m->options, options);
    m->weights = tgi_rnn_weights_new(&m->base, &r, options.dtype);
    if (m->weights) return m;
    tg_module_free(m);
    return NULL;
}

tg_rnn_output tg_rnn_forward_at(const char *where, tg_rnn *m, tg_tensor *x, tg_tensor *h0)
{
    const tgi_rnn_state given = { .h = h0 };
    if (!tgi_rnn_begin(where, m ? &m->base : NULL, &kind_tanh.op, kind_tanh.states, x, given))
        return (tg_rnn_output){ NULL, NULL };
    const tgi_rnn r = describe(&m->base);
    const tgi_rnn_output out = tgi_rnn_forward(&r, x, given);
    return (tg_rnn_output){ out.output, out.h_n };
}
