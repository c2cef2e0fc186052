/* rnn.c: LSTM and LSTMCell, written in ops: no gradient stands here.
 *
 * Built for training on whole sequences: the input's share of the gates is one product over all steps and samples, the
 * steps take views of it, and what a step needs no more dies with the step's scope. Inside, time is the first dimension
 * whatever the caller's layout, so that a step's numbers lie together, as do their gradients. Sums are in PyTorch's
 * order: (x W_ihT + b_ih) + (h W_hhT + b_hh). */
#include "rnn.h"

#include "../core/error.h"
#include "../core/scope.h"
#include "../core/thread.h"
#include "../ops/join.h"
#include "../ops/matmul.h"
#include "../ops/pointwise.h"
#include "../ops/view.h"
#include "dropout.h"
#include "init.h"
#include "module_impl.h"

#include <math.h>
#include <stdarg.h>

/* ---- weights ---- */

typedef struct sizes {
    int64_t input, hidden, projection; /* projection 0: none */
    bool bias;
    tg_dtype dtype;
} sizes;

static tg_tensor *new_weight(tg_module *m, const char *name, const char *suffix, tg_shape shape, tg_dtype dtype)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    return tg_register_parameter(m, full, tg_empty(shape, .dtype = dtype));
}

static void new_weights(tg_module *m, tg_lstm_weights *w, const char *suffix, const sizes *s)
{
    const int64_t gates = 4 * s->hidden, state = s->projection ? s->projection : s->hidden;
    w->weight_ih = new_weight(m, "weight_ih", suffix, tg_shape(gates, s->input), s->dtype);
    w->weight_hh = new_weight(m, "weight_hh", suffix, tg_shape(gates, state), s->dtype);
    if (s->bias) {
        w->bias_ih = new_weight(m, "bias_ih", suffix, tg_shape(gates), s->dtype);
        w->bias_hh = new_weight(m, "bias_hh", suffix, tg_shape(gates), s->dtype);
    }
    if (s->projection) w->weight_hr = new_weight(m, "weight_hr", suffix, tg_shape(s->projection, s->hidden), s->dtype);
}

/* Every weight and bias from U(-1/sqrt(hidden), 1/sqrt(hidden)), in the order they were registered. */
static void draw_weights(tg_module *m, int64_t hidden)
{
    const double bound = 1 / sqrt((double)hidden);
    const tg_tensor_list all = tg_parameters(m);
    for (int64_t i = 0; i < all.count; i++) tg_init_uniform_(all.items[i], -bound, bound);
}

/* ---- one step ---- */

/* `x_gates` is x W_ihT + b_ih of this step, [N, 4 hidden]. */
static tg_lstm_state step(const tg_lstm_weights *w, tg_tensor *x_gates, tg_lstm_state s)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *gates = tg_add(x_gates, tg_linear(s.h, w->weight_hh, w->bias_hh));
    const tg_tensor_list part = tg_chunk(gates, 4, 1);
    tg_tensor *i = part.items[0], *f = part.items[1], *g = part.items[2], *o = part.items[3];
    tg_tensor *c = tg_add(tg_mul(tg_sigmoid(f), s.c), tg_mul(tg_sigmoid(i), tg_tanh(g)));
    tg_tensor *h = tg_mul(tg_sigmoid(o), tg_tanh(c));
    if (w->weight_hr) h = tg_linear(h, w->weight_hr, NULL);
    tg_scope_end_with(scope, &h, &c);
    return (tg_lstm_state){ h, c };
}

static const tg_lstm_state no_state = { NULL, NULL };

/* Opens a forward. With half a state, a freed one or one that failed to be made there is an error, and false. */
static bool begin(const char *where, const tg_module *m, const tg_op *op, tg_tensor *x, tg_lstm_state state)
{
    const bool given = state.h || state.c;
    if (!tgi_module_ok(where, m, op->name)) return false;
    if (!tgi_handle_or_null(op->name, state.h) || !tgi_handle_or_null(op->name, state.c)) return false;
    if (!tgi_forward_begin(where, m, op, given ? tg_list(x, state.h, state.c) : tg_list(x))) return false;
    return given || tg_optional_ok(NULL);
}

/* ---- LSTMCell ---- */

static int cell_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_lstm_cell *m = (const tg_lstm_cell *)module;
    return snprintf(buffer, size, "%lld, %lld%s", (long long)m->input_size, (long long)m->hidden_size,
                    m->bias ? "" : ", bias=False");
}

/* The gates are four times as many, and there may be two directions. */
static bool hidden_size_ok(const char *where, const char *name, int64_t hidden_size)
{
    const bool fits = hidden_size <= INT64_MAX / 16;
    if (hidden_size > 0 && fits) return true;
    if (fits)
        tg_fail_at(where, TG_ERROR_VALUE, name, "hidden_size must be greater than zero");
    else
        tg_fail_at(where, TG_ERROR_VALUE, name, "hidden_size %lld is too large", (long long)hidden_size);
    return false;
}

tg_lstm_cell *tg_lstm_cell_new_at(const char *where, int64_t input_size, int64_t hidden_size,
                                  tg_lstm_cell_options options)
{
    if (!hidden_size_ok(where, "LSTMCell", hidden_size)) return NULL;
    tg_lstm_cell *m = TGI_MODULE_NEW(where, tg_lstm_cell, .name = "LSTMCell", .extra_repr = cell_repr);
    if (!m) return NULL;
    const sizes s = { input_size, hidden_size, 0, options.bias, options.dtype };
    tg_scope scope = tg_scope_begin();
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    m->bias = options.bias;
    new_weights(&m->base, &m->weights, "", &s);
    draw_weights(&m->base, hidden_size);
    tg_scope_end(scope);
    return m;
}

/* `t`, h or c, is [N, hidden]. */
static bool cell_state_ok(const tg_lstm_cell *m, const tg_op *op, tg_tensor *x, tg_tensor *t, int number)
{
    if (t->ndim != 2)
        tg_op_fail(op, tg_list(x, t), "Expected hidden%d to be %d-D but received %d-D tensor", number, 2, t->ndim);
    else if (t->dims[0] != x->dims[0])
        tg_op_fail(op, tg_list(x, t), "Input batch size %lld doesn't match hidden%d batch size %lld",
                   (long long)x->dims[0], number, (long long)t->dims[0]);
    else if (t->dims[1] != m->hidden_size)
        tg_op_fail(op, tg_list(x, t), "hidden%d has inconsistent hidden_size: got %lld, expected %lld", number,
                   (long long)t->dims[1], (long long)m->hidden_size);
    else
        return true;
    return false;
}

static tg_lstm_state cell_batched(tg_lstm_cell *m, const tg_op *op, tg_tensor *x, tg_lstm_state s)
{
    if (x->dims[1] != m->input_size) {
        tg_op_fail(op, tg_list(x), "input has inconsistent input_size: got %lld expected %lld", (long long)x->dims[1],
                   (long long)m->input_size);
        return no_state;
    }
    if (!s.h) s.h = s.c = tg_zeros(tg_shape(x->dims[0], m->hidden_size), .dtype = tg_dtype_of(x));
    if (!s.h || !cell_state_ok(m, op, x, s.h, 0) || !cell_state_ok(m, op, x, s.c, 1)) return no_state;
    return step(&m->weights, tg_linear(x, m->weights.weight_ih, m->weights.bias_ih), s);
}

tg_lstm_state tg_lstm_cell_forward_at(const char *where, tg_lstm_cell *m, tg_tensor *x, tg_lstm_state state)
{
    static const tg_op op = { .name = "LSTMCell" };
    if (!begin(where, m ? &m->base : NULL, &op, x, state)) return no_state;
    if (x->ndim != 1 && x->ndim != 2) {
        tg_op_fail(&op, tg_list(x), "Expected input to be 1-D or 2-D but received %d-D tensor", x->ndim);
        return no_state;
    }
    const bool seen = tgi_set_seen(false);
    tg_scope scope = tg_scope_begin();
    const bool batched = x->ndim == 2, given = state.h;
    if (!batched) x = tg_unsqueeze(x, 0);
    if (!batched && given) state = (tg_lstm_state){ tg_unsqueeze(state.h, 0), tg_unsqueeze(state.c, 0) };
    const bool ready = x && (!given || (state.h && state.c));
    tg_lstm_state s = ready ? cell_batched(m, &op, x, state) : no_state;
    if (!batched) s = (tg_lstm_state){ tg_squeeze(s.h, 0), tg_squeeze(s.c, 0) };
    tg_scope_end_with(scope, &s.h, &s.c);
    tgi_set_seen(seen);
    return s;
}

/* ---- LSTM: making ---- */

static int directions(const tg_lstm *m) { return m->options.bidirectional ? 2 : 1; }
static int64_t state_size(const tg_lstm *m) { return m->options.proj_size ? m->options.proj_size : m->hidden_size; }

static size_t weights_bytes(const tg_lstm *m)
{
    return (size_t)(m->options.num_layers * directions(m)) * sizeof(tg_lstm_weights);
}

static void lstm_free(tg_module *module)
{
    tg_lstm *m = (tg_lstm *)module;
    tgi_free(m->weights, weights_bytes(m));
}

/* The copy's own array of its weights, which are registered in the order of the fields. */
static tg_status lstm_copy(tg_module *module, const tg_module *original)
{
    tg_lstm *m = (tg_lstm *)module;
    const tg_lstm_weights *from = ((const tg_lstm *)original)->weights;
    tg_lstm_weights *weights = tgi_calloc(weights_bytes(m));
    if (!weights) return TG_FAILED;
    const tgi_slot *slot = module->first;
    for (int64_t i = 0; i < m->options.num_layers * directions(m); i++) {
        tg_tensor *const had[] = { from[i].weight_ih, from[i].weight_hh, from[i].bias_ih, from[i].bias_hh,
                                   from[i].weight_hr };
        tg_tensor **gets[] = { &weights[i].weight_ih, &weights[i].weight_hh, &weights[i].bias_ih, &weights[i].bias_hh,
                               &weights[i].weight_hr };
        for (size_t k = 0; k < sizeof had / sizeof *had && slot; k++) {
            if (!had[k]) continue;
            *gets[k] = slot->as.tensor;
            slot = slot->next;
        }
    }
    m->weights = weights;
    return TG_OK;
}

static tg_tensor *lstm_forward(tg_module *m, tg_tensor *x) { return tg_lstm_forward((tg_lstm *)m, x).output; }

/* snprintf after the `*used` characters that are there already. */
TG_PRINTF(4, 5) static void append(char *buffer, size_t size, int *used, const char *format, ...)
{
    const size_t at = (size_t)*used < size ? (size_t)*used : size;
    va_list args;
    va_start(args, format);
    *used += vsnprintf(at < size ? buffer + at : NULL, size - at, format, args);
    va_end(args);
}

static int lstm_repr(tg_module *module, char *buffer, size_t size)
{
    const tg_lstm *m = (const tg_lstm *)module;
    const tg_lstm_options *o = &m->options;
    char text[TGI_REAL_TEXT];
    int used = 0;
    append(buffer, size, &used, "%lld, %lld", (long long)m->input_size, (long long)m->hidden_size);
    if (o->proj_size) append(buffer, size, &used, ", proj_size=%lld", (long long)o->proj_size);
    if (o->num_layers != 1) append(buffer, size, &used, ", num_layers=%lld", (long long)o->num_layers);
    if (!o->bias) append(buffer, size, &used, ", bias=False");
    if (o->batch_first) append(buffer, size, &used, ", batch_first=True");
    if (o->dropout != 0) append(buffer, size, &used, ", dropout=%s", tgi_real_text(o->dropout, text));
    if (o->bidirectional) append(buffer, size, &used, ", bidirectional=True");
    return used;
}

static bool options_ok(const char *where, int64_t hidden_size, const tg_lstm_options *o)
{
    enum { MOST_LAYERS = 1 << 20 };
    const char *problem = NULL;
    if (!hidden_size_ok(where, "LSTM", hidden_size)) return false;
    if (o->num_layers <= 0) problem = "num_layers must be greater than zero";
    if (o->num_layers > MOST_LAYERS) problem = "num_layers is absurdly large";
    if (!(o->dropout >= 0 && o->dropout <= 1))
        problem = "dropout should be a number in range [0, 1] representing the probability of an element being zeroed";
    if (o->proj_size < 0) problem = "proj_size should be a positive integer or zero to disable projections";
    if (o->proj_size >= hidden_size) problem = "proj_size has to be smaller than hidden_size";
    if (problem) tg_fail_at(where, TG_ERROR_VALUE, "LSTM", "%s", problem);
    if (!problem && o->dropout > 0 && o->num_layers == 1) {
        char text[TGI_REAL_TEXT];
        tg_warn_at(
            where,
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            "greater than 1, but got dropout=%s and num_layers=1",
            tgi_real_text(o->dropout, text));
    }
    return !problem;
}

static void new_lstm_weights(tg_lstm *m)
{
    const tg_lstm_options *o = &m->options;
    const int count = directions(m);
    for (int64_t layer = 0; layer < o->num_layers; layer++) {
        const int64_t input = layer == 0 ? m->input_size : state_size(m) * count;
        const sizes s = { input, m->hidden_size, o->proj_size, o->bias, o->dtype };
        for (int d = 0; d < count; d++) {
            char suffix[40];
            snprintf(suffix, sizeof suffix, "_l%lld%s", (long long)layer, d ? "_reverse" : "");
            new_weights(&m->base, &m->weights[layer * count + d], suffix, &s);
        }
    }
}

tg_lstm *tg_lstm_new_at(const char *where, int64_t input_size, int64_t hidden_size, tg_lstm_options options)
{
    if (!options_ok(where, hidden_size, &options)) return NULL;
    tg_lstm *m = TGI_MODULE_NEW(where, tg_lstm, .name = "LSTM", .forward = lstm_forward, .extra_repr = lstm_repr,
                                .free = lstm_free, .copy = lstm_copy);
    if (!m) return NULL;
    m->input_size = input_size;
    m->hidden_size = hidden_size;
    TGI_SET_OPTIONS(m->options, options);
    m->weights = tgi_calloc(weights_bytes(m));
    if (!m->weights) {
        tg_module_free(m);
        return NULL;
    }
    tg_scope scope = tg_scope_begin();
    new_lstm_weights(m);
    draw_weights(&m->base, hidden_size);
    tg_scope_end(scope);
    return m;
}

/* ---- LSTM: forward ---- */

/* One layer in one direction over all steps. `h` and `c` are the state before, and become the state after. */
static tg_tensor *run(const tg_lstm_weights *w, tg_tensor *x, bool reverse, tg_tensor **h, tg_tensor **c)
{
    const tg_tensor_list gates = tg_unbind(tg_linear(x, w->weight_ih, w->bias_ih), 0);
    tg_tensor **output = gates.count ? tg_list_new(gates.count) : NULL;
    if (!output) return NULL;
    for (int64_t i = 0; i < gates.count; i++) {
        const int64_t t = reverse ? gates.count - 1 - i : i;
        const tg_lstm_state s = step(w, gates.items[t], (tg_lstm_state){ *h, *c });
        *h = output[t] = s.h;
        *c = s.c;
    }
    return tg_stack_at(NULL, (tg_tensor_list){ output, gates.count }, 0);
}

/* One layer in all its directions, whose part of the states begins at `h` and `c`. */
static tg_tensor *run_layer(const tg_lstm *m, const tg_lstm_weights *w, tg_tensor *x, tg_tensor **h, tg_tensor **c)
{
    const int last = directions(m) - 1;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = run(w, x, false, h, c);
    if (last) y = tg_cat(tg_list(y, run(w + 1, x, true, h + 1, c + 1)), 2);
    tg_scope_end_with(scope, &y, h, c, h + last, c + last);
    return y;
}

static tg_tensor *drop_between(const tg_lstm *m, tg_tensor *x)
{
    return m->base.training && m->options.dropout != 0 ? tg_dropout(x, .p = m->options.dropout) : x;
}

static bool input_ok(const tg_lstm *m, const tg_op *op, tg_tensor *x, int time)
{
    if (x->dims[2] != m->input_size)
        tg_op_fail(op, tg_list(x), "input.size(-1) must be equal to input_size. Expected %lld, got %lld",
                   (long long)m->input_size, (long long)x->dims[2]);
    else if (x->dims[time] == 0)
        tg_op_fail(op, tg_list(x), "Expected sequence length to be larger than 0 in RNN");
    else
        return true;
    return false;
}

static bool state_ok(const tg_lstm *m, const tg_op *op, tg_tensor *t, int64_t batch, int64_t size, int number)
{
    const tg_shape want = tg_shape(m->options.num_layers * directions(m), batch, size), got = tgi_shape(t);
    if (tg_shape_equal(&want, &got)) return true;
    char text[TG_SHAPE_TEXT];
    tg_op_fail(op, tg_list(t), "Expected hidden[%d] size (%lld, %lld, %lld), got %s", number, (long long)want.dims[0],
               (long long)batch, (long long)size, tg_shape_text(&got, text));
    return false;
}

/* The state of each layer and direction, in a list of its own that the layers will write. */
static tg_tensor **states(const tg_lstm *m, tg_tensor *x, tg_tensor *given, int64_t batch, int64_t size)
{
    const int64_t count = m->options.num_layers * directions(m);
    tg_tensor **list = tg_list_new(count);
    if (!list) return NULL;
    tg_tensor *zeros = given ? NULL : tg_zeros(tg_shape(batch, size), .dtype = tg_dtype_of(x));
    const tg_tensor_list parts = given ? tg_unbind(given, 0) : TG_NONE;
    for (int64_t i = 0; i < count; i++) list[i] = i < parts.count ? parts.items[i] : zeros;
    return list;
}

/* x and the state have their batch dimension. */
static tg_lstm_output run_layers(const tg_lstm *m, const tg_op *op, tg_tensor *x, tg_lstm_state state)
{
    const tg_lstm_output nothing = { NULL, NULL, NULL };
    const int time = m->options.batch_first ? 1 : 0, count = directions(m);
    const int64_t batch = x->dims[1 - time], layers = m->options.num_layers;
    if (!input_ok(m, op, x, time)) return nothing;
    if (state.h && !state_ok(m, op, state.h, batch, state_size(m), 0)) return nothing;
    if (state.c && !state_ok(m, op, state.c, batch, m->hidden_size, 1)) return nothing;
    tg_tensor **h = states(m, x, state.h, batch, state_size(m));
    tg_tensor **c = states(m, x, state.c, batch, m->hidden_size);
    if (!h || !c) return nothing;
    if (time) x = tg_contiguous(tg_transpose(x, 0, 1));
    for (int64_t layer = 0; layer < layers; layer++) {
        const int64_t first = layer * count;
        x = run_layer(m, m->weights + first, x, h + first, c + first);
        if (layer + 1 < layers) x = drop_between(m, x);
    }
    if (time) x = tg_transpose(x, 0, 1);
    return (tg_lstm_output){ x, tg_stack_at(NULL, (tg_tensor_list){ h, layers * count }, 0),
                             tg_stack_at(NULL, (tg_tensor_list){ c, layers * count }, 0) };
}

/* A state has as many dimensions as x. */
static bool dims_ok(const tg_op *op, tg_tensor *x, tg_lstm_state s)
{
    if (x->ndim != 2 && x->ndim != 3)
        tg_op_fail(op, tg_list(x), "Expected input to be 2-D or 3-D but received %d-D tensor", x->ndim);
    else if (s.h && (s.h->ndim != x->ndim || s.c->ndim != x->ndim))
        tg_op_fail(op, tg_list(x, s.h, s.c),
                   "For %s %d-D input, hx and cx should also be %d-D but got (%d-D, %d-D) tensors",
                   x->ndim == 3 ? "batched" : "unbatched", x->ndim, x->ndim, s.h->ndim, s.c->ndim);
    else
        return true;
    return false;
}

/* A batch of one around x and the state, and away again from the results. */
static tg_lstm_output run_unbatched(const tg_lstm *m, const tg_op *op, tg_tensor *x, tg_lstm_state s)
{
    const int batch = m->options.batch_first ? 0 : 1;
    const bool given = s.h;
    x = tg_unsqueeze(x, batch);
    if (given) s = (tg_lstm_state){ tg_unsqueeze(s.h, 1), tg_unsqueeze(s.c, 1) };
    if (!x || (given && !(s.h && s.c))) return (tg_lstm_output){ NULL, NULL, NULL };
    const tg_lstm_output out = run_layers(m, op, x, s);
    return (tg_lstm_output){ tg_squeeze(out.output, batch), tg_squeeze(out.h_n, 1), tg_squeeze(out.c_n, 1) };
}

tg_lstm_output tg_lstm_forward_at(const char *where, tg_lstm *m, tg_tensor *x, tg_lstm_state state)
{
    static const tg_op op = { .name = "LSTM" };
    tg_lstm_output out = { NULL, NULL, NULL };
    if (!begin(where, m ? &m->base : NULL, &op, x, state) || !dims_ok(&op, x, state)) return out;
    const bool seen = tgi_set_seen(false);
    tg_scope scope = tg_scope_begin();
    out = x->ndim == 3 ? run_layers(m, &op, x, state) : run_unbatched(m, &op, x, state);
    tg_scope_end_with(scope, &out.output, &out.h_n, &out.c_n);
    tgi_set_seen(seen);
    return out;
}
