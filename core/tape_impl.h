/* tape_impl.h: what a node of the tape is made of. For core's own files. */
#ifndef TG_CORE_TAPE_IMPL_H
#define TG_CORE_TAPE_IMPL_H

#include "tensor_impl.h"

TG_EXTERN_C_BEGIN

struct tgi_hook {
    tgi_hook *next;
    tg_hook_fn function;
    void *context;
    int64_t number;
};

/* Where the gradient of an input goes: to an output of another node, to a leaf, or nowhere. Fixed when recorded:
 * whatever happens to the tensor later, its gradient goes where its value came from. */
typedef struct tgi_edge {
    tg_node *node;           /* NULL: see leaf */
    tg_tensor *leaf;         /* NULL: no gradient. The edge holds a reference. */
    int output;
} tgi_edge;

typedef struct tgi_output {
    tgi_hook *hooks;
    tg_tensor *retained;     /* the tensor whose .grad tg_retain_grad asked for; a reference */
    const int64_t *dims;
    uint8_t ndim, dtype;
} tgi_output;

typedef struct tgi_saved {
    tg_tensor *tensor;       /* a reference; NULL when nothing was saved here, or no longer */
    int64_t version;         /* of its storage, when it was saved */
} tgi_saved;

/* One block of memory: the node and the arrays it points to. */
struct tg_node {
    const tg_op *op;
    const char *where;
    uint64_t serial;
    int64_t first_slot;      /* of its outputs, counted along the whole tape */
    int32_t index;           /* on the tape */
    int32_t low;             /* the lowest index that a walk from here can reach */
    int32_t input_count, output_count, saved_count;
    bool spent;              /* a backward has used and freed what was saved */
    tgi_edge *inputs;
    tgi_output *outputs;
    tgi_saved *saved;
    void *attributes;
    size_t bytes;
};

/* What a leaf needs beyond its data, made on demand. */
struct tgi_leaf_state {
    tgi_hook *hooks;
    void *walk;              /* the innermost walk that has a slot for this leaf */
    int64_t slot;
};

/* The node that made `t`, or NULL: for a leaf, or when it is gone from this thread's tape. */
tg_node *tgi_node_of(const tg_tensor *t);

/* The edge to `t` as an input. False, with an error recorded, when `t` is severed. The edge takes no reference yet. */
bool tgi_edge_to(tg_tensor *t, const char *op, tgi_edge *edge);

/* False, with an error recorded, when `t` is a view whose storage was since written under grad through another
 * tensor. */
bool tgi_check_stale(tg_tensor *t, const char *op);

void tgi_hooks_free(tgi_hook *hooks);
/* Lets go of what was saved; true if there was anything. */
bool tgi_node_release_saved(tg_node *node);

static inline bool tgi_tracked(const tg_tensor *t) { return t->requires_grad || t->origin.serial != 0; }

TG_EXTERN_C_END

#endif
