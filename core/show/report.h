/* report.h: how well a classifier does, class by class: the confusion matrix, and precision, recall and F1.
 *
 *     tg_confusion_matrix *m = tg_confusion_matrix_new(10);
 *     for (each batch) tg_confusion_matrix_update(m, tg_argmax(scores, .dim = 1), targets);
 *     tg_classification_report_print(m, stdout);
 *     tg_confusion_matrix_print(m, stdout);
 *     tg_confusion_matrix_free(m);
 *
 * The numbers and the report's text are scikit-learn's, to the last blank, but that a class that was never predicted,
 * or never occurs, has 0 for what would be 0/0, without a warning. (Here the predictions come first, as inputs do in
 * PyTorch's losses; there they come second.) */
#ifndef TG_CORE_SHOW_REPORT_H
#define TG_CORE_SHOW_REPORT_H

#include "../tensor.h"

#include <stdio.h>

TG_BEGIN_DECLS

typedef struct tg_confusion_matrix tg_confusion_matrix;

typedef struct tg_confusion_matrix_options {
    const char *const *names; /* of the classes, copied; NULL: "0", "1", ... */
    int64_t ignore_index;     /* a target that is not counted, as in cross_entropy */
    TG_OPTIONS_END
} tg_confusion_matrix_options;
#define TG_CONFUSION_MATRIX_DEFAULTS /* names */ NULL, /* ignore_index */ -100 TG_DEFAULTS_END

/* Counts of 1 to 4096 classes, all 0. */
tg_confusion_matrix *tg_confusion_matrix_new_at(const char *where, int64_t classes, tg_confusion_matrix_options options);
#define tg_confusion_matrix_new(classes, ...)                                                                          \
    tg_confusion_matrix_new_at(TG_HERE, classes,                                                                       \
                               TG_OPTIONS(tg_confusion_matrix_options,                                                 \
                                          TG_CONFUSION_MATRIX_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
void tg_confusion_matrix_free_at(const char *where, tg_confusion_matrix *m); /* NULL is no error */
#define tg_confusion_matrix_free(m) tg_confusion_matrix_free_at(TG_HERE, m)

/* Counts one more batch: int64 or bool tensors of the same shape, each element a class. A class that is none is an
 * error that names it, and nothing of the batch is counted. */
tg_status tg_confusion_matrix_update_at(const char *where, tg_confusion_matrix *m, const tg_tensor *predictions,
                                        const tg_tensor *targets);
#define tg_confusion_matrix_update(m, predictions, targets)                                                            \
    tg_confusion_matrix_update_at(TG_HERE, m, predictions, targets)
/* All counts are 0 again. */
tg_status tg_confusion_matrix_reset_at(const char *where, tg_confusion_matrix *m);
#define tg_confusion_matrix_reset(m) tg_confusion_matrix_reset_at(TG_HERE, m)

/* How often `target` was taken for `prediction`; -1 on error. */
int64_t tg_confusion_matrix_count_at(const char *where, const tg_confusion_matrix *m, int64_t target,
                                     int64_t prediction);
#define tg_confusion_matrix_count(m, target, prediction) tg_confusion_matrix_count_at(TG_HERE, m, target, prediction)
/* A copy of all counts: int64 [classes, classes], a row for each target. */
tg_tensor *tg_confusion_matrix_counts_at(const char *where, const tg_confusion_matrix *m);
#define tg_confusion_matrix_counts(m) tg_confusion_matrix_counts_at(TG_HERE, m)

/* The part of all that were taken for what they are, the report's accuracy; 0 of none. -1 on error. */
double tg_confusion_matrix_accuracy_at(const char *where, const tg_confusion_matrix *m);
#define tg_confusion_matrix_accuracy(m) tg_confusion_matrix_accuracy_at(TG_HERE, m)

typedef struct tg_class_scores {
    double precision; /* of what was taken for this class, the part that is of it */
    double recall;    /* of what is of this class, the part that was taken for it */
    double f1;        /* their harmonic mean */
    int64_t support;  /* how many are of it */
} tg_class_scores;

typedef struct tg_classification_report {
    int64_t classes;
    const tg_class_scores *of; /* of[class]; lives as long as the innermost scope */
    double accuracy;
    tg_class_scores macro;     /* means over the classes, */
    tg_class_scores weighted;  /* and those weighted by support */
} tg_classification_report;
/* Of no classes on error. */
tg_classification_report tg_classification_report_of_at(const char *where, const tg_confusion_matrix *m);
#define tg_classification_report_of(m) tg_classification_report_of_at(TG_HERE, m)

typedef struct tg_classification_report_options {
    int digits; /* after the point, 0 to 17 */
    TG_OPTIONS_END
} tg_classification_report_options;
#define TG_CLASSIFICATION_REPORT_DEFAULTS /* digits */ 2 TG_DEFAULTS_END

/* The report as scikit-learn's classification_report prints it. As snprintf counts it: the length that the text needs,
 * of which at most `size` bytes are written; -1 on error. */
int64_t tg_classification_report_format_at(const char *where, const tg_confusion_matrix *m, char *buffer, int64_t size,
                                           tg_classification_report_options options);
#define tg_classification_report_format(m, buffer, size, ...)                                                          \
    tg_classification_report_format_at(TG_HERE, m, buffer, size,                                                       \
                                       TG_OPTIONS(tg_classification_report_options,                                    \
                                                  TG_CLASSIFICATION_REPORT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))
tg_status tg_classification_report_print_at(const char *where, const tg_confusion_matrix *m, FILE *file,
                                            tg_classification_report_options options);
#define tg_classification_report_print(m, file, ...)                                                                   \
    tg_classification_report_print_at(TG_HERE, m, file,                                                                \
                                      TG_OPTIONS(tg_classification_report_options,                                     \
                                                 TG_CLASSIFICATION_REPORT_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The counts in aligned columns under the names of the classes:
 *
 *     target \ predicted  cat  dog
 *                    cat    5    1
 *                    dog    0    7
 */
int64_t tg_confusion_matrix_format_at(const char *where, const tg_confusion_matrix *m, char *buffer, int64_t size);
#define tg_confusion_matrix_format(m, buffer, size) tg_confusion_matrix_format_at(TG_HERE, m, buffer, size)
tg_status tg_confusion_matrix_print_at(const char *where, const tg_confusion_matrix *m, FILE *file);
#define tg_confusion_matrix_print(m, file) tg_confusion_matrix_print_at(TG_HERE, m, file)

TG_END_DECLS

#endif
