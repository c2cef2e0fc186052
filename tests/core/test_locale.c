/* test_locale.c: what the library writes and reads is the same in a locale that has a comma for the point, and the
 * program's own locale is left as it was. */
#define _GNU_SOURCE /* uselocale, mkdtemp, setenv */
#include <tapegrad.h>

#include "tests/support/suite.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

/* LeakSanitizer asks for it: glibc keeps what it made of LOCPATH. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:__argz_add_sep\n"; }

static char found[64]; /* the name of a locale with a comma; "" where there is none */

static bool has_comma(const char *name)
{
    if (!setlocale(LC_ALL, name)) return false;
    const bool comma = strcmp(localeconv()->decimal_point, ",") == 0;
    setlocale(LC_ALL, "C");
    if (comma) snprintf(found, sizeof found, "%s", name);
    return comma;
}

/* One that the system has, or one made for the occasion. */
static int find_locale(void **state)
{
    (void)state;
    const char *const names[] = { "fr_FR.UTF-8", "de_DE.UTF-8", "es_ES.UTF-8", "it_IT.UTF-8", "fr_FR", "de_DE" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (has_comma(names[i])) return 0;
    char folder[] = "/tmp/locale-XXXXXX", command[256];
    if (!mkdtemp(folder)) return 0;
    snprintf(command, sizeof command, "localedef -f UTF-8 -i fr_FR --no-archive %s/fr_FR.UTF-8 >/dev/null 2>&1",
             folder);
    setenv("LOCPATH", folder, 1);
    if (system(command) != 0 || !has_comma("fr_FR.UTF-8"))
        print_message("no locale with a comma, and localedef makes none: what is printed there was not looked at\n");
    return 0;
}

static int remove_locale(void **state)
{
    (void)state;
    const char *folder = getenv("LOCPATH");
    char command[256];
    if (!folder || strncmp(folder, "/tmp/locale-", 12) != 0) return 0;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}

/* ---- what is written and read ---- */

static void check_tensors(void)
{
    const double plain[] = { 1.5, -0.25 }, wide[] = { 1e-5, 12345.5 };
    char text[128];
    tg_format(tg_from_data(plain, tg_shape(2)), text, sizeof text);
    assert_string_equal(text, "tensor([ 1.5000, -0.2500], dtype=torch.float64)");
    tg_format(tg_from_data(wide, tg_shape(2)), text, sizeof text);
    assert_string_equal(text, "tensor([1.0000e-05, 1.2346e+04], dtype=torch.float64)");
    tg_format(tg_full(tg_shape(1), 3.0), text, sizeof text);
    assert_string_equal(text, "tensor([3.])");
}

static int own_repr(tg_module *module, char *buffer, size_t size)
{
    (void)module;
    return snprintf(buffer, size, "rate=%g, real=%d", 0.5, strtod("0.25", NULL) == 0.25);
}

typedef struct own {
    tg_module base;
} own;

static void check_module(tg_module *m, const char *expected)
{
    char text[128];
    tg_module_format(m, text, sizeof text);
    assert_string_equal(text, expected);
    tg_module_free(m);
}

static void check_modules(void)
{
    check_module(tg_dropout_new(0.1), "Dropout(p=0.1, inplace=False)");
    check_module(TG_MODULE(tg_leaky_relu_new(.negative_slope = 0.3)), "LeakyReLU(negative_slope=0.3)");
    check_module(TG_MODULE(tg_softplus_new(.beta = 1.5)), "Softplus(beta=1.5, threshold=20)");
    check_module(TG_MODULE(tg_threshold_new(0.5, 2.25)), "Threshold(threshold=0.5, value=2.25)");
    own *m = tg_module_new(own, .name = "Own", .extra_repr = own_repr);
    check_module(TG_MODULE(m), "Own(rate=0.5, real=1)");
}

static char warning[128];

static void note_warning(const char *where, const char *message, void *context)
{
    (void)where, (void)context;
    snprintf(warning, sizeof warning, "%s", message);
}

static void check_messages(const char *place)
{
    assert_null(tg_dropout(tg_ones(tg_shape(2)), .p = 1.5));
    expect_error("dropout probability has to be between 0 and 1, but got 1.5");
    tg_set_warning_handler(note_warning, NULL);
    tg_warn_at(place, "%.2f and %g", 0.5, 1e-7); /* once for each place */
    tg_set_warning_handler(tg_default_warning_handler, NULL);
    assert_string_equal(warning, "0.50 and 1e-07");
}

/* The default of a schema: negative_slope=0.01 */
static void check_schema(void)
{
    const tg_value x = { .kind = TG_VALUE_TENSOR, .as.tensor = tg_full(tg_shape(), -2.0, .dtype = TG_FLOAT64) };
    assert_true(tg_item(tg_op_call(tg_op_find("leaky_relu"), &x, 1).items[0]) == -0.02);
}

static void check_charts(void)
{
    const double y[] = { 0, 0.5, 1.5 };
    char text[8192];
    tg_chart *chart = tg_chart_new();
    tg_chart_line(chart, NULL, y, 3);
    tg_chart_format(chart, text, sizeof text);
    assert_non_null(strstr(text, "0.5"));
    assert_null(strchr(text, ','));
    tg_chart_format_svg(chart, text, sizeof text);
    assert_non_null(strstr(text, ">0.5<"));
    assert_non_null(strstr(text, " d=\""));
    for (const char *at = text; (at = strstr(at, " d=\"")) != NULL; at++)
        assert_false(memchr(at, ',', strcspn(at + 4, "\"")));
    tg_chart_free(chart);
}

/* Numbers of many digits are read by the C library, and all are written by it. */
static void check_tables(void)
{
    const double values[] = { 0.1, 1.5e-30 };
    char path[] = "/tmp/locale-table-XXXXXX", text[64] = "";
    tg_csv *csv = tg_parse_csv("x,\"y,z\"\n0.1000000000000000055511151231257827,\"0,5\"\n1.5e-30,1\n");
    tg_tensor *x = tg_csv_column(csv, "x", .dtype = TG_FLOAT64);
    assert_true(memcmp(tg_data(x, TG_FLOAT64), values, sizeof values) == 0);
    assert_int_equal(tg_csv_type_of(csv, "y,z"), TG_CSV_TEXT);
    tg_csv_free(csv);
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && tg_save_csv(x, tg_texts("x"), path) == TG_OK);
    close(fd);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 14);
    fclose(file);
    remove(path);
    assert_string_equal(text, "x\n0.1\n1.5e-30\n");
}

static void check_all(const char *place)
{
    const tg_scope scope = tg_scope_begin();
    check_tensors();
    check_modules();
    check_messages(place);
    check_schema();
    check_charts();
    check_tables();
    tg_scope_end(scope);
}

/* The program goes on in its own locale. */
static void expect_comma(void)
{
    char text[16];
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1,5");
}

TEST(test_locale_of_the_process)
{
    if (!found[0]) skip();
    assert_non_null(setlocale(LC_ALL, found));
    expect_comma();
    check_all("process");
    expect_comma();
    setlocale(LC_ALL, "C");
}

TEST(test_locale_of_the_thread)
{
    if (!found[0]) skip();
    const locale_t locale = newlocale(LC_ALL_MASK, found, (locale_t)0);
    assert_true(locale != (locale_t)0);
    const locale_t before = uselocale(locale);
    expect_comma();
    check_all("thread");
    expect_comma();
    uselocale(before);
    freelocale(locale);
}

TEST(test_plain_locale) { check_all("plain"); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_plain_locale),
        T(test_locale_of_the_process),
        T(test_locale_of_the_thread),
    };
    return cmocka_run_group_tests(tests, find_locale, remove_locale);
}
