/* tensorboard.h: a run as TensorBoard shows it, as torch.utils.tensorboard writes it:
 *
 *     tg_summary_writer *writer = tg_summary_writer_new("runs/first");
 *     tg_summary_writer_add_scalar(writer, "loss/train", loss, step);
 *     tg_summary_writer_add_histogram(writer, "fc.weight", model->fc->weight, step);
 *     tg_summary_writer_add_text(writer, "notes", "dropout **0.2**", step);
 *     tg_summary_writer_free(writer);
 *
 *     $ tensorboard --logdir runs
 *
 * Each event is handed to the system whole as it is added, so that a run that is killed leaves all of them; of one
 * that was being written then there may be a part, which TensorBoard passes over. A run that resumes writes a further
 * file into the same folder, with `.purge_step`, the step at which it goes on. */
#ifndef TG_CORE_SHOW_TENSORBOARD_H
#define TG_CORE_SHOW_TENSORBOARD_H

#include "../tensor.h"
#include "progress.h"

TG_BEGIN_DECLS

typedef struct tg_summary_writer tg_summary_writer;

typedef struct tg_summary_writer_options {
    const char *filename_suffix;
    int64_t purge_step; /* TensorBoard drops what earlier files have of this step and later; negative: nothing */
    tg_clock_fn wall_clock; /* seconds since 1970, of each event; NULL: the system's */
    void *clock_context;
    TG_OPTIONS_END
} tg_summary_writer_options;
#define TG_SUMMARY_WRITER_DEFAULTS                                                                                     \
    /* filename_suffix */ "", /* purge_step */ -1, /* wall_clock */ NULL, /* clock_context */ NULL TG_DEFAULTS_END

/* Makes the folder and those above it, as far as they are missing, and in it a file that no other writer has,
 * events.out.tfevents.TIME.HOST.PROCESS.NUMBER. */
tg_summary_writer *tg_summary_writer_new_at(const char *where, const char *log_dir, tg_summary_writer_options options);
#define tg_summary_writer_new(log_dir, ...)                                                                            \
    tg_summary_writer_new_at(TG_HERE, log_dir,                                                                         \
                             TG_OPTIONS(tg_summary_writer_options,                                                    \
                                        TG_SUMMARY_WRITER_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
void tg_summary_writer_free_at(const char *where, tg_summary_writer *w); /* NULL is no error */
#define tg_summary_writer_free(w) tg_summary_writer_free_at(TG_HERE, w)

/* The file's path; lives as long as the writer. NULL on error. */
const char *tg_summary_writer_path_at(const char *where, const tg_summary_writer *w);
#define tg_summary_writer_path(w) tg_summary_writer_path_at(TG_HERE, w)

/* A point of a curve. The value is kept as a float32. Tags with slashes are shown in groups. */
tg_status tg_summary_writer_add_scalar_at(const char *where, tg_summary_writer *w, const char *tag, double value,
                                          int64_t step);
#define tg_summary_writer_add_scalar(w, tag, value, step)                                                              \
    tg_summary_writer_add_scalar_at(TG_HERE, w, tag, value, step)

/* How a tensor's elements are spread, with the bins that PyTorch calls 'tensorflow': +-1e-12 times the powers of 1.1,
 * up to 1e20. What lies beyond, NaN and infinities, is in no bin, though it is in the sums; a tensor of which no
 * element is in any bin is an error. */
tg_status tg_summary_writer_add_histogram_at(const char *where, tg_summary_writer *w, const char *tag,
                                             const tg_tensor *values, int64_t step);
#define tg_summary_writer_add_histogram(w, tag, values, step)                                                          \
    tg_summary_writer_add_histogram_at(TG_HERE, w, tag, values, step)

/* A text, which TensorBoard reads as Markdown. What is no UTF-8 in it is replaced. */
tg_status tg_summary_writer_add_text_at(const char *where, tg_summary_writer *w, const char *tag, const char *text,
                                        int64_t step);
#define tg_summary_writer_add_text(w, tag, text, step) tg_summary_writer_add_text_at(TG_HERE, w, tag, text, step)

/* Brings all events to the disk. */
tg_status tg_summary_writer_flush_at(const char *where, tg_summary_writer *w);
#define tg_summary_writer_flush(w) tg_summary_writer_flush_at(TG_HERE, w)

TG_END_DECLS

#endif
