/* test_nn_layers.c: Sequential, Dropout and the options of Linear. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(test_sequential)
{
    tg_scope scope = tg_scope_begin();
    tg_linear *first = tg_linear_new(3, 4), *last = tg_linear_new(4, 2);
    tg_sequential *net = tg_sequential_new(first, tg_sequential_new(tg_tanh_new(), tg_identity_new()), last);
    assert_int_equal(tg_sequential_append(net, tg_sigmoid_new()), TG_OK);
    tg_tensor *x = tg_randn(tg_shape(5, 3));
    tg_tensor *y = tg_sequential_forward(net, x);
    double expected[10];
    tg_to_array(tg_sigmoid(tg_linear_forward(last, tg_tanh(tg_linear_forward(first, x)))), expected, 10);
    assert_values(y, expected, 10, 0);
    tg_backward(tg_sum(y));
    assert_non_null(tg_grad_of(first->weight));
    char line[128];
    snprintf(line, sizeof line, "test_nn_layers.c:%d: Sequential.0 (Linear): linear: ", __LINE__ + 1);
    assert_null(tg_sequential_forward(net, tg_ones(tg_shape(5, 4))));
    expect_error(line);
    tg_sequential *empty = tg_sequential_new();
    assert_ptr_equal(tg_sequential_forward(empty, x), x);
    assert_int_equal(tg_parameters(empty).count, 0);
    tg_module_free(empty);
    tg_module_free(net);
    tg_scope_end(scope);
}

TEST(test_dropout)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(1000));
    tg_module *m = tg_dropout_new(0.25);
    tg_manual_seed(5);
    const double kept = tg_item(tg_sum(tg_module_forward(m, x)));
    assert_true(fabs(kept - 1000) < 80);
    tg_module_eval(m);
    assert_ptr_equal(tg_module_forward(m, x), x);
    assert_ptr_equal(tg_dropout(x, .p = 0), x);
    assert_ptr_equal(tg_dropout(x, .training = false), x);
    assert_true(tg_item(tg_sum(tg_dropout(x, .p = 1))) == 0);
    tg_module_free(m);
    assert_null(tg_dropout_new(1.5));
    expect_error("dropout probability has to be between 0 and 1, but got 1.5");
    assert_null(tg_dropout(x, .p = -0.5));
    expect_error("dropout probability has to be between 0 and 1, but got -0.5");
    assert_null(tg_dropout(x, .p = NAN));
    expect_error("dropout probability");
    assert_null(tg_dropout(tg_ones(tg_shape(2), .dtype = TG_INT64)));
    expect_error("result type Float can't be cast to the desired output type Long");
    tg_scope_end(scope);
}

static char warning[256];
static void remember_warning(const char *where, const char *message, void *context)
{
    (void)context;
    snprintf(warning, sizeof warning, "%s: %s", where ? where : "", message);
}

TEST(test_linear_options)
{
    tg_scope scope = tg_scope_begin();
    tg_linear *m = tg_linear_new(3, 2, .bias = false, .dtype = TG_FLOAT64);
    assert_null(m->bias);
    assert_int_equal(tg_parameters(m).count, 1);
    assert_int_equal(tg_dtype_of(m->weight), TG_FLOAT64);
    tg_tensor *x = tg_ones(tg_shape(3), .dtype = TG_FLOAT64);
    assert_int_equal(tg_ndim(tg_linear_forward(m, x)), 1);
    tg_module_free(m);
    tg_set_warning_handler(remember_warning, NULL);
    m = tg_linear_new(0, 3); /* no input features: the bias alone, drawn from U(0, 0) */
    assert_non_null(strstr(warning, "Initializing zero-element tensors is a no-op"));
    VALUES(tg_linear_forward(m, tg_ones(tg_shape(1, 0))), 0, 0, 0, 0);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Sizes that are 0 because what they come from failed: the error is what there is to tell. */
TEST(test_no_warning_behind_an_error)
{
    tg_scope scope = tg_scope_begin();
    tg_set_warning_handler(remember_warning, NULL);
    warning[0] = '\0';
    tg_vocabulary *letters = tg_load_vocabulary("/nowhere/letters.txt");
    assert_true(tg_failed());
    tg_module_free(tg_embedding_new(tg_vocabulary_size(letters), 3));
    tg_module_free(tg_linear_new(4, tg_vocabulary_size(letters)));
    assert_string_equal(warning, "");
    tg_error_clear();
    tg_module_free(tg_linear_new(4, 0));
    assert_non_null(strstr(warning, "Initializing zero-element tensors is a no-op"));
    tg_scope_end(scope);
}

TEST(test_a_mode_that_is_none)
{
    tg_scope scope = tg_scope_begin();
    char mode[] = "cubic", text[128];
    tg_module *m = tg_upsample_new(.scale_factor = 2, .mode = mode);
    memset(mode, '?', sizeof mode - 1); /* what was given need not live on */
    tg_module *copy = tg_module_copy(m);
    tg_module_free(m);
    tg_module_format(copy, text, sizeof text);
    assert_string_equal(text, "Upsample(scale_factor=2.0, mode=cubic)");
    assert_null(tg_module_forward(copy, tg_ones(tg_shape(1, 1, 4, 4))));
    expect_error("trilinear | area | nearest-exact (got cubic)");
    tg_module_free(copy);
    m = tg_upsample_new(.scale_factor = 2, .mode = NULL);
    assert_null(tg_module_forward(m, tg_ones(tg_shape(1, 1, 4, 4))));
    expect_error("(got None)");
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sequential),          T(test_dropout), T(test_linear_options), T(test_no_warning_behind_an_error),
        T(test_a_mode_that_is_none),
    };
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
