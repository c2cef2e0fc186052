/* profile.h: where a program's time goes, by op, by module and by line of the program, forward and backward apart:
 *
 *     tg_profile_begin(.skip = 2, .trace = true);
 *     for (...) { ... tg_backward(loss); tg_step(optimizer); }
 *     tg_profile_end();
 *     tg_profile_print(stdout);
 *     tg_profile_write_trace("trace.json");        for chrome://tracing or ui.perfetto.dev
 *
 * `TAPEGRAD_PROFILE=1 ./program` prints the same when the program ends, and needs no change of it;
 * `TAPEGRAD_PROFILE=trace.json` writes the trace, too. One thread is watched, the one that began (the variable: each).
 *
 * Time is self time unless it is called total: without that of ops that were called inside. It is counted exactly once,
 * so that all of it adds up to the time that went by. An op ends when its result is on the tape. Ops through which no
 * gradient can flow (argmax, comparisons, new tensors), those made of other ops, and those that had nothing to do or
 * failed do not say when they end: they have the time until the next op, module, walk or step begins or ends.
 *
 * flops are additions and multiplications, one each, of ops that say how many they compute (tg_op.flops), and bytes
 * those of tensors read and written once. Backward's are those of the gradients that were needed. */
#ifndef TG_CORE_WATCH_PROFILE_PROFILE_H
#define TG_CORE_WATCH_PROFILE_PROFILE_H

#include "core/base.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_profile_options {
    int64_t skip;        /* what comes before so many optimizer steps have been done is not counted */
    int64_t steps;       /* nor what comes after so many more; 0: all is counted */
    bool trace;          /* each call is kept, for tg_profile_write_trace */
    int64_t most_events; /* of a trace; later ones are left out, and counted */
    bool shapes;         /* calls with inputs of other shapes are told apart: TG_PROFILE_BY_SHAPE */
    TG_OPTIONS_END
} tg_profile_options;
#define TG_PROFILE_DEFAULTS                                                                                            \
    /* skip */ 0, /* steps */ 0, /* trace */ false, /* most_events */ 1000000, /* shapes */ false TG_DEFAULTS_END

/* From here on this thread is watched. What the last profile of this thread found is dropped; one that runs is an
 * error. */
tg_status tg_profile_begin_at(const char *where, tg_profile_options options);
#define tg_profile_begin(...)                                                                                          \
    tg_profile_begin_at(TG_HERE, TG_OPTIONS(tg_profile_options, TG_PROFILE_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
/* To here. What was found stays until the next one begins, or the thread ends. An error if none runs. */
tg_status tg_profile_end_at(const char *where);
#define tg_profile_end() tg_profile_end_at(TG_HERE)

/* ---- what it found ---- after tg_profile_end; an error if there was none */

/* As tables; the first time how fast this machine can compute is measured, which takes a tenth of a second. */
tg_status tg_profile_print_at(const char *where, FILE *file);
#define tg_profile_print(file) tg_profile_print_at(TG_HERE, file)
/* As Chrome's trace events: a slice for each call, with its line, its module and its flops. */
tg_status tg_profile_write_trace_at(const char *where, const char *path);
#define tg_profile_write_trace(path) tg_profile_write_trace_at(TG_HERE, path)

typedef struct tg_profile_cost {
    int64_t calls;
    double self, total; /* seconds */
    double flops, bytes;
} tg_profile_cost;

typedef struct tg_profile_entry {
    const char *name;         /* "linear", "CustomLSTM.t=*.lstm_cell.W_f", "model.c:42", "(outside)"; until the next
                               * profile of this thread */
    tg_profile_cost forward;  /* of a module or a line: of all ops there; calls of a module are its own */
    tg_profile_cost backward;
    tg_profile_cost rest;     /* optimizers, loading, and what the program does without tapegrad */
    int64_t memory;           /* bytes that were made there and not freed there */
    int64_t peak_bytes;       /* the most memory that was in use when something there had ended */
} tg_profile_entry;

typedef enum tg_profile_by {
    TG_PROFILE_BY_OP,     /* the longest self time first. In brackets: what is no op; what is called in a backward or in
                           * an optimizer has an entry of its own, "mul (in backward)" */
    TG_PROFILE_BY_MODULE, /* by place (tg_place), in the order of their tree; a total has all that is inside. Steps,
                           * "t=3", are one place, "t=*" */
    TG_PROFILE_BY_LINE,
    TG_PROFILE_BY_SHAPE   /* as by op, for each shape of the inputs */
} tg_profile_by;

/* Fills `entries` with the first `capacity` of them. Returns how many there are; -1: an error. */
int64_t tg_profile_entries_at(const char *where, tg_profile_by by, tg_profile_entry *entries, int64_t capacity);
#define tg_profile_entries(by, entries, capacity) tg_profile_entries_at(TG_HERE, by, entries, capacity)

typedef struct tg_profile_summary {
    double seconds;           /* the sum of the following five */
    double forward, backward, optimizer, loading, outside;
    double flops;
    int64_t steps;            /* of optimizers */
    int64_t peak_bytes;       /* the most memory that was in use when an op had ended, */
    const char *peak_op;      /* and which one that was; "": none */
    const char *peak_where;
    int64_t events, events_lost; /* of the trace */
} tg_profile_summary;

/* Zeros with an error pending when there is none. */
tg_profile_summary tg_profile_sum_at(const char *where);
#define tg_profile_sum() tg_profile_sum_at(TG_HERE)

TG_END_DECLS

#endif
