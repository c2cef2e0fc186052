/* csv_fields.c: a file's bytes become fields, in place: what a field loses (quotes, the delimiter) makes room for the
 * zero byte behind it, so that the text never grows. */
#include "csv_impl.h"

#include "core/thread.h"

#include <stdio.h>
#include <string.h>

typedef struct reader {
    tg_csv *csv;
    const char *function;
    char *from, *end; /* what is not read yet; at `end` stands a zero byte */
    char *to;         /* where the next field goes: never beyond `from` */
    char delimiter, comment;
    bool trim;        /* blanks around a field without quotes go */
    bool stops[256];  /* the characters that a field without quotes ends before */
    int64_t line;     /* of `from` */
    int64_t row_line; /* that the record begins in */
    int64_t column;   /* of the field */
    tgi_csv_jump *jumps;
    int64_t jump_count, jump_capacity;
} reader;

static void reader_begin(reader *r, tg_csv *csv, const char *function, int64_t bytes)
{
    *r = (reader){ .csv = csv, .function = function, .from = csv->text, .end = csv->text + bytes, .to = csv->text };
    r->line = 1;
    r->delimiter = ',';
    r->stops['\n'] = r->stops['\r'] = r->stops['\0'] = true;
}

/* ---- one field ---- */

static bool zero_byte(reader *r) { return tgi_csv_fail(r->csv, r->function, r->line, r->column, "a zero byte"); }

/* Blanks around a field, where they are no part of it. */
static void skip_blanks(reader *r)
{
    while (r->trim && (*r->from == ' ' || *r->from == '\t') && *r->from != r->delimiter) r->from++;
}

static bool read_plain(reader *r)
{
    char *from = r->from, *to = r->to;
    while (!r->stops[(unsigned char)*from]) *to++ = *from++;
    if (*from == '\0' && from < r->end) return zero_byte(r);
    while (r->trim && to > r->to && (to[-1] == ' ' || to[-1] == '\t')) to--;
    r->from = from;
    r->to = to;
    return true;
}

static bool read_quoted(reader *r)
{
    char *from = r->from + 1, *to = r->to;
    for (;; from++) {
        while (*from != '"' && *from != '\n' && *from != '\r' && *from != '\0') *to++ = *from++;
        if (*from == '\0' && from < r->end) return zero_byte(r);
        if (*from == '\0')
            return tgi_csv_fail(r->csv, r->function, r->row_line, r->column, "a quote that does not end");
        if (*from == '"' && from[1] != '"') break;
        if (*from == '"') from++;
        r->line += *from == '\n' || (*from == '\r' && from[1] != '\n');
        *to++ = *from;
    }
    r->from = from + 1;
    r->to = to;
    skip_blanks(r);
    char shown[TGI_SHOWN];
    if (!r->stops[(unsigned char)*r->from])
        return tgi_csv_fail(r->csv, r->function, r->line, r->column, "behind the quote that ends it stands '%s'",
                            tgi_csv_shown(r->from, shown));
    return *r->from != '\0' || r->from == r->end || zero_byte(r);
}

/* ---- one record ---- */

/* Reads fields up to the end of the line, which is passed over, and counts them. */
static bool read_record(reader *r, int64_t *fields)
{
    r->row_line = r->line;
    for (r->column = 0;; r->column++, r->from++) {
        skip_blanks(r);
        if (!(*r->from == '"' ? read_quoted(r) : read_plain(r))) return false;
        const char stop = *r->from; /* it may lie where the zero byte goes */
        *r->to++ = '\0';
        if (stop == r->delimiter) continue;
        *fields = r->column + 1;
        if (stop == '\r' && r->from[1] == '\n') r->from++;
        if (stop != '\0') r->from++, r->line++;
        return true;
    }
}

/* Passes over lines that are blank or comments; false at the text's end. */
static bool find_record(reader *r)
{
    while (r->from < r->end) {
        const char c = *r->from;
        if (c == '\n' || c == '\r') {
            r->from += c == '\r' && r->from[1] == '\n' ? 2 : 1;
            r->line++;
        } else if (c == r->comment && c != '\0') {
            while (r->from < r->end && *r->from != '\n' && *r->from != '\r') r->from++;
        } else {
            return true;
        }
    }
    return false;
}

/* ---- the table ---- */

static bool find_names(tg_csv *csv, const char *function, int64_t line)
{
    csv->names = tgi_calloc((size_t)csv->columns * sizeof *csv->names);
    tgi_text_table table = { 0 };
    const char *name = csv->text;
    bool found = csv->names != NULL;
    for (int64_t i = 0; found && i < csv->columns; i++, name += strlen(name) + 1) {
        csv->names[i] = name;
        const int64_t at = tgi_text_table_add(&table, name, (int64_t)strlen(name));
        found = at == i;
        if (at >= 0 && at < i)
            tgi_csv_fail(csv, function, line, i, "column %lld has that name, too", (long long)at + 1);
    }
    tgi_text_table_free(&table);
    return found;
}

static bool make_names(tg_csv *csv)
{
    enum { NUMERAL = 20 };
    int64_t digits = 2, limit = 10; /* with the zero byte, and what has fewer */
    for (; limit < csv->columns; limit *= 10) digits++;
    csv->numerals_bytes = csv->columns * digits;
    csv->names = tgi_calloc((size_t)csv->columns * sizeof *csv->names);
    csv->numerals = csv->names ? tgi_calloc((size_t)csv->numerals_bytes) : NULL;
    if (!csv->numerals) return false;
    for (int64_t i = 0; i < csv->columns; i++) {
        char text[NUMERAL + 4];
        const int length = snprintf(text, sizeof text, "%lld", (long long)i);
        csv->names[i] = memcpy(csv->numerals + i * digits, text, (size_t)length + 1);
    }
    return true;
}

/* Where the row's line cannot be counted from the row before. */
static bool note_line(reader *r, int64_t row)
{
    const tgi_csv_jump *last = r->jump_count ? &r->jumps[r->jump_count - 1] : NULL;
    if (last && last->line + (row - last->row) == r->row_line) return true;
    if (!tgi_grow(&r->jumps, &r->jump_capacity, r->jump_count + 1, sizeof *r->jumps)) return false;
    r->jumps[r->jump_count++] = (tgi_csv_jump){ row, r->row_line };
    return true;
}

static bool read_header(reader *r)
{
    if (!find_record(r))
        return tgi_csv_fail(r->csv, r->function, r->line, -1, "the file ends, and nothing names the columns");
    r->trim = true;
    if (!read_record(r, &r->csv->columns) || !find_names(r->csv, r->function, r->row_line)) return false;
    r->trim = false;
    r->csv->cells = r->to;
    return true;
}

static bool read_rows(reader *r)
{
    tg_csv *csv = r->csv;
    for (int64_t fields; find_record(r); csv->rows++) {
        if (!read_record(r, &fields)) return false;
        if (csv->columns == 0) csv->columns = fields;
        if (fields != csv->columns)
            return tgi_csv_fail(csv, r->function, r->row_line, -1, "%lld fields in a table of %lld columns",
                                (long long)fields, (long long)csv->columns);
        if (!note_line(r, csv->rows)) return false;
    }
    if (csv->columns == 0) return tgi_csv_fail(csv, r->function, r->line, -1, "the file ends, and has no column");
    return csv->names || make_names(csv);
}

/* What comes before the first line. */
static bool skip_mark(reader *r)
{
    const char *text = r->from;
    if (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)
        return tgi_csv_fail(r->csv, r->function, 1, -1, "the text is UTF-16; save it as UTF-8");
    if (r->end - text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) r->from += 3;
    return true;
}

bool tgi_csv_split(tg_csv *csv, const char *function, const tg_load_csv_options *options)
{
    reader r;
    reader_begin(&r, csv, function, csv->text_bytes - 1);
    r.delimiter = options->delimiter;
    r.comment = options->comment;
    r.stops[(unsigned char)r.delimiter] = true;
    csv->cells = csv->text;
    bool split = (csv->text_bytes < 3 || skip_mark(&r)) && (!options->header || read_header(&r)) && read_rows(&r);
    if (split && r.jump_count) {
        csv->jumps = tgi_calloc((size_t)r.jump_count * sizeof *csv->jumps);
        csv->jump_count = r.jump_count;
        split = csv->jumps != NULL;
        if (split) memcpy(csv->jumps, r.jumps, (size_t)r.jump_count * sizeof *csv->jumps);
    }
    tgi_grow_free(r.jumps, r.jump_capacity, sizeof *r.jumps);
    return split;
}

bool tgi_csv_list(const char *function, const char *name, const char *list, tg_text_list *fields)
{
    *fields = (tg_text_list){ NULL, 0 };
    if (!list) return true;
    const size_t length = strlen(list);
    char title[64], *text = tgi_scope_alloc(length + 1);
    if (!text) return false;
    memcpy(text, list, length + 1);
    snprintf(title, sizeof title, ".%s", name);
    tg_csv csv = { .text = text, .path = title };
    reader r;
    reader_begin(&r, &csv, function, (int64_t)length);
    r.stops[','] = r.trim = true;
    if (!read_record(&r, &fields->count)) return false;
    if (r.from < r.end) return tgi_csv_fail(&csv, function, 2, -1, "the list is one line");
    const char **items = tgi_scope_alloc((size_t)fields->count * sizeof *items);
    if (!items) return false;
    for (int64_t i = 0; i < fields->count; i++, text += strlen(text) + 1) items[i] = text;
    fields->items = items;
    return true;
}
