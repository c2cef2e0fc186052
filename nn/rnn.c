/* rnn.c: what recurrent modules of every kind share, written in ops: no gradient stands here. lstm.c, gru.c and elman.c
 * have the steps of the cells.
 *
 * Built for training on whole sequences: the input's share of the gates is one product over all steps and samples, the
 * steps take views of it, and what a step needs no more dies with the step's scope. Inside, time is the first dimension
 * whatever the caller's layout, so that a step's numbers lie together, as do their gradients. Sums are in PyTorch's
 * order: (x W_ihT + b_ih) + (h W_hhT + b_hh). */
#include "rnn_impl.h"

#include "core/error.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/view.h"
#include "init.h"

#include <math.h>
#include <stdarg.h>

static const tgi_rnn_state no_state = { NULL, NULL };

static const tg_op *op_of(const tgi_rnn *r) { return r->cell ? &r->kind->cell_op : &r->kind->op; }
static int directions(const tgi_rnn *r) { return r->bidirectional ? 2 : 1; }
/* What h has; c has hidden_size. */
static int64_t state_size(const tgi_rnn *r) { return r->proj_size ? r->proj_size : r->hidden_size; }

/* ---- options ---- */

/* The gates are a few times as many, and there may be two directions. */
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

bool tgi_rnn_options_ok(const char *where, const tgi_rnn *r)
{
    enum { MOST_LAYERS = 1 << 20 };
    const char *problem = NULL, *name = op_of(r)->name;
    if (!hidden_size_ok(where, name, r->hidden_size)) return false;
    if (r->num_layers <= 0) problem = "num_layers must be greater than zero";
    if (r->num_layers > MOST_LAYERS) problem = "num_layers is absurdly large";
    if (!(r->dropout >= 0 && r->dropout <= 1))
        problem = "dropout should be a number in range [0, 1] representing the probability of an element being zeroed";
    if (r->proj_size < 0) problem = "proj_size should be a positive integer or zero to disable projections";
    if (r->proj_size >= r->hidden_size) problem = "proj_size has to be smaller than hidden_size";
    if (problem) tg_fail_at(where, TG_ERROR_VALUE, name, "%s", problem);
    if (!problem && r->dropout > 0 && r->num_layers == 1) {
        char text[TGI_REAL_TEXT];
        tg_warn_at(
            where,
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            "greater than 1, but got dropout=%s and num_layers=1",
            tgi_real_text(r->dropout, text));
    }
    return !problem;
}

/* snprintf after the `*used` characters that are there already. */
TG_PRINTF(4, 5) static void append(char *buffer, size_t size, int *used, const char *format, ...)
{
    const size_t at = (size_t)*used < size ? (size_t)*used : size;
    va_list args;
    va_start(args, format);
    *used += vsnprintf(at < size ? buffer + at : NULL, size - at, format, args);
    va_end(args);
}

int tgi_rnn_repr(const tgi_rnn *r, char *buffer, size_t size)
{
    char text[TGI_REAL_TEXT];
    int used = 0;
    append(buffer, size, &used, "%lld, %lld", (long long)r->input_size, (long long)r->hidden_size);
    if (r->proj_size) append(buffer, size, &used, ", proj_size=%lld", (long long)r->proj_size);
    if (r->num_layers != 1) append(buffer, size, &used, ", num_layers=%lld", (long long)r->num_layers);
    if (!r->bias) append(buffer, size, &used, ", bias=False");
    if (r->batch_first) append(buffer, size, &used, ", batch_first=True");
    if (r->dropout != 0) append(buffer, size, &used, ", dropout=%s", tgi_real_text(r->dropout, text));
    if (r->bidirectional) append(buffer, size, &used, ", bidirectional=True");
    if (r->nonlinearity) append(buffer, size, &used, ", nonlinearity=%s", r->nonlinearity);
    return used;
}

/* ---- weights ---- */

static tg_tensor *new_weight(tg_module *m, const char *name, const char *suffix, tg_shape shape, tg_dtype dtype)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    return tg_register_parameter(m, full, tg_empty(shape, .dtype = dtype));
}

static void new_weights(tg_module *m, tg_rnn_weights *w, const tgi_rnn *r, int64_t input, const char *suffix,
                        tg_dtype dtype)
{
    const int64_t gates = r->kind->gates * r->hidden_size;
    w->weight_ih = new_weight(m, "weight_ih", suffix, tg_shape(gates, input), dtype);
    w->weight_hh = new_weight(m, "weight_hh", suffix, tg_shape(gates, state_size(r)), dtype);
    if (r->bias) {
        w->bias_ih = new_weight(m, "bias_ih", suffix, tg_shape(gates), dtype);
        w->bias_hh = new_weight(m, "bias_hh", suffix, tg_shape(gates), dtype);
    }
    if (r->proj_size) w->weight_hr = new_weight(m, "weight_hr", suffix, tg_shape(r->proj_size, r->hidden_size), dtype);
}

/* Every weight and bias from U(-1/sqrt(hidden), 1/sqrt(hidden)), in the order they were registered. */
static void draw_weights(tg_module *m, int64_t hidden)
{
    const double bound = 1 / sqrt((double)hidden);
    const tg_tensor_list all = tg_parameters(m);
    for (int64_t i = 0; i < all.count; i++) tg_init_uniform_(all.items[i], -bound, bound);
}

void tgi_rnn_cell_weights_new(tg_module *m, tg_rnn_weights *w, const tgi_rnn *r, tg_dtype dtype)
{
    tg_scope scope = tg_scope_begin();
    new_weights(m, w, r, r->input_size, "", dtype);
    draw_weights(m, r->hidden_size);
    tg_scope_end(scope);
}

static size_t weights_bytes(const tgi_rnn *r)
{
    return (size_t)(r->num_layers * directions(r)) * sizeof(tg_rnn_weights);
}

tg_rnn_weights *tgi_rnn_weights_new(tg_module *m, const tgi_rnn *r, tg_dtype dtype)
{
    const int count = directions(r);
    tg_rnn_weights *weights = tgi_calloc(weights_bytes(r));
    if (!weights) return NULL;
    tg_scope scope = tg_scope_begin();
    for (int64_t layer = 0; layer < r->num_layers; layer++) {
        const int64_t input = layer == 0 ? r->input_size : state_size(r) * count;
        for (int d = 0; d < count; d++) {
            char suffix[40];
            snprintf(suffix, sizeof suffix, "_l%lld%s", (long long)layer, d ? "_reverse" : "");
            new_weights(m, &weights[layer * count + d], r, input, suffix, dtype);
        }
    }
    draw_weights(m, r->hidden_size);
    tg_scope_end(scope);
    return weights;
}

/* They are registered in the order of the fields. */
tg_rnn_weights *tgi_rnn_weights_copy(const tg_module *copy, const tgi_rnn *original)
{
    const tg_rnn_weights *from = original->weights;
    tg_rnn_weights *weights = tgi_calloc(weights_bytes(original));
    if (!weights) return NULL;
    const tgi_slot *slot = copy->first;
    for (int64_t i = 0; i < original->num_layers * directions(original); i++) {
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
    return weights;
}

void tgi_rnn_weights_free(const tgi_rnn *r) { tgi_free(r->weights, weights_bytes(r)); }

/* ---- forward: what modules and cells share ---- */

bool tgi_rnn_begin(const char *where, const tg_module *m, const tg_op *op, int states, tg_tensor *x,
                   tgi_rnn_state state)
{
    const bool given = state.h || state.c;
    tg_tensor *const inputs[] = { x, state.h, state.c };
    if (!tgi_module_ok(where, m, op->name)) return false;
    if (!tgi_handle_or_null(op->name, state.h) || !tgi_handle_or_null(op->name, state.c)) return false;
    if (!tgi_forward_begin(where, m, op, tg_list_of(inputs, given ? 1 + states : 1))) return false;
    return given || tg_optional_ok(NULL);
}

/* One step in a scope, so that what it needs no more dies with it. */
static tgi_rnn_state step(const tgi_rnn *r, const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s)
{
    tg_scope scope = tg_scope_begin();
    s = r->kind->step(w, x_gates, s);
    tg_scope_end_with(scope, &s.h, &s.c);
    return s;
}

/* Along `dim`; a state that is not there stays so. */
static tgi_rnn_state unsqueeze(tgi_rnn_state s, int dim)
{
    return (tgi_rnn_state){ s.h ? tg_unsqueeze(s.h, dim) : NULL, s.c ? tg_unsqueeze(s.c, dim) : NULL };
}

static tgi_rnn_state squeeze(tgi_rnn_state s, int dim)
{
    return (tgi_rnn_state){ tg_squeeze(s.h, dim), s.c ? tg_squeeze(s.c, dim) : NULL };
}

/* Whether all states of the kind are there. */
static bool complete(const tgi_rnn *r, tgi_rnn_state s) { return s.h && (s.c || r->kind->states == 1); }

/* ---- forward: a cell ---- */

/* `t`, h or c, is [N, hidden]. */
static bool cell_state_ok(const tgi_rnn *r, tg_tensor *x, tg_tensor *t, int number)
{
    if (t->ndim != 2)
        tg_op_fail(op_of(r), tg_list(x, t), "Expected hidden%d to be %d-D but received %d-D tensor", number, 2,
                   t->ndim);
    else if (t->dims[0] != x->dims[0])
        tg_op_fail(op_of(r), tg_list(x, t), "Input batch size %lld doesn't match hidden%d batch size %lld",
                   (long long)x->dims[0], number, (long long)t->dims[0]);
    else if (t->dims[1] != r->hidden_size)
        tg_op_fail(op_of(r), tg_list(x, t), "hidden%d has inconsistent hidden_size: got %lld, expected %lld", number,
                   (long long)t->dims[1], (long long)r->hidden_size);
    else
        return true;
    return false;
}

static tgi_rnn_state cell_batched(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state s)
{
    const bool two = r->kind->states == 2;
    if (x->dims[1] != r->input_size) {
        tg_op_fail(op_of(r), tg_list(x), "input has inconsistent input_size: got %lld expected %lld",
                   (long long)x->dims[1], (long long)r->input_size);
        return no_state;
    }
    if (!s.h) {
        s.h = tg_zeros(tg_shape(x->dims[0], r->hidden_size), .dtype = tg_dtype_of(x));
        if (two) s.c = s.h;
    }
    if (!s.h || !cell_state_ok(r, x, s.h, 0) || (two && !cell_state_ok(r, x, s.c, 1))) return no_state;
    return step(r, r->weights, tg_linear(x, r->weights->weight_ih, r->weights->bias_ih), s);
}

tgi_rnn_state tgi_rnn_cell_forward(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state state)
{
    if (x->ndim != 1 && x->ndim != 2) {
        tg_op_fail(op_of(r), tg_list(x), "Expected input to be 1-D or 2-D but received %d-D tensor", x->ndim);
        return no_state;
    }
    const bool seen = tgi_set_seen(false);
    tg_scope scope = tg_scope_begin();
    const bool batched = x->ndim == 2, given = state.h;
    if (!batched) {
        x = tg_unsqueeze(x, 0);
        state = unsqueeze(state, 0);
    }
    const bool ready = x && (!given || complete(r, state));
    tgi_rnn_state s = ready ? cell_batched(r, x, state) : no_state;
    if (!batched) s = squeeze(s, 0);
    tg_scope_end_with(scope, &s.h, &s.c);
    tgi_set_seen(seen);
    return s;
}

/* ---- forward: layers ---- */

/* The lists of h and c, one of each for each layer and direction. The c of a kind without are NULL. */
typedef struct state_lists {
    tg_tensor **h, **c;
} state_lists;

/* One layer in one direction over all steps. `h` and `c` are the state before, and become the state after. */
static tg_tensor *run(const tgi_rnn *r, const tg_rnn_weights *w, tg_tensor *x, bool reverse, tg_tensor **h,
                      tg_tensor **c)
{
    const tg_tensor_list gates = tg_unbind(tg_linear(x, w->weight_ih, w->bias_ih), 0);
    tg_tensor **output = gates.count ? tg_list_new(gates.count) : NULL;
    if (!output) return NULL;
    for (int64_t i = 0; i < gates.count; i++) {
        const int64_t t = reverse ? gates.count - 1 - i : i;
        const tgi_rnn_state s = step(r, w, gates.items[t], (tgi_rnn_state){ *h, *c });
        *h = output[t] = s.h;
        *c = s.c;
    }
    return tg_stack_at(NULL, (tg_tensor_list){ output, gates.count }, 0);
}

/* One layer in all its directions, whose weights and states begin at `first`. */
static tg_tensor *run_layer(const tgi_rnn *r, tg_tensor *x, const state_lists *states, int64_t first)
{
    const int last = directions(r) - 1;
    const tg_rnn_weights *w = r->weights + first;
    tg_tensor **h = states->h + first, **c = states->c + first;
    tg_scope scope = tg_scope_begin();
    tg_tensor *y = run(r, w, x, false, h, c);
    if (last) y = tg_cat(tg_list(y, run(r, w + 1, x, true, h + 1, c + 1)), 2);
    tg_scope_end_with(scope, &y, h, c, h + last, c + last);
    return y;
}

static bool input_ok(const tgi_rnn *r, tg_tensor *x, int time)
{
    if (x->dims[2] != r->input_size)
        tg_op_fail(op_of(r), tg_list(x), "input.size(-1) must be equal to input_size. Expected %lld, got %lld",
                   (long long)r->input_size, (long long)x->dims[2]);
    else if (x->dims[time] == 0)
        tg_op_fail(op_of(r), tg_list(x), "Expected sequence length to be larger than 0 in RNN");
    else
        return true;
    return false;
}

/* `t` is h, number 0, or c, number 1; NULL was left out. */
static bool state_ok(const tgi_rnn *r, tg_tensor *t, int64_t batch, int64_t size, int number)
{
    if (!t) return true;
    const tg_shape want = tg_shape(r->num_layers * directions(r), batch, size), got = tgi_shape(t);
    if (tg_shape_equal(&want, &got)) return true;
    char text[TG_SHAPE_TEXT], which[24] = "";
    if (r->kind->states > 1) snprintf(which, sizeof which, "[%d]", number);
    tg_op_fail(op_of(r), tg_list(t), "Expected hidden%s size (%lld, %lld, %lld), got %s", which,
               (long long)want.dims[0], (long long)batch, (long long)size, tg_shape_text(&got, text));
    return false;
}

/* A new list, which the layers will write, of a state of each layer and direction: zeros where none is given. */
static tg_tensor **states_of(const tgi_rnn *r, tg_tensor *x, tg_tensor *given, int64_t batch, int64_t size)
{
    const int64_t count = r->num_layers * directions(r);
    tg_tensor **list = tg_list_new(count);
    if (!list) return NULL;
    tg_tensor *zeros = given ? NULL : tg_zeros(tg_shape(batch, size), .dtype = tg_dtype_of(x));
    const tg_tensor_list parts = given ? tg_unbind(given, 0) : TG_NONE;
    for (int64_t i = 0; i < count; i++) list[i] = i < parts.count ? parts.items[i] : zeros;
    return list;
}

/* What takes the place of the c of a kind without. */
static tg_tensor **no_states(const tgi_rnn *r)
{
    const int64_t count = r->num_layers * directions(r);
    tg_tensor **list = tg_list_new(count);
    for (int64_t i = 0; list && i < count; i++) list[i] = NULL;
    return list;
}

/* x and the state have their batch dimension. */
static tgi_rnn_output run_layers(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state state)
{
    const tgi_rnn_output nothing = { NULL, NULL, NULL };
    const int time = r->batch_first ? 1 : 0, count = directions(r);
    const int64_t batch = x->dims[1 - time], all = r->num_layers * count;
    const bool has_c = r->kind->states > 1;
    if (!input_ok(r, x, time)) return nothing;
    if (!state_ok(r, state.h, batch, state_size(r), 0) || !state_ok(r, state.c, batch, r->hidden_size, 1))
        return nothing;
    state_lists states = { states_of(r, x, state.h, batch, state_size(r)), NULL };
    states.c = has_c ? states_of(r, x, state.c, batch, r->hidden_size) : no_states(r);
    if (!states.h || !states.c) return nothing;
    if (time) x = tg_contiguous(tg_transpose(x, 0, 1));
    for (int64_t first = 0; first < all; first += count) {
        x = run_layer(r, x, &states, first);
        if (r->training && r->dropout != 0 && first + count < all) x = tg_dropout(x, .p = r->dropout);
    }
    if (time) x = tg_transpose(x, 0, 1);
    return (tgi_rnn_output){ x, tg_stack_at(NULL, (tg_tensor_list){ states.h, all }, 0),
                             has_c ? tg_stack_at(NULL, (tg_tensor_list){ states.c, all }, 0) : NULL };
}

/* A state has as many dimensions as x. */
static bool dims_ok(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state s)
{
    const char *batched = x->ndim == 3 ? "batched" : "unbatched";
    if (x->ndim != 2 && x->ndim != 3)
        tg_op_fail(op_of(r), tg_list(x), "Expected input to be 2-D or 3-D but received %d-D tensor", x->ndim);
    else if (s.c && (s.h->ndim != x->ndim || s.c->ndim != x->ndim))
        tg_op_fail(op_of(r), tg_list(x, s.h, s.c),
                   "For %s %d-D input, hx and cx should also be %d-D but got (%d-D, %d-D) tensors", batched, x->ndim,
                   x->ndim, s.h->ndim, s.c->ndim);
    else if (s.h && s.h->ndim != x->ndim)
        tg_op_fail(op_of(r), tg_list(x, s.h), "For %s %d-D input, hx should also be %d-D but got %d-D tensor", batched,
                   x->ndim, x->ndim, s.h->ndim);
    else
        return true;
    return false;
}

/* A batch of one around x and the state, and away again from the results. */
static tgi_rnn_output run_unbatched(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state s)
{
    const int batch = r->batch_first ? 0 : 1;
    const bool given = s.h;
    x = tg_unsqueeze(x, batch);
    s = unsqueeze(s, 1);
    if (!x || (given && !complete(r, s))) return (tgi_rnn_output){ NULL, NULL, NULL };
    const tgi_rnn_output out = run_layers(r, x, s);
    const tgi_rnn_state last = squeeze((tgi_rnn_state){ out.h_n, out.c_n }, 1);
    return (tgi_rnn_output){ tg_squeeze(out.output, batch), last.h, last.c };
}

tgi_rnn_output tgi_rnn_forward(const tgi_rnn *r, tg_tensor *x, tgi_rnn_state state)
{
    tgi_rnn_output out = { NULL, NULL, NULL };
    if (!dims_ok(r, x, state)) return out;
    const bool seen = tgi_set_seen(false);
    tg_scope scope = tg_scope_begin();
    out = (x->ndim == 3 ? run_layers : run_unbatched)(r, x, state);
    tg_scope_end_with(scope, &out.output, &out.h_n, &out.c_n);
    tgi_set_seen(seen);
    return out;
}
