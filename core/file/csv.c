/* csv.c: tables of text, made and freed, and what types their columns have. The fields are csv_fields.c's, tensors are
 * made of them in csv_columns.c.
 *
 * Built for hundreds of megabytes: the file's bytes become the fields where they lie, and one walk over them reads the
 * numbers, eight bytes for each field. */
#include "csv_impl.h"
#include "gzip_impl.h"
#include "number_impl.h"

#include "core/thread.h"

#include <math.h>
#include <string.h>

#define ALIVE UINT64_C(0x637376207461626c)

bool tgi_csv_ok(const char *where, const tg_csv *csv, const char *what)
{
    tgi_begin(where, what);
    if (csv && csv->alive == ALIVE) return true;
    if (csv)
        tg_fail_at(where, TG_ERROR_VALUE, what, "the table was freed, or is none");
    else if (!tg_failed())
        tg_fail_at(where, TG_ERROR_NULL, what, "the table is NULL");
    return false;
}

/* ---- types ---- */

typedef struct typing {
    tg_csv *csv;
    const char *function;
    char decimal;
    tg_text_list missing;
    bool missing_first; /* some number stands for a missing one */
} typing;

static bool is_missing(const typing *t, const char *cell)
{
    for (int64_t i = 0; i < t->missing.count; i++)
        if (strcmp(t->missing.items[i], cell) == 0) return true;
    return false;
}

/* What was whole so far is real from now on. */
static void make_real(int64_t *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const double real = (double)values[i];
        memcpy(&values[i], &real, sizeof real);
    }
}

/* A field that is no number, nor missing. */
TG_RARE static bool take_text(typing *t, int64_t row, int64_t at, const char *cell)
{
    tgi_csv_column *column = &t->csv->column[at];
    char shown[TGI_SHOWN];
    if (column->given)
        return tgi_csv_fail(t->csv, t->function, tgi_csv_line(t->csv, row), at, "'%s' is no number",
                            tgi_csv_shown(cell, shown));
    column->type = TG_CSV_TEXT;
    column->no_number = row;
    return true;
}

TG_RARE static bool no_int64(typing *t, int64_t row, int64_t at, const char *cell, bool missing)
{
    char shown[TGI_SHOWN];
    return tgi_csv_fail(t->csv, t->function, tgi_csv_line(t->csv, row), at, "'%s' is %s", tgi_csv_shown(cell, shown),
                        missing ? "missing, and no int64 says so" : "no int64");
}

static bool take_cell(typing *t, int64_t row, int64_t at, char *cell)
{
    tgi_csv_column *column = &t->csv->column[at];
    int64_t *values = t->csv->values + at * t->csv->rows, whole = 0;
    double real = NAN;
    bool missing = t->missing_first && is_missing(t, cell);
    tgi_number_kind kind = missing ? TGI_REAL : tgi_number_read(cell, t->decimal, &whole, &real);
    if (kind == TGI_NO_NUMBER) {
        if (!is_missing(t, cell)) return take_text(t, row, at, cell);
        missing = true;
        real = NAN;
    }
    if (column->type == TG_CSV_INT64) {
        if (kind == TGI_WHOLE) {
            values[row] = whole;
            return true;
        }
        if (column->given) return no_int64(t, row, at, cell, missing || isnan(real));
        column->type = TG_CSV_FLOAT64;
        make_real(values, row);
    }
    if (kind == TGI_WHOLE) real = (double)whole;
    column->missing += isnan(real);
    memcpy(&values[row], &real, sizeof real);
    return true;
}

static bool read_values(typing *t)
{
    tg_csv *csv = t->csv;
    csv->value_bytes = csv->rows * csv->columns * (int64_t)sizeof *csv->values;
    csv->values = csv->value_bytes ? tgi_calloc((size_t)csv->value_bytes) : NULL;
    if (csv->value_bytes && !csv->values) return false;
    char *cell = csv->cells;
    for (int64_t row = 0; row < csv->rows; row++)
        for (int64_t at = 0; at < csv->columns; at++, cell += strlen(cell) + 1)
            if (csv->column[at].type != TG_CSV_TEXT && !take_cell(t, row, at, cell)) return false;
    return true;
}

/* Of the columns that an option names. */
static bool set_types(tg_csv *csv, const char *function, const char *option, const char *list, tg_csv_type type)
{
    tg_text_list names;
    if (!tgi_csv_list(function, option, list, &names)) return false;
    for (int64_t i = 0; i < names.count; i++) {
        int64_t at = 0;
        while (at < csv->columns && strcmp(csv->names[at], names.items[i]) != 0) at++;
        if (at == csv->columns || csv->column[at].given) {
            char shown[TGI_SHOWN], all[TGI_NAMES_SHOWN];
            const bool none = at == csv->columns;
            tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s: .%s: %s '%s'%s%s", csv->path, option,
                       none ? "there is no column" : "a type is given twice to column",
                       tgi_csv_shown(names.items[i], shown), none ? "; the columns are: " : "",
                       none ? tgi_csv_names_shown(csv, all) : "");
            return false;
        }
        csv->column[at].type = (uint8_t)type;
        csv->column[at].given = true;
    }
    return true;
}

static bool read_types(tg_csv *csv, const char *function, const tg_load_csv_options *options)
{
    typing t = { .csv = csv, .function = function, .decimal = options->decimal };
    csv->column = tgi_calloc((size_t)csv->columns * sizeof *csv->column);
    if (!csv->column || !tgi_csv_list(function, "missing", options->missing, &t.missing)) return false;
    for (int64_t i = 0; i < csv->columns; i++) csv->column[i].no_number = -1;
    if (!set_types(csv, function, "text", options->text, TG_CSV_TEXT) ||
        !set_types(csv, function, "float64", options->float64, TG_CSV_FLOAT64) ||
        !set_types(csv, function, "int64", options->int64, TG_CSV_INT64))
        return false;
    for (int64_t i = 0; i < t.missing.count; i++) {
        int64_t whole;
        double real = NAN;
        const tgi_number_kind kind = tgi_number_read((char *)(uintptr_t)t.missing.items[i], t.decimal, &whole, &real);
        t.missing_first |= kind == TGI_WHOLE || (kind == TGI_REAL && !isnan(real)); /* such as -999 */
    }
    return read_values(&t);
}

/* ---- making and freeing ---- */

static bool options_ok(const char *function, const tg_load_csv_options *o)
{
    const char *problem = NULL;
    if (o->decimal != '.' && o->decimal != ',') problem = "decimal is '.' or ','";
    if (o->delimiter == o->decimal) problem = "the delimiter is the decimal point";
    if (o->delimiter == '\0' || strchr("\n\r\"", o->delimiter)) problem = "the delimiter is a quote or ends lines";
    if (o->comment && (o->comment == o->delimiter || strchr("\n\r\"", o->comment)))
        problem = "the comment's character is the delimiter, a quote, or ends lines";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, function, "%s", problem);
    return !problem;
}

/* A table with room for the text, or NULL with an error pending. */
static tg_csv *csv_new(const char *path, int64_t bytes)
{
    tg_csv *csv = tgi_calloc(sizeof *csv);
    if (!csv) return NULL;
    csv->alive = ALIVE;
    csv->path_bytes = (int64_t)strlen(path) + 1;
    csv->text_bytes = bytes + 1;
    csv->path = tgi_calloc((size_t)csv->path_bytes);
    csv->text = csv->path ? tgi_calloc((size_t)csv->text_bytes) : NULL;
    if (csv->path) memcpy(csv->path, path, (size_t)csv->path_bytes);
    if (csv->text) return csv;
    tg_csv_free(csv);
    return NULL;
}

/* What becomes of the text; the table is freed if nothing does. */
static tg_csv *read_text(tg_csv *csv, const char *function, const tg_load_csv_options *options)
{
    const tg_scope scope = tg_scope_begin();
    const bool read = tgi_csv_split(csv, function, options) && read_types(csv, function, options);
    tg_scope_end(scope);
    if (read) return csv;
    tg_csv_free(csv);
    return NULL;
}

/* The file's text, gzip's undone. */
static tg_csv *read_file(const tgi_input *in)
{
    tgi_unpacked file;
    if (!tgi_unpacked_open(&file, in) || !tgi_unpacked_credible(&file)) return NULL;
    tg_csv *csv = csv_new(in->path, file.size);
    if (!csv || tgi_unpacked_read(&file, csv->text)) return csv;
    tg_csv_free(csv);
    return NULL;
}

tg_csv *tg_load_csv_at(const char *where, const char *path, tg_load_csv_options options)
{
    static const char what[] = "load_csv";
    tgi_begin(where, what);
    tgi_input in;
    if (tg_failed() || !options_ok(what, &options) || !tgi_input_open(&in, what, path)) return NULL;
    tg_csv *csv = read_file(&in);
    tgi_input_close(&in);
    return csv ? read_text(csv, what, &options) : NULL;
}

tg_csv *tg_parse_csv_at(const char *where, const char *text, tg_load_csv_options options)
{
    static const char what[] = "parse_csv";
    tgi_begin(where, what);
    if (tg_failed()) return NULL;
    if (!text) return tg_fail_at(where, TG_ERROR_NULL, what, "the text is NULL"), NULL;
    if (!options_ok(what, &options)) return NULL;
    tg_csv *csv = csv_new("the text", (int64_t)strlen(text));
    if (!csv) return NULL;
    memcpy(csv->text, text, (size_t)csv->text_bytes);
    return read_text(csv, what, &options);
}

void tg_csv_free_at(const char *where, tg_csv *csv)
{
    if (!csv || !tgi_csv_ok(where, csv, "csv_free")) return;
    csv->alive = 0;
    tgi_free(csv->path, (size_t)csv->path_bytes);
    tgi_free(csv->text, (size_t)csv->text_bytes);
    tgi_free(csv->names, (size_t)csv->columns * sizeof *csv->names);
    tgi_free(csv->numerals, (size_t)csv->numerals_bytes);
    tgi_free(csv->column, (size_t)csv->columns * sizeof *csv->column);
    tgi_free(csv->values, (size_t)csv->value_bytes);
    tgi_free(csv->jumps, (size_t)csv->jump_count * sizeof *csv->jumps);
    tgi_free(csv, sizeof *csv);
}
