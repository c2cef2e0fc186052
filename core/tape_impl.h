/* tape_impl.h: what a node of the tape is made of, and what tape.c does for core's other files. */
#ifndef TG_CORE_TAPE_IMPL_H
#define TG_CORE_TAPE_IMPL_H

#include "tensor_impl.h"

TG_EXTERN_C_BEGIN

/* Where the gradient of an input goes: to an output of another node, to a leaf, or nowhere. Fixed when recorded:
 * whatever happens to the tensor later, its gradient goes where its value came from. */
enum { TGI_TO_LEAF = -1, TGI_TO_NOWHERE = -2 };
typedef struct tgi_edge {
    union {
        tg_node *node;
        tg_tensor *leaf;     /* a node's edge holds a reference */
    } to;
    int32_t output;          /* of the node; else one of the above */
} tgi_edge;

static inline tg_node *tgi_edge_node(const tgi_edge *e) { return e->output >= 0 ? e->to.node : NULL; }
static inline tg_tensor *tgi_edge_leaf(const tgi_edge *e) { return e->output == TGI_TO_LEAF ? e->to.leaf : NULL; }

/* What few outputs have, made on demand. */
typedef struct tgi_watch {
    tgi_hook *hooks;
    tg_tensor *retained;     /* the tensor whose .grad tg_retain_grad asked for; a reference */
    tgi_name *name;
} tgi_watch;

typedef struct tgi_output {
    tgi_watch *watch;
    const int64_t *dims;
    uint8_t ndim, dtype;
} tgi_output;

/* What a user's hook made of a tensor that was to be saved. How that is done is in a table (saved.c), so that a
 * program without such hooks links none of it. */
typedef struct tgi_packing tgi_packing;
typedef struct tgi_packed {
    const tgi_packing *how;
} tgi_packed;

struct tgi_packing {
    /* Packs what the node has saved, if hooks are in force. False with an error pending. */
    bool (*pack)(tg_node *node);
    /* The tensor again, a handle of the innermost scope; with `on_tape` gradients find their way through it. NULL with
     * an error pending. */
    tg_tensor *(*unpack)(const tgi_packed *packed, const tg_node *node, bool on_tape);
    void (*free)(tgi_packed *packed);
    void (*end)(void); /* the thread's does */
};

typedef struct tgi_saved {
    tg_tensor *tensor;       /* a reference; NULL when nothing was saved here, or no longer, or it was packed */
    union {
        int64_t version;     /* of its storage, when it was saved */
        tgi_packed *packed;  /* where the tensor is NULL; NULL: nothing was saved */
    };
} tgi_saved;

/* One block of memory; tape.c begins with a picture of it. A binary op on scalars fits in two cache lines. */
struct tg_node {
    const tg_op *op;
    const char *where;
    uint64_t serial;
    int64_t first_slot;      /* of its outputs, counted along the whole tape. An optimisation: a walk could count anew */
    int32_t index;           /* on the tape */
    int32_t low;             /* the lowest index that a walk from here can reach. An optimisation: it could be 0, then
                              * walks are longer */
    int32_t input_count, output_count, saved_count;
    uint32_t bytes;          /* of the block */
    uint32_t attributes_at;  /* where they lie in it */
    uint32_t spent : 8;      /* a backward has used and freed what was saved */
    uint32_t place : 24;     /* where it was recorded, by number; 0: not known (place.c) */
};

static inline tgi_edge *tgi_inputs(const tg_node *node) { return (tgi_edge *)(node + 1); }
static inline tgi_output *tgi_outputs(const tg_node *node)
{
    return (tgi_output *)(tgi_inputs(node) + node->input_count);
}
static inline tgi_saved *tgi_saved_of(const tg_node *node)
{
    return (tgi_saved *)(tgi_outputs(node) + node->output_count);
}

/* How many slots a walk has for a node: one for each output, and one for the gradient that the outputs' are parts
 * of. */
static inline int tgi_slot_count(const tg_node *node) { return node->output_count + (node->op->part != NULL); }

/* The node that made `t`, or NULL: for a leaf, or when it is gone from this thread's tape. */
tg_node *tgi_node_of(const tg_tensor *t);

/* The edge to `t` as an input. False, with an error recorded, when `t` is severed. The edge takes no reference yet. */
bool tgi_edge_to(tg_tensor *t, const char *op, tgi_edge *edge);

/* `t` with the gradient of that output or, if it is not NULL, of that leaf: itself, or a handle of the same elements.
 * NULL with an error pending. */
tg_tensor *tgi_with_origin(tg_tensor *t, tgi_origin origin, tg_tensor *leaf);

/* The edge of an output to differentiate, or to hang a hook on. False, with an error recorded, when there is none. */
bool tgi_output_edge(const char *name, tg_tensor *output, tgi_edge *edge);

/* False, with an error recorded, when `t` is a view whose storage was since written under grad through another
 * tensor. */
bool tgi_check_stale(tg_tensor *t, const char *op);

/* The output's hooks and such, made if need be; NULL with an error pending. */
tgi_watch *tgi_watch_of(tgi_output *output);
/* Lets go of what was saved; true if there was anything. */
bool tgi_node_release_saved(tg_node *node);

/* ---- names.c ---- */
/* Of any tensor; NULL: it has none. */
const char *tgi_name_text(const tg_tensor *t);

/* ---- context.c ---- */
/* Records that `t`, which the node saved at that version, has been written since. NULL. */
TG_RARE tg_tensor *tgi_fail_written(const tg_node *node, const tg_tensor *t, int64_t version);

TG_EXTERN_C_END

#endif
