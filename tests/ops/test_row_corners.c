/* test_row_corners.c: corners of rows that samples do not show: derivatives at a kink, bounds that are infinite, numbers without a
 * tensor, bools; and the generic call of arguments that a row alone does not have. The values are PyTorch's but where a
 * comment says otherwise. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include "tapegrad.h"

#include <math.h>
#include <string.h>

static tg_tensor *row_of(const double *values, int64_t n)
{
    return tg_requires_grad_(tg_from_data(values, tg_shape(n), .dtype = TG_FLOAT64), true);
}
#define ROW(...) row_of((const double[]){ __VA_ARGS__ }, TG_COUNT(__VA_ARGS__))

static tg_tensor *slope(tg_tensor *y, tg_tensor *x)
{
    return tg_grad(tg_list(tg_sum(y)), tg_list(x), .create_graph = true).items[0];
}

/* ---- derivatives where the function has a corner ---- */

/* The second derivative by x, and PyTorch's at the kink: 0, though the first is that from the left. */
#define CHECK_KINK(call, first)                                                                                        \
    do {                                                                                                               \
        tg_tensor *x = ROW(0.0, -0.0), *d = slope(call, x);                                                            \
        VALUES(d, 1e-15, first, first);                                                                                \
        VALUES(slope(d, x), 0, 0, 0);                                                                                  \
    } while (0)

TEST(test_exponential_units_at_0)
{
    tg_scope scope = tg_scope_begin();
    CHECK_KINK(tg_elu(x), 1);
    CHECK_KINK(tg_elu(x, .alpha = 0.5), 0.5);
    CHECK_KINK(tg_elu_(tg_mul(x, 1), .alpha = 0.5), 0.5);
    CHECK_KINK(tg_elu(x, .alpha = 0.5, .scale = 1.5, .input_scale = 0.75), 0.5625);
    CHECK_KINK(tg_selu(x), 1.7580993408473766);
    CHECK_KINK(tg_celu(x, .alpha = 0.5), 1);
    tg_scope_end(scope);
}

TEST(test_powers_of_0)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *zero = ROW(0), *minus = ROW(-1);
    VALUES(slope(slope(tg_pow(zero, 1), zero), zero), 0, 0);
    VALUES(slope(slope(tg_pow(zero, 2), zero), zero), 0, 2);
    VALUES(slope(slope(tg_pow(zero, 0), zero), zero), 0, 0);
    assert_true(tg_item(slope(slope(tg_pow(zero, -1), zero), zero)) == INFINITY);
    assert_true(tg_item(slope(slope(tg_pow(zero, minus), zero), zero)) == INFINITY);
    assert_true(tg_item(slope(slope(tg_pow(zero, 0.5), zero), zero)) == -INFINITY);
    /* By base and exponent: 1 / a at an exponent of 0, where PyTorch has 0. */
    tg_tensor *a = ROW(2, 1, 0.5), *b = ROW(0, 0, 0);
    VALUES(slope(slope(tg_pow(a, b), a), b), 1e-15, 0.5, 1, 2);
    tg_scope_end(scope);
}

/* A bound that is missing takes nothing away from one that is infinite. */
TEST(test_infinite_bounds)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = ROW(1, INFINITY, 3), *low = ROW(INFINITY, INFINITY, 2), *high = ROW(-INFINITY, 1, -INFINITY);
    tg_tensor_list g = tg_grad(tg_list(tg_sum(tg_clamp_tensor(x, low, NULL))), tg_list(x, low));
    VALUES(g.items[0], 0, 0, 1, 1);
    VALUES(g.items[1], 0, 1, 0, 0);
    g = tg_grad(tg_list(tg_sum(tg_clamp_tensor(x, NULL, high))), tg_list(x, high), .create_graph = true);
    VALUES(g.items[0], 0, 0, 0, 0);
    VALUES(g.items[1], 0, 1, 1, 1);
    tg_tensor *both[] = { ROW(-1, 0, 1), ROW(-INFINITY, -INFINITY, -INFINITY), ROW(INFINITY, INFINITY, INFINITY) };
    g = tg_grad(tg_list(tg_sum(tg_clamp_tensor(both[0], both[1], both[2]))), tg_list(both[0], both[1], both[2]));
    VALUES(g.items[0], 0, 1, 1, 1);
    VALUES(g.items[1], 0, 0, 0, 0);
    VALUES(g.items[2], 0, 0, 0, 0);
    tg_scope_end(scope);
}

/* ---- numbers and bools ---- */

TEST(test_numbers_alone)
{
    tg_scope scope = tg_scope_begin();
    assert_int_equal(tg_dtype_of(tg_add(1.5, 2.5)), TG_FLOAT64);
    assert_true(tg_item(tg_add(0.1, 0.2)) == 0.1 + 0.2); /* no float in between */
    assert_true(tg_item(tg_div(1.0, 3.0)) == 1.0 / 3.0);
    assert_int_equal(tg_dtype_of(tg_mul(1, 2.5)), TG_FLOAT32);
    assert_int_equal(tg_dtype_of(tg_add(1, 2)), TG_INT64);
    assert_int_equal(tg_dtype_of(tg_add((bool)true, 2)), TG_INT64);
    tg_tensor *mask = tg_gt(tg_ones(tg_shape(2)), 0);
    assert_int_equal(tg_dtype_of(tg_where(mask, 1.5, 2.5)), TG_FLOAT32);
    /* alpha scales a number as a number: a float32 tensor without dimensions stays what it is */
    tg_tensor *x = tg_full(tg_shape(), 1.0);
    assert_int_equal(tg_dtype_of(tg_add(x, 1.5, .alpha = 2.5)), TG_FLOAT32);
    VALUES(tg_add(x, 1.5, .alpha = 2.5), 0, 4.75);
    VALUES(tg_sub(x, 3, .alpha = 2), 0, -5);
    const int64_t large = INT64_MAX;
    int64_t i;
    tg_tensor *sum = tg_add(tg_full(tg_shape(), 0, .dtype = TG_INT64), large, .alpha = 1.0);
    memcpy(&i, tg_data(sum, TG_INT64), sizeof i);
    assert_true(i == large);
    assert_null(tg_add(sum, 1, .alpha = 1e30));
    expect_error("without overflow");
    assert_int_equal(tg_dtype_of(tg_add(mask, (bool)true, .alpha = 2)), TG_BOOL);
    tg_scope_end(scope);
}

TEST(test_bools_between_bools)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *b = tg_gt(tg_from_data(((const double[]){ 0, 1, 0, 1 }), tg_shape(4)), 0);
    tg_tensor *low = tg_gt(tg_from_data(((const double[]){ 0, 0, 1, 1 }), tg_shape(4)), 0);
    assert_int_equal(tg_dtype_of(tg_clamp_tensor(b, low, NULL)), TG_BOOL);
    VALUES(tg_clamp_tensor(b, low, NULL), 0, 0, 1, 1, 1);
    VALUES(tg_clamp_tensor(b, NULL, low), 0, 0, 0, 0, 1);
    VALUES(tg_clamp_tensor_(tg_clone(b), low, NULL), 0, 0, 1, 1, 1);
    VALUES(tg_clamp_tensor_(tg_clone(b), NULL, low), 0, 0, 0, 0, 1);
    assert_int_equal(tg_dtype_of(tg_clamp(b, .min = 0, .max = 1)), TG_INT64);
    assert_null(tg_clamp_tensor(b, low, low));
    expect_error("not implemented for 'Bool'");
    assert_null(tg_clamp_tensor_(tg_clone(b), (bool)true, NULL));
    expect_error("not implemented for 'Bool'");
    tg_scope_end(scope);
}

/* PyTorch 1.13 makes [1] of dim=0 and keepdim, warning that it should not; amin and amax of the same give []. */
TEST(test_aminmax_without_dimensions)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_full(tg_shape(), 3.0);
    assert_int_equal(tg_shape_of(tg_aminmax(x, .keepdim = true).min).ndim, 0);
    assert_int_equal(tg_shape_of(tg_aminmax(x, .dim = 0, .keepdim = true).max).ndim, 0);
    assert_int_equal(tg_shape_of(tg_amax(x, .dim = 0, .keepdim = true)).ndim, 0);
    assert_int_equal(tg_shape_of(tg_aminmax(tg_ones(tg_shape(2, 3)), .keepdim = true).min).ndim, 2);
    tg_scope_end(scope);
}

TEST(test_bounds_the_wrong_way_round)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_ones(tg_shape(2, 3));
    assert_null(tg_hardtanh(x, .min_val = 1, .max_val = -1));
    expect_error("min_val cannot be greater than max_val, but they are 1 and -1");
    assert_null(tg_hardtanh_(x, .min_val = 1, .max_val = -1));
    expect_error("hardtanh_: min_val cannot be greater than max_val");
    assert_non_null(tg_hardtanh(x, .min_val = 1, .max_val = 1));
    assert_null(tg_prelu(x, tg_ones(tg_shape(1, 3))));
    expect_error("but got ndim = 2");
    tg_scope_end(scope);
}

TEST(test_rounding_to_decimals)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = ROW(1.2345, -2.675, 15, 0.125, 1.7e308, NAN);
    tg_tensor *y = tg_round(x, .decimals = 2);
    VALUES(tg_narrow(y, 0, 0, 5), 1e-15, 1.23, -2.68, 15, 0.12, 1.7e308); /* PyTorch: inf, for 100 times it is */
    assert_true(isnan(tg_item(tg_select(y, 0, 5))));
    VALUES(slope(y, x), 0, 0, 0, 0, 0, 0, 0);
    VALUES(tg_narrow(tg_round(x, .decimals = -1), 0, 0, 4), 0, 0, 0, 20, 0);
    VALUES(tg_narrow(tg_round(x, .decimals = 0), 0, 0, 4), 0, 1, -3, 15, 0);
    tg_tensor *z = tg_mul(x, 1);
    assert_ptr_equal(tg_round_(z, .decimals = 1), z);
    VALUES(tg_narrow(z, 0, 0, 4), 1e-15, 1.2, -2.7, 15, 0.1);
    VALUES(tg_round(ROW(3, 1e300), .decimals = INT64_MAX), 0, 3, 1e300);
    VALUES(tg_round(ROW(3, 1e300), .decimals = INT64_MIN), 0, 0, 0);
    tg_scope_end(scope);
}

/* ---- by the generic call ---- */

static tg_value tensor_value(tg_tensor *t) { return (tg_value){ TG_VALUE_TENSOR, { .tensor = t } }; }
static tg_value real_value(double x) { return (tg_value){ TG_VALUE_FLOAT, { .real = x } }; }
static tg_value string_value(const char *x) { return (tg_value){ TG_VALUE_STRING, { .string = x } }; }
static tg_value bool_value(bool x) { return (tg_value){ TG_VALUE_BOOL, { .boolean = x } }; }
static tg_value int_value(int64_t x) { return (tg_value){ TG_VALUE_INT, { .integer = x } }; }

#define CALL(name, ...)                                                                                                \
    call_of(name, (const tg_value[]){ __VA_ARGS__ }, sizeof((tg_value[]){ __VA_ARGS__ }) / sizeof(tg_value))
static tg_tensor *call_of(const char *name, const tg_value *args, size_t count)
{
    const tg_tensor_list results = tg_op_call(tg_op_find(name), args, (int)count);
    return results.items ? results.items[0] : NULL;
}

TEST(test_in_place_forms_have_the_arguments_too)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_full(tg_shape(1), 7.0);
    VALUES(CALL("add_", tensor_value(x), real_value(2), real_value(0.5)), 0, 8);
    VALUES(CALL("sub_", tensor_value(x), real_value(2), int_value(2)), 0, 4);
    VALUES(CALL("div_", tensor_value(x), real_value(3), string_value("floor")), 0, 1);
    VALUES(x, 0, 1);
    VALUES(CALL("round_", tensor_value(tg_fill_(x, 1.26)), int_value(1)), 1e-7, 1.3);
    assert_null(CALL("div_", tensor_value(x), real_value(3), string_value("up")));
    expect_error("rounding_mode");
    tg_scope_end(scope);
}

/* As in Python, where True is taken for a float, and not for an int. */
TEST(test_a_bool_where_a_number_stands)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_full(tg_shape(2), 3.0);
    VALUES(CALL("add", tensor_value(x), bool_value(true)), 0, 4, 4);
    VALUES(CALL("add", tensor_value(x), real_value(2), bool_value(true)), 0, 5, 5);
    VALUES(CALL("leaky_relu", tensor_value(tg_neg(x)), bool_value(false)), 0, 0, 0);
    VALUES(CALL("clamp", tensor_value(x), bool_value(false), bool_value(true)), 0, 1, 1);
    assert_null(CALL("unsqueeze", tensor_value(x), bool_value(true)));
    expect_error("argument 'dim' (position 2) must be int, not bool");
    tg_scope_end(scope);
}

TEST(test_arguments_have_their_names)
{
    tg_argument a;
    assert_true(tg_op_argument(tg_op_find("pow"), 1, &a));
    assert_string_equal(a.name, "exponent");
    assert_true(tg_op_argument(tg_op_find("pow_"), 1, &a));
    assert_string_equal(a.name, "exponent");
    static const char *const of_matrices[] = { "det", "slogdet", "inv" };
    for (int i = 0; i < 3; i++) {
        assert_true(tg_op_argument(tg_op_find(of_matrices[i]), 0, &a));
        assert_string_equal(a.name, "A");
    }
}

TEST(test_norm_by_name)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_from_data(((const double[]){ 3, 4 }), tg_shape(2));
    VALUES(CALL("norm", tensor_value(x), string_value("fro")), 1e-7, 5);
    assert_null(CALL("norm", tensor_value(x), string_value("nuc")));
    expect_error("p must be a number or 'fro', not 'nuc'");
    tg_scope_end(scope);
}

TEST(test_pools_that_leave_a_size)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *x = tg_reshape(tg_to(tg_arange(12), TG_FLOAT32), tg_shape(1, 3, 4));
    const tg_shape rows = tg_shape(TG_SAME_SIZE, 1);
    VALUES(tg_adaptive_avg_pool2d(x, rows), 0, 1.5, 5.5, 9.5);
    VALUES(tg_adaptive_max_pool2d(x, rows), 0, 3, 7, 11);
    VALUES(CALL("adaptive_avg_pool2d", tensor_value(x), (tg_value){ TG_VALUE_INTS, { .ints = rows } }), 0, 1.5, 5.5,
           9.5);
    tg_module *pool = tg_adaptive_avg_pool2d_new(tg_shape(TG_SAME_SIZE, 7));
    char text[80];
    assert_true(tg_module_format(pool, text, sizeof text) > 0);
    assert_non_null(strstr(text, "AdaptiveAvgPool2d(output_size=(None, 7))"));
    assert_int_equal(tg_shape_of(tg_module_forward(pool, x)).dims[1], 3);
    tg_module_free(pool);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_exponential_units_at_0),
        T(test_powers_of_0),
        T(test_infinite_bounds),
        T(test_numbers_alone),
        T(test_bools_between_bools),
        T(test_aminmax_without_dimensions),
        T(test_bounds_the_wrong_way_round),
        T(test_rounding_to_decimals),
        T(test_in_place_forms_have_the_arguments_too),
        T(test_a_bool_where_a_number_stands),
        T(test_arguments_have_their_names),
        T(test_norm_by_name),
        T(test_pools_that_leave_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
