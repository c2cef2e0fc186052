/* test_clip.c: gradients clipped to PyTorch's numbers, by limits that are none, and with norms whose powers do not fit. */
#include "tests/support/suite.h"
#include "tests/support/parameters.h"
#include "tests/support/values.h"

#include "tapegrad.h"

/* A parameter of n elements whose gradient these are. */
static tg_tensor *with_gradient(const double *g, int64_t n, tg_dtype dtype)
{
    tg_tensor *p = tg_zeros(tg_shape(n), .dtype = dtype, .requires_grad = true);
    tg_set_grad(p, tg_from_data(g, tg_shape(n), .dtype = dtype));
    return p;
}

TEST(test_clip_norm)
{
    /* norm_type, total norm and gradients as PyTorch has them for [3, -4], [[12]] and max_norm = 2 */
    static const double cases[][5] = {
        { 2, 13, 0.4615384340286255, -0.615384578704834, 1.846153736114502 },
        { 1, 19, 0.31578943133354187, -0.42105257511138916, 1.2631577253341675 },
        { 3, 12.207057, 0.49151891469955444, -0.6553585529327393, 1.9660756587982178 },
        { 0.5, 51.7846146, 0.11586453020572662, -0.1544860452413559, 0.4634581208229065 },
        { INFINITY, 12, 0.4999999701976776, -0.6666666269302368, 1.9999998807907104 },
        { 0, 3, 2, -8.0 / 3, 8 }, /* the number of elements that are not 0 */
    };
    tg_scope scope = tg_scope_begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tg_tensor *a = tg_ones(tg_shape(2), .requires_grad = true), *b = tg_ones(tg_shape(1, 1), .requires_grad = true);
        tg_tensor_list all = tg_list(a, b, tg_ones(tg_shape(2), .requires_grad = true));
        give_gradient(a, (const double[]){ 3, -4 });
        give_gradient(b, (const double[]){ 12 });
        const double norm = tg_clip_grad_norm_(all, 2, .norm_type = cases[i][0]);
        assert_true(fabs(norm - cases[i][1]) < 1e-6 * norm);
        assert_values(tg_grad_of(a), &cases[i][2], 2, 1e-6);
        assert_values(tg_grad_of(b), &cases[i][4], 1, 1e-6);
    }
    tg_scope_end(scope);
}

TEST(test_clip_norm_edges)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = tg_ones(tg_shape(2), .requires_grad = true);
    assert_true(tg_clip_grad_norm_(tg_list(p), 1) == 0); /* no gradient */
    assert_true(tg_clip_grad_norm_(TG_NONE, 1) == 0);
    give_gradient(p, (const double[]){ 0.3, 0.4 });
    assert_true(fabs(tg_clip_grad_norm_(tg_list(p), 1) - 0.5) < 1e-7);
    VALUES(tg_grad_of(p), 1e-7, 0.3, 0.4); /* short enough: as it was */
    tg_clip_grad_norm_(tg_list(p), 0);
    VALUES(tg_grad_of(p), 0, 0, 0);
    give_gradient(p, (const double[]){ INFINITY, 1 });
    assert_true(isnan(tg_clip_grad_norm_(tg_list(p), 1, .error_if_nonfinite = true)));
    expect_error("clip_grad_norm_: The total norm of order 2 for gradients from `parameters` is non-finite");
    VALUES(tg_select(tg_grad_of(p), 0, 1), 0, 1);
    assert_true(isinf(tg_clip_grad_norm_(tg_list(p), 1, .error_if_nonfinite = false)));
    give_gradient(p, (const double[]){ NAN, 1 });
    assert_true(isnan(tg_clip_grad_norm_(tg_list(p), 1, .norm_type = INFINITY)));
    double values[2];
    tg_to_array(tg_grad_of(p), values, 2);
    assert_true(isnan(values[0]) && isnan(values[1]));
    give_gradient(p, (const double[]){ 3e30, 4e30 }); /* squares beyond float32 */
    assert_true(fabs(tg_clip_grad_norm_(tg_list(p), 1) / 5e30 - 1) < 1e-6);
    assert_true(isnan(tg_clip_grad_norm_(tg_list(p), 1, .norm_type = -1)));
    expect_error("norm_type -1 is not one");
    tg_tensor *strided = tg_requires_grad_(tg_ones(tg_shape(2, 3)), true);
    tg_set_grad(strided, tg_transpose(tg_ones(tg_shape(3, 2)), 0, 1));
    assert_true(fabs(tg_clip_grad_norm_(tg_list(strided), 1) - sqrt(6)) < 1e-12);
    tg_scope_end(scope);
}

TEST(test_clip_value)
{
    tg_scope scope = tg_scope_begin();
    tg_tensor *p = tg_ones(tg_shape(4), .requires_grad = true), *without = parameter(TG_FLOAT32);
    give_gradient(p, (const double[]){ 3, -4, 0.25, -INFINITY });
    assert_int_equal(tg_clip_grad_value_(tg_list(without, p), 0.5), TG_OK);
    VALUES(tg_grad_of(p), 0, 0.5, -0.5, 0.25, -0.5);
    give_gradient(p, (const double[]){ NAN, 1, 1, 1 });
    tg_clip_grad_value_(tg_list(p), 0);
    double values[4];
    tg_to_array(tg_grad_of(p), values, 4);
    assert_true(isnan(values[0]) && values[1] == 0);
    tg_scope_end(scope);
}

TEST(test_limits)
{
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
TEST(test_zero_and_infinity)
{
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

TEST(test_sizes)
{
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
TEST(test_powers)
{
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
TEST(test_beyond)
{
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
    const struct CMUnitTest tests[] = {
        T(test_clip_norm),         T(test_clip_norm_edges), T(test_clip_value), T(test_limits),
        T(test_zero_and_infinity), T(test_sizes),           T(test_powers),     T(test_beyond)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
