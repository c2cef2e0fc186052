/* observe_impl.h: telling observers. For core's own files, and for those above that know of modules.
 *
 * tgi_self.observers is NULL while nobody watches, and while an observer is being told: whoever has something to tell asks
 * that one pointer first. */
#ifndef TG_CORE_OBSERVE_IMPL_H
#define TG_CORE_OBSERVE_IMPL_H

#include "observe.h"
#include "thread.h"

TG_EXTERN_C_BEGIN

typedef struct tgi_observing {
    struct tgi_observing *next;
    int64_t number; /* they grow along the list */
    void *context;
    tg_observer functions;
} tgi_observing;

struct tgi_observers {
    tgi_observing *first;
    bool edges, leaves; /* somebody has such a function */
};

/* ---- observe.c: each tells all observers. False, or TG_FAILED, with an error pending. Only while there are some ---- */
tg_status tgi_tell_computed(const tg_computed *what);
bool tgi_tell_began(const tg_op *op, tg_tensor_list inputs);
bool tgi_tell_entered(tg_tensor_list inputs);   /* the innermost place's module */
bool tgi_tell_left(tg_tensor_list outputs);
bool tgi_tell_walk(const tg_walk *walk);
bool tgi_tell_visit(const tg_node *node, tg_tensor *const *grads);
bool tgi_tell_edge(const tg_contribution *what);
bool tgi_tell_visited(const tg_node *node);
bool tgi_tell_leaf_ready(tg_tensor *leaf, tg_tensor *grad);
bool tgi_tell_walked(tg_status status);
void tgi_tell_truncated(int64_t length);
/* The thread ends. */
void tgi_observers_free(void);

/* Not NULL: called in each thread that begins to use the library (core/watch/environment.c). */
extern void (*tgi_thread_begins)(void);

/* ---- names.c ---- */
/* Names a tensor that has no name yet. False with an error pending. */
bool tgi_name_once(tg_tensor *t, const char *name);

/* ---- place.c ---- */

/* The innermost module at work is a place from here on, until it is no longer at work. False with an error pending. */
bool tgi_place_enter(void);
/* Labels in it end: its forward has. */
void tgi_place_leave(void);
/* The number of the place we are at; 0: none, or no memory for it (and no error). Only while somebody observes. */
int32_t tgi_place_number(void);
void tgi_places_free(void);
/* A node's place while the walk is there: what backward records under create_graph belongs to it. Returns the former. */
int32_t tgi_place_lend(int32_t number);

TG_EXTERN_C_END

#endif
