/* test_object.c: objects put together as Python puts them, asked by paths, printed; what cannot be, and why. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/compare.h"
#include "tests/support/failing.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- put together ---- */

TEST(test_every_kind)
{
    IN_SCOPE;
    tg_tensor *t = tg_ones(tg_shape(2));
    const float f = 1.5f;
    const char letters[] = "abc";
    const size_t size = 7;
    const tg_object *o = tg_object_list(true, (bool)true, 3, INT64_MIN, 2.5, f, "text", letters, t, tg_list(t, t),
                                        tg_object_none(), size, 'a', NULL == NULL, tg_object_of_bool(false));
    const tg_object_kind kinds[] = {
        TG_OBJECT_INT,   TG_OBJECT_BOOL, TG_OBJECT_INT,  TG_OBJECT_INT,    TG_OBJECT_FLOAT,
        TG_OBJECT_FLOAT, TG_OBJECT_TEXT, TG_OBJECT_TEXT, TG_OBJECT_TENSOR, TG_OBJECT_LIST,
        TG_OBJECT_NONE,  TG_OBJECT_INT,  TG_OBJECT_INT,  TG_OBJECT_INT,    TG_OBJECT_BOOL
    };
    assert_int_equal(tg_object_count(o), sizeof kinds / sizeof kinds[0]);
    for (int i = 0; i < tg_object_count(o); i++) assert_int_equal(tg_object_kind_of(tg_object_item(o, i)), kinds[i]);
    assert_int_equal(tg_object_int(o, "3"), INT64_MIN);
    assert_true(tg_object_number(o, "5") == 1.5);
    assert_string_equal(tg_object_text(o, "7"), "abc");
    assert_ptr_equal(tg_object_tensor(o, "9.1"), t);
    assert_int_equal(tg_object_int(o, "11"), 7);
    assert_int_equal(tg_object_kind_of(tg_object_of(0.5)), TG_OBJECT_FLOAT);
    assert_int_equal(tg_object_count(tg_object_of(4)), 0);
    tg_scope_end(scope);
}

TEST(test_dicts)
{
    IN_SCOPE;
    tg_object *d = tg_dict("b", 1, "a", 2, 7, "seven", "", "no name");
    assert_int_equal(tg_object_count(d), 4);
    assert_string_equal(tg_object_text(tg_object_key(d, 0)), "b"); /* in the order in which they came */
    assert_int_equal(tg_object_int(tg_object_key(d, 2)), 7);
    assert_int_equal(tg_dict_set(d, "a", tg_object_list(1, 2)), TG_OK);
    assert_int_equal(tg_dict_set(d, -1, 0.5), TG_OK);
    assert_int_equal(tg_dict_set(d, "7", "a text, another key"), TG_OK);
    assert_int_equal(tg_object_count(d), 6);
    assert_int_equal(tg_object_int(d, "a.1"), 2);
    assert_true(tg_object_number(tg_object_item(d, -2)) == 0.5);
    assert_string_equal(tg_object_text(d, "7"), "seven"); /* the first of the two */
    assert_true(tg_object_number(d, "-1") == 0.5);
    for (int i = 0; i < 5000; i++) tg_dict_set(d, "epoch", i); /* what is replaced does not count */
    assert_int_equal(tg_object_int(d, "epoch"), 4999);
    assert_int_equal(tg_object_count(d), 7);
    const tg_object *large = tg_object_list(1);
    for (int i = 0; i < 21; i++) large = tg_object_list(large, large);
    for (int i = 0; i < 10; i++) assert_int_equal(tg_dict_set(d, "large", large), TG_OK);
    assert_int_equal(tg_dict_set(d, "large", 1), TG_OK);
    assert_string_equal(tg_object_text(tg_dict("x", d), "x."), "no name");
    tg_scope_end(scope);
}

TEST(test_nested_calls)
{
    IN_SCOPE;
    const tg_object *o =
        tg_dict("a",
                tg_dict("b", tg_object_list(tg_dict("c", tg_object_tuple(1, tg_dict("d", tg_object_list(0.25)))))));
    assert_true(tg_object_number(o, "a.b.0.c.1.d.0") == 0.25);
    tg_scope_end(scope);
}

TEST(test_state_dicts)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(2, 3);
    const tg_object *o = tg_dict("model", tg_state_dict(m), "more", tg_object_list(1, tg_dict(5, m->bias)));
    const tg_named_tensor_list list = tg_object_tensors(o);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].name, "model.weight");
    assert_string_equal(list.items[2].name, "more.1.5");
    assert_ptr_equal(list.items[2].tensor, m->bias);
    assert_ptr_equal(tg_object_tensor(o, "model.weight"), m->weight);
    const tg_named_tensor_list model = tg_object_tensors(o, "model");
    assert_int_equal(tg_load_state_dict(m, model), TG_OK);
    const tg_named_tensor_list one = tg_object_tensors(tg_object_of(m->weight));
    assert_true(one.count == 1 && one.items[0].name[0] == '\0');
    assert_int_equal(tg_object_tensors(tg_dict("x", 1)).count, 0);
    tg_module_free(TG_MODULE(m));
    tg_scope_end(scope);
}

/* ---- asked ---- */

TEST(test_paths)
{
    IN_SCOPE;
    const tg_object *o = tg_dict("a.b", 1, "a", tg_dict("b", 2, "b.c", 3, "d", tg_dict("", 4)), "list",
                                 tg_object_list(10, tg_object_tuple(20)), 3, tg_dict(4, 5));
    assert_int_equal(tg_object_int(o, "a.b"), 1); /* the longest key counts */
    assert_int_equal(tg_object_int(o, "a.b.c"), 0);
    expect_error("there is no \"c\" in \"a.b\", which is an integer");
    assert_int_equal(tg_object_int(o, "a.d."), 4);
    assert_int_equal(tg_object_int(o, "list.1.0"), 20);
    assert_int_equal(tg_object_int(o, "3.4"), 5);
    assert_ptr_equal(tg_object_get(o, ""), o);
    assert_ptr_equal(tg_object_get(o, NULL), o);
    assert_true(tg_object_has(o, "list.1") && !tg_object_has(o, "list.2") && !tg_object_has(o, "list.-1"));
    assert_true(!tg_object_has(o, "list.01") && !tg_object_has(o, "list.1.0.") && !tg_object_has(o, "3.4.5"));
    assert_false(tg_object_has(o, "a.x"));
    expect_refusal(tg_object_get(o, "a.x.y"), "there is no \"x.y\" in \"a\"; the keys are: b, b.c, d");
    expect_refusal(tg_object_get(o, "x"), "there is no \"x\"; the keys are: a.b, a, list, 3");
    expect_refusal(tg_object_get(o, "list.9"), "there is no \"9\" in \"list\", a list of 2");
    expect_refusal(tg_object_get(tg_dict(), "x"), "the keys are: none");
    tg_scope_end(scope);
}

TEST(test_numbers)
{
    IN_SCOPE;
    const tg_object *o = tg_dict("int", 3, "whole", 4.0, "half", 0.5, "bool", (bool)true, "tensor", tg_scalar(6),
                                 "step", tg_scalar(7.0), "large", tg_scalar(INT64_MAX), "huge", 1e300, "nan",
                                 (double)NAN, "pair", tg_ones(tg_shape(2)), "t", "x");
    assert_int_equal(tg_object_int(o, "int"), 3);
    assert_int_equal(tg_object_int(o, "whole"), 4);
    assert_int_equal(tg_object_int(o, "bool"), 1);
    assert_int_equal(tg_object_int(o, "tensor"), 6);
    assert_int_equal(tg_object_int(o, "step"), 7);
    assert_int_equal(tg_object_int(o, "large"), INT64_MAX);
    assert_true(tg_object_number(o, "int") == 3 && tg_object_number(o, "step") == 7);
    assert_true(tg_object_bool(o, "bool") && isnan(tg_object_number(o, "nan")));
    static const struct {
        const char *path, *error;
    } wrong[] = { { "half", "\"half\" is a number, not an integer" },
                  { "huge", "not an integer" },
                  { "nan", "not an integer" },
                  { "pair", "\"pair\" is a tensor, not an integer" },
                  { "t", "\"t\" is a text, not an integer" } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(tg_object_int(o, wrong[i].path), 0);
        expect_error(wrong[i].error);
    }
    assert_true(isnan(tg_object_number(o, "t")));
    expect_error("\"t\" is a text, not a number");
    assert_false(tg_object_bool(o, "int"));
    expect_error("\"int\" is an integer, not a bool");
    expect_refusal(tg_object_text(o, "int"), "not a text");
    expect_refusal(tg_object_tensor(o, "int"), "not a tensor");
    expect_refusal(tg_object_tensor(tg_object_of(1)), "the object is an integer, not a tensor");
    tg_scope_end(scope);
}

TEST(test_items)
{
    IN_SCOPE;
    const tg_object *o = tg_object_list(1, 2, 3);
    assert_int_equal(tg_object_int(tg_object_item(o, -1)), 3);
    expect_refusal(tg_object_item(o, 3), "item 3 of a list of 3");
    expect_refusal(tg_object_item(o, INT64_MIN), "of a list of 3");
    expect_refusal(tg_object_item(tg_object_of(1), 0), "item 0 of an integer, which has none");
    expect_refusal(tg_object_key(o, 0), "a list has no keys");
    expect_refusal(tg_object_key(tg_dict(), 0), "item 0 of a dict of 0");
    tg_scope_end(scope);
}

/* ---- refused ---- */

TEST(test_what_cannot_be)
{
    IN_SCOPE;
    tg_object *d = tg_dict("x", 1), *list = tg_object_list();
    assert_int_equal(tg_dict_set(d, "self", d), TG_FAILED);
    expect_error("\"self\": it would lie in itself");
    assert_int_equal(tg_object_count(d), 1);
    assert_int_equal(tg_object_append(list, d), TG_OK);
    assert_int_equal(tg_dict_set(d, "later", 1), TG_FAILED);
    expect_error("part of another object already");
    assert_int_equal(tg_dict_set(list, "x", 1), TG_FAILED);
    expect_error("of a dict, not of a list");
    assert_int_equal(tg_object_append(tg_dict(), 1), TG_FAILED);
    expect_error("of a list, not of a dict");
    assert_int_equal(tg_object_append(tg_object_tuple(1), 1), TG_FAILED);
    expect_error("of a list, not of a tuple");
    expect_refusal(tg_dict(0.5, 1), "a key is a text or an integer, not a number");
    expect_refusal(tg_dict(list, 1), "not a list");
    expect_refusal(tg_dict("x"), "a key without a value");
    expect_refusal(tg_dict("x", (const char *)NULL), "the text is NULL");
    expect_refusal(tg_dict("x", (tg_tensor *)NULL), "the tensor is NULL");
    expect_refusal(tg_dict("x", NULL), "the object is NULL");
    expect_refusal(tg_dict("x", "\xff"), "a text that is not UTF-8");
    expect_refusal(tg_dict("x", "\xc0\xaf"), "a text that is not UTF-8"); /* too long for what it says */
    expect_refusal(tg_dict("\xe2\x98", 1), "a text that is not UTF-8");
    const tg_named_tensor twice[] = { { "w", tg_ones(tg_shape(1)) }, { "w", tg_ones(tg_shape(1)) } };
    expect_refusal(tg_dict("x", ((tg_named_tensor_list){ twice, 2 })), "the key \"w\" comes twice");
    tg_scope_end(scope);
}

/* In another scope than its own a dict would hold what is gone before it. */
TEST(test_scopes)
{
    IN_SCOPE;
    tg_object *outer = tg_object_list();
    const tg_scope inner = tg_scope_begin();
    assert_int_equal(tg_object_append(outer, 1), TG_FAILED);
    expect_error("can only be changed in the scope it was made in");
    tg_object *gone = tg_dict("x", outer);
    assert_int_equal(tg_object_count(tg_object_get(gone, "x")), 0); /* what is older lives longer */
    tg_scope_end(inner);
    tg_scope_end(scope);
}

TEST(test_depth)
{
    IN_SCOPE;
    tg_object *o = tg_object_list(1);
    int depth = 1;
    for (; depth < 200 && tg_ok(); depth++) o = tg_object_list(o);
    expect_error("more than 100 deep");
    assert_int_equal(depth, 101);
    o = tg_object_list(1);
    for (depth = 1; depth < 100 && tg_ok(); depth++) o = tg_object_list(o, o); /* twice as many each time */
    expect_error("more than 16777216 objects");
    assert_true(depth < 26);
    tg_scope_end(scope);
}

TEST(test_pending)
{
    IN_SCOPE;
    tg_fail("first", "an error that came before");
    assert_null(tg_dict("x", 1));
    assert_null(tg_object_of(1));
    assert_int_equal(tg_object_int(NULL, "x"), 0);
    assert_null(tg_object_get(NULL, "x"));
    assert_int_equal(tg_error_get().later, 0);
    expect_error("an error that came before");
    tg_scope_end(scope);
}

/* ---- printed ---- */

static char *printed(const tg_object *o)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    tg_object_fprint(file, o);
    fclose(file);
    return text;
}

TEST(test_print)
{
    IN_SCOPE;
    const tg_object *o = tg_dict("epoch", 3, "lr", 0.1, "name", "a\tb", "none", tg_object_none(), "betas",
                                 tg_object_tuple(0.9, (bool)true), "model", tg_dict("w", tg_ones(tg_shape(2, 3))), 7,
                                 tg_object_list(1, 2, 3, 4, 5, 6, 7, 8, 9), "empty", tg_dict(), "deep",
                                 tg_object_list(tg_dict("x", tg_scalar(1))));
    char *text = printed(o);
    assert_string_equal(text, "{\n"
                              "  epoch: 3\n"
                              "  lr: 0.1\n"
                              "  name: \"a?b\"\n"
                              "  none: None\n"
                              "  betas: (0.9, True)\n"
                              "  model: {\n"
                              "    w: float32[2, 3]\n"
                              "  }\n"
                              "  7: [1, 2, 3, ..., 7, 8, 9] of 9\n"
                              "  empty: {}\n"
                              "  deep: [\n"
                              "    {\n"
                              "      x: int64[]\n"
                              "    }\n"
                              "  ]\n"
                              "}\n");
    free(text);
    text = printed(NULL);
    assert_string_equal(text, "NULL\n");
    free(text);
    tg_scope_end(scope);
}

static double put_together(void)
{
    tg_tensor *t = tg_ones(tg_shape(3));
    tg_object *d = tg_dict("a", 1, "list", tg_object_list(0.5, "text", tg_list(t, t)), "t", t);
    for (int i = 0; i < 20; i++) tg_dict_set(d, i, i);
    const tg_object *o = tg_dict("d", d);
    return (double)tg_object_tensors(o).count * 100 + tg_object_number(o, "d.19");
}

TEST(test_failing_allocations) { fail_each_allocation(put_together); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_every_kind), T(test_dicts), T(test_nested_calls),        T(test_state_dicts), T(test_paths),
        T(test_numbers),    T(test_items), T(test_what_cannot_be),      T(test_scopes),      T(test_depth),
        T(test_pending),    T(test_print), T(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
