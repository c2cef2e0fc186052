/* test_optim.c: optimisers against PyTorch's numbers and plain loops in double; groups, errors, lifetimes,
 * and a training step in which each allocation fails in turn. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "tests/support/suite.h"
#include "tests/support/parameters.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- PyTorch's numbers ---- */

/* Five steps on sum(0.3 p^2 + p [0.1, -0.2, 0.3] (k + 1) (-1)^k), then what PyTorch 1.13 has in float64. */
static void run_five(tg_optimizer *(*make)(tg_tensor_list), const double *expected, tg_dtype dtype, double tolerance)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(dtype);
    tg_optimizer *optimizer = make(tg_list(p));
    for (int k = 0; k < 5; k++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(optimizer);
        tg_tensor *slope = tg_from_data(((const double[]){ 0.1, -0.2, 0.3 }), tg_shape(3), .dtype = dtype);
        tg_tensor *push = tg_mul(slope, (k + 1) * (k % 2 ? -1 : 1));
        tg_backward(tg_sum(tg_add(tg_mul(tg_mul(p, p), 0.3), tg_mul(p, push))));
        assert_int_equal(tg_step(optimizer), TG_OK);
        tg_scope_end(step);
    }
    assert_values(p, expected, 3, tolerance);
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

#define RECIPE(name, call)                                                                                             \
    static tg_optimizer *name(tg_tensor_list p) { return call; }
RECIPE(adam_plain, tg_adam_new(p))
RECIPE(adam_no_lr, tg_adam_new(p, .lr = 0))
RECIPE(adam_fast, tg_adam_new(p, .lr = 0.1))
RECIPE(adam_no_beta1, tg_adam_new(p, .lr = 0.1, .beta1 = 0))
RECIPE(adam_no_beta2, tg_adam_new(p, .lr = 0.1, .beta2 = 0))
RECIPE(adam_no_eps, tg_adam_new(p, .lr = 0.1, .eps = 0))
RECIPE(adam_decay, tg_adam_new(p, .lr = 0.1, .weight_decay = 0.2))
RECIPE(adam_no_decay, tg_adam_new(p, .lr = 0.1, .weight_decay = 0, .amsgrad = false, .maximize = false))
RECIPE(adam_amsgrad, tg_adam_new(p, .lr = 0.1, .beta2 = 0.5, .amsgrad = true))
RECIPE(adam_maximize, tg_adam_new(p, .lr = 0.1, .maximize = true, .weight_decay = 0.2))
RECIPE(adamw_plain, tg_adamw_new(p, .lr = 0.1))
RECIPE(adamw_no_decay, tg_adamw_new(p, .lr = 0.1, .weight_decay = 0))
RECIPE(adamw_all, tg_adamw_new(p, .lr = 0.1, .weight_decay = 0.5, .amsgrad = true, .beta2 = 0.5, .maximize = true))
RECIPE(sgd_plain, tg_sgd_new(p, .lr = 0.1))
RECIPE(sgd_no_lr, tg_sgd_new(p, .lr = 0, .momentum = 0.9))
RECIPE(sgd_momentum, tg_sgd_new(p, .lr = 0.1, .momentum = 0.9, .dampening = 0))
RECIPE(sgd_no_momentum,
       tg_sgd_new(p, .lr = 0.1, .momentum = 0, .weight_decay = 0, .nesterov = false, .maximize = false))
RECIPE(sgd_dampening, tg_sgd_new(p, .lr = 0.1, .momentum = 0.9, .dampening = 0.5))
RECIPE(sgd_nesterov, tg_sgd_new(p, .lr = 0.1, .momentum = 0.9, .nesterov = true))
RECIPE(sgd_decay, tg_sgd_new(p, .lr = 0.1, .weight_decay = 0.5))
RECIPE(sgd_all, tg_sgd_new(p, .lr = 0.1, .weight_decay = 0.5, .momentum = 0.9, .nesterov = true, .maximize = true))
RECIPE(rmsprop_plain, tg_rmsprop_new(p))
RECIPE(rmsprop_fast, tg_rmsprop_new(p, .lr = 0.1))
RECIPE(rmsprop_no_alpha, tg_rmsprop_new(p, .lr = 0.1, .alpha = 0))
RECIPE(rmsprop_no_eps, tg_rmsprop_new(p, .lr = 0.1, .eps = 0))
RECIPE(rmsprop_decay, tg_rmsprop_new(p, .lr = 0.1, .weight_decay = 0.2))
RECIPE(rmsprop_momentum, tg_rmsprop_new(p, .lr = 0.1, .momentum = 0.9))
RECIPE(rmsprop_centered, tg_rmsprop_new(p, .lr = 0.1, .centered = true, .alpha = 0.5))
RECIPE(rmsprop_maximize, tg_rmsprop_new(p, .lr = 0.1, .maximize = true, .weight_decay = 0.2))
RECIPE(rmsprop_all, tg_rmsprop_new(p, .lr = 0.1, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.5, .momentum = 0.5,
                                   .centered = true, .maximize = true))

TEST(test_against_pytorch)
{
    static const struct {
        tg_optimizer *(*make)(tg_tensor_list);
        double expected[3];
    } cases[] = {
        { adam_plain, { 0.495870623183419, -1.24563032900259, 1.9955706799278 } },
        { adam_no_lr, { 0.5, -1.25, 2 } },
        { adam_fast, { 0.132923603425621, -0.828379971497081, 1.56593021928989 } },
        { adam_no_beta1, { 0.162718979193398, -0.842259767586048, 1.57260698609557 } },
        { adam_no_beta2, { -0.246004034868617, -0.643040255698453, 1.17322137598876 } },
        { adam_no_eps, { 0.132923594648027, -0.828379966808925, 1.56593021620655 } },
        { adam_decay, { 0.102003231398097, -0.803041490178175, 1.54310872577432 } },
        { adam_no_decay, { 0.132923603425621, -0.828379971497081, 1.56593021928989 } },
        { adam_amsgrad, { 0.165534308973983, -0.871385020194781, 1.61050619900201 } },
        { adam_maximize, { 0.893866313736477, -1.65515750981435, 2.40817087637833 } },
        { adamw_plain, { 0.131524258513631, -0.823263996392784, 1.55706626345856 } },
        { adamw_no_decay, { 0.132923603425621, -0.828379971497081, 1.56593021928989 } },
        { adamw_all, { 0.725675869645109, -1.31730727705145, 1.90108757500204 } },
        { sgd_plain, { 0.3368482016, -0.8571724088, 1.377496616 } },
        { sgd_no_lr, { 0.5, -1.25, 2 } },
        { sgd_momentum, { 0.1348422656, -0.3490704608, 0.563298656 } },
        { sgd_no_momentum, { 0.3368482016, -0.8571724088, 1.377496616 } },
        { sgd_dampening, { 0.2317098006, -0.59466863455, 0.9576274685 } },
        { sgd_nesterov, { 0.056349769357184, -0.165974494076312, 0.27559921879544 } },
        { sgd_decay, { 0.24886512835, -0.637331742925, 1.0257983575 } },
        { sgd_all, { 0.643380983666048, -1.58057826642027, 2.5177755491745 } },
        { rmsprop_plain, { 0.269278074619768, -0.981075050397066, 1.72102058387197 } },
        { rmsprop_fast, { -0.280351335990663, 0.222077217359342, 0.0884734522677456 } },
        { rmsprop_no_alpha, { 0.200000027482485, -0.950000001579587, 1.69999999785561 } },
        { rmsprop_no_eps, { -0.280351350299042, 0.222077250392678, 0.0884734031184518 } },
        { rmsprop_decay, { -0.267163083001886, 0.242674065807475, 0.0203731919159583 } },
        { rmsprop_momentum, { 0.342099345093091, 1.42846575016855, -2.3296256784616 } },
        { rmsprop_centered, { 0.0477191186695361, -0.608534701254987, 1.28957333370239 } },
        { rmsprop_maximize, { 4.57738964767888, -4.86014245135639, 5.34878899259108 } },
        { rmsprop_all, { 1.26139186074006, -2.00913698266158, 2.75748754604439 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_five(cases[i].make, cases[i].expected, TG_FLOAT64, 1e-13);
        run_five(cases[i].make, cases[i].expected, TG_FLOAT32, 2e-6);
    }
}

/* ---- a plain loop in double, over a parameter large enough to be cut among threads ---- */

enum { MANY = 200001 };

static double gradient_of(int64_t i, int step) { return sin(0.37 * (double)i) + 0.1 * step; }

static double adam_by_hand(int64_t i)
{
    double p = cos((double)i), m = 0, v = 0;
    for (int t = 1; t <= 3; t++) {
        const double g = gradient_of(i, t);
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        p -= 0.01 * (m / (1 - pow(0.9, t))) / (sqrt(v / (1 - pow(0.999, t))) + 1e-8);
    }
    return p;
}

static double sgd_by_hand(int64_t i)
{
    double p = cos((double)i), b = 0;
    for (int t = 1; t <= 3; t++) {
        const double g = gradient_of(i, t);
        b = t == 1 ? g : 0.9 * b + g;
        p -= 0.01 * b;
    }
    return p;
}

static void compare_large(tg_optimizer *(*make)(tg_tensor_list), double (*by_hand)(int64_t), double *values)
{
    tg_scope scope = tg_scope_begin();
    for (int64_t i = 0; i < MANY; i++) values[i] = cos((double)i);
    tg_tensor *p = tg_from_data(values, tg_shape(MANY), .requires_grad = true);
    tg_optimizer *optimizer = make(tg_list(p));
    for (int t = 1; t <= 3; t++) {
        for (int64_t i = 0; i < MANY; i++) values[i] = gradient_of(i, t);
        give_gradient(p, values);
        assert_int_equal(tg_step(optimizer), TG_OK);
    }
    assert_int_equal(tg_to_array(p, values, MANY), TG_OK);
    for (int64_t i = 0; i < MANY; i++)
        if (!(fabs(values[i] - by_hand(i)) < 1e-10))
            fail_msg("element %d is %.15g, not %.15g", (int)i, values[i], by_hand(i));
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

RECIPE(adam_large, tg_adam_new(p, .lr = 0.01))
RECIPE(sgd_large, tg_sgd_new(p, .lr = 0.01, .momentum = 0.9))

TEST(test_large_parameters)
{
    double *values = malloc(MANY * sizeof *values);
    assert_non_null(values);
    compare_large(adam_large, adam_by_hand, values);
    compare_large(sgd_large, sgd_by_hand, values);
    free(values);
}

/* A transposed parameter and an expanded gradient: the same numbers as contiguous ones. */
TEST(test_strided_memory)
{
    tg_scope scope = tg_scope_begin();
    const double start[] = { 1, 2, 3, 4, 5, 6 };
    tg_tensor *flat = tg_from_data(start, tg_shape(2, 3)), *plain = tg_clone(tg_transpose(flat, 0, 1));
    tg_tensor *strided = tg_detach(tg_transpose(flat, 0, 1));
    tg_requires_grad_(strided, true);
    tg_requires_grad_(plain, true);
    assert_false(tg_is_contiguous(strided));
    tg_tensor *row = tg_from_data(((const double[]){ 0.5, -0.25 }), tg_shape(1, 2));
    tg_set_grad(strided, tg_expand(row, tg_shape(3, 2)));
    tg_set_grad(plain, tg_clone(tg_expand(row, tg_shape(3, 2))));
    tg_optimizer *optimizer = tg_adam_new(tg_list(strided, plain), .lr = 0.1, .amsgrad = true);
    const int64_t version = tg_version(strided);
    for (int i = 0; i < 3; i++) assert_int_equal(tg_step(optimizer), TG_OK);
    double expected[6];
    tg_to_array(plain, expected, 6);
    assert_values(strided, expected, 6, 0);
    assert_true(fabs(expected[0] - 0.7) < 1e-6);
    assert_true(tg_version(strided) > version);
    VALUES(flat, 1e-6, 0.7, 1.7, 2.7, 4.3, 5.3, 6.3); /* the storage behind the view */
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* A parameter's own count of steps corrects its moments. */
TEST(test_parameters_without_gradient_are_skipped)
{
    tg_scope scope = tg_scope_begin();
    const double g[] = { 1, 2, -3 };
    tg_tensor *early = parameter(TG_FLOAT64), *late = parameter(TG_FLOAT64);
    tg_optimizer *optimizer = tg_adam_new(tg_list(early, late), .lr = 0.1, .weight_decay = 0.5);
    give_gradient(early, g);
    const int64_t version = tg_version(late);
    tg_step(optimizer);
    VALUES(late, 0, 0.5, -1.25, 2.0);
    assert_int_equal(tg_version(late), version);
    double once[3];
    tg_to_array(early, once, 3);
    give_gradient(late, g);
    tg_set_grad(early, NULL);
    tg_step(optimizer);
    assert_values(late, once, 3, 0);
    assert_values(early, once, 3, 0);
    tg_optimizer_free(optimizer);
    tg_scope_end(scope);
}

/* ---- what a step does to autograd ---- */

TEST(test_step_is_a_write_and_records_nothing)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .lr = 0.1);
    tg_tensor *y = tg_sum(tg_mul(p, p));
    tg_backward(y, .retain_graph = true);
    const int64_t nodes = tg_tape_length();
    assert_int_equal(tg_step(sgd), TG_OK);
    assert_int_equal(tg_tape_length(), nodes);
    assert_true(tg_is_leaf(p) && tg_requires_grad(p) && tg_is_grad_enabled());
    assert_int_equal(tg_backward(y), TG_FAILED);
    expect_error("modified by an inplace operation");
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

TEST(test_no_weight_moves_while_an_error_is_pending)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT32);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .lr = 0.1);
    give_gradient(p, (const double[]){ 1, 1, 1 });
    tg_fail("test", "something went wrong before");
    assert_int_equal(tg_step(sgd), TG_FAILED);
    assert_int_equal(tg_zero_grad(sgd), TG_FAILED);
    assert_true(isnan(tg_clip_grad_norm_(tg_list(p), 0.1)));
    assert_int_equal(tg_clip_grad_value_(tg_list(p), 0.1), TG_FAILED);
    assert_null(tg_adam_new(tg_list(p)));
    assert_int_equal(tg_error_get().later, 0);
    expect_error("something went wrong before");
    VALUES(p, 0, 0.5, -1.25, 2.0);
    VALUES(tg_grad_of(p), 0, 1, 1, 1);
    assert_int_equal(tg_step(sgd), TG_OK);
    VALUES(p, 1e-7, 0.4, -1.35, 1.9);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

TEST(test_zero_grad)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .lr = 0.1, .weight_decay = 0.5);
    give_gradient(p, (const double[]){ 1, 1, 1 });
    tg_scope inner = tg_scope_begin();
    assert_int_equal(tg_zero_grad(sgd, .set_to_none = false), TG_OK);
    tg_scope_end(inner);
    VALUES(tg_grad_of(p), 0, 0, 0, 0);
    tg_step(sgd); /* zeros are a gradient: the decay acts */
    VALUES(p, 1e-15, 0.475, -1.1875, 1.9);
    assert_int_equal(tg_zero_grad(sgd), TG_OK);
    assert_null(tg_grad_of(p));
    assert_int_equal(tg_zero_grad(sgd, .set_to_none = false), TG_OK);
    assert_null(tg_grad_of(p));
    tg_step(sgd);
    VALUES(p, 1e-15, 0.475, -1.1875, 1.9);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* ---- groups ---- */

TEST(test_groups)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = parameter(TG_FLOAT64), *b = parameter(TG_FLOAT64), *c = parameter(TG_FLOAT64);
    tg_optimizer *sgd = tg_sgd_new(tg_list(a), .lr = 0.1, .weight_decay = 0.5);
    assert_int_equal(tg_optimizer_add_param_group(sgd, tg_list(b), .lr = 0.2, .weight_decay = 0), 1);
    assert_int_equal(tg_optimizer_add_param_group(sgd, tg_list(c), .lr = 0), 2);
    assert_int_equal(tg_optimizer_group_count(sgd), 3);
    tg_tensor *all[] = { a, b, c };
    for (int i = 0; i < 3; i++) give_gradient(all[i], (const double[]){ 1, 1, 1 });
    assert_int_equal(tg_step(sgd), TG_OK);
    VALUES(a, 1e-15, 0.375, -1.2875, 1.8);
    VALUES(b, 1e-15, 0.3, -1.45, 1.8);
    VALUES(c, 0, 0.5, -1.25, 2.0);
    assert_true(tg_lr(sgd) == 0.1 && tg_group_lr(sgd, 1) == 0.2 && tg_group_lr(sgd, 2) == 0);
    assert_int_equal(tg_set_group_lr(sgd, 1, 0.3), TG_OK);
    assert_true(tg_group_lr(sgd, 0) == 0.1 && tg_group_lr(sgd, 1) == 0.3);
    assert_int_equal(tg_set_lr(sgd, 0), TG_OK);
    assert_true(tg_group_lr(sgd, 0) == 0 && tg_group_lr(sgd, 1) == 0 && tg_group_lr(sgd, 2) == 0);
    tg_tensor *d = parameter(TG_FLOAT64); /* a new group starts as the optimiser was made */
    assert_int_equal(tg_optimizer_add_param_group(sgd, tg_list(d)), 3);
    assert_true(tg_group_lr(sgd, 3) == 0.1);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

TEST(test_group_errors)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *a = parameter(TG_FLOAT64), *b = parameter(TG_FLOAT64);
    tg_optimizer *sgd = tg_sgd_new(tg_list(a), .lr = 0.1);
    assert_int_equal(tg_optimizer_add_param_group(sgd, tg_list(b, a)), -1);
    expect_error("SGD: some parameters appear in more than one parameter group");
    assert_int_equal(tg_optimizer_add_param_group(sgd, tg_list(b), .lr = -1), -1);
    expect_error("Invalid learning rate: -1");
    assert_int_equal(tg_optimizer_group_count(sgd), 1);
    assert_true(isnan(tg_group_lr(sgd, 1)));
    expect_error("there is no parameter group 1: the last one is 0");
    assert_int_equal(tg_set_group_lr(sgd, -2, 0.1), TG_FAILED);
    expect_error("there is no parameter group -2");
    assert_int_equal(tg_set_lr(sgd, NAN), TG_FAILED);
    expect_error("Invalid learning rate: nan");
    assert_true(tg_lr(sgd) == 0.1);
    tg_optimizer_free(sgd);
    tg_scope_end(scope);
}

/* ---- bad options and parameters ---- */

TEST(test_bad_options)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor_list p = tg_list(parameter(TG_FLOAT32));
    char line[128];
    snprintf(line, sizeof line, "test_optim.c:%d: Adam: Invalid learning rate: -1", __LINE__ + 1);
    assert_null(tg_adam_new(p, .lr = -1));
    expect_error(line);
    assert_null(tg_adam_new(p, .eps = -1));
    expect_error("Adam: Invalid epsilon value: -1");
    assert_null(tg_adam_new(p, .beta1 = 1));
    expect_error("Adam: Invalid beta parameter at index 0: 1");
    assert_null(tg_adamw_new(p, .beta2 = 1.5));
    expect_error("AdamW: Invalid beta parameter at index 1: 1.5");
    assert_null(tg_adam_new(p, .weight_decay = -0.1));
    expect_error("Adam: Invalid weight_decay value: -0.1");
    assert_null(tg_sgd_new(p, .lr = NAN));
    expect_error("SGD: Invalid learning rate: nan");
    assert_null(tg_sgd_new(p, .momentum = -1));
    expect_error("SGD: Invalid momentum value: -1");
    assert_null(tg_sgd_new(p, .weight_decay = -1));
    expect_error("SGD: Invalid weight_decay value: -1");
    assert_null(tg_rmsprop_new(p, .lr = -1));
    expect_error("RMSprop: Invalid learning rate: -1");
    assert_null(tg_rmsprop_new(p, .alpha = -1));
    expect_error("RMSprop: Invalid alpha value: -1");
    assert_null(tg_rmsprop_new(p, .eps = NAN));
    expect_error("RMSprop: Invalid epsilon value: nan");
    assert_null(tg_rmsprop_new(p, .momentum = -1));
    expect_error("RMSprop: Invalid momentum value: -1");
    assert_null(tg_sgd_new(p, .nesterov = true));
    expect_error("Nesterov momentum requires a momentum and zero dampening");
    assert_null(tg_sgd_new(p, .nesterov = true, .momentum = 0.9, .dampening = 0.1));
    expect_error("Nesterov momentum requires a momentum and zero dampening");
    tg_scope_end(scope);
}

TEST(test_bad_parameters)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT32);
    assert_null(tg_adam_new(TG_NONE));
    expect_error("optimizer got an empty parameter list");
    assert_null(tg_adam_new(tg_list(tg_mul(p, p))));
    expect_error("can't optimize a non-leaf Tensor");
    assert_null(tg_adam_new(tg_list(p, p)));
    expect_error("duplicate parameters");
    assert_null(tg_adam_new(tg_list(p, NULL)));
    expect_error("argument 2 is NULL");
    assert_null(tg_adam_new(tg_list(tg_zeros(tg_shape(1), .dtype = TG_INT64))));
    expect_error("can't optimize a tensor whose dtype is not a floating one");
    assert_null(tg_adam_new(tg_list(tg_expand(tg_ones(tg_shape(1)), tg_shape(3)))));
    expect_error("share one place in memory");
    assert_null(tg_adam_new(tg_parameters((tg_linear *)NULL))); /* one error: the first */
    assert_int_equal(tg_error_get().later, 0);
    expect_error("the module is NULL");
    assert_int_equal(tg_step(NULL), TG_FAILED);
    expect_error("step: the optimizer is NULL");
    assert_int_equal(tg_zero_grad(NULL), TG_FAILED);
    expect_error("zero_grad: the optimizer is NULL");
    tg_optimizer_free(NULL);
    tg_scope_end(scope);
}

TEST(test_dtype_changed_between_steps)
{
    tg_scope scope = tg_scope_begin();
    tg_linear *m = tg_linear_new(2, 1);
    tg_optimizer *adam = tg_adam_new(tg_parameters(m));
    tg_backward(tg_sum(tg_linear_forward(m, tg_ones(tg_shape(1, 2)))));
    assert_int_equal(tg_step(adam), TG_OK);
    tg_module_to(m, TG_FLOAT64);
    assert_int_equal(tg_step(adam), TG_FAILED);
    expect_error("Adam: a parameter has another shape or dtype than at the last step");
    tg_optimizer_free(adam);
    tg_module_free(m);
    tg_scope_end(scope);
}

/* ---- lifetimes ---- */

/* Model and optimiser made in one scope, trained in others, the model freed first. The target is y = 2 x1 - x2 +
 * 0.5. */
TEST(test_training_over_scopes)
{
    tg_manual_seed(0);
    tg_scope scope = tg_scope_begin();
    tg_linear *m = tg_linear_new(2, 1);
    tg_optimizer *optimizers[] = { tg_sgd_new(tg_parameters(m), .lr = 0.1, .momentum = 0.5), NULL };
    tg_scope_end(scope);
    scope = tg_scope_begin();
    optimizers[1] = tg_adam_new(tg_parameters(m), .lr = 0.01);
    tg_scope_end(scope);
    double loss = 1;
    for (int i = 0; i < 300; i++) {
        tg_optimizer *optimizer = optimizers[i >= 200];
        tg_scope step = tg_scope_begin();
        tg_tensor *x = tg_randn(tg_shape(16, 2));
        tg_tensor *y = tg_add(tg_sub(tg_mul(tg_narrow(x, 1, 0, 1), 2), tg_narrow(x, 1, 1, 1)), 0.5);
        tg_zero_grad(optimizer);
        tg_tensor *error = tg_mse_loss(tg_linear_forward(m, x), y);
        tg_backward(error);
        tg_step(optimizer);
        loss = tg_item(error);
        tg_scope_end(step);
    }
    assert_true(loss < 1e-6);
    VALUES(m->weight, 1e-3, 2, -1);
    VALUES(m->bias, 1e-3, 0.5);
    tg_module_free(m);
    assert_int_equal(tg_step(optimizers[1]), TG_OK); /* it holds its parameters itself */
    tg_optimizer_free(optimizers[0]);
    tg_optimizer_free(optimizers[1]);
}

/* Two backwards in scopes of their own accumulate into one gradient. */
TEST(test_accumulating_over_scopes)
{
    tg_scope outer = tg_scope_begin();
    tg_tensor *p = parameter(TG_FLOAT64);
    tg_optimizer *sgd = tg_sgd_new(tg_list(p), .lr = 0.5);
    for (int i = 0; i < 2; i++) {
        tg_scope scope = tg_scope_begin();
        tg_backward(tg_sum(tg_mul(p, 1 + i)));
        tg_scope_end(scope);
    }
    tg_step(sgd);
    VALUES(p, 0, -1.0, -2.75, 0.5);
    tg_optimizer_free(sgd);
    tg_scope_end(outer);
}

/* ---- memory ---- */

static int64_t allocations, failing = -1; /* the number of the allocation that fails */

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    return allocations++ == failing ? NULL : aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void release(void *block, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    free(block);
}

typedef struct training {
    tg_sequential *net;
    tg_lstm *lstm;
    tg_optimizer *adam, *sgd;
} training;

static void training_begin(training *t)
{
    t->lstm = tg_lstm_new(2, 3, .num_layers = 2, .dropout = 0.5);
    t->net = tg_sequential_new(tg_linear_new(3, 2), tg_tanh_new(), tg_linear_new(2, 1));
    t->adam = tg_adam_new(tg_parameters(t->lstm), .amsgrad = true);
    t->sgd = tg_sgd_new(tg_parameters(t->net), .lr = 0.1, .momentum = 0.9);
}

static void training_step(const training *t)
{
    tg_scope step = tg_scope_begin();
    tg_zero_grad(t->adam);
    tg_zero_grad(t->sgd, .set_to_none = false);
    tg_tensor *h = tg_lstm_forward(t->lstm, tg_ones(tg_shape(3, 2, 2))).output;
    tg_tensor *y = tg_sequential_forward(t->net, h);
    tg_backward(tg_sum(tg_mul(y, y)));
    tg_clip_grad_norm_(tg_parameters(t->lstm), 0.5);
    tg_step(t->adam);
    tg_step(t->sgd);
    tg_scope_end(step);
}

static void training_end(training *t)
{
    tg_optimizer_free(t->adam);
    tg_optimizer_free(t->sgd);
    tg_module_free(t->net);
    tg_module_free(t->lstm);
}

/* Every allocation of a whole training fails once: an error each time, no crash, nothing left behind. */
TEST(test_each_allocation_fails)
{
    training t;
    training_begin(&t);
    training_step(&t);
    training_end(&t);
    assert_false(tg_failed());
    const tg_memory_statistics before = tg_memory_stats();
    int64_t n = 0;
    for (bool reached = true; reached; n++) {
        allocations = 0;
        failing = n;
        training_begin(&t);
        training_step(&t);
        training_step(&t);
        training_end(&t);
        reached = allocations > failing;
        failing = -1;
        if (reached && tg_error_get().code != TG_ERROR_MEMORY) fail_msg("allocation %d failed in silence", (int)n);
        if (!reached) assert_false(tg_failed());
        tg_error_clear();
        const tg_memory_statistics after = tg_memory_stats();
        if (after.live_tensors != before.live_tensors || after.tape_nodes != before.tape_nodes)
            fail_msg("allocation %d: %d tensors and %d nodes are left", (int)n,
                     (int)(after.live_tensors - before.live_tensors), (int)(after.tape_nodes - before.tape_nodes));
        assert_true(tg_is_grad_enabled());
    }
    assert_true(n > 300);
}

/* The first step makes the state: while that fails no parameter moves, not even the first ones. */
TEST(test_a_step_is_whole_or_not_at_all)
{
    tg_scope scope = tg_scope_begin();
    bool reached = true;
    for (int64_t n = 0; reached; n++) {
        tg_tensor *p[] = { parameter(TG_FLOAT64), parameter(TG_FLOAT64), parameter(TG_FLOAT64) };
        for (int i = 0; i < 3; i++) give_gradient(p[i], (const double[]){ 1, 1, 1 });
        tg_optimizer *adam = tg_adam_new(tg_list(p[0], p[1], p[2]), .lr = 0.1);
        allocations = 0;
        failing = n;
        const tg_status status = tg_step(adam);
        reached = allocations > failing;
        failing = -1;
        assert_int_equal(status, reached ? TG_FAILED : TG_OK);
        tg_error_clear();
        for (int i = 0; i < 3 && reached; i++) VALUES(p[i], 0, 0.5, -1.25, 2.0);
        assert_int_equal(tg_step(adam), TG_OK); /* once there is memory again it is as if nothing had happened */
        for (int i = 0; i < 3 && reached; i++) VALUES(p[i], 1e-7, 0.4, -1.35, 1.9);
        tg_optimizer_free(adam);
    }
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_against_pytorch),
        T(test_large_parameters),
        T(test_strided_memory),
        T(test_parameters_without_gradient_are_skipped),
        T(test_step_is_a_write_and_records_nothing),
        T(test_no_weight_moves_while_an_error_is_pending),
        T(test_zero_grad),
        T(test_groups),
        T(test_group_errors),
        T(test_bad_options),
        T(test_bad_parameters),
        T(test_dtype_changed_between_steps),
        T(test_training_over_scopes),
        T(test_accumulating_over_scopes),
        T(test_each_allocation_fails),
        T(test_a_step_is_whole_or_not_at_all),
    };
    setenv("TAPEGRAD_POOL", "0", 1); /* every block is an allocation of its own, and can fail */
    tg_set_allocator(allocate, release, NULL);
    return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}
