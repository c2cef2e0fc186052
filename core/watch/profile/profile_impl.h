/* profile_impl.h: what a profile is made of. Internal.
 *
 * A profile's memory comes from the system and not from the thread's pool: it must not be counted among the program's,
 * and it may outlive its thread. None is no error: what finds no room is counted elsewhere (row 0). */
#ifndef TG_CORE_WATCH_PROFILE_PROFILE_IMPL_H
#define TG_CORE_WATCH_PROFILE_PROFILE_IMPL_H

#include "core/observe_impl.h"
#include "profile.h"
#include "core/watch/tape/tools_impl.h"

TG_EXTERN_C_BEGIN

/* ---- time ---- */

/* Ticks of the fastest clock there is, and the same moment in nanoseconds: two of them tell how long a tick is. */
typedef struct tgi_moment {
    uint64_t ticks, nanoseconds;
} tgi_moment;

extern bool tgi_ticks_are_cycles; /* profile_clock.c, known before the first moment */
uint64_t tgi_nanoseconds(void);
tgi_moment tgi_moment_now(void);

#if defined(__x86_64__)
static inline uint64_t tgi_ticks(void) { return tgi_ticks_are_cycles ? __builtin_ia32_rdtsc() : tgi_nanoseconds(); }
#else
static inline uint64_t tgi_ticks(void) { return tgi_nanoseconds(); }
#endif

/* ---- what is counted ---- */

typedef enum tgi_phase { TGI_FORWARD, TGI_BACKWARD, TGI_OPTIMIZER, TGI_LOADING, TGI_OUTSIDE, TGI_PHASES } tgi_phase;

typedef enum tgi_work {
    TGI_OTHER_WORK, /* the program's own, around all */
    TGI_CALL,       /* an op's function */
    TGI_VISIT,      /* a node's backward */
    TGI_MODULE,     /* a module's forward */
    TGI_WALK,       /* the engine: gradients added, slots, leaves */
    TGI_EVALUATING, /* a node's backward, too: products that it handed over, evaluated with others */
    TGI_TASK        /* an optimizer's step and such */
} tgi_work;

/* All that is the same of these is one row. Texts are copied when it is first seen: ops and lines may be a plug-in's.
 */
typedef struct tgi_profile_key {
    const void *what;  /* an op, a task's text */
    const char *where;
    uint64_t shapes;   /* their hash; 0: not told apart */
    int32_t place;
    uint8_t work, phase;
} tgi_profile_key;

/* Two lines of the cache. */
typedef struct tgi_profile_row {
    tgi_profile_key key;
    int32_t visits;       /* of an op's call: the row of its nodes' backward; 0: not yet known */
    int32_t next;         /* the row that was looked up after this one: in a loop it will be again */
    int64_t calls;
    uint64_t self, total; /* ticks */
    double flops, bytes;
    int64_t memory, peak;
    const char *name, *line, *shapes;
} tgi_profile_row;

/* A place as the profile knows it: places with steps are one. */
typedef struct tgi_profile_place {
    int32_t outer; /* 0: none */
    const char *name;
} tgi_profile_place;

/* What is at work now; a stack. */
typedef struct tgi_work_frame {
    tgi_profile_key key;
    const tg_op *op;           /* of a call */
    const tgi_inside *inside;  /* of a module */
    const void *stack;         /* of a call: how deep its function stands */
    uint64_t start, children;
    int64_t memory, memory_of_children;
    double flops, bytes;
    int32_t row;               /* -1: looked up when it ends */
} tgi_work_frame;

/* What backward will need of a node. */
typedef struct tgi_profile_node {
    uint64_t serial;
    int32_t row;
    double flops, bytes;
} tgi_profile_node;

typedef struct tgi_profile_event {
    uint64_t start, end;
    double flops;
    int32_t row;
} tgi_profile_event;

typedef struct tgi_profile {
    struct tgi_profile *next;     /* of those of threads that have ended (profile_tool.c) */
    tg_profile_options options;
    int64_t observer;             /* its number; -1: not registered */
    bool collecting;
    int thread;                   /* 1, 2, ...: in the order in which they were watched */
    int64_t steps_seen, steps;
    tgi_moment begins, ends;

    tgi_work_frame *frames;
    int64_t depth, frame_capacity;
    tgi_profile_row *rows;        /* [0]: outside of all */
    int64_t row_count, row_capacity;
    int32_t last_row;             /* that was looked up */
    int32_t *table;               /* finds one by its key's hash */
    int64_t table_size;
    tgi_profile_place *places;    /* [0]: none */
    int64_t place_count, place_capacity;
    int32_t *numbers;             /* the place of each number of core's places, 0: not yet known */
    int64_t number_capacity, generation;
    tgi_profile_node *nodes;      /* by index on the tape */
    int64_t node_capacity;
    tgi_profile_event *events;
    int64_t event_count, event_capacity, events_lost;
    int64_t peak;
    int32_t peak_row;
    struct tgi_profile_texts *texts;
} tgi_profile;

/* ---- profile_memory.c ---- */
/* NULL: there is none. Zeros. */
void *tgi_profile_alloc(size_t bytes);
void tgi_profile_dealloc(void *block, size_t bytes);
/* Room for `needed` elements, the new ones zeros. */
bool tgi_profile_grow(void *array, int64_t *capacity, int64_t needed, size_t size);
/* A copy that lives as long as the profile; "" if there is no memory. NULL is "". */
const char *tgi_profile_text(tgi_profile *p, const char *text);
tgi_profile *tgi_profile_new(tg_profile_options options);
void tgi_profile_free(tgi_profile *p);

/* ---- profile_rows.c ---- */
/* 0 if there is no memory. */
int32_t tgi_profile_row_of(tgi_profile *p, const tgi_profile_key *key, const char *name);
int32_t tgi_profile_place_of(tgi_profile *p, int32_t number);
uint64_t tgi_profile_shapes(tg_tensor_list inputs);
void tgi_profile_row_shapes(tgi_profile *p, int32_t row, tg_tensor_list inputs);

/* ---- profile_observer.c ---- */
extern const tg_observer tgi_profile_observer;
void tgi_profile_collect(tgi_profile *p);
void tgi_profile_stop(tgi_profile *p);

/* ---- profile_report.c ---- */
double tgi_profile_seconds(const tgi_profile *p, uint64_t ticks);
/* "CustomLSTM.t=*.lstm_cell.W_f" */
const char *tgi_profile_path(const tgi_profile *p, int32_t place, char *text, size_t size);
/* How many there are; `entries` is to be freed with tgi_profile_dealloc, `capacity` elements. -1: no memory. */
int64_t tgi_profile_collected(tgi_profile *p, tg_profile_by by, tg_profile_entry **entries, int64_t *capacity);
tg_profile_summary tgi_profile_summary(const tgi_profile *p);

/* ---- profile_peak.c ---- */
typedef struct tgi_peak {
    double flops, bytes; /* in a second; 0: not known */
    int threads;
} tgi_peak;
tgi_peak tgi_peak_measure(void);

/* ---- profile_print.c, profile_trace.c ---- */
void tgi_profile_write(tgi_profile *p, FILE *file);
/* Of a list of profiles. False: it could not be written, and errno says why. */
bool tgi_profile_trace(const tgi_profile *first, const char *path);

/* ---- profile_tool.c ---- */
/* Shows and frees the profiles of threads that have ended, unless the main thread's runs, which will. */
void tgi_profile_show_ended(void);

TG_EXTERN_C_END

#endif
