/* test_module_trees.c: trees of modules that are deep, wide, or reach one module in many ways. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <pthread.h>

static void count_linears(tg_module *m, void *count) { *(int *)count += tg_module_as(m, tg_linear) != NULL; }

enum { DEEP = 20000, WIDE = 32000 };

static void *use_a_deep_tree(void *fine)
{
    tg_scope scope = tg_scope_begin();
    tg_module *m = TG_MODULE(tg_linear_new(2, 2));
    for (int i = 0; i < DEEP; i++) m = TG_MODULE(tg_sequential_new(m));
    bool ok = tg_module_parameter_count(m) == 6 && tg_modules(m).count == DEEP + 1;
    int count = 0;
    tg_module_apply(m, count_linears, &count);
    tg_module_eval(m);
    tg_module_zero_grad(m);
    ok = ok && count == 1 && tg_module_to(m, TG_FLOAT64) == TG_OK && tg_module_format(m, NULL, 0) > DEEP;
    tg_module *copy = tg_module_copy(m);
    ok = ok && tg_module_parameter_count(copy) == 6 &&
         tg_register_module(tg_get_submodule(copy, "0.0.0"), "up", copy) != TG_OK;
    tg_error_clear();
    tg_module_free(copy);
    tg_module_free(m);
    tg_scope_end(scope);
    *(bool *)fine = ok;
    return NULL;
}

/* On the smallest stack: nothing recurses. */
TEST(test_deep_trees)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool fine = false;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attributes, use_a_deep_tree, &fine), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    assert_true(fine);
}

/* A forward is a call in a call: it works so deep, and is an error before the stack ends. */
TEST(test_deep_forward)
{
    tg_scope scope = tg_scope_begin();
    tg_module *m = TG_MODULE(tg_linear_new(2, 2));
    for (int i = 0; i < DEEP; i++) m = TG_MODULE(tg_sequential_new(m));
    assert_non_null(tg_module_forward(m, tg_ones(tg_shape(1, 2))));
    for (int i = 0; i < DEEP; i++) m = TG_MODULE(tg_sequential_new(m));
    assert_null(tg_module_forward(m, tg_ones(tg_shape(1, 2))));
    expect_error("maximum recursion depth exceeded");
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_wide_trees)
{
    tg_scope scope = tg_scope_begin();
    tg_sequential *m = tg_sequential_new();
    tg_parameter_list *list = tg_parameter_list_new();
    for (int i = 0; i < WIDE; i++) {
        tg_scope step = tg_scope_begin();
        tg_sequential_append(m, tg_identity_new());
        tg_parameter_list_append(list, tg_ones(tg_shape(1)));
        tg_scope_end(step);
    }
    tg_sequential_append(m, list);
    assert_int_equal(tg_sequential_len(m), WIDE + 1);
    int found = 0;
    for (int i = 0; i < WIDE; i++) found += tg_module_is(tg_sequential_get(m, i), "Identity");
    assert_int_equal(found, WIDE);
    const tg_named_tensor_list parameters = tg_named_parameters(m);
    assert_int_equal(parameters.count, WIDE);
    assert_string_equal(parameters.items[WIDE - 1].name, "32000.31999");
    assert_ptr_equal(tg_get_parameter(m, "32000.31999"), parameters.items[WIDE - 1].tensor);
    tg_sequential *copy = tg_module_copy(m);
    assert_int_equal(tg_module_parameter_count(copy), WIDE);
    tg_module_free(copy);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* 60 levels, each of which holds the one below twice: 2^60 ways, and 61 modules. */
TEST(test_shared_levels)
{
    tg_scope scope = tg_scope_begin();
    tg_module *m = TG_MODULE(tg_linear_new(2, 2));
    for (int i = 0; i < 60; i++) {
        tg_module_list *level = tg_module_list_new(m, m);
        m = TG_MODULE(level);
    }
    assert_int_equal(tg_module_parameter_count(m), 6);
    assert_int_equal(tg_modules(m).count, 61);
    int count = 0;
    tg_module_apply(m, count_linears, &count); /* once for each parent, as in PyTorch */
    assert_int_equal(count, 1);
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_deep_trees),
        T(test_deep_forward),
        T(test_wide_trees),
        T(test_shared_levels),
    };
    return cmocka_run_group_tests_name("module trees", tests, NULL, NULL);
}
