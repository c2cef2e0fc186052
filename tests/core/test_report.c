/* test_report.c: confusion matrices and classification reports against scikit-learn's numbers and texts
 * (golden/report.txt), and what is refused. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 4096, MOST_NAMES = 16 };

/* ---- against scikit-learn ---- */

static const char *const *names_of(const golden *g, char *text)
{
    static const char *names[MOST_NAMES];
    int count = 0;
    if (!golden_has(g, "names")) return NULL;
    snprintf(text, TEXT, "%s", golden_string(g, "names"));
    for (char *name = strtok(text, ","); name; name = strtok(NULL, ",")) names[count++] = name;
    return names;
}

/* All in one batch, or each element by itself. */
static tg_confusion_matrix *count_all(const golden *g, bool one_by_one)
{
    char text[TEXT];
    const int64_t *targets, *predictions, count = golden_ints(g, "targets", &targets);
    assert_int_equal(golden_ints(g, "predictions", &predictions), count);
    const int64_t ignored = golden_has(g, "ignore_index") ? golden_int(g, "ignore_index") : -100;
    tg_confusion_matrix *m =
        tg_confusion_matrix_new(golden_int(g, "classes"), .names = names_of(g, text), .ignore_index = ignored);
    for (int64_t i = 0, n; i < count; i += n) {
        n = one_by_one ? 1 : count;
        assert_int_equal(tg_confusion_matrix_update(m, tg_from_data(predictions + i, tg_shape(n)),
                                                    tg_from_data(targets + i, tg_shape(n))),
                         TG_OK);
    }
    return m;
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-14; }

static void check_scores(const golden_array *expected, int64_t row, const tg_class_scores *s)
{
    const double *e = expected->values + 4 * row;
    const bool same = near(s->precision, e[0]) && near(s->recall, e[1]) && near(s->f1, e[2]);
    if (!same || s->support != (int64_t)e[3])
        fail_msg("row %d: %.17g %.17g %.17g %d", (int)row, s->precision, s->recall, s->f1, (int)s->support);
}

/* "\n" in the file is a newline. */
static void expect_text(const char *escaped, const char *text)
{
    char expected[TEXT], *to = expected;
    for (; *escaped; escaped++) {
        const bool newline = escaped[0] == '\\' && escaped[1] == 'n';
        *to++ = newline ? '\n' : *escaped;
        escaped += newline;
    }
    *to = '\0';
    assert_string_equal(text, expected);
}

static void check_case(const golden *g, bool one_by_one)
{
    IN_SCOPE;
    tg_confusion_matrix *m = count_all(g, one_by_one);
    golden_assert(g, "counts", tg_confusion_matrix_counts(m), 0);
    const tg_classification_report r = tg_classification_report_of(m);
    const golden_array scores = golden_array_of(g, "scores"), averages = golden_array_of(g, "averages");
    assert_int_equal(r.classes, scores.shape.dims[0]);
    for (int64_t i = 0; i < r.classes; i++) check_scores(&scores, i, &r.of[i]);
    check_scores(&averages, 0, &r.macro);
    check_scores(&averages, 1, &r.weighted);
    assert_true(near(r.accuracy, golden_real(g, "accuracy")));
    assert_true(tg_confusion_matrix_accuracy(m) == r.accuracy);
    if (golden_has(g, "text")) {
        char text[TEXT];
        const int digits = (int)golden_int(g, "digits");
        const int64_t length = tg_classification_report_format(m, text, TEXT, .digits = digits);
        assert_int_equal(length, strlen(text));
        expect_text(golden_string(g, "text"), text);
    }
    tg_confusion_matrix_free(m);
    tg_scope_end(scope);
}

TEST(test_scikit_learn)
{
    golden *g = golden_open("report.txt");
    int cases = 0;
    for (; golden_next(g); cases++) {
        check_case(g, false);
        check_case(g, true);
    }
    golden_close(g);
    assert_true(cases >= 10);
}

/* ---- the matrix ---- */

static tg_confusion_matrix *animals(void)
{
    static const char *const names[] = { "cat", "a dog" };
    static const int64_t targets[] = { 0, 0, 1, 1, 1, 0 }, predictions[] = { 0, 1, 1, 1, 1, 0 };
    tg_confusion_matrix *m = tg_confusion_matrix_new(2, .names = names);
    for (int i = 0; m && i < 500; i++)
        tg_confusion_matrix_update(m, tg_from_data(predictions, tg_shape(2, 3)), tg_from_data(targets, tg_shape(2, 3)));
    return m;
}

TEST(test_matrix)
{
    IN_SCOPE;
    tg_confusion_matrix *m = animals();
    char text[TEXT], piece[40];
    const int64_t length = tg_confusion_matrix_format(m, text, TEXT);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, "target \\ predicted   cat  a dog\n"
                              "               cat  1000    500\n"
                              "             a dog     0   1500\n");
    assert_int_equal(tg_confusion_matrix_count(m, 0, 1), 500);
    for (int64_t size = 0; size < 40; size++) { /* what does not fit is counted */
        memset(piece, '#', sizeof piece);
        assert_int_equal(tg_confusion_matrix_format(m, piece, size), strlen(text));
        for (int64_t i = 0; i + 1 < size; i++) assert_int_equal(piece[i], text[i]);
        if (size) assert_int_equal(piece[size - 1], 0);
        assert_true(size == 40 || piece[size] == '#');
    }
    assert_int_equal(tg_confusion_matrix_format(m, NULL, 0), strlen(text));
    tg_confusion_matrix_reset(m);
    assert_int_equal(tg_confusion_matrix_count(m, 0, 1), 0);
    tg_confusion_matrix_free(m);
    tg_scope_end(scope);
}

/* The file has what the buffer has. */
TEST(test_printed)
{
    IN_SCOPE;
    tg_confusion_matrix *m = animals();
    char text[TEXT], *written = NULL;
    FILE *file = tmpfile();
    assert_int_equal(tg_confusion_matrix_print(m, file), TG_OK);
    assert_int_equal(tg_classification_report_print(m, file, .digits = 3), TG_OK);
    int64_t length = tg_confusion_matrix_format(m, text, TEXT);
    length += tg_classification_report_format(m, text + length, TEXT - length, .digits = 3);
    written = calloc(1, TEXT);
    rewind(file);
    assert_int_equal(fread(written, 1, TEXT - 1, file), length);
    assert_string_equal(written, text);
    free(written);
    fclose(file);
    tg_confusion_matrix_free(m);
    tg_scope_end(scope);
}

/* Views of other strides, and booleans. */
TEST(test_strides)
{
    IN_SCOPE;
    const int64_t targets[] = { 0, 1, 2, 2, 1, 0 }, predictions[] = { 0, 2, 1, 2, 1, 0 }; /* [2, 3] and [3, 2] */
    tg_confusion_matrix *m = tg_confusion_matrix_new(3);
    tg_tensor *p = tg_t(tg_from_data(predictions, tg_shape(3, 2))), *t = tg_from_data(targets, tg_shape(2, 3));
    assert_int_equal(tg_confusion_matrix_update(m, p, t), TG_OK); /* p is 0 1 1, 2 2 0 */
    assert_int_equal(tg_confusion_matrix_count(m, 0, 0), 2);
    assert_int_equal(tg_confusion_matrix_count(m, 1, 1), 1);
    assert_int_equal(tg_confusion_matrix_count(m, 2, 1), 1);
    assert_int_equal(tg_confusion_matrix_count(m, 2, 2), 1);
    assert_int_equal(tg_confusion_matrix_count(m, 1, 2), 1);
    tg_confusion_matrix_free(m);
    m = tg_confusion_matrix_new(2);
    tg_tensor *yes = tg_ones(tg_shape(3), .dtype = TG_BOOL);
    assert_int_equal(tg_confusion_matrix_update(m, yes, tg_zeros(tg_shape(3), .dtype = TG_INT64)), TG_OK);
    assert_int_equal(tg_confusion_matrix_count(m, 0, 1), 3);
    assert_int_equal(tg_confusion_matrix_update(m, tg_zeros(tg_shape(0), .dtype = TG_INT64),
                                                tg_zeros(tg_shape(0), .dtype = TG_INT64)),
                     TG_OK);
    tg_confusion_matrix_free(m);
    tg_scope_end(scope);
}

/* Of nothing all scores are 0. */
TEST(test_nothing_counted)
{
    IN_SCOPE;
    tg_confusion_matrix *m = tg_confusion_matrix_new(1);
    const tg_classification_report r = tg_classification_report_of(m);
    assert_true(r.classes == 1 && r.accuracy == 0 && r.macro.f1 == 0 && r.weighted.precision == 0);
    assert_true(tg_confusion_matrix_accuracy(m) == 0);
    char text[TEXT];
    tg_classification_report_format(m, text, TEXT);
    assert_null(strstr(text, "nan"));
    tg_confusion_matrix_free(m);
    tg_scope_end(scope);
}

TEST(test_hostile_names)
{
    static const char *const names[] = { "a\nb\033[J", "\xff\xe9", "" };
    tg_confusion_matrix *m = tg_confusion_matrix_new(3, .names = names);
    char text[TEXT];
    assert_true(tg_confusion_matrix_format(m, text, TEXT) > 0);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "a b [J"));
    tg_confusion_matrix_free(m);
}

/* ---- what is refused ---- */

TEST(test_refused)
{
    IN_SCOPE;
    static const char *const names[] = { "a", NULL };
    expect_refusal(tg_confusion_matrix_new(0), "expected 1 to 4096 classes, got 0");
    expect_refusal(tg_confusion_matrix_new(INT64_MAX), "classes, got 9223372036854775807");
    expect_refusal(tg_confusion_matrix_new(2, .names = names), "the name of class 1 is NULL");
    tg_confusion_matrix *m = tg_confusion_matrix_new(3);
    const int64_t good[] = { 0, 1, 2 }, beyond[] = { 0, 1, 3 }, below[] = { 0, -1, 2 };
    tg_tensor *g = tg_from_data(good, tg_shape(3)), *b = tg_from_data(beyond, tg_shape(3));
    assert_int_equal(tg_confusion_matrix_update(m, b, g), TG_FAILED);
    expect_error("prediction 2 is class 3; there are 3 classes");
    assert_int_equal(tg_confusion_matrix_update(m, g, tg_from_data(below, tg_shape(3))), TG_FAILED);
    expect_error("target 1 is class -1");
    assert_int_equal(tg_confusion_matrix_update(m, tg_ones(tg_shape(3)), g), TG_FAILED);
    expect_error("the predictions are float32; classes are int64 or bool (tg_argmax");
    assert_int_equal(tg_confusion_matrix_update(m, g, tg_reshape(g, tg_shape(3, 1))), TG_FAILED);
    expect_error("predictions of shape [3], targets of shape [3, 1]");
    assert_int_equal(tg_confusion_matrix_count(m, 0, 0), 0); /* nothing of what was refused */
    assert_int_equal(tg_confusion_matrix_count(m, 3, 0), -1);
    expect_error("target 3, prediction 0");
    assert_int_equal(tg_classification_report_format(m, NULL, 0, .digits = 18), -1);
    expect_error("expected 0 to 17 digits, got 18");
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(tg_confusion_matrix_print(m, full), TG_FAILED);
        expect_error("cannot be written: No space left");
        fclose(full);
    }
    tg_confusion_matrix_free(m);
    assert_true(tg_confusion_matrix_accuracy(NULL) == -1);
    expect_error("the confusion matrix is NULL");
    tg_scope_end(scope);
}

static FILE *nothing;

static double a_report(void)
{
    tg_confusion_matrix *m = animals();
    double result = 0;
    if (tg_classification_report_print(m, nothing, .digits = 2) == TG_OK &&
        tg_confusion_matrix_print(m, nothing) == TG_OK && tg_confusion_matrix_counts(m))
        result = 1 + tg_classification_report_of(m).accuracy;
    tg_confusion_matrix_free(m);
    return result;
}

TEST(test_failing_allocations)
{
    nothing = fopen("/dev/null", "w");
    fail_each_allocation(a_report);
    fclose(nothing);
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_scikit_learn),    T(test_matrix),        T(test_printed), T(test_strides),
        T(test_nothing_counted), T(test_hostile_names), T(test_refused), T(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
