/* watch.h: the tape with its numbers: what each node made, which gradient came to it, and from where.
 *
 * A tape alone knows shapes and what backward needs. While it is watched, this thread's tape also holds every value
 * and every gradient, and remembers the latest walk step by step: for tg_tape_print, tg_explain, the player, and
 * programs of your own. It costs their memory, until the nodes go. */
#ifndef TG_CORE_WATCH_TAPE_WATCH_H
#define TG_CORE_WATCH_TAPE_WATCH_H

#include "core/observe.h"

TG_BEGIN_DECLS

/* From here on, or no more: what was remembered goes. Nodes recorded before have no values, but gradients. */
tg_status tg_watch_at(const char *where, bool on);
#define tg_watch(on) tg_watch_at(TG_HERE, on)
bool tg_is_watched(void);

/* The value of a node's output `i`: NULL if the node was not watched, or the value was written in place since. */
tg_tensor *tg_node_value(const tg_node *node, int i);
/* Input `i` of a node, where no gradient goes: NULL if one does, or it was left out, not watched, or written since. */
tg_tensor *tg_node_constant(const tg_node *node, int i);
/* Whether input `i` is a leaf that was written since the node read it, as by an optimiser's step. */
bool tg_node_leaf_written(const tg_node *node, int i);
/* What the node saved for its backward, which may have run and released it (tg_node_saved); NULL: nothing, or not
 * watched. It may have been written since. */
tg_tensor *tg_node_kept(const tg_node *node, int i);
/* Input `i`, whatever it came from: NULL if it was left out, not watched, or written since. */
tg_tensor *tg_node_input_value(const tg_node *node, int i);
/* The gradient of output `i` in the latest walk; NULL: none came. */
tg_tensor *tg_node_grad(const tg_node *node, int i);

/* ---- the latest walk ---- remembered until the next one begins, or one of its nodes goes */
typedef enum tg_walk_event {
    TG_WALK_EDGE,   /* `node`, or NULL where the walk starts, hands a gradient to its input: to `to` and `output`, or `leaf` */
    TG_WALK_VISIT,  /* it arrives at `node` */
    TG_WALK_DONE,   /* backward of `node` has returned */
    TG_WALK_LEAF    /* `leaf` is complete: its gradient is `grad` */
} tg_walk_event;

typedef struct tg_walk_step {
    tg_walk_event event;
    const tg_node *node, *to;
    int input, output;
    tg_tensor *leaf, *grad;
    tg_tensor *before;     /* of a complete leaf: its .grad before the walk; NULL: it had none */
    bool product;          /* of an edge: handed over as the factors of a product */
} tg_walk_step;

int64_t tg_walk_length(void);
/* Step `i`: of NULL members out of range. */
tg_walk_step tg_walk_step_at(int64_t i);

TG_END_DECLS

#endif
