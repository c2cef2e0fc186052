/* test_parametrize.c: weight_norm, spectral_norm and the fusion of batch norms against PyTorch's golden values
 * (tests/golden/state.py), through training, evaluation and removal; copies, states, and what is refused. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/golden.h"
#include "tests/support/names.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include <stdio.h>
#include <string.h>

static const double tolerance = 1e-13;

/* ---- against PyTorch ---- */

static tg_module *layer_new(const char *kind, bool bias)
{
    if (strcmp(kind, "Linear") == 0) return TG_MODULE(tg_linear_new(3, 4, .bias = bias));
    if (strcmp(kind, "Conv2d") == 0) return TG_MODULE(tg_conv2d_new(2, 3, tg_shape(2), .bias = bias));
    if (strcmp(kind, "ConvTranspose1d") == 0)
        return TG_MODULE(tg_conv_transpose1d_new(3, 2, tg_shape(2), .bias = bias));
    if (strcmp(kind, "LSTM") == 0) return TG_MODULE(tg_lstm_new(2, 3));
    if (strcmp(kind, "Bilinear") == 0) return TG_MODULE(tg_bilinear_new(3, 3, 2));
    if (strcmp(kind, "MultiheadAttention") == 0) return TG_MODULE(tg_multihead_attention_new(4, 2));
    assert_string_equal(kind, "GRUCell");
    return TG_MODULE(tg_gru_cell_new(2, 3));
}

static tg_tensor *output_of(tg_module *m, tg_tensor *x)
{
    tg_bilinear *bilinear = tg_module_as(m, tg_bilinear);
    if (bilinear) return tg_bilinear_forward(bilinear, x, x);
    tg_multihead_attention *attention = tg_module_as(m, tg_multihead_attention);
    return attention ? tg_multihead_attention_forward(attention, x, x, x).output : tg_module_forward(m, x);
}

static void assert_state(const golden *g, const char *prefix, tg_module *m)
{
    const tg_named_tensor_list state = tg_state_dict(m);
    for (int64_t i = 0; i < state.count; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s.%s", prefix, state.items[i].name);
        golden_assert(g, key, state.items[i].tensor, tolerance);
    }
}

static void train(const golden *g, tg_module *m, tg_tensor *x)
{
    tg_optimizer *sgd = tg_sgd_new(tg_parameters(m), .lr = 0.1);
    double losses[3];
    for (int i = 0; i < 3; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(sgd);
        tg_tensor *y = output_of(m, x), *loss = tg_mean(tg_mul(y, y));
        losses[i] = tg_item(loss);
        tg_backward(loss);
        tg_step(sgd);
        tg_scope_end(step);
    }
    golden_assert(g, "losses", tg_tensor_of(losses[0], losses[1], losses[2]), tolerance);
    tg_optimizer_free(sgd);
}

static void check_parametrised(const golden *g)
{
    const bool weight = strcmp(golden_string(g, "what"), "weight_norm") == 0;
    const char *name = golden_string(g, "name");
    const int64_t dim = golden_int(g, "dim"), iterations = golden_int(g, "n_power_iterations");
    tg_manual_seed((uint64_t)golden_int(g, "seed"));
    tg_module *m = layer_new(golden_string(g, "module"), true);
    if (weight)
        tg_weight_norm(m, name, .dim = dim);
    else
        tg_spectral_norm(m, name, .dim = dim, .n_power_iterations = iterations);
    tg_tensor *x = golden_tensor(g, "input", TG_FLOAT64);
    assert_names(tg_state_dict(m), golden_string(g, "keys"));
    assert_state(g, "initial", m);
    tg_module *copy = tg_module_copy(m);
    train(g, m, x);
    tg_module_eval(m);
    golden_assert(g, "output", output_of(m, x), tolerance);
    assert_state(g, "final", m);
    assert_int_equal(weight ? tg_remove_weight_norm(m, name) : tg_remove_spectral_norm(m, name), TG_OK);
    assert_names(tg_state_dict(m), golden_string(g, "keys_after"));
    golden_assert(g, "weight", tg_get_parameter(m, name), tolerance);
    golden_assert(g, "output", output_of(m, x), tolerance);
    tg_module_free(m);
    assert_state(g, "initial", copy); /* a copy has its own, and trains the same */
    train(g, copy, x);
    tg_module_eval(copy);
    golden_assert(g, "output", output_of(copy, x), tolerance);
    tg_module *second = tg_module_copy(copy);
    tg_module_free(copy);
    golden_assert(g, "output", output_of(second, x), tolerance);
    tg_module_free(second);
}

static void check_fused(const golden *g)
{
    const char *kind = golden_string(g, "module");
    const bool linear = strcmp(kind, "Linear") == 0, affine = golden_int(g, "affine");
    tg_manual_seed((uint64_t)golden_int(g, "seed"));
    tg_module *m = layer_new(kind, golden_int(g, "bias"));
    const int64_t features = linear ? 4 : strcmp(kind, "Conv2d") == 0 ? 3 : 2;
    tg_batch_norm *bn = strcmp(kind, "Conv2d") == 0 ? tg_batch_norm2d_new(features, .eps = 0.1, .affine = affine)
                                                    : tg_batch_norm1d_new(features, .eps = 0.1, .affine = affine);
    tg_module_eval(m);
    tg_module_eval(bn);
    const tg_named_tensor_list state = tg_state_dict(bn);
    for (int64_t i = 0; i < state.count; i++)
        if (tg_dtype_of(state.items[i].tensor) == TG_FLOAT64) tg_init_uniform_(state.items[i].tensor, 0.5, 1.5);
    tg_tensor *x = golden_tensor(g, "input", TG_FLOAT64);
    tg_module *both = linear ? TG_MODULE(tg_fuse_linear_bn_eval((tg_linear *)m, bn))
                             : TG_MODULE(tg_fuse_conv_bn_eval((tg_conv *)m, bn));
    if (golden_has(g, "weight")) {
        golden_assert(g, "weight", tg_get_parameter(both, "weight"), tolerance);
        golden_assert(g, "bias", tg_get_parameter(both, "bias"), tolerance);
    }
    golden_assert(g, "output", tg_module_forward(both, x), tolerance);
    golden_assert(g, "output", tg_batch_norm_forward(bn, tg_module_forward(m, x)), tolerance);
    tg_module_free(both);
    tg_module_free(bn);
    tg_module_free(m);
}

TEST(test_golden)
{
    tg_set_default_dtype(TG_FLOAT64);
    golden *g = golden_open("state.txt");
    while (golden_next(g)) {
        IN_SCOPE;
        (strcmp(golden_string(g, "what"), "fuse") == 0 ? check_fused : check_parametrised)(g);
        if (tg_failed()) fail_msg("%s: %s", golden_case(g), tg_error_message());
        tg_scope_end(scope);
    }
    golden_close(g);
    tg_set_default_dtype(TG_FLOAT32);
}

/* ---- fields, states, no gradients ---- */

TEST(test_field)
{
    IN_SCOPE;
    tg_manual_seed(1);
    tg_linear *m = tg_linear_new(3, 2), *plain = tg_module_copy(m);
    tg_tensor *x = tg_randn(tg_shape(4, 3), .requires_grad = true), *before = tg_clone(tg_detach(m->weight));
    tg_tensor *v = m->weight;
    assert_int_equal(tg_weight_norm(m, "weight"), TG_OK);
    assert_ptr_equal(tg_get_parameter(m, "weight_v"), v);
    assert_true(tg_allclose(m->weight, before));
    tg_tensor *computed = m->weight;
    tg_scope step = tg_scope_begin();
    tg_tensor *y = tg_linear_forward(m, x);
    assert_true(tg_allclose(y, tg_linear_forward(plain, x)));
    tg_backward(tg_sum(tg_mul(y, y)));
    tg_backward(tg_sum(tg_mul(tg_linear_forward(plain, x), tg_linear_forward(plain, x))));
    tg_scope_end(step);
    assert_true(m->weight != computed && tg_allclose(m->weight, before)); /* it outlives the scope it was made in */
    /* dg = dw . v / |v|, and dv is what is left across v: g = |v| here */
    tg_tensor *dw = tg_grad_of(plain->weight), *norm = tg_norm(before, .dim = 1, .keepdim = true);
    tg_tensor *unit = tg_div(before, norm), *dg = tg_sum(tg_mul(dw, unit), .dim = 1, .keepdim = true);
    assert_true(tg_allclose(tg_grad_of(tg_get_parameter(m, "weight_g")), dg, .atol = 1e-5));
    assert_true(tg_allclose(tg_grad_of(v), tg_sub(dw, tg_mul(dg, unit)), .atol = 1e-5));
    const tg_scope quiet = tg_no_grad_begin();
    tg_mul_(tg_get_parameter(m, "weight_g"), 2);
    assert_true(tg_allclose(tg_sub(tg_linear_forward(m, x), m->bias),
                            tg_mul(tg_sub(tg_linear_forward(plain, x), plain->bias), 2), .atol = 1e-5));
    tg_scope_end(quiet);
    tg_linear *other = tg_linear_new(3, 2);
    tg_weight_norm(other, "weight");
    assert_int_equal(tg_load_state_dict(other, tg_state_dict(m)), TG_OK);
    assert_true(tg_equal(tg_linear_forward(other, x), tg_linear_forward(m, x)));
    assert_int_equal(tg_load_state_dict(m, tg_state_dict(plain)), TG_FAILED);
    expect_error(
        "Missing key(s) in state_dict: \"weight_g\", \"weight_v\". \n\tUnexpected key(s) in state_dict: \"weight\"");
    tg_module_free(other);
    tg_module_free(plain);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Both on one module, with users' hooks; in a dtype chosen later; and one of many parameters, which has a table of names. */
TEST(test_together)
{
    IN_SCOPE;
    tg_manual_seed(2);
    tg_lstm *m = tg_lstm_new(2, 3, .num_layers = 3, .bidirectional = true);
    tg_tensor *x = tg_randn(tg_shape(4, 1, 2));
    tg_tensor *before = tg_lstm_forward(m, x).output;
    assert_int_equal(tg_weight_norm(m, "weight_ih_l1", .dim = 1), TG_OK);
    assert_int_equal(tg_weight_norm(m, "weight_hh_l2_reverse", .dim = TG_WHOLE_WEIGHT), TG_OK);
    assert_int_equal(tg_spectral_norm(m, "weight_hr_l0"), TG_FAILED);
    expect_error("LSTM has no parameter 'weight_hr_l0'");
    assert_true(tg_allclose(tg_lstm_forward(m, x).output, before, .atol = 1e-6));
    assert_int_equal(tg_spectral_norm(m, "weight_hh_l0"), TG_OK);
    assert_non_null(tg_get_buffer(m, "weight_hh_l0_u"));
    tg_lstm *copy = tg_module_copy(m);
    tg_module_to(copy, TG_FLOAT64);
    tg_tensor *y = tg_lstm_forward(copy, tg_to(x, TG_FLOAT64)).output;
    assert_int_equal(tg_dtype_of(y), TG_FLOAT64);
    assert_true(tg_allclose(tg_to(y, TG_FLOAT32), tg_lstm_forward(m, x).output, .atol = 1e-5));
    tg_module_free(m);
    assert_int_equal(tg_remove_weight_norm(copy, "weight_ih_l1"), TG_OK);
    assert_ptr_equal(copy->core.weights[2].weight_ih, tg_get_parameter(copy, "weight_ih_l1"));
    assert_int_equal(tg_remove_spectral_norm(copy, "weight_hh_l0"), TG_OK);
    assert_int_equal(tg_state_dict(copy).count, 3 * 2 * 4 + 1);
    assert_non_null(tg_lstm_forward(copy, tg_to(x, TG_FLOAT64)).output);
    tg_module_free(copy);
    tg_scope_end(scope);
}

/* ---- refused ---- */

TEST(test_errors)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(3, 2);
    assert_int_equal(tg_weight_norm(m, "weight", .dim = 2), TG_FAILED);
    expect_error("'weight' has 2 dimensions, and no dimension 2");
    assert_int_equal(tg_weight_norm(m, "none"), TG_FAILED);
    expect_error("Linear has no parameter 'none'");
    assert_int_equal(tg_weight_norm(m, NULL), TG_FAILED);
    expect_error("Linear has no parameter ''");
    assert_int_equal(tg_spectral_norm(m, "weight", .n_power_iterations = 0), TG_FAILED);
    expect_error("Expected n_power_iterations to be positive, but got n_power_iterations=0");
    assert_int_equal(tg_spectral_norm(m, "bias", .dim = 1), TG_FAILED);
    expect_error("'bias' has 1 dimensions, and no dimension 1");
    assert_int_equal(tg_remove_weight_norm(m, "weight"), TG_FAILED);
    expect_error("weight_norm of 'weight' not found in Linear");
    tg_register_buffer(m, "weight_v", tg_ones(tg_shape(1)));
    assert_int_equal(tg_weight_norm(m, "weight"), TG_FAILED); /* half of the way it is undone */
    expect_error("attribute 'weight_v' already exists");
    assert_int_equal(tg_state_dict(m).count, 3);
    assert_int_equal(tg_spectral_norm(m, "bias"), TG_OK);
    assert_int_equal(tg_spectral_norm(m, "bias"), TG_FAILED);
    expect_error("Cannot register two spectral_norm hooks on the same parameter bias");
    assert_int_equal(tg_remove_weight_norm(m, "bias"), TG_FAILED);
    expect_error("weight_norm of 'bias' not found in Linear");
    tg_batch_norm *bn = tg_batch_norm1d_new(2), *wide = tg_batch_norm1d_new(3);
    assert_null(tg_fuse_linear_bn_eval(m, bn));
    expect_error("Fusion only for eval!");
    tg_module_eval(m);
    tg_module_eval(wide);
    assert_null(tg_fuse_linear_bn_eval(m, wide));
    expect_error("Linear has 2 outputs and BatchNorm1d 3 features");
    tg_module_eval(bn);
    assert_null(tg_fuse_linear_bn_eval(m, bn));
    expect_error("fuse_linear_bn_eval: Linear has a spectral_norm; remove it before, by tg_remove_spectral_norm");
    tg_remove_spectral_norm(m, "bias");
    tg_module *both = TG_MODULE(tg_fuse_linear_bn_eval(m, bn));
    assert_non_null(both);
    tg_module_free(both);
    tg_conv *conv = tg_conv1d_new(1, 2, tg_shape(1));
    tg_module_eval(conv);
    tg_weight_norm(conv, "weight");
    assert_null(tg_fuse_conv_bn_eval(conv, bn));
    expect_error("fuse_conv_bn_eval: Conv1d has a weight_norm; remove it before, by tg_remove_weight_norm");
    tg_module_free(conv);
    tg_module_free(wide);
    tg_module_free(bn);
    tg_module_free(m);
    tg_scope_end(scope);
}

static double run(void)
{
    tg_manual_seed(1);
    tg_lstm *m = tg_lstm_new(2, 2);
    if (tg_failed()) { /* its weights may never have been drawn */
        tg_module_free(m);
        return 0;
    }
    tg_weight_norm(m, "weight_hh_l0");
    tg_spectral_norm(m, "weight_ih_l0");
    tg_lstm *copy = tg_module_copy(m);
    tg_backward(tg_sum(tg_lstm_forward(copy, tg_ones(tg_shape(2, 1, 2))).output));
    tg_remove_weight_norm(copy, "weight_hh_l0");
    const double result = tg_failed() ? 0 : 1 + tg_item(tg_sum(copy->core.weights[0].weight_hh));
    tg_module_free(copy);
    tg_module_free(m);
    return result;
}

TEST(test_each_allocation) { fail_each_allocation(run); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_golden), T(test_field), T(test_together), T(test_errors), T(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
