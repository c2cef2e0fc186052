/* test_ticks.c: axes have round ticks, whatever range they are asked for; what they read is what they are. */
#include "core/show/ticks_impl.h"
#include "tests/support/suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state_of_random = 88172645463325252u;

static double uniform(void)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return (double)(state_of_random >> 11) / 9007199254740992.0;
}

/* A hundred thousand where all is run. */
static int rounds(void) { return test_everything() ? 100000 : 4000; }

static tgi_span span_of(double low, double high, double slack)
{
    return (tgi_span){ .low = low, .high = high, .slack = slack };
}

/* ---- what holds for each axis ---- */

/* 1, 2 or 5 times a power of ten, but for the last digits. */
static bool is_round(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6e", value);
    return strncmp(text, "1.000000", 8) == 0 || strncmp(text, "2.000000", 8) == 0 || strncmp(text, "5.000000", 8) == 0;
}

static void check_labels(const tgi_axis *axis)
{
    for (int i = 0; i < axis->count; i++) {
        const char *text = axis->labels[i];
        assert_true(strtod(text, NULL) == axis->ticks[i]); /* to the last bit */
        assert_true(strcmp(text, "-0") != 0 && !(axis->ticks[i] == 0 && signbit(axis->ticks[i])));
        assert_null(strchr(text, ','));
        if (i) assert_string_not_equal(text, axis->labels[i - 1]);
    }
}

static void check_any(const tgi_axis *axis)
{
    assert_true(isfinite(axis->low) && isfinite(axis->high) && axis->low < axis->high);
    assert_true(axis->count >= 0 && axis->count <= TGI_MOST_TICKS);
    for (int i = 0; i < axis->count; i++) {
        assert_true(axis->ticks[i] >= axis->low && axis->ticks[i] <= axis->high);
        if (i) assert_true(axis->ticks[i] > axis->ticks[i - 1]);
    }
    check_labels(axis);
    assert_true(tgi_axis_at(axis, axis->low) == 0);
    assert_true(fabs(tgi_axis_at(axis, axis->high) - 1) < 1e-12);
}

static void check_linear(const tgi_axis *axis)
{
    check_any(axis);
    const double step = axis->ticks[1] - axis->ticks[0];
    assert_true(is_round(step));
    for (int i = 0; i < axis->count; i++)
        assert_true(fabs(axis->ticks[i] / step - nearbyint(axis->ticks[i] / step)) < 1e-5);
    for (int i = 1; i < axis->count; i++) assert_true(fabs(axis->ticks[i] - axis->ticks[i - 1] - step) < 1e-5 * step);
}

/* Plain labels have no digit too many: somewhere the last one is not 0. */
static void check_short(const tgi_axis *axis)
{
    bool needed = false;
    for (int i = 0; i < axis->count; i++) {
        const char *text = axis->labels[i];
        if (!strchr(text, '.') || strchr(text, 'e') || text[strlen(text) - 1] != '0') needed = true;
    }
    assert_true(needed);
}

/* ---- ranges ---- */

TEST(test_random_ranges)
{
    for (int i = 0; i < rounds(); i++) {
        const double size = pow(10, 16 * uniform() - 8), at = uniform() < 0.3 ? 0 : (uniform() - 0.5) * size * 200;
        const double low = at + (uniform() - 0.5) * size, high = low + size * (0.01 + uniform());
        const double slacks[] = { 0, 0.02, 1 };
        tgi_span span = span_of(low, high, slacks[i % 3]);
        span.fixed_low = uniform() < 0.1;
        span.fixed_high = uniform() < 0.1;
        tgi_axis axis;
        tgi_axis_choose(&axis, &span, 8 + i % 3);
        check_linear(&axis);
        check_short(&axis);
        assert_in_range(axis.count, 3, 10);
        assert_true(axis.low <= low && axis.high >= high);
        if (span.fixed_low || slacks[i % 3] == 0) assert_true(axis.low == low);
        if (span.fixed_high || slacks[i % 3] == 0) assert_true(axis.high == high);
        if (slacks[i % 3] == 1 && !span.fixed_low) assert_true(axis.low == axis.ticks[0]);
        if (i % 3 == 1) assert_true(axis.high - axis.low <= 1.05 * (high - low));
    }
}

TEST(test_few_ticks)
{
    for (int i = 0; i < 3000; i++) {
        const double low = (uniform() - 0.5) * 100, high = low + pow(10, 4 * uniform() - 2);
        const tgi_span span = span_of(low, high, 1);
        tgi_axis axis;
        const int most = 3 + i % 5;
        tgi_axis_choose(&axis, &span, most);
        check_any(&axis);
        assert_in_range(axis.count, 2, most);
    }
}

TEST(test_whole_numbers)
{
    for (int n = 2; n < 200; n++) {
        tgi_span span = span_of(1, n, 0);
        span.whole = true;
        tgi_axis axis;
        tgi_axis_choose(&axis, &span, 10);
        check_any(&axis);
        for (int i = 0; i < axis.count; i++) assert_true(axis.ticks[i] == floor(axis.ticks[i]));
    }
}

static double mantissa(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.10e", value);
    return strtod(strtok(text, "e"), NULL);
}

TEST(test_random_log_ranges)
{
    for (int i = 0; i < rounds(); i++) {
        const double decades = i % 2 ? 0.02 + 2 * uniform() : 600 * uniform() * uniform();
        const double low = pow(10, -300 + (600 - decades) * uniform()), high = low * pow(10, decades);
        if (!(high < 1e300)) continue;
        tgi_span span = span_of(low, high, i % 3 ? 1 : 0);
        span.log = true;
        tgi_axis axis;
        tgi_axis_choose(&axis, &span, 8 + i % 3);
        check_any(&axis);
        assert_true(axis.low <= low && axis.high >= high && axis.low > 0);
        if (span.slack >= 1 || decades < 1) assert_in_range(axis.count, 3, 10);
        if (span.slack < 1) assert_true(axis.low == low && axis.high == high);
        bool one_two_five = true;
        for (int k = 0; k < axis.count; k++) {
            const double m = mantissa(axis.ticks[k]);
            one_two_five = one_two_five && (m == 1 || m == 2 || m == 5);
        }
        if (!one_two_five) {
            assert_true(decades < 1.3);
            check_linear(&axis);
        }
        assert_true(fabs(tgi_axis_at(&axis, sqrt(axis.low) * sqrt(axis.high)) - 0.5) < 1e-9);
        assert_true(isnan(tgi_axis_at(&axis, 0)) && isnan(tgi_axis_at(&axis, -1)));
    }
}

/* ---- ranges by name ---- */

static void expect_labels(tgi_span span, int most, const char *expected)
{
    tgi_axis axis;
    char text[256] = "";
    tgi_axis_choose(&axis, &span, most);
    check_any(&axis);
    for (int i = 0; i < axis.count; i++) {
        if (i) strcat(text, " ");
        strcat(text, axis.labels[i]);
    }
    assert_string_equal(text, expected);
}

TEST(test_labels)
{
    tgi_span whole = span_of(1, 3, 0), log = span_of(2e-5, 3.1, 1), near = span_of(0.6, 4.2, 1);
    whole.whole = true;
    log.log = near.log = true;
    expect_labels(span_of(0, 6.997, 1), 8, "0 1 2 3 4 5 6 7");
    expect_labels(span_of(1.68, 6.997, 1), 5, "0 2 4 6 8");
    expect_labels(span_of(-0.3, 0.9, 1), 8, "-0.4 -0.2 0 0.2 0.4 0.6 0.8 1.0");
    expect_labels(span_of(1, 100, 0.02), 8, "0 20 40 60 80 100");
    expect_labels(span_of(1, 100, 0), 8, "20 40 60 80 100");
    expect_labels(whole, 10, "1 2 3");
    expect_labels(span_of(0, 1e6, 1), 6, "0 2e5 4e5 6e5 8e5 1e6");
    expect_labels(span_of(0, 50000, 1), 6, "0 10000 20000 30000 40000 50000");
    expect_labels(span_of(1e-7, 9e-7, 1), 6, "0 2e-7 4e-7 6e-7 8e-7 1e-6");
    expect_labels(span_of(1e9, 1e9 + 3, 1), 5, "1000000000 1000000001 1000000002 1000000003");
    expect_labels(log, 8, "1e-5 1e-4 0.001 0.01 0.1 1 10");
    expect_labels(near, 8, "0.5 1 2 5");
    expect_labels(span_of(4.507, 4.507, 1), 6, "4.0 4.5 5.0 5.5");
    expect_labels(span_of(INFINITY, -INFINITY, 1), 6, "0 0.2 0.4 0.6 0.8 1.0");
}

static bool may_be_given(double limit, bool log)
{
    return limit <= TGI_LARGEST_LIMIT && limit >= (log ? 1 / TGI_LARGEST_LIMIT : -TGI_LARGEST_LIMIT);
}

TEST(test_hostile_ranges)
{
    const double numbers[] = { -DBL_MAX,        -1e308, -1,      -1e-300, -5e-324,         0,    5e-324,
                               DBL_MIN,         1e-300, 1e-16,   1,       1 + DBL_EPSILON, 1e15, 1e16,
                               1.0000000001e16, 1e300,  1.7e308, DBL_MAX };
    const int count = sizeof numbers / sizeof *numbers;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            for (int flags = 0; flags < 32; flags++) {
                tgi_span span = { .low = numbers[i],
                                  .high = numbers[j],
                                  .log = flags & 1,
                                  .whole = flags & 2,
                                  .fixed_low = flags & 4,
                                  .fixed_high = flags & 8,
                                  .slack = flags & 16 ? 1 : 0.02 };
                /* What is fixed is in order and not too large, and what is looked at is above 0, before an axis is asked
                 * for. */
                if (span.fixed_low && span.fixed_high && !(span.low < span.high)) continue;
                if (span.log && (span.low <= 0 || span.high <= 0)) continue;
                if (span.fixed_low && !may_be_given(span.low, span.log)) continue;
                if (span.fixed_high && !may_be_given(span.high, span.log)) continue;
                tgi_axis axis;
                for (int most = 2; most <= 10; most += 4) {
                    tgi_axis_choose(&axis, &span, most);
                    check_any(&axis);
                    assert_false(isinf(tgi_axis_at(&axis, numbers[i])) || isinf(tgi_axis_at(&axis, -numbers[j])));
                    if (span.fixed_low) assert_true(axis.low == span.low);
                    if (span.fixed_high) assert_true(axis.high == span.high);
                }
            }
    tgi_axis axis;
    const tgi_span usual = span_of(0, 1, 1);
    tgi_axis_choose(&axis, &usual, 6);
    assert_true(isnan(tgi_axis_at(&axis, NAN)) && isnan(tgi_axis_at(&axis, INFINITY)));
    assert_true(tgi_axis_at(&axis, DBL_MAX) == 1e6 && tgi_axis_at(&axis, -DBL_MAX) == -1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_random_ranges),     T(test_few_ticks), T(test_whole_numbers),
                                        T(test_random_log_ranges), T(test_labels),    T(test_hostile_ranges) };
    return cmocka_run_group_tests_name("ticks", tests, NULL, NULL);
}
