/* walk_impl.h: a walk over the tape, as the files share it that are named below. For core's own files. */
#ifndef TG_CORE_WALK_IMPL_H
#define TG_CORE_WALK_IMPL_H

#include "tape_impl.h"
#include "thread.h"

TG_EXTERN_C_BEGIN

/* Products that flow to one input and have not been evaluated yet; see chain.c. */
typedef struct tgi_chain tgi_chain;

/* Where the gradients of one output of a node, or of one leaf, are added up: the sum of both. */
typedef struct tgi_slot_sum {
    tg_tensor *grad;   /* a reference; NULL until something arrives */
    tgi_chain *chain;  /* NULL: none */
} tgi_slot_sum;

typedef struct tgi_leaf_slot {
    tg_tensor *leaf;   /* a reference */
    tgi_slot_sum sum;
    int32_t lowest;    /* with TGI_EARLY_LEAVES the index of the first node that reads it */
    bool complete;     /* its hooks have run */
} tgi_leaf_slot;

/* What tg_grad marks a node with. */
enum { TGI_RUNS = 1, TGI_CAPTURED = 2 };

/* What makes a walk more than usual: observers have been told that it begins; leaves are completed on the way; a
 * backward has failed. */
enum { TGI_OBSERVED = 1, TGI_EARLY_LEAVES = 2, TGI_FAILED_WALK = 4 };

typedef struct tgi_walk {
    const char *name;         /* "backward" or "grad", for errors */
    tgi_slot_sum *slots;      /* indexed by slot - first_slot; moves when a node's backward adds nodes (recompute.c) */
    int64_t slot_count, first_slot;
    int32_t low, high;        /* the nodes it passes */
    tgi_leaf_slot *leaves;
    int64_t leaf_count, leaf_capacity;
    int32_t *leaf_table;      /* finds a leaf by its address: a hash table of 1 + its index in `leaves`; 0 is a free place */
    int table_bits;           /* its size is 2^table_bits, and at least twice the number of leaves */
    const tg_tensor *last_leaf; /* the one found last, */
    tgi_slot_sum *last_sum;   /* and what is added up for it */
    bool create_graph, retain_graph;
    tg_tensor_list roots;     /* what it starts from */
    uint8_t *marks;           /* tg_grad: for each node from `low` on, the marks above; NULL: all run */
    int64_t mark_count;
    const tgi_edge *captured; /* tg_grad: the inputs it was asked about */
    int64_t captured_count;
    tg_tensor *lent;          /* parts.c: a place that an op was given and has not handed back, */
    const tgi_slot_sum *lent_slot; /* and whose it is; */
    const tgi_storage *lent_from;  /* the memory of all that the node being visited was lent */
    uint8_t state;            /* 0, or of those above */
    bool passed;              /* every slot of a node has been emptied on the way */
} tgi_walk;

struct tg_context {
    tgi_walk *walk;
    tg_node *node;
};

static inline tgi_slot_sum *tgi_slot_of_output(const tgi_walk *w, const tg_node *node, int output)
{
    return &w->slots[node->first_slot + output - w->first_slot];
}

/* ---- engine.c ---- */
/* What the ops above core have lent; NULL before tg_engine_use. */
extern const tg_engine_ops *tgi_engine;

/* ---- leaf_slots.c ---- */
/* The leaf's slot in this walk: -1 when it has none; made at first use, -1 on failure. */
int64_t tgi_find_leaf(const tgi_walk *w, const tg_tensor *leaf);
int64_t tgi_slot_of_leaf(tgi_walk *w, tg_tensor *leaf);
/* What is added up for it, and remembered as the last one; NULL on failure. */
tgi_slot_sum *tgi_sum_of_leaf(tgi_walk *w, tg_tensor *leaf);
/* Frees what it holds for leaves. */
void tgi_leaves_free(const tgi_walk *w);

/* The slot of the gradient at `edge`, which leads somewhere; NULL with an error pending. */
static inline tgi_slot_sum *tgi_slot_of(tgi_walk *w, const tgi_edge *edge)
{
    if (edge->output >= 0) return tgi_slot_of_output(w, edge->to.node, edge->output);
    return edge->to.leaf == w->last_leaf ? w->last_sum : tgi_sum_of_leaf(w, edge->to.leaf);
}

/* True when nobody has a use for a gradient at this edge: it leads nowhere, or tg_grad was asked about no input behind
 * it. */
static inline bool tgi_unwanted(const tgi_walk *w, const tgi_edge *edge)
{
    if (edge->output == TGI_TO_NOWHERE) return true;
    if (!w->marks) return false;
    if (edge->output >= 0) return edge->to.node->index < w->low || !w->marks[edge->to.node->index - w->low];
    return tgi_find_leaf(w, edge->to.leaf) < 0;
}

/* ---- backward.c ---- */
/* Adds `grad`, of the right shape and dtype, to the slot of `edge`. False with an error recorded. */
bool tgi_accumulate(tgi_walk *w, const tgi_edge *edge, tg_tensor *grad);
bool tgi_walk_begin(tgi_walk *w);
/* Adds `grad`, or the gradient 1, to the slot of `output`, whose edge is given. */
bool tgi_walk_start(tgi_walk *w, const tgi_edge *edge, tg_tensor *output, tg_tensor *grad);
/* From the end of the tape to its front; then the leaves' hooks. */
bool tgi_walk_run(tgi_walk *w);
/* Frees what the walk holds, and tells who was told that it began. Whether all went well. */
bool tgi_walk_end(tgi_walk *w, bool ok);
/* Makes the walk pass the node behind `edge`. */
void tgi_walk_include(tgi_walk *w, const tgi_edge *edge);

/* Under tg_grad marks the nodes from `low` to `high`, in this order: one runs when one of its inputs is wanted. */
void tgi_walk_mark(tgi_walk *w, int32_t low, int32_t high);
/* Makes the walk able to pass the nodes from `first` to the end of the tape, recorded since it began. */
bool tgi_walk_extend(tgi_walk *w, int32_t first);
/* Passes the nodes from `high` down to `low`. */
bool tgi_walk_down(tgi_walk *w, int32_t high, int32_t low);
/* Hands the sum in the slot of that output over to `edge`, unevaluated if nothing is there yet. */
bool tgi_walk_hand_over(tgi_walk *w, const tg_node *node, int output, const tgi_edge *edge);

/* ---- walk_told.c ---- if it is observed, to those who still observe; false with an error pending */
bool tgi_walk_tell_begin(tgi_walk *w);
bool tgi_walk_tell_visit(const tgi_walk *w, const tg_node *node);
bool tgi_walk_tell_visited(const tgi_walk *w, const tg_node *node);
bool tgi_walk_tell_end(const tgi_walk *w, tg_status status);
/* Of `from`'s input, or (NULL) of what the walk starts from: a gradient or, with `grad` NULL, a product. */
bool tgi_walk_tell_edge(const tgi_walk *w, const tg_node *from, int input, const tgi_edge *edge, tg_tensor *grad,
                        const tg_product *product);
/* Of all that has come to a slot, handed over to `edge`. */
bool tgi_walk_tell_sum(const tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *sum);

/* ---- parts.c ---- */
/* Lends the place of the gradient at `edge` in a larger one, yet to be written, to the op of the node being visited.
 * NULL: there is none, or an error is pending. */
tg_tensor *tgi_lend_place(tgi_walk *w, const tgi_edge *edge);
/* True when a gradient lies in memory that the node being visited was lent: what is written there later must not
 * change it, so whoever keeps it keeps a copy. */
static inline bool tgi_is_lent(const tgi_walk *w, const tg_tensor *grad) { return grad->storage == w->lent_from; }
/* A reference to `grad`, or to such a copy; NULL with an error pending. */
static inline tg_tensor *tgi_ref_beside(const tgi_walk *w, tg_tensor *grad)
{
    return tgi_is_lent(w, grad) ? tgi_own(tgi_engine->clone(grad)) : tgi_ref(grad);
}
/* What an empty slot holds when `grad` has come for the part at `edge`: it or, in its place, a copy. A reference; NULL
 * with an error pending. */
tg_tensor *tgi_put_in_place(tgi_walk *w, const tgi_edge *edge, const tgi_slot_sum *slot, tg_tensor *grad);
/* True when the gradient in the slot of that output lies in its place. */
bool tgi_is_placed(const tgi_walk *w, const tg_node *node, const tgi_slot_sum *slot);
/* The gradient of the input of `node`, if places in it were handed out, complete; else NULL. Its slot's reference. */
tg_tensor *tgi_take_whole(tgi_walk *w, tg_node *node);

/* ---- hooks.c ---- */
/* Each hook may replace the gradient in `slot`, and remove any hook. */
bool tgi_run_hooks(tgi_hook *const *hooks, tg_tensor **slot);
/* Those that run after .grad of a leaf has changed. */
bool tgi_run_late_hooks(tgi_hook *const *hooks, tg_tensor *leaf);

/* ---- leaf_ready.c ---- false with an error pending */
/* Adds the slot's gradient into the .grad of `t`; hands it over when it is private to the slot. */
bool tgi_accumulate_grad(const tgi_walk *w, tg_tensor *t, tgi_slot_sum *slot, bool hand_over);
/* Before the walk goes: finds out whether leaves are completed on the way, and where. */
bool tgi_leaves_begin(tgi_walk *w);
/* The walk has passed the node: completes the leaves that no lower one reads. */
bool tgi_leaves_of_node(tgi_walk *w, const tg_node *node);
/* Runs the hooks of the leaf with that slot, unless it is complete already. */
bool tgi_leaf_complete(tgi_walk *w, int64_t index);

/* ---- chain.c ---- */
/* Adds a product, unevaluated: a summand of the gradient at `edge`, from `node`. False with an error recorded. */
bool tgi_chain_add(tgi_slot_sum *sum, const tgi_edge *edge, const tg_node *node, const tg_product *product);
/* Evaluates what was collected, so that the slot's gradient is complete. False with an error recorded. */
bool tgi_chain_flush(tgi_slot_sum *sum);
/* What the slot's gradient would be then; the slot stays as it is. NULL with an error pending. */
tg_tensor *tgi_chain_value(const tgi_slot_sum *sum);
/* True when one of its factors lies in that storage, which must not be written before it is evaluated. */
bool tgi_chain_reads(const tgi_slot_sum *sum, const tgi_storage *storage);
/* Has factors in that storage copied, for it may be written now. (Evaluated now the sum would be rounded at another
 * place than where nobody writes.) False with an error pending. */
bool tgi_chain_let_go(const tgi_slot_sum *sum, const tgi_storage *storage);
/* Evaluates it into `into`, which keeps its old elements as a summand. */
bool tgi_chain_flush_into(tgi_slot_sum *sum, tg_tensor *into);
/* Forgets it; there is one. */
void tgi_chain_drop(tgi_slot_sum *sum);

/* The sizes and the dtype of what an edge leads to. */
typedef struct tgi_target {
    const int64_t *dims;
    int ndim;
    tg_dtype dtype;
} tgi_target;
static inline tgi_target tgi_target_of(const tgi_edge *edge)
{
    if (edge->output == TGI_TO_LEAF) {
        const tg_tensor *leaf = edge->to.leaf;
        return (tgi_target){ leaf->dims, leaf->ndim, (tg_dtype)leaf->dtype };
    }
    const tgi_output *output = &tgi_outputs(edge->to.node)[edge->output];
    return (tgi_target){ output->dims, output->ndim, (tg_dtype)output->dtype };
}
static inline tg_shape tgi_target_shape(const tgi_target *target)
{
    tg_shape shape = tg_shape();
    shape.ndim = target->ndim;
    for (int d = 0; d < target->ndim; d++) shape.dims[d] = target->dims[d];
    return shape;
}

static inline bool tgi_is_empty(const tgi_slot_sum *sum) { return !sum->grad && !sum->chain; }

static inline void tgi_slot_empty(tgi_slot_sum *slot)
{
    tgi_unref(slot->grad);
    slot->grad = NULL;
    if (slot->chain) tgi_chain_drop(slot);
}

TG_EXTERN_C_END

#endif
