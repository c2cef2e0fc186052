/* csv.h: tables of text: read into typed columns, columns into tensors, and tensors written.
 *
 *     tg_csv *csv = tg_load_csv("iris.csv");
 *     tg_tensor *x = tg_csv_tensor(csv, tg_texts("petal length", "petal width"));      [150, 2] float32
 *     tg_categories species = tg_csv_categories(csv, "species");                       [150] int64, and 3 names
 *     tg_csv_free(csv);
 *
 * Fields stand between delimiters, one record to a line; a field in double quotes may hold delimiters, line ends and,
 * doubled, quotes (RFC 4180). Lines end in LF, CR LF or CR; blank ones are passed over, and so is a byte order mark.
 * Every record has as many fields as the first. What is wrong is told with its line and its column:
 *
 *     iris.csv: line 12, column 'petal' (3): 'abc' is no number */
#ifndef TG_CORE_FILE_CSV_H
#define TG_CORE_FILE_CSV_H

#include "core/shape.h"
#include "core/tensor.h"
#include "texts.h"

TG_BEGIN_DECLS

typedef struct tg_csv tg_csv;

/* What a column holds. A number may have blanks around it. */
typedef enum tg_csv_type {
    TG_CSV_INT64,   /* whole numbers that int64 holds, none missing */
    TG_CSV_FLOAT64, /* numbers, inf and nan; NaN where one is missing */
    TG_CSV_TEXT     /* anything */
} tg_csv_type;

/* Lists in it are texts that look like a line of the file with commas for delimiters: "zip,\"city, state\"". */
typedef struct tg_load_csv_options {
    char delimiter;      /* ',', ';', '\t', ... */
    bool header;         /* the first record holds the columns' names; otherwise they are "0", "1", ... */
    char comment;        /* lines that begin with it are passed over; 0: none */
    char decimal;        /* the point in numbers: '.' or ',' */
    const char *missing; /* the fields that stand for a number that is missing, letter by letter */
    const char *text;    /* the columns that are text, whatever they hold, such as phone numbers; NULL: none */
    const char *float64; /* those that are float64; what is no number there is an error */
    const char *int64;   /* those that are int64; what is no whole number there, and what is missing, is an error */
    TG_OPTIONS_END
} tg_load_csv_options;
#define TG_LOAD_CSV_DEFAULTS                                                                                           \
    /* delimiter */ ',', /* header */ true, /* comment */ 0, /* decimal */ '.',                                        \
        /* missing */ ",NA,N/A,nan,NaN,null,NULL,?", /* text */ NULL, /* float64 */ NULL, /* int64 */ NULL             \
        TG_DEFAULTS_END

/* Reads a table, plain or made shorter by gzip; to be freed. A column that no option names has the narrowest type that
 * all its rows have: a whole number missing makes float64, one field that is no number makes text; a column in which
 * all is missing is float64. Blanks around names are passed over, in quotes they stay. Columns of equal names, records
 * of another length, quotes that do not end and zero bytes are errors. NULL on error. */
tg_csv *tg_load_csv_at(const char *where, const char *path, tg_load_csv_options options);
#define tg_load_csv(path, ...)                                                                                         \
    tg_load_csv_at(TG_HERE, path,                                                                                      \
                   TG_OPTIONS(tg_load_csv_options, TG_LOAD_CSV_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* The same from a text in memory, which is copied. */
tg_csv *tg_parse_csv_at(const char *where, const char *text, tg_load_csv_options options);
#define tg_parse_csv(text, ...)                                                                                        \
    tg_parse_csv_at(TG_HERE, text,                                                                                     \
                    TG_OPTIONS(tg_load_csv_options, TG_LOAD_CSV_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* NULL is fine. */
void tg_csv_free_at(const char *where, tg_csv *csv);
#define tg_csv_free(csv) tg_csv_free_at(TG_HERE, csv)

/* ---- what is in it ---- (of a NULL table 0, an empty list) */
int64_t tg_csv_rows_at(const char *where, const tg_csv *csv);
int64_t tg_csv_columns_at(const char *where, const tg_csv *csv);
#define tg_csv_rows(csv)    tg_csv_rows_at(TG_HERE, csv)
#define tg_csv_columns(csv) tg_csv_columns_at(TG_HERE, csv)
/* The names of all columns, or of those from `first` on up to and without `end`; they live as long as `csv`. */
tg_text_list tg_csv_names_at(const char *where, const tg_csv *csv);
tg_text_list tg_csv_range_at(const char *where, const tg_csv *csv, int64_t first, int64_t end);
#define tg_csv_names(csv)             tg_csv_names_at(TG_HERE, csv)
#define tg_csv_range(csv, first, end) tg_csv_range_at(TG_HERE, csv, first, end)
/* The place of a column, from 0 on; -1 if there is none of that name, which is no error. */
int64_t tg_csv_find_at(const char *where, const tg_csv *csv, const char *column);
#define tg_csv_find(csv, column) tg_csv_find_at(TG_HERE, csv, column)
/* What a column holds, and how many of its numbers are missing or NaN. */
tg_csv_type tg_csv_type_of_at(const char *where, const tg_csv *csv, const char *column);
int64_t tg_csv_missing_at(const char *where, const tg_csv *csv, const char *column);
#define tg_csv_type_of(csv, column) tg_csv_type_of_at(TG_HERE, csv, column)
#define tg_csv_missing(csv, column) tg_csv_missing_at(TG_HERE, csv, column)

/* ---- columns as tensors and texts ---- */

typedef struct tg_csv_tensor_options {
    tg_dtype dtype; /* float32, float64 or int64; what is not said is the default dtype */
    TG_OPTIONS_END
} tg_csv_tensor_options;
#define TG_CSV_TENSOR_DEFAULTS /* dtype */ TG_DEFAULT_DTYPE TG_DEFAULTS_END

/* [rows, columns]: these columns side by side, in this order; all that hold numbers if the list is empty. A column of
 * text is an error that shows the first field that is no number; int64 takes int64 columns only.
 * `tg_csv_tensor(csv, tg_texts("height", "weight"), .dtype = TG_FLOAT64)`,
 * `tg_csv_tensor(csv, tg_csv_range(csv, 0, 64))`. */
tg_tensor *tg_csv_tensor_at(const char *where, const tg_csv *csv, tg_text_list columns, tg_csv_tensor_options options);
#define tg_csv_tensor(csv, columns, ...)                                                                               \
    tg_csv_tensor_at(TG_HERE, csv, columns,                                                                            \
                     TG_OPTIONS(tg_csv_tensor_options, TG_CSV_TENSOR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* [rows]: one column, as int64 if it is, unless a dtype is given. */
tg_tensor *tg_csv_column_at(const char *where, const tg_csv *csv, const char *column, tg_csv_tensor_options options);
#define tg_csv_column(csv, column, ...)                                                                                \
    tg_csv_column_at(TG_HERE, csv, column,                                                                             \
                     TG_OPTIONS(tg_csv_tensor_options, TG_CSV_TENSOR_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* A column's fields as they stand in the file, of numbers too. The list lives as long as the innermost scope, the texts
 * as long as `csv`. */
tg_text_list tg_csv_text_at(const char *where, const tg_csv *csv, const char *column);
#define tg_csv_text(csv, column) tg_csv_text_at(TG_HERE, csv, column)

typedef struct tg_categories {
    tg_tensor *codes;   /* [rows] int64: each field's place in `names`; NULL on error */
    tg_text_list names; /* the different fields */
} tg_categories;
typedef struct tg_csv_categories_options {
    tg_text_list names; /* those of another table: any other field is an error. Without: the column's own, sorted */
    TG_OPTIONS_END
} tg_csv_categories_options;
#define TG_CSV_CATEGORIES_DEFAULTS /* names */ { NULL, 0 } TG_DEFAULTS_END

/* A column's fields as codes: `tg_csv_categories(train, "species")`, and for another table the same codes,
 * `tg_csv_categories(test, "species", .names = species.names)`. What the names' list lives as long as is the innermost
 * scope, or the given list; the names live as long as `csv`, or those given. */
tg_categories tg_csv_categories_at(const char *where, const tg_csv *csv, const char *column,
                                   tg_csv_categories_options options);
#define tg_csv_categories(csv, column, ...)                                                                            \
    tg_csv_categories_at(TG_HERE, csv, column,                                                                         \
                         TG_OPTIONS(tg_csv_categories_options, TG_CSV_CATEGORIES_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

/* ---- writing ---- */

typedef struct tg_save_csv_options {
    char delimiter;
    TG_OPTIONS_END
} tg_save_csv_options;
#define TG_SAVE_CSV_DEFAULTS /* delimiter */ ',' TG_DEFAULTS_END

/* Writes [rows, columns], or [rows] as one column, below a header of names, which may be empty: then there is no
 * header. Every number is the shortest text that reads back as the same; NaN is nan, bool 0 or 1. The file is there
 * whole or not at all. */
tg_status tg_save_csv_at(const char *where, const tg_tensor *t, tg_text_list names, const char *path,
                         tg_save_csv_options options);
#define tg_save_csv(t, names, path, ...)                                                                               \
    tg_save_csv_at(TG_HERE, t, names, path,                                                                            \
                   TG_OPTIONS(tg_save_csv_options, TG_SAVE_CSV_DEFAULTS __VA_OPT__(,) __VA_ARGS__))

TG_END_DECLS

#endif
