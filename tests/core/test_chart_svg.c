/* test_chart_svg.c: charts as SVG: well-formed XML whatever the texts are, curves where they belong, a legend that
 * touches none of them, and files that are written whole or not at all. */
#define _GNU_SOURCE /* mkdtemp */
#include <tapegrad.h>

#include "core/utf8_impl.h"
#include "tests/support/suite.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static double uniform(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static char svg[1 << 22];

static void draw(const tg_chart *chart)
{
    assert_in_range(tg_chart_format_svg(chart, svg, sizeof svg), 100, sizeof svg - 1);
}

/* ---- a small checker of XML ---- */

static const char *name_end(const char *at)
{
    assert_true(isalpha((unsigned char)*at));
    while (isalnum((unsigned char)*at) || *at == '-' || *at == ':') at++;
    return at;
}

/* A character of text or of a value: one that XML allows, or an entity. */
static const char *character(const char *at)
{
    static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
    if (*at == '&') {
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (strncmp(at, entities[i], strlen(entities[i])) == 0) return at + strlen(entities[i]);
        fail_msg("no entity: %.20s", at);
    }
    assert_true(*at != '<');
    if (*at == '\n') return at + 1;
    const char *from = at;
    const uint32_t code = tgi_utf8_next(&at);
    char bytes[4];
    assert_true(code >= 0x20 && tgi_utf8_put(bytes, code) == at - from &&
                memcmp(bytes, from, (size_t)(at - from)) == 0);
    return at;
}

/* ` name="value"` any number of times, each name once. */
static const char *attributes(const char *at)
{
    char names[32][32];
    int count = 0;
    for (; *at == ' '; count++) {
        const char *end = name_end(at + 1);
        assert_true(count < 32 && end - at < 32);
        snprintf(names[count], 32, "%.*s", (int)(end - at - 1), at + 1);
        for (int i = 0; i < count; i++) assert_string_not_equal(names[i], names[count]);
        assert_true(end[0] == '=' && end[1] == '"');
        for (at = end + 2; *at != '"';) at = character(at);
        at++;
    }
    return at;
}

static void check_xml(const char *at)
{
    char open[16][32];
    int depth = 0;
    bool begun = false;
    while (*at) {
        if (*at != '<') {
            assert_true(depth > 0 || *at == '\n');
            at = character(at);
        } else if (at[1] == '/') {
            const char *end = name_end(at + 2);
            assert_true(depth > 0 && *end == '>');
            depth--;
            assert_true(strlen(open[depth]) == (size_t)(end - at - 2) &&
                        strncmp(open[depth], at + 2, (size_t)(end - at - 2)) == 0);
            at = end + 1;
        } else {
            assert_true(depth > 0 || !begun); /* one element holds all */
            begun = true;
            const char *end = name_end(at + 1);
            assert_true(depth < 16 && end - at < 32);
            snprintf(open[depth++], 32, "%.*s", (int)(end - at - 1), at + 1);
            at = attributes(end);
            if (at[0] == '/') {
                depth--;
                at++;
            }
            assert_true(*at++ == '>');
        }
    }
    assert_true(begun && depth == 0);
}

TEST(test_the_checker) { check_xml("<svg a=\"1\" b=\"&lt;\"><g/>x&amp;é</svg>\n"); }

/* ---- curves ---- */

typedef struct segment {
    double x0, y0, x1, y1;
} segment;

enum { MOST_SEGMENTS = 200000 };
static segment segments[MOST_SEGMENTS];
static int segment_count;

static void add(double x0, double y0, double x1, double y1)
{
    assert_true(segment_count < MOST_SEGMENTS);
    segments[segment_count++] = (segment){ x0, y0, x1, y1 };
}

/* The segments of a path of M, L, h, H, V and z, as these charts have. */
static void read_path(const char *at)
{
    double x = 0, y = 0, from_x = 0, from_y = 0;
    char command = 0;
    while (*at != '"') {
        if (isalpha((unsigned char)*at)) command = *at++;
        char *end = (char *)(uintptr_t)at;
        double to_x = x, to_y = y;
        if (command == 'M' || command == 'L') {
            to_x = strtod(at, &end);
            to_y = strtod(end, &end);
        } else if (command == 'h' || command == 'H')
            to_x = strtod(at, &end) + (command == 'h' ? x : 0);
        else if (command == 'V')
            to_y = strtod(at, &end);
        else {
            assert_true(command == 'z');
            to_x = from_x;
            to_y = from_y;
        }
        if (command == 'M')
            from_x = to_x, from_y = to_y;
        else
            add(x, y, to_x, to_y);
        x = to_x;
        y = to_y;
        at = end;
        while (*at == ' ') at++;
    }
}

/* All that is drawn in the frame. */
static void read_curves(void)
{
    segment_count = 0;
    for (const char *at = svg; (at = strstr(at, "<g class=\"series\">")) != NULL; at++) {
        const char *end = strstr(at, "</g>");
        for (const char *path = at; (path = strstr(path, " d=\"")) != NULL && path < end; path++) read_path(path + 4);
    }
}

static double attribute(const char *element, const char *name)
{
    char text[32];
    snprintf(text, sizeof text, " %s=\"", name);
    const char *at = strstr(element, text);
    assert_non_null(at);
    return strtod(at + strlen(text), NULL);
}

/* Whether a segment has a point in a box: it is halved until it is so short that its ends tell. */
static bool crosses(segment s, double left, double top, double right, double bottom)
{
    const double length = fmax(fabs(s.x1 - s.x0), fabs(s.y1 - s.y0));
    const int parts = (int)(length * 8) + 1;
    for (int i = 0; i <= parts; i++) {
        const double x = s.x0 + (s.x1 - s.x0) * i / parts, y = s.y0 + (s.y1 - s.y0) * i / parts;
        if (x >= left && x <= right && y >= top && y <= bottom) return true;
    }
    return false;
}

static int legends_inside, legends_above;

/* The legend's box, or all of its names, are clear of the curves. */
static void check_legend(void)
{
    const char *legend = strstr(svg, "<g class=\"legend\">");
    assert_non_null(legend);
    const char *box = strstr(legend, "<rect rx=");
    read_curves();
    if (box) {
        legends_inside++;
        const double left = attribute(box, "x"), top = attribute(box, "y");
        const double right = left + attribute(box, "width"), bottom = top + attribute(box, "height");
        assert_true(left >= 0 && right <= 700 && top >= 0 && bottom <= 420);
        for (int i = 0; i < segment_count; i++) assert_false(crosses(segments[i], left, top, right, bottom));
        return;
    }
    legends_above++;
    double lowest = 0, highest = 420;
    for (const char *name = legend; (name = strstr(name, "<text")) != NULL; name++) {
        if (strstr(name, "</g>") == NULL) break; /* behind the legend */
        lowest = fmax(lowest, attribute(name, "y"));
    }
    for (int i = 0; i < segment_count; i++) highest = fmin(highest, fmin(segments[i].y0, segments[i].y1));
    assert_true(lowest + 4 < highest);
}

TEST(test_legend)
{
    for (int round = 0; round < 400; round++) {
        tg_chart *chart = tg_chart_new(.title = round % 2 ? "Title" : NULL, .log_y = round % 5 == 0);
        const int series = 1 + round % 5;
        for (int s = 0; s < series; s++) {
            double x[60], y[60];
            const double power = 4 * uniform() - 2, from = uniform(), noise = round % 3 ? 0.02 : 1;
            for (int i = 0; i < 60; i++) {
                x[i] = round % 4 == 1 ? uniform() : i / 60.0;
                y[i] = from + pow((i + 1) / 60.0, power) / pow(1 / 60.0, fmin(power, 0)) + noise * uniform();
            }
            char name[64];
            snprintf(name, sizeof name, "%.*s", 3 + (int)(40 * uniform() * uniform()),
                     "series with a name that goes on and on, wwWW");
            if (round % 4 == 1)
                tg_chart_scatter(chart, name, x, y, 60);
            else if (round % 8 == 2)
                tg_chart_histogram(chart, name, y, 60, .bins = 1 + round % 30);
            else
                tg_chart_line(chart, name, y, 60, .x = x);
        }
        draw(chart);
        check_xml(svg);
        check_legend();
        tg_chart_free(chart);
    }
    assert_true(legends_inside > 50 && legends_above > 50); /* both ways are taken */
}

/* A legend that would lie in a bar, touching none of its edges, lies in the bar all the same. */
TEST(test_legend_and_bars)
{
    double values[1000];
    for (int i = 0; i < 1000; i++) values[i] = i;
    tg_chart *chart = tg_chart_new();
    tg_chart_histogram(chart, "even", values, 1000, .bins = 1);
    draw(chart);
    assert_null(strstr(svg, "<rect rx="));
    check_legend();
    tg_chart_free(chart);
    chart = tg_chart_new(.legend = false);
    tg_chart_line(chart, "hidden", values, 1000);
    draw(chart);
    assert_null(strstr(svg, "class=\"legend\""));
    tg_chart_free(chart);
}

/* A line from corner to corner; the frame ends 24 pixels from the right, 18 from the top, 30 from below. */
TEST(test_places)
{
    const double x[] = { 0, 10 }, y[] = { -5, 5 }, out_x[] = { -10, 20 }, out_y[] = { -15, 15 };
    tg_chart *chart = tg_chart_new(.x_min = 0, .x_max = 10, .y_min = -5, .y_max = 5);
    tg_chart_line(chart, NULL, y, 2, .x = x);
    tg_chart_line(chart, NULL, out_y, 2, .x = out_x); /* cut to the same */
    draw(chart);
    read_curves();
    assert_int_equal(segment_count, 2);
    for (int i = 0; i < 2; i++) {
        const segment s = segments[i];
        assert_true(s.y0 == 390 && s.x1 == 676 && s.y1 == 18 && s.x0 == segments[0].x0 && s.x0 < 60);
    }
    tg_chart_free(chart);
    chart = tg_chart_new(.log_x = true, .log_y = true, .x_min = 1, .x_max = 100, .y_min = 0.01, .y_max = 1);
    const double points[] = { 1, 10, 100 }, powers[] = { 0.01, 0.1, 1 };
    tg_chart_line(chart, NULL, powers, 3, .x = points);
    draw(chart);
    read_curves();
    assert_int_equal(segment_count, 2);
    assert_true(segments[0].y1 == 204 && fabs(segments[0].x1 - (segments[0].x0 + 676) / 2) < 0.11);
    tg_chart_free(chart);
}

/* Heights of bars are as the numbers that they stand for. */
TEST(test_bars)
{
    const double values[] = { 0.5, 1.5, 1.5, 1.5, 2.5, 2.5 };
    tg_chart *chart = tg_chart_new(.y_min = 0, .y_max = 3);
    tg_chart_histogram(chart, NULL, values, 6, .bins = 3, .low = 0, .high = 3);
    draw(chart);
    read_curves();
    double tops[3], lefts[3];
    int bars = 0;
    for (int i = 0; i < segment_count; i++)
        if (segments[i].y0 == segments[i].y1 && segments[i].y0 < 389 && bars < 3)
            lefts[bars] = segments[i].x0, tops[bars++] = segments[i].y0;
    assert_int_equal(bars, 3);
    for (int i = 0; i < 3; i++) assert_true(fabs(tops[i] - (390 - 372 * (double[]){ 1, 3, 2 }[i] / 3)) < 0.02);
    assert_true(fabs(lefts[1] - lefts[0] - (lefts[2] - lefts[1])) < 0.02);
    tg_chart_free(chart);
}

TEST(test_many_points)
{
    enum { COUNT = 1000000 };
    double *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
    assert_true(x && y);
    for (int i = 0; i < COUNT; i++) x[i] = uniform(), y[i] = uniform();
    y[500000] = 9;
    tg_chart *chart = tg_chart_new(.y_min = 0, .y_max = 10);
    tg_chart_line(chart, "line", y, COUNT);
    draw(chart);
    assert_true(strlen(svg) < 100000);
    read_curves();
    double top = 420;
    for (int i = 0; i < segment_count; i++) top = fmin(top, fmin(segments[i].y0, segments[i].y1));
    assert_true(fabs(top - (390 - 0.9 * 372)) < 0.06); /* the peak is there */
    tg_chart_scatter(chart, "dots", x, y, COUNT);
    draw(chart);
    assert_true(strlen(svg) < 2000000);
    tg_chart_free(chart);
    free(x);
    free(y);
}

/* ---- texts ---- */

TEST(test_texts)
{
    static const char *const texts[] = { "<b>&\"'</b>", "]]>", "\xff\xfe\x01\x1b[0m", "Époque – 漢字 🙂",
                                         "a\nb\tc",     "" };
    const double y[] = { 1, 2, 3, 4 };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *const names[] = { texts[i], texts[i] };
        tg_chart *chart = tg_chart_new(.title = texts[i], .x_label = texts[i], .y_label = texts[i]);
        tg_chart_line(chart, texts[i], y, 4);
        draw(chart);
        check_xml(svg);
        if (i == 0) assert_non_null(strstr(svg, ">&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;</text>"));
        if (i == 3) assert_non_null(strstr(svg, ">Époque – 漢字 🙂</title>"));
        tg_chart_free(chart);
        chart = tg_chart_new(.title = texts[i]);
        tg_chart_heatmap(chart, y, 2, 2, .row_names = names, .column_names = names, .annotate = true);
        draw(chart);
        check_xml(svg);
        tg_chart_free(chart);
    }
    for (int round = 0; round < 2000; round++) { /* any bytes */
        char title[40];
        for (int i = 0; i < 39; i++) title[i] = (char)(1 + 255 * uniform());
        title[39] = '\0';
        tg_chart *chart = tg_chart_new(.title = title);
        draw(chart);
        check_xml(svg);
        tg_chart_free(chart);
    }
}

TEST(test_long_names)
{
    char name[5000];
    const double y[] = { 1, 2, 1, 2, 1, 2 };
    memset(name, 'm', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    tg_chart *chart = tg_chart_new(.title = name, .x_label = name, .y_label = name);
    for (int i = 0; i < 100; i++) tg_chart_line(chart, name, y, 6);
    draw(chart);
    check_xml(svg);
    check_legend();
    tg_chart_free(chart);
}

TEST(test_heatmap)
{
    const double values[] = { 0, 10, 5, NAN };
    tg_chart *chart = tg_chart_new();
    tg_chart_heatmap(chart, values, 2, 2, .annotate = true);
    draw(chart);
    check_xml(svg);
    assert_non_null(strstr(svg, "<path fill=\"#340156\" d=\"M0 0h1v1h-1z\"/>"));
    assert_non_null(strstr(svg, "<path fill=\"#ecee55\" d=\"M1 0h1v1h-1z\"/>"));
    assert_non_null(strstr(svg, "d=\"M0 1h1v1h-1z\"/>"));
    assert_null(strstr(svg, "M1 1h")); /* nothing */
    assert_non_null(strstr(svg, ">10</text>"));
    tg_chart_free(chart);
    double *large = calloc(1000 * 1000, sizeof *large);
    for (int i = 0; i < 1000 * 1000; i++) large[i] = uniform();
    chart = tg_chart_new();
    tg_chart_heatmap(chart, large, 1000, 1000);
    draw(chart);
    assert_true(strlen(svg) < 3000000);
    tg_chart_free(chart);
    free(large);
}

static int texts_in_picture(const char *text)
{
    int count = 0;
    for (const char *at = svg; (at = strstr(at, text)); at++) count++;
    return count;
}

/* Short names of columns are whole, long ones cut to their cells: each is there. Numbers are never cut. */
TEST(test_heatmap_names)
{
    static const char *const languages[] = { "Chinese", "Czech",     "English", "French", "German",
                                             "Italian", "Norwegian", "Polish",  "Spanish" };
    double values[9 * 40] = { 0 };
    tg_chart *chart = tg_chart_new();
    tg_chart_heatmap(chart, values, 1, 9, .column_names = languages);
    draw(chart);
    check_xml(svg);
    for (int i = 0; i < 9; i++) {
        char text[32];
        snprintf(text, sizeof text, i == 6 ? ">Norwe" : ">%s</text>", languages[i]);
        assert_int_equal(texts_in_picture(text), 1);
    }
    assert_int_equal(texts_in_picture("…"), 1);
    tg_chart_free(chart);
    chart = tg_chart_new();
    tg_chart_heatmap(chart, values, 9, 40);
    draw(chart);
    assert_int_equal(texts_in_picture("…"), 0);
    assert_int_equal(texts_in_picture(">38</text>"), 1); /* every second one */
    tg_chart_free(chart);
}

/* Numbers that end most drawings. */
TEST(test_hostile_numbers)
{
    static const double numbers[] = { 0, -1, 1e308, -1e308, 5e-324, NAN, INFINITY, -INFINITY, 1, 1 + 1e-15, 1e-300 };
    enum { COUNT = sizeof numbers / sizeof *numbers };
    for (int round = 0; round < 3000; round++) {
        double x[8], y[8];
        for (int i = 0; i < 8; i++) x[i] = numbers[(int)(uniform() * COUNT)], y[i] = numbers[(int)(uniform() * COUNT)];
        tg_chart *chart =
            tg_chart_new(.log_x = round % 3 == 0, .log_y = round % 5 == 0, .x_max = round % 7 ? (double)NAN : 1e300,
                         .y_min = round % 11 ? (double)NAN : 1e-300);
        tg_chart_line(chart, "l", y, 8, .x = x);
        tg_chart_scatter(chart, "s", x, y, 8);
        if (tg_chart_histogram(chart, "h", y, 8, .bins = 1 + round % 9) != TG_OK) expect_error("chart_histogram");
        draw(chart);
        check_xml(svg);
        assert_null(strstr(svg, "nan"));
        assert_null(strstr(svg, "inf"));
        read_curves();
        for (int i = 0; i < segment_count; i++) {
            assert_true(segments[i].x0 >= 20 && segments[i].x0 <= 676.1 && segments[i].y0 >= 17.9 &&
                        segments[i].y0 <= 390.1);
            assert_true(segments[i].x1 >= 20 && segments[i].x1 <= 676.1 && segments[i].y1 >= 17.9 &&
                        segments[i].y1 <= 390.1);
        }
        assert_true(tg_chart_format(chart, svg, sizeof svg) > 0);
        tg_chart_free(chart);
        chart = tg_chart_new();
        tg_chart_heatmap(chart, y, 2, 4, .low = round % 3 ? (double)NAN : y[0] < 0 ? -1.0 : 0, .annotate = true);
        draw(chart);
        check_xml(svg);
        assert_null(strstr(svg, "nan"));
        assert_true(tg_chart_format(chart, svg, sizeof svg) > 0);
        tg_chart_free(chart);
    }
}

/* ---- files ---- */

static void read_file(const char *path, char text[64])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, 63, file)] = '\0';
    fclose(file);
}

TEST(test_file)
{
    char folder[] = "/tmp/tapegrad-chart-XXXXXX", path[64], text[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/chart.svg", folder);
    const double y[] = { 1, 2 };
    tg_chart *chart = tg_chart_new();
    tg_chart_line(chart, NULL, y, 2);
    for (int i = 0; i < 2; i++) assert_int_equal(tg_chart_write_svg(chart, path), TG_OK); /* over the old one */
    read_file(path, text);
    assert_true(strncmp(text, "<svg xmlns=", 11) == 0);
    assert_int_equal(tg_chart_write_svg(chart, folder), TG_FAILED);
    expect_error("chart_write_svg: ");
    tg_chart *unfinished = tg_chart_new(.title = "what would have been drawn");
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    tg_chart_line_tensor(unfinished, "a", NULL);
    assert_int_equal(tg_chart_write_svg(unfinished, path), TG_FAILED);
    expect_error("chart_line_tensor: ");
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_size == after.st_size);
    tg_chart_free(unfinished);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(tg_chart_write_svg(chart, "/dev/full"), TG_FAILED);
        expect_error("/dev/full");
    }
    tg_chart_free(chart);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_checker), T(test_legend),        T(test_legend_and_bars), T(test_places),
        T(test_bars),        T(test_many_points),   T(test_texts),           T(test_long_names),
        T(test_heatmap),     T(test_heatmap_names), T(test_hostile_numbers), T(test_file),
    };
    return cmocka_run_group_tests_name("charts as SVG", tests, NULL, NULL);
}
