/* compare_impl.h: what the port checker's files share. Internal.
 *
 *     compare.c             begins and ends
 *     compare_events.c      what the observer is told, and what is compared then
 *     compare_one.c         one tensor compared
 *     compare_run.c         the recorded run: found by name
 *     compare_names.c       what the program's modules and parameters are called there
 *     compare_tensor.c      two tensors: whether they differ, by how much
 *     compare_report.c      what is said of it
 *     compare_sum.c         what is shown, and the sum at the end
 *     compare_guess.c       what mistake it looks like: the list of guesses, each in a file with its like
 *     compare_fit.c         what guesses stand on
 *
 * Memory that lives as long as one event is the scope's that is around it (tgi_scope_alloc). */
#ifndef TG_CORE_WATCH_COMPARE_COMPARE_IMPL_H
#define TG_CORE_WATCH_COMPARE_COMPARE_IMPL_H

#include "compare.h"
#include "core/observe.h"
#include "core/show/page_impl.h"
#include "core/tensor.h"

TG_EXTERN_C_BEGIN

/* ---- the recorded run (compare_run.c) ---- */

typedef enum tgi_role {
    TGI_STATE,           /* a parameter or buffer */
    TGI_INPUT,
    TGI_OUTPUT,
    TGI_LOSS,
    TGI_STATE_AFTER,     /* a buffer, when the loss was there */
    TGI_OUTPUT_GRADIENT,
    TGI_GRADIENT,        /* a parameter's */
    TGI_ROLES
} tgi_role;

typedef struct tgi_recorded {
    const char *key;   /* in the file, "output/lstm/0/1": the array is in their order */
    tgi_role role;     /* TGI_ROLES: something else, as the generator */
    const char *name;  /* of a parameter */
    int module;        /* of an input, an output; -1: none */
    int owner;         /* the same; of a parameter the module that has it */
    int64_t call;      /* from 0 */
    int index;         /* which input, which output */
    int64_t order;     /* in the file */
    tg_tensor *tensor; /* a reference */
    bool compared;     /* with one of the program's */
    bool taken;        /* a parameter that one of the program's is */
} tgi_recorded;

typedef struct tgi_recorded_module {
    const char *name, *settings, *attributes; /* "", "LSTM(3, 4)", "num_heads=2, dropout=0.1" */
    bool trains;
    int64_t calls; /* that were recorded */
    int64_t seen;  /* the program's so far */
    bool known;    /* mode and settings here are in what follows */
    bool trains_here;
    char settings_here[256];
} tgi_recorded_module;

typedef struct tgi_run {
    tgi_recorded *items;
    int64_t count, capacity;
    tgi_recorded_module *modules;
    int64_t module_count, module_capacity;
    char *text; /* all names */
    size_t text_bytes;
    double largest[TGI_ROLES]; /* element */
} tgi_run;

bool tgi_run_load(tgi_run *run, const char *path); /* false with an error pending, and nothing is held */
void tgi_run_free(tgi_run *run);
/* NULL: there is none. */
tgi_recorded *tgi_run_find(const tgi_run *run, const char *key);
tgi_recorded *tgi_run_find_call(const tgi_run *run, tgi_role role, int module, int64_t call, int index);
tgi_recorded *tgi_run_find_named(const tgi_run *run, tgi_role role, const char *name);
/* "weight" of the module; NULL: it has none of that name. */
tgi_recorded *tgi_run_find_parameter(const tgi_run *run, int module, const char *name);
int tgi_run_module(const tgi_run *run, const char *name, size_t length); /* -1: there is none */
/* "LSTM"; the length is that up to the parenthesis. */
size_t tgi_kind_length(const char *settings);
/* The number in "num_heads=4, ..." under a key; `otherwise` where there is none. */
double tgi_attribute(const tgi_run *run, int module, const char *key, double otherwise);
/* "output 0 of lstm, call 3 of 10". */
#define TGI_RECORDED_TEXT 320
const char *tgi_recorded_text(const tgi_run *run, const tgi_recorded *r, char text[TGI_RECORDED_TEXT]);

/* ---- names (compare_names.c) ---- */

/* One of the program's parameters or buffers. */
typedef struct tgi_parameter {
    tg_tensor *tensor; /* a reference */
    char *name;        /* here */
    const char *there; /* its name in the run; NULL: it has none */
} tgi_parameter;

typedef struct tgi_names_map {
    tgi_parameter *items;
    int64_t count, capacity;
} tgi_names_map;

/* Whether a model of that state, which begins at that place, is the recorded one, and not another of the program's. */
bool tgi_names_fit(const tgi_names_map *map, const tgi_run *run, tg_named_tensor_list state, const tg_place *place);
/* Takes a model's state, once. False with an error pending. */
bool tgi_names_add(tgi_names_map *map, const tgi_run *run, tg_named_tensor_list state);
void tgi_names_free(tgi_names_map *map);
/* The recorded module of a place that a module has just entered; -1: it is not there. */
int tgi_module_of_place(const tgi_names_map *map, const tgi_run *run, const tg_place *place);

/* ---- two tensors (compare_tensor.c) ---- */

/* Elements as doubles, in row-major order, in the scope's memory. */
typedef struct tgi_reals {
    const double *at;
    int64_t count;
    tg_shape shape;
} tgi_reals;

bool tgi_reals_of(tgi_reals *values, const tg_tensor *t); /* false with an error pending */
double tgi_reals_largest(tgi_reals values); /* the largest finite element's size */

typedef struct tgi_difference {
    bool same_shape;
    bool finite;             /* ours is, wherever theirs is; otherwise `at` is the first place where it is not */
    int64_t differing;       /* elements */
    int64_t at;              /* where it is largest */
    double ours, theirs;     /* there */
    double largest, relative; /* |ours - theirs|; the same divided by the largest element */
    double ulps;
} tgi_difference;

tgi_difference tgi_differ(tgi_reals ours, tgi_reals theirs, double floor, double tolerance, bool float64);

/* ---- guesses (compare_guess.c) ---- */

enum { TGI_GUESSES = 8, TGI_GUESS_TEXT = 320, TGI_RECENT = 12, TGI_OPS_SINCE = 12 };

typedef struct tgi_guess {
    int rank;      /* the lowest are said first */
    double misfit; /* of the largest element */
    char text[TGI_GUESS_TEXT];
} tgi_guess;

/* A tensor that differs, and all that is known of how it came to be. */
typedef struct tgi_suspect {
    const tgi_run *run;
    const tgi_recorded *what;
    tgi_reals ours, theirs;
    const tgi_recorded *const *recent; /* tensors that agree and were compared just before, the latest first; of an
                                        * output, its module's inputs come first */
    int recent_count;
    double fit;                        /* misfits up to here count as none */
    tgi_guess guesses[TGI_GUESSES];
    int guess_count;
} tgi_suspect;

/* Fills in the guesses, in order. What is not known makes none; no memory neither, but for an error. */
void tgi_guess_all(tgi_suspect *s);

/* For the guesses: adds one if there is room, or if it is better than the last. */
void tgi_guess_add(tgi_suspect *s, int rank, double misfit, const char *format, ...) TG_PRINTF(4, 5);
/* Whether `count` elements agree; their misfit. Where `b` is all 0 nothing fits. */
bool tgi_fits(const tgi_suspect *s, const double *a, const double *b, int64_t count, double *misfit);
/* A recorded tensor's elements; false: there is none, or no memory. */
bool tgi_recorded_reals(tgi_reals *values, const tgi_recorded *r);
/* x with two of its dimensions exchanged, in row-major order. */
void tgi_exchange(tgi_reals x, int first, int second, double *to);
double *tgi_reals_new(int64_t count); /* NULL with an error pending */

/* What can be seen of the two tensors alone (compare_guess_values.c, compare_guess_order.c). */
void tgi_guess_values(tgi_suspect *s);
void tgi_guess_order(tgi_suspect *s);
/* Other recorded tensors that are in it (compare_guess_others.c). */
void tgi_guess_others(tgi_suspect *s);
/* Functions of one tensor (compare_guess_functions.c), norms (_norm.c), products (_linear.c), recurrent cells
 * (_recurrent.c), attention (_attention.c), losses (_loss.c): a formula for theirs, and another one of its family for
 * ours. */
void tgi_guess_functions(tgi_suspect *s);
void tgi_guess_norm(tgi_suspect *s);
void tgi_guess_linear(tgi_suspect *s);
void tgi_guess_recurrent(tgi_suspect *s);
void tgi_guess_attention(tgi_suspect *s);
void tgi_guess_loss(tgi_suspect *s);
/* What the module says of itself (compare_guess.c). */

/* ---- what is said (compare_report.c) ---- */

/* An op that was called since the last tensor that agrees. */
typedef struct tgi_op_since {
    const char *name, *where;
} tgi_op_since;

typedef struct tgi_mismatch {
    const tgi_suspect *suspect;
    tgi_difference difference;
    bool none;                   /* the program has no such tensor */
    bool grown;                  /* what it was made of differs by more than the tolerance, too */
    tg_dtype dtype;              /* ours */
    const char *where;           /* the user's line; NULL: not known */
    const char *here;            /* its name here, where that is another; NULL otherwise */
    tgi_op_since ops[TGI_OPS_SINCE];
    int64_t op_count;            /* all there were; the last TGI_OPS_SINCE are known */
    int64_t agreed;
    double drift;                /* the largest relative difference of those that agree */
} tgi_mismatch;

/* One that differs. */
void tgi_report_mismatch(tgi_page *page, const tgi_mismatch *f);
/* Which parameters are called otherwise there, and which have none. */
void tgi_report_names(tgi_page *page, const tgi_run *run, const tgi_names_map *names);

/* ---- the comparison (compare.c) ---- */

/* A module that no other is around. */
typedef struct tgi_outer {
    int32_t place;
    bool recorded; /* its model is the recorded one */
} tgi_outer;

typedef struct tgi_open_call {
    int32_t place;
    bool recorded; /* the model that it is in */
    int module;    /* -1: it was not recorded */
    int64_t call;
    double drift;  /* the largest relative difference of its inputs */
    double largest; /* element of them */
} tgi_open_call;

/* A module's output whose gradient was recorded: which output of which node it is. */
typedef struct tgi_awaited {
    uint64_t serial;
    int output;
    tgi_recorded *gradient;
} tgi_awaited;

typedef struct tgi_compare {
    tgi_run run;
    tgi_names_map names;
    tg_compare_options options;
    char *path;
    int64_t observer;     /* its number */
    bool of_environment;  /* no tg_compare_end is to come */
    bool done;            /* what comes is no longer compared */
    bool walking;         /* in the backward that ends it */

    tgi_open_call *calls;
    int64_t call_count, call_capacity;
    tgi_awaited *awaited;
    int64_t awaited_count, awaited_capacity;
    tgi_outer *outer;
    int64_t outer_count, outer_capacity;
    bool begun;           /* the recorded model has */

    const tgi_recorded *recent[TGI_RECENT]; /* that agree, a ring */
    int64_t recent_count;
    tgi_op_since ops[TGI_OPS_SINCE];        /* a ring */
    int64_t op_count;

    int64_t compared, agreed, state_findings, state_unexplained;
    double drift;                /* of those that agree, the largest relative difference */
    const tgi_recorded *drifted; /* which */
    bool found;                  /* the first difference */
    char first[TGI_RECORDED_TEXT];
    char mistake[3 * TGI_GUESS_TEXT];
    tgi_page page;
} tgi_compare;

/* What the observer is told (compare_events.c). */
extern const tg_observer tgi_compare_observer;
/* One of the program's tensors compared with a recorded one (compare_one.c); `where` is its line, or NULL. False with
 * an error pending. */
bool tgi_compare_one(tgi_compare *c, tgi_recorded *theirs, const tg_tensor *ours, const char *where);
/* The program has none where one was recorded. */
bool tgi_compare_none(tgi_compare *c, tgi_recorded *theirs);
/* How many recorded tensors nothing was compared with. */
int64_t tgi_compare_missing(const tgi_compare *c);
/* Shows what the page has had since the last time, and, at the end, the sum of it all. */
void tgi_compare_say(tgi_compare *c, int64_t from);
/* A model's state has been compared: what was found, written from `from` on, is shown. */
void tgi_compare_state_done(tgi_compare *c, int64_t from);
void tgi_compare_finish(tgi_compare *c);

TG_EXTERN_C_END

#endif
