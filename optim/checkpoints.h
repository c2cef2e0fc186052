/* checkpoints.h: a folder of checkpoints of one run, of which the last few are kept, and the best.
 *
 *     tg_checkpoints *kept = tg_checkpoints_new("runs/a", .keep = 3);
 *     int64_t step = 0;
 *     const tg_checkpoint_parts run = { .model = TG_MODULE(model), .optimizer = optimizer, .step = &step };
 *     tg_checkpoints_load_latest(kept, .parts = &run);       // a first start finds none, which is no error
 *     while (tg_ok() && step < 10000) {
 *         ...
 *         if (++step % 100 == 0) tg_checkpoints_save(kept, step, validation_loss, .parts = &run);
 *     }
 *     tg_checkpoints_load_best(kept, .model = TG_MODULE(model), .leave_generator = true);
 *     tg_checkpoints_free(kept);
 *
 * The folder has files step-000100.safetensors, step-000200.safetensors, ..., and best.safetensors; each is a
 * checkpoint of its own (checkpoint.h), with "checkpoint.step" and "checkpoint.metric" in it. Nothing else that lies
 * there is touched. A program that was killed in the middle may leave step-000300.safetensors.part or
 * best.safetensors.link, which the next save clears away. One program at a time writes to a folder; any number may
 * read it. */
#ifndef TG_OPTIM_CHECKPOINTS_H
#define TG_OPTIM_CHECKPOINTS_H

#include "checkpoint.h"

TG_BEGIN_DECLS

typedef struct tg_checkpoints tg_checkpoints;

/* Which metric is the best. NaN never is. */
typedef enum tg_best { TG_NO_BEST, TG_LOWEST, TG_HIGHEST } tg_best;

#define TG_KEEP_ALL INT64_MAX

typedef struct tg_checkpoints_options {
    int64_t keep; /* so many of the newest, one at least */
    tg_best best;
    TG_OPTIONS_END
} tg_checkpoints_options;
#define TG_CHECKPOINTS_DEFAULTS /* keep */ 3, /* best */ TG_LOWEST TG_DEFAULTS_END

/* Makes the folder, and those that it is to lie in, if they are not there. NULL on error. */
tg_checkpoints *tg_checkpoints_new_at(const char *where, const char *folder, tg_checkpoints_options options);
#define tg_checkpoints_new(folder, ...)                                                                                \
    tg_checkpoints_new_at(TG_HERE, folder,                                                                             \
                          TG_OPTIONS(tg_checkpoints_options, TG_CHECKPOINTS_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
/* The files stay. NULL is fine. */
void tg_checkpoints_free_at(const char *where, tg_checkpoints *checkpoints);
#define tg_checkpoints_free(checkpoints) tg_checkpoints_free_at(TG_HERE, checkpoints)

/* Saves the parts as of that step; a metric that is better than all before makes it the best one, too (the same file
 * under two names, where the file system can). When the new one is safe on the disk, those that are beyond the last
 * `keep` are removed; one that cannot be is a warning.
 *
 * Steps do not fall: one below the last that was saved or loaded is an error. After tg_checkpoints_load_best, or when
 * later ones were damaged, the steps beyond the loaded one belong to a run that was left, and go with the next save. A
 * program that has loaded nothing does not write at or before the steps of another run: that is an error, too, which
 * says that the folder is in use; one that has loaded a step may save it again. */
tg_status tg_checkpoints_save_at(const char *where, tg_checkpoints *checkpoints, int64_t step, double metric,
                                 tg_checkpoint_parts parts);
#define tg_checkpoints_save(checkpoints, step, metric, ...)                                                            \
    TGI_WITH_PARTS(tg_checkpoints_save_at, (checkpoints, step, metric) __VA_OPT__(,) __VA_ARGS__)

/* Loads the newest one that is whole, all or nothing (tg_checkpoint_load), and returns its step. One that is damaged is
 * passed over with a warning; when all of the last ones are, the best one is taken. -1 when the folder has none, which
 * is no error, and on an error: they are all damaged, or the newest whole one does not fit. */
int64_t tg_checkpoints_load_latest_at(const char *where, tg_checkpoints *checkpoints, tg_checkpoint_parts parts);
#define tg_checkpoints_load_latest(checkpoints, ...)                                                                   \
    TGI_WITH_PARTS(tg_checkpoints_load_latest_at, (checkpoints) __VA_OPT__(,) __VA_ARGS__)
/* The same of the best one; if that is damaged, it is an error. */
int64_t tg_checkpoints_load_best_at(const char *where, tg_checkpoints *checkpoints, tg_checkpoint_parts parts);
#define tg_checkpoints_load_best(checkpoints, ...)                                                                     \
    TGI_WITH_PARTS(tg_checkpoints_load_best_at, (checkpoints) __VA_OPT__(,) __VA_ARGS__)

/* What the best one had, also of a run before; NaN and -1 when there is none, and on error. */
double tg_checkpoints_best_metric_at(const char *where, const tg_checkpoints *checkpoints);
int64_t tg_checkpoints_best_step_at(const char *where, const tg_checkpoints *checkpoints);
#define tg_checkpoints_best_metric(checkpoints) tg_checkpoints_best_metric_at(TG_HERE, checkpoints)
#define tg_checkpoints_best_step(checkpoints)   tg_checkpoints_best_step_at(TG_HERE, checkpoints)

TG_END_DECLS

#endif
