/* rnn_forward.c: how recurrent modules of every kind run, written in ops: no gradient stands here. lstm.c, gru.c and
 * elman.c have the steps of the cells.
 *
 * Built for training on whole sequences: the input's share of the gates is one product over all steps and samples, the
 * steps take views of it, and what a step needs no more dies with the step's scope. Inside, time is the first dimension
 * whatever the caller's layout, so that a step's numbers lie together, as do their gradients: [steps, sequences,
 * features], or without the second dimension where not every step has all sequences. Sums are in PyTorch's order:
 * (x W_ihT + b_ih) + (h W_hhT + b_hh). */
#include "rnn_impl.h"
#include "module_hooks_impl.h"

#include "core/observe.h"
#include "core/scope.h"
#include "core/thread.h"
#include "ops/create.h"
#include "ops/dropout.h"
#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/shape/join_impl.h"
#include "ops/view.h"

static const tgi_rnn_state no_state = { NULL, NULL };
static const tgi_rnn_output no_output = { NULL, NULL, NULL };

/* ---- what modules and cells share ---- */

bool tgi_rnn_begin(const char *where, const tg_op *op, int states, const tg_module *m, tg_tensor *x,
                   tgi_rnn_state state)
{
    const bool given = state.h || state.c;
    tg_tensor *const inputs[] = { x, state.h, state.c };
    if (!tgi_module_ok(where, m, op->name)) return false;
    if (!tgi_handle_or_null(op->name, state.h) || !tgi_handle_or_null(op->name, state.c)) return false;
    if (!tgi_forward_begin(where, m, op, tg_list_of(inputs, given ? 1 + states : 1))) return false;
    return given || tg_optional_ok(NULL);
}

/* One step, that of time t (-1: of a cell alone), in a scope, so that what it needs no more dies with it. */
static tgi_rnn_state step(const tg_recurrent *r, const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state s,
                          int64_t t)
{
    tg_scope scope = tg_scope_begin();
    if (t >= 0) tg_label("t=%lld", (long long)t);
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
static bool complete(const tg_recurrent *r, tgi_rnn_state s) { return s.h && (s.c || r->kind->states == 1); }

/* ---- a cell ---- */

/* `t`, h or c, is [N, hidden]. */
static bool cell_state_ok(const tg_recurrent *r, tg_tensor *x, tg_tensor *t, int number)
{
    if (t->ndim != 2)
        tg_op_fail(tgi_rnn_op(r), tg_list(x, t), "Expected hidden%d to be %d-D but received %d-D tensor", number, 2,
                   t->ndim);
    else if (t->dims[0] != x->dims[0])
        tg_op_fail(tgi_rnn_op(r), tg_list(x, t), "Input batch size %lld doesn't match hidden%d batch size %lld",
                   (long long)x->dims[0], number, (long long)t->dims[0]);
    else if (t->dims[1] != r->hidden_size)
        tg_op_fail(tgi_rnn_op(r), tg_list(x, t), "hidden%d has inconsistent hidden_size: got %lld, expected %lld",
                   number, (long long)t->dims[1], (long long)r->hidden_size);
    else
        return true;
    return false;
}

static tgi_rnn_state cell_batched(const tg_recurrent *r, tg_tensor *x, tgi_rnn_state s)
{
    const bool two = r->kind->states == 2;
    if (x->dims[1] != r->input_size) {
        tg_op_fail(tgi_rnn_op(r), tg_list(x), "input has inconsistent input_size: got %lld expected %lld",
                   (long long)x->dims[1], (long long)r->input_size);
        return no_state;
    }
    if (!s.h) {
        s.h = tg_zeros(tg_shape(x->dims[0], r->hidden_size), .dtype = tg_dtype_of(x));
        if (two) s.c = s.h;
    }
    if (!s.h || !cell_state_ok(r, x, s.h, 0) || (two && !cell_state_ok(r, x, s.c, 1))) return no_state;
    return step(r, r->weights, tg_linear(x, r->weights->weight_ih, r->weights->bias_ih), s, -1);
}

static tgi_rnn_state cell_forward(const tg_recurrent *r, tg_tensor *x, tgi_rnn_state state)
{
    if (x->ndim != 1 && x->ndim != 2) {
        tg_op_fail(tgi_rnn_op(r), tg_list(x), "Expected input to be 1-D or 2-D but received %d-D tensor", x->ndim);
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

tgi_rnn_state tgi_rnn_cell_forward(const char *where, const tgi_rnn_kind *kind, tg_module *m, tg_tensor *x,
                                   tgi_rnn_state state)
{
    if (!tgi_rnn_begin(where, &kind->cell_op, kind->states, m, x, state)) return no_state;
    tg_tensor *in[] = { x, state.h, state.c };
    tgi_call call;
    if (!tgi_call_begin(&call, m, in, state.h ? 1 + kind->states : 1, kind->states)) return no_state;
    const tgi_rnn_state s = cell_forward(tgi_rnn_core(m), in[0], (tgi_rnn_state){ in[1], in[2] });
    tg_tensor *results[] = { s.h, s.c };
    tgi_call_end(&call, results);
    return (tgi_rnn_state){ results[0], results[1] };
}

/* ---- one layer in one direction ---- */

/* h or c on its way over the steps. Forward in time the shortest sequences end first, and leave their last states behind;
 * backward in time the longest begin first, and the others join with the states that they are given. */
typedef struct lane {
    tg_tensor *given;  /* [sequences, size]; NULL: the c of a kind without */
    tg_tensor *now;    /* of the sequences that have an element at this step */
    tg_tensor **ended; /* a list of as many as there are steps, written from its end: [first] is of the longest */
    int64_t first;
} lane;

static lane lane_new(const tgi_rnn_batch *b, tg_tensor *given, bool reverse)
{
    lane l = { .given = given, .now = given, .first = b->steps };
    if (!given || !b->sizes) return l;
    if (reverse)
        l.now = tg_narrow(given, 0, 0, b->sizes[b->steps - 1]);
    else if (!(l.ended = tg_list_new(b->steps)))
        l.now = NULL;
    return l;
}

/* To the sequences that have an element at the next step. */
static void lane_resize(lane *l, int64_t sequences)
{
    if (!l->now || l->now->dims[0] == sequences) return;
    const int64_t before = l->now->dims[0];
    if (before < sequences) {
        l->now = tg_cat(tg_list(l->now, tg_narrow(l->given, 0, before, sequences - before)), 0);
        return;
    }
    const tg_tensor_list parts = tg_split_with_sizes(l->now, tg_shape(sequences, before - sequences), 0);
    l->now = parts.items[0];
    l->ended[--l->first] = parts.items[1];
}

/* The last states of all sequences. */
static tg_tensor *lane_end(lane *l, int64_t steps)
{
    if (l->first == steps) return l->now;
    l->ended[--l->first] = l->now;
    return tg_cat(tg_list_of(l->ended + l->first, steps - l->first), 0);
}

/* Cuts what all steps have in common into steps; and back. */
static tg_tensor_list cut(tg_tensor *all, const tgi_rnn_batch *b)
{
    if (!all) return tg_list_failed();
    return b->sizes ? tgi_cut(all, 0, b->steps, b->sizes) : tg_unbind(all, 0);
}

static tg_tensor *join(tg_tensor *const *steps, const tgi_rnn_batch *b)
{
    const tg_tensor_list list = tg_list_of(steps, b->steps);
    return b->sizes ? tg_cat(list, 0) : tg_stack(list, 0);
}

/* One layer in one direction over all steps. `h` and `c` are the state before, and become the state after. */
static tg_tensor *run(const tg_recurrent *r, const tg_rnn_weights *w, tg_tensor *data, const tgi_rnn_batch *b,
                      bool reverse, tg_tensor **h, tg_tensor **c)
{
    const tg_tensor_list gates = cut(tg_linear(data, w->weight_ih, w->bias_ih), b);
    tg_tensor **output = gates.count ? tg_list_new(b->steps) : NULL;
    if (!output) return NULL;
    lane of_h = lane_new(b, *h, reverse), of_c = lane_new(b, *c, reverse);
    for (int64_t i = 0; i < b->steps; i++) {
        const int64_t t = reverse ? b->steps - 1 - i : i, sequences = b->sizes ? b->sizes[t] : b->sequences;
        lane_resize(&of_h, sequences);
        lane_resize(&of_c, sequences);
        const tgi_rnn_state s = step(r, w, gates.items[t], (tgi_rnn_state){ of_h.now, of_c.now }, t);
        of_h.now = output[t] = s.h;
        of_c.now = s.c;
    }
    *h = lane_end(&of_h, b->steps);
    *c = lane_end(&of_c, b->steps);
    return join(output, b);
}

/* ---- all layers ---- */

/* The lists of h and c, one of each for each layer and direction. The c of a kind without are NULL. */
typedef struct state_lists {
    tg_tensor **h, **c;
} state_lists;

/* One layer in all its directions, whose weights and states begin at `first`. */
static tg_tensor *run_layer(const tg_recurrent *r, tg_tensor *data, const tgi_rnn_batch *b, const state_lists *states,
                            int64_t first)
{
    const int last = tgi_rnn_directions(r) - 1, layer = (int)first / (last + 1);
    const tg_rnn_weights *w = r->weights + first;
    tg_tensor **h = states->h + first, **c = states->c + first;
    tg_scope scope = tg_scope_begin();
    tg_label("layer %d", layer);
    tg_tensor *y = run(r, w, data, b, false, h, c);
    if (last) {
        tg_label("layer %d, reverse", layer);
        tg_tensor *back = run(r, w + 1, data, b, true, h + 1, c + 1);
        tg_label_end();
        y = tg_cat(tg_list(y, back), -1);
    }
    tg_scope_end_with(scope, &y, h, c, h + last, c + last);
    return y;
}

bool tgi_rnn_input_ok(const tg_recurrent *r, tg_tensor *x)
{
    const int64_t size = x->dims[x->ndim - 1];
    if (size == r->input_size) return true;
    return tg_op_fail(tgi_rnn_op(r), tg_list(x), "input.size(-1) must be equal to input_size. Expected %lld, got %lld",
                      (long long)r->input_size, (long long)size);
}

/* `t` is h, number 0, or c, number 1; NULL was left out. */
static bool one_state_ok(const tg_recurrent *r, tg_tensor *t, int64_t sequences, int64_t size, int number)
{
    if (!t) return true;
    const tg_shape want = tg_shape(r->num_layers * tgi_rnn_directions(r), sequences, size), got = tgi_shape(t);
    if (tg_shape_equal(&want, &got)) return true;
    char text[TG_SHAPE_TEXT], which[24] = "";
    if (r->kind->states > 1) snprintf(which, sizeof which, "[%d]", number);
    return tg_op_fail(tgi_rnn_op(r), tg_list(t), "Expected hidden%s size (%lld, %lld, %lld), got %s", which,
                      (long long)want.dims[0], (long long)sequences, (long long)size, tg_shape_text(&got, text));
}

bool tgi_rnn_state_ok(const tg_recurrent *r, tgi_rnn_state state, int64_t sequences)
{
    return one_state_ok(r, state.h, sequences, tgi_rnn_state_size(r), 0) &&
           one_state_ok(r, state.c, sequences, r->hidden_size, 1);
}

/* A new list, which the layers will write, of a state of each layer and direction: zeros where none is given. */
static tg_tensor **states_of(const tg_recurrent *r, tg_tensor *x, tg_tensor *given, int64_t sequences, int64_t size)
{
    const int64_t count = r->num_layers * tgi_rnn_directions(r);
    tg_tensor **list = tg_list_new(count);
    if (!list) return NULL;
    tg_tensor *zeros = given ? NULL : tg_zeros(tg_shape(sequences, size), .dtype = tg_dtype_of(x));
    const tg_tensor_list parts = given ? tg_unbind(given, 0) : TG_NONE;
    for (int64_t i = 0; i < count; i++) list[i] = i < parts.count ? parts.items[i] : zeros;
    return list;
}

/* What takes the place of the c of a kind without. */
static tg_tensor **no_states(const tg_recurrent *r)
{
    const int64_t count = r->num_layers * tgi_rnn_directions(r);
    tg_tensor **list = tg_list_new(count);
    for (int64_t i = 0; list && i < count; i++) list[i] = NULL;
    return list;
}

tgi_rnn_output tgi_rnn_run(tg_module *m, tg_tensor *data, const tgi_rnn_batch *b, tgi_rnn_state state)
{
    const tg_recurrent *r = tgi_rnn_core(m);
    const int64_t count = tgi_rnn_directions(r), all = r->num_layers * count;
    const bool has_c = r->kind->states > 1;
    state_lists states = { states_of(r, data, state.h, b->sequences, tgi_rnn_state_size(r)), NULL };
    states.c = has_c ? states_of(r, data, state.c, b->sequences, r->hidden_size) : no_states(r);
    if (!states.h || !states.c) return no_output;
    for (int64_t first = 0; first < all; first += count) {
        data = run_layer(r, data, b, &states, first);
        if (m->training && r->dropout != 0 && first + count < all) data = tg_dropout(data, .p = r->dropout);
    }
    return (tgi_rnn_output){ data, tg_stack(tg_list_of(states.h, all), 0),
                             has_c ? tg_stack(tg_list_of(states.c, all), 0) : NULL };
}

/* ---- padded batches ---- */

/* A state has as many dimensions as x. */
static bool dims_ok(const tg_recurrent *r, tg_tensor *x, tgi_rnn_state s)
{
    const char *batched = x->ndim == 3 ? "batched" : "unbatched";
    if (x->ndim != 2 && x->ndim != 3)
        tg_op_fail(tgi_rnn_op(r), tg_list(x), "Expected input to be 2-D or 3-D but received %d-D tensor", x->ndim);
    else if (s.c && (s.h->ndim != x->ndim || s.c->ndim != x->ndim))
        tg_op_fail(tgi_rnn_op(r), tg_list(x, s.h, s.c),
                   "For %s %d-D input, hx and cx should also be %d-D but got (%d-D, %d-D) tensors", batched, x->ndim,
                   x->ndim, s.h->ndim, s.c->ndim);
    else if (s.h && s.h->ndim != x->ndim)
        tg_op_fail(tgi_rnn_op(r), tg_list(x, s.h), "For %s %d-D input, hx should also be %d-D but got %d-D tensor",
                   batched, x->ndim, x->ndim, s.h->ndim);
    else
        return true;
    return false;
}

/* x and the state have their batch dimension. */
static tgi_rnn_output run_batched(tg_module *m, tg_tensor *x, tgi_rnn_state state)
{
    const tg_recurrent *r = tgi_rnn_core(m);
    const int time = r->batch_first ? 1 : 0;
    const tgi_rnn_batch b = { x->dims[time], x->dims[1 - time], NULL };
    if (!tgi_rnn_input_ok(r, x)) return no_output;
    if (b.steps == 0) {
        tg_op_fail(tgi_rnn_op(r), tg_list(x), "Expected sequence length to be larger than 0 in RNN");
        return no_output;
    }
    if (!tgi_rnn_state_ok(r, state, b.sequences)) return no_output;
    if (time) x = tg_contiguous(tg_transpose(x, 0, 1));
    tgi_rnn_output out = tgi_rnn_run(m, x, &b, state);
    if (time) out.output = tg_transpose(out.output, 0, 1);
    return out;
}

/* A batch of one around x and the state, and away again from the results. */
static tgi_rnn_output run_unbatched(tg_module *m, tg_tensor *x, tgi_rnn_state s)
{
    const tg_recurrent *r = tgi_rnn_core(m);
    const int batch = r->batch_first ? 0 : 1;
    const bool given = s.h;
    x = tg_unsqueeze(x, batch);
    s = unsqueeze(s, 1);
    if (!x || (given && !complete(r, s))) return no_output;
    const tgi_rnn_output out = run_batched(m, x, s);
    const tgi_rnn_state last = squeeze((tgi_rnn_state){ out.h_n, out.c_n }, 1);
    return (tgi_rnn_output){ tg_squeeze(out.output, batch), last.h, last.c };
}

static tgi_rnn_output forward(tg_module *m, tg_tensor *x, tgi_rnn_state state)
{
    if (!dims_ok(tgi_rnn_core(m), x, state)) return no_output;
    const bool seen = tgi_set_seen(false);
    tg_scope scope = tg_scope_begin();
    tgi_rnn_output out = (x->ndim == 3 ? run_batched : run_unbatched)(m, x, state);
    tg_scope_end_with(scope, &out.output, &out.h_n, &out.c_n);
    tgi_set_seen(seen);
    return out;
}

tgi_rnn_output tgi_rnn_forward(const char *where, const tgi_rnn_kind *kind, tg_module *m, tg_tensor *x,
                               tgi_rnn_state state)
{
    if (!tgi_rnn_begin(where, &kind->op, kind->states, m, x, state)) return no_output;
    tg_tensor *in[] = { x, state.h, state.c };
    tgi_call call;
    if (!tgi_call_begin(&call, m, in, state.h ? 1 + kind->states : 1, 1 + kind->states)) return no_output;
    const tgi_rnn_output out = forward(m, in[0], (tgi_rnn_state){ in[1], in[2] });
    tg_tensor *results[] = { out.output, out.h_n, out.c_n };
    tgi_call_end(&call, results);
    return (tgi_rnn_output){ results[0], results[1], results[2] };
}
