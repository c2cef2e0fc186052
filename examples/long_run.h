/* long_run.h: a training of so many steps, for the examples that are such a loop. Ctrl-C ends it after the step at
 * work; then it is saved, says how to go on, and goes on with the very bits of one that was never interrupted.
 *
 *     long_run run = { .steps = 1500, .file = "vae.safetensors" };
 *     const argument arguments[] = { ..., LONG_RUN_ARGUMENTS(run), { NULL, NULL, NULL, NULL } };
 *     ...
 *     const tg_checkpoint_parts all = { .model = TG_MODULE(m), .optimizer = adam, .step = &run.step };
 *     long_run_begin(&run, &all, argv);
 *     while (long_run_goes_on(&run)) {
 *         const double loss = train_step(m, adam);
 *         long_run_step(&run, loss);
 *         tg_progress_print(stdout, "step %lld: loss %.6g\n", (long long)run.step, loss);
 *     }
 *     if (long_run_end(&run)) show(m);
 *     ...
 *     return long_run_status(&run);
 *
 * What it says of itself goes to stderr: the output of an interrupted run and that of its rest, one behind the other,
 * are the output of a whole one. */
#ifndef TG_EXAMPLES_LONG_RUN_H
#define TG_EXAMPLES_LONG_RUN_H

#include "run.h"

#include <tapegrad.h>

typedef struct long_run {
    double steps;                     /* how many there are to be, */
    const char *unit;                 /* and what they are called; NULL: "step" */
    const char *file;                 /* where it is saved when it is interrupted; or as --save says, */
    const char *save;                 /* and then in the end, too. NULL: not given */
    const char *resume;               /* --resume, or NULL */
    int64_t step;                     /* how many are done */
    const tg_checkpoint_parts *parts; /* all that a checkpoint has of it, `step` too */
    char **argv;
    tg_progress *bar;
} long_run;

#define LONG_RUN_ARGUMENTS(run)                                                                                        \
    { "--save", NULL, "a checkpoint of its end; where Ctrl-C ends it there is one anyway", &(run).save },              \
    { "--resume", NULL, "a checkpoint to go on from", &(run).resume }

/* Everything is made: models, optimisers, data. Where a run is resumed they get the values that they had. */
static inline void long_run_begin(long_run *r, const tg_checkpoint_parts *parts, char **argv)
{
    r->parts = parts;
    r->argv = argv;
    if (r->resume) tg_checkpoint_load(r->resume, .parts = parts);
    r->bar = tg_progress_new((int64_t)r->steps, .unit = r->unit, .initial = r->step, .leave = false);
    tg_catch_interrupt();
}

/* Whether there is to be another step. All that belongs to the last one is done. */
static inline bool long_run_goes_on(const long_run *r)
{
    fflush(stdout); /* where it goes to a file, too, a line is there when it is printed */
    return tg_ok() && !tg_interrupted() && (double)r->step < r->steps;
}

/* One more step is done. */
static inline void long_run_step(long_run *r, double loss)
{
    r->step++;
    tg_progress_set(r->bar, "loss", loss);
    tg_progress_update(r->bar);
}

static inline bool long_run_is_done(const long_run *r) { return (double)r->step >= r->steps; }

/* True when all steps are done. Otherwise it was interrupted, and is saved, or an error is pending. */
static inline bool long_run_end(long_run *r)
{
    const bool done = long_run_is_done(r);
    const char *file = r->save ? r->save : r->file;
    tg_progress_free(r->bar);
    if (r->save || !done) tg_checkpoint_save(file, .parts = r->parts);
    tg_release_interrupt(); /* what comes so late as this does not hinder it from being saved */
    if (tg_ok() && !done) {
        fprintf(stderr, "interrupted after %s %lld; ", r->unit ? r->unit : "step", (long long)r->step);
        print_how_to_go_on(stderr, r->argv, "--resume", file);
    }
    return tg_ok() && done;
}

/* What the program returns. */
static inline int long_run_status(const long_run *r)
{
    if (tg_failed()) return 1; /* the message was printed where it happened */
    return long_run_is_done(r) ? 0 : 128 + tg_interrupted();
}

#endif
