/* observe_impl.h: telling observers. For core's own files, and for those above that know of modules.
 *
 * tgi_self.observers is NULL while nobody watches, and while an observer is being told: whoever has something to tell
 * asks that one pointer first. How it is told is in a table behind that pointer (observe.c), so that a program in which
 * nobody watches links none of it. */
#ifndef TG_CORE_OBSERVE_IMPL_H
#define TG_CORE_OBSERVE_IMPL_H

#include "observe.h"
#include "thread.h"

TG_EXTERN_C_BEGIN

/* Each tells all observers. False, or TG_FAILED, with an error pending. */
typedef struct tgi_telling {
    tg_status (*computed)(const tg_op *op, tg_tensor_list inputs, tg_tensor_list outputs, tg_node *node);
    bool (*began)(const tg_op *op, tg_tensor_list inputs, bool by_user);
    void (*returned)(const tg_op *op);
    bool (*entered)(tg_tensor_list inputs); /* the innermost module at work */
    bool (*left)(tg_tensor_list outputs);
    bool (*name)(tg_tensor *t, const char *name); /* tells nobody: names a tensor that has no name yet */
    bool (*walk)(const tg_walk *walk);
    bool (*visit)(const tg_node *node, tg_tensor *const *grads);
    bool (*edge)(const tg_contribution *what);
    bool (*visited)(const tg_node *node);
    /* Of one that is visited: what is recorded from now on, or until now, in the innermost scope is at its place as
     * when it was recorded itself; tells nobody. False with an error pending. */
    bool (*again)(const tg_node *node, bool begins);
    bool (*product)(const tg_node *node, const tg_product *product);
    bool (*evaluating)(const tg_node *last, const tg_product *products, int64_t count);
    bool (*leaf_ready)(tg_tensor *leaf, tg_tensor *grad);
    bool (*walked)(tg_status status);
    bool (*task)(const tg_task *task, bool begins);
    void (*truncated)(int64_t length);
} tgi_telling;

typedef struct tgi_observing {
    struct tgi_observing *next;
    int64_t number; /* they grow along the list */
    void *context;
    tg_observer functions;
} tgi_observing;

struct tgi_observers {
    const tgi_telling *tell;
    tgi_observing *first;
    const tgi_observing *only; /* the first, if it is the only one and plain */
    bool edges, leaves; /* somebody has such a function */
    bool by_user;       /* the op that began last was called by the program, not by the library */
};

/* The end of an op that is told by nothing else, as of one that had nothing to do. Returns its result. */
static inline tg_tensor *tgi_returns(const tg_op *op, tg_tensor *result)
{
    if (tgi_self.observers) tgi_self.observers->tell->returned(op);
    return result;
}

static inline void tgi_tell_task(const char *what, const char *of, const char *where, bool begins)
{
    const tg_task task = { what, of, where ? where : tgi_self.where };
    if (tgi_self.observers) tgi_self.observers->tell->task(&task, begins);
}

/* Between the two this observer alone is told, of a walk that is none of the program's. Whoever is registered
 * meanwhile, by a hook, joins the others at the end. */
typedef struct tgi_alone {
    tgi_observing observing;
    tgi_observers only, *all, *told;
    bool telling;
} tgi_alone;
void tgi_observe_alone(tgi_alone *alone, const tg_observer *observer, void *context);
void tgi_observe_alone_end(tgi_alone *alone);

/* The nodes that functions record which run again (recompute.c) stay while somebody observes. Those of a walk that is
 * none of the program's go with the second of these two, but where a hook recorded nodes of its own. */
typedef struct tgi_traces {
    int64_t length, again;
} tgi_traces;
tgi_traces tgi_traces_begin(void);
void tgi_traces_end(const tgi_traces *traces);

/* ---- place.c ---- */

/* The innermost module at work is a place from here on, until it is no longer at work. False with an error pending. */
bool tgi_place_enter(void);
/* Labels in it end: its forward has. False: it is none, since nobody observed when it began, or there was no memory. */
bool tgi_place_leave(void);
/* The number of the place we are at; 0: none, or no memory for it (and no error). */
int32_t tgi_place_number(void);
/* A node's place while a walk is there: what is recorded by its backward belongs to it. 0: the walk is at none. */
void tgi_place_lend(int32_t number);
/* Ends the loan. Until the innermost scope ends we are at that place, as under a label. */
void tgi_place_resume(int32_t number);
void tgi_places_free(void);
/* NULL: no place has this number. */
const tg_place *tgi_place_numbered(int32_t number);
/* Grows when numbers become free, to be given to other places. An open place keeps its own. */
int64_t tgi_place_generation(void);

/* ---- names.c ---- */
/* Names a parameter of a module that has no name yet. False with an error pending. */
bool tgi_name_once(tg_tensor *t, const char *name);
/* Whether a module whose forward ran under observation has it. */
bool tgi_is_parameter(const tg_tensor *t);

TG_EXTERN_C_END

#endif
