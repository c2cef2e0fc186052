/* csv_impl.h: what a table is made of, and how its text becomes fields. Internal. */
#ifndef TG_CORE_FILE_CSV_IMPL_H
#define TG_CORE_FILE_CSV_IMPL_H

#include "csv.h"
#include "input_impl.h"
#include "text_table_impl.h"

TG_EXTERN_C_BEGIN

/* A row of the table whose line is not the one below that of the row before. */
typedef struct tgi_csv_jump {
    int64_t row, line;
} tgi_csv_jump;

typedef struct tgi_csv_column {
    uint8_t type;     /* tg_csv_type */
    bool given;       /* an option says so */
    int64_t missing;
    int64_t no_number; /* the first row that is no number; -1: none */
} tgi_csv_column;

struct tg_csv {
    uint64_t alive;
    char *path;          /* what errors call it */
    char *text;          /* the fields, each with a zero byte behind, record after record: the names, if there is a
                          * header, then the rows */
    char *cells;         /* the rows' first field, in `text` */
    const char **names;  /* of the columns */
    char *numerals;      /* without a header: their names */
    tgi_csv_column *column;
    int64_t *values;     /* [columns][rows]: int64s, or the bits of doubles; of a column of text nothing */
    tgi_csv_jump *jumps; /* in the order of the rows; the first is row 0 */
    int64_t rows, columns;
    int64_t text_bytes, path_bytes, numerals_bytes, value_bytes, jump_count, jump_capacity;
};

/* ---- csv_error.c ---- */

/* Records what is wrong with a field: its line, its column. A column of -1 is none of all. False. */
TG_RARE TG_PRINTF(5, 6) bool tgi_csv_fail(const tg_csv *csv, const char *function, int64_t line, int64_t column,
                                          const char *format, ...);
/* Of a row, its line. */
int64_t tgi_csv_line(const tg_csv *csv, int64_t row);

/* A field for an error's text, short and on one line. */
enum { TGI_SHOWN = 48 };
const char *tgi_csv_shown(const char *field, char shown[TGI_SHOWN]);
/* "a, b, c": the names of the columns, as many as find room. */
enum { TGI_NAMES_SHOWN = 256 };
const char *tgi_csv_names_shown(const tg_csv *csv, char shown[TGI_NAMES_SHOWN]);

/* ---- csv_fields.c ---- */

/* Turns `csv->text`, the file's bytes, into fields, and counts rows and columns. False with an error pending. */
bool tgi_csv_split(tg_csv *csv, const char *function, const tg_load_csv_options *options);

/* The fields of a list in the options, in the innermost scope's memory; a NULL list has none. False with an error
 * pending. */
bool tgi_csv_list(const char *function, const char *name, const char *list, tg_text_list *fields);

/* ---- csv.c ---- */

/* True when the table can be used; otherwise an error of `what` is pending. */
bool tgi_csv_ok(const char *where, const tg_csv *csv, const char *what);

TG_EXTERN_C_END

#endif
