/* metrics.h: a run's numbers, step by step, as CSV and as JSON lines:
 *
 *     tg_metrics *log = tg_metrics_new(.csv = "run.csv", .jsonl = "run.jsonl");
 *     for (...) {
 *         tg_metrics_set(log, "loss", loss);
 *         tg_metrics_set(log, "lr", tg_lr(optimizer));
 *         tg_metrics_write(log, step);
 *     }
 *     tg_metrics_free(log);
 *
 *     step,loss,lr                  {"step": 0, "loss": 2.5, "lr": 0.01}
 *     0,2.5,0.01                    {"step": 1, "loss": 2.25, "lr": 0.01}
 *     1,2.25,0.01
 *
 * Each row is handed to the system whole, so that a run that is killed leaves whole rows. One that goes on after step k
 * opens the files with `.append = true, .resume_after = k`: the rows of later steps go, as they will be written again,
 * and so does half a row, if a power failure left one, or a kill in the middle of a write.
 *
 * Numbers are written with as many digits as bring back every bit, the same in every locale. NaN and the infinities are
 * nan, inf and -inf in CSV, and NaN, Infinity and -Infinity in JSON: what Python's json and PyTorch Lightning write and
 * Python's json reads (strict readers, as JavaScript's, refuse them). What is not set in a row is left out of its JSON
 * line and empty in CSV. A metric that appears later becomes one more column of the CSV file, which is then written
 * anew, whole or not at all; earlier rows are empty there. */
#ifndef TG_CORE_SHOW_METRICS_H
#define TG_CORE_SHOW_METRICS_H

#include "../base.h"

TG_BEGIN_DECLS

typedef struct tg_metrics tg_metrics;

typedef struct tg_metrics_options {
    const char *csv;   /* paths; without any, NULL, a log takes what it is given and writes nothing */
    const char *jsonl;
    /* Goes on with files that are there; otherwise they begin anew, whoever had written or is writing them: a file has
     * one log at a time. */
    bool append;
    int64_t resume_after; /* with append: rows of later steps are removed first */
    TG_OPTIONS_END
} tg_metrics_options;
#define TG_METRICS_DEFAULTS                                                                                            \
    /* csv */ NULL, /* jsonl */ NULL, /* append */ false, /* resume_after */ INT64_MAX TG_DEFAULTS_END

/* A file to go on with that was not written by this, or was changed so that it cannot be told where rows begin, is an
 * error that names the line, and stays as it is. */
tg_metrics *tg_metrics_new_at(const char *where, tg_metrics_options options);
#define tg_metrics_new(...)                                                                                            \
    tg_metrics_new_at(TG_HERE, TG_OPTIONS(tg_metrics_options, TG_METRICS_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* Closes the files; what was set and not written is dropped. NULL is no error. */
void tg_metrics_free_at(const char *where, tg_metrics *m);
#define tg_metrics_free(m) tg_metrics_free_at(TG_HERE, m)

/* A value of the row to come; another one of the same name takes its place. No metric is called "step" or "". */
tg_status tg_metrics_set_at(const char *where, tg_metrics *m, const char *name, double value);
tg_status tg_metrics_set_text_at(const char *where, tg_metrics *m, const char *name, const char *text);
#define tg_metrics_set(m, name, value)     tg_metrics_set_at(TG_HERE, m, name, value)
#define tg_metrics_set_text(m, name, text) tg_metrics_set_text_at(TG_HERE, m, name, text)

/* Writes what was set since the last row as the row of that step, into both files or, on error, into neither; then it
 * may be tried again. */
tg_status tg_metrics_write_at(const char *where, tg_metrics *m, int64_t step);
#define tg_metrics_write(m, step) tg_metrics_write_at(TG_HERE, m, step)

/* Brings all rows to the disk, where they outlive a power failure: with each checkpoint, say. */
tg_status tg_metrics_sync_at(const char *where, tg_metrics *m);
#define tg_metrics_sync(m) tg_metrics_sync_at(TG_HERE, m)

TG_END_DECLS

#endif
