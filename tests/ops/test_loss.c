/* test_loss.c: softmax, mean squared error, negative log likelihood and cross entropy against closed forms, naive loops
 * and values computed by PyTorch 1.13.1; what is ignored, what is warned about. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include "ops/create.h"
#include "ops/loss.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_near(const tg_tensor *t, const double *expected, int64_t count, double tolerance)
{
    assert_non_null(t);
    assert_int_equal(tg_numel(t), count);
    double *got = elements(t);
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
            fail_msg("element %lld is %.17g, expected %.17g", (long long)i, got[i], expected[i]);
    free(got);
}

static void assert_item(const tg_tensor *t, double expected, double tolerance)
{
    assert_near(t, &expected, 1, tolerance);
}

/* ---- softmax ---- */

/* Along any dimension, in any strides, against the definition. */
static void check_softmax(tg_tensor *t, int dim)
{
    tg_shape shape = tg_shape_of(t);
    double *x = elements(t), *y = elements(tg_softmax(t, dim)), *z = elements(tg_log_softmax(t, dim));
    int64_t n = shape.dims[dim], inner = 1;
    for (int d = dim + 1; d < shape.ndim; d++) inner *= shape.dims[d];
    for (int64_t i = 0; i < tg_numel(t); i++) {
        int64_t first = i - i / inner % n * inner;
        double largest = -INFINITY, total = 0, eps = tg_dtype_of(t) == TG_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
        for (int64_t k = 0; k < n; k++) largest = fmax(largest, x[first + k * inner]);
        for (int64_t k = 0; k < n; k++) total += exp(x[first + k * inner] - largest);
        assert_true(fabs(y[i] - exp(x[i] - largest) / total) <= 8 * eps);
        assert_true(fabs(z[i] - (x[i] - largest - log(total))) <= 8 * eps * (1 + fabs(z[i])));
    }
    free(x);
    free(y);
    free(z);
}

TEST(test_softmax)
{
    for (tg_dtype dtype = TG_FLOAT32; dtype <= TG_FLOAT64; dtype++)
        for (int dim = 0; dim < 3; dim++) {
            tg_scope scope = tg_scope_begin();
            tg_tensor *t = tg_mul(tg_randn(tg_shape(5, 37, 6), .dtype = dtype), 10.0);
            check_softmax(t, dim);
            check_softmax(tg_permute(t, tg_shape(2, 0, 1)), dim);
            check_softmax(tg_slice(t, 1, 3, 30, 2), dim);
            check_softmax(tg_randn(tg_shape(40, 1, 900), .dtype = dtype), dim);
            tg_scope_end(scope);
        }
}

TEST(test_softmax_extremes)
{
    tg_scope scope = tg_scope_begin();
    float values[] = { 1000, 0, -1000, INFINITY, 0, 1, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 2, 2 };
    tg_tensor *t = tg_from_data(values, tg_shape(4, 3));
    double *y = elements(tg_softmax(t, 1)), *z = elements(tg_log_softmax(t, 1));
    assert_true(y[0] == 1 && y[1] == 0 && y[2] == 0 && z[0] == 0 && z[1] == -1000 && z[2] == -2000);
    for (int i = 3; i < 9; i++)
        assert_true(isnan(y[i]) || (i < 6 && y[i] == 0)); /* PyTorch: nan where inf - inf arises */
    assert_true(isnan(y[3]) && isnan(y[6]));
    assert_true(y[9] == 0 && y[10] == 0.5 && y[11] == 0.5 && isinf(z[9]));
    free(y);
    free(z);
    assert_item(tg_softmax(tg_scalar(3.0), 0), 1, 0);
    assert_item(tg_log_softmax(tg_scalar(3.0), -1), 0, 0);
    assert_int_equal(tg_size(tg_softmax(tg_empty(tg_shape(3, 0)), 1), 0), 3);
    tg_scope_end(scope);
}

/* The kernel's gradient, along any dimension, is that of the formula in ops, which create_graph runs. */
TEST(test_softmax_gradients_agree)
{
    for (int64_t dim = 0; dim < 3; dim++)
        for (int logarithm = 0; logarithm < 2; logarithm++) {
            tg_scope scope = tg_scope_begin();
            tg_tensor *x = tg_randn(tg_shape(4, 5, 6), .dtype = TG_FLOAT64, .requires_grad = true);
            tg_tensor *g = tg_transpose(tg_randn(tg_shape(4, 6, 5), .dtype = TG_FLOAT64), 1, 2);
            tg_tensor *y = logarithm ? tg_log_softmax(x, dim) : tg_softmax(x, dim);
            tg_tensor *ops = tg_grad(tg_list(y), tg_list(x), .grad_outputs = { g }, .create_graph = true).items[0];
            tg_tensor *fused = tg_grad(tg_list(y), tg_list(x), .grad_outputs = { g }).items[0];
            double *expected = elements(ops);
            assert_near(fused, expected, 120, 1e-14);
            free(expected);
            tg_scope_end(scope);
        }
}

/* ---- mse_loss ---- */

TEST(test_mse_loss)
{
    tg_scope scope = tg_scope_begin();
    double a[] = { 1, 2, 3, 4, 5, 6 }, b[] = { 1, 0, 6, 4, 4.5, 8 }, squares[] = { 0, 4, 9, 0, 0.25, 4 };
    tg_tensor *x = tg_requires_grad_(tg_from_data(a, tg_shape(2, 3)), true), *y = tg_from_data(b, tg_shape(2, 3));
    assert_near(tg_mse_loss(x, y, .reduction = TG_REDUCTION_NONE), squares, 6, 0);
    assert_item(tg_mse_loss(x, y, .reduction = TG_REDUCTION_SUM), 17.25, 0);
    assert_item(tg_mse_loss(x, y), 17.25 / 6, 1e-16);
    tg_tensor *dx = tg_grad(tg_list(tg_mse_loss(x, y)), tg_list(x), .create_graph = true).items[0];
    double expected[6], second[6];
    for (int i = 0; i < 6; i++) {
        expected[i] = 2 * (a[i] - b[i]) / 6;
        second[i] = 2.0 / 6;
    }
    assert_near(dx, expected, 6, 1e-15);
    assert_near(tg_grad(tg_list(tg_sum(dx)), tg_list(x)).items[0], second, 6, 1e-15);
    assert_int_equal(tg_dtype_of(tg_mse_loss(tg_ones(tg_shape(2)), tg_zeros(tg_shape(2), .dtype = TG_FLOAT64))),
                     TG_FLOAT64);
    assert_int_equal(tg_dtype_of(tg_mse_loss(tg_ones(tg_shape(2)), tg_arange(0, 2, 1))), TG_FLOAT32);
    assert_true(isnan(tg_item(tg_mse_loss(tg_empty(tg_shape(0, 3)), tg_empty(tg_shape(0, 3))))));
    tg_scope_end(scope);
}

static struct {
    int count;
    char where[64], text[512];
} warned;

static void remember_warning(const char *where, const char *message, void *context)
{
    (void)context;
    warned.count++;
    snprintf(warned.where, sizeof warned.where, "%s", where ? where : "");
    snprintf(warned.text, sizeof warned.text, "%s", message);
}

/* PyTorch's warning, once for each place; then the value of the broadcast difference, with gradients in each one's own
 * shape. */
TEST(test_mse_loss_warns_and_broadcasts)
{
    tg_scope scope = tg_scope_begin();
    tg_set_warning_handler(remember_warning, NULL);
    warned.count = 0;
    tg_tensor *x = tg_randn(tg_shape(100, 10, 8), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *y = tg_randn(tg_shape(100, 10, 1), .dtype = TG_FLOAT64, .requires_grad = true), *loss = NULL;
    for (int i = 0; i < 3; i++)
        loss = tg_mse_loss_at("train.c:7", x, y, (tg_loss_options){ .reduction = TG_REDUCTION_MEAN });
    assert_int_equal(warned.count, 1);
    assert_string_equal(warned.where, "train.c:7");
    assert_string_equal(
        warned.text,
        "Using a target size (torch.Size([100, 10, 1])) that is different to the input size (torch.Size([100, "
        "10, 8])). This will likely lead to incorrect results due to broadcasting. Please ensure they have the "
        "same size.");
    tg_backward(loss);
    double *a = elements(x), *b = elements(y), total = 0, *dx = calloc(8000, sizeof *dx),
           *dy = calloc(1000, sizeof *dy);
    assert_non_null(dx);
    assert_non_null(dy);
    for (int i = 0; i < 8000; i++) {
        double d = a[i] - b[i / 8];
        total += d * d;
        dx[i] = 2 * d / 8000;
        dy[i / 8] -= 2 * d / 8000;
    }
    assert_item(loss, total / 8000, 1e-14);
    assert_near(tg_grad_of(x), dx, 8000, 1e-15);
    assert_near(tg_grad_of(y), dy, 1000, 1e-15);
    free(a);
    free(b);
    free(dx);
    free(dy);
    tg_set_warning_handler(NULL, NULL);
    tg_scope_end(scope);
}

/* ---- nll_loss ---- */

/* The definition, element by element, for input [N, C, S]. */
static double naive_nll(const double *x, const int64_t *t, const double *w, int64_t n, int64_t c, int64_t s,
                        int64_t ignore, bool mean)
{
    double total = 0, weights = 0;
    for (int64_t i = 0; i < n * s; i++) {
        if (t[i] == ignore) continue;
        double weight = w ? w[t[i]] : 1;
        total -= weight * x[(i / s * c + t[i]) * s + i % s];
        weights += weight;
    }
    return mean ? total / weights : total;
}

TEST(test_nll_loss)
{
    tg_scope scope = tg_scope_begin();
    double w[] = { 0.5, 2, 1.25, 0.75 };
    int64_t t[15];
    for (int i = 0; i < 15; i++) t[i] = (i * 7 + 2) % 4;
    tg_tensor *weight = tg_from_data(w, tg_shape(4)), *flat = tg_from_data(t, tg_shape(15)),
              *deep = tg_from_data(t, tg_shape(3, 5));
    tg_tensor *x = tg_randn(tg_shape(15, 4), .dtype = TG_FLOAT64),
              *z = tg_permute(tg_randn(tg_shape(5, 4, 3), .dtype = TG_FLOAT64), tg_shape(2, 1, 0));
    double *xv = elements(x), *zv = elements(z);
    for (int64_t ignore = -100; ignore < 4; ignore = ignore < 0 ? 0 : ignore + 1)
        for (int reduction = TG_REDUCTION_MEAN; reduction <= TG_REDUCTION_SUM; reduction++)
            for (int weighted = 0; weighted < 2; weighted++) {
                tg_nll_options o = { .weight = weighted ? weight : NULL,
                                     .ignore_index = ignore,
                                     .reduction = (tg_reduction)reduction };
                bool mean = reduction == TG_REDUCTION_MEAN;
                assert_item(tg_nll_loss_at(NULL, x, flat, o),
                            naive_nll(xv, t, weighted ? w : NULL, 15, 4, 1, ignore, mean), 1e-14);
                assert_item(tg_nll_loss_at(NULL, z, deep, o),
                            naive_nll(zv, t, weighted ? w : NULL, 3, 4, 5, ignore, mean), 1e-14);
            }
    free(xv);
    free(zv);
    tg_tensor *none = tg_nll_loss(z, deep, .reduction = TG_REDUCTION_NONE);
    assert_true(tg_ndim(none) == 2 && tg_size(none, 0) == 3 && tg_size(none, 1) == 5);
    tg_tensor *line = tg_select(x, 0, 3);
    assert_item(tg_nll_loss(line, tg_scalar(2)), -tg_item(tg_select(line, 0, 2)), 0);
    tg_scope_end(scope);
}

/* The mean over targets that are all ignored is NaN, their sum 0, and no gradient flows: in PyTorch as well. */
TEST(test_everything_ignored)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_randn(tg_shape(3, 4), .requires_grad = true), *t = tg_full(tg_shape(3), -100);
    assert_true(isnan(tg_item(tg_nll_loss(x, t))));
    assert_true(isnan(tg_item(tg_cross_entropy(x, t))));
    assert_true(isnan(tg_item(tg_cross_entropy(x, t, .label_smoothing = 0.1))));
    assert_item(tg_nll_loss(x, t, .reduction = TG_REDUCTION_SUM), 0, 0);
    assert_true(isnan(tg_item(tg_nll_loss(tg_empty(tg_shape(0, 4)), tg_full(tg_shape(0), 1)))));
    assert_item(tg_nll_loss(x, tg_zeros(tg_shape(3), .dtype = TG_INT64), .ignore_index = 0,
                            .reduction = TG_REDUCTION_SUM),
                0, 0);
    tg_backward(tg_nll_loss(x, t));
    assert_item(tg_sum(tg_abs(tg_grad_of(x))), 0, 0);
    tg_scope_end(scope);
}

/* ---- cross_entropy ---- */

TEST(test_closed_forms)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *t = tg_arange(0, 6, 1), *equal = tg_full(tg_shape(6, 10), 3.5, .dtype = TG_FLOAT64);
    assert_item(tg_cross_entropy(equal, t), log(10), 1e-15);
    assert_item(tg_cross_entropy(equal, t, .label_smoothing = 0.4), log(10), 1e-15);
    tg_tensor *x = tg_randn(tg_shape(6, 10), .dtype = TG_FLOAT64, .requires_grad = true),
              *loss = tg_cross_entropy(x, t);
    assert_item(tg_cross_entropy(tg_add(x, 700.0), t), tg_item(loss), 1e-12); /* a constant changes nothing */
    tg_backward(loss);
    double *expected = elements(tg_softmax(tg_detach(x), 1));
    for (int i = 0; i < 60; i++) expected[i] = (expected[i] - (i % 10 == i / 10)) / 6; /* (softmax - one-hot) / N */
    assert_near(tg_grad_of(x), expected, 60, 1e-15);
    free(expected);
    float far[] = { 1000, -1000, -1000, 1000 };
    int64_t first[] = { 0, 0 };
    assert_item(tg_cross_entropy(tg_from_data(far, tg_shape(2, 2)), tg_from_data(first, tg_shape(2))), 1000, 0);
    tg_scope_end(scope);
}

/* Class indices are probabilities of one: the two forms agree, smoothed or not, in value and gradient. */
TEST(test_indices_and_probabilities_agree)
{
    for (int smooth = 0; smooth < 2; smooth++)
        for (int reduction = TG_REDUCTION_NONE; reduction <= TG_REDUCTION_SUM; reduction++) {
            tg_scope scope = tg_scope_begin();
            double smoothing = smooth ? 0.3 : 0.0;
            tg_tensor *x = tg_randn(tg_shape(6, 4, 5), .dtype = TG_FLOAT64, .requires_grad = true);
            tg_tensor *t = tg_randint(0, 4, tg_shape(6, 5));
            tg_tensor *classes = tg_reshape(tg_arange(0, 4, 1), tg_shape(4, 1));
            tg_tensor *p = tg_to(tg_eq(tg_unsqueeze(t, 1), classes), TG_FLOAT64),
                      *g = tg_rand(tg_shape(6, 5), .dtype = TG_FLOAT64);
            if (reduction != TG_REDUCTION_NONE) g = tg_scalar(1.5, .dtype = TG_FLOAT64);
            tg_tensor *a = tg_cross_entropy(x, t, .reduction = (tg_reduction)reduction, .label_smoothing = smoothing);
            tg_tensor *b = tg_cross_entropy(x, p, .reduction = (tg_reduction)reduction, .label_smoothing = smoothing);
            double *expected = elements(b),
                   *dx = elements(tg_grad(tg_list(b), tg_list(x), .grad_outputs = { g }).items[0]);
            assert_near(a, expected, tg_numel(b), 1e-13);
            assert_near(tg_grad(tg_list(a), tg_list(x), .grad_outputs = { g }).items[0], dx, 120, 1e-13);
            free(expected);
            free(dx);
            tg_scope_end(scope);
        }
}

static const double scores[] = { 0.5, -1.25, 2.0, 1.5, 0.25, -0.75, -2.0, 3.0, 0.125, 0.0, 1.0, -1.0 };
static const double class_weights[] = { 0.5, 2.0, 1.25 };

/* Values and gradients that PyTorch 1.13.1 gives in float64. */
TEST(test_values_of_pytorch)
{
    static const struct {
        bool probabilities, weighted;
        int64_t ignore_index;
        double smoothing;
        tg_reduction reduction;
        double loss, gradient[12];
    } cases[] = {
        { false,
          false,
          -100,
          0,
          TG_REDUCTION_MEAN,
          0.508035150046421,
          { 0.0442050455269, 0.00768168508161, -0.0518867306085, -0.0703899147122, 0.0514591509994, 0.0189307637128,
            0.00158442390539, -0.014850642843, 0.0132662189376, -0.188817882236, 0.166310238944, 0.0225076432926 } },
        { false,
          true,
          -100,
          0,
          TG_REDUCTION_MEAN,
          0.301740435827632,
          { 0.052005935914, 0.0090372765666, -0.0610432124806, -0.0331246657469, 0.0242160710585, 0.00890859468839,
            0.00298244499839, -0.0279541512339, 0.0249717062355, -0.0888554739936, 0.0782636418559, 0.0105918321377 } },
        { false,
          false,
          0,
          0,
          TG_REDUCTION_MEAN,
          0.146931013167039,
          { 0.0884100910537, 0.0153633701632, -0.103773461217, 0, 0, 0, 0.00316884781079, -0.029701285686,
            0.0265324378752, 0, 0, 0 } },
        { false,
          true,
          0,
          0.3,
          TG_REDUCTION_MEAN,
          0.533493401727514,
          { 0.0526231469644, -0.0497204844898, -0.00290266247457, 0, 0, 0, -0.0119232585451, 0.0214032110199,
            -0.0094799524748, 0, 0, 0 } },
        { false,
          false,
          -100,
          0.1,
          TG_REDUCTION_MEAN,
          0.642410150046421,
          { 0.0358717121935, -0.000651648251724, -0.0352200639418, -0.0537232480456, 0.0431258176661, 0.0105974303795,
            -0.00674890942794, 0.00181602382368, 0.00493288560426, -0.17215121557, 0.15797690561, 0.0141743099593 } },
        { false,
          true,
          -100,
          0.25,
          TG_REDUCTION_SUM,
          3.0890290767586,
          { 0.179358560968, -0.128258241259, -0.051100319709, 0.0772610678747, -0.0251540014183, -0.0521070664564,
            -0.0301795933526, 0.0381661727217, -0.00798657936911, -0.248415842816, 0.290686490429, -0.042270647612 } },
        { true,
          false,
          -100,
          0,
          TG_REDUCTION_MEAN,
          1.03385029915753,
          { -0.00579495447314, -0.0673183149184, 0.0731132693915, -0.0703899147122, 0.0514591509994, 0.0189307637128,
            -0.0234155760946, 0.035149357157, -0.0117337810624, -0.0326996704599, 0.0829412628381, -0.0502415923781 } },
        { true,
          true,
          -100,
          0,
          TG_REDUCTION_MEAN,
          1.20052367754043,
          { 0.0335716853231, -0.139821767267, 0.106250081944, -0.0351949573561, 0.0257295754997, 0.00946538185641,
            -0.00968764756793, 0.0173901089537, -0.00770246138577, 0.0341254119251, 0.0286765785476,
            -0.0628019904727 } },
        { true,
          true,
          -100,
          0.2,
          TG_REDUCTION_MEAN,
          1.38586522954395,
          { 0.0295752763069, -0.143270325876, 0.11369504957, 0.00841322210371, 0.000115114816285, -0.00852833692,
            -0.0156873454113, 0.0393660931189, -0.0236787477076, 0.0342625256477, 0.0311854892407, -0.0654480148883 } },
    };
    static const double p[] = { 0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.8, 0.1, 0.4, 0.4, 0.3 };
    static const int64_t t[] = { 2, 0, 1, 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *x = tg_from_data(scores, tg_shape(4, 3), .requires_grad = true);
        tg_tensor *target = cases[i].probabilities ? tg_from_data(p, tg_shape(4, 3)) : tg_from_data(t, tg_shape(4));
        tg_tensor *weight = cases[i].weighted ? tg_from_data(class_weights, tg_shape(3)) : NULL;
        tg_tensor *loss = tg_cross_entropy(x, target, .weight = weight, .ignore_index = cases[i].ignore_index,
                                           .reduction = cases[i].reduction, .label_smoothing = cases[i].smoothing);
        assert_item(loss, cases[i].loss, 1e-14);
        tg_backward(loss);
        assert_near(tg_grad_of(x), cases[i].gradient, 12, 1e-11);
        tg_scope_end(scope);
    }
}

/* ---- errors ---- beyond those in the descriptors; the words of PyTorch 1.13.1 */

TEST(test_errors)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2, 5)), *t = tg_zeros(tg_shape(2), .dtype = TG_INT64);
    assert_null(tg_nll_loss(x, t, .weight = tg_ones(tg_shape(5), .dtype = TG_FLOAT64)));
    expect_error("expected scalar type Float but found Double");
    assert_null(tg_nll_loss(x, t, .weight = tg_ones(tg_shape(5), .requires_grad = true)));
    expect_error(
        "The function 'nll_loss_forward' is not differentiable with respect to argument 'weight'. This input cannot have "
        "requires_grad True.");
    assert_null(tg_nll_loss(x, t, .reduction = (tg_reduction)7));
    expect_error("7 is not a valid value for reduction");
    assert_null(tg_nll_loss(x, tg_zeros(tg_shape(2, 5), .dtype = TG_INT64)));
    expect_error("0D or 1D target tensor expected, multi-target not supported");
    assert_null(tg_nll_loss(tg_ones(tg_shape(2, 5, 3)), tg_zeros(tg_shape(2), .dtype = TG_INT64)));
    expect_error("Expected target size [2, 3], got [2]");
    assert_null(tg_nll_loss(tg_ones(tg_shape(2, 0)), t));
    expect_error("Target 0 is out of bounds.");
    assert_null(tg_cross_entropy(x, tg_full(tg_shape(2), 5)));
    expect_error("Target 5 is out of bounds.");
    assert_null(tg_cross_entropy(x, NULL));
    expect_error("cross_entropy: argument 2 is NULL");
    tg_tensor *failed = tg_sum(x, .dim = 9);
    assert_null(tg_cross_entropy(x, t, .weight = failed)); /* a weight that failed is not a weight left out */
    assert_int_equal(tg_error_get().later, 0);
    tg_error_clear();
    assert_non_null(tg_cross_entropy(x, t));
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_softmax),
        T(test_softmax_extremes),
        T(test_softmax_gradients_agree),
        T(test_mse_loss),
        T(test_mse_loss_warns_and_broadcasts),
        T(test_nll_loss),
        T(test_everything_ignored),
        T(test_closed_forms),
        T(test_indices_and_probabilities_agree),
        T(test_values_of_pytorch),
        T(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
