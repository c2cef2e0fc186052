/* test_nn_activation.c: each activation as a module is its function with the same options; 32 modules in a row. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

TEST(test_activations)
{
    tg_scope scope = tg_scope_begin();
    tg_sequential *all = tg_sequential_new(tg_relu_new(), tg_sigmoid_new(), tg_tanh_new(), tg_softmax_new(0),
                                           tg_log_softmax_new(1), tg_flatten_new(.start_dim = 0));
    tg_tensor *x = tg_randn(tg_shape(2, 3));
    tg_tensor *expected[] = { tg_relu(x),       tg_sigmoid(x),        tg_tanh(x),
                              tg_softmax(x, 0), tg_log_softmax(x, 1), tg_flatten(x, 0, -1) };
    for (int i = 0; i < 6; i++) {
        double values[6];
        tg_to_array(expected[i], values, 6);
        tg_tensor *y = tg_module_forward(tg_children(all).items[i], x);
        assert_values(y, values, 6, 0);
        assert_int_equal(tg_ndim(y), tg_ndim(expected[i]));
    }
    tg_module_free(all);
    tg_scope_end(scope);
}

TEST(test_more_activations)
{
    enum { ALL = 21 };
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_mul(tg_randn(tg_shape(16)), 3);
    tg_module *modules[ALL] = { tg_relu6_new(),
                                tg_selu_new(),
                                tg_silu_new(),
                                tg_mish_new(),
                                tg_log_sigmoid_new(),
                                tg_softsign_new(),
                                tg_hardsigmoid_new(),
                                tg_hardswish_new(),
                                tg_tanhshrink_new(),
                                tg_gelu_new(),
                                tg_gelu_new(.approximate = "tanh"),
                                tg_leaky_relu_new(.negative_slope = 0.2),
                                tg_elu_new(.alpha = 2),
                                tg_celu_new(.alpha = 3),
                                tg_softplus_new(.beta = 0.5, .threshold = 1),
                                tg_hardtanh_new(.min_val = -2, .max_val = 0.5),
                                tg_softshrink_new(.lambd = 1),
                                tg_hardshrink_new(.lambd = 2),
                                tg_threshold_new(0.5, 20),
                                tg_glu_new(),
                                TG_MODULE(tg_prelu_new(.init = 0.75)) };
    tg_tensor *expected[ALL] = { tg_relu6(x),
                                 tg_selu(x),
                                 tg_silu(x),
                                 tg_mish(x),
                                 tg_log_sigmoid(x),
                                 tg_softsign(x),
                                 tg_hardsigmoid(x),
                                 tg_hardswish(x),
                                 tg_tanhshrink(x),
                                 tg_gelu(x),
                                 tg_gelu(x, .approximate = "tanh"),
                                 tg_leaky_relu(x, .negative_slope = 0.2),
                                 tg_elu(x, .alpha = 2),
                                 tg_celu(x, .alpha = 3),
                                 tg_softplus(x, .beta = 0.5, .threshold = 1),
                                 tg_hardtanh(x, .min_val = -2, .max_val = 0.5),
                                 tg_softshrink(x, .lambd = 1),
                                 tg_hardshrink(x, .lambd = 2),
                                 tg_threshold(x, 0.5, 20),
                                 tg_glu(x),
                                 tg_leaky_relu(x, .negative_slope = 0.75) };
    for (int i = 0; i < ALL; i++) {
        assert_true(tg_equal(tg_module_forward(modules[i], x), expected[i]));
        for (int j = 0; j < i; j++) assert_false(tg_equal(expected[i], expected[j]));
        tg_module_free(modules[i]);
    }
    tg_set_error_handler(NULL, NULL);
    tg_prelu *half_built = tg_prelu_new(.num_parameters = -1);
    assert_null(tg_module_forward(half_built, x));
    expect_error("negative dimension");
    tg_module_free(half_built);
    tg_module *unknown = tg_gelu_new(.approximate = "erf");
    assert_null(tg_module_forward(unknown, x));
    expect_error("approximate argument must be either none or tanh.");
    tg_set_error_handler(tg_default_error_handler, NULL);
    tg_module_free(unknown);
    tg_scope_end(scope);
}

/* As many as tg_sequential_new takes. */
TEST(test_long_sequential)
{
    tg_scope scope = tg_scope_begin();
#define FOUR tg_relu_new(), tg_tanh_new(), tg_sigmoid_new(), tg_identity_new()
    tg_sequential *all = tg_sequential_new(FOUR, FOUR, FOUR, FOUR, FOUR, FOUR, FOUR, FOUR);
#undef FOUR
    tg_tensor *x = tg_randn(tg_shape(3)), *y = x;
    for (int i = 0; i < 8; i++) y = tg_sigmoid(tg_tanh(tg_relu(y)));
    assert_int_equal(tg_children(all).count, 32);
    assert_true(tg_equal(tg_sequential_forward(all, x), y));
    tg_module_free(all);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_activations),
        T(test_more_activations),
        T(test_long_sequential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
