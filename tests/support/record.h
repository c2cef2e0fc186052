/* record.h: all that happens on the tape, as copies made when it happened: what tools that watch it are compared
 * with. */
#ifndef TG_TESTS_SUPPORT_RECORD_H
#define TG_TESTS_SUPPORT_RECORD_H

#include "tapegrad.h"

enum { RECORD_TENSORS = 8 /* of a node, that are copied */ };

typedef struct recorded_node {
    tg_tensor *outputs[RECORD_TENSORS], *constants[RECORD_TENSORS]; /* copies; NULL: none */
    tg_tensor *handles[RECORD_TENSORS]; /* the outputs themselves, */
    int64_t versions[RECORD_TENSORS];   /* and how often they had been written then */
    tg_tensor *grads[RECORD_TENSORS];   /* of the latest walk */
} recorded_node;

typedef struct recorded_event {
    tg_walk_event kind;
    int64_t node;     /* its index on the tape; -1: none */
    int input;
    const tg_tensor *leaf;
    tg_tensor *value; /* a copy: of the contribution, of the leaf's gradient */
    bool product;
} recorded_event;

typedef struct record {
    int64_t number;
    recorded_node *nodes;
    recorded_event *events;
    int64_t node_count, event_count;
} record;

/* Begins and ends on this thread. Walks begin the events anew. */
record *record_begin(void);
void record_end(record *r);
/* Hears no more, and keeps what it has. */
void record_stop(record *r);

#endif
