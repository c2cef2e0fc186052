/* observe.h: a thread's tape, watched: what is recorded, what a walk does, and where in the program that is.
 *
 * An observer is a struct of functions. Each is told of one kind of event, on the thread that registered it, and may
 * look at whatever it is shown; nobody pays for events that nobody is told of. Observers are told in the order in which
 * they were registered. While one is told, no op is recorded (unless it begins a scope of tg_enable_grad_begin), none
 * is observed, and what it makes lives until it returns: who wants a tensor for longer keeps it (tg_keep). An error
 * that it leaves pending fails the op or the walk that it was told of. What it was shown is not to be written. */
#ifndef TG_CORE_OBSERVE_H
#define TG_CORE_OBSERVE_H

#include "op.h"

TG_BEGIN_DECLS

/* ---- where ----
 * A place is a module whose forward runs, or a label, inside another place. Places of one thread are numbered; one
 * lives as long as a node that was recorded in it. */
typedef struct tg_place {
    const struct tg_place *outer; /* NULL: the program itself is around it */
    const char *name;   /* a module's within the one around it, "lstm_cell.W_f"; its kind if none is; a label's text */
    const char *kind;   /* of a module, "Linear"; NULL: it is a label */
    int64_t step;       /* of a label that ends in a number, "t=3" or "layer 1": that number; otherwise -1 */
    int32_t number;     /* 1, 2, ... */
} tg_place;

/* Names what is recorded from here on: until the next label of the same scope, or until that scope ends. Inside a loop
 * over time, `tg_label("t=%d", t);` as its first line. Costs nothing while nobody observes: not even its arguments are
 * evaluated. */
#define tg_label(...) (tg_is_observed() ? tg_label_at(TG_HERE, __VA_ARGS__) : (void)0)
void tg_label_at(const char *where, const char *format, ...) TG_PRINTF(2, 3);
/* Ends the innermost scope's label. */
void tg_label_end(void);

/* Where we are now; NULL: in no module and under no label, or nobody observes. */
const tg_place *tg_place_now(void);
/* Where a node was recorded; NULL: as above. */
const tg_place *tg_node_place(const tg_node *node);
/* "CustomLSTM.t=3.lstm_cell.W_f": the names from the outside in. What does not fit loses its beginning. */
#define TG_PLACE_TEXT 192
const char *tg_place_text(const tg_place *place, char text[TG_PLACE_TEXT]);

/* ---- names of tensors ----
 * Of a leaf a name stays with it; any other tensor's goes to what its node made, so that the tape knows it, and on to
 * what an op in place makes of that. While somebody observes, the parameters of a model whose forward runs are named as
 * in its state dict, if they have no name yet. `tg_set_name(x, "x")` returns x. */
tg_tensor *tg_set_name_at(const char *where, tg_tensor *t, const char *name);
#define tg_set_name(t, name) tg_set_name_at(TG_HERE, t, name)
const char *tg_name_of_at(const char *where, const tg_tensor *t); /* NULL: it has none */
#define tg_name_of(t) tg_name_of_at(TG_HERE, t)
const char *tg_node_output_name(const tg_node *node, int i); /* NULL: it has none */

/* ---- events ---- */

/* An op's function has done its work. */
typedef struct tg_computed {
    const tg_op *op;
    tg_tensor_list inputs;   /* NULL: left out. The first of an op in place is its output, already written */
    tg_tensor_list outputs;
    const tg_node *node;     /* NULL: nothing was recorded, since no gradient can come */
} tg_computed;

/* A backward or tg_grad begins. */
typedef struct tg_walk {
    const char *function;    /* "backward" or "grad" */
    const char *where;       /* the user's line */
    tg_tensor_list roots;    /* what it starts from */
    bool create_graph, retain_graph;
} tg_walk;

/* One summand of a gradient, before it is added to the others. */
typedef struct tg_contribution {
    const tg_node *from;     /* whose backward hands it over; NULL: the gradient that a walk starts from */
    int input;               /* to which input of `from` it belongs */
    const tg_node *to;       /* the node that made that input, */
    int output;              /* and as which output; */
    tg_tensor *leaf;         /* or the leaf it is: `to` is NULL */
    tg_tensor *grad;         /* of the input's shape. Where `to` gives parts of a whole (tg_op.part) more is added to it
                              * later, in place: who wants it as it is keeps a copy */
    const tg_product *product; /* not NULL: `grad` is evaluated for the observer. The walk has the factors, and evaluates
                                * them together with others (chain.c) */
} tg_contribution;

/* What the library does besides ops and walks. */
typedef struct tg_task {
    const char *what;        /* "step", "zero_grad", "load" */
    const char *of;          /* "Adam"; NULL: nothing that has a name */
    const char *where;       /* the user's line */
} tg_task;

typedef struct tg_observer {
    /* A module's forward begins: `place` is its own. It ends; of one that failed the list is empty. */
    void (*entered)(void *context, const tg_place *place, tg_tensor_list inputs);
    void (*left)(void *context, const tg_place *place, tg_tensor_list outputs);
    /* An op was called; many call others. It has computed: told of all that have a gradient, recorded or not. */
    void (*began)(void *context, const tg_op *op, tg_tensor_list inputs);
    void (*computed)(void *context, const tg_computed *what);
    /* An op that tells no `computed` ends, as one without a gradient or one that had nothing to do. Not all of them say
     * so. NULL: it is the one that began last. */
    void (*returned)(void *context, const tg_op *op);

    void (*walk)(void *context, const tg_walk *walk);
    /* The walk arrives at a node. What came for each output is complete, and its hooks have run; NULL: nothing came. */
    void (*visit)(void *context, const tg_node *node, tg_tensor *const *grads);
    /* While its backward runs, and once more when that has returned. */
    void (*edge)(void *context, const tg_contribution *what);
    void (*visited)(void *context, const tg_node *node);
    /* Instead of a gradient the node's backward handed over the factors of a product. They are evaluated later,
     * together with others, of which `last` handed over the last one; it is NULL when they are done. */
    void (*product)(void *context, const tg_node *node, const tg_product *product);
    void (*evaluating)(void *context, const tg_node *last, const tg_product *products, int64_t count);
    /* Nothing more can arrive for a leaf, whose hooks have run; its .grad is as it was. */
    void (*leaf_ready)(void *context, tg_tensor *leaf, tg_tensor *grad);
    /* The walk is over, and .grad of the leaves is what it shall be. */
    void (*walked)(void *context, tg_status status);

    /* A task begins or ends; what it calls is told of in between. */
    void (*task)(void *context, const tg_task *task, bool begins);

    /* The tape is so long now; what came behind has gone. Told while scopes end: only look, make no tensor. */
    void (*truncated)(void *context, int64_t length);
    /* It is unregistered, or the thread ends: the context can be freed. */
    void (*ended)(void *context);

    bool plain; /* its functions only look: they call no op, make no tensor and leave no error. Told faster */
} tg_observer;

/* The struct is copied. Returns a number for tg_unobserve, or -1. */
int64_t tg_observe_at(const char *where, const tg_observer *observer, void *context);
#define tg_observe(observer, context) tg_observe_at(TG_HERE, observer, context)
void tg_unobserve(int64_t number);
/* Whether this thread has an observer (in an observer's own functions: no). */
bool tg_is_observed(void);

TG_END_DECLS

#endif
