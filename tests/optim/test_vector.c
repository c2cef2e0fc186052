/* test_vector.c: parameters as one vector and back; the norm of tensors. */
#define _GNU_SOURCE /* setenv */
#include "tests/support/failing.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

TEST(test_to_vector)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(3, 2);
    const tg_tensor_list parameters = tg_parameters(m);
    tg_tensor *vector = tg_parameters_to_vector(parameters);
    assert_int_equal(tg_numel(vector), 8);
    assert_true(tg_equal(tg_narrow(vector, 0, 0, 6), tg_reshape(m->weight, tg_shape(6))));
    assert_true(tg_equal(tg_narrow(vector, 0, 6, 2), m->bias));
    tg_backward(tg_sum(tg_mul(vector, tg_arange(0, 8, 1, .dtype = TG_FLOAT32)))); /* it is differentiable */
    VALUES(tg_grad_of(m->weight), 0, 0, 1, 2, 3, 4, 5);
    VALUES(tg_grad_of(m->bias), 0, 6, 7);
    assert_null(tg_parameters_to_vector(TG_NONE));
    expect_error("expected a non-empty list of Tensors");
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_to_parameters)
{
    IN_SCOPE;
    tg_linear *m = tg_linear_new(3, 2);
    const tg_tensor_list parameters = tg_parameters(m);
    tg_tensor *weight = m->weight, *y = tg_linear_forward(m, tg_ones(tg_shape(3), .requires_grad = true));
    assert_int_equal(tg_vector_to_parameters(tg_arange(8), parameters), TG_OK);
    assert_true(m->weight == weight && tg_dtype_of(weight) == TG_FLOAT32 && tg_is_leaf(weight));
    VALUES(weight, 0, 0, 1, 2, 3, 4, 5);
    VALUES(m->bias, 0, 6, 7);
    assert_int_equal(tg_backward(tg_sum(y)), TG_FAILED); /* a write is a write */
    expect_error("modified");
    assert_int_equal(tg_vector_to_parameters(tg_mul(tg_parameters_to_vector(parameters), 2), parameters), TG_OK);
    VALUES(m->bias, 0, 12, 14);
    for (int n = 7; n <= 9; n += 2) {
        assert_int_equal(tg_vector_to_parameters(tg_ones(tg_shape(n)), parameters), TG_FAILED);
        expect_error("expected a vector of 8 elements, those of all parameters");
    }
    assert_int_equal(tg_vector_to_parameters(tg_ones(tg_shape(2, 4)), parameters), TG_FAILED);
    expect_error("expected a vector of 8 elements");
    tg_tensor *wide = tg_expand(tg_zeros(tg_shape(1)), tg_shape(2));
    assert_int_equal(tg_vector_to_parameters(tg_ones(tg_shape(10)), tg_list(weight, m->bias, wide)), TG_FAILED);
    expect_error("more than one element of the written-to tensor refers to a single memory location");
    assert_int_equal(tg_vector_to_parameters(NULL, parameters), TG_FAILED);
    expect_error("NULL");
    VALUES(m->bias, 0, 12, 14);
    /* A vector that shares memory with what is written is read first. */
    tg_tensor *memory = tg_arange(4), *front = tg_narrow(memory, 0, 0, 2), *back = tg_narrow(memory, 0, 2, 2);
    assert_int_equal(tg_vector_to_parameters(memory, tg_list(back, front)), TG_OK);
    VALUES(memory, 0, 2, 3, 0, 1);
    assert_int_equal(tg_vector_to_parameters(tg_zeros(tg_shape(0)), TG_NONE), TG_OK);
    tg_module_free(m);
    tg_scope_end(scope);
}

TEST(test_total_norm)
{
    IN_SCOPE;
    tg_tensor *a = tg_tensor_of(3.0, 0.0), *b = tg_tensor_of(-4.0);
    assert_true(fabs(tg_get_total_norm(tg_list(a, b)) - 5) < 1e-12);
    assert_true(tg_get_total_norm(tg_list(a, b), .norm_type = INFINITY) == 4);
    assert_true(tg_get_total_norm(tg_list(a, b), .norm_type = 1) == 7);
    assert_true(tg_get_total_norm(tg_list(a, b), .norm_type = 0) == 2);
    assert_true(fabs(tg_get_total_norm(tg_list(tg_mul(tg_to(a, TG_FLOAT64), 1e200))) / 3e200 - 1) < 1e-12);
    assert_true(tg_get_total_norm(TG_NONE) == 0);
    assert_true(isinf(tg_get_total_norm(tg_list(tg_full(tg_shape(1), INFINITY)))));
    assert_true(isnan(tg_get_total_norm(tg_list(tg_full(tg_shape(1), INFINITY)), .error_if_nonfinite = true)));
    expect_error("get_total_norm: The total norm of order 2");
    assert_true(isnan(tg_get_total_norm(tg_list(a), .norm_type = -1)));
    expect_error("norm_type -1 is not one");
    tg_scope_end(scope);
}

static double there_and_back(void)
{
    tg_tensor *a = tg_ones(tg_shape(3)), *b = tg_ones(tg_shape(2, 2));
    const bool done =
        tg_vector_to_parameters(tg_mul(tg_parameters_to_vector(tg_list(a, b)), 3), tg_list(a, b)) == TG_OK;
    if (!done && a && b && tg_item(tg_sum(a)) != 3) return NAN; /* all or nothing */
    return done ? tg_item(tg_sum(b)) : 0;
}

TEST(test_each_allocation) { fail_each_allocation(there_and_back); }

int main(void)
{
    setenv("TAPEGRAD_POOL", "0", 1);
    const struct CMUnitTest tests[] = {
        T(test_to_vector),
        T(test_to_parameters),
        T(test_total_norm),
        T(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
