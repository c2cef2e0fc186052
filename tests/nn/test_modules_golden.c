/* test_modules_golden.c: modules from one tensor to one, Bilinear and AdaptiveLogSoftmaxWithLoss, against what PyTorch
 * computed (tests/golden/modules.txt): what print shows, initial weights, results and gradients. And what constructors refuse. */
#include "tests/support/suite.h"
#include "tests/support/golden_module.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <string.h>

/* ---- golden cases: PyTorch's call, and the one in C ---- */

#define IS(python, made)                                                                                               \
    if (strcmp(kind, python) == 0) return TG_MODULE(made)

static tg_module *border(const char *kind)
{
    IS("ConstantPad1d(2, 3.5)", tg_constant_pad1d_new(tg_shape(2), 3.5));
    IS("ConstantPad2d((1, 2, 3, 0), -1.0)", tg_constant_pad2d_new(tg_shape(1, 2, 3, 0), -1));
    IS("ConstantPad3d((0, 1, -1, 0, 1, 1), 0.5)", tg_constant_pad3d_new(tg_shape(0, 1, -1, 0, 1, 1), 0.5));
    IS("ZeroPad2d(1)", tg_zero_pad2d_new(tg_shape(1)));
    IS("ReflectionPad1d((3, 1))", tg_reflection_pad1d_new(tg_shape(3, 1)));
    IS("ReflectionPad2d((2, 0, 1, 1))", tg_reflection_pad2d_new(tg_shape(2, 0, 1, 1)));
    IS("ReflectionPad3d(1)", tg_reflection_pad3d_new(tg_shape(1)));
    IS("ReplicationPad1d((4, 1))", tg_replication_pad1d_new(tg_shape(4, 1)));
    IS("ReplicationPad2d(2)", tg_replication_pad2d_new(tg_shape(2)));
    IS("ReplicationPad3d((1, 2, 0, 1, 1, 0))", tg_replication_pad3d_new(tg_shape(1, 2, 0, 1, 1, 0)));
    return NULL;
}

static tg_module *convolution(const char *kind)
{
    char mode[16] = "circular"; /* gone before the module runs */
    IS("Conv1d(2, 3, 3, padding='same')", tg_conv1d_new(2, 3, tg_shape(3), .padding = TG_SAME));
    IS("Conv1d(2, 3, 4, padding='same', padding_mode='circular')",
       tg_conv1d_new(2, 3, tg_shape(4), .padding = TG_SAME, .padding_mode = mode));
    IS("Conv1d(4, 4, 3, stride=2, padding=2, padding_mode='reflect', groups=2)",
       tg_conv1d_new(4, 4, tg_shape(3), .stride = tg_shape(2), .padding = tg_shape(2), .padding_mode = "reflect",
                     .groups = 2));
    IS("Conv1d(2, 3, 2, padding=2, padding_mode='replicate')",
       tg_conv1d_new(2, 3, tg_shape(2), .padding = tg_shape(2), .padding_mode = "replicate"));
    IS("Conv2d(2, 3, (2, 3), padding='same', dilation=(1, 2))",
       tg_conv2d_new(2, 3, tg_shape(2, 3), .padding = TG_SAME, .dilation = tg_shape(1, 2)));
    IS("Conv2d(2, 3, (2, 3), padding='same', dilation=(1, 2), padding_mode='reflect', bias=False)",
       tg_conv2d_new(2, 3, tg_shape(2, 3), .padding = TG_SAME, .dilation = tg_shape(1, 2), .padding_mode = "reflect",
                     .bias = false));
    IS("Conv2d(2, 2, 3, padding=(1, 2), padding_mode='circular')",
       tg_conv2d_new(2, 2, tg_shape(3), .padding = tg_shape(1, 2), .padding_mode = mode));
    IS("Conv2d(2, 2, 3, padding=(1, 2), padding_mode='replicate')",
       tg_conv2d_new(2, 2, tg_shape(3), .padding = tg_shape(1, 2), .padding_mode = "replicate"));
    return NULL;
}

static tg_module *volume(const char *kind)
{
    IS("Conv3d(2, 2, 2)", tg_conv3d_new(2, 2, tg_shape(2)));
    IS("Conv3d(2, 2, (2, 1, 3), padding='same', padding_mode='replicate')",
       tg_conv3d_new(2, 2, tg_shape(2, 1, 3), .padding = TG_SAME, .padding_mode = "replicate"));
    IS("Conv3d(2, 4, 2, stride=(1, 2, 1), padding=1, groups=2, bias=False)",
       tg_conv3d_new(2, 4, tg_shape(2), .stride = tg_shape(1, 2, 1), .padding = tg_shape(1), .groups = 2,
                     .bias = false));
    IS("ConvTranspose3d(2, 2, 2, stride=(2, 1, 2), padding=(1, 0, 1), output_padding=(1, 0, 0))",
       tg_conv_transpose3d_new(2, 2, tg_shape(2), .stride = tg_shape(2, 1, 2), .padding = tg_shape(1, 0, 1),
                               .output_padding = tg_shape(1, 0, 0)));
    IS("MaxPool3d(2, stride=1)", tg_max_pool3d_new(tg_shape(2), .stride = tg_shape(1)));
    IS("AvgPool3d((1, 2, 2), padding=(0, 1, 1))", tg_avg_pool3d_new(tg_shape(1, 2, 2), .padding = tg_shape(0, 1, 1)));
    IS("AdaptiveAvgPool3d((2, None, 1))", tg_adaptive_avg_pool3d_new(tg_shape(2, TG_SAME_SIZE, 1)));
    IS("AdaptiveMaxPool3d(2)", tg_adaptive_max_pool3d_new(tg_shape(2)));
    IS("BatchNorm3d(2)", tg_batch_norm3d_new(2));
    IS("InstanceNorm3d(2, affine=True, track_running_stats=True)",
       tg_instance_norm3d_new(2, .affine = true, .track_running_stats = true));
    IS("InstanceNorm3d(2)", tg_instance_norm3d_new(2));
    return NULL;
}

static tg_module *other(const char *kind)
{
    IS("Upsample(scale_factor=2.5, mode='bicubic', align_corners=True)",
       tg_upsample_new(.scale_factor = 2.5, .mode = "bicubic", .align_corners = true));
    IS("RReLU()", tg_rrelu_new());
    IS("LPPool1d(2, 3)", tg_lp_pool1d_new(2, tg_shape(3)));
    IS("LPPool2d(1.2, (2, 3), stride=2, ceil_mode=True)",
       tg_lp_pool2d_new(1.2, tg_shape(2, 3), .stride = tg_shape(2), .ceil_mode = true));
    IS("Unfold((2, 3), padding=1)", tg_unfold_new(tg_shape(2, 3), .padding = tg_shape(1)));
    IS("Unfold(2, dilation=2, stride=(1, 2))",
       tg_unfold_new(tg_shape(2), .dilation = tg_shape(2), .stride = tg_shape(1, 2)));
    IS("Fold((4, 5), 2, stride=(2, 1))", tg_fold_new(tg_shape(4, 5), tg_shape(2), .stride = tg_shape(2, 1)));
    IS("ChannelShuffle(3)", tg_channel_shuffle_new(3));
    IS("LocalResponseNorm(3, alpha=0.5, beta=0.6, k=2.0)",
       tg_local_response_norm_new(3, .alpha = 0.5, .beta = 0.6, .k = 2));
    IS("LocalResponseNorm(2)", tg_local_response_norm_new(2));
    IS("Softmax2d()", tg_softmax2d_new());
    IS("UpsamplingNearest2d(scale_factor=2)", tg_upsampling_nearest2d_new(.scale_factor = 2));
    IS("UpsamplingBilinear2d(size=(3, 5))", tg_upsampling_bilinear2d_new(.size = tg_shape(3, 5)));
    IS("Bilinear(3, 2, 4)", tg_bilinear_new(3, 2, 4));
    IS("Bilinear(3, 2, 4, bias=False)", tg_bilinear_new(3, 2, 4, .bias = false));
    return NULL;
}

static tg_module *adaptive(const char *kind)
{
    IS("AdaptiveLogSoftmaxWithLoss(8, 9, [3, 6], div_value=2.0)",
       tg_adaptive_log_softmax_new(8, 9, tg_shape(3, 6), .div_value = 2));
    IS("AdaptiveLogSoftmaxWithLoss(8, 9, [3], div_value=2.0, head_bias=True)",
       tg_adaptive_log_softmax_new(8, 9, tg_shape(3), .div_value = 2, .head_bias = true));
    IS("AdaptiveLogSoftmaxWithLoss(4, 5, [2], div_value=2.0)",
       tg_adaptive_log_softmax_new(4, 5, tg_shape(2), .div_value = 2));
    return NULL;
}

static tg_module *build(const golden *g, const char *kind)
{
    tg_module *(*const all[])(const char *) = { border, convolution, volume, other, adaptive };
    tg_module *m = NULL;
    for (size_t i = 0; !m && i < sizeof all / sizeof *all; i++) m = all[i](kind);
    if (!m) fail_msg("%s: no such call here", golden_case(g));
    char text[1024];
    tg_module_format(m, text, sizeof text);
    for (char *at = text; (at = strchr(at, '\n')); at++) *at = '|';
    assert_string_equal(text, golden_string(g, "repr"));
    return m;
}

static tg_tensor *run(tg_module *m, golden_inputs in)
{
    tg_bilinear *two = tg_module_as(m, tg_bilinear);
    return two ? tg_bilinear_forward(two, in.input, in.input2) : tg_module_forward(m, in.input);
}

/* A copy gives the same as its original, which then runs from the same place of the random stream. */
static golden_results forward_adaptive(const golden *g, tg_adaptive_log_softmax *m, tg_tensor *x)
{
    const int64_t *classes, count = golden_ints(g, "target", &classes);
    const double tolerance = tg_dtype_of(x) == TG_FLOAT32 ? 2e-6 : 1e-13;
    tg_tensor *target = tg_from_data(classes, tg_shape(count));
    if (tg_ndim(x) == 1) {
        target = tg_squeeze(target, 0);
    } else {
        tg_tensor *log_prob = tg_adaptive_log_softmax_log_prob(m, x);
        golden_assert(g, "log_prob", log_prob, tolerance);
        golden_assert(g, "predict", tg_to(tg_adaptive_log_softmax_predict(m, x), TG_FLOAT64), 0);
    }
    const tg_adaptive_log_softmax_output out = tg_adaptive_log_softmax_forward(m, x, target);
    return (golden_results){ { "output", "loss" }, { out.output, out.loss } };
}

static golden_results forward(const golden *g, const char *kind, tg_module *m, golden_inputs in)
{
    (void)kind;
    tg_adaptive_log_softmax *softmax = tg_module_as(m, tg_adaptive_log_softmax);
    if (softmax) return forward_adaptive(g, softmax, in.input);
    const tg_generator before = *tg_default_generator();
    tg_module *copy = tg_module_copy(m);
    golden_assert(g, "output", run(copy, in), tg_dtype_of(in.input) == TG_FLOAT32 ? 2e-6 : 1e-13);
    tg_module_free(copy);
    *tg_default_generator() = before;
    return (golden_results){ { "output" }, { run(m, in) } };
}

TEST(test_golden)
{
    golden *g = golden_open("modules.txt");
    int cases = 0;
    for (; golden_next(g); cases++) golden_run_module(g, build, forward);
    golden_close(g);
    assert_true(cases >= 30);
}

/* ---- indices ---- */

TEST(test_pool_and_unpool)
{
    IN_SCOPE;
    const tg_shape input[] = { tg_shape(2, 2, 5), tg_shape(2, 2, 5, 4), tg_shape(1, 2, 3, 2, 4) };
    tg_module *pools[] = { tg_max_pool1d_new(tg_shape(2)), tg_max_pool2d_new(tg_shape(2)),
                           tg_max_pool3d_new(tg_shape(2)) };
    tg_max_unpool *unpools[] = { tg_max_unpool1d_new(tg_shape(2)), tg_max_unpool2d_new(tg_shape(2)),
                                 tg_max_unpool3d_new(tg_shape(2)) };
    for (int i = 0; i < 3; i++) {
        tg_tensor *x = tg_rand(input[i], .requires_grad = true);
        tg_shape size = input[i];
        size.ndim = i + 1;
        for (int d = 0; d <= i; d++) size.dims[d] = input[i].dims[d + 2];
        const tg_values_indices y = tg_max_pool_forward_with_indices(pools[i], x);
        assert_true(tg_equal(y.values, tg_module_forward(pools[i], x)));
        tg_tensor *back = tg_max_unpool_forward(unpools[i], y.values, y.indices, size);
        tg_tensor *chosen = tg_gt(back, 0); /* each element is x's own, or 0; pooled again nothing changes */
        assert_true(tg_equal(back, tg_where(chosen, x, tg_zeros_like(x))));
        assert_true(tg_equal(tg_module_forward(pools[i], back), y.values));
        tg_backward(tg_sum(back));
        assert_true(tg_equal(tg_grad_of(x), tg_to(chosen, TG_FLOAT32)));
        tg_module_free(pools[i]);
        tg_module_free(unpools[i]);
    }
    tg_scope_end(scope);
}

TEST(test_unpool_prints)
{
    char text[128];
    tg_max_unpool *m = tg_max_unpool2d_new(tg_shape(3), .stride = tg_shape(2), .padding = tg_shape(1));
    tg_module_format(m, text, sizeof text);
    assert_string_equal(text, "MaxUnpool2d(kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))");
    tg_module_free(m);
}

TEST(test_adaptive_indices)
{
    IN_SCOPE;
    tg_module *pools[] = { tg_adaptive_max_pool1d_new(tg_shape(2)), tg_adaptive_max_pool2d_new(tg_shape(2)),
                           tg_adaptive_max_pool3d_new(tg_shape(2)) };
    for (int i = 0; i < 3; i++) {
        tg_shape shape = tg_shape(1, 2, 4, 4, 4);
        shape.ndim = i + 3;
        tg_tensor *x = tg_rand(shape);
        const tg_values_indices y = tg_max_pool_forward_with_indices(pools[i], x);
        tg_tensor *flat = tg_flatten(x, 2, -1);
        assert_true(tg_equal(tg_gather(flat, 2, tg_flatten(y.indices, 2, -1)), tg_flatten(y.values, 2, -1)));
        tg_module_free(pools[i]);
    }
    tg_scope_end(scope);
}

/* ---- AdaptiveLogSoftmaxWithLoss beyond PyTorch's numbers ---- */

TEST(test_adaptive_learns)
{
    IN_SCOPE;
    tg_manual_seed(3);
    tg_adaptive_log_softmax *m = tg_adaptive_log_softmax_new(8, 9, tg_shape(3, 6), .div_value = 2);
    tg_tensor *x = tg_randn(tg_shape(6, 8)), *target = tg_tensor_of(0, 2, 1, 3, 5, 4); /* none of the last cluster */
    const tg_adaptive_log_softmax_output out = tg_adaptive_log_softmax_forward(m, x, target);
    tg_tensor *all = tg_adaptive_log_softmax_log_prob(m, x);
    assert_true(tg_allclose(out.output, tg_squeeze(tg_gather(all, 1, tg_unsqueeze(target, 1)), 1), .atol = 1e-5));
    assert_true(tg_allclose(tg_sum(tg_exp(all), .dim = 1), tg_ones(tg_shape(6)), .atol = 1e-5)); /* probabilities */
    tg_backward(out.loss);
    assert_non_null(tg_grad_of(tg_get_parameter(m, "tail.0.1.weight")));
    assert_null(tg_grad_of(tg_get_parameter(m, "tail.1.1.weight")));
    tg_optimizer *adam = tg_adam_new(tg_parameters(m), .lr = 0.05);
    for (int i = 0; i < 100; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(adam);
        tg_backward(tg_adaptive_log_softmax_forward(m, x, target).loss);
        tg_step(adam);
        tg_scope_end(step);
    }
    tg_adaptive_log_softmax *copy = (tg_adaptive_log_softmax *)tg_module_copy(m);
    tg_module_free(m);
    assert_true(tg_equal(tg_adaptive_log_softmax_predict(copy, x), target));
    tg_optimizer_free(adam);
    tg_module_free(copy);
    tg_scope_end(scope);
}

/* ---- errors ---- */

TEST(test_refused)
{
    IN_SCOPE;
    expect_refusal(tg_zero_pad2d_new(tg_shape(1, 2)),
                   "ZeroPad2d: padding has one entry, or two for each of 2 dimensions");
    expect_refusal(tg_reflection_pad1d_new(tg_shape()), "padding has one entry, or two for each of 1 dimension");
    expect_refusal(tg_conv1d_new(1, 1, tg_shape(3), .padding_mode = "zig"), "but got padding_mode='zig'");
    expect_refusal(tg_conv1d_new(1, 1, tg_shape(3), .padding_mode = NULL), "but got padding_mode='NULL'");
    expect_refusal(tg_conv_transpose2d_new(1, 1, tg_shape(3), .padding_mode = "reflect"),
                   "Only \"zeros\" padding mode is supported for ConvTranspose2d");
    expect_refusal(tg_conv2d_new(1, 1, tg_shape(3), .padding = TG_SAME, .stride = tg_shape(2)),
                   "padding='same' is not supported for strided convolutions");
    tg_module *m = tg_softmax2d_new();
    expect_refusal(tg_module_forward(m, tg_ones(tg_shape(2, 3))), "Softmax2d requires a 3D or 4D tensor as input");
    tg_module_free(m);
    m = tg_avg_pool2d_new(tg_shape(2));
    expect_refusal(tg_max_pool_forward_with_indices(m, tg_ones(tg_shape(1, 2, 2))).values,
                   "only max pooling has indices");
    expect_refusal(tg_max_pool_forward_with_indices(m, NULL).values, "");
    tg_module_free(m);
    expect_refusal(tg_max_unpool2d_new(tg_shape(2, 2, 2)),
                   "kernel_size has one entry, or one for each spatial dimension");
    tg_conv *conv = tg_conv1d_new(1, 1, tg_shape(3), .padding = tg_shape(4), .padding_mode = "reflect");
    expect_refusal(tg_conv_forward(conv, tg_ones(tg_shape(1, 1, 3))),
                   "Padding size should be less than the corresponding");
    expect_refusal(tg_conv_forward(conv, NULL), "");
    tg_module_free(conv);
    tg_scope_end(scope);
}

TEST(test_adaptive_refused)
{
    IN_SCOPE;
    const char *cutoffs = "cutoffs should be a sequence of unique, positive integers sorted in an increasing order";
    expect_refusal(tg_adaptive_log_softmax_new(4, 5, tg_shape()), cutoffs);
    expect_refusal(tg_adaptive_log_softmax_new(4, 5, tg_shape(3, 2)), cutoffs);
    expect_refusal(tg_adaptive_log_softmax_new(4, 5, tg_shape(2, 2)), cutoffs);
    expect_refusal(tg_adaptive_log_softmax_new(4, 5, tg_shape(5)), cutoffs);
    expect_refusal(tg_adaptive_log_softmax_new(4, 9, tg_shape(1, 2, 3, 4, 5, 6, 7, 8)), "at most 7 of them");
    expect_refusal(tg_adaptive_log_softmax_new(4, 5, tg_shape(2), .div_value = 0),
                   "div_value must be at least 1, but got 0");
    tg_adaptive_log_softmax *m = tg_adaptive_log_softmax_new(4, 5, tg_shape(2));
    tg_tensor *x = tg_ones(tg_shape(2, 4)), *classes = tg_zeros(tg_shape(2), .dtype = TG_INT64);
#define FORWARD(x, target) tg_adaptive_log_softmax_forward(m, x, target).loss
    expect_refusal(FORWARD(x, tg_zeros(tg_shape(3), .dtype = TG_INT64)), "same size in the batch dimension.");
    expect_refusal(FORWARD(tg_ones(tg_shape(2, 4, 1)), classes), "1D target tensor expects 2D input tensors");
    expect_refusal(FORWARD(x, tg_zeros(tg_shape(2, 1), .dtype = TG_INT64)), "0D or 1D target tensor expected");
    expect_refusal(FORWARD(x, tg_zeros(tg_shape(2))), "the target must be int64");
    expect_refusal(FORWARD(x, tg_add(classes, 5)),
                   "Target values should be in [0, 4], but values in range [5, 5] were found.");
    expect_refusal(FORWARD(x, tg_sub(classes, 1)), "but values in range [-1, -1] were found.");
    expect_refusal(FORWARD(tg_ones(tg_shape(2, 3)), classes), "AdaptiveLogSoftmaxWithLoss.head (Linear)");
    expect_refusal(tg_adaptive_log_softmax_predict(m, tg_ones(tg_shape(4))), "a 2D input tensor is expected");
    tg_module_free(m);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_golden),          T(test_pool_and_unpool), T(test_unpool_prints),    T(test_adaptive_indices),
        T(test_adaptive_learns), T(test_refused),         T(test_adaptive_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
