/* check_impl.h: what the files of the checker share. Internal.
 *
 * check.c is the observer; it keeps what all lints need and tells each lint what it was told. A lint is a row of the
 * table there: its own functions of an observer, and a state of its own, of which nobody else knows. */
#ifndef TG_CORE_WATCH_CHECK_CHECK_IMPL_H
#define TG_CORE_WATCH_CHECK_CHECK_IMPL_H

#include "check.h"

#include "core/observe_impl.h"
#include "core/tape_impl.h"
#include "core/watch/tape/tools_impl.h"

TG_EXTERN_C_BEGIN

/* ---- blocks found by a key (check_table.c) ---- */

typedef struct tgi_table {
    size_t size;       /* of an item */
    void **items;      /* [0 .. count - 1], in the order in which they were made */
    uint64_t *keys;
    int64_t count, items_room, keys_room;
    int32_t *index;    /* by hash, 1 + the number of the item; 0: free */
    int bits;
} tgi_table;
/* NULL: there is none. */
void *tgi_table_find(const tgi_table *t, uint64_t key);
/* The same, made of zeros if need be. NULL with an error pending. */
void *tgi_table_at(tgi_table *t, uint64_t key);
/* Frees those that are not to be kept. */
void tgi_table_keep(tgi_table *t, bool (*keep)(void *item));
void tgi_table_free(tgi_table *t);

/* A key of a line and, if `steps`, of the whole place; otherwise of its modules alone. */
uint64_t tgi_key_of(const char *where, const tg_place *place, bool steps);
/* The path of a place's modules. */
const char *tgi_modules_text(const tg_place *place, char text[TG_PLACE_TEXT]);
/* The innermost label with a number in it, or -1. */
int64_t tgi_step_of(const tg_place *place);

/* ---- elements (check_scan.c) ---- */

typedef struct tgi_scan {
    int64_t nans, infs;
    int64_t first;          /* the number, in row-major order, of the first that is not finite; -1: none */
    double first_value;
    double min, max;        /* of the finite ones; of none inf and -inf */
} tgi_scan;
/* False only if one of its elements is not finite. */
bool tgi_all_finite(const tg_tensor *t);
tgi_scan tgi_scan_of(const tg_tensor *t);
/* Element `i` in row-major order. */
double tgi_element_number(const tg_tensor *t, int64_t i);
/* The element that broadcasting to `shape` puts at its element i; NaN and false where it does not broadcast to it. */
bool tgi_element_under(const tg_tensor *t, const tg_shape *shape, int64_t i, double *value);
/* "[3, 1]" */
const char *tgi_index_of(const tg_shape *shape, int64_t i, char text[TG_SHAPE_TEXT]);
/* The square root of the sum of squares; *zeros: the share of elements that are 0 or denormal. */
double tgi_norm_of(const tg_tensor *t, double *zeros);
/* How many elements are less than the one or more than the other. */
int64_t tgi_count_outside(const tg_tensor *t, double least, double most);
/* Sets the mark of each index along `dim` at which some element is neither 0 nor less: NaN is not. */
void tgi_mark_alive(const tg_tensor *t, int dim, int64_t *marks, int64_t mark);

/* ---- finds (check_find.c) ---- */

typedef struct tgi_check tgi_check;

typedef struct tgi_finding {
    const char *kind, *where;
    char place[TG_PLACE_TEXT];
    char headline[640];
    char rows[6144];
    size_t used;
} tgi_finding;
/* False: it was told of this kind here before, or an error is pending. */
bool tgi_find_begin(tgi_check *c, tgi_finding *f, const char *kind, const char *where, const tg_place *place);
void tgi_find_say(tgi_finding *f, const char *format, ...) TG_PRINTF(2, 3);
/* "    why      a / 0 is infinite ..." */
void tgi_find_row(tgi_finding *f, const char *label, const char *format, ...) TG_PRINTF(3, 4);
void tgi_find_tell(tgi_check *c, const tgi_finding *f);
/* "float32[10, 8], from 0 to 0.93; 3 of 80 are NaN" */
void tgi_find_row_of(tgi_finding *f, const char *label, const tg_tensor *t);
/* A tensor's name in quotes, or "a tensor of shape [2, 3]". */
#define TGI_NAMED_TEXT (TG_SHAPE_TEXT + 128)
const char *tgi_named(const tg_tensor *t, char text[TGI_NAMED_TEXT]);
/* The same of a line, "an unknown line" for none. */
const char *tgi_line(const char *where);

/* ---- what all lints know (check.c, check_leaves.c) ---- */

/* A leaf that requires grad, known since a model whose parameter it is ran forward, or a walk brought it a gradient. */
typedef struct tgi_watched {
    tg_tensor *leaf;         /* a reference */
    char name[96];
    const void *model;       /* NULL: of none */
    int64_t version;         /* of its storage, when it was looked at last */
    int64_t walks;           /* of tg_backward, that brought it a gradient, */
    int64_t walked;          /* the last of them, by number, */
    int64_t walked_version;  /* its version then; */
    int64_t steps;           /* and how often it was written between such walks */
    int64_t recorded;        /* how often an op that read it was recorded */
    const char *unrecorded_at; /* where one was not, last; NULL: nowhere */
    bool told;               /* that no loss reaches it */
} tgi_watched;

struct tgi_check {
    tg_check_options options;
    int64_t observer;        /* its number */
    int64_t gradient_observer; /* that of check_gradients.c */
    struct tgi_check_gradients *gradients;
    bool first;              /* of the process's checks */
    bool telling;            /* a function of the user's is told of a find */
    int64_t ops, walks, steps, parameters, finds; /* parameters: the most that were known at a time */
    bool in_step;            /* a tg_step is at work */
    int64_t step_calls;      /* of tg_step, since the leaves were looked at */
    int64_t steps_told;      /* those calls, and writes without one; `steps` are what wrote something */
    int64_t *counted;        /* where tg_check_end wants the number of finds; NULL: nowhere */
    int64_t faults;          /* finds of what is not finite */
    int walking;             /* walks at work: one in a hook of another is a second one */
    tg_walk walk;            /* the outermost; its list of roots holds only while it is told */
    bool accumulates;        /* it is tg_backward's */
    uint64_t before_walk;    /* the serial number that the node recorded next had when the former walk ended */
    tgi_table leaves;        /* tgi_watched by address */
    tgi_table told;          /* by kind, line and place */
    void *states[];          /* of the lints */
};

/* A state begins with this. */
typedef struct tgi_lint_state {
    tgi_check *check;
} tgi_lint_state;

typedef struct tgi_lint {
    size_t state_size;
    tg_observer functions;   /* their context is the state, made of zeros; `ended` frees what it holds, not itself */
    void (*finished)(void *state);   /* the check ends, and may still find something; NULL: nothing */
} tgi_lint;

/* NULL: not a leaf that is known. */
tgi_watched *tgi_watched_of(const tgi_check *c, const tg_tensor *leaf);
/* The model at work has begun a forward: its parameters are known from now on. */
void tgi_know_parameters(tgi_check *c);
tgi_watched *tgi_know_leaf(tgi_check *c, tg_tensor *leaf);
/* Lets those go that nobody else holds, and notes which have been written. */
void tgi_look_at_leaves(tgi_check *c);
void tgi_forget_leaves(tgi_check *c);

/* Of an op in place the plain one's. */
static inline const tg_op *tgi_plain_op(const tg_op *op) { return op->in_place_of ? op->in_place_of : op; }
static inline bool tgi_op_is(const tg_op *op, unsigned traits) { return tgi_plain_op(op)->traits & traits; }

/* ---- backwards held against differences (check_gradients.c) ---- */
bool tgi_check_gradients_begin(tgi_check *c); /* false with an error pending */
void tgi_check_gradients_say(const tgi_check *c);
void tgi_check_gradients_free(tgi_check *c);

/* ---- the lints ---- */
extern const tgi_lint tgi_lint_finite, tgi_lint_loss_inputs, tgi_lint_reach, tgi_lint_steps, tgi_lint_training, tgi_lint_loss_values,
    tgi_lint_units, tgi_lint_flow, tgi_lint_carry, tgi_lint_kept, tgi_lint_modes;

TG_EXTERN_C_END

#endif
