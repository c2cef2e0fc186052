/* metrics_impl.h: what a log of metrics is made of. Internal. */
#ifndef TG_CORE_SHOW_METRICS_IMPL_H
#define TG_CORE_SHOW_METRICS_IMPL_H

#include "append_impl.h"
#include "metrics.h"

TG_EXTERN_C_BEGIN

/* A metric, and its value in the row to come. */
typedef struct tgi_metric {
    struct tgi_metric *next;
    size_t bytes;      /* of its block */
    bool set, in_csv;  /* in_csv: the file has a column for it; these come first in the list */
    double value;
    char *text;        /* or NULL: a number */
    size_t text_bytes;
    char name[];
} tgi_metric;

struct tg_metrics {
    uint64_t alive;
    size_t bytes;
    tgi_output csv, jsonl;  /* of those that have a path */
    const char *csv_path, *jsonl_path;
    int64_t header;         /* bytes of the CSV file's first row; 0: it has none yet */
    tgi_metric *first;
};

/* The metric of that name (so many bytes of it), made if need be; NULL with an error pending. */
tgi_metric *tgi_metric_of(tg_metrics *m, const char *name, size_t length);

/* The rows, with their newlines. */
void tgi_put_csv_header(tgi_text *t, const tg_metrics *m);
void tgi_put_csv_row(tgi_text *t, const tg_metrics *m, int64_t step);
void tgi_put_json_row(tgi_text *t, const tg_metrics *m, int64_t step);

/* For a file that is to be gone on with: removes the rows behind step `resume_after`, and half a row at the end, by
 * writing it anew, if there are any; of CSV it learns the header. What is not there needs nothing. False with an error
 * pending, and the file is as it was. */
bool tgi_metrics_resume_csv(tg_metrics *m, int64_t resume_after);
bool tgi_metrics_resume_jsonl(tg_metrics *m, int64_t resume_after);

TG_EXTERN_C_END

#endif
