/* flow_impl.h: what tg_flow collects. Internal. */
#ifndef TG_CORE_WATCH_TAPE_FLOW_IMPL_H
#define TG_CORE_WATCH_TAPE_FLOW_IMPL_H

#include "flow.h"
#include "words_impl.h"

TG_EXTERN_C_BEGIN

enum { TGI_FLOW_NAME = 256 };

/* Of one leaf. */
typedef struct tgi_flow_leaf {
    char name[TGI_FLOW_NAME];
    tg_tensor *leaf, *before;  /* references; what it was at its latest walk, or NULL */
    int64_t latest;            /* the walk in which a gradient came last; -1: none */
    double *norms, *updates;   /* [walk]; NaN: nothing came */
    int64_t norm_capacity, update_capacity, count;
} tgi_flow_leaf;

/* Of one loop over time. */
typedef struct tgi_flow_entry {
    int64_t walk, step;
    double norm;
} tgi_flow_entry;

typedef struct tgi_flow_steps {
    char name[TGI_FLOW_NAME];
    tgi_flow_entry *entries;
    int64_t count, capacity;
    int64_t steps;             /* one more than the largest */
} tgi_flow_steps;

struct tg_flow {
    uint64_t alive;
    int64_t number;            /* of the observer; -1: it has ended */
    char state[TGI_FLOW_NAME];
    bool by_name, updates;
    int depth;                 /* of walks in walks: the outermost is measured */
    int64_t walks;
    tgi_addresses known;       /* leaves, of the same numbers as: */
    tgi_flow_leaf *leaves;
    int64_t leaf_count, leaf_capacity;
    tgi_flow_steps *steps;
    int64_t step_count, step_capacity;
    tgi_addresses handed_on;   /* outputs whose gradients are taken, in their order on the tape */
};

/* True for one that can be used; otherwise an error is pending. Opens the function. */
bool tgi_flow_ok(const char *where, const tg_flow *flow, const char *function);

/* |w now - w before| / |w before|; NaN if it is not known. */
double tgi_flow_update(const tgi_flow_leaf *leaf);

/* ---- flow_steps.c ---- */
/* A walk begins: which outputs are looked at. False with an error pending. */
bool tgi_flow_choose(tg_flow *flow);
/* It has come to a node. */
void tgi_flow_visit(tg_flow *flow, const tg_node *node, tg_tensor *const *grads);

TG_EXTERN_C_END

#endif
