/* generate.h: what generate.c and operands.c share: a program that runs while it is made. */
#ifndef TG_TESTS_SUPPORT_GENERATE_H
#define TG_TESTS_SUPPORT_GENERATE_H

#include "program.h"

enum { MOST_ELEMENTS = 160, MOST_LEAVES = 10, DEEPEST = 2 };

typedef struct generator {
    program *p;
    running r;
    uint64_t state;
    bool gone[PROGRAM_VALUES]; /* written in place since: another value has its tensor */
    bool used[PROGRAM_VALUES];
    int leaves;
    bool broken; /* nothing can be taken back: give up */
} generator;

static inline int below(generator *g, int n) { return (int)(program_number(&g->state) * n); }
static inline bool one_in(generator *g, int n) { return below(g, n) == 0; }

static inline int64_t numel(const generator *g, int v) { return tg_shape_numel(&g->p->values[v].shape); }
static inline const double *elements_of(const generator *g, int v) { return g->p->values[v].elements; }
static inline bool is_wide(const generator *g, int v) { return g->p->values[v].dtype == TG_FLOAT64; }

/* ---- operands.c ---- */

/* A step to be filled in; NULL when the program is full. */
step *begin_step(generator *g, step_kind kind);
/* Some steps run in a scope of their own, or have a hook. */
void adorn(generator *g, step *s);
/* Runs the step and takes its values in; the number of the first, or -1 when it had to be taken back. `in_place`: it
 * wrote its first input. */
int end_step(generator *g, step *s, bool in_place);
void take_back(generator *g, step *s);
/* Whether another value has the same tensor. */
bool is_another(const generator *g, int v);

/* A leaf or a constant of these elements, which it takes over; the same of random ones. */
int given(generator *g, step_kind kind, tg_shape shape, tg_dtype dtype, double *elements);
int random_leaf(generator *g, step_kind kind, tg_shape shape, double lo, double hi);

/* A value that there is, of float64 and with elements; -1: none. Late ones are likelier. */
int any_value(generator *g);
/* A shape that broadcasts to `shape`. */
tg_shape narrower(generator *g, tg_shape shape);
/* A value of that shape and range, one that there is or one made by up to `depth` steps of splits, views and the
 * like. */
int operand(generator *g, tg_shape shape, double lo, double hi, int depth);

#endif
