/* explain_impl.h: what tg_explain knows: a value, the paths from it to L, and a walk over them. Internal. */
#ifndef TG_CORE_WATCH_TAPE_EXPLAIN_IMPL_H
#define TG_CORE_WATCH_TAPE_EXPLAIN_IMPL_H

#include "explain.h"
#include "words_impl.h"

#include "core/observe_impl.h"

TG_EXTERN_C_BEGIN

/* What has a gradient: an output of a node, or a leaf. */
typedef struct tgi_value {
    const tg_node *node; /* NULL: a leaf */
    int output;
    const tg_tensor *leaf;
} tgi_value;

static inline bool tgi_reads(const tg_node *node, int input, const tgi_value *value)
{
    const tgi_edge *edge = &tgi_inputs(node)[input];
    return value->node ? edge->output == value->output && edge->to.node == value->node
                       : edge->output == TGI_TO_LEAF && edge->to.leaf == value->leaf;
}

typedef struct tgi_explaining {
    tgi_page page;
    tgi_leaves leaves;
    tg_explain_options options;
    const tg_tensor *tensor;
    tgi_value value;      /* it */
    tgi_value root;       /* L: of a node */
    uint8_t *leads;       /* [node's index]: it uses the value, or what was made of it; up to L */
    int64_t length;
    tg_walk_step *steps;  /* of the walk: TG_WALK_EDGE; TG_WALK_VISIT, one for each output, with its gradient */
    int64_t step_count, step_capacity;
    int64_t *visits;      /* [node's index]: 1 + the first of its TG_WALK_VISIT; 0: the walk was not there */
    tg_tensor *leaf_grad; /* the value's, if it is a leaf; a reference */
    tgi_traces traces;    /* what the walk that is made leaves on the tape, until all is told */
} tgi_explaining;

/* ---- explain_walk.c ---- */

/* Finds L, and whether anything made of the value leads to it. False with an error pending, or *why. */
bool tgi_explain_find(tgi_explaining *e, const char **why);
/* Makes the walk, or takes the one that is remembered. False with an error pending, or *why. */
bool tgi_explain_walk(tgi_explaining *e, const char **why);
void tgi_explain_free(tgi_explaining *e);
/* The gradient of a value: all that came to it. NULL: nothing did. */
const tg_tensor *tgi_explain_grad(const tgi_explaining *e, const tgi_value *value);

/* ---- watch.c ---- */
/* If the tape is watched, keeps the values of a node that the watcher was not told of. */
void tgi_watch_node(const tg_computed *what);
/* The step of a walk that a contribution is, with this gradient. */
tg_walk_step tgi_step_from(const tg_contribution *what, tg_tensor *grad);

/* ---- explain_why.c ---- */
/* Why nothing comes to a tensor that requires no gradient; and to one that does, but does not lead to L. */
void tgi_explain_untracked(tgi_explaining *e);
void tgi_explain_unreached(tgi_explaining *e);

TG_EXTERN_C_END

#endif
