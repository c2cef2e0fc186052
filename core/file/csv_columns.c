/* csv_columns.c: what is in a table: its columns as tensors, texts and codes. */
#include "csv_impl.h"

#include "core/tensor_impl.h"
#include "core/thread.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding ---- */

int64_t tg_csv_rows_at(const char *where, const tg_csv *csv)
{
    return csv && tgi_csv_ok(where, csv, "csv_rows") ? csv->rows : 0;
}

int64_t tg_csv_columns_at(const char *where, const tg_csv *csv)
{
    return csv && tgi_csv_ok(where, csv, "csv_columns") ? csv->columns : 0;
}

tg_text_list tg_csv_names_at(const char *where, const tg_csv *csv)
{
    const bool ok = csv && tgi_csv_ok(where, csv, "csv_names");
    return ok ? (tg_text_list){ csv->names, csv->columns } : (tg_text_list){ NULL, 0 };
}

tg_text_list tg_csv_range_at(const char *where, const tg_csv *csv, int64_t first, int64_t end)
{
    const tg_text_list none = { NULL, 0 };
    if (!csv || !tgi_csv_ok(where, csv, "csv_range")) return none;
    if (first < 0 || end < first || end > csv->columns) {
        tg_fail_at(where, TG_ERROR_VALUE, "csv_range", "%s: columns %lld to %lld of %lld", csv->path, (long long)first,
                   (long long)end, (long long)csv->columns);
        return none;
    }
    return (tg_text_list){ csv->names + first, end - first };
}

/* Searches from `first` on and around: columns are mostly asked for in their order. */
static int64_t search(const tg_csv *csv, const char *name, int64_t first)
{
    for (int64_t i = 0; i < csv->columns; i++) {
        const int64_t at = first + i < csv->columns ? first + i : first + i - csv->columns;
        if (csv->names[at] == name || strcmp(csv->names[at], name) == 0) return at;
    }
    return -1;
}

/* -1 with an error pending if there is no such column. */
static int64_t find(const tg_csv *csv, const char *name, int64_t first)
{
    const int64_t at = name ? search(csv, name, first) : -1;
    char shown[TGI_SHOWN], names[TGI_NAMES_SHOWN];
    if (!name && !tg_failed())
        tg_fail_at(NULL, TG_ERROR_NULL, tgi_self.op, "the column's name is NULL");
    else if (at < 0)
        tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "%s: there is no column '%s' among %lld: %s", csv->path,
                   name ? tgi_csv_shown(name, shown) : "", (long long)csv->columns, tgi_csv_names_shown(csv, names));
    return at;
}

/* The same of what a public function is given. */
static int64_t find_at(const char *where, const tg_csv *csv, const char *what, const char *name)
{
    return tgi_csv_ok(where, csv, what) ? find(csv, name, 0) : -1;
}

int64_t tg_csv_find_at(const char *where, const tg_csv *csv, const char *column)
{
    return csv && tgi_csv_ok(where, csv, "csv_find") && column ? search(csv, column, 0) : -1;
}

tg_csv_type tg_csv_type_of_at(const char *where, const tg_csv *csv, const char *column)
{
    const int64_t at = find_at(where, csv, "csv_type_of", column);
    return at < 0 ? TG_CSV_TEXT : (tg_csv_type)csv->column[at].type;
}

int64_t tg_csv_missing_at(const char *where, const tg_csv *csv, const char *column)
{
    const int64_t at = find_at(where, csv, "csv_missing", column);
    return at < 0 ? 0 : csv->column[at].missing;
}

/* ---- texts ---- */

static const char *next_cell(const char *cell) { return cell + strlen(cell) + 1; }

/* The fields of a column; NULL with an error pending, or if there are none. */
static const char **cells_of(const tg_csv *csv, int64_t column)
{
    const char **cells = csv->rows ? tgi_scope_alloc((size_t)csv->rows * sizeof *cells) : NULL;
    const char *cell = csv->cells;
    for (int64_t row = 0; cells && row < csv->rows; row++)
        for (int64_t at = 0; at < csv->columns; at++, cell = next_cell(cell))
            if (at == column) cells[row] = cell;
    return cells;
}

tg_text_list tg_csv_text_at(const char *where, const tg_csv *csv, const char *column)
{
    const int64_t at = find_at(where, csv, "csv_text", column);
    const char *const *cells = at < 0 ? NULL : cells_of(csv, at);
    return (tg_text_list){ cells, cells ? csv->rows : 0 };
}

/* ---- numbers ---- */

static const char *const type_names[] = { "int64", "float64", "text" };

/* False with an error pending: the column has no such numbers. */
static bool has_numbers(const tg_csv *csv, int64_t at, tg_dtype dtype)
{
    const tgi_csv_column *column = &csv->column[at];
    char shown[TGI_SHOWN];
    if (column->type == TG_CSV_TEXT && column->no_number >= 0) {
        const tg_scope scope = tg_scope_begin();
        const char **cells = cells_of(csv, at);
        if (cells)
            tgi_csv_fail(csv, tgi_self.op, tgi_csv_line(csv, column->no_number), at, "'%s' is no number",
                         tgi_csv_shown(cells[column->no_number], shown));
        tg_scope_end(scope);
        return false;
    }
    if (column->type == TG_CSV_INT64 || (column->type == TG_CSV_FLOAT64 && dtype != TG_INT64)) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "%s: column '%s' (%lld) is %s, not %s", csv->path,
               tgi_csv_shown(csv->names[at], shown), (long long)at + 1, type_names[column->type],
               dtype == TG_INT64 ? "int64" : "numbers");
    return false;
}

static double number(const tgi_csv_column *column, int64_t value)
{
    double real;
    memcpy(&real, &value, sizeof real);
    return column->type == TG_CSV_INT64 ? (double)value : real;
}

/* Into every `step`-th element from `to` on. */
static void copy_column(const tg_csv *csv, int64_t at, tg_tensor *t, int64_t to, int64_t step)
{
    const tgi_csv_column *column = &csv->column[at];
    const int64_t *values = csv->values + at * csv->rows, rows = csv->rows;
    float *singles = t->dtype == TG_FLOAT32 ? tgi_ptr(t) : NULL;
    double *reals = t->dtype == TG_FLOAT64 ? tgi_ptr(t) : NULL;
    int64_t *wholes = t->dtype == TG_INT64 ? tgi_ptr(t) : NULL;
    for (int64_t row = 0; reals && row < rows; row++) reals[to + row * step] = number(column, values[row]);
    for (int64_t row = 0; wholes && row < rows; row++) wholes[to + row * step] = values[row];
    for (int64_t row = 0; singles && row < rows; row++) /* rounded once */
        singles[to + row * step] =
            column->type == TG_CSV_INT64 ? (float)values[row] : (float)number(column, values[row]);
}

static bool dtype_ok(tg_dtype dtype)
{
    if (dtype == TG_FLOAT32 || dtype == TG_FLOAT64 || dtype == TG_INT64) return true;
    tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "a table's numbers become float32, float64 or int64, not %s",
               tg_dtype_name(dtype));
    return false;
}

/* Whether a list can be read. */
static bool list_ok(tg_text_list list)
{
    const char *problem = list.count < 0                  ? "a negative number of names"
                          : list.count > 0 && !list.items ? "the list of names is NULL"
                                                          : NULL;
    for (int64_t i = 0; !problem && i < list.count; i++)
        if (!list.items[i]) problem = "a name is NULL";
    if (problem) tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "%s", problem);
    return !problem;
}

/* The places of the columns that are named, or of all that hold numbers; -1 of them with an error pending. */
static int64_t choose(const tg_csv *csv, tg_text_list names, tg_dtype dtype, int64_t *places)
{
    int64_t count = 0, next = 0;
    for (int64_t at = 0; names.count == 0 && at < csv->columns; at++)
        if (csv->column[at].type != TG_CSV_TEXT) places[count++] = at;
    for (; count < names.count; count++) {
        places[count] = find(csv, names.items[count], next);
        if (places[count] < 0) return -1;
        next = places[count] + 1;
    }
    for (int64_t i = 0; i < count; i++)
        if (!has_numbers(csv, places[i], dtype)) return -1;
    return count;
}

tg_tensor *tg_csv_tensor_at(const char *where, const tg_csv *csv, tg_text_list columns, tg_csv_tensor_options options)
{
    if (!tgi_csv_ok(where, csv, "csv_tensor") || tg_failed() || !list_ok(columns)) return NULL;
    const tg_dtype dtype = options.dtype == TG_DEFAULT_DTYPE ? tg_default_dtype() : options.dtype;
    if (!dtype_ok(dtype)) return NULL;
    const int64_t most = columns.count ? columns.count : csv->columns;
    int64_t *places =
        most < INT64_MAX / (int64_t)sizeof *places ? tgi_scope_alloc((size_t)most * sizeof *places) : NULL;
    const int64_t count = places ? choose(csv, columns, dtype, places) : -1;
    if (count < 0) return NULL;
    const tg_shape shape = tg_shape(csv->rows, count);
    tg_tensor *t = tgi_new(&shape, dtype);
    for (int64_t i = 0; t && i < count; i++) copy_column(csv, places[i], t, i, count);
    return t;
}

tg_tensor *tg_csv_column_at(const char *where, const tg_csv *csv, const char *column, tg_csv_tensor_options options)
{
    if (!tgi_csv_ok(where, csv, "csv_column") || tg_failed()) return NULL;
    const int64_t at = find(csv, column, 0);
    if (at < 0) return NULL;
    const tg_dtype own = csv->column[at].type == TG_CSV_INT64 ? TG_INT64 : tg_default_dtype();
    const tg_dtype dtype = options.dtype == TG_DEFAULT_DTYPE ? own : options.dtype;
    if (!dtype_ok(dtype) || !has_numbers(csv, at, dtype)) return NULL;
    const tg_shape shape = tg_shape(csv->rows);
    tg_tensor *t = tgi_new(&shape, dtype);
    if (t) copy_column(csv, at, t, 0, 1);
    return t;
}

/* ---- categories ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The column's different fields, sorted. */
static bool own_names(const char **cells, int64_t rows, tg_text_list *names)
{
    tgi_text_table table = { 0 };
    bool added = true;
    for (int64_t i = 0; added && i < rows; i++)
        added = tgi_text_table_add(&table, cells[i], (int64_t)strlen(cells[i])) >= 0;
    const char **items = added ? tgi_scope_alloc((size_t)(table.count + 1) * sizeof *items) : NULL;
    if (items) {
        for (int64_t i = 0; i < table.count; i++) items[i] = table.entries[i].text;
        qsort(items, (size_t)table.count, sizeof *items, compare_texts);
        *names = (tg_text_list){ items, table.count };
    }
    tgi_text_table_free(&table);
    return items != NULL;
}

/* Each name's place is its code. False with an error pending. */
static bool number_names(tgi_text_table *table, tg_text_list names)
{
    for (int64_t i = 0; i < names.count; i++) {
        const int64_t at = tgi_text_table_add(table, names.items[i], (int64_t)strlen(names.items[i]));
        char shown[TGI_SHOWN];
        if (at >= 0 && at != i)
            tg_fail_at(NULL, TG_ERROR_VALUE, tgi_self.op, "the name '%s' comes twice",
                       tgi_csv_shown(names.items[i], shown));
        if (at != i) return false;
    }
    return true;
}

static tg_tensor *codes_of(const tg_csv *csv, int64_t column, const char **cells, tg_text_list names)
{
    tgi_text_table table = { 0 };
    const tg_shape shape = tg_shape(csv->rows);
    tg_tensor *codes = number_names(&table, names) ? tgi_new(&shape, TG_INT64) : NULL;
    int64_t *code = codes ? tgi_ptr(codes) : NULL;
    for (int64_t row = 0; code && row < csv->rows; row++) {
        code[row] = tgi_text_table_find(&table, cells[row], (int64_t)strlen(cells[row]));
        if (code[row] >= 0) continue;
        char shown[TGI_SHOWN];
        tgi_csv_fail(csv, tgi_self.op, tgi_csv_line(csv, row), column, "'%s' is none of the %lld names",
                     tgi_csv_shown(cells[row], shown), (long long)names.count);
        codes = NULL;
        break;
    }
    tgi_text_table_free(&table);
    return codes;
}

tg_categories tg_csv_categories_at(const char *where, const tg_csv *csv, const char *column,
                                   tg_csv_categories_options options)
{
    tg_categories result = { NULL, { NULL, 0 } };
    if (!tgi_csv_ok(where, csv, "csv_categories") || tg_failed() || !list_ok(options.names)) return result;
    const int64_t at = find(csv, column, 0);
    const char **cells = at < 0 ? NULL : cells_of(csv, at);
    tg_text_list names = options.names;
    if (at < 0 || (!cells && csv->rows) || (names.count == 0 && !own_names(cells, csv->rows, &names))) return result;
    result.codes = codes_of(csv, at, cells, names);
    if (result.codes) result.names = names;
    return result;
}
