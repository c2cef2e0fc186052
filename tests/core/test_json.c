/* test_json.c: JSON is read as RFC 8259 has it and no wider; what is written is read back. */
#include "core/file/json_impl.h"
#include "core/text.h"
#include "tests/support/suite.h"

#include <string.h>

static const tgi_input no_file = { .function = "test", .path = "a.json", .fd = -1 };
static char text[4096];

static tgi_json begun(const char *json)
{
    tgi_json j;
    const size_t n = strlen(json);
    memset(text, 'x', sizeof text); /* nothing behind the end is looked at */
    memcpy(text, json, n + 1);
    tgi_json_begin(&j, &no_file, "field", 1000, text, (int64_t)n);
    return j;
}

/* Whether it is JSON, by passing over it. */
static bool is_json(const char *json)
{
    tgi_json j = begun(json);
    const bool good = tgi_json_skip(&j) && tgi_json_end(&j);
    assert_int_equal(good, !tg_failed());
    tg_error_clear();
    return good;
}

TEST(test_what_is_json)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t\r\n{\n}",
        "0",
        "-0",
        "12",
        "-1.5",
        "1e9",
        "1E+9",
        "0.5e-10",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "[1,2,[3,{\"a\":[]}],{}]",
        "{\"a\":{\"b\":[null,true,{}]},\"c\":1}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\udd1e\"",
        "\"\x7f\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
    };
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "-01",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "True",
        "nul",
        "nullx",
        "tru",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\\u\"",
        "\"\\uD834\"",
        "\"\\uD834\\u0041\"",
        "\"\\uDD1E\"",
        "\"\\uD834x\"",
        "\"\\u0000\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x1f\"",
        "1 2",
        "[] []",
        "\xef\xbb\xbf{}",
        "//x\n1",
        "/**/1",
        "'a'",
        /* not UTF-8: stray, cut off, longer than need be, a surrogate, beyond the last character */
        "\"\x80\"",
        "\"\xc3\"",
        "\"\xe2\x82\"",
        "\"\xf0\x9f\x98\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xff\"",
        "\"\xe2\x28\xa1\"",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!is_json(good[i])) fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (is_json(bad[i])) fail_msg("%s is taken", bad[i]);
}

TEST(test_strings)
{
    tgi_json j = begun("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u0041\\u00e9\\u20AC\\ud834\\uDD1E\", \"\", \"x\"]");
    assert_true(tgi_json_array(&j) && tgi_json_more(&j));
    assert_string_equal(tgi_json_string(&j), "\"\\/\b\f\n\r\t");
    assert_true(tgi_json_more(&j));
    const char *second = tgi_json_string(&j);
    assert_true(tgi_json_more(&j));
    const char *third = tgi_json_string(&j);
    assert_true(tgi_json_more(&j));
    const char *fourth = tgi_json_string(&j);
    assert_string_equal(second, "A\u00e9\u20ac\U0001d11e"); /* they stay */
    assert_string_equal(third, "");
    assert_string_equal(fourth, "x");
    assert_true(!tgi_json_more(&j) && tgi_json_end(&j));
}

TEST(test_integers)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = { { "0", 0 },     { "-0", 0 },
                 { "7", 7 },     { "9223372036854775807", INT64_MAX },
                 { "-12", -12 }, { "-9223372036854775808", INT64_MIN } };
    static const char *const bad[] = { "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999",
                                       "1.0",
                                       "1e3",
                                       "01",
                                       "-",
                                       "-a",
                                       "\"1\"",
                                       "true",
                                       "" };
    int64_t value;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        tgi_json j = begun(good[i].text);
        assert_true(tgi_json_integer(&j, &value) && tgi_json_end(&j));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tgi_json j = begun(bad[i]);
        if (tgi_json_integer(&j, &value)) fail_msg("%s is taken", bad[i]);
        assert_true(tg_failed());
        tg_error_clear();
    }
}

TEST(test_objects)
{
    tgi_json j = begun("{\"a\": 1, \"b\" : {\"c\": [2, 3]}, \"d\": [], \"\": null}");
    int64_t value;
    assert_true(tgi_json_object(&j));
    assert_string_equal(tgi_json_key(&j), "a");
    assert_true(tgi_json_integer(&j, &value) && value == 1);
    assert_string_equal(tgi_json_key(&j), "b");
    assert_true(tgi_json_object(&j));
    assert_string_equal(tgi_json_key(&j), "c");
    assert_true(tgi_json_array(&j));
    for (int64_t expected = 2; tgi_json_more(&j); expected++)
        assert_true(tgi_json_integer(&j, &value) && value == expected);
    assert_null(tgi_json_key(&j));
    assert_string_equal(tgi_json_key(&j), "d");
    assert_true(tgi_json_array(&j) && !tgi_json_more(&j));
    assert_string_equal(tgi_json_key(&j), "");
    assert_true(tgi_json_skip(&j) && !tgi_json_key(&j) && tgi_json_end(&j));
}

/* The first error stays, and says where it is in the file. */
TEST(test_errors)
{
    tgi_json j = begun("{\"a\": [1, x]}");
    int64_t value;
    assert_true(tgi_json_object(&j) && tgi_json_key(&j) && tgi_json_array(&j) && tgi_json_more(&j));
    assert_true(tgi_json_integer(&j, &value) && tgi_json_more(&j) && !tgi_json_integer(&j, &value));
    assert_true(!tgi_json_more(&j) && !tgi_json_key(&j) && !tgi_json_skip(&j) && !tgi_json_end(&j) &&
                !tgi_json_string(&j));
    assert_int_equal(tg_error_get().later, 0);
    expect_error("test: a.json: at byte 1010: field: an integer should stand here, not 'x'");
    j = begun("\"abc");
    assert_null(tgi_json_string(&j));
    expect_error("at byte 1004: field: the string that begins at byte 1000 has no end");
}

/* 64 levels, no more. */
TEST(test_depth)
{
    char deep[200];
    for (int depth = TGI_JSON_DEPTH; depth <= TGI_JSON_DEPTH + 1; depth++) {
        memset(deep, '[', (size_t)depth);
        memset(deep + depth, ']', (size_t)depth);
        deep[2 * depth] = '\0';
        assert_int_equal(is_json(deep), depth == TGI_JSON_DEPTH);
    }
}

TEST(test_quoted)
{
    char all[600], quoted[2000];
    size_t n = 0;
    for (int c = 1; c < 128; c++) all[n++] = (char)c;
    strcpy(all + n, "\u00e9\u20ac\U0001d11e");
    const size_t length = tgi_json_quoted(NULL, all);
    assert_true(length < sizeof quoted);
    assert_int_equal(tgi_json_quoted(quoted, all), length);
    quoted[length] = '\0';
    tgi_json j = begun(quoted);
    assert_string_equal(tgi_json_string(&j), all);
    assert_true(tgi_json_end(&j));
    assert_int_equal(tgi_json_quoted(quoted, "a\"\\\n\t\r\x01/"), 2 + 1 + 2 + 2 + 2 + 2 + 2 + 6 + 1);
    assert_memory_equal(quoted, "\"a\\\"\\\\\\n\\t\\r\\u0001/\"", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_what_is_json), T(test_strings), T(test_integers), T(test_objects),
                                        T(test_errors),       T(test_depth),   T(test_quoted) };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
