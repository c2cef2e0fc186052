/* test_ties.c: where operands are equal because they are one tensor, a function of both is smooth in it, and the gradients
 * they are given at the tie must add up to its derivative. PyTorch's do not everywhere. */
#include "tests/support/suite.h"
#include "tests/support/values.h"

#include <tapegrad.h>

static tg_tensor *leaf(const double *values, int64_t n)
{
    return tg_requires_grad_(tg_from_data(values, tg_shape(n)), true);
}

/* clamp(x, t, t) is t, whatever x is. */
TEST(test_clamp_to_one_bound)
{
    IN_SCOPE;
    tg_tensor *x = leaf((const double[]){ -1, 0.5, 3 }, 3), *t = leaf((const double[]){ 1, 1, 1 }, 3);
    tg_backward(tg_sum(tg_clamp_tensor(x, t, t)));
    VALUES(tg_grad_of(x), 0, 0, 0, 0);
    VALUES(tg_grad_of(t), 0, 1, 1, 1);
    tg_set_grad(t, NULL);
    tg_backward(tg_sum(tg_clamp_tensor(x, t, tg_mul(t, 2.0)))); /* 1 <= x <= 2 */
    VALUES(tg_grad_of(t), 0, 1, 1, 2);
    tg_scope_end(scope);
}

/* Where x is at a bound the gradient is x's, as in PyTorch. */
TEST(test_clamp_at_a_bound)
{
    IN_SCOPE;
    tg_tensor *x = leaf((const double[]){ 1, 2, 1 }, 3), *b = leaf((const double[]){ 1, 1, 1 }, 3);
    tg_tensor *c = leaf((const double[]){ 2, 2, 1 }, 3);
    tg_backward(tg_sum(tg_clamp_tensor(x, b, c)));
    VALUES(tg_grad_of(x), 0, 1, 1, 1);
    VALUES(tg_grad_of(b), 0, 0, 0, 0);
    VALUES(tg_grad_of(c), 0, 0, 0, 0);
    tg_scope_end(scope);
}

/* |x - x| is 0. */
TEST(test_smooth_l1_of_itself)
{
    IN_SCOPE;
    tg_tensor *x = leaf((const double[]){ -1, 0, 3 }, 3), *y = leaf((const double[]){ -1, 1, 2 }, 3);
    tg_backward(tg_smooth_l1_loss(x, x, .beta = 0, .reduction = TG_REDUCTION_SUM));
    VALUES(tg_grad_of(x), 0, 0, 0, 0);
    tg_set_grad(x, NULL);
    tg_backward(tg_smooth_l1_loss(x, y, .beta = 0, .reduction = TG_REDUCTION_SUM));
    VALUES(tg_grad_of(x), 0, 0, -1, 1);
    VALUES(tg_grad_of(y), 0, 0, 1, -1);
    tg_scope_end(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_clamp_to_one_bound),
        T(test_clamp_at_a_bound),
        T(test_smooth_l1_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
