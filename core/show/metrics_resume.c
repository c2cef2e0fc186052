/* metrics_resume.c: what is kept of the files of a run that goes on: whole rows of earlier steps.
 *
 * The files may be anyone's: what does not look as if it were written here is an error that leaves it as it is. No more
 * memory is asked for than the file has bytes, and what a header needs. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "metrics_impl.h"

#include "core/error.h"
#include "core/file/input_impl.h"
#include "core/scope.h"
#include "core/tensor_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char what[] = "metrics_new";

/* A file that is gone through, row by row. */
typedef struct reader {
    tgi_input in;
    const char *bytes; /* `in.size` of them and a zero byte */
    int64_t at, line;  /* the next row, and its line */
    bool csv;
} reader;

/* Where the row ends, behind its newline; -1 if it has none. In CSV a newline in quotes does not count. */
static int64_t end_of_row(const reader *r)
{
    bool quoted = false;
    for (int64_t i = r->at; i < r->in.size; i++) {
        quoted ^= r->csv && r->bytes[i] == '"';
        if (r->bytes[i] == '\n' && !quoted) return i + 1;
    }
    return -1;
}

static bool fail_row(const reader *r, const char *problem)
{
    return tgi_input_fail(&r->in, r->at, NULL, "line %lld %s: the file was not written by tg_metrics, or was changed",
                          (long long)r->line, problem);
}

static const char json[] = "{\"step\": ";

/* The row's step; false, with an error pending, where it does not begin with one. */
static bool read_step(const reader *r, int64_t *step)
{
    const char *at = r->bytes + r->at;
    if (!r->csv) {
        if (strncmp(at, json, sizeof json - 1) != 0) return fail_row(r, "does not begin with {\"step\": ");
        at += sizeof json - 1;
    }
    char *end = NULL;
    errno = 0;
    *step = strtoll(at, &end, 10);
    const bool number = end != at && errno == 0 && (*at == '-' || (*at >= '0' && *at <= '9'));
    if (number && (*end == ',' || *end == (r->csv ? '\n' : '}'))) return true;
    return fail_row(r, "does not begin with the number of a step");
}

/* Half a row at the end is what remained to be written when the power failed, if it begins as `begin` does. */
static bool half_row_ok(const reader *r, const char *begin)
{
    const size_t left = (size_t)(r->in.size - r->at), length = strlen(begin);
    if (memcmp(r->bytes + r->at, begin, left < length ? left : length) == 0) return true;
    return fail_row(r, "is the beginning of no row");
}

static int64_t lines_in(const reader *r, int64_t end)
{
    int64_t lines = 0;
    for (int64_t i = r->at; i < end; i++) lines += r->bytes[i] == '\n';
    return lines;
}

/* Goes through the rows from r->at on and hands those to keep to `out`, or, without one, only says in *all whether that
 * are all bytes. */
static bool keep_rows(reader r, int64_t resume_after, tgi_output *out, bool *all)
{
    *all = true;
    for (int64_t end; r.at < r.in.size; r.line += lines_in(&r, end), r.at = end) {
        int64_t step = 0;
        end = end_of_row(&r);
        if (end < 0) {
            *all = false;
            return half_row_ok(&r, r.csv ? "" : json);
        }
        if (!read_step(&r, &step)) return false;
        if (step > resume_after)
            *all = false;
        else if (out && !tgi_output_write(out, r.bytes + r.at, (size_t)(end - r.at)))
            return false;
    }
    return true;
}

/* Writes the file anew where not all of it is kept. */
static bool remove_rows(const reader *r, int64_t resume_after, const char *path)
{
    bool all;
    if (!keep_rows(*r, resume_after, NULL, &all)) return false;
    if (all) return true;
    tgi_output out;
    if (!tgi_output_open(&out, what, path)) return false;
    if (tgi_output_write(&out, r->bytes, (size_t)r->at) && keep_rows(*r, resume_after, &out, &all))
        return tgi_output_commit(&out);
    tgi_output_abandon(&out);
    return false;
}

/* ---- the header of CSV ---- */

/* Moves behind a field of the header; its text is written over it, without quotes. */
static char *read_field(char **at, const char *end, size_t *length)
{
    char *from = *at, *to = from, *i = from;
    const bool in_quotes = i < end && *i == '"';
    for (i += in_quotes; i < end; i++) {
        if (in_quotes ? *i == '"' && i[1] != '"' : *i == ',' || *i == '\n') break;
        if (in_quotes && *i == '"') i++;
        *to++ = *i;
    }
    *length = (size_t)(to - from);
    *at = i + (in_quotes && i < end);
    return from;
}

static bool read_header(tg_metrics *m, reader *r, char *copy, int64_t end)
{
    char *at = copy, *const last = copy + end - 1; /* the newline */
    for (int64_t column = 0; column == 0 || at < last; column++) {
        if (column > 0) at++; /* the comma */
        size_t length;
        const char *name = read_field(&at, last, &length);
        if (at != last && *at != ',') return fail_row(r, "has a field that goes on behind its quotes");
        if (memchr(name, '\0', length)) return fail_row(r, "has a zero byte");
        const bool step = length == 4 && memcmp(name, "step", 4) == 0;
        if (step != (column == 0) || length == 0)
            return fail_row(r, "is not the header of metrics (\"step\", then others)");
        if (column == 0) continue;
        tgi_metric *metric = tgi_metric_of(m, name, length);
        if (!metric) return false;
        if (metric->in_csv) return fail_row(r, "has a column twice");
        metric->in_csv = true;
    }
    m->header = end;
    r->at = end;
    r->line += lines_in(&(reader){ .bytes = r->bytes, .at = 0 }, end);
    return true;
}

static bool resume_csv(tg_metrics *m, reader *r, int64_t resume_after)
{
    const int64_t end = end_of_row(r);
    if (end < 0) {
        tgi_output out;
        return half_row_ok(r, "step,") && tgi_output_open(&out, what, m->csv_path) && tgi_output_commit(&out);
    }
    if (end > 1 && r->bytes[end - 2] == '\r') return fail_row(r, "ends with a carriage return");
    char *copy = tgi_input_block(&r->in, 0, end);
    return copy && read_header(m, r, copy, end) && remove_rows(r, resume_after, m->csv_path);
}

/* ---- both ---- */

static bool resume(tg_metrics *m, int64_t resume_after, const char *path, bool csv)
{
    struct stat about;
    if (!path || stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return true; /* opening it will tell what is wrong */
    reader r = { .line = 1, .csv = csv };
    if (!tgi_input_open(&r.in, what, path)) return false;
    const tg_scope scope = tg_scope_begin();
    r.bytes = tgi_input_block(&r.in, 0, r.in.size);
    bool done = r.bytes != NULL;
    if (done && r.in.size > 0) done = csv ? resume_csv(m, &r, resume_after) : remove_rows(&r, resume_after, path);
    tg_scope_end(scope);
    tgi_input_close(&r.in);
    return done;
}

bool tgi_metrics_resume_csv(tg_metrics *m, int64_t resume_after) { return resume(m, resume_after, m->csv_path, true); }

bool tgi_metrics_resume_jsonl(tg_metrics *m, int64_t resume_after)
{
    return resume(m, resume_after, m->jsonl_path, false);
}
