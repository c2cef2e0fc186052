/* progress.h: how far a long run has come, in one line at the bottom of the terminal:
 *
 *     tg_progress *bar = tg_progress_new(steps, .description = "train");
 *     for (int64_t step = 0; tg_ok() && step < steps; step++) {
 *         ...
 *         tg_progress_set(bar, "loss", loss);
 *         tg_progress_update(bar);
 *     }
 *     tg_progress_free(bar);
 *
 *     train:  45%|##########............| 450/1000 [00:12<00:15, 36.2 step/s, loss=0.1234]
 *
 * In brackets: the time gone by and the time left, the rate, the metrics. Where the output is no terminal a line is
 * printed now and then. The environment variable TAPEGRAD_PROGRESS=0 silences every bar whose style is not given;
 * "bar" and "lines" choose one. A bar that is made while another is open stands below it. Any thread may update a bar,
 * and each may have bars of its own. What cannot be printed is not printed, and is no error: it concerns no result. */
#ifndef TG_CORE_SHOW_PROGRESS_H
#define TG_CORE_SHOW_PROGRESS_H

#include "../base.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_progress tg_progress;

typedef enum tg_progress_style {
    TG_PROGRESS_AUTO,  /* a bar on a terminal, otherwise lines */
    TG_PROGRESS_BAR,   /* one line that is drawn anew, ten times a second at most */
    TG_PROGRESS_LINES, /* a line for each tenth, one in two seconds at most, one in half a minute at least; the last */
    TG_PROGRESS_SILENT
} tg_progress_style;

/* Seconds since whenever; never fewer than before. */
typedef double (*tg_clock_fn)(void *context);

typedef struct tg_progress_options {
    const char *description;
    const char *unit;
    int64_t initial; /* done before this run, which resumes one; the rate is that of this run */
    bool leave;      /* the last state stays to be seen when the bar is freed; otherwise the line is cleared */
    tg_progress_style style;
    FILE *file;      /* NULL: stderr */
    int width;       /* columns; 0: the terminal's */
    int ascii;       /* 1 no characters but ASCII, 0 any, -1 as the environment's locale says */
    tg_clock_fn clock; /* NULL: the system's, that no one sets */
    void *clock_context;
    TG_OPTIONS_END
} tg_progress_options;
#define TG_PROGRESS_DEFAULTS                                                                                           \
    /* description */ NULL, /* unit */ "step", /* initial */ 0, /* leave */ true, /* style */ TG_PROGRESS_AUTO,        \
        /* file */ NULL, /* width */ 0, /* ascii */ -1, /* clock */ NULL, /* clock_context */ NULL TG_DEFAULTS_END

/* Of so many steps; a total that is negative is unknown. Texts are copied. The file stays open until the bar is freed.
 * */
tg_progress *tg_progress_new_at(const char *where, int64_t total, tg_progress_options options);
#define tg_progress_new(total, ...)                                                                                    \
    tg_progress_new_at(TG_HERE, total,                                                                                 \
                       TG_OPTIONS(tg_progress_options, TG_PROGRESS_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Shows the last state, with the mean rate, and leaves it there. NULL is no error. */
void tg_progress_free_at(const char *where, tg_progress *p);
#define tg_progress_free(p) tg_progress_free_at(TG_HERE, p)

/* One more step is done, or `n` more: `tg_progress_update(p)`, `tg_progress_update(p, batch)`. Some ten nanoseconds.
 * While an error is pending no step is done, and no metric is set. */
void tg_progress_update_at(const char *where, tg_progress *p, int64_t n);
#define tg_progress_update(p, ...) tg_progress_update_at(TG_HERE, p, TG_OR(1, __VA_ARGS__))

/* A metric's value, shown from the next update on. Metrics stand in the order in which they were first set. */
void tg_progress_set_at(const char *where, tg_progress *p, const char *name, double value);
void tg_progress_set_text_at(const char *where, tg_progress *p, const char *name, const char *text);
#define tg_progress_set(p, name, value)     tg_progress_set_at(TG_HERE, p, name, value)
#define tg_progress_set_text(p, name, text) tg_progress_set_text_at(TG_HERE, p, name, text)

/* Another text before the bar, or none (NULL); another total. Drawn at once. */
void tg_progress_set_description_at(const char *where, tg_progress *p, const char *description);
void tg_progress_set_total_at(const char *where, tg_progress *p, int64_t total);
#define tg_progress_set_description(p, description) tg_progress_set_description_at(TG_HERE, p, description)
#define tg_progress_set_total(p, total)             tg_progress_set_total_at(TG_HERE, p, total)

/* How many steps are done, `initial` included; 0 on error. */
int64_t tg_progress_done_at(const char *where, const tg_progress *p);
#define tg_progress_done(p) tg_progress_done_at(TG_HERE, p)

/* printf to a file, stdout say, while bars are shown: the text stands above them. With or without bars it ends with a
 * newline, its own or one that is added. (What the library says of errors and warnings itself stands above them, too.)
 * */
void tg_progress_print_at(const char *where, FILE *file, const char *format, ...) TG_PRINTF(3, 4);
#define tg_progress_print(file, ...) tg_progress_print_at(TG_HERE, file, __VA_ARGS__)

TG_END_DECLS

#endif
