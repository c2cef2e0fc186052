/* check.h: a program's training, watched for mistakes: `TAPEGRAD_CHECK=1 ./program`, or the functions below.
 *
 * Told of are the first op whose result is not finite though its inputs are, forward or backward, a loss that is not
 * finite, and what trains badly without an error: docs/check.md lists what is looked for, with the thresholds. Each
 * find is told once for each line and module. A run is as it would be without, bit for bit, but slower. */
#ifndef TG_CORE_WATCH_CHECK_CHECK_H
#define TG_CORE_WATCH_CHECK_CHECK_H

#include "core/base.h"

TG_BEGIN_DECLS

typedef struct tg_find {
    const char *kind;     /* "not_finite": docs/check.md has a section of this name */
    const char *where;    /* the user's line, "train.c:42"; "" when it is not known */
    const char *place;    /* the module, "CustomLSTM.lstm_cell.W_f"; "" when it is none's */
    const char *headline; /* one sentence */
    const char *text;     /* all of it, the lines that are printed */
} tg_find;

/* It may call nothing that makes tensors, and can neither begin nor end a check. What it is given is gone when it
 * returns. */
typedef void (*tg_find_fn)(const tg_find *find, void *context);

typedef struct tg_check_options {
    bool stop;         /* a find of what is not finite is an error, too, so that the run stops (TAPEGRAD_CHECK=stop) */
    tg_find_fn told;   /* NULL: finds, and a summary in the end, are printed on stderr */
    void *context;
    TG_OPTIONS_END
} tg_check_options;
#define TG_CHECK_DEFAULTS /* stop */ false, /* told */ NULL, /* context */ NULL TG_DEFAULTS_END

/* Between the two this thread is checked: `tg_check_begin(.stop = true)`. A check that is on already ends first. */
tg_status tg_check_begin_at(const char *where, tg_check_options options);
#define tg_check_begin(...)                                                                                           \
    tg_check_begin_at(TG_HERE, TG_OPTIONS(tg_check_options, TG_CHECK_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
/* Tells what can be told only in the end. Returns how much was found; 0 when no check was on, or a find is being
 * told. */
int64_t tg_check_end(void);

TG_END_DECLS

#endif
