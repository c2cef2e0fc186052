/* test_csv.c: tables are read as Python's csv and NumPy read them, their columns have the right types, and what is
 * wrong in them is told with its line and its column. */
#define _GNU_SOURCE /* stpcpy */
#include "tests/support/golden.h"
#include "tests/support/mutate.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <stdio.h>
#include <string.h>

/* ---- against Python ---- */

/* As csv_files.py writes a text on one line. */
static const char *escaped(const char *text, char *line)
{
    char *to = line;
    for (; *text; text++) {
        const char *escape = *text == '\\' ? "\\\\" : *text == '\n' ? "\\n" : *text == '\r' ? "\\r" : NULL;
        if (escape)
            to = stpcpy(to, escape);
        else
            *to++ = *text;
    }
    *to = '\0';
    return line;
}

static const char *string_of(const golden *g, const char *format, int64_t a, int64_t b)
{
    char key[64];
    snprintf(key, sizeof key, format, (long long)a, (long long)b);
    return golden_string(g, key);
}

static void check_texts(const golden *g, const tg_csv *csv, int64_t rows, int64_t columns)
{
    char line[4096];
    const tg_text_list names = tg_csv_names(csv);
    assert_int_equal(names.count, columns);
    for (int64_t k = 0; golden_has(g, "name_0") && k < columns; k++) {
        assert_string_equal(escaped(names.items[k], line), string_of(g, "name_%lld", k, 0));
        const tg_text_list cells = tg_csv_text(csv, names.items[k]);
        assert_int_equal(cells.count, rows);
        for (int64_t r = 0; r < rows; r++)
            assert_string_equal(escaped(cells.items[r], line), string_of(g, "cell_%lld_%lld", r, k));
    }
}

/* Exactly: what NumPy calls a number we do, too, and the reverse. */
static void check_numbers(const golden *g, const tg_csv *csv, int64_t columns)
{
    for (int64_t k = 0; k < columns; k++) {
        char key[64];
        snprintf(key, sizeof key, "column_%lld", (long long)k);
        const char *name = tg_csv_names(csv).items[k];
        assert_true(golden_has(g, key) == (tg_csv_rows(csv) > 0 && tg_csv_type_of(csv, name) != TG_CSV_TEXT));
        if (!golden_has(g, key)) continue;
        const golden_array expected = golden_array_of(g, key);
        tg_tensor *t = tg_csv_column(csv, name, .dtype = TG_FLOAT64),
                  *f = tg_csv_column(csv, name, .dtype = TG_FLOAT32);
        const double *values = tg_data(t, TG_FLOAT64);
        const float *floats = tg_data(f, TG_FLOAT32);
        for (int64_t r = 0; r < expected.count; r++) {
            const double want = expected.values[r];
            if (!(values[r] == want || (values[r] != values[r] && want != want)) || signbit(values[r]) != signbit(want))
                fail_msg("%s, %s, row %lld: %.17g, not %.17g", golden_case(g), name, (long long)r, values[r], want);
            assert_true(floats[r] == (float)want || want != want);
        }
    }
}

TEST(test_python_tables)
{
    golden *g = golden_open("csv.txt");
    int tables = 0;
    for (; golden_next(g); tables++) {
        IN_SCOPE;
        char path[256];
        snprintf(path, sizeof path, "tests/golden/files/csv_%s.csv", golden_case(g));
        const char *delimiter = golden_string(g, "delimiter");
        tg_csv *csv = tg_load_csv(path, .delimiter = strcmp(delimiter, "tab") == 0 ? '\t' : delimiter[0]);
        const int64_t *size;
        assert_int_equal(golden_ints(g, "size", &size), 2);
        assert_int_equal(tg_csv_rows(csv), size[0]);
        assert_int_equal(tg_csv_columns(csv), size[1]);
        check_texts(g, csv, size[0], size[1]);
        check_numbers(g, csv, size[1]);
        tg_csv_free(csv);
        tg_scope_end(scope);
    }
    assert_int_equal(tables, 11);
    golden_close(g);
}

/* ---- numbers ---- */

static uint64_t drawn = 1;
static uint64_t draw(void)
{
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return drawn ^ drawn >> 31;
}

/* Against strtod. Texts of what numbers are made of, most of which are none. */
TEST(test_any_number)
{
    static const char letters[] = "0123456789012345678901234567890000..ee+-";
    for (int i = 0; i < (test_everything() ? 2000000 : 20000); i++) {
        char text[64] = "", *end;
        const int length = 1 + (int)(draw() % (i % 2 ? 8 : 40));
        for (int k = 0; k < length; k++) text[k] = letters[draw() % (sizeof letters - 1)];
        const double want = strtod(text, &end);
        tg_csv *csv = tg_parse_csv(text, .header = false);
        if (*end) {
            assert_int_equal(tg_csv_type_of(csv, "0"), TG_CSV_TEXT);
        } else {
            IN_SCOPE;
            const double value = tg_item(tg_csv_column(csv, "0", .dtype = TG_FLOAT64));
            if (value != want || signbit(value) != signbit(want)) fail_msg("%s is %.17g, not %.17g", text, value, want);
            tg_scope_end(scope);
        }
        tg_csv_free(csv);
    }
}

static double only(const char *text, char decimal)
{
    tg_csv *csv = tg_parse_csv(text, .header = false, .delimiter = ';', .decimal = decimal);
    const double value = tg_item(tg_csv_column(csv, "0", .dtype = TG_FLOAT64));
    tg_csv_free(csv);
    return value;
}

TEST(test_decimal_comma)
{
    IN_SCOPE;
    assert_true(only("1,5", ',') == 1.5 && only("-,25e1", ',') == -2.5);
    assert_true(only("0,1000000000000000055511151231257827", ',') == 0.1); /* by strtod */
    tg_csv *csv = tg_parse_csv("a;b\n1,5;1.5\n", .delimiter = ';', .decimal = ',');
    assert_int_equal(tg_csv_type_of(csv, "a"), TG_CSV_FLOAT64);
    assert_int_equal(tg_csv_type_of(csv, "b"), TG_CSV_TEXT);
    assert_string_equal(tg_csv_text(csv, "a").items[0], "1,5");
    tg_csv_free(csv);
    tg_scope_end(scope);
}

/* ---- types ---- */

static tg_csv_type type_of(const char *text)
{
    tg_csv *csv = tg_parse_csv(text);
    const tg_csv_type type = tg_csv_type_of(csv, "x");
    tg_csv_free(csv);
    return type;
}

TEST(test_types)
{
    assert_int_equal(type_of("x\n1\n-2\n 3 \n"), TG_CSV_INT64);
    assert_int_equal(type_of("x\n9223372036854775807\n-9223372036854775808\n"), TG_CSV_INT64);
    assert_int_equal(type_of("x\n1\n9223372036854775808\n"), TG_CSV_FLOAT64);
    assert_int_equal(type_of("x\n1\n2.0\n"), TG_CSV_FLOAT64);
    assert_int_equal(type_of("x\n1\n-0\n"), TG_CSV_FLOAT64); /* no int64 has its sign */
    assert_int_equal(type_of("x\n1\n?\n"), TG_CSV_FLOAT64);
    assert_int_equal(type_of("x,y\n,1\n,1\n"), TG_CSV_FLOAT64);
    assert_int_equal(type_of("x\n1\n1.5\ntwo\n3\n"), TG_CSV_TEXT);
    assert_int_equal(type_of("x\n0x10\n"), TG_CSV_TEXT);
    assert_int_equal(type_of("x\n1 2\n"), TG_CSV_TEXT);
    assert_int_equal(type_of("x\nnan(1)\n"), TG_CSV_TEXT);
}

/* What was whole before a real number came. */
TEST(test_column_that_turns_real)
{
    IN_SCOPE;
    tg_csv *csv = tg_parse_csv("a,b\n1,1\n-2,2\n0.5,\n4,9007199254740993\n");
    VALUES(tg_csv_tensor(csv, tg_texts("a")), 0, 1, -2, 0.5, 4);
    tg_tensor *b = tg_csv_column(csv, "b", .dtype = TG_FLOAT64);
    assert_true(isnan(tg_item(tg_slice(b, 0, 2, 3))) && tg_csv_missing(csv, "b") == 1 && tg_csv_missing(csv, "a") == 0);
    assert_true(tg_item(tg_slice(b, 0, 3, 4)) == 9007199254740992.0);
    tg_csv_free(csv);
    tg_scope_end(scope);
}

TEST(test_types_that_are_given)
{
    IN_SCOPE;
    tg_csv *csv =
        tg_parse_csv("zip,\"a, b\",n\n01234,1,7\n99,2,8\n", .text = "zip", .float64 = "\"a, b\"", .int64 = "n");
    assert_int_equal(tg_csv_type_of(csv, "zip"), TG_CSV_TEXT);
    assert_string_equal(tg_csv_text(csv, "zip").items[0], "01234");
    assert_int_equal(tg_csv_type_of(csv, "a, b"), TG_CSV_FLOAT64);
    assert_int_equal(tg_dtype_of(tg_csv_column(csv, "n")), TG_INT64);
    assert_int_equal(tg_dtype_of(tg_csv_column(csv, "a, b")), TG_FLOAT32);
    assert_null(tg_csv_column(csv, "zip"));
    expect_error("column 'zip' (1) is text, not numbers");
    tg_csv_free(csv);
    assert_null(tg_parse_csv("a,b\n1,x\n2,3\n", .float64 = "b,a"));
    expect_error("line 2, column 'b' (2): 'x' is no number");
    assert_null(tg_parse_csv("a,b\n1,2\n2,3.5\n", .int64 = "a, b"));
    expect_error("line 3, column 'b' (2): '3.5' is no int64");
    assert_null(tg_parse_csv("a,b\n1,2\nNA,3.5\n", .int64 = "a"));
    expect_error("line 3, column 'a' (1): 'NA' is missing, and no int64 says so");
    assert_null(tg_parse_csv("a,b\n1,2\n", .text = "c"));
    expect_error(".text: there is no column 'c'; the columns are: a, b");
    assert_null(tg_parse_csv("a,b\n1,2\n", .text = "a", .int64 = "a"));
    expect_error(".int64: a type is given twice to column 'a'");
    tg_scope_end(scope);
}

TEST(test_missing)
{
    IN_SCOPE;
    tg_csv *csv = tg_parse_csv("a,b,c\n-999,none,1\n2,none,?\n", .missing = "-999,none,\"?\"");
    assert_true(tg_csv_missing(csv, "a") == 1 && tg_csv_missing(csv, "b") == 2 && tg_csv_missing(csv, "c") == 1);
    assert_true(isnan(tg_item(tg_slice(tg_csv_column(csv, "a"), 0, 0, 1))));
    tg_csv_free(csv);
    csv = tg_parse_csv("a,b\nNA,1\n,2\n", .missing = NULL);
    assert_int_equal(tg_csv_type_of(csv, "a"), TG_CSV_TEXT);
    tg_csv_free(csv);
    csv = tg_parse_csv("x\n1\nnan\n", .missing = NULL); /* a number, if a strange one */
    assert_true(tg_csv_missing(csv, "x") == 1 && tg_csv_type_of(csv, "x") == TG_CSV_FLOAT64);
    tg_csv_free(csv);
    tg_scope_end(scope);
}

/* A name that is not there is told with those that are, as many as find room. */
TEST(test_names_that_are_told)
{
    IN_SCOPE;
    char wide[2000] = "";
    for (int i = 0; i < 100; i++) snprintf(wide + strlen(wide), 16, "%scolumn %d", i ? "," : "", i);
    tg_csv *csv = tg_parse_csv(wide);
    assert_null(tg_csv_column(csv, "column 100"));
    assert_null(strstr(tg_error_message(), "column 30"));
    const char *end = tg_error_message() + strlen(tg_error_message()) - 11;
    assert_string_equal(end, "umn 22, ...");
    expect_error("there is no column 'column 100' among 100: column 0, column 1, column 2, ");
    tg_csv_free(csv);
    csv = tg_parse_csv("1,2\n3,4\n", .header = false);
    assert_null(tg_csv_column(csv, "a"));
    expect_error("there is no column 'a' among 2: 0, 1");
    tg_csv_free(csv);
    tg_scope_end(scope);
}

/* ---- columns ---- */

TEST(test_tensors)
{
    IN_SCOPE;
    tg_csv *csv = tg_parse_csv("a,word,b,c\n1,x,0.5,10\n2,y,1.5,20\n3,z,2.5,30\n");
    VALUES(tg_csv_tensor(csv, tg_texts("c", "a")), 0, 10, 1, 20, 2, 30, 3);
    tg_tensor *all = tg_csv_tensor(csv, tg_texts());
    const tg_shape shape = tg_shape_of(all), wanted = tg_shape(3, 3);
    assert_true(tg_shape_equal(&shape, &wanted) && tg_dtype_of(all) == TG_FLOAT32);
    VALUES(all, 0, 1, 0.5, 10, 2, 1.5, 20, 3, 2.5, 30);
    VALUES(tg_csv_tensor(csv, tg_csv_range(csv, 2, 4), .dtype = TG_FLOAT64), 0, 0.5, 10, 1.5, 20, 2.5, 30);
    assert_int_equal(tg_dtype_of(tg_csv_tensor(csv, tg_texts("a"), .dtype = TG_INT64)), TG_INT64);
    assert_true(tg_csv_find(csv, "c") == 3 && tg_csv_find(csv, "d") == -1);
    tg_set_default_dtype(TG_FLOAT64);
    assert_int_equal(tg_dtype_of(tg_csv_tensor(csv, tg_texts("a"))), TG_FLOAT64);
    tg_set_default_dtype(TG_FLOAT32);
    assert_null(tg_csv_tensor(csv, tg_texts("a", "word")));
    expect_error("the text: line 2, column 'word' (2): 'x' is no number");
    assert_null(tg_csv_tensor(csv, tg_texts("b"), .dtype = TG_INT64));
    expect_error("column 'b' (3) is float64, not int64");
    assert_null(tg_csv_tensor(csv, tg_texts("a", "d")));
    expect_error("there is no column 'd' among 4: a, word, b, c");
    assert_null(tg_csv_tensor(csv, tg_texts("a"), .dtype = TG_BOOL));
    expect_error("not bool");
    tg_csv_range(csv, 2, 5);
    expect_error("csv_range: the text: columns 2 to 5 of 4");
    tg_csv_free(csv);
    tg_scope_end(scope);
}

/* Nobody but the table knows them: memory that others had in between tells. */
TEST(test_no_rows_and_one)
{
    IN_SCOPE;
    tg_csv *csv = tg_parse_csv("a,b\n");
    tg_tensor *t = tg_csv_tensor(csv, tg_texts());
    assert_true(tg_ok() && tg_size(t, 0) == 0 && tg_size(t, 1) == 2 && tg_csv_text(csv, "a").count == 0);
    const tg_categories none = tg_csv_categories(csv, "a");
    assert_true(none.codes && tg_numel(none.codes) == 0 && none.names.count == 0);
    tg_csv_free(csv);
    csv = tg_parse_csv("1,2", .header = false);
    VALUES(tg_csv_tensor(csv, tg_texts("1", "0")), 0, 2, 1);
    tg_csv_free(csv);
    csv = tg_parse_csv("a,a b , \"c \"\n1,2,3\n");
    assert_true(tg_csv_find(csv, "a b") == 1);
    tg_csv_free(csv);
    tg_scope_end(scope);
}

TEST(test_categories)
{
    IN_SCOPE;
    tg_csv *csv = tg_parse_csv("kind,n\nb,1\na,2\nc,3\na,4\n\"\",5\n");
    tg_categories kinds = tg_csv_categories(csv, "kind");
    VALUES(kinds.codes, 0, 2, 1, 3, 1, 0);
    assert_int_equal(kinds.names.count, 4);
    assert_string_equal(kinds.names.items[0], "");
    assert_string_equal(kinds.names.items[3], "c");
    tg_csv *other = tg_parse_csv("kind\nc\na\n"), *strange = tg_parse_csv("n,kind\n1,c\n\n2,d\n");
    VALUES(tg_csv_categories(other, "kind", .names = kinds.names).codes, 0, 3, 1);
    assert_null(tg_csv_categories(strange, "kind", .names = kinds.names).codes);
    expect_error("line 4, column 'kind' (2): 'd' is none of the 4 names");
    VALUES(tg_csv_categories(csv, "n").codes, 0, 0, 1, 2, 3, 4);
    const tg_text_list twice = tg_texts("a", "b", "c", "", "b");
    assert_null(tg_csv_categories(csv, "kind", .names = twice).codes);
    expect_error("the name 'b' comes twice");
    tg_csv_free(csv);
    tg_csv_free(other);
    tg_csv_free(strange);
    tg_scope_end(scope);
}

/* ---- what is wrong ---- */

TEST(test_errors)
{
    expect_refusal(tg_parse_csv("a,b\n1,2\n3\n"), "the text: line 3: 1 fields in a table of 2 columns");
    expect_refusal(tg_parse_csv("a,b\n\"1\n\n2\",3\n\n4,5,6\n"), "line 6: 3 fields in a table of 2 columns");
    expect_refusal(tg_parse_csv("a,b,a\n1,2,3\n"), "line 1, column 'a' (3): column 1 has that name, too");
    expect_refusal(tg_parse_csv("a,b\n1,\"2\n3,4\n"), "line 2, column 'b' (2): a quote that does not end");
    expect_refusal(tg_parse_csv("a,b\n1,\"2\"x\n"), "line 2, column 'b' (2): behind the quote that ends it stands 'x");
    expect_refusal(tg_parse_csv(""), "line 1: the file ends, and nothing names the columns");
    expect_refusal(tg_parse_csv("\n\r\n", .header = false), "line 3: the file ends, and has no column");
    expect_refusal(tg_parse_csv("\xff\xfe"
                                "a"),
                   "UTF-16");
    expect_refusal(tg_parse_csv("a,b", .delimiter = '"'), "the delimiter is a quote or ends lines");
    expect_refusal(tg_parse_csv("a,b", .decimal = ','), "the delimiter is the decimal point");
    expect_refusal(tg_parse_csv("a,b", .decimal = 'x'), "decimal is");
    expect_refusal(tg_parse_csv("a,b", .comment = ','), "the comment's character");
    expect_refusal(tg_parse_csv("a,b", .missing = "a\nb"), "the list is one line");
    expect_refusal(tg_parse_csv(NULL), "the text is NULL");
    expect_refusal(tg_load_csv(NULL), "the path is NULL");
    expect_refusal(tg_load_csv("/nowhere/a.csv"), "/nowhere/a.csv: cannot be read: No such file");
    expect_refusal(tg_load_csv("tests"), "is a folder");
    assert_null(tg_csv_tensor(NULL, tg_texts()));
    expect_error("the table is NULL");
    tg_csv_free(NULL);
}

/* The line of a field that was taken for text when the table was read. */
TEST(test_line_of_a_field)
{
    IN_SCOPE;
    tg_csv *csv = tg_parse_csv("# c\nx,y\n1,\"a\nb\r\nc\"\n\n# d\n2,3\nabc,4\n", .comment = '#');
    assert_null(tg_csv_tensor(csv, tg_texts("x")));
    expect_error("line 9, column 'x' (1): 'abc' is no number");
    assert_null(tg_csv_tensor(csv, tg_texts("y")));
    expect_error("line 3, column 'y' (2): 'a?b??c' is no number");
    tg_csv_free(csv);
    tg_scope_end(scope);
}

TEST(test_zero_bytes)
{
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/zero.csv", folder);
    write_file(path, "a,b\n1,\0\n", 8);
    expect_refusal(tg_load_csv(path), "line 2, column 'b' (2): a zero byte");
    write_file(path, "a,b\n1,\"x\0\"\n", 11);
    expect_refusal(tg_load_csv(path), "line 2, column 'b' (2): a zero byte");
    write_file(path, "a,b\n1,\"x\"\0\n", 11);
    expect_refusal(tg_load_csv(path), "a zero byte");
    remove_folder(folder);
}

TEST(test_huge_field)
{
    IN_SCOPE;
    enum { LENGTH = 3000000 };
    char *text = malloc(LENGTH + 16);
    assert_non_null(text);
    memcpy(text, "a,b\n\"", 5);
    memset(text + 5, '"', LENGTH); /* half as many quotes */
    memcpy(text + 5 + LENGTH, "\",1\n", 5);
    tg_csv *csv = tg_parse_csv(text);
    assert_int_equal(strlen(tg_csv_text(csv, "a").items[0]), LENGTH / 2);
    tg_csv_free(csv);
    memset(text + 5, '1', LENGTH);
    csv = tg_parse_csv(text);
    assert_true(isinf(tg_item(tg_csv_column(csv, "a"))));
    tg_csv_free(csv);
    free(text);
    tg_scope_end(scope);
}

/* ---- writing ---- */

static void expect_file(const char *path, const char *expected)
{
    size_t count;
    unsigned char *bytes = read_file(path, &count);
    if (count != strlen(expected) || memcmp(bytes, expected, count) != 0)
        fail_msg("%s is \"%.*s\", not \"%s\"", path, (int)count, (const char *)bytes, expected);
    free(bytes);
}

TEST(test_writing)
{
    IN_SCOPE;
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/out.csv", folder);
    const double values[] = { 0.1, -0.0, 1, 1e30, NAN, -INFINITY };
    tg_tensor *t = tg_from_data(values, tg_shape(3, 2));
    assert_int_equal(tg_save_csv(t, tg_texts("a", "b, \"c\""), path), TG_OK);
    expect_file(path, "a,\"b, \"\"c\"\"\"\n0.1,-0.0\n1.0,1e+30\nnan,-inf\n");
    assert_int_equal(tg_save_csv(tg_t(t), tg_texts(), path, .delimiter = ';'), TG_OK);
    expect_file(path, "0.1;1.0;nan\n-0.0;1e+30;-inf\n");
    const int64_t whole[] = { INT64_MIN, 0, INT64_MAX };
    assert_int_equal(tg_save_csv(tg_from_data(whole, tg_shape(3), .dtype = TG_INT64), tg_texts(""), path), TG_OK);
    expect_file(path, "\"\"\n-9223372036854775808\n0\n9223372036854775807\n");
    assert_int_equal(tg_save_csv(tg_gt(t, 0.5), tg_texts(" a", "b\t"), path), TG_OK);
    expect_file(path, "\" a\",\"b\t\"\n0,0\n1,1\n0,0\n");
    tg_csv *csv = tg_load_csv(path);
    assert_true(tg_csv_find(csv, " a") == 0 && tg_csv_find(csv, "b\t") == 1);
    tg_csv_free(csv);
    assert_int_equal(tg_save_csv(tg_zeros(tg_shape(0, 2)), tg_texts("a", "b"), path), TG_OK);
    expect_file(path, "a,b\n");
    assert_int_equal(tg_save_csv(t, tg_texts("a"), path), TG_FAILED);
    expect_error("1 names of 2 columns");
    assert_int_equal(tg_save_csv(tg_zeros(tg_shape(2, 2, 2)), tg_texts(), path), TG_FAILED);
    expect_error("1 or 2 dimensions, not 3");
    assert_int_equal(tg_save_csv(t, tg_texts(), path, .delimiter = '.'), TG_FAILED);
    expect_error("the delimiter");
    expect_file(path, "a,b\n");
    remove_folder(folder);
    tg_scope_end(scope);
}

/* Any bits, and those of float32. */
TEST(test_numbers_come_back)
{
    IN_SCOPE;
    enum { COUNT = 2000 };
    const char *folder = make_folder();
    char path[4200];
    snprintf(path, sizeof path, "%s/bits.csv", folder);
    tg_tensor *doubles = tg_empty(tg_shape(COUNT), .dtype = TG_FLOAT64), *floats = tg_empty(tg_shape(COUNT));
    uint64_t *d = tg_mutable_data(doubles, TG_FLOAT64);
    uint32_t *f = tg_mutable_data(floats, TG_FLOAT32);
    for (int i = 0; i < COUNT; i++) {
        d[i] = draw() << 32 ^ draw();
        f[i] = (uint32_t)draw();
        if ((d[i] >> 52 & 0x7ff) == 0x7ff) d[i] &= ~UINT64_C(1) << 52; /* no NaN, whose text says nothing of its bits */
        if ((f[i] >> 23 & 0xff) == 0xff) f[i] &= ~UINT32_C(1) << 23;
    }
    tg_save_csv(doubles, tg_texts("x"), path);
    tg_csv *csv = tg_load_csv(path);
    const tg_tensor *back = tg_csv_column(csv, "x", .dtype = TG_FLOAT64);
    assert_memory_equal(tg_data(back, TG_FLOAT64), d, COUNT * sizeof *d);
    tg_csv_free(csv);
    tg_save_csv(floats, tg_texts("x"), path);
    csv = tg_load_csv(path);
    back = tg_csv_column(csv, "x");
    assert_memory_equal(tg_data(back, TG_FLOAT32), f, COUNT * sizeof *f);
    for (int i = 0; i < COUNT; i++) assert_true(strlen(tg_csv_text(csv, "x").items[i]) <= 16 || i % 50);
    tg_csv_free(csv);
    remove_folder(folder);
    tg_scope_end(scope);
}

TEST(test_freed_table)
{
    tg_csv *csv = tg_parse_csv("a\n1\n");
    tg_csv_free(csv);
#if !defined(__SANITIZE_ADDRESS__)
    assert_null(tg_csv_column(csv, "a"));
    expect_error("the table was freed");
    tg_csv_free(csv);
    expect_error("the table was freed");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_python_tables),
        T(test_any_number),
        T(test_decimal_comma),
        T(test_types),
        T(test_column_that_turns_real),
        T(test_types_that_are_given),
        T(test_missing),
        T(test_names_that_are_told),
        T(test_tensors),
        T(test_no_rows_and_one),
        T(test_categories),
        T(test_errors),
        T(test_line_of_a_field),
        T(test_zero_bytes),
        T(test_huge_field),
        T(test_writing),
        T(test_numbers_come_back),
        T(test_freed_table),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
