/* test_normalization.c: what the samples of the normalisations cannot say: running statistics, the modules (their texts and numbers
 * are PyTorch's), sizes of several blocks and tasks, and how exact the result is where the mean is large. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

/* 0, 1, 2^1.5, ... */
static tg_tensor *powers(int64_t n) { return tg_pow(tg_arange(0.0, (double)n, 1.0), 1.5); }

/* ---- modules ---- */

static void assert_prints(tg_module *m, const char *expected)
{
    char text[256];
    tg_module_format(m, text, sizeof text);
    assert_string_equal(text, expected);
    tg_module_free(m);
}

TEST(test_print)
{
    assert_prints(TG_MODULE(tg_layer_norm_new(tg_shape(8))), "LayerNorm((8,), eps=1e-05, elementwise_affine=True)");
    assert_prints(TG_MODULE(tg_layer_norm_new(tg_shape(3, 4), .eps = 1e-6, .elementwise_affine = false)),
                  "LayerNorm((3, 4), eps=1e-06, elementwise_affine=False)");
    assert_prints(TG_MODULE(tg_rms_norm_new(tg_shape(8))), "RMSNorm((8,), eps=None, elementwise_affine=True)");
    assert_prints(TG_MODULE(tg_rms_norm_new(tg_shape(8), .eps = 0)), "RMSNorm((8,), eps=0.0, elementwise_affine=True)");
    assert_prints(TG_MODULE(tg_group_norm_new(2, 6)), "GroupNorm(2, 6, eps=1e-05, affine=True)");
    assert_prints(TG_MODULE(tg_group_norm_new(3, 6, .affine = false)), "GroupNorm(3, 6, eps=1e-05, affine=False)");
    assert_prints(TG_MODULE(tg_batch_norm1d_new(5)),
                  "BatchNorm1d(5, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)");
    assert_prints(TG_MODULE(tg_batch_norm2d_new(64, .momentum = TG_CUMULATIVE_AVERAGE, .affine = false)),
                  "BatchNorm2d(64, eps=1e-05, momentum=None, affine=False, track_running_stats=True)");
    assert_prints(TG_MODULE(tg_instance_norm1d_new(3)),
                  "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False)");
    assert_prints(TG_MODULE(tg_instance_norm2d_new(3, .affine = true, .track_running_stats = true, .eps = 1e-3)),
                  "InstanceNorm2d(3, eps=0.001, momentum=0.1, affine=True, track_running_stats=True)");
}

TEST(test_running_average)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_reshape(powers(12), tg_shape(4, 3));
    tg_batch_norm *m = tg_batch_norm1d_new(3);
    tg_batch_norm_forward(m, x);
    tg_batch_norm_forward(m, tg_mul(x, 2.0));
    VALUES(m->running_mean, 1e-6, 3.3997490406036377, 4.287870407104492, 5.301131725311279);
    VALUES(m->running_var, 1e-6, 69.779052734375, 87.95247650146484, 105.24546813964844);
    assert_true(tg_item(m->num_batches_tracked) == 2);
    assert_string_equal(tg_named_buffers(m).items[0].name, "running_mean");
    assert_string_equal(tg_named_buffers(m).items[2].name, "num_batches_tracked");
    assert_int_equal(tg_parameters(m).count, 2);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_cumulative_average)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_reshape(powers(12), tg_shape(4, 3)), *y = NULL;
    tg_batch_norm *m = tg_batch_norm1d_new(3, .momentum = TG_CUMULATIVE_AVERAGE);
    for (int i = 0; i < 2; i++) y = tg_module_forward(m, tg_add(x, 10.0 * i));
    VALUES(tg_select(y, 0, 0), 1e-6, -1.1410090, -1.1936669, -1.2221076);
    VALUES(m->running_mean, 1e-6, 16.7232723236084, 19.78575897216797, 23.27976417541504);
    VALUES(m->running_var, 1e-6, 140.753173828125, 177.84178161621094, 213.13360595703125);
    tg_module_eval(m);
    VALUES(tg_select(tg_module_forward(m, x), 0, 1), 1e-6, -0.9716093, -0.8837729, -0.8287790);
    assert_true(tg_item(m->num_batches_tracked) == 2);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* Of no channels comes nothing, and its gradients, first and second, are empty. */
TEST(test_no_channels)
{
    const tg_shape shapes[] = { tg_shape(2, 0), tg_shape(2, 0, 3), tg_shape(0, 0), tg_shape(2, 3, 0) };
    for (int i = 0; i < 8; i++) {
        tg_scope scope = tg_scope_begin();
        const tg_shape shape = shapes[i / 2], channels = tg_shape(shape.dims[1]);
        tg_tensor *x = tg_ones(shape, .requires_grad = true), *w = tg_ones(channels, .requires_grad = true);
        tg_tensor *mean = tg_zeros(channels), *var = tg_ones(channels);
        tg_tensor *y = tg_batch_norm(x, mean, var, .weight = w, .bias = w, .training = i % 2 == 0);
        tg_tensor_list dx = tg_grad(tg_list(tg_sum(y)), tg_list(x), .create_graph = true);
        tg_tensor_list second = tg_grad(tg_list(tg_sum(tg_square(dx.items[0]))), tg_list(w), .allow_unused = true);
        const tg_shape of = tg_shape_of(dx.items[0]);
        assert_true(tg_shape_equal(&of, &shape) && second.count == 1);
        if (shape.dims[1] > 0) VALUES(var, 0, 1, 1, 1); /* no values, no statistics */
        tg_scope_end(scope);
    }
    tg_scope scope = tg_scope_begin();
    assert_null(tg_batch_norm(tg_ones(tg_shape(1, 0)), NULL, NULL, .training = true));
    expect_error("Expected more than 1 value per channel when training, got input size torch.Size([1, 0])");
    tg_scope_end(scope);
}

TEST(test_instance_norm_module)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_reshape(powers(12), tg_shape(2, 2, 3));
    tg_instance_norm *m = tg_instance_norm1d_new(2, .affine = true, .track_running_stats = true);
    VALUES(tg_select(tg_module_forward(m, x), 0, 0), 1e-6, -1.0896972, -0.2357978, 1.3254951, -1.1982691, -0.0513358,
           1.2496042);
    VALUES(m->running_mean, 1e-6, 0.9945507645606995, 1.9913691282272339);
    VALUES(m->running_var, 1e-6, 1.789351224899292, 2.472517251968384);
    tg_module_eval(m);
    VALUES(tg_select(tg_module_forward(m, x), 0, 1), 1e-6, 10.2434731, 13.1016674, 16.1720486, 15.9044762, 18.8443756,
           21.9351997);
    tg_module_free(m);
    m = tg_instance_norm1d_new(4);
    tg_tensor *alone = tg_instance_norm_forward(m, tg_reshape(x, tg_shape(4, 3)));
    assert_int_equal(tg_ndim(alone), 2);
    VALUES(tg_select(alone, 0, 0), 1e-6, -1.0896972, -0.2357978, 1.3254951);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_modules_without)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape(4, 6));
    tg_batch_norm *m = tg_batch_norm1d_new(6, .affine = false, .track_running_stats = false);
    tg_module_eval(m); /* the batch's own statistics all the same */
    double expected[24];
    tg_to_array(tg_batch_norm(x, NULL, NULL, .training = true), expected, 24);
    assert_values(tg_module_forward(m, x), expected, 24, 0);
    assert_int_equal(tg_parameters(m).count + tg_buffers(m).count, 0);
    tg_module_free(m);

    tg_layer_norm *layer = tg_layer_norm_new(tg_shape(6), .eps = 0.25, .dtype = TG_FLOAT64);
    tg_rms_norm *rms = tg_rms_norm_new(tg_shape(6), .elementwise_affine = false);
    tg_group_norm *group = tg_group_norm_new(2, 6);
    tg_tensor *wide = tg_to(x, TG_FLOAT64);
    tg_to_array(tg_layer_norm(wide, tg_shape(6), .eps = 0.25), expected, 24);
    assert_values(tg_module_forward(layer, wide), expected, 24, 1e-15);
    tg_to_array(tg_rms_norm(x, tg_shape(6)), expected, 24);
    assert_values(tg_module_forward(rms, x), expected, 24, 0);
    tg_to_array(tg_group_norm(x, 2), expected, 24);
    assert_values(tg_module_forward(group, x), expected, 24, 1e-6);
    tg_module_free(layer);
    tg_module_free(rms);
    tg_module_free(group);
    tg_scope_end(scope);
}

TEST(test_module_errors)
{
    tg_scope scope = tg_scope_begin();
    tg_batch_norm *one = tg_batch_norm1d_new(3), *two = tg_batch_norm2d_new(3);
    tg_instance_norm *instance = tg_instance_norm2d_new(3);
    assert_null(tg_batch_norm_forward(one, tg_ones(tg_shape(2, 3, 1, 1))));
    expect_error("expected 2D or 3D input (got 4D input)");
    assert_null(tg_batch_norm_forward(two, tg_ones(tg_shape(2, 3))));
    expect_error("expected 4D input (got 2D input)");
    assert_null(tg_instance_norm_forward(instance, tg_ones(tg_shape(2, 3))));
    expect_error("expected 3D or 4D input (got 2D input)");
    assert_null(tg_batch_norm_forward(one, tg_ones(tg_shape(1, 3))));
    expect_error("Expected more than 1 value per channel when training, got input size torch.Size([1, 3])");
    assert_true(tg_item(one->num_batches_tracked) == 1); /* counted before it is looked at, as in PyTorch */
    VALUES(one->running_mean, 0, 0, 0, 0);
    assert_null(tg_group_norm_new(4, 6));
    expect_error("num_channels must be divisible by num_groups");
    assert_null(tg_layer_norm_forward(NULL, tg_ones(tg_shape(3))));
    expect_error("LayerNorm");
    tg_module_free(one);
    tg_module_free(two);
    tg_module_free(instance);
    tg_scope_end(scope);
}

/* ---- running statistics ---- */

TEST(test_running_is_written)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_reshape(powers(12), tg_shape(4, 3)), *whole = tg_zeros(tg_shape(3, 2));
    tg_tensor *mean = tg_select(whole, 1, 0), *var = tg_select(whole, 1, 1); /* strided */
    tg_batch_norm(x, mean, var, .training = true, .momentum = 1);
    VALUES(mean, 1e-6, 11.7232723, 14.7857590, 18.2797642);
    assert_true(tg_version(mean) > 0);
    const int64_t version = tg_version(mean);
    tg_batch_norm(x, mean, var, .training = true, .momentum = 0); /* an explicit zero leaves them alone */
    VALUES(mean, 1e-6, 11.7232723, 14.7857590, 18.2797642);
    tg_batch_norm(x, mean, tg_ones(tg_shape(3)));
    assert_true(tg_version(mean) == version + 2); /* mean and var, written once; evaluation writes nothing */
    tg_tensor *one = tg_expand(tg_zeros(tg_shape(1)), tg_shape(3));
    assert_null(tg_batch_norm(x, one, NULL, .training = true));
    expect_error("more than one element of the written-to tensor");
    tg_scope_end(scope);
}

/* A later batch does not change what backward needs of an earlier one. */
TEST(test_running_moves_on)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape(4, 3), .requires_grad = true), *mean = tg_zeros(tg_shape(3));
    tg_tensor *var = tg_full(tg_shape(3), 3.0);
    tg_tensor *y = tg_batch_norm(x, mean, var, .eps = 1.0);
    tg_batch_norm(x, mean, var, .training = true);
    tg_tensor *g = tg_grad(tg_list(tg_sum(y)), tg_list(x)).items[0];
    for (int i = 0; i < 4; i++) VALUES(tg_select(g, 0, i), 1e-6, 0.5, 0.5, 0.5);
    tg_scope_end(scope);
}

/* ---- large ones ---- */

typedef tg_tensor *(*normalization)(tg_tensor *x, tg_tensor *w, tg_tensor *b);

static tg_tensor *by_layer(tg_tensor *x, tg_tensor *w, tg_tensor *b)
{
    return tg_layer_norm(x, tg_shape(tg_size(x, 1)), .weight = w, .bias = b);
}
static tg_tensor *by_batch(tg_tensor *x, tg_tensor *w, tg_tensor *b)
{
    return tg_batch_norm(x, NULL, NULL, .weight = w, .bias = b, .training = true);
}
static tg_tensor *by_group(tg_tensor *x, tg_tensor *w, tg_tensor *b)
{
    return tg_group_norm(x, tg_size(x, 1) % 4 == 0 ? 4 : 1, .weight = w, .bias = b);
}

static void assert_near(tg_tensor *a, tg_tensor *b, double tolerance, const char *what)
{
    double *x = elements(a), *y = elements(b);
    for (int64_t i = 0; i < tg_numel(a); i++)
        if (!(fabs(x[i] - y[i]) <= tolerance * (1 + fabs(y[i]))))
            fail_msg("%s: element %d is %.15g, not %.15g", what, (int)i, x[i], y[i]);
    free(x);
    free(y);
}

/* The gradients by loops and by ops, in double; and the result in float next to that in double. */
static void check_large(normalization f, tg_shape shape, int64_t parameters)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(shape, .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *w = tg_randn(tg_shape(parameters), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *b = tg_randn(tg_shape(parameters), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *g = tg_randn(shape, .dtype = TG_FLOAT64), *y = f(x, w, b);
    const tg_tensor_list inputs = tg_list(x, w, b);
    tg_tensor_list fused = tg_grad(tg_list(y), inputs, .grad_outputs = { g }, .retain_graph = true);
    tg_tensor_list ops = tg_grad(tg_list(y), inputs, .grad_outputs = { g }, .create_graph = true);
    for (int i = 0; i < 3; i++) assert_near(fused.items[i], ops.items[i], 1e-12, "gradient");
    tg_tensor *narrow = f(tg_to(x, TG_FLOAT32), tg_to(w, TG_FLOAT32), tg_to(b, TG_FLOAT32));
    assert_near(narrow, y, 2e-6, "float32");
    tg_scope_end(scope);
}

TEST(test_large)
{
    tg_manual_seed(1);
    check_large(by_layer, tg_shape(70, 1300), 1300); /* blocks of a row, chunks of rows */
    check_large(by_layer, tg_shape(1100, 70), 70);   /* several tasks */
    check_large(by_batch, tg_shape(300, 300), 300);  /* columns, in parts and chunks */
    check_large(by_batch, tg_shape(17, 33), 33);
    check_large(by_batch, tg_shape(5, 40, 30, 20), 40);
    check_large(by_batch, tg_shape(3, 300, 3), 300);
    check_large(by_batch, tg_shape(2, 2, 40000), 2);
    check_large(by_group, tg_shape(3, 520, 5), 520); /* more channels than are taken at once */
    check_large(by_group, tg_shape(20, 8, 700), 8);
    check_large(by_group, tg_shape(40, 36), 36);
}

/* The mean is a million times the deviation: rounding it to float would show in the third digit. */
TEST(test_large_mean)
{
    tg_scope scope = tg_scope_begin();
    tg_manual_seed(2);
    tg_tensor *x = tg_add(tg_randn(tg_shape(4, 1000)), 1e5);
    tg_tensor *wide = tg_layer_norm(tg_to(x, TG_FLOAT64), tg_shape(1000));
    assert_near(tg_layer_norm(x, tg_shape(1000)), wide, 2e-6, "layer_norm");
    assert_near(tg_reshape(tg_group_norm(tg_reshape(x, tg_shape(1, 4, 1000)), 4), tg_shape(4, 1000)), wide, 2e-6,
                "group_norm");
    tg_tensor *turned = tg_contiguous(tg_transpose(x, 0, 1));
    assert_near(tg_transpose(tg_batch_norm(turned, NULL, NULL, .training = true), 0, 1), wide, 2e-6, "batch_norm");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_print),
        T(test_running_average),
        T(test_cumulative_average),
        T(test_instance_norm_module),
        T(test_no_channels),
        T(test_modules_without),
        T(test_module_errors),
        T(test_running_is_written),
        T(test_running_moves_on),
        T(test_large),
        T(test_large_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
