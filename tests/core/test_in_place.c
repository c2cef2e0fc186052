/* test_in_place.c: writes under the tape: to what a node saved, to what a view shows, to leaves. Expected gradients are
 * worked out by hand. */
#include "ops/create.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/view.h"
#include "tests/support/suite.h"

#include "core/autograd.h"
#include "core/observe.h"
#include "core/scope.h"

static tg_tensor *leaf(double value) { return tg_scalar(value, .dtype = TG_FLOAT64, .requires_grad = true); }
static double grad(const tg_tensor *t) { return tg_item(tg_grad_of(t)); }

/* ---- in place ---- */

TEST(test_saved_value_overwritten)
{
    IN_SCOPE;
    tg_tensor *x = leaf(2), *h = tg_mul(x, 1), *y = tg_mul(h, h);
    tg_add_(h, 1);
    assert_int_equal(tg_backward(y), TG_FAILED);
    assert_non_null(strstr(tg_error_message(), "when at version 0"));
    expect_error("has been modified by an inplace operation");
    tg_scope_end(scope);
}

/* The error says which tensor it was by its name: a leaf's, that of what a node made (before it was written), or that of
 * what it is a view of. */
TEST(test_the_name_of_what_was_overwritten)
{
    IN_SCOPE;
    tg_tensor *w = tg_set_name(leaf(2), "w"), *h = tg_set_name(tg_mul(w, 3), "h"), *y = tg_mul(h, h);
    tg_add_(h, 1);
    tg_mul_(h, 2);
    assert_int_equal(tg_backward(y), TG_FAILED);
    expect_error("by an inplace operation: h was used by mul");
    tg_tensor *u = tg_ones(tg_shape(2, 2), .dtype = TG_FLOAT64, .requires_grad = true);
    tg_set_name(u, "u");
    tg_tensor *z = tg_mul(tg_transpose(u, 0, 1), leaf(1)), *one = tg_mul(leaf(1), w);
    {
        const tg_scope still = tg_no_grad_begin();
        tg_mul_(u, 2);
        tg_mul_(w, 2);
        tg_scope_end(still);
    }
    assert_int_equal(tg_backward(one), TG_FAILED);
    expect_error("by an inplace operation: w was used by mul");
    assert_int_equal(tg_backward(tg_sum(z)), TG_FAILED);
    expect_error("by an inplace operation: u was used by mul");
    tg_tensor *a = leaf(2), *b = tg_mul(a, 1), *nameless = tg_mul(b, b);
    tg_add_(b, 1);
    assert_int_equal(tg_backward(nameless), TG_FAILED);
    expect_error("by an inplace operation: it was used by mul");
    tg_scope_end(scope);
}

TEST(test_write_after_exp)
{
    IN_SCOPE;
    tg_tensor *x = leaf(0), *y = tg_exp(x), *z = tg_exp(y);
    tg_add_(z, 1); /* exp saved its result */
    assert_int_equal(tg_backward(z), TG_FAILED);
    expect_error("has been modified by an inplace operation");
    tg_scope_end(scope);
}

/* The edge of `z` was fixed when it was recorded: it means the old y. */
TEST(test_two_values_of_one_tensor)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3), *y = tg_mul(x, 2), *z = tg_add(y, 0);
    tg_mul_(y, 10);
    tg_backward(tg_add(z, y)); /* 2x + 20x */
    assert_true(tg_item(y) == 60 && grad(x) == 22);
    tg_scope_end(scope);
}

TEST(test_mul_in_place)
{
    IN_SCOPE;
    tg_tensor *x = leaf(3), *w = leaf(5), *y = tg_mul(x, 2);
    tg_mul_(y, w);
    tg_mul_(y, y); /* (2 x w)^2 */
    tg_backward(y);
    assert_true(grad(x) == 600 && grad(w) == 360);
    tg_scope_end(scope);
}

TEST(test_copy_and_fill)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(3), .dtype = TG_FLOAT64, .requires_grad = true),
              *w = tg_scalar(2.0, .requires_grad = true);
    tg_tensor *y = tg_mul(x, 2);
    tg_copy_(y, w); /* float32 into float64, broadcast */
    tg_backward(tg_sum(y));
    assert_null(tg_grad_of(x) && tg_item(tg_sum(tg_grad_of(x))) != 0 ? x : NULL);
    assert_true(grad(w) == 3);
    tg_tensor *z = tg_mul(x, 2);
    tg_fill_(z, 7);
    tg_set_grad(x, NULL);
    tg_backward(tg_sum(z));
    assert_true(tg_item(tg_sum(z)) == 21);
    assert_null(tg_grad_of(x));
    tg_scope_end(scope);
}

TEST(test_in_place_rules)
{
    IN_SCOPE;
    tg_tensor *w = tg_ones(tg_shape(2, 2), .requires_grad = true);
    assert_null(tg_add_(w, 1));
    expect_error("a leaf Variable that requires grad is being used in an in-place operation.");
    assert_null(tg_add_(tg_expand(tg_ones(tg_shape(2, 1)), tg_shape(2, 3)), 1));
    expect_error("more than one element of the written-to tensor refers to a single memory location");
    assert_null(tg_add_(tg_ones(tg_shape(3)), tg_ones(tg_shape(2, 3))));
    expect_error("output with shape [3] doesn't match the broadcast shape [2, 3]");
    assert_null(tg_add_(tg_ones(tg_shape(3), .dtype = TG_INT64), 1.5));
    expect_error("result type Float can't be cast to the desired output type Long");
    assert_null(tg_copy_(tg_select(tg_zeros(tg_shape(2, 2)), 0, 0), tg_select(w, 0, 0)));
    expect_error("a view is being written in place while gradients are recorded");
    const tg_scope quiet = tg_no_grad_begin();
    assert_non_null(tg_add_(tg_select(w, 0, 0), 1));
    tg_scope_end(quiet);
    assert_true(tg_item(tg_sum(w)) == 6);
    assert_int_equal(tg_version(w), 1);
    tg_scope_end(scope);
}

TEST(test_stale_view)
{
    IN_SCOPE;
    tg_tensor *x = tg_ones(tg_shape(2), .requires_grad = true), *base = tg_mul(x, 1), *view = tg_select(base, 0, 0);
    tg_tensor *plain = tg_ones(tg_shape(2)), *plain_view = tg_select(plain, 0, 0);
    tg_mul_(base, 3);
    assert_null(tg_mul(view, 2));
    expect_error("its history is out of date");
    assert_non_null(tg_mul(tg_select(base, 0, 0), 2));
    tg_add_(plain, x); /* plain has a history now; the view made before has none */
    assert_null(tg_mul(plain_view, 2));
    expect_error("its history is out of date");
    tg_scope_end(scope);
}

TEST(test_overlapping_source)
{
    IN_SCOPE;
    tg_tensor *m = tg_reshape(tg_arange(0, 4, 1), tg_shape(2, 2));
    tg_tensor *whole = tg_clone(m);
    tg_add_(whole, tg_t(whole));
    double values[4];
    tg_to_array(whole, values, 4);
    assert_true(values[0] == 0 && values[1] == 3 && values[2] == 3 && values[3] == 6);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_saved_value_overwritten),
        T(test_the_name_of_what_was_overwritten),
        T(test_write_after_exp),
        T(test_two_values_of_one_tensor),
        T(test_mul_in_place),
        T(test_copy_and_fill),
        T(test_in_place_rules),
        T(test_stale_view),
        T(test_overlapping_source),
    };
    return cmocka_run_group_tests_name("in place", tests, NULL, NULL);
}
