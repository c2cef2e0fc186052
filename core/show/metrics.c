/* metrics.c: a log of metrics: its life, its files, and what is written to them. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "metrics_impl.h"

#include "core/error.h"
#include "core/file/input_impl.h"
#include "core/tensor_impl.h"

#include <string.h>
#include <sys/stat.h>

#define ALIVE UINT64_C(0x6d65747269637321)

static bool metrics_ok(const char *where, const tg_metrics *m, const char *what)
{
    tgi_begin(where, what);
    if (m && m->alive == ALIVE) return true;
    if (m)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the metrics were freed, or are none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the metrics are NULL");
    return false;
}

/* ---- life ---- */

static void close_all(tg_metrics *m)
{
    if (m->csv_path) tgi_output_abandon(&m->csv); /* which only closes what is appended to */
    if (m->jsonl_path) tgi_output_abandon(&m->jsonl);
    for (tgi_metric *metric = m->first, *next; metric; metric = next) {
        next = metric->next;
        tgi_free(metric->text, metric->text_bytes);
        tgi_free(metric, metric->bytes);
    }
    m->alive = 0;
    tgi_free(m, m->bytes);
}

static bool open_log(tgi_output *out, const char *path, bool append)
{
    if (!path) return true;
    if (!tgi_output_append(out, "metrics_new", path)) return false;
    if (append) return true;
    tgi_append_undo(out, 0);
    if (out->written == 0) return true;
    tg_fail_at(NULL, TG_ERROR_FILE, "metrics_new", "%s: cannot be emptied", path);
    return false;
}

tg_metrics *tg_metrics_new_at(const char *where, tg_metrics_options o)
{
    static const char what[] = "metrics_new";
    tgi_begin(where, what);
    if (tg_failed()) return NULL;
    if (o.csv && o.jsonl && strcmp(o.csv, o.jsonl) == 0) {
        tg_fail_at(where, TG_ERROR_VALUE, what, "%s: csv and jsonl are two files", o.csv);
        return NULL;
    }
    const size_t csv = o.csv ? strlen(o.csv) + 1 : 0, jsonl = o.jsonl ? strlen(o.jsonl) + 1 : 0;
    tg_metrics *m = tgi_calloc(sizeof *m + csv + jsonl);
    if (!m) return NULL;
    char *text = (char *)(m + 1);
    m->alive = ALIVE;
    m->bytes = sizeof *m + csv + jsonl;
    m->csv.fd = m->jsonl.fd = -1;
    if (o.csv) m->csv_path = memcpy(text, o.csv, csv);
    if (o.jsonl) m->jsonl_path = memcpy(text + csv, o.jsonl, jsonl);
    const bool learnt =
        !o.append || (tgi_metrics_resume_csv(m, o.resume_after) && tgi_metrics_resume_jsonl(m, o.resume_after));
    if (learnt && open_log(&m->csv, m->csv_path, o.append) && open_log(&m->jsonl, m->jsonl_path, o.append)) return m;
    close_all(m);
    return NULL;
}

void tg_metrics_free_at(const char *where, tg_metrics *m)
{
    if (m && metrics_ok(where, m, "metrics_free")) close_all(m);
}

/* ---- values ---- */

/* The metric to be set; NULL with an error pending. */
static tgi_metric *named(const char *where, tg_metrics *m, const char *name, const char *what)
{
    if (!metrics_ok(where, m, what) || tg_failed()) return NULL;
    if (!name || !name[0] || strcmp(name, "step") == 0) {
        tg_fail_at(where, name ? TG_ERROR_VALUE : TG_ERROR_NULL, what, "no metric is called %s",
                   !name     ? "NULL"
                   : name[0] ? "step: that is the row's number"
                             : "\"\"");
        return NULL;
    }
    return tgi_metric_of(m, name, strlen(name));
}

tg_status tg_metrics_set_at(const char *where, tg_metrics *m, const char *name, double value)
{
    tgi_metric *metric = named(where, m, name, "metrics_set");
    if (!metric) return TG_FAILED;
    tgi_free(metric->text, metric->text_bytes);
    metric->text = NULL;
    metric->value = value;
    metric->set = true;
    return TG_OK;
}

tg_status tg_metrics_set_text_at(const char *where, tg_metrics *m, const char *name, const char *text)
{
    static const char what[] = "metrics_set_text";
    tgi_metric *metric = named(where, m, name, what);
    if (!metric) return TG_FAILED;
    if (!text) {
        tg_fail_at(where, TG_ERROR_NULL, what, "the text of %s is NULL", name);
        return TG_FAILED;
    }
    const size_t bytes = strlen(text) + 1;
    char *copy = tgi_calloc(bytes);
    if (!copy) return TG_FAILED;
    memcpy(copy, text, bytes);
    tgi_free(metric->text, metric->text_bytes);
    metric->text = copy;
    metric->text_bytes = bytes;
    metric->set = true;
    return TG_OK;
}

/* ---- columns that appear later ---- */

/* How many metrics have no column yet. One that was made by a row that could not be written counts, too. */
static int64_t missing_columns(const tg_metrics *m)
{
    int64_t missing = 0;
    for (const tgi_metric *metric = m->first; metric; metric = metric->next) missing += !metric->in_csv;
    return missing;
}

/* Copies the rows below the header, each with so many empty fields more. */
static bool copy_rows(const tgi_input *in, int64_t from, int64_t fields, tgi_output *out)
{
    char piece[8192];
    bool quoted = false;
    for (int64_t at = from, n; at < in->size; at += n) {
        n = in->size - at < (int64_t)sizeof piece ? in->size - at : (int64_t)sizeof piece;
        if (!tgi_input_read(in, at, piece, n)) return false;
        for (int64_t i = 0; i < n; i++) {
            quoted ^= piece[i] == '"';
            if (piece[i] == '\n' && !quoted)
                for (int64_t k = 0; k < fields; k++)
                    if (!tgi_output_write(out, ",", 1)) return false;
            if (!tgi_output_write(out, &piece[i], 1)) return false;
        }
    }
    return true;
}

static void note_columns(tg_metrics *m, int64_t header)
{
    m->header = header;
    for (tgi_metric *metric = m->first; metric; metric = metric->next) metric->in_csv = true;
}

/* Whether the path leads to another file than the one that is open. */
static bool replaced(const tg_metrics *m)
{
    struct stat opened, there;
    return fstat(m->csv.fd, &opened) == 0 && stat(m->csv_path, &there) == 0 &&
           (opened.st_ino != there.st_ino || opened.st_dev != there.st_dev);
}

/* Writes the file anew with a longer header, and opens the new one. */
static bool widen(tg_metrics *m, const tgi_text *header)
{
    static const char what[] = "metrics_write";
    tgi_input in;
    tgi_output out;
    if (replaced(m)) { /* by another program; or the path is relative, and the program has gone to another folder */
        tg_fail_at(NULL, TG_ERROR_FILE, what,
                   "%s: is another file than the one that was opened, which gets no new column", m->csv_path);
        return false;
    }
    if (!tgi_input_open(&in, what, m->csv_path)) return false;
    bool written = tgi_output_open(&out, what, m->csv_path);
    if (written) {
        written = tgi_output_write(&out, header->bytes, (size_t)header->count) &&
                  copy_rows(&in, m->header, missing_columns(m), &out);
        if (written)
            written = tgi_output_commit(&out);
        else
            tgi_output_abandon(&out);
    }
    tgi_input_close(&in);
    if (!written && !replaced(m)) return false; /* if it is, the new one is in its place */
    note_columns(m, header->count);
    tgi_output_abandon(&m->csv);
    return tgi_output_append(&m->csv, what, m->csv_path) && written;
}

/* Sees to it that the CSV file is open and has a column for each metric. One without a header gets it with its first
 * row. */
static bool have_columns(tg_metrics *m)
{
    if (m->csv.fd < 0 && !tgi_output_append(&m->csv, "metrics_write", m->csv_path)) return false;
    if (m->header > 0 && missing_columns(m) == 0) return true;
    tgi_text header = { .bytes = NULL };
    tgi_put_csv_header(&header, m);
    bool done = !header.failed;
    if (done && m->header > 0) {
        done = widen(m, &header);
    } else if (done) {
        done = tgi_append(&m->csv, header.bytes, (size_t)header.count);
        if (done) note_columns(m, header.count);
    }
    tgi_text_free(&header);
    return done;
}

tg_status tg_metrics_write_at(const char *where, tg_metrics *m, int64_t step)
{
    if (!metrics_ok(where, m, "metrics_write") || tg_failed()) return TG_FAILED;
    m->csv.function = m->jsonl.function = "metrics_write";
    if (m->csv_path && !have_columns(m)) return TG_FAILED;
    const int64_t before = m->csv.written;
    tgi_text csv = { .bytes = NULL }, jsonl = { .bytes = NULL };
    if (m->csv_path) tgi_put_csv_row(&csv, m, step);
    if (m->jsonl_path) tgi_put_json_row(&jsonl, m, step);
    bool written = !csv.failed && !jsonl.failed;
    written = written && (!m->csv_path || tgi_append(&m->csv, csv.bytes, (size_t)csv.count));
    if (written && m->jsonl_path && !tgi_append(&m->jsonl, jsonl.bytes, (size_t)jsonl.count)) {
        if (m->csv_path) tgi_append_undo(&m->csv, before);
        written = false;
    }
    tgi_text_free(&csv);
    tgi_text_free(&jsonl);
    for (tgi_metric *metric = m->first; written && metric; metric = metric->next) metric->set = false;
    return written ? TG_OK : TG_FAILED;
}

tg_status tg_metrics_sync_at(const char *where, tg_metrics *m)
{
    if (!metrics_ok(where, m, "metrics_sync") || tg_failed()) return TG_FAILED;
    m->csv.function = m->jsonl.function = "metrics_sync";
    const bool synced = (!m->csv_path || tgi_append_sync(&m->csv)) && (!m->jsonl_path || tgi_append_sync(&m->jsonl));
    return synced ? TG_OK : TG_FAILED;
}
