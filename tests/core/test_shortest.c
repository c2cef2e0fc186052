/* test_shortest.c: numbers as text are the shortest that reads back as the same bits, and of those the nearest: what
 * printf and strtod find with patience. */
#include "core/file/number_impl.h"
#include "tests/support/suite.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads_back(const char *text, double value, bool single)
{
    if (!single) return strtod(text, NULL) == value;
    return strtof(text, NULL) == (float)value && (float)strtod(text, NULL) == (float)value;
}

/* Every length in turn. Only powers of two have room for a text that is not the nearest of its length: the next one
 * away from 0, where the neighbour is twice as far. */
static void with_patience(char text[64], double value, bool single)
{
    int digits = 0, exponent;
    bool found = false;
    long double decimal = 0;
    while (!found) {
        snprintf(text, 64, "%.*e", digits++, value);
        decimal = strtold(text, NULL);
        found = reads_back(text, value, single);
        if (found || fabs(frexp(value, &exponent)) != 0.5) continue;
        char step[16];
        snprintf(step, sizeof step, "1e%d", (int)strtol(strchr(text, 'e') + 1, NULL, 10) - (digits - 1));
        decimal += copysignl(strtold(step, NULL), value);
        snprintf(text, 64, "%.*Le", digits - 1, decimal);
        found = reads_back(text, value, single);
    }
    const int usual = single ? 6 : 15;
    snprintf(text, 64, "%.*Lg", digits > usual ? digits : usual, decimal);
}

static void check(double value, bool single)
{
    char text[TGI_SHORTEST], slow[64];
    const int length = tgi_shortest(text, value, single);
    with_patience(slow, value, single);
    if (strcmp(text, slow) != 0) fail_msg("%a: \"%s\" instead of \"%s\"", value, text, slow);
    assert_int_equal(length, strlen(text));
}

/* As files had them when printf and strtod wrote them, which no normal number but a power of two knows from the rest. */
static void check_as_before(double value, bool single)
{
    char text[TGI_SHORTEST], before[64];
    int digits = single ? 6 : 15, exponent;
    tgi_shortest(text, value, single);
    if (fabs(value) < (single ? (double)FLT_MIN : DBL_MIN) || fabs(frexp(value, &exponent)) == 0.5) return;
    do snprintf(before, sizeof before, "%.*g", digits++, value);
    while (!reads_back(before, value, single));
    if (strcmp(text, before) != 0) fail_msg("%a: \"%s\", before \"%s\"", value, text, before);
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static uint64_t drawn = 1;
static uint64_t draw(void)
{
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return drawn ^ drawn >> 31;
}

/* TESTS_NUMBERS: how many. */
TEST(test_any_bits)
{
    const char *asked = getenv("TESTS_NUMBERS");
    const long count = asked ? atol(asked) : test_everything() ? 1000000 : 20000;
    for (long i = 0; i < count; i++) {
        const double wide = double_of(draw()), narrow = float_of((uint32_t)draw());
        if (isfinite(wide)) check(wide, false), check_as_before(wide, false);
        if (isfinite(narrow)) check(narrow, true), check_as_before(narrow, true);
        if (isfinite(narrow)) check(narrow, false);
    }
}

/* What people have in files: few digits, whole numbers, and what is beside them. */
TEST(test_usual_numbers)
{
    for (int i = 0; i < 20000; i++) {
        const int places = (int)(draw() % 25) - 3;
        const double value = (double)(draw() >> (1 + draw() % 63)) / pow(10, places);
        check(value, false);
        check(nextafter(value, 0), false);
        check((double)(float)value, true);
        check_as_before(value, false);
        check_as_before((double)(float)value, true);
    }
}

/* Each exponent, where the numbers below a power of two are closer than those above. */
TEST(test_powers_of_two)
{
    for (int e = -1074; e <= 1023; e++) {
        const double power = ldexp(1, e);
        check(power, false);
        check(-nextafter(power, INFINITY), false);
        check(nextafter(power, 0), false);
        if (e < -149 || e > 127) continue;
        const float narrow = (float)power;
        check((double)narrow, true);
        check((double)nextafterf(narrow, INFINITY), true);
        check((double)-nextafterf(narrow, 0), true);
    }
}

/* Of few digits at last. */
TEST(test_subnormal_numbers)
{
    for (uint32_t i = 1; i < 1000; i++) {
        check(double_of(i), false);
        check(float_of(i), true);
        check(double_of((UINT64_C(1) << 52) - i), false);
        check(float_of((UINT32_C(1) << 23) - i), true);
    }
}

static const char *text_of(double value, bool single)
{
    static char text[TGI_SHORTEST];
    tgi_shortest(text, value, single);
    return text;
}

TEST(test_known_texts)
{
    assert_string_equal(text_of(0, false), "0");
    assert_string_equal(text_of(-0.0, true), "-0");
    assert_string_equal(text_of(0.1, false), "0.1");
    assert_string_equal(text_of((double)0.1f, true), "0.1");
    assert_string_equal(text_of((double)0.1f, false), "0.10000000149011612");
    assert_string_equal(text_of(123456789012345680.0, false), "1.2345678901234568e+17");
    assert_string_equal(text_of(1e14, false), "100000000000000");
    assert_string_equal(text_of(1e15, false), "1e+15");
    assert_string_equal(text_of(1e5, true), "100000");
    assert_string_equal(text_of(1e6, true), "1e+06");
    assert_string_equal(text_of(16777216, true), "16777216");
    assert_string_equal(text_of(0.0001, false), "0.0001");
    assert_string_equal(text_of(0.00001, false), "1e-05");
    assert_string_equal(text_of(5e-324, false), "5e-324");
    assert_string_equal(text_of(-DBL_MAX, false), "-1.7976931348623157e+308");
    assert_string_equal(text_of(DBL_MIN, false), "2.2250738585072014e-308");
    assert_string_equal(text_of((double)FLT_MAX, true), "3.4028235e+38");
    assert_string_equal(text_of(float_of(1), true), "1e-45");
}

/* The floats on either side of 7.038531e-26, which those who round twice read as the other one. */
TEST(test_rounded_twice)
{
    const float near = strtof("7.038531e-26", NULL), other = (float)strtod("7.038531e-26", NULL);
    assert_true(near != other);
    check((double)near, true);
    check((double)other, true);
    assert_string_not_equal(text_of((double)near, true), "7.038531e-26");
}

TEST(test_locale)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) return;
    assert_string_equal(text_of(1.5, false), "1.5");
    check((double)strtof("7.038531e-26", NULL), true);
    setlocale(LC_ALL, "C");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_any_bits),    T(test_usual_numbers), T(test_powers_of_two), T(test_subnormal_numbers),
        T(test_known_texts), T(test_rounded_twice), T(test_locale),
    };
    return cmocka_run_group_tests_name("shortest", tests, NULL, NULL);
}
