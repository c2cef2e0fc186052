/* rnn_impl.h: what the recurrent modules share. A kind of cell is data: how many gates and states it has, and one step.
 * The rest is the same for every kind: rnn.c makes, prints, copies and frees modules, rnn_forward.c runs them,
 * rnn_packed.c on packed sequences.
 *
 * A module's own file has its struct, which is a tg_module and a tg_recurrent, its options and its results. */
#ifndef TG_NN_RNN_IMPL_H
#define TG_NN_RNN_IMPL_H

#include "module_impl.h"
#include "packed.h"
#include "rnn.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_rnn_state {
    tg_tensor *h, *c; /* c is NULL in a kind with one state */
} tgi_rnn_state;

struct tgi_rnn_kind {
    tg_op op, cell_op; /* whose names errors and print show: "GRU", "GRUCell" */
    int gates;         /* weight_ih, weight_hh and the biases have gates * hidden rows */
    int states;        /* 1: h; 2: h and c */
    /* The state after one step, written in ops. `x_gates` is x W_ihT + b_ih of this step, [N, gates * hidden]. It needs
     * no scope: rnn_forward.c opens one around it. */
    tgi_rnn_state (*step)(const tg_rnn_weights *w, tg_tensor *x_gates, tgi_rnn_state before);
};
extern const tgi_rnn_kind tgi_lstm_kind, tgi_gru_kind, tgi_tanh_kind, tgi_relu_kind;

static inline const tg_op *tgi_rnn_op(const tg_recurrent *r) { return r->cell ? &r->kind->cell_op : &r->kind->op; }
static inline int tgi_rnn_directions(const tg_recurrent *r) { return r->bidirectional ? 2 : 1; }
/* What h has; c has hidden_size. */
static inline int64_t tgi_rnn_state_size(const tg_recurrent *r) { return r->proj_size ? r->proj_size : r->hidden_size; }

/* ---- making (rnn.c) ---- */

/* The tg_recurrent of such a module, which follows the tg_module whatever the struct is called. */
tg_recurrent *tgi_rnn_core(const tg_module *m);
/* Stands in the file of such a struct. */
#define TGI_RNN_STRUCT(type)                                                                                           \
    _Static_assert(offsetof(type, core) == sizeof(tg_module) && sizeof(type) == TGI_RNN_BYTES, "a module and a core")
#define TGI_RNN_BYTES (sizeof(tg_module) + sizeof(tg_recurrent))
/* A module of what `asked` says, whose weights are drawn: every one from U(-1/sqrt(hidden), 1/sqrt(hidden)), in the
 * order in which they are registered. `type` is the name of its struct. NULL, with an error, for sizes and options that
 * no such module has. */
void *tgi_rnn_new(const char *where, const char *type, tg_forward_fn forward, tg_recurrent asked, tg_dtype dtype);

/* ---- forward (rnn_forward.c) ---- */

typedef struct tgi_rnn_output {
    tg_tensor *output, *h_n, *c_n;
} tgi_rnn_output;

/* `m` may be NULL, and is a module of the kind otherwise; `state` is all NULL where it was left out. */
tgi_rnn_output tgi_rnn_forward(const char *where, const tgi_rnn_kind *kind, tg_module *m, tg_tensor *x,
                               tgi_rnn_state state);
tgi_rnn_state tgi_rnn_cell_forward(const char *where, const tgi_rnn_kind *kind, tg_module *m, tg_tensor *x,
                                   tgi_rnn_state state);

/* The sequences of a batch, longest first: at step t the first sizes[t] of them have an element. */
typedef struct tgi_rnn_batch {
    int64_t steps, sequences;
    const int64_t *sizes; /* [steps], falling, the first one is `sequences`; NULL: all have all elements */
} tgi_rnn_batch;

/* Opens a forward. False, with an error, if the module is not there, or with half a state, a freed one or one that
 * failed to be made. */
bool tgi_rnn_begin(const char *where, const tg_op *op, int states, const tg_module *m, tg_tensor *x,
                   tgi_rnn_state state);
/* Whether x has input_size as its last dimension, and a state that is given [layers * directions, sequences, size]. */
bool tgi_rnn_input_ok(const tg_recurrent *r, tg_tensor *x);
bool tgi_rnn_state_ok(const tg_recurrent *r, tgi_rnn_state state, int64_t sequences);
/* All layers. `data` and the output are [sum of the sizes, features], step after step, or, where all sequences have all
 * elements, [steps, sequences, features]. */
tgi_rnn_output tgi_rnn_run(tg_module *m, tg_tensor *data, const tgi_rnn_batch *batch, tgi_rnn_state state);

/* ---- packed sequences (packed.c) ---- */

/* The elements of batch_sizes, which live as long as the tensor and the innermost scope. NULL, with an error of the op,
 * if `p` is no packed sequence. */
const int64_t *tgi_packed_sizes(const tg_op *op, const tg_packed_sequence *p);

TG_EXTERN_C_END

#endif
