/* test_clip.c: clipping by limits that are none, and norms of gradients whose powers do not fit. */
#include "tests/support/cmocka_all.h"
#include "tests/support/errors.h"
#include "tests/support/values.h"

#include "tapegrad.h"

/* A parameter of n elements whose gradient these are. */
static tg_tensor *with_gradient(const double *g, int64_t n, tg_dtype dtype)
{
    tg_tensor *p = tg_zeros(tg_shape(n), .dtype = dtype, .requires_grad = true);
    tg_set_grad(p, tg_from_data(g, tg_shape(n), .dtype = dtype));
    return p;
}

static void test_limits(void **state)
{
    (void)state;
    const double limits[] = { -1, -1e-300, -INFINITY, NAN };
    const char *const names[] = { "-1", "-1e-300", "-inf", "nan" };
    tg_scope scope = tg_scope_begin();
    for (int i = 0; i < 4; i++) {
        tg_tensor *p = with_gradient((const double[]){ 3, -4 }, 2, TG_FLOAT32);
        char text[64];
        assert_true(isnan(tg_clip_grad_norm_(tg_list(p), limits[i])));
        snprintf(text, sizeof text, "clip_grad_norm_: max_norm %s is no limit", names[i]);
        if (i < 3)
            expect_error(text);
        else
            expect_error("nan is no limit");
        assert_int_equal(tg_clip_grad_value_(tg_list(p), limits[i]), TG_FAILED);
        snprintf(text, sizeof text, "clip_grad_value_: clip_value %s is no limit", names[i]);
        if (i < 3)
            expect_error(text);
        else
            expect_error("nan is no limit");
        VALUES(tg_grad_of(p), 0, 3, -4);
    }
    tg_scope_end(scope);
}

/* 0 is a limit, and so is infinity: by that one measures. */
static void test_zero_and_infinity(void **state)
{
    (void)state;
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = with_gradient((const double[]){ 3, -4 }, 2, TG_FLOAT32);
    assert_true(tg_clip_grad_norm_(tg_list(p), INFINITY) == 5);
    assert_int_equal(tg_clip_grad_value_(tg_list(p), INFINITY), TG_OK);
    VALUES(tg_grad_of(p), 0, 3, -4);
    tg_clip_grad_norm_(tg_list(p), 0);
    VALUES(tg_grad_of(p), 0, 0, 0);
    tg_tensor *q = with_gradient((const double[]){ INFINITY, 1 }, 2, TG_FLOAT32);
    assert_true(isinf(tg_clip_grad_norm_(tg_list(q), INFINITY)));
    assert_true(tg_item(tg_select(tg_grad_of(q), 0, 1)) == 1);
    tg_scope_end(scope);
}

/* Gradients 3 and 4 of this size become 0.6 and 0.8 of max_norm, and are no reason for an error. */
static void check(double size, tg_dtype dtype, double max_norm)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = with_gradient((const double[]){ 3 * size }, 1, dtype);
    tg_tensor *q = with_gradient((const double[]){ -4 * size }, 1, dtype);
    const double norm = tg_clip_grad_norm_(tg_list(p, q), max_norm, .error_if_nonfinite = true);
    if (!(fabs(norm / 5 / size - 1) < 1e-6)) fail_msg("the norm of 3 and 4 times %g is %g", size, norm);
    const double to = 5 * size > max_norm ? max_norm / 5 : size, a = tg_item(tg_grad_of(p)), b = tg_item(tg_grad_of(q));
    if (!(fabs(a / (3 * to) - 1) < 1e-5 && fabs(b / (-4 * to) - 1) < 1e-5))
        fail_msg("3 and -4 times %g became %g and %g", size, a, b);
    tg_scope_end(scope);
}

static void test_sizes(void **state)
{
    (void)state;
    const double sizes[] = { 1e-300, 1e-200, 1e-160, 1e150, 1e200, 1e307 };
    for (int i = 0; i < 6; i++) {
        check(sizes[i], TG_FLOAT64, 1);
        check(sizes[i], TG_FLOAT64, 1e250);
    }
    check(1e-30, TG_FLOAT32, 1);
    check(1e30, TG_FLOAT32, 1);
    check(8e37, TG_FLOAT32, 1); /* max_norm / norm is no normal float32 */
    check(8e37, TG_FLOAT32, 1e5);
}

/* p-norms of n equal gradients: x n^(1/p). */
static void test_powers(void **state)
{
    (void)state;
    static const struct {
        double x, p;
    } cases[] = { { 1e5, 100 }, { 1e-5, 100 }, { 1e30, 20 },  { 1e-30, 20 },
                  { 1e30, 3 },  { 1e-30, 3 },  { 1e30, 0.5 }, { 1e-30, 0.5 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tg_scope scope = tg_scope_begin();
        tg_tensor *p = tg_zeros(tg_shape(3000), .dtype = TG_FLOAT64, .requires_grad = true);
        tg_set_grad(p, tg_full(tg_shape(3000), cases[i].x, .dtype = TG_FLOAT64));
        const double norm = tg_clip_grad_norm_(tg_list(p), 1e300, .norm_type = cases[i].p);
        const double want = cases[i].x * pow(3000, 1 / cases[i].p);
        if (!(fabs(norm / want - 1) < 1e-12)) fail_msg("norm of order %g: %g, not %g", cases[i].p, norm, want);
        tg_scope_end(scope);
    }
}

/* Many of float32's largest numbers, and a norm that no double holds. */
static void test_beyond(void **state)
{
    (void)state;
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = tg_zeros(tg_shape(10000), .dtype = TG_FLOAT32, .requires_grad = true);
    tg_set_grad(p, tg_full(tg_shape(10000), (double)FLT_MAX, .dtype = TG_FLOAT32));
    assert_true(fabs(tg_clip_grad_norm_(tg_list(p), 1) / ((double)FLT_MAX * 100) - 1) < 1e-6);
    assert_true(fabs(tg_item(tg_select(tg_grad_of(p), 0, 7)) / 0.01 - 1) < 1e-5);
    tg_tensor *q = with_gradient((const double[]){ 1.5e308, 1.5e308, -1.5e308, 1.5e308 }, 4, TG_FLOAT64);
    assert_true(isinf(tg_clip_grad_norm_(tg_list(q), 1, .error_if_nonfinite = true)));
    VALUES(tg_grad_of(q), 1e-12, 0.5, 0.5, -0.5, 0.5);
    tg_scope_end(scope);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, silence_errors, expect_no_error)
    const struct CMUnitTest tests[] = { CASE(test_limits), CASE(test_zero_and_infinity), CASE(test_sizes),
                                        CASE(test_powers), CASE(test_beyond) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
