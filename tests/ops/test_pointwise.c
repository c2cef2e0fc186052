/* test_pointwise.c: what the samples of pointwise ops do not say: options of the C macros, each at an explicit zero;
 * the forms that take several kinds of arguments; in-place forms under the tape; integers at their ends; answers about
 * whole tensors. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>

static tg_tensor *row_of(const double *values, int64_t n)
{
    return tg_from_data(values, tg_shape(n), .dtype = TG_FLOAT64);
}
#define ROW(...) row_of((const double[]){ __VA_ARGS__ }, TG_COUNT(__VA_ARGS__))

static tg_tensor *integers_of(const int64_t *values, int64_t n) { return tg_from_data(values, tg_shape(n)); }
#define INTEGERS(...) integers_of((const int64_t[]){ __VA_ARGS__ }, TG_COUNT(__VA_ARGS__))

/* ---- options ---- */

TEST(test_options_at_zero)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = ROW(-2, 0, 3);
    VALUES(tg_leaky_relu(x), 1e-15, -0.02, 0, 3);
    VALUES(tg_leaky_relu(x, .negative_slope = 0), 0, 0, 0, 3);
    VALUES(tg_elu(x, .alpha = 0), 0, 0, 0, 3);
    VALUES(tg_elu(x, .scale = 0), 0, 0, 0, 0);
    VALUES(tg_elu(x, .input_scale = 0), 0, 0, 0, 3);
    VALUES(tg_softplus(x, .threshold = 0), 1e-15, log1p(exp(-2)), log(2), 3);
    VALUES(tg_hardtanh(x), 0, -1, 0, 1);
    VALUES(tg_hardtanh(x, .min_val = 0), 0, 0, 0, 1);
    VALUES(tg_hardtanh(x, .max_val = 0), 0, -1, 0, 0);
    VALUES(tg_softshrink(x), 0, -1.5, 0, 2.5);
    VALUES(tg_softshrink(x, .lambd = 0), 0, -2, 0, 3);
    VALUES(tg_hardshrink(ROW(-0.25, 0.25)), 0, 0, 0);
    VALUES(tg_hardshrink(ROW(-0.25, 0.25), .lambd = 0), 0, -0.25, 0.25);
    VALUES(tg_threshold(x, 0, 0), 0, 0, 0, 3);
    VALUES(tg_clamp(x, .min = 0), 0, 0, 0, 3);
    VALUES(tg_clamp(x, .max = 0), 0, -2, 0, 0);
    VALUES(tg_nan_to_num(ROW(NAN, INFINITY, -INFINITY)), 0, 0, DBL_MAX, -DBL_MAX);
    VALUES(tg_nan_to_num(ROW(NAN, INFINITY, -INFINITY), .nan = 1, .posinf = 0, .neginf = 0), 0, 1, 0, 0);
    VALUES(tg_addcmul(x, x, x), 0, 2, 0, 12);
    VALUES(tg_addcmul(x, x, x, .value = 0), 0, -2, 0, 3);
    VALUES(tg_addcdiv(x, x, ROW(1, 2, 4), .value = 0), 0, -2, 0, 3);
    VALUES(tg_add(x, x, .alpha = 0), 0, -2, 0, 3);
    VALUES(tg_sub(x, 1, .alpha = 0), 0, -2, 0, 3);
    VALUES(tg_add(x, x, .alpha = 2.5), 0, -7, 0, 10.5); /* in one pass, which tensors of other shapes are not */
    VALUES(tg_sub(x, x, .alpha = 0.5), 0, -1, 0, 1.5);
    VALUES(tg_sub(x, tg_scalar(1), .alpha = 0.5), 0, -2.5, -0.5, 2.5);
    VALUES(tg_logit(ROW(0.5), .eps = 0), 0, 0);
    assert_true(isinf(tg_item(tg_logit(ROW(0), .eps = 0))));
    assert_false(tg_allclose(ROW(1), ROW(1 + 1e-6), .rtol = 0));
    assert_true(tg_allclose(ROW(1), ROW(1 + 1e-6), .atol = 0));
    tg_celu(x, .alpha = 0);
    expect_error("alpha cannot be 0 for CELU");
    tg_scope_end(scope);
}

/* Operands with as many elements as the result lie flat, whatever dimensions of size 1 they lack; as many as each other,
 * they may still be broadcast. */
TEST(test_sizes_that_are_as_many)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = ROW(1, 2, 3, 4, 5, 6), *column = tg_reshape(ROW(1, 2), tg_shape(2, 1)), *pair = ROW(10, 20);
    tg_tensor *matrix = tg_reshape(x, tg_shape(2, 3)), *deep = tg_reshape(x, tg_shape(1, 2, 3));
    tg_tensor *apart = tg_reshape(x, tg_shape(3, 1, 2)), *turned = tg_t(tg_reshape(x, tg_shape(3, 2)));
    VALUES(tg_reshape(tg_mul(matrix, deep), tg_shape(6)), 0, 1, 4, 9, 16, 25, 36);
    VALUES(tg_reshape(tg_mul(deep, matrix), tg_shape(6)), 0, 1, 4, 9, 16, 25, 36);
    VALUES(tg_reshape(tg_add(column, pair), tg_shape(4)), 0, 11, 21, 12, 22);
    VALUES(tg_reshape(tg_add(apart, column), tg_shape(12)), 0, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8);
    VALUES(tg_reshape(tg_add(turned, deep), tg_shape(6)), 0, 2, 5, 8, 6, 9, 12);
    VALUES(tg_reshape(tg_addcmul(deep, matrix, deep), tg_shape(6)), 0, 2, 6, 12, 20, 30, 42);
    tg_tensor *leaf = tg_requires_grad_(tg_clone(matrix), true);
    tg_backward(tg_sum(tg_mul(tg_tanh(leaf), deep)));
    VALUES(tg_reshape(tg_sub(tg_grad_of(leaf), tg_mul(matrix, tg_sub(1, tg_square(tg_tanh(matrix))))), tg_shape(6)),
           1e-15, 0, 0, 0, 0, 0, 0);
    tg_scope_end(scope);
}

TEST(test_gelu_and_div_have_modes)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = ROW(-1, 0.5);
    VALUES(tg_gelu(x), 1e-15, -0.15865525393145707, 0.34573123063700656);
    VALUES(tg_gelu(x, .approximate = "tanh"), 1e-15, -0.15880800939172324, 0.34571400982514394);
    VALUES(tg_div(x, 0.3), 1e-15, -1 / 0.3, 0.5 / 0.3);
    VALUES(tg_div(x, 0.3, .rounding_mode = "floor"), 0, -4, 1);
    VALUES(tg_div(x, 0.3, .rounding_mode = "trunc"), 0, -3, 1);
    VALUES(tg_div_(tg_clone(x), 0.3, .rounding_mode = "floor"), 0, -4, 1);
    VALUES(tg_div_(tg_clone(x), 0.3, .rounding_mode = "trunc"), 0, -3, 1);
    VALUES(tg_add_(tg_clone(x), x, .alpha = 3), 0, -4, 2);
    VALUES(tg_sub_(tg_clone(x), x, .alpha = 3), 0, 2, -1);
    assert_null(tg_gelu_(tg_clone(x), .approximate = "erf"));
    expect_error("approximate argument must be either none or tanh.");
    assert_null(tg_div_(tg_clone(x), 2, .rounding_mode = "up"));
    expect_error("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'");
    tg_scope_end(scope);
}

/* ---- clamp ---- */

TEST(test_clamp_bounds)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_requires_grad_(ROW(-2, 0, 3), true), *low = tg_requires_grad_(ROW(-1, 1, 1), true);
    tg_tensor *y = tg_clamp_tensor(x, low, NULL);
    VALUES(y, 0, -1, 1, 3);
    tg_tensor_list g = tg_grad(tg_list(tg_sum(y)), tg_list(x, low));
    VALUES(g.items[0], 0, 0, 0, 1);
    VALUES(g.items[1], 0, 1, 1, 0);
    y = tg_clamp_tensor(x, NULL, low);
    VALUES(y, 0, -2, 0, 1);
    g = tg_grad(tg_list(tg_sum(y)), tg_list(x, low));
    VALUES(g.items[0], 0, 1, 1, 0);
    VALUES(g.items[1], 0, 0, 0, 1);
    tg_tensor *i = INTEGERS(-5, 0, 5);
    assert_int_equal(tg_dtype_of(tg_clamp(i, .min = -1, .max = 2)), TG_INT64);
    assert_int_equal(tg_dtype_of(tg_clamp(i, .min = -1.5)), TG_FLOAT32);
    VALUES(tg_clamp_(i, .min = -1, .max = 2), 0, -1, 0, 2);
    assert_null(tg_clamp(x));
    expect_error("At least one of 'min' or 'max' must not be None");
    assert_null(tg_clamp_(i, .min = 0.5));
    expect_error("result type Float can't be cast to the desired output type Long");
    tg_scope_end(scope);
}

static double bounded(double x, double low, double high)
{
    if (isnan(x) || isnan(low) || isnan(high)) return (double)NAN;
    const double above = x < low ? low : x;
    return above > high ? high : above;
}

static void assert_bounded(const char *what, tg_tensor *y, tg_tensor *x, double low, double high)
{
    double *got = elements(y), *from = elements(x);
    for (int64_t i = 0; i < tg_numel(x); i++) {
        const double want = bounded(from[i], low, high);
        if (isnan(want) ? !isnan(got[i]) : got[i] != want || !signbit(got[i]) != !signbit(want))
            fail_msg("%s of %g between %g and %g, element %d of %d: %g", what, from[i], low, high, (int)i,
                     (int)tg_numel(x), got[i]);
    }
    free(got);
    free(from);
}

/* What is special and what is not, by turns; the second of two dimensions is 1 or 3. */
static tg_tensor *mixed(int64_t n, int64_t columns, tg_dtype dtype)
{
    static const double some[] = { -2, 0.3, NAN, -0.0, 0.0, INFINITY, -INFINITY, 0.5, -0.5, 6, 7, 0x1p-149, 1.25 };
    double *values = malloc((size_t)(n * columns) * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n * columns; i++) values[i] = some[i % (int64_t)(sizeof some / sizeof *some)];
    tg_tensor *x = tg_to(tg_from_data(values, tg_shape(columns, n), .dtype = TG_FLOAT64), dtype);
    free(values);
    return tg_transpose(x, 0, 1);
}

/* Numbers and tensors as bounds, where they lie and as they lie. */
static void check_bounds(tg_tensor *x, double low, double high)
{
    tg_tensor *lows = tg_full_like(x, low), *highs = tg_full_like(x, high);
    assert_bounded("clamp", tg_clamp(x, .min = low, .max = high), x, low, high);
    assert_bounded("clamp_", tg_clamp_(tg_clone(x), .min = low, .max = high), x, low, high);
    assert_bounded("clamp by tensors", tg_clamp_tensor(x, lows, highs), x, low, high);
    assert_bounded("clamp_ by tensors", tg_clamp_tensor_(tg_clone(x), lows, highs), x, low, high);
    assert_bounded("clamp by one row", tg_clamp_tensor(x, tg_narrow(lows, 0, 0, 1), highs), x, low, high);
    if (low > high) return;
    assert_bounded("hardtanh", tg_hardtanh(x, .min_val = low, .max_val = high), x, low, high);
    assert_bounded("hardtanh_", tg_hardtanh_(tg_clone(x), .min_val = low, .max_val = high), x, low, high);
}

TEST(test_bounds_by_definition)
{
    static const int64_t sizes[] = { 1, 2, 15, 16, 17, 63, 1001, 9001 };
    static const double bounds[][2] = { { -0.5, 0.5 },    { 0.0, 6 },      { -0.0, 0.0 }, { 0.0, -0.0 }, { 0.5, -0.5 },
                                        { -INFINITY, 1 }, { 0, INFINITY }, { NAN, 1 },    { -1, NAN } };
    for (int threads = 1; threads <= 3; threads++) {
        tg_set_num_threads(threads);
        for (int i = 0; i < 32; i++) {
            IN_SCOPE;
            tg_tensor *x = mixed(sizes[i % 8], i < 16 ? 1 : 3, i / 8 % 2 ? TG_FLOAT32 : TG_FLOAT64);
            for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++) check_bounds(x, bounds[k][0], bounds[k][1]);
            assert_bounded("relu6", tg_relu6(x), x, 0, 6);
            assert_bounded("relu6_", tg_relu6_(tg_clone(x)), x, 0, 6);
            tg_scope_end(scope);
        }
    }
    tg_set_num_threads(1);
}

/* ---- in place ---- */

/* x is no leaf: in-place forms write over a result. */
static tg_tensor *twice(tg_tensor *x) { return tg_mul(x, 2); }

TEST(test_in_place_saves_what_it_needs)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_requires_grad_(ROW(0.25, 0.5), true), *a = twice(x);
    assert_ptr_equal(tg_sigmoid_(a), a); /* from the result itself */
    tg_tensor_list g = tg_grad(tg_list(tg_sum(a)), tg_list(x));
    const double s0 = 1 / (1 + exp(-0.5)), s1 = 1 / (1 + exp(-1));
    VALUES(g.items[0], 1e-15, 2 * s0 * (1 - s0), 2 * s1 * (1 - s1));
    a = twice(x);
    tg_sin_(a); /* from a copy of what was there */
    g = tg_grad(tg_list(tg_sum(a)), tg_list(x), .create_graph = true);
    VALUES(g.items[0], 1e-15, 2 * cos(0.5), 2 * cos(1));
    g = tg_grad(tg_list(tg_sum(g.items[0])), tg_list(x));
    VALUES(g.items[0], 1e-15, -4 * sin(0.5), -4 * sin(1));
    a = twice(x);
    tg_mul_(a, a); /* both factors are the old value */
    VALUES(tg_grad(tg_list(tg_sum(a)), tg_list(x)).items[0], 1e-15, 2, 4);
    a = twice(x);
    tg_sub_(a, tg_flip(a, tg_shape(0))); /* a source that a write would change */
    VALUES(a, 0, -0.5, 0.5);
    tg_scope_end(scope);
}

TEST(test_in_place_is_refused)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_requires_grad_(ROW(0.25, 0.5), true), *a = twice(x);
    assert_null(tg_relu_(x));
    expect_error("a leaf Variable that requires grad is being used in an in-place operation.");
    assert_null(tg_relu_(tg_narrow(a, 0, 0, 1)));
    expect_error("a view is being written in place");
    tg_sigmoid_(a);
    tg_add_(a, 1); /* what sigmoid_ saved is gone */
    assert_null(tg_grad(tg_list(tg_sum(a)), tg_list(x)).items[0]);
    expect_error("modified by an inplace operation");
    assert_null(tg_exp_(INTEGERS(1, 2)));
    expect_error("result type Float can't be cast to the desired output type Long");
    assert_null(tg_add_(ROW(1, 2), tg_zeros(tg_shape(3, 2))));
    expect_error("output with shape [2] doesn't match the broadcast shape [3, 2]");
    tg_scope_end(scope);
}

TEST(test_masked_fill_in_place)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_requires_grad_(ROW(1, 2, 3), true),
              *value = tg_scalar(7.0, .dtype = TG_FLOAT64, .requires_grad = true);
    tg_tensor *a = twice(x), *mask = tg_gt(x, 1.5);
    tg_masked_fill_(a, mask, value);
    VALUES(a, 0, 2, 7, 7);
    tg_tensor_list g = tg_grad(tg_list(tg_sum(a)), tg_list(x, value));
    VALUES(g.items[0], 0, 2, 0, 0);
    VALUES(g.items[1], 0, 2);
    tg_tensor *bools = tg_gt(x, 1.5);
    VALUES(tg_masked_fill_(bools, bools, (bool)false), 0, 0, 0, 0); /* its own mask */
    tg_scope_end(scope);
}

/* ---- integers ---- */

TEST(test_integers)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *least = INTEGERS(INT64_MIN, 7, -7);
    tg_tensor *q = tg_floor_divide(least, INTEGERS(-1, 2, 2)), *r = tg_remainder(least, INTEGERS(-1, 2, 2));
    const int64_t *quotients = tg_data(q, TG_INT64), *rests = tg_data(r, TG_INT64);
    assert_true(quotients[0] == INT64_MIN && quotients[1] == 3 && quotients[2] == -4);
    assert_true(rests[0] == 0 && rests[1] == 1 && rests[2] == 1);
    VALUES(tg_fmod(INTEGERS(7, -7), 2), 0, 1, -1);
    VALUES(tg_div_trunc(INTEGERS(7, -7), 2), 0, 3, -3);
    assert_null(tg_fmod_(INTEGERS(1, 2), INTEGERS(1, 0)));
    expect_error("ZeroDivisionError");
    VALUES(tg_bitwise_left_shift(INTEGERS(3, 3, 3), INTEGERS(1, 64, -1)), 0, 6, 0, 0);
    VALUES(tg_bitwise_right_shift(INTEGERS(-8, -8, 8), INTEGERS(1, 64, 99)), 0, -4, -1, 0);
    VALUES(tg_bitwise_not_(INTEGERS(0, 5)), 0, -1, -6);
    VALUES(tg_bitwise_and_(INTEGERS(12, 10), 6), 0, 4, 2);
    VALUES(tg_bitwise_not(tg_gt(INTEGERS(0, 5), 1)), 0, 1, 0);
    assert_int_equal(tg_dtype_of(tg_square(tg_gt(INTEGERS(0, 5), 1))), TG_INT64);
    tg_scope_end(scope);
}

/* ---- whole tensors ---- */

TEST(test_equal_and_allclose)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = ROW(1, NAN, INFINITY), *y = ROW(1 + 1e-9, NAN, INFINITY);
    assert_false(tg_allclose(x, y));
    assert_true(tg_allclose(x, y, .equal_nan = true));
    assert_false(tg_equal(x, x)); /* NaN */
    assert_true(tg_equal(ROW(1, 2), ROW(1, 2)));
    assert_false(tg_equal(ROW(1, 2), ROW(1, 3)));
    assert_false(tg_equal(ROW(1, 2), ROW(1)));
    assert_true(tg_equal(tg_zeros(tg_shape(0)), tg_zeros(tg_shape(0))));
    assert_false(tg_failed());
    assert_false(tg_equal(NULL, x));
    expect_error("argument 1 is NULL");
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_options_at_zero),     T(test_sizes_that_are_as_many), T(test_gelu_and_div_have_modes),
        T(test_clamp_bounds),        T(test_bounds_by_definition),   T(test_in_place_saves_what_it_needs),
        T(test_in_place_is_refused), T(test_masked_fill_in_place),   T(test_integers),
        T(test_equal_and_allclose),
    };
    return cmocka_run_group_tests_name("pointwise", tests, NULL, NULL);
}
