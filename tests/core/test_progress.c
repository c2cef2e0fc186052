/* test_progress.c: what a progress bar leaves on a terminal, by a small terminal of the test's own; when it draws, by a
 * clock of the test's own; and that nothing about it is an error of the program. */
#define _GNU_SOURCE /* open_memstream, setenv, dup2 */
#include <tapegrad.h>

#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a clock and a terminal ---- */

static double now;

static double test_clock(void *context)
{
    (void)context;
    return now;
}

static char *written;
static size_t length;
static FILE *out;

static void open_out(void)
{
    now = 1000;
    out = open_memstream(&written, &length);
    assert_non_null(out);
}

static void close_out(void)
{
    fclose(out);
    free(written);
}

enum { ROWS = 40, COLUMNS = 200 };
static char screen[ROWS][COLUMNS + 1];

static void fill_blank(char *from, char *to) { memset(from, ' ', (size_t)(to - from)); }

/* What the bytes written so far make of an empty screen; each row without blanks at its end. Fails on a command that a
 * terminal of the test does not know. */
static void show(void)
{
    int row = 0, column = 0;
    fflush(out);
    for (int i = 0; i < ROWS; i++) fill_blank(screen[i], screen[i] + COLUMNS);
    for (const char *c = written; c < written + length; c++) {
        int n = 0, used = 0;
        if (*c == '\r') {
            column = 0;
        } else if (*c == '\n') {
            row++, column = 0;
        } else if (*c == '\033' && c[1] == '[') {
            if (c[2] == 'K') {
                fill_blank(screen[row] + column, screen[row] + COLUMNS), c += 2;
            } else if (c[2] == 'J') {
                fill_blank(screen[row] + column, screen[row] + COLUMNS), c += 2;
                for (int i = row + 1; i < ROWS; i++) fill_blank(screen[i], screen[i] + COLUMNS);
            } else if (sscanf(c + 2, "%dA%n", &n, &used) == 1 && used) {
                row -= n, c += 1 + used;
            } else {
                fail_msg("an unknown command: %.8s", c + 1);
            }
        } else {
            assert_true((unsigned char)*c >= ' ' && column < COLUMNS);
            screen[row][column++] = *c;
        }
        assert_true(row >= 0 && row < ROWS);
    }
    for (int i = 0; i < ROWS; i++) {
        int end = COLUMNS;
        while (end > 0 && screen[i][end - 1] == ' ') end--;
        screen[i][end] = '\0';
    }
}

static int count_of(const char *text)
{
    int count = 0;
    fflush(out);
    for (const char *at = written; (at = strstr(at, text)); at += strlen(text)) count++;
    return count;
}

#define NEW(total, ...)                                                                                                \
    tg_progress_new(total, .file = out, .clock = test_clock, .ascii = 1, .width = 79, .style = TG_PROGRESS_BAR,        \
                    __VA_ARGS__)

/* ---- a bar ---- */

TEST(test_bar)
{
    open_out();
    tg_progress *p = NEW(10, .description = "train");
    show();
    assert_string_equal(screen[0], "train:   0%|........................................| 0/10 [00:00<?, ? step/s]");
    for (int i = 0; i < 5; i++) {
        now += 1;
        tg_progress_set(p, "loss", 0.5);
        tg_progress_update(p);
    }
    show();
    assert_string_equal(screen[0], "train:  50%|############............| 5/10 [00:05<00:05, 1.00 step/s, loss=0.5]");
    now += 95;
    tg_progress_update(p, 5);
    assert_int_equal(tg_progress_done(p), 10);
    tg_progress_free(p);
    show();
    assert_string_equal(screen[0], "train: 100%|#######################| 10/10 [01:40<00:00, 10.0 s/step, loss=0.5]");
    assert_string_equal(screen[1], "");
    assert_int_equal(written[length - 1], '\n');
    close_out();
}

TEST(test_leaves_nothing)
{
    open_out();
    tg_progress *p = NEW(10, .leave = false);
    tg_progress_update(p, 3);
    tg_progress_free(p);
    show();
    assert_string_equal(screen[0], "");
    close_out();
}

/* The rate of a run that resumes is its own. */
TEST(test_initial)
{
    open_out();
    tg_progress *p = NEW(100, .initial = 50);
    now += 10;
    tg_progress_update(p, 10);
    show();
    assert_non_null(strstr(screen[0], "| 60/100 [00:10<00:40, 1.00 step/s]"));
    tg_progress_free(p);
    close_out();
}

/* The rate is what was lately: after a minute at 1 step a second and one at 10 it is nearly 10. */
TEST(test_recent_rate)
{
    open_out();
    tg_progress *p = NEW(-1, .unit = "batch");
    for (int i = 0; i < 60; i++) now += 1, tg_progress_update(p);
    for (int i = 0; i < 600; i++) now += 0.1, tg_progress_update(p);
    now += 0.1;
    tg_progress_update(p);
    show();
    double rate = 0;
    assert_int_equal(sscanf(screen[0], "661 batch [02:00, %lf batch/s]", &rate), 1);
    assert_true(rate > 9.9 && rate <= 10.1);
    tg_progress_free(p);
    show();
    assert_string_equal(screen[0], "661 batch [02:00, 5.50 batch/s]");
    close_out();
}

TEST(test_odd_totals)
{
    const struct {
        int64_t total, done;
        const char *text;
    } cases[] = {
        { 0, 0, "100%" },      { 3, 4, "4 step [" },
        { -1, 0, "0 step [" }, { INT64_MIN, 2, "2 step [" },
        { 3, 2, " 66%" },      { INT64_MAX, INT64_MAX, "100%" },
        { 1000, 999, " 99%" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_out();
        tg_progress *p = NEW(cases[i].total, .leave = true);
        now += 1;
        tg_progress_update(p, cases[i].done);
        show();
        if (strncmp(screen[0], cases[i].text, strlen(cases[i].text)) != 0) fail_msg("case %zu: %s", i, screen[0]);
        tg_progress_free(p);
        close_out();
    }
}

/* A run that was over when it began has no rate; what it shows are its metrics. */
TEST(test_complete_from_the_start)
{
    for (int64_t total = 0; total <= 10; total += 10) {
        open_out();
        tg_progress *p = NEW(total, .initial = total);
        show();
        assert_non_null(strstr(screen[0], total ? " 10/10 [00:00<00:00]" : " 0/0 [00:00<00:00]"));
        now += 2;
        tg_progress_set(p, "loss", 0.5);
        tg_progress_free(p);
        show();
        assert_non_null(strstr(screen[0], total ? " 10/10 [00:02<00:00, loss=0.5]" : " 0/0 [00:02<00:00, loss=0.5]"));
        assert_int_equal(count_of("?"), 0);
        close_out();
    }
    open_out();
    tg_progress *p = NEW(10, .initial = 10, .style = TG_PROGRESS_LINES, .description = "train");
    now += 100;
    tg_progress_free(p);
    assert_int_equal(count_of("?"), 0);
    close_out();
    open_out(); /* one more than was thought has a rate again */
    p = NEW(10, .initial = 10);
    now += 2;
    tg_progress_update(p);
    show();
    assert_non_null(strstr(screen[0], "11 step [00:02, 2.00 s/step]"));
    tg_progress_free(p);
    close_out();
}

/* More steps than an int64 counts: they wrap, and what is made of the difference is no rate. */
TEST(test_too_many_steps)
{
    open_out();
    tg_progress *p = NEW(-1, .initial = INT64_MAX - 5);
    now += 100;
    tg_progress_update(p, INT64_MAX);
    show();
    assert_non_null(strstr(screen[0], ", ? step/s]"));
    tg_progress_free(p);
    close_out();
    open_out();
    p = NEW(10, .initial = INT64_MAX);
    now += 1;
    tg_progress_update(p, INT64_MAX / 2);
    show();
    assert_int_equal(strncmp(screen[0], "-4611686018427387906 step [", 27), 0); /* and no percentage */
    tg_progress_free(p);
    close_out();
    open_out();
    p = NEW(1, .initial = INT64_MAX, .style = TG_PROGRESS_LINES);
    now += 100;
    tg_progress_update(p, 0);
    assert_int_equal(count_of("9223372036854775807 step ["), 1);
    tg_progress_free(p);
    close_out();
}

TEST(test_times_and_numbers)
{
    const struct {
        double seconds;
        int64_t steps;
        const char *text;
    } cases[] = {
        { 3723, 1, "[1:02:03, 3.72k s/step]" },
        { 1, 1234567, "[00:01, 1.23M step/s]" },
        { 1, 999, "[00:01, 999 step/s]" },
        { 1, 1000, "[00:01, 1.00k step/s]" },
        { 400000, 400000, "[111:06:40, 1.00 step/s]" },
        { 0, 0, "[00:00, ? step/s]" },
        { 8, 1, "[00:08, 8.00 s/step]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_out();
        tg_progress *p = NEW(-1, .leave = true);
        now += cases[i].seconds;
        tg_progress_update(p, cases[i].steps);
        tg_progress_free(p);
        show();
        if (!strstr(screen[0], cases[i].text)) fail_msg("case %zu: %s", i, screen[0]);
        close_out();
    }
}

TEST(test_description_and_total)
{
    open_out();
    tg_progress *p = NEW(10, .description = "one");
    tg_progress_set_description(p, "two");
    tg_progress_set_total(p, 4);
    show();
    assert_non_null(strstr(screen[0], "two:   0%"));
    assert_non_null(strstr(screen[0], "0/4"));
    tg_progress_set_description(p, NULL);
    tg_progress_set_text(p, "phase", "warm-up");
    tg_progress_set(p, "loss", NAN);
    tg_progress_set(p, "phase", -INFINITY);
    now += 1;
    tg_progress_update(p);
    show();
    assert_non_null(strstr(screen[0], ", phase=-inf, loss=nan]"));
    assert_int_equal(strncmp(screen[0], " 25%", 4), 0);
    tg_progress_free(p);
    close_out();
}

/* ---- several, and other output ---- */

TEST(test_nested)
{
    open_out();
    tg_progress *epochs = NEW(2, .unit = "epoch");
    for (int e = 0; e < 2; e++) {
        tg_progress *steps = NEW(3, .description = "epoch");
        for (int i = 0; i < 3; i++) {
            now += 1;
            tg_progress_update(steps);
            if (i == 1) tg_progress_print(out, "half of %d", e);
        }
        show();
        assert_non_null(strstr(screen[2 * e + 1], e ? "| 1/2 [00:0" : "| 0/2 [00:0"));
        assert_int_equal(strncmp(screen[2 * e + 2], "epoch: 100%", 11), 0);
        tg_progress_free(steps);
        tg_progress_update(epochs);
    }
    tg_progress_free(epochs);
    show();
    assert_string_equal(screen[0], "half of 0");
    assert_int_equal(strncmp(screen[1], "epoch: 100%", 11), 0);
    assert_string_equal(screen[2], "half of 1");
    assert_int_equal(strncmp(screen[3], "epoch: 100%", 11), 0);
    assert_int_equal(strncmp(screen[4], "100%|", 5), 0);
    assert_string_equal(screen[5], "");
    close_out();
}

/* The outer one may go first, and three may come and go in any order. */
TEST(test_any_order)
{
    open_out();
    tg_progress *a = NEW(1, .description = "a"), *b = NEW(1, .description = "b"), *c = NEW(1, .description = "c");
    tg_progress_free(b);
    tg_progress_update(a);
    tg_progress_free(a);
    tg_progress *d = NEW(1, .description = "d", .leave = false);
    tg_progress_free(c);
    tg_progress_free(d);
    show();
    assert_int_equal(strncmp(screen[0], "b: ", 3), 0);
    assert_int_equal(strncmp(screen[1], "a: 100%", 7), 0);
    assert_int_equal(strncmp(screen[2], "c: ", 3), 0);
    assert_string_equal(screen[3], "");
    close_out();
}

/* With and without bars, a newline of its own or none: the same text. */
TEST(test_print)
{
    const char *const formats[] = { "%d of %s", "%d of %s\n" };
    for (int bars = 0; bars < 2; bars++)
        for (int i = 0; i < 2; i++) {
            open_out();
            char *text = NULL;
            size_t bytes = 0;
            FILE *file = open_memstream(&text, &bytes);
            tg_progress *p = bars ? NEW(3, .leave = true) : NULL;
            tg_progress_print(file, formats[i], 3, "them");
            assert_string_equal(text ? text : (fflush(file), text), "3 of them\n");
            tg_progress_free(p);
            fclose(file);
            free(text);
            close_out();
        }
}

static void some_error(void) { tg_fail("op", "went wrong"); }

/* What the default handlers print stands above the bar. */
TEST(test_messages)
{
    char path[] = "/tmp/progress-XXXXXX";
    const int fd = mkstemp(path), before = dup(2);
    assert_true(fd >= 0 && before >= 0);
    unlink(path);
    dup2(fd, 2);
    tg_set_error_handler(tg_default_error_handler, NULL);
    tg_progress *p = tg_progress_new(10, .ascii = 1, .width = 79, .style = TG_PROGRESS_BAR, .clock = test_clock);
    tg_warn("a warning");
    some_error();
    tg_error_clear();
    tg_progress_free(p);
    tg_set_error_handler(NULL, NULL);
    dup2(before, 2);
    close(before);
    char text[4096] = "";
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    open_out();
    assert_true(got > 0);
    fwrite(text, 1, (size_t)got, out);
    show();
    assert_int_equal(strncmp(screen[0], "tapegrad: ", 10), 0); /* at the beginning of its line */
    assert_non_null(strstr(screen[0], "warning: a warning"));
    assert_int_equal(strncmp(screen[1], "tapegrad: ", 10), 0);
    assert_non_null(strstr(screen[1], "op: went wrong"));
    assert_int_equal(strncmp(screen[2], "  0%|", 5), 0);
    assert_string_equal(screen[3], "");
    close_out();
}

/* ---- how often ---- */

TEST(test_redraws)
{
    open_out();
    tg_progress *p = NEW(1000000, .leave = true);
    for (int i = 0; i < 1000000; i++) {
        now += 1e-6;
        tg_progress_update(p);
    }
    tg_progress_free(p);
    const int drawn = count_of("\033[K");
    assert_true(drawn >= 9 && drawn <= 11);
    close_out();
}

/* Lines of a run of 100 steps of so many seconds. */
static int lines_of(double seconds, int steps, bool inner)
{
    open_out();
    tg_progress *outer =
        inner ? tg_progress_new(1, .file = out, .clock = test_clock, .style = TG_PROGRESS_LINES) : NULL;
    tg_progress *p = tg_progress_new(steps, .file = out, .clock = test_clock, .style = TG_PROGRESS_LINES);
    for (int i = 0; i < steps; i++) {
        now += seconds;
        tg_progress_update(p);
    }
    tg_progress_free(p);
    const int lines = count_of("\n");
    assert_int_equal(count_of("\033") + count_of("\r"), 0);
    tg_progress_free(outer);
    close_out();
    return lines;
}

TEST(test_lines)
{
    assert_int_equal(lines_of(0.0001, 100, false), 1); /* the last one */
    assert_int_equal(lines_of(0.0001, 100, true), 0);  /* of a short one in another not even that */
    assert_int_equal(lines_of(1, 100, false), 11);     /* each tenth, and the last */
    assert_int_equal(lines_of(1, 100, true), 11);
    assert_int_equal(lines_of(0.1, 100, false), 6);   /* each two seconds */
    assert_int_equal(lines_of(100, 20, false), 21);   /* each half minute or, as here, step */
    assert_int_equal(lines_of(10, 1000, false), 341); /* 34 of each tenth: each half minute, and at its end */
}

TEST(test_line)
{
    open_out();
    tg_progress *p = tg_progress_new(4, .description = "fit", .file = out, .clock = test_clock,
                                     .style = TG_PROGRESS_LINES, .ascii = 1);
    now += 2;
    tg_progress_set(p, "loss", 2.25);
    tg_progress_update(p);
    tg_progress_free(p);
    assert_int_equal(count_of("fit: 25% 1/4 [00:02<00:06, 2.00 s/step, loss=2.25]\n"), 2);
    close_out();
}

TEST(test_silence)
{
    open_out();
    tg_progress *p = tg_progress_new(4, .file = out, .style = TG_PROGRESS_SILENT);
    tg_progress_set(p, "loss", 1);
    tg_progress_set_description(p, "x");
    for (int i = 0; i < 4; i++) tg_progress_update(p);
    assert_int_equal(tg_progress_done(p), 4);
    tg_progress_free(p);
    fflush(out);
    assert_int_equal(length, 0);
    close_out();
}

/* How the environment wants it: of what is written of a bar that is made and freed. */
static void check_wish(const char *wish, int lines, int commands)
{
    open_out();
    if (wish)
        setenv("TAPEGRAD_PROGRESS", wish, 1);
    else
        unsetenv("TAPEGRAD_PROGRESS");
    tg_progress_free(tg_progress_new(4, .file = out));
    assert_int_equal(count_of("\n"), lines);
    assert_int_equal(count_of("\033") > 0, commands);
    unsetenv("TAPEGRAD_PROGRESS");
    close_out();
}

TEST(test_environment)
{
    check_wish(NULL, 1, 0); /* a file is no terminal */
    check_wish("0", 0, 0);
    check_wish("lines", 1, 0);
    check_wish("bar", 1, 1);
    check_wish("1", 1, 0);
}

/* ---- what can be shown ---- */

/* The columns of a line of ASCII, Latin and Chinese characters, and of blocks. */
static int columns_of(const char *text, size_t bytes)
{
    int columns = 0;
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        if ((c & 0xc0) == 0x80) continue;
        columns += c >= 0xe4 && c <= 0xe9 ? 2 : 1;
    }
    return columns;
}

TEST(test_width)
{
    for (int width = 1; width < 150; width++)
        for (int ascii = 0; ascii < 2; ascii++) {
            open_out();
            tg_progress *p =
                tg_progress_new(7, .description = "\u00e9t\u00e9 \u8a13\u7df4", .file = out, .width = width,
                                .clock = test_clock, .style = TG_PROGRESS_BAR, .ascii = ascii);
            tg_progress_set_text(p, "m\u00e9trique", "\u8a13\u7df4");
            tg_progress_update(p, 3);
            tg_progress_free(p);
            fflush(out);
            const char *line = strrchr(written, 'J') ? strrchr(written, 'J') + 1 : written; /* the last one */
            const size_t bytes = strcspn(line, "\n");
            if (columns_of(line, bytes) > width) fail_msg("%d columns of %d", columns_of(line, bytes), width);
            for (size_t i = 0; i < bytes; i++) assert_false(ascii && (unsigned char)line[i] >= 0x80);
            if (width > 120) assert_non_null(strstr(line, ascii ? "=??" : "\u8a13\u7df4"));
            if (width > 120 && !ascii) assert_non_null(strstr(line, "\u2588"));
            close_out();
        }
}

/* 3 of 7 in blocks of eighths of a column, filled from the left. */
TEST(test_blocks)
{
    open_out();
    tg_progress *p = tg_progress_new(32, .file = out, .width = 200, .clock = test_clock, .style = TG_PROGRESS_BAR,
                                     .ascii = 0, .leave = true);
    tg_progress_update(p, 3); /* 3/32 of 40 columns are 3.75 */
    tg_progress_free(p);
    fflush(out);
    assert_non_null(strstr(written, "  9%|\u2588\u2588\u2588\u258a    "));
    close_out();
}

/* No text, whatever is in it, moves the cursor. */
TEST(test_hostile_texts)
{
    open_out();
    char name[3001];
    memset(name, 'n', 3000);
    name[3000] = '\0';
    tg_progress *p = NEW(3, .description = "a\nb\033[2Jc\r\t", .unit = "\xff\xfe\n");
    tg_progress_set(p, "x\n\033[1A", 1);
    tg_progress_set_text(p, "y", "\r\n\xc3");
    tg_progress_set(p, name, 2);
    tg_progress_set_text(p, "z", name);
    tg_progress_update(p);
    tg_progress_free(p);
    show(); /* knows few commands */
    assert_non_null(strstr(screen[0], "a b [2Jc  :"));
    assert_string_equal(screen[1], "");
    close_out();
}

TEST(test_locale)
{
    const char *const names[] = { "fr_FR.UTF-8", "de_DE.UTF-8", "fr_FR", "de_DE" };
    bool comma = false;
    for (int i = 0; i < 4 && !comma; i++)
        comma = setlocale(LC_ALL, names[i]) && strcmp(localeconv()->decimal_point, ",") == 0;
    open_out();
    tg_progress *p = NEW(-1, .leave = true);
    tg_progress_set(p, "loss", 0.25);
    now += 1;
    tg_progress_update(p, 12);
    tg_progress_print(out, "%.1f", 1.5);
    tg_progress_free(p);
    setlocale(LC_ALL, "C");
    show();
    assert_string_equal(screen[0], "1.5");
    assert_string_equal(screen[1], "12 step [00:01, 12.0 step/s, loss=0.25]");
    close_out();
    if (!comma) print_message("no locale with a comma here\n");
}

/* ---- what goes wrong ---- */

TEST(test_full_disk)
{
    FILE *full = fopen("/dev/full", "w");
    if (!full) skip();
    const tg_progress_style styles[] = { TG_PROGRESS_BAR, TG_PROGRESS_LINES };
    for (int i = 0; i < 2; i++) {
        tg_progress *p = tg_progress_new(3, .file = full, .style = styles[i]);
        tg_progress_update(p);
        tg_progress_print(full, "text");
        tg_progress_free(p);
        assert_true(tg_ok());
    }
    fclose(full);
}

TEST(test_misuse)
{
    tg_progress *const none = NULL;
    tg_progress_update(none);
    expect_error("the progress bar is NULL");
    tg_progress_free(none);
    assert_true(tg_ok());
    open_out();
    tg_progress *p = NEW(3, .leave = true);
    tg_progress_update(p, -1);
    expect_error("-1 steps are fewer than none");
    tg_progress_set(p, NULL, 1);
    expect_error("name is NULL");
    tg_progress_set_text(p, "a", NULL);
    expect_error("text is NULL");
    tg_progress_print(NULL, "%d", 1);
    expect_error("the file is NULL");
    expect_refusal(tg_progress_new(1, .width = -1), "width -1");
    expect_refusal(tg_progress_new(1, .style = (tg_progress_style)9), "9 is no style");
    tg_progress_set(p, "loss", 0.5);
    tg_progress_update(p);
    some_error(); /* a step that failed is not done, and has no loss */
    tg_progress_set(p, "loss", NAN);
    tg_progress_set_text(p, "phase", "wrong");
    tg_progress_update(p);
    assert_int_equal(tg_progress_done(p), 1);
    assert_null(tg_progress_new(1));
    expect_error("went wrong");
    tg_progress_free(p);
    show();
    assert_non_null(strstr(screen[0], "1/3"));
    assert_non_null(strstr(screen[0], "loss=0.5]"));
    close_out();
}

static void *update_often(void *bar)
{
    for (int i = 0; i < 100000; i++) {
        tg_progress_update((tg_progress *)bar);
        if (i % 16 == 0) tg_progress_set((tg_progress *)bar, i % 32 ? "a" : "b", i);
    }
    tg_progress *own = tg_progress_new(10, .file = out, .style = TG_PROGRESS_BAR);
    for (int i = 0; i < 10; i++) tg_progress_update(own);
    tg_progress_free(own);
    return NULL;
}

TEST(test_threads)
{
    pthread_t threads[4];
    open_out();
    tg_progress *p = tg_progress_new(400000, .file = out, .style = TG_PROGRESS_BAR);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, update_often, p), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    assert_int_equal(tg_progress_done(p), 400000);
    tg_progress_free(p);
    close_out();
}

static double a_bar(void)
{
    tg_progress *p = tg_progress_new(10, .file = out, .style = TG_PROGRESS_LINES, .description = "x");
    if (!p) return 0;
    tg_progress_set(p, "loss", 1);
    tg_progress_set_text(p, "phase", "a");
    tg_progress_update(p, 10);
    const double done = (double)tg_progress_done(p);
    tg_progress_free(p);
    return done;
}

TEST(test_failing_allocations)
{
    open_out();
    fail_each_allocation(a_bar);
    close_out();
}

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_bar),
        T(test_leaves_nothing),
        T(test_initial),
        T(test_recent_rate),
        T(test_odd_totals),
        T(test_complete_from_the_start),
        T(test_too_many_steps),
        T(test_times_and_numbers),
        T(test_description_and_total),
        T(test_nested),
        T(test_any_order),
        T(test_print),
        T(test_messages),
        T(test_redraws),
        T(test_lines),
        T(test_line),
        T(test_silence),
        T(test_environment),
        T(test_width),
        T(test_blocks),
        T(test_hostile_texts),
        T(test_locale),
        T(test_full_disk),
        T(test_misuse),
        T(test_threads),
        T(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
