/* test_averaged.c: averages of weights, and update_bn, against PyTorch's (tests/golden/averaged.py); averages of a
 * program's own; errors. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/suite.h"
#include "tests/support/failing.h"
#include "tests/support/golden.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <stdlib.h>
#include <string.h>

/* ---- the model of averaged.py ---- */

static tg_tensor *batch(int64_t k)
{
    double values[12];
    for (int64_t i = 0; i < 12; i++) values[i] = sin((double)(i / 2 + 2 * (i % 2) + k));
    return tg_from_data(values, tg_shape(6, 2), .dtype = TG_FLOAT64);
}

static tg_sequential *model_new(void)
{
    tg_manual_seed(3);
    return tg_sequential_new(tg_linear_new(2, 3, .dtype = TG_FLOAT64), tg_batch_norm1d_new(3, .dtype = TG_FLOAT64),
                             tg_tanh_new(), tg_linear_new(3, 1, .dtype = TG_FLOAT64));
}

static void train(tg_sequential *model, tg_optimizer *sgd, int64_t k)
{
    const tg_scope scope = tg_scope_begin();
    tg_zero_grad(sgd);
    tg_tensor *y = tg_sequential_forward(model, batch(k));
    tg_backward(tg_add(tg_mean(tg_square(y)), tg_mean(y)));
    tg_step(sgd);
    tg_scope_end(scope);
}

/* ---- PyTorch's values ---- */

static void compare(const golden *g, const char *prefix, tg_named_tensor_list list)
{
    for (int64_t i = 0; i < list.count; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s.%s", prefix, list.items[i].name);
        golden_assert(g, key, list.items[i].tensor, 1e-13);
    }
}

static tg_tensor *four_batches(int64_t index, void *calls)
{
    ++*(int *)calls;
    return index < 4 ? batch(index) : NULL;
}

/* What avg_fn computes is here what ema_decay stands for. */
static tg_tensor *moving(tg_tensor *averaged, tg_tensor *current, int64_t n, void *decay)
{
    const double d = *(double *)decay;
    assert_true(n > 0 && !tg_is_grad_enabled());
    return tg_add(tg_mul(averaged, d), tg_mul(current, 1 - d));
}

static void run_case(const golden *g, bool own_function)
{
    IN_SCOPE;
    double decay = golden_has(g, "ema_decay") ? golden_real(g, "ema_decay") : (double)NAN;
    const bool use_buffers = golden_int(g, "use_buffers");
    tg_sequential *model = model_new();
    tg_averaged_model *average =
        own_function ? tg_averaged_model_new(model, .avg_fn = moving, .context = &decay, .use_buffers = use_buffers)
                     : tg_averaged_model_new(model, .ema_decay = decay, .use_buffers = use_buffers);
    tg_optimizer *sgd = tg_sgd_new(tg_parameters(model), .lr = 0.3);
    for (int64_t k = 0; k < 6; k++) {
        train(model, sgd, k);
        assert_int_equal(tg_averaged_model_update_parameters(average, model), TG_OK);
    }
    assert_int_equal(tg_named_parameters(average).count, 6);
    compare(g, "p", tg_named_parameters(average));
    compare(g, "b", tg_named_buffers(average));
    int calls = 0;
    assert_int_equal(tg_update_bn(average, four_batches, &calls), TG_OK);
    assert_int_equal(calls, 5);
    compare(g, "bn", tg_named_buffers(average));
    tg_module_eval(average);
    golden_assert(g, "y", tg_averaged_model_forward(average, batch(7)), 1e-13);
    golden_assert(g, "y", tg_module_forward(average, batch(7)), 1e-13);
    tg_optimizer_free(sgd);
    tg_module_free(model);
    tg_module_free(average);
    tg_scope_end(scope);
}

TEST(test_averages)
{
    golden *g = golden_open("averaged.txt");
    int cases = 0;
    for (; golden_next(g); cases++) {
        run_case(g, false);
        if (golden_has(g, "ema_decay")) run_case(g, true);
    }
    assert_int_equal(cases, 4);
    golden_close(g);
}

/* ---- copies and modes ---- */

TEST(test_it_is_a_module)
{
    IN_SCOPE;
    tg_sequential *model = model_new();
    tg_averaged_model *average = tg_averaged_model_new(model);
    char text[512];
    tg_module_format(average, text, sizeof text);
    assert_string_equal(text,
                        "AveragedModel(\n  (module): Sequential(\n"
                        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
                        "    (1): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n"
                        "    (2): Tanh()\n    (3): Linear(in_features=3, out_features=1, bias=True)\n  )\n)");
    assert_string_equal(tg_named_buffers(average).items[0].name, "n_averaged");
    assert_int_equal(tg_averaged_model_update_parameters(average, model), TG_OK);
    tg_averaged_model *copy = tg_module_copy(average);
    assert_true(copy->module != average->module && tg_item(copy->n_averaged) == 1);
    tg_scope quiet = tg_no_grad_begin();
    tg_fill_(tg_get_parameter(model, "3.bias"), 4);
    tg_scope_end(quiet);
    const double before = tg_item(tg_get_parameter(average, "module.3.bias"));
    assert_int_equal(tg_averaged_model_update_parameters(copy, model), TG_OK);
    VALUES(tg_get_parameter(copy, "module.3.bias"), 1e-15, before + (4 - before) / 2);
    VALUES(tg_get_parameter(average, "module.3.bias"), 0, before); /* the copy's is another */
    assert_true(tg_item(copy->n_averaged) == 2 && tg_item(average->n_averaged) == 1);
    tg_module_free(model); /* the average does not need it */
    assert_non_null(tg_averaged_model_forward(average, batch(0)));
    tg_module_free(copy);
    tg_module_free(average);
    tg_scope_end(scope);
}

TEST(test_update_bn_leaves_the_rest)
{
    IN_SCOPE;
    tg_sequential *model = model_new();
    tg_batch_norm *norm = tg_module_as(tg_sequential_get(model, 1), tg_batch_norm);
    int calls = 0;
    tg_module_eval(model);
    const int64_t nodes = tg_tape_length();
    assert_int_equal(tg_update_bn(model, four_batches, &calls), TG_OK);
    assert_true(!model->base.training && !norm->base.training && norm->momentum == 0.1);
    assert_true(tg_item(norm->num_batches_tracked) == 4 && tg_tape_length() == nodes);
    tg_linear *linear = tg_linear_new(2, 2);
    calls = 0;
    assert_int_equal(tg_update_bn(linear, four_batches, &calls), TG_OK);
    assert_int_equal(calls, 0); /* nothing to update */
    tg_module_free(linear);
    tg_module_free(model);
    tg_scope_end(scope);
}

/* ---- errors ---- */

static tg_tensor *wrong_shape(tg_tensor *averaged, tg_tensor *current, int64_t n, void *context)
{
    (void)averaged, (void)n, (void)context;
    return tg_ndim(current) == 2 ? tg_add(current, 1) : tg_ones(tg_shape(7));
}
static tg_tensor *nothing(tg_tensor *averaged, tg_tensor *current, int64_t n, void *context)
{
    (void)averaged, (void)current, (void)n, (void)context;
    return NULL;
}
static tg_tensor *wrong_batch(int64_t index, void *context)
{
    (void)context;
    return index < 2 ? batch(index) : tg_ones(tg_shape(6, 5), .dtype = TG_FLOAT64);
}

TEST(test_errors)
{
    IN_SCOPE;
    tg_sequential *model = model_new();
    tg_linear *other = tg_linear_new(2, 3, .dtype = TG_FLOAT64);
    assert_null(tg_averaged_model_new(model, .ema_decay = 1.5));
    expect_error("AveragedModel: Invalid decay value 1.5 provided. Please provide a value in [0,1] range.");
    assert_null(tg_averaged_model_new(model, .ema_decay = 0.5, .avg_fn = moving));
    expect_error("AveragedModel: avg_fn and ema_decay are two averages");
    tg_averaged_model *average = tg_averaged_model_new(model, .avg_fn = wrong_shape);
    assert_int_equal(tg_averaged_model_update_parameters(average, other), TG_FAILED);
    expect_error("AveragedModel: the model has other parameters than the one that was copied");
    assert_int_equal(tg_averaged_model_update_parameters(average, model), TG_OK);
    tg_tensor *weight = tg_get_parameter(average, "module.0.weight"), *before = tg_clone(weight);
    assert_int_equal(tg_averaged_model_update_parameters(average, model), TG_FAILED);
    expect_error("AveragedModel: avg_fn made an average of another shape");
    average->avg_fn = nothing;
    assert_int_equal(tg_averaged_model_update_parameters(average, model), TG_FAILED);
    expect_error("AveragedModel: ");
    assert_true(tg_equal(weight, before) && tg_item(average->n_averaged) == 1); /* none has moved */
    tg_batch_norm *norm = tg_module_as(tg_sequential_get(model, 1), tg_batch_norm);
    assert_int_equal(tg_update_bn(model, wrong_batch, NULL), TG_FAILED);
    expect_error("linear: mat1 and mat2 shapes cannot be multiplied");
    assert_true(norm->momentum == 0.1 && tg_item(norm->num_batches_tracked) == 2);
    assert_int_equal(tg_update_bn(model, NULL, NULL), TG_FAILED);
    expect_error("update_bn: the function that makes batches is NULL");
    tg_module_free(average);
    tg_module_free(model);
    tg_module_free(other);
    tg_scope_end(scope);
}

/* ---- memory ---- */

static double failing_average(void)
{
    tg_sequential *model = model_new();
    tg_averaged_model *average = tg_averaged_model_new(model, .ema_decay = 0.5, .use_buffers = true);
    for (int k = 0; k < 2; k++) tg_averaged_model_update_parameters(average, model);
    int calls = 0;
    if (average) tg_update_bn(average, four_batches, &calls);
    const double result = tg_ok() ? 1 + tg_item(average->n_averaged) : 0;
    tg_module_free(average);
    tg_module_free(model);
    return result;
}

TEST(test_each_allocation_fails) { fail_each_allocation(failing_average); }

/* ---- main ---- */

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation */
    const struct CMUnitTest tests[] = {
        T(test_averages), T(test_it_is_a_module),        T(test_update_bn_leaves_the_rest),
        T(test_errors),   T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests_name("averaged", tests, NULL, NULL);
}
