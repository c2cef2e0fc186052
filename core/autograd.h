/* autograd.h: gradients, and the tape that they are computed from.
 *
 * Every op that touches a tensor that requires grad adds a node to the thread's tape, in the order of execution.
 * Backward walks the tape from the loss's node toward its front; each node turns the gradients of its outputs into
 * gradients of its inputs. docs/architecture.md explains how and why.
 *
 * tg_backward is in backward.c, tg_grad in gradient.c, hooks and tg_retain_grad in hooks.c, the tape as data in
 * inspect.c, tg_engine_use in engine.c. How an op joins the tape is in op.h. */
#ifndef TG_CORE_AUTOGRAD_H
#define TG_CORE_AUTOGRAD_H

#include "base.h"
#include "op.h"

TG_BEGIN_DECLS

typedef struct tg_backward_options {
    tg_tensor *gradient;   /* dL/d(tensor); NULL: ones, for a one-element tensor only */
    bool retain_graph;     /* keep what the nodes saved, for another backward */
    bool create_graph;     /* record the backward itself, for higher derivatives; implies retain_graph */
    TG_OPTIONS_END
} tg_backward_options;
#define TG_BACKWARD_DEFAULTS /* gradient */ NULL, /* retain_graph */ false, /* create_graph */ false TG_DEFAULTS_END

/* Neither function below starts while an error is pending: an omitted gradient may be one that failed.
 *
 * Accumulates into .grad of every leaf that `tensor` depends on and that requires grad.
 * `tg_backward(loss)`, `tg_backward(loss, .retain_graph = true)`. */
tg_status tg_backward_at(const char *where, tg_tensor *tensor, tg_backward_options options);
#define tg_backward(tensor, ...)                                                                                      \
    tg_backward_at(TG_HERE, tensor, TG_OPTIONS(tg_backward_options, TG_BACKWARD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

#define TG_MAX_GRAD_OUTPUTS 16

typedef struct tg_grad_options {
    tg_tensor *grad_outputs[TG_MAX_GRAD_OUTPUTS];   /* for each output in turn; NULL: ones, for a one-element output only */
    bool retain_graph;
    bool create_graph;
    bool allow_unused;            /* an input that no output depends on gets NULL instead of an error */
    TG_OPTIONS_END
} tg_grad_options;
#define TG_GRAD_DEFAULTS /* grad_outputs */ { NULL }, /* retain_graph */ false, /* create_graph */ false, /* allow_unused */ false TG_DEFAULTS_END

/* The gradients of the outputs' sum with respect to each input, leaf or not. Only what lies between
 * outputs and inputs is run, and no leaf's .grad changes.
 * `tg_tensor *dx = tg_grad(tg_list(y), tg_list(x), .create_graph = true).items[0];`, `.grad_outputs = { dy }`. */
tg_tensor_list tg_grad_at(const char *where, tg_tensor_list outputs, tg_tensor_list inputs, tg_grad_options options);
#define tg_grad(outputs, inputs, ...)                                                                                 \
    tg_grad_at(TG_HERE, outputs, inputs, TG_OPTIONS(tg_grad_options, TG_GRAD_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Runs when the gradient of `t` is complete; what it returns replaces it (NULL keeps it). Hooks run in the order they
 * were registered. Returns a number for tg_remove_hook, or -1.
 *
 * A hook runs once in each backward or tg_grad that brings a gradient to `t`, and not at all when none arrives: because
 * the loss did not come from `t`, an error came first or, under tg_grad, `t` does not lie between the outputs and the
 * inputs asked about. Those of a leaf run when the walk has passed all that read it, before .grad changes. A tensor
 * written in place later has hooks for the value before and for the value after. */
typedef tg_tensor *(*tg_hook_fn)(tg_tensor *grad, void *context);
int64_t tg_register_hook_at(const char *where, tg_tensor *t, tg_hook_fn hook, void *context);
#define tg_register_hook(t, hook, context) tg_register_hook_at(TG_HERE, t, hook, context)

/* Runs in tg_backward when the gradient of the leaf `t` has been added to its .grad, while the walk goes on to what was
 * recorded before: a hook may step an optimiser with this one parameter and clear its gradient, so that the gradients
 * of a large model never exist at the same time. The leaf may be written in it: nothing that is yet to come reads it.
 * (A walk that retains the graph cannot be repeated then.) Should the walk fail later, this leaf has its gradient
 * already. */
typedef void (*tg_leaf_hook_fn)(tg_tensor *leaf, void *context);
int64_t tg_register_post_accumulate_grad_hook_at(const char *where, tg_tensor *t, tg_leaf_hook_fn hook, void *context);
#define tg_register_post_accumulate_grad_hook(t, hook, context)                                                        \
    tg_register_post_accumulate_grad_hook_at(TG_HERE, t, hook, context)

/* Takes away a hook of either kind. */
void tg_remove_hook_at(const char *where, tg_tensor *t, int64_t number);
#define tg_remove_hook(t, number) tg_remove_hook_at(TG_HERE, t, number)

/* Makes backward leave the gradient of a non-leaf in tg_grad_of(t) as well. */
tg_status tg_retain_grad_at(const char *where, tg_tensor *t);
#define tg_retain_grad(t) tg_retain_grad_at(TG_HERE, t)

/* ---- the tape as data ---- */
int64_t tg_tape_length(void);
const tg_node *tg_tape_node(int64_t index);          /* NULL out of range */
const tg_node *tg_grad_fn(const tg_tensor *t);       /* the node that made `t`; NULL for a leaf or a severed tensor */
int64_t tg_node_index(const tg_node *node);
const tg_op *tg_node_op(const tg_node *node);
const char *tg_node_where(const tg_node *node);      /* the user's line */
int tg_node_input_count(const tg_node *node);
int tg_node_output_count(const tg_node *node);
/* What input `i` was: another node's output (returned, with *output), or a leaf (NULL, *leaf set), or no gradient
 * (NULL, NULL). */
const tg_node *tg_node_input(const tg_node *node, int i, int *output, const tg_tensor **leaf);
tg_shape tg_node_output_shape(const tg_node *node, int i);
tg_dtype tg_node_output_dtype(const tg_node *node, int i);
/* How many tensors backward was to need, and the i-th: NULL when none was saved there, or it has been let go. */
int tg_node_saved_count(const tg_node *node);
const tg_tensor *tg_node_saved(const tg_node *node, int i);
const void *tg_node_attributes(const tg_node *node); /* what its op passed to tg_record; NULL: nothing */

/* ---- what the engine needs of the ops above it, handed in so that core needs nothing of ops ---- */
typedef struct tg_engine_ops {
    tg_tensor *(*add)(tg_tensor *a, tg_tensor *b);               /* same shape and dtype; recorded under create_graph */
    tg_status (*add_)(tg_tensor *a, tg_tensor *b);               /* a += b, both private to the engine: never recorded */
    tg_tensor *(*sum_to)(tg_tensor *g, const tg_shape *shape);   /* undoes broadcasting; recorded under create_graph */
    tg_tensor *(*clone)(tg_tensor *t);                           /* contiguous copy; recorded under create_graph */
    tg_status (*copy_)(tg_tensor *to, tg_tensor *from);          /* same shape; zeros when `from` is NULL; never recorded */
    /* sum = the sum of the products, plus its old elements if `accumulate`. It is contiguous and private, and all its
     * dimensions but the last are rows; never recorded. May be missing: tg_set_grad_input_product is an error then. */
    tg_status (*add_products)(tg_tensor *sum, bool accumulate, const tg_product *products, int64_t count);
} tg_engine_ops;
void tg_engine_use(const tg_engine_ops *ops);

TG_END_DECLS

#endif
