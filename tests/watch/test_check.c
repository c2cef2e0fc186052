/* test_check.c: numbers that are not finite, found where they come from (core/watch/check/check_finite.c). Each case is planted;
 * beside it stands the one that must not be told of. */
#include "tests/support/finds.h"

#include "tapegrad.h"

#include <math.h>

#define NUMBERS(grad, ...)                                                                                             \
    tg_requires_grad_(tg_from_data((float[]){ __VA_ARGS__ },                                                           \
                                   tg_shape((int64_t)(sizeof((float[]){ __VA_ARGS__ }) / sizeof(float)))),             \
                      grad)

/* ---- forward ---- */

TEST(test_log_of_zero)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 1, 0.5f, 0, 2);
    const int line = __LINE__ + 1;
    tg_tensor *y = tg_log(x);
    tg_exp(tg_mul(y, 2)); /* carries it on, or makes it finite again: not told of */
    assert_int_equal(tg_check_end(), 1);
    const find *f = found(&all, "not_finite");
    assert_at(f, __FILE__, line);
    assert_says(f, "log made -inf of finite numbers");
    assert_says(f, "the first is [2], which is -inf, of a = 0");
    assert_says(f, "float32[4], from 0 to 2");
    assert_says(f, "1 of 4 infinite");
    assert_says(f, "the logarithm of 0 is -inf");
    tg_scope_end(scope);
}

TEST(test_nan_of_each_kind)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(false, -1, 0, 100);
    tg_sqrt(x);                       /* NaN of -1 */
    tg_div(x, tg_zeros(tg_shape(3))); /* inf, NaN, inf */
    tg_exp(x);                        /* overflow in float32, not in float64: */
    tg_exp(tg_to(x, TG_FLOAT64));
    tg_mean(tg_zeros(tg_shape(0)));         /* 0 / 0 */
    tg_mul(tg_full(tg_shape(3), 3e38f), 2); /* too large */
    assert_int_equal(tg_check_end(), 5);
    static const char *const words[] = { "of a = -1", "of a = -1, b = 0", "of a = 100", "of no elements is 0 / 0",
                                         "3.4e38" };
    for (int i = 0; i < 5; i++) assert_says(&all.items[i], words[i]);
    tg_scope_end(scope);
}

TEST(test_nan_of_infinity)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = tg_masked_fill(tg_zeros(tg_shape(2, 3)), tg_ones(tg_shape(2, 3), .dtype = TG_BOOL), -INFINITY);
    tg_tensor *p = tg_softmax(x, 1); /* a row masked throughout */
    assert_true(isnan(tg_item(tg_select(tg_select(p, 0, 0), 0, 0))));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "not_finite"), "softmax made NaN of numbers some of which are infinite");
    assert_says(&all.items[0], "Leave one place of each row unmasked");
    tg_scope_end(scope);
}

/* Infinity that is asked for. */
TEST(test_masks_are_no_fault)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = tg_randn(tg_shape(4, 4), .requires_grad = true);
    tg_tensor *mask = tg_triu(tg_ones(tg_shape(4, 4)), 1);
    tg_tensor *a = tg_softmax(tg_masked_fill(x, tg_gt(mask, 0), -INFINITY), 1);
    tg_tensor *b = tg_softmax(tg_where(tg_gt(mask, 0), -INFINITY, x), 1);
    tg_tensor *c = tg_softmax(tg_add(x, tg_log(tg_sub(1, mask))), 1); /* log of zeros and ones */
    tg_tensor *d = tg_softmax(tg_pad(x, tg_shape(1, 1), .value = -INFINITY), 1);
    tg_tensor *e = tg_softmax(tg_add(x, tg_triu(tg_full(tg_shape(4, 4), -INFINITY), 1)), 1);
    tg_tensor *sum =
        tg_add(tg_add(tg_sum(tg_mul(a, x)), tg_sum(tg_mul(b, x))), tg_add(tg_sum(tg_mul(c, x)), tg_sum(d)));
    tg_backward(tg_add(sum, tg_sum(tg_mul(e, x))));
    tg_tensor *filled = tg_zeros(tg_shape(3));
    tg_masked_fill_(filled, tg_ones(tg_shape(3), .dtype = TG_BOOL), -INFINITY);
    tg_add_(filled, 1);
    assert_int_equal(tg_check_end(), 0);
    assert_nothing_found(&all);
    tg_scope_end(scope);
}

TEST(test_in_place)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(false, 1, 0);
    tg_log_(x);
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "not_finite"), "log_ made -inf");
    tg_scope_end(scope);
}

/* Named: module and line; once for each. */
TEST(test_module_is_named)
{
    IN_SCOPE;
    tg_sequential *model = tg_sequential_new(tg_linear_new(2, 3), tg_relu_new(), tg_linear_new(3, 1));
    tg_scope off = tg_no_grad_begin();
    tg_fill_(tg_named_parameters(model).items[0].tensor, 3e38);
    tg_scope_end(off);
    CHECKING;
    for (int i = 0; i < 3; i++) tg_module_forward(TG_MODULE(model), tg_full(tg_shape(1, 2), 100.0));
    assert_int_equal(tg_check_end(), 1);
    assert_string_equal(found(&all, "not_finite")->place, "Sequential.0");
    assert_says(&all.items[0], "0.weight: float32[3, 2]");
    tg_module_free(model);
    tg_scope_end(scope);
}

/* ---- backward ---- */

TEST(test_gradient_of_sqrt_at_zero)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 4, 0, 1);
    const int line = __LINE__ + 1;
    tg_tensor *y = tg_sqrt(x);
    tg_backward(tg_sum(tg_mul(y, 3)));
    assert_int_equal(tg_check_end(), 1);
    const find *f = found(&all, "gradient_not_finite");
    assert_at(f, __FILE__, line);
    assert_says(f, "the backward of sqrt makes inf of finite gradients");
    assert_says(f, "the first is [1] of the gradient of input a, which is inf; g = 3; saved for it: 0");
    assert_says(f, "the backward began at " __FILE__);
    tg_scope_end(scope);
}

/* PyTorch's issue 22820 and many others: a result is masked, its gradient is NaN all the same. */
TEST(test_masked_afterwards)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 4, 0, 1);
    tg_backward(tg_sum(tg_where(tg_gt(x, 0), tg_sqrt(x), 0)));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "gradient_not_finite"), "0 * inf is NaN all the same");
    tg_scope_end(scope);
}

TEST(test_masked_before)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 4, 0, 1), *positive = tg_gt(x, 0);
    tg_backward(tg_sum(tg_where(positive, tg_sqrt(tg_where(positive, x, 1)), 0)));
    assert_int_equal(tg_check_end(), 0);
    tg_scope_end(scope);
}

/* A product evaluated with others, as of a weight used at every step. */
TEST(test_gradient_of_a_product)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w = tg_full(tg_shape(2, 2), 1.0, .requires_grad = true), *x = tg_full(tg_shape(3, 2), 1e30);
    tg_backward(tg_sum(tg_linear(x, w, NULL)), .gradient = tg_full(tg_shape(), 1e20f)); /* 1e50 */
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "gradient_not_finite"), "the backward of linear makes inf");
    tg_scope_end(scope);
}

TEST(test_given_gradient)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 1, 2);
    tg_backward(tg_mul(x, 2), .gradient = NUMBERS(false, 1, NAN));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "gradient_not_finite"), "the gradient that backward starts from is not finite");
    tg_scope_end(scope);
}

TEST(test_sum_of_gradients)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 1e-10f), *y = tg_mul(x, 1);
    tg_backward(tg_add(tg_mul(y, 3e38), tg_mul(y, 3e38 / 2)), .gradient = NUMBERS(false, 1));
    assert_int_equal(count_of(&all, "gradient_not_finite"), 1);
    assert_says(found(&all, "gradient_not_finite"), "finite one by one, but not their sum");
    tg_check_end();
    tg_scope_end(scope);
}

/* ---- the loss ---- */

TEST(test_data_with_nan)
{
    IN_SCOPE;
    CHECKING;
    const int line = __LINE__ + 1;
    tg_tensor *x = NUMBERS(false, 1, NAN, 3);
    tg_tensor *w = tg_set_name(NUMBERS(true, 1, 1, 1), "w");
    for (int i = 0; i < 3; i++) tg_backward(tg_sum(tg_mul(w, x))); /* told once */
    assert_int_equal(tg_check_end(), 1);
    char from[160];
    snprintf(from, sizeof from, "a tensor of shape [3], made at %s:%d: NaN at [1]", __FILE__, 17);
    (void)line;
    assert_says(found(&all, "loss_not_finite"), "backward starts from a loss that is NaN");
    assert_says(&all.items[0], "NaN at [1]");
    assert_says(&all.items[0], "read by mul at " __FILE__);
    tg_scope_end(scope);
}

TEST(test_parameter_with_nan)
{
    IN_SCOPE;
    tg_linear *fc = tg_linear_new(2, 1);
    tg_scope off = tg_no_grad_begin();
    const int line = __LINE__ + 1;
    tg_fill_(fc->weight, NAN);
    tg_scope_end(off);
    CHECKING;
    tg_backward(tg_sum(tg_linear_forward(fc, tg_ones(tg_shape(1, 2)))));
    assert_int_equal(tg_check_end(), 1);
    char words[160];
    snprintf(words, sizeof words, "last written at %s:%d", __FILE__, line);
    assert_says(found(&all, "loss_not_finite"), words);
    assert_says(&all.items[0], "the parameter 'weight'");
    tg_module_free(fc);
    tg_scope_end(scope);
}

TEST(test_loss_says_what_made_it)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 0, 1);
    tg_backward(tg_mean(tg_div(x, x)));
    assert_int_equal(tg_check_end(), 2);
    assert_says(found(&all, "loss_not_finite"), "by div at " __FILE__);
    tg_scope_end(scope);
}

/* The mask is not what made it so. */
TEST(test_data_with_nan_beside_a_mask)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *w = NUMBERS(true, 1, 1), *mask = NUMBERS(false, 0, -INFINITY), *x = NUMBERS(false, 1, NAN);
    tg_tensor *p = tg_softmax(tg_add(w, mask), 0);
    tg_backward(tg_sum(tg_mul(p, x)));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "loss_not_finite"), "NaN at [1]; read by mul");
    tg_scope_end(scope);
}

TEST(test_nan_that_was_chosen)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 1, 2);
    tg_backward(tg_sum(tg_where(tg_gt(x, 1), x, NAN)));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "loss_not_finite"), "NaN at []; read by where");
    tg_scope_end(scope);
}

/* NaN that a program expects and leaves out. */
TEST(test_nan_left_out)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 1, 2, 3), *data = NUMBERS(false, 1, NAN, 3);
    tg_tensor *there = tg_logical_not(tg_isnan(data));
    tg_backward(tg_sum(tg_mul(x, tg_where(there, data, 0))));
    tg_backward(tg_sum(tg_mul(x, tg_nan_to_num(data))));
    assert_int_equal(tg_check_end(), 0);
    tg_scope_end(scope);
}

/* Nobody calls backward: told in the end. */
TEST(test_evaluation_with_nan)
{
    IN_SCOPE;
    CHECKING;
    tg_mul(NUMBERS(false, 1, NAN), 2);
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "data_not_finite"), "NaN at [1]");
    tg_scope_end(scope);
}

/* ---- backwards that are wrong ---- */

static void wrong_backward(tg_context *ctx) { tg_set_grad_input(ctx, 0, tg_mul(tg_grad_output(ctx, 0), 3)); }
static const tg_op op_twice;
static tg_tensor_list twice_call(const tg_value *args);
static const tg_op op_twice = { .name = "twice",
                                .schema = "twice(Tensor self) -> Tensor",
                                .formula = "y = 2 x",
                                .gradient = "dx = 3 g",
                                .backward = wrong_backward,
                                .call = twice_call };

static tg_tensor *twice_at(const char *where, tg_tensor *x)
{
    if (!tg_op_begin(where, &op_twice, tg_list(x))) return NULL;
    tg_scope scope = tg_no_grad_begin();
    tg_tensor *y = tg_mul(x, 2);
    tg_scope_end_with(scope, &y);
    return tg_record(&op_twice, tg_list(x), tg_list(y), TG_NONE, NULL, 0) == TG_OK ? y : NULL;
}

static tg_tensor_list twice_call(const tg_value *args)
{
    tg_tensor *y = twice_at(TG_HERE, args[0].as.tensor);
    return tg_list_in_scope(&y, 1);
}

TEST(test_wrong_backward)
{
    IN_SCOPE;
    CHECKING;
    tg_tensor *x = NUMBERS(true, 1, 2);
    for (int i = 0; i < 2; i++) tg_exp(twice_at(TG_HERE, x));
    assert_int_equal(tg_check_end(), 1);
    assert_says(found(&all, "wrong_gradient"), "the backward of twice is not the derivative of its forward");
    tg_scope_end(scope);
}

/* ---- stopping ---- */

TEST(test_stop)
{
    IN_SCOPE;
    static finds all;
    all.count = 0;
    tg_check_begin(.stop = true, .told = note_find, .context = &all);
    tg_tensor *x = NUMBERS(true, 0, 1);
    const int line = __LINE__ + 1;
    assert_null(tg_log(x));
    char words[160];
    snprintf(words, sizeof words, "%s:%d: log: log made -inf of finite numbers", __FILE__, line);
    expect_error(words);
    assert_int_equal(tg_backward(tg_sum(tg_sqrt(x))), TG_FAILED);
    expect_error("the backward of sqrt makes inf");
    assert_int_equal(tg_check_end(), 2);
    assert_non_null(tg_log(x)); /* and no longer */
    tg_scope_end(scope);
}

/* ---- runs are the same ---- */

static void train(double *weights, int64_t n)
{
    IN_SCOPE;
    tg_manual_seed(7);
    tg_lstm *lstm = tg_lstm_new(3, 4, .num_layers = 2, .dropout = 0.2);
    tg_optimizer *optimizer = tg_adam_new(tg_parameters(lstm));
    for (int i = 0; i < 5; i++) {
        tg_scope step = tg_scope_begin();
        tg_zero_grad(optimizer);
        tg_backward(
            tg_mean(tg_square(tg_lstm_forward(lstm, tg_randn(tg_shape(6, 2, 3)), (tg_lstm_state){ 0 }).output)));
        tg_step(optimizer);
        tg_scope_end(step);
    }
    tg_tensor *all = tg_parameters_to_vector(tg_parameters(lstm));
    assert_int_equal(tg_to_array(all, weights, n < tg_numel(all) ? n : tg_numel(all)), TG_OK);
    tg_optimizer_free(optimizer);
    tg_module_free(lstm);
    tg_scope_end(scope);
}

TEST(test_same_numbers)
{
    enum { N = 16 * (3 + 4) + 32 + 16 * 8 + 32 };
    double with[N], without[N];
    train(without, N);
    CHECKING;
    train(with, N);
    assert_int_equal(tg_check_end(), 0);
    assert_memory_equal(with, without, sizeof with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_log_of_zero),
        T(test_nan_of_each_kind),
        T(test_nan_of_infinity),
        T(test_masks_are_no_fault),
        T(test_in_place),
        T(test_module_is_named),
        T(test_gradient_of_sqrt_at_zero),
        T(test_masked_afterwards),
        T(test_masked_before),
        T(test_gradient_of_a_product),
        T(test_given_gradient),
        T(test_sum_of_gradients),
        T(test_data_with_nan),
        T(test_parameter_with_nan),
        T(test_loss_says_what_made_it),
        T(test_data_with_nan_beside_a_mask),
        T(test_nan_that_was_chosen),
        T(test_nan_left_out),
        T(test_evaluation_with_nan),
        T(test_wrong_backward),
        T(test_stop),
        T(test_same_numbers),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
