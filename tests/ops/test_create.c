/* test_create.c: tensors from nothing, from numbers and from C arrays, against closed forms; numbers as operands. */
#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/suite.h"

#include "core/autograd.h"
#include "core/op.h"
#include "core/scope.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* `t` has this dtype and these elements, in row-major order. */
static void check(const tg_tensor *t, tg_dtype dtype, int64_t count, const double *expected)
{
    double values[64];
    assert_non_null(t);
    assert_int_equal(tg_dtype_of(t), dtype);
    assert_int_equal(tg_numel(t), count);
    assert_int_equal(tg_to_array(t, values, count), TG_OK);
    for (int64_t i = 0; i < count; i++) {
        const double tolerance = dtype == TG_FLOAT32 ? 2 * FLT_EPSILON : 2 * DBL_EPSILON;
        if (fabs(values[i] - expected[i]) > tolerance * (1 + fabs(expected[i])))
            fail_msg("element %lld is %.17g instead of %.17g", (long long)i, values[i], expected[i]);
    }
}
#define VALUES(...)                                                                                                    \
    (sizeof((double[]){ __VA_ARGS__ }) / sizeof(double)), (double[]) { __VA_ARGS__ }

TEST(test_constants)
{
    check(tg_zeros(tg_shape(2, 1)), TG_FLOAT32, VALUES(0, 0));
    check(tg_ones(tg_shape(2), .dtype = TG_BOOL), TG_BOOL, VALUES(1, 1));
    check(tg_full(tg_shape(2), 2.5), TG_FLOAT32, VALUES(2.5, 2.5));
    check(tg_full(tg_shape(2), 7), TG_INT64, VALUES(7, 7));
    check(tg_full(tg_shape(), (bool)true), TG_BOOL, VALUES(1));
    check(tg_full(tg_shape(2), 1, .dtype = TG_FLOAT64), TG_FLOAT64, VALUES(1, 1));
    assert_true(tg_item_int64(tg_scalar(INT64_C(9007199254740993))) == INT64_C(9007199254740993)); /* 2^53 + 1 */
    assert_int_equal(tg_numel(tg_zeros(tg_shape(3, 0, 2))), 0);
    assert_int_equal(tg_ndim(tg_zeros(tg_shape())), 0);
    assert_true(tg_requires_grad(tg_zeros(tg_shape(2), .requires_grad = true)));
    assert_null(tg_zeros(tg_shape(2), .dtype = TG_INT64, .requires_grad = true));
    expect_error("only Tensors of floating point dtype can require gradients");
    assert_null(tg_zeros(tg_shape(2), .dtype = (tg_dtype)9));
    expect_error("9 is not a dtype");
}

/* Whole tensors of one number: below, at and above what is filled at once, in memory of the step before. */
TEST(test_filled)
{
    static const int64_t sizes[] = { 1, 2, 15, 16, 17, 63, 511, 512, 513, 1001, 1025, 4097, 70001 };
    for (tg_dtype dtype = TG_FLOAT32; dtype < TG_DTYPES; dtype++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            IN_SCOPE;
            tg_tensor *t = tg_ones(tg_shape(sizes[k]), .dtype = dtype);
            double *values = malloc((size_t)sizes[k] * sizeof *values);
            assert_non_null(values);
            assert_int_equal(tg_to_array(t, values, sizes[k]), TG_OK);
            for (int64_t i = 0; i < sizes[k]; i++)
                if (values[i] != 1) fail_msg("dtype %d, element %d of %d", (int)dtype, (int)i, (int)sizes[k]);
            free(values);
            tg_scope_end(scope);
        }
    }
}

/* Long and odd, element by element. */
TEST(test_long_sequences)
{
    enum { N = 1003 };
    static float singles[N];
    static double doubles[N];
    static int64_t integers[N];
    tg_to_array(tg_arange(-2, N - 2, 1, .dtype = TG_FLOAT64), doubles, N);
    for (int i = 0; i < N; i++) assert_true(doubles[i] == i - 2);
    tg_to_array(tg_arange(1, 1 + 0.1 * (N - 0.5), 0.1, .dtype = TG_FLOAT64), doubles, N);
    for (int i = 0; i < N; i++) assert_true(doubles[i] == 1 + 0.1 * i);
    tg_to_array(tg_arange(1000, 1000 - 3 * N, -3), doubles, N);
    for (int i = 0; i < N; i++) assert_true(doubles[i] == 1000 - 3 * i);
    tg_to_array(tg_linspace(1, -1, N, .dtype = TG_FLOAT64), doubles, N);
    tg_tensor *line = tg_linspace(1, -1, N), *whole = tg_linspace(-500, 502, N, .dtype = TG_INT64);
    const float *single = tg_data(line, TG_FLOAT32);
    const int64_t *integer = tg_data(whole, TG_INT64);
    const float step = (-1.0f - 1.0f) / (float)(N - 1);
    for (int i = 0; i < N; i++) {
        const int left = N - 1 - i;
        singles[i] = i < N / 2 ? 1 + step * (float)i : -1 - step * (float)left;
        integers[i] = i - 500;
        assert_true(doubles[i] == (i < N / 2 ? 1 + -2.0 / (N - 1) * i : -1 - -2.0 / (N - 1) * left));
        assert_true(single[i] == singles[i]);
        assert_true(integer[i] == integers[i]);
    }
}

TEST(test_sequences)
{
    check(tg_arange(0, 5, 2), TG_INT64, VALUES(0, 2, 4));
    check(tg_arange(3), TG_INT64, VALUES(0, 1, 2));
    check(tg_arange(1.5, 4), TG_FLOAT32, VALUES(1.5, 2.5, 3.5));
    check(tg_arange(5, 0, -2), TG_INT64, VALUES(5, 3, 1));
    check(tg_arange(0, 1, 0.25), TG_FLOAT32, VALUES(0, 0.25, 0.5, 0.75));
    check(tg_arange(1.0, 2.05, 0.5, .dtype = TG_FLOAT64), TG_FLOAT64, VALUES(1, 1.5, 2));
    assert_int_equal(tg_numel(tg_arange(3, 3, 1)), 0);
    assert_null(tg_arange(0, 5, 0));
    expect_error("step must be nonzero");
    assert_null(tg_arange(0, 5, -1));
    expect_error("upper bound and larger bound inconsistent with step sign");
    assert_null(tg_arange(0, INFINITY, 1));
    expect_error("unsupported range");
    check(tg_linspace(0, 1, 5), TG_FLOAT32, VALUES(0, 0.25, 0.5, 0.75, 1));
    check(tg_linspace(3, -1, 4, .dtype = TG_FLOAT64), TG_FLOAT64, VALUES(3, 3 - 4.0 / 3, 3 - 8.0 / 3, -1));
    check(tg_linspace(2, 9, 1), TG_FLOAT32, VALUES(2));
    assert_int_equal(tg_numel(tg_linspace(0, 1, 0)), 0);
    assert_null(tg_linspace(0, 1, -1));
    expect_error("number of steps must be non-negative");
    check(tg_eye(2, 3), TG_FLOAT32, VALUES(1, 0, 0, 0, 1, 0));
    check(tg_eye(2), TG_FLOAT32, VALUES(1, 0, 0, 1));
    check(tg_eye(3, 2, .dtype = TG_INT64), TG_INT64, VALUES(1, 0, 0, 1, 0, 0));
    assert_null(tg_eye(-1, 2));
    expect_error("must be greater or equal to 0");
}

TEST(test_from_data)
{
    const float floats[] = { 1.5f, -2, 3, 4 };
    const int ints[] = { 1, 2, 3 };
    const bool bools[] = { true, false };
    check(tg_from_data(floats, tg_shape(2, 2)), TG_FLOAT32, VALUES(1.5, -2, 3, 4));
    check(tg_from_data(floats, tg_shape(2), .dtype = TG_FLOAT64), TG_FLOAT64, VALUES(1.5, -2));
    check(tg_from_data(ints, tg_shape(3)), TG_INT64, VALUES(1, 2, 3));
    check(tg_from_data(bools, tg_shape(2)), TG_BOOL, VALUES(1, 0));
    check(tg_from_data(((double[]){ 0.1, 0.2 }), tg_shape(2)), TG_FLOAT64, VALUES(0.1, 0.2));
    assert_null(tg_from_data((const float *)NULL, tg_shape(2)));
    expect_error("the data is NULL");
    assert_null(tg_from_data(((double[]){ 0.1, 0.2 }), tg_shape(3)));
    expect_error("the shape has 3 elements and the data has 2");
    assert_null(tg_from_data(ints, tg_shape(2, 2)));
    expect_error("the shape has 4 elements and the data has 3");
    assert_null(tg_from_data_at(NULL, ints, 11, TG_ELEMENT_INT, tg_shape(3), TG_CREATE_OPTIONS()));
    expect_error("the shape has 3 elements and the data has 2");
    check(tg_from_data_at(NULL, ints, -1, TG_ELEMENT_INT, tg_shape(3), TG_CREATE_OPTIONS()), TG_INT64, VALUES(1, 2, 3));
    const int *pointer = ints;
    check(tg_from_data(pointer, tg_shape(3)), TG_INT64, VALUES(1, 2, 3));
}

TEST(test_like)
{
    tg_tensor *t = tg_full(tg_shape(2), 3.0, .dtype = TG_FLOAT64, .requires_grad = true);
    check(tg_zeros_like(t), TG_FLOAT64, VALUES(0, 0));
    check(tg_ones_like(t, .dtype = TG_INT64), TG_INT64, VALUES(1, 1));
    check(tg_full_like(t, 7), TG_FLOAT64, VALUES(7, 7));
    assert_false(tg_requires_grad(tg_zeros_like(t)));
    assert_int_equal(tg_dtype_of(tg_rand_like(t)), TG_FLOAT64);
    assert_null(tg_randn_like(tg_ones(tg_shape(2), .dtype = TG_INT64)));
    expect_error("\"randn\" not implemented for 'Long'");
    assert_null(tg_zeros_like(NULL));
    expect_error("argument 1 is NULL");
}

TEST(test_new)
{
    tg_tensor *t = tg_full(tg_shape(2), 3.0, .dtype = TG_FLOAT64, .requires_grad = true), *n = tg_full(tg_shape(), 2);
    check(tg_new_zeros(t, tg_shape(3)), TG_FLOAT64, VALUES(0, 0, 0));
    check(tg_new_ones(n, tg_shape(1, 2)), TG_INT64, VALUES(1, 1));
    check(tg_new_full(t, tg_shape(2), 0.1), TG_FLOAT64, VALUES(0.1, 0.1));
    check(tg_new_full(t, tg_shape(2), 7, .dtype = TG_INT64), TG_INT64, VALUES(7, 7));
    assert_int_equal(tg_numel(tg_new_empty(n, tg_shape(2, 3))), 6);
    assert_int_equal(tg_dtype_of(tg_new_empty(n, tg_shape(2, 3))), TG_INT64);
    check(tg_new_tensor(t, 1, 2, 3), TG_FLOAT64, VALUES(1, 2, 3));
    check(tg_new_tensor(n, 1.5, -2.5), TG_INT64, VALUES(1, -2));
    assert_int_equal(tg_numel(tg_new_tensor(t)), 0);
    assert_false(tg_requires_grad(tg_new_ones(t, tg_shape(2))));
    assert_true(tg_requires_grad(tg_new_ones(t, tg_shape(2), .requires_grad = true)));
    check(tg_randint_like(t, 4, 5), TG_FLOAT64, VALUES(4, 4));
    assert_null(tg_new_tensor(t, n));
    expect_error("takes numbers; tensors are joined by tg_stack or tg_cat");
    assert_null(tg_new_zeros(NULL, tg_shape(2)));
    expect_error("argument 1 is NULL");
    assert_null(tg_randint_like(n, 5, 5));
    expect_error("random_ expects 'from' to be less than 'to', but got from=5 >= to=5");
}

TEST(test_random)
{
    tg_generator mine;
    tg_generator_seed(&mine, 5);
    tg_manual_seed(5);
    const double expected = tg_item(tg_rand(tg_shape(1)));
    assert_true(tg_item(tg_rand(tg_shape(1), .generator = &mine)) == expected);
    tg_tensor *permutation = tg_randperm(50);
    check(tg_sum(permutation), TG_INT64, VALUES(1225));
    tg_tensor *drawn = tg_randint(-2, 3, tg_shape(40));
    assert_true(tg_item(tg_sum(tg_mul(tg_ge(drawn, -2), tg_lt(drawn, 3)))) == 40);
    check(tg_randint(4, 5, tg_shape(2), .dtype = TG_FLOAT32), TG_FLOAT32, VALUES(4, 4));
    assert_null(tg_randint(3, 3, tg_shape(1)));
    expect_error("random_ expects 'from' to be less than 'to', but got from=3 >= to=3");
    assert_null(tg_randperm(-1));
    expect_error("Trying to create tensor with negative dimension -1");
}

/* A number never promotes a float32 tensor, on either side; an integer tensor with a real number becomes the default
 * float. */
TEST(test_numbers_as_operands)
{
    tg_tensor *x = tg_full(tg_shape(2), 3.0), *n = tg_full(tg_shape(2), 3);
    check(tg_mul(x, 2.0), TG_FLOAT32, VALUES(6, 6));
    check(tg_sub(1, x), TG_FLOAT32, VALUES(-2, -2));
    check(tg_div(1.0, x), TG_FLOAT32, VALUES(1.0 / 3, 1.0 / 3));
    check(tg_mul(n, 2), TG_INT64, VALUES(6, 6));
    check(tg_mul(n, 2.5), TG_FLOAT32, VALUES(7.5, 7.5));
    check(tg_div(n, 2), TG_FLOAT32, VALUES(1.5, 1.5));
    check(tg_pow(2, x), TG_FLOAT32, VALUES(8, 8));
    check(tg_maximum(x, 5), TG_FLOAT32, VALUES(5, 5));
    check(tg_gt(x, 2.5), TG_BOOL, VALUES(1, 1));
    check(tg_add(x, tg_scalar(1.0, .dtype = TG_FLOAT64)), TG_FLOAT32, VALUES(4, 4)); /* nor does a 0-d tensor */
    check(tg_where(tg_gt(x, 5), 1.0, x), TG_FLOAT32, VALUES(3, 3));
}

TEST(test_default_dtype)
{
    tg_set_default_dtype(TG_FLOAT64);
    const tg_dtype made = tg_dtype_of(tg_zeros(tg_shape(1))),
                   promoted = tg_dtype_of(tg_mul(tg_full(tg_shape(2), 3), 0.5));
    tg_set_default_dtype(TG_INT64); /* not a floating one: an error, and nothing changes */
    expect_error("only floating-point types are supported as the default type, not int64");
    const tg_dtype still = tg_default_dtype();
    tg_set_default_dtype(TG_FLOAT32);
    assert_true(made == TG_FLOAT64 && promoted == TG_FLOAT64 && still == TG_FLOAT64);
}

/* The line in an error is that of the call that failed, even inside a call that spans lines. */
TEST(test_error_names_the_line)
{
    char line[64];
    snprintf(line, sizeof line, "tests/ops/test_create.c:%d: add: ", __LINE__ + 1);
    tg_mul(tg_add(tg_zeros(tg_shape(2)), tg_zeros(tg_shape(3))), 2.0);
    assert_non_null(strstr(tg_error_message(), line));
    assert_non_null(strstr(tg_error_message(), "float32[2], float32[3]"));
    expect_error("The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0");
}

static int told;
static void count_errors(const tg_error *error, void *context)
{
    told++;
    *(int64_t *)context = error->later;
}

TEST(test_first_error_wins)
{
    int64_t later = -1;
    told = 0;
    tg_set_error_handler(count_errors, &later);
    tg_eye(-1, 1);
    tg_randperm(-1);
    assert_null(tg_relu(tg_exp(NULL)));
    assert_int_equal(told, 1);
    assert_int_equal(later, 0);
    assert_int_equal(tg_error_get().later, 1); /* NULLs passed on are no errors of their own */
    assert_string_equal(tg_error_get().op, "eye");
    tg_error_clear();
    assert_null(tg_exp(NULL));
    assert_int_equal(tg_error_get().code, TG_ERROR_NULL);
    expect_error("argument 1 is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_constants),
        T(test_filled),
        T(test_sequences),
        T(test_long_sequences),
        T(test_from_data),
        T(test_like),
        T(test_new),
        T(test_random),
        T(test_numbers_as_operands),
        T(test_default_dtype),
        T(test_error_names_the_line),
        T(test_first_error_wins),
    };
    return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
