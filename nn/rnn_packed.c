/* rnn_packed.c: LSTM, GRU and RNN on packed sequences. Apart from rnn_forward.c, so that a program without packed sequences
 * has nothing of them. */
#include "core/scope.h"
#include "core/thread.h"
#include "elman.h"
#include "gru.h"
#include "lstm.h"
#include "ops/index.h"
#include "module_hooks_impl.h"
#include "rnn_impl.h"

typedef struct output {
    tg_packed_sequence packed;
    tg_tensor *h_n, *c_n;
} output;

/* The sequences of a state in another order; what is not there stays so. */
static tg_tensor *reordered(tg_tensor *state, tg_tensor *indices)
{
    return state && indices ? tg_index_select(state, 1, indices) : state;
}

static tgi_rnn_output run(const tg_op *op, tg_module *m, const tg_packed_sequence *p, tgi_rnn_state s)
{
    const tgi_rnn_output failed = { NULL, NULL, NULL };
    const tg_recurrent *r = tgi_rnn_core(m);
    const int64_t *sizes = tgi_packed_sizes(op, p);
    if (!sizes) return failed;
    if (p->data->ndim != 2) {
        tg_op_fail(op, tg_list(p->data), "input must have 2 dimensions, got %d", p->data->ndim);
        return failed;
    }
    if (!tgi_rnn_input_ok(r, p->data) || !tgi_rnn_state_ok(r, s, sizes[0])) return failed;
    const tgi_rnn_batch b = { p->batch_sizes->dims[0], sizes[0], sizes };
    const tgi_rnn_state given = { reordered(s.h, p->sorted_indices), reordered(s.c, p->sorted_indices) };
    if (!given.h != !s.h || !given.c != !s.c) return failed;
    tgi_rnn_output out = tgi_rnn_run(m, p->data, &b, given);
    out.h_n = reordered(out.h_n, p->unsorted_indices);
    out.c_n = reordered(out.c_n, p->unsorted_indices);
    return out;
}

static output forward(const char *where, const tgi_rnn_kind *kind, tg_module *m, tg_packed_sequence p, tgi_rnn_state s)
{
    output y = { { NULL, NULL, NULL, NULL }, NULL, NULL };
    if (!tgi_rnn_begin(where, &kind->op, kind->states, m, p.data, s)) return y;
    if (!tg_op_begin(where, &kind->op, tg_list(p.data, p.batch_sizes))) return y;
    tg_tensor *in[] = { p.data, s.h, s.c };
    tgi_call call;
    if (!tgi_call_begin(&call, m, in, s.h ? 1 + kind->states : 1, 1 + kind->states)) return y;
    p.data = in[0];
    const bool seen = tgi_set_seen(false);
    tg_scope scope = tg_scope_begin();
    tgi_rnn_output out = run(&kind->op, m, &p, (tgi_rnn_state){ in[1], in[2] });
    tg_scope_end_with(scope, &out.output, &out.h_n, &out.c_n);
    tgi_set_seen(seen);
    tg_tensor *results[] = { out.output, out.h_n, out.c_n };
    tgi_call_end(&call, results);
    out = (tgi_rnn_output){ results[0], results[1], results[2] };
    if (out.output) y.packed = (tg_packed_sequence){ out.output, p.batch_sizes, p.sorted_indices, p.unsorted_indices };
    y.h_n = out.h_n;
    y.c_n = out.c_n;
    return y;
}

tg_lstm_packed_output tg_lstm_forward_packed_at(const char *where, tg_lstm *m, tg_packed_sequence x,
                                                tg_lstm_state state)
{
    const output y = forward(where, &tgi_lstm_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ state.h, state.c });
    return (tg_lstm_packed_output){ y.packed, y.h_n, y.c_n };
}

tg_gru_packed_output tg_gru_forward_packed_at(const char *where, tg_gru *m, tg_packed_sequence x, tg_tensor *h0)
{
    const output y = forward(where, &tgi_gru_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ .h = h0 });
    return (tg_gru_packed_output){ y.packed, y.h_n };
}

tg_rnn_packed_output tg_rnn_forward_packed_at(const char *where, tg_rnn *m, tg_packed_sequence x, tg_tensor *h0)
{
    const output y = forward(where, &tgi_tanh_kind, m ? &m->base : NULL, x, (tgi_rnn_state){ .h = h0 });
    return (tg_rnn_packed_output){ y.packed, y.h_n };
}
