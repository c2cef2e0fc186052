/* test_conv.c: convolutions, pooling and resampling as a program sees them: options at their zeros, modules, threads. What
 * the ops compute is tested from their descriptors. */
#include "tests/support/suite.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static void assert_shape(const tg_tensor *t, tg_shape expected)
{
    char a[TG_SHAPE_TEXT], b[TG_SHAPE_TEXT];
    assert_non_null(t);
    const tg_shape shape = tg_shape_of(t);
    assert_string_equal(tg_shape_text(&shape, a), tg_shape_text(&expected, b));
}

/* ---- options ---- */

TEST(test_options)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(1, 2, 5, 6)), *w = tg_ones(tg_shape(2, 2, 3, 3)), *b = tg_ones(tg_shape(2));
    assert_shape(tg_conv2d(x, w), tg_shape(1, 2, 3, 4));
    assert_shape(tg_conv2d(x, w, .bias = b, .padding = TG_SAME), tg_shape(1, 2, 5, 6));
    assert_shape(tg_conv2d(x, w, .padding = tg_shape(0), .stride = tg_shape(2, 1)), tg_shape(1, 2, 2, 4));
    assert_true(tg_item(tg_select(tg_flatten(tg_conv2d(x, w, .bias = b)), 0, 0)) == 19);
    assert_shape(tg_conv_transpose2d(x, w, .stride = tg_shape(2), .output_padding = tg_shape(1, 0)),
                 tg_shape(1, 2, 12, 13));
    assert_shape(tg_max_pool2d(x, tg_shape(2), .ceil_mode = true), tg_shape(1, 2, 3, 3));
    assert_shape(tg_avg_pool2d(x, tg_shape(2), .count_include_pad = false), tg_shape(1, 2, 2, 3));
    assert_shape(tg_interpolate(x, .scale_factors = { 2, 0.5 }, .mode = "bilinear"), tg_shape(1, 2, 10, 3));
    assert_shape(tg_interpolate(x, .size = tg_shape(3)), tg_shape(1, 2, 3, 3));
    assert_false(tg_failed());

    assert_null(tg_conv2d(x, w, .groups = 0));
    expect_error("non-positive groups");
    assert_null(tg_conv2d(x, w, .stride = tg_shape(0)));
    expect_error("non-positive stride");
    assert_null(tg_max_pool2d_with_indices(x, tg_shape(2), .stride = tg_shape(0)).indices);
    expect_error("stride should not be zero");
    assert_null(tg_avg_pool2d(x, tg_shape(2), .divisor_override = 0));
    expect_error("divisor must be not zero");
    assert_null(tg_interpolate(x, .scale_factor = 0));
    expect_error("Input and output sizes should be greater than 0");
    assert_null(tg_interpolate(x, .scale_factor = 2, .scale_factors = { 2, 2 }));
    expect_error("give scale_factor or scale_factors, not both");
    assert_null(tg_conv2d(tg_ones(tg_shape(1, 3, 4, 4)), w, .bias = b));
    assert_null(tg_conv2d(x, w, .bias = tg_conv2d(x, b))); /* a failed bias is not an omitted one */
    expect_error("Given groups=1");
    tg_scope_end(scope);
}

/* ---- the same bits from any number of threads and beside any neighbour ---- */

static void fill(tg_tensor *t)
{
    float *data = tg_mutable_data(t, TG_FLOAT32);
    for (int64_t i = 0; i < tg_numel(t); i++) data[i] = (float)((i * 7919 + 31) % 1009) / 512 - 1;
}

/* The result and the three gradients one behind the other. */
static float *all_of(int threads, int64_t groups, int64_t stride, int64_t *count)
{
#ifdef _OPENMP
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
    tg_scope scope = tg_scope_begin();
    tg_tensor *t[4] = { tg_zeros(tg_shape(3, 16, 29, 31)), tg_zeros(tg_shape(16, 16 / groups, 3, 3)),
                        tg_zeros(tg_shape(16)) };
    for (int i = 0; i < 3; i++) fill(t[i]), tg_requires_grad_(t[i], true);
    tg_tensor *y =
        tg_conv2d(t[0], t[1], .bias = t[2], .groups = groups, .stride = tg_shape(stride), .padding = tg_shape(1));
    t[3] = tg_zeros(tg_shape_of(y));
    fill(t[3]);
    tg_tensor_list g = tg_grad(tg_list(y), tg_list(t[0], t[1], t[2]), .grad_outputs = { t[3] });
    *count = tg_numel(y);
    for (int i = 0; i < 3; i++) *count += tg_numel(t[i]);
    float *values = malloc((size_t)*count * sizeof *values), *at = values;
    assert_non_null(values);
    for (int i = -1; i < 3; i++) {
        tg_tensor *from = i < 0 ? y : g.items[i];
        memcpy(at, tg_data(from, TG_FLOAT32), (size_t)tg_numel(from) * sizeof *at);
        at += tg_numel(from);
    }
    tg_scope_end(scope);
#ifdef _OPENMP
    omp_set_num_threads(before);
#endif
    return values;
}

TEST(test_threads_change_no_bit)
{
    for (int64_t groups = 1; groups <= 16; groups *= 4)
        for (int64_t stride = 1; stride <= 2; stride++) {
            int64_t n, m;
            float *one = all_of(1, groups, stride, &n), *three = all_of(3, groups, stride, &m);
            assert_int_equal(n, m);
            assert_memory_equal(one, three, (size_t)n * sizeof *one);
            free(one);
            free(three);
        }
}

/* An image's result is the same alone and in a batch. */
TEST(test_batches_change_no_bit)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_zeros(tg_shape(5, 17, 13, 15)), *w = tg_zeros(tg_shape(19, 17, 3, 3));
    fill(x), fill(w);
    tg_tensor *all = tg_conv2d(x, w, .padding = tg_shape(1));
    const int64_t size = tg_numel(all) / 5;
    for (int64_t n = 0; n < 5; n++) {
        tg_tensor *one = tg_conv2d(tg_narrow(x, 0, n, 1), w, .padding = tg_shape(1));
        assert_memory_equal((const float *)tg_data(all, TG_FLOAT32) + n * size, tg_data(one, TG_FLOAT32),
                            (size_t)size * sizeof(float));
    }
    tg_scope_end(scope);
}

/* ---- modules ---- */

TEST(test_modules_print_as_pytorch_prints_them)
{
    char text[4096];
    tg_module *m = TG_MODULE(tg_sequential_new(
        tg_conv2d_new(3, 6, tg_shape(3, 2), .stride = tg_shape(2, 1), .padding = tg_shape(1, 0),
                      .dilation = tg_shape(2), .groups = 3, .bias = false),
        tg_conv2d_new(6, 4, tg_shape(3), .padding = TG_SAME), tg_conv1d_new(3, 4, tg_shape(3), .padding = tg_shape(1)),
        tg_conv_transpose2d_new(3, 4, tg_shape(3), .stride = tg_shape(2), .output_padding = tg_shape(1)),
        tg_max_pool2d_new(tg_shape(3, 2), .stride = tg_shape(2), .padding = tg_shape(1), .ceil_mode = true),
        tg_avg_pool2d_new(tg_shape(3), .stride = tg_shape(2), .padding = tg_shape(1)), tg_avg_pool1d_new(tg_shape(2)),
        tg_adaptive_avg_pool2d_new(tg_shape(1)), tg_adaptive_max_pool2d_new(tg_shape(2, 3)), tg_flatten_new(),
        tg_unflatten_new(1, tg_shape(2, 3)), tg_upsample_new(.scale_factor = 2),
        tg_upsample_new(.size = tg_shape(3, 4), .mode = "bilinear"), tg_pixel_shuffle_new(2)));
    FILE *file = tmpfile();
    assert_non_null(file);
    tg_module_fprint(file, m);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    while (strlen(text) && text[strlen(text) - 1] == 10) text[strlen(text) - 1] = 0;
    assert_string_equal(
        text,
        "Sequential(\n"
        "  (0): Conv2d(3, 6, kernel_size=(3, 2), stride=(2, 1), padding=(1, 0), dilation=(2, 2), groups=3, bias=False)\n"
        "  (1): Conv2d(6, 4, kernel_size=(3, 3), stride=(1, 1), padding=same)\n"
        "  (2): Conv1d(3, 4, kernel_size=(3,), stride=(1,), padding=(1,))\n"
        "  (3): ConvTranspose2d(3, 4, kernel_size=(3, 3), stride=(2, 2), output_padding=(1, 1))\n"
        "  (4): MaxPool2d(kernel_size=(3, 2), stride=2, padding=1, dilation=1, ceil_mode=True)\n"
        "  (5): AvgPool2d(kernel_size=3, stride=2, padding=1)\n"
        "  (6): AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))\n"
        "  (7): AdaptiveAvgPool2d(output_size=1)\n"
        "  (8): AdaptiveMaxPool2d(output_size=(2, 3))\n"
        "  (9): Flatten(start_dim=1, end_dim=-1)\n"
        "  (10): Unflatten(dim=1, unflattened_size=(2, 3))\n"
        "  (11): Upsample(scale_factor=2.0, mode=nearest)\n"
        "  (12): Upsample(size=(3, 4), mode=bilinear)\n"
        "  (13): PixelShuffle(upscale_factor=2)\n"
        ")");
    tg_module_free(m);
}

static void assert_weight(const tg_conv *m, double first, double bias)
{
    double w[256], b[16];
    assert_true(tg_to_array(m->weight, w, tg_numel(m->weight)) == TG_OK);
    assert_true(tg_to_array(m->bias, b, tg_numel(m->bias)) == TG_OK);
    assert_true(fabs(w[0] - first) < 1e-8 && fabs(b[0] - bias) < 1e-8);
}

/* PyTorch's numbers from the same seed. */
TEST(test_parameters_are_drawn_as_pytorch_draws_them)
{
    tg_manual_seed(0);
    tg_conv *a = tg_conv2d_new(2, 3, tg_shape(2));
    assert_weight(a, -0.0026469905860722065, -0.05698692053556442);
    tg_manual_seed(0);
    tg_conv *b = tg_conv_transpose2d_new(2, 3, tg_shape(2));
    assert_weight(b, -0.0021612588316202164, -0.046529628336429596);
    tg_manual_seed(0);
    tg_conv *c = tg_conv2d_new(4, 6, tg_shape(3), .groups = 2);
    assert_weight(c, -0.0017646604683250189, -0.012987101450562477);
    tg_module_free(a);
    tg_module_free(b);
    tg_module_free(c);
}

TEST(test_a_small_network_trains)
{
    tg_manual_seed(1);
    tg_module *net =
        TG_MODULE(tg_sequential_new(tg_conv2d_new(1, 4, tg_shape(3), .padding = tg_shape(1)), tg_relu_new(),
                                    tg_max_pool2d_new(tg_shape(2)), tg_flatten_new(), tg_linear_new(64, 2)));
    tg_tensor *x = tg_keep(tg_randn(tg_shape(8, 1, 8, 8))), *y = tg_keep(tg_randint(0, 2, tg_shape(8)));
    tg_optimizer *adam = tg_adam_new(tg_parameters(net), .lr = 1e-2);
    double first = 0, last = 0;
    for (int step = 0; step < 60; step++) {
        tg_scope scope = tg_scope_begin();
        tg_zero_grad(adam);
        tg_tensor *loss = tg_cross_entropy(tg_module_forward(net, x), y);
        tg_backward(loss);
        tg_step(adam);
        last = tg_item(loss);
        if (step == 0) first = last;
        tg_scope_end(scope);
    }
    assert_false(tg_failed());
    assert_true(last < first / 10);
    tg_release(x);
    tg_release(y);
    tg_optimizer_free(adam);
    tg_module_free(net);
}

TEST(test_module_errors)
{
    assert_null(tg_conv2d_new(3, 4, tg_shape(3), .groups = 2));
    expect_error("in_channels must be divisible by groups");
    assert_null(tg_conv2d_new(4, 4, tg_shape(3), .groups = 0));
    expect_error("groups must be a positive integer");
    assert_null(tg_conv2d_new(4, 4, tg_shape(3, 3, 3)));
    expect_error("a size has one entry, or one for each spatial dimension");
    assert_null(tg_conv2d_new(4, 4, tg_shape(3), .padding = TG_SAME, .stride = tg_shape(2)));
    expect_error("padding='same' is not supported for strided convolutions");
    tg_conv *none = NULL;
    assert_null(tg_conv_forward(none, tg_ones(tg_shape(1))));
    expect_error("the module is NULL");
}

/* A window that lies in the padding alone has no element: its gradient goes nowhere, in no plane. */
TEST(test_windows_of_nothing)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(1, 2, 1, 256), .requires_grad = true);
    tg_tensor *y =
        tg_max_pool2d(x, tg_shape(2, 2), .stride = tg_shape(1), .padding = tg_shape(1), .dilation = tg_shape(2, 1));
    assert_shape(y, tg_shape(1, 2, 1, 257));
    assert_true(tg_item(tg_max(y)) == -INFINITY);
    tg_tensor *g = tg_grad(tg_list(y), tg_list(x), .grad_outputs = { tg_ones_like(y) }, .create_graph = true).items[0];
    assert_true(tg_item(tg_sum(tg_abs(g))) == 0);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_options),
        T(test_threads_change_no_bit),
        T(test_batches_change_no_bit),
        T(test_modules_print_as_pytorch_prints_them),
        T(test_parameters_are_drawn_as_pytorch_draws_them),
        T(test_a_small_network_trains),
        T(test_module_errors),
        T(test_windows_of_nothing),
    };
    return cmocka_run_group_tests_name("conv", tests, NULL, NULL);
}
