/* test_chart.c: charts as text: the dots of braille against a naive rasteriser, what the frame says, and what a chart
 * refuses. */
#define _GNU_SOURCE /* mkdtemp, setenv */
#include <tapegrad.h>

#include "core/show/chart_impl.h"
#include "core/utf8_impl.h"
#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double uniform(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* ---- a text read back ---- */

enum { MOST_DOTS = 2000 };

typedef struct picture {
    char text[1 << 18];
    int wide, high;                  /* of the frame, in characters */
    bool dots[MOST_DOTS][MOST_DOTS]; /* [y][x], y counted from below */
} picture;
static picture shown;

/* Braille in a line behind its axis. */
static void read_line(const char *line, int row)
{
    static const unsigned char bits[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };
    for (int column = 0; *line && *line != '\n'; column++) {
        const uint32_t code = tgi_utf8_next(&line);
        if (code == ' ') continue;
        assert_true(code >= 0x2800 && code < 0x2900 && column < shown.wide);
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < 2; x++)
                shown.dots[4 * (shown.high - 1 - row) + 3 - y][2 * column + x] = (code - 0x2800) & bits[y][x];
    }
}

static int count_of(const char *text, const char *end, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL && text < end; text += strlen(part)) count++;
    return count;
}

/* Shows a chart in braille and reads its dots. */
static void show(const tg_chart *chart, int width, int height)
{
    memset(shown.dots, 0, sizeof shown.dots);
    const int64_t length = tg_chart_format(chart, shown.text, sizeof shown.text, .width = width, .height = height,
                                           .unicode = 1, .color = 0);
    assert_in_range(length, 1, sizeof shown.text - 1);
    const char *floor = strstr(shown.text, "└");
    assert_non_null(floor);
    const char *floor_end = strchr(floor, '\n');
    shown.wide = count_of(floor, floor_end, "─") + count_of(floor, floor_end, "┬");
    shown.high = count_of(shown.text, floor, "┤") + count_of(shown.text, floor, "│");
    const char *line = shown.text;
    for (int row = 0; line < floor; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *tick = strstr(line, "┤"), *bar = strstr(line, "│");
        const char *axis = tick && tick < end ? tick : bar && bar < end ? bar : NULL;
        if (axis) read_line(axis + strlen("│"), row++);
    }
}

/* ---- dots ---- */

/* The dot row, counted from below, and the dot column of a point of the unit square. */
static double dot_x(double x) { return x * (2 * shown.wide - 1); }
static double dot_y(double y) { return y * 4 * (shown.high - 1) + 1; }

static tg_chart *unit_chart(void) { return tg_chart_new(.x_min = 0, .x_max = 1, .y_min = 0, .y_max = 1); }

/* Marks the dots next to the true line, at each step along the axis in which it is longer; at a tie both. */
static void mark_naively(double x0, double y0, double x1, double y1, bool allowed[MOST_DOTS][MOST_DOTS])
{
    const bool flat = fabs(x1 - x0) >= fabs(y1 - y0);
    const double from = flat ? x0 : y0, to = flat ? x1 : y1, other0 = flat ? y0 : x0, other1 = flat ? y1 : x1;
    for (int i = 0; i <= fabs(to - from); i++) {
        const double at = from + (to > from ? i : -i),
                     ideal = to == from ? other0 : other0 + (other1 - other0) * (at - from) / (to - from);
        bool drawn = false;
        for (int d = (int)floor(ideal); d <= (int)ceil(ideal); d++) {
            const int x = flat ? (int)at : d, y = flat ? d : (int)at;
            if (fabs(d - ideal) > 0.5 + 1e-9) continue;
            allowed[y][x] = true;
            drawn = drawn || shown.dots[y][x];
        }
        assert_true(drawn);
    }
}

static bool allowed[MOST_DOTS][MOST_DOTS];

TEST(test_random_lines)
{
    for (int round = 0; round < 200; round++) {
        double x[12], y[12];
        const int count = 1 + round % 12;
        for (int i = 0; i < count; i++) x[i] = uniform(), y[i] = uniform();
        if (round % 7 == 0) x[count - 1] = x[0];
        if (round % 5 == 0) y[count - 1] = y[0];
        tg_chart *chart = unit_chart();
        assert_int_equal(tg_chart_line(chart, NULL, y, count, .x = x), TG_OK);
        show(chart, 30 + round % 90, 5 + round % 30);
        tg_chart_free(chart);
        memset(allowed, 0, sizeof allowed);
        for (int i = 0; i < count; i++) {
            const int from = i ? i - 1 : 0;
            mark_naively(nearbyint(dot_x(x[from])), nearbyint(dot_y(y[from])), nearbyint(dot_x(x[i])),
                         nearbyint(dot_y(y[i])), allowed);
        }
        for (int r = 0; r < 4 * shown.high; r++)
            for (int c = 0; c < 2 * shown.wide; c++)
                if (shown.dots[r][c]) assert_true(allowed[r][c]);
    }
}

/* Five dots in a row, from the lower left corner up. */
TEST(test_diagonal)
{
    double x[5], y[5];
    tg_chart *chart = unit_chart();
    show(chart, 20, 6);
    for (int i = 0; i < 5; i++) x[i] = i / (2.0 * shown.wide - 1), y[i] = i / (4.0 * (shown.high - 1));
    tg_chart_line(chart, NULL, y, 5, .x = x);
    show(chart, 20, 6);
    tg_chart_free(chart);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++) assert_true(shown.dots[1 + i][k] == (i == k));
    assert_non_null(strstr(shown.text, "│ ⢀⠄\n")); /* each dot one column to the right and one row higher */
    assert_non_null(strstr(shown.text, "┤⠔⠁\n"));
}

/* Points that are thinned: the frame shows what a frame of all points would, column by column. */
TEST(test_many_points)
{
    enum { COUNT = 1000000 };
    double *y = malloc(COUNT * sizeof *y);
    assert_non_null(y);
    for (int i = 0; i < COUNT; i++) y[i] = 0.3 + 0.4 * uniform() * sin(i * 1e-5) * sin(i * 1e-5);
    y[777777] = 1;
    y[333333] = 0;
    tg_chart *chart = tg_chart_new(.y_min = 0, .y_max = 1, .x_min = 0, .x_max = COUNT - 1);
    tg_chart_line(chart, "noise", y, COUNT);
    show(chart, 80, 16);
    tg_chart_free(chart);
    static int low[MOST_DOTS], high[MOST_DOTS];
    for (int c = 0; c < 2 * shown.wide; c++) low[c] = MOST_DOTS, high[c] = -1;
    for (int i = 0; i < COUNT; i++) {
        const int c = (int)nearbyint(dot_x(i / (COUNT - 1.0))), r = (int)nearbyint(dot_y(y[i]));
        assert_true(c < 2 * shown.wide);
        if (r < low[c]) low[c] = r;
        if (r > high[c]) high[c] = r;
    }
    free(y);
    int exact = 0;
    for (int c = 1; c < 2 * shown.wide - 1; c++) {
        int lowest = 0, highest = 4 * shown.high - 1;
        while (!shown.dots[lowest][c]) lowest++;
        while (!shown.dots[highest][c]) highest--;
        exact += lowest == low[c] && highest == high[c];
    }
    assert_true(exact > 1.9 * shown.wide);
    const int at = (int)nearbyint(dot_x(777777 / (COUNT - 1.0))), below = (int)nearbyint(dot_x(333333 / (COUNT - 1.0)));
    assert_true(shown.dots[4 * (shown.high - 1) + 1][at] || shown.dots[4 * (shown.high - 1) + 1][at - 1]);
    assert_true(shown.dots[1][below] || shown.dots[1][below - 1]);
}

static int count_dots(void)
{
    int count = 0;
    for (int r = 0; r < 4 * shown.high; r++)
        for (int c = 0; c < 2 * shown.wide; c++) count += shown.dots[r][c];
    return count;
}

TEST(test_gaps)
{
    const double alone[] = { NAN, 0.2, NAN, INFINITY, 0.6, -INFINITY, 0.4 }, nothing[] = { NAN, NAN };
    const double outside[] = { 5, 6, 7 }, logs[] = { 1, 0, -3, 10 }, flat[] = { 3, 3, 3 }, jump[] = { 2, 3, 900 };
    tg_chart *chart = tg_chart_new(.y_min = 0, .y_max = 1);
    tg_chart_line(chart, NULL, alone, 7);
    tg_chart_line(chart, "nothing", nothing, 2);
    tg_chart_line(chart, "empty", NULL, 0);
    tg_chart_line(chart, "outside", outside, 3);
    show(chart, 60, 12);
    assert_int_equal(count_dots(), 3);
    tg_chart_free(chart);
    chart = tg_chart_new(.x_max = 1); /* what is not seen does not count */
    tg_chart_line(chart, NULL, jump, 3);
    show(chart, 60, 12);
    assert_non_null(strstr(shown.text, " 3 ┤"));
    tg_chart_free(chart);
    chart = tg_chart_new(.log_y = true);
    tg_chart_line(chart, NULL, logs, 4);
    show(chart, 60, 12);
    assert_int_equal(count_dots(), 2);
    tg_chart_free(chart);
    chart = tg_chart_new();
    tg_chart_line(chart, NULL, flat, 3);
    show(chart, 60, 12);
    assert_true(count_dots() >= 2 * shown.wide - 6 && count_dots() <= 2 * shown.wide);
    tg_chart_free(chart);
    chart = tg_chart_new();
    show(chart, 60, 12);
    assert_int_equal(count_dots(), 0);
    tg_chart_line(chart, NULL, flat, 1);
    show(chart, 60, 12);
    assert_int_equal(count_dots(), 1);
    tg_chart_free(chart);
}

/* ---- what stands around the dots ---- */

TEST(test_frame)
{
    const double y[] = { 7, 4, 2, 1 };
    tg_chart *chart = tg_chart_new(.title = "Pertes", .x_label = "Époque", .y_label = "perte");
    tg_chart_line(chart, "appris", y, 4, .first = 1);
    tg_chart_line(chart, "vu", y, 4, .first = 1, .dashed = true);
    show(chart, 40, 16);
    assert_non_null(strstr(shown.text, " Pertes\n"));
    assert_non_null(strstr(shown.text, "perte\n"));
    assert_non_null(strstr(shown.text, " 7 ┤"));
    assert_non_null(strstr(shown.text, " 1 ┤"));
    assert_non_null(strstr(shown.text, " Époque\n"));
    assert_non_null(strstr(shown.text, "⠒⠒⠒⠒ appris   ⠒⠒⠀⠐ vu\n"));
    assert_null(strstr(shown.text, "\033"));
    char text[8192];
    assert_true(tg_chart_format(chart, text, sizeof text, .width = 40, .unicode = 0, .color = 0) > 0);
    for (const char *c = text; *c; c++) assert_true(*c == '\n' || (*c >= ' ' && *c < 127));
    assert_non_null(strstr(text, " Epoque\n"));
    assert_non_null(strstr(text, "*  appris     +  vu\n"));
    assert_true(tg_chart_format(chart, text, sizeof text, .width = 40, .unicode = 1, .color = 1) > 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        const char *last = NULL; /* each line ends without a colour */
        for (const char *at = line; (at = strchr(at, '\033')) != NULL; at++) last = at;
        if (last) assert_true(strncmp(last, "\033[0m", 4) == 0);
    }
    tg_chart_free(chart);
}

/* No line is wider than was asked for. */
TEST(test_width)
{
    static char text[1 << 18];
    for (int round = 0; round < 300; round++) {
        const double size = pow(10, 40 * uniform() - 20);
        double y[50], x[50];
        for (int i = 0; i < 50; i++) y[i] = (uniform() - 0.3) * size, x[i] = uniform() * size;
        tg_chart *chart = tg_chart_new(.title = "A title that is rather long for a narrow frame, and wide: 漢字漢字",
                                       .x_label = round % 2 ? "x" : NULL, .log_y = round % 3 == 0);
        tg_chart_line(chart, "first of all names", y, 50);
        if (round % 2) tg_chart_scatter(chart, "second of all names", x, y, 50);
        if (round % 4 == 0) tg_chart_histogram(chart, "third", y, 50);
        const int width = 40 + round % 61;
        assert_true(tg_chart_format(chart, text, sizeof text, .width = width, .height = 3 + round % 20,
                                    .unicode = round % 5 != 0) > 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            assert_in_range(tgi_text_columns(line), 0, width);
        tg_chart_free(chart);
    }
}

/* Controls and bytes that are no UTF-8 do not reach the terminal. */
TEST(test_hostile_texts)
{
    const double y[] = { 1, 2 };
    char text[8192], endless[5000];
    memset(endless, 'w', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    tg_chart *chart =
        tg_chart_new(.title = "\033[31mred\a\xff\xc3(\xed\xa0\x80\xc2\x9b", .y_label = "a\nb", .x_label = endless);
    tg_chart_line(chart, "%s%n\033]0;", y, 2);
    assert_true(tg_chart_format(chart, text, sizeof text, .unicode = 1, .color = 0) > 0);
    for (const char *at = text; *at;) {
        const uint32_t code = tgi_utf8_next(&at);
        assert_true(code == '\n' || code >= 0x20);
        assert_true(code < 0x7f || code > 0x9f);
    }
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(
        text,
        "\xef\xbf\xbd[31mred\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n"));
    assert_non_null(strstr(text, "a b\n"));
    assert_non_null(strstr(text, "%s%n"));
    tg_chart_free(chart);
}

TEST(test_buffer_and_file)
{
    const double y[] = { 1, 2 };
    char text[4096], small[100];
    memset(small, 'x', sizeof small);
    tg_chart *chart = tg_chart_new(.title = "t");
    tg_chart_line(chart, "a", y, 2);
    const int64_t length = tg_chart_format(chart, text, sizeof text, .width = 60, .unicode = 1, .color = 0);
    assert_int_equal(length, strlen(text));
    assert_int_equal(tg_chart_format(chart, small, 50, .width = 60, .unicode = 1, .color = 0), length);
    assert_true(strlen(small) == 49 && strncmp(small, text, 49) == 0 && small[50] == 'x');
    assert_int_equal(tg_chart_format(chart, NULL, 0, .width = 60, .unicode = 1, .color = 0), length);
    FILE *file = tmpfile();
    char read_back[4096] = "";
    assert_int_equal(tg_chart_fprint(file, chart, .width = 60, .unicode = 1), TG_OK); /* no terminal: no colours */
    rewind(file);
    read_back[fread(read_back, 1, sizeof read_back - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(read_back, text);
    file = tmpfile();
    tg_fail("op", "went wrong");
    assert_int_equal(tg_chart_fprint(file, chart), TG_FAILED);
    expect_error("went wrong");
    assert_int_equal(ftell(file), 0);
    fclose(file);
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(tg_chart_fprint(full, chart), TG_FAILED);
        expect_error("chart_fprint: the file takes no more: No space");
        fclose(full);
    }
    tg_chart_free(chart);
}

/* What the environment says when nothing else does. */
TEST(test_environment)
{
    const double y[] = { 1, 2 };
    static const char *const saved[] = { "LC_ALL", "LC_CTYPE", "LANG", "TERM" };
    char *before[4], text[4096];
    for (int i = 0; i < 4; i++) before[i] = getenv(saved[i]) ? strdup(getenv(saved[i])) : NULL, unsetenv(saved[i]);
    static const struct {
        const char *name, *value;
        bool unicode;
    } steps[] = { { "LANG", "de_DE", false },   { "LANG", "de_DE.UTF-8", true }, { "LC_CTYPE", "C", false },
                  { "LC_ALL", "C.utf8", true }, { "TERM", "linux", false },      { "TERM", "xterm", true } };
    tg_chart *chart = tg_chart_new();
    tg_chart_line(chart, "a", y, 2);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        setenv(steps[i].name, steps[i].value, 1);
        assert_true(tg_chart_format(chart, text, sizeof text) > 0);
        assert_true((strstr(text, "└") != NULL) == steps[i].unicode);
    }
    tg_chart_free(chart);
    for (int i = 0; i < 4; i++) {
        if (before[i])
            setenv(saved[i], before[i], 1);
        else
            unsetenv(saved[i]);
        free(before[i]);
    }
}

/* ---- histograms and heat maps ---- */

TEST(test_histogram)
{
    for (int round = 0; round < 300; round++) {
        double values[400];
        const int bins = 1 + round % 40;
        for (int i = 0; i < 400; i++) {
            values[i] = round % 7 == 0 ? -0.3 + 1.4 * uniform()
                        : round % 2    ? uniform() * 3 - 1
                                       : (double)(int)(uniform() * 11);
            if (i % 50 == 7) values[i] = i % 100 == 7 ? NAN : INFINITY;
        }
        for (int i = 0; i <= bins && round % 7 == 0; i++) { /* the very ends of bins, and next to them */
            const double share = (double)i / bins;
            values[i] = -0.3 * (1 - share) + 1.1 * share;
            values[100 + i] = nextafter(values[i], -1);
        }
        double low = INFINITY, high = -INFINITY;
        for (int i = 0; i < 400; i++) {
            if (!isfinite(values[i])) continue;
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
        if (round % 3 == 0) low = 0, high = 2;
        tg_chart *chart = tg_chart_new();
        assert_int_equal(tg_chart_histogram(chart, "h", values, 400, .bins = bins, .low = round % 3 ? (double)NAN : low,
                                            .high = round % 3 ? (double)NAN : high),
                         TG_OK);
        const tgi_series *s = chart->first;
        assert_int_equal(s->count, bins);
        assert_true(s->x[0] == low && s->x[bins] == high);
        for (int b = 0; b < bins; b++) {
            int count = 0;
            for (int i = 0; i < 400; i++)
                count += values[i] >= s->x[b] && (values[i] < s->x[b + 1] || (b == bins - 1 && values[i] == high));
            assert_true(s->y[b] == count);
            assert_true(fabs(s->x[b] - (low + b * (high - low) / bins)) < 1e-12);
        }
        tg_chart_free(chart);
    }
}

TEST(test_bars)
{
    const double values[] = { 0.5, 1.5, 1.5, 1.5, 2.5, 2.5, 2.5, 2.5, 2.5, 3.5, 3.5 }; /* 1, 3, 5, 2 */
    char text[4096];
    tg_chart *chart = tg_chart_new(.y_min = 0, .y_max = 5);
    tg_chart_histogram(chart, NULL, values, 11, .bins = 4, .low = 0, .high = 4);
    tg_chart_format(chart, text, sizeof text, .width = 20, .height = 6, .unicode = 1, .color = 0);
    assert_string_equal(text, "   │        ▃▃▃▃\n"
                              " 4 ┤        ████\n"
                              "   │    ▃▃▃▃████\n"
                              " 2 ┤    ████████▃▃▃▃\n"
                              "   │▃▃▃▃████████████\n"
                              " 0 ┤████████████████\n"
                              "   └┬───────┬──────┬\n"
                              "    0       2      4\n");
    tg_chart_free(chart);
    chart = tg_chart_new();
    tg_chart_histogram(chart, NULL, values, 11, .bins = 4, .low = 0, .high = 2, .density = true);
    double area = 0;
    for (int i = 0; i < 4; i++) area += 0.5 * chart->first->y[i];
    assert_true(fabs(area - 1) < 1e-12);
    tg_chart_free(chart);
}

TEST(test_heatmap)
{
    const double values[] = { 0, 1, 2, 3, 4, NAN };
    static const char *const rows[] = { "cat", "dog" };
    char text[4096];
    tg_chart *chart = tg_chart_new();
    assert_int_equal(tg_chart_heatmap(chart, values, 2, 3, .row_names = rows), TG_OK);
    tg_chart_format(chart, text, sizeof text, .unicode = 1, .color = 0);
    assert_non_null(strstr(text, "cat      ░░░░▒▒▒▒\ndog  ▓▓▓▓████????\n     0   1   2\n"));
    tg_chart_format(chart, text, sizeof text, .unicode = 0, .color = 0);
    assert_non_null(strstr(text, "cat      ----++++\ndog  ####@@@@????\n"));
    tg_chart_free(chart);
    chart = tg_chart_new(); /* larger than can be seen: means */
    double large[64 * 64];
    for (int i = 0; i < 64 * 64; i++) large[i] = i / 64 < 32 ? (i % 2 ? 0 : 2) : (i % 64 < 32 ? 4 : 0);
    large[0] = NAN; /* of a mean they are no part; 2 and 0 are as many without these */
    large[1] = INFINITY;
    assert_int_equal(tg_chart_heatmap(chart, large, 64, 64, .low = 0, .high = 4), TG_OK);
    assert_true(fabs(tgi_matrix_mean(chart->matrix, 2, 2, 0, 0) - 1) < 1e-12);
    assert_true(tgi_matrix_mean(chart->matrix, 2, 2, 1, 0) == 4 && tgi_matrix_mean(chart->matrix, 2, 2, 1, 1) == 0);
    assert_true(tg_chart_format(chart, text, sizeof text, .width = 20, .height = 3, .color = 0) > 0);
    tg_chart_free(chart);
}

/* A heat map of as many columns as there are names; the line of their names is the second. */
static const char *names_line(const char *const *names, int count, int width)
{
    static char text[4096];
    double values[20] = { 0 };
    tg_chart *chart = tg_chart_new();
    tg_chart_heatmap(chart, values, 1, count, .column_names = names);
    assert_true(tg_chart_format(chart, text, sizeof text, .width = width, .color = 0, .unicode = 1) > 0);
    tg_chart_free(chart);
    char *line = strchr(text, '\n') + 1;
    *strchr(line, '\n') = '\0';
    return line;
}

TEST(test_heatmap_names)
{
    static const char *const languages[] = { "Chinese", "Czech",    "English", "French", "German",
                                             "Italian", "Japanese", "Polish",  "Spanish" };
    /* with room they are whole, with less cut to their cells, and left out only where nothing could be read */
    assert_string_equal(names_line(languages, 9, 90),
                        "   Chinese  Czech    English  French   German   Italian  Japanese Polish   Spanish");
    assert_string_equal(names_line(languages, 9, 80),
                        "   Chinese Czech   English French  German  Italian Japane… Polish  Spanish");
    assert_string_equal(names_line(languages, 9, 40), "   Ch… Cz… En… Fr… Ge… It… Ja… Po… Span…");
    assert_string_equal(names_line(languages, 9, 30), "   Chin… Engl… Germ… Japa… Sp…");
    assert_string_equal(names_line((const char *const[]){ "a", "b", "c" }, 3, 80), "   a   b   c");
    assert_string_equal(names_line(NULL, 20, 30), "   0    5    10   15");
}

/* One of twenty is more than none, in shades and in colours. */
TEST(test_heatmap_of_few)
{
    const double values[] = { 0, 1, 3, 19 };
    char text[4096];
    tg_chart *chart = tg_chart_new();
    tg_chart_heatmap(chart, values, 1, 4);
    tg_chart_format(chart, text, sizeof text, .unicode = 1, .color = 0);
    assert_non_null(strstr(text, "0      ░░░░░░░░████\n"));
    assert_non_null(strstr(text, "0  ░░▒▒▓▓███ 19\n"));
    tg_chart_format(chart, text, sizeof text, .unicode = 0, .color = 0);
    assert_non_null(strstr(text, "0      ....::::@@@@\n"));
    tg_chart_format(chart, text, sizeof text, .unicode = 1, .color = 1);
    int colors[4], count = 0;
    for (const char *at = text; count < 4 && (at = strstr(at, "\033[48;5;")); count++)
        colors[count] = (int)strtol(at += strlen("\033[48;5;"), NULL, 10);
    assert_int_equal(count, 4);
    assert_true(colors[0] != colors[1] && colors[0] != colors[2] && colors[2] != colors[3]);
    tg_chart_free(chart);
}

/* The lightest and the darkest colour are at the ends, and lightness only grows. */
TEST(test_colors)
{
    double before = -1;
    for (int i = 0; i <= 256; i++) {
        const tgi_rgb c = tgi_heat_color(i / 256.0);
        const double luma =
            0.2126 * pow(c.red / 255.0, 2.2) + 0.7152 * pow(c.green / 255.0, 2.2) + 0.0722 * pow(c.blue / 255.0, 2.2);
        assert_true(luma > before - 0.002);
        before = fmax(before, luma);
    }
    assert_true(before > 0.7);
}

/* ---- tensors ---- */

TEST(test_tensors)
{
    IN_SCOPE;
    const double x[] = { 0, 1, 2, 3 }, y[] = { 0, 4, 8, 12 };
    char a[4096], b[4096];
    tg_tensor *whole = tg_arange(0, 16, 1, .dtype = TG_INT64);
    tg_tensor *column = tg_select(tg_reshape(whole, tg_shape(4, 4)), 1, 0); /* strides of 4 */
    tg_chart *arrays = tg_chart_new(), *tensors = tg_chart_new();
    tg_chart_line(arrays, "l", y, 4, .x = x);
    tg_chart_scatter(arrays, "s", y, x, 4);
    tg_chart_histogram(arrays, "h", y, 4);
    tg_chart_line_tensor(tensors, "l", column, .x = tg_arange(0, 4, 1, .dtype = TG_FLOAT32));
    tg_chart_scatter_tensor(tensors, "s", column, tg_arange(0, 4, 1, .dtype = TG_FLOAT64));
    tg_chart_histogram_tensor(tensors, "h", column);
    tg_chart_format(arrays, a, sizeof a);
    tg_chart_format(tensors, b, sizeof b);
    assert_string_equal(a, b);
    assert_int_equal(tg_chart_line_tensor(tensors, NULL, tg_ones(tg_shape(2, 2))), TG_FAILED);
    expect_error("a line is a tensor of one dimension, not of 2");
    assert_int_equal(tg_chart_line_tensor(tensors, NULL, column, .x = tg_ones(tg_shape(3))), TG_FAILED);
    expect_error("x has 3 elements, y 4");
    assert_int_equal(tg_chart_scatter_tensor(tensors, NULL, column, NULL), TG_FAILED);
    expect_error("is NULL");
    tg_chart_format(tensors, b, sizeof b);
    assert_string_equal(a, b); /* as it was */
    tg_chart_free(arrays);
    tg_chart_free(tensors);
    tg_chart *map = tg_chart_new();
    assert_int_equal(tg_chart_heatmap_tensor(map, tg_ones(tg_shape(3))), TG_FAILED);
    expect_error("two dimensions, not of 1");
    assert_int_equal(tg_chart_heatmap_tensor(map, tg_transpose(tg_reshape(whole, tg_shape(2, 8)), 0, 1)), TG_OK);
    assert_true(map->matrix->rows == 8 && map->matrix->values[1] == 8 && map->matrix->values[2] == 1);
    tg_chart_free(map);
    tg_scope_end(scope);
}

/* ---- refusals ---- */

TEST(test_refusals)
{
    const double y[] = { 1, 2 };
    expect_refusal(tg_chart_new(.x_min = 3, .x_max = 3), "x: limits in the wrong order");
    expect_refusal(tg_chart_new(.y_max = INFINITY), "y: a limit that is infinite");
    expect_refusal(tg_chart_new(.log_y = true, .y_min = 0), "not above 0 on a log axis");
    tg_chart *chart = tg_chart_new();
    assert_int_equal(tg_chart_line(chart, NULL, y, -1), TG_FAILED);
    expect_error("an array of -1 numbers");
    assert_int_equal(tg_chart_line(chart, NULL, NULL, 2), TG_FAILED);
    expect_error("the array is NULL");
    assert_int_equal(tg_chart_line(chart, NULL, y, 2, .color = 32), TG_FAILED);
    expect_error("a color from 0 to 31");
    assert_int_equal(tg_chart_histogram(chart, NULL, y, 2, .bins = 0), TG_FAILED);
    expect_error("1 to 10000 bins, not 0");
    assert_int_equal(tg_chart_histogram(chart, NULL, y, 2, .low = 2, .high = 1), TG_FAILED);
    expect_error("wrong order");
    assert_int_equal(tg_chart_heatmap(chart, y, 0, 2), TG_FAILED);
    expect_error("a matrix of 0 rows and 2 columns");
    assert_int_equal(tg_chart_heatmap(chart, y, INT64_MAX, INT64_MAX), TG_FAILED);
    expect_error("a matrix of");
    assert_true(tg_chart_format(chart, NULL, 0, .width = 19) == -1);
    expect_error("a width of 20 to 1000");
    assert_true(tg_chart_format_svg(chart, NULL, 0, .height = 10) == -1);
    expect_error("200x150");
    assert_int_equal(tg_chart_line(chart, NULL, y, 2), TG_OK);
    assert_int_equal(tg_chart_heatmap(chart, y, 1, 2), TG_FAILED);
    expect_error("all that its chart has");
    tg_chart_free(chart);
    chart = tg_chart_new(.log_x = true);
    assert_int_equal(tg_chart_heatmap(chart, y, 1, 2), TG_FAILED);
    expect_error("no log axes");
    tg_chart_free(chart);
    chart = tg_chart_new();
    assert_int_equal(tg_chart_heatmap(chart, y, 1, 2), TG_OK);
    assert_int_equal(tg_chart_line(chart, NULL, y, 2), TG_FAILED);
    expect_error("nothing else in it");
    tg_chart_free(chart);
    assert_int_equal(tg_chart_print(NULL), TG_FAILED);
    expect_error("the chart is NULL");
}

/* ---- memory ---- */

static double draw_all(void)
{
    double numbers[6000];
    for (int i = 0; i < 6000; i++) numbers[i] = sin(i * 0.01) * i;
    int64_t length = 0;
    tg_chart *chart = tg_chart_new(.title = "title"), *map = tg_chart_new();
    tg_chart_line(chart, "line", numbers, 6000);
    tg_chart_scatter(chart, "dots", numbers, numbers, 6000);
    tg_chart_histogram(chart, "bars", numbers, 6000);
    tg_chart_histogram_tensor(chart, "more", tg_ones(tg_shape(20)));
    tg_chart_line_tensor(chart, "t", tg_ones(tg_shape(20)), .x = tg_ones(tg_shape(20)));
    tg_chart_heatmap(map, numbers, 60, 100);
    tg_chart *const charts[] = { chart, map };
    for (int i = 0; i < 2; i++) length += tg_chart_format(charts[i], NULL, 0) + tg_chart_format_svg(charts[i], NULL, 0);
    tg_chart_write_svg(chart, "/dev/null");
    tg_chart_free(chart);
    tg_chart_free(map);
    return (double)length;
}

TEST(test_no_memory) { fail_each_allocation(draw_all); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_random_lines), T(test_diagonal),      T(test_many_points),     T(test_gaps),           T(test_frame),
        T(test_width),        T(test_hostile_texts), T(test_buffer_and_file), T(test_environment),    T(test_histogram),
        T(test_bars),         T(test_heatmap),       T(test_heatmap_names),   T(test_heatmap_of_few), T(test_colors),
        T(test_tensors),      T(test_refusals),      T(test_no_memory),
    };
    return cmocka_run_group_tests_name("charts", tests, NULL, NULL);
}
